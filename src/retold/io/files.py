"""The one room that opens data.

Lines, Parquet rows, archives and object stores in; files written whole or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, TextIO

import msgspec

from retold.model.annotations import AnnotationRecord, SubmissionCard
from retold.model.findings import Finding, FindingsError, UnreadableError

__all__ = [
    "MAX_LINE",
    "Line",
    "Lookup",
    "Source",
    "Submission",
    "append_line",
    "count_lines",
    "nowhere",
    "open_submission",
    "read_jsonl",
    "read_lines",
    "sha256",
    "write_atomic",
]

#: Longest line that is read, in bytes; a longer one is a finding, and memory stays bounded.
MAX_LINE: Final = 64 * 1024 * 1024
#: Largest member that is taken out of an archive, in bytes.
MAX_MEMBER: Final = 16 * 1024**3
#: Most times its packed size that a large member may unpack to; records pack to about a tenth.
MAX_RATIO: Final = 200
_PREDICTIONS: Final = ("predictions.jsonl", "predictions.parquet")
#: What reading a damaged, locked or foreign archive raises; RuntimeError is how zipfile asks for a password.
_DAMAGED: Final = (OSError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)

#: Lines of records are longer than the usual buffer, and a line that crosses it is copied twice.
_BUFFER: Final = 1 << 18

Line = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Source:
    """Records in a file: a path or fsspec URL, or a member of an archive.

    Attributes:
        name: how messages call it.
        path: the file, or the archive that holds it.
        member: name inside the archive, None for a file of its own.
    """

    name: str
    path: str
    member: str | None = None

    @property
    def is_parquet(self) -> bool:
        return (self.member or self.path).endswith(".parquet")

    def open(self) -> IO[bytes]:
        """Open for reading.

        Raises:
            UnreadableError: missing, a directory, a pipe or a device, or not permitted.
        """
        if self.member is not None:
            try:
                return zipfile.ZipFile(open_bytes(self.path)).open(self.member)
            except _DAMAGED as error:
                raise UnreadableError(f"{self.name}: cannot be read from the archive ({error})") from error
        return open_bytes(self.path)


@dataclass(frozen=True, slots=True)
class Submission:
    """What was submitted: the records of a system and, where given, its card."""

    name: str
    records: Source
    card: SubmissionCard | None

    def read(self) -> Iterator[AnnotationRecord]:
        """Yield the records, decoded but not checked against a corpus.

        Raises:
            FindingsError: a line is not a record.
            UnreadableError: the file cannot be read.
        """
        decoder = msgspec.json.Decoder(AnnotationRecord)
        for number, line in read_lines(self.records):
            if line:
                try:
                    yield decoder.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                    raise FindingsError([_malformed(self.records.name, number, error)]) from error


def open_bytes(path: str) -> IO[bytes]:
    """Open a local path or an fsspec URL for reading bytes; only regular files are opened."""
    if "://" in path:
        import fsspec

        try:
            opened: IO[bytes] = fsspec.open(path, "rb").open()
        except (OSError, ValueError, ImportError) as error:
            raise UnreadableError(f"{path}: {error}") from error
        return opened
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise UnreadableError(f"{path}: is a folder, a file was expected")
        if not stat.S_ISREG(mode):
            raise UnreadableError(f"{path}: is not a regular file")
        return open(path, "rb", buffering=_BUFFER)
    except UnreadableError:
        raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UnreadableError(f"{path}: {reason}") from error


def read_lines(source: Source) -> Iterator[Line]:
    """Yield (line number from 1, bytes without the line end) of JSON Lines, or each Parquet row as such a line.

    Lines of white space come as empty bytes; what to make of them is the rules' business.

    Raises:
        UnreadableError: the file cannot be opened.
        FindingsError: a line is longer than ``MAX_LINE``, or a Parquet file is torn.
    """
    if source.is_parquet:
        yield from _read_parquet(source)
        return
    with source.open() as stream:
        number = 0
        while True:
            try:
                line = stream.readline(MAX_LINE + 1)
            except _DAMAGED as error:
                raise UnreadableError(f"{source.name}: {error}") from error
            if not line:
                return
            number += 1
            if len(line) > MAX_LINE:
                raise FindingsError(
                    [
                        Finding(
                            code="RT106",
                            severity="error",
                            message=f"the line is longer than {MAX_LINE} bytes",
                            cure="Write one document per line.",
                            file=source.name,
                            line=number,
                        )
                    ]
                )
            # Telling white space from a record looks at one byte of a record.
            yield number, b"" if line.isspace() else line.removesuffix(b"\n").removesuffix(b"\r")


def _read_parquet(source: Source) -> Iterator[Line]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with contextlib.ExitStack() as stack:
            stream: Any = stack.enter_context(source.open())
            if source.member is not None:
                # Archives do not seek, and Parquet begins at the end.
                packed, stream = stream, stack.enter_context(tempfile.TemporaryFile())
                shutil.copyfileobj(packed, stream)
                stream.seek(0)
            for batch in pq.ParquetFile(stream).iter_batches(batch_size=256):
                for row in batch.to_pylist():
                    number += 1
                    yield number, msgspec.json.encode(_without_nulls(row))
    except (pa.ArrowException, msgspec.MsgspecError, TypeError, ValueError, *_DAMAGED) as error:
        if isinstance(error, UnreadableError):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise FindingsError(
            [
                Finding(
                    code="RT110",
                    severity="error",
                    message=f"not a readable Parquet file: {reason[:200]}",
                    cure="Write the file again; an interrupted write leaves no footer.",
                    file=source.name,
                    line=number or None,
                )
            ]
        ) from error


def _without_nulls(value: Any) -> Any:
    """Parquet has no absent fields: a null field was not given. ``kb_id`` alone may be null, and means the same."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def count_lines(source: Source) -> int:
    """Number of records: lines that are not blank, or Parquet rows."""
    return sum(1 for _, line in read_lines(source) if line)


class Lookup:
    """Records of a file by document, read once from front to back.

    Two files in the same order are joined without keeping anything. A record that comes before it is asked for is
    spooled to a temporary file; memory holds only its key and place.

    Args:
        lines: (line number, bytes) in the order of the file.
        kind: type of the records; it has a ``document_id``.
        name: how messages call the file.

    Raises (from ``get`` and ``rest``):
        FindingsError: a line is not a ``kind``.
    """

    def __init__(self, lines: Iterator[Line], kind: type[Any], name: str) -> None:
        self._lines = lines
        self._decoder = msgspec.json.Decoder(kind)
        self._name = name
        self._spool: IO[bytes] | None = None
        self._places: dict[str, tuple[int, int, int]] = {}
        self._end = 0
        self.line, self.number = b"", 0
        #: Keys that came again before they were asked for, and the line of each; the first record stands.
        self.repeated: list[tuple[str, int]] = []

    def get(self, document_id: str) -> Any | None:
        """Return and forget the record of a document, or None where the file has none (left).

        ``line`` then holds its bytes, ``number`` says in which line of the file they stand.
        """
        if (place := self._places.pop(document_id, None)) is not None and self._spool is not None:
            start, size, self.number = place
            self._spool.seek(start)
            self.line = self._spool.read(size)
            return self._decoder.decode(self.line)
        for number, line in self._lines:
            if line:
                record = self._decode(number, line)
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
                yield self._decode(number, line)
        for key in list(self._places):
            found = self.get(key)
            if found is not None:
                yield found

    def _decode(self, number: int, line: bytes) -> Any:
        try:
            return self._decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise FindingsError([_malformed(self._name, number, error)]) from error

    def _keep(self, key: str, line: bytes, number: int) -> None:
        if key in self._places:
            self.repeated.append((key, number))
            return
        if self._spool is None:
            self._spool = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the lookup
        self._spool.seek(self._end)
        self._spool.write(line)
        self._places[key] = self._end, len(line), number
        self._end += len(line)

    def close(self) -> None:
        """Drop the spool."""
        if self._spool is not None:
            self._spool.close()

    def __enter__(self) -> Lookup:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_jsonl(path: Path | str, kind: type[Any]) -> list[Any]:
    """Read a whole JSON Lines file of one type; for the small files of a corpus (catalogues, claims).

    Raises:
        UnreadableError: the file cannot be opened.
        FindingsError: a line is not a ``kind``.
    """
    decoder = msgspec.json.Decoder(kind)
    source = Source(str(path), str(path))
    records = []
    for number, line in read_lines(source):
        if not line:
            continue
        try:
            records.append(decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise FindingsError([_malformed(source.name, number, error)]) from error
    return records


def read_json(path: Path | str, kind: type[Any]) -> Any:
    """Read one JSON file of one type; raises as ``read_jsonl`` does."""
    with open_bytes(str(path)) as stream:
        data = stream.read(MAX_LINE)
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FindingsError([_malformed(str(path), None, error)]) from error


def _malformed(name: str, line: int | None, error: Exception) -> Finding:
    return Finding(
        code="RT201" if isinstance(error, msgspec.ValidationError) else "RT102",
        severity="error",
        message=str(error),
        cure="Compare the file with its schema in schema/.",
        file=name,
        line=line,
    )


def open_submission(path: str | Path) -> Submission:
    """Find the records and the card of a submission: a file of records, a folder, or a .zip of such a folder.

    Raises:
        UnreadableError: the path is missing, or holds no predictions.
        FindingsError: the card is at fault.
    """
    path = str(path)
    if path.endswith(".zip"):
        return _open_zip(path)
    if "://" not in path and os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises on a name that is too long
        folder = Path(path)
        name = _the_one(path, [name for name in _PREDICTIONS if (folder / name).exists()])
        card_file = folder / "submission.json"
        card = read_json(card_file, SubmissionCard) if card_file.exists() else None
        records = Source(str(folder / name), str(folder / name))
        return Submission(card.name if card else _shown(folder.resolve().name), records, card)
    with open_bytes(path):
        pass
    return Submission(_shown(PurePosixPath(path).stem), Source(path, path), None)


def _shown(name: str) -> str:
    """A file's name as text that can be written: bytes that are no text become the sign for that."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _open_zip(path: str) -> Submission:
    with open_bytes(path) as stream:
        try:
            infos = [info for info in zipfile.ZipFile(stream).infolist() if not info.is_dir()]
        except (*_DAMAGED, ValueError) as error:
            raise UnreadableError(f"{path}: not a readable zip archive ({error})") from error
    members = {info.filename: info for info in infos}
    if len(members) < len(infos):
        raise UnreadableError(f"{path}: has several files of one name; which of them is meant cannot be told")
    # The names alone are used, nothing is unpacked to the file system: a member cannot land outside a folder.
    name = _the_one(path, [member for member in members if PurePosixPath(member).name in _PREDICTIONS])
    if members[name].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnreadableError(f"{path}: {name} is packed in another way than deflate")
    _refuse_unsafe(path, members[name])
    card = None
    card_name = str(PurePosixPath(name).with_name("submission.json"))
    if card_name in members:
        try:
            with open_bytes(path) as packed, zipfile.ZipFile(packed).open(card_name) as member:
                data = member.read(MAX_LINE)
        except _DAMAGED as error:
            raise UnreadableError(f"{path}: {card_name} cannot be read ({error})") from error
        try:
            card = msgspec.json.decode(data, type=SubmissionCard)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise FindingsError([_malformed(f"{path}/{card_name}", None, error)]) from error
    records = Source(f"{path}/{name}", path, name)
    return Submission(card.name if card else _shown(PurePosixPath(path).stem), records, card)


def _refuse_unsafe(path: str, member: zipfile.ZipInfo) -> None:
    """Refuse what no honest archive holds: names that lead out of a folder, links, and bombs."""
    where = PurePosixPath(member.filename)
    if where.is_absolute() or ".." in where.parts:
        raise UnreadableError(f"{path}: {member.filename} leads out of the archive")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise UnreadableError(f"{path}: {member.filename} is a link")
    if member.file_size > MAX_MEMBER:
        raise UnreadableError(f"{path}: {member.filename} is larger than {MAX_MEMBER} bytes")
    if member.file_size > MAX_LINE and member.file_size > MAX_RATIO * member.compress_size:
        raise UnreadableError(f"{path}: {member.filename} unpacks to more than {MAX_RATIO} times its size")


def _the_one(path: str, present: list[str]) -> str:
    """The predictions of a folder or archive: exactly one file of them."""
    if len(present) > 1:
        raise UnreadableError(f"{path}: has more than one file of predictions ({', '.join(present)}); keep one")
    if not present:
        raise UnreadableError(f"{path}: has neither {' nor '.join(_PREDICTIONS)}")
    return present[0]


def write_atomic(path: Path | str, pieces: bytes | str | Iterable[bytes]) -> None:
    """Write a file beside its name and rename it: readers see the old file or the new one, never a part.

    A link stays, and what it leads to is written. A device or a pipe has no old content and is written as it stands.
    """
    name, path = path, Path(path)
    if isinstance(pieces, str):
        pieces = pieces.encode()
    if isinstance(pieces, bytes):
        pieces = [pieces]
    try:
        standing = _standard_stream(path)
        if standing is not None or (path.exists() and not path.is_file() and not path.is_dir()):
            with open(path if standing is None else os.dup(standing), "wb") as stream:
                stream.writelines(pieces)
            return
        path = Path(os.path.realpath(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise UnreadableError(f"{name}: cannot be written ({error.strerror})") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.writelines(pieces)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise UnreadableError(f"{name}: cannot be written ({error.strerror})") from error
        raise


def _standard_stream(path: Path) -> int | None:
    """The descriptor of standard output or error, where a path such as /dev/stdout leads to it."""
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            if os.path.samestat(os.stat(path), os.fstat(descriptor)):
                return descriptor
    return None


def append_line(path: Path, line: bytes) -> None:
    """Add a line to a file, which is made where it is missing; a process that is cut off leaves at most a torn line."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a+b") as stream:
            # A torn last line must not swallow this one.
            if stream.tell() and stream.seek(-1, os.SEEK_END) >= 0 and stream.read(1) != b"\n":
                stream.write(b"\n")
            stream.write(line + b"\n")
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be written ({error.strerror})") from error


def nowhere() -> TextIO:
    """A stream whose text nobody reads."""
    return open(os.devnull, "w", encoding="utf-8")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def sha256(path: Path | str | Source) -> str:
    """SHA-256 of the bytes of a file, or of a member of an archive, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open() if isinstance(path, Source) else open_bytes(str(path)) as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
