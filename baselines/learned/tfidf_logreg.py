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
import numpy.typing as npt
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits

from retold.model.annotations import (
    AnnotationRecord,
    ClaimSpan,
    Document,
    Event,
    Holder,
    Mention,
    StanceCell,
    StanceLabel,
    StanceScores,
    VerificationLabel,
    VerificationPair,
)
from retold.systems import Context, Example

from ..common.defaults import cells, no_stance, not_enough_info, wording
from ..common.text import NEGATIONS, content_words, sentences, words
from ..lexical.gazetteer import Gazetteer
from ..lexical.overlap import figures, proper, rarity, stem
from ..lexical.rules import Clause, clauses, known_or_capitalised, speaker, to_claims

NAME = "tfidf_logreg"
DESCRIPTION = (
    "TF-IDF and logistic regression: stance from the holder's sentences nearest to the target (with scores), "
    "verification from the similarity of claim and sentences, claims from clauses. Entities, sources as in rules."
)
PROTOCOL = "leave-one-document-out"

Matrix = npt.NDArray[np.float64]


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document.

    On one thread: threads add in another order, and a probability near a border would fall on either side of it.
    """
    with threadpool_limits(1):
        return _predict(document, context)


def _predict(document: Document, context: Context) -> AnnotationRecord:
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


class Similarity:
    """TF-IDF of words and of character n-grams; the latter find names and loan words in another language."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._fitted: list[Any] = []
        # Where no text has a word, there is nothing to fit and nothing alike.
        if any(_stems(text) for text in texts):
            by_words = TfidfVectorizer(analyzer=_stems)
            by_characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)
            self._fitted = [by_words.fit(texts), by_characters.fit(texts)]

    def __call__(self, left: Sequence[str], right: Sequence[str]) -> tuple[Matrix, Matrix]:
        """Cosines of words and of characters, each of shape (left, right)."""
        if not left or not right or not self._fitted:
            return np.zeros((len(left), len(right))), np.zeros((len(left), len(right)))
        by_words, by_characters = (
            np.asarray((fitted.transform(left) @ fitted.transform(right).T).todense()) for fitted in self._fitted
        )
        return by_words, by_characters


# Stance


@dataclass(frozen=True)
class _Cell:
    """A stance cell to be judged: the text that speaks for it, and what is known beside."""

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
        gold = {(cell.holder, cell.target): cell.label for cell in example.gold.stance or []}
        made = _cells(example.document, example.gold.entities or [], context.event, similarity)
        for key in sorted(gold.keys() & made.keys()):
            known.append(made[key])
            labels.append(gold[key])
    if not labels:
        return no_stance(context)
    model = make_pipeline(
        make_union(
            make_pipeline(FunctionTransformer(_texts), TfidfVectorizer(analyzer=_stems, sublinear_tf=True)),
            make_pipeline(
                FunctionTransformer(_texts),
                TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True),
            ),
            make_pipeline(FunctionTransformer(_facts), DictVectorizer()),
        ),
        classifier(labels, C=2.0),
    ).fit(known, labels)
    made = _cells(document, mentions, context.event, similarity)
    order = list(cells(context))
    table = model.predict_proba([made[key] for key in order])
    classes = [str(label) for label in model.classes_]
    found = []
    for key, row in zip(order, table, strict=True):
        # Cut, not rounded, so that what is left for none is never below 0.
        shares = {label: int(p * 10_000) / 10_000 for label, p in zip(classes, row, strict=True)}
        favor, against = shares.get("favor", 0.0), shares.get("against", 0.0)
        scores = StanceScores(favor=favor, against=against, none=round(1 - favor - against, 4))
        label = _likeliest(scores)
        evidence = made[key].evidence if label != "none" else []
        found.append(StanceCell(holder=key[0], target=key[1], label=label, evidence=evidence, scores=scores))
    return found


def _likeliest(scores: StanceScores) -> StanceLabel:
    if scores.none >= max(scores.favor, scores.against):
        return "none"
    return "favor" if scores.favor >= scores.against else "against"


def _cells(
    document: Document, mentions: Sequence[Mention], event: Event, similarity: Similarity
) -> dict[tuple[str, str], _Cell]:
    """Every (holder, target) of a document with the holder's sentences that are nearest to the target."""
    texts = sentences(document)
    spans = document.sentences
    speakers = [speaker(text, span.start, mentions) for span, text in zip(spans, texts, strict=True)]
    named = [{str(m.entity) for m in mentions if s.start <= m.start and m.end <= s.end} for s in spans]
    wordings = [wording(target, document.language) for target in event.targets]
    by_words, by_characters = similarity(texts, wordings)
    near = by_words + by_characters
    made: dict[tuple[str, str], _Cell] = {}
    for holder in event.holders:
        own = _own(holder, speakers, named)
        for column, target in enumerate(event.targets):
            ranked = [own[place] for place in _ranked(near[own, column])[:READ]]
            best = float(near[ranked[0], column]) if ranked else 0.0
            facts = {
                f"holder={holder.holder}": 1.0,
                f"target={target.target}": 1.0,
                f"holder={holder.holder} target={target.target}": 1.0,
                "speaks": float(any(speakers[index] in holder.entities for index in ranked)),
                "nearness": best,
            }
            made[holder.holder, target.target] = _Cell(
                text=" ".join([target.target, *(texts[index] for index in ranked)]),
                facts=facts,
                evidence=sorted(index for index in ranked if near[index, column] >= 0.5 * best),
            )
    return made


def _own(holder: Holder, speakers: Sequence[str | None], named: Sequence[set[str]]) -> list[int]:
    """Sentences that a holder speaks or is named in; all of them for the author, who is nobody's entity."""
    if not holder.entities:
        return list(range(len(named)))
    keys = set(holder.entities)
    return [index for index, there in enumerate(named) if speakers[index] in keys or keys & there]


def _texts(made: Iterable[_Cell]) -> list[str]:
    return [cell.text for cell in made]


def _facts(made: Iterable[_Cell]) -> list[dict[str, float]]:
    return [cell.facts for cell in made]


def _stems(text: str) -> list[str]:
    return [stem(word) for word in content_words(text)]


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
    place = {question.claim: index for index, question in enumerate(context.questions)}
    rows: list[Matrix] = []
    labels: list[str] = []
    for example in context.training:
        if not example.document.sentences:
            continue
        table, _ = likeness.compare(asked, example.document)
        for pair in example.gold.verification or []:
            rows.append(table[place[pair.claim]])
            labels.append(pair.label)
    features, gold = np.array(rows), np.array(labels)
    spoken = gold != "not_enough_info"
    if not spoken.any():
        return not_enough_info(context)
    table, rankings = likeness.compare(asked, document)
    speaks = answers(features, spoken, table, C=0.3)
    verdicts = answers(features[spoken], gold[spoken], table, C=0.3)
    found = []
    for question, yes, verdict, ranking in zip(context.questions, speaks, verdicts, rankings, strict=True):
        label: VerificationLabel = "not_enough_info"
        if yes:
            label = "supported" if verdict == "supported" else "refuted"
        found.append(
            VerificationPair(claim=question.claim, label=label, evidence=sorted(ranking[:SHOWN]) if yes else [])
        )
    return found


def answers(features: Matrix, labels: npt.NDArray[Any], asked: Matrix, C: float) -> list[Any]:
    """Labels of the rows of ``asked``, learned from features and labels."""
    model = make_pipeline(StandardScaler(), classifier(labels, C)).fit(features, labels)
    return list(model.predict(asked).tolist())


class Likeness:
    """How a claim compares with the sentences of a document."""

    def __init__(self, texts: Sequence[str], gazetteer: Gazetteer) -> None:
        self._similarity = Similarity(texts)
        self._weights = rarity(texts)
        self._gazetteer = gazetteer

    def compare(self, asked: Sequence[str], document: Document) -> tuple[Matrix, list[list[int]]]:
        """Features of each claim, and for each the sentences, at least one, from the most to the least like it."""
        texts = sentences(document)
        by_words, by_characters = self._similarity(asked, texts)
        there = [set(_stems(text)) for text in texts]
        entities = [self._gazetteer.entities_of(text) for text in texts]
        rows, rankings = [], []
        for index, claim in enumerate(asked):
            wanted, meant = set(_stems(claim)), self._gazetteer.entities_of(claim)
            covered = np.array([self._covered(wanted, stems) for stems in there])
            shared = np.array([_share(meant & keys, meant) for keys in entities])
            # Names are the same in most languages, so they find the sentence where words do not.
            near = covered + by_characters[index] + 0.3 * shared
            ranking = _ranked(near)
            best, second = ranking[0], ranking[min(1, len(ranking) - 1)]
            flags = self._flags(claim, meant, texts[best], entities[best], set().union(*there), set().union(*entities))
            figured = figures(claim)
            rows.append(
                [
                    near[best],
                    near[best] - near[second],
                    covered[best],
                    *(max(covered[best] - bend, 0.0) for bend in (0.4, 0.6, 0.8)),
                    by_words[index, best],
                    by_characters[index, best],
                    shared[best],
                    _share(wanted & there[best], there[best]),
                    self._covered(wanted, set().union(*there)),
                    max((self._weights[s] for s in wanted - there[best]), default=0.0),
                    _share(figured & figures(texts[best]), figured),
                    float(bool(figured)),
                    *flags,
                    *(flag * (covered[best] > 0.5) for flag in flags),
                ]
            )
            rankings.append(ranking)
        return np.array(rows, dtype=np.float64), rankings

    def _covered(self, wanted: set[str], there: set[str]) -> float:
        """Share of a claim's words, weighted by rarity, that are there."""
        total = sum(self._weights[s] for s in sorted(wanted))
        return sum(self._weights[s] for s in sorted(wanted & there)) / total if total else 0.0

    def _flags(
        self, claim: str, meant: set[str], text: str, keys: set[str], words_there: set[str], keys_there: set[str]
    ) -> list[float]:
        """What may contradict: another number, name, entity, or a negation on one side only."""
        figured, shown = figures(claim), figures(text)
        return [
            float(bool(figured - shown) and bool(shown - figured)),
            float(bool(set(proper(claim)) - words_there)),
            float(bool(meant - keys_there)),
            float(bool(meant - keys) and bool(keys - meant)),
            float(negated(claim) != negated(text)),
        ]


def _ranked(values: Matrix) -> list[int]:
    """Places from the largest value to the smallest; equal ones in their order."""
    return [int(place) for place in np.argsort(-values.round(9), kind="stable")]


def _share(part: set[str], whole: set[str]) -> float:
    return len(part) / len(whole) if whole else 1.0


def negated(text: str) -> bool:
    """Whether a text has a word that negates."""
    return not NEGATIONS.isdisjoint(words(text))


# Claims


def claims(document: Document, mentions: Sequence[Mention], training: Sequence[Example]) -> list[ClaimSpan]:
    """The clauses that a classifier takes for claims."""
    proposed = [_described(example.document) for example in training]
    labels = [
        any(jaccard((clause.start, clause.end), (c.start, c.end)) >= 0.7 for c in example.gold.claims or [])
        for example, made in zip(training, proposed, strict=True)
        for clause, _ in made
    ]
    own = _described(document)
    known = [facts for made in proposed for _, facts in made]
    if not labels or not own:
        return to_claims(document, (clause for clause, _ in own), mentions)
    model = make_pipeline(DictVectorizer(), classifier(labels, C=1.0)).fit(known, labels)
    kept = model.predict([facts for _, facts in own])
    return to_claims(document, (clause for (clause, _), keep in zip(own, kept, strict=True) if keep), mentions)


def _described(document: Document) -> list[tuple[Clause, dict[str, float]]]:
    """Proposed clauses of a document with their features."""
    made = []
    for clause in clauses(document):
        text = document.text[clause.start : clause.end]
        first = words(text)[:1]
        made.append(
            (
                clause,
                {
                    f"kind={clause.kind}": 1.0,
                    f"first={first[0] if first else ''}": 1.0,
                    "words": len(words(text)) / 20,
                    **{f"word={word}": 1.0 for word in content_words(text)},
                },
            )
        )
    return made


def jaccard(a: tuple[int, int], b: tuple[int, int]) -> float:
    """Characters that two spans share, as a share of those of either."""
    shared = max(min(a[1], b[1]) - max(a[0], b[0]), 0)
    return shared / (a[1] - a[0] + b[1] - b[0] - shared)
