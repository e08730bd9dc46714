"""The published JSON Schemas, generated from the record types so that a shape is stated once."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from retold.model.annotations import (
    AnnotationRecord,
    CanonicalClaim,
    Decision,
    Document,
    Entity,
    Event,
    Release,
    SubmissionCard,
)

__all__ = ["SCHEMAS", "render", "schema_of"]

#: Name of a schema (stem of its file) and the type that it is made from.
SCHEMAS: Final[dict[str, type]] = {
    "annotation-record": AnnotationRecord,
    "document": Document,
    "event": Event,
    "entity": Entity,
    "claim": CanonicalClaim,
    "submission": SubmissionCard,
    "decision": Decision,
    "release": Release,
}
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema_of(name: str) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of one kind of record; ``name`` is a key of ``SCHEMAS``."""
    generated = msgspec.json.schema(SCHEMAS[name])
    root = generated["$ref"].rpartition("/")[2]
    return {
        "$schema": _DIALECT,
        "$id": f"urn:retold:schema:{name}",
        # JSON Schema calls 17.0 an integer; the readers of Retold do not.
        "$comment": "Integers are written without a fraction: 17, not 17.0.",
        "title": name.replace("-", " ").capitalize(),
        "description": generated["$defs"][root]["description"],
        **generated,
    }


def render(name: str) -> str:
    """Text of a schema's file: the same types give the same bytes."""
    return json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n"
