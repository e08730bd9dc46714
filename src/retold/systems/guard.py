"""Refusing systems that open labels themselves.

While a system is loaded, and in its own processes always, an audit hook (PEP 578) refuses to open

- the files in the events and views of a corpus, under whatever path;
- every other file with the content of one of them;
- the events and views of any other copy of the corpus, of whatever version;
- views as Parquet files, and what Hugging Face ``datasets`` makes of them in its cache;
- what other folds have left in the cache.

That catches mistakes and shortcuts. It is not a sandbox; docs/guard.md says what it does not see.
"""

from __future__ import annotations

import copy
import functools
import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from retold.corpus.load import packaged_corpus

__all__ = ["GoldRefused", "watch_gold", "without_gold"]

#: Folders of a corpus that have labels.
_LABELLED: Final = ("events", "views")
#: Files with less content than this, such as empty ones, are nobody's copy.
_LEAST: Final = 64
#: How views begin, as JSON, Arrow or ``dataset_info.json``: with these columns.
_VIEWS: Final = re.compile(
    rb'"id":.{0,200}"event":.{0,200}(?:"document_id":.{0,200}"fold":|"claim":.{0,5000}"mutation_of":)', re.DOTALL
)
#: The same columns in a Parquet file, which names them at its end.
_COLUMNS: Final = ((b"event", b"document_id", b"fold"), (b"event", b"claim", b"mutation_of"))
_EDGE: Final = 1 << 16
#: Functions of pyarrow that open a file.
_ARROW: Final = ("memory_map", "input_stream")
#: Code has no labels, and much of it is opened.
_CODE: Final = (".py", ".pyc", ".so", ".pyd")


class GoldRefused(PermissionError):
    """A system tried to open labels."""


@dataclass
class _Watch:
    """What is refused.

    Attributes:
        inodes: device and inode of the labelled files, so that links and other spellings of a path are recognised.
        sizes: labelled files by size, to be compared with what is opened.
        events: names of the events' folders.
        folds, own: the folder of the folds' caches, and the one that may be used.
    """

    inodes: set[tuple[int, int]] = field(default_factory=set)
    sizes: dict[int, list[str]] = field(default_factory=dict)
    events: set[str] = field(default_factory=set)
    folds: str = ""
    own: str = ""

    def add(self, root: Path) -> None:
        """Watch a corpus."""
        self.events |= {path.parent.name for path in root.glob("events/*/event.json")}
        for part in _LABELLED:
            for folder, _, names in os.walk(root / part):
                for name in names:
                    path = os.path.join(folder, name)  # noqa: PTH118 - as os.walk gives it
                    if found := _stat(path):
                        self.inodes.add((found.st_dev, found.st_ino))
                        self.sizes.setdefault(found.st_size, []).append(path)

    def refuses(self, path: str) -> str:
        """What a file is of that must not be opened; empty if it may."""
        if (found := _stat(path)) and (found.st_dev, found.st_ino) in self.inodes:
            return "of the corpus"
        real = os.path.realpath(path)
        if self.folds and _within(real, self.folds) and not (self.own and _within(real, self.own)):
            return "in the cache of another document"
        if not found or found.st_size < _LEAST or real.endswith(_CODE) or not os.path.isfile(real):  # noqa: PTH113
            return ""
        copied = (
            self._in_a_corpus(real)
            or (found.st_size in self.sizes and _digest(real) in map(_digest, self.sizes[found.st_size]))
            or _is_view(real, found.st_size)
        )
        return "in a copy of the corpus" if copied else ""

    def _in_a_corpus(self, path: str) -> bool:
        """Whether a file lies in the events or views of a copy of the corpus, perhaps of another version."""
        return any(
            parent.name in _LABELLED
            and any((parent.parent / "events" / event / "event.json").is_file() for event in self.events)
            for parent in Path(path).parents
        )


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + os.sep)


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (OSError, ValueError):
        return None


def _digest(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return sha256(stream.read()).digest()
    except OSError:
        return b""


def _is_view(path: str, size: int) -> bool:
    try:
        with open(path, "rb") as stream:
            head = stream.read(_EDGE)
            if head[:4] == b"PAR1":
                stream.seek(max(size - _EDGE, 0))
                tail = stream.read()
                return any(all(column in tail for column in columns) for columns in _COLUMNS)
    except OSError:
        return False
    return bool(_VIEWS.search(head))


_watch: _Watch | None = None
#: What was refused: name and what it is of.
_refused: list[tuple[str, str]] = []
_hooked = False
#: Set in a thread while the guard itself opens files.
_looking = threading.local()


def watch_gold(roots: Iterable[Path] = (), *, folds: Path | None = None, own: Path | None = None) -> None:
    """Refuse labels for as long as the process lives. What was refused is raised where the next ``without_gold`` ends.

    Args:
        roots, folds, own: as of ``without_gold``.
    """
    global _watch, _hooked
    if not _hooked:
        # A hook cannot be removed; it does nothing while nothing is watched.
        sys.addaudithook(_audit)
        _hooked = True
    watch = copy.deepcopy(_watch) if _watch is not None else _Watch()
    if folds is not None:
        watch.folds, watch.own = os.path.realpath(folds), os.path.realpath(own) if own else ""
        if not _within(watch.own, watch.folds):
            watch.own = ""
    for root in dict.fromkeys([packaged_corpus(), *roots]):
        watch.add(root)
    _watch = watch
    _watch_arrow()


@contextmanager
def without_gold(roots: Iterable[Path] = (), *, folds: Path | None = None, own: Path | None = None) -> Iterator[None]:
    """Refuse every file of labels of the packaged corpus and of those in ``roots``.

    Args:
        folds: folder of the caches of all folds, which is refused as well.
        own: the cache that may be used; a folder in ``folds``, or one outside.

    Raises:
        GoldRefused: one was opened, even if the system ignored the refusal.
    """
    global _watch
    before = _watch
    if before is None:
        _refused.clear()
    watch_gold(roots, folds=folds, own=own)
    try:
        yield
    finally:
        _watch = before
        # Replaces whatever error a library turned the refusal into.
        if _refused:
            raise GoldRefused(_message(*_refused[0]))


def _announced(opener: Callable[..., Any]) -> Callable[..., Any]:
    """A function that opens files outside Python, made to raise the audit event that Python's own do."""

    @functools.wraps(opener)
    def announce(source: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(source, str | os.PathLike):
            sys.audit("open", os.fspath(source), "rb", 0)
        return opener(source, *arguments, **options)

    return announce


def _watch_arrow() -> None:
    """Hear of files that ``datasets`` opens by Arrow, once that is imported."""
    arrow = sys.modules.get("pyarrow")
    for name in _ARROW:
        opener = getattr(arrow, name, None)
        if opener is not None and not hasattr(opener, "__wrapped__"):
            setattr(arrow, name, _announced(opener))


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event == "import" and _watch is not None:
        _watch_arrow()
    if event != "open" or _watch is None or hasattr(_looking, "now"):
        return
    if not isinstance(arguments[0], str | bytes | os.PathLike):
        # A file that is open already.
        return
    path = os.fsdecode(arguments[0])
    _looking.now = True
    try:
        kind = _watch.refuses(path)
    finally:
        del _looking.now
    if kind:
        _refused.append((Path(path).resolve().name, kind))
        raise GoldRefused(_message(*_refused[-1]))


def _message(name: str, kind: str) -> str:
    return (
        f"it opens {name} {kind}; a system may use only its document and the context, nothing else of the corpus "
        "(baselines/README.md)"
    )
