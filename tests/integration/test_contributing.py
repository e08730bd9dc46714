"""What CONTRIBUTING shows of the validator is what the validator says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import retold
from cli import run
from paths import ROOT

PAGE = ROOT / "CONTRIBUTING.md"


def mistakes() -> list[dict[str, Any]]:
    """Five records of the packaged corpus with one typical mistake each."""
    documents = list(retold.load_corpus().documents.values())

    def mention(number: int, words: str, shift: int = 0, longer: int = 0, **more: Any) -> dict[str, Any]:
        text = documents[number].text
        start = text.index(words) + shift
        end = start + len(words) + longer
        return {"start": start, "end": end, "text": words if shift else text[start:end], **more}

    pair = {"claim": "coalition-86-members", "label": "supported"}
    layers: list[dict[str, Any]] = [
        # A key is misspelt, a label is, an entity is; offsets are off by two; the span takes a blank with it.
        {"verificaton": [{**pair, "evidence": [8]}]},
        {"verification": [{**pair, "label": "suported", "evidence": [1]}]},
        {"entities": [mention(2, "Emmanuel Macron", type="PER", entity="emanuel-macron")]},
        {"entities": [mention(3, "Emmanuel Macron", shift=2, type="PER", entity="emmanuel-macron")]},
        {"entities": [mention(4, "Emmanuel Macron", longer=1, type="PER", entity="emmanuel-macron")]},
    ]
    return [{"document_id": d.document_id, **layer} for d, layer in zip(documents, layers, strict=True)]


def test_five_typical_mistakes(tmp_path: Path) -> None:
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in mistakes())
    (tmp_path / "mistakes.jsonl").write_text(lines, encoding="utf-8")
    done = run("validate", "mistakes.jsonl", folder=tmp_path)
    assert f"$ retold validate mistakes.jsonl\n{done.stdout}```\n" in PAGE.read_text(encoding="utf-8"), done.stdout
    # Two of the five have one right answer.
    fixed = run("validate", "mistakes.jsonl", "--fix", folder=tmp_path)
    assert fixed.stdout.endswith("5 records in 1 file: 3 errors, 0 warnings\n")
