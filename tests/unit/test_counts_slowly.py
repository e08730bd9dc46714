"""Counts of whole files against a slow reference, record by record, that shares no code with the layers."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from random_corpora import (
    MUTATIONS,
    STATUSES,
    Record,
    random_document,
    random_record,
    write_lines,
    write_random_corpus,
)
from retold.corpus.load import load_corpus
from retold.scoring.count import SystemCounts, count
from retold.scoring.score import open_predictions
from slow_counts import SlowCounts, Tie


def without_ties(gold: Record, system: Record, document: Record | None) -> Record:
    """The system's record with as few items left out as make its best matching the only one."""
    while True:
        try:
            SlowCounts().add(gold, system, document)
        except Tie as tie:
            system[str(tie)].pop()
        else:
            return system


def assert_same(found: SystemCounts, wanted: SlowCounts) -> None:
    """Assert that every count, and every cluster, is that of the slow reference."""
    for name, counts in found.layers.items():
        slow = wanted.layers[name]
        for table, rows in ((counts.units, slow.units), (counts.breakdowns, slow.breakdowns)):
            assert {key: filled(table.row(key)) for key in table.filled()} == {
                key: filled(row) for key, row in rows.items() if filled(row)
            }, name
    assert found.mentions is not None
    mentions = found.mentions
    for column, named in ((mentions.gold, wanted.gold), (mentions.predicted, wanted.predicted)):
        sizes = Counter((place[1], cluster) for place, cluster in named.items())
        assert sorted(Counter(column[column >= 0].tolist()).values()) == sorted(sizes.values())
    shared = {
        (wanted.gold.get(place), place[1], wanted.predicted.get(place)) for place in {**wanted.gold, **wanted.predicted}
    }
    assert mentions.pair_count() == len(shared)


def filled(row: Mapping[str, int]) -> dict[str, int]:
    return {column: amount for column, amount in row.items() if amount}


@pytest.mark.parametrize("seed", range(6))
def test_counts_of_bare_gold_are_those_of_the_slow_reference(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    gold = [random_record(draw, f"d{n:03}", gold=True) for n in range(150)]
    system = [without_ties(each, random_record(draw, each["document_id"], gold=False), None) for each in gold]
    slow = SlowCounts()
    for one, other in zip(gold, system, strict=True):
        slow.add(one, other, None)
    slow.finish()
    draw.shuffle(system)
    corpus = load_corpus(write_lines(tmp_path / "gold.jsonl", gold))
    assert_same(count(open_predictions(system), corpus), slow)


@pytest.mark.parametrize(("size", "by_paragraph"), [(5, True), (14, True), (24, False)])
@pytest.mark.parametrize("seed", range(4))
def test_counts_of_texts_are_those_of_the_slow_reference(
    tmp_path: Path, seed: int, size: int, by_paragraph: bool
) -> None:
    # Two events of which every entity, holder and claim has the same key in both: they must not be joined.
    draw = random.Random(seed)
    texts = {
        event: [random_document(f"{event}-{n}", event, draw.choice(("en", "id"))) for n in range(size)]
        for event in ("flood", "storm")
    }
    every = [text for some in texts.values() for text in some]
    gold = {text["document_id"]: random_record(draw, text["document_id"], gold=True) for text in every}
    slow = SlowCounts(by_paragraph=by_paragraph, statuses=STATUSES, mutations=MUTATIONS)
    system = []
    for text in every:
        key = text["document_id"]
        record = listed(random_record(draw, key, gold=False))
        system.append(without_ties(gold[key], record, text))
        slow.add(gold[key], record, text)
    slow.finish()
    draw.shuffle(system)
    corpus = load_corpus(write_random_corpus(tmp_path / "corpus", texts, gold))
    found = count(open_predictions(system), corpus)
    assert found.units == ("paragraph" if by_paragraph else "document")
    assert_same(found, slow)


def listed(record: Record) -> Record:
    """A prediction of claims that the catalogue has."""
    if "verification" in record:
        record["verification"] = [pair for pair in record["verification"] if pair["claim"] in MUTATIONS]
    return record
