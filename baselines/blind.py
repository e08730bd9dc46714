"""Blind: what the other documents say, without reading this one.

A diagnosis rather than a system, as the hypothesis-only baselines of natural language inference (Poliak et al. 2018):
whatever it scores on stance and verification can be had from the labels of other documents alone. A system that reads
should be judged by how far it is above.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from retold.records import (
    VERIFICATION_LABELS,
    AnnotationRecord,
    Document,
    StanceCell,
    StanceLabel,
    VerificationLabel,
    VerificationPair,
)
from retold.systems import Context, Example

from ._plain import cells, every_sentence
from .majority import frequent_names

NAME = "blind"
DESCRIPTION = (
    "A diagnosis: stance and verification from the labels of the other documents for the same cell and claim, without "
    "reading the document; entities and claims as in majority."
)
PROTOCOL = "leave-one-document-out"


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document."""
    return AnnotationRecord(
        document_id=document.document_id,
        entities=frequent_names(document, context.training),
        stance=stance(context),
        claims=every_sentence(document),
        verification=verification(context),
    )


def stance(context: Context) -> list[StanceCell]:
    """The side that most of the other documents show; none where they are divided."""
    seen: dict[tuple[str, str], Counter[StanceLabel]] = defaultdict(Counter)
    for example in context.training:
        for cell in example.gold.stance or []:
            seen[cell.holder, cell.target][cell.label] += 1
    found = []
    for holder, target in cells(context):
        votes = seen[holder, target]
        label: StanceLabel = "none"
        for side in ("favor", "against"):
            if 2 * votes[side] > votes.total():
                label = side
        found.append(StanceCell(holder=holder, target=target, label=label, evidence=[]))
    return found


def verification(context: Context) -> list[VerificationPair]:
    """The label that is most typical of a claim that some, or none, of the other documents support or refute.

    How typical is learned from the other documents, each as if it were the one to predict.
    """
    table: dict[tuple[bool, bool], Counter[VerificationLabel]] = defaultdict(Counter)
    totals: Counter[VerificationLabel] = Counter()
    for example in context.training:
        rest = [other for other in context.training if other is not example]
        known = _elsewhere(rest)
        for pair in example.gold.verification or []:
            table[known[pair.claim]][pair.label] += 1
            totals[pair.label] += 1
    known = _elsewhere(context.training)
    found = []
    for question in context.questions:
        counts = table[known[question.claim]]
        label = max(VERIFICATION_LABELS, key=lambda name, counts=counts: counts[name] / max(totals[name], 1))  # type: ignore[misc]
        found.append(VerificationPair(claim=question.claim, label=label, evidence=[]))
    return found


def _elsewhere(documents: Sequence[Example]) -> defaultdict[str, tuple[bool, bool]]:
    """For each claim, whether any of the documents supports it, and whether any refutes it."""
    known: defaultdict[str, tuple[bool, bool]] = defaultdict(lambda: (False, False))
    for example in documents:
        for pair in example.gold.verification or []:
            supported, refuted = known[pair.claim]
            known[pair.claim] = supported or pair.label == "supported", refuted or pair.label == "refuted"
    return known
