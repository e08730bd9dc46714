"""Many documents at once: the same counts as document by document, whatever the documents hold and whoever counts."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from random_corpora import Record, everything, written
from retold.corpus.load import load_corpus
from retold.io.submission import open_submission
from retold.layers.base import Place, Tally
from retold.layers.batches import Batches
from retold.layers.batches.columns import LIMIT
from retold.layers.batches.rows import Items, Rows
from retold.layers.counts import fixed
from retold.model.findings import FindingsError
from retold.scoring import SystemCounts, count, passes

counting = sys.modules["retold.scoring.count"]


def counted(gold: Path, system: Path, workers: int = 1) -> SystemCounts:
    return count(open_submission(system), load_corpus(gold), workers=workers)


def leave_all(batches: Batches) -> list[int]:
    """In place of ``flush``: every document is left to the tasks."""
    left = list(range(len(batches)))
    batches._places = []
    return left


@pytest.mark.parametrize(("documents", "seed"), [*((150, seed) for seed in range(4)), (65, 4)])
def test_a_batch_counts_what_the_tasks_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, documents: int, seed: int
) -> None:
    gold, system = written(tmp_path, documents, seed)
    monkeypatch.setattr(passes, "BATCH", 64)
    at_once = everything(counted(gold, system))

    monkeypatch.setattr(Batches, "flush", leave_all)
    assert everything(counted(gold, system)) == at_once


def test_a_batch_asks_the_catalogue(tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # 32 documents, each with Vale, which the catalogue calls NIL, and Bo Berg, Q11. Both are linked: of two links in
    # each document one is wrong, and one mention of two could be linked at all.
    home = tiny_folder / "events" / "flood"
    for name in ("documents", "gold"):
        records = [json.loads(line) for line in (home / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        copies = [records[n % len(records)] | {"document_id": f"d{n:02}"} for n in range(32)]
        (home / f"{name}.jsonl").write_text("".join(f"{json.dumps(copy)}\n" for copy in copies), encoding="utf-8")
        if name == "gold":
            # A claim that the catalogue does not have is no mutation of anything, and none as stated either.
            unlisted = {"claim": "not-listed", "label": "supported", "evidence": [1]}
            asked = [copy | {"verification": [*copy["verification"], unlisted]} for copy in copies]
            (home / "gold.jsonl").write_text("".join(f"{json.dumps(copy)}\n" for copy in asked), encoding="utf-8")
    for record in copies:
        record["entities"][0]["kb_id"] = "Q5"
    system = tmp_path / "system.jsonl"
    system.write_text("".join(f"{json.dumps(record)}\n" for record in copies), encoding="utf-8")
    at_once = counted(tiny_folder, system)
    totals = at_once.tallies["entities"].units.totals()
    assert (totals["linkable"], totals["links"], totals["linked"]) == (32, 64, 32)
    # Of three pairs in each document one is about a claim in which a number was changed.
    facets = at_once.tallies["verification"].facets.rows
    assert sum(facets["mutation=number"]) == 2 * 32  # the label and the strict column
    assert sum(facets["mutation=none"]) == 2 * 64
    monkeypatch.setattr(Batches, "flush", leave_all)
    assert everything(counted(tiny_folder, system)) == everything(at_once)


def test_a_batch_counts_what_lies_on_a_border(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The first mention of all is right. Claims: 5 of 10 characters, which is half, under the right source, and 9 of 10.
    # Cells: 1.0 is in the last bin of ten, .5 in the sixth. Verification: the sixth sentence given is not read.
    gold = {
        "document_id": "d",
        "entities": [{"start": 0, "end": 4, "type": "PER", "entity": "e1", "kb_id": "Q1"}],
        "stance": [{"holder": "a", "target": t, "label": "favor", "evidence": [0, 3]} for t in ("x", "y")],
        "claims": [{"start": start, "end": start + 10, "source": "author"} for start in (0, 20)],
        "verification": [{"claim": f"c{n}", "label": "supported", "evidence": [n]} for n in (5, 6)],
    }
    cells = [
        {
            "holder": "a",
            "target": t,
            "label": "favor",
            "evidence": [3, 3],
            "scores": {"favor": s, "against": 1 - s, "none": 0},
        }
        for t, s in (("x", 1.0), ("y", 0.5))
    ]
    system = gold | {
        "stance": cells,
        "claims": [{"start": 0, "end": 5, "source": "author"}, {"start": 20, "end": 29, "source": "author"}],
        "verification": [{"claim": f"c{n}", "label": "supported", "evidence": [1, 2, 3, 4, 5, 6]} for n in (5, 6)],
    }
    for name, record in (("gold", gold), ("system", system)):
        (tmp_path / f"{name}.jsonl").write_text(f"{json.dumps(record)}\n")
    files = tmp_path / "gold.jsonl", tmp_path / "system.jsonl"
    at_once = counted(*files)
    totals = {layer: tally.units.totals() for layer, tally in at_once.tallies.items()}
    assert {name: totals["entities"][name] for name in ("gold", "predicted", "strict", "linked")} == dict.fromkeys(
        ("gold", "predicted", "strict", "linked"), 1
    )
    assert at_once.mentions.pair_count() == 1
    assert (totals["claims"]["exact"], totals["claims"]["attributed"]) == (0, 2)
    assert totals["claims"]["jaccard~"] == fixed(5 / 10) + fixed(9 / 10)
    assert [totals["stance"][f"bin{k}:items"] for k in range(10)] == [0, 0, 0, 0, 0, 1, 0, 0, 0, 1]
    assert [totals["stance"][f"evidence_{part}"] for part in ("correct", "predicted", "gold")] == [2, 2, 4]
    assert totals["verification"]["strict"] == 1
    monkeypatch.setattr(Batches, "flush", leave_all)
    assert everything(counted(*files)) == everything(at_once)


def test_a_question_answered_twice_is_named(tmp_path: Path) -> None:
    # Nothing else is odd about the document.
    cell = {"holder": "a", "target": "x", "label": "none"}
    pair = {"claim": "c", "label": "supported"}
    gold = {"document_id": "d", "stance": [cell], "verification": [pair]}
    for layer, code in (("stance", "RT503"), ("verification", "RT504")):
        for name, record in (("gold", gold), ("system", gold | {layer: gold[layer] * 2})):
            (tmp_path / f"{name}.jsonl").write_text(f"{json.dumps(record)}\n")
        with pytest.raises(FindingsError) as caught:
            counted(tmp_path / "gold.jsonl", tmp_path / "system.jsonl")
        assert [finding.code for finding in caught.value.findings] == [code]


def test_an_offset_that_no_column_holds_is_still_an_offset(tmp_path: Path) -> None:
    # Two spans that end where the columns do: they begin apart, so they overlap and are not the same.
    for name, start in (("gold", 2), ("system", 3)):
        mention = {"start": start, "end": LIMIT, "type": "PER"}
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"document_id": "d", "entities": [mention]}) + "\n")
    totals = counted(tmp_path / "gold.jsonl", tmp_path / "system.jsonl").tallies["entities"].units.totals()
    assert (totals["exact"], totals["overlap"]) == (0, 1)


def test_workers_count_what_one_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gold, system = written(tmp_path, 1100, 5)
    alone = everything(counted(gold, system))
    with monkeypatch.context() as patch:
        # Not by one pass over everything.
        patch.delattr(passes.Pass, "whole")
        assert everything(counted(gold, system, workers=2)) == alone
    # Another order of lines is no reason to count otherwise: one worker then does it alone.
    lines = system.read_text().splitlines(keepends=True)
    system.write_text("".join(reversed(lines)))
    turned = everything(counted(gold, system, workers=2))
    assert turned == everything(counted(gold, system))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_fault_among_many_documents_is_named_with_its_line(tmp_path: Path, workers: int) -> None:
    gold, system = written(tmp_path, 40, 6)
    lines = [json.loads(line) for line in system.read_text().splitlines()]
    lines[7]["entities"] = [{"start": 3, "end": 3, "type": "PER"}]
    lines[9]["stance"] = [{"holder": "a", "target": "x", "label": "none"}] * 2
    lines[11]["entities"] = [{"start": 3, "end": 4, "type": "PER", "kb_id": "q1"}]
    lines[13]["stance"] = [
        {"holder": "a", "target": "x", "label": "none", "scores": {"favor": 0.5, "against": 0.1, "none": 0.1}}
    ]
    system.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    with pytest.raises(FindingsError) as caught:
        counted(gold, system, workers)
    found = [(finding.code, finding.line) for finding in caught.value.findings]
    assert found == [("RT401", 8), ("RT503", 10), ("RT512", 12), ("RT508", 14)]


def test_warnings_do_not_end_the_reading_of_a_file(tmp_path: Path) -> None:
    # 1,100 spans given twice are 1,100 warnings; every document must be scored nevertheless.
    for name in ("gold", "system"):
        mention = {"start": 0, "end": 4, "type": "PER", "entity": "e"}
        lines = [json.dumps({"document_id": f"d{n}", "entities": [mention, mention]}) for n in range(1100)]
        (tmp_path / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    counts = counted(tmp_path / "gold.jsonl", tmp_path / "system.jsonl")
    assert counts.coverage["documents"] == {"gold": 1100, "predicted": 1100, "missing": 0}
    assert counts.tallies["entities"].units.totals()["strict"] == 1100


def named(*entities: str | None) -> list[Record]:
    """Mentions with these names; None for one without a name."""
    return [
        {"start": 5 * n, "end": 5 * n + 3, "type": "PER"} | ({} if entity is None else {"entity": entity})
        for n, entity in enumerate(entities)
    ]


#: What a record holds, and the text in its line after which a key is given once more.
REPEATED: dict[str, tuple[Record, str, str]] = {
    "mention": ({"entities": named("a", "b")}, '"type": "PER"', '"type": "PER"'),
    "mention without a name": ({"entities": named(None)}, '"type": "PER"', '"type": "ORG"'),
    "link": ({"entities": [named("a")[0] | {"kb_id": None}]}, '"kb_id": null', '"kb_id": null'),
    "kind": ({"entities": [named("a")[0] | {"kind": "nominal"}]}, '"kind": "nominal"', '"kind": "name"'),
    "text": ({"entities": [named("a")[0] | {"text": 'a "b" c'}]}, '"start": 0', '"start": 0'),
    "cell": ({"stance": [{"holder": "a", "target": "x", "label": "none"}]}, '"label": "none"', '"label": "favor"'),
    "evidence": (
        {"stance": [{"holder": "a", "target": "x", "label": "favor", "evidence": []}]},
        '"evidence": []',
        '"evidence": [1]',
    ),
    "scores": (
        {
            "stance": [
                {
                    "holder": "a",
                    "target": "x",
                    "label": "favor",
                    "scores": {"favor": 1.0, "against": 0.0, "none": 0.0},
                }
            ]
        },
        '"none": 0.0',
        '"none": 0.0',
    ),
    "claim": ({"claims": [{"start": 0, "end": 4, "source": "author", "claim": "c"}]}, '"claim": "c"', '"claim": "d"'),
    "verification": ({"verification": [{"claim": "c", "label": "supported"}]}, '"claim": "c"', '"claim": "c"'),
    "layer": ({"entities": []}, '"entities": []', '"entities": []'),
}


@pytest.mark.parametrize("case", REPEATED)
def test_a_key_given_twice_is_found_by_a_worker_who_looks_at_batches(tmp_path: Path, case: str) -> None:
    layers, found, again = REPEATED[case]
    records = [{"document_id": f"d{n}"} | layers for n in range(40)]
    # No column holds the first name, and four quotes that its second mention does not have must not hide four of a key.
    records[7]["entities"] = named("\1", None)
    lines = [json.dumps(record) for record in records]
    (tmp_path / "gold.jsonl").write_text("".join(f"{line}\n" for line in lines))
    corpus = load_corpus(tmp_path / "gold.jsonl")

    def share(name: str, lines: list[str]) -> int:
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(f"{line}\n" for line in lines))
        part = passes.Pass(corpus, "document", pool=False, by_document=False, allow_missing=False)
        part.share(open_submission(path).records, itertools.count().__next__)
        return part.total

    assert share("clean", lines) == 40
    twice = (
        lines[20].replace("{", '{"entities": [], ', 1)
        if case == "layer"
        else lines[20].replace(found, f"{again}, {found}", 1)
    )
    assert len(twice) > len(lines[20])
    with pytest.raises(passes.Stumbled):
        share("repeated", [*lines[:20], twice, *lines[21:]])


def test_a_small_file_is_read_by_one_worker(tmp_path: Path) -> None:
    _, system = written(tmp_path, 3, 1)
    assert counting._suitable(open_submission(system).records) == 1


def test_fixed_point_sums_are_exact_however_many_items_a_batch_has(tmp_path: Path) -> None:
    # 40 documents of 8,192 claims by the author, each found whole: 2^46 times 327,680 is more than 64 bits hold.
    spans = [{"start": 2 * n, "end": 2 * n + 1, "source": "author"} for n in range(8192)]
    lines = "".join(json.dumps({"document_id": f"d{n}", "claims": spans}) + "\n" for n in range(40))
    for name in ("gold", "system"):
        (tmp_path / f"{name}.jsonl").write_text(lines)
    tally = counted(tmp_path / "gold.jsonl", tmp_path / "system.jsonl").tallies["claims"]
    assert tally.units.totals()["jaccard~"] == fixed(40 * 8192)
    assert tally.facets.rows["source=author"][2] == fixed(40 * 8192)


def test_fixed_point_sums_of_a_unit_are_exact_however_many_documents_it_has() -> None:
    # The largest amount that an item has, 600,000 times in one unit, in batches; and once more in another.
    rows, amount = Rows(Tally(("x~",))), fixed(1.0)
    place = Place("d", None, "document", pool=True, by_document=False)
    for _ in range(6):
        rows.begin(1)
        rows.add(0, Items(np.zeros(100_000, np.int64), {}), None, np.full(100_000, amount))
        rows.end([place], np.array([0]), [])
    rows.begin(1)
    rows.add(0, Items(np.zeros(1, np.int64), {}), None, np.array([amount - 1]))
    rows.end([place], np.array([1]), [])
    rows.settle(["one", "other"])
    assert rows.tally.units.rows == {"one": [600_000 * amount], "other": [amount - 1]}
