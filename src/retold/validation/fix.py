"""Fixing what has exactly one right answer in a file of records; everything else is left alone.

Fixed are offsets in UTF-16 units or bytes (detected over a whole file), offsets that are off while the text of the span
occurs once nearby, white space at the edges of spans, keys that repeat document and catalogue, the order of lists, and
a byte-order mark. A record is left alone if the result would have a problem that it did not have before.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from retold.corpus.load import Corpus
from retold.io.atomic import write_atomic
from retold.io.jsonl import Lines, Lookup, decode_or_refuse
from retold.io.sources import Source, open_bytes
from retold.layers import LAYERS
from retold.layers.scheme import Scheme
from retold.model.annotations import Document
from retold.model.findings import UnreadableError, shorten
from retold.rules import Role, Vocabulary
from retold.rules.bytes import DECODERS
from retold.validation.validate import sources

__all__ = ["MAX_FILE_SIZE", "Fix", "FixedFile", "fix", "write"]

#: Files are fixed in memory.
MAX_FILE_SIZE: Final = 256 * 1024**2
#: How far from the start of a span its text is searched for, in characters.
NEARBY: Final = 40
#: Share of the spans with text that a unit must explain to be taken for that of the whole file.
_MIN_SHARE: Final = 0.9
_BOM: Final = b"\xef\xbb\xbf"
_KEYS: Final = ("start", "end", "text", "kind", "type", "entity", "kb_id", "source", "claim")
#: How many units a character takes.
_UNITS: Final[dict[str, Callable[[str], int]]] = {
    "UTF-16 units": lambda c: 1 + (c > "\uffff"),
    "bytes": lambda c: len(c.encode("utf-8", "surrogatepass")),
}


@dataclass(frozen=True, slots=True)
class Fix:
    """One thing that was fixed; the pointer is that of the old file."""

    line: int
    pointer: str
    what: str


@dataclass(frozen=True, slots=True)
class FixedFile:
    """A file before and after.

    Attributes:
        file: its path.
        before, after: its bytes; the same if there was nothing to fix.
        unit: what its offsets were found to count, if not code points.
        fixes: in the order of the file.
    """

    file: str
    before: bytes
    after: bytes
    unit: str | None = None
    fixes: list[Fix] = field(default_factory=list)


def fix(path: str | Path, corpus: Corpus, *, role: Role | None = None) -> Iterator[FixedFile]:
    """Yield each file of records at ``path``, fixed. Nothing is written.

    Args:
        path: as for ``validate``: a JSON Lines file, or a folder of such files or with a submission.
        corpus: where documents and keys are looked up.
        role: what the files are; guessed as ``validate`` does if not given.

    Raises:
        UnreadableError: a file cannot be read, is too large, or is not a local JSON Lines file.
        FindingsError: the card of a submission or the corpus itself is invalid.
    """
    for source, its_role in sources(path, corpus, role):
        if source.is_parquet or source.member is not None or "://" in source.path or str(path) == "-":
            raise UnreadableError(f"{source.name}: only local JSON Lines files can be fixed")
        # What only annotations need is not added on a guess.
        yield _fix_file(source, corpus, its_role.role if its_role.certain else "prediction")


def write(fixed: FixedFile) -> None:
    """Replace the file, keeping its permissions; a link is followed."""
    path = Path(fixed.file).resolve()
    mode = path.stat().st_mode
    write_atomic(path, fixed.after)
    path.chmod(mode)


def _fix_file(source: Source, corpus: Corpus, role: Role) -> FixedFile:
    with open_bytes(source.path) as stream:
        before = stream.read(MAX_FILE_SIZE + 1)
    if len(before) > MAX_FILE_SIZE:
        raise UnreadableError(f"{source.name}: larger than {MAX_FILE_SIZE} bytes, cannot be fixed")
    lines = before.split(b"\n")
    unit = _unit_of(lines, corpus)
    fixes: list[Fix] = []
    with closing(_documents(corpus)) as documents:
        for index, line in enumerate(lines):
            value = _read(line, corpus)
            if value is None:
                continue
            document = documents.get(value["document_id"])
            fixer = _RecordFixer(corpus.scheme, document, corpus.vocabulary(document), role, unit)
            if line.startswith(_BOM):
                fixer.note("", "byte-order mark removed")
            after = fixer.fix(value)
            if fixer.notes and fixer.adds_no_problem(value, after):
                lines[index] = _written(line, value, after)
                fixes += [Fix(index + 1, pointer, what) for pointer, what in fixer.notes]
    return FixedFile(source.path, before, b"\n".join(lines), unit, fixes)


def _documents(corpus: Corpus) -> Lookup:
    """Documents in the order of the file; none for a bare gold file."""
    return Lookup(Lines(corpus.document_sources()), partial(decode_or_refuse, DECODERS["document"]))


def _read(line: bytes, corpus: Corpus) -> dict[str, Any] | None:
    """The record of a line, even if it breaks the schema; None if the line is ambiguous or malformed."""
    _, findings = corpus.scheme.decoder.decode(line, number=1, file="")
    if any(found.code.startswith("RT1") and found.code != "RT104" for found in findings):
        return None
    value = json.loads(line.removeprefix(_BOM))
    return value if isinstance(value, dict) and isinstance(value.get("document_id"), str) else None


def _written(line: bytes, before: Any, after: Any) -> bytes:
    """A record in the style of its line, so that only the fixes differ."""
    end = b"\r" if line.endswith(b"\r") else b""
    line = line.removeprefix(_BOM).removesuffix(b"\r")
    for separators in ((",", ":"), (", ", ": ")):
        for escaped in (False, True):
            if json.dumps(before, ensure_ascii=escaped, separators=separators).encode() == line:
                return json.dumps(after, ensure_ascii=escaped, separators=separators).encode() + end
    return json.dumps(after, ensure_ascii=False, separators=(",", ":")).encode() + end


# Units


def _unit_of(lines: Iterable[bytes], corpus: Corpus) -> str | None:
    """What the offsets of a file count, None for code points.

    A unit is detected if some spans match their text only in it, none only in code points, and nearly all match in it.
    """
    seen = 0
    matched: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    gained: Counter[str] = Counter()
    with closing(_documents(corpus)) as documents:
        for line in lines:
            value = _read(line, corpus)
            document = documents.get(value["document_id"]) if value is not None else None
            if value is None or document is None or document.text.isascii():
                continue
            tables = {unit: _offset_table(document.text, width) for unit, width in _UNITS.items()}
            for _, _, span in _spans(value):
                if not isinstance(span.get("text"), str):
                    continue
                seen += 1
                plain = _matches(document.text, span["start"], span["end"], span["text"])
                for unit, table in tables.items():
                    start, end = table.get(span["start"]), table.get(span["end"])
                    fits = start is not None and end is not None and _matches(document.text, start, end, span["text"])
                    matched[unit] += fits
                    gained[unit] += fits and not plain
                    lost[unit] += plain and not fits
    found = [unit for unit in _UNITS if gained[unit] and not lost[unit] and matched[unit] >= _MIN_SHARE * seen]
    return max(found, key=lambda unit: matched[unit], default=None)


def _offset_table(text: str, width: Callable[[str], int]) -> dict[int, int]:
    """Offsets in units to offsets in code points; offsets inside a character are missing."""
    table, position = {0: 0}, 0
    for index, character in enumerate(text, 1):
        position += width(character)
        table[position] = index
    return table


def _spans(value: dict[str, Any]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Spans of a record that have offsets, with layer and index."""
    for layer in (name for name, layer in LAYERS.items() if not layer.keyed):
        items = value.get(layer)
        for index, item in enumerate(items if isinstance(items, list) else ()):
            if isinstance(item, dict) and type(item.get("start")) is int and type(item.get("end")) is int:
                yield layer, index, item


def _plain(text: str) -> str:
    """``text`` with non-breaking spaces as blanks, for comparison."""
    return text.replace("\xa0", " ")


def _matches(text: str, start: int, end: int, given: str) -> bool:
    return 0 <= start < end and _plain(text[start:end]) == _plain(given)


# One record


@dataclass
class _RecordFixer:
    """Fixes one record and notes what was done."""

    scheme: Scheme
    document: Document | None
    vocabulary: Vocabulary | None
    role: Role
    unit: str | None
    notes: list[tuple[str, str]] = field(default_factory=list)

    def note(self, pointer: str, what: str) -> None:
        self.notes.append((pointer, what))

    def fix(self, value: dict[str, Any]) -> dict[str, Any]:
        """A fixed copy of the record; ``notes`` say what was fixed."""
        value = deepcopy(value)
        if self.document is not None:
            self._offsets(value, self.document.text)
        if self.role != "prediction":
            self._repeated_keys(value)
        self._order(value)
        return value

    def adds_no_problem(self, before: Any, after: Any) -> bool:
        """Whether the fixed record has no new problems; a record that cannot be decoded counts as having all."""
        old, new = self._problems(before), self._problems(after)
        return old is None or (new is not None and not new - old)

    def _problems(self, value: Any) -> Counter[str] | None:
        try:
            record = self.scheme.decoder.typed.decode(json.dumps(value))
        except msgspec.DecodeError:
            return None
        found = self.scheme.check(record, role=self.role, document=self.document, vocabulary=self.vocabulary)
        return Counter(finding.code for finding in found)

    def _offsets(self, value: dict[str, Any], text: str) -> None:
        table = _offset_table(text, _UNITS[self.unit]) if self.unit is not None else {}
        taken = Counter((layer, span["start"], span["end"]) for layer, _, span in _spans(value))
        for layer, index, span in _spans(value):
            pointer = f"/{layer}/{index}"
            old = span["start"], span["end"]
            start, end = (table[old[0]], table[old[1]]) if old[0] in table and old[1] in table else old
            if (start, end) != old:
                self.note(pointer, f"{old[0]} to {old[1]} in {self.unit} is {start} to {end}")
            given = span.get("text")
            if isinstance(given, str) and not _matches(text, start, end, given):
                near = _nearby(text, start, given)
                if near is not None and not taken[layer, *near]:
                    self.note(pointer, f"{shorten(given)} is at {near[0]} to {near[1]}, not at {start} to {end}")
                    start, end = near
                elif not _matches(text, *_without_edges(text, start, end), given.strip()):
                    # Either text or offsets may be right.
                    span["start"], span["end"] = start, end
                    continue
            inner = _without_edges(text, start, end)
            if inner != (start, end) and not taken[layer, *inner]:
                self.note(pointer, f"white space removed: {inner[0]} to {inner[1]}")
                start, end = inner
            taken[layer, start, end] += (start, end) != old
            span["start"], span["end"] = start, end
            self._text(span, pointer, text[start:end] if 0 <= start < end <= len(text) else "")

    def _text(self, span: dict[str, Any], pointer: str, actual: str) -> None:
        given = span.get("text")
        if isinstance(given, str):
            if given != actual and _plain(given.strip()) == _plain(actual) != "":
                self.note(pointer, f"text changed to {shorten(actual)}")
                span["text"] = actual
        elif "text" not in span and actual and self.role != "prediction":
            self.note(pointer, f"text added: {shorten(actual)}")
            span["text"] = actual
            _arrange(span)

    def _repeated_keys(self, value: dict[str, Any]) -> None:
        """Add missing keys that repeat the catalogue."""
        for name, layer in self.scheme.layers.items():
            items = value.get(name)
            for index, item in enumerate(items if isinstance(items, list) else ()):
                if self.vocabulary is None or not isinstance(item, dict):
                    continue
                known = layer.repeated_keys(item, self.vocabulary)
                missing = {key: said for key, said in known.items() if key not in item}
                for key, said in missing.items():
                    self.note(f"/{name}/{index}", f"{key} added: {json.dumps(said)}")
                if missing:
                    item.update(missing)
                    _arrange(item)

    def _order(self, value: dict[str, Any]) -> None:
        for layer, definition in self.scheme.layers.items():
            items = value.get(layer)
            if not isinstance(items, list):
                continue
            for index, item in enumerate(items):
                evidence = item.get("evidence") if isinstance(item, dict) else None
                if isinstance(evidence, list) and all(type(number) is int for number in evidence):
                    self._sort(evidence, f"/{layer}/{index}/evidence", lambda number: number)
            try:
                self._sort(items, f"/{layer}", definition.sort_key)
            except (TypeError, KeyError):
                # An invalid item cannot be sorted.
                continue

    def _sort(self, items: list[Any], pointer: str, key: Callable[[Any], Any]) -> None:
        ordered = sorted(items, key=key)
        if ordered != items:
            items[:] = ordered
            self.note(pointer, "sorted")


def _nearby(text: str, start: int, given: str) -> tuple[int, int] | None:
    """Where ``given`` occurs near a span, if it occurs once."""
    words, text = _plain(given.strip()), _plain(text)
    low, high = max(start - NEARBY, 0), max(start + len(words) + NEARBY, 0)
    found = text.find(words, low, high) if words else -1
    if found < 0 or text.find(words, found + 1, high) >= 0:
        return None
    return found, found + len(words)


def _without_edges(text: str, start: int, end: int) -> tuple[int, int]:
    """A span without white space at its edges; unchanged if it is blank or outside the text."""
    inner = text[start:end].strip() if 0 <= start < end <= len(text) else ""
    if not inner:
        return start, end
    start = text.index(inner, start)
    return start, start + len(inner)


def _arrange(item: dict[str, Any]) -> None:
    """Put the keys of a span in their usual order; unknown ones come last."""
    ordered = {key: item[key] for key in (*_KEYS, *item) if key in item}
    item.clear()
    item.update(ordered)
