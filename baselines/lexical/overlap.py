"""Overlap: zero-shot, from the surface of the words alone.

Names are capitalised words, typed by the words beside them and clustered by their last word. A claim is supported by
the sentence that has nearly all its words; it is refuted if what that sentence lacks is a number, a name or a negation.

Nothing is learned, but who wrote it had read the corpus.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from retold.model.annotations import AnnotationRecord, Document, VerificationPair
from retold.systems import Context

from ..common.defaults import every_sentence, no_stance
from ..common.figures import values
from ..common.names import names, proper
from ..common.stems import stems
from ..common.text import negations, sentences

NAME = "overlap"
DESCRIPTION = (
    "Zero-shot. Verification by overlap of words, numbers, names and negation with the best sentence; entities by "
    "capitals, typed by neighbouring words, clustered by last word. Stance none, every sentence a claim of the author."
)
PROTOCOL = "zero-shot"

#: Share of a claim's words, weighted by rarity, that a sentence must have to speak about the claim.
COVERED = 0.6


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document."""
    return AnnotationRecord(
        document_id=document.document_id,
        entities=names(document),
        stance=no_stance(context),
        claims=every_sentence(document),
        verification=verification(document, context),
    )


def verification(document: Document, context: Context) -> list[VerificationPair]:
    """Every claim compared with the sentence that has most of it."""
    texts = sentences(document)
    weights = rarity([*texts, *(question.text for question in context.questions)])
    return [verdict(question.claim, question.text, texts, weights) for question in context.questions]


def rarity(texts: Sequence[str]) -> dict[str, float]:
    """Inverse document frequency of each stem."""
    seen = Counter(s for text in texts for s in set(stems(text)))
    return {s: math.log((1 + len(texts)) / count) for s, count in seen.items()}


def verdict(claim: str, text: str, texts: Sequence[str], weights: dict[str, float]) -> VerificationPair:
    """Compare a claim with the sentence that has most of it."""
    wanted = sorted(set(stems(text)))
    total = sum(weights[s] for s in wanted) or 1.0
    there = [set(stems(sentence)) for sentence in texts]
    covered = [sum(weights[s] for s in wanted if s in own) / total for own in there]
    best = max(covered, default=0.0)
    if best < COVERED:
        return VerificationPair(claim=claim, label="not_enough_info", evidence=[])
    index = covered.index(best)
    sentence = texts[index]
    # A sentence may say "he"; a name that the document never has is another's.
    other_name = not set(proper(text)) <= set().union(*there)
    other_number = bool(values(text) - values(sentence)) and bool(values(sentence) - values(text))
    negated = (negations(text) > 0) != (negations(sentence) > 0)
    label = "refuted" if other_name or other_number or negated else "supported"
    return VerificationPair(claim=claim, label=label, evidence=[index])
