"""Flat tables for users of Hugging Face ``datasets``: one row for each thing that is labelled.

Every row holds the text that it refers to, so that it can be used alone. ``tables_of`` says which columns a table has
and of which kind; the dataset card is written from it. Each layer of a corpus has a table, whose columns it defines
itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, get_args

from msgspec import to_builtins

from retold.corpus.load import Corpus
from retold.layers.scheme import Scheme
from retold.layers.views import KB_STATUS, ViewContext, span_row
from retold.model.annotations import AnnotationRecord, Document, Mutation

__all__ = [
    "files_of",
    "has_timestamps",
    "labels_of",
    "lines_of",
    "object_file",
    "object_lines",
    "rows",
    "splits_of",
    "tables_of",
]

_MUTATIONS: Final = ("none", *get_args(Mutation))
_COMMON: Final = {"id": "string", "event": "string", "document_id": "string", "fold": "string", "language": "string"}
_DOCUMENTS: Final = {
    **_COMMON,
    **dict.fromkeys(("text", "title", "outlet", "original_source", "published", "event_date"), "string"),
    **{"zones": "zones", "paragraphs": "spans", "sentences": "spans"},
    **dict.fromkeys(("seed", "seed_sha256", "rights"), "string"),
}
_CLAIM_TEXTS: Final = {
    **dict.fromkeys(("id", "event", "claim", "text", "mutation_of"), "string"),
    **{"mutation": "mutation", "stated_in": "strings"},
}
#: A JSON string that pyarrow takes for a timestamp.
_TIMESTAMP: Final = re.compile(rb'(?<!\\)"\d{4}-\d\d-\d\d([ T][\d:]+(Z|[+-][\d:]+)?)?"')


def tables_of(scheme: Scheme) -> dict[str, Mapping[str, str]]:
    """Table -> column -> kind: string, int, strings, ints, spans (a list of {start, end, text}), zones, or the name of
    a set of class labels."""
    tables: dict[str, Mapping[str, str]] = {"documents": _DOCUMENTS}
    tables |= {name: {**_COMMON, **layer.view_columns()} for name, layer in scheme.layers.items()}
    if any(layer.names_claims for layer in scheme.layers.values()):
        tables["claim_texts"] = _CLAIM_TEXTS
    return tables


def labels_of(scheme: Scheme) -> dict[str, tuple[str, ...]]:
    """Class labels by the name of the kind that ``tables_of`` gives."""
    found = {"kb_status": KB_STATUS, "mutation": _MUTATIONS}
    for layer in scheme.layers.values():
        found |= {name: tuple(labels) for name, labels in layer.view_labels().items()}
    return found


def splits_of(corpus: Corpus) -> dict[str, list[str]]:
    """Split -> its events, as the manifest says; all of them are ``test`` where it does not."""
    return {name: list(keys) for name, keys in corpus.scheme.manifest.splits.items()} or {"test": list(corpus.events)}


def files_of(corpus: Corpus) -> dict[str, dict[str, str]]:
    """Table -> split -> path in the corpus folder; the split is in its name where there are several."""
    splits = splits_of(corpus)
    name = "views/{}-{}.jsonl" if len(splits) > 1 else "views/{}.jsonl"
    return {table: {split: name.format(table, split) for split in splits} for table in tables_of(corpus.scheme)}


def has_timestamps(lines: Iterable[bytes]) -> bool:
    """Whether a row has a string that pyarrow takes for a timestamp.

    ``datasets`` reads JSON Lines with pyarrow, which makes a column of such strings timestamps whatever the card says.
    It reads an object's list of rows with pandas, which does not: such a table is loaded from its ``object_file``.
    """
    return any(_TIMESTAMP.search(line) for line in lines)


def object_file(view: str) -> str:
    """Path of the rows of a view as one JSON object."""
    return view.removesuffix("l")


def object_lines(lines: Sequence[bytes]) -> Iterator[bytes]:
    """Lines of the ``object_file`` of a view with these lines: ``{"rows": [...]}``."""
    yield b'{"rows":['
    yield from (line + b"," for line in lines[:-1])
    yield from lines[-1:]
    yield b"]}"


def rows(
    table: str,
    context: ViewContext,
    documents: Sequence[Document],
    gold: Mapping[str, AnnotationRecord],
    scheme: Scheme,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of one table for one event, in the order of its documents."""
    if table not in (tables := tables_of(scheme)):
        raise KeyError(f"unknown table {table!r}; expected one of {', '.join(tables)}")
    if table == "claim_texts":
        yield from _claim_texts(context, gold, scheme)
        return
    for document in documents:
        common = {
            "event": context.event.event,
            "document_id": document.document_id,
            "fold": document.document_id,
            "language": document.language,
        }
        if table == "documents":
            made: Iterator[dict[str, Any]] = iter([_document(document)])
        else:
            items = getattr(gold[document.document_id], table) or ()
            made = (scheme.layers[table].view_row(item, document, context) for item in items)
        for number, row in enumerate(made):
            yield {"id": f"{document.document_id}/{table}/{number}", **common, **row}


def lines_of(
    table: str,
    context: ViewContext,
    documents: Sequence[Document],
    gold: Mapping[str, AnnotationRecord],
    scheme: Scheme,
) -> Iterator[bytes]:
    """The ``rows`` as lines of a file, without their ends."""
    for row in rows(table, context, documents, gold, scheme):
        yield json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()


def _document(document: Document) -> dict[str, Any]:
    title = next((zone for zone in document.zones if zone.zone == "title"), None)
    return {
        **{name: getattr(document, name, None) for name in _DOCUMENTS if name not in _COMMON},
        "title": document.text[title.start : title.end].strip() if title else None,
        "zones": to_builtins(document.zones),
        "paragraphs": [span_row(document, span.start, span.end) for span in document.paragraphs],
        "sentences": [span_row(document, span.start, span.end) for span in document.sentences],
    }


def _claim_texts(
    context: ViewContext, gold: Mapping[str, AnnotationRecord], scheme: Scheme
) -> Iterator[dict[str, Any]]:
    stated: dict[str, list[str]] = {key: [] for key in context.claims}
    layers = [name for name, layer in scheme.layers.items() if layer.names_claims and not layer.keyed]
    for record in gold.values():
        for key in dict.fromkeys(str(span.claim) for name in layers for span in getattr(record, name) or ()):
            stated[key].append(record.document_id)
    for number, claim in enumerate(context.claims.values()):
        yield {
            "id": f"{context.event.event}/claim_texts/{number}",
            "event": context.event.event,
            "claim": claim.claim,
            "text": claim.text,
            "mutation_of": claim.mutation_of,
            "mutation": claim.mutation or "none",
            "stated_in": stated[claim.claim],
        }
