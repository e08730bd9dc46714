"""The released corpus: what a user who loads it relies on."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pandas
import pytest
import yaml

import retold
from cli import run
from files import lines_of, write_lines
from paths import ROOT
from retold.corpus import views
from retold.corpus.load import Corpus
from retold.layers.scheme import default_scheme
from retold.model.findings import UnreadableError
from retold.publish.build import build, out_of_date, write
from retold.publish.release import cut

GOLD = ROOT / "corpus" / "events" / "macron-coalition" / "gold.jsonl"
SIZES = {
    # What gold and the catalogues hold, counted there.
    "documents": lambda corpus: 5,
    "entities": lambda corpus: sum(len(record.entities) for record in corpus.gold.values()),
    "stance": lambda corpus: sum(len(record.stance) for record in corpus.gold.values()),
    "claims": lambda corpus: sum(len(record.claims) for record in corpus.gold.values()),
    "verification": lambda corpus: sum(len(record.verification) for record in corpus.gold.values()),
    "claim_texts": lambda corpus: sum(len(event.claims) for event in corpus.events.values()),
}


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return retold.load_corpus(ROOT / "corpus")


def test_generated_files_are_current_and_the_same_twice() -> None:
    first, second = build(ROOT / "corpus"), build(ROOT / "corpus")
    assert first == second
    assert out_of_date(first) == []


def test_the_corpus_validates() -> None:
    report = retold.validate(None, retold.load_corpus(ROOT / "corpus"))
    assert [finding for finding in report.findings if finding.severity == "error"] == []
    assert report.records >= 10


def test_texts_are_the_seeds_verbatim(corpus: Corpus) -> None:
    assert len(corpus.documents) == 5
    for document in corpus.documents.values():
        data = (ROOT / "seeds" / document.seed).read_bytes()
        assert document.text.encode() == data
        assert document.seed_sha256 == hashlib.sha256(data).hexdigest()
    # Non-breaking spaces are kept: the seed of document 1 has 43 of them.
    assert corpus.documents["macron-coalition-1"].text.count("\xa0") == 43


def test_zones_tile_and_sentences_cover(corpus: Corpus) -> None:
    for document in corpus.documents.values():
        at = 0
        for zone in document.zones:
            assert zone.start == at
            at = zone.end
        assert at == len(document.text)
        wanted = {
            i
            for zone in document.zones
            if zone.zone in ("title", "body")
            for i in range(zone.start, zone.end)
            if not document.text[i].isspace()
        }
        for spans in (document.sentences, document.paragraphs):
            covered = [i for span in spans for i in range(span.start, span.end)]
            assert len(covered) == len(set(covered))
            assert wanted <= set(covered)
            assert {i for i in covered if not document.text[i].isspace()} == wanted


@pytest.mark.parametrize(
    ("document", "number", "opening", "ending"),
    [
        # Read in the seeds: a quotation does not split, a full stop before a closing mark ends a sentence.
        ("macron-coalition-0", 1, "“We must build", "Benjamin Netanyahu."),
        ("macron-coalition-0", 5, "“Israel’s security", "with the Palestinians.”"),
        ("macron-coalition-1", 0, "Macron Urges", "Anti-IS Efforts"),
        ("macron-coalition-1", 26, "“I think this is our duty", "enlarging this conflict.”"),
        ("macron-coalition-2", 0, "French President", "the Palestinian group."),
        ("macron-coalition-3", 5, "While he did not", "not without rules.”"),
        ("macron-coalition-4", 13, "“Jika Anda ingin", "baca selebaran itu."),
    ],
)
def test_sentences_stand_where_a_reader_puts_them(
    corpus: Corpus, document: str, number: int, opening: str, ending: str
) -> None:
    text, span = corpus.documents[document].text, corpus.documents[document].sentences[number]
    sentence = text[span.start : span.end]
    assert sentence.startswith(opening)
    assert sentence.endswith(ending)


def test_what_the_seeds_say_of_themselves(corpus: Corpus) -> None:
    published = {key: document.published for key, document in corpus.documents.items()}
    assert published == {
        "macron-coalition-0": None,
        "macron-coalition-1": "2023-10-24",
        "macron-coalition-2": "2023-11-10",
        "macron-coalition-3": None,
        "macron-coalition-4": None,
    }
    assert {document.event_date for document in corpus.documents.values()} == {"2023-10-24"}
    assert [document.language for document in corpus.documents.values()] == ["en", "en", "en", "en", "id"]
    assert all("publisher" in document.rights for document in corpus.documents.values())


def test_gold_joins_across_documents_and_languages(corpus: Corpus) -> None:
    def names(document: str, entity: str) -> set[str]:
        return {m.text for m in corpus.gold[document].entities if m.entity == entity and m.kind == "name"}

    assert "Daesh" in names("macron-coalition-1", "islamic-state")
    assert "ISIS" in names("macron-coalition-4", "islamic-state")
    assert "Abu Mazen" in names("macron-coalition-0", "mahmoud-abbas")
    assert "Prancis" in names("macron-coalition-4", "france")


def test_only_verified_ids_are_given(corpus: Corpus) -> None:
    for event in corpus.events.values():
        for entity in event.entities.values():
            assert (entity.kb_id is not None) == (entity.kb_status == "verified"), entity.entity


#: Loads tables as `load_dataset` gives them and as pandas reads their files: version, features and rows of each.
LOAD = """
import glob, json, pandas, sys
from datasets import ClassLabel, Value, load_dataset
corpus, split, *names = sys.argv[1:]
for name in names:
    loaded = load_dataset(corpus, name, split=split)
    features = loaded.features
    labels = {column: each.names for column, each in features.items() if isinstance(each, ClassLabel)}
    strings = [column for column, each in features.items() if isinstance(each, Value) and each.dtype == "string"]
    integers = [column for column, each in features.items() if isinstance(each, Value) and each.dtype == "int64"]
    files = glob.glob(f"{corpus}/views/{name}.jsonl")
    read = [pandas.read_json(file, lines=True, dtype=False).to_json(orient="records") for file in files]
    print(json.dumps([str(loaded.info.version), labels, strings, integers, loaded.to_list(), read]))
"""


def load(folder: Path, cache: Path, *names: str, split: str = "test") -> dict[str, list[Any]]:
    """What a fresh process that is offline loads of a corpus folder, by the name of the table."""
    environment = {**os.environ, "HF_HOME": str(cache), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    command = [sys.executable, "-c", LOAD, str(folder), split, *names]
    done = subprocess.run(command, cwd=cache, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(zip(names, map(json.loads, done.stdout.splitlines()), strict=True))


def check_loads_as_written(folder: Path, cache: Path) -> None:
    """Columns have the types of the schema, and cells are what the views hold, whoever reads them."""
    corpus = retold.load_corpus(folder)
    tables, labels = views.tables_of(corpus.scheme), views.labels_of(corpus.scheme)
    for name, (_, classes, strings, integers, rows, read) in load(folder, cache, *tables).items():
        kinds = tables[name]
        assert classes == {column: list(labels[kind]) for column, kind in kinds.items() if kind in labels}
        assert strings == [column for column, kind in kinds.items() if kind == "string"], name
        assert integers == [column for column, kind in kinds.items() if kind == "int"], name
        written = [json.loads(line) for line in (folder / "views" / f"{name}.jsonl").read_bytes().splitlines()]
        assert json.loads(*read) == written, name
        for row in written:
            row.update({column: names.index(row[column]) for column, names in classes.items()})
        assert rows == written, name


def test_load_dataset_and_pandas_load_every_view_as_it_is_written(corpus: Corpus, tmp_path: Path) -> None:
    assert {event.event.date for event in corpus.events.values()} == {"2023-10-24"}
    check_loads_as_written(ROOT / "corpus", tmp_path)
    # No key of this corpus is made of digits, which pandas by default takes for numbers.
    for path in (ROOT / "corpus" / "views").glob("*.jsonl"):
        written = [json.loads(line) for line in path.read_bytes().splitlines()]
        assert json.loads(pandas.read_json(path, lines=True).to_json(orient="records")) == written, path.name


def built(folder: Path) -> Path:
    write(build(folder))
    return folder


def test_keys_and_texts_that_look_like_dates_or_numbers_stay_strings(tiny_folder: Path, tmp_path: Path) -> None:
    keys = {"flood-0": "2024-05-06", "flood-1": "2024-05-07", "mayor": "007", "dam": "2024-01-01"}
    for path in tiny_folder.rglob("*.json*"):
        text = path.read_text(encoding="utf-8")
        for old, new in keys.items():
            text = text.replace(f'"{old}"', f'"{new}"')
        path.write_text(text, encoding="utf-8")
    check_loads_as_written(built(tiny_folder), tmp_path)
    told = yaml.safe_load((tiny_folder / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    assert {each["config_name"]: each.get("field") for each in told["configs"]}["stance"] == "rows"
    assert retold.validate(None, retold.load_corpus(tiny_folder)).errors == 0
    twin = tiny_folder / "views" / "documents.json"
    twin.write_text(twin.read_text(encoding="utf-8").replace("2024-05-06", "2024-05-09"), encoding="utf-8")
    assert [(f.code, f.file, f.line) for f in retold.validate(None, retold.load_corpus(tiny_folder)).findings] == [
        ("RT702", str(twin), 2)
    ]


def test_a_changed_label_is_loaded_from_the_same_cache_folder(tiny_folder: Path, tmp_path: Path) -> None:
    reader = tiny_folder / "events" / "flood" / "annotators" / "reader-1.jsonl"
    given = []
    for label in ("favor", "against"):
        records = lines_of(reader)
        records[0]["stance"][0]["label"] = label
        write_lines(reader, records)
        _, classes, _, _, rows, _ = load(built(tiny_folder), tmp_path, "stance")["stance"]
        given.append(classes["label"][rows[0]["label"]])
    assert given == ["favor", "against"]


def test_the_card_names_the_version_and_the_digest_of_the_views_in_every_entry(corpus: Corpus) -> None:
    told = yaml.safe_load((ROOT / "corpus" / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    files = sorted((ROOT / "corpus" / "views").glob("*.jsonl"), key=lambda path: path.name)
    listing = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  views/{file.name}\n" for file in files)
    digest = hashlib.sha256(listing.encode()).hexdigest()
    assert len(told["dataset_info"]) == len(told["configs"]) == 6
    for entry in told["dataset_info"]:
        assert entry["description"].endswith(digest)
        assert entry["version"] == corpus.version
    assert {entry["version"] for entry in told["configs"]} == {corpus.version}


def test_the_card_states_the_row_counts(corpus: Corpus) -> None:
    card = (ROOT / "corpus" / "README.md").read_text(encoding="utf-8")
    stated = dict(re.findall(r"^\| `(\w+)` +\| (\d+) +\|$", card, flags=re.MULTILINE))
    assert {name: int(size) for name, size in stated.items()} == {n: size(corpus) for n, size in SIZES.items()}


def test_the_card_tells_who_annotated() -> None:
    card = (ROOT / "corpus" / "README.md").read_text(encoding="utf-8")
    assert "language-model annotators" in card
    assert "no human annotator took" in card


#: Class labels that a user of ``datasets`` gets, in the order of the manifests in tests/data/corpora.
OTHERS = {
    "averitec": (
        "verification",
        "label",
        ["Supported", "Refuted", "Not Enough Evidence", "Conflicting Evidence/Cherrypicking"],
    ),
    "hipe": ("entities", "kind", ["name"]),
    "ontonotes-fr": ("entities", "kind", ["name"]),
    "rumour": ("stance", "label", ["support", "deny", "query", "comment"]),
}


def test_corpora_of_other_layers_and_labels_are_built_and_load_with_datasets(tmp_path: Path) -> None:
    for name in OTHERS:
        folder = Path(shutil.copytree(ROOT / "tests" / "data" / "corpora" / name, tmp_path / name))
        kept = {path: path.read_bytes() for path in folder.rglob("*.json*")}
        built(folder)
        assert {path: path.read_bytes() for path in kept} == kept
        assert out_of_date(build(folder)) == []
        assert retold.validate(None, retold.load_corpus(folder)).errors == 0
    for name, (table, column, labels) in OTHERS.items():
        check_loads_as_written(tmp_path / name, tmp_path)
        _, classes, _, _, rows, _ = load(tmp_path / name, tmp_path, table)[table]
        gold = retold.load_corpus(tmp_path / name).gold.values()
        assert (classes[column], len(rows)) == (labels, sum(len(getattr(record, table)) for record in gold))


def with_second_event(folder: Path) -> Path:
    """The tiny corpus with a second event, which alone is for development, and the marks of a card's tables."""
    second = folder / "events" / "drought"
    shutil.copytree(folder / "events" / "flood", second)
    for path in second.rglob("*.json*"):
        text = path.read_text(encoding="utf-8").replace('"flood', '"drought')
        path.write_text(text.replace("Made for the tests.", "CC0."), encoding="utf-8")
    manifest = {"name": "tiny", "splits": {"dev": ["drought"], "test": ["flood"]}, "languages": ["en", "id"]}
    (folder / "corpus.json").write_text(json.dumps(manifest), encoding="utf-8")
    for event in (second, folder / "events" / "flood"):
        reader = (event / "annotators" / "reader-1.jsonl").read_bytes()
        (event / "annotators" / "reader-2.jsonl").write_bytes(reader)
    return folder


def test_two_events_are_built_loaded_scored_and_released(tiny_folder: Path, tmp_path: Path) -> None:
    folder = with_second_event(tiny_folder)
    names = ("rows", "labels", "claims", "agreement")
    marks = "".join(f"<!-- generated:{name} -->\n<!-- /generated:{name} -->\n" for name in names)
    (folder / "README.md").write_text(f"# Two\n\n{marks}", encoding="utf-8")
    (folder / "croissant.json").write_text('{"name": "two"}', encoding="utf-8")
    built(folder)
    written = cut(folder, "0.1.0", date="2024-05-06")
    assert {path.name for path in written} == {"CHANGELOG.md", "README.md", "croissant.json", "release.json"}
    corpus = retold.load_corpus(folder)
    assert retold.validate(None, corpus).findings == []
    assert corpus.digest == corpus.release.sha256
    # Two documents of each event; both events have the same labels (tests/support/tiny.py).
    assert {key: corpus.release.counts[key] for key in ("documents", "mentions", "pairs")} == {
        "documents": 4,
        "mentions": 8,
        "pairs": 12,
    }
    card = (folder / "README.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in card.splitlines() if line.startswith("|")]
    assert ["configuration", "rows of dev", "rows of test"] in rows
    assert ["`stance`", "8", "8"] in rows
    assert [row[:2] for row in rows if row[0].startswith("all")] == [
        ["all of `drought`", "4"],
        ["all of `flood`", "4"],
        ["all", "8"],
    ]
    assert ["claims", "`drought`", "`flood`"] in rows
    assert [row[0] for row in rows if row[1:3] == ["stance.kappa", "1.000"]] == ["`drought`", "`flood`"]
    metadata = json.loads((folder / "croissant.json").read_text(encoding="utf-8"))
    assert [each["@id"] for each in metadata["recordSet"]][:2] == ["documents-dev", "documents-test"]
    loaded = load(folder, tmp_path, "stance", "documents", split="dev")
    assert [{row["event"] for row in rows} for _, _, _, _, rows, _ in loaded.values()] == [{"drought"}] * 2
    assert {row["rights"] for row in loaded["documents"][4]} == {"CC0."}
    # One label of one event is wrong: 7 of 8 of its cells are right, and the other event is untouched.
    records = [msgspec.to_builtins(record) for record in corpus.gold.values()]
    records[0]["stance"][0]["label"] = "against"
    score = retold.score(records, corpus, resamples=10)
    by_event = score.breakdowns["event"]
    assert {event: cells["stance.accuracy"]["value"] for event, cells in by_event.items()} == {
        "drought": 7 / 8,
        "flood": 1,
    }
    assert {cells["entities.coreference.conll"]["value"] for cells in by_event.values()} == {1}
    assert "event" not in retold.score(GOLD, resamples=0).breakdowns


def test_an_event_without_annotations_and_views_of_other_splits_do_not_stay_in_the_way(
    tiny_folder: Path, tmp_path: Path
) -> None:
    folder = with_second_event(tiny_folder)
    for path in [*(folder / "events" / "drought").glob("annotators/*"), folder / "events" / "drought" / "gold.jsonl"]:
        path.unlink()
    built(folder)
    assert len(load(folder, tmp_path, "stance")["stance"][4]) == 8
    shutil.rmtree(folder / "events" / "drought")
    (folder / "corpus.json").unlink()
    built(folder)
    assert sorted(path.stem for path in (folder / "views").glob("*.jsonl")) == sorted(views.tables_of(default_scheme()))
    for path in [*(folder / "events" / "flood").glob("annotators/*"), folder / "events" / "flood" / "gold.jsonl"]:
        path.unlink()
    with pytest.raises(UnreadableError, match="no event has gold or annotations"):
        build(folder)


def test_build_collects_aliases_and_the_date_of_the_event_and_keeps_bytes_that_say_the_same(tiny_folder: Path) -> None:
    event = tiny_folder / "events" / "flood"
    catalogue = lines_of(event / "entities.jsonl")
    for entity, aliases in zip(catalogue, ({"en": ["Typed"]}, None), strict=True):
        entity.pop("aliases")
        entity.update({"aliases": aliases} if aliases else {})
    write_lines(event / "entities.jsonl", catalogue)
    card = json.loads((event / "event.json").read_text(encoding="utf-8"))
    (event / "event.json").write_text(json.dumps({**card, "date": "2024-05-07"}), encoding="utf-8")
    reader = (event / "annotators" / "reader-1.jsonl").read_bytes()
    built(tiny_folder)
    corpus = retold.load_corpus(tiny_folder)
    assert {key: entity.aliases for key, entity in corpus.events["flood"].entities.items()} == {
        "bo-berg": {"en": ["Bo Berg"], "id": ["Bo Berg"]},
        "vale": {"en": ["Vale"], "id": ["Vale"]},
    }
    assert {document.event_date for document in corpus.documents.values()} == {"2024-05-07"}
    assert (event / "annotators" / "reader-1.jsonl").read_bytes() == reader
    spaced = (event / "gold.jsonl").read_text(encoding="utf-8").replace('":', '": ')
    (event / "gold.jsonl").write_text(spaced, encoding="utf-8")
    assert out_of_date(build(tiny_folder)) == []


def test_build_says_what_it_wrote_and_what_is_out_of_date(tiny_folder: Path, tmp_path: Path) -> None:
    def names(*options: str) -> tuple[int, set[str]]:
        done = run("corpus", "build", "--corpus", tiny_folder, *options)
        return done.returncode, {line.replace(str(tiny_folder), "") for line in done.stdout.splitlines()}

    assert names("--check")[0] == 1
    assert "wrote: /views/stance.jsonl" in names()[1]
    assert names("--check") == names() == (0, set())
    (tiny_folder / "views" / "stance-dev.jsonl").write_text("{}\n", encoding="utf-8")
    assert names("--check") == (1, {"out of date: /views/stance-dev.jsonl"})
    assert names() == (0, {"removed: /views/stance-dev.jsonl"})
    for folder, words in ((tmp_path / "none", "not a corpus folder"), (GOLD, "not a corpus folder")):
        for command in (("build",), ("release", "1.0.0"), ("divide", GOLD), ("adjudicate", "x.toml")):
            done = run("corpus", *command, "--corpus", folder)
            assert (done.returncode, words in done.stderr) == (2, True), done.stderr
    (tiny_folder / "README.md").write_text("---\nlicense: [\n---\n# Tiny\n", encoding="utf-8")
    done = run("corpus", "build", "--corpus", tiny_folder)
    assert (done.returncode, "README.md: the head is not YAML" in done.stderr) == (2, True)
    (tiny_folder / "events" / "flood" / "gold.jsonl").write_text("{", encoding="utf-8")
    done = run("corpus", "build", "--corpus", tiny_folder)
    assert (done.returncode, "gold.jsonl:1" in done.stderr, "Traceback" in done.stderr) == (1, True, False)


def test_card_keeps_what_others_wrote_and_splits_have_files_of_their_own(tiny_folder: Path) -> None:
    with_second_event(tiny_folder)
    card = tiny_folder / "README.md"
    card.write_text("---\nlicense: cc-by-4.0\ntags:\n- news\nlanguage: [fr]\n---\n# Ours\n\nText.\n", encoding="utf-8")
    built(tiny_folder)
    head, _, body = card.read_text(encoding="utf-8").removeprefix("---\n").partition("---\n")
    assert body == "# Ours\n\nText.\n"
    told = yaml.safe_load(head)
    assert (told["license"], told["tags"], told["language"]) == ("cc-by-4.0", ["news"], ["en", "id"])
    assert told["configs"][2]["data_files"] == [
        {"split": "dev", "path": "views/stance-dev.jsonl"},
        {"split": "test", "path": "views/stance-test.jsonl"},
    ]
    assert {row["event"] for row in map(json.loads, (tiny_folder / "views" / "stance-dev.jsonl").open())} == {"drought"}
    assert [each.code for each in retold.validate(None, retold.load_corpus(tiny_folder)).findings] == []
    (tiny_folder / "views" / "stance-dev.jsonl").write_text("", encoding="utf-8")
    assert [each.code for each in retold.validate(None, retold.load_corpus(tiny_folder)).findings] == ["RT702"]
