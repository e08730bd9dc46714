"""Rules 1xx: bytes of a line into a record, and whatever the bytes are, findings instead of an exception.

A line that the typed decoder takes is done. One that it refuses is read again, slowly, to say everything that is wrong
with it: encoding, JSON, and then the schema.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec

from retold.model.annotations import MAX_INTEGER, AnnotationRecord, encode
from retold.model.findings import Finding, shorten
from retold.model.json_schema import SCHEMAS
from retold.rules.registry import declare, finding, printable, rule
from retold.rules.schema import pointer_to, schema_findings

__all__ = ["blank_line", "decode_line", "decode_record", "is_blank", "located", "no_records"]

T = TypeVar("T")

#: Findings of one line after which no more are sought.
MAX_LINE_FINDINGS: Final = 1000
#: Objects and lists inside each other; a record needs five.
MAX_DEPTH: Final = 64
_BOM: Final = b"\xef\xbb\xbf"
_QUOTE: Final = ord('"')
_DEFAULT_KIND: Final = b'"kind":"name",'
_RECORD: Final = "annotation-record"
_DECODERS: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    name: msgspec.json.Decoder(kind) for name, kind in SCHEMAS.items()
}
_DECODER: Final[msgspec.json.Decoder[AnnotationRecord]] = msgspec.json.Decoder(AnnotationRecord)
_REFUSALS: Final = (msgspec.MsgspecError, ValueError, RecursionError)


def decode_record(line: bytes, *, number: int, file: str) -> tuple[AnnotationRecord | None, list[Finding]]:
    """Decode one line of a file of records.

    Args:
        line: the line without its end.
        number: of the line, counted from 1.
        file: how findings call the file.

    Returns:
        The record, and no findings; or None and what is wrong, at most ``MAX_LINE_FINDINGS``. A line whose only fault
        is a byte-order mark gives both. Never raises, whatever the bytes.
    """
    try:
        record = _DECODER.decode(line)
    except _REFUSALS as error:
        refused, findings = _diagnose(line, _RECORD, error)
        return refused, located(findings, file, number)
    if not _may_repeat_keys(line, record):
        return record, []
    _, findings = _diagnose(line, _RECORD, None)
    return (None if findings else record), located(findings, file, number)


def decode_line(line: bytes, kind: str, *, number: int | None, file: str) -> tuple[Any | None, list[Finding]]:
    """``decode_record`` for any kind of record that has a schema (a key of ``SCHEMAS``); for the files of a corpus."""
    record, refusal = None, None
    try:
        record = _DECODERS[kind].decode(line)
    except _REFUSALS as error:
        refusal = error
    other, findings = _diagnose(line, kind, refusal)
    return (other if findings else record), located(findings, file, number)


def located(findings: list[Finding], file: str, number: int | None) -> list[Finding]:
    """The findings with the file and the line that they are in."""
    return [msgspec.structs.replace(found, file=file, line=number) for found in findings]


def is_blank(line: bytes) -> bool:
    """Whether a line holds nothing but white space."""
    return not line.strip(b" \t\r\n")


def _may_repeat_keys(line: bytes, record: AnnotationRecord) -> bool:
    """Whether an accepted line could hold a key twice in one object. False is certain, True wants a closer look.

    The decoder keeps the last of two equal keys, so the record has fewer strings than the line. Every string costs two
    quotes: the line has as many as the record written again exactly if nothing was dropped. ``kind`` needs care,
    because the record has it even where the line has not.
    """
    again = encode(record)
    # Most files are written key by key as this one is, with or without the kinds that go without saying.
    if line == again or line == again.replace(_DEFAULT_KIND, b""):
        return False
    again, line = _without_escaped_quotes(again), _without_escaped_quotes(line)
    quotes = again.count(b'"')
    mentions = len(record.entities) if record.entities else 0
    if mentions:
        _, *others = line.split(b'"kind"')
        if others:
            # A kind given twice in one mention could hide one that another mention lacks. With as many opening braces
            # as the record has objects, no string has a brace and every object is there; then two kinds of two
            # mentions have a brace between them. A string that is no key ("kind" :) is left to the closer look.
            if line.count(b"{") != _objects(record) or not all(part.startswith(b":") for part in others):
                return True
            if not all(b"{" in part for part in others[:-1]):
                return True
        quotes -= 4 * (mentions - len(others))
    return line.count(b'"') != quotes


def _objects(record: AnnotationRecord) -> int:
    layers = (record.entities, record.stance, record.claims, record.verification)
    scored = sum(cell.scores is not msgspec.UNSET for cell in record.stance) if record.stance else 0
    return 1 + scored + sum(len(layer) for layer in layers if layer)


def _without_escaped_quotes(line: bytes) -> bytes:
    place = line.find(b"\\")
    while place >= 0 and line[place + 1] != _QUOTE:
        place = line.find(b"\\", place + 2)
    return line if place < 0 else line.replace(rb"\\", b"").replace(rb"\"", b"")


class _Object(dict[str, Any]):
    """A JSON object that remembers the keys it was given twice."""

    __slots__ = ("repeated",)
    repeated: list[str]


class _Integer(int):
    """An integer too large to be worth converting, shown as it stands in the line."""

    digits: str

    def __repr__(self) -> str:
        return self.digits


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    made = _Object(pairs)
    made.repeated = []
    if len(made) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen and key not in made.repeated:
                made.repeated.append(key)
            seen.add(key)
    return made


def _integer(digits: str) -> int:
    # Converting takes quadratic time and Python refuses more than 4300 digits; 20 are beyond every limit here.
    if len(digits) <= 20:
        return int(digits)
    made = _Integer(digits[:20])
    made.digits = digits
    return made


@dataclass
class _Reading:
    """What the slow way has found in one line."""

    findings: list[Finding] = field(default_factory=list)
    #: Places whose fault is named already, so that the schema need not name it again.
    settled: set[str] = field(default_factory=set)
    record: Any = None

    def take(self, findings: Iterable[Finding]) -> None:
        wanted = (f for f in findings if f.pointer not in self.settled or f.code not in ("RT201", "RT205"))
        self.findings += islice(wanted, max(MAX_LINE_FINDINGS - len(self.findings), 0))


def _diagnose(line: bytes, kind: str, refusal: Exception | None) -> tuple[Any | None, list[Finding]]:
    """Say all that is wrong with a line. The record comes with the findings where only a byte-order mark is wrong."""
    if is_blank(line):
        return None, [blank_line()]
    reading = _Reading()
    try:
        _read(line, kind, reading, refused=refusal is not None)
    except RecursionError:
        reading.findings = [nested_too_deeply()]
        reading.record = None
    if refusal is not None and not reading.findings:
        reading.findings.append(finding("RT207", "gold", f"the line is refused: {shorten(str(refusal), 200)}"))
    return reading.record, reading.findings


def _read(line: bytes, kind: str, reading: _Reading, *, refused: bool) -> None:
    skipped = 0
    if line.startswith(_BOM):
        reading.findings.append(byte_order_mark())
        skipped = len(_BOM)
        line = line[skipped:]
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        reading.findings.append(not_utf8(line, error.start, skipped))
        return
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_int=_integer)
    except json.JSONDecodeError as error:
        column = skipped + len(text[: error.pos].encode()) + 1
        reading.findings.append(malformed_json(error.msg, column, text[error.pos : error.pos + 20]))
        return
    if not _walk(value, reading):
        reading.findings = [nested_too_deeply()]
        return
    if refused:
        reading.take(_in_order(schema_findings(kind, value)))
    document = value.get("document_id") if isinstance(value, dict) else None
    if isinstance(document, str):
        document = printable(document)
        reading.findings = [msgspec.structs.replace(found, document=document) for found in reading.findings]
    if skipped and len(reading.findings) == 1:
        try:
            reading.record = _DECODERS[kind].decode(line)
        except _REFUSALS as error:
            reading.findings.append(finding("RT207", "gold", f"the line is refused: {shorten(str(error), 200)}"))


def _walk(root: Any, reading: _Reading) -> bool:
    """Look at every key and value; False where they are nested too deeply to go on."""
    # Iterators, not copies: a line of many megabytes is walked in the memory that it has already.
    levels: list[tuple[tuple[str | int, ...], Iterator[tuple[str | int, Any]]]] = []
    path: tuple[str | int, ...] = ()
    value = root
    while True:
        if isinstance(value, (dict, list)):
            if len(path) >= MAX_DEPTH:
                return False
            if isinstance(value, _Object):
                reading.take(duplicate_key((*path, key), key) for key in value.repeated)
                reading.take(lone_surrogate((*path, key), key) for key in value if not _encodes(key))
                levels.append((path, iter(value.items())))
            else:
                levels.append((path, iter(enumerate(value))))
        elif (fault := _fault_of(path, value)) is not None:
            reading.take((fault,))
            reading.settled.add(pointer_to(*path))
        while levels:
            parent, items = levels[-1]
            item = next(items, None)
            if item is not None:
                path, value = (*parent, item[0]), item[1]
                break
            levels.pop()
        else:
            return True


def _fault_of(path: tuple[str | int, ...], value: Any) -> Finding | None:
    if isinstance(value, str):
        return None if _encodes(value) else lone_surrogate(path, value)
    if isinstance(value, float):
        return None if math.isfinite(value) else not_a_number(path, value)
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        return integer_too_large(path, value)
    return None


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _in_order(findings: Iterator[Finding]) -> Iterator[Finding]:
    """In the order of the pointers, indices as numbers, so that the same line gives the same list."""

    def key(found: Finding) -> tuple[list[tuple[int, int, str]], str]:
        parts = (found.pointer or "").split("/")
        numbers = (part.isascii() and part.isdigit() and len(part) < 16 for part in parts)
        order = [(0, int(part), "") if number else (1, 0, part) for part, number in zip(parts, numbers, strict=True)]
        return order, found.code

    return iter(sorted(islice(findings, MAX_LINE_FINDINGS), key=key))


@rule("RT101")
def not_utf8(line: bytes, place: int, skipped: int) -> Finding:
    """The line is not UTF-8.

    Offsets count code points; in another encoding they cannot be trusted even where the text looks right.

    Example: `{"document_id": "flood-0ÿ"}` saved as Latin-1 - there ÿ is the byte 0xff, which UTF-8 never has.

    Hint: Save the file as UTF-8.
    """
    wide = line.startswith((b"\xff\xfe", b"\xfe\xff"))
    return finding(
        "RT101",
        "gold",
        f"not UTF-8: byte 0x{line[place]:02x} at byte {skipped + place + 1} of the line",
        hint="Save the file as UTF-8; it seems to be UTF-16." if wide else None,
        column=skipped + place + 1,
    )


@rule("RT102")
def malformed_json(reason: str, column: int, found: str) -> Finding:
    """The line is no JSON text, or more than one.

    A file that broke off while it was written ends in such a line; what was lost is not known.

    Example: `{"document_id": "flood-0", "entities": [` - the line breaks off inside a list.

    Hint: Write each record as one JSON object on one line.
    """
    reason = (reason[:1].lower() + reason[1:]).removesuffix(" at").removesuffix(" starting")
    near = f", before {found!r}" if found else ", at the end of the line"
    hint = "Write one object on a line; here a second one begins." if reason == "extra data" else None
    return finding("RT102", "gold", f"malformed JSON: {reason}{near}", hint=hint, column=column)


@rule("RT103")
def duplicate_key(path: tuple[str | int, ...], key: str) -> Finding:
    """An object has the same key twice.

    One reader keeps the first value, another the last; the record would mean two things.

    Example: `{"document_id": "flood-0", "entities": [], "entities": []}` - `entities` is given twice.

    Hint: Keep one of them.
    """
    return finding("RT103", "gold", f"the key {shorten(key)} is given twice", pointer=pointer_to(*path))


@rule("RT104")
def byte_order_mark() -> Finding:
    """The line begins with a byte-order mark.

    JSON allows none, and a reader that keeps it sees one character more than another.

    Example: the bytes EF BB BF before `{"document_id": "flood-0"}` - they are the mark.

    Hint: Save the file as UTF-8 without byte-order mark.
    """
    return finding("RT104", "gold", "the line begins with a byte-order mark", column=1)


@rule("RT105", gold="warning", annotation="warning", prediction="warning")
def blank_line() -> Finding:
    """A blank line stands between the records.

    It may be where a record was lost.

    Example: an empty line between `{"document_id": "flood-0"}` and `{"document_id": "flood-1"}`.

    Hint: Remove it.
    """
    return finding("RT105", "gold", "the line is blank")


declare(
    "RT106",
    "line-too-long",
    """A line is longer than can be read.

    Lines are bounded so that memory is.

    Example: all records of a file joined to one line of 65 MiB - a line may have 64 MiB.

    Hint: Write one document per line.
    """,
)


@rule("RT107")
def lone_surrogate(path: tuple[str | int, ...], text: str) -> Finding:
    r"""A string holds half of a surrogate pair, such as `"\ud83d"`.

    It is no character and cannot be written as UTF-8; the string was cut inside a character.

    Example: `{"start": 15, "end": 19, "text": "\ud83d"}` - the first half of an emoji, whose second half is cut off.

    Hint: Cut strings between code points, not between UTF-16 units.
    """
    return finding("RT107", "gold", f"lone surrogate in {shorten(text)}", pointer=pointer_to(*path))


@rule("RT108")
def integer_too_large(path: tuple[str | int, ...], value: int) -> Finding:
    """An integer is beyond 2^53 - 1.

    Many readers of JSON keep numbers as doubles and would round it.

    Example: `{"start": 15, "end": 9007199254740993}` - `end` is 2^53 + 1.

    Hint: Check how the number came about; no offset is that large.
    """
    return finding("RT108", "gold", f"{shorten(value)} is beyond 2^53 - 1", pointer=pointer_to(*path))


@rule("RT109")
def not_a_number(path: tuple[str | int, ...], value: float) -> Finding:
    """A number is NaN, infinite, or too large for a double.

    JSON has no such numbers, and nothing can be computed from them.

    Example: `{"favor": NaN, "against": 0, "none": 1}` - NaN is written where a probability belongs.

    Hint: Leave the scores out where there are none.
    """
    shown = "NaN" if math.isnan(value) else "an infinite number"
    return finding("RT109", "gold", f"{shown} is not a number of JSON", pointer=pointer_to(*path))


declare(
    "RT110",
    "torn-parquet",
    """A Parquet file cannot be read.

    Its index stands at the end; a file that broke off while it was written has none.

    Example: a predictions.parquet that begins with PAR1 and then breaks off - the index at its end is missing.

    Hint: Write the file again.
    """,
)


@rule("RT111")
def no_records() -> Finding:
    """The file has no records.

    An empty file is more often an accident than an opinion.

    Example: a file of 0 bytes - there is no record in it.

    Hint: Write one line for each document; for a document with nothing to annotate, a record with empty lists.
    """
    return finding("RT111", "gold", "the file has no records")


@rule("RT112")
def nested_too_deeply() -> Finding:
    """Lists or objects are nested more deeply than any record needs.

    Such input exhausts readers; it is refused unread.

    Example: `[[[[` and so on until 65 lists are open - objects and lists may be 64 deep.

    Hint: Write the record in the shape of the schema.
    """
    return finding("RT112", "gold", f"more than {MAX_DEPTH} levels of lists and objects")
