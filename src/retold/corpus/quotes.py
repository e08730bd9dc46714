"""Annotations that quote the text instead of giving offsets.

Annotators, human or model, count characters badly and quote well. In this format a span is given by its sentence and
its words, and this module finds the offsets. One JSON object per line, one file per layer:

    mentions.jsonl      {"document_id", "sentence", "quote", "nth", "kind", "entity"}
    stance.jsonl        {"document_id", "holder", "target", "label", "evidence"}
    claims.jsonl        {"document_id", "sentence", "quote", "nth", "source", "claim"}
    verification.jsonl  {"document_id", "claim", "label", "evidence"}

``nth`` says which occurrence of the quote in the sentence is meant, counted from 1 (the default). A non-breaking space
in the document may be quoted as a plain one. Types and ids of mentions come from the entity catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from retold.layers.scheme import Scheme, default_scheme
from retold.model.annotations import (
    AnnotationRecord,
    ClaimSpan,
    Document,
    Entity,
    Mention,
    StanceCell,
    VerificationPair,
)
from retold.model.findings import Finding, FindingsError, shorten
from retold.rules import RULES
from retold.rules.registry import did_you_mean

__all__ = ["QuotedCell", "QuotedClaim", "QuotedMention", "QuotedPair", "resolve"]


Nth = Annotated[int, Meta(ge=1)]


class QuotedMention(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mention as quoted."""

    document_id: str
    sentence: int
    quote: str
    nth: Nth = 1
    kind: str
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
    holder: str | UnsetType = UNSET
    target: str
    label: str
    evidence: list[int]


class QuotedPair(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A verification pair of a named document."""

    document_id: str
    claim: str
    label: str
    evidence: list[int]


def _by_span(span: Any) -> tuple[int, int]:
    return span.start, -span.end


#: Keyword of ``resolve`` and name of the file -> layer, type and sort key of its items.
_LAYERS: Final[dict[str, tuple[str, Callable[..., Any], Callable[[Any], Any]]]] = {
    "mentions": ("entities", Mention, _by_span),
    "claims": ("claims", ClaimSpan, _by_span),
    "stance": ("stance", StanceCell, lambda cell: (cell.holder or "", cell.target)),
    "verification": ("verification", VerificationPair, lambda pair: pair.claim),
}


def resolve(
    documents: Mapping[str, Document],
    catalogue: Mapping[str, Entity],
    *,
    scheme: Scheme | None = None,
    mentions: Iterable[QuotedMention] = (),
    stance: Iterable[QuotedCell] = (),
    claims: Iterable[QuotedClaim] = (),
    verification: Iterable[QuotedPair] = (),
) -> list[AnnotationRecord]:
    """Return one record for each document, its lists sorted by span or key.

    Args:
        documents: texts by key.
        catalogue: entities by key.
        mentions, stance, claims, verification: what was quoted.
        scheme: layers and labels; the default ones where not given.

    Raises:
        FindingsError: a quote, document, sentence, entity or label does not exist; all are listed, with file and line.
    """
    scheme = scheme or default_scheme()
    findings: list[Finding] = []
    made: dict[str, dict[str, list[Any]]] = {key: {layer: [] for layer, *_ in _LAYERS.values()} for key in documents}
    given: dict[str, Iterable[Any]] = {
        "mentions": mentions,
        "claims": claims,
        "stance": stance,
        "verification": verification,
    }
    for name, items in given.items():
        layer, kind, _ = _LAYERS[name]
        labels = _labels(scheme, layer)
        for line, item in enumerate(items, 1):
            problems = [
                Finding(code=code, severity="error", message=message, hint=hint, file=f"{name}.jsonl", line=line)
                for code, message, hint in _problems(item, documents, catalogue, labels)
            ]
            findings += problems
            if not problems:
                made[item.document_id][layer].append(kind(**_fields(item, documents[item.document_id], catalogue)))
    if findings:
        raise FindingsError(findings)
    return [
        AnnotationRecord(
            document_id=key,
            # A layer that the corpus does not have is kept where something was given, for the rules to refuse.
            **{
                layer: sorted(lists[layer], key=order)
                for layer, _, order in _LAYERS.values()
                if layer in scheme.layers or lists[layer]
            },
        )
        for key, lists in made.items()
    ]


def _labels(scheme: Scheme, layer: str) -> dict[str, Sequence[str]]:
    """The allowed labels of a layer by key of an item."""
    if layer not in scheme.layers:
        return {}
    declared = scheme.layers[layer]
    return {key: list(getattr(declared.options, option)) for key, option in declared.label_keys.items()}


def _problems(
    item: Any,
    documents: Mapping[str, Document],
    catalogue: Mapping[str, Entity],
    labels: Mapping[str, Sequence[str]],
) -> Iterator[tuple[str, str, str]]:
    """What is wrong with an item: code, message and hint."""
    for key, allowed in labels.items():
        value = getattr(item, key, None)
        if value is not None and value not in allowed:
            hint = did_you_mean(value, allowed) or RULES["RT204"].hint
            yield "RT204", f"{value!r} is not allowed, expected one of {', '.join(allowed)}", hint
    if isinstance(item, QuotedMention) and item.entity not in catalogue:
        yield "RT304", f"unknown entity {item.entity!r}", "Add it to entities.jsonl, or correct the key."
    document = documents.get(item.document_id)
    if document is None:
        yield "RT301", f"unknown document {item.document_id!r}", "Use the key of a document."
        return
    count = len(document.sentences)
    is_span = isinstance(item, QuotedMention | QuotedClaim)
    missing = [number for number in ([item.sentence] if is_span else item.evidence) if not 0 <= number < count]
    for number in missing:
        message = f"no sentence {number}; {item.document_id} has {count}"
        yield "RT308", message, "Count the sentences of documents.jsonl from 0."
    if is_span and not missing and _find(document, item) is None:
        where = f"sentence {item.sentence} of {item.document_id}"
        yield "RT403", f"{where} has no occurrence {item.nth} of {shorten(item.quote)}", "Copy the quote verbatim."


def _fields(item: Any, document: Document, catalogue: Mapping[str, Entity]) -> dict[str, Any]:
    """The fields of a valid item in an annotation record."""
    fields = structs.asdict(item)
    del fields["document_id"]
    if span := "quote" in fields and _find(document, item):
        start, end = span
        fields |= {"start": start, "end": end, "text": document.text[start:end]}
        del fields["sentence"], fields["quote"], fields["nth"]
    else:
        fields["evidence"] = sorted(fields["evidence"])
    if isinstance(item, QuotedMention):
        fields |= {"type": catalogue[item.entity].type, "kb_id": catalogue[item.entity].kb_id}
    return fields


def _find(document: Document, quoted: QuotedMention | QuotedClaim) -> tuple[int, int] | None:
    """Offsets of the quote, None if it is not in its sentence."""
    sentence = document.sentences[quoted.sentence]
    text = document.text[sentence.start : sentence.end].replace("\xa0", " ")
    quote = quoted.quote.replace("\xa0", " ")
    if not quote or quoted.nth < 1:
        return None
    found = -1
    for _ in range(quoted.nth):
        found = text.find(quote, found + 1)
        if found < 0:
            return None
    return sentence.start + found, sentence.start + found + len(quote)
