"""What is kept between runs of the language-model systems: every answer, and what was spent.

An answer is a JSON file named by the digest of its request. Answers that turned out to be unusable are kept too: a
rerun gives the same bytes and costs nothing. Spending is one line for each request, so that a budget holds over runs
that were interrupted, and over folds, for each of which the system is loaded anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import msgspec

from retold.io.atomic import append_line, write_atomic

from ._llm_settings import LanguageModelFault

__all__ = ["AnswerCache", "Ledger", "Reply", "digest_of"]


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a model answered, and what the endpoint counted; tokens are None where it did not say."""

    content: str
    refusal: str
    finish: str
    prompt_tokens: int | None
    completion_tokens: int | None


class _Kept(msgspec.Struct, frozen=True):
    request: dict[str, object]
    reply: Reply


class _Spent(msgspec.Struct, frozen=True):
    system: str
    model: str
    endpoint: str
    cost: float


def digest_of(request: Mapping[str, object]) -> str:
    """SHA-256 of a request, whatever the order of its keys."""
    return sha256(json.dumps(request, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class AnswerCache:
    """Answers by digest. Without a folder nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, digest: str) -> Reply | None:
        """The answer, or None where there is none that can be read."""
        if self._folder is None:
            return None
        try:
            return msgspec.json.decode((self._folder / f"{digest}.json").read_bytes(), type=_Kept).reply
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            # Broken or half written by something else: asked again, and then replaced.
            return None

    def put(self, digest: str, reply: Reply, request: Mapping[str, object]) -> None:
        """Keep an answer, with those parts of its request that tell a reader of the file what it is."""
        if self._folder is not None:
            # A run that is cut off leaves no half of an answer.
            with _writing():
                write_atomic(self._folder / f"{digest}.json", msgspec.json.encode(_Kept(dict(request), reply)) + b"\n")


class Ledger:
    """What a system has spent on a model of an endpoint, in earlier runs and in this one."""

    def __init__(self, path: Path | None, system: str, model: str, endpoint: str) -> None:
        self._path = path
        self._who = (system, model, endpoint)
        self.spent = 0.0
        if path is not None and path.is_file():
            for line in path.read_bytes().splitlines():
                try:
                    entry = msgspec.json.decode(line, type=_Spent)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    continue  # Torn when a run was cut off.
                if (entry.system, entry.model, entry.endpoint) == self._who:
                    self.spent += entry.cost

    def add(self, cost: float) -> None:
        """Count the cost of a request."""
        self.spent += cost
        if self._path is not None and cost:
            with _writing():
                append_line(self._path, msgspec.json.encode(_Spent(*self._who, cost)))


@contextmanager
def _writing() -> Iterator[None]:
    """Tell the user, not the author of the system, of a folder that cannot be written."""
    try:
        yield
    except OSError as error:
        raise LanguageModelFault(f"the cache folder cannot be used: {error}") from error
