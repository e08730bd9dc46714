"""Agreement beyond chance, from tables of how often two labels were given to one item. NaN where it is undefined.

All functions take ``table`` of shape (..., labels, labels): how many items the first annotator gave the row's label
and the second annotator the column's. Leading axes are resamples.
"""

from __future__ import annotations

from retold.measures.base import ratio
from retold.model.arrays import Array, np

__all__ = ["cohen_kappa", "coincidences", "krippendorff_alpha", "raw_agreement"]


def raw_agreement(table: Array) -> Array:
    """Share of items with the same label."""
    return ratio(np.trace(table, axis1=-2, axis2=-1), table.sum(axis=(-2, -1)))


def cohen_kappa(table: Array) -> Array:
    """Cohen's kappa (Cohen 1960): agreement beyond what the two annotators' own label shares would give.

    NaN where both gave one and the same label to every item: chance agreement is then 1.
    """
    items = table.sum(axis=(-2, -1))
    observed = raw_agreement(table)
    rows, columns = table.sum(axis=-1), table.sum(axis=-2)
    expected = ratio((rows * columns).sum(axis=-1), items * items)
    return ratio(observed - expected, np.where(np.isclose(expected, 1.0, rtol=0, atol=1e-15), 0.0, 1.0 - expected))


def krippendorff_alpha(coincidence: Array) -> Array:
    """Krippendorff's alpha for nominal labels (Krippendorff 2004) from a coincidence table.

    NaN where fewer than two values, or only one label, were given.
    """
    totals = coincidence.sum(axis=-1)
    values = totals.sum(axis=-1)
    disagreement = values - np.trace(coincidence, axis1=-2, axis2=-1)
    expected = values * values - (totals * totals).sum(axis=-1)
    return 1.0 - ratio((values - 1.0) * disagreement, expected)


def coincidences(table: Array) -> Array:
    """The coincidence table of two annotators: each item counts once in either order."""
    return table + np.swapaxes(table, -2, -1)
