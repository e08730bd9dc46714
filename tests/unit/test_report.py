"""Reports of scores and rankings made by hand: every format shows what it was given, and nothing that is given runs."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden import assert_golden
from retold.layers import LAYERS
from retold.layers.scheme import default_scheme
from retold.model.display import columns, one_line
from retold.report import leaderboard, scores, tables
from retold.report.leaderboard import render_ranking
from retold.report.measures import render_measure, render_measures
from retold.report.scores import render_score
from retold.report.tables import ABSENT, as_json, escape, number, table
from retold.rules import RULES
from retold.scoring.evaluate import Score, Value
from retold.scoring.ranking import Comparison, Ranked, Ranking
from retold.validation.report import Report

#: Everything that is told, each note on one line.
whole_score = partial(render_score, verbose=True, width=400)
whole_board = partial(render_ranking, verbose=True, width=400)

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
        # So do a line feed and the full-width forms that East Asian keyboards give.
        ("\n=1", "'\n=1"),
        ("\nplain", "'\nplain"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\uff0b1+1", "'\uff0b1+1"),
        ("\uff0d1+1", "'\uff0d1+1"),
        ("\uff20SUM(A1)", "'\uff20SUM(A1)"),
        (";=1+1", "';=1+1"),
        ("\xa0=1+1", "'\xa0=1+1"),
        # Numbers stay numbers, and text stays text.
        ("-0.25", "-0.25"),
        ("+1", "+1"),
        ("-1e-07", "-1e-07"),
        ("1=1", "1=1"),
        ("a-b", "a-b"),
        ("", ""),
        # A name that is a dash is no absent value, and what a terminal acts on is an escape.
        (ABSENT, ABSENT),
        ("a\x1b[2J\x9b\u202eb", "a\\x1b[2J\\x9b\\u202eb"),
    ],
)
def test_no_cell_of_a_csv_file_is_a_formula(cell: str, shown: str) -> None:
    assert read_csv(table([cell, "end"], [[cell, "end"]], "csv")) == [[shown, "end"]] * 2


def test_csv_keeps_commas_quotes_and_line_ends_inside_their_cell() -> None:
    cells = ["a,b", 'say "x"', "two\nlines", "Zażółć"]
    assert read_csv(table(["h"] * 4, [cells], "csv"))[1] == cells


def test_a_pipe_does_not_end_a_markdown_cell() -> None:
    # GitHub Flavored Markdown, 4.10: a pipe inside a cell is escaped; a backslash before it must not undo that.
    head, _, line = table(["a|b", "c\\|d"], [["a|b", "c\\|d"]], "markdown").splitlines()
    for row in (head, line):
        # A backslash takes the next character with it, a pipe that is left ends a cell, \x00 stands for those.
        cells = [cell.strip() for cell in re.sub(r"(\\.)|\|", lambda m: m[1] or "\0", row).split("\0")]
        assert cells == ["", "a\\|b", "c\\\\\\|d", ""]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("@octocat", "@<!-- -->octocat"),
        ("a@e.org", "a@<!-- -->e.org"),
        (":smile:", ":<!-- -->smile:"),
        ("a:b:c", "a:b:c"),
    ],
)
def test_markdown_mentions_nobody(cell: str, shown: str) -> None:
    assert escape(cell, "markdown") == shown


def test_notes_with_wide_characters_fit() -> None:
    # Each of the 40 takes two columns.
    page = tables.Page("text", 60)
    page.notes(["\u6f22\u5b57" * 20 + " and what follows"])
    assert [columns(line) <= 60 for line in str(page).splitlines()] == [True, True]


@pytest.mark.parametrize("style", ["markdown", "text", "latex"])
def test_a_cell_stays_on_its_line(style: Any) -> None:
    plain = table(["h"], [["one two"]], style)
    assert table(["h"], [["one\ntwo"]], style) == plain
    assert table(["h"], [["one\r\n\ttwo"]], style) == plain
    assert table(["one\ntwo"], [], style) == table(["one two"], [], style)


def test_latex_characters_are_escaped() -> None:
    # The ten characters that LaTeX acts on, each with what typesets it; a bar, which the encoding OT1 sets as a dash.
    escaped = {
        "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
        "~": r"\textasciitilde{}", "^": r"\^{}", "\\": r"\textbackslash{}", "|": r"\textbar{}",
    }  # fmt: skip
    for character, written in escaped.items():
        assert f"x{written}y" in table(["h"], [[f"x{character}y"]], "latex"), character


def test_latex_reads_what_reports_write_without_unicode() -> None:
    # An engine from before 2018, or one without inputenc, stops at these; a name may hold others, which are its own.
    for character, written in {"–": "--", "−": "$-$", "·": r"$\cdot$", "→": r"$\rightarrow$", "…": r"\ldots{}"}.items():
        assert f"x {written} y" in table(["h"], [[f"x {character} y"]], "latex"), character
    assert "Zażółć" in table(["h"], [["Zażółć"]], "latex")


@pytest.mark.parametrize("cell", ["[x]", "*x"])
def test_a_row_of_latex_does_not_begin_with_what_ends_the_row_before(cell: str) -> None:
    # LaTeX reads a bracket or a star after \\, over a line end, as an argument of it, and of \midrule a bracket.
    rows = table(["h", "i"], [[cell, cell], [cell, cell]], "latex").splitlines()[4:6]
    assert [row.split("&")[0].strip() for row in rows] == [f"{{}}{cell}"] * 2


def test_numbers_are_not_reformatted_and_names_that_look_like_numbers_stay() -> None:
    for style in ("text", "markdown", "latex", "csv"):
        text = table(["name", "value"], [["007", "0.500"], ["1e3", "12.300"]], style)  # type: ignore[arg-type]
        for cell in ("007", "0.500", "1e3", "12.300"):
            assert cell in text, style


def test_what_a_terminal_would_act_on_is_seen() -> None:
    assert one_line("a\x1b[2Jb\x07\u202ec\n d\u2028e") == r"a\x1b[2Jb\x07\u202ec d e"
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


DIGEST = "0123456789abcdef" * 4


CORPUS = {"name": "tiny", "version": "1.0.0", "sha256": "ab"}
#: Stance by language: defined in English alone.
BY_LANGUAGE = {
    "en": {"stance.favg": {"value": 0.75, "counts": {}}, "stance.accuracy": {"value": None, "counts": {}}},
    "id": {"stance.favg": {"value": None, "counts": {}}, "stance.accuracy": {"value": None, "counts": {}}},
}


def made_score(system: str = "mine", overall: float | None = 0.5, protocol: str = "zero-shot") -> Score:
    """A system; without an overall score it competes in stance alone."""
    complete = overall is not None
    return Score(
        signature="corpus:tiny|seed:0",
        system=system,
        submission={"sha256": "cd", "protocol": protocol, "corpus_version": "1.0.0"},
        corpus=dict(CORPUS),
        coverage={
            "documents": {"gold": 5, "predicted": 4, "missing": 1},
            "layers": dict.fromkeys(LAYERS, 4) if complete else {"stance": 4},
            "gold_layers": list(LAYERS),
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
            "stance.brier": value(None, counts={"cells": 0}),
            "claims.span.f1": value(0.125 if complete else None, None, {"overlap": 1.5, "predicted": 9, "gold": 15}),
        },
        breakdowns={"language": dict(BY_LANGUAGE)},
        scheme=default_scheme(),
        replicates={"overall": np.array([0.4, 0.6])},
    )


def strictly(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


#: The dash of an undefined value, and the dot of one that there cannot be, as each format writes them.
MARKS = {"text": (ABSENT, "·"), "markdown": (ABSENT, "·"), "latex": ("--", r"$\cdot$")}


def cells_of(text: str, first: str) -> list[str]:
    """The cells of the first row of printed tables that begins with ``first``."""
    rows = [re.split(r"\s*[|&]\s*|\s{2,}", line.strip(" |\\")) for line in text.splitlines()]
    return next(cells for cells in rows if cells[0] == first)


@pytest.mark.parametrize("style", ["text", "markdown", "latex"])
def test_an_undefined_value_is_shown_as_such_with_its_counts(style: str) -> None:
    text = whole_score(made_score(), style)
    undefined, _ = MARKS[style]
    assert cells_of(text, "stance.brier") == ["stance.brier", undefined, undefined, "cells 0"]
    assert f"{undefined}: undefined (0/0); not averaged\n" in text
    assert "not competed in" not in text
    # A column of a breakdown without any value stands as well.
    assert cells_of(text, "id") == ["id", undefined, undefined]
    whole = made_score()
    whole.measures.pop("stance.brier")
    assert "undefined (0/0)" not in whole_score(whole, style)


@pytest.mark.parametrize("style", ["markdown", "latex"])
def test_a_measure_that_has_nothing_to_do_with_a_row_of_a_breakdown_is_blank(style: str) -> None:
    made = made_score()
    made.breakdowns["part"] = {
        "one": {"stance.favg": {"value": None}, "claims.span.f1": {"value": 0.5}},
        "other": {"stance.accuracy": {"value": 0.125}, "claims.span.f1": {"value": 0.25}},
    }
    text = whole_score(made, style)
    assert cells_of(text, "one") == ["one", MARKS[style][0], "", "0.500"]
    assert cells_of(text, "other") == ["other", "", "0.125", "0.250"]


@pytest.mark.parametrize("style", ["text", "markdown", "latex"])
def test_what_a_system_leaves_alone_is_not_called_undefined(style: str) -> None:
    text = whole_score(made_score(overall=None), style)
    undefined, outside = MARKS[style]
    for name in ("overall", "entities", "claims"):
        assert cells_of(text, name)[1] == outside
    assert cells_of(text, "stance")[1] == "0.625"
    assert f"{outside} not competed in: entities, claims, verification\n" in text
    assert "entities.mention.f1" not in text
    assert f"{undefined}: undefined (0/0)" in text  # stance.brier, of a layer that it does give


@pytest.mark.parametrize("style", ["text", "markdown", "latex"])
def test_what_gold_does_not_have_is_not_called_undefined(style: str) -> None:
    made = without_gold(made_score(), "claims", "verification")
    text = whole_score(made, style)
    _, outside = MARKS[style]
    assert cells_of(text, "overall")[1] == cells_of(text, "claims")[1] == outside
    assert f"{outside} not in gold: claims, verification\n" in text
    assert "claims.span.f1" not in text


def without_gold(made: Score, *layers: str) -> Score:
    """The score as it would be where gold lacks these layers, which are those of the claims track."""
    made.coverage["gold_layers"] = [layer for layer in LAYERS if layer not in layers]
    for name in ("overall", "claims", "claims.span.f1"):
        made.measures[name] = value(None)
    return made


def test_csv_says_of_every_empty_value_why_it_is_empty() -> None:
    def statuses(made: Score) -> dict[str, str]:
        return {row["measure"]: row["status"] for row in csv.DictReader(io.StringIO(whole_score(made, "csv")))}

    everywhere = statuses(made_score())
    assert [name for name, status in everywhere.items() if status == "undefined"] == ["stance.brier"]
    alone = statuses(made_score(overall=None))
    assert {name for name, status in alone.items() if status == "not competed in"} == {
        *("overall", "entities", "claims", "entities.mention.f1", "claims.span.f1"),
    }  # fmt: skip
    assert (alone["stance"], alone["stance.brier"], alone["signature"]) == ("defined", "undefined", "")
    bare = statuses(without_gold(made_score(), "claims", "verification"))
    assert {name for name, status in bare.items() if status == "not in gold"} == {"overall", "claims", "claims.span.f1"}


def test_a_track_is_competed_in_only_with_every_layer_that_gold_has() -> None:
    made = made_score()
    made.coverage["layers"].pop("verification")
    made.measures.update({name: value(None) for name in ("overall", "claims")})
    made.measures["claims.verification.strict"] = value(None)
    rows = {row["measure"]: row["status"] for row in csv.DictReader(io.StringIO(whole_score(made, "csv")))}
    # Spans are given, verdicts are not; the track needs both, and the mean of all tracks needs the track.
    assert rows["claims.span.f1"] == "defined"
    assert rows["claims"] == rows["overall"] == rows["claims.verification.strict"] == "not competed in"
    made.coverage["gold_layers"].remove("verification")
    rows = {row["measure"]: row["status"] for row in csv.DictReader(io.StringIO(whole_score(made, "csv")))}
    # Without verdicts in gold the spans are all of the track: a track without a value is undefined.
    assert rows["claims"] == rows["overall"] == "undefined"
    assert rows["claims.verification.strict"] == "not in gold"


@pytest.mark.parametrize("style", ["text", "markdown", "latex", "csv"])
def test_a_mean_of_fewer_parts_says_so(style: str) -> None:
    # Claims are the mean of three parts: verdicts are in no gold here, and nobody says anything, so no source is wrong.
    made = made_score()
    made.coverage["gold_layers"].remove("verification")
    made.measures["claims.attribution.f1"] = value(None)
    made.measures["claims.verification.macro_f1"] = value(None)
    reasons = "undefined: claims.attribution.f1; not in gold: claims.verification.macro_f1"
    note = f"claims is the mean of 1 of 3 parts; {reasons}"
    text = whole_score(made, style)
    if style == "csv":
        assert {row[1]: row[9] for row in read_csv(text) if row[9]} == {"measure": "note", "claims": note}
    else:
        mark = {"markdown": "- ", "latex": "% "}.get(style, "")
        assert [line for line in text.splitlines() if "is the mean of" in line] == [f"{mark}{note}"]


@pytest.mark.parametrize("style", ["text", "markdown", "latex"])
def test_a_score_says_which_file_was_scored_and_what_for(style: str) -> None:
    made = made_score(protocol="leave-one-document-out")
    made.submission.update(sha256=DIGEST, corpus_version="1.0.0")
    said = "submission: protocol leave-one-document-out; corpus version 1.0.0; SHA-256 0123456789abcdef\n"
    assert said in whole_score(made, style)
    assert "scored on" not in whole_score(made, style)
    assert "saw-gold" not in whole_score(made, style)
    made.submission.update(protocol="", corpus_version="")
    assert "protocol not given; corpus version not given; SHA" in whole_score(made, style)
    assert "scored on" not in whole_score(made, style)  # what is not known cannot differ
    made.submission.update(protocol="saw-gold", corpus_version="0.0.1")
    lines = [line.removeprefix("% ").removeprefix("- ") for line in whole_score(made, style).splitlines()]
    assert "made for corpus 0.0.1, scored on 1.0.0" in lines
    assert "saw-gold: the system had access to the gold labels; its scores are not comparable" in lines
    made.corpus["version"] = ""
    assert "scored on" not in whole_score(made, style)


def test_the_csv_of_a_score_has_the_whole_hash_and_the_doubts() -> None:
    made = made_score(protocol="saw-gold")
    made.submission.update(sha256=DIGEST, corpus_version="0.0.1")
    rows = {row[1]: (row[2], row[9]) for row in read_csv(whole_score(made, "csv"))}
    assert rows["submission.sha256"] == (DIGEST, "")
    assert rows["submission.corpus_version"] == ("0.0.1", "made for corpus 0.0.1, scored on 1.0.0")
    assert rows["submission.protocol"] == (
        "saw-gold",
        "saw-gold: the system had access to the gold labels; its scores are not comparable",
    )


def test_many_documents_need_no_caveat() -> None:
    made = made_score()
    made.coverage["documents"]["gold"] = 30
    assert "documents: intervals and tests" not in whole_score(made, "text")


@pytest.mark.parametrize(
    ("documents", "unit", "says"),
    [
        (29, "document", "29 documents: intervals and tests say how the result varies over them. "),
        (5, "paragraph", "5 documents: intervals and tests say how the result varies over the paragraphs, stance cells "
         "and claims of these documents. "),
        (1, "paragraph", "1 document: intervals and tests say how the result varies over the paragraphs, stance cells "
         "and claims of this document. "),
        # Of a bare file the document is the unit, and one unit does not vary.
        (1, "document", "1 document: with nothing to resample, intervals and tests cannot say how the result "
         "varies. "),
    ],
)  # fmt: skip
def test_the_caveat_counts_the_documents(documents: int, unit: str, says: str) -> None:
    made = replace(made_score(), signature=f"corpus:tiny|unit:{unit}|seed:0")
    made.coverage["documents"]["gold"] = documents
    assert f"\n{says}They say nothing about other events or outlets.\n" in whole_score(made, "text")


@pytest.mark.parametrize("style", scores.FORMATS)
def test_the_name_of_a_system_cannot_break_out_of_its_place(style: str) -> None:
    text = whole_score(made_score(EVIL), style)
    if style == "csv":
        assert {row[0] for row in read_csv(text)[1:]} == {f"'{EVIL}"}
    elif style == "json":
        assert strictly(text)["system"] == EVIL
    else:
        # No line begins with what stood behind the line end: in LaTeX it would leave the comment.
        assert not any(line.lstrip().startswith("\\input") for line in text.splitlines())


# --- A ranking made by hand -------------------------------------------------------------------------------------------


def made_ranking(*systems: Ranked, documents: int = 5, comparisons: list[Comparison] | None = None) -> Ranking:
    return Ranking(
        signature="corpus:tiny|seed:0",
        corpus=dict(CORPUS),
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


@pytest.mark.parametrize("style", ["table", "markdown", "latex"])
def test_a_leaderboard_shows_ranks_values_and_what_they_are_worth(style: str) -> None:
    text = whole_board(BOARD, style)
    first, second, partial = (next(n for n, c in enumerate(text.splitlines()) if name in c) for name in
                              ("first", "second", "partial"))  # fmt: skip
    assert first < second < partial
    row = text.splitlines()[partial]
    undefined, outside = MARKS["text" if style == "table" else style]
    # Rank, range, tier, and protocol, which text has in another table, as it has the intervals of other measures not.
    assert row.count(undefined) == (3 if style == "table" else 4)
    assert row.count(outside) == 3  # of four values
    assert f"{outside}: not competed in, or not in gold\n" in text
    assert "undefined (0/0)" not in text
    assert ("0.625 [0.525, 0.725]" in row) == (style != "table")
    assert "0.625" in row
    assert "0.750 [0.650, 0.850]" in text.splitlines()[first]
    assert "1 of 1 pairs of systems differ significantly in overall" in text
    assert "No rank, as there is no overall score: partial (no predictions for " in text
    assert "saw-gold: the system had access to the gold labels" in text
    assert "5 documents: intervals and tests" in text
    assert "signature: corpus:tiny|seed:0" in text
    assert re.search(r"\bnan\b", text, re.IGNORECASE) is None
    assert "None" not in text


def test_a_ranking_without_tests_has_ranks_and_no_ranges() -> None:
    # Of --resamples 0: values put the systems in order, and nothing says how far that can be relied on.
    text = whole_board(made_ranking(Ranked(made_score(), 1, None, None, None)), "table")
    assert cells_of(text, "1")[:4] == ["1", ABSENT, ABSENT, "mine"]
    assert "differ significantly" not in text


def test_notes_stand_only_where_they_apply() -> None:
    text = whole_board(made_ranking(FIRST, documents=30), "table")
    for note in ("without a rank", "saw-gold", "documents: intervals and tests", "differ significantly"):
        assert note not in text


@pytest.mark.parametrize("style", ["table", "markdown", "latex", "html"])
def test_pairs_are_separable_by_the_adjusted_p(style: str) -> None:
    # Holm by hand: 3 * .01 = .03; 2 * .03 = .06; .04, but not below the one before, .06. Of three pairs below 5% as
    # they are, one is below 5% after Holm.
    third = Ranked(made_score("third", 0.5), 2, 2, 3, 2)
    pairs = [
        Comparison("first", "second", "overall", 0.5, 0.25, 0.75, 0.01, 0.03),
        Comparison("first", "third", "overall", 0.25, 0.0, 0.5, 0.03, 0.06),
        Comparison("second", "third", "overall", -0.25, -0.5, 0.0, 0.04, 0.06),
        # Of another measure, and so not counted.
        Comparison("second", "third", "stance", -0.25, -0.5, 0.0, 0.001, 0.001),
    ]
    text = whole_board(made_ranking(FIRST, third, SECOND, comparisons=pairs), style)
    assert "1 of 3 pairs of systems differ significantly in overall" in text


@pytest.mark.parametrize("style", ["table", "markdown", "latex", "html"])
def test_a_board_tells_undefined_from_not_competed_in(style: str) -> None:
    # The second gives every layer, but nothing in its entities or in those of gold is defined.
    empty = made_score("empty")
    empty.measures["entities"] = value(None)
    text = whole_board(made_ranking(Ranked(empty, 1, 1, 1, 1), UNRANKED), style)
    if style == "html":
        rows = Page(text).tables[0].body
        assert [[row[5], row[6], row[8]] for row in rows] == [
            ["0.500 [0.400, 0.600]", "undefined", "0.475 [0.375, 0.575]"],
            ["not competed in", "not competed in", "not competed in"],
        ]
        assert "0/0" not in text
    else:
        undefined, outside = MARKS["text" if style == "table" else style]
        rows = [line for line in text.splitlines() if re.search(r"\b(empty|partial)\b.*0\.625", line)]
        # A range of ranks has a dash as well; a row without a rank has four: rank, range, tier, protocol.
        assert [(row.count(undefined), row.count(outside)) for row in rows] == [(2, 0), (4 - (style == "table"), 3)]
        assert f"{undefined}: undefined (0/0); not averaged\n" in text


@pytest.mark.parametrize("style", ["table", "markdown", "latex", "html"])
def test_a_board_says_which_layers_gold_does_not_have(style: str) -> None:
    made = without_gold(made_score(), "claims", "verification")
    assert "not in gold: claims, verification" in whole_board(made_ranking(Ranked(made, None, None, None, None)), style)
    assert "not in gold: " not in whole_board(BOARD, style)


@pytest.mark.parametrize("style", ["table", "markdown", "latex", "html", "csv"])
def test_a_board_says_which_means_have_fewer_parts_and_whose(style: str) -> None:
    def system(name: str, favor: float | None) -> Score:
        made = made_score(name)
        # Of the two means of labels one is on the board, and the other is its own affair.
        made.measures.update({"stance.favor.f1": value(favor), "stance.macro_f1": value(0.5)})
        return made

    def board(*scores: Score) -> str:
        return whole_board(made_ranking(*(Ranked(each, 1, 1, 1, 1) for each in scores)), style)

    # stance.favg is the mean of the F1 of favor and of against; the track has it as its one part.
    note = "stance.favg is the mean of 1 of 2 parts; undefined: stance.favor.f1"
    some = board(system("a", None), system("b", 0.5), system("c", None))
    every = board(system("a", None), system("b", None))
    alone = board(system("a", None))
    if style == "csv":
        found = [row["notes"] for row in csv.DictReader(io.StringIO(some))]
        both = f"{note} | stance.macro_f1 is the mean of 2 of 3 parts; undefined: stance.favor.f1"
        assert found == [both, "", both]
        return
    assert "stance.macro_f1" not in some
    assert f"{note} (a, c)" in some
    assert f"{note} (every system)" in every
    assert note in alone
    assert f"{note} (" not in alone


@pytest.mark.parametrize("style", ["table", "markdown", "latex", "html"])
def test_of_many_documents_no_range_is_shown(style: str) -> None:
    made = made_score()
    made.measures["overall"] = value(0.5)
    text = whole_board(made_ranking(Ranked(made, 1, 1, 1, 1), documents=30), style)
    assert "left out" not in text
    assert "The file scored" in text


@pytest.mark.parametrize("style", leaderboard.FORMATS)
def test_a_leaderboard_keeps_every_name_in_its_cell(style: str) -> None:
    text = whole_board(made_ranking(Ranked(made_score(EVIL), 1, 1, 1, 1)), style)
    assert text.endswith("\n")
    if style == "csv":
        assert read_csv(text)[1][4] == f"'{EVIL}"
    elif style == "json":
        assert strictly(text)["systems"][0]["system"] == EVIL
    else:
        assert not any(line.lstrip().startswith("\\input") for line in text.splitlines())
    if style == "markdown":
        assert "=A1\\|x\\_& \\\\input{y}" in text
    if style == "latex":
        assert "=A1\\textbar{}x\\_\\& \\textbackslash{}input\\{y\\}" in text
    if style == "html":
        assert '<th scope="row">=A1|x_&amp; \\input{y}</th>' in text


def test_numbers_that_are_not_numbers_never_reach_json() -> None:
    with pytest.raises(ValueError, match="JSON"):
        whole_score(made_score(overall=float("nan")), "json")


# --- The page in HTML -------------------------------------------------------------------------------------------------


@dataclass
class Grid:
    """A table of a page: caption, its headers and the cells of its body as text, and what each cell is."""

    caption: str = ""
    head: list[str] = field(default_factory=list)
    body: list[list[str]] = field(default_factory=list)
    kinds: list[list[str]] = field(default_factory=list)


class Page(HTMLParser):
    """A page read as a browser would: its tables, notes and every element and attribute."""

    VOID = ("meta", "link", "img", "br", "hr", "input", "base", "embed", "source")

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[Grid] = []
        self.notes: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._open: list[str] = []
        self._said = ""
        self.feed(text)
        self.close()
        assert self._open == [], "an element is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._said = ""
        if tag == "table":
            self.tables.append(Grid())
        if tag == "tr" and "tbody" in self._open:
            self.tables[-1].body.append([])
            self.tables[-1].kinds.append([])
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag in ("td", "th"):
            scope = dict(self.elements[-1][1]).get("scope")
            kind = tag if scope is None else f"{tag} {scope}"
            if "thead" in self._open:
                assert kind == "th col"
                self.tables[-1].head.append(self._said)
            else:
                self.tables[-1].body[-1].append(self._said)
                self.tables[-1].kinds[-1].append(kind)
        elif tag == "caption":
            self.tables[-1].caption = self._said
        elif tag == "li":
            self.notes.append(self._said)
        elif tag in ("title", "h1", "p", "style"):
            self.texts[tag] = self._said

    def handle_data(self, data: str) -> None:
        self._said += data


def test_the_page_has_the_board_its_notes_and_the_signature() -> None:
    page = Page(whole_board(WRITTEN_BOARD, "html"))
    assert page.texts["title"] == page.texts["h1"] == "Leaderboard, ranked by stance"
    assert page.texts["p"] == "Corpus: tiny 1.0.0"
    board, files, differences = page.tables
    assert (board.caption, files.caption, differences.caption) == (
        "Ranks and scores",
        "Range when one document is left out, and the file scored",
        "Differences",
    )
    # The same cells as on the pages written out below, with words for what is not there.
    assert board.head == [
        *("rank", "range", "tier", "system", "protocol"),
        *("overall [95%]", "entities [95%]", "stance [95%]", "claims [95%]"),
    ]
    nothing = "not competed in"
    assert board.body == [
        ["1", "1–2", "1", "part", "saw-gold", nothing, nothing, "0.750 [0.500, 1.000]", nothing],
        ["2", "1–2", "1", "=a|b_c", "zero-shot", "0.500 [0.250, 0.750]", "0.333", "0.500 [0.250, 0.750]", "0.667"],
    ]
    assert files.head == ["system", "overall", "entities", "stance", "claims", "made for corpus", "SHA-256"]
    assert files.body == [
        ["part", ABSENT, ABSENT, ABSENT, ABSENT, "0.9.0", "fedcba9876543210"],
        ["=a|b_c", "0.375 to 0.625", ABSENT, ABSENT, ABSENT, "1.0.0", "0123456789abcdef"],
    ]
    assert differences.head == ["a", "b", "measure", "a − b", "95% interval", "p", "p (Holm)"]
    assert differences.body == [["=a|b_c", "part", "stance", "-0.250", "[-0.500, 0.000]", "0.5000", "0.5000"]]
    # The notes are those of the text, without the one that explains a mark.
    notes = whole_board(WRITTEN_BOARD, "table").rpartition("\n\n")[2].splitlines()
    assert notes[0].startswith("·: ")
    assert page.notes == notes[1:]
    assert page.notes[-1] == f"signature: {SIGNED}"


def test_the_page_can_be_read_by_anyone_and_loads_nothing() -> None:
    page = Page(whole_board(WRITTEN_BOARD, "html"))
    elements = page.elements
    tags = [tag for tag, _ in elements]
    assert dict(elements)["html"] == {"lang": "en"}
    assert [attributes["charset"] for tag, attributes in elements if "charset" in attributes] == ["utf-8"]
    # Every table has a caption, and names its rows and columns for those who do not see them.
    assert tags.count("caption") == tags.count("table") == 3
    for table_, named in zip(page.tables, (3, 0, 0), strict=True):
        expected = ["th row" if column == named else "td" for column in range(len(table_.head))]
        assert table_.kinds == [expected] * len(table_.body)
    # What may be wider than the screen can be reached and scrolled with the keyboard, and has a name.
    names = {attributes["id"] for tag, attributes in elements if tag == "caption"}
    regions = [attributes for _, attributes in elements if attributes.get("role") == "region"]
    assert {region["aria-labelledby"] for region in regions} == names
    assert len(names) == len(regions) == 3
    assert all(region["tabindex"] == "0" for region in regions)
    # Nothing runs and nothing comes from elsewhere.
    assert not {"script", "link", "img", "iframe", "object", "embed", "base", "form"} & set(tags)
    assert not any(name.startswith("on") or name in ("src", "href", "style") for _, a in elements for name in a)
    assert "url(" not in page.texts["style"]
    assert "@import" not in page.texts["style"]
    assert "color-scheme: light dark" in page.texts["style"]
    assert "@media print" in page.texts["style"]


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "</title></td></table><img src=x onerror=alert(1)>",
        "\"quoted\" & 'single' &amp; &lt;b&gt;",
        "{{ 7 * 7 }}{% for x in y %}",
    ],
)
def test_no_name_breaks_out_of_its_place_in_the_page(name: str) -> None:
    made = replace(made_score(name), corpus={"name": name, "version": name, "sha256": "ab"})
    made.submission.update(protocol=name, corpus_version=f"{name}!")
    pairs = [Comparison(name, name, "overall", 0.5, 0.25, 0.75, 0.001, 0.002)]
    board = replace(made_ranking(Ranked(made, 1, 1, 1, 1), comparisons=pairs), corpus=made.corpus, signature=name)
    text = whole_board(board, "html")
    page, plain = Page(text), Page(whole_board(WRITTEN_BOARD, "html"))
    # What is written is what was given, and no element comes of it.
    assert page.tables[0].body[0][3:5] == [name, name]
    assert page.tables[1].body[0][0] == name
    assert page.tables[1].body[0][5] == f"{name}!"
    assert page.tables[2].body[0][:2] == [name, name]
    assert page.texts["p"] == f"Corpus: {name} {name}"
    assert page.notes[-1] == f"signature: {name}"
    assert f"made for corpus {name}!, scored on {name}" in page.notes
    assert {tag for tag, _ in page.elements} == {tag for tag, _ in plain.elements}


# --- Whole pages, written out -----------------------------------------------------------------------------------------

# Two systems on two documents, ranked by stance; every number below can be followed without running anything.
#   =a|b_c  a name that spreadsheets, Markdown and LaTeX would act on. Names: 1 right of 2 predicted and 3 gold, F1
#           2 * 1 / (2 + 3) = 0.4; nothing to link, in gold or in the answers: 0/0; CoNLL 4/15 = 0.267. So entities is
#           the mean of two, (0.4 + 4/15) / 2 = 1/3; stance 1/2, claims 2/3, and overall (1/3 + 1/2 + 2/3) / 3 = 1/2.
#   part    gives stance alone, 3/4, saw gold and was made for an earlier corpus: no other track and no mean.
# a - b = 1/2 - 3/4 = -1/4. They differ in 3 units: of 2**3 exchanges 4 are as far apart, p = 4 / 8, and Holm over one
# pair leaves it. Not below 5%: no system is apart, both may be first or second (1-2), and they share tier 1.
# The standard error of the difference is 1/8: found with a chance of 80% is 2.8 / 8 = 0.35.
SIGNED = "corpus:tiny|unit:paragraph|seed:0"


def written_score(
    system: str, submission: dict[str, str], tracks: Sequence[float | None], overall: float | None
) -> Score:
    """A score of the headlines (the tracks in their order) and what is behind entities."""
    entities, stance, claims = tracks
    complete = overall is not None
    found = {"correct": 1, "predicted": 2, "gold": 3} if complete else {}
    links = {"correct": 0, "predicted": 0, "gold": 0} if complete else {"gold": 0}
    return replace(
        made_score(system, overall),
        signature=SIGNED,
        submission=submission,
        coverage={
            "documents": {"gold": 2, "predicted": 2, "missing": 0},
            "layers": dict.fromkeys(LAYERS, 2) if complete else {"stance": 2},
            "gold_layers": list(LAYERS),
            "stance": {"gold": 8, "predicted": 6, "missing": 2, "extra": 1},
            "verification": {"gold": 6, "predicted": 6, "missing": 0, "extra": 0},
        },
        measures={
            "overall": value(overall, 0.25, leave_one_out=(0.375, 0.625) if complete else None),
            "entities": value(entities, None),
            "stance": value(stance, 0.25),
            "claims": value(claims, None),
            "entities.mention.f1": value(0.4 if complete else None, None, found),
            "entities.linking.f1": value(None, None, links),
            "entities.coreference.conll": value(4 / 15 if complete else None, None, {"gold": 3}),
        },
        breakdowns={"language": {key: {"stance.favg": row["stance.favg"]} for key, row in BY_LANGUAGE.items()}},
        replicates={},
    )


WRITTEN = written_score(
    "=a|b_c", {"sha256": DIGEST, "protocol": "zero-shot", "corpus_version": "1.0.0"}, (1 / 3, 1 / 2, 2 / 3), 0.5
)
PART = written_score(
    "part", {"sha256": DIGEST[::-1], "protocol": "saw-gold", "corpus_version": "0.9.0"}, (None, 3 / 4, None), None
)
WRITTEN_BOARD = Ranking(
    signature=SIGNED,
    corpus=CORPUS,
    measure="stance",
    documents=2,
    systems=[Ranked(PART, 1, 1, 2, 1), Ranked(WRITTEN, 2, 1, 2, 1)],
    comparisons=[Comparison("=a|b_c", "part", "stance", -0.25, -0.5, 0.0, 0.5, 0.5)],
    minimum_detectable_difference={"stance": 0.35},
)


# CSV and JSON have every number in full, and nothing or null for what is not competed in. The apostrophe keeps the name
# from being a formula; its pipe and underscore, and dashes and dots, are escaped where the format wants it.
@pytest.mark.parametrize(
    ("style", "suffix"), [("table", "txt"), ("markdown", "md"), ("latex", "tex"), ("csv", "csv"), ("json", "json")]
)
def test_render_ranking_in_full(style: str, suffix: str) -> None:
    assert_golden(f"leaderboard.{suffix}", whole_board(WRITTEN_BOARD, style))


# 8 cells of gold, 6 answered: 2 missing; one answer more to what gold does not have.
@pytest.mark.parametrize(
    ("style", "suffix"), [("text", "txt"), ("markdown", "md"), ("latex", "tex"), ("csv", "csv"), ("json", "json")]
)
def test_render_score_in_full(style: str, suffix: str) -> None:
    assert_golden(f"score.{suffix}", whole_score(WRITTEN, style))


def test_a_board_says_when_it_has_too_few_trials_to_tell_anything_apart() -> None:
    # Of one pair p is at least 1 / (trials + 1): 1/20 with 19 trials, which is not below 5%, and 1/21 with 20.
    few, enough = (
        replace(BOARD, resamples=19, hypotheses={"overall": 1}),
        replace(BOARD, resamples=20, hypotheses={"overall": 1}),
    )
    words = (
        "With 19 trials no difference can be significant at 5% after Holm's correction for 1 pair; use --resamples 20"
    )
    assert words in whole_board(few, "table")
    assert "no difference can be significant" not in whole_board(enough, "table")


def test_a_part_that_gold_has_nothing_of_is_told_even_where_it_has_a_value() -> None:
    # Links were given where gold has none: their F1 is 0, and no part of the mean.
    measures = made_score().measures | {
        "entities.linking.f1": value(0.0, None, {"correct": 0, "predicted": 4, "gold": 0}),
        "entities.coreference.conll": value(0.5, None, {"gold": 8}),
    }
    text = whole_score(replace(made_score(), measures=measures), "text")
    assert "entities is the mean of 2 of 3 parts; nothing in gold: entities.linking.f1" in text


# --- Measures ---------------------------------------------------------------------------------------------------------


def test_the_page_of_a_measure_leaves_out_what_is_not_said() -> None:
    favg = replace(
        default_scheme().measures["stance.favg"],
        definition="Mean F1 of favor and against. Over gold cells.",
        reference="Mohammad et al. 2016",
        undefined="",
        counts={"correct": (), "gold": ()},
    )
    assert cells_of(render_measures([favg]), "stance.favg") == [
        "stance.favg",
        "Mean F1 of favor and against. Over gold cells.",
    ]
    assert render_measure(favg) == (
        "stance.favg\n\nMean F1 of favor and against. Over gold cells.\n\n"
        "reference: Mohammad et al. 2016\n\ncounts: correct, gold\n"
    )


def test_every_measure_and_track_says_what_it_is() -> None:
    known = default_scheme().described
    assert "entities, stance, claims" in " ".join(render_measure(known["overall"]).split())
    for name, measure in known.items():
        assert len(render_measure(measure).splitlines()) > 2, name
    assert set(render_measures(known.values()).split()) >= set(known)
    (favg,) = (line for line in render_measures(known.values(), "csv").splitlines() if line.startswith("stance.favg,"))
    assert "Mohammad et al. 2016" in favg


def test_answers_to_layers_that_the_corpus_lacks_are_noted() -> None:
    made = made_score()
    assert "ignored" not in whole_score(made, "text")
    made.coverage["ignored_layers"] = {"claims": 4}
    assert "answered but ignored, as gold lacks it: claims\n" in whole_score(made, "text")


# --- Text that fits, and text of others -------------------------------------------------------------------------------

WORDS = st.text("ab. _-/é中👩\u0301 \t\n", max_size=60)


@given(
    rows=st.integers(1, 8).flatmap(lambda size: st.lists(st.lists(WORDS, min_size=size, max_size=size), min_size=2)),
    width=st.integers(50, 130),
)
def test_a_table_fits_its_width_and_loses_nothing(rows: list[list[str]], width: int) -> None:
    head, *body = rows
    text = table(head, body, "text", width)
    assert max(map(columns, text.splitlines())) <= width
    # The first column stands beside every block of the others, so it may come more often.
    shown, given = (
        Counter("".join(parts).replace("-", ""))
        for parts in (text.split(), [one_line(cell) for row in rows for cell in row])
    )
    given.pop(" ", None)
    assert given <= shown


def test_columns_that_do_not_fit_come_below_beside_the_first_one_layer_by_layer() -> None:
    names = ["one.precision", "one.recall", "two.precision", "two.recall"]
    text = table(["document", *names], [["d" * 23, "0.111", "0.222", "0.333", "0.444"]], "text", 50)
    assert text == (
        "document                 one.precision  one.recall\n"
        "-----------------------  -------------  ----------\n"
        "ddddddddddddddddddddddd  0.111          0.222\n"
        "\n"
        "document                 two.precision  two.recall\n"
        "-----------------------  -------------  ----------\n"
        "ddddddddddddddddddddddd  0.333          0.444\n"
    )


# CommonMark 0.31, 2.4: a backslash before punctuation takes its meaning away. GFM: tables 4.10, strikethrough 6.5,
# autolinks 6.9; a dollar begins a formula on GitHub. What has no meaning stays as it is.
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("[x](https://e.org)", r"[x\](https:\//e.org)"),
        ("![x](//e.org)", r"![x\](//e.org)"),
        ("<img src=x>", r"\<img src=x>"),
        ("*a* __b__ _c_ `d` ~~e~~ $f$", r"\*a\* \_\_b\_\_ \_c\_ \`d\` \~\~e\~\~ \$f\$"),
        ("&lt; & co", r"\&lt; & co"),
        ("www.e.org", r"www\.e.org"),
        ("# a | b", r"\# a | b"),
        (r"a\*b", r"a\\\*b"),
        ("tfidf_logreg 0.5 [0.4, 0.6]", "tfidf_logreg 0.5 [0.4, 0.6]"),
        ("a\x1b[31m\u202eb\n- c", r"a\\x1b[31m\\u202eb - c"),
    ],
)
def test_a_name_in_markdown_is_text(name: str, shown: str) -> None:
    assert escape(name, "markdown") == shown
    assert shown.replace("|", r"\|") in table(["h"], [[name]], "markdown")


@pytest.mark.parametrize("style", ["text", "markdown", "latex"])
def test_a_name_is_bounded_and_what_is_not_seen_of_it_is_shown(style: Any) -> None:
    assert len(escape("x" * 10_000_000, style)) <= 410
    for hidden in ("\u200b", "\u00ad", "\u2800", "\u3164", "\x9b", "\u2066"):
        assert hidden not in escape(f"a{hidden}b", style)
        assert escape(f"a{hidden}b", style) != escape("ab", style)


@pytest.mark.parametrize("style", leaderboard.FORMATS)
def test_a_note_about_many_systems_and_the_signature_are_whole(style: str) -> None:
    systems = [Ranked(made_score(f"system-{number}"), 1, 1, 1, 1) for number in range(100)]
    for each in systems[1:]:
        each.score.submission["corpus_version"] = "0.9.0"
    signature = "corpus:" + "x" * 600 + "|seed:0"
    text = render_ranking(replace(made_ranking(*systems), signature=signature), style, width=200)
    assert signature in text
    if style not in ("json", "csv"):
        assert ", ".join(f"system-{number}" for number in range(1, 100)) in " ".join(text.split())


def test_json_has_escapes_for_what_a_terminal_acts_on() -> None:
    text = as_json({"name": "a\x7f\x9b\u202e\U000e0001é\ud800"})
    assert text.isascii() is False
    assert all(c.isprintable() or c == "\n" for c in text)
    assert json.loads(text) == {"name": "a\x7f\x9b\u202e\U000e0001é\ud800"}


@pytest.mark.parametrize(
    ("result", "begins"),
    [
        (lambda: made_score(EVIL), "Score of =A1|x_& \\input{y} on tiny 1.0.0, 5 documents\n  overall    0.500 [0.400"),
        (lambda: BOARD, "Ranking of 3 systems by overall on tiny 1.0.0, 5 documents\n  1 (1–1)   0.750 [0.650"),
        (lambda: made_ranking(*[FIRST] * 50), "Ranking of 50 systems"),
        (lambda: FIRST, "Score of first"),
        (lambda: Report([], 1, 2, codes={"RT301": 3, "RT404": 5}), "Report on 2 records in 1 file: 0 errors"),
        (lambda: Report([], 1, 2, codes=dict.fromkeys(list(RULES)[:30], 1)), "Report on 2 records"),
    ],
)
def test_results_show_themselves_in_ten_lines(result: Callable[[], Any], begins: str) -> None:
    found = result()
    assert repr(found).startswith(begins)
    assert len(repr(found).splitlines()) <= 10
    assert found._repr_html_().count("<tr>") == len(repr(found).splitlines()) - 1


def test_a_name_in_a_notebook_is_text() -> None:
    page = made_score("<script>alert(1)</script>\x1b")._repr_html_()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b" in page
    assert "<script" not in page


def test_one_screen_tells_a_score_and_a_board_where_to_find_the_rest() -> None:
    assert_golden("score-brief.txt", render_score(WRITTEN, "text"))
    assert_golden("leaderboard-brief.txt", render_ranking(WRITTEN_BOARD, "table"))
