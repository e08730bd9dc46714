"""Blind: what the other documents say, without reading this one.

A diagnosis rather than a system, as the hypothesis-only baselines of natural language inference (Poliak et al. 2018):
whatever it scores on stance and verification can be had from the labels of other documents alone. A system that reads
should be judged by how far it is above.

Stance: the side that most of the other documents show. Verification: a forest over how the other documents answer the
claim and its twins, which share at least half of its words (`bm25`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier
from threadpoolctl import threadpool_limits

from retold.model.annotations import (
    AnnotationRecord,
    Document,
    StanceCell,
    VerificationPair,
)
from retold.systems import Context, Example, Question

from ..common.defaults import cells, every_sentence, not_enough_info
from ..common.retrieval import Matrix
from ..lexical.bm25 import TREES, answers_elsewhere, twins, with_those_of_twins
from .majority import frequent_names

NAME = "blind"
DESCRIPTION = (
    "A diagnosis: stance and verification from the labels of the other documents for the same cell, claim and similar "
    "claims, without reading the document; entities and claims as in majority."
)
PROTOCOL = "leave-one-document-out"


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document."""
    return AnnotationRecord(
        document_id=document.document_id,
        entities=frequent_names(document, context.training),
        stance=stance(context),
        claims=every_sentence(document),
        verification=verification(context),
    )


def stance(context: Context) -> list[StanceCell]:
    """The side that most of the other documents show; none where they are divided."""
    seen: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for example in context.training:
        for cell in example.gold.stance or []:
            seen[str(cell.holder), cell.target][cell.label] += 1
    found = []
    for holder, target in cells(context):
        votes = seen[holder, target]
        label = "none"
        for side in ("favor", "against"):
            if 2 * votes[side] > votes.total():
                label = side
        found.append(StanceCell(holder=holder, target=target, label=label, evidence=[]))
    return found


def verification(context: Context) -> list[VerificationPair]:
    """Labels by what the other documents answer to the same claim and to its twins.

    How they hang together is learned from the other documents, each as if it were the one to predict.
    """
    questions = context.questions
    alike = twins([question.text for question in questions])
    row_of = {question.claim: index for index, question in enumerate(questions)}
    rows, labels = [], []
    for example in context.training:
        known = _elsewhere([other for other in context.training if other is not example], questions, alike)
        for pair in example.gold.verification or []:
            if pair.claim in row_of:
                rows.append(known[row_of[pair.claim]])
                labels.append(pair.label)
    if not rows:
        return not_enough_info(context)
    forest = ExtraTreesClassifier(
        TREES, min_samples_leaf=2, max_features=0.3, class_weight="balanced", random_state=context.seed
    )
    with threadpool_limits(1):
        forest.fit(np.array(rows), labels)
        shares = forest.predict_proba(_elsewhere(context.training, questions, alike)).round(9)
    kinds = forest.classes_.tolist()
    return [
        VerificationPair(claim=question.claim, label=kinds[row.argmax()], evidence=[])
        for question, row in zip(questions, shares, strict=True)
    ]


def _elsewhere(documents: Sequence[Example], questions: Sequence[Question], alike: Sequence[Sequence[int]]) -> Matrix:
    return with_those_of_twins(answers_elsewhere(documents, questions), alike)
