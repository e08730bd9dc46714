"""A ranking as a leaderboard: text, Markdown, CSV, LaTeX, HTML or JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from retold.report.notes import (
    NOT_COMPETED,
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
)
from retold.report.tables import (
    ABSENT,
    TableFormat,
    as_json,
    format_exact,
    heading,
    interval,
    listed,
    number,
    one_line,
    table,
)
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


def render_ranking(ranking: Ranking, style: str) -> str:
    """Render a ranking in one of ``FORMATS``."""
    if style == "json":
        return as_json(ranking.as_dict())
    if style == "csv":
        return _csv(ranking)
    title = f"Leaderboard, ranked by {ranking.measure}"
    if style == "html":
        grids = [_board(ranking, in_words=True), _files(ranking), _differences(ranking)]
        return _html(ranking, title, [grid for grid in grids if grid.rows], _foot(ranking, in_words=True))
    kind: TableFormat = "text" if style == "table" else style  # type: ignore[assignment]
    board, files, differences = _board(ranking), _files(ranking), _differences(ranking)
    parts = [heading(title, kind, 1), table(board.headers, board.rows, kind)]
    parts += [heading(files.title, kind, 2), table(files.headers, files.rows, kind)]
    parts.append(listed(_foot(ranking), kind))
    if style == "markdown" and differences.rows:
        parts += [heading(differences.title, kind, 2), table(differences.headers, differences.rows, kind)]
    return "\n".join(parts)


def _board(ranking: Ranking, *, in_words: bool = False) -> _Grid:
    rows = []
    for system in ranking.systems:
        ranks = [system.rank, system.rank_low and f"{system.rank_low}–{system.rank_high}", system.tier]
        values = [_value(system.score, name, in_words) for name in system.score.headlines]
        rows.append(
            [
                *(ABSENT if rank is None else str(rank) for rank in ranks),
                system.score.system,
                system.score.protocol or ABSENT,
                *values,
            ]
        )
    headers = ["rank", "range", "tier", "system", "protocol", *(f"{name} [95%]" for name in ranking.headlines)]
    return _Grid("Ranks and scores", headers, rows, name=3)


def _value(score: Score, name: str, in_words: bool) -> str:
    value = score.measures[name]
    if value.value is None and in_words:
        return status(score, name)
    return format_value(score, name) + ("" if value.low is None else f" {interval(value.low, value.high)}")


def _files(ranking: Ranking) -> _Grid:
    """What was scored, and for few documents the range of each headline when one is left out."""
    scores = [system.score for system in ranking.systems]
    few = any(score.measures[name].leave_one_out for score in scores for name in ranking.headlines)
    rows = [
        [
            score.system,
            *(spread(score.measures[name]) for name in ranking.headlines if few),
            score.submission["corpus_version"] or ABSENT,
            short_hash(score),
        ]
        for score in scores
    ]
    title = "Range when one document is left out, and the file scored" if few else "The file scored"
    return _Grid(title, ["system", *(ranking.headlines if few else ()), "made for corpus", "SHA-256"], rows)


def _differences(ranking: Ranking) -> _Grid:
    headers = ["a", "b", "measure", "a − b", "95% interval", "p", "p (Holm)"]
    return _Grid("Differences", headers, [_comparison(c) for c in ranking.comparisons if c.measure == ranking.measure])


def _comparison(c: Comparison) -> list[str]:
    return [c.a, c.b, c.measure, number(c.difference), interval(c.low, c.high), number(c.p, 4), number(c.p_holm, 4)]


def _foot(ranking: Ranking, *, in_words: bool = False) -> list[str]:
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
    separable = sum(c.p_holm < ALPHA for c in pairs)
    if pairs:
        lines.append(
            f"{separable} of {len(pairs)} pairs of systems differ significantly in {ranking.measure} "
            f"(paired randomisation test, Holm, {ALPHA:.0%}); the rank range shows which ranks remain possible."
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
    lines.append(f"signature: {ranking.signature}")
    return [one_line(line) for line in lines]


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
        for note in filter(None, [*means, missing_layers(score), unanswered(score), other_corpus(score)]):
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
    pages.filters["one_line"] = one_line
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
            f"near-copy of {one_line(group[0])}"
            for group in ranking.near_copies.get(ranking.measure, ())
            if score.system in group[1:]
        ]
        row.append(" | ".join(filter(None, notes)))
        row += [score.submission["corpus_version"], score.submission["sha256"], ranking.measure, ranking.signature]
        rows.append(row)
    return table(headers, rows, "csv")
