"""Refusing a system that opens the labels of a corpus by itself.

While a system is loaded and while it works, every file that Python opens is looked at (an audit hook, PEP 578), and one
among the events or the views of a corpus is refused, by whatever name it is reached. That catches the mistake and the
careless shortcut. It is no sandbox: a library that opens files outside of Python, another process, or a path relative
to an opened folder is not seen.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from retold.corpus.load import packaged_corpus

__all__ = ["GoldRefused", "without_gold"]

#: Where a corpus folder has labels.
_LABELLED = ("events", "views")
#: Device and number of the watched files, so that links and other spellings of a name are seen through.
_watched: frozenset[tuple[int, int]] = frozenset()
_refused: list[str] = []
_hooked = False


class GoldRefused(PermissionError):
    """A system tried to open a file of the corpus."""


@contextmanager
def without_gold(roots: Iterable[Path] = ()) -> Iterator[None]:
    """Refuse every file of labels of the packaged corpus and of those in ``roots``.

    Raises:
        GoldRefused: one was opened, even if the system took no notice of the refusal.
    """
    global _watched, _hooked
    if not _hooked:
        # A hook stays for good; it does nothing while nothing is watched.
        sys.addaudithook(_look)
        _hooked = True
    before = _watched
    _watched = frozenset(_files({packaged_corpus(), *roots}))
    _refused.clear()
    try:
        yield
    finally:
        _watched = before
        # In place of whatever a library made of the refusal.
        if _refused:
            raise GoldRefused(_message(_refused[0]))


def _files(roots: Iterable[Path]) -> Iterator[tuple[int, int]]:
    for root in roots:
        for part in _LABELLED:
            for path in (root / part).rglob("*"):
                if number := _number(str(path)):
                    yield number


def _number(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _look(event: str, arguments: tuple[object, ...]) -> None:
    if event != "open" or not _watched or not isinstance(arguments[0], str | bytes):
        return
    path = os.fsdecode(arguments[0])
    if _number(path) in _watched:
        _refused.append(Path(path).resolve().name)
        raise GoldRefused(_message(_refused[-1]))


def _message(name: str) -> str:
    return (
        f"it opens {name} of the corpus; a system may know its document and the context, and nothing else of the "
        "corpus (baselines/README.md)"
    )
