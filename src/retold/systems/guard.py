"""Refusing a system that opens the corpus by itself.

While a system works, every file that Python opens is looked at (an audit hook, PEP 578), and one among the events or
the views of a corpus is refused. That catches the mistake and the careless shortcut. It is no sandbox: a library that
opens files outside of Python, or another process, is not seen.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from retold.corpus import packaged_corpus

__all__ = ["GoldRefused", "without_gold"]

#: Where a corpus folder has labels.
_LABELLED = ("events", "views")
_watched: tuple[str, ...] = ()
_refused: list[str] = []
_hooked = False


class GoldRefused(PermissionError):
    """A system tried to open a file of the corpus."""


@contextmanager
def without_gold(roots: Sequence[Path]) -> Iterator[None]:
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
    _watched = tuple(
        os.path.realpath(root / part) + os.sep for root in (packaged_corpus(), *roots) for part in _LABELLED
    )
    _refused.clear()
    try:
        yield
    finally:
        _watched = before
    if _refused:
        raise GoldRefused(_message(_refused[0]))


def _look(event: str, arguments: tuple[object, ...]) -> None:
    if event != "open" or not _watched or not isinstance(arguments[0], str | bytes):
        return
    path = os.path.realpath(os.fsdecode(arguments[0]))
    if path.startswith(_watched):
        _refused.append(Path(path).name)
        raise GoldRefused(_message(_refused[-1]))


def _message(name: str) -> str:
    return (
        f"it opens {name} of the corpus, where there is gold of the document that it predicts; a system knows its "
        "document and the context only (baselines/README.md)"
    )
