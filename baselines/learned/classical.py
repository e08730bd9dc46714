"""Classical: the best that features, linear models and forests reach here, layer by layer.

Entities are those of `perceptron`, stance is that of `holder_target`, verification that of `bm25`. Claims are clauses
(``_clauses``), attributed to the speaker whom patterns of reported speech find. Of the two readings of a reported
clause, what is said is taken if it is a fact, and the whole report if it is a demand, a readiness or an opinion, as the
guideline has it. A logistic regression over the form of the clauses (how it was found, length, place, modality,
quotation marks) was tried for the choice and reached no more than this rule (span F1 0.936 to 0.942 against 0.942,
attribution 0.87 to 0.89 against 0.89), so that nothing is learned for claims but the names of the sources. Who wrote
the patterns had read the corpus.
"""

from __future__ import annotations

from collections.abc import Sequence

from threadpoolctl import threadpool_limits

from retold.model.annotations import AnnotationRecord, ClaimSpan, Document, Mention
from retold.systems import Context

from ..common.clauses import OPINION, Candidate, candidates
from ..common.gazetteer import Gazetteer
from ..common.text import fold
from ..lexical.bm25 import verification
from ..lexical.rules import known_or_capitalised
from .crf import find_mentions
from .holder_target import stance

NAME = "classical"
DESCRIPTION = (
    "Features, linear models and forests: entities as in perceptron, stance as in holder_target, verification as in "
    "bm25, claims from clauses and patterns of reported speech."
)
PROTOCOL = "leave-one-document-out"


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document."""
    mentions = entities(document, context)
    return AnnotationRecord(
        document_id=document.document_id,
        entities=mentions,
        stance=stance(document, context),
        claims=claims(document, mentions),
        verification=verification(document, context),
    )


def entities(document: Document, context: Context) -> list[Mention]:
    """Names and nominals; names by their capitals where there is nothing to learn from."""
    if not context.training:
        return known_or_capitalised(document, Gazetteer(()))
    with threadpool_limits(1):
        return find_mentions(document, context)


def claims(document: Document, mentions: Sequence[Mention]) -> list[ClaimSpan]:
    """One reading of each clause, in the order of the text."""
    groups: dict[tuple[int, int], list[Candidate]] = {}
    for made in candidates(document, mentions):
        groups.setdefault(made.group, []).append(made)
    chosen = [_reading(document, readings) for readings in groups.values()]
    return [
        ClaimSpan(start=made.start, end=made.end, text=document.text[made.start : made.end], source=made.source)
        for made in sorted(chosen, key=lambda made: (made.start, -made.end))
    ]


def _reading(document: Document, readings: Sequence[Candidate]) -> Candidate:
    """What is said if it is no opinion, else the report of it."""
    for made in readings:
        if made.kind.endswith("content") and not OPINION.search(fold(document.text[made.start : made.end])):
            return made
    return next((made for made in readings if not made.kind.endswith("content")), readings[0])
