"""numpy, loaded when it is first used, since validating needs none; and what arrays are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retold.model.packages import LazyPackage

__all__ = ["AnyArray", "Array", "Index", "Mask", "Small", "Words", "np"]

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    AnyArray = npt.NDArray[Any]
    Array = npt.NDArray[np.float64]
    #: Numbers of rows, columns, groups or documents; docstrings give the shape.
    Index = npt.NDArray[np.int64]
    #: The same in 32 bits, where there may be many millions.
    Small = npt.NDArray[np.int32]
    Mask = npt.NDArray[np.bool_]
    Words = npt.NDArray[np.uint64]
else:
    np = LazyPackage("numpy")
    AnyArray = Array = Index = Small = Mask = Words = Any
