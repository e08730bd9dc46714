"""Near-copies: systems whose answers are nearly the same, which a ranking counts as one.

Whoever hands in a system many times, with a label changed here and there, must not make the correction for many tests
any harder for others, nor the differences that a leaderboard can find any smaller.

Two systems agree on a layer as two annotators do: F1 of the answers of one against those of the other. Where a layer
gives credit for overlap, spans agree from half on (one to one), or moved boundaries would hide a copy. What counts
neither way is left out, and so are keys of clusters, which mean something within a system only. Their counts in each
unit must agree as well, which covers clusters and sources. Near-copies agree by ``NEAR`` or more in every layer that a
measure reads, each with each.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Final, cast

from retold.corpus.load import Corpus
from retold.io.submission import Submission
from retold.layers.base import Batch, Matches
from retold.measures.assignment import best_assignment
from retold.measures.overlap import overlaps
from retold.model.arrays import Array, np
from retold.model.packages import require
from retold.scoring.count import SystemCounts, count

__all__ = ["NEAR", "answers_of", "counts_agree", "groups_of", "shared_answers"]

#: From this agreement on, systems are near-copies.
NEAR: Final = 0.95
#: Parts of an answer that are left aside: names that mean something within a system only, and what no headline reads.
_ASIDE: Final = ("entity", "source", "scores", "evidence")
#: Of more documents than these, some are looked at.
_DOCUMENTS: Final = 1000
#: Jaccard overlap from which spans agree, as in attribution.
_ALIKE: Final = 0.5
_ROUNDING: Final = 1e-9

#: Hashes, or document, start and end of spans that count by their overlap.
Answers = dict[str, set[int] | set[tuple[int, int, int]]]


def answers_of(submission: Submission, corpus: Corpus, counts: SystemCounts) -> Answers:
    """A system's answers by layer, of those that count.

    Args:
        submission, corpus: what ``counts`` are of.
        counts: likewise; of very many documents, every n-th by a hash of its key is looked at.
    """
    found: dict[str, set[Any]] = {name: set() for name in counts.layers}
    by_overlap = {name for name, each in counts.layers.items() if "jaccard~" in each.layer.columns}
    step = max(counts.coverage["documents"]["gold"] // _DOCUMENTS, 1)

    def sink(batch: Batch, layers: dict[str, tuple[Matches, Any]]) -> None:
        taken = [zlib.crc32(context.document_id.encode()) % step == 0 for context in batch.documents]
        for name, (matches, names) in layers.items():
            for number, item in counts.layers[name].layer.items(matches, batch, names, corpus, counts.refers_to):
                if item.predicted is None or not taken[number]:
                    continue
                if name in by_overlap:
                    document = zlib.crc32(item.document_id.encode())
                    found[name].add((document, item.predicted["start"], item.predicted["end"]))
                else:
                    labels = {**(item.gold or {}), **item.predicted}
                    answer = sorted((key, str(value)) for key, value in labels.items() if key not in _ASIDE)
                    found[name].add(hash((item.document_id, item.task, *answer)))

    count(submission, corpus, allow_missing=counts.allow_missing, sink=sink)
    return cast("Answers", found)


def shared_answers(a: Answers, b: Answers, layers: Sequence[str]) -> float:
    """Agreement of answers in the layer where it is least."""
    return min(_share(2 * _common(a[name], b[name]), len(a[name]) + len(b[name])) for name in layers)


def _common(a: set[Any], b: set[Any]) -> int:
    """How many answers two systems share."""
    if not a or not b or not isinstance(next(iter(a)), tuple):
        return len(a & b)
    first, second = (np.array(sorted(side), np.int64).T for side in (a, b))
    # Documents by their place, as their hashes are large.
    known = np.unique(np.concatenate([first[0], second[0]]))
    first[0], second[0] = np.searchsorted(known, first[0]), np.searchsorted(known, second[0])
    g, p = overlaps(tuple(first), tuple(second))
    both = np.minimum(first[2, g], second[2, p]) - np.maximum(first[1, g], second[1, p])
    jaccard = both / (first[2, g] - first[1, g] + second[2, p] - second[1, p] - both)
    return int((jaccard[best_assignment(g, p, jaccard)] >= _ALIKE).sum())


def counts_agree(a: Sequence[Array], b: Sequence[Array]) -> float:
    """Agreement of counts in the table where it is least, each of shape (units, columns)."""
    return min(
        1.0 - _share(np.abs(x - y).sum(), np.abs(x).sum() + np.abs(y).sum(), nothing=0.0)
        for x, y in zip(a, b, strict=True)
    )


def _share(part: float, whole: float, nothing: float = 1.0) -> float:
    return float(part / whole) if whole else nothing


def groups_of(agreement: Array) -> list[list[int]]:
    """Groups of systems each two of which are near-copies; the first of a group agrees most with the others.

    Args:
        agreement: shape (systems, systems), symmetric.
    """
    if len(agreement) < 2:
        return [[number] for number in range(len(agreement))]
    hierarchy = require("scipy.cluster.hierarchy")
    upper = np.triu_indices(len(agreement), 1)
    # Complete linkage: systems that differ do not become one by way of others between them.
    tree = hierarchy.linkage(1.0 - agreement[upper], "complete")
    labels = hierarchy.fcluster(tree, 1.0 - NEAR + _ROUNDING, "distance")
    groups = []
    for label in dict.fromkeys(labels.tolist()):
        members = np.flatnonzero(labels == label)
        total = agreement[np.ix_(members, members)].sum(axis=1)
        groups.append(members[np.argsort(-total.round(9), kind="stable")].tolist())
    return groups
