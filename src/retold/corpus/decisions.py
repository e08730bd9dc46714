"""A file of decisions between annotators to fill in: TOML, with what each of them gives and the text it is about.

    # Mayor [Bo Berg] asked for a dam.
    # reader-1: {kind = "name", entity = "bo-berg"}
    # reader-2: nothing
    [[decisions]]
    document_id = "vale-flood-0"
    layer = "entities"
    item = "39:46"
    decision = "reader-1"
    reason = "D16"

A decision is the name of an annotator, ``nothing``, or what is right, such as ``{kind = "name", entity = "vale"}``. A
table for an item on which the annotators agree corrects them, or adds what none of them has.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from retold.corpus.adjudicate import AdjudicationError, adjudicate, answers, differences
from retold.corpus.load import Corpus, EventFolder
from retold.corpus.scaffold import read_text
from retold.io.atomic import write_atomic
from retold.io.jsonl import read_all
from retold.layers.scheme import Scheme
from retold.model.annotations import Annotation, AnnotationRecord, Decision, Document, encode
from retold.model.display import one_line
from retold.model.findings import Finding, FindingsError, UnreadableError, shorten
from retold.rules.bytes import refusal
from retold.rules.registry import did_you_mean, finding, nearest

__all__ = ["adjudicated", "annotated_once", "annotations_of", "apply_decisions", "decided", "open_decisions"]

_KEYS: Final = ("document_id", "layer", "item", "decision", "reason")
NOTHING: Final = "nothing"
_FILL_IN: Final = "Fill in `decision` and `reason` of this item in the file; 'nothing' means that it is not gold."
_WRITE: Final = (
    "'retold corpus adjudicate FILE --init' writes a new file with the differences that are not decided yet."
)


def adjudicated(
    event: EventFolder, documents: Mapping[str, Document], scheme: Scheme, decisions: Sequence[Decision] | None = None
) -> list[AnnotationRecord]:
    """Gold of an event: what its annotators agree on, and what was decided where they do not.

    Where only one annotated, that annotator's labels are gold. Without ``decisions`` those in the folder count.
    """
    given = decided(event, scheme) if decisions is None else decisions
    present = read_all(event.gold_file, scheme.decoder) if event.gold_file.exists() else []
    kept = {record.document_id: record for record in present}
    try:
        return adjudicate(annotations_of(event, scheme), given, documents, event.entities, scheme, kept)
    except AdjudicationError as error:
        raise _refused(str(error), str(event.adjudication_file)) from None


def annotated_once(corpus: Corpus, event_key: str) -> list[str]:
    """What only one of the annotators of an event annotated, so that there is nothing to decide."""
    annotators = annotations_of(corpus.events[event_key], corpus.scheme)
    alone: dict[tuple[str, str], list[str]] = {}
    for (document_id, layer), given in answers(annotators, corpus.scheme).items():
        if len(given) == 1 < len(annotators):
            alone.setdefault((document_id, next(iter(given))), []).append(layer)
    return [f"{key}: {', '.join(layers)} of {who} only; taken as gold" for (key, who), layers in alone.items()]


def annotations_of(event: EventFolder, scheme: Scheme) -> dict[str, list[AnnotationRecord]]:
    """The records of an event's annotators by name."""
    return {path.stem: read_all(path, scheme.decoder) for path in event.annotator_files}


def decided(event: EventFolder, scheme: Scheme) -> list[Decision]:
    """What was decided for an event."""
    file = event.adjudication_file
    found = read_all(file, scheme.decision_decoder) if file.exists() else []
    # Compared with what the annotators' records give, which are of the plain type.
    return [msgspec.convert(msgspec.to_builtins(decision), Decision) for decision in found]


def open_decisions(corpus: Corpus, event_key: str, agreement: str | None = None) -> str:
    """The file to fill in: a table for each difference without a decision that still holds; empty if there is none.

    The order is that of ``agreement``, what ``retold agree --format json`` wrote, if that is given.
    """
    event, scheme = corpus.events[event_key], corpus.scheme
    annotators = annotations_of(event, scheme)
    found = differences(annotators, scheme)
    told = {(each.document_id, each.layer, each.item): each.readers for each in decided(event, scheme)}
    order = list(found)
    if agreement is not None:
        listed = _listed(agreement, list(annotators))
        if unknown := [key for key in listed if key not in found]:
            message = f"the annotators do not differ on {'/'.join(unknown[0])}; run retold agree again"
            raise _refused(message, agreement)
        order = list(dict.fromkeys([*listed, *found]))
    tables = [_table(corpus, event, key, found[key]) for key in order if told.get(key) != found[key]]
    if not tables:
        return ""
    names = ", ".join(map(_quoted, annotators))
    return (
        f"# A decision is {names}, {_quoted(NOTHING)}, or what is right, in braces as the answers are.\n"
        "# Give each a reason.\n\n" + "\n".join(tables)
    )


def _listed(file: str, annotators: Sequence[str]) -> list[tuple[str, str, str]]:
    """Items of the disagreements that ``retold agree --format json`` lists."""
    try:
        told = json.loads(read_text(file))
        pairs = told.get("pairs", [told])
        names = {name for pair in pairs for name in pair["annotators"]}
        items = [(d["document_id"], d["layer"], d["item"]) for pair in pairs for d in pair["disagreements"]]
    except (json.JSONDecodeError, TypeError, KeyError, AttributeError):
        raise UnreadableError(f"{file}: not the output of 'retold agree --format json'") from None
    if names != set(annotators):
        raise _refused(f"compares {', '.join(sorted(names))}; the event has {', '.join(annotators)}", file)
    return items


def _table(
    corpus: Corpus, event: EventFolder, key: tuple[str, str, str], given: Mapping[str, Annotation | None]
) -> str:
    lines = [f"# {one_line(line)}" for line in _context(corpus, event, key, given)]
    lines += [f"# {name}: {_answer(annotation)}" for name, annotation in given.items()]
    lines.append("[[decisions]]")
    lines += [f"{name} = {_quoted(value)}" for name, value in zip(_KEYS, (*key, "", ""), strict=True)]
    return "".join(f"{line}\n" for line in lines)


def _context(
    corpus: Corpus, event: EventFolder, key: tuple[str, str, str], given: Mapping[str, Annotation | None]
) -> Iterator[str]:
    """The text that an item is about, and the evidence that somebody gives."""
    document, layer, item = corpus.documents[key[0]], corpus.scheme.layers[key[1]], key[2]
    text, sentences = document.text, document.sentences
    if not layer.keyed:
        start, end = map(int, item.split(":"))
        around = [span for span in sentences if span.start < end and start < span.end]
        low, high = (around[0].start, around[-1].end) if around else (start, end)
        yield f"{text[min(low, start) : start]}[{text[start:end]}]{text[end : max(high, end)]}"
    elif layer.names_claims and item in event.claims:
        yield event.claims[item].text
    shown = {n for each in given.values() for n in (each.evidence if each and each.evidence else ())}
    yield from (f"{n}  {text[sentences[n].start : sentences[n].end]}" for n in sorted(shown) if n < len(sentences))


def _quoted(value: str) -> str:
    # A string of JSON is one of TOML, but for DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _answer(annotation: Annotation | None) -> str:
    if annotation is None:
        return NOTHING
    fields = msgspec.to_builtins(annotation)
    pairs = (
        f"{key} = {_quoted(value) if isinstance(value, str) else json.dumps(value)}" for key, value in fields.items()
    )
    return f"{{{', '.join(pairs)}}}"


def apply_decisions(corpus: Corpus, event_key: str, file: str) -> dict[Path, int]:
    """Add the decisions of a filled-in file to those of an event, and make its gold.

    Returns each file that was written, and its number of lines; none is, if a decision is missing or does not fit.
    """
    event, scheme = corpus.events[event_key], corpus.scheme
    try:
        told = tomllib.loads(read_text(file).removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        raise UnreadableError(f"{file}: not a file of decisions: {error}") from None
    tables = told.pop("decisions", None)
    if told or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UnreadableError(f"{file}: not a file of decisions (expected [[decisions]] only)")
    annotators = annotations_of(event, scheme)
    findings: list[Finding] = []
    made: dict[tuple[str, str, str], Decision] = {}
    for number, table in enumerate(tables, 1):
        try:
            decision = _decision(table, annotators, scheme)
            key = decision.document_id, decision.layer, decision.item
            if key in made:
                raise AdjudicationError("is decided twice")
            made[key] = decision
        except AdjudicationError as error:
            name = "/".join(str(table[key]) for key in _KEYS[:3] if table.get(key)) or f"decision {number}"
            findings += _refused(f"{name}: {error}", file, _FILL_IN).findings
    if findings:
        raise FindingsError(findings)
    kept = [each for each in decided(event, scheme) if (each.document_id, each.layer, each.item) not in made]
    decisions = [*kept, *made.values()]
    gold = adjudicated(event, corpus.documents_of(event_key), scheme, decisions)
    write_atomic(event.adjudication_file, (encode(each) + b"\n" for each in decisions))
    write_atomic(event.gold_file, (encode(each) + b"\n" for each in gold))
    return {event.adjudication_file: len(decisions), event.gold_file: len(gold)}


def _decision(
    table: Mapping[str, Any], annotators: Mapping[str, Sequence[AnnotationRecord]], scheme: Scheme
) -> Decision:
    for key in table:
        if key not in _KEYS:
            raise _unknown(f"key {shorten(key)}", key, _KEYS)
    if missing := [key for key in _KEYS if table.get(key) in (None, "")]:
        raise AdjudicationError(f"fill in {' and '.join(missing)}")
    document_id, name, item = (str(table[key]) for key in _KEYS[:3])
    if name not in scheme.layers:
        raise _unknown("layer", name, scheme.layers)
    known = {record.document_id for records in annotators.values() for record in records}
    readers = {who: items.get(item) for who, items in answers(annotators, scheme).get((document_id, name), {}).items()}
    if document_id not in known:
        raise _unknown(f"document {shorten(document_id)}", document_id, known)
    decision: Annotation | None
    chosen = table["decision"]
    if not isinstance(chosen, str):
        try:
            decision = msgspec.convert(chosen, Annotation)
        except msgspec.ValidationError as error:
            raise AdjudicationError(f"decision: {error}") from None
    elif chosen in readers or chosen == NOTHING:
        decision = readers.get(chosen)
    else:
        allowed = [*readers, NOTHING]
        close = nearest(chosen, allowed)
        hint = f"; did you mean {close!r}?" if close else ""
        raise AdjudicationError(
            f"expected one of {', '.join(allowed)}, or an answer in braces, got {shorten(chosen)}{hint}"
        )
    return Decision(
        document_id=document_id, layer=name, item=item, readers=readers, decision=decision, reason=str(table["reason"])
    )


def _unknown(what: str, name: str, known: Iterable[str]) -> AdjudicationError:
    return AdjudicationError(f"unknown {what}. {did_you_mean(name, known) or ''}".rstrip())


def _refused(message: str, file: str, hint: str = _WRITE) -> FindingsError:
    return refusal(finding("RT714", message, hint=hint), file)
