"""Codes of many names at once: what a dictionary gives one by one, without a cache miss for each name.

The names of a batch stand side by side in one string of bytes. Their first and last bytes are read as integers, hashed,
and compared as columns with those of the names that have been seen. Only a name that is new, or long, or whose hash is
that of another, is looked up in the dictionary itself; what code a name has never depends on the hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec import UNSET

from retold.model.arrays import AnyArray, Index, Small, Words, np

__all__ = ["UNNAMED", "Codes", "EventCodes", "EventNames", "Namer", "Names"]

#: Code of a name that was not given.
UNNAMED = -2


class Codes(dict[Any, int]):
    """Keys and their codes, from 0 in the order of first sight: ``codes[key]``."""

    __slots__ = ()

    def __missing__(self, key: Any) -> int:
        code = self[key] = len(self)
        return code


class EventNames(dict[Any, int]):
    """The names of one event; codes are numbered across all events."""

    __slots__ = ("_event", "_keys")

    def __init__(self, event: int, keys: list[tuple[int, Any]]) -> None:
        super().__init__({UNSET: UNNAMED})
        self._event, self._keys = event, keys

    def __missing__(self, name: Any) -> int:
        code = self[name] = len(self._keys)
        self._keys.append((self._event, name))
        return code

    def name(self, code: int) -> Any:
        return self._keys[code][1]


class EventCodes:
    """Names that mean something within one event: ``codes.of(event)[name]``.

    Attributes:
        keys: (event, name) of each code.
    """

    __slots__ = ("_events", "keys")

    def __init__(self) -> None:
        self.keys: list[tuple[int, Any]] = []
        self._events: dict[int, EventNames] = {}

    def of(self, event: int) -> EventNames:
        """The names of an event; a name that was not given has the code ``UNNAMED``."""
        if event not in self._events:
            self._events[event] = EventNames(event, self.keys)
        return self._events[event]


#: Follows every name.
_END: Final = "\0"
#: First character of the markers for a missing name and for null.
_MARK: Final = "\1"
_ABSENT: Final[dict[Any, str]] = {UNSET: f"{_MARK}-", None: f"{_MARK}0"}
_PRESENT: Final[dict[str, Any]] = {text: value for value, text in _ABSENT.items()}

#: Bytes of a word. Up to four words hold a name: two from its front, two from its back.
_WORD: Final = 8
_LONGEST: Final = 4 * _WORD
#: Odd numbers with irregular bits: hashing is multiplying by them and keeping upper bits.
_FACTORS: Final = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
#: Slots of the hash table for each name in it; at 16, one name in 30 collides.
_ROOM: Final = 16
#: Lowest code whose name is remembered: -2 stands for no name, -1 for null or a name, codes below for several names.
_LOWEST: Final = -2


class Names:
    """A growing column of names, each a string, None or UNSET.

    Args:
        codes: looks up names that contain one of the two reserved characters.
    """

    __slots__ = ("codes", "given", "size", "text")

    def __init__(self, codes: dict[Any, int]) -> None:
        self.codes = codes
        self.text = bytearray()
        self.size = 0
        #: Index and code of names that are not in ``text``.
        self.given: list[tuple[int, int]] = []

    def extend(self, names: Sequence[Any]) -> None:
        """Append names."""
        absent = 0
        try:
            text = _END.join(names)
        except TypeError:
            text = _END.join([name or _ABSENT.get(name, name) for name in names])
            # Falsy values are UNSET, None and the empty string; only the last is a name.
            absent = len(names) - len(list(filter(None, names))) - names.count("")
        if text.count(_END) != len(names) - 1 or text.count(_MARK) != absent:
            reserved = [i for i, name in enumerate(names) if isinstance(name, str) and (_END in name or _MARK in name)]
            self.given += [(self.size + index, self.codes[names[index]]) for index in reserved]
            text = _END.join(
                [_ABSENT[UNSET] if i in reserved else name or _ABSENT.get(name, name) for i, name in enumerate(names)]
            )
        self.size += len(names)
        self.text += text.encode()
        self.text.append(0)


class Namer:
    """Gives codes to columns of names.

    Args:
        codes: a dictionary that has a code for any key.
    """

    def __init__(self, codes: dict[Any, int]) -> None:
        self.known = codes
        #: Names come with codes of their own event, which follow one another: rows are counted from the first of them,
        #: behind those of the codes below 0.
        self._first = 0
        #: A hash -> the row of the name that was first to have it; -1 for none.
        self._table: Small = np.full(1 << 16, -1, np.int32)
        #: By row: words and size of its name, size 0 where no name is remembered.
        self._words: list[Words] = [np.zeros(1, np.uint64) for _ in range(4)]
        self._sizes: Index = np.zeros(1, np.int64)
        self._amount = 0

    def codes(self, names: Names) -> Index:
        """The code of each name."""
        if not names.size:
            return np.zeros(0, np.int64)
        # Padding: words of a short name begin before it or end after it.
        text = np.frombuffer(bytes(_LONGEST) + names.text + bytes(_LONGEST), np.uint8)
        ends = np.flatnonzero(text[_LONGEST:-_LONGEST] == 0) + _LONGEST
        starts = np.empty_like(ends)
        starts[:1], starts[1:] = _LONGEST, ends[:-1] + 1
        sizes = ends - starts
        words = _words(text, starts, ends, sizes)
        slot = self._slots(words, sizes)
        row = self._table[slot]
        known = (row >= 0) & (self._sizes[row] == sizes) & (sizes > 0)
        for mine, theirs in zip(self._words, words, strict=False):
            known &= mine[row] == theirs
        found = row.astype(np.int64) + _LOWEST
        if self._first:
            found[found >= 0] += self._first
        asked = np.flatnonzero(~known)
        if len(asked):
            spans = zip(starts[asked].tolist(), ends[asked].tolist(), strict=True)
            text_bytes = text.tobytes()
            fresh = [text_bytes[start:end].decode() for start, end in spans]
            codes = self.known
            found[asked] = [codes[_PRESENT.get(name, name)] for name in fresh]
            self._remember(asked, found[asked], words, sizes, slot)
        for index, code in names.given:
            found[index] = code
        return found

    def _slots(self, words: list[Words], sizes: Index) -> Index:
        hashed = sizes.astype(np.uint64)
        for word, factor in zip(words[:2], _FACTORS[:2], strict=True):
            hashed = _mixed(hashed, word, factor)
        if len(words) > 2:
            # A short name hashes to the same slot whether or not its batch holds longer ones.
            long = np.flatnonzero(sizes > 2 * _WORD)
            for word, factor in zip(words[2:], _FACTORS[2:], strict=True):
                hashed[long] = _mixed(hashed[long], word[long], factor)
        upper: Words = hashed * np.uint64(_FACTORS[0]) >> np.uint64(65 - len(self._table).bit_length())
        return upper.astype(np.int64)

    def _remember(self, asked: Index, codes: Index, words: list[Words], sizes: Index, slot: Index) -> None:
        """Cache the names whose slot is still empty."""
        if not self._amount:
            self._first = int(codes[codes >= 0].min()) if (codes >= 0).any() else 0
        rows = np.where(codes >= 0, codes - self._first, codes) - _LOWEST
        # A code below the first one belongs to an event that is read again.
        kept = (codes >= self._first) | ((codes >= _LOWEST) & (codes < 0))
        free = kept & (self._table[slot[asked]] < 0) & (sizes[asked] <= _LONGEST) & (sizes[asked] > 0)
        asked, rows = asked[free], rows[free]
        if not len(asked):
            return
        if (short := int(rows.max()) + 1 - len(self._sizes)) > 0:
            more = short + len(self._sizes) // 2
            self._sizes = np.pad(self._sizes, (0, more))
            self._words = [np.pad(column, (0, more)) for column in self._words]
        # Of names that collide here, the last one gets the slot; all are compared when they come again.
        self._table[slot[asked]] = rows
        self._sizes[rows] = sizes[asked]
        for column, word in zip(self._words, words, strict=False):
            column[rows] = word[asked]
        self._amount += len(np.unique(rows))
        if self._amount * _ROOM > len(self._table):
            rows = np.flatnonzero(self._sizes)
            self._table = np.full(4 * len(self._table), -1, np.int32)
            self._table[self._slots([column[rows] for column in self._words], self._sizes[rows])] = rows


def _mixed(hashed: Words, word: Words, factor: int) -> Words:
    hashed = (hashed ^ word) * np.uint64(factor)
    # A product moves bits upwards only; the shift folds them back.
    return hashed ^ hashed >> np.uint64(32)


def _words(text: AnyArray, starts: Index, ends: Index, sizes: Index) -> list[Words]:
    """Two words of each name, or four where one of them has more than 16 bytes; 0 for what a name is too short for."""
    windows: Words = np.ndarray((len(text) - _WORD + 1,), "<u8", text, 0, (1,))
    zero = np.uint64(0)
    # By size of a name in bytes, the mask of its own bits in its first word.
    own = np.array([(1 << 8 * size) - 1 for size in range(_WORD + 1)], np.uint64)
    words = [windows[starts] & own[np.minimum(sizes, _WORD)]]
    words.append(np.where(sizes > _WORD, windows[ends - _WORD], zero))
    if (sizes > 2 * _WORD).any():
        long = sizes > 2 * _WORD
        words += [np.where(long, windows[starts + _WORD], zero), np.where(long, windows[ends - 2 * _WORD], zero)]
    return words
