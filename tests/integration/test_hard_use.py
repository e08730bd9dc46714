"""Unusual files, manifests and arguments: a clear refusal or the right number, never a traceback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import retold
from cli import run
from files import lines_of, write_lines

CELL = {"holder": "h", "target": "t", "label": "favor", "evidence": [0]}


def test_an_empty_layer_on_both_sides_is_undefined(tmp_path: Path) -> None:
    gold = write_lines(tmp_path / "gold.jsonl", [{"document_id": "d", "entities": []}])
    score = retold.score(gold, retold.load_corpus(gold))
    assert score.measures["entities.mention.f1"].value is None
    assert score.measures["entities.coreference.conll"].value is None


@pytest.mark.parametrize("layer", ["entities", "stance", "claims", "verification"])
@pytest.mark.parametrize("labels", [[], ["--labels", "from-gold"]], ids=["default labels", "labels of gold"])
def test_no_command_fails_on_a_layer_that_is_empty_on_both_sides(layer: str, labels: list[str], tmp_path: Path) -> None:
    gold = write_lines(tmp_path / "gold.jsonl", [{"document_id": "a", layer: []}])
    for command in (["score", "--items", tmp_path / "items"], ["rank", gold], ["compare", gold], ["agree", gold]):
        done = run(*command, gold, "--gold", gold, *labels)
        assert (done.returncode, done.stderr.replace(f"wrote {tmp_path / 'items'}\n", "")) == (0, "")


@pytest.mark.parametrize("kb_id", [{}, {"kb_id": None}], ids=["no key", "null"])
def test_gold_without_the_id_of_a_verified_entity_is_scored(
    kb_id: dict[str, None], tiny_folder: Path, tmp_path: Path
) -> None:
    file = tiny_folder / "events" / "flood" / "gold.jsonl"
    records = lines_of(file)
    given = write_lines(tmp_path / "given.jsonl", records)
    for mention in records[0]["entities"]:
        del mention["kb_id"]
        mention.update(kb_id)
    write_lines(file, records)
    for command in (["score", "--items", tmp_path / "items"], ["rank", given], ["compare", file], ["agree", file]):
        done = run(*command, given, "--corpus", tiny_folder)
        assert done.returncode == 0, done.stderr
    links = lines_of(tmp_path / "items")[1:]
    assert len([item for item in links if item["task"] == "linking" and item["document_id"] == "flood-0"]) == 1


# Columns as writers of Parquet leave them where a list is empty, or as nobody should.
COLUMNS: dict[str, tuple[Any, str | None]] = {
    "list of null": (pa.array([[], []], pa.list_(pa.null())), None),
    "null": (pa.nulls(2), None),
    "string": (pa.array(["x", "y"]), "RT201"),
    "struct": (pa.array([{"start": 0}] * 2), "RT201"),
    "list of lists": (pa.array([[[1]]] * 2), "RT114"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_parquet_columns_of_any_type_are_scored_or_refused(name: str, tmp_path: Path) -> None:
    column, code = COLUMNS[name]
    gold = tmp_path / "gold.parquet"
    mention = {"start": 0, "end": 3, "type": "PER"}
    pq.write_table(pa.Table.from_pylist([{"document_id": key, "entities": [mention]} for key in "ab"]), gold)
    given = tmp_path / "given.parquet"
    pq.write_table(pa.table({"document_id": ["a", "b"], "entities": column}), given)
    done = run("score", str(given), "--gold", str(gold), "--format", "json")
    if code is not None:
        assert done.returncode == 1
        assert code in done.stdout + done.stderr
        return
    found = json.loads(done.stdout)["measures"]["entities.mention.f1"]
    # A null is an absent layer, in which the system does not compete; an empty list finds nothing.
    assert found["value"] == (None if name == "null" else 0.0)


@pytest.mark.parametrize("track", ["../../x", "a/b", "", "a\nb", "overall", "stance.accuracy", "Overall"])
def test_names_of_tracks_are_names_of_files_and_of_nothing_else(track: str, tmp_path: Path) -> None:
    gold = write_lines(tmp_path / "gold.jsonl", [{"document_id": "d", "stance": [CELL]}])
    manifest = tmp_path / "corpus.json"
    manifest.write_text(json.dumps({"layers": {"stance": {}}, "tracks": {track: ["stance.favg"]}}), encoding="utf-8")
    done = run("rank", str(gold), "--gold", str(gold), "--manifest", str(manifest), "--output", str(tmp_path / "out"))
    assert done.returncode == 1
    assert "RT208" in done.stdout + done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.json", "gold.jsonl"]


@pytest.mark.parametrize(
    "manifest",
    [
        {"tracks": {"a": ["stance.favg", "stance.favg"]}},
        {"overall": ["stance", "stance"]},
        {"layers": {"stance": {"sides": ["favor", "favor"]}}},
        {"tracks": {"a": ["stance.favg"], "A": ["stance.favg"]}},
        {"layers": {"stance": {"labels": ['a "b"', "c"], "sides": ["c"], "neutral": None}}},
    ],
)
def test_a_manifest_that_would_count_twice_or_cannot_be_written_is_refused(
    manifest: dict[str, Any], tmp_path: Path
) -> None:
    gold = write_lines(tmp_path / "gold.jsonl", [{"document_id": "d", "stance": [CELL]}])
    file = tmp_path / "corpus.json"
    file.write_text(json.dumps({"layers": {"stance": {}}, **manifest}), encoding="utf-8")
    with pytest.raises(retold.FindingsError) as refused:
        retold.load_corpus(gold, manifest=file)
    assert [found.code for found in refused.value.findings] == ["RT208"]


@pytest.mark.parametrize("options", [{"resamples": -1}, {"workers": -3}, {"executor": "cluster"}])
def test_score_refuses_what_makes_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        retold.score([{"document_id": "macron-coalition-0"}], allow_missing=True, **options)


def test_validate_takes_one_path(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "mine.jsonl", [{"document_id": "macron-coalition-0", "entities": []}])
    assert retold.validate(str(path)).records == retold.validate([path]).records == 1


def test_an_answer_to_a_layer_that_gold_lacks_is_named(tmp_path: Path) -> None:
    gold = write_lines(tmp_path / "gold.jsonl", [{"document_id": "d", "stance": [CELL]}])
    given = write_lines(tmp_path / "given.jsonl", [{"document_id": "d", "stance": [CELL], "claims": []}])
    score = retold.score(given, retold.load_corpus(gold))
    assert score.coverage["ignored_layers"] == {"claims": 1}
    assert score.measures["claims.span.f1"].value is None
    assert "answered but ignored, as gold lacks it: claims" in run("score", str(given), "--gold", str(gold)).stdout


@pytest.mark.parametrize("options", [[], ["--allow-missing"]], ids=" ".join)
def test_a_document_without_gold_is_named(options: list[str], tiny_folder: Path) -> None:
    file = tiny_folder / "events" / "flood" / "gold.jsonl"
    records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    given = write_lines(tiny_folder / "given.jsonl", records)
    write_lines(file, records[:1])
    done = run("score", given, "--corpus", tiny_folder, *options)
    assert done.returncode == 1
    assert "given.jsonl:2: error RT301 the corpus has no gold for document 'flood-1'" in done.stderr


def test_every_file_of_records_in_a_folder_is_read(tiny_folder: Path, tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.NDJSON"):
        write_lines(tmp_path / name, [{"document_id": "flood-9"}])
    pq.write_table(pa.table({"document_id": ["flood-9"]}), tmp_path / "c.parquet")
    report = retold.validate(tmp_path, tiny_folder, select=["RT301"])
    assert [Path(str(found.file)).name for found in report.findings] == ["a.jsonl", "b.NDJSON", "c.parquet"]


def test_a_card_is_read_whatever_its_case(tiny_folder: Path, tmp_path: Path) -> None:
    write_lines(tmp_path / "predictions.jsonl", [{"document_id": key} for key in ("flood-0", "flood-1")])
    (tmp_path / "submission.json").symlink_to("nowhere")
    assert "submission.json: No such file" in run("validate", tmp_path, "--corpus", tiny_folder).stderr
    (tmp_path / "Submission.json").write_text("{")
    assert "more than one card" in run("validate", tmp_path, "--corpus", tiny_folder).stderr
    (tmp_path / "submission.json").unlink()
    assert "error RT102" in run("validate", tmp_path, "--corpus", tiny_folder).stdout


@pytest.mark.parametrize("value", [None, "x"])
def test_an_unknown_field_of_items_is_refused_in_parquet_even_where_it_is_null(
    value: str | None, tiny_folder: Path, tmp_path: Path
) -> None:
    kind = pa.list_(
        pa.struct([("start", pa.int64()), ("end", pa.int64()), ("type", pa.string()), ("kid", pa.string())])
    )
    items = [[{"start": 15, "end": 19, "type": "GPE", "kid": value}], []]
    given = tmp_path / "given.parquet"
    pq.write_table(pa.table({"document_id": ["flood-0", "flood-1"], "entities": pa.array(items, kind)}), given)
    report = retold.validate(given, tiny_folder, role="prediction")
    assert [(found.code, found.pointer, found.hint) for found in report.findings] == [
        ("RT203", "/entities/kid", "Did you mean 'kind'?")
    ]
    assert run("score", given, "--corpus", tiny_folder).returncode == 1


class Key(str):
    """A string of a class of its own, as np.str_ is."""


def test_records_in_memory_may_hold_scalars_of_numpy(tiny_folder: Path) -> None:
    np = pytest.importorskip("numpy")
    start, end = np.array([15, 19])
    plain = [{"document_id": "flood-0", "entities": [{"start": 15, "end": 19, "type": "GPE"}]}]
    given = [{"document_id": Key("flood-0"), "entities": [{"start": start, "end": end, "type": np.str_("GPE")}]}]
    others = [{"document_id": "flood-1", "entities": []}]
    made = [retold.score(each + others, tiny_folder, resamples=0).as_dict() for each in (given, plain)]
    assert made[0] == made[1]
    with pytest.raises(retold.FindingsError, match="found a mapping"):
        retold.score({"flood-0": given[0]}, tiny_folder)
    with pytest.raises(retold.FindingsError, match="ndarray"):
        retold.score([{"document_id": np.array(["a", "b"])}], tiny_folder)
