"""Where bytes come from: paths, standard input, fsspec URLs and members of zip archives."""

from __future__ import annotations

import atexit
import hashlib
import io
import os
import shutil
import stat
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Final

from retold.model.findings import UnreadableError
from retold.model.packages import require

__all__ = [
    "ARCHIVE_ERRORS",
    "MAX_LINE",
    "MAX_RATIO",
    "Source",
    "digest_of",
    "is_folder",
    "memory_source",
    "open_bytes",
    "sha256",
]

#: Longest line that is read, in bytes; a longer one is a finding, and memory stays bounded.
MAX_LINE: Final = 64 * 1024 * 1024
#: Largest compression ratio of what is large; records compress to about a tenth.
MAX_RATIO: Final = 200
#: What reading a damaged, encrypted or foreign archive raises; RuntimeError is how zipfile asks for a password.
ARCHIVE_ERRORS: Final = (OSError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)
#: Lines of records are longer than the default buffer, and a line that crosses its end is copied twice.
_BUFFER: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Source:
    """Records in a file, a path or fsspec URL, or in a member of an archive; its name is that of messages."""

    name: str
    path: str
    member: str | None = None

    @classmethod
    def of(cls, path: str | Path) -> Source:
        """A file by its path or URL; ``-`` is standard input, spooled so that it can be read more than once."""
        path = str(path)
        if path != "-":
            return cls(path, path)
        if sys.stdin is None:
            raise UnreadableError("standard input is closed")
        return cls("<stdin>", _spool(sys.stdin.buffer))

    @property
    def is_parquet(self) -> bool:
        return (self.member or self.path).lower().endswith(".parquet")

    def open(self) -> IO[bytes]:
        """Open for reading; UnreadableError if it is missing, a folder, a pipe or a device, or not permitted."""
        if self.member is None:
            return open_bytes(self.path)
        try:
            return zipfile.ZipFile(open_bytes(self.path)).open(self.member)
        except ARCHIVE_ERRORS as error:
            raise UnreadableError(f"{self.name}: cannot read from the archive ({error})") from error


@lru_cache(maxsize=1)
def _spool(stream: IO[bytes]) -> str:
    """Copy a stream to a temporary file that lives as long as the process; returns its path."""
    head = stream.read(4)
    path, spool = _temporary(".parquet" if head == b"PAR1" else ".jsonl")
    with spool:
        spool.write(head)
        shutil.copyfileobj(stream, spool)
    return path


def _temporary(suffix: str) -> tuple[str, IO[bytes]]:
    """A file that lives as long as the process."""
    handle, path = tempfile.mkstemp(prefix="retold-", suffix=suffix)
    atexit.register(Path(path).unlink, missing_ok=True)
    return path, os.fdopen(handle, "wb")


def open_bytes(path: str) -> IO[bytes]:
    """Open a local path or an fsspec URL for reading bytes; a local file must be a regular one."""
    if "://" in path:
        return io.BufferedReader(_Remote(path), _BUFFER)
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISREG(mode):
            return open(path, "rb", buffering=_BUFFER)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UnreadableError(f"{path}: {reason}") from error
    raise UnreadableError(f"{path}: {'is a folder, expected a file' if stat.S_ISDIR(mode) else 'not a regular file'}")


class _Remote(io.RawIOBase):
    """A file by its fsspec URL. Drivers raise what they like, at once or while reading; here it is UnreadableError."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._stream: Any = None
        fsspec = require("fsspec", path)
        if path.startswith("hf://"):
            require("huggingface_hub", path)
        self._stream = self._asked(lambda: fsspec.open(path, "rb").open())

    def _asked(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except FileNotFoundError as error:
            raise UnreadableError(f"{self._path}: no such file") from error
        except Exception as error:
            reason = (str(error).splitlines() or [""])[0] or type(error).__name__
            raise UnreadableError(f"{self._path}: cannot be read ({reason})") from error

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._stream.seekable())

    def readinto(self, buffer: Any) -> int:
        data = self._asked(lambda: self._stream.read(len(buffer)))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return int(self._asked(lambda: self._stream.seek(offset, whence)))

    def tell(self) -> int:
        return int(self._stream.tell())

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        super().close()


def sha256(path: Path | str | Source) -> str:
    """SHA-256 of the bytes of a file, or of a member of an archive, in hexadecimal."""
    with path.open() if isinstance(path, Source) else open_bytes(str(path)) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]


def is_folder(path: Path | str) -> bool:
    """Whether a path is a folder, which a URL or a name that no file can have is not."""
    return "://" not in str(path) and os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises on some names


def digest_of(hashes: Mapping[str, str]) -> str:
    """SHA-256 of the lines that sha256sum prints for files by path, sorted by path."""
    listing = "".join(f"{digest}  {path}\n" for path, digest in sorted(hashes.items()))
    return hashlib.sha256(listing.encode("utf-8", "backslashreplace")).hexdigest()


def memory_source(name: str, lines: Iterable[bytes]) -> Source:
    """Lines in memory as a file that can be read more than once, and that lives as long as the process."""
    path, spool = _temporary(".jsonl")
    with spool:
        spool.writelines(line + b"\n" for line in lines)
    return Source(name, path)
