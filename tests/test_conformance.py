"""The cases of agreement, and that the conformance page states what is tested."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import conformance_table
from conformance import KINDS, Case, cases, check, name
from retold.measures.agreement import krippendorff_alpha

TESTS = Path(__file__).resolve().parent


@pytest.mark.parametrize("case", cases("agreement"), ids=name)
def test_the_published_values_of_alpha_are_met(case: Case) -> None:
    labels = sorted({label for row in case.given for label in row if label is not None})
    table = np.zeros((len(labels), len(labels)))
    for item in zip(*case.given, strict=True):
        # Krippendorff 2004: each ordered pair of values of an item counts 1 / (values - 1).
        given = [labels.index(label) for label in item if label is not None]
        for i, a in enumerate(given):
            for j, b in enumerate(given):
                if i != j:
                    table[a, b] += 1 / (len(given) - 1)
    check(case, {"alpha": float(krippendorff_alpha(table))})


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_case_is_run_by_a_test(kind: str) -> None:
    uses = [path.name for path in TESTS.glob("test_*.py") if f'parametrize("case", cases("{kind}")' in path.read_text()]
    assert len(uses) == 1


def test_every_case_has_a_name_of_its_own_and_a_value() -> None:
    for kind in KINDS:
        assert len({case.name for case in cases(kind)}) == len(cases(kind))
        assert all(case.published or case.derived for case in cases(kind))


def test_every_value_stands_in_a_row_of_the_page() -> None:
    for kind in KINDS:
        prefixes = [key for row in conformance_table.ROWS if row.kind == kind for key in row.values]
        for case in cases(kind):
            for value in (*case.published, *case.derived, *case.undefined):
                assert any(value == key or value.startswith(f"{key}.") for key in prefixes), (case.name, value)


def test_the_tests_that_the_page_names_exist() -> None:
    named = [fault.test for row in conformance_table.ROWS for fault in row.faults]
    assert named
    for test in named:
        module, _, function = test.partition("::")
        assert re.search(rf"^def {function}\(", (TESTS / module).read_text(encoding="utf-8"), re.MULTILINE), test


def test_the_page_is_current() -> None:
    assert conformance_table.PAGE.read_text(encoding="utf-8") == conformance_table.page()
