"""Units that are drawn, and their groups."""

from __future__ import annotations

import zlib

import pytest

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


def test_pooling_is_the_same_on_every_run() -> None:
    # zlib.crc32(b"macron-coalition-0") % 4096, a published checksum, unlike Python's salted hash().
    assert pooled("macron-coalition-0") == f"group-{zlib.crc32(b'macron-coalition-0') % 4096:04d}"
    assert POOL == 4096
