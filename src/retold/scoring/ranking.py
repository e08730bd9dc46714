"""Ranking: several systems on the same gold, with tests of their differences.

Systems are compared pairwise on each headline measure: a paired bootstrap interval of the difference (the same
resamples for both), and a paired randomisation test on counts, adjusted by Holm over all pairs of the measure, where
near-copies of a system are one (``retold.scoring.near_copies``). A rank is the place by value; the rank range says
which places the tests leave open.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from retold.corpus.load import Corpus
from retold.io.submission import Submission
from retold.layers.coreference import measures_of
from retold.measures.base import Counts
from retold.measures.clusters import sums_of
from retold.model.alike import look_alike
from retold.model.arrays import Array, np
from retold.model.display import Summary, counted, estimate
from retold.model.findings import Finding
from retold.reading import ExecutorName
from retold.rules.references import names_look_alike
from retold.scoring.count import SystemCounts, count
from retold.scoring.evaluate import (
    OVERALL,
    Score,
    evaluate,
    headline_columns,
    headline_names,
    headlines,
    warnings_as_dict,
)
from retold.scoring.near_copies import NEAR, Answers, answers_of, counts_agree, groups_of, shared_answers
from retold.scoring.score import Predictions, open_corpus, open_predictions
from retold.stats.intervals import minimum_detectable_difference, percentile_interval
from retold.stats.multiple import holm
from retold.stats.randomization import randomization_p

__all__ = ["ALPHA", "Comparison", "Ranked", "Ranking", "rank"]

#: Columns that every system has alike.
GOLD: Final = ("gold", "linkable")
#: Differences with an adjusted p below this are called significant.
ALPHA: Final = 0.05


@dataclass(frozen=True, slots=True, repr=False)
class Ranked(Summary):
    """A system in the ranking; ranks and tier are None where it does not compete for the measure."""

    score: Score
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    tier: int | None

    def _summary(self) -> tuple[str, list[tuple[str, str]]]:
        title, rows = self.score._summary()
        return f"{title}: rank {self.rank}, range {self.rank_low} to {self.rank_high}, tier {self.tier}", list(rows)

    def as_dict(self) -> dict[str, Any]:
        return {
            "system": self.score.system,
            "protocol": self.score.protocol,
            "rank": self.rank,
            "rank_low": self.rank_low,
            "rank_high": self.rank_high,
            "tier": self.tier,
            "measures": {name: value.as_dict() for name, value in self.score.measures.items()},
            "coverage": self.score.coverage,
            **warnings_as_dict(self.score.warnings),
            "submission": self.score.submission,
            "left_out": self.score.left_out,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two systems on one measure: difference a - b, its 95% interval, p and p adjusted over all pairs."""

    a: str
    b: str
    measure: str
    difference: float
    low: float | None
    high: float | None
    p: float
    p_holm: float

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, repr=False)
class Ranking(Summary):
    """A leaderboard: systems from first to last, then those without a rank, and every comparison.

    ``minimum_detectable_difference`` says for each headline measure, as the median over pairs of systems, how large a
    true difference must be to be found with a chance of 80%, before Holm's adjustment; None without a pair to tell.
    ``near_copies`` lists for each headline measure the systems that count as one, the one that stands for them first;
    ``hypotheses`` says how many pairs Holm then adjusts together. ``incomparable`` names the measures that the systems
    have over different items, such as Brier scores over cells of their choice.
    """

    signature: str
    corpus: dict[str, str]
    measure: str
    documents: int
    systems: list[Ranked]
    comparisons: list[Comparison]
    minimum_detectable_difference: dict[str, float | None] = field(default_factory=dict)
    resamples: int = 10_000
    hypotheses: dict[str, int] = field(default_factory=dict)
    incomparable: list[str] = field(default_factory=list)
    near_copies: dict[str, list[list[str]]] = field(default_factory=dict)

    def _summary(self) -> tuple[str, list[tuple[str, str]]]:
        rows = []
        for system in self.systems:
            value = system.score.measures[self.measure]
            place = "unranked" if system.rank is None else f"{system.rank} ({system.rank_low}–{system.rank_high})"
            rows.append((place, f"{estimate(value.value, value.low, value.high)}  {system.score.system}"))
        systems, documents = counted(len(self.systems), "system"), counted(self.documents, "document")
        corpus = f"{self.corpus['name']} {self.corpus['version']}, {documents}"
        return f"Ranking of {systems} by {self.measure} on {corpus}", rows

    @property
    def headlines(self) -> tuple[str, ...]:
        """Measures that systems can be ranked by."""
        return self.systems[0].score.headlines

    @property
    def warnings(self) -> list[Finding]:
        """What may be wrong with the submissions, or with gold, and did not prevent scoring."""
        of_systems = (each for system in self.systems for each in system.score.warnings)
        return list(dict.fromkeys([*self._names_alike(), *of_systems]))

    def _names_alike(self) -> list[Finding]:
        alike = list(look_alike(system.score.system for system in self.systems))
        return [names_look_alike("system", alike)] if alike else []

    @property
    def pairs(self) -> list[Comparison]:
        """The comparisons of the measure that systems are ranked by."""
        return [comparison for comparison in self.comparisons if comparison.measure == self.measure]

    @property
    def least_p(self) -> float:
        """The smallest p that Holm's adjustment leaves possible for a pair; at or above 5% no pair can be separable."""
        return min(self.hypotheses.get(self.measure, 0) / (self.resamples + 1), 1.0)

    def by(self, measure: str) -> Ranking:
        """The same systems ranked by another headline measure; nothing is computed anew."""
        scored = [system.score for system in self.systems]
        return replace(
            self,
            measure=measure,
            systems=_order(scored, self.comparisons, measure, self.near_copies, tested=self.resamples > 0),
        )

    def as_dict(self) -> dict[str, Any]:
        """The ranking in the shape of ``retold rank --format json``."""
        return {
            "signature": self.signature,
            "corpus": self.corpus,
            "measure": self.measure,
            "systems": [system.as_dict() for system in self.systems],
            "comparisons": [comparison.as_dict() for comparison in self.comparisons],
            "minimum_detectable_difference": self.minimum_detectable_difference,
            "incomparable": self.incomparable,
            "near_copies": self.near_copies,
            **warnings_as_dict(self._names_alike()),
        }


def rank(
    submissions: Sequence[Predictions] | Mapping[str, Predictions],
    corpus: Corpus | str | Path | None = None,
    *,
    measure: str = OVERALL,
    allow_missing: bool = False,
    resamples: int = 10_000,
    seed: int = 0,
    workers: int | None = 1,
    executor: ExecutorName = "process",
) -> Ranking:
    """Score submissions and rank them.

    Args:
        submissions: files, folders, .zip archives or opened submissions; or a mapping of names to those or to records.
        corpus: a corpus, a path that ``load_corpus`` takes, or None for the packaged corpus.
        measure: a headline measure, that is ``overall`` or a track of the corpus.
        allow_missing: take missing documents as empty instead of refusing the file.
        resamples: bootstrap resamples and randomization trials; with 0 systems are ranked by value alone.
        seed: seed of both.
        workers, executor: as of ``score``.

    Raises:
        FindingsError: a submission is at fault.
        UnreadableError: a file cannot be read.
        ValueError: the measure is no headline measure, or there is no submission.
    """
    loaded = open_corpus(corpus)
    names = headline_names(loaded.scheme)
    if measure not in names:
        raise ValueError(f"cannot rank by {measure!r}; expected one of {', '.join(names)}")
    if not submissions:
        raise ValueError("no submissions to rank")
    given = submissions.items() if isinstance(submissions, Mapping) else ((None, each) for each in submissions)
    opened = [
        replace(found, name=name) if name else found for name, each in given for found in [open_predictions(each)]
    ]
    counted = [
        count(submission, loaded, allow_missing=allow_missing, workers=workers, executor=executor)
        for submission in opened
    ]
    _name_apart(counted)
    scored = [evaluate(counts, loaded, resamples=resamples, seed=seed) for counts in counted]
    comparisons, hypotheses, groups = (
        _compare(loaded, counted, scored, opened, resamples, seed) if resamples else ([], {}, {})
    )
    near_copies = {
        name: [
            [scored[first].system, *sorted(scored[number].system for number in others)]
            for first, *others in found
            if others
        ]
        for name, found in groups.items()
    }
    signatures = {score.signature for score in scored}
    return Ranking(
        signature=min(signatures, key=lambda text: (len(text), text)),
        corpus=scored[0].corpus,
        measure=measure,
        documents=scored[0].coverage["documents"]["gold"],
        systems=_order(scored, comparisons, measure, near_copies, tested=resamples > 0),
        comparisons=comparisons,
        minimum_detectable_difference={
            name: _detectable([(counted[group[0]], scored[group[0]]) for group in groups[name]], name)
            if resamples
            else None
            for name in names
        },
        resamples=resamples,
        hypotheses=hypotheses,
        incomparable=_incomparable(counted),
        near_copies=near_copies,
    )


def _incomparable(counted: Sequence[SystemCounts]) -> list[str]:
    """Measures over items that each system chooses, where the systems that have a value chose differently."""
    found = []
    for name, layer in counted[0].scheme.layers.items():
        for measure in layer.measures:
            if measure.over:
                column = layer.columns.index(measure.over)
                chosen = [system.matrix(name)[:, column] for system in counted if system.takes_part(name)]
                if len({items.tobytes() for items in chosen if items.any()}) > 1:
                    found.append(measure.name)
    return found


def _name_apart(systems: Sequence[SystemCounts]) -> None:
    """Number systems of the same name, in the order given."""
    seen: dict[str, int] = {}
    taken = {system.system for system in systems}
    for system in systems:
        name = system.system
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            number = seen[name]
            while f"{name} ({number})" in taken:
                number += 1
            system.system = f"{name} ({number})"
            taken.add(system.system)


def _compare(
    corpus: Corpus,
    counted: Sequence[SystemCounts],
    scored: Sequence[Score],
    submissions: Sequence[Submission],
    resamples: int,
    seed: int,
) -> tuple[list[Comparison], dict[str, int], dict[str, list[list[int]]]]:
    """Every comparison; for each headline measure how many hypotheses Holm adjusts together, and the near-copies."""
    contributions = [_cluster_contributions(system) for system in counted]
    near = _NearCopies(corpus, counted, contributions, submissions)
    comparisons: list[Comparison] = []
    hypotheses, groups = {}, {}
    for measure in headline_names(counted[0].scheme):
        competing = [number for number, score in enumerate(scored) if score.measures[measure].value is not None]
        same = {number: _answers(counted[number], contributions[number], measure) for number in competing}
        groups[measure] = near.groups(measure, sorted(competing, key=same.__getitem__))
        # Copies of a system are tested once.
        known: dict[frozenset[bytes], float | None] = {}
        tested: dict[tuple[int, int], float] = {}
        for a, b in itertools.combinations(competing, 2):
            pair = frozenset((same[a], same[b]))
            if pair not in known:
                known[pair] = _test(
                    measure, counted[a], counted[b], contributions[a], contributions[b], resamples, seed
                )
            if (p := known[pair]) is not None:
                tested[a, b] = p
        adjusted, hypotheses[measure] = _adjusted(tested, groups[measure], same)
        for (a, b), p in tested.items():
            differences = _differences(scored[a], scored[b], measure)
            interval = percentile_interval(differences, _units(counted[a], measure)) or (None, None)
            comparisons.append(
                Comparison(
                    a=scored[a].system,
                    b=scored[b].system,
                    measure=measure,
                    difference=_value(scored[a], measure) - _value(scored[b], measure),
                    low=interval[0],
                    high=interval[1],
                    p=p,
                    p_holm=adjusted[a, b],
                )
            )
    return comparisons, hypotheses, groups


def _adjusted(
    tested: Mapping[tuple[int, int], float], groups: Sequence[Sequence[int]], same: Mapping[int, bytes]
) -> tuple[dict[tuple[int, int], float], int]:
    """p of each pair adjusted by Holm, and the number of hypotheses.

    A pair of groups of near-copies is one hypothesis, with the p of the systems that stand for them. Every other pair
    between two groups is adjusted as if it stood there. Pairs within a group come on top for themselves only, so that
    nobody else pays for them; exact copies have p 1.
    """
    group = {number: index for index, members in enumerate(groups) for number in members}
    first = {members[0] for members in groups}
    of_groups: dict[frozenset[int], float] = {}
    within: dict[int, dict[frozenset[bytes], float]] = {}
    for (a, b), p in tested.items():
        if group[a] == group[b]:
            within.setdefault(group[a], {})[frozenset((same[a], same[b]))] = p
        elif a in first and b in first:
            of_groups[frozenset((group[a], group[b]))] = p
    place = {pair: index for index, pair in enumerate(of_groups)}
    family = list(of_groups.values())
    standing = holm(family)
    inside = {
        index: dict(zip(pairs, holm([*family, *pairs.values()])[len(family) :], strict=True))
        for index, pairs in within.items()
    }
    adjusted = {}
    for (a, b), p in tested.items():
        if group[a] == group[b]:
            adjusted[a, b] = inside[group[a]][frozenset((same[a], same[b]))] if same[a] != same[b] else 1.0
            continue
        at = place[frozenset((group[a], group[b]))]
        adjusted[a, b] = standing[at] if p == family[at] else holm([*family[:at], p, *family[at + 1 :]])[at]
    return adjusted, len(family)


class _NearCopies:
    """Finds near-copies; what systems answered is read only of those whose counts agree.

    Args:
        corpus: the corpus.
        counted, contributions, submissions: of each system.
    """

    def __init__(
        self,
        corpus: Corpus,
        counted: Sequence[SystemCounts],
        contributions: Sequence[Array],
        submissions: Sequence[Submission],
    ) -> None:
        self._corpus = corpus
        self._counted, self._contributions, self._submissions = counted, contributions, submissions
        self._answers: dict[int, Answers] = {}

    def groups(self, measure: str, systems: Sequence[int]) -> list[list[int]]:
        """Groups of systems that are near-copies for a measure, the one that stands for a group first."""
        agreement = np.eye(len(systems))
        for i, j in itertools.combinations(range(len(systems)), 2):
            agreement[i, j] = agreement[j, i] = self._agreement(measure, systems[i], systems[j])
        return [[systems[member] for member in group] for group in groups_of(agreement)]

    def _agreement(self, measure: str, a: int, b: int) -> float:
        layers = [name for name in self._counted[a].scheme.layers_of(measure) if name in self._counted[a].gold_layers]
        sides = [_all_tables(self._counted[each], layers, self._contributions[each], GOLD) for each in (a, b)]
        counts = counts_agree(*sides)
        return (
            counts if counts < NEAR else min(counts, shared_answers(self._answers_of(a), self._answers_of(b), layers))
        )

    def _answers_of(self, number: int) -> Answers:
        if number not in self._answers:
            self._answers[number] = answers_of(self._submissions[number], self._corpus, self._counted[number])
        return self._answers[number]


def _tables(system: SystemCounts, layers: Sequence[str], without: Collection[str] = ()) -> list[Array]:
    """Counts of some layers, with 0 in the columns that no headline measure reads."""
    tables = []
    for layer in layers:
        wanted = headline_columns(system.scheme, layer).difference(without)
        read = [column.rstrip("~") in wanted for column in system.layers[layer].units.columns]
        tables.append(system.matrix(layer) * np.array(read, dtype=np.float64))
    return tables


def _all_tables(
    system: SystemCounts, layers: Sequence[str], contributions: Array, without: Collection[str] = ()
) -> list[Array]:
    """The counts, and where a layer has clusters, each unit's part in their measures."""
    clusters = any(system.layers[layer].layer.clusters for layer in layers)
    return _tables(system, layers, without) + [contributions] * clusters


def _answers(system: SystemCounts, contributions: Array, measure: str) -> bytes:
    """Digest of the counts that a headline measure reads, the same for a copy under another name."""
    digest = hashlib.sha256()
    for table in _all_tables(system, system.scheme.layers_of(measure), contributions):
        digest.update(table.tobytes())
    return digest.digest()


def _differences(a: Score, b: Score, measure: str) -> Array:
    """Resampled differences a - b, over the resamples that both have."""
    first, second = a.replicates[measure], b.replicates[measure]
    shared = min(len(first), len(second))
    return first[:shared] - second[:shared]


def _units(counts: SystemCounts, measure: str) -> int:
    """How many units are drawn for a headline measure."""
    return counts.effective_units(*counts.scheme.layers_of(measure))


def _detectable(systems: Sequence[tuple[SystemCounts, Score]], measure: str) -> float | None:
    """Median over pairs of systems of the minimum detectable difference; of near-copies one is enough."""
    found = [
        minimum_detectable_difference(_differences(a, b, measure), _units(counts, measure))
        for (counts, a), (_, b) in itertools.combinations(systems, 2)
    ]
    known = [each for each in found if each is not None]
    return float(np.median(known)) if known else None


def _value(score: Score, measure: str) -> float:
    value = score.measures[measure].value
    assert value is not None
    return value


def _cluster_parts(system: SystemCounts) -> list[str]:
    """Coreference measures that tracks are means of."""
    return [part for part in system.scheme.parts if part.startswith("entities.coreference.")]


def _cluster_contributions(system: SystemCounts) -> Array:
    """Each text unit's part in the coreference measures of the tracks, shape (units, measures); parts add up to values.

    Clusters reach across units, so a unit's outputs cannot be exchanged between systems as counts can. Jackknife
    pseudo-values (Tukey 1958) make a value a sum over units, which can.
    """
    names, parts = system.unit_names["text"], _cluster_parts(system)
    found = np.zeros((len(names), len(parts)))
    if system.mentions is None or not names or not any(system.layers[name].layer.clusters for name in system.answered):
        return found
    units = len(names)
    scores = measures_of(sums_of(system.mentions.overlaps()))
    for column, part in enumerate(parts):
        score, without = float(scores[part][0]), system.leave_one_out[part]
        if not np.isnan(score):
            without = np.where(np.isnan(without), score, without)
            found[:, column] = score / units + (units - 1) / units * (without.mean() - without)
    return found


def _test(
    measure: str,
    a: SystemCounts,
    b: SystemCounts,
    clusters_a: Array,
    clusters_b: Array,
    trials: int,
    seed: int,
) -> float | None:
    """p of the paired randomization test of one headline measure."""
    scheme = a.scheme
    tracks = list(scheme.overall) if measure == OVERALL else [measure]
    layers = scheme.layers_of(measure)
    streams = list(dict.fromkeys(a.stream(layer) for layer in layers))
    layout = {stream: [layer for layer in layers if a.stream(layer) == stream] for stream in streams}
    parts = _cluster_parts(a)

    def family(system: SystemCounts, contributions: Array, stream: str) -> Array:
        # A column that the measure does not read must not make a unit one on which the systems differ.
        tables = _tables(system, layout[stream]) + [contributions] * (stream == "text")
        return np.concatenate(tables, axis=1)

    def values(sums: Sequence[Array]) -> Array:
        tables: dict[str, Counts] = {}
        clusters = {part: np.full(len(sums[0]), np.nan) for part in parts}
        for stream, table in zip(streams, sums, strict=True):
            start = 0
            for layer in layout[stream]:
                units = a.layers[layer].units
                tables[layer] = units.as_counts(table[:, start : start + len(units.columns)])
                start += len(units.columns)
            if stream == "text":
                clusters.update(zip(parts, table[:, start:].T, strict=True))
        return headlines(scheme, tables, clusters, tracks)[measure]

    return randomization_p(
        [family(a, clusters_a, stream) for stream in streams],
        [family(b, clusters_b, stream) for stream in streams],
        lambda first, second: values(first) - values(second),
        trials,
        seed,
    )


def _order(
    scored: Sequence[Score],
    comparisons: Sequence[Comparison],
    measure: str,
    near_copies: Mapping[str, Sequence[Sequence[str]]],
    *,
    tested: bool,
) -> list[Ranked]:
    copies = {name for group in near_copies.get(measure, ()) for name in group[1:]}
    competing = [score for score in scored if score.measures[measure].value is not None]
    competing.sort(key=lambda score: (-_value(score, measure), score.system))
    better, worse = ({score.system: set[str]() for score in competing} for _ in range(2))
    for c in comparisons:
        if c.measure == measure and c.p_holm < ALPHA and c.difference != 0:
            winner, loser = (c.a, c.b) if c.difference > 0 else (c.b, c.a)
            better[loser].add(winner)
            worse[winner].add(loser)
    ranked: list[Ranked] = []
    tier, leader = 0, ""
    for score in competing:
        name = score.system
        position = 1 + sum(_value(other, measure) > _value(score, measure) for other in competing)
        # Were a near-copy to begin a tier, others would be measured by it.
        if name not in copies and (not leader or leader in better[name]):
            tier, leader = tier + 1, name
        found = (1 + len(better[name]), len(competing) - len(worse[name]), max(tier, 1)) if tested else (None,) * 3
        ranked.append(Ranked(score, position, *found))
    others = [score for score in scored if score.measures[measure].value is None]
    return ranked + [Ranked(score, *(None,) * 4) for score in sorted(others, key=lambda score: score.system)]
