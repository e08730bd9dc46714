"""Parquet rows as lines of JSON."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import msgspec

from retold.io.sources import ARCHIVE_ERRORS, Source
from retold.model.findings import Finding, FindingsError, UnreadableError

__all__ = ["read_rows"]


def read_rows(source: Source) -> Iterator[tuple[int, bytes]]:
    """Yield (row number from 1, the row as a line of JSON).

    Raises:
        UnreadableError: the file cannot be opened.
        FindingsError: it is not a Parquet file, or a truncated one.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with contextlib.ExitStack() as stack:
            stream: Any = stack.enter_context(source.open())
            if source.member is not None:
                # Archives do not seek, and the index of a Parquet file is at its end.
                packed, stream = stream, stack.enter_context(tempfile.TemporaryFile())
                shutil.copyfileobj(packed, stream)
                stream.seek(0)
            for batch in pq.ParquetFile(stream).iter_batches(batch_size=256):
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


def _without_nulls(value: Any) -> Any:
    """Parquet has no absent fields: a null field was not given. Only ``kb_id`` may be null, which means the same."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
