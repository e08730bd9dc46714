"""Scoring: one submission against gold, in one pass over the files.

A line is decoded, checked by the rules, turned into counts and forgotten (``count``); all numbers follow from the
counts (``evaluate``). Kept for each system are rows of integers by unit and five integers for each mention.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from msgspec import UNSET

from retold import __version__
from retold.corpus import Corpus, load_corpus
from retold.counts import Counts, CountTable
from retold.files import Lookup, Submission, count_lines, open_submission, read_lines
from retold.findings import Finding, FindingsError
from retold.measures import Array, Measure, mean_of_defined
from retold.measures.clusters import ClusterOverlaps, conll
from retold.records import LAYERS, AnnotationRecord, Document, Layer
from retold.resampling import POOL, UnitKind, bootstrap_weights, percentile_interval, unit_kind, wilson
from retold.rules import (
    check_record,
    decode_record,
    located,
    missing_documents,
    no_records,
    repeated_document,
    unknown_document,
)
from retold.tasks import Place, Tally, claims, entities, stance, verification
from retold.tasks.coreference import MentionTable, measures_of

__all__ = [
    "HEADLINES",
    "Score",
    "SystemCounts",
    "Value",
    "count",
    "evaluate",
    "headlines",
    "score",
    "signature",
]

#: Measures that systems are ranked and compared by.
HEADLINES: Final = ("overall", "entities", "stance", "claims")
#: Layers whose gold a system must compete in for a track.
TRACK_LAYERS: Final[Mapping[str, tuple[Layer, ...]]] = {
    "entities": ("entities",),
    "stance": ("stance",),
    "claims": ("claims", "verification"),
}
TABLES: Final[Mapping[Layer, tuple[Measure, ...]]] = {
    "entities": entities.MEASURES,
    "stance": stance.MEASURES,
    "claims": claims.MEASURES,
    "verification": verification.MEASURES,
}
#: Breakdowns by document are kept up to this many documents.
BY_DOCUMENT: Final = 1000
#: Findings after which a file is not read any further.
MAX_FINDINGS: Final = 1000
#: Cluster overlaps that a bootstrap or jackknife of coreference may weigh; beyond it, fewer resamples are taken.
COREFERENCE_BUDGET: Final = 50_000_000
MIN_COREFERENCE_RESAMPLES: Final = 100


@dataclass
class SystemCounts:
    """All that is kept of a system once its file has been read.

    Attributes:
        system: its name.
        protocol: what it saw, as its card says; empty where there is no card.
        layers: layers that it competes in.
        gold_layers: layers that gold has.
        units: what is drawn: text units, and the units of labels without a place (stance, verification).
        unit_names: the units of each table, the same for every system.
        tallies: counts of each table.
        mentions: mentions as integers, for coreference.
        coverage: how much of gold was predicted.
        allow_missing: whether missing documents were taken as empty.
    """

    system: str
    protocol: str
    units: UnitKind
    allow_missing: bool
    layers: set[Layer] = field(default_factory=set)
    gold_layers: set[Layer] = field(default_factory=set)
    unit_names: dict[str, list[str]] = field(default_factory=dict)
    tallies: dict[Layer, Tally] = field(default_factory=dict)
    mentions: MentionTable = field(default_factory=MentionTable)
    coverage: dict[str, Any] = field(default_factory=dict)

    def competes(self, track: str) -> bool:
        """Whether the system gives every layer of a track that gold has."""
        wanted = [layer for layer in TRACK_LAYERS[track] if layer in self.gold_layers]
        return bool(wanted) and all(layer in self.layers for layer in wanted)

    def stream(self, layer: Layer) -> str:
        """Name of the random stream of a table's units: tables with the same units are drawn together."""
        return "text" if self.units == "document" or layer in ("entities", "claims") else layer

    def matrix(self, layer: Layer) -> Array:
        """Counts of a table over its units, shape (units, columns)."""
        return self.tallies[layer].units.matrix(self.unit_names[self.stream(layer)])


@dataclass(frozen=True, slots=True)
class Value:
    """A measure's value with its 95% interval and the counts behind it; None where it is undefined."""

    value: float | None
    low: float | None
    high: float | None
    counts: dict[str, int | float]
    leave_one_out: tuple[float, float] | None = None

    def as_dict(self) -> dict[str, Any]:
        out: dict[str, Any] = {"value": self.value, "low": self.low, "high": self.high, "counts": self.counts}
        if self.leave_one_out is not None:
            out["leave_one_out"] = list(self.leave_one_out)
        return out


@dataclass(frozen=True, slots=True)
class Score:
    """A system's result.

    Attributes:
        signature: what makes the numbers reproducible.
        system, protocol: name of the system and what it saw.
        corpus: name, version and hash of the corpus.
        coverage: how much of gold was predicted.
        measures: every measure by name.
        breakdowns: dimension -> value of the dimension -> measure -> {value, counts}.
        replicates: resampled headline measures, for paired comparisons; not part of the output.
    """

    signature: str
    system: str
    protocol: str
    corpus: dict[str, str]
    coverage: dict[str, Any]
    measures: dict[str, Value]
    breakdowns: dict[str, dict[str, dict[str, Any]]]
    replicates: dict[str, Array] = field(repr=False, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """The result in the shape of ``retold score --format json``."""
        return {
            "signature": self.signature,
            "system": self.system,
            "corpus": self.corpus,
            "coverage": self.coverage,
            "measures": {name: value.as_dict() for name, value in self.measures.items()},
            "breakdowns": self.breakdowns,
        }


def score(
    submission: str | Path,
    corpus: Corpus | str | Path | None = None,
    *,
    allow_missing: bool = False,
    resamples: int = 10_000,
    seed: int = 0,
) -> Score:
    """Score one submission.

    Args:
        submission: file of records, folder or .zip.
        corpus: a corpus, a path that ``load_corpus`` takes, or None for the packaged corpus.
        allow_missing: take missing documents as empty instead of refusing the file.
        resamples: bootstrap resamples; 0 leaves the intervals out.
        seed: seed of the resampling.

    Raises:
        FindingsError: the submission is at fault.
        UnreadableError: a file cannot be read.
    """
    loaded = corpus if isinstance(corpus, Corpus) else load_corpus(corpus)
    counts = count(open_submission(submission), loaded, allow_missing=allow_missing)
    return evaluate(counts, loaded, resamples=resamples, seed=seed)


def count(submission: Submission, corpus: Corpus, *, allow_missing: bool = False) -> SystemCounts:
    """Read a submission beside gold, one line at a time, and count.

    Raises:
        FindingsError: the submission is at fault; every finding of the file is named, up to a limit.
        UnreadableError: a file cannot be read.
    """
    return _Counter(submission, corpus, allow_missing).run()


class _Counter:
    """The pass over the files."""

    def __init__(self, submission: Submission, corpus: Corpus, allow_missing: bool) -> None:
        self.submission, self.corpus = submission, corpus
        documents = sum(count_lines(source) for source in corpus.gold_sources())
        self.units = unit_kind(documents, paragraphs_known=corpus.bare is None)
        self.pool = self.units == "document" and documents > POOL
        self.by_document = documents <= BY_DOCUMENT
        card = submission.card
        self.counts = SystemCounts(submission.name, card.protocol if card else "", self.units, allow_missing)
        self.tallies = self.counts.tallies = {
            "entities": Tally(entities.COLUMNS),
            "stance": Tally(stance.COLUMNS),
            "claims": Tally(claims.COLUMNS),
            "verification": Tally(verification.COLUMNS),
        }
        self.attributions = claims.Attributions()
        self.unit_sets: dict[str, set[str]] = {"text": set(), "stance": set(), "verification": set()}
        self.cells = {"stance": [0, 0, 0], "verification": [0, 0, 0]}
        self.predicted = {layer: 0 for layer in LAYERS}
        self.missing = 0
        self.total = 0
        self.findings: list[Finding] = []

    def run(self) -> SystemCounts:
        name = self.submission.records.name
        seen: dict[str, int] = {}
        with (
            Lookup(self.corpus.gold_lines(), AnnotationRecord, "gold") as gold,
            Lookup(self.corpus.document_lines(), Document, "documents") as documents,
        ):
            for number, line in read_lines(self.submission.records):
                record, findings = decode_record(line, number=number, file=name)
                self.findings += findings
                if record is not None:
                    self._one(record, number, name, seen, gold, documents)
                if len(self.findings) >= MAX_FINDINGS:
                    break
            missing = []
            for wanted in gold.rest():
                missing.append(wanted.document_id)
                if self.counts.allow_missing:
                    self.missing += 1
                    document = documents.get(wanted.document_id)
                    self._count(wanted, AnnotationRecord(document_id=wanted.document_id), document)
        if not seen and not self.findings:
            self.findings += located([no_records()], name, None)
        elif missing and not self.counts.allow_missing and len(self.findings) < MAX_FINDINGS:
            self.findings += located([missing_documents(missing)], name, None)
        errors = [finding for finding in self.findings if finding.severity == "error"]
        if errors:
            raise FindingsError(errors)
        return self._finish()

    def _one(
        self, record: AnnotationRecord, number: int, name: str, seen: dict[str, int], gold: Lookup, documents: Lookup
    ) -> None:
        key = record.document_id
        if key in seen:
            self.findings += located([repeated_document(key, seen[key])], name, number)
            return
        wanted = gold.get(key)
        if wanted is None:
            known = list(self.corpus.documents) or [key for key in seen]
            self.findings += located([unknown_document(key, known)], name, number)
            return
        seen[key] = number
        document = documents.get(key)
        vocabulary = self.corpus.vocabulary(document)
        found = check_record(record, role="prediction", document=document, vocabulary=vocabulary)
        if found:
            self.findings += located(found, name, number)
        if not any(finding.severity == "error" for finding in found):
            self._count(wanted, record, document)

    def _count(self, gold: AnnotationRecord, record: AnnotationRecord, document: Document | None) -> None:
        place = Place(gold.document_id, document, self.units, pool=self.pool, by_document=self.by_document)
        self.total += 1
        event = place.event
        if self.units == "document":
            self.unit_sets["text"].add(place.unit_at(0))
        elif document is not None:
            self.unit_sets["text"].update(f"{place.document_id}/{i}" for i in range(max(len(document.paragraphs), 1)))
        for layer in LAYERS:
            if getattr(gold, layer) is not UNSET:
                self.counts.gold_layers.add(layer)
            if getattr(record, layer) is not UNSET:
                self.counts.layers.add(layer)
                self.predicted[layer] += 1
        if gold.entities is not UNSET:
            given_mentions = record.entities or ()
            entities.count(
                gold.entities,
                given_mentions,
                place,
                self.tallies["entities"],
                lambda mention: self.corpus.kb_status(event, mention),
            )
            self.counts.mentions.add(place, gold.entities, given_mentions)
        if gold.stance is not UNSET:
            given_cells = record.stance or ()
            stance.count(gold.stance, given_cells, place, self.tallies["stance"])
            if self.units == "paragraph":
                self.unit_sets["stance"].update(place.unit_of_pair(c.holder, c.target) for c in gold.stance)
            self._cover(
                "stance", {(c.holder, c.target) for c in gold.stance}, {(c.holder, c.target) for c in given_cells}
            )
        if gold.claims is not UNSET:
            claims.count(gold.claims, record.claims or (), place, self.tallies["claims"], self.attributions)
        if gold.verification is not UNSET:
            given_pairs = record.verification or ()
            verification.count(
                gold.verification,
                given_pairs,
                place,
                self.tallies["verification"],
                lambda claim: self.corpus.mutation(event, claim),
            )
            if self.units == "paragraph":
                self.unit_sets["verification"].update(place.unit_of_pair(p.claim) for p in gold.verification)
            self._cover("verification", {p.claim for p in gold.verification}, {p.claim for p in given_pairs})

    def _cover(self, layer: str, wanted: set[Any], given: set[Any]) -> None:
        sums = self.cells[layer]
        for index, amount in enumerate((len(wanted), len(wanted & given), len(given - wanted))):
            sums[index] += amount

    def _finish(self) -> SystemCounts:
        references = self.counts.mentions.references()
        self.attributions.settle(
            self.tallies["claims"],
            lambda event, name: references[event, name] if (event, name) in references else name,
        )
        self.counts.unit_names = {stream: sorted(units) for stream, units in self.unit_sets.items()}
        self.counts.coverage = {
            "documents": {"gold": self.total, "predicted": self.total - self.missing, "missing": self.missing},
            "layers": {layer: self.predicted[layer] for layer in LAYERS if layer in self.counts.layers},
            **{
                layer: {"gold": wanted, "predicted": given, "missing": wanted - given, "extra": extra}
                for layer, (wanted, given, extra) in self.cells.items()
            },
        }
        return self.counts


def signature(corpus: Corpus, counts: SystemCounts, resamples: int, seed: int) -> str:
    """What makes a number reproducible, in one line: ``key:value`` parts between bars."""
    parts = {
        "corpus": corpus.name,
        "version": corpus.version or "none",
        "hash": corpus.digest[:16] or "none",
        "scorer": f"retold-{__version__}",
        "measures": "all",
        "unit": counts.units if len(counts.unit_names["text"]) < POOL else f"{counts.units}-pooled-{POOL}",
        "resamples": str(resamples),
        "coreference-resamples": str(_coreference_resamples(counts, resamples)),
        "seed": str(seed),
        "missing": "empty" if counts.allow_missing else "refused",
    }
    return "|".join(f"{key}:{value}" for key, value in parts.items())


def headlines(tables: Mapping[Layer, Counts], conll_score: Array, tracks: Iterable[str]) -> dict[str, Array]:
    """Track scores and their mean, from sums of counts.

    entities: mean of mention F1, linking F1 and CoNLL; stance: favg; claims: mean of span F1, attribution F1 and
    verification macro-F1; overall: mean of the three tracks, only where the system competes in all. A part that is
    undefined is not averaged in.
    """
    by_name = {measure.name: measure for layer in TABLES for measure in TABLES[layer]}

    def value(layer: Layer, name: str) -> Array:
        return by_name[name].value(tables[layer])

    out: dict[str, Array] = {}
    for track in tracks:
        if track == "entities":
            parts = [value("entities", "entities.mention.f1"), value("entities", "entities.linking.f1"), conll_score]
        elif track == "stance":
            parts = [value("stance", "stance.favg")]
        else:
            parts = [
                value("claims", "claims.span.f1"),
                value("claims", "claims.attribution.f1"),
                value("verification", "claims.verification.macro_f1"),
            ]
        out[track] = mean_of_defined(parts)
    if all(track in out for track in TRACK_LAYERS):
        out["overall"] = mean_of_defined([out[track] for track in TRACK_LAYERS])
    return out


def _coreference_resamples(counts: SystemCounts, resamples: int) -> int:
    rows = counts.mentions.rows
    pairs = len(np.unique(rows[:, 3] * (len(counts.mentions.predicted) + 1) + rows[:, 4])) if len(rows) else 1
    if resamples * pairs <= COREFERENCE_BUDGET:
        return resamples
    return min(resamples, max(COREFERENCE_BUDGET // pairs, MIN_COREFERENCE_RESAMPLES))


def evaluate(counts: SystemCounts, corpus: Corpus, *, resamples: int = 10_000, seed: int = 0) -> Score:
    """All measures of a system, with intervals and breakdowns, from its counts."""
    tracks = [track for track in TRACK_LAYERS if counts.competes(track)]
    totals = {layer: _point(tally.units) for layer, tally in counts.tallies.items()}
    overlaps = counts.mentions.overlaps()
    points = {name: float(value[0]) for name, value in measures_of(overlaps).items()}
    replicates = _replicates(counts, tracks, resamples, seed)
    values: dict[str, Value] = {}
    for layer, table in TABLES.items():
        taken_part = layer in counts.layers and layer in counts.gold_layers
        for measure in table:
            values[measure.name] = _value(measure, totals[layer], replicates.get(measure.name), taken_part)
        if layer == "entities":
            amounts = _cluster_counts(overlaps)
            for name, point in points.items():
                values[name] = _bounded(point, replicates.get(name), amounts["gold"], amounts, taken_part)
    point_headlines = headlines(totals, np.float64(points["entities.coreference.conll"]), tracks)
    ranges = _leave_one_out(counts, tracks)
    for name in HEADLINES:
        if name not in point_headlines:
            values[name] = Value(None, None, None, {})
            continue
        values[name] = _headline(name, float(point_headlines[name]), replicates.get(name), values, ranges.get(name))
    order = [*HEADLINES, *(name for name in values if name not in HEADLINES)]
    return Score(
        signature=signature(corpus, counts, resamples, seed),
        system=counts.system,
        protocol=counts.protocol,
        corpus={"name": corpus.name, "version": corpus.version, "sha256": corpus.digest},
        coverage=counts.coverage,
        measures={name: values[name] for name in order},
        breakdowns=_breakdowns(counts),
        replicates={name: replicates[name] for name in HEADLINES if name in replicates},
    )


def _point(table: CountTable) -> Counts:
    """Sums over all units, from exact integers."""
    total = CountTable(table.columns)
    total.rows["all"] = list(table.totals().values())
    return table.as_counts(total.matrix()[0])


def _replicates(counts: SystemCounts, tracks: Sequence[str], resamples: int, seed: int) -> dict[str, Array]:
    """Every measure over resampled units: name -> shape (resamples,), coreference and what contains it maybe fewer."""
    if resamples <= 0:
        return {}
    some = _coreference_resamples(counts, resamples)
    sums: dict[Layer, Array] = {}
    out: dict[str, Array] = {}
    base, by_unit = counts.mentions.by_unit(counts.unit_names["text"])
    coreference: dict[str, list[Array]] = {}
    for stream in dict.fromkeys(counts.stream(layer) for layer in LAYERS):
        layers = [layer for layer in LAYERS if counts.stream(layer) == stream]
        tables = {layer: _grained(counts.matrix(layer)) for layer in layers}
        units = len(counts.unit_names[stream])
        for layer in layers:
            sums[layer] = np.zeros((resamples, tables[layer].shape[1]))
        if not units:
            continue
        for block, weights in bootstrap_weights(units, resamples, seed, stream):
            for layer in layers:
                sums[layer][block] = weights @ tables[layer] / _GRAIN
            if stream == "text" and block.start < some and "entities" in counts.layers:
                drawn = ClusterOverlaps(
                    gold=base.gold,
                    predicted=base.predicted,
                    mentions=weights[: some - block.start] @ by_unit,
                    gold_events=base.gold_events,
                    predicted_events=base.predicted_events,
                )
                for name, value in measures_of(drawn).items():
                    coreference.setdefault(name, []).append(value)
    named = {layer: counts.tallies[layer].units.as_counts(table) for layer, table in sums.items()}
    for layer, measures in TABLES.items():
        for measure in measures:
            out[measure.name] = measure.value(named[layer])
    out.update({name: np.concatenate(parts) for name, parts in coreference.items()})
    first = {layer: {name: column[:some] for name, column in table.items()} for layer, table in named.items()}
    missing = np.full(some, np.nan)
    heads = headlines(first, out.get("entities.coreference.conll", missing), tracks)
    full = headlines(named, np.full(resamples, np.nan), [track for track in tracks if track != "entities"])
    out.update({**heads, **full})
    return out


#: Grain of real-valued columns in a product, as in ``retold.resampling``: whole numbers make the product exact.
_GRAIN: Final = float(1 << 20)


def _grained(matrix: Array) -> Array:
    return np.rint(matrix * _GRAIN)


def _value(measure: Measure, totals: Counts, replicates: Array | None, taken_part: bool) -> Value:
    amounts = {
        name: _number(float(sum(float(totals[column]) for column in columns)))
        for name, columns in measure.counts.items()
    }
    point = float(measure.value(totals))
    trials = float(measure.trials(totals)) if measure.proportion else 0.0
    return _bounded(point, replicates, trials, amounts, taken_part)


def _bounded(
    point: float, replicates: Array | None, trials: float, amounts: dict[str, int | float], taken_part: bool
) -> Value:
    if not taken_part or np.isnan(point):
        return Value(None, None, None, amounts)
    if replicates is None:
        return Value(point, None, None, amounts)
    if trials > 0 and point in (0.0, 1.0):
        return Value(point, *wilson(point * trials, trials), amounts)
    low, high = percentile_interval(replicates) or (None, None)
    return Value(point, low, high, amounts)


_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "overall": ("entities", "stance", "claims"),
    "entities": ("entities.mention.f1", "entities.linking.f1", "entities.coreference.conll"),
    "stance": ("stance.favg",),
    "claims": ("claims.span.f1", "claims.attribution.f1", "claims.verification.macro_f1"),
}


def _headline(
    name: str,
    point: float,
    replicates: Array | None,
    values: Mapping[str, Value],
    leave_one_out: tuple[float, float] | None,
) -> Value:
    if np.isnan(point):
        return Value(None, None, None, {})
    bounds: tuple[float | None, float | None] = (None, None)
    if replicates is not None:
        bounds = percentile_interval(replicates) or bounds
        if point in (0.0, 1.0):
            # All parts stand at the same end, where resampling shows no spread; theirs are Wilson intervals.
            parts = [_headline(p, point, replicates, values, None) if p in _PARTS else values[p] for p in _PARTS[name]]
            lows = [part.low for part in parts if part.low is not None]
            highs = [part.high for part in parts if part.high is not None]
            bounds = (sum(lows) / len(lows), sum(highs) / len(highs)) if lows and highs else bounds
    return Value(point, *bounds, {}, leave_one_out)


def _cluster_counts(overlaps: ClusterOverlaps) -> dict[str, int | float]:
    shared = overlaps.mentions[:, overlaps.shared]
    return {
        "correct": int(shared.sum()),
        "predicted": int(overlaps.predicted_sizes.sum()),
        "gold": int(overlaps.gold_sizes.sum()),
        "predicted_clusters": int((overlaps.predicted_sizes > 0).sum()),
        "gold_clusters": int((overlaps.gold_sizes > 0).sum()),
    }


def _number(value: float) -> int | float:
    return int(value) if value.is_integer() else value


def _leave_one_out(counts: SystemCounts, tracks: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Smallest and largest headline when one document is left out; for corpora of few documents."""
    documents = list(counts.mentions.documents.codes)
    if counts.units != "paragraph" or len(documents) < 2:
        return {}
    found: dict[str, list[float]] = {}
    rows = counts.mentions.rows
    for code, document in enumerate(documents):
        tables: dict[Layer, Counts] = {}
        for layer, tally in counts.tallies.items():
            left = CountTable(tally.columns)
            gone = tally.facets.rows.get(f"document={document}", [0] * left.width)
            left.rows["all"] = [a - b for a, b in zip(tally.units.totals().values(), gone, strict=True)]
            tables[layer] = left.as_counts(left.matrix()[0])
        rest = conll(counts.mentions.overlaps(rows[rows[:, 1] != code]))[0]
        for name, value in headlines(tables, np.float64(rest), tracks).items():
            if not np.isnan(value):
                found.setdefault(name, []).append(float(value))
    return {name: (min(values), max(values)) for name, values in found.items()}


def _breakdowns(counts: SystemCounts) -> dict[str, dict[str, dict[str, Any]]]:
    out: dict[str, dict[str, dict[str, Any]]] = {}
    for layer, measures in TABLES.items():
        if layer not in counts.layers or layer not in counts.gold_layers:
            continue
        table = counts.tallies[layer].facets
        for key in sorted(table.rows):
            dimension, _, value = key.partition("=")
            row = CountTable(table.columns)
            row.rows["all"] = table.rows[key]
            sums = row.as_counts(row.matrix()[0])
            place = out.setdefault(dimension, {}).setdefault(value, {})
            for measure in measures:
                shown = _value(measure, sums, None, True)
                place[measure.name] = {"value": shown.value, "counts": shown.counts}
        if layer == "entities":
            _coreference_breakdowns(counts, out)
    return out


def _coreference_breakdowns(counts: SystemCounts, out: dict[str, dict[str, dict[str, Any]]]) -> None:
    mentions = counts.mentions
    rows = mentions.rows

    def put(dimension: str, value: str, overlaps: ClusterOverlaps) -> None:
        place = out.setdefault(dimension, {}).setdefault(value, {})
        amounts = _cluster_counts(overlaps)
        for name, number in measures_of(overlaps).items():
            shown = _bounded(float(number[0]), None, 0.0, amounts, True)
            place[name] = {"value": shown.value, "counts": shown.counts}

    for dimension, codes, column in (("language", mentions.languages, 2), ("document", mentions.documents, 1)):
        if len(codes) <= BY_DOCUMENT and dimension in out:
            for name, code in codes.codes.items():
                put(dimension, name, mentions.overlaps(rows[rows[:, column] == code]))
    put("coreference", "within", mentions.within())
    links = mentions.cross_lingual()
    out["coreference"]["cross-lingual"] = {
        f"entities.coreference.links.{part}": {
            "value": None if np.isnan(links[part]) else links[part],
            "counts": links["counts"],
        }
        for part in ("precision", "recall", "f1")
    }
