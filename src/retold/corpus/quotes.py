"""Annotations that quote the text instead of giving offsets.

Annotators, human or model, count characters badly and quote well. In this format a span is given by its sentence and
its words, and this module finds the offsets. One JSON object per line, one file per layer:

    mentions.jsonl      {"document_id", "sentence", "quote", "nth", "kind", "entity"}
    stance.jsonl        {"document_id", "holder", "target", "label", "evidence"}
    claims.jsonl        {"document_id", "sentence", "quote", "nth", "source", "claim"}
    verification.jsonl  {"document_id", "claim", "label", "evidence"}

Sentences are those that ``retold corpus show DOCUMENT --sentences`` numbers. ``nth`` says which occurrence of the quote
in the sentence is meant, counted from 1 (the default). A non-breaking space in the document may be quoted as a plain
one. Types and ids of mentions come from the entity catalogue. A layer without a file was not annotated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from retold.corpus.load import Corpus
from retold.io.atomic import write_atomic
from retold.io.jsonl import read_lines
from retold.io.sources import Source
from retold.layers import LAYERS
from retold.layers.scheme import Scheme, default_scheme
from retold.model.alike import occurrences
from retold.model.annotations import AnnotationRecord, Document, Entity, encode
from retold.model.findings import Finding, FindingsError, UnreadableError, shorten
from retold.rules import LineDecoder, located
from retold.rules.registry import did_you_mean, finding, nearest

__all__ = ["QuotedCell", "QuotedClaim", "QuotedMention", "QuotedPair", "import_quotes", "resolve"]


Nth = Annotated[int, Meta(ge=1)]


class _Quote(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    document_id: str
    sentence: int
    quote: str
    nth: Nth = 1


class QuotedMention(_Quote, frozen=True, kw_only=True):
    """A mention as quoted."""

    kind: str
    entity: str


class QuotedClaim(_Quote, frozen=True, kw_only=True):
    """A claim span as quoted."""

    source: str
    claim: str


class QuotedCell(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A stance cell of a named document."""

    document_id: str
    holder: str | UnsetType = UNSET
    target: str
    label: str
    evidence: list[int]


class QuotedPair(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A verification pair of a named document."""

    document_id: str
    claim: str
    label: str
    evidence: list[int]


def _by_span(span: Any) -> tuple[int, int]:
    return span.start, -span.end


#: Keyword of ``resolve`` and name of the file -> layer, type of a line, and sort key of the layer's items.
_LAYERS: Final[dict[str, tuple[str, type[Struct], Callable[[Any], Any]]]] = {
    "mentions": ("entities", QuotedMention, _by_span),
    "claims": ("claims", QuotedClaim, _by_span),
    "stance": ("stance", QuotedCell, lambda cell: (cell.holder or "", cell.target)),
    "verification": ("verification", QuotedPair, lambda pair: pair.claim),
}


def import_quotes(
    folder: str | Path, corpus: Corpus, event_key: str, annotator: str, empty: Sequence[str] = ()
) -> tuple[Path, list[str]]:
    """Turn the quotes in a folder, a file for each layer, into records with offsets, all of them or none.

    A document without a quote was not annotated, unless ``empty`` names it.

    Returns:
        The file that was written, and what its reader should know: layers and documents that were not annotated.

    Raises:
        ValueError: the name of the annotator is invalid, or an empty document unknown.
        UnreadableError: a file cannot be read, or the folder has none of quotes.
        FindingsError: a file has a name that no layer has, or a line is wrong; all are listed.
    """
    if not re.fullmatch(r"\w[\w.-]*", annotator) or annotator == "adjudication":
        raise ValueError(f"not a valid name of an annotator: {annotator!r} (expected a name like 'reader-1')")
    event, scheme = corpus.events[event_key], corpus.scheme
    names = [name for name, (layer, *_) in _LAYERS.items() if layer in scheme.layers]
    findings = _misnamed(Path(folder), names)
    quoted: dict[str, list[Any]] = {}
    lines: dict[str, list[int]] = {}
    for name in names:
        file = Path(folder, f"{name}.jsonl")
        if not file.exists():
            continue
        quoted[name] = []
        decoder = LineDecoder(_LAYERS[name][1])
        for number, line in read_lines(Source.of(file)):
            record, found = decoder.decode(line, number=number, file=str(file)) if line.strip() else (None, [])
            findings += found
            if record is not None:
                quoted[name].append(record)
                lines.setdefault(name, []).append(number)
    documents = corpus.documents_of(event_key)
    for key in empty:
        if key not in documents:
            raise ValueError(f"unknown document {key!r}. {did_you_mean(key, documents) or ''}".rstrip())
    given = {name: quoted.get(name) for name in names}
    try:
        records = resolve(documents, event.entities, scheme=scheme, lines=lines, folder=str(folder), **given)
    except FindingsError as error:
        findings += error.findings
    if findings:
        raise FindingsError(findings)
    if not lines:
        raise UnreadableError(f"{folder}: has no quotes (expected {', '.join(f'{name}.jsonl' for name in names)})")
    target = event.folder / "annotators" / f"{annotator}.jsonl"
    used = {*empty, *(item.document_id for items in quoted.values() for item in items)}
    write_atomic(target, (encode(record) + b"\n" for record in records if record.document_id in used))
    notes = [f"{name}.jsonl is missing: {_LAYERS[name][0]} is not annotated" for name in names if name not in quoted]
    return target, [*notes, *(f"no quotes from {key}: it is not annotated" for key in documents if key not in used)]


def _misnamed(folder: Path, names: Sequence[str]) -> list[Finding]:
    """Files that look like quotes, but are not named like those of a layer."""
    found = []
    for file in sorted(path for path in folder.iterdir() if path.is_file()):
        stem, similar = file.name.partition(".")[0], nearest(file.name.partition(".")[0], names)
        looks = similar or re.search(r"\.(ndjson|json.*)$", file.name, re.I)
        if looks and not file.name.startswith(".") and (stem not in names or file.name != f"{stem}.jsonl"):
            message = (
                f"no layer has quotes in a file of this name, expected {', '.join(f'{name}.jsonl' for name in names)}"
            )
            hint = f"Did you mean '{similar}.jsonl'?" if similar else "Rename the file, or move it elsewhere."
            found += located([finding("RT204", message, hint=hint)], file)
    return found


def resolve(
    documents: Mapping[str, Document],
    catalogue: Mapping[str, Entity],
    *,
    scheme: Scheme | None = None,
    mentions: Iterable[QuotedMention] | None = (),
    stance: Iterable[QuotedCell] | None = (),
    claims: Iterable[QuotedClaim] | None = (),
    verification: Iterable[QuotedPair] | None = (),
    lines: Mapping[str, Sequence[int]] | None = None,
    folder: str = "",
) -> list[AnnotationRecord]:
    """Return one record for each document, its lists sorted by span or key.

    A layer that was not quoted at all (None) is left out. ``lines`` says where the items of a file stand in it, if not
    one on each line.

    Raises:
        FindingsError: a quote, document, sentence, entity or label does not exist; all are listed, with file and line.
    """
    scheme = scheme or default_scheme()
    findings: list[Finding] = []
    made: dict[str, dict[str, list[Any]]] = {key: {layer: [] for layer, *_ in _LAYERS.values()} for key in documents}
    given: dict[str, Any] = {"mentions": mentions, "claims": claims, "stance": stance, "verification": verification}
    for name, items in given.items():
        layer = _LAYERS[name][0]
        kind = LAYERS[layer].plain_type
        labels = _labels(scheme, layer)
        file = str(Path(folder, f"{name}.jsonl"))
        for number, item in enumerate(items or ()):
            line = lines[name][number] if lines else number + 1
            problems = located(_problems(item, documents, catalogue, labels), file, line)
            findings += problems
            if not problems:
                made[item.document_id][layer].append(kind(**_fields(item, documents[item.document_id], catalogue)))
    if findings:
        raise FindingsError(findings)
    return [
        AnnotationRecord(
            document_id=key,
            # A layer that the corpus does not have is kept where something was given, for the rules to refuse.
            **{
                layer: sorted(lists[layer], key=order)
                for name, (layer, _, order) in _LAYERS.items()
                if (layer in scheme.layers and given[name] is not None) or lists[layer]
            },
        )
        for key, lists in made.items()
    ]


def _labels(scheme: Scheme, layer: str) -> dict[str, Sequence[str]]:
    """The allowed labels of a layer by key of an item."""
    if layer not in scheme.layers:
        return {}
    declared = scheme.layers[layer]
    return {key: list(getattr(declared.options, option)) for key, option in declared.label_keys.items()}


def _problems(
    item: Any, documents: Mapping[str, Document], catalogue: Mapping[str, Entity], labels: Mapping[str, Sequence[str]]
) -> Iterator[Finding]:
    """What is wrong with an item."""
    for key, allowed in labels.items():
        value = getattr(item, key, None)
        if value is not None and value not in allowed:
            message = f"{value!r} is not allowed, expected one of {', '.join(allowed)}"
            yield finding("RT204", message, hint=did_you_mean(value, allowed))
    if isinstance(item, QuotedMention) and item.entity not in catalogue:
        hint = did_you_mean(item.entity, catalogue) or "Add it to entities.jsonl, or correct the key."
        yield finding("RT304", f"unknown entity {item.entity!r}", hint=hint)
    document = documents.get(item.document_id)
    if document is None:
        hint = did_you_mean(item.document_id, documents) or "Use the key of a document of the event."
        yield finding("RT301", f"unknown document {item.document_id!r}", hint=hint)
        return
    count = len(document.sentences)
    is_span = isinstance(item, _Quote)
    missing = [number for number in ([item.sentence] if is_span else item.evidence) if not 0 <= number < count]
    for number in missing:
        message = f"no sentence {number}; {item.document_id} has {count}"
        yield finding("RT308", message, hint=f"'retold corpus show {item.document_id} --sentences' numbers them.")
    if is_span and not missing and _find(document, item) is None:
        where = f"sentence {item.sentence} of {item.document_id}"
        elsewhere = [n for n in range(count) if _find(document, structs.replace(item, sentence=n)) is not None]
        hint = f"It is in sentence {elsewhere[0]}." if len(elsewhere) == 1 else "Copy the quote verbatim."
        yield finding("RT403", f"{where} has no occurrence {item.nth} of {shorten(item.quote)}", hint=hint)


def _fields(item: Any, document: Document, catalogue: Mapping[str, Entity]) -> dict[str, Any]:
    """The fields of a valid item in an annotation record."""
    fields = structs.asdict(item)
    del fields["document_id"]
    if span := "quote" in fields and _find(document, item):
        start, end = span
        fields |= {"start": start, "end": end, "text": document.text[start:end]}
        del fields["sentence"], fields["quote"], fields["nth"]
    else:
        fields["evidence"] = sorted(fields["evidence"])
    if isinstance(item, QuotedMention):
        fields |= {"type": catalogue[item.entity].type, "kb_id": catalogue[item.entity].kb_id}
    return fields


def _find(document: Document, quoted: _Quote) -> tuple[int, int] | None:
    """Offsets of the quote, None if it is not in its sentence."""
    sentence = document.sentences[quoted.sentence]
    found = [sentence.start + at for at in occurrences(document.text[sentence.start : sentence.end], quoted.quote)]
    start = found[quoted.nth - 1] if 1 <= quoted.nth <= len(found) else None
    return None if start is None else (start, start + len(quoted.quote))
