"""Build what is generated in corpus/: documents, aliases, gold, views, the card's tables and release.json.

    python scripts/corpus/build_corpus.py            write what is out of date
    python scripts/corpus/build_corpus.py --check    write nothing; exit 1 and name the files that are out of date

Written by hand and never changed here: seeds/, scripts/corpus/documents.toml, event.json, claims.jsonl, the keys,
names, types and kb_ids of entities.jsonl, and annotators/. The same input gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from croissant import croissant
from retold.corpus import views
from retold.corpus.adjudicate import adjudicate
from retold.corpus.load import load_corpus
from retold.io.atomic import write_atomic
from retold.io.jsonl import read_json, read_jsonl
from retold.io.sources import sha256
from retold.layers.scheme import Scheme
from retold.layers.views import ViewContext
from retold.model.annotations import (
    AnnotationRecord,
    CanonicalClaim,
    Decision,
    Document,
    Entity,
    Event,
    Release,
    encode,
)
from retold.model.segment import divide
from retold.report.agreement import agreement_rows
from retold.report.tables import table
from retold.scoring.agreement import agreement

ROOT: Final = Path(__file__).resolve().parents[2]
CORPUS: Final = ROOT / "corpus"
NAME: Final = "retold"
RIGHTS: Final = (
    "Rights in the text remain with its publisher ({holders}). It is included verbatim for research on how news is "
    "told and is removed on request. The annotations are licensed CC BY 4.0."
)


@click.command(help=__doc__)
@click.option("--check", is_flag=True, help="Only say what is out of date.")
def main(check: bool) -> None:
    files = build()
    stale = [path for path, data in files.items() if not path.exists() or path.read_bytes() != data]
    for path in stale:
        click.echo(f"{'out of date' if check else 'wrote'}: {path.relative_to(ROOT)}")
        if not check:
            write_atomic(path, files[path])
    if check and stale:
        raise SystemExit(1)


def build(version: str | None = None, date: str | None = None) -> dict[Path, bytes]:
    """Everything that is generated: path -> bytes.

    Version and date are those of release.json unless given; scripts/corpus/release.py gives new ones.
    """
    current = CORPUS / "release.json"
    if current.exists():
        released: Release = read_json(current, Release)
        version, date = version or released.version, date or released.date
    files: dict[Path, bytes] = {}
    described = tomllib.loads((ROOT / "scripts" / "corpus" / "documents.toml").read_text(encoding="utf-8"))["document"]
    scheme = load_corpus(CORPUS).scheme
    tables: dict[str, list[bytes]] = {name: [] for name in views.tables_of(scheme)}
    counts: dict[str, int] = dict.fromkeys(
        ("documents", "entities", "mentions", "stance", "claims", "spans", "pairs"), 0
    )
    languages: list[str] = []
    all_gold: dict[str, AnnotationRecord] = {}
    all_claims: dict[str, CanonicalClaim] = {}
    for event_file in sorted((CORPUS / "events").glob("*/event.json")):
        folder = event_file.parent
        event: Event = read_json(event_file, Event)
        # An event that documents.toml does not describe brings its documents as they are.
        documents = [document(row, event) for row in described if row["event"] == event.event]
        documents = documents or read_jsonl(folder / "documents.jsonl", Document)
        catalogue = {entity.entity: entity for entity in read_jsonl(folder / "entities.jsonl", Entity)}
        if not any((folder / "annotators").glob("*.jsonl")):
            # Still being laid out: nothing can be built from it, and `retold validate` says what it lacks.
            counts["documents"] += len(documents)
            continue
        gold = adjudicated_gold(folder, documents, catalogue, scheme)
        entities = with_aliases(catalogue.values(), documents, gold)
        claims: list[CanonicalClaim] = read_jsonl(folder / "claims.jsonl", CanonicalClaim)
        files[folder / "documents.jsonl"] = lines(documents)
        files[folder / "entities.jsonl"] = lines(entities)
        files[folder / "gold.jsonl"] = lines(gold.values())
        all_gold.update(gold)
        languages = sorted({*languages, *(doc.language for doc in documents)})
        all_claims.update({f"{event.event}/{claim.claim}": claim for claim in claims})
        context = ViewContext(event, {e.entity: e for e in entities}, {c.claim: c for c in claims})
        for name, rows in tables.items():
            for row in views.rows(name, context, documents, gold, scheme):
                rows.append(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        counts["documents"] += len(documents)
        counts["entities"] += len(entities)
        counts["claims"] += len(claims)
        for record in gold.values():
            for key, layer in (
                ("mentions", record.entities),
                ("stance", record.stance),
                ("spans", record.claims),
                ("pairs", record.verification),
            ):
                counts[key] += len(layer or ())
    flat = {name: b"".join(rows) for name, rows in tables.items()}
    files.update({CORPUS / "views" / f"{name}.jsonl": data for name, data in flat.items()})
    files[CORPUS / "croissant.json"] = croissant(flat, version or "0.0.0", date or "1970-01-01", languages, scheme)
    sizes = {name: len(rows) for name, rows in tables.items()}
    files[CORPUS / "README.md"] = card(head(sizes, languages, scheme), sizes, all_gold, all_claims, scheme).encode()
    files[CORPUS / "release.json"] = release(files, counts, version or "0.0.0", date or "1970-01-01")
    return files


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


def adjudicated_gold(
    folder: Path, documents: Iterable[Document], catalogue: Mapping[str, Entity], scheme: Scheme
) -> dict[str, AnnotationRecord]:
    """Gold of an event: what its annotators agree on, and what was decided where they do not.

    An event with one annotator has that annotator's labels.
    """
    decided = folder / "annotators" / "adjudication.jsonl"
    files = sorted(path for path in decided.parent.glob("*.jsonl") if path != decided)
    annotators = {path.stem: read_jsonl(path, AnnotationRecord) for path in files}
    decisions = read_jsonl(decided, Decision) if decided.exists() else []
    records = adjudicate(annotators, decisions, {d.document_id: d for d in documents}, catalogue, scheme)
    return {record.document_id: record for record in records}


def with_aliases(
    entities: Iterable[Entity], documents: Iterable[Document], gold: Mapping[str, AnnotationRecord]
) -> list[Entity]:
    """The catalogue with each entity's names as they stand in the documents, by language, in alphabetical order."""
    found: dict[str, dict[str, set[str]]] = {}
    for doc in documents:
        for mention in gold[doc.document_id].entities or ():
            if mention.kind == "name":
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
    yaml: str,
    sizes: Mapping[str, int],
    gold: Mapping[str, AnnotationRecord],
    claims: Mapping[str, CanonicalClaim],
    scheme: Scheme,
) -> str:
    """The dataset card: its YAML head and its generated tables are made anew, the rest is kept as it stands."""
    text = (CORPUS / "README.md").read_text(encoding="utf-8")
    body = text.split("\n---\n", 1)[1] if text.startswith("---\n") else text
    tables = {
        "rows": table(["configuration", "rows"], [[f"`{n}`", str(size)] for n, size in sizes.items()], "markdown"),
        "labels": label_table(gold, scheme),
        "claims": claim_table(claims),
        "agreement": agreement_table(),
    }
    for name, made in tables.items():
        begin, end = f"<!-- generated:{name} -->\n", f"<!-- /generated:{name} -->\n"
        before, mark, rest = body.partition(begin)
        _, closed, after = rest.partition(end)
        if not mark or not closed:
            raise click.ClickException(f"corpus/README.md lacks the marks of the generated table {name!r}")
        body = f"{before}{begin}{made}{end}{after}"
    return f"---\n{yaml}\n---\n{body}"


def label_table(gold: Mapping[str, AnnotationRecord], scheme: Scheme) -> str:
    """Labels by document."""
    stance_labels, verdict_labels = (scheme.layers[name].labels for name in ("stance", "verification"))
    headers = ["document", "names", "nominals", *stance_labels, "claim spans", *verdict_labels]
    rows = []
    for record in gold.values():
        kinds = Counter(mention.kind for mention in record.entities or ())
        stances = Counter(cell.label for cell in record.stance or ())
        verdicts = Counter(pair.label for pair in record.verification or ())
        rows.append(
            [
                kinds["name"],
                kinds["nominal"],
                *(stances[label] for label in stance_labels),
                len(record.claims or ()),
                *(verdicts[label] for label in verdict_labels),
            ]
        )
    total = [sum(column) for column in zip(*rows, strict=True)]
    names = [*(f"`{key}`" for key in gold), "all"]
    body = [[name, *map(str, row)] for name, row in zip(names, [*rows, total], strict=True)]
    return table(headers, body, "markdown")


def claim_table(claims: Mapping[str, CanonicalClaim]) -> str:
    """Canonical claims, and mutated ones by the kind of fact that was changed."""
    kinds = Counter(claim.mutation or "canonical" for claim in claims.values())
    return table(["claims", "number"], [[kind, str(number)] for kind, number in sorted(kinds.items())], "markdown")


def agreement_table() -> str:
    """Agreement of the annotators of each event with two."""
    corpus = load_corpus(CORPUS)
    parts = []
    for event in corpus.events.values():
        files = event.annotator_files
        if len(files) == 2:
            found = agreement(files[0], files[1], corpus)
            parts.append(table(["measure", "value", "95% interval", "items"], agreement_rows(found), "markdown"))
    return "\n".join(parts)


#: Size categories of the Hugging Face hub: fewer rows than this -> name.
SIZES: Final = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def head(sizes: Mapping[str, int], languages: Iterable[str], scheme: Scheme) -> str:
    """YAML that ``datasets.load_dataset`` reads: configurations, files and features."""
    rows = sum(sizes.values())
    out = [
        "pretty_name: Retold",
        "language:",
        *(f"- {language}" for language in languages),
        "license: other",
        "license_name: cc-by-4.0-annotations",
        "license_link: README.md",
        "multilinguality: multilingual",
        "size_categories:",
        f"- {next((name for most, name in SIZES if rows < most), 'n>1M')}",
        "task_categories:",
        "- token-classification",
        "- text-classification",
        "tags:",
        "- stance-detection",
        "- entity-linking",
        "- coreference-resolution",
        "- fact-checking",
        "- news",
        "configs:",
    ]
    for name in sizes:
        default = ["  default: true"] if name == "documents" else []
        out += [f"- config_name: {name}", "  data_files:", "  - split: test", f"    path: views/{name}.jsonl", *default]
    out.append("dataset_info:")
    for name in sizes:
        out += [f"- config_name: {name}", "  features:"]
        for column, kind in views.tables_of(scheme)[name].items():
            out += feature(column, kind, views.labels_of(scheme))
    return "\n".join(out)


def feature(column: str, kind: str, labels: Mapping[str, Sequence[str]]) -> list[str]:
    """YAML lines of one column."""
    start = f"  - name: {column}"
    if kind in ("string", "int"):
        return [start, f"    dtype: {'string' if kind == 'string' else 'int64'}"]
    if kind in ("strings", "ints"):
        return [start, f"    list: {'string' if kind == 'strings' else 'int64'}"]
    if kind in ("spans", "zones"):
        fields = [("start", "int64"), ("end", "int64"), ("text" if kind == "spans" else "zone", "string")]
        return [start, "    list:", *(line for n, t in fields for line in (f"    - name: {n}", f"      dtype: {t}"))]
    names = [f"          '{index}': {label}" for index, label in enumerate(labels[kind])]
    return [start, "    dtype:", "      class_label:", "        names:", *names]


def release(files: Mapping[Path, bytes], counts: Mapping[str, int], version: str, date: str) -> bytes:
    """release.json: hashes of every file of the corpus folder but itself."""
    hashes: dict[str, str] = {}
    for path in sorted({*CORPUS.rglob("*"), *files}):
        name = path.relative_to(CORPUS).as_posix()
        if name == "release.json" or path.name.startswith(".") or path.is_dir():
            continue
        hashes[name] = hashlib.sha256(files[path]).hexdigest() if path in files else sha256(path)
    whole = hashlib.sha256("".join(f"{h}  {name}\n" for name, h in sorted(hashes.items())).encode()).hexdigest()
    made = Release(name=NAME, version=version, date=date, counts=dict(counts), files=hashes, sha256=whole)
    return msgspec.json.format(encode(made), indent=2) + b"\n"


def lines(records: Iterable[Any]) -> bytes:
    """Records as JSON Lines."""
    return b"".join(encode(record) + b"\n" for record in records)


if __name__ == "__main__":
    main()
