"""Coreference measures from a table of overlaps between gold and predicted clusters.

Nothing here sees a mention: the input says how many mentions each gold cluster shares with each predicted one. The
same functions therefore give the point value, a resample (overlaps weighted by how often a unit was drawn) and a
breakdown. All arrays carry a leading axis of resamples; a point value has length 1 there.

A table becomes sums (``sums_of``), sums become scores (``scores_of``). Sums of tables that have no cluster and no event
in common may be added up.

Definitions:
    MUC: Vilain et al. 1995. Singletons carry no link.
    B3: Bagga and Baldwin 1998, with missing and spurious mentions as in Pradhan et al. 2014: a gold mention that is not
        predicted has recall 0, a predicted mention that is not gold has precision 0.
    CEAFm, CEAFe: Luo 2005, phi3 and phi4, the best one-to-one alignment of clusters, exact.
    BLANC: Recasens and Hovy 2011 as extended to predicted mentions by Luo et al. 2014.
    LEA: Moosavi and Strube 2016; a singleton counts as linked to itself.
    CoNLL: mean F1 of MUC, B3 and CEAFe (Pradhan et al. 2012).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from retold.measures.assignment import best_assignment
from retold.measures.base import f1, mean_of_defined, ratio
from retold.model.arrays import Array, Index, Mask, np

__all__ = [
    "FAMILIES",
    "ClusterOverlaps",
    "Sums",
    "Triple",
    "added_up",
    "blanc_of",
    "conll",
    "conll_of",
    "link_count",
    "prf",
    "scores_of",
    "sums_of",
]

FAMILIES: Final = ("muc", "b3", "ceafm", "ceafe", "blanc", "lea")
_CONLL: Final = ("muc", "b3", "ceafe")

#: By family, sums of shape (resamples,). MUC, B3, CEAF and LEA: what is right of what is predicted, what is predicted,
#: what is right of gold, gold. BLANC: what is common, what is predicted and what is gold of the coreference links, of
#: the non-coreference links and of the mentions.
Sums = dict[str, tuple[Array, ...]]
Triple = tuple[Array, Array, Array]


@dataclass(frozen=True, slots=True)
class SharedPairs:
    """Pairs of a gold and a predicted cluster.

    Attributes:
        rows, columns: shape (pairs,), gold and predicted cluster.
        mentions: shape (resamples, pairs), how many mentions they share.
    """

    rows: Index
    columns: Index
    mentions: Array


@dataclass(frozen=True)
class ClusterOverlaps:
    """How gold and predicted clusters share mentions.

    Attributes:
        gold: shape (pairs,), the gold cluster of each pair, -1 for predicted mentions that are not gold.
        predicted: shape (pairs,), the predicted cluster of each pair, -1 for gold mentions that were not predicted.
        mentions: shape (resamples, pairs), how many mentions the pair shares, whole numbers.
        gold_events: shape (gold clusters,), the event of each gold cluster; clusters never cross events.
        predicted_events: shape (predicted clusters,), likewise.
    """

    gold: Index
    predicted: Index
    mentions: Array
    gold_events: Index
    predicted_events: Index

    @cached_property
    def gold_sizes(self) -> Array:
        """Shape (resamples, gold clusters): mentions of each gold cluster."""
        return _sum_by(self.mentions, self.gold, len(self.gold_events))

    @cached_property
    def predicted_sizes(self) -> Array:
        """Shape (resamples, predicted clusters): mentions of each predicted cluster."""
        return _sum_by(self.mentions, self.predicted, len(self.predicted_events))

    @cached_property
    def shared(self) -> Mask:
        """Shape (pairs,): the pairs with a cluster on both sides."""
        return (self.gold >= 0) & (self.predicted >= 0)

    @cached_property
    def common(self) -> SharedPairs:
        """The pairs with a cluster on both sides."""
        return SharedPairs(self.gold[self.shared], self.predicted[self.shared], self.mentions[:, self.shared])

    def swapped(self) -> ClusterOverlaps:
        """The same table with gold and prediction exchanged: precision is the recall of this."""
        other = ClusterOverlaps(
            gold=self.predicted,
            predicted=self.gold,
            mentions=self.mentions,
            gold_events=self.predicted_events,
            predicted_events=self.gold_events,
        )
        # What was computed for one side holds for the other; tables of millions of pairs are not summed again.
        known = {"gold_sizes": self.predicted_sizes, "predicted_sizes": self.gold_sizes, "shared": self.shared}
        vars(other).update(known, common=SharedPairs(self.common.columns, self.common.rows, self.common.mentions))
        return other


def sums_of(overlaps: ClusterOverlaps, families: Sequence[str] = FAMILIES) -> Sums:
    """The sums that the scores of some families are made of."""
    swapped = overlaps.swapped()
    of_one_side = {"muc": _muc_links, "b3": _bcubed_sums, "lea": _lea_sums}
    of_both = {"ceafm": _ceafm_sums, "ceafe": _ceafe_sums, "blanc": _blanc_sums}
    return {
        family: of_both[family](overlaps)
        if family in of_both
        else (*of_one_side[family](swapped), *of_one_side[family](overlaps))
        for family in families
    }


def added_up(tables: Iterable[Sums]) -> Sums:
    """Sums of several tables, at least one, none of which has a cluster or an event of another."""
    total, *others = tables
    for sums in others:
        total = {family: tuple(np.add(total[family], sums[family])) for family in total}
    return total


def scores_of(sums: Sums) -> dict[str, Triple]:
    """Each family's (precision, recall, f1)."""
    return {family: blanc_of(values) if family == "blanc" else prf(*values) for family, values in sums.items()}


def _blanc_sums(overlaps: ClusterOverlaps) -> tuple[Array, ...]:
    common = overlaps.common.mentions
    gold_common = _sum_by(common, overlaps.common.rows, len(overlaps.gold_events))
    predicted_common = _sum_by(common, overlaps.common.columns, len(overlaps.predicted_events))
    events = int(max(overlaps.gold_events.max(initial=-1), overlaps.predicted_events.max(initial=-1))) + 1

    links_gold = link_count(overlaps.gold_sizes).sum(axis=1)
    links_predicted = link_count(overlaps.predicted_sizes).sum(axis=1)
    links_common = link_count(common).sum(axis=1)

    mentions_gold = _sum_by(overlaps.gold_sizes, overlaps.gold_events, events)
    mentions_predicted = _sum_by(overlaps.predicted_sizes, overlaps.predicted_events, events)
    mentions_common = _sum_by(gold_common, overlaps.gold_events, events)
    others_gold = link_count(mentions_gold).sum(axis=1) - links_gold
    others_predicted = link_count(mentions_predicted).sum(axis=1) - links_predicted
    others_common = (
        link_count(mentions_common).sum(axis=1)
        - link_count(gold_common).sum(axis=1)
        - link_count(predicted_common).sum(axis=1)
        + links_common
    )
    mentions = mentions_common.sum(axis=1), mentions_predicted.sum(axis=1), mentions_gold.sum(axis=1)
    return (
        *(links_common, links_predicted, links_gold),
        *(others_common, others_predicted, others_gold),
        *mentions,
    )


def blanc_of(sums: Sequence[Array]) -> Triple:
    """BLANC (precision, recall, f1) from its sums: the means over coreference links and non-coreference links.

    Where gold has no link of one class, the other class stands alone, as in the reference scorer: with singletons only,
    or with one cluster only, what is predicted of the absent class shows as lost recall of the other. So exchanging
    the sides exchanges precision and recall only where both sides have both classes or lack the same one. Where gold
    has no link at all the prediction's links decide; with a single mention on both sides the value is whether it was
    found.
    """
    links_common, links_predicted, links_gold, others_common, others_predicted, others_gold, *mentions = sums
    found, total_predicted, total_gold = mentions
    linkless = links_gold + others_gold == 0
    no_links = np.where(linkless, links_predicted, links_gold) == 0
    no_others = np.where(linkless, others_predicted, others_gold) == 0

    def combine(coreference: Array, other: Array, alone: Array) -> Array:
        both = (_zero(coreference) + _zero(other)) / 2.0
        value = np.where(no_links, _zero(other), np.where(no_others, _zero(coreference), both))
        return np.where(no_links & no_others, alone, value)

    precision = combine(
        ratio(links_common, links_predicted), ratio(others_common, others_predicted), ratio(found, total_predicted)
    )
    recall = combine(ratio(links_common, links_gold), ratio(others_common, others_gold), ratio(found, total_gold))
    value = combine(
        f1(links_common, links_predicted, links_gold),
        f1(others_common, others_predicted, others_gold),
        f1(found, total_predicted, total_gold),
    )
    empty = (total_gold == 0) & (total_predicted == 0)
    return (
        np.where(total_predicted == 0, np.nan, precision),
        np.where(total_gold == 0, np.nan, recall),
        np.where(empty, np.nan, value),
    )


def _ceafm_sums(overlaps: ClusterOverlaps) -> tuple[Array, ...]:
    aligned = _best_totals(overlaps.common.rows, overlaps.common.columns, overlaps.common.mentions)
    return aligned, overlaps.predicted_sizes.sum(axis=1), aligned, overlaps.gold_sizes.sum(axis=1)


def _ceafe_sums(overlaps: ClusterOverlaps) -> tuple[Array, ...]:
    rows, columns, common = overlaps.common.rows, overlaps.common.columns, overlaps.common.mentions
    dice = ratio(2.0 * common, overlaps.gold_sizes[:, rows] + overlaps.predicted_sizes[:, columns])
    aligned = _best_totals(rows, columns, np.where(common > 0, dice, 0.0))
    gold, predicted = ((sizes > 0).sum(axis=1) * 1.0 for sizes in (overlaps.gold_sizes, overlaps.predicted_sizes))
    return aligned, predicted, aligned, gold


def conll(overlaps: ClusterOverlaps) -> Array:
    """CoNLL score: mean F1 of MUC, B3 and CEAFe."""
    return conll_of(scores_of(sums_of(overlaps, _CONLL)))


def conll_of(scores: Mapping[str, Triple]) -> Array:
    """CoNLL score from the families' (precision, recall, f1), over those that are defined.

    MUC is undefined where both sides have singletons only. Where only gold has, it is 0 for predicted links, as in
    the reference scorer.
    """
    return mean_of_defined([scores[family][2] for family in _CONLL])


def prf(correct_p: Array, predicted: Array, correct_r: Array, gold: Array) -> Triple:
    """Precision, recall and their harmonic mean, 0 where nothing is right, NaN where neither side has anything."""
    precision, recall = ratio(correct_p, predicted), ratio(correct_r, gold)
    harmonic = ratio(2.0 * _zero(precision) * _zero(recall), _zero(precision) + _zero(recall))
    nothing_right = ~(np.isnan(precision) & np.isnan(recall))
    return precision, recall, np.where(np.isnan(harmonic) & nothing_right, 0.0, harmonic)


def _zero(values: Array) -> Array:
    return np.where(np.isnan(values), 0.0, values)


def link_count(sizes: Array) -> Array:
    """Pairs of mentions in clusters of these sizes."""
    return sizes * (sizes - 1.0) / 2.0


def _sum_by(values: Array, groups: Index, count: int) -> Array:
    """Sum columns of shape (resamples, items) by group; items of group -1 are left out. -> (resamples, count)."""
    kept = groups >= 0
    if not kept.all():
        values, groups = values[:, kept], groups[kept]
    resamples = values.shape[0]
    if resamples == 1:
        return np.bincount(groups, weights=values[0], minlength=count).astype(np.float64)[None, :]
    flat = (np.arange(resamples)[:, None] * count + groups[None, :]).ravel()
    sums = np.bincount(flat, weights=values.ravel(), minlength=resamples * count)
    return sums.astype(np.float64).reshape(resamples, count)


def _muc_links(overlaps: ClusterOverlaps) -> tuple[Array, Array]:
    sizes = overlaps.gold_sizes
    # Parts of a gold cluster: predicted clusters that touch it, and each mention that was not predicted by itself.
    parts = np.where(overlaps.predicted >= 0, (overlaps.mentions > 0).astype(np.float64), overlaps.mentions)
    pieces = _sum_by(parts, overlaps.gold, sizes.shape[1])
    links = np.where(sizes > 0, sizes - 1.0, 0.0)
    return np.where(sizes > 0, sizes - pieces, 0.0).sum(axis=1), links.sum(axis=1)


def _bcubed_sums(overlaps: ClusterOverlaps) -> tuple[Array, Array]:
    common, sizes = overlaps.common.mentions, overlaps.gold_sizes
    credit = _zero(ratio(common * common, sizes[:, overlaps.common.rows]))
    return credit.sum(axis=1), sizes.sum(axis=1)


def _lea_sums(overlaps: ClusterOverlaps) -> tuple[Array, Array]:
    rows, columns, common = overlaps.common.rows, overlaps.common.columns, overlaps.common.mentions
    sizes, predicted_sizes = overlaps.gold_sizes, overlaps.predicted_sizes
    row_sizes = sizes[:, rows]
    resolved = _zero(ratio(link_count(common), link_count(row_sizes)))
    singleton = (row_sizes == 1) & (predicted_sizes[:, columns] == 1) & (common == 1)
    resolved = np.where(singleton, 1.0, np.where(row_sizes == 1, 0.0, resolved))
    return (row_sizes * resolved).sum(axis=1), sizes.sum(axis=1)


def _best_totals(rows: Index, columns: Index, weights: Array) -> Array:
    """Largest total weight of a one-to-one choice among pairs, shape (resamples,) for weights (resamples, pairs)."""
    resamples, pairs = weights.shape
    # The tables of all resamples side by side are one table.
    height, width = int(rows.max(initial=-1)) + 1, int(columns.max(initial=-1)) + 1
    which = np.arange(resamples)[:, None]
    found = best_assignment((which * height + rows).ravel(), (which * width + columns).ravel(), weights.ravel())
    ends = np.searchsorted(found, np.arange(1, resamples) * pairs)
    # Rounded once, so that neither the solver nor the numbering of clusters shows in the last digit.
    return np.array([math.fsum(chosen.tolist()) for chosen in np.split(weights.ravel()[found], ends)])
