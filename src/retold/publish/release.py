"""Releasing a corpus folder: what is checked before, the version step, the changelog, and release.json.

A version rises by what the changes ask for: a changed format is major, a changed, added or removed label is minor,
documentation is a patch. The same input gives the same bytes.
"""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from retold.corpus.diff import Bump, Changes, compare
from retold.corpus.load import Corpus, load_corpus, load_folder
from retold.io.atomic import write_atomic
from retold.model.findings import FindingsError, UnreadableError
from retold.publish.build import build, out_of_date, write
from retold.report.changes import summary_rows
from retold.report.tables import table
from retold.rules.corpus import is_date
from retold.validation.validate import validate

__all__ = ["cut"]

#: Where the newest section of the changelog goes.
MARK: Final = "<!-- releases -->\n"


def cut(
    root: Path, version: str, *, previous: str | None = None, date: str | None = None, note: str = ""
) -> list[Path]:
    """Release a corpus folder and return the files that were written. Nothing is, if it is refused.

    Args:
        root: the folder. If it is in a git repository, everything there must be committed.
        version: three numbers, after those of the present release, by no smaller a step than the changes ask for.
        previous: release to compare with, a folder or a git revision; None for a first one.
        date: of the release, ISO 8601; today by default.
        note: a paragraph for the changelog.
    """
    day = date or datetime.now(tz=UTC).date().isoformat()
    if not is_date(day):
        raise ValueError(f"not a valid date: {day!r} (expected YYYY-MM-DD)")
    _numbers(version)
    new = load_folder(root)
    top = _repository(root)
    if stale := out_of_date(build(root)):
        names = ", ".join([*map(str, stale[:5]), *([f"and {len(stale) - 5} more"] if len(stale) > 5 else [])])
        raise UnreadableError(f"generated files are out of date, run retold corpus build: {names}")
    if report := [each for each in validate(None, new).findings if each.severity == "error"]:
        raise FindingsError(report)
    changes = _changes(previous, new, top)
    _refuse_small_step(changes, new.version, version)
    changelog = root / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8") if changelog.exists() else f"# Changelog of the data\n\n{MARK}"
    section = _with_section(text, changelog, version, day, note, changes)
    write_atomic(changelog, section)
    return [changelog, *write(build(root, version, day))]


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes] | None:
    try:
        return subprocess.run(["git", *arguments], cwd=folder, check=False, capture_output=True)
    except FileNotFoundError:
        return None


def _repository(root: Path) -> Path | None:
    """Top of the git repository that the folder is in, without changes that are not committed; None outside of one."""
    found = _git(root, "rev-parse", "--show-toplevel")
    if found is None or found.returncode:
        return None
    top = Path(found.stdout.decode().rstrip("\n"))
    said = _git(top, "status", "--porcelain")
    if said is None or said.returncode or said.stdout.strip():
        listed = said.stdout.decode("utf-8", "backslashreplace").rstrip() if said else ""
        raise UnreadableError(f"{top}: has changes that are not committed:\n{listed}")
    return top


def _changes(previous: str | None, new: Corpus, top: Path | None) -> Changes | None:
    if previous is None:
        return None
    if Path(previous).is_dir():
        return compare(load_corpus(previous), new)
    own = new.root.resolve()
    within = own.relative_to(top.resolve()) if top else Path()
    packed = _git(top, "archive", previous, str(within)) if top else None
    if packed is None or packed.returncode:
        raise UnreadableError(f"{previous}: neither a folder nor a git revision that has the corpus")
    with tempfile.TemporaryDirectory() as scratch:
        _unpack(packed.stdout, scratch)
        # The schemas that are published beside the corpus, if any are.
        beside = within.parent / "schema"
        schemas = _git(top, "archive", previous, str(beside)) if top else None
        if schemas is not None and not schemas.returncode:
            _unpack(schemas.stdout, scratch)
        before, after = (
            {path.name: _shape(json.loads(path.read_bytes())) for path in sorted(folder.glob("*.json"))}
            for folder in (Path(scratch) / beside, own.parent / "schema")
        )
        # A schema that is new, or asks for less, breaks nobody; one that changed otherwise or went may.
        changed = any(not _accepts(after.get(name), shape) for name, shape in before.items())
        return compare(load_corpus(Path(scratch) / within), new, format_changed=changed)


def _unpack(data: bytes, folder: str) -> None:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(folder, filter="data")


def _accepts(new: Any, old: Any) -> bool:
    """Whether a schema is the old one, but for keys that are no longer required."""
    if isinstance(new, dict) and isinstance(old, dict):
        fewer = set(new.get("required", ())) <= set(old.get("required", ()))
        rest = [{key: value for key, value in each.items() if key != "required"} for each in (new, old)]
        return (
            fewer and rest[0].keys() == rest[1].keys() and all(_accepts(rest[0][key], rest[1][key]) for key in rest[1])
        )
    return bool(new == old)


def _shape(schema: Any) -> Any:
    """A schema without what is said of it: other words are no other format."""
    if isinstance(schema, dict):
        named = schema.get("type") == "object"
        return {
            key: {name: _shape(each) for name, each in value.items()}
            if key == "properties" and named
            else _shape(value)
            for key, value in schema.items()
            if key not in ("default", "description", "examples", "title", "$comment")
        }
    return [_shape(each) for each in schema] if isinstance(schema, list) else schema


def _refuse_small_step(changes: Changes | None, current: str, version: str) -> None:
    step = _step(current or "0.0.0", version)
    order: tuple[Bump, ...] = ("patch", "minor", "major")
    if changes and order.index(step) < order.index(changes.bump):
        raise ValueError(f"{current} to {version} is a {step} step; the changes ask for a {changes.bump} one")


def _step(old: str, new: str) -> Bump:
    before, after = _numbers(old), _numbers(new)
    if after <= before:
        raise ValueError(f"{new} does not come after {old}")
    return "major" if after[0] > before[0] else "minor" if after[1] > before[1] else "patch"


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    if len(parts) != 3 or not all(part.isdecimal() and part.isascii() for part in parts):
        raise ValueError(f"not a valid version: {version!r} (expected three numbers, like '1.2.0')")
    return tuple(int(part) for part in parts)


def _with_section(text: str, file: Path, version: str, date: str, note: str, changes: Changes | None) -> str:
    before, mark, after = text.partition(MARK)
    if not mark:
        raise UnreadableError(f"{file}: lacks the line {MARK.strip()}, below which the newest release is written")
    if f"\n## {version} (" in text:
        raise UnreadableError(f"{file}: has a section of {version} already")
    parts = [f"\n## {version} ({date})\n"]
    if note:
        parts.append(f"\n{note}\n")
    if changes and changes.changes:
        counts = table(["part", "added", "removed", "changed"], summary_rows(changes), "markdown")
        parts.append(f"\nCompared with {changes.old}:\n\n{counts}")
    return before + mark + "".join(parts) + after
