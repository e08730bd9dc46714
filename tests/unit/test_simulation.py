"""The simulation behind docs/statistics.md, in small."""

from __future__ import annotations

import numpy as np
import pytest

from retold.layers.coreference import measures_of
from retold.measures.clusters import sums_of
from retold.stats.bootstrap import LinearResamples, bootstrap_weights
from retold.stats.intervals import percentile_interval
from simulate_statistics import CONLL, cluster_interval, coverage, detectable, difference_coverage, rejections
from simulated_worlds import UNLIKE, ClusterWorld, World, mentions, stances

WORLDS = [
    *(mentions(score) for score in (0.15, 0.98)),
    *(mentions(s, f) for s, f in UNLIKE.items()),
    mentions(0.85, worse=0.1),
    stances(0.65),
    stances(0.65, worse=0.1),
]


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: f"{world.name} {world.truths}")
def test_the_true_value_of_a_made_up_world_is_that_of_very_many_units(world: World) -> None:
    # 200,000 units of some four items: standard error below .001.
    for system, truth in zip(world.draw(np.random.default_rng(0), 200_000, 1), world.truths, strict=True):
        assert float(world.value(system.sum(axis=0))[0]) == pytest.approx(truth, abs=0.004)


def test_intervals_cover_and_the_test_keeps_its_level() -> None:
    # docs/statistics.md has the measured figures; here 200 data sets, three standard errors: 4.6 points.
    world = mentions(0.5)
    assert 0.90 <= coverage(world, 200, 200, 500, 0) <= 0.99
    assert 0.90 <= difference_coverage(mentions(0.5, worse=0.1), 200, 200, 500, 0) <= 0.99
    assert rejections(world, 20, 200, 199, 0) <= 0.10


def test_the_minimum_detectable_difference_is_found_four_times_in_five() -> None:
    # 400 pairs of systems: three standard errors are 6 points.
    world = detectable(lambda worse: mentions(0.5, worse=worse), 1000, 500, 0)
    assert rejections(world, 1000, 400, 199, 0) == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize("inside", [True, False])
def test_the_simulated_intervals_of_clusters_are_those_of_scoring(inside: bool) -> None:
    system = ClusterWorld(0.6, inside).draw(np.random.default_rng(0), 12)[0]
    point = measures_of(sums_of(system.overlaps()))[CONLL]
    resamples = LinearResamples(point, system.leave_one_out(system.units)[CONLL][:, None])
    for _, weights in bootstrap_weights(12, 300, 0, "text"):
        resamples.add(weights @ resamples.influence)
    expected = percentile_interval(resamples.all()[:, 0], 12)
    assert cluster_interval(system, 300, 0, anew=False) == pytest.approx(expected, abs=1e-9)
