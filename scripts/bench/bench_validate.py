"""Speed of the validator on clean predictions, beside plain jsonschema on the same lines."""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import msgspec

__all__ = ["add_command", "write_synthetic"]

WORDS: Final = (
    *("river", "dam", "mayor", "flood", "town", "money", "vote", "council", "bridge", "road"),
    *("water", "house", "rain", "Monday", "engineer", "report"),
)
TYPES: Final = ("PER", "ORG", "GPE", "LOC", "FAC", "NORP", "EVENT")
HOLDERS: Final = ("author", "mayor")
TARGETS: Final = ("dam", "vote", "bridge", "road", "money")
CLAIMS: Final = tuple(f"claim-{number}" for number in range(8))
#: Lines that plain jsonschema reads: it is so slow that more would only take longer.
SAMPLE: Final = 300


def write_synthetic(folder: Path, documents: int) -> tuple[Path, Path]:
    """Write a corpus folder and a clean file of predictions with lines of about 6 kB; returns both paths."""
    event = folder / "corpus" / "events" / "bench"
    (event / "annotators").mkdir(parents=True)
    card = {
        "event": "bench",
        "title": "t",
        "date": "2024-05-06",
        "description": "d",
        "holders": [{"holder": key, "description": {"en": key}, "entities": []} for key in HOLDERS],
        "targets": [{"target": key, "description": {"en": key}} for key in TARGETS],
    }
    claims = [{"claim": key, "text": key, "mutation_of": None, "mutation": None} for key in CLAIMS]
    (event / "event.json").write_text(json.dumps(card), encoding="utf-8")
    (event / "entities.jsonl").write_bytes(b"")
    (event / "claims.jsonl").write_text("".join(json.dumps(claim) + "\n" for claim in claims), encoding="utf-8")
    predictions = folder / "predictions.jsonl"
    draw = random.Random(0)
    with (event / "documents.jsonl").open("wb") as texts, predictions.open("wb") as records:
        for number in range(documents):
            document, record = _pair(f"bench-{number}", draw)
            texts.write(msgspec.json.encode(document) + b"\n")
            records.write(msgspec.json.encode(record) + b"\n")
    return folder / "corpus", predictions


def _pair(key: str, draw: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """A document of 30 sentences and a reading of it without fault."""
    sentences, mentions, claims, lines, start = [], [], [], [], 0
    for number in range(30):
        words = draw.choices(WORDS, k=14)
        line = " ".join(words) + "."
        sentences.append({"start": start, "end": start + len(line)})
        first = draw.randrange(12)
        place = start + len(" ".join(words[:first])) + (first > 0)
        name, entity = words[first], draw.randrange(10_000)
        kb_id = f"Q{entity + 1}" if entity % 10 else None
        span = {"start": place, "end": place + len(name), "text": name, "kind": "name", "type": draw.choice(TYPES)}
        mentions.append({**span, "entity": f"entity-{entity}", "kb_id": kb_id})
        if number % 3 == 0:
            claims.append({**sentences[-1], "text": line, "source": "author", "claim": f"own-{draw.randrange(99)}"})
        lines.append(line)
        start += len(line) + 1
    text = "\n".join(lines) + "\n"
    division = {"paragraphs": sentences, "sentences": sentences}
    document = {
        **{"document_id": key, "event": "bench", "text": text, "language": "en", "outlet": None},
        **{"original_source": None, "published": None, "event_date": "2024-05-06", "seed": key},
        **{"seed_sha256": hashlib.sha256(text.encode()).hexdigest(), "rights": "none"},
        **{"zones": [{"start": 0, "end": len(text), "zone": "body"}], **division},
    }
    cells = [
        {"holder": holder, "target": target, "label": "favor", "evidence": [draw.randrange(30)]}
        for holder in HOLDERS
        for target in TARGETS
    ]
    verdicts = [{"claim": claim, "label": "supported", "evidence": [draw.randrange(30)]} for claim in CLAIMS]
    return document, {
        "document_id": key,
        "entities": mentions,
        "stance": cells,
        "claims": claims,
        "verification": verdicts,
    }


def plain_jsonschema(path: Path) -> float:
    """Documents per second of json and jsonschema with the published schema, and nothing else, on one core."""
    import jsonschema

    from retold.layers.scheme import default_scheme

    validator = jsonschema.Draft202012Validator(default_scheme().schema)
    with path.open("rb") as stream:
        lines = [line for line, _ in zip(stream, range(SAMPLE), strict=False)]
    start = time.perf_counter()
    for line in lines:
        assert validator.is_valid(json.loads(line))
    return len(lines) / (time.perf_counter() - start)


def validate(arguments: argparse.Namespace) -> None:
    """Validate clean predictions with so many processes."""
    from retold.corpus.load import load_corpus
    from retold.validation.validate import validate as check

    with tempfile.TemporaryDirectory() as temporary:
        corpus, predictions = write_synthetic(Path(temporary), arguments.documents)
        size = predictions.stat().st_size / arguments.documents
        loaded = load_corpus(corpus)
        plain, ours = [], []
        for _ in range(arguments.repeat):
            plain.append(plain_jsonschema(predictions))
            start = time.perf_counter()
            report = check([predictions], loaded, workers=arguments.workers)
            ours.append(arguments.documents / (time.perf_counter() - start))
            assert not report.findings, report.findings[:3]
            assert report.records == arguments.documents
    theirs, own = statistics.median(plain), statistics.median(ours)
    print(f"{arguments.documents} documents, {size:.0f} bytes a line")
    print(f"plain jsonschema, one process: {theirs:.0f} documents/s")
    print(f"retold validate, {arguments.workers} processes: {own:.0f} documents/s")
    print(f"ratio: {own / theirs:.1f}")


def add_command(commands: Any) -> None:
    """Add ``validate`` to the commands of scripts/bench/bench.py."""
    command = commands.add_parser("validate", help="retold validate on clean predictions")
    command.add_argument("--documents", type=int, default=50_000)
    command.add_argument("--workers", type=int, default=2)
    command.add_argument("--repeat", type=int, default=3, help="runs, in turns with jsonschema; the medians count")
    command.set_defaults(action=validate)
