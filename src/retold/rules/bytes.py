"""Rules 1xx: decoding the bytes of a line, with findings instead of exceptions.

A line that the typed decoder accepts is done. One that it refuses is read again, slowly, to report everything that is
wrong with it: encoding, JSON, and then the schema.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import islice
from typing import Any, Final

import msgspec

from retold.model.annotations import MAX_INTEGER, AnnotationRecord, encode
from retold.model.display import counted
from retold.model.findings import Finding, FindingsError, shorten
from retold.model.json_schema import SCHEMAS, schema_of
from retold.rules.registry import finding, printable, rule
from retold.rules.schema import pointer_to, schema_findings, validator_of

__all__ = [
    "BOM",
    "DECODERS",
    "MAX_LINE_FINDINGS",
    "MAX_VALUES",
    "LineDecoder",
    "blank_line",
    "line_too_long",
    "located",
    "no_records",
    "not_json",
    "refusal",
    "repeated_column",
    "too_many_invalid_lines",
    "torn_parquet",
    "unpacks_too_far",
    "wrong_column_type",
]

#: Maximum number of findings for one line.
MAX_LINE_FINDINGS: Final = 1000
#: Maximum number of values in one record.
MAX_VALUES: Final = 2_000_000
#: Maximum nesting of objects and lists; a record needs five.
MAX_DEPTH: Final = 64
#: Codes of lines of which no value could be read.
_UNREAD: Final = frozenset({"RT101", "RT102", "RT112"})
BOM: Final = b"\xef\xbb\xbf"
_DOCUMENT: Final = re.compile(rb'"document_id"\s*:\s*("(?:[^"\\]|\\.)*+")')
_STRING: Final = re.compile(rb'"[^"]*"')
_OTHER_THAN_MARKS: Final = bytes(set(range(256)) - set(b'",[{'))
_REFUSALS: Final = (msgspec.MsgspecError, ValueError, RecursionError)

_ENCODER: Final = msgspec.json.Encoder()


class LineDecoder:
    """Decodes lines of one kind of record; what is wrong with a line comes as findings, never as an exception.

    Args:
        kind: type of the records.
        schema: makes the JSON Schema of the type; it is asked for when a line is refused.
        sparse: the same type, which leaves out defaults when it is encoded.
        either: whether records may be of either type, by how a line is written: faster, but the two are unequal.
    """

    def __init__(
        self,
        kind: type[Any],
        schema: Callable[[], Mapping[str, Any]] | None = None,
        sparse: type[Any] | None = None,
        *,
        either: bool = False,
    ) -> None:
        self.typed: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kind)
        self._schema = schema or partial(schema_of, kind.__name__, kind)
        self._either = either
        #: Files write defaults or leave them out; the decoder that fits the last line may come first.
        self._decoders = [self.typed, *([msgspec.json.Decoder(sparse)] if sparse else [])]
        self._again = bytearray()

    @cached_property
    def schema(self) -> Mapping[str, Any]:
        """The JSON Schema."""
        return self._schema()

    @cached_property
    def validator(self) -> Any:
        """The JSON Schema validator."""
        return validator_of(self.schema)

    def decode(self, line: bytes, *, number: int | None, file: str) -> tuple[Any | None, list[Finding]]:
        """The record of a line, and no findings; or None and what is wrong, at most ``MAX_LINE_FINDINGS``.

        A line whose only problem is a byte-order mark gives both. The ``number`` is None for a file of one object.
        """
        # Each value takes two bytes or more.
        if len(line) > 2 * MAX_VALUES and _has_too_many_values(line):
            found = _of_document([line_too_long("record", MAX_VALUES, "values")], _document_in(line))
            return None, located(found, file, number)
        try:
            record = self._decoders[0].decode(line)
            _ENCODER.encode_into(record, self._again)
            if self._again == line:
                return record, []
            repeats_a_key = self._repeats_a_key(line)
        except _REFUSALS as error:
            refused, findings = self._diagnose(line, error, whole_file=number is None)
            if number is None:
                return refused, [msgspec.structs.replace(_in_lines(found, line), file=file) for found in findings]
            return refused, located(findings, file, number)
        if not repeats_a_key:
            return record, []
        _, findings = self._diagnose(line, None, whole_file=number is None)
        return (None if findings else record), located(findings, file, number)

    def require(self, line: bytes, number: int | None, file: str) -> Any:
        """The record of a line that must be valid; what is wrong with it is raised."""
        record, findings = self.decode(line, number=number, file=file)
        if record is None or findings:
            raise FindingsError(findings)
        return record

    def _repeats_a_key(self, line: bytes) -> bool:
        """Whether an accepted line has a key twice in one object; the decoder keeps the last of the two."""
        # Most files are written as this project writes them, or with white space: encoded again they are the same.
        plain = line if b"\\u" in line else msgspec.json.format(line, indent=-1)
        for decoder in self._decoders:
            if encode(decoder.decode(line)) in (line, plain):
                if plain == line and self._either:
                    self._decoders.sort(key=lambda each: each is not decoder)
                return False
        repeated: list[bool] = []
        json.loads(line, object_pairs_hook=lambda pairs: repeated.append(len(dict(pairs)) != len(pairs)))
        return any(repeated)

    def _diagnose(
        self, line: bytes, refusal: Exception | None, *, whole_file: bool
    ) -> tuple[Any | None, list[Finding]]:
        """Report all that is wrong with a line; the record too if that is only a byte-order mark."""
        if not line.strip(b" \t\r\n"):
            return None, [file_is_empty() if whole_file else blank_line()]
        diagnosis = _Diagnosis()
        try:
            self._read(line, diagnosis, refused=refusal is not None)
        except RecursionError:
            diagnosis.findings = [nested_too_deeply()]
            diagnosis.record = None
        if any(found.code in _UNREAD for found in diagnosis.findings):
            diagnosis.findings = _of_document(diagnosis.findings, _document_in(line))
        if refusal is not None and not diagnosis.findings:
            diagnosis.findings.append(finding("RT207", f"invalid record: {shorten(str(refusal), 200)}"))
        return diagnosis.record, diagnosis.findings

    def _read(self, line: bytes, diagnosis: _Diagnosis, *, refused: bool) -> None:
        skipped = 0
        if line.startswith(BOM):
            diagnosis.findings.append(byte_order_mark())
            skipped = len(BOM)
            line = line[skipped:]
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            diagnosis.findings.append(not_utf8(line, error.start, skipped))
            return
        try:
            value = json.loads(text, object_pairs_hook=_object, parse_int=_integer)
        except json.JSONDecodeError as error:
            column = skipped + len(text[: error.pos].encode()) + 1
            diagnosis.findings.append(malformed_json(error.msg, column, text[error.pos : error.pos + 20]))
            return
        if not _walk(value, diagnosis):
            diagnosis.findings = [nested_too_deeply()]
            return
        if refused:
            diagnosis.add(_in_order(schema_findings(self.validator, value)))
        document = value.get("document_id") if isinstance(value, dict) else None
        if isinstance(document, str):
            diagnosis.findings = _of_document(diagnosis.findings, printable(document))
        if skipped and len(diagnosis.findings) == 1:
            try:
                diagnosis.record = self.typed.decode(line)
            except _REFUSALS as error:
                diagnosis.findings.append(finding("RT207", f"invalid record: {shorten(str(error), 200)}"))


#: Decoders of the kinds in ``SCHEMAS``, and of records whatever their labels.
DECODERS: Final[dict[str, LineDecoder]] = {
    **{name: LineDecoder(kind, partial(schema_of, name)) for name, kind in SCHEMAS.items()},
    "record": LineDecoder(AnnotationRecord),
}


def _in_lines(found: Finding, data: bytes) -> Finding:
    """A finding of a file of one object, with the line of its column where the file has several."""
    if found.column is None or b"\n" not in data:
        return found
    before = data[: found.column - 1]
    column = len(before) - before.rfind(b"\n")
    return msgspec.structs.replace(found, line=before.count(b"\n") + 1, column=column)


def _has_too_many_values(line: bytes) -> bool:
    """Whether a line holds more than ``MAX_VALUES`` values, without decoding it."""
    if sum(map(line.count, (b",", b"[", b"{"))) <= MAX_VALUES:
        return False
    # What stands in strings does not count.
    marks = line.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _OTHER_THAN_MARKS).replace(b'""', b"")
    return len(_STRING.sub(b"", marks)) > MAX_VALUES


def _document_in(line: bytes) -> str | None:
    """The document that a line is of, as far as can be told without decoding it."""
    found = _DOCUMENT.search(line)
    with suppress(ValueError):
        return printable(json.loads(found[1])) if found else None
    return None


def _of_document(findings: list[Finding], document: str | None) -> list[Finding]:
    return [msgspec.structs.replace(found, document=document) for found in findings]


def located(findings: Iterable[Finding], file: object, number: int | None = None) -> list[Finding]:
    """The findings with the file and the line that they are in."""
    return [msgspec.structs.replace(found, file=str(file), line=number) for found in findings]


def refusal(found: Finding, file: object, number: int | None = None) -> FindingsError:
    """The error for one finding that makes a file, or a line of it, useless."""
    return FindingsError(located([found], file, number))


class _Object(dict[str, Any]):
    """A JSON object that remembers its duplicate keys."""

    __slots__ = ("repeated",)
    repeated: list[str]


class _Integer(int):
    """An integer too large to convert, with its digits for messages."""

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
    # Conversion takes quadratic time, and Python refuses more than 4300 digits; 20 are beyond every limit here.
    if len(digits) <= 20:
        return int(digits)
    made = _Integer(digits[:20])
    made.digits = digits
    return made


@dataclass
class _Diagnosis:
    """What was found in one line."""

    findings: list[Finding] = field(default_factory=list)
    #: Pointers of invalid values that were reported, so that the schema does not report them again.
    reported: set[str] = field(default_factory=set)
    record: Any = None

    def add(self, findings: Iterable[Finding]) -> None:
        wanted = (f for f in findings if f.pointer not in self.reported or f.code not in ("RT201", "RT205"))
        self.findings += islice(wanted, max(MAX_LINE_FINDINGS - len(self.findings), 0))


def _walk(value: Any, diagnosis: _Diagnosis, *path: str | int) -> bool:
    """Check every key and value; False where they are nested too deeply to go on."""
    if isinstance(value, (dict, list)):
        if len(path) >= MAX_DEPTH:
            return False
        if isinstance(value, _Object):
            diagnosis.add(duplicate_key((*path, key), key) for key in value.repeated)
            diagnosis.add(lone_surrogate((*path, key), key) for key in value if not _encodes(key))
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return all(_walk(item, diagnosis, *path, key) for key, item in items)
    if (found := _value_problem(path, value)) is not None:
        diagnosis.add((found,))
        diagnosis.reported.add(pointer_to(*path))
    return True


def _value_problem(path: tuple[str | int, ...], value: Any) -> Finding | None:
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
    """Sorted by pointer, indices as numbers, so that the same line gives the same list."""

    def key(found: Finding) -> tuple[list[tuple[int, int, str]], str]:
        parts = (found.pointer or "").split("/")
        numbers = (part.isascii() and part.isdigit() and len(part) < 16 for part in parts)
        order = [(0, int(part), "") if number else (1, 0, part) for part, number in zip(parts, numbers, strict=True)]
        return order, found.code

    return iter(sorted(islice(findings, MAX_LINE_FINDINGS), key=key))


@rule("RT101")
def not_utf8(line: bytes, index: int, skipped: int) -> Finding:
    """The line is not UTF-8.

    Offsets count code points; in another encoding they cannot be trusted even where the text looks right.
    Example: `{"document_id": "flood-0ÿ"}` saved as Latin-1 - ÿ becomes the byte 0xff, which does not occur in UTF-8.
    Hint: Save the file as UTF-8.
    """
    wide = line.startswith((b"\xff\xfe", b"\xfe\xff"))
    column = skipped + index + 1
    message = f"not UTF-8: byte 0x{line[index]:02x} at byte {column} of the line"
    hint = "Save the file as UTF-8; it looks like UTF-16." if wide else None
    return finding("RT101", message, hint=hint, column=column)


@rule("RT102")
def malformed_json(reason: str, column: int, found: str) -> Finding:
    """The line is not one JSON text.

    A file whose writing was interrupted ends in such a line.
    Example: `{"document_id": "flood-0", "entities": [` - the line ends inside a list.
    Hint: Write each record as one JSON object on one line.
    """
    reason = (reason[:1].lower() + reason[1:]).removesuffix(" at").removesuffix(" starting")
    near = f", before {found!r}" if found else ", at the end of the line"
    hint = "Write one object per line; a second one starts here." if reason == "extra data" else None
    return finding("RT102", f"malformed JSON: {reason}{near}", hint=hint, column=column)


@rule("RT103")
def duplicate_key(path: tuple[str | int, ...], key: str) -> Finding:
    """An object has the same key twice.

    Some JSON parsers keep the first value, others the last.
    Example: `{"document_id": "flood-0", "entities": [], "entities": []}` - `entities` occurs twice.
    Hint: Keep one of them.
    """
    return finding("RT103", f"duplicate key {shorten(key)}", pointer=pointer_to(*path))


@rule("RT104")
def byte_order_mark() -> Finding:
    """The line begins with a byte-order mark.

    JSON does not allow one, and parsers differ in whether they skip it.
    Example: the bytes EF BB BF before `{"document_id": "flood-0"}` - they encode the mark.
    Hint: Save the file as UTF-8 without byte-order mark.
    """
    return finding("RT104", "the line begins with a byte-order mark", column=1)


@rule("RT105", gold="warning", annotation="warning", prediction="warning")
def blank_line(count: int = 1) -> Finding:
    """There is a blank line between the records.

    A record may be missing there.
    Example: an empty line between `{"document_id": "flood-0"}` and `{"document_id": "flood-1"}`.
    Hint: Remove it.
    """
    return finding("RT105", "the line is blank" if count == 1 else f"{count} lines are blank")


@rule("RT106")
def line_too_long(what: str, limit: int, unit: str = "bytes") -> Finding:
    """A line is too long, or a record has too many values.

    The limits bound memory: 64 MiB for a line, 2,000,000 values for a record.
    Example: all records of a file on one line of 65 MiB - the limit is 64 MiB.
    Hint: Write one document per line.
    """
    return finding("RT106", f"the {what} has more than {limit} {unit}")


@rule("RT107")
def lone_surrogate(path: tuple[str | int, ...], text: str) -> Finding:
    r"""A string holds half of a surrogate pair, such as `"\ud83d"`.

    It is not a character and cannot be encoded as UTF-8; the string was cut inside a character.
    Example: `{"start": 15, "end": 19, "text": "\ud83d"}` - the first half of an emoji, without the second.
    Hint: Cut strings between code points, not between UTF-16 units.
    """
    return finding("RT107", f"lone surrogate in {shorten(text)}", pointer=pointer_to(*path))


@rule("RT108")
def integer_too_large(path: tuple[str | int, ...], value: int) -> Finding:
    """An integer is larger than 2^53 - 1.

    Many JSON parsers keep numbers as doubles and would round it.
    Example: `{"start": 15, "end": 9007199254740993}` - `end` is 2^53 + 1.
    Hint: Check where the number comes from; no offset is that large.
    """
    return finding("RT108", f"{shorten(value)} is larger than 2^53 - 1", pointer=pointer_to(*path))


@rule("RT109")
def not_a_number(path: tuple[str | int, ...], value: float) -> Finding:
    """A number is NaN, infinite, or too large for a double.

    JSON has no such numbers.
    Example: `{"favor": NaN, "against": 0, "none": 1}` - NaN is not a probability.
    Hint: Leave the scores out if there are none.
    """
    name = "NaN" if math.isnan(value) else "Infinity"
    return finding("RT109", f"expected a finite number, got {name}", pointer=pointer_to(*path))


@rule("RT110")
def torn_parquet(reason: str) -> Finding:
    """A Parquet file cannot be read.

    Its index is at the end; a file that was truncated while it was written has none.
    Example: a predictions.parquet that begins with PAR1 and ends after a few bytes - the index is missing.
    Hint: Write the file again.
    """
    return finding("RT110", f"not a readable Parquet file: {reason[:200]}")


def unpacks_too_far(number: int, rows: int, values: int, size: int) -> Finding:
    """RT106 for a row group of Parquet."""
    hint = "Write one document per row, and smaller row groups."
    message = f"row group {number} unpacks to {size} bytes or more: {values} values in {counted(rows, 'row')}"
    return finding("RT106", message, hint=hint)


def repeated_column(column: str) -> Finding:
    """RT103 for Parquet."""
    return finding("RT103", f"duplicate column {shorten(column)}")


def not_json(why: str) -> Finding:
    """RT201 for a record in memory."""
    return finding("RT201", f"not a JSON value: {why[:200]}")


def wrong_column_type(column: str, kind: str) -> Finding:
    """RT201 for a type of Parquet that JSON does not have."""
    message = f"column {shorten(column)} has type {shorten(kind)}, which no key of a record has"
    return finding("RT201", message, hint="Store text as string, numbers as int64 or double.")


@rule("RT111")
def no_records() -> Finding:
    """The file has no records.

    An empty file is usually an accident.
    Example: a file of 0 bytes - it has no record.
    Hint: Write one line per document; for a document with nothing to annotate, a record with empty lists.
    """
    return finding("RT111", "the file has no records")


def file_is_empty() -> Finding:
    """RT111 for a file of a single object."""
    return finding("RT111", "the file is empty", hint="Write one JSON object.")


@rule("RT112")
def nested_too_deeply() -> Finding:
    """Lists or objects are nested too deeply.

    The limit keeps such input from exhausting memory; a record needs five levels.
    Example: `[[[[` and so on until 65 lists are open - the limit is 64.
    Hint: Write the record in the shape of the schema.
    """
    return finding("RT112", f"more than {MAX_DEPTH} levels of lists and objects")


@rule("RT113")
def too_many_invalid_lines(count: int) -> Finding:
    """A file has too many invalid lines to go on.

    It is not a file of records, or all of its lines have the same fault. The limit is 10,000 lines.
    Example: a text file of 10,000 lines - none of them is a record.
    Hint: Check what the file is, or correct the findings before this one first.
    """
    return finding("RT113", f"{count} lines are invalid; the rest of the file was not read")
