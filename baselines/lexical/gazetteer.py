"""Gazetteer: the names and descriptions that annotators marked in the other documents, found again in this one.

Learned are the wording of each mention and, by majority, its type, kind, entity and Wikidata id. Entities get the keys
of the other documents, so clusters reach across documents and languages.
"""

from __future__ import annotations

from retold.model.annotations import AnnotationRecord, Document
from retold.systems import Context

from ..common.defaults import every_sentence, no_stance, not_enough_info
from ..common.gazetteer import Gazetteer

NAME = "gazetteer"
DESCRIPTION = (
    "Entities: longest match of the names and nominals of the other documents, with their types, clusters and links. "
    "Stance none, verification not_enough_info, every sentence a claim of the author."
)
PROTOCOL = "leave-one-document-out"
FLOOR = True


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document."""
    return AnnotationRecord(
        document_id=document.document_id,
        entities=Gazetteer(context.training).mentions(document),
        stance=no_stance(context),
        claims=every_sentence(document),
        verification=not_enough_info(context),
    )
