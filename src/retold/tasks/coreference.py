"""Coreference: which mentions, across all documents of an event, refer to the same entity?

Task. Give every mention a cluster key; equal keys mean the same entity in all documents and languages of the event.

Conventions.
    The documents of an event are taken as one text. Mentions match if their spans are equal, whatever their type or
    kind. Singletons stay. A mention without a key is a cluster of its own.
    The measures are those of ``retold.measures.clusters``; CoNLL is the mean F1 of MUC, B3 and CEAFe.
    ``within`` takes each document by itself: clusters are cut at document borders.
    ``cross-lingual`` counts the links that the others cannot see alone: pairs of mentions in different languages.
    Precision and recall are over such pairs in the predicted and the gold clusters.
    0/0 is undefined: without any cross-lingual link there is no recall.

Only integers are kept, seven for each mention: clusters are joined across documents once all are read.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from msgspec import UNSET

from retold.measures import Array, f1, ratio
from retold.measures.clusters import FAMILIES, ClusterOverlaps, bcubed, blanc, ceaf, lea, muc
from retold.records import Mention
from retold.tasks import Place

__all__ = ["MEASURE_NAMES", "MentionTable", "Mentions", "measures_of"]

Index = npt.NDArray[np.int64]

_PARTS: Final = ("precision", "recall", "f1")
MEASURE_NAMES: Final = (
    *(f"entities.coreference.{family}.{part}" for family in FAMILIES for part in _PARTS),
    "entities.coreference.conll",
)


def measures_of(overlaps: ClusterOverlaps) -> dict[str, Array]:
    """Every coreference measure of a table of overlaps, each of shape (resamples,)."""
    triples = {
        "muc": muc(overlaps),
        "b3": bcubed(overlaps),
        **ceaf(overlaps),
        "blanc": blanc(overlaps),
        "lea": lea(overlaps),
    }
    values = {
        f"entities.coreference.{family}.{part}": triples[family][index]
        for family in FAMILIES
        for index, part in enumerate(_PARTS)
    }
    headline = np.stack([triples["muc"][2], triples["b3"][2], triples["ceafe"][2]])
    defined = ~np.isnan(headline)
    values["entities.coreference.conll"] = ratio(np.where(defined, headline, 0.0).sum(axis=0), defined.sum(axis=0))
    return values


class _Codes(dict[Any, int]):
    """Integers for keys, in order of first sight."""

    __slots__ = ()

    def __call__(self, key: Any) -> int:
        return self.setdefault(key, len(self))


class MentionTable:
    """Collects the mentions of gold and prediction as integers, document by document."""

    def __init__(self) -> None:
        self._units, self._documents, self._languages, self._events = _Codes(), _Codes(), _Codes(), _Codes()
        self._gold, self._predicted = _Codes(), _Codes()
        #: document, start, end, unit, language, gold cluster, predicted cluster; -1 for no cluster.
        self._rows = array("q")

    def add(self, place: Place, gold: Sequence[Mention], predicted: Sequence[Mention]) -> None:
        """Add one document's mentions. Predictions outside title and body count neither way."""
        event = self._events(place.event)
        document, language = self._documents(place.document_id), self._languages(place.language)
        wanted = {(m.start, m.end): self._gold(_key(event, document, m)) for m in gold}
        given = {
            (m.start, m.end): self._predicted(_key(event, document, m))
            for m in predicted
            if place.annotated(m.start, m.end)
        }
        for span in wanted.keys() | given.keys():
            unit = self._units(place.unit_at(span[0]))
            self._rows.extend((document, *span, unit, language, wanted.get(span, -1), given.get(span, -1)))

    def settle(self) -> Mentions:
        """Number everything by place in the text, so that neither the order of lines nor names of clusters matter."""
        table = np.array(self._rows, dtype=np.int64).reshape(-1, 7)
        documents, document_rank = _sorted(self._documents)
        units, unit_rank = _sorted(self._units)
        languages, language_rank = _sorted(self._languages)
        table = table[np.lexsort((table[:, 2], table[:, 1], document_rank[table[:, 0]]))]
        gold_keys, gold = _by_first_sight(list(self._gold), table[:, 5])
        predicted_keys, predicted = _by_first_sight(list(self._predicted), table[:, 6])
        return Mentions(
            documents=documents,
            units=units,
            languages=languages,
            events=list(self._events),
            gold_keys=gold_keys,
            predicted_keys=predicted_keys,
            document=document_rank[table[:, 0]],
            unit=unit_rank[table[:, 3]],
            language=language_rank[table[:, 4]],
            gold=gold,
            predicted=predicted,
        )


#: (event, name) of a named cluster, (event, document, start, end) of a mention without one.
_ClusterKey = tuple[int, str] | tuple[int, int, int, int]


def _key(event: int, document: int, mention: Mention) -> _ClusterKey:
    return (event, document, mention.start, mention.end) if mention.entity is UNSET else (event, mention.entity)


def _sorted(codes: _Codes) -> tuple[list[str], Index]:
    """Names in alphabetical order, and the place of each code in it."""
    names = sorted(codes)
    rank = np.zeros(len(names), np.int64)
    rank[[codes[name] for name in names]] = np.arange(len(names))
    return names, rank


def _by_first_sight(keys: list[_ClusterKey], column: Index) -> tuple[list[_ClusterKey], Index]:
    """Clusters renumbered in the order in which the column first names them."""
    seen, first = np.unique(column, return_index=True)
    ordered = [code for code in seen[np.argsort(first)].tolist() if code >= 0]
    rank = np.full(len(keys) + 1, -1, np.int64)
    rank[ordered] = np.arange(len(ordered))
    return [keys[code] for code in ordered], rank[column]


@dataclass(frozen=True)
class Mentions:
    """The mentions of gold and prediction, in the order of the text.

    Attributes:
        documents, units, languages, events: names that the arrays' codes stand for.
        gold_keys, predicted_keys: what named each cluster.
        document, unit, language: shape (mentions,), codes.
        gold, predicted: shape (mentions,), cluster of each mention, -1 where the side does not have it.
    """

    documents: list[str]
    units: list[str]
    languages: list[str]
    events: list[str]
    gold_keys: list[_ClusterKey]
    predicted_keys: list[_ClusterKey]
    document: Index
    unit: Index
    language: Index
    gold: Index
    predicted: Index

    def overlaps(self, keep: npt.NDArray[np.bool_] | None = None) -> ClusterOverlaps:
        """The overlaps of all mentions, or of those to keep, as one sum: leading axis 1."""
        gold, predicted = (self.gold, self.predicted) if keep is None else (self.gold[keep], self.predicted[keep])
        pairs, inverse = _pairs(gold, predicted)
        amounts = np.bincount(inverse, minlength=len(pairs)).astype(np.float64)
        return self._overlaps(pairs, amounts[None, :])

    def by_unit(self, units: Sequence[str]) -> tuple[ClusterOverlaps, Any]:
        """The overlaps, and for each unit how many mentions each pair has there: sparse, shape (units, pairs)."""
        from scipy.sparse import coo_array

        position = {unit: index for index, unit in enumerate(units)}
        rank = np.array([position[unit] for unit in self.units], dtype=np.int64)
        pairs, inverse = _pairs(self.gold, self.predicted)
        at = rank[self.unit] if len(rank) else self.unit
        counts = coo_array((np.ones(len(at)), (at, inverse)), shape=(len(units), len(pairs))).tocsr()
        amounts = np.bincount(inverse, minlength=len(pairs)).astype(np.float64)
        return self._overlaps(pairs, amounts[None, :]), counts

    def pair_count(self) -> int:
        """Number of distinct pairs of a gold and a predicted cluster that share mentions."""
        return len(_pairs(self.gold, self.predicted)[0])

    def within(self) -> ClusterOverlaps:
        """The overlaps with every cluster cut at document borders.

        Each document is an event of its own here, so that no non-coreference link crosses documents either.
        """
        count = max(len(self.documents), 1)
        gold_ids, gold = _compact(np.where(self.gold >= 0, self.gold * count + self.document, -1))
        predicted_ids, predicted = _compact(np.where(self.predicted >= 0, self.predicted * count + self.document, -1))
        pairs, inverse = _pairs(gold, predicted)
        return ClusterOverlaps(
            gold=pairs[:, 0],
            predicted=pairs[:, 1],
            mentions=np.bincount(inverse, minlength=len(pairs)).astype(np.float64)[None, :],
            gold_events=gold_ids % count,
            predicted_events=predicted_ids % count,
        )

    def cross_lingual(self) -> dict[str, Any]:
        """Precision, recall and F1 of links between mentions in different languages, and their counts."""
        wanted, given = self.gold >= 0, self.predicted >= 0
        both = wanted & given
        count = len(self.languages)
        joint = self.gold[both] * (len(self.predicted_keys) + 1) + self.predicted[both]
        common = _crossing(joint, self.language[both], count)
        gold = _crossing(self.gold[wanted], self.language[wanted], count)
        predicted = _crossing(self.predicted[given], self.language[given], count)
        at = np.asarray
        return {
            "precision": float(ratio(at(common), at(predicted))),
            "recall": float(ratio(at(common), at(gold))),
            "f1": float(f1(at(common), at(predicted), at(gold))),
            "counts": {"correct": common, "predicted": predicted, "gold": gold},
        }

    def references(self) -> dict[tuple[str, str], str | None]:
        """What each predicted cluster refers to: (event, predicted name) -> gold entity, None where it is nobody."""
        both = (self.gold >= 0) & (self.predicted >= 0)
        pairs, inverse = _pairs(self.gold[both], self.predicted[both])
        amounts = np.bincount(inverse, minlength=len(pairs)).tolist()
        sizes = np.bincount(self.gold[self.gold >= 0], minlength=len(self.gold_keys)).tolist()
        best: dict[int, tuple[tuple[int, float], int | None]] = {}
        for (gold, predicted), shared in zip(pairs.tolist(), amounts, strict=True):
            merit = shared, shared / sizes[gold]
            known = best.get(predicted)
            if known is None or merit > known[0]:
                best[predicted] = merit, gold
            elif merit == known[0]:
                best[predicted] = merit, None
        found: dict[tuple[str, str], str | None] = {}
        for code, key in enumerate(self.predicted_keys):
            if len(key) == 2:
                target = best[code][1] if code in best else None
                entity = None if target is None else self.gold_keys[target]
                found[self.events[key[0]], key[1]] = entity[1] if entity is not None and len(entity) == 2 else None
        return found

    def _overlaps(self, pairs: Index, mentions: Array) -> ClusterOverlaps:
        return ClusterOverlaps(
            gold=pairs[:, 0],
            predicted=pairs[:, 1],
            mentions=mentions,
            gold_events=np.array([key[0] for key in self.gold_keys], dtype=np.int64),
            predicted_events=np.array([key[0] for key in self.predicted_keys], dtype=np.int64),
        )


def _pairs(gold: Index, predicted: Index) -> tuple[Index, Index]:
    """Distinct (gold, predicted) pairs in sorted order, shape (pairs, 2), and the pair of each mention."""
    width = int(predicted.max(initial=-1)) + 2
    codes, inverse = np.unique((gold + 1) * width + predicted + 1, return_inverse=True)
    return np.stack([codes // width - 1, codes % width - 1], axis=1), inverse


def _compact(clusters: Index) -> tuple[Index, Index]:
    """Number clusters from 0, leaving -1 as it is: (old numbers, new number of each)."""
    ids, inverse = np.unique(clusters, return_inverse=True)
    if len(ids) and ids[0] == -1:
        return ids[1:], inverse - 1
    return ids, inverse


def _crossing(clusters: Index, languages: Index, count: int) -> int:
    """Pairs of mentions of one cluster in different languages."""
    if not len(clusters):
        return 0
    _, sizes = np.unique(clusters, return_counts=True)
    _, parts = np.unique(clusters * count + languages, return_counts=True)
    return int((sizes * (sizes - 1) // 2).sum() - (parts * (parts - 1) // 2).sum())
