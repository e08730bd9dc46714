"""The page of results: who stands where, what is refused, and that the committed page is what scoring gives.

Expected numbers are those of ``retold.score``, and of arithmetic on them that the tests show.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from click.testing import CliRunner, Result

import results
from baseline_parts import system as baseline
from retold.corpus.load import Corpus, load_corpus
from retold.layers.scheme import default_scheme
from retold.scoring.evaluate import Score, headline_names
from retold.scoring.score import score
from retold.systems import describe_systems, run_system

ROOT = Path(__file__).resolve().parents[2]
BASELINES = ROOT / "baselines"
CHEAP = ("majority", "gazetteer", "every_sentence", "same_string", "title_gazetteer", "overlap")
RUN = (*CHEAP, "rules")
#: A system for one track that takes no time: what ``rules`` says of stance, under the name of a baseline.
STANCE_ONLY = "holder_target"
CONTROL_SEEDS = (0, 1)
HEADLINES = headline_names(default_scheme())
TRACKS = ("entities", "stance", "claims")

Table = list[dict[str, str]]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_corpus()


@pytest.fixture(scope="module")
def submissions(
    corpus: Corpus, baseline_submission: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder of submissions: fast systems, one for stance alone, and a control of the gazetteer with two seeds."""
    folder = tmp_path_factory.mktemp("submissions")
    for name in RUN:
        shutil.copytree(baseline_submission(name), folder / name)
    for seed in CONTROL_SEEDS:
        system = baseline("gazetteer")
        run_system(system, corpus, folder / f"gazetteer-shuffled-{seed}", seed=seed, control="shuffled")
    made = shutil.copytree(folder / "rules", folder / STANCE_ONLY)
    records = [json.loads(line) for line in (made / "predictions.jsonl").read_text(encoding="utf-8").splitlines()]
    kept = [{key: record[key] for key in ("document_id", "stance")} for record in records]
    (made / "predictions.jsonl").write_text("".join(json.dumps(record) + "\n" for record in kept), encoding="utf-8")
    copied = baseline(STANCE_ONLY)
    change(made / "submission.json", name=STANCE_ONLY)
    change(made / "run.json", system=STANCE_ONLY, options=dict(copied.options), code=copied.code)
    return folder


def change(file: Path, **fields: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **fields}), encoding="utf-8")


@pytest.fixture(scope="module")
def made(submissions: Path, corpus: Corpus) -> tuple[str, str]:
    return results.page(results.read_runs(sorted(submissions.iterdir()), corpus), corpus, 50)


@pytest.fixture(scope="module")
def page(made: tuple[str, str]) -> dict[str, Table]:
    return tables(made[0])


@pytest.fixture(scope="module")
def scored(submissions: Path, corpus: Corpus) -> dict[str, Score]:
    """The score of every folder of submissions, by its name."""
    return {folder.name: score(folder, corpus, resamples=0) for folder in submissions.iterdir()}


def tables(text: str) -> dict[str, Table]:
    """The table of each section of a page by the section's title: rows by the names of the columns."""
    found: dict[str, Table] = {}
    for section in text.split("\n## ")[1:]:
        title, _, body = section.partition("\n")
        lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines() if line[:1] == "|"]
        found[title] = [dict(zip(lines[0], line, strict=True)) for line in lines[2:]]
    return found


def column(rows: Table, name: str = "system") -> list[str]:
    return [row[name] for row in rows]


def shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def competing(scored: dict[str, Score], track: str) -> set[str]:
    return {name for name in (*RUN, STANCE_ONLY) if scored[name].measures[track].value is not None}


def test_a_system_appears_in_the_tracks_that_it_competes_in(page: dict[str, Table], scored: dict[str, Score]) -> None:
    places = {name: [track for track in TRACKS if name in column(page[f"Track: {track}"])] for name in scored}
    assert places["every_sentence"] == ["claims"]
    assert places["same_string"] == places["title_gazetteer"] == ["entities"]
    assert places[STANCE_ONLY] == ["stance"]
    assert places["overlap"] == list(TRACKS)
    for track in TRACKS:
        assert set(column(page[f"Track: {track}"])) == competing(scored, track)
        assert "–" not in column(page[f"Track: {track}"], "rank")


def test_who_does_not_compete_in_all_tracks_has_no_rank(page: dict[str, Table]) -> None:
    unranked = {row["system"] for row in page["Overall"] if row["rank"] == row["range"] == row["tier"] == "–"}
    assert unranked == {"every_sentence", "same_string", "title_gazetteer", STANCE_ONLY}
    assert set(column(page["Overall"][-len(unranked) :])) == unranked
    assert set(column(page["Overall"])) == {*RUN, STANCE_ONLY}


def test_values_are_those_of_scoring(page: dict[str, Table], scored: dict[str, Score]) -> None:
    for row in page["Overall"]:
        wanted = [shown(scored[row["system"]].measures[name].value) for name in HEADLINES]
        assert [row[name].split(" ")[0] for name in HEADLINES] == wanted
    for track in TRACKS:
        for row in page[f"Track: {track}"]:
            measures = scored[row["system"]].measures
            assert row[track].split(" ")[0] == shown(measures[track].value)
            for name in list(row)[5:]:
                assert row[name] == shown(measures[f"{track}.{name}"].value)


def test_a_track_of_one_language_is_the_mean_of_its_parts(page: dict[str, Table], scored: dict[str, Score]) -> None:
    rows = {row["system"]: row for row in page["Across languages"]}
    parts = scored["gazetteer"].breakdowns["language"]["id"]
    names = ("entities.mention.f1", "entities.linking.f1", "entities.coreference.conll")
    assert rows["gazetteer"]["entities (id)"] == shown(fmean(parts[name]["value"] for name in names))
    assert rows["every_sentence"]["entities (id)"] == rows["every_sentence"]["links across languages"] == "–"


def test_floors_are_held_against_what_competes(page: dict[str, Table], scored: dict[str, Score]) -> None:
    rows = page["Learned systems against the floors"]
    # Learned and no floor: rules in all, and the one for stance.
    assert [(row["track"], row["system"]) for row in rows if row["track"] != "stance"] == [
        (track, "rules") for track in HEADLINES if track != "stance"
    ]
    assert {row["system"] for row in rows if row["track"] == "stance"} == {"rules", STANCE_ONLY}
    floors = ("majority", "gazetteer", "every_sentence", "same_string", "title_gazetteer")
    for row in rows:
        values = {name: scored[name].measures[row["track"]].value for name in floors}
        bar = max(value for value in values.values() if value is not None)
        best, said = row["best floor"].split(" ")
        assert (values[best], said) == (bar, shown(bar))
        value = scored[row["system"]].measures[row["track"]].value
        assert value is not None
        assert row["difference"] == f"{value - bar:+.3f}"
        assert row[""] == ("above" if value > bar else "below" if value < bar else "equal")
        assert 0 <= float(row["p"]) <= 1


def test_controls_show_mean_and_range_over_their_seeds(page: dict[str, Table], scored: dict[str, Score]) -> None:
    row, floor = page["Control: trained on shuffled labels"]
    assert (row["system"], row["seeds"], floor["system"]) == ("gazetteer", "0, 1", "best floor")
    for track in HEADLINES:
        drawn = [scored[f"gazetteer-shuffled-{seed}"].measures[track].value for seed in CONTROL_SEEDS]
        own, (low, high) = scored["gazetteer"].measures[track].value, sorted(each for each in drawn if each is not None)
        assert row[track] == f"{shown(own)} → {shown((low + high) / 2)} ({shown(low)}–{shown(high)})"
    # What the gazetteer learns is entities; its constants for stance are those of a floor either way.
    assert row["stance"].startswith(f"{floor['stance']} → {floor['stance']}")


def test_the_page_says_how_it_was_made(made: tuple[str, str], corpus: Corpus) -> None:
    text = made[0]
    assert f"5 documents (4 `en`, 1 `id`) of corpus {corpus.name} {corpus.version}" in text
    assert "its default options and seed 0" in text
    assert "There is one document in `id`:" in text
    assert re.search(rf"^`corpus:{corpus.name}\|.*\|resamples:50\|.*\|seed:0\|.*`$", text, flags=re.MULTILINE)
    # 8 systems, 4 of them in all tracks: 6 pairs, none of which 50 trials can separate (6 / 51 > 5%).
    assert "0 of 6 pairs of systems are separable by overall" in text
    assert "With 50 trials none can be." in text


def test_what_is_said_of_the_corpus_is_read_from_it(tiny_corpus: Corpus, tmp_path: Path) -> None:
    for name in ("majority", "gazetteer"):
        run_system(baseline(name), tiny_corpus, tmp_path / name)
    runs = results.read_runs([tmp_path / "majority", tmp_path / "gazetteer"], tiny_corpus)
    text, short = results.page(runs, tiny_corpus, 20)
    assert "2 systems on the 2 documents (1 `en`, 1 `id`)" in text
    assert "There is one document in `en` and one in `id`:" in text
    assert "Seconds for the 2 documents" in text
    assert "Control" not in text
    assert "The first 2 of 2 baselines" in short


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(results.main, list(map(str, arguments)))


def refused(*folders: Path) -> str:
    """The message with which the submissions are refused, on one line."""
    done = run(*folders, "--print")
    assert done.exit_code == 2, done.output
    assert isinstance(done.exception, SystemExit)
    return " ".join(done.output.split())


@pytest.mark.parametrize(
    ("file", "fields", "message"),
    [
        ("run.json", {"options": {"depth": "3"}}, "made with other options than the defaults: depth=3"),
        ("run.json", {"retold": "0.0.1"}, "made with retold 0.0.1, this is"),
        ("run.json", {"code": "0" * 64}, "overlap was changed since; run it again"),
        (
            "run.json",
            {"corpus": {"version": "0.0", "sha256": "0" * 64}},
            f"on version 0.0 of the corpus ({'0' * 16}), this",
        ),
        ("run.json", {"seed": 1}, "different seeds (0: majority; 1: overlap)"),
        ("run.json", {"seed": "1"}, "RT201 expected an integer, got '1'"),
        ("run.json", {"system": "mine"}, "'mine' is no system of baselines/"),
        ("run.json", {"system": "same_string"}, "run.json is of 'same_string', submission.json is not"),
        ("submission.json", {"name": "mine"}, "run.json is of 'overlap', submission.json is not"),
        ("submission.json", {"protocol": "oracle"}, "RT204 'oracle' is not allowed"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    file: str, fields: dict[str, Any], message: str, submissions: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(submissions / "overlap", tmp_path / "overlap")
    change(folder / file, **fields)
    assert message in refused(submissions / "majority", folder)


def test_a_zero_shot_control_is_refused(submissions: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(submissions / "overlap", tmp_path / "overlap-shuffled")
    change(folder / "run.json", system="overlap-shuffled", control="shuffled")
    change(folder / "submission.json", name="overlap-shuffled")
    assert "overlap is zero-shot, there is nothing to shuffle" in refused(submissions / "majority", folder)


@pytest.mark.parametrize("spoil", [lambda text: text[:40], lambda text: text.replace('"seconds"', '"minutes"')])
def test_a_broken_account_is_named(spoil: Callable[[str], str], submissions: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(submissions / "overlap", tmp_path / "overlap")
    file = folder / "run.json"
    file.write_text(spoil(file.read_text(encoding="utf-8")), encoding="utf-8")
    assert str(file) in refused(submissions / "majority", folder)
    file.unlink()
    assert "has no run.json; make it with `retold baseline`" in refused(submissions / "majority", folder)


def test_a_system_given_twice_is_refused(submissions: Path, tmp_path: Path) -> None:
    for name in ("majority", "gazetteer-shuffled-0"):
        again = shutil.copytree(submissions / name, tmp_path / name)
        told = refused(submissions / "majority", submissions / name, again)
        assert f"is also in {submissions / name}" in told
    # The other seed of a control is another draw.
    folders = [submissions / f"gazetteer-shuffled-{seed}" for seed in CONTROL_SEEDS]
    assert run(submissions / "majority", *folders, "--resamples", "10", "--print").exit_code == 0


def test_a_page_without_a_floor_is_refused(submissions: Path) -> None:
    assert "there is no floor among the submissions" in refused(submissions / "overlap", submissions / "rules")


README = f"# A\n\nBefore — all of it.\n\n{results.BEGIN}\nold\n{results.END}\n\n## After\n\n| a |\n"


def test_the_board_of_the_readme_is_replaced_and_nothing_else(made: tuple[str, str]) -> None:
    short = made[1]
    once = results.with_board(README, short)
    assert once == f"# A\n\nBefore — all of it.\n\n{short}\n\n## After\n\n| a |\n"
    assert results.with_board(once, short) == once
    # overlap, rules, gazetteer and majority compete in all.
    assert short.count("\n| ") == 1 + 4
    assert set(re.findall(r"\]\(([^)]+)\)", short)) == {"baselines/RESULTS.md", "baselines/ERRORS.md"}
    assert max(map(len, short.splitlines())) <= 124


@pytest.mark.parametrize(
    "text",
    ["no markers", results.BEGIN, f"{results.END}\n{results.BEGIN}", README + README, f"{results.END}\n{README}"],
)
def test_a_readme_without_its_markers_stops_all(
    text: str, submissions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "PAGE", tmp_path / "RESULTS.md")
    monkeypatch.setattr(results, "README", tmp_path / "README.md")
    results.README.write_text(text, encoding="utf-8")
    done = run(submissions / "majority", "--resamples", "10")
    assert done.exit_code == 2
    assert "README.md must have" in done.output
    assert results.README.read_text(encoding="utf-8") == text
    assert not results.PAGE.exists()


def test_both_files_are_written(submissions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "PAGE", tmp_path / "RESULTS.md")
    monkeypatch.setattr(results, "README", tmp_path / "README.md")
    results.README.write_text(README, encoding="utf-8")
    done = run(submissions / "majority", submissions / "overlap", "--resamples", "10")
    assert done.exit_code == 0, done.output
    assert column(tables(results.PAGE.read_text(encoding="utf-8"))["Run time"]) == ["majority", "overlap"]
    before, after = README.split("old")
    text = results.README.read_text(encoding="utf-8")
    assert text.startswith(before)
    assert text.endswith(after)
    assert "| overlap " in text


def test_a_page_does_not_lose_a_system_that_was_not_run(
    submissions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As without PyTorch, which the system of embeddings needs.
    monkeypatch.setattr(results, "PAGE", tmp_path / "RESULTS.md")
    monkeypatch.setattr(results, "README", tmp_path / "README.md")
    for path, text in (
        (results.README, README),
        (results.PAGE, "| system |\n| embeddings | 0.5 |\n| majority | 0.4 |\n"),
    ):
        path.write_text(text, encoding="utf-8")
    before = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    done = run(submissions / "majority", "--resamples", "10")
    assert (done.exit_code, [path.read_bytes() for path in sorted(tmp_path.iterdir())]) == (0, before)
    assert done.stdout.startswith("# Results of the baselines")
    assert "RESULTS.md has embeddings" in done.stderr
    assert "majority" not in done.stderr


def learned() -> list[str]:
    return [e.name for e in describe_systems(BASELINES) if e.protocol == results.LEARNS and not (e.floor or e.extra)]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_shuffles_what_learns() -> None:
    command = ["make", "--dry-run", "--no-print-directory", "results"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    (line,) = (line for line in done.stdout.splitlines() if "results.py" in line)
    folders = re.findall(r"submissions/(\w+)-shuffled-0\b", line)
    assert folders == learned()


# The committed page and board, which `make results` writes.


@pytest.fixture(scope="module")
def committed() -> dict[str, Table]:
    assert results.PAGE.is_file(), "run `make results` and commit baselines/RESULTS.md"
    return tables(results.PAGE.read_text(encoding="utf-8"))


def test_the_committed_page_has_every_baseline(committed: dict[str, Table]) -> None:
    wanted = {entry.name for entry in describe_systems(BASELINES) if not entry.extra}
    assert wanted <= set(column(committed["Overall"]))
    assert wanted <= set(column(committed["Run time"]))
    assert [*learned(), "best floor"] == column(committed["Control: trained on shuffled labels"])


@pytest.mark.parametrize("name", CHEAP)
def test_the_committed_page_is_what_scoring_gives(
    name: str, committed: dict[str, Table], scored: dict[str, Score]
) -> None:
    row = next(row for row in committed["Overall"] if row["system"] == name)
    assert values(row, HEADLINES) == [shown(scored[name].measures[track].value) for track in HEADLINES]
    for track in TRACKS:
        found = [values(row, [track]) for row in committed[f"Track: {track}"] if row["system"] == name]
        point = scored[name].measures[track].value
        assert found == ([] if point is None else [[shown(point)]])


def test_the_board_of_the_readme_is_that_of_the_page(committed: dict[str, Table]) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = tables(text)["Baselines"]
    ranked = [row for row in committed["Overall"] if row["rank"] != "–"]
    assert [(row["rank"], row["system"], row["overall [95%]"]) for row in rows] == [
        (row["rank"], row["system"], row["overall"]) for row in ranked[: results.TOP]
    ]
    for row, full in zip(rows, ranked, strict=False):
        assert values(row, TRACKS) == values(full, TRACKS)


def values(row: dict[str, str], names: Sequence[str]) -> list[str]:
    """The points of some columns, without their intervals."""
    return [row[name].split(" ")[0] for name in names]
