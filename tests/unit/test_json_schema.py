"""The published schemas: current, documented, and of one mind with the typed decoder."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paths import ROOT
from retold.model.json_schema import SCHEMAS, render, schema_of
from retold.rules.schema import schema_findings
from tiny import CLAIMS, ENTITIES, EVENT, document_of, gold_of

VALID: dict[str, list[Any]] = {
    "annotation-record": [
        gold_of("flood-0"),
        {"document_id": "flood-1"},
        {
            "document_id": "flood-0",
            "entities": [{"start": 0, "end": 2**53 - 1, "type": "EVENT", "kb_id": None}],
            "stance": [
                {
                    "holder": "mayor",
                    "target": "dam",
                    "label": "against",
                    "scores": {"favor": 0, "against": 1.0, "none": 0.0},
                }
            ],
        },
    ],
    "document": [document_of("flood-0"), document_of("flood-1")],
    "event": [EVENT],
    "entity": ENTITIES,
    "claim": CLAIMS,
    "submission": [{"name": "s", "protocol": "zero-shot", "corpus_version": "0.1.0"}],
    "release": [
        {
            "name": "tiny",
            "version": "0.1.0",
            "date": "2024-05-06",
            "counts": {"documents": 2},
            "files": {},
            "sha256": "",
        }
    ],
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_published_schema_is_current(name: str) -> None:
    assert (ROOT / "schema" / f"{name}.json").read_bytes() == render(name).encode(), "run scripts/docs/build_schemas.py"


def test_nothing_else_is_published() -> None:
    assert {path.stem for path in (ROOT / "schema").iterdir()} == set(SCHEMAS)


def test_check_of_the_script_agrees() -> None:
    done = subprocess.run([sys.executable, ROOT / "scripts" / "docs" / "build_schemas.py", "--check"], check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_is_a_schema_with_an_identity(name: str) -> None:
    schema = schema_of(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:retold:schema:{name}"
    assert schema["title"]
    assert schema["description"]


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_property_has_a_description_and_valid_examples(name: str) -> None:
    schema = schema_of(name)
    for kind, definition in schema["$defs"].items():
        for key, described in definition["properties"].items():
            assert described.get("description", "").strip(), f"{kind}.{key} has no description"
            assert described.get("examples"), f"{kind}.{key} has no example"
            validator = jsonschema.Draft202012Validator({**described, "$defs": schema["$defs"]})
            for example in described["examples"]:
                assert list(validator.iter_errors(example)) == [], f"{kind}.{key} has a wrong example"


def accepted_by_decoder(name: str, text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=SCHEMAS[name])
    except msgspec.DecodeError:
        return False
    return True


def accepted_by_schema(name: str, text: bytes) -> bool:
    return not list(schema_findings(name, json.loads(text)))


@pytest.mark.parametrize(("name", "record"), [(name, record) for name, records in VALID.items() for record in records])
def test_both_accept_what_is_valid(name: str, record: Any) -> None:
    text = json.dumps(record).encode()
    assert accepted_by_decoder(name, text)
    assert accepted_by_schema(name, text)


@pytest.mark.parametrize(
    "text",
    [
        "null",
        "[]",
        "{}",
        '{"document_id": ""}',
        '{"document_id": null}',
        '{"document_id": "a", "x": 1}',
        '{"document_id": "a", "entities": null}',
        '{"document_id": "a", "entities": {}}',
        '{"document_id": "a", "entities": [null]}',
        '{"document_id": "a", "entities": [{"start": 1.0, "end": 2, "type": "PER"}]}',
        '{"document_id": "a", "entities": [{"start": true, "end": 2, "type": "PER"}]}',
        '{"document_id": "a", "entities": [{"start": "1", "end": 2, "type": "PER"}]}',
        '{"document_id": "a", "entities": [{"start": -1, "end": 2, "type": "PER"}]}',
        '{"document_id": "a", "entities": [{"start": 1, "end": 9007199254740992, "type": "PER"}]}',
        '{"document_id": "a", "entities": [{"start": 1, "end": 2}]}',
        '{"document_id": "a", "entities": [{"start": 1, "end": 2, "type": "per"}]}',
        '{"document_id": "a", "entities": [{"start": 1, "end": 2, "type": null}]}',
        '{"document_id": "a", "entities": [{"start": 1, "end": 2, "type": "PER", "kind": null}]}',
        '{"document_id": "a", "entities": [{"start": 1, "end": 2, "type": "PER", "entity": null}]}',
        '{"document_id": "a", "entities": [{"start": 1, "end": 2, "type": "PER", "kb_id": 5}]}',
        '{"document_id": "a", "stance": [{"holder": "", "target": "t", "label": "none"}]}',
        '{"document_id": "a", "stance": [{"holder": "h", "target": "t", "label": "none", "evidence": [1.0]}]}',
        '{"document_id": "a", "stance": [{"holder": "h", "target": "t", "label": "none", "scores": {"favor": 1}}]}',
        '{"document_id": "a", "stance": [{"holder": "h", "target": "t", "label": "none", '
        '"scores": {"favor": 1.5, "against": 0, "none": 0}}]}',
        '{"document_id": "a", "stance": [{"holder": "h", "target": "t", "label": "none", '
        '"scores": {"favor": true, "against": 0, "none": 0}}]}',
    ],
)
def test_both_refuse_what_is_not(text: str) -> None:
    assert not accepted_by_decoder("annotation-record", text.encode())
    assert not accepted_by_schema("annotation-record", text.encode())


ODD_VALUES = st.sampled_from(
    [
        *(None, True, False, 0, 1, -1, 1.0, 0.5, -0.0, 1e300, 2**53 - 1, 2**53, 2**64, "", "x", "PER", "none", "Q1"),
        *([], [0], [1.0], ["x"], [None], [[]], {}, {"en": "x"}, {"en": 1}, {"start": 0, "end": 1}),
    ]
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _places(item, (*path, key))


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, Any]:
    """A valid record with one to three places replaced, removed or added to."""
    name = draw(st.sampled_from(sorted(VALID)))
    record = copy.deepcopy(draw(st.sampled_from(VALID[name])))
    for _ in range(draw(st.integers(1, 3))):
        places = [place for place in _places(record) if place]
        if not places:
            break
        *path, last = draw(st.sampled_from(places))
        parent = record
        for key in path:
            parent = parent[key]
        change = draw(st.sampled_from(["replace", "remove", "add"]))
        if change == "replace":
            parent[last] = copy.deepcopy(draw(ODD_VALUES))
        elif change == "remove":
            del parent[last]
        elif isinstance(parent, dict):
            key = draw(st.sampled_from(["kind", "text", "entity", "kb_id", "scores", "extra"]))
            parent[key] = copy.deepcopy(draw(ODD_VALUES))
        else:
            parent.append(copy.deepcopy(draw(ODD_VALUES)))
    return name, record


@given(mutated())
def test_decoder_and_schema_agree(case: tuple[str, Any]) -> None:
    name, record = case
    text = json.dumps(record).encode()
    assert accepted_by_decoder(name, text) == accepted_by_schema(name, text)
