"""Evaluation: all numbers of a system, from its counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from retold import __version__
from retold.corpus.load import Corpus
from retold.layers.coreference import CONLL, measures_of, trials_of
from retold.layers.counts import Counts, CountTable
from retold.layers.units import MANY_DOCUMENTS, POOL
from retold.measures.base import Array, Measure
from retold.measures.clusters import Sums, conll, sums_of
from retold.model.annotations import LAYERS, Layer
from retold.scoring.beside import beside
from retold.scoring.count import BY_DOCUMENT, TRACK_LAYERS, SystemCounts
from retold.scoring.headline import HEADLINES, MEANS, PARTS, TABLES, headlines
from retold.stats.bootstrap import LinearResamples, bootstrap_products
from retold.stats.intervals import percentile_interval, wilson

__all__ = ["Score", "Value", "evaluate", "signature", "units_behind"]


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
        system: name of the system.
        submission: what was scored, and what its card says (``SystemCounts``).
        corpus: name, version and hash of the corpus.
        coverage: how much of gold was predicted.
        measures: every measure by name.
        breakdowns: dimension -> value of the dimension -> measure -> {value, counts}.
        replicates: resampled headline measures, for paired comparisons; not part of the output.
    """

    signature: str
    system: str
    submission: dict[str, str]
    corpus: dict[str, str]
    coverage: dict[str, Any]
    measures: dict[str, Value]
    breakdowns: dict[str, dict[str, dict[str, Any]]]
    replicates: dict[str, Array] = field(repr=False, compare=False)

    @property
    def protocol(self) -> str:
        """What the system saw, as its card says; empty where there is none."""
        return self.submission["protocol"]

    @property
    def left_out(self) -> dict[str, list[str]]:
        """Of each measure that is a mean, the parts that are out of it, because gold has nothing of them.

        A measure that leaves nothing out, or is undefined itself, is not named.
        """
        found = {
            name: [part for part in parts if self._is_left_out(part)]
            for name, parts in MEANS.items()
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
        }


def signature(corpus: Corpus, counts: SystemCounts, resamples: int, seed: int) -> str:
    """What makes a number reproducible, in one line: ``key:value`` parts between bars."""
    parts = {
        "corpus": corpus.name,
        "version": corpus.version or "none",
        "hash": corpus.short_digest,
        "scorer": f"retold-{__version__}",
        "measures": "all",
        "unit": f"{counts.units}-pooled-{POOL}" if counts.pooled else counts.units,
        "resamples": str(resamples),
        "coreference": "jackknife",
        "seed": str(seed),
        "missing": "empty" if counts.allow_missing else "refused",
    }
    return "|".join(f"{key}:{value}" for key, value in parts.items())


def evaluate(counts: SystemCounts, corpus: Corpus, *, resamples: int = 10_000, seed: int = 0) -> Score:
    """All measures of a system, with intervals and breakdowns, from its counts."""
    tracks = [track for track in TRACK_LAYERS if counts.competes(track)]
    totals = {layer: _point(tally.units) for layer, tally in counts.tallies.items()}
    sums = sums_of(counts.mentions.overlaps())
    points = {name: float(value[0]) for name, value in measures_of(sums).items()}
    # What takes long where documents are many and leaves little is done beside the resamples: breakdowns, and the
    # hashes that name what was scored, which are kept here whoever made them.
    with beside(lambda: (_breakdowns(counts), corpus.digest, counts.digest), worthwhile=counts.pooled) as others:
        replicates = _replicates(counts, tracks, points, resamples, seed)
        breakdowns, vars(corpus)["digest"], counts.digest = others.result()
    values: dict[str, Value] = {}
    for layer, table in TABLES.items():
        taken_part = layer in counts.layers and layer in counts.gold_layers
        for measure in table:
            drawn = replicates.get(measure.name)
            values[measure.name] = _value(measure, totals[layer], drawn, taken_part, units_behind(counts, layer))
        if layer == "entities":
            amounts, units = _cluster_counts(sums), units_behind(counts, layer)
            for name, trials in trials_of(sums).items():
                values[name] = _bounded(points[name], replicates.get(name), trials, amounts, taken_part, units)
            point = points[CONLL] if taken_part else np.nan
            values[CONLL] = _mean(CONLL, point, replicates.get(CONLL), values, units, counts=amounts)
    point_headlines = headlines(totals, np.asarray(points[CONLL]), tracks)
    ranges = _leave_one_out(counts, tracks)
    for name in HEADLINES:
        if name not in point_headlines:
            values[name] = Value(None, None, None, {})
            continue
        values[name] = _mean(
            name,
            float(point_headlines[name]),
            replicates.get(name),
            values,
            units_behind(counts, *(LAYERS if name == "overall" else TRACK_LAYERS[name])),
            leave_one_out=ranges.get(name),
        )
    order = [*HEADLINES, *(name for name in values if name not in HEADLINES)]
    return Score(
        signature=signature(corpus, counts, resamples, seed),
        system=counts.system,
        submission=counts.submission,
        corpus={"name": corpus.name, "version": corpus.version, "sha256": corpus.digest},
        coverage=counts.coverage,
        measures={name: values[name] for name in order},
        breakdowns=breakdowns,
        replicates={name: replicates[name] for name in HEADLINES if name in replicates},
    )


def _point(table: CountTable) -> Counts:
    """Sums over all units, from exact integers."""
    total = CountTable(table.columns)
    total.rows["all"] = list(table.totals().values())
    return table.as_counts(total.matrix()[0])


def _replicates(
    counts: SystemCounts, tracks: Sequence[str], points: Mapping[str, float], resamples: int, seed: int
) -> dict[str, Array]:
    """Every measure over resampled units: name -> shape (resamples,)."""
    if resamples <= 0:
        return {}
    without = counts.without_each
    names = list(points)
    clusters = LinearResamples(np.array(list(points.values())), np.stack([without[name] for name in names], axis=1))
    sums: dict[Layer, Array] = {}
    out: dict[str, Array] = {}
    for stream in dict.fromkeys(counts.stream(layer) for layer in LAYERS):
        layers = [layer for layer in LAYERS if counts.stream(layer) == stream]
        tables = {layer: _grained(counts.matrix(layer)) for layer in layers}
        units = len(counts.unit_names[stream])
        for layer in layers:
            sums[layer] = np.zeros((resamples, tables[layer].shape[1]))
        if not units:
            continue
        # One product for all tables, of the columns that hold anything.
        joint = np.concatenate([tables[layer] for layer in layers], axis=1)
        filled = np.flatnonzero(joint.any(axis=0))
        joint = np.ascontiguousarray(joint[:, filled])
        widths = np.cumsum([0, *(tables[layer].shape[1] for layer in layers)])
        moved = [clusters.influence] if stream == "text" and "entities" in counts.layers else []
        for block, (drawn, *influences) in bootstrap_products([joint, *moved], units, resamples, seed, stream):
            spread = np.zeros((len(drawn), widths[-1]))
            spread[:, filled] = drawn / _GRAIN
            for layer, start, end in zip(layers, widths, widths[1:], strict=False):
                sums[layer][block] = spread[:, start:end]
            for influence in influences:
                clusters.add(influence)
    named = {layer: counts.tallies[layer].units.as_counts(table) for layer, table in sums.items()}
    for layer, measures in TABLES.items():
        for measure in measures:
            out[measure.name] = measure.value(named[layer])
    out.update(zip(names, clusters.all().T, strict=True))
    conll_scores = out.get(CONLL, np.full(resamples, np.nan))
    return {**out, **headlines(named, conll_scores, tracks)}


#: Grain of real-valued columns in a product, as in ``retold.stats.bootstrap``: whole numbers make the product exact.
_GRAIN: Final = float(1 << 20)


def _grained(matrix: Array) -> Array:
    return np.rint(matrix * _GRAIN)


def units_behind(counts: SystemCounts, *layers: Layer) -> int:
    """How many units are drawn for a measure; for one of several layers, of the layer that has the fewest.

    A layer that gold does not have takes no part.
    """
    sizes = [len(counts.unit_names[counts.stream(layer)]) for layer in layers if layer in counts.gold_layers]
    return min(sizes, default=0)


def _value(measure: Measure, totals: Counts, replicates: Array | None, taken_part: bool, units: int = 0) -> Value:
    amounts = {
        name: _number(float(sum(float(totals[column]) for column in columns)))
        for name, columns in measure.counts.items()
    }
    point = float(measure.value(totals))
    trials = float(measure.trials(totals)) if measure.proportion else 0.0
    return _bounded(point, replicates, trials, amounts, taken_part, units)


def _bounded(
    point: float,
    replicates: Array | None,
    trials: float,
    amounts: dict[str, int | float],
    taken_part: bool,
    units: int = 0,
) -> Value:
    if not taken_part or np.isnan(point):
        return Value(None, None, None, amounts)
    if replicates is None:
        return Value(point, None, None, amounts)
    if trials > 0 and point in (0.0, 1.0):
        return Value(point, *wilson(point * trials, trials), amounts)
    low, high = percentile_interval(replicates, units) or (None, None)
    return Value(point, low, high, amounts)


def _mean(
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
        return Value(None, None, None, counts)
    bounds: tuple[float | None, float | None] = (None, None)
    if replicates is not None:
        bounds = percentile_interval(replicates, units) or bounds
        if point in (0.0, 1.0):
            # All parts stand at the same end, where resampling shows no spread; theirs are Wilson intervals.
            parts = [
                _mean(part, point, replicates, values, units) if part in PARTS else values[part] for part in MEANS[name]
            ]
            lows = [part.low for part in parts if part.low is not None]
            highs = [part.high for part in parts if part.high is not None]
            bounds = (sum(lows) / len(lows), sum(highs) / len(highs)) if lows and highs else bounds
    return Value(point, *bounds, counts, leave_one_out)


def _cluster_counts(sums: Sums) -> dict[str, int | float]:
    _, predicted, _, gold = sums["ceafm"]
    _, predicted_clusters, _, gold_clusters = sums["ceafe"]
    *_, correct, _, _ = sums["blanc"]
    return {
        "correct": int(correct[0]),
        "predicted": int(predicted[0]),
        "gold": int(gold[0]),
        "predicted_clusters": int(predicted_clusters[0]),
        "gold_clusters": int(gold_clusters[0]),
    }


def _number(value: float) -> int | float:
    return int(value) if value.is_integer() else value


def _leave_one_out(counts: SystemCounts, tracks: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Smallest and largest headline when one document is left out; for corpora of few documents."""
    keys = {key for tally in counts.tallies.values() for key in tally.facets.rows if key.startswith("document=")}
    if not 2 <= len(keys) < MANY_DOCUMENTS:
        return {}
    codes = {name: code for code, name in enumerate(counts.mentions.documents)}
    found: dict[str, list[float]] = {}
    for key in sorted(keys):
        tables: dict[Layer, Counts] = {}
        for layer, tally in counts.tallies.items():
            left = CountTable(tally.columns)
            gone = tally.facets.rows.get(key, [0] * left.width)
            left.rows["all"] = [a - b for a, b in zip(tally.units.totals().values(), gone, strict=True)]
            tables[layer] = left.as_counts(left.matrix()[0])
        code = codes.get(key.removeprefix("document="), -1)
        rest = conll(counts.mentions.overlaps(counts.mentions.document != code))[0]
        for name, value in headlines(tables, np.asarray(rest), tracks).items():
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
                # Among the items of one gold label only the share of right ones means something.
                if dimension == "label" and not measure.name.endswith((".accuracy", ".strict")):
                    continue
                shown = _value(measure, sums, None, True)
                place[measure.name] = {"value": shown.value, "counts": shown.counts}
        if layer == "entities":
            _coreference_breakdowns(counts, out)
    return out


def _coreference_breakdowns(counts: SystemCounts, out: dict[str, dict[str, dict[str, Any]]]) -> None:
    mentions = counts.mentions

    def put(dimension: str, value: str, sums: Sums) -> None:
        place = out.setdefault(dimension, {}).setdefault(value, {})
        amounts = _cluster_counts(sums)
        for name, number in measures_of(sums).items():
            shown = _bounded(float(number[0]), None, 0.0, amounts, True)
            place[name] = {"value": shown.value, "counts": shown.counts}

    parts = ("language", mentions.languages, mentions.language), ("document", mentions.documents, mentions.document)
    for dimension, names, codes in parts:
        if len(names) <= BY_DOCUMENT and dimension in out:
            for code, name in enumerate(names):
                put(dimension, name, sums_of(mentions.overlaps(codes == code)))
    put("coreference", "within", mentions.within())
    links = mentions.cross_lingual()
    out["coreference"]["cross-lingual"] = {
        f"entities.coreference.links.{part}": {
            "value": None if np.isnan(links[part]) else links[part],
            "counts": links["counts"],
        }
        for part in ("precision", "recall", "f1")
    }
