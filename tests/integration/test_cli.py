"""The command line: exit codes, where output goes, and that no input ends in a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import retold


@pytest.fixture(scope="module")
def gold() -> list[bytes]:
    """Lines of the packaged gold."""
    return Path(retold.load_corpus().gold_sources()[0].path).read_bytes().splitlines()


def run(*arguments: str | Path, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "retold", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def write(path: Path, lines: list[bytes]) -> Path:
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def changed(line: bytes, **changes: object) -> bytes:
    """A line of gold with some keys replaced."""
    return json.dumps({**json.loads(line), **changes}).encode()


def first_mention(line: bytes, **changes: object) -> bytes:
    """A line of gold with its first mention alone, changed."""
    mention = {**json.loads(line)["entities"][0], **changes}
    mention.pop("text")
    return changed(line, entities=[mention])


def one_cell(line: bytes, **cell: object) -> bytes:
    """A line of gold with one stance cell."""
    return changed(line, stance=[{"holder": "macron", "target": "hamas", "label": "favor", **cell}])


#: Name -> (lines of gold -> lines of the file, the line at fault or None, what the message must say).
BAD: dict[str, tuple[Callable[[list[bytes]], list[bytes]], int | None, str]] = {
    "empty": (lambda g: [], None, "RT111"),
    "truncated": (lambda g: [*g[:4], g[4][:200]], 5, "RT102"),
    "not UTF-8": (lambda g: [g[0], b'{"document_id": "\xff"}', *g[2:]], 2, "RT101"),
    "not JSON": (lambda g: [*g[:3], b"hello", g[4]], 4, "RT102"),
    "an array": (lambda g: [*g[:3], b"[1, 2]", g[4]], 4, "RT201"),
    "wrong type": (lambda g: [changed(g[0], entities="none"), *g[1:]], 1, "RT201"),
    "wrong type deep": (lambda g: [first_mention(g[0], start="17"), *g[1:]], 1, "/entities/0/start"),
    "unknown key": (lambda g: [changed(g[0], stances=[]), *g[1:]], 1, "Did you mean 'stance'"),
    "unknown document": (lambda g: [*g[:4], changed(g[4], document_id="macron-9")], 5, "macron-9"),
    "repeated document": (lambda g: [*g, g[2]], 6, "RT302"),
    "missing document": (lambda g: g[:4], None, "macron-coalition-4"),
    "span out of bounds": (lambda g: [*g[:4], first_mention(g[4], end=99999)], 5, "RT402"),
    "negative offset": (lambda g: [*g[:4], first_mention(g[4], start=-1)], 5, "RT205"),
    "span the wrong way round": (lambda g: [first_mention(g[0], start=9, end=3), *g[1:]], 1, "RT401"),
    "unknown label": (lambda g: [one_cell(g[0], label="favour"), *g[1:]], 1, "Did you mean 'favor'"),
    "unknown holder": (lambda g: [one_cell(g[0], holder="macrom"), *g[1:]], 1, "Did you mean 'macron'"),
    "nested deeply": (lambda g: [b'{"document_id":' + b"[" * 200_000, *g[1:]], 1, "RT1"),
    "not a number": (lambda g: [first_mention(g[0], start=float("nan")), *g[1:]], 1, "RT109"),
}


@pytest.mark.parametrize("name", list(BAD))
@pytest.mark.parametrize("command", ["score", "rank", "validate"])
def test_bad_predictions_are_refused_with_file_line_and_cause(
    name: str, command: str, gold: list[bytes], tmp_path: Path
) -> None:
    spoil, at, cause = BAD[name]
    path = write(tmp_path / "predictions.jsonl", spoil(gold))
    options = {"rank": ["--output", "board"], "validate": ["--role", "prediction"]}.get(command, [])
    done = run(command, path.name, *options, folder=tmp_path)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "Traceback" not in said
    assert "internal error" not in said
    assert "predictions.jsonl" + (f":{at}" if at else "") in said
    assert cause in said
    if command != "validate":
        assert done.stdout == ""
    assert [entry.name for entry in tmp_path.iterdir()] == ["predictions.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["score", "nowhere.jsonl"], "nowhere.jsonl"),
        (["score", "."], "predictions.jsonl"),
        (["score"], "SUBMISSION"),
        (["rank"], "SUBMISSION"),
        (["rank", "a.jsonl", "--format", "html5"], "html5"),
        (["validate", "nowhere.jsonl"], "nowhere.jsonl"),
        (["score", "ok.jsonl", "--gold", "nowhere"], "nowhere"),
        (["baseline", "majorty"], "majorty"),
        (["frobnicate"], "frobnicate"),
        (["score", "broken.zip"], "broken.zip"),
    ],
)
def test_wrong_usage_and_unreadable_files_exit_2(
    arguments: list[str], says: str, gold: list[bytes], tmp_path: Path
) -> None:
    write(tmp_path / "ok.jsonl", gold)
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 torn")
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_results_go_to_standard_output_and_the_rest_to_standard_error(gold: list[bytes], tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", gold)
    done = run("rank", path, path, "--output", tmp_path / "board", "--format", "json", "--resamples", "100")
    assert done.returncode == 0
    assert json.loads(done.stdout)["systems"][0]["rank"] == 1
    assert "wrote" in done.stderr
    pages = {page.name: page.read_text(encoding="utf-8") for page in (tmp_path / "board").iterdir()}
    names = ("leaderboard", "leaderboard-entities", "leaderboard-stance", "leaderboard-claims")
    assert set(pages) == {f"{name}.{kind}" for name in names for kind in ("txt", "md", "json", "csv", "tex", "html")}
    assert pages["leaderboard.json"] == done.stdout


def test_a_comparison_of_items_has_no_page_in_html(gold: list[bytes], tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", gold)
    done = run("rank", "--compare", path, path, "--format", "html")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "--format" in done.stderr


@pytest.mark.parametrize("style", ["text", "markdown", "json", "csv", "latex"])
def test_every_format_of_a_score_carries_the_signature(style: str, gold: list[bytes], tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", gold)
    done = run("score", path, "--format", style, "--resamples", "50")
    assert done.returncode == 0, done.stderr
    assert "seed:0" in done.stdout
    assert "NaN" not in done.stdout


def test_the_api_gives_what_the_commands_print(gold: list[bytes], tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", gold)
    printed = json.loads(run("score", path, "--format", "json", "--resamples", "200", "--seed", "3").stdout)
    assert printed == json.loads(json.dumps(retold.score(path, resamples=200, seed=3).as_dict()))
    board = json.loads(run("rank", path, path, "--format", "json", "--resamples", "200").stdout)
    assert board == json.loads(json.dumps(retold.rank([path, path], resamples=200).as_dict()))


@pytest.mark.parametrize("arguments", ["score {} --format json", "rank {} {} --resamples 10"])
def test_a_closed_pipe_is_no_fault(arguments: str, gold: list[bytes], tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", gold)
    command = f"{sys.executable} -m retold {arguments.format(path, path)}"
    # The reader closes its end before anything is written.
    done = subprocess.run(
        ["bash", "-c", f"{{ {command}; echo $? > code; }} | {{ exec 0<&-; sleep 4; }}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert (tmp_path / "code").read_text() == "0\n"


def test_a_closed_standard_output_is_no_fault(gold: list[bytes], tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", gold)
    command = f"{sys.executable} -m retold score {path} --resamples 10"
    done = subprocess.run(f"{command} >&-", shell=True, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    # What is wrong is told by the exit code where nobody listens.
    done = subprocess.run(f"{command}-missing 2>&-", shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 2


def test_output_is_utf_8_whatever_the_locale_is(gold: list[bytes], tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", gold)
    command = [sys.executable, "-m", "retold", "score", str(path), "--resamples", "10"]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "LC_ALL": "C"}
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "favor → favor" in done.stdout.decode("utf-8")


def test_a_file_name_that_is_no_text_can_be_scored(gold: list[bytes], tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/m\xffne.jsonl"
    with open(path, "wb") as stream:
        stream.write(b"".join(line + b"\n" for line in gold))
    command = [sys.executable, "-m", "retold", "rank", path, "--resamples", "10", "--output", str(tmp_path / "board")]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0
    board = json.loads((tmp_path / "board" / "leaderboard.json").read_text(encoding="utf-8"))
    assert board["systems"][0]["system"] == "m\ufffdne"


def test_items_do_not_overwrite_what_is_scored(gold: list[bytes], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    path = write(tmp_path / "mine" / "predictions.jsonl", gold)
    before = path.read_bytes()
    for submission in (path, path.parent):
        done = run("score", submission, "--items", path)
        assert (done.returncode, path.read_bytes()) == (2, before)
        assert "name another file" in done.stderr
    assert run("score", path, "--gold", path, "--items", path.parent / "items.jsonl").returncode == 0


def test_items_go_to_standard_output_as_well_as_the_score(gold: list[bytes], tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", gold)
    command = f"{sys.executable} -m retold score {path} --resamples 10 --items /dev/stdout > out"
    assert subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    text = (tmp_path / "out").read_text(encoding="utf-8")
    assert text.startswith('{"signature":')
    assert "\nmine\n====\n" in text


def test_a_line_of_spaces_is_blank_to_every_command(gold: list[bytes], tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", [gold[0], b" \t ", *gold[1:]])
    assert run("score", path, "--resamples", "10").returncode == 0
    assert run("rank", path, "--resamples", "10").returncode == 0
    assert run("rank", "--compare", path, path).returncode == 0


def test_help_of_every_command() -> None:
    listed = run("--help").stdout
    for command in ("validate", "score", "rank", "baseline"):
        assert command in listed
        assert run(command, "--help").returncode == 0


@pytest.mark.parametrize(("threshold", "code"), [("error", 0), ("warning", 1)])
def test_the_severity_that_fails_is_chosen(threshold: str, code: int, gold: list[bytes], tmp_path: Path) -> None:
    write(tmp_path / "mine.jsonl", [gold[0], b"", gold[1]])
    done = run("validate", "mine.jsonl", "--fail-on", threshold, folder=tmp_path)
    assert "RT105" in done.stdout
    assert done.returncode == code


def test_findings_beyond_the_limit_are_counted(gold: list[bytes], tmp_path: Path) -> None:
    write(tmp_path / "mine.jsonl", [b"{", b"[", b"?"])
    done = run("validate", "mine.jsonl", "--max-findings", "1", folder=tmp_path)
    assert done.stdout.count("mine.jsonl:") == 1
    assert "3  RT102 malformed-json\n" in done.stdout
    assert done.stdout.endswith("3 records in 1 file: 3 errors, 0 warnings (2 not shown)\n")
    assert done.returncode == 1
