"""Errors by kind, and items on which two systems differ, as text, Markdown, CSV, LaTeX or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from retold.report.tables import TableFormat, one_line, table
from retold.scoring import Flip

__all__ = ["ErrorTables", "error_tables", "render_flips"]

ErrorTables = Mapping[str, Mapping[str, Mapping[str, int]]]

#: Task -> title, what its rows are, and its columns in the order of a reader's questions; None for those that occur.
_TABLES: Final[dict[str, tuple[str, str, tuple[str, ...] | None]]] = {
    "mention": ("mentions", "type", ("correct", "boundary", "type", "boundary and type", "missed", "spurious")),
    "linking": ("links", "mentions", ("correct", "link", "missed", "spurious")),
    "stance": ("stance, gold → predicted", "target", None),
    "claim": (
        "claims",
        "source",
        ("correct", "source", "overlap", "merged", "missed", "split", "spurious"),
    ),
    "verification": ("verification, gold by predicted", "gold", None),
}
_CONTEXT: Final = 100


def error_tables(errors: ErrorTables, style: TableFormat) -> list[tuple[str, str]]:
    """A (title, table) for each task, from ``retold.scoring.errors``."""
    found = []
    for task, (title, rows, columns) in _TABLES.items():
        counted = errors.get(task)
        if not counted:
            continue
        shown = columns or sorted({column for cells in counted.values() for column in cells})
        body = [[row, *(str(cells.get(column, 0)) for column in shown)] for row, cells in counted.items()]
        found.append((f"errors: {title}", table([rows, *shown], body, style)))
    return found


def render_flips(a: str, b: str, flips: Sequence[Flip], style: str) -> str:
    """Items that one of the systems ``a`` and ``b`` has right and the other wrong."""
    if style == "json":
        rows = [msgspec.to_builtins(flip) for flip in flips]
        return json.dumps({"a": a, "b": b, "flips": rows}, ensure_ascii=False, indent=2) + "\n"
    kind: TableFormat = "text" if style == "table" else style  # type: ignore[assignment]
    headers = ["task", "document", "item", "gold", f"a: {a}", f"b: {b}", "better", "context"]
    body = []
    for flip in flips:
        answers = [each or "–" for each in (flip.gold, flip.a, flip.b)]
        context = flip.context if kind == "csv" else _short(flip.context)
        body.append([flip.task, flip.document_id, flip.item, *answers, flip.better, context])
    listed = table([one_line(header) for header in headers], body, kind)
    if kind == "csv":
        return listed
    tasks = list(dict.fromkeys(flip.task for flip in flips))
    sums = [
        [task, *(str(sum(flip.task == task and flip.better == side for flip in flips)) for side in "ab")]
        for task in tasks
    ]
    return table(["task", "only a is right", "only b is right"], sums, kind) + "\n" + listed


def _short(context: str) -> str:
    text = one_line(context)
    return text if len(text) <= _CONTEXT else text[: _CONTEXT - 1] + "…"
