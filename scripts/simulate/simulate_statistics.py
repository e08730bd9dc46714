"""Check by simulation that intervals cover, that the paired test does not cry wolf, and that it finds what it should.

    python scripts/simulate/simulate_statistics.py [--quick] [--seed 0] > tables.md

Made-up systems with a known true score are drawn over made-up units (``simulated_worlds.py`` says how), and the
package's own measures, bootstrap, Wilson interval and randomisation test judge them. Printed are Markdown tables: how
often a 95% interval holds the true score or the true difference (93 to 97% are wanted), how often the test calls two
equally good systems different at 5% (5.5% at most), how often it finds the difference that is said to be found four
times in five (75 to 85%). Cells outside are bold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import click
import numpy as np

from retold.cli.main import main as run_command
from retold.layers.coreference import Mentions
from retold.layers.units import POOL, pooled
from retold.measures.clusters import conll
from retold.model.arrays import Array
from retold.stats.bootstrap import bootstrap_sums, bootstrap_weights
from retold.stats.intervals import minimum_detectable_difference, percentile_interval, wilson
from retold.stats.randomization import randomization_p
from simulated_worlds import UNLIKE, ClusterWorld, World, beta, mentions, stances

Interval = tuple[float, float]

UNITS: Final = (8, 20, 58, 200, 1000)
ALPHA: Final = 0.05
WANTED: Final = "Wanted: 93% to 97%."
#: Data sets that share their resamples; other sets get other seeds, so that no draw decides a cell.
TOGETHER: Final = 50
DOCUMENTS: Final = 5
PARAGRAPHS: Final = 12
#: Units that are more than the package draws one by one.
MANY: Final = 10_000
CONLL: Final = "entities.coreference.conll"


@dataclass(frozen=True)
class Effort:
    """How much is drawn: data sets a cell, resamples, trials; fewer of what takes long."""

    sets: int = 2000
    resamples: int = 2000
    trials: int = 499
    pooled_sets: int = 500
    pooled_resamples: int = 1000
    cluster_sets: int = 500
    #: Clusters that are computed anew in each resample, with up to 58 units and with 200.
    anew_sets: tuple[int, int] = (200, 100)
    cluster_resamples: int = 400


QUICK: Final = Effort(200, 500, 199, 50, 200, 30, (20, 10), 100)


def covered(share: float) -> bool:
    return 0.93 <= share <= 0.97


def quiet(share: float) -> bool:
    return share <= 0.055


def found(share: float) -> bool:
    return 0.75 <= share <= 0.85


# --- Counts -----------------------------------------------------------------------------------------------------------


def replicates(world: World, counts: Array, resamples: int, seed: int) -> Array:
    """The measure of each resample of each set of counts (units, sets, columns), shape (resamples, sets)."""
    units, sets, columns = counts.shape
    sums = bootstrap_sums(counts.reshape(units, sets * columns), resamples, seed, "text")
    return world.value(sums.reshape(resamples, sets, columns))


def intervals(world: World, counts: Array, resamples: int, seed: int) -> Iterator[Interval | None]:
    """The 95% interval of each set of counts, as ``retold score`` gives it."""
    drawn = replicates(world, counts, resamples, seed)
    totals = counts.sum(axis=0)
    points, trials = world.value(totals), world.measure.trials(world.named(totals))
    for index, point in enumerate(points):
        if point in (0.0, 1.0) and trials[index] > 0:
            yield wilson(point * trials[index], trials[index])
        else:
            yield None if math.isnan(point) else percentile_interval(drawn[:, index], len(counts))


def share_held(bounds: Sequence[Interval | None], truth: float) -> float:
    given = [each for each in bounds if each is not None]
    return sum(low <= truth <= high for low, high in given) / len(given)


def batches(world: World, units: int, sets: int, seed: int) -> Iterator[tuple[int, Array]]:
    """(seed of the resamples, counts of both systems) of some data sets at a time."""
    for start in range(0, sets, TOGETHER):
        yield seed + start, world.draw(np.random.default_rng([seed, units, start]), units, TOGETHER)


def coverage(world: World, units: int, sets: int, resamples: int, seed: int) -> float:
    """Share of 95% intervals that hold the true value."""
    bounds: list[Interval | None] = []
    for batch, counts in batches(world, units, sets, seed):
        bounds += intervals(world, counts[0], resamples, batch)
    return share_held(bounds, world.truth)


def difference_coverage(world: World, units: int, sets: int, resamples: int, seed: int) -> float:
    """Share of 95% intervals of the difference, as ``retold rank`` gives them, that hold the true difference."""
    bounds: list[Interval | None] = []
    for batch, (first, second) in batches(world, units, sets, seed):
        # Equal seeds: both systems are seen on the same resamples.
        drawn = replicates(world, first, resamples, batch) - replicates(world, second, resamples, batch)
        bounds += [percentile_interval(values, units) for values in drawn.T]
    return share_held(bounds, world.difference)


def pooling(world: World, sets: int, resamples: int, seed: int) -> tuple[float, float, float]:
    """Coverage with units by themselves and in groups, and how wide intervals of groups are beside the others."""
    names, group = np.unique([pooled(f"document-{number}") for number in range(MANY)], return_inverse=True)
    bounds: list[list[Interval | None]] = [[], []]
    for batch, (counts, _) in batches(world, MANY, sets, seed):
        grouped = np.zeros((len(names), *counts.shape[1:]))
        np.add.at(grouped, group, counts)
        for side, table in zip(bounds, (counts, grouped), strict=True):
            side += intervals(world, table, resamples, batch)
    one, other = ([high - low for low, high in filter(None, side)] for side in bounds)
    return share_held(bounds[0], world.truth), share_held(bounds[1], world.truth), float(np.mean(other) / np.mean(one))


def rejections(world: World, units: int, sets: int, trials: int, seed: int) -> float:
    """Share of pairs of systems that the randomisation test calls different at 5%."""
    rejected = 0
    random = np.random.default_rng([seed, units])
    first, second = world.draw(random, units, sets)
    for index in range(sets):
        p = randomization_p(
            [first[:, index]],
            [second[:, index]],
            lambda a, b: world.value(a[0]) - world.value(b[0]),
            trials,
            seed + index,
        )
        rejected += p is not None and p <= ALPHA
    return rejected / sets


def detectable(pair: Callable[[float], World], units: int, resamples: int, seed: int) -> World:
    """The pair of systems whose true difference is what ``retold rank`` says can be detected between them.

    Args:
        pair: gives two systems, by how much worse the second is made.
    """
    worse, world = 0.05, pair(0.05)
    for _ in range(4):
        said: list[float] = []
        for batch, (first, second) in batches(world, units, 2 * TOGETHER, seed):
            drawn = replicates(world, first, resamples, batch) - replicates(world, second, resamples, batch)
            said += filter(None, (minimum_detectable_difference(values, units) for values in drawn.T))
        worse += float(np.median(said)) - world.difference
        world = pair(worse)
    return world


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


# --- Clusters ---------------------------------------------------------------------------------------------------------


def cluster_interval(system: Mentions, resamples: int, seed: int, *, anew: bool) -> Interval | None:
    """The 95% interval of CoNLL as ``retold score`` gives it.

    Args:
        anew: clusters are computed anew in each resample, which scoring does not do, because it is worse: a unit drawn
            twice makes larger clusters. Their median is moved to the value.
    """
    base, by_unit = system.by_unit(system.units)
    point, units = float(conll(base)[0]), len(system.units)
    if point in (0.0, 1.0):
        trials = float(base.gold_sizes.sum())
        return wilson(point * trials, trials)
    weights = np.concatenate([block for _, block in bootstrap_weights(units, resamples, seed, "text")])
    if not anew:
        influence = point - system.leave_one_out(system.units)[CONLL]
        moved = point + (weights - 1) @ np.where(np.isnan(influence), 0.0, influence)
        return percentile_interval(np.clip(moved, 0.0, 1.0), units)
    step = max(1_000_000 // by_unit.shape[1], 1)
    parts = (weights[start : start + step] @ by_unit for start in range(0, resamples, step))
    drawn = np.concatenate([conll(replace(base, mentions=part)) for part in parts])
    moved = drawn + (point - np.nanmedian(drawn))
    return percentile_interval(np.clip(moved, 0.0, 1.0), units)


def cluster_coverage(
    world: ClusterWorld, truth: float, units: int, sets: int, resamples: int, seed: int, *, anew: bool
) -> float:
    """Share of 95% intervals of CoNLL that hold the true value."""
    random = np.random.default_rng([seed, units])
    drawn = (world.draw(random, units)[0] for _ in range(sets))
    bounds = [cluster_interval(each, resamples, seed + index, anew=anew) for index, each in enumerate(drawn)]
    return share_held(bounds, truth)


def contributions(system: Mentions) -> Array:
    """Each unit's part in CoNLL as a column: jackknife pseudo-values, as ``retold rank`` exchanges them."""
    units = len(system.units)
    point = float(conll(system.overlaps())[0])
    without = system.leave_one_out(system.units)[CONLL]
    without = np.where(np.isnan(without), point, without)
    parts: Array = point / units + (units - 1) / units * (without.mean() - without)
    return parts[:, None]


def cluster_rejections(world: ClusterWorld, units: int, sets: int, trials: int, seed: int) -> float:
    """Share of pairs of equally good systems that the randomisation test calls different in CoNLL at 5%."""
    random = np.random.default_rng([seed, units])
    rejected = 0
    for index in range(sets):
        first, second = (contributions(system) for system in world.draw(random, units, 2))
        p = randomization_p([first], [second], lambda a, b: a[0][:, 0] - b[0][:, 0], trials, seed + index)
        rejected += p is not None and p <= ALPHA
    return rejected / sets


# --- Tables -----------------------------------------------------------------------------------------------------------


def table(title: str, note: str, columns: Sequence[str]) -> None:
    click.echo(f"\n### {title}\n\n{note}\n\n| {' | '.join(columns)} |\n|{'|'.join(['---'] * len(columns))}|")


def by_units(title: str, note: str, *columns: str) -> None:
    table(title, note, [*columns, *(f"{count} units" for count in UNITS)])


def row(*cells: str) -> None:
    click.echo(f"| {' | '.join(cells)} |")


def shown(share: float, fine: Callable[[float], bool]) -> str:
    """A share, bold unless what is shown of it is fine."""
    percent = f"{share:.1%}"
    return percent if fine(float(percent[:-1]) / 100) else f"**{percent}**"


def known(sets: int, share: float = 0.95) -> str:
    return f"{sets} data sets a cell, known to about ±{2 * math.sqrt(share * (1 - share) / sets):.1%}"


@click.command(help=__doc__)
@click.option("--quick", is_flag=True, help="Fewer data sets: a look, not a measurement.")
@click.option("--seed", default=0, show_default=True)
def main(quick: bool, seed: int) -> None:
    effort = QUICK if quick else Effort()
    click.echo(f"Seed {seed}; {known(effort.sets)}, where nothing else is said. Bold: not as wanted.")
    worlds = [*(mentions(score) for score in (0.15, 0.5, 0.85, 0.98)), *(stances(q) for q in (0.4, 0.65, 0.9, 0.985))]
    unlike = [mentions(score, shares) for score, shares in UNLIKE.items()]
    print_coverage(worlds, effort, seed)
    print_clusters(effort, seed)
    print_differences(
        [*unlike, mentions(0.85, worse=0.05), mentions(0.5, worse=0.2), stances(0.65, worse=0.1)], effort, seed
    )
    print_alike(effort, seed)
    print_pooling([mentions(0.5), mentions(0.98), stances(0.65)], effort, seed)
    print_rejections([*worlds, *unlike], effort, seed)
    print_cluster_rejections(effort, seed)
    print_power(effort, seed)


def print_coverage(worlds: Sequence[World], effort: Effort, seed: int) -> None:
    by_units("Coverage of 95% intervals", f"{effort.resamples} resamples. {WANTED}", "measure", "true value")
    for world in worlds:
        cells = [coverage(world, units, effort.sets, effort.resamples, seed) for units in UNITS]
        row(world.name, f"{world.truth:.2f}", *(shown(cell, covered) for cell in cells))


def print_clusters(effort: Effort, seed: int) -> None:
    few, fewest = effort.anew_sets
    by_units(
        "Coverage of 95% intervals of CoNLL",
        f"{effort.cluster_resamples} resamples. Jackknifed: {known(effort.cluster_sets)}. Computed anew: {known(few)}; "
        f"with 200 units {known(fewest)}. {WANTED}",
        *("clusters", "resamples are", "true value"),
    )
    for world in (ClusterWorld(quality, inside) for inside in (True, False) for quality in (0.4, 0.85)):
        truths = {units: world.truth(units, effort.sets) for units in UNITS}
        value = f"{truths[8]:.2f}" if world.inside else f"{truths[8]:.2f} to {truths[1000]:.2f}"
        for anew in (True, False):
            cells: list[str] = []
            for units, truth in truths.items():
                if anew and units > 200:
                    cells.append("")
                    continue
                sets = (few if units < 200 else fewest) if anew else effort.cluster_sets
                share = cluster_coverage(world, truth, units, sets, effort.cluster_resamples, seed, anew=anew)
                cells.append(shown(share, covered))
            row(world.name, "computed anew" if anew else "jackknifed", value, *cells)


def print_differences(worlds: Sequence[World], effort: Effort, seed: int) -> None:
    by_units(
        "Coverage of 95% intervals of differences", f"{effort.resamples} resamples. {WANTED}", "measure", "true values"
    )
    for world in worlds:
        cells = [difference_coverage(world, units, effort.sets, effort.resamples, seed) for units in UNITS]
        row(world.name, "{:.2f}, {:.2f}".format(*world.truths), *(shown(cell, covered) for cell in cells))


def print_alike(effort: Effort, seed: int) -> None:
    table(
        "Units that are alike inside a document",
        f"{DOCUMENTS} documents of {PARAGRAPHS} paragraphs, one difficulty for each document. {WANTED}",
        ("measure", "true value", "score on these documents", "score on other documents like these"),
    )
    for score in (0.5, 0.85):
        anywhere, here = shared_difficulty(score, effort.sets, effort.resamples, seed)
        row("mention F1", f"{score:.2f}", shown(here, covered), shown(anywhere, covered))


def print_pooling(worlds: Sequence[World], effort: Effort, seed: int) -> None:
    sets, resamples = effort.pooled_sets, effort.pooled_resamples
    table(
        f"{MANY:,} units, drawn one by one and in {POOL:,} groups",
        f"{resamples} resamples; {known(sets)}. {WANTED}",
        ("measure", "true value", "one by one", "in groups", "width in groups / one by one"),
    )
    for world in worlds:
        alone, grouped, width = pooling(world, sets, resamples, seed)
        row(world.name, f"{world.truth:.2f}", shown(alone, covered), shown(grouped, covered), f"{width:.3f}")


def print_rejections(worlds: Sequence[World], effort: Effort, seed: int) -> None:
    note = f"{effort.trials} trials. Wanted: at most 5.5%."
    by_units("Rejections of a true null at 5%", note, "measure", "true value")
    for world in worlds:
        cells = [rejections(world, units, effort.sets, effort.trials, seed) for units in UNITS]
        row(world.name, f"{world.truth:.2f}", *(shown(cell, quiet) for cell in cells))


def print_cluster_rejections(effort: Effort, seed: int) -> None:
    sets = effort.cluster_sets
    note = f"{effort.trials} trials; {known(sets, ALPHA)}. Wanted: at most 5.5%."
    by_units("Rejections of a true null at 5%, CoNLL", note, "clusters", "right")
    for world in (ClusterWorld(0.4, inside=False), ClusterWorld(0.85, inside=False)):
        cells = [cluster_rejections(world, units, sets, effort.trials, seed) for units in UNITS]
        row(world.name, f"{world.quality:.0%}", *(shown(cell, quiet) for cell in cells))


def print_power(effort: Effort, seed: int) -> None:
    pairs: tuple[Callable[[float], World], ...] = (
        lambda worse: mentions(0.5, worse=worse),
        lambda worse: mentions(0.85, worse=worse),
        lambda worse: stances(0.65, worse=worse),
        lambda worse: stances(0.9, worse=worse),
    )
    by_units(
        "True differences of the minimum detectable size that are found at 5%",
        f"{effort.trials} trials; {known(effort.sets, 0.8)}; in brackets the difference. Wanted: 75% to 85%.",
        *("measure", "better system"),
    )
    for pair in pairs:
        cells: list[str] = []
        for units in UNITS:
            world = detectable(pair, units, effort.resamples, seed)
            share = rejections(world, units, effort.sets, effort.trials, seed)
            cells.append(f"{shown(share, found)} ({world.difference:.2f})")
        row(pair(0.1).name, f"{pair(0.1).truth:.2f}", *cells)


if __name__ == "__main__":
    run_command(command=main)
