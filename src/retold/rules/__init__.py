"""Rules: records in, findings out. Nothing here opens a file or prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from retold.records import Entity

__all__ = ["Role", "Vocabulary"]

Role = Literal["gold", "annotation", "prediction"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The keys that records of one event may use."""

    event: str
    holders: frozenset[str]
    targets: frozenset[str]
    claims: frozenset[str]
    entities: Mapping[str, Entity]
