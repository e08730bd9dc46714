"""Files of records, line by line, joined with the documents of the corpus as they come."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from retold.corpus.load import Corpus, EventFolder
from retold.io.jsonl import Lookup
from retold.io.sources import Source
from retold.layers import LAYERS
from retold.model.annotations import AnnotationRecord, Document
from retold.model.findings import Finding, FindingsError, UnreadableError
from retold.reading import Records, Shard, ShardMismatch, known_documents, layers_in, map_shards, rows_of, shards_of
from retold.review import review
from retold.rules import DECODERS, Role, layer_missing, located, missing_documents, no_records, unknown_document
from retold.validation.report import FindingCollector

__all__ = ["Run"]


class Run:
    """One validation: where findings go, and what was checked."""

    def __init__(self, corpus: Corpus, collector: FindingCollector, workers: int = 1) -> None:
        self.corpus = corpus
        self.workers = workers
        self.collector = collector
        self._known: list[str] = []
        #: Document files of the corpus whose findings are already reported, or lines of them: (file, line or None).
        self.reported: set[tuple[str | None, int | None]] = set()

    def add(self, findings: list[Finding], file: object, line: int | None = None) -> None:
        """Collect findings about a file, or a line of it."""
        self.collector.add(located(findings, file, line))

    def check_records(
        self,
        source: Source,
        role: Role,
        event: EventFolder | None = None,
        on_record: Callable[[AnnotationRecord], None] | None = None,
        *,
        certain: bool = True,
    ) -> bool:
        """Check one file of records; True if every line could be decoded.

        Args:
            source: the file.
            role: what it is.
            event: the one event that it must cover; None for all of the corpus.
            on_record: called with every record.
            certain: whether the role is known; otherwise what is wrong in this role only is a warning.
        """
        self.collector.files += 1
        if event is None and on_record is None:
            clean = self._count_if_clean(source, role)
            if clean is not None:
                self.collector.records += clean
                self.collector.add(review(self.corpus, source, role))
                return True
        records = Records(source, self.corpus.scheme.decoder, self.collector.add)
        layers: dict[str, tuple[bool, ...]] = {}
        with self.corpus.lookup(event) as documents:
            try:
                for number, _, record in records:
                    known = self._check_record(record, number, source.name, role, documents, certain=certain)
                    if known and role == "prediction":
                        layers[record.document_id] = layers_in(record)
                    if on_record is not None:
                        on_record(record)
            except FindingsError as error:
                self._add_once(error)
                return False
            finally:
                self.collector.records += records.read
            missing = records.missing(self._remaining(documents))
            whole = self._missing_layers(layers)
            self.collector.add(review(self.corpus, source, role, event))
            if not records.read:
                self.add([no_records()], source.name)
            elif role != "annotation" and missing:
                whole.append(missing_documents(missing))
            self.add(whole if certain else [*map(_as_warning, whole)], source.name)
        return records.read == len(records.seen)

    def _missing_layers(self, layers: dict[str, tuple[bool, ...]]) -> list[Finding]:
        """Layers of predictions that are absent in some documents, although gold has them there."""
        found = []
        gold: dict[str, tuple[bool, ...]] | None = None
        for at, name in enumerate(LAYERS):
            absent = [key for key, present in layers.items() if not present[at]]
            if name in self.corpus.scheme.layers and 0 < len(absent) < len(layers):
                gold = self._layers_of_gold() if gold is None else gold
                absent = [key for key in absent if key not in gold or gold[key][at]]
                found += [layer_missing(name, absent, len(absent))] if absent else []
        return found

    def _layers_of_gold(self) -> dict[str, tuple[bool, ...]]:
        """The layers of each gold record; what is wrong with gold is reported elsewhere."""
        found = {}
        decoder = self.corpus.scheme.counting_decoder
        with suppress(FindingsError, UnreadableError):
            for number, line in self.corpus.gold_lines():
                record, _ = decoder.decode(line, number=number, file="")
                if record is not None:
                    found[record.document_id] = layers_in(record)
        return found

    def _count_if_clean(self, source: Source, role: Role) -> int | None:
        """Records of a large file that several workers find nothing wrong with; None for any other."""
        if self.workers < 2 or self.corpus.bare is not None:
            return None
        shards = shards_of([[source], self.corpus.document_sources()], self.workers)
        keys: set[str] = set()
        layouts: set[tuple[bool, ...]] = set()
        total = 0
        try:
            for found, layers in map_shards(partial(check_shard, self.corpus, role), shards, self.workers):
                keys.update(found)
                layouts |= layers
                total += len(found)
        except ShardMismatch:
            return None
        if role == "prediction" and len(layouts) > 1:
            # A layer may be missing in some documents.
            return None
        return total if len(keys) == total > 0 else None

    def _check_record(
        self, record: AnnotationRecord, number: int, file: str, role: Role, documents: Lookup, *, certain: bool
    ) -> bool:
        """Check a record; False if its document is unknown."""
        document = self._document(documents, record.document_id)
        if document is None:
            if not self._known:
                bare = self.corpus.bare is not None
                self._known = known_documents(self.corpus.gold_lines() if bare else self.corpus.document_lines())
            self.add([unknown_document(record.document_id, self._known, self.corpus.title)], file, number)
            return False
        if not isinstance(document, Document):
            # A bare gold file has the keys of its documents, and no texts.
            document = None
        found = self.corpus.check(record, role, document)
        if not certain and found:
            # Of the roles, predictions have the fewest errors, and what is one in them is one in all.
            anyway = self.corpus.check(record, "prediction", document)
            errors = {(each.code, each.pointer) for each in anyway if each.severity == "error"}
            found = [each if (each.code, each.pointer) in errors else _as_warning(each) for each in found]
        self.add(found, file, number)
        return True

    # Documents that records are joined with

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
        found = [each for each in error.findings if not {(each.file, each.line), (each.file, None)} & self.reported]
        self.reported |= {(each.file, each.line) for each in found}
        self.collector.add(found)


def _as_warning(found: Finding) -> Finding:
    return msgspec.structs.replace(found, severity="warning")


def check_shard(corpus: Corpus, role: Role, shard: Shard) -> tuple[list[str], set[tuple[bool, ...]]]:
    """Documents of a shard of records and documents of the corpus, and which layers the records have.

    Raises ShardMismatch if anything is wrong with one of them.
    """
    keys = []
    layouts = set()
    try:
        for (_, _, record), (_, _, document) in rows_of(shard, [corpus.scheme.decoder, DECODERS["document"]]):
            if corpus.check(record, role, document):
                raise ShardMismatch
            keys.append(record.document_id)
            layouts.add(layers_in(record))
    except (ValueError, OSError) as error:
        raise ShardMismatch from error
    return keys, layouts
