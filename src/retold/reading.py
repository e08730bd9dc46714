"""The one checked, joined stream of records: predictions with their gold and their document.

``Records`` reads a file and says what is wrong with its lines; ``Pairs`` joins it with gold. A shard is a range of
lines of files whose documents stand in the same order; where they do not, or anything is wrong, reading it raises
``ShardMismatch``, and reading the whole file finds out what is wrong.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice, pairwise, zip_longest
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec
from msgspec import UNSET

from retold.corpus.load import Corpus, refuse_foreign
from retold.io.jsonl import Line, Lines, Lookup, read_lines, without_end
from retold.io.parquet import read_batches
from retold.io.sources import Source
from retold.layers import LAYERS
from retold.layers.columns import NotColumnar
from retold.model.annotations import Document, encode
from retold.model.findings import Finding, FindingsError
from retold.rules.bytes import DECODERS, LineDecoder, blank_line, located, no_records, refusal, too_many_invalid_lines
from retold.rules.references import missing_documents, repeated_document, unknown_document

__all__ = [
    "ExecutorName",
    "Key",
    "Pair",
    "Pairs",
    "Records",
    "Shard",
    "ShardMismatch",
    "decoded",
    "known_documents",
    "layers_in",
    "map_shards",
    "read_columns",
    "read_shard",
    "rows_of",
    "shards_of",
]

#: Findings after which a file is not read any further.
MAX_FINDINGS: Final = 1000
#: Invalid lines after which a file is not read any further.
MAX_INVALID: Final = 10_000
#: Maximum number of documents that are searched for a "did you mean".
MAX_KNOWN: Final = 5000
#: Least size of a shard in bytes: each learns names anew, and another process has to start.
MIN_SHARD: Final = 8 * 1024 * 1024

ExecutorName = Literal["process", "threads"]
R = TypeVar("R")
Report = Callable[[Sequence[Finding]], None]


class ShardMismatch(Exception):
    """A shard cannot be counted by itself."""


def decoded(
    source: Source, decoder: LineDecoder, report: Report, refuse: Callable[[Source, bytes], None] | None = None
) -> Iterator[tuple[int, bytes, Any, str | None]]:
    """Yield line number, line and record of each line; of an invalid one, None and its document, where that is known.

    Findings are reported, and runs of blank lines, except at the end. A file with too many invalid lines is not read to
    its end. ``refuse`` is called with the first line if that is invalid, before it is reported.
    """
    invalid = last = 0
    for number, line in read_lines(source):
        if not line:
            continue
        record, findings = decoder.decode(line, number=number, file=source.name)
        if refuse is not None and record is None and not last:
            refuse(source, line)
        if number > last + 1:
            report(located([blank_line(number - last - 1)], source.name, last + 1))
        if refuse is not None and not last and line.startswith((b"\xff\xfe", b"\xfe\xff")):
            # Of UTF-16, each line would give the same finding.
            raise FindingsError(findings)
        last = number
        if findings:
            report(findings)
        yield number, line, record, findings[0].document if record is None else None
        invalid += record is None
        if invalid == MAX_INVALID:
            report(located([too_many_invalid_lines(invalid)], source.name, number))
            return


@dataclass
class Records:
    """One pass over a file of records: (line number, line, record) of each document, once."""

    source: Source
    decoder: LineDecoder
    report: Report
    #: Number of lines that are not blank.
    read: int = 0
    #: Lines of documents, and of those whose record is invalid and therefore not missing.
    seen: dict[str, int] = field(default_factory=dict)
    invalid: dict[str, int] = field(default_factory=dict)
    #: Number of invalid lines whose document is not known, and may be any that seems missing.
    unknown: int = 0

    def missing(self, documents: Iterable[str]) -> list[str]:
        """Those of the documents that the file does not hold, as far as its invalid lines let that be told."""
        return [] if self.unknown else [key for key in documents if key not in self.invalid]

    def __iter__(self) -> Iterator[tuple[int, bytes, Any]]:
        """Raises FindingsError if the file is none of records, or cannot be read to its end."""
        try:
            yield from self._records()
        except FindingsError:
            if not self.read:
                refuse_foreign(self.source)
            raise

    def _records(self) -> Iterator[tuple[int, bytes, Any]]:
        for number, line, record, refused in decoded(self.source, self.decoder, self.report, refuse_foreign):
            self.read += 1
            if record is None:
                if refused is None:
                    self.unknown += 1
                elif refused not in self.seen:
                    self.invalid.setdefault(refused, number)
                continue
            key = record.document_id
            first = self.seen.get(key) or self.invalid.get(key)
            if first:
                self.report(located([repeated_document(key, first)], self.source.name, number))
                continue
            self.seen[key] = number
            yield number, line, record


_layers_of: Final = attrgetter(*LAYERS)


def layers_in(record: Any) -> tuple[bool, ...]:
    """For each of ``LAYERS``, whether a record has it."""
    return tuple([items is not UNSET for items in _layers_of(record)])


class Key(msgspec.Struct):
    """A line of which only the document matters."""

    document_id: str


def _keys(lines: Lines) -> Iterator[tuple[str, str, int]]:
    """Key, file and line number of each document, as far as its line can be decoded."""
    decode = msgspec.json.Decoder(Key).decode
    for number, line in lines:
        with suppress(ValueError, RecursionError):
            yield decode(line).document_id, lines.file, number


def known_documents(lines: Lines) -> list[str]:
    """Keys of the first ``MAX_KNOWN`` documents, from which to suggest one for an unknown key."""
    return [key for key, *_ in islice(_keys(lines), MAX_KNOWN)]


@dataclass(slots=True)
class Pair:
    """A record with its gold, their lines, and its document, which is None where only gold records are at hand.

    The number of a record that is missing and taken as empty is 0.
    """

    number: int
    record: Any
    gold_number: int
    gold: Any
    document: Document | None
    line: bytes
    gold_line: bytes
    gold_file: str = ""


class Pairs:
    """One pass over predictions, joined with gold and documents by ``document_id``.

    Iterate to the end, then call ``finish``. A record with an error is not yielded. With ``allow_missing``, documents
    that the predictions lack are taken as empty, and counted in ``missing``.
    """

    def __init__(self, corpus: Corpus, source: Source, allow_missing: bool = False) -> None:
        self.corpus, self.allow_missing = corpus, allow_missing
        self.missing = 0
        self._records = Records(source, corpus.scheme.counting_decoder, self.add)
        self._findings: list[Finding] = []
        self._absent: dict[str, int] = {}
        self._known: list[str] = []

    def __iter__(self) -> Iterator[Pair]:
        corpus = self.corpus
        source = self._records.source
        with ExitStack() as stack:
            gold = stack.enter_context(Lookup(corpus.gold_lines(), partial(_decode_gold, corpus)))
            documents = stack.enter_context(Lookup(corpus.document_lines(), DECODERS["document"].require))
            for number, line, record in self._records:
                key = record.document_id
                wanted = gold.get(key)
                if wanted is None:
                    self._known = self._known or known_documents(corpus.gold_lines())
                    there = documents.get(key) is not None
                    told = unknown_document(key, self._known, corpus.title, there=there)
                    self.add(located([told], source.name, number))
                    continue
                document = self._document(documents, key, gold)
                yield Pair(number, record, gold.number, wanted, document, line, gold.line, gold.file)
            for key, number, file in gold.repeated:
                raise refusal(repeated_document(key, self._first_of(key)), file, number)
            for wanted in gold.rest():
                key = wanted.document_id
                if key in self._records.seen or key in self._absent:
                    raise refusal(repeated_document(key, self._first_of(key)), gold.file, gold.number)
                self._absent[key] = gold.number
                if self.allow_missing:
                    self.missing += 1
                    empty = corpus.scheme.record_type(document_id=key)
                    document = self._document(documents, key, gold)
                    yield Pair(0, empty, gold.number, wanted, document, encode(empty), gold.line, gold.file)
            taken = {*self._records.seen, *(self._absent if self.allow_missing else ())}
            for key in (*(key for key, *_ in documents.repeated), *(each.document_id for each in documents.rest())):
                if key in taken:
                    raise FindingsError(second_document(corpus, key))
                taken.add(key)

    def finish(self) -> None:
        """Refuse predictions that are incomplete or invalid, with every finding, up to a limit, in order of lines."""
        absent = self._records.missing(self._absent)
        self._findings.sort(key=lambda found: found.line or 0)
        if not self._records.read:
            self.add(located([no_records()], self._records.source.name))
        elif absent and not self.allow_missing:
            self.add(located([missing_documents(absent)], self._records.source.name))
        if self._findings:
            raise FindingsError(self._findings)

    def add(self, findings: Sequence[Finding]) -> None:
        """Keep errors, up to a limit. Warnings do not prevent scoring and must not count towards it."""
        self._findings += [finding for finding in findings if finding.severity == "error"]
        if len(self._findings) >= MAX_FINDINGS:
            raise FindingsError(sorted(self._findings, key=lambda found: found.line or 0))

    def _document(self, documents: Lookup, key: str, gold: Lookup) -> Document | None:
        document = documents.get(key)
        if document is None and self.corpus.events:
            unknown = unknown_document(key, list(self.corpus.documents), self.corpus.title)
            raise refusal(unknown, gold.file, gold.number)
        return document

    def _first_of(self, document_id: str) -> int:
        """Line of the first gold record of a document."""
        return next((number for key, _, number in _keys(self.corpus.gold_lines()) if key == document_id), 0)


def second_document(corpus: Corpus, document_id: str) -> list[Finding]:
    """What to say of a document that a corpus has twice, in one event or in two."""
    places = ((file, number) for key, file, number in _keys(corpus.document_lines()) if key == document_id)
    (file, first), (other, number) = islice(places, 2)
    hint = f"{file} has it, too; keep one of them." if file != other else None
    return located([repeated_document(document_id, first, hint)], other, number)


def _decode_gold(corpus: Corpus, line: bytes, number: int, file: str) -> Any:
    try:
        return corpus.scheme.counting_decoder.require(line, number, file)
    except FindingsError as error:
        if corpus.bare is None or corpus.declared != "default":
            raise
        hint = "For layers and labels of its own, score with --labels from-gold or --manifest FILE."
        raise FindingsError(
            [
                msgspec.structs.replace(each, hint=hint) if each.code in ("RT202", "RT203", "RT204") else each
                for each in error.findings
            ]
        ) from None


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
        # Whatever error a damaged file raises here, reading it row by row gives the finding.
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
                yield number, without_end(line)


#: For each side that is joined, the parts of its files that hold the same range of lines.
Shard = tuple[tuple[Part, ...], ...]


def shards_of(sides: Sequence[Sequence[Source]], workers: int) -> list[Shard]:
    """Cut files that are joined line by line into ranges of the same lines; none where that cannot be done.

    They are cut at line ends only, without decoding; ``rows_of`` checks whether lines belong together. A side may be
    in several files.
    """
    for source in chain.from_iterable(sides):
        if source.is_parquet or source.member is not None or "://" in source.path or not Path(source.path).is_file():
            return []
    size = sum(Path(source.path).stat().st_size for source in sides[0])
    count = min(workers, size // MIN_SHARD)
    if count < 2:
        return []
    indexes = [[(source, _line_starts(source)) for source in side] for side in sides]
    totals = [sum(len(starts) - 1 for _, starts in side) for side in indexes]
    if len(set(totals)) > 1:
        return []
    bounds = [totals[0] * number // count for number in range(count + 1)]
    return list(zip(*(_cut(side, bounds) for side in indexes), strict=True))


def _line_starts(source: Source) -> Sequence[int]:
    """Offset of each line of a file, and of its end."""
    starts, offset = array("q", [0]), 0
    with source.open() as stream:
        while block := stream.read(1 << 22):
            starts.extend(found.end() + offset for found in re.finditer(b"\n", block))
            offset += len(block)
    if starts[-1] != offset:
        starts.append(offset)
    return starts


def _cut(side: Sequence[tuple[Source, Sequence[int]]], bounds: Sequence[int]) -> list[tuple[Part, ...]]:
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


def rows_of(shard: Shard, decoders: Sequence[LineDecoder]) -> Iterator[list[tuple[int, bytes, Any]]]:
    """Yield for each document of a shard the line number, line and record of every side, by its own decoder.

    Raises ShardMismatch if lines do not belong together, or one is invalid.
    """
    sides = [chain.from_iterable(part.read() for part in parts) for parts in shard]
    for lines in zip_longest(*sides):
        rows = []
        for line, decoder in zip(lines, decoders, strict=True):
            record, findings = decoder.decode(line[1], number=None, file="") if line else (None, [])
            if record is None or findings:
                raise ShardMismatch
            rows.append((*line, record))
        if len({record.document_id for _, _, record in rows}) > 1:
            raise ShardMismatch
        yield rows


def read_shard(corpus: Corpus, shard: Shard) -> Iterator[Pair]:
    """The pairs of a shard of predictions, gold and the corpus' documents; raises as ``rows_of`` does."""
    decoder = corpus.scheme.counting_decoder
    for row in rows_of(shard, [decoder, decoder, DECODERS["document"]][: len(shard)]):
        (number, line, record), (gold_number, gold_line, gold), *rest = row
        yield Pair(number, record, gold_number, gold, rest[0][2] if rest else None, line, gold_line)


def map_shards(
    work: Callable[[Shard], R], shards: Sequence[Shard], workers: int, executor: ExecutorName = "process"
) -> Iterator[R]:
    """Yield the result of ``work`` for each shard, in order, computed by several workers.

    ``work`` and its results can be pickled. Raises ShardMismatch if a worker ended.
    """
    with _executor(executor, workers) as pool:
        waiting = [pool.submit(work, shard) for shard in shards]
        try:
            while waiting:
                yield waiting.pop(0).result()
        except BrokenExecutor as error:
            # A worker was killed, perhaps for lack of memory.
            raise ShardMismatch from error
        except (KeyboardInterrupt, GeneratorExit):
            _end_at_once(pool)
            raise
        except BaseException:
            for future in waiting:
                future.cancel()
            raise


def _end_at_once(pool: Executor) -> None:
    """End the workers of a pool of processes, which would otherwise be waited for."""
    for process in getattr(pool, "_processes", None) or ():
        pool._processes[process].terminate()  # type: ignore[attr-defined]
    if (results := getattr(pool, "_result_queue", None)) is not None:
        # A worker may have ended in the middle of a result: without this, the rest of it would be waited for.
        results._writer.close()


def _executor(name: ExecutorName, workers: int) -> Executor:
    if name == "threads":
        return ThreadPoolExecutor(workers)
    from multiprocessing import current_process, get_context

    if current_process().daemon:
        # The workers of a multiprocessing.Pool may have no children of their own.
        return ThreadPoolExecutor(1)
    # Forking is safe on Linux and without threads.
    method = "fork" if sys.platform == "linux" and threading.active_count() == 1 else "spawn"
    return ProcessPoolExecutor(workers, get_context(method), _end_with_parent)


def _end_with_parent() -> None:
    """End a worker whose parent ends, however that happens. An interrupt from the keyboard is handled by the parent."""
    from multiprocessing import parent_process

    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        if parent := parent_process():
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
