"""Cut a release of the data.

    python scripts/corpus/release.py VERSION [--previous FOLDER_OR_REVISION] [--date YYYY-MM-DD]

Refuses a dirty checkout, a corpus that does not validate or is not current, and a version that rises by less than the
changes ask for: a changed format is major, a changed, added or removed label is minor, documentation is a patch. Writes
the section of corpus/CHANGELOG.md from the comparison with the previous release, then release.json with the hash of
every file and of the whole. The same input gives the same bytes. Commit and tag what it wrote.
"""

from __future__ import annotations

import datetime
import io
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any, Final

import click

import build_corpus
from retold.corpus.diff import Bump, Changes, compare
from retold.corpus.load import Corpus, load_corpus
from retold.io.atomic import write_atomic
from retold.model.findings import FindingsError, UnreadableError
from retold.report.changes import summary_rows
from retold.report.tables import table
from retold.validation.validate import validate

ROOT: Final = build_corpus.ROOT
CORPUS: Final = build_corpus.CORPUS
CHANGELOG: Final = CORPUS / "CHANGELOG.md"
#: Where the newest section goes.
MARK: Final = "<!-- releases -->\n"


@click.command(help=__doc__)
@click.argument("version")
@click.option("--previous", help="The release to compare with: a corpus folder, or a git revision. Default: none.")
@click.option("--date", help="Date of the release. Default: today.")
@click.option("--note", default="", help="A paragraph for the changelog.")
def main(version: str, previous: str | None, date: str | None, note: str) -> None:
    try:
        day = datetime.date.fromisoformat(date) if date else datetime.datetime.now(tz=datetime.UTC).date()
        cut(version, previous, day.isoformat(), note)
    except ValueError as error:
        raise click.ClickException(f"--date is no date of the form YYYY-MM-DD: {date!r}") from error
    except (ReleaseError, UnreadableError, FindingsError) as error:
        raise click.ClickException(str(error)) from error


class ReleaseError(Exception):
    """The checkout or the corpus is not in a state to be released."""


def cut(version: str, previous: str | None, date: str, note: str) -> None:
    """Check, compare, write."""
    _numbers(version)
    _refuse_dirty()
    _refuse_invalid()
    new = load_corpus(CORPUS)
    with tempfile.TemporaryDirectory() as scratch:
        changes = _changes(previous, Path(scratch), new)
    _refuse_small_step(changes, new.version, version)
    write_atomic(CHANGELOG, _with_section(CHANGELOG.read_text(encoding="utf-8"), version, date, note, changes))
    for path, data in build_corpus.build(version=version, date=date).items():
        if not path.exists() or path.read_bytes() != data:
            write_atomic(path, data)
            click.echo(f"wrote {path.relative_to(ROOT)}")
    click.echo(f"release {version} of {date}: {load_corpus(CORPUS).digest}")


def _refuse_dirty() -> None:
    said = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    if said.strip():
        raise ReleaseError(f"the checkout has changes that are not committed:\n{said}")


def _refuse_invalid() -> None:
    stale = [path for path, data in build_corpus.build().items() if not path.exists() or path.read_bytes() != data]
    if stale:
        names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
        raise ReleaseError(f"generated files are out of date, run scripts/corpus/build_corpus.py: {names}")
    report = validate(None, load_corpus(CORPUS))
    if report.errors:
        raise ReleaseError(f"the corpus has {report.errors} errors; run retold validate")


def _changes(previous: str | None, scratch: Path, new: Corpus) -> Changes | None:
    if previous is None:
        return None
    if Path(previous).is_dir():
        return compare(load_corpus(previous), new)
    packed = subprocess.run(
        ["git", "archive", previous, "corpus", "schema"], cwd=ROOT, check=False, capture_output=True
    )
    if packed.returncode:
        raise ReleaseError(f"{previous}: neither a folder nor a git revision")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(scratch, filter="data")
    schemas = [
        {path.name: _shape(json.loads(path.read_bytes())) for path in sorted((folder / "schema").glob("*.json"))}
        for folder in (scratch, ROOT)
    ]
    # A schema that is new breaks nobody; one that changed or went may.
    changed = any(schemas[1].get(name) != shape for name, shape in schemas[0].items())
    return compare(load_corpus(scratch / "corpus"), new, format_changed=changed)


def _shape(schema: Any) -> Any:
    """A schema without what is said of it: other words are no other format."""
    if isinstance(schema, dict):
        named = schema.get("type") == "object"
        return {
            key: {name: _shape(each) for name, each in value.items()}
            if key == "properties" and named
            else _shape(value)
            for key, value in schema.items()
            if key not in ("description", "examples", "title", "$comment")
        }
    return [_shape(each) for each in schema] if isinstance(schema, list) else schema


def _refuse_small_step(changes: Changes | None, current: str, version: str) -> None:
    step = _step(current or "0.0.0", version)
    order: tuple[Bump, ...] = ("patch", "minor", "major")
    if changes and order.index(step) < order.index(changes.bump):
        raise ReleaseError(f"{current} to {version} is a {step} step; the changes ask for a {changes.bump} one")


def _step(old: str, new: str) -> Bump:
    before, after = _numbers(old), _numbers(new)
    if after <= before:
        raise ReleaseError(f"{new} does not come after {old}")
    return "major" if after[0] > before[0] else "minor" if after[1] > before[1] else "patch"


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        raise ReleaseError(f"a version is three numbers, not {version!r}")
    return tuple(int(part) for part in parts)


def _with_section(text: str, version: str, date: str, note: str, changes: Changes | None) -> str:
    before, mark, after = text.partition(MARK)
    if not mark:
        raise ReleaseError(f"{CHANGELOG.name} lacks the line {MARK.strip()}")
    if f"\n## {version} (" in text:
        raise ReleaseError(f"{CHANGELOG.name} has a section of {version} already")
    parts = [f"\n## {version} ({date})\n"]
    if note:
        parts.append(f"\n{note}\n")
    if changes and changes.changes:
        counts = table(["part", "added", "removed", "changed"], summary_rows(changes), "markdown")
        parts.append(f"\nCompared with {changes.old}:\n\n{counts}")
    return before + mark + "".join(parts) + after


if __name__ == "__main__":
    main()
