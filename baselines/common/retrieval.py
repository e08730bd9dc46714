"""Texts as terms that two languages share, and BM25 over them.

Claims are English and documents may be Indonesian. Both are turned into *terms*: ``@key`` for an entity that the other
documents have a name of, ``#5000`` for a number, stems of content words. Nothing is translated: between languages, it
is entities, numbers and loan words that meet.

The synonyms (``_SAME``) are words of news English, but who chose them had read the corpus, and some are there for its
event: hostages, ceasefires, troops, air strikes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import bm25s
import numpy as np
import numpy.typing as npt

from .figures import CALENDAR_AND_NUMBERS, figures
from .gazetteer import Gazetteer
from .stems import stem
from .text import content_words, fold, words

__all__ = ["Index", "Matrix", "carried", "terms"]

Matrix = npt.NDArray[np.float64]

#: Irregular forms and everyday synonyms of news English: each line is one term, named by its first word.
_SAME = """
say said told tell
meet met
fly flew flown
take took taken
hold held
lead led leader
fight fought battle combat
give gave given
go went gone
make made
speak spoke spoken talk
send sent
kill dead die death fatalities casualties slain
injure injured wounded hurt
hostage captive captivity detainee abducted kidnapped
ceasefire truce armistice
soldier troop personnel servicemen
army military
attack assault
airstrike bombardment bombing raid shelling
propose proposal suggest suggestion
ask urge request
want wish
begin began begun start launch
found set-up establish form created
war conflict
release freed free liberated
state country nation
government administration
election vote poll
buy bought purchase
fall fell fallen drop decline decrease
rise rose risen increase grow grew growth
company firm
police officers
court tribunal
fire blaze
quake earthquake
help aid assistance
include involve
"""
_CLASS = {stem(word): stem(line.split()[0]) for line in _SAME.strip().splitlines() for word in line.split()}


def terms(text: str, gazetteer: Gazetteer) -> list[str]:
    """A text as terms: ``@entity`` for names, ``#number``, and stems of the other content words."""
    rest = list(fold(text))
    found: list[str] = []
    for start, end, entity, _ in gazetteer.find(text):
        found.append(f"@{entity}")
        rest[start:end] = " " * (end - start)
    numbers = figures(text)
    found += [f"#{figure.value:g}" for figure in sorted(numbers.counted)]
    found += [f"#{month}-{day}" for month, day in sorted(numbers.days)]
    found += [f"#{year}" for year in sorted(numbers.years)]
    for word in content_words("".join(rest)):
        if word not in CALENDAR_AND_NUMBERS:
            root = stem(word)
            found.append(_CLASS.get(root, root))
    return found


_PRONOUNS = frozenset(("he", "she", "his", "her", "him", "dia", "ia", "beliau"))


def carried(texts: Sequence[str], gazetteer: Gazetteer) -> list[list[str]]:
    """The terms of each sentence of a document; a pronoun brings the last person named before its sentence."""
    found = []
    person: str | None = None
    for text in texts:
        own = terms(text, gazetteer)
        if person is not None and person not in own and not _PRONOUNS.isdisjoint(words(text)):
            own.append(person)
        found.append(own)
        for *_, entity, kind in gazetteer.find(text):
            if kind == "PER":
                person = f"@{entity}"
    return found


class Index:
    """BM25 over a list of texts, in Lucene's variant (Kamphuis et al. 2020).

    A term that n of N texts have weighs ln(1 + (N - n + 0.5) / (n + 0.5)).

    Args:
        texts: each text as its terms.
        size: how many of the texts, from the first, are scored; the others are there for the frequencies.
    """

    def __init__(self, texts: Sequence[Sequence[str]], size: int) -> None:
        self._size = size
        self._seen = Counter(term for text in texts for term in set(text))
        count = len(texts)
        self._idf = {term: float(np.log1p((count - n + 0.5) / (n + 0.5))) for term, n in self._seen.items()}
        self._unseen = float(np.log1p((count + 0.5) / 0.5))
        self._model = bm25s.BM25(k1=1.2, b=0.75, method="lucene", dtype="float64")
        if self._seen:
            self._model.index([list(text) for text in texts], show_progress=False)

    def weight(self, term: str) -> float:
        """Inverse document frequency of a term."""
        return self._idf.get(term, self._unseen)

    def nearness(self, query: Collection[str]) -> Matrix:
        """BM25 of the texts scored, as a share of what a text could have at most, shape (size,)."""
        wanted = sorted({term for term in query if term in self._seen})
        if not wanted:
            return np.zeros(self._size)
        most = sum(self.weight(term) for term in sorted(set(query)))
        scores: Matrix = np.asarray(self._model.get_scores(wanted)[: self._size], dtype=np.float64)
        return scores / most

    def coverage(self, query: Collection[str], text: Collection[str]) -> float:
        """Share of the distinct terms of a query, weighted by idf, that a text has; 0 for an empty query."""
        wanted = sorted(set(query))
        total = sum(self.weight(term) for term in wanted)
        return sum(self.weight(term) for term in wanted if term in text) / total if total else 0.0
