"""The paired randomization test (Noreen 1989; Yeh 2000): what the difference would be had labels been exchanged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from retold.model.arrays import Array, np
from retold.stats.bootstrap import BLOCK, generator

__all__ = ["randomization_p", "sign_blocks"]

#: Two statistics closer than this are equal up to rounding.
_TOLERANCE: Final = 1e-12


def sign_blocks(units: int, trials: int, seed: int) -> tuple[bool, Iterator[Array]]:
    """Signs for a paired randomization test: (exact, blocks of shape (trials in block, units) of +1 and -1).

    Exact means that each of the 2**units assignments is used once, which is done where there are no more than
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
                bits = generator(seed, "signs", number).integers(0, 2, size=(size, units))
            yield (1 - 2 * bits).astype(np.float64)

    return exact, blocks()


def randomization_p(
    a: Sequence[Array],
    b: Sequence[Array],
    difference: Callable[[Sequence[Array], Sequence[Array]], Array],
    trials: int,
    seed: int,
) -> float | None:
    """Two-sided p of the paired randomization test: in each trial, each unit's counts are exchanged or not.

    Args:
        a, b: counts of two systems over the same units, a table of shape (units, columns) for each family of units.
        difference: (sums of a, sums of b), each a sequence of arrays (trials, columns) -> differences (trials,).
        trials: number of random trials; where there are no more assignments than that, all are enumerated.
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
        extreme += int((shuffled >= abs(observed) - _TOLERANCE).sum())
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
