"""Coreference measures with each unit left out in turn, without computing them anew for each.

Leaving out a unit touches only the clusters that it has mentions of, so that all units together cost about as much as
there are (unit, pair of clusters) entries. MUC, B3, BLANC and the sizes are exact. CEAF holds the best alignment of all
units together, which is right to first order (a maximum does not move to first order with what it is taken over); LEA
does not look for clusters that become singletons.

Half of a jackknife (Tukey 1958): the differences to the whole are the units' influence on the measure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from retold.measures import Array, mean_of_defined, ratio
from retold.measures.alignment import Index, best_alignment
from retold.measures.clusters import ClusterOverlaps, blanc_of, prf

__all__ = ["UnitOverlaps", "without_each"]

Triple = tuple[Array, Array, Array]
#: Units whose aligned clusters are looked at together.
_UNITS_AT_ONCE: Final = 512


@dataclass(frozen=True)
class UnitOverlaps:
    """How many mentions of each pair of clusters a unit has.

    Attributes:
        units: number of units.
        unit, pair, mentions: shape (entries,): a unit, a place in the table of overlaps, mentions of both. Sorted by
            unit.
    """

    units: int
    unit: Index
    pair: Index
    mentions: Array


def without_each(overlaps: ClusterOverlaps, parts: UnitOverlaps) -> dict[str, Triple]:
    """Each family's (precision, recall, f1), every one of shape (units,), and ``conll`` as the last of a triple."""
    gold, predicted = _Side(overlaps, parts), _Side(overlaps.swapped(), parts)
    found = {
        "muc": prf(*predicted.muc(), *gold.muc()),
        "b3": prf(*predicted.bcubed(), *gold.bcubed()),
        "lea": prf(*predicted.lea(), *gold.lea()),
        "blanc": _blanc(overlaps, parts, gold, predicted),
        **_ceaf(overlaps, parts, gold, predicted),
    }
    headline = mean_of_defined([found[family][2] for family in ("muc", "b3", "ceafe")])
    return {**found, "conll": (headline, headline, headline)}


class _Groups:
    """Entries joined by unit and group: what is summed over entries of the same unit and group, without a loop.

    Attributes:
        unit, group: shape (sums,): what each sum is of.
    """

    def __init__(self, units: Index, groups: Index, size: int) -> None:
        codes = units * size + groups
        self._order: Index | None = None
        if len(codes) and not (codes[1:] >= codes[:-1]).all():
            self._order = np.argsort(codes, kind="stable")
            codes = codes[self._order]
        self._first = np.flatnonzero(np.append(True, codes[1:] != codes[:-1])) if len(codes) else np.zeros(0, np.int64)
        self.unit, self.group = np.divmod(codes[self._first], size)

    def sums(self, values: Array) -> Array:
        """Sums of the entries' values."""
        if not len(self._first):
            return np.zeros(0)
        ordered = values if self._order is None else values[self._order]
        return np.asarray(np.add.reduceat(ordered, self._first))


def _sum_by(groups: Index, values: Array, count: int) -> Array:
    """Sums of values by group, shape (count,)."""
    return np.bincount(groups, weights=values, minlength=count).astype(np.float64)


def _links(sizes: Array) -> Array:
    return sizes * (sizes - 1.0) / 2.0


class _Side:
    """The gold clusters (or, of a swapped table, the predicted ones): what they are, and what they lose by unit.

    What is lost is worked out for one column after the other: there are as many entries as mentions, and only one
    column of them at a time should be in memory.

    Attributes:
        whole: by name, shape (clusters,): mentions, parts (MUC), squares of shared mentions (B3), links of shared
            mentions, shared mentions, and whether the cluster is a singleton that both sides have alone.
        unit, cluster: shape (touched,): units and the clusters that they have mentions of.
        lost_size: shape (touched,): those mentions.
    """

    def __init__(self, overlaps: ClusterOverlaps, parts: UnitOverlaps) -> None:
        count = len(overlaps.gold_events)
        common, cluster, shared = overlaps.mentions[0], overlaps.gold, overlaps.shared
        self.units = parts.units
        of_pair = {
            "size": common,
            "pieces": np.where(overlaps.predicted >= 0, (common > 0).astype(np.float64), common),
            "squares": np.where(shared, common * common, 0.0),
            "links": np.where(shared, _links(common), 0.0),
            "common": np.where(shared, common, 0.0),
        }
        kept = cluster >= 0
        self.whole: dict[str, Array] = {
            name: _sum_by(cluster[kept], value[kept], count) for name, value in of_pair.items()
        }
        alone = shared.copy()
        alone[shared] = (
            (self.whole["size"][cluster[shared]] == 1)
            & (overlaps.predicted_sizes[0][overlaps.predicted[shared]] == 1)
            & (common[shared] == 1)
        )
        self.whole["singles"] = _sum_by(cluster[kept], alone[kept].astype(np.float64), count)
        self._common, self._shared, self._alone, self._has_partner = common, shared, alone, overlaps.predicted >= 0
        touched = np.flatnonzero(cluster[parts.pair] >= 0)
        self._pair, self._gone = parts.pair[touched], parts.mentions[touched]
        self._groups = _Groups(parts.unit[touched], cluster[self._pair], max(count, 1))
        self.unit, self.cluster = self._groups.unit, self._groups.group
        self.lost_size = self._groups.sums(self._gone)

    def lost(self, name: str) -> Array:
        """What of a column of ``whole`` the touched clusters lose, shape (touched,)."""
        pair, gone = self._pair, self._gone
        if name == "size":
            return self.lost_size
        if name == "common":
            return self._groups.sums(np.where(self._shared[pair], gone, 0.0))
        if name == "singles":
            return self._groups.sums(np.where(self._alone[pair], gone, 0.0))
        before = self._common[pair]
        if name == "pieces":
            return self._groups.sums(np.where(self._has_partner[pair], ((before > 0) & (before == gone)) * 1.0, gone))
        left = before - gone
        change = before * before - left * left if name == "squares" else _links(before) - _links(left)
        return self._groups.sums(np.where(self._shared[pair], change, 0.0))

    def summed(self, name: str) -> Array:
        """A sum over all clusters with each unit left out, shape (units,)."""
        return np.asarray(self.whole[name].sum() - self.by_unit(self.lost(name)))

    def by_unit(self, values: Array) -> Array:
        """Sums by unit of what the touched clusters have."""
        return _sum_by(self.unit, values, self.units)

    def _changed(self, value: Callable[..., Array], *names: str) -> Array:
        """Sum of a function of columns of the clusters with each unit left out."""
        whole = [self.whole[name] for name in names]
        old = [column[self.cluster] for column in whole]
        new = [column - self.lost(name) for column, name in zip(old, names, strict=True)]
        return np.asarray(value(*whole).sum() + self.by_unit(value(*new) - value(*old)))

    def muc(self) -> tuple[Array, Array]:
        """Correct links and links."""
        correct = self._changed(lambda size, pieces: np.where(size > 0, size - pieces, 0.0), "size", "pieces")
        return correct, self._changed(lambda size: np.maximum(size - 1.0, 0.0), "size")

    def bcubed(self) -> tuple[Array, Array]:
        """Credit and mentions."""
        return self._changed(_share, "squares", "size"), self.summed("size")

    def lea(self) -> tuple[Array, Array]:
        """Resolved importance and importance."""

        def resolved(links: Array, size: Array, singles: Array) -> Array:
            return _share(2.0 * links, size - 1.0) + np.where(size == 1, singles, 0.0)

        return self._changed(resolved, "links", "size", "singles"), self.summed("size")

    def clusters(self) -> Array:
        """Clusters that are left."""
        return self._changed(lambda size: (size > 0).astype(np.float64), "size")

    def link_sum(self, name: str) -> Array:
        """Links within clusters, counted by size or by mentions that both sides have."""
        return self._changed(_links, name)


def _share(numerator: Array, denominator: Array) -> Array:
    return np.where(denominator > 0, numerator / np.where(denominator > 0, denominator, 1.0), 0.0)


def _blanc(overlaps: ClusterOverlaps, parts: UnitOverlaps, gold: _Side, predicted: _Side) -> Triple:
    events = int(max(overlaps.gold_events.max(initial=-1), overlaps.predicted_events.max(initial=-1))) + 1

    def pairs_of_mentions(side: _Side, name: str, event_of: Index) -> tuple[Array, Array]:
        """Pairs of mentions of the same event, and mentions."""
        whole = _sum_by(event_of, side.whole[name], events)
        groups = _Groups(side.unit, event_of[side.cluster], max(events, 1))
        before = whole[groups.group]
        change = _links(before) - _links(before - groups.sums(side.lost(name)))
        pairs = _links(whole).sum() - _sum_by(groups.unit, change, parts.units)
        return np.asarray(pairs), side.summed(name)

    pairs_gold, mentions_gold = pairs_of_mentions(gold, "size", overlaps.gold_events)
    pairs_predicted, mentions_predicted = pairs_of_mentions(predicted, "size", overlaps.predicted_events)
    pairs_common, mentions_common = pairs_of_mentions(gold, "common", overlaps.gold_events)
    links_gold, links_predicted, links_common = gold.link_sum("size"), predicted.link_sum("size"), gold.summed("links")
    return blanc_of(
        links=(links_common, links_predicted, links_gold),
        others=(
            pairs_common - gold.link_sum("common") - predicted.link_sum("common") + links_common,
            pairs_predicted - links_predicted,
            pairs_gold - links_gold,
        ),
        mentions=(mentions_common, mentions_predicted, mentions_gold),
    )


def _ceaf(overlaps: ClusterOverlaps, parts: UnitOverlaps, gold: _Side, predicted: _Side) -> dict[str, Triple]:
    shared = np.flatnonzero(overlaps.shared)
    rows, columns, common = overlaps.gold[shared], overlaps.predicted[shared], overlaps.mentions[0][shared]
    gold_sizes, predicted_sizes = gold.whole["size"], predicted.whole["size"]
    chosen = shared[best_alignment(rows, columns, common)]
    is_chosen = np.zeros(len(overlaps.gold), np.bool_)
    is_chosen[chosen] = True
    gone = _sum_by(parts.unit, parts.mentions * is_chosen[parts.pair], parts.units)
    by_mention = overlaps.mentions[0][chosen].sum() - gone

    dice = ratio(2.0 * common, gold_sizes[rows] + predicted_sizes[columns])
    chosen = shared[best_alignment(rows, columns, np.where(common > 0, dice, 0.0))]
    # The place in the alignment of each pair, gold cluster and predicted cluster, -1 for none.
    of_pair = np.full(len(overlaps.gold), -1, np.int64)
    of_gold, of_predicted = np.full(len(gold_sizes), -1, np.int64), np.full(len(predicted_sizes), -1, np.int64)
    of_pair[chosen] = of_gold[overlaps.gold[chosen]] = of_predicted[overlaps.predicted[chosen]] = np.arange(len(chosen))
    tops = 2.0 * overlaps.mentions[0][chosen]
    bottoms = gold_sizes[overlaps.gold[chosen]] + predicted_sizes[overlaps.predicted[chosen]]
    by_entity = np.full(parts.units, _share(tops, bottoms).sum())
    # Three things change an aligned pair's share: what it loses, and what either cluster does. Entries are sorted by
    # unit; some units at a time keep the joined columns short.
    columns_of = (
        (parts.unit, of_pair, parts.pair, 2.0 * parts.mentions),
        (gold.unit, of_gold, gold.cluster, gold.lost_size),
        (predicted.unit, of_predicted, predicted.cluster, predicted.lost_size),
    )
    for start in range(0, parts.units, _UNITS_AT_ONCE):
        unit, place, lost, is_top = [], [], [], []
        for units, places, ends, amounts in columns_of:
            first, last = np.searchsorted(units, (start, start + _UNITS_AT_ONCE))
            at = places[ends[first:last]]
            kept = at >= 0
            unit.append(units[first:last][kept])
            place.append(at[kept])
            lost.append(amounts[first:last][kept])
            is_top.append(np.full(len(at), units is parts.unit)[kept])
        groups = _Groups(np.concatenate(unit), np.concatenate(place), max(len(chosen), 1))
        gone, of_pair_itself = np.concatenate(lost), np.concatenate(is_top)
        lost_top, lost_bottom = (groups.sums(np.where(of_pair_itself == top, gone, 0.0)) for top in (True, False))
        top, bottom = tops[groups.group], bottoms[groups.group]
        change = _share(top - lost_top, bottom - lost_bottom) - _share(top, bottom)
        by_entity += _sum_by(groups.unit, change, parts.units)
    return {
        "ceafm": prf(by_mention, predicted.summed("size"), by_mention, gold.summed("size")),
        "ceafe": prf(by_entity, predicted.clusters(), by_entity, gold.clusters()),
    }
