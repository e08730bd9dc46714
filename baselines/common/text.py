"""Text of two languages: folding, words, stems, the calendar, sentences, the edges of claims.

Whatever is folded keeps its length, so that an offset into the folded text is an offset into the document.
"""

from __future__ import annotations

import re
from functools import lru_cache

from retold.model.annotations import ClaimSpan, Document

__all__ = [
    "CALENDAR",
    "MIN_WORDS",
    "MONTHS",
    "TITLES",
    "claim_edges",
    "claim_span",
    "content_words",
    "fold",
    "negations",
    "quoted",
    "sentences",
    "words",
]

#: A shorter sentence is a heading.
MIN_WORDS = 4
#: Words before a name that say who it is.
TITLES = (
    "president|minister|prime|foreign|vice|deputy|chancellor|secretary|king|general|mr|mrs|dr|presiden|menteri|perdana|"
    "kanselir"
)
_MONTHS = (
    "january januari, february februari, march maret, april, may mei, june juni, july juli, august agustus, september, "
    "october oktober, november, december desember"
)
#: Names of months, English and Indonesian, and which one it is.
MONTHS = {name: number for number, names in enumerate(_MONTHS.split(","), start=1) for name in names.split()}
_DAYS = "monday tuesday wednesday thursday friday saturday sunday senin selasa rabu kamis jumat sabtu minggu"
CALENDAR = frozenset((*MONTHS, *_DAYS.split()))
_FOLDED = str.maketrans({"\u00a0": " ", "\u202f": " ", "’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "\n": " "})
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)?")
_THOUSANDS = re.compile(r"(?<=\d)[.,](?=\d{3})")
_NEGATING = "no not never none neither nor without cannot tidak tanpa bukan belum tak"
_NEGATIONS = frozenset(_NEGATING.split())
_ENGLISH = (
    "a about after all also an and any are as at be been before being but by can could did do does for from had has "
    "have he her his how i if in including into is it its just more most no nor not of on or other our over said say "
    "says she should so some such than that the their them then there these they this those to too under until up us "
    "was we were what when where which while who whom whose will with would you your"
)
_INDONESIAN = (
    "ada adalah akan atas atau bahwa bagi bisa dalam dan dapat dari dengan di dia hanya harus ia ini itu jika juga "
    "kami karena ke kepada kita lebih mereka oleh pada saat saya sebagai sudah telah tentang terhadap tersebut untuk "
    "yang"
)
_STOP_WORDS = frozenset(f"{_ENGLISH} {_INDONESIAN}".split())


def fold(text: str) -> str:
    """Typographic spaces, quotation marks and dashes as plain ones, one character for one character."""
    return text.translate(_FOLDED)


@lru_cache(50_000)
def _words(text: str) -> tuple[str, ...]:
    tokens = (token.lower().removesuffix("'s") for token in _TOKEN.findall(fold(text)))
    return tuple(_THOUSANDS.sub("", token) if token[0].isdigit() else token for token in tokens)


def words(text: str) -> list[str]:
    """Words and numbers in lower case; a possessive 's is dropped, and so are the commas of a number."""
    return list(_words(text))


def content_words(text: str) -> list[str]:
    """The words that say what a text is about: no function words, no numbers, no single letters."""
    return [w for w in _words(text) if len(w) > 1 and w not in _STOP_WORDS and not w[0].isdigit()]


def negations(text: str) -> int:
    """How many words of a text negate."""
    return sum(word in _NEGATIONS or word.endswith("n't") for word in _words(text))


def quoted(text: str, index: int) -> bool:
    """Whether an index of a folded text lies inside a quotation."""
    return text.count('"', 0, index) % 2 == 1


def sentences(document: Document) -> list[str]:
    """The folded text of each sentence. Sentences cover title and body only, which is all that is annotated."""
    return [fold(document.text[s.start : s.end]) for s in document.sentences]


def claim_edges(text: str, start: int, end: int) -> tuple[int, int]:
    """Where a claim in a stretch of a text begins and ends (guideline 5.2 and D36).

    Left out are white space at its edges, final punctuation, a quotation mark at an edge without its partner, and the
    marks of a quotation that is all of it. A closing mark whose partner lies inside stays, with the comma or full stop
    before it. Empty if nothing is left.
    """
    while start < end:
        piece = text[start:end]
        alone = ("“" in piece) != ("”" in piece) or piece.count('"') == 1
        around = piece[0] in '“"' and piece[-1] in '”"' and sum(char in '“”"' for char in piece) == 2
        if piece[0].isspace() or around or (alone and piece[0] in '“"'):
            start += 1
        elif piece[-1].isspace() or piece[-1] in ".,;:!?–" or (alone and piece[-1] in '”"'):
            end -= 1
        else:
            break
    return start, end


def claim_span(document: Document, start: int, end: int, source: str) -> ClaimSpan | None:
    """A claim span with the edges that the guideline asks for; None if nothing is left."""
    start, end = claim_edges(document.text, start, end)
    return ClaimSpan(start=start, end=end, text=document.text[start:end], source=source) if start < end else None
