"""Classical: the best that features, linear models and forests reach here, layer by layer.

Entities are those of `crf`, stance is that of `holder_target`, claims are those of `rules`, with the speakers named by
`crf`, verification is that of `bm25`.
"""

from __future__ import annotations

from threadpoolctl import threadpool_limits

from retold.model.annotations import AnnotationRecord, Document, Mention
from retold.systems import Context

from ..common.clauses import claims
from ..common.gazetteer import Gazetteer, known_or_capitalised
from ..lexical.bm25 import verification
from .crf import find_mentions
from .holder_target import stance

NAME = "classical"
DESCRIPTION = (
    "Features, linear models and forests: entities as in crf, stance as in holder_target, claims as in rules, "
    "verification as in bm25."
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
