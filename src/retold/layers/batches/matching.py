"""One-to-one matching of spans in many documents at once; the same choice as ``retold.layers.matching``."""

from __future__ import annotations

import numpy as np

from retold.layers.batches.columns import LIMIT, Index
from retold.layers.matching import best_assignment, overlapping
from retold.measures.base import Array

__all__ = ["best_pairs", "overlaps"]


def overlaps(gold: tuple[Index, Index, Index], predicted: tuple[Index, Index, Index]) -> tuple[Index, Index]:
    """Pairs of places of spans that share a character, by gold span and then by predicted span.

    Args:
        gold, predicted: document, start and end of each span, in the order of the text.
    """
    wanted_document, wanted_start, wanted_end = gold
    given_document, given_start, given_end = predicted
    start, end = given_document * LIMIT + given_start, given_document * LIMIT + given_end
    nested = np.unique(given_document[1:][end[1:] < end[:-1]])
    at = wanted_document * LIMIT
    if not len(nested):
        return _expand(at + wanted_start, at + wanted_end, start, end)
    # Where predicted spans hold one another, ends are not in order and spans that overlap are no stretch of the list.
    kept, rest = np.isin(given_document, nested, invert=True), np.isin(wanted_document, nested, invert=True)
    places_g, places_p = np.flatnonzero(rest), np.flatnonzero(kept)
    g, p = _expand((at + wanted_start)[rest], (at + wanted_end)[rest], start[kept], end[kept])
    found_g, found_p = [places_g[g]], [places_p[p]]
    for document in nested.tolist():
        these_g, these_p = np.flatnonzero(wanted_document == document), np.flatnonzero(given_document == document)
        pairs = overlapping(
            list(zip(wanted_start[these_g].tolist(), wanted_end[these_g].tolist(), strict=True)),
            list(zip(given_start[these_p].tolist(), given_end[these_p].tolist(), strict=True)),
        )
        if pairs:
            found = np.array(pairs)
            found_g.append(these_g[found[:, 0]])
            found_p.append(these_p[found[:, 1]])
    g, p = np.concatenate(found_g), np.concatenate(found_p)
    order = np.lexsort((p, g))
    return g[order], p[order]


def _expand(wanted_start: Index, wanted_end: Index, start: Index, end: Index) -> tuple[Index, Index]:
    first = np.searchsorted(end, wanted_start, side="right")
    amount = np.searchsorted(start, wanted_end, side="left") - first
    total = int(amount.sum())
    g = np.repeat(np.arange(len(amount)), amount)
    p = np.arange(total) - np.repeat(np.cumsum(amount) - amount - first, amount)
    return g, p


def best_pairs(g: Index, p: Index, weights: Array) -> Index:
    """Places of the pairs that share no end and have the largest total weight, in order."""
    if not len(g):
        return g
    alone = (np.bincount(g)[g] == 1) & (np.bincount(p)[p] == 1)
    rest = np.flatnonzero(~alone)
    chosen = [np.flatnonzero(alone)]
    if len(rest):
        edges = list(zip(g[rest].tolist(), p[rest].tolist(), weights[rest].tolist(), strict=True))
        place = {edge[:2]: where for edge, where in zip(edges, rest.tolist(), strict=True)}
        chosen.append(np.array([place[edge[:2]] for edge in best_assignment(edges)], np.int64))
    return np.sort(np.concatenate(chosen))
