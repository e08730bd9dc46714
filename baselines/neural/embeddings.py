"""Embeddings: dense vectors of sentences, claims and targets, and logistic regression on what they say.

What `tfidf_logreg` reads from words is read from the vectors of a sentence-transformers model (Reimers and Gurevych
2019) too:

- Stance: the mean vector of the holder's sentences nearest to the target, by itself and apart for each target, and how
  much nearer those sentences are to one of support than to one of refusal (stance by templates, as in the zero-shot
  classification of Yin et al. 2019). The probabilities are averaged with those of `tfidf_logreg`.
- Verification: the cosines of a claim with the sentences, beside the features of `tfidf_logreg`. Claims that are
  nearly the same are rivals: of "40 houses" and "50 houses" the one whose own words stand in the best sentence is
  likelier true. Their texts alone tell which claims are rivals, no label is needed; but it is a gain only where the
  list of claims has several variants of one.
- Claim linking: each claim span gets the key of the nearest canonical claim. No measure counts these keys yet.

Tuned on the documents of this corpus: how vectors are weighted beside facts, the regularisation, and from which cosine
on two claims are rivals. The threshold of linking is learned from the training documents. The packaged model knows
English only; on Indonesian it is of little use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
from sklearn.feature_extraction import DictVectorizer
from threadpoolctl import threadpool_limits

from retold.model.annotations import (
    AnnotationRecord,
    ClaimSpan,
    Document,
    Mention,
    StanceCell,
    StanceLabel,
    StanceScores,
    VerificationPair,
)
from retold.systems import Context, Example

from ..common.defaults import cells, no_stance, not_enough_info, wording
from ..common.text import content_words, fold, sentences
from ..learned.tfidf_logreg import Likeness, Matrix, answers, claims, classifier, jaccard, negated
from ..learned.tfidf_logreg import stance as stance_by_words
from ..lexical.gazetteer import Gazetteer
from ..lexical.overlap import figures, stem
from ..lexical.rules import clauses, known_or_capitalised, speaker
from ._encoder import Encoder, Vectors

NAME = "embeddings"
DESCRIPTION = (
    "Sentence embeddings (all-MiniLM-L6-v2 unless told otherwise) and logistic regression: stance from the holder's "
    "sentences nearest to the target, verification from cosines beside the features of tfidf_logreg, claim spans "
    "linked to the nearest claim. Entities, spans and sources as in tfidf_logreg."
)
PROTOCOL = "leave-one-document-out"
EXTRA = "embeddings"
OPTIONS = {
    # A folder or a name on the hub; empty: the model that the extra brings.
    "model": "",
}


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document, on one thread: see `tfidf_logreg`.

    Raises:
        ModelError: the model is missing or unfit, or the cache folder cannot be used.
    """
    encoder = _encoder(context.options.get("model", OPTIONS["model"]), context.cache)
    _used[:] = [encoder]
    with threadpool_limits(1):
        gazetteer = Gazetteer(context.training)
        mentions = known_or_capitalised(document, gazetteer)
        return AnnotationRecord(
            document_id=document.document_id,
            entities=mentions,
            stance=stance(document, mentions, context, encoder),
            claims=linked(document, claims(document, mentions, context.training), context, encoder),
            verification=verification(document, context, encoder, gazetteer),
        )


#: The encoder of this run.
_used: list[Encoder] = []


@cache
def _encoder(model: str, folder: Path | None) -> Encoder:
    return Encoder(model, folder)


def report() -> dict[str, object]:
    """Which model, and how many texts it encoded since the last report."""
    found: dict[str, object] = {}
    for encoder in _used:
        found = {"model": encoder.model, "fingerprint": encoder.fingerprint}
        found |= {"encoded": encoder.computed, "from_cache": encoder.remembered}
        encoder.computed = encoder.remembered = 0
    return found


# Stance

#: Sentences of a holder that are read for a target.
READ = 3
#: How much vectors weigh beside facts that are 0 or 1.
MEANING = 2.0
#: How much differences of cosines weigh, which are small.
POLARITY = 20.0
_SUPPORT = ("He supports this.", "He calls for this.", "He wants this and is in favour of it.", "He is ready to help.")
_REFUSAL = ("He opposes this.", "He warns against this.", "He condemns it and is against it.", "He rejects it.")
_FAVOR = ("They support the following: {}.", "They call for this: {}.")
_AGAINST = ("They oppose the following: {}.", "They condemn and reject this: {}.")


@dataclass(frozen=True)
class _Cell:
    """A stance cell to be judged.

    Attributes:
        meaning: mean vector of the sentences that are read, 0 where there are none.
        polarity: how much nearer to support than to refusal they are.
        facts: what is known beside.
        target: index of the target.
        evidence: the sentences that are nearly as near as the nearest one.
    """

    meaning: Vectors
    polarity: Matrix
    facts: dict[str, float]
    target: int
    evidence: list[int]


def stance(document: Document, mentions: Sequence[Mention], context: Context, encoder: Encoder) -> list[StanceCell]:
    """Every cell with the probability of each label: the mean of what vectors and what words say."""
    order = list(cells(context))
    if not order:
        return []
    known: list[_Cell] = []
    labels: list[str] = []
    for example in context.training:
        gold = {(cell.holder, cell.target): cell.label for cell in example.gold.stance or []}
        made = _cells(example.document, example.gold.entities or [], context, encoder)
        for key in sorted(gold.keys() & made.keys()):
            known.append(made[key])
            labels.append(gold[key])
    if not labels:
        return no_stance(context)
    made = _cells(document, mentions, context, encoder)
    features, asked = _matrices(known, [made[key] for key in order], len(context.event.targets))
    model = classifier(labels, C=0.5).fit(features, labels)
    by_words = {(cell.holder, cell.target): cell.scores for cell in stance_by_words(document, mentions, context)}
    found = []
    for key, row in zip(order, model.predict_proba(asked).tolist(), strict=True):
        shares = dict(zip(model.classes_.tolist(), row, strict=True))
        favor, against = shares.get("favor", 0.0), shares.get("against", 0.0)
        if isinstance(other := by_words[key], StanceScores):
            favor, against = (favor + other.favor) / 2, (against + other.against) / 2
        # Cut, not rounded, so that what is left for none is never below 0.
        favor, against = int(favor * 10_000) / 10_000, int(against * 10_000) / 10_000
        scores = StanceScores(favor=favor, against=against, none=round(1 - favor - against, 4))
        label: StanceLabel = "none"
        if max(favor, against) > scores.none:
            label = "favor" if favor >= against else "against"
        evidence = made[key].evidence if label != "none" else []
        found.append(StanceCell(holder=key[0], target=key[1], label=label, evidence=evidence, scores=scores))
    return found


def _matrices(known: Sequence[_Cell], asked: Sequence[_Cell], targets: int) -> list[Matrix]:
    """Features of the known and of the asked cells, a row for each."""
    facts = DictVectorizer(sparse=False).fit([cell.facts for cell in known])
    found = []
    for made in (known, asked):
        meaning = MEANING * np.stack([cell.meaning for cell in made])
        # The same vector once more in a block of its own for each target.
        apart = np.zeros((len(made), targets, meaning.shape[1]))
        apart[np.arange(len(made)), [cell.target for cell in made]] = meaning
        polarity = POLARITY * np.stack([cell.polarity for cell in made])
        rows = facts.transform([cell.facts for cell in made])
        found.append(np.hstack([rows, meaning, apart.reshape(len(made), -1), polarity]))
    return found


def _cells(
    document: Document, mentions: Sequence[Mention], context: Context, encoder: Encoder
) -> dict[tuple[str, str], _Cell]:
    """Every (holder, target) of a document with the holder's sentences that are nearest to the target."""
    texts, spans = sentences(document), document.sentences
    speakers = [speaker(text, span.start, mentions) for span, text in zip(spans, texts, strict=True)]
    named = [{str(m.entity) for m in mentions if s.start <= m.start and m.end <= s.end} for s in spans]
    targets = context.event.targets
    meant = encoder.encode([wording(target, document.language) for target in targets])
    # One row of 0 stands for a holder who has no sentence.
    vectors = np.vstack([encoder.encode(texts), np.zeros((1, meant.shape[1]), np.float32)]) if texts else meant[:1] * 0
    near = vectors @ meant.T
    side = _mean(encoder, _SUPPORT) - _mean(encoder, _REFUSAL)
    abouts = [wording(target, "en").rstrip(".") for target in targets]
    leanings = [
        _mean(encoder, [text.format(about) for text in _FAVOR])
        - _mean(encoder, [text.format(about) for text in _AGAINST])
        for about in abouts
    ]
    made = {}
    for holder in context.event.holders:
        keys = set(holder.entities)
        own = [i for i, there in enumerate(named) if not keys or speakers[i] in keys or keys & there]
        for column, target in enumerate(targets):
            ranked = sorted(own, key=lambda i: (-round(float(near[i, column]), 6), i))[:READ]
            rows = vectors[ranked or [-1]]
            meaning = rows.mean(axis=0)
            leaning = leanings[column]
            best = float(near[ranked[0], column]) if ranked else 0.0
            made[holder.holder, target.target] = _Cell(
                meaning=meaning,
                polarity=np.array([meaning @ side, rows[0] @ side, meaning @ leaning, rows[0] @ leaning], np.float64),
                facts={
                    f"holder={holder.holder}": 1.0,
                    f"target={target.target}": 1.0,
                    f"holder={holder.holder} target={target.target}": 1.0,
                    "speaks": float(any(speakers[i] in keys for i in ranked)),
                    "reads": float(bool(ranked)),
                    "nearness": best,
                },
                target=column,
                evidence=sorted(i for i in ranked if near[i, column] >= 0.8 * best),
            )
    return made


def _mean(encoder: Encoder, texts: Sequence[str]) -> Vectors:
    mean: Vectors = encoder.encode(texts).mean(axis=0)
    return mean


# Verification

#: Claims with at least this cosine are rivals: at most one of them is likely true.
RIVALS = 0.85


def verification(
    document: Document, context: Context, encoder: Encoder, gazetteer: Gazetteer
) -> list[VerificationPair]:
    """Every claim with its label and the sentences most like it.

    As in `tfidf_logreg` it is asked first whether the document speaks of the matter, and if so, on which side.
    """
    asked = [question.text for question in context.questions]
    keys = [question.claim for question in context.questions]
    examples = [example for example in context.training if example.document.sentences]
    labels = [pair.label for example in examples for pair in example.gold.verification or []]
    if not asked or not document.sentences or set(labels) <= {"not_enough_info"}:
        return not_enough_info(context)
    read = _Reading(asked, [*examples, Example(document, AnnotationRecord(document_id=""))], encoder, gazetteer)
    rows, gold = [], []
    for example in examples:
        known = {pair.claim: pair.label for pair in example.gold.verification or []}
        for row, key in zip(read.compare(example.document)[0], keys, strict=True):
            if key in known:
                rows.append(row)
                gold.append(known[key])
    table, shown = read.compare(document)
    features, verdicts = np.array(rows), np.array(gold)
    spoken = verdicts != "not_enough_info"
    speaks = answers(features, spoken, table, C=0.03)
    sides = answers(features[spoken], verdicts[spoken], table, C=0.03)
    return [
        VerificationPair(claim=key, label=side if yes else "not_enough_info", evidence=evidence if yes else [])
        for key, yes, side, evidence in zip(keys, speaks, sides, shown, strict=True)
    ]


class _Reading:
    """How claims compare with the sentences of documents."""

    def __init__(
        self, asked: Sequence[str], examples: Sequence[Example], encoder: Encoder, gazetteer: Gazetteer
    ) -> None:
        texts = [text for example in examples for text in sentences(example.document)]
        self._asked = asked
        self._likeness = Likeness([*texts, *asked], gazetteer)
        self._encoder = encoder
        self._vectors = encoder.encode(asked)
        self._terms = [_terms(text) for text in asked]
        self._negated = [negated(text) for text in asked]
        alike = (self._vectors @ self._vectors.T).round(6)
        np.fill_diagonal(alike, -1.0)
        #: For each claim its rivals, the nearest first.
        self._rivals = [
            [int(other) for other in np.argsort(-row, kind="stable") if row[other] >= RIVALS] for row in alike
        ]

    def compare(self, document: Document) -> tuple[Matrix, list[list[int]]]:
        """Features of each claim, and for each its evidence: the sentences most like it by words and by meaning."""
        texts = sentences(document)
        by_words, ranked = self._likeness.compare(self._asked, document)
        # Rounded, because the last bits differ by place, and scaling makes much of a small difference.
        cosines = (self._vectors @ self._encoder.encode(texts).T).astype(np.float64).round(6)
        terms, negations = [_terms(text) for text in texts], [negated(text) for text in texts]
        everywhere = set().union(*terms)
        rankings = [[int(i) for i in np.argsort(-row, kind="stable")] for row in cosines]
        rows = []
        for claim, (row, ranking) in enumerate(zip(cosines, rankings, strict=True)):
            top = row[ranking[:3]]
            best = ranking[0]
            contrasts = [self._contrast(claim, other, terms[best], negations[best]) for other in self._rivals[claim]]
            anywhere = [self._contrast(claim, other, everywhere, negations[best]) for other in self._rivals[claim]]
            margins = [float(row[best] - cosines[other, best]) for other in self._rivals[claim]]
            rows.append(
                [
                    top[0],
                    top[0] - top[min(1, len(top) - 1)],
                    top.mean(),
                    top[0] - row.mean(),
                    *(max(top[0] - bend, 0.0) for bend in (0.5, 0.7)),
                    float(bool(contrasts)),
                    contrasts[0] if contrasts else 0.0,
                    min(contrasts, default=0.0),
                    max(contrasts, default=0.0),
                    min(anywhere, default=0.0),
                    # Without a rival the sentence is as far from one as from most other claims.
                    min(margins, default=0.2),
                ]
            )
        shown = [sorted({a[0], b[0]}) for a, b in zip(ranked, rankings, strict=True)]
        return np.hstack([by_words, np.array(rows, dtype=np.float64)]), shown

    def _contrast(self, claim: int, other: int, there: set[str], negated: bool) -> float:
        """Share of a claim's own words that are there less the share of its rival's own: from -1 to 1.

        Claims that differ in a negation alone are told apart by it.
        """
        mine, theirs = self._terms[claim] - self._terms[other], self._terms[other] - self._terms[claim]
        if not mine and not theirs:
            return float(self._negated[claim] == negated) - float(self._negated[other] == negated)
        return _share(mine, there) - _share(theirs, there)


def _terms(text: str) -> set[str]:
    return {stem(word) for word in content_words(text)} | figures(text)


def _share(part: set[str], there: set[str]) -> float:
    """Share of ``part`` that is there; half where there is nothing to be found."""
    return len(part & there) / len(part) if part else 0.5


# Claims

#: Cosine from which on a span is linked where there is nothing to learn it from.
LINKED = 0.7
#: Jaccard of characters from which on a clause is taken for a claim span of gold.
SAME_SPAN = 0.7


def linked(document: Document, spans: Sequence[ClaimSpan], context: Context, encoder: Encoder) -> list[ClaimSpan]:
    """Claim spans with the key of the nearest canonical claim, where one is near enough."""
    if not context.questions or not spans:
        return list(spans)
    least = _threshold(context, encoder)
    nearest = _nearest([_text(document, s.start, s.end) for s in spans], _wordings(context, context.training), encoder)
    return [
        msgspec.structs.replace(span, claim=key) if cosine >= least else span
        for span, (key, cosine) in zip(spans, nearest, strict=True)
    ]


def _wordings(context: Context, examples: Sequence[Example]) -> list[tuple[str, str]]:
    """(key, text) of every claim as it is asked, and as the examples state it."""
    asked = [(question.claim, question.text) for question in context.questions]
    keys = {key for key, _ in asked}
    stated = [
        (claim.claim, _text(example.document, claim.start, claim.end))
        for example in examples
        for claim in example.gold.claims or []
        if isinstance(claim.claim, str) and claim.claim in keys
    ]
    return [*asked, *stated]


def _nearest(texts: Sequence[str], wordings: Sequence[tuple[str, str]], encoder: Encoder) -> list[tuple[str, float]]:
    """For each text the key of the wording with the highest cosine, the first of equal ones, and the cosine."""
    if not texts:
        return []
    table = (encoder.encode(texts) @ encoder.encode([text for _, text in wordings]).T).round(6)
    return [(wordings[int(best)][0], float(row[best])) for row, best in zip(table, table.argmax(axis=1), strict=True)]


def _threshold(context: Context, encoder: Encoder) -> float:
    """The cosine from which on a link is made: the one with the best F1 of links on the training documents.

    Each is linked with what the others know. Its clauses are those that rules propose, most of them claims, some not.
    """
    links: list[tuple[float, bool]] = []
    linkable = 0
    for example in context.training:
        others = [other for other in context.training if other is not example]
        spans = [(clause.start, clause.end) for clause in clauses(example.document)]
        texts = [_text(example.document, *span) for span in spans]
        for span, (key, cosine) in zip(spans, _nearest(texts, _wordings(context, others), encoder), strict=True):
            stated = {c.claim for c in example.gold.claims or [] if jaccard(span, (c.start, c.end)) >= SAME_SPAN}
            links.append((cosine, key in stated))
            linkable += bool(stated)
    links.sort(reverse=True)
    right = np.cumsum([correct for _, correct in links])
    if not links or not right[-1]:
        return LINKED
    # F1 if the links down to each are made.
    return links[int((2 * right / (np.arange(1, len(links) + 1) + linkable)).argmax())][0]


def _text(document: Document, start: int, end: int) -> str:
    return fold(document.text[start:end])
