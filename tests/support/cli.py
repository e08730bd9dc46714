"""The ``retold`` command and scripts, in this process or as one of their own."""

from __future__ import annotations

import contextlib
import io
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from unittest import mock

from retold.cli.main import main

Done = subprocess.CompletedProcess[str]


def run(*arguments: object, folder: Path | None = None, stdin: bytes = b"", **environment: str) -> Done:
    """Run ``retold`` in this process; exit code and output are those that a shell would see."""
    command = list(map(str, arguments))
    return _captured(lambda: main(command), command, folder, stdin, environment)


def run_script(path: Path, *arguments: object, folder: Path | None = None) -> Done:
    """Run a Python file in this process as ``python FILE`` would."""
    command = [str(path), *map(str, arguments)]
    with mock.patch.object(sys, "argv", command), mock.patch.object(sys, "path", [str(path.parent), *sys.path]):
        return _captured(lambda: runpy.run_path(str(path), run_name="__main__"), command, folder)


def _captured(
    call: Callable[[], object],
    command: list[str],
    folder: Path | None = None,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> Done:
    given, out, err = (io.TextIOWrapper(io.BytesIO(data), encoding="utf-8") for data in (stdin, b"", b""))
    code = 0
    with (
        contextlib.chdir(folder or Path.cwd()),
        mock.patch.dict(os.environ, environment or {}),
        mock.patch.object(sys, "stdin", given),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            call()
        except SystemExit as done:
            code = int(done.code or 0)
    printed = []
    for stream in (out, err):
        stream.flush()
        printed.append(stream.buffer.getvalue().decode("utf-8"))  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(command, code, *printed)


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of bash in which ``retold`` is the command as a process."""
    line = f'retold() {{ "{sys.executable}" -m retold "$@"; }}; {command}'
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env={**os.environ, **environment}, capture_output=True, check=False
    )
