"""Resampling: what is drawn, how often, and what follows from it. Knows rows of counts, not what they mean.

Every draw is made of integers from a seeded PCG64 stream and every product of weights and counts is exact in float64
(counts are whole numbers, or are first rounded to multiples of a power of two), so the same input gives the same bits
on any machine and with any number of threads.

Sources: percentile bootstrap, Efron and Tibshirani 1993, expanded for few units, Hesterberg 2015; Wilson 1927;
approximate randomisation, Noreen 1989 and Yeh 2000; Holm 1979; minimum detectable difference, Bloom 1995.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

__all__ = [
    "MANY_DOCUMENTS",
    "POOL",
    "LinearResamples",
    "UnitKind",
    "bootstrap_products",
    "bootstrap_sums",
    "bootstrap_weights",
    "holm",
    "minimum_detectable_difference",
    "percentile_interval",
    "pooled",
    "randomisation_p",
    "sign_blocks",
    "unit_kind",
    "wilson",
]

Array = npt.NDArray[np.float64]
UnitKind = Literal["document", "paragraph"]

#: From this many documents on, the document is the unit.
MANY_DOCUMENTS: Final = 30
#: More units than this are pooled into this many groups.
POOL: Final = 4096
#: Resamples or trials drawn at once.
BLOCK: Final = 1000
#: Units drawn at once.
WARM: Final = 1 << 16
#: Grain of real-valued counts inside a product of the bootstrap.
GRAIN: Final = float(1 << 20)
#: Grain of influences, which are far below 1.
FINE_GRAIN: Final = float(1 << 40)
#: Standard errors of the smallest difference that is found with a chance of 80% at 5%, two-sided: 1.96 + 0.84.
DETECTABLE: Final = 2.8
#: Degrees of freedom from which on a quantile of t is that of its expansion.
MANY_DEGREES: Final = 1000
#: Two statistics closer than this are the same number but for rounding.
TOLERANCE: Final = 1e-12


def unit_kind(documents: int, *, paragraphs_known: bool = True) -> UnitKind:
    """Decide what is drawn: the document where there are 30 or more, otherwise the paragraph.

    With fewer documents, labels that belong to no paragraph are drawn by what joins them across documents: stance cells
    by (holder, target), verification pairs by claim. Where paragraphs are not known, documents are drawn whatever
    their number.
    """
    return "document" if documents >= MANY_DOCUMENTS or not paragraphs_known else "paragraph"


def pooled(unit: str) -> str:
    """Return the name of the group of a unit, one of ``POOL``: sums have the same variance, the cost stops growing."""
    return f"group-{zlib.crc32(unit.encode()) % POOL:04d}"


def _generator(seed: int, stream: str, block: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, zlib.crc32(stream.encode()), block])))


def bootstrap_weights(units: int, resamples: int, seed: int, stream: str) -> Iterator[tuple[slice, Array]]:
    """Yield (which resamples, weights of shape (resamples in block, units)): how often each unit was drawn.

    Args:
        units: number of units, at least 1.
        resamples: number of resamples.
        seed: any non-negative integer, 0 included.
        stream: name of the stream; equal names and seeds give equal draws, so systems are compared on the same units.
    """
    for number, start in enumerate(range(0, resamples, BLOCK)):
        size = min(BLOCK, resamples - start)
        yield slice(start, start + size), _block_of_weights(units, size, seed, stream, number)


def _block_of_weights(units: int, size: int, seed: int, stream: str, number: int) -> Array:
    # Some resamples at a time: what is drawn is counted before it leaves the processor's cache.
    step = max(WARM // units, 1)
    places = np.arange(step)[:, None] * units
    weights = np.empty((size, units))
    generator = _generator(seed, stream, number)
    for first in range(0, size, step):
        rows = min(step, size - first)
        drawn = generator.integers(0, units, size=(rows, units))
        drawn += places[:rows]
        weights[first : first + rows] = np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units)
    return weights


def bootstrap_products(
    counts: Sequence[Array], units: int, resamples: int, seed: int, stream: str
) -> Iterator[tuple[slice, list[Array]]]:
    """Yield (which resamples, weights @ table for each of some tables), block by block, two blocks at a time.

    Args:
        counts: tables of whole numbers, each of shape (units, columns): their products are exact.
        units, resamples, seed, stream: as of ``bootstrap_weights``.
    """

    def product(number: int) -> tuple[slice, list[Array]]:
        start = number * BLOCK
        size = min(BLOCK, resamples - start)
        weights = _block_of_weights(units, size, seed, stream, number)
        return slice(start, start + size), [weights @ table for table in counts]

    # The generator and the product let go of the lock.
    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(product, range(-(-resamples // BLOCK)))


def bootstrap_sums(counts: Array, resamples: int, seed: int, stream: str) -> Array:
    """Return sums of counts over resampled units.

    Args:
        counts: shape (units, columns).

    Returns:
        Shape (resamples, columns).
    """
    units, columns = counts.shape
    sums = np.zeros((resamples, columns))
    if units == 0:
        return sums
    grains = np.rint(counts * GRAIN)
    for block, weights in bootstrap_weights(units, resamples, seed, stream):
        sums[block] = weights @ grains
    return sums / GRAIN


def percentile_interval(values: Array, units: int | None = None, level: float = 0.95) -> tuple[float, float] | None:
    """Percentile interval of resampled values, expanded for few units.

    Resamples of n units spread too little, by sqrt((n - 1) / n), and percentiles take them for normal where the error
    of few units has the longer tails of t. The percentiles are therefore taken further out, at the tail probability
    Phi(-t sqrt(n / (n - 1))) with t of n - 1 degrees of freedom (Hesterberg 2015, the expanded percentile interval): at
    0.57% for 8 units, 2.2% for 58, 2.5% for very many.

    Args:
        values: resampled values; those in which the value is undefined (nan) are left out.
        units: how many units each resample drew; None, or fewer than two, leaves the percentiles where they are.
        level: of confidence.

    Returns:
        None where no resample defines the value.
    """
    defined = values[~np.isnan(values)]
    if not len(defined):
        return None
    tail = (1.0 - level) / 2.0
    if units is not None and units > 1:
        further = _t_quantile(tail, units - 1) * math.sqrt(units / (units - 1))
        # Rounded, so that no machine's last digit reaches a result.
        tail = round(0.5 * math.erfc(-further / math.sqrt(2.0)), 12)
    low, high = np.quantile(defined, [tail, 1.0 - tail], method="linear")
    return float(low), float(high)


class LinearResamples:
    """Resamples of values that are no sums over units, linear in what each unit's absence changes (Efron 1982).

    A resample is the value, moved by each unit's influence (the value less the value without the unit) times how often
    it was drawn beyond once. For measures of clusters, which computing anew gets wrong: a unit that is drawn twice
    makes its mentions into larger clusters, which shifts the resamples and narrows their spread.

    Args:
        values: shape (measures,); undefined ones (nan) stay undefined.
        without: the same measures without each unit, shape (units, measures).
    """

    def __init__(self, values: Array, without: Array) -> None:
        self._values = values
        influence = values - without
        # Whole numbers make the product exact, whatever the order of its sums.
        self._influence = np.rint(np.where(np.isnan(influence), 0.0, influence) * FINE_GRAIN)
        self._total = self._influence.sum(axis=0)
        self._drawn: list[Array] = []

    @property
    def influence(self) -> Array:
        """Influence of each unit in whole numbers, shape (units, measures)."""
        return self._influence

    def draw(self, weights: Array) -> None:
        """Take a block of resamples: how often each unit was drawn, shape (resamples, units)."""
        self.add(weights @ self._influence)

    def add(self, moved: Array) -> None:
        """Take a block of resamples: weights @ influence, shape (resamples, measures)."""
        self._drawn.append(np.clip(self._values + (moved - self._total) / FINE_GRAIN, 0.0, 1.0))

    def all(self) -> Array:
        """All resamples that were drawn, shape (resamples, measures)."""
        return np.concatenate(self._drawn) if self._drawn else np.zeros((0, len(self._values)))


def minimum_detectable_difference(differences: Array, units: int | None = None) -> float | None:
    """Smallest true difference that a comparison finds with a chance of 80%.

    2.8 standard errors (Bloom 1995: 1.96 + 0.84, two-sided 5% and 80%). Of few units it is more: the quantiles .975 and
    .8 of t with n - 1 degrees of freedom stand for those of the normal distribution, and the standard error of
    resamples, too small by sqrt((n - 1) / n), is made up for: 3.49 of them for 8 units, 2.88 for 58.

    Args:
        differences: resampled differences between two systems; undefined ones are left out.
        units: how many units each resample drew; None, or fewer than two, takes them for very many.

    Returns:
        None where fewer than two are defined or all are equal: systems that never differ show no error to judge by.
    """
    defined = differences[~np.isnan(differences)]
    if len(defined) < 2 or np.ptp(defined) <= TOLERANCE:
        return None
    factor = DETECTABLE
    if units is not None and units > 1:
        quantiles = _t_quantile(0.975, units - 1) + _t_quantile(0.8, units - 1)
        factor = round(quantiles * math.sqrt(units / (units - 1)), 12)
    return factor * float(defined.std(ddof=1))


def wilson(successes: float, trials: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson score interval of a proportion; 0 and 1 are the exact ends where nothing or everything succeeded.

    Raises:
        ValueError: trials is not positive.
    """
    if trials <= 0:
        raise ValueError("a proportion of no trials has no interval")
    z = _normal_quantile(0.5 + level / 2.0)
    share = successes / trials
    centre = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    low = 0.0 if share == 0 else max(0.0, (centre - half) / scale)
    high = 1.0 if share == 1 else min(1.0, (centre + half) / scale)
    return low, high


def _t_quantile(probability: float, freedom: int) -> float:
    """Quantile of Student's t; with many degrees of freedom by its expansion around the normal one.

    Abramowitz and Stegun 1964, 26.7.5: from 1,000 degrees on its four terms are exact to the last digits, and scipy's
    special functions, which take longer to load than many a score to make, are not needed.
    """
    if freedom < MANY_DEGREES:
        from scipy.special import stdtrit

        return float(stdtrit(freedom, probability))
    z = _normal_quantile(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / float(freedom) ** power for power, term in enumerate(terms, 1))


def _normal_quantile(probability: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(probability)


def sign_blocks(units: int, trials: int, seed: int) -> tuple[bool, Iterator[Array]]:
    """Signs for a paired randomisation test: (exact, blocks of shape (trials in block, units) of +1 and -1).

    Exact means that every one of the 2**units assignments comes once, which is done where they are no more than
    ``trials``. Otherwise ``trials`` assignments are drawn.
    """
    exact = units < 63 and 2**units <= trials

    def blocks() -> Iterator[Array]:
        total = 2**units if exact else trials
        for number, start in enumerate(range(0, total, BLOCK)):
            size = min(BLOCK, total - start)
            if exact:
                bits = (np.arange(start, start + size)[:, None] >> np.arange(units)[None, :]) & 1
            else:
                bits = _generator(seed, "signs", number).integers(0, 2, size=(size, units))
            yield (1 - 2 * bits).astype(np.float64)

    return exact, blocks()


def randomisation_p(
    a: Sequence[Array],
    b: Sequence[Array],
    difference: Callable[[Sequence[Array], Sequence[Array]], Array],
    trials: int,
    seed: int,
) -> float | None:
    """Two-sided p of the paired randomisation test: in each trial, each unit's counts are exchanged or not.

    Args:
        a, b: counts of two systems over the same units, a table of shape (units, columns) for each family of units.
        difference: (sums of a, sums of b), each a sequence of arrays (trials, columns) -> differences (trials,).
        trials: random trials; fewer assignments than that are enumerated.
        seed: seed of the trials.

    Returns:
        (count of |difference| >= observed, + 1) / (trials + 1), or the exact share where all assignments were
        enumerated. None where the observed difference is undefined. Identical systems get 1.
    """
    grains = [_finest_grain(x, y) for x, y in zip(a, b, strict=True)]
    a = [np.rint(table * grain) for table, grain in zip(a, grains, strict=True)]
    b = [np.rint(table * grain) for table, grain in zip(b, grains, strict=True)]
    totals = [x.sum(axis=0) + y.sum(axis=0) for x, y in zip(a, b, strict=True)]
    gaps = [x - y for x, y in zip(a, b, strict=True)]
    sums = [[table.sum(axis=0)[None] / grain for table, grain in zip(side, grains, strict=True)] for side in (a, b)]
    observed = float(difference(*sums)[0])
    if math.isnan(observed):
        return None
    # Units on which the systems do not differ change nothing; leaving them out lets more tests be exact.
    moving = [np.flatnonzero(gap.any(axis=1)) for gap in gaps]
    gaps = [gap[rows] for gap, rows in zip(gaps, moving, strict=True)]
    bounds = np.cumsum([0, *(len(rows) for rows in moving)])
    exact, blocks = sign_blocks(int(bounds[-1]), trials, seed)
    extreme = done = 0
    for signs in blocks:
        moves = [signs[:, start:end] @ gap for start, end, gap in zip(bounds, bounds[1:], gaps, strict=False)]
        sums_a = [(total + move) / (2 * grain) for total, move, grain in zip(totals, moves, grains, strict=True)]
        sums_b = [(total - move) / (2 * grain) for total, move, grain in zip(totals, moves, grains, strict=True)]
        shuffled = np.abs(difference(sums_a, sums_b))
        extreme += int((shuffled >= abs(observed) - TOLERANCE).sum())
        done += len(signs)
    return extreme / done if exact else (extreme + 1) / (done + 1)


def _finest_grain(a: Array, b: Array) -> Array:
    """For each column, the largest power of two by which two tables can be multiplied and still be summed exactly.

    Fine enough that assignments which are equally extreme stay so: a coarse grain would break ties among real-valued
    counts and make p too small.
    """
    bound = np.abs(a).sum(axis=0) + np.abs(b).sum(axis=0)
    grain: Array = np.exp2(51.0 - np.ceil(np.log2(np.maximum(bound, 1.0))))
    return grain


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment, in the order given."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted
