"""The hook for other repositories, for real: a scratch repository, a clone of this one, commits refused and taken.

The hook runs as `language: system`, with the package of the running tests, since the environment that pre-commit makes
is filled from a package index. RETOLD_HOOK_LANGUAGE=python lets it make one, and checks its size.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import retold
from paths import ROOT

pytest.importorskip("pre_commit")
SCRIPTS = Path(sys.executable).parent
LANGUAGE = os.environ.get("RETOLD_HOOK_LANGUAGE", "system")

pytestmark = pytest.mark.skipif(
    not (ROOT / ".git").exists() or shutil.which("git") is None or not (SCRIPTS / "retold").exists(),
    reason="needs git, a checkout and the command",
)


def shell(folder: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run in a folder, deaf to any configuration of git but its own; pre-commit keeps its things beside it."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "PRE_COMMIT"))}
    environment |= {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "PRE_COMMIT_HOME": str(folder.parent / "home"),
        "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A repository that uses the hook from a clone of this one."""
    clone, scratch = tmp_path / "clone", tmp_path / "scratch"
    scratch.mkdir()
    shell(tmp_path, "git", "-c", "safe.directory=*", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone))
    # The hook as it stands here, committed or not.
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", clone)
    identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org")
    shell(clone, "git", "add", "--all")
    shell(clone, "git", *identity, "commit", "--quiet", "--allow-empty", "--message", "Hook")
    revision = shell(clone, "git", "rev-parse", "HEAD").stdout.strip()
    hook: dict[str, object] = {"id": "retold-validate", "language": LANGUAGE}
    if LANGUAGE == "system":
        # There is no environment to install them in, and pre-commit says so.
        hook["additional_dependencies"] = []
    config = {"repos": [{"repo": str(clone), "rev": revision, "hooks": [hook]}]}
    (scratch / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    shell(scratch, "git", "init", "--quiet")
    shell(scratch, "git", "config", "user.name", "Tester")
    shell(scratch, "git", "config", "user.email", "tester@example.org")
    shell(scratch, sys.executable, "-m", "pre_commit", "install")
    return scratch


def commit(scratch: Path, name: str, record: object) -> subprocess.CompletedProcess[str]:
    (scratch / name).write_text(json.dumps(record) + "\n", encoding="utf-8")
    shell(scratch, "git", "add", "--all")
    return shell(scratch, "git", "commit", "--message", f"Add {name}", check=False)


def commits(scratch: Path) -> int:
    done = shell(scratch, "git", "rev-list", "--count", "--all", check=False)
    return int(done.stdout or 0)


def test_a_bad_commit_is_refused_and_a_good_one_taken(scratch: Path) -> None:
    line = Path(retold.load_corpus().gold_sources()[0].path).read_bytes().splitlines()[0]
    good = json.loads(line)
    bad = json.loads(line)
    bad["stance"][0]["label"] = "favour"
    done = commit(scratch, "reader.jsonl", bad)
    assert done.returncode != 0
    assert "reader.jsonl:1: error RT204" in done.stdout + done.stderr
    assert "Did you mean 'favor'?" in done.stdout + done.stderr
    assert commits(scratch) == 0
    done = commit(scratch, "reader.jsonl", good)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "retold validate" in done.stdout + done.stderr
    assert commits(scratch) == 1
    # Files of other kinds are none of the hook's business.
    assert commit(scratch, "notes.json", {"x": 1}).returncode == 0
    assert commits(scratch) == 2
    if LANGUAGE == "python":
        [environment] = (scratch.parent / "home").glob("repo*/py_env-*")
        assert sum(path.lstat().st_size for path in environment.rglob("*")) < 120e6


def test_the_hook_of_this_repository_checks_its_corpus_as_a_whole() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = {hook["id"]: hook for repo in config["repos"] for hook in repo["hooks"]}
    # Without file names the packaged corpus is validated, which is that of the checkout.
    assert hooks["retold-validate"]["pass_filenames"] is False
    assert hooks["retold-validate"]["files"] == "^corpus/"
