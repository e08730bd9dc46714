"""Coreference with each unit left out, against computing the measures anew without it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from retold.measures.clusters import ClusterOverlaps, bcubed, blanc, ceaf, lea, muc
from retold.measures.deletion import UnitOverlaps, without_each


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
    return {"muc": muc(table), "b3": bcubed(table), "lea": lea(table), "blanc": blanc(table), **ceaf(table)}


@pytest.mark.parametrize(("clusters", "noise"), [(4, 0.2), (20, 0.3), (100, 0.2), (20, 0.0)])
def test_leaving_a_unit_out_is_the_measure_without_it(clusters: int, noise: float) -> None:
    overlaps, parts = made(clusters, clusters, noise)
    found, wanted = without_each(overlaps, parts), anew(overlaps, parts)
    for family in ("muc", "b3", "blanc"):
        for one, other in zip(found[family], wanted[family], strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-12, err_msg=family)
    # The alignment may move with a fortieth of the mentions, and clusters of two may become singletons.
    for family in ("ceafm", "ceafe", "lea"):
        for one, other in zip(found[family], wanted[family], strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=0.012, err_msg=family)


def test_the_influence_of_units_gives_the_same_error_as_leaving_them_out_one_by_one() -> None:
    # What an interval is made of: the jackknife's standard error of the CoNLL score.
    overlaps, parts = made(7, 20, 0.3)
    wanted = anew(overlaps, parts)
    exact = np.mean([wanted[family][2] for family in ("muc", "b3", "ceafe")], axis=0)
    held = without_each(overlaps, parts)["conll"][2]
    errors = [np.sqrt((parts.units - 1) / parts.units * ((each - each.mean()) ** 2).sum()) for each in (exact, held)]
    assert errors[1] == pytest.approx(errors[0], abs=1e-3)
