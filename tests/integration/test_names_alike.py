"""Names that occur twice, or look as if they did: none is dropped in silence, and messages show how they differ."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import retold
from cli import run
from retold.corpus.load import load_corpus
from retold.model.alike import differ_only_in, look_alike, visible
from retold.model.findings import FindingsError
from retold.scoring.ranking import rank
from retold.scoring.score import score
from retold.validation.validate import validate
from tiny import TEXTS, document_of, gold_of, line_of, span_of

#: A name, another that looks like it, and what alone differs.
ALIKE = [
    ("Müller", "Mu\u0308ller", "Unicode normalization (NFC, NFD)"),
    ("Hamas", "hamas", "case"),
    ("vale", "vale ", "white space"),
    ("vale", "va\u200ble", "invisible characters"),
    ("vale", "va\xadle", "invisible characters"),
    ("vale", "\ufeffvale", "invisible characters"),
    ("new york", "new\xa0york", "white space"),
    ("new york", "New  york", "white space and case"),
    ("doc-1", "doc\u20101", "dashes"),
    ("file", "ﬁle", "case"),
]


@pytest.mark.parametrize(("one", "other", "reason"), ALIKE)
def test_names_that_look_alike(one: str, other: str, reason: str) -> None:
    assert list(look_alike([one, "another", other, one])) == [(one, other)]
    assert differ_only_in(one, other) == differ_only_in(other, one) == reason
    shown = visible(one, other)
    # Whatever differs can be read: nothing is left that only a machine tells apart.
    assert shown[0] != shown[1]
    assert len({each.encode("ascii", "backslashreplace").decode() for each in shown}) == 2
    assert all(each.isprintable() for each in shown)
    assert shown[0].isascii() or reason != "Unicode normalization (NFC, NFD)"


@pytest.mark.parametrize(("one", "other"), [("vale", "dale"), ("a", "a"), ("a b", "a c"), ("1", "l")])
def test_names_that_do_not_look_alike(one: str, other: str) -> None:
    assert list(look_alike([one, other])) == []
    assert differ_only_in(one, other) is None


@pytest.mark.parametrize(("one", "other", "reason"), ALIKE)
@pytest.mark.parametrize("key", ["document", "entity", "holder", "target", "claim"])
def test_names_of_gold_without_a_corpus(key: str, one: str, other: str, reason: str, tmp_path: Path) -> None:
    records: list[dict[str, Any]] = []
    for number, name in enumerate((one, other)):
        names = dict.fromkeys(("document", "entity", "holder", "target", "claim"), "same") | {key: name}
        document = names["document"] if key == "document" else f"doc-{number}"
        span = {"start": 0, "end": 4, "text": "Vale"}
        records.append(
            {
                "document_id": document,
                "entities": [{**span, "kind": "name", "type": "GPE", "entity": names["entity"], "kb_id": None}],
                "stance": [{"holder": names["holder"], "target": names["target"], "label": "none", "evidence": []}],
                "claims": [{**span, "source": "author", "claim": names["claim"]}],
                "verification": [{"claim": names["claim"], "label": "not_enough_info", "evidence": []}],
            }
        )
    path = tmp_path / "gold.jsonl"
    path.write_text("".join(map(line_of, records)), encoding="utf-8")
    (found,) = [each for each in validate(None, load_corpus(path)).findings if each.code == "RT311"]
    first, second = visible(one, other)
    assert found.message == f"{key} {second} differs from {first} only in {reason}"
    assert (found.severity, found.file) == ("warning", str(path))
    # Systems may name clusters as the words are written.
    expected = [] if key == "entity" and one.casefold() == other.casefold() else [found]
    assert [each for each in score(path, load_corpus(path), resamples=0).warnings if each.code == "RT311"] == expected
    assert (found.message in run("score", path, "--gold", path, "--resamples", 0).stderr) is bool(expected)


def test_systems_that_look_alike(tiny_folder: Path) -> None:
    gold = [gold_of(key) for key in TEXTS]
    board = rank({"mine": gold, "mine\u200b": gold, "other": gold}, load_corpus(tiny_folder), resamples=0)
    assert [found.message for found in board.warnings] == [
        "system 'mine\\u200b' differs from 'mine' only in invisible characters"
    ]
    assert board.as_dict()["warnings"][0]["code"] == "RT311"
    assert rank({"mine": gold, "other": gold}, load_corpus(tiny_folder), resamples=0).warnings == []


@pytest.mark.parametrize(("one", "other", "reason"), ALIKE)
def test_hint_about_a_key_that_looks_like_a_known_one(
    one: str, other: str, reason: str, tiny_folder: Path, tmp_path: Path
) -> None:
    event = tiny_folder / "events" / "flood" / "event.json"
    told = json.loads(event.read_text(encoding="utf-8"))
    told["holders"][1]["holder"] = one
    event.write_text(json.dumps(told), encoding="utf-8")
    path = tmp_path / "mine.jsonl"
    cell = {"holder": other, "target": "dam", "label": "none"}
    path.write_text(line_of({"document_id": "flood-0", "stance": [cell]}), encoding="utf-8")
    findings = validate(path, load_corpus(tiny_folder), role="prediction").findings
    (found,) = [each for each in findings if each.code == "RT305"]
    given, meant = visible(other, one)
    assert found.hint == f"Did you mean {meant}?" + (f" {given} differs only in {reason}." if reason != "case" else "")


# Keys that occur twice


def refused(root: Path) -> list[tuple[str, str, int | None]]:
    """Why nothing is scored on a corpus: code, file and line of each finding."""
    gold = [gold_of(key) for key in TEXTS]
    with pytest.raises(FindingsError) as error:
        score(gold, root, resamples=0)
    with pytest.raises(FindingsError):
        rank({"a": gold}, root, resamples=0)
    return [(found.code, str(Path(found.file or "").relative_to(root)), found.line) for found in error.value.findings]


def test_two_events_of_one_key_are_refused(tiny_folder: Path) -> None:
    shutil.copytree(tiny_folder / "events" / "flood", tiny_folder / "events" / "copy")
    assert refused(tiny_folder) == [("RT711", "events/flood/event.json", None)]
    done = run("validate", tiny_folder)
    assert done.returncode == 1
    assert "RT711 key 'flood' already exists [/event]" in done.stdout
    assert str(tiny_folder / "events" / "copy" / "event.json") in done.stdout


@pytest.mark.parametrize("file", ["entities.jsonl", "claims.jsonl"])
def test_a_key_that_a_catalogue_has_twice_is_refused(file: str, tiny_folder: Path) -> None:
    path = tiny_folder / "events" / "flood" / file
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([*lines, lines[0]]), encoding="utf-8")
    assert refused(tiny_folder) == [("RT711", f"events/flood/{file}", len(lines) + 1)]
    assert "RT711" in {found.code for found in validate(None, load_corpus(tiny_folder)).findings}
    with pytest.raises(FindingsError):
        retold.agreement([gold_of("flood-0")], [gold_of("flood-0")], tiny_folder)


@pytest.mark.parametrize("order", [(0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 0)])
def test_a_document_twice_is_refused(order: tuple[int, ...], tiny_folder: Path) -> None:
    keys = [list(TEXTS)[number] for number in order]
    path = tiny_folder / "events" / "flood" / "documents.jsonl"
    path.write_text("".join(line_of(document_of(key)) for key in keys), encoding="utf-8")
    second = next(number for number, key in enumerate(keys) if key in keys[:number])
    assert refused(tiny_folder) == [("RT302", "events/flood/documents.jsonl", second + 1)]


def test_a_document_in_two_events_is_refused(tiny_folder: Path) -> None:
    other = shutil.copytree(tiny_folder / "events" / "flood", tiny_folder / "events" / "drought")
    event = json.loads((other / "event.json").read_text(encoding="utf-8"))
    (other / "event.json").write_text(json.dumps({**event, "event": "drought"}), encoding="utf-8")
    document, gold = document_of("flood-1"), gold_of("flood-1")
    (other / "documents.jsonl").write_text(line_of({**document, "event": "drought"}), encoding="utf-8")
    for file in ("gold.jsonl", "annotators/reader-1.jsonl"):
        (other / file).write_text(line_of(gold), encoding="utf-8")
    found = [each for each in validate(None, load_corpus(tiny_folder)).findings if each.code == "RT302"]
    assert [str(Path(each.file or "").relative_to(tiny_folder)) for each in found] == ["events/flood/documents.jsonl"]
    assert "events/drought/documents.jsonl has it, too" in found[0].hint


# Texts that differ in form only


@pytest.mark.parametrize(
    ("text", "given", "reason"),
    [
        ("Jos\u00e9", "Jose\u0301", "Unicode normalization (NFC, NFD)"),
        ("Macron’s plan", "Macron's plan", "quotation marks"),
        ("“a dam”", '"a dam"', "quotation marks"),
        ("Bo\xa0Berg", "Bo Berg", "white space"),
        ("Bo\nBerg", "Bo Berg", "white space"),
        ("Bo’s\xa0dam", "Bo's dam", "white space and quotation marks"),
        ("Bo Berg", "bo berg", "case"),
        ("Bo Berg", "Bo Burg", None),
    ],
)
def test_text_that_differs_in_form_only(
    text: str, given: str, reason: str | None, tiny_folder: Path, tmp_path: Path
) -> None:
    document = document_of("flood-0")
    document["text"] = f"{text} {TEXTS['flood-0'][1]}"
    (tiny_folder / "events" / "flood" / "documents.jsonl").write_text(line_of(document), encoding="utf-8")
    mention = {**span_of(document["text"], text), "text": given, "type": "PER"}
    path = tmp_path / "mine.jsonl"
    path.write_text(line_of({"document_id": "flood-0", "entities": [mention]}), encoding="utf-8")
    (found,) = validate(path, load_corpus(tiny_folder), role="prediction", select=["RT403"]).findings
    shown = ", but the document has ".join(visible(given, text))
    only = f"; they differ only in {reason}" if reason else ""
    assert found.message == f"text is {shown} at 0 to {len(text)}{only}"
