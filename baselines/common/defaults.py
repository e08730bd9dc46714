"""Plain defaults: what a system that has no idea for a layer may give, unless it leaves the layer out."""

from __future__ import annotations

from collections.abc import Iterator

from retold.model.annotations import ClaimSpan, Document, StanceCell, Target, VerificationPair
from retold.systems import Context

from .text import claim_span, sentences, words

__all__ = ["MIN_WORDS", "cells", "every_sentence", "no_stance", "not_enough_info", "wording"]

#: A shorter sentence is a heading.
MIN_WORDS = 4


def cells(context: Context) -> Iterator[tuple[str, str]]:
    """Every (holder, target). Cells of a holder that the document does not mention count neither way."""
    for holder in context.event.holders:
        for target in context.event.targets:
            yield holder.holder, target.target


def wording(target: Target, language: str) -> str:
    """What a target means, in the language of a document if it is given in it."""
    return target.description.get(language) or next(iter(target.description.values()), target.target)


def no_stance(context: Context) -> list[StanceCell]:
    """Nobody takes a side."""
    return [StanceCell(holder=holder, target=target, label="none", evidence=[]) for holder, target in cells(context)]


def every_sentence(document: Document) -> list[ClaimSpan]:
    """Every sentence is one claim, made by the article itself."""
    spans = [
        claim_span(document, span.start, span.end, "author")
        for span, text in zip(document.sentences, sentences(document), strict=True)
        if len(words(text)) >= MIN_WORDS
    ]
    return [span for span in spans if span is not None]


def not_enough_info(context: Context) -> list[VerificationPair]:
    """The document settles no claim."""
    return [VerificationPair(claim=q.claim, label="not_enough_info", evidence=[]) for q in context.questions]
