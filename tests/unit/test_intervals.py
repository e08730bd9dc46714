"""Intervals and minimum detectable differences against statsmodels, scipy and arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from retold.stats.intervals import minimum_detectable_difference, percentile_interval, wilson


def test_wilson_ends_exactly_at_zero_and_one() -> None:
    assert wilson(0, 7)[0] == 0.0
    assert wilson(7, 7)[1] == 1.0


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_agrees_with_statsmodels(case: tuple[int, int]) -> None:
    low, high = proportion_confint(*case, alpha=0.05, method="wilson")
    assert wilson(*case) == pytest.approx((low, high), abs=1e-9)


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


def test_the_percentile_interval_of_nothing_defined_is_none() -> None:
    assert percentile_interval(np.full(3, np.nan)) is None


@pytest.mark.parametrize("values", [[0.5], [0.5] * 100, [0.5, math.nan], [0.25, *[0.5] * 999], [0.5, 0.5 + 1e-15]])
def test_an_interval_of_no_width_is_none(values: list[float]) -> None:
    # One resample, one unit, or so little spread that both percentiles fall on one value.
    assert percentile_interval(np.array(values)) is None


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
