"""What documents with gold teach about names and entities: who is called what, and as what type.

Names are compared in a canonical form: without accents, in loan-word spelling (Iraq and Irak fall together), common
words of names as in English. Besides a list of such words, made from no corpus but by people who knew this one, the
descriptions of the event, which come in both languages, tell which names mean the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from retold.model.annotations import Event
from retold.systems import Example

from ..common.text import content_words, fold

__all__ = ["AliasTable", "Dictionary", "Known", "canonical", "is_acronym", "most_frequent"]

#: Nouns and adjectives that names of places, states and organisations are made of, and months: to English.
_WORDS = """
timur east, barat west, utara north, selatan south, tengah middle, tenggara southeast, laut sea, teluk gulf,
selat strait, jalur strip, tepi bank, pulau island, sungai river, gunung mount, danau lake, kota city, wilayah region,
kawasan region, perbatasan border, negara state, serikat states, persatuan united, bersatu united, bangsa nations,
uni union, liga league, dewan council, keamanan security, otoritas authority, nasional national, dunia world,
internasional international, koalisi coalition, pasukan forces, angkatan forces, tentara army, militer military,
pertahanan defense, defence defense, partai party, kelompok group, gerakan movement, pemerintah government,
kementerian ministry, parlemen parliament, pengadilan court, kantor office, presiden president, perdana prime,
menteri minister, pemimpin leader, kepala head, perang war, pertempuran battle, konflik conflict, serangan attack,
pembantaian massacre, perdamaian peace, proses process, operasi operation, misi mission, orang people, rakyat people,
eastern east, western west, northern north, southern south, januari january, februari february, maret march, mei may,
juni june, juli july, agustus august, oktober october, desember december
"""
_COMMON = dict(pair.split() for pair in _WORDS.split(","))
#: Words of names that say nothing of whom.
_SMALL = frozenset(["the", "of", "and", "a", "an", "s", "dan", "yang", "di", "el", "al"])
_WORD = re.compile(r"\d+(?:st|nd|rd|th)?|[^\W\d_]+")
_CAPITALS = re.compile(r"[A-ZÀ-ÖØ-Þ][^\W_]*(?: [A-ZÀ-ÖØ-Þ][^\W_]*)*")


@lru_cache(maxsize=65_536)
def spelling(word: str) -> str:
    """A word in lower case, without accents and as a loan word is spelt."""
    plain = unicodedata.normalize("NFKD", word.lower())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    if plain[:1].isdigit():
        return re.sub(r"(?:st|nd|rd|th)$", "", plain)
    plain = plain.replace("ph", "f").replace("q", "k").replace("x", "ks").replace("y", "i")
    plain = re.sub(r"c(?![eih])", "k", plain)
    plain = re.sub(r"(\w)\1", r"\1", plain)
    return plain.removesuffix("h") if len(plain) > 4 else plain


@lru_cache(maxsize=65_536)
def canonical(wording: str) -> tuple[str, ...]:
    """The words of a name in canonical form, in their order; small words are left out if others remain."""
    found = [match[0].lower() for match in _WORD.finditer(fold(wording))]
    kept = [word for word in found if word not in _SMALL] or found
    return tuple(spelling(_COMMON.get(word, word)) for word in kept)


def is_acronym(short: str, long: str) -> bool:
    """Whether a wording in capitals is the first letters of another one's capitalised words."""
    letters = "".join(match[0][0] for match in _WORD.finditer(fold(long)) if match[0][0].isupper())
    return len(letters) > 1 and short == letters


class Dictionary:
    """Names that mean the same in two languages, read off the descriptions of an event.

    A description in one language has the names of the same description in another. What both spell alike is set aside;
    where as many are left on either side, they translate each other in their order.

    Attributes:
        wordings: canonical form of a name -> its translations, as they are worded.
    """

    def __init__(self, event: Event) -> None:
        votes: dict[tuple[str, ...], Counter[str]] = {}
        both = [holder.description for holder in event.holders] + [target.description for target in event.targets]
        for description in both:
            texts = [description[language] for language in sorted(description)]
            for left, right in ((a, b) for a in texts for b in texts if a is not b):
                ours, theirs = _names_of(left), _names_of(right)
                alone = [name for name in ours if name not in theirs]
                other = [theirs[name] for name in theirs if name not in ours]
                if len(alone) == len(other):
                    for a, b in zip(alone, other, strict=True):
                        votes.setdefault(a, Counter())[b] += 1
        self.wordings = {name: sorted(count) for name, count in votes.items()}

    def readings(self, wording: str) -> list[str]:
        """A wording and its translations."""
        return [wording, *self.wordings.get(canonical(wording), ())]


def _names_of(text: str) -> dict[tuple[str, ...], str]:
    """The capitalised runs of a text in their order: canonical form -> wording."""
    found: dict[tuple[str, ...], str] = {}
    for match in _CAPITALS.finditer(fold(text)):
        words = match[0].split()
        # The first word of a text is capital for no other reason.
        while words and not content_words(words[0]):
            words = words[1:]
        if words and (match.start() or len(words) > 1):
            found.setdefault(canonical(" ".join(words)), " ".join(words))
    return found


@dataclass
class Known:
    """An entity as the documents with gold have it: the most frequent type and link, how often it is called what."""

    entity: str
    type: str
    kb_id: str | None
    names: Counter[str] = field(default_factory=Counter)


class AliasTable:
    """Who is called what in documents with gold, and who is meant in another one.

    The score of a candidate is how often the wording is its own, times ``OTHER_TYPE`` where its type is another. A
    wording that was seen once or twice, as another type, is rather somebody else: below ``NIL`` nobody is chosen. Words
    around a name were tried as well, and changed nothing.

    Args:
        training: the documents to learn from.

    Attributes:
        entities: the known entities by key.
    """

    #: Score of the answer that it is nobody known.
    NIL = 0.3
    OTHER_TYPE = 0.135

    def __init__(self, training: Sequence[Example]) -> None:
        types: dict[str, Counter[str]] = {}
        links: dict[str, Counter[str]] = {}
        for example in training:
            for mention in example.gold.entities or []:
                types.setdefault(str(mention.entity), Counter())[mention.type] += 1
                links.setdefault(str(mention.entity), Counter())[mention.kb_id or ""] += 1
        self.entities = {
            key: Known(key, most_frequent(types[key]), min(links[key], key=lambda q: (-links[key][q], q)) or None)
            for key in sorted(types)
        }
        for example in training:
            for mention in example.gold.entities or []:
                if mention.kind == "name":
                    wording = fold(example.document.text[mention.start : mention.end])
                    self.entities[str(mention.entity)].names[wording] += 1
        self._exact: dict[str, Counter[str]] = {}
        self._canonical: dict[tuple[str, ...], Counter[str]] = {}
        for known in self.entities.values():
            for wording, count in known.names.items():
                self._exact.setdefault(wording, Counter())[known.entity] += count
                self._canonical.setdefault(tuple(sorted(canonical(wording))), Counter())[known.entity] += count

    def candidates(self, wording: str, dictionary: Dictionary) -> Counter[str]:
        """Entities that are so called, with counts: by the very wording, else by its canonical form or translation, in
        whatever order of words, else as its acronym or spelt out."""
        if fold(wording) in self._exact:
            return self._exact[fold(wording)]
        found: Counter[str] = Counter()
        for reading in dictionary.readings(wording):
            found += self._canonical.get(tuple(sorted(canonical(reading))), Counter())
        if not found:
            for other, count in self._exact.items():
                if any(is_acronym(wording, r) for r in dictionary.readings(other)) or is_acronym(other, wording):
                    found += count
        return found

    def choose(self, candidates: Mapping[str, int], kind: str) -> str | None:
        """The candidate who is meant, or None.

        Args:
            candidates: entity -> how often the wording is its own.
            kind: the type of the mention, as far as it can be told.
        """
        scores = {
            entity: candidates[entity] * (1.0 if self.entities[entity].type == kind else self.OTHER_TYPE)
            for entity in sorted(candidates)
        }
        best = max(scores, key=lambda entity: scores[entity], default=None)
        return best if best is not None and scores[best] > self.NIL else None


def most_frequent(types: Mapping[str, int]) -> str:
    """The most frequent type; of equally frequent ones the first by name."""
    return min(types, key=lambda kind: (-types[kind], kind))
