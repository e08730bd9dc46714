"""Intervals and tests against statsmodels, scipy and arithmetic, and that the same seed means the same draws."""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import permutation_test, t
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from conformance import Case, cases, check, name
from retold.layers.coreference import measures_of
from retold.layers.counts import FIXED, CountTable, fixed, real
from retold.measures.clusters import sums_of
from retold.stats import resampling
from retold.stats.resampling import (
    POOL,
    LinearResamples,
    bootstrap_sums,
    bootstrap_weights,
    holm,
    minimum_detectable_difference,
    percentile_interval,
    pooled,
    randomisation_p,
    sign_blocks,
    unit_kind,
    wilson,
)
from simulate_statistics import CONLL, cluster_interval, coverage, detectable, difference_coverage, rejections
from simulated_worlds import UNLIKE, ClusterWorld, World, mentions, stances

Array = npt.NDArray[np.float64]


# --- Intervals --------------------------------------------------------------------------------------------------------


def statistic(function: str, *given: Any) -> dict[str, float]:
    """Values of one function of ``retold.stats.resampling`` by name."""
    if function == "wilson":
        return dict(zip(("low", "high"), wilson(*given), strict=True))
    if function == "holm":
        return {str(index): p for index, p in enumerate(holm(*given))}
    a, b = given
    p = randomisation_p(column(a), column(b), mean_difference(len(a)), trials=10_000, seed=0)
    assert p is not None
    return {"p": p}


@pytest.mark.parametrize("case", cases("statistics"), ids=name)
def test_the_values_of_other_libraries_are_met(case: Case) -> None:
    check(case, statistic(*case.given))


def test_wilson_ends_exactly_at_zero_and_one() -> None:
    assert wilson(0, 7)[0] == 0.0
    assert wilson(7, 7)[1] == 1.0


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_wilson_agrees_with_statsmodels(case: tuple[int, int], level: float) -> None:
    low, high = proportion_confint(*case, alpha=1 - level, method="wilson")
    assert wilson(*case, level) == pytest.approx((low, high), abs=1e-9)


def test_wilson_of_no_trials_is_an_error() -> None:
    with pytest.raises(ValueError, match="no trials"):
        wilson(0, 0)


def test_the_percentile_interval_leaves_undefined_resamples_out() -> None:
    # The values 0 to 100 put the 2.5th and 97.5th percentile at 2.5 and 97.5.
    values = np.concatenate([np.arange(101.0), np.full(50, np.nan)])
    assert percentile_interval(values) == pytest.approx((2.5, 97.5))


@pytest.mark.parametrize(
    ("units", "tail"),
    [
        # t of n - 1 degrees of freedom at .975 (any table), times sqrt(n / (n - 1)), and the normal tail beyond it:
        # 2.3646 * 1.0690 = 2.5279 -> .00574; 2.0930 * 1.0260 = 2.1474 -> .01588; 1.9842 * 1.0050 = 1.9942 -> .02306.
        (8, 0.00574),
        (20, 0.01588),
        (100, 0.02306),
        # The limit, and what has no spread to correct.
        (10**9, 0.025),
        (1, 0.025),
        (0, 0.025),
    ],
)
def test_the_percentile_interval_is_expanded_for_few_units(units: int, tail: float) -> None:
    # The values 0 to 1: a percentile is itself.
    low, high = percentile_interval(np.linspace(0, 1, 100_001), units) or (0.0, 0.0)
    assert low == pytest.approx(tail, abs=5e-6)
    assert high == pytest.approx(1 - tail, abs=5e-6)


def test_linear_resamples_move_by_the_influence_of_what_was_drawn_beyond_once() -> None:
    # Value .6; without the first unit .5, without the second .8: influences .1 and -.2. Drawn (2, 0), (1, 1), (0, 2):
    # .6 + .1 + .2 = .9, .6, .6 - .1 - .2 = .3. A value that is not defined stays so, and what would pass 1 stays there.
    resamples = LinearResamples(np.array([0.6, np.nan, 0.9]), np.array([[0.5, 0.1, 0.7], [0.8, 0.1, np.nan]]))
    resamples.draw(np.array([[2.0, 0.0], [1.0, 1.0]]))
    resamples.draw(np.array([[0.0, 2.0]]))
    found = resamples.all()
    assert found[:, 0] == pytest.approx([0.9, 0.6, 0.3])
    assert np.isnan(found[:, 1]).all()
    assert found[:, 2] == pytest.approx([1.0, 0.9, 0.7])


def test_the_percentile_interval_of_nothing_defined_is_none() -> None:
    assert percentile_interval(np.full(3, np.nan)) is None


def test_the_minimum_detectable_difference_is_2_8_standard_errors() -> None:
    # Standard error of 1, 2, 3: 1. 1.96 + 0.84 = 2.8 (two-sided 5%, power 80%); undefined resamples are left out.
    assert minimum_detectable_difference(np.array([1.0, 2.0, math.nan, 3.0])) == pytest.approx(2.8)
    # Of few units: t of 7 degrees of freedom has 2.3646 and 0.8960 at .975 and .8, together 3.2606, times
    # sqrt(8 / 7) = 1.0690 is 3.4857.
    assert minimum_detectable_difference(np.array([1.0, 2.0, 3.0]), 8) == pytest.approx(3.4857, abs=1e-4)
    assert minimum_detectable_difference(np.array([1.0, 2.0, 3.0]), 10**9) == pytest.approx(1.95996 + 0.84162, abs=1e-4)


@pytest.mark.parametrize("differences", [[], [0.5], [0.0, 0.0, 0.0], [math.nan, math.nan, 1.0]])
def test_what_never_varies_has_no_minimum_detectable_difference(differences: list[float]) -> None:
    assert minimum_detectable_difference(np.array(differences)) is None


# --- Holm -------------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1].tolist(), abs=1e-12)


def test_holm_of_no_test_is_empty() -> None:
    assert holm([]) == []


# --- The randomisation test -------------------------------------------------------------------------------------------

A = [0.8, 0.7, 0.9, 0.6, 0.85, 0.75, 0.65, 0.95]
B = [0.7, 0.65, 0.85, 0.65, 0.8, 0.7, 0.6, 0.9]


def column(values: Sequence[float]) -> list[Array]:
    """One family of units with one column of counts."""
    return [np.array(values, dtype=np.float64)[:, None]]


def mean_difference(units: int) -> Callable[[Sequence[Array], Sequence[Array]], Array]:
    """The statistic: mean of a less mean of b."""
    return lambda a, b: (a[0][:, 0] - b[0][:, 0]) / units


def test_eight_documents_are_tested_exactly() -> None:
    # Arithmetic: the differences are .1 .05 .05 -.05 .05 .05 .05 .05, sum .35, mean .04375. In units of .05 they are 2
    # and seven times 1. A signed sum of at least 7 needs +2 and at most one of the seven reversed: 1 + 7 of 2**8
    # assignments, and as many on the other side: 16 / 256 = .0625.
    assert sum(a - b for a, b in zip(A, B, strict=True)) / 8 == pytest.approx(0.04375)
    p = randomisation_p(column(A), column(B), mean_difference(8), trials=10_000, seed=0)
    assert p == pytest.approx(0.0625)


def test_the_exact_test_agrees_with_scipy() -> None:
    theirs = permutation_test(
        (np.round(A, 6), np.round(B, 6)),
        lambda a, b: np.round(np.mean(a) - np.mean(b), 12),
        permutation_type="samples",
        alternative="two-sided",
        n_resamples=math.inf,
    )
    p = randomisation_p(column(A), column(B), mean_difference(8), trials=10_000, seed=0)
    assert p == pytest.approx(theirs.pvalue)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=8))
def test_the_exact_test_is_the_share_of_all_assignments(rows: list[tuple[int, int]]) -> None:
    a, b = [row[0] for row in rows], [row[1] for row in rows]
    observed = abs(sum(a) - sum(b))
    signs = list(itertools.product((1, -1), repeat=len(rows)))
    extreme = sum(abs(sum(s * (x - y) for s, x, y in zip(each, a, b, strict=True))) >= observed for each in signs)
    p = randomisation_p(column(a), column(b), mean_difference(1), trials=10_000, seed=0)
    assert p == pytest.approx(extreme / len(signs))


def test_many_units_are_sampled_and_never_give_zero() -> None:
    # 40 units that all differ the same way: no sampled assignment comes near, so p is (0 + 1) / (trials + 1).
    p = randomisation_p(column([1.0] * 40), column([0.0] * 40), mean_difference(40), trials=999, seed=0)
    assert p == pytest.approx(1 / 1000)


def test_the_sampled_test_comes_near_the_exact_one() -> None:
    exact = randomisation_p(column(A), column(B), mean_difference(8), trials=256, seed=0)
    sampled = randomisation_p(column(A), column(B), mean_difference(8), trials=255, seed=0)
    assert exact == pytest.approx(0.0625)
    # Standard error of a share of .0625 over 255 draws: .015; four of them.
    assert sampled == pytest.approx(0.0625, abs=0.06)
    assert sampled * 256 == pytest.approx(round(sampled * 256))


@pytest.mark.parametrize("units", [1, 8, 40])
def test_a_system_against_its_own_copy_gives_one(units: int) -> None:
    # sacrebleu 2.6.0 gives .000999 here (it counts strictly greater); by definition nothing can be less extreme.
    values = column([float(k % 7) for k in range(units)])
    assert randomisation_p(values, [v.copy() for v in values], mean_difference(units), trials=1000, seed=0) == 1.0


def test_families_of_units_are_exchanged_independently() -> None:
    # Two families of one unit each, differences 2 and 1: sums 3 1 -1 -3, so |sum| >= 3 in 2 of 4 assignments.
    a, b = [np.array([[2.0]]), np.array([[1.0]])], [np.array([[0.0]]), np.array([[0.0]])]
    p = randomisation_p(a, b, lambda x, y: x[0][:, 0] + x[1][:, 0] - y[0][:, 0] - y[1][:, 0], trials=10, seed=0)
    assert p == pytest.approx(0.5)


def test_an_undefined_difference_has_no_p() -> None:
    assert randomisation_p(column([1.0]), column([0.0]), lambda a, b: a[0][:, 0] * np.nan, 10, 0) is None


def test_signs_are_enumerated_once_each_where_they_are_few() -> None:
    exact, blocks = sign_blocks(11, trials=2048, seed=0)
    rows = np.concatenate(list(blocks))
    assert exact
    assert {tuple(row) for row in rows.tolist()} == set(itertools.product((1.0, -1.0), repeat=11))
    assert len(rows) == 2048


def test_signs_are_drawn_where_there_are_more_assignments_than_trials() -> None:
    exact, blocks = sign_blocks(12, trials=2048, seed=0)
    assert not exact
    assert sum(len(block) for block in blocks) == 2048


# --- Draws ------------------------------------------------------------------------------------------------------------


def weights(units: int, resamples: int, seed: int, stream: str) -> Array:
    out = np.zeros((resamples, units))
    for block, drawn in bootstrap_weights(units, resamples, seed, stream):
        out[block] = drawn
    return out


@pytest.mark.parametrize(("units", "resamples"), [(1, 1), (5, 7), (9, 1000), (9, 2500)])
def test_every_resample_draws_as_many_units_as_there_are(units: int, resamples: int) -> None:
    drawn = weights(units, resamples, 0, "text")
    assert (drawn.sum(axis=1) == units).all()
    assert (drawn >= 0).all()


@pytest.mark.parametrize("units", [1, 7, 33, 4096, 100_001])
def test_drawing_some_at_a_time_is_drawing_all_at_once(units: int) -> None:
    # The same draws by their definition: a block of integers below the number of units, each resample's counted.
    state = np.random.SeedSequence([3, zlib.crc32(b"text"), 0])
    drawn = np.random.Generator(np.random.PCG64(state)).integers(0, units, size=(25, units))
    expected = [np.bincount(row, minlength=units) for row in drawn]
    _, weights = next(bootstrap_weights(units, 25, 3, "text"))
    np.testing.assert_array_equal(weights, expected)


def test_units_are_drawn_equally_often() -> None:
    # 2,000 resamples of 10 units: each unit is drawn once on average, with a standard error of sqrt(.9 / 2000) = .021.
    assert weights(10, 2000, 3, "text").mean(axis=0) == pytest.approx(np.ones(10), abs=0.1)


def test_the_same_stream_gives_the_same_draws() -> None:
    assert (weights(20, 1500, 4, "text") == weights(20, 1500, 4, "text")).all()


def test_seed_zero_is_a_seed_like_any_other() -> None:
    # sacrebleu drops a seed of 0 (`seed if seed else None`) and is random then.
    assert (weights(20, 50, 0, "text") == weights(20, 50, 0, "text")).all()
    draws = {weights(20, 50, seed, "text").tobytes() for seed in range(10)}
    assert len(draws) == 10
    assert (weights(20, 50, 0, "text") != weights(20, 50, 0, "stance")).any()


def test_more_resamples_begin_with_the_same_ones() -> None:
    # Blocks are seeded one by one, so a longer run continues a shorter one that ended with a block.
    assert (weights(6, 2000, 0, "text")[:1000] == weights(6, 1000, 0, "text")).all()


def test_no_block_of_draws_is_that_of_another() -> None:
    # 3,000 resamples come in three blocks; each drawn from the same state, they would be only 1,000 different ones.
    drawn = weights(20, 3000, 0, "text")
    assert len({row.tobytes() for row in drawn}) == 3000
    rows = np.concatenate(list(sign_blocks(60, trials=3000, seed=0)[1]))
    assert len({row.tobytes() for row in rows}) == 3000


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(st.integers(0, 10**6), min_size=width, max_size=width), min_size=1, max_size=12)
    ),
    st.integers(0, 2**32),
)
def test_bootstrap_sums_are_the_sums_of_the_drawn_rows(rows: list[list[int]], seed: int) -> None:
    counts = np.array(rows, dtype=np.float64)
    sums = bootstrap_sums(counts, 30, seed, "text")
    for number, drawn in enumerate(weights(len(rows), 30, seed, "text")):
        written_out = [row for row, times in zip(rows, drawn, strict=True) for _ in range(int(times))]
        assert sums[number].tolist() == np.array(written_out).sum(axis=0).tolist()


def test_bootstrap_sums_of_no_unit_are_zero() -> None:
    assert bootstrap_sums(np.zeros((0, 3)), 4, 0, "text").tolist() == [[0.0] * 3] * 4


# --- Units ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("documents", "known", "expected"),
    [
        (1, True, "paragraph"),
        (29, True, "paragraph"),
        (30, True, "document"),
        (10**6, True, "document"),
        (1, False, "document"),
        (29, False, "document"),
    ],
)
def test_the_unit_is_the_document_from_thirty_documents_on(documents: int, known: bool, expected: str) -> None:
    # The project's convention, said in every signature. Without paragraphs there is only the document to draw.
    assert unit_kind(documents, paragraphs_known=known) == expected


def test_pooling_gives_at_most_as_many_groups_and_spreads_them() -> None:
    groups = {pooled(f"document-{k}") for k in range(50_000)}
    # 50,000 ids on 4,096 groups: the expected number of empty groups is 4096 * exp(-12.2) = .02.
    assert POOL - 3 <= len(groups) <= POOL


def test_pooling_keeps_totals() -> None:
    alone, together = CountTable(("items", "sum~")), CountTable(("items", "sum~"))
    for k in range(6000):
        for table, unit in ((alone, f"d{k}"), (together, pooled(f"d{k}"))):
            row = table.row(unit)
            row[0] += k % 5
            row[1] += fixed(k / 7)
    assert together.totals() == alone.totals()
    assert len(together.rows) < len(alone.rows)


def test_pooling_is_the_same_on_every_run() -> None:
    # zlib.crc32(b"macron-coalition-0") % 4096, a published checksum, unlike Python's salted hash().
    import zlib

    assert pooled("macron-coalition-0") == f"group-{zlib.crc32(b'macron-coalition-0') % 4096:04d}"
    assert resampling.POOL == 4096


# --- Counts -----------------------------------------------------------------------------------------------------------


@given(st.floats(0, 2))
def test_fixed_point_numbers_come_back_within_their_grain(value: float) -> None:
    assert real(fixed(value)) == pytest.approx(value, abs=1 / FIXED)


@given(st.lists(st.floats(0, 1), max_size=30), st.randoms(use_true_random=False))
def test_sums_of_fixed_point_numbers_do_not_depend_on_the_order(values: list[float], random: object) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert sum(map(fixed, shuffled)) == sum(map(fixed, values))


def test_merged_tables_hold_the_sums_of_both() -> None:
    first, second = CountTable(("a", "b~")), CountTable(("a", "b~"))
    first.row("x")[:] = [1, fixed(0.5)]
    second.row("x")[:] = [2, fixed(0.25)]
    second.row("y")[:] = [4, 0]
    first.merge(second)
    assert first.matrix(["x", "y", "z"]).tolist() == [[3.0, 0.75], [4.0, 0.0], [0.0, 0.0]]
    assert first.totals() == {"a": 7, "b~": fixed(0.75)}
    assert sorted(first.as_counts(first.matrix().sum(axis=0))) == ["a", "b"]


def test_tables_of_different_columns_do_not_merge() -> None:
    with pytest.raises(ValueError, match="different columns"):
        CountTable(("a",)).merge(CountTable(("b",)))


# --- The simulation ---------------------------------------------------------------------------------------------------

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
    resamples = LinearResamples(point, system.without_each(system.units)[CONLL][:, None])
    for _, weights in bootstrap_weights(12, 300, 0, "text"):
        resamples.draw(weights)
    expected = percentile_interval(resamples.all()[:, 0], 12)
    assert cluster_interval(system, 300, 0, anew=False) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("freedom", [7, 999, 1000, 4095, 10**6])
@pytest.mark.parametrize("probability", [0.025, 0.8, 0.975])
def test_quantiles_of_t_are_those_of_scipy(freedom: int, probability: float) -> None:
    assert resampling._t_quantile(probability, freedom) == pytest.approx(t.ppf(probability, freedom), rel=1e-13)
