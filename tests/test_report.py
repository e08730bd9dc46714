"""Reports of scores and rankings made by hand: every format shows what it was given, and nothing that is given runs."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from retold.ranking import Comparison, Ranked, Ranking
from retold.report import leaderboard, scores
from retold.report.leaderboard import render_ranking
from retold.report.scores import render_score
from retold.report.tables import ABSENT, number, one_line, table
from retold.scoring import HEADLINES, Score, Value

# --- Tables -----------------------------------------------------------------------------------------------------------


def read_csv(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        # OWASP, "CSV Injection": cells that begin with = + - @ tab or return are formulas to a spreadsheet.
        ("=1+1", "'=1+1"),
        ('=HYPERLINK("http://x","y")', '\'=HYPERLINK("http://x","y")'),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        # A return alone would begin a row; it comes as a line end inside its cell.
        ("\r=1", "'\n=1"),
        ("a\r=1+1", "a\n=1+1"),
        # Numbers stay numbers, and text stays text.
        ("-0.25", "-0.25"),
        ("+1", "+1"),
        ("-1e-07", "-1e-07"),
        ("1=1", "1=1"),
        ("a-b", "a-b"),
        ("", ""),
        (ABSENT, ""),
    ],
)
def test_no_cell_of_a_csv_file_is_a_formula(cell: str, shown: str) -> None:
    assert read_csv(table(["h"], [[cell, "end"]], "csv"))[1] == [shown, "end"]


def test_a_header_is_no_formula_either() -> None:
    assert read_csv(table(["=h"], [], "csv")) == [["'=h"]]


def test_csv_keeps_commas_quotes_and_line_ends_inside_their_cell() -> None:
    cells = ["a,b", 'say "x"', "two\nlines", "Zażółć"]
    assert read_csv(table(["h"] * 4, [cells], "csv"))[1] == cells


def test_a_pipe_does_not_end_a_markdown_cell() -> None:
    # GitHub Flavored Markdown, 4.10: a pipe inside a cell is escaped; a backslash before it must not undo that.
    line = table(["h", "i"], [["a|b", "c\\|d"]], "markdown").splitlines()[2]
    # A backslash takes the next character with it, a pipe that is left ends a cell, \x00 stands for those.
    assert [cell.strip() for cell in re.sub(r"(\\.)|\|", lambda m: m[1] or "\0", line).split("\0")] == [
        "",
        "a\\|b",
        "c\\\\\\|d",
        "",
    ]


@pytest.mark.parametrize("style", ["markdown", "text", "latex"])
def test_a_cell_stays_on_its_line(style: Any) -> None:
    plain = table(["h"], [["one two"]], style)
    assert table(["h"], [["one\ntwo"]], style) == plain
    assert table(["h"], [["one\r\n\ttwo"]], style) == plain


def test_latex_characters_are_escaped() -> None:
    # The ten characters that LaTeX acts on, each with what typesets it.
    escaped = {
        "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
        "~": r"\textasciitilde{}", "^": r"\^{}", "\\": r"\textbackslash{}",
    }  # fmt: skip
    for character, written in escaped.items():
        assert f"x{written}y" in table(["h"], [[f"x{character}y"]], "latex"), character


def test_numbers_are_not_reformatted_and_names_that_look_like_numbers_stay() -> None:
    for style in ("text", "markdown", "latex", "csv"):
        text = table(["name", "value"], [["007", "0.500"], ["1e3", "12.300"]], style)  # type: ignore[arg-type]
        for cell in ("007", "0.500", "1e3", "12.300"):
            assert cell in text, style


def test_what_a_terminal_would_act_on_is_left_out() -> None:
    assert one_line("a\x1b[2Jb\x07\u202ec\n d\u2028e") == "a [2Jb c d e"
    assert one_line("Sistem  ketiga · 第三 – №3") == "Sistem ketiga · 第三 – №3"


def test_an_undefined_number_is_a_dash() -> None:
    assert (number(None), number(0.12345), number(-0.5, 1)) == (ABSENT, "0.123", "-0.5")


# --- A score made by hand ---------------------------------------------------------------------------------------------

EVIL = "=A1|x_&\n\\input{y}"


def value(
    point: float | None, spread: float | None = 0.1, counts: dict[str, int | float] | None = None, **more: Any
) -> Value:
    if point is None or spread is None:
        return Value(point, None, None, counts or {}, **more)
    return Value(point, point - spread, point + spread, counts or {}, **more)


def made_score(system: str = "mine", overall: float | None = 0.5, protocol: str = "zero-shot") -> Score:
    """A system; without an overall score it competes in stance alone."""
    complete = overall is not None
    return Score(
        signature="corpus:tiny|seed:0",
        system=system,
        submission={"sha256": "cd", "protocol": protocol, "corpus_version": "1.0.0"},
        corpus={"name": "tiny", "version": "1.0.0", "sha256": "ab"},
        coverage={
            "documents": {"gold": 5, "predicted": 4, "missing": 1},
            "layers": {"stance": 4},
            "stance": {"gold": 11, "predicted": 10, "missing": 1, "extra": 3},
            "verification": {"gold": 7, "predicted": 0, "missing": 7, "extra": 0},
        },
        measures={
            "overall": value(overall, leave_one_out=(0.25, 0.75) if complete else None),
            "entities": value(0.4 if complete else None),
            "stance": value(0.625),
            "claims": value(0.475 if complete else None),
            "entities.mention.f1": value(0.875 if complete else None, counts={"correct": 7, "predicted": 8, "gold": 8}),
            "stance.favg": value(0.625, counts={"favor:favor": 3}),
            "stance.brier": value(None),
            "claims.span.f1": value(0.125 if complete else None, None, {"overlap": 1.5, "predicted": 9, "gold": 15}),
        },
        breakdowns={
            "language": {
                "en": {"stance.favg": {"value": 0.75, "counts": {}}, "stance.accuracy": {"value": None, "counts": {}}},
                "id": {"stance.favg": {"value": None, "counts": {}}, "stance.accuracy": {"value": None, "counts": {}}},
            }
        },
        replicates={"overall": np.array([0.4, 0.6])},
    )


def strictly(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_the_json_of_a_score_is_its_numbers_in_full() -> None:
    found = strictly(render_score(made_score(overall=1 / 3), "json"))
    assert found["measures"]["overall"] == {
        "value": 1 / 3, "low": 1 / 3 - 0.1, "high": 1 / 3 + 0.1, "counts": {}, "leave_one_out": [0.25, 0.75],
    }  # fmt: skip
    assert found["measures"]["stance.brier"] == {"value": None, "low": None, "high": None, "counts": {}}
    assert found["breakdowns"]["language"]["id"]["stance.favg"]["value"] is None
    assert "replicates" not in found


def test_the_csv_of_a_score_has_every_measure_and_empty_cells_for_what_is_undefined() -> None:
    made = made_score(overall=1 / 3)
    header, *rows = read_csv(render_score(made, "csv"))
    assert header == ["system", "measure", "value", "low", "high", "counts"]
    by_name = {row[1]: row for row in rows}
    assert list(by_name) == [*made.measures, "signature"]
    assert float(by_name["overall"][2]) == 1 / 3
    assert by_name["stance.brier"][2:5] == ["", "", ""]
    assert json.loads(by_name["claims.span.f1"][5]) == {"overlap": 1.5, "predicted": 9, "gold": 15}
    assert by_name["signature"][2] == "corpus:tiny|seed:0"


@pytest.mark.parametrize("style", ["text", "markdown", "latex"])
def test_a_score_shows_headlines_measures_breakdowns_and_coverage(style: str) -> None:
    text = render_score(made_score(), style)
    for shown in ("0.500", "[0.400, 0.600]", "0.250 to 0.750", "0.875", "correct 7, predicted 8, gold 8", "0.750"):
        assert shown in text, shown
    assert "signature: corpus:tiny|seed:0" in text
    assert "5 documents: intervals and tests" in text  # what so few documents can and cannot show
    assert ABSENT in text
    assert "stance.brier" not in text  # undefined: in JSON and CSV, not on paper
    assert "accuracy" not in text  # a column without any value
    assert "nan" not in text.lower()
    assert "None" not in text


def test_many_documents_need_no_caveat() -> None:
    made = made_score()
    made.coverage["documents"]["gold"] = 30
    assert "documents: intervals and tests" not in render_score(made, "text")


@pytest.mark.parametrize("style", scores.FORMATS)
def test_the_name_of_a_system_cannot_break_out_of_its_place(style: str) -> None:
    text = render_score(made_score(EVIL), style)
    if style == "csv":
        assert {row[0] for row in read_csv(text)[1:]} == {f"'{EVIL}"}
    elif style == "json":
        assert strictly(text)["system"] == EVIL
    else:
        # No line begins with what stood behind the line end: in LaTeX it would leave the comment.
        assert not any(line.lstrip().startswith("\\input") for line in text.splitlines())


@pytest.mark.parametrize("style", scores.FORMATS)
def test_a_report_ends_with_one_line_end(style: str) -> None:
    text = render_score(made_score(), style)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


# --- A ranking made by hand -------------------------------------------------------------------------------------------


def made_ranking(*systems: Ranked, documents: int = 5, comparisons: list[Comparison] | None = None) -> Ranking:
    return Ranking(
        signature="corpus:tiny|seed:0",
        corpus={"name": "tiny", "version": "1.0.0", "sha256": "ab"},
        measure="overall",
        documents=documents,
        systems=list(systems),
        comparisons=comparisons if comparisons is not None else [],
    )


FIRST = Ranked(made_score("first", 0.75), 1, 1, 1, 1)
SECOND = Ranked(made_score("second", 0.25, "saw-gold"), 2, 2, 2, 2)
UNRANKED = Ranked(made_score("partial", None, ""), None, None, None, None)
PAIRS = [
    Comparison("first", "second", "overall", 0.5, 0.25, 0.75, 0.001, 0.002),
    Comparison("second", "first", "stance", -0.125, None, None, 0.25, 0.5),
]
BOARD = made_ranking(FIRST, SECOND, UNRANKED, comparisons=PAIRS)


def test_the_json_of_a_ranking_has_everything() -> None:
    found = strictly(render_ranking(BOARD, "json"))
    assert [(s["system"], s["rank"], s["tier"]) for s in found["systems"]] == [
        ("first", 1, 1),
        ("second", 2, 2),
        ("partial", None, None),
    ]
    assert found["systems"][2]["measures"]["overall"]["value"] is None
    assert found["comparisons"][1] == {
        "a": "second", "b": "first", "measure": "stance", "difference": -0.125, "low": None, "high": None,
        "p": 0.25, "p_holm": 0.5,
    }  # fmt: skip


def test_the_csv_of_a_ranking_is_a_row_for_each_system() -> None:
    header, *rows = read_csv(render_ranking(BOARD, "csv"))
    assert header[:6] == ["rank", "rank_low", "rank_high", "tier", "system", "protocol"]
    assert header[-1] == "signature"
    found = [dict(zip(header, row, strict=True)) for row in rows]
    assert [(row["rank"], row["system"], row["overall"]) for row in found] == [
        ("1", "first", "0.75"),
        ("2", "second", "0.25"),
        ("", "partial", ""),
    ]
    assert {row["stance"] for row in found} == {"0.625"}
    assert {row["signature"] for row in found} == {"corpus:tiny|seed:0"}


@pytest.mark.parametrize("style", ["table", "markdown", "latex"])
def test_a_leaderboard_shows_ranks_values_and_what_they_are_worth(style: str) -> None:
    text = render_ranking(BOARD, style)
    first, second, partial = (next(n for n, c in enumerate(text.splitlines()) if name in c) for name in
                              ("first", "second", "partial"))  # fmt: skip
    assert first < second < partial
    row = text.splitlines()[partial]
    assert row.count(ABSENT) == 7  # rank, range, tier, protocol, and three of four values
    assert "0.625 [0.525, 0.725]" in row
    assert "0.750 [0.650, 0.850]" in text.splitlines()[first]
    assert "1 of 1 pairs of systems are separable by overall" in text
    assert "A system without a rank does not compete" in text
    assert "saw-gold: the system saw the labels" in text
    assert "5 documents: intervals and tests" in text
    assert "signature: corpus:tiny|seed:0" in text
    assert "nan" not in text.lower()
    assert "None" not in text


def test_notes_stand_only_where_they_apply() -> None:
    text = render_ranking(made_ranking(FIRST, documents=30), "table")
    for note in ("without a rank", "saw-gold", "documents: intervals and tests", "separable"):
        assert note not in text


def test_markdown_lists_the_differences_of_the_measure_that_ranks() -> None:
    differences = render_ranking(BOARD, "markdown").partition("## Differences")[2]
    (row,) = [line for line in differences.splitlines() if "first" in line]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["first", "second", "overall", "0.500", "[0.250, 0.750]", "0.0010", "0.0020"]


@pytest.mark.parametrize("style", leaderboard.FORMATS)
def test_a_leaderboard_keeps_every_name_in_its_cell(style: str) -> None:
    text = render_ranking(made_ranking(Ranked(made_score(EVIL), 1, 1, 1, 1)), style)
    assert text.endswith("\n")
    if style == "csv":
        assert read_csv(text)[1][4] == f"'{EVIL}"
    elif style == "json":
        assert strictly(text)["systems"][0]["system"] == EVIL
    else:
        assert not any(line.lstrip().startswith("\\input") for line in text.splitlines())
    if style == "markdown":
        assert "=A1\\|x_& \\\\input{y}" in text
    if style == "latex":
        assert "=A1|x\\_\\& \\textbackslash{}input\\{y\\}" in text


def test_every_format_has_a_page() -> None:
    assert set(leaderboard.SUFFIXES) == set(leaderboard.FORMATS)
    assert len(set(leaderboard.SUFFIXES.values())) == len(leaderboard.SUFFIXES)


def test_numbers_that_are_not_numbers_never_reach_json() -> None:
    with pytest.raises(ValueError, match="JSON"):
        render_score(made_score(overall=float("nan")), "json")


def test_the_headlines_are_shown_in_their_order() -> None:
    text = render_score(made_score(), "text")
    assert sorted(HEADLINES, key=text.index) == list(HEADLINES)


# --- Whole pages, written out -----------------------------------------------------------------------------------------

# Two systems on two documents, ranked by stance; every number below can be followed without running anything.
#   =a|b_c  a name that spreadsheets, Markdown and LaTeX would act on. entities 1/3, stance 1/2, claims 2/3, so overall
#           (1/3 + 1/2 + 2/3) / 3 = 1/2; names: 1 right of 2 predicted and 3 gold, F1 2 * 1 / (2 + 3) = 0.4.
#   part    gives stance alone, 3/4, and saw gold: no other track and no mean.
# a - b = 1/2 - 3/4 = -1/4. They differ in 3 units: of 2**3 exchanges 4 are as far apart, p = 4 / 8, and Holm over one
# pair leaves it. Not below 5%: no system is apart, both may be first or second (1-2), and they share tier 1.
# The standard error of the difference is 1/8: found with a chance of 80% is 2.8 / 8 = 0.35.
SIGNED = "corpus:tiny|unit:paragraph|seed:0"


def written_score(system: str, protocol: str, tracks: Sequence[float | None], overall: float | None) -> Score:
    """A score of the headlines (the tracks in their order) and one measure."""
    entities, stance, claims = tracks
    complete = overall is not None
    return Score(
        signature=SIGNED,
        system=system,
        submission={"sha256": "cd", "protocol": protocol, "corpus_version": "1.0.0"},
        corpus={"name": "tiny", "version": "1.0.0", "sha256": "ab"},
        coverage={
            "documents": {"gold": 2, "predicted": 2, "missing": 0},
            "stance": {"gold": 8, "predicted": 6, "missing": 2, "extra": 1},
            "verification": {"gold": 6, "predicted": 6, "missing": 0, "extra": 0},
        },
        measures={
            "overall": value(overall, 0.25, leave_one_out=(0.375, 0.625) if complete else None),
            "entities": value(entities, None),
            "stance": value(stance, 0.25),
            "claims": value(claims, None),
            "entities.mention.f1": value(
                0.4 if complete else None, None, {"correct": 1, "predicted": 2, "gold": 3} if complete else {}
            ),
        },
        breakdowns={
            "language": {
                "en": {"stance.favg": {"value": 0.75, "counts": {}}},
                "id": {"stance.favg": {"value": None, "counts": {}}},
            }
        },
        replicates={},
    )


WRITTEN = written_score("=a|b_c", "zero-shot", (1 / 3, 1 / 2, 2 / 3), 0.5)
WRITTEN_BOARD = Ranking(
    signature=SIGNED,
    corpus={"name": "tiny", "version": "1.0.0", "sha256": "ab"},
    measure="stance",
    documents=2,
    systems=[
        Ranked(written_score("part", "saw-gold", (None, 3 / 4, None), None), 1, 1, 2, 1),
        Ranked(WRITTEN, 2, 1, 2, 1),
    ],
    comparisons=[Comparison("=a|b_c", "part", "stance", -0.25, -0.5, 0.0, 0.5, 0.5)],
    minimum_detectable_difference={"stance": 0.35},
)

# Full precision in CSV; nothing stands where there is nothing; the apostrophe keeps the name from being a formula.
BOARD_CSV = """\
rank,rank_low,rank_high,tier,system,protocol,overall,overall.low,overall.high,entities,entities.low,entities.high,stance,stance.low,stance.high,claims,claims.low,claims.high,entities.mention.f1,entities.mention.f1.low,entities.mention.f1.high,signature
1,1,2,1,part,saw-gold,,,,,,,0.75,0.5,1.0,,,,,,,corpus:tiny|unit:paragraph|seed:0
2,1,2,1,'=a|b_c,zero-shot,0.5,0.25,0.75,0.3333333333333333,,,0.5,0.25,0.75,0.6666666666666666,,,0.4,,,corpus:tiny|unit:paragraph|seed:0
"""

BOARD_TEXT = """\
rank    range    tier    system    protocol    overall [95%]         entities [95%]    stance [95%]          claims [95%]
------  -------  ------  --------  ----------  --------------------  ----------------  --------------------  --------------
1       1–2      1       part      saw-gold    –                     –                 0.750 [0.500, 1.000]  –
2       1–2      1       =a|b_c    zero-shot   0.500 [0.250, 0.750]  0.333             0.500 [0.250, 0.750]  0.667

0 of 1 pairs of systems are separable by stance (paired randomisation test, Holm, 5%); the rank range says which places the others leave open.
A true difference in stance of 0.350 is found with a chance of 80% (median over pairs, before Holm); smaller ones mostly stay unseen.
saw-gold: the system saw the labels that it predicts; its numbers are no result.
2 documents: intervals and tests say how the result varies over the paragraphs, stance cells and claims of these documents. They say nothing about other events or outlets.
signature: corpus:tiny|unit:paragraph|seed:0
"""  # noqa: E501

# The pipe of the name is escaped, so that it does not end its cell.
BOARD_MARKDOWN = """\
# Leaderboard

| rank   | range   | tier   | system   | protocol   | overall [95%]        | entities [95%]   | stance [95%]         | claims [95%]   |
|--------|---------|--------|----------|------------|----------------------|------------------|----------------------|----------------|
| 1      | 1–2     | 1      | part     | saw-gold   | –                    | –                | 0.750 [0.500, 1.000] | –              |
| 2      | 1–2     | 1      | =a\\|b_c  | zero-shot  | 0.500 [0.250, 0.750] | 0.333            | 0.500 [0.250, 0.750] | 0.667          |

- 0 of 1 pairs of systems are separable by stance (paired randomisation test, Holm, 5%); the rank range says which places the others leave open.
- A true difference in stance of 0.350 is found with a chance of 80% (median over pairs, before Holm); smaller ones mostly stay unseen.
- saw-gold: the system saw the labels that it predicts; its numbers are no result.
- 2 documents: intervals and tests say how the result varies over the paragraphs, stance cells and claims of these documents. They say nothing about other events or outlets.
- signature: corpus:tiny|unit:paragraph|seed:0

## Differences

| a       | b    | measure   | a − b   | 95% interval    | p      | p (Holm)   |
|---------|------|-----------|---------|-----------------|--------|------------|
| =a\\|b_c | part | stance    | -0.250  | [-0.500, 0.000] | 0.5000 | 0.5000     |
"""  # noqa: E501

# The underscore of the name and the per cent signs are escaped; notes are comments.
BOARD_LATEX = r"""
\begin{tabular}{lllllllll}
\toprule
 rank   & range   & tier   & system   & protocol   & overall [95\%]        & entities [95\%]   & stance [95\%]         & claims [95\%]   \\
\midrule
 1      & 1–2     & 1      & part     & saw-gold   & –                    & –                & 0.750 [0.500, 1.000] & –              \\
 2      & 1–2     & 1      & =a|b\_c   & zero-shot  & 0.500 [0.250, 0.750] & 0.333            & 0.500 [0.250, 0.750] & 0.667          \\
\bottomrule
\end{tabular}
% 0 of 1 pairs of systems are separable by stance (paired randomisation test, Holm, 5%); the rank range says which places the others leave open.
% A true difference in stance of 0.350 is found with a chance of 80% (median over pairs, before Holm); smaller ones mostly stay unseen.
% saw-gold: the system saw the labels that it predicts; its numbers are no result.
% 2 documents: intervals and tests say how the result varies over the paragraphs, stance cells and claims of these documents. They say nothing about other events or outlets.
% signature: corpus:tiny|unit:paragraph|seed:0
"""[1:]  # noqa: E501

# Every number in full, and null for what is not competed in.
BOARD_JSON = """\
{
  "signature": "corpus:tiny|unit:paragraph|seed:0",
  "corpus": {
    "name": "tiny",
    "version": "1.0.0",
    "sha256": "ab"
  },
  "measure": "stance",
  "systems": [
    {
      "system": "part",
      "protocol": "saw-gold",
      "rank": 1,
      "rank_low": 1,
      "rank_high": 2,
      "tier": 1,
      "measures": {
        "overall": {
          "value": null,
          "low": null,
          "high": null,
          "counts": {}
        },
        "entities": {
          "value": null,
          "low": null,
          "high": null,
          "counts": {}
        },
        "stance": {
          "value": 0.75,
          "low": 0.5,
          "high": 1.0,
          "counts": {}
        },
        "claims": {
          "value": null,
          "low": null,
          "high": null,
          "counts": {}
        },
        "entities.mention.f1": {
          "value": null,
          "low": null,
          "high": null,
          "counts": {}
        }
      },
      "submission": {
        "sha256": "cd",
        "protocol": "saw-gold",
        "corpus_version": "1.0.0"
      },
      "left_out": {}
    },
    {
      "system": "=a|b_c",
      "protocol": "zero-shot",
      "rank": 2,
      "rank_low": 1,
      "rank_high": 2,
      "tier": 1,
      "measures": {
        "overall": {
          "value": 0.5,
          "low": 0.25,
          "high": 0.75,
          "counts": {},
          "leave_one_out": [
            0.375,
            0.625
          ]
        },
        "entities": {
          "value": 0.3333333333333333,
          "low": null,
          "high": null,
          "counts": {}
        },
        "stance": {
          "value": 0.5,
          "low": 0.25,
          "high": 0.75,
          "counts": {}
        },
        "claims": {
          "value": 0.6666666666666666,
          "low": null,
          "high": null,
          "counts": {}
        },
        "entities.mention.f1": {
          "value": 0.4,
          "low": null,
          "high": null,
          "counts": {
            "correct": 1,
            "predicted": 2,
            "gold": 3
          }
        }
      },
      "submission": {
        "sha256": "cd",
        "protocol": "zero-shot",
        "corpus_version": "1.0.0"
      },
      "left_out": {}
    }
  ],
  "comparisons": [
    {
      "a": "=a|b_c",
      "b": "part",
      "measure": "stance",
      "difference": -0.25,
      "low": -0.5,
      "high": 0.0,
      "p": 0.5,
      "p_holm": 0.5
    }
  ],
  "minimum_detectable_difference": {
    "stance": 0.35
  }
}
"""

SCORE_CSV = """\
system,measure,value,low,high,counts
'=a|b_c,overall,0.5,0.25,0.75,{}
'=a|b_c,entities,0.3333333333333333,,,{}
'=a|b_c,stance,0.5,0.25,0.75,{}
'=a|b_c,claims,0.6666666666666666,,,{}
'=a|b_c,entities.mention.f1,0.4,,,"{""correct"": 1, ""predicted"": 2, ""gold"": 3}"
'=a|b_c,signature,corpus:tiny|unit:paragraph|seed:0,,,
"""

SCORE_JSON = """\
{
  "signature": "corpus:tiny|unit:paragraph|seed:0",
  "system": "=a|b_c",
  "corpus": {
    "name": "tiny",
    "version": "1.0.0",
    "sha256": "ab"
  },
  "coverage": {
    "documents": {
      "gold": 2,
      "predicted": 2,
      "missing": 0
    },
    "stance": {
      "gold": 8,
      "predicted": 6,
      "missing": 2,
      "extra": 1
    },
    "verification": {
      "gold": 6,
      "predicted": 6,
      "missing": 0,
      "extra": 0
    }
  },
  "measures": {
    "overall": {
      "value": 0.5,
      "low": 0.25,
      "high": 0.75,
      "counts": {},
      "leave_one_out": [
        0.375,
        0.625
      ]
    },
    "entities": {
      "value": 0.3333333333333333,
      "low": null,
      "high": null,
      "counts": {}
    },
    "stance": {
      "value": 0.5,
      "low": 0.25,
      "high": 0.75,
      "counts": {}
    },
    "claims": {
      "value": 0.6666666666666666,
      "low": null,
      "high": null,
      "counts": {}
    },
    "entities.mention.f1": {
      "value": 0.4,
      "low": null,
      "high": null,
      "counts": {
        "correct": 1,
        "predicted": 2,
        "gold": 3
      }
    }
  },
  "breakdowns": {
    "language": {
      "en": {
        "stance.favg": {
          "value": 0.75,
          "counts": {}
        }
      },
      "id": {
        "stance.favg": {
          "value": null,
          "counts": {}
        }
      }
    }
  },
  "submission": {
    "sha256": "cd",
    "protocol": "zero-shot",
    "corpus_version": "1.0.0"
  },
  "left_out": {}
}
"""

# 8 cells of gold, 6 answered: 2 missing; one answer more to what gold does not have.
SCORE_TEXT = """\
=a|b_c
======

track     score    95% interval    one document left out
--------  -------  --------------  -----------------------
overall   0.500    [0.250, 0.750]  0.375 to 0.625
entities  0.333    –               –
stance    0.500    [0.250, 0.750]  –
claims    0.667    –               –

entities
--------

measure              value    95% interval    counts
-------------------  -------  --------------  ------------------------------
entities.mention.f1  0.400    –               correct 1, predicted 2, gold 3

by language
-----------

language    stance.favg
----------  -------------
en          0.750
id          –

coverage
--------

              gold    predicted    missing    extra
------------  ------  -----------  ---------  -------
documents     2       2            0          –
stance        8       6            2          1
verification  6       6            0          0

signature: corpus:tiny|unit:paragraph|seed:0
2 documents: intervals and tests say how the result varies over the paragraphs, stance cells and claims of these documents. They say nothing about other events or outlets.
"""  # noqa: E501

SCORE_MARKDOWN = """\
# =a|b_c

| track    | score   | 95% interval   | one document left out   |
|----------|---------|----------------|-------------------------|
| overall  | 0.500   | [0.250, 0.750] | 0.375 to 0.625          |
| entities | 0.333   | –              | –                       |
| stance   | 0.500   | [0.250, 0.750] | –                       |
| claims   | 0.667   | –              | –                       |

## entities

| measure             | value   | 95% interval   | counts                         |
|---------------------|---------|----------------|--------------------------------|
| entities.mention.f1 | 0.400   | –              | correct 1, predicted 2, gold 3 |

## by language

| language   | stance.favg   |
|------------|---------------|
| en         | 0.750         |
| id         | –             |

## coverage

|              | gold   | predicted   | missing   | extra   |
|--------------|--------|-------------|-----------|---------|
| documents    | 2      | 2           | 0         | –       |
| stance       | 8      | 6           | 2         | 1       |
| verification | 6      | 6           | 0         | 0       |

signature: corpus:tiny|unit:paragraph|seed:0
2 documents: intervals and tests say how the result varies over the paragraphs, stance cells and claims of these documents. They say nothing about other events or outlets.
"""  # noqa: E501

SCORE_LATEX = r"""
% =a|b_c
\begin{tabular}{llll}
\toprule
 track    & score   & 95\% interval   & one document left out   \\
\midrule
 overall  & 0.500   & [0.250, 0.750] & 0.375 to 0.625          \\
 entities & 0.333   & –              & –                       \\
 stance   & 0.500   & [0.250, 0.750] & –                       \\
 claims   & 0.667   & –              & –                       \\
\bottomrule
\end{tabular}

% entities
\begin{tabular}{llll}
\toprule
 measure             & value   & 95\% interval   & counts                         \\
\midrule
 entities.mention.f1 & 0.400   & –              & correct 1, predicted 2, gold 3 \\
\bottomrule
\end{tabular}

% by language
\begin{tabular}{ll}
\toprule
 language   & stance.favg   \\
\midrule
 en         & 0.750         \\
 id         & –             \\
\bottomrule
\end{tabular}

% coverage
\begin{tabular}{lllll}
\toprule
              & gold   & predicted   & missing   & extra   \\
\midrule
 documents    & 2      & 2           & 0         & –       \\
 stance       & 8      & 6           & 2         & 1       \\
 verification & 6      & 6           & 0         & 0       \\
\bottomrule
\end{tabular}

% signature: corpus:tiny|unit:paragraph|seed:0
% 2 documents: intervals and tests say how the result varies over the paragraphs, stance cells and claims of these documents. They say nothing about other events or outlets.
"""[1:]  # noqa: E501


@pytest.mark.parametrize(
    ("style", "page"),
    [
        pytest.param("table", BOARD_TEXT, id="text"),
        pytest.param("markdown", BOARD_MARKDOWN, id="markdown"),
        pytest.param("latex", BOARD_LATEX, id="latex"),
        pytest.param("csv", BOARD_CSV, id="csv"),
        pytest.param("json", BOARD_JSON, id="json"),
    ],
)
def test_a_leaderboard_is_written_as_by_hand(style: str, page: str) -> None:
    assert render_ranking(WRITTEN_BOARD, style) == page


@pytest.mark.parametrize(
    ("style", "page"),
    [
        pytest.param("text", SCORE_TEXT, id="text"),
        pytest.param("markdown", SCORE_MARKDOWN, id="markdown"),
        pytest.param("latex", SCORE_LATEX, id="latex"),
        pytest.param("csv", SCORE_CSV, id="csv"),
        pytest.param("json", SCORE_JSON, id="json"),
    ],
)
def test_a_score_is_written_as_by_hand(style: str, page: str) -> None:
    assert render_score(WRITTEN, style) == page


def test_a_board_says_when_it_has_too_few_trials_to_tell_anything_apart() -> None:
    # Of one pair p is at least 1 / (trials + 1): 1/20 with 19 trials, which is not below 5%, and 1/21 with 20.
    few, enough = (
        replace(BOARD, resamples=19, hypotheses={"overall": 1}),
        replace(BOARD, resamples=20, hypotheses={"overall": 1}),
    )
    words = (
        "With 19 trials no difference can reach 5% after Holm's adjustment for 1 pairs: give --resamples 20 or more."
    )
    assert words in render_ranking(few, "table")
    assert "no difference can reach" not in render_ranking(enough, "table")
