"""``retold score``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from retold.cli import options
from retold.cli.options import CorpusChoice


@click.command()
@click.argument("submission")
@options.corpus_options
@options.format_option("text", "markdown", "json", "csv", "latex")
@click.option(
    "--measures",
    multiple=True,
    callback=options.comma_list,
    metavar="NAMES",
    help="Show only these measures, like stance.favg,claims.*.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    callback=options.output_path,
    metavar="FILE",
    help="Write the result to FILE instead of standard output.",
)
@click.option(
    "--items",
    type=click.Path(path_type=Path),
    callback=options.output_path,
    metavar="FILE",
    help="Write every counted item with its verdict to FILE (JSON Lines). The first line says what was scored.",
)
@options.verbose
@options.counting
def score(
    submission: str,
    corpus: CorpusChoice,
    style: str,
    measures: tuple[str, ...],
    output: Path | None,
    items: Path | None,
    verbose: bool,
    **how: Any,
) -> None:
    """Score one submission in detail.

    SUBMISSION is a file of records, a folder or a .zip; '-' is standard input. As text, shows the headline scores and
    what they are means of; --verbose adds all measures with their counts, errors by kind and breakdowns.

    \b
    Example:
      retold score submissions/mine --format json --output score.json
    """
    options.stdin_once(corpus, submission)
    for path, option in ((items, "--items"), (output, "--output")):
        options.refuse_overwriting(path, option, submission, corpus.path, corpus.manifest)
    if output is not None and items is not None and output.resolve() == items.resolve():
        raise click.UsageError("--output and --items name the same file")
    options.single_threaded_numpy()
    from retold.report.items import item_lines
    from retold.report.scores import render_score, select_measures
    from retold.scoring.compare import errors
    from retold.scoring.score import score_with_items

    # Without --workers the library takes as many as suit the file.
    how = {"workers": None, **options.given(**how)}
    result, found = score_with_items(submission, corpus.load(), however_many=items is not None, **how)
    options.warn(result.warnings)
    with options.usage_errors():
        names = select_measures(result, measures) if measures else None
    if items is not None and found is not None:
        options.write(items, item_lines(result, found))
    kinds = errors(found or [], result.scheme)
    width = {} if output else {"width": options.width()}
    text = render_score(result, style, kinds, names, verbose=verbose, **width)
    if output is None:
        click.echo(text, nl=False)
    else:
        options.write(output, text, f"score of {result.system} ({style})")
