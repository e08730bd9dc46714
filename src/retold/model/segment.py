"""Zones, paragraphs and sentences of a document, placed by the opening words that a reader wrote down.

A description names where each zone and each sentence begins; this module finds those places in the verbatim text and
refuses whatever it cannot find, so that a change of text or of description never moves a boundary silently.
"""

from __future__ import annotations

from collections.abc import Sequence

from retold.model.annotations import Document, Span, Zone, ZoneName

__all__ = ["ANNOTATED_ZONES", "SegmentationError", "divide", "unannotated"]

ANNOTATED_ZONES: frozenset[ZoneName] = frozenset({"title", "body"})


class SegmentationError(ValueError):
    """An opening was not found where it should be, or text was left outside every sentence."""


def unannotated(document: Document) -> list[tuple[int, int]]:
    """Stretches of a document that are not annotated, neighbouring zones joined, in order."""
    stretches: list[tuple[int, int]] = []
    for zone in document.zones:
        if zone.zone in ANNOTATED_ZONES:
            continue
        if stretches and stretches[-1][1] == zone.start:
            stretches[-1] = stretches[-1][0], zone.end
        else:
            stretches.append((zone.start, zone.end))
    return stretches


def divide(
    text: str,
    zones: Sequence[tuple[ZoneName, str]],
    paragraphs: Sequence[Sequence[str]],
) -> tuple[list[Zone], list[Span], list[Span]]:
    """Place zones, paragraphs and sentences in ``text``.

    Args:
        text: the document, verbatim.
        zones: (zone, opening words) in order. The first zone begins at 0, each runs to the opening of the next.
        paragraphs: for each paragraph of title and body, the opening words of its sentences, in order. A paragraph
            is a line of the text; a sentence runs to the next opening or to the end of its paragraph.

    Returns:
        Zones that tile the text; paragraphs and sentences (flat, in order) without surrounding white space.

    Raises:
        SegmentationError: an opening is missing, or a non-blank character of title or body is in no sentence.
    """
    placed = _zones(text, zones)
    paragraph_spans: list[Span] = []
    sentence_spans: list[Span] = []
    lines = [line for zone in placed if zone.zone in ANNOTATED_ZONES for line in _lines(text, zone)]
    if len(lines) != len(paragraphs):
        raise SegmentationError(
            f"title and body have {len(lines)} lines, the description has {len(paragraphs)} paragraphs"
        )
    for line, openings in zip(lines, paragraphs, strict=True):
        paragraph_spans.append(line)
        starts: list[int] = []
        position = line.start
        for opening in openings:
            found = text.find(opening, position, line.end)
            if found < 0:
                raise SegmentationError(f"no sentence opens with {opening!r} after character {position}")
            starts.append(found)
            position = found + 1
        if not starts or starts[0] != line.start:
            raise SegmentationError(f"the paragraph at character {line.start} begins before its first sentence")
        for start, end in zip(starts, [*starts[1:], line.end], strict=True):
            sentence_spans.append(_trimmed(text, start, end))
    return placed, paragraph_spans, sentence_spans


def _zones(text: str, zones: Sequence[tuple[ZoneName, str]]) -> list[Zone]:
    if not zones:
        raise SegmentationError("no zone is described")
    starts: list[int] = []
    position = 0
    for name, opening in zones:
        found = text.find(opening, position)
        if found < 0:
            raise SegmentationError(f"no {name} zone opens with {opening!r} after character {position}")
        starts.append(found)
        position = found + 1
    starts[0] = 0
    ends = [*starts[1:], len(text)]
    return [Zone(start=s, end=e, zone=z) for (z, _), s, e in zip(zones, starts, ends, strict=True)]


def _lines(text: str, zone: Zone) -> list[Span]:
    spans: list[Span] = []
    start = zone.start
    for line in text[zone.start : zone.end].split("\n"):
        if line.strip():
            spans.append(_trimmed(text, start, start + len(line)))
        start += len(line) + 1
    return spans


def _trimmed(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start=start, end=end)
