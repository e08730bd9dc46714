"""Segmentation: zones, paragraphs and sentences stand where their opening words are, or the text is refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retold.model.annotations import ZoneName
from retold.model.segment import SegmentationError, divide

TEXT = (
    "A flood\n"  # 0 to 7
    "By Ann Lee\n\n"  # 8 to 18
    "It rained. The river\xa0rose. “Run!” they said.  \n"  # 20 to 66
    "\n"
    "It stopped. It rained again.\n"  # 70 on
    "Share this page\n"
)
ZONES: list[tuple[ZoneName, str]] = [
    ("title", "A flood"),
    ("byline", "By Ann"),
    ("body", "It rained."),
    ("boilerplate", "Share"),
]
PARAGRAPHS = [["A flood"], ["It rained", "The river\xa0rose", "“Run"], ["It stopped", "It rained"]]


def words(text: str, spans: Sequence[object]) -> list[str]:
    return [text[span.start : span.end] for span in spans]  # type: ignore[attr-defined]


def test_divide_covers_the_text_with_zones() -> None:
    zones, _, _ = divide(TEXT, ZONES, PARAGRAPHS)
    assert [zone.zone for zone in zones] == ["title", "byline", "body", "boilerplate"]
    assert "".join(words(TEXT, zones)) == TEXT
    assert [zone.start for zone in zones] == [0, 8, 20, TEXT.index("Share")]


def test_divide_starts_the_first_zone_at_0() -> None:
    zones, paragraphs, _ = divide("\n\n A flood\nIt rained.", [("title", "A flood"), ("body", "It")], [["A"], ["It"]])
    assert (zones[0].start, zones[0].end) == (0, 11)
    assert (paragraphs[0].start, paragraphs[0].end) == (3, 10)


def test_divide_makes_a_paragraph_of_each_line() -> None:
    _, paragraphs, _ = divide(TEXT, ZONES, PARAGRAPHS)
    assert words(TEXT, paragraphs) == [
        "A flood",
        "It rained. The river\xa0rose. “Run!” they said.",
        "It stopped. It rained again.",
    ]


def test_divide_ends_sentences_before_the_next_or_with_the_paragraph() -> None:
    _, _, sentences = divide(TEXT, ZONES, PARAGRAPHS)
    assert words(TEXT, sentences) == [
        "A flood",
        "It rained.",
        "The river\xa0rose.",
        "“Run!” they said.",
        "It stopped.",
        # Its opening stands in an earlier paragraph too, and means the one in its own.
        "It rained again.",
    ]


def test_divide_finds_repeated_openings_in_order() -> None:
    _, _, sentences = divide("No. No. No.", [("body", "No")], [["No", "No", "No"]])
    assert [(span.start, span.end) for span in sentences] == [(0, 3), (4, 7), (8, 11)]


@pytest.mark.parametrize(
    ("zones", "paragraphs", "message"),
    [
        (ZONES, [*PARAGRAPHS[:2], ["It stopped", "It snowed"]], "no sentence begins with 'It snowed'"),
        # In the text, but in another paragraph.
        (ZONES, [*PARAGRAPHS[:2], ["It stopped", "“Run"]], "no sentence begins with '“Run'"),
        (ZONES, [*PARAGRAPHS[:1], ["It rained", "It stopped"], *PARAGRAPHS[2:]], "begins with 'It stopped'"),
        # In the paragraph, but before the opening that it is said to follow.
        (ZONES, [*PARAGRAPHS[:1], ["It rained", "“Run", "The river"], *PARAGRAPHS[2:]], "begins with 'The river'"),
        # A plain space is no non-breaking one.
        (ZONES, [*PARAGRAPHS[:1], ["It rained", "The river rose"], *PARAGRAPHS[2:]], "begins with 'The river rose'"),
        (ZONES, [*PARAGRAPHS[:1], ["The river\xa0rose", "“Run"], *PARAGRAPHS[2:]], "character 20 begins before"),
        (ZONES, [*PARAGRAPHS[:2], []], "begins before its first sentence"),
        (ZONES, PARAGRAPHS[:2], "have 3 lines, the description has 2 paragraphs"),
        (ZONES, [*PARAGRAPHS, ["Share"]], "have 3 lines, the description has 4 paragraphs"),
        ([*ZONES[:3], ("boilerplate", "Shore")], PARAGRAPHS, "no boilerplate zone begins with 'Shore'"),
        ([ZONES[1], ZONES[0], *ZONES[2:]], PARAGRAPHS, "no title zone begins with 'A flood'"),
        ([], PARAGRAPHS, "expected at least one zone"),
    ],
)
def test_divide_refuses_missing_openings_and_uncovered_text(
    zones: list[tuple[ZoneName, str]], paragraphs: list[list[str]], message: str
) -> None:
    with pytest.raises(SegmentationError) as caught:
        divide(TEXT, zones, paragraphs)
    assert message in str(caught.value)


SENTENCES = st.lists(st.text("ab é🌊", min_size=1, max_size=6).map(lambda body: f"S{body}."), min_size=1, max_size=4)


@given(paragraphs=st.lists(SENTENCES, min_size=1, max_size=4), blank=st.sampled_from(["\n", "\n\n", " \n\t\n"]))
def test_divide_any_text(paragraphs: list[list[str]], blank: str) -> None:
    text = blank.join(" ".join(sentences) for sentences in paragraphs) + blank
    zones, lines, found = divide(text, [("body", "S")], [["S"] * len(sentences) for sentences in paragraphs])
    assert [(zone.start, zone.end) for zone in zones] == [(0, len(text))]
    assert words(text, lines) == [" ".join(sentences) for sentences in paragraphs]
    assert words(text, found) == [sentence for sentences in paragraphs for sentence in sentences]
    # Nothing but white space is in no sentence.
    covered = {offset for span in found for offset in range(span.start, span.end)}
    assert all(character.isspace() for offset, character in enumerate(text) if offset not in covered)
