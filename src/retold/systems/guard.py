"""Refusing systems that open the labels of a corpus themselves.

While a system is loaded and runs, an audit hook (PEP 578) refuses to open files in the events or views of a corpus,
under whatever path. That catches mistakes and shortcuts. It is not a sandbox: files opened outside Python, by another
process, or relative to a directory descriptor are not seen.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from retold.corpus.load import packaged_corpus

__all__ = ["GoldRefused", "without_gold"]

#: Folders of a corpus that have labels.
_LABELLED = ("events", "views")
#: Device and inode of the watched files, so that links and other spellings of a path are recognised.
_watched: frozenset[tuple[int, int]] = frozenset()
_refused: list[str] = []
_hooked = False


class GoldRefused(PermissionError):
    """A system tried to open a file of the corpus."""


@contextmanager
def without_gold(roots: Iterable[Path] = ()) -> Iterator[None]:
    """Refuse every file of labels of the packaged corpus and of those in ``roots``.

    Raises:
        GoldRefused: one was opened, even if the system ignored the refusal.
    """
    global _watched, _hooked
    if not _hooked:
        # A hook cannot be removed; it does nothing while nothing is watched.
        sys.addaudithook(_audit)
        _hooked = True
    before = _watched
    _watched = frozenset(_files({packaged_corpus(), *roots}))
    _refused.clear()
    try:
        yield
    finally:
        _watched = before
        # Replaces whatever error a library turned the refusal into.
        if _refused:
            raise GoldRefused(_message(_refused[0]))


def _files(roots: Iterable[Path]) -> Iterator[tuple[int, int]]:
    for root in roots:
        for part in _LABELLED:
            for path in (root / part).rglob("*"):
                if inode := _inode(str(path)):
                    yield inode


def _inode(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event != "open" or not _watched or not isinstance(arguments[0], str | bytes):
        return
    path = os.fsdecode(arguments[0])
    if _inode(path) in _watched:
        _refused.append(Path(path).resolve().name)
        raise GoldRefused(_message(_refused[-1]))


def _message(name: str) -> str:
    return (
        f"it opens {name} of the corpus; a system may use only its document and the context, nothing else of the "
        "corpus (baselines/README.md)"
    )
