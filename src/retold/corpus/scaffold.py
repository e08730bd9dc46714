"""The folder of a new event, made from plain text files."""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import msgspec

from retold.corpus.load import Corpus, read_manifest
from retold.corpus.proposal import propose
from retold.io.atomic import write_atomic
from retold.io.sources import MAX_LINE, Source
from retold.layers.scheme import default_scheme
from retold.model.annotations import Document, Event, Holder, encode
from retold.model.findings import UnreadableError
from retold.rules.bytes import refusal
from retold.rules.corpus import is_date
from retold.rules.registry import did_you_mean, finding

__all__ = ["documents_named", "language_of", "proposed_document", "read_text", "scaffold_event"]

#: ISO 639-1.
_CODES: Final = frozenset(
    re.findall(
        "..",
        "aaabaeafakamanarasavayazbabebgbibmbnbobrbscacechcocrcscucvcydadedvdzeeeleneoeseteufafffifjfofrfygagdglgngu"
        "gvhahehihohrhthuhyhziaidieigiiikioisitiujajvkakgkikjkkklkmknkokrkskukvkwkylalblglilnloltlulvmgmhmimkmlmnmr"
        "msmtmynanbndnengnlnnnonrnvnyocojomorospapiplpsptqurmrnrorurwsascsdsesgsiskslsmsnsosqsrssstsusvswtatetgthti"
        "tktltntotrtstttwtyugukuruzvevivowawoxhyiyozazhzu",
    )
)
_RIGHTS: Final = "Text: rights remain with the publisher."


def scaffold_event(
    name: str, files: Sequence[str | Path], root: str | Path, *, language: str | None = None, date: str | None = None
) -> Path:
    """Write the folder of a new event and return it.

    Args:
        name: key of the event in kebab case; also the prefix of its documents' keys.
        files: the documents, verbatim, as UTF-8 text, in the order of their keys; ``language_of`` says what their names
            tell of the language.
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
    declared = scheme.manifest.languages
    language = language or next(iter(declared), "en")
    if not (language in _CODES or language in declared or re.fullmatch(r"[a-z]{3}", language)):
        raise ValueError(f"not a valid language code: {language!r} (expected ISO 639, like 'en')")
    folder = Path(root) / "events" / name
    if folder.exists():
        raise UnreadableError(f"{folder}: already exists")
    languages = [language_of(Path(file), declared) or language for file in files]
    documents = [
        proposed_document(Path(file), f"{name}-{number}", code, event=name, date=date or "")
        for number, (file, code) in enumerate(zip(files, languages, strict=True))
    ]
    author = Holder(holder="author", description={"en": "The article's own voice"}, entities=[])
    holders = [author] if "holders" in scheme.event_keys else []
    event = Event(event=name, title="", date=date or "", description="", holders=holders)
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


def language_of(file: Path, declared: Collection[str] = ()) -> str | None:
    """The language that the name of a file gives, as ``two.id.txt`` does.

    It is one that the corpus declares, or, if it declares none, an ISO 639-1 code; such a code that the corpus does not
    declare is a ValueError.
    """
    code = Path(file.stem).suffix[1:].lower()
    if code in declared or (code in _CODES and not declared):
        return code
    if code in _CODES:
        listed = ", ".join(declared)
        raise ValueError(
            f"{file}: {code!r} is not a language of the corpus ({listed}); add it to corpus.json, or rename the file"
        )
    return None


def proposed_document(file: Path, key: str, language: str, *, event: str = "", date: str = "") -> Document:
    """A text file as a document with its proposed division; raises as ``scaffold_event`` does."""
    text = read_text(file)
    if text.startswith("\ufeff"):
        raise refusal(finding("RT104", "the file begins with a byte-order mark"), file)
    if not text.strip():
        raise refusal(finding("RT111", "the file is blank"), file)
    zones, paragraphs, sentences = propose(text)
    return Document(
        document_id=key,
        event=event,
        text=text,
        language=language,
        outlet=None,
        original_source=None,
        published=None,
        event_date=date,
        seed=file.name,
        seed_sha256=hashlib.sha256(text.encode()).hexdigest(),
        zones=zones,
        paragraphs=paragraphs,
        sentences=sentences,
        rights=_RIGHTS,
    )


def read_text(file: Path | str) -> str:
    """The text of a file, or of standard input ("-"); what is not UTF-8 is a FindingsError."""
    with Source.of(str(file)).open() as stream:
        data = stream.read(MAX_LINE + 1)
    if len(data) > MAX_LINE:
        raise UnreadableError(f"{file}: larger than {MAX_LINE} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"not UTF-8: byte 0x{data[error.start]:02x} at byte {error.start + 1}"
        raise refusal(finding("RT101", message), file) from error


def documents_named(names: Sequence[str], corpus: Corpus) -> list[Document]:
    """Documents of a corpus by their keys or that of their event, and text files with a proposed division."""
    found: list[Document] = []
    for name in names:
        if name in corpus.documents:
            found.append(corpus.documents[name])
        elif name in corpus.events:
            found += corpus.documents_of(name).values()
        elif name == "-" or Path(name).is_file():
            declared = corpus.scheme.manifest.languages
            language = language_of(Path(name)) or next(iter(declared), "en")
            found.append(proposed_document(Path(name), name, language))
        else:
            close = did_you_mean(name, [*corpus.documents, *corpus.events]) or "--corpus names another corpus."
            raise UnreadableError(f"{name}: not a document or event of {corpus.title}, nor a text file. {close}")
    return found
