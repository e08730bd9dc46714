"""A ranking as a leaderboard: text, Markdown, CSV, LaTeX or JSON."""

from __future__ import annotations

import json
import math
from typing import Final

from retold.ranking import ALPHA, Comparison, Ranked, Ranking
from retold.report.scores import few_documents
from retold.report.tables import ABSENT, TableFormat, number, one_line, table
from retold.scoring import HEADLINES, Value

__all__ = ["FORMATS", "SUFFIXES", "render_ranking"]

FORMATS: Final = ("table", "markdown", "json", "csv", "latex")
#: Format -> suffix of the page that ``retold rank --output`` writes.
SUFFIXES: Final = {"table": "txt", "markdown": "md", "json": "json", "csv": "csv", "latex": "tex"}


def render_ranking(ranking: Ranking, style: str) -> str:
    """Render a ranking in one of ``FORMATS``."""
    if style == "json":
        return json.dumps(ranking.as_dict(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    if style == "csv":
        return _csv(ranking)
    kind: TableFormat = "text" if style == "table" else style  # type: ignore[assignment]
    headers = ["rank", "range", "tier", "system", "protocol", *(f"{name} [95%]" for name in HEADLINES)]
    board = table(headers, [_row(system) for system in ranking.systems], kind)
    foot = _foot(ranking)
    if style == "latex":
        return board + "".join(f"% {line}\n" for line in foot)
    if style == "markdown":
        differences = table(
            ["a", "b", "measure", "a − b", "95% interval", "p", "p (Holm)"],
            [_comparison(c) for c in ranking.comparisons if c.measure == ranking.measure],
            kind,
        )
        notes = "".join(f"- {line}\n" for line in foot)
        return f"# Leaderboard\n\n{board}\n{notes}\n## Differences\n\n{differences}"
    return f"{board}\n" + "".join(f"{line}\n" for line in foot)


def _row(system: Ranked) -> list[str]:
    ranks = ABSENT if system.rank is None else f"{system.rank_low}–{system.rank_high}"
    values = [_value(system.score.measures[name]) for name in HEADLINES]
    protocol = system.score.protocol or ABSENT
    return [_whole(system.rank), ranks, _whole(system.tier), system.score.system, protocol, *values]


def _whole(value: int | None) -> str:
    return ABSENT if value is None else str(value)


def _value(value: Value) -> str:
    if value.value is None:
        return ABSENT
    return (
        number(value.value)
        if value.low is None
        else f"{number(value.value)} [{number(value.low)}, {number(value.high)}]"
    )


def _comparison(c: Comparison) -> list[str]:
    interval = ABSENT if c.low is None else f"[{number(c.low)}, {number(c.high)}]"
    return [c.a, c.b, c.measure, number(c.difference), interval, number(c.p, 4), number(c.p_holm, 4)]


def _foot(ranking: Ranking) -> list[str]:
    pairs = [c for c in ranking.comparisons if c.measure == ranking.measure]
    apart = sum(c.p_holm < ALPHA for c in pairs)
    lines = []
    if pairs:
        lines.append(
            f"{apart} of {len(pairs)} pairs of systems are separable by {ranking.measure} "
            f"(paired randomisation test, Holm, {ALPHA:.0%}); the rank range says which places the others leave open."
        )
    if ranking.least_p >= ALPHA:
        needed = math.ceil(ranking.hypotheses[ranking.measure] / ALPHA)
        lines.append(
            f"With {ranking.resamples} trials no difference can reach {ALPHA:.0%} after Holm's adjustment for "
            f"{len(pairs)} pairs: give --resamples {needed} or more."
        )
    detectable = ranking.minimum_detectable_difference.get(ranking.measure)
    if detectable is not None:
        lines.append(
            f"A true difference in {ranking.measure} of {number(detectable)} is found with a chance of 80% "
            "(median over pairs, before Holm); smaller ones mostly stay unseen."
        )
    if any(system.rank is None for system in ranking.systems):
        lines.append(f"A system without a rank does not compete in all that {ranking.measure} needs.")
    if any(system.score.protocol == "saw-gold" for system in ranking.systems):
        lines.append("saw-gold: the system saw the labels that it predicts; its numbers are no result.")
    if ranking.documents < 30:
        lines.append(few_documents(ranking.documents, ranking.signature))
    lines.append(f"signature: {one_line(ranking.signature)}")
    return lines


def _csv(ranking: Ranking) -> str:
    def full(value: float | None) -> str:
        return "" if value is None else repr(value)

    names = list(ranking.systems[0].score.measures)
    headers = ["rank", "rank_low", "rank_high", "tier", "system", "protocol"]
    headers += [column for name in names for column in (name, f"{name}.low", f"{name}.high")]
    rows = []
    for system in ranking.systems:
        places = (system.rank, system.rank_low, system.rank_high, system.tier)
        row = ["" if place is None else str(place) for place in places]
        row += [system.score.system, system.score.protocol]
        for name in names:
            value = system.score.measures[name]
            row += [full(value.value), full(value.low), full(value.high)]
        rows.append([*row, ranking.signature])
    return table([*headers, "signature"], rows, "csv")
