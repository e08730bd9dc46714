"""TF-IDF and logistic regression: what a linear model learns from the other documents.

Stance: the words and character n-grams of a holder's sentences that are nearest to the target, with who the holder and
what the target is. Verification: how a claim compares with the sentences of the document. Claims: which of the clauses
that rules propose are worth stating.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import hstack
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from retold.model.annotations import (
    AnnotationRecord,
    ClaimSpan,
    Document,
    Event,
    Mention,
    StanceCell,
    VerificationPair,
)
from retold.systems import Context, Example

from ..common.clauses import Clause, clauses, to_claims
from ..common.defaults import cells, likeliest, no_stance, not_enough_info, stance_scores, wording
from ..common.figures import values
from ..common.gazetteer import Gazetteer, known_or_capitalised
from ..common.names import proper
from ..common.retrieval import Matrix
from ..common.stems import stems
from ..common.text import content_words, negations, sentences, words
from ..common.voices import own_sentences, voices
from ..lexical.overlap import rarity

NAME = "tfidf_logreg"
DESCRIPTION = (
    "TF-IDF and logistic regression: stance from the holder's sentences nearest to the target (with scores), "
    "verification from the similarity of claim and sentences, claims from clauses. Entities, sources as in rules."
)
PROTOCOL = "leave-one-document-out"


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document.

    On one thread: threads add in another order, and a probability near a border would fall on either side of it.
    """
    with threadpool_limits(1):
        gazetteer = Gazetteer(context.training)
        mentions = known_or_capitalised(document, gazetteer)
        return AnnotationRecord(
            document_id=document.document_id,
            entities=mentions,
            stance=stance(document, mentions, context),
            claims=claims(document, mentions, context.training),
            verification=verification(document, context, gazetteer),
        )


def classifier(labels: Iterable[Any], C: float) -> Any:
    """Logistic regression in which rare labels weigh as much as frequent ones; a constant where there is one label."""
    if len(set(labels)) < 2:
        return DummyClassifier(strategy="prior")
    return LogisticRegression(C=C, class_weight="balanced", max_iter=5000)


def by_words() -> Any:
    """TF-IDF of stems."""
    return TfidfVectorizer(analyzer=stems, sublinear_tf=True)


def by_characters() -> Any:
    """TF-IDF of character n-grams, which find names and loan words in another language."""
    return TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)


class Similarity:
    """Cosines of texts, fitted on some."""

    def __init__(self, texts: Sequence[str]) -> None:
        # Where no text has a word, there is nothing to fit and nothing alike.
        fitted = any(map(stems, texts))
        self._fitted = [each.fit(texts) for each in (by_words(), by_characters())] if fitted else []

    def __call__(self, left: Sequence[str], right: Sequence[str]) -> tuple[Matrix, Matrix]:
        """Cosines of words and of characters, each of shape (left, right)."""
        if not left or not right or not self._fitted:
            return np.zeros((len(left), len(right))), np.zeros((len(left), len(right)))
        words_alike, characters_alike = ((f.transform(left) @ f.transform(right).T).toarray() for f in self._fitted)
        return words_alike, characters_alike


# Stance


@dataclass(frozen=True)
class _Cell:
    """A stance cell to be judged: the text that speaks for it, what is known beside, and the sentences."""

    text: str
    facts: dict[str, float]
    evidence: list[int]


#: Sentences of a holder that are read for a target.
READ = 3


def stance(document: Document, mentions: Sequence[Mention], context: Context) -> list[StanceCell]:
    """Every cell with the probability of each label."""
    texts = [text for example in context.training for text in sentences(example.document)]
    similarity = Similarity([*texts, *sentences(document)])
    known: list[_Cell] = []
    labels: list[str] = []
    for example in context.training:
        gold = {(str(cell.holder), cell.target): cell.label for cell in example.gold.stance or []}
        made = _cells(example.document, example.gold.entities or [], context.event, similarity)
        for key in sorted(gold.keys() & made.keys()):
            known.append(made[key])
            labels.append(gold[key])
    if not labels:
        return no_stance(context)
    reader, facts = make_union(by_words(), by_characters()), DictVectorizer()
    rows = hstack([reader.fit_transform([c.text for c in known]), facts.fit_transform([c.facts for c in known])])
    model = classifier(labels, C=2.0).fit(rows.tocsr(), labels)
    made = _cells(document, mentions, context.event, similarity)
    asked = [made[key] for key in cells(context)]
    rows = hstack([reader.transform([c.text for c in asked]), facts.transform([c.facts for c in asked])])
    found = []
    for key, cell, row in zip(cells(context), asked, model.predict_proba(rows.tocsr()), strict=True):
        shares = dict(zip(model.classes_.tolist(), row.tolist(), strict=True))
        scores = stance_scores(shares.get("favor", 0.0), shares.get("against", 0.0))
        label = likeliest(scores)
        evidence = cell.evidence if label != "none" else []
        found.append(StanceCell(holder=key[0], target=key[1], label=label, evidence=evidence, scores=scores))
    return found


def _cells(
    document: Document, mentions: Sequence[Mention], event: Event, similarity: Similarity
) -> dict[tuple[str, str], _Cell]:
    """Every (holder, target) of a document with the holder's sentences that are nearest to the target."""
    texts = sentences(document)
    found = voices(document, mentions)
    by_word, by_character = similarity(texts, [wording(target, document.language) for target in event.targets])
    near = by_word + by_character
    made: dict[tuple[str, str], _Cell] = {}
    for holder in event.holders:
        spoken, named = own_sentences(holder, found, texts)
        own = sorted((*spoken, *named))
        for column, target in enumerate(event.targets):
            ranked = [own[index] for index in ranking(near[own, column])[:READ]]
            best = float(near[ranked[0], column]) if ranked else 0.0
            facts = {
                f"holder={holder.holder}": 1.0,
                f"target={target.target}": 1.0,
                f"holder={holder.holder} target={target.target}": 1.0,
                "speaks": float(any(found[index].speaker in holder.entities for index in ranked)),
                "nearness": best,
            }
            text = " ".join([target.target, *(texts[index] for index in ranked)])
            evidence = sorted(index for index in ranked if near[index, column] >= 0.5 * best)
            made[holder.holder, target.target] = _Cell(text, facts, evidence)
    return made


# Verification

#: Sentences given as evidence; the measure takes at most five.
SHOWN = 2


def verification(document: Document, context: Context, gazetteer: Gazetteer) -> list[VerificationPair]:
    """Every claim with its label and the sentences most like it.

    Two questions are asked one after the other: does the document speak of this, and if so, for the claim or against?
    """
    if not context.questions or not document.sentences:
        return not_enough_info(context)
    asked = [question.text for question in context.questions]
    texts = [text for example in context.training for text in sentences(example.document)]
    likeness = Likeness([*texts, *sentences(document), *asked], gazetteer)
    row_of = {question.claim: index for index, question in enumerate(context.questions)}
    rows: list[Matrix] = []
    labels: list[str] = []
    for example in context.training:
        if example.document.sentences:
            table, _ = likeness.compare(asked, example.document)
            for pair in example.gold.verification or []:
                rows.append(table[row_of[pair.claim]])
                labels.append(pair.label)
    features, gold = np.array(rows), np.array(labels)
    spoken = gold != "not_enough_info"
    if not spoken.any():
        return not_enough_info(context)
    table, rankings = likeness.compare(asked, document)
    speaks = answers(features, spoken, table, C=0.3)
    verdicts = answers(features[spoken], gold[spoken], table, C=0.3)
    return [
        VerificationPair(
            claim=question.claim,
            label=verdict if yes else "not_enough_info",
            evidence=sorted(ranked[:SHOWN]) if yes else [],
        )
        for question, yes, verdict, ranked in zip(context.questions, speaks, verdicts, rankings, strict=True)
    ]


def answers(features: Matrix, labels: Any, asked: Matrix, C: float) -> list[Any]:
    """Labels of the rows of ``asked``, learned from features and labels."""
    return list(make_pipeline(StandardScaler(), classifier(labels, C)).fit(features, labels).predict(asked).tolist())


class Likeness:
    """How a claim compares with the sentences of a document."""

    def __init__(self, texts: Sequence[str], gazetteer: Gazetteer) -> None:
        self._similarity = Similarity(texts)
        self._weights = rarity(texts)
        self._gazetteer = gazetteer

    def compare(self, asked: Sequence[str], document: Document) -> tuple[Matrix, list[list[int]]]:
        """Features of each claim, and for each the sentences, at least one, from the most to the least like it."""
        texts = sentences(document)
        words_alike, characters_alike = self._similarity(asked, texts)
        there = [set(stems(text)) for text in texts]
        entities = [self._gazetteer.entities_of(text) for text in texts]
        anywhere, anyone = set().union(*there), set().union(*entities)
        rows, rankings = [], []
        for index, claim in enumerate(asked):
            wanted, meant, asked_values = set(stems(claim)), self._gazetteer.entities_of(claim), values(claim)
            covered = np.array([self._covered(wanted, own) for own in there])
            shared = np.array([_share(meant & keys, meant) for keys in entities])
            # Names are the same in most languages, so they find the sentence where words do not.
            near = covered + characters_alike[index] + 0.3 * shared
            ranked = ranking(near)
            best, second = ranked[0], ranked[min(1, len(ranked) - 1)]
            shown = values(texts[best])
            # What may contradict: another number, name, entity, or a negation on one side only.
            flags = [
                float(bool(asked_values - shown) and bool(shown - asked_values)),
                float(bool(set(proper(claim)) - anywhere)),
                float(bool(meant - anyone)),
                float(bool(meant - entities[best]) and bool(entities[best] - meant)),
                float((negations(claim) > 0) != (negations(texts[best]) > 0)),
            ]
            rows.append(
                [
                    near[best],
                    near[best] - near[second],
                    covered[best],
                    *(max(covered[best] - bend, 0.0) for bend in (0.4, 0.6, 0.8)),
                    words_alike[index, best],
                    characters_alike[index, best],
                    shared[best],
                    _share(wanted & there[best], there[best]),
                    self._covered(wanted, anywhere),
                    max((self._weights[s] for s in wanted - there[best]), default=0.0),
                    _share(asked_values & shown, asked_values),
                    float(bool(asked_values)),
                    *flags,
                    *(flag * (covered[best] > 0.5) for flag in flags),
                ]
            )
            rankings.append(ranked)
        return np.array(rows, dtype=np.float64), rankings

    def _covered(self, wanted: set[str], there: set[str]) -> float:
        """Share of a claim's words, weighted by rarity, that are there."""
        total = sum(self._weights[s] for s in sorted(wanted))
        return sum(self._weights[s] for s in sorted(wanted & there)) / total if total else 0.0


def ranking(values: Matrix) -> list[int]:
    """Indices from the largest value to the smallest; those of equal ones in their order."""
    return [int(index) for index in np.argsort(-values.round(9), kind="stable")]


def _share(part: set[Any], whole: set[Any]) -> float:
    return len(part) / len(whole) if whole else 1.0


# Claims


def claims(document: Document, mentions: Sequence[Mention], training: Sequence[Example]) -> list[ClaimSpan]:
    """The clauses that a classifier takes for claims."""
    facts: list[dict[str, float]] = []
    labels: list[bool] = []
    for example in training:
        gold = [(claim.start, claim.end) for claim in example.gold.claims or []]
        for clause in clauses(example.document, example.gold.entities or []):
            facts.append(_described(example.document, clause))
            labels.append(any(jaccard((clause.start, clause.end), span) >= 0.7 for span in gold))
    own = clauses(document, mentions)
    if labels and own:
        model = make_pipeline(DictVectorizer(), classifier(labels, C=1.0)).fit(facts, labels)
        kept = model.predict([_described(document, clause) for clause in own])
        own = [clause for clause, keep in zip(own, kept, strict=True) if keep]
    return to_claims(document, own)


def _described(document: Document, clause: Clause) -> dict[str, float]:
    text = document.text[clause.start : clause.end]
    found = words(text)
    return {
        f"kind={clause.kind}": 1.0,
        f"first={found[0] if found else ''}": 1.0,
        "words": len(found) / 20,
        **{f"word={word}": 1.0 for word in content_words(text)},
    }


def jaccard(a: tuple[int, int], b: tuple[int, int]) -> float:
    """Characters that two spans share, as a share of those of either."""
    shared = max(min(a[1], b[1]) - max(a[0], b[0]), 0)
    return shared / (a[1] - a[0] + b[1] - b[0] - shared)
