"""Files of JSON Lines and of text, read, written and spoilt by tests."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_lines(path: Path, records: Iterable[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return path


def edit(path: Path, *changes: tuple[str, str], count: int = 1) -> Path:
    """Replace pieces of a file, each of which must be in it, so often (-1: everywhere)."""
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, count)
    path.write_text(text, encoding="utf-8")
    return path
