"""The difference of two releases as text, Markdown or JSON."""

from __future__ import annotations

import json
from typing import Final

from retold.corpus.diff import Change, Changes
from retold.report.tables import WIDTH, Page, as_json

__all__ = ["FORMATS", "render_changes", "summary_rows"]

FORMATS: Final = ("text", "markdown", "json")


def render_changes(changes: Changes, style: str, width: int = WIDTH) -> str:
    """Render the difference of two releases in one of ``FORMATS``: counts, then every change."""
    if style == "json":
        return as_json(changes.as_dict())
    if not changes.changes and not changes.format_changed:
        return "no difference in labels, texts or keys\n"
    page = Page(style, width)
    page.sentence(f"{changes.old or 'old'} to {changes.new or 'new'}: at least a {changes.bump} version")
    page.table(["part", "added", "removed", "changed"], summary_rows(changes))
    page.table(["part", "key", "kind", "what"], [[c.part, c.key, c.kind, _brief(c)] for c in changes.changes])
    return str(page)


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
