"""Rules 7xx: the files of a corpus against each other. Nothing is opened here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime

from retold.model.annotations import CanonicalClaim, Document, Entity, Event, Release, Span
from retold.model.findings import Finding, shorten
from retold.model.manifest import Manifest
from retold.model.segment import ANNOTATED_ZONES
from retold.rules.consistency import format_kb_id
from retold.rules.references import unknown_entity
from retold.rules.registry import did_you_mean, finding, printable, rule
from retold.rules.schema import invalid_manifest, pointer_to

__all__ = [
    "check_claim",
    "check_document",
    "check_entity",
    "check_event",
    "check_manifest",
    "claim_that_no_span_states",
    "entity_without_mention",
    "is_date",
    "leftover",
    "one_kb_id_for_two_entities",
    "release_differs",
    "repeated_key",
    "views_out_of_date",
]


def is_date(text: str) -> bool:
    """Whether a text is a date of the calendar, as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


_DIGITS_AND_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")


def check_event(event: Event, folder: str, entities: Collection[str], needed: Collection[str]) -> list[Finding]:
    """Check an event and its holders and targets; ``needed`` are the keys that the layers of the corpus need."""
    findings = list(not_kebab(event.event, "/event"))
    if event.event != folder:
        findings.append(event_named_otherwise(event.event, folder, "/event"))
    findings += event_unfinished(event, needed)
    for index, holder in enumerate(event.holders):
        for number, entity in enumerate(holder.entities):
            if entity not in entities:
                findings.append(unknown_entity(entity, entities, f"/holders/{index}/entities/{number}", "gold"))
    for name, keys in (("holder", [h.holder for h in event.holders]), ("target", [t.target for t in event.targets])):
        for index, key in enumerate(keys):
            pointer = f"/{name}s/{index}/{name}"
            findings += not_kebab(key, pointer)
            if key in keys[:index]:
                findings.append(repeated_key(key, pointer))
    return findings


def check_manifest(
    manifest: Manifest, release: Release | None, events: Collection[str], languages: Collection[str]
) -> list[Finding]:
    """Check a manifest against the release, the events of the corpus and the languages of its documents."""
    found = []
    for key in ("name", "version"):
        given, released = getattr(manifest, key), getattr(release, key, "")
        if given and released and given != released:
            message = f"{key} is {shorten(given)}, that of the release {shorten(released)}"
            found.append(invalid_manifest(message, f"/{key}"))
    splits: dict[str, str] = {}
    for split, names in manifest.splits.items():
        for index, name in enumerate(names):
            pointer = pointer_to("splits", split, index)
            if name not in events:
                found.append(invalid_manifest(f"unknown event {shorten(name)}", pointer, did_you_mean(name, events)))
            elif splits.setdefault(name, split) != split or name in names[:index]:
                found.append(invalid_manifest(f"event {shorten(name)} is also in split {splits[name]}", pointer))
    if manifest.splits and (missing := [event for event in events if event not in splits]):
        found.append(invalid_manifest(f"no split has the event {shorten(missing[0])}", "/splits"))
    for each in sorted(set(languages) - set(manifest.languages)) if manifest.languages else ():
        found.append(invalid_manifest(f"documents in {shorten(each)}, which is not listed", "/languages"))
    return found


def check_document(document: Document, event: str) -> list[Finding]:
    """Check a document by itself: its seed, its event, its division."""
    findings = [*not_kebab(document.document_id, "/document_id"), *seed_differs(document)]
    if document.event != event:
        findings.append(event_named_otherwise(document.event, event, "/event"))
    findings += zones_do_not_tile(document)
    if not findings:
        # Without valid zones it is unknown what paragraphs and sentences should cover.
        findings += division_at_fault(document, "paragraphs", document.paragraphs)
        findings += division_at_fault(document, "sentences", document.sentences)
        findings += sentence_across_paragraphs(document)
    return [*findings, *not_a_date(document)]


def check_entity(entity: Entity) -> list[Finding]:
    """Check one entity of a catalogue; the layers check its labels against the corpus."""
    findings = list(not_kebab(entity.entity, "/entity"))
    if (entity.kb_status == "verified") != (entity.kb_id is not None):
        findings.append(status_contradicts_kb_id(entity))
    return findings


def check_claim(claim: CanonicalClaim, claims: Mapping[str, CanonicalClaim]) -> list[Finding]:
    """Check one claim of a catalogue."""
    return [*not_kebab(claim.claim, "/claim"), *mutation_at_fault(claim, claims)]


@rule("RT701")
def seed_differs(document: Document) -> Iterator[Finding]:
    """The text of a document does not match the hash of its seed.

    The text is the seed file byte for byte; every offset depends on it.
    Example: a typo corrected in `text` of documents.jsonl - `seed_sha256` is still the hash of the old text.
    Hint: Rebuild the corpus from the seeds; never edit the text.
    """
    actual = hashlib.sha256(document.text.encode("utf-8", "surrogatepass")).hexdigest()
    if actual != document.seed_sha256:
        message = f"expected SHA-256 {shorten(document.seed_sha256, 80)} of the text, got {actual}"
        yield finding("RT701", message, pointer="/seed_sha256", document=printable(document.document_id))


@rule("RT702")
def views_out_of_date(path: str, expected: bytes | None, actual: bytes | None) -> Iterator[Finding]:
    """A flat view is out of date: a row differs from the corpus, is missing, or is extra.

    Users of `datasets` read the views, the scorer reads gold.
    Example: `{"holder": "mayor", "target": "dam", "label": "against"}` in views/stance.jsonl - in gold the label is
    favor.
    Hint: Rebuild the views with `retold corpus build`.
    """
    if expected != actual:
        state = "has too few rows" if actual is None else "differs from the corpus"
        yield finding("RT702", f"{path} {'has too many rows' if expected is None else state}")


@rule("RT703", gold="warning", annotation="warning", prediction="warning")
def entity_without_mention(entity: str) -> Finding:
    """An entity of the catalogue has no mention, in gold or by an annotator.

    It may be obsolete, or its mentions were forgotten.
    Example: `{"entity": "berg", "name": "B", "type": "PER", "kb_id": null, "kb_status": "nil", "aliases": {}}` - every
    mention of the mayor has the entity bo-berg.
    Hint: Remove the entity, or annotate its mentions.
    """
    return finding("RT703", f"entity {shorten(entity)} has no mention", pointer="/entity")


@rule("RT704")
def zones_do_not_tile(document: Document) -> Iterator[Finding]:
    """The zones of a document have gaps, overlap, or do not end with the text.

    Every character belongs to one zone, which decides whether it is annotated.
    Example: `{"zones": [{"start": 1, "end": 22, "zone": "title"}]}` - the character at 0 is in no zone.
    Hint: Start the first zone at 0 and every other zone where the previous one ends; end the last with the text.
    """
    key = printable(document.document_id)
    position = 0
    for index, zone in enumerate(document.zones):
        if zone.start != position or zone.end <= zone.start:
            message = f"expected a zone that starts at {position}, got {zone.start} to {zone.end}"
            yield finding("RT704", message, pointer=f"/zones/{index}", document=key)
            return
        position = zone.end
    if position != len(document.text):
        message = f"the zones end at {position}, the text at {len(document.text)}"
        yield finding("RT704", message, pointer="/zones", document=key)


@rule("RT705")
def division_at_fault(document: Document, name: str, spans: Sequence[Span]) -> Iterator[Finding]:
    """Paragraphs or sentences overlap, are out of order or blank, or do not cover title and body exactly.

    Evidence counts sentences, and intervals resample paragraphs.
    Example: `{"sentences": [{"start": 65, "end": 88}]}` - the sentence begins at 64; its first letter is left out.
    Hint: Correct the division in the text that `retold corpus show` writes, and apply it with `retold corpus divide`.
    """
    text, covered = document.text, 0
    for index, span in enumerate(spans):
        if not covered <= span.start < span.end <= len(text):
            yield _misplaced(document, name, index, span, "is empty, out of order or outside the text")
            return
        if text[span.start].isspace() or text[span.end - 1].isspace():
            yield _misplaced(document, name, index, span, "begins or ends with white space")
        if not any(z.start <= span.start and span.end <= z.end for z in document.zones if z.zone in ANNOTATED_ZONES):
            yield _misplaced(document, name, index, span, "is not inside one title or body zone")
        yield from _uncovered(document, name, covered, span.start)
        covered = span.end
    yield from _uncovered(document, name, covered, len(text))


def _misplaced(document: Document, name: str, index: int, span: Span, why: str) -> Finding:
    message, key = f"{name}: {span.start} to {span.end} {why}", printable(document.document_id)
    return finding("RT705", message, pointer=f"/{name}/{index}", document=key)


def _uncovered(document: Document, name: str, start: int, end: int) -> Iterator[Finding]:
    for zone in document.zones:
        if zone.zone in ANNOTATED_ZONES:
            low, high = max(start, zone.start), min(end, zone.end)
            if low < high and (words := document.text[low:high].strip()):
                message = f"{name} do not cover {shorten(words)} between {low} and {high}"
                yield finding("RT705", message, pointer=f"/{name}", document=printable(document.document_id))


def sentence_across_paragraphs(document: Document) -> Iterator[Finding]:
    """RT705 for a sentence that is not inside a paragraph."""
    paragraphs = iter(document.paragraphs)
    paragraph = next(paragraphs, None)
    for index, sentence in enumerate(document.sentences):
        while paragraph is not None and paragraph.end <= sentence.start:
            paragraph = next(paragraphs, None)
        if paragraph is None or sentence.start < paragraph.start or sentence.end > paragraph.end:
            yield _misplaced(document, "sentences", index, sentence, "is not inside one paragraph")


@rule("RT706")
def release_differs(path: str, expected: str | None, actual: str | None) -> Iterator[Finding]:
    """A file does not match its hash in release.json.

    The hash of the release is in the signature of every score.
    Example: a line feed added to event.json after the release - its SHA-256 is no longer that in release.json.
    Hint: Restore the file, or make a new release.
    """
    if actual is None:
        yield finding("RT706", f"{path} is in the release, but missing")
    elif expected is None:
        yield finding("RT706", f"{path} is not in the release")
    elif expected != actual:
        yield finding("RT706", f"expected SHA-256 {shorten(expected, 80)} of {path}, got {actual}")


@rule("RT707")
def mutation_at_fault(claim: CanonicalClaim, claims: Mapping[str, CanonicalClaim]) -> Iterator[Finding]:
    """A mutated claim lacks its original or the kind of fact that was changed.

    Results are broken down by mutation; a mutation of a mutation would differ in two facts.
    Example: `{"claim": "dam-costs-9", "mutation_of": "dam-costs-5", "mutation": null}` - `mutation` should be number.
    Hint: Set both `mutation_of`, the key of a claim that is not a mutation, and `mutation`; or neither.
    """
    if (claim.mutation_of is None) != (claim.mutation is None):
        message = "expected both or neither of mutation_of and mutation"
        yield finding("RT707", message, pointer="/mutation" if claim.mutation is None else "/mutation_of")
    elif claim.mutation_of is not None:
        origin = claims.get(claim.mutation_of)
        if origin is None or origin is claim or origin.mutation_of is not None or claim.mutation_of == claim.claim:
            name = shorten(claim.mutation_of)
            message = f"unknown claim {name}" if origin is None else f"{name} is a mutation itself"
            yield finding("RT707", message, pointer="/mutation_of")


@rule("RT708")
def one_kb_id_for_two_entities(entity: Entity, other: str) -> Finding:
    """Two entities of a catalogue have the same `kb_id`.

    One of the links is wrong, or they are the same entity.
    Example: `{"entity": "bo-berg", "kb_id": "Q11"}` and `{"entity": "berg", "kb_id": "Q11"}` - both are Q11.
    Hint: Correct the id, or merge the entities.
    """
    return finding("RT708", f"{shorten(entity.kb_id)} is also the kb_id of {shorten(other)}", pointer="/kb_id")


@rule("RT709")
def not_kebab(key: str, pointer: str) -> Iterator[Finding]:
    """A key has characters other than lower-case letters, digits and single hyphens.

    Keys are used in file names, URLs and column names.
    Example: `{"entity": "Bo Berg"}` - the key should be bo-berg.
    Hint: Use kebab case, as in `emmanuel-macron`.
    """
    if not all(part and _DIGITS_AND_LETTERS.issuperset(part) for part in key.split("-")):
        yield finding("RT709", f"key {shorten(key)} is not in kebab case", pointer=pointer)


@rule("RT710", gold="warning", annotation="warning", prediction="warning")
def claim_that_no_span_states(claim: str) -> Finding:
    """A claim of the catalogue, not a mutation, is stated by no gold span and supported by no document.

    It may be obsolete, or its span was forgotten.
    Example: `{"claim": "unsaid", "text": "Nobody says it.", "mutation_of": null, "mutation": null}` - no document says
    it.
    Hint: Remove the claim, or annotate the span that states it.
    """
    return finding("RT710", f"claim {shorten(claim)} is neither stated nor supported", pointer="/claim")


@rule("RT711")
def repeated_key(key: str, pointer: str, hint: str | None = None) -> Finding:
    """A key occurs twice in a catalogue or in an event.

    The second would replace the first.
    Example: `{"entity": "vale", "type": "GPE"}` in two lines of entities.jsonl - the second replaces the first.
    Hint: Merge the two, or rename one.
    """
    return finding("RT711", f"key {shorten(key)} already exists", hint=hint, pointer=pointer)


@rule("RT712")
def event_named_otherwise(event: str, folder: str, pointer: str) -> Finding:
    """The event named in a document or an event.json is not the name of its folder.

    Records are checked against the event that the document names.
    Example: `{"event": "flood"}` in events/drought/event.json - the event should be drought.
    Hint: Use the name of the folder, or move the file.
    """
    return finding("RT712", f"expected event {shorten(folder)}, got {shorten(event)}", pointer=pointer)


@rule("RT713")
def status_contradicts_kb_id(entity: Entity) -> Finding:
    """`kb_status` and `kb_id` of an entity contradict each other.

    Linking is scored over verified ids; nil and unverified entities have none.
    Example: `{"entity": "vale", "kb_id": null, "kb_status": "verified"}` - there is no id to verify.
    Hint: Use `verified` with an id, `nil` or `unverified` with null.
    """
    message = f"kb_status is {entity.kb_status}, but kb_id is {format_kb_id(entity.kb_id)}"
    return finding("RT713", message, pointer="/kb_status")


@rule("RT714")
def gold_not_reproduced(why: str) -> Finding:
    """Gold is not what the annotators' files and the adjudication give.

    Every gold label can be traced to the annotators and to a written decision.
    Example: `{"holder": "mayor", "target": "dam", "label": "against"}` in annotators/reader-1.jsonl - gold, built
    before that was changed, has favor.
    Hint: Decide the open differences with `retold corpus adjudicate`, and rebuild gold with `retold corpus build`.
    """
    return finding("RT714", f"gold cannot be rebuilt from annotations and adjudication: {why}")


@rule("RT715")
def event_unfinished(event: Event, needed: Collection[str]) -> Iterator[Finding]:
    """An event has no title, date, description, holder or target.

    Stance is labelled for holders towards targets.
    Example: `{"event": "flood", "title": ""}` - the title is empty.
    Hint: Fill it in.
    """
    for key in ("title", "description", *needed):
        if not getattr(event, key):
            yield finding("RT715", f"the event has no {key}", pointer=f"/{key}")
    if not is_date(event.date):
        message = f"not a valid date: {shorten(event.date)}" if event.date else "the event has no date"
        yield finding("RT715", message, hint="Write it as YYYY-MM-DD.", pointer="/date")


@rule("RT716", gold="warning", annotation="warning", prediction="warning")
def leftover(path: str, unfinished: bool) -> Finding:
    """The folder of events has something that belongs to no event; it is ignored.

    An interrupted command leaves it, or an event lacks its event.json and is not in the corpus.
    Example: events/drought without event.json - it is no event; events/.drought.1a2b3c4d - writing it was interrupted.
    Hint: Remove it, or complete it.
    """
    why = "was left by an interrupted command" if unfinished else "has no event.json"
    return finding("RT716", f"{path} {why} and is ignored", hint="Remove it." if unfinished else None)


@rule("RT717")
def not_a_date(document: Document) -> Iterator[Finding]:
    """A date of a document is not in the calendar.

    Users sort and filter by it, and other programs read it.
    Example: `{"published": "2024-02-30"}` - that February had 29 days.
    Hint: Write it as YYYY-MM-DD, or null where the text does not say when it was published.
    """
    for key in ("published", "event_date"):
        text = getattr(document, key)
        # An event without a date is RT715.
        if text and not re.fullmatch(r"\d{4}(-(0[1-9]|1[0-2]))?", text):
            try:
                datetime.fromisoformat(text)
            except ValueError:
                message = f"{key} is not a valid date: {shorten(text)}"
                yield finding("RT717", message, pointer=f"/{key}", document=printable(document.document_id))
