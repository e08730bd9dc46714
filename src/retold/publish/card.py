"""The dataset card: its YAML head, which ``datasets.load_dataset`` reads, and its generated tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from retold.corpus import views
from retold.corpus.load import Corpus
from retold.layers.scheme import Scheme
from retold.model.findings import UnreadableError
from retold.model.packages import LazyPackage
from retold.report.agreement import agreement_rows
from retold.report.tables import Markup, table
from retold.scoring.agreement import agreement

if TYPE_CHECKING:
    from retold.publish.build import Built

__all__ = ["card", "objects_of"]

yaml: Final = LazyPackage("yaml")
#: Size categories of the Hugging Face hub: fewer rows than this -> name.
SIZES: Final = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
#: Order of the keys of a head; others follow.
ORDER: Final = (
    *("pretty_name", "language", "license", "license_name", "license_link", "multilinguality", "size_categories"),
    *("task_categories", "tags", "configs", "dataset_info"),
)


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
    sizes = {
        table: sum(len(tables[path]) for path in paths.values()) for table, paths in views.files_of(corpus).items()
    }
    # `datasets` takes three numbers for a version and refuses all else.
    numbered = {"version": version} if re.fullmatch(r"\d+\.\d+\.\d+", version) else {}
    about = {**numbered, "description": f"{name} {version}, SHA-256 of the views {digest}"}
    top = head(corpus, sizes, languages, opening.removeprefix("---\n"), set(objects_of(corpus, tables)), about)
    if "<!-- generated:" in body:
        for key, made in generated(corpus, events, tables).items():
            begin, end = f"<!-- generated:{key} -->\n", f"<!-- /generated:{key} -->\n"
            before, mark, rest = body.partition(begin)
            _, closed, after = rest.partition(end)
            if not mark or not closed:
                raise UnreadableError(f"{file}: lacks the marks of the generated table {key!r}")
            body = f"{before}{begin}{made}{end}{after}"
    return f"---\n{top}---\n{body}"


def objects_of(corpus: Corpus, tables: Mapping[str, Sequence[bytes]]) -> dict[str, dict[str, str]]:
    """``files_of`` for the tables that `datasets` reads from JSON objects, since it mistakes strings of theirs."""
    return {
        name: paths
        for name, paths in views.files_of(corpus).items()
        if any(views.has_timestamps(tables[path]) for path in paths.values())
    }


def generated(corpus: Corpus, events: Mapping[str, Built], tables: Mapping[str, Sequence[bytes]]) -> dict[str, str]:
    """Tables of the card by the name in their marks. Of several events each has its own rows or column."""
    splits = views.splits_of(corpus)
    sizes = [
        [Markup(f"`{name}`"), *(str(len(tables[path])) for path in paths.values())]
        for name, paths in views.files_of(corpus).items()
    ]
    titles = ["rows"] if len(splits) == 1 else [f"rows of {split}" for split in splits]
    return {
        "rows": table(["configuration", *titles], sizes, "markdown"),
        "labels": label_table(events, corpus.scheme),
        "claims": claim_table(events),
        "agreement": agreement_table(corpus),
    }


def label_table(events: Mapping[str, Built], scheme: Scheme) -> str:
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
    body: list[list[str]] = []
    total = [0] * len(columns)
    for event, built in events.items():
        rows = {
            Markup(f"`{key}`"): [
                sum(not key or getattr(item, key) == label for item in getattr(record, name) or ())
                for _, name, key, label in columns
            ]
            for key, record in built.gold.items()
        }
        whole = [sum(column) for column in zip(*rows.values(), strict=True)] or total
        total = [one + other for one, other in zip(total, whole, strict=True)]
        if len(events) > 1:
            rows[Markup(f"all of `{event}`")] = whole
        body += [[name, *map(str, row)] for name, row in rows.items()]
    body.append(["all", *map(str, total)])
    return table(["document", *(title for title, *_ in columns)], body, "markdown")


def claim_table(events: Mapping[str, Built]) -> str:
    """Canonical claims, and mutated ones by the kind of fact that was changed."""
    found = {
        key: Counter(each.mutation or "canonical" for each in built.context.claims.values())
        for key, built in events.items()
    }
    kinds = sorted({kind for counts in found.values() for kind in counts})
    titles = ["number"] if len(events) == 1 else [Markup(f"`{key}`") for key in events]
    body = [[kind, *(str(counts[kind]) for counts in found.values())] for kind in kinds]
    return table(["claims", *titles], body, "markdown")


def agreement_table(corpus: Corpus) -> str:
    """Agreement of the two annotators of each event with two."""
    found = {key: event.annotator_files for key, event in corpus.events.items() if len(event.annotator_files) == 2}
    named = len(corpus.events) > 1
    body = [
        [*([Markup(f"`{key}`")] if named else []), *row]
        for key, (one, two) in found.items()
        for row in agreement_rows(agreement(one, two, corpus))
    ]
    titles = [*(["event"] if named else []), "measure", "value", "95% interval", "items"]
    return table(titles, body, "markdown") if body else ""


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
            for name, paths in views.files_of(corpus).items()
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
    kept = {"pretty_name": scheme.manifest.name or corpus.name, **parsed(present, corpus.root)}
    made = {**kept, **told}
    return str(
        yaml.safe_dump({key: made[key] for key in (*ORDER, *kept) if key in made}, sort_keys=False, allow_unicode=True)
    )


def parsed(text: str, root: Path) -> dict[str, Any]:
    """The head of a card."""
    try:
        found = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise UnreadableError(f"{root / 'README.md'}: the head is not YAML: {error}") from None
    if not isinstance(found, dict):
        raise UnreadableError(f"{root / 'README.md'}: the head has no keys")
    return found


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
