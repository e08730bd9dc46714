"""The published JSON Schemas, generated from the record types so that a shape is stated once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from inspect import cleandoc
from typing import Any, Final

import msgspec

from retold.model.annotations import CanonicalClaim, Decision, Document, Entity, Event, Release, SubmissionCard
from retold.model.documentation import docstring
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
    schema = {
        "$schema": _DIALECT,
        "$id": f"urn:retold:schema:{name}",
        # JSON Schema calls 17.0 an integer; the readers of Retold do not.
        "$comment": "Integers are written without a fraction: 17, not 17.0.",
        "title": name.replace("-", " ").capitalize(),
        "description": docstring(kind or SCHEMAS[name]),
        **generated,
    }
    found: dict[str, Any] = _dedented(schema)
    return found


def _dedented(node: Any) -> Any:
    """The schema with the docstrings in it as newer versions of Python and msgspec dedent them."""
    if isinstance(node, dict):
        return {
            key: cleandoc(value) if key == "description" and isinstance(value, str) else _dedented(value)
            for key, value in node.items()
        }
    return [_dedented(item) for item in node] if isinstance(node, list) else node


def render(schema: Mapping[str, Any]) -> str:
    """Text of a schema's file: the same types give the same bytes."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
