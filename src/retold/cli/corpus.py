"""``retold corpus``."""

from __future__ import annotations

from pathlib import Path

import click

from retold.cli.options import format_option, usage_errors


@click.group()
def corpus() -> None:
    """Maintain a corpus: add events, print manifests, compare releases.

    \b
    Example:
      retold corpus diff old/corpus corpus
    """


@corpus.command()
@click.argument("old")
@click.argument("new", required=False)
@format_option("text", "markdown", "json")
def diff(old: str, new: str | None, style: str) -> None:
    """Show what differs between two corpus folders.

    Without NEW, compares OLD with the released corpus.

    \b
    Example:
      retold corpus diff old/corpus corpus --format markdown
    """
    from retold.corpus.diff import compare
    from retold.corpus.load import load_corpus
    from retold.report.changes import render_changes

    click.echo(render_changes(compare(load_corpus(old), load_corpus(new)), style), nl=False)


@corpus.command()
@click.argument("path", metavar="FILE")
def manifest(path: str) -> None:
    """Print the manifest that gold records follow.

    It has the layers and labels that '--labels from-gold' takes. Save it as corpus.json in a corpus folder, or name it
    with '--manifest'. FILE is a file of gold records or a corpus folder.

    \b
    Example:
      retold corpus manifest gold.jsonl > corpus.json
    """
    from retold.corpus.load import load_corpus
    from retold.report.tables import as_json

    loaded = load_corpus(path, labels="from-gold")
    languages = sorted({document.language for document in loaded.documents.values()})
    click.echo(as_json(loaded.scheme.written_out(languages)), nl=False)


@corpus.command("new-event")
@click.argument("name")
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option("--documents", is_flag=True, help="May precede FILES: plain text, one document per file.")
@click.option("--corpus", "root", default="corpus", show_default=True, metavar="FOLDER", help="Corpus to add to.")
@click.option(
    "--language",
    metavar="CODE",
    help="Language of files that are not named like two.id.txt; by default the corpus's first, or en.",
)
@click.option("--date", metavar="YYYY-MM-DD", help="Date of the event.")
def new_event(
    name: str, files: tuple[str, ...], documents: bool, root: str, language: str | None, date: str | None
) -> None:
    """Create the folder of a new event from text files.

    \b
    Example:
      retold corpus new-event river-flood --documents one.txt two.id.txt --date 2024-05-06
    """
    from retold.corpus.load import load_corpus
    from retold.corpus.scaffold import scaffold_event
    from retold.report.findings import next_steps, render_text
    from retold.validation.validate import validate

    with usage_errors():
        folder = scaffold_event(name, files, root, language=language, date=date)
    click.echo(f"wrote {folder}", err=True)
    loaded = load_corpus(root)
    found = validate(None, loaded).findings
    click.echo(render_text([each for each in found if Path(each.file or "").is_relative_to(folder)]), nl=False)
    click.echo(next_steps(folder, root, loaded.scheme), nl=False)
