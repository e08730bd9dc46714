"""A ranking as a leaderboard: text, Markdown, CSV, LaTeX, HTML or JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from retold.model.display import brief
from retold.report.notes import (
    NOT_COMPETED,
    TIERS,
    UNDEFINED,
    coverage_of,
    few_documents,
    format_value,
    layers_left,
    mean_notes,
    missing_layers,
    other_corpus,
    saw_gold,
    short_hash,
    spread,
    status,
    unanswered,
    warnings,
)
from retold.report.tables import ABSENT, WIDTH, Page, as_json, format_exact, interval, number, table
from retold.scoring.evaluate import Score
from retold.scoring.near_copies import NEAR
from retold.scoring.ranking import ALPHA, Comparison, Ranking

__all__ = ["FORMATS", "SUFFIXES", "near_copies", "render_ranking"]

FORMATS: Final = ("table", "markdown", "json", "csv", "latex", "html")
#: Format -> suffix of the file that ``retold rank --output`` writes.
SUFFIXES: Final = {"table": "txt", "markdown": "md", "json": "json", "csv": "csv", "latex": "tex", "html": "html"}


@dataclass(frozen=True, slots=True)
class _Grid:
    """A table of the page; ``name`` is the index of the column that labels a row."""

    title: str
    headers: list[str]
    rows: list[list[str]]
    name: int = 0


def render_ranking(ranking: Ranking, style: str, *, verbose: bool = False, width: int = WIDTH) -> str:
    """Render a ranking in one of ``FORMATS``; text has the files and the differences where it is ``verbose``."""
    if style == "json":
        return as_json(ranking.as_dict())
    if style == "csv":
        return _csv(ranking)
    title = f"Leaderboard, ranked by {ranking.measure}"
    if style == "html":
        grids = [_board(ranking, in_words=True), _files(ranking), _differences(ranking)]
        return _html(ranking, title, [grid for grid in grids if grid.rows], _foot(ranking, in_words=True))
    page = Page(style, width)
    short = page.style == "text"
    brief = short and not verbose
    board, files, differences = _board(ranking, short=short), _files(ranking, protocol=short), _differences(ranking)
    page.heading(title, 1)
    page.table(board.headers, board.rows)
    if not brief:
        page.table(files.headers, files.rows, files.title)
    if short and verbose:
        page.table(differences.headers, differences.rows, differences.title)
    more = ["--verbose shows protocols, ranges, files and differences; --format json everything."]
    page.notes(_foot(ranking, before=more if brief else []))
    if page.style == "markdown":
        page.table(differences.headers, differences.rows, differences.title)
    return str(page)


def _board(ranking: Ranking, *, in_words: bool = False, short: bool = False) -> _Grid:
    """Ranks and scores; ``short`` with the interval of the measure that ranks alone, and that measure first."""
    names = list(ranking.headlines)
    if short:
        names.sort(key=lambda name: name != ranking.measure)
    rows = []
    for system in ranking.systems:
        ranks = [system.rank, system.rank_low and f"{system.rank_low}–{system.rank_high}", system.tier]
        shown = [ABSENT if rank is None else str(rank) for rank in ranks]
        protocol = [] if short else [system.score.protocol or ABSENT]
        values = [_value(system.score, name, in_words, alone=short and name != ranking.measure) for name in names]
        rows.append([*shown, system.score.system, *protocol, *values])
    columns = [name if short and name != ranking.measure else f"{name} [95%]" for name in names]
    headers = ["rank", "range", "tier", "system", *([] if short else ["protocol"]), *columns]
    return _Grid("Ranks and scores", headers, rows, name=3)


def _value(score: Score, name: str, in_words: bool, *, alone: bool = False) -> str:
    value = score.measures[name]
    if value.value is None and in_words:
        return status(score, name)
    return format_value(score, name) + ("" if value.low is None or alone else f" {interval(value.low, value.high)}")


def _files(ranking: Ranking, *, protocol: bool = False) -> _Grid:
    """What was scored, and for few documents the range of each headline when one is left out."""
    scores = [system.score for system in ranking.systems]
    few = any(score.measures[name].leave_one_out for score in scores for name in ranking.headlines)
    rows = [
        [
            score.system,
            *(spread(score.measures[name]) for name in ranking.headlines if few),
            *([score.protocol or ABSENT] if protocol else []),
            score.submission["corpus_version"] or ABSENT,
            short_hash(score),
        ]
        for score in scores
    ]
    title = "Range when one document is left out, and the file scored" if few else "The file scored"
    headers = [
        "system",
        *(ranking.headlines if few else ()),
        *(["protocol"] if protocol else []),
        "made for corpus",
        "SHA-256",
    ]
    return _Grid(title, headers, rows)


def _differences(ranking: Ranking) -> _Grid:
    headers = ["a", "b", "measure", "a − b", "95% interval", "p", "p (Holm)"]
    return _Grid("Differences", headers, [_comparison(c) for c in ranking.comparisons if c.measure == ranking.measure])


def _comparison(c: Comparison) -> list[str]:
    return [c.a, c.b, c.measure, number(c.difference), interval(c.low, c.high), number(c.p, 4), number(c.p_holm, 4)]


def _foot(ranking: Ranking, *, in_words: bool = False, before: Sequence[str] = ()) -> list[str]:
    scores = [system.score for system in ranking.systems]
    found = {status(score, name) for score in scores for name in ranking.headlines}
    lines = []
    if not in_words:
        lines += [UNDEFINED] if "undefined" in found else []
        lines += [NOT_COMPETED] if found & {"not competed in", "not in gold"} else []
    not_in_gold = layers_left(scores[0])[1]
    lines += [f"not in gold: {', '.join(not_in_gold)}"] if not_in_gold else []
    lines += _notes_on(scores)
    pairs = [c for c in ranking.comparisons if c.measure == ranking.measure]
    lines += [TIERS] if pairs else []
    separable = sum(c.p_holm < ALPHA for c in pairs)
    if pairs:
        lines.append(
            f"{separable} of {len(pairs)} pairs of systems differ significantly in {ranking.measure} "
            f"(paired randomisation test, Holm, {ALPHA:.0%})."
        )
    if ranking.least_p >= ALPHA:
        adjusted = ranking.hypotheses[ranking.measure]
        needed = math.ceil(adjusted / ALPHA)
        counted = "1 pair" if adjusted == 1 else f"{adjusted} pairs"
        lines.append(
            f"With {ranking.resamples} trials no difference can be significant at {ALPHA:.0%} after Holm's correction "
            f"for {counted}; use --resamples {needed} or more."
        )
    lines += filter(None, [near_copies(ranking)])
    detectable = ranking.minimum_detectable_difference.get(ranking.measure)
    if detectable is not None:
        lines.append(
            f"Minimum detectable difference in {ranking.measure}: {number(detectable)} "
            "(80% power, median over pairs, before Holm)."
        )
    if any(system.rank is None for system in ranking.systems):
        lines.append(f"Systems without a rank have no {ranking.measure} score; that column says why.")
    for name in ranking.incomparable:
        shares = [
            f"{note.removeprefix(f'{name} is ')} in {score.system}"
            for score in scores
            if (note := coverage_of(score, whole=True).get(name))
        ]
        lines.append(f"{name} is not compared, as systems give probabilities for other cells: {', '.join(shares)}")
    lines += list(dict.fromkeys(filter(None, map(saw_gold, scores))))
    if ranking.documents < 30:
        lines.append(few_documents(ranking.documents, ranking.signature, scores[0].scheme))
    return [*lines, *before, f"signature: {ranking.signature}"]


def near_copies(ranking: Ranking) -> str:
    """Which systems count as one, in a sentence; empty where there are none."""
    groups = "; ".join(", ".join(group) for group in ranking.near_copies.get(ranking.measure, ()))
    return (
        f"Near-copies, whose answers agree by {NEAR:.0%} or more, count as one system in Holm's correction and begin "
        f"no tier: {groups}."
        if groups
        else ""
    )


def _notes_on(scores: Sequence[Score]) -> list[str]:
    """Notes on some of the systems: means of fewer parts, unanswered questions, another corpus."""
    about: dict[str, list[str]] = {}
    for score in scores:
        on_board = {*score.headlines, *(part for track in score.scheme.tracks.values() for part in track.parts)}
        means = [note for name, note in mean_notes(score).items() if name in on_board]
        found = [*means, missing_layers(score), unanswered(score), other_corpus(score), warnings(score)]
        for note in filter(None, found):
            about.setdefault(note, []).append(score.system)
    alone = len(scores) == 1
    return [
        note if alone else f"{note} ({'every system' if len(names) == len(scores) else ', '.join(names)})"
        for note, names in about.items()
    ]


def _html(ranking: Ranking, title: str, grids: Sequence[_Grid], notes: Sequence[str]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    pages = Environment(
        loader=PackageLoader("retold.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["brief"] = brief
    corpus = f"{ranking.corpus['name']} {ranking.corpus['version']}"
    return pages.get_template("leaderboard.html").render(title=title, corpus=corpus, grids=grids, notes=notes) + "\n"


def _csv(ranking: Ranking) -> str:
    names = list(ranking.systems[0].score.measures)
    headers = ["rank", "rank_low", "rank_high", "tier", "system", "protocol"]
    for name in names:
        headers += [name, f"{name}.low", f"{name}.high"]
        headers += [f"{name}.leave_one_out.low", f"{name}.leave_one_out.high"] if name in ranking.headlines else []
    headers += ["undefined", "not_competed", "not_in_gold", "notes"]
    headers += ["corpus_version", "sha256", "ranked_by", "signature"]
    rows = []
    for system in ranking.systems:
        score = system.score
        ranks = (system.rank, system.rank_low, system.rank_high, system.tier)
        row = [*("" if rank is None else str(rank) for rank in ranks), score.system, score.protocol]
        for name in names:
            value = score.measures[name]
            compared = (value.value, value.low, value.high) if name not in ranking.incomparable else (None,) * 3
            row += map(format_exact, compared)
            row += map(format_exact, value.leave_one_out or (None, None)) if name in ranking.headlines else []
        missing, no_gold = layers_left(score)
        undefined = [name for name in names if status(score, name) == "undefined"]
        row += [" ".join(undefined), " ".join(missing), " ".join(no_gold)]
        notes = [*mean_notes(score).values(), *coverage_of(score).values(), missing_layers(score)]
        notes += [other_corpus(score), saw_gold(score)]
        notes += [
            f"near-copy of {brief(group[0])}"
            for group in ranking.near_copies.get(ranking.measure, ())
            if score.system in group[1:]
        ]
        row.append(" | ".join(filter(None, notes)))
        row += [score.submission["corpus_version"], score.submission["sha256"], ranking.measure, ranking.signature]
        rows.append(row)
    return table(headers, rows, "csv")
