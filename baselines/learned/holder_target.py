"""Holder and target: stance from the sentences that are a holder's, each judged for a target.

A sentence is a holder's if they say it, are its subject or are named in it; pronouns, descriptions and quotations
without a reporting phrase go on with the last person (`common/voices.py`). Each is judged for each target by a
logistic regression: is it evidence that the holder is for it, against it, or neither? It sees how near the sentence
comes to the wording of the target and to the evidence for the same target in other documents, words of approval and
refusal before the words of the target, judging words outside quotation marks, how the holder comes into the sentence,
its terms together with the target, and what the other documents say of holder and target, which is all that `blind`
knows (`--option prior=no` leaves this out). The sentences of a cell are joined by noisy-or: one that shows a side is
enough.

The strength of the regularisation and what a shown side must outweigh are chosen by leave-one-document-out among the
training documents. Tuned on these five documents were the features: that a holder's identity is none of them, for
one, which would be learned by heart. The patterns of attribution and the cue words are general, but were written by
people who had read the corpus; so were the synonyms (`common/retrieval.py`), some of them for this event. A fold takes
time quadratic in the number of documents, as in `bm25`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log1p
from typing import Any

import numpy as np
from scipy.sparse import vstack
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from threadpoolctl import threadpool_limits

from retold.model.annotations import (
    AnnotationRecord,
    Document,
    Event,
    Holder,
    StanceCell,
    Target,
)
from retold.systems import Context, Example

from ..common.defaults import STANCES, cells, likeliest, no_stance, stance_scores, yes
from ..common.gazetteer import Gazetteer, known_or_capitalised
from ..common.retrieval import Index, Matrix, carried, terms
from ..common.text import sentences
from ..common.voices import AUTHOR, Voice, cues, judging, outside_quotes, own_sentences, voices

NAME = "holder_target"
DESCRIPTION = (
    "Stance: the sentences that a holder says, does or is named in, each judged for each target by logistic "
    "regression; with scores and evidence."
)
PROTOCOL = "leave-one-document-out"
OPTIONS = {"prior": "yes"}

Key = tuple[str, str]
SIDES = ("favor", "against")

#: Inverse strengths of regularisation, and factors of the two sides, to choose from.
STRENGTHS = (1.0, 5.0, 20.0)
FACTORS = (1.0, 1.4, 2.0)
#: A term's value among features that lie between 0 and 1: many say the same.
TERM = 0.3
#: Share of the best sentence's probability from which a sentence is evidence, too.
EVIDENT = 0.5


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document; raises OptionFault if the option ``prior`` says neither yes nor no."""
    prior = yes(context, "prior", OPTIONS["prior"])
    return AnnotationRecord(document_id=document.document_id, stance=stance(document, context, prior=prior))


def stance(document: Document, context: Context, *, prior: bool = True) -> list[StanceCell]:
    """Every cell with its label, the probability of each label, and evidence. On one thread: see ``tfidf_logreg``."""
    with threadpool_limits(1):
        return _stance(document, context, prior)


@dataclass(frozen=True)
class Judged:
    """A holder's sentence to be judged for a target: its number in the document and its features."""

    sentence: int
    facts: dict[str, float]


@dataclass(frozen=True)
class _Rows:
    """All sentences of a document to judge, one a row.

    Attributes:
        keys, sentences: holder and target, and number of the sentence, of each row.
        rows: the features, shape (rows, features).
        gold: label and evidence of each cell; empty where it is not known.
    """

    keys: list[Key]
    sentences: list[int]
    rows: Any
    gold: dict[Key, tuple[str, frozenset[int]]]

    def of(self, key: Key) -> list[int]:
        """The rows of a cell."""
        return [row for row, own in enumerate(self.keys) if own == key]


def _stance(document: Document, context: Context, prior: bool) -> list[StanceCell]:
    event, training = context.event, context.training
    made = [
        describe(example.document, [other for other in training if other is not example], event, prior=prior)
        for example in training
    ]
    made.append(describe(document, training, event, prior=prior))
    facts = [judged.facts for each in made for cell in each.values() for judged in cell]
    if not facts:
        return no_stance(context)
    # All documents at once, which takes half of the time: what only the last one has weighs nothing.
    rows = DictVectorizer().fit_transform(facts)
    documents = []
    start = 0
    for each, gold in zip(made, [*(example.gold.stance or [] for example in training), ()], strict=True):
        keys = [key for key, cell in each.items() for _ in cell]
        numbers = [judged.sentence for cell in each.values() for judged in cell]
        labels = {(str(c.holder), c.target): (c.label, frozenset(c.evidence or ())) for c in gold}
        documents.append(_Rows(keys, numbers, rows[start : start + len(keys)], labels))
        start += len(keys)
    *known, asked = documents
    strength, factor = _chosen(known)
    model = _trained(known, strength)
    if model is None:
        return no_stance(context)
    table = _probabilities(model, asked)
    found = []
    for key in cells(context):
        own = asked.of(key)
        favor, against = _joined(table[own], factor)
        scores = stance_scores(favor, against)
        label = likeliest(scores)
        evidence: list[int] = []
        if label != "none":
            column = table[own, SIDES.index(label)]
            evidence = [
                asked.sentences[row] for row, share in zip(own, column, strict=True) if share >= EVIDENT * column.max()
            ]
        found.append(StanceCell(holder=key[0], target=key[1], label=label, evidence=evidence, scores=scores))
    return found


# Learning


def _trained(known: Sequence[_Rows], strength: float) -> Any:
    """A model of sentences; None where there is nothing to tell apart."""
    rows, labels = [], []
    for document in known:
        kept = [row for row, key in enumerate(document.keys) if key in document.gold]
        rows.append(document.rows[kept])
        for row in kept:
            label, evidence = document.gold[document.keys[row]]
            labels.append(label if document.sentences[row] in evidence else "none")
    if len(set(labels)) < 2:
        return None
    return LogisticRegression(C=strength, max_iter=5000).fit(vstack(rows), labels)


def _probabilities(model: Any, document: _Rows) -> Matrix:
    """The probability of both sides in each row, shape (rows, 2)."""
    table = np.zeros((len(document.keys), len(SIDES)))
    if document.keys:
        given = model.predict_proba(document.rows).round(9)
        for column, side in enumerate(SIDES):
            if side in model.classes_:
                table[:, column] = given[:, list(model.classes_).index(side)]
    return table


def _joined(table: Matrix, factor: float) -> tuple[float, float]:
    """Probability of favor and of against for a cell from those of its sentences, shape (sentences, 2).

    A side is shown unless no sentence shows it (noisy-or). What the likelier side leaves is none; the sides, times the
    factor, and none are brought to a sum of 1. A cell without sentences is none.
    """
    if not len(table):
        return 0.0, 0.0
    sides = 1 - np.prod(1 - table, axis=0)
    left = 1 - sides.max()
    sides = sides * factor
    favor, against = sides / (sides.sum() + left)
    return float(favor), float(against)


def _chosen(known: Sequence[_Rows]) -> tuple[float, float]:
    """Strength and factor that serve best when each training document is predicted from the others.

    The strength by Brier score, which a single cell moves little; the factor by the measure that it is for.
    """
    best = (float("inf"), STRENGTHS[0], FACTORS[0])
    for strength in STRENGTHS if len(known) > 2 else ():
        judged: list[tuple[str, Matrix]] = []
        for document in known:
            model = _trained([other for other in known if other is not document], strength)
            if model is not None:
                table = _probabilities(model, document)
                judged += [(label, table[document.of(key)]) for key, (label, _) in sorted(document.gold.items())]
        labels = [label for label, _ in judged]
        shares = [_joined(table, 1.0) for _, table in judged]
        errors = [
            (f - (y == "favor"), a - (y == "against"), 1 - f - a - (y == "none"))
            for (f, a), y in zip(shares, labels, strict=True)
        ]
        lost = round(float(np.square(errors).sum()), 9)
        if judged and lost < best[0]:
            answers = [[likeliest(stance_scores(*_joined(table, factor))) for _, table in judged] for factor in FACTORS]
            reached = [f1_score(labels, given, labels=SIDES, average="macro", zero_division=0.0) for given in answers]
            best = lost, strength, FACTORS[reached.index(max(reached))]
    return best[1:]


# Features


def describe(document: Document, others: Sequence[Example], event: Event, *, prior: bool) -> dict[Key, list[Judged]]:
    """The sentences of every (holder, target) with their features; names and priors come from ``others``."""
    gazetteer = Gazetteer(others)
    texts = sentences(document)
    found = voices(document, known_or_capitalised(document, gazetteer))
    there = [frozenset(own) for own in carried(texts, gazetteer)]
    elsewhere = [[terms(text, gazetteer) for text in sentences(e.document)] for e in others]
    index = Index([*map(sorted, there), *(own for example in elsewhere for own in example)], len(texts))
    past = Past(others, elsewhere, index)
    wordings = {target.target: _Wording(target, gazetteer, index, there) for target in event.targets}
    made: dict[Key, list[Judged]] = {}
    for holder in event.holders:
        own, named = own_sentences(holder, found, texts)
        numbers = sorted({*own, *named})
        for target in event.targets:
            key = holder.holder, target.target
            wording = wordings[target.target]
            shared = past.facts(key) if prior else {}
            made[key] = []
            for at in numbers:
                facts = {
                    **shared,
                    **_reading(holder, found[at], texts[at], wording, at, numbers, at in own),
                    **past.likeness(key, at, shared),
                    f"target={target.target}": 1.0,
                }
                for term in sorted(there[at]):
                    facts[term] = facts[f"{target.target} {term}"] = TERM
                made[key].append(Judged(at, facts))
    return made


class _Wording:
    """How near each sentence of a document comes to a target."""

    def __init__(self, target: Target, gazetteer: Gazetteer, index: Index, there: Sequence[frozenset[str]]) -> None:
        descriptions = [set(terms(text, gazetteer)) for _, text in sorted(target.description.items())]
        label = set(terms(target.target.replace("-", " "), gazetteer))
        self.terms = set().union(label, *descriptions)
        self.score = np.max([index.nearness(wanted) for wanted in (label, *descriptions)], axis=0)
        self.covered = [max(index.coverage(wanted, own) for wanted in (label, *descriptions)) for own in there]
        self.entity = [any(term.startswith("@") for term in self.terms & own) for own in there]
        self.key = [bool(label) and label <= own for own in there]
        self.words = " ".join(target.description.values()).lower()

    def nearness(self, index: int) -> float:
        return float(self.score[index]) + 0.3 * self.covered[index]


def _reading(
    holder: Holder, voice: Voice, text: str, wording: _Wording, index: int, numbers: Sequence[int], own: bool
) -> dict[str, float]:
    """What the sentence itself shows."""
    # What is quoted is never the author's.
    author = holder.holder == AUTHOR
    heard = outside_quotes(text) if author else text
    approving, refusing = cues(heard, wording.words)
    judged = log1p(judging(heard))
    nearer = sum(wording.nearness(other) > wording.nearness(index) for other in numbers)
    return {
        "near": float(wording.score[index]),
        "covered": wording.covered[index],
        "entity of target": float(wording.entity[index]),
        "key of target": float(wording.key[index]),
        "rank": nearer / len(numbers),
        "own": float(own),
        "author": float(author),
        "reported": float(voice.reported),
        "approving": log1p(approving),
        "refusing": log1p(refusing),
        "balance": float((approving > refusing) - (refusing > approving)),
        "judging": judged,
        "author judging": judged * author,
    }


class Past:
    """What other documents have on cells: how often each label, and which sentences show it.

    Args:
        others: the documents with gold.
        elsewhere: the terms of each of their sentences.
        index: of the sentences of the document to judge.
    """

    def __init__(self, others: Sequence[Example], elsewhere: Sequence[Sequence[Sequence[str]]], index: Index) -> None:
        self._documents = max(len(others), 1)
        self._labels: defaultdict[Key, Counter[str]] = defaultdict(Counter)
        shown: defaultdict[tuple[str, str, str], set[tuple[int, int]]] = defaultdict(set)
        for number, example in enumerate(others):
            for cell in example.gold.stance or []:
                self._labels[str(cell.holder), cell.target][cell.label] += 1
                for sentence in cell.evidence or ():
                    shown[str(cell.holder), cell.target, cell.label].add((number, sentence))
        alike = {at: index.nearness(elsewhere[at[0]][at[1]]) for at in set().union(*shown.values())}
        self._alike = {key: np.max([alike[at] for at in found], axis=0) for key, found in shown.items()}

    def facts(self, key: Key) -> dict[str, float]:
        """Shares of labels: of the cell, of the holder towards other targets, of other holders towards the target."""
        holder, target = key
        sums = {
            "cell": self._labels.get(key, Counter()),
            "holder": sum((n for (h, t), n in self._labels.items() if h == holder and t != target), Counter()),
            "target": sum((n for (h, t), n in self._labels.items() if t == target and h != holder), Counter()),
        }
        made = {"seen": sums["cell"].total() / self._documents}
        for name, counts in sums.items():
            for label in STANCES if name == "cell" else SIDES:
                made[f"{name} {label}"] = counts[label] / max(counts.total(), 1)
        return made

    def likeness(self, key: Key, index: int, shared: Mapping[str, float]) -> dict[str, float]:
        """How like a sentence is to the nearest that shows a side towards the target; of the same holder apart, if the
        labels of the cell may be known at all."""
        holder, target = key
        made: dict[str, float] = {}
        for side in SIDES:
            same = other = 0.0
            for (who, what, label), alike in self._alike.items():
                if what == target and label == side:
                    value = float(alike[index])
                    if who == holder and shared:
                        same = max(same, value)
                    else:
                        other = max(other, value)
            made |= {f"same {side}": same, f"other {side}": other}
            made[f"known {side}"] = shared.get(f"cell {side}", 0.0) * max(same, other)
        favor, against = (max(made[f"same {side}"], made[f"other {side}"]) for side in SIDES)
        made["leaning"] = favor - against
        return made
