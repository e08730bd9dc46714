"""Checking a large file in several processes.

Each worker checks one run of lines against the documents of the same lines. That decides only whether a file is clean
and in the order of the corpus; any other file is read by one process, so findings never depend on ``workers``.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from retold.corpus.load import Corpus, load_corpus
from retold.io.jsonl import read_lines
from retold.io.sources import Source
from retold.model.annotations import Document
from retold.rules import Role

__all__ = ["count_if_clean"]

#: Smaller files are checked faster than another process starts.
MIN_SIZE: Final = 16 * 1024**2


def count_if_clean(source: Source, corpus: Corpus, role: Role, workers: int) -> int | None:
    """Number of records of a file without findings that has one for each document, in order; None for any other."""
    path = Path(source.path)
    if workers < 2 or corpus.bare is not None or source.is_parquet or source.member is not None:
        return None
    if "://" in source.path or not path.is_file() or path.stat().st_size < MIN_SIZE:
        return None
    total = sum(1 for _ in corpus.document_lines())
    starts = [total * worker // workers for worker in range(workers)]
    # The last worker reads on to the end of the file.
    stops: list[int | None] = [*starts[1:], None]
    check = partial(_clean_documents, source, str(corpus.root), role)
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _exit_with_parent) as pool:
        try:
            parts = list(pool.map(check, starts, stops))
        except BrokenProcessPool:
            return None
    keys = {key for part in parts for key in part or ()}
    return total if None not in parts and len(keys) == total > 0 else None


def _exit_with_parent() -> None:
    """End this worker when its parent ends, however that happens."""

    def watch() -> None:
        if parent := multiprocessing.parent_process():
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _clean_documents(source: Source, root: str, role: Role, start: int, stop: int | None) -> list[str] | None:
    """Documents of a run of lines; None if anything is wrong with one of them."""
    corpus = load_corpus(root)
    decode = msgspec.json.Decoder(Document).decode
    keys: list[str] = []
    try:
        lines = islice(read_lines(source), start, stop)
        for (number, line), (_, text) in zip(lines, islice(corpus.document_lines(), start, stop), strict=True):
            record, findings = corpus.scheme.decoder.decode(line, number=number, file=source.name)
            document = decode(text)
            if record is None or findings or record.document_id != document.document_id:
                return None
            if corpus.scheme.check(record, role=role, document=document, vocabulary=corpus.vocabulary(document)):
                return None
            keys.append(record.document_id)
    except (ValueError, OSError):
        return None
    return keys
