"""Rows of counts for many documents at once, added up as arrays and handed to a tally."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from retold.layers.base import Place, Tally, facet
from retold.layers.batches.columns import Index
from retold.layers.counts import CountTable

__all__ = ["Items", "Rows", "compact"]

IntArray = npt.NDArray[np.int64]
#: Names of a dimension, and the place in them of each item; -1 for an item that has none.
Facet = tuple[Sequence[str], Index]


@dataclass(frozen=True, slots=True)
class Items:
    """Things to be counted: the document of each, and what it is by each dimension of the breakdowns."""

    document: Index
    facets: Mapping[str, Facet]


def compact(names: Sequence[str], codes: Index) -> Facet:
    """A dimension with many names, as those names alone that the items have."""
    used, codes = np.unique(codes, return_inverse=True)
    return [names[code] for code in used.tolist()], codes


#: Bits of the lower half of a fixed-point amount. Halves are summed apart: 64 bits hold 2**31 of them, of whole amounts
#: only 2**17.
_LOW: Final = 32


class Rows:
    """Adds batches to a tally. Units are summed in one array until ``settle``, breakdowns after each batch."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self._columns = len(tally.columns)
        fixed = [column for column, name in enumerate(tally.columns) if name.endswith("~")]
        #: Where the upper half of a fixed-point column is summed, behind all columns.
        self._upper = {column: self._columns + number for number, column in enumerate(fixed)}
        self._width = self._columns + len(fixed)
        self._sums: IntArray = np.zeros((64, self._width), np.int64)
        self._documents: IntArray = np.zeros((0, self._width), np.int64)

    def begin(self, documents: int) -> None:
        """Begin a batch."""
        self._documents = np.zeros((documents, self._width), np.int64)

    def add(self, column: int, items: Items, which: Index | None = None, amounts: Index | None = None) -> None:
        """Add 1, or ``amounts``, to a column for each of the items, or for those at the places ``which``."""
        parts: list[tuple[int, int, Index | None]] = [(column, 0, amounts)]
        if amounts is not None and column in self._upper:
            parts = [(column, 0, amounts & ((1 << _LOW) - 1)), (self._upper[column], _LOW, amounts >> _LOW)]
        document = items.document if which is None else items.document[which]
        for place, _, part in parts:
            _add(self._documents[:, place], document, part)
        for dimension, (names, codes) in items.facets.items():
            if which is not None:
                codes = codes[which]
            for _, shift, part in parts:
                sums = np.zeros(len(names) + 1, np.int64)
                # The last place takes what has no name.
                _add(sums, codes, part)
                for name, amount in zip(names, sums.tolist(), strict=False):
                    if amount:
                        self.tally.facets.row(facet(dimension, name))[column] += amount << shift

    def cells(self, columns: Index, items: Items, which: Index | None = None) -> None:
        """Add 1 to another column for each item."""
        for value in np.unique(columns).tolist():
            chosen = np.flatnonzero(columns == value)
            self.add(value, items, chosen if which is None else which[chosen])

    def end(self, places: Sequence[Place], unit: Index, faceted: Sequence[int]) -> None:
        """End the batch.

        Args:
            places: the documents.
            unit: the unit of each, in codes.
            faceted: numbers of the documents that stand in a breakdown of their own.
        """
        while int(unit.max(initial=-1)) >= len(self._sums):
            self._sums = np.concatenate([self._sums, np.zeros_like(self._sums)])
        np.add.at(self._sums, unit, self._documents)
        if not faceted:
            return
        members: dict[str, list[int]] = {}
        touched: list[bool] = np.any(self._documents != 0, axis=1).tolist()
        for number in faceted:
            if touched[number]:
                for name in places[number].facets:
                    members.setdefault(name, []).append(number)
        for name, numbers in members.items():
            self._add_row(self.tally.facets, name, self._documents[numbers].sum(axis=0).tolist())

    def settle(self, units: Iterable[str]) -> None:
        """Hand the units to the tally, whose names are given in the order of their codes."""
        for unit, row in zip(units, self._sums.tolist(), strict=False):
            self._add_row(self.tally.units, unit, row)
        self._sums[:] = 0

    def _add_row(self, table: CountTable, name: str, amounts: Sequence[int]) -> None:
        row = table.row(name)
        for column, amount in enumerate(amounts[: self._columns]):
            whole = amount + (amounts[self._upper[column]] << _LOW) if column in self._upper else amount
            if whole:
                row[column] += whole


def _add(sums: IntArray, at: Index, amounts: Index | None) -> None:
    if amounts is None:
        sums += np.bincount(at + (len(sums) * (at < 0)), minlength=len(sums))
    else:
        np.add.at(sums, at, amounts)
