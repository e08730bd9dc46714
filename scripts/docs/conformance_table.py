"""Write docs/conformance.md from the cases that the tests run over, or with --check say whether it is current.

    python scripts/docs/conformance_table.py [--check]

Cases and values come from tests/support/conformance.py, attacks from the names of the tests in
tests/integration/test_adversarial.py; an oracle or a fault of another scorer names the test that shows it, and a test
sees to it that these exist. Exit codes: 0 written or current, 1 stale (--check only).
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from retold.io.atomic import write_atomic

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "conformance.md"
ATTACKS: Final = ROOT / "tests" / "integration" / "test_adversarial.py"


@dataclass(frozen=True, slots=True)
class Shown:
    """Something that a test (module::function) shows: an oracle that a measure agrees with, or an absent fault."""

    what: str
    test: str


@dataclass(frozen=True, slots=True)
class Row:
    """A measure of the page.

    Attributes:
        measure: its public name; braces hold alternatives.
        definition: who defined it.
        kind: kind of its cases, empty where there are none.
        values: names of its values in those cases, or what they begin with.
        oracles: what it agrees with beyond published cases.
        faults: known faults of other scorers that it does not have.
        note: where its definition differs from the source's.
    """

    measure: str
    definition: str
    kind: str = ""
    values: tuple[str, ...] = ()
    oracles: tuple[Shown, ...] = ()
    faults: tuple[Shown, ...] = ()
    note: str = ""


_FRACTIONS: Final = (
    Shown(
        "its definition in exact fractions, by brute force, on any partitions",
        "unit/test_clusters.py::test_every_measure_equals_its_definition_in_exact_fractions",
    ),
)
_SECOND_CLUSTER: Final = Shown(
    "A mention repeated in a second cluster raises B3 and LEA (coval 2020: B3 precision .701 on TC-A9, correct 17/42). "
    "Such a file is refused here.",
    "integration/test_adversarial.py::test_a_mention_repeated_in_a_second_cluster_is_refused",
)


def _clusters(family: str, definition: str, *faults: Shown, note: str = "") -> Row:
    name = f"entities.coreference.{family}.{{precision,recall,f1}}"
    return Row(name, definition, "coreference", (family,), _FRACTIONS, faults, note)


def _scikit(measure: str, definition: str, kind: str, values: tuple[str, ...], *faults: Shown, note: str = "") -> Row:
    test = "unit/test_layers_answers.py::test_means_of_f1_and_accuracy_agree_with_scikit_learn"
    return Row(measure, definition, kind, values, (Shown("scikit-learn, fixed set of labels", test),), faults, note)


ROWS: Final = (
    Row(
        "entities.mention.{precision,recall,f1}",
        "micro average of exact span and type: CoNLL-2003 (Tjong Kim Sang and De Meulder 2003)",
        "mentions",
        ("strict",),
        (
            Shown(
                "seqeval, strict, on any spans that do not overlap",
                "unit/test_layers_entities.py::test_strict_micro_f1_agrees_with_seqeval",
            ),
        ),
        (
            Shown(
                "No entity on either side scores 0, or NaN in the macro mean (seqeval 1.2.2).",
                "unit/test_layers_entities.py::test_no_gold_and_no_prediction_is_undefined",
            ),
            Shown(
                "A span given ten times counts ten times.",
                "integration/test_adversarial.py::test_a_mention_repeated_in_its_cluster_counts_once",
            ),
        ),
    ),
    Row(
        "breakdown of entities.mention by type",
        "the same over the mentions of one type; what gold lacks counts under the type that was given",
        "mentions",
        ("by-type",),
    ),
    Row(
        "entities.mention.{exact,partial,type}.f1",
        "SemEval-2013 task 9.1 (Segura-Bedmar et al. 2013)",
        "mentions",
        ("exact", "partial", "type"),
        faults=(
            Shown(
                "The order of predictions decides what matches (nervaluate 1.2.1, issue 84).",
                "unit/test_layers_entities.py::test_the_order_of_predictions_does_not_decide_which_one_matches",
            ),
            Shown(
                "Spans that only touch overlap (nervaluate 1.2.1).",
                "unit/test_layers_entities.py::test_spans_that_only_touch_do_not_overlap",
            ),
        ),
        note="As SemEval-2013 defines them, any overlap earns half in `partial` and all in `type`, so a few spans that "
        "are far too long can raise these two. Nothing is ranked by them.",
    ),
    Row(
        "entities.linking.{precision,recall,f1}",
        "strong link match: TAC KBP (Ji et al. 2010)",
        "links",
        ("link",),
        note="HIPE counts NIL as a label, here a null is no link. Its cases stand under mentions, links as types.",
    ),
    _clusters(
        "muc",
        "Vilain et al. 1995",
        Shown(
            "A mention named twice in its cluster counts twice (TC-A7; without it CEAFm F1 is 4/7, correct 8/13).",
            "unit/test_layers_coreference.py::test_the_values_of_the_reference_scorers_are_met[TC-A7]",
        ),
    ),
    _clusters("b3", "Bagga and Baldwin 1998; Pradhan et al. 2014", _SECOND_CLUSTER),
    _clusters(
        "ceafm",
        "Luo 2005",
        Shown(
            "NIL clusters are compared by their name (6 of 10 on neleval's example, correct 10).",
            "unit/test_layers_coreference.py::test_names_of_nil_clusters_are_arbitrary",
        ),
    ),
    _clusters("ceafe", "Luo 2005"),
    _clusters(
        "blanc",
        "Recasens and Hovy 2011; Luo et al. 2014",
        note="Where gold has no link of one class, the other stands alone, as TC-M and TC-N have it.",
    ),
    _clusters("lea", "Moosavi and Strube 2016", _SECOND_CLUSTER),
    Row(
        "entities.coreference.conll",
        "mean F1 of MUC, B3, CEAFe (Pradhan et al. 2012)",
        "coreference",
        ("conll",),
        faults=(
            Shown(
                "MUC without any link (0/0) is averaged in as 0.",
                "unit/test_clusters.py::test_conll_leaves_muc_out_where_no_cluster_has_a_link",
            ),
        ),
    ),
    Row(
        "breakdown of entities.coreference: within",
        "the same measures with clusters cut at document borders, documents added up; Retold's own",
        oracles=(
            Shown("two documents by hand", "unit/test_layers_coreference.py::test_within_adds_up_the_documents"),
            Shown(
                "pairs of two documents by hand (BLANC)",
                "unit/test_layers_coreference.py::test_within_has_no_links_across_documents",
            ),
        ),
    ),
    Row(
        "breakdown of entities.coreference: cross-lingual",
        "precision, recall and F1 of pairs of mentions in two languages; Retold's own",
        oracles=(
            Shown(
                "pairs counted by hand",
                "unit/test_layers_coreference.py::test_cross_lingual_counts_pairs_of_mentions_in_two_languages",
            ),
        ),
    ),
    _scikit(
        "stance.favg",
        "SemEval-2016 task 6 (Mohammad et al. 2016)",
        "stance",
        ("favg",),
        Shown(
            "A cell that is not predicted is taken as none.",
            "unit/test_layers_answers.py::test_a_missing_answer_is_wrong_and_not_imputed",
        ),
    ),
    _scikit(
        "stance.macro_f1",
        "mean F1 of the three labels",
        "stance",
        ("macro_f1",),
        Shown(
            "A stray label enters the macro mean.",
            "integration/test_adversarial.py::test_a_stray_label_does_not_shrink_a_macro_average",
        ),
        note="A label with neither gold nor prediction is 0/0 and not averaged in; scikit-learn has it as 0.",
    ),
    _scikit("stance.accuracy", "right cells of all gold cells", "stance", ("accuracy",)),
    Row("stance.{favor,against,none}.f1", "F1 of one label", "stance", ("favor", "against", "none")),
    Row(
        "stance.evidence.f1",
        "sentence selection and label: SciFact (Wadden et al. 2020)",
        "cells",
        ("evidence",),
        (
            Shown(
                "sentences counted by hand",
                "unit/test_layers_stance.py::test_evidence_counts_sentences_under_the_right_label_only",
            ),
        ),
        note="Sentences stand for themselves; in SciFact some count only with the rest of their group.",
    ),
    Row(
        "stance.brier",
        "summed over the labels: Brier 1950",
        "cells",
        ("brier",),
        (
            Shown(
                "scikit-learn's brier_score_loss, one label against the rest, added up",
                "unit/test_layers_stance.py::test_brier_agrees_with_scikit_learn",
            ),
        ),
    ),
    Row(
        "stance.ece",
        "ten equal bins: Naeini et al. 2015",
        oracles=(
            Shown(
                "five cells in three bins by hand",
                "unit/test_layers_stance.py::test_ece_is_the_gap_between_confidence_and_accuracy_in_ten_bins",
            ),
        ),
    ),
    Row(
        "claims.span.{precision,recall,f1}",
        "one-to-one matching that maximises summed Jaccard; Retold's own",
        oracles=(
            Shown(
                "every assignment, by brute force",
                "unit/test_layers_claims.py::test_span_measures_equal_a_brute_force_assignment",
            ),
        ),
        faults=(
            Shown(
                "One long span earns from every gold span that it covers.",
                "unit/test_layers_claims.py::test_one_long_prediction_earns_one_match",
            ),
        ),
    ),
    Row(
        "claims.span.exact.f1",
        "micro F1 of equal spans",
        oracles=(
            Shown(
                "spans counted by hand",
                "unit/test_layers_claims.py::test_precision_and_recall_are_summed_jaccard_over_predicted_and_gold",
            ),
        ),
    ),
    Row(
        "claims.attribution.f1",
        "matches of half a span and the same source; Retold's own",
        oracles=(
            Shown(
                "spans counted by hand",
                "unit/test_layers_claims.py::test_attribution_f1_is_over_predicted_and_gold_spans",
            ),
        ),
    ),
    _scikit(
        "claims.verification.macro_f1",
        "mean F1 of the three labels",
        "verification",
        ("macro_f1",),
        Shown(
            "Mean of F1 and F1 of mean precision and recall go by one name (HIPE: .6389 and .6506).",
            "unit/test_layers_verification.py::test_macro_f1_is_not_the_f1_of_mean_precision_and_recall",
        ),
    ),
    _scikit(
        "claims.verification.accuracy",
        "label accuracy: FEVER (Thorne et al. 2018)",
        "verification",
        ("accuracy",),
        Shown(
            "Rows are joined by position (fever-scorer).",
            "integration/test_adversarial.py::test_lines_are_joined_by_document_and_not_by_position",
        ),
    ),
    Row(
        "claims.verification.{supported,refuted,not_enough_info}.f1",
        "F1 of one label",
        "verification",
        ("supported", "refuted", "not_enough_info"),
    ),
    Row(
        "claims.verification.strict",
        "FEVER score (Thorne et al. 2018), with evidence of single sentences",
        "verification",
        ("strict",),
        (
            Shown(
                "labels and sentences by hand",
                "unit/test_layers_verification.py::test_strict_wants_the_label_and_a_gold_sentence",
            ),
        ),
        (
            Shown(
                "Empty evidence has precision 1 (fever-scorer).",
                "integration/test_adversarial.py::test_empty_evidence_earns_nothing",
            ),
        ),
        "One gold sentence of five is enough. FEVER wants all sentences of one group; the two agree where each group "
        "is one sentence.",
    ),
    Row(
        "{entities,stance,claims,overall}",
        "track scores and their mean; Retold's own",
        oracles=(
            Shown(
                "means of their parts",
                "integration/test_items.py::test_every_measure_can_be_computed_from_the_items_alone",
            ),
        ),
    ),
    Row(
        "agreement: kappa",
        "Cohen 1960",
        "agreement",
        ("kappa",),
        (
            Shown(
                "scikit-learn's cohen_kappa_score", "integration/test_agreement.py::test_kappa_is_that_of_scikit_learn"
            ),
        ),
    ),
    Row(
        "agreement: alpha",
        "nominal labels: Krippendorff 2004",
        "agreement",
        ("alpha",),
        (
            Shown(
                "the krippendorff package",
                "integration/test_agreement.py::test_alpha_is_that_of_the_krippendorff_package",
            ),
        ),
    ),
    Row(
        "Wilson interval, Holm, randomization test",
        "Wilson 1927; Holm 1979; Noreen 1989, Yeh 2000",
        "statistics",
        ("low", "high", "0", "1", "2", "3", "p"),
        (
            Shown("statsmodels' proportion_confint", "unit/test_intervals.py::test_wilson_agrees_with_statsmodels"),
            Shown("statsmodels' multipletests", "unit/test_randomization.py::test_holm_agrees_with_statsmodels"),
            Shown("scipy's permutation_test", "unit/test_randomization.py::test_the_exact_test_agrees_with_scipy"),
        ),
        (
            Shown(
                "A system against its own copy gets p = .001 (sacrebleu 2.6.0).",
                "unit/test_randomization.py::test_a_system_against_its_own_copy_gives_one",
            ),
            Shown(
                "Seed 0 is dropped, and every run differs (sacrebleu 2.6.0).",
                "unit/test_bootstrap.py::test_seed_zero_is_a_seed_like_any_other",
            ),
            Shown(
                "The bootstrap gives 0 of 10 an interval of no width.",
                "integration/test_scoring.py::test_a_perfect_system_has_an_interval_that_says_how_little_it_was_asked",
            ),
        ),
    ),
)

#: Published cases that are left out: what, and why.
NOT_COUNTED: Final = (
    (
        "TC-A8, TC-A9",
        "a mention is in two clusters. The reference scorer keeps the first; here the file is refused (RT406).",
    ),
    (
        "Pradhan et al. 2014",
        "key and response are a case, with values worked out by hand; the values that the paper prints were not at "
        "hand and are not counted.",
    ),
    (
        "FEVER, `test_max_evidence.py`; `supports_evidence_subset`, `matches_part_group` and `matches_superset`; the "
        "strict score of `imperfect3` and of the README's two examples",
        "evidence comes in groups of several sentences, which this format does not have.",
    ),
    (
        "FEVER, precision, recall and F1 of evidence",
        "not implemented; `strict` alone looks at the evidence of claims.",
    ),
    (
        "FEVER, `supports_no_predicted_evidence`, the sets without gold or of unequal length, labels in another case",
        "the scorer raises an error, or takes labels in either case. Here evidence left out is none, pairs that gold "
        "lacks do not count, missing ones are wrong, and a label in another case is refused.",
    ),
    (
        "SciFact, abstract level, and sentence selection without label (`expected_metrics_small.json`)",
        "micro averages over supported and refuted alone, which are no measures here. Its sentence selection with "
        "label is a case of `stance.evidence.f1`.",
    ),
    ("SciFact, `doc/evaluation.md`", "sentence F1 2/9 rests on a group of which one sentence is given."),
    (
        "HIPE, type counts of nel-2 with NILs joined (2 correct, 1 incorrect)",
        "the joined NIL is paired with the first span that it overlaps; here with the one of its type (3 correct).",
    ),
    (
        "HIPE, ner-lit-coarse-4",
        "the counts in its reference file contradict each other (strict: 1 of 1 incorrect and 1 missed).",
    ),
    ("nervaluate, minimum overlap percentage", "not implemented: any overlap counts, as in SemEval-2013."),
    ("nervaluate, spans that begin and end at one place", "ends are inclusive there; here such a span is empty."),
    (
        "neleval, `entity_match`, `strong_mention_match`, `strong_linked_mention_match`, `strong_nil_match`",
        "no measures here; that NIL mentions left without a link count neither way is part of tac-nil-renamed.",
    ),
    ("seqeval, macro and weighted averages over types", "no measures here; each type has its own values."),
    (
        "fast-krippendorff, interval, ordinal and ratio alpha (.810845, .815, .797)",
        "not implemented: all labels are nominal.",
    ),
    ("statsmodels, Benjamini-Hochberg; HELM, mean win rate", "not implemented."),
)


def _cases() -> Any:
    """The module of cases, which stands among the tests."""
    if "conformance" not in sys.modules:
        spec = importlib.util.spec_from_file_location("conformance", ROOT / "tests" / "support" / "conformance.py")
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


def rows_of(kind: str, value: str) -> list[Row]:
    """The rows that hold a value of a kind of case."""
    return [
        row
        for row in ROWS
        if row.kind == kind and any(value == key or value.startswith(f"{key}.") for key in row.values)
    ]


def amounts_and_cases(row: Row) -> tuple[Amounts, int, list[str]]:
    """Amounts of values, number of cases with published values of the row, names of those with derived ones alone."""
    amounts = Amounts()
    published, others = 0, []

    def of(names: Sequence[str]) -> list[str]:
        return [name for name in names if row in rows_of(row.kind, name)]

    for case in _cases().cases(row.kind) if row.kind else ():
        stated, worked_out = of(list(case.published)), of(list(case.derived))
        rounded = sum(isinstance(case.published[name], str) for name in stated)
        amounts.exact += len(stated) - rounded
        amounts.rounded += rounded
        amounts.derived += len([name for name in worked_out if name not in stated])
        amounts.undefined += len(of(case.undefined))
        published += bool(stated)
        if worked_out and not stated:
            others.append(case.name)
    return amounts, published, others


def _number(value: float | str) -> str:
    """A value as its source prints it, or as a fraction where it is one."""
    if isinstance(value, str):
        return value
    fraction = Fraction(value).limit_denominator(100_000)
    if abs(fraction - Fraction(value)) > 1e-14:
        return repr(value)
    few_digits = fraction.denominator > 8 and 10_000 % fraction.denominator == 0
    return f"{float(fraction):g}" if few_digits else str(fraction)


def _values() -> Iterator[str]:
    """The values of every case, a table for each source."""
    by_source: dict[str, list[str]] = {}
    for kind in _cases().KINDS:
        for case in _cases().cases(kind):
            lines = by_source.setdefault(case.source, [])
            groups: dict[str, tuple[list[str], list[str]]] = {}
            stated = {name: _number(value) for name, value in case.published.items()}
            worked_out = {name: _number(value) for name, value in case.derived.items()}
            for place, found in enumerate((stated, worked_out | dict.fromkeys(case.undefined, "0/0"))):
                for name, number in found.items():
                    group, _, part = name.rpartition(".")
                    groups.setdefault(group, ([], []))[place].append(f"{part} {number}")
            for group, (published, derived) in groups.items():
                parts = {part.split()[0] for part in (*published, *derived)}
                if not group and len(parts) == 1:
                    (group,) = parts
                    published, derived = ([part.split()[1] for part in found] for found in (published, derived))
                cells = case.name, group, ", ".join(published), ", ".join(derived)
                lines.append(f"| {' | '.join(cell or '–' for cell in cells)} |\n")
    for source, lines in by_source.items():
        yield f"\n### {source}\n\n| case | measure | published | derived |\n|---|---|---|---|\n"
        yield from lines


def attacks() -> Iterator[tuple[str, str, str]]:
    """The adversarial tests: heading of their part of the file, what they try or show, name."""
    text = ATTACKS.read_text(encoding="utf-8")
    headings = [(n, line.strip("# -")) for n, line in enumerate(text.splitlines(), 1) if line.startswith("# --- ")]
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            heading = next(words for n, words in reversed(headings) if n < node.lineno)
            said = node.name.removeprefix("test_").replace("_", " ").capitalize() + "."
            yield heading, (ast.get_docstring(node) or said).splitlines()[0], node.name


def page() -> str:
    """The page as Markdown."""
    rows, total = [], Amounts()
    oracles, faults, notes = [], [], []
    for row in ROWS:
        measure = row.measure if " " in row.measure else f"`{row.measure}`"
        amounts, cases, others = amounts_and_cases(row)
        for name in Amounts.__slots__:
            setattr(total, name, getattr(total, name) + getattr(amounts, name))
        count = amounts.exact + amounts.rounded
        stated = (f"{count}" + (f" ({amounts.rounded} rounded)" if amounts.rounded else "")) if count else "none found"
        derived = f"{amounts.derived}" + (f" ({', '.join(others)} wholly)" if 0 < len(others) < 6 else "")
        rows.append(f"| {measure} | {row.definition} | {stated} | {cases} | {derived} |\n")
        oracles += [f"| {measure} | {oracle.what} | `tests/{oracle.test}` |\n" for oracle in row.oracles]
        faults += [f"| {measure} | {fault.what} | `tests/{fault.test}` |\n" for fault in row.faults]
        if row.note:
            notes.append(f"- {measure}: {row.note}\n")
    tried = [f"| {heading} | {said} | `{name}` |\n" for heading, said, name in attacks()]
    return (
        "# Conformance\n\n"
        "<!-- Made by scripts/docs/conformance_table.py from tests/support/conformance.py; do not edit. -->\n\n"
        "The tests run every case that is counted here and reproduce every value: those that a source states in full\n"
        f"or as a fraction, within {_cases().TOLERANCE:g}; those that it prints rounded or cut off, in as many "
        f"digits.\n\n{total.exact + total.rounded} values are published or given by another library "
        f"({total.rounded} of them printed rounded), {total.derived} derived: worked\nout by hand from the definition "
        f"for a published input, as fractions. {total.undefined} more are 0/0 (precision or recall\n"
        "of MUC without any link, recall of a type that gold lacks), which scorers print as 0; here they are\n"
        "undefined and shown as null. [The values](#the-values) are listed below, each with its source;\n"
        "[measures.md](measures.md) says what each measure counts.\n\n"
        "| measure | definition | published values | cases | derived values |\n|---|---|---|---|---|\n"
        + "".join(rows)
        + "\n## Other implementations that measures agree with\n\n| measure | oracle | test |\n|---|---|---|\n"
        + "".join(oracles)
        + "\n## Faults of other scorers that Retold does not have\n\n"
        "Each row names the test that would fail with the fault.\n\n"
        "| measure | fault | test |\n|---|---|---|\n" + "".join(faults) + "\n## Attacks that gain nothing\n\n"
        f"Each of the {len(tried)} tests in `tests/integration/test_adversarial.py` manipulates a good file of "
        "predictions; the result is refused\nor gains nothing. "
        "One thing cannot be refused: F1 counts a wrong answer twice, as missed and as spurious, so leaving out\n"
        "answers that would be wrong raises it (but not accuracy or recall). "
        "Every result shows the coverage.\n\n"
        "| kind | what is shown | test |\n|---|---|---|\n"
        + "".join(tried)
        + "\n## Where a definition differs from its source\n\n"
        + "".join(notes)
        + "\n## Published cases that are not counted\n\n"
        + "".join(f"- {what}: {why}\n" for what, why in NOT_COUNTED)
        + "\n## The values\n\nThe inputs are in `tests/support/conformance.py`.\n"
        + "".join(_values())
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the conformance page.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit with 1 where the page is stale")
    check = parser.parse_args().check
    if check:
        current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page()
        if not current:
            print(f"{PAGE.name} is not what the cases give; run scripts/docs/conformance_table.py", file=sys.stderr)
        return 0 if current else 1
    write_atomic(PAGE, page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
