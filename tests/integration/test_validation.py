"""Validation of whole files: dirty input gives findings with a place, never a traceback."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import retold
from cli import run
from files import edit
from paths import BAD_FILES
from retold.corpus.load import Corpus, load_corpus
from retold.model.findings import FindingsError, UnreadableError
from retold.validation.validate import Report, validate
from tiny import TEXTS, gold_of, write_release


def codes(report: Report) -> list[str]:
    return [found.code for found in report.findings]


def lines(*records: Any) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# Dirty files

#: What the smallest bad files (test_rules.py) and predictions at fault (test_cli.py) do not show.
DIRTY: dict[str, tuple[bytes, list[tuple[str, int | None]]]] = {
    "blank lines only": (b"\n\n \n", [("RT111", None)]),
    "no line end": (b'{"document_id": "flood-0"}', []),
    "windows line ends": (b'{"document_id": "flood-0"}\r\n{"document_id": "flood-1"}\r\n', []),
    "blank line at the end": (b'{"document_id": "flood-0"}\n\n', []),
    "blank lines between": (b'{"document_id": "flood-0"}\n\n\n{"document_id": "flood-1"}\n', [("RT105", 2)]),
    "one object on many lines": (b'{\n"document_id": "flood-0"\n}\n', [("RT114", 1)]),
    "UTF-16": ('{"document_id": "flood-0"}\n{"document_id": "flood-1"}\n'.encode("utf-16"), [("RT101", 1)]),
    "repeated document, the first at fault": (
        b'{"document_id": "flood-0", "x": 1}\n{"document_id": "flood-0"}\n',
        [("RT203", 1), ("RT302", 2)],
    ),
    "names that a terminal would obey": (b'{"document_id": "\\u001b[2J"}\n', [("RT209", 1)]),
}


@pytest.mark.parametrize("case", DIRTY)
def test_validate_malformed_input(case: str, tiny_corpus: Corpus, tmp_path: Path) -> None:
    content, expected = DIRTY[case]
    path = write(tmp_path / "mine.jsonl", content)
    report = validate([path], tiny_corpus)
    assert [(found.code, found.line) for found in report.findings] == expected
    assert {found.file for found in report.findings} <= {str(path)}
    assert report.files == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=200))
@pytest.mark.parametrize("name", ["mine.jsonl", "predictions.jsonl", "mine.parquet", "mine.zip"])
def test_validate_random_bytes(name: str, content: bytes, tiny_corpus: Corpus, tmp_path: Path) -> None:
    path = write(tmp_path / name, content)
    try:
        report = validate([path], tiny_corpus)
    except UnreadableError:
        return
    assert all(found.file == str(path) for found in report.findings)
    assert report.errors


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", ["mine.parquet", "mine.zip"])
def test_validate_corrupted_zip_and_parquet(
    name: str, data: st.DataObject, tiny_corpus: Corpus, tmp_path: Path
) -> None:
    records = [gold_of("flood-0"), gold_of("flood-1")]
    stream = io.BytesIO()
    if name == "mine.parquet":
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        pq.write_table(pa.Table.from_pylist(records), stream)
    else:
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("predictions.jsonl", lines(*records))
    good = stream.getvalue()
    start = data.draw(st.integers(0, len(good)))
    bad = good[:start] + data.draw(st.binary(max_size=8)) + good[data.draw(st.integers(start, len(good))) :]
    path = write(tmp_path / name, bad)
    try:
        report = validate([path], tiny_corpus)
    except UnreadableError:
        return
    assert all(found.file is not None for found in report.findings)


# What a path is


def test_validate_standard_input(tiny_corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"document_id": "flood-9"}')))
    report = validate(["-"], tiny_corpus)
    assert [(found.code, found.file, found.line) for found in report.findings] == [("RT301", "<stdin>", 1)]


def test_missing_documents_are_an_error_in_predictions_only(tiny_corpus: Corpus, tmp_path: Path) -> None:
    one = '{"document_id": "flood-0", "claims": []}\n'
    assert codes(validate([write(tmp_path / "mine.jsonl", one)], tiny_corpus)) == []
    assert codes(validate([write(tmp_path / "predictions.jsonl", one)], tiny_corpus)) == ["RT303"]
    assert codes(validate([write(tmp_path / "mine.jsonl", one)], tiny_corpus, role="prediction")) == ["RT303"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"document_id": "flood-1", "entities": [', "RT102"),
        (b'{"document_id": "flood-1", "x": "\xff"}', "RT101"),
        (b'{"document_id": "flood-1", "entity": []}', "RT203"),
        # Which document it is of is not known; one is missing.
        (b'{"entities": []}', "RT202"),
        (b"{", "RT102"),
    ],
)
def test_a_record_that_was_refused_is_not_missing_as_well(
    line: bytes, code: str, tiny_corpus: Corpus, tmp_path: Path
) -> None:
    path = write(tmp_path / "predictions.jsonl", b'{"document_id": "flood-0"}\n' + line + b"\n")
    assert codes(validate([path], tiny_corpus)) == [code]
    with pytest.raises(FindingsError) as refused:
        retold.score(path, tiny_corpus)
    assert [found.code for found in refused.value.findings] == [code]
    # Another document is missing for certain only where that of the line is known.
    known = ["RT303"] if b"flood-1" in line else []
    assert codes(validate([write(path, line + b"\n")], tiny_corpus)) == [*known, code]


GOLD = [gold_of("flood-0"), gold_of("flood-1")]
MENTION = {"start": 15, "end": 19, "type": "GPE"}
SCORED = {"holder": "mayor", "target": "dam", "label": "favor", "scores": {"favor": 1, "against": 0, "none": 0}}
#: Path -> content, role and whether it is certain.
ROLES: dict[str, tuple[list[Any], str, bool]] = {
    "predictions.jsonl": (GOLD, "prediction", True),
    "Predictions.JSONL": (GOLD, "prediction", True),
    "events/flood/annotators/new.jsonl": (GOLD, "annotation", True),
    "elsewhere/annotators/new.jsonl": (GOLD, "annotation", False),
    "events/flood/gold.jsonl": (GOLD, "gold", True),
    "events/other/gold.jsonl": (GOLD, "gold", False),
    "mine.jsonl": (GOLD, "annotation", False),
    "preds.jsonl": ([{"document_id": "flood-0", "entities": [{**MENTION, "entity": "e1"}]}], "prediction", False),
    "bare.jsonl": ([{"document_id": "flood-0", "entities": [MENTION]}], "prediction", False),
    "scored.jsonl": ([{"document_id": "flood-0", "stance": [SCORED]}], "prediction", False),
    "labels.jsonl": (
        [{"document_id": "flood-0", "stance": [{key: SCORED[key] for key in ("holder", "target", "label")}]}],
        "prediction",
        False,
    ),
    "judged.jsonl": (
        [{"document_id": "flood-0", "verification": [{"claim": "dam-costs-5", "label": "supported"}]}],
        "prediction",
        False,
    ),
    "checked.jsonl": (
        [{"document_id": key, "verification": gold_of(key)["verification"]} for key in TEXTS],
        "annotation",
        False,
    ),
    "cells.jsonl": ([{"document_id": "flood-0", "stance": []}], "annotation", False),
    "broken.jsonl": ([3], "annotation", False),
}


@pytest.mark.parametrize("name", ROLES)
def test_the_role_of_a_file_and_why(name: str, tiny_corpus: Corpus, tiny_folder: Path) -> None:
    records, role, certain = ROLES[name]
    path = write(tiny_folder / name, lines(*records))
    (read,) = validate([path], tiny_corpus).roles
    assert (read.file, read.role, read.certain) == (str(path), role, certain)
    assert validate([path], tiny_corpus, role="gold").roles[0].role == "gold"
    first, *rest = run("validate", path, "--corpus", tiny_folder).stdout.splitlines()
    assert first == f"{path}: read as {role.removesuffix('s') + 's' * (role != 'gold')} ({read.reason})"
    assert rest[0].startswith("A guess: ") is not certain
    (told,) = json.loads(run("validate", path, "--corpus", tiny_folder, "--format", "json").stdout)["roles"]
    assert told == {"file": str(path), "role": role, "reason": read.reason, "certain": certain}


def test_a_system_need_not_give_evidence(tiny_corpus: Corpus, tmp_path: Path) -> None:
    plain = [{"document_id": key, "verification": gold_of(key)["verification"]} for key in TEXTS]
    for pair in (pair for record in plain for pair in record["verification"]):
        del pair["evidence"]
    assert codes(validate([write(tmp_path / "labels.jsonl", lines(*plain))], tiny_corpus)) == []


@pytest.mark.parametrize("path", BAD_FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("place", ["mine.jsonl", "events/other/gold.jsonl"])
def test_a_guess_yields_no_error_that_another_role_would_not(
    place: str, path: Path, tiny_corpus: Corpus, tmp_path: Path
) -> None:
    def errors(role: Any) -> set[tuple[Any, ...]]:
        found = validate([mine], tiny_corpus, role=role).findings
        return {(each.code, each.line, each.pointer, each.message) for each in found if each.severity == "error"}

    mine = write(tmp_path / place, path.read_bytes())
    assert errors(None) == errors("gold") & errors("annotation") & errors("prediction")


CARD = {"name": "s", "protocol": "zero-shot", "corpus_version": "0.1.0"}


def test_validate_submission_folder_and_zip(tiny_corpus: Corpus, tmp_path: Path) -> None:
    predictions = '{"document_id": "flood-0"}\n{"document_id": "flood-1", "claims": [{}]}\n'
    folder = write(tmp_path / "s" / "predictions.jsonl", predictions).parent
    write(folder / "submission.json", json.dumps(CARD))
    archive = tmp_path / "s.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("s/predictions.jsonl", predictions)
        made.writestr("s/submission.json", json.dumps(CARD))
    for path, name in ((folder, str(folder / "predictions.jsonl")), (archive, f"{archive}/s/predictions.jsonl")):
        report = validate([path], tiny_corpus)
        assert [(found.code, found.file, found.line) for found in report.findings] == [("RT202", name, 2)] * 3


def test_validate_an_invalid_card(tiny_corpus: Corpus, tmp_path: Path) -> None:
    folder = write(tmp_path / "s" / "predictions.jsonl", '{"document_id": "flood-0", "claims": []}\n').parent
    write(folder / "submission.json", json.dumps({**CARD, "protocol": "guess"}))
    report = validate([folder], tiny_corpus)
    # The records are read whatever is wrong with the card.
    missing, found = report.findings
    assert (missing.code, report.records) == ("RT303", 1)
    assert (found.code, found.file, found.pointer) == ("RT204", str(folder / "submission.json"), "/protocol")
    assert "leave-one-document-out, saw-gold, zero-shot" in found.message
    assert report.files == 1


def test_validate_a_folder_of_annotations(tiny_corpus: Corpus, tmp_path: Path) -> None:
    write(tmp_path / "a" / "one.jsonl", '{"document_id": "flood-0"}\n')
    write(tmp_path / "a" / "two.jsonl", "{}\n")
    report = validate([tmp_path / "a"], tiny_corpus)
    assert [(Path(found.file or "").name, found.code) for found in report.findings] == [("two.jsonl", "RT202")]
    assert (report.files, report.records) == (2, 2)
    write(tmp_path / "a" / "adjudication.jsonl", "{}\n")
    assert validate([tmp_path / "a"], tiny_corpus).files == 2


# The report


def test_validate_sorts_selects_and_limits_findings(tiny_corpus: Corpus, tmp_path: Path) -> None:
    first = write(tmp_path / "a.jsonl", '{"document_id": "flood-9", "x": 1}\n\n{"document_id": "flood-9"}\n')
    second = write(tmp_path / "b.jsonl", "{\n")
    paths = [second, first]
    report = validate(paths, tiny_corpus)
    assert codes(report) == ["RT203", "RT105", "RT302", "RT102"]
    assert (report.errors, report.warnings, report.suppressed) == (3, 1, 0)
    assert codes(validate(paths, tiny_corpus, select=["RT1"])) == ["RT203", "RT105", "RT102"]
    assert codes(validate(paths, tiny_corpus, select=["RT302"])) == ["RT203", "RT302", "RT102"]
    assert codes(validate(paths, tiny_corpus, select=["rt1", "RT203"], ignore=["RT105"])) == ["RT203", "RT102"]
    limited = validate(paths, tiny_corpus, max_findings=1)
    assert len(limited.findings) == 1
    assert (limited.errors, limited.warnings, limited.suppressed) == (3, 1, 3)


@pytest.mark.parametrize("code", ["RT999", "", "E501"])
def test_validate_refuses_unknown_codes(tiny_corpus: Corpus, code: str) -> None:
    with pytest.raises(ValueError, match="unknown rule code"):
        validate(None, tiny_corpus, select=[code])


# The corpus itself


def test_validate_a_clean_corpus(tiny_corpus: Corpus) -> None:
    report = validate(None, tiny_corpus)
    assert report.findings == []
    assert (report.files, report.records) == (6, 4)


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        # An edited text: its seed's hash, and the zones that no longer reach its end.
        ("documents.jsonl", "Mayor Bo", "Mayoress Bo", [("documents.jsonl", 1, code) for code in ("RT701", "RT704")]),
        ("entities.jsonl", '"kb_status": "nil"', '"kb_status": "verified"', [("entities.jsonl", 2, "RT713")]),
        ("event.json", '"entities": ["bo-berg"]', '"entities": ["berg"]', [("event.json", None, "RT304")]),
        ("gold.jsonl", '"start": 15', '"start": 15, "start": 15', [("gold.jsonl", 1, "RT103")]),
        ("annotators/reader-1.jsonl", '"label": "favor"', '"label": "favour"', [("reader-1.jsonl", 1, "RT204")]),
    ],
)
def test_validate_a_corpus_with_errors(
    tiny_folder: Path, file: str, old: str, new: str, expected: list[tuple[str, int | None, str]]
) -> None:
    edit(tiny_folder / "events" / "flood" / file, (old, new))
    report = validate(None, load_corpus(tiny_folder), ignore=["RT4"])
    assert [(Path(found.file or "").name, found.line, found.code) for found in report.findings] == expected


def test_validate_duplicates_in_catalogues(tiny_folder: Path) -> None:
    event = tiny_folder / "events" / "flood"
    entities = (event / "entities.jsonl").read_text(encoding="utf-8")
    extra = {"entity": "berg", "name": "B", "type": "PER", "kb_id": "Q11", "kb_status": "verified", "aliases": {}}
    (event / "entities.jsonl").write_text(entities + entities.splitlines()[1] + "\n" + lines(extra), encoding="utf-8")
    claim = {"claim": "unsaid", "text": "Nobody says it.", "mutation_of": None, "mutation": None}
    claims = (event / "claims.jsonl").read_text(encoding="utf-8")
    (event / "claims.jsonl").write_text(claims + lines(claim), encoding="utf-8")
    report = validate(None, load_corpus(tiny_folder), ignore=["RT511"])
    assert [(Path(found.file or "").name, found.line, found.code) for found in report.findings] == [
        ("claims.jsonl", 4, "RT710"),
        ("entities.jsonl", 3, "RT711"),
        ("entities.jsonl", 4, "RT703"),
        ("entities.jsonl", 4, "RT708"),
    ]
    assert report.warnings == 2


def test_every_wrong_line_of_the_catalogues_is_reported_at_once(tiny_folder: Path) -> None:
    event = tiny_folder / "events" / "flood"
    write(event / "entities.jsonl", lines({"entity": "vale"}) + lines({"entity": "berg", "name": "B"}))
    write(event / "claims.jsonl", "\n" + lines({"claim": "x"}))
    with pytest.raises(FindingsError) as caught:
        load_corpus(tiny_folder)
    found = dict.fromkeys((Path(each.file or "").name, each.line) for each in caught.value.findings)
    assert list(found) == [("entities.jsonl", 1), ("entities.jsonl", 2), ("claims.jsonl", 2)]


def test_an_entity_without_id_and_status_is_unverified(tiny_folder: Path) -> None:
    edit(tiny_folder / "events" / "flood" / "entities.jsonl", (', "kb_id": null, "kb_status": "nil"', ""))
    corpus = load_corpus(tiny_folder)
    vale = corpus.events["flood"].entities["vale"]
    assert (vale.kb_id, vale.kb_status) == (None, "unverified")
    assert validate(None, corpus).errors == 0


def test_what_is_wrong_in_bare_gold_is_told_once_and_with_what_to_do(tmp_path: Path) -> None:
    mentions = [{"start": 0, "end": 4, "type": "CITY"}, {"start": 5, "end": 9, "type": "TOWN"}]
    file = write(tmp_path / "gold.jsonl", lines({"document_id": "a", "entities": mentions}))
    found = [each.pointer for each in validate(None, load_corpus(file)).findings if each.code == "RT204"]
    assert found == ["/entities/0/type", "/entities/1/type"]
    hints = {each.message: each.hint for each in validate(None, load_corpus(file, labels="from-gold")).findings}
    assert {key: "empty list" in hint for key, hint in hints.items()} == {
        "missing key 'text', which gold must have": False,
        "missing key 'entity', which gold must have": False,
    }


def test_validate_an_event_without_gold(tiny_folder: Path) -> None:
    (tiny_folder / "events" / "flood" / "gold.jsonl").unlink()
    (found,) = validate(None, load_corpus(tiny_folder)).findings
    assert (found.code, Path(found.file or "").name) == ("RT303", "gold.jsonl")


def test_invalid_documents_are_reported_once(tiny_folder: Path, tmp_path: Path) -> None:
    path = edit(tiny_folder / "events" / "flood" / "documents.jsonl", ('"language": "en"', '"language": 5'))
    corpus = load_corpus(tiny_folder)
    records = '{"document_id": "flood-0"}\n{"document_id": "flood-1"}\n'
    mine = [write(tmp_path / name, records) for name in ("a.jsonl", "b.jsonl")]
    report = validate(mine, corpus)
    assert [(found.file, found.line, found.code) for found in report.findings] == [
        (str(mine[0]), 1, "RT301"),
        (str(mine[1]), 1, "RT301"),
        (str(tiny_folder / "events" / "flood" / "documents.jsonl"), 1, "RT201"),
    ]
    assert [(f.file, f.line) for f in validate(None, corpus).findings if f.code == "RT201"] == [(str(path), 1)]


def test_validate_the_release(tiny_folder: Path) -> None:
    write_release(tiny_folder)
    assert codes(validate(None, load_corpus(tiny_folder))) == []
    annotators = tiny_folder / "events" / "flood" / "annotators"
    reader = annotators / "reader-1.jsonl"
    reader.write_bytes(reader.read_bytes() + b"\n")
    assert codes(validate(None, load_corpus(tiny_folder))) == ["RT706"]
    reader.rename(annotators / "reader-2.jsonl")
    report = validate(None, load_corpus(tiny_folder))
    assert codes(report) == ["RT706", "RT706"]
    assert "missing" in report.findings[0].message
    assert "is not in the release" in report.findings[1].message


def test_validate_missing_views(tiny_folder: Path) -> None:
    (tiny_folder / "views").mkdir()
    found = validate(None, load_corpus(tiny_folder)).findings
    assert {f.code for f in found} == {"RT702"}
    assert {Path(f.file or "").stem for f in found} >= {"documents", "entities", "stance", "claims", "verification"}


def test_validate_a_corpus_folder_by_path(tiny_corpus: Corpus, tiny_folder: Path) -> None:
    assert validate([tiny_folder], tiny_corpus).records == 4
    write(tiny_folder / "events" / "flood" / "claims.jsonl", "{\n")
    assert validate([tiny_folder], tiny_corpus).errors == 1


def test_validate_against_a_bare_gold_file(tiny_folder: Path, tmp_path: Path) -> None:
    corpus = load_corpus(tiny_folder / "events" / "flood" / "gold.jsonl")
    assert validate(None, corpus).findings == []
    record = {"document_id": "flood-2", "stance": [{"holder": "anyone", "target": "x", "label": "none"}]}
    path = write(tmp_path / "predictions.jsonl", lines({"document_id": "flood-1"}, record))
    report = validate([path], corpus)
    assert [(found.code, found.hint) for found in report.findings][1] == ("RT301", "Did you mean 'flood-1'?")
    assert codes(report) == ["RT303", "RT301"]
