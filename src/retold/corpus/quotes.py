"""Quotes: annotations written as quoted text, resolved to offsets.

A reader, human or model, counts characters badly and quotes well. In this format every span is given by its sentence
and its words, and this module finds the offsets. One JSON object a line, one file for each layer:

    mentions.jsonl      {"document_id", "sentence", "quote", "nth", "kind", "entity"}
    stance.jsonl        {"document_id", "holder", "target", "label", "evidence"}
    claims.jsonl        {"document_id", "sentence", "quote", "nth", "source", "claim"}
    verification.jsonl  {"document_id", "claim", "label", "evidence"}

``nth`` says which occurrence of the quote in the sentence is meant, counted from 1 (the default). A non-breaking space
in the document may be quoted as a plain one. Types and Wikidata ids of mentions come from the entity catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from retold.model.annotations import (
    AnnotationRecord,
    ClaimSpan,
    Document,
    Entity,
    Mention,
    MentionKind,
    StanceCell,
    StanceLabel,
    VerificationLabel,
    VerificationPair,
)
from retold.model.findings import Finding, FindingsError, shorten

__all__ = ["QuotedCell", "QuotedClaim", "QuotedMention", "QuotedPair", "resolve"]


Nth = Annotated[int, Meta(ge=1)]


class QuotedMention(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mention as quoted."""

    document_id: str
    sentence: int
    quote: str
    nth: Nth = 1
    kind: MentionKind
    entity: str


class QuotedClaim(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A claim span as quoted."""

    document_id: str
    sentence: int
    quote: str
    nth: Nth = 1
    source: str
    claim: str


class QuotedCell(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A stance cell of a named document."""

    document_id: str
    holder: str
    target: str
    label: StanceLabel
    evidence: list[int]


class QuotedPair(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A verification pair of a named document."""

    document_id: str
    claim: str
    label: VerificationLabel
    evidence: list[int]


def resolve(
    documents: Mapping[str, Document],
    catalogue: Mapping[str, Entity],
    *,
    mentions: Iterable[QuotedMention] = (),
    stance: Iterable[QuotedCell] = (),
    claims: Iterable[QuotedClaim] = (),
    verification: Iterable[QuotedPair] = (),
) -> list[AnnotationRecord]:
    """Return one record for each document, its lists sorted by place (spans) or key (cells, pairs).

    Raises:
        FindingsError: a quote, document, sentence or entity does not exist; every one is named, with file and line.
    """
    faults: list[Finding] = []
    layers: dict[str, dict[str, list[Any]]] = {
        key: {"entities": [], "stance": [], "claims": [], "verification": []} for key in documents
    }

    def fault(code: str, message: str, hint: str, file: str, line: int) -> None:
        faults.append(Finding(code=code, severity="error", message=message, hint=hint, file=file, line=line))

    def place(file: str, line: int, quoted: QuotedMention | QuotedClaim) -> tuple[int, int] | None:
        if not known(file, line, quoted.document_id, [quoted.sentence]):
            return None
        span = _find(documents[quoted.document_id], quoted)
        if span is None:
            message = (
                f"sentence {quoted.sentence} of {quoted.document_id} has no occurrence {quoted.nth} of "
                f"{shorten(quoted.quote)}"
            )
            fault("RT403", message, "Copy the quote from the sentence as it stands.", file, line)
        return span

    def known(file: str, line: int, document_id: str, sentences: Iterable[int]) -> bool:
        document = documents.get(document_id)
        if document is None:
            fault("RT301", f"no document {document_id!r}", "Use the key of a document.", file, line)
            return False
        size = len(document.sentences)
        absent = [sentence for sentence in sentences if not 0 <= sentence < size]
        for sentence in absent:
            message = f"{document_id} has {size} sentences, not one {sentence}"
            fault("RT308", message, "Count the sentences of documents.jsonl from 0.", file, line)
        return not absent

    for line, mention in enumerate(mentions, 1):
        entity = catalogue.get(mention.entity)
        if entity is None:
            hint = "Add it to entities.jsonl, or correct the key."
            fault("RT304", f"no entity {mention.entity!r} in the catalogue", hint, "mentions.jsonl", line)
        span = place("mentions.jsonl", line, mention)
        if entity is not None and span is not None:
            text = documents[mention.document_id].text[slice(*span)]
            layers[mention.document_id]["entities"].append(
                Mention(
                    start=span[0],
                    end=span[1],
                    text=text,
                    kind=mention.kind,
                    type=entity.type,
                    entity=entity.entity,
                    kb_id=entity.kb_id,
                )
            )
    for line, claim in enumerate(claims, 1):
        if span := place("claims.jsonl", line, claim):
            text = documents[claim.document_id].text[slice(*span)]
            layers[claim.document_id]["claims"].append(
                ClaimSpan(start=span[0], end=span[1], text=text, source=claim.source, claim=claim.claim)
            )
    for line, cell in enumerate(stance, 1):
        if known("stance.jsonl", line, cell.document_id, cell.evidence):
            layers[cell.document_id]["stance"].append(
                StanceCell(holder=cell.holder, target=cell.target, label=cell.label, evidence=sorted(cell.evidence))
            )
    for line, pair in enumerate(verification, 1):
        if known("verification.jsonl", line, pair.document_id, pair.evidence):
            layers[pair.document_id]["verification"].append(
                VerificationPair(claim=pair.claim, label=pair.label, evidence=sorted(pair.evidence))
            )
    if faults:
        raise FindingsError(faults)
    by_place: Callable[[Any], tuple[int, int]] = lambda span: (span.start, -span.end)  # noqa: E731
    return [
        AnnotationRecord(
            document_id=key,
            entities=sorted(lists["entities"], key=by_place),
            stance=sorted(lists["stance"], key=lambda cell: (cell.holder, cell.target)),
            claims=sorted(lists["claims"], key=by_place),
            verification=sorted(lists["verification"], key=lambda pair: pair.claim),
        )
        for key, lists in layers.items()
    ]


def _find(document: Document, quoted: QuotedMention | QuotedClaim) -> tuple[int, int] | None:
    """Where the quote stands, or None."""
    sentence = document.sentences[quoted.sentence]
    text = document.text[sentence.start : sentence.end].replace("\xa0", " ")
    quote = quoted.quote.replace("\xa0", " ")
    if not quote or quoted.nth < 1:
        return None
    at = -1
    for _ in range(quoted.nth):
        at = text.find(quote, at + 1)
        if at < 0:
            return None
    return sentence.start + at, sentence.start + at + len(quote)
