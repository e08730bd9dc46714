"""Write baselines/RESULTS.md and the board of README.md from submissions.

    make results
    python scripts/results.py submissions/* [--resamples 10000] [--print]

Submissions are folders that ``retold baseline`` wrote: their run.json tells the run time, and which are controls
(trained on shuffled labels). Everything on the page comes from ``retold.rank`` and ``retold.score``. With --print the
page goes to standard output and no file is touched.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from retold.corpus import Corpus, load_corpus
from retold.files import write_atomic
from retold.ranking import ALPHA, Ranked, Ranking, rank
from retold.report.tables import number, table
from retold.scoring import HEADLINES, Score, Value
from retold.systems import describe_systems

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "baselines" / "RESULTS.md"
README: Final = ROOT / "README.md"
BEGIN: Final = "<!-- results: made by scripts/results.py -->"
END: Final = "<!-- /results -->"
#: Systems that the README shows.
TOP: Final = 6
#: Track -> the measures behind its score, and one or two beside them.
PARTS: Final = {
    "entities": ("entities.mention.f1", "entities.linking.f1", "entities.coreference.conll"),
    "stance": ("stance.favor.f1", "stance.against.f1", "stance.macro_f1", "stance.accuracy"),
    "claims": (
        "claims.span.f1",
        "claims.attribution.f1",
        "claims.verification.macro_f1",
        "claims.verification.strict",
    ),
}
#: What makes up the score of a track, where it is computed for one language.
MEANS: Final = {"entities": PARTS["entities"], "stance": ("stance.favg",), "claims": PARTS["claims"][:3]}


@dataclass(frozen=True, slots=True)
class Run:
    """A submission and how it was made: folder, run.json, and whether it is a floor."""

    folder: Path
    account: dict[str, Any]
    floor: bool

    @property
    def name(self) -> str:
        return str(self.account["system"])

    @property
    def control(self) -> bool:
        return self.account["control"] is not None


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """The submissions that were run by ``retold baseline``."""
    floors = {entry.name for entry in describe_systems(ROOT / "baselines") if entry.floor}
    runs = []
    for folder in folders:
        file = folder / "run.json"
        if not file.is_file():
            raise click.UsageError(f"{folder}: has no run.json; make it with `retold baseline`")
        account = json.loads(file.read_text(encoding="utf-8"))
        runs.append(Run(folder, account, account["system"] in floors))
    return runs


def page(runs: Sequence[Run], corpus: Corpus, resamples: int) -> tuple[str, str]:
    """The page of results, and the part of it that the README shows."""
    board = rank([run.folder for run in runs if not run.control], corpus, resamples=resamples)
    with_controls = rank([run.folder for run in runs], corpus, resamples=resamples)
    floors = [run.name for run in runs if run.floor]
    parts = [
        "# Results of the baselines",
        "This page is made by `make results`; what the systems are and how to run one stands in "
        "[README.md](README.md), what they get wrong in [ERRORS.md](ERRORS.md).",
        *_overall(board),
        *(part for track in PARTS for part in _track(board, track)),
        *_languages(board),
        *_floors(board, floors),
        *_controls(with_controls, runs, floors),
        *_times(runs),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n", _short(board, len(board.systems))


def _overall(board: Ranking) -> list[str]:
    pairs = [c for c in board.comparisons if c.measure == "overall"]
    apart = sum(c.p_holm < ALPHA for c in pairs)
    rows = [
        [*_places(s), s.score.system, *(_value(s.score.measures[name]) for name in HEADLINES)] for s in board.systems
    ]
    detectable = board.minimum_detectable_difference.get("overall")
    return [
        "## Overall",
        f"Mean of the three tracks, with 95% intervals. {apart} of {len(pairs)} pairs of systems are separable (paired "
        f"randomisation test, Holm, {ALPHA:.0%}); the range says which places the tests leave open, and systems of one "
        f"tier cannot be told apart from its first. A true difference of {number(detectable)} is found with a chance "
        "of 80%.",
        table(["rank", "range", "tier", "system", *HEADLINES], rows, "markdown"),
        f"Intervals and tests say how the results vary over the paragraphs, stance cells and claims of these "
        f"{board.documents} documents of one event, and nothing about other events.",
        f"`{board.signature}`",
    ]


def _track(board: Ranking, track: str) -> list[str]:
    ranked = board.by(track)
    rows = [
        [
            *_places(s),
            s.score.system,
            _value(s.score.measures[track]),
            *(number(s.score.measures[name].value) for name in PARTS[track]),
        ]
        for s in ranked.systems
    ]
    headers = ["rank", "range", "tier", "system", track, *(name.removeprefix(f"{track}.") for name in PARTS[track])]
    return [f"## Track: {track}", table(headers, rows, "markdown")]


def _languages(board: Ranking) -> list[str]:
    codes = sorted({code for s in board.systems for code in s.score.breakdowns.get("language", {})})
    headers = ["system", *(f"{track} ({code})" for track in MEANS for code in codes), "links across languages"]
    rows = []
    for system in board.systems:
        cells = [
            number(_mean(system.score.breakdowns["language"].get(code, {}), names))
            for names in MEANS.values()
            for code in codes
        ]
        links = system.score.breakdowns.get("coreference", {}).get("cross-lingual", {})
        rows.append([system.score.system, *cells, number(_of(links, "entities.coreference.links.f1"))])
    return [
        "## Across languages",
        "Each track on the documents of one language alone. There is one Indonesian document, so under "
        "leave-one-document-out its column is cross-lingual transfer: everything learned was learned from English. The "
        "last column is the F1 of coreference links between mentions in different languages.",
        table(headers, rows, "markdown"),
    ]


def _floors(board: Ranking, floors: Sequence[str]) -> list[str]:
    rows = []
    for track in HEADLINES:
        best = max((s.score for s in board.systems if s.score.system in floors), key=lambda s: _point(s, track))
        for system in board.systems:
            score = system.score
            if score.system in floors or score.protocol != "leave-one-document-out":
                continue
            difference = _point(score, track) - _point(best, track)
            said = "above" if difference > 0 else "equal: the same answers" if difference == 0 else "below"
            p = _p(board, score.system, best.system, track)
            rows.append(
                [track, score.system, f"{best.system} {number(_point(best, track))}", f"{difference:+.3f}", p, said]
            )
    return [
        "## Learned systems against the floors",
        f"Floors: {', '.join(f'`{name}`' for name in floors)}. Each system that learns stands against the best floor "
        "of the track. A system that has no idea of its own for a track answers it with the plain defaults of a floor. "
        "p is adjusted over all pairs of systems (Holm).",
        table(["track", "system", "best floor", "difference", "p", ""], rows, "markdown"),
    ]


def _controls(board: Ranking, runs: Sequence[Run], floors: Sequence[str]) -> list[str]:
    scores = {s.score.system: s.score for s in board.systems}
    rows = []
    for run in runs:
        if not run.control:
            continue
        name = run.name.removesuffix(f"-{run.account['control']}")
        cells = [
            f"{number(_point(scores[name], track))} → {number(_point(scores[run.name], track))}"
            if name in scores
            else number(_point(scores[run.name], track))
            for track in HEADLINES
        ]
        rows.append([name, *cells])
    best = [
        number(max(_point(scores[name], track) for name in floors if name in scores)) if floors else number(None)
        for track in HEADLINES
    ]
    rows.append(["best floor", *best])
    return [
        "## Control: trained on shuffled labels",
        "The same systems when labels of the training documents are permuted and spans moved to random places "
        "(`retold baseline NAME --control shuffled`). What is left does not come from what was learned.",
        table(["system", *HEADLINES], rows, "markdown"),
    ]


def _times(runs: Sequence[Run]) -> list[str]:
    rows = [[run.name, run.account["protocol"], f"{run.account['seconds']:.1f}"] for run in runs if not run.control]
    return [
        "## Run time",
        "Seconds for the five documents, training included, measured in one run on two cores without a GPU; start-up "
        "of the command is left out.",
        table(["system", "protocol", "seconds"], sorted(rows), "markdown"),
    ]


def _short(board: Ranking, count: int) -> str:
    rows = [
        [*_places(s), s.score.system, *(_value(s.score.measures[name]) for name in HEADLINES)]
        for s in board.systems[:TOP]
    ]
    shown = table(["rank", "range", "tier", "system", *HEADLINES], rows, "markdown")
    return (
        f"{BEGIN}\n{shown}\nThe first {min(TOP, count)} of {count} baselines, with 95% intervals; all of them, each "
        "track, both languages, floors and controls stand in [baselines/RESULTS.md](baselines/RESULTS.md), and what "
        f"they get wrong in [baselines/ERRORS.md](baselines/ERRORS.md).\n{END}"
    )


def _places(system: Ranked) -> list[str]:
    if system.rank is None:
        return ["–", "–", "–"]
    return [str(system.rank), f"{system.rank_low}–{system.rank_high}", str(system.tier)]


def _value(value: Value) -> str:
    if value.low is None:
        return number(value.value)
    return f"{number(value.value)} [{number(value.low)}, {number(value.high)}]"


def _point(score: Score, measure: str) -> float:
    value = score.measures[measure].value
    return 0.0 if value is None else value


def _of(measures: Any, name: str) -> float | None:
    found = measures.get(name)
    return None if found is None else found["value"]


def _mean(measures: Any, names: Sequence[str]) -> float | None:
    values = [_of(measures, name) for name in names]
    return None if None in values else sum(v for v in values if v is not None) / len(values)


def _p(board: Ranking, a: str, b: str, measure: str) -> str:
    found = [c.p_holm for c in board.comparisons if c.measure == measure and {c.a, c.b} == {a, b}]
    return number(found[0]) if found else number(None)


def with_board(text: str, short: str) -> str:
    """The README with its board replaced."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise click.UsageError(f"README.md lacks {BEGIN} or {END}")
    return before + short + after


@click.command(help=__doc__.splitlines()[0])
@click.argument("submissions", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--resamples", default=10_000, show_default=True, type=click.IntRange(min=1))
@click.option("--print", "shown", is_flag=True, help="Print the page and write nothing.")
def main(submissions: tuple[Path, ...], resamples: int, shown: bool) -> None:
    text, short = page(read_runs(submissions), load_corpus(), resamples)
    if shown:
        click.echo(text, nl=False)
        return
    write_atomic(PAGE, text)
    write_atomic(README, with_board(README.read_text(encoding="utf-8"), short))
    for path in (PAGE, README):
        click.echo(f"wrote {path.relative_to(ROOT)}", err=True)


if __name__ == "__main__":
    main()
