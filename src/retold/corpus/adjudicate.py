"""Adjudication: gold from several annotations and written decisions.

What all annotators give is gold. Each difference needs a decision, which states what every annotator gave, and a
reason. A decision may also add an item that no annotator has, drop one, or correct one on which all agree; a decision
that changes nothing is an error. Only those who annotated a layer of a document are compared on it; one alone is right,
and a document that nobody annotated keeps the gold that it has.

An item is the unit of a decision: a span (``start:end``), a stance cell (``holder/target``) or a verification pair
(the key of the claim), with all that is said of it. Two spans with different boundaries are two items.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import UNSET

from retold.layers.base import Layer
from retold.layers.scheme import Scheme, default_scheme
from retold.model.annotations import Annotation, AnnotationRecord, Decision, Document, Entity
from retold.model.display import counted
from retold.rules import Vocabulary

__all__ = ["AdjudicationError", "adjudicate", "answers", "differences", "items_by_key"]

Key = tuple[str, str, str]


class AdjudicationError(ValueError):
    """A difference has no decision, a decision has no difference, or an item cannot be gold; the message names it."""


def items_by_key(record: AnnotationRecord, layer: Layer[Any]) -> dict[str, Annotation]:
    """The items of one layer of a record: key of the item -> what is said of it."""
    found = {}
    for item in getattr(record, layer.name) or ():
        given = {name: getattr(item, name) for name in layer.decided}
        if "evidence" in given:
            # A set; without any it may be left out.
            given["evidence"] = sorted(set(given["evidence"] or ()))
        found[layer.key_of(item)] = Annotation(**given)
    return found


def answers(
    annotators: Mapping[str, Sequence[AnnotationRecord]], scheme: Scheme | None = None
) -> dict[tuple[str, str], dict[str, dict[str, Annotation]]]:
    """What was annotated: (document, layer) -> annotator -> items by key."""
    found: dict[tuple[str, str], dict[str, dict[str, Annotation]]] = {}
    records = [(who, record) for who, theirs in annotators.items() for record in theirs]
    for who, record in sorted(records, key=lambda each: each[1].document_id):
        for name, layer in (scheme or default_scheme()).layers.items():
            if getattr(record, name) is not UNSET:
                found.setdefault((record.document_id, name), {})[who] = items_by_key(record, layer)
    return found


def differences(
    annotators: Mapping[str, Sequence[AnnotationRecord]], scheme: Scheme | None = None
) -> dict[Key, dict[str, Annotation | None]]:
    """Every item on which annotators differ: (document, layer, item) -> annotator -> what they give, or None."""
    found: dict[Key, dict[str, Annotation | None]] = {}
    for (document_id, layer), given in answers(annotators, scheme).items():
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
    scheme: Scheme | None = None,
    kept: Mapping[str, AnnotationRecord] | None = None,
) -> list[AnnotationRecord]:
    """Gold from annotations and decisions, in the order of ``documents``; types and ids come from the catalogue.

    ``kept`` is present gold, for documents that nobody annotated.

    Raises:
        AdjudicationError: a difference has no decision; a decision changes nothing, misstates the annotations or has no
            reason; an item lacks a key of its layer or names an entity that is not in the catalogue.
    """
    scheme = scheme or default_scheme()
    open_items, annotated = differences(annotators, scheme), answers(annotators, scheme)
    decided: dict[Key, Annotation | None] = {}
    for decision in decisions:
        key: Key = decision.document_id, decision.layer, decision.item
        name = "/".join(key)
        if key in decided:
            raise AdjudicationError(f"{name}: decided twice")
        if decision.document_id not in documents:
            raise AdjudicationError(f"{name}: unknown document {decision.document_id!r}")
        if decision.layer not in scheme.layers:
            raise AdjudicationError(f"{name}: unknown layer {decision.layer!r}")
        given = {who: items.get(decision.item) for who, items in annotated.get(key[:2], {}).items()}
        if key not in open_items and decision.decision == next(iter(given.values()), UNSET):
            raise AdjudicationError(f"{name}: the annotators do not differ, and the decision changes nothing")
        # A correction of what all agree on stands when another annotator agrees, too.
        agreed = key not in open_items and decision.readers and decision.readers.items() <= given.items()
        if decision.readers != given and not agreed:
            raise AdjudicationError(f"{name}: the decision does not state what is in the annotators' files")
        if not decision.reason.strip():
            raise AdjudicationError(f"{name}: the decision has no reason")
        decided[key] = decision.decision
    if missing := ["/".join(key) for key in open_items if key not in decided]:
        raise AdjudicationError(f"{counted(len(missing), 'difference')} without a decision: {', '.join(missing[:5])}")
    done = {record.document_id for records in annotators.values() for record in records}
    if lacking := [key for key in documents if key not in done and key not in (kept or {})]:
        raise AdjudicationError(f"not annotated: {', '.join(lacking)}")
    by_layer: dict[tuple[str, str], dict[str, Annotation | None]] = {}
    for (document_id, name, item), value in decided.items():
        by_layer.setdefault((document_id, name), {})[item] = value
    gold = []
    for document_id, document in documents.items():
        layers = {}
        for name, layer in scheme.layers.items():
            changed = by_layer.get((document_id, name), {})
            answered = annotated.get((document_id, name))
            # What nobody annotated is not annotated in gold.
            if changed or answered is not None:
                first: dict[str, Annotation] = next(iter((answered or {}).values()), {})
                layers[name] = _built(layer, {**first, **changed}, document, catalogue)
        made = AnnotationRecord(document_id=document_id, **layers)
        gold.append(made if document_id in done else (kept or {})[document_id])
    return gold


def _built(
    layer: Layer[Any], given: Mapping[str, Annotation | None], document: Document, catalogue: Mapping[str, Entity]
) -> list[Any]:
    """The items of one layer of gold, in order."""
    kept = {key: value for key, value in given.items() if value is not None}
    for key, value in kept.items():
        if problem := _problem(layer, key, value, catalogue):
            raise AdjudicationError(f"{document.document_id}/{layer.name}/{key}: {problem}")
    keys = Vocabulary(event="", holders=frozenset(), targets=frozenset(), claims=frozenset(), entities=catalogue)
    built = []
    for key, value in kept.items():
        fields: dict[str, Any] = {name: getattr(value, name) for name in layer.decided}
        if layer.keyed:
            fields |= dict(zip(layer.identity, _parts(layer, key), strict=True))
        else:
            start, end = map(int, _parts(layer, key))
            fields |= {"start": start, "end": end, "text": document.text[start:end]}
        built.append(layer.plain_type(**fields, **layer.repeated_keys(fields, keys)))
    return sorted(built, key=layer.sort_key)


def _parts(layer: Layer[Any], key: str) -> list[str]:
    return key.split(layer.separator, len(layer.identity) - 1)


def _problem(layer: Layer[Any], key: str, given: Annotation, catalogue: Mapping[str, Entity]) -> str | None:
    """Why an item cannot be gold."""
    if missing := [name for name in layer.decided if getattr(given, name) is UNSET]:
        return f"missing {' and '.join(missing)}"
    parts = _parts(layer, key)
    if len(parts) != len(layer.identity) or not (layer.keyed or all(part.isdecimal() for part in parts)):
        return f"expected {layer.separator.join(layer.identity)}"
    if given.entity is not UNSET and given.entity not in catalogue:
        return f"unknown entity {given.entity!r}"
    if "label" in layer.decided and given.label not in layer.labels:
        return f"{given.label!r} is not a label of {layer.name}"
    return None
