"""Codes that a small file of records cannot show: whole files, and the files of a corpus against each other.

Each row spoils the tiny corpus in one place; exactly its code must fire.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from paths import BAD_FILES
from retold.corpus.load import load_corpus
from retold.io import jsonl
from retold.layers.scheme import default_scheme
from retold.layers.views import ViewContext
from retold.rules import RULES
from retold.validation.validate import validate
from tiny import TEXTS, write_release

Spoil = Callable[[Path, pytest.MonkeyPatch], None]


def edit(file: str, old: str, new: str) -> Spoil:
    """Replace one piece of a file of the event."""

    def spoil(folder: Path, _: pytest.MonkeyPatch) -> None:
        path = folder / "events" / "flood" / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return spoil


def append(file: str, record: dict[str, Any]) -> Spoil:
    """Add a line to a file of the event."""

    def spoil(folder: Path, _: pytest.MonkeyPatch) -> None:
        path = folder / "events" / "flood" / file
        path.write_text(path.read_text(encoding="utf-8") + json.dumps(record) + "\n", encoding="utf-8")

    return spoil


def long_line(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(jsonl, "MAX_LINE", 5000)
    path = folder / "events" / "flood" / "annotators" / "reader-1.jsonl"
    path.write_bytes(b" " * 5001)


def torn_parquet(folder: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "predictions.parquet").write_bytes(b"PAR1 torn")


def refusing_decoder(folder: Path, patch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def decode(self, _: bytes) -> Any:
            raise msgspec.DecodeError("not today")

    patch.setattr(default_scheme().decoder, "_decoders", [Refusing()])
    (folder / "mine.jsonl").write_text('{"document_id": "flood-0"}\n', encoding="utf-8")


def other_words(old: str, new: str, layer: str, **labels: str) -> Spoil:
    """Put words of the same length into the first document, and annotate them in mine.jsonl."""
    assert len(old) == len(new)

    def spoil(folder: Path, patch: pytest.MonkeyPatch) -> None:
        edit("documents.jsonl", old, new)(folder, patch)
        start = TEXTS["flood-0"][1].index(old)
        record = {"document_id": "flood-0", layer: [{"start": start, "end": start + len(old), **labels}]}
        (folder / "mine.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")

    return spoil


def stale_view(folder: Path, _: pytest.MonkeyPatch) -> None:
    corpus = load_corpus(folder)
    from retold.corpus import views

    (folder / "views").mkdir()
    (event,) = corpus.events.values()
    context = ViewContext(event.event, event.entities, event.claims)
    for table in views.tables_of(corpus.scheme):
        rows = views.rows(table, context, list(corpus.documents.values()), corpus.gold, corpus.scheme)
        text = "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows)
        (folder / "views" / f"{table}.jsonl").write_text(text, encoding="utf-8")
    assert validate(None, corpus).findings == []
    path = folder / "views" / "stance.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("favor", "against", 1), encoding="utf-8")


def stale_release(folder: Path, _: pytest.MonkeyPatch) -> None:
    write_release(folder)
    path = folder / "events" / "flood" / "event.json"
    path.write_bytes(path.read_bytes() + b"\n")


def invalid_manifest(folder: Path, _: pytest.MonkeyPatch) -> None:
    manifest = {"layers": {"stance": {"labels": ["support", "deny"], "neutral": "none"}}}
    (folder / "corpus.json").write_text(json.dumps(manifest), encoding="utf-8")


def renamed_folder(folder: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "events" / "flood").rename(folder / "events" / "drought")


ENTITY = {"entity": "berg", "name": "B", "type": "PER", "kb_id": None, "kb_status": "nil", "aliases": {}}
CLAIM = {"claim": "unsaid", "text": "Nobody says it.", "mutation_of": None, "mutation": None}

#: Code -> (how the corpus is spoilt, the file to validate or None for the corpus, findings to leave out).
FAULTS: dict[str, tuple[Spoil, str | None, tuple[str, ...]]] = {
    "RT106": (long_line, "events/flood/annotators/reader-1.jsonl", ()),
    "RT110": (torn_parquet, "predictions.parquet", ()),
    "RT207": (refusing_decoder, "mine.jsonl", ()),
    "RT208": (invalid_manifest, ".", ()),
    "RT601": (other_words("Bo Berg", "Bo Be’s", "entities", type="PER", entity="bo-berg"), "mine.jsonl", ()),
    "RT605": (other_words("The dam", "“he dam", "claims", source="author"), "mine.jsonl", ()),
    "RT701": (edit("documents.jsonl", '"seed_sha256": "', '"seed_sha256": "0'), None, ()),
    "RT702": (stale_view, None, ()),
    "RT703": (append("entities.jsonl", ENTITY), None, ()),
    "RT704": (edit("documents.jsonl", '"zones": [{"start": 0', '"zones": [{"start": 1'), None, ()),
    "RT705": (edit("documents.jsonl", '{"start": 64, "end": 88}', '{"start": 65, "end": 88}'), None, ()),
    "RT706": (stale_release, None, ()),
    "RT707": (edit("claims.jsonl", '"mutation": "number"', '"mutation": null'), None, ()),
    "RT708": (append("entities.jsonl", {**ENTITY, "kb_id": "Q11", "kb_status": "verified"}), None, ("RT703",)),
    "RT709": (append("entities.jsonl", {**ENTITY, "entity": "Bo Berg"}), None, ("RT703",)),
    # Gold must have a verdict on every claim; a claim that is new in the catalogue lacks it.
    "RT710": (append("claims.jsonl", CLAIM), None, ("RT511",)),
    "RT711": (append("entities.jsonl", {**ENTITY, "entity": "vale", "type": "GPE"}), None, ()),
    "RT712": (renamed_folder, None, ()),
    "RT713": (edit("entities.jsonl", '"kb_status": "nil"', '"kb_status": "verified"'), None, ()),
    "RT714": (edit("annotators/reader-1.jsonl", '"label": "favor"', '"label": "against"'), None, ()),
    "RT715": (edit("event.json", '"title": "A flood in Vale"', '"title": ""'), None, ()),
}


def test_every_code_has_a_case() -> None:
    assert sorted({path.name.partition(".")[0] for path in BAD_FILES} | FAULTS.keys()) == sorted(RULES)


@pytest.mark.parametrize("code", FAULTS)
def test_case_gives_only_its_code(code: str, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil, file, ignore = FAULTS[code]
    corpus = load_corpus(tiny_folder)
    spoil(tiny_folder, monkeypatch)
    report = validate([tiny_folder / file], corpus) if file else validate(None, load_corpus(tiny_folder), ignore=ignore)
    assert {found.code for found in report.findings} == {code}
    assert all(found.file and found.message and found.hint for found in report.findings)
