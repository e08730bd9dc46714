"""SARIF output against the standard's schema.

The OASIS schema is in no package of the index. Two things stand in for it: sarif-om, whose classes Microsoft generated
from that schema and which names every property and the required ones; and the types and limits of what is written
here, taken down from the standard (SARIF 2.1.0, sections 3.13 to 3.49) as a schema of its own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attr
import jsonschema
import pytest
import sarif_om

from example_findings import COLUMN, ERROR, NASTY, NOWHERE, WARNING, report
from paths import BAD_FILES
from retold.corpus.load import Corpus
from retold.report.findings import render_sarif
from retold.validation.validate import validate

#: Characters of a URI reference (RFC 3986).
URI = r"^[!#$%&'()*+,\-./:;=?@_~0-9A-Za-z\[\]]+$"
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"enum": ["2.1.0"]},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool"],
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {"driver": {"$ref": "#/$defs/driver"}},
                    },
                    "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
                },
            },
        },
    },
    "$defs": {
        "driver": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string"},
                "semanticVersion": {"type": "string"},
                "rules": {
                    "type": "array",
                    "uniqueItems": True,
                    "items": {
                        "type": "object",
                        "required": ["id"],
                        "properties": {
                            "id": {"type": "string"},
                            "name": {"type": "string"},
                            "shortDescription": TEXT,
                            "fullDescription": TEXT,
                            "help": TEXT,
                        },
                    },
                },
            },
        },
        "result": {
            "type": "object",
            "required": ["message"],
            "properties": {
                "ruleId": {"type": "string"},
                "ruleIndex": {"type": "integer", "minimum": -1},
                "level": {"enum": ["none", "note", "warning", "error"]},
                "message": TEXT,
                "locations": {"type": "array", "items": {"$ref": "#/$defs/location"}},
                "properties": {"type": "object"},
            },
        },
        "location": {
            "type": "object",
            "properties": {
                "physicalLocation": {
                    "type": "object",
                    "required": ["artifactLocation"],
                    "properties": {
                        "artifactLocation": {
                            "type": "object",
                            "properties": {"uri": {"type": "string", "pattern": URI}},
                        },
                        "region": {"type": "object", "properties": {"startLine": {"type": "integer", "minimum": 1}}},
                    },
                },
                "logicalLocations": {
                    "type": "array",
                    "uniqueItems": True,
                    "items": {"type": "object", "properties": {"fullyQualifiedName": {"type": "string"}}},
                },
            },
        },
    },
}  # fmt: skip

#: Property -> the class of its value, or of each of its values.
CLASSES = {
    "runs": sarif_om.Run,
    "tool": sarif_om.Tool,
    "driver": sarif_om.ToolComponent,
    "rules": sarif_om.ReportingDescriptor,
    "shortDescription": sarif_om.MultiformatMessageString,
    "fullDescription": sarif_om.MultiformatMessageString,
    "help": sarif_om.MultiformatMessageString,
    "results": sarif_om.Result,
    "message": sarif_om.Message,
    "locations": sarif_om.Location,
    "physicalLocation": sarif_om.PhysicalLocation,
    "artifactLocation": sarif_om.ArtifactLocation,
    "region": sarif_om.Region,
    "logicalLocations": sarif_om.LogicalLocation,
}


def check_names(value: dict[str, Any], kind: type) -> None:
    """Every property is one of its class, the required ones are there, and every object has a class."""
    known = {field.metadata["schema_property_name"]: field for field in attr.fields(kind)}
    assert value.keys() <= known.keys()
    assert {name for name, field in known.items() if field.default is attr.NOTHING} <= value.keys()
    for name, part in value.items():
        for item in part if isinstance(part, list) else [part]:
            if isinstance(item, dict) and name != "properties":
                check_names(item, CLASSES[name])


def check(text: str) -> list[Any]:
    log = json.loads(text)
    jsonschema.Draft202012Validator(SCHEMA).validate(log)
    check_names(log, sarif_om.SarifLog)
    results: list[Any] = log["runs"][0]["results"]
    return results


def test_findings_made_by_hand() -> None:
    assert len(check(render_sarif(report(ERROR, COLUMN, WARNING, NOWHERE, NASTY)))) == 5


def test_no_findings_still_make_a_log() -> None:
    assert check(render_sarif(report())) == []


def test_findings_of_every_bad_file(tiny_corpus: Corpus) -> None:
    for role in ("gold", "annotation", "prediction"):
        files: list[str | Path] = [path for path in BAD_FILES if path.name.split(".")[1] == role]
        found = validate(files, tiny_corpus, role=role)
        assert len(check(render_sarif(found))) == len(found.findings) == len(files)


@pytest.mark.parametrize(
    "spoil",
    [
        {"version": "2.0.0"},
        {"runs": [{}]},
        {"runs": [{"tool": {"driver": {}}}]},
        {"runs": [{"tool": {"driver": {"name": "x"}}, "results": [{"ruleId": "RT101"}]}]},
        {"runs": [{"tool": {"driver": {"name": "x"}}, "result": []}]},
    ],
)
def test_the_check_itself_refuses(spoil: dict[str, Any]) -> None:
    with pytest.raises((jsonschema.ValidationError, AssertionError)):
        check(json.dumps({"version": "2.1.0", "runs": [], **spoil}))
