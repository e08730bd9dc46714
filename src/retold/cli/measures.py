"""``retold measures``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from retold.cli.options import CorpusChoice, corpus_options, did_you_mean, format_option, width

if TYPE_CHECKING:
    from retold.report.tables import TableFormat


@click.command()
@click.argument("name", required=False)
@corpus_options
@format_option("text", "markdown", "csv")
def measures(name: str | None, corpus: CorpusChoice, style: TableFormat) -> None:
    """List the measures, or explain one.

    \b
    Example:
      retold measures stance.favg
    """
    from retold.report.measures import render_measure, render_measures

    known = corpus.load().scheme.described
    if name is None:
        click.echo(render_measures(known.values(), style, width()), nl=False)
    elif name in known:
        click.echo(render_measure(known[name], width()), nl=False)
    else:
        more = "; 'retold measures' lists all, and docs/glossary.md explains the other columns, such as range and tier"
        raise click.ClickException(f"unknown measure {name!r}{did_you_mean(name, known)}{more}")
