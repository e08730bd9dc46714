"""Ranges that share a character, against every pair compared; the best one-to-one choice among weighted pairs, against
brute force and scipy, on every path.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import scipy.sparse.csgraph
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from retold.measures import assignment
from retold.measures.assignment import best_assignment
from retold.measures.overlap import Ranges, overlaps

#: Weights with many ties (whole numbers), Dice values, and arbitrary ones; 0 is no pair.
_weight = st.one_of(
    st.sampled_from([0.0, 0.0, 0.0, 1.0, 2.0, 3.0]),
    st.sampled_from([0.0, 2 / 3, 1 / 2, 4 / 5, 6 / 7]),
    st.floats(0.001, 10.0),
)
tables = st.integers(1, 7).flatmap(
    lambda width: st.lists(st.lists(_weight, min_size=width, max_size=width), min_size=1, max_size=7)
)
#: Rounds of reductions that are worth while, and sides of the tables that are solved without scipy.
PATHS = [
    pytest.param((), id="as-it-is"),
    pytest.param((2.0, (1, 2, 4, 8, 16, 32, 64)), id="augmenting-paths"),
    pytest.param((2.0, ()), id="scipy"),
]


def chosen(rows: np.ndarray, columns: np.ndarray, weights: np.ndarray, limits: tuple[object, ...] = ()) -> np.ndarray:
    """What is chosen with some limits, after checking that it is a one-to-one choice."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in zip(("_WORTHWHILE", "_SIDES"), limits, strict=False):
            patch.setattr(assignment, name, value)
        found = best_assignment(rows, columns, weights)
    assert (np.diff(found) > 0).all()
    assert len(set(rows[found])) == len(set(columns[found])) == len(found)
    return found


def best_total(table: np.ndarray) -> float:
    return float(table[linear_sum_assignment(table, maximize=True)].sum())


@pytest.mark.parametrize("limits", PATHS)
@example(rows=[[1.0, 2 / 3], [2 / 3, 0.0]])  # the heaviest pair is in no optimum
@example(rows=[[2.0, 2.0], [2.0, 0.0]])  # nor is the first of several equal ones
@settings(deadline=None, max_examples=150)
@given(rows=tables)
def test_best_assignment_is_as_good_as_scipys(limits: tuple[object, ...], rows: list[list[float]]) -> None:
    table = np.array(rows)
    row, column = (ends.ravel() for ends in np.indices(table.shape))
    found = chosen(row, column, table.ravel(), limits)
    assert table.ravel()[found].sum() == pytest.approx(best_total(table), abs=1e-9)
    assert (table.ravel()[found] > 0).all()


def test_scipy_is_given_indices_of_32_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    # Releases before 1.15 end with a ValueError on indices of 64 bits.
    seen = []

    def solve(table: Any) -> Any:
        seen.extend((table.indices.dtype, table.indptr.dtype))
        return min_weight_full_bipartite_matching(table)

    monkeypatch.setattr(scipy.sparse.csgraph, "min_weight_full_bipartite_matching", solve)
    ends = np.arange(100)
    chain = np.concatenate([ends, ends]), np.concatenate([ends, np.roll(ends, 1)])
    assert len(chosen(*chain, np.tile([1.0, 2.0], 100), (2.0, ()))) == 100
    assert set(seen) == {np.dtype(np.int32)}


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), _weight), max_size=9, unique_by=lambda p: p[:2]))
def test_best_assignment_is_as_good_as_trying_every_choice(pairs: list[tuple[int, int, float]]) -> None:
    row, column, weights = (np.array(values) for values in (zip(*pairs, strict=True) if pairs else ([], [], [])))
    best = max(
        sum(pair[2] for pair in choice)
        for size in range(len(pairs) + 1)
        for choice in itertools.combinations(pairs, size)
        if len({pair[0] for pair in choice}) == len({pair[1] for pair in choice}) == size
    )
    found = chosen(row.astype(np.int64), column.astype(np.int64), weights.astype(np.float64))
    assert sum(weights[found]) == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("limits", PATHS)
@given(rows=tables, seed=st.integers(0, 99))
@settings(deadline=None, max_examples=50)
def test_the_order_of_pairs_does_not_change_the_choice(
    limits: tuple[object, ...], rows: list[list[float]], seed: int
) -> None:
    table = np.array(rows)
    row, column = (ends.ravel() for ends in np.indices(table.shape))
    order = np.random.default_rng(seed).permutation(table.size)
    other = chosen(row[order], column[order], table.ravel()[order], limits)
    assert sorted(order[other]) == chosen(row, column, table.ravel(), limits).tolist()


@pytest.mark.parametrize("limits", PATHS)
@pytest.mark.parametrize("density", [0.01, 0.03, 0.2])
def test_a_large_component_gets_the_best_total_on_every_path(limits: tuple[object, ...], density: float) -> None:
    draw = np.random.default_rng(7)
    table = np.where(draw.random((150, 170)) < density, draw.integers(1, 4, (150, 170)), 0).astype(float)
    row, column = np.nonzero(table)
    found = chosen(row, column, table[row, column], limits)
    assert table[row, column][found].sum() == best_total(table)


def test_many_components_are_solved_as_if_each_were_alone() -> None:
    # Dense blocks of 1 to 9 rows and columns, which no reduction takes apart, side by side.
    draw = np.random.default_rng(3)
    blocks = [draw.integers(1, 1000, draw.integers(1, 10, 2)).astype(float) for _ in range(300)]
    row, column, weights, at = [], [], [], 0
    for block in blocks:
        ends = np.indices(block.shape).reshape(2, -1) + at
        row.append(ends[0])
        column.append(ends[1])
        weights.append(block.ravel())
        at += 10
    total = np.concatenate(weights)
    found = chosen(np.concatenate(row), np.concatenate(column), total)
    assert total[found].sum() == sum(map(best_total, blocks))


def test_nothing_is_chosen_of_nothing() -> None:
    nothing = np.zeros(0, np.int64)
    assert len(best_assignment(nothing, nothing, np.zeros(0))) == 0
    assert len(best_assignment(np.array([0, 1]), np.array([0, 0]), np.array([0.0, -1.0]))) == 0


def test_spans_that_chain_and_small_tables_do_not_import_scipy() -> None:
    # Its import takes longer than most corpora take to score.
    code = """
import sys
from typing import Any
import numpy as np
from retold.measures.assignment import best_assignment
from retold.measures.overlap import Ranges, overlaps
draw = np.random.default_rng(0)
table = draw.random((20, 20))
best_assignment(*np.nonzero(table), table.ravel())
best_assignment(np.repeat(np.arange(90), 2)[1:], np.repeat(np.arange(90), 2)[:-1], draw.random(179))
sys.exit(any(name.startswith("scipy") for name in sys.modules))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- Overlaps ---------------------------------------------------------------------------------------------------------

#: (document, start, length), many of which nest, touch, are equal or are empty.
_range = st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 5))
range_lists = st.lists(_range, max_size=14).map(lambda ranges: sorted((d, s, s + n) for d, s, n in ranges))
Rows = list[tuple[int, int, int]]


def columns(rows: Rows, scale: int = 1) -> Ranges:
    document, start, end = np.array(rows, np.int64).reshape(len(rows), 3).T
    return document, start * scale, end * scale


def overlapping(gold: Rows, predicted: Rows, scale: int = 1) -> list[tuple[int, int]]:
    g, p = overlaps(columns(gold, scale), columns(predicted, scale))
    return list(zip(g.tolist(), p.tolist(), strict=True))


@given(range_lists, range_lists)
def test_overlaps_are_those_of_every_pair_compared(gold: Rows, predicted: Rows) -> None:
    wanted = [
        (g, p)
        for g, (document, start, end) in enumerate(gold)
        for p, (other, first, last) in enumerate(predicted)
        if document == other and max(start, first) < min(end, last)
    ]
    assert overlapping(gold, predicted) == wanted
    # Offsets so large that documents cannot be laid one behind the other in 64 bits.
    assert overlapping(gold, predicted, scale=1 << 58) == wanted


@pytest.mark.parametrize(
    ("predicted", "wanted"),
    [
        pytest.param([(0, 4, 5)], [], id="before"),
        pytest.param([(0, 4, 6)], [(0, 0)], id="first-character"),
        pytest.param([(0, 8, 9)], [(0, 0)], id="last-character"),
        pytest.param([(0, 9, 12)], [], id="touches"),
        pytest.param([(0, 7, 7)], [], id="empty"),
        pytest.param([(0, 0, 99)], [(0, 0)], id="holds-it"),
        pytest.param([(1, 5, 9)], [], id="other-document"),
        pytest.param([(0, 0, 99), (0, 5, 9), (0, 6, 7)], [(0, 0), (0, 1), (0, 2)], id="nested"),
    ],
)
def test_overlaps_of_one_range(predicted: Rows, wanted: list[tuple[int, int]]) -> None:
    assert overlapping([(0, 5, 9)], predicted) == wanted
