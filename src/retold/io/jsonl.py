"""The one reader of JSON: whole files, lines (or Parquet rows as such lines), or lines looked up by document."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from retold.io.sources import ARCHIVE_ERRORS, MAX_LINE, Source
from retold.model.findings import Finding, FindingsError, UnreadableError
from retold.rules.bytes import LineDecoder, line_too_long, refusal

__all__ = [
    "Line",
    "Lines",
    "Lookup",
    "count_lines",
    "read_all",
    "read_bytes",
    "read_lines",
    "read_one",
    "read_valid",
    "without_end",
]

#: Line number from 1, and the bytes without the line end.
Line = tuple[int, bytes]


def read_lines(source: Source, wanted: Callable[[int], bool] | None = None) -> Iterator[Line]:
    """Yield the lines of a file of JSON Lines, or each Parquet row as such a line; only those of ``wanted`` numbers.

    Blank lines are yielded as empty bytes; the rules decide what they mean. A line longer than ``MAX_LINE`` is a
    FindingsError, as is a truncated Parquet file.
    """
    if source.is_parquet:
        from retold.io.parquet import read_rows

        yield from read_rows(source, wanted)
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
                raise refusal(line_too_long("line", MAX_LINE), source.name, number)
            if wanted is None or wanted(number):
                yield number, without_end(line)


def without_end(line: bytes) -> bytes:
    """A line without its end; a blank one is empty."""
    # isspace() looks at one byte of a record, strip() would copy it.
    return b"" if line.isspace() else line.removesuffix(b"\n").removesuffix(b"\r")


def count_lines(source: Source) -> int:
    """Number of records: lines that are not blank, or Parquet rows."""
    if source.is_parquet:
        from retold.io.parquet import count_rows

        return count_rows(source)
    return sum(1 for _, line in read_lines(source) if line)


def read_all(path: Path | str | Source, decoder: LineDecoder) -> list[Any]:
    """The records of a whole file; for the small files of a corpus. What is wrong in any line is raised at the end."""
    refused: list[Finding] = []
    records = [record for _, record in read_valid(path, decoder, refused)]
    if refused:
        raise FindingsError(refused)
    return records


def read_valid(path: Path | str | Source, decoder: LineDecoder, refused: list[Finding]) -> Iterator[tuple[int, Any]]:
    """The valid records with their lines; what is wrong with the others is added to ``refused``, up to 1,000 of it."""
    source = path if isinstance(path, Source) else Source.of(path)
    for number, line in read_lines(source):
        record, found = decoder.decode(line, number=number, file=source.name) if line else (None, [])
        refused += found
        if record is not None and not found:
            yield number, record
        elif len(refused) > 1_000:
            return


def read_bytes(source: Source) -> bytes:
    """The bytes of a file of one JSON value."""
    try:
        with source.open() as stream:
            data = stream.read(MAX_LINE + 1)
    except UnreadableError:
        raise
    except ARCHIVE_ERRORS as error:
        raise UnreadableError(f"{source.name}: {error}") from error
    if len(data) > MAX_LINE:
        raise refusal(line_too_long("file", MAX_LINE), source.name)
    return data


def read_one(path: Path | str | Source, decoder: LineDecoder) -> Any:
    """The single object of a file."""
    source = path if isinstance(path, Source) else Source.of(path)
    return decoder.require(read_bytes(source), None, source.name)


class Lines:
    """Lines of one or several files, only those of ``wanted`` numbers; ``file`` is the file of the last line."""

    def __init__(self, sources: Sequence[Source], wanted: Callable[[int], bool] | None = None) -> None:
        self._sources, self._wanted = sources, wanted
        self.file = sources[0].name if sources else ""

    def __iter__(self) -> Iterator[Line]:
        for source in self._sources:
            self.file = source.name
            yield from read_lines(source, self._wanted)


class Lookup:
    """Records of a file by document, read once from front to back.

    Two files in the same order are joined in constant memory. A record that comes before it is asked for is spooled to
    a temporary file; memory holds only its key and offset. ``decode`` takes a line, its number and its file.
    """

    def __init__(self, lines: Lines, decode: Callable[[bytes, int, str], Any]) -> None:
        self._files, self._lines = lines, iter(lines)
        self._decode = decode
        self._spool: IO[bytes] | None = None
        #: Document -> offset in the spool, length, line number, file.
        self._spooled: dict[str, tuple[int, int, int, str]] = {}
        self._end = 0
        self.line, self.number, self.file = b"", 0, ""
        #: Keys that came again before they were asked for, with line and file; the first record is kept.
        self.repeated: list[tuple[str, int, str]] = []

    def get(self, document_id: str) -> Any | None:
        """Return and forget the record of a document; None where the file has no (further) one.

        Then ``line`` holds its bytes, ``number`` its line number and ``file`` the name of the file.
        """
        if (entry := self._spooled.pop(document_id, None)) is not None and self._spool is not None:
            start, size, self.number, self.file = entry
            self._spool.seek(start)
            self.line = self._spool.read(size)
            return self._decode(self.line, self.number, self.file)
        for number, line in self._lines:
            if line:
                record = self._decode(line, number, self._files.file)
                if record.document_id == document_id:
                    self.line, self.number, self.file = line, number, self._files.file
                    return record
                self._keep(record.document_id, line, number)
        return None

    def rest(self) -> Iterator[Any]:
        """Yield the records that were never asked for, in no particular order."""
        for number, line in self._lines:
            if line:
                self.line, self.number, self.file = line, number, self._files.file
                yield self._decode(line, number, self.file)
        for key in list(self._spooled):
            yield self.get(key)

    def _keep(self, key: str, line: bytes, number: int) -> None:
        if key in self._spooled:
            self.repeated.append((key, number, self._files.file))
            return
        if self._spool is None:
            self._spool = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the lookup
        self._spool.seek(self._end)
        self._spool.write(line)
        self._spooled[key] = self._end, len(line), number, self._files.file
        self._end += len(line)

    def __enter__(self) -> Lookup:
        return self

    def __exit__(self, *_: object) -> None:
        """Delete the spool."""
        if self._spool is not None:
            self._spool.close()
