"""Text that others wrote, made fit to print, and the short form of results in Python shells and notebooks."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Sequence
from typing import Final

__all__ = ["CELL", "NOTE", "Summary", "brief", "columns", "counted", "estimate", "one_line", "visible"]

#: Printable by their category, but blank: a name may not hide behind them.
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
#: Longest cell and longest note that are printed.
CELL: Final = 400
NOTE: Final = 10_000
#: Lines of a ``repr``.
_LINES: Final = 10


def visible(text: str) -> str:
    """``text`` with controls, direction marks and all else that is not seen, or that a terminal acts on, as escapes."""
    if text.isprintable() and _BLANK.isdisjoint(text):
        return text
    return "".join(c if c.isprintable() and c not in _BLANK else c.encode("unicode_escape").decode() for c in text)


def one_line(text: str) -> str:
    """Text from a user on one line: white space as single blanks, the rest as by ``visible``."""
    return visible(" ".join(text.split()))


def brief(text: str, limit: int = CELL) -> str:
    """``one_line``, cut in the middle where it is longer than ``limit`` characters."""
    # What is of many megabytes is not looked at in full.
    shown = one_line(text if len(text) <= 2 * limit else f"{text[:limit]}{text[-limit:]}")
    return shown if len(shown) <= limit else f"{shown[: limit - limit // 3 - 1]}…{shown[-(limit // 3) :]}"


def columns(text: str) -> int:
    """Width in a terminal: combining characters take no column, wide ones two."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) or c in "\ufe0e\ufe0f" else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )


def counted(count: int, noun: str, plural: str = "") -> str:
    """``1 error``, ``2 errors``."""
    return f"{count} {noun}" if count == 1 else f"{count} {plural or noun + 's'}"


def estimate(value: float | None, low: float | None, high: float | None) -> str:
    """A value with its interval, or a dash."""
    if value is None:
        return "–"
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"


class Summary:
    """A result that shows itself in few lines: a title, and rows of a name and a text."""

    __slots__ = ()

    def _summary(self) -> tuple[str, Sequence[tuple[str, str]]]:
        raise NotImplementedError

    def _shown(self) -> tuple[str, list[tuple[str, str]]]:
        title, rows = self._summary()
        kept = [(brief(name, 40), brief(text, 160)) for name, text in rows]
        if len(kept) > _LINES - 1:
            kept = [*kept[: _LINES - 2], ("…", f"{len(kept) - _LINES + 2} more")]
        return brief(title, 160), kept

    def __repr__(self) -> str:
        title, rows = self._shown()
        width = max((columns(name) for name, _ in rows), default=0)
        return "\n".join([title, *(f"  {name}{' ' * (width - columns(name))}  {text}" for name, text in rows)])

    def _repr_html_(self) -> str:
        title, rows = self._shown()
        cells = "".join(f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>" for name, text in rows)
        return f"<table><caption>{html.escape(title)}</caption><tbody>{cells}</tbody></table>"
