"""``retold run``, and what it shares with ``retold baseline``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retold.cli import options
from retold.cli.options import CorpusChoice

if TYPE_CHECKING:
    from retold.corpus.load import Corpus


def _pairs(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for value in values:
        name, sign, setting = value.partition("=")
        if not sign or not name:
            raise click.BadParameter(f"expected NAME=VALUE, got {value!r}")
        pairs[name] = setting
    return pairs


#: What both commands that run a system take.
system_options = options.all_of(
    click.option(
        "--output",
        type=click.Path(path_type=Path),
        metavar="FOLDER",
        help="Folder of the submission; submissions/NAME by default.",
    ),
    options.corpus_options,
    click.option(
        "--option",
        "settings",
        multiple=True,
        callback=_pairs,
        metavar="NAME=VALUE",
        help="Set an option of the system (repeatable); baselines/README.md lists them.",
    ),
    click.option(
        "--cache",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path(".retold-cache"),
        show_default=True,
        help="Cache folder for expensive results: embeddings, answers of a service.",
    ),
    click.option("--control", type=click.Choice(["shuffled"]), help="Train on shuffled labels, as a control."),
    options.seed,
)


@click.command()
@click.argument("file", metavar="FILE[:OBJECT]")
@system_options
def run(file: str, **given: Any) -> None:
    """Run a system of your own and write its submission.

    FILE is a Python file that is a system, or holds one as OBJECT; baselines/README.md shows how to write one.

    \b
    Example:
      retold run mine.py:system --output submissions/mine
    """
    run_file(file, **given)


def is_file(name: str) -> bool:
    """Whether a name is that of a Python file, or of an object in one, and not of a baseline."""
    return name.lower().endswith(".py") or ".py:" in name.lower()


def run_file(name: str, **given: Any) -> None:
    """Run the system that ``mine.py`` or ``mine.py:system`` names; ``given`` are those of ``system_options``."""
    path, colon, attribute = name.rpartition(":") if ".py:" in name.lower() else (name, "", "")
    if colon and not attribute:
        raise click.UsageError(f"{name}: expected the name of an object after the colon")
    if not Path(path).is_file():
        raise click.ClickException(f"{path}: no such file")
    run_system(Path(path), attribute or None, team="", **given)


def run_system(
    path: Path,
    attribute: str | None,
    *,
    team: str,
    corpus: CorpusChoice,
    output: Path | None,
    settings: Mapping[str, str],
    cache: Path,
    control: str | None,
    seed: int,
) -> None:
    """Run a system and print where its submission is."""
    from retold.systems import SystemFault, load_system
    from retold.systems import run_system as write_submission

    try:
        system = load_system(path, attribute)
        loaded = corpus.load()
        name = f"{system.name}-{control}" if control else system.name
        target = write_submission(
            system,
            loaded,
            output or Path("submissions") / name,
            seed=seed,
            options=settings,
            cache=cache,
            control=control,
            team=team,
            progress=_progress(name, loaded),
        )
    except SystemFault as error:
        raise click.ClickException(str(error)) from error
    click.echo(target)


def _progress(label: str, corpus: Corpus) -> Callable[[Any], Any]:
    from tqdm import tqdm

    hidden = not sys.stderr.isatty()
    return lambda records: tqdm(records, desc=label, total=len(corpus.documents), disable=hidden, file=sys.stderr)
