"""Integers for keys: what is interned once costs nothing to compare, to sort and to keep."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

__all__ = ["UNNAMED", "Codes", "EventCodes"]

#: Code of a name that was not given.
UNNAMED = -2


class Codes(dict[Any, int]):
    """Keys and their codes, from 0 in the order of first sight: ``codes[key]``."""

    __slots__ = ()

    def __missing__(self, key: Any) -> int:
        code = self[key] = len(self)
        return code


class _OfEvent(dict[Any, int]):
    """The names of one event; their codes are those of all events."""

    __slots__ = ("_event", "_keys")

    def __init__(self, event: int, keys: list[tuple[int, Any]]) -> None:
        super().__init__({UNSET: UNNAMED})
        self._event, self._keys = event, keys

    def __missing__(self, name: Any) -> int:
        code = self[name] = len(self._keys)
        self._keys.append((self._event, name))
        return code


class EventCodes:
    """Names that mean something within one event: ``codes.of(event)[name]``.

    Attributes:
        keys: (event, name) of each code.
    """

    __slots__ = ("_events", "keys")

    def __init__(self) -> None:
        self.keys: list[tuple[int, Any]] = []
        self._events: dict[int, _OfEvent] = {}

    def of(self, event: int) -> dict[Any, int]:
        """The names of an event; a name that was not given has the code ``UNNAMED``."""
        found = self._events.get(event)
        if found is None:
            found = self._events[event] = _OfEvent(event, self.keys)
        return found
