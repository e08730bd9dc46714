"""Sequence tagging: tokens, BIO tags and an averaged structured perceptron with Viterbi decoding.

The perceptron is that of Collins (2002), "Discriminative Training Methods for Hidden Markov Models": a sentence is
decoded with the weights so far, and where the best sequence is not the gold one, the weights of gold features go up and
those of the decoded go down. The weights that are used in the end are the mean over all steps. Tags are BIO of the
CoNLL-2003 kind: B opens a span, I goes on in it, O is outside; ``B-PER I-PER O``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..common.text import fold

__all__ = ["OUTSIDE", "Chunk", "Tagger", "Token", "chunks", "from_spans", "tags_of", "tokens", "viterbi"]

Matrix = npt.NDArray[np.float64]
Ids = npt.NDArray[np.intp]

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


def viterbi(emissions: Matrix, transitions: Matrix, opening: Matrix) -> list[int]:
    """The sequence of labels with the largest sum; of equal ones the one with the lower labels, read from the end.

    Args:
        emissions: score of each label at each token, of shape (tokens, labels).
        transitions: score of going from the row's label to the column's, of shape (labels, labels); -inf forbids.
        opening: score of beginning with a label, of shape (labels,).

    Returns:
        A label for each token.
    """
    length = len(emissions)
    if not length:
        return []
    best = opening + emissions[0]
    came = np.zeros(emissions.shape, dtype=np.intp)
    for place in range(1, length):
        reached = best[:, None] + transitions
        came[place] = reached.argmax(axis=0)
        best = reached.max(axis=0) + emissions[place]
    path = [int(best.argmax())]
    for place in range(length - 1, 0, -1):
        path.append(int(came[place, path[-1]]))
    return path[::-1]


class Tagger:
    """An averaged structured perceptron over BIO tags.

    Args:
        epochs: passes over the sentences.
        seed: the sentences are shuffled by it before each pass.
        restarts: how often it is learned anew, each time in another order; the weights used are the mean. With few
            sentences the order decides much.
    """

    def __init__(self, epochs: int = 10, seed: int = 0, restarts: int = 1) -> None:
        self._epochs = epochs
        self._seed = seed
        self._restarts = restarts
        self._features: dict[str, int] = {}
        self.labels: list[str] = [OUTSIDE]

    def fit(self, sentences: Sequence[Sequence[Sequence[str]]], tags: Sequence[Sequence[str]]) -> Tagger:
        """Learn from sentences and a tag for each token.

        A sentence is a list of tokens, a token a list of features, of which repeats do not count.
        """
        inside = sorted({tag[2:] for sentence in tags for tag in sentence if tag != OUTSIDE})
        self.labels = [OUTSIDE, *(f"{mark}-{label}" for label in inside for mark in "BI")]
        # The empty feature is every token's: it has the weight of a label by itself.
        self._features = {"": 0}
        for sentence in sentences:
            for token in sentence:
                for feature in token:
                    self._features.setdefault(feature, len(self._features))
        number = {label: index for index, label in enumerate(self.labels)}
        data = [self._ids(sentence) for sentence in sentences]
        gold = [[number[tag] for tag in sentence] for sentence in tags]
        size = len(self.labels)
        shapes = ((len(self._features), size), (size, size), (size,))
        self._forbidden = _forbidden(self.labels)
        draw = np.random.default_rng(self._seed)
        total = [np.zeros(shape) for shape in shapes]
        for _ in range(self._restarts):
            self._weights = [np.zeros(shape) for shape in shapes]
            # Each change times the step at which it was made: what the mean lacks of the last weights.
            late = [np.zeros(shape) for shape in shapes]
            step = 1.0
            for passes_left in reversed(range(self._epochs)):
                mistakes = 0
                for index in draw.permutation(len(data)):
                    found = self._decode(data[index])
                    if found != gold[index]:
                        mistakes += 1
                        _change(self._weights, data[index], gold[index], found, 1.0)
                        _change(late, data[index], gold[index], found, step)
                    step += 1
                if not mistakes:
                    # Nothing will change any more, so the passes that are left only weigh in the mean.
                    step += passes_left * len(data)
                    break
            for kept, weights, correction in zip(total, self._weights, late, strict=True):
                kept += (weights - correction / step) / self._restarts
        self._weights = total
        return self

    def predict(self, sentence: Sequence[Sequence[str]]) -> list[str]:
        """A tag for each token of a sentence; features that were never seen say nothing."""
        if len(self.labels) < 2:
            return [OUTSIDE] * len(sentence)
        return [self.labels[index] for index in self._decode(self._ids(sentence))]

    def _ids(self, sentence: Sequence[Sequence[str]]) -> list[Ids]:
        known = self._features
        return [np.array([0, *sorted({known[f] for f in token if f in known})], dtype=np.intp) for token in sentence]

    def _decode(self, sentence: list[Ids]) -> list[int]:
        emitted, moved, opened = self._weights
        if not sentence:
            return []
        borders = np.cumsum([0, *(len(ids) for ids in sentence[:-1])])
        emissions = np.add.reduceat(emitted[np.concatenate(sentence)], borders, axis=0)
        barred_moves, barred_openings = self._forbidden
        return viterbi(emissions, moved + barred_moves, opened + barred_openings)


def _forbidden(labels: Sequence[str]) -> tuple[Matrix, Matrix]:
    """-inf where an I would continue nothing, 0 elsewhere: between labels, and at the beginning."""
    moves, openings = np.zeros((len(labels), len(labels))), np.zeros(len(labels))
    for column, label in enumerate(labels):
        if label.startswith("I-"):
            openings[column] = -np.inf
            for row, before in enumerate(labels):
                if before[2:] != label[2:]:
                    moves[row, column] = -np.inf
    return moves, openings


def _change(
    weights: Sequence[Matrix], sentence: Sequence[Ids], gold: Sequence[int], found: Sequence[int], by: float
) -> None:
    """Move weights towards the gold sequence and away from the one found."""
    emitted, moved, opened = weights
    for place, (right, wrong) in enumerate(zip(gold, found, strict=True)):
        if right != wrong:
            emitted[sentence[place], right] += by
            emitted[sentence[place], wrong] -= by
        if place:
            moved[gold[place - 1], right] += by
            moved[found[place - 1], wrong] -= by
    opened[gold[0]] += by
    opened[found[0]] -= by
