"""Tables of cells, headings and notes as plain text, Markdown, CSV or LaTeX.

Cells come as text; numbers are written by ``number``. LaTeX needs the package booktabs and nothing else.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final, Literal

__all__ = ["TABLE_FORMATS", "TableFormat", "heading", "listed", "number", "one_line", "table"]

TableFormat = Literal["text", "markdown", "csv", "latex"]
TABLE_FORMATS: Final = ("text", "markdown", "csv", "latex")

#: What stands where a value is undefined, or where there is none to give.
ABSENT: Final = "–"

#: What a spreadsheet may take for the beginning of a formula, full-width forms included.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: Characters that reports write themselves, for engines that read no UTF-8.
_LATEX: Final = {"–": "--", "−": "$-$", "·": r"$\cdot$", "→": r"$\rightarrow$", "…": r"\ldots{}"}


def number(value: float | None, digits: int = 3) -> str:
    """A number for people, or a dash."""
    return ABSENT if value is None else f"{value:.{digits}f}"


def one_line(text: str) -> str:
    """Text that somebody else chose, on one line and without characters that a terminal or a page would act on."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], style: TableFormat) -> str:
    """Render a table, with a line end. In CSV an absent cell is empty, and no cell can act as a formula."""
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
        # The old font encoding has a dash in the place of the bar.
        text = text.replace("|", r"\textbar{}")
        # A bracket or a star right after the end of a row, or after a rule, would be taken for its argument.
        return re.sub(r"(?m)^(\s*)(?=[\[*])", r"\1{}", text) + "\n"
    return str(tabulate(cells, head, tablefmt="simple", disable_numparse=True)) + "\n"


def heading(text: str, style: TableFormat, level: int) -> str:
    """A heading of level 1 or 2, with a line end; in LaTeX a comment."""
    title = one_line(text)
    if style == "markdown":
        return f"{'#' * level} {title}\n"
    if style == "latex":
        return f"% {_typeset(title)}"
    return f"{title}\n{('=' if level == 1 else '-') * len(title)}\n"


def listed(lines: Iterable[str], style: TableFormat) -> str:
    """Notes, one in each line: items of a list in Markdown, which would join plain lines, comments in LaTeX."""
    mark = {"markdown": "- ", "latex": "% "}.get(style, "")
    return "".join(f"{mark}{_typeset(line) if style == 'latex' else line}\n" for line in map(one_line, lines))


def _typeset(text: str) -> str:
    for character, written in _LATEX.items():
        text = text.replace(character, written)
    return text


def _inert(cell: str) -> str:
    """A cell that spreadsheets do not run: text that begins like a formula gets an apostrophe, numbers stay."""
    if cell == ABSENT:
        return ""
    # A return alone would not be quoted and would begin a new row.
    text = cell.replace("\r\n", "\n").replace("\r", "\n")
    if cell.startswith(_FORMULA):
        try:
            float(cell)
        except ValueError:
            return f"'{text}"
    return text
