"""Sequence tagging: tokens, BIO tags and an averaged structured perceptron with Viterbi decoding.

The perceptron is that of Collins (2002), "Discriminative Training Methods for Hidden Markov Models": a sentence is
decoded with the weights so far, and where the best sequence is not the gold one, the weights of gold features go up and
those of the decoded go down. The weights that are used in the end are the mean over all steps. Tags are BIO of the
CoNLL-2003 kind: B opens a span, I goes on in it, O is outside; ``B-PER I-PER O``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

C1 = float(os.environ.get("C1", 0.1))
C2 = float(os.environ.get("C2", 0.1))
ITER = int(os.environ.get("ITER", 100))
from typing import Any

from sklearn_crfsuite import CRF

from ..common.text import fold

__all__ = ["OUTSIDE", "Chunk", "Tagger", "Token", "chunks", "from_spans", "tags_of", "tokens"]


OUTSIDE = "O"
#: A possessive ending; a number with its ordinal ending; a word of letters; any other sign by itself. Hyphens and
#: quotation marks divide, because names end at them ("anti-X", "X-led", "X's").
_TOKEN = re.compile(r"(?<=\w)'s(?!\w)|\d+(?:[.,]\d+)*(?:st|nd|rd|th)?|[^\W\d_]+|\S")


@dataclass(frozen=True, slots=True)
class Token:
    """A token: its folded text, and where it stands in the text that it was cut from."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, order=True)
class Chunk:
    """A span of tokens, half open, and its label."""

    first: int
    last: int
    label: str


def tokens(text: str) -> list[Token]:
    """The tokens of a text; offsets are those of the text as given."""
    return [Token(match[0], match.start(), match.end()) for match in _TOKEN.finditer(fold(text))]


def from_spans(cut: Sequence[Token], spans: Iterable[tuple[int, int, str]]) -> list[Chunk]:
    """Spans of characters (start, end, label) as spans of tokens, without those that begin or end inside a token."""
    opens = {token.start: place for place, token in enumerate(cut)}
    closes = {token.end: place + 1 for place, token in enumerate(cut)}
    return [Chunk(opens[a], closes[b], label) for a, b, label in spans if a in opens and b in closes]


def tags_of(spans: Iterable[Chunk], length: int) -> list[str]:
    """BIO tags of spans of tokens. Of spans that overlap the longest is kept, of equally long ones the first: a layer
    of tags has no nesting."""
    tags = [OUTSIDE] * length
    for span in sorted(spans, key=lambda span: (span.first - span.last, span)):
        if all(tag == OUTSIDE for tag in tags[span.first : span.last]):
            tags[span.first : span.last] = [f"I-{span.label}"] * (span.last - span.first)
            tags[span.first] = f"B-{span.label}"
    return tags


def chunks(tags: Sequence[str]) -> list[Chunk]:
    """Spans of BIO tags. An I that continues nothing opens a span, as in the CoNLL-2000 evaluation."""
    found: list[Chunk] = []
    for place, tag in enumerate(tags):
        mark, _, label = tag.partition("-")
        if mark == OUTSIDE:
            continue
        if mark == "I" and found and found[-1].last == place and found[-1].label == label:
            found[-1] = Chunk(found[-1].first, place + 1, label)
        else:
            found.append(Chunk(place, place + 1, label))
    return found


class Tagger:
    """A linear-chain conditional random field over BIO tags (Lafferty et al. 2001), trained by L-BFGS."""

    def __init__(self) -> None:
        self._model: Any = None

    def fit(self, sentences: Sequence[Sequence[Sequence[str]]], tags: Sequence[Sequence[str]]) -> Tagger:
        """Learn from sentences and a tag for each token.

        A sentence is a list of tokens, a token a list of features.
        """
        if any(tag != OUTSIDE for sentence in tags for tag in sentence):
            self._model = CRF(algorithm="lbfgs", c1=C1, c2=C2, max_iterations=ITER).fit(sentences, tags)
        return self

    def predict(self, sentences: Sequence[Sequence[Sequence[str]]]) -> list[list[str]]:
        """A tag for each token of each sentence; features that were never seen say nothing."""
        if self._model is None:
            return [[OUTSIDE] * len(sentence) for sentence in sentences]
        return self._model.predict(sentences)
