"""Precision, recall and F1 of counted items, and the measures of confusion tables.

A confusion table has a column ``gold:given`` for each pair of labels, and ``gold:missing`` for items without a
prediction, which count as missed.

The functions that make measures take what a page says of them: ``definition`` says when an item is correct, in a
sentence, and ``reference`` who defined it so; what is 0/0 follows from the formula.
"""

from __future__ import annotations

from collections.abc import Sequence

from retold.measures.base import Counts, Measure, f1, mean_over_gold, ratio
from retold.model.arrays import Array, np

__all__ = [
    "added_up",
    "confusion_columns",
    "confusion_measures",
    "f1_row",
    "label_counts",
    "label_f1",
    "macro_f1",
    "macro_f1_row",
    "prf_rows",
    "trials_of",
]


def added_up(counts: Counts, columns: Sequence[str]) -> Array:
    """Sum of some columns."""
    return np.asarray(sum((counts[column] for column in columns), start=np.float64(0.0)))


def f1_row(
    name: str,
    correct: str,
    predicted: str = "predicted",
    gold: str = "gold",
    *,
    half: str | None = None,
    shown: str = "correct",
    definition: str = "",
    reference: str = "",
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
        definition=f"Harmonic mean of precision and recall. {definition}".rstrip(),
        reference=reference,
        undefined="null where there is neither gold nor prediction, 0 where nothing is correct",
    )


def prf_rows(
    prefix: str,
    correct: str,
    predicted: str = "predicted",
    gold: str = "gold",
    *,
    shown: str = "correct",
    definition: str = "",
    reference: str = "",
) -> tuple[Measure, ...]:
    """Precision, recall and F1 of the items in column ``correct``."""
    last = f1_row(f"{prefix}.f1", correct, predicted, gold, shown=shown, definition=definition, reference=reference)

    def share(name: str, of: str, kind: str, undefined: str) -> Measure:
        return Measure(
            name=f"{prefix}.{name}",
            value=lambda c: ratio(c[correct], c[of]),
            trials=lambda c: c[of],
            counts=last.counts,
            definition=f"Share of the {kind} items that are correct. {definition}".rstrip(),
            reference=reference,
            undefined=undefined,
        )

    return (
        share("precision", predicted, "predicted", "null where nothing is predicted"),
        share("recall", gold, "gold", "null where gold has nothing"),
        last,
    )


def confusion_columns(labels: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns of a confusion table."""
    return tuple(f"{gold}:{given}" for gold in labels for given in (*labels, "missing"))


def label_counts(labels: Sequence[str], label: str) -> dict[str, tuple[str, ...]]:
    """Columns behind the F1 of one label."""
    return {
        "correct": (f"{label}:{label}",),
        "predicted": tuple(f"{other}:{label}" for other in labels),
        "gold": tuple(f"{label}:{other}" for other in (*labels, "missing")),
    }


def label_f1(counts: Counts, labels: Sequence[str], label: str) -> Array:
    return f1(*(added_up(counts, columns) for columns in label_counts(labels, label).values()))


def macro_f1(counts: Counts, labels: Sequence[str], over: Sequence[str] | None = None) -> Array:
    """Mean of the F1 of some labels (not the F1 of mean precision and recall), of those that gold has.

    Args:
        labels: all labels of the table.
        over: the labels that are averaged, all where not given.
    """
    wanted = labels if over is None else over
    gold = [added_up(counts, label_counts(labels, label)["gold"]) for label in wanted]
    return mean_over_gold([label_f1(counts, labels, label) for label in wanted], gold)


def trials_of(counts: Counts, labels: Sequence[str], label: str) -> Array:
    """Half of gold plus predicted of one label: the trials that its F1 rests on."""
    columns = label_counts(labels, label)
    return added_up(counts, (*columns["predicted"], *columns["gold"])) / 2


def macro_f1_row(
    name: str, labels: Sequence[str], over: Sequence[str] | None = None, *, definition: str = "", reference: str = ""
) -> Measure:
    """Macro-F1 of a confusion table over some of its labels, over all where they are not given."""
    columns = confusion_columns(labels)

    def trials(counts: Counts) -> Array:
        if over is None:
            return added_up(counts, columns)
        return np.asarray(sum(trials_of(counts, labels, label) for label in over))

    return Measure(
        name=name,
        value=lambda c: macro_f1(c, labels, over),
        trials=trials,
        counts={column: (column,) for column in columns},
        definition=f"Mean F1 over {', '.join(over or labels)}, as far as they occur in gold. {definition}".rstrip(),
        reference=reference,
        undefined="null where gold has none of the labels",
    )


def confusion_measures(
    prefix: str, labels: Sequence[str], *, definition: str = "", reference: str = ""
) -> tuple[Measure, ...]:
    """Macro-F1, accuracy and each label's F1 of a confusion table."""
    columns = confusion_columns(labels)
    right = [f"{label}:{label}" for label in labels]

    def one(label: str) -> Measure:
        return Measure(
            name=f"{prefix}.{label}.f1",
            value=lambda c: label_f1(c, labels, label),
            trials=lambda c: trials_of(c, labels, label),
            counts=label_counts(labels, label),
            definition=f"F1 of {label}. {definition}".rstrip(),
            reference=reference,
            undefined="null where neither gold nor prediction has the label, 0 where nothing is correct",
        )

    return (
        macro_f1_row(f"{prefix}.macro_f1", labels, definition=definition, reference=reference),
        Measure(
            name=f"{prefix}.accuracy",
            value=lambda c: ratio(added_up(c, right), added_up(c, columns)),
            trials=lambda c: added_up(c, columns),
            counts={column: (column,) for column in columns},
            definition=f"Share of gold items whose label is right. {definition}".rstrip(),
            reference=reference,
            undefined="null where gold has no item",
        ),
        *(one(label) for label in labels),
    )
