"""Claim spans of many documents at once; what is counted stands in ``retold.layers.claims``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from retold.layers.base import Place
from retold.layers.batches.columns import Index, SpanColumns, join
from retold.layers.batches.matching import best_pairs, overlaps
from retold.layers.batches.rows import Items, Rows
from retold.layers.claims import AUTHOR, EXACT, GOLD, JACCARD, PREDICTED, SAME_KIND, Attributions
from retold.layers.counts import FIXED

__all__ = ["count"]

_SOURCES: Final = (AUTHOR, "entity")
_HALF: Final = FIXED.bit_length() // 2


def count(
    gold: SpanColumns,
    predicted: SpanColumns,
    places: Sequence[Place],
    rows: Rows,
    attributions: Attributions,
    author: int,
) -> None:
    """Add the claim spans of a batch to rows of ``retold.layers.claims.COLUMNS``, and their sources.

    Args:
        author: code of the author in the columns.
    """
    wanted, given = _items(gold, author), _items(predicted, author)
    rows.add(GOLD, wanted)
    rows.add(PREDICTED, given)
    g, p = overlaps((gold.document, gold.start, gold.end), (predicted.document, predicted.start, predicted.end))
    shared = np.minimum(gold.end[g], predicted.end[p]) - np.maximum(gold.start[g], predicted.start[p])
    either = gold.end[g] - gold.start[g] + predicted.end[p] - predicted.start[p] - shared
    same_kind = wanted.facets["source"][1][g] == given.facets["source"][1][p]
    chosen = best_pairs(g, p, shared / either + SAME_KIND * same_kind)
    g, p, shared, either = g[chosen], p[chosen], shared[chosen], either[chosen]
    kinds = wanted.facets["source"][1], given.facets["source"][1]
    rows.add(JACCARD, _of_both(gold.document[g], kinds[0][g], kinds[1][p]), None, _fixed(shared, either))
    same = join(predicted.key, gold.key)
    equal = np.flatnonzero(same >= 0)
    rows.add(EXACT, _of_both(gold.document[equal], kinds[0][equal], kinds[1][same[equal]]))
    near = 2 * shared >= either
    attributions.extend(
        places, gold.document[g[near]], gold.labels["source"][g[near]], predicted.labels["source"][p[near]]
    )


def _items(spans: SpanColumns, author: int) -> Items:
    return Items(spans.document, {"source": (_SOURCES, (spans.labels["source"] != author).astype(np.int64))})


def _of_both(document: Index, gold: Index, predicted: Index) -> Items:
    """Matches, by the kind of their source where both sides are of that kind."""
    return Items(document, {"source": (_SOURCES, np.where(gold == predicted, gold, -1))})


def _fixed(shared: Index, either: Index) -> Index:
    """The nearest multiple of 1 / FIXED to shared / either, halves up: a division in two steps, which int64 holds."""
    low = FIXED.bit_length() - 1 - _HALF
    first, rest = np.divmod(shared << _HALF, either)
    second, rest = np.divmod(rest << low, either)
    return (first << low) + second + (2 * rest >= either)
