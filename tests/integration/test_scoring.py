"""Scoring whole submissions on the packaged corpus: what must come out, what must not matter, what is refused."""

from __future__ import annotations

import copy
import json
import random
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import retold
from default_labels import HEADLINES, LAYERS
from predictions import Record, gold_records, noisy, refused, released, run, values, write
from retold.corpus.load import Corpus, load_corpus, packaged_corpus
from retold.layers import units
from retold.model.findings import FindingsError
from retold.report.scores import render_score
from retold.scoring import count, evaluate
from retold.scoring.score import score
from tiny import gold_of

#: Not shares between 0 and 1 (Brier reaches 2), and better when lower.
ERRORS = ("stance.brier", "stance.ece")
#: layer -> how its measures' names begin, and the track that needs it.
OF_LAYER = {
    "entities": ("entities.", "entities"),
    "stance": ("stance.", "stance"),
    "claims": (("claims.span.", "claims.attribution."), "claims"),
    "verification": ("claims.verification.", "claims"),
}


# --- Gold against itself ----------------------------------------------------------------------------------------------


def test_gold_against_itself_is_one_on_every_defined_measure(tmp_path: Path) -> None:
    found = values(run(tmp_path, gold_records()))
    assert [found.pop(name) for name in ERRORS] == [None, None]  # gold has no scores to judge
    assert found == dict.fromkeys(found, 1.0)


def test_gold_against_itself_is_one_in_every_breakdown(tmp_path: Path) -> None:
    breakdowns = run(tmp_path, gold_records()).breakdowns
    assert set(breakdowns) == {
        "document", "language", "type", "kind", "holder", "target", "label", "source", "mutation", "coreference",
    }  # fmt: skip
    for dimension, parts in breakdowns.items():
        for part, measures in parts.items():
            shown = {name: cell["value"] for name, cell in measures.items() if cell["value"] is not None}
            assert shown, (dimension, part)
            assert set(shown.values()) <= {1.0}, (dimension, part)


def test_a_perfect_system_has_an_interval_that_says_how_little_it_was_asked(tmp_path: Path) -> None:
    # Wilson: 302 of 302 names leave 1 - z^2 / (302 + z^2) with z = 1.96; resampling would say [1, 1].
    result = run(tmp_path, gold_records(), resamples=20)
    f1 = result.measures["entities.mention.f1"]
    size = f1.counts["gold"]
    assert f1.low == pytest.approx(size / (size + 1.959964**2), abs=1e-6)
    assert f1.high == 1.0
    for name in HEADLINES:
        measure = result.measures[name]
        assert measure.low is not None
        assert 0.9 < measure.low < 1.0 == measure.high


# --- What must not matter ---------------------------------------------------------------------------------------------


def turned(records: list[Record], seed: int) -> list[Record]:
    """The same prediction in another order, with other names for its clusters, sources renamed along."""
    draw = random.Random(seed)
    own = sorted({mention["entity"] for record in records for mention in record["entities"]})
    # Half of the new names are old names of other clusters: a name alone must mean nothing.
    fresh = [name if n % 2 else f"cluster-{n}" for n, name in enumerate(own)]
    draw.shuffle(fresh)
    rename = dict(zip(own, fresh, strict=True))
    for record in records:
        for mention in record["entities"]:
            mention["entity"] = rename[mention["entity"]]
        for claim in record["claims"]:
            claim["source"] = rename.get(claim["source"], claim["source"])
        for layer in LAYERS:
            draw.shuffle(record[layer])
            for item in record[layer]:
                if "evidence" in item:
                    draw.shuffle(item["evidence"])
    draw.shuffle(records)
    return records


@pytest.mark.parametrize("make", [gold_records, noisy])
def test_order_and_names_of_clusters_do_not_change_a_byte(tmp_path: Path, make: Callable[[], list[Record]]) -> None:
    # A source that is no cluster of the system's own is a key of the catalogue and keeps its name. Only the hash of the
    # file that was read differs.
    plain = run(tmp_path / "a", make(), resamples=200)
    for seed in (1, 2):
        found = run(tmp_path / f"b{seed}", turned(make(), seed), resamples=200)
        assert found.submission["sha256"] != plain.submission["sha256"]
        assert render_score(replace(found, submission=plain.submission), "json") == render_score(plain, "json")


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_intervals(tmp_path: Path) -> None:
    first, again, other = (run(tmp_path, noisy(), resamples=200, seed=seed) for seed in (0, 0, 1))
    assert render_score(first, "json") == render_score(again, "json")
    assert values(first) == values(other)
    assert first.measures["overall"].low != other.measures["overall"].low
    assert "|seed:0|" in first.signature
    assert "|seed:1|" in other.signature


def test_a_bare_gold_file_gives_the_same_values_as_the_folder(tmp_path: Path) -> None:
    gold = write(tmp_path / "gold", gold_records(), "gold.jsonl")
    for records in (gold_records(), noisy()):
        bare, folder = run(tmp_path, records, gold), run(tmp_path, records)
        assert values(bare) == pytest.approx(values(folder), abs=1e-12)
        # Without the documents there are no paragraphs, and the document is drawn.
        assert "|unit:document|" in bare.signature
        assert "|unit:paragraph|" in folder.signature


def test_a_folder_an_archive_and_parquet_score_as_the_lines_do(tmp_path: Path) -> None:
    records = noisy()
    card = {"name": "mine", "protocol": "zero-shot", "corpus_version": "0.1.0"}
    lines = write(tmp_path / "folder", records, "predictions.jsonl")
    (tmp_path / "folder" / "submission.json").write_text(json.dumps(card))
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        archive.write(lines, "mine/predictions.jsonl")
        archive.write(tmp_path / "folder" / "submission.json", "mine/submission.json")
    (tmp_path / "columns").mkdir()
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "columns" / "predictions.parquet")
    wanted = score(lines, released(), resamples=100).as_dict()
    for path in ("folder", "mine.zip", "columns", "columns/predictions.parquet"):
        found = score(tmp_path / path, released(), resamples=100).as_dict()
        # What was submitted is another file under another name; every number is the same.
        assert {**found, "system": "", "submission": ""} == {**wanted, "system": "", "submission": ""}, path
    assert score(tmp_path / "mine.zip", released(), resamples=0).system == "mine"
    assert score(tmp_path / "mine.zip", released(), resamples=0).protocol == "zero-shot"


def test_records_in_memory_score_as_their_file_does(tmp_path: Path) -> None:
    records = noisy()
    wanted = score(write(tmp_path, records), released(), resamples=100)
    typed = [retold.AnnotationRecord(**record) for record in records]
    decoded = list(load_corpus(write(tmp_path, records, "gold.jsonl")).gold.values())
    for some in (records, iter(records), typed, decoded):
        found = retold.score(some, released(), resamples=100)
        assert (found.measures, found.breakdowns) == (wanted.measures, wanted.breakdowns)
    with pytest.raises(FindingsError, match=r"<system>:2: .*RT3"):
        retold.score([records[0], {**records[1], "document_id": "unheard-of"}, *records[2:]], released())
    with pytest.raises(FindingsError, match="<system>"):
        retold.score([], released())


def test_predictions_outside_title_and_body_change_nothing(tmp_path: Path) -> None:
    records = noisy()
    before = values(run(tmp_path, records))
    for record in records:
        for zone in released().documents[record["document_id"]].zones:
            if zone.zone in ("byline", "boilerplate"):
                span = {"start": zone.start, "end": zone.end}
                record["entities"].append({**span, "type": "PER", "kb_id": "Q1", "entity": "hamas"})
                record["claims"].append({**span, "source": "author"})
    assert values(run(tmp_path, records)) == before


@pytest.mark.parametrize("gold_lacks_entities", [False, True])
def test_a_source_whose_cluster_counts_nowhere_is_nobody_whatever_it_is_called(
    tmp_path: Path, gold_lacks_entities: bool
) -> None:
    # Its mentions lie only in a byline, or in a document in which gold has no entities.
    def system(name: str) -> list[Record]:
        records = gold_records()
        for record in records:
            record["entities"] = [m for m in record["entities"] if m["entity"] != "emmanuel-macron"]
            for claim in record["claims"]:
                claim["source"] = name if claim["source"] == "emmanuel-macron" else claim["source"]
        zones = [] if gold_lacks_entities else released().documents[records[0]["document_id"]].zones
        start = next((zone.start for zone in zones if zone.zone == "byline"), 0)
        records[0]["entities"].append({"start": start, "end": start + 2, "type": "PER", "entity": name})
        return records

    gold = gold_records()
    if gold_lacks_entities:
        del gold[0]["entities"]
    path = write(tmp_path / "gold", gold, "gold.jsonl") if gold_lacks_entities else None
    found = [values(run(tmp_path / name, system(name), path)) for name in ("emmanuel-macron", "someone")]
    assert found[0] == found[1]
    assert found[0]["claims.attribution.f1"] < 1.0


def test_cells_and_pairs_that_gold_does_not_have_change_nothing(tmp_path: Path) -> None:
    records = noisy()
    before = run(tmp_path, records)
    added = 0
    event = next(iter(released().events.values())).event
    for record, gold in zip(records, gold_records(), strict=True):
        known = {cell["holder"] for cell in gold["stance"]}
        for holder in event.holders:
            if holder.holder not in known:
                added += 1
                cell = {"holder": holder.holder, "target": event.targets[0].target, "label": "favor", "evidence": [0]}
                record["stance"].append({**cell, "scores": {"favor": 1.0, "against": 0.0, "none": 0.0}})
    assert added
    after = run(tmp_path, records)
    assert values(after) == values(before)
    assert after.coverage["stance"]["extra"] == added


# --- Refusals and missing documents -----------------------------------------------------------------------------------


def test_an_unknown_document_refuses_the_file_even_beside_all_others(tmp_path: Path) -> None:
    extra = {"document_id": "macron-coalition-99", "entities": []}
    assert refused(tmp_path, [*gold_records(), extra]) == {"RT301"}
    assert refused(tmp_path, [*gold_records(), extra], allow_missing=True) == {"RT301"}


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, []) == {"RT111"}
    assert refused(tmp_path, [], allow_missing=True) == {"RT111"}


def test_every_fault_of_a_file_is_named_at_once(tmp_path: Path) -> None:
    records = gold_records()
    records[0]["entities"][0]["end"] = 10**6
    records[1]["stance"][0]["holder"] = "nobody"
    records[2]["verification"][0]["evidence"] = [999]
    assert refused(tmp_path, records) == {"RT402", "RT305", "RT308"}


def test_allowed_missing_documents_count_as_empty_and_are_said(tmp_path: Path) -> None:
    records = noisy()
    gone = records[2]
    empty = {"document_id": gone["document_id"], **{layer: [] for layer in LAYERS}}
    result = run(tmp_path, [r for r in records if r is not gone], allow_missing=True)
    assert values(result) == values(run(tmp_path, [empty if r is gone else r for r in records]))
    assert result.coverage["documents"] == {"gold": 5, "predicted": 4, "missing": 1}
    assert result.signature.endswith("|missing:empty")
    assert run(tmp_path, records).signature.endswith("|missing:refused")


def test_coverage_says_how_many_cells_and_pairs_were_given(tmp_path: Path) -> None:
    records, gold = noisy(), gold_records()
    found = run(tmp_path, records).coverage
    for layer in ("stance", "verification"):
        wanted, given_cells = (sum(len(record[layer]) for record in side) for side in (gold, records))
        assert found[layer] == {"gold": wanted, "predicted": given_cells, "missing": wanted - given_cells, "extra": 0}
    assert found["layers"] == dict.fromkeys(LAYERS, 5)


# --- Layers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", LAYERS)
def test_an_absent_layer_leaves_its_measures_its_track_and_the_mean_undefined(tmp_path: Path, layer: str) -> None:
    records = noisy()
    whole = values(run(tmp_path, records))
    for record in records:
        del record[layer]
        if layer == "entities":
            # The sources of claims are read through the clusters; without clusters they are keys of the catalogue.
            record["claims"] = []
    if layer == "entities":
        whole.update({name: None for name in whole if name.startswith(("claims.span.", "claims.attribution."))})
    result = run(tmp_path, records, resamples=20)
    found = values(result)
    prefix, track = OF_LAYER[layer]
    for name, value in found.items():
        if name in ("overall", track) or (name.startswith(prefix) and name not in HEADLINES):
            measure = result.measures[name]
            assert (value, measure.low, measure.high, measure.leave_one_out) == (None, None, None, None), name
        elif layer != "entities" or not name.startswith("claims"):
            assert value == whole[name], name
    assert layer not in result.coverage["layers"]


def test_an_empty_layer_is_an_answer(tmp_path: Path) -> None:
    records = gold_records()
    for record in records:
        record["entities"] = []
    found = values(run(tmp_path, records))
    assert (found["entities.mention.recall"], found["entities.mention.precision"]) == (0.0, None)
    assert (found["entities.mention.f1"], found["entities"]) == (0.0, 0.0)
    assert found["overall"] is not None


# --- Ranges and intervals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_measures_lie_in_their_range(tmp_path: Path, seed: int) -> None:
    for name, measure in run(tmp_path, noisy(seed), resamples=50).measures.items():
        assert measure.value is not None
        assert measure.low is not None
        assert measure.high is not None
        highest = 2.0 if name == "stance.brier" else 1.0
        assert 0.0 <= measure.low <= measure.high <= highest + 1e-12, name
        assert 0.0 <= measure.value <= highest, name


def test_gold_alone_decides_what_a_track_is_the_mean_of(tmp_path: Path) -> None:
    # Gold without ids has nothing to link: links that a system gives nevertheless are no part of the mean.
    gold = gold_records()
    for record in gold:
        for mention in record["entities"]:
            mention["kb_id"] = None
    path = write(tmp_path / "gold", gold, "gold.jsonl")
    linked, silent = noisy(), noisy()
    for record in silent:
        for mention in record["entities"]:
            mention["kb_id"] = None
    linked[0]["entities"].append({"start": 0, "end": 1, "type": "PER", "entity": "e", "kb_id": "Q1"})
    silent[0]["entities"].append({"start": 0, "end": 1, "type": "PER", "entity": "e"})
    with_links, without = run(tmp_path, linked, path), run(tmp_path, silent, path)
    assert with_links.measures["entities.linking.f1"].value == 0.0
    assert without.measures["entities.linking.f1"].value is None
    for found in (with_links, without):
        assert found.left_out == {"entities": ["entities.linking.f1"]}
        parts = [found.measures[name].value for name in ("entities.mention.f1", "entities.coreference.conll")]
        assert found.measures["entities"].value == pytest.approx(sum(parts) / 2)  # type: ignore[arg-type]
    assert with_links.measures["entities"].value == without.measures["entities"].value


def test_the_leave_one_out_range_is_that_of_scoring_without_each_document(tmp_path: Path) -> None:
    records, gold = noisy(), gold_records()
    result = run(tmp_path, records)
    found: dict[str, list[float]] = {name: [] for name in HEADLINES}
    for left_out in range(len(gold)):
        rest = write(tmp_path / "gold", [r for n, r in enumerate(gold) if n != left_out], "gold.jsonl")
        without = values(run(tmp_path, [r for n, r in enumerate(records) if n != left_out], rest))
        for name in HEADLINES:
            found[name].append(without[name] or 0.0)
    for name in HEADLINES:
        # What a cluster refers to is settled on all documents, so a source may be read otherwise without one of them.
        margin = 1e-12 if name in ("entities", "stance") else 0.01
        assert result.measures[name].leave_one_out == pytest.approx((min(found[name]), max(found[name])), abs=margin)


@pytest.mark.parametrize(
    ("gold_label", "given_label", "value", "spread"),
    [
        # Of two documents with a favor each the second is missed: favor 1 of 1 given and 2 gold, F1 2/3; nobody is
        # against, which has no F1. Without the first document 0, without the second 1.
        pytest.param("favor", "none", 2 / 3, (0.0, 1.0), id="each-of-two"),
        # The second has no favor in gold either: without the first there is no F1 at all, which is left out.
        pytest.param("none", "none", 1.0, (1.0, 1.0), id="undefined-without-one"),
    ],
)
def test_the_leave_one_out_range_of_two_documents(
    gold_label: str,
    given_label: str,
    value: float,
    spread: tuple[float, float],
    tiny_folder: Path,
    tmp_path: Path,
) -> None:
    def labelled(label: str) -> list[Record]:
        records = [gold_of(key) for key in ("flood-0", "flood-1")]
        (cell,) = [cell for cell in records[1]["stance"] if cell["label"] == "favor"]
        cell.update(label=label, evidence=[1] if label == "favor" else [])
        return records

    write(tiny_folder / "events" / "flood", labelled(gold_label), "gold.jsonl")
    found = run(tmp_path, labelled(given_label), load_corpus(tiny_folder)).measures["stance"]
    assert found.value == pytest.approx(value)
    assert found.leave_one_out == spread


# --- Something that is wrong never helps ------------------------------------------------------------------------------


def free_spans(record: Record, layer: str) -> list[tuple[int, int]]:
    """Spans of five characters in title or body that touch nothing of this layer, in gold or prediction."""
    document = released().documents[record["document_id"]]
    gold = next(r for r in gold_records() if r["document_id"] == record["document_id"])
    taken = {n for item in (*record[layer], *gold[layer]) for n in range(item["start"], item["end"])}
    return [
        (start, start + 5)
        for zone in document.zones
        if zone.zone in ("title", "body")
        for start in range(zone.start, zone.end - 5)
        if taken.isdisjoint(range(start, start + 5)) and not document.text[start].isspace()
    ]


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_item_that_is_not_there_never_raises_a_score(tmp_path: Path, data: st.DataObject) -> None:
    records = noisy(data.draw(st.integers(1, 2), label="prediction"))
    before = values(run(tmp_path, records))
    for _ in range(data.draw(st.integers(1, 3), label="items")):
        record = data.draw(st.sampled_from(records), label="record")
        layer = data.draw(st.sampled_from(["entities", "claims"]), label="layer")
        start, end = data.draw(st.sampled_from(free_spans(record, layer)), label="span")
        if layer == "claims":
            source = data.draw(st.sampled_from(["author", "hamas", "emmanuel-macron"]))
            record["claims"].append({"start": start, "end": end, "source": source})
        else:
            cluster = data.draw(st.sampled_from(["hamas", "emmanuel-macron", "one-of-my-own", "a-new-one"]))
            kind, link = data.draw(st.tuples(st.sampled_from(["name", "nominal"]), st.sampled_from([None, "Q38799"])))
            mention = {"start": start, "end": end, "type": "ORG", "kind": kind, "entity": cluster, "kb_id": link}
            record["entities"].append(mention)
    after = values(run(tmp_path, records))
    for name, value in before.items():
        if name not in ERRORS:
            assert after[name] <= value + 1e-12, name  # type: ignore[operator]


# --- The contract of the output ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [gold_records, noisy])
def test_json_has_the_shape_of_the_contract_and_no_nan(tmp_path: Path, make: Callable[[], list[Record]]) -> None:
    # What users and other programs rely on; headlines carry their leave-one-document-out range beside the rest.
    text = render_score(run(tmp_path, make(), resamples=50), "json")
    assert "NaN" not in text
    found = json.loads(text)
    contract = ["signature", "system", "corpus", "coverage", "measures", "breakdowns"]
    assert list(found) == [*contract, "submission", "left_out"]
    assert set(found["submission"]) == {"sha256", "protocol", "corpus_version"}
    assert found["system"] == "system"
    assert set(found["corpus"]) == {"name", "version", "sha256"}
    for name, measure in found["measures"].items():
        wanted = {"value", "low", "high", "counts"} | ({"leave_one_out"} if name in HEADLINES else set())
        assert set(measure) == wanted, name
    for parts in found["breakdowns"].values():
        for measures in parts.values():
            assert all(set(cell) == {"value", "counts"} for cell in measures.values())


def test_the_names_of_the_measures_are_those_of_the_contract(tmp_path: Path) -> None:
    # Names that users and other programs read must not change unnoticed.
    three = ("precision", "recall", "f1")
    expected = {
        *HEADLINES,
        *(f"entities.mention.{part}" for part in three),
        *(f"entities.mention.{regime}.f1" for regime in ("exact", "partial", "type")),
        *(f"entities.linking.{part}" for part in three),
        *(
            f"entities.coreference.{m}.{part}"
            for m in ("muc", "b3", "ceafm", "ceafe", "blanc", "lea")
            for part in three
        ),
        "entities.coreference.conll",
        *(f"stance.{part}" for part in ("favg", "macro_f1", "accuracy", "evidence.f1", "brier", "ece")),
        *(f"stance.{label}.f1" for label in ("favor", "against", "none")),
        *(f"claims.span.{part}" for part in (*three, "exact.f1")),
        "claims.attribution.f1",
        *(f"claims.verification.{part}" for part in ("macro_f1", "accuracy", "strict")),
        *(f"claims.verification.{label}.f1" for label in ("supported", "refuted", "not_enough_info")),
    }
    assert set(run(tmp_path, gold_records()).measures) == expected


def test_the_signature_says_what_makes_the_numbers(tmp_path: Path) -> None:
    corpus = released()
    parts = dict(part.split(":", 1) for part in run(tmp_path, noisy(), resamples=30, seed=4).signature.split("|"))
    assert parts["corpus"] == corpus.name
    assert parts["version"] == corpus.version
    assert corpus.digest.startswith(parts["hash"])
    assert (parts["unit"], parts["resamples"], parts["seed"]) == ("paragraph", "30", "4")
    assert set(parts) >= {"scorer", "measures", "missing"}


def test_the_signature_says_when_gold_is_not_what_was_released(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    shutil.copytree(packaged_corpus(), folder)
    gold = folder / "events" / "macron-coalition" / "gold.jsonl"
    lines = gold.read_text(encoding="utf-8").splitlines()
    assert f"hash:{retold.load_corpus(folder).digest[:16]}|" in retold.score(gold, folder, resamples=1).signature
    record = json.loads(lines[0])
    record["stance"] = record["stance"][1:]
    gold.write_text("\n".join([json.dumps(record), *lines[1:]]) + "\n", encoding="utf-8")
    modified = retold.score(gold, folder, resamples=1).signature
    assert "hash:modified-" in modified
    # So is an event that was added to what was released.
    gold.write_text("\n".join(lines) + "\n", encoding="utf-8")
    shutil.copytree(gold.parent, folder / "events" / "second")
    assert retold.load_corpus(folder).digest.startswith("modified-")
    shutil.rmtree(folder / "events" / "second")
    assert "-" not in retold.load_corpus(folder).digest
    # Two changes are told apart, with and without a release.
    record["stance"] = record["stance"][1:]
    gold.write_text("\n".join([json.dumps(record), *lines[1:]]) + "\n", encoding="utf-8")
    again = retold.score(gold, folder, resamples=1).signature
    assert again != modified
    (folder / "release.json").unlink()
    unreleased = retold.load_corpus(folder).digest
    assert unreleased.startswith("unreleased-")
    gold.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert retold.load_corpus(folder).digest not in (unreleased, "unreleased-")


# --- Many documents ---------------------------------------------------------------------------------------------------


def grown(folder: Path, documents: int) -> tuple[Corpus, list[Record]]:
    """The released corpus with copies of its documents until there are this many, and predictions for it."""
    shutil.copytree(released().root / "events", folder / "events")
    (home,) = (folder / "events").iterdir()
    texts, gold = (
        [json.loads(line) for line in (home / name).read_text(encoding="utf-8").splitlines()]
        for name in ("documents.jsonl", "gold.jsonl")
    )
    predictions = noisy()

    def copies(records: Sequence[Record]) -> list[Record]:
        return [{**records[n % len(records)], "document_id": f"d{n}"} for n in range(documents)]

    write(home, copies(texts), "documents.jsonl")
    write(home, copies(gold), "gold.jsonl")
    return load_corpus(folder), copies(predictions)


@pytest.mark.parametrize(("documents", "unit"), [(29, "paragraph"), (30, "document"), (31, "document")])
def test_from_thirty_documents_on_the_document_is_drawn(tmp_path: Path, documents: int, unit: str) -> None:
    corpus, predictions = grown(tmp_path / "corpus", documents)
    result = run(tmp_path, predictions, corpus, resamples=50)
    assert f"|unit:{unit}|" in result.signature
    assert result.coverage["documents"]["gold"] == documents
    # Leaving one of many documents out says nothing that an interval does not.
    assert (result.measures["overall"].leave_one_out is None) == (unit == "document")


def test_very_many_units_are_pooled_which_leaves_the_values_and_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, predictions = grown(tmp_path / "corpus", 31)
    plain = run(tmp_path, predictions, corpus, resamples=50)
    for module in (units, count, evaluate):
        monkeypatch.setattr(module, "POOL", 20)
    pooled = run(tmp_path, predictions, corpus, resamples=50)
    # 31 documents fall into at most 20 groups and fill some 16 of them (20 * (1 - .95 ** 31)); the signature holds.
    assert "|unit:document-pooled-20|" in pooled.signature
    assert "|unit:document|" in plain.signature
    assert values(pooled) == values(plain)
    # As many documents as groups are not pooled.
    for module in (units, count, evaluate):
        monkeypatch.setattr(module, "POOL", 31)
    assert "|unit:document|" in run(tmp_path, predictions, corpus, resamples=50).signature


# --- Gold at fault ----------------------------------------------------------------------------------------------------


def refused_gold(
    folder: Path, gold: list[Record], records: list[Record] | None = None, corpus: Path | None = None, **options: Any
) -> list[Any]:
    """Findings for scoring against a bare file of gold, or a corpus folder, as (code, file, line)."""
    path = corpus or write(folder / "gold", gold, "gold.jsonl")
    with pytest.raises(FindingsError) as caught:
        run(folder, records or gold_records(), path, **options)
    return [(finding.code, Path(str(finding.file)).name, finding.line) for finding in caught.value.findings]


@pytest.mark.parametrize("layer", ["entities", "claims"])
@pytest.mark.parametrize("copies", [1, 8], ids=["few documents", "many documents"])
def test_gold_whose_spans_end_before_they_begin_is_refused(tmp_path: Path, layer: str, copies: int) -> None:
    # Of such a span nothing could be right, and an overlap with it would be negative.
    gold = [
        record | {"document_id": f"{record['document_id']}-{n}"} for n in range(copies) for record in gold_records()
    ]
    records = copy.deepcopy(gold)
    span = gold[2][layer][0]
    span["start"], span["end"] = span["end"], span["start"]
    del span["text"]
    assert refused_gold(tmp_path, gold, records) == [("RT401", "gold.jsonl", 3)]


@pytest.mark.parametrize("allow_missing", [False, True])
def test_gold_that_has_a_document_twice_is_refused(tmp_path: Path, allow_missing: bool) -> None:
    gold = gold_records()
    found = refused_gold(tmp_path, [*gold, gold[1]], allow_missing=allow_missing)
    assert found == [("RT302", "gold.jsonl", len(gold) + 1)]


def test_gold_that_has_a_document_twice_is_refused_whatever_the_order_is(tmp_path: Path) -> None:
    # The second document of gold is asked for first: both copies of the first have then been passed over.
    gold, records = gold_records(), gold_records()
    assert refused_gold(tmp_path, [gold[0], gold[0], *gold[1:]], records[::-1]) == [("RT302", "gold.jsonl", 2)]


@pytest.mark.parametrize(("fault", "expected"), [("document", ("RT301", 2)), ("evidence", ("RT308", 4))])
def test_a_corpus_folder_whose_gold_does_not_fit_its_documents_is_refused(
    tmp_path: Path, fault: str, expected: tuple[str, int]
) -> None:
    event = shutil.copytree(packaged_corpus(), tmp_path / "corpus") / "events" / "macron-coalition"
    gold = gold_records()
    if fault == "document":
        lines = (event / "documents.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        (event / "documents.jsonl").write_text("".join(lines[:1] + lines[2:]), encoding="utf-8")
    else:
        gold[3]["verification"][0]["evidence"] = [999]
        write(event, gold, "gold.jsonl")
    code, line = expected
    assert refused_gold(tmp_path, gold_records(), corpus=tmp_path / "corpus") == [(code, "gold.jsonl", line)]
