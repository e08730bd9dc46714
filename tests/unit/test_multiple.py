"""Corrections for many tests against statsmodels."""

from __future__ import annotations

from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from retold.stats.multiple import holm


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    # statsmodels collects garbage in each call, which takes the longer the more objects the tests before have left.
    with mock.patch("gc.collect"):
        expected = multipletests(p_values, method="holm")[1].tolist()
    assert holm(p_values) == pytest.approx(expected, abs=1e-12)


def test_holm_of_no_test_is_empty() -> None:
    assert holm([]) == []
