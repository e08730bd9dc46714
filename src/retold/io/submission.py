"""Submissions: a file of records, a folder with a card, or a .zip of such a folder."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any, Final
from uuid import UUID

import msgspec

from retold.io.jsonl import read_bytes, read_lines
from retold.io.sources import ARCHIVE_ERRORS, MAX_LINE, MAX_RATIO, Source, is_folder, memory_source, open_bytes
from retold.model.annotations import AnnotationRecord, SubmissionCard
from retold.model.findings import Finding, FindingsError, UnreadableError
from retold.rules.bytes import DECODERS, not_json, refusal
from retold.rules.foreign import foreign_file

__all__ = ["Submission", "open_submission", "submission_of"]

#: Largest member that is taken out of an archive, in bytes.
MAX_MEMBER: Final = 16 * 1024**3
_NOT_JSON: Final = (bytes, bytearray, memoryview, date, datetime, time, timedelta, Decimal, UUID)
_PREDICTIONS: Final = ("predictions.jsonl", "predictions.parquet")
Report = Callable[[list[Finding]], None]


@dataclass(frozen=True, slots=True)
class Submission:
    """What was submitted: the records of a system and, where given, its card."""

    name: str
    records: Source
    card: SubmissionCard | None
    #: Where the card is, even if it is invalid.
    card_file: Source | None = None

    def read(self) -> Iterator[AnnotationRecord]:
        """Yield the records, decoded but not checked against a corpus.

        Raises:
            FindingsError: a line is not a record.
            UnreadableError: the file cannot be read.
        """
        for number, line in read_lines(self.records):
            if line:
                yield DECODERS["record"].require(line, number, self.records.name)


def open_submission(path: str | Path, report: Report | None = None) -> Submission:
    """Find the records and the card of a submission: a file, a folder, a .zip, or ``-`` for standard input.

    Args:
        path: what was submitted.
        report: called with the findings of an invalid card; by default they are raised.

    Raises:
        UnreadableError: the path is missing, or has no predictions.
        FindingsError: the card is invalid.
    """
    path = str(path)
    if path == "-":
        return Submission("stdin", Source.of(path), None)
    if path.lower().endswith(".zip"):
        return _open_zip(path, report)
    if is_folder(path):
        folder = Path(path)
        names = sorted(entry.name for entry in folder.iterdir())
        name = _predictions_file(path, names)
        own = Source.of(folder / card) if (card := _card_file(path, names, name)) else None
        return _with_card(folder.resolve().name, Source.of(folder / name), own, report)
    with open_bytes(path):
        pass
    return Submission(_printable(PurePosixPath(path).stem), Source.of(path), None)


def _printable(name: str) -> str:
    """A file name as text that can be encoded; bytes that are not UTF-8 become U+FFFD."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _with_card(name: str, records: Source, card_file: Source | None, report: Report | None) -> Submission:
    """The submission, under the name that its card says."""
    card = None
    if card_file is not None:
        data = read_bytes(card_file)
        card, found = DECODERS["submission"].decode(data, number=None, file=card_file.name)
        if found and report is None:
            raise FindingsError(found)
        if report is not None:
            report(found)
    return Submission(card.name if card else _printable(name), records, card, card_file)


def _open_zip(path: str, report: Report | None) -> Submission:
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
    card = _card_file(path, list(members), name)
    own = Source(f"{path}/{card}", path, card) if card else None
    return _with_card(PurePosixPath(path).stem, Source(f"{path}/{name}", path, name), own, report)


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
        others = [name for name in names if PurePosixPath(name).name.lower() != "submission.json"]
        near = [name for name in others if "predictions." in name.lower()] or others
        has = f", but {', '.join(map(_printable, near[:3]))}{' and others' if len(near) > 3 else ''}" if near else ""
        hint = "; rename or unpack the file of predictions" if has else ""
        if any("\\" in name for name in near):
            hint = "; names with backslashes are not folders: pack it again with /, or name the unpacked folder"
        raise UnreadableError(f"{path}: has neither {' nor '.join(_PREDICTIONS)}{has}{hint}")
    return found[0]


def _card_file(path: str, names: list[str], predictions: str) -> str | None:
    """The card beside the predictions, in upper or lower case."""
    wanted = PurePosixPath(predictions).with_name("submission.json")
    found = [
        name
        for name in names
        if PurePosixPath(name).name.lower() == wanted.name and PurePosixPath(name).parent == wanted.parent
    ]
    if len(found) > 1:
        raise UnreadableError(f"{path}: has more than one card ({', '.join(found)}); keep one")
    return found[0] if found else None


def _plain(value: Any) -> Any:
    """A scalar of NumPy, or a value of a class derived from a type of JSON, as that type.

    Raises:
        TypeError: it is neither.
    """
    kinds: tuple[Any, ...] = (str, bool, int, float, dict, list)
    for kind in kinds:
        if isinstance(value, kind):
            return kind(value)
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        return value.item()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def submission_of(records: Iterable[Any], name: str) -> Submission:
    """A submission of records in memory (dicts or records), which hold JSON values only, in a temporary file."""
    file = f"<{name}>"
    if isinstance(records, Mapping):
        hint = "Give the records as a list, each with its document_id: list(records.values())."
        raise refusal(foreign_file("a mapping", hint), file)

    def line(number: int, record: Any) -> bytes:
        try:
            # msgspec would write NaN as null, and bytes and dates as strings.
            plain = msgspec.to_builtins(record, builtin_types=_NOT_JSON, enc_hook=_plain)
            return json.dumps(plain, default=_plain).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise refusal(not_json(str(error)), file, number) from error

    return Submission(name, memory_source(file, (line(*each) for each in enumerate(records, 1))), None)
