"""Measures that describe themselves, and confusion tables and calibration against arithmetic."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from retold.measures.base import Measure
from retold.measures.calibration import brier, calibration_measures, expected_calibration_error
from retold.measures.classification import confusion_columns, confusion_measures, f1_row, macro_f1_row, prf_rows

LABELS = ("a", "b", "c")
#: Gold a: 3 right, 1 given as b, 1 missing. Gold b: 2 right, 2 given as a. Gold has no c; one b was given as c.
TABLE = {"a:a": 3, "a:b": 1, "a:missing": 1, "b:b": 2, "b:a": 2, "b:c": 1}
COUNTS = {column: np.array(float(TABLE.get(column, 0))) for column in confusion_columns(LABELS)}
ROWS: list[Measure] = [
    *prf_rows("t", "correct", definition="Equal spans are correct.", reference="Paper 2000"),
    f1_row("t.partial.f1", "correct", half="overlap", definition="An overlap is half.", reference="Paper 2000"),
    macro_f1_row("t.ab", LABELS, ("a", "b"), reference="Paper 2000"),
    *confusion_measures("t", LABELS, reference="Paper 2000"),
    *calibration_measures("t", 10),
]


@pytest.mark.parametrize("measure", ROWS, ids=lambda measure: measure.name)
def test_rows_say_what_they_are_after_whom_and_what_is_undefined(measure: Measure) -> None:
    assert measure.definition.endswith(".")
    assert measure.reference
    assert measure.undefined.startswith("null where")
    assert measure.higher_is_better == (not measure.name.endswith(("brier", "ece")))


def test_macro_f1_accuracy_and_f1_of_a_confusion_table() -> None:
    values = {measure.name: float(measure.value(COUNTS)) for measure in confusion_measures("t", LABELS)}
    # a: 2 * 3 / (5 predicted + 5 gold); b: 2 * 2 / (3 + 5); c: 0 of 1 predicted, and no gold, so it is left out.
    assert values == pytest.approx(
        {"t.macro_f1": (0.6 + 0.5) / 2, "t.accuracy": 5 / 10, "t.a.f1": 0.6, "t.b.f1": 0.5, "t.c.f1": 0.0}
    )


def test_macro_f1_over_some_labels_rests_on_half_of_their_gold_and_predictions() -> None:
    row = macro_f1_row("t.a", LABELS, ("a",))
    assert float(row.value(COUNTS)) == pytest.approx(0.6)
    assert float(row.trials(COUNTS)) == (5 + 5) / 2
    # Over all labels it rests on the items.
    assert float(macro_f1_row("t.all", LABELS).trials(COUNTS)) == 10


def test_brier_and_calibration_error_of_two_bins() -> None:
    # Bin 0: 2 items of confidence .3 and .4, one right: |.7 - 1|. Bin 1: 2 items of .9 and .8, one right: |1.7 - 1|.
    counts = {"bin0:items": 2.0, "bin0:confidence": 0.7, "bin0:correct": 1.0, "bin1:items": 2.0}
    counts |= {"bin1:confidence": 1.7, "bin1:correct": 1.0, "scored": 4.0, "squared_error": 3.0}
    arrays = {name: np.array(value) for name, value in counts.items()}
    assert float(expected_calibration_error(arrays, 2)) == pytest.approx((0.3 + 0.7) / 4)
    assert float(brier(arrays)) == pytest.approx(3 / 4)
    nothing = {name: np.array(0.0) for name in counts}
    assert np.isnan([expected_calibration_error(nothing, 2), brier(nothing)]).all()


def test_measures_load_numpy_alone() -> None:
    code = "import sys, retold.measures.base; sys.exit(bool({'scipy', 'msgspec', 'pyarrow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
