"""Rules 4xx: spans of mentions and claims against the text and against each other."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from msgspec import UNSET

from retold.model.annotations import ClaimSpan, Document, Mention
from retold.model.findings import Finding, shorten
from retold.model.segment import unannotated
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
    """Append what is wrong with the spans of one layer. Without a document the text is not looked at."""
    text = document.text if document is not None else None
    size = len(text) if text is not None else 0
    hidden = unannotated(document) if document is not None else []
    before, apart = -1, True
    for index, span in enumerate(spans):
        start, end = span.start, span.end
        # Starts that only grow belong to spans that are not given twice.
        apart, before = apart and before < start, start
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
            for low, high in hidden:
                # A prediction that reaches into title or body counts; what is gold lies in them wholly.
                if start < high and low < end and (role != "prediction" or (low <= start and end <= high)):
                    findings.append(not_annotated_zone(start, end, f"/{layer}/{index}", role))
                    break
    if not apart and len({(span.start, span.end) for span in spans}) != len(spans):
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
    # From left to right, the outer one first; only spans that are still open can be crossed.
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
    """A span ends where it starts, or before.

    Spans are half open: `end` is one past the last character, so a span of one character has `end = start + 1`.

    Example: `{"start": 19, "end": 15, "type": "GPE"}` - the span ends before it begins.

    Hint: Give the code point after the last one as `end`.
    """
    return finding("RT401", role, f"the span ends at {end}, not after its start at {start}", pointer=pointer)


@rule("RT402")
def beyond_the_text(end: int, size: int, pointer: str, role: Role) -> Finding:
    """A span ends beyond the document's text.

    Offsets count Unicode code points of the verbatim text; byte offsets and UTF-16 units run ahead of them.

    Example: `{"start": 15, "end": 134, "type": "GPE"}` - the text has 133 characters.

    Hint: Count code points, in the text of this release.
    """
    return finding("RT402", role, f"the span ends at {end}, the text has {size} characters", pointer=pointer)


@rule("RT403")
def text_differs(text: str, start: int, end: int, given: str, pointer: str, role: Role) -> Finding:
    """The `text` of a span is not what the document has at its offsets.

    One of the two is wrong, and scores are computed from the offsets: such a span would be counted as an error.

    Example: `{"start": 43, "end": 50, "text": "Bo Berg", "type": "PER"}` - Bo Berg stands at 39 to 46; these offsets
    count bytes.

    Hint: Correct the offsets (code points, not bytes or UTF-16 units) or the text.
    """
    hint = None
    if given and (place := _occurrence(text, given, start)) is not None:
        hint = f"The text stands at {place} to {place + len(given)}."
    message = f"the span's text is {shorten(given)}, the document has {shorten(text[start:end])} at {start} to {end}"
    return finding("RT403", role, message, hint=hint, pointer=pointer)


def _occurrence(text: str, given: str, start: int) -> int | None:
    """Where ``given`` stands nearest to ``start``."""
    before, after = text.rfind(given, 0, start + len(given)), text.find(given, start)
    found = [place for place in (before, after) if place >= 0]
    return min(found, key=lambda place: abs(place - start), default=None)


@rule("RT404", prediction="warning")
def white_space_at_the_edge(text: str, pointer: str, role: Role) -> Finding:
    """A span begins or ends with white space.

    Two annotators who mean the same span would differ by a blank; a prediction never equals a gold span.

    Example: `{"start": 14, "end": 19, "type": "GPE"}` - Vale begins at 15, at 14 there is a no-break space.

    Hint: Leave the white space outside.
    """
    return finding("RT404", role, f"the span {shorten(text)} has white space at its edge", pointer=pointer)


@rule("RT405", prediction="warning")
def span_repeated(start: int, end: int, earlier: int, pointer: str, role: Role) -> Finding:
    """A span is given twice with the same labels.

    In predictions it counts once; in annotations it is a slip.

    Example: `{"entities": [{"start": 15, "end": 19, "type": "GPE"}, {"start": 15, "end": 19, "type": "GPE"}]}` - the
    second says what the first says.

    Hint: Remove one.
    """
    return finding("RT405", role, f"the span {start} to {end} is given already, as number {earlier}", pointer=pointer)


@rule("RT406")
def span_with_two_labels(start: int, end: int, earlier: int, pointer: str, role: Role) -> Finding:
    """A span is given twice with different labels.

    A span has one reading; with two, one of them would always hit.

    Example: `{"entities": [{"start": 15, "end": 19, "type": "GPE"}, {"start": 15, "end": 19, "type": "LOC"}]}` - the
    span cannot be both.

    Hint: Decide for one of them.
    """
    message = f"the span {start} to {end} is given already with other labels, as number {earlier}"
    return finding("RT406", role, message, pointer=pointer)


@rule("RT407", prediction=None)
def crossing_spans(span: S, other: S, number: int, pointer: str, role: Role) -> Finding:
    """Two spans of a layer overlap and neither holds the other.

    Mentions and claims may nest, but they are parts of a sentence, and those do not cross.

    Example: `{"claims": [{"start": 68, "end": 77, "source": "author"}, {"start": 72, "end": 79, "source": "author"}]}`
    - the second begins inside the first and ends outside it.

    Hint: Move an edge so that one holds the other or they are apart.
    """
    message = f"the span {span.start} to {span.end} crosses {other.start} to {other.end}, number {number}"
    return finding("RT407", role, message, pointer=pointer)


@rule("RT408", prediction="warning")
def not_annotated_zone(start: int, end: int, pointer: str, role: Role) -> Finding:
    """A span lies in a zone that is not annotated (byline, boilerplate).

    Only title and body are annotated. A prediction that lies wholly elsewhere is ignored, neither right nor wrong.

    Example: `{"start": 25, "end": 32, "text": "Ann Lee", "type": "PER"}` - the name stands in the byline.

    Hint: Remove the span.
    """
    return finding("RT408", role, f"the span {start} to {end} lies in a zone that is not annotated", pointer=pointer)
