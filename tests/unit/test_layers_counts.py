"""Tables of counts: exact in fixed point, whatever the order, and merged without loss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retold.layers.counts import FIXED, CountTable


def table(**rows: tuple[int, int]) -> CountTable:
    """A table of rows (items, amount in multiples of 1 / FIXED)."""
    made = CountTable(("items", "amount~"))
    for name, (items, amount) in rows.items():
        made.add_to(name, np.array([items, amount & (1 << 32) - 1, amount >> 32]))
    return made


def test_merged_tables_hold_the_sums_of_both() -> None:
    first, second = table(x=(1, FIXED // 2)), table(x=(2, FIXED // 4), y=(4, 0))
    first.merge(second)
    assert first.matrix(["x", "y", "z"]).tolist() == [[3.0, 0.75], [4.0, 0.0], [0.0, 0.0]]
    assert first.totals() == {"items": 7, "amount~": FIXED * 3 // 4}
    assert first.row("y") == {"items": 4, "amount~": 0}
    assert first.as_counts(first.matrix(["x"])[0]) == {"items": 3.0, "amount": 0.75}


def test_tables_of_different_columns_do_not_merge() -> None:
    with pytest.raises(ValueError, match="different columns"):
        CountTable(("a",)).merge(CountTable(("b",)))


@given(st.lists(st.integers(0, 2 * FIXED), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_fixed_point_sums_are_exact_in_any_order(amounts: list[int], random: object) -> None:
    shuffled = list(amounts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = CountTable(("items", "amount~")), CountTable(("items", "amount~"))
    for made, order in ((one, amounts), (other, shuffled)):
        for amount in order:
            made.merge(table(x=(1, amount)))
    assert one.totals() == other.totals() == {"items": len(amounts), "amount~": sum(amounts)}
