"""Counts by unit and by breakdown: sums of integers, the only input of a measure.

Counts that stand for sums of real numbers (Jaccard overlaps, squared errors) are held in multiples of ``1 / FIXED``, so
that adding them up in any order, on any number of workers, gives the same bits. Their upper and lower halves are summed
separately: 64 bits hold 2**31 halves, but only 2**17 whole amounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from retold.layers.names import Codes
from retold.measures.base import Counts
from retold.model.arrays import Array, Index, np

__all__ = ["FIXED", "BatchCounts", "Breakdown", "CountTable", "Rows", "breakdown", "breakdown_key", "compact"]

#: Denominator of fixed-point columns. One item is off by at most 2**-47 (7e-15).
FIXED: Final = 1 << 46
#: Bits of the lower half of a fixed-point amount.
_LOW: Final = 32

#: Breakdown keys of each code (a type ``loc.phys`` counts under ``loc`` too), and the code of each row, -1 for none.
Breakdown = tuple[Sequence[tuple[str, ...]], Index]


@cache
def breakdown_key(dimension: str, value: str) -> str:
    """Key of a row of a breakdown: ``dimension=value``."""
    return f"{dimension}={value}"


def breakdown(dimension: str, values: Iterable[str], codes: Index, *, levels: bool = False) -> Breakdown:
    """Rows by the value of a dimension; with ``levels``, dots divide a value into levels, and each level is counted."""
    return [_levels(dimension, value) if levels else (breakdown_key(dimension, value),) for value in values], codes


@cache
def _levels(dimension: str, value: str) -> tuple[str, ...]:
    parts = value.split(".")
    if not all(parts):
        return (breakdown_key(dimension, value),)
    return tuple(breakdown_key(dimension, ".".join(parts[:end])) for end in range(1, len(parts) + 1))


def compact(dimension: str, names: Sequence[str], codes: Index) -> Breakdown:
    """``breakdown`` of a dimension with many values, of which a batch has few."""
    used, codes = np.unique(codes, return_inverse=True)
    return [(breakdown_key(dimension, names[code]),) for code in used.tolist()], codes


class CountTable:
    """Rows of integer counts by name.

    Args:
        columns: names of the columns; one that ends in ``~`` is in fixed point.
    """

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = columns
        #: Index of each column.
        self.at = {name: index for index, name in enumerate(columns)}
        fixed = [index for name, index in self.at.items() if name.endswith("~")]
        #: Column of the upper half of a fixed-point column.
        self.upper = {column: len(columns) + number for number, column in enumerate(fixed)}
        self.width = len(columns) + len(fixed)
        self.codes = Codes()
        self._sums: Index = np.zeros((0, self.width), np.int64)

    def add(self, codes: Index, amounts: Index) -> None:
        """Add rows of amounts, shape (rows, width), to the rows with these codes (of ``codes``)."""
        self._grow()
        np.add.at(self._sums, codes, amounts)

    def add_to(self, name: str, amounts: Index) -> None:
        """Add amounts, shape (width,), to one row."""
        code = self.codes[name]
        self._grow()
        self._sums[code] += amounts

    def add_amount(self, name: str, column: str, amount: int, *, shift: int = 0) -> None:
        """Add to one cell; ``shift`` chooses the half of a fixed-point column."""
        code = self.codes[name]
        self._grow()
        at = self.at[column]
        self._sums[code, self.upper[at] if shift else at] += amount

    def _grow(self) -> None:
        if len(self.codes) > len(self._sums):
            more = max(len(self.codes) - len(self._sums), len(self._sums), 64)
            self._sums = np.concatenate([self._sums, np.zeros((more, self.width), np.int64)])

    def merge(self, other: CountTable) -> None:
        """Add the rows of another table with the same columns."""
        if other.columns != self.columns:
            raise ValueError("tables with different columns cannot be merged")
        other._grow()
        self.add(np.array([self.codes[name] for name in other.codes], np.int64), other._sums[: len(other.codes)])

    def names(self) -> list[str]:
        """Names of the rows, sorted."""
        return sorted(self.codes)

    def filled(self) -> list[str]:
        """Names of the rows that hold anything, sorted."""
        self._grow()
        return sorted(name for name, code in self.codes.items() if self._sums[code].any())

    def row(self, name: str) -> dict[str, int]:
        """Counts of one row as exact integers; zeros where there is no such row."""
        self._grow()
        code = self.codes.get(name)
        return self._exact(self._sums[code : code + 1] if code is not None else self._sums[:0])

    def totals(self) -> dict[str, int]:
        """Sums over all rows, as exact integers."""
        return self._exact(self._sums)

    def _exact(self, sums: Index) -> dict[str, int]:
        totals = [sum(column) for column in sums.T.tolist()] if len(sums) > 1 else sums.sum(axis=0).tolist()
        for column, upper in self.upper.items():
            totals[column] += totals[upper] << _LOW
        return dict(zip(self.columns, totals, strict=False))

    def matrix(self, names: Sequence[str]) -> Array:
        """Counts as real numbers, shape (names, columns), in the order of ``names``; zeros for unknown ones."""
        self._grow()
        codes = np.array([self.codes.get(name, -1) for name in names], np.int64)
        sums = np.where(codes[:, None] >= 0, self._sums[codes], 0) if len(self._sums) else None
        if sums is None:
            return np.zeros((len(names), len(self.columns)))
        found = sums[:, : len(self.columns)].astype(np.float64)
        for column, upper in self.upper.items():
            # As Python's integers: beyond 53 bits a sum of floats would round twice.
            halves = zip(sums[:, column].tolist(), sums[:, upper].tolist(), strict=True)
            found[:, column] = [(low + (high << _LOW)) / FIXED for low, high in halves]
        return found

    def real(self, totals: Mapping[str, int]) -> Counts:
        """Exact integers of ``row`` or ``totals`` as named real numbers."""
        return {
            name.rstrip("~"): np.asarray(amount / FIXED if name.endswith("~") else amount, np.float64)
            for name, amount in totals.items()
        }

    def as_counts(self, sums: Array) -> Counts:
        """Name the columns of an array of shape (..., columns)."""
        return {column.rstrip("~"): sums[..., index] for index, column in enumerate(self.columns)}


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a match table that are counted: where each stands, and what it is in the breakdowns.

    Attributes:
        document: shape (rows,), the document in the batch.
        unit: shape (rows,), codes of the units; None where the document is the unit.
        breakdowns: shape (rows,) each.
    """

    document: Index
    unit: Index | None
    breakdowns: Sequence[Breakdown]

    def take(self, which: Index) -> Rows:
        """Some of the rows."""
        unit = None if self.unit is None else self.unit[which]
        return Rows(self.document[which], unit, [(names, codes[which]) for names, codes in self.breakdowns])


class BatchCounts:
    """Adds the rows of one batch to the tables of units and of breakdowns."""

    def __init__(self, units: CountTable, breakdowns: CountTable, documents: int) -> None:
        self.units, self.breakdowns = units, breakdowns
        self.documents: Index = np.zeros((documents, units.width), np.int64)

    def add(self, column: str, rows: Rows, which: Index | None = None, amounts: Index | None = None) -> None:
        """Add 1, or ``amounts``, to a column for each row, or for the rows ``which``."""
        lower = self.units.at[column]
        halves: list[tuple[int, int, Index | None]] = [(lower, 0, amounts)]
        upper = self.units.upper.get(lower)
        if amounts is not None and upper is not None:
            halves = [(lower, 0, amounts & ((1 << _LOW) - 1)), (upper, _LOW, amounts >> _LOW)]
        if which is not None:
            rows = rows.take(which)
        for at, shift, part in halves:
            _add(self.documents[:, at], rows.document, part)
            if rows.unit is not None and len(rows.unit):
                sums = np.zeros((int(rows.unit.max()) + 1, self.units.width), np.int64)
                _add(sums[:, at], rows.unit, part)
                self.units.add(np.arange(len(sums)), sums)
            for keys, codes in rows.breakdowns:
                # The last element collects the rows with code -1.
                values = np.zeros(len(keys) + 1, np.int64)
                _add(values, codes, part)
                for names, amount in zip(keys, values.tolist(), strict=False):
                    if amount:
                        for name in names:
                            self.breakdowns.add_amount(name, column, amount, shift=shift)

    def add_each(self, columns: Index, rows: Rows) -> None:
        """Add 1 for each row, to a column of its own: ``columns``, shape (rows,)."""
        for column in np.unique(columns).tolist():
            self.add(self.units.columns[column], rows, np.flatnonzero(columns == column))

    def close(self, units: Index | None, groups: Mapping[str, Sequence[int]]) -> None:
        """End the batch.

        Args:
            units: code of each document's unit; None where rows carry units of their own.
            groups: documents by breakdown key (language, document).
        """
        if units is not None:
            self.units.add(units, self.documents)
        for name, numbers in groups.items():
            total = self.documents[list(numbers)].sum(axis=0)
            if total.any():
                self.breakdowns.add_to(name, total)


def _add(sums: Any, at: Index, amounts: Index | None) -> None:
    if amounts is None:
        sums += np.bincount(at + (len(sums) * (at < 0)), minlength=len(sums))
    else:
        np.add.at(sums, at, amounts)
