"""Counting: one pass over a submission beside gold.

A line is decoded, checked by the rules, turned into counts and forgotten. Kept for each system are rows of integers by
unit, and the clusters of each mention.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from retold.corpus.load import Corpus
from retold.io.jsonl import count_lines
from retold.io.sources import Source, sha256
from retold.io.submission import Submission
from retold.layers.base import Tally
from retold.layers.coreference import Mentions, MentionTable
from retold.measures.base import Array
from retold.model.annotations import LAYERS, Layer
from retold.scoring.beside import can_fork, is_daemon
from retold.scoring.passes import Pass, Stumbled
from retold.stats.resampling import POOL, UnitKind, unit_kind

__all__ = ["BY_DOCUMENT", "TRACK_LAYERS", "SystemCounts", "count"]

#: Layers whose gold a system must compete in for a track.
TRACK_LAYERS: Final[Mapping[str, tuple[Layer, ...]]] = {
    "entities": ("entities",),
    "stance": ("stance",),
    "claims": ("claims", "verification"),
}
#: Size of a file from which on a second process is worth its start, in bytes.
LARGE: Final = 32 * 1024 * 1024
#: Processes beyond these mostly wait for the disk.
MAX_WORKERS: Final = 4
#: Breakdowns by document are kept up to this many documents.
BY_DOCUMENT: Final = 1000


@dataclass
class SystemCounts:
    """All that is kept of a system once its file has been read.

    Attributes:
        system: its name.
        records: where its records are.
        said: what its card says, empty where there is no card: what it saw (``protocol``), the version of the corpus
            that it was run on (``corpus_version``).
        layers: layers that it competes in.
        gold_layers: layers that gold has.
        units: what is drawn: text units, and the units of labels without a place (stance, verification).
        pooled: whether units were joined into groups, which are drawn in their place.
        unit_names: the units of each table, the same for every system.
        tallies: counts of each table.
        mentions: mentions as integers, for coreference.
        coverage: how much of gold was predicted, and which layers either side has.
        allow_missing: whether missing documents were taken as empty.
    """

    system: str
    records: Source | None
    said: dict[str, str]
    units: UnitKind
    allow_missing: bool
    pooled: bool = False
    layers: set[Layer] = field(default_factory=set)
    gold_layers: set[Layer] = field(default_factory=set)
    unit_names: dict[str, list[str]] = field(default_factory=dict)
    tallies: dict[Layer, Tally] = field(default_factory=dict)
    mentions: Mentions = field(default_factory=lambda: MentionTable().settle())
    coverage: dict[str, Any] = field(default_factory=dict)
    _matrices: dict[Layer, Array] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the records. Reads them, once."""
        return sha256(self.records) if self.records else ""

    @property
    def submission(self) -> dict[str, str]:
        """The SHA-256 of the records (``sha256``), and what the card says."""
        return {"sha256": self.digest, **self.said}

    def competes(self, track: str) -> bool:
        """Whether the system gives every layer of a track that gold has."""
        wanted = [layer for layer in TRACK_LAYERS[track] if layer in self.gold_layers]
        return bool(wanted) and all(layer in self.layers for layer in wanted)

    def stream(self, layer: Layer) -> str:
        """Name of the random stream of a table's units: tables with the same units are drawn together."""
        return "text" if self.units == "document" or layer in ("entities", "claims") else layer

    def matrix(self, layer: Layer) -> Array:
        """Counts of a table over its units, shape (units, columns), worked out once."""
        if layer not in self._matrices:
            self._matrices[layer] = self.tallies[layer].units.matrix(self.unit_names[self.stream(layer)])
        return self._matrices[layer]

    @cached_property
    def without_each(self) -> dict[str, Array]:
        """Every coreference measure with each text unit left out in turn, by name, shape (units,)."""
        return self.mentions.without_each(self.unit_names["text"])


def count(
    submission: Submission, corpus: Corpus, *, allow_missing: bool = False, workers: int | None = 1
) -> SystemCounts:
    """Read a submission beside gold, one line at a time, and count.

    Args:
        workers: processes that share the lines, None for as many as suit; the counts do not depend on it.

    Raises:
        FindingsError: the submission is at fault; every finding of the file is named, up to a limit.
        UnreadableError: a file cannot be read.
    """
    documents = sum(count_lines(source) for source in corpus.gold_sources())
    units = unit_kind(documents, paragraphs_known=corpus.bare is None)
    pool = units == "document" and documents > POOL

    def begin() -> Pass:
        return Pass(corpus, units, pool=pool, by_document=documents <= BY_DOCUMENT, allow_missing=allow_missing)

    done = None
    if workers is None:
        workers = _suitable(submission.records)
    if workers > 1 and units == "document" and not submission.records.is_parquet and not is_daemon():
        done = _shared(begin, submission.records, documents, workers)
    if done is None:
        done = begin()
        with _uncollected():
            done.whole(submission.records)
    card = submission.card
    said = {"protocol": card.protocol if card else "", "corpus_version": card.corpus_version if card else ""}
    counts = SystemCounts(submission.name, submission.records, said, units, allow_missing, pool)
    _settle(counts, done)
    return counts


def _suitable(records: Source) -> int:
    """One worker for a small file or one that is not at hand, else one for each core."""
    try:
        large = Path(records.path).stat().st_size >= LARGE
    except OSError:
        return 1
    return min(os.cpu_count() or 1, MAX_WORKERS) if large else 1


def _shared(begin: Callable[[], Pass], records: Source, documents: int, workers: int) -> Pass | None:
    """Count with several processes; None where only one pass over all lines can tell what is the matter."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    context = get_context("fork" if can_fork() else "spawn")
    runs = context.Value("q", 0)
    with ProcessPoolExecutor(workers - 1, context, _join_in, (runs,)) as pool:
        others = [pool.submit(_share_rest, begin(), records) for _ in range(1, workers)]
        try:
            done = _share(begin(), records, runs)
            for other in others:
                done.merge(other.result())
        except Stumbled:
            return None
    return done if done.total == documents else None


#: A run of lines that no file has.
_BEYOND: Final = 1 << 40
#: In a process that counts with others: how many runs of lines have been taken by any of them.
_runs: Any = None


def _join_in(runs: Any) -> None:
    global _runs
    _runs = runs


def _share_rest(empty: Pass, records: Source) -> Pass:
    return _share(empty, records, _runs)


def _share(empty: Pass, records: Source, runs: Any) -> Pass:
    """Count one run of lines after another, each the next that nobody has taken: a slow worker takes fewer."""

    def take() -> int:
        with runs.get_lock():
            runs.value += 1
            return int(runs.value) - 1

    try:
        with _uncollected():
            empty.share(records, take)
    except Stumbled:
        # One pass over everything is needed now; no other worker need count any further.
        with runs.get_lock():
            runs.value = _BEYOND
        raise
    return empty


@contextmanager
def _uncollected() -> Iterator[None]:
    """Leave the garbage collector out: records hold no cycles, and there are many of them."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


def _settle(counts: SystemCounts, done: Pass) -> None:
    """Join what reaches across documents."""
    counts.layers, counts.gold_layers, counts.tallies = done.layers, done.gold_layers, done.tallies
    counts.mentions = done.mentions.settle()
    references = counts.mentions.references()
    done.attributions.settle(done.tallies["claims"], lambda event, name: references.get((event, name), name))
    counts.unit_names = {stream: sorted(units) for stream, units in done.unit_sets.items()}
    counts.coverage = {
        "documents": {"gold": done.total, "predicted": done.total - done.missing, "missing": done.missing},
        "layers": {layer: done.predicted[layer] for layer in LAYERS if layer in counts.layers},
        "gold_layers": [layer for layer in LAYERS if layer in counts.gold_layers],
        **{
            layer: {"gold": wanted, "predicted": given, "missing": wanted - given, "extra": extra}
            for layer, (wanted, given, extra) in done.cells.items()
        },
    }
