"""The README's commands run as they stand, in order, in one folder."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cli import run
from paths import ROOT
from retold.model.annotations import AnnotationRecord, decode

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(bash|python|json)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like a checkout."""
    made = tmp_path_factory.mktemp("checkout")
    for name in ("corpus", "baselines", "schema"):
        (made / name).symlink_to(ROOT / name)
    return made


def write_examples(folder: Path) -> None:
    """Write the files of records that the README shows."""
    for name, text in re.findall(r"`(\S+\.jsonl)`:\n\n```jsonl\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL):
        (folder / name).write_text(text, encoding="utf-8")


def follow(line: str, folder: Path) -> None:
    """Run a line of the form ``retold ... [> FILE]``."""
    command, _, target = line.partition(" > ")
    name, *arguments = shlex.split(command)
    done = run(*arguments, folder=folder)
    assert (name, done.returncode) == ("retold", 0), f"{line}\n{done.stderr}"
    assert "deprecated" not in done.stderr
    assert done.stdout, line
    if target:
        (folder / target).write_text(done.stdout, encoding="utf-8")


def test_commands_and_snippets_run(folder: Path, tmp_path: Path) -> None:
    write_examples(folder)
    for language, text in BLOCKS:
        if language == "bash":
            for line in text.splitlines():
                follow(line, folder)
        elif language == "python":
            # Fresh, because datasets reads where its cache is when it is imported.
            environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
            command = [sys.executable, "-c", text]
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
            assert (done.returncode, bool(done.stdout)) == (0, True), f"{text}\n{done.stderr}"
    assert len(BLOCKS) > 6
    assert json.loads((folder / "score.json").read_text(encoding="utf-8"))["measures"]["overall"]["value"] is not None
    assert (folder / "leaderboard" / "leaderboard.md").exists()


def test_the_record_it_shows_is_valid(tmp_path: Path) -> None:
    (shown,) = (text for language, text in BLOCKS if language == "json")
    assert decode(shown, AnnotationRecord).document_id == "macron-coalition-0"
    (tmp_path / "shown.jsonl").write_text(json.dumps(json.loads(shown)) + "\n", encoding="utf-8")
    done = run("score", tmp_path / "shown.jsonl", "--allow-missing", "--format", "json", "--resamples", "0")
    assert done.returncode == 0, done.stderr
    measures = json.loads(done.stdout)["measures"]
    # One mention, one cell, one span and one pair, each right: every precision is 1.
    assert measures["entities.mention.precision"]["value"] == 1
    assert measures["entities.linking.precision"]["value"] == 1
    assert measures["claims.span.precision"]["value"] == 1
    assert measures["stance.favor.f1"]["counts"]["correct"] == 1
    assert measures["claims.verification.supported.f1"]["counts"]["correct"] == 1


PAGES = [
    *("README.md", "CONTRIBUTING.md", "baselines/README.md", "corpus/README.md", "corpus/GUIDELINES.md"),
    *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").glob("*.md"))),
]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(((?!https?:|#)[^)#]+)", text):
        assert ((ROOT / page).parent / target).exists(), target


#: Folders that paths in code are relative to, beside that of their page.
BASES = ("", "src/retold", "src/retold/layers", "corpus", "corpus/events/macron-coalition")
#: Paths that a page only gives as examples, that commands make, or that others' repositories have.
EXAMPLES = re.compile(
    r"mine\.py|decisions\.toml|(submissions|articles|quotes|models|\.venv|llm/answers)\b.*|.*vale-flood.*|.*(NAME|EVENT|CODE|LAYER).*"
    r"|sentence-transformers/.*|doc/evaluation\.md|test_max_evidence\.py"
)


@pytest.mark.parametrize("page", PAGES)
def test_paths_in_code_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"^```.*?^```|`[^`\n]+`", text, flags=re.MULTILINE | re.DOTALL))
    named = re.findall(r"(?<![\w./:-])(?:(?:[\w.-]+/)+[\w.-]*\w|[\w-]+\.(?:py|md|toml)\b)", code)
    bases = [(ROOT / page).parent, *(ROOT / base for base in BASES)]
    missing = {path for path in named if not any((base / path).exists() for base in bases)}
    assert {path for path in missing if not EXAMPLES.fullmatch(path)} == set()


def test_the_manifest_it_shows_is_valid(tmp_path: Path) -> None:
    (shown,) = re.findall(r"^```jsonc\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "corpus.json").write_text(shown, encoding="utf-8")
    done = run("measures", "--manifest", tmp_path / "corpus.json")
    assert done.returncode == 0, done.stderr
    assert "entities.mention.f1" in done.stdout
    # The manifest has neither a knowledge base nor the other layers.
    assert not {"linking", "stance", "claims"} & set(done.stdout.replace(".", " ").split())
