"""The built wheel works alone: outside the checkout, with the corpus and schemas that it carries."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from pathlib import Path

from paths import ROOT


def run(command: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_it_carries_corpus_and_schemas(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "retold/data/corpus/events/macron-coalition/gold.jsonl" in names
    assert "retold/data/corpus/README.md" in names
    assert "retold/data/schema/annotation-record.json" in names
    assert "retold/py.typed" in names
    assert "retold/report/templates/leaderboard.html" in names
    assert not [name for name in names if name.startswith(("baselines", "scripts", "tests"))]


def test_validate_score_and_rank_without_the_repository(installed: Path, tmp_path: Path) -> None:
    program = "import retold; print(retold.__file__); print(retold.load_corpus().root)"
    where = run(installed.parent / "python", "-c", program, folder=tmp_path).stdout.splitlines()
    assert len(where) == 2
    assert all(str(ROOT) not in line for line in where)
    assert run(installed, "validate", folder=tmp_path).returncode == 0
    gold = Path(where[1]) / "events" / "macron-coalition" / "gold.jsonl"
    (tmp_path / "mine.jsonl").write_bytes(gold.read_bytes())
    scored = run(installed, "score", "mine.jsonl", "--format", "json", folder=tmp_path)
    assert scored.returncode == 0, scored.stderr
    assert json.loads(scored.stdout)["measures"]["overall"]["value"] == 1
    ranked = run(installed, "rank", "mine.jsonl", "mine.jsonl", folder=tmp_path)
    assert ranked.returncode == 0, ranked.stderr
    assert "mine (2)" in ranked.stdout
    page = run(installed, "rank", "mine.jsonl", "mine.jsonl", "--format", "html", folder=tmp_path)
    assert page.returncode == 0, page.stderr
    assert '<th scope="row">mine (2)</th>' in page.stdout
