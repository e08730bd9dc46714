"""Draw labels of gold at random, with their context, for a reader who checks them against the guideline.

    python scripts/corpus/review_sample.py [--size 60] [--seed 0] > sample.md

The same seed draws the same labels from the same gold.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, Final

import click

from retold.cli.main import main as run_command
from retold.corpus.adjudicate import items_by_key
from retold.corpus.load import Corpus, load_corpus
from retold.layers.base import Layer
from retold.model.annotations import Annotation, Document

ROOT: Final = Path(__file__).resolve().parents[2]


@click.command(help=__doc__)
@click.option("--size", default=60, show_default=True, type=click.IntRange(min=0), help="Labels of each layer.")
@click.option("--seed", default=0, show_default=True)
@click.option(
    "--corpus", "folder", default=str(ROOT / "corpus"), type=click.Path(file_okay=False), help="Corpus folder."
)
def main(size: int, seed: int, folder: str) -> None:
    corpus = load_corpus(folder)
    for name, layer in corpus.scheme.layers.items():
        items = [
            (key, item, annotation)
            for key, record in corpus.gold.items()
            for item, annotation in items_by_key(record, layer).items()
        ]
        drawn = random.Random(f"{seed}/{name}").sample(items, min(size, len(items)))
        click.echo(f"# {name}: {len(drawn)} of {len(items)} labels, seed {seed}\n")
        for number, (key, item, annotation) in enumerate(sorted(drawn, key=lambda row: (row[0], row[1])), 1):
            click.echo(f"{number}. {describe(corpus, layer, key, item, annotation)}\n")


def describe(corpus: Corpus, layer: Layer[Any], key: str, item: str, annotation: Annotation) -> str:
    """One label in words, with the sentences that it speaks of."""
    document = corpus.documents[key]
    claims = corpus.events[document.event].claims
    if layer.keyed:
        name = claims[item].text if layer.names_claims else item
        return f"{key} {name} -> {annotation.label}\n{quoted(document, annotation)}"
    start, end = (int(part) for part in item.split(":"))
    index = max(i for i, span in enumerate(document.sentences) if span.start <= start)
    span = document.sentences[index]
    text = document.text
    shown = f"{text[span.start : start]}[[{text[start:end]}]]{text[end : max(span.end, end)]}"
    what = f"{annotation.kind} of {annotation.entity}"
    if layer.names_claims:
        what = f"source {annotation.source}, states {annotation.claim}: {claims[str(annotation.claim)].text}"
    return f"{key} [{index}] {what}\n   {shown}"


def quoted(document: Document, annotation: Annotation) -> str:
    """The evidence sentences of an annotation."""
    numbers = annotation.evidence if isinstance(annotation.evidence, list) else []
    spans = [(number, document.sentences[number]) for number in numbers]
    return "".join(f"   [{n}] {document.text[span.start : span.end]}\n" for n, span in spans).rstrip("\n")


if __name__ == "__main__":
    run_command(command=main)
