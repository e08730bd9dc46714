"""The list of systems as text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from retold.systems import Entry

__all__ = ["render_systems"]


def render_systems(entries: Sequence[Entry]) -> str:
    """Each system with its protocol, the extra that it needs, and its description."""
    width = max((len(entry.name) for entry in entries), default=0) + 2
    lines = []
    for entry in entries:
        extra = f" (pip install 'retold[{entry.extra}]')" if entry.extra else ""
        lines.append(f"{entry.name:<{width}}{entry.protocol}{extra}")
        if entry.description:
            indent = " " * width
            lines.append(textwrap.fill(entry.description, 100, initial_indent=indent, subsequent_indent=indent))
    return "\n".join(lines) + "\n"
