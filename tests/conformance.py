"""Values that others have published, as cases for the tests: what goes in, what must come out, who says so.

The tests of each measure run over ``cases(kind)``, and ``scripts/conformance_table.py`` makes docs/conformance.md from
the same cases, so the page cannot state a case that is not tested. Values are facts from the named sources; what a
source does not give was worked out by hand, as fractions, and is called derived.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

__all__ = ["KINDS", "TOLERANCE", "Case", "cases", "check", "name"]

TOLERANCE = 1e-9


@dataclass(frozen=True)
class Case:
    """One input with its values, by the names that the test of its kind gives them.

    Attributes:
        name: as the source calls it.
        source: who published the input.
        given: the input, in the form that the test of its kind takes.
        published: values that the source states; text is a number as printed there, met after rounding.
        derived: values worked out from the definition, beyond or more exact than the published ones.
        undefined: values that the source prints as 0 and that are 0/0; here they are undefined.
    """

    name: str
    source: str
    given: Any
    published: Mapping[str, float | str] = field(default_factory=dict)
    derived: Mapping[str, float] = field(default_factory=dict)
    undefined: tuple[str, ...] = ()


def name(case: Case) -> str:
    """The case's name, for pytest."""
    return case.name


def check(case: Case, found: Mapping[str, float]) -> None:
    """Assert that every value of a case was met."""
    for key, wanted in (*case.published.items(), *case.derived.items()):
        if isinstance(wanted, str):
            digits = len(wanted.partition(".")[2])
            assert f"{found[key]:.{digits}f}" == wanted, key
        else:
            assert found[key] == pytest.approx(wanted, abs=TOLERANCE), key
    for key in case.undefined:
        assert math.isnan(found[key]), key


# --- Coreference ------------------------------------------------------------------------------------------------------
# Clusters are words, mentions letters; a letter named again keeps its first cluster. Values are (precision, recall), F1
# being their harmonic mean; BLANC's F1 is not, and is given.

CONLL = "conll/reference-coreference-scorers, CorefMetricTestConfig.pm and TestCases.README; LEA: ns-moosavi/coval"
LUO = "Luo 2005, systems a to d, F1 to three digits as in wikilinks/neleval, test_coref_metrics.py"
PRADHAN = "Pradhan et al. 2014, the example's key and response"
ZERO = (None, 0.0)
Pair = tuple[float | None, ...]


def three(values: Mapping[str, Pair]) -> tuple[dict[str, float], tuple[str, ...]]:
    """Values by name, and the names of those that are 0/0 (None)."""
    out: dict[str, float] = {}
    undefined = []
    for family, pair in values.items():
        precision, recall = pair[0], pair[1]
        if len(pair) == 3:
            f1 = pair[2]
        elif precision is None and recall is None:
            f1 = None
        else:
            total = (precision or 0) + (recall or 0)
            f1 = 2 * (precision or 0) * (recall or 0) / total if total else 0.0
        for part, value in (("precision", precision), ("recall", recall), ("f1", f1)):
            if value is None:
                undefined.append(f"{family}.{part}")
            else:
                out[f"{family}.{part}"] = value
    return out, tuple(undefined)


def coreference(
    name: str,
    gold: str,
    predicted: str,
    published: Mapping[str, Pair],
    derived: Mapping[str, Pair] | None = None,
    printed: Mapping[str, str] | None = None,
    source: str = CONLL,
) -> Case:
    stated, undefined = three(published)
    worked_out, also_undefined = three(derived or {})
    return Case(
        name, source, (gold, predicted), {**stated, **(printed or {})}, worked_out, (*undefined, *also_undefined)
    )


_ALL = dict.fromkeys(("muc", "b3", "ceafm", "ceafe", "lea"), (1.0, 1.0)) | {"blanc": (1.0, 1.0, 1.0)}
_A4: dict[str, Pair] = {
    "muc": (1 / 3, 1 / 3),
    "b3": (17 / 42, 5 / 9),
    "ceafm": (4 / 7, 2 / 3),
    "ceafe": (11 / 20, 11 / 15),
    "blanc": (37 / 136, 31 / 88, 17 / 56),
    "lea": (2 / 7, 1 / 2),
}
_KEY = "a bc def"
_LUO = "12345 67 89ABC"
_SINGLES = "a b c d e f"


def _a(number: int, predicted: str, *values: Pair) -> Case:
    families = ("muc", "b3", "ceafm", "ceafe", "blanc", "lea")
    return coreference(f"TC-A{number}", _KEY, predicted, dict(zip(families, values, strict=True)))


def _printed(muc: str, b3: str, ceafm: str, ceafe: str) -> dict[str, str]:
    return {"muc.f1": muc, "b3.f1": b3, "ceafm.f1": ceafm, "ceafe.f1": ceafe}


_COREFERENCE = (
    coreference("TC-A1", _KEY, _KEY, _ALL),
    _a(2, "a de", (1, 1 / 3), (1, 7 / 18), (1, 1 / 2), (9 / 10, 3 / 5), (1, 19 / 88, 23 / 65), (1, 1 / 3)),
    _a(
        3, "a bcx defy z",
        (3 / 5, 1), (55 / 108, 1), (2 / 3, 1), (93 / 140, 31 / 35), (23 / 54, 1, 295 / 494), (4 / 9, 1),
    ),
    coreference("TC-A4", _KEY, "a bcx dy z", _A4),
    _a(
        5, "a bcxB dy z",
        (1 / 4, 1 / 3), (5 / 16, 5 / 9), (1 / 2, 2 / 3), (31 / 60, 31 / 45), (4 / 21, 31 / 88, 87 / 352),
        (5 / 24, 1 / 2),
    ),
    _a(
        6, "a bcx dy Bz",
        (1 / 4, 1 / 3), (17 / 48, 5 / 9), (1 / 2, 2 / 3), (11 / 20, 11 / 15), (24 / 115, 31 / 88, 79 / 306),
        (1 / 4, 1 / 2),
    ),
    coreference("TC-A7", _KEY, "a bcxb dy z", _A4),
    coreference("TC-A8", _KEY, "a bcx dy bz", _A4),
    coreference("TC-A9", _KEY, "a bcx dy bbbbbbbbbbz", _A4),
    coreference(
        "TC-A10", _KEY, _SINGLES,
        {"muc": ZERO, "b3": (1, 1 / 2), "blanc": (11 / 30, 1 / 2, 11 / 26), "lea": (1 / 6, 1 / 6)},
        {"ceafm": (1 / 2, 1 / 2), "ceafe": (13 / 36, 13 / 18)},
    ),
    coreference(
        "TC-A11", _KEY, "abcdef",
        {"muc": (3 / 5, 1), "b3": (7 / 18, 1), "blanc": (2 / 15, 1 / 2, 4 / 19), "lea": (4 / 15, 5 / 6)},
        {"ceafm": (1 / 2, 1 / 2), "ceafe": (2 / 3, 2 / 9)},
    ),
    coreference(
        "TC-A12", _KEY, "a x y c d e z",
        {"muc": ZERO, "b3": (4 / 7, 13 / 36), "blanc": (5 / 42, 5 / 22, 5 / 32), "lea": (1 / 7, 1 / 6)},
        {"ceafm": (3 / 7, 1 / 2), "ceafe": (13 / 42, 13 / 18)},
    ),
    coreference(
        "TC-A13", _KEY, "axycdez",
        {"muc": (1 / 6, 1 / 3), "b3": (6 / 49, 17 / 36), "blanc": (1 / 42, 1 / 8, 1 / 25), "lea": (1 / 21, 1 / 6)},
        {"ceafm": (2 / 7, 1 / 3), "ceafe": (2 / 5, 2 / 15)},
    ),
    coreference("TC-B1", "ab cde", "bcx de", {"blanc": (7 / 24, 7 / 24, 7 / 24), "lea": (2 / 5, 1 / 5)}),
    coreference("TC-C1", "ab cde fg", "bcx de fg", {"blanc": (41 / 80, 41 / 80, 41 / 80), "lea": (4 / 7, 3 / 7)}),
    coreference("TC-D1", _LUO, "12345 6789ABC", {"muc": (9 / 10, 1), "b3": (16 / 21, 1), "lea": (13 / 18, 1)}),
    coreference("TC-E1", _LUO, "1234589ABC 67", {"muc": (9 / 10, 1), "b3": (7 / 12, 1), "lea": (29 / 54, 1)}),
    coreference("TC-F1", "ABCD", "AB CD", {"muc": (1, 2 / 3), "lea": (1, 1 / 3)}),
    coreference("TC-G1", "AB CD", "ABCD", {"muc": (2 / 3, 1), "lea": (1 / 3, 1)}),
    coreference("TC-H1", "ABCD", "ABCD", {"muc": (1, 1), "lea": (1, 1)}),
    coreference("TC-I1", "ABCD", "AB CD", {"muc": (1, 2 / 3), "lea": (1, 1 / 3)}),
    coreference("TC-J1", "ABC", "AC", {"muc": (1, 1 / 2), "lea": (1, 1 / 3)}),
    coreference("TC-K1", "BCDEGHJ", "ABC DEF GHI", {"muc": (1 / 2, 1 / 2), "lea": (1 / 3, 1 / 7)}),
    coreference("TC-L1", "ABC DEFG", "AB CD FGH", {"muc": (1 / 2, 2 / 5), "lea": (3 / 7, 5 / 21)}),
    coreference("TC-M1", "abcdef", "abcdef", _ALL),
    coreference("TC-M2", "abcdef", _SINGLES, {"muc": ZERO, "blanc": (0, 0, 0), "lea": (0, 0)}),
    coreference("TC-M3", "abcdef", "ab cde f", {"blanc": (1, 4 / 15, 8 / 19), "lea": (5 / 6, 4 / 15)}),
    coreference("TC-M4", "abcdef", "abcxyz", {"blanc": (1 / 5, 1 / 5, 1 / 5), "lea": (1 / 5, 1 / 5)}),
    coreference("TC-M5", "abcdef", "a b c x y z", {"muc": ZERO, "blanc": (0, 0, 0), "lea": (0, 0)}),
    coreference("TC-M6", "abcdef", "ab cxy z", {"blanc": (1 / 4, 1 / 15, 2 / 19), "lea": (1 / 3, 1 / 15)}),
    coreference("TC-N1", _SINGLES, _SINGLES, _ALL | {"muc": (None, None)}),
    coreference("TC-N2", _SINGLES, "abcdef", {"muc": (0, None), "blanc": (0, 0, 0), "lea": (0, 0)}),
    coreference("TC-N3", _SINGLES, "ab cde f", {"blanc": (1, 11 / 15, 11 / 13), "lea": (1 / 6, 1 / 6)}),
    coreference(
        "TC-N4", _SINGLES, "a b c x y z",
        {"muc": (None, None), "blanc": (1 / 5, 1 / 5, 1 / 5), "lea": (1 / 2, 1 / 2)},
    ),
    coreference("TC-N5", _SINGLES, "abcxyz", {"blanc": (0, 0, 0), "lea": (0, 0)}),
    coreference("TC-N6", _SINGLES, "ab cxy z", {"blanc": (2 / 11, 2 / 15, 2 / 13), "lea": (0, 0)}),
    coreference(
        "Luo-a", _LUO, "12345 6789ABC", {},
        {
            "muc": (9 / 10, 1), "b3": (16 / 21, 1), "ceafm": (5 / 6, 5 / 6), "ceafe": (11 / 12, 11 / 18),
            "blanc": (26 / 31, 8 / 9, 175 / 208), "lea": (13 / 18, 1),
        },
        _printed("0.947", "0.865", "0.833", "0.733"), LUO,
    ),
    coreference(
        "Luo-b", _LUO, "1234589ABC 67", {},
        {
            "muc": (9 / 10, 1), "b3": (7 / 12, 1), "ceafm": (7 / 12, 7 / 12), "ceafe": (5 / 6, 5 / 9),
            "blanc": (67 / 92, 13 / 18, 541 / 871), "lea": (29 / 54, 1),
        },
        _printed("0.947", "0.737", "0.583", "0.667"), LUO,
    ),
    coreference(
        "Luo-c", _LUO, "123456789ABC", {},
        {
            "muc": (9 / 11, 1), "b3": (3 / 8, 1), "ceafm": (5 / 12, 5 / 12), "ceafe": (10 / 17, 10 / 51),
            "blanc": (7 / 44, 1 / 2, 7 / 29), "lea": (7 / 22, 1),
        },
        _printed("0.900", "0.545", "0.417", "0.294"), LUO,
    ),
    coreference(
        "Luo-d", _LUO, "1 2 3 4 5 6 7 8 9 A B C", {},
        {
            "muc": ZERO, "b3": (1, 1 / 4), "ceafm": (1 / 4, 1 / 4), "ceafe": (1 / 9, 4 / 9),
            "blanc": (15 / 44, 1 / 2, 15 / 37), "lea": (0, 0),
        },
        _printed("0.000", "0.400", "0.250", "0.178"), LUO,
    ),
    # MUC: 1 + 1 links of 2 + 3 kept; B3: (4/3 + 1/3 + 1/4 + 1) / 7 and (2 + 1 + 1) / 8; CEAF: ab and fg, 4 mentions,
    # 4/5 + 1/2; BLANC: links 2 of 9 and 8, others 8 of 12 and 20; LEA: (3 * 1/3 + 4 * 1/6) / 7 and (2 + 4 * 1/6) / 8.
    coreference(
        "Pradhan-2014", "abc defg", "ab cd fghi", {},
        {
            "muc": (2 / 5, 2 / 5), "b3": (1 / 2, 5 / 12), "ceafm": (1 / 2, 4 / 7), "ceafe": (13 / 30, 13 / 20),
            "blanc": (13 / 40, 4 / 9, 25 / 68), "lea": (1 / 3, 5 / 21),
        },
        source=PRADHAN,
    ),
)  # fmt: skip


# --- Mentions: spans as (type, start, end), half open -----------------------------------------------------------------

NERVALUATE = "MantisAI/nervaluate, tests/test_strategies.py"
_FIVE = ("correct", "incorrect", "partial", "missed", "spurious")
_TWO = (("PER", 1, 3), ("ORG", 6, 8))
Spans = tuple[tuple[str, int, int], ...]


def regimes(name: str, gold: Spans, predicted: Spans, *, source: str = NERVALUATE, **published: Iterable[int]) -> Case:
    """Counts (correct, incorrect, partial, missed, spurious) in regimes."""
    counts = {
        f"{regime}.{part}": value
        for regime, values in published.items()
        for part, value in zip(_FIVE, values, strict=True)
    }
    return Case(name, source, (gold, predicted), counts)


_MENTIONS = (
    regimes("missed", _TWO, _TWO[:1], strict=(1, 0, 0, 1, 0), type=(1, 0, 0, 1, 0), exact=(1, 0, 0, 1, 0)),
    regimes(
        "wrong-label", _TWO, (_TWO[0], ("LOC", 6, 8)),
        strict=(1, 1, 0, 0, 0), type=(1, 1, 0, 0, 0), exact=(2, 0, 0, 0, 0),
    ),
    regimes("wrong-boundary", _TWO, (_TWO[0], ("LOC", 6, 7)), strict=(1, 1, 0, 0, 0), type=(1, 1, 0, 0, 0)),
    regimes("shifted", _TWO, (_TWO[0], ("LOC", 7, 8)), strict=(1, 1, 0, 0, 0), type=(1, 1, 0, 0, 0)),
    regimes(
        "extra", _TWO, (_TWO[0], ("PER", 4, 5), ("LOC", 6, 8)),
        strict=(1, 1, 0, 0, 1), type=(1, 1, 0, 0, 1), exact=(2, 0, 0, 0, 1),
    ),
    # Links stand as types here: NIL, Q68120 and Q70, as PER, ORG and GPE; HIPE's inclusive ends are one less.
    Case(
        "nel-1",
        "hipe-eval/HIPE-scorer, unittest_eval_2022.py test_nel_1, links taken as types",
        ((("PER", 7, 11), ("ORG", 14, 15), ("GPE", 26, 29)), (("PER", 7, 11), ("ORG", 14, 15), ("GPE", 28, 29))),
        {
            **regimes(
                "", (), (), strict=(2, 1, 0, 0, 0), type=(3, 0, 0, 0, 0), partial=(2, 0, 1, 0, 0)
            ).published,
            "strict.f1": 2 / 3, "type.f1": 1.0, "partial.f1": 5 / 6,
        },
    ),
    Case(
        "output-dict",
        "chakki-works/seqeval, tests/test_v1.py test_output_dict, micro average",
        ((("PER", 0, 1), ("ORG", 1, 2), ("PER", 3, 4)), (("ORG", 1, 2), ("GPE", 2, 3), ("PER", 3, 4))),
        {"strict.precision": 2 / 3, "strict.recall": 2 / 3, "strict.f1": 2 / 3},
    ),
    Case(
        "miss-or-wrong",
        "chakki-works/seqeval, issue 90",
        ((("PER", 0, 2), ("ORG", 4, 7)), (("PER", 0, 2), ("ORG", 5, 7))),
        {"strict.f1": 1 / 2},
    ),
)  # fmt: skip


# --- Stance: a confusion table as {(gold, given): cells} --------------------------------------------------------------

SEMEVAL = "Mohammad et al. 2016 (SemEval-2016 task 6, A), majority-class baseline on the published test set"
#: Target: favor, against and none of its test set, and the label that the baseline gives.
_TARGETS = {
    "atheism": (32, 160, 28, "against"),
    "climate": (123, 11, 35, "favor"),
    "feminism": (58, 183, 44, "against"),
    "clinton": (45, 172, 78, "against"),
    "abortion": (46, 189, 45, "against"),
}
_AVERAGES = {"atheism": "0.4211", "climate": "0.4212", "feminism": "0.3910", "clinton": "0.3683", "abortion": "0.4030"}


def _majority(targets: Iterable[str]) -> dict[tuple[str, str], int]:
    cells: dict[tuple[str, str], int] = {}
    for target in targets:
        *amounts, given = _TARGETS[target]
        for label, amount in zip(("favor", "against", "none"), amounts, strict=True):
            cells[label, str(given)] = cells.get((label, str(given)), 0) + int(amount)
    return cells


_STANCE = (
    Case(
        "majority-all",
        SEMEVAL,
        _majority(_TARGETS),
        {"favor.f1": "0.5201", "against.f1": "0.7844", "favg": "0.6522"},
        # 123 of 169 given and 304 gold are favor; 704 of 1,080 and 715 against.
        {"favor.f1": 246 / 473, "against.f1": 1408 / 1795, "favg": (246 / 473 + 1408 / 1795) / 2},
    ),
    # Alone, a target has no cell of the other side; the baseline gives none, so that F1 is 0 and halves the mean.
    *(Case(f"majority-{target}", SEMEVAL, _majority([target]), {"favg": _AVERAGES[target]}) for target in _TARGETS),
)


# --- Agreement: rows of labels, one for each coder --------------------------------------------------------------------

KRIPPENDORFF = "Krippendorff 2011, Computing Krippendorff's alpha-reliability"
FAST = "pln-fing-udelar/fast-krippendorff, tests/test_krippendorff.py"


def _coders(*rows: str) -> list[list[str | None]]:
    """Coders as text, a label a character; a dot is an item that the coder left out."""
    return [[None if label == "." else label for label in row] for row in rows]


_AGREEMENT = (
    Case("2011-A", KRIPPENDORFF, _coders("0100000010", "1110010000"), {"alpha": "0.095"}, {"alpha": 1 - 19 * 4 / 84}),
    Case(
        "2011-B", KRIPPENDORFF, _coders("aabbdcccedda", "babbbccceddd"), {"alpha": "0.692"},
        {"alpha": (23 * 18 - 104) / (24 * 23 - 104)},
    ),
    Case(
        "nominal", FAST, _coders(".....34121133.3", "1.213343.......", "..21344.21133.4"),
        {"alpha": "0.691358"},
    ),
    Case("strings", FAST, _coders("+-0.", "+-0+", "+-++"), {"alpha": "0.722222"}, {"alpha": 13 / 18}),
)  # fmt: skip


# --- Statistics: (function, its arguments) ----------------------------------------------------------------------------

STATSMODELS = "statsmodels 0.15.0"
_STATISTICS = (
    Case(
        "wilson-0-of-10", f"{STATSMODELS}, proportion_confint", ("wilson", 0, 10),
        {"low": 0.0, "high": 0.27753279986288926},
    ),
    Case(
        "wilson-10-of-10", f"{STATSMODELS}, proportion_confint", ("wilson", 10, 10),
        {"low": 0.7224672001371106, "high": 1.0},
    ),
    Case(
        "wilson-396-of-500", f"{STATSMODELS}, proportion_confint", ("wilson", 396, 500),
        {"low": 0.7542636968800828, "high": 0.8252836882903708},
    ),
    Case(
        "holm-of-four", f"{STATSMODELS}, multipletests", ("holm", [0.01, 0.04, 0.03, 0.005]),
        {"0": 0.03, "1": 0.06, "2": 0.06, "3": 0.02},
    ),
    # Signed differences .1 and seven of .05, one of these reversed: 16 of 2**8 sums are as far from 0.
    Case(
        "sign-flips-of-eight", "scipy permutation_test, paired samples, exact",
        (
            "randomisation", [0.8, 0.7, 0.9, 0.6, 0.85, 0.75, 0.65, 0.95], [0.7, 0.65, 0.85, 0.65, 0.8, 0.7, 0.6, 0.9],
        ),
        {"p": 0.0625},
    ),
)  # fmt: skip

KINDS: dict[str, tuple[Case, ...]] = {
    "coreference": _COREFERENCE,
    "mentions": _MENTIONS,
    "stance": _STANCE,
    "agreement": _AGREEMENT,
    "statistics": _STATISTICS,
}


def cases(kind: str) -> tuple[Case, ...]:
    """The cases of a kind."""
    return KINDS[kind]
