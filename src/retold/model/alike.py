"""Texts that look alike: what a reader cannot see is all that sets them apart."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Final

from retold.model.findings import cut

__all__ = ["differ_only_in", "look_alike", "occurrences", "skeleton", "visible"]

_MARKS: Final = str.maketrans(dict.fromkeys("‘’‚‛′`´", "'") | dict.fromkeys("“”„‟″«»", '"'))
_LONGEST: Final = 10_000
_DASH: Final = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
#: Variation selectors, and the grapheme joiner, which have no shape of their own.
_SELECTORS: Final = re.compile("[\ufe00-\ufe0f\u034f]")


def _without_invisible(text: str) -> str:
    """``text`` without format characters: zero-width ones, soft hyphens, byte-order and direction marks."""
    if text.isascii():
        return text
    return "".join(c for c in _SELECTORS.sub("", text) if unicodedata.category(c) != "Cf")


#: What two texts may differ in, and how to make it the same.
_FOLDS: Final[dict[str, Callable[[str], str]]] = {
    "white space": lambda text: "".join(text.split()),
    "quotation marks": lambda text: text.translate(_MARKS),
    "dashes": lambda text: _DASH.sub("-", text),
    "invisible characters": _without_invisible,
    "Unicode normalization (NFC, NFD)": lambda text: unicodedata.normalize("NFC", text),
    "case": str.casefold,
    "compatibility characters": lambda text: unicodedata.normalize("NFKC", text),
}


def differ_only_in(one: str, other: str) -> str | None:
    """What alone sets two texts apart, such as white space or case; None if there is more, or nothing.

    Texts of more than 10,000 characters are not compared.
    """
    needed = list(_FOLDS)
    if one == other or max(len(one), len(other)) > _LONGEST or not _same(one, other, needed):
        return None
    for name in reversed(_FOLDS):
        fewer = [each for each in needed if each != name]
        if _same(one, other, fewer):
            needed = fewer
    return " and ".join(needed)


def _same(one: str, other: str, folds: Iterable[str]) -> bool:
    for name in folds:
        one, other = _FOLDS[name](one), _FOLDS[name](other)
    return one == other


@lru_cache(maxsize=1 << 14)
def skeleton(name: str) -> str:
    """A name without what a reader cannot see; names of one skeleton look alike."""
    # Folding case may undo the normalization.
    folded = unicodedata.normalize(
        "NFKC", unicodedata.normalize("NFKC", _DASH.sub("-", _without_invisible(name))).casefold()
    )
    return " ".join(folded.split())


def look_alike(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each name that looks like an earlier one, after that one."""
    first: dict[str, str] = {}
    for name in dict.fromkeys(names):
        earlier = first.setdefault(skeleton(name), name)
        if earlier != name:
            yield earlier, name


def occurrences(text: str, words: str) -> Iterator[int]:
    """Where words are in a text; a non-breaking space is a blank."""
    text, words = text.replace("\xa0", " "), words.replace("\xa0", " ")
    at = text.find(words) if words else -1
    while at >= 0:
        yield at
        at = text.find(words, at + 1)


def visible(*names: str, limit: int = 80) -> tuple[str, ...]:
    """Names in quotes, with everything escaped that would make two of them look the same."""
    shown = [repr(name) for name in names]
    if len({unicodedata.normalize("NFKC", each) for each in shown}) < len(set(names)):
        shown = [ascii(name) for name in names]
    return tuple(cut(each, limit) for each in shown)
