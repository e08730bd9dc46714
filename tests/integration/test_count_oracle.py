"""Counts of whole files against an oracle that goes record by record and shares no code with the layers."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from count_oracle import CountOracle, Tie
from random_corpora import MUTATIONS, STATUSES, Record, random_record, random_texts, write_lines, write_random_corpus
from retold.corpus.load import load_corpus
from retold.scoring import count as counting
from retold.scoring.count import SystemCounts, count
from retold.scoring.score import open_predictions


def without_ties(gold: Record, system: Record, document: Record | None) -> Record:
    """The system's record with as few items left out as make its best matching the only one."""
    while True:
        try:
            CountOracle().add(gold, system, document)
        except Tie as tie:
            system[str(tie)].pop()
        else:
            return system


def assert_same(found: SystemCounts, wanted: CountOracle) -> None:
    """Assert that every count, and every cluster, is that of the oracle."""
    for name, counts in found.layers.items():
        theirs = wanted.layers[name]
        for table, rows in ((counts.units, theirs.units), (counts.breakdowns, theirs.breakdowns)):
            assert {key: filled(table.row(key)) for key in table.filled()} == {
                key: filled(row) for key, row in rows.items() if filled(row)
            }, name
    assert found.mentions is not None
    places = sorted({**wanted.gold, **wanted.predicted})
    for column, named in ((found.mentions.gold, wanted.gold), (found.mentions.predicted, wanted.predicted)):
        # Clusters are numbered in the order of the text; -1 is a mention that the side does not have.
        numbers: dict[Any, int] = {}
        clusters = [(place[1], named[place]) if place in named else None for place in places]
        assert column.tolist() == [-1 if key is None else numbers.setdefault(key, len(numbers)) for key in clusters]


def filled(row: Mapping[str, int]) -> dict[str, int]:
    return {column: amount for column, amount in row.items() if amount}


@pytest.mark.parametrize("seed", range(6))
def test_counts_of_bare_gold_are_those_of_the_oracle(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    gold = [random_record(draw, f"d{n:03}", gold=True) for n in range(150)]
    system = [without_ties(each, random_record(draw, each["document_id"], gold=False), None) for each in gold]
    wanted = CountOracle()
    for one, other in zip(gold, system, strict=True):
        wanted.add(one, other, None)
    wanted.finish()
    draw.shuffle(system)
    corpus = load_corpus(write_lines(tmp_path / "gold.jsonl", gold))
    assert_same(count(open_predictions(system), corpus), wanted)


@pytest.mark.parametrize(("size", "by_paragraph"), [(5, True), (14, True), (24, False)])
@pytest.mark.parametrize("seed", range(4))
def test_counts_of_texts_are_those_of_the_oracle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, size: int, by_paragraph: bool
) -> None:
    draw = random.Random(seed)
    texts, gold, system = random_texts(draw, size)
    wanted = CountOracle(by_paragraph=by_paragraph, several_events=True, statuses=STATUSES, mutations=MUTATIONS)
    for text in (text for some in texts.values() for text in some):
        key = text["document_id"]
        wanted.add(gold[key], without_ties(gold[key], system[key], text), text)
    wanted.finish()
    records = draw.sample(list(system.values()), len(system))
    corpus = load_corpus(write_random_corpus(tmp_path / "corpus", texts, gold))
    found = count(open_predictions(records), corpus)
    assert found.units == ("paragraph" if by_paragraph else "document")
    assert_same(found, wanted)
    # The same, where an event is let go of whenever another one comes.
    for name, amount in (("MAX_EVENTS", 1), ("BATCH", 5), ("WARM", 2)):
        monkeypatch.setattr(counting, name, amount)
    assert_same(count(open_predictions(records), corpus), wanted)
