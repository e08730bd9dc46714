"""Units: what resampling draws."""

from __future__ import annotations

import zlib
from typing import Final, Literal

__all__ = ["MANY_DOCUMENTS", "POOL", "UnitKind", "pooled", "unit_kind"]

UnitKind = Literal["document", "paragraph"]

#: From this many documents on, the document is the unit.
MANY_DOCUMENTS: Final = 30
#: More units than this are pooled into this many groups.
POOL: Final = 4096

_GROUPS: Final = [f"group-{number:04d}" for number in range(POOL)]


def unit_kind(documents: int, *, paragraphs_known: bool = True) -> UnitKind:
    """What is drawn: the document where there are 30 or more, otherwise the paragraph.

    With fewer documents, labels that belong to no paragraph are drawn by what joins them across documents: stance cells
    by (holder, target), verification pairs by claim. Where paragraphs are not known, documents are drawn whatever
    their number.
    """
    return "document" if documents >= MANY_DOCUMENTS or not paragraphs_known else "paragraph"


def pooled(unit: str) -> str:
    """Name of the group of a unit, one of ``POOL``: sums have the same variance, and the cost stops growing."""
    return _GROUPS[zlib.crc32(unit.encode()) % POOL]
