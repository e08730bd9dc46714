"""The list of systems as text."""

from __future__ import annotations

from collections.abc import Sequence

from retold.report.tables import WIDTH, table
from retold.systems import Entry

__all__ = ["render_systems"]


def render_systems(entries: Sequence[Entry], width: int = WIDTH) -> str:
    """Each system with its protocol, the extra that it needs, and its description."""
    rows = []
    for entry in entries:
        extra = f"(pip install 'retold[{entry.extra}]') " if entry.extra else ""
        rows.append([entry.name, entry.protocol, f"{extra}{entry.description}"])
    return table(["system", "protocol", "description"], rows, "text", width)
