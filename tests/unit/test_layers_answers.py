"""What holds of stance and of verification alike: labels against scikit-learn, missing answers and extra ones."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from layer_counts import measures_of, totals_of
from retold.layers.scheme import default_scheme
from retold.model.annotations import StanceCell, VerificationPair

Layer = Literal["stance", "verification"]
PREFIXES: dict[Layer, str] = {"stance": "stance.", "verification": "claims.verification."}
LABELS = {layer: default_scheme().layers[layer].labels for layer in PREFIXES}
each_layer = pytest.mark.parametrize("layer", PREFIXES)


def answer(layer: Layer, number: int, label: Any, **more: Any) -> StanceCell | VerificationPair:
    if layer == "stance":
        return StanceCell(holder="h", target=f"t{number}", label=label, **more)
    return VerificationPair(claim=f"c{number}", label=label, **more)


def answers(layer: Layer, *labels: str | None) -> list[Any]:
    """Answers 0, 1, ... with these labels; None leaves the answer out."""
    return [answer(layer, number, label) for number, label in enumerate(labels) if label is not None]


def measured(layer: Layer, gold: Sequence[Any], predicted: Sequence[Any]) -> dict[str, float]:
    return measures_of(layer, PREFIXES[layer], gold, predicted)


@each_layer
def test_a_missing_answer_is_wrong_and_not_imputed(layer: Layer) -> None:
    # Two of the neutral label, one left out: 2 gold, 1 predicted, 1 right: F1 2/3, and accuracy 1/2. Imputing the
    # neutral label would give 1.
    neutral = LABELS[layer][-1]
    found = measured(layer, answers(layer, neutral, neutral), answers(layer, neutral, None))
    assert found[f"{neutral}.f1"] == pytest.approx(2 / 3)
    assert found["accuracy"] == found.get("strict", 1 / 2) == pytest.approx(1 / 2)


@each_layer
def test_an_extra_answer_counts_neither_way(layer: Layer) -> None:
    first, second, *_ = LABELS[layer]
    more = {"scores": dict(zip(LABELS[layer], (0.0, 1.0, 0.0), strict=True))} if layer == "stance" else {}
    gold, extra = answers(layer, first, second), answer(layer, 9, first, evidence=[1], **more)
    assert totals_of(layer, gold, [*gold, extra]) == totals_of(layer, gold, gold)


@each_layer
def test_no_gold_leaves_everything_undefined(layer: Layer) -> None:
    assert all(math.isnan(value) for value in measured(layer, [], answers(layer, LABELS[layer][0])).values())


@each_layer
@settings(deadline=None)
@given(data=st.data())
def test_means_of_f1_and_accuracy_agree_with_scikit_learn(layer: Layer, data: st.DataObject) -> None:
    label = st.sampled_from(LABELS[layer])
    pairs = data.draw(st.lists(st.tuples(label, label | st.none()), min_size=1, max_size=25))
    gold, predicted = [g for g, _ in pairs], [p for _, p in pairs]
    found = measured(layer, answers(layer, *gold), answers(layer, *predicted))
    given_labels = [label or "missing" for label in predicted]

    def theirs(labels: Sequence[str]) -> float:
        # The label set is that of gold and never that of the prediction.
        wanted = [label for label in labels if label in gold]
        if not wanted:
            return math.nan
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return float(f1_score(gold, given_labels, labels=wanted, average="macro", zero_division=0))

    assert found["macro_f1"] == pytest.approx(theirs(LABELS[layer]))
    assert found["accuracy"] == pytest.approx(float(accuracy_score(gold, given_labels)))
    if layer == "stance":
        assert found["favg"] == pytest.approx(theirs(["favor", "against"]), nan_ok=True)
