"""Offsets that cannot be right: what the spans of a whole file show, and what else their offsets may count.

Right spans begin and end where words do. A convention is another way to count than that of the format; it explains a
file whose spans, read by it, begin and end where words do.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from typing import Any, Final

from retold.model.annotations import Document
from retold.model.findings import Finding
from retold.rules.references import listed
from retold.rules.registry import finding, rule
from retold.rules.vocabulary import Role

__all__ = ["CONVENTIONS", "Convention", "OffsetStatistics", "cuts_no_word", "misplaced_spans", "ones"]

#: Fewest spans at fault before anything is said of a file or a document: where a convention explains them, and else.
_FEWEST_EXPLAINED, _FEWEST = 3, 5
#: Share of the spans that are at fault where no convention explains them, and in a document among others.
_MOST, _NEARLY_ALL = 0.5, 0.8
#: Spans that conventions are tried on.
_TRIED: Final = 2000
#: Documents that conventions are tried on one by one.
_SUSPECTS: Final = 100


@dataclass(frozen=True, slots=True)
class Convention:
    """A way to count offsets."""

    #: What offsets are, in messages.
    name: str
    #: Text -> how many units each character takes.
    widths: Callable[[str], Iterable[int]]
    #: What is added to either offset first.
    start: int = 0
    end: int = 0

    def read(self, text: str, start: int, end: int) -> tuple[int, int] | None:
        """A span in code points; None where it begins or ends outside the text or inside a character."""
        table = _offsets(self.widths, text)
        low, high = table.get(start + self.start), table.get(end + self.end)
        return None if low is None or high is None else (low, high)


@lru_cache(maxsize=64)
def _offsets(widths: Callable[[str], Iterable[int]], text: str) -> Mapping[int, int]:
    """Offsets in units to offsets in code points."""
    return {units: index for index, units in enumerate(accumulate(widths(text), initial=0))}


def ones(text: str) -> Iterable[int]:
    """Widths of code points, in code points."""
    return (1 for _ in text)


def _stripped(text: str) -> Iterable[int]:
    before = len(text) - len(text.lstrip())
    return (index >= before for index in range(len(text)))


#: The likeliest first: of those that explain a file equally well, the first one is named.
CONVENTIONS: Final = (
    Convention("bytes", lambda text: (len(c.encode("utf-8", "surrogatepass")) for c in text)),
    Convention("UTF-16 units", lambda text: (1 + (c > "\uffff") for c in text)),
    Convention("inclusive ends", ones, 0, 1),
    Convention("positions counted from 1, ends inclusive", ones, -1, 0),
    Convention("positions counted from 1", ones, -1, -1),
    Convention("positions in a text with CRLF line ends", lambda text: (1 + (c == "\n") for c in text)),
    Convention("positions in a text stripped of white space", _stripped),
    Convention(
        "positions in a text with white space collapsed",
        lambda text: (not (c.isspace() and before.isspace()) for before, c in zip(" " + text, text, strict=False)),
    ),
    Convention("positions in a text in NFD", lambda text: (len(unicodedata.normalize("NFD", c)) for c in text)),
    Convention("positions in a text in NFC", lambda text: (not unicodedata.combining(c) for c in text)),
)


def cuts_no_word(text: str, start: int, end: int) -> bool:
    """Whether a span begins and ends where words do, without white space at its edges."""
    return (
        0 <= start < end <= len(text)
        and not text[start].isspace()
        and not text[end - 1].isspace()
        and not (start and _in_word(text[start - 1]) and _in_word(text[start]))
        and not (end < len(text) and _in_word(text[end - 1]) and _in_word(text[end]))
    )


@lru_cache(maxsize=4096)
def _in_word(character: str) -> bool:
    """Whether a character is part of a word, in a script that puts spaces between words."""
    if unicodedata.category(character)[0] not in "LNM" or unicodedata.east_asian_width(character) in "WF":
        return False
    # Thai, Lao and Tibetan; Burmese; Khmer.
    return not any(low <= character <= high for low, high in ("\u0e00\u0fff", "\u1000\u109f", "\u1780\u17ff"))


@dataclass(slots=True)
class OffsetStatistics:
    """What the spans of a layer of a file show."""

    #: All spans, those that cut a word, and those that are in no sentence.
    spans: int = 0
    cut: int = 0
    outside: int = 0
    #: The first documents of which several spans cut a word: how many, and all their spans.
    suspect: dict[str, tuple[int, list[tuple[str, int, int]]]] = field(default_factory=dict)
    kept: list[tuple[str, int, int]] = field(default_factory=list)

    def add(self, items: Iterable[Any], document: Document) -> None:
        """Add the spans of one record."""
        text, spans = document.text, [(item.start, item.end) for item in items]
        cut = sum(not cuts_no_word(text, *span) for span in spans)
        opening = [sentence.start for sentence in document.sentences]
        for start, end in spans:
            last = bisect_left(opening, end) - 1
            self.outside += bool(opening) and (last < 0 or document.sentences[last].end <= start)
        self.spans, self.cut = self.spans + len(spans), self.cut + cut
        if cut >= _FEWEST_EXPLAINED and len(self.suspect) < _SUSPECTS:
            self.suspect[document.document_id] = cut, [(text, *span) for span in spans[:_TRIED]]
        self.kept += [(text, *span) for span in spans[: _TRIED - len(self.kept)]]

    def message(self) -> str | None:
        """What is wrong with the offsets; None if they may be right."""
        name = _explained(self.kept) if self.cut >= _FEWEST_EXPLAINED else None
        explained = name is not None
        wrong = {}
        if not explained:
            tried = {document: (*found, _explained(found[1])) for document, found in self.suspect.items()}
            wrong = {
                document: found
                for document, found in tried.items()
                if found[2] is not None or found[0] >= max(_FEWEST, _NEARLY_ALL * len(found[1]))
            }
            name = names.pop() if len(names := {found[2] for found in wrong.values()}) == 1 else None
        like = f"; offsets look like {name}" if name else ""
        if explained or self.cut >= max(_FEWEST, _MOST * self.spans):
            return f"{_share(self.cut, self.spans)} spans cut a word{like}"
        if wrong:
            cut, spans = sum(found[0] for found in wrong.values()), sum(len(found[1]) for found in wrong.values())
            return f"{_share(cut, spans)} spans of {listed([*wrong])} cut a word{like}"
        if self.outside >= max(_FEWEST, _MOST * self.spans):
            return f"{_share(self.outside, self.spans)} spans lie in no sentence"
        return None


def _explained(spans: list[tuple[str, int, int]]) -> str | None:
    """Name of the convention by which nearly no span cuts a word any more."""
    best, least = None, (1 - _NEARLY_ALL) * sum(not cuts_no_word(*span) for span in spans)
    for convention in CONVENTIONS:
        read = ((text, convention.read(text, *span)) for text, *span in spans)
        cut = sum(span is None or not cuts_no_word(text, *span) for text, span in read)
        if cut < least:
            best, least = convention.name, cut
    return best


def _share(part: int, whole: int) -> str:
    return f"{100 * part // whole}% of {whole}"


@rule("RT409", gold="warning", annotation="warning", prediction="warning")
def misplaced_spans(message: str, role: Role) -> Finding:
    """Spans all over a file begin or end inside a word, or lie in no sentence.

    Their offsets count something other than the code points of this text; hardly any of them can be right.
    Example: `{"entities": [{"start": 15, "end": 18, "type": "GPE"}, {"start": 33, "end": 37, "type": "PER"}, {"start":
    39, "end": 45, "type": "PER"}, {"start": 89, "end": 92, "type": "GPE"}, {"start": 109, "end": 114, "type":
    "EVENT"}]}`
    - every end is that of the last character, not the offset after it.
    Hint: Count code points of the verbatim text from 0, with `end` after the last one.
    """
    return finding("RT409", message, role=role)
