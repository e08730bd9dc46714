"""Items as JSON Lines; errors by kind, and items on which two systems differ, as text, Markdown, CSV, LaTeX or JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from retold.layers.base import Item
from retold.model.annotations import encode
from retold.model.display import one_line
from retold.report.tables import ABSENT, WIDTH, TableFormat, as_json, heading, listed, table
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


def error_tables(errors: ErrorTables, style: TableFormat, width: int = WIDTH) -> list[tuple[str, str]]:
    """A (title, table) for each task, from ``retold.scoring.errors``."""
    found = []
    for task in dict.fromkeys([*_TABLES, *errors]):
        title, rows, columns = _TABLES.get(task, (task, "", None))
        if not (counted := errors.get(task)):
            continue
        heads = columns or sorted({column for cells in counted.values() for column in cells})
        body = [[row, *(str(cells.get(column, 0)) for column in heads)] for row, cells in counted.items()]
        found.append((f"errors: {title}", table([rows, *heads], body, style, width)))
    return found


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
    kind: TableFormat = "text" if style == "table" else style  # type: ignore[assignment]
    headers = ["task", "document", "item", "gold", "a", "b", "better", "context"]
    body = [_row(flip, kind) for flip in comparison.flips]
    names, notes = _names(comparison), _notes(comparison)
    if kind == "csv":
        # As rows, so that they appear even where there is no flip.
        rest = [[*note, *[""] * (len(headers) - 2)] for note in (*names, *notes)]
        return table(headers, [*body, *rest], kind)
    parts = [_listed(names, kind, width)]
    if body:
        sums = [[task, *map(str, amounts)] for task, amounts in comparison.tasks().items()]
        parts.append(table(["task", "only a is right", "only b is right"], sums, kind, width))
        if kind != "text":
            parts.append(table(headers, body, kind))
        for task in dict.fromkeys(row[0] for row in body) if kind == "text" else ():
            # A table a task: what is compared is short in some and a sentence in others.
            shown = slice(1, None if verbose else -1)
            rows = [row[shown] for row in body if row[0] == task]
            parts += [heading(task, kind, 2), table(headers[shown], rows, kind, width)]
    else:
        alike = "No difference: a and b are right on the same items."
        said = alike if comparison.compared else "Nothing to compare: a and b have no layer in common."
        parts.append(f"{'% ' if kind == 'latex' else ''}{said}\n")
    more = "--verbose shows each item in its context.\n" if body and kind == "text" and not verbose else ""
    return "\n".join([*parts, more + _listed(notes, kind, width)])


def _row(flip: Flip, kind: TableFormat) -> list[str]:
    absent, context = ("", flip.context) if kind == "csv" else (ABSENT, _short(flip.context))
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


def _listed(notes: Sequence[tuple[str, str]], kind: TableFormat, width: int) -> str:
    return listed((f"{name}: {text}" for name, text in notes), kind, width)


def _short(context: str) -> str:
    text = one_line(context)
    return text if len(text) <= _CONTEXT else text[: _CONTEXT - 1] + "…"
