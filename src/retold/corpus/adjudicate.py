"""Adjudication: two readings and written decisions become gold.

What both readers give is gold as it stands. Wherever they differ there is a decision, with both readings and the
reason; nothing is decided in silence. A decision may add an item that neither reader has, or drop one. It may also
correct what both gave, where a later review found it wrong; a decision that changes nothing is an error.

An item is what can be decided alone: a span (``start:end``) with all that is said of it, a stance cell
(``holder/target``), a verification pair (the key of the claim). A boundary that differs is two items.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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

__all__ = ["AdjudicationError", "differences", "readings", "settle"]

Key = tuple[str, Layer, str]

#: What a reading of each layer says.
_KEYS: Final[Mapping[Layer, tuple[str, ...]]] = {
    "entities": ("kind", "entity"),
    "stance": ("label", "evidence"),
    "claims": ("source", "claim"),
    "verification": ("label", "evidence"),
}
_LABELS: Final[Mapping[str, tuple[str, ...]]] = {"stance": STANCE_LABELS, "verification": VERIFICATION_LABELS}


class AdjudicationError(ValueError):
    """A difference has no decision, a decision has no difference, or what is given cannot be gold; names the item."""


def readings(record: AnnotationRecord, layer: Layer) -> dict[str, Reading]:
    """The items of one layer: item -> what the reader gives."""
    if layer == "entities":
        return {f"{m.start}:{m.end}": Reading(kind=m.kind, entity=m.entity) for m in record.entities or ()}
    if layer == "stance":
        return {
            f"{c.holder}/{c.target}": Reading(label=c.label, evidence=_sorted(c.evidence)) for c in record.stance or ()
        }
    if layer == "claims":
        return {f"{c.start}:{c.end}": Reading(source=c.source, claim=c.claim) for c in record.claims or ()}
    return {p.claim: Reading(label=p.label, evidence=_sorted(p.evidence)) for p in record.verification or ()}


def _sorted(evidence: Any) -> list[int]:
    return sorted(set(evidence or ()))


def differences(readers: Mapping[str, Sequence[AnnotationRecord]]) -> dict[Key, dict[str, Reading | None]]:
    """Every item on which the readers differ: (document, layer, item) -> reader -> what that reader gives, or None.

    Raises:
        AdjudicationError: a document was not read by all of them.
    """
    found: dict[Key, dict[str, Reading | None]] = {}
    by_reader = {name: {record.document_id: record for record in records} for name, records in readers.items()}
    documents = sorted({key for records in by_reader.values() for key in records})
    for document_id in documents:
        if lacking := [name for name, records in by_reader.items() if document_id not in records]:
            raise AdjudicationError(f"{document_id}: {', '.join(lacking)} did not read it")
        for layer in LAYERS:
            given = {name: readings(records[document_id], layer) for name, records in by_reader.items()}
            for item in sorted({item for items in given.values() for item in items}):
                values = {name: items.get(item) for name, items in given.items()}
                if len({repr(value) for value in values.values()}) > 1:
                    found[document_id, layer, item] = values
    return found


def settle(
    readers: Mapping[str, Sequence[AnnotationRecord]],
    decisions: Iterable[Decision],
    documents: Mapping[str, Document],
    catalogue: Mapping[str, Entity],
) -> list[AnnotationRecord]:
    """Gold from readings and decisions, in the order of ``documents``.

    Args:
        readers: name of the reader -> records of all documents.
        decisions: one for each difference, and any additions and corrections.
        documents: texts.
        catalogue: types and Wikidata ids of entities.

    Raises:
        AdjudicationError: a difference without a decision, a decision that changes nothing, a decision that states
            other readings than the files hold or gives no reason, or an item that lacks a key of its layer or names an
            entity that the catalogue does not have.
    """
    open_items = differences(readers)
    decided: dict[Key, Reading | None] = {}
    for decision in decisions:
        key: Key = decision.document_id, decision.layer, decision.item
        name = "/".join(key)
        if key in decided:
            raise AdjudicationError(f"{name}: is decided twice")
        if decision.document_id not in documents:
            raise AdjudicationError(f"{name}: there is no document {decision.document_id!r}")
        given = open_items.get(key) or {reader: _reading(records, key) for reader, records in readers.items()}
        if key not in open_items and decision.decision == next(iter(given.values())):
            raise AdjudicationError(f"{name}: the readers do not differ there, and the decision changes nothing")
        if decision.readers != given:
            raise AdjudicationError(f"{name}: the decision states other readings than the annotators' files hold")
        if not decision.reason.strip():
            raise AdjudicationError(f"{name}: a decision needs a reason")
        decided[key] = decision.decision
    missing = ["/".join(key) for key in open_items if key not in decided]
    if missing:
        raise AdjudicationError(f"{len(missing)} differences are not decided: {', '.join(missing[:5])}")
    first = {record.document_id: record for record in next(iter(readers.values()), ())}
    if lacking := [document_id for document_id in documents if document_id not in first]:
        raise AdjudicationError(f"nobody read {', '.join(lacking)}")
    records = []
    for document_id, document in documents.items():
        layers: dict[Layer, dict[str, Reading]] = {}
        for layer in LAYERS:
            items: dict[str, Reading | None] = dict(readings(first[document_id], layer))
            items.update({key[2]: value for key, value in decided.items() if key[:2] == (document_id, layer)})
            layers[layer] = {item: reading for item, reading in items.items() if reading is not None}
            for item, reading in layers[layer].items():
                if fault := _fault(layer, item, reading, catalogue):
                    raise AdjudicationError(f"{document_id}/{layer}/{item}: {fault}")
        records.append(_record(document, layers, catalogue))
    return records


def _reading(records: Sequence[AnnotationRecord], key: Key) -> Reading | None:
    """What one reader gives for an item."""
    return next((readings(record, key[1]).get(key[2]) for record in records if record.document_id == key[0]), None)


def _fault(layer: Layer, item: str, reading: Reading, catalogue: Mapping[str, Entity]) -> str | None:
    """Why a reading cannot be gold."""
    if lacking := [key for key in _KEYS[layer] if getattr(reading, key) is UNSET]:
        return f"it lacks {' and '.join(lacking)}"
    if layer in ("entities", "claims") and not all(part.isdecimal() for part in item.partition(":")[::2]):
        return "a span is written start:end"
    if layer == "entities" and reading.entity not in catalogue:
        return f"the catalogue has no entity {reading.entity!r}"
    if layer in _LABELS and reading.label not in _LABELS[layer]:
        return f"{reading.label!r} is no label of {layer}"
    return None


def _span(item: str) -> tuple[int, int]:
    start, _, end = item.partition(":")
    return int(start), int(end)


def _record(
    document: Document, layers: Mapping[Layer, Mapping[str, Any]], catalogue: Mapping[str, Entity]
) -> AnnotationRecord:
    def text(item: str) -> dict[str, Any]:
        start, end = _span(item)
        return {"start": start, "end": end, "text": document.text[start:end]}

    mentions = [
        Mention(
            **text(item),
            kind=reading.kind,
            type=catalogue[reading.entity].type,
            entity=reading.entity,
            kb_id=catalogue[reading.entity].kb_id,
        )
        for item, reading in sorted(layers["entities"].items(), key=_by_place)
    ]
    cells = [
        StanceCell(
            holder=item.partition("/")[0],
            target=item.partition("/")[2],
            label=reading.label,
            evidence=reading.evidence,
        )
        for item, reading in sorted(layers["stance"].items(), key=_by_cell)
    ]
    claims = [
        ClaimSpan(**text(item), source=reading.source, claim=reading.claim)
        for item, reading in sorted(layers["claims"].items(), key=_by_place)
    ]
    pairs = [
        VerificationPair(claim=item, label=reading.label, evidence=reading.evidence)
        for item, reading in sorted(layers["verification"].items())
    ]
    return AnnotationRecord(
        document_id=document.document_id, entities=mentions, stance=cells, claims=claims, verification=pairs
    )


#: Sort keys of items: outer spans before those inside them; cells by holder, then target.
def _by_place(pair: tuple[str, Reading]) -> tuple[int, int]:
    start, end = _span(pair[0])
    return start, -end


def _by_cell(pair: tuple[str, Reading]) -> tuple[str, ...]:
    return tuple(pair[0].split("/"))
