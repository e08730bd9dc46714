"""A ranking as a leaderboard: text, Markdown, CSV, LaTeX, HTML or JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from retold.model.display import brief, counted
from retold.report import notes
from retold.report.tables import ABSENT, WIDTH, Page, as_json, format_exact, interval, number, table
from retold.scoring.evaluate import Score
from retold.scoring.near_copies import NEAR
from retold.scoring.ranking import ALPHA, Ranking

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
    names = sorted(ranking.headlines, key=lambda name: short and name != ranking.measure)
    rows = []
    for system in ranking.systems:
        score = system.score
        ranks = [system.rank, system.rank_low and f"{system.rank_low}–{system.rank_high}", system.tier]
        cells = [ABSENT if rank is None else str(rank) for rank in ranks]
        cells += [score.system] if short else [score.system, score.protocol or ABSENT]
        for name in names:
            value, cell = score.measures[name], notes.format_value(score, name, in_words=in_words)
            alone = value.low is None or (short and name != ranking.measure)
            cells.append(cell if alone else f"{cell} {interval(value.low, value.high)}")
        rows.append(cells)
    columns = [name if short and name != ranking.measure else f"{name} [95%]" for name in names]
    headers = ["rank", "range", "tier", "system", *([] if short else ["protocol"]), *columns]
    return _Grid("Ranks and scores", headers, rows, name=3)


def _files(ranking: Ranking, *, protocol: bool = False) -> _Grid:
    """What was scored, and for few documents the range of each headline when one is left out."""
    scores = [system.score for system in ranking.systems]
    few = any(score.measures[name].leave_one_out for score in scores for name in ranking.headlines)
    headers = ["system", *(ranking.headlines if few else ()), "protocol", "made for corpus", "SHA-256"]
    rows = []
    for score in scores:
        ranges = [notes.spread(score.measures[name]) for name in ranking.headlines if few]
        about = [score.protocol or ABSENT, score.submission["corpus_version"] or ABSENT, notes.short_hash(score)]
        rows.append([score.system, *ranges, *about])
    if not protocol:
        for row in (headers, *rows):
            del row[-3]
    return _Grid(f"{'Range when one document is left out, and the' if few else 'The'} file scored", headers, rows)


def _differences(ranking: Ranking) -> _Grid:
    headers = ["a", "b", "measure", "a − b", "95% interval", "p", "p (Holm)"]
    rows = [
        [c.a, c.b, c.measure, number(c.difference), interval(c.low, c.high), number(c.p, 4), number(c.p_holm, 4)]
        for c in ranking.pairs
    ]
    return _Grid("Differences", headers, rows)


def _foot(ranking: Ranking, *, in_words: bool = False, before: Sequence[str] = ()) -> list[str]:
    scores, measure = [system.score for system in ranking.systems], ranking.measure
    found = {notes.status(score, name) for score in scores for name in ranking.headlines if not in_words}
    lines = [notes.UNDEFINED] if "undefined" in found else []
    lines += [notes.NOT_COMPETED] if found & {"not competed in", "not in gold"} else []
    not_in_gold = notes.layers_left(scores[0])[1]
    lines += [f"not in gold: {', '.join(not_in_gold)}"] if not_in_gold else []
    lines += _notes_on(scores)
    if pairs := ranking.pairs:
        separable = sum(c.p_holm < ALPHA for c in pairs)
        lines += [
            notes.TIERS,
            f"{separable} of {len(pairs)} pairs of systems differ significantly in {measure} "
            f"(paired randomisation test, Holm, {ALPHA:.0%}).",
        ]
    if ranking.least_p >= ALPHA:
        adjusted = ranking.hypotheses[measure]
        lines.append(
            f"With {ranking.resamples} trials no difference can be significant at {ALPHA:.0%} after Holm's correction "
            f"for {counted(adjusted, 'pair')}; use --resamples {math.ceil(adjusted / ALPHA)} or more."
        )
    lines += near_copies(ranking)
    detectable = ranking.minimum_detectable_difference.get(measure)
    if detectable is not None:
        lines.append(
            f"Minimum detectable difference in {measure}: {number(detectable)} "
            "(80% power, median over pairs, before Holm)."
        )
    unranked: dict[str, list[str]] = {}
    for each in ranking.systems:
        if each.rank is None:
            left = ", ".join(notes.layers_left(each.score)[0])
            unranked.setdefault(f"no predictions for {left}" if left else "it is undefined", []).append(
                each.score.system
            )
    lines += [f"No rank, as there is no {measure} score: {', '.join(of)} ({why})." for why, of in unranked.items()]
    for name in ranking.incomparable:
        shares = [
            f"{note.removeprefix(f'{name} is ')} in {score.system}"
            for score in scores
            if (note := notes.coverage_of(score, whole=True).get(name))
        ]
        lines.append(f"{name} is not compared, as systems give probabilities for other cells: {', '.join(shares)}")
    lines += list(dict.fromkeys(filter(None, map(notes.saw_gold, scores))))
    lines += notes.few_documents(ranking.documents, ranking.signature, scores[0].scheme)
    return [*lines, *before, f"signature: {ranking.signature}"]


def near_copies(ranking: Ranking) -> list[str]:
    """Which systems count as one, in a sentence, if there are any."""
    groups = "; ".join(", ".join(group) for group in ranking.near_copies.get(ranking.measure, ()))
    said = (
        f"Near-copies, whose answers agree by {NEAR:.0%} or more, count as one system in Holm's correction, and only "
        f"the best one can begin a tier: {groups}."
    )
    return [said] if groups else []


def _notes_on(scores: Sequence[Score]) -> list[str]:
    """Notes on some of the systems: means of fewer parts, unanswered questions, another corpus."""
    about: dict[str, list[str]] = {}
    for score in scores:
        on_board = {*score.headlines, *score.scheme.parts}
        found = [note for name, note in notes.mean_notes(score).items() if name in on_board]
        found += [notes.missing_layers(score), notes.unanswered(score), notes.other_corpus(score)]
        for note in filter(None, [*found, notes.warnings(score)]):
            about.setdefault(note, []).append(score.system)
    if len(scores) == 1:
        return list(about)
    whose = {note: "every system" if len(of) == len(scores) else ", ".join(of) for note, of in about.items()}
    return [f"{note} ({systems})" for note, systems in whose.items()]


def _html(ranking: Ranking, title: str, grids: Sequence[_Grid], foot: Sequence[str]) -> str:
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
    return pages.get_template("leaderboard.html").render(title=title, corpus=corpus, grids=grids, notes=foot) + "\n"


def _csv(ranking: Ranking) -> str:
    names = list(ranking.systems[0].score.measures)
    headers = ["rank", "rank_low", "rank_high", "tier", "system", "protocol"]
    for name in names:
        headers += [name, f"{name}.low", f"{name}.high"]
        headers += [f"{name}.leave_one_out.low", f"{name}.leave_one_out.high"] if name in ranking.headlines else []
    headers += ["undefined", "not_competed", "not_in_gold", "notes"]
    headers += ["corpus_version", "sha256", "ranked_by", "signature"]
    copies = {name: group[0] for group in ranking.near_copies.get(ranking.measure, ()) for name in group[1:]}
    rows = []
    for system in ranking.systems:
        score = system.score
        ranks = (system.rank, system.rank_low, system.rank_high, system.tier)
        row = [*("" if rank is None else str(rank) for rank in ranks), score.system, score.protocol]
        for name in names:
            value = score.measures[name]
            row += notes.exact(value) if name not in ranking.incomparable else [""] * 3
            row += map(format_exact, value.leave_one_out or (None, None)) if name in ranking.headlines else []
        undefined = [name for name in names if notes.status(score, name) == "undefined"]
        row += map(" ".join, (undefined, *notes.layers_left(score)))
        said = [*notes.mean_notes(score).values(), *notes.coverage_of(score).values(), notes.missing_layers(score)]
        said += [notes.other_corpus(score), notes.saw_gold(score)]
        said += [f"near-copy of {brief(copies[score.system])}"] if score.system in copies else []
        row.append(" | ".join(filter(None, said)))
        row += [score.submission["corpus_version"], score.submission["sha256"], ranking.measure, ranking.signature]
        rows.append(row)
    return table(headers, rows, "csv")
