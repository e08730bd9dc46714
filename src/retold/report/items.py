"""Items as JSON Lines; errors by kind, and items on which two systems differ, as text, Markdown, CSV, LaTeX or JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from retold.layers.base import Item
from retold.model.annotations import encode
from retold.report.tables import ABSENT, TableFormat, as_json, one_line, table
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


def error_tables(errors: ErrorTables, style: TableFormat) -> list[tuple[str, str]]:
    """A (title, table) for each task, from ``retold.scoring.errors``."""
    found = []
    for task in dict.fromkeys([*_TABLES, *errors]):
        title, rows, columns = _TABLES.get(task, (task, "", None))
        if not (counted := errors.get(task)):
            continue
        heads = columns or sorted({column for cells in counted.values() for column in cells})
        body = [[row, *(str(cells.get(column, 0)) for column in heads)] for row, cells in counted.items()]
        found.append((f"errors: {title}", table([rows, *heads], body, style)))
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


def render_comparison(comparison: ItemComparison, style: str) -> str:
    """Render the items that one of two systems has right and the other wrong."""
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
    if body:
        sums = [[task, *map(str, amounts)] for task, amounts in comparison.tasks().items()]
        found = table(["task", "only a is right", "only b is right"], sums, kind) + "\n" + table(headers, body, kind)
    elif comparison.compared:
        found = _sentence("No difference: a and b are right on the same items.", kind)
    else:
        found = _sentence("Nothing to compare: a and b have no layer in common.", kind)
    return f"{_listed(names, kind)}\n{found}\n{_listed(notes, kind)}"


def _sentence(text: str, kind: TableFormat) -> str:
    return f"% {text}\n" if kind == "latex" else f"{text}\n"


def _row(flip: Flip, kind: TableFormat) -> list[str]:
    answers = [_format_answer(flip, flip.a, flip.a_verdict), _format_answer(flip, flip.b, flip.b_verdict)]
    context = flip.context if kind == "csv" else _short(flip.context)
    return [flip.task, flip.document_id, flip.item, flip.gold or ABSENT, *answers, flip.better, context]


def _format_answer(flip: Flip, answer: str, verdict: str) -> str:
    """An answer, with its verdict where both answers look the same."""
    text = answer or ABSENT
    return f"{text} ({verdict})" if verdict and flip.a == flip.b else text


def _names(comparison: ItemComparison) -> list[tuple[str, str]]:
    return [
        (side, f"{one_line(system.system)}, sha256 {system.submission['sha256']}")
        for side, system in (("a", comparison.a), ("b", comparison.b))
    ]


def _notes(comparison: ItemComparison) -> list[tuple[str, str]]:
    groups: dict[str, list[str]] = {}
    for layer, lacking in comparison.left_out.items():
        groups.setdefault(" or ".join(lacking), []).append(layer)
    return [
        *(("left out", f"{', '.join(layers)}, not given by {lacking}") for lacking, layers in groups.items()),
        ("signature", one_line(comparison.a.signature)),
    ]


def _listed(notes: Sequence[tuple[str, str]], kind: TableFormat) -> str:
    mark = {"markdown": "- ", "latex": "% "}.get(kind, "")
    return "".join(f"{mark}{name}: {text}\n" for name, text in notes)


def _short(context: str) -> str:
    text = one_line(context)
    return text if len(text) <= _CONTEXT else text[: _CONTEXT - 1] + "…"
