"""Labels of a batch of documents as columns of integers, and joins of such columns.

A span is one integer, ``key``: document, start and end side by side, so that sorting keys sorts the text and equal keys
are equal spans. Labels without a position in the text have the document and what they answer (holder and target, claim)
as their key.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from operator import attrgetter
from struct import pack
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import UNSET

from retold.layers.names import Codes, Namer, Names

__all__ = [
    "Builder",
    "Field",
    "Floats",
    "Index",
    "Integers",
    "KeyedColumns",
    "Keys",
    "Labels",
    "Lists",
    "Mask",
    "NamedKeys",
    "Scores",
    "SpanColumns",
    "bounded",
    "join",
    "positions",
    "shared_sentences",
]

Index = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_BITS: Final = 26
#: Offsets and sentence numbers from here on are replaced by their rank among those of the batch (``bounded``).
_LIMIT: Final = 1 << _BITS


class Field(ABC):
    """A growing column of one field of many items."""

    def __init__(self, name: str) -> None:
        self.get: Callable[[Any], Any] = attrgetter(name)
        self.clear()

    @abstractmethod
    def clear(self) -> None:
        """Begin a batch."""

    @abstractmethod
    def extend(self, items: list[Any]) -> None:
        """Append the field of each item."""


class Integers(Field):
    """64-bit integers."""

    def clear(self) -> None:
        self._bytes = bytearray()

    def extend(self, items: list[Any]) -> None:
        self._bytes += pack(f"{len(items)}q", *map(self.get, items))

    def index(self) -> Index:
        """The column."""
        return np.frombuffer(self._bytes, np.int64)


class Labels(Field):
    """Labels of a closed set, as their codes in it."""

    def __init__(self, name: str, labels: Sequence[str]) -> None:
        self._code = {label: code for code, label in enumerate(labels)}.__getitem__
        self._kind = "B" if len(labels) <= 256 else "I"
        super().__init__(name)

    def clear(self) -> None:
        self._bytes = bytearray()

    def extend(self, items: list[Any]) -> None:
        codes = map(self._code, map(self.get, items))
        self._bytes += bytes(codes) if self._kind == "B" else pack(f"{len(items)}I", *codes)

    def index(self) -> Index:
        """The column."""
        return np.frombuffer(self._bytes, np.uint8 if self._kind == "B" else np.uint32).astype(np.int64)


class NamedKeys(Field):
    """Names of an open set with very many members (clusters, ids, sources), coded by a ``Namer``."""

    def __init__(self, name: str, namer: Namer) -> None:
        self._namer = namer
        super().__init__(name)

    def clear(self) -> None:
        self._names = Names(self._namer.known)

    def extend(self, items: list[Any]) -> None:
        self._names.extend(list(map(self.get, items)))

    def index(self) -> Index:
        """The column."""
        return self._namer.codes(self._names)


class Keys(Field):
    """Names of an open set with few members (holders, targets, claims)."""

    def __init__(self, name: str, codes: Codes) -> None:
        self._code = codes.__getitem__
        super().__init__(name)

    def clear(self) -> None:
        self._bytes = bytearray()

    def extend(self, items: list[Any]) -> None:
        self._bytes += pack(f"{len(items)}q", *map(self._code, map(self.get, items)))

    def index(self) -> Index:
        """The column."""
        return np.frombuffer(self._bytes, np.int64)


class Lists(Field):
    """Lists of integers; one that is not given is as good as empty."""

    def clear(self) -> None:
        self._sizes, self._values = bytearray(), bytearray()

    def extend(self, items: list[Any]) -> None:
        lists = [each or () for each in map(self.get, items)]
        self._sizes += pack(f"{len(lists)}q", *map(len, lists))
        values = list(chain.from_iterable(lists))
        self._values += pack(f"{len(values)}q", *values)

    def index(self) -> tuple[Index, Index]:
        """Length of each list, and all values."""
        return np.frombuffer(self._sizes, np.int64), np.frombuffer(self._values, np.int64)


class Scores(Field):
    """Probabilities of the labels, where they are given."""

    def __init__(self, name: str, labels: int) -> None:
        self._labels = labels
        super().__init__(name)

    def clear(self) -> None:
        self._size = 0
        self._at: list[int] = []
        self._values = bytearray()

    def extend(self, items: list[Any]) -> None:
        for number, scores in enumerate(map(self.get, items), self._size):
            if scores is not UNSET:
                self._at.append(number)
                self._values += pack(f"{self._labels}d", *msgspec.structs.astuple(scores))
        self._size += len(items)

    def index(self) -> Floats:
        """Shape (items, labels), NaN where there are none; of no rows where no item has any."""
        if not self._at:
            return np.zeros((0, self._labels))
        found = np.full((self._size, self._labels), np.nan)
        found[self._at] = np.frombuffer(self._values, np.float64).reshape(-1, self._labels)
        return found


class Builder:
    """Gathers the items of one layer and side, some documents at a time, while they are in the processor's cache."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields
        self._sizes: list[int] = []

    def extend(self, documents: list[Sequence[Any]]) -> None:
        """Append the items of some documents."""
        items = list(chain.from_iterable(documents))
        if items:
            for column in self.fields.values():
                column.extend(items)
        self._sizes += map(len, documents)

    def take(self) -> tuple[Index, dict[str, Any]]:
        """Items of each document and the columns by name; begins a new batch."""
        sizes = np.array(self._sizes, np.int64)
        columns = {name: column.index() for name, column in self.fields.items()}
        self._sizes = []
        for column in self.fields.values():
            column.clear()
        return sizes, columns


def bounded(*columns: Index) -> tuple[Index, ...]:
    """Columns whose values fit into keys: as they are, or as ranks that keep the order of all values together."""
    if all(int(column.max(initial=0)) < _LIMIT for column in columns):
        return columns
    known = np.unique(np.concatenate(columns))
    return tuple(np.searchsorted(known, column) for column in columns)


def positions(*sides: tuple[Index, Index]) -> tuple[Index, ...]:
    """For (document, offset) of several sides one integer each, ordered by document and then by offset."""
    offsets = bounded(*(offset for _, offset in sides))
    return tuple(document << _BITS | offset for (document, _), offset in zip(sides, offsets, strict=True))


@dataclass(slots=True)
class SpanColumns:
    """Spans of one side, in the order of the text, each once.

    Attributes:
        document, start, end: shape (spans,).
        low, high: as ``start`` and ``end``, bounded; equal and ordered as these are.
        labels: shape (spans,) each, by name.
        needs_check: shape (documents,): documents with a span that is empty or was given twice, which rules may refuse.
            Such spans are left out.
    """

    document: Index
    start: Index
    end: Index
    low: Index
    high: Index
    labels: dict[str, Index]
    needs_check: Mask
    key: Index = field(init=False)

    def __post_init__(self) -> None:
        self.key = (((self.document << _BITS) | self.low) << _BITS) | self.high

    @classmethod
    def of(cls, sizes: Index, columns: Mapping[str, Index], low: Index, high: Index) -> SpanColumns:
        """Columns of the spans of each document, ``sizes`` of them, in any order."""
        labels = {name: values for name, values in columns.items() if name not in ("start", "end")}
        needs_check = np.zeros(len(sizes), np.bool_)
        document = np.repeat(np.arange(len(sizes)), sizes)
        made = cls(document, columns["start"], columns["end"], low, high, labels, needs_check)
        empty = made.start >= made.end
        if empty.any():
            needs_check[document[empty]] = True
            made = made.take(np.flatnonzero(~empty))
        if len(made) > 1 and not (made.key[1:] > made.key[:-1]).all():
            made = made.take(np.argsort(made.key, kind="stable"))
            again = np.flatnonzero(made.key[1:] == made.key[:-1]) + 1
            if len(again):
                needs_check[made.document[again]] = True
                made = made.take(np.delete(np.arange(len(made)), again))
        return made

    def take(self, which: Index | Mask) -> SpanColumns:
        """Some of the spans."""
        return SpanColumns(
            document=self.document[which],
            start=self.start[which],
            end=self.end[which],
            low=self.low[which],
            high=self.high[which],
            labels={name: values[which] for name, values in self.labels.items()},
            needs_check=self.needs_check,
        )

    def within(self, zones: tuple[Index, Index, Index]) -> SpanColumns:
        """The spans that lie wholly in none of some stretches (document, start, end), which are in order and apart."""
        document, start, end = zones
        if not len(document):
            return self
        first, own = positions((document, start), (self.document, self.start))
        at = np.searchsorted(first, own, side="right") - 1
        outside = (at >= 0) & (document[at] == self.document) & (self.end <= end[at])
        return self.take(~outside) if outside.any() else self

    def __len__(self) -> int:
        return len(self.key)


@dataclass(slots=True)
class KeyedColumns:
    """Labels without a position in the text of one side, in the order of their keys, each key once.

    Attributes:
        document, label, key: shape (items,). Equal keys are the same question about the same document.
        parts: what the question is, in codes: holder and target, or claim.
        evidence: index of the item and sentence, sorted, each pair once.
        scores: shape (items, labels), NaN for items without scores; of no rows where no item has any.
        position: shape (items,), where each stood among the items as they came.
        needs_check: shape (documents,): documents that answer a question twice. The first answer stands.
    """

    document: Index
    label: Index
    key: Index
    position: Index
    parts: tuple[Index, ...]
    evidence: tuple[Index, Index]
    scores: Floats
    needs_check: Mask

    @classmethod
    def of(cls, sizes: Index, columns: Mapping[str, Any], parts: Sequence[str], scores: Floats) -> KeyedColumns:
        """Columns of the items of each document, ``sizes`` of them."""
        document = np.repeat(np.arange(len(sizes)), sizes)
        needs_check = np.zeros(len(sizes), np.bool_)
        of_parts = tuple(columns[part] for part in parts)
        key = document
        for part in of_parts:
            key = key << 2 * _BITS // len(of_parts) | part
        shown, sentences = columns["evidence"]
        owner = np.repeat(np.arange(len(document)), shown)
        position = np.arange(len(document))
        made = cls(document, columns["label"], key, position, of_parts, (owner, sentences), scores, needs_check)
        if len(key) > 1 and not (key[1:] > key[:-1]).all():
            made = made.take(np.argsort(key, kind="stable"))
            again = np.flatnonzero(made.key[1:] == made.key[:-1]) + 1
            if len(again):
                needs_check[made.document[again]] = True
                made = made.take(np.delete(np.arange(len(key)), again))
        return replace(made, evidence=_distinct(*made.evidence))

    def take(self, which: Index) -> KeyedColumns:
        """Some of the items, in this order."""
        rank = np.full(len(self.key), -1, np.int64)
        rank[which] = np.arange(len(which))
        owner, sentences = self.evidence
        kept = rank[owner] >= 0
        return KeyedColumns(
            self.document[which],
            self.label[which],
            self.key[which],
            self.position[which],
            tuple(part[which] for part in self.parts),
            (rank[owner[kept]], sentences[kept]),
            self.scores[which] if len(self.scores) else self.scores,
            self.needs_check,
        )

    def __len__(self) -> int:
        return len(self.key)


def _distinct(owner: Index, sentences: Index) -> tuple[Index, Index]:
    later = (owner[1:] > owner[:-1]) | ((owner[1:] == owner[:-1]) & (sentences[1:] > sentences[:-1]))
    if later.all():
        return owner, sentences
    order = np.lexsort((sentences, owner))
    owner, sentences = owner[order], sentences[order]
    fresh = np.append(True, (owner[1:] != owner[:-1]) | (sentences[1:] != sentences[:-1]))
    return owner[fresh], sentences[fresh]


def join(keys: Index, wanted: Index) -> Index:
    """Index of each wanted key in sorted distinct ``keys``, -1 where it is not there."""
    if not len(keys):
        return np.full(len(wanted), -1, np.int64)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, at, -1)


def shared_sentences(one: tuple[Index, Index], other: tuple[Index, Index]) -> Mask:
    """Whether each (item, sentence) of ``other`` is among those of ``one``, which are sorted and distinct."""
    sentences, theirs = bounded(one[1], other[1])
    return join(one[0] << _BITS | sentences, other[0] << _BITS | theirs) >= 0
