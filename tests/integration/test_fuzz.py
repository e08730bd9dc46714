"""A small seeded part of the fuzz run, and that it would notice a rule that sleeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import fuzz
from fuzz_oracle import Malformed, read_line, violations
from retold.layers import entities
from retold.layers.stance import Stance
from retold.rules import references


def test_a_seeded_part_of_the_fuzz_run() -> None:
    outcome = fuzz.run(300, seed=1)
    assert outcome.failures == []
    assert outcome.cases == 300
    # The run sees both sides: clean files, shapes at fault, and rules of every family.
    assert outcome.clean > 20
    assert outcome.codes["shape"] > 50
    assert {code[:3] for code in outcome.codes} >= {"RT1", "RT3", "RT4", "RT5"}


def test_the_same_seed_gives_the_same_cases() -> None:
    assert fuzz.run(30, seed=5).codes == fuzz.run(30, seed=5).codes


@pytest.mark.parametrize(
    ("module", "name"), [(entities, "check_spans"), (references, "unknown_holder"), (Stance, "check_evidence")]
)
def test_a_rule_that_sleeps_is_noticed(module: Any, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asleep = references.unknown_target if name == "unknown_holder" else lambda *_: None
    monkeypatch.setattr(module, name, asleep)
    outcome = fuzz.run(200, seed=1, keep=tmp_path / "kept")
    assert outcome.failures
    assert len(list((tmp_path / "kept").iterdir())) == len(outcome.failures)


def test_an_exception_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(fuzz, "validate", broken)
    outcome = fuzz.run(5, seed=1)
    assert len(outcome.failures) >= 4
    assert "ZeroDivisionError" in outcome.failures[0]


@pytest.mark.parametrize(
    "line", [b'{"a":1,"a":1}', b"NaN", b"1e999", b"9007199254740992", b'"\\ud800"', b"[" * 65, b"\xff", b"{} {}", b""]
)
def test_the_oracle_refuses_what_readers_may_differ_about(line: bytes) -> None:
    with pytest.raises(Malformed):
        read_line(line)


def test_the_oracle_finds_gold_clean(tiny_corpus: Any) -> None:
    known = fuzz.known_of(tiny_corpus)
    data = b"".join(line + b"\n" for _, line in tiny_corpus.gold_lines())
    assert {role: violations(data, role, known) for role in fuzz.ROLES} == {role: set() for role in fuzz.ROLES}
