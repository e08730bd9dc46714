"""Stems of words, for systems that compare texts; apart from ``text``, since floors need none."""

from __future__ import annotations

from functools import lru_cache

import snowballstemmer

from .text import content_words

_STEMMER = snowballstemmer.stemmer("english")


@lru_cache(50_000)
def stem(word: str) -> str:
    """A word without its English endings (Snowball)."""
    return str(_STEMMER.stemWord(word))


def stems(text: str) -> list[str]:
    """The stems of the content words of a text."""
    return [stem(word) for word in content_words(text)]
