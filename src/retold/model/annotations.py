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
PRINTED: Final = r"^[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*(?![\s\S])"

Language = Annotated[str, Meta(description="ISO 639-1 code of a language.", examples=["en", "id"])]
Start = Annotated[
    int,
    Meta(
        ge=0,
        le=MAX_INTEGER,
        description="First code point of the span in the document text, counted from 0.",
        examples=[17],
    ),
]
End = Annotated[
    int,
    Meta(ge=0, le=MAX_INTEGER, description="Code point after the last one of the span.", examples=[32]),
]
Text = Annotated[
    str,
    Meta(description="The text between start and end; checked where given.", examples=["Emmanuel Macron"]),
]
Sentence = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
Evidence = Annotated[
    list[Sentence],
    Meta(description="Indices of sentences of the document that carry the label.", examples=[[7]]),
]
DocumentId = Annotated[
    str, Meta(min_length=1, pattern=PRINTED, description="Key of the document.", examples=["macron-coalition-0"])
]
EntityKey = Annotated[
    str,
    Meta(
        min_length=1,
        description="Cluster key: in gold a key of the entity catalogue, in predictions any string; equal strings "
        "mean the same entity across all documents of an event.",
        examples=["emmanuel-macron"],
    ),
]
KbId = Annotated[
    str | None,
    Meta(description="Id in the knowledge base, or null where there is none (NIL).", examples=["Q3052772"]),
]
ClaimKey = Annotated[
    str, Meta(min_length=1, description="Key of a canonical claim.", examples=["coalition-86-members"])
]
Score = Annotated[float, Meta(ge=0.0, le=1.0)]


class Mention(Struct, frozen=True, forbid_unknown_fields=True, gc=False, kw_only=True):
    """A span that refers to one particular real-world entity."""

    start: Start
    end: End
    text: Text | UnsetType = UNSET
    kind: Annotated[
        str,
        Meta(description="A proper name, or a noun phrase that describes a named entity.", examples=["name"]),
    ] = "name"
    type: Annotated[str, Meta(description="Type of the entity.", examples=["PER"])]
    entity: EntityKey | UnsetType = UNSET
    kb_id: KbId | UnsetType = UNSET


class StanceCell(Struct, frozen=True, forbid_unknown_fields=True, gc=False, kw_only=True):
    """Whether the document shows that the holder is for the target, against it, or neither."""

    holder: (
        Annotated[str, Meta(min_length=1, description="Key of a stance holder.", examples=["macron"])] | UnsetType
    ) = UNSET
    target: Annotated[str, Meta(min_length=1, description="Key of a stance target.", examples=["two-state"])]
    label: Annotated[str, Meta(description="The stance shown.", examples=["favor"])]
    evidence: Evidence | UnsetType = UNSET
    scores: (
        Annotated[
            dict[str, Score],
            Meta(
                description="Probabilities of the labels (predictions only).",
                examples=[{"favor": 0.8, "against": 0.1, "none": 0.1}],
            ),
        ]
        | UnsetType
    ) = UNSET


class ClaimSpan(Struct, frozen=True, forbid_unknown_fields=True, gc=False, kw_only=True):
    """A clause that states something which evidence could show to be true or false."""

    start: Start
    end: End
    text: Text | UnsetType = UNSET
    source: Annotated[
        str,
        Meta(
            min_length=1,
            description="Who states it: 'author', or the key of an entity.",
            examples=["author", "hamas"],
        ),
    ]
    claim: ClaimKey | UnsetType = UNSET


class VerificationPair(Struct, frozen=True, forbid_unknown_fields=True, gc=False, kw_only=True):
    """What the document says about one canonical claim."""

    claim: ClaimKey
    label: Annotated[str, Meta(description="The document's verdict on the claim.", examples=["supported"])]
    evidence: Evidence | UnsetType = UNSET


class AnnotationRecord(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One document as read by one annotator. A layer that is absent was not annotated; an empty list says "nothing"."""

    document_id: DocumentId
    entities: (
        Annotated[
            list[Mention],
            Meta(
                description="Entity mentions.",
                examples=[[{"start": 17, "end": 32, "type": "PER", "entity": "emmanuel-macron"}]],
            ),
        ]
        | UnsetType
    ) = UNSET
    stance: (
        Annotated[
            list[StanceCell],
            Meta(
                description="Stance cells, one for a holder and a target.",
                examples=[[{"holder": "macron", "target": "two-state", "label": "favor", "evidence": [7]}]],
            ),
        ]
        | UnsetType
    ) = UNSET
    claims: (
        Annotated[
            list[ClaimSpan],
            Meta(
                description="Spans that state factual claims.",
                examples=[[{"start": 1410, "end": 1468, "source": "author", "claim": "coalition-86-members"}]],
            ),
        ]
        | UnsetType
    ) = UNSET
    verification: (
        Annotated[
            list[VerificationPair],
            Meta(
                description="Verdicts on canonical claims.",
                examples=[[{"claim": "coalition-86-members", "label": "supported", "evidence": [8]}]],
            ),
        ]
        | UnsetType
    ) = UNSET


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
    zone: Annotated[ZoneName, Meta(description="What the stretch is.", examples=["body"])]


class Document(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One article, verbatim, with where it came from and how it is divided."""

    document_id: DocumentId
    event: Annotated[str, Meta(description="Key of the event.", examples=["macron-coalition"])]
    text: Annotated[
        str,
        Meta(
            description="The seed file, verbatim, non-breaking spaces and blank lines included.",
            examples=["French President Emmanuel Macron flew to Israel …"],
        ),
    ]
    language: Language
    outlet: Annotated[
        str | None,
        Meta(
            description="The site that published this text, null where the seed does not say.",
            examples=["The Nation View"],
        ),
    ]
    original_source: Annotated[
        str | None,
        Meta(description="The outlet that the text names as its source, or null.", examples=["Il Tempo"]),
    ]
    published: Annotated[
        str | None,
        Meta(
            description="Date of publication as the seed gives it (ISO 8601), null where it gives none.",
            examples=["2023-10-24"],
        ),
    ]
    event_date: Annotated[str, Meta(description="Date of the event (ISO 8601).", examples=["2023-10-24"])]
    seed: Annotated[str, Meta(description="Name of the seed file.", examples=["000_0b35c83122d8662d.txt"])]
    seed_sha256: Annotated[
        str, Meta(description="SHA-256 of the seed file's bytes, in hexadecimal.", examples=["0b35" + "0" * 60])
    ]
    zones: Annotated[
        list[Zone],
        Meta(
            description="Zones in order; they cover every character.",
            examples=[[{"start": 0, "end": 3227, "zone": "body"}]],
        ),
    ]
    paragraphs: Annotated[
        list[Span],
        Meta(description="Paragraphs of title and body, in order.", examples=[[{"start": 0, "end": 1410}]]),
    ]
    sentences: Annotated[
        list[Span],
        Meta(
            description="Sentences of title and body, in order; evidence counts them from 0.",
            examples=[[{"start": 0, "end": 270}]],
        ),
    ]
    rights: Annotated[
        str, Meta(description="Who holds the rights in the text.", examples=["Text: rights remain with the publisher."])
    ]


Names = Annotated[
    dict[Language, str],
    Meta(description="Wording by language.", examples=[{"en": "Hamas", "id": "Hamas"}]),
]


class Holder(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A party whose stance is labelled."""

    holder: Annotated[str, Meta(pattern=PRINTED, description="Key of the holder.", examples=["macron"])]
    description: Names
    entities: Annotated[
        list[str],
        Meta(description="Keys of the entities that count as this holder.", examples=[["emmanuel-macron", "france"]]),
    ]


class Target(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A proposition (or party) that a holder may be for or against."""

    target: Annotated[str, Meta(pattern=PRINTED, description="Key of the target.", examples=["two-state"])]
    description: Names


class Event(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One news event that several documents report."""

    event: Annotated[
        str,
        Meta(pattern=PRINTED, description="Key of the event; the name of its folder.", examples=["macron-coalition"]),
    ]
    title: Annotated[str, Meta(description="Title.", examples=["Macron proposes a coalition against Hamas"])]
    date: Annotated[str, Meta(description="Date of the event (ISO 8601).", examples=["2023-10-24"])]
    description: Annotated[str, Meta(description="What happened, in a sentence or two.", examples=["…"])]
    holders: Annotated[list[Holder], Meta(description="Stance holders.", examples=[[]])] = []
    targets: Annotated[list[Target], Meta(description="Stance targets.", examples=[[]])] = []


Alias = Annotated[str, Meta(min_length=1)]


class Entity(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entity of an event's catalogue."""

    entity: Annotated[
        str, Meta(min_length=1, pattern=PRINTED, description="Key of the entity.", examples=["emmanuel-macron"])
    ]
    name: Annotated[
        str, Meta(min_length=1, pattern=PRINTED, description="Canonical name.", examples=["Emmanuel Macron"])
    ]
    type: Annotated[str, Meta(description="Type of the entity.", examples=["PER"])]
    kb_id: KbId
    kb_status: Annotated[
        KbStatus,
        Meta(
            description="verified: kb_id was checked against a source; nil: judged to have no entry; "
            "unverified: not known, kb_id is null.",
            examples=["verified"],
        ),
    ]
    aliases: Annotated[
        dict[Language, list[Alias]],
        Meta(
            description="Names of the entity as they stand in the documents, by language; collected from gold.",
            examples=[{"en": ["Macron"]}],
        ),
    ] = {}


class CanonicalClaim(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A self-contained sentence that one or more documents state or are checked for, or a mutation of one."""

    claim: Annotated[
        str,
        Meta(min_length=1, pattern=PRINTED, description="Key of a canonical claim.", examples=["coalition-86-members"]),
    ]
    text: Annotated[
        str,
        Meta(
            min_length=1,
            description="One sentence with names, numbers and dates spelled out.",
            examples=["The international coalition against the Islamic State has 86 members."],
        ),
    ]
    mutation_of: Annotated[
        str | None,
        Meta(
            description="Key of the claim that this one was made from by changing one fact, or null.", examples=[None]
        ),
    ] = None
    mutation: Annotated[
        Mutation | None, Meta(description="Which kind of fact was changed, or null.", examples=["number"])
    ] = None


class SubmissionCard(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``submission.json``: what a system is and how it was run."""

    name: Annotated[
        str,
        Meta(min_length=1, max_length=100, pattern=PRINTED, description="Name of the system.", examples=["gazetteer"]),
    ]
    team: Annotated[str, Meta(description="Who submits it.", examples=["Retold"])] = ""
    description: Annotated[str, Meta(description="How it works.", examples=["Longest known name."])] = ""
    url: Annotated[
        str | None, Meta(description="Where to read more, or null.", examples=["https://example.org/system"])
    ] = None
    protocol: Annotated[
        Protocol,
        Meta(
            description="What the system saw: no gold, gold of the other documents only, or gold of the "
            "documents that it predicts.",
            examples=["leave-one-document-out"],
        ),
    ]
    corpus_version: Annotated[str, Meta(description="Version of the corpus that it was run on.", examples=["0.1.0"])]


class Annotation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What one annotator gives one item; the keys are those of the item's layer."""

    kind: Annotated[str | UnsetType, Meta(description="Of a mention.", examples=["name"])] = UNSET
    entity: Annotated[str | UnsetType, Meta(description="Of a mention.", examples=["hamas"])] = UNSET
    label: Annotated[
        str | UnsetType,
        Meta(description="Of a stance cell or a verification pair.", examples=["favor"]),
    ] = UNSET
    evidence: Annotated[
        list[Sentence] | UnsetType, Meta(description="Sentences that carry the label.", examples=[[7]])
    ] = UNSET
    source: Annotated[str | UnsetType, Meta(description="Of a claim span.", examples=["author"])] = UNSET
    claim: Annotated[str | UnsetType, Meta(description="Of a claim span.", examples=["coalition-86-members"])] = UNSET


class Decision(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of ``annotators/adjudication.jsonl``: a difference between annotators and how it was decided."""

    document_id: DocumentId
    layer: Annotated[str, Meta(description="Layer of the item.", examples=["entities"])]
    item: Annotated[
        str,
        Meta(
            min_length=1,
            description="start:end of a span, holder/target of a cell, or the key of a claim.",
            examples=["17:32"],
        ),
    ]
    readers: Annotated[
        dict[str, Annotation | None],
        Meta(
            description="What each annotator gives; null for nothing.",
            examples=[{"reader-1": {"kind": "name", "entity": "emmanuel-macron"}, "reader-2": None}],
        ),
    ]
    decision: Annotated[
        Annotation | None,
        Meta(description="What is gold, null for nothing.", examples=[{"kind": "name", "entity": "emmanuel-macron"}]),
    ]
    reason: Annotated[
        str, Meta(min_length=1, description="Why, with the rule or decision of the guideline.", examples=["D16"])
    ]


class Release(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``release.json``: which release a corpus folder is, and the hashes that prove it."""

    name: Annotated[str, Meta(description="Name of the corpus.", examples=["retold"])]
    version: Annotated[str, Meta(description="Semantic version of the data.", examples=["0.1.0"])]
    date: Annotated[str, Meta(description="Date of the release (ISO 8601).", examples=["2026-11-20"])]
    counts: Annotated[
        dict[str, int], Meta(description="How many of each thing the release holds.", examples=[{"documents": 5}])
    ]
    files: Annotated[
        dict[str, str],
        Meta(description="SHA-256 of every file by path.", examples=[{"events/macron-coalition/gold.jsonl": "0" * 64}]),
    ]
    sha256: Annotated[
        str, Meta(description="SHA-256 of the lines 'hash  path' of all files, sorted by path.", examples=["0" * 64])
    ]


def encode(record: Struct) -> bytes:
    """Return the record as one line of JSON: keys in the order of the type, no spaces, no line end."""
    return msgspec.json.encode(record)


def decode(line: bytes | str, kind: type[Any]) -> Any:
    """Decode one JSON text into ``kind``; raises ``msgspec.DecodeError`` (or its ``ValidationError``)."""
    return msgspec.json.decode(line, type=kind)
