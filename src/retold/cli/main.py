"""The ``retold`` command: parses, calls, prints, exits.

Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 findings (the input is at
fault), 2 wrong usage or a file that cannot be read. What a command needs is imported when it runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from retold import __version__
from retold.model.findings import Finding, FindingsError, UnreadableError

__all__ = ["main"]

_GOLD = click.option("--gold", metavar="PATH", help="Another corpus: its folder, or a bare file of gold records.")
_ALLOW_MISSING = click.option("--allow-missing", is_flag=True, help="Take missing documents as empty.")
_RESAMPLES = click.option(
    "--resamples",
    type=click.IntRange(min=1, max=1_000_000),
    default=10_000,
    show_default=True,
    help="Bootstrap resamples.",
)
_WORKERS = click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes that read a large file; by default one for a small file, else one for each core, at most four.",
)
_SEED = click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the resampling.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="retold")
def cli() -> None:
    """Retold: how one news event is told by several outlets. Load, validate, score, rank."""


@cli.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--gold", metavar="FOLDER", help="Another corpus to validate, or to validate against.")
@click.option(
    "--format", "style", type=click.Choice(["text", "json", "github", "sarif"]), default="text", show_default=True
)
@click.option("--select", multiple=True, metavar="CODE", help="Only these codes or prefixes of codes (repeatable).")
@click.option("--ignore", multiple=True, metavar="CODE", help="Not these codes or prefixes of codes (repeatable).")
@click.option(
    "--role", type=click.Choice(["gold", "annotation", "prediction"]), help="What the files are; guessed by name."
)
@click.option(
    "--max-findings",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Show so many; the rest is counted.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning"]),
    default="error",
    show_default=True,
    help="Least severity that makes the exit code 1.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes for a large file; by default one for each core.",
)
@click.option("--fix", is_flag=True, help="First mend in place what has one right answer.")
@click.option("--diff", "show_diff", is_flag=True, help="Show what --fix would change, and write nothing.")
def validate(
    paths: tuple[str, ...],
    gold: str | None,
    style: str,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    role: Any,
    max_findings: int,
    fail_on: str,
    workers: int | None,
    fix: bool,
    show_diff: bool,
) -> None:
    """Check annotation files or submissions; the corpus itself where no PATH is given."""
    from retold.corpus.load import load_corpus
    from retold.report.findings import render_findings
    from retold.rules import RULES
    from retold.validation.validate import validate as check

    for code in (*select, *ignore):
        if not any(known.startswith(code.upper()) for known in RULES):
            raise click.UsageError(f"no rule has the code or prefix {code!r}; retold rules lists them")
    against = load_corpus(gold)
    if fix or show_diff:
        if not paths:
            raise click.UsageError("name the files to mend")
        changed = _fix(paths, against, role, max_findings, show_diff)
        if show_diff:
            raise SystemExit(1 if changed else 0)
    report = check(
        list(paths) or None,
        against,
        role=role,
        select=select,
        ignore=ignore,
        max_findings=max_findings,
        workers=workers or os.cpu_count() or 1,
    )
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    click.echo(render_findings(report, style, color=colour), nl=False)
    if report.errors or (fail_on == "warning" and report.warnings):
        raise SystemExit(1)


def _fix(paths: Sequence[str], corpus: Any, role: Any, limit: int, show_diff: bool) -> bool:
    """Mend files, or show how they would be; whether there was anything to mend."""
    from retold.report.findings import render_diff, render_fixes
    from retold.validation.fix import fix, write

    changed = False
    for mended in (each for path in paths for each in fix(path, corpus, role=role)):
        click.echo(render_fixes(mended, limit), nl=False, err=True)
        if mended.after == mended.before:
            continue
        changed = True
        if show_diff:
            click.echo(render_diff(mended), nl=False)
        else:
            write(mended)
    return changed


@cli.command()
@click.argument("code", required=False)
def rules(code: str | None) -> None:
    """List the rules of the validator, or explain the rule CODE."""
    from retold.report.findings import rule_page, rules_table
    from retold.rules import RULES

    if code is None:
        click.echo(rules_table(), nl=False)
    elif code.upper() in RULES:
        click.echo(rule_page(code.upper()), nl=False)
    else:
        raise click.UsageError(f"there is no rule {code!r}; retold rules lists them")


@cli.command()
@click.argument("submission")
@_GOLD
@_ALLOW_MISSING
@_RESAMPLES
@_SEED
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "markdown", "json", "csv", "latex"]),
    default="text",
    show_default=True,
)
@_WORKERS
@click.option(
    "--items",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write every counted item with its verdict to FILE, as JSON Lines; the first line says what they are of.",
)
def score(
    submission: str,
    gold: str | None,
    allow_missing: bool,
    resamples: int,
    seed: int,
    style: str,
    workers: int | None,
    items: Path | None,
) -> None:
    """Score one SUBMISSION (a file of records, a folder or a .zip) in detail."""
    _share_cores()
    if items is not None and any(_is_input(items, path) for path in (submission, gold)):
        raise click.BadParameter(f"{items} is what is to be read; name another file", param_hint="--items")
    from retold.report.scores import render_score
    from retold.scoring import errors, score_with_items

    result, found = score_with_items(
        submission,
        gold,
        allow_missing=allow_missing,
        resamples=resamples,
        seed=seed,
        workers=workers,
        however_many=items is not None,
    )
    if items is not None and found is not None:
        from retold.io.atomic import write_atomic
        from retold.report.items import item_lines

        write_atomic(items, item_lines(result, found))
        click.echo(f"wrote {items}", err=True)
    click.echo(render_score(result, style, errors(found or [])), nl=False)


@cli.command()
@click.argument("submissions", nargs=-1, metavar="SUBMISSION...")
@_GOLD
@_ALLOW_MISSING
@_RESAMPLES
@_SEED
@click.option(
    "--measure",
    type=click.Choice(["overall", "entities", "stance", "claims"]),
    default="overall",
    show_default=True,
    help="What to rank by.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "markdown", "json", "csv", "latex", "html"]),
    default="table",
    show_default=True,
)
@click.option("--output", metavar="FOLDER", type=click.Path(path_type=Path), help="Also write every format to FOLDER.")
@click.option(
    "--compare",
    nargs=2,
    metavar="A B",
    help="List the items that one of two submissions has right and the other wrong, instead of ranking. Layers that "
    "one does not give are left out. Not with --measure, --resamples, --seed or --output.",
)
def rank(
    submissions: tuple[str, ...],
    gold: str | None,
    allow_missing: bool,
    resamples: int,
    seed: int,
    measure: str,
    style: str,
    output: Path | None,
    compare: tuple[str, str] | None,
) -> None:
    """Rank SUBMISSIONs on a leaderboard, with rank ranges and tiers; or compare two, item by item."""
    if compare is not None:
        if submissions or any(map(_is_given, ("measure", "resamples", "seed", "output"))):
            raise click.UsageError(
                "--compare takes two submissions and neither others nor --measure, --resamples, --seed or --output"
            )
        if style == "html":
            raise click.UsageError("--compare has no page in html; take another --format")
        _compare(*compare, gold, allow_missing, style)
        return
    if not submissions:
        raise click.UsageError("name the submissions to rank")
    _share_cores()
    from retold.io.atomic import write_atomic
    from retold.report.leaderboard import SUFFIXES, render_ranking
    from retold.scoring.ranking import rank as run

    result = run(submissions, gold, measure=measure, allow_missing=allow_missing, resamples=resamples, seed=seed)
    if output is not None:
        boards = {"leaderboard": result}
        boards |= {f"leaderboard-{track}": result.by(track) for track in ("entities", "stance", "claims")}
        for name, board in boards.items():
            for kind, suffix in SUFFIXES.items():
                page = output / f"{name}.{suffix}"
                write_atomic(page, render_ranking(board, kind))
                click.echo(f"wrote {page}", err=True)
    click.echo(render_ranking(result, style), nl=False)


@cli.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE FILE...")
@_GOLD
@_RESAMPLES
@_SEED
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "markdown", "json", "csv", "latex"]),
    default="text",
    show_default=True,
)
@click.option(
    "--disagreements", is_flag=True, help="Also list every item on which the readers differ (text, markdown)."
)
def agree(files: tuple[str, ...], gold: str | None, resamples: int, seed: int, style: str, disagreements: bool) -> None:
    """Agreement of readers, FILEs of records of the same documents; of more than two, every pair."""
    from itertools import combinations

    from retold.corpus.load import load_corpus
    from retold.report.agreement import render_agreement, render_pairs
    from retold.scoring.agreement import agreement

    if len(files) < 2:
        raise click.UsageError("agreement needs two files or more")
    corpus = load_corpus(gold)
    results = [agreement(a, b, corpus, resamples=resamples, seed=seed) for a, b in combinations(files, 2)]
    if len(results) == 1:
        click.echo(render_agreement(results[0], style, disagreements=disagreements), nl=False)
    else:
        click.echo(render_pairs(results, style), nl=False)


@cli.command()
@click.argument("name", required=False)
@click.option(
    "--output", type=click.Path(path_type=Path), help="Folder of the submission; submissions/NAME by default."
)
@click.option("--gold", metavar="FOLDER", help="Another corpus.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("baselines"),
    show_default=True,
    help="Where baselines are found by name.",
)
@click.option("--list", "listing", is_flag=True, help="List the baselines and stop.")
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the system (baselines/README.md); may be given several times.",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".retold-cache"),
    show_default=True,
    help="Where systems keep what is dear to make again: embeddings, answers of a service.",
)
@click.option(
    "--control",
    type=click.Choice(["shuffled"]),
    help="Train on permuted labels instead: what a system reaches without anything to learn.",
)
@_SEED
def baseline(
    name: str | None,
    output: Path | None,
    gold: str | None,
    folder: Path,
    listing: bool,
    options: tuple[str, ...],
    cache: Path,
    control: str | None,
    seed: int,
) -> None:
    """Run the baseline NAME, or a system of your own, and write its submission folder.

    A system of your own is a Python file (mine.py), or an object in one (mine.py:system).
    """
    from retold.corpus.load import load_corpus
    from retold.systems import SystemFault, describe_systems, list_systems, load_system, run_system

    known = list_systems(folder)
    file, attribute = _system_file(name or "")
    if not known and (listing or name is None or file is None):
        wanted = f"no baseline {name!r}: " if name else ""
        raise click.UsageError(f"{wanted}{folder} holds no baselines; run it in a clone, or name a --folder")
    if listing:
        from retold.report.systems import render_systems

        click.echo(render_systems(describe_systems(folder)), nl=False)
        return
    if name is None:
        raise click.UsageError("name a baseline or a Python file, or give --list")
    path = file or folder / f"{name}.py"
    if attribute == "":
        raise click.UsageError(f"{name}: names no object after the colon")
    if not path.is_file():
        if file is not None:
            raise click.UsageError(f"{path}: there is no such file")
        raise click.UsageError(f"no baseline {name!r} in {folder}{_nearest(name, known)}")
    try:
        system = load_system(path, attribute)
        corpus = load_corpus(gold)
        shown = f"{system.name}-{control}" if control else system.name
        target = run_system(
            system,
            corpus,
            output or Path("submissions") / shown,
            seed=seed,
            options=_pairs(options),
            cache=cache,
            control=control,
            team="" if file else f"Retold {__version__} baselines",
            progress=_progress(shown, corpus),
        )
    except SystemFault as error:
        raise click.UsageError(str(error)) from error
    click.echo(target)


def _system_file(name: str) -> tuple[Path | None, str | None]:
    """The file and the attribute that ``mine.py:system`` names; no file where it is the name of a baseline."""
    path, colon, attribute = name.rpartition(":")
    if colon and path.endswith(".py"):
        return Path(path), attribute
    return (Path(name), None) if name.endswith(".py") else (None, None)


def _pairs(options: Sequence[str]) -> dict[str, str]:
    found = {}
    for option in options:
        name, sign, value = option.partition("=")
        if not sign or not name:
            raise click.BadParameter(f"{option!r} is no NAME=VALUE", param_hint="--option")
        found[name] = value
    return found


@cli.group()
def corpus() -> None:
    """Look after a corpus: compare releases."""


@corpus.command()
@click.argument("old")
@click.argument("new", required=False)
@click.option("--format", "style", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
def diff(old: str, new: str | None, style: str) -> None:
    """What differs between the corpus folders OLD and NEW (the packaged corpus where NEW is not given)."""
    from retold.corpus.diff import compare
    from retold.corpus.load import load_corpus
    from retold.report.changes import render_changes

    click.echo(render_changes(compare(load_corpus(old), load_corpus(new)), style), nl=False)


@corpus.command("new-event")
@click.argument("name")
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option("--documents", is_flag=True, help="Stands before FILES: the documents, plain text, one file each.")
@click.option("--corpus", "root", default="corpus", show_default=True, metavar="FOLDER", help="Corpus to add it to.")
@click.option("--language", default="en", show_default=True, metavar="CODE", help="Of files not named like two.id.txt.")
@click.option("--date", metavar="YYYY-MM-DD", help="Date of the event.")
def new_event(name: str, files: tuple[str, ...], documents: bool, root: str, language: str, date: str | None) -> None:
    """Lay out the folder of the event NAME from FILES, and say what is still to do."""
    from retold.corpus.load import load_corpus
    from retold.corpus.scaffold import scaffold_event
    from retold.report.findings import next_steps, render_text
    from retold.validation.validate import validate as check

    try:
        folder = scaffold_event(name, files, root, language=language, date=date)
    except ValueError as error:
        if isinstance(error, FindingsError):
            raise
        raise click.UsageError(str(error)) from error
    click.echo(f"wrote {folder}", err=True)
    found = check(None, load_corpus(root)).findings
    click.echo(render_text([each for each in found if Path(each.file or "").is_relative_to(folder)]), nl=False)
    click.echo(next_steps(folder, root), nl=False)


def _compare(a: str, b: str, gold: str | None, allow_missing: bool, style: str) -> None:
    from retold.corpus.load import load_corpus
    from retold.report.items import render_comparison
    from retold.scoring import compare_items, items_of

    corpus = load_corpus(gold)
    first, second = (items_of(path, corpus, allow_missing=allow_missing) for path in (a, b))
    click.echo(render_comparison(compare_items(first, second), style), nl=False)


def _is_given(option: str) -> bool:
    """Whether an option of the running command was given, were it with the value of its default."""
    source = click.get_current_context().get_parameter_source(option)
    return source is not click.core.ParameterSource.DEFAULT


def _is_input(target: Path, source: str | None) -> bool:
    """Whether writing a file would overwrite what is read: a file, or one in a folder."""
    if source is None or not target.is_file() or not Path(source).exists():
        return False
    return target.resolve().is_relative_to(Path(source).resolve())


def _share_cores() -> None:
    """Let products of matrices run on one core each: there are several at once, and waiting threads would only spin.

    Read when numpy is loaded, which no command has done before it runs.
    """
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def _nearest(name: str, known: Sequence[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known) or 'none'}"


def _progress(label: str, corpus: Any) -> Callable[[Any], Any]:
    from tqdm import tqdm

    hidden = not sys.stderr.isatty()
    return lambda records: tqdm(records, desc=label, total=len(corpus.documents), disable=hidden, file=sys.stderr)


def _show(findings: Sequence[Finding]) -> None:
    from retold.report.findings import render_text

    click.echo(
        render_text(list(findings), color=sys.stderr.isatty() and "NO_COLOR" not in os.environ), nl=False, err=True
    )


def _prepare_streams() -> None:
    """Make sure that whatever is printed can be: records are UTF-8, and a terminal shows what it can."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            from retold.io.atomic import devnull

            # The caller closed it.
            setattr(sys, name, devnull())
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit; every fault ends in a message, none in a traceback."""
    _prepare_streams()
    stdout = sys.stdout
    try:
        code = cli.main(args=None if arguments is None else list(arguments), standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        code = 130
    except click.ClickException as error:
        error.show()
        code = 2
    except FindingsError as error:
        _show(error.findings)
        code = 1
    except UnreadableError as error:
        click.echo(f"retold: {error}", err=True)
        code = 2
    except SystemExit:
        # Where the reader of our output went away, click ends the program as if something were at fault, with another
        # stream in the place of the broken one.
        if sys.stdout is stdout:
            raise
        code = 0
    except BrokenPipeError:
        # The reader of our output went away; nothing is left to say, and Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        click.echo(f"retold: {error.filename or 'a file'}: {error.strerror or error}", err=True)
        code = 2
    except Exception as error:
        if "RETOLD_DEBUG" in os.environ:
            raise
        click.echo(f"retold: internal error: {type(error).__name__}: {error}", err=True)
        click.echo("This is a fault of retold. Set RETOLD_DEBUG=1 to see where, and report it.", err=True)
        code = 2
    raise SystemExit(code or 0)
