"""Embeddings: dense vectors of sentences, claims and targets, and logistic regression on what they say.

What `tfidf_logreg` reads from words is read from the vectors of a sentence-transformers model (Reimers and Gurevych
2019) too:

- Stance: the mean vector of the holder's sentences nearest to the target, by itself and apart for each target, and how
  much nearer those sentences are to one of support than to one of refusal (stance by templates, as in the zero-shot
  classification of Yin et al. 2019). The probabilities are averaged with those of `tfidf_logreg`.
- Verification: the cosine of a claim with its nearest sentence, beside the features of `tfidf_logreg`, and how much
  nearer it is than its rivals. Claims that are nearly the same are rivals: of "40 houses" and "50 houses" the one that
  is nearer to what a document says is likelier true. Their texts alone tell which claims are rivals, no label is
  needed; but it is a gain only where the list of claims has several variants of one.
- Claim linking: each claim span gets the key of the nearest canonical claim. No measure counts these keys yet.

Tuned on the documents of this corpus: how vectors are weighted beside facts, the regularisation, from which cosine on
two claims are rivals, what a claim without a rival gets, and from which cosine on a span is linked. The packaged model
knows English only; on Indonesian it is of little use.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product
from pathlib import Path

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits

from retold.model.annotations import (
    AnnotationRecord,
    ClaimSpan,
    Document,
    Mention,
    StanceCell,
    Target,
    VerificationPair,
)
from retold.systems import Context, Example

from ..common.defaults import cells, likeliest, no_stance, not_enough_info, stance_scores, wording
from ..common.gazetteer import Gazetteer, known_or_capitalised
from ..common.retrieval import Matrix
from ..common.text import fold, sentences
from ..common.voices import voices
from ..learned.tfidf_logreg import Likeness, answers, claims, classifier
from ..learned.tfidf_logreg import stance as stance_by_words
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
        ModelError: the model is missing or unfit, or the cache folder cannot be written to.
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
_FAVOR = ("They support the following: {}.", "They call for this: {}.")
_AGAINST = ("They oppose the following: {}.", "They condemn and reject this: {}.")


def stance(document: Document, mentions: Sequence[Mention], context: Context, encoder: Encoder) -> list[StanceCell]:
    """Every cell with the probability of each label: the mean of what vectors and what words say."""
    order = list(cells(context))
    if not order:
        return []
    rows, labels = [], []
    for example in context.training:
        gold = {(str(cell.holder), cell.target): cell.label for cell in example.gold.stance or []}
        made = _cells(example.document, example.gold.entities or [], context, encoder)
        for key in sorted(gold.keys() & made.keys()):
            rows.append(made[key][0])
            labels.append(gold[key])
    if not labels:
        return no_stance(context)
    model = classifier(labels, C=0.5).fit(rows, labels)
    made = _cells(document, mentions, context, encoder)
    by_words = {(str(cell.holder), cell.target): cell.scores for cell in stance_by_words(document, mentions, context)}
    found = []
    for key, row in zip(order, model.predict_proba([made[key][0] for key in order]).tolist(), strict=True):
        shares = dict(zip(model.classes_.tolist(), row, strict=True))
        favor, against = shares.get("favor", 0.0), shares.get("against", 0.0)
        if isinstance(other := by_words[key], dict):
            favor, against = (favor + other["favor"]) / 2, (against + other["against"]) / 2
        scores = stance_scores(favor, against)
        label = likeliest(scores)
        evidence = made[key][1] if label != "none" else []
        found.append(StanceCell(holder=key[0], target=key[1], label=label, evidence=evidence, scores=scores))
    return found


def _cells(
    document: Document, mentions: Sequence[Mention], context: Context, encoder: Encoder
) -> dict[tuple[str, str], tuple[Vectors, list[int]]]:
    """Features of every (holder, target) of a document, and the holder's sentences that are nearest to the target."""
    texts, found = sentences(document), voices(document, mentions)
    holders, targets = context.event.holders, context.event.targets
    meant = encoder.encode([wording(target, document.language) for target in targets])
    # One row of 0 stands for a holder who has no sentence.
    vectors = np.vstack([encoder.encode(texts), np.zeros((1, meant.shape[1]), np.float32)]) if texts else meant[:1] * 0
    near = vectors @ meant.T
    leanings = [_mean(encoder, _FAVOR, target) - _mean(encoder, _AGAINST, target) for target in targets]
    made = {}
    for (h, holder), (t, target) in product(enumerate(holders), enumerate(targets)):
        keys = set(holder.entities)
        own = [i for i, voice in enumerate(found) if not keys or voice.speaker in keys or keys & voice.named]
        ranked = sorted(own, key=lambda i: (-round(float(near[i, t]), 6), i))[:READ]
        best = float(near[ranked[0], t]) if ranked else 0.0
        read = vectors[ranked or [-1]]
        meaning = MEANING * read.mean(axis=0)
        facts = [any(found[i].speaker in keys for i in ranked), bool(ranked), best]
        polarity = POLARITY * np.array([read.mean(axis=0) @ leanings[t], read[0] @ leanings[t]])
        which = (
            _one_of(h, len(holders)),
            _one_of(t, len(targets)),
            _one_of(h * len(targets) + t, len(holders) * len(targets)),
        )
        # The vector once more in a block of its own for each target.
        apart = np.kron(_one_of(t, len(targets)), meaning)
        evidence = sorted(i for i in ranked if near[i, t] >= 0.8 * best)
        made[holder.holder, target.target] = np.concatenate([*which, facts, meaning, apart, polarity]), evidence
    return made


def _one_of(index: int, of: int) -> Vectors:
    row: Vectors = np.eye(1, of, index, dtype=np.float32)[0]
    return row


def _mean(encoder: Encoder, templates: Sequence[str], target: Target) -> Vectors:
    about = wording(target, "en").rstrip(".")
    mean: Vectors = encoder.encode([text.format(about) for text in templates]).mean(axis=0)
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

    def __init__(self, asked: Sequence[str], examples: Sequence[Example], encoder: Encoder, known: Gazetteer) -> None:
        self._asked = asked
        self._likeness = Likeness([*(text for each in examples for text in sentences(each.document)), *asked], known)
        self._encoder = encoder
        self._vectors = encoder.encode(asked)
        alike = (self._vectors @ self._vectors.T).round(6)
        np.fill_diagonal(alike, 0.0)
        #: For each claim whether each other one is its rival.
        self._rivals = alike >= RIVALS

    def compare(self, document: Document) -> tuple[Matrix, list[list[int]]]:
        """Features of each claim, and for each its evidence: the sentences most like it by words and by meaning."""
        by_words, ranked = self._likeness.compare(self._asked, document)
        # Rounded, because the last bits differ by place, and scaling makes much of a small difference.
        cosines = (self._vectors @ self._encoder.encode(sentences(document)).T).astype(np.float64).round(6)
        best = cosines.argmax(axis=1)
        top = cosines.max(axis=1)
        # How much nearer to its best sentence a claim is than its nearest rival; without one, a typical difference.
        rivals = np.where(self._rivals, cosines[:, best].T, -np.inf).max(axis=1)
        margin = np.where(self._rivals.any(axis=1), top - rivals, 0.1)
        table = np.column_stack([by_words, top, self._rivals.any(axis=1), margin])
        return table, [sorted({words[0], int(meaning)}) for words, meaning in zip(ranked, best, strict=True)]


# Claims

#: Cosine from which on a span is linked.
LINKED = 0.6


def linked(document: Document, spans: Sequence[ClaimSpan], context: Context, encoder: Encoder) -> list[ClaimSpan]:
    """Claim spans with the key of the nearest wording of a canonical claim, where one is near enough."""
    wordings = [(question.claim, question.text) for question in context.questions]
    keys = {key for key, _ in wordings}
    # A claim is worded as it is asked, and as the training documents state it.
    for example in context.training:
        stated = [c for c in example.gold.claims or [] if isinstance(c.claim, str) and c.claim in keys]
        wordings += [(str(c.claim), fold(example.document.text[c.start : c.end])) for c in stated]
    if not wordings or not spans:
        return list(spans)
    vectors = encoder.encode([fold(document.text[span.start : span.end]) for span in spans])
    near = (vectors @ encoder.encode([text for _, text in wordings]).T).round(6)
    return [
        msgspec.structs.replace(span, claim=wordings[int(row.argmax())][0]) if row.max() >= LINKED else span
        for span, row in zip(spans, near, strict=True)
    ]
