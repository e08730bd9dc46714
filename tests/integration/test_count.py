"""Counting files: what must not matter (order, batches, workers), what is exact, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from random_corpora import Record, everything, write_lines, written
from retold import reading
from retold.corpus.load import load_corpus
from retold.io.submission import open_submission
from retold.layers.counts import FIXED
from retold.model.findings import Finding, FindingsError
from retold.reading import ExecutorName
from retold.report.leaderboard import render_ranking
from retold.report.scores import render_score
from retold.scoring import count as counting
from retold.scoring.count import SystemCounts, count
from retold.scoring.ranking import rank
from retold.scoring.score import open_predictions, score
from retold.validation.validate import validate

MAX_OFFSET = 2**53 - 1


def counted(gold: Path, system: Path, workers: int = 1, executor: ExecutorName = "process") -> SystemCounts:
    return count(open_submission(system), load_corpus(gold), workers=workers, executor=executor)


def totals(tmp_path: Path, gold: Sequence[Record], system: Sequence[Record]) -> dict[str, dict[str, int]]:
    """The summed counts of every layer."""
    corpus = load_corpus(write_lines(tmp_path / "gold.jsonl", gold))
    found = count(open_predictions(system), corpus)
    return {name: counts.units.totals() for name, counts in found.layers.items()}


def refused_by(gold: Path, system: Path, workers: int = 1) -> list[Finding]:
    """The findings with which a file is refused."""
    with pytest.raises(FindingsError) as caught:
        counted(gold, system, workers)
    return caught.value.findings


def refused(gold: Path, system: Path, workers: int = 1) -> list[tuple[str, int | None]]:
    """Their codes and lines."""
    return [(finding.code, finding.line) for finding in refused_by(gold, system, workers)]


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files are cut into shards as large ones are."""
    monkeypatch.setattr(reading, "MIN_SHARD", 1000)


# --- What must not matter ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("workers", "executor"), [(2, "process"), (3, "process"), (12, "process"), (3, "threads")])
@pytest.mark.usefixtures("small_shards")
def test_any_number_of_workers_counts_what_one_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, executor: ExecutorName
) -> None:
    gold, system = written(tmp_path, 100, 9)
    alone = everything(counted(gold, system))
    # Not by one pass over everything.
    monkeypatch.delattr(counting, "Pairs")
    assert everything(counted(gold, system, workers, executor)) == alone


@pytest.mark.usefixtures("small_shards")
def test_lines_in_another_order_than_those_of_gold_are_counted_by_one_worker(tmp_path: Path) -> None:
    gold, system = written(tmp_path, 100, 5)
    alone = everything(counted(gold, system))
    system.write_text("".join(reversed(system.read_text().splitlines(keepends=True))))
    assert everything(counted(gold, system, workers=2)) == alone


def test_a_process_that_may_have_no_children_scores_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gold, system = written(tmp_path, 120, 12)
    wanted = scored(system, gold)
    monkeypatch.setattr(reading, "MIN_SHARD", 1000)
    with get_context("fork").Pool(1) as pool:
        assert pool.apply(scored, (system, gold)) == wanted


def scored(system: Path, gold: Path) -> str:
    return render_score(score(system, gold, resamples=10, workers=2), "json")


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
def test_workers_end_with_their_parent() -> None:
    # The parent starts two workers, which never finish, and is killed.
    program = (
        "import sys, time\n"
        "from retold.reading import _executor\n"
        "pool = _executor('process', 2)\n"
        "waiting = [pool.submit(time.sleep, 600) for _ in range(2)]\n"
        "time.sleep(0.5)\n"
        "print(*pool._processes, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        workers = [int(each) for each in parent.stdout.readline().split()]
        parent.kill()
    assert len(workers) == 2
    for _ in range(100):
        if not any(alive(worker) for worker in workers):
            return
        time.sleep(0.1)
    raise AssertionError("workers outlive their parent")


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False


# --- Borders ----------------------------------------------------------------------------------------------------------


def test_the_largest_offsets_are_offsets(tmp_path: Path) -> None:
    # Spans that end at the largest integer that JSON holds. Mentions begin apart, so they overlap and are not equal;
    # claims share all but one of 2**52 characters, and all of the others.
    def record(start: int) -> Record:
        return {
            "document_id": "d",
            "entities": [{"start": start, "end": MAX_OFFSET, "type": "PER"}],
            "claims": [
                {"start": 2**52 - start, "end": MAX_OFFSET, "source": "author"},
                {"start": 0, "end": 7, "source": "author"},
            ],
        }

    found = totals(tmp_path, [record(2)], [record(3)])
    assert (found["entities"]["exact"], found["entities"]["overlap"]) == (0, 1)
    assert (found["claims"]["exact"], found["claims"]["attributed"]) == (1, 2)
    # (2**52 + 1) of (2**52 + 2) characters, which is 1 within the grain of fixed point.
    assert found["claims"]["jaccard~"] == 2 * FIXED


def test_sums_of_overlaps_do_not_overflow(tmp_path: Path) -> None:
    # 2**18 claims of one document, each found whole: 2**46 times 2**18 is more than 64 bits hold.
    spans = [{"start": 2 * n, "end": 2 * n + 1, "source": "author"} for n in range(2**18)]
    path = write_lines(tmp_path / "gold.jsonl", [{"document_id": "d", "claims": spans}])
    counts = counted(path, path).layers["claims"]
    assert counts.units.row("d")["jaccard~"] == FIXED * 2**18
    assert counts.breakdowns.row("source=author")["jaccard~"] == FIXED * 2**18


def test_names_may_hold_any_character(tmp_path: Path) -> None:
    # 40 documents with the same two entities. In one the system's second name ends with NUL: it is another name, so
    # that the 40 mentions of the second entity are in clusters of 39 and of 1.
    def mentions(*names: str) -> list[Record]:
        return [{"start": n, "end": n + 1, "type": "PER", "entity": name} for n, name in enumerate(names)]

    gold = [{"document_id": f"d{n}", "entities": mentions("a", "b")} for n in range(40)]
    system = [{"document_id": f"d{n}", "entities": mentions("\1-", "y\0" if n == 7 else "y")} for n in range(40)]
    corpus = load_corpus(write_lines(tmp_path / "gold.jsonl", gold))
    found = count(open_predictions(system), corpus).mentions
    assert found is not None
    overlaps = found.overlaps()
    assert sorted(overlaps.gold_sizes[0]) == [40, 40]
    assert sorted(overlaps.predicted_sizes[0]) == [1, 39, 40]
    assert {key[1] for key in found.predicted_keys} == {"\1-", "y", "y\0"}


def test_an_answer_to_a_layer_that_gold_lacks_is_ignored(tmp_path: Path) -> None:
    gold, system = written(tmp_path, 40, 3)
    records = [json.loads(line) | {"stance": []} for line in gold.read_text().splitlines()]
    for record in records:
        del record["stance"]
    found = counted(write_lines(gold, records), system)
    assert "stance" in found.answered
    assert found.gold_layers == {"entities", "claims", "verification"}
    assert not any(found.layers["stance"].units.totals().values())
    assert score(system, gold, resamples=0).measures["stance.accuracy"].value is None


# --- Layers that are missing in some documents -----------------------------------------------------------------------

NONE = {"holder": "a", "target": "x", "label": "none"}


def partly_answered(size: int) -> tuple[list[Record], list[Record]]:
    """Gold and a system that lacks stance in the last document; gold itself lacks claims in the first."""
    system: list[Record] = [{"document_id": f"d{n:02}", "stance": [NONE], "claims": []} for n in range(size)]
    gold = [record | {"entities": []} for record in system]
    del gold[0]["claims"], system[0]["claims"], system[-1]["stance"]
    return gold, system


def stored(path: Path, records: Sequence[Record]) -> Path:
    """Records in the format of the file's name."""
    if path.suffix == ".jsonl":
        return write_lines(path, records)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([{"claims": None, "stance": None} | record for record in records]), path)
        return path
    write_lines(path.with_suffix(".jsonl"), records)
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(path.with_suffix(".jsonl"), "predictions.jsonl")
    return path


@pytest.mark.parametrize("size", [3, 40], ids=["few", "many"])
@pytest.mark.parametrize("how", ["x.jsonl", "x.parquet", "x.zip", "memory", "reversed", "workers"])
def test_a_layer_missing_in_a_document_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, size: int
) -> None:
    monkeypatch.setattr(reading, "MIN_SHARD", 500)
    gold, system = partly_answered(size)
    corpus = load_corpus(stored(tmp_path / f"gold{'.parquet' if how == 'x.parquet' else '.jsonl'}", gold))
    given: Any = system[::-1] if how == "reversed" else system
    if how in ("x.jsonl", "x.parquet", "x.zip", "workers"):
        given = stored(tmp_path / (how if "." in how else "x.jsonl"), system)
    workers = 2 if how == "workers" else 1
    with pytest.raises(FindingsError) as caught:
        score(given, corpus, resamples=0, workers=workers)
    last = f"d{size - 1:02}"
    assert [(found.code, found.message) for found in caught.value.findings] == [
        ("RT310", f"stance is missing in 1 document: '{last}'")
    ]
    found = score(given, corpus, resamples=0, workers=workers, allow_missing=True)
    assert found.coverage["missing_layers"] == {"stance": {"missing": 1, "documents": [last]}}
    assert found.signature.endswith("|missing:empty,stance=1")
    assert found.measures["stance.accuracy"].value == pytest.approx((size - 1) / size)
    assert f"missing, taken as empty: stance in '{last}'" in render_score(found, "text")
    if isinstance(given, Path):
        reported = validate([given], corpus, role="prediction", workers=workers).findings
        assert [found.message for found in reported] == [found.message for found in caught.value.findings]


def test_missing_layers_are_named_on_the_board(tmp_path: Path) -> None:
    gold, system = partly_answered(3)
    path = write_lines(tmp_path / "gold.jsonl", gold)
    with pytest.raises(FindingsError):
        rank({"whole": gold, "part": system}, path, measure="stance", resamples=0)
    board = rank({"whole": gold, "part": system}, path, measure="stance", resamples=0, allow_missing=True)
    coverage = {each["system"]: each["coverage"] for each in board.as_dict()["systems"]}
    assert coverage["part"]["missing_layers"] == {"stance": {"missing": 1, "documents": ["d02"]}}
    assert "missing_layers" not in coverage["whole"]
    assert "missing, taken as empty: stance in 'd02'" in render_ranking(board, "table")


def test_null_is_no_layer_in_parquet_and_an_error_in_json(tmp_path: Path) -> None:
    gold, system = partly_answered(3)
    path = write_lines(tmp_path / "gold.jsonl", gold)
    records = [*system[:2], system[2] | {"stance": None}]
    assert refused(path, write_lines(tmp_path / "x.jsonl", records)) == [("RT201", 3)]


def test_layers_of_documents_that_are_missing_are_not_missing_as_well(tmp_path: Path) -> None:
    gold, system = partly_answered(3)
    corpus = load_corpus(write_lines(tmp_path / "gold.jsonl", gold))
    found = count(open_predictions(system[:2]), corpus, allow_missing=True)
    assert found.coverage["documents"]["missing"] == 1
    assert "missing_layers" not in found.coverage


def test_many_missing_layers_are_counted_and_some_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "BY_DOCUMENT", 7)
    gold: list[Record] = [{"document_id": f"d{n:02}", "stance": [NONE]} for n in range(40)]
    system = [record if n < 5 else {"document_id": record["document_id"]} for n, record in enumerate(gold)]
    path = write_lines(tmp_path / "gold.jsonl", gold)
    (found,) = refused_by(path, write_lines(tmp_path / "x.jsonl", system))
    assert found.message == "stance is missing in 35 documents: 'd05', 'd06', 'd07', 'd08', 'd09' and 30 more"


# --- Refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.usefixtures("small_shards")
def test_a_fault_among_many_documents_is_named_with_its_line(tmp_path: Path, workers: int) -> None:
    gold, system = written(tmp_path, 40, 6)
    lines = [json.loads(line) for line in system.read_text().splitlines()]
    cell = {"holder": "a", "target": "x", "label": "none"}
    lines[7]["entities"] = [{"start": 3, "end": 3, "type": "PER"}]
    lines[9]["stance"] = [cell] * 2
    lines[11]["entities"] = [{"start": 3, "end": 4, "type": "PER", "kb_id": "q1"}]
    lines[13]["stance"] = [cell | {"scores": {"favor": 0.5, "against": 0.1, "none": 0.1}}]
    lines[15]["claims"] = [{"start": 0, "end": 4, "source": source} for source in ("author", "e1")]
    write_lines(system, lines)
    assert refused(gold, system, workers) == [("RT401", 8), ("RT503", 10), ("RT512", 12), ("RT508", 14), ("RT406", 16)]


@pytest.mark.parametrize("extra", [1, 30])
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.usefixtures("small_shards")
def test_documents_that_gold_lacks_are_named(tmp_path: Path, workers: int, extra: int) -> None:
    mention = {"start": 0, "end": 1, "type": "PER", "entity": "a" * 50}
    records: list[Record] = [{"document_id": f"d{n:02}", "entities": [mention]} for n in range(40 + extra)]
    gold = write_lines(tmp_path / "gold.jsonl", records[:40])
    system = write_lines(tmp_path / "system.jsonl", records)
    assert refused(gold, system, workers) == [("RT301", 41 + n) for n in range(extra)]


def test_warnings_do_not_end_the_reading_of_a_file(tmp_path: Path) -> None:
    # 1,100 spans given twice are 1,100 warnings; every document is scored nevertheless.
    mention = {"start": 0, "end": 4, "type": "PER", "entity": "e"}
    records: list[Record] = [{"document_id": f"d{n}", "entities": [mention, mention]} for n in range(1100)]
    path = write_lines(tmp_path / "gold.jsonl", records)
    counts = counted(path, path)
    assert counts.coverage["documents"] == {"gold": 1100, "predicted": 1100, "missing": 0}
    assert counts.layers["entities"].units.totals()["strict"] == 1100


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.usefixtures("small_shards")
def test_a_key_given_twice_is_refused(tmp_path: Path, workers: int) -> None:
    records: list[Record] = [{"document_id": f"d{n}", "entities": []} for n in range(60)]
    gold = write_lines(tmp_path / "gold.jsonl", records)
    assert not counted(gold, gold, workers).coverage["documents"]["missing"]
    lines = gold.read_text().splitlines()
    lines[20] = lines[20].replace('"entities": []', '"entities": [], "entities": []')
    system = tmp_path / "system.jsonl"
    system.write_text("".join(f"{line}\n" for line in lines))
    assert refused(gold, system, workers)[0] == ("RT103", 21)
