"""Lines of JSON (or Parquet rows as such lines), one after the other or looked up by document."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from retold.io.sources import ARCHIVE_ERRORS, MAX_LINE, Source
from retold.model.findings import Finding, FindingsError, UnreadableError

__all__ = ["Line", "Lookup", "count_lines", "decode_json", "read_json", "read_jsonl", "read_lines"]

#: Line number from 1, and the bytes without the line end.
Line = tuple[int, bytes]


def read_lines(source: Source) -> Iterator[Line]:
    """Yield the lines of a file of JSON Lines, or each Parquet row as such a line.

    Blank lines are yielded as empty bytes; the rules decide what they mean.

    Raises:
        UnreadableError: the file cannot be opened.
        FindingsError: a line is longer than ``MAX_LINE``, or a Parquet file is truncated.
    """
    if source.is_parquet:
        from retold.io.parquet import read_rows

        yield from read_rows(source)
        return
    with source.open() as stream:
        number = 0
        while True:
            try:
                line = stream.readline(MAX_LINE + 1)
            except ARCHIVE_ERRORS as error:
                raise UnreadableError(f"{source.name}: {error}") from error
            if not line:
                return
            number += 1
            if len(line) > MAX_LINE:
                found = Finding(
                    code="RT106",
                    severity="error",
                    message=f"the line is longer than {MAX_LINE} bytes",
                    hint="Write one document per line.",
                    file=source.name,
                    line=number,
                )
                raise FindingsError([found])
            # isspace() looks at one byte of a record, strip() would copy it.
            yield number, b"" if line.isspace() else line.removesuffix(b"\n").removesuffix(b"\r")


def count_lines(source: Source) -> int:
    """Number of records: lines that are not blank, or Parquet rows."""
    if source.is_parquet:
        from retold.io.parquet import count_rows

        return count_rows(source)
    return sum(1 for _, line in read_lines(source) if line)


def decode_json(decoder: msgspec.json.Decoder[Any], data: bytes, name: str, number: int | None = None) -> Any:
    """Decode JSON; an error is a finding in line ``number`` of the file ``name``.

    Raises:
        FindingsError: RT102 for malformed JSON, RT201 for JSON of another shape.
    """
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        found = Finding(
            code="RT201" if isinstance(error, msgspec.ValidationError) else "RT102",
            severity="error",
            message=str(error),
            hint="Compare the file with its schema in schema/.",
            file=name,
            line=number,
        )
        raise FindingsError([found]) from error


def read_jsonl(path: Path | str, kind: type[Any]) -> list[Any]:
    """Read a whole JSON Lines file of one type; for the small files of a corpus (catalogues, claims).

    Raises:
        UnreadableError: the file cannot be opened.
        FindingsError: a line is not a ``kind``.
    """
    decoder = msgspec.json.Decoder(kind)
    source = Source.of(path)
    return [decode_json(decoder, line, source.name, number) for number, line in read_lines(source) if line]


def read_json(path: Path | str, kind: type[Any]) -> Any:
    """Read one JSON file of one type; raises as ``read_jsonl`` does."""
    source = Source.of(path)
    with source.open() as stream:
        return decode_json(msgspec.json.Decoder(kind), stream.read(MAX_LINE), source.name)


class Lookup:
    """Records of a file by document, read once from front to back.

    Two files in the same order are joined in constant memory. A record that comes before it is asked for is spooled to
    a temporary file; memory holds only its key and offset.

    Args:
        lines: (line number, bytes) in the order of the file.
        decode: (line, its number) -> record with a ``document_id``; raises FindingsError for any other line.
    """

    def __init__(self, lines: Iterator[Line], decode: Callable[[bytes, int], Any]) -> None:
        self._lines = lines
        self._decode = decode
        self._spool: IO[bytes] | None = None
        #: Document -> offset in the spool, length, line number.
        self._spooled: dict[str, tuple[int, int, int]] = {}
        self._end = 0
        self.line, self.number = b"", 0
        #: Keys that came again before they were asked for, and the line of each; the first record is kept.
        self.repeated: list[tuple[str, int]] = []

    def get(self, document_id: str) -> Any | None:
        """Return and forget the record of a document; None where the file has no (further) one.

        Then ``line`` holds its bytes and ``number`` its line number.
        """
        if (entry := self._spooled.pop(document_id, None)) is not None and self._spool is not None:
            start, size, self.number = entry
            self._spool.seek(start)
            self.line = self._spool.read(size)
            return self._decode(self.line, self.number)
        for number, line in self._lines:
            if line:
                record = self._decode(line, number)
                if record.document_id == document_id:
                    self.line, self.number = line, number
                    return record
                self._keep(record.document_id, line, number)
        return None

    def rest(self) -> Iterator[Any]:
        """Yield the records that were never asked for, in no particular order."""
        for number, line in self._lines:
            if line:
                self.line, self.number = line, number
                yield self._decode(line, number)
        for key in list(self._spooled):
            yield self.get(key)

    def _keep(self, key: str, line: bytes, number: int) -> None:
        if key in self._spooled:
            self.repeated.append((key, number))
            return
        if self._spool is None:
            self._spool = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the lookup
        self._spool.seek(self._end)
        self._spool.write(line)
        self._spooled[key] = self._end, len(line), number
        self._end += len(line)

    def close(self) -> None:
        """Delete the spool."""
        if self._spool is not None:
            self._spool.close()

    def __enter__(self) -> Lookup:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
