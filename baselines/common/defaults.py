"""Plain defaults, for layers that a system has no idea for, and its options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from retold.model.annotations import (
    ClaimSpan,
    Document,
    StanceCell,
    Target,
    VerificationPair,
)
from retold.systems import Context

from .text import MIN_WORDS, claim_span, sentences, words

__all__ = [
    "STANCES",
    "VERDICTS",
    "OptionFault",
    "cells",
    "every_sentence",
    "labels_of",
    "likeliest",
    "neutral_of",
    "no_stance",
    "not_enough_info",
    "stance_scores",
    "wording",
    "yes",
]


#: Labels of stance and verification.
STANCES = ("favor", "against", "none")
VERDICTS = ("supported", "refuted", "not_enough_info")


class OptionFault(ValueError):
    """An option has no such value. Told to the user."""


def labels_of(context: Context, layer: str) -> Sequence[str]:
    """Labels of stance or verification in the corpus."""
    known: Sequence[str] = context.layers.get(layer, {}).get("labels", STANCES if layer == "stance" else VERDICTS)
    return known


def neutral_of(context: Context, layer: str) -> str:
    """The label that takes no side; where the corpus has none, its last."""
    return context.layers.get(layer, {}).get("neutral") or labels_of(context, layer)[-1]


def yes(context: Context, name: str, default: str) -> bool:
    """Whether an option says yes.

    Raises:
        OptionFault: it is neither 'yes' nor 'no'.
    """
    value = context.options.get(name, default)
    if value not in ("yes", "no"):
        raise OptionFault(f"option {name} is {value!r}, it must be 'yes' or 'no'")
    return value == "yes"


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
    label = neutral_of(context, "stance")
    return [StanceCell(holder=holder, target=target, label=label, evidence=[]) for holder, target in cells(context)]


def stance_scores(favor: float, against: float) -> dict[str, float]:
    """Probabilities of the three labels, cut to four digits so that what is left for none is never below 0."""
    favor, against = (int(share * 10_000) / 10_000 for share in (favor, against))
    return {"favor": favor, "against": against, "none": round(1 - favor - against, 4)}


def likeliest(scores: Mapping[str, float]) -> str:
    """The label with the greatest probability; of equal ones none, then favor."""
    return max(("none", "favor", "against"), key=lambda label: scores[label])


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
    label = neutral_of(context, "verification")
    return [VerificationPair(claim=q.claim, label=label, evidence=[]) for q in context.questions]
