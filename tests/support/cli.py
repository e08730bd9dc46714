"""The ``retold`` command, in this process or as one of its own."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from retold.cli.main import main


def run(
    *arguments: object, folder: Path | None = None, stdin: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run ``retold`` in this process; exit code and output are those that a shell would see."""
    given, out, err = (io.TextIOWrapper(io.BytesIO(data), encoding="utf-8") for data in (stdin, b"", b""))
    command = list(map(str, arguments))
    with (
        contextlib.chdir(folder or Path.cwd()),
        mock.patch.dict(os.environ, environment),
        mock.patch.object(sys, "stdin", given),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main(command)
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
