"""The published schemas that depend on labels: entities, decisions and the manifest, with their decoders."""

from __future__ import annotations

import copy
import json
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
from tiny import ENTITIES, write_release

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
    "entity": entity_decoder(),
    "decision": default_scheme().decision_decoder,
    "manifest": manifest_decoder(),
}
VALID = {
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


def test_published_schemas_list_the_default_labels() -> None:
    # The allowed labels of design.md and of the guideline, in the order of the alphabet.
    schemas = published_schemas()
    entity = schemas["entity"]["$defs"]["Entity"]["properties"]
    assert entity["type"]["enum"] == ["EVENT", "FAC", "GPE", "LOC", "NORP", "ORG", "PER"]
    reading = schemas["decision"]["$defs"]["Reading"]["properties"]
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


def _definitions(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{kind}.{key}", described)
        for kind, definition in schema["$defs"].items()
        for key, described in definition["properties"].items()
    ]


def test_every_option_of_the_manifest_has_description_example_and_default() -> None:
    schema = manifest_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for key, described in _definitions(schema):
        assert described["description"].strip(), key
        assert described["examples"], key
        assert "default" in described or key.startswith("Layers."), key
        validator = jsonschema.Draft202012Validator({**described, "$defs": schema["$defs"]})
        for value in [*described["examples"], *([described["default"]] if "default" in described else [])]:
            assert list(validator.iter_errors(value)) == [], f"{key}: {value}"
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


ODD_VALUES = st.sampled_from([None, True, 0, 1.5, "", "x", "PER", [], ["x"], [None], [[]], {}, {"x": "y"}, {"x": 1}])


@st.composite
def changed(draw: st.DrawFn) -> tuple[str, Any]:
    """A valid value with one to three positions replaced, removed or added to."""
    name = draw(st.sampled_from(sorted(VALID)))
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
                parent[draw(st.sampled_from(["extra", "labels", "types", "kind", "label", "layers"]))] = odd
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


@given(changed().filter(lambda case: case[0] == "manifest"))
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


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        # Everything that the schema sees is said at once, with what may stand there.
        (
            {"layers": {"stance": {"holders": 1}, "entites": {}}},
            [("RT203", "/layers/entites"), ("RT201", "/layers/stance/holders")],
        ),
        ({"layers": {"stance": {"labels": ["a", "b"], "neutral": "c"}}}, [("RT208", "/layers/stance")]),
        ({"layers": {"stance": {}}, "tracks": {"claims": ["claims.span.f1"]}}, [("RT208", "/tracks/claims")]),
        ({"overall": ["stances"]}, [("RT208", "/overall")]),
    ],
)
def test_load_refuses_a_manifest_that_is_at_fault(
    tiny_folder: Path, manifest: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    (tiny_folder / "corpus.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(FindingsError) as caught:
        load_corpus(tiny_folder)
    assert [(each.code, each.pointer) for each in caught.value.findings] == expected


def test_changed_manifest_is_a_modified_corpus(tiny_folder: Path) -> None:
    write_release(tiny_folder)
    assert not load_corpus(tiny_folder).digest.startswith("modified-")
    (tiny_folder / "corpus.json").write_bytes(encode(Manifest()))
    assert load_corpus(tiny_folder).digest.startswith("modified-")
