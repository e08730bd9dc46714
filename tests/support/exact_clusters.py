"""Coreference measures in exact fractions, from their definitions and by no shared code."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache

#: A mention as (event, gold cluster, predicted cluster); None where a side does not have it.
Mention = tuple[int, int | None, int | None]
Triple = tuple[Fraction | None, Fraction | None, Fraction | None]


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
