"""The folder of a new event, made from plain text files, with a proposed division for annotators to correct.

The proposal follows the usual layout of news pages: a short first line is the title; lines with an author, a date or a
source are byline; lines that ask to share or subscribe are boilerplate; every other line is a paragraph of the body.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from retold.corpus.load import read_manifest
from retold.io.atomic import write_atomic
from retold.io.sources import MAX_LINE, open_bytes
from retold.layers.scheme import default_scheme
from retold.model.annotations import Document, Event, Holder, Span, Zone, ZoneName, encode
from retold.model.findings import Finding, FindingsError, UnreadableError
from retold.model.segment import ANNOTATED_ZONES
from retold.rules import RULES
from retold.rules.corpus import is_date

__all__ = ["propose", "scaffold_event"]

_TITLE_LENGTH: Final = 160
_BYLINE_LENGTH: Final = 100
_NOTICE_LENGTH: Final = 140
_MONTHS: Final = (
    "jan|feb|mar|apr|may|mei|jun|jul|aug|agu|sep|oct|okt|nov|dec|des"  # English and Indonesian, first three letters
)
_BYLINE: Final = re.compile(
    r"(by|oleh|author|penulis|reporter|editor|source|sumber|published|updated|posted|diterbitkan|dipublikasikan)\b",
    re.I,
)
_DATE: Final = re.compile(
    rf"(\w+, ?)?(\d{{4}}-\d\d-\d\d|\d{{1,2}} ({_MONTHS})\w* \d{{4}}|({_MONTHS})\w* \d{{1,2}},? \d{{4}})\b", re.I
)
_NOTICE: Final = re.compile(
    r"(share|bagikan|read more|read also|baca juga|baca selengkapnya|advertisement|iklan|subscribe|sign up|follow us"
    r"|ikuti kami|related|terkait|copyright|©|all rights reserved|click here|klik|comments?\b|komentar)",
    re.I,
)
#: End of a sentence, with closing marks, before white space and something that can begin one.
_END: Final = re.compile(r"[.!?…]+[\"”’»)\]]*(?=\s+[\"“‘«(\[]*[^\W_a-zß-öø-ÿ])")
#: Words whose full stop does not end a sentence, and initials.
_ABBREVIATION: Final = re.compile(
    r"\b((?-i:[A-Z])|mr|mrs|ms|dr|prof|st|gen|col|lt|sgt|sen|rep|gov|jr|sr|no|vs|inc|co|ltd|u\.s|u\.n|u\.k"
    r"|jl|ir|drs|h|hj|tgl|hal|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec)\.$",
    re.I,
)
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
_RIGHTS: Final = "Text: rights remain with the publisher."


def propose(text: str) -> tuple[list[Zone], list[Span], list[Span]]:
    """Proposed zones, paragraphs and sentences of a text; they pass the rules of a corpus."""
    lines = list(_lines(text))
    zones: list[Zone] = []
    paragraphs: list[Span] = []
    sentences: list[Span] = []
    titled = False
    for number, (start, line) in enumerate(lines):
        zone, titled = _zone_of(text[line.start : line.end], titled, alone=number == len(lines) - 1)
        if zones and zones[-1].zone == zone:
            zones[-1] = msgspec.structs.replace(zones[-1], end=line.end)
        else:
            if zones:
                zones[-1] = msgspec.structs.replace(zones[-1], end=start)
            zones.append(Zone(start=start if zones else 0, end=line.end, zone=zone))
        if zone in ANNOTATED_ZONES:
            paragraphs.append(line)
            sentences += [line] if zone == "title" else _sentences(text, line)
    if zones:
        zones[-1] = msgspec.structs.replace(zones[-1], end=len(text))
    elif text:
        zones = [Zone(start=0, end=len(text), zone="boilerplate")]
    return zones, paragraphs, sentences


def _lines(text: str) -> Iterator[tuple[int, Span]]:
    """Lines that are not blank: offset of the line, and its span without white space at the edges."""
    start = 0
    for line in text.split("\n"):
        if words := line.strip():
            first = start + line.index(words)
            yield start, Span(start=first, end=first + len(words))
        start += len(line) + 1


def _zone_of(line: str, titled: bool, *, alone: bool) -> tuple[ZoneName, bool]:
    """The zone of a line, and whether the title has been found."""
    if len(line) <= _NOTICE_LENGTH and _NOTICE.match(line):
        return "boilerplate", titled
    if len(line) <= _BYLINE_LENGTH and (_BYLINE.match(line) or _DATE.match(line)) and not _END.search(line + " X"):
        return "byline", titled
    if not titled and not alone and len(line) <= _TITLE_LENGTH and not _END.search(line + " X"):
        return "title", True
    return "body", True


def _sentences(text: str, line: Span) -> Iterator[Span]:
    start = line.start
    for match in _END.finditer(text, line.start, line.end):
        if _ABBREVIATION.search(text[start : match.end()]):
            continue
        yield Span(start=start, end=match.end())
        start = match.end()
        while text[start].isspace():
            start += 1
    yield Span(start=start, end=line.end)


def scaffold_event(
    name: str, files: Sequence[str | Path], root: str | Path, *, language: str | None = None, date: str | None = None
) -> Path:
    """Write the folder of a new event and return it.

    Args:
        name: key of the event in kebab case; also the prefix of its documents' keys.
        files: the documents, verbatim, as UTF-8 text, in the order of their keys. A name such as ``two.id.txt`` gives
            the language (Indonesian).
        root: folder of the corpus; created if missing.
        language: ISO 639 code for documents whose names give none; by default the first one of the corpus, or English.
        date: of the event, ISO 8601.

    Raises:
        ValueError: the name, the date or the language is invalid, or there are no files.
        UnreadableError: a file cannot be read, or the event already exists.
        FindingsError: a file is blank, or is not UTF-8 without byte-order mark; the manifest of the corpus is invalid.
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise ValueError(f"not a valid key of an event: {name!r} (expected kebab case, like 'river-flood')")
    if date is not None and not is_date(date):
        raise ValueError(f"not a valid date: {date!r} (expected YYYY-MM-DD)")
    if not files:
        raise ValueError("expected at least one document")
    own = Path(root) / "corpus.json"
    scheme = read_manifest(own) if own.exists() else default_scheme()
    language = language or next(iter(scheme.manifest.languages), "en")
    if not _LANGUAGE.fullmatch(language):
        raise ValueError(f"not a valid language code: {language!r} (expected ISO 639, like 'en')")
    folder = Path(root) / "events" / name
    if folder.exists():
        raise UnreadableError(f"{folder}: already exists")
    documents = [_document(f"{name}-{n}", name, Path(f), language, date or "") for n, f in enumerate(files)]
    event = Event(
        event=name,
        title="",
        date=date or "",
        description="",
        holders=[Holder(holder="author", description={"en": "The article's own voice"}, entities=[])]
        if "holders" in scheme.event_keys
        else [],
        targets=[],
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Renamed when complete: an interrupted run must not leave part of an event, which later runs would refuse.
    made = folder.with_name(f".{name}.{secrets.token_hex(4)}")
    made.mkdir()
    try:
        write_atomic(made / "event.json", msgspec.json.format(encode(event), indent=2) + b"\n")
        write_atomic(made / "documents.jsonl", (encode(document) + b"\n" for document in documents))
        for empty in (*scheme.catalogues, "annotators/.gitkeep"):
            write_atomic(made / empty, b"")
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return folder


def _document(key: str, event: str, file: Path, language: str, date: str) -> Document:
    with open_bytes(str(file)) as stream:
        data = stream.read(MAX_LINE + 1)
    if len(data) > MAX_LINE:
        raise UnreadableError(f"{file}: larger than {MAX_LINE} bytes")
    if data.startswith(b"\xef\xbb\xbf"):
        raise _refused("RT104", "the file begins with a byte-order mark", file)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused("RT101", f"not UTF-8: byte 0x{data[error.start]:02x} at byte {error.start + 1}", file) from error
    if not text.strip():
        raise _refused("RT111", "the file is blank", file)
    zones, paragraphs, sentences = propose(text)
    suffix = file.stem.rpartition(".")[2] if "." in file.stem else ""
    fields: dict[str, Any] = {
        "document_id": key,
        "event": event,
        "text": text,
        "language": suffix if _LANGUAGE.fullmatch(suffix) else language,
        "outlet": None,
        "original_source": None,
        "published": None,
        "event_date": date,
        "seed": file.name,
        "seed_sha256": hashlib.sha256(data).hexdigest(),
        "zones": zones,
        "paragraphs": paragraphs,
        "sentences": sentences,
        "rights": _RIGHTS,
    }
    return Document(**fields)


def _refused(code: str, message: str, file: Path) -> FindingsError:
    return FindingsError([Finding(code=code, severity="error", message=message, hint=RULES[code].hint, file=str(file))])
