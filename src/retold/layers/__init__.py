"""Layers of annotation: what each records, how it is matched and what it counts.

``LAYERS`` is the registry that everything else iterates over; a further layer is a module and a line here.
"""

from __future__ import annotations

from typing import Any, Final

from retold.layers.base import Layer
from retold.layers.claims import Claims
from retold.layers.entities import Entities
from retold.layers.stance import Stance
from retold.layers.verification import Verification

__all__ = ["LAYERS"]

#: Layer classes by name, in the order of every report.
LAYERS: Final[dict[str, type[Layer[Any]]]] = {layer.name: layer for layer in (Entities, Stance, Claims, Verification)}
