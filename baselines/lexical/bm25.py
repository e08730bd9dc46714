"""BM25: the sentences that a claim retrieves, and what in them speaks for it and against it.

For each claim the sentences are ranked by Okapi BM25 (Robertson and Zaragoza 2009), by character n-grams, which find
cognates and names in another language, and by how like they are to what carried a verdict on the same claim in other
documents (relevance feedback, Rocchio 1971). From the best of them come the features: how near they are; figures,
days and years that fit or clash; entities that are missing or others in their place; a negation on one side only.
Two further kinds of features look beyond the document:

- twins: claims are told from each other by few words (86 members, 76 members). Of two such claims the document is for
  the one whose own words it has.
- prior: what the other documents answer to the same claim and to its twins. `blind` knows as much. With `--option
  prior=no` neither this nor relevance feedback is used, only the reading.

A forest (extremely randomised trees, Geurts et al. 2006) gives the label. Everything about a training document is
computed as it is for the predicted one: from the *other* documents.

Tuned on these five documents: which of forest, boosting and logistic regression to take, their sizes and
the weights of the ranking. All were near each other; expect a little less elsewhere. The synonyms
(`common/retrieval.py`) were chosen by people who had read them, some for this event.

Each training document is compared with the claims, and for that all others are read: a fold takes time quadratic in
the number of documents, a run cubic. Meant for tens of documents.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from threadpoolctl import threadpool_limits

from retold.model.annotations import AnnotationRecord, Document, VerificationPair
from retold.systems import Context, Example, Question

from ..common.defaults import VERDICTS, every_sentence, not_enough_info, yes
from ..common.figures import agreement, figures
from ..common.gazetteer import Gazetteer
from ..common.retrieval import Index, Matrix, carried, terms
from ..common.text import negations, sentences, words
from .overlap import verification as by_overlap

NAME = "bm25"
DESCRIPTION = (
    "Verification: BM25 over the sentences, then figures, entities, negation, similar claims and the answers of other "
    "documents as features of a forest. Every sentence a claim of the author."
)
PROTOCOL = "leave-one-document-out"
OPTIONS = {"prior": "yes"}

#: Sentences given as evidence; the measure takes at most five.
SHOWN = 3
#: Sentences that are read for figures and twins.
READ = 3
#: Share of words that two claims have in common to be twins, and how many twins are compared.
ALIKE, TWINS = 0.5, 4
#: What the character n-grams, the evidence of other documents and shared entities add to a BM25 score of at most 1.
BY_CHARACTERS, BY_EVIDENCE, BY_ENTITIES = 0.5, 1.0, 0.2
TREES = 100


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document; raises OptionFault if the option ``prior`` says neither yes nor no."""
    return AnnotationRecord(
        document_id=document.document_id,
        claims=every_sentence(document),
        verification=verification(document, context, prior=yes(context, "prior", OPTIONS["prior"])),
    )


def verification(document: Document, context: Context, *, prior: bool = True) -> list[VerificationPair]:
    """Every claim with its label and, unless it is left open, the sentences nearest to it.

    On one thread: threads add in another order. Without anything to learn from, by overlap of words alone.
    """
    if not context.questions or not document.sentences:
        return not_enough_info(context)
    with threadpool_limits(1):
        return _verification(document, context, prior)


def _verification(document: Document, context: Context, prior: bool) -> list[VerificationPair]:
    questions = context.questions
    alike = twins([question.text for question in questions])
    row_of = {question.claim: row for row, question in enumerate(questions)}
    tables, labels = [], []
    for example in context.training:
        others = [other for other in context.training if other is not example]
        pairs = [pair for pair in example.gold.verification or [] if pair.claim in row_of and pair.label in VERDICTS]
        if pairs and example.document.sentences:
            compared = compare(example.document, others, questions, alike, prior=prior)
            tables.append(compared.features[[row_of[pair.claim] for pair in pairs]])
            labels.append([VERDICTS.index(pair.label) for pair in pairs])
    if not labels:
        return by_overlap(document, context)
    compared = compare(document, context.training, questions, alike, prior=prior)

    forest = ExtraTreesClassifier(
        TREES, min_samples_leaf=2, max_features=0.3, class_weight="balanced", random_state=context.seed
    ).fit(np.vstack(tables), np.concatenate(labels))
    shares = np.zeros((len(questions), len(VERDICTS)))
    # Rounded, so that sums in another order change nothing.
    shares[:, forest.classes_] = forest.predict_proba(compared.features).round(9)
    found = []
    for question, row, ranking in zip(questions, shares, compared.rankings, strict=True):
        label = VERDICTS[int(row.argmax())]
        evidence = [] if label == "not_enough_info" else sorted(ranking[:SHOWN])
        found.append(VerificationPair(claim=question.claim, label=label, evidence=evidence))
    return found


def twins(texts: Sequence[str]) -> list[list[int]]:
    """For each claim its twins: the others that share at least half of the words (Jaccard), the most similar first."""
    sets = [set(words(text)) for text in texts]
    found = []
    for index, own in enumerate(sets):
        near = [
            (-len(own & other) / len(own | other), other_index)
            for other_index, other in enumerate(sets)
            if other_index != index and own & other
        ]
        found.append([other_index for share, other_index in sorted(near) if -share >= ALIKE][:TWINS])
    return found


# Features


@dataclass(frozen=True)
class Compared:
    """The claims compared with one document.

    Attributes:
        features: shape (claims, features).
        rankings: for each claim the sentences from the nearest to the least near.
    """

    features: Matrix
    rankings: list[list[int]]


def compare(
    document: Document,
    others: Sequence[Example],
    questions: Sequence[Question],
    alike: Sequence[Sequence[int]],
    *,
    prior: bool,
) -> Compared:
    """Compare every claim with the sentences of a document.

    Args:
        document: at least one sentence.
        others: what is known of other documents: names, frequencies and, with ``prior``, their answers.
        questions: the claims, at least one.
        alike: for each claim its twins.
        prior: whether answers and evidence of other documents are features.
    """
    names = Gazetteer(others)
    texts = sentences(document)
    there = [set(found) for found in carried(texts, names)]
    elsewhere = [[terms(text, names) for text in sentences(e.document)] for e in others]
    asked = [set(terms(question.text, names)) for question in questions]
    index = Index([*map(sorted, there), *(text for found in elsewhere for text in found)], len(texts))

    scores = np.array([index.nearness(query) for query in asked])
    covered = np.array([[index.coverage(query, found) for found in there] for query in asked])
    shared = np.array([[_share(_entities(query), found) for found in there] for query in asked])
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)
    vectorizer.fit([*texts, *(question.text for question in questions)])
    left, right = vectorizer.transform([q.text for q in questions]), vectorizer.transform(texts)
    characters = (left @ right.T).toarray()
    supporting, refuting = (np.zeros_like(scores) for _ in range(2))
    answers = np.zeros((len(questions), len(VERDICTS)))
    if prior:
        answers = answers_elsewhere(others, questions)
        supporting = _feedback(index, others, elsewhere, questions, "supported", len(texts))
        refuting = _feedback(index, others, elsewhere, questions, "refuted", len(texts))
    evident = np.maximum(supporting, refuting)
    near = (scores + BY_CHARACTERS * characters + BY_EVIDENCE * evident + BY_ENTITIES * shared).round(9)
    order = np.argsort(-near, axis=1, kind="stable")

    # How near anything comes depends on the language of a document and on its length, so that is put on one scale.
    whole = set().union(*there)
    first = order[:, :1]
    closeness = np.column_stack(
        [
            *(
                np.take_along_axis(table, first, axis=1)[:, 0]
                for table in (scores, covered, evident, characters, shared)
            ),
            *(table.max(axis=1) for table in (scores, covered, evident, characters)),
            [index.coverage(query, whole) for query in asked],
            [
                index.coverage(query, set().union(*(there[other_index] for other_index in row[:READ])))
                for query, row in zip(asked, order, strict=True)
            ],
            [_weightiest(index, query - there[row[0]]) for query, row in zip(asked, order, strict=True)],
            [_weightiest(index, query - whole) for query in asked],
            near.max(axis=1),
        ]
    )
    spread = closeness.std(axis=0)
    columns = [(closeness - closeness.mean(axis=0)) / np.where(spread > 0, spread, 1.0)]
    columns.append(
        np.array(
            [
                [
                    *_figures(question.text, [texts[other_index] for other_index in row[:READ]], texts),
                    *_named(_entities(query), _entities(there[row[0]]), _entities(whole)),
                    *_negated(question.text, texts[row[0]]),
                    *_against_twins(query, [asked[k] for k in near_by], [there[p] for p in row[:2]], whole, index),
                    *_nearer(near, covered, number, near_by),
                    float(len(query)),
                ]
                for number, (question, query, row, near_by) in enumerate(
                    zip(questions, asked, order, alike, strict=True)
                )
            ]
        )
    )
    if prior:
        columns += [
            with_those_of_twins(answers, alike),
            supporting.max(axis=1, keepdims=True),
            refuting.max(axis=1, keepdims=True),
        ]
    # Rounded, so that a split does not hang on the last digit of a sum.
    return Compared(np.hstack(columns).round(9), [[int(other_index) for other_index in row] for row in order])


def _feedback(
    index: Index,
    others: Sequence[Example],
    elsewhere: Sequence[Sequence[Sequence[str]]],
    questions: Sequence[Question],
    label: str,
    count: int,
) -> Matrix:
    """How like each sentence is to the nearest one that carries this verdict on a claim elsewhere, (claims, count)."""
    carriers: defaultdict[str, set[tuple[int, int]]] = defaultdict(set)
    for number, example in enumerate(others):
        for pair in example.gold.verification or []:
            if pair.label == label:
                carriers[pair.claim] |= {(number, sentence) for sentence in pair.evidence or []}
    known = {at: index.nearness(elsewhere[at[0]][at[1]]) for at in set().union(*carriers.values())}
    nothing = np.zeros(count)
    return np.array([np.max([nothing, *(known[at] for at in carriers[q.claim])], axis=0) for q in questions])


def answers_elsewhere(others: Sequence[Example], questions: Sequence[Question]) -> Matrix:
    """Share of the other documents that give each label, (claims, 3)."""
    given = Counter((pair.claim, pair.label) for example in others for pair in example.gold.verification or [])
    return np.array([[given[q.claim, label] / max(len(others), 1) for label in VERDICTS] for q in questions])


def with_those_of_twins(answers: Matrix, alike: Sequence[Sequence[int]]) -> Matrix:
    """Answers to a claim, whether there are any, and the greatest and the mean of those to its twins, (claims, 12)."""
    theirs = [answers[list(near)] if near else np.zeros((1, answers.shape[1])) for near in alike]
    extremes = np.array([[*rows.max(axis=0), *rows.mean(axis=0)] for rows in theirs])
    return np.hstack([answers, (answers > 0).astype(np.float64), extremes])


def _entities(found: set[str]) -> set[str]:
    return {term for term in found if term.startswith("@")}


def _share(part: set[str], whole: set[str]) -> float:
    return len(part & whole) / len(part) if part else 1.0


def _weightiest(index: Index, missing: set[str]) -> float:
    return max((index.weight(term) for term in missing), default=0.0)


def _figures(claim: str, read: Sequence[str], texts: Sequence[str]) -> list[float]:
    """Figures that fit and that clash: in the nearest sentence, in the best of those read, in the document."""
    asked = figures(claim)
    best, *_ = several = [agreement(asked, figures(text)) for text in read]
    anywhere = agreement(asked, figures("\n".join(texts)))
    count = len(asked.counted) + len(asked.days)
    return [*best, max(fits for fits, _ in several), max(clashes for _, clashes in several), *anywhere, count]


def _named(asked: set[str], best: set[str], whole: set[str]) -> list[float]:
    """Entities of the claim that the sentence lacks, the reverse, those that the document lacks, and whether one stands
    in the place of another."""
    missing, fresh = asked - best, best - asked
    return [len(missing), len(fresh), len(asked - whole), float(bool(missing) and bool(fresh))]


def _negated(claim: str, text: str) -> list[float]:
    """Whether only one of the two negates, and whether the claim does."""
    asked = negations(claim) > 0
    return [float(asked != (negations(text) > 0)), float(asked)]


def _against_twins(
    query: set[str], others: Sequence[set[str]], read: Sequence[set[str]], whole: set[str], index: Index
) -> list[float]:
    """How much more a document has of what only the claim says than of what only a twin says: the greatest and the
    least difference of coverage over the twins, in the sentences read and in the document."""
    close, wide = [], []
    for other in others:
        mine, theirs = query - other, other - query
        for text in read:
            close.append(
                (index.coverage(mine, text) if mine else 0.5) - (index.coverage(theirs, text) if theirs else 0.5)
            )
        wide.append(index.coverage(mine, whole) - index.coverage(theirs, whole))
    extremes = [pick(values, default=0.0) for values in (close, wide) for pick in (max, min)]
    return [float(bool(others)), *extremes]


def _nearer(near: Matrix, covered: Matrix, index: int, others: Sequence[int]) -> list[float]:
    """How much nearer the twins come than the claim, the greatest and the least difference."""
    made = []
    for table in (near, covered):
        ahead = [float(table[other].max() - table[index].max()) for other in others]
        made += [max(ahead, default=0.0), min(ahead, default=0.0)]
    return made
