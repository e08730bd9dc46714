"""Tagging of names: tokens, the features of each, BIO tags (CoNLL-2003), and a conditional random field."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sklearn_crfsuite import CRF

from retold.model.annotations import Document

from ..common.gazetteer import Gazetteer
from ..common.names import names
from ..common.text import fold, sentences
from ._linking import AliasTable, Dictionary, canonical

__all__ = ["Capitals", "Described", "Sentence", "Tagger", "cut", "describe", "spans_of", "tags_of", "tokens"]

#: A possessive ending; a number with its ordinal ending; a word of letters; any other sign by itself. Hyphens and
#: quotation marks divide, because names end at them ("anti-X", "X-led", "X's").
_TOKEN = re.compile(r"(?<=\w)'s(?!\w)|\d+(?:[.,]\d+)*(?:st|nd|rd|th)?|[^\W\d_]+|\S")
#: Pronouns, which in Indonesian may be written with a capital.
_PRONOUNS = frozenset(
    ["i", "we", "you", "he", "she", "it", "they", "anda", "kami", "kita", "saya", "dia", "ia", "mereka"]
)
#: Rows of features, one for each token of each sentence of a document.
Described = list[list[list[str]]]


@dataclass(frozen=True, slots=True)
class Token:
    """A token: its folded text, and its offsets in the text that it was cut from."""

    text: str
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    """The tokens of a text; offsets are those of the text as given."""
    return [Token(match[0], match.start(), match.end()) for match in _TOKEN.finditer(fold(text))]


@dataclass(frozen=True)
class Sentence:
    """A sentence cut into tokens, and where it begins in its document."""

    start: int
    tokens: list[Token]

    def tags(self, spans: Iterable[tuple[int, int, str]]) -> list[str]:
        """BIO tags of spans (start, end, label) of the document that begin and end with tokens of the sentence."""
        opens = {self.start + token.start: index for index, token in enumerate(self.tokens)}
        closes = {self.start + token.end: index + 1 for index, token in enumerate(self.tokens)}
        inside = [(opens[a], closes[b], label) for a, b, label in spans if a in opens and b in closes]
        return tags_of(inside, len(self.tokens))

    def spans(self, tags: Sequence[str]) -> list[tuple[int, int, str]]:
        """Spans of the document that BIO tags mark."""
        return [
            (self.start + self.tokens[first].start, self.start + self.tokens[last - 1].end, label)
            for first, last, label in spans_of(tags)
        ]


def tags_of(spans: Iterable[tuple[int, int, str]], length: int) -> list[str]:
    """BIO tags of half-open spans of tokens. Of spans that overlap the longest is kept, of equally long ones the first:
    a layer of tags has no nesting."""
    tags = ["O"] * length
    for first, last, label in sorted(spans, key=lambda span: (span[0] - span[1], span)):
        if all(tag == "O" for tag in tags[first:last]):
            tags[first:last] = [f"B-{label}", *[f"I-{label}"] * (last - first - 1)]
    return tags


def spans_of(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """Half-open spans of BIO tags. An I that continues nothing opens a span, as in the CoNLL-2000 evaluation."""
    found: list[tuple[int, int, str]] = []
    for index, tag in enumerate(tags):
        mark, _, label = tag.partition("-")
        if mark == "I" and found and found[-1][1:] == (index, label):
            found[-1] = (found[-1][0], index + 1, label)
        elif mark != "O":
            found.append((index, index + 1, label))
    return found


def cut(document: Document) -> list[Sentence]:
    """The sentences of a document, cut into tokens."""
    return [
        Sentence(span.start, tokens(text)) for span, text in zip(document.sentences, sentences(document), strict=True)
    ]


class Tagger:
    """A linear-chain conditional random field (Lafferty et al. 2001), trained by OWL-QN, which draws nothing at random.

    Its penalties were tuned on the released corpus, with the gold of each document left out while it was predicted.
    """

    def __init__(self) -> None:
        self._model: Any = None

    def fit(self, rows: Described, tags: Sequence[Sequence[str]]) -> Tagger:
        """Learn from the features of each token of each sentence, and its tag."""
        if any(tag != "O" for sentence in tags for tag in sentence):
            self._model = CRF(algorithm="lbfgs", c1=0.2, c2=0.05, max_iterations=80).fit(rows, tags)
        return self

    def predict(self, rows: Described) -> list[list[str]]:
        """A tag for each token of each sentence; features that were never seen say nothing."""
        if self._model is None:
            return [["O"] * len(sentence) for sentence in rows]
        return [list(map(str, tags)) for tags in self._model.predict(rows)]


class Capitals:
    """How often words have a capital where nothing but a name asks for one, and how often they are in lower case."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._upper: Counter[str] = Counter()
        self._lower: Counter[str] = Counter()
        for text in texts:
            found = list(re.finditer(r"[^\W\d_]+", fold(text)))
            if 2 * sum(match[0][0].isupper() for match in found) > len(found) > 3:
                continue  # A headline in capitals.
            for match in found[1:]:
                if match[0][0].islower():
                    self._lower[match[0]] += 1
                elif text[: match.start()].rstrip()[-1:] not in '.:!?"“‘':
                    self._upper[match[0]] += 1

    def describe(self, word: str) -> str:
        """How a word is written elsewhere: 'upper', 'lower', 'both', 'unseen'; 'small' without a capital of its own."""
        if not word[0].isupper() or word.lower() in _PRONOUNS:
            return "small"
        upper, lower = self._upper[word] > 0, self._lower[word.lower()] > 0 and not (len(word) > 1 and word.isupper())
        return ("both" if lower else "upper") if upper else ("lower" if lower else "unseen")


def describe(
    document: Document, table: AliasTable, gazetteer: Gazetteer, dictionary: Dictionary, capitals: Capitals
) -> Described:
    """Features of every token: its form, its neighbours, and what is known of it elsewhere.

    Args:
        document: with its text alone.
        table: what *other* documents teach of names; the features must not know the document's own gold.
        gazetteer: likewise.
        dictionary: names that mean the same in two languages.
        capitals: of all texts that may be seen.
    """
    known = [(m.start, m.end, f"{m.type}") for m in gazetteer.mentions(document) if m.kind == "name"]
    guessed = [(m.start, m.end, m.type) for m in names(document)]
    parts = _parts(table, dictionary)
    made = []
    for sentence in cut(document):
        matched, guess = sentence.tags(known), sentence.tags(guessed)
        own = []
        for index, token in enumerate(sentence.tokens):
            word = token.text
            features = [f"shape={_shape(word)}", f"gaz={matched[index]}"]
            if word.lower() not in _PRONOUNS:
                features.append(f"guess={guess[index]}")
            if word[0].isupper():
                features += sorted(parts.get(canonical(word)[0], ()))
            if word[0].isalpha():
                features.append(f"case={capitals.describe(word)}")
            own.append(features)
        made.append(_with_neighbours(sentence, own))
    return made


def _with_neighbours(sentence: Sentence, own: Sequence[Sequence[str]]) -> list[list[str]]:
    """Add words, suffixes and the features of the neighbours."""
    words = ["|", *(token.text.lower() for token in sentence.tokens), "|"]
    padded = [[], *own, []]
    return [
        [
            f"w={words[index]}",
            f"w[-1]={words[index - 1]}",
            f"w[1]={words[index + 1]}",
            *(f"suffix={words[index][-n:]}" for n in (2, 3, 4) if len(words[index]) > n),
            *padded[index],
            *(f"[-1]{feature}" for feature in padded[index - 1]),
            *(f"[1]{feature}" for feature in padded[index + 1]),
        ]
        for index in range(1, len(words) - 1)
    ]


def _shape(word: str) -> str:
    """Capitals as X, small letters as x, digits as 0, repeats left out: 'BfmTv' is 'XxXx'; an initial is 'X.'."""
    signs = "".join("0" if c.isdigit() else "X" if c.isupper() else "x" if c.isalpha() else c for c in word)
    return "X." if signs == "X" else re.sub(r"(.)\1+", r"\1", signs)


def _parts(table: AliasTable, dictionary: Dictionary) -> dict[str, set[str]]:
    """Words in canonical form -> the types of the known names that they are, or are a part of."""
    found: dict[str, set[str]] = {}
    for known in table.entities.values():
        for wording in known.names:
            for reading in dictionary.readings(wording):
                words = canonical(reading)
                for word in words:
                    found.setdefault(word, set()).add(f"{'known' if len(words) == 1 else 'part'}={known.type}")
    return found
