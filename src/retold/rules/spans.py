"""Rules 4xx: spans of mentions and claims against the text and against each other."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from msgspec import UNSET

from retold.model.alike import differ_only_in, visible
from retold.model.annotations import ClaimSpan, Document, Mention
from retold.model.display import counted
from retold.model.findings import Finding, shorten
from retold.model.segment import unannotated
from retold.rules.references import listed
from retold.rules.registry import finding, rule
from retold.rules.vocabulary import Role

__all__ = ["check_spans"]

S = TypeVar("S", Mention, ClaimSpan)


def check_spans(
    layer: str,
    spans: Sequence[S],
    labels_of: Callable[[S], Hashable],
    document: Document | None,
    role: Role,
    findings: list[Finding],
) -> None:
    """Check the spans of one layer and append to ``findings``; without a document the text is not checked."""
    text = document.text if document is not None else None
    size = len(text) if text is not None else 0
    skipped = unannotated(document) if document is not None else []
    before, increasing = -1, True
    for index, span in enumerate(spans):
        start, end = span.start, span.end
        # Spans whose starts increase cannot be repeated.
        increasing, before = increasing and before < start, start
        if start >= end:
            findings.append(end_not_after_start(start, end, f"/{layer}/{index}/end", role))
        elif text is not None:
            if end > size:
                findings.append(beyond_the_text(end, size, f"/{layer}/{index}/end", role))
                continue
            words = text[start:end]
            if words != span.text and span.text is not UNSET:
                findings.append(text_differs(text, start, end, span.text, f"/{layer}/{index}/text", role))
            if words.strip() is not words and words != words.strip():
                findings.append(white_space_at_the_edge(words, f"/{layer}/{index}", role))
            for low, high in skipped:
                # Predictions may extend beyond title and body, gold may not.
                if start < high and low < end and (role != "prediction" or (low <= start and end <= high)):
                    findings.append(not_annotated_zone(start, end, f"/{layer}/{index}", role))
                    break
    if not increasing and len({(span.start, span.end) for span in spans}) != len(spans):
        _repeated(layer, spans, labels_of, role, findings)
    if role != "prediction":
        _crossing(layer, spans, role, findings)


def _repeated(
    layer: str, spans: Sequence[S], labels_of: Callable[[S], Hashable], role: Role, findings: list[Finding]
) -> None:
    first: dict[tuple[int, int], int] = {}
    for index, span in enumerate(spans):
        earlier = first.setdefault((span.start, span.end), index)
        if earlier != index:
            same = labels_of(spans[earlier]) == labels_of(span)
            make = span_repeated if same else span_with_two_labels
            findings.append(make(span.start, span.end, earlier, f"/{layer}/{index}", role))


def _crossing(layer: str, spans: Sequence[S], role: Role, findings: list[Finding]) -> None:
    # From left to right, outer spans first; only a span that has not ended can be crossed.
    is_open: list[int] = []
    for index in sorted(range(len(spans)), key=lambda i: (spans[i].start, -spans[i].end)):
        span = spans[index]
        if span.start >= span.end:
            continue
        is_open = [i for i in is_open if spans[i].end > span.start]
        other = next((i for i in is_open if spans[i].end < span.end and spans[i].start < span.start), None)
        if other is not None:
            low, high = sorted((index, other))
            findings.append(crossing_spans(spans[high], spans[low], low, f"/{layer}/{high}", role))
        is_open.append(index)


@rule("RT401")
def end_not_after_start(start: int, end: int, pointer: str, role: Role) -> Finding:
    """A span is empty or ends before it starts.

    Spans are half open: a span of one character has `end = start + 1`.
    Example: `{"start": 19, "end": 15, "type": "GPE"}` - the span ends before it starts.
    Hint: Set `end` to the offset after the last code point.
    """
    return finding("RT401", f"end {end} is not after start {start}", pointer=pointer, role=role)


@rule("RT402")
def beyond_the_text(end: int, size: int, pointer: str, role: Role) -> Finding:
    """A span ends after the end of the text.

    Offsets count Unicode code points of the verbatim text, not bytes or UTF-16 units.
    Example: `{"start": 15, "end": 134, "type": "GPE"}` - the text has 133 characters.
    Hint: Count code points, in the text of this release.
    """
    return finding("RT402", f"end {end} is after the end of the text at {size}", pointer=pointer, role=role)


@rule("RT403")
def text_differs(text: str, start: int, end: int, given: str, pointer: str, role: Role) -> Finding:
    """The `text` of a span is not the text of the document at its offsets.

    Scores are computed from the offsets; if they are wrong, the span counts as an error.
    Example: `{"start": 43, "end": 50, "text": "Bo Berg", "type": "PER"}` - Bo Berg is at 39 to 46; these offsets count
    bytes.
    Hint: Correct the offsets (code points, not bytes or UTF-16 units) or the text.
    """
    hint, actual = None, text[start:end]
    message = f"text is {shorten(given)}, but the document has {shorten(actual)} at {start} to {end}"
    if given.strip() and (reason := differ_only_in(given, actual)) is not None:
        message = f"text is {', but the document has '.join(visible(given, actual))} at {start} to {end}"
        message += f"; they differ only in {reason}"
        hint = "Copy the text from the document; the offsets are right."
    elif given and (found := _nearest_occurrence(text, given, start)) is not None:
        hint = f"The text is at {found} to {found + len(given)}."
    return finding("RT403", message, hint=hint, pointer=pointer, role=role)


def _nearest_occurrence(text: str, given: str, start: int) -> int | None:
    """Offset of the ``given`` text nearest to ``start``."""
    before, after = text.rfind(given, 0, start + len(given)), text.find(given, start)
    return min((index for index in (before, after) if index >= 0), key=lambda index: abs(index - start), default=None)


@rule("RT410", gold=None, annotation="warning", prediction="warning")
def text_differs_from_gold(differing: int, shared: int, span: S, gold: str, role: Role) -> Finding:
    """Spans of a file have another `text` than spans of gold at the same offsets, or the same text at others.

    Without documents nothing else shows that the offsets of the two count differently, or are of other texts.
    Example: `{"start": 15, "end": 19, "text": "in Vale", "type": "GPE"}` - gold has Vale at 15 to 19.
    Hint: Check that both files have the offsets of the same verbatim texts.
    """
    one, other = visible(str(span.text), gold)
    message = f"{differing} of {shared} spans have another text than gold at the same offsets; "
    message += f"at {span.start} to {span.end} it is {one}, in gold {other}"
    return finding("RT410", message, role=role)


def texts_elsewhere_in_gold(elsewhere: int, known: int, role: Role, documents: Sequence[str] = ()) -> Finding:
    """RT410 for texts that gold has at other offsets, of some documents or of all."""
    of = f" of {listed(documents)}" if documents else ""
    message = f"{100 * elsewhere // known}% of {known} spans{of} whose text gold has are at other offsets than in gold"
    return finding("RT410", message, role=role)


@rule("RT404", prediction="warning")
def white_space_at_the_edge(text: str, pointer: str, role: Role) -> Finding:
    """A span begins or ends with white space.

    It can never equal a gold span.
    Example: `{"start": 14, "end": 19, "type": "GPE"}` - Vale begins at 15, at 14 there is a no-break space.
    Hint: Exclude the white space.
    """
    return finding("RT404", f"the span {shorten(text)} begins or ends with white space", pointer=pointer, role=role)


@rule("RT405", prediction="warning")
def span_repeated(start: int, end: int, earlier: int, pointer: str, role: Role) -> Finding:
    """A span occurs twice with the same labels.

    In predictions it counts once.
    Example: `{"entities": [{"start": 15, "end": 19, "type": "GPE"}, {"start": 15, "end": 19, "type": "GPE"}]}` - the
    two are the same.
    Hint: Remove one.
    """
    return finding("RT405", f"duplicate of span {start} to {end} at index {earlier}", pointer=pointer, role=role)


@rule("RT406")
def span_with_two_labels(start: int, end: int, earlier: int, pointer: str, role: Role) -> Finding:
    """A span occurs twice with different labels.

    A span has one label; with two, a guess would always be right.
    Example: `{"entities": [{"start": 15, "end": 19, "type": "GPE"}, {"start": 15, "end": 19, "type": "LOC"}]}` - the
    span has two types.
    Hint: Keep one of them.
    """
    message = f"span {start} to {end} is at index {earlier} with other labels"
    return finding("RT406", message, pointer=pointer, role=role)


@rule("RT407", prediction=None)
def crossing_spans(span: S, other: S, number: int, pointer: str, role: Role) -> Finding:
    """Two spans of a layer overlap and neither contains the other.

    Mentions and claims may nest, but not cross.
    Example: `{"claims": [{"start": 68, "end": 77, "source": "author"}, {"start": 72, "end": 79, "source": "author"}]}`
    - the second begins inside the first and ends outside it.
    Hint: Change a boundary so that one contains the other or they do not overlap.
    """
    message = f"span {span.start} to {span.end} crosses {other.start} to {other.end} at index {number}"
    return finding("RT407", message, pointer=pointer, role=role)


@rule("RT408", prediction="warning")
def not_annotated_zone(start: int, end: int, pointer: str, role: Role) -> Finding:
    """A span is in a zone that is not annotated (byline, boilerplate).

    Only title and body are annotated. A prediction wholly elsewhere is ignored.
    Example: `{"start": 25, "end": 32, "text": "Ann Lee", "type": "PER"}` - the name is in the byline.
    Hint: Remove the span.
    """
    return finding("RT408", f"span {start} to {end} is in a zone that is not annotated", pointer=pointer, role=role)


def ignored_spans(count: int, role: Role) -> Finding:
    """RT408 for all such spans of gold or predictions that are scored."""
    side = {"gold": "gold ", "prediction": "predicted "}.get(role, "")
    spans = counted(count, f"{side}span is", f"{side}spans are")
    message = f"{spans} in a zone that is not annotated, where nothing counts"
    return finding("RT408", message, hint="Remove them; retold validate names each.", role="prediction")


def partly_annotated(document: Document | None, layers: Sequence[Sequence[S]]) -> int:
    """Number of spans that are partly, and not wholly, in a zone that is not annotated."""
    zones = unannotated(document) if document is not None else []
    return sum(
        any(span.start < high and low < span.end and not low <= span.start < span.end <= high for low, high in zones)
        for spans in layers
        for span in spans
    )


def partly_annotated_spans(count: int) -> Finding:
    """RT408 for all such spans of gold that is scored against."""
    spans = counted(count, "gold span is", "gold spans are")
    message = f"{spans} partly in a zone that is not annotated, and counted"
    return finding("RT408", message, hint="Correct gold; retold validate names each.", role="prediction")
