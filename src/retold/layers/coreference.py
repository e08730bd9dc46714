"""Coreference: which mentions, across all documents of an event, refer to the same entity?

Task. Give every mention a cluster key; equal keys mean the same entity in all documents and languages of the event.

Conventions.
    The documents of an event are taken as one text. Mentions match if their spans are equal, whatever their type or
    kind. Singletons are kept. A mention without a key is a cluster of its own.
    The measures are those of ``retold.measures.clusters``; CoNLL is the mean F1 of MUC, B3 and CEAFe.
    ``within`` takes each document by itself: clusters are cut at document borders.
    ``cross-lingual`` counts the links that the others cannot see alone: pairs of mentions in different languages.
    Precision and recall are over such pairs in the predicted and the gold clusters.
    0/0 is undefined: without any cross-lingual link there is no recall.

Only integers are kept, a few for each mention: clusters are joined across documents once all are read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from retold.layers.names import UNNAMED, Codes, EventCodes, EventNames
from retold.measures.base import Measure, f1, ratio, sort
from retold.measures.clusters import FAMILIES, ClusterOverlaps, Sums, Triple, added_up, conll_of, scores_of, sums_of
from retold.measures.jackknife import UnitOverlaps, leave_one_out
from retold.model.arrays import Array, Index, Mask, Small, np
from retold.model.packages import require

if TYPE_CHECKING:
    from retold.layers.base import Batch, DocumentContext, Matches

__all__ = [
    "CONLL",
    "COREFERENCE_MEASURES",
    "MEASURE_NAMES",
    "MentionTable",
    "Mentions",
    "measures_of",
    "no_sum",
    "trials_of",
]

_PARTS: Final = ("precision", "recall", "f1")
#: Mentions that are processed together where each document is scored by itself.
_MENTIONS_AT_ONCE: Final = 1 << 15
CONLL: Final = "entities.coreference.conll"
#: What is shown beside the measures.
CLUSTER_COUNTS: Final = ("correct", "predicted", "gold", "predicted_clusters", "gold_clusters")
MEASURE_NAMES: Final = (
    *(f"entities.coreference.{family}.{part}" for family in FAMILIES for part in _PARTS),
    CONLL,
)


_JOINED: Final = "The documents of an event are taken as one text."
_REFERENCES: Final = {
    "muc": ("the links that hold clusters together", "Vilain et al. 1995", "null where no cluster has a link"),
    "b3": (
        "mentions, each by the overlap of its clusters",
        "Bagga and Baldwin 1998; Pradhan et al. 2014",
        "null where there is no mention",
    ),
    "ceafm": (
        "the mentions of the best one-to-one alignment of clusters",
        "Luo 2005, phi3",
        "null where there is no mention",
    ),
    "ceafe": (
        "clusters, by their similarity in the best one-to-one alignment",
        "Luo 2005, phi4",
        "null where there is no cluster",
    ),
    "blanc": (
        "coreference links and non-coreference links, averaged",
        "Recasens and Hovy 2011; Luo et al. 2014",
        "null where there is no mention",
    ),
    "lea": (
        "clusters weighted by size, each by the share of its links that is found",
        "Moosavi and Strube 2016",
        "null where there is no mention",
    ),
}


def no_sum(name: str, definition: str, undefined: str, reference: str = "", counts: Sequence[str] = ()) -> Measure:
    """A measure that is no function of counts."""

    def refuse(counts: Any) -> Array:
        raise TypeError(f"{name} is not computed from sums of counts")

    return Measure(
        name=name,
        value=refuse,
        trials=refuse,
        counts=dict.fromkeys(counts, ()),
        definition=definition,
        reference=reference,
        undefined=undefined,
    )


#: Names and definitions of the measures; their values come from ``measures_of``.
COREFERENCE_MEASURES: Final = (
    *(
        no_sum(f"entities.coreference.{family}.{part}", f"{title} over {what}. {_JOINED}", lack, source, CLUSTER_COUNTS)
        for family, (what, source, lack) in _REFERENCES.items()
        for part, title in zip(_PARTS, ("Precision", "Recall", "F1"), strict=True)
    ),
    no_sum(
        CONLL,
        f"Mean F1 of MUC, B3 and CEAFe, over those that are defined. {_JOINED}",
        "null where there is no mention",
        "CoNLL-2012 (Pradhan et al. 2012)",
        CLUSTER_COUNTS,
    ),
)


def measures_of(sums: Sums) -> dict[str, Array]:
    """Every coreference measure, each of shape (resamples,)."""
    return _named(scores_of(sums))


def _named(triples: Mapping[str, Triple]) -> dict[str, Array]:
    values = {
        f"entities.coreference.{family}.{part}": triples[family][index]
        for family in FAMILIES
        for index, part in enumerate(_PARTS)
    }
    return {**values, CONLL: conll_of(triples)}


def trials_of(sums: Sums) -> dict[str, float]:
    """Number of trials behind each measure but CoNLL, for a Wilson interval at 0 or 1.

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
    """Collects the mentions of gold and prediction as integers, batch by batch.

    Args:
        by_document: whether a cluster key means the same entity within a document only.
        shared: whether both sides name the same clusters, as two annotators do.
    """

    def __init__(self, *, by_document: bool = False, shared: bool = False) -> None:
        self._by_document = by_document
        self._units, self._documents, self._languages, self._events = Codes(), Codes(), Codes(), Codes()
        self._event_of: list[int] = []
        self._gold = EventCodes()
        self._predicted = self._gold if shared else EventCodes()
        self._parts: list[_Part] = []

    def clusters(self, event: str) -> tuple[EventNames, EventNames]:
        """Codes of the clusters of an event by name, of gold and of the prediction."""
        code = self._events[event]
        return self._gold.of(code), self._predicted.of(code)

    def extend(self, batch: Batch, matches: Matches) -> None:
        """Add the gold and predicted mentions of a batch."""
        gold, predicted = matches.gold, matches.predicted
        alone = np.flatnonzero(matches.equal < 0)
        # The last one is for mentions that were not predicted.
        given = np.append(predicted.labels["entity"], -1)[matches.same()]
        order = np.argsort(np.concatenate([gold.key, predicted.key[alone]]), kind="stable")
        document = np.concatenate([gold.document, predicted.document[alone]])[order]
        unit_names, unit = batch.units_of_spans(document, np.append(gold.start, predicted.start[alone])[order])
        codes = np.full((len(batch.documents), 2), -1, np.int64)
        for number in np.flatnonzero(batch.asked["entities"]).tolist():
            codes[number] = self._document(batch.documents[number]), self._languages[batch.documents[number].language]
        unit_codes = np.array([self._units[unit_names[code]] if code >= 0 else -1 for code in _seen(unit)], np.int64)
        # A stretch is a run of mentions in one unit of a document; a document may have several.
        changes = (document[1:] != document[:-1]) | (unit[1:] != unit[:-1])
        first = np.flatnonzero(np.append(True, changes)[: len(document)])
        stretches = np.column_stack(
            [
                codes[document[first], 0],
                unit_codes[unit[first]],
                codes[document[first], 1],
                np.diff(first, append=len(document)),
            ]
        )
        self._parts.append(
            _Part(
                stretches.astype(np.int32),
                np.append(gold.labels["entity"], np.full(len(alone), -1, np.int64))[order].astype(np.int32),
                np.append(given, predicted.labels["entity"][alone])[order].astype(np.int32),
            )
        )

    def _document(self, context: DocumentContext) -> int:
        code = self._documents[context.document_id]
        if code == len(self._event_of):
            self._event_of.append(self._events[context.event])
        return code

    def name_clusters(self, event: str, mentions: Sequence[Any]) -> None:
        """Take note of the clusters of predicted mentions that count neither way."""
        names = self.clusters(event)[1]
        for mention in mentions:
            names[mention.entity]

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
            # The codes -2 and -1 index the last two elements, and so map to themselves.
            np.array([*(mine.of(events[event])[name] for event, name in theirs.keys), UNNAMED, -1], np.int32)
            for mine, theirs in ((self._gold, other._gold), (self._predicted, other._predicted))
        )
        for part in other._parts:
            document, unit, language, size = part.documents.T
            renamed = np.column_stack([documents[document], units[unit], languages[language], size])
            self._parts.append(_Part(renamed, gold[part.gold], predicted[part.predicted]))

    def finalize(self) -> Mentions:
        """Renumber everything in text order, so that neither the order of lines nor cluster names matter.

        Empties the table: there is no room for two copies of millions of mentions.
        """
        documents, document_rank = _sorted(self._documents)
        units, unit_rank = _sorted(self._units)
        languages, language_rank = _sorted(self._languages)
        parts, self._parts = self._parts, []
        table = np.concatenate([np.zeros((0, 4), np.int32), *(part.documents for part in parts)])
        ranks = document_rank[table[:, 0]]
        # Documents move as blocks, from where each begins to where it should begin.
        order = np.argsort(ranks, kind="stable")
        sizes = table[order, 3]
        moved = (np.cumsum(table[:, 3]) - table[:, 3])[order] - (np.cumsum(sizes) - sizes)
        source = moved.astype(np.int32).repeat(sizes)
        source += np.arange(len(source), dtype=np.int32)
        event_of = np.zeros(len(documents), np.int32)
        event_of[document_rank] = self._event_of
        stretches = np.column_stack([ranks[order], unit_rank[table[order, 1]], language_rank[table[order, 2]], sizes])
        document = ranks[order].repeat(sizes)
        clusters = []
        for keys, column in ((self._gold.keys, "gold"), (self._predicted.keys, "predicted")):
            codes = np.concatenate([np.zeros(0, np.int32), *(getattr(part, column) for part in parts)])[source]
            clusters.append(_by_first_sight(keys, codes, event_of, document))
        events = list(self._events)
        if self._by_document:
            clusters = [_divided(keys, column, document) for keys, column in clusters]
            events = documents
        (gold_keys, gold), (predicted_keys, predicted) = clusters
        counted = set(predicted_keys)
        return Mentions(
            documents=documents,
            units=units,
            languages=languages,
            events=events,
            by_document=self._by_document,
            event_names=list(self._events),
            event_of=event_of.astype(np.int32),
            gold_keys=gold_keys,
            predicted_keys=predicted_keys,
            stretches=stretches,
            gold=gold,
            predicted=predicted,
            uncounted_keys=[key for key in self._predicted.keys if key not in counted],
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """Mentions of some documents, as 32-bit integers: there may be many millions.

    Attributes:
        documents: shape (documents, 4): codes of document, unit and language, and the number of mentions.
        gold, predicted: shape (mentions,), clusters, document after document in the order of the text.
    """

    documents: Small
    gold: Small
    predicted: Small


#: (event, name) of a cluster; the name is None for a mention that names none.
_ClusterKey = tuple[int, str | None]


def _sorted(codes: Codes) -> tuple[list[str], Small]:
    """Names in alphabetical order, and the rank of each code."""
    names = sorted(codes)
    rank = np.zeros(len(names), np.int32)
    rank[[codes[name] for name in names]] = np.arange(len(names))
    return names, rank


def _by_first_sight(
    keys: Sequence[_ClusterKey], column: Small, event_of: Small, document: Small
) -> tuple[list[_ClusterKey], Small]:
    """Clusters renumbered in the order in which the column first names them; every unnamed mention is one."""
    unnamed = np.flatnonzero(column == UNNAMED)
    column[unnamed] = len(keys) + np.arange(len(unnamed))
    seen = np.full(len(keys) + len(unnamed) + 1, len(column), np.int32)
    # Written back to front, so that a cluster's first mention remains; the last element is for no cluster.
    seen[column[::-1]] = np.arange(len(column), dtype=np.int32)[::-1]
    ordered = np.argsort(seen[:-1], kind="stable")
    ordered = ordered[: int((seen[:-1] < len(column)).sum())]
    rank = np.full(len(seen), -1, np.int32)
    rank[ordered] = np.arange(len(ordered), dtype=np.int32)
    unnamed_events = event_of[document[unnamed]].tolist()
    named = len(keys)
    found = [keys[code] if code < named else (unnamed_events[code - named], None) for code in ordered.tolist()]
    return found, rank[column]


def _divided(keys: Sequence[_ClusterKey], column: Small, document: Small) -> tuple[list[_ClusterKey], Small]:
    """Clusters cut at document borders; the event of each is then its document."""
    count = max(len(keys), 1)
    ids, column = _compact(np.where(column >= 0, document * np.int64(count) + column, -1))
    return [(code // count, keys[code % count][1]) for code in ids.tolist()], column


def _seen(codes: Index) -> list[int]:
    """Every code up to the largest, with -1 in place of those that do not occur."""
    found = np.full(int(codes.max(initial=-1)) + 1, -1, np.int64)
    found[codes] = codes
    return found.tolist()


@dataclass(frozen=True)
class Mentions:
    """The mentions of gold and prediction, in the order of the text.

    Attributes:
        documents, units, languages, events, event_names: names that the arrays' codes stand for.
        gold_keys, predicted_keys: (event, name) of each cluster.
        stretches: shape (stretches, 4): codes of document, unit and language, and how many mentions stand there.
        gold, predicted: shape (mentions,), cluster of each mention, -1 where the side does not have it. As all here,
            they are 32 bits wide: there may be many millions.
        event_of: shape (documents,): code of the event of each, in ``event_names``.
        by_document: whether clusters end with their document, which is then their event.
        uncounted_keys: (event, name) of predicted clusters all of whose mentions count neither way.
    """

    documents: list[str]
    units: list[str]
    languages: list[str]
    events: list[str]
    gold_keys: list[_ClusterKey]
    predicted_keys: list[_ClusterKey]
    stretches: Small
    gold: Small
    predicted: Small
    event_names: list[str]
    event_of: Small
    by_document: bool = False
    uncounted_keys: Sequence[_ClusterKey] = ()

    @property
    def document(self) -> Small:
        """Shape (mentions,): code of the document of each."""
        return self.stretches[:, 0].repeat(self.stretches[:, 3])

    @property
    def unit(self) -> Small:
        """Shape (mentions,): code of the unit of each."""
        return self.stretches[:, 1].repeat(self.stretches[:, 3])

    @property
    def language(self) -> Small:
        """Shape (mentions,): code of the language of each."""
        return self.stretches[:, 2].repeat(self.stretches[:, 3])

    @cached_property
    def _pairs(self) -> tuple[Index, Small]:
        return _pairs(self.gold, self.predicted)

    def overlaps(self, keep: Mask | None = None) -> ClusterOverlaps:
        """The overlaps of all mentions, or of those to keep, as one sum: leading axis 1."""
        pairs, inverse = self._pairs if keep is None else _pairs(self.gold[keep], self.predicted[keep])
        events = (np.array([key[0] for key in keys], np.int64) for keys in (self.gold_keys, self.predicted_keys))
        return _overlaps(pairs, inverse, *events)

    def by_unit(self, units: Sequence[str]) -> tuple[ClusterOverlaps, Any]:
        """The overlaps, and for each unit how many mentions each pair has there: sparse, shape (units, pairs)."""
        coo_array = require("scipy.sparse").coo_array
        pairs, inverse = self._pairs
        at = self._unit_indices(units)
        counts = coo_array((np.ones(len(at)), (at, inverse)), shape=(len(units), len(pairs))).tocsr()
        return self.overlaps(), counts

    def leave_one_out(self, units: Sequence[str]) -> dict[str, Array]:
        """Every coreference measure with each unit left out in turn, by name, shape (units,)."""
        pairs, inverse = self._pairs
        cells = self._unit_indices(units) * max(len(pairs), 1)
        cells += inverse
        cells.sort()
        # Each distinct cell, and how often it occurs.
        first = np.flatnonzero(np.append(True, cells[1:] != cells[:-1])[: len(cells)]).astype(np.int32)
        amounts = np.diff(first, append=np.int32(len(cells)))
        cells = cells[first]
        unit, pair = ((part(cells, max(len(pairs), 1))).astype(np.int32) for part in (np.floor_divide, np.remainder))
        del first, cells
        return _named(leave_one_out(self.overlaps(), UnitOverlaps(len(units), unit, pair, amounts)))

    def _unit_indices(self, units: Sequence[str]) -> Index:
        """For each mention, the index of its unit among all units."""
        position = {unit: index for index, unit in enumerate(units)}
        rank = np.array([position[unit] for unit in self.units], dtype=np.int64)
        return rank[self.unit]

    def within(self) -> Sums:
        """The sums with every cluster cut at document borders.

        Each document is an event of its own here, so that no non-coreference link crosses documents either.
        """
        return added_up(map(sums_of, self._cut())) if len(self.gold) else sums_of(self.overlaps())

    def _cut(self) -> Iterator[ClusterOverlaps]:
        """The overlaps of each document by itself, in batches that fit into the processor's cache."""
        gold_count, predicted_count = max(len(self.gold_keys), 1), max(len(self.predicted_keys), 1)
        documents, sizes = self.stretches[:, 0].astype(np.int64), self.stretches[:, 3]
        ends = np.cumsum(sizes)
        last = np.flatnonzero(np.append(documents[1:] != documents[:-1], True)[: len(documents)])
        wanted = np.arange(_MENTIONS_AT_ONCE, len(self.gold), _MENTIONS_AT_ONCE)
        cuts = np.unique(last[np.searchsorted(ends[last], wanted)]) + 1
        for low, high in pairwise(dict.fromkeys([0, *cuts.tolist(), len(documents)])):
            start, end = int(ends[low] - sizes[low]), int(ends[high - 1])
            document = (documents[low:high] - documents[low]).repeat(sizes[low:high])
            gold, predicted = self.gold[start:end], self.predicted[start:end]
            gold_ids, gold = _compact(np.where(gold >= 0, document * gold_count + gold, -1))
            predicted_ids, predicted = _compact(np.where(predicted >= 0, document * predicted_count + predicted, -1))
            pairs, inverse = _pairs(gold, predicted)
            yield _overlaps(pairs, inverse, gold_ids // gold_count, predicted_ids // predicted_count)

    def cross_lingual(self) -> dict[str, Any]:
        """Precision, recall and F1 of links between mentions in different languages, and their counts."""
        if len(self.languages) < 2:
            return {**dict.fromkeys(_PARTS, math.nan), "counts": {"correct": 0, "predicted": 0, "gold": 0}}
        wanted, given = self.gold >= 0, self.predicted >= 0
        both = wanted & given
        count = len(self.languages)
        language = self.language
        joint = self.gold[both].astype(np.int64) * (len(self.predicted_keys) + 1) + self.predicted[both]
        common = _crossing(joint, language[both], count)
        gold = _crossing(self.gold[wanted], language[wanted], count)
        predicted = _crossing(self.predicted[given], language[given], count)
        at = np.asarray
        return {
            "precision": float(ratio(at(common), at(predicted))),
            "recall": float(ratio(at(common), at(gold))),
            "f1": float(f1(at(common), at(predicted), at(gold))),
            "counts": {"correct": common, "predicted": predicted, "gold": gold},
        }

    def references(self) -> dict[tuple[str, str], str | None]:
        """What each predicted cluster refers to: (event, predicted name) -> gold entity, None where it is nobody.

        A cluster that has no counted mention, such as the name in a byline, is nobody: were its name read as a key of
        the catalogue, renaming it would change the result.

        Empty where clusters do not cross documents: a name then stands for itself.
        """
        if self.by_document:
            return {}
        pairs, inverse = self._pairs
        both = (pairs >= 0).all(axis=1)
        pairs, amounts = pairs[both], np.bincount(inverse, minlength=len(pairs))[both]
        sizes = np.bincount(self.gold[self.gold >= 0], minlength=len(self.gold_keys))
        shares = amounts / sizes[pairs[:, 0]]
        # Most mentions, then the larger share of the gold entity; nobody where two are equally good.
        for by_share in (False, True):
            values = shares if by_share else amounts.astype(np.float64)
            best = np.zeros(len(self.predicted_keys))
            np.maximum.at(best, pairs[:, 1], values)
            kept = values == best[pairs[:, 1]]
            pairs, amounts, shares = pairs[kept], amounts[kept], shares[kept]
        gold, predicted = pairs.T
        clear = np.bincount(predicted, minlength=len(self.predicted_keys))[predicted] == 1
        referents = dict(zip(predicted[clear].tolist(), gold[clear].tolist(), strict=True))
        found: dict[tuple[str, str], str | None] = {
            (self.events[event], name): None for event, name in self.uncounted_keys if name is not None
        }
        for code, key in enumerate(self.predicted_keys):
            if key[1] is not None:
                target = referents.get(code)
                found[self.events[key[0]], key[1]] = None if target is None else self.gold_keys[target][1]
        return found


def _overlaps(pairs: Index, inverse: Small, gold_events: Index, predicted_events: Index) -> ClusterOverlaps:
    mentions = np.bincount(inverse, minlength=len(pairs)).astype(np.float64)[None, :]
    return ClusterOverlaps(pairs[:, 0], pairs[:, 1], mentions, gold_events, predicted_events)


def _pairs(gold: Index | Small, predicted: Index | Small) -> tuple[Index, Small]:
    """Distinct (gold, predicted) pairs in sorted order, shape (pairs, 2), and the pair of each mention."""
    width = int(predicted.max(initial=-1)) + 2
    codes = gold.astype(np.int64)
    codes += 1
    codes *= width
    codes += predicted
    codes += 1
    found, inverse = _distinct(codes)
    first = found // width
    return np.stack([first - 1, found - first * width - 1], axis=1), inverse


def _compact(clusters: Index) -> tuple[Index, Small]:
    """Number clusters from 0, leaving -1 as it is: (old numbers, new number of each)."""
    clusters += 1
    ids, inverse = _distinct(clusters)
    ids -= 1
    if len(ids) and ids[0] == -1:
        return ids[1:], inverse - 1
    return ids, inverse


def _distinct(codes: Index) -> tuple[Index, Small]:
    """Distinct codes (0 and more) in order, and the index of each among them: ``np.unique``, faster and in place."""
    order, ordered = sort(codes)
    first = np.ones(len(codes), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    distinct = ordered[first]
    del ordered
    index = np.cumsum(first, dtype=np.int32)
    index -= 1
    inverse = np.empty(len(codes), np.int32)
    inverse[order] = index
    return distinct, inverse


def _crossing(clusters: Index | Small, languages: Small, count: int) -> int:
    """Pairs of mentions of one cluster in different languages."""
    if not len(clusters):
        return 0
    _, sizes = np.unique(clusters, return_counts=True)
    _, parts = np.unique(clusters.astype(np.int64) * count + languages, return_counts=True)
    return int((sizes * (sizes - 1) // 2).sum() - (parts * (parts - 1) // 2).sum())
