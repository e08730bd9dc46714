"""Submissions: a file of records, a folder with a card, or a .zip of such a folder."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import msgspec

from retold.io.jsonl import decode_json, read_json, read_lines
from retold.io.sources import ARCHIVE_ERRORS, MAX_LINE, Source, memory_source, open_bytes
from retold.model.annotations import AnnotationRecord, SubmissionCard
from retold.model.findings import UnreadableError

__all__ = ["Submission", "open_submission", "submission_of"]

#: Largest member that is taken out of an archive, in bytes.
MAX_MEMBER: Final = 16 * 1024**3
#: Largest compression ratio of a large member; records compress to about a tenth.
MAX_RATIO: Final = 200
_PREDICTIONS: Final = ("predictions.jsonl", "predictions.parquet")


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
                yield decode_json(decoder, line, self.records.name, number)


def open_submission(path: str | Path) -> Submission:
    """Find the records and the card of a submission: a file, a folder, a .zip, or ``-`` for standard input.

    Raises:
        UnreadableError: the path is missing, or has no predictions.
        FindingsError: the card is invalid.
    """
    path = str(path)
    if path == "-":
        return Submission("stdin", Source.of(path), None)
    if path.lower().endswith(".zip"):
        return _open_zip(path)
    if "://" not in path and os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises on a name that is too long
        folder = Path(path)
        name = _predictions_file(path, sorted(entry.name for entry in folder.iterdir()))
        card_file = folder / "submission.json"
        card = read_json(card_file, SubmissionCard) if card_file.exists() else None
        return Submission(card.name if card else _printable(folder.resolve().name), Source.of(folder / name), card)
    with open_bytes(path):
        pass
    return Submission(_printable(PurePosixPath(path).stem), Source.of(path), None)


def _printable(name: str) -> str:
    """A file name as text that can be encoded; bytes that are not UTF-8 become U+FFFD."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _open_zip(path: str) -> Submission:
    with open_bytes(path) as stream:
        try:
            infos = [info for info in zipfile.ZipFile(stream).infolist() if not info.is_dir()]
        except (*ARCHIVE_ERRORS, ValueError) as error:
            raise UnreadableError(f"{path}: not a readable zip archive ({error})") from error
    members = {info.filename: info for info in infos}
    if len(members) < len(infos):
        raise UnreadableError(f"{path}: has several members of the same name")
    # Only the names are used, nothing is unpacked to the file system: a member cannot land outside a folder.
    name = _predictions_file(path, list(members))
    _refuse_unsafe(path, members[name])
    card = None
    card_name = str(PurePosixPath(name).with_name("submission.json"))
    if card_name in members:
        try:
            with open_bytes(path) as packed, zipfile.ZipFile(packed).open(card_name) as member:
                data = member.read(MAX_LINE)
        except ARCHIVE_ERRORS as error:
            raise UnreadableError(f"{path}: cannot read {card_name} ({error})") from error
        card = decode_json(msgspec.json.Decoder(SubmissionCard), data, f"{path}/{card_name}")
    records = Source(f"{path}/{name}", path, name)
    return Submission(card.name if card else _printable(PurePosixPath(path).stem), records, card)


def _refuse_unsafe(path: str, member: zipfile.ZipInfo) -> None:
    """Refuse what no honest archive has: names that lead out of a folder, links, and bombs."""
    name = PurePosixPath(member.filename)
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnreadableError(f"{path}: {name} is not compressed with deflate")
    if name.is_absolute() or ".." in name.parts:
        raise UnreadableError(f"{path}: {name} is outside the archive")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise UnreadableError(f"{path}: {name} is a link")
    if member.file_size > MAX_MEMBER:
        raise UnreadableError(f"{path}: {name} is larger than {MAX_MEMBER} bytes")
    if member.file_size > MAX_LINE and member.file_size > MAX_RATIO * member.compress_size:
        raise UnreadableError(f"{path}: {name} unpacks to more than {MAX_RATIO} times its size")


def _predictions_file(path: str, names: list[str]) -> str:
    """The one file of predictions among the names of a folder or an archive."""
    found = [name for name in names if PurePosixPath(name).name.lower() in _PREDICTIONS]
    if len(found) > 1:
        raise UnreadableError(f"{path}: has more than one file of predictions ({', '.join(found)}); keep one")
    if not found:
        raise UnreadableError(f"{path}: has neither {' nor '.join(_PREDICTIONS)}")
    return found[0]


def submission_of(records: Iterable[Any], name: str) -> Submission:
    """A submission of records in memory (dicts or records), written to a temporary file."""
    return Submission(name, memory_source(f"<{name}>", (msgspec.json.encode(record) for record in records)), None)
