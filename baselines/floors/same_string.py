"""Same string: zero-shot floor for entities. A name is whatever its capitals say, and equal names are one entity.

What a system adds to this is all that it knows of who is who: "Bo Berg" and "Berg" are two here.
"""

from __future__ import annotations

from retold.model.annotations import AnnotationRecord, Document
from retold.systems import Context

from ..common.names import by_string, names

NAME = "same_string"
DESCRIPTION = "Zero-shot floor for entities: names by their capitals, equal strings are one entity, no links."
PROTOCOL = "zero-shot"
FLOOR = True


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document."""
    return AnnotationRecord(
        document_id=document.document_id,
        entities=by_string(document, names(document)),
    )
