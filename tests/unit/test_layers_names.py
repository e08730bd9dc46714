"""Codes of many names at once: those that a plain dictionary gives, name by name, whatever the names are."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from retold.layers import names as names_module
from retold.layers.names import Codes, Namer, Names

#: Sizes at the borders of one, two and four words, names that differ in one place only, letters of several bytes, and
#: the characters that the column keeps for itself.
AWKWARD = (
    "",
    "a",
    *("x" * size for size in (7, 8, 9, 15, 16, 17, 31, 32, 33, 70)),
    *("x" * size + "y" + "x" * (30 - size) for size in (0, 7, 8, 12, 16, 20, 25, 30)),
    "Zürich",
    "東京",
    "a\nb",
    "\x02",
    "😀" * 8,
    "😀" * 9,
    *("\0", "a\0b", "a\0", "\1", "\1-", "\0010", "b\1"),
)
#: No name holds a lone surrogate: it was decoded.
any_name = st.one_of(st.sampled_from((*AWKWARD, None, UNSET)), st.text(st.characters(codec="utf-8"), max_size=40))


def at_once(batches: list[list[Any]]) -> list[list[Any]]:
    """The name of the code that each name is given."""
    codes = Codes()
    namer, found = Namer(codes), []
    for batch in batches:
        column = Names(namer.known)
        for start in range(0, len(batch), 7):
            column.extend(batch[start : start + 7])
        found.append(namer.codes(column).tolist())
    assert sorted(codes.values()) == list(range(len(codes)))
    known = {code: name for name, code in codes.items()}
    return [[known[code] for code in batch] for batch in found]


@given(st.lists(st.lists(any_name, max_size=30), max_size=4))
def test_codes_stand_for_their_names(batches: list[list[Any]]) -> None:
    assert at_once(batches) == batches


@pytest.mark.parametrize("hashes", [0, 1], ids=["every name meets every other", "ordinary"])
def test_names_that_meet_in_the_table_are_told_apart(monkeypatch: pytest.MonkeyPatch, hashes: int) -> None:
    monkeypatch.setattr(names_module, "_FACTORS", tuple(factor * hashes for factor in names_module._FACTORS))
    batches = [list(AWKWARD), list(AWKWARD[::-1]), ["new", *AWKWARD]]
    assert at_once(batches) == batches


def test_a_table_that_grows_forgets_nothing() -> None:
    # 10,000 names are more than the first table has room for; every name comes three times on average.
    draw = random.Random(0)
    batches = [[f"entity-{draw.randrange(10_000)}" for _ in range(1000)] for _ in range(30)]
    assert at_once(batches) == batches
