"""Coreference with each unit left out, against computing the measures anew without it."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest

from retold.measures import jackknife
from retold.measures.clusters import FAMILIES, ClusterOverlaps, conll_of, scores_of, sums_of
from retold.measures.jackknife import UnitOverlaps, leave_one_out


def made(seed: int, clusters: int, noise: float, units: int = 40) -> tuple[ClusterOverlaps, UnitOverlaps]:
    """A random prediction: mentions in units, of two events, some missed, some spurious, some in another cluster."""
    draw = np.random.default_rng(seed)
    size = 600
    unit = draw.integers(0, units, size)
    gold = draw.integers(0, clusters, size)
    predicted = np.where(draw.random(size) < noise, draw.integers(0, clusters // 2, size) * 2 + gold % 2, gold)
    chance = draw.random(size)
    gold, predicted = np.where(chance < 0.1, -1, gold), np.where(chance > 0.9, -1, predicted)
    codes, inverse = np.unique((gold + 1) * (clusters + 2) + predicted + 1, return_inverse=True)
    counts = np.bincount(inverse).astype(np.float64)
    overlaps = ClusterOverlaps(
        gold=codes // (clusters + 2) - 1,
        predicted=codes % (clusters + 2) - 1,
        mentions=counts[None, :],
        # Even clusters belong to one event, odd ones to the other.
        gold_events=np.arange(clusters) % 2,
        predicted_events=np.arange(clusters) % 2,
    )
    cells, where = np.unique(unit * len(codes) + inverse, return_inverse=True)
    parts = UnitOverlaps(units, cells // len(codes), cells % len(codes), np.bincount(where).astype(np.float64))
    return overlaps, parts


def anew(overlaps: ClusterOverlaps, parts: UnitOverlaps) -> dict[str, tuple[np.ndarray, ...]]:
    left = np.repeat(overlaps.mentions, parts.units, axis=0)
    np.subtract.at(left, (parts.unit, parts.pair), parts.mentions)
    table = replace(overlaps, mentions=left)
    return scores_of(sums_of(table))


@pytest.fixture(params=[jackknife.BUDGET, 0], ids=["anew", "changes only"])
def budget(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Both ways of leaving a unit out."""
    monkeypatch.setattr(jackknife, "BUDGET", request.param)
    return int(request.param)


@pytest.mark.parametrize(("clusters", "noise"), [(4, 0.2), (20, 0.3), (100, 0.2), (20, 0.0)])
def test_leaving_a_unit_out_is_the_measure_without_it(clusters: int, noise: float, budget: int) -> None:
    overlaps, parts = made(clusters, clusters, noise)
    found, wanted = leave_one_out(overlaps, parts), anew(overlaps, parts)
    for family in FAMILIES:
        # Where only changes are looked at, the alignment may move with a fortieth of the mentions, and clusters of two
        # may become singletons.
        close = 1e-12 if budget or family in ("muc", "b3", "blanc") else 0.012
        for one, other in zip(found[family], wanted[family], strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=close, err_msg=family)


def test_the_alignment_is_that_of_the_clusters_that_are_left() -> None:
    # Five mentions of one gold cluster, three in p (two in unit 0, one in unit 1), two in q (unit 2). All together p is
    # aligned, 2 * 3 / (5 + 3). Without unit 0 it is q: 2 * 2 / (3 + 2), where p would give 2 / 4. Without unit 1 either
    # gives 4 / 6, and without unit 2 only p is there, 6 / 6.
    overlaps, parts = by_hand((0, "x", "p"), (0, "x", "p"), (1, "x", "p"), (2, "x", "q"), (2, "x", "q"))
    precision, recall, _ = leave_one_out(overlaps, parts)["ceafe"]
    assert recall == pytest.approx([4 / 5, 4 / 6, 1])
    assert precision == pytest.approx([4 / 5 / 2, 4 / 6 / 2, 1])


def test_the_influence_of_units_gives_the_same_error_as_leaving_them_out_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jackknife, "BUDGET", 0)
    # What an interval is made of: the jackknife's standard error of the CoNLL score.
    overlaps, parts = made(7, 20, 0.3)
    wanted = anew(overlaps, parts)
    exact = np.mean([wanted[family][2] for family in ("muc", "b3", "ceafe")], axis=0)
    held = conll_of(leave_one_out(overlaps, parts))
    errors = [np.sqrt((parts.units - 1) / parts.units * ((each - each.mean()) ** 2).sum()) for each in (exact, held)]
    assert errors[1] == pytest.approx(errors[0], abs=1e-3)


def by_hand(*mentions: tuple[int, str, str]) -> tuple[ClusterOverlaps, UnitOverlaps]:
    """From (unit, gold cluster, predicted cluster) of each mention, sorted by unit; "" is no cluster."""
    gold, predicted = (sorted({m[side] for m in mentions} - {""}) for side in (1, 2))
    pairs = sorted({m[1:] for m in mentions})
    cells = sorted({(unit, pairs.index((g, p))) for unit, g, p in mentions})
    amounts = [sum((unit, pairs.index((g, p))) == cell for unit, g, p in mentions) for cell in cells]
    overlaps = ClusterOverlaps(
        gold=np.array([gold.index(g) if g else -1 for g, _ in pairs]),
        predicted=np.array([predicted.index(p) if p else -1 for _, p in pairs]),
        mentions=np.array([[sum(m[1:] == pair for m in mentions) for pair in pairs]], dtype=np.float64),
        gold_events=np.zeros(len(gold), np.int64),
        predicted_events=np.zeros(len(predicted), np.int64),
    )
    unit, pair = np.array(cells).T
    parts = UnitOverlaps(1 + max(m[0] for m in mentions), unit, pair, np.array(amounts, dtype=np.float64))
    return overlaps, parts


@pytest.mark.usefixtures("budget")
def test_lea_counts_singletons_that_both_sides_have_alone() -> None:
    # Gold a | b | cdef, predicted a | bcdef; units a, b, cd, ef. Without a: b is joined to others, 0, cdef whole, 4,
    # recall 4/5; precision 5 * 6/10 of 5. Without b both sides are alike. Without cd (or ef): a 1, b 0, the two that
    # are left 2, recall 3/4; precision 1 + 3 * 1/3 of 4.
    four = [(2, "c", "c"), (2, "c", "c"), (3, "c", "c"), (3, "c", "c")]
    overlaps, parts = by_hand((0, "a", "a"), (1, "b", "c"), *four)
    precision, recall, _ = leave_one_out(overlaps, parts)["lea"]
    assert recall == pytest.approx([4 / 5, 1, 3 / 4, 3 / 4])
    assert precision == pytest.approx([3 / 5, 1, 1 / 2, 1 / 2])


@pytest.mark.usefixtures("budget")
def test_the_conll_score_leaves_muc_out_where_no_cluster_has_a_link() -> None:
    # Three singletons, the third missed. Without the first (or second): B3 and CEAFe have recall 1/2, precision 1, F1
    # 2/3; MUC is 0/0. Without the third all is found.
    overlaps, parts = by_hand((0, "a", "a"), (1, "b", "b"), (2, "c", ""))
    found = leave_one_out(overlaps, parts)
    assert np.isnan(found["muc"][2]).all()
    assert conll_of(found) == pytest.approx([2 / 3, 2 / 3, 1])


def test_units_looked_at_in_parts_give_what_all_together_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jackknife, "BUDGET", 0)
    overlaps, parts = made(5, 20, 0.3)
    whole = leave_one_out(overlaps, parts)
    monkeypatch.setattr(jackknife, "_ENTRIES_AT_ONCE", 7)
    found = leave_one_out(overlaps, parts)
    assert len(list(parts.runs())) > 2
    for one, other in zip(chain(*found.values()), chain(*whole.values()), strict=True):
        np.testing.assert_array_equal(one, other)
