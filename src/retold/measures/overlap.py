"""Which ranges of two lists share a character, in many documents at once."""

from __future__ import annotations

from retold.model.arrays import Index, np

__all__ = ["Ranges", "overlaps"]

#: Document, start and end (exclusive) of half-open ranges, each of shape (ranges,), sorted by document and start.
Ranges = tuple[Index, Index, Index]


def overlaps(gold: Ranges, predicted: Ranges) -> tuple[Index, Index]:
    """Pairs of indices of ranges of one document that share a character, sorted by gold range, then by predicted range.

    Ranges that only touch share none, nor does an empty one with any. Ranges of one side may overlap and nest.
    """
    gold_start, gold_end, predicted_start, predicted_end = _on_one_line(gold, predicted)
    # Of two ranges that overlap, one starts within the other; where both start together, the predicted one does.
    later_g, later_p = _starting_within(gold_start, gold_end, predicted_start, "left")
    earlier_p, earlier_g = _starting_within(predicted_start, predicted_end, gold_start, "right")
    g, p = np.concatenate([earlier_g, later_g]), np.concatenate([earlier_p, later_p])
    # Those that start earlier come first in the list as well, so that equal gold ranges keep their order.
    order = np.argsort(g, kind="stable")
    g, p = g[order], p[order]
    full = (gold_start < gold_end)[g] & (predicted_start < predicted_end)[p]
    return (g, p) if full.all() else (g[full], p[full])


def _on_one_line(gold: Ranges, predicted: Ranges) -> tuple[Index, Index, Index, Index]:
    """Starts and ends of both sides, with the documents laid end to end."""
    documents = int(max(gold[0].max(initial=0), predicted[0].max(initial=0))) + 1
    offsets = gold[1], gold[2], predicted[1], predicted[2]
    length = int(max(column.max(initial=0) for column in offsets)) + 1
    if documents * length >= 1 << 63:
        # Only the order of offsets matters.
        values, ranks = np.unique(np.concatenate(offsets), return_inverse=True)
        length = len(values)
        sizes = len(gold[0]), len(predicted[0])
        offsets = tuple(np.split(ranks, np.cumsum([sizes[0], sizes[0], sizes[1]])))  # type: ignore[assignment]
    lines = gold[0] * length, predicted[0] * length
    return lines[0] + offsets[0], lines[0] + offsets[1], lines[1] + offsets[2], lines[1] + offsets[3]


def _starting_within(start: Index, end: Index, others: Index, side: str) -> tuple[Index, Index]:
    """Pairs of indices of a range and a start that is in it; ``side`` is "left" where its first character counts."""
    first = np.searchsorted(others, start, side=side)  # type: ignore[call-overload]
    amount = np.maximum(np.searchsorted(others, end, side="left") - first, 0)
    behind = np.cumsum(amount)
    of_range = np.repeat(np.arange(len(amount)), amount)
    return of_range, np.arange(len(of_range)) + np.repeat(first - behind + amount, amount)
