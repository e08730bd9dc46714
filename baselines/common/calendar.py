"""Words of the calendar and of numbers, English and Indonesian."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["DAYS", "INDONESIAN_MONTHS", "MONTHS", "NUMBERS"]

#: From January to December: the English name, then the Indonesian one where it is another.
_MONTHS = (
    "january januari",
    "february februari",
    "march maret",
    "april",
    "may mei",
    "june juni",
    "july juli",
    "august agustus",
    "september",
    "october oktober",
    "november",
    "december desember",
)
#: From one to twenty.
_UNITS = (
    "one satu",
    "two dua",
    "three tiga",
    "four empat",
    "five lima",
    "six enam",
    "seven tujuh",
    "eight delapan",
    "nine sembilan",
    "ten sepuluh",
    "eleven sebelas",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
)
_TENS = {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}


def _numbered(lines: tuple[str, ...]) -> dict[str, int]:
    """Each word of a line with the number of its line, from 1."""
    return {word: number for number, line in enumerate(lines, start=1) for word in line.split()}


#: Names of months, and which one it is.
MONTHS: Mapping[str, int] = _numbered(_MONTHS)
#: Indonesian names of months that are not the English ones -> the English ones.
INDONESIAN_MONTHS: Mapping[str, str] = {line.split()[1]: line.split()[0] for line in _MONTHS if " " in line}
_DAYS = "monday tuesday wednesday thursday friday saturday sunday senin selasa rabu kamis jumat sabtu minggu"
DAYS = frozenset(_DAYS.split())
#: Numbers in one word, up to ninety, and what they say.
NUMBERS: Mapping[str, int] = {**_numbered(_UNITS), **_TENS}
