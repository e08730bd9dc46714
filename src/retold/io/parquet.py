"""Parquet rows as lines of JSON, no less strictly read than JSON itself.

A small file may unpack to any size. Row groups are therefore judged by their index before they are read, and rows by
their number of values before they become objects.
"""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, Final

import msgspec

from retold.io.sources import ARCHIVE_ERRORS, MAX_LINE, MAX_RATIO, Source
from retold.model.annotations import ITEMS, AnnotationRecord
from retold.model.findings import Finding, FindingsError, UnreadableError
from retold.model.packages import LazyPackage, require
from retold.rules import bytes as rules
from retold.rules.schema import unknown_key

__all__ = ["count_rows", "read_batches", "read_rows"]

pc, pq, types = (LazyPackage(f"pyarrow.{name}") for name in ("compute", "parquet", "types"))
#: Size in bytes up to which a row group may unpack whatever its size in the file.
MAX_UNPACKED: Final = MAX_LINE
#: Keys whose null is a value; Parquet has no absent fields, and any other null was not given.
_NULLABLE: Final = frozenset({"kb_id"})
_PLAIN_TYPES: Final = (
    *("is_null", "is_boolean", "is_integer", "is_float16", "is_float32", "is_float64"),
    *("is_string", "is_large_string", "is_string_view"),
)
_AS_THEY_ARE: Final = frozenset({str, int, bool})
_LISTS: Final = ("is_list", "is_large_list", "is_fixed_size_list")


def read_rows(source: Source, wanted: Callable[[int], bool] | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield (row number from 1, the row as a line of JSON), only rows of ``wanted`` numbers.

    A file that is none of Parquet, is truncated or too large, or has types that JSON does not have is a FindingsError.
    """
    row = [0]
    with _refusals(source, row):
        first = 1
        for batch in read_batches(source, 256):
            numbers = [n for n in range(first, first + batch.num_rows) if wanted is None or wanted(n)]
            whole = len(numbers) == batch.num_rows
            parts = [batch] if whole else [batch.slice(number - first, 1) for number in numbers]
            for row[0], value in zip(numbers, chain.from_iterable(map(_rows, parts)), strict=True):
                yield row[0], msgspec.json.encode(value)
            first += batch.num_rows


@contextlib.contextmanager
def _refusals(source: Source, row: Sequence[int]) -> Iterator[None]:
    """Turn what reading raises into findings and messages; ``row`` holds the number of the last row that was read."""
    pa = require("pyarrow", source.name)
    try:
        yield
    except FindingsError as error:
        if error.findings[0].file is not None:
            raise
        raise FindingsError(rules.located(error.findings, source.name, row[0] + 1)) from None
    except UnicodeDecodeError as error:
        raise rules.refusal(rules.not_utf8(error.object, error.start, 0), source.name, row[0] + 1) from error
    except UnreadableError:
        raise
    except MemoryError as error:
        raise UnreadableError(f"{source.name}: not enough memory to read row {row[0] + 1}") from error
    except (pa.ArrowException, msgspec.MsgspecError, TypeError, ValueError, *ARCHIVE_ERRORS) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise rules.refusal(rules.torn_parquet(reason), source.name, row[0] or None) from error


def read_batches(source: Source, size: int, *, without: Sequence[str] = ()) -> Iterator[Any]:
    """Yield the rows of a Parquet file as Arrow record batches of ``size`` rows, ``without`` columns of some names."""
    require("pyarrow", source.name)
    with contextlib.ExitStack() as stack:
        stream: Any = stack.enter_context(source.open())
        if source.member is not None:
            # Archives do not seek, and the index of a Parquet file is at its end.
            packed, stream = stream, stack.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(packed, stream)
            stream.seek(0)
        file = pq.ParquetFile(stream)
        columns = [*_unknown_columns(file.schema_arrow), *_type_problems(file.schema_arrow, "")]
        if found := columns or [*_bombs(file, stream)]:
            raise FindingsError(rules.located(found, source.name))
        paths = [file.schema.column(index).path for index in range(len(file.schema))]
        first = 1
        for batch in file.iter_batches(
            size, columns=[path for path in paths if path.rpartition(".")[2] not in without]
        ):
            if sum(map(_most_values, batch.columns)) > rules.MAX_VALUES:
                for index in range(batch.num_rows):
                    if sum(map(_values, batch.slice(index, 1).columns)) > rules.MAX_VALUES:
                        raise rules.refusal(
                            rules.line_too_long("row", rules.MAX_VALUES, "values"), source.name, first + index
                        )
            yield batch
            first += batch.num_rows


def count_rows(source: Source) -> int:
    """Number of rows of a Parquet file, from its footer; raises as ``read_rows`` does."""
    with _refusals(source, [0]):
        if source.member is not None:
            return sum(batch.num_rows for batch in read_batches(source, 1 << 12))
        with source.open() as stream:
            return int(pq.ParquetFile(stream).metadata.num_rows)


def _unknown_columns(schema: Any) -> Iterator[Finding]:
    """Columns, and fields of items, that no record has; where all are null, no row would show them."""
    for parent, fields, record in [((), schema, AnnotationRecord), *_items(schema)]:
        names, known = [field.name for field in fields], record.__struct_fields__
        for name in names:
            if name not in known:
                yield unknown_key([*parent, name], name, [key for key in known if key not in names], list(known))


def _items(schema: Any) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    for name, item in ITEMS.items():
        kind = schema.field(name).type if schema.names.count(name) == 1 else None
        if kind is not None and _is(kind, *_LISTS) and _is(kind.value_type, "is_struct"):
            yield (name,), [*kind.value_type], item


def _type_problems(fields: Any, parent: str) -> Iterator[Finding]:
    """What is wrong with the columns of a schema, or the fields of a struct."""
    seen: set[str] = set()
    for field in fields:
        path = f"{parent}{field.name}"
        if field.name in seen:
            yield rules.repeated_column(path)
        seen.add(field.name)
        kind = field.type
        while _is(kind, *_LISTS) or _is(kind, "is_dictionary"):
            kind = kind.value_type
        if _is(kind, "is_struct"):
            yield from _type_problems(kind, f"{path}.")
        elif not _is(kind, *_PLAIN_TYPES):
            yield rules.wrong_column_type(path, str(kind))


def _is(kind: Any, *names: str) -> bool:
    # Older versions of Arrow do not know every type.
    return any(test(kind) for name in names if (test := getattr(types, name, None)) is not None)


def _bombs(file: Any, stream: Any) -> Iterator[Finding]:
    """Row groups that unpack to very much more than the file holds, judged by the index and the dictionaries."""
    end = stream.seek(0, 2)
    for number in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(number)
        columns = [group.column(index) for index in range(group.num_columns)]
        values = sum(column.num_values for column in columns)
        limit = max(MAX_UNPACKED, MAX_RATIO * min(sum(column.total_compressed_size for column in columns), end))
        size = sum(max(8 * column.num_values, column.total_uncompressed_size) for column in columns)
        crowded = values > rules.MAX_VALUES * group.num_rows
        if not crowded and size <= limit < values * size:
            # Names are stored once in a dictionary, and may be long.
            longest = _longest_names(stream, number, columns)
            size += sum(column.num_values * longest.get(column.path_in_schema, 0) for column in columns)
        if crowded or size > limit:
            yield rules.unpacks_too_far(number + 1, group.num_rows, values, size)


def _longest_names(stream: Any, number: int, columns: Sequence[Any]) -> dict[str, int]:
    """Length of the longest entry in each dictionary of a row group, from its first row."""
    paths = [
        column.path_in_schema
        for column in columns
        if column.physical_type == "BYTE_ARRAY" and not any("DELTA" in encoding for encoding in column.encodings)
    ]
    if not paths:
        return {}
    file = pq.ParquetFile(stream, read_dictionary=paths)
    found = {}
    for path in paths:
        for batch in file.iter_batches(1, row_groups=[number], columns=[path]):
            column = batch.column(0)
            while not _is(column.type, "is_dictionary"):
                column = column.field(0) if _is(column.type, "is_struct") else column.values
            found[path] = pc.max(pc.binary_length(column.dictionary)).as_py() or 0
            break
    return found


def _most_values(column: Any) -> int:
    """An upper bound of the number of values in one element of a column."""
    if _is(column.type, *_LISTS):
        return 1 + (pc.max(column.value_lengths()).as_py() or 0) * _most_values(column.flatten())
    return 1 + sum(map(_most_values, column.flatten())) if _is(column.type, "is_struct") else 1


def _values(column: Any) -> int:
    """Number of values in a column."""
    if _is(column.type, *_LISTS):
        return len(column) + _values(column.flatten())
    return sum(map(_values, column.flatten())) if _is(column.type, "is_struct") else len(column)


def _rows(batch: Any) -> Iterator[Any]:
    """The rows of a batch as JSON objects; a row that cannot be decoded raises when it is its turn."""
    if batch.nbytes <= MAX_LINE and sum(map(_values, batch.columns)) <= rules.MAX_VALUES:
        with contextlib.suppress(UnicodeDecodeError):
            yield from map(_as_json, batch.to_pylist())
            return
    for index in range(batch.num_rows):
        row = batch.slice(index, 1)
        if row.nbytes > MAX_LINE:
            raise FindingsError([rules.line_too_long("row", MAX_LINE)])
        yield _as_json(row.to_pylist()[0])


def _as_json(value: Any) -> Any:
    """A value without nulls that were not given, and with NaN as such, where msgspec would write null."""
    if isinstance(value, dict):
        return {
            key: item if type(item) in _AS_THEY_ARE else _as_json(item)
            for key, item in value.items()
            if item is not None or key in _NULLABLE
        }
    if isinstance(value, list):
        return [item if type(item) in _AS_THEY_ARE else _as_json(item) for item in value]
    if value is None:
        return None
    # Half precision comes as a number of NumPy in older versions of Arrow.
    number = float(value)
    return number if math.isfinite(number) else msgspec.Raw(json.dumps(number).encode())
