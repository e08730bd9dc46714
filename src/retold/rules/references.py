"""Rules 3xx: keys and indices that name something which is not there, or name it twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from retold.model.findings import Finding, shorten
from retold.rules.registry import finding, nearest, printable, rule
from retold.rules.vocabulary import Role

__all__ = ["missing_documents", "repeated_document", "unknown_document"]

#: Names that a message lists before it only counts.
LISTED = 5


def listed(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(shorten(name) for name in names[:LISTED])
    return shown if len(names) <= LISTED else f"{shown} and {len(names) - LISTED} more"


def did_you_mean(value: str, known: Iterable[str]) -> str | None:
    """Cure that names the nearest known key, None where none is near."""
    similar = nearest(value, known)
    return f"Did you mean {similar!r}?" if similar else None


@rule("RT301")
def unknown_document(document_id: str, known: Iterable[str]) -> Finding:
    """A record names a document that the corpus does not have.

    It cannot be compared with anything; often it belongs to another release.

    Example: `{"document_id": "flod-0"}` - the corpus has flood-0.

    Hint: Use the `document_id` of the corpus, and check that file and corpus are of the same release.
    """
    return finding(
        "RT301",
        "gold",
        f"the corpus has no document {shorten(document_id)}",
        hint=did_you_mean(document_id, known),
        pointer="/document_id",
        document=printable(document_id),
    )


@rule("RT302")
def repeated_document(document_id: str, first_line: int) -> Finding:
    """A document has more than one record in the file.

    One reader reads a document once; which of the two records counts would be a guess.

    Example: `{"document_id": "flood-0"}` in line 1 and `{"document_id": "flood-0"}` in line 2 - the document has two
    records.

    Hint: Join the records into one, or remove one.
    """
    return finding(
        "RT302",
        "gold",
        f"the document {shorten(document_id)} has a record already, in line {first_line}",
        pointer="/document_id",
        document=printable(document_id),
    )


@rule("RT303", annotation=None)
def missing_documents(document_ids: Sequence[str]) -> Finding:
    """Documents of the corpus have no record in the file.

    Scores of systems that were run on different documents cannot be compared.

    Example: a file with `{"document_id": "flood-0"}` alone - the corpus has flood-1 too.

    Hint: Add a record for each; one with empty lists says that there is nothing.
    """
    count = len(document_ids)
    return finding(
        "RT303",
        "prediction",
        f"{count} {'document is' if count == 1 else 'documents are'} missing: {listed(document_ids)}",
    )


@rule("RT304", prediction=None)
def unknown_entity(entity: str, known: Iterable[str], pointer: str, role: Role) -> Finding:
    """An entity key is not in the event's catalogue.

    Gold joins documents by these keys; a key of its own is a cluster that nobody else can hit.

    Example: `{"start": 15, "end": 19, "type": "GPE", "entity": "vail"}` - the key in entities.jsonl is vale.

    Hint: Use a key of entities.jsonl, or add the entity there.
    """
    message = f"the catalogue has no entity {shorten(entity)}"
    return finding("RT304", role, message, hint=did_you_mean(entity, known), pointer=pointer)


@rule("RT305")
def unknown_holder(holder: str, known: Iterable[str], pointer: str, role: Role) -> Finding:
    """A stance cell has a holder that the event does not have.

    No gold cell can match it.

    Example: `{"holder": "major", "target": "dam", "label": "none"}` - the holder in event.json is mayor.

    Hint: Use a holder of event.json.
    """
    message = f"the event has no holder {shorten(holder)}"
    return finding("RT305", role, message, hint=did_you_mean(holder, known), pointer=pointer)


@rule("RT306")
def unknown_target(target: str, known: Iterable[str], pointer: str, role: Role) -> Finding:
    """A stance cell has a target that the event does not have.

    No gold cell can match it.

    Example: `{"holder": "mayor", "target": "damn", "label": "none"}` - the target in event.json is dam.

    Hint: Use a target of event.json.
    """
    message = f"the event has no target {shorten(target)}"
    return finding("RT306", role, message, hint=did_you_mean(target, known), pointer=pointer)


@rule("RT307")
def unknown_claim(claim: str, known: Iterable[str], pointer: str, role: Role) -> Finding:
    """A claim key is not in the event's catalogue.

    Verification is about the claims of the catalogue. In a claim span of a prediction the key is free and not checked.

    Example: `{"claim": "dam-costs-6", "label": "not_enough_info"}` - claims.jsonl has dam-costs-5, but no dam-costs-6.

    Hint: Use a key of claims.jsonl, or add the claim there.
    """
    message = f"the catalogue has no claim {shorten(claim)}"
    return finding("RT307", role, message, hint=did_you_mean(claim, known), pointer=pointer)


@rule("RT308")
def no_such_sentence(sentence: int, sentences: int, pointer: str, role: Role) -> Finding:
    """Evidence names a sentence that the document does not have.

    Evidence is an index into the document's `sentences`, counted from 0; it is no character offset.

    Example: `{"claim": "dam-costs-5", "label": "supported", "evidence": [4]}` - the document has four sentences, 0 to
    3.

    Hint: Count the sentences of documents.jsonl from 0.
    """
    last = f"the last sentence is {sentences - 1}" if sentences else "the document has no sentences"
    return finding("RT308", role, f"there is no sentence {sentence}; {last}", pointer=pointer)


@rule("RT309", prediction=None)
def unknown_source(source: str, known: Iterable[str], pointer: str, role: Role) -> Finding:
    """The source of a claim is neither `author` nor an entity of the catalogue.

    Attribution is scored by the entity that the source is.

    Example: `{"start": 64, "end": 87, "source": "berg"}` - the key in entities.jsonl is bo-berg.

    Hint: Use `author` or a key of entities.jsonl.
    """
    message = f"the catalogue has no entity {shorten(source)} to be a source"
    return finding("RT309", role, message, hint=did_you_mean(source, ("author", *known)), pointer=pointer)
