"""Properties of every task's counts: exchanging the sides exchanges precision and recall, merging knows no order."""

from __future__ import annotations

import itertools
import pickle
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from random_corpora import everything, written
from retold.corpus.load import load_corpus
from retold.io.submission import open_submission
from retold.layers import claims, entities, stance, verification
from retold.layers.base import Place, Tally
from retold.layers.counts import CountTable
from retold.measures.base import Measure
from retold.model.annotations import (
    STANCE_LABELS,
    VERIFICATION_LABELS,
    ClaimSpan,
    Mention,
    StanceCell,
    VerificationPair,
)
from retold.scoring import SystemCounts, passes
from retold.scoring.passes import Pass

PLACE = Place("d", None, "document", pool=False, by_document=False)
Values = dict[str, float | None]

counting = sys.modules["retold.scoring.count"]


def values(tally: Tally, measures: Sequence[Measure]) -> Values:
    """The measures of a tally; None where one is undefined."""
    counts = tally.units.as_counts(tally.units.matrix().sum(axis=0))
    found = {measure.name: float(measure.value(counts)) for measure in measures}
    return {name: None if value != value else value for name, value in found.items()}


# --- Exchanging the sides ---------------------------------------------------------------------------------------------

spans = st.tuples(st.integers(0, 30), st.integers(1, 12)).map(lambda pair: (pair[0], sum(pair)))


def mentions(labels: Mapping[tuple[int, int], tuple[str, str]]) -> list[Mention]:
    return [Mention(start=s, end=e, type=kind, kb_id=kb) for (s, e), (kind, kb) in labels.items()]  # type: ignore[arg-type]


def claim_spans(labels: Mapping[tuple[int, int], str]) -> list[ClaimSpan]:
    return [ClaimSpan(start=start, end=end, source=source) for (start, end), source in labels.items()]


def of_entities(gold: Any, predicted: Any) -> Values:
    tally = Tally(entities.COLUMNS)
    entities.count(mentions(gold), mentions(predicted), PLACE, tally, lambda mention: "verified")
    return values(tally, entities.MEASURES)


def of_claims(gold: Any, predicted: Any) -> Values:
    tally = Tally(claims.COLUMNS)
    claims.count(claim_spans(gold), claim_spans(predicted), PLACE, tally, claims.Attributions())
    found = values(tally, claims.MEASURES)
    # Sources are settled across documents, and the matching may choose among equally good pairs of them.
    del found["claims.attribution.f1"]
    return found


def of_stance(gold: Any, predicted: Any) -> Values:
    def cells(labels: Sequence[tuple[str, list[int]]]) -> list[StanceCell]:
        return [
            StanceCell(holder="h", target=f"t{n}", label=label, evidence=evidence)  # type: ignore[arg-type]
            for n, (label, evidence) in enumerate(labels)
        ]

    tally = Tally(stance.COLUMNS)
    stance.count(cells(gold), cells(predicted), PLACE, tally)
    found = values(tally, stance.MEASURES)
    # Means over the labels that gold has.
    del found["stance.favg"], found["stance.macro_f1"]
    return found


def of_verification(gold: Any, predicted: Any) -> Values:
    def pairs(labels: Sequence[str]) -> list[VerificationPair]:
        return [VerificationPair(claim=f"c{n}", label=label) for n, label in enumerate(labels)]  # type: ignore[arg-type]

    tally = Tally(verification.COLUMNS)
    verification.count(pairs(gold), pairs(predicted), PLACE, tally, lambda claim: None)
    found = values(tally, verification.MEASURES)
    # One asks for evidence of gold alone, the other is a mean over the labels that gold has.
    del found["claims.verification.strict"], found["claims.verification.macro_f1"]
    return found


def two_readings(labels: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Two sequences of labels for the same questions."""
    return st.integers(0, 8).flatmap(
        lambda size: st.tuples(*[st.lists(labels, min_size=size, max_size=size) for _ in range(2)])
    )


def exchanged(found: Values) -> Values:
    """What the other way round has to be: precision for recall, all else as it is."""
    turn = {"precision": "recall", "recall": "precision"}
    return {".".join(turn.get(part, part) for part in name.split(".")): value for name, value in found.items()}


@pytest.mark.parametrize(
    ("measured", "readings"),
    [
        pytest.param(
            of_entities,
            st.tuples(
                *[
                    st.dictionaries(
                        spans, st.tuples(st.sampled_from(("PER", "ORG")), st.sampled_from(("Q1", "Q2"))), max_size=7
                    )
                    for _ in range(2)
                ]
            ),
            id="entities",
        ),
        pytest.param(
            of_claims,
            st.tuples(*[st.dictionaries(spans, st.sampled_from(("author", "a", "b")), max_size=7) for _ in range(2)]),
            id="claims",
        ),
        pytest.param(
            of_stance,
            two_readings(st.tuples(st.sampled_from(STANCE_LABELS), st.lists(st.integers(0, 3), max_size=3))),
            id="stance",
        ),
        pytest.param(of_verification, two_readings(st.sampled_from(VERIFICATION_LABELS)), id="verification"),
    ],
)
def test_exchanging_the_sides_exchanges_precision_and_recall(
    measured: Callable[[Any, Any], Values], readings: st.SearchStrategy[Any]
) -> None:
    @settings(max_examples=200, deadline=None)
    @given(readings)
    def holds(both: tuple[Any, Any]) -> None:
        there, back = measured(*both), measured(*reversed(both))
        assert exchanged(there).keys() == back.keys()
        for name, value in exchanged(there).items():
            assert value == pytest.approx(back[name], abs=1e-12), name

    holds()


# --- Merging ----------------------------------------------------------------------------------------------------------

rows = st.dictionaries(
    st.sampled_from("abcd"), st.tuples(st.integers(0, 2**70), st.integers(-(2**70), 2**70)), max_size=4
)


@given(st.lists(rows, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_tables_of_counts_merge_in_any_order_and_grouping(tables: list[dict[str, Any]], draw: Any) -> None:
    def merged(order: Sequence[int], split: int) -> dict[str, list[int]]:
        made = [CountTable(("x", "y~")) for _ in order]
        for table, number in zip(made, order, strict=True):
            table.rows = {unit: list(row) for unit, row in tables[number].items()}
        left, right = made[0], made[split]
        for table in made[1:split]:
            left.merge(table)
        for table in made[split + 1 :]:
            right.merge(table)
        left.merge(right)
        return left.rows

    order = list(range(len(tables)))
    draw.shuffle(order)
    found = merged(order, draw.randrange(1, len(order)))
    # Whole numbers: added up by hand.
    for unit in {unit for table in tables for unit in table}:
        assert found[unit] == [sum(t.get(unit, (0, 0))[column] for t in tables) for column in range(2)]


@pytest.fixture(scope="module")
def shares(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[bytes], dict[str, Any]]:
    """Four workers' counts of 41 documents, as they are handed over, and the counts of one who reads all."""
    folder = tmp_path_factory.mktemp("shares")
    gold, system = written(folder, 41, 7)
    corpus, submission = load_corpus(gold), open_submission(system)

    def begin() -> Pass:
        return Pass(corpus, "document", pool=False, by_document=True, allow_missing=False)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "BATCH", 4)
        parts = [begin() for _ in range(4)]
        for number, part in enumerate(parts):
            part.share(submission.records, itertools.count(number, len(parts)).__next__)
        whole = begin()
        whole.whole(submission.records)
    return [pickle.dumps(part) for part in parts], settled(whole)


def settled(done: Pass) -> dict[str, Any]:
    counts = SystemCounts("system", None, {}, "document", allow_missing=False)
    counting._settle(counts, done)
    return everything(counts)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
@pytest.mark.parametrize("paired", [False, True], ids=["one after another", "in pairs"])
def test_what_workers_count_merges_in_any_order_and_grouping(
    shares: tuple[list[bytes], dict[str, Any]], order: Sequence[int], paired: bool
) -> None:
    parts = [pickle.loads(shares[0][number]) for number in order]
    if paired:
        parts[2].merge(parts.pop())
    for part in parts[1:]:
        parts[0].merge(part)
    assert settled(parts[0]) == shares[1]


@pytest.mark.parametrize("workers", [2, 3, 12])
def test_any_number_of_workers_counts_what_one_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    # Nine runs of lines: of twelve workers some have nothing to do.
    gold, system = written(tmp_path, 33, 9)
    monkeypatch.setattr(passes, "BATCH", 4)
    alone = counting.count(open_submission(system), load_corpus(gold))
    monkeypatch.delattr(Pass, "whole")
    shared = counting.count(open_submission(system), load_corpus(gold), workers=workers)
    assert everything(shared) == everything(alone)
