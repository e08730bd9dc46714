"""Codes of many names at once: what a plain dictionary gives, name by name, whatever the names are."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from retold.corpus.load import load_corpus
from retold.io.submission import open_submission
from retold.layers.batches import naming
from retold.layers.batches.naming import Namer, Names
from retold.layers.codes import Codes
from retold.model.findings import FindingsError
from retold.scoring import count, passes

#: Sizes at the borders of one, two and four words, names that differ in one place only, and letters of several bytes.
AWKWARD = (
    "",
    "a",
    *("x" * size for size in (7, 8, 9, 15, 16, 17, 31, 32, 33, 70)),
    *("x" * size + "y" + "x" * (30 - size) for size in (0, 7, 8, 12, 16, 20, 25, 30)),
    "Zürich",
    "東京",
    "a\nb",
    "\x02",
    "😀" * 8,
    "😀" * 9,
)
#: No name holds what stands between names (see the test of odd names) or, since it was decoded, a lone surrogate.
letters = st.characters(codec="utf-8", exclude_characters="\0\1")
names = st.one_of(st.sampled_from((*AWKWARD, None, UNSET)), st.text(letters, max_size=40))


def by_dictionary(batches: list[list[Any]]) -> list[list[int]]:
    """Numbers in the order of first sight."""
    seen: dict[Any, int] = {}
    return [[seen.setdefault(name, len(seen)) for name in batch] for batch in batches]


def at_once(batches: list[list[Any]]) -> list[list[int]]:
    namer, found = Namer(Codes()), []
    for batch in batches:
        column = Names()
        assert not batch or column.extend(batch)
        found.append(namer.codes(column).tolist())
    return found


@given(st.lists(st.lists(names, max_size=30), max_size=4))
def test_names_have_the_codes_of_a_dictionary(batches: list[list[Any]]) -> None:
    assert at_once(batches) == by_dictionary(batches)


@pytest.mark.parametrize("hashes", [0, 1], ids=["every name meets every other", "ordinary"])
def test_names_that_meet_are_told_apart(monkeypatch: pytest.MonkeyPatch, hashes: int) -> None:
    monkeypatch.setattr(naming, "_FACTORS", naming._FACTORS * np.uint64(hashes))
    batches = [list(AWKWARD), list(AWKWARD[::-1]), ["new", *AWKWARD]]
    assert at_once(batches) == by_dictionary(batches)


def test_a_table_that_grows_forgets_nothing() -> None:
    # 10,000 names are more than the first table has room for; every name comes three times on average.
    draw = random.Random(0)
    batches = [[f"entity-{draw.randrange(10_000)}" for _ in range(1000)] for _ in range(30)]
    assert at_once(batches) == by_dictionary(batches)


@pytest.mark.parametrize("batch", [["a\0b"], ["a", "\0"], ["\1-"], ["\1", UNSET], ["a", None, "b\1"]])
def test_a_name_that_cannot_stand_beside_others_is_refused(batch: list[Any]) -> None:
    column = Names()
    assert not column.extend(batch)
    assert column.extend(["a", None, UNSET])
    assert Namer(Codes()).codes(column).tolist() == [0, 1, 2]


def written(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return path


def mentions(*names: str) -> list[dict[str, Any]]:
    return [{"start": n, "end": n + 1, "type": "PER", "entity": name} for n, name in enumerate(names)]


def test_a_document_with_odd_names_is_counted_all_the_same(tmp_path: Path) -> None:
    # 40 documents with the same two entities. In one of them the system's second name holds what columns need for
    # themselves: it is another name, so that the 40 mentions of the second entity are in clusters of 39 and of 1.
    gold = written(
        tmp_path / "gold.jsonl", [{"document_id": f"d{n}", "entities": mentions("a", "b")} for n in range(40)]
    )
    answers = [{"document_id": f"d{n}", "entities": mentions("x", "y\0" if n == 7 else "y")} for n in range(40)]
    done = count(open_submission(written(tmp_path / "system.jsonl", answers)), load_corpus(gold))
    overlaps = done.mentions.overlaps()
    assert sorted(overlaps.gold_sizes[0]) == [40, 40]
    assert sorted(overlaps.predicted_sizes[0]) == [1, 39, 40]
    assert {key[1] for key in done.mentions.predicted_keys} == {"x", "y", "y\0"}


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("extra", [1, 4, 9], ids=["in a run", "a run", "more than two runs"])
def test_documents_that_gold_does_not_have_are_refused_by_any_number_of_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, extra: int
) -> None:
    monkeypatch.setattr(passes, "BATCH", 4)
    records = [{"document_id": f"d{n:02}", "entities": mentions("a")} for n in range(40 + extra)]
    gold = written(tmp_path / "gold.jsonl", records[:40])
    system = open_submission(written(tmp_path / "system.jsonl", records))
    with pytest.raises(FindingsError) as refused:
        count(system, load_corpus(gold), workers=workers)
    assert [(found.code, found.line) for found in refused.value.findings] == [("RT301", 41 + n) for n in range(extra)]
