"""Counts per unit: what a task makes of a document, and all that a measure ever sees.

A unit is what a bootstrap draws (``retold.layers.units`` decides what that is). Counts are integers, also those that
stand for sums of real numbers (Jaccard overlaps, squared errors): these are held in multiples of ``1 / FIXED``, so that
adding them up in any order, on any number of workers, gives the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["FIXED", "CountTable", "Counts", "fixed", "real"]

#: Denominator of fixed-point columns. One item is off by at most 2**-47 (7e-15); an int64 row holds 2**17 items.
FIXED: Final = 1 << 46

#: Columns of counts by name: scalars for one sum, arrays of shape (resamples,) for many.
Counts = Mapping[str, npt.NDArray[np.float64]]


def fixed(value: float) -> int:
    """Return a real number as the nearest multiple of ``1 / FIXED``, as an integer."""
    return round(value * FIXED)


def real(value: int) -> float:
    """Return the real number that a fixed-point integer stands for."""
    return value / FIXED


class CountTable:
    """Rows of integer counts, one for each unit.

    Args:
        columns: names of the columns. A name that ends in ``~`` marks a fixed-point column.
    """

    __slots__ = ("columns", "rows", "width")

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = columns
        self.width = len(columns)
        self.rows: dict[str, list[int]] = {}

    def row(self, unit: str) -> list[int]:
        """Return the mutable row of a unit, made of zeros where the unit is new."""
        found = self.rows.get(unit)
        if found is None:
            found = self.rows[unit] = [0] * self.width
        return found

    def merge(self, other: CountTable) -> None:
        """Add another table's rows to this one; both must have the same columns."""
        if other.columns != self.columns:
            raise ValueError("tables with different columns cannot be merged")
        for unit, theirs in other.rows.items():
            mine = self.row(unit)
            for index, value in enumerate(theirs):
                mine[index] += value

    def units(self) -> list[str]:
        """Unit ids in sorted order, the order of the rows of ``matrix``."""
        return sorted(self.rows)

    def matrix(self, units: Iterable[str] | None = None) -> npt.NDArray[np.float64]:
        """Return counts as an array of shape (units, columns), fixed-point columns as real numbers.

        Args:
            units: rows to give, in this order; a unit without a row counts zero. All units when not given.
        """
        wanted = self.units() if units is None else list(units)
        zeros = [0] * self.width
        # Sums in fixed point may be beyond 64 bits; as Python's integers they are exact until they are divided.
        matrix = np.zeros((len(wanted), self.width))
        columns = zip(*(self.rows.get(unit, zeros) for unit in wanted), strict=True)
        for index, (column, amounts) in enumerate(zip(self.columns, columns, strict=False)):
            matrix[:, index] = [real(amount) for amount in amounts] if column.endswith("~") else amounts
        return matrix

    def totals(self) -> dict[str, int]:
        """Return the sum of each column over all units, as exact integers."""
        sums = map(sum, zip(*self.rows.values(), strict=True)) if self.rows else [0] * self.width
        return dict(zip(self.columns, sums, strict=True))

    def as_counts(self, sums: npt.NDArray[np.float64]) -> Counts:
        """Name the columns of an array of shape (..., columns)."""
        return {column.rstrip("~"): sums[..., index] for index, column in enumerate(self.columns)}
