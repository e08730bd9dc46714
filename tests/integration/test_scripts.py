"""The entry points in scripts/ that users of a clone call."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli import Done, run_script
from paths import ROOT

GOLD = ROOT / "corpus" / "events" / "macron-coalition" / "gold.jsonl"


def run(script: str, *arguments: str | Path, folder: Path) -> Done:
    return run_script(ROOT / "scripts" / script, *arguments, folder=folder)


def test_score_ranks_submissions(tmp_path: Path) -> None:
    done = run("score.py", GOLD, GOLD, "--resamples", "20", "--format", "csv", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    head, *rows = done.stdout.splitlines()
    assert head.startswith("rank,rank_low,rank_high,tier,system")
    # The same file twice: both share the first rank.
    assert [row.split(",")[0] for row in rows] == ["1", "1"]


def test_validate_checks_annotations(tmp_path: Path) -> None:
    assert run("validate.py", folder=tmp_path).returncode == 0
    (tmp_path / "mine.jsonl").write_text('{"document_id": "nowhere", "entities": []}\n', encoding="utf-8")
    done = run("validate.py", "mine.jsonl", folder=tmp_path)
    assert done.returncode == 1
    assert "mine.jsonl:1" in done.stdout
    assert "RT301" in done.stdout


def test_review_sample_draws_the_same_labels_for_the_same_seed(tmp_path: Path) -> None:
    first, again, other = (
        run("corpus/review_sample.py", "--size", "4", "--seed", seed, folder=tmp_path).stdout
        for seed in ("3", "3", "4")
    )
    assert first == again != other
    # Four layers of four labels each.
    assert [line.split(":")[0] for line in first.splitlines() if line.startswith("# ")] == [
        "# entities",
        "# stance",
        "# claims",
        "# verification",
    ]
    assert sum(line[:2] in ("1.", "2.", "3.", "4.") for line in first.splitlines()) == 16


@pytest.mark.parametrize(
    ("script", "arguments", "says"),
    [
        ("corpus/review_sample.py", ["--corpus", "nowhere"], "nowhere: No such file or directory"),
        ("corpus/review_sample.py", ["--corpus", "."], ".: not a corpus folder"),
        ("corpus/review_sample.py", ["--size", "-1"], "-1 is not in the range"),
        ("corpus/claim_only.py", ["--corpus", ROOT / "tests/data/corpora/rumour"], "no layer verification"),
        ("docs/errors.py", ["."], "cannot be scored: Error: "),
        ("docs/results.py", ["."], "has no run.json"),
        ("score.py", ["nowhere"], "nowhere: No such file or directory"),
    ],
)
def test_a_script_says_in_words_what_a_user_did_wrong(
    script: str, arguments: list[str | Path], says: str, tmp_path: Path
) -> None:
    done = run(script, *arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr.splitlines()[-1]


def test_schemas_are_current(tmp_path: Path) -> None:
    done = run("docs/build_schemas.py", "--check", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
