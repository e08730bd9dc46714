"""Croissant metadata: its reader accepts it, and loads from it what the files hold."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import mlcroissant
import pytest

from retold.corpus.load import packaged_corpus
from retold.corpus.views import tables_of
from retold.layers.scheme import default_scheme

TABLES = tables_of(default_scheme())


@cache
def root() -> Path:
    return packaged_corpus()


@cache
def metadata() -> dict[str, Any]:
    return json.loads((root() / "croissant.json").read_text(encoding="utf-8"))


@cache
def dataset() -> mlcroissant.Dataset:
    """Raises where the metadata has an error."""
    return mlcroissant.Dataset(jsonld=root() / "croissant.json")


@cache
def lines(table: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root() / "views" / f"{table}.jsonl").read_bytes().splitlines()]


def plain(value: Any) -> Any:
    """A loaded cell as JSON has it: mlcroissant gives bytes, arrays and NaN."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list) or hasattr(value, "tolist"):
        items = value if isinstance(value, list) else value.tolist()
        return [plain(item) for item in items] if isinstance(items, list) else plain(items)
    return None if value != value else value


def test_the_metadata_validates_without_errors() -> None:
    issues = dataset().metadata.ctx.issues
    assert issues.errors == set()
    assert issues.warnings == set()


def test_there_is_a_file_and_a_record_set_for_every_table() -> None:
    assert [file["@id"] for file in metadata()["distribution"]] == [f"{table}.jsonl" for table in TABLES]
    assert [records["@id"] for records in metadata()["recordSet"]] == list(TABLES)


@pytest.mark.parametrize("table", list(TABLES))
def test_hash_and_size_of_a_distribution_are_those_of_its_file(table: str) -> None:
    [file] = [file for file in metadata()["distribution"] if file["@id"] == f"{table}.jsonl"]
    data = (root() / file["contentUrl"]).read_bytes()
    assert file["contentUrl"] == f"views/{table}.jsonl"
    assert file["sha256"] == hashlib.sha256(data).hexdigest()
    assert file["contentSize"] == f"{len(data)} B"


@pytest.mark.parametrize("table", list(TABLES))
def test_a_record_set_loads_as_many_records_as_its_file_has_lines(table: str) -> None:
    loaded = list(dataset().records(table))
    rows = lines(table)
    assert len(loaded) == len(rows) > 0
    # What a field holds is what the file holds, dates included.
    for record, row in zip(loaded, rows, strict=True):
        cells = {name.removeprefix(f"{table}/"): plain(value) for name, value in record.items()}
        # Nested cells (spans, zones) stand in the file only, Croissant has no type for them.
        nested = {name for name, kind in TABLES[table].items() if kind in ("spans", "zones")}
        assert cells.keys() == row.keys() - nested
        assert cells == {name: row[name] for name in cells}


def test_ids_are_keys() -> None:
    for table in TABLES:
        ids = [row["id"] for row in lines(table)]
        assert len(set(ids)) == len(ids)


def test_version_and_date_are_those_of_the_release() -> None:
    release = json.loads((root() / "release.json").read_text(encoding="utf-8"))
    assert (metadata()["version"], metadata()["datePublished"]) == (release["version"], release["date"])
