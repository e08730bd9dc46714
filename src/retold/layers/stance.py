"""Stance: is a holder, as this document shows it, for a target, against it, or neither?

Task. For each (holder, target) cell of a document give favor, against or none, the sentences that carry a favor or
against, and if wanted a probability for each label.

Conventions.
    The gold cells are what is scored. A missing cell is wrong for its label and is never imputed; a cell that gold does
    not have (the document does not mention the holder) counts neither way.
    favg = (F1 favor + F1 against) / 2, over all cells (SemEval-2016 task 6, Mohammad et al. 2016).
    evidence: micro F1 over (cell, label, sentence) triples with label favor or against: a sentence under a wrong
    label is wrong, as in SciFact's selection + label (Wadden et al. 2020).
    brier: sum over the three labels of squared error, mean over the cells with scores (Brier 1950), 0 to 2, lower is
    better. ece: ten equal bins of the score of the given label (Naeini et al. 2015), lower is better.
    A label with neither gold nor prediction has no F1; one that gold does not have is not averaged in.
    A cell left out is wrong, but a wrong label is wrong twice in F1: missed for its own label, spurious for the one
    given. So F1 rewards silence where an answer would be wrong, accuracy does not, and coverage tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import UNSET

from retold.layers.base import Place, Tally, facet
from retold.layers.counts import fixed
from retold.measures.calibration import calibration_measures
from retold.measures.classification import confusion_columns, confusion_measures, f1_row, macro_f1_row
from retold.model.annotations import STANCE_LABELS, StanceCell, StanceLabel

__all__ = ["AT", "BINS", "COLUMNS", "MEASURES", "count"]

BINS: Final = 10
_CONFUSION: Final = confusion_columns(STANCE_LABELS)
COLUMNS: Final = (
    *_CONFUSION,
    "evidence_correct",
    "evidence_predicted",
    "evidence_gold",
    "scored",
    "squared_error~",
    *(f"bin{k}:items" for k in range(BINS)),
    *(f"bin{k}:correct" for k in range(BINS)),
    *(f"bin{k}:confidence~" for k in range(BINS)),
)
#: Place of each column.
AT: Final = {column: index for index, column in enumerate(COLUMNS)}


_TAKEN_SIDES: Final[tuple[StanceLabel, ...]] = ("favor", "against")


MEASURES: Final = (
    macro_f1_row("stance.favg", STANCE_LABELS, _TAKEN_SIDES),
    *confusion_measures("stance", STANCE_LABELS),
    f1_row("stance.evidence.f1", "evidence_correct", "evidence_predicted", "evidence_gold"),
    *calibration_measures("stance", BINS, shown="cells"),
)


def count(gold: Sequence[StanceCell], predicted: Sequence[StanceCell], place: Place, tally: Tally) -> None:
    """Add one document's stance cells to the tally (of ``COLUMNS``)."""
    given = {(cell.holder, cell.target): cell for cell in predicted}
    for cell in gold:
        guess = given.get((cell.holder, cell.target))
        rows = tally.rows(
            place.unit_of_pair(cell.holder, cell.target),
            place,
            facet("holder", cell.holder),
            facet("target", cell.target),
            facet("label", cell.label),
        )
        changes = [(AT[f"{cell.label}:{guess.label if guess else 'missing'}"], 1)]
        wanted = _evidence(cell)
        changes.append((AT["evidence_gold"], len(wanted)))
        if guess:
            shown = _evidence(guess)
            changes.append((AT["evidence_predicted"], len(shown)))
            changes.append((AT["evidence_correct"], len(wanted & shown) if guess.label == cell.label else 0))
            if guess.scores is not UNSET:
                changes.extend(_calibration(cell, guess))
        for column, amount in changes:
            for row in rows:
                row[column] += amount


def _evidence(cell: StanceCell) -> set[int]:
    return set() if cell.label == "none" or cell.evidence is UNSET else set(cell.evidence)


def _calibration(cell: StanceCell, guess: StanceCell) -> list[tuple[int, int]]:
    assert guess.scores is not UNSET
    scores = {label: getattr(guess.scores, label) for label in STANCE_LABELS}
    gaps = [score - (label == cell.label) for label, score in scores.items()]
    error = sum(gap * gap for gap in gaps)
    confidence = scores[guess.label]
    level = min(int(confidence * BINS), BINS - 1)
    return [
        (AT["scored"], 1),
        (AT["squared_error~"], fixed(error)),
        (AT[f"bin{level}:items"], 1),
        (AT[f"bin{level}:confidence~"], fixed(confidence)),
        (AT[f"bin{level}:correct"], int(guess.label == cell.label)),
    ]
