"""Draws of units: reproducible, fair, and summed exactly."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retold.stats.bootstrap import LinearResamples, bootstrap_products, bootstrap_sums, bootstrap_weights

Array = npt.NDArray[np.float64]


def weights(units: int, resamples: int, seed: int, stream: str) -> Array:
    out = np.zeros((resamples, units))
    for block, drawn in bootstrap_weights(units, resamples, seed, stream):
        out[block] = drawn
    return out


@pytest.mark.parametrize("units", [1, 7, 33, 4096, 100_001])
def test_drawing_some_at_a_time_is_drawing_all_at_once(units: int) -> None:
    # The same draws by their definition: a block of integers below the number of units, each resample's counted.
    state = np.random.SeedSequence([3, zlib.crc32(b"text"), 0])
    drawn = np.random.Generator(np.random.PCG64(state)).integers(0, units, size=(25, units))
    expected = [np.bincount(row, minlength=units) for row in drawn]
    _, weights = next(bootstrap_weights(units, 25, 3, "text"))
    np.testing.assert_array_equal(weights, expected)


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


def test_bootstrap_products_are_those_of_the_weights() -> None:
    tables = [np.arange(36.0).reshape(12, 3), np.ones((12, 1))]
    drawn = weights(12, 2500, 5, "text")
    blocks = list(bootstrap_products(tables, 12, 2500, 5, "text"))
    assert [block.start for block, _ in blocks] == [0, 1000, 2000]
    for found, table in zip(zip(*(products for _, products in blocks), strict=True), tables, strict=True):
        np.testing.assert_array_equal(np.concatenate(found), drawn @ table)


def test_linear_resamples_move_by_the_influence_of_what_was_drawn_beyond_once() -> None:
    # Value .6; without the first unit .5, without the second .8: influences .1 and -.2. Drawn (2, 0), (1, 1), (0, 2):
    # .6 + .1 + .2 = .9, .6, .6 - .1 - .2 = .3. A value that is not defined stays so, and what would pass 1 stays there.
    resamples = LinearResamples(np.array([0.6, np.nan, 0.9]), np.array([[0.5, 0.1, 0.7], [0.8, 0.1, np.nan]]))
    for weights in ([[2.0, 0.0], [1.0, 1.0]], [[0.0, 2.0]]):
        resamples.add(np.array(weights) @ resamples.influence)
    found = resamples.all()
    assert found[:, 0] == pytest.approx([0.9, 0.6, 0.3])
    assert np.isnan(found[:, 1]).all()
    assert found[:, 2] == pytest.approx([1.0, 0.9, 0.7])
