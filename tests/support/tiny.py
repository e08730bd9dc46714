"""The tiny corpus: one event, two short documents, in the format of the released corpus."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from retold.model.annotations import Release

# Title, byline, body of two paragraphs, boilerplate. A non-breaking space and a character beyond the BMP stand before
# most of what is annotated, so that byte and UTF-16 offsets are wrong.
TEXTS = {
    "flood-0": (
        "en",
        "River rises in\xa0Vale 🌊\nBy Ann Lee\nMayor Bo Berg asked for a dam. The dam costs 5 million.\n"
        "Vale was flooded on Monday.\nShare this page\n",
    ),
    "flood-1": (
        "id",
        "Sungai meluap di\xa0Vale 🌊\nOleh Ann Lee\nBo Berg meminta bendungan. Biayanya 7 juta.\n"
        "Warga menolak.\nBagikan\n",
    ),
}
ZONES = ("title", "byline", "body", "body", "boilerplate")


def line_of(record: Any) -> str:
    """A record as a line of a file."""
    return json.dumps(record, ensure_ascii=False) + "\n"


def span_of(text: str, words: str) -> dict[str, Any]:
    """The span of the first occurrence of some words."""
    start = text.index(words)
    return {"start": start, "end": start + len(words), "text": words}


def document_of(key: str) -> dict[str, Any]:
    """A document of the tiny corpus as a fresh dict; key of ``TEXTS``."""
    language, text = TEXTS[key]
    zones: list[dict[str, Any]] = []
    paragraphs: list[dict[str, int]] = []
    sentences: list[dict[str, int]] = []
    start = 0
    for line, zone in zip(text.splitlines(keepends=True), ZONES, strict=True):
        end = start + len(line)
        if zones and zones[-1]["zone"] == zone:
            zones[-1]["end"] = end
        else:
            zones.append({"start": start, "end": end, "zone": zone})
        if zone in ("title", "body"):
            paragraphs.append({"start": start, "end": end - 1})
            opening = start
            for sentence in line.rstrip("\n").split(". "):
                close = min(opening + len(sentence) + 1, end - 1)
                sentences.append({"start": opening, "end": close})
                opening = close + 1
        start = end
    return {
        "document_id": key,
        "event": "flood",
        "text": text,
        "language": language,
        "outlet": None,
        "original_source": None,
        "published": "2024-05-06",
        "event_date": "2024-05-06",
        "seed": f"{key}.txt",
        "seed_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "zones": zones,
        "paragraphs": paragraphs,
        "sentences": sentences,
        "rights": "Made for the tests.",
    }


EVENT = {
    "event": "flood",
    "title": "A flood in Vale",
    "date": "2024-05-06",
    "description": "A river floods a town and the mayor wants a dam.",
    "holders": [
        {"holder": "author", "description": {"en": "the article's own voice"}, "entities": []},
        {"holder": "mayor", "description": {"en": "the mayor of Vale"}, "entities": ["bo-berg"]},
    ],
    "targets": [
        {"target": "dam", "description": {"en": "A dam should be built."}},
        {"target": "mayor-berg", "description": {"en": "The mayor himself."}},
    ],
}
ENTITIES = [
    {"entity": "bo-berg", "name": "Bo Berg", "type": "PER", "kb_id": "Q11", "kb_status": "verified", "aliases": {}},
    {"entity": "vale", "name": "Vale", "type": "GPE", "kb_id": None, "kb_status": "nil", "aliases": {}},
]
CLAIMS = [
    {"claim": "dam-costs-5", "text": "The dam costs 5 million.", "mutation_of": None, "mutation": None},
    {"claim": "dam-costs-7", "text": "The dam costs 7 million.", "mutation_of": None, "mutation": None},
    {"claim": "dam-costs-9", "text": "The dam costs 9 million.", "mutation_of": "dam-costs-5", "mutation": "number"},
]


def gold_of(key: str) -> dict[str, Any]:
    """Its gold record, complete and without fault."""
    text = TEXTS[key][1]
    first = key == "flood-0"
    claim = "The dam costs 5 million" if first else "Biayanya 7 juta"
    supported, refuted = ("dam-costs-5", "dam-costs-7") if first else ("dam-costs-7", "dam-costs-5")
    return {
        "document_id": key,
        "entities": [
            {**span_of(text, "Vale"), "kind": "name", "type": "GPE", "entity": "vale", "kb_id": None},
            {**span_of(text, "Bo Berg"), "kind": "name", "type": "PER", "entity": "bo-berg", "kb_id": "Q11"},
        ],
        "stance": [
            {"holder": "author", "target": "dam", "label": "none", "evidence": []},
            {"holder": "author", "target": "mayor-berg", "label": "none", "evidence": []},
            {"holder": "mayor", "target": "dam", "label": "favor", "evidence": [1]},
            {"holder": "mayor", "target": "mayor-berg", "label": "none", "evidence": []},
        ],
        "claims": [{**span_of(text, claim), "source": "author", "claim": supported}],
        "verification": [
            {"claim": supported, "label": "supported", "evidence": [2]},
            {"claim": refuted, "label": "refuted", "evidence": [2]},
            {"claim": "dam-costs-9", "label": "refuted", "evidence": [2]},
        ],
    }


def write_tiny_corpus(folder: Path) -> Path:
    """Write the corpus folder: one event, two documents, gold that has no fault. Returns the folder."""
    event = folder / "events" / "flood"
    (event / "annotators").mkdir(parents=True)
    gold = "".join(line_of(gold_of(key)) for key in TEXTS)
    (event / "event.json").write_text(json.dumps(EVENT), encoding="utf-8")
    (event / "documents.jsonl").write_text("".join(line_of(document_of(key)) for key in TEXTS), encoding="utf-8")
    (event / "entities.jsonl").write_text("".join(map(line_of, ENTITIES)), encoding="utf-8")
    (event / "claims.jsonl").write_text("".join(map(line_of, CLAIMS)), encoding="utf-8")
    (event / "gold.jsonl").write_text(gold, encoding="utf-8")
    (event / "annotators" / "reader-1.jsonl").write_text(gold, encoding="utf-8")
    return folder


#: A document that has neither title nor body, and so no sentence.
BARE = "By Ann Lee\nShare this page\n"


def write_bare_corpus(folder: Path, keys: Sequence[str]) -> Path:
    """Write a corpus folder of documents of ``TEXTS`` and of two that have no sentence. Returns the folder."""
    write_tiny_corpus(folder)
    event = folder / "events" / "flood"
    documents, gold = [document_of(key) for key in keys], [gold_of(key) for key in keys]
    for key in ("bare-0", "bare-1"):
        end = BARE.index("\n") + 1
        zones = [{"start": 0, "end": end, "zone": "byline"}, {"start": end, "end": len(BARE), "zone": "boilerplate"}]
        own = {
            "document_id": key,
            "text": BARE,
            "language": "en",
            "seed": f"{key}.txt",
            "seed_sha256": hashlib.sha256(BARE.encode()).hexdigest(),
            "zones": zones,
            "paragraphs": [],
            "sentences": [],
        }
        documents.append({**document_of("flood-0"), **own})
        open_cells = [
            {"holder": "author", "target": target["target"], "label": "none", "evidence": []}
            for target in EVENT["targets"]  # type: ignore[attr-defined]
        ]
        open_pairs = [{"claim": c["claim"], "label": "not_enough_info", "evidence": []} for c in CLAIMS]
        empty: dict[str, list[Any]] = {"entities": [], "claims": []}
        gold.append({"document_id": key, "stance": open_cells, "verification": open_pairs, **empty})
    (event / "documents.jsonl").write_text("".join(map(line_of, documents)), encoding="utf-8")
    for file in ("gold.jsonl", "annotators/reader-1.jsonl"):
        (event / file).write_text("".join(map(line_of, gold)), encoding="utf-8")
    return folder


def write_release(folder: Path) -> None:
    """Write ``release.json`` for the files of a corpus folder as they are now."""
    hashes = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
    listing = "".join(f"{digest}  {path}\n" for path, digest in sorted(hashes.items()))
    whole = hashlib.sha256(listing.encode()).hexdigest()
    release = Release(name="tiny", version="1.0.0", date="2024-05-06", counts={}, files=hashes, sha256=whole)
    (folder / "release.json").write_bytes(msgspec.json.encode(release))
