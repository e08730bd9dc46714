"""The cases of agreement, and that the conformance page states what is tested."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import conformance_table
from conformance import KINDS, Case, cases, check, name
from retold.layers.scheme import default_scheme
from retold.measures.chance import cohen_kappa, krippendorff_alpha

TESTS = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("case", cases("agreement"), ids=name)
def test_the_published_values_of_agreement_are_met(case: Case) -> None:
    labels = sorted({label for row in case.given for label in row if label is not None})
    table = np.zeros((len(labels), len(labels)))
    for item in zip(*case.given, strict=True):
        # Krippendorff 2004: each ordered pair of values of an item counts 1 / (values - 1).
        given = [labels.index(label) for label in item if label is not None]
        for i, a in enumerate(given):
            for j, b in enumerate(given):
                if i != j:
                    table[a, b] += 1 / (len(given) - 1)
    found = {"alpha": float(krippendorff_alpha(table))}
    if len(case.given) == 2:
        both = np.zeros((len(labels), len(labels)))
        for first, second in zip(*case.given, strict=True):
            both[labels.index(first), labels.index(second)] += 1
        found["kappa"] = float(cohen_kappa(both))
    check(case, found)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_case_is_run_by_a_test(kind: str) -> None:
    uses = [
        path.name for path in TESTS.rglob("test_*.py") if f'parametrize("case", cases("{kind}")' in path.read_text()
    ]
    assert len(uses) == 1


def test_every_case_has_a_name_of_its_own_and_a_value() -> None:
    for kind in KINDS:
        assert len({case.name for case in cases(kind)}) == len(cases(kind))
        assert all(case.published or case.derived for case in cases(kind))


def test_every_value_stands_in_one_row_of_the_page() -> None:
    for kind in KINDS:
        for case in cases(kind):
            for value in {*case.published, *case.derived, *case.undefined}:
                assert len(conformance_table.rows_of(kind, value)) == 1, (case.name, value)


def test_every_measure_has_a_row() -> None:
    named: list[str] = []
    for row in conformance_table.ROWS:
        head, _, rest = row.measure.partition("{")
        alternatives, _, foot = rest.partition("}")
        named += [f"{head}{each}{foot}" for each in alternatives.split(",")]
    for measure in default_scheme().described:
        assert named.count(measure) == 1, measure


def test_every_row_has_cases_or_says_what_else_it_agrees_with() -> None:
    for row in conformance_table.ROWS:
        assert row.oracles or conformance_table.amounts_and_cases(row)[0] != conformance_table.Amounts(), row.measure


def test_the_tests_that_the_page_names_exist() -> None:
    named = [shown.test for row in conformance_table.ROWS for shown in (*row.oracles, *row.faults)]
    assert named
    for test in named:
        module, _, function = test.partition("::")
        function, _, case = function.partition("[")
        assert re.search(rf"^def {function}\(", (TESTS / module).read_text(encoding="utf-8"), re.MULTILINE), test
        assert not case or case.rstrip("]") in {each.name for kind in KINDS for each in cases(kind)}, test


def test_every_adversarial_test_is_listed() -> None:
    listed = [name for _, _, name in conformance_table.attacks()]
    found = re.findall(r"^def (test_\w+)", (TESTS / "integration" / "test_adversarial.py").read_text(), re.MULTILINE)
    assert listed == found


def test_the_page_is_current() -> None:
    assert conformance_table.PAGE.read_text(encoding="utf-8") == conformance_table.page()
