"""``retold corpus``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from retold.cli import options
from retold.cli.options import format_option, told, usage_errors, width

if TYPE_CHECKING:
    from retold.corpus.load import Corpus


@click.group()
def corpus() -> None:
    """Maintain a corpus: show documents, add events, make gold, build views, cut and compare releases.

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

    click.echo(render_changes(compare(load_corpus(old), load_corpus(new)), style, width()), nl=False)


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


#: The corpus that a command changes: never the released one of the package.
corpus_folder = click.option(
    "--corpus", "root", default="corpus", show_default=True, metavar="FOLDER", help="Corpus to work on."
)


event_option = click.option("--event", metavar="KEY", help="Key of the event; may be left out if there is only one.")


def event_of(corpus: Corpus, key: str | None) -> str:
    """The event that an option names, or the only one."""
    if key is None and len(corpus.events) > 1:
        raise click.UsageError(f"--event: expected one of {', '.join(corpus.events)}")
    chosen = next(iter(corpus.events)) if key is None else key
    if chosen not in corpus.events:
        raise click.UsageError(f"--event: no event {chosen!r}{options.did_you_mean(chosen, corpus.events)}")
    return chosen


@corpus.command()
@click.argument("names", nargs=-1, required=True, metavar="DOCUMENT...")
@click.option("--sentences", is_flag=True, help="Only the numbered sentences.")
@options.corpus_options
def show(names: tuple[str, ...], sentences: bool, corpus: options.CorpusChoice) -> None:
    """Show documents: zones, paragraphs and numbered sentences.

    A DOCUMENT is the key of one, the key of an event for all of its documents, or a text file, which is shown as
    'new-event' would divide it. 'retold corpus divide' takes the output back when the division has been corrected.

    \b
    Example:
      retold corpus show macron-coalition-0 --sentences
    """
    from retold.corpus.division import numbered_sentences, written_out
    from retold.corpus.scaffold import documents_named

    with usage_errors():
        shown = documents_named(names, corpus.load())
    if sentences:
        heads = [f"=== {document.document_id}\n" if len(shown) > 1 else "" for document in shown]
        pages = [head + numbered_sentences(document) for head, document in zip(heads, shown, strict=True)]
    else:
        pages = [written_out(document) for document in shown]
    click.echo("\n".join(pages), nl=False)


@corpus.command()
@click.argument("file", metavar="FILE")
@corpus_folder
def divide(file: str, root: str) -> None:
    """Correct documents: take zones, paragraphs and sentences from a text file.

    FILE is what 'retold corpus show' wrote, corrected: a sentence on each line, a blank line between paragraphs, a zone
    in brackets. Outlet, source, date and rights stand in its head. Evidence counts sentences, so those of an event that
    somebody has annotated cannot be changed.

    \b
    Example:
      retold corpus divide river-flood.txt
    """
    from retold.corpus.division import divide_documents

    for path, changed in divide_documents(file, root).items():
        told(f"wrote {path}: {', '.join(changed)}" if changed else f"{path}: no changes")


@corpus.command("import-quotes")
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@event_option
@click.option("--annotator", "--reader", required=True, metavar="NAME", help="Name of the annotator's file.")
@click.option("--empty", multiple=True, metavar="DOCUMENT", help="Document that was annotated, but has no quotes.")
@corpus_folder
def import_quotes(folder: str, event: str | None, annotator: str, empty: tuple[str, ...], root: str) -> None:
    """Turn an annotator's quotes into records with offsets.

    FOLDER has a file for each annotated layer, with an object on each line:

    \b
      mentions.jsonl      document_id, sentence, quote, nth, kind, entity
      stance.jsonl        document_id, holder, target, label, evidence
      claims.jsonl        document_id, sentence, quote, nth, source, claim
      verification.jsonl  document_id, claim, label, evidence

    'retold corpus show DOCUMENT --sentences' numbers the sentences; 'nth' says which occurrence in the sentence is
    meant, by default the first. Nothing is written unless every quote is found. The records are of the documents that
    are quoted; the others count as not annotated.

    \b
    Example:
      retold corpus import-quotes quotes/ann --event river-flood --annotator ann
    """
    from retold.corpus.load import load_folder
    from retold.corpus.quotes import import_quotes

    loaded = load_folder(root)
    with usage_errors():
        written, notes = import_quotes(folder, loaded, event_of(loaded, event), annotator, empty)
    for note in notes:
        told(f"warning: {note}")
    told(f"wrote {written}")


@corpus.command()
@click.argument("file", metavar="DECISIONS")
@click.option("--init", is_flag=True, help="Write DECISIONS, to be filled in.")
@click.option(
    "--agreement",
    metavar="FILE",
    help="With --init: output of 'retold agree --format json', for the order of the items.",
)
@event_option
@corpus_folder
def adjudicate(file: str, init: bool, agreement: str | None, event: str | None, root: str) -> None:
    """Decide what annotators differ on, and make gold.

    With --init, DECISIONS is written: each item on which the annotators of the event differ and that has not been
    decided yet, what each of them gives, and the text. Give every item a decision and a reason; without --init they are
    added to annotators/adjudication.jsonl, and gold is made. A document that only one of them annotated needs no
    decision; one that nobody annotated keeps its gold.

    \b
    Example:
      retold corpus adjudicate decisions.toml --init --event river-flood
      retold corpus adjudicate decisions.toml --event river-flood
    """
    from retold.corpus.decisions import annotated_once, apply_decisions, open_decisions
    from retold.corpus.load import load_folder
    from retold.model.display import counted

    loaded = load_folder(root)
    key = event_of(loaded, event)
    if not init:
        if agreement:
            raise click.UsageError("--agreement goes with --init")
        for path, count in apply_decisions(loaded, key, file).items():
            told(f"wrote {path}: {counted(count, 'decision' if path.stem == 'adjudication' else 'record')}")
    elif Path(file).exists():
        raise click.UsageError(f"{file} already exists; fill it in and run without --init, or name another file")
    elif text := open_decisions(loaded, key, agreement):
        options.write(Path(file), text)
    else:
        told(f"{key}: nothing to decide; 'retold corpus build' makes gold")
    for note in annotated_once(loaded, key):
        told(f"warning: {note}")


@corpus.command("new-event")
@click.argument("name")
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option("--documents", is_flag=True, hidden=True)
@corpus_folder
@click.option(
    "--language",
    metavar="CODE",
    help="Language of files that are not named like two.id.txt; by default the corpus's first, or en.",
)
@click.option("--date", metavar="YYYY-MM-DD", help="Date of the event.")
def new_event(
    name: str, files: tuple[str, ...], documents: bool, root: str, language: str | None, date: str | None
) -> None:
    """Create the folder of a new event from text files, one document for each.

    \b
    Example:
      retold corpus new-event river-flood one.txt two.id.txt --date 2024-05-06
    """
    from retold.corpus.load import load_corpus
    from retold.corpus.scaffold import scaffold_event
    from retold.report.findings import next_steps, render_text
    from retold.validation.validate import validate

    if documents:
        options.deprecated("--documents one.txt", "one.txt")
    with usage_errors():
        folder = scaffold_event(name, files, root, language=language, date=date)
    loaded = load_corpus(root)
    made = [document for document in loaded.documents.values() if document.event == name]
    told(f"wrote {folder}")
    for document in made:
        told(f"  {document.document_id}: {document.seed}, language {document.language}")
    # What any new event lacks is among the next steps.
    found = [each for each in validate(None, loaded).findings if each.code not in ("RT303", "RT715")]
    click.echo(render_text([each for each in found if Path(each.file or "").is_relative_to(folder)]), nl=False)
    click.echo(next_steps(folder, root, loaded.scheme, dated=date is not None), nl=False)


@corpus.command()
@corpus_folder
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a file is out of date.")
def build(root: str, check: bool) -> None:
    """Make what is generated: gold, aliases, views, card, hashes.

    Gold is what the annotators agree on and what was decided (see 'adjudicate'); aliases are the names in it.
    'datasets' loads the folder by the card, README.md: its YAML head and the tables between marks are made anew, the
    rest of it is yours. Only files that are out of date are written. Where anything differs from the last release, the
    hash in release.json begins with 'modified-' until the next one.

    \b
    Example:
      retold corpus build --check
    """
    from retold.publish.build import build, out_of_date, write

    files = build(Path(root))
    stale = out_of_date(files) if check else write(files)
    for path in stale:
        click.echo(f"{'out of date' if check else 'wrote' if files[path] is not None else 'removed'}: {path}")
    if check and stale:
        raise SystemExit(1)


@corpus.command()
@click.argument("version")
@click.option("--previous", metavar="PATH", help="Release to compare with: a corpus folder or a git revision.")
@click.option("--date", metavar="YYYY-MM-DD", help="Date of the release; today by default.")
@click.option("--note", default="", metavar="TEXT", help="Paragraph for the changelog.")
@corpus_folder
def release(version: str, previous: str | None, date: str | None, note: str, root: str) -> None:
    """Cut a release: check the corpus, write CHANGELOG.md and release.json.

    The corpus must be valid and built, and in a git repository everything must be committed. VERSION must rise by what
    has changed since the previous release: a major version for the format, a minor one for texts, keys and labels, a
    patch for documentation. Commit and tag what was written.

    \b
    Example:
      retold corpus release 1.1.0 --previous v1.0.0
    """
    from retold.corpus.load import load_corpus
    from retold.publish.release import cut

    with usage_errors():
        written = cut(Path(root), version, previous=previous, date=date, note=note)
    for path in written:
        told(f"wrote {path}")
    released = load_corpus(root)
    click.echo(f"release {version} of {released.release.date if released.release else date}: {released.digest}")
