"""The best one-to-one choice among weighted pairs, which CEAF rests on: exact, and fast where pairs are many."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from retold.measures.base import Array

__all__ = ["DENSE_CELLS", "best_alignment"]

Index = npt.NDArray[np.int64]

#: Largest dense block (cells) handed to the dense assignment solver; larger ones go to the sparse one.
DENSE_CELLS: Final = 1_000_000
#: Share of the pairs that a round may leave for another round to be worth its while.
WORTHWHILE: Final = 0.98


def best_alignment(rows: Index, columns: Index, weights: Array) -> Index:
    """Places of the pairs (rows[k], columns[k]) of a one-to-one choice of largest total weight, exact, in order.

    Pairs that outweigh every other pair at both of their ends belong to some optimum and are taken first; what is left
    falls into connected components, small ones solved densely, large ones by sparse matching.
    """
    places = np.flatnonzero(weights > 0)
    if not len(places):
        return places
    rows, columns = rows[places], columns[places]
    # Nearly all pairs of a good system, or of single documents, have no rival at either end.
    alone = (np.bincount(rows)[rows] == 1) & (np.bincount(columns)[columns] == 1)
    found, rest = [places[alone]], ~alone
    places, rows, columns = places[rest], rows[rest], columns[rest]
    weights = weights[places]
    while len(rows):
        best_row, second_row = _two_best(rows, weights)
        best_column, second_column = _two_best(columns, weights)
        others = np.where(weights == best_row[rows], second_row[rows], best_row[rows]) + np.where(
            weights == best_column[columns], second_column[columns], best_column[columns]
        )
        top = (weights == best_row[rows]) & (weights == best_column[columns]) & (weights >= others)
        if not top.any():
            break
        # Two taken pairs never share a row or a column: `top` with an equal rival would need weight >= weight + more.
        chosen = np.flatnonzero(top)
        chosen = chosen[_first_of_each(rows[chosen])]
        chosen = chosen[_first_of_each(columns[chosen])]
        found.append(places[chosen])
        row_open, column_open = np.ones(len(best_row), np.bool_), np.ones(len(best_column), np.bool_)
        row_open[rows[chosen]] = column_open[columns[chosen]] = False
        kept = row_open[rows] & column_open[columns]
        # Long chains give way at their ends only; the solvers are faster than taking them apart pair by pair.
        slow = np.count_nonzero(kept) > len(kept) * WORTHWHILE
        places, rows, columns, weights = places[kept], rows[kept], columns[kept], weights[kept]
        if slow:
            break
    if len(rows):
        found.append(places[_by_components(rows, columns, weights)])
    return np.sort(np.concatenate(found))


def _first_of_each(ends: Index) -> Index:
    """The first place of each distinct end, in order."""
    first = np.empty(int(ends.max(initial=-1)) + 1, np.int64)
    # Written from the back, so that the first one stays.
    first[ends[::-1]] = np.arange(len(ends))[::-1]
    return np.flatnonzero(first[ends] == np.arange(len(ends)))


def _two_best(ends: Index, weights: Array) -> tuple[Array, Array]:
    """For each end, its heaviest and its second heaviest weight (0 where there is none)."""
    best = np.zeros(int(ends.max()) + 1)
    np.maximum.at(best, ends, weights)
    is_best = weights == best[ends]
    second = np.zeros_like(best)
    np.maximum.at(second, ends[~is_best], weights[~is_best])
    several = np.bincount(ends[is_best], minlength=len(best)) > 1
    return best, np.where(several, best, second)


def _by_components(rows: Index, columns: Index, weights: Array) -> Index:
    """Places of the best choice, component by component."""
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

    row_ids, rows = np.unique(rows, return_inverse=True)
    column_ids, columns = np.unique(columns, return_inverse=True)
    count = len(row_ids) + len(column_ids)
    graph = coo_array((np.ones(len(rows)), (rows, columns + len(row_ids))), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    component = label[rows]
    found: list[Index] = []
    order = np.argsort(component, kind="stable")
    for block in np.split(order, np.flatnonzero(np.diff(component[order])) + 1):
        _, r = np.unique(rows[block], return_inverse=True)
        _, c = np.unique(columns[block], return_inverse=True)
        w = weights[block]
        height, width = int(r.max()) + 1, int(c.max()) + 1
        if height == 1 or width == 1:
            found.append(block[[int(w.argmax())]])
            continue
        if height * width <= DENSE_CELLS:
            dense = np.zeros((height, width))
            dense[r, c] = w
            picked = linear_sum_assignment(dense, maximize=True)
        else:
            # A full matching is wanted and zeros are dropped: each row gets a dummy column of its own, and a constant
            # keeps every weight above zero.
            top = float(w.max()) + 1.0
            costs = np.concatenate([top - w, np.full(height, top)])
            graph = coo_array(
                (costs, (np.concatenate([r, np.arange(height)]), np.concatenate([c, width + np.arange(height)]))),
                shape=(height, width + height),
            ).tocsr()
            picked = min_weight_full_bipartite_matching(graph)
        # A solver gives the column of each row; a pair is chosen where its row chose its column.
        choice = np.full(height, -1, np.int64)
        choice[picked[0]] = picked[1]
        found.append(block[choice[r] == c])
    return np.concatenate(found)
