"""Predictions for the released corpus: gold itself, gold with faults, and what the scorer makes of either."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from default_labels import ENTITY_TYPES, STANCE_LABELS, VERIFICATION_LABELS
from retold.corpus.load import Corpus, load_corpus
from retold.model.findings import FindingsError
from retold.scoring.agreement import Agreement
from retold.scoring.evaluate import Score
from retold.scoring.score import score

Record = dict[str, Any]


@cache
def released() -> Corpus:
    return load_corpus()


@cache
def _gold() -> list[Record]:
    return [msgspec.to_builtins(record) for record in released().gold.values()]


def gold_records() -> list[Record]:
    """A fresh copy of the gold records."""
    return copy.deepcopy(_gold())


def write(folder: Path, records: Sequence[Record], name: str = "system.jsonl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return path


def run(folder: Path, records: Sequence[Record], corpus: Any = None, **options: Any) -> Score:
    """Score records; no intervals unless asked for."""
    return score(write(folder, records), corpus or released(), **{"resamples": 0, **options})


def refused(folder: Path, records: Sequence[Record], **options: Any) -> set[str]:
    """The codes with which a file is refused."""
    with pytest.raises(FindingsError) as caught:
        run(folder, records, **options)
    return {finding.code for finding in caught.value.findings}


def values(result: Score | Agreement) -> dict[str, float | None]:
    return {name: measure.value for name, measure in result.measures.items()}


@cache
def _noisy(seed: int) -> list[Record]:
    """Gold with faults of every kind: left out, moved, mistyped, mislinked, joined, mislabelled, made up."""
    draw = random.Random(seed)
    records = gold_records()
    for record in records:
        document = released().documents[record["document_id"]]
        size = len(document.sentences)
        zones = [(zone.start, zone.end) for zone in document.zones if zone.zone in ("title", "body")]
        mentions, spans = [], set()
        for mention in record["entities"]:
            if draw.random() < 0.15:
                continue
            del mention["text"]
            if draw.random() < 0.1 and mention["end"] - mention["start"] > 3:
                mention["end"] -= 2
            if draw.random() < 0.1:
                mention["type"] = draw.choice(ENTITY_TYPES)
            if draw.random() < 0.2:
                mention["kb_id"] = draw.choice([None, "Q1", "Q42"])
            if draw.random() < 0.15:
                mention["entity"] = draw.choice(["hamas", "israel", "one-of-my-own"])
            if (mention["start"], mention["end"]) not in spans:
                spans.add((mention["start"], mention["end"]))
                mentions.append(mention)
        record["entities"] = mentions
        cells = []
        for cell in record["stance"]:
            if draw.random() < 0.1:
                continue
            if draw.random() < 0.3:
                cell["label"] = draw.choice(STANCE_LABELS)
                cell["evidence"] = [draw.randrange(size)]
            rest = draw.random()
            part = draw.random() * (1 - rest)
            shares = [1 - rest - part, part, rest]
            cell["scores"] = dict(zip(STANCE_LABELS, shares, strict=True))
            cells.append(cell)
        record["stance"] = cells
        claims, taken = [], set()
        for claim in record["claims"]:
            if draw.random() < 0.15:
                continue
            del claim["text"]
            claim["end"] -= draw.randrange(12) if claim["end"] - claim["start"] > 20 else 0
            if draw.random() < 0.2:
                claim["source"] = draw.choice(["author", "hamas", "one-of-my-own", "nobody-at-all"])
            if (claim["start"], claim["end"]) not in taken:
                taken.add((claim["start"], claim["end"]))
                claims.append(claim)
        start = draw.choice(zones)[0] + 1
        if (start, start + 7) not in taken:
            claims.append({"start": start, "end": start + 7, "source": "author"})
        record["claims"] = claims
        pairs = [pair for pair in record["verification"] if draw.random() > 0.1]
        for pair in pairs:
            if draw.random() < 0.3:
                pair["label"] = draw.choice(VERIFICATION_LABELS)
            if draw.random() < 0.3:
                pair["evidence"] = [draw.randrange(size) for _ in range(draw.randrange(8))]
        record["verification"] = pairs
    return records


def noisy(seed: int = 1) -> list[Record]:
    """A fresh copy of a prediction that is far from perfect and never refused."""
    return copy.deepcopy(_noisy(seed))
