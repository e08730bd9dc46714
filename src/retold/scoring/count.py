"""Counting: one pass over a submission and its gold, by one worker or several.

Documents are gathered by event, matched and counted some hundreds at a time, and forgotten. Kept for each system are
counts by unit and by breakdown, and the clusters of each mention. Counts of shards add up.
"""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final, get_args

from retold.corpus.load import Corpus
from retold.io.jsonl import count_lines
from retold.io.sources import Source, sha256
from retold.io.submission import Submission
from retold.layers import LAYERS
from retold.layers.base import Batch, DocumentContext, LayerCounts, Matches
from retold.layers.columns import NotColumnar, arrow_numbers
from retold.layers.coreference import Mentions
from retold.layers.scheme import Scheme
from retold.layers.units import POOL, UnitKind, unit_kind
from retold.model.arrays import Array, Mask, np
from retold.model.findings import Finding, FindingsError
from retold.reading import (
    ExecutorName,
    Pair,
    Pairs,
    Shard,
    ShardMismatch,
    layers_in,
    map_shards,
    read_columns,
    read_shard,
    shards_of,
)
from retold.review import review
from retold.rules import Role, layer_missing, located
from retold.rules.spans import ignored_spans

__all__ = ["BY_DOCUMENT", "Counting", "SystemCounts", "count", "count_shard"]

#: Documents of one batch.
BATCH: Final = 512
#: Documents of one batch of Arrow columns.
COLUMN_BATCH: Final = 4096
#: Documents that are held as objects before they become columns: few enough for the cache, enough to batch.
WARM: Final = 32
#: Events whose documents are gathered at the same time.
MAX_EVENTS: Final = 16
#: Breakdowns by document are kept up to this many documents.
BY_DOCUMENT: Final = 1000
#: Size of a file in bytes from which several processes are worth starting.
LARGE: Final = 32 * 1024 * 1024
#: Workers beyond these mostly wait for the disk.
MAX_WORKERS: Final = 4

#: Called with each batch and, by layer, its match table and names.
Sink = Callable[[Batch, dict[str, tuple[Matches, Any]]], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a corpus is counted.

    Attributes:
        units: what is drawn in resampling.
        pool: whether units are pooled into groups.
        by_document: whether breakdowns by document are kept.
        by_event: whether those by event are: of a single one they would say nothing.
    """

    units: UnitKind
    pool: bool
    by_document: bool
    by_event: bool = False

    @classmethod
    def of(cls, corpus: Corpus, documents: int) -> Plan:
        units = unit_kind(documents, paragraphs_known=corpus.bare is None)
        pool = units == "document" and documents > POOL
        return cls(units, pool, documents <= BY_DOCUMENT, 1 < len(corpus.events) <= BY_DOCUMENT)


@dataclass
class _Waiting:
    """Documents of one event that are not counted yet."""

    contexts: list[DocumentContext] = field(default_factory=list)
    #: Of each document, for each layer, whether gold has it.
    asked: list[tuple[bool, ...]] = field(default_factory=list)
    #: Records that are not yet in columns.
    warm: list[Pair] = field(default_factory=list)
    #: Of documents without text, which rules check only where columns look suspicious: number and line of the record
    #: and of gold. Lines take less room than records, and few have to be decoded again.
    lines: list[tuple[int, bytes, int, bytes]] = field(default_factory=list)
    unasked: list[int] = field(default_factory=list)


class Counts:
    """The counts of some documents.

    Attributes:
        layers: counts of each layer.
        text_units: units of the text.
        predicted: documents that answer each layer.
        gold_layers: layers that gold has.
        lacking: documents that lack a layer which gold has there, by layer, up to ``BY_DOCUMENT`` of them.
        lacks: number of those documents.
        total: documents.
        seen: line of each document.
        warnings: findings in gold and in the predictions that do not prevent scoring, by side and code.
    """

    def __init__(self, corpus: Corpus) -> None:
        self.layers = {name: LayerCounts(layer, corpus) for name, layer in corpus.scheme.layers.items()}
        self.text_units: set[str] = set()
        self.predicted: Counter[str] = Counter()
        self.gold_layers: Counter[str] = Counter()
        self.lacking: dict[str, list[str]] = {name: [] for name in corpus.scheme.layers}
        self.lacks: Counter[str] = Counter()
        self.total = 0
        self.seen: dict[str, int] = {}
        self.warnings: Counter[tuple[Role, str]] = Counter()

    def lack(self, layer: str, documents: Sequence[str]) -> None:
        if layer in self.lacking:
            self.lacks[layer] += len(documents)
            self.lacking[layer] += documents[: BY_DOCUMENT - len(self.lacking[layer])]

    @property
    def gaps(self) -> dict[str, dict[str, Any]]:
        """For each layer that is answered in other documents: in how many it is missing, and the first of them."""
        return {
            name: {"missing": self.lacks[name], "documents": documents}
            for name, documents in self.lacking.items()
            if documents and self.predicted[name]
        }

    def merge(self, other: Counts) -> None:
        """Add the counts of other documents.

        Raises:
            ShardMismatch: a document stands in both.
        """
        if self.seen.keys() & other.seen.keys():
            raise ShardMismatch
        self.seen.update(other.seen)
        for name, counts in self.layers.items():
            counts.merge(other.layers[name])
        self.text_units |= other.text_units
        self.predicted += other.predicted
        self.gold_layers += other.gold_layers
        for name, documents in other.lacking.items():
            self.lacks[name] += other.lacks[name] - len(documents)
            self.lack(name, documents)
        self.total += other.total
        self.warnings += other.warnings


class Counting:
    """Gathers pairs and counts them batch by batch.

    Args:
        corpus: the corpus.
        plan: what is counted.
        file: what messages call the predictions.
        refuse: called with the findings of a record.
        sink: called with each batch; batches then keep the order of the file.
    """

    def __init__(
        self,
        corpus: Corpus,
        plan: Plan,
        file: str,
        refuse: Callable[[Sequence[Finding]], None],
        sink: Sink | None = None,
    ) -> None:
        self.counts = Counts(corpus)
        self._corpus, self._scheme, self._plan = corpus, corpus.scheme, plan
        self._file, self._refuse, self._sink = file, refuse, sink
        self._waiting: dict[str, _Waiting] = {}
        self._names = tuple(LAYERS)
        self._layouts: Counter[tuple[tuple[bool, ...], tuple[bool, ...]]] = Counter()

    def add(self, pair: Pair) -> None:
        """Check and count a pair."""
        if pair.document is not None:
            self._check_gold(pair)
            if not self._check(pair):
                return
        plan, key = self._plan, pair.gold.document_id
        context = DocumentContext(
            key, pair.document, pool=plan.pool, by_document=plan.by_document, by_event=plan.by_event
        )
        event = context.event
        waiting = self._waiting.get(event)
        if waiting is None:
            # Documents come event by event: the oldest event is complete, or starts again later.
            if len(self._waiting) == (1 if self._sink else MAX_EVENTS):
                self._close(next(iter(self._waiting)))
            waiting = self._waiting[event] = _Waiting()
        if self._sink is None:
            # Only a file of items needs the text, for the context of a span.
            context.document = None
        waiting.contexts.append(context)
        asked, answered = layers_in(pair.gold), layers_in(pair.record)
        waiting.asked.append(asked)
        self._layouts[asked, answered] += 1
        if asked != answered and pair.number:
            for name, has_gold, has_answer in zip(self._names, asked, answered, strict=True):
                if has_gold and not has_answer:
                    self.counts.lack(name, [context.document_id])
        waiting.warm.append(pair)
        if len(waiting.warm) == WARM:
            self._append(event, waiting)
        if len(waiting.contexts) >= BATCH:
            self._flush(event, waiting)

    def add_columns(self, keys: Sequence[str], gold: Any, predicted: Any) -> None:
        """Count the documents of two Arrow record batches.

        Raises:
            NotColumnar: they do not hold valid records, or a rule must check one.
        """
        waiting = _Waiting()
        by_document = self._plan.by_document
        waiting.contexts = [DocumentContext(key, None, pool=self._plan.pool, by_document=by_document) for key in keys]
        try:
            present = self._extend_arrow(gold, predicted, len(keys))
        except Exception as error:
            # Columns of any type may come; read as records they are valid, or give the finding.
            raise NotColumnar(str(error)) from error
        for name, missing in zip(self._names, (present[0] & ~present[1]).T, strict=True):
            self.counts.lack(name, [keys[at] for at in np.flatnonzero(missing).tolist()])
        waiting.asked = [tuple(row) for row in present[0].tolist()]
        for asked, answered in zip(waiting.asked, map(tuple, present[1].tolist()), strict=True):
            self._layouts[asked, answered] += 1
        self._waiting[""] = waiting
        if self._flush("", waiting):
            raise NotColumnar("documents that a rule may object to")

    def _extend_arrow(self, gold: Any, predicted: Any, size: int) -> list[Mask]:
        """Put columns in place; of gold and predictions, shape (documents, layers): whether a layer is there."""
        present = []
        for batch in (gold, predicted):
            given = set(batch.schema.names)
            columns = (batch.column(name).is_valid() if name in given else None for name in self._names)
            flags = [np.zeros(size, np.bool_) if c is None else arrow_numbers(c, "uint8") == 1 for c in columns]
            present.append(np.stack(flags, axis=1))
        if (present[1] & ~present[0]).any():
            raise NotColumnar("an answer to a layer that gold lacks")
        for at, name in enumerate(self._names):
            if name in self.counts.layers:
                lists = [
                    batch.column(name) if side[:, at].any() else None
                    for batch, side in zip((gold, predicted), present, strict=True)
                ]
                self.counts.layers[name].extend_arrow("", lists[0], lists[1], size)
        return present

    def _check_gold(self, pair: Pair) -> None:
        """Refuse gold that no prediction can be compared with; ``retold validate`` checks its keys."""
        found = self._scheme.check(pair.gold, role="prediction", document=pair.document, vocabulary=None)
        if errors := self._errors(found, "gold"):
            raise FindingsError(located(errors, pair.gold_file, pair.gold_number))

    def _check(self, pair: Pair) -> bool:
        """Whether a record can be scored."""
        vocabulary = self._corpus.vocabulary(pair.document)
        found = self._scheme.check(pair.record, role="prediction", document=pair.document, vocabulary=vocabulary)
        if found:
            self._refuse(located(found, self._file, pair.number))
        return not self._errors(found, "prediction")

    def _errors(self, found: Sequence[Finding], side: Role) -> list[Finding]:
        """The findings that prevent scoring; the others are counted."""
        self.counts.warnings.update((side, each.code) for each in found if each.severity == "warning")
        return [each for each in found if each.severity == "error"]

    def _append(self, event: str, waiting: _Waiting) -> None:
        """Put records into columns while they are in the processor's cache."""
        if not waiting.warm:
            return
        first = len(waiting.contexts) - len(waiting.warm)
        asked = waiting.asked[first:]
        for at, name in enumerate(self._names):
            counts = self.counts.layers.get(name)
            if counts is None:
                continue
            golds = [getattr(pair.gold, name) for pair in waiting.warm]
            answers = [getattr(pair.record, name) or () for pair in waiting.warm]
            for number, layers in enumerate(asked):
                if not layers[at]:
                    # Gold lacks the layer, so nothing is counted; an answer is still checked by the rules.
                    if answers[number]:
                        waiting.unasked.append(first + number)
                        if counts.layer.clusters:
                            counts.joined.name_clusters(event, answers[number])
                    golds[number] = answers[number] = ()
            counts.extend(event, golds, answers)
        if waiting.warm[0].document is None:
            waiting.lines += [(pair.number, pair.line, pair.gold_number, pair.gold_line) for pair in waiting.warm]
        waiting.warm = []

    def _flush(self, event: str, waiting: _Waiting) -> bool:
        """Count what was gathered of an event; return whether a rule must check one of its documents."""
        self._append(event, waiting)
        contexts = waiting.contexts
        if not contexts:
            return False
        table = np.array(waiting.asked, np.bool_)
        asked = {name: table[:, at] for at, name in enumerate(self._names)}
        batch = Batch(event, contexts, self._plan.units, asked)
        needs_check = np.zeros(len(contexts), np.bool_)
        needs_check[waiting.unasked] = True
        tables = {}
        for name, counts in self.counts.layers.items():
            layer_needs_check, matches, names = counts.flush(batch)
            needs_check |= layer_needs_check
            tables[name] = matches, names
        decode = self._scheme.decoder.typed.decode
        for at in np.flatnonzero(needs_check).tolist() if waiting.lines else ():
            number, line, gold_number, gold_line = waiting.lines[at]
            gold_file = self._corpus.gold_sources()[0].name
            pair = Pair(number, decode(line), gold_number, decode(gold_line), None, line, gold_line, gold_file)
            self._check_gold(pair)
            self._check(pair)
        for context in contexts:
            if self._plan.units == "document":
                self.counts.text_units.add(context.unit)
            else:
                self.counts.text_units.update(context.paragraph_units())
        if self._sink is not None:
            self._sink(batch, tables)
        self._waiting[event] = _Waiting()
        return bool(needs_check.any())

    def _close(self, event: str) -> None:
        """Count what was gathered of an event, then forget the event."""
        self._flush(event, self._waiting[event])
        del self._waiting[event]
        for counts in self.counts.layers.values():
            counts.close(event)

    def finish(self) -> Counts:
        """Count what is still waiting, and return all counts."""
        for event in list(self._waiting):
            self._close(event)
        counts = self.counts
        for (asked, answered), documents in self._layouts.items():
            counts.total += documents
            for name, has_gold, has_answer in zip(self._names, asked, answered, strict=True):
                if has_gold and name in counts.layers:
                    counts.gold_layers[name] += documents
                if has_answer:
                    counts.predicted[name] += documents
        return counts


@dataclass
class SystemCounts:
    """All that is kept of a system once its file has been read.

    Attributes:
        system: its name.
        scheme: layers and labels of the corpus.
        records: where its records are.
        said: what its card says, empty where there is no card: what it saw (``protocol``), the version of the corpus
            that it was run on (``corpus_version``).
        units: what is drawn: text units, and the units of labels without a position (stance, verification).
        allow_missing: whether missing documents were taken as empty.
        pooled: whether units were joined into groups, which are drawn in their place.
        layers: counts of each layer of the corpus.
        answered, gold_layers: layers that it competes in, and those that gold has.
        unit_names: the units of each stream, the same for every system.
        mentions: mentions as integers, for coreference; None where the corpus has none.
        coverage: how much of gold was predicted, and which layers either side has.
        warnings: what may be wrong with the predictions, or with gold, and does not prevent scoring.
    """

    system: str
    scheme: Scheme
    records: Source | None
    said: dict[str, str]
    units: UnitKind
    allow_missing: bool
    pooled: bool
    layers: dict[str, LayerCounts]
    answered: set[str]
    gold_layers: set[str]
    unit_names: dict[str, list[str]]
    mentions: Mentions | None
    coverage: dict[str, Any]
    warnings: list[Finding] = field(default_factory=list)
    _matrices: dict[str, Array] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the records. Reads them, once."""
        return sha256(self.records) if self.records else ""

    @property
    def submission(self) -> dict[str, str]:
        """The SHA-256 of the records (``sha256``), and what the card says."""
        return {"sha256": self.digest, **self.said}

    def takes_part(self, layer: str) -> bool:
        """Whether gold has a layer and the system answers it."""
        return layer in self.answered and layer in self.gold_layers

    def competes(self, track: str) -> bool:
        """Whether the system answers every layer of a track that gold has."""
        wanted = [layer for layer in self.scheme.track_layers[track] if layer in self.gold_layers]
        return bool(wanted) and all(layer in self.answered for layer in wanted)

    def stream(self, layer: str) -> str:
        """Name of the random stream of a layer's units: layers with the same units are drawn together."""
        return "text" if self.units == "document" or not self.layers[layer].layer.keyed else layer

    def matrix(self, layer: str) -> Array:
        """Counts of a layer over its units, shape (units, columns), worked out once."""
        if layer not in self._matrices:
            self._matrices[layer] = self.layers[layer].units.matrix(self.unit_names[self.stream(layer)])
        return self._matrices[layer]

    @cached_property
    def leave_one_out(self) -> dict[str, Array]:
        """Every coreference measure with each text unit left out in turn, by name, shape (units,)."""
        return self.mentions.leave_one_out(self.unit_names["text"]) if self.mentions is not None else {}

    @cached_property
    def _references(self) -> dict[tuple[str, str], str | None]:
        linked = any(self.layers[name].layer.clusters for name in self.gold_layers)
        return self.mentions.references() if self.mentions is not None and linked else {}

    def refers_to(self, event: str, name: str) -> str | None:
        """The gold entity that a name refers to; what is no cluster of the system's is a key of the catalogue."""
        return self._references.get((event, name), name)

    def effective_units(self, *layers: str) -> int:
        """Number of units that are drawn for a measure; over several layers, that of the layer with the fewest.

        A layer that gold does not have takes no part.
        """
        sizes = [len(self.unit_names[self.stream(layer)]) for layer in layers if layer in self.gold_layers]
        return min(sizes, default=0)


def count(
    submission: Submission,
    corpus: Corpus,
    *,
    allow_missing: bool = False,
    workers: int | None = 1,
    executor: ExecutorName = "process",
    sink: Sink | None = None,
) -> SystemCounts:
    """Read a submission together with its gold, and count.

    Args:
        workers: how many share the file, None for as many as suit; the counts do not depend on it.
        executor: whether workers are processes or threads.
        sink: called with each batch and its match tables, in the order of the file; implies one worker.

    Raises:
        FindingsError: the submission is at fault; every finding of the file is named, up to a limit.
        UnreadableError: a file cannot be read.
        ValueError: there is no such executor, or there are no workers.
    """
    if executor not in get_args(ExecutorName):
        raise ValueError(f"executor: expected {' or '.join(get_args(ExecutorName))}, got {executor!r}")
    if workers is not None and workers < 1:
        raise ValueError(f"workers: expected 1 or more, got {workers}")
    plan = Plan.of(corpus, sum(count_lines(source) for source in corpus.gold_sources()))
    if workers is None:
        workers = _suitable(submission.records)
    done, missing = None, 0
    if workers > 1 and plan.units == "document" and sink is None:
        done = _count_shards(corpus, plan, submission.records, workers, executor)
    if done is None and plan.units == "document" and sink is None and submission.records.is_parquet:
        done = _count_columns(corpus, plan, submission.records)
    if done is None:
        pairs = Pairs(corpus, submission.records, allow_missing)
        counting = Counting(corpus, plan, submission.records.name, pairs.add, sink)
        with _uncollected():
            for pair in pairs:
                counting.add(pair)
            done = counting.finish()
        if not allow_missing:
            pairs.add(_missing_layers(done, submission.records))
        pairs.finish()
        missing = pairs.missing
    elif not allow_missing and (found := _missing_layers(done, submission.records)):
        raise FindingsError(found)
    counts = _system_counts(submission, corpus, plan, done, missing, allow_missing)
    if sink is None:
        counts.warnings = _warnings(submission, corpus, done.warnings)
    return counts


def _missing_layers(counts: Counts, records: Source) -> list[Finding]:
    found = [layer_missing(name, gap["documents"], gap["missing"]) for name, gap in counts.gaps.items()]
    return located(found, records.name, None)


def _suitable(records: Source) -> int:
    """One worker for a small or remote file, otherwise one per core, up to ``MAX_WORKERS``."""
    try:
        large = Path(records.path).stat().st_size >= LARGE
    except OSError:
        return 1
    return min(os.cpu_count() or 1, MAX_WORKERS) if large else 1


def _count_columns(corpus: Corpus, plan: Plan, records: Source) -> Counts | None:
    """Count nested Parquet columns without making records of them; None where they must be read as records."""
    counting = Counting(corpus, plan, records.name, lambda findings: None)
    seen: set[str] = set()
    try:
        with _uncollected():
            for keys, gold, predicted in read_columns(corpus, records, COLUMN_BATCH):
                counting.add_columns(keys, gold, predicted)
                seen.update(keys)
            counts = counting.finish()
    except NotColumnar:
        return None
    return counts if 0 < len(seen) == counts.total else None


def _count_shards(corpus: Corpus, plan: Plan, records: Source, workers: int, executor: ExecutorName) -> Counts | None:
    """Count with several workers; None where a pass over all lines must find out what is wrong."""
    sides = [[records], corpus.gold_sources(), corpus.document_sources()]
    shards = shards_of([side for side in sides if side], workers)
    if not shards:
        return None
    total: Counts | None = None
    try:
        for counts in map_shards(partial(count_shard, corpus, plan), shards, workers, executor):
            if total is None:
                total = counts
                for name, layer in total.layers.items():
                    layer.facts = corpus
                    layer.layer = corpus.scheme.layers[name]
            else:
                total.merge(counts)
    except ShardMismatch:
        return None
    return total


def count_shard(corpus: Corpus, plan: Plan, shard: Shard) -> Counts:
    """The counts of one shard.

    Raises:
        ShardMismatch: its lines do not belong together, or one is invalid.
    """

    def refuse(findings: Sequence[Finding]) -> None:
        if any(finding.severity == "error" for finding in findings):
            raise ShardMismatch

    counting = Counting(corpus, plan, "", refuse)
    try:
        with _uncollected():
            for pair in read_shard(corpus, shard):
                if pair.record.document_id in counting.counts.seen:
                    raise ShardMismatch
                counting.counts.seen[pair.record.document_id] = pair.number
                counting.add(pair)
            return counting.finish()
    except (ValueError, OSError) as error:
        raise ShardMismatch from error


@contextmanager
def _uncollected() -> Iterator[None]:
    """Switch the garbage collector off: there are many records, and none of them holds a cycle."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


def _system_counts(
    submission: Submission, corpus: Corpus, plan: Plan, done: Counts, missing: int, allow_missing: bool
) -> SystemCounts:
    """The counts of a system, with clusters and sources joined across documents."""
    scheme = corpus.scheme
    mentions = None
    for counts in done.layers.values():
        if counts.layer.clusters:
            mentions = counts.joined.finalize()
    unit_names = {"text": sorted(done.text_units)}
    for name, counts in done.layers.items():
        if counts.layer.keyed:
            unit_names[name] = sorted(counts.units.codes) if plan.units == "paragraph" else []
    card = submission.card
    ignored = {name: done.predicted[name] for name in LAYERS if done.predicted[name] and not done.gold_layers[name]}
    warnings = {code: amount for (side, code), amount in sorted(done.warnings.items()) if side == "prediction"}
    system = SystemCounts(
        system=submission.name,
        scheme=scheme,
        records=submission.records,
        said={"protocol": card.protocol if card else "", "corpus_version": card.corpus_version if card else ""},
        units=plan.units,
        allow_missing=allow_missing,
        pooled=plan.pool,
        layers=done.layers,
        answered={name for name in scheme.layers if done.predicted[name]},
        gold_layers={name for name in scheme.layers if done.gold_layers[name]},
        unit_names=unit_names,
        mentions=mentions,
        coverage={
            "documents": {"gold": done.total, "predicted": done.total - missing, "missing": missing},
            "layers": {name: done.predicted[name] for name in scheme.layers if done.predicted[name]},
            "gold_layers": [name for name in scheme.layers if done.gold_layers[name]],
            **{
                name: {"gold": wanted, "predicted": given, "missing": wanted - given, "extra": extra}
                for name, counts in done.layers.items()
                if counts.layer.keyed
                for wanted, given, extra in [counts.answered.tolist()]
            },
            **({"missing_layers": done.gaps} if done.gaps else {}),
            **({"ignored_layers": ignored} if ignored else {}),
            **({"warnings": warnings} if warnings else {}),
        },
    )
    for counts in done.layers.values():
        counts.layer.finish(counts, system.refers_to)
    return system


def _warnings(submission: Submission, corpus: Corpus, counted: Counter[tuple[Role, str]]) -> list[Finding]:
    """What may be wrong, and did not prevent counting."""
    gold = corpus.gold_sources()
    files: dict[Role, str] = {
        "gold": gold[0].name if len(gold) == 1 else "gold",
        "prediction": submission.records.name,
    }
    found: list[Finding] = []
    for role, file in files.items():
        if ignored := counted[role, "RT408"]:
            found += located([ignored_spans(ignored, role)], file, None)
    return [*found, *review(corpus, submission.records, "prediction")]
