"""Measures: pure functions from sums of counts to numbers. They know no document.

Every function takes scalars or arrays (one element for each resample) and returns the same shape. A cell that is
undefined (0/0) is NaN inside this package and null wherever a user sees it: never 0, never a free 1, and never
averaged in. What a mean is over depends on gold alone (``mean_over_gold``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from retold.model.arrays import Array, Index, np

__all__ = [
    "Counts",
    "Measure",
    "Track",
    "f1",
    "mean_of_defined",
    "mean_over_gold",
    "ratio",
    "sort",
]

#: Columns of counts by name: scalars for one sum, arrays of shape (resamples,) for many.
Counts = Mapping[str, Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A measure that describes itself: how it is computed from sums of counts, and what a page says of it.

    Attributes:
        name: public name, ``track.measure.part``.
        value: sums of counts, each of shape (resamples,) or () -> values of the same shape, NaN where undefined.
        trials: sums of counts -> the number of trials that a Wilson interval at 0 or 1 rests on, likewise.
        counts: what is shown beside the value: name -> the columns that are summed for it.
        proportion: whether the value is a share between 0 and 1, for which a Wilson interval makes sense.
        definition: what is measured, in one or two plain sentences.
        reference: the paper or shared task that defines it, with the year.
        undefined: when it is 0/0, and what is shown then.
        higher_is_better: False for errors and losses.
        over: the column of the items that the value is over, where each system chooses which they are.
    """

    name: str
    value: Callable[[Counts], Array]
    trials: Callable[[Counts], Array]
    counts: Mapping[str, tuple[str, ...]]
    proportion: bool = True
    definition: str = ""
    reference: str = ""
    undefined: str = ""
    higher_is_better: bool = True
    over: str = ""


@dataclass(frozen=True, slots=True)
class Track:
    """A headline score: the mean of some measures, of those that gold defines.

    Attributes:
        name: name of the track.
        parts: names of the measures that are averaged.
    """

    name: str
    parts: tuple[str, ...]


def sort(codes: Index) -> tuple[Index, Index]:
    """The stable order of codes (shape (codes,), -1 and more), and the codes in that order."""
    bits = len(codes).bit_length()
    if int(codes.max(initial=0)) >= 1 << 63 - bits or int(codes.min(initial=0)) < -1:
        order = np.argsort(codes, kind="stable")
        return order, codes[order]
    # A code and its index side by side are sorted as one number, which is faster than sorting indices by their codes.
    packed = codes << bits
    packed |= np.arange(len(codes))
    packed.sort()
    order = packed & ((1 << bits) - 1)
    packed >>= bits
    return order, packed


def ratio(numerator: Array, denominator: Array) -> Array:
    """Return numerator / denominator; NaN where the denominator is 0."""
    numerator, denominator = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    out = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=out, where=denominator != 0)
    return out


def f1(correct: Array, predicted: Array, gold: Array) -> Array:
    """F1 (van Rijsbergen 1979) = 2 correct / (predicted + gold): the harmonic mean of precision and recall.

    It is 0 where nothing is correct, NaN where there is neither gold nor prediction.
    """
    return ratio(2.0 * correct, predicted + gold)


def mean_over_gold(parts: Sequence[Array], gold: Sequence[Array]) -> Array:
    """Mean over the parts of which gold has something; NaN where it has nothing.

    Gold alone decides, so that every system is the mean of the same parts. Were a part left out because it is 0/0, a
    system would gain by not predicting what gold does not have.
    """
    return mean_of_defined(
        [np.where(np.asarray(amount) > 0, part, np.nan) for part, amount in zip(parts, gold, strict=True)]
    )


def mean_of_defined(parts: Sequence[Array]) -> Array:
    """Mean over the parts that are defined; NaN where none is."""
    stacked = np.stack([np.asarray(part, dtype=np.float64) for part in parts])
    defined = ~np.isnan(stacked)
    return ratio(np.where(defined, stacked, 0.0).sum(axis=0), defined.sum(axis=0))
