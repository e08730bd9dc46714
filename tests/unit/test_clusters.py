"""Coreference measures against exact fractions, and under changes that must not matter."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exact_clusters import Mention, Triple, exact
from retold.measures.clusters import FAMILIES, ClusterOverlaps, conll, scores_of, sums_of


def overlaps_of(mentions: Sequence[Mention], weights: Sequence[Sequence[int]] | None = None) -> ClusterOverlaps:
    """A table of overlaps; one row of weights (one for each mention) makes one row of the table."""
    gold = sorted({(event, g) for event, g, _ in mentions if g is not None})
    predicted = sorted({(event, p) for event, _, p in mentions if p is not None})
    pairs = sorted(set(mentions), key=str)
    rows = []
    for row in weights if weights is not None else [[1] * len(mentions)]:
        amounts: Counter[Mention] = Counter()
        for mention, weight in zip(mentions, row, strict=True):
            amounts[mention] += weight
        rows.append([amounts[pair] for pair in pairs])
    return ClusterOverlaps(
        gold=np.array([-1 if g is None else gold.index((e, g)) for e, g, _ in pairs], dtype=np.int64),
        predicted=np.array([-1 if p is None else predicted.index((e, p)) for e, _, p in pairs], dtype=np.int64),
        mentions=np.array(rows, dtype=np.float64).reshape(len(rows), len(pairs)),
        gold_events=np.array([e for e, _ in gold], dtype=np.int64),
        predicted_events=np.array([e for e, _ in predicted], dtype=np.int64),
    )


def measured(overlaps: ClusterOverlaps, row: int = 0) -> dict[str, tuple[float, float, float]]:
    """Every family's (precision, recall, f1) in one row."""
    families = scores_of(sums_of(overlaps))
    return {name: tuple(float(part[row]) for part in families[name]) for name in FAMILIES}  # type: ignore[misc]


# --- By hand (the published values: test_layers_coreference.py) -------------------------------------------------------


def from_letters(gold: str, predicted: str) -> list[Mention]:
    """Mentions of one event from clusters written as words of letters, each letter in one of them."""
    wanted, given = (
        {letter: number for number, word in enumerate(words.split()) for letter in word} for words in (gold, predicted)
    )
    return [(0, wanted.get(letter), given.get(letter)) for letter in sorted(wanted.keys() | given.keys())]


NONE = math.nan


def test_conll_leaves_muc_out_where_no_cluster_has_a_link() -> None:
    # Two singletons, one found. B3: precision 1, recall 1/2, F1 2/3. CEAFe: 1 / 1, 1 / 2, F1 2/3. MUC: 0/0.
    overlaps = overlaps_of(from_letters("a b", "a"))
    assert all(math.isnan(float(part[0])) for part in scores_of(sums_of(overlaps, ["muc"]))["muc"])
    assert float(conll(overlaps)[0]) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        # Nothing predicted: precision is 0/0, recall 0 of 2, F1 0.
        pytest.param("ab", "", (NONE, 0, 0), id="nothing-predicted"),
        pytest.param("", "ab", (0, NONE, 0), id="nothing-in-gold"),
        pytest.param("", "", (NONE, NONE, NONE), id="nothing-at-all"),
    ],
)
def test_an_empty_side_is_undefined_and_never_a_free_one(
    gold: str, predicted: str, expected: tuple[float, float, float]
) -> None:
    for family, values in measured(overlaps_of(from_letters(gold, predicted))).items():
        assert values == pytest.approx(expected, nan_ok=True), family


# --- Exact oracles ----------------------------------------------------------------------------------------------------


def as_floats(triple: Triple) -> list[float]:
    return [math.nan if value is None else float(value) for value in triple]


_cluster = st.one_of(st.none(), st.integers(0, 3))
#: Partitions with missing and spurious mentions, in up to two events.
partitions = st.lists(st.tuples(st.integers(0, 1), _cluster, _cluster), max_size=9).map(
    lambda mentions: [m for m in mentions if m[1] is not None or m[2] is not None]
)


@settings(deadline=None, max_examples=300)
@given(partitions)
def test_every_measure_equals_its_definition_in_exact_fractions(mentions: list[Mention]) -> None:
    found, wanted = measured(overlaps_of(mentions)), exact(mentions)
    for family in FAMILIES:
        assert found[family] == pytest.approx(as_floats(wanted[family]), abs=1e-12, nan_ok=True), family


@settings(deadline=None, max_examples=150)
@given(
    partitions.filter(bool).flatmap(
        lambda mentions: st.tuples(
            st.just(mentions[:6]),
            st.lists(
                st.lists(st.integers(0, 2), min_size=len(mentions[:6]), max_size=len(mentions[:6])),
                min_size=1,
                max_size=3,
            ),
        )
    )
)
def test_a_resample_is_the_measure_of_mentions_written_several_times(
    drawn: tuple[list[Mention], list[list[int]]],
) -> None:
    # Drawing a unit twice must mean what a corpus with that unit twice would give: each copy is a mention of its own.
    mentions, weights = drawn
    overlaps = overlaps_of(mentions, weights)
    for row, amounts in enumerate(weights):
        copies = [mention for mention, amount in zip(mentions, amounts, strict=True) for _ in range(amount)]
        wanted = exact(copies)
        found = measured(overlaps, row)
        for family in FAMILIES:
            assert found[family] == pytest.approx(as_floats(wanted[family]), abs=1e-12, nan_ok=True), family
