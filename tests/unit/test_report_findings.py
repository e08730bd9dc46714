"""Renderers of findings, on findings made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attr
import jsonschema
import msgspec
import pytest
import sarif_om

from paths import BAD_FILES
from retold import __version__
from retold.corpus.load import Corpus
from retold.model.findings import Finding, context_of, shorten
from retold.report.findings import STYLES, render_findings, render_json, render_sarif, render_text, rules_table
from retold.rules import RULES
from retold.validation.roles import FileRole
from retold.validation.validate import Report, validate

ERROR = Finding(
    code="RT403",
    severity="error",
    message="the span's text is 'a', the document has 'b' at 1 to 2",
    hint="The text stands at 3 to 4.",
    file="x/mine.jsonl",
    line=3,
    pointer="/entities/0/text",
    document="flood-0",
)
COLUMN = Finding(
    code="RT102", severity="error", message="malformed", hint="Mend it.", file="x/mine.jsonl", line=4, column=9
)
WARNING = Finding(
    code="RT105", severity="warning", message="the line is blank", hint="Remove it.", file="b.jsonl", line=1
)
NOWHERE = Finding(code="RT111", severity="error", message="the file has no records", hint="Write some.", file="b.jsonl")
NASTY = Finding(
    code="RT203",
    severity="error",
    message="50% of\r\nit: \x1b[31m, a ::error::",
    hint="a,b:c",
    file="dir,1/a:b\udcff.jsonl",
    line=1,
)


def report(*findings: Finding, **counts: Any) -> Report:
    return Report(findings=list(findings), files=counts.pop("files", 1), records=counts.pop("records", 2), **counts)


def test_render_text() -> None:
    assert render_findings(report(ERROR, COLUMN, WARNING, files=2, records=7), "text") == (
        "x/mine.jsonl:3: error RT403 the span's text is 'a', the document has 'b' at 1 to 2 [/entities/0/text]\n"
        "    The text stands at 3 to 4.\n"
        "x/mine.jsonl:4:9: error RT102 malformed\n"
        "    Mend it.\n"
        "b.jsonl:1: warning RT105 the line is blank\n"
        "    Remove it.\n"
        "\n"
        "1  RT102 malformed-json\n"
        "1  RT105 blank-line\n"
        "1  RT403 text-differs\n"
        "7 records in 2 files: 2 errors, 1 warning\n"
    )


def test_render_text_without_findings() -> None:
    assert render_findings(report(records=1), "text") == "1 record in 1 file: no findings\n"
    assert render_text([]) == ""


def test_render_text_counts_suppressed_findings() -> None:
    shown = render_findings(report(ERROR, suppressed=5, suppressed_errors=4), "text")
    assert shown.endswith("2 records in 1 file: 5 errors, 1 warning (5 not shown)\n")


def test_render_text_lists_codes_by_frequency() -> None:
    found = report(ERROR, suppressed=10, suppressed_errors=1, codes={"RT105": 9, "RT403": 1, "RT404": 1})
    assert render_findings(found, "text").endswith(
        "    The text stands at 3 to 4.\n\n9  RT105 blank-line\n1  RT403 text-differs\n"
        "1  RT404 white-space-at-the-edge\n2 records in 1 file: 2 errors, 9 warnings (10 not shown)\n"
    )
    assert json.loads(render_findings(found, "json"))["codes"] == {"RT105": 9, "RT403": 1, "RT404": 1}


@pytest.mark.parametrize(
    ("text", "words", "shown"),
    [
        ("Bo Berg spoke.", "Bo Berg", ["Bo Berg spoke.", "^^^^^^^"]),
        # The wave takes two columns; line end and non-breaking space are made visible and take one.
        ("🌊\nBo\xa0Berg.", "Bo\xa0Berg", ["🌊⏎Bo⍽Berg.", "   ^^^^^^^"]),
        # A combining accent takes no column.
        ("e\u0301 Bo", "Bo", ["e\u0301 Bo", "  ^^"]),
        ("a\x1bb Bo", "Bo", ["a\\x1bb Bo", "       ^^"]),
    ],
)
def test_render_text_puts_carets_under_the_span(text: str, words: str, shown: list[str]) -> None:
    start = text.index(words)
    found = msgspec.structs.replace(ERROR, context=context_of(text, start, start + len(words)))
    _, *drawn, _ = render_text([found]).splitlines()
    assert [line.removeprefix("    | ") for line in drawn] == shown


def test_context_of_shortens_long_text() -> None:
    text = "a" * 100 + "B" * 100 + "c" * 100
    context = context_of(text, 100, 200)
    assert context.text == "…" + "a" * 32 + "B" * 40 + "…" + "B" * 19 + "c" * 32 + "…"
    assert context.text[context.start : context.end] == "B" * 40 + "…" + "B" * 19
    (found,) = json.loads(render_json(report(msgspec.structs.replace(ERROR, context=context))))["findings"]
    assert found["context"] == {"text": context.text, "start": 33, "end": 93}


@pytest.mark.parametrize(("start", "end"), [(9, 4), (-3, 2), (12, 99), (500, 600)])
def test_context_of_invalid_offsets(start: int, end: int) -> None:
    context = context_of("Bo Berg spoke.", start, end)
    assert 0 <= context.start <= context.end <= len(context.text)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("short", "'short'"),
        ("a" * 50 + "b" * 1_000_000, "'" + "a" * 39 + "…" + "b" * 14 + "'"),
        ({"a": 1}, "{'a': 1}"),
        ([[1], [2]], "a list of 2 items"),
        (dict.fromkeys(range(9)), "an object with 9 keys"),
    ],
)
def test_shorten(value: object, shown: str) -> None:
    assert shorten(value) == shown


def test_render_text_counts_findings_that_differ_in_numbers_only() -> None:
    alike = [
        msgspec.structs.replace(
            NOWHERE, line=n, pointer=f"/entities/{n}/end", message=f"expected an integer, got {n}.0"
        )
        for n in range(1, 9)
    ]
    other = msgspec.structs.replace(ERROR, file="b.jsonl", line=9)
    shown = render_text([*alike, other, WARNING]).splitlines()
    assert [line for line in shown if not line.startswith("    ")] == [
        *(f"b.jsonl:{n}: error RT111 expected an integer, got {n}.0 [/entities/{n}/end]" for n in (1, 2, 3)),
        f"b.jsonl:9: error RT403 {ERROR.message} [{ERROR.pointer}]",
        "b.jsonl:1: warning RT105 the line is blank",
    ]
    assert shown[6] == "    and 5 more like it in this file"
    assert len(json.loads(render_json(report(*alike)))["findings"]) == 8


def test_warnings_of_a_guess_are_one_for_each_rule() -> None:
    guess = FileRole("b.jsonl", "annotation", "so it seems", certain=False)
    errors = [msgspec.structs.replace(NOWHERE, message=text) for text in "ab"]
    warnings = [msgspec.structs.replace(WARNING, message=text) for text in "abcd"]
    shown = render_findings(report(*warnings, *errors, roles=[guess]), "text")
    assert "--role prediction" in shown
    assert (shown.count("warning RT105"), shown.count("error RT111")) == (1, 2)
    assert "    and 3 more like it in this file\n" in shown


def test_render_text_without_a_location() -> None:
    bare = Finding(code="RT111", severity="error", message="nothing", hint="Write.")
    assert render_text([bare]).startswith("error RT111 nothing\n")
    assert render_text([NOWHERE]).startswith("b.jsonl: error RT111 the file has no records\n")


def test_render_text_in_colour() -> None:
    assert "\x1b" not in render_text([ERROR, WARNING])
    coloured = render_text([ERROR, WARNING], color=True)
    assert "\x1b[31m\x1b[1merror RT403\x1b[0m" in coloured
    assert "\x1b[33m\x1b[1mwarning RT105\x1b[0m" in coloured


def test_render_text_escapes_control_characters() -> None:
    shown = render_text([NASTY])
    assert "\x1b" not in shown
    assert "\\x1b[31m" in shown
    assert len(shown.splitlines()) == 2
    shown.encode()


def test_render_json() -> None:
    out = json.loads(render_findings(report(ERROR, WARNING, files=2, records=7, suppressed=1), "json"))
    assert {key: value for key, value in out.items() if key != "findings"} == {
        "version": __version__,
        "files": 2,
        "records": 7,
        "errors": 1,
        "warnings": 2,
        "suppressed": 1,
        "codes": {"RT105": 1, "RT403": 1},
        "roles": [],
    }
    assert out["findings"][0] == {
        "code": "RT403",
        "name": "text-differs",
        "severity": "error",
        "file": "x/mine.jsonl",
        "line": 3,
        "column": None,
        "pointer": "/entities/0/text",
        "document": "flood-0",
        "message": ERROR.message,
        "hint": ERROR.hint,
        "cure": ERROR.hint,
        "context": None,
    }


def test_render_github() -> None:
    assert render_findings(report(ERROR, COLUMN, WARNING), "github") == (
        "::error file=x/mine.jsonl,line=3,title=RT403 text-differs::"
        "the span's text is 'a', the document has 'b' at 1 to 2 [/entities/0/text]%0AThe text stands at 3 to 4.\n"
        "::error file=x/mine.jsonl,line=4,col=9,title=RT102 malformed-json::malformed%0AMend it.\n"
        "::warning file=b.jsonl,line=1,title=RT105 blank-line::the line is blank%0ARemove it.\n"
    )


def test_render_github_escapes() -> None:
    # Escapes as in actions/toolkit, packages/core/src/command.ts: % CR LF, and in properties also : and comma.
    (line,) = render_findings(report(NASTY), "github").splitlines()
    assert line.startswith("::error file=dir%2C1/a%3Ab\\udcff.jsonl,line=1,title=RT203 unknown-key::50%25 of%0D%0Ait")


def test_report_sarif() -> None:
    out = json.loads(render_findings(report(ERROR, COLUMN, WARNING, NOWHERE), "sarif"))
    assert out["version"] == "2.1.0"
    (run,) = out["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "retold"
    assert [rule["id"] for rule in driver["rules"]] == ["RT102", "RT105", "RT111", "RT403"]
    assert driver["rules"][3]["shortDescription"]["text"] == RULES["RT403"].what
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    first, second, third, fourth = run["results"]
    assert first["level"] == "error"
    assert first["message"]["text"] == f"{ERROR.message}\n{ERROR.hint}"
    assert first["locations"] == [
        {
            "physicalLocation": {"artifactLocation": {"uri": "x/mine.jsonl"}, "region": {"startLine": 3}},
            "logicalLocations": [{"fullyQualifiedName": "/entities/0/text"}],
        }
    ]
    assert first["properties"] == {"document": "flood-0"}
    assert second["properties"] == {"byteColumn": 9}
    assert third["level"] == "warning"
    assert "region" not in fourth["locations"][0]["physicalLocation"]


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("a b/ü.jsonl", "a%20b/%C3%BC.jsonl"),
        ("/abs/x.jsonl", "file:///abs/x.jsonl"),
        ("s3://bucket/x.jsonl", "s3://bucket/x.jsonl"),
        ("a:b\udcff.jsonl", "a%3Ab%FF.jsonl"),
    ],
)
def test_render_sarif_uris(file: str, uri: str) -> None:
    found = Finding(code="RT111", severity="error", message="m", hint="c", file=file)
    (result,) = json.loads(render_findings(report(found), "sarif"))["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


@pytest.mark.parametrize("style", STYLES)
def test_every_style_renders_any_text(style: str) -> None:
    nasty: list[Any] = [NASTY, Finding(code="RT999", severity="warning", message="", hint="")]
    for findings in ([], nasty):
        render_findings(report(*findings), style).encode()


def test_rules_table() -> None:
    head, rule, *rows = rules_table("markdown").splitlines()
    assert head == "| code | rule | severity | what is wrong | why it matters | example | hint |"
    assert rule == "|---|---|---|---|---|---|---|"
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == sorted(RULES)
    assert all(row.replace("\\|", "").count("|") == 8 for row in rows)
    by_code = {row.split(" | ")[0].removeprefix("| "): row.split(" | ")[1:3] for row in rows}
    assert by_code["RT401"] == ["end-not-after-start", "error"]
    assert by_code["RT404"] == ["white-space-at-the-edge", "gold: error, annotation: error, prediction: warning"]
    assert by_code["RT502"] == ["kb-id-differs", "gold: error"]


# --- SARIF against the standard ---------------------------------------------------------------------------------------

# The OASIS schema is in no package. Two things stand in for it: sarif-om, whose classes Microsoft generated from that
# schema and which names every property and the required ones; and the types and limits of what is written here, taken
# down from the standard (SARIF 2.1.0, sections 3.13 to 3.49) as a schema of its own.


def array(of: Any, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": of, **more}


def obj(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties}


STRING = {"type": "string"}
TEXT = obj("text", text=STRING)
RULE = obj("id", id=STRING, name=STRING, shortDescription=TEXT, fullDescription=TEXT, help=TEXT)
DRIVER = obj("name", name=STRING, semanticVersion=STRING, rules=array(RULE, uniqueItems=True))
#: Characters of a URI reference (RFC 3986).
URI = {"type": "string", "pattern": r"^[!#$%&'()*+,\-./:;=?@_~0-9A-Za-z\[\]]+$"}
LOCATION = obj(
    physicalLocation=obj(
        "artifactLocation", artifactLocation=obj(uri=URI), region=obj(startLine={"type": "integer", "minimum": 1})
    ),
    logicalLocations=array(obj(fullyQualifiedName=STRING), uniqueItems=True),
)
RESULT = obj(
    "message",
    ruleId=STRING,
    ruleIndex={"type": "integer", "minimum": -1},
    level={"enum": ["none", "note", "warning", "error"]},
    message=TEXT,
    locations=array(LOCATION),
    properties={"type": "object"},
)
SCHEMA = obj(
    "version",
    "runs",
    **{"$schema": {"type": "string", "format": "uri"}},
    version={"enum": ["2.1.0"]},
    runs=array(obj("tool", tool=obj("driver", driver=DRIVER), results=array(RESULT))),
)

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


def sarif_results(text: str) -> list[Any]:
    log = json.loads(text)
    jsonschema.Draft202012Validator(SCHEMA).validate(log)
    check_names(log, sarif_om.SarifLog)
    results: list[Any] = log["runs"][0]["results"]
    return results


def test_render_sarif_of_findings_made_by_hand() -> None:
    assert len(sarif_results(render_sarif(report(ERROR, COLUMN, WARNING, NOWHERE, NASTY)))) == 5


def test_render_sarif_of_no_findings() -> None:
    assert sarif_results(render_sarif(report())) == []


def test_render_sarif_of_every_bad_file(tiny_corpus: Corpus) -> None:
    for role in ("gold", "annotation", "prediction"):
        files: list[str | Path] = [path for path in BAD_FILES if path.name.split(".")[1] == role]
        found = validate(files, tiny_corpus, role=role)
        assert len(sarif_results(render_sarif(found))) == len(found.findings) == len(files)


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
def test_the_check_of_sarif_itself_refuses(spoil: dict[str, Any]) -> None:
    with pytest.raises((jsonschema.ValidationError, AssertionError)):
        sarif_results(json.dumps({"version": "2.1.0", "runs": [], **spoil}))
