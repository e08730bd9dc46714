"""Validation: a corpus, an annotation file or a submission in, a report of findings out.

Files are read line by line and joined with the corpus' documents as they come; memory holds keys, never texts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Final

import msgspec

from retold.corpus import Corpus, EventFolder, load_corpus
from retold.files import Line, Lookup, Source, open_bytes, open_submission, read_json, read_lines, sha256
from retold.findings import Finding, FindingsError, UnreadableError
from retold.records import AnnotationRecord, CanonicalClaim, Document, Entity, Release
from retold.rules import (
    RULES,
    Role,
    blank_line,
    check_record,
    decode_line,
    decode_record,
    is_blank,
    located,
    missing_documents,
    no_records,
    repeated_document,
    unknown_document,
)
from retold.rules import corpus as corpus_rules

__all__ = ["MAX_FINDINGS", "Report", "validate"]

#: Findings that a report holds unless asked otherwise; the rest is counted.
MAX_FINDINGS: Final = 1000
#: Keys of documents among which a nearest name is sought.
_KNOWN: Final = 5000


@dataclass(frozen=True, slots=True)
class Report:
    """What a validation found.

    Attributes:
        findings: sorted by file, line and code.
        files, records: how many were looked at.
        suppressed: findings beyond the limit, counted and not kept.
        suppressed_errors: how many of those are errors.
    """

    findings: list[Finding]
    files: int
    records: int
    suppressed: int = 0
    suppressed_errors: int = 0

    @property
    def errors(self) -> int:
        """Number of errors, those beyond the limit included."""
        return sum(found.severity == "error" for found in self.findings) + self.suppressed_errors

    @property
    def warnings(self) -> int:
        """Number of warnings, those beyond the limit included."""
        return len(self.findings) + self.suppressed - self.errors


def validate(
    paths: Sequence[str | Path] | None,
    corpus: Corpus,
    *,
    role: Role | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    max_findings: int = MAX_FINDINGS,
    views: Mapping[str, bytes] | None = None,
) -> Report:
    """Validate files against a corpus, or the corpus itself.

    Args:
        paths: annotation files, submissions (file, folder, .zip), folders of annotation files, or corpus folders; None
            validates ``corpus``.
        corpus: what documents and keys are looked up in.
        role: what the files are. Without it a submission (``predictions.*``, or with a card) is a prediction,
            ``events/*/gold.jsonl`` is gold, and every other file is an annotation.
        select: codes or beginnings of codes (``RT4``) to report; none means all.
        ignore: codes or beginnings of codes to leave out.
        max_findings: how many findings are kept; the others are counted.
        views: expected bytes of the corpus' generated files by path inside the corpus folder; checked where given.

    Raises:
        UnreadableError: a path is missing, or is nothing that can be validated.
        ValueError: ``select`` or ``ignore`` matches no rule.
    """
    run = _Run(corpus, _Sieve(_prefixes(select), _prefixes(ignore), max_findings))
    if paths is None:
        run.corpus_itself(views)
    else:
        for path in paths:
            _validate_path(run, str(path), role)
    return run.report()


def _prefixes(codes: Sequence[str]) -> tuple[str, ...]:
    prefixes = tuple(code.strip().upper() for code in codes)
    for prefix in prefixes:
        if not prefix or not any(code.startswith(prefix) for code in RULES):
            raise ValueError(f"no rule has a code that begins with {prefix!r}")
    return prefixes


def _validate_path(run: _Run, path: str, role: Role | None) -> None:
    folder = Path(path)
    if "://" not in path and folder.is_dir():
        if (folder / "events").is_dir():
            try:
                other = load_corpus(folder)
            except FindingsError as error:
                run.refused(error)
            else:
                run.of(other).corpus_itself(None)
            return
        members = sorted(folder.glob("*.jsonl"))
        if members and not any(folder.glob("predictions.*")) and not (folder / "event.json").exists():
            for member in members:
                run.records_of(Source(str(member), str(member)), role or _role_of(str(member)))
            return
    try:
        submission = open_submission(path)
    except FindingsError as error:
        run.refused(error)
        return
    source = submission.records
    run.records_of(source, role or ("prediction" if submission.card else _role_of(source.member or source.path)))


def _role_of(path: str) -> Role:
    parts = PurePosixPath(Path(path).absolute().as_posix()) if "://" not in path else PurePosixPath(path)
    stem = parts.name.partition(".")[0]
    if stem == "predictions":
        return "prediction"
    return "gold" if stem == "gold" and parts.parent.parent.name == "events" else "annotation"


@dataclass
class _Sieve:
    """Keeps the findings that were asked for, up to a limit, and counts the rest."""

    select: tuple[str, ...]
    ignore: tuple[str, ...]
    limit: int
    kept: list[Finding] = field(default_factory=list)
    suppressed: int = 0
    suppressed_errors: int = 0

    def add(self, findings: Sequence[Finding]) -> None:
        for found in findings:
            if (self.select and not found.code.startswith(self.select)) or (
                self.ignore and found.code.startswith(self.ignore)
            ):
                continue
            if len(self.kept) < self.limit:
                self.kept.append(found)
            else:
                self.suppressed += 1
                self.suppressed_errors += found.severity == "error"


class _Key(msgspec.Struct):
    """A record of which only the document matters."""

    document_id: str


class _Run:
    """One validation: where findings go, and what was looked at."""

    def __init__(self, corpus: Corpus, sieve: _Sieve) -> None:
        self.corpus = corpus
        self.sieve = sieve
        self.files = 0
        self.records = 0
        self._known: list[str] | None = None
        self._told: set[tuple[str | None, int | None]] = set()
        self._others: list[_Run] = []

    def of(self, corpus: Corpus) -> _Run:
        """A run of another corpus, into the same report."""
        other = _Run(corpus, self.sieve)
        self._others.append(other)
        return other

    def report(self) -> Report:
        runs = [self, *self._others]
        return Report(
            findings=sorted(self.sieve.kept, key=lambda found: (found.file or "", found.line or 0, found.code)),
            files=sum(run.files for run in runs),
            records=sum(run.records for run in runs),
            suppressed=self.sieve.suppressed,
            suppressed_errors=self.sieve.suppressed_errors,
        )

    def refused(self, error: FindingsError) -> None:
        """A file that could not be read to its end."""
        self.files += 1
        self.sieve.add(error.findings)

    # Files of records

    def records_of(
        self,
        source: Source,
        role: Role,
        event: EventFolder | None = None,
        tap: Callable[[AnnotationRecord, int], None] | None = None,
    ) -> None:
        """Validate one file of records.

        Args:
            source: the file.
            role: what it is.
            event: the one event that it must cover; None for all of the corpus.
            tap: is shown every record and its line.
        """
        self.files += 1
        seen: dict[str, int] = {}
        before = self.records
        complete = True
        with closing(self._lookup(event)) as documents:
            try:
                for number, line in self._lines(source):
                    self.records += 1
                    record, found = decode_record(line, number=number, file=source.name)
                    self.sieve.add(found)
                    if record is not None:
                        self._record(record, number, source.name, role, seen, documents)
                        if tap is not None:
                            tap(record, number)
                    elif found[0].document is not None and found[0].document not in seen:
                        # At fault, but not missing.
                        seen[found[0].document] = number
                        self._document(documents, found[0].document)
            except FindingsError as error:
                complete = False
                self.sieve.add(error.findings)
            if not complete:
                return
            if self.records == before:
                self.sieve.add(located([no_records()], source.name, None))
            elif role != "annotation" and (missing := self._left(documents)):
                self.sieve.add(located([missing_documents(missing)], source.name, None))

    def _record(
        self, record: AnnotationRecord, number: int, file: str, role: Role, seen: dict[str, int], documents: Lookup
    ) -> None:
        key = record.document_id
        if key in seen:
            self.sieve.add(located([repeated_document(key, seen[key])], file, number))
            return
        seen[key] = number
        document = self._document(documents, key)
        if document is None:
            self.sieve.add(located([unknown_document(key, self._known_documents())], file, number))
            return
        if not isinstance(document, Document):
            # A bare file of gold knows which documents there are, and nothing of their text.
            document = None
        vocabulary = self.corpus.vocabulary(document)
        found = check_record(record, role=role, document=document, vocabulary=vocabulary)
        if found:
            self.sieve.add(located(found, file, number))

    def _lines(self, source: Source) -> Iterator[Line]:
        """Lines that are not blank; blank ones between them are findings, at the end of a file they are not."""
        first_blank: int | None = None
        for number, line in read_lines(source):
            if is_blank(line):
                first_blank = number if first_blank is None else first_blank
                continue
            if first_blank is not None:
                for blank in range(first_blank, number):
                    self.sieve.add(located([blank_line()], source.name, blank))
                first_blank = None
            yield number, line

    # Documents that records are joined with

    def _lookup(self, event: EventFolder | None) -> Lookup:
        if event is not None:
            file = str(event.documents_file)
            return Lookup(read_lines(Source(file, file)), Document, file)
        if self.corpus.bare is not None:
            return Lookup(self.corpus.gold_lines(), AnnotationRecord, self.corpus.bare.name)
        return Lookup(self.corpus.document_lines(), Document, str(self.corpus.root))

    def _document(self, documents: Lookup, key: str) -> Any | None:
        while True:
            try:
                return documents.get(key)
            except FindingsError as error:
                self._tell(error)

    def _left(self, documents: Lookup) -> list[str]:
        left: list[str] = []
        while True:
            try:
                left.extend(document.document_id for document in documents.rest())
            except FindingsError as error:
                self._tell(error)
            else:
                return left

    def _tell(self, error: FindingsError) -> None:
        """Pass on a fault of the corpus' own documents, once, however many files are joined with them."""
        for found in error.findings:
            if (found.file, found.line) not in self._told and (found.file, None) not in self._told:
                self._told.add((found.file, found.line))
                self.sieve.add([found])

    def _known_documents(self) -> list[str]:
        if self._known is None:
            lines = self.corpus.gold_lines() if self.corpus.bare is not None else self.corpus.document_lines()
            decoder = msgspec.json.Decoder(_Key)
            self._known = []
            for _, line in islice(lines, _KNOWN):
                try:
                    self._known.append(decoder.decode(line).document_id)
                except (msgspec.MsgspecError, ValueError, RecursionError):
                    continue
        return self._known

    # The corpus itself

    def corpus_itself(self, views: Mapping[str, bytes] | None) -> None:
        """Validate every file of the corpus, by itself and against the others."""
        if self.corpus.bare is not None:
            self.records_of(self.corpus.bare, "gold")
            return
        for event in self.corpus.events.values():
            self._event(event)
        for path, expected in (views or {}).items():
            self.files += 1
            file = self.corpus.root / path
            found = list(corpus_rules.views_out_of_date(path, expected, _bytes_of(file)))
            self.sieve.add(located(found, str(file), None))
        self._release()

    def _event(self, event: EventFolder) -> None:
        file = event.folder / "event.json"
        self.files += 1
        _, found = decode_line(_bytes_of(file) or b"", "event", number=None, file=str(file))
        found += located(corpus_rules.check_event(event.event, event.folder.name, event.entities), str(file), None)
        self.sieve.add(found)
        entity_lines = self._entities(event)
        claim_lines = self._claims(event)
        documents = self._documents(event)
        self._told.add((str(event.documents_file), None))
        self._gold(event, documents, entity_lines, claim_lines)
        for annotator in event.annotator_files:
            self.records_of(Source(str(annotator), str(annotator)), "annotation", event)

    def _decoded(self, file: Path, kind: str) -> Iterator[tuple[int, Any]]:
        """Records of one of the corpus' small files; what cannot be decoded is reported."""
        self.files += 1
        try:
            for number, line in self._lines(Source(str(file), str(file))):
                record, found = decode_line(line, kind, number=number, file=str(file))
                self.sieve.add(found)
                if record is not None:
                    yield number, record
        except FindingsError as error:
            self.sieve.add(error.findings)

    def _entities(self, event: EventFolder) -> dict[str, int]:
        file = event.folder / "entities.jsonl"
        lines: dict[str, int] = {}
        by_id: dict[str, str] = {}
        for number, record in self._decoded(file, "entity"):
            entity: Entity = record
            found = corpus_rules.check_entity(entity)
            if entity.entity in lines:
                found.append(corpus_rules.repeated_key(entity.entity, "/entity"))
            elif entity.kb_id is not None and (other := by_id.setdefault(entity.kb_id, entity.entity)) != entity.entity:
                found.append(corpus_rules.one_kb_id_for_two_entities(entity, other))
            lines.setdefault(entity.entity, number)
            self.sieve.add(located(found, str(file), number))
        return lines

    def _claims(self, event: EventFolder) -> dict[str, int]:
        file = event.folder / "claims.jsonl"
        lines: dict[str, int] = {}
        for number, record in self._decoded(file, "claim"):
            claim: CanonicalClaim = record
            found = corpus_rules.check_claim(claim, event.claims)
            if claim.claim in lines:
                found.append(corpus_rules.repeated_key(claim.claim, "/claim"))
            lines.setdefault(claim.claim, number)
            self.sieve.add(located(found, str(file), number))
        return lines

    def _documents(self, event: EventFolder) -> list[str]:
        lines: dict[str, int] = {}
        for number, document in self._decoded(event.documents_file, "document"):
            found = corpus_rules.check_document(document, event.event.event)
            if document.document_id in lines:
                found.append(repeated_document(document.document_id, lines[document.document_id]))
            lines.setdefault(document.document_id, number)
            self.sieve.add(located(found, str(event.documents_file), number))
        return list(lines)

    def _gold(
        self, event: EventFolder, documents: list[str], entity_lines: dict[str, int], claim_lines: dict[str, int]
    ) -> None:
        if not event.gold_file.exists():
            # An event that is still being annotated: everything else of it can be validated.
            self.sieve.add(located([missing_documents(documents)], str(event.gold_file), None))
            return
        entities: set[Any] = set()
        claims: set[Any] = set()

        def tap(record: AnnotationRecord, _: int) -> None:
            entities.update(mention.entity for mention in record.entities or ())
            claims.update(span.claim for span in record.claims or ())

        self.records_of(Source(str(event.gold_file), str(event.gold_file)), "gold", event, tap)
        for entity, number in entity_lines.items():
            if entity not in entities:
                found = [corpus_rules.entity_without_mention(entity)]
                self.sieve.add(located(found, str(event.folder / "entities.jsonl"), number))
        for claim, number in claim_lines.items():
            if claim not in claims and event.claims[claim].mutation_of is None:
                found = [corpus_rules.claim_that_no_span_states(claim)]
                self.sieve.add(located(found, str(event.folder / "claims.jsonl"), number))

    def _release(self) -> None:
        root = self.corpus.root
        file = root / "release.json"
        if not file.exists():
            return
        self.files += 1
        release: Release = read_json(file, Release)
        found: list[Finding] = []
        for path, expected in release.files.items():
            member = root / path
            found += corpus_rules.release_differs(path, expected, sha256(member) if member.is_file() else None)
        for member in sorted(root.glob("events/**/*.json*")):
            path = member.relative_to(root).as_posix()
            if path not in release.files:
                found += corpus_rules.release_differs(path, None, "")
        listing = "".join(f"{digest}  {path}\n" for path, digest in sorted(release.files.items()))
        whole = hashlib.sha256(listing.encode("utf-8", "backslashreplace")).hexdigest()
        found += corpus_rules.release_differs("the whole of the files", release.sha256, whole)
        self.sieve.add(located(found, str(file), None))


def _bytes_of(file: Path) -> bytes | None:
    try:
        with open_bytes(str(file)) as stream:
            return stream.read()
    except UnreadableError:
        return None
