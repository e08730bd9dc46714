"""The published schemas: current, documented, and of one mind with the typed decoders."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paths import ROOT
from retold.corpus.load import load_corpus
from retold.layers.scheme import (
    ManifestError,
    Scheme,
    default_scheme,
    manifest_decoder,
    manifest_schema,
    published_schemas,
)
from retold.model.annotations import Entity, encode
from retold.model.findings import FindingsError
from retold.model.json_schema import render, schema_of
from retold.model.manifest import Manifest
from retold.rules.bytes import DECODERS, LineDecoder
from retold.rules.schema import schema_findings
from retold.validation.validate import validate
from tiny import CLAIMS, ENTITIES, EVENT, document_of, gold_of, write_release

DECISION = {
    "document_id": "flood-0",
    "layer": "stance",
    "item": "mayor/dam",
    "readers": {"reader-1": {"label": "favor", "evidence": [1]}, "reader-2": None},
    "decision": {"label": "favor", "evidence": [1]},
    "reason": "D1",
}
OWN = json.loads((ROOT / "corpus" / "corpus.json").read_text(encoding="utf-8"))
HIPE: dict[str, Any] = {
    "layers": {
        "entities": {
            "types": ["loc.adm", "pers.ind"],
            "kinds": ["name"],
            "clusters": "document",
            "knowledge_base": {"name": "wikidata", "nil": "NIL"},
        }
    }
}
RUMOURS: dict[str, Any] = {
    "layers": {
        "stance": {"labels": ["support", "deny", "query", "comment"], "sides": ["support", "deny"], "holders": False}
    },
    "tracks": {"stance": ["stance.macro_f1"]},
    "overall": ["stance"],
}


def entity_decoder() -> LineDecoder:
    kind = default_scheme().entity_type
    return LineDecoder(kind, lambda: schema_of("entity", kind))


DECODER_OF = {
    **DECODERS,
    "annotation-record": default_scheme().decoder,
    "entity": entity_decoder(),
    "decision": default_scheme().decision_decoder,
    "manifest": manifest_decoder(),
}
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
    "entity": ENTITIES,
    "decision": [DECISION, {**DECISION, "layer": "entities", "item": "1:3", "decision": None}],
    "manifest": [
        {},
        {"layers": {"stance": {}}},
        {"layers": {"entities": {"knowledge_base": None}}},
        HIPE,
        RUMOURS,
        OWN,
    ],
}


@pytest.mark.parametrize("name", published_schemas())
def test_published_schema_is_current(name: str) -> None:
    published = (ROOT / "schema" / f"{name}.json").read_text(encoding="utf-8")
    assert published == render(published_schemas()[name]), "run scripts/docs/build_schemas.py"


def test_nothing_else_is_published() -> None:
    assert {path.stem for path in (ROOT / "schema").iterdir()} == set(published_schemas())


@pytest.mark.parametrize("name", published_schemas())
def test_schema_is_a_schema_with_an_identity(name: str) -> None:
    schema = published_schemas()[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:retold:schema:{name}"
    assert schema["title"]
    assert schema["description"]


@pytest.mark.parametrize("name", published_schemas())
def test_every_property_has_a_description_and_valid_examples(name: str) -> None:
    schema = published_schemas()[name]
    for key, described in _properties(schema):
        assert described.get("description", "").strip(), key
        assert described.get("examples"), key
        validator = jsonschema.Draft202012Validator({**described, "$defs": schema["$defs"]})
        values = described["examples"] + ([described["default"]] if "default" in described else [])
        for value in values:
            assert list(validator.iter_errors(value)) == [], f"{key}: {value}"


def test_published_schemas_list_the_default_labels() -> None:
    # The allowed labels of design.md and of the guideline, in the order of the alphabet.
    schemas = published_schemas()
    entity = schemas["entity"]["$defs"]["Entity"]["properties"]
    assert entity["type"]["enum"] == ["EVENT", "FAC", "GPE", "LOC", "NORP", "ORG", "PER"]
    reading = schemas["decision"]["$defs"]["Annotation"]["properties"]
    assert reading["label"]["anyOf"] == [
        {"enum": ["against", "favor", "none"]},
        {"enum": ["not_enough_info", "refuted", "supported"]},
    ]
    assert reading["kind"]["enum"] == ["name", "nominal"]


def test_schemas_follow_the_manifest() -> None:
    scheme = Scheme(Manifest(layers=HIPE["layers"]))
    assert schema_of("entity", scheme.entity_type)["$defs"]["Entity"]["properties"]["type"]["enum"] == [
        "loc.adm",
        "pers.ind",
    ]
    rumours = Scheme(Manifest(layers=RUMOURS["layers"]))
    assert rumours.entity_type is Entity
    decision = {**DECISION, "item": "dam", "readers": {}, "decision": {"label": "query", "evidence": []}}
    assert rumours.decision_decoder.decode(json.dumps(decision).encode(), number=1, file="x")[0] is not None
    _, found = rumours.decision_decoder.decode(json.dumps(DECISION).encode(), number=1, file="x")
    assert {(each.code, each.pointer) for each in found} == {
        ("RT204", "/readers/reader-1/label"),
        ("RT204", "/decision/label"),
    }


def _properties(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{kind}.{key}", described)
        for kind, definition in schema["$defs"].items()
        for key, described in definition["properties"].items()
    ]


def test_every_option_of_the_manifest_has_a_default_and_no_other_is_allowed() -> None:
    schema = manifest_schema()
    assert [key for key, described in _properties(schema) if "default" not in described] == [
        f"Layers.{layer}" for layer in default_scheme().layers
    ]
    for kind, definition in schema["$defs"].items():
        assert definition["additionalProperties"] is False, kind


def accepted_by_decoder(name: str, value: Any) -> bool:
    found = DECODER_OF[name].decode(json.dumps(value).encode(), number=None, file="x")[1]
    # Options that contradict each other are no matter of the shape.
    return all(each.code == "RT207" for each in found)


def accepted_by_schema(name: str, value: Any) -> bool:
    return not list(schema_findings(DECODER_OF[name].validator, json.loads(json.dumps(value))))


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in VALID.items() for value in values])
def test_decoder_and_schema_accept_what_is_valid(name: str, value: Any) -> None:
    assert accepted_by_decoder(name, value)
    assert accepted_by_schema(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("annotation-record", json.loads(text))
            for text in (
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
                '{"document_id": "a", "stance": [{"holder": "h", "target": "t", "label": "none", '
                '"scores": {"favor": 1}}]}',
                '{"document_id": "a", "stance": [{"holder": "h", "target": "t", "label": "none", '
                '"scores": {"favor": 1.5, "against": 0, "none": 0}}]}',
                '{"document_id": "a", "stance": [{"holder": "h", "target": "t", "label": "none", '
                '"scores": {"favor": true, "against": 0, "none": 0}}]}',
            )
        ),
        ("entity", {**ENTITIES[0], "type": "per"}),
        ("entity", {**ENTITIES[0], "kind": "name"}),
        ("decision", {**DECISION, "layer": "stances"}),
        ("decision", {**DECISION, "decision": {"label": "for"}}),
        ("decision", {**DECISION, "readers": {"reader-1": []}}),
        ("manifest", []),
        ("manifest", {"format": 1}),
        ("manifest", {"language": ["en"]}),
        ("manifest", {"languages": ["en", ""]}),
        ("manifest", {"layers": {"stances": {}}}),
        ("manifest", {"layers": {"stance": {"label": ["a"]}}}),
        ("manifest", {"layers": {"stance": {"labels": "a"}}}),
        ("manifest", {"layers": {"stance": {"holders": 1}}}),
        ("manifest", {"layers": {"entities": {"clusters": "corpus"}}}),
        ("manifest", {"layers": {"entities": {"knowledge_base": {"regex": "Q.*"}}}}),
        ("manifest", {"tracks": {"stance": "stance.favg"}}),
        ("manifest", {"splits": ["test"]}),
    ],
)
def test_decoder_and_schema_refuse_what_is_not(name: str, value: Any) -> None:
    assert not accepted_by_decoder(name, value)
    assert not accepted_by_schema(name, value)


ODD_VALUES = st.sampled_from(
    [
        None,
        False,
        -1,
        1.0,
        2**53,
        "none",
        {"en": 1},
        {"start": 0, "end": 1},
        True,
        0,
        1.5,
        "",
        "x",
        "PER",
        [],
        ["x"],
        [None],
        [[]],
        {},
        {"x": "y"},
        {"x": 1},
    ]
)


@st.composite
def changed(draw: st.DrawFn, names: Sequence[str] = tuple(sorted(VALID))) -> tuple[str, Any]:
    """A valid value with one to three positions replaced, removed or added to."""
    name = draw(st.sampled_from(names))
    value = copy.deepcopy(draw(st.sampled_from(VALID[name])))
    for _ in range(draw(st.integers(1, 3))):
        parent = value
        while True:
            keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
            inner = [key for key in keys if isinstance(parent[key], dict | list)]
            if not inner or draw(st.booleans()):
                break
            parent = parent[draw(st.sampled_from(inner))]
        odd = copy.deepcopy(draw(ODD_VALUES))
        if not keys or draw(st.integers(0, 3)) == 0:
            if isinstance(parent, dict):
                parent[
                    draw(
                        st.sampled_from(
                            ["extra", "text", "entity", "kb_id", "scores", "labels", "types", "kind", "label", "layers"]
                        )
                    )
                ] = odd
            else:
                parent.append(odd)
        elif draw(st.booleans()):
            del parent[draw(st.sampled_from(keys))]
        else:
            parent[draw(st.sampled_from(keys))] = odd
    return name, value


@given(changed())
def test_decoder_and_schema_agree(case: tuple[str, Any]) -> None:
    assert accepted_by_decoder(*case) == accepted_by_schema(*case)


@given(changed(["manifest"]))
def test_what_a_scheme_takes_the_schema_accepts(case: tuple[str, Any]) -> None:
    manifest, found = DECODERS["manifest"].decode(json.dumps(case[1]).encode(), number=None, file="x")
    if manifest is None:
        assert found
        return
    try:
        Scheme(manifest)
    except ManifestError:
        return
    assert accepted_by_schema(*case)


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ({"languages": ["en"]}, [("RT208", "/languages")]),
        ({"languages": ["en", "id"], "splits": {"test": ["flood"]}}, []),
        ({"splits": {"test": ["flod"]}}, [("RT208", "/splits/test/0"), ("RT208", "/splits")]),
        ({"splits": {"dev": ["flood"], "test": ["flood"]}}, [("RT208", "/splits/test/0")]),
        ({"splits": {"test": []}}, [("RT208", "/splits")]),
        ({"name": "tiny", "version": "1.0.1"}, [("RT208", "/version")]),
    ],
)
def test_validate_checks_the_manifest_against_the_corpus(
    tiny_folder: Path, manifest: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    write_release(tiny_folder)
    file = tiny_folder / "corpus.json"
    file.write_text(json.dumps(manifest), encoding="utf-8")
    found = validate(None, load_corpus(tiny_folder)).findings
    assert [(each.code, each.pointer) for each in found if each.file == str(file)] == expected
    # The release does not name the file.
    assert [each.code for each in found if each.file != str(file)] == ["RT706"]


def test_all_that_the_schema_sees_in_a_manifest_is_said_at_once(tiny_folder: Path) -> None:
    manifest = {"layers": {"stance": {"holders": 1}, "entites": {}}}
    (tiny_folder / "corpus.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(FindingsError) as caught:
        load_corpus(tiny_folder)
    found = [(each.code, each.pointer) for each in caught.value.findings]
    assert found == [("RT203", "/layers/entites"), ("RT201", "/layers/stance/holders")]


def test_changed_manifest_is_a_modified_corpus(tiny_folder: Path) -> None:
    write_release(tiny_folder)
    assert not load_corpus(tiny_folder).digest.startswith("modified-")
    (tiny_folder / "corpus.json").write_bytes(encode(Manifest()))
    assert load_corpus(tiny_folder).digest.startswith("modified-")
