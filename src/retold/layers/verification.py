"""Verification: what does a document say about a canonical claim?

Task. For each (claim, document) pair give supported, refuted or not_enough_info, with evidence sentences.

Conventions.
    The gold pairs are what is scored. A missing pair is wrong for its label and is never imputed.
    macro_f1 is the mean of the three labels' F1.
    strict (FEVER, Thorne et al. 2018): the label is right and, unless it is not_enough_info, at least one gold evidence
    sentence stands among the first five of the given ones. Evidence is a set: more than five are cut in document
    order, so that the order in a file never matters.
    A label with neither gold nor prediction has no F1; one that gold does not have is not averaged in.
    A gold pair without evidence asks for none in strict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import UNSET

from retold.layers.base import Place, Tally, facet
from retold.measures.base import Measure, ratio
from retold.measures.classification import added_up, confusion_columns, confusion_measures
from retold.model.annotations import VERIFICATION_LABELS, VerificationPair

__all__ = ["COLUMNS", "MAX_EVIDENCE", "MEASURES", "count", "is_strict"]

MAX_EVIDENCE: Final = 5
_CONFUSION: Final = confusion_columns(VERIFICATION_LABELS)
COLUMNS: Final = (*_CONFUSION, "strict")
_AT: Final = {column: index for index, column in enumerate(COLUMNS)}


MEASURES: Final = (
    *confusion_measures("claims.verification", VERIFICATION_LABELS),
    Measure(
        name="claims.verification.strict",
        value=lambda c: ratio(c["strict"], added_up(c, _CONFUSION)),
        trials=lambda c: added_up(c, _CONFUSION),
        counts={"correct": ("strict",), "gold": _CONFUSION},
    ),
)


def count(
    gold: Sequence[VerificationPair],
    predicted: Sequence[VerificationPair],
    place: Place,
    tally: Tally,
    mutation: Callable[[str], str | None],
) -> None:
    """Add one document's verification pairs to the tally (of ``COLUMNS``).

    Args:
        mutation: claim key -> the kind of fact that was changed in it, "none" for a claim as stated, None where the
            catalogue of claims is not at hand.
    """
    given = {pair.claim: pair for pair in predicted}
    for pair in gold:
        guess = given.get(pair.claim)
        facets = [facet("label", pair.label)]
        if kind := mutation(pair.claim):
            facets.append(facet("mutation", kind))
        column = _AT[f"{pair.label}:{guess.label if guess else 'missing'}"]
        strict = guess is not None and is_strict(pair, guess)
        for row in tally.rows(place.unit_of_pair(pair.claim), place, *facets):
            row[column] += 1
            row[_AT["strict"]] += strict


def is_strict(pair: VerificationPair, guess: VerificationPair) -> bool:
    """Whether the label is right and, where it rests on evidence, one of the first sentences given is gold."""
    if guess.label != pair.label:
        return False
    if pair.label == "not_enough_info" or pair.evidence is UNSET or not pair.evidence:
        return True
    shown = [] if guess.evidence is UNSET else sorted(set(guess.evidence))[:MAX_EVIDENCE]
    return not set(pair.evidence).isdisjoint(shown)
