"""Write docs/conformance.md from the cases that the tests run over, or with --check say whether it is current.

    python scripts/conformance_table.py [--check]

Cases and values come from tests/conformance.py; a fault of another scorer names the test that shows its absence, and a
test sees to it that both exist. Exit codes: 0 written or current, 1 stale (--check only).
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from retold.files import write_atomic

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "conformance.md"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that another scorer gets wrong: what, and the test (module::function) that Retold passes."""

    what: str
    test: str


@dataclass(frozen=True, slots=True)
class Row:
    """A measure of the page.

    Attributes:
        measure: its public name.
        definition: who defined it.
        kind: kind of its cases, empty where there are none.
        values: names of its values in those cases, or what they begin with.
        faults: known faults of other scorers that it does not have.
        note: where its definition parts from the source's.
    """

    measure: str
    definition: str
    kind: str = ""
    values: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    note: str = ""


_REPEATED: Final = Fault(
    "A mention repeated in a second cluster raises B3 and LEA (coval 2020: B3 precision .701 on TC-A9, correct 17/42).",
    "test_task_coreference.py::test_a_mention_named_twice_counts_once",
)
ROWS: Final = (
    Row(
        "entities.mention",
        "micro F1 of exact span and type: CoNLL-2003 (Tjong Kim Sang and De Meulder 2003)",
        "mentions",
        ("strict",),
        (
            Fault(
                "No entity on either side scores 0, or NaN in the macro mean (seqeval 1.2.2).",
                "test_task_entities.py::test_no_gold_and_no_prediction_is_undefined",
            ),
            Fault(
                "A span given ten times counts ten times.",
                "test_task_entities.py::test_a_span_given_twice_counts_once",
            ),
        ),
    ),
    Row(
        "entities.mention.{exact,partial,type}",
        "SemEval-2013 task 9.1 (Segura-Bedmar et al. 2013)",
        "mentions",
        ("exact", "partial", "type"),
        (
            Fault(
                "The order of predictions decides what matches (nervaluate 1.2.1, issue 84).",
                "test_task_entities.py::test_the_order_of_predictions_does_not_decide_which_one_matches",
            ),
            Fault(
                "Spans that only touch overlap (nervaluate 1.2.1).",
                "test_task_entities.py::test_spans_that_only_touch_do_not_overlap",
            ),
        ),
        "As SemEval-2013 defines them, any overlap earns half in `partial` and all in `type`, so a few spans that are "
        "far too long can raise these two. Nothing is ranked by them.",
    ),
    Row(
        "entities.linking",
        "strong link match: TAC KBP (Ji et al. 2010)",
        faults=(
            Fault(
                "NIL clusters are compared by their name (6 of 10 on neleval's example, correct 10).",
                "test_task_coreference.py::test_names_of_nil_clusters_are_arbitrary",
            ),
        ),
        note="HIPE counts NIL as a label, here a null is no link. Its case nel-1 stands under mentions, links as types",
    ),
    Row("entities.coreference.muc", "Vilain et al. 1995", "coreference", ("muc",)),
    Row("entities.coreference.b3", "Bagga and Baldwin 1998; Pradhan et al. 2014", "coreference", ("b3",), (_REPEATED,)),
    Row("entities.coreference.ceafm", "Luo 2005", "coreference", ("ceafm",)),
    Row("entities.coreference.ceafe", "Luo 2005", "coreference", ("ceafe",)),
    Row(
        "entities.coreference.blanc",
        "Recasens and Hovy 2011; Luo et al. 2014",
        "coreference",
        ("blanc",),
        note="Where gold has no link of one class, the other stands alone, as TC-M and TC-N have it.",
    ),
    Row("entities.coreference.lea", "Moosavi and Strube 2016", "coreference", ("lea",), (_REPEATED,)),
    Row(
        "entities.coreference.conll",
        "mean F1 of MUC, B3, CEAFe (Pradhan et al. 2012)",
        faults=(
            Fault(
                "MUC without any link (0/0) is averaged in as 0.",
                "test_clusters.py::test_conll_leaves_muc_out_where_no_cluster_has_a_link",
            ),
        ),
    ),
    Row(
        "stance.favg",
        "SemEval-2016 task 6 (Mohammad et al. 2016)",
        "stance",
        ("favg", "favor", "against"),
        (
            Fault(
                "A cell that is not predicted is taken as none.",
                "test_task_stance.py::test_a_missing_cell_is_wrong_and_not_imputed",
            ),
            Fault(
                "A stray label enters the macro mean.",
                "test_adversarial.py::test_a_stray_label_does_not_shrink_a_macro_average",
            ),
        ),
    ),
    Row(
        "claims.span, claims.attribution",
        "one-to-one matching that maximises summed Jaccard; Retold's own",
        faults=(
            Fault(
                "One long span earns from every gold span that it covers.",
                "test_task_claims.py::test_one_long_prediction_earns_one_match",
            ),
        ),
    ),
    Row(
        "claims.verification",
        "macro F1; strict: FEVER (Thorne et al. 2018)",
        faults=(
            Fault(
                "Mean of F1 and F1 of mean precision and recall go by one name (HIPE: .6389 and .6506).",
                "test_task_verification.py::test_macro_f1_is_not_the_f1_of_mean_precision_and_recall",
            ),
            Fault(
                "Empty evidence has precision 1 (fever-scorer).",
                "test_adversarial.py::test_empty_evidence_earns_nothing",
            ),
            Fault(
                "Rows are joined by position (fever-scorer).",
                "test_adversarial.py::test_lines_are_joined_by_document_and_not_by_place",
            ),
        ),
        note="Evidence here is single sentences. FEVER and SciFact have groups that want all of theirs, so their "
        "worked examples (strict score .5; sentence F1 2/9) cannot be put in this format.",
    ),
    Row("agreement: alpha", "Krippendorff 2004", "agreement", ("alpha",)),
    Row(
        "Wilson interval, Holm, randomisation test",
        "Wilson 1927; Holm 1979; Noreen 1989, Yeh 2000",
        "statistics",
        ("low", "high", "0", "1", "2", "3", "p"),
        (
            Fault(
                "A system against its own copy gets p = .001, and seed 0 is dropped (sacrebleu 2.6.0).",
                "test_resampling.py::test_a_system_against_its_own_copy_gives_one",
            ),
            Fault(
                "The bootstrap gives 0 of 10 an interval of no width.",
                "test_scoring.py::test_a_perfect_system_has_an_interval_that_says_how_little_it_was_asked",
            ),
        ),
    ),
)


def _cases() -> Any:
    """The module of cases, which stands among the tests."""
    if "conformance" not in sys.modules:
        spec = importlib.util.spec_from_file_location("conformance", ROOT / "tests" / "conformance.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["conformance"] = module
        spec.loader.exec_module(module)
    return sys.modules["conformance"]


@dataclass(slots=True)
class Amounts:
    """How many values the cases of a row hold."""

    exact: int = 0
    rounded: int = 0
    derived: int = 0
    undefined: int = 0


def _of(row: Row, names: Sequence[str]) -> list[str]:
    return [name for name in names if any(name == key or name.startswith(f"{key}.") for key in row.values)]


def amounts_and_names(row: Row) -> tuple[Amounts, list[str], list[str]]:
    """Amounts of values, names of the cases with published values of the row, names of the other cases."""
    amounts = Amounts()
    published, others = [], []
    for case in _cases().cases(row.kind) if row.kind else ():
        stated, worked_out = _of(row, list(case.published)), _of(row, list(case.derived))
        rounded = sum(isinstance(case.published[name], str) for name in stated)
        amounts.exact += len(stated) - rounded
        amounts.rounded += rounded
        amounts.derived += len([name for name in worked_out if name not in stated])
        amounts.undefined += len(_of(row, case.undefined))
        if stated:
            published.append(case.name)
        elif worked_out:
            others.append(case.name)
    return amounts, published, others


def page() -> str:
    """The page as Markdown."""
    rows, total = [], Amounts()
    faults, notes = [], []
    for row in ROWS:
        amounts, published, others = amounts_and_names(row)
        for name in Amounts.__slots__:
            setattr(total, name, getattr(total, name) + getattr(amounts, name))
        stated = f"{amounts.exact + amounts.rounded}" + (f" ({amounts.rounded} rounded)" if amounts.rounded else "")
        derived = f"{amounts.derived}" + (f" ({', '.join(others)} wholly)" if others else "")
        rows.append(
            f"| `{row.measure}` | {row.definition} | {stated if row.kind else '–'} | {', '.join(published) or '–'} "
            f"| {derived if row.kind else '–'} |"
        )
        faults += [f"| `{row.measure}` | {fault.what} | `tests/{fault.test}` |" for fault in row.faults]
        if row.note:
            notes.append(f"- `{row.measure}`: {row.note}\n")
    sources = dict.fromkeys(case.source for kind in _cases().KINDS for case in _cases().cases(kind))
    return (
        "# Conformance\n\n"
        "<!-- Made by scripts/conformance_table.py from tests/conformance.py; do not edit. -->\n\n"
        "The tests run every case that is counted here, and every value is met: those that a source states in full,\n"
        f"or as a fraction, within {_cases().TOLERANCE:g}; those that it prints rounded, after rounding to as many "
        f"digits.\n\n{total.exact + total.rounded} values are published or given by another library "
        f"({total.rounded} of them printed rounded), {total.derived} derived: worked\nout by hand from the definition "
        f"for a published input, as fractions. {total.undefined} more are 0/0 (precision or recall\n"
        "of MUC without any link), which scorers print as 0; here they are undefined and shown as null.\n\n"
        "| measure | definition | published values | cases | derived values |\n|---|---|---|---|---|\n"
        + "".join(f"{row}\n" for row in rows)
        + "\n## Sources of the cases\n\n"
        + "".join(f"- {source}\n" for source in sources)
        + "\n## Faults of other scorers that are absent\n\nEach row names the test that would fail with the fault.\n\n"
        "| measure | fault | test |\n|---|---|---|\n"
        + "".join(f"{fault}\n" for fault in faults)
        + "\n## Where a definition parts from its source\n\n"
        + "".join(notes)
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the conformance page.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit with 1 where the page is stale")
    check = parser.parse_args().check
    if check:
        current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page()
        if not current:
            print(f"{PAGE.name} is not what the cases give; run scripts/conformance_table.py", file=sys.stderr)
        return 0 if current else 1
    write_atomic(PAGE, page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
