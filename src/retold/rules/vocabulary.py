"""What a rule needs besides the record: its role, and the keys that it may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from retold.model.annotations import Entity

__all__ = ["Role", "Vocabulary"]

#: What a file of records is: adjudicated gold, the annotations of one annotator, or the predictions of a system.
Role = Literal["gold", "annotation", "prediction"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The keys that records of one event may use."""

    event: str
    holders: frozenset[str]
    targets: frozenset[str]
    claims: frozenset[str]
    entities: Mapping[str, Entity]
