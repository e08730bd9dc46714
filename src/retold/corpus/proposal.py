"""Proposed zones, paragraphs and sentences of a plain text, for annotators to correct.

The proposal follows the usual layout of news pages: a short first line is the title; lines with an author, a date or a
source are byline; lines that ask to share or subscribe are boilerplate; every other line is a paragraph of the body.
A line that goes on in the middle of a sentence is part of the paragraph before it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Final

import msgspec

from retold.model.annotations import Span, Zone, ZoneName
from retold.model.segment import ANNOTATED_ZONES

__all__ = ["propose"]

_TITLE_LENGTH: Final = 160
_BYLINE_LENGTH: Final = 100
_NOTICE_LENGTH: Final = 140
#: A text whose longest line is longer is not hard-wrapped.
_WRAP_WIDTH: Final = 120
_MONTHS: Final = (
    "jan|feb|mar|apr|may|mei|jun|jul|aug|agu|sep|oct|okt|nov|dec|des"  # English and Indonesian, first three letters
)
_DATE: Final = (
    rf"((?:\w+,? )?(\d{{4}}-\d\d-\d\d|\d{{1,2}} ({_MONTHS})\w* \d{{4}}|({_MONTHS})\w* \d{{1,2}},? \d{{4}})\b"
    r"\W*(\d{1,2}[:.]\d\d.{0,20})?$)"
)
#: A label and what it labels, a date, or a verb with a date.
_BYLINE: Final = re.compile(
    rf"((written )?by|oleh|author|penulis|reporter|editor|source|sumber)s?\s*[:|–—-]\s|{_DATE}"
    rf"|(published|updated|posted|diterbitkan|dipublikasikan)\b(\s*:|( \w+)?:? {_DATE})",
    re.I,
)
#: Who wrote it, without a mark after the label: nothing but names.
_BY_NAMES: Final = re.compile(
    r"(?:[Bb]y|BY|[Oo]leh|OLEH)((?:,|\s+(?:[^\W\d_a-zß-öø-ÿ][^\s,]*|&|and|dan|for|with|the|of|de|da|van|von|der|bin|binti"
    r"|al-\w+|staff|writer|correspondent|reporter|editor))+)"
)
_NOTICE: Final = re.compile(
    r"(share( (this|on|to|via)\b.*)?:?|bagikan\b.*|(read (more|also)|baca (juga|selengkapnya))\b.*|advertisements?"
    r"|iklan|subscribe( (to|now|here)\b.*)?|sign up (to|for|now)\b.*|(follow us|ikuti kami)\b.*"
    r"|(related|terkait)( ?:.*| (articles?|stories|posts?|news|topics?|coverage|links?):?.*)?"
    r"|(berita|artikel) terkait\b.*|copyright\b.*|©.*|all rights reserved\b.*|click here\b.*"
    r"|klik (di ?sini|untuk)\b.*|(\d+ )?(comments?|komentar)( \(\d+\))?:?|leave a comment\b.*)[.!]?",
    re.I,
)
#: The end of a line after which no sentence goes on.
_CLOSED: Final = re.compile(r"[.!?…:][\"”’»)\]]*$")
#: End of a sentence, with closing marks, before white space and something that can begin one.
_END: Final = re.compile(r"[.!?…]+[\"”’»)\]]*(?=\s+[\"“‘«(\[]*[^\W_a-zß-öø-ÿ])")
#: Words whose full stop does not end a sentence, and initials.
_ABBREVIATION: Final = re.compile(
    r"\b((?-i:[A-Z])|mr|mrs|ms|dr|prof|st|gen|col|lt|sgt|sen|rep|gov|jr|sr|no|vs|inc|co|ltd|u\.s|u\.n|u\.k"
    r"|jl|ir|drs|h|hj|tgl|hal|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec)\.$",
    re.I,
)


def propose(text: str) -> tuple[list[Zone], list[Span], list[Span]]:
    """Proposed zones, paragraphs and sentences of a text; they pass the rules of a corpus."""
    lines = _paragraphs(text)
    zones: list[Zone] = []
    paragraphs: list[Span] = []
    sentences: list[Span] = []
    titled = False
    for number, (start, line) in enumerate(lines):
        zone, titled = _zone_of(" ".join(text[line.start : line.end].split()), titled, alone=number == len(lines) - 1)
        if zones and zones[-1].zone == zone:
            zones[-1] = msgspec.structs.replace(zones[-1], end=line.end)
        else:
            if zones:
                zones[-1] = msgspec.structs.replace(zones[-1], end=start)
            zones.append(Zone(start=start if zones else 0, end=line.end, zone=zone))
        if zone in ANNOTATED_ZONES:
            paragraphs.append(line)
            sentences += [line] if zone == "title" else _sentences(text, line)
    if zones:
        zones[-1] = msgspec.structs.replace(zones[-1], end=len(text))
    elif text:
        zones = [Zone(start=0, end=len(text), zone="boilerplate")]
    return zones, paragraphs, sentences


def _paragraphs(text: str) -> list[tuple[int, Span]]:
    """Lines that are not blank, those of a hard-wrapped paragraph as one.

    Each is the offset of its first line, and its span without white space at the edges.
    """
    lines: list[tuple[int, Span]] = []
    start = 0
    for line in text.split("\n"):
        if words := line.strip():
            first = start + line.index(words)
            lines.append((start, Span(start=first, end=first + len(words))))
        start += len(line) + 1
    spans = [span for _, span in lines]
    inside = [_goes_on(text, one, two, first=one is spans[0]) for one, two in itertools.pairwise(spans)]
    width = max((span.end - span.start for span in spans), default=0)
    wrapped = any(inside) and width <= _WRAP_WIDTH
    joined = lines[:1]
    for (start, span), last, goes_on in zip(lines[1:], spans, inside, strict=False):
        # A line of a hard-wrapped text that has room for the next word was ended on purpose.
        needed = last.end - last.start + 1 + len(text[span.start : span.end].split()[0])
        if goes_on or (wrapped and needed > width and _adjacent(text, last, span)):
            joined[-1] = joined[-1][0], Span(start=joined[-1][1].start, end=span.end)
        else:
            joined.append((start, span))
    return joined


def _adjacent(text: str, one: Span, two: Span) -> bool:
    return text.count("\n", one.end, two.start) == 1


def _goes_on(text: str, one: Span, two: Span, *, first: bool) -> bool:
    """Whether a line goes on in the next one, in the middle of a sentence; the first one may be a title."""
    before, after = text[one.start : one.end], text[two.start : two.end]
    inside = _adjacent(text, one, two) and after[0].islower() and not _CLOSED.search(before)
    return inside and not (first and _is_byline(after))


def _is_byline(line: str) -> bool:
    return len(line) <= _BYLINE_LENGTH and bool(_BYLINE.match(line) or _BY_NAMES.fullmatch(line))


def _zone_of(line: str, titled: bool, *, alone: bool) -> tuple[ZoneName, bool]:
    """The zone of a line, and whether the title has been found."""
    if len(line) <= _NOTICE_LENGTH and _NOTICE.fullmatch(line):
        return "boilerplate", titled
    if _is_byline(line):
        return "byline", titled
    if not titled and not alone and len(line) <= _TITLE_LENGTH and not _END.search(line + " X"):
        return "title", True
    return "body", True


def _sentences(text: str, line: Span) -> Iterator[Span]:
    start = line.start
    for match in _END.finditer(text, line.start, line.end):
        if _ABBREVIATION.search(text[start : match.end()]):
            continue
        yield Span(start=start, end=match.end())
        start = match.end()
        while text[start].isspace():
            start += 1
    yield Span(start=start, end=line.end)
