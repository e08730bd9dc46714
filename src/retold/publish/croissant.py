"""Croissant metadata of the corpus (MLCommons Croissant 1.0, with the responsible-AI vocabulary), from the views."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from retold.corpus.views import labels_of, tables_of
from retold.layers.scheme import Scheme
from retold.model.findings import UnreadableError

__all__ = ["croissant"]

#: Columns whose cells are lists of objects; Croissant has no type that its reader would load them as.
_NESTED: Final = ("spans", "zones")
_DESCRIPTIONS: Final = {
    "documents": "One row for each document; its zones, paragraphs and sentences stand in the file only.",
    "entities": "One row for each mention.",
    "stance": "One row for each holder and target of a document.",
    "claims": "One row for each claim span.",
    "verification": "One row for each canonical claim and document.",
    "claim_texts": "One row for each canonical claim.",
}
_TYPES: Final = {"string": "sc:Text", "int": "sc:Integer", "strings": "sc:Text", "ints": "sc:Integer"}


def croissant(
    file: Path, scheme: Scheme, views: Mapping[str, bytes], version: str, date: str, languages: Sequence[str]
) -> bytes:
    """A croissant.json made current: files, record sets, version, date and languages; the rest is kept as it stands.

    ``file`` is the present one; ``views`` are bytes by path in the corpus folder, named after table (and split).
    """
    try:
        present = json.loads(file.read_bytes())
        cited = present.get("citeAs", "").replace(f"Version {present.get('version')}", f"Version {version}")
    except (ValueError, AttributeError):
        raise UnreadableError(f"{file}: not Croissant metadata (expected a JSON object)") from None
    names = {PurePosixPath(path).stem: path for path in views}
    metadata = {
        **present,
        "version": version,
        "datePublished": date,
        "inLanguage": list(languages),
        **({"citeAs": cited} if cited else {}),
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": f"{name}.jsonl",
                "name": f"{name}.jsonl",
                "description": f"Rows of the table {name}.",
                "contentUrl": path,
                "contentSize": f"{len(views[path])} B",
                "encodingFormat": "application/jsonlines",
                "sha256": hashlib.sha256(views[path]).hexdigest(),
            }
            for name, path in names.items()
        ],
        "recordSet": [_record_set(scheme, name) for name in names],
    }
    return json.dumps(metadata, ensure_ascii=False, indent=2).encode() + b"\n"


def _record_set(scheme: Scheme, name: str) -> dict[str, Any]:
    table = name.partition("-")[0]
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": _DESCRIPTIONS[table],
        "key": {"@id": f"{name}/id"},
        "field": [
            _field(name, column, kind, labels_of(scheme).get(kind))
            for column, kind in tables_of(scheme)[table].items()
            if kind not in _NESTED
        ],
    }


def _field(table: str, column: str, kind: str, labels: Sequence[str] | None) -> dict[str, Any]:
    source = {"fileObject": {"@id": f"{table}.jsonl"}, "extract": {"column": column}}
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{table}/{column}",
        "name": column,
        "description": f"One of: {', '.join(labels)}." if labels else column.replace("_", " "),
        "dataType": _TYPES.get(kind, "sc:Text"),
        "source": source,
    }
    if kind in ("strings", "ints"):
        field["repeated"] = True
    return field
