"""Work that is done beside other work, in a process of its own where one can be had at once."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Generic, TypeVar

__all__ = ["Beside", "beside", "can_fork", "is_daemon"]

T = TypeVar("T")


def can_fork() -> bool:
    """Whether a copy of this process may be made: it is at work at once, but one with threads may never wake up."""
    return sys.platform == "linux" and threading.active_count() == 1 and not is_daemon()


def is_daemon() -> bool:
    """Whether this process may have none of its own, as the workers of a ``multiprocessing.Pool`` may not."""
    from multiprocessing import current_process

    return current_process().daemon


class Beside(Generic[T]):
    """Work that was begun; ``result`` waits for it."""

    def __init__(self, work: Callable[[], T], channel: Any = None) -> None:
        self._work, self._channel = work, channel

    def result(self) -> T:
        """What the work returns. Where it was not begun, or came to nothing, it is done now."""
        if self._channel is not None:
            with suppress(EOFError, OSError):
                found: T = self._channel.recv()
                return found
        return self._work()


@contextmanager
def beside(work: Callable[[], T], *, worthwhile: bool) -> Iterator[Beside[T]]:
    """Begin work whose result is small and can be pickled.

    Args:
        work: it changes nothing that its caller looks at.
        worthwhile: whether it takes longer than a process takes to begin.
    """
    if not worthwhile or not can_fork():
        yield Beside(work)
        return
    from multiprocessing import get_context

    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(work, sender, receiver), daemon=True)
    process.start()
    sender.close()
    try:
        yield Beside(work, receiver)
    finally:
        receiver.close()
        process.join()


def _send(work: Callable[[], Any], channel: Any, other_end: Any) -> None:
    # Held open here, it would keep this process waiting for a reader that has gone.
    other_end.close()
    # Whatever goes wrong here is left to whoever asks for the result: the work is done once more and fails there, or
    # nobody waits any longer.
    with suppress(BaseException):
        channel.send(work())
