"""What is generated in a corpus folder: gold, aliases, views, the card and its metadata, release.json.

Written by hand and never changed here: texts and division of the documents, corpus.json but its version, event.json,
claims.jsonl, entities.jsonl but its aliases, and annotators/. Gold is made from the annotators where there are any. The
card's YAML head and its tables between marks are made anew; one that is missing is made. croissant.json is kept current
where there is one. The same input gives the same bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec

from retold.corpus import views
from retold.corpus.decisions import adjudicated
from retold.corpus.load import MANIFEST, MODIFIED, Corpus, EventFolder, load_folder
from retold.io.atomic import write_atomic
from retold.io.jsonl import read_all
from retold.io.sources import digest_of, sha256
from retold.layers.scheme import Scheme
from retold.layers.views import ViewContext
from retold.model.annotations import AnnotationRecord, Document, Entity, Release, encode
from retold.model.findings import UnreadableError
from retold.publish.card import card, objects_of
from retold.publish.croissant import croissant
from retold.rules import DECODERS, missing_documents
from retold.rules.bytes import refusal

__all__ = ["build", "out_of_date", "write"]

RELEASE: Final = "release.json"
#: What the items of a layer are called in the counts of a release, where the layer's name is that of a catalogue.
ITEMS: Final = {"entities": "mentions", "claims": "spans", "verification": "pairs"}

#: Bytes of generated files; None for one that is left over and goes.
Files = dict[Path, bytes | None]


@dataclass
class Built:
    """An event, with what is generated of it."""

    context: ViewContext
    documents: list[Document]
    gold: dict[str, AnnotationRecord]
    files: dict[Path, bytes] = field(default_factory=dict)


def out_of_date(files: Mapping[Path, bytes | None]) -> list[Path]:
    """The files that are not what they should be."""
    return [path for path, data in files.items() if data != (path.read_bytes() if path.exists() else None)]


def write(files: Mapping[Path, bytes | None]) -> list[Path]:
    """Write what is out of date, and return it."""
    stale = out_of_date(files)
    for path in stale:
        if (data := files[path]) is None:
            path.unlink()
        else:
            write_atomic(path, data)
    return stale


def build(root: Path, version: str | None = None, date: str | None = None) -> Files:
    """Everything that is generated in a corpus folder.

    Version and date are those of release.json unless given; ``retold.publish.release`` gives new ones. Without either
    there is no release.json.
    """
    corpus = load_folder(root)
    scheme, released = corpus.scheme, corpus.release
    released_now = version is not None
    version = version or (released.version if released else scheme.manifest.version) or "0.0.0"
    date = date or (released.date if released else "1970-01-01")
    events: dict[str, Built] = {}
    counts: Counter[str] = Counter()
    for key, folder in corpus.events.items():
        documents = [
            msgspec.structs.replace(each, event_date=folder.event.date)
            for each in read_all(folder.documents_file, DECODERS["document"])
        ]
        counts["documents"] += len(documents)
        if folder.annotator_files or folder.gold_file.exists():
            events[key] = of_event(folder, documents, scheme)
        # Without either it is still being laid out, and `retold validate` says what it lacks.
    if not events:
        raise UnreadableError(f"{root}: nothing to build, no event has gold or annotations")
    for built in events.values():
        counts.update(items_of(built, scheme))
    files: Files = {path: data for built in events.values() for path, data in built.files.items()}
    tables = flat_tables(corpus, events)
    flat = {name: b"".join(line + b"\n" for line in lines) for name, lines in tables.items()}
    made = {root / name: data for name, data in flat.items()}
    for path in chain.from_iterable(paths.values() for paths in objects_of(corpus, tables).values()):
        made[root / views.object_file(path)] = b"\n".join([*views.object_lines(tables[path]), b""])
    # Views of other splits or layers, from before those were changed.
    files |= {path: None for path in (root / "views").glob("*.json*") if path not in made}
    files |= made
    if (root / MANIFEST).exists():
        text = (root / MANIFEST).read_text(encoding="utf-8")
        files[root / MANIFEST] = re.sub(r'("version": *)"[^"]*"', rf'\1"{version}"', text, count=1).encode()
    languages = sorted({each.language for built in events.values() for each in built.documents})
    metadata = root / "croissant.json"
    if metadata.exists():
        files[metadata] = croissant(metadata, scheme, flat, version, date, languages)
    digest = digest_of({name: hashlib.sha256(data).hexdigest() for name, data in flat.items()})
    files[root / "README.md"] = card(corpus, events, tables, languages, version, digest).encode()
    if released or released_now:
        name = scheme.manifest.name or corpus.name
        files[root / RELEASE] = release(root, files, counts, name, version, date, None if released_now else released)
    return files


def of_event(folder: EventFolder, documents: list[Document], scheme: Scheme) -> Built:
    """Gold of an event, and its generated files. What has the same content keeps its bytes."""
    present = read_all(folder.gold_file, scheme.decoder) if folder.gold_file.exists() else []
    gold, files = present, {}
    if folder.annotator_files:
        gold = adjudicated(folder, {each.document_id: each for each in documents}, scheme)
        if list(map(msgspec.to_builtins, gold)) != list(map(msgspec.to_builtins, present)):
            files[folder.gold_file] = lines(gold)
    records = {record.document_id: record for record in gold}
    if missing := [each.document_id for each in documents if each.document_id not in records]:
        raise refusal(missing_documents(missing), folder.gold_file)
    entities = with_aliases(folder.entities.values(), documents, records, scheme)
    if entities != list(folder.entities.values()):
        files[folder.folder / "entities.jsonl"] = lines(entities)
    if documents != read_all(folder.documents_file, DECODERS["document"]):
        files[folder.documents_file] = lines(documents)
    context = ViewContext(folder.event, {each.entity: each for each in entities}, folder.claims)
    return Built(context, documents, records, files)


def items_of(built: Built, scheme: Scheme) -> dict[str, int]:
    """How many entries the catalogues of an event have, and its gold items."""
    catalogues = {"entities": built.context.entities, "claims": built.context.claims}
    found: dict[str, int] = {}
    for name in scheme.layers:
        if name in catalogues:
            found[name] = len(catalogues[name])
        found[ITEMS.get(name, name)] = sum(len(getattr(record, name) or ()) for record in built.gold.values())
    return {**found, **{name: len(entries) for name, entries in catalogues.items() if entries}}


def flat_tables(corpus: Corpus, events: Mapping[str, Built]) -> dict[str, list[bytes]]:
    """Lines of every view, without their ends, by its path in the corpus folder."""
    scheme = corpus.scheme
    splits = views.splits_of(corpus)
    return {
        path: [
            line
            for each in (events[key] for key in splits[split] if key in events)
            for line in views.lines_of(name, each.context, each.documents, each.gold, scheme)
        ]
        for name, paths in views.files_of(corpus).items()
        for split, path in paths.items()
    }


def with_aliases(
    entities: Iterable[Entity], documents: Iterable[Document], gold: Mapping[str, AnnotationRecord], scheme: Scheme
) -> list[Entity]:
    """The catalogue with the names of each entity as the documents have them, by language, in alphabetical order."""
    names = scheme.layers["entities"].options.scored_kinds if "entities" in scheme.layers else ()
    found: dict[str, dict[str, set[str]]] = {}
    for doc in documents:
        for mention in gold[doc.document_id].entities or ():
            if mention.kind in names:
                words = doc.text[mention.start : mention.end].replace("\xa0", " ")
                found.setdefault(str(mention.entity), {}).setdefault(doc.language, set()).add(words)
    return [
        msgspec.structs.replace(
            entity,
            aliases={language: sorted(names) for language, names in sorted(found.get(entity.entity, {}).items())},
        )
        for entity in entities
    ]


def release(
    root: Path,
    files: Mapping[Path, bytes | None],
    counts: Mapping[str, int],
    name: str,
    version: str,
    date: str,
    last: Release | None,
) -> bytes:
    """release.json: hashes of every file of the corpus folder but itself and hidden ones.

    What differs from the last release has a hash that says so, until the next one.
    """
    hashes: dict[str, str] = {}
    for path in sorted({*root.rglob("*"), *files}):
        member = path.relative_to(root)
        data = files[path] if path in files else b"" if path.is_dir() else None
        hidden = any(part.startswith(".") for part in member.parts)
        if hidden or path.is_dir() or member == Path(RELEASE) or (path in files and data is None):
            continue
        hashes[member.as_posix()] = sha256(path) if data is None else hashlib.sha256(data).hexdigest()
    modified = last is not None and (last.files != hashes or last.sha256.startswith(MODIFIED))
    digest = f"{MODIFIED if modified else ''}{digest_of(hashes)}"
    made = Release(name=name, version=version, date=date, counts=dict(counts), files=hashes, sha256=digest)
    return msgspec.json.format(encode(made), indent=2) + b"\n"


def lines(records: Iterable[Any]) -> bytes:
    """Records as JSON Lines."""
    return b"".join(encode(record) + b"\n" for record in records)
