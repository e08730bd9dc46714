"""A corpus as objects: a release folder (events, documents, catalogues, gold), or a bare file of gold records.

Catalogues are small and read at once. Documents and gold are read when asked for: as lists for a corpus that fits in
memory, or line by line (``document_lines``, ``gold_lines``) for one that does not.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from retold.io.jsonl import Line, read_json, read_jsonl, read_lines
from retold.io.sources import Source, open_bytes, sha256
from retold.model.annotations import (
    AnnotationRecord,
    CanonicalClaim,
    Document,
    Entity,
    Event,
    KbStatus,
    Mention,
    Release,
)
from retold.model.findings import UnreadableError
from retold.rules import Vocabulary

__all__ = ["Corpus", "EventFolder", "load_corpus", "packaged_corpus"]


def packaged_corpus() -> Path:
    """Folder of the corpus that comes with the package: inside an installed wheel, or of the checkout."""
    here = Path(__file__).resolve().parents[1]
    installed = here / "data" / "corpus"
    return installed if installed.is_dir() else here.parents[1] / "corpus"


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
        return sorted(path for path in (self.folder / "annotators").glob("*.jsonl") if path != self.adjudication_file)

    @property
    def adjudication_file(self) -> Path:
        """Where the decisions between annotators stand."""
        return self.folder / "annotators" / "adjudication.jsonl"


@dataclass(frozen=True)
class Corpus:
    """A corpus to load, to validate against and to score with.

    Attributes:
        root: the folder, or the bare gold file.
        name, version: what a signature names, beside ``digest``.
        events: events by key; empty for a bare file.
        bare: the gold file, where there is no folder.
        release: what was released, where the folder says it.
    """

    root: Path
    name: str
    version: str
    events: dict[str, EventFolder]
    bare: Source | None = None
    release: Release | None = None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the release, or of the bare file. Reads the files, once.

        Where the files of the events are not those of the release, or there is none, it is the hash of those files,
        after "modified-" or "unreleased-".

        Raises:
            UnreadableError: a file cannot be read.
        """
        if self.bare is not None:
            return sha256(self.bare.path)
        released = self.release.files if self.release else {}
        wanted = {name: digest for name, digest in released.items() if name.startswith("events/")}
        names = wanted.keys() | {file.relative_to(self.root).as_posix() for file in self.root.glob("events/*/*.json*")}
        found = {name: sha256(self.root / name) for name in sorted(names) if (self.root / name).is_file()}
        # An event that was added to a release is not of it.
        if self.release is not None and found == wanted:
            return self.release.sha256
        listing = "".join(f"{digest}  {name}\n" for name, digest in found.items())
        state = "unreleased" if self.release is None else "modified"
        return f"{state}-{hashlib.sha256(listing.encode()).hexdigest()}"

    @property
    def short_digest(self) -> str:
        """The beginning of ``digest``, for a signature."""
        state, _, digest = self.digest.rpartition("-")
        return f"{state}-{digest[:16]}" if state else digest[:16]

    @cached_property
    def documents(self) -> dict[str, Document]:
        """All documents by key, in order. Empty for a bare file."""
        return {d.document_id: d for e in self.events.values() for d in read_jsonl(e.documents_file, Document)}

    @cached_property
    def gold(self) -> dict[str, AnnotationRecord]:
        """All gold records by document, in order."""
        decoder = msgspec.json.Decoder(AnnotationRecord)
        records = (decoder.decode(line) for _, line in self.gold_lines() if line)
        return {record.document_id: record for record in records}

    def document_lines(self) -> Iterator[Line]:
        """Lines of all documents."""
        files = [str(event.documents_file) for event in self.events.values()]
        return itertools.chain.from_iterable(read_lines(Source(file, file)) for file in files)

    def gold_lines(self) -> Iterator[Line]:
        """Lines of all gold records."""
        return itertools.chain.from_iterable(read_lines(source) for source in self.gold_sources())

    def gold_sources(self) -> list[Source]:
        """Where the gold records are."""
        if self.bare is not None:
            return [self.bare]
        return [Source(str(event.gold_file), str(event.gold_file)) for event in self.events.values()]

    def vocabulary(self, document: Document | None) -> Vocabulary | None:
        """The keys that a record of this document may use; None where only gold records are at hand."""
        if document is None or document.event not in self.events:
            return None
        return self.events[document.event].vocabulary

    def kb_status(self, event: str, mention: Mention) -> KbStatus:
        """Whether a gold mention's kb_id was verified.

        Without a catalogue a mention with an id counts as verified and one without as unverified, which is ignored.
        """
        folder = self.events.get(event)
        if folder is not None and isinstance(mention.entity, str) and mention.entity in folder.entities:
            return folder.entities[mention.entity].kb_status
        return "verified" if isinstance(mention.kb_id, str) else "unverified"

    def mutation(self, event: str, claim: str) -> str | None:
        """Kind of fact changed in a claim, "none" for a claim as stated, None where there is no catalogue."""
        folder = self.events.get(event)
        if folder is None or claim not in folder.claims:
            return None
        return folder.claims[claim].mutation or "none"


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        # A name that no file can have; opening it gives the message.
        return False


def load_corpus(path: str | Path | None = None) -> Corpus:
    """Load a corpus.

    Args:
        path: a release folder, a bare file of gold records (.jsonl, .parquet), or None for the packaged corpus.

    Raises:
        UnreadableError: the path is missing or is not a corpus.
        FindingsError: a catalogue of the corpus is malformed.
    """
    root = packaged_corpus() if path is None else Path(path)
    if path is not None and not _is_folder(root):
        with open_bytes(str(path)):
            pass
        source = Source(str(path), str(path))
        return Corpus(root=root, name=root.name, version="", events={}, bare=source)
    event_files = sorted((root / "events").glob("*/event.json"))
    if not event_files:
        raise UnreadableError(f"{root}: is no corpus folder (no events/*/event.json)")
    events: dict[str, EventFolder] = {}
    for event_file in event_files:
        folder = event_file.parent
        event: Event = read_json(event_file, Event)
        events[event.event] = EventFolder(
            folder=folder,
            event=event,
            entities={entity.entity: entity for entity in read_jsonl(folder / "entities.jsonl", Entity)},
            claims={claim.claim: claim for claim in read_jsonl(folder / "claims.jsonl", CanonicalClaim)},
        )
    release_file = root / "release.json"
    release: Release | Any = read_json(release_file, Release) if release_file.exists() else None
    return Corpus(
        root=root,
        name=release.name if release else root.resolve().name,
        version=release.version if release else "",
        events=events,
        release=release,
    )
