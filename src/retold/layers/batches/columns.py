"""The labels of a batch of documents as columns of integers, and joins of such columns.

A span is one integer, ``key``: document, start and end side by side, so that sorting keys sorts the text and equal keys
are equal spans.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["LIMIT", "Evidence", "Floats", "Index", "LabelColumns", "Mask", "SpanColumns", "covered", "join"]

Index = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_BITS: Final = 26
#: Offsets and indices of sentences from here on do not fit into a column; their documents are counted one by one.
LIMIT: Final = 1 << _BITS


@dataclass(slots=True)
class SpanColumns:
    """Spans of one side, in the order of the text.

    Attributes:
        document, start, end, key: shape (spans,).
        labels: shape (spans,) each, by name.
        odd: shape (documents,): documents that a column cannot hold, or that have a span twice or an empty one.
    """

    document: Index
    start: Index
    end: Index
    key: Index
    labels: dict[str, Index]
    odd: Mask

    @classmethod
    def of(cls, sizes: Index, start: Index, end: Index, labels: dict[str, Index]) -> SpanColumns:
        """Columns of the spans of each document, ``sizes`` of them, in any order."""
        document = np.repeat(np.arange(len(sizes)), sizes)
        odd = np.zeros(len(sizes), np.bool_)
        odd[document[(start >= end) | (end >= LIMIT)]] = True
        key = (((document << _BITS) | start) << _BITS) | end
        columns = cls(document, start, end, key, labels, odd)
        if len(key) > 1 and not (key[1:] > key[:-1]).all():
            columns = columns.taken(np.argsort(key, kind="stable"))
            odd[columns.document[1:][columns.key[1:] == columns.key[:-1]]] = True
        return columns

    def taken(self, which: Index | Mask) -> SpanColumns:
        """The spans at some places."""
        labels = {name: values[which] for name, values in self.labels.items()}
        return SpanColumns(self.document[which], self.start[which], self.end[which], self.key[which], labels, self.odd)

    def __len__(self) -> int:
        return len(self.key)


#: Place of the item, and sentence; sorted, each pair once.
Evidence = tuple[Index, Index]


@dataclass(slots=True)
class LabelColumns:
    """Labels without a place in the text (stance cells, verification pairs) of one side, in the order of their keys.

    Attributes:
        document, label, key: shape (items,). Equal keys are the same question about the same document.
        parts: what the question is, in codes: holder and target, or claim.
        evidence: the sentences of the items.
        scores: shape (items, labels), NaN for items without scores; of no rows where no item has any.
        odd: shape (documents,): documents that answer a question twice, or whose evidence a column cannot hold.
    """

    document: Index
    label: Index
    key: Index
    parts: tuple[Index, ...]
    evidence: Evidence
    scores: Floats
    odd: Mask

    @classmethod
    def of(
        cls, sizes: Index, label: Index, parts: Sequence[Index], shown: Index, sentences: Index, scores: Floats
    ) -> LabelColumns:
        """Columns of the items of each document, ``sizes`` of them, with ``shown`` sentences each."""
        document = np.repeat(np.arange(len(sizes)), sizes)
        odd = np.zeros(len(sizes), np.bool_)
        width = 52 // len(parts)
        key = document
        for part in parts:
            key = key << width | part
            odd[document[part >= 1 << width]] = True
        owner = np.repeat(np.arange(len(document)), shown)
        odd[document[owner[sentences >= LIMIT]]] = True
        if len(key) > 1 and not (key[1:] > key[:-1]).all():
            order = np.argsort(key, kind="stable")
            rank = np.empty_like(order)
            rank[order] = np.arange(len(order))
            document, label, key, owner = document[order], label[order], key[order], rank[owner]
            parts = [part[order] for part in parts]
            scores = scores[order] if len(scores) else scores
            odd[document[1:][key[1:] == key[:-1]]] = True
        return cls(document, label, key, tuple(parts), _distinct(owner, sentences), scores, odd)

    def without(self, odd: Mask) -> LabelColumns:
        """The items of the other documents."""
        kept = ~odd[self.document]
        rank = np.cumsum(kept) - 1
        owner, sentences = self.evidence
        of_kept = kept[owner]
        return LabelColumns(
            self.document[kept],
            self.label[kept],
            self.key[kept],
            tuple(part[kept] for part in self.parts),
            (rank[owner[of_kept]], sentences[of_kept]),
            self.scores[kept] if len(self.scores) else self.scores,
            self.odd,
        )


def _distinct(owner: Index, sentences: Index) -> Evidence:
    later = (owner[1:] > owner[:-1]) | ((owner[1:] == owner[:-1]) & (sentences[1:] > sentences[:-1]))
    if later.all():
        return owner, sentences
    order = np.lexsort((sentences, owner))
    owner, sentences = owner[order], sentences[order]
    fresh = np.append(True, (owner[1:] != owner[:-1]) | (sentences[1:] != sentences[:-1]))
    return owner[fresh], sentences[fresh]


def covered(gold: LabelColumns, predicted: LabelColumns) -> tuple[int, int, int]:
    """Questions of gold, those that were answered, and answers to questions that gold does not have."""
    found = int((join(predicted.key, gold.key) >= 0).sum())
    return len(gold.key), found, len(predicted.key) - found


def join(keys: Index, wanted: Index) -> Index:
    """Place of each wanted key in sorted distinct ``keys``, -1 where it is not there."""
    if not len(keys):
        return np.full(len(wanted), -1, np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, place, -1)
