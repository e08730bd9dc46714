"""Tables, headings and notes as plain text, Markdown, CSV or LaTeX.

Cells are text; ``number`` and its siblings format values. LaTeX needs only the package booktabs.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from typing import Final, Literal

__all__ = [
    "TABLE_FORMATS",
    "TableFormat",
    "as_json",
    "format_exact",
    "heading",
    "interval",
    "listed",
    "number",
    "one_line",
    "table",
]

TableFormat = Literal["text", "markdown", "csv", "latex"]
TABLE_FORMATS: Final = ("text", "markdown", "csv", "latex")

#: Printed for an undefined or absent value.
ABSENT: Final = "–"

#: What a spreadsheet may take for the start of a formula, full-width forms included.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: Characters that reports print themselves, for LaTeX engines that do not read UTF-8.
_LATEX: Final = {"–": "--", "−": "$-$", "·": r"$\cdot$", "→": r"$\rightarrow$", "…": r"\ldots{}"}


def number(value: float | None, digits: int = 3) -> str:
    """A number for people, or a dash."""
    return ABSENT if value is None else f"{value:.{digits}f}"


def format_exact(value: float | None) -> str:
    """A number in full precision, for programs; nothing where there is none."""
    return "" if value is None else repr(value)


def interval(low: float | None, high: float | None) -> str:
    """An interval in print, or a dash."""
    return ABSENT if low is None else f"[{number(low)}, {number(high)}]"


def as_json(value: object) -> str:
    """A result as JSON."""
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def one_line(text: str) -> str:
    """Text from a user, on one line and without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], style: TableFormat) -> str:
    """Render a table. In CSV an absent cell is empty and no cell is a formula."""
    if style == "csv":
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([_inert(header) for header in headers])
        writer.writerows([[_inert(cell) for cell in row] for row in rows])
        return stream.getvalue()
    from tabulate import tabulate

    head, *cells = [[one_line(cell) for cell in row] for row in (headers, *rows)]
    if style == "markdown":
        head, *cells = [[cell.replace("\\", "\\\\").replace("|", "\\|") for cell in row] for row in (head, *cells)]
        return str(tabulate(cells, head, tablefmt="github", disable_numparse=True)) + "\n"
    if style == "latex":
        text = _typeset(tabulate(cells, head, tablefmt="latex_booktabs", disable_numparse=True))
        # Font encoding OT1 sets a bar as a dash.
        text = text.replace("|", r"\textbar{}")
        # LaTeX takes a bracket or a star after the end of a row, or after a rule, as an argument.
        return re.sub(r"(?m)^(\s*)(?=[\[*])", r"\1{}", text) + "\n"
    return str(tabulate(cells, head, tablefmt="simple", disable_numparse=True)) + "\n"


def heading(text: str, style: TableFormat, level: int) -> str:
    """A heading of level 1 or 2; in LaTeX a comment."""
    title = one_line(text)
    if style == "markdown":
        return f"{'#' * level} {title}\n"
    if style == "latex":
        return f"% {_typeset(title)}"
    return f"{title}\n{('=' if level == 1 else '-') * len(title)}\n"


def listed(lines: Iterable[str], style: TableFormat) -> str:
    """Notes, one a line: a list in Markdown, comments in LaTeX."""
    mark = {"markdown": "- ", "latex": "% "}.get(style, "")
    return "".join(f"{mark}{_typeset(line) if style == 'latex' else line}\n" for line in map(one_line, lines))


def _typeset(text: str) -> str:
    for character, written in _LATEX.items():
        text = text.replace(character, written)
    return text


def _inert(cell: str) -> str:
    """A cell that no spreadsheet runs: text that starts like a formula gets an apostrophe (OWASP, "CSV Injection")."""
    if cell == ABSENT:
        return ""
    # The csv module does not quote a lone carriage return, which would start a new row.
    text = cell.replace("\r\n", "\n").replace("\r", "\n")
    if cell.startswith(_FORMULA):
        try:
            float(cell)
        except ValueError:
            return f"'{text}"
    return text
