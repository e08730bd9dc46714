"""Rows that tables of measures share: precision, recall and F1 of counted items, and measures of confusion tables.

A confusion table has a column ``gold:given`` for each pair of labels, and ``gold:missing`` for items without a
prediction, which count as missed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from retold.measures.base import Array, Counts, Measure, f1, label_counts, label_f1, macro_f1, ratio

__all__ = ["added_up", "confusion_columns", "confusion_measures", "f1_row", "prf_rows", "trials_of"]


def added_up(counts: Counts, columns: Sequence[str]) -> Array:
    """Sum of some columns."""
    return np.asarray(sum(counts[column] for column in columns), dtype=np.float64)


def f1_row(
    name: str,
    correct: str,
    predicted: str = "predicted",
    gold: str = "gold",
    *,
    half: str | None = None,
    shown: str = "correct",
) -> Measure:
    """F1 of the items in column ``correct``, plus half of those in column ``half``."""
    counts: dict[str, tuple[str, ...]] = {shown: (correct,), "predicted": (predicted,), "gold": (gold,)}
    if half is not None:
        counts["partial"] = (half,)
    return Measure(
        name=name,
        value=lambda c: f1(c[correct] + (c[half] / 2 if half is not None else 0.0), c[predicted], c[gold]),
        trials=lambda c: (c[predicted] + c[gold]) / 2,
        counts=counts,
    )


def prf_rows(
    prefix: str, correct: str, predicted: str = "predicted", gold: str = "gold", *, shown: str = "correct"
) -> tuple[Measure, ...]:
    """Precision, recall and F1 of the items in column ``correct``."""
    last = f1_row(f"{prefix}.f1", correct, predicted, gold, shown=shown)
    return (
        Measure(
            name=f"{prefix}.precision",
            value=lambda c: ratio(c[correct], c[predicted]),
            trials=lambda c: c[predicted],
            counts=last.counts,
        ),
        Measure(
            name=f"{prefix}.recall",
            value=lambda c: ratio(c[correct], c[gold]),
            trials=lambda c: c[gold],
            counts=last.counts,
        ),
        last,
    )


def confusion_columns(labels: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns of a confusion table."""
    return tuple(f"{gold}:{given}" for gold in labels for given in (*labels, "missing"))


def trials_of(counts: Counts, labels: Sequence[str], label: str) -> Array:
    """Half of gold plus predicted of one label: the trials that its F1 rests on."""
    columns = label_counts(labels, label)
    return added_up(counts, (*columns["predicted"], *columns["gold"])) / 2


def confusion_measures(prefix: str, labels: Sequence[str]) -> tuple[Measure, ...]:
    """Macro-F1, accuracy and each label's F1 of a confusion table."""
    columns = confusion_columns(labels)
    cells: Mapping[str, tuple[str, ...]] = {column: (column,) for column in columns}
    right = [f"{label}:{label}" for label in labels]

    def one(label: str) -> Measure:
        return Measure(
            name=f"{prefix}.{label}.f1",
            value=lambda c: label_f1(c, labels, label),
            trials=lambda c: trials_of(c, labels, label),
            counts=label_counts(labels, label),
        )

    return (
        Measure(
            name=f"{prefix}.macro_f1",
            value=lambda c: macro_f1(c, labels),
            trials=lambda c: added_up(c, columns),
            counts=cells,
        ),
        Measure(
            name=f"{prefix}.accuracy",
            value=lambda c: ratio(added_up(c, right), added_up(c, columns)),
            trials=lambda c: added_up(c, columns),
            counts=cells,
        ),
        *(one(label) for label in labels),
    )
