"""Items as JSON Lines; errors by kind, and items on which two systems differ, as text, Markdown, CSV, LaTeX or JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from retold.layers.base import Item
from retold.model.annotations import encode
from retold.model.display import one_line
from retold.report.tables import ABSENT, WIDTH, Page, as_json, table
from retold.scoring.compare import Flip, ItemComparison
from retold.scoring.evaluate import Score

__all__ = ["ErrorTables", "error_tables", "item_lines", "render_comparison"]

ErrorTables = Mapping[str, Mapping[str, Mapping[str, int]]]

#: Task -> title, what its rows are, and its columns; None for those that occur.
_TABLES: Final[dict[str, tuple[str, str, tuple[str, ...] | None]]] = {
    "mention": ("mentions", "type", ("correct", "boundary", "type", "boundary and type", "kind", "missed", "spurious")),
    "linking": ("links", "mentions", ("correct", "link", "missed", "spurious")),
    "stance": ("stance, gold → predicted", "target", None),
    "claim": ("claims", "source", ("correct", "source", "overlap", "merged", "missed", "split", "spurious")),
    "verification": ("verification, gold by predicted", "gold", None),
}
_CONTEXT: Final = 100


def error_tables(errors: ErrorTables) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Title, headers and rows for each task, from ``retold.scoring.errors``."""
    for task in dict.fromkeys([*_TABLES, *errors]):
        title, rows, columns = _TABLES.get(task, (task, "", None))
        if counted := errors.get(task):
            heads = columns or sorted({column for cells in counted.values() for column in cells})
            body = [[row, *(str(cells.get(column, 0)) for column in heads)] for row, cells in counted.items()]
            yield f"errors: {title}", [rows, *heads], body


def item_lines(score: Score, items: Iterable[Item]) -> Iterator[bytes]:
    """Lines of the file that ``retold score --items`` writes: what was scored, then the items.

    Only the first line has a ``signature``, and it has no ``task``.
    """
    header = {
        "signature": score.signature,
        "system": score.system,
        "corpus": score.corpus,
        "submission": score.submission,
    }
    yield msgspec.json.encode(header) + b"\n"
    for item in items:
        yield encode(item) + b"\n"


def render_comparison(comparison: ItemComparison, style: str, *, verbose: bool = False, width: int = WIDTH) -> str:
    """Render the items that one of two systems has right and the other wrong; text with context where ``verbose``."""
    if style == "json":
        return as_json(comparison.as_dict())
    headers = ["task", "document", "item", "gold", "a", "b", "better", "context"]
    body = [_row(flip, style) for flip in comparison.flips]
    names, notes = _names(comparison), _notes(comparison)
    if style == "csv":
        # As rows, so that they appear even where there is no flip.
        rest = [[*note, *[""] * (len(headers) - 2)] for note in (*names, *notes)]
        return table(headers, [*body, *rest], "csv")
    page = Page(style, width)
    page.notes(f"{name}: {text}" for name, text in names)
    if body:
        sums = [[task, *map(str, amounts)] for task, amounts in comparison.tasks().items()]
        page.table(["task", "only a is right", "only b is right"], sums)
    else:
        alike = "No difference: a and b are right on the same items."
        page.sentence(alike if comparison.compared else "Nothing to compare: a and b have no layer in common.")
    more = []
    if page.style != "text":
        page.table(headers, body)
    elif body:
        # A table a task: what is compared is short in some and a sentence in others.
        shown = slice(1, None if verbose else -1)
        for task in dict.fromkeys(row[0] for row in body):
            page.table(headers[shown], [row[shown] for row in body if row[0] == task], task)
        more = [] if verbose else ["--verbose shows each item in its context."]
    page.notes([*more, *(f"{name}: {text}" for name, text in notes)])
    return str(page)


def _row(flip: Flip, style: str) -> list[str]:
    absent, context = ("", flip.context) if style == "csv" else (ABSENT, _short(flip.context))
    answers = [
        _format_answer(flip, flip.a, flip.a_verdict, absent),
        _format_answer(flip, flip.b, flip.b_verdict, absent),
    ]
    return [flip.task, flip.document_id, flip.item, flip.gold or absent, *answers, flip.better, context]


def _format_answer(flip: Flip, answer: str, verdict: str, absent: str) -> str:
    """An answer, with its verdict where both answers look the same."""
    text = answer or absent
    return f"{text or ABSENT} ({verdict})" if verdict and flip.a == flip.b else text


def _names(comparison: ItemComparison) -> list[tuple[str, str]]:
    return [
        (side, f"{system.system}, sha256 {system.submission['sha256']}")
        for side, system in (("a", comparison.a), ("b", comparison.b))
    ]


def _notes(comparison: ItemComparison) -> list[tuple[str, str]]:
    groups: dict[str, list[str]] = {}
    for layer, lacking in comparison.left_out.items():
        groups.setdefault(" or ".join(lacking), []).append(layer)
    return [
        *(("left out", f"{', '.join(layers)}, not given by {lacking}") for lacking, layers in groups.items()),
        ("signature", comparison.a.signature),
    ]


def _short(context: str) -> str:
    text = one_line(context)
    return text if len(text) <= _CONTEXT else text[: _CONTEXT - 1] + "…"
