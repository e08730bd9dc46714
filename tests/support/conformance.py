"""Values that others have published, as cases for the tests: what goes in, what must come out, who says so.

The tests of each measure run over ``cases(kind)``, and ``scripts/docs/conformance_table.py`` makes docs/conformance.md
from the same cases, so the page cannot state a case that is not tested. Values are facts from the named sources; what a
source does not give was worked out by hand, as fractions, and is called derived.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
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
        published: values that the source states; text is a number as printed there, met after rounding, or, where it
            ends in an ellipsis, in the digits that stand before it.
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
        if isinstance(wanted, str) and wanted.endswith("…"):
            assert f"{found[key]:.12f}".startswith(wanted[:-1]), key
        elif isinstance(wanted, str):
            digits = len(wanted.partition(".")[2])
            assert f"{found[key]:.{digits}f}" == wanted, key
        else:
            assert found[key] == pytest.approx(wanted, abs=TOLERANCE), key
    for key in case.undefined:
        assert math.isnan(found[key]), key


# --- Coreference ------------------------------------------------------------------------------------------------------
# Clusters are words, mentions letters. Values are (precision, recall), F1 being their harmonic mean; BLANC's F1 is not,
# and is given. TC-A8 and TC-A9 put a mention into two clusters; such a file is refused, so they have no values here.

CONLL = (
    "conll/reference-coreference-scorers, test/CorefMetricTestConfig.pm and TestCases.README; LEA: coval, unittests.py"
)
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
    undefined += also_undefined
    known = {**stated, **worked_out}
    parts = [f"{family}.f1" for family in ("muc", "b3", "ceafe")]
    if all(part in known or part in undefined for part in parts):
        # Pradhan et al. 2012: the unweighted mean; what is undefined is not averaged in.
        defined = [known[part] for part in parts if part in known]
        worked_out["conll"] = sum(defined) / len(defined)
    return Case(name, source, (gold, predicted), {**stated, **(printed or {})}, worked_out, undefined)


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
    # b is named twice in one cluster, and counts once.
    coreference("TC-A7", _KEY, "a bcxb dy z", _A4),
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
    # Four mentions of one entity, two of another, two NIL clusters of two; the system renames the NIL clusters.
    coreference(
        "tac-nil-renamed", "1234 56 78 9A", "1234 56 78 9A", {}, _ALL,
        source="wikilinks/neleval, examples/tac_gold and tac_system (combined.tsv)",
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


_ALL_OF_TWO = (2, 0, 0, 0, 0)
#: Nested: EVENT, EVENT, LOCATION and DATE there; DATE is ORG here, and MISC is PER.
_NESTED = (("EVENT", 4, 37), ("EVENT", 4, 24), ("LOC", 14, 24), ("ORG", 51, 55))
_ALL_OF_FOUR, _THREE_OF_FOUR = (4, 0, 0, 0, 0), (3, 1, 0, 0, 0)


def nested(name: str, second: tuple[str, int, int], **published: Iterable[int]) -> Case:
    """The nested spans with another one in the second place."""
    return regimes(f"nested-{name}", _NESTED, (_NESTED[0], second, *_NESTED[2:]), **published)


def every(counts: Iterable[int]) -> dict[str, Iterable[int]]:
    """The same counts in every regime."""
    return dict.fromkeys(("strict", "type", "exact", "partial"), counts)


# HIPE's links stand as types here, NIL being one of them; its inclusive ends are one less.
HIPE = "hipe-eval/HIPE-scorer, hipe_evaluation/tests/data, links taken as types"
_NEL_1 = (("PER", 7, 11), ("ORG", 14, 15), ("GPE", 26, 29))
_NEL_2 = (("PER", 4, 7), ("ORG", 9, 21), ("PER", 21, 24), ("GPE", 24, 26))


def _hipe(case: Case, **scores: float) -> Case:
    """A case with scores beside its counts."""
    return replace(case, published={**case.published, **{k.replace("_", "."): v for k, v in scores.items()}})


_MENTIONS = (
    regimes("perfect", _TWO, _TWO, **every(_ALL_OF_TWO)),
    regimes("missed", _TWO, _TWO[:1], **every((1, 0, 0, 1, 0))),
    regimes(
        "wrong-label", _TWO, (_TWO[0], ("LOC", 6, 8)),
        strict=(1, 1, 0, 0, 0), type=(1, 1, 0, 0, 0), exact=_ALL_OF_TWO, partial=_ALL_OF_TWO,
    ),
    regimes(
        "wrong-boundary", _TWO, (_TWO[0], ("LOC", 6, 7)),
        strict=(1, 1, 0, 0, 0), type=(1, 1, 0, 0, 0), exact=(1, 1, 0, 0, 0), partial=(1, 0, 1, 0, 0),
    ),
    regimes(
        "shifted", _TWO, (_TWO[0], ("LOC", 7, 8)),
        strict=(1, 1, 0, 0, 0), type=(1, 1, 0, 0, 0), exact=(1, 1, 0, 0, 0), partial=(1, 0, 1, 0, 0),
    ),
    regimes(
        "extra", _TWO, (_TWO[0], ("PER", 4, 5), ("LOC", 6, 8)),
        strict=(1, 1, 0, 0, 1), type=(1, 1, 0, 0, 1), exact=(2, 0, 0, 0, 1), partial=(2, 0, 0, 0, 1),
    ),
    regimes("nested-perfect", _NESTED, _NESTED, **every(_ALL_OF_FOUR)),
    regimes("nested-reversed", _NESTED, _NESTED[::-1], **every(_ALL_OF_FOUR)),
    regimes("nested-missed", _NESTED, _NESTED[1:], **every((3, 0, 0, 1, 0))),
    regimes("nested-extra", _NESTED, (*_NESTED, ("PER", 60, 65)), **every((4, 0, 0, 0, 1))),
    nested(
        "wrong-label", ("ORG", 4, 24),
        strict=_THREE_OF_FOUR, type=_THREE_OF_FOUR, exact=_ALL_OF_FOUR, partial=_ALL_OF_FOUR,
    ),
    nested(
        "wrong-boundary", ("EVENT", 4, 30),
        strict=_THREE_OF_FOUR, type=_ALL_OF_FOUR, exact=_THREE_OF_FOUR, partial=(3, 0, 1, 0, 0),
    ),
    nested(
        "wrong-boundary-and-label", ("ORG", 4, 30),
        strict=_THREE_OF_FOUR, type=_THREE_OF_FOUR, exact=_THREE_OF_FOUR, partial=(3, 0, 1, 0, 0),
    ),
    _hipe(
        regimes(
            "nel-1", _NEL_1, (*_NEL_1[:2], ("GPE", 28, 29)), source=HIPE,
            strict=(2, 1, 0, 0, 0), type=(3, 0, 0, 0, 0), exact=(2, 1, 0, 0, 0), partial=(2, 0, 1, 0, 0),
        ),
        strict_precision=2 / 3, strict_recall=2 / 3, strict_f1=2 / 3, type_f1=1, exact_f1=2 / 3, partial_f1=5 / 6,
    ),
    _hipe(
        regimes(
            "nel-2", _NEL_2, (_NEL_2[0], ("PER", 9, 21), *_NEL_2[2:]), source=HIPE,
            strict=(3, 1, 0, 0, 0), type=(3, 1, 0, 0, 0), exact=_ALL_OF_FOUR, partial=_ALL_OF_FOUR,
        ),
        strict_precision=3 / 4, strict_recall=3 / 4, strict_f1=3 / 4, type_f1=3 / 4, exact_f1=1, partial_f1=1,
    ),
    # HIPE reads the two NILs in a row as one. Its type counts pair that one with the link, the first that it overlaps.
    _hipe(
        regimes(
            "nel-2-joined", _NEL_2, (_NEL_2[0], ("PER", 9, 24), _NEL_2[3]), source=HIPE,
            strict=(2, 1, 0, 1, 0), exact=(2, 1, 0, 1, 0), partial=(2, 0, 1, 1, 0),
        ),
        strict_precision=2 / 3, strict_recall=1 / 2, strict_f1=4 / 7, exact_f1=4 / 7, partial_f1=5 / 7,
    ),
    Case(
        "output-dict",
        "chakki-works/seqeval, tests/test_v1.py test_output_dict, micro average and types",
        ((("PER", 0, 1), ("ORG", 1, 2), ("PER", 3, 4)), (("ORG", 1, 2), ("GPE", 2, 3), ("PER", 3, 4))),
        {
            "strict.precision": 2 / 3, "strict.recall": 2 / 3, "strict.f1": 2 / 3,
            "by-type.PER.precision": 1, "by-type.PER.recall": 1 / 2, "by-type.PER.f1": 2 / 3,
            "by-type.ORG.precision": 1, "by-type.ORG.recall": 1, "by-type.ORG.f1": 1,
            "by-type.GPE.precision": 0, "by-type.GPE.f1": 0,
        },
        undefined=("by-type.GPE.recall",),
    ),
    Case(
        "miss-or-wrong",
        "chakki-works/seqeval, issue 90",
        ((("PER", 0, 2), ("ORG", 4, 7)), (("PER", 0, 2), ("ORG", 5, 7))),
        {"strict.f1": 1 / 2},
    ),
)  # fmt: skip


# --- Links: mentions as (start, end, kb_id), None for NIL -------------------------------------------------------------

NELEVAL = "wikilinks/neleval, conll03_nel_eval/test.py, strong_link_match"
#: The Cat and Paris in the first document; The Cat and Sydney in the second, whose places are ten higher here.
_DATA = ((0, 2, None), (6, 7, "Paris"))
_DATA_MORE = (*_DATA, (10, 12, "The_Cat"), (16, 17, "Sydney"))
_TAC = (
    *((n, n + 1, "kb_A") for n in range(4)),
    (4, 5, "kb_B"),
    (5, 6, "kb_B"),
    *((n, n + 1, None) for n in range(6, 10)),
)
Links = tuple[tuple[int, int, str | None], ...]


def links(name: str, gold: Links, predicted: Links, precision: float, recall: float, f1: float, *found: int) -> Case:
    """Scores, and the amounts of right, wrong and missing links."""
    names = ("precision", "recall", "f1", "right", "wrong", "missing")
    values = {f"link.{key}": value for key, value in zip(names, (precision, recall, f1, *found), strict=True)}
    return Case(name, NELEVAL, (gold, predicted), values)


_LINKS = (
    links("data", _DATA, _DATA, 1, 1, 1, 1, 0, 0),
    links("data-attempt", _DATA, ((0, 2, "The_Dog"), _DATA[1]), 1 / 2, 1, 2 / 3, 1, 1, 0),
    links("data-more", _DATA_MORE, _DATA_MORE, 1, 1, 1, 3, 0, 0),
    links(
        "data-more-attempt", _DATA_MORE,
        ((0, 2, "The_Cat"), (6, 7, None), (10, 12, "The_Dog"), _DATA_MORE[3]), 1 / 3, 1 / 3, 1 / 3, 1, 2, 2,
    ),
    # The four mentions of NIL clusters, which the system calls otherwise, are no links on either side.
    Case(
        "tac-nil-renamed", "wikilinks/neleval, examples/tac_gold and tac_system (combined.tsv)", (_TAC, _TAC),
        derived={
            "link.precision": 1, "link.recall": 1, "link.f1": 1, "link.right": 6, "link.wrong": 0, "link.missing": 0,
        },
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


#: Labels 0, 1 and 2 of the examples are the first, second and third label here.
SCIKIT = "scikit-learn 1.9.1, examples of f1_score, brier_score_loss and cohen_kappa_score"

_STANCE = (
    # y_true 0 1 2 0 1 2, y_pred 0 2 1 0 0 1: the first label has 2 right of 3 given and 2 gold, the others none.
    Case(
        "f1-score",
        SCIKIT,
        {("favor", "favor"): 2, ("against", "none"): 1, ("against", "favor"): 1, ("none", "against"): 2},
        {"macro_f1": "0.267", "favor.f1": 0.8, "against.f1": 0, "none.f1": 0},
        {"macro_f1": 4 / 15, "favg": 0.4, "accuracy": 1 / 3},
    ),
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


# --- Cells: gold and prediction as (label, sentences, scores), one after the other ------------------------------------

_CELLS = (
    # SciFact's claims and abstracts are cells, with sides for its two labels; an abstract that gold does not list is a
    # none. No group of sentences is given in part, so that groups make no difference here.
    Case(
        "small-sentence-label",
        "allenai/scifact-evaluator, fixture/expected_metrics_small.json",
        (
            (
                ("favor", (2, 5, 7), None), ("favor", (4,), None), ("none", (), None), ("against", (1, 9, 10), None),
                ("against", (4,), None), ("favor", (1, 2), None), ("favor", (1,), None), ("against", (4,), None),
                ("none", (), None),
            ),
            (
                ("none", (), None), ("against", (4,), None), ("against", (8,), None), ("against", (1, 9, 10), None),
                ("against", (7,), None), ("favor", (2,), None), ("none", (), None), ("none", (), None),
                ("against", (6, 7), None),
            ),
        ),
        {"evidence.f1": 8 / 21},
    ),
    # (.04 + .01 + .01 + .04 + .09 + .01 + .04 + .04 + .16) / 3
    Case(
        "brier-score-loss", SCIKIT,
        (
            (("favor", (), None), ("against", (), None), ("none", (), None)),
            (("favor", (), (0.8, 0.1, 0.1)), ("against", (), (0.2, 0.7, 0.1)), ("none", (), (0.2, 0.2, 0.6))),
        ),
        {"brier": "0.146…"}, {"brier": 0.44 / 3},
    ),
)  # fmt: skip


# --- Verification: gold and prediction as (label, sentences), one pair after the other --------------------------------
# FEVER's (page, line) are sentences here: page 0, page1 1, and so on. Its strict score is taken only where every group
# of evidence is one sentence; label accuracy knows no evidence.

FEVER = "sheffieldnlp/fever-scorer, tests/test_scorer_isstrictlycorrect.py"
FEVER_SETS = "sheffieldnlp/fever-scorer, tests/test_scorer_dataset.py"
FEVER_LABELS = "sheffieldnlp/fever-scorer, tests/test_scorer_iscorrect.py"
Pairs = tuple[tuple[str, tuple[int, ...] | None], ...]
_S, _R, _N = "supported", "refuted", "not_enough_info"


def pairs(name: str, gold: Pairs, predicted: Pairs, source: str = FEVER, **published: float) -> Case:
    return Case(name, source, (gold, predicted), published)


_VERIFICATION = (
    pairs("nei-no-evidence", ((_N, None),), ((_N, None),), strict=1),
    pairs("wrong-line", ((_S, (0,)),), ((_S, (2,)),), strict=0),
    pairs("wrong-page", ((_S, (0,)),), ((_S, (1,)),), strict=0),
    pairs("correct-single", ((_S, (0,)),), ((_S, (0,)),), strict=1),
    pairs("matches-1-group", ((_S, (0, 1)),), ((_S, (0,)),), strict=1),
    pairs("matches-disjoint", ((_S, (1, 2)),), ((_S, (1, 2)),), strict=1),
    pairs("perfect", ((_N, ()), (_N, ())), ((_N, ()), (_N, ())), FEVER_SETS, strict=1, accuracy=1),
    pairs("imperfect", ((_N, ()), (_N, ())), ((_R, ()), (_S, ())), FEVER_SETS, strict=0, accuracy=0),
    pairs("imperfect2", ((_N, ()), (_N, ())), ((_N, ()), (_R, ())), FEVER_SETS, strict=1 / 2, accuracy=1 / 2),
    pairs("imperfect3", ((_R, (1, 2)), (_R, (1, 2))), ((_R, (3,)), (_R, (1, 2, 3))), FEVER_SETS, accuracy=1),
    pairs("equal-labels", ((_N, None),), ((_N, None),), FEVER_LABELS, accuracy=1),
    pairs("different-labels", ((_S, None),), ((_N, None),), FEVER_LABELS, accuracy=0),
    Case(
        "f1-score", SCIKIT,
        (
            ((_S, None), (_R, None), (_N, None), (_S, None), (_R, None), (_N, None)),
            ((_S, None), (_N, None), (_R, None), (_S, None), (_S, None), (_R, None)),
        ),
        {"macro_f1": "0.267", "supported.f1": 0.8, "refuted.f1": 0, "not_enough_info.f1": 0},
        {"macro_f1": 4 / 15, "accuracy": 1 / 3},
    ),
)  # fmt: skip


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
    # 4 of 5 agree; by chance 2/5 * 3/5 + 1/5 * 1/5 + 2/5 * 1/5 = 9/25.
    Case("cohen-kappa-score", SCIKIT, _coders("-+-0+", "-+-0-"), {"kappa": 0.6875}),
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
    "links": _LINKS,
    "stance": _STANCE,
    "cells": _CELLS,
    "verification": _VERIFICATION,
    "agreement": _AGREEMENT,
    "statistics": _STATISTICS,
}


def cases(kind: str) -> tuple[Case, ...]:
    """The cases of a kind."""
    return KINDS[kind]
