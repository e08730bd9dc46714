"""How well probabilities of labels fit the outcomes: Brier score and expected calibration error.

Columns: ``scored`` items with scores, their ``squared_error``, and for each of some equal bins of confidence its
``bin{k}:items``, their summed ``bin{k}:confidence`` and those whose label is right, ``bin{k}:correct``.
"""

from __future__ import annotations

from collections.abc import Sequence

from retold.measures.base import Counts, Measure, ratio
from retold.model.arrays import Array, np

__all__ = ["brier", "calibration_measures", "expected_calibration_error"]


def brier(counts: Counts) -> Array:
    """Brier score (Brier 1950): mean squared error of the scores of all labels, from 0 to 2. NaN without items."""
    return ratio(counts["squared_error"], counts["scored"])


def expected_calibration_error(counts: Counts, bins: int) -> Array:
    """Expected calibration error (Naeini et al. 2015): the mean gap between confidence and accuracy over equal bins.

    NaN without items.
    """
    items = sum((counts[f"bin{k}:items"] for k in range(bins)), start=np.float64(0.0))
    gaps = sum(
        (np.abs(counts[f"bin{k}:confidence"] - counts[f"bin{k}:correct"]) for k in range(bins)),
        start=np.float64(0.0),
    )
    return ratio(np.asarray(gaps), np.asarray(items))


def calibration_measures(
    prefix: str, bins: int, *, gold: Sequence[str] = (), shown: str = "items"
) -> tuple[Measure, Measure]:
    """Brier score and expected calibration error.

    Args:
        gold: columns that add up to the items of gold, of which those with scores are a share.
        shown: what the items with scores are called beside the values.
    """
    undefined = "null where no item has scores"
    counts = {shown: ("scored",), "gold": tuple(gold)}
    return (
        Measure(
            name=f"{prefix}.brier",
            value=brier,
            trials=lambda c: c["scored"],
            counts=counts,
            over="scored",
            proportion=False,
            definition="Mean over items with scores of the squared error of the scores of all labels, from 0 to 2.",
            reference="Brier 1950",
            undefined=undefined,
            higher_is_better=False,
        ),
        Measure(
            name=f"{prefix}.ece",
            value=lambda c: expected_calibration_error(c, bins),
            trials=lambda c: c["scored"],
            counts=counts,
            over="scored",
            proportion=False,
            definition=f"Mean gap between confidence and accuracy over {bins} equal bins of confidence, of items with "
            "scores.",
            reference="Naeini et al. 2015",
            undefined=undefined,
            higher_is_better=False,
        ),
    )
