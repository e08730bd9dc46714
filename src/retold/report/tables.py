"""Tables, headings and notes as plain text, Markdown, CSV or LaTeX.

Cells are text; ``number`` and its siblings format values, ``escape`` writes what others chose so that no format acts on
it. Plain text fits a width: headers and words wrap, and columns that still do not fit come below, beside the first
column again. LaTeX needs only the package booktabs.
"""

from __future__ import annotations

import csv
import io
import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Final, Literal

from retold.model.display import CELL, NOTE, brief, columns, visible

__all__ = [
    "WIDTH",
    "Markup",
    "Page",
    "TableFormat",
    "as_json",
    "escape",
    "format_exact",
    "interval",
    "number",
    "table",
    "wrapped",
]

TableFormat = Literal["text", "markdown", "csv", "latex"]
#: Columns of plain text where no terminal says how many it has, and the least that tables are laid out for.
WIDTH: Final = 100
_LEAST: Final = 50
#: A column of words is not made narrower than this; one of numbers not at all up to that, the first up to more.
_WORDS: Final = 12
_SHORT: Final = 24

#: Printed for an undefined or absent value.
ABSENT: Final = "–"

#: What a spreadsheet may take for the start of a formula, full-width forms included.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: Characters that reports print themselves, for LaTeX engines that do not read UTF-8.
_LATEX: Final = {"–": "--", "−": "$-$", "·": r"$\cdot$", "→": r"$\rightarrow$", "…": r"\ldots{}"}
#: What Markdown acts on inside a line. An underscore between letters, a bracket that no target follows and an ampersand
#: before a blank are plain there.
_MARKDOWN: Final = re.compile(
    r"[\\`*<~#$]|\](?=[(\[:])|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|(?<=:)/(?=/)|(?<=www)\.",
    re.IGNORECASE,
)
_GITHUB: Final = re.compile(r"@(?=\w)|(?<![\w:]):(?=[\w+-]+:(?!:))")


class Markup(str):
    """Text that is Markdown already."""


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
    """A result as JSON, in which characters that a terminal acts on are escapes."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    return re.sub(r"[^ -~\n\xa0]", lambda c: c[0] if c[0].isprintable() else json.dumps(c[0])[1:-1], text)


def escape(text: str, style: TableFormat, limit: int = CELL) -> str:
    """Text from a user, on one line and bounded, so that the format takes it as text; in CSV it is kept whole."""
    if style == "csv":
        return _inert(text)
    if isinstance(text, Markup):
        return text
    text = brief(text, limit)
    if style == "markdown":
        # GitHub finds mentions, addresses and emoji in the text that is left, where a backslash is gone already.
        return _GITHUB.sub(r"\g<0><!-- -->", _MARKDOWN.sub(r"\\\g<0>", text))
    return _typeset(text) if style == "latex" else text


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], style: TableFormat, width: int = WIDTH) -> str:
    """Render a table. In CSV no cell is a formula; plain text fits ``width`` columns."""
    if style == "csv":
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows([[_inert(cell) for cell in row] for row in (headers, *rows)])
        return stream.getvalue()
    if style == "text":
        return _plain([[escape(cell, style) for cell in row] for row in (headers, *rows)], max(width, _LEAST))
    from tabulate import tabulate

    if style == "markdown":
        head, *cells = [[escape(cell, style).replace("|", "\\|") for cell in row] for row in (headers, *rows)]
        return str(tabulate(cells, head, tablefmt="github", disable_numparse=True)) + "\n"
    # tabulate escapes what LaTeX acts on, but for a bar, which the font encoding OT1 sets as a dash.
    head, *cells = [[brief(cell) for cell in row] for row in (headers, *rows)]
    text = _typeset(tabulate(cells, head, tablefmt="latex_booktabs", disable_numparse=True))
    # LaTeX takes a bracket or a star after the end of a row, or after a rule, as an argument.
    return re.sub(r"(?m)^(\s*)(?=[\[*])", r"\1{}", text.replace("|", r"\textbar{}")) + "\n"


class Page:
    """A report in one format, written part by part; text fits a width."""

    def __init__(self, style: str, width: int = WIDTH) -> None:
        self.style: TableFormat = "text" if style == "table" else style  # type: ignore[assignment]
        self.width = width
        self._parts: list[str] = []

    def heading(self, text: str, level: int = 2) -> None:
        """Add a heading; in LaTeX a comment."""
        title = escape(text, self.style)
        if self.style == "markdown":
            title = f"{'#' * level} {title}\n"
        elif self.style == "latex":
            title = f"% {title}"
        else:
            title = f"{title}\n{'-='[level == 1] * min(columns(title), WIDTH)}\n"
        self._parts.append(title)

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> None:
        """Add a table below its title; nothing where there are no rows."""
        if rows and title:
            self.heading(title)
        if rows:
            self._parts.append(table(headers, rows, self.style, self.width))

    def notes(self, lines: Iterable[str]) -> None:
        """Add notes, one a line: a list in Markdown, comments in LaTeX; a signature stays whole."""
        mark = {"markdown": "- ", "latex": "% "}.get(self.style, "")
        notes = [escape(line, self.style, NOTE) for line in lines]
        if self.style == "text":
            notes = [line for note in notes for line in _lines(note, self.width)]
        self._parts.append("".join(f"{mark}{note}\n" for note in notes))

    def sentence(self, text: str) -> None:
        self._parts.append(f"{'% ' if self.style == 'latex' else ''}{escape(text, self.style)}\n")

    def __str__(self) -> str:
        return "\n".join(self._parts)


def wrapped(text: str, width: int = WIDTH) -> str:
    """Paragraphs of plain text, filled."""
    return "\n".join(textwrap.fill(visible(line), max(width, _LEAST)) for line in text.splitlines()) + "\n"


def _lines(note: str, width: int) -> list[str]:
    if note.startswith("signature: "):
        return [note]
    if columns(note) != len(note):
        # textwrap counts characters.
        first, *rest = _fold(note, max(width, _LEAST) - 2)
        return [first, *(f"  {line}" for line in rest)]
    return textwrap.wrap(note, max(width, _LEAST), subsequent_indent="  ", break_on_hyphens=False) or [""]


# Plain text


def _plain(cells: list[list[str]], width: int) -> str:
    """Rows of cells, the first of them headers, as blocks of columns that fit."""
    natural, least, groups = [], [], []
    for head, *body in zip(*cells, strict=True):
        given = max(map(columns, body), default=0)
        natural.append(max(columns(head), given))
        if len(natural) == 1:
            short = given <= max(_SHORT, min(3 * width // 5, width - _SHORT - 2))
        else:
            short = given <= _SHORT and not any(c.isalpha() for cell in body for c in cell.replace(" to ", ""))
        pieces = min(max(map(columns, re.split(r"(?<=[. ])", head))), _SHORT)
        least.append(max(pieces, given) if short else min(natural[-1], max(_WORDS, pieces)))
        groups.append(head.partition(".")[0] if "." in head else "")
    blocks = [list(range(len(natural)))]
    if _total(least) > width:
        # Measures of one layer stay together, beside what the rows are.
        blocks = [[0]]
        for at in range(1, len(natural)):
            fits = _total(least[each] for each in (*blocks[-1], at)) <= width
            if len(blocks[-1]) > 1 and (not fits or groups[at] != groups[at - 1]):
                blocks.append([0])
            blocks[-1].append(at)
    return "\n".join("".join(_block(cells, block, natural, least, width)) for block in blocks)


def _total(sizes: Iterable[int]) -> int:
    return sum(size + 2 for size in sizes) - 2


def _block(cells: list[list[str]], block: list[int], natural: list[int], least: list[int], width: int) -> Iterator[str]:
    sizes = {at: natural[at] for at in block}
    # Room is taken from the widest column first, and from short ones last.
    for keep in (_SHORT, 0):
        while _total(sizes.values()) > width and (
            room := [at for at in block if sizes[at] > max(least[at], min(keep, natural[at]))]
        ):
            sizes[max(room, key=sizes.__getitem__)] -= 1
    for number, row in enumerate(cells):
        for line in zip_longest(*(_fold(row[at], sizes[at]) for at in block), fillvalue=""):
            padded = (cell + " " * (size - columns(cell)) for cell, size in zip(line, sizes.values(), strict=True))
            yield "  ".join(padded).rstrip() + "\n"
        if not number:
            yield "  ".join("-" * size for size in sizes.values()) + "\n"


def _fold(text: str, size: int) -> list[str]:
    """Lines of at most ``size`` columns, broken at blanks, else at marks inside a name, else anywhere."""
    lines = [""]

    def put(pieces: Iterable[str], finer: Sequence[str]) -> None:
        for piece in pieces:
            if columns(lines[-1] + piece.rstrip()) <= size:
                lines[-1] += piece
            elif columns(piece.rstrip()) <= size:
                lines.append(piece)
            else:
                put(re.split(finer[0], piece) if finer else piece, finer[1:])

    put(re.split(r"(?<= )", text), (r"(?<=[._/-])",))
    return [line.rstrip() for line in lines if line] or [""]


# Escapes


def _typeset(text: str) -> str:
    for character, written in _LATEX.items():
        text = text.replace(character, written)
    return text


def _inert(cell: str) -> str:
    """A cell that no spreadsheet runs: text that starts like a formula gets an apostrophe (OWASP, "CSV Injection")."""
    # The csv module does not quote a lone carriage return, which would start a new row.
    text = cell.replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(c if c in "\t\n\xa0" else visible(c) for c in text)
    if cell.lstrip().lstrip(";,").lstrip().startswith(_FORMULA) or cell.startswith(_FORMULA):
        try:
            float(cell)
        except ValueError:
            return f"'{text}"
    return text
