"""Documents as text that can be read and corrected: where they come from, zones, and a numbered sentence on each line.

    === vale-flood-0
    language: en
    outlet: The Vale Post
    original_source:
    published: 2024-05-06
    rights: Text: rights remain with the publisher.

    [title]
    0  River rises in Vale

    [byline]
    -  By Ann Lee

    [body]
    1  Mayor Bo Berg asked for a dam.
    2  The dam costs 5 million.

    3  Vale was flooded on Monday.

A line of title or body is a sentence, a blank line ends a paragraph. To correct the division, move line ends, blank
lines and the names of zones. The words stay: white space apart, they are the document's. Numbers are made anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args

from msgspec import structs

from retold.corpus.load import load_folder
from retold.corpus.scaffold import read_text
from retold.io.atomic import write_atomic
from retold.io.jsonl import read_all
from retold.model.annotations import Document, Span, Zone, ZoneName, encode
from retold.model.display import one_line, visible
from retold.model.findings import Finding, FindingsError, shorten
from retold.model.segment import ANNOTATED_ZONES
from retold.rules.bytes import DECODERS, refusal
from retold.rules.corpus import is_date
from retold.rules.registry import did_you_mean, finding

__all__ = ["divide_documents", "divided", "numbered_sentences", "written_out"]

#: What the head of a document tells; an empty value is null.
_HEAD: Final = ("language", "outlet", "original_source", "published", "rights")
_REQUIRED: Final = ("language", "rights")
_ZONES: Final = get_args(ZoneName)
_MARK: Final = re.compile(r"\s*(?:\d+|-)(?:  |\t)")


def numbered_sentences(document: Document) -> str:
    """The sentences of a document, one on a line, with the numbers that evidence counts by."""
    spans = enumerate(document.sentences)
    width = len(str(len(document.sentences)))
    return "".join(f"{number:>{width}}  {one_line(document.text[span.start : span.end])}\n" for number, span in spans)


def written_out(document: Document) -> str:
    """A document in the format of this module; ``divided`` reads it."""
    lines = [f"=== {document.document_id}"]
    lines += [f"{key}: {one_line(getattr(document, key) or '')}".rstrip() for key in _HEAD]
    width = len(str(len(document.sentences)))
    paragraphs = {span.start for span in document.paragraphs}
    for zone in document.zones:
        lines += ["", f"[{zone.zone}]"]
        opened = len(lines)
        for number, start, end in _pieces(document, zone):
            if start in paragraphs and len(lines) > opened:
                lines.append("")
            lines.append(f"{'-' if number is None else number:>{width}}  {one_line(document.text[start:end])}")
    return "".join(f"{line}\n" for line in lines)


def _pieces(document: Document, zone: Zone) -> Iterator[tuple[int | None, int, int]]:
    """The sentences of a zone with their numbers, and the lines that are in none."""
    at = zone.start
    for number, span in [*enumerate(document.sentences), (None, Span(start=zone.end, end=zone.end))]:
        start, end = max(span.start, at), min(span.end, zone.end)
        if start > end or (number is not None and start == end):
            continue
        for line in re.finditer(r"[^\n]*\S[^\n]*", document.text[at:start]):
            yield None, at + line.start(), at + line.end()
        if number is not None:
            yield number, start, end
        at = end


@dataclass
class _Block:
    """What a file says of one document."""

    line: int
    head: dict[str, str] = field(default_factory=dict)
    #: Zone -> its lines, None for a blank one.
    zones: list[tuple[str, list[tuple[int, str] | None]]] = field(default_factory=list)


def divided(text: str, documents: Mapping[str, Document], file: str) -> dict[str, Document]:
    """Documents as a text in the format of this module says, by key; ``file`` is its name in findings.

    Raises:
        FindingsError: a document, a key of a head or a zone is unknown, or words are not those of the document; each
            document's first one is given.
    """
    findings: list[Finding] = []
    found: dict[str, Document] = {}
    try:
        for key, block in _blocks(text).items():
            try:
                if key not in documents:
                    raise _wrong("RT301", block.line, f"unknown document {shorten(key)}", did_you_mean(key, documents))
                found[key] = _applied(documents[key], block)
            except FindingsError as error:
                findings += error.findings
    except FindingsError as error:
        findings += error.findings
    if findings:
        raise FindingsError([structs.replace(each, file=file) for each in findings])
    return found


def _wrong(code: str, line: int, message: str, hint: str | None = None) -> FindingsError:
    return refusal(finding(code, message, hint=hint), "", line)


def _blocks(text: str) -> dict[str, _Block]:
    blocks: dict[str, _Block] = {}
    block: _Block | None = None
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        words = line.strip()
        if words.startswith("=== "):
            key = words.removeprefix("=== ").strip()
            if key in blocks:
                raise _wrong("RT302", number, f"{key} is also on line {blocks[key].line}")
            block = blocks[key] = _Block(number)
        elif block is None:
            if words:
                raise _wrong(
                    "RT705", number, "expected '=== ' and the key of a document", "Begin with 'retold corpus show'."
                )
        elif zone := re.fullmatch(r"\[([\w-]+)\]", words):
            if zone[1] not in _ZONES:
                hint = did_you_mean(zone[1], _ZONES)
                raise _wrong("RT705", number, f"unknown zone {zone[1]!r}, expected one of {', '.join(_ZONES)}", hint)
            block.zones.append((zone[1], []))
        elif block.zones:
            block.zones[-1][1].append((number, _MARK.sub("", line, count=1)) if words else None)
        elif words:
            key, _, value = words.partition(":")
            if key not in _HEAD or key in block.head:
                state = "is given twice" if key in block.head else f"is not one of {', '.join(_HEAD)}"
                raise _wrong("RT203", number, f"key {shorten(key)} {state}", did_you_mean(key, _HEAD))
            block.head[key] = value.strip()
            if key in _REQUIRED and not value.strip():
                raise _wrong("RT202", number, f"{key} is empty", "Every document has one.")
    if not blocks:
        raise _wrong("RT705", 1, "the file has no document", "Begin with 'retold corpus show'.")
    return blocks


def _applied(document: Document, block: _Block) -> Document:
    """The document with the head and the division of a block."""
    published = block.head.get("published")
    if published and published != document.published and not is_date(published):
        raise _wrong(
            "RT715", block.line, f"published: not a valid date: {shorten(published)}", "Write it as YYYY-MM-DD."
        )
    zones: list[Zone] = []
    paragraphs: list[Span] = []
    sentences: list[Span] = []
    at = 0
    for zone, lines in block.zones:
        opened = ended = True
        for line in lines:
            if line is None:
                ended = True
                continue
            start, end = _found(document.text, at, *line)
            if opened:
                # A boundary that stands in the white space before stays where it is.
                known = (each.start for each in document.zones if at <= each.start <= start)
                first = next(known, start) if zones else 0
                if zones:
                    zones[-1] = structs.replace(zones[-1], end=first)
                zones.append(Zone(start=first, end=end, zone=zone))  # type: ignore[arg-type]
            if zone in ANNOTATED_ZONES:
                sentences.append(Span(start=start, end=end))
                if ended:
                    paragraphs.append(sentences[-1])
                else:
                    paragraphs[-1] = structs.replace(paragraphs[-1], end=end)
            opened = ended = False
            at = end
    if rest := document.text[at:].split():
        message = f"{document.document_id} goes on with {shorten(' '.join(rest[:12]))}"
        raise _wrong("RT705", block.line, message, "Keep every word of the document.")
    if zones:
        zones[-1] = structs.replace(zones[-1], end=len(document.text))
    head: dict[str, Any] = {key: value or None for key, value in block.head.items()}
    return structs.replace(document, **head, zones=zones, paragraphs=paragraphs, sentences=sentences)


def _found(text: str, at: int, line: int, words: str) -> tuple[int, int]:
    """Where the words of a line stand, the next ones in the text."""
    rest = "".join(words.split())
    start, done = at, 0
    for offset in (offset for offset in range(at, len(text)) if not text[offset].isspace()):
        start = start if done else offset
        given = next((form for form in (visible(text[offset]), text[offset]) if rest.startswith(form, done)), None)
        if given is None:
            message = f"expected {_words_at(text, offset)}, got {_words_at(words, _index(words, done))}"
            raise _wrong("RT403", line, message, "Keep every word of the document; move only line ends and zones.")
        done += len(given)
        if done == len(rest):
            return start, offset + 1
    raise _wrong(
        "RT403", line, f"the document has ended before {_words_at(words, _index(words, done))}", "Remove the words."
    )


def _index(words: str, number: int) -> int:
    """Where a character stands that has so many before it, white space apart."""
    return [index for index, character in enumerate(words) if not character.isspace()][number]


def _words_at(text: str, offset: int) -> str:
    """Some words, from the one that has the character at ``offset``."""
    start = max(offset - 30, 0)
    begun = text[start : offset + 1].split()[-1]
    return shorten(" ".join(text[offset + 1 - len(begun) : offset + 80].split()[:6]))


def divide_documents(file: str, root: str | Path) -> dict[Path, list[str]]:
    """Correct documents of a corpus folder as a file says (``retold.corpus.division``).

    Returns each file of documents that was looked at, and the keys of those that changed in it. The file must fit the
    documents, and nobody may have annotated sentences that it would change.
    """
    corpus = load_folder(root)
    found = divided(read_text(file), corpus.documents, file)
    written: dict[Path, list[str]] = {}
    for event in corpus.events.values():
        own = [each for each in read_all(event.documents_file, DECODERS["document"]) if each.document_id in found]
        changed = [each for each in own if found[each.document_id] != each]
        counted = [each.document_id for each in changed if found[each.document_id].sentences != each.sentences]
        if counted and (
            annotated := [each.name for each in (*event.annotator_files, event.gold_file) if each.exists()]
        ):
            message = f"the sentences of {', '.join(counted)} would change, which {', '.join(annotated)} count"
            hint = f"Remove these files from {event.folder}, divide, and import the quotes again."
            raise refusal(finding("RT705", message, hint=hint), file)
        if own:
            written[event.documents_file] = [each.document_id for each in changed]
    for path, keys in written.items():
        if keys:
            records = read_all(path, DECODERS["document"])
            write_atomic(path, (encode(found.get(each.document_id, each)) + b"\n" for each in records))
    return written
