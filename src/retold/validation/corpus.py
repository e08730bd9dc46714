"""The files of a corpus, each by itself and against the others, its views and its release."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from operator import attrgetter
from pathlib import Path
from typing import Any

from msgspec import structs

from retold.corpus import views
from retold.corpus.adjudicate import AdjudicationError, adjudicate, items_by_key
from retold.corpus.decisions import annotations_of, decided
from retold.corpus.load import MANIFEST, MODIFIED, leftovers
from retold.io.jsonl import read_all, read_bytes, read_lines, read_one
from retold.io.sources import Source, digest_of, sha256
from retold.layers.scheme import Scheme
from retold.layers.views import ViewContext
from retold.model.annotations import AnnotationRecord, Document, Entity, Release
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
        # It is joined with itself.
        run.reported.add((corpus.bare.name, None))
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
    run.collector.files += 1
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
        claims = self._keyed(
            self.folder / "claims.jsonl", "claim", lambda claim: rules.check_claim(claim, self.event.claims)
        )
        self.documents = self._documents()
        self._gold(self.documents, entities, claims)
        errors = self.run.collector.errors
        for annotator in self.event.annotator_files:
            self.run.check_records(Source.of(annotator), "annotation", self.event)
        if self.event.adjudication_file.exists():
            # What is wrong with it is reported.
            deque(self._decoded(self.event.adjudication_file, self._scheme.decision_decoder), 0)
        if self.run.collector.errors == errors and self.event.annotator_files and self.event.gold_file.exists():
            self._reproduced()

    def _reproduced(self) -> None:
        """Whether gold is what the annotators agree on and the decisions say."""
        event, scheme = self.event, self._scheme
        try:
            gold = {record.document_id: record for record in read_all(event.gold_file, scheme.decoder)}
            annotators, decisions = annotations_of(event, scheme), decided(event, scheme)
        except FindingsError:
            # Reported already.
            return
        try:
            documents = self.run.corpus.documents_of(event.event.event)
            rebuilt = adjudicate(annotators, decisions, documents, event.entities, scheme, gold)
        except (AdjudicationError, KeyError) as error:
            found = [rules.gold_not_reproduced(str(error))]
        else:
            found = [
                rules.gold_not_reproduced(f"{record.document_id} differs")
                for record in rebuilt
                if not _same_labels(gold.get(record.document_id), record, self._scheme)
            ]
        self.run.add(found, self.event.gold_file)

    def _card(self) -> None:
        file = self.folder / "event.json"
        self.run.collector.files += 1
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
        self.run.collector.files += 1
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

    def _keyed(self, file: Path, kind: str, check: Callable[[Any], list[Finding]]) -> Lines:
        """The lines of a file by the keys of its records, each of which it has once."""
        key_of = attrgetter("document_id" if kind == "document" else kind)
        lines: Lines = {}
        for number, record in self._decoded(file, DECODERS[kind]):
            key = key_of(record)
            found = check(record)
            if (first := lines.setdefault(key, number)) != number:
                repeated = repeated_document(key, first) if kind == "document" else rules.repeated_key(key, f"/{kind}")
                found.append(repeated)
            self.run.add(found, file, number)
        return lines

    def _entities(self) -> Lines:
        by_id: dict[str, str] = {}
        seen: set[str] = set()

        def check(record: Entity) -> list[Finding]:
            entity, found = self._check_entity(record)
            if entity.kb_id is not None and entity.entity not in seen:
                other = by_id.setdefault(entity.kb_id, entity.entity)
                found += [rules.one_kb_id_for_two_entities(entity, other)] if other != entity.entity else []
            seen.add(entity.entity)
            return found

        return self._keyed(self.folder / "entities.jsonl", "entity", check)

    def _documents(self) -> Lines:
        def check(document: Document) -> list[Finding]:
            self.languages.add(document.language)
            return rules.check_document(document, self.event.event.event)

        lines = self._keyed(self.event.documents_file, "document", check)
        self.run.reported.add((str(self.event.documents_file), None))
        return lines

    def _gold(self, documents: Lines, entities: Lines, claims: Lines) -> None:
        file = self.event.gold_file
        if not file.exists():
            # The event is still being annotated; everything else can be validated.
            hint = "Annotate them, and make gold with 'retold corpus build'."
            self.run.add([missing_documents(list(documents), hint)], file)
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
    splits = views.splits_of(run.corpus)
    for table, paths in views.files_of(run.corpus).items():
        for split, name in paths.items():
            _compare_lines(run, name, _rows(run, table, splits[split]))
            if (run.corpus.root / views.object_file(name)).exists():
                lines = views.object_lines(list(_rows(run, table, splits[split])))
                _compare_lines(run, views.object_file(name), lines)


def _compare_lines(run: Run, name: str, lines: Iterator[bytes]) -> None:
    run.collector.files += 1
    file = run.corpus.root / name
    actual_lines = (line for _, line in read_lines(Source.of(file))) if file.exists() else iter(())
    for number, (expected, actual) in enumerate(zip_longest(lines, actual_lines), start=1):
        found = list(rules.views_out_of_date(name, expected, actual))
        if found:
            run.add(found, file, number)
            break


def _rows(run: Run, table: str, events: Sequence[str]) -> Iterator[bytes]:
    for folder in (run.corpus.events[key] for key in events if key in run.corpus.events):
        documents = list(run.corpus.documents_of(folder.event.event).values())
        gold = {d.document_id: run.corpus.gold[d.document_id] for d in documents}
        context = ViewContext(folder.event, folder.entities, folder.claims)
        yield from views.lines_of(table, context, documents, gold, run.corpus.scheme)


def _release(run: Run) -> None:
    root = run.corpus.root
    file = root / "release.json"
    if not file.exists():
        return
    run.collector.files += 1
    release: Release = read_one(file, DECODERS["release"])
    found: list[Finding] = []
    for path, expected in release.files.items():
        member = root / path
        found += rules.release_differs(path, expected, sha256(member) if member.is_file() else None)
    for member in sorted([*root.glob(MANIFEST), *root.glob("events/**/*.json*")]):
        path = member.relative_to(root).as_posix()
        if path not in release.files and "/." not in f"/{path}":
            found += rules.release_differs(path, None, "")
    found += rules.release_differs("the list of files", release.sha256.removeprefix(MODIFIED), digest_of(release.files))
    run.add(found, file)
