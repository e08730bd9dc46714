"""The README's commands run as they stand, in order, in one folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from retold.model.annotations import AnnotationRecord, decode

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(bash|python|json)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like a checkout."""
    made = tmp_path_factory.mktemp("checkout")
    for name in ("corpus", "baselines", "schema"):
        (made / name).symlink_to(ROOT / name)
    return made


def test_commands_and_snippets_run(folder: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HF_HOME": str(tmp_path),
        "HF_HUB_OFFLINE": "1",
    }
    ran = 0
    for language, text in BLOCKS:
        if language == "json":
            continue
        command = ["bash", "-euo", "pipefail", "-c", text] if language == "bash" else [sys.executable, "-c", text]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        assert done.stdout, text
        ran += 1
    assert ran >= 6
    assert json.loads((folder / "score.json").read_text())["measures"]["overall"]["value"] is not None
    assert (folder / "leaderboard" / "leaderboard.md").exists()


def test_the_record_it_shows_is_valid(folder: Path) -> None:
    shown = [text for language, text in BLOCKS if language == "json"]
    assert len(shown) == 1
    assert decode(shown[0], AnnotationRecord).document_id == "macron-coalition-0"
    line = json.dumps(json.loads(shown[0]))
    (folder / "shown.jsonl").write_text(line + "\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "retold", "score", "shown.jsonl", "--allow-missing", "--format", "json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    measures = json.loads(done.stdout)["measures"]
    # One mention, one cell, one span and one pair, each right: every precision is 1.
    assert measures["entities.mention.precision"]["value"] == 1
    assert measures["entities.linking.precision"]["value"] == 1
    assert measures["claims.span.precision"]["value"] == 1
    assert measures["stance.favor.f1"]["counts"]["correct"] == 1
    assert measures["claims.verification.supported.f1"]["counts"]["correct"] == 1


def test_links_lead_somewhere() -> None:
    for page in ("README.md", "CONTRIBUTING.md", "corpus/README.md", "baselines/README.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(((?!https?:|#)[^)#]+)", text):
            assert ((ROOT / page).parent / target).exists(), f"{page}: {target}"
