"""Comparisons of two systems and tables of errors, written in every format."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from golden import assert_golden
from retold.report.items import error_tables, render_comparison
from retold.report.tables import table
from retold.scoring.compare import Flip, ItemComparison, compare_items
from retold.scoring.items import SystemItems

CORPUS = {"name": "tiny", "version": "", "sha256": ""}
SIGNATURE = "corpus:tiny|unit:paragraph|seed:0"


def system_of() -> SystemItems:
    layers: Any = {"entities": True, "stance": True, "claims": True, "verification": True}
    return SystemItems("one", SIGNATURE, CORPUS, {"sha256": "ab"}, layers, [])


def flip_of(**labels: str) -> Flip:
    return Flip(**{"a_verdict": "correct", "b_verdict": "correct", **labels})  # type: ignore[arg-type]


#: Made by hand: labels that a spreadsheet, a table or a page would act on.
WRITTEN = ItemComparison(
    a=replace(
        system_of(),
        system="=a|b_c",
        submission={"sha256": "ab", "protocol": "zero-shot", "corpus_version": "1.0.0"},
        layers={"entities": True, "stance": False, "claims": True, "verification": False},
    ),
    b=replace(
        system_of(),
        system="second",
        submission={"sha256": "cd", "protocol": "", "corpus_version": ""},
        layers={"entities": True, "stance": True, "claims": True, "verification": False},
    ),
    flips=[
        flip_of(
            task="mention", document_id="d0", item="0:5", gold="GPE",
            a="GPE 0:4", b="GPE", a_verdict="boundary", better="b", context="[River] rises",
        ),
        flip_of(
            task="claim", document_id="d0", item="9:20", gold="+mayor",
            a="@c1", b="@c1", b_verdict="source", better="a", context="=1 [+1]",
        ),
        flip_of(
            task="claim", document_id="d1", item="3:7", gold="",
            a="", b="author", a_verdict="", b_verdict="spurious", better="a", context="-2 | [word] x_y",
        ),
    ],
)  # fmt: skip


@pytest.mark.parametrize(
    ("style", "suffix"), [("table", "txt"), ("markdown", "md"), ("latex", "tex"), ("csv", "csv"), ("json", "json")]
)
def test_render_comparison_in_full(style: str, suffix: str) -> None:
    assert_golden(f"comparison.{suffix}", render_comparison(WRITTEN, style, verbose=True))


def test_render_comparison_without_context() -> None:
    assert_golden("comparison-brief.txt", render_comparison(WRITTEN, "text"))


@pytest.mark.parametrize("style", ["table", "markdown", "latex", "csv"])
def test_a_long_context_is_cut_for_people_and_whole_for_programs(style: str) -> None:
    # 100 characters at most, the last of which says that there is more.
    long = "x" * 101
    made = replace(WRITTEN, flips=[msgspec.structs.replace(WRITTEN.flips[0], context=long)])
    shown = render_comparison(made, style, verbose=True, width=400)
    assert (long in shown) == (style == "csv")
    more = r"\ldots{}" if style == "latex" else "…"
    assert ("x" * 99 + more in shown) == (style != "csv")


SAME = "No difference: a and b are right on the same items."
APART = "Nothing to compare: a and b have no layer in common."
NOTHING = {
    "table": "a: one, sha256 ab\nb: one, sha256 ab\n\n{}\n\nsignature: {}\n",
    "markdown": "- a: one, sha256 ab\n- b: one, sha256 ab\n\n{}\n\n- signature: {}\n",
    "latex": "% a: one, sha256 ab\n% b: one, sha256 ab\n\n% {}\n\n% signature: {}\n",
}


@pytest.mark.parametrize("style", NOTHING)
def test_without_flips_there_is_a_sentence_and_no_empty_table(style: str) -> None:
    assert render_comparison(compare_items(system_of(), system_of()), style) == NOTHING[style].format(SAME, SIGNATURE)
    apart = compare_items(system_of(), replace(system_of(), layers=dict.fromkeys(system_of().layers, False)))
    shown = render_comparison(apart, style)
    assert APART in shown
    assert SAME not in shown
    assert "left out: entities, stance, claims, verification, not given by b" in shown


def test_without_flips_csv_has_its_header_and_notes_and_json_an_empty_list() -> None:
    same = compare_items(system_of(), system_of())
    rows = list(csv.reader(io.StringIO(render_comparison(same, "csv"))))
    assert [row[0] for row in rows] == ["task", "a", "b", "signature"]
    assert json.loads(render_comparison(same, "json"))["flips"] == []


ERRORS = {
    "mention": {
        "GPE": {"correct": 3, "boundary": 1, "type": 2, "boundary and type": 4, "kind": 6},
        "nominals": {"missed": 5, "spurious": 7},
    },
    "linking": {"all": {"correct": 1, "link": 2, "missed": 3, "spurious": 4}},
    "stance": {"dam": {"none → favor": 2}, "=x_y": {"favor → missing": 1}},
    "claim": {"author": {"correct": 1, "source": 2, "overlap": 3, "merged": 4, "missed": 5, "split": 6, "spurious": 7}},
    "verification": {"refuted": {"refuted": 8, "missing": 9}},
}


def error_pages(style: Any) -> list[tuple[str, str]]:
    return [(title, table(headers, rows, style)) for title, headers, rows in error_tables(ERRORS)]


def test_error_tables_in_full() -> None:
    assert_golden("errors.txt", "\n".join(f"{title}\n\n{text}" for title, text in error_pages("text")))


# The table of stance in the other formats, with what they escape.
@pytest.mark.parametrize(("style", "suffix"), [("markdown", "md"), ("latex", "tex"), ("csv", "csv")])
def test_error_tables_escape_labels_in_every_format(style: Any, suffix: str) -> None:
    found = dict(error_pages(style))
    assert list(found) == [title for title, _ in error_pages("text")]
    assert_golden(f"errors-stance.{suffix}", found["errors: stance, gold → predicted"])
