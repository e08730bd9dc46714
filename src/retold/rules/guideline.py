"""Rules 6xx: the annotation guideline. They are warnings, as the guideline has exceptions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from retold.model.annotations import ClaimSpan, Document, Mention
from retold.model.findings import Finding, shorten
from retold.rules.registry import finding, rule
from retold.rules.vocabulary import Role

__all__ = ["check_guideline"]

_POSSESSIVES = ("'s", "’s", "'", "’")
_DETERMINERS = frozenset({"the", "a", "an", "this", "that", "these", "those", "its", "his", "her", "their", "whose"})
_MARKS = (".", ",", ";", ":")
#: Codes of the language that these determiners and possessives are of.
_ENGLISH = ("en", "eng")


def check_guideline(
    layers: Mapping[str, Sequence[Mention | ClaimSpan]], document: Document, role: Role
) -> list[Finding]:
    """Check the spans of some layers against the guideline. Spans outside the text are ignored."""
    findings: list[Finding] = []
    starts = [sentence.start for sentence in document.sentences]
    for layer, spans in layers.items():
        for index, span in enumerate(spans):
            if not span.start < span.end <= len(document.text):
                continue
            words = document.text[span.start : span.end]
            pointer = f"/{layer}/{index}"
            if isinstance(span, Mention):
                if document.language in _ENGLISH:
                    findings += _of_mention(span, words, pointer, role)
            else:
                findings += _of_claim(words, pointer, role)
            sentence = bisect_right(starts, span.start) - 1
            if sentence >= 0 and span.start < document.sentences[sentence].end < span.end:
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

    The ending is not part of the name.
    Example: `{"text": "Macron’s", "kind": "name", "type": "PER"}` - the name is Macron.
    Hint: Exclude the ending, as in `[Macron]’s visit`.
    """
    return finding("RT601", f"name {shorten(words)} ends with a possessive", pointer=pointer, role=role)


@rule("RT602", gold="warning", annotation="warning", prediction=None)
def mention_with_determiner(words: str, pointer: str, role: Role) -> Finding:
    """A mention begins with a determiner.

    Names and nominals begin after the determiner (the, a, this, its, whose).
    Example: `{"start": 57, "end": 62, "text": "a dam", "kind": "nominal"}` - the mention is dam, from 59.
    Hint: Exclude the determiner.
    """
    return finding("RT602", f"mention {shorten(words)} begins with a determiner", pointer=pointer, role=role)


@rule("RT603", gold="warning", annotation="warning", prediction=None)
def span_across_sentences(words: str, pointer: str, role: Role) -> Finding:
    """A mention or a claim extends over more than one sentence.

    A mention is a phrase and a claim is a clause of one sentence.
    Example: `{"start": 33, "end": 87, "text": "Mayor Bo Berg asked for a dam. The dam costs 5 million"}` - the claim
    begins with "The dam".
    Hint: Use one span per sentence.
    """
    return finding("RT603", f"span {shorten(words)} is in more than one sentence", pointer=pointer, role=role)


@rule("RT604", gold="warning", annotation="warning", prediction=None)
def claim_with_closing_mark(words: str, pointer: str, role: Role) -> Finding:
    """A claim ends with a full stop, comma, semicolon or colon.

    A claim ends with the last word of its clause; the mark belongs to the sentence.
    Example: `{"start": 64, "end": 88, "text": "The dam costs 5 million."}` - the full stop is part of the span.
    Hint: Exclude the mark, unless it is part of an abbreviation.
    """
    return finding("RT604", f"claim ends with {words[-1]!r}", pointer=pointer, role=role)


@rule("RT605", gold="warning", annotation="warning", prediction=None)
def quotation_mark_without_partner(words: str, pointer: str, role: Role) -> Finding:
    """A claim begins or ends with an unpaired quotation mark.

    A claim includes both marks of a quotation or neither.
    Example: `{"text": "“The dam costs 5 million", "source": "author"}` - the closing mark is outside the span.
    Hint: Exclude the mark, or include the other one.
    """
    return finding("RT605", f"unpaired quotation mark in {shorten(words)}", pointer=pointer, role=role)
