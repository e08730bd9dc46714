"""Releases: what differs between two, how far the version must rise, and what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from files import lines_of, write_lines
from paths import ROOT
from retold.cli.main import main
from retold.corpus.diff import Changes, compare
from retold.corpus.load import load_corpus
from retold.report.changes import render_changes
from retold.validation.validate import validate
from tiny import write_tiny_corpus

Rows = list[dict[str, Any]]

# --- Comparing --------------------------------------------------------------------------------------------------------


@pytest.fixture
def edited(tiny_folder: Path, tmp_path: Path) -> Callable[..., Path]:
    """Function: (file of the event, change of its rows) -> a copy of the tiny corpus with that change."""

    def edit(name: str, change: Callable[[Rows], object]) -> Path:
        folder = tmp_path / "edited"
        if not folder.exists():
            shutil.copytree(tiny_folder, folder)
        path = folder / "events" / "flood" / name
        rows = lines_of(path)
        change(rows)
        write_lines(path, rows)
        return folder

    return edit


def differences(changes: Changes) -> list[tuple[str, str, str]]:
    return [(change.part, change.key, change.kind) for change in changes.changes]


def test_identical_corpora_do_not_differ(tiny_folder: Path) -> None:
    changes = compare(load_corpus(tiny_folder), load_corpus(tiny_folder))
    assert changes.changes == []
    assert changes.counts() == {}
    assert changes.bump == "patch"


def test_the_order_of_lines_and_items_is_no_change(tiny_folder: Path, edited: Callable[..., Path]) -> None:
    def shuffle(rows: Rows) -> None:
        rows.reverse()
        for row in rows:
            for items in row.values():
                if isinstance(items, list):
                    items.reverse()

    edited("gold.jsonl", shuffle)
    folder = edited("entities.jsonl", lambda rows: rows.reverse())
    assert compare(load_corpus(tiny_folder), load_corpus(folder)).changes == []


def _set(*path: Any, **values: Any) -> Callable[[Rows], None]:
    """Change keys of the object at a path of the rows."""

    def change(rows: Any) -> None:
        for part in path:
            rows = rows[part]
        rows.update(values)

    return change


def _pop(*path: Any) -> Callable[[Rows], None]:
    """Remove what is at a path of the rows."""

    def change(rows: Any) -> None:
        for part in path[:-1]:
            rows = rows[part]
        rows.pop(path[-1])

    return change


MAYOR = {"start": 33, "end": 38, "text": "Mayor", "kind": "nominal", "type": "PER", "entity": "bo-berg", "kb_id": "Q11"}

#: (file of the event, change, what differs as (part, key, kind)).
EDITS: dict[str, tuple[str, Callable[[Rows], object], list[tuple[str, str, str]]]] = {
    "event": ("event.json", _set(0, title="Another"), [("events", "flood", "changed")]),
    "document": ("documents.jsonl", _set(1, outlet="The Vale"), [("documents", "flood-1", "changed")]),
    "entity added": (
        "entities.jsonl",
        lambda rows: rows.append({**rows[1], "entity": "dam", "name": "Dam"}),
        [("catalogue", "flood/dam", "added")],
    ),
    "entity removed": ("entities.jsonl", _pop(0), [("catalogue", "flood/bo-berg", "removed")]),
    "entity changed": ("entities.jsonl", _set(1, name="Vale Town"), [("catalogue", "flood/vale", "changed")]),
    "claim text": ("claims.jsonl", _set(1, text="It costs 7."), [("claim texts", "flood/dam-costs-7", "changed")]),
    "claim text removed": ("claims.jsonl", _pop(2), [("claim texts", "flood/dam-costs-9", "removed")]),
    "mention added": (
        "gold.jsonl",
        lambda rows: rows[0]["entities"].append(MAYOR),
        [("entities", "flood-0/33:38", "added")],
    ),
    "mention removed": ("gold.jsonl", _pop(0, "entities", 0), [("entities", "flood-0/15:19", "removed")]),
    "mention moved": (
        "gold.jsonl",
        _set(0, "entities", 1, start=33, text="Mayor Bo Berg"),
        [("entities", "flood-0/33:46", "added"), ("entities", "flood-0/39:46", "removed")],
    ),
    "mention relabelled": (
        "gold.jsonl",
        _set(0, "entities", 1, kind="nominal"),
        [("entities", "flood-0/39:46", "changed")],
    ),
    "stance": ("gold.jsonl", _set(1, "stance", 2, label="against"), [("stance", "flood-1/mayor/dam", "changed")]),
    "stance evidence": ("gold.jsonl", _set(1, "stance", 2, evidence=[2]), [("stance", "flood-1/mayor/dam", "changed")]),
    "claim": ("gold.jsonl", _set(0, "claims", 0, source="bo-berg"), [("claims", "flood-0/64:87", "changed")]),
    "claim removed": ("gold.jsonl", _pop(1, "claims", 0), [("claims", "flood-1/64:79", "removed")]),
    "verdict": (
        "gold.jsonl",
        _set(0, "verification", 2, label="not_enough_info", evidence=[]),
        [("verification", "flood-0/dam-costs-9", "changed")],
    ),
    "verdict removed": ("gold.jsonl", _pop(0, "verification", 2), [("verification", "flood-0/dam-costs-9", "removed")]),
}


@pytest.mark.parametrize("name", list(EDITS))
def test_every_change_of_data_is_told_by_part_and_key_and_asks_for_a_minor_version(
    name: str, tiny_folder: Path, edited: Callable[..., Path]
) -> None:
    file, change, expected = EDITS[name]
    old, new = load_corpus(tiny_folder), load_corpus(edited(file, change))
    there, back = compare(old, new), compare(new, old)
    assert differences(there) == expected
    assert (there.bump, back.bump) == ("minor", "minor")
    # The other way round what was added is removed.
    turned = {"added": "removed", "removed": "added", "changed": "changed"}
    assert differences(back) == [(part, key, turned[kind]) for part, key, kind in expected]


def test_changes_hold_what_was_and_what_is_and_are_counted_by_part(
    tiny_folder: Path, edited: Callable[..., Path]
) -> None:
    edited("gold.jsonl", _set(0, "entities", 1, start=33, text="Mayor Bo Berg"))
    edited("gold.jsonl", _set(1, "stance", 2, label="against"))
    changes = compare(load_corpus(tiny_folder), load_corpus(edited("claims.jsonl", _pop(2))))
    # In the order in which the parts are told: catalogues before layers.
    assert list(changes.counts().items()) == [
        ("claim texts", {"added": 0, "removed": 1, "changed": 0}),
        ("entities", {"added": 1, "removed": 1, "changed": 0}),
        ("stance", {"added": 0, "removed": 0, "changed": 1}),
    ]
    stance = changes.changes[-1]
    assert stance.before == {"label": "favor", "evidence": [1]}
    assert stance.after == {"label": "against", "evidence": [1]}
    removed = changes.changes[0]
    assert (removed.before["text"], removed.after) == ("The dam costs 9 million.", None)


def test_a_changed_format_asks_for_a_major_version_whatever_else_changed(
    tiny_folder: Path, edited: Callable[..., Path]
) -> None:
    corpus = load_corpus(tiny_folder)
    assert compare(corpus, corpus, format_changed=True).bump == "major"
    other = load_corpus(edited("claims.jsonl", _pop(2)))
    assert compare(corpus, other, format_changed=True).bump == "major"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of ``retold corpus diff``."""
    with pytest.raises(SystemExit) as caught:
        main(["corpus", "diff", *map(str, arguments)])
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


@pytest.mark.parametrize("style", ["text", "markdown"])
def test_diff_says_that_nothing_differs(style: str, tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, tiny_folder, tiny_folder, "--format", style) == (
        0,
        "no difference in labels, texts or keys\n",
        "",
    )


@pytest.mark.parametrize("style", ["text", "markdown"])
def test_diff_counts_the_changes_and_lists_each(
    style: str, tiny_folder: Path, edited: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    edited("gold.jsonl", _set(1, "stance", 2, label="against"))
    edited("gold.jsonl", lambda rows: rows[0]["entities"].append(MAYOR))
    code, out, err = run(capsys, tiny_folder, edited("claims.jsonl", _pop(2)), "--format", style)
    assert (code, err) == (0, "")
    assert "at least a minor version" in out
    cells = [[cell for cell in re.split(r"\s*\|\s*|\s{2,}", line) if cell] for line in out.splitlines()]
    for row in (
        ["claim texts", "0", "1", "0"],
        ["entities", "1", "0", "0"],
        ["stance", "0", "0", "1"],
        ["entities", "flood-0/33:38", "added", '{"kind": "nominal", "entity": "bo-berg"}'],
        ["stance", "flood-1/mayor/dam", "changed", 'label: "favor" -> "against"'],
    ):
        assert row in cells
    [removed] = [row for row in cells if "flood/dam-costs-9" in row]
    assert removed[2] == "removed"


def test_diff_as_json_holds_all_that_differs(
    tiny_folder: Path, edited: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = edited("gold.jsonl", _set(1, "stance", 2, label="against"))
    code, out, _ = run(capsys, tiny_folder, folder, "--format", "json")
    assert code == 0
    assert json.loads(out) == {
        "old": "",
        "new": "",
        "format_changed": False,
        "bump": "minor",
        "counts": {"stance": {"added": 0, "removed": 0, "changed": 1}},
        "changes": [
            {
                "part": "stance",
                "key": "flood-1/mayor/dam",
                "kind": "changed",
                "before": {"label": "favor", "evidence": [1]},
                "after": {"label": "against", "evidence": [1]},
            }
        ],
    }


def test_diff_compares_with_the_packaged_corpus_unless_told_otherwise(
    tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packaged = load_corpus()
    found = json.loads(run(capsys, tiny_folder, "--format", "json")[1])
    assert found["new"] == packaged.version
    assert found["counts"]["documents"] == {"added": len(packaged.documents), "removed": 2, "changed": 0}


def test_diff_of_what_is_no_corpus_exits_2(
    tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, tiny_folder, tmp_path / "nowhere")
    assert (code, out) == (2, "")
    assert "nowhere" in err


def test_a_changed_format_alone_is_told(tiny_folder: Path) -> None:
    corpus = load_corpus(tiny_folder)
    assert "at least a major version" in render_changes(compare(corpus, corpus, format_changed=True), "text")


# --- Cutting a release ------------------------------------------------------------------------------------------------

DATE = "2031-02-03"


def shell(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run in a folder, deaf to any configuration of git but its own."""
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return subprocess.run(command, cwd=folder, env={**inherited, **quiet}, capture_output=True, text=True, check=False)


def git(checkout: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false")
    done = shell(checkout, "git", *identity, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def commit(checkout: Path) -> None:
    git(checkout, "add", "--all")
    git(checkout, "commit", "--quiet", "--message", "Change")


def retold(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``retold corpus`` for the corpus of a checkout, from outside it."""
    command = ("-m", "retold", "corpus", *arguments, "--corpus", str(checkout / "corpus"))
    return shell(checkout.parent, sys.executable, *command)


def build(checkout: Path) -> None:
    done = retold(checkout, "build")
    assert done.returncode == 0, done.stderr


def release(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return retold(checkout, "release", *arguments, "--date", DATE)


def relabel(checkout: Path) -> None:
    """Change one stance label of the one reader, and what is built from it."""
    path = checkout / "corpus" / "events" / "flood" / "annotators" / "reader-1.jsonl"
    rows = lines_of(path)
    cell = next(cell for cell in rows[0]["stance"] if cell["label"] == "favor")
    cell["label"] = "against"
    write_lines(path, rows)
    build(checkout)


def contents(checkout: Path) -> dict[str, bytes]:
    """Bytes of every file of the corpus by path."""
    root = checkout / "corpus"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


#: The version of the template.
BEFORE = "0.3.1"
CHANGELOG = "# Data changelog\n\n<!-- releases -->\n\n## 0.3.0 (2030-01-01)\n\nFirst.\n"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with what a release needs: built of the tiny corpus, released as ``BEFORE``, tagged ``before``."""
    checkout = tmp_path_factory.mktemp("template") / "checkout"
    shutil.copytree(ROOT / "schema", checkout / "schema")
    write_tiny_corpus(checkout / "corpus")
    (checkout / "corpus" / "croissant.json").write_text("{}", encoding="utf-8")
    (checkout / "corpus" / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    (checkout / "corpus" / "GUIDELINES.md").write_text("# Guideline\n", encoding="utf-8")
    # Of the released card only the marks between which its tables are generated.
    card = (ROOT / "corpus" / "README.md").read_text(encoding="utf-8").splitlines(keepends=True)
    marks = "".join(line for line in card if re.match(r"<!-- /?generated:", line))
    (checkout / "corpus" / "README.md").write_text(f"# Tiny\n\n{marks}", encoding="utf-8")
    build(checkout)
    git(checkout, "init", "--quiet")
    commit(checkout)
    done = release(checkout, BEFORE)
    assert done.returncode == 0, done.stderr
    commit(checkout)
    git(checkout, "tag", "before")
    return checkout


@pytest.fixture
def checkout(template: Path, tmp_path: Path) -> Path:
    """A copy of the template to change."""
    return Path(shutil.copytree(template, tmp_path / "checkout"))


def check_refused(checkout: Path, *arguments: str, code: int = 2) -> str:
    """The release is refused and nothing is written; returns what was said."""
    before = contents(checkout)
    done = release(checkout, *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert contents(checkout) == before
    return done.stderr


def change_schema(checkout: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the definition of a claim in the published schema, and commit that."""
    path = checkout / "schema" / "claim.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    change(schema["$defs"]["CanonicalClaim"])
    path.write_text(json.dumps(schema), encoding="utf-8")
    commit(checkout)


@pytest.mark.parametrize("name", ["schema/notes.txt", "corpus/GUIDELINES.md"])
def test_a_dirty_checkout_is_refused(name: str, checkout: Path) -> None:
    with (checkout / name).open("a", encoding="utf-8") as stream:
        stream.write("not committed\n")
    said = check_refused(checkout, "0.3.2", "--previous", "before")
    assert "not committed" in said
    assert name in said


def test_generated_files_that_are_out_of_date_are_refused(checkout: Path) -> None:
    view = checkout / "corpus" / "views" / "stance.jsonl"
    view.write_bytes(view.read_bytes() + b"{}\n")
    commit(checkout)
    said = check_refused(checkout, "1.0.0", "--previous", "before")
    assert "out of date" in said
    assert "views/stance.jsonl" in said


def test_a_corpus_with_errors_is_refused(checkout: Path) -> None:
    catalogue = checkout / "corpus" / "events" / "flood" / "claims.jsonl"
    rows = catalogue.read_text(encoding="utf-8").splitlines(keepends=True)
    catalogue.write_text("".join([*rows, rows[0]]), encoding="utf-8")
    build(checkout)
    commit(checkout)
    assert "error RT711" in check_refused(checkout, "1.0.0", "--previous", "before", code=1)


def test_a_step_smaller_than_the_changes_ask_for_is_refused(checkout: Path) -> None:
    relabel(checkout)
    commit(checkout)
    said = check_refused(checkout, "0.3.2", "--previous", "before")
    assert "is a patch step; the changes ask for a minor one" in said


def test_a_changed_schema_asks_for_a_major_step(checkout: Path) -> None:
    change_schema(checkout, lambda claim: claim["required"].append("source"))
    said = check_refused(checkout, "0.4.0", "--previous", "before")
    assert "is a minor step; the changes ask for a major one" in said


def test_a_schema_in_other_words_is_no_other_format(checkout: Path) -> None:
    change_schema(checkout, lambda claim: claim["properties"]["text"].update(description="A sentence."))
    done = release(checkout, "0.3.2", "--previous", "before")
    assert done.returncode == 0, done.stderr


def test_a_schema_that_asks_for_less_is_no_other_format(checkout: Path) -> None:
    change_schema(checkout, lambda claim: claim["required"].remove("text"))
    done = release(checkout, "0.3.2", "--previous", "before")
    assert done.returncode == 0, done.stderr


def test_versions_and_revisions_that_make_no_sense_are_refused(checkout: Path) -> None:
    assert f"does not come after {BEFORE}" in check_refused(checkout, BEFORE, "--previous", "before")
    assert f"does not come after {BEFORE}" in check_refused(checkout, "0.3.0", "--previous", "before")
    assert "three numbers" in check_refused(checkout, "1.0", "--previous", "before")
    assert "three numbers" in check_refused(checkout, "next")
    assert "neither a folder nor a git revision" in check_refused(checkout, "9.0.0", "--previous", "nowhere")
    assert "not a corpus folder" in check_refused(checkout, "9.0.0", "--previous", str(checkout / "schema"))
    # Without a release to compare with, release.json still says which version there is.
    assert f"{BEFORE} does not come after {BEFORE}" in check_refused(checkout, BEFORE)


@pytest.fixture(scope="module")
def released(template: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The same release with one changed label, cut twice from the same state."""
    changed = Path(shutil.copytree(template, tmp_path_factory.mktemp("released") / "changed"))
    relabel(changed)
    commit(changed)
    copies = [Path(shutil.copytree(changed, changed.with_name(name))) for name in ("one", "two")]
    for copy in copies:
        done = release(copy, "0.4.0", "--previous", "before", "--note", "One label was wrong.")
        assert done.returncode == 0, done.stderr
        assert f"release 0.4.0 of {DATE}" in done.stdout
    return copies


def test_a_release_from_the_same_state_has_the_same_bytes(released: list[Path]) -> None:
    one, two = map(contents, released)
    assert one == two


def test_the_changelog_gets_a_section_with_the_counts_above_the_older_ones(
    released: list[Path], template: Path
) -> None:
    before, after = (
        (checkout / "corpus" / "CHANGELOG.md").read_text(encoding="utf-8") for checkout in (template, released[0])
    )
    mark = "<!-- releases -->\n"
    head, older = before.split(mark)
    assert after.startswith(head + mark)
    assert after.endswith(older)
    section = after.removeprefix(head + mark).removesuffix(older)
    assert section.startswith(f"\n## 0.4.0 ({DATE})\n\nOne label was wrong.\n")
    assert f"Compared with {BEFORE}:" in section
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line]
    # One label of one layer, and nothing else.
    assert [rows[0], *rows[2:]] == [["part", "added", "removed", "changed"], ["stance", "0", "0", "1"]]


def test_release_json_holds_version_date_counts_and_the_hash_of_every_file(released: list[Path]) -> None:
    files = contents(released[0])
    made = json.loads(files.pop("release.json"))
    assert (made["version"], made["date"]) == ("0.4.0", DATE)
    expected = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    assert made["files"] == expected
    # The whole is the hash of the lines that sha256sum would print, sorted by path.
    listing = "".join(f"{expected[path]}  {path}\n" for path in sorted(expected))
    assert made["sha256"] == hashlib.sha256(listing.encode()).hexdigest()
    folder = "events/flood"
    gold = [json.loads(line) for line in files[f"{folder}/gold.jsonl"].splitlines()]
    assert made["counts"] == {
        "documents": len(files[f"{folder}/documents.jsonl"].splitlines()),
        "entities": len(files[f"{folder}/entities.jsonl"].splitlines()),
        "claims": len(files[f"{folder}/claims.jsonl"].splitlines()),
        "mentions": sum(len(record["entities"]) for record in gold),
        "stance": sum(len(record["stance"]) for record in gold),
        "spans": sum(len(record["claims"]) for record in gold),
        "pairs": sum(len(record["verification"]) for record in gold),
    }


def test_what_was_released_validates_and_names_its_version_everywhere(released: list[Path]) -> None:
    corpus = load_corpus(released[0] / "corpus")
    assert corpus.version == "0.4.0"
    assert validate(None, corpus).errors == 0
    croissant = json.loads((corpus.root / "croissant.json").read_text(encoding="utf-8"))
    assert (croissant["version"], croissant["datePublished"]) == (corpus.version, DATE)
    # What is committed is all that changed: nothing is left that the next release would find out of date.
    assert git(released[0], "status", "--porcelain").split() == [
        *("M", "corpus/CHANGELOG.md", "M", "corpus/README.md"),
        *("M", "corpus/croissant.json", "M", "corpus/release.json"),
    ]


def test_documentation_alone_may_be_a_patch_and_a_folder_may_be_compared_with(checkout: Path, template: Path) -> None:
    with (checkout / "corpus" / "GUIDELINES.md").open("a", encoding="utf-8") as stream:
        stream.write("\nOne more sentence.\n")
    build(checkout)
    commit(checkout)
    done = release(checkout, "0.3.2", "--previous", str(template / "corpus"))
    assert done.returncode == 0, done.stderr
    section = (checkout / "corpus" / "CHANGELOG.md").read_text(encoding="utf-8").split("## ")[1]
    assert section.strip() == f"0.3.2 ({DATE})"


def test_what_is_built_after_a_release_is_not_called_by_its_hash_until_the_next(checkout: Path) -> None:
    build(checkout)
    assert git(checkout, "status", "--porcelain") == ""
    relabel(checkout)
    for _ in range(2):
        corpus = load_corpus(checkout / "corpus")
        assert corpus.digest.startswith("modified-")
        assert corpus.short_digest.startswith("modified-")
        assert validate(None, corpus).errors == 0
        build(checkout)
    commit(checkout)
    done = release(checkout, "0.4.0", "--previous", "before")
    assert done.returncode == 0, done.stderr
    assert "-" not in load_corpus(checkout / "corpus").digest
