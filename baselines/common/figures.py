"""Numbers, days, years and negations of a text, English or Indonesian, and whether the figures of two texts agree."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from .text import NEGATIONS, fold, words
from .calendar import MONTHS, NUMBERS

__all__ = ["CALENDAR_AND_NUMBERS", "Figure", "Figures", "agreement", "figures", "negations"]

_SCALES = {
    "puluh": 10,
    "hundred": 100,
    "ratus": 100,
    "thousand": 1000,
    "ribu": 1000,
    "million": 10**6,
    "juta": 10**6,
    "billion": 10**9,
    "miliar": 10**9,
}
_HUNDRED = {"seratus": 100, "seribu": 1000}
_MONTH = "|".join(MONTHS)
_DATE = re.compile(
    rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)? (?P<month>{_MONTH})\b|"
    rf"\b(?P<month2>{_MONTH}) (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b",
    re.IGNORECASE,
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
#: Words that say a number or a month, and are no content.
CALENDAR_AND_NUMBERS = frozenset({*NUMBERS, *_SCALES, *_HUNDRED, *MONTHS})
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)?")
_ABOVE = re.compile(
    r"\b(?:more than|over|at least|exceed\w*|upwards of|no fewer than|lebih dari|sedikitnya|setidaknya|paling sedikit)"
    r"(?: \w+)? $",
    re.IGNORECASE,
)
_BELOW = re.compile(
    r"\b(?:fewer than|less than|under|at most|no more than|up to|below|kurang dari|paling banyak|hingga) $",
    re.IGNORECASE,
)


@dataclass(frozen=True, order=True)
class Figure:
    """A number: its value, and whether the text gives it as it is (0), as a lower (1) or an upper bound (-1)."""

    value: float
    bound: int = 0


@dataclass(frozen=True)
class Figures:
    """What a text has of numbers.

    Attributes:
        counted: numbers that are no part of a date.
        days: (month, day).
        years: as four digits.
    """

    counted: frozenset[Figure]
    days: frozenset[tuple[int, int]]
    years: frozenset[int]


@lru_cache(maxsize=20_000)
def figures(text: str) -> Figures:
    """The numbers of a text, in digits or words, English or Indonesian; '5,791', 'two million', 'dua puluh'.

    A bare 'one' or 'satu' is no number: it mostly stands for a thing.
    """
    text = fold(text)
    days = set()
    for match in _DATE.finditer(text):
        day, month = match["day"] or match["day2"], match["month"] or match["month2"]
        days.add((MONTHS[month.lower()], int(day)))
    text = _DATE.sub(lambda match: " " * len(match[0]), text)
    years = {int(match[0]) for match in _YEAR.finditer(text)}
    text = _YEAR.sub("    ", text)
    found: set[Figure] = set()
    value: float | None = None
    where = last = 0
    for match in _TOKEN.finditer(text):
        word = match[0].lower()
        number = _number(word)
        if value is not None and word in _SCALES and not text[last : match.start()].strip(" -"):
            value *= _SCALES[word]
            last = match.end()
            continue
        if value is not None:
            found.add(_bounded(text, where, value))
            value = None
        if number is not None and word not in ("one", "satu"):
            value, where, last = number, match.start(), match.end()
    if value is not None:
        found.add(_bounded(text, where, value))
    return Figures(frozenset(found), frozenset(days), frozenset(years))


def _number(word: str) -> float | None:
    if word[0].isdigit():
        # Three digits after every mark are thousands, in either language; else the mark is a decimal one.
        if re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+|\d+", word):
            return float(re.sub(r"[.,]", "", word))
        return float(re.sub(r"[.,](?=.*[.,])", "", word).replace(",", "."))
    return NUMBERS.get(word, _HUNDRED.get(word))


def _bounded(text: str, where: int, value: float) -> Figure:
    before = text[max(where - 25, 0) : where]
    return Figure(value, 1 if _ABOVE.search(before) else -1 if _BELOW.search(before) else 0)


def agreement(claim: Figures, shown: Figures) -> tuple[int, int]:
    """How many figures, days and years of a claim fit what is shown, and how many do not though others are shown.

    A number fits an equal one, and a bound that it does not exceed: 5,700 fits 'more than 5,000'.
    """
    fits = clashes = 0
    for figure in claim.counted:
        if any(_fits(figure, other) for other in shown.counted):
            fits += 1
        elif shown.counted:
            clashes += 1
    pairs: tuple[tuple[Collection[object], Collection[object]], ...] = (
        (claim.days, shown.days),
        (claim.years, shown.years),
    )
    for wanted, there in pairs:
        fits += sum(value in there for value in wanted)
        clashes += sum(value not in there for value in wanted) if there else 0
    return fits, clashes


def _fits(claim: Figure, shown: Figure) -> bool:
    if claim.bound == 0:
        return claim.value == shown.value
    if claim.bound > 0:
        return shown.bound >= 0 and shown.value >= claim.value
    return shown.bound <= 0 and shown.value <= claim.value


def negations(text: str) -> int:
    """How many words of a text negate."""
    return sum(word in NEGATIONS or word.endswith("n't") for word in words(text))
