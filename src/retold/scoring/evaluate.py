"""Evaluation: all numbers of a system, from its counts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from retold import __version__
from retold.corpus.load import Corpus
from retold.layers.coreference import CLUSTER_COUNTS, CONLL, measures_of, trials_of
from retold.layers.counts import CountTable
from retold.layers.scheme import Scheme
from retold.layers.units import MANY_DOCUMENTS, POOL
from retold.measures.base import Counts, Measure, mean_of_defined, mean_over_gold
from retold.measures.clusters import FAMILIES, Sums, conll, sums_of
from retold.model.arrays import Array, np
from retold.model.display import Summary, counted, estimate
from retold.model.findings import Finding
from retold.scoring.count import BY_DOCUMENT, SystemCounts
from retold.stats.bootstrap import GRAIN, LinearResamples, bootstrap_products
from retold.stats.intervals import percentile_interval, wilson

__all__ = [
    "OVERALL",
    "Score",
    "Value",
    "bounded",
    "entry",
    "evaluate",
    "headline_columns",
    "headline_names",
    "headlines",
    "means",
    "signature",
    "signature_of",
    "warnings_as_dict",
]

#: The mean of the tracks.
OVERALL: Final = "overall"


@dataclass(frozen=True, slots=True)
class Value:
    """A measure's value with its 95% interval and the counts behind it; None where it is undefined."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    counts: dict[str, int | float] = field(default_factory=dict)
    leave_one_out: tuple[float, float] | None = None

    def as_dict(self) -> dict[str, Any]:
        """The value in the shape of ``retold score --format json``."""
        out: dict[str, Any] = {"value": self.value, "low": self.low, "high": self.high, "counts": self.counts}
        if self.leave_one_out is not None:
            out["leave_one_out"] = list(self.leave_one_out)
        return out


@dataclass(frozen=True, slots=True, repr=False)
class Score(Summary):
    """A system's result.

    Attributes:
        signature: what makes the numbers reproducible.
        system: name of the system.
        submission: what was scored, and what its card says (``SystemCounts``).
        corpus: name, version and hash of the corpus.
        coverage: how much of gold was predicted.
        measures: every measure by name.
        breakdowns: dimension -> value of the dimension -> measure -> {value, counts}.
        warnings: what may be wrong with the predictions, or with gold, and did not prevent scoring.
        scheme: layers, labels and tracks of the corpus; not part of the output.
        replicates: resampled headline measures, for paired comparisons; not part of the output.
    """

    signature: str
    system: str
    submission: dict[str, str]
    corpus: dict[str, str]
    coverage: dict[str, Any]
    measures: dict[str, Value]
    breakdowns: dict[str, dict[str, dict[str, Any]]]
    scheme: Scheme = field(repr=False, compare=False)
    replicates: dict[str, Array] = field(repr=False, compare=False)
    warnings: list[Finding] = field(default_factory=list)

    def _summary(self) -> tuple[str, list[tuple[str, str]]]:
        rows = [(name, estimate(each.value, each.low, each.high)) for name, each in self.measures.items()]
        rows = [row for row in rows if row[0] in self.headlines]
        documents = counted(self.coverage["documents"]["gold"], "document")
        title = f"Score of {self.system} on {self.corpus['name']} {self.corpus['version']}, {documents}"
        return title, [*rows, ("measures", f"{len(self.measures)} in all"), ("signature", self.signature)]

    @property
    def headlines(self) -> tuple[str, ...]:
        """Measures that systems are ranked and compared by: ``overall`` and the tracks."""
        return headline_names(self.scheme)

    @property
    def protocol(self) -> str:
        """What the system saw, as its card says; empty where there is none."""
        return self.submission["protocol"]

    @property
    def left_out(self) -> dict[str, list[str]]:
        """For each measure that is a mean, the parts that are left out because gold has nothing of them.

        A measure that leaves nothing out, or is undefined itself, is not named.
        """
        found = {
            name: [part for part in parts if self._is_left_out(part)]
            for name, parts in means(self.scheme).items()
            if name in self.measures and self.measures[name].value is not None
        }
        return {name: parts for name, parts in found.items() if parts}

    def _is_left_out(self, part: str) -> bool:
        value = self.measures.get(part)
        return value is not None and (value.value is None or value.counts.get("gold") == 0)

    def as_dict(self) -> dict[str, Any]:
        """The result in the shape of ``retold score --format json``."""
        return {
            "signature": self.signature,
            "system": self.system,
            "corpus": self.corpus,
            "coverage": self.coverage,
            "measures": {name: value.as_dict() for name, value in self.measures.items()},
            "breakdowns": self.breakdowns,
            "submission": self.submission,
            "left_out": self.left_out,
            **warnings_as_dict(self.warnings),
        }


def warnings_as_dict(found: Sequence[Finding]) -> dict[str, Any]:
    """Warnings in the shape of ``--format json``; the key is absent where there are none."""
    shown = [{key: getattr(each, key) for key in ("code", "message", "hint", "line")} for each in found]
    return {"warnings": shown} if shown else {}


def headline_names(scheme: Scheme) -> tuple[str, ...]:
    """Measures that systems are ranked and compared by."""
    return OVERALL, *scheme.tracks


def means(scheme: Scheme) -> dict[str, tuple[str, ...]]:
    """Every measure that is a mean of others, over those of which gold has something; CoNLL over the defined ones."""
    found = {OVERALL: scheme.overall, **{name: track.parts for name, track in scheme.tracks.items()}}
    for layer in scheme.layers.values():
        if layer.clusters:
            found[CONLL] = tuple(f"entities.coreference.{family}.f1" for family in ("muc", "b3", "ceafe"))
        found |= layer.means()
    return found


def headline_columns(scheme: Scheme, layer: str) -> set[str]:
    """Columns of a layer that the headline measures read."""
    return {
        column
        for measure in scheme.layers[layer].measures
        if measure.name in scheme.parts
        for columns in measure.counts.values()
        for column in columns
    }


def headlines(
    scheme: Scheme, tables: Mapping[str, Counts], clusters: Mapping[str, Array], tracks: Iterable[str]
) -> dict[str, Array]:
    """Track scores and their mean, from sums of counts and from coreference values.

    A part of which gold has nothing is left out for every system. ``overall`` only where the system competes in
    all of its tracks.
    """
    out: dict[str, Array] = {}
    # In place of an amount of gold, for measures that are undefined by themselves where gold has nothing.
    some = np.asarray(1.0)
    for name in tracks:
        parts, gold = [], []
        for part in scheme.tracks[name].parts:
            if part in clusters:
                parts.append(clusters[part])
                gold.append(some)
                continue
            layer = scheme.layer_of(part)
            measure = scheme.measures[part]
            parts.append(measure.value(tables[layer]))
            # A micro average over counted items says in one column how much gold it has.
            asked = measure.counts.get("gold", ())
            gold.append(tables[layer][asked[0]] if len(asked) == 1 else some)
        out[name] = mean_over_gold(parts, gold)
    if scheme.overall and all(track in out for track in scheme.overall):
        out[OVERALL] = mean_of_defined([out[track] for track in scheme.overall])
    return out


def signature_of(corpus: Corpus, **more: object) -> str:
    """What makes a number reproducible, in one line: ``key:value`` parts between bars.

    In the name and version of the corpus these characters and white space are written as in URLs.
    """
    name, version = (
        re.sub(r"[%|:\s]", lambda found: quote(found[0], safe=""), text) for text in (corpus.name, corpus.version)
    )
    parts = {"corpus": name, "version": version or "none", "hash": corpus.short_digest, **more}
    if not corpus.scheme.is_default:
        parts["labels"] = f"{corpus.declared}-{corpus.scheme.digest[:16]}"
    return "|".join(f"{key}:{value}" for key, value in parts.items())


def signature(corpus: Corpus, counts: SystemCounts, resamples: int, seed: int) -> str:
    """The signature of a score."""
    gaps = counts.coverage.get("missing_layers", {})
    taken_as_empty = ",".join(["empty", *(f"{layer}={gap['missing']}" for layer, gap in gaps.items())])
    return signature_of(
        corpus,
        scorer=f"retold-{__version__}",
        measures="all",
        unit=f"{counts.units}-pooled-{POOL}" if counts.pooled else counts.units,
        resamples=resamples,
        coreference="jackknife",
        seed=seed,
        missing=taken_as_empty if counts.allow_missing else "refused",
    )


def evaluate(counts: SystemCounts, corpus: Corpus, *, resamples: int = 10_000, seed: int = 0) -> Score:
    """All measures of a system, with intervals and breakdowns, from its counts; ``resamples=0`` for no intervals."""
    check_resamples(resamples)
    scheme = counts.scheme
    tracks = [track for track in scheme.tracks if counts.competes(track)]
    totals = {name: layer.units.real(layer.units.totals()) for name, layer in counts.layers.items()}
    sums = sums_of(counts.mentions.overlaps()) if counts.mentions is not None else None
    clusters = {name: float(value[0]) for name, value in measures_of(sums).items()} if sums is not None else {}
    replicates = _replicates(counts, tracks, clusters, resamples, seed)
    values: dict[str, Value] = {}
    for name, layer in counts.layers.items():
        taken_part, units = counts.takes_part(name), counts.effective_units(name)
        for measure in layer.layer.measures:
            drawn = replicates.get(measure.name)
            values[measure.name] = _value(measure, totals[name], drawn, taken_part, units)
        if layer.layer.clusters and sums is not None:
            amounts = _cluster_counts(sums)
            for each, trials in trials_of(sums).items():
                values[each] = bounded(clusters[each], replicates.get(each), trials, amounts, taken_part, units)
            point = clusters[CONLL] if taken_part else np.nan
            values[CONLL] = _mean(scheme, CONLL, point, replicates.get(CONLL), values, units, counts=amounts)
    points = headlines(scheme, totals, {name: np.asarray(value) for name, value in clusters.items()}, tracks)
    ranges = _leave_one_out(counts, tracks)
    for name in headline_names(scheme):
        values[name] = Value()
        if name in points:
            units = counts.effective_units(*scheme.layers_of(name))
            drawn = replicates.get(name)
            values[name] = _mean(
                scheme, name, float(points[name]), drawn, values, units, leave_one_out=ranges.get(name)
            )
    first = headline_names(scheme)
    order = [*first, *(name for name in values if name not in first)]
    return Score(
        signature=signature(corpus, counts, resamples, seed),
        system=counts.system,
        submission=counts.submission,
        corpus={"name": corpus.name, "version": corpus.version, "sha256": corpus.digest},
        coverage=counts.coverage,
        measures={name: values[name] for name in order},
        breakdowns=_breakdowns(counts),
        scheme=scheme,
        replicates={name: replicates[name] for name in first if name in replicates},
        warnings=counts.warnings,
    )


def _replicates(
    counts: SystemCounts, tracks: Sequence[str], clusters: Mapping[str, float], resamples: int, seed: int
) -> dict[str, Array]:
    """Every measure over resampled units: name -> shape (resamples,)."""
    if resamples <= 0:
        return {}
    names = list(clusters)
    moved = None
    if names:
        left = counts.leave_one_out
        moved = LinearResamples(np.array(list(clusters.values())), np.stack([left[name] for name in names], axis=1))
    sums: dict[str, Array] = {}
    for stream in dict.fromkeys(counts.stream(name) for name in counts.layers):
        layers = [name for name in counts.layers if counts.stream(name) == stream]
        tables = {name: np.rint(counts.matrix(name) * GRAIN) for name in layers}
        units = len(counts.unit_names[stream])
        for name in layers:
            sums[name] = np.zeros((resamples, tables[name].shape[1]))
        if not units:
            continue
        # One product for all tables, of the columns that hold anything.
        joint = np.concatenate([tables[name] for name in layers], axis=1)
        filled = np.flatnonzero(joint.any(axis=0))
        joint = np.ascontiguousarray(joint[:, filled])
        widths = np.cumsum([0, *(tables[name].shape[1] for name in layers)])
        clusters_too = any(counts.layers[name].layer.clusters and name in counts.answered for name in layers)
        influences = [moved.influence] if moved is not None and stream == "text" and clusters_too else []
        for block, (drawn, *more) in bootstrap_products([joint, *influences], units, resamples, seed, stream):
            spread = np.zeros((len(drawn), widths[-1]))
            spread[:, filled] = drawn / GRAIN
            for name, start, end in zip(layers, widths, widths[1:], strict=False):
                sums[name][block] = spread[:, start:end]
            for influence in more:
                assert moved is not None
                moved.add(influence)
    named = {name: counts.layers[name].units.as_counts(table) for name, table in sums.items()}
    out = {
        measure.name: measure.value(named[name])
        for name, layer in counts.layers.items()
        for measure in layer.layer.measures
    }
    drawn_clusters = dict(zip(names, moved.all().T, strict=True)) if moved is not None else {}
    return {**out, **drawn_clusters, **headlines(counts.scheme, named, drawn_clusters, tracks)}


def _value(measure: Measure, totals: Counts, replicates: Array | None, taken_part: bool, units: int = 0) -> Value:
    amounts: dict[str, int | float] = {}
    for name, columns in measure.counts.items():
        amount = float(sum(float(totals[column]) for column in columns))
        amounts[name] = int(amount) if amount.is_integer() else amount
    point = float(measure.value(totals))
    trials = float(measure.trials(totals)) if measure.proportion else 0.0
    return bounded(point, replicates, trials, amounts, taken_part, units)


def check_resamples(resamples: int) -> None:
    """Raise ValueError for a negative number."""
    if resamples < 0:
        raise ValueError(f"resamples: expected 0 or more, got {resamples}")


def bounded(
    point: float,
    replicates: Array | None,
    trials: float,
    amounts: dict[str, int | float],
    taken_part: bool,
    units: int = 0,
) -> Value:
    """A value with its percentile interval, or Wilson's where a share of ``trials`` is 0 or 1."""
    if not taken_part or np.isnan(point):
        return Value(counts=amounts)
    interval = None
    if replicates is not None:
        exact = trials > 0 and point in (0.0, 1.0)
        interval = wilson(point * trials, trials) if exact else percentile_interval(replicates, units)
    low, high = interval or (None, None)
    return Value(point, low, high, amounts)


def entry(value: float, counts: dict[str, int | float]) -> dict[str, Any]:
    """A measure in a breakdown."""
    return {"value": None if np.isnan(value) else value, "counts": counts}


def _mean(
    scheme: Scheme,
    name: str,
    point: float,
    replicates: Array | None,
    values: Mapping[str, Value],
    units: int,
    *,
    counts: dict[str, int | float] | None = None,
    leave_one_out: tuple[float, float] | None = None,
) -> Value:
    """A measure that is the mean of others."""
    counts = counts or {}
    if np.isnan(point):
        return Value(counts=counts)
    bounds: tuple[float | None, float | None] = (None, None)
    if replicates is not None:
        bounds = percentile_interval(replicates, units) or bounds
        if point in (0.0, 1.0):
            # All parts are 0, or all are 1: resampling shows no spread there, and theirs are Wilson intervals.
            parts = [
                _mean(scheme, part, point, replicates, values, units) if part in scheme.tracks else values[part]
                for part in means(scheme)[name]
            ]
            lows = [part.low for part in parts if part.low is not None]
            highs = [part.high for part in parts if part.high is not None]
            bounds = (sum(lows) / len(lows), sum(highs) / len(highs)) if lows and highs else bounds
    return Value(point, *bounds, counts, leave_one_out)


def _cluster_counts(sums: Sums) -> dict[str, int | float]:
    _, predicted, _, gold = sums["ceafm"]
    _, predicted_clusters, _, gold_clusters = sums["ceafe"]
    amounts = sums["blanc"][-3], predicted, gold, predicted_clusters, gold_clusters
    return {name: int(amount[0]) for name, amount in zip(CLUSTER_COUNTS, amounts, strict=True)}


def _leave_one_out(counts: SystemCounts, tracks: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Smallest and largest headline when one document is left out; for corpora of few documents."""
    keys = {key for layer in counts.layers.values() for key in layer.breakdowns.names() if key.startswith("document=")}
    if not 2 <= len(keys) < MANY_DOCUMENTS:
        return {}
    found: dict[str, list[float]] = {}
    for key in sorted(keys):
        tables: dict[str, Counts] = {}
        for name, layer in counts.layers.items():
            gone = layer.breakdowns.row(key)
            tables[name] = layer.units.real({c: n - gone[c] for c, n in layer.units.totals().items()})
        clusters: dict[str, Array] = {}
        if (mentions := counts.mentions) is not None:
            document = key.partition("=")[2]
            code = mentions.documents.index(document) if document in mentions.documents else -1
            rest = mentions.overlaps(mentions.document != code)
            # Families beyond those of the tracks are not computed for each document.
            needed = {part for track in tracks for part in counts.scheme.tracks[track].parts}
            if needed & {f"entities.coreference.{family}.f1" for family in FAMILIES}:
                clusters = {each: value[0] for each, value in measures_of(sums_of(rest)).items()}
            else:
                clusters = {CONLL: conll(rest)[0]}
        for name, value in headlines(counts.scheme, tables, clusters, tracks).items():
            if not np.isnan(value):
                found.setdefault(name, []).append(float(value))
    return {name: (min(values), max(values)) for name, values in found.items()}


def _breakdowns(counts: SystemCounts) -> dict[str, dict[str, dict[str, Any]]]:
    out: dict[str, dict[str, dict[str, Any]]] = {}
    for name, layer in counts.layers.items():
        if not counts.takes_part(name):
            continue
        table: CountTable = layer.breakdowns
        for key in table.names():
            dimension, _, row = key.partition("=")
            sums = table.real(table.row(key))
            found = out.setdefault(dimension, {}).setdefault(row, {})
            for measure in layer.layer.measures:
                # Among items of a single gold label, only the share that is right is meaningful.
                if dimension == "label" and not measure.name.endswith((".accuracy", ".strict")):
                    continue
                value = _value(measure, sums, None, True)
                found[measure.name] = {"value": value.value, "counts": value.counts}
        if layer.layer.clusters:
            _coreference_breakdowns(counts, out)
    return out


def _coreference_breakdowns(counts: SystemCounts, out: dict[str, dict[str, dict[str, Any]]]) -> None:
    mentions = counts.mentions
    assert mentions is not None

    def put(dimension: str, value: str, sums: Sums) -> None:
        found = out.setdefault(dimension, {}).setdefault(value, {})
        amounts = _cluster_counts(sums)
        for name, number in measures_of(sums).items():
            found[name] = entry(float(number[0]), amounts)

    parts = (
        ("language", mentions.languages, mentions.language),
        ("event", mentions.event_names, mentions.event_of[mentions.document]),
        ("document", mentions.documents, mentions.document),
    )
    for dimension, names, codes in parts:
        if len(names) <= BY_DOCUMENT and dimension in out:
            for code, name in enumerate(names):
                put(dimension, name, sums_of(mentions.overlaps(codes == code)))
    put("coreference", "within", mentions.within())
    if not any(layer.across_documents for layer in counts.scheme.layers.values()):
        return
    links = mentions.cross_lingual()
    out["coreference"]["cross-lingual"] = {
        f"entities.coreference.links.{part}": entry(links[part], links["counts"])
        for part in ("precision", "recall", "f1")
    }
