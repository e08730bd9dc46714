"""Overlap: zero-shot, from the surface of the words alone.

Names are capitalised words, typed by the words beside them and clustered by their last word. A claim is supported by
the sentence that has nearly all its words; it is refuted if what that sentence lacks is a number, a name or a negation.

Nothing is learned, but who wrote it had read the corpus: the words that make a name an organisation or a region, the
endings of peoples and the rule that any other single word is a country suit news of states at war, and other news less.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from retold.model.annotations import AnnotationRecord, Document, EntityType, Mention, VerificationPair
from retold.systems import Context

from ..common.defaults import every_sentence, no_stance
from ..common.text import NEGATIONS, content_words, fold, numbers, sentences, words
from ..common.calendar import DAYS, MONTHS

NAME = "overlap"
DESCRIPTION = (
    "Zero-shot. Verification by overlap of words, numbers, names and negation with the best sentence; entities by "
    "capitals, typed by neighbouring words, clustered by last word. Stance none, every sentence a claim of the author."
)
PROTOCOL = "zero-shot"

#: Share of a claim's words, weighted by rarity, that a sentence must have to speak about the claim.
COVERED = 0.6

TITLES = (
    "president minister prime foreign vice deputy chancellor secretary king general mr mrs dr presiden menteri perdana "
    "kanselir"
)
_TITLES = frozenset(TITLES.split())
_CALENDAR = frozenset({*DAYS, *MONTHS})
_CAPITALISED = re.compile(r"(?<![\w'])[A-ZÀ-ÖØ-Þ][^\W_]*(?:-[A-ZÀ-ÖØ-Þ][^\W_]*)*")
_OPENING = re.compile(r'(?:^|[.:!?]|(?:^| )") *$')
_PLACE_CUE = re.compile(r"\b(?:in|to|from|across|near|di|ke|dari) (?:the )?$")
_TITLE_CUE = re.compile(rf"\b(?:{'|'.join(TITLES.split())}) $", re.IGNORECASE)
_ORGANISATION = re.compile(r"\b(?:Union|League|Council|Authority|State|Forces|Army|Party|Group|Ministry|Pasukan)\b")
_REGION = re.compile(r"\b(?:Sea|Ocean|East|West|Mediterranean|Laut|Timur|Barat)\b")
_MONTH = "|".join(MONTHS)
_DATE = re.compile(
    rf"\b\d{{1,2}}(?:st|nd|rd|th)? (?={_MONTH})|\b(?:{_MONTH}) \d{{1,2}}(?:st|nd|rd|th)?\b|\b(?:19|20)\d\d\b",
    re.IGNORECASE,
)


def predict(document: Document, context: Context) -> AnnotationRecord:
    """Predict one document."""
    texts = sentences(document)
    weights = rarity([*texts, *(question.text for question in context.questions)])
    return AnnotationRecord(
        document_id=document.document_id,
        entities=names(document),
        stance=no_stance(context),
        claims=every_sentence(document),
        verification=[verdict(question.claim, question.text, texts, weights) for question in context.questions],
    )


# Verification


def stem(word: str) -> str:
    """The first five letters, which most forms of a word share."""
    return word[:5]


def rarity(texts: Sequence[str]) -> dict[str, float]:
    """Inverse document frequency of each stem."""
    seen = Counter(s for text in texts for s in {stem(w) for w in content_words(text)})
    return {s: math.log((1 + len(texts)) / count) for s, count in seen.items()}


def verdict(claim: str, text: str, texts: Sequence[str], weights: dict[str, float]) -> VerificationPair:
    """Compare a claim with the sentence that has most of it."""
    wanted = sorted({stem(w) for w in content_words(text)})
    total = sum(weights[s] for s in wanted) or 1.0
    best, place = -1.0, 0
    for index, sentence in enumerate(texts):
        there = {stem(w) for w in content_words(sentence)}
        covered = sum(weights[s] for s in wanted if s in there) / total
        if covered > best:
            best, place = covered, index
    if not texts or best < COVERED:
        return VerificationPair(claim=claim, label="not_enough_info", evidence=[])
    sentence = texts[place]
    document = {stem(w) for t in texts for w in content_words(t)}
    # A sentence may say "he"; a name that the document never has is another's.
    other_name = any(name not in document for name in proper(text))
    other_number = bool(figures(text) - figures(sentence)) and bool(figures(sentence) - figures(text))
    negated = bool(NEGATIONS & set(words(text))) != bool(NEGATIONS & set(words(sentence)))
    return VerificationPair(
        claim=claim, label="refuted" if other_name or other_number or negated else "supported", evidence=[place]
    )


def figures(text: str) -> set[str]:
    """Numbers that are no part of a date."""
    return numbers(_DATE.sub("", fold(text)))


def proper(text: str) -> list[str]:
    """Stems of the capitalised words inside a sentence; the first word may be capital for no other reason."""
    found = [match[0].lower() for match in _CAPITALISED.finditer(fold(text)) if match.start()]
    return [stem(word) for word in found if word not in _CALENDAR]


# Entities


@dataclass
class _Name:
    start: int
    end: int
    text: str
    before: str
    doubtful: bool


def names(document: Document) -> list[Mention]:
    """Capitalised words of a document as mentions."""
    found = capitalised(document)
    votes: dict[str, Counter[EntityType]] = {}
    for name in found:
        votes.setdefault(name.text, Counter())[guess_type(name.text, name.before)] += 1
    types = {text: max(sorted(count), key=lambda kind: count[kind]) for text, count in votes.items()}
    # Whoever is called by the full name once is meant by the surname, too.
    people = {n.text.split()[-1] for n in found if types[n.text] == "PER" and not n.doubtful}
    mentions = []
    for name in found:
        kind: EntityType = "PER" if name.text.split()[-1] in people else types[name.text]
        key = name.text.split()[-1] if kind == "PER" else name.text
        mentions.append(
            Mention(
                start=name.start,
                end=name.end,
                text=document.text[name.start : name.end],
                type=kind,
                entity=key.lower(),
                kb_id=None,
            )
        )
    return mentions


def capitalised(document: Document) -> list[_Name]:
    """Runs of capitalised words, divided by titles. A word that begins a sentence or stands in a headline counts only
    if the document has it with a capital elsewhere too."""
    found: list[_Name] = []
    for span, text in zip(document.sentences, sentences(document), strict=True):
        tokens = [m for m in _CAPITALISED.finditer(text) if m[0].lower() not in _CALENDAR | _TITLES]
        headline = text[-1] not in '.!?"' and 2 * len(tokens) > len(words(text))
        runs: list[list[re.Match[str]]] = []
        for token in tokens:
            if runs and not headline and text[runs[-1][-1].end() : token.start()] == " ":
                runs[-1].append(token)
            else:
                runs.append([token])
        for run in runs:
            first = bool(_OPENING.search(text[: run[0].start()]))
            if first and len(run) > 1 and not content_words(run[0][0]):
                run, first = run[1:], False
            low, high = run[0].start(), run[-1].end()
            before = text[max(low - 30, 0) : low]
            found.append(_Name(span.start + low, span.start + high, text[low:high], before, first or headline))
    sure = {word for name in found if not name.doubtful for word in (name.text, *name.text.split())}
    return [n for n in found if len(n.text) > 1 and (n.text in sure or not n.doubtful or " " in n.text)]


def guess_type(text: str, before: str) -> EntityType:
    """Type of a name by its words and by those before it; a country where nothing tells."""
    if _TITLE_CUE.search(before):
        return "PER"
    if _REGION.search(text):
        return "LOC"
    if _ORGANISATION.search(text) or (text.isupper() and len(text) > 2):
        return "ORG"
    if text.endswith(("ians", "is")):
        return "NORP"
    if " " not in text or _PLACE_CUE.search(before) or before.endswith("the "):
        return "GPE"
    return "PER"
