"""Every sentence: each sentence is a claim of the article, and nothing else is said.

The floor of the claims track without anything to learn from: how far do sentences go for claims?
"""

from __future__ import annotations

from retold.model.annotations import AnnotationRecord, Document
from retold.systems import Context

from ..common.defaults import every_sentence, not_enough_info

NAME = "every_sentence"
DESCRIPTION = "Zero-shot floor for claims: every sentence a claim of the author, verification not_enough_info."
PROTOCOL = "zero-shot"
FLOOR = True


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document."""
    return AnnotationRecord(
        document_id=document.document_id,
        claims=every_sentence(document),
        verification=not_enough_info(context),
    )
