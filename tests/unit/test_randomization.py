"""The paired randomization test against scipy, its definition and arithmetic; Holm's correction against statsmodels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import permutation_test
from statsmodels.stats.multitest import multipletests

from conformance import Case, cases, check, name
from retold.stats.intervals import wilson
from retold.stats.multiple import holm
from retold.stats.randomization import randomization_p, sign_blocks

Array = npt.NDArray[np.float64]

A = [0.8, 0.7, 0.9, 0.6, 0.85, 0.75, 0.65, 0.95]
B = [0.7, 0.65, 0.85, 0.65, 0.8, 0.7, 0.6, 0.9]


def column(values: Sequence[float]) -> list[Array]:
    """One family of units with one column of counts."""
    return [np.array(values, dtype=np.float64)[:, None]]


def mean_difference(units: int) -> Callable[[Sequence[Array], Sequence[Array]], Array]:
    """The statistic: mean of a less mean of b."""
    return lambda a, b: (a[0][:, 0] - b[0][:, 0]) / units


def test_the_exact_test_agrees_with_scipy() -> None:
    theirs = permutation_test(
        (np.round(A, 6), np.round(B, 6)),
        lambda a, b: np.round(np.mean(a) - np.mean(b), 12),
        permutation_type="samples",
        alternative="two-sided",
        n_resamples=math.inf,
    )
    p = randomization_p(column(A), column(B), mean_difference(8), trials=10_000, seed=0)
    assert p == pytest.approx(theirs.pvalue)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=8))
def test_the_exact_test_is_the_share_of_all_assignments(rows: list[tuple[int, int]]) -> None:
    a, b = [row[0] for row in rows], [row[1] for row in rows]
    observed = abs(sum(a) - sum(b))
    signs = list(itertools.product((1, -1), repeat=len(rows)))
    extreme = sum(abs(sum(s * (x - y) for s, x, y in zip(each, a, b, strict=True))) >= observed for each in signs)
    p = randomization_p(column(a), column(b), mean_difference(1), trials=10_000, seed=0)
    assert p == pytest.approx(extreme / len(signs))


def test_many_units_are_sampled_and_never_give_zero() -> None:
    # 40 units that all differ the same way: no sampled assignment comes near, so p is (0 + 1) / (trials + 1).
    p = randomization_p(column([1.0] * 40), column([0.0] * 40), mean_difference(40), trials=999, seed=0)
    assert p == pytest.approx(1 / 1000)


def test_the_sampled_test_comes_near_the_exact_one() -> None:
    exact = randomization_p(column(A), column(B), mean_difference(8), trials=256, seed=0)
    sampled = randomization_p(column(A), column(B), mean_difference(8), trials=255, seed=0)
    assert exact == pytest.approx(0.0625)
    # Standard error of a share of .0625 over 255 draws: .015; four of them.
    assert sampled == pytest.approx(0.0625, abs=0.06)
    assert sampled * 256 == pytest.approx(round(sampled * 256))


@pytest.mark.parametrize("units", [1, 8, 40])
def test_a_system_against_its_own_copy_gives_one(units: int) -> None:
    # sacrebleu 2.6.0 gives .000999 here (it counts strictly greater); by definition nothing can be less extreme.
    values = column([float(k % 7) for k in range(units)])
    assert randomization_p(values, [v.copy() for v in values], mean_difference(units), trials=1000, seed=0) == 1.0


def test_families_of_units_are_exchanged_independently() -> None:
    # Two families of one unit each, differences 2 and 1: sums 3 1 -1 -3, so |sum| >= 3 in 2 of 4 assignments.
    a, b = [np.array([[2.0]]), np.array([[1.0]])], [np.array([[0.0]]), np.array([[0.0]])]
    p = randomization_p(a, b, lambda x, y: x[0][:, 0] + x[1][:, 0] - y[0][:, 0] - y[1][:, 0], trials=10, seed=0)
    assert p == pytest.approx(0.5)


def test_an_undefined_difference_has_no_p() -> None:
    assert randomization_p(column([1.0]), column([0.0]), lambda a, b: a[0][:, 0] * np.nan, 10, 0) is None


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


def test_no_block_of_signs_is_that_of_another() -> None:
    rows = np.concatenate(list(sign_blocks(60, trials=3000, seed=0)[1]))
    assert len({row.tobytes() for row in rows}) == 3000


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    # statsmodels collects garbage in each call, which takes the longer the more objects the tests before have left.
    with mock.patch("gc.collect"):
        expected = multipletests(p_values, method="holm")[1].tolist()
    assert holm(p_values) == pytest.approx(expected, abs=1e-12)


def test_holm_of_no_test_is_empty() -> None:
    assert holm([]) == []


# --- Values of other libraries ----------------------------------------------------------------------------------------


def statistic(function: str, *given: Any) -> dict[str, float]:
    """Values of one function of ``retold.stats`` by name."""
    if function == "wilson":
        return dict(zip(("low", "high"), wilson(*given), strict=True))
    if function == "holm":
        return {str(index): p for index, p in enumerate(holm(*given))}
    a, b = given
    p = randomization_p(column(a), column(b), mean_difference(len(a)), trials=10_000, seed=0)
    assert p is not None
    return {"p": p}


@pytest.mark.parametrize("case", cases("statistics"), ids=name)
def test_the_values_of_other_libraries_are_met(case: Case) -> None:
    check(case, statistic(*case.given))
