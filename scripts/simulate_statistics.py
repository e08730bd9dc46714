"""Check by simulation that intervals cover and that the paired test does not cry wolf.

    python scripts/simulate_statistics.py [--quick] [--seed 0] > tables.md

Made-up systems with a known true score are drawn over made-up units, and the package's own measures, bootstrap, Wilson
interval and randomisation test judge them. Printed are Markdown tables: how often a 95% interval holds the true score
(93 to 97% are wanted), and how often the test calls two equally good systems different at 5% (5.5% at most). Cells
outside are bold. Units are uneven throughout: they differ in size and in difficulty.

Worlds
    mentions  1 + geometric gold names a unit (4 on average); each is found with the unit's own probability, Beta with
              mean ``score`` and concentration 6; as many spurious ones are expected as are missed, so F1 is ``score``.
    stance    1 to 5 cells a unit, their labels from the unit's own Dirichlet; each right with the unit's own
              probability, otherwise one of the two other labels.
    shared    mentions again, with one difficulty for all units of a document (5 documents of 12 units): what drawing
              paragraphs cannot see.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import click
import numpy as np
import numpy.typing as npt

from retold.counts import Counts
from retold.measures import Array, Measure
from retold.records import STANCE_LABELS
from retold.resampling import bootstrap_sums, percentile_interval, randomisation_p, wilson
from retold.tasks import entities, stance

Whole = npt.NDArray[np.int64]

UNITS: Final = (8, 20, 58, 200, 1000)
WANTED: Final = (0.93, 0.97)
ALPHA: Final = 0.05
MOST: Final = 0.055
#: Data sets that share their resamples; other sets get other seeds, so that no draw decides a cell.
TOGETHER: Final = 50
CONCENTRATION: Final = 6.0
SHARES: Final = (0.3, 0.2, 0.5)
DOCUMENTS: Final = 5
PARAGRAPHS: Final = 12
#: (name, share of found names of the two systems of an unlike pair) for each score; their F1 are equal.
UNLIKE: Final = {0.5: (0.4, 0.6), 0.85: (0.78, 0.92)}


@dataclass(frozen=True)
class World:
    """Something to draw counts from.

    Attributes:
        name: for the table.
        measure: what is estimated.
        columns: names of the counts.
        truth: value of the measure on expected counts.
        draw: (generator, units, sets) -> counts of shape (systems, units, sets, columns), two systems alike.
    """

    name: str
    measure: Measure
    columns: tuple[str, ...]
    truth: float
    draw: Callable[[np.random.Generator, int, int], Array]

    def value(self, sums: Array) -> Array:
        """The measure of sums of shape (..., columns)."""
        return self.measure.value(self.named(sums))

    def named(self, sums: Array) -> Counts:
        return {column: sums[..., index] for index, column in enumerate(self.columns)}


def measure_of(table: Sequence[Measure], name: str) -> Measure:
    return next(measure for measure in table if measure.name == name)


def beta(random: np.random.Generator, mean: float, shape: tuple[int, ...], concentration: float) -> Array:
    return random.beta(mean * concentration, (1 - mean) * concentration, shape)


# --- Mentions ---------------------------------------------------------------------------------------------------------

_MENTIONS: Final = ("gold", "predicted", "strict")


def mentions(score: float, found: tuple[float, float] | None = None) -> World:
    """Mention F1 whose true value is ``score``.

    Args:
        found: share of names that either system finds; their spurious names then make up for it. Equal where not given.
    """

    def draw(random: np.random.Generator, units: int, sets: int) -> Array:
        gold = random.geometric(0.25, (units, sets))
        difficulty = beta(random, 0.5, (units, sets), CONCENTRATION)
        return np.stack([one(random, gold, difficulty, share) for share in found or (score, score)])

    def one(random: np.random.Generator, gold: Whole, difficulty: Array, share: float) -> Array:
        # The same quantile of difficulty for both systems, so that units are hard or easy for both.
        skill = np.interp(difficulty, _GRID, _quantiles(share))
        spurious = 2 * share / score - 1 - share
        correct = random.binomial(gold, skill)
        return np.stack([gold, correct + random.poisson(gold * spurious), correct], axis=-1).astype(np.float64)

    name = "mention F1" if found is None else "mention F1, unlike errors"
    return World(name, measure_of(entities.MEASURES, "entities.mention.f1"), _MENTIONS, score, draw)


_GRID: Final = np.linspace(0, 1, 2001)


def _quantiles(mean: float) -> Array:
    """Skill by difficulty: quantiles of a Beta of this mean, at the places of a Beta of mean 1/2."""
    from scipy.stats import beta as distribution

    places = distribution(CONCENTRATION / 2, CONCENTRATION / 2).cdf(_GRID)
    wanted = distribution(mean * CONCENTRATION, (1 - mean) * CONCENTRATION)
    skill: Array = wanted.ppf(np.clip(places, 1e-9, 1 - 1e-9))
    return skill


# --- Stance -----------------------------------------------------------------------------------------------------------

_CONFUSION: Final = tuple(f"{gold}:{given}" for gold in STANCE_LABELS for given in STANCE_LABELS)


def stances(right: float) -> World:
    """favg of a system that labels this share of the cells right."""
    missing = tuple(f"{label}:missing" for label in STANCE_LABELS)

    def table(shares: Array, quality: Array) -> Array:
        """Shares of the nine cells of a confusion table, shape (..., 9)."""
        given = np.where(np.eye(3, dtype=bool), quality[..., None, None], (1 - quality[..., None, None]) / 2)
        cells = shares[..., :, None] * given
        return cells.reshape(*cells.shape[:-2], 9)

    def draw(random: np.random.Generator, units: int, sets: int) -> Array:
        shape = (units, sets)
        cells = random.integers(1, 6, shape)
        shares = random.dirichlet(np.array(SHARES) * CONCENTRATION, shape)
        gold = random.multinomial(cells, shares)
        quality = beta(random, right, shape, CONCENTRATION)
        systems = [labelled(random, gold, table(np.ones((*shape, 3)), quality)) for _ in range(2)]
        return np.stack(systems)

    def labelled(random: np.random.Generator, gold: Whole, given: Array) -> Array:
        rows = [random.multinomial(gold[..., k], given[..., 3 * k : 3 * k + 3]) for k in range(3)]
        counts = np.concatenate(rows, axis=-1)
        return np.concatenate([counts, np.zeros((*counts.shape[:-1], 3))], axis=-1)

    measure = measure_of(stance.MEASURES, "stance.favg")
    columns = (*_CONFUSION, *missing)
    world = World("stance favg", measure, columns, math.nan, draw)
    expected = np.concatenate([table(np.array(SHARES), np.array(right)), np.zeros(3)])
    return World("stance favg", measure, columns, float(world.value(expected)), draw)


# --- What is checked --------------------------------------------------------------------------------------------------


def intervals(world: World, counts: Array, resamples: int, seed: int) -> Iterator[tuple[float, float] | None]:
    """The 95% interval of each set of counts, shape (units, sets, columns), as ``retold score`` gives it."""
    units, sets, columns = counts.shape
    sums = bootstrap_sums(counts.reshape(units, sets * columns), resamples, seed, "text")
    replicates = world.value(sums.reshape(resamples, sets, columns))
    totals = counts.sum(axis=0)
    points, trials = world.value(totals), world.measure.trials(world.named(totals))
    for index, point in enumerate(points):
        if point in (0.0, 1.0) and trials[index] > 0:
            yield wilson(point * trials[index], trials[index])
        else:
            yield None if math.isnan(point) else percentile_interval(replicates[:, index], units)


def coverage(world: World, units: int, sets: int, resamples: int, seed: int) -> float:
    """Share of 95% intervals that hold the true value."""
    held = given = 0
    for start in range(0, sets, TOGETHER):
        random = np.random.default_rng([seed, units, start])
        counts = world.draw(random, units, TOGETHER)[0]
        for bounds in intervals(world, counts, resamples, seed + start):
            if bounds is not None:
                given += 1
                held += bounds[0] <= world.truth <= bounds[1]
    return held / given


def rejections(world: World, units: int, sets: int, trials: int, seed: int) -> float:
    """Share of pairs of equally good systems that the randomisation test calls different at 5%."""
    rejected = 0
    random = np.random.default_rng([seed, units])
    first, second = world.draw(random, units, sets)
    for index in range(sets):
        p = randomisation_p(
            [first[:, index]],
            [second[:, index]],
            lambda a, b: world.value(a[0]) - world.value(b[0]),
            trials,
            seed + index,
        )
        rejected += p is not None and p <= ALPHA
    return rejected / sets


def shared_difficulty(score: float, sets: int, resamples: int, seed: int) -> tuple[float, float]:
    """Coverage where paragraphs of a document are alike: of the score on such documents, and on these documents."""
    world = mentions(score)
    anywhere = here = 0
    for start in range(0, sets, TOGETHER):
        random = np.random.default_rng([seed, start])
        skill = beta(random, score, (DOCUMENTS, TOGETHER), 15.0)
        spread = np.repeat(skill, PARAGRAPHS, axis=0)
        gold = random.geometric(0.25, spread.shape)
        correct = random.binomial(gold, spread)
        spurious = random.poisson(gold * (1 - spread))
        counts = np.stack([gold, correct + spurious, correct], axis=-1).astype(np.float64)
        for index, bounds in enumerate(intervals(world, counts, resamples, seed + start)):
            if bounds is not None:
                anywhere += bounds[0] <= score <= bounds[1]
                here += bounds[0] <= skill[:, index].mean() <= bounds[1]
    return anywhere / sets, here / sets


# --- Tables -----------------------------------------------------------------------------------------------------------


def row(name: str, truth: float, cells: Sequence[float], fine: Callable[[float], bool]) -> str:
    shown = [f"{cell:.1%}" if fine(cell) else f"**{cell:.1%}**" for cell in cells]
    return f"| {name} | {truth:.2f} | {' | '.join(shown)} |"


def heading(title: str, note: str) -> str:
    columns = "|".join(["---"] * (2 + len(UNITS)))
    units = " | ".join(f"{count} units" for count in UNITS)
    return f"\n### {title}\n\n{note}\n\n| measure | true value | {units} |\n|{columns}|"


@click.command(help=__doc__)
@click.option("--quick", is_flag=True, help="Fewer data sets: a look, not a measurement.")
@click.option("--seed", default=0, show_default=True)
def main(quick: bool, seed: int) -> None:
    sets, resamples, trials = (200, 500, 199) if quick else (2000, 2000, 499)
    error = math.sqrt(0.95 * 0.05 / sets)
    click.echo(
        f"Seed {seed}; {sets} data sets a cell, so a cell is known to about ±{2 * error:.1%}. Bold: not as wanted."
    )
    worlds = [*(mentions(score) for score in (0.15, 0.5, 0.85, 0.98)), *(stances(q) for q in (0.4, 0.65, 0.9, 0.985))]
    click.echo(
        heading("Coverage of 95% intervals", f"{resamples} resamples. Wanted: {WANTED[0]:.0%} to {WANTED[1]:.0%}.")
    )
    for world in worlds:
        cells = [coverage(world, units, sets, resamples, seed) for units in UNITS]
        click.echo(row(world.name, world.truth, cells, lambda cell: WANTED[0] <= cell <= WANTED[1]))
    click.echo(
        f"\n### Units that are alike inside a document\n\n{DOCUMENTS} documents of {PARAGRAPHS} paragraphs, one "
        "difficulty for each document.\n\n| measure | true value | score on these documents | "
        "score on documents like these |\n|---|---|---|---|"
    )
    for score in (0.5, 0.85):
        anywhere, here = shared_difficulty(score, sets, resamples, seed)
        click.echo(row("mention F1", score, [here, anywhere], lambda cell: WANTED[0] <= cell <= WANTED[1]))
    click.echo(heading("Rejections of a true null at 5%", f"{trials} trials. Wanted: at most {MOST:.1%}."))
    for world in [*worlds, *(mentions(score, found) for score, found in UNLIKE.items())]:
        cells = [rejections(world, units, sets, trials, seed) for units in UNITS]
        click.echo(row(world.name, world.truth, cells, lambda cell: round(cell, 3) <= MOST))


if __name__ == "__main__":
    main()
