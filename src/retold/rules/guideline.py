"""Rules 6xx: hints from the annotation guideline. They are warnings: a guideline knows exceptions, a rule does not."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from retold.model.annotations import AnnotationRecord, ClaimSpan, Document, Mention
from retold.model.findings import Finding, shorten
from retold.rules.registry import finding, rule
from retold.rules.vocabulary import Role

__all__ = ["check_guideline"]

_POSSESSIVES = ("'s", "’s", "'", "’")
_DETERMINERS = frozenset({"the", "a", "an", "this", "that", "these", "those", "its", "his", "her", "their", "whose"})
_MARKS = (".", ",", ";", ":")


def check_guideline(record: AnnotationRecord, document: Document, role: Role) -> list[Finding]:
    """What is done otherwise than the guideline says, as it seems. Spans beyond the text are passed over."""
    findings: list[Finding] = []
    openings = [sentence.start for sentence in document.sentences]
    layers: dict[str, Sequence[Mention | ClaimSpan]] = {
        "entities": record.entities or (),
        "claims": record.claims or (),
    }
    for layer, spans in layers.items():
        for index, span in enumerate(spans):
            if not span.start < span.end <= len(document.text):
                continue
            words = document.text[span.start : span.end]
            pointer = f"/{layer}/{index}"
            if isinstance(span, Mention):
                findings += _of_mention(span, words, pointer, role)
            else:
                findings += _of_claim(words, pointer, role)
            place = bisect_right(openings, span.start) - 1
            if place >= 0 and span.start < document.sentences[place].end < span.end:
                findings.append(span_across_sentences(words, pointer, role))
    return findings


def _of_mention(mention: Mention, words: str, pointer: str, role: Role) -> list[Finding]:
    findings = []
    if mention.kind == "name" and words.endswith(_POSSESSIVES):
        findings.append(name_with_possessive(words, pointer, role))
    first, blank, _ = words.partition(" ")
    # A name may begin with its own article: "The Hague".
    if blank and (first if mention.kind == "name" else first.lower()) in _DETERMINERS:
        findings.append(mention_with_determiner(words, pointer, role))
    return findings


def _of_claim(words: str, pointer: str, role: Role) -> list[Finding]:
    findings = []
    if words.endswith(_MARKS):
        findings.append(claim_with_closing_mark(words, pointer, role))
    if (words[0] == "“" and "”" not in words) or (words[-1] == "”" and "“" not in words):
        findings.append(quotation_mark_without_partner(words, pointer, role))
    return findings


@rule("RT601", gold="warning", annotation="warning", prediction=None)
def name_with_possessive(words: str, pointer: str, role: Role) -> Finding:
    """A name ends with a possessive ending.

    A possessive stays outside a name; readers who mean the same name would differ by the ending.

    Example: `{"text": "Macron’s", "kind": "name", "type": "PER"}` - the name is Macron.

    Hint: End the span before the ending, as in `[Macron]’s visit`.
    """
    return finding("RT601", role, f"the name {shorten(words)} ends with a possessive", pointer=pointer)


@rule("RT602", gold="warning", annotation="warning", prediction=None)
def mention_with_determiner(words: str, pointer: str, role: Role) -> Finding:
    """A mention begins with a determiner.

    Names and nominals begin after the determiner (the, a, this, its, whose).

    Example: `{"start": 57, "end": 62, "text": "a dam", "kind": "nominal"}` - the mention is dam, from 59.

    Hint: Begin with the next word.
    """
    return finding("RT602", role, f"the mention {shorten(words)} begins with a determiner", pointer=pointer)


@rule("RT603", gold="warning", annotation="warning", prediction=None)
def span_across_sentences(words: str, pointer: str, role: Role) -> Finding:
    """A mention or a claim reaches from one sentence into another.

    A mention is a phrase and a claim is a clause; both are parts of one sentence.

    Example: `{"start": 33, "end": 87, "text": "Mayor Bo Berg asked for a dam. The dam costs 5 million"}` - the claim
    begins with "The dam".

    Hint: Give one span for each sentence.
    """
    return finding("RT603", role, f"the span {shorten(words)} is in more than one sentence", pointer=pointer)


@rule("RT604", gold="warning", annotation="warning", prediction=None)
def claim_with_closing_mark(words: str, pointer: str, role: Role) -> Finding:
    """A claim ends with a full stop, comma, semicolon or colon.

    A claim ends with the last word of its clause; the mark belongs to the sentence.

    Example: `{"start": 64, "end": 88, "text": "The dam costs 5 million."}` - the full stop is part of the span.

    Hint: End the span before the mark, unless the mark is part of an abbreviation.
    """
    return finding("RT604", role, f"the claim ends with {words[-1]!r}", pointer=pointer)


@rule("RT605", gold="warning", annotation="warning", prediction=None)
def quotation_mark_without_partner(words: str, pointer: str, role: Role) -> Finding:
    """A claim begins with a quotation mark that is not closed in it, or ends with one that is not opened in it.

    Quotation marks stand in a claim in pairs or not at all; readers who mean the same clause would differ by the mark.

    Example: `{"text": "“The dam costs 5 million", "source": "author"}` - the mark that closes the quotation is outside.

    Hint: Leave the mark outside, or take its partner in.
    """
    return finding("RT605", role, f"a quotation mark without partner at the edge of {shorten(words)}", pointer=pointer)
