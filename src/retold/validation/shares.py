"""A large clean file, read by several processes.

Lines are dealt out in runs and joined with the documents by their place, which holds where both files have the same
documents in the same order. A worker that sees anything else, or the least fault, stumbles; one reader of the whole
file then finds out what is the matter, so that findings never depend on the number of processes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from retold.corpus.load import Corpus, load_corpus
from retold.io.jsonl import Line, read_lines
from retold.io.sources import Source
from retold.model.annotations import Document
from retold.rules import Role, check_record, decode_record

__all__ = ["certify"]

#: Smaller files are read before another process has started.
WORTHWHILE: Final = 16 * 1024**2
#: Lines that a worker takes in turn.
_RUN: Final = 64


def certify(source: Source, corpus: Corpus, role: Role, workers: int) -> int | None:
    """Number of records of a file that has one for each document of the corpus and no fault; None where that is not
    certain, or where the file is not worth several processes.
    """
    if workers < 2 or corpus.bare is not None or source.is_parquet or source.member is not None:
        return None
    if "://" in source.path or not Path(source.path).is_file() or Path(source.path).stat().st_size < WORTHWHILE:
        return None
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    keys: set[str] = set()
    total = 0
    # Started afresh, not forked: a fork of a process with threads may never wake up.
    with ProcessPoolExecutor(workers - 1, mp_context=get_context("spawn")) as pool:
        root = os.fspath(corpus.root)
        others = [pool.submit(_share_of, source, root, role, part, workers) for part in range(1, workers)]
        try:
            shares = [_share(source, corpus, role, 0, workers), *(other.result() for other in others)]
        except BrokenProcessPool:
            return None
    for share in shares:
        if share is None:
            return None
        keys.update(share)
        total += len(share)
    return total if len(keys) == total > 0 else None


def _share_of(source: Source, root: str, role: Role, part: int, parts: int) -> list[str] | None:
    return _share(source, load_corpus(root), role, part, parts)


def _share(source: Source, corpus: Corpus, role: Role, part: int, parts: int) -> list[str] | None:
    """Documents of the lines that fall to one worker; None where anything at all is the matter."""
    decode = msgspec.json.Decoder(Document).decode
    keys: list[str] = []
    try:
        lines = _dealt(read_lines(source), part, parts)
        documents = _dealt(corpus.document_lines(), part, parts)
        for (number, line), (_, document_line) in zip(lines, documents, strict=True):
            record, findings = decode_record(line, number=number, file=source.name)
            document = decode(document_line)
            if record is None or findings or record.document_id != document.document_id:
                return None
            if check_record(record, role=role, document=document, vocabulary=corpus.vocabulary(document)):
                return None
            keys.append(record.document_id)
    except (ValueError, OSError):
        return None
    return keys


def _dealt(lines: Iterator[Line], part: int, parts: int) -> Iterator[Line]:
    """Every ``parts``-th run of lines."""
    for place, line in enumerate(lines):
        if place // _RUN % parts == part:
            yield line
