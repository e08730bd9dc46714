"""Records into columns, some dozens at a time: what is touched while it is warm costs least."""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from struct import pack
from typing import Any, Final

import numpy as np
from msgspec import UNSET

from retold.layers.batches.columns import Index, LabelColumns, SpanColumns
from retold.layers.batches.naming import Namer, Names
from retold.layers.codes import Codes
from retold.model.annotations import (
    ENTITY_TYPES,
    MENTION_KINDS,
    STANCE_LABELS,
    VERIFICATION_LABELS,
    ClaimSpan,
    Mention,
    StanceCell,
    VerificationPair,
)

__all__ = ["NO_ID", "ClaimColumn", "Links", "MentionColumn", "PairColumn", "StanceColumn"]

#: Code of a link that is no id.
NO_ID: Final = -3
#: Quotes that a key takes in JSON, and those of a key and its string.
_KEY, _STRING = 2, 4

_TYPES: Final[dict[str, int]] = {name: code for code, name in enumerate(ENTITY_TYPES)}
_KINDS: Final[dict[str, int]] = {name: code for code, name in enumerate(MENTION_KINDS)}
_NOMINAL: Final = _KINDS["nominal"]
_STANCE: Final[dict[str, int]] = {name: code for code, name in enumerate(STANCE_LABELS)}
_VERDICTS: Final[dict[str, int]] = {name: code for code, name in enumerate(VERIFICATION_LABELS)}


class Links(dict[Any, int]):
    """Codes of knowledge base ids: -1 for null, -2 for none given, ``NO_ID`` for a string that is no id."""

    __slots__ = ("_is_kb_id", "ids")

    def __init__(self, is_kb_id: Callable[[str], bool]) -> None:
        super().__init__({None: -1, UNSET: -2})
        self._is_kb_id = is_kb_id
        #: The id of each code from 0; the last three are those of the codes below.
        self.ids: list[str] = []

    def __missing__(self, kb_id: str) -> int:
        if not self._is_kb_id(kb_id):
            self[kb_id] = NO_ID
            return NO_ID
        code = self[kb_id] = len(self.ids)
        self.ids.append(kb_id)
        return code


class _Integers:
    """A growing column of 64-bit integers."""

    __slots__ = ("_bytes",)

    def __init__(self) -> None:
        self._bytes = bytearray()

    def extend(self, values: Sequence[int]) -> None:
        """Append integers; packing them costs half of what an ``array`` takes for it."""
        self._bytes += pack(f"{len(values)}q", *values)

    def index(self) -> Index:
        """The column, not copied."""
        return np.frombuffer(self._bytes, np.int64)


class _Codes:
    """A growing column of codes below 256."""

    __slots__ = ("_bytes",)

    def __init__(self) -> None:
        self._bytes = bytearray()

    def extend(self, values: Iterable[int]) -> None:
        """Append codes."""
        self._bytes += bytes(values)

    def index(self) -> Index:
        """The column."""
        return np.frombuffer(self._bytes, np.uint8).astype(np.int64)


class _Column(ABC):
    """Labels of one layer and side of a batch.

    Labels are drained some documents at a time, column by column, while they are still in the processor's cache.

    Attributes:
        quotes: how many quotes the labels take, written as JSON without the defaults and with nothing to escape.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin a batch."""
        self._sizes: list[int] = []
        self._unfit: list[int] = []
        self.quotes = 0

    def drain(self, documents: list[Sequence[Any]]) -> None:
        """Make integers of the labels of some documents."""
        sizes = list(map(len, documents))
        if labels := list(chain.from_iterable(documents)):
            self._drain(labels, sizes)
        self._sizes += sizes

    @abstractmethod
    def _drain(self, labels: list[Any], sizes: list[int]) -> None:
        """Make integers of labels, ``sizes`` of them in each document."""

    def _put(self, column: Names, names: list[Any], sizes: list[int]) -> None:
        """Add names of all that is being drained; a document whose names no column holds is left to the tasks."""
        if not column.extend(names):
            at = 0
            for number, size in enumerate(sizes, len(self._sizes)):
                if size and not column.extend(names[at : at + size]):
                    self._unfit.append(number)
                    column.extend([UNSET] * size)
                at += size

    def _counted(self) -> Index:
        """Labels of each document."""
        return np.array(self._sizes, np.int64)


def _given(values: list[Any]) -> int:
    """How many values were given."""
    # A list's own count asks every value whether it is equal, which takes three times as long.
    return bytes([value is UNSET for value in values]).count(0)


class MentionColumn(_Column):
    """Mentions of one side of a batch.

    Args:
        clusters: codes of cluster names.
        links: codes of ids, those of ``Links``.
    """

    def __init__(self, clusters: Namer, links: Namer) -> None:
        self._clusters, self._links = clusters, links
        super().__init__()

    def clear(self) -> None:
        super().clear()
        self._start, self._end = _Integers(), _Integers()
        self._type, self._kind = _Codes(), _Codes()
        self._entity, self._kb = Names(), Names()

    def _drain(self, labels: list[Mention], sizes: list[int]) -> None:
        self._start.extend([m.start for m in labels])
        self._end.extend([m.end for m in labels])
        self._type.extend([_TYPES[m.type] for m in labels])
        kinds = bytes([_KINDS[m.kind] for m in labels])
        self._kind.extend(kinds)
        self.quotes += 2 * _KEY * len(labels) + _STRING * (len(labels) + kinds.count(_NOMINAL))
        self.quotes += _STRING * _given([m.text for m in labels])
        self._put(self._entity, [m.entity for m in labels], sizes)
        self._put(self._kb, [m.kb_id for m in labels], sizes)

    def columns(self) -> SpanColumns:
        """The batch."""
        self.quotes += _STRING * (self._entity.strings + self._kb.strings) + _KEY * self._kb.nulls
        labels = {
            "type": self._type.index(),
            "kind": self._kind.index(),
            "entity": self._clusters.codes(self._entity),
            "kb": self._links.codes(self._kb),
        }
        columns = SpanColumns.of(self._counted(), self._start.index(), self._end.index(), labels)
        columns.odd[self._unfit] = True
        return columns


class ClaimColumn(_Column):
    """Claim spans of one side of a batch.

    Args:
        sources: codes of the names of sources.
    """

    def __init__(self, sources: Namer) -> None:
        self._sources = sources
        super().__init__()

    def clear(self) -> None:
        super().clear()
        self._start, self._end, self._source = _Integers(), _Integers(), Names()

    def _drain(self, labels: list[ClaimSpan], sizes: list[int]) -> None:
        self._start.extend([c.start for c in labels])
        self._end.extend([c.end for c in labels])
        self._put(self._source, [c.source for c in labels], sizes)
        self.quotes += (2 * _KEY + _STRING) * len(labels)
        self.quotes += _STRING * (_given([c.text for c in labels]) + _given([c.claim for c in labels]))

    def columns(self) -> SpanColumns:
        """The batch."""
        labels = {"source": self._sources.codes(self._source)}
        columns = SpanColumns.of(self._counted(), self._start.index(), self._end.index(), labels)
        columns.odd[self._unfit] = True
        return columns


class _EvidenceColumn(_Column):
    """Labels of one side of a batch, with their evidence."""

    def clear(self) -> None:
        super().clear()
        self._label, self._shown, self._sentences = _Codes(), _Integers(), _Integers()

    def _show(self, given: list[Any]) -> None:
        """Add lists of evidence; what was not given is as good as empty."""
        self._shown.extend([len(evidence) if evidence else 0 for evidence in given])
        self._sentences.extend(list(chain.from_iterable(filter(None, given))))
        self.quotes += _KEY * _given(given)


class StanceColumn(_EvidenceColumn):
    """Stance cells of one side of a batch.

    Args:
        holders, targets: codes of their keys.
    """

    def __init__(self, holders: Codes, targets: Codes) -> None:
        self._holders, self._targets = holders, targets
        super().__init__()

    def clear(self) -> None:
        super().clear()
        self._holder, self._target, self._scored = _Integers(), _Integers(), _Integers()
        self._scores = array("d")
        self._cells = 0

    def _drain(self, labels: list[StanceCell], sizes: list[int]) -> None:
        holders, targets = self._holders, self._targets
        self._holder.extend([holders[c.holder] for c in labels])
        self._target.extend([targets[c.target] for c in labels])
        self._label.extend([_STANCE[c.label] for c in labels])
        self._show([c.evidence for c in labels])
        self.quotes += 3 * _STRING * len(labels)
        given = [c.scores for c in labels]
        if scored := _given(given):
            self.quotes += (1 + len(STANCE_LABELS)) * _KEY * scored
            self._scored.extend([place for place, scores in enumerate(given, self._cells) if scores is not UNSET])
            for scores in given:
                if scores is not UNSET:
                    self._scores.extend((scores.favor, scores.against, scores.none))
        self._cells += len(labels)

    def columns(self) -> LabelColumns:
        """The batch."""
        scores = np.zeros((0, len(STANCE_LABELS)))
        if self._scores:
            scores = np.full((self._cells, len(STANCE_LABELS)), np.nan)
            scores[self._scored.index()] = np.frombuffer(self._scores, np.float64).reshape(-1, len(STANCE_LABELS))
        return LabelColumns.of(
            self._counted(),
            self._label.index(),
            (self._holder.index(), self._target.index()),
            self._shown.index(),
            self._sentences.index(),
            scores,
        )


class PairColumn(_EvidenceColumn):
    """Verification pairs of one side of a batch.

    Args:
        claims: codes of their keys.
    """

    def __init__(self, claims: Codes) -> None:
        self._claims = claims
        super().__init__()

    def clear(self) -> None:
        super().clear()
        self._claim = _Integers()

    def _drain(self, labels: list[VerificationPair], sizes: list[int]) -> None:
        claims = self._claims
        self._claim.extend([claims[p.claim] for p in labels])
        self._label.extend([_VERDICTS[p.label] for p in labels])
        self._show([p.evidence for p in labels])
        self.quotes += 2 * _STRING * len(labels)

    def columns(self) -> LabelColumns:
        """The batch."""
        evidence = self._shown.index(), self._sentences.index()
        return LabelColumns.of(
            self._counted(), self._label.index(), (self._claim.index(),), *evidence, np.zeros((0, len(STANCE_LABELS)))
        )
