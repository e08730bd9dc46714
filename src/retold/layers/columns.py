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
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET

from retold.layers.names import Namer, Names
from retold.model.annotations import MAX_INTEGER
from retold.model.arrays import AnyArray, Array, Index, Mask, np
from retold.model.packages import require

__all__ = [
    "MAX_EVIDENCE",
    "Builder",
    "Field",
    "Integers",
    "KeyedColumns",
    "Keys",
    "Labels",
    "Lists",
    "NamedKeys",
    "NotColumnar",
    "Scores",
    "SpanColumns",
    "bounded",
    "join",
    "key_bits",
    "positions",
    "shared_sentences",
]


#: Sentences of an item's evidence that a strict score looks at.
MAX_EVIDENCE: Final = 5
#: Bits of a part of a key; larger offsets and sentence numbers are replaced by their rank in the batch (``bounded``).
_BITS: Final = 26
_LIMIT: Final = 1 << _BITS
#: Bits that offsets of ordinary documents need; they leave room for more documents in a batch.
_FEW_BITS: Final = 20


class NotColumnar(ValueError):
    """Arrow columns that do not hold valid records; only reading them as records tells what is wrong."""


class Field(ABC):
    """A growing column of one field of many items."""

    #: Whether items may lack the field.
    optional = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.get: Callable[[Any], Any] = attrgetter(name)
        self.clear()

    @abstractmethod
    def clear(self) -> None:
        """Begin a batch."""

    @abstractmethod
    def extend(self, items: list[Any]) -> None:
        """Append the field of each item."""

    @abstractmethod
    def extend_arrow(self, values: Any, size: int) -> None:
        """Append a column of ``size`` values from Arrow; None where no item has the field.

        Raises:
            NotColumnar: a value is missing or not allowed.
        """


class Integers(Field):
    """Integers, 64 bits each unless said otherwise."""

    _kind = "q"

    def clear(self) -> None:
        self._bytes = bytearray()

    def extend(self, items: list[Any]) -> None:
        self._bytes += pack(f"{len(items)}{self._kind}", *map(self.get, items))

    def extend_arrow(self, values: Any, size: int) -> None:
        self._bytes += arrow_integers(values).tobytes()

    def index(self) -> Index:
        """The column."""
        return np.frombuffer(self._bytes, self._kind).astype(np.int64, copy=False)


class Keys(Integers):
    """Names with few different ones (labels, holders, targets, claims), as their codes.

    Args:
        codes: a code for each name.
        default: the name that an item has which gives none; where there is no default, every item gives one.
    """

    def __init__(self, name: str, codes: Mapping[Any, int], default: str | None = None) -> None:
        self._codes, self._code = codes, codes.__getitem__
        self._default, self.optional = default, default is not None
        super().__init__(name)

    def extend(self, items: list[Any]) -> None:
        self._bytes += pack(f"{len(items)}{self._kind}", *map(self._code, map(self.get, items)))

    def extend_arrow(self, values: Any, size: int) -> None:
        self._bytes += arrow_codes(values, size, self._codes, self._default).astype(self._kind).tobytes()


class Labels(Keys):
    """Labels of a closed set, in a byte each where they fit."""

    def __init__(self, name: str, labels: Sequence[str], default: str | None = None) -> None:
        self._kind = "B" if len(labels) <= 256 else "I"
        super().__init__(name, {label: code for code, label in enumerate(labels)}, default)

    def extend(self, items: list[Any]) -> None:
        if self._kind == "B":
            self._bytes += bytes(map(self._code, map(self.get, items)))
        else:
            super().extend(items)


class NamedKeys(Field):
    """Names of an open set with very many members (clusters, ids, sources), coded by a ``Namer``."""

    def __init__(self, name: str, namer: Namer, *, optional: bool = False) -> None:
        self._namer, self.optional = namer, optional
        super().__init__(name)

    def clear(self) -> None:
        self._names = Names(self._namer.known)
        self._coded: list[Index] = []

    def extend(self, items: list[Any]) -> None:
        self._names.extend(list(map(self.get, items)))

    def extend_arrow(self, values: Any, size: int) -> None:
        self._coded.append(arrow_codes(values, size, self._namer.known, UNSET if self.optional else None))

    def index(self) -> Index:
        """The column."""
        return np.concatenate(self._coded) if self._coded else self._namer.codes(self._names)


class Lists(Field):
    """Lists of integers; a missing list counts as empty."""

    optional = True

    def clear(self) -> None:
        self._sizes, self._values = bytearray(), bytearray()

    def extend(self, items: list[Any]) -> None:
        lists = [each or () for each in map(self.get, items)]
        self._sizes += pack(f"{len(lists)}q", *map(len, lists))
        values = list(chain.from_iterable(lists))
        self._values += pack(f"{len(values)}q", *values)

    def extend_arrow(self, values: Any, size: int) -> None:
        if values is None:
            self._sizes += bytes(8 * size)
            return
        self._sizes += arrow_numbers(values.value_lengths(), "int64").tobytes()
        self._values += arrow_integers(values.flatten()).tobytes()

    def index(self) -> tuple[Index, Index]:
        """Length of each list, and all values."""
        return np.frombuffer(self._sizes, np.int64), np.frombuffer(self._values, np.int64)


class Scores(Field):
    """Probabilities of the labels, where they are given."""

    optional = True

    def __init__(self, name: str, labels: Sequence[str]) -> None:
        self._names, self._labels = labels, len(labels)
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

    def extend_arrow(self, values: Any, size: int) -> None:
        given = np.flatnonzero(values.is_valid()) if values is not None else np.zeros(0, np.int64)
        if len(given):
            rows = values.take(given)
            if sorted(field.name for field in rows.type) != sorted(self._names):
                raise NotColumnar("scores of other labels")
            columns = [arrow_floats(rows.field(name)) for name in self._names]
            self._at += (given + self._size).tolist()
            self._values += np.column_stack(columns).tobytes()
        self._size += size

    def index(self) -> Array:
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

    def extend_arrow(self, documents: Any, ignored: Sequence[str]) -> None:
        """Append the items of some documents from an Arrow array of lists.

        Raises:
            NotColumnar: they are not the items of valid records.
        """
        items = documents.flatten()
        fields = {field.name: number for number, field in enumerate(items.type)}
        if items.null_count or fields.keys() - {column.name for column in self.fields.values()} - set(ignored):
            raise NotColumnar("items with other fields")
        columns = items.flatten()
        for column in self.fields.values():
            at = fields.get(column.name)
            if at is None and not column.optional:
                raise NotColumnar(f"items without {column.name}")
            column.extend_arrow(None if at is None else columns[at], len(items))
        self._sizes += arrow_numbers(documents.value_lengths(), "int64").tolist()

    def take(self) -> tuple[Index, dict[str, Any]]:
        """Items of each document and the columns by name; begins a new batch."""
        sizes = np.array(self._sizes, np.int64)
        columns = {name: column.index() for name, column in self.fields.items()}
        self._sizes = []
        for column in self.fields.values():
            column.clear()
        return sizes, columns


def arrow_numbers(values: Any, kind: str, null: int = 0) -> AnyArray:
    """An Arrow column of numbers, ``null`` where one is missing, as a NumPy array.

    Neither ``to_numpy`` nor ``fill_null`` of Arrow is used: they import pandas.
    """
    cast, dtype = values.cast(kind), np.dtype(kind)
    if not len(cast):
        return np.zeros(0, dtype)
    found = np.frombuffer(cast.buffers()[1], dtype, len(cast), cast.offset * dtype.itemsize)
    if values.null_count:
        found = np.where(arrow_numbers(values.is_valid(), "uint8") == 1, found, null)
    return found


def arrow_integers(values: Any) -> Index:
    """An Arrow column of non-negative integers."""
    if not _is(values, "is_integer") or values.null_count:
        raise NotColumnar("integers that are missing, or of another type")
    found: Index = arrow_numbers(values, "int64")
    if len(found) and not 0 <= int(found.min()) <= int(found.max()) <= MAX_INTEGER:
        raise NotColumnar("an integer out of range")
    return found


def arrow_floats(values: Any) -> Array:
    """An Arrow column of probabilities."""
    if not _is(values, "is_floating") or values.null_count:
        raise NotColumnar("probabilities that are missing, or of another type")
    found: Array = arrow_numbers(values, "float64")
    if not ((found >= 0) & (found <= 1)).all():
        raise NotColumnar("a probability out of range")
    return found


def arrow_codes(values: Any, size: int, known: Mapping[Any, int], missing: Any = None) -> Index:
    """Codes of an Arrow column of names, each of which is looked up once.

    Args:
        values: the column; None where no item has the field.
        size: of the column.
        known: codes of the names.
        missing: the name that stands for a missing value; where there is none, no value may be missing.
    """
    try:
        if values is None:
            return np.full(size, known[missing], np.int64)
        if not (_is(values, "is_string") or _is(values, "is_large_string") or _is(values, "is_dictionary")):
            raise NotColumnar("names of another type")
        coded = values if _is(values, "is_dictionary") else values.dictionary_encode()
        names = coded.dictionary.to_pylist()
        if not all(names) or (coded.null_count and missing is None):
            raise NotColumnar("a name is missing")
        codes = [*map(known.__getitem__, names), known[missing] if coded.null_count else 0]
    except KeyError as error:
        raise NotColumnar(f"{error} is not one of the labels") from None
    indices = arrow_numbers(coded.indices, "int64", null=len(names))
    found: Index = np.array(codes, np.int64)[indices]
    return found


def _is(values: Any, kind: str) -> bool:
    return bool(getattr(require("pyarrow.types"), kind)(values.type))


def bounded(*columns: Index) -> tuple[Index, ...]:
    """The columns if their values fit into keys, otherwise their ranks among the values of all of them."""
    if all(int(column.max(initial=0)) < _LIMIT for column in columns):
        return columns
    known = np.unique(np.concatenate(columns))
    return tuple(np.searchsorted(known, column) for column in columns)


def key_bits(*columns: Index) -> int:
    """Bits that bounded offsets need in keys."""
    return _FEW_BITS if all(int(column.max(initial=0)) < 1 << _FEW_BITS for column in columns) else _BITS


def positions(*sides: tuple[Index, Index]) -> tuple[Index, ...]:
    """One integer for each (document, offset) of several sides, ordered by document, then by offset."""
    offsets = bounded(*(offset for _, offset in sides))
    return tuple(document << _BITS | offset for (document, _), offset in zip(sides, offsets, strict=True))


@dataclass(slots=True)
class SpanColumns:
    """Spans of one side, in the order of the text, each once.

    Attributes:
        document, start, end: shape (spans,).
        low, high: ``start`` and ``end`` after ``bounded``, in the same order and with the same ties.
        labels: shape (spans,) each, by name.
        needs_check: shape (documents,): documents with a span that is empty or was given twice, which rules may refuse.
            Such spans are left out.
        bits: bits of an offset in ``key``, the same on both sides.
    """

    document: Index
    start: Index
    end: Index
    low: Index
    high: Index
    labels: dict[str, Index]
    needs_check: Mask
    bits: int
    key: Index = field(init=False)

    def __post_init__(self) -> None:
        self.key = (((self.document << self.bits) | self.low) << self.bits) | self.high

    @classmethod
    def of(cls, sizes: Index, columns: Mapping[str, Index], low: Index, high: Index, bits: int) -> SpanColumns:
        """Columns of the spans of each document, ``sizes`` of them, in any order."""
        labels = {name: values for name, values in columns.items() if name not in ("start", "end")}
        needs_check = np.zeros(len(sizes), np.bool_)
        document = np.repeat(np.arange(len(sizes)), sizes)
        made = cls(document, columns["start"], columns["end"], low, high, labels, needs_check, bits)
        empty = made.start >= made.end
        if empty.any():
            needs_check[document[empty]] = True
            made = made.take(np.flatnonzero(~empty))
        return _each_once(made)

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
            bits=self.bits,
        )

    def within(self, zones: tuple[Index, Index, Index]) -> SpanColumns:
        """The spans that no zone contains; zones are (document, start, end), sorted and disjoint."""
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
        first: likewise, of the first ``MAX_EVIDENCE`` sentences that each item gives.
        scores: shape (items, labels), NaN for items without scores; of no rows where no item has any.
        position: shape (items,), index of each item in the order of the file.
        needs_check: shape (documents,): documents that answer a question twice. The first answer stands.
    """

    document: Index
    label: Index
    key: Index
    position: Index
    parts: tuple[Index, ...]
    evidence: tuple[Index, Index]
    first: tuple[Index, Index]
    scores: Array
    needs_check: Mask

    @classmethod
    def of(cls, sizes: Index, columns: Mapping[str, Any], parts: Sequence[str]) -> KeyedColumns:
        """Columns of the items of each document, ``sizes`` of them."""
        scores = columns["scores"] if "scores" in columns else np.zeros((0, 0))
        document = np.repeat(np.arange(len(sizes)), sizes)
        needs_check = np.zeros(len(sizes), np.bool_)
        of_parts = tuple(columns[part] for part in parts)
        key = document
        for part in of_parts:
            key = key << 2 * _BITS // len(of_parts) | part
        shown, sentences = columns["evidence"]
        owner = np.repeat(np.arange(len(document)), shown)
        early = np.arange(len(owner)) - np.repeat(np.cumsum(shown) - shown, shown) < MAX_EVIDENCE
        evidence, first = (owner, sentences), (owner[early], sentences[early])
        position = np.arange(len(document))
        made = _each_once(
            cls(document, columns["label"], key, position, of_parts, evidence, first, scores, needs_check)
        )
        return replace(made, evidence=_distinct(*made.evidence), first=_distinct(*made.first))

    def take(self, which: Index) -> KeyedColumns:
        """Some of the items, in this order."""
        rank = np.full(len(self.key), -1, np.int64)
        rank[which] = np.arange(len(which))
        evidence, first = (
            (rank[owner[kept]], sentences[kept])
            for owner, sentences in (self.evidence, self.first)
            for kept in [rank[owner] >= 0]
        )
        return KeyedColumns(
            self.document[which],
            self.label[which],
            self.key[which],
            self.position[which],
            tuple(part[which] for part in self.parts),
            evidence,
            first,
            self.scores[which] if len(self.scores) else self.scores,
            self.needs_check,
        )

    def __len__(self) -> int:
        return len(self.key)


_Columns = TypeVar("_Columns", SpanColumns, KeyedColumns)


def _each_once(made: _Columns) -> _Columns:
    """Rows in the order of their keys; of equal keys the first stands, and its document needs a check."""
    if len(made) > 1 and not (made.key[1:] > made.key[:-1]).all():
        made = made.take(np.argsort(made.key, kind="stable"))
        again = np.flatnonzero(made.key[1:] == made.key[:-1]) + 1
        if len(again):
            made.needs_check[made.document[again]] = True
            made = made.take(np.delete(np.arange(len(made)), again))
    return made


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
