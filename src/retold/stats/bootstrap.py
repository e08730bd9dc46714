"""The bootstrap: how often each unit is drawn, and what that makes of counts (Efron and Tibshirani 1993).

Every draw is made of integers from a seeded PCG64 stream and every product of weights and counts is exact in float64
(counts are whole numbers, or are first rounded to multiples of a power of two), so the same input gives the same bits
on any machine and with any number of threads.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Final

from retold.model.arrays import Array, np

__all__ = [
    "BLOCK",
    "GRAIN",
    "LinearResamples",
    "bootstrap_products",
    "bootstrap_sums",
    "bootstrap_weights",
    "generator",
]

#: Resamples or trials drawn at once.
BLOCK: Final = 1000
#: Units drawn at once: few enough for them to stay in the processor's cache.
_UNITS_AT_ONCE: Final = 1 << 16
#: Factor by which real-valued counts become whole numbers in a product, which is then exact.
GRAIN: Final = float(1 << 20)
#: The same for influences, which are far below 1.
_FINE_GRAIN: Final = float(1 << 40)


def generator(seed: int, stream: str, block: int) -> np.random.Generator:
    """The stream of random numbers of one block: equal names, seeds and blocks give equal draws."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, zlib.crc32(stream.encode()), block])))


def bootstrap_weights(units: int, resamples: int, seed: int, stream: str) -> Iterator[tuple[slice, Array]]:
    """Yield (which resamples, weights of shape (resamples in block, units)): how often each unit was drawn.

    Args:
        units: number of units, at least 1.
        resamples: number of resamples.
        seed: any non-negative integer, 0 included.
        stream: name of the stream; equal names and seeds give equal draws, so systems are compared on the same units.
    """
    step = max(_UNITS_AT_ONCE // units, 1)
    first_cell = np.arange(step)[:, None] * units
    for number, start in enumerate(range(0, resamples, BLOCK)):
        size = min(BLOCK, resamples - start)
        weights = np.empty((size, units))
        draw = generator(seed, stream, number)
        for first in range(0, size, step):
            rows = min(step, size - first)
            drawn = draw.integers(0, units, size=(rows, units)) + first_cell[:rows]
            weights[first : first + rows] = np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units)
        yield slice(start, start + size), weights


def bootstrap_products(
    counts: Sequence[Array], units: int, resamples: int, seed: int, stream: str
) -> Iterator[tuple[slice, list[Array]]]:
    """Yield (which resamples, weights @ table for each of some tables), block by block.

    Args:
        counts: tables of whole numbers, each of shape (units, columns): their products are exact.
        units, resamples, seed, stream: as of ``bootstrap_weights``.
    """
    for block, weights in bootstrap_weights(units, resamples, seed, stream):
        yield block, [weights @ table for table in counts]


def bootstrap_sums(counts: Array, resamples: int, seed: int, stream: str) -> Array:
    """Return sums of counts over resampled units.

    Args:
        counts: shape (units, columns).

    Returns:
        Shape (resamples, columns).
    """
    units, columns = counts.shape
    sums = np.zeros((resamples, columns))
    grains = np.rint(counts * GRAIN)
    for block, (drawn,) in bootstrap_products([grains], units, resamples, seed, stream) if units else ():
        sums[block] = drawn
    return sums / GRAIN


class LinearResamples:
    """Resamples of values that are no sums over units, linear in the change that each unit makes (Efron 1982).

    A resample is the value, moved by each unit's influence (the value less the value without the unit) times how often
    it was drawn beyond once. For measures of clusters, which computing anew gets wrong: a unit that is drawn twice
    makes its mentions into larger clusters, which shifts the resamples and narrows their spread.

    Args:
        values: shape (measures,); undefined ones (nan) stay undefined.
        without: the same measures without each unit, shape (units, measures).

    Attributes:
        influence: of each unit, in whole numbers, shape (units, measures).
    """

    def __init__(self, values: Array, without: Array) -> None:
        self._values = values
        influence = values - without
        # Whole numbers make the product exact, whatever the order of its sums.
        self.influence: Array = np.rint(np.where(np.isnan(influence), 0.0, influence) * _FINE_GRAIN)
        self._total = self.influence.sum(axis=0)
        self._drawn: list[Array] = []

    def add(self, moved: Array) -> None:
        """Take a block of resamples: weights @ influence, shape (resamples, measures)."""
        self._drawn.append(np.clip(self._values + (moved - self._total) / _FINE_GRAIN, 0.0, 1.0))

    def all(self) -> Array:
        """All resamples that were drawn, shape (resamples, measures)."""
        return np.concatenate(self._drawn) if self._drawn else np.zeros((0, len(self._values)))
