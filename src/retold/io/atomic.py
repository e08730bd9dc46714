"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from retold.model.findings import UnreadableError

__all__ = ["append_line", "devnull", "write_atomic"]


def write_atomic(path: Path | str, pieces: bytes | str | Iterable[bytes]) -> None:
    """Write to a temporary file beside ``path`` and rename it: readers see the old file or the new one, never a part.

    A symbolic link stays, and its target is written. A device or a pipe has no old content and is written directly.

    Raises:
        UnreadableError: the file cannot be written.
    """
    try:
        _write(
            Path(path),
            [pieces.encode()] if isinstance(pieces, str) else [pieces] if isinstance(pieces, bytes) else pieces,
        )
    except UnreadableError:
        raise
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be written ({error.strerror})") from error


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    stream_number = _standard_stream(path)
    if stream_number is not None or (path.exists() and not path.is_file() and not path.is_dir()):
        with open(path if stream_number is None else os.dup(stream_number), "wb") as stream:
            stream.writelines(pieces)
        return
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    # Created with the permissions of any new file.
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.writelines(pieces)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _standard_stream(path: Path) -> int | None:
    """The descriptor of standard output or error, where a path such as /dev/stdout leads to it."""
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            if os.path.samestat(os.stat(path), os.fstat(descriptor)):
                return descriptor
    return None


def append_line(path: Path, line: bytes) -> None:
    """Add a line to a file, creating it if missing; an interrupted process leaves at most a torn last line."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a+b") as stream:
            # A torn last line must not swallow this one.
            if stream.tell() and stream.seek(-1, os.SEEK_END) >= 0 and stream.read(1) != b"\n":
                stream.write(b"\n")
            stream.write(line + b"\n")
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be written ({error.strerror})") from error


def devnull() -> TextIO:
    """A text stream that discards what is written to it."""
    return open(os.devnull, "w", encoding="utf-8")
