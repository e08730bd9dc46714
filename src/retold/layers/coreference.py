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

Only integers are kept, a few for each mention: clusters are joined across documents once all are read.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from retold.layers.base import Place
from retold.layers.codes import UNNAMED, Codes, EventCodes
from retold.measures.base import Array, f1, ratio, sort
from retold.measures.clusters import FAMILIES, ClusterOverlaps, Sums, added_up, conll_of, scores_of, sums_of
from retold.measures.jackknife import UnitOverlaps, leave_one_out
from retold.model.annotations import Mention

__all__ = ["CONLL", "MEASURE_NAMES", "MentionTable", "Mentions", "measures_of", "trials_of"]

Index = npt.NDArray[np.int64]

_PARTS: Final = ("precision", "recall", "f1")
#: Mentions whose documents are looked at together where each document stands by itself.
_MENTIONS_AT_ONCE: Final = 1 << 15
CONLL: Final = "entities.coreference.conll"
MEASURE_NAMES: Final = (
    *(f"entities.coreference.{family}.{part}" for family in FAMILIES for part in _PARTS),
    CONLL,
)


def measures_of(sums: Sums) -> dict[str, Array]:
    """Every coreference measure, each of shape (resamples,)."""
    triples = scores_of(sums)
    values = {
        f"entities.coreference.{family}.{part}": triples[family][index]
        for family in FAMILIES
        for index, part in enumerate(_PARTS)
    }
    values[CONLL] = conll_of(triples)
    return values


def trials_of(sums: Sums) -> dict[str, float]:
    """What each measure but CoNLL is a share of, for a Wilson interval where all or nothing is right.

    Links for MUC, clusters for CEAFe, mentions for the others: those predicted for precision, those of gold for recall,
    half of both for F1.
    """
    found = {}
    for family, values in sums.items():
        _, predicted, _, gold = values if family != "blanc" else (None, values[-2], None, values[-1])
        amounts = float(predicted[0]), float(gold[0])
        for part, trials in zip(_PARTS, (*amounts, sum(amounts) / 2), strict=True):
            found[f"entities.coreference.{family}.{part}"] = trials
    return found


class MentionTable:
    """Collects the mentions of gold and prediction as integers, document by document or batch by batch."""

    def __init__(self) -> None:
        self._units, self._documents, self._languages, self._events = Codes(), Codes(), Codes(), Codes()
        self._event_of: list[int] = []
        self._gold, self._predicted = EventCodes(), EventCodes()
        #: document, start, end, unit, language, gold and predicted cluster; -1 for none, -2 for an unnamed one.
        self._rows = array("q")
        self._parts: list[_Part] = []

    def add(self, place: Place, gold: Sequence[Mention], predicted: Sequence[Mention]) -> None:
        """Add one document's mentions. Predictions outside title and body count neither way."""
        document, language = self._document(place), self._languages[place.language]
        gold_codes, codes = self.clusters(place.event)
        wanted = {(m.start, m.end): gold_codes[m.entity] for m in gold}
        given = {(m.start, m.end): codes[m.entity] for m in predicted if place.annotated(m.start, m.end)}
        for span in wanted.keys() | given.keys():
            unit = self._units[place.unit_at(span[0])]
            self._rows.extend((document, *span, unit, language, wanted.get(span, -1), given.get(span, -1)))

    def clusters(self, event: str) -> tuple[dict[Any, int], dict[Any, int]]:
        """Codes of the clusters of an event by name, of gold and of the prediction."""
        code = self._events[event]
        return self._gold.of(code), self._predicted.of(code)

    def gold_name(self, cluster: int) -> str:
        """Name of a gold cluster by its code."""
        return str(self._gold.keys[cluster][1])

    def extend(self, places: Sequence[Place | None], document: Index, gold: Index, predicted: Index) -> None:
        """Add the mentions of documents whose unit is the document.

        Args:
            places: the documents, None for one without annotated mentions.
            document: shape (mentions,), the place of each mention's document, in order.
            gold, predicted: the cluster of each mention, in codes of ``clusters``; -1 where the side does not have it.
        """
        codes = [
            (self._document(place), self._units[place.unit_at(0)], self._languages[place.language])
            if place is not None
            else (-1, -1, -1)
            for place in places
        ]
        sizes = np.bincount(document, minlength=len(places))
        filled = np.flatnonzero(sizes)
        documents = np.column_stack([np.array(codes, np.int32)[filled], sizes[filled]]).astype(np.int32)
        self._parts.append(_Part(documents, gold.astype(np.int32), predicted.astype(np.int32)))

    def _document(self, place: Place) -> int:
        code = self._documents[place.document_id]
        if code == len(self._event_of):
            self._event_of.append(self._events[place.event])
        return code

    def merge(self, other: MentionTable) -> None:
        """Add the mentions of other documents, which another worker collected."""
        events = [self._events[name] for name in other._events]
        self._event_of += [events[event] for event in other._event_of]
        documents, units, languages = (
            np.array([mine[name] for name in theirs], np.int32)
            for mine, theirs in (
                (self._documents, other._documents),
                (self._units, other._units),
                (self._languages, other._languages),
            )
        )
        gold, predicted = (
            # The last two places are reached by the codes -2 and -1, which stand for themselves.
            np.array([*(mine.of(events[event])[name] for event, name in theirs.keys), UNNAMED, -1], np.int32)
            for mine, theirs in ((self._gold, other._gold), (self._predicted, other._predicted))
        )
        for part in other._all_parts():
            document, unit, language, size = part.documents.T
            renamed = np.column_stack([documents[document], units[unit], languages[language], size])
            self._parts.append(_Part(renamed, gold[part.gold], predicted[part.predicted]))

    def _all_parts(self) -> list[_Part]:
        """The parts, and the rows of ``add`` as a part: those of a document together, in the order of the text."""
        rows = np.array(self._rows, dtype=np.int64).reshape(-1, 7)
        if not len(rows):
            return self._parts
        rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
        # A document whose mentions are in several units stands there once for each stretch of one of them.
        place = rows[:, [0, 3, 4]]
        first = np.flatnonzero(np.append(True, (place[1:] != place[:-1]).any(axis=1)))
        documents = np.column_stack([place[first], np.diff(first, append=len(rows))]).astype(np.int32)
        return [*self._parts, _Part(documents, rows[:, 5].astype(np.int32), rows[:, 6].astype(np.int32))]

    def settle(self) -> Mentions:
        """Number everything by place in the text, so that neither the order of lines nor names of clusters matter."""
        parts = self._all_parts()
        documents, document_rank = _sorted(self._documents)
        units, unit_rank = _sorted(self._units)
        languages, language_rank = _sorted(self._languages)
        table = np.concatenate([np.zeros((0, 4), np.int32), *(part.documents for part in parts)])
        ranks = document_rank[table[:, 0]]
        order = np.argsort(ranks, kind="stable")
        sizes = table[order, 3]
        ends = np.cumsum(table[:, 3])
        # Whole documents change places: from where each begins to where it is to begin.
        moved = (ends - table[:, 3])[order] - (np.cumsum(sizes) - sizes)
        place = np.arange(len(moved)).repeat(sizes)
        source = moved[place] + np.arange(len(place))
        event_of = np.zeros(len(documents), np.int64)
        event_of[document_rank] = self._event_of
        document = ranks[order][place]
        clusters = []
        for keys, column in ((self._gold.keys, "gold"), (self._predicted.keys, "predicted")):
            codes = np.concatenate([np.zeros(0, np.int32), *(getattr(part, column) for part in parts)])
            clusters.append(_by_first_sight(keys, codes[source], event_of, document))
        (gold_keys, gold), (predicted_keys, predicted) = clusters
        return Mentions(
            documents=documents,
            units=units,
            languages=languages,
            events=list(self._events),
            gold_keys=gold_keys,
            predicted_keys=predicted_keys,
            document=document,
            unit=unit_rank[table[order, 1]][place],
            language=language_rank[table[order, 2]][place],
            gold=gold,
            predicted=predicted,
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """Mentions of some documents, as 32-bit integers: there may be many millions.

    Attributes:
        documents: shape (documents, 4): codes of document, unit and language, and the number of mentions.
        gold, predicted: shape (mentions,), clusters, document after document in the order of the text.
    """

    documents: npt.NDArray[np.int32]
    gold: npt.NDArray[np.int32]
    predicted: npt.NDArray[np.int32]


#: (event, name) of a cluster; the name is None for a mention that names none.
_ClusterKey = tuple[int, str | None]


def _sorted(codes: Codes) -> tuple[list[str], npt.NDArray[np.int32]]:
    """Names in alphabetical order, and the place of each code in it."""
    names = sorted(codes)
    rank = np.zeros(len(names), np.int32)
    rank[[codes[name] for name in names]] = np.arange(len(names))
    return names, rank


def _by_first_sight(
    keys: Sequence[_ClusterKey], column: npt.NDArray[np.int32], event_of: Index, document: npt.NDArray[np.int32]
) -> tuple[list[_ClusterKey], Index]:
    """Clusters renumbered in the order in which the column first names them; every unnamed mention is one."""
    unnamed = np.flatnonzero(column == UNNAMED)
    column[unnamed] = len(keys) + np.arange(len(unnamed))
    seen = np.full(len(keys) + len(unnamed) + 1, len(column), np.int64)
    # Written from the back, the first mention of a cluster is what stays; the last place is that of no cluster.
    seen[column[::-1]] = np.arange(len(column))[::-1]
    ordered = np.argsort(seen[:-1], kind="stable")
    ordered = ordered[: int((seen[:-1] < len(column)).sum())]
    rank = np.full(len(seen), -1, np.int64)
    rank[ordered] = np.arange(len(ordered))
    unnamed_events = event_of[document[unnamed]].tolist()
    named = len(keys)
    found = [keys[code] if code < named else (unnamed_events[code - named], None) for code in ordered.tolist()]
    return found, rank[column]


@dataclass(frozen=True)
class Mentions:
    """The mentions of gold and prediction, in the order of the text.

    Attributes:
        documents, units, languages, events: names that the arrays' codes stand for.
        gold_keys, predicted_keys: what named each cluster.
        document, unit, language: shape (mentions,), codes, 32 bits wide: there may be many millions.
        gold, predicted: shape (mentions,), cluster of each mention, -1 where the side does not have it.
    """

    documents: list[str]
    units: list[str]
    languages: list[str]
    events: list[str]
    gold_keys: list[_ClusterKey]
    predicted_keys: list[_ClusterKey]
    document: npt.NDArray[np.int32]
    unit: npt.NDArray[np.int32]
    language: npt.NDArray[np.int32]
    gold: Index
    predicted: Index

    @cached_property
    def _pairs(self) -> tuple[Index, Index]:
        return _pairs(self.gold, self.predicted)

    def overlaps(self, keep: npt.NDArray[np.bool_] | None = None) -> ClusterOverlaps:
        """The overlaps of all mentions, or of those to keep, as one sum: leading axis 1."""
        pairs, inverse = self._pairs if keep is None else _pairs(self.gold[keep], self.predicted[keep])
        amounts = np.bincount(inverse, minlength=len(pairs)).astype(np.float64)
        return self._overlaps(pairs, amounts[None, :])

    def by_unit(self, units: Sequence[str]) -> tuple[ClusterOverlaps, Any]:
        """The overlaps, and for each unit how many mentions each pair has there: sparse, shape (units, pairs)."""
        from scipy.sparse import coo_array

        pairs, inverse = self._pairs
        at = self._unit_places(units)
        counts = coo_array((np.ones(len(at)), (at, inverse)), shape=(len(units), len(pairs))).tocsr()
        amounts = np.bincount(inverse, minlength=len(pairs)).astype(np.float64)
        return self._overlaps(pairs, amounts[None, :]), counts

    def without_each(self, units: Sequence[str]) -> dict[str, Array]:
        """Every coreference measure with each unit left out in turn, by name, shape (units,)."""
        pairs, inverse = self._pairs
        cells = self._unit_places(units) * max(len(pairs), 1) + inverse
        cells.sort()
        # Every cell once, and how often it stood there.
        first = np.flatnonzero(np.append(True, cells[1:] != cells[:-1])[: len(cells)])
        amounts = np.diff(first, append=len(cells))
        unit, pair = np.divmod(cells[first], max(len(pairs), 1))
        parts = UnitOverlaps(units=len(units), unit=unit, pair=pair, mentions=amounts.astype(np.float64))
        found = leave_one_out(self.overlaps(), parts)
        values = {
            f"entities.coreference.{family}.{part}": found[family][index]
            for family in FAMILIES
            for index, part in enumerate(_PARTS)
        }
        return {**values, CONLL: found["conll"][2]}

    def _unit_places(self, units: Sequence[str]) -> Index:
        """For each mention, the place of its unit among all units."""
        position = {unit: index for index, unit in enumerate(units)}
        rank = np.array([position[unit] for unit in self.units], dtype=np.int64)
        return rank[self.unit] if len(rank) else self.unit.astype(np.int64)

    def pair_count(self) -> int:
        """Number of distinct pairs of a gold and a predicted cluster that share mentions."""
        return len(self._pairs[0])

    def within(self) -> Sums:
        """The sums with every cluster cut at document borders.

        Each document is an event of its own here, so that no non-coreference link crosses documents either.
        """
        return added_up(map(sums_of, self._cut()))

    def _cut(self) -> Iterator[ClusterOverlaps]:
        """The overlaps of documents by themselves, in runs of documents that a processor's cache can hold."""
        gold_count, predicted_count = max(len(self.gold_keys), 1), max(len(self.predicted_keys), 1)
        first = np.flatnonzero(np.append(True, self.document[1:] != self.document[:-1]))
        bounds = [0, len(self.document)]
        if len(self.document):
            wanted = np.arange(_MENTIONS_AT_ONCE, len(self.document), _MENTIONS_AT_ONCE)
            bounds[1:1] = np.unique(first[np.searchsorted(first, wanted, side="right") - 1]).tolist()
        for start, end in pairwise(dict.fromkeys(bounds)):
            document = self.document[start:end].astype(np.int64)
            document -= int(document.min(initial=0))
            gold, predicted = self.gold[start:end], self.predicted[start:end]
            gold_ids, gold = _compact(np.where(gold >= 0, document * gold_count + gold, -1))
            predicted_ids, predicted = _compact(np.where(predicted >= 0, document * predicted_count + predicted, -1))
            pairs, inverse = _pairs(gold, predicted)
            yield ClusterOverlaps(
                gold=pairs[:, 0],
                predicted=pairs[:, 1],
                mentions=np.bincount(inverse, minlength=len(pairs)).astype(np.float64)[None, :],
                gold_events=gold_ids // gold_count,
                predicted_events=predicted_ids // predicted_count,
            )

    def cross_lingual(self) -> dict[str, Any]:
        """Precision, recall and F1 of links between mentions in different languages, and their counts."""
        if len(self.languages) < 2:
            return {**dict.fromkeys(_PARTS, math.nan), "counts": {"correct": 0, "predicted": 0, "gold": 0}}
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
        pairs, inverse = self._pairs
        both = (pairs >= 0).all(axis=1)
        pairs, amounts = pairs[both], np.bincount(inverse, minlength=len(pairs))[both]
        sizes = np.bincount(self.gold[self.gold >= 0], minlength=len(self.gold_keys))
        shares = amounts / sizes[pairs[:, 0]]
        # By predicted cluster, the best last: most mentions, then the larger share of the gold entity's.
        order = np.lexsort((shares, amounts, pairs[:, 1]))
        (gold, predicted), amounts, shares = pairs[order].T, amounts[order], shares[order]
        last = np.append(predicted[1:] != predicted[:-1], True)[: len(predicted)]
        rival = np.zeros(len(predicted), np.bool_)
        rival[1:] = (predicted[1:] == predicted[:-1]) & (amounts[1:] == amounts[:-1]) & (shares[1:] == shares[:-1])
        clear = last & ~rival
        best = dict(zip(predicted[clear].tolist(), gold[clear].tolist(), strict=True))
        found: dict[tuple[str, str], str | None] = {}
        for code, key in enumerate(self.predicted_keys):
            if key[1] is not None:
                target = best.get(code)
                found[self.events[key[0]], key[1]] = None if target is None else self.gold_keys[target][1]
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
    codes, inverse = _distinct((gold + 1) * width + predicted + 1)
    first = codes // width
    return np.stack([first - 1, codes - first * width - 1], axis=1), inverse


def _compact(clusters: Index) -> tuple[Index, Index]:
    """Number clusters from 0, leaving -1 as it is: (old numbers, new number of each)."""
    ids, inverse = _distinct(clusters)
    if len(ids) and ids[0] == -1:
        return ids[1:], inverse - 1
    return ids, inverse


def _distinct(codes: Index) -> tuple[Index, Index]:
    """Distinct codes in order, and the place among them of each: ``np.unique``, in a fraction of the time."""
    order, ordered = sort(codes)
    first = np.ones(len(codes), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    inverse = np.empty(len(codes), np.int64)
    inverse[order] = np.cumsum(first) - 1
    return ordered[first], inverse


def _crossing(clusters: Index, languages: npt.NDArray[np.int32], count: int) -> int:
    """Pairs of mentions of one cluster in different languages."""
    if not len(clusters):
        return 0
    _, sizes = np.unique(clusters, return_counts=True)
    _, parts = np.unique(clusters * count + languages, return_counts=True)
    return int((sizes * (sizes - 1) // 2).sum() - (parts * (parts - 1) // 2).sum())
