"""Whom a description means: a ranking of the entities that are known or named in the document.

A logistic regression over pairs of a description and a candidate, as in mention-ranking coreference (Denis and
Baldridge 2008, "Specialized Models and Ranking for Coreference Resolution"), with nobody as an answer where even the
best candidate is improbable. By the guideline a description of somebody without a name is no mention at all.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from retold.model.annotations import Document, EntityType, Mention
from retold.systems import Example

from ..common.linking import AliasTable, canonical, company, cosine, head_of
from ..common.text import fold

__all__ = ["Named", "Resolver", "roles"]

#: Characters before a name in which its title stands.
TITLE_REACH = 40


class Named:
    """The names of a document with the entity of each, in their order; what a description may refer to.

    Attributes:
        counts: entity -> how often it is named.
        types: entity -> its type.
        roles: entity -> words straight before its names.
    """

    def __init__(self, document: Document, mentions: Sequence[Mention]) -> None:
        self.document = document
        self.names = sorted((m for m in mentions if m.kind == "name"), key=lambda m: (m.start, -m.end))
        self.counts = Counter(str(m.entity) for m in self.names)
        self.types: dict[str, EntityType] = {str(m.entity): m.type for m in self.names}
        self.roles = roles([(document, self.names)])

    def inside(self, start: int, end: int) -> set[str]:
        """Entities named within a span."""
        return {str(m.entity) for m in self.names if start <= m.start and m.end <= end}

    def last(self, place: int) -> dict[EntityType, str]:
        """The entity of each type that was named last before a place."""
        return {m.type: str(m.entity) for m in self.names if m.end <= place}


def roles(documents: Iterable[tuple[Document, Sequence[Mention]]]) -> dict[str, Counter[str]]:
    """Canonical words that stand straight before the names of a person, such as a title and a state."""
    found: dict[str, Counter[str]] = {}
    for document, mentions in documents:
        for mention in mentions:
            if mention.kind == "name" and mention.type == "PER":
                before = fold(document.text[max(mention.start - TITLE_REACH, 0) : mention.start])
                near = [word for word in before.replace(",", ".").split(".")[-1].split() if word.isalpha()][-3:]
                words = (word for part in near for word in canonical(part))
                found.setdefault(str(mention.entity), Counter()).update(words)
    return found


class Resolver:
    """Finds the entity that a description means.

    Args:
        folds: training documents, each with the table of the *other* ones, so that it is as new to its table as the
            document to be predicted is to the table of all.
        table: what all training documents have.
    """

    def __init__(self, folds: Sequence[tuple[Example, AliasTable]], table: AliasTable) -> None:
        self._table = table
        examples = [example for example, _ in folds]
        self._roles = roles((e.document, e.gold.entities or []) for e in examples)
        rows: list[list[float]] = []
        labels: list[bool] = []
        for example, others in folds:
            named = Named(example.document, example.gold.entities or [])
            elsewhere = roles((e.document, e.gold.entities or []) for e in examples if e is not example)
            for mention in example.gold.entities or []:
                if mention.kind == "nominal":
                    made = _described(named, mention.start, mention.end, others, elsewhere)
                    rows += made.values()
                    labels += [entity == mention.entity for entity in made]
        self._model: Any = None
        if any(labels) and not all(labels):
            self._model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=5000)).fit(rows, labels)

    def __call__(self, named: Named, start: int, end: int) -> tuple[str | None, float]:
        """The most probable entity of a description with its probability; None where there is no candidate."""
        made = _described(named, start, end, self._table, self._roles)
        if self._model is None or not made:
            return None, 0.0
        chances: npt.NDArray[np.float64] = self._model.predict_proba(list(made.values()))[:, 1].round(9)
        best = int(chances.argmax())
        return list(made)[best], float(chances[best])


def _described(
    named: Named, start: int, end: int, table: AliasTable, elsewhere: Mapping[str, Counter[str]]
) -> dict[str, list[float]]:
    """Features of every candidate for a span: the entities of the table and those named in the document, sorted."""
    text = named.document.text
    wording = fold(text[start:end]).lower()
    head = head_of(wording, named.document.language)
    words = set(canonical(wording))
    near = company(text, start, end)
    inside, last = named.inside(start, end), named.last(start)
    called = Counter({key: known.nominals[wording] for key, known in table.entities.items()})
    headed = Counter({key: known.heads[head] for key, known in table.entities.items()})
    kinds: Counter[str] = Counter()
    for key, known in table.entities.items():
        kinds[known.type] += headed[key]
    made = {}
    for entity in sorted(table.entities.keys() | named.counts.keys()):
        there = table.entities.get(entity)
        kind = there.type if there else named.types[entity]
        phrases, called_by = (there.nominals, there.names) if there else (Counter[str](), Counter[str]())
        role = elsewhere.get(entity, Counter()) + named.roles.get(entity, Counter())
        likeness = max((_jaccard(words, set(canonical(phrase))) for phrase in phrases), default=0.0)
        own = {word for name in (entity.replace("-", " "), *called_by) for word in canonical(name)}
        typed = _share(kinds[kind], kinds.total())
        role_share = sum(min(role[word], 1) for word in words) / len(words)
        made[entity] = [
            _share(called[entity], called.total()),
            _share(headed[entity], headed.total()),
            float(headed[entity] > 0),
            float(entity in inside),
            float(entity in inside) * typed,
            likeness,
            typed,
            role_share,
            role_share * math.log1p(role.total()),
            math.log1p(named.counts[entity]),
            float(last.get(kind) == entity) * float(kind == "PER"),
            len(words & own) / len(words),
            float(head in own),
            cosine(near, there.company) if there else 0.0,
            math.log1p(phrases.total()),
        ]
    return made


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _jaccard(left: set[str], right: set[str]) -> float:
    return len(left & right) / len(left | right)
