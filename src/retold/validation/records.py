"""Files of records, line by line, joined with the documents of the corpus as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any, Final

import msgspec

from retold.corpus.load import Corpus, EventFolder, decode_or_refuse
from retold.io.jsonl import Line, Lookup, read_lines
from retold.io.sources import MAX_LINE, Source, open_bytes
from retold.model.annotations import AnnotationRecord, Document
from retold.model.findings import Finding, FindingsError, UnreadableError
from retold.rules import (
    LineDecoder,
    Role,
    blank_line,
    decode_line,
    is_blank,
    located,
    missing_documents,
    no_records,
    repeated_document,
    unknown_document,
)
from retold.rules.bytes import DECODERS
from retold.validation.parallel import count_if_clean
from retold.validation.report import FindingCollector, Report

__all__ = ["Run"]

#: Documents among which the nearest key is sought for a "did you mean".
_MAX_KNOWN: Final = 5000


class _Key(msgspec.Struct):
    """A record of which only the document matters."""

    document_id: str


class Run:
    """One validation: where findings go, and what was checked."""

    def __init__(self, corpus: Corpus, collector: FindingCollector, workers: int = 1) -> None:
        self.corpus = corpus
        self.workers = workers
        self.collector = collector
        self.files = 0
        self.records = 0
        self._known: list[str] | None = None
        #: Files of the corpus' documents that were checked themselves, or lines of them: (file, line or None).
        self.reported: set[tuple[str | None, int | None]] = set()
        self._others: list[Run] = []

    def for_corpus(self, corpus: Corpus) -> Run:
        """A run for another corpus, with the same report."""
        other = Run(corpus, self.collector)
        self._others.append(other)
        return other

    def report(self) -> Report:
        """All that was found, in this run and those for other corpora."""
        runs = [self, *self._others]
        return self.collector.report(sum(run.files for run in runs), sum(run.records for run in runs))

    def add(self, findings: list[Finding], file: object, line: int | None = None) -> None:
        """Collect findings about a file, or a line of it."""
        if findings:
            self.collector.add(located(findings, str(file), line))

    def check_card(self, path: str) -> bool:
        """Check the card of a submission folder; False where there is none, or nothing is wrong with it."""
        try:
            with open_bytes(path) as stream:
                text = stream.read(MAX_LINE)
        except UnreadableError:
            return False
        self.files += 1
        found = decode_line(text, "submission", number=None, file=path)[1]
        self.collector.add(found)
        return bool(found)

    def check_records(
        self,
        source: Source,
        role: Role,
        event: EventFolder | None = None,
        on_record: Callable[[AnnotationRecord], None] | None = None,
    ) -> bool:
        """Check one file of records; True if every line could be decoded.

        Args:
            source: the file.
            role: what it is.
            event: the one event that it must cover; None for all of the corpus.
            on_record: called with every record.
        """
        self.files += 1
        if event is None and on_record is None:
            clean = count_if_clean(source, self.corpus, role, self.workers)
            if clean is not None:
                self.records += clean
                return True
        seen: dict[str, int] = {}
        before = self.records
        all_decoded = True
        with closing(self._lookup(event)) as documents:
            try:
                for number, line in self.lines(source):
                    self.records += 1
                    record, found = self.corpus.scheme.decoder.decode(line, number=number, file=source.name)
                    self.collector.add(found)
                    if record is not None:
                        self._check_record(record, number, source.name, role, seen, documents)
                        if on_record is not None:
                            on_record(record)
                    elif found[0].document is not None and found[0].document not in seen:
                        # Invalid, but not missing.
                        seen[found[0].document] = number
                        self._document(documents, found[0].document)
                    all_decoded = all_decoded and record is not None
            except FindingsError as error:
                self.collector.add(error.findings)
                return False
            if self.records == before:
                self.add([no_records()], source.name)
            elif role != "annotation" and (missing := self._remaining(documents)):
                self.add([missing_documents(missing)], source.name)
        return all_decoded

    def _check_record(
        self, record: AnnotationRecord, number: int, file: str, role: Role, seen: dict[str, int], documents: Lookup
    ) -> None:
        key = record.document_id
        if key in seen:
            self.add([repeated_document(key, seen[key])], file, number)
            return
        seen[key] = number
        document = self._document(documents, key)
        if document is None:
            self.add([unknown_document(key, self._known_documents())], file, number)
            return
        if not isinstance(document, Document):
            # A bare gold file has the keys of its documents, and no texts.
            document = None
        vocabulary = self.corpus.vocabulary(document)
        self.add(self.corpus.scheme.check(record, role=role, document=document, vocabulary=vocabulary), file, number)

    def lines(self, source: Source) -> Iterator[Line]:
        """Lines that are not blank. Blank lines before another line are findings."""
        first_blank: int | None = None
        for number, line in read_lines(source):
            if is_blank(line):
                first_blank = number if first_blank is None else first_blank
                continue
            if first_blank is not None:
                for blank in range(first_blank, number):
                    self.add([blank_line()], source.name, blank)
                first_blank = None
            yield number, line

    # Documents that records are joined with

    def _lookup(self, event: EventFolder | None) -> Lookup:
        if self.corpus.bare is not None:
            return Lookup(self.corpus.gold_lines(), self._decode(self.corpus.scheme.decoder, self.corpus.bare.name))
        lines = self.corpus.document_lines() if event is None else read_lines(Source.of(event.documents_file))
        file = str(self.corpus.root if event is None else event.documents_file)
        return Lookup(lines, self._decode(DECODERS["document"], file))

    def _decode(self, decoder: LineDecoder, file: str) -> Callable[[bytes, int], Any]:
        return lambda line, number: decode_or_refuse(decoder, line, number, file)

    def _document(self, documents: Lookup, key: str) -> Any | None:
        while True:
            try:
                return documents.get(key)
            except FindingsError as error:
                self._add_once(error)

    def _remaining(self, documents: Lookup) -> list[str]:
        keys: list[str] = []
        while True:
            try:
                keys.extend(document.document_id for document in documents.rest())
            except FindingsError as error:
                self._add_once(error)
            else:
                return keys

    def _add_once(self, error: FindingsError) -> None:
        """Report invalid documents of the corpus once, however many files are joined with them."""
        for found in error.findings:
            if (found.file, found.line) not in self.reported and (found.file, None) not in self.reported:
                self.reported.add((found.file, found.line))
                self.collector.add([found])

    def _known_documents(self) -> list[str]:
        if self._known is None:
            lines = self.corpus.gold_lines() if self.corpus.bare is not None else self.corpus.document_lines()
            decoder = msgspec.json.Decoder(_Key)
            self._known = []
            for _, line in islice(lines, _MAX_KNOWN):
                try:
                    self._known.append(decoder.decode(line).document_id)
                except (msgspec.MsgspecError, ValueError, RecursionError):
                    continue
        return self._known
