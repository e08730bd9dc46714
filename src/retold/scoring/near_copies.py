"""Near-copies: systems whose answers are nearly the same, which a ranking counts as one.

Whoever hands in a system many times, with a label changed here and there, must not make the correction for many tests
any harder for others, nor the differences that a leaderboard can find any smaller.

Two systems agree on a layer as two annotators do: F1 of the answers of one against those of the other, keys of clusters
aside, which mean something within a system only. Their counts in each unit must agree as well, which covers clusters,
links and sources. Near-copies agree by ``NEAR`` or more in every layer that a measure reads, each with each.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np

from retold.io.jsonl import read_lines
from retold.io.submission import Submission
from retold.layers.scheme import Scheme
from retold.measures.base import Array

__all__ = ["NEAR", "answers_of", "counts_agree", "groups_of", "shared_answers"]

#: From this agreement on, systems are near-copies.
NEAR: Final = 0.95
#: Of more documents than these, some are looked at.
_DOCUMENTS: Final = 1000
_ROUNDING: Final = 1e-9

Answers = dict[str, set[int]]


def answers_of(submission: Submission, scheme: Scheme, documents: int) -> Answers:
    """Hashes of a system's answers by layer.

    Args:
        submission: a submission that was counted without errors.
        scheme: layers and labels.
        documents: number of documents; of very many, every n-th by a hash of its key is read.
    """
    found: Answers = {name: set() for name in scheme.layers}
    step = max(documents // _DOCUMENTS, 1)
    for _, line in read_lines(submission.records):
        if not line:
            continue
        record = scheme.decoder.typed.decode(line)
        key = record.document_id
        if zlib.crc32(key.encode()) % step:
            continue
        for name, layer in scheme.layers.items():
            for item in getattr(record, name) or ():
                what = item.label if layer.keyed else (getattr(item, "type", ""), str(getattr(item, "kb_id", "")))
                found[name].add(hash((key, layer.key_of(item), what)))
    return found


def shared_answers(a: Answers, b: Answers, layers: Sequence[str]) -> float:
    """Agreement of answers in the layer where it is least."""
    return min(_share(2 * len(a[name] & b[name]), len(a[name]) + len(b[name])) for name in layers)


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
    from scipy.cluster.hierarchy import fcluster, linkage

    upper = np.triu_indices(len(agreement), 1)
    # Complete linkage: systems that differ do not become one by way of others between them.
    labels = fcluster(linkage(1.0 - agreement[upper], "complete"), 1.0 - NEAR + _ROUNDING, "distance")
    groups = []
    for label in dict.fromkeys(labels.tolist()):
        members = np.flatnonzero(labels == label)
        total = agreement[np.ix_(members, members)].sum(axis=1)
        groups.append(members[np.argsort(-total.round(9), kind="stable")].tolist())
    return groups
