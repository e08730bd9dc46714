"""A process for each fold: it knows the document, the context, and nothing else of the corpus.

``Worker`` starts a process that has never read the corpus. On Linux that process forks one of itself for each fold, so
that what a system imports is imported once; elsewhere each fold starts a new one. Whatever a fold leaves in memory ends
with it, and so does every process when its parent ends.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from retold.model.annotations import AnnotationRecord, Document, Event, decode, encode
from retold.systems.guard import GoldRefused, watch_gold, without_gold
from retold.systems.interface import Context, Example, Question, System, SystemFault, text_of
from retold.systems.load import load_system

__all__ = ["Answer", "Task", "Worker", "perform"]

_FORKS: Final = sys.platform == "linux"
_SIZE: Final = struct.Struct("!Q")
_LONGEST: Final = 1 << 40
#: What ends the processes of a terminal, or of ``timeout``.
_SIGNALS: Final = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
#: A system may print from several threads.
_WRITING: Final = threading.Lock()
_PROGRAM: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from retold.systems.worker import main; main()"
)


class Task(msgspec.Struct, kw_only=True):
    """What a system is to do: predict a document, report, or both.

    Attributes:
        name: how messages call the system.
        key: of the document.
        roots: folders of corpora that the system must not read.
        fresh: whether the system is loaded anew, in a process of its own.
        document: the document; None where only a report is wanted.
        event, questions, training, seed, options, layers: as in ``Context``, as bytes.
        cache: folder for expensive results; ``folds`` holds those of all folds.
        report: whether the system is asked for its report.
    """

    name: str
    key: str
    roots: list[str]
    fresh: bool = False
    document: bytes | None = None
    event: bytes = b""
    questions: list[tuple[str, str]] = []
    training: list[tuple[bytes, bytes]] = []
    seed: int = 0
    options: dict[str, str] = {}
    layers: dict[str, Any] = {}
    cache: str | None = None
    folds: str | None = None
    report: bool = False

    def context(self) -> Context:
        """Copies of everything, which the system may change as it likes."""
        return Context(
            decode(self.event, Event),
            tuple(Question(*question) for question in self.questions),
            tuple(Example(decode(text, Document), decode(gold, AnnotationRecord)) for text, gold in self.training),
            self.seed,
            dict(self.options),
            Path(self.cache) if self.cache else None,
            self.layers,
        )


class Answer(msgspec.Struct, kw_only=True):
    """What a system answered: a record as bytes and its report, or what went wrong.

    Attributes:
        refused: whether it opened labels.
    """

    record: bytes | None = None
    seconds: float = 0.0
    report: dict[str, Any] = {}
    fault: str | None = None
    refused: bool = False


class _Start(msgspec.Struct):
    """Begins a process: the system's file, the object in it, the modules that it needs, and what it must not read."""

    path: str
    attribute: str | None
    imports: list[str]
    roots: list[str]
    folds: str | None


def perform(load: Callable[[], System], task: Task) -> Answer:
    """Let a system do a task, without access to labels and with its errors as text."""
    about = f"{task.name} at {task.key}"
    folds, own = (Path(folder) if folder else None for folder in (task.folds, task.cache))
    extra: str | None = None
    try:
        with without_gold(map(Path, task.roots), folds=folds, own=own):
            system = load()
            extra = system.extra
            answer = Answer()
            if task.document is not None:
                context, document = task.context(), decode(task.document, Document)
                start = time.perf_counter()
                record = system.predict(document, context)
                answer.seconds = time.perf_counter() - start
                answer.record = _encoded(record, task)
            if task.report and system.report is not None:
                answer.report = _reported(system.report())
            return answer
    except GoldRefused as error:
        return Answer(fault=f"{about}: {error}", refused=True)
    except ImportError as error:
        hint = f"; install the extra: pip install 'retold[{extra}]'" if extra else ""
        return Answer(fault=f"{about}: {text_of(error)}{hint}")
    except _Invalid as error:
        return Answer(fault=f"{task.name}: {text_of(error)}")
    except BaseException as error:
        # The type of the error helps the author of the system, unless the error was written for users.
        for_users = isinstance(error, ValueError) and type(error).__module__.startswith("retold")
        kind = "" if for_users else f": {type(error).__name__}"
        return Answer(fault=f"{task.name}{kind} at {task.key}: {text_of(error)}")


class _Invalid(Exception):
    """A record that is none."""


def _encoded(record: object, task: Task) -> bytes:
    if not isinstance(record, AnnotationRecord):
        raise _Invalid(f"expected an AnnotationRecord, got {type(record).__name__}")
    if record.document_id != task.key:
        raise _Invalid(f"expected a record of {task.key}, got {record.document_id}")
    try:
        return encode(record)
    except (TypeError, ValueError) as error:
        # For example a number or a string of another library.
        raise _Invalid(f"{task.key}: the record cannot be written: {error}") from error


def _reported(found: Any) -> dict[str, Any]:
    """A report as JSON holds it."""
    try:
        return dict(json.loads(json.dumps(found, allow_nan=False, ensure_ascii=False).encode()))
    except (TypeError, ValueError) as error:
        raise SystemFault(f"report() must return a dict that JSON can hold: {error}") from error


# The parent's side


class Worker:
    """Runs a system that was loaded from a file, in processes that end with this object.

    Args:
        system: the system.
        roots: folders of corpora.
        folds: folder of the caches of all folds.
    """

    def __init__(self, system: System, roots: Sequence[str], folds: str | None = None) -> None:
        assert system.file is not None
        path, attribute = system.file
        self._start = _Start(str(path.resolve()), attribute, list(system.imports), list(roots), folds)
        self._process: subprocess.Popen[bytes] | None = None

    def perform(self, task: Task) -> Answer:
        """As ``perform``, in another process. What the system prints goes to standard error."""
        if self._process is None or (task.fresh and not _FORKS):
            self.close()
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, json.dumps([path for path in sys.path if isinstance(path, str)])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            self._send(self._start)
        self._send(task)
        assert self._process.stdout is not None
        while (data := _read(self._process.stdout)) is not None:
            # What the system printed, as bytes, or its answer.
            try:
                message = msgspec.msgpack.decode(data, type=Answer | bytes)
            except (msgspec.DecodeError, msgspec.ValidationError):
                break
            if isinstance(message, Answer):
                return message
            sys.stderr.write(message.decode("utf-8", "replace"))
        if data is not None:
            self.close()
            return Answer(fault=f"{task.name} at {task.key}: wrote to a file descriptor that it did not open")
        return Answer(fault=f"{task.name} at {task.key}: its process ended (exit code {self.close()})")

    def _send(self, message: msgspec.Struct) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            _write(self._process.stdin, msgspec.msgpack.encode(message))

    def close(self) -> int:
        """End the processes; return the exit code."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        # At the end of its input it ends, and ends the fold that is running.
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]
        return process.wait()


# The other side


class _Forward(io.RawIOBase):
    """Sends what is printed to the parent."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        _write(self._out, msgspec.msgpack.encode(bytes(data)))
        return len(data)


def main() -> None:
    """The process that a ``Worker`` starts: reads tasks from its standard input and has a fold perform each."""
    inputs, out = (os.fdopen(os.dup(number), mode, buffering=0) for number, mode in ((0, "rb"), (1, "wb")))
    # What a system or a library prints must not mix with answers.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    forward = io.BufferedWriter(_Forward(out))
    sys.stdout = sys.stderr = io.TextIOWrapper(forward, "utf-8", "backslashreplace", line_buffering=True)
    # The parent decides when an interrupted run ends; where it is killed, this process has folds to end.
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    start = msgspec.msgpack.decode(_read(inputs) or b"", type=_Start)
    # Also between tasks, and while this process forks: threads and hooks of a system run then, too.
    watch_gold(map(Path, start.roots), folds=Path(start.folds) if start.folds else None)
    if not _FORKS:
        _default_signals()
        _fold(start, _tasks(inputs), out)
        return
    for name in start.imports:
        # Where an import fails, the system says so when it is loaded.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    fold: _Fold | None = None
    while True:
        ready, _, _ = select.select([inputs.fileno(), *([fold.alive] if fold else [])], [], [])
        if fold and fold.alive in ready:
            # It ended by itself; the answer that the parent waits for will not come.
            code = fold.end()
            # As a shell does, 128 and the signal that killed it.
            os._exit(code if code >= 0 else 128 - code)
        data = _read(inputs)
        if data is None:
            if fold:
                fold.kill()
            os._exit(0)
        if fold is None or msgspec.msgpack.decode(data, type=Task).fresh:
            if fold:
                fold.end()
            fold = _Fold(start, inputs, out)
        fold.send(data)


class _Fold:
    """A fork of this process that performs tasks. The processes that it starts are of its group, and end with it.

    Attributes:
        alive: readable when it has ended.
    """

    def __init__(self, start: _Start, inputs: IO[bytes], out: IO[bytes]) -> None:
        tasks, self._tasks = os.pipe()
        with warnings.catch_warnings():
            # Python 3.12 warns of threads, which here are those of numerical libraries, made for being forked.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process = os.fork()
        if self._process:
            # Here and there, as either may be first.
            os.setpgid(self._process, 0)
            os.close(tasks)
            self.alive = os.pidfd_open(self._process)
            return
        code = 1
        try:
            os.setpgid(0, 0)
            _default_signals()
            inputs.close()
            os.close(self._tasks)
            _fold(start, _tasks(os.fdopen(tasks, "rb", buffering=0)), out)
            code = 0
        finally:
            os._exit(code)

    def send(self, data: bytes) -> None:
        """Hand it a task."""
        with os.fdopen(os.dup(self._tasks), "wb", buffering=0) as stream, contextlib.suppress(BrokenPipeError):
            _write(stream, data)

    def kill(self) -> None:
        """End it, whatever it does."""
        os.kill(self._process, signal.SIGKILL)
        self.end()

    def end(self) -> int:
        """Let it end, and return its exit code, or the signal that killed it, below 0."""
        os.close(self._tasks)
        # Until it is waited for, its number is nobody else's.
        select.select([self.alive], [], [])
        os.close(self.alive)
        os.killpg(self._process, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])


def _default_signals() -> None:
    """What a system starts can be ended as usual."""
    for each in _SIGNALS[1:]:
        signal.signal(each, signal.SIG_DFL)


def _fold(start: _Start, tasks: Iterator[bytes], out: IO[bytes]) -> None:
    loaded: list[System] = []
    process = os.getpid()

    def load() -> System:
        if not loaded:
            loaded.append(load_system(Path(start.path), start.attribute))
        return loaded[0]

    for data in tasks:
        answer = perform(load, msgspec.msgpack.decode(data, type=Task))
        if os.getpid() != process:
            # A fork that the system made, and that went on to here.
            os._exit(0)
        with contextlib.suppress(Exception):
            # A system may have put something else there.
            sys.stdout.flush()
        _write(out, msgspec.msgpack.encode(answer))


def _tasks(stream: IO[bytes]) -> Iterator[bytes]:
    while (data := _read(stream)) is not None:
        yield data


def _write(stream: IO[bytes], data: bytes) -> None:
    rest = memoryview(_SIZE.pack(len(data)) + data)
    with _WRITING:
        while rest:
            rest = rest[stream.write(rest) :]
        stream.flush()


def _read(stream: IO[bytes]) -> bytes | None:
    """The next message; None at the end."""
    head = _exactly(stream, _SIZE.size)
    if head is None:
        return None
    (size,) = _SIZE.unpack(head)
    # No message is that long; a system has written here.
    return _exactly(stream, size) if size < _LONGEST else b""


def _exactly(stream: IO[bytes], size: int) -> bytes | None:
    data = bytearray()
    while len(data) < size:
        piece = stream.read(size - len(data))
        if not piece:
            return None
        data += piece
    return bytes(data)
