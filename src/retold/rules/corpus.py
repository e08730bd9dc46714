"""Rules 7xx: the files of a corpus against each other. Plain objects and values come in; nothing is opened here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from retold.model.annotations import CanonicalClaim, Document, Entity, Event, Span
from retold.model.findings import Finding, shorten
from retold.model.segment import ANNOTATED_ZONES
from retold.rules.consistency import no_kb_id
from retold.rules.references import unknown_entity
from retold.rules.registry import finding, printable, rule

__all__ = [
    "check_claim",
    "check_document",
    "check_entity",
    "check_event",
    "claim_that_no_span_states",
    "entity_without_mention",
    "one_kb_id_for_two_entities",
    "release_differs",
    "repeated_key",
    "views_out_of_date",
]

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DIGITS_AND_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")


def check_event(event: Event, folder: str, entities: Collection[str]) -> list[Finding]:
    """What is wrong with an event and its holders and targets."""
    findings = list(not_kebab(event.event, "/event"))
    if event.event != folder:
        findings.append(event_named_otherwise(event.event, folder, "/event"))
    findings += event_unfinished(event)
    seen: set[str] = set()
    for index, holder in enumerate(event.holders):
        pointer = f"/holders/{index}"
        findings += not_kebab(holder.holder, f"{pointer}/holder")
        if holder.holder in seen:
            findings.append(repeated_key(holder.holder, f"{pointer}/holder"))
        seen.add(holder.holder)
        for place, entity in enumerate(holder.entities):
            if entity not in entities:
                findings.append(unknown_entity(entity, entities, f"{pointer}/entities/{place}", "gold"))
    seen = set()
    for index, target in enumerate(event.targets):
        findings += not_kebab(target.target, f"/targets/{index}/target")
        if target.target in seen:
            findings.append(repeated_key(target.target, f"/targets/{index}/target"))
        seen.add(target.target)
    return findings


def check_document(document: Document, event: str) -> list[Finding]:
    """What is wrong with a document by itself: its seed, its event, its division."""
    findings = [*not_kebab(document.document_id, "/document_id"), *seed_differs(document)]
    if document.event != event:
        findings.append(event_named_otherwise(document.event, event, "/event"))
    findings += zones_do_not_tile(document)
    if not findings:
        # Where the zones are at fault there is no telling what paragraphs and sentences should cover.
        findings += division_at_fault(document, "paragraphs", document.paragraphs)
        findings += division_at_fault(document, "sentences", document.sentences)
        findings += sentence_across_paragraphs(document)
    return findings


def check_entity(entity: Entity, is_kb_id: Callable[[str], bool]) -> list[Finding]:
    """What is wrong with one entity of a catalogue, whose ids ``is_kb_id`` knows."""
    findings = list(not_kebab(entity.entity, "/entity"))
    if entity.kb_id is not None and not is_kb_id(entity.kb_id):
        findings.append(no_kb_id(entity.kb_id, "/kb_id", "gold"))
    if (entity.kb_status == "verified") != (entity.kb_id is not None):
        findings.append(status_contradicts_kb_id(entity))
    return findings


def check_claim(claim: CanonicalClaim, claims: Mapping[str, CanonicalClaim]) -> list[Finding]:
    """What is wrong with one claim of a catalogue."""
    return [*not_kebab(claim.claim, "/claim"), *mutation_at_fault(claim, claims)]


@rule("RT701")
def seed_differs(document: Document) -> Iterator[Finding]:
    """The hash of a document's seed is not that of its text.

    The text is the seed file byte for byte; every offset depends on it.

    Example: a typing error mended in `text` of documents.jsonl - `seed_sha256` still is the hash of the text before.

    Hint: Build the corpus again from the seeds, never edit the text.
    """
    actual = hashlib.sha256(document.text.encode("utf-8", "surrogatepass")).hexdigest()
    if actual != document.seed_sha256:
        message = f"the text has SHA-256 {actual}, the document names {shorten(document.seed_sha256, 80)}"
        yield finding("RT701", "gold", message, pointer="/seed_sha256", document=printable(document.document_id))


@rule("RT702")
def views_out_of_date(path: str, expected: bytes | None, actual: bytes | None) -> Iterator[Finding]:
    """A row of a flat view is not what the corpus gives, or one is missing or too many.

    Users of `datasets` read the views; they would work with other labels than the scorer.

    Example: `{"holder": "mayor", "target": "dam", "label": "against"}` in views/stance.jsonl - in gold the label is
    favor.

    Hint: Build the views again with scripts/corpus/build_corpus.py.
    """
    if expected != actual:
        state = "ends before the corpus does" if actual is None else "differs from the corpus"
        yield finding("RT702", "gold", f"{path} {'has rows too many' if expected is None else state}")


@rule("RT703", gold="warning", annotation="warning", prediction="warning")
def entity_without_mention(entity: str) -> Finding:
    """An entity of the catalogue is named by no mention, of gold or of an annotator.

    It may be left from an earlier round, or its mentions were forgotten.

    Example: `{"entity": "berg", "name": "B", "type": "PER", "kb_id": null, "kb_status": "nil", "aliases": {}}` - every
    mention of the mayor has the entity bo-berg.

    Hint: Remove the entity, or annotate its mentions.
    """
    return finding("RT703", "gold", f"no mention refers to {shorten(entity)}", pointer="/entity")


@rule("RT704")
def zones_do_not_tile(document: Document) -> Iterator[Finding]:
    """The zones of a document leave a gap, overlap, or end elsewhere than the text.

    Every character belongs to one zone; the zone decides whether it is annotated.

    Example: `{"zones": [{"start": 1, "end": 22, "zone": "title"}]}` - the character at 0 is in no zone.

    Hint: Let each zone begin where the one before it ends, the first at 0, the last ending with the text.
    """
    key = printable(document.document_id)
    position = 0
    for index, zone in enumerate(document.zones):
        if zone.start != position or zone.end <= zone.start:
            message = f"a zone from {zone.start} to {zone.end} where one should begin at {position}"
            yield finding("RT704", "gold", message, pointer=f"/zones/{index}", document=key)
            return
        position = zone.end
    if position != len(document.text):
        message = f"the zones end at {position}, the text has {len(document.text)} characters"
        yield finding("RT704", "gold", message, pointer="/zones", document=key)


@rule("RT705")
def division_at_fault(document: Document, name: str, spans: Sequence[Span]) -> Iterator[Finding]:
    """Paragraphs or sentences overlap, are out of order, are blank, leave the annotated zones or do not cover them.

    Evidence counts sentences and intervals draw paragraphs: a character outside them is lost to both.

    Example: `{"sentences": [{"start": 65, "end": 88}]}` - the sentence begins at 64; its first letter is left out.

    Hint: Correct documents.jsonl, or the opening words in scripts/corpus/documents.toml where it has them, and build
    again.
    """
    text, key = document.text, printable(document.document_id)
    covered = 0
    for index, span in enumerate(spans):
        pointer = f"/{name}/{index}"
        if not covered <= span.start < span.end <= len(text):
            message = f"{name}: {span.start} to {span.end} is empty, out of order or beyond the text"
            yield finding("RT705", "gold", message, pointer=pointer, document=key)
            return
        if text[span.start].isspace() or text[span.end - 1].isspace():
            message = f"{name}: {span.start} to {span.end} is blank or has white space at its edge"
            yield finding("RT705", "gold", message, pointer=pointer, document=key)
        if not any(z.start <= span.start and span.end <= z.end for z in document.zones if z.zone in ANNOTATED_ZONES):
            message = f"{name}: {span.start} to {span.end} does not lie in one title or body zone"
            yield finding("RT705", "gold", message, pointer=pointer, document=key)
        yield from _uncovered(document, name, covered, span.start)
        covered = span.end
    yield from _uncovered(document, name, covered, len(text))


def _uncovered(document: Document, name: str, start: int, end: int) -> Iterator[Finding]:
    for zone in document.zones:
        if zone.zone in ANNOTATED_ZONES:
            low, high = max(start, zone.start), min(end, zone.end)
            if low < high and (left := document.text[low:high].strip()):
                message = f"{name} leave out {shorten(left)} between {low} and {high}"
                yield finding("RT705", "gold", message, pointer=f"/{name}", document=printable(document.document_id))


def sentence_across_paragraphs(document: Document) -> Iterator[Finding]:
    """RT705 for a sentence that lies in no paragraph."""
    paragraphs = iter(document.paragraphs)
    paragraph = next(paragraphs, None)
    for index, sentence in enumerate(document.sentences):
        while paragraph is not None and paragraph.end <= sentence.start:
            paragraph = next(paragraphs, None)
        if paragraph is None or sentence.start < paragraph.start or sentence.end > paragraph.end:
            message = f"sentences: {sentence.start} to {sentence.end} does not lie in one paragraph"
            key = printable(document.document_id)
            yield finding("RT705", "gold", message, pointer=f"/sentences/{index}", document=key)


@rule("RT706")
def release_differs(path: str, expected: str | None, actual: str | None) -> Iterator[Finding]:
    """A file is not the one that release.json names.

    The release's hash is in the signature of every score; it must stand for these very files.

    Example: a line feed added to event.json after the release was cut - its SHA-256 is no longer that in release.json.

    Hint: Restore the file, or cut a new release.
    """
    if actual is None:
        yield finding("RT706", "gold", f"the release names {path}, which is missing")
    elif expected is None:
        yield finding("RT706", "gold", f"the release does not name {path}")
    elif expected != actual:
        message = f"{path} has SHA-256 {actual}, the release names {shorten(expected, 80)}"
        yield finding("RT706", "gold", message)


@rule("RT707")
def mutation_at_fault(claim: CanonicalClaim, claims: Mapping[str, CanonicalClaim]) -> Iterator[Finding]:
    """A mutated claim lacks its origin or the kind of fact that was changed.

    Results are broken down by mutation; a mutation of a mutation differs in two facts.

    Example: `{"claim": "dam-costs-9", "mutation_of": "dam-costs-5", "mutation": null}` - the number was changed, and
    `mutation` does not say so.

    Hint: Give both `mutation_of`, a key of a claim that is no mutation itself, and `mutation`; or neither.
    """
    if (claim.mutation_of is None) != (claim.mutation is None):
        message = "mutation_of and mutation stand together or not at all"
        yield finding("RT707", "gold", message, pointer="/mutation" if claim.mutation is None else "/mutation_of")
    elif claim.mutation_of is not None:
        origin = claims.get(claim.mutation_of)
        if origin is None or origin is claim or origin.mutation_of is not None or claim.mutation_of == claim.claim:
            state = "is not in the catalogue" if origin is None else "is a mutation itself"
            message = f"the origin {shorten(claim.mutation_of)} {state}"
            yield finding("RT707", "gold", message, pointer="/mutation_of")


@rule("RT708")
def one_kb_id_for_two_entities(entity: Entity, other: str) -> Finding:
    """Two entities of a catalogue have the same `kb_id`.

    One of them is linked wrongly, or they are one entity.

    Example: `{"entity": "bo-berg", "kb_id": "Q11"}` and `{"entity": "berg", "kb_id": "Q11"}` - both are Q11.

    Hint: Correct the id, or join the entities.
    """
    message = f"{shorten(entity.kb_id)} is the kb_id of {shorten(other)} already"
    return finding("RT708", "gold", message, pointer="/kb_id")


@rule("RT709")
def not_kebab(key: str, pointer: str) -> Iterator[Finding]:
    """A key is not written in lower-case letters, digits and single hyphens.

    Keys stand in file names, URLs and column names; one way of writing them keeps them equal everywhere.

    Example: `{"entity": "Bo Berg"}` - capitals and a blank; write bo-berg.

    Hint: Write it like `emmanuel-macron`.
    """
    if not all(part and _DIGITS_AND_LETTERS.issuperset(part) for part in key.split("-")):
        yield finding("RT709", "gold", f"the key {shorten(key)} is not lower-case kebab", pointer=pointer)


@rule("RT710", gold="warning", annotation="warning", prediction="warning")
def claim_that_no_span_states(claim: str) -> Finding:
    """A claim of the catalogue is no mutation, and no gold span states it and no document supports it.

    It may be left from an earlier round, or its span was forgotten.

    Example: `{"claim": "unsaid", "text": "Nobody says it.", "mutation_of": null, "mutation": null}` - no document says
    it.

    Hint: Remove the claim, or annotate the span that states it.
    """
    return finding("RT710", "gold", f"no gold span states {shorten(claim)}, no document supports it", pointer="/claim")


@rule("RT711")
def repeated_key(key: str, pointer: str) -> Finding:
    """A key is given twice in a catalogue or in an event.

    The later one would silently replace the earlier.

    Example: `{"entity": "vale", "type": "GPE"}` in two lines of entities.jsonl - the second replaces the first.

    Hint: Join the two, or give one another key.
    """
    return finding("RT711", "gold", f"the key {shorten(key)} is given already", pointer=pointer)


@rule("RT712")
def event_named_otherwise(event: str, folder: str, pointer: str) -> Finding:
    """A document or an event.json names another event than the folder that it is in.

    Records are checked against the event that the document names; they would be checked against nothing.

    Example: `{"event": "flood"}` in events/drought/event.json - the folder is that of another event.

    Hint: Name the folder's event, or move the file.
    """
    return finding("RT712", "gold", f"the event is {shorten(event)}, the folder is {shorten(folder)}", pointer=pointer)


@rule("RT713")
def status_contradicts_kb_id(entity: Entity) -> Finding:
    """`kb_status` and `kb_id` of an entity contradict each other.

    Linking is scored over verified ids; nil and unverified entities have none.

    Example: `{"entity": "vale", "kb_id": null, "kb_status": "verified"}` - there is no id that was verified.

    Hint: Give `verified` with an id, `nil` or `unverified` with null.
    """
    shown = "null" if entity.kb_id is None else shorten(entity.kb_id)
    return finding("RT713", "gold", f"kb_status is {entity.kb_status}, kb_id is {shown}", pointer="/kb_status")


@rule("RT714")
def gold_not_reproduced(why: str) -> Finding:
    """Gold is not what the annotators' files and the adjudication give.

    Every gold label can be traced to what two readers gave and to a written decision; otherwise nobody can say where a
    label comes from.

    Example: `{"holder": "mayor", "target": "dam", "label": "against"}` in annotators/reader-1.jsonl - gold, built
    before that was changed, has favor.

    Hint: Decide what is open in annotators/adjudication.jsonl, then rebuild gold (make corpus).
    """
    return finding("RT714", "gold", f"gold cannot be rebuilt from annotators and adjudication: {why}")


@rule("RT715")
def event_unfinished(event: Event) -> Iterator[Finding]:
    """An event has no title, date, description, holder or target yet.

    Stance is labelled for holders towards targets; without them there is nothing to annotate, and without the rest
    nobody knows what the event is.

    Example: `{"event": "flood", "title": ""}` - the title is empty.

    Hint: Fill in event.json, the date as YYYY-MM-DD.
    """
    for key in ("title", "description", "holders", "targets"):
        if not getattr(event, key):
            yield finding("RT715", "gold", f"the event has no {key}", pointer=f"/{key}")
    if not _DATE.fullmatch(event.date):
        yield finding("RT715", "gold", f"{shorten(event.date)} is no date such as 2023-10-24", pointer="/date")
