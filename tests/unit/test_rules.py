"""Rules: one smallest bad file for each code, the table, and decoding whatever the bytes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from files import edit as edit_file
from paths import BAD_FILES
from retold import reading
from retold.corpus.load import Corpus, load_corpus
from retold.io import jsonl
from retold.layers.scheme import default_scheme
from retold.layers.views import ViewContext
from retold.model.annotations import AnnotationRecord, CanonicalClaim, Document, Entity, Event, Span, encode
from retold.rules import RULES, corpus, located, missing_documents
from retold.rules.registry import declare, finding, nearest
from retold.validation.validate import validate
from tiny import TEXTS, gold_of, write_release

SCHEME = default_scheme()
decode_record, check_record = SCHEME.decoder.decode, SCHEME.check


@pytest.mark.parametrize("path", BAD_FILES, ids=lambda path: path.stem)
def test_bad_file_gives_only_its_code(path: Path, tiny_corpus: Corpus) -> None:
    code, role, _ = path.name.split(".")
    report = validate([path], tiny_corpus, role=role)  # type: ignore[arg-type]
    assert [found.code for found in report.findings] == [code]
    found = report.findings[0]
    assert found.file == str(path)
    assert found.line is not None or code in ("RT111", "RT303", "RT310", "RT311", "RT312", "RT409")
    assert found.severity == RULES[code].severity[role]  # type: ignore[index]
    assert found.message
    assert found.hint


def examples_of(text: str) -> list[Any]:
    """The JSON objects of a text, in order. Raises if a brace opens none."""
    # NaN equals nothing, its name does.
    decoder = json.JSONDecoder(parse_constant=str)
    objects, place = [], text.find("{")
    while place >= 0:
        value, place = decoder.raw_decode(text, place)
        objects.append(value)
        place = text.find("{", place)
    return objects


@pytest.mark.parametrize("code", sorted(RULES))
def test_json_in_examples_parses(code: str) -> None:
    example_of_rule = RULES[code].example
    if code == "RT102":
        with pytest.raises(json.JSONDecodeError):
            examples_of(example_of_rule)
    else:
        assert all(isinstance(value, dict) and value for value in examples_of(example_of_rule))


def holds(whole: Any, part: Any) -> bool:
    """Whether ``part`` is ``whole`` with some keys and items left out."""
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(key in whole and holds(whole[key], value) for key, value in part.items())
    if isinstance(whole, list) and isinstance(part, list):
        items = iter(whole)
        return all(any(holds(item, value) for item in items) for value in part)
    return bool(whole == part and type(whole) is type(part))


def objects_within(value: Any) -> list[Any]:
    """A JSON value and all values in it."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value, *(found for item in inner for found in objects_within(item))]


@pytest.mark.parametrize("path", BAD_FILES, ids=lambda path: path.stem)
def test_examples_are_taken_from_the_bad_files(path: Path) -> None:
    code = path.name.partition(".")[0]
    text = path.read_bytes().decode("latin-1" if code == "RT101" else "utf-8")
    if code == "RT102":
        assert f"`{text.strip()}`" in RULES[code].example
        return
    within = objects_within(examples_of(text))
    assert all(any(holds(value, part) for value in within) for part in examples_of(RULES[code].example))


def test_declare_refuses_a_code_twice() -> None:
    with pytest.raises(ValueError, match="declared twice"):
        declare("RT101", "again", "What.\n\nWhy.\n\nExample: One.\n\nHint: None.")


@pytest.mark.parametrize(
    ("documentation", "missing"),
    [
        ("What.\n\nWhy.\n\nHint: None.", "example"),
        ("What.\n\nWhy.\n\nExample:\n\nHint: None.", "example"),
        ("What.\n\nWhy.\n\nExample: One.", "hint"),
        ("What.\n\nExample: One.\n\nHint: None.", "why"),
        ("", "what, why, example, hint"),
    ],
)
def test_declare_refuses_incomplete_documentation(documentation: str, missing: str) -> None:
    with pytest.raises(ValueError, match=f"RT999 lacks: {missing}$"):
        declare("RT999", "half", documentation)
    assert "RT999" not in RULES


def test_finding_refuses_a_role_of_no_severity() -> None:
    with pytest.raises(ValueError, match="does not apply"):
        finding("RT502", "never", role="prediction")


def codes(line: bytes) -> list[str]:
    return [found.code for found in decode_record(line, number=7, file="f")[1]]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"", ["RT105"]),
        (b" \t", ["RT105"]),
        (b"\xff", ["RT101"]),
        (b'\xff\xfe{\x00"\x00', ["RT101"]),
        (b"{", ["RT102"]),
        (b"nul", ["RT102"]),
        (b'{"document_id": "a"} {"document_id": "b"}', ["RT102"]),
        (b'{"document_id": "a\x01"}', ["RT102"]),
        (b'{"document_id": "a", "document_id": "a"}', ["RT103"]),
        (b'{"document_id": "a", "stance": [{"holder": "h", "holder": "h", "label": "none"}]}', ["RT103", "RT202"]),
        (b'\xef\xbb\xbf{"document_id": ""}', ["RT104", "RT206"]),
        (b"\xef\xbb\xbf{", ["RT104", "RT102"]),
        (b'{"document_id": "\\ud800"}', ["RT107"]),
        (b'{"document_id": "a", "\\udc00": 1}', ["RT107", "RT203"]),
        (b'{"document_id": 1' + b"0" * 5000 + b"}", ["RT108"]),
        (b'{"document_id": "a", "x": 1e999}', ["RT109", "RT203"]),
        (b'{"document_id": "a", "x": -Infinity}', ["RT109", "RT203"]),
        (b"[" * 100_000, ["RT112"]),
        (b'{"document_id": ' + b"[" * 900 + b"]" * 900 + b"}", ["RT112"]),
        (b"null", ["RT201"]),
        (b"{}", ["RT202"]),
        (
            b'{"documentid": "a", "entities": [{"start": 1.0, "type": "PERS"}], "stance": {}, "claims": [3]}',
            ["RT202", "RT201", "RT203", "RT202", "RT201", "RT204", "RT201"],
        ),
    ],
)
def test_decode_record_reports_everything(line: bytes, expected: list[str]) -> None:
    assert sorted(codes(line)) == sorted(expected)
    assert codes(line) == codes(line)


def test_column_of_malformed_json_counts_bytes() -> None:
    line = '{"document_id": "🌊" x}'.encode()
    (found,) = decode_record(line, number=7, file="f")[1]
    # json points at what stands where a comma should; the wave before it has four bytes.
    assert found.column == line.index(b"x") + 1
    assert (found.file, found.line) == ("f", 7)


NEAREST: list[tuple[str, dict[str, Any], str]] = [
    ("key", {"stanse": []}, "stance"),
    ("label", {"verification": [{"claim": "dam-costs-5", "label": "Refute", "evidence": [1]}]}, "refuted"),
    ("type", {"entities": [{"start": 15, "end": 19, "type": "PERS", "entity": "vale"}]}, "PER"),
    ("kind", {"entities": [{"start": 15, "end": 19, "type": "GPE", "kind": "names"}]}, "name"),
    ("entity", {"entities": [{"start": 15, "end": 19, "type": "GPE", "entity": "valle"}]}, "vale"),
    ("holder", {"stance": [{"holder": "authors", "target": "dam", "label": "none"}]}, "author"),
    ("target", {"stance": [{"holder": "author", "target": "damm", "label": "none"}]}, "dam"),
    ("claim", {"verification": [{"claim": "dam-cost-5", "label": "supported", "evidence": [1]}]}, "dam-costs-5"),
    (
        "claim of a span",
        {"claims": [{"start": 64, "end": 70, "source": "author", "claim": "dam-cst-5"}]},
        "dam-costs-5",
    ),
    ("source", {"claims": [{"start": 64, "end": 70, "source": "autor"}]}, "author"),
    ("document", {"document_id": "flod-1"}, "flood-1"),
]


@pytest.mark.parametrize(("record", "right"), [row[1:] for row in NEAREST], ids=[row[0] for row in NEAREST])
def test_hints_name_the_nearest_key(record: dict[str, Any], right: str, tiny_corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({"document_id": "flood-0", **record}), encoding="utf-8")
    hints = [found.hint for found in validate([path], tiny_corpus, role="annotation").findings]
    assert f"Did you mean {right!r}?" in hints


def test_findings_about_spans_have_context(tiny_corpus: Corpus) -> None:
    mention = {"start": 15, "end": 19, "type": "PER", "entity": "vale"}
    record = msgspec.convert({"document_id": "flood-0", "entities": [mention], "claims": []}, AnnotationRecord)
    doc = tiny_corpus.documents["flood-0"]
    (found,) = check_record(record, role="annotation", document=doc, vocabulary=tiny_corpus.vocabulary(doc))
    assert found.context is not None
    assert found.context.text == "River rises in\xa0Vale 🌊\nBy Ann Lee\nMayor Bo Berg aske…"
    assert found.context.text[found.context.start : found.context.end] == "Vale"
    # Without the document there is no text to show, and about a key of the record there is none.
    (bare,) = check_record(record, role="annotation", document=None, vocabulary=tiny_corpus.vocabulary(doc))
    assert bare.context is None
    of_keys = [f for f in check_record(record, role="gold", document=doc, vocabulary=None) if f.pointer == ""]
    assert of_keys
    assert all(found.context is None for found in of_keys)


def test_pointer_to_escapes() -> None:
    (found,) = decode_record(b'{"document_id": "a", "x/y~z": 1}', number=1, file="f")[1]
    assert found.pointer == "/x~1y~0z"
    assert found.document == "a"


def test_decode_record_with_a_byte_order_mark() -> None:
    record, findings = decode_record(b'\xef\xbb\xbf{"document_id": "a"}', number=1, file="f")
    assert record == SCHEME.record_type(document_id="a")
    assert [found.code for found in findings] == ["RT104"]


def test_nearest_gives_nothing_to_what_is_like_nothing() -> None:
    assert nearest("zzz", ["stance"]) is None
    assert nearest(3, ["stance"]) is None


@given(st.one_of(st.binary(max_size=300), st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace"))))
@example(b"\x00")
@example(b'"' + b"\\" * 99)
def test_decode_record_never_raises(line: bytes) -> None:
    record, findings = decode_record(line, number=1, file="f")
    assert (record is None) == bool(findings)


@given(st.data())
def test_decode_record_reports_any_corruption(data: st.DataObject) -> None:
    good = encode(
        msgspec.convert(
            {"document_id": "flood-0", "entities": [{"start": 1, "end": 2, "type": "PER", "text": "é🌊\n"}]},
            AnnotationRecord,
        )
    )
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, len(good)))
    line = good[:start] + data.draw(st.binary(max_size=4)) + good[end:]
    record, findings = decode_record(line, number=1, file="f")
    assert record is not None or findings
    if record is not None and not findings:
        assert msgspec.json.decode(line, type=SCHEME.record_type) == record


def test_decode_record_gives_one_type_however_lines_are_written() -> None:
    # Records of two files are compared with ==, which is False for structs of different types.
    short, full = (
        f'{{"document_id":"a","entities":[{{"start":1,"end":2,{kind}"type":"PER"}}]}}'.encode()
        for kind in ("", '"kind":"name",')
    )
    records = [decode_record(line, number=1, file="f")[0] for line in (full, short, full, short)]
    assert all(record == records[0] for record in records)


# Duplicate keys pass the typed decoder; the check beside it must miss none.

STRINGS = st.sampled_from(["kind", "name", 'a"b', "\\", '\\"', "{", "}{", "é", "\n", '"kind":', "x"])


@st.composite
def texts_with_keys(draw: st.DrawFn) -> bytes:
    """A line that the decoder takes, written with or without blanks, with some keys given twice."""
    spaced = draw(st.booleans())
    escaped = draw(st.booleans())

    def written(value: Any) -> str:
        if isinstance(value, list):
            return "[" + ("," + " " * spaced).join(written(item) for item in value) + "]"
        if not isinstance(value, dict):
            return json.dumps(value, ensure_ascii=escaped)
        pairs = list(value.items())
        if pairs and draw(st.integers(0, 5)) == 0:
            pairs.append(draw(st.sampled_from(pairs)))
        pairs = draw(st.permutations(pairs))
        colon = ":" + " " * spaced
        return "{" + ("," + " " * spaced).join(json.dumps(k) + colon + written(v) for k, v in pairs) + "}"

    mention = st.fixed_dictionaries(
        {"start": st.integers(0, 3), "end": st.integers(0, 3), "type": st.sampled_from(["PER", "GPE"])},
        optional={
            "kind": st.sampled_from(["name", "nominal"]),
            "text": STRINGS,
            "entity": STRINGS,
            "kb_id": st.none() | STRINGS,
        },
    )
    cell = st.fixed_dictionaries(
        {"holder": STRINGS, "target": STRINGS, "label": st.just("none")},
        optional={"scores": st.just({"favor": 0.5, "against": 0.5, "none": 0}), "evidence": st.just([1])},
    )
    record = draw(
        st.fixed_dictionaries(
            {"document_id": STRINGS.filter(str.isprintable)},
            optional={"entities": st.lists(mention, max_size=3), "stance": st.lists(cell, max_size=2)},
        )
    )
    return written(record).encode()


def repeats_a_key(line: bytes) -> bool:
    found = []

    def hook(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found.append(len(dict(pairs)) != len(pairs))
        return dict(pairs)

    json.loads(line, object_pairs_hook=hook)
    return any(found)


@given(texts_with_keys())
@example(
    b'{"document_id":"a","entities":[{"kind":"name","kind":"name","start":1,"end":2,"type":"PER"},'
    b'{"start":1,"end":2,"type":"PER"}]}'
)
@example(
    b'{"document_id":"a","entities":[{"kind":"name","text":"{","kind":"name","start":1,"end":2,"type":"PER"},'
    b'{"start":1,"end":2,"type":"PER"}]}'
)
@example(b'{"document_id":"a","entities":[{"entity":"kind","start":1,"end":2,"type":"PER","type":"PER"}]}')
@example(b'{"document_id":"a","entities":[{"k\\u0069nd":"name","kind":"name","start":1,"end":2,"type":"PER"}]}')
def test_decode_record_finds_duplicate_keys_exactly(line: bytes) -> None:
    record, findings = decode_record(line, number=1, file="f")
    if repeats_a_key(line):
        assert record is None
        assert {found.code for found in findings} == {"RT103"}
    else:
        assert record is not None
        assert findings == []


# Records


def document(corpus: Corpus, key: str = "flood-0") -> Document:
    return corpus.documents[key]


def check(corpus: Corpus, record: dict[str, Any], role: Any, **given: Any) -> list[str]:
    doc = document(corpus)
    known: dict[str, Any] = {"document": doc, "vocabulary": corpus.vocabulary(doc), **given}
    return [f.code for f in check_record(SCHEME.convert(record), role=role, **known)]


@pytest.mark.parametrize("role", ["gold", "annotation", "prediction"])
def test_gold_of_the_tiny_corpus_is_clean_in_every_role(tiny_corpus: Corpus, role: str) -> None:
    assert check(tiny_corpus, gold_of("flood-0"), role) == []


def test_located_findings(tiny_corpus: Corpus) -> None:
    record = AnnotationRecord(document_id="flood-0", entities=[])
    bad = msgspec.convert(
        {"document_id": "flood-0", "entities": [{"start": 5, "end": 5, "type": "PER"}]}, AnnotationRecord
    )
    assert check_record(record, role="prediction", document=None, vocabulary=None) == []
    (found,) = check_record(bad, role="prediction", document=document(tiny_corpus), vocabulary=None)
    assert (found.pointer, found.document, found.file, found.line) == ("/entities/0/end", "flood-0", None, None)
    (placed,) = located([found], "f.jsonl", 3)
    assert (placed.file, placed.line, placed.pointer) == ("f.jsonl", 3, "/entities/0/end")


def test_check_record_without_document_or_vocabulary(tiny_corpus: Corpus) -> None:
    record = {
        "document_id": "flood-0",
        "entities": [{"start": 9000, "end": 9001, "type": "PER", "text": "?", "entity": "nobody"}],
        "stance": [{"holder": "nobody", "target": "nothing", "label": "none", "evidence": []}],
        "verification": [{"claim": "none", "label": "supported", "evidence": [99]}],
    }
    assert check(tiny_corpus, record, "annotation", document=None, vocabulary=None) == []


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("gold", ["RT408"]),
        ("annotation", ["RT408"]),
        # It reaches into the body and counts there.
        ("prediction", []),
    ],
)
def test_a_span_across_the_edge_of_a_zone(tiny_corpus: Corpus, role: str, expected: list[str]) -> None:
    start = TEXTS["flood-0"][1].index("Lee")
    entity = {
        "start": start,
        "end": start + 9,
        "type": "PER",
        "entity": "bo-berg",
        "text": "Lee\nMayor",
        "kb_id": "Q11",
    }
    record = {"document_id": "flood-0", "entities": [entity]}
    assert [code for code in check(tiny_corpus, record, role) if code.startswith("RT4")] == expected


@pytest.mark.parametrize(
    ("spans", "crossing"),
    [
        ([(0, 5), (0, 5)], 0),
        ([(0, 5), (5, 9)], 0),
        ([(0, 9), (2, 5), (5, 9)], 0),
        ([(0, 5), (3, 9)], 1),
        ([(3, 9), (0, 5)], 1),
        # The third span crosses the first, not the one that was opened last.
        ([(0, 10), (5, 15), (6, 12)], 2),
    ],
)
def test_crossing_spans(tiny_corpus: Corpus, spans: list[tuple[int, int]], crossing: int) -> None:
    claims = [{"start": start, "end": end, "source": "author"} for start, end in spans]
    found = check(tiny_corpus, {"document_id": "flood-0", "claims": claims}, "annotation")
    assert found.count("RT407") == crossing
    assert "RT407" not in check(tiny_corpus, {"document_id": "flood-0", "claims": claims}, "prediction")


@pytest.mark.parametrize(
    ("kb_id", "good"),
    [
        *(("Q1", True), ("Q3052772", True)),
        *((bad, False) for bad in ("", "Q", "Q0", "Q01", "q1", "Q12\n", " Q12", "Q١٢", "Q²", "P12", "QQ1")),
    ],
)
def test_wikidata_ids(kb_id: str, good: bool, tiny_corpus: Corpus) -> None:
    mention = {"start": 15, "end": 19, "type": "GPE", "kb_id": kb_id}
    found = check(tiny_corpus, {"document_id": "flood-0", "entities": [mention]}, "prediction")
    assert found == ([] if good else ["RT512"])


def test_a_message_names_the_first_documents_and_counts_the_rest() -> None:
    assert missing_documents([f"d{i}" for i in range(7)]).message == (
        "7 documents are missing: 'd0', 'd1', 'd2', 'd3', 'd4' and 2 more"
    )


def hints(corpus: Corpus, text: str, words: str, layer: str, **labels: Any) -> list[str]:
    """Codes of guideline hints on a span of a text of two sentences."""
    doc = msgspec.structs.replace(
        document(corpus), text=text, sentences=[Span(start=0, end=12), Span(start=13, end=len(text))]
    )
    start = text.index(words)
    record = {"document_id": "flood-0", layer: [{"start": start, "end": start + len(words), **labels}]}
    typed = SCHEME.convert(record)
    found = check_record(typed, role="annotation", document=doc, vocabulary=None)
    assert check_record(typed, role="prediction", document=doc, vocabulary=None) == []
    return [f.code for f in found if f.severity == "warning"]


@pytest.mark.parametrize(
    ("words", "kind", "expected"),
    [
        ("Macron", "name", []),
        ("Macron’s", "name", ["RT601"]),
        ("Macron’s office", "nominal", []),
        ("The Hague", "name", []),
        ("the mayor", "name", ["RT602"]),
        ("The mayor", "nominal", ["RT602"]),
        ("theatre hall", "nominal", []),
        ("in full. Macron", "name", ["RT603"]),
    ],
)
def test_hints_about_mentions(words: str, kind: str, expected: list[str], tiny_corpus: Corpus) -> None:
    text = "All in full. Macron’s office, The Hague, the mayor, The mayor of theatre hall"
    assert hints(tiny_corpus, text, words, "entities", type="PER", kind=kind) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("he paid 5", []),
        ("he paid 5,” she said.", ["RT604"]),
        ("“he paid 5", ["RT605"]),
        ("“he paid 5,”", []),
        ("he paid 5,”", ["RT605"]),
        ("in full. “he paid 5,”", ["RT603"]),
        ("in full.", ["RT604"]),
    ],
)
def test_hints_about_claims(words: str, expected: list[str], tiny_corpus: Corpus) -> None:
    text = "All in full. “he paid 5,” she said."
    assert hints(tiny_corpus, text, words, "claims", source="author") == expected


# Corpus


def changed(record: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(record, **changes)


def spans(*pairs: tuple[int, int]) -> list[dict[str, int]]:
    return [{"start": start, "end": end} for start, end in pairs]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"text": "River"}, ["RT701", "RT704"]),
        ({"seed_sha256": "0" * 64}, ["RT701"]),
        ({"event": "drought"}, ["RT712"]),
        *(({"published": text}, []) for text in (None, "2024", "2024-05", "2024-05-06T10:15Z")),
        *(({"published": text}, ["RT717"]) for text in ("2023-02-30", "2024-13", "May 6", "24-05-06")),
        ({"event_date": "2023-02-30"}, ["RT717"]),
        ({"event_date": ""}, []),
        ({"document_id": "Flood_0"}, ["RT709"]),
        ({"zones": []}, ["RT704"]),
        ({"zones": [{"start": 1, "end": 133, "zone": "body"}]}, ["RT704"]),
        ({"zones": [{"start": 0, "end": 132, "zone": "body"}]}, ["RT704"]),
        ({"zones": [{"start": 0, "end": 133, "zone": "boilerplate"}], "paragraphs": [], "sentences": []}, []),
        # One zone of boilerplate, and sentences that lie in it: 4 sentences, 3 paragraphs.
        ({"zones": [{"start": 0, "end": 133, "zone": "boilerplate"}]}, ["RT705"] * 7),
        # Title and body are left out: a title line and two body lines in two zones, twice.
        ({"paragraphs": [], "sentences": []}, ["RT705"] * 4),
    ],
)
def test_documents(tiny_corpus: Corpus, change: dict[str, Any], expected: list[str]) -> None:
    plain = {**msgspec.to_builtins(document(tiny_corpus)), **change}
    assert [f.code for f in corpus.check_document(msgspec.convert(plain, Document), "flood")] == expected


@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        ([(0, 21), (33, 116)], "is not inside one paragraph"),
        ([(0, 21), (33, 63), (60, 88), (89, 116)], "out of order"),
        ([(0, 21), (33, 64), (64, 88), (89, 116)], "begins or ends with white space"),
        ([(0, 21), (33, 63), (89, 116)], "do not cover"),
        ([(0, 21), (33, 63), (64, 88), (89, 500)], "outside the text"),
        ([(0, 32), (33, 63), (64, 88), (89, 116)], "is not inside one title or body zone"),
    ],
)
def test_invalid_sentences(tiny_corpus: Corpus, sentences: list[tuple[int, int]], message: str) -> None:
    plain = {**msgspec.to_builtins(document(tiny_corpus)), "sentences": spans(*sentences)}
    found = corpus.check_document(msgspec.convert(plain, Document), "flood")
    assert {f.code for f in found} == {"RT705"}
    assert any(message in f.message for f in found)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"kb_id": "Q1x"}, ["RT512"]),
        ({"kb_id": None}, ["RT713"]),
        ({"kb_status": "nil"}, ["RT713"]),
        ({"entity": "Bo Berg"}, ["RT709"]),
        ({"entity": "bo--berg"}, ["RT709"]),
        ({"entity": "bó"}, ["RT709"]),
    ],
)
def test_entities(tiny_corpus: Corpus, change: dict[str, Any], expected: list[str]) -> None:
    entity: Entity = changed(tiny_corpus.events["flood"].entities["bo-berg"], **change)
    found = corpus.check_entity(entity) + SCHEME.layers["entities"].check_catalogue(entity)
    assert [f.code for f in found] == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"mutation": None}, ["RT707"]),
        ({"mutation_of": None}, ["RT707"]),
        ({"mutation_of": "dam-costs-8"}, ["RT707"]),
        ({"mutation_of": "dam-costs-9"}, ["RT707"]),
        ({"mutation_of": None, "mutation": None}, []),
    ],
)
def test_mutations(tiny_corpus: Corpus, change: dict[str, Any], expected: list[str]) -> None:
    claims = tiny_corpus.events["flood"].claims
    claim: CanonicalClaim = changed(claims["dam-costs-9"], **change)
    assert [f.code for f in corpus.check_claim(claim, claims)] == expected


def test_event(tiny_corpus: Corpus) -> None:
    event: Event = tiny_corpus.events["flood"].event
    needed = ("holders", "targets")
    assert corpus.check_event(event, "flood", {"bo-berg"}, needed) == []
    assert [f.code for f in corpus.check_event(event, "drought", set(), needed)] == ["RT712", "RT304"]
    bare = changed(event, title="", date="May 2024", description="", holders=[], targets=[])
    assert {f.pointer for f in corpus.check_event(bare, "flood", set(), needed) if f.code == "RT715"} == {
        "/title", "/date", "/description", "/holders", "/targets",
    }  # fmt: skip
    twice = changed(event, holders=[*event.holders, event.holders[0]], targets=[event.targets[0]] * 2)
    assert [f.code for f in corpus.check_event(twice, "flood", {"bo-berg"}, needed)] == ["RT711", "RT711"]


def test_valid_input_does_not_import_jsonschema() -> None:
    program = (
        "import sys; from retold.layers.scheme import default_scheme;"
        "assert default_scheme().decoder.decode(b'{\"document_id\": \"a\"}', number=1, file='f')[1] == [];"
        "assert 'jsonschema' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# Codes that a small file of records cannot show: each row spoils the tiny corpus in one place

Spoil = Callable[[Path, pytest.MonkeyPatch], None]


def edit(file: str, old: str, new: str) -> Spoil:
    """Replace one piece of a file of the event."""

    def spoil(folder: Path, _: pytest.MonkeyPatch) -> None:
        edit_file(folder / "events" / "flood" / file, (old, new))

    return spoil


def append(file: str, record: dict[str, Any]) -> Spoil:
    """Add a line to a file of the event."""

    def spoil(folder: Path, _: pytest.MonkeyPatch) -> None:
        path = folder / "events" / "flood" / file
        path.write_text(path.read_text(encoding="utf-8") + json.dumps(record) + "\n", encoding="utf-8")

    return spoil


def long_line(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(jsonl, "MAX_LINE", 5000)
    path = folder / "events" / "flood" / "annotators" / "reader-1.jsonl"
    path.write_bytes(b" " * 5001)


def torn_parquet(folder: Path, _: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    (folder / "predictions.parquet").write_bytes(b"PAR1 torn")


def another_format(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reading, "MAX_INVALID", 3)
    (folder / "mine.jsonl").write_bytes(b"{words\n" * 5)


def refusing_decoder(folder: Path, patch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def decode(self, _: bytes) -> Any:
            raise msgspec.DecodeError("not today")

    patch.setattr(default_scheme().decoder, "_decoders", [Refusing()])
    (folder / "mine.jsonl").write_text('{"document_id": "flood-0"}\n', encoding="utf-8")


def other_words(old: str, new: str, layer: str, **labels: str) -> Spoil:
    """Put words of the same length into the first document, and annotate them in mine.jsonl."""
    assert len(old) == len(new)

    def spoil(folder: Path, patch: pytest.MonkeyPatch) -> None:
        edit("documents.jsonl", old, new)(folder, patch)
        start = TEXTS["flood-0"][1].index(old)
        record = {"document_id": "flood-0", layer: [{"start": start, "end": start + len(old), **labels}]}
        (folder / "mine.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")

    return spoil


def stale_view(folder: Path, _: pytest.MonkeyPatch) -> None:
    corpus = load_corpus(folder)
    from retold.corpus import views

    (folder / "views").mkdir()
    (event,) = corpus.events.values()
    context = ViewContext(event.event, event.entities, event.claims)
    for table in views.tables_of(corpus.scheme):
        rows = views.rows(table, context, list(corpus.documents.values()), corpus.gold, corpus.scheme)
        text = "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows)
        (folder / "views" / f"{table}.jsonl").write_text(text, encoding="utf-8")
    assert validate(None, corpus).findings == []
    path = folder / "views" / "stance.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("favor", "against", 1), encoding="utf-8")


def stale_release(folder: Path, _: pytest.MonkeyPatch) -> None:
    write_release(folder)
    path = folder / "events" / "flood" / "event.json"
    path.write_bytes(path.read_bytes() + b"\n")


def invalid_manifest(folder: Path, _: pytest.MonkeyPatch) -> None:
    manifest = {"layers": {"stance": {"labels": ["support", "deny"], "neutral": "none"}}}
    (folder / "corpus.json").write_text(json.dumps(manifest), encoding="utf-8")


def renamed_folder(folder: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "events" / "flood").rename(folder / "events" / "drought")


BERG = {"entity": "berg", "name": "B", "type": "PER", "kb_id": None, "kb_status": "nil", "aliases": {}}
UNSAID = {"claim": "unsaid", "text": "Nobody says it.", "mutation_of": None, "mutation": None}

#: Code -> (how the corpus is spoilt, the file to validate or None for the corpus, findings to leave out).
FAULTS: dict[str, tuple[Spoil, str | None, tuple[str, ...]]] = {
    "RT106": (long_line, "events/flood/annotators/reader-1.jsonl", ()),
    "RT110": (torn_parquet, "predictions.parquet", ()),
    "RT113": (another_format, "mine.jsonl", ("RT102",)),
    "RT207": (refusing_decoder, "mine.jsonl", ()),
    "RT208": (invalid_manifest, ".", ()),
    "RT601": (other_words("Bo Berg", "Bo Be’s", "entities", type="PER", entity="bo-berg"), "mine.jsonl", ()),
    "RT605": (other_words("The dam", "“he dam", "claims", source="author"), "mine.jsonl", ()),
    "RT701": (edit("documents.jsonl", '"seed_sha256": "', '"seed_sha256": "0'), None, ()),
    "RT702": (stale_view, None, ()),
    "RT703": (append("entities.jsonl", BERG), None, ()),
    "RT704": (edit("documents.jsonl", '"zones": [{"start": 0', '"zones": [{"start": 1'), None, ()),
    "RT705": (edit("documents.jsonl", '{"start": 64, "end": 88}', '{"start": 65, "end": 88}'), None, ()),
    "RT706": (stale_release, None, ()),
    "RT707": (edit("claims.jsonl", '"mutation": "number"', '"mutation": null'), None, ()),
    "RT708": (append("entities.jsonl", {**BERG, "kb_id": "Q11", "kb_status": "verified"}), None, ("RT703",)),
    "RT709": (append("entities.jsonl", {**BERG, "entity": "Bo Berg"}), None, ("RT703",)),
    # Gold must have a verdict on every claim; a claim that is new in the catalogue lacks it.
    "RT710": (append("claims.jsonl", UNSAID), None, ("RT511",)),
    "RT711": (append("entities.jsonl", {**BERG, "entity": "vale", "type": "GPE"}), None, ()),
    "RT712": (renamed_folder, None, ()),
    "RT713": (edit("entities.jsonl", '"kb_status": "nil"', '"kb_status": "verified"'), None, ()),
    "RT714": (edit("annotators/reader-1.jsonl", '"label": "favor"', '"label": "against"'), None, ()),
    "RT716": (lambda folder, _: (folder / "events" / "drought").mkdir(), None, ()),
    "RT715": (edit("event.json", '"title": "A flood in Vale"', '"title": ""'), None, ()),
    "RT717": (edit("documents.jsonl", '"published": "2024-05-06"', '"published": "2024-02-30"'), None, ()),
}


def test_every_code_has_a_case() -> None:
    # RT410 is about gold without documents: test_offsets.py.
    assert sorted({path.name.partition(".")[0] for path in BAD_FILES} | FAULTS.keys() | {"RT410"}) == sorted(RULES)


def test_the_table_is_complete_in_a_new_process() -> None:
    program = "from retold.rules import RULES; print(*RULES)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert sorted(done.stdout.split()) == sorted(RULES)


@pytest.mark.parametrize("code", FAULTS)
def test_case_gives_only_its_code(code: str, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil, file, ignore = FAULTS[code]
    corpus = load_corpus(tiny_folder)
    spoil(tiny_folder, monkeypatch)
    if file:
        report = validate([tiny_folder / file], corpus, role="annotation", ignore=ignore)
    else:
        report = validate(None, load_corpus(tiny_folder), ignore=ignore)
    assert {found.code for found in report.findings} - {*ignore} == {code}
    assert all(found.file and found.message and found.hint for found in report.findings)
