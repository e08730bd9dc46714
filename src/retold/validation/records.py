"""Files of records, line by line, joined with the documents of the corpus as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any, Final

import msgspec

from retold.corpus.load import Corpus, EventFolder
from retold.io.jsonl import Line, Lookup, read_lines
from retold.io.sources import MAX_LINE, Source, open_bytes
from retold.model.annotations import AnnotationRecord, Document
from retold.model.findings import FindingsError, UnreadableError
from retold.rules import (
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
from retold.validation.parallel import count_if_clean
from retold.validation.report import FindingCollector, Report

__all__ = ["Run"]

#: Keys of documents among which a nearest name is sought.
_KNOWN: Final = 5000


class _Key(msgspec.Struct):
    """A record of which only the document matters."""

    document_id: str


class Run:
    """One validation: where findings go, and what was looked at."""

    def __init__(self, corpus: Corpus, collector: FindingCollector, workers: int = 1) -> None:
        self.corpus = corpus
        self.workers = workers
        self.collector = collector
        self.files = 0
        self.records = 0
        self._known: list[str] | None = None
        #: Faults of the corpus' own documents that were reported: (file, line), or line None for the whole file.
        self.told: set[tuple[str | None, int | None]] = set()
        self._others: list[Run] = []

    def of(self, corpus: Corpus) -> Run:
        """A run of another corpus, into the same report."""
        other = Run(corpus, self.collector)
        self._others.append(other)
        return other

    def report(self) -> Report:
        """All that was found, in this run and those of other corpora."""
        runs = [self, *self._others]
        return self.collector.report(sum(run.files for run in runs), sum(run.records for run in runs))

    def refused(self, error: FindingsError) -> None:
        """A file that could not be read to its end."""
        self.files += 1
        self.collector.add(error.findings)

    def card_of(self, path: str) -> bool:
        """All that is wrong with the card of a submission folder; False where there is no such file."""
        try:
            with open_bytes(path) as stream:
                text = stream.read(MAX_LINE)
        except UnreadableError:
            return False
        self.files += 1
        found = decode_line(text, "submission", number=None, file=path)[1]
        self.collector.add(found)
        return bool(found)

    # Files of records

    def records_of(
        self,
        source: Source,
        role: Role,
        event: EventFolder | None = None,
        tap: Callable[[AnnotationRecord], None] | None = None,
    ) -> bool:
        """Validate one file of records; True where every line could be decoded.

        Args:
            source: the file.
            role: what it is.
            event: the one event that it must cover; None for all of the corpus.
            tap: is shown every record.
        """
        self.files += 1
        if event is None and tap is None:
            clean = count_if_clean(source, self.corpus, role, self.workers)
            if clean is not None:
                self.records += clean
                return True
        seen: dict[str, int] = {}
        before = self.records
        decoded = True
        with closing(self._lookup(event)) as documents:
            try:
                for number, line in self.lines(source):
                    self.records += 1
                    record, found = decode_record(line, number=number, file=source.name)
                    self.collector.add(found)
                    if record is not None:
                        self._record(record, number, source.name, role, seen, documents)
                        if tap is not None:
                            tap(record)
                    elif found[0].document is not None and found[0].document not in seen:
                        # At fault, but not missing.
                        seen[found[0].document] = number
                        self._document(documents, found[0].document)
                    decoded = decoded and record is not None
            except FindingsError as error:
                self.collector.add(error.findings)
                return False
            if self.records == before:
                self.collector.add(located([no_records()], source.name, None))
            elif role != "annotation" and (missing := self._left(documents)):
                self.collector.add(located([missing_documents(missing)], source.name, None))
        return decoded

    def _record(
        self, record: AnnotationRecord, number: int, file: str, role: Role, seen: dict[str, int], documents: Lookup
    ) -> None:
        key = record.document_id
        if key in seen:
            self.collector.add(located([repeated_document(key, seen[key])], file, number))
            return
        seen[key] = number
        document = self._document(documents, key)
        if document is None:
            self.collector.add(located([unknown_document(key, self._known_documents())], file, number))
            return
        if not isinstance(document, Document):
            # A bare file of gold knows which documents there are, and nothing of their text.
            document = None
        vocabulary = self.corpus.vocabulary(document)
        found = check_record(record, role=role, document=document, vocabulary=vocabulary)
        if found:
            self.collector.add(located(found, file, number))

    def lines(self, source: Source) -> Iterator[Line]:
        """Lines that are not blank; blank ones between them are findings, at the end of a file they are not."""
        first_blank: int | None = None
        for number, line in read_lines(source):
            if is_blank(line):
                first_blank = number if first_blank is None else first_blank
                continue
            if first_blank is not None:
                for blank in range(first_blank, number):
                    self.collector.add(located([blank_line()], source.name, blank))
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
            if (found.file, found.line) not in self.told and (found.file, None) not in self.told:
                self.told.add((found.file, found.line))
                self.collector.add([found])

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
