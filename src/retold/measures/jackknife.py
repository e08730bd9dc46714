"""Leave-one-out values of the coreference measures, for the jackknife (Tukey 1958).

Up to ``BUDGET`` every measure is computed anew without each unit. Beyond, only the clusters that a unit has mentions of
are looked at, so that all units together cost about as much as there are (unit, pair of clusters) entries. MUC, B3 and
BLANC are then still exact. CEAF and LEA are approximate: CEAF keeps the best alignment of all units together, which is
correct to first order, and LEA does not look for clusters that become singletons on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from retold.measures.assignment import best_assignment
from retold.measures.base import ratio, sort
from retold.measures.clusters import ClusterOverlaps, Triple, blanc_of, link_count, prf, scores_of, sums_of
from retold.model.arrays import AnyArray, Array, Index, np

__all__ = ["BUDGET", "UnitOverlaps", "leave_one_out"]

#: Up to this many (unit, pair of clusters) cells, measures are computed anew without each unit, in 0.4 seconds.
BUDGET: Final = 1_000_000
#: Entries that are looked at together: few enough for their columns to stay in the processor's cache.
_ENTRIES_AT_ONCE: Final = 1 << 16


@dataclass(frozen=True)
class UnitOverlaps:
    """How many mentions of each pair of clusters a unit has.

    Attributes:
        units: number of units.
        unit, pair, mentions: shape (entries,): a unit, an index into the pairs of the table of overlaps, and how many
            mentions the unit has of the pair; whole numbers of any width, sorted by unit.
    """

    units: int
    unit: AnyArray
    pair: AnyArray
    mentions: AnyArray

    def runs(self) -> Iterator[UnitOverlaps]:
        """The same in runs of units, each numbered from 0."""
        step = max(self.units * _ENTRIES_AT_ONCE // max(len(self.unit), 1), 1)
        for start in range(0, self.units, step):
            end = min(start + step, self.units)
            first, last = np.searchsorted(self.unit, (start, end))
            yield UnitOverlaps(
                end - start,
                self.unit[first:last].astype(np.int64) - start,
                self.pair[first:last].astype(np.int64),
                self.mentions[first:last].astype(np.float64),
            )


def leave_one_out(overlaps: ClusterOverlaps, parts: UnitOverlaps) -> dict[str, Triple]:
    """Each family's (precision, recall, f1) without each unit, every one of shape (units,)."""
    if parts.units * len(overlaps.gold) <= BUDGET:
        return _anew(overlaps, parts)
    gold, predicted = _Clusters(overlaps), _Clusters(overlaps.swapped())
    aligned = _Aligned(overlaps, gold, predicted)
    runs = [_leave_out(overlaps, run, gold, predicted, aligned) for run in parts.runs()]
    found: dict[str, Triple] = {}
    for family in runs[0]:
        precision, recall, value = (np.concatenate([run[family][part] for run in runs]) for part in range(3))
        found[family] = precision, recall, value
    return found


def _anew(overlaps: ClusterOverlaps, parts: UnitOverlaps) -> dict[str, Triple]:
    left = np.repeat(overlaps.mentions, parts.units, axis=0)
    np.subtract.at(left, (parts.unit, parts.pair), parts.mentions)
    return scores_of(sums_of(replace(overlaps, mentions=left)))


def _leave_out(
    overlaps: ClusterOverlaps, parts: UnitOverlaps, of_gold: _Clusters, of_predicted: _Clusters, aligned: _Aligned
) -> dict[str, Triple]:
    gold, predicted = _Side(of_gold, parts), _Side(of_predicted, parts)
    of_sides = {
        family: prf(*(side.summed(*columns) for side in (predicted, gold) for columns in right_and_all))
        for family, right_and_all in _SUMS.items()
    }
    return {**of_sides, "blanc": _blanc(overlaps, parts, gold, predicted), **_ceaf(aligned, parts, gold, predicted)}


class _Groups:
    """Entries grouped by unit and group: sums over entries of the same unit and group, without a loop.

    Attributes:
        unit, group: shape (sums,): what each sum is of.
    """

    def __init__(self, units: Index, groups: Index, size: int) -> None:
        codes = units * size + groups
        self._order: Index | None = None
        if len(codes) and not (codes[1:] >= codes[:-1]).all():
            self._order, codes = sort(codes)
        self._first = np.flatnonzero(np.append(True, codes[1:] != codes[:-1])) if len(codes) else np.zeros(0, np.int64)
        self.unit, self.group = np.divmod(codes[self._first], size)

    def sums(self, values: Array) -> Array:
        if not len(self._first):
            return np.zeros(0)
        ordered = values if self._order is None else values[self._order]
        return np.asarray(np.add.reduceat(ordered, self._first))


def _sum_by(groups: Index, values: Array, count: int) -> Array:
    """Sums of values by group, shape (count,)."""
    return np.asarray(np.bincount(groups, weights=values, minlength=count), np.float64)


class _Clusters:
    """The gold clusters (of a swapped table, the predicted ones) with all units.

    Attributes:
        sums: by name, shape (clusters,): ``size`` in mentions, ``pieces`` (MUC), ``squares`` of shared mentions (B3),
            ``links`` of shared mentions, ``common`` (shared mentions), ``singles`` (1 for a singleton on both sides).
        cluster: shape (pairs,): the cluster of each pair of the table.
        common, shared, alone, has_partner: shape (pairs,): mentions; whether both sides have a cluster, both of them
            only this mention, and whether the other side has one.
    """

    def __init__(self, overlaps: ClusterOverlaps) -> None:
        count = len(overlaps.gold_events)
        common, cluster, shared = overlaps.mentions[0], overlaps.gold, overlaps.shared
        of_pair = {
            "size": common,
            "pieces": np.where(overlaps.predicted >= 0, (common > 0).astype(np.float64), common),
            "squares": np.where(shared, common * common, 0.0),
            "links": np.where(shared, link_count(common), 0.0),
            "common": np.where(shared, common, 0.0),
        }
        kept = cluster >= 0
        self.sums: dict[str, Array] = {
            name: _sum_by(cluster[kept], value[kept], count) for name, value in of_pair.items()
        }
        alone = shared.copy()
        alone[shared] = (
            (self.sums["size"][cluster[shared]] == 1)
            & (overlaps.predicted_sizes[0][overlaps.predicted[shared]] == 1)
            & (common[shared] == 1)
        )
        self.sums["singles"] = _sum_by(cluster[kept], alone[kept].astype(np.float64), count)
        self.cluster, self.common, self.shared, self.alone = cluster, common, shared, alone
        self.has_partner = overlaps.predicted >= 0
        self._values: dict[tuple[Callable[..., Array], tuple[str, ...]], tuple[Array, float]] = {}

    def values(self, value: Callable[..., Array], names: tuple[str, ...]) -> tuple[Array, float]:
        """A function of columns, shape (clusters,), and its sum over all clusters, computed once."""
        if (value, names) not in self._values:
            found = value(*(self.sums[name] for name in names))
            self._values[value, names] = found, float(found.sum())
        return self._values[value, names]


class _Side:
    """What the clusters of one side lose with each unit.

    Attributes:
        clusters: the clusters.
        unit, cluster: shape (touched,): units and the clusters that they have mentions of.
    """

    def __init__(self, clusters: _Clusters, parts: UnitOverlaps) -> None:
        self.clusters, self.units = clusters, parts.units
        touched = np.flatnonzero(clusters.cluster[parts.pair] >= 0)
        self._pair, self._removed = parts.pair[touched], parts.mentions[touched]
        size = max(len(clusters.sums["size"]), 1)
        self._groups = _Groups(parts.unit[touched], clusters.cluster[self._pair], size)
        self.unit, self.cluster = self._groups.unit, self._groups.group
        # Sorted by unit: where each begins.
        self._first = np.flatnonzero(np.append(True, self.unit[1:] != self.unit[:-1])[: len(self.unit)])
        self._lost: dict[str, Array] = {}
        self._left: dict[str, Array] = {}

    def lost(self, name: str) -> Array:
        """What the touched clusters lose of one of their sums, shape (touched,)."""
        if name not in self._lost:
            self._lost[name] = self._loss(name)
        return self._lost[name]

    def _loss(self, name: str) -> Array:
        pair, removed, clusters = self._pair, self._removed, self.clusters
        if name == "size":
            return self._groups.sums(removed)
        if name == "common":
            return self._groups.sums(np.where(clusters.shared[pair], removed, 0.0))
        if name == "singles":
            return self._groups.sums(np.where(clusters.alone[pair], removed, 0.0))
        before = clusters.common[pair]
        if name == "pieces":
            pieces = ((before > 0) & (before == removed)) * 1.0
            return self._groups.sums(np.where(clusters.has_partner[pair], pieces, removed))
        left = before - removed
        change = before * before - left * left if name == "squares" else link_count(before) - link_count(left)
        return self._groups.sums(np.where(clusters.shared[pair], change, 0.0))

    def summed(self, value: Callable[..., Array], *names: str) -> Array:
        """Sum of a function of columns over all clusters with each unit left out, shape (units,)."""
        for name in names:
            if name not in self._left:
                self._left[name] = self.clusters.sums[name][self.cluster] - self.lost(name)
        old, total = self.clusters.values(value, names)
        new = value(*(self._left[name] for name in names))
        return np.asarray(total + self.by_unit(new - old[self.cluster]))

    def by_unit(self, values: Array) -> Array:
        """Sums by unit of what the touched clusters have."""
        sums = np.zeros(self.units)
        if len(values):
            sums[self.unit[self._first]] = np.add.reduceat(values, self._first)
        return sums


def _share(numerator: Array, denominator: Array) -> Array:
    out = np.zeros(np.shape(denominator))
    np.divide(numerator, denominator, out=out, where=denominator > 0)
    return out


def _itself(amount: Array) -> Array:
    return amount


def _present(size: Array) -> Array:
    return (size > 0).astype(np.float64)


def _unbroken(size: Array, pieces: Array) -> Array:
    return np.where(size > 0, size - pieces, 0.0)


def _chain(size: Array) -> Array:
    return np.maximum(size - 1.0, 0.0)


def _resolved(links: Array, size: Array, singles: Array) -> Array:
    return _share(2.0 * links, size - 1.0) + np.where(size == 1, singles, 0.0)


#: By family, what is right on a side, and what there is: a function of columns of ``_Clusters.sums``.
_SUMS: Final = {
    "muc": ((_unbroken, "size", "pieces"), (_chain, "size")),
    "b3": ((_share, "squares", "size"), (_itself, "size")),
    "lea": ((_resolved, "links", "size", "singles"), (_itself, "size")),
}


def _blanc(overlaps: ClusterOverlaps, parts: UnitOverlaps, gold: _Side, predicted: _Side) -> Triple:
    events = int(max(overlaps.gold_events.max(initial=-1), overlaps.predicted_events.max(initial=-1))) + 1

    def pairs_of_mentions(side: _Side, name: str, event_of: Index) -> tuple[Array, Array]:
        """Pairs of mentions of the same event, and mentions."""
        total = _sum_by(event_of, side.clusters.sums[name], events)
        groups = _Groups(side.unit, event_of[side.cluster], max(events, 1))
        before = total[groups.group]
        change = link_count(before) - link_count(before - groups.sums(side.lost(name)))
        pairs = link_count(total).sum() - _sum_by(groups.unit, change, parts.units)
        return np.asarray(pairs), side.summed(_itself, name)

    pairs_gold, mentions_gold = pairs_of_mentions(gold, "size", overlaps.gold_events)
    pairs_predicted, mentions_predicted = pairs_of_mentions(predicted, "size", overlaps.predicted_events)
    pairs_common, mentions_common = pairs_of_mentions(gold, "common", overlaps.gold_events)
    links_gold, links_predicted = (side.summed(link_count, "size") for side in (gold, predicted))
    links_common = gold.summed(_itself, "links")
    broken = gold.summed(link_count, "common") + predicted.summed(link_count, "common")
    others_common = pairs_common - broken + links_common
    return blanc_of(
        (
            *(links_common, links_predicted, links_gold),
            *(others_common, pairs_predicted - links_predicted, pairs_gold - links_gold),
            *(mentions_common, mentions_predicted, mentions_gold),
        )
    )


class _Aligned:
    """The best alignments of all clusters, by mentions (CEAFm) and by shares of mentions (CEAFe).

    Attributes:
        mentions: the mentions of the first; ``by_mention`` tells which pairs are in it.
        of_pair, of_gold, of_predicted: shape (pairs,), (gold clusters,), (predicted clusters,): the index in the second
            alignment, -1 for none.
        tops, bottoms: shape (aligned pairs,): twice the mentions of both clusters, and the mentions of either.
        shares: sum of tops / bottoms.
    """

    def __init__(self, overlaps: ClusterOverlaps, gold: _Clusters, predicted: _Clusters) -> None:
        shared = np.flatnonzero(overlaps.shared)
        rows, columns, common = overlaps.gold[shared], overlaps.predicted[shared], overlaps.mentions[0][shared]
        gold_sizes, predicted_sizes = gold.sums["size"], predicted.sums["size"]
        chosen = shared[best_assignment(rows, columns, common)]
        self.by_mention = np.zeros(len(overlaps.gold), np.bool_)
        self.by_mention[chosen] = True
        self.mentions = overlaps.mentions[0][chosen].sum()
        dice = ratio(2.0 * common, gold_sizes[rows] + predicted_sizes[columns])
        chosen = shared[best_assignment(rows, columns, np.where(common > 0, dice, 0.0))]
        self.of_pair = np.full(len(overlaps.gold), -1, np.int64)
        self.of_gold, self.of_predicted = np.full(len(gold_sizes), -1, np.int64), np.full(len(predicted_sizes), -1)
        rows, columns = overlaps.gold[chosen], overlaps.predicted[chosen]
        self.of_pair[chosen] = self.of_gold[rows] = self.of_predicted[columns] = np.arange(len(chosen))
        self.tops = 2.0 * overlaps.mentions[0][chosen]
        self.bottoms = gold_sizes[rows] + predicted_sizes[columns]
        self.shares = _share(self.tops, self.bottoms).sum()


def _ceaf(aligned: _Aligned, parts: UnitOverlaps, gold: _Side, predicted: _Side) -> dict[str, Triple]:
    removed = _sum_by(parts.unit, parts.mentions * aligned.by_mention[parts.pair], parts.units)
    by_mention = aligned.mentions - removed
    # The share of an aligned pair changes by what the pair loses, and by what either cluster loses.
    columns_of = (
        (parts.unit, aligned.of_pair[parts.pair], 2.0 * parts.mentions),
        (gold.unit, aligned.of_gold[gold.cluster], gold.lost("size")),
        (predicted.unit, aligned.of_predicted[predicted.cluster], predicted.lost("size")),
    )
    kept = [index >= 0 for _, index, _ in columns_of]
    unit, index, lost = (
        np.concatenate([columns[number][which] for columns, which in zip(columns_of, kept, strict=True)])
        for number in range(3)
    )
    is_top = np.zeros(len(unit), np.bool_)
    is_top[: int(kept[0].sum())] = True
    groups = _Groups(unit, index, max(len(aligned.tops), 1))
    lost_top, lost_bottom = (groups.sums(np.where(is_top == of_top, lost, 0.0)) for of_top in (True, False))
    top, bottom = aligned.tops[groups.group], aligned.bottoms[groups.group]
    change = _share(top - lost_top, bottom - lost_bottom) - _share(top, bottom)
    by_entity = aligned.shares + _sum_by(groups.unit, change, parts.units)
    return {
        family: prf(right, predicted.summed(amount, "size"), right, gold.summed(amount, "size"))
        for family, right, amount in (("ceafm", by_mention, _itself), ("ceafe", by_entity, _present))
    }
