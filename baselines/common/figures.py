"""Numbers, days and years of a text, English or Indonesian, and whether those of two texts agree."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from functools import lru_cache

from .text import MONTHS, fold

__all__ = ["CALENDAR_AND_NUMBERS", "Figure", "Figures", "agreement", "figures", "values"]

_UNITS = (
    "one satu,two dua,three tiga,four empat,five lima,six enam,seven tujuh,eight delapan,nine sembilan,ten sepuluh,"
    "eleven sebelas,twelve,thirteen,fourteen,fifteen,sixteen,seventeen,eighteen,nineteen,twenty"
)
_NUMBERS = {word: number for number, names in enumerate(_UNITS.split(","), start=1) for word in names.split()}
_NUMBERS |= {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_NUMBERS |= {"seratus": 100, "seribu": 1000}
_SCALES = {"puluh": 10, "hundred": 100, "ratus": 100, "thousand": 10**3, "ribu": 10**3}
_SCALES |= {"million": 10**6, "juta": 10**6, "billion": 10**9, "miliar": 10**9}
#: Words that say a number or a month, and are no content.
CALENDAR_AND_NUMBERS = frozenset({*_NUMBERS, *_SCALES, *MONTHS})
_MONTH = "|".join(MONTHS)
_DATE = re.compile(
    rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)? (?P<month>{_MONTH})\b|"
    rf"\b(?P<month2>{_MONTH}) (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b",
    re.IGNORECASE,
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
#: A number, and the scales after it: 'two million', 'dua puluh'. A bare 'one' mostly stands for a thing.
_NUMBER = re.compile(
    rf"(?<![\w.,])(?P<number>\d+(?:[.,]\d+)*|(?:{'|'.join(_NUMBERS)})\b)(?P<scales>(?:[ -](?:{'|'.join(_SCALES)})\b)*)",
    re.IGNORECASE,
)
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
    """The numbers of a text, in digits or words: '5,791', 'two million', 'dua puluh'."""
    text = fold(text)
    days = {(MONTHS[(m["month"] or m["month2"]).lower()], int(m["day"] or m["day2"])) for m in _DATE.finditer(text)}
    text = _DATE.sub(lambda match: " " * len(match[0]), text)
    years = {int(match[0]) for match in _YEAR.finditer(text)}
    text = _YEAR.sub("    ", text)
    found = set()
    for match in _NUMBER.finditer(text):
        value, scales = _value(match["number"].lower()), re.findall(r"\w+", match["scales"].lower())
        if scales or match["number"].lower() not in ("one", "satu"):
            for scale in scales:
                value *= _SCALES[scale]
            before = text[max(match.start() - 25, 0) : match.start()]
            found.add(Figure(value, 1 if _ABOVE.search(before) else -1 if _BELOW.search(before) else 0))
    return Figures(frozenset(found), frozenset(days), frozenset(years))


def values(text: str) -> set[float]:
    """The values of the numbers of a text that are no part of a date."""
    return {figure.value for figure in figures(text).counted}


def _value(word: str) -> float:
    if not word[0].isdigit():
        return _NUMBERS[word]
    # Three digits after every mark are thousands, in either language; else the mark is a decimal one.
    if re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+|\d+", word):
        return float(re.sub(r"[.,]", "", word))
    return float(re.sub(r"[.,](?=.*[.,])", "", word).replace(",", "."))


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
    pairs: list[tuple[Set[object], Set[object]]] = [(claim.days, shown.days), (claim.years, shown.years)]
    for wanted, there in pairs:
        fits += len(wanted & there)
        clashes += len(wanted - there) if there else 0
    return fits, clashes


def _fits(claim: Figure, shown: Figure) -> bool:
    if claim.bound == 0:
        return claim.value == shown.value
    if claim.bound > 0:
        return shown.bound >= 0 and shown.value >= claim.value
    return shown.bound <= 0 and shown.value <= claim.value
