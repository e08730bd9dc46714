"""Adjudication: gold from several annotations and written decisions.

What all annotators give is gold. Each difference needs a decision, which states what every annotator gave, and a
reason. A decision may also add an item that no annotator has, drop one, or correct one on which all agree; a decision
that changes nothing is an error.

An item is what can be decided alone: a span (``start:end``), a stance cell (``holder/target``) or a verification pair
(the key of the claim), with all that is said of it. Two spans with different boundaries are two items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec import UNSET

from retold.model.annotations import (
    LAYERS,
    STANCE_LABELS,
    VERIFICATION_LABELS,
    AnnotationRecord,
    ClaimSpan,
    Decision,
    Document,
    Entity,
    Layer,
    Mention,
    Reading,
    StanceCell,
    VerificationPair,
)

__all__ = ["AdjudicationError", "adjudicate", "differences", "items_by_key"]

Key = tuple[str, Layer, str]


@dataclass(frozen=True)
class _Items:
    """What adjudication knows of a layer.

    Attributes:
        kind: type of its items.
        identity: attributes that make the key of an item.
        separator: what joins them.
        decided: attributes that a decision gives.
        labels: the allowed labels, where it has any.
    """

    kind: Callable[..., Any]
    identity: tuple[str, ...]
    separator: str
    decided: tuple[str, ...]
    labels: tuple[str, ...] = ()

    @property
    def are_spans(self) -> bool:
        return self.identity == ("start", "end")

    def parts(self, key: str) -> list[str]:
        return key.split(self.separator, len(self.identity) - 1)

    def order(self, key: str) -> tuple[Any, ...]:
        """Sort key: outer spans before those inside them; anything else by its key."""
        parts = self.parts(key)
        return (int(parts[0]), -int(parts[1])) if self.are_spans else tuple(parts)


_LAYERS: Final[Mapping[Layer, _Items]] = {
    "entities": _Items(Mention, ("start", "end"), ":", ("kind", "entity")),
    "stance": _Items(StanceCell, ("holder", "target"), "/", ("label", "evidence"), STANCE_LABELS),
    "claims": _Items(ClaimSpan, ("start", "end"), ":", ("source", "claim")),
    "verification": _Items(VerificationPair, ("claim",), "/", ("label", "evidence"), VERIFICATION_LABELS),
}


class AdjudicationError(ValueError):
    """A difference has no decision, a decision has no difference, or an item cannot be gold; the message names it."""


def items_by_key(record: AnnotationRecord, layer: Layer) -> dict[str, Reading]:
    """The items of one layer of a record: key of the item -> what is said of it."""
    items = _LAYERS[layer]
    found = {}
    for item in getattr(record, layer) or ():
        given = {name: getattr(item, name) for name in items.decided}
        if "evidence" in given:
            # A set; without any it may be left out.
            given["evidence"] = sorted(set(given["evidence"] or ()))
        found[items.separator.join(str(getattr(item, name)) for name in items.identity)] = Reading(**given)
    return found


def differences(annotators: Mapping[str, Sequence[AnnotationRecord]]) -> dict[Key, dict[str, Reading | None]]:
    """Every item on which annotators differ: (document, layer, item) -> annotator -> what they give, or None.

    Raises:
        AdjudicationError: a document was not annotated by all of them.
    """
    found: dict[Key, dict[str, Reading | None]] = {}
    records = {name: {record.document_id: record for record in theirs} for name, theirs in annotators.items()}
    for document_id in sorted({key for theirs in records.values() for key in theirs}):
        if lacking := [name for name, theirs in records.items() if document_id not in theirs]:
            raise AdjudicationError(f"{document_id}: not annotated by {', '.join(lacking)}")
        for layer in LAYERS:
            given = {name: items_by_key(theirs[document_id], layer) for name, theirs in records.items()}
            for item in sorted({item for items in given.values() for item in items}):
                values = {name: items.get(item) for name, items in given.items()}
                if len({repr(value) for value in values.values()}) > 1:
                    found[document_id, layer, item] = values
    return found


def adjudicate(
    annotators: Mapping[str, Sequence[AnnotationRecord]],
    decisions: Iterable[Decision],
    documents: Mapping[str, Document],
    catalogue: Mapping[str, Entity],
) -> list[AnnotationRecord]:
    """Gold from annotations and decisions, in the order of ``documents``.

    Args:
        annotators: name of the annotator -> records of all documents.
        decisions: one for each difference, and any additions and corrections.
        documents: texts.
        catalogue: types and Wikidata ids of entities.

    Raises:
        AdjudicationError: a difference has no decision; a decision changes nothing, misstates the annotations or has no
            reason; an item lacks a key of its layer or names an entity that is not in the catalogue.
    """
    open_items = differences(annotators)
    decided: dict[Key, Reading | None] = {}
    for decision in decisions:
        key: Key = decision.document_id, decision.layer, decision.item
        name = "/".join(key)
        if key in decided:
            raise AdjudicationError(f"{name}: decided twice")
        if decision.document_id not in documents:
            raise AdjudicationError(f"{name}: unknown document {decision.document_id!r}")
        given = open_items.get(key) or {name: _given(records, key) for name, records in annotators.items()}
        if key not in open_items and decision.decision == next(iter(given.values())):
            raise AdjudicationError(f"{name}: the annotators do not differ, and the decision changes nothing")
        if decision.readers != given:
            raise AdjudicationError(f"{name}: the decision does not state what is in the annotators' files")
        if not decision.reason.strip():
            raise AdjudicationError(f"{name}: the decision has no reason")
        decided[key] = decision.decision
    if missing := ["/".join(key) for key in open_items if key not in decided]:
        raise AdjudicationError(f"{len(missing)} differences without a decision: {', '.join(missing[:5])}")
    first = {record.document_id: record for record in next(iter(annotators.values()), ())}
    if lacking := [document_id for document_id in documents if document_id not in first]:
        raise AdjudicationError(f"not annotated: {', '.join(lacking)}")
    for_document: dict[tuple[str, Layer], dict[str, Reading | None]] = {}
    for (document_id, layer, item), value in decided.items():
        for_document.setdefault((document_id, layer), {})[item] = value
    return [
        AnnotationRecord(
            document_id=key,
            **{
                layer: _built(
                    layer,
                    {**items_by_key(first[key], layer), **for_document.get((key, layer), {})},
                    document,
                    catalogue,
                )
                for layer in LAYERS
            },
        )
        for key, document in documents.items()
    ]


def _given(records: Sequence[AnnotationRecord], key: Key) -> Reading | None:
    """What one annotator gives for an item."""
    return next((items_by_key(record, key[1]).get(key[2]) for record in records if record.document_id == key[0]), None)


def _built(
    layer: Layer, given: Mapping[str, Reading | None], document: Document, catalogue: Mapping[str, Entity]
) -> list[Any]:
    """The items of one layer of gold, in order."""
    items = _LAYERS[layer]
    kept = {key: value for key, value in given.items() if value is not None}
    for key, value in kept.items():
        if problem := _problem(layer, key, value, catalogue):
            raise AdjudicationError(f"{document.document_id}/{layer}/{key}: {problem}")
    built = []
    for key in sorted(kept, key=items.order):
        fields: dict[str, Any] = {name: getattr(kept[key], name) for name in items.decided}
        if items.are_spans:
            start, end = map(int, items.parts(key))
            fields |= {"start": start, "end": end, "text": document.text[start:end]}
        else:
            fields |= dict(zip(items.identity, items.parts(key), strict=True))
        if layer == "entities":
            entity = catalogue[fields["entity"]]
            fields |= {"type": entity.type, "kb_id": entity.kb_id}
        built.append(items.kind(**fields))
    return built


def _problem(layer: Layer, key: str, given: Reading, catalogue: Mapping[str, Entity]) -> str | None:
    """Why an item cannot be gold."""
    items = _LAYERS[layer]
    if missing := [name for name in items.decided if getattr(given, name) is UNSET]:
        return f"missing {' and '.join(missing)}"
    parts = items.parts(key)
    if len(parts) != len(items.identity) or (items.are_spans and not all(part.isdecimal() for part in parts)):
        return f"expected {items.separator.join(items.identity)}"
    if layer == "entities" and given.entity not in catalogue:
        return f"unknown entity {given.entity!r}"
    if items.labels and given.label not in items.labels:
        return f"{given.label!r} is not a label of {layer}"
    return None
