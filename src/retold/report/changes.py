"""The difference of two releases as text, Markdown or JSON."""

from __future__ import annotations

import json
from typing import Final

from retold.corpus.diff import Change, Changes
from retold.report.tables import WIDTH, TableFormat, as_json, escape, table

__all__ = ["FORMATS", "render_changes", "summary_rows"]

FORMATS: Final = ("text", "markdown", "json")


def render_changes(changes: Changes, style: str, width: int = WIDTH) -> str:
    """Render the difference of two releases in one of ``FORMATS``: counts, then every change."""
    if style == "json":
        return as_json(changes.as_dict())
    kind: TableFormat = style  # type: ignore[assignment]
    if not changes.changes and not changes.format_changed:
        return "no difference in labels, texts or keys\n"
    head = escape(f"{changes.old or 'old'} to {changes.new or 'new'}: at least a {changes.bump} version", kind)
    counts = table(["part", "added", "removed", "changed"], summary_rows(changes), kind, width)
    rows = [[change.part, change.key, change.kind, _brief(change)] for change in changes.changes]
    return f"{head}\n\n{counts}\n{table(['part', 'key', 'kind', 'what'], rows, kind, width)}"


def summary_rows(changes: Changes) -> list[list[str]]:
    """One row for each part in which something changed: added, removed, changed."""
    return [
        [part, *(str(kinds[kind]) for kind in ("added", "removed", "changed"))]
        for part, kinds in changes.counts().items()
    ]


def _brief(change: Change) -> str:
    def short(value: object) -> str:
        text = json.dumps(value, ensure_ascii=False)
        return text if len(text) <= 90 else f"{text[:87]}..."

    if change.kind == "added":
        return short(change.after)
    if change.kind == "removed":
        return short(change.before)
    keys = [key for key in {**change.before, **change.after} if change.before.get(key) != change.after.get(key)]
    return "; ".join(f"{key}: {short(change.before.get(key))} -> {short(change.after.get(key))}" for key in keys)
