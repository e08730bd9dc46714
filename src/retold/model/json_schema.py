"""The published JSON Schemas, generated from the record types so that a shape is stated once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from retold.model.annotations import (
    CanonicalClaim,
    Decision,
    Document,
    Entity,
    Event,
    Release,
    SubmissionCard,
)
from retold.model.manifest import Manifest

__all__ = ["SCHEMAS", "render", "schema_of"]

#: Name of a schema (stem of its file) and the type that it is made from.
SCHEMAS: Final[dict[str, type]] = {
    "document": Document,
    "event": Event,
    "entity": Entity,
    "claim": CanonicalClaim,
    "submission": SubmissionCard,
    "decision": Decision,
    "release": Release,
    "manifest": Manifest,
}
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema_of(name: str, kind: type | None = None) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of ``kind``, by default of the type that ``SCHEMAS`` has for ``name``."""
    generated = msgspec.json.schema(kind or SCHEMAS[name])
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


def render(schema: Mapping[str, Any]) -> str:
    """Text of a schema's file: the same types give the same bytes."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
