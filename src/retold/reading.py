"""The one checked, joined stream of records: predictions with their gold and their document.

``Pairs`` reads a whole file in its own order and says everything that is wrong with it. ``read_shard`` reads a range of
bytes of a file whose records stand in the order of gold; where they do not, or anything is wrong, it raises
``ShardMismatch``, and reading the whole file finds out what is wrong.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, pairwise, zip_longest
from pathlib import Path
from typing import Any, Final, Literal, NoReturn, TypeVar

from retold.corpus.load import Corpus, decode_or_refuse
from retold.io.jsonl import Line, Lookup, read_lines
from retold.io.parquet import read_batches
from retold.io.sources import Source
from retold.layers import LAYERS
from retold.layers.columns import NotColumnar
from retold.model.annotations import Document, encode
from retold.model.findings import Finding, FindingsError
from retold.rules import located, missing_documents, no_records, repeated_document, unknown_document
from retold.rules.bytes import DECODERS

__all__ = [
    "ExecutorName",
    "Pair",
    "Pairs",
    "Shard",
    "ShardMismatch",
    "map_shards",
    "read_columns",
    "read_shard",
    "shards_of",
]

#: Findings after which a file is not read any further.
MAX_FINDINGS: Final = 1000
#: Least size of a shard in bytes: smaller ones are read before another process has started.
MIN_SHARD: Final = 16 * 1024 * 1024
#: Shards for each worker: a slow one then leaves more to the others.
SHARDS_EACH: Final = 4

ExecutorName = Literal["process", "threads"]
R = TypeVar("R")


class ShardMismatch(Exception):
    """A shard cannot be counted by itself."""


@dataclass(slots=True)
class Pair:
    """A record with its gold and its document.

    Attributes:
        number, gold_number: lines of the record and of gold; 0 for a record that is missing and taken as empty.
        record, gold: as decoded.
        document: the document, None where only gold records are at hand.
        line, gold_line: what they were decoded from.
    """

    number: int
    record: Any
    gold_number: int
    gold: Any
    document: Document | None
    line: bytes
    gold_line: bytes


@dataclass
class Pairs:
    """One pass over predictions, joined with gold and documents by ``document_id``.

    Iterate to the end, then call ``finish``. Findings are kept up to a limit; a record with an error is not yielded.

    Attributes:
        allow_missing: whether missing documents are taken as empty.
        findings: errors of the predictions.
        seen: line of each document.
        missing: documents that were taken as empty.
    """

    corpus: Corpus
    records: Source
    allow_missing: bool = False
    findings: list[Finding] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    missing: int = 0
    _absent: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Pair]:
        corpus, decoder = self.corpus, self.corpus.scheme.decoder
        name = gold_name(corpus)
        with ExitStack() as stack:
            decode_gold = partial(_decode, decoder, name)
            gold = stack.enter_context(Lookup(corpus.gold_lines(), decode_gold))
            decode_document = partial(_decode, DECODERS["document"], "documents")
            documents = stack.enter_context(Lookup(corpus.document_lines(), decode_document))
            for number, line in read_lines(self.records):
                record, findings = decoder.decode(line, number=number, file=self.records.name)
                self.add(findings)
                if record is not None:
                    wanted = self._wanted(record.document_id, number, gold)
                    if wanted is not None:
                        document = self._document(documents, record.document_id, gold.number)
                        yield Pair(number, record, gold.number, wanted, document, line, gold.line)
                if len(self.findings) >= MAX_FINDINGS:
                    return
            for key, number in gold.repeated:
                self.refuse_gold([repeated_document(key, self._first_of(key))], number)
            for wanted in gold.rest():
                key = wanted.document_id
                if key in self.seen:
                    self.refuse_gold([repeated_document(key, self._first_of(key))], gold.number)
                self._absent.append(key)
                if self.allow_missing:
                    self.missing += 1
                    self.seen[key] = 0
                    empty = corpus.scheme.record_type(document_id=key)
                    document = self._document(documents, key, gold.number)
                    yield Pair(0, empty, gold.number, wanted, document, encode(empty), gold.line)

    def finish(self) -> None:
        """Refuse predictions that are not complete or not right.

        Raises:
            FindingsError: every finding of the file, up to a limit, in the order of its lines.
        """
        self.findings.sort(key=lambda found: found.line or 0)
        if len(self.seen) == self.missing and not self.findings:
            self.add(located([no_records()], self.records.name, None))
        elif self._absent and not self.allow_missing and len(self.findings) < MAX_FINDINGS:
            self.add(located([missing_documents(self._absent)], self.records.name, None))
        if self.findings:
            raise FindingsError(self.findings)

    def add(self, findings: Sequence[Finding]) -> None:
        """Keep errors. Warnings do not keep a file from being scored, and must not count towards the limit."""
        self.findings += [finding for finding in findings if finding.severity == "error"]

    def refuse_gold(self, findings: list[Finding], number: int) -> NoReturn:
        """Refuse gold that cannot be scored against: no prediction is at fault there."""
        raise FindingsError(located(findings, gold_name(self.corpus), number))

    def _wanted(self, key: str, number: int, gold: Lookup) -> Any | None:
        if key in self.seen:
            self.add(located([repeated_document(key, self.seen[key])], self.records.name, number))
            return None
        wanted = gold.get(key)
        if wanted is None:
            known = list(self.corpus.documents) or list(self.seen)
            self.add(located([unknown_document(key, known)], self.records.name, number))
            return None
        self.seen[key] = number
        return wanted

    def _document(self, documents: Lookup, key: str, gold_number: int) -> Document | None:
        document = documents.get(key)
        if document is None and self.corpus.events:
            self.refuse_gold([unknown_document(key, list(self.corpus.documents))], gold_number)
        return document

    def _first_of(self, document_id: str) -> int:
        """Line of the first gold record of a document."""
        decode = self.corpus.scheme.decoder.typed.decode
        lines = ((number, line) for number, line in self.corpus.gold_lines() if line)
        return next((number for number, line in lines if decode(line).document_id == document_id), 0)


def gold_name(corpus: Corpus) -> str:
    """What messages call the gold file."""
    sources = corpus.gold_sources()
    return sources[0].name if len(sources) == 1 else "gold"


def _decode(decoder: Any, name: str, line: bytes, number: int) -> Any:
    return decode_or_refuse(decoder, line, number, name)


# Columns


def read_columns(corpus: Corpus, records: Source, size: int) -> Iterator[tuple[list[str], Any, Any]]:
    """Yield documents, gold and predictions of two Parquet files with the same documents in the same order.

    Gold and predictions are Arrow record batches of up to ``size`` documents.

    Raises:
        NotColumnar: the files are not of that kind; ``Pairs`` reads them as records and says what is wrong.
    """
    sources = corpus.gold_sources()
    if corpus.events or len(sources) != 1 or not (records.is_parquet and sources[0].is_parquet):
        raise NotColumnar("records in other files than Parquet")
    known = {"document_id", *LAYERS}
    try:
        batches = (read_batches(source, size, without=("text",)) for source in (sources[0], records))
        for gold, predicted in zip_longest(*batches):
            if gold is None or predicted is None or {*gold.schema.names, *predicted.schema.names} - known:
                raise NotColumnar("files of different documents or columns")
            keys, others = (batch.column("document_id").to_pylist() for batch in (gold, predicted))
            if keys != others or not all(isinstance(key, str) and key for key in keys):
                raise NotColumnar("documents in another order")
            yield keys, gold, predicted
    except NotColumnar:
        raise
    except Exception as error:
        # Whatever a damaged file makes of its reader, reading it row by row gives the finding.
        raise NotColumnar(str(error)) from error


# Shards


@dataclass(frozen=True, slots=True)
class Part:
    """Some lines of a file: bytes from ``start``, ``lines`` of them, the first of which has number ``first``."""

    source: Source
    start: int
    first: int
    lines: int

    def read(self) -> Iterator[Line]:
        """The lines."""
        with self.source.open() as stream:
            stream.seek(self.start)
            for number in range(self.first, self.first + self.lines):
                line = stream.readline()
                yield number, b"" if line.isspace() else line.removesuffix(b"\n").removesuffix(b"\r")


@dataclass(frozen=True, slots=True)
class Shard:
    """The same lines of predictions, gold and documents."""

    records: tuple[Part, ...]
    gold: tuple[Part, ...]
    documents: tuple[Part, ...]


def shards_of(corpus: Corpus, records: Source, workers: int) -> list[Shard]:
    """Cut predictions, gold and documents into ranges of the same lines; none where that cannot be done.

    Files are cut at line ends only, without decoding; whether lines belong together is for ``read_shard`` to see.
    """
    sides = [[records], corpus.gold_sources(), corpus.document_sources()]
    for source in chain.from_iterable(sides):
        if source.is_parquet or source.member is not None or "://" in source.path or not Path(source.path).is_file():
            return []
    size = sum(Path(source.path).stat().st_size for source in sides[0])
    count = min(workers * SHARDS_EACH, size // MIN_SHARD)
    if count < 2:
        return []
    indexes = [[(source, _line_starts(source)) for source in side] for side in sides]
    totals = [sum(len(starts) - 1 for _, starts in side) for side in indexes]
    if totals[0] != totals[1] or (totals[2] and totals[2] != totals[1]):
        return []
    bounds = [totals[0] * number // count for number in range(count + 1)]
    cut = [_cut(side, bounds) for side in indexes]
    return [Shard(*parts) for parts in zip(*cut, strict=True)]


def _line_starts(source: Source) -> list[int]:
    """Offset of each line of a file, and of its end."""
    starts, offset = [0], 0
    with source.open() as stream:
        while block := stream.read(1 << 22):
            at = block.find(b"\n")
            while at >= 0:
                starts.append(offset + at + 1)
                at = block.find(b"\n", at + 1)
            offset += len(block)
    if starts[-1] != offset:
        starts.append(offset)
    return starts


def _cut(side: Sequence[tuple[Source, list[int]]], bounds: Sequence[int]) -> list[tuple[Part, ...]]:
    """The parts of a side between each two bounds, which are numbers of lines over all its files."""
    found = []
    for low, high in pairwise(bounds):
        parts, before = [], 0
        for source, starts in side:
            lines = len(starts) - 1
            first, last = max(low - before, 0), min(high - before, lines)
            if first < last:
                parts.append(Part(source, starts[first], first + 1, last - first))
            before += lines
        found.append(tuple(parts))
    return found


def read_shard(corpus: Corpus, shard: Shard) -> Iterator[Pair]:
    """The pairs of one shard.

    Raises:
        ShardMismatch: lines do not belong together, or one is at fault.
    """
    decoder = corpus.scheme.decoder
    records = (line for part in shard.records for line in part.read())
    golds = (line for part in shard.gold for line in part.read())
    texts = (line for part in shard.documents for line in part.read()) if corpus.events else iter(())
    for record_line, gold_line, text_line in zip_longest(records, golds, texts):
        if record_line is None or gold_line is None:
            raise ShardMismatch
        number, line = record_line
        record, findings = decoder.decode(line, number=number, file="")
        gold, faults = decoder.decode(gold_line[1], number=gold_line[0], file="")
        document = None
        if corpus.events:
            document, more = DECODERS["document"].decode((text_line or (0, b""))[1], number=None, file="")
            faults = [*faults, *more]
        if record is None or gold is None or findings or faults or record.document_id != gold.document_id:
            raise ShardMismatch
        if document is not None and document.document_id != record.document_id:
            raise ShardMismatch
        yield Pair(number, record, gold_line[0], gold, document, line, gold_line[1])


def map_shards(
    work: Callable[[Shard], R], shards: Sequence[Shard], workers: int, executor: ExecutorName = "process"
) -> Iterator[R]:
    """Yield what ``work`` makes of each shard, in their order, from some workers.

    Args:
        work: a function that can be pickled, as its results can.
        executor: process or threads.
    """
    with _executor(executor, workers) as pool:
        waiting = [pool.submit(work, shard) for shard in shards]
        try:
            while waiting:
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()


def _executor(name: ExecutorName, workers: int) -> Executor:
    if name == "threads":
        return ThreadPoolExecutor(workers)
    from multiprocessing import current_process, get_context

    if current_process().daemon:
        # The workers of a multiprocessing.Pool may have no children of their own.
        return ThreadPoolExecutor(1)
    return ProcessPoolExecutor(workers, get_context(_start_method()), _end_with_parent)


def _start_method() -> str:
    """``fork`` where it is safe, that is on Linux and without threads, otherwise ``spawn``."""
    return "fork" if os.uname().sysname == "Linux" and threading.active_count() == 1 else "spawn"


def _end_with_parent() -> None:
    """End a worker whose parent ends, however that happens."""
    from multiprocessing import parent_process

    def watch() -> None:
        if parent := parent_process():
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
