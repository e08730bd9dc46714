"""Intervals and what a comparison can find: expanded percentiles (Hesterberg 2015), Wilson 1927, Bloom 1995."""

from __future__ import annotations

import math
from typing import Final

from retold.model.arrays import Array, np
from retold.model.packages import require

__all__ = ["minimum_detectable_difference", "percentile_interval", "wilson"]

#: Probability beyond either end of an interval, and the quantile of the normal distribution there.
_TAIL: Final = (1.0 - 0.95) / 2.0
_QUANTILE: Final = 1.9599639845400536
#: Standard errors of the smallest difference that is found with a chance of 80% at 5%, two-sided: 1.96 + 0.84.
_DETECTABLE: Final = 2.8
#: Values that spread no more than this are equal up to rounding.
_TOLERANCE: Final = 1e-12


def percentile_interval(values: Array, units: int | None = None) -> tuple[float, float] | None:
    """95% percentile interval of resampled values, expanded for few units.

    Resamples of n units spread too little, by sqrt((n - 1) / n), and percentiles take them for normal where the error
    of few units has the longer tails of t. The percentiles are therefore taken further out, at the tail probability
    Phi(-t sqrt(n / (n - 1))) with t of n - 1 degrees of freedom (Hesterberg 2015, the expanded percentile interval): at
    0.57% for 8 units, 2.2% for 58, 2.5% for very many.

    Args:
        values: resampled values; those in which the value is undefined (nan) are left out.
        units: how many units each resample drew; None, or fewer than two, leaves the percentiles unchanged.

    Returns:
        None where no resample defines the value, or where the interval has no width, as of one unit or one resample: it
        would say that the value is certain.
    """
    defined = values[~np.isnan(values)]
    if not len(defined):
        return None
    tail = _TAIL
    if units is not None and units > 1:
        further = _t_quantile(tail, units - 1) * math.sqrt(units / (units - 1))
        # Rounded, so that no machine's last digit reaches a result.
        tail = round(0.5 * math.erfc(-further / math.sqrt(2.0)), 12)
    low, high = np.quantile(defined, [tail, 1.0 - tail], method="linear")
    return (float(low), float(high)) if high - low > _TOLERANCE else None


def minimum_detectable_difference(differences: Array, units: int | None = None) -> float | None:
    """Smallest true difference that a comparison finds with a chance of 80%.

    2.8 standard errors (Bloom 1995: 1.96 + 0.84, two-sided 5% and 80%). Of few units it is more: the quantiles .975 and
    .8 of t with n - 1 degrees of freedom stand for those of the normal distribution, and the standard error of
    resamples, too small by sqrt((n - 1) / n), is made up for: 3.49 of them for 8 units, 2.88 for 58.

    Args:
        differences: resampled differences between two systems; undefined ones are left out.
        units: how many units each resample drew; None, or fewer than two, assumes very many.

    Returns:
        None where fewer than two are defined or all are equal: systems that never differ show no error to judge by.
    """
    defined = differences[~np.isnan(differences)]
    if len(defined) < 2 or np.ptp(defined) <= _TOLERANCE:
        return None
    factor = _DETECTABLE
    if units is not None and units > 1:
        quantiles = _t_quantile(0.975, units - 1) + _t_quantile(0.8, units - 1)
        factor = round(quantiles * math.sqrt(units / (units - 1)), 12)
    return factor * float(defined.std(ddof=1))


def wilson(successes: float, trials: float) -> tuple[float, float]:
    """95% Wilson score interval of a proportion; 0 and 1 are the exact ends where nothing or everything succeeded.

    Raises:
        ValueError: trials is not positive.
    """
    if trials <= 0:
        raise ValueError("a proportion of no trials has no interval")
    z = _QUANTILE
    share = successes / trials
    centre = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    low = 0.0 if share == 0 else max(0.0, (centre - half) / scale)
    high = 1.0 if share == 1 else min(1.0, (centre + half) / scale)
    return low, high


def _t_quantile(probability: float, freedom: int) -> float:
    return float(require("scipy.special").stdtrit(freedom, probability))
