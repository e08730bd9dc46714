"""``retold rank``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from retold.cli import options
from retold.cli.options import CorpusChoice


@click.command()
@click.argument("submissions", nargs=-1, metavar="SUBMISSION...")
@options.corpus_options
@click.option("--measure", default="overall", show_default=True, metavar="NAME", help="Measure to rank by.")
@options.format_option("table", "markdown", "json", "csv", "latex", "html")
@click.option(
    "--output",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Also write the leaderboard, and one for each track, to FOLDER in every format.",
)
@options.verbose
@options.counting
@click.option("--compare", "pair", nargs=2, hidden=True)
def rank(
    submissions: tuple[str, ...],
    corpus: CorpusChoice,
    measure: str,
    style: str,
    output: Path | None,
    pair: tuple[str, str] | None,
    verbose: bool,
    **how: Any,
) -> None:
    """Rank submissions on a leaderboard.

    \b
    Example:
      retold rank submissions/* --measure stance --output leaderboard
    """
    if pair is not None:
        _compare(pair, submissions, corpus, how["allow_missing"], style)
        return
    if not submissions:
        raise click.UsageError("Missing argument 'SUBMISSION...'.")
    options.stdin_once(corpus, *submissions)
    options.single_threaded_numpy()
    from retold.io.atomic import write_atomic
    from retold.report.leaderboard import SUFFIXES, render_ranking
    from retold.scoring.ranking import rank as run

    with options.usage_errors():
        result = run(submissions, corpus.load(), measure=measure, **options.given(**how))
    options.warn(result.warnings)
    if output is not None:
        boards = {"leaderboard": result}
        boards |= {f"leaderboard-{track}": result.by(track) for track in result.headlines[1:]}
        for name, board in boards.items():
            for kind, suffix in SUFFIXES.items():
                write_atomic(output / f"{name}.{suffix}", render_ranking(board, kind, verbose=True))
        options.told(f"wrote {', '.join(boards)} to {output}, each as {', '.join(SUFFIXES.values())}")
    click.echo(render_ranking(result, style, verbose=verbose, width=options.width()), nl=False)


def _compare(
    pair: tuple[str, str], submissions: tuple[str, ...], corpus: CorpusChoice, allow_missing: bool, style: str
) -> None:
    """``retold rank --compare A B``, from before there was ``retold compare``."""
    from retold.cli.compare import compare_submissions

    source = click.get_current_context().get_parameter_source
    ranking = ("measure", "resamples", "seed", "output", "workers", "executor", "verbose")
    extra = [name for name in ranking if source(name) is not click.core.ParameterSource.DEFAULT]
    if submissions or extra or style == "html":
        said = f"--{extra[0]}" if extra else "more submissions" if submissions else "--format html"
        raise click.UsageError(f"--compare cannot be combined with {said}")
    options.deprecated("retold rank --compare", "retold compare")
    compare_submissions(*pair, corpus, allow_missing, style, verbose=False)
