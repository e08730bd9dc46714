"""``retold baseline``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from retold import __version__
from retold.cli import options
from retold.cli.run import is_file, run_file, run_system, system_options


@click.command()
@click.argument("name", required=False)
@system_options
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("baselines"),
    show_default=True,
    help="Folder of the baselines.",
)
@click.option("--list", "listing", is_flag=True, help="List the baselines and exit.")
def baseline(name: str | None, folder: Path, listing: bool, **given: Any) -> None:
    """Run a baseline and write its submission.

    \b
    Example:
      retold baseline gazetteer --output submissions/gazetteer
    """
    if name is not None and is_file(name) and not listing:
        options.deprecated("retold baseline FILE.py", "retold run FILE.py")
        run_file(name, **given)
        return
    from retold.systems import SystemFault, describe_systems, find_systems

    try:
        known = find_systems(folder)
    except SystemFault as error:
        raise click.ClickException(str(error)) from error
    if not known:
        raise click.ClickException(
            f"{folder} holds no baselines; run this in a checkout of Retold, or name its folder with --folder"
        )
    if listing:
        from retold.report.systems import render_systems

        click.echo(render_systems(describe_systems(folder), options.width()), nl=False)
        return
    if name is None:
        raise click.UsageError("name a baseline; --list lists them")
    if name not in known:
        raise click.ClickException(
            f"no baseline {name!r} in {folder}{options.did_you_mean(name, known)}; --list lists them"
        )
    run_system(known[name], None, team=f"Retold {__version__} baselines", **given)
