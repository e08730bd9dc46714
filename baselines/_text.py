"""Text helpers of the baselines: folding, words, numbers, sentences, claim spans.

Whatever is folded keeps its length, so that an offset into the folded text is an offset into the document.
"""

from __future__ import annotations

import re

from retold.records import ClaimSpan, Document

__all__ = ["NEGATIONS", "claim_span", "content_words", "fold", "numbers", "sentences", "words"]

_FOLDED = str.maketrans({"\u00a0": " ", "\u202f": " ", "’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "\n": " "})
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)?")
_THOUSANDS = re.compile(r"(?<=\d)[.,](?=\d{3})")
_NUMBER_WORDS = {
    word: str(value)
    for value, forms in enumerate(
        (
            ("one", "satu"),
            ("two", "dua"),
            ("three", "tiga"),
            ("four", "empat"),
            ("five", "lima"),
            ("six", "enam"),
            ("seven", "tujuh"),
            ("eight", "delapan"),
            ("nine", "sembilan"),
            ("ten", "sepuluh"),
        ),
        start=1,
    )
    for word in forms
}
NEGATIONS = frozenset(
    ("no", "not", "never", "none", "neither", "nor", "without", "cannot", "tidak", "tanpa", "bukan", "belum", "tak")
)
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


def words(text: str) -> list[str]:
    """Words and numbers in lower case; a possessive 's is dropped, and so are the commas of a number."""
    tokens = [token.lower().removesuffix("'s") for token in _TOKEN.findall(fold(text))]
    return [_THOUSANDS.sub("", token) if token[0].isdigit() else token for token in tokens]


def content_words(text: str) -> list[str]:
    """The words that say what a text is about: no function words, no numbers, no single letters."""
    return [w for w in words(text) if len(w) > 1 and w not in _STOP_WORDS and not w[0].isdigit()]


def numbers(text: str) -> set[str]:
    """The numbers of a text, as digits; small ones may be written out in English or Indonesian."""
    return {_NUMBER_WORDS.get(w, w) for w in words(text) if w[0].isdigit() or w in _NUMBER_WORDS}


def sentences(document: Document) -> list[str]:
    """The folded text of each sentence. Sentences cover title and body only, which is all that is annotated."""
    return [fold(document.text[s.start : s.end]) for s in document.sentences]


def claim_span(document: Document, start: int, end: int, source: str) -> ClaimSpan | None:
    """A claim span as the guideline draws it: without white space at its edges or final punctuation, and without the
    marks of a quotation that is all of it. None if nothing is left."""
    text = document.text
    start, end = _trimmed(text, start, end)
    while end > start and (text[end - 1] in ".,;:!?–" or (text[end - 1] in "”\"'" and text[end - 2] in ".,!?")):
        start, end = _trimmed(text, start, end - 1)
    opening = text[start:end].rfind("“")
    if opening == 0 and "”" not in text[start:end]:
        start += 1
    elif opening == 0 and text[start:end].index("”") == end - start - 1:
        start, end = start + 1, end - 1
    start, end = _trimmed(text, start, end)
    return ClaimSpan(start=start, end=end, text=text[start:end], source=source) if start < end else None


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
