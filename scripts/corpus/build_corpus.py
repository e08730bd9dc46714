"""Build what is generated in a corpus folder: documents, aliases, gold, views, the card and release.json.

    python scripts/corpus/build_corpus.py                     write what is out of date in corpus/
    python scripts/corpus/build_corpus.py --corpus FOLDER     build the views and the card of another corpus
    python scripts/corpus/build_corpus.py --check             write nothing; exit 1 and name the files out of date

Written by hand and never changed here: seeds/, scripts/corpus/documents.toml, corpus.json but its version, event.json,
claims.jsonl, the keys, names, types and kb_ids of entities.jsonl, and annotators/. The same input gives the same bytes.
Another corpus keeps its documents, its catalogues and its gold as they are (gold that is missing is made from the
annotators); a card without the marks of generated tables gets a new YAML head only, and one that is missing is made.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from huggingface_hub import DatasetCard, DatasetCardData

from croissant import croissant
from retold.corpus import views
from retold.corpus.adjudicate import AdjudicationError, adjudicate
from retold.corpus.load import MANIFEST, Corpus, EventFolder, load_corpus
from retold.io.atomic import write_atomic
from retold.io.jsonl import read_all
from retold.io.sources import sha256
from retold.layers.scheme import Scheme
from retold.layers.views import ViewContext
from retold.model.annotations import (
    AnnotationRecord,
    CanonicalClaim,
    Document,
    Entity,
    Event,
    Release,
    encode,
)
from retold.model.findings import FindingsError, UnreadableError
from retold.model.segment import divide
from retold.report.agreement import agreement_rows
from retold.report.tables import table
from retold.rules import DECODERS
from retold.scoring.agreement import agreement

ROOT: Final = Path(__file__).resolve().parents[2]
CORPUS: Final = ROOT / "corpus"
DESCRIPTIONS: Final = ROOT / "scripts" / "corpus" / "documents.toml"
RIGHTS: Final = (
    "Rights in the text remain with its publisher ({holders}). It is included verbatim for research on how news is "
    "told and is removed on request. The annotations are licensed CC BY 4.0."
)
#: What the items of a layer are called in the counts of a release, where the layer's name is that of a catalogue.
ITEMS: Final = {"entities": "mentions", "claims": "spans", "verification": "pairs"}


@click.command(help=__doc__)
@click.option(
    "--corpus", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Another corpus."
)
@click.option("--check", is_flag=True, help="Only say what is out of date.")
def main(folder: Path | None, check: bool) -> None:
    root = CORPUS if folder is None else folder.resolve()
    try:
        files = build(root)
    except FindingsError as error:
        raise click.ClickException(f"the corpus has errors, run retold validate\n{error}") from None
    except (UnreadableError, AdjudicationError) as error:
        raise click.ClickException(str(error)) from None
    stale = [path for path, data in files.items() if not path.exists() or path.read_bytes() != data]
    for path in stale:
        click.echo(f"{'out of date' if check else 'wrote'}: {path.relative_to(ROOT if folder is None else root)}")
        if not check:
            write_atomic(path, files[path])
    if check and stale:
        raise SystemExit(1)


@dataclass
class Built:
    """An event, with what is generated of it."""

    context: ViewContext
    documents: list[Document]
    gold: dict[str, AnnotationRecord]
    files: dict[Path, bytes] = field(default_factory=dict)


def build(root: Path = CORPUS, version: str | None = None, date: str | None = None) -> dict[Path, bytes]:
    """Everything that is generated: path -> bytes.

    Version and date are those of release.json unless given; scripts/corpus/release.py gives new ones.

    Raises:
        FindingsError: a record is invalid.
    """
    corpus = load_corpus(root)
    scheme, released = corpus.scheme, corpus.release
    version = version or (released.version if released else scheme.manifest.version) or "0.0.0"
    date = date or (released.date if released else "1970-01-01")
    own = root == CORPUS
    described = tomllib.loads(DESCRIPTIONS.read_text(encoding="utf-8"))["document"] if own else ()
    events: dict[str, Built] = {}
    counts: Counter[str] = Counter()
    for key, folder in corpus.events.items():
        rows = [row for row in described if row["event"] == key]
        # An event that documents.toml does not describe brings its documents as they are.
        documents = [document(row, folder.event) for row in rows] or read_all(
            folder.documents_file, DECODERS["document"]
        )
        counts["documents"] += len(documents)
        if folder.annotator_files or folder.gold_file.exists():
            events[key] = of_event(folder, documents, scheme, own)
        # Without either it is still being laid out, and `retold validate` says what it lacks.
    for built in events.values():
        counts.update(items_of(built, scheme))
    files = {path: data for built in events.values() for path, data in built.files.items()}
    tables = flat_tables(corpus, events)
    files |= {root / name: b"".join(line + b"\n" for line in lines) for name, lines in tables.items()}
    for path in chain.from_iterable(paths.values() for paths in objects_of(corpus, tables).values()):
        files[root / views.object_file(path)] = b"\n".join([*views.object_lines(tables[path]), b""])
    if (root / MANIFEST).exists():
        text = (root / MANIFEST).read_text(encoding="utf-8")
        files[root / MANIFEST] = re.sub(r'("version": *)"[^"]*"', rf'\1"{version}"', text, count=1).encode()
    languages = sorted({each.language for built in events.values() for each in built.documents})
    if own:
        flat = {Path(name).stem: files[root / name] for name in tables}
        files[root / "croissant.json"] = croissant(scheme, flat, version, date, languages)
    digest = digest_of({name: hashlib.sha256(files[root / name]).hexdigest() for name in tables})
    files[root / "README.md"] = card(corpus, events, tables, languages, version, digest).encode()
    if released or own:
        name = scheme.manifest.name or corpus.name
        files[root / "release.json"] = release(root, files, counts, name, version, date)
    return files


def of_event(folder: EventFolder, documents: list[Document], scheme: Scheme, own: bool) -> Built:
    """Gold of an event, and its generated files."""
    made = bool(folder.annotator_files) and (own or not folder.gold_file.exists())
    if made:
        gold = adjudicated_gold(folder, documents, scheme)
    else:
        gold = {record.document_id: record for record in read_all(folder.gold_file, DECODERS["record"])}
    if missing := [each.document_id for each in documents if each.document_id not in gold]:
        raise click.ClickException(f"{folder.gold_file}: missing documents: {', '.join(missing[:5])}")
    entities = folder.entities
    files = {folder.gold_file: lines(gold.values())} if made else {}
    if own:
        entities = {each.entity: each for each in with_aliases(entities.values(), documents, gold, scheme)}
        files[folder.documents_file] = lines(documents)
        files[folder.folder / "entities.jsonl"] = lines(entities.values())
    return Built(ViewContext(folder.event, entities, folder.claims), documents, gold, files)


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
    return {
        views.view_file(name, split, splits): [
            json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
            for key in keys
            if key in events
            for row in views.rows(name, events[key].context, events[key].documents, events[key].gold, scheme)
        ]
        for splits in [views.splits_of(scheme, corpus.events)]
        for name in views.tables_of(scheme)
        for split, keys in splits.items()
    }


def document(row: Mapping[str, Any], event: Event) -> Document:
    """One document from its seed and its description."""
    data = (ROOT / "seeds" / row["seed"]).read_bytes()
    text = data.decode("utf-8")
    zones, paragraphs, sentences = divide(text, [(zone, opening) for zone, opening in row["zones"]], row["sentences"])
    holders = ", ".join(name for name in (row.get("outlet"), row.get("original_source")) if name)
    return Document(
        document_id=row["document_id"],
        event=event.event,
        text=text,
        language=row["language"],
        outlet=row.get("outlet"),
        original_source=row.get("original_source"),
        published=row.get("published"),
        event_date=event.date,
        seed=row["seed"],
        seed_sha256=hashlib.sha256(data).hexdigest(),
        zones=zones,
        paragraphs=paragraphs,
        sentences=sentences,
        rights=RIGHTS.format(holders=holders or "not named in the text"),
    )


def adjudicated_gold(folder: EventFolder, documents: Iterable[Document], scheme: Scheme) -> dict[str, AnnotationRecord]:
    """Gold of an event: what its annotators agree on, and what was decided where they do not.

    An event with one annotator has that annotator's labels.
    """
    decided = folder.adjudication_file
    annotators = {path.stem: read_all(path, DECODERS["record"]) for path in folder.annotator_files}
    decisions = read_all(decided, DECODERS["decision"]) if decided.exists() else []
    records = adjudicate(annotators, decisions, {d.document_id: d for d in documents}, folder.entities, scheme)
    return {record.document_id: record for record in records}


def with_aliases(
    entities: Iterable[Entity], documents: Iterable[Document], gold: Mapping[str, AnnotationRecord], scheme: Scheme
) -> list[Entity]:
    """The catalogue with each entity's names as they stand in the documents, by language, in alphabetical order."""
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


def card(
    corpus: Corpus,
    events: Mapping[str, Built],
    tables: Mapping[str, Sequence[bytes]],
    languages: Sequence[str],
    version: str,
    digest: str,
) -> str:
    """The dataset card: its YAML head and its generated tables are made anew, the rest is kept as it stands."""
    file, scheme = corpus.root / "README.md", corpus.scheme
    name = scheme.manifest.name or corpus.name
    text = file.read_text(encoding="utf-8") if file.exists() else f"# {name}\n"
    opening, mark, after = text.partition("\n---\n") if text.startswith("---\n") else ("", "", text)
    body = after if mark else text
    sizes = {table: sum(len(tables[path]) for path in paths.values()) for table, paths in files_of(corpus).items()}
    # `datasets` takes three numbers for a version and refuses all else.
    numbered = {"version": version} if re.fullmatch(r"\d+\.\d+\.\d+", version) else {}
    about = {**numbered, "description": f"{name} {version}, SHA-256 of the views {digest}"}
    yaml = head(corpus, sizes, languages, opening.removeprefix("---\n"), set(objects_of(corpus, tables)), about)
    if "<!-- generated:" in body:
        for key, made in generated(corpus, events, sizes).items():
            begin, end = f"<!-- generated:{key} -->\n", f"<!-- /generated:{key} -->\n"
            before, mark, rest = body.partition(begin)
            _, closed, after = rest.partition(end)
            if not mark or not closed:
                raise click.ClickException(f"{file.name} lacks the marks of the generated table {key!r}")
            body = f"{before}{begin}{made}{end}{after}"
    return f"---\n{yaml}---\n{body}"


def files_of(corpus: Corpus) -> dict[str, dict[str, str]]:
    """Table -> split -> path in the corpus folder."""
    splits = views.splits_of(corpus.scheme, corpus.events)
    return {
        name: {split: views.view_file(name, split, splits) for split in splits}
        for name in views.tables_of(corpus.scheme)
    }


def objects_of(corpus: Corpus, tables: Mapping[str, Sequence[bytes]]) -> dict[str, dict[str, str]]:
    """``files_of`` for the tables that `datasets` reads from JSON objects, since it mistakes strings of theirs."""
    return {
        name: paths
        for name, paths in files_of(corpus).items()
        if any(views.has_timestamps(tables[path]) for path in paths.values())
    }


def generated(corpus: Corpus, events: Mapping[str, Built], sizes: Mapping[str, int]) -> dict[str, str]:
    """Tables of the card by the name in their marks."""
    gold = {key: record for built in events.values() for key, record in built.gold.items()}
    claims = {f"{key}/{claim}": each for key, built in events.items() for claim, each in built.context.claims.items()}
    rows = [[f"`{name}`", str(size)] for name, size in sizes.items()]
    return {
        "rows": table(["configuration", "rows"], rows, "markdown"),
        "labels": label_table(gold, corpus.scheme),
        "claims": claim_table(claims),
        "agreement": agreement_table(corpus),
    }


def label_table(gold: Mapping[str, AnnotationRecord], scheme: Scheme) -> str:
    """Labels by document."""
    columns = []
    for name, layer in scheme.layers.items():
        # Of entities the kinds, not the types: those are many.
        if name == "entities":
            columns += [(f"{kind}s", name, "kind", kind) for kind in layer.options.kinds]
        elif layer.labels:
            columns += [(label, name, "label", label) for label in layer.labels]
        else:
            columns.append((layer.items_title, name, "", ""))
    rows = [
        [
            sum(not key or getattr(item, key) == label for item in getattr(record, name) or ())
            for _, name, key, label in columns
        ]
        for record in gold.values()
    ]
    total = [sum(column) for column in zip(*rows, strict=True)]
    names = [*(f"`{key}`" for key in gold), "all"]
    body = [[name, *map(str, row)] for name, row in zip(names, [*rows, total], strict=True)]
    return table(["document", *(title for title, *_ in columns)], body, "markdown")


def claim_table(claims: Mapping[str, CanonicalClaim]) -> str:
    """Canonical claims, and mutated ones by the kind of fact that was changed."""
    kinds = Counter(claim.mutation or "canonical" for claim in claims.values())
    return table(["claims", "number"], [[kind, str(number)] for kind, number in sorted(kinds.items())], "markdown")


def agreement_table(corpus: Corpus) -> str:
    """Agreement of the two annotators of each event with two."""
    parts = []
    for event in corpus.events.values():
        files = event.annotator_files
        if len(files) == 2:
            found = agreement(files[0], files[1], corpus)
            parts.append(table(["measure", "value", "95% interval", "items"], agreement_rows(found), "markdown"))
    return "\n".join(parts)


#: Size categories of the Hugging Face hub: fewer rows than this -> name.
SIZES: Final = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
#: What the card of our own corpus says of it beside what is counted.
OURS: Final = {
    "pretty_name": "Retold",
    "license": "other",
    "license_name": "cc-by-4.0-annotations",
    "license_link": "README.md",
    "task_categories": ["token-classification", "text-classification"],
    "tags": ["stance-detection", "entity-linking", "coreference-resolution", "fact-checking", "news"],
}
#: Order of the keys of a head; others follow.
ORDER: Final = (
    *("pretty_name", "language", "license", "license_name", "license_link", "multilinguality", "size_categories"),
    *("task_categories", "tags", "configs", "dataset_info"),
)


def head(
    corpus: Corpus,
    sizes: Mapping[str, int],
    languages: Sequence[str],
    present: str,
    objects: Collection[str],
    about: Mapping[str, str],
) -> str:
    """YAML that ``datasets.load_dataset`` reads: configurations, files and features.

    Args:
        corpus: the corpus.
        sizes: rows of each table.
        languages: of the documents.
        present: the head that there is; what is not generated is kept.
        objects: tables that are loaded from their object files.
        about: version and digest of the data. `datasets` caches a local folder by its name and this head, so each entry
            has them.
    """
    scheme, labels = corpus.scheme, views.labels_of(corpus.scheme)
    rows = sum(sizes.values())
    told = {
        "language": list(languages),
        "multilinguality": "multilingual" if len(languages) > 1 else "monolingual",
        "size_categories": [next((name for most, name in SIZES if rows < most), "n>1M")],
        "configs": [
            {
                "config_name": name,
                **{key: value for key, value in about.items() if key == "version"},
                "data_files": [
                    {"split": split, "path": views.object_file(path) if name in objects else path}
                    for split, path in paths.items()
                ],
                **({"field": "rows"} if name in objects else {}),
                **({"default": True} if name == "documents" else {}),
            }
            for name, paths in files_of(corpus).items()
        ],
        "dataset_info": [
            {
                "config_name": name,
                **about,
                "features": [feature(column, kind, labels) for column, kind in columns.items()],
            }
            for name, columns in views.tables_of(scheme).items()
        ],
    }
    kept = OURS if corpus.root == CORPUS else {"pretty_name": scheme.manifest.name or corpus.name, **parsed(present)}
    order = [*ORDER, *kept]
    return DatasetCardData(**{**kept, **told}).to_yaml(original_order=order) + "\n"


def parsed(yaml: str) -> dict[str, Any]:
    """The head of a card."""
    return dict(DatasetCard(f"---\n{yaml}\n---\n").data.to_dict()) if yaml.strip() else {}  # type: ignore[no-untyped-call]


def feature(column: str, kind: str, labels: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """One column as `dataset_info` describes it.

    Not written by ``datasets.Features``: its releases before 4 write lists under another key than the later ones, and
    the card must not depend on who builds it.
    """
    scalar = {"string": "string", "int": "int64", "strings": "string", "ints": "int64"}
    if kind in ("string", "int"):
        return {"name": column, "dtype": scalar[kind]}
    if kind in scalar:
        return {"name": column, "list": scalar[kind]}
    if kind in ("spans", "zones"):
        parts = {"start": "int64", "end": "int64", "text" if kind == "spans" else "zone": "string"}
        return {"name": column, "list": [{"name": name, "dtype": dtype} for name, dtype in parts.items()]}
    names = {str(index): label for index, label in enumerate(labels[kind])}
    return {"name": column, "dtype": {"class_label": {"names": names}}}


def release(
    root: Path, files: Mapping[Path, bytes], counts: Mapping[str, int], name: str, version: str, date: str
) -> bytes:
    """release.json: hashes of every file of the corpus folder but itself."""
    hashes: dict[str, str] = {}
    for path in sorted({*root.rglob("*"), *files}):
        member = path.relative_to(root).as_posix()
        if member == "release.json" or path.name.startswith(".") or path.is_dir():
            continue
        hashes[member] = hashlib.sha256(files[path]).hexdigest() if path in files else sha256(path)
    made = Release(name=name, version=version, date=date, counts=dict(counts), files=hashes, sha256=digest_of(hashes))
    return msgspec.json.format(encode(made), indent=2) + b"\n"


def digest_of(hashes: Mapping[str, str]) -> str:
    """SHA-256 of the lines that sha256sum prints, sorted by path."""
    return hashlib.sha256("".join(f"{h}  {path}\n" for path, h in sorted(hashes.items())).encode()).hexdigest()


def lines(records: Iterable[Any]) -> bytes:
    """Records as JSON Lines."""
    return b"".join(encode(record) + b"\n" for record in records)


if __name__ == "__main__":
    main()
