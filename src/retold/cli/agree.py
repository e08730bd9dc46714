"""``retold agree``."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import click

from retold.cli import options
from retold.cli.options import CorpusChoice


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE FILE...")
@options.corpus_options
@options.resamples
@options.seed
@options.format_option("text", "markdown", "json", "csv", "latex")
@options.verbose
@click.option("--disagreements", is_flag=True, help="Also list every disagreement of two annotators.")
def agree(
    files: tuple[str, ...],
    corpus: CorpusChoice,
    resamples: int,
    seed: int,
    style: str,
    disagreements: bool,
    verbose: bool,
) -> None:
    """Measure the agreement of annotators.

    Each FILE holds one annotator's records. Documents that both have are compared; of more than two annotators, every
    pair is.

    \b
    Example:
      retold agree annotators/ann.jsonl annotators/ben.jsonl --disagreements
    """
    if len(files) < 2:
        raise click.UsageError("agreement needs at least two files")
    if disagreements and (len(files) > 2 or style in ("json", "csv")):
        raise click.UsageError("--disagreements takes two files, and text, markdown or latex; JSON always has them")
    options.stdin_once(corpus, *files)
    if len(files) > 2 and len({Path(file).resolve() for file in files}) < len(files):
        raise click.UsageError("a file is given twice; name the records of each annotator once")
    from retold.report.agreement import render_agreement, render_pairs
    from retold.rules.references import listed
    from retold.scoring.agreement import agreement

    loaded = corpus.load()
    results = [agreement(a, b, loaded, resamples=resamples, seed=seed) for a, b in combinations(files, 2)]
    options.warn(list(dict.fromkeys(warning for result in results for warning in result.warnings)))
    for each in results:
        for name, other, keys in zip(each.annotators, reversed(each.annotators), each.unshared, strict=True):
            if keys:
                options.told(f"warning: not compared, since {other} does not have them: {listed(keys)} ({name})")
    if len(results) == 1:
        text = render_agreement(results[0], style, disagreements=disagreements, verbose=verbose, width=options.width())
    else:
        text = render_pairs(results, style, options.width())
    click.echo(text, nl=False)
