"""Random gold and predictions, and all that counting makes of them."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from default_labels import ENTITY_TYPES, STANCE_LABELS, VERIFICATION_LABELS
from retold.scoring.count import SystemCounts
from tiny import EVENT, document_of

Record = dict[str, Any]


def spans(draw: random.Random, amount: int) -> list[Record]:
    """Distinct spans of a short text: many overlap, hold one another or only touch."""
    found: set[tuple[int, int]] = set()
    for _ in range(amount):
        start = draw.randrange(60)
        found.add((start, start + draw.choice((1, 2, 3, 5, 8, 20))))
    return [{"start": start, "end": end} for start, end in draw.sample(sorted(found), len(found))]


def random_record(draw: random.Random, key: str, *, gold: bool) -> Record:
    """A random record over few names, so that two of a document often agree."""
    mentions = []
    for span in spans(draw, draw.randrange(12)):
        mention = span | {"type": draw.choice(ENTITY_TYPES[:3]), "kind": draw.choice(("name", "name", "nominal"))}
        if draw.random() < 0.8:
            mention["entity"] = f"e{draw.randrange(9)}"
        if draw.random() < 0.8:
            mention["kb_id"] = draw.choice((None, "Q1", "Q2", "Q33"))
        mentions.append(mention)
    cells = []
    for holder in ("a", "b"):
        for target in ("x", "y", "z"):
            if draw.random() < 0.7:
                cell: Record = {"holder": holder, "target": target, "label": draw.choice(STANCE_LABELS)}
                if draw.random() < 0.7:
                    cell["evidence"] = [draw.randrange(4) for _ in range(draw.randrange(4))]
                if not gold and draw.random() < 0.5:
                    first = draw.random()
                    cell["scores"] = {"favor": first, "against": (1 - first) / 3, "none": 2 * (1 - first) / 3}
                cells.append(cell)
    claims = [span | {"source": draw.choice(("author", "e1", "e2", "e3"))} for span in spans(draw, draw.randrange(8))]
    pairs = []
    for claim in range(5):
        if draw.random() < 0.8:
            pair: Record = {"claim": f"c{claim}", "label": draw.choice(VERIFICATION_LABELS)}
            if draw.random() < 0.8:
                pair["evidence"] = [draw.randrange(9) for _ in range(draw.randrange(9))]
            pairs.append(pair)
    for layer in (mentions, cells, claims, pairs):
        # Now and then something is given twice, which is allowed where the labels are the same.
        if not gold and layer in (mentions, claims) and layer and draw.random() < 0.1:
            layer.append(dict(layer[0]))
    layers = {"entities": mentions, "stance": cells, "claims": claims, "verification": pairs}
    return {"document_id": key} | {name: layer for name, layer in layers.items() if draw.random() < 0.93 or not gold}


def written(folder: Path, documents: int, seed: int) -> tuple[Path, Path]:
    """Write random gold and a random system of as many documents; the paths of both files."""
    draw = random.Random(seed)
    for name in ("gold", "system"):
        records = [random_record(draw, f"d{n:03}", gold=name == "gold") for n in range(documents)]
        write_lines(folder / f"{name}.jsonl", records)
    return folder / "gold.jsonl", folder / "system.jsonl"


def write_lines(path: Path, records: Sequence[Record]) -> Path:
    """Write records as lines; the path."""
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return path


# --- Corpora with text ------------------------------------------------------------------------------------------------

#: Where a text of 90 characters is divided.
_ZONES = ((0, 20, "title"), (20, 24, "byline"), (24, 30, "boilerplate"), (30, 70, "body"), (70, 90, "byline"))
_PARAGRAPHS = ((0, 20), (30, 42), (43, 50), (50, 70))
STATUSES = {f"e{n}": ("verified", "nil", "unverified")[n % 3] for n in range(8)}
MUTATIONS = {"c0": "none", "c1": "number", "c2": "none", "c3": "place"}


def random_document(key: str, event: str, language: str) -> Record:
    """A document of 90 characters with two stretches that are not annotated, and a sentence every 10 characters."""
    paragraphs = [{"start": start, "end": end} for start, end in _PARAGRAPHS]
    return document_of("flood-0") | {
        "document_id": key,
        "event": event,
        "language": language,
        "text": "x" * 90,
        "zones": [{"start": start, "end": end, "zone": zone} for start, end, zone in _ZONES],
        "paragraphs": paragraphs,
        "sentences": [{"start": start, "end": start + 10} for start in range(0, 90, 10)],
    }


def random_texts(
    draw: random.Random, size: int
) -> tuple[dict[str, list[Record]], dict[str, Record], dict[str, Record]]:
    """Documents by event, gold by document and a system by document: two events of ``size`` documents each.

    Entities, holders and claims have the same keys in both events, and mean something else.
    """
    texts = {
        event: [random_document(f"{event}-{n}", event, draw.choice(("en", "id"))) for n in range(size)]
        for event in ("flood", "storm")
    }
    keys = [text["document_id"] for some in texts.values() for text in some]
    gold, system = ({key: random_record(draw, key, gold=side) for key in keys} for side in (True, False))
    for record in system.values():
        if "verification" in record:
            # A prediction may not name claims that the catalogue does not have.
            record["verification"] = [pair for pair in record["verification"] if pair["claim"] in MUTATIONS]
    return texts, gold, system


def write_random_corpus(folder: Path, documents: Mapping[str, Sequence[Record]], gold: Mapping[str, Record]) -> Path:
    """Write a corpus folder: the documents of each event, and gold by document."""
    for event, texts in documents.items():
        home = folder / "events" / event
        home.mkdir(parents=True)
        described = {"description": {"en": "made up"}}
        catalogue = {
            "event": event,
            "holders": [{"holder": key, "entities": [], **described} for key in "ab"],
            "targets": [{"target": key, **described} for key in "xyz"],
        }
        (home / "event.json").write_text(json.dumps(EVENT | catalogue), encoding="utf-8")
        write_lines(home / "documents.jsonl", texts)
        write_lines(home / "gold.jsonl", [gold[text["document_id"]] for text in texts])
        entity = {"name": "x", "type": "PER", "aliases": {}}
        entities = [
            {"entity": key, "kb_id": "Q1" if status == "verified" else None, "kb_status": status, **entity}
            for key, status in STATUSES.items()
        ]
        write_lines(home / "entities.jsonl", entities)
        claims = [
            {"claim": key, "text": "x", "mutation_of": None if kind == "none" else "c0"}
            | {"mutation": None if kind == "none" else kind}
            for key, kind in MUTATIONS.items()
        ]
        write_lines(home / "claims.jsonl", claims)
    return folder


def everything(counts: SystemCounts) -> dict[str, Any]:
    """All that a score is made of."""
    mentions = counts.mentions
    assert mentions is not None
    tables = {
        f"{layer} {name}": {key: table.row(key) for key in table.filled()}
        for layer, found in counts.layers.items()
        for name, table in (("units", found.units), ("breakdowns", found.breakdowns))
    }
    return tables | {
        "units": counts.unit_names,
        "layers": (counts.answered, counts.gold_layers),
        "coverage": counts.coverage,
        "mentions": [np.asarray(getattr(mentions, name)).tolist() for name in ("document", "gold", "predicted")],
        "mention units": [mentions.units[unit] for unit in mentions.unit],
        "clusters": [
            [(mentions.events[event], name) for event, name in keys]
            for keys in (mentions.gold_keys, mentions.predicted_keys)
        ],
        "documents": mentions.documents,
        "references": mentions.references(),
    }
