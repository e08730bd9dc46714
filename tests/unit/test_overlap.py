"""Ranges that share a character, against comparing every range with every other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retold.measures.overlap import Ranges, overlaps

#: (document, start, length), many of which nest, touch, are equal or are empty.
_range = st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 5))
lists = st.lists(_range, max_size=14).map(lambda ranges: sorted((d, s, s + n) for d, s, n in ranges))
Rows = list[tuple[int, int, int]]


def columns(rows: Rows, scale: int = 1) -> Ranges:
    document, start, end = np.array(rows, np.int64).reshape(len(rows), 3).T
    return document, start * scale, end * scale


def found(gold: Rows, predicted: Rows, scale: int = 1) -> list[tuple[int, int]]:
    g, p = overlaps(columns(gold, scale), columns(predicted, scale))
    return list(zip(g.tolist(), p.tolist(), strict=True))


@given(lists, lists)
def test_overlaps_are_those_of_every_pair_compared(gold: Rows, predicted: Rows) -> None:
    wanted = [
        (g, p)
        for g, (document, start, end) in enumerate(gold)
        for p, (other, first, last) in enumerate(predicted)
        if document == other and max(start, first) < min(end, last)
    ]
    assert found(gold, predicted) == wanted
    # Offsets so large that documents cannot be laid one behind the other in 64 bits.
    assert found(gold, predicted, scale=1 << 58) == wanted


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
    assert found([(0, 5, 9)], predicted) == wanted
