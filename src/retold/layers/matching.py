"""One-to-one matching of spans within a document, independent of the order in which spans are given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retold.measures import assignment

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
    """Choose edges (gold, predicted, weight > 0) that share no end and have the largest total weight."""
    if not edges:
        return []
    g, p, weights = zip(*edges, strict=True)
    chosen = assignment.best_assignment(np.array(g), np.array(p), np.array(weights, np.float64))
    return sorted(edges[index] for index in chosen.tolist())
