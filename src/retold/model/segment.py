"""The zones of a document."""

from __future__ import annotations

from retold.model.annotations import Document, ZoneName

__all__ = ["ANNOTATED_ZONES", "unannotated"]

ANNOTATED_ZONES: frozenset[ZoneName] = frozenset({"title", "body"})


def unannotated(document: Document) -> list[tuple[int, int]]:
    """(start, end) of what is not annotated in a document, adjacent zones joined, in order."""
    spans: list[tuple[int, int]] = []
    for zone in document.zones:
        if zone.zone in ANNOTATED_ZONES:
            continue
        if spans and spans[-1][1] == zone.start:
            spans[-1] = spans[-1][0], zone.end
        else:
            spans.append((zone.start, zone.end))
    return spans
