"""A new event: what is proposed from plain text, what is refused, and the walk of CONTRIBUTING."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paths import ROOT
from retold.corpus.load import load_corpus
from retold.corpus.scaffold import propose, scaffold_event
from retold.model.annotations import Document
from retold.model.findings import FindingsError, UnreadableError
from retold.rules.corpus import check_document
from retold.validation.validate import validate
from tiny import CLAIMS, ENTITIES, EVENT, document_of

ONE = (
    "River rises in Vale\nBy Ann Lee\nMay 6, 2024\n\n"
    "Mayor Bo Berg asked for a dam. “The dam costs 5 million,” Dr. Lee said. Vale was flooded!\n"
    "Nobody was hurt, says J. Roe of the U.N. office.\nShare this page\n"
)
TWO = "Sungai meluap di Vale\nOleh Ann Lee\nBo Berg meminta bendungan. Biayanya 7 juta.\nBaca juga: Banjir\n"


def divided(text: str) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    zones, paragraphs, sentences = propose(text)
    return (
        [(zone.zone, text[zone.start : zone.end].strip()) for zone in zones],
        [text[span.start : span.end] for span in paragraphs],
        [text[span.start : span.end] for span in sentences],
    )


def test_propose_zones_and_sentences() -> None:
    zones, paragraphs, sentences = divided(ONE)
    first, second = ONE.split("\n")[4:6]
    assert zones == [
        ("title", "River rises in Vale"),
        ("byline", "By Ann Lee\nMay 6, 2024"),
        ("body", f"{first}\n{second}"),
        ("boilerplate", "Share this page"),
    ]
    assert paragraphs == ["River rises in Vale", first, second]
    assert sentences == [
        "River rises in Vale",
        "Mayor Bo Berg asked for a dam.",
        "“The dam costs 5 million,” Dr. Lee said.",
        "Vale was flooded!",
        # Neither an initial nor an abbreviation ends a sentence.
        second,
    ]


def test_propose_for_indonesian() -> None:
    zones, _, sentences = divided(TWO)
    assert [zone for zone, _ in zones] == ["title", "byline", "body", "boilerplate"]
    assert sentences[1:] == ["Bo Berg meminta bendungan.", "Biayanya 7 juta."]


@pytest.mark.parametrize(
    ("text", "zones"),
    [
        # A first line that is a sentence, or the only line, is no title.
        ("It rained. It poured.\nMore.", ["body"]),
        ("River rises", ["body"]),
        ("\n\n  \n", ["boilerplate"]),
        ("", []),
    ],
)
def test_propose_without_a_title(text: str, zones: list[str]) -> None:
    assert [zone for zone, _ in divided(text)[0]] == zones


@given(st.text(st.sampled_from("aB .!?\n\r\t\xa0“”’…1🌊\u2028\x1cé"), max_size=80) | st.text(max_size=60))
def test_propose_passes_the_rules_of_a_corpus(text: str) -> None:
    zones, paragraphs, sentences = propose(text)
    plain = {**document_of("flood-0"), "text": text, "zones": [], "paragraphs": [], "sentences": []}
    document = msgspec.structs.replace(
        msgspec.convert(plain, Document), zones=zones, paragraphs=paragraphs, sentences=sentences
    )
    assert {found.code for found in check_document(document, "flood")} <= {"RT701"}


def texts(folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / "one.txt", folder / "two.id.txt"]
    for file, text in zip(files, (ONE, TWO), strict=True):
        file.write_text(text, encoding="utf-8")
    return files


def test_scaffold_event_can_be_loaded_and_validated(tmp_path: Path) -> None:
    folder = scaffold_event("vale", texts(tmp_path), tmp_path / "c")
    assert sorted(path.name for path in folder.iterdir()) == [
        "annotators",
        "claims.jsonl",
        "documents.jsonl",
        "entities.jsonl",
        "event.json",
    ]
    corpus = load_corpus(tmp_path / "c")
    assert [d.language for d in corpus.documents.values()] == ["en", "id"]
    assert [d.text for d in corpus.documents.values()] == [ONE, TWO]
    found = [(f.code, f.pointer) for f in validate(None, corpus).findings]
    assert found == [
        ("RT715", "/title"),
        ("RT715", "/description"),
        ("RT715", "/targets"),
        ("RT715", "/date"),
        ("RT303", None),
    ]


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("Vale", {}, "not a valid key"),
        ("../vale", {}, "not a valid key"),
        ("vale", {"date": "May 6"}, "not a valid date"),
        ("vale", {"date": "2024-02-30"}, "not a valid date"),
        ("vale", {"language": "English"}, "not a valid language code"),
    ],
)
def test_scaffold_event_refuses_invalid_names(name: str, given: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=says):
        scaffold_event(name, texts(tmp_path), tmp_path / "c", **given)
    with pytest.raises(ValueError, match="at least one"):
        scaffold_event("vale", [], tmp_path / "c")


@pytest.mark.parametrize(
    ("data", "code"), [(b"\xff", "RT101"), (b"\xef\xbb\xbfText.", "RT104"), (b" \n", "RT111"), (b"", "RT111")]
)
def test_scaffold_event_refuses_invalid_files_and_writes_nothing(data: bytes, code: str, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_bytes(data)
    with pytest.raises(FindingsError) as caught:
        scaffold_event("vale", [*texts(tmp_path), tmp_path / "bad.txt"], tmp_path / "c")
    assert [(f.code, f.file) for f in caught.value.findings] == [(code, str(tmp_path / "bad.txt"))]
    assert not (tmp_path / "c").exists()


def test_an_event_whose_writing_was_killed_is_named_and_ignored(tiny_folder: Path, tmp_path: Path) -> None:
    before = load_corpus(tiny_folder).digest
    (tmp_path / "one.txt").write_text(ONE, encoding="utf-8")
    program = (
        "import os, pathlib, signal, sys\n"
        "from retold.corpus.scaffold import scaffold_event\n"
        "pathlib.Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "scaffold_event('vale-flood', [sys.argv[1]], sys.argv[2])\n"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path / "one.txt", tiny_folder], check=False)
    assert done.returncode == -9
    # Other traces of interrupted commands and of editors, and a folder that is no event yet.
    event = tiny_folder / "events" / "flood"
    for path in (event / ".gold.jsonl.0a1b2c3d", event / "annotators" / "._reader-1.jsonl", event / ".gold.json.swp"):
        path.write_text("{", encoding="utf-8")
    (tiny_folder / "events" / "drought").mkdir()
    corpus = load_corpus(tiny_folder)
    assert (list(corpus.events), corpus.digest) == (["flood"], before)
    found = validate(None, corpus).findings
    assert {each.code for each in found} == {"RT716"}
    names = [re.sub(r"[0-9a-f]{8}$", "HEX", Path(each.file or "").name) for each in found]
    assert sorted(names) == [".gold.jsonl.HEX", ".vale-flood.HEX", "drought"]
    assert scaffold_event("vale-flood", [tmp_path / "one.txt"], tiny_folder).is_dir()
    assert list(load_corpus(tiny_folder).events) == ["flood", "vale-flood"]


def test_scaffold_event_refuses_an_existing_event(tmp_path: Path) -> None:
    scaffold_event("vale", texts(tmp_path), tmp_path / "c")
    with pytest.raises(UnreadableError, match="already exists"):
        scaffold_event("vale", texts(tmp_path), tmp_path / "c")
    assert [path.name for path in (tmp_path / "c" / "events").iterdir()] == ["vale"]


# The walk of CONTRIBUTING


def commands() -> list[list[str]]:
    """The commands of the section "Add an event", in order."""
    section = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## Add an event")[1].split("\n## ")[0]
    return [shlex.split(line.removeprefix("$ ")) for line in re.findall(r"^\$ .*", section, re.M)]


def quote(number: int, sentence: int, words: str, **more: Any) -> dict[str, Any]:
    return {"document_id": f"vale-flood-{number}", "sentence": sentence, "quote": words, **more}


def quotes() -> dict[str, list[dict[str, Any]]]:
    """What an annotator quotes from the two articles."""
    cells = [("author", "dam"), ("author", "mayor-berg"), ("mayor", "dam"), ("mayor", "mayor-berg")]
    stance = [
        {
            "document_id": f"vale-flood-{number}",
            "holder": holder,
            "target": target,
            "label": "favor" if (holder, target) == ("mayor", "dam") else "none",
            "evidence": [1] if (holder, target) == ("mayor", "dam") else [],
        }
        for number in (0, 1)
        for holder, target in cells
    ]
    verdicts = {0: ("supported", "refuted", "refuted"), 1: ("refuted", "supported", "refuted")}
    return {
        "mentions": [
            quote(n, s, words, kind="name", entity=entity)
            for n, s, words, entity in [
                (0, 0, "Vale", "vale"),
                (0, 1, "Bo Berg", "bo-berg"),
                (1, 0, "Vale", "vale"),
                (1, 1, "Bo Berg", "bo-berg"),
            ]
        ],
        "stance": stance,
        "claims": [
            quote(0, 2, "The dam costs 5 million", source="author", claim="dam-costs-5"),
            quote(1, 2, "Biayanya 7 juta", source="author", claim="dam-costs-7"),
        ],
        "verification": [
            {"document_id": f"vale-flood-{n}", "claim": claim["claim"], "label": label, "evidence": [2]}
            for n, labels in verdicts.items()
            for claim, label in zip(CLAIMS, labels, strict=True)
        ],
    }


def write_lines(path: Path, records: list[dict[str, Any]]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def test_commands_of_contributing_add_an_event(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    for part in ("corpus", "scripts", "seeds"):
        shutil.copytree(ROOT / part, checkout / part)
    texts(checkout / "articles")
    event = checkout / "corpus" / "events" / "vale-flood"

    def follow(command: list[str]) -> subprocess.CompletedProcess[str]:
        start = [sys.executable, "-m", "retold"] if command[0] == "retold" else [sys.executable]
        done = subprocess.run([*start, *command[1:]], cwd=checkout, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done

    new_event, import_quotes, validate_reader, build, validate_all = commands()
    done = follow(new_event)
    assert "RT715 the event has no targets" in done.stdout
    assert "corpus/corpus.json: add vale-flood to a split." in done.stdout
    assert "corpus/events/vale-flood/annotators/NAME.jsonl --corpus corpus" in done.stdout
    # A scaffolded event does not keep others from being built.
    follow(build)
    card = json.loads((event / "event.json").read_text(encoding="utf-8"))
    card.update({key: EVENT[key] for key in ("title", "description", "holders", "targets")})
    (event / "event.json").write_text(json.dumps(card), encoding="utf-8")
    manifest = json.loads((checkout / "corpus" / "corpus.json").read_text(encoding="utf-8"))
    manifest["splits"]["test"].append("vale-flood")
    (checkout / "corpus" / "corpus.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    write_lines(event / "entities.jsonl", ENTITIES)
    write_lines(event / "claims.jsonl", CLAIMS)
    for name, records in quotes().items():
        write_lines(checkout / "quotes" / f"{name}.jsonl", records)
    follow(import_quotes)
    assert follow(validate_reader).stdout.endswith("2 records in 1 file: no findings\n")
    follow(build)
    assert follow(validate_all).stdout.endswith(": no findings\n")
    follow([*build, "--check"])
    gold = [json.loads(line) for line in (event / "gold.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [record["document_id"] for record in gold] == ["vale-flood-0", "vale-flood-1"]
    assert "vale-flood-1" in (checkout / "corpus" / "views" / "documents.jsonl").read_text(encoding="utf-8")
