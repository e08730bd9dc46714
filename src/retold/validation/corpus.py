"""The files of a corpus, each by itself and against the others, its views and its release."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import product, zip_longest
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from retold.corpus import views
from retold.corpus.adjudicate import AdjudicationError, adjudicate, items_by_key
from retold.corpus.load import MANIFEST, leftovers
from retold.io.jsonl import read_all, read_bytes, read_lines, read_one
from retold.io.sources import Source, sha256
from retold.layers.scheme import Scheme
from retold.layers.views import ViewContext
from retold.model.annotations import AnnotationRecord, CanonicalClaim, Decision, Entity, Release
from retold.model.findings import Finding, FindingsError, UnreadableError
from retold.model.manifest import Manifest
from retold.reading import decoded, second_document
from retold.rules import DECODERS, LineDecoder, missing_documents, repeated_document
from retold.rules import corpus as rules
from retold.validation.records import Run

__all__ = ["check_corpus"]

Lines = dict[str, int]


def check_corpus(run: Run) -> None:
    """Validate every file of the run's corpus; of a bare file of gold, its records."""
    corpus = run.corpus
    if corpus.bare is not None:
        run.check_records(corpus.bare, "gold")
        return
    errors = run.collector.errors
    languages: set[str] = set()
    documents: Lines = {}
    for key in corpus.events:
        event = _Event(run, key)
        event.check()
        languages |= event.languages
        for document in documents.keys() & event.documents.keys():
            run.collector.add(second_document(corpus, document))
        documents |= event.documents
    if run.collector.errors == errors:
        # Views of invalid records would report the same errors again.
        _views(run)
    _manifest(run, languages)
    _release(run)
    for path in leftovers(corpus.root):
        run.add([rules.leftover(path.relative_to(corpus.root).as_posix(), path.name.startswith("."))], path)


def _manifest(run: Run, languages: set[str]) -> None:
    """Check the manifest of the folder against the corpus; loading has shown that it can be read."""
    file = run.corpus.root / MANIFEST
    if not file.exists():
        return
    run.files += 1
    manifest: Manifest = read_one(file, DECODERS["manifest"])
    run.add(rules.check_manifest(manifest, run.corpus.release, run.corpus.events, languages), file)


class _Event:
    """One event's folder."""

    def __init__(self, run: Run, key: str) -> None:
        self.run = run
        self.event = run.corpus.events[key]
        self.folder = self.event.folder
        #: Languages of the documents, once those are checked.
        self.languages: set[str] = set()
        #: Lines of the documents, likewise.
        self.documents: Lines = {}

    def check(self) -> None:
        self._card()
        entities = self._entities()
        claims = self._claims()
        self.documents = self._documents()
        self._gold(self.documents, entities, claims)
        errors = self.run.collector.errors
        for annotator in self.event.annotator_files:
            self.run.check_records(Source.of(annotator), "annotation", self.event)
        decisions = self._decisions()
        if self.run.collector.errors == errors and self.event.annotator_files and self.event.gold_file.exists():
            self._reproduced(decisions)

    def _decisions(self) -> list[Decision]:
        file = self.event.adjudication_file
        found = self._decoded(file, self._scheme.decision_decoder) if file.exists() else ()
        # Compared with what the annotators' records give, which are of the plain type.
        return [msgspec.convert(msgspec.to_builtins(decision), Decision) for _, decision in found]

    def _reproduced(self, decisions: list[Decision]) -> None:
        """Whether gold is what the annotators agree on and the decisions say."""
        documents = {key: self.run.corpus.documents[key] for key in self._own}
        try:
            gold = {record.document_id: record for record in read_all(self.event.gold_file, self._scheme.decoder)}
            annotators = {file.stem: read_all(file, self._scheme.decoder) for file in self.event.annotator_files}
        except FindingsError:
            # Reported already.
            return
        try:
            rebuilt = adjudicate(annotators, decisions, documents, self.event.entities, self._scheme)
        except (AdjudicationError, KeyError) as error:
            found = [rules.gold_not_reproduced(str(error))]
        else:
            found = [
                rules.gold_not_reproduced(f"{record.document_id} differs")
                for record in rebuilt
                if not _same_labels(gold.get(record.document_id), record, self._scheme)
            ]
        self.run.add(found, self.event.gold_file)

    @property
    def _own(self) -> list[str]:
        event = self.event.event.event
        return [key for key, document in self.run.corpus.documents.items() if document.event == event]

    def _card(self) -> None:
        file = self.folder / "event.json"
        self.run.files += 1
        _, found = DECODERS["event"].decode(read_bytes(Source.of(file)), number=None, file=str(file))
        needed = self._scheme.event_keys
        checked = rules.check_event(self.event.event, self.folder.resolve().name, self.event.entities, needed)
        self.run.collector.add(found)
        self.run.add(checked, file)

    def _decoded(self, file: Path, decoder: LineDecoder) -> Iterator[tuple[int, Any]]:
        """Records of a file; invalid lines are reported."""
        if file.name in ("entities.jsonl", "claims.jsonl") and not (
            file.exists() or file.name in self._scheme.catalogues
        ):
            return
        self.run.files += 1
        try:
            for number, _, record, _ in decoded(Source.of(file), decoder, self.run.collector.add):
                if record is not None:
                    yield number, record
        except FindingsError as error:
            self.run.collector.add(error.findings)

    def _check_entity(self, entity: Entity) -> tuple[Entity, list[Finding]]:
        """Check an entity, also against types and knowledge base of the corpus; a NIL id becomes null."""
        found = []
        for layer in self._scheme.layers.values():
            found += layer.check_catalogue(entity)
            entity = structs.replace(entity, kb_id=layer.link(entity.kb_id))
        return entity, [*found, *rules.check_entity(entity)]

    @property
    def _scheme(self) -> Scheme:
        return self.run.corpus.scheme

    def _entities(self) -> Lines:
        file = self.folder / "entities.jsonl"
        lines: Lines = {}
        by_id: dict[str, str] = {}
        for number, record in self._decoded(file, DECODERS["entity"]):
            entity, found = self._check_entity(record)
            if entity.entity in lines:
                found.append(rules.repeated_key(entity.entity, "/entity"))
            elif entity.kb_id is not None and (other := by_id.setdefault(entity.kb_id, entity.entity)) != entity.entity:
                found.append(rules.one_kb_id_for_two_entities(entity, other))
            lines.setdefault(entity.entity, number)
            self.run.add(found, file, number)
        return lines

    def _claims(self) -> Lines:
        file = self.folder / "claims.jsonl"
        lines: Lines = {}
        for number, record in self._decoded(file, DECODERS["claim"]):
            claim: CanonicalClaim = record
            found = rules.check_claim(claim, self.event.claims)
            if claim.claim in lines:
                found.append(rules.repeated_key(claim.claim, "/claim"))
            lines.setdefault(claim.claim, number)
            self.run.add(found, file, number)
        return lines

    def _documents(self) -> Lines:
        file = self.event.documents_file
        lines: Lines = {}
        for number, document in self._decoded(file, DECODERS["document"]):
            found = rules.check_document(document, self.event.event.event)
            if document.document_id in lines:
                found.append(repeated_document(document.document_id, lines[document.document_id]))
            lines.setdefault(document.document_id, number)
            self.languages.add(document.language)
            self.run.add(found, file, number)
        self.run.reported.add((str(file), None))
        return lines

    def _gold(self, documents: Lines, entities: Lines, claims: Lines) -> None:
        file = self.event.gold_file
        if not file.exists():
            # The event is still being annotated; everything else can be validated.
            self.run.add([missing_documents(list(documents))], file)
            return
        used: set[tuple[str, str]] = set()

        def collect(record: AnnotationRecord) -> None:
            used.update(self._used(record))

        if not self.run.check_records(Source.of(file), "gold", self.event, collect):
            # What seems unused may be used in a line that could not be decoded.
            return
        stated = {key for kind, key in used if kind == "claim"}
        used |= self._used_by_annotators()
        for entity, number in entities.items():
            if ("entity", entity) not in used:
                self.run.add([rules.entity_without_mention(entity)], self.folder / "entities.jsonl", number)
        spans = any(layer.names_claims and not layer.keyed for layer in self._scheme.layers.values())
        # Without claim spans the claims may come from elsewhere.
        for claim, number in claims.items() if spans else ():
            if claim not in stated and claim in self.event.claims and self.event.claims[claim].mutation_of is None:
                self.run.add([rules.claim_that_no_span_states(claim)], self.folder / "claims.jsonl", number)

    def _used(self, record: AnnotationRecord) -> Iterator[tuple[str, str]]:
        """Entities and claims of the catalogues that a record uses."""
        for name, layer in self._scheme.layers.items():
            yield from layer.refers_to(getattr(record, name) or ())

    def _used_by_annotators(self) -> set[tuple[str, str]]:
        """What an annotator names; unreadable files are reported elsewhere."""
        used: set[tuple[str, str]] = set()
        for file in self.event.annotator_files:
            with contextlib.suppress(FindingsError, UnreadableError):
                for record in read_all(file, self._scheme.decoder):
                    used.update(self._used(record))
        return used


def _same_labels(one: AnnotationRecord | None, other: AnnotationRecord, scheme: Scheme) -> bool:
    """Whether two records give the same labels, in whatever order."""
    layers = scheme.layers.values()
    return one is not None and all(items_by_key(one, layer) == items_by_key(other, layer) for layer in layers)


def _views(run: Run) -> None:
    """Compare each view row by row with what the corpus gives, up to the first difference."""
    folder = run.corpus.root / "views"
    if not folder.is_dir():
        return
    splits = views.splits_of(run.corpus.scheme, run.corpus.events)
    for table, split in product(views.tables_of(run.corpus.scheme), splits):
        name = views.view_file(table, split, splits)
        _compare_lines(run, name, _rows(run, table, splits[split]))
        if (run.corpus.root / views.object_file(name)).exists():
            lines = views.object_lines(list(_rows(run, table, splits[split])))
            _compare_lines(run, views.object_file(name), lines)


def _compare_lines(run: Run, name: str, lines: Iterator[bytes]) -> None:
    run.files += 1
    file = run.corpus.root / name
    actual_lines = (line for _, line in read_lines(Source.of(file))) if file.exists() else iter(())
    for number, (expected, actual) in enumerate(zip_longest(lines, actual_lines), start=1):
        found = list(rules.views_out_of_date(name, expected, actual))
        if found:
            run.add(found, file, number)
            break


def _rows(run: Run, table: str, events: Sequence[str]) -> Iterator[bytes]:
    for folder in (run.corpus.events[key] for key in events if key in run.corpus.events):
        documents = [d for d in run.corpus.documents.values() if d.event == folder.event.event]
        gold = {d.document_id: run.corpus.gold[d.document_id] for d in documents}
        context = ViewContext(folder.event, folder.entities, folder.claims)
        for row in views.rows(table, context, documents, gold, run.corpus.scheme):
            yield json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()


def _release(run: Run) -> None:
    root = run.corpus.root
    file = root / "release.json"
    if not file.exists():
        return
    run.files += 1
    release: Release = read_one(file, DECODERS["release"])
    found: list[Finding] = []
    for path, expected in release.files.items():
        member = root / path
        found += rules.release_differs(path, expected, sha256(member) if member.is_file() else None)
    for member in sorted([*root.glob(MANIFEST), *root.glob("events/**/*.json*")]):
        path = member.relative_to(root).as_posix()
        if path not in release.files and "/." not in f"/{path}":
            found += rules.release_differs(path, None, "")
    listing = "".join(f"{digest}  {path}\n" for path, digest in sorted(release.files.items()))
    whole = hashlib.sha256(listing.encode("utf-8", "backslashreplace")).hexdigest()
    found += rules.release_differs("the list of files", release.sha256, whole)
    run.add(found, file)
