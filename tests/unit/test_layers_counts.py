"""Tables of counts: exact in fixed point, whatever the order, and merged without loss; and the units of their rows."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retold.layers.counts import FIXED, CountTable
from retold.layers.units import POOL, pooled, unit_kind


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


def test_pooling_is_the_same_on_every_run() -> None:
    # zlib.crc32(b"macron-coalition-0") % 4096, a published checksum, unlike Python's salted hash().
    assert pooled("macron-coalition-0") == f"group-{zlib.crc32(b'macron-coalition-0') % 4096:04d}"
    assert POOL == 4096
