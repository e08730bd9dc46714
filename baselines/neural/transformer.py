"""Transformer: models that somebody else has trained, on their own.

Give a token classification model for names, a natural language inference model for stance and verification, or both; a
layer without a model is done as in `overlap`, and `run.json` says so. Nothing is learned from this corpus and nothing
was tuned on it, but for what `overlap` brings.

- Names: the spans of the tagger, sentence by sentence. Its labels become ours: PERSON is PER, and so on. A model that
  knows no GPE means by LOC mostly what the guideline calls GPE, places with a government of their own. Labels for which
  there is no type (MISC, DATE) are dropped and counted. Clusters as in `overlap`: people by their last word, all else
  by the words.
- Verification: the sentences with most of a claim's words, each as premise. The strongest entailment supports the
  claim, the strongest contradiction refutes it, whichever is stronger and likelier than not (the maximum over sentences
  of Laban et al. 2022).
- Stance: the sentences that name the holder, nearest to the target by words, as premise for "HOLDER supports the
  following: TARGET" and for its opposite (zero-shot classification by inference, Yin et al. 2019). The article's own
  voice takes no side.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache

from retold.model.annotations import (
    AnnotationRecord,
    Document,
    Holder,
    Mention,
    StanceCell,
    VerificationPair,
)
from retold.systems import Context

from ..common.defaults import every_sentence, likeliest, no_stance, stance_scores, wording
from ..common.names import names
from ..common.retrieval import Index
from ..common.stems import stems
from ..common.text import content_words, fold, sentences
from ..lexical.overlap import verification as verification_by_words
from ._models import MEANINGS, Entailment, Tagger, parse_mapping

NAME = "transformer"
DESCRIPTION = (
    "Zero-shot. Names by a token classification model, stance and verification by a natural language inference model, "
    "both given as options; a layer without a model as in overlap. Every sentence a claim of the author."
)
PROTOCOL = "zero-shot"
EXTRA = "transformers"
OPTIONS = {
    # Folder or name on the hub of a token classification model.
    "ner": "",
    # Its labels and ours, such as PERSON:PER,GPE:LOC, beside those that are understood by themselves.
    "labels": "",
    # Folder or name of a natural language inference model.
    "nli": "",
    # What its labels mean, such as LABEL_0:contradiction,LABEL_1:neutral,LABEL_2:entailment.
    "nli_labels": "",
}

ENTITY_TYPES = ("PER", "ORG", "GPE", "LOC", "FAC", "NORP", "EVENT")
#: Labels of other schemes (CoNLL-2003, OntoNotes, WNUT, and the usual long forms) that have a type of ours.
_TYPES = {
    **{name: name for name in ENTITY_TYPES},
    "PERSON": "PER",
    "ORGANIZATION": "ORG",
    "ORGANISATION": "ORG",
    "CORPORATION": "ORG",
    "COUNTRY": "GPE",
    "CITY": "GPE",
    "LOCATION": "LOC",
    "FACILITY": "FAC",
    "NATIONALITY": "NORP",
    "EVT": "EVENT",
}
_PLACES = ("LOC", "LOCATION")

#: The models of this run, by option.
_used: dict[str, Tagger | Entailment] = {}
_dropped: Counter[str] = Counter()
_asked: Counter[str] = Counter()
_tagger = cache(Tagger)
_judge = cache(lambda source, labels: Entailment(source, parse_mapping("nli_labels", labels, MEANINGS)))


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document.

    Raises:
        ModelError: a model is missing or unfit, or an option cannot be read.
    """
    options = {**OPTIONS, **context.options}
    types = parse_mapping("labels", options["labels"], ENTITY_TYPES)
    parse_mapping("nli_labels", options["nli_labels"], MEANINGS)
    _used.clear()
    mentions = names(document)
    if options["ner"]:
        _used["ner"] = tagger = _tagger(options["ner"])
        mentions = tagged(document, tagger, types)
    if options["nli"]:
        _used["nli"] = judge = _judge(options["nli"], options["nli_labels"])
        cells, pairs = stance(document, context, judge), verification(document, context, judge)
    else:
        cells, pairs = no_stance(context), verification_by_words(document, context)
    return AnnotationRecord(
        document_id=document.document_id,
        entities=mentions,
        stance=cells,
        claims=every_sentence(document),
        verification=pairs,
    )


def report() -> dict[str, object]:
    """How each layer was done and by which models, how often these were asked, and which labels had no type, since the
    last report."""
    judge = _used["nli"].name if "nli" in _used else None
    found: dict[str, object] = {
        "entities": _used["ner"].name if "ner" in _used else "no model given: as in overlap",
        "verification": judge or "no model given: as in overlap",
        "stance": judge or "no model given: none",
        "fingerprints": {option: model.fingerprint for option, model in sorted(_used.items())},
        "tagged_sentences": _asked["tagger"],
        "inferences": _asked["judge"],
        "dropped_labels": dict(sorted(_dropped.items())),
    }
    _dropped.clear()
    _asked.clear()
    return found


# Names


def type_of(label: str, labels: Sequence[str], given: Mapping[str, str]) -> str | None:
    """Our type for a label of a model that has these labels: the one given by the user, else by name, else None."""
    name = label.upper()
    if name in given:
        return given[name]
    if name in _PLACES and "GPE" not in {other.upper() for other in labels}:
        return "GPE"
    return _TYPES.get(name)


def tagged(document: Document, tagger: Tagger, given: Mapping[str, str]) -> list[Mention]:
    """The names that a tagger finds."""
    mentions = []
    for span, text in zip(document.sentences, sentences(document), strict=True):
        _asked["tagger"] += 1
        for start, end, label in tagger.spans(text):
            kind = type_of(label, tagger.types, given)
            if kind is None:
                _dropped[label] += 1
                continue
            words = text[start:end].split()
            mentions.append(
                Mention(
                    start=span.start + start,
                    end=span.start + end,
                    text=document.text[span.start + start : span.start + end],
                    type=kind,
                    entity=(words[-1] if kind == "PER" else " ".join(words)).lower(),
                    kb_id=None,
                )
            )
    return mentions


# Verification

#: Sentences that are read for a claim, or of a holder for a target.
READ = 3
#: From this probability on an answer is likelier than not.
SURE = 0.5


def verification(document: Document, context: Context, judge: Entailment) -> list[VerificationPair]:
    """Every claim with the label of its strongest sentence."""
    texts = sentences(document)
    index = Index([stems(text) for text in texts], len(texts))
    found = []
    for question in context.questions:
        nearest = _nearest(question.text, index, range(len(texts)))
        said = _strongest(judge, texts, nearest, question.text)
        label = "supported" if said["entailment"] >= said["contradiction"] else "refuted"
        share, sentence = max(said["entailment"], said["contradiction"])
        sure = share > SURE
        found.append(
            VerificationPair(
                claim=question.claim,
                label=label if sure else "not_enough_info",
                evidence=[-sentence] if sure else [],
            )
        )
    return found


def _strongest(
    judge: Entailment, texts: Sequence[str], indices: Sequence[int], hypothesis: str
) -> dict[str, tuple[float, int]]:
    """For each answer its highest probability, and of the first sentence that has it the index, negated."""
    found = dict.fromkeys(MEANINGS, (0.0, 0))
    for index in indices:
        _asked["judge"] += 1
        for answer, share in judge.judge(texts[index], hypothesis).items():
            found[answer] = max(found[answer], (share, -index))
    return found


def _nearest(wanted: str, index: Index, allowed: Sequence[int]) -> list[int]:
    """Of the allowed sentences those nearest to a text by BM25; none that has no word of it."""
    scores = index.nearness(stems(wanted)).round(9).tolist()
    return [i for i in sorted(allowed, key=lambda i: (-scores[i], i)) if scores[i] > 0][:READ]


# Stance

TEMPLATES = {
    "favor": "{holder} supports the following: {target}",
    "against": "{holder} opposes the following: {target}",
}
_NAMED = re.compile(r"[A-ZÀ-ÖØ-Þ][\w'-]*(?: [A-ZÀ-ÖØ-Þ][\w'-]*)*")
#: A shorter last word of a name is too likely another's.
SHORTEST = 4


def stance(document: Document, context: Context, judge: Entailment) -> list[StanceCell]:
    """Every cell with how strongly the holder's sentences entail support and opposition."""
    texts = sentences(document)
    index = Index([stems(text) for text in texts], len(texts))
    known = [names_of(holder, document.language) if holder.entities else [] for holder in context.event.holders]
    owners = Counter(name for called in known for name in called)
    found = []
    for holder, names_known in zip(context.event.holders, known, strict=True):
        # What two holders are called, "Forces", tells neither.
        called = [name for name in names_known if owners[name] == 1]
        own = [i for i, text in enumerate(texts) if any(_says(text, name) for name in called)]
        for target in context.event.targets:
            nearest = _nearest(wording(target, document.language), index, own)
            # The model is asked in English, which models of several languages are best at.
            about = {"holder": called[0] if called else holder.holder, "target": wording(target, "en")}
            sides = {
                label: _strongest(judge, texts, nearest, template.format(**about))["entailment"]
                for label, template in TEMPLATES.items()
            }
            # Two strengths as shares that leave something for none.
            favor, against = sides["favor"][0], sides["against"][0]
            total = max(favor + against, 1.0)
            scores = stance_scores(favor / total, against / total)
            label = likeliest(scores)
            evidence = [] if label == "none" else [-sides[label][1]]
            found.append(
                StanceCell(holder=holder.holder, target=target.target, label=label, evidence=evidence, scores=scores)
            )
    return found


def _says(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def names_of(holder: Holder, language: str) -> list[str]:
    """Names of a holder: from the keys of its entities and the opening of its description, and their last words."""
    full = [" ".join(part.capitalize() for part in key.split("-")) for key in holder.entities]
    described = fold(holder.description.get(language) or next(iter(holder.description.values()), ""))
    opening = _NAMED.match(described)
    words = [word for word in opening[0].split() if content_words(word)] if opening else []
    # One word may have its capital for no other reason than that it comes first.
    if len(words) > 1:
        full.append(" ".join(words))
    last = [name.split()[-1] for name in full if len(name.split()[-1]) >= SHORTEST]
    return list(dict.fromkeys([*full, *last]))
