"""Coreference measures with each unit left out in turn, without computing them anew for each.

Leaving out a unit touches only the clusters that it has mentions of, so that all units together cost about as much as
there are (unit, pair of clusters) entries. MUC, B3, BLANC and the sizes are exact. CEAF holds the best alignment of all
units together, which is right to first order (a maximum does not move to first order with what it is taken over); LEA
does not look for clusters that become singletons.

Half of a jackknife (Tukey 1958): the differences to the whole are the units' influence on the measure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from retold.measures import Array, mean_of_defined, ratio
from retold.measures.alignment import Index, best_alignment
from retold.measures.clusters import ClusterOverlaps, blanc_of, prf

__all__ = ["UnitOverlaps", "without_each"]

Triple = tuple[Array, Array, Array]


@dataclass(frozen=True)
class UnitOverlaps:
    """How many mentions of each pair of clusters a unit has.

    Attributes:
        units: number of units.
        unit, pair, mentions: shape (entries,): a unit, a place in the table of overlaps, mentions of both.
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


def _grouped(
    units: Index, groups: Index, size: int, values: Mapping[str, Array]
) -> tuple[Index, Index, dict[str, Array]]:
    """Sums of entries of the same unit and group: units, groups, sums by name."""
    codes = units * size + groups
    if len(codes) and not (codes[1:] >= codes[:-1]).all():
        order = np.argsort(codes, kind="stable")
        codes = codes[order]
        values = {name: value[order] for name, value in values.items()}
    first = np.flatnonzero(np.append(True, codes[1:] != codes[:-1])) if len(codes) else np.zeros(0, np.int64)
    sums = {name: np.add.reduceat(value, first) if len(first) else value for name, value in values.items()}
    return codes[first] // size, codes[first] % size, sums


def _sum_by(groups: Index, values: Array, count: int) -> Array:
    """Sums of values by group, shape (count,)."""
    return np.bincount(groups, weights=values, minlength=count).astype(np.float64)


def _links(sizes: Array) -> Array:
    return sizes * (sizes - 1.0) / 2.0


class _Side:
    """The gold clusters (or, of a swapped table, the predicted ones): what they are, and what they lose by unit."""

    def __init__(self, overlaps: ClusterOverlaps, parts: UnitOverlaps) -> None:
        count = len(overlaps.gold_events)
        common, cluster = overlaps.mentions[0], overlaps.gold
        shared = overlaps.shared
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
        # A singleton that both sides have, alone, is resolved; so it is until its one unit is left out.
        alone = shared.copy()
        alone[shared] = (
            (self.whole["size"][cluster[shared]] == 1)
            & (overlaps.predicted_sizes[0][overlaps.predicted[shared]] == 1)
            & (common[shared] == 1)
        )
        self.whole["singles"] = _sum_by(cluster[kept], alone[kept].astype(np.float64), count)
        touched = cluster[parts.pair] >= 0
        unit, pair, gone = parts.unit[touched], parts.pair[touched], parts.mentions[touched]
        before, is_shared = common[pair], shared[pair]
        left = before - gone
        lost = {
            "size": gone,
            "pieces": np.where(overlaps.predicted[pair] >= 0, ((before > 0) & (left == 0)).astype(np.float64), gone),
            "squares": np.where(is_shared, before * before - left * left, 0.0),
            "links": np.where(is_shared, _links(before) - _links(left), 0.0),
            "common": np.where(is_shared, gone, 0.0),
            "singles": np.where(alone[pair], gone, 0.0),
        }
        self.unit, self.cluster, self.lost = _grouped(unit, cluster[pair], max(count, 1), lost)
        self.old = {name: value[self.cluster] for name, value in self.whole.items()}
        self.new = {name: value - self.lost[name] for name, value in self.old.items()}

    def summed(self, name: str) -> Array:
        """A sum over all clusters with each unit left out, shape (units,)."""
        return np.asarray(self.whole[name].sum() - self.by_unit(self.lost[name]))

    def by_unit(self, values: Array) -> Array:
        """Sums by unit of what the touched clusters have."""
        return _sum_by(self.unit, values, self.units)

    def _changed(self, value: object) -> Array:
        """Sum of a function of clusters with each unit left out."""
        whole, old, new = (value(table) for table in (self.whole, self.old, self.new))  # type: ignore[operator]
        return np.asarray(whole.sum() + self.by_unit(new - old))

    def muc(self) -> tuple[Array, Array]:
        """Correct links and links."""
        correct = self._changed(lambda t: np.where(t["size"] > 0, t["size"] - t["pieces"], 0.0))
        return correct, self._changed(lambda t: np.maximum(t["size"] - 1.0, 0.0))

    def bcubed(self) -> tuple[Array, Array]:
        """Credit and mentions."""
        correct = self._changed(lambda t: _share(t["squares"], t["size"]))
        return correct, self.summed("size")

    def lea(self) -> tuple[Array, Array]:
        """Resolved importance and importance."""
        correct = self._changed(lambda t: _share(2.0 * t["links"], t["size"] - 1.0) + t["singles"] * (t["size"] == 1))
        return correct, self.summed("size")

    def clusters(self) -> Array:
        """Clusters that are left."""
        return self._changed(lambda t: (t["size"] > 0).astype(np.float64))

    def link_sum(self, name: str) -> Array:
        """Links within clusters, counted by size or by mentions that both sides have."""
        return self._changed(lambda t: _links(t[name]))


def _share(numerator: Array, denominator: Array) -> Array:
    return np.where(denominator > 0, numerator / np.where(denominator > 0, denominator, 1.0), 0.0)


def _blanc(overlaps: ClusterOverlaps, parts: UnitOverlaps, gold: _Side, predicted: _Side) -> Triple:
    events = int(max(overlaps.gold_events.max(initial=-1), overlaps.predicted_events.max(initial=-1))) + 1

    def pairs_of_mentions(side: _Side, name: str, event_of: Index) -> tuple[Array, Array]:
        """Pairs of mentions of the same event, and mentions."""
        whole = _sum_by(event_of, side.whole[name], events)
        unit, event, lost = _grouped(side.unit, event_of[side.cluster], max(events, 1), {"lost": side.lost[name]})
        change = _links(whole[event]) - _links(whole[event] - lost["lost"])
        pairs = _links(whole).sum() - _sum_by(unit, change, parts.units)
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
    unit = np.concatenate([parts.unit, gold.unit, predicted.unit])
    place = np.concatenate([of_pair[parts.pair], of_gold[gold.cluster], of_predicted[predicted.cluster]])
    sizes = np.concatenate([gold.lost["size"], predicted.lost["size"]])
    top = np.concatenate([2.0 * parts.mentions, np.zeros_like(sizes)])
    bottom = np.concatenate([np.zeros_like(parts.mentions), sizes])
    kept = place >= 0
    unit, place, lost = _grouped(
        unit[kept], place[kept], max(len(chosen), 1), {"top": top[kept], "bottom": bottom[kept]}
    )
    tops = 2.0 * overlaps.mentions[0][chosen]
    bottoms = gold_sizes[overlaps.gold[chosen]] + predicted_sizes[overlaps.predicted[chosen]]
    change = _share(tops[place] - lost["top"], bottoms[place] - lost["bottom"]) - _share(tops[place], bottoms[place])
    by_entity = _share(tops, bottoms).sum() + _sum_by(unit, change, parts.units)
    return {
        "ceafm": prf(by_mention, predicted.summed("size"), by_mention, gold.summed("size")),
        "ceafe": prf(by_entity, predicted.clusters(), by_entity, gold.clusters()),
    }
