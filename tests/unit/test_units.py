"""Units that are drawn, and counts by unit."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retold.layers.counts import FIXED, CountTable, fixed, real
from retold.layers.units import POOL, pooled, unit_kind


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
    assert pooled("macron-coalition-0") == f"group-{zlib.crc32(b'macron-coalition-0') % 4096:04d}"
    assert POOL == 4096


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
