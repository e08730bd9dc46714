"""Mutations for scripts/fuzz/fuzz.py: records spoilt as people and programs spoil them, and as nobody does."""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Iterator
from typing import Any

__all__ = ["Mutator"]

Json = Any
Steps = list[str | int]
#: JSON texts of values that are rarely right.
ODD = (
    *("null", "true", "false", "[]", "{}", "[0]", '""', '"17"'),
    *("0", "1", "-1", "17", "0.5", "1.0", "1e308", str(2**53)),
    *('"Q42"', '"q42"', '"Q\\u0664"', '"Q42\\n"', '"author"', '"none"'),
)


class Mutator:
    """Spoilt files, made of ``records`` by the choices of ``chance``."""

    def __init__(self, chance: random.Random, records: list[Json]) -> None:
        self.chance = chance
        self.records = records
        self.keys = sorted({step for record in records for path in nodes(record) for step in path if type(step) is str})
        self.strings = sorted({value for record in records for value in leaves(record) if isinstance(value, str)})

    def file(self) -> bytes:
        """A file of records with up to three mutations."""
        chance = self.chance
        records = json.loads(json.dumps(self.records if chance.random() < 0.7 else [chance.choice(self.records)]))
        texts: list[bytes] | None = None
        for _ in range(chance.choice((0, 1, 1, 1, 1, 2, 2, 3))):
            kind = chance.random()
            if kind < 0.75 and texts is None:
                record = chance.randrange(len(records))
                records[record] = chance.choice((self.structure, self.value, self.value, self.characters))(
                    records[record]
                )
            else:
                texts = texts or [self.written(record) for record in records]
                place = chance.randrange(len(texts))
                if kind < 0.85:
                    texts = self.lines(texts)
                elif kind < 0.92:
                    texts[place] = self.text(texts[place])
                else:
                    texts[place] = self.spoil(texts[place])
        texts = texts or [self.written(record) for record in records]
        return chance.choice((b"\n", b"\n", b"\n", b"\r\n")).join(texts) + chance.choice((b"\n", b"", b"\n\n"))

    def written(self, record: Json) -> bytes:
        """JSON in one of the styles that programs write."""
        escaped = self.chance.random() < 0.3
        separators = self.chance.choice(((",", ":"), (", ", ": ")))
        return json.dumps(record, ensure_ascii=escaped, separators=separators).encode("utf-8", "surrogatepass")

    def structure(self, record: Json) -> Json:
        """Remove, repeat, rename, add, wrap or move a part."""
        path = self.chance.choice(list(nodes(record)))
        if not path:
            return self.chance.choice(([record], {"records": [record]}, None, record))
        holder = at(record, path[:-1])
        step: Any = path[-1]
        action = self.chance.randrange(6)
        if action == 0:
            del holder[step]
        elif action == 1 and isinstance(holder, list):
            holder.insert(self.chance.randrange(len(holder) + 1), json.loads(json.dumps(holder[step])))
        elif action == 2 and isinstance(holder, dict):
            holder[self.chance.choice((self.typo(step), self.chance.choice(self.keys), ""))] = holder.pop(step)
        elif action == 3 and isinstance(holder, dict):
            holder[self.chance.choice(self.keys)] = self.any_value()
        elif action == 4:
            holder[step] = self.chance.choice(([holder[step]], {"x": holder[step]}, self.deep()))
        else:
            other = self.chance.choice(list(nodes(record)))
            holder[step] = json.loads(json.dumps(at(record, other)))
        return record

    def value(self, record: Json) -> Json:
        """Change one value."""
        paths = [path for path in nodes(record) if path and not isinstance(at(record, path), (dict, list))]
        if not paths:
            return record
        path = self.chance.choice(paths)
        holder = at(record, path[:-1])
        step: Any = path[-1]
        old = holder[step]
        if type(old) is int and self.chance.random() < 0.7:
            holder[step] = old + self.chance.choice((-1, 1, -3, 7, 1000, -old, -old - 1, 2**53, 2**70))
        elif isinstance(old, str) and self.chance.random() < 0.7:
            holder[step] = self.chance.choice((self.typo(old), old + " ", old + "\n", self.chance.choice(self.strings)))
        else:
            holder[step] = self.any_value()
        return record

    def characters(self, record: Json) -> Json:
        """Change the characters of one string, as editors and converters do."""
        paths = [path for path in nodes(record) if path and isinstance(at(record, path), str)]
        if not paths:
            return record
        path = self.chance.choice(paths)
        holder = at(record, path[:-1])
        step: Any = path[-1]
        old: str = holder[step]
        place = self.chance.randrange(len(old) + 1)
        odd = self.chance.choice(
            ("\u0301", "🌊", "\ud83d", "\udc00", "\x00", "\u202e", "\ufeff", "\xa0", "１", "\u2028", '"', "\\")
        )
        holder[step] = self.chance.choice(
            (
                old[:place] + odd + old[place:],
                unicodedata.normalize("NFD", old),
                unicodedata.normalize("NFKC", old),
                old.replace("\xa0", " "),
                old.replace("’", "'"),
                old.upper(),
            )
        )
        return record

    def lines(self, texts: list[bytes]) -> list[bytes]:
        """Drop, repeat, swap, join or break lines, or put blank ones between."""
        place = self.chance.randrange(len(texts))
        action = self.chance.randrange(6)
        if action == 0:
            return texts[:place] + texts[place + 1 :] or [b""]
        if action == 1:
            return [*texts, texts[place]]
        if action == 2:
            return texts[::-1]
        if action == 3:
            return [*texts[:place], self.chance.choice((b"", b" ", b"\t\r", b"\xa0")), *texts[place:]]
        if action == 4:
            return [*texts[:place], b"".join(texts[place:])]
        cut = self.chance.randrange(len(texts[place]) + 1)
        return [*texts[:place], texts[place][:cut], texts[place][cut:], *texts[place + 1 :]]

    def text(self, line: bytes) -> bytes:
        """Change the text of JSON where values cannot express it: keys twice, numbers, white space, depth."""
        action = self.chance.randrange(5)
        if action == 0:
            braces = [place for place, byte in enumerate(line) if byte == ord("{")]
            if braces:
                place = self.chance.choice(braces) + 1
                key = json.dumps(self.chance.choice(self.keys)).encode()
                return line[:place] + key + b":" + self.written(self.any_value()) + b"," + line[place:]
        if action == 1:
            digits = [place for place, byte in enumerate(line) if chr(byte).isdigit()]
            if digits:
                place = self.chance.choice(digits)
                odd = self.chance.choice((b"1.0", b"1e2", b"1E400", b"-0", b"01", b"9" * 400, b"NaN", b"-Infinity"))
                return line[:place] + odd + line[place + 1 :]
        if action == 2:
            return self.chance.choice((b" ", b"\t", b"\xef\xbb\xbf", b"\xc2\xa0", b"//")) + line
        if action == 3:
            return line.replace(b":", b":" + b"[" * self.chance.choice((1, 70, 3000)), 1)
        return line.replace(b'"', b"'", self.chance.choice((1, 2, -1)))

    def spoil(self, data: bytes) -> bytes:
        """Change bytes."""
        start = self.chance.randrange(len(data) + 1)
        end = min(start + self.chance.choice((0, 1, 1, 4, 100)), len(data))
        noise = self.chance.randbytes(self.chance.choice((1, 4)))
        piece = self.chance.choice((b"", noise, noise, b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80", data[end:]))
        return data[:start] + piece + self.chance.choice((data[end:], data[end:], data[end:], b""))

    def typo(self, word: str) -> str:
        """A word with one slip."""
        place = self.chance.randrange(len(word) + 1)
        return self.chance.choice((word[:place] + word[place + 1 :], word[:place] + "x" + word[place:], word.title()))

    def any_value(self) -> Json:
        """A value of any type, often one that stands somewhere in a record."""
        strings = self.chance.choice(self.strings), self.chance.choice(self.strings)
        return json.loads(self.chance.choice((*ODD, *map(json.dumps, strings))))

    def deep(self) -> Json:
        """Lists inside each other."""
        value: Json = []
        for _ in range(self.chance.choice((3, 61, 64, 300))):
            value = [value]
        return value


def nodes(value: Json) -> Iterator[Steps]:
    """Paths of a value and of everything in it."""
    yield []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in items:
        yield from ([step, *path] for path in nodes(item))


def leaves(value: Json) -> Iterator[Json]:
    """Values that are no containers."""
    return (found for path in nodes(value) if not isinstance(found := at(value, path), (dict, list)))


def at(value: Json, path: Steps) -> Json:
    """The part of a value at a path."""
    for step in path:
        value = value[step]
    return value
