"""The records of the corpus: the one source of every shape that Retold reads or writes.

An annotation record is *one document as read by one annotator*. Gold, an annotator's file and a system's predictions
are all files of such records, so one type describes them. Labels are plain strings here: the manifest of a corpus says
which ones it allows, and ``retold.layers`` derives the types that check them, and the JSON Schemas, from both.

Offsets are Unicode code points into the verbatim document text, ``start`` inclusive, ``end`` exclusive.
Evidence is given as indices into the document's list of sentences.

Leaf types carry ``gc=False``: they hold no reference cycles, and untracked objects keep the garbage collector out of
the decoding loop.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

__all__ = [
    "ITEMS",
    "PRINTED",
    "Alias",
    "Annotation",
    "AnnotationRecord",
    "CanonicalClaim",
    "ClaimSpan",
    "Decision",
    "Document",
    "Entity",
    "Event",
    "Holder",
    "KbStatus",
    "Language",
    "Mention",
    "Mutation",
    "Protocol",
    "Release",
    "Span",
    "StanceCell",
    "SubmissionCard",
    "Target",
    "VerificationPair",
    "Zone",
    "ZoneName",
    "encode",
]

KbStatus = Literal["verified", "nil", "unverified"]
ZoneName = Literal["title", "body", "byline", "boilerplate"]
Mutation = Literal["number", "person", "place", "role", "negation", "time"]
Protocol = Literal["zero-shot", "leave-one-document-out", "saw-gold"]

#: Largest integer that every JSON reader keeps exact (IEEE 754 double).
MAX_INTEGER: Final = 2**53 - 1

#: Names and keys that a corpus or a system chooses are printed: no control characters, line ends or marks of direction.
#: At least one character is seen.
_UNSEEN: Final = (
    r" \u00a0\u034f\u115f\u1160\u1680\u17b4\u17b5\u2000-\u200d\u202f\u205f\u2060\u2800\u3000\u3164\ufeff\uffa0"
)
PRINTED: Final = (
    rf"^(?![{_UNSEEN}]+(?![\s\S]))[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*(?![\s\S])"
)


def about(description: str, *examples: Any, **limits: Any) -> Meta:
    """What a key holds, for its readers and for its schema."""
    return Meta(description=description, examples=list(examples), **limits)


Language = Annotated[str, about("ISO 639-1 code of a language.", "en", "id")]
Start = Annotated[
    int, about("First code point of the span in the document text, counted from 0.", 17, ge=0, le=MAX_INTEGER)
]
End = Annotated[int, about("Code point after the last one of the span.", 32, ge=0, le=MAX_INTEGER)]
Text = Annotated[str, about("The text between start and end; checked where given.", "Emmanuel Macron")]
Sentence = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
Evidence = Annotated[list[Sentence], about("Indices of sentences of the document that carry the label.", [7])]
DocumentId = Annotated[str, about("Key of the document.", "macron-coalition-0", min_length=1, pattern=PRINTED)]
EntityKey = Annotated[
    str,
    about(
        "Cluster key: in gold a key of the entity catalogue, in predictions any string; equal strings "
        "mean the same entity across all documents of an event.",
        "emmanuel-macron",
        min_length=1,
    ),
]
KbId = Annotated[str | None, about("Id in the knowledge base, or null where there is none (NIL).", "Q3052772")]
ClaimKey = Annotated[str, about("Key of a canonical claim.", "coalition-86-members", min_length=1)]
Score = Annotated[float, Meta(ge=0.0, le=1.0)]
Scores = Annotated[
    dict[str, Score],
    about("Probabilities of the labels (predictions only).", {"favor": 0.8, "against": 0.1, "none": 0.1}),
]


class Mention(Struct, frozen=True, forbid_unknown_fields=True, gc=False, kw_only=True):
    """A span that refers to one particular real-world entity."""

    start: Start
    end: End
    text: Text | UnsetType = UNSET
    kind: Annotated[str, about("A proper name, or a noun phrase that describes a named entity.", "name")] = "name"
    type: Annotated[str, about("Type of the entity.", "PER")]
    entity: EntityKey | UnsetType = UNSET
    kb_id: KbId | UnsetType = UNSET


class StanceCell(Struct, frozen=True, forbid_unknown_fields=True, gc=False, kw_only=True):
    """Whether the document shows that the holder is for the target, against it, or neither."""

    holder: Annotated[str, about("Key of a stance holder.", "macron", min_length=1)] | UnsetType = UNSET
    target: Annotated[str, about("Key of a stance target.", "two-state", min_length=1)]
    label: Annotated[str, about("The stance shown.", "favor")]
    evidence: Evidence | UnsetType = UNSET
    scores: Scores | UnsetType = UNSET


class ClaimSpan(Struct, frozen=True, forbid_unknown_fields=True, gc=False, kw_only=True):
    """A clause that states something which evidence could show to be true or false."""

    start: Start
    end: End
    text: Text | UnsetType = UNSET
    source: Annotated[str, about("Who states it: 'author', or the key of an entity.", "author", "hamas", min_length=1)]
    claim: ClaimKey | UnsetType = UNSET


class VerificationPair(Struct, frozen=True, forbid_unknown_fields=True, gc=False, kw_only=True):
    """What the document says about one canonical claim."""

    claim: ClaimKey
    label: Annotated[str, about("The document's verdict on the claim.", "supported")]
    evidence: Evidence | UnsetType = UNSET


Mentions = Annotated[
    list[Mention], about("Entity mentions.", [{"start": 17, "end": 32, "type": "PER", "entity": "emmanuel-macron"}])
]
StanceCells = Annotated[
    list[StanceCell],
    about(
        "Stance cells, one for a holder and a target.",
        [{"holder": "macron", "target": "two-state", "label": "favor", "evidence": [7]}],
    ),
]
ClaimSpans = Annotated[
    list[ClaimSpan],
    about(
        "Spans that state factual claims.",
        [{"start": 1410, "end": 1468, "source": "author", "claim": "coalition-86-members"}],
    ),
]
VerificationPairs = Annotated[
    list[VerificationPair],
    about("Verdicts on canonical claims.", [{"claim": "coalition-86-members", "label": "supported", "evidence": [8]}]),
]


class AnnotationRecord(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One document as read by one annotator. A layer that is absent was not annotated; an empty list says "nothing"."""

    document_id: DocumentId
    entities: Mentions | UnsetType = UNSET
    stance: StanceCells | UnsetType = UNSET
    claims: ClaimSpans | UnsetType = UNSET
    verification: VerificationPairs | UnsetType = UNSET


#: Type of the items of each layer.
ITEMS: Final = {"entities": Mention, "stance": StanceCell, "claims": ClaimSpan, "verification": VerificationPair}


class Span(Struct, frozen=True, forbid_unknown_fields=True, gc=False, kw_only=True):
    """A half-open range of code points."""

    start: Start
    end: End


class Zone(Struct, frozen=True, forbid_unknown_fields=True, gc=False, kw_only=True):
    """A stretch of the text; zones tile it. Only title and body are annotated."""

    start: Start
    end: End
    zone: Annotated[ZoneName, about("What the stretch is.", "body")]


class Document(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One article, verbatim, with where it came from and how it is divided."""

    document_id: DocumentId
    event: Annotated[str, about("Key of the event.", "macron-coalition")]
    text: Annotated[
        str,
        about(
            "The seed file, verbatim, non-breaking spaces and blank lines included.",
            "French President Emmanuel Macron flew to Israel …",
        ),
    ]
    language: Language
    outlet: Annotated[
        str | None, about("The site that published this text, null where the seed does not say.", "The Nation View")
    ]
    original_source: Annotated[str | None, about("The outlet that the text names as its source, or null.", "Il Tempo")]
    published: Annotated[
        str | None,
        about("Date of publication as the seed gives it (ISO 8601), null where it gives none.", "2023-10-24"),
    ]
    event_date: Annotated[str, about("Date of the event (ISO 8601).", "2023-10-24")]
    seed: Annotated[str, about("Name of the seed file.", "000_0b35c83122d8662d.txt")]
    seed_sha256: Annotated[str, about("SHA-256 of the seed file's bytes, in hexadecimal.", "0b35" + "0" * 60)]
    zones: Annotated[
        list[Zone], about("Zones in order; they cover every character.", [{"start": 0, "end": 3227, "zone": "body"}])
    ]
    paragraphs: Annotated[list[Span], about("Paragraphs of title and body, in order.", [{"start": 0, "end": 1410}])]
    sentences: Annotated[
        list[Span],
        about("Sentences of title and body, in order; evidence counts them from 0.", [{"start": 0, "end": 270}]),
    ]
    rights: Annotated[str, about("Who holds the rights in the text.", "Text: rights remain with the publisher.")]


Names = Annotated[dict[Language, str], about("Wording by language.", {"en": "Hamas", "id": "Hamas"})]


class Holder(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A party whose stance is labelled."""

    holder: Annotated[str, about("Key of the holder.", "macron", pattern=PRINTED)]
    description: Names
    entities: Annotated[
        list[str], about("Keys of the entities that count as this holder.", ["emmanuel-macron", "france"])
    ]


class Target(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A proposition (or party) that a holder may be for or against."""

    target: Annotated[str, about("Key of the target.", "two-state", pattern=PRINTED)]
    description: Names


class Event(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One news event that several documents report."""

    event: Annotated[str, about("Key of the event; the name of its folder.", "macron-coalition", pattern=PRINTED)]
    title: Annotated[str, about("Title.", "Macron proposes a coalition against Hamas")]
    date: Annotated[str, about("Date of the event (ISO 8601).", "2023-10-24")]
    description: Annotated[str, about("What happened, in a sentence or two.", "…")]
    holders: Annotated[list[Holder], about("Stance holders.", [])] = []
    targets: Annotated[list[Target], about("Stance targets.", [])] = []


Alias = Annotated[str, Meta(min_length=1)]


class Entity(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entity of an event's catalogue."""

    entity: Annotated[str, about("Key of the entity.", "emmanuel-macron", min_length=1, pattern=PRINTED)]
    name: Annotated[str, about("Canonical name.", "Emmanuel Macron", min_length=1, pattern=PRINTED)]
    type: Annotated[str, about("Type of the entity.", "PER")]
    kb_id: KbId = None
    kb_status: Annotated[
        KbStatus,
        about(
            "verified: kb_id was checked against a source; nil: judged to have no entry; "
            "unverified: not known, kb_id is null.",
            "verified",
        ),
    ] = "unverified"
    aliases: Annotated[
        dict[Language, list[Alias]],
        about(
            "Names of the entity as they stand in the documents, by language; collected from gold.", {"en": ["Macron"]}
        ),
    ] = {}


class CanonicalClaim(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A self-contained sentence that one or more documents state or are checked for, or a mutation of one."""

    claim: Annotated[str, about("Key of a canonical claim.", "coalition-86-members", min_length=1, pattern=PRINTED)]
    text: Annotated[
        str,
        about(
            "One sentence with names, numbers and dates spelled out.",
            "The international coalition against the Islamic State has 86 members.",
            min_length=1,
        ),
    ]
    mutation_of: Annotated[
        str | None, about("Key of the claim that this one was made from by changing one fact, or null.", None)
    ] = None
    mutation: Annotated[Mutation | None, about("Which kind of fact was changed, or null.", "number")] = None


class SubmissionCard(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``submission.json``: what a system is and how it was run."""

    name: Annotated[str, about("Name of the system.", "gazetteer", min_length=1, max_length=100, pattern=PRINTED)]
    team: Annotated[str, about("Who submits it.", "Retold")] = ""
    description: Annotated[str, about("How it works.", "Longest known name.")] = ""
    url: Annotated[str | None, about("Where to read more, or null.", "https://example.org/system")] = None
    protocol: Annotated[
        Protocol,
        about(
            "What the system saw: no gold, gold of the other documents only, or gold of the "
            "documents that it predicts.",
            "leave-one-document-out",
        ),
    ]
    corpus_version: Annotated[str, about("Version of the corpus that it was run on.", "0.1.0")]


class Annotation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What one annotator gives one item; the keys are those of the item's layer."""

    kind: Annotated[str | UnsetType, about("Of a mention.", "name")] = UNSET
    entity: Annotated[str | UnsetType, about("Of a mention.", "hamas")] = UNSET
    label: Annotated[str | UnsetType, about("Of a stance cell or a verification pair.", "favor")] = UNSET
    evidence: Annotated[list[Sentence] | UnsetType, about("Sentences that carry the label.", [7])] = UNSET
    source: Annotated[str | UnsetType, about("Of a claim span.", "author")] = UNSET
    claim: Annotated[str | UnsetType, about("Of a claim span.", "coalition-86-members")] = UNSET


class Decision(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of ``annotators/adjudication.jsonl``: a difference between annotators and how it was decided."""

    document_id: DocumentId
    layer: Annotated[str, about("Layer of the item.", "entities")]
    item: Annotated[
        str, about("start:end of a span, holder/target of a cell, or the key of a claim.", "17:32", min_length=1)
    ]
    readers: Annotated[
        dict[str, Annotation | None],
        about(
            "What each annotator gives; null for nothing.",
            {"reader-1": {"kind": "name", "entity": "emmanuel-macron"}, "reader-2": None},
        ),
    ]
    decision: Annotated[
        Annotation | None, about("What is gold, null for nothing.", {"kind": "name", "entity": "emmanuel-macron"})
    ]
    reason: Annotated[str, about("Why, with the rule or decision of the guideline.", "D16", min_length=1)]


class Release(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``release.json``: which release a corpus folder is, and the hashes that prove it."""

    name: Annotated[str, about("Name of the corpus.", "retold")]
    version: Annotated[str, about("Semantic version of the data.", "0.1.0")]
    date: Annotated[str, about("Date of the release (ISO 8601).", "2026-11-20")]
    counts: Annotated[dict[str, int], about("How many of each thing the release holds.", {"documents": 5})]
    files: Annotated[
        dict[str, str], about("SHA-256 of every file by path.", {"events/macron-coalition/gold.jsonl": "0" * 64})
    ]
    sha256: Annotated[str, about("SHA-256 of the lines 'hash  path' of all files, sorted by path.", "0" * 64)]


def encode(record: Struct) -> bytes:
    """Return the record as one line of JSON: keys in the order of the type, no spaces, no line end."""
    return msgspec.json.encode(record)


def decode(line: bytes | str, kind: type[Any]) -> Any:
    """Decode one JSON text into ``kind``; raises ``msgspec.DecodeError`` (or its ``ValidationError``)."""
    return msgspec.json.decode(line, type=kind)
