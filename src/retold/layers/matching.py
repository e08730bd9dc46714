"""One-to-one matching of spans within a document, independent of the order in which spans are given."""

from __future__ import annotations

from collections.abc import Sequence

from retold.measures.assignment import DENSE_CELLS, best_alignment

__all__ = ["best_assignment", "overlapping"]

Range = tuple[int, int]


def overlapping(gold: Sequence[Range], predicted: Sequence[Range]) -> list[tuple[int, int]]:
    """Pairs of indices of half-open ranges that share at least one character; spans that only touch do not.

    Both sequences must be sorted.
    """
    pairs: list[tuple[int, int]] = []
    first = 0
    longest = max((end - start for start, end in predicted), default=0)
    for g, (start, end) in enumerate(gold):
        while first < len(predicted) and predicted[first][0] + longest <= start:
            first += 1
        for p in range(first, len(predicted)):
            if predicted[p][0] >= end:
                break
            if predicted[p][1] > start:
                pairs.append((g, p))
    return pairs


def best_assignment(edges: Sequence[tuple[int, int, float]]) -> list[tuple[int, int, float]]:
    """Choose edges (gold, predicted, weight > 0) that share no end and have the largest total weight.

    Components of a single edge, which is nearly all of them, are taken as they stand.
    """
    chosen: list[tuple[int, int, float]] = []
    for component in _components(edges):
        if len(component) == 1:
            chosen.extend(component)
            continue
        import numpy as np
        from scipy.optimize import linear_sum_assignment

        golds = sorted({g for g, _, _ in component})
        predictions = sorted({p for _, p, _ in component})
        rows = {g: row for row, g in enumerate(golds)}
        columns = {p: column for column, p in enumerate(predictions)}
        if len(rows) * len(columns) > DENSE_CELLS:
            row_of = np.array([rows[g] for g, _, _ in component])
            column_of = np.array([columns[p] for _, p, _ in component])
            weighed = np.array([weight for *_, weight in component])
            chosen.extend(component[place] for place in best_alignment(row_of, column_of, weighed).tolist())
            continue
        weights = np.zeros((len(golds), len(predictions)))
        for g, p, weight in component:
            weights[rows[g], columns[p]] = weight
        for row, column in zip(*linear_sum_assignment(weights, maximize=True), strict=True):
            if weights[row, column] > 0:
                chosen.append((golds[row], predictions[column], float(weights[row, column])))
    return sorted(chosen)


def _components(edges: Sequence[tuple[int, int, float]]) -> list[list[tuple[int, int, float]]]:
    """Split edges into connected components."""
    parent: dict[tuple[bool, int], tuple[bool, int]] = {}

    def root(node: tuple[bool, int]) -> tuple[bool, int]:
        while (above := parent.setdefault(node, node)) != node:
            parent[node] = node = parent[above]
        return node

    for g, p, _ in edges:
        parent[root((True, p))] = root((False, g))
    groups: dict[tuple[bool, int], list[tuple[int, int, float]]] = {}
    for edge in edges:
        groups.setdefault(root((False, edge[0])), []).append(edge)
    return list(groups.values())
