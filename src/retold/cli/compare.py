"""``retold compare``."""

from __future__ import annotations

import click

from retold.cli import options
from retold.cli.options import CorpusChoice


@click.command()
@click.argument("a")
@click.argument("b")
@options.corpus_options
@options.allow_missing
@options.format_option("text", "markdown", "json", "csv", "latex")
@options.verbose
def compare(a: str, b: str, corpus: CorpusChoice, allow_missing: bool, style: str, verbose: bool) -> None:
    """Compare two submissions, item by item.

    Lists the items that one has right and the other wrong, in the layers that both answer.

    \b
    Example:
      retold compare submissions/mine submissions/yours --format markdown
    """
    compare_submissions(a, b, corpus, allow_missing, style, verbose)


def compare_submissions(a: str, b: str, corpus: CorpusChoice, allow_missing: bool, style: str, verbose: bool) -> None:
    """Print the comparison of two submissions."""
    options.stdin_once(corpus, a, b)
    from retold.report.items import render_comparison
    from retold.scoring.compare import compare_items
    from retold.scoring.score import items_of

    loaded = corpus.load()
    first, second = (items_of(path, loaded, allow_missing=allow_missing) for path in (a, b))
    found = compare_items(first, second)
    options.warn(found.warnings)
    click.echo(render_comparison(found, style, verbose=verbose, width=options.width()), nl=False)
