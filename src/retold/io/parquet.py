"""Parquet rows as lines of JSON."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from retold.io.sources import ARCHIVE_ERRORS, Source
from retold.model.findings import Finding, FindingsError, UnreadableError
from retold.model.packages import require

__all__ = ["count_rows", "read_batches", "read_rows"]


def read_rows(source: Source) -> Iterator[tuple[int, bytes]]:
    """Yield (row number from 1, the row as a line of JSON).

    Raises:
        UnreadableError: the file cannot be opened, or pyarrow is not installed.
        FindingsError: it is not a Parquet file, or a truncated one.
    """
    pa = require("pyarrow", source.name)
    number = 0
    try:
        for batch in read_batches(source, 256):
            for row in batch.to_pylist():
                number += 1
                yield number, msgspec.json.encode(_without_nulls(row))
    except UnreadableError:
        raise
    except (pa.ArrowException, msgspec.MsgspecError, TypeError, ValueError, *ARCHIVE_ERRORS) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        found = Finding(
            code="RT110",
            severity="error",
            message=f"not a readable Parquet file: {reason[:200]}",
            hint="Write the file again; an interrupted write leaves no footer.",
            file=source.name,
            line=number or None,
        )
        raise FindingsError([found]) from error


def read_batches(source: Source, size: int, *, without: Sequence[str] = ()) -> Iterator[Any]:
    """Yield the rows of a Parquet file as Arrow record batches of ``size`` rows, ``without`` columns of some names."""
    pq = require("pyarrow.parquet", source.name)
    with contextlib.ExitStack() as stack:
        stream: Any = stack.enter_context(source.open())
        if source.member is not None:
            # Archives do not seek, and the index of a Parquet file is at its end.
            packed, stream = stream, stack.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(packed, stream)
            stream.seek(0)
        file = pq.ParquetFile(stream)
        paths = [file.schema.column(index).path for index in range(len(file.schema))]
        yield from file.iter_batches(size, columns=[path for path in paths if path.rpartition(".")[2] not in without])


def count_rows(source: Source) -> int:
    """Number of rows of a Parquet file, from its footer."""
    pq = require("pyarrow.parquet", source.name)
    if source.member is not None:
        return sum(batch.num_rows for batch in read_batches(source, 1 << 12))
    with source.open() as stream:
        return int(pq.ParquetFile(stream).metadata.num_rows)


def _without_nulls(value: Any) -> Any:
    """Parquet has no absent fields: a null field was not given. Only ``kb_id`` may be null, which means the same."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
