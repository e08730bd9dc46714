"""Write baselines/RESULTS.md and the board of README.md from submissions.

    make results
    python scripts/docs/results.py submissions/majority submissions/bm25 submissions/bm25-shuffled-0 ... [--print]

Submissions are folders that ``retold baseline`` wrote. Their run.json says how each was made, and which are controls
(trained on shuffled labels). A page compares what can be compared: baselines of this clone with their default options,
one seed, this version of the package and of the corpus; any other submission is refused. All numbers come from
``retold.rank`` and ``retold.score``. With --print the page goes to standard output and no file is touched; likewise
where a system of the page is not among the submissions, so that it does not vanish where what it needs is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Final

import click
import msgspec

from retold import __version__
from retold.cli.main import main as run_command
from retold.corpus.load import Corpus, load_corpus
from retold.io.atomic import write_atomic
from retold.io.jsonl import read_one
from retold.io.submission import open_submission
from retold.model.findings import FindingsError, UnreadableError
from retold.report.leaderboard import near_copies
from retold.report.notes import few_documents
from retold.report.tables import number, table
from retold.rules import LineDecoder
from retold.scoring.evaluate import Score, Value
from retold.scoring.ranking import ALPHA, Ranked, Ranking, rank
from retold.scoring.score import score
from retold.systems import SystemFault, describe_systems, find_systems, load_system

ROOT: Final = Path(__file__).resolve().parents[2]
BASELINES: Final = ROOT / "baselines"
PAGE: Final = BASELINES / "RESULTS.md"
README: Final = ROOT / "README.md"
BEGIN: Final = "<!-- results: made by scripts/docs/results.py -->"
END: Final = "<!-- /results -->"
#: Systems that the README shows.
TOP: Final = 6
#: Protocol of the systems that learn.
LEARNS: Final = "leave-one-document-out"
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


class CorpusRead(msgspec.Struct, frozen=True):
    """Version and digest of the corpus that a system was run on."""

    version: str
    sha256: str


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What the page reads of a run.json; ``code`` is the digest of the system that ran, as ``load_system`` gives it."""

    system: str
    retold: str
    protocol: str
    control: str | None
    seed: int
    options: dict[str, str]
    seconds: float
    corpus: CorpusRead
    code: str


@dataclass(frozen=True, slots=True)
class Run:
    """A submission and how it was made: folder, run.json, the baseline that made it, and whether that is a floor."""

    folder: Path
    account: Account
    baseline: str
    floor: bool

    @property
    def name(self) -> str:
        return self.account.system

    @property
    def control(self) -> bool:
        return self.account.control is not None


def read_runs(folders: Sequence[Path], corpus: Corpus) -> list[Run]:
    """The submissions that were run by ``retold baseline``.

    Raises:
        click.UsageError: a folder has no run.json, or was made in a way that the page could not say.
        FindingsError, UnreadableError: a run.json or a card is at fault.
    """
    floors = {entry.name: entry.floor for entry in describe_systems(BASELINES)}
    runs = []
    for folder in folders:
        if not (folder / "run.json").is_file():
            raise click.UsageError(f"{folder}: has no run.json; make it with `retold baseline`")
        account: Account = read_one(folder / "run.json", LineDecoder(Account))
        name = account.system.removesuffix(f"-{account.control}") if account.control else account.system
        if name not in floors:
            raise click.UsageError(f"{folder}: {name!r} is no system of {BASELINES.relative_to(ROOT)}/")
        run = Run(folder, account, name, floors[name])
        _refuse_unlike_the_clone(run, corpus)
        runs.append(run)
    _refuse_unlike_each_other(runs)
    return runs


def _refuse_unlike_the_clone(run: Run, corpus: Corpus) -> None:
    account, system = run.account, load_system(find_systems(BASELINES)[run.baseline])
    card = open_submission(run.folder).card
    if card is None or card.name != account.system:
        raise click.UsageError(f"{run.folder}: run.json is of {account.system!r}, submission.json is not")
    changed = sorted(
        name for name in {*account.options, *system.options} if account.options.get(name) != system.options.get(name)
    )
    if changed:
        given = ", ".join(f"{name}={account.options.get(name, '')}" for name in changed)
        raise click.UsageError(f"{run.folder}: made with other options than the defaults: {given}")
    if account.retold != __version__:
        raise click.UsageError(f"{run.folder}: made with retold {account.retold}, this is {__version__}")
    if account.code != system.code:
        raise click.UsageError(f"{run.folder}: {run.baseline} was changed since; run it again")
    if account.corpus != CorpusRead(corpus.version, corpus.digest):
        raise click.UsageError(
            f"{run.folder}: made on version {account.corpus.version} of the corpus ({account.corpus.sha256[:16]}), "
            f"this is {corpus.version} ({corpus.digest[:16]})"
        )
    if run.control and system.protocol != LEARNS:
        raise click.UsageError(f"{run.folder}: {run.baseline} is {system.protocol}, there is nothing to shuffle")


def _refuse_unlike_each_other(runs: Sequence[Run]) -> None:
    seeds: dict[int, list[str]] = {}
    first: dict[tuple[str, int | None], Path] = {}
    for run in runs:
        key = run.name, run.account.seed if run.control else None
        if key in first:
            raise click.UsageError(f"{run.folder}: {run.name} is also in {first[key]}")
        first[key] = run.folder
        if not run.control:
            seeds.setdefault(run.account.seed, []).append(run.name)
    if len(seeds) > 1:
        told = "; ".join(f"{seed}: {', '.join(names)}" for seed, names in seeds.items())
        raise click.UsageError(f"the systems were run with different seeds ({told})")
    if not any(run.floor and not run.control for run in runs):
        raise click.UsageError("there is no floor among the submissions, and nothing to hold the systems against")


def page(runs: Sequence[Run], corpus: Corpus, resamples: int) -> tuple[str, str]:
    """The page of results, and the part of it that the README shows."""
    systems = [run for run in runs if not run.control]
    board = rank([run.folder for run in systems], corpus, resamples=resamples)
    languages = Counter(document.language for document in corpus.documents.values())
    counted = ", ".join(f"{count} `{code}`" for code, count in sorted(languages.items()))
    floors = [run.name for run in systems if run.floor]
    parts = [
        "# Results of the baselines",
        "This page is made by `make results`; what the systems are and how to run one stands in "
        "[README.md](README.md), what they get wrong in [ERRORS.md](ERRORS.md).",
        f"{len(systems)} systems on the {len(corpus.documents)} documents ({counted}) of corpus {corpus.name} "
        f"{corpus.version}, each run with version {__version__} of the package, its default options and seed "
        f"{systems[0].account.seed}.",
        *_overall(board),
        *(part for track in PARTS for part in _track(board.by(track))),
        *_languages(board, languages),
        *_floors(board, floors),
        *_controls(board, runs, floors, corpus),
        *_times(systems, corpus),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n", _short(board)


def _overall(board: Ranking) -> list[str]:
    rows = [
        [*_places(s), s.score.system, *(_value(s.score.measures[name]) for name in board.headlines)]
        for s in board.systems
    ]
    parts = [
        "## Overall",
        "Mean of the three tracks, with 95% intervals. A system without a rank does not compete in all of them.",
        table(["rank", "range", "tier", "system", *board.headlines], rows, "markdown"),
        _tests(board),
        "The range says which places the tests leave open. A tier ends where a system is separable from the first of "
        "the tier; two systems of different tiers need not be separable from each other.",
    ]
    parts += few_documents(board.documents, board.signature, board.systems[0].score.scheme)
    return [*parts, f"`{board.signature}`"]


def _tests(board: Ranking) -> str:
    """What the tests of a board's measure have found, and what they can find."""
    pairs = board.pairs
    apart = sum(c.p_holm < ALPHA for c in pairs)
    said = [
        f"{apart} of {len(pairs)} pairs of systems are separable by {board.measure} (paired randomisation test, Holm, "
        f"{ALPHA:.0%})."
    ]
    if pairs and board.least_p >= ALPHA:
        said.append(f"With {board.resamples} trials none can be.")
    detectable = board.minimum_detectable_difference.get(board.measure)
    if detectable is not None:
        said.append(
            f"A true difference of {number(detectable)} is found with a chance of 80% (median over pairs, before "
            "Holm); smaller ones mostly stay unseen."
        )
    return " ".join([*said, *near_copies(board)])


def _track(board: Ranking) -> list[str]:
    track = board.measure
    headers = ["rank", "range", "tier", "system", track, *(name.removeprefix(f"{track}.") for name in PARTS[track])]
    rows = [
        [
            *_places(s),
            s.score.system,
            _value(s.score.measures[track]),
            *(number(s.score.measures[name].value) for name in PARTS[track]),
        ]
        for s in board.systems
        if s.rank is not None
    ]
    if not rows:
        return []
    parts = [f"## Track: {track}", table(headers, rows, "markdown"), _tests(board)]
    absent = [f"`{s.score.system}`" for s in board.systems if s.rank is None]
    return [*parts, f"Not in this track: {', '.join(absent)}."] if absent else parts


def _languages(board: Ranking, languages: Mapping[str, int]) -> list[str]:
    codes = sorted(languages)
    headers = ["system", *(f"{track} ({code})" for track in MEANS for code in codes), "links across languages"]
    rows = []
    for system in board.systems:
        by_language = system.score.breakdowns.get("language", {})
        links = system.score.breakdowns.get("coreference", {}).get("cross-lingual", {})
        cells = [_mean(by_language.get(code, {}), names) for names in MEANS.values() for code in codes]
        cells.append(_of(links, "entities.coreference.links.f1"))
        if any(cell is not None for cell in cells):
            rows.append([system.score.system, *map(number, cells)])
    single = [f"`{code}`" for code in codes if languages[code] == 1]
    transfer = (
        f" There is one document in {' and one in '.join(single)}: under leave-one-document-out it is cross-lingual "
        "transfer, because all that was learned was learned from other languages."
    )
    return [
        "## Across languages",
        f"Each track on the documents of one language alone.{transfer if single else ''} The last column is the F1 of "
        "coreference links between mentions in different languages.",
        table(headers, rows, "markdown"),
    ]


def _floors(board: Ranking, floors: Sequence[str]) -> list[str]:
    rows = []
    for track in board.headlines:
        points = {
            s.score.system: (s.score, value) for s in board.systems if (value := _point(s.score, track)) is not None
        }
        best = max((name for name in points if name in floors), key=lambda name: points[name][1], default=None)
        if best is None:
            continue
        bar = points[best][1]
        for name, (found, value) in points.items():
            if name in floors or found.protocol != LEARNS:
                continue
            said = "above" if value > bar else "equal" if value == bar else "below"
            rows.append(
                [track, name, f"{best} {number(bar)}", f"{value - bar:+.3f}", _p(board, name, best, track), said]
            )
    return [
        "## Learned systems against the floors",
        f"Floors: {', '.join(f'`{name}`' for name in floors)}. Each system that learns stands against the best floor "
        "of each track that it competes in. Which floor is best was seen on these same documents, so the bar is rather "
        "high than low. Systems for one track leave the layers of the others out and have no row there; others "
        "answer what they have no idea for with plain defaults, as floors do. p is adjusted over all pairs of systems "
        "of the track (Holm).",
        table(["track", "system", "best floor", "difference", "p", ""], rows, "markdown"),
    ]


def _controls(board: Ranking, runs: Sequence[Run], floors: Sequence[str], corpus: Corpus) -> list[str]:
    # Without intervals: a control has no place among the systems.
    own = {system.score.system: system.score for system in board.systems}
    controls: dict[str, dict[int, Score]] = {}
    for run in runs:
        if run.control:
            controls.setdefault(run.baseline, {})[run.account.seed] = score(run.folder, corpus, resamples=0)
    if not controls:
        return []
    rows = []
    for name, by_seed in sorted(controls.items()):
        cells = []
        for track in board.headlines:
            values = [value for each in by_seed.values() if (value := _point(each, track)) is not None]
            learned = _point(own[name], track) if name in own else None
            cells.append(f"{number(learned)} → {_spread(values)}" if values else number(None))
        rows.append([name, ", ".join(map(str, sorted(by_seed))), *cells])
    bars = [[v for name in floors if (v := _point(own[name], track)) is not None] for track in board.headlines]
    rows.append(["best floor", "", *(number(max(values, default=None)) for values in bars)])
    return [
        "## Control: trained on shuffled labels",
        "The same systems when labels of the training documents are permuted and spans moved to random places "
        "(`retold baseline NAME --control shuffled`): score of the system → mean of its controls, with the lowest and "
        "the highest where several seeds were drawn. What is left comes from what a system has by hand and from how "
        "frequent labels and how long spans are, which shuffling keeps (`majority` answers stance and verification as "
        "before), not from which item has which label.",
        table(["system", "seeds", *board.headlines], rows, "markdown"),
    ]


def _times(systems: Sequence[Run], corpus: Corpus) -> list[str]:
    rows = [[run.name, run.account.protocol, f"{run.account.seconds:.1f}"] for run in systems]
    return [
        "## Run time",
        f"Seconds for the {len(corpus.documents)} documents, training included, of the run that made the submission; "
        "start-up of the command is left out. They depend on the machine.",
        table(["system", "protocol", "seconds"], sorted(rows), "markdown"),
    ]


def _short(board: Ranking) -> str:
    ranked = [system for system in board.systems if system.rank is not None]
    rows = [
        [
            *_places(system),
            system.score.system,
            _value(system.score.measures["overall"]),
            *(number(system.score.measures[track].value) for track in PARTS),
        ]
        for system in ranked[:TOP]
    ]
    shown = table(["rank", "range", "tier", "system", "overall [95%]", *PARTS], rows, "markdown")
    said = (
        f"The first {len(rows)} of {len(ranked)} baselines that compete in all tracks. All of them, with each track "
        "and language, floors and controls, are\nin [baselines/RESULTS.md](baselines/RESULTS.md), what they get wrong "
        "in [baselines/ERRORS.md](baselines/ERRORS.md)."
    )
    return f"{BEGIN}\n\n{shown}\n{said}\n\n{END}"


def _places(system: Ranked) -> list[str]:
    if system.rank is None:
        return [number(None)] * 3
    return [str(system.rank), f"{system.rank_low}–{system.rank_high}", str(system.tier)]


def _value(value: Value) -> str:
    if value.low is None:
        return number(value.value)
    return f"{number(value.value)} [{number(value.low)}, {number(value.high)}]"


def _spread(values: Sequence[float]) -> str:
    if len(values) == 1:
        return number(values[0])
    return f"{number(fmean(values))} ({number(min(values))}–{number(max(values))})"


def _point(found: Score, measure: str) -> float | None:
    return found.measures[measure].value


def _of(measures: Mapping[str, Any], name: str) -> float | None:
    found = measures.get(name)
    return None if found is None else found["value"]


def _mean(measures: Mapping[str, Any], names: Sequence[str]) -> float | None:
    values = [value for name in names if (value := _of(measures, name)) is not None]
    return fmean(values) if len(values) == len(names) else None


def _p(board: Ranking, a: str, b: str, measure: str) -> str:
    found = [c.p_holm for c in board.comparisons if c.measure == measure and {c.a, c.b} == {a, b}]
    return number(found[0]) if found else number(None)


def _vanishing(runs: Sequence[Run]) -> list[str]:
    """Baselines of the page as it is that are not among the submissions."""
    names = {run.name for run in runs}
    lines = PAGE.read_text(encoding="utf-8").splitlines() if PAGE.exists() else []
    rows = {line.split("|")[1].strip() for line in lines if line.startswith("|")}
    return [entry.name for entry in describe_systems(BASELINES) if entry.name in rows and entry.name not in names]


def with_board(text: str, short: str) -> str:
    """The README with its board replaced.

    Raises:
        click.UsageError: it does not have each marker once, in their order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in before + after:
        raise click.UsageError(f"README.md must have {BEGIN} and, below it, {END}, each once")
    return before + short + after


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.argument("submissions", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--resamples", default=10_000, show_default=True, type=click.IntRange(min=1))
@click.option("--print", "shown", is_flag=True, help="Print the page and write nothing.")
def main(submissions: tuple[Path, ...], resamples: int, shown: bool) -> None:
    try:
        # Ranking takes minutes: what cannot be written is told before.
        readme = "" if shown else README.read_text(encoding="utf-8")
        if not shown:
            with_board(readme, "")
        corpus = load_corpus()
        runs = read_runs(submissions, corpus)
        text, short = page(runs, corpus, resamples)
    except (FindingsError, UnreadableError, SystemFault) as error:
        raise click.UsageError(str(error)) from error
    if shown:
        click.echo(text, nl=False)
        return
    if gone := _vanishing(runs):
        click.echo(text, nl=False)
        told = ", ".join(gone)
        click.echo(
            f"not written: {PAGE.name} has {told}, the submissions do not; delete it to write it without", err=True
        )
        return
    for path, content in ((PAGE, text), (README, with_board(readme, short))):
        write_atomic(path, content)
        click.echo(f"wrote {path}", err=True)


if __name__ == "__main__":
    run_command(command=main)
