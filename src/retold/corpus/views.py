"""Flat tables for users of Hugging Face ``datasets``: one row for each thing that is labelled.

Every row holds the text that it speaks of, so that it can be used alone. ``TABLES`` says which columns a table has and
of which kind; the dataset card is written from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from retold.model.annotations import (
    ENTITY_TYPES,
    MENTION_KINDS,
    STANCE_LABELS,
    VERIFICATION_LABELS,
    AnnotationRecord,
    CanonicalClaim,
    Document,
    Entity,
    Event,
    Span,
)

__all__ = ["LABELS", "TABLES", "rows"]

_KB_STATUS: Final = ("verified", "nil", "unverified")
_MUTATIONS: Final = ("none", "number", "person", "place", "role", "negation", "time")

#: Class labels by the name of the kind that TABLES gives.
LABELS: Final[Mapping[str, tuple[str, ...]]] = {
    "entity_type": ENTITY_TYPES,
    "mention_kind": MENTION_KINDS,
    "kb_status": _KB_STATUS,
    "stance": STANCE_LABELS,
    "verification": VERIFICATION_LABELS,
    "mutation": _MUTATIONS,
}

_COMMON: Final = {"id": "string", "event": "string", "document_id": "string", "fold": "string", "language": "string"}

#: Table -> column -> kind: string, int, strings, ints, spans (a list of {start, end, text}), zones, or a class label.
TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "documents": {
        **_COMMON,
        "text": "string",
        "title": "string",
        "outlet": "string",
        "original_source": "string",
        "published": "string",
        "event_date": "string",
        "zones": "zones",
        "paragraphs": "spans",
        "sentences": "spans",
        "seed": "string",
        "seed_sha256": "string",
        "rights": "string",
    },
    "entities": {
        **_COMMON,
        "start": "int",
        "end": "int",
        "text": "string",
        "kind": "mention_kind",
        "type": "entity_type",
        "entity": "string",
        "entity_name": "string",
        "kb_id": "string",
        "kb_status": "kb_status",
        "sentence": "int",
        "context": "string",
        "context_start": "int",
    },
    "stance": {
        **_COMMON,
        "holder": "string",
        "holder_description": "string",
        "target": "string",
        "target_description": "string",
        "label": "stance",
        "evidence": "ints",
        "evidence_text": "strings",
        "context": "string",
    },
    "claims": {
        **_COMMON,
        "start": "int",
        "end": "int",
        "text": "string",
        "source": "string",
        "claim": "string",
        "claim_text": "string",
        "sentence": "int",
        "context": "string",
        "context_start": "int",
    },
    "verification": {
        **_COMMON,
        "claim": "string",
        "claim_text": "string",
        "mutation": "mutation",
        "label": "verification",
        "evidence": "ints",
        "evidence_text": "strings",
        "context": "string",
    },
    "claim_texts": {
        "id": "string",
        "event": "string",
        "claim": "string",
        "text": "string",
        "mutation_of": "string",
        "mutation": "mutation",
        "stated_in": "strings",
    },
}


def rows(
    table: str,
    event: Event,
    documents: Sequence[Document],
    gold: Mapping[str, AnnotationRecord],
    entities: Mapping[str, Entity],
    claims: Mapping[str, CanonicalClaim],
) -> Iterator[dict[str, Any]]:
    """Yield the rows of one table for one event, in the order of its documents.

    Raises:
        KeyError: there is no such table.
    """
    if table not in TABLES:
        raise KeyError(f"no table {table!r}; there are {', '.join(TABLES)}")
    if table == "claim_texts":
        yield from _claim_texts(event, gold, claims)
        return
    for document in documents:
        record = gold[document.document_id]
        common = {
            "event": event.event,
            "document_id": document.document_id,
            "fold": document.document_id,
            "language": document.language,
        }
        if table == "documents":
            made: Iterator[dict[str, Any]] = iter([_document(document)])
        elif table == "entities":
            made = _mentions(document, record, entities)
        elif table == "stance":
            made = _stance(document, record, event)
        elif table == "claims":
            made = _claims(document, record, claims)
        else:
            made = _verification(document, record, claims)
        for number, row in enumerate(made):
            yield {"id": f"{document.document_id}/{table}/{number}", **common, **row}


def _document(document: Document) -> dict[str, Any]:
    title = next((zone for zone in document.zones if zone.zone == "title"), None)
    return {
        "text": document.text,
        "title": document.text[title.start : title.end].strip() if title else None,
        "outlet": document.outlet,
        "original_source": document.original_source,
        "published": document.published,
        "event_date": document.event_date,
        "zones": [{"start": z.start, "end": z.end, "zone": z.zone} for z in document.zones],
        "paragraphs": [_span(document, span) for span in document.paragraphs],
        "sentences": [_span(document, span) for span in document.sentences],
        "seed": document.seed,
        "seed_sha256": document.seed_sha256,
        "rights": document.rights,
    }


def _span(document: Document, span: Span) -> dict[str, Any]:
    return {"start": span.start, "end": span.end, "text": document.text[span.start : span.end]}


def _sentence(document: Document, start: int) -> dict[str, Any]:
    index = max(i for i, sentence in enumerate(document.sentences) if sentence.start <= start)
    sentence = document.sentences[index]
    return {
        "sentence": index,
        "context": document.text[sentence.start : sentence.end],
        "context_start": sentence.start,
    }


def _evidence(document: Document, evidence: Any) -> dict[str, Any]:
    indices = sorted(evidence or ())
    spans = [document.sentences[index] for index in indices]
    return {"evidence": indices, "evidence_text": [document.text[s.start : s.end] for s in spans]}


def _mentions(document: Document, record: AnnotationRecord, entities: Mapping[str, Entity]) -> Iterator[dict[str, Any]]:
    for mention in record.entities or ():
        entity = entities[str(mention.entity)]
        yield {
            "start": mention.start,
            "end": mention.end,
            "text": document.text[mention.start : mention.end],
            "kind": mention.kind,
            "type": mention.type,
            "entity": entity.entity,
            "entity_name": entity.name,
            "kb_id": entity.kb_id,
            "kb_status": entity.kb_status,
            **_sentence(document, mention.start),
        }


def _stance(document: Document, record: AnnotationRecord, event: Event) -> Iterator[dict[str, Any]]:
    holders = {holder.holder: holder.description["en"] for holder in event.holders}
    targets = {target.target: target.description["en"] for target in event.targets}
    for cell in record.stance or ():
        yield {
            "holder": cell.holder,
            "holder_description": holders[cell.holder],
            "target": cell.target,
            "target_description": targets[cell.target],
            "label": cell.label,
            **_evidence(document, cell.evidence),
            "context": document.text,
        }


def _claims(
    document: Document, record: AnnotationRecord, claims: Mapping[str, CanonicalClaim]
) -> Iterator[dict[str, Any]]:
    for claim in record.claims or ():
        yield {
            "start": claim.start,
            "end": claim.end,
            "text": document.text[claim.start : claim.end],
            "source": claim.source,
            "claim": claim.claim,
            "claim_text": claims[str(claim.claim)].text,
            **_sentence(document, claim.start),
        }


def _verification(
    document: Document, record: AnnotationRecord, claims: Mapping[str, CanonicalClaim]
) -> Iterator[dict[str, Any]]:
    for pair in record.verification or ():
        yield {
            "claim": pair.claim,
            "claim_text": claims[pair.claim].text,
            "mutation": claims[pair.claim].mutation or "none",
            "label": pair.label,
            **_evidence(document, pair.evidence),
            "context": document.text,
        }


def _claim_texts(
    event: Event, gold: Mapping[str, AnnotationRecord], claims: Mapping[str, CanonicalClaim]
) -> Iterator[dict[str, Any]]:
    stated: dict[str, list[str]] = {key: [] for key in claims}
    for record in gold.values():
        for key in dict.fromkeys(str(span.claim) for span in record.claims or ()):
            stated[key].append(record.document_id)
    for number, claim in enumerate(claims.values()):
        yield {
            "id": f"{event.event}/claim_texts/{number}",
            "event": event.event,
            "claim": claim.claim,
            "text": claim.text,
            "mutation_of": claim.mutation_of,
            "mutation": claim.mutation or "none",
            "stated_in": stated[claim.claim],
        }
