"""Rules 3xx: references to unknown keys and indices, missing and repeated documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from retold.model.alike import differ_only_in, visible
from retold.model.display import counted
from retold.model.findings import Finding, shorten
from retold.rules.registry import did_you_mean, finding, printable, rule
from retold.rules.vocabulary import Role

__all__ = [
    "layer_missing",
    "missing_documents",
    "names_look_alike",
    "no_layers",
    "repeated_document",
    "unknown_document",
]

#: Maximum number of names in a message; the rest is counted.
MAX_LISTED = 5


def listed(names: Sequence[str], total: int | None = None) -> str:
    """The first few names, and how many more there are of the total."""
    text = ", ".join(shorten(name) for name in names[:MAX_LISTED])
    more = (len(names) if total is None else total) - MAX_LISTED
    return text if more <= 0 else f"{text} and {more} more"


@rule("RT301")
def unknown_document(
    document_id: str, known: Iterable[str], corpus: str = "the corpus", *, there: bool = False
) -> Finding:
    """A record names a document that is not in the corpus, or has no gold there.

    It cannot be scored; often it belongs to another release.
    Example: `{"document_id": "flod-0"}` - the document is flood-0.
    Hint: Use the `document_id` of the corpus, and check that the file and the corpus belong to the same release.
    """
    hint = (
        did_you_mean(document_id, known)
        or f"It is not in {corpus}; name its corpus with --corpus, or its gold with --gold."
    )
    message = f"unknown document {shorten(document_id)}"
    if there:
        hint = "Leave the record out, or annotate the document."
        message = f"the corpus has no gold for document {shorten(document_id)}"
    return finding("RT301", message, hint=hint, pointer="/document_id", document=printable(document_id))


@rule("RT302")
def repeated_document(document_id: str, first_line: int, hint: str | None = None) -> Finding:
    """A document has more than one record in the file.

    It is not clear which of them counts.
    Example: `{"document_id": "flood-0"}` in line 1 and `{"document_id": "flood-0"}` in line 2 - flood-0 has two
    records.
    Hint: Merge the records, or remove one.
    """
    message = f"duplicate record of document {shorten(document_id)}, first in line {first_line}"
    return finding("RT302", message, hint=hint, pointer="/document_id", document=printable(document_id))


@rule("RT303", annotation=None)
def missing_documents(document_ids: Sequence[str], hint: str | None = None) -> Finding:
    """Documents of the corpus have no record in the file.

    Scores over different documents cannot be compared.
    Example: a file with only `{"document_id": "flood-0"}` - the corpus also has flood-1.
    Hint: Add a record for each, with empty lists if there is nothing to annotate.
    """
    count = counted(len(document_ids), "document is", "documents are")
    return finding("RT303", f"{count} missing: {listed(document_ids)}", hint=hint, role="prediction")


@rule("RT304", prediction=None)
def unknown_entity(entity: str, known: Iterable[str], pointer: str, role: Role) -> Finding:
    """An entity is not in the event's catalogue.

    Gold joins documents by these keys.
    Example: `{"start": 15, "end": 19, "type": "GPE", "entity": "vail"}` - the key in entities.jsonl is vale.
    Hint: Use a key of entities.jsonl, or add the entity there.
    """
    message = f"unknown entity {shorten(entity)}"
    return finding("RT304", message, hint=did_you_mean(entity, known), pointer=pointer, role=role)


@rule("RT305")
def unknown_holder(holder: str, known: Iterable[str], pointer: str, role: Role) -> Finding:
    """The holder of a stance cell is not a holder of the event.

    No gold cell can match it.
    Example: `{"holder": "major", "target": "dam", "label": "none"}` - the holder in event.json is mayor.
    Hint: Use a holder of event.json.
    """
    message = f"unknown holder {shorten(holder)}"
    return finding("RT305", message, hint=did_you_mean(holder, known), pointer=pointer, role=role)


@rule("RT306")
def unknown_target(target: str, known: Iterable[str], pointer: str, role: Role) -> Finding:
    """The target of a stance cell is not a target of the event.

    No gold cell can match it.
    Example: `{"holder": "mayor", "target": "damn", "label": "none"}` - the target in event.json is dam.
    Hint: Use a target of event.json.
    """
    message = f"unknown target {shorten(target)}"
    return finding("RT306", message, hint=did_you_mean(target, known), pointer=pointer, role=role)


@rule("RT307")
def unknown_claim(claim: str, known: Iterable[str], pointer: str, role: Role) -> Finding:
    """A claim is not in the event's catalogue.

    Verification is about the claims of the catalogue. In a claim span of a prediction any key is allowed.
    Example: `{"claim": "dam-costs-6", "label": "not_enough_info"}` - the key in claims.jsonl is dam-costs-5.
    Hint: Use a key of claims.jsonl, or add the claim there.
    """
    message = f"unknown claim {shorten(claim)}"
    return finding("RT307", message, hint=did_you_mean(claim, known), pointer=pointer, role=role)


@rule("RT308")
def no_such_sentence(sentence: int, sentences: int, pointer: str, role: Role) -> Finding:
    """Evidence names a sentence that does not exist.

    Evidence is an index into the document's `sentences`, counted from 0, not a character offset.
    Example: `{"claim": "dam-costs-5", "label": "supported", "evidence": [4]}` - the document has sentences 0 to 3.
    Hint: Count the sentences of documents.jsonl from 0.
    """
    last = f"the last is {sentences - 1}" if sentences else "the document has none"
    return finding("RT308", f"no sentence {sentence}; {last}", pointer=pointer, role=role)


@rule("RT309", prediction=None)
def unknown_source(source: str, author: str, known: Iterable[str], pointer: str, role: Role) -> Finding:
    """The source of a claim is neither `author` nor an entity of the catalogue.

    Attribution is scored by entity.
    Example: `{"start": 64, "end": 87, "source": "berg"}` - the key in entities.jsonl is bo-berg.
    Hint: Use `author` or a key of entities.jsonl.
    """
    message = f"unknown source {shorten(source)}"
    hint = did_you_mean(source, (author, *known))
    if hint is None and author != "author":
        hint = f"Use `{author}` or a key of entities.jsonl."
    return finding("RT309", message, hint=hint, pointer=pointer, role=role)


@rule("RT310", gold=None, annotation=None)
def layer_missing(layer: str, document_ids: Sequence[str], total: int) -> Finding:
    """A system answers a layer in some documents, and in others the layer is absent.

    An absent layer was not answered; it is not an answer that finds nothing. A layer that is absent in every record is
    one that the system does not compete in.
    Example: `{"document_id": "flood-0", "claims": []}` and `{"document_id": "flood-1"}` - flood-1 has no claims.
    Hint: Write an empty list where there is nothing, or leave the layer out of every record.
    """
    message = f"{layer} is missing in {counted(total, 'document')}: {listed(document_ids, total)}"
    return finding("RT310", message, role="prediction", pointer=f"/{layer}")


@rule("RT312", gold=None, annotation=None, prediction="warning")
def no_layers(records: int) -> Finding:
    """No record of a submission has a layer.

    The system then competes in nothing. Writers of Parquet that turn empty lists into null make such files.
    Example: `{"document_id": "flood-0"}` and `{"document_id": "flood-1"}` - neither has a layer.
    Hint: Write the layers that the system answers, with an empty list where there is nothing.
    """
    which = "the one record has no layer" if records == 1 else f"none of {records} records has a layer"
    return finding("RT312", which, role="prediction")


@rule("RT311", gold="warning", annotation="warning", prediction="warning")
def names_look_alike(what: str, pairs: Sequence[tuple[str, str]], *, pointer: str | None = None) -> Finding:
    """Names differ only in what is easily overlooked: case, white space, normalization, invisible characters.

    They count as two, although one is probably a slip of the other.
    Example: `{"start": 15, "end": 19, "type": "GPE", "entity": "v1"}` and `{"start": 89, "end": 93, "type": "GPE",
    "entity": "v1 "}` - the entities are two clusters.
    Hint: Write them the same, or choose names that are further apart.
    """
    one, other = visible(*pairs[0])
    message = f"{what} {other} differs from {one} only in {differ_only_in(*pairs[0]) or 'form'}"
    more = f" (and {len(pairs) - 1} more)" if len(pairs) > 1 else ""
    return finding("RT311", message + more, pointer=pointer)
