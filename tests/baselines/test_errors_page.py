"""The page of errors: its tables are what scoring counts, its examples are items of the system that it shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import errors

PAGE = errors.PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def scored(baseline_submission: Callable[[str], Path]) -> dict[str, errors.Scored]:
    return {name: errors.read(baseline_submission(name)) for name in errors.SYSTEMS}


def test_tables_are_what_scoring_counts(scored: dict[str, errors.Scored]) -> None:
    assert errors.filled(PAGE, scored) == PAGE
    assert {match["name"] for match in errors.TABLE.finditer(PAGE)} == set(errors.TABLES)


def test_examples_are_items(scored: dict[str, errors.Scored]) -> None:
    assert len(errors.EXAMPLE.findall(" ".join(PAGE.split()))) == PAGE.count("<!-- item:") > 0
    assert errors.stale_examples(PAGE, scored["classical"]) == []


def test_an_example_that_is_no_item_is_told(scored: dict[str, errors.Scored]) -> None:
    changed = PAGE.replace("gold `ORG`, predicted `GPE`", "gold `ORG`, predicted `PER`")
    assert len(errors.stale_examples(changed, scored["classical"])) == 1


def test_sides_are_grouped_by_holder_target_and_label() -> None:
    def item(holder: str, label: str) -> dict[str, object]:
        return {"gold": {"holder": holder, "target": "dam", "label": label}}

    items = [item("mayor", "favor"), item("mayor", "favor"), item("baker", "against"), item("baker", "none")]
    assert {key: len(found) for key, found in errors.sides(items).items()} == {
        ("mayor", "dam", "favor"): 2,
        ("baker", "dam", "against"): 1,
    }
