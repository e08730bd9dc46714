"""Convert an annotator's quotes to an annotation file with offsets.

    python scripts/corpus/import_quotes.py FOLDER --event macron-coalition --annotator reader-1

FOLDER has mentions.jsonl, stance.jsonl, claims.jsonl and verification.jsonl in the format of ``retold.corpus.quotes``.
Nothing is written unless every quote is found in its sentence.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from retold.corpus.load import load_corpus
from retold.corpus.quotes import QuotedCell, QuotedClaim, QuotedMention, QuotedPair, resolve
from retold.io.atomic import write_atomic
from retold.io.jsonl import read_all
from retold.model.annotations import encode
from retold.model.findings import FindingsError
from retold.rules import LineDecoder

ROOT = Path(__file__).resolve().parents[2]


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--event", "event_key", default="macron-coalition", show_default=True)
@click.option("--annotator", "--reader", required=True, help="Name of the annotation file, without .jsonl.")
def main(folder: Path, event_key: str, annotator: str) -> None:
    corpus = load_corpus(ROOT / "corpus")
    event = corpus.events[event_key]

    def read(name: str, kind: type[Any]) -> list[Any]:
        path = folder / f"{name}.jsonl"
        return read_all(path, LineDecoder(kind)) if path.exists() else []

    documents = {key: document for key, document in corpus.documents.items() if document.event == event_key}
    try:
        records = resolve(
            documents,
            event.entities,
            scheme=corpus.scheme,
            mentions=read("mentions", QuotedMention),
            stance=read("stance", QuotedCell),
            claims=read("claims", QuotedClaim),
            verification=read("verification", QuotedPair),
        )
    except FindingsError as error:
        for finding in error.findings:
            click.echo(f"{finding.file}:{finding.line}: {finding.code} {finding.message}", err=True)
        raise SystemExit(1) from None
    target = event.folder / "annotators" / f"{annotator}.jsonl"
    write_atomic(target, (encode(record) + b"\n" for record in records))
    click.echo(f"wrote {target.relative_to(ROOT)}: {len(records)} documents")


if __name__ == "__main__":
    main()
