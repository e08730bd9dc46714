"""A new event: what is proposed from plain text, what is refused, and the walk of CONTRIBUTING."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import run
from files import edit, lines_of, write_lines
from paths import ROOT
from retold.corpus.load import load_corpus
from retold.corpus.proposal import propose
from retold.corpus.scaffold import language_of, scaffold_event
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


#: Lines that only begin like a byline or a notice.
PROSE = ["By Friday the river had fallen", "Source of the river was found", "Published figures show a rise"]
PROSE += ["Editor of the paper resigned", "6 May 2024 was a black day", "Share prices fell on Monday"]
PROSE += ["Related officials said nothing", "Comments by the mayor angered many", "Reporter killed in Vale"]
BYLINES = ["By Ann Lee", "by Ann Lee and Bo van der Berg", "BY ANN LEE", "Oleh Ann Lee", "Source: AP", "6 May 2024"]
BYLINES += ["Published on May 6, 2024 10:15", "Editor - Bo Berg", "Penulis : Ann", "Monday, May 6, 2024"]
NOTICES = ["Share this page", "Baca juga: Banjir", "Related:", "Copyright 2024 The Vale Post. All rights reserved."]
NOTICES += ["3 comments", "Subscribe to our newsletter.", "Related articles"]


@pytest.mark.parametrize(
    ("line", "zone"),
    [
        (line, zone)
        for zone, lines in (("body", PROSE), ("byline", BYLINES), ("boilerplate", NOTICES))
        for line in lines
    ],
)
def test_propose_takes_only_what_is_no_prose_for_byline_or_notice(line: str, zone: str) -> None:
    assert divided(f"River rises in Vale\n\nIt rained.\n\n{line}\n\nIt rained again.\n")[0][2:-1] == (
        [] if zone == "body" else [(zone, line)]
    )


def test_propose_joins_the_lines_of_a_hard_wrapped_paragraph() -> None:
    body = (
        "The dam above the town was opened on Monday after it was hit",
        "by a barge that came from the sea, says the newspaper in",
        "Vale Town. The mayor wants a new one. It costs as much as",
        "Source of Life, a church that was built in 1901.",
        "Share prices fell.",
    )
    text = "\n".join(["River rises in Vale", "by Ann Lee", "", *body, "", "Nobody was hurt."])
    zones, paragraphs, sentences = divided(text)
    assert [zone for zone, _ in zones] == ["title", "byline", "body"]
    assert paragraphs[1:] == ["\n".join(body[:4]), body[4], "Nobody was hurt."]
    assert len(sentences) == 6


@pytest.mark.parametrize(
    ("name", "declared", "language"),
    [
        ("two.id.txt", [], "id"),
        ("two.ID.txt", [], "id"),
        ("two.jav.txt", ["jav", "id"], "jav"),
        # No codes of languages: a version, a word, the ending itself, a code of no language.
        ("two.v2.txt", [], None),
        ("two.new.txt", [], None),
        ("two.old.txt", ["en"], None),
        ("id.txt", [], None),
        ("two.xx.txt", [], None),
        ("id", [], None),
    ],
)
def test_language_of_a_file_name(name: str, declared: list[str], language: str | None) -> None:
    assert language_of(Path(name), declared) == language


def test_language_that_the_corpus_does_not_declare_is_refused() -> None:
    with pytest.raises(ValueError, match=r"bbc\.co\.txt: 'co' is not a language of the corpus \(en, id\)"):
        language_of(Path("bbc.co.txt"), ["en", "id"])


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
        ("vale", {"date": "20240506"}, "not a valid date"),
        ("vale", {"language": "English"}, "not a valid language code"),
        ("vale", {"language": "xx"}, "not a valid language code"),
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


@pytest.mark.parametrize(
    ("given", "card"), [((), "title, date (YYYY-MM-DD), desc"), (("--date", "2024-05-06"), "title, desc")]
)
def test_a_new_event_has_next_steps_and_no_errors(given: tuple[str, ...], card: str, tmp_path: Path) -> None:
    done = run("corpus", "new-event", "vale", *texts(tmp_path), *given, "--corpus", tmp_path / "c")
    assert (done.returncode, "error" in done.stdout + done.stderr) == (0, False)
    assert f"fill in {card}ription, stance holders and targets." in done.stdout
    found = {each.code: each.hint for each in validate(None, load_corpus(tmp_path / "c")).findings}
    assert found == {
        "RT715": "Write it as YYYY-MM-DD." if not given else "Fill it in.",
        "RT303": "Annotate them, and make gold with 'retold corpus build'.",
    }


def test_new_event_says_which_language_each_text_has_and_has_no_idle_flag(tmp_path: Path) -> None:
    files = texts(tmp_path)
    done = run("corpus", "new-event", "vale", *files, "--corpus", tmp_path / "c")
    assert "vale-0: one.txt, language en\n  vale-1: two.id.txt, language id" in done.stderr
    assert "--documents" not in run("corpus", "new-event", "--help").stdout
    assert "deprecated" in run("corpus", "new-event", "v", "--documents", *files, "--corpus", tmp_path / "d").stderr


def test_scaffold_event_refuses_an_existing_event(tmp_path: Path) -> None:
    scaffold_event("vale", texts(tmp_path), tmp_path / "c")
    with pytest.raises(UnreadableError, match="already exists"):
        scaffold_event("vale", texts(tmp_path), tmp_path / "c")
    assert [path.name for path in (tmp_path / "c" / "events").iterdir()] == ["vale"]


# The walk of CONTRIBUTING

SECTION = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## Add an event")[1].split("\n## ")[0]


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


def test_the_lines_that_contributing_shows_are_those_of_the_walk() -> None:
    shown = [json.loads(line) for line in re.findall(r"^\{.*\}$", SECTION, re.M)]
    written = [*plain(ENTITIES), *plain(CLAIMS), *(line for lines in quotes().values() for line in lines)]
    assert len(shown) == 7
    keys = [json.loads(f"{{{line}}}") for line in re.findall(r'^"(?:holders|targets)": .*', SECTION, re.M)]
    assert [each for shown in keys for key, [each] in shown.items() if each in EVENT[key]] == [
        EVENT["holders"][1],
        EVENT["targets"][0],
    ]
    assert [line for line in shown if line not in written] == []


def plain(catalogue: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A catalogue as it is typed: no aliases, no empty keys."""
    return [
        {key: value for key, value in entry.items() if key != "aliases" and (value is not None or key == "kb_id")}
        for entry in catalogue
    ]


def test_commands_of_contributing_add_an_event_from_an_empty_folder_with_the_wheel_alone(
    installed: Path, tmp_path: Path
) -> None:
    texts(tmp_path / "articles")
    event = tmp_path / "corpus" / "events" / "vale-flood"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {
        "PATH": f"{installed.parent}{os.pathsep}{os.environ['PATH']}",
        "HF_HOME": str(tmp_path / "cache"),
        "HF_DATASETS_OFFLINE": "1",
    }

    def fill_in() -> None:
        card = json.loads((event / "event.json").read_text(encoding="utf-8"))
        card.update({key: EVENT[key] for key in ("title", "description", "holders", "targets")})
        (event / "event.json").write_text(json.dumps(card), encoding="utf-8")
        write_lines(event / "entities.jsonl", plain(ENTITIES))
        write_lines(event / "claims.jsonl", plain(CLAIMS))

    def annotate() -> None:
        ann, ben = quotes(), quotes()
        ben["mentions"].pop()
        ben["stance"][2].update(label="against")
        for name, layers in (("ann", ann), ("ben", ben)):
            for layer, records in layers.items():
                write_lines(tmp_path / "quotes" / name / f"{layer}.jsonl", records)

    #: What is done by hand before a command that begins so.
    by_hand: dict[str, Callable[[], object]] = {
        "retold corpus divide": lambda: edit(
            tmp_path / "vale-flood.txt",
            ("outlet:\n", "outlet: The Vale Post\n"),
            ("[body]\n1  Bo Berg meminta bendungan.\n2  Biayanya", "[body]\nBo Berg meminta bendungan.\n\nBiayanya"),
            count=-1,
        ),
        "retold corpus show vale-flood --sentences": fill_in,
        "retold corpus import-quotes quotes/ann": annotate,
        "retold corpus adjudicate decisions.toml --event": lambda: edit(
            tmp_path / "decisions.toml",
            ('decision = ""', 'decision = "ann"'),
            ('reason = ""', 'reason = "D1"'),
            count=-1,
        ),
        "retold score": lambda: shutil.copy(event / "gold.jsonl", tmp_path / "predictions.jsonl"),
    }
    done: dict[str, str] = {}
    for command in re.findall(r"^\$ (.*)", SECTION, re.M):
        for beginning in [each for each in by_hand if command.startswith(each)]:
            by_hand.pop(beginning)()
        ran = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, (command, ran.stdout, ran.stderr)
        done[" ".join(command.split()[:3])] = ran.stdout
    assert by_hand == {}
    assert "1. retold corpus show vale-flood --corpus corpus > vale-flood.txt" in done["retold corpus new-event"]
    assert done["retold validate --corpus"].endswith(": no findings\n")
    assert "num_rows: 8" in done['python -c "from']
    assert re.search(r"overall +1\.000", done["retold score predictions.jsonl"])
    corpus = load_corpus(tmp_path / "corpus")
    assert (corpus.version, corpus.digest) == ("1.0.0", done["retold corpus release"].split()[-1])
    # What was corrected, decided and collected.
    second = corpus.documents["vale-flood-1"]
    assert [second.text[span.start : span.end] for span in second.paragraphs][1:] == [
        "Bo Berg meminta bendungan.",
        "Biayanya 7 juta.",
    ]
    assert {document.outlet for document in corpus.documents.values()} == {"The Vale Post"}
    assert len(corpus.gold["vale-flood-1"].entities) == 2
    assert corpus.events["vale-flood"].entities["vale"].aliases == {"en": ["Vale"], "id": ["Vale"]}
    decided = lines_of(event / "annotators" / "adjudication.jsonl")
    assert [(line["layer"], line["reason"]) for line in decided] == [("stance", "D1"), ("entities", "D1")]
