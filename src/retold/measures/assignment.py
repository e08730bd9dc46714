"""Maximum-weight one-to-one choice among weighted pairs: exact, for many small problems and for a large one alike.

Aligned clusters (CEAF), matched claims and matched mentions all rest on it. Pairs are first reduced by two rules that
keep an optimum, for all components at once:

    A leaf (an end with one pair) is folded into the other end: the pair's weight is what that end earns in any case, so
    it is taken off the end's other pairs, and the leaf is chosen if that end stays free. This alone solves trees,
    and spans that do not nest yield nothing but trees.
    A pair that weighs at least as much as its best rivals at both ends together is chosen.

What is left is solved component by component by shortest augmenting paths (Jonker and Volgenant 1987): small ones here,
in batches, large ones by scipy, which is slow to import.
"""

from __future__ import annotations

from typing import Final

from retold.model.arrays import Array, Index, Mask, np
from retold.model.packages import require

__all__ = ["best_assignment"]

#: Share of the pairs below which a round of reductions is not worth repeating: long chains only give way at their ends.
_WORTHWHILE: Final = 0.02
#: Sides of the tables that components are solved in; those with more rows or columns than the last are left to scipy.
_SIDES: Final = (1, 2, 4, 8, 16, 32, 64)
#: Cells of the components that are solved together.
_CELLS_AT_ONCE: Final = 1 << 18


def best_assignment(rows: Index, columns: Index, weights: Array) -> Index:
    """Choose pairs that share no row and no column and have the largest total weight.

    Among several optima the choice depends on the numbers of rows and columns, not on the order of the pairs.

    Args:
        rows, columns: shape (pairs,), the ends of each pair, from 0 (arrays as long as the largest are made). A pair
            occurs only once.
        weights: shape (pairs,). Pairs that do not weigh more than 0 are never chosen.

    Returns:
        Indices of the chosen pairs, ascending.
    """
    pairs: Index = np.flatnonzero(weights > 0)
    if not len(pairs):
        return pairs
    rows, columns, weights = rows[pairs], columns[pairs], weights[pairs]
    # Nearly all pairs of a good system have no rival at either end.
    alone = (np.bincount(rows)[rows] == 1) & (np.bincount(columns)[columns] == 1)
    rest = np.flatnonzero(~alone)
    if len(rest):
        row, column = rows[rest], columns[rest]
        if not ((row[1:] > row[:-1]) | ((row[1:] == row[:-1]) & (column[1:] > column[:-1]))).all():
            rest = rest[np.lexsort((column, row))]
        alone[rest[_of_rivals(_ranks(rows[rest]), _ranks(columns[rest]), weights[rest])]] = True
    return np.asarray(pairs[alone])


def _of_rivals(rows: Index, columns: Index, weights: Array) -> Index:
    """Indices of the chosen pairs among pairs sorted by row and column, in any order."""
    edges = np.arange(len(rows))
    chosen: list[Index] = []
    leaves: list[Index] = []
    progress = True
    while len(edges) and progress:
        before = len(edges)
        row, column = _ranks(rows[edges]), _ranks(columns[edges])
        folded, weights = _fold(row, column, weights)
        leaves.append(edges[folded])
        left = weights > 0
        if not left.all():
            edges, weights = edges[left], weights[left]
            row, column = _ranks(row[left]), _ranks(column[left])
        dominant, left = _dominant(row, column, weights)
        chosen.append(edges[dominant])
        edges, weights = edges[left], weights[left]
        progress = before - len(edges) > _WORTHWHILE * before
    if len(edges):
        chosen.append(edges[_by_components(_ranks(rows[edges]), _ranks(columns[edges]), weights)])
    # Leaves are decided in reverse order of folding.
    row_free, column_free = np.ones(int(rows.max()) + 1, np.bool_), np.ones(int(columns.max()) + 1, np.bool_)
    for found in chosen:
        row_free[rows[found]] = column_free[columns[found]] = False
    for folded in reversed(leaves):
        found = folded[row_free[rows[folded]] & column_free[columns[folded]]]
        row_free[rows[found]] = column_free[columns[found]] = False
        chosen.append(found)
    return np.concatenate(chosen)


def _ranks(ids: Index) -> Index:
    """The same numbers without gaps."""
    if not len(ids):
        return ids
    seen = np.zeros(int(ids.max()) + 1, np.int64)
    seen[ids] = 1
    return (np.cumsum(seen) - 1)[ids]


def _fold(rows: Index, columns: Index, weights: Array) -> tuple[Index, Array]:
    """The heaviest leaf of each end, and the weights of the other pairs less what their ends earn; 0 for leaves."""
    column_leaf = np.bincount(columns)[columns] == 1
    row_leaf = (np.bincount(rows)[rows] == 1) & ~column_leaf
    left = np.where(row_leaf | column_leaf, 0.0, weights)
    folded = []
    for ends, leaf in ((rows, column_leaf), (columns, row_leaf)):
        of_leaves = np.flatnonzero(leaf)
        if len(of_leaves):
            earned = np.zeros(int(ends.max()) + 1)
            np.maximum.at(earned, ends[of_leaves], weights[of_leaves])
            best = of_leaves[weights[of_leaves] == earned[ends[of_leaves]]]
            folded.append(best[_first_of_each(ends[best])])
            left -= earned[ends]
    return np.concatenate([np.zeros(0, np.int64), *folded]), left


def _dominant(rows: Index, columns: Index, weights: Array) -> tuple[Index, Mask]:
    """Pairs that are as heavy as their best rivals at both ends together, and which pairs have no end in common."""
    best_row, rival_row = _best_and_rival(rows, weights)
    best_column, rival_column = _best_and_rival(columns, weights)
    top = (weights == best_row) & (weights == best_column) & (weights >= rival_row + rival_column)
    # Of pairs as heavy as each other at one end, which then have no rival at the other, the first is chosen.
    found = np.flatnonzero(top)
    found = found[_first_of_each(rows[found])]
    found = found[_first_of_each(columns[found])]
    row_taken, column_taken = (np.zeros(int(ends.max(initial=-1)) + 1, np.bool_) for ends in (rows, columns))
    row_taken[rows[found]] = column_taken[columns[found]] = True
    return found, ~(row_taken[rows] | column_taken[columns])


def _best_and_rival(ends: Index, weights: Array) -> tuple[Array, Array]:
    """For each pair, the heaviest weight at its end, and the heaviest of the others there if it is the heaviest."""
    best = np.zeros(int(ends.max(initial=-1)) + 1)
    np.maximum.at(best, ends, weights)
    is_best = weights == best[ends]
    second = np.zeros_like(best)
    np.maximum.at(second, ends[~is_best], weights[~is_best])
    several = np.bincount(ends[is_best], minlength=len(best)) > 1
    return best[ends], np.where(several, best, second)[ends]


def _first_of_each(ends: Index) -> Index:
    """Index of the first of each distinct end, ascending."""
    first = np.empty(int(ends.max(initial=-1)) + 1, np.int64)
    # Written from the back, so that the first one stays.
    first[ends[::-1]] = np.arange(len(ends))[::-1]
    return np.flatnonzero(first[ends] == np.arange(len(ends)))


def _by_components(rows: Index, columns: Index, weights: Array) -> Index:
    """Indices of the chosen pairs, each connected component solved by itself."""
    component = _components(rows, columns)
    order = np.argsort(component, kind="stable")
    rows, columns, weights, component = rows[order], columns[order], weights[order], _ranks(component)[order]
    row, height = _within(rows, component)
    column, width = _within(columns, component)
    side = np.maximum(height, width)
    found = []
    for large in np.flatnonzero(side > max(_SIDES, default=0)).tolist():
        these = np.flatnonzero(component == large)
        found.append(these[_by_scipy(row[these], column[these], weights[these])])
    for size in _SIDES:
        members = np.flatnonzero((side <= size) & (2 * side > size))
        step = max(_CELLS_AT_ONCE // size**2, 1)
        for start in range(0, len(members), step):
            some = members[start : start + step]
            index = np.full(len(side), -1)
            index[some] = np.arange(len(some))
            these = np.flatnonzero(index[component] >= 0)
            cells = index[component[these]], row[these], column[these]
            table = np.zeros((len(some), int(height[some].max()), size))
            table[cells] = weights[these]
            found.append(these[_by_augmenting_paths(table)[cells[:2]] == cells[2]])
    return np.asarray(order[np.concatenate(found)])


def _components(rows: Index, columns: Index) -> Index:
    """A number for each pair, the same for pairs of one connected component."""
    columns = columns + int(rows.max()) + 1
    root = np.arange(int(columns.max()) + 1)
    while not np.array_equal(root[rows], root[columns]):
        lowest = np.minimum(root[rows], root[columns])
        for ends in (rows, columns):
            np.minimum.at(root, root[ends], lowest)
        while not np.array_equal(higher := root[root], root):
            root = higher
    return root[rows]


def _within(ends: Index, component: Index) -> tuple[Index, Index]:
    """Each end's number within its component, and how many ends a component has."""
    size = int(ends.max()) + 1
    codes, where = np.unique(component * size + ends, return_inverse=True)
    amounts = np.bincount(codes // size)
    return where - (np.cumsum(amounts) - amounts)[component], amounts


def _by_augmenting_paths(tables: Array) -> Index:
    """The column of each row in the best assignment of all rows, shape (tables, rows).

    Args:
        tables: shape (tables, rows, columns), weights of 0 and more; no more rows than columns.
    """
    count, rows, columns = tables.shape
    column_of, row_of = np.full((count, rows), -1), np.full((count, columns), -1)
    # Prices keep row_price + column_price - weight at 0 for chosen pairs and above for all others.
    row_price, column_price = tables.max(axis=2), np.zeros((count, columns))
    for root in range(rows):
        distance, done = np.full((count, columns), np.inf), np.zeros((count, columns), np.bool_)
        reached_from = np.full((count, columns), -1)
        row, end, reach = np.full(count, root), np.full(count, -1), np.zeros(count)
        live = np.arange(count)
        while len(live):
            at = row[live]
            here = (reach[live] + row_price[live, at])[:, None] + column_price[live] - tables[live, at]
            closer = (here < distance[live]) & ~done[live]
            distance[live] = np.where(closer, here, distance[live])
            reached_from[live] = np.where(closer, at[:, None], reached_from[live])
            end[live] = nearest = np.where(done[live], np.inf, distance[live]).argmin(axis=1)
            reach[live] = distance[live, nearest]
            done[live, nearest] = True
            row[live] = row_of[live, nearest]
            live = live[row[live] >= 0]
        gain = np.where(done, reach[:, None] - np.where(done, distance, 0.0), 0.0)
        column_price += gain
        row_price[:, root] -= reach
        table, column = np.nonzero(done & (row_of >= 0))
        row_price[table, row_of[table, column]] -= gain[table, column]
        live = np.arange(count)
        while len(live):
            at = reached_from[live, end[live]]
            before = column_of[live, at]
            column_of[live, at], row_of[live, end[live]] = end[live], at
            end[live] = before
            live = live[at != root]
    return column_of


def _by_scipy(rows: Index, columns: Index, weights: Array) -> Index:
    """Indices of the chosen pairs of one large component, sorted by row."""
    csr_array = require("scipy.sparse").csr_array
    min_weight_full_bipartite_matching = require("scipy.sparse.csgraph").min_weight_full_bipartite_matching
    # A full matching is wanted and zeros are dropped: each row gets a dummy column of its own, and a constant keeps
    # every cost above zero. Indices have 32 bits, since scipy before 1.15 crashes on others.
    height, width, top = int(rows.max()) + 1, int(columns.max()) + 1, float(weights.max()) + 1.0
    ends = np.cumsum(np.bincount(rows))
    table = csr_array(
        (
            np.insert(top - weights, ends, top),
            np.insert(columns, ends, width + np.arange(height)).astype(np.int32),
            np.append(0, ends + np.arange(1, height + 1)).astype(np.int32),
        ),
        shape=(height, width + height),
    )
    return np.flatnonzero(min_weight_full_bipartite_matching(table)[1][rows] == columns)
