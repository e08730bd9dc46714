"""Intervals hold the value that they stand beside."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import retold
from retold.records import AnnotationRecord, encode


@pytest.fixture(scope="module")
def half_right(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gold with every second mention missing and every third in a cluster of its own."""
    path = tmp_path_factory.mktemp("half") / "predictions.jsonl"
    with path.open("wb") as stream:
        for record in retold.load_corpus().gold.values():
            mentions = [
                msgspec.structs.replace(mention, entity=f"alone-{index}" if index % 3 == 0 else mention.entity)
                for index, mention in enumerate(record.entities or ())
                if index % 2
            ]
            kept = AnnotationRecord(
                document_id=record.document_id,
                entities=mentions,
                stance=record.stance,
                claims=record.claims,
                verification=record.verification,
            )
            stream.write(encode(kept) + b"\n")
    return path


def test_every_interval_holds_its_value(half_right: Path) -> None:
    """Also those of coreference, whose resamples make larger clusters than the documents have."""
    score = retold.score(half_right, resamples=1000)
    outside = {
        name: (value.low, value.value, value.high)
        for name, value in score.measures.items()
        if value.value is not None and not value.low <= value.value <= value.high
    }
    assert outside == {}
    conll = score.measures["entities.coreference.conll"]
    assert conll.high - conll.low > 0.01
