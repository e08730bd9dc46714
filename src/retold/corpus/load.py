"""A corpus as objects: a release folder (events, documents, catalogues, gold), or a bare file of gold records.

Catalogues are small and read at once. Documents and gold are read when asked for: as lists for a corpus that fits in
memory, or line by line (``document_lines``, ``gold_lines``) for one that does not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

from msgspec import UnsetType

from retold.io.jsonl import Lines, Lookup, read_all, read_bytes, read_lines, read_one, read_valid
from retold.io.sources import Source, digest_of, is_folder, sha256
from retold.layers.scheme import ManifestError, Scheme, default_scheme, manifest_decoder, scheme_from_gold
from retold.model.annotations import AnnotationRecord, CanonicalClaim, Document, Entity, Event, KbStatus, Release
from retold.model.display import Summary
from retold.model.findings import Finding, FindingsError, UnreadableError
from retold.model.manifest import Manifest
from retold.rules import Role, Vocabulary
from retold.rules.bytes import DECODERS, located, no_records, refusal
from retold.rules.corpus import repeated_key
from retold.rules.foreign import HEAD, foreign_file, recognize
from retold.rules.schema import invalid_manifest

__all__ = [
    "Corpus",
    "EventFolder",
    "event_folders",
    "leftovers",
    "load_corpus",
    "load_folder",
    "packaged_corpus",
    "read_manifest",
    "refuse_foreign",
]

#: Name of the manifest in a corpus folder.
MANIFEST: Final = "corpus.json"
#: Begins the hash of a corpus that is not as it was released.
MODIFIED: Final = "modified-"
#: Name of a file or folder while it is written; it is renamed when it is complete.
_PART: Final = re.compile(r"\..+\.[0-9a-f]{8}")


def packaged_corpus() -> Path:
    """Folder of the corpus that comes with the package: inside an installed wheel, or of the checkout."""
    here = Path(__file__).resolve().parents[1]
    installed = here / "data" / "corpus"
    return installed if installed.is_dir() else here.parents[1] / "corpus"


def refuse_foreign(source: Source, line: bytes = b"") -> None:
    """Refuse a file that holds no records (RT114), by its beginning or its first line."""
    if line and source.is_parquet:
        found = recognize(line)
    else:
        with source.open() as stream:
            head = max(stream.read(HEAD), line, key=len)
        if source.is_parquet and head.startswith(b"PAR1"):
            return
        found = recognize(head)
        if found is None and source.is_parquet and head.startswith(b"{"):
            found = "JSON Lines", "Name it with .jsonl."
    if found is not None:
        raise refusal(foreign_file(*found), source.name, 1)


@dataclass(frozen=True)
class EventFolder:
    """One event: its folder and what was read from it."""

    folder: Path
    event: Event
    entities: dict[str, Entity]
    claims: dict[str, CanonicalClaim]

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The keys that a record of this event may use."""
        return Vocabulary(
            event=self.event.event,
            holders=frozenset(holder.holder for holder in self.event.holders),
            targets=frozenset(target.target for target in self.event.targets),
            claims=frozenset(self.claims),
            entities=self.entities,
        )

    @property
    def documents_file(self) -> Path:
        return self.folder / "documents.jsonl"

    @property
    def gold_file(self) -> Path:
        return self.folder / "gold.jsonl"

    @property
    def annotator_files(self) -> list[Path]:
        """Files of the annotators, sorted by name."""
        files = (self.folder / "annotators").glob("[!.]*.jsonl")
        return sorted(path for path in files if path != self.adjudication_file)

    @property
    def adjudication_file(self) -> Path:
        """Where the decisions between annotators stand."""
        return self.folder / "annotators" / "adjudication.jsonl"


@dataclass(frozen=True, repr=False)
class Corpus(Summary):
    """A corpus to load, to validate against and to score with.

    Attributes:
        root: the folder, or the bare gold file.
        name, version: what a signature names, beside ``digest``.
        events: events by key; empty for a bare file.
        scheme: its layers and labels.
        bare: the gold file, where there is no folder.
        release: what was released, where the folder says it.
        declared: where the scheme comes from: default, manifest or gold.
        repeated: keys that a catalogue has twice, for which nothing can be scored.
    """

    root: Path
    name: str
    version: str
    events: dict[str, EventFolder]
    scheme: Scheme = field(default_factory=default_scheme, compare=False)
    bare: Source | None = None
    release: Release | None = None
    declared: Literal["default", "manifest", "gold"] = "default"
    repeated: list[Finding] = field(default_factory=list, compare=False)

    def _summary(self) -> tuple[str, list[tuple[str, str]]]:
        rows = [("path", str(self.root)), ("layers", ", ".join(self.scheme.layers))]
        if self.events:
            rows.append(("events", ", ".join(self.events)))
        return " ".join(filter(None, ["Corpus", self.name, self.version])), rows

    @property
    def title(self) -> str:
        """Which corpus it is, for a message."""
        return "the released corpus" if self.root == packaged_corpus() else str(self.root)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the release, or of the bare file. Reads the files, once.

        Where the manifest or the files of the events are not those of the release, or there is none, it is the hash of
        those files, after "modified-" or "unreleased-".

        Raises:
            UnreadableError: a file cannot be read.
        """
        if self.bare is not None:
            return sha256(self.bare)
        released = self.release.files if self.release else {}
        wanted = {name: digest for name, digest in released.items() if name == MANIFEST or name.startswith("events/")}
        present = self.root.glob("events/[!.]*/[!.]*.json*")
        names = {MANIFEST, *wanted, *(file.relative_to(self.root).as_posix() for file in present)}
        found = {name: sha256(self.root / name) for name in names if (self.root / name).is_file()}
        # An event that was added later is not part of the release.
        if self.release is not None and found == wanted:
            return self.release.sha256
        return f"{'unreleased-' if self.release is None else MODIFIED}{digest_of(found)}"

    @property
    def short_digest(self) -> str:
        """The beginning of ``digest``, for a signature."""
        state, _, digest = self.digest.rpartition("-")
        return f"{state}-{digest[:16]}" if state else digest[:16]

    @cached_property
    def documents(self) -> dict[str, Document]:
        """All documents by key, in order. Empty for a bare file."""
        files = (event.documents_file for event in self.events.values())
        return {d.document_id: d for file in files for d in read_all(file, DECODERS["document"])}

    def documents_of(self, event: str) -> dict[str, Document]:
        """The documents of an event by key, in order."""
        return {key: document for key, document in self.documents.items() if document.event == event}

    @cached_property
    def gold(self) -> dict[str, AnnotationRecord]:
        """All gold records by document, in order."""
        records = (record for source in self.gold_sources() for record in read_all(source, self.scheme.decoder))
        return {record.document_id: record for record in records}

    def document_lines(self) -> Lines:
        """Lines of all documents."""
        return Lines(self.document_sources())

    def document_sources(self) -> list[Source]:
        """Files of the documents; none for a bare file."""
        return [Source.of(event.documents_file) for event in self.events.values()]

    def gold_lines(self) -> Lines:
        """Lines of all gold records."""
        return Lines(self.gold_sources())

    def gold_sources(self) -> list[Source]:
        """Files of the gold records."""
        if self.bare is not None:
            return [self.bare]
        return [Source.of(event.gold_file) for event in self.events.values()]

    def lookup(self, event: EventFolder | None = None) -> Lookup:
        """Documents by key, of one event or of all; for a bare file its records, which name the documents."""
        if self.bare is not None:
            return Lookup(self.gold_lines(), self.scheme.decoder.require)
        lines = self.document_lines() if event is None else Lines([Source.of(event.documents_file)])
        return Lookup(lines, DECODERS["document"].require)

    def check(self, record: AnnotationRecord, role: Role, document: Document | None) -> list[Finding]:
        """Apply the rules to a record."""
        return self.scheme.check(record, role=role, document=document, vocabulary=self.vocabulary(document))

    def vocabulary(self, document: Document | None) -> Vocabulary | None:
        """The keys that a record of this document may use; None where only gold records are at hand."""
        if document is None or document.event not in self.events:
            return None
        return self.events[document.event].vocabulary

    def kb_status(self, event: str, entity: str | UnsetType, kb_id: str | UnsetType | None) -> KbStatus:
        """Whether a gold mention's kb_id was verified.

        Without a catalogue a mention with an id counts as verified and one without as unverified, which is ignored.
        """
        folder = self.events.get(event)
        if folder is not None and isinstance(entity, str) and entity in folder.entities:
            return folder.entities[entity].kb_status
        return "verified" if isinstance(kb_id, str) else "unverified"

    def mutation(self, event: str, claim: str) -> str | None:
        """Kind of fact changed in a claim, "none" for a claim as stated, None where there is no catalogue."""
        folder = self.events.get(event)
        if folder is None or claim not in folder.claims:
            return None
        return folder.claims[claim].mutation or "none"


def load_folder(root: str | Path) -> Corpus:
    """Load a corpus folder that is to be changed; what is none is an UnreadableError."""
    if not is_folder(root):
        raise UnreadableError(f"{root}: not a corpus folder")
    return load_corpus(root)


def event_folders(root: Path) -> list[Path]:
    """The folders of events, sorted: those with an event.json, unless their name begins with a dot."""
    return sorted(file.parent for file in (root / "events").glob("[!.]*/event.json"))


def leftovers(root: Path) -> list[Path]:
    """What is in the folder of events and belongs to none: folders without event.json, parts of interrupted writing."""
    events = event_folders(root)
    parts = (path for path in sorted((root / "events").rglob(".*")) if _PART.fullmatch(path.name))
    found = [path for path in sorted((root / "events").glob("[!.]*/")) if path.is_dir() and path not in events]
    return [*found, *(path for path in parts if not _PART.fullmatch(path.parent.name))]


def load_corpus(
    path: str | Path | None = None, *, manifest: str | Path | None = None, labels: str | None = None
) -> Corpus:
    """Load a corpus.

    Args:
        path: a release folder, a bare file of gold records (.jsonl, .parquet), or None for the packaged corpus.
        manifest: a file that describes layers and labels; by default ``corpus.json`` of the folder, and without one the
            default labels.
        labels: ``from-gold`` uses the layers and labels that occur in the gold records.

    Raises:
        UnreadableError: the path is missing or is not a corpus.
        FindingsError: a catalogue or the manifest is malformed, or a bare file has no records.
        ValueError: manifest and labels are both given, or labels is something else.
    """
    if labels is not None and labels != "from-gold":
        raise ValueError(f"labels: expected from-gold, got {labels!r}")
    if labels is not None and manifest is not None:
        raise ValueError("give either a manifest or labels from gold")
    root = packaged_corpus() if path is None else Path(path)
    if path is not None and not is_folder(root):
        source = Source.of(path)
        refuse_foreign(source)
        if not any(line for _, line in read_lines(source)):
            raise refusal(no_records(), source.name)
        corpus = Corpus(root=root, name=root.name, version="", events={}, bare=source)
        return _declared(corpus, Path(manifest) if manifest else None, labels)
    folders = event_folders(root)
    if not folders:
        raise UnreadableError(f"{root}: not a corpus folder (no events/*/event.json)")
    events: dict[str, EventFolder] = {}
    repeated: list[Finding] = []
    refused: list[Finding] = []
    for folder in folders:
        event: Event = read_one(folder / "event.json", DECODERS["event"])
        if (other := events.get(event.event)) is not None:
            hint = f"Give the events keys of their own; {other.folder / 'event.json'} has it, too."
            raise refusal(repeated_key(event.event, "/event", hint), folder / "event.json")
        events[event.event] = EventFolder(
            folder=folder,
            event=event,
            entities=_catalogue(folder / "entities.jsonl", "entity", repeated, refused),
            claims=_catalogue(folder / "claims.jsonl", "claim", repeated, refused),
        )
    if refused:
        raise FindingsError(refused)
    release_file = root / "release.json"
    release: Release | Any = read_one(release_file, DECODERS["release"]) if release_file.exists() else None
    own = root / MANIFEST
    chosen = Path(manifest) if manifest else own if own.exists() and labels is None else None
    corpus = Corpus(
        root=root,
        name=release.name if release else root.resolve().name,
        version=release.version if release else "",
        events=events,
        release=release,
        repeated=repeated,
    )
    return _declared(corpus, chosen, labels)


def _catalogue(
    path: Path, key: Literal["entity", "claim"], repeated: list[Finding], refused: list[Finding]
) -> dict[str, Any]:
    """The lines of a catalogue by key, none where there is no file; keys that come again are added to ``repeated``."""
    found: dict[str, Any] = {}
    for number, each in read_valid(path, DECODERS[key], refused) if path.exists() else ():
        name = getattr(each, key)
        if found.setdefault(name, each) is not each:
            repeated += located([repeated_key(name, f"/{key}")], path, number)
    return found


def _declared(corpus: Corpus, manifest: Path | None, labels: str | None) -> Corpus:
    """The corpus with the scheme of a manifest, or of its gold."""
    if manifest is not None:
        scheme = read_manifest(manifest)
        declared = scheme.manifest
        name = declared.name if declared.name and corpus.release is None else corpus.name
        version = declared.version if declared.version and corpus.release is None else corpus.version
        return replace(corpus, scheme=scheme, name=name, version=version, declared="manifest")
    if labels is not None:
        try:
            scheme = scheme_from_gold(_plain_gold(corpus), corpus.name)
            if not scheme.manifest.layers:
                raise ManifestError("no record has a layer")
        except ManifestError as error:
            hint = "Check the labels of the gold records, or describe them with --manifest."
            raise refusal(invalid_manifest(str(error), "", hint), corpus.gold_sources()[0].name) from None
        return replace(corpus, scheme=scheme, declared="gold")
    return corpus


def read_manifest(path: Path) -> Scheme:
    """The scheme that a manifest declares."""
    source = Source.of(path)
    manifest: Manifest = read_one(source, DECODERS["manifest"])
    try:
        return Scheme(manifest)
    except ManifestError as error:
        # The schema names every wrong key and what is allowed there, but does not see contradictions.
        _, found = manifest_decoder().decode(read_bytes(source), number=None, file=source.name)
        found = [each for each in found if each.code != "RT207"]
        pointer = "/" + str(error).partition(":")[0].replace(".", "/")
        raise FindingsError(found or located([invalid_manifest(str(error), pointer)], source.name)) from None


def _plain_gold(corpus: Corpus) -> Iterator[Any]:
    """Gold records as JSON objects, whatever their labels."""
    for source in corpus.gold_sources():
        for number, line in read_lines(source):
            if line:
                DECODERS["record"].require(line, number, source.name)
                yield json.loads(line)
