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
from typing import Any

from msgspec import Struct

from retold.findings import Finding, FindingsError, shorten
from retold.records import (
    AnnotationRecord,
    ClaimSpan,
    Document,
    Entity,
    Mention,
    StanceCell,
    StanceLabel,
    VerificationLabel,
    VerificationPair,
)

__all__ = ["QuotedCell", "QuotedClaim", "QuotedMention", "QuotedPair", "resolve"]


class QuotedMention(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mention as quoted."""

    document_id: str
    sentence: int
    quote: str
    nth: int = 1
    kind: str
    entity: str


class QuotedClaim(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A claim span as quoted."""

    document_id: str
    sentence: int
    quote: str
    nth: int = 1
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
        FindingsError: a quote, document, sentence or entity does not exist; every one is named.
    """
    faults: list[Finding] = []
    layers: dict[str, dict[str, list[Any]]] = {
        key: {"entities": [], "stance": [], "claims": [], "verification": []} for key in documents
    }

    def place(file: str, line: int, quoted: QuotedMention | QuotedClaim) -> tuple[int, int] | None:
        try:
            return _find(documents, quoted)
        except LookupError as error:
            cure = "Copy the quote from the sentence as it stands."
            faults.append(
                Finding(code="RT403", severity="error", message=str(error.args[0]), cure=cure, file=file, line=line)
            )
            return None

    for line, mention in enumerate(mentions, 1):
        entity = catalogue.get(mention.entity)
        if entity is None:
            message = f"no entity {mention.entity!r} in the catalogue"
            cure = "Add it to entities.jsonl, or correct the key."
            faults.append(
                Finding(code="RT304", severity="error", message=message, cure=cure, file="mentions.jsonl", line=line)
            )
        elif span := place("mentions.jsonl", line, mention):
            text = documents[mention.document_id].text[slice(*span)]
            layers[mention.document_id]["entities"].append(
                Mention(
                    start=span[0],
                    end=span[1],
                    text=text,
                    kind=mention.kind,  # type: ignore[arg-type]
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
    for cell in stance:
        layers[cell.document_id]["stance"].append(
            StanceCell(holder=cell.holder, target=cell.target, label=cell.label, evidence=sorted(cell.evidence))
        )
    for pair in verification:
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


def _find(documents: Mapping[str, Document], quoted: QuotedMention | QuotedClaim) -> tuple[int, int]:
    document = documents.get(quoted.document_id)
    if document is None:
        raise LookupError(f"no document {quoted.document_id!r}")
    if not 0 <= quoted.sentence < len(document.sentences):
        raise LookupError(f"{quoted.document_id} has {len(document.sentences)} sentences, not one {quoted.sentence}")
    sentence = document.sentences[quoted.sentence]
    text = document.text[sentence.start : sentence.end].replace("\xa0", " ")
    quote = quoted.quote.replace("\xa0", " ")
    at = -1
    for _ in range(quoted.nth):
        at = text.find(quote, at + 1)
        if at < 0 or not quote:
            raise LookupError(
                f"sentence {quoted.sentence} of {quoted.document_id} has no occurrence {quoted.nth} of {shorten(quote)}"
            )
    return sentence.start + at, sentence.start + at + len(quote)
