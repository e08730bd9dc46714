"""Which wordings of names mean the same: a learned likeness of pairs, and agglomerative clustering over it.

A logistic regression says how probable it is that two wordings name one entity (Ng and Cardie 2002, "Improving Machine
Learning Approaches to Coreference Resolution"); clusters with the least mean distance, 1 - probability, are merged as
long as it is below a threshold (average linkage).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.cluster import AgglomerativeClustering
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ..common.retrieval import Matrix
from ._linking import AliasTable, Dictionary, canonical, is_acronym

__all__ = ["APART", "Likeness", "Wording", "compare", "join_known"]

#: Distance of two wordings that must not be in one cluster: more than any mean can make up for.
APART = 1e6
#: Types that an adjective and its noun may differ in ("French", "France"; a state and its people).
_PLACES = frozenset(("GPE", "LOC", "NORP"))


#: What somebody is called, and the type of the entity, as far as it is known.
Wording = tuple[str, str]


def compare(left: Wording, right: Wording, dictionary: Dictionary) -> list[float]:
    """Features of a pair of wordings, the same either way round; a wording is taken in its translations, too."""
    pairs = [(a, b) for a in dictionary.readings(left[0]) for b in dictionary.readings(right[0])]
    table = np.array([_surface(a, b) for a, b in pairs])
    surface = [float(value) for value in table.max(axis=0)]
    same = left[1] == right[1]
    person = left[1] == right[1] == "PER"
    places = left[1] in _PLACES and right[1] in _PLACES
    last, prefix = surface[2], surface[6]
    return [
        *surface,
        float(same),
        float(person) * last,
        float(places) * prefix,
        float(same) * prefix,
    ]


def _surface(left: str, right: str) -> list[float]:
    """Equal words, shared words, last word, first word, acronym, letters, beginning."""
    # Marks alone leave no words, and are like nothing but themselves.
    a, b = canonical(left) or (left,), canonical(right) or (right,)
    mine, theirs = set(a), set(b)
    shared = len(mine & theirs)
    one, other = "".join(a), "".join(b)
    beginning = next((n for n, (x, y) in enumerate(zip(one, other, strict=False)) if x != y), min(len(one), len(other)))
    return [
        float(sorted(a) == sorted(b)),
        shared / len(mine | theirs),
        float(a[-1] == b[-1]),
        float(a[0] == b[0]),
        float(is_acronym(left, right) or is_acronym(right, left)),
        len(_trigrams(one) & _trigrams(other)) / len(_trigrams(one) | _trigrams(other)),
        beginning / max(len(one), len(other)) if beginning >= 3 else 0.0,
        shared / min(len(mine), len(theirs)),
    ]


def _trigrams(word: str) -> set[str]:
    padded = f" {word} "
    return {padded[start : start + 3] for start in range(len(padded) - 2)}


class Likeness:
    """How probable it is that two wordings name one entity, learned from the names of known entities.

    Where there is nothing to learn from, equal words and acronyms are one, all else is not.

    Attributes:
        known: the names of known entities: (entity, wording).
    """

    def __init__(self, table: AliasTable, dictionary: Dictionary) -> None:
        self._dictionary = dictionary
        self.known = [
            (known.entity, (text, known.type)) for known in table.entities.values() for text in sorted(known.names)
        ]
        self._model: Any = None
        rows, labels = [], []
        for index, (entity, wording) in enumerate(self.known):
            for other, another in self.known[:index]:
                rows.append(compare(wording, another, dictionary))
                labels.append(entity == other)
        if any(labels) and not all(labels):
            self._model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=5000)).fit(rows, labels)

    def __call__(self, left: Sequence[Wording], right: Sequence[Wording]) -> Matrix:
        """Probabilities, of shape (left, right)."""
        rows = [compare(a, b, self._dictionary) for a in left for b in right]
        if not rows:
            return np.zeros((len(left), len(right)))
        # Without a model: the same words in any order, or an acronym.
        values = self._model.predict_proba(rows)[:, 1] if self._model else [max(row[0], row[4]) for row in rows]
        return np.array(values, dtype=np.float64).reshape(len(left), len(right)).round(9)


def join_known(new: Sequence[Wording], likeness: Likeness, threshold: float) -> list[int | str]:
    """Cluster new wordings with each other and with the known entities, which stay apart.

    A known entity is one thing from the start, as near to a wording as the nearest of its names: the mean of all of
    them would keep a full name from an entity that has many short ones.

    Returns:
        For each wording the key of the known entity in its cluster, else the number of the cluster.
    """
    owners = sorted({entity for entity, _ in likeness.known})
    size, count = len(new), len(owners)
    if size + count < 2:
        return list(range(size))
    near = likeness(new, [wording for _, wording in likeness.known])
    distances = np.full((size + count, size + count), APART)
    distances[:size, :size] = 1 - likeness(new, new)
    for column, owner in enumerate(owners, start=size):
        own = [index for index, (entity, _) in enumerate(likeness.known) if entity == owner]
        distances[:size, column] = distances[column, :size] = 1 - near[:, own].max(axis=1)
    np.fill_diagonal(distances, 0.0)
    clusters = AgglomerativeClustering(
        n_clusters=None, metric="precomputed", linkage="average", distance_threshold=threshold
    ).fit_predict(distances)
    owner_of = dict(zip(clusters[size:].tolist(), owners, strict=True))
    return [owner_of.get(cluster, cluster) for cluster in clusters[:size].tolist()]
