"""Tables of cells as plain text, Markdown, CSV or LaTeX. Cells come as text; numbers are written by ``number``."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Final, Literal

__all__ = ["TABLE_FORMATS", "TableFormat", "number", "one_line", "table"]

TableFormat = Literal["text", "markdown", "csv", "latex"]
TABLE_FORMATS: Final = ("text", "markdown", "csv", "latex")

#: What stands where a value is undefined or was not competed for.
ABSENT: Final = "–"


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

    cells = [[one_line(cell) for cell in row] for row in rows]
    if style == "markdown":
        cells = [[cell.replace("\\", "\\\\").replace("|", "\\|") for cell in row] for row in cells]
        return str(tabulate(cells, headers, tablefmt="github", disable_numparse=True)) + "\n"
    kind = "latex_booktabs" if style == "latex" else "simple"
    return str(tabulate(cells, headers, tablefmt=kind, disable_numparse=True)) + "\n"


def _inert(cell: str) -> str:
    """A cell that spreadsheets do not run: text that begins like a formula gets an apostrophe, numbers stay."""
    if cell == ABSENT:
        return ""
    # A return alone would not be quoted and would begin a new row.
    text = cell.replace("\r\n", "\n").replace("\r", "\n")
    if cell[:1] in ("=", "+", "-", "@", "\t", "\r"):
        try:
            float(cell)
        except ValueError:
            return f"'{text}"
    return text
