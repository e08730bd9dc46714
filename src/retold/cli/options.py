"""Options and checks that several commands share."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from retold.corpus.load import Corpus
    from retold.model.findings import Finding

allow_missing = click.option("--allow-missing", is_flag=True, help="Count missing documents and layers as empty.")
seed = click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Random seed.")
resamples = click.option(
    "--resamples",
    type=click.IntRange(min=0, max=1_000_000),
    default=10_000,
    show_default=True,
    help="Bootstrap resamples; 0 for no intervals and tests.",
)
workers = click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of workers for large files; by default as many as suit the file.",
)
executor = click.option(
    "--executor", type=click.Choice(["process", "threads"]), help="What workers are; processes by default."
)


def all_of(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Several options as one decorator, in the order of the help."""
    return lambda command: functools.reduce(lambda inner, option: option(inner), reversed(decorators), command)


#: How submissions are counted; a command takes these as ``**how`` and passes them on with ``given``.
counting = all_of(allow_missing, resamples, seed, workers, executor)


def format_option(*choices: str) -> Callable[[Any], Any]:
    """``--format`` with these choices, passed as ``style``; the first is the default."""
    return click.option(
        "--format", "style", type=click.Choice(choices), default=choices[0], show_default=True, help="Output format."
    )


def comma_list(ctx: click.Context, parameter: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    """Callback of a repeatable option whose values may also be joined by commas."""
    return tuple(item.strip() for value in values for item in value.split(",") if item.strip())


def output_path(ctx: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    """Callback of an option that names a file to write; ``-`` is standard output."""
    return Path("/dev/stdout") if value == Path("-") else value


@dataclass(frozen=True, slots=True)
class CorpusChoice:
    """The corpus that a command was asked to use: None for the released one."""

    path: str | None
    manifest: str | None
    labels: str | None

    def load(self) -> Corpus:
        from retold.corpus.load import load_corpus

        return load_corpus(self.path, **given(manifest=self.manifest, labels=self.labels))


def corpus_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``--corpus`` (alias ``--gold``), ``--manifest`` and ``--labels``; the command gets one ``corpus``."""

    @click.option(
        *("--corpus", "--gold", "corpora"),
        multiple=True,
        metavar="PATH",
        help="Corpus folder, or a file of gold records; the released corpus by default.",
    )
    @click.option("--manifest", metavar="FILE", help="Manifest of the corpus, with its layers and labels.")
    @click.option("--labels", type=click.Choice(["from-gold"]), help="Take layers and labels from the gold records.")
    @functools.wraps(command)
    def wrapper(*args: Any, corpora: tuple[str, ...], manifest: str | None, labels: str | None, **others: Any) -> None:
        if len(corpora) > 1:
            raise click.UsageError("give one corpus, with --corpus or --gold")
        if manifest and labels:
            raise click.UsageError("--manifest and --labels cannot be combined")
        command(*args, corpus=CorpusChoice(corpora[0] if corpora else None, manifest, labels), **others)

    return wrapper


def given(**options: Any) -> dict[str, Any]:
    """The options that were given, so that the library's own defaults apply to the others."""
    return {name: value for name, value in options.items() if value is not None}


def deprecated(old: str, new: str) -> None:
    """Warn about a spelling that keeps working for one minor version."""
    click.echo(f"warning: '{old}' is deprecated; use '{new}'", err=True)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What to add to a message about an unknown name: the nearest known one, if any is near."""
    from retold.rules.registry import nearest

    close = nearest(name, known)
    return f" (did you mean {close!r}?)" if close else ""


def warn(found: Sequence[Finding]) -> None:
    """Print warnings about the input to standard error."""
    if found:
        from retold.report.findings import render_text

        click.echo(render_text(found, color=use_color(sys.stderr)), nl=False, err=True)


def stdin_once(corpus: CorpusChoice, *paths: str) -> None:
    """Refuse to read standard input twice."""
    if (*paths, corpus.path, corpus.manifest).count("-") > 1:
        raise click.UsageError("standard input ('-') can be read only once")


def refuse_overwriting(target: Path | None, option: str, *sources: str | None) -> None:
    """Refuse to write over an input: a file, or a file in a folder."""
    if target is not None and target.is_file():
        for source in filter(None, sources):
            if Path(source).exists() and target.resolve().is_relative_to(Path(source).resolve()):
                raise click.BadParameter(f"{target} is an input; name another file", param_hint=option)


verbose = click.option("--verbose", "-v", is_flag=True, help="Show everything as text.")


def width() -> int:
    """Columns of the terminal: what COLUMNS says, or what the terminal has, or 100 where there is none."""
    from retold.report.tables import WIDTH

    return shutil.get_terminal_size((WIDTH, 24)).columns


def write(path: Path, pieces: str | bytes | Iterable[bytes], note: str = "") -> None:
    """Write a file whole or not at all, and say so."""
    from retold.io.atomic import write_atomic

    write_atomic(path, pieces)
    told(f"wrote {path}{note and f': {note}'}")


def told(text: str) -> None:
    """Say on standard error what was done."""
    from retold.model.display import visible

    click.echo(visible(text), err=True)


@contextlib.contextmanager
def usage_errors() -> Iterator[None]:
    """Turn the library's refusal of an argument, a ValueError, into an error message."""
    from retold.model.findings import FindingsError

    try:
        yield
    except FindingsError:
        raise
    except ValueError as error:
        raise click.ClickException(str(error)) from error


def use_color(stream: TextIO) -> bool:
    """Whether to colour what goes to a stream (https://no-color.org)."""
    return stream.isatty() and "NO_COLOR" not in os.environ


def single_threaded_numpy() -> None:
    """Keep matrix products on one core; threads that wait for each other only spin. Call before numpy is imported."""
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
