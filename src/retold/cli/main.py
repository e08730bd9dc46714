"""The ``retold`` command: the group of commands, and how every error becomes a message and an exit code.

Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 findings (the input is at
fault), 2 wrong usage or a file that cannot be read.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence

import click

from retold import __version__
from retold.cli.options import did_you_mean, use_color, width
from retold.model.documentation import docstring

__all__ = ["cli", "main"]

#: In the order of the help; each is a function of the same name in its own module.
COMMANDS = (*("validate", "rules", "score", "rank", "compare", "measures"), *("agree", "baseline", "run", "corpus"))


class _LazyGroup(click.Group):
    """A group whose commands are imported when they are used or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            if not name.startswith("-"):
                ctx.fail(f"no such command {name!r}{did_you_mean(name, COMMANDS)}")
            return None
        return _documented(getattr(importlib.import_module(f"retold.cli.{name}"), name))


def _documented(command: click.Command) -> click.Command:
    """A command and its own commands, with the help that ``python -OO`` removes."""
    if command.help is None and command.callback is not None:
        command.help = docstring(command.callback)
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        _documented(each)
    return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="retold")
def cli() -> None:
    """Retold: a benchmark of how one news event is told by several outlets.

    Use '-' as a file name for standard input.

    \b
    Example:
      retold score submissions/mine
      retold rank submissions/mine submissions/yours --output leaderboard
    """


def main(arguments: Sequence[str] | None = None, command: click.Command = cli) -> None:
    """Run the command line, or another command, and exit. No traceback reaches the user, unless RETOLD_DEBUG is set."""
    _prepare_streams()
    stdout = sys.stdout
    name = "retold" if command is cli else None
    try:
        code = _documented(command).main(None if arguments is None else list(arguments), name, standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        code = 130
    except click.ClickException as error:
        _show(error)
        code = 2
    except SystemExit:
        # On a broken pipe click replaces standard output and exits with 1. A reader that has seen enough, like
        # ``head``, is no fault.
        if sys.stdout is stdout:
            raise
        code = 0
    except BrokenPipeError:
        # The same, on the last flush. Python must not try to flush again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        code = _report(error)
    raise SystemExit(code or 0)


def _report(error: Exception) -> int:
    """Say on standard error what went wrong; return the exit code."""
    from retold.model.findings import FindingsError, UnreadableError
    from retold.model.packages import missing

    if isinstance(error, FindingsError):
        from retold.report.findings import render_refusal

        refusal = render_refusal(error.findings, color=use_color(sys.stderr), width=width())
        click.echo(refusal, nl=False, err=True)
        return 1
    if isinstance(error, UnreadableError):
        message = str(error)
    elif isinstance(error, OSError):
        message = f"{error.filename or 'standard output'}: {error.strerror or error}"
    elif "RETOLD_DEBUG" in os.environ:
        raise error
    elif isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("retold"):
        message = f"this command {missing(error.name.partition('.')[0])}"
    else:
        message = (
            f"internal error: {type(error).__name__}: {error}\n"
            "This is a bug in retold. Please report it with the traceback that RETOLD_DEBUG=1 shows."
        )
    _show(click.ClickException(message))
    return 2


class _Shown(io.StringIO):
    """Takes what click prints as it is; click would take colours out of names."""

    def isatty(self) -> bool:
        return True


def _show(error: click.ClickException) -> None:
    """Print an error, with what a terminal would act on as escapes: names and paths come from users."""
    from retold.model.display import visible

    shown = _Shown()
    error.show(shown)
    click.echo("\n".join(map(visible, shown.getvalue().split("\n"))), nl=False, err=True)


def _prepare_streams() -> None:
    """Make any text printable: UTF-8 in files and pipes, and on a terminal an escape for what it lacks."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # Closed by the caller (``>&-``).
            from retold.io.atomic import devnull

            setattr(sys, name, devnull())
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")
