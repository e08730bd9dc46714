"""``retold validate``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from retold.cli.options import (
    CorpusChoice,
    comma_list,
    corpus_options,
    format_option,
    stdin_once,
    usage_errors,
    use_color,
    width,
    workers,
)

if TYPE_CHECKING:
    from retold.corpus.load import Corpus


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@corpus_options
@format_option("text", "json", "github", "sarif")
@click.option(
    "--select",
    multiple=True,
    callback=comma_list,
    metavar="CODES",
    help="Report only these rule codes or prefixes, like RT2,RT404, and what could not be read.",
)
@click.option(
    "--ignore", multiple=True, callback=comma_list, metavar="CODES", help="Leave out these rule codes or prefixes."
)
@click.option(
    "--role",
    type=click.Choice(["gold", "annotation", "prediction"]),
    help="What the files are; by default, what card, place or content say.",
)
@click.option(
    "--max-findings",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Maximum number of findings to print.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning"]),
    default="error",
    show_default=True,
    help="Lowest severity that gives exit code 1.",
)
@workers
@click.option("--fix", is_flag=True, help="Fix in place what has only one right answer, then validate.")
@click.option("--diff", "show_diff", is_flag=True, help="Show what --fix would change; write nothing.")
def validate(
    paths: tuple[str, ...], corpus: CorpusChoice, style: str, fail_on: str, fix: bool, show_diff: bool, **how: Any
) -> None:
    """Check annotation files and submissions.

    Without a PATH, checks the corpus itself.

    \b
    Example:
      retold validate submissions/mine --ignore RT6,RT404
    """
    from retold.report.findings import render_findings
    from retold.validation.report import prefixes
    from retold.validation.validate import validate as run

    with usage_errors():
        prefixes((*how["select"], *how["ignore"]))
    stdin_once(corpus, *paths)
    loaded = corpus.load()
    if fix or show_diff:
        if not paths:
            raise click.UsageError("name the files to fix")
        if fix and not show_diff and "-" in paths:
            raise click.UsageError("standard input cannot be fixed in place; use --diff")
        changed = _fix(paths, loaded, how["role"], how["max_findings"], show_diff)
        if show_diff:
            raise SystemExit(1 if changed else 0)
    how["workers"] = how["workers"] or os.cpu_count() or 1
    report = run(list(paths) or None, loaded, **how)
    click.echo(render_findings(report, style, color=use_color(sys.stdout), width=width()), nl=False)
    if report.errors or (fail_on == "warning" and report.warnings):
        raise SystemExit(1)


def _fix(paths: Sequence[str], corpus: Corpus, role: Any, limit: int, show_diff: bool) -> bool:
    """Fix files, or show how; return whether there was anything to fix."""
    from retold.report.findings import render_fixes, render_text
    from retold.validation.fix import fix, write

    changed = False
    for fixed in (each for path in paths for each in fix(path, corpus, role=role)):
        changed = changed or fixed.after != fixed.before
        click.echo(render_fixes(fixed, limit), nl=False, err=not show_diff)
        if show_diff:
            click.echo(render_text(fixed.left[:limit], color=use_color(sys.stdout)), nl=False)
        elif fixed.after != fixed.before:
            write(fixed)
    return changed
