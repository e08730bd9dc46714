"""Statistics of counts by unit: the bootstrap, intervals, tests, and corrections for many tests."""

import numpy as np
import numpy.typing as npt

__all__ = ["Array"]

Array = npt.NDArray[np.float64]
