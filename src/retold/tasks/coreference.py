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

Only integers are kept, five for each mention: clusters are joined across documents once all are read.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from msgspec import UNSET

from retold.measures import Array, f1, ratio
from retold.measures.clusters import ClusterOverlaps, bcubed, blanc, ceaf, lea, muc
from retold.records import Mention
from retold.tasks import Place

__all__ = ["MEASURE_NAMES", "MentionTable", "measures_of"]

Index = npt.NDArray[np.int64]

_PARTS: Final = ("precision", "recall", "f1")
_FAMILIES: Final = ("muc", "b3", "ceafm", "ceafe", "blanc", "lea")
MEASURE_NAMES: Final = (
    *(f"entities.coreference.{family}.{part}" for family in _FAMILIES for part in _PARTS),
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
        for family in _FAMILIES
        for index, part in enumerate(_PARTS)
    }
    headline = np.stack([triples["muc"][2], triples["b3"][2], triples["ceafe"][2]])
    defined = ~np.isnan(headline)
    values["entities.coreference.conll"] = ratio(np.where(defined, headline, 0.0).sum(axis=0), defined.sum(axis=0))
    return values


class _Codes:
    """Integers for keys, in order of first sight."""

    __slots__ = ("codes",)

    def __init__(self) -> None:
        self.codes: dict[Any, int] = {}

    def __call__(self, key: Any) -> int:
        return self.codes.setdefault(key, len(self.codes))

    def __len__(self) -> int:
        return len(self.codes)


class MentionTable:
    """The mentions of gold and prediction as integers: unit, document, language, gold cluster, predicted cluster."""

    def __init__(self) -> None:
        self.units, self.documents, self.languages = _Codes(), _Codes(), _Codes()
        self.gold, self.predicted = _Codes(), _Codes()
        self.events = _Codes()
        self._rows = array("q")
        self._gold_events, self._predicted_events = array("q"), array("q")

    def add(self, place: Place, gold: Sequence[Mention], predicted: Sequence[Mention]) -> None:
        """Add one document's mentions. Predictions outside title and body count neither way."""
        event = self.events(place.event)
        document, language = self.documents(place.document_id), self.languages(place.language)
        wanted = {(m.start, m.end): self._cluster(self.gold, self._gold_events, event, place, m) for m in gold}
        given = {
            (m.start, m.end): self._cluster(self.predicted, self._predicted_events, event, place, m)
            for m in predicted
            if place.annotated(m.start, m.end)
        }
        for span, cluster in wanted.items():
            unit = self.units(place.unit_at(span[0]))
            self._rows.extend((unit, document, language, cluster, given.get(span, -1)))
        for span, cluster in given.items():
            if span not in wanted:
                unit = self.units(place.unit_at(span[0]))
                self._rows.extend((unit, document, language, -1, cluster))

    def _cluster(self, codes: _Codes, events: array[int], event: int, place: Place, mention: Mention) -> int:
        if mention.entity is UNSET:
            code = codes((event, place.document_id, mention.start, mention.end))
        else:
            code = codes((event, mention.entity))
        if code == len(events):
            events.append(event)
        return code

    @property
    def rows(self) -> Index:
        """Shape (mentions, 5)."""
        return np.frombuffer(self._rows, dtype=np.int64).reshape(-1, 5) if self._rows else np.zeros((0, 5), np.int64)

    def overlaps(self, rows: Index | None = None) -> ClusterOverlaps:
        """The overlaps of all mentions, or of those in ``rows``, as one sum: leading axis 1."""
        rows = self.rows if rows is None else rows
        pairs, _, amounts = self._pairs(rows, np.zeros(len(rows), np.int64))
        return self._overlaps(pairs, np.asarray(amounts, dtype=np.float64))

    def by_unit(self, units: Sequence[str]) -> tuple[ClusterOverlaps, Array]:
        """The overlaps' pairs and, for each unit in order, how many mentions each pair has there: (units, pairs)."""
        position = {unit: index for index, unit in enumerate(units)}
        codes = np.array([position[unit] for unit in self.units.codes], dtype=np.int64)
        rows = self.rows
        groups = codes[rows[:, 0]] if len(rows) else np.zeros(0, np.int64)
        pairs, group, amounts = self._pairs(rows, groups)
        counts = np.zeros((len(units), len(pairs)))
        for index, (at, amount) in enumerate(zip(group, amounts, strict=True)):
            counts[at, index] = amount
        unique, inverse = np.unique(pairs, axis=0, return_inverse=True)
        summed = np.zeros((len(units), len(unique)))
        np.add.at(summed.T, inverse.ravel(), counts.T)
        return self._overlaps(unique, summed.sum(axis=0)[None, :]), summed

    def within(self) -> ClusterOverlaps:
        """The overlaps with every cluster cut at document borders."""
        rows = self.rows
        count = len(self.documents)
        gold = np.where(rows[:, 3] >= 0, rows[:, 3] * count + rows[:, 1], -1)
        predicted = np.where(rows[:, 4] >= 0, rows[:, 4] * count + rows[:, 1], -1)
        gold_ids, gold = _compact(gold)
        predicted_ids, predicted = _compact(predicted)
        pairs, amounts = np.unique(np.stack([gold, predicted], axis=1), axis=0, return_counts=True)
        # Each document is an event of its own here, so that no non-coreference link crosses documents either.
        return ClusterOverlaps(
            gold=pairs[:, 0],
            predicted=pairs[:, 1],
            mentions=amounts.astype(np.float64)[None, :],
            gold_events=gold_ids % max(count, 1),
            predicted_events=predicted_ids % max(count, 1),
        )

    def cross_lingual(self) -> dict[str, Any]:
        """Precision, recall and F1 of links between mentions in different languages, and their counts."""
        rows = self.rows
        both = rows[(rows[:, 3] >= 0) & (rows[:, 4] >= 0)]
        languages = len(self.languages)
        common = _crossing(both[:, 3] * (len(self.predicted) + 1) + both[:, 4], both[:, 2], languages)
        gold = _crossing(rows[rows[:, 3] >= 0, 3], rows[rows[:, 3] >= 0, 2], languages)
        predicted = _crossing(rows[rows[:, 4] >= 0, 4], rows[rows[:, 4] >= 0, 2], languages)
        at = np.float64
        return {
            "precision": float(ratio(at(common), at(predicted))),
            "recall": float(ratio(at(common), at(gold))),
            "f1": float(f1(at(common), at(predicted), at(gold))),
            "counts": {"links_correct": common, "links_predicted": predicted, "links_gold": gold},
        }

    def references(self) -> dict[tuple[str, str], str | None]:
        """What each predicted cluster refers to: (event, predicted key) -> gold key, None where it is nobody."""
        rows = self.rows
        both = rows[(rows[:, 3] >= 0) & (rows[:, 4] >= 0)][:, 3:5]
        pairs, amounts = np.unique(both, axis=0, return_counts=True)
        gold_sizes = np.bincount(rows[rows[:, 3] >= 0, 3], minlength=len(self.gold))
        gold_keys, predicted_keys = list(self.gold.codes), list(self.predicted.codes)
        event_names = list(self.events.codes)
        best: dict[int, tuple[tuple[int, float], int | None]] = {}
        for (gold, predicted), shared in zip(pairs.tolist(), amounts.tolist(), strict=True):
            merit = shared, shared / gold_sizes[gold]
            known = best.get(predicted)
            if known is None or merit > known[0]:
                best[predicted] = merit, gold
            elif merit == known[0]:
                best[predicted] = merit, None
        found: dict[tuple[str, str], str | None] = {}
        for code, key in enumerate(predicted_keys):
            if len(key) == 2:
                target = best[code][1] if code in best else None
                named = target is not None and len(gold_keys[target]) == 2
                found[event_names[key[0]], key[1]] = gold_keys[target][1] if named and target is not None else None
        return found

    def _pairs(self, rows: Index, groups: Index) -> tuple[Index, Index, Index]:
        """Distinct (gold, predicted) by group: (pairs, group of each, mentions of each), in sorted order."""
        if not len(rows):
            return np.zeros((0, 2), np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)
        keys = np.lexsort((rows[:, 4], rows[:, 3], groups))
        table = np.stack([groups[keys], rows[keys, 3], rows[keys, 4]], axis=1)
        first = np.flatnonzero(np.append(True, (table[1:] != table[:-1]).any(axis=1)))
        amounts = np.diff(np.append(first, len(table)))
        return table[first, 1:], table[first, 0], amounts

    def _overlaps(self, pairs: Index, mentions: Array) -> ClusterOverlaps:
        return ClusterOverlaps(
            gold=pairs[:, 0],
            predicted=pairs[:, 1],
            mentions=np.atleast_2d(mentions),
            gold_events=np.array(self._gold_events, dtype=np.int64),
            predicted_events=np.array(self._predicted_events, dtype=np.int64),
        )


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
