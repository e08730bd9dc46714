"""Intervals hold the value that they stand beside, and are those of the definition where that is known by hand."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm, t

import retold
from predictions import gold_records
from random_corpora import write_lines
from retold.io.submission import open_submission
from retold.measures import jackknife
from retold.scoring import ranking
from retold.scoring.count import count
from retold.scoring.ranking import rank
from retold.stats.bootstrap import bootstrap_weights


def test_every_interval_holds_its_value() -> None:
    """Also those of coreference, whose resamples make larger clusters than the documents have."""
    records = gold_records()
    for record in records:
        # Every second mention is missing and every third in a cluster of its own.
        record["entities"] = [
            mention | ({"entity": f"alone-{n}"} if n % 3 == 0 else {})
            for n, mention in enumerate(record["entities"])
            if n % 2
        ]
    score = retold.score(records, resamples=1000)
    outside = {
        name: (value.low, value.value, value.high)
        for name, value in score.measures.items()
        if value.value is not None and not value.low <= value.value <= value.high
    }
    assert outside == {}
    conll = score.measures["entities.coreference.conll"]
    assert conll.high - conll.low > 0.01


# --- Wilson's interval, where all or nothing is right -----------------------------------------------------------------

#: Four linked names of two entities; cells of 2 favor, 1 against, 3 none, with 6 sentences; three claims; two pairs.
ASKED: dict[str, Any] = {
    "document_id": "d",
    "entities": [
        {"start": 10 * n, "end": 10 * n + 5, "type": "PER", "entity": f"e{n // 2}", "kb_id": f"Q{n + 1}"}
        for n in range(4)
    ],
    "stance": [
        {"holder": "h", "target": f"t{n}", "label": label, "evidence": [] if label == "none" else [n, n + 1]}
        for n, label in enumerate(("favor", "favor", "against", "none", "none", "none"))
    ],
    "claims": [{"start": 10 * n, "end": 10 * n + 5, "source": "author"} for n in range(3)],
    "verification": [{"claim": f"c{n}", "label": "supported", "evidence": [n]} for n in range(2)],
}


def answer(**layers: Any) -> dict[str, Any]:
    """Gold with other layers."""
    return {**ASKED, **layers}


def elsewhere(layer: str, amount: int) -> list[dict[str, Any]]:
    """Spans at which there is nothing."""
    labels = {"type": "PER", "kb_id": "Q9"} if layer == "entities" else {"source": "author"}
    return [{"start": 200 + 10 * n, "end": 205 + 10 * n, **labels} for n in range(amount)]


@pytest.mark.parametrize(
    ("given", "measure", "value", "trials"),
    [
        # Precision rests on what was predicted, recall on gold, F1 on the mean of both.
        (answer(entities=ASKED["entities"][:3]), "entities.mention.precision", 1, 3),
        (answer(entities=ASKED["entities"] + elsewhere("entities", 6)), "entities.mention.recall", 1, 4),
        (answer(entities=elsewhere("entities", 2)), "entities.mention.f1", 0, (2 + 4) / 2),
        (answer(entities=elsewhere("entities", 2)), "entities.linking.precision", 0, 2),
        (answer(entities=elsewhere("entities", 2)), "entities.linking.recall", 0, 4),
        (answer(claims=elsewhere("claims", 5)), "claims.span.f1", 0, (5 + 3) / 2),
        # Coreference: links (MUC: one in each pair of mentions), mentions (B3, LEA), clusters (CEAFe); predicted for
        # precision, gold for recall, half of both for F1. Three of four mentions have one link of two.
        (answer(entities=ASKED["entities"][:3]), "entities.coreference.muc.precision", 1, 1),
        (answer(entities=ASKED["entities"][:3]), "entities.coreference.b3.precision", 1, 3),
        (answer(entities=ASKED["entities"][:2]), "entities.coreference.lea.precision", 1, 2),
        (answer(entities=ASKED["entities"][:3]), "entities.coreference.blanc.precision", 1, 3),
        (answer(entities=elsewhere("entities", 2)), "entities.coreference.b3.recall", 0, 4),
        (answer(entities=elsewhere("entities", 2)), "entities.coreference.ceafm.f1", 0, (2 + 4) / 2),
        # Two clusters of gold, and two mentions without a name, each a cluster of its own.
        (answer(entities=elsewhere("entities", 2)), "entities.coreference.ceafe.f1", 0, (2 + 2) / 2),
        # CoNLL: the mean of the intervals of its parts.
        (ASKED, "entities.coreference.conll", 1, [2, 4, 2]),
        # The cells of favor and of against: half of gold plus given of each. Over all labels: the cells.
        (ASKED, "stance.favg", 1, 2 + 1),
        (ASKED, "stance.favor.f1", 1, 2),
        (answer(stance=[]), "stance.favor.f1", 0, (2 + 0) / 2),
        (ASKED, "stance.accuracy", 1, 6),
        (ASKED, "stance.macro_f1", 1, 6),
        (answer(stance=[]), "stance.accuracy", 0, 6),
        (ASKED, "stance.evidence.f1", 1, 6),
        (ASKED, "claims.verification.strict", 1, 2),
        (answer(verification=[]), "claims.verification.strict", 0, 2),
    ],
)
def test_all_or_nothing_has_wilson_s_interval_over_what_the_measure_rests_on(
    given: dict[str, Any], measure: str, value: int, trials: float | list[int], tmp_path: Path
) -> None:
    # With n trials: from n / (n + z^2) to 1 where all are right, from 0 to z^2 / (n + z^2) where none is.
    for name, record in (("gold", ASKED), ("system", given)):
        write_lines(tmp_path / f"{name}.jsonl", [record])
    found = retold.score(tmp_path / "system.jsonl", tmp_path / "gold.jsonl", resamples=20).measures[measure]
    z_squared = 1.959963984540054**2
    share = np.mean([n / (n + z_squared) for n in (trials if isinstance(trials, list) else [trials])])
    bounds = (share, 1.0) if value else (0.0, 1.0 - share)
    assert found.value == value
    assert (found.low, found.high) == pytest.approx(bounds)


# --- A corpus whose CoNLL score is known by hand ----------------------------------------------------------------------

# Each document has one cluster of two mentions; the system finds it whole, or splits it into two singletons.
DOCUMENTS = 6
#: Percentiles of the expanded percentile interval for as many units (Hesterberg 2015).
TAIL = norm.cdf(-t.ppf(0.975, DOCUMENTS - 1) * (DOCUMENTS / (DOCUMENTS - 1)) ** 0.5)
BOUNDS = [TAIL, 1 - TAIL]


def conll_by_hand(times: Sequence[float], split: Collection[int]) -> float:
    """CoNLL score of the documents, each taken as many times: its cluster has 2 mentions each time.

    Split, a cluster of 2w is two of w. MUC: 2w - 1 links of a cluster, one less where it is split, none wrong. B3:
    recall 1/2 of split mentions, precision 1. CEAFe: a pair is worth 2 * 2w / (2w + 2w) = 1, split 2w / (2w + w) = 2/3.
    """
    whole = [w for n, w in enumerate(times) if w and n not in split]
    parts = [w for n, w in enumerate(times) if w and n in split]
    found = sum(2 * w - 1 for w in whole) + sum(2 * w - 2 for w in parts)
    muc = 2 * found / (found + sum(2 * w - 1 for w in whole + parts))
    recall = (sum(whole) + sum(parts) / 2) / (sum(whole) + sum(parts))
    aligned = len(whole) + 2 / 3 * len(parts)
    ceafe = 2 * aligned / (len(whole) + len(parts) + len(whole) + 2 * len(parts))
    return (muc + 2 * recall / (1 + recall) + ceafe) / 3


def written(folder: Path, name: str, split: Collection[int]) -> Path:
    records = []
    for n in range(DOCUMENTS):
        keys = ((0, "a"), (10, "b" if n in split else "a"))
        mentions = [{"start": at, "end": at + 5, "type": "PER", "entity": f"{n}-{key}"} for at, key in keys]
        records.append({"document_id": f"d{n}", "entities": mentions})
    return write_lines(folder / f"{name}.jsonl", records)


def weights(resamples: int) -> Any:
    """How often each document is drawn in each resample."""
    return np.concatenate([drawn for _, drawn in bootstrap_weights(DOCUMENTS, resamples, 0, "text")])


def without_each(split: Collection[int]) -> list[float]:
    return [conll_by_hand([float(m != n) for m in range(DOCUMENTS)], split) for n in range(DOCUMENTS)]


@pytest.mark.parametrize("split", [{0}, {1, 4}, {0, 1, 2, 3}, {0, 1, 2, 3, 4, 5}])
def test_resamples_of_clusters_are_linear_in_what_each_unit_changes(split: set[int], tmp_path: Path) -> None:
    # Efron 1982: the value, plus for each unit the times that it was drawn beyond once times its influence.
    point = conll_by_hand([1.0] * DOCUMENTS, split)
    drawn = np.clip(point + (weights(300) - 1) @ (point - np.array(without_each(split))), 0, 1)
    gold, system = written(tmp_path, "gold", ()), written(tmp_path, "system", split)
    # Agreement on clusters is resampled as their score is.
    for result in (retold.score(system, gold, resamples=300), retold.agreement(gold, system, gold, resamples=300)):
        found = result.measures["entities.coreference.conll"]
        assert found.value == pytest.approx(point)
        # Where no unit changes anything there is no spread, and no interval.
        bounds = tuple(np.quantile(drawn, BOUNDS)) if np.ptp(drawn) > 1e-9 else (None, None)
        assert (found.low, found.high) == pytest.approx(bounds)
        assert found.low is None or found.low <= found.value <= found.high


@pytest.mark.parametrize("budget", [jackknife.BUDGET, 0])
def test_a_unit_s_part_in_the_conll_score_is_its_pseudo_value(
    budget: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Tukey 1958: n times the score less n - 1 times the score without the unit, here shifted so that the parts add up
    # to the score: score / n + (n - 1) / n * (mean of those without - that without this one).
    monkeypatch.setattr(jackknife, "BUDGET", budget)
    split = {1, 4}
    gold, system = written(tmp_path, "gold", ()), written(tmp_path, "system", split)
    found = ranking._cluster_contributions(count(open_submission(system), retold.load_corpus(gold)))[:, 0]
    point, without = conll_by_hand([1.0] * DOCUMENTS, split), np.array(without_each(split))
    assert found.tolist() == pytest.approx((point / 6 + 5 / 6 * (without.mean() - without)).tolist())
    assert found.sum() == pytest.approx(point)


def test_a_unit_without_which_nothing_is_left_changes_nothing(tmp_path: Path) -> None:
    # All mentions stand in the first document; without it the score is 0/0 and taken as it is. Without the second it is
    # the same, so that each has half.
    gold, system = written(tmp_path, "gold", ()), written(tmp_path, "system", {0})
    for path in (gold, system):
        first, second, *_ = path.read_text().splitlines()
        path.write_text(f"{first}\n{json.dumps(json.loads(second) | {'entities': []})}\n")
    found = ranking._cluster_contributions(count(open_submission(system), retold.load_corpus(gold)))[:, 0]
    assert found.tolist() == pytest.approx([conll_by_hand([1.0], {0}) / 2] * 2)


def test_p_of_clusters_is_the_share_of_exchanges_of_the_units_parts(tmp_path: Path) -> None:
    # Mentions are alike and nothing is linked, so that the systems differ in their parts of the CoNLL score alone.
    gold = written(tmp_path, "gold", ())
    systems = {"some": {0, 1}, "other": {2, 3, 4, 5}}
    paths = [written(tmp_path, name, split) for name, split in systems.items()]
    parts = []
    for split in systems.values():
        point, without = conll_by_hand([1.0] * DOCUMENTS, split), np.array(without_each(split))
        parts.append(point / 6 + 5 / 6 * (without.mean() - without))
    gaps = parts[0] - parts[1]
    sums = [abs(np.dot(signs, gaps)) for signs in itertools.product((1, -1), repeat=DOCUMENTS)]
    extreme = sum(each >= abs(gaps.sum()) - 1e-12 for each in sums)
    (found,) = [c for c in rank(paths, gold, measure="entities", resamples=64).comparisons if c.measure == "entities"]
    # entities: the mean of mention F1, 1 for both, and the CoNLL score; linking is undefined.
    assert found.difference == pytest.approx(gaps.sum() / 2)
    assert 2 < extreme < 64
    assert found.p == pytest.approx(extreme / 64)


def test_a_resample_sums_the_counts_of_what_was_drawn_as_often_as_it_was_drawn(tmp_path: Path) -> None:
    # Documents with so many names, and so many of them found; nothing else is predicted. Recall of a resample: found of
    # all, each document taken as often as it was drawn.
    names, found = np.array([2, 3, 1, 2, 4, 2]), np.array([2, 1, 1, 0, 3, 1])
    for name, amounts in (("gold", names), ("system", found)):
        records = [
            {
                "document_id": f"d{n}",
                "entities": [{"start": 9 * k, "end": 9 * k + 5, "type": "PER"} for k in range(many)],
            }
            for n, many in enumerate(amounts.tolist())
        ]
        write_lines(tmp_path / f"{name}.jsonl", records)
    measures = retold.score(tmp_path / "system.jsonl", tmp_path / "gold.jsonl", resamples=300).measures
    drawn = (weights(300) @ found) / (weights(300) @ names)
    recall = measures["entities.mention.recall"]
    assert recall.value == 8 / 14
    assert (recall.low, recall.high) == pytest.approx(tuple(np.quantile(drawn, BOUNDS)))
    # F1: 2 * found / (predicted + gold), where found and predicted are the same.
    f1 = (2 * weights(300) @ found) / (weights(300) @ (found + names))
    mention = measures["entities.mention.f1"]
    assert (mention.low, mention.high) == pytest.approx(tuple(np.quantile(f1, BOUNDS)))
