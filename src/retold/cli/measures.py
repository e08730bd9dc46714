"""``retold measures``."""

from __future__ import annotations

import click

from retold.cli.options import did_you_mean


@click.command()
@click.argument("name", required=False)
def measures(name: str | None) -> None:
    """List the measures, or explain one.

    \b
    Example:
      retold measures stance.favg
    """
    try:
        from retold.measures.catalogue import MEASURES  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise click.ClickException("the catalogue of measures is not available in this version") from error
    from retold.report.measures import render_measure, render_measures

    if name is None:
        click.echo(render_measures(MEASURES.values()), nl=False)
    elif name in MEASURES:
        click.echo(render_measure(MEASURES[name]), nl=False)
    else:
        raise click.ClickException(
            f"unknown measure {name!r}{did_you_mean(name, MEASURES)}; 'retold measures' lists all"
        )
