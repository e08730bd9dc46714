"""Adjudication: two readings and written decisions become gold.

What both readers give is gold as it stands. Wherever they differ there is a decision, with both readings and the
reason; nothing is decided in silence, and a decision about something that the readers agree on is an error. A decision
may add an item that neither reader has, or drop one.

An item is what can be decided alone: a span (``start:end``) with all that is said of it, a stance cell
(``holder/target``), a verification pair (the key of the claim). A boundary that differs is two items.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import UNSET

from retold.records import (
    LAYERS,
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


class AdjudicationError(ValueError):
    """A difference has no decision, or a decision has no difference."""


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
    """Every item on which the readers differ: (document, layer, item) -> reader -> what that reader gives, or None."""
    found: dict[Key, dict[str, Reading | None]] = {}
    by_reader = {name: {record.document_id: record for record in records} for name, records in readers.items()}
    documents = sorted({key for records in by_reader.values() for key in records})
    for document_id in documents:
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
        decisions: one for each difference, and any additions.
        documents: texts.
        catalogue: types and Wikidata ids of entities.

    Raises:
        AdjudicationError: a difference without a decision, a decision without a difference, or a decision that states
            other readings than the files hold.
    """
    open_items = differences(readers)
    decided: dict[Key, Reading | None] = {}
    for decision in decisions:
        key: Key = decision.document_id, decision.layer, decision.item
        name = "/".join(key)
        if key in decided:
            raise AdjudicationError(f"{name}: is decided twice")
        addition = all(reading is None for reading in decision.readers.values())
        if key not in open_items and not (addition and _unread(readers, key)):
            raise AdjudicationError(f"{name}: the readers do not differ there")
        if key in open_items and decision.readers != open_items[key]:
            raise AdjudicationError(f"{name}: the decision states other readings than the annotators' files hold")
        if not decision.reason.strip():
            raise AdjudicationError(f"{name}: a decision needs a reason")
        decided[key] = decision.decision
    missing = ["/".join(key) for key in open_items if key not in decided]
    if missing:
        raise AdjudicationError(f"{len(missing)} differences are not decided: {', '.join(missing[:5])}")
    first = {record.document_id: record for record in next(iter(readers.values()))}
    records = []
    for document_id, document in documents.items():
        layers: dict[Layer, dict[str, Reading]] = {}
        for layer in LAYERS:
            items: dict[str, Reading | None] = dict(readings(first[document_id], layer))
            items.update({key[2]: value for key, value in decided.items() if key[:2] == (document_id, layer)})
            layers[layer] = {item: reading for item, reading in items.items() if reading is not None}
        records.append(_record(document, layers, catalogue))
    return records


def _unread(readers: Mapping[str, Sequence[AnnotationRecord]], key: Key) -> bool:
    return not any(
        key[2] in readings(record, key[1])
        for records in readers.values()
        for record in records
        if record.document_id == key[0]
    )


def _span(item: str) -> tuple[int, int]:
    start, _, end = item.partition(":")
    return int(start), int(end)


def _record(
    document: Document, layers: Mapping[Layer, Mapping[str, Reading]], catalogue: Mapping[str, Entity]
) -> AnnotationRecord:
    def text(item: str) -> dict[str, Any]:
        start, end = _span(item)
        return {"start": start, "end": end, "text": document.text[start:end]}

    mentions = [
        Mention(
            **text(item),
            kind=given(reading.kind),
            type=catalogue[given(reading.entity)].type,
            entity=given(reading.entity),
            kb_id=catalogue[given(reading.entity)].kb_id,
        )
        for item, reading in sorted(layers["entities"].items(), key=_by_place)
    ]
    cells = [
        StanceCell(
            holder=item.partition("/")[0],
            target=item.partition("/")[2],
            label=given(reading.label),
            evidence=given(reading.evidence),
        )
        for item, reading in sorted(layers["stance"].items(), key=_by_cell)
    ]
    claims = [
        ClaimSpan(**text(item), source=given(reading.source), claim=given(reading.claim))
        for item, reading in sorted(layers["claims"].items(), key=_by_place)
    ]
    pairs = [
        VerificationPair(claim=item, label=given(reading.label), evidence=given(reading.evidence))
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


_ABSENT: Final = (None, UNSET)


def given(value: Any) -> Any:
    """A key that a reading of its layer must carry.

    Raises:
        AdjudicationError: it does not.
    """
    if value in _ABSENT:
        raise AdjudicationError("a decision lacks a key of its layer")
    return value
