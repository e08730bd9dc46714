"""Stance: arithmetic on hand-made cells, evidence and scores; what it shares: test_layers_answers.py."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from conformance import Case, cases, check, name
from layer_counts import measures_of, totals_of
from retold.layers.scheme import default_scheme
from retold.model.annotations import StanceCell

LABELS = default_scheme().layers["stance"].labels


def cell(
    number: int, label: str, evidence: Sequence[int] | None = None, scores: tuple[float, float, float] | None = None
) -> StanceCell:
    """The cell of holder h and target ``number``; scores are (favor, against, none)."""
    extra: dict[str, Any] = {}
    if evidence is not None:
        extra["evidence"] = list(evidence)
    if scores is not None:
        extra["scores"] = dict(zip(LABELS, scores, strict=True))
    return StanceCell(holder="h", target=f"t{number}", label=label, **extra)


def labelled(labels: Sequence[str | None]) -> list[StanceCell]:
    """Cells 0, 1, ... with these labels; None leaves the cell out."""
    return [cell(number, label) for number, label in enumerate(labels) if label is not None]


totals, measured = partial(totals_of, "stance"), partial(measures_of, "stance", "stance.")


@pytest.mark.parametrize("case", cases("stance"), ids=name)
def test_the_published_values_of_the_shared_task_are_met(case: Case) -> None:
    pairs = [pair for pair, amount in case.given.items() for _ in range(amount)]
    check(case, measured(labelled([gold for gold, _ in pairs]), labelled([given for _, given in pairs])))


@pytest.mark.parametrize("case", cases("cells"), ids=name)
def test_the_published_values_of_evidence_and_scores_are_met(case: Case) -> None:
    gold, predicted = ([cell(number, *given) for number, given in enumerate(side)] for side in case.given)
    check(case, measured(gold, predicted))


def test_nothing_predicted_is_zero_and_not_undefined() -> None:
    found = measured(labelled(["favor", "against", "none"]), [])
    assert (found["favg"], found["macro_f1"], found["accuracy"]) == (0.0, 0.0, 0.0)


def test_a_label_with_neither_gold_nor_prediction_is_not_averaged_in() -> None:
    found = measured(labelled(["favor", "none"]), labelled(["favor", "none"]))
    assert math.isnan(found["against.f1"])
    assert (found["favg"], found["macro_f1"]) == (1.0, 1.0)


def test_a_label_that_gold_does_not_have_is_out_of_the_mean_whatever_is_predicted() -> None:
    # Gold: two favor, one none. Favor: found 1 of 2, F1 2/3. Against: given once, spurious, F1 0. None: 1 of 1, F1 1.
    # Silence instead of the wrong against leaves favor where it is: nothing is gained by it.
    found = measured(labelled(["favor", "favor", "none"]), labelled(["favor", "against", "none"]))
    assert found["against.f1"] == 0.0
    assert (found["favg"], found["macro_f1"]) == (pytest.approx(2 / 3), pytest.approx((2 / 3 + 1) / 2))
    silent = measured(labelled(["favor", "favor", "none"]), labelled(["favor", None, "none"]))
    assert (silent["favg"], silent["macro_f1"]) == (found["favg"], found["macro_f1"])


def test_silence_where_an_answer_would_be_wrong_raises_f1_and_not_accuracy() -> None:
    # Gold: favor, against. Both called favor: favor 1 of 2 given, F1 2/3; against 0. Without the second favor is 1.
    wrong = measured(labelled(["favor", "against"]), labelled(["favor", "favor"]))
    silent = measured(labelled(["favor", "against"]), labelled(["favor", None]))
    assert (wrong["favg"], silent["favg"]) == (pytest.approx(1 / 3), pytest.approx(1 / 2))
    assert (wrong["accuracy"], silent["accuracy"]) == (1 / 2, 1 / 2)


def test_evidence_counts_sentences_under_the_right_label_only() -> None:
    # Gold sentences 1 2 | 5 | (none). Predicted 2 3 under the right label: 1 of 2; 5 under a wrong label: 0 of 1;
    # sentences of a "none" do not count. Right 1, predicted 3, gold 3: F1 2/6. (SciFact, selection and label.)
    found = measured(
        [cell(0, "favor", [1, 2]), cell(1, "against", [5]), cell(2, "none", [])],
        [cell(0, "favor", [2, 3]), cell(1, "favor", [5]), cell(2, "none", [7])],
    )
    assert found["evidence.f1"] == pytest.approx(2 * 1 / (3 + 3))


def test_a_sentence_named_twice_counts_once() -> None:
    gold = [cell(0, "favor", [1, 2])]
    twice = totals(gold, [cell(0, "favor", [1, 1, 1])])
    assert twice == totals(gold, [cell(0, "favor", [1])])


def test_evidence_is_undefined_where_nobody_gives_any() -> None:
    assert math.isnan(measured(labelled(["none"]), labelled(["none"]))["evidence.f1"])


def test_brier_is_the_summed_squared_error_averaged_over_cells_with_scores() -> None:
    # Brier 1950. Cell 0, gold favor, (.8 .1 .1): .04 + .01 + .01 = .06. Cell 1, gold none, (.5 .25 .25):
    # .25 + .0625 + .5625 = .875. Cell 2 has no scores and is not averaged in. Mean .4675.
    found = measured(
        labelled(["favor", "none", "against"]),
        [cell(0, "favor", scores=(0.8, 0.1, 0.1)), cell(1, "favor", scores=(0.5, 0.25, 0.25)), cell(2, "against")],
    )
    assert found["brier"] == pytest.approx((0.06 + 0.875) / 2)


_shares = st.tuples(*[st.integers(0, 20)] * 3).filter(any).map(lambda parts: [part / sum(parts) for part in parts])


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(LABELS), _shares), min_size=1, max_size=15))
def test_brier_agrees_with_scikit_learn(cells: list[tuple[str, list[float]]]) -> None:
    gold, shares = zip(*cells, strict=True)
    found = measured(labelled(gold), [cell(n, "none", scores=tuple(s)) for n, s in enumerate(shares)])  # type: ignore[arg-type]
    # Of one label against the rest, scikit-learn squares the error of that label alone; the three add up to ours.
    theirs = sum(
        brier_score_loss([each == label for each in gold], [share[place] for share in shares], pos_label=True)
        for place, label in enumerate(LABELS)
    )
    assert found["brier"] == pytest.approx(theirs)


def test_ece_is_the_gap_between_confidence_and_accuracy_in_ten_bins() -> None:
    # Naeini et al. 2015. Confidences (of the given label) .85 right, .87 wrong | .45 right | 1.0 right, .95 right.
    # Bin 8: |1.72 - 1| = .72; bin 4: |.45 - 1| = .55; bin 9 holds 1.0 too: |1.95 - 2| = .05. Sum 1.32 over 5 cells.
    found = measured(
        labelled(["favor", "none", "favor", "favor", "against"]),
        [
            cell(0, "favor", scores=(0.85, 0.1, 0.05)),
            cell(1, "favor", scores=(0.87, 0.1, 0.03)),
            cell(2, "favor", scores=(0.45, 0.45, 0.1)),
            cell(3, "favor", scores=(1.0, 0.0, 0.0)),
            cell(4, "against", scores=(0.03, 0.95, 0.02)),
        ],
    )
    assert found["ece"] == pytest.approx(1.32 / 5)


def test_a_confidence_between_two_bins_belongs_to_the_upper_one() -> None:
    # .5 right and .55 wrong share the bin from .5 to .6: |1.05 - 1| = .05 over 2 cells. Apart they would give 1.05 / 2.
    found = measured(
        labelled(["favor", "none"]),
        [cell(0, "favor", scores=(0.5, 0.25, 0.25)), cell(1, "favor", scores=(0.55, 0.25, 0.2))],
    )
    assert found["ece"] == pytest.approx(0.05 / 2)


def test_scores_are_not_needed() -> None:
    found = measured(labelled(["favor"]), labelled(["favor"]))
    assert math.isnan(found["brier"])
    assert math.isnan(found["ece"])
