"""Made-up systems over made-up units, with a known true score: what ``simulate_statistics.py`` draws from.

Units are uneven throughout: they differ in size and in difficulty, which is the same for both systems of a pair.

Worlds
    mentions  1 or more gold names a unit (geometric, 4 on average); each is found with the unit's own probability, Beta
              with mean ``score`` and concentration 6; as many spurious ones are expected as are missed, so F1 is
              ``score``.
    stances   1 to 5 cells a unit, their labels from the unit's own Dirichlet; each right with the unit's own
              probability, otherwise one of the two other labels.
    clusters  names as above, each of an entity. With the unit's own probability a mention is found and put into the
              right cluster; else it is missed, or split off into a cluster of this unit, or put to another entity,
              a third each. As many spurious ones are expected as are missed. Clusters lie inside their unit (entities
              are new in each, the second half as frequent as the first and so on), or reach over units (300
              entities, the r-th drawn in proportion to 1 / r, as in texts about one event).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from retold.layers.coreference import Mentions
from retold.layers.scheme import default_scheme
from retold.measures.base import Counts, Measure
from retold.measures.clusters import conll
from retold.model.arrays import Array

__all__ = ["CONCENTRATION", "UNLIKE", "ClusterWorld", "World", "beta", "mentions", "stances"]

Whole = npt.NDArray[np.int64]

CONCENTRATION: Final = 6.0
#: (share of found names of the two systems of an unlike pair) for each score; their F1 are equal.
UNLIKE: Final = {0.5: (0.4, 0.6), 0.85: (0.78, 0.92)}


@dataclass(frozen=True)
class World:
    """Something to draw counts from.

    Attributes:
        name: for the table.
        measure: what is estimated.
        columns: names of the counts.
        truths: value of the measure on expected counts, of either system.
        draw: (generator, units, sets) -> counts of shape (systems, units, sets, columns), two systems.
    """

    name: str
    measure: Measure
    columns: tuple[str, ...]
    truths: tuple[float, float]
    draw: Callable[[np.random.Generator, int, int], Array]

    @property
    def truth(self) -> float:
        """True value of the first system."""
        return self.truths[0]

    @property
    def difference(self) -> float:
        """True difference, first less second."""
        return self.truths[0] - self.truths[1]

    def value(self, sums: Array) -> Array:
        """The measure of sums of shape (..., columns)."""
        return self.measure.value(self.named(sums))

    def named(self, sums: Array) -> Counts:
        return {column: sums[..., index] for index, column in enumerate(self.columns)}


def beta(random: np.random.Generator, mean: float, shape: tuple[int, ...], concentration: float) -> Array:
    return random.beta(mean * concentration, (1 - mean) * concentration, shape)


_GRID: Final = np.linspace(0, 1, 2001)


@cache
def _quantiles(mean: float, source: float = 0.5) -> Array:
    """Skill by difficulty: quantiles of a Beta of this mean, at the places of a Beta of mean ``source``."""
    from scipy.stats import beta as distribution

    places = distribution(source * CONCENTRATION, (1 - source) * CONCENTRATION).cdf(_GRID)
    wanted = distribution(mean * CONCENTRATION, (1 - mean) * CONCENTRATION)
    skill: Array = wanted.ppf(np.clip(places, 1e-9, 1 - 1e-9))
    return skill


# --- Mentions ---------------------------------------------------------------------------------------------------------

_MENTIONS: Final = ("gold", "predicted", "strict")


def mentions(score: float, found: tuple[float, float] | None = None, *, worse: float = 0.0) -> World:
    """Mention F1 whose true value is ``score``.

    Args:
        found: share of names that either system finds; their spurious names then make up for it. Equal where not given.
        worse: how much lower the second system's true value is.
    """
    scores = (score, score - worse)

    def draw(random: np.random.Generator, units: int, sets: int) -> Array:
        gold = random.geometric(0.25, (units, sets))
        difficulty = beta(random, 0.5, (units, sets), CONCENTRATION)
        systems = zip(scores, found or scores, strict=True)
        return np.stack([one(random, gold, difficulty, value, share) for value, share in systems])

    def one(random: np.random.Generator, gold: Whole, difficulty: Array, value: float, share: float) -> Array:
        # The same quantile of difficulty for both systems, so that units are hard or easy for both.
        skill = np.interp(difficulty, _GRID, _quantiles(share))
        spurious = 2 * share / value - 1 - share
        correct = random.binomial(gold, skill)
        return np.stack([gold, correct + random.poisson(gold * spurious), correct], axis=-1).astype(np.float64)

    name = "mention F1" if found is None else "mention F1, unlike errors"
    return World(name, default_scheme().measures["entities.mention.f1"], _MENTIONS, scores, draw)


# --- Stance -----------------------------------------------------------------------------------------------------------

_LABELS: Final = ("favor", "against", "none")
_CONFUSION: Final = tuple(f"{gold}:{given}" for gold in _LABELS for given in _LABELS)
_SHARES: Final = (0.3, 0.2, 0.5)


def stances(right: float, *, worse: float = 0.0) -> World:
    """favg of a system that labels this share of the cells right.

    Args:
        worse: how much smaller the second system's share of right cells is.
    """
    columns = (*_CONFUSION, *(f"{label}:missing" for label in _LABELS))
    measure = default_scheme().measures["stance.favg"]

    def table(shares: Array, quality: Array) -> Array:
        """Shares of the nine cells of a confusion table, shape (..., 9)."""
        given = np.where(np.eye(3, dtype=bool), quality[..., None, None], (1 - quality[..., None, None]) / 2)
        cells = shares[..., :, None] * given
        return cells.reshape(*cells.shape[:-2], 9)

    def draw(random: np.random.Generator, units: int, sets: int) -> Array:
        shape = (units, sets)
        cells = random.integers(1, 6, shape)
        shares = random.dirichlet(np.array(_SHARES) * CONCENTRATION, shape)
        gold = random.multinomial(cells, shares)
        quality = beta(random, right, shape, CONCENTRATION)
        other = np.interp(quality, _GRID, _quantiles(right - worse, right)) if worse else quality
        return np.stack([labelled(random, gold, table(np.ones((*shape, 3)), each)) for each in (quality, other)])

    def labelled(random: np.random.Generator, gold: Whole, given: Array) -> Array:
        rows = [random.multinomial(gold[..., k], given[..., 3 * k : 3 * k + 3]) for k in range(3)]
        counts = np.concatenate(rows, axis=-1)
        return np.concatenate([counts, np.zeros((*counts.shape[:-1], 3))], axis=-1)

    def truth(share: float) -> float:
        expected = np.concatenate([table(np.array(_SHARES), np.array(share)), np.zeros(3)])
        return float(measure.value(dict(zip(columns, expected, strict=True))))

    return World("stance favg", measure, columns, (truth(right), truth(right - worse)), draw)


# --- Clusters ---------------------------------------------------------------------------------------------------------

_ENTITIES: Final = 300
_ZIPF: Final = 1 / np.arange(1, _ENTITIES + 1)
#: Codes of clusters: entities of a unit, and what was split off from them.
_APART: Final = 1000
_SPLIT: Final = 10**9


@dataclass(frozen=True)
class ClusterWorld:
    """Something to draw mentions in clusters from.

    Attributes:
        quality: share of mentions that are found and put into the right cluster.
        inside: whether clusters lie inside their unit.
    """

    quality: float
    inside: bool

    @property
    def name(self) -> str:
        """Where clusters lie, for the table."""
        return "inside units" if self.inside else "over units"

    def draw(self, random: np.random.Generator, units: int, systems: int = 1) -> list[Mentions]:
        """One data set, the same gold and the same difficulty for each system."""
        sizes = random.geometric(0.25, units)
        unit = np.repeat(np.arange(units), sizes)
        gold = self._entities(random, unit)
        skill = beta(random, self.quality, (units,), CONCENTRATION)
        return [self._system(random, sizes, unit, gold, skill) for _ in range(systems)]

    def _entities(self, random: np.random.Generator, unit: Whole) -> Whole:
        if self.inside:
            return unit * _APART + np.minimum(random.geometric(0.5, len(unit)), _APART - 1)
        drawn: Whole = random.choice(_ENTITIES, len(unit), p=_ZIPF / _ZIPF.sum())
        return drawn

    def _system(self, random: np.random.Generator, sizes: Whole, unit: Whole, gold: Whole, skill: Array) -> Mentions:
        fate, third = random.random(len(unit)), (1 - skill[unit]) / 3
        split = _SPLIT + gold + (0 if self.inside else unit * _APART)
        given = np.select(
            [fate < third, fate < 2 * third, fate < 3 * third], [-1, split, self._entities(random, unit)], gold
        )
        spurious = np.repeat(np.arange(len(sizes)), random.poisson(sizes * (1 - skill) / 3))
        return _clustered(
            np.concatenate([unit, spurious]),
            np.concatenate([gold, np.full(len(spurious), -1)]),
            np.concatenate([given, self._entities(random, spurious)]),
            len(sizes),
        )

    def truth(self, units: int, sets: int) -> float:
        """CoNLL that the system is worth.

        Inside units everything is a sum over units, so it is the value over very many (100,000). Clusters that reach
        over units grow with the number of units, and with them the value falls: what an interval from n units can be
        about is the mean over data sets of n units.
        """
        random = np.random.default_rng([1, units])
        if self.inside:
            return float(conll(self.draw(random, 100_000)[0].overlaps())[0])
        return float(np.mean([conll(self.draw(random, units)[0].overlaps())[0] for _ in range(sets)]))


def _clustered(unit: Whole, gold: Whole, predicted: Whole, units: int) -> Mentions:
    """Mentions by unit and by cluster on either side, -1 for none."""
    sides = []
    for clusters in (gold, predicted):
        known, codes = np.unique(np.append(clusters, -1), return_inverse=True)
        sides.append((len(known) - 1, codes[:-1].astype(np.int32) - 1))
    names = [str(number) for number in range(units)]
    # Every mention is a stretch of its own: document, unit, language, how many.
    stretches = np.column_stack([unit, unit, np.zeros_like(unit), np.ones_like(unit)]).astype(np.int32)
    return Mentions(
        documents=names,
        units=names,
        languages=["en"],
        events=["event"],
        gold_keys=[(0, str(number)) for number in range(sides[0][0])],
        predicted_keys=[(0, str(number)) for number in range(sides[1][0])],
        stretches=stretches,
        gold=sides[0][1],
        predicted=sides[1][1],
        event_names=["event"],
        event_of=np.zeros(units, np.int32),
    )
