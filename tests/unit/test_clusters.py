"""Coreference measures against exact fractions, and under changes that must not matter."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from retold.measures.clusters import FAMILIES, ClusterOverlaps, bcubed, blanc, ceaf, conll, lea, muc

#: A mention as (event, gold cluster, predicted cluster); None where a side does not have it.
Mention = tuple[int, int | None, int | None]
Triple = tuple[Fraction | None, Fraction | None, Fraction | None]


def overlaps_of(mentions: Sequence[Mention], weights: Sequence[Sequence[int]] | None = None) -> ClusterOverlaps:
    """A table of overlaps; one row of weights (one for each mention) makes one row of the table."""
    gold = sorted({(event, g) for event, g, _ in mentions if g is not None})
    predicted = sorted({(event, p) for event, _, p in mentions if p is not None})
    pairs = sorted(set(mentions), key=str)
    rows = []
    for row in weights if weights is not None else [[1] * len(mentions)]:
        amounts: Counter[Mention] = Counter()
        for mention, weight in zip(mentions, row, strict=True):
            amounts[mention] += weight
        rows.append([amounts[pair] for pair in pairs])
    return ClusterOverlaps(
        gold=np.array([-1 if g is None else gold.index((e, g)) for e, g, _ in pairs], dtype=np.int64),
        predicted=np.array([-1 if p is None else predicted.index((e, p)) for e, _, p in pairs], dtype=np.int64),
        mentions=np.array(rows, dtype=np.float64).reshape(len(rows), len(pairs)),
        gold_events=np.array([e for e, _ in gold], dtype=np.int64),
        predicted_events=np.array([e for e, _ in predicted], dtype=np.int64),
    )


def measured(overlaps: ClusterOverlaps, row: int = 0) -> dict[str, tuple[float, float, float]]:
    """Every family's (precision, recall, f1) in one row."""
    families = {"muc": muc(overlaps), "b3": bcubed(overlaps), "blanc": blanc(overlaps), "lea": lea(overlaps)}
    families.update(ceaf(overlaps))
    return {name: tuple(float(part[row]) for part in families[name]) for name in FAMILIES}  # type: ignore[misc]


# --- By hand (the published values: test_task_coreference.py) ---------------------------------------------------------


def from_letters(gold: str, predicted: str) -> list[Mention]:
    """Mentions of one event from clusters written as words of letters, each letter in one of them."""
    wanted, given = (
        {letter: number for number, word in enumerate(words.split()) for letter in word} for words in (gold, predicted)
    )
    return [(0, wanted.get(letter), given.get(letter)) for letter in sorted(wanted.keys() | given.keys())]


NONE = math.nan


def test_conll_leaves_muc_out_where_no_cluster_has_a_link() -> None:
    # Two singletons, one found. B3: precision 1, recall 1/2, F1 2/3. CEAFe: 1 / 1, 1 / 2, F1 2/3. MUC: 0/0.
    overlaps = overlaps_of(from_letters("a b", "a"))
    assert all(math.isnan(float(part[0])) for part in muc(overlaps))
    assert float(conll(overlaps)[0]) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        # Nothing predicted: precision is 0/0, recall 0 of 2, F1 0.
        pytest.param("ab", "", (NONE, 0, 0), id="nothing-predicted"),
        pytest.param("", "ab", (0, NONE, 0), id="nothing-in-gold"),
        pytest.param("", "", (NONE, NONE, NONE), id="nothing-at-all"),
    ],
)
def test_an_empty_side_is_undefined_and_never_a_free_one(
    gold: str, predicted: str, expected: tuple[float, float, float]
) -> None:
    for family, values in measured(overlaps_of(from_letters(gold, predicted))).items():
        assert values == pytest.approx(expected, nan_ok=True), family


# --- Exact oracles ----------------------------------------------------------------------------------------------------


def sides(mentions: Sequence[Mention]) -> tuple[list[frozenset[int]], list[frozenset[int]]]:
    """Clusters of both sides as sets of numbered mentions."""
    gold: dict[tuple[int, int], set[int]] = {}
    predicted: dict[tuple[int, int], set[int]] = {}
    for number, (event, g, p) in enumerate(mentions):
        if g is not None:
            gold.setdefault((event, g), set()).add(number)
        if p is not None:
            predicted.setdefault((event, p), set()).add(number)
    return [frozenset(c) for c in gold.values()], [frozenset(c) for c in predicted.values()]


def share(part: int | Fraction, whole: int) -> Fraction | None:
    return Fraction(part) / whole if whole else None


def harmonic(precision: Fraction | None, recall: Fraction | None) -> Fraction | None:
    if precision is None and recall is None:
        return None
    p, r = precision or Fraction(0), recall or Fraction(0)
    return 2 * p * r / (p + r) if p + r else Fraction(0)


def exact_muc(mentions: Sequence[Mention]) -> Triple:
    """Vilain et al. 1995: links of a cluster less the links missing between its parts on the other side."""

    def one_way(keys: Iterable[frozenset[int]], others: Sequence[frozenset[int]]) -> Fraction | None:
        found = links = 0
        for key in keys:
            parts = sum(not key.isdisjoint(other) for other in others)
            parts += len(key - frozenset().union(*others))
            found += len(key) - parts
            links += len(key) - 1
        return share(found, links)

    gold, predicted = sides(mentions)
    recall, precision = one_way(gold, predicted), one_way(predicted, gold)
    return precision, recall, harmonic(precision, recall)


def exact_bcubed(mentions: Sequence[Mention]) -> Triple:
    """Bagga and Baldwin 1998, mention by mention; a mention that the other side lacks earns nothing."""

    def one_way(keys: Sequence[frozenset[int]], others: Sequence[frozenset[int]]) -> Fraction | None:
        own = {m: key for key in keys for m in key}
        other = {m: cluster for cluster in others for m in cluster}
        credit = sum((Fraction(len(own[m] & other[m]), len(own[m])) for m in own if m in other), start=Fraction(0))
        return share(credit, len(own))

    gold, predicted = sides(mentions)
    recall, precision = one_way(gold, predicted), one_way(predicted, gold)
    return precision, recall, harmonic(precision, recall)


def exact_lea(mentions: Sequence[Mention]) -> Triple:
    """Moosavi and Strube 2016: clusters weighted by size; a singleton is linked to itself."""

    def links(cluster: frozenset[int]) -> set[tuple[int, ...]]:
        return set(itertools.combinations(sorted(cluster), 2))

    def one_way(keys: Sequence[frozenset[int]], others: Sequence[frozenset[int]]) -> Fraction | None:
        total = Fraction(0)
        for key in keys:
            if len(key) == 1:
                total += key in others
            else:
                found = sum(len(links(key) & links(other)) for other in others)
                total += len(key) * Fraction(found, len(links(key)))
        return share(total, sum(map(len, keys)))

    gold, predicted = sides(mentions)
    recall, precision = one_way(gold, predicted), one_way(predicted, gold)
    return precision, recall, harmonic(precision, recall)


def exact_blanc(mentions: Sequence[Mention]) -> Triple:
    """Luo et al. 2014: coreference and non-coreference links as sets of pairs, inside events only."""

    def links(side: int) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
        having = [n for n, mention in enumerate(mentions) if mention[side] is not None]
        pairs = [(m, n) for m, n in itertools.combinations(having, 2) if mentions[m][0] == mentions[n][0]]
        same = {(m, n) for m, n in pairs if mentions[m][side] == mentions[n][side]}
        return same, set(pairs) - same

    gold_same, gold_other = links(1)
    same, other = links(2)
    found = {n for n, (_, g, p) in enumerate(mentions) if g is not None and p is not None}
    golds = {n for n, (_, g, _) in enumerate(mentions) if g is not None}
    predictions = {n for n, (_, _, p) in enumerate(mentions) if p is not None}

    def three(wanted: set[object], given: set[object], both: set[object]) -> list[Fraction]:
        parts = share(len(both), len(given)), share(len(both), len(wanted))
        return [parts[0] or Fraction(0), parts[1] or Fraction(0), harmonic(*parts) or Fraction(0)]

    coreference = three(gold_same, same, gold_same & same)  # type: ignore[arg-type]
    rest = three(gold_other, other, gold_other & other)  # type: ignore[arg-type]
    # The classes that gold has are judged; those of the prediction where gold has no link at all.
    judged_same, judged_other = (gold_same, gold_other) if gold_same or gold_other else (same, other)
    if not (judged_same or judged_other):
        values = three(golds, predictions, found)  # type: ignore[arg-type]
    elif not judged_same:
        values = rest
    elif not judged_other:
        values = coreference
    else:
        values = [(c + n) / 2 for c, n in zip(coreference, rest, strict=True)]
    return (
        values[0] if predictions else None,
        values[1] if golds else None,
        values[2] if golds or predictions else None,
    )


def exact_ceaf(mentions: Sequence[Mention], *, by_entity: bool) -> Triple:
    """Luo 2005, phi3 or phi4, trying every one-to-one alignment."""
    gold, predicted = sides(mentions)

    def similarity(key: frozenset[int], other: frozenset[int]) -> Fraction:
        common = len(key & other)
        return Fraction(2 * common, len(key) + len(other)) if by_entity else Fraction(common)

    @cache
    def best(first: int, used: frozenset[int]) -> Fraction:
        if first == len(gold):
            return Fraction(0)
        options = [best(first + 1, used)]
        for index, other in enumerate(predicted):
            if index not in used:
                options.append(similarity(gold[first], other) + best(first + 1, used | {index}))
        return max(options)

    total = best(0, frozenset())
    sizes = (len(predicted), len(gold)) if by_entity else (sum(map(len, predicted)), sum(map(len, gold)))
    precision, recall = share(total, sizes[0]), share(total, sizes[1])
    return precision, recall, harmonic(precision, recall)


def exact(mentions: Sequence[Mention]) -> dict[str, Triple]:
    return {
        "muc": exact_muc(mentions),
        "b3": exact_bcubed(mentions),
        "ceafm": exact_ceaf(mentions, by_entity=False),
        "ceafe": exact_ceaf(mentions, by_entity=True),
        "blanc": exact_blanc(mentions),
        "lea": exact_lea(mentions),
    }


def as_floats(triple: Triple) -> list[float]:
    return [math.nan if value is None else float(value) for value in triple]


_cluster = st.one_of(st.none(), st.integers(0, 3))
#: Partitions with missing and spurious mentions, in up to two events.
partitions = st.lists(st.tuples(st.integers(0, 1), _cluster, _cluster), max_size=9).map(
    lambda mentions: [m for m in mentions if m[1] is not None or m[2] is not None]
)


@settings(deadline=None, max_examples=300)
@given(partitions)
def test_every_measure_equals_its_definition_in_exact_fractions(mentions: list[Mention]) -> None:
    found, wanted = measured(overlaps_of(mentions)), exact(mentions)
    for family in FAMILIES:
        assert found[family] == pytest.approx(as_floats(wanted[family]), abs=1e-12, nan_ok=True), family


@settings(deadline=None)
@given(partitions)
def test_all_values_lie_between_zero_and_one(mentions: list[Mention]) -> None:
    for values in measured(overlaps_of(mentions)).values():
        assert all(math.isnan(value) or 0 <= value <= 1 + 1e-12 for value in values)


@settings(deadline=None)
@given(partitions)
def test_gold_against_itself_is_one(mentions: list[Mention]) -> None:
    same: list[Mention] = [(event, g, g) for event, g, _ in mentions if g is not None]
    assume(same)
    found = measured(overlaps_of(same))
    if len({(event, g) for event, g, _ in same}) == len(same):
        assert all(math.isnan(value) for value in found.pop("muc"))  # singletons only: no link
    for family, values in found.items():
        assert values == pytest.approx((1, 1, 1), abs=1e-12), family


def classes_of_links(side: int, mentions: Sequence[Mention]) -> tuple[bool, bool]:
    """Whether a side has coreference links, and non-coreference links."""
    pairs = list(itertools.combinations([m for m in mentions if m[side] is not None], 2))
    inside = [a[side] == b[side] for a, b in pairs if a[0] == b[0]]
    return any(inside), not all(inside)


@settings(deadline=None)
@given(partitions)
def test_swapping_the_sides_swaps_precision_and_recall(mentions: list[Mention]) -> None:
    overlaps = overlaps_of(mentions)
    there, back = measured(overlaps), measured(overlaps.swapped())
    if len({classes for classes in map(classes_of_links, (1, 2), itertools.repeat(mentions)) if any(classes)}) > 1:
        # Gold alone decides which classes of links BLANC judges (TC-M3, TC-N3), so the sides are not alike.
        del there["blanc"]
    for family, (precision, recall, value) in there.items():
        assert back[family] == pytest.approx((recall, precision, value), abs=1e-12, nan_ok=True), family


@settings(deadline=None)
@given(partitions, st.permutations(range(4)), st.permutations(range(4)), st.randoms(use_true_random=False))
def test_names_of_clusters_and_order_of_mentions_do_not_matter(
    mentions: list[Mention], gold_names: list[int], predicted_names: list[int], random: object
) -> None:
    renamed: list[Mention] = [
        (event, None if g is None else gold_names[g], None if p is None else predicted_names[p])
        for event, g, p in mentions
    ]
    random.shuffle(renamed)  # type: ignore[attr-defined]
    before, after = measured(overlaps_of(mentions)), measured(overlaps_of(renamed))
    for family in FAMILIES:
        assert after[family] == pytest.approx(before[family], abs=1e-12, nan_ok=True), family


@settings(deadline=None, max_examples=150)
@given(
    partitions.filter(bool).flatmap(
        lambda mentions: st.tuples(
            st.just(mentions[:6]),
            st.lists(
                st.lists(st.integers(0, 2), min_size=len(mentions[:6]), max_size=len(mentions[:6])),
                min_size=1,
                max_size=3,
            ),
        )
    )
)
def test_a_resample_is_the_measure_of_mentions_written_several_times(
    drawn: tuple[list[Mention], list[list[int]]],
) -> None:
    # Drawing a unit twice must mean what a corpus with that unit twice would give: each copy is a mention of its own.
    mentions, weights = drawn
    overlaps = overlaps_of(mentions, weights)
    for row, amounts in enumerate(weights):
        copies = [mention for mention, amount in zip(mentions, amounts, strict=True) for _ in range(amount)]
        wanted = exact(copies)
        found = measured(overlaps, row)
        for family in FAMILIES:
            assert found[family] == pytest.approx(as_floats(wanted[family]), abs=1e-12, nan_ok=True), family
