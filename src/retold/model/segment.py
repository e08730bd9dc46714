"""Dividing a document into zones, paragraphs and sentences by the words with which each begins.

The offsets are found in the verbatim text, and whatever is not found is an error, so that a change of the text or of
the description never moves a boundary silently.
"""

from __future__ import annotations

from collections.abc import Sequence

from retold.model.annotations import Document, Span, Zone, ZoneName

__all__ = ["ANNOTATED_ZONES", "SegmentationError", "divide", "unannotated"]

ANNOTATED_ZONES: frozenset[ZoneName] = frozenset({"title", "body"})


class SegmentationError(ValueError):
    """Opening words were not found where expected, or text is in no sentence."""


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


def divide(
    text: str,
    zones: Sequence[tuple[ZoneName, str]],
    paragraphs: Sequence[Sequence[str]],
) -> tuple[list[Zone], list[Span], list[Span]]:
    """Find zones, paragraphs and sentences in ``text``.

    Args:
        text: the document, verbatim.
        zones: (zone, opening words) in order. The first zone begins at 0, each runs to the opening of the next.
        paragraphs: for each paragraph of title and body, the opening words of its sentences, in order. A paragraph
            is a line of the text; a sentence ends before the next one or with its paragraph.

    Returns:
        Zones that tile the text; paragraphs and sentences (flat, in order) without surrounding white space.

    Raises:
        SegmentationError: opening words are missing, or a non-blank character of title or body is in no sentence.
    """
    zone_spans = _zones(text, zones)
    paragraph_spans: list[Span] = []
    sentence_spans: list[Span] = []
    lines = [line for zone in zone_spans if zone.zone in ANNOTATED_ZONES for line in _lines(text, zone)]
    if len(lines) != len(paragraphs):
        raise SegmentationError(
            f"title and body have {len(lines)} lines, the description has {len(paragraphs)} paragraphs"
        )
    for line, openings in zip(lines, paragraphs, strict=True):
        paragraph_spans.append(line)
        starts = _find_all(text, [(opening, "sentence") for opening in openings], line.start, line.end)
        if not starts or starts[0] != line.start:
            raise SegmentationError(f"the paragraph at character {line.start} begins before its first sentence")
        for start, end in zip(starts, [*starts[1:], line.end], strict=True):
            sentence_spans.append(_trimmed(text, start, end))
    return zone_spans, paragraph_spans, sentence_spans


def _zones(text: str, zones: Sequence[tuple[ZoneName, str]]) -> list[Zone]:
    if not zones:
        raise SegmentationError("expected at least one zone")
    starts = _find_all(text, [(opening, f"{name} zone") for name, opening in zones], 0, len(text))
    bounds = [0, *starts[1:], len(text)]
    return [Zone(start=s, end=e, zone=z) for (z, _), s, e in zip(zones, bounds, bounds[1:], strict=False)]


def _find_all(text: str, openings: Sequence[tuple[str, str]], start: int, end: int) -> list[int]:
    """Where (opening words, name for messages) are, each after the one before."""
    starts: list[int] = []
    for words, name in openings:
        found = text.find(words, start, end)
        if found < 0:
            raise SegmentationError(f"no {name} begins with {words!r} after character {start}")
        starts.append(found)
        start = found + 1
    return starts


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
