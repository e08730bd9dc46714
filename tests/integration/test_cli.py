"""The command line: exit codes, where output goes, and that no input ends in a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

import retold
from cli import run, shell
from paths import ROOT
from retold.cli.main import cli as group
from retold.corpus import load
from retold.model.display import columns
from retold.rules import RULES


@pytest.fixture(scope="module")
def gold() -> list[bytes]:
    """Lines of the packaged gold."""
    return Path(retold.load_corpus().gold_sources()[0].path).read_bytes().splitlines()


def write(path: Path, lines: list[bytes]) -> Path:
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


@pytest.fixture
def mine(gold: list[bytes], tmp_path: Path) -> Path:
    """A submission: gold itself."""
    return write(tmp_path / "mine.jsonl", gold)


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
    assert "internal error" not in said
    assert "predictions.jsonl" + (f":{at}" if at else "") in said
    assert cause in said
    if command != "validate":
        assert done.stdout == ""
    assert [entry.name for entry in tmp_path.iterdir()] == ["predictions.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("score nowhere.jsonl", "nowhere.jsonl"),
        ("score .", "predictions.jsonl"),
        ("score", "SUBMISSION"),
        ("score mine.jsonl --gold nowhere", "nowhere"),
        ("score mine.jsonl --gold . --corpus .", "give one corpus"),
        ("score mine.jsonl --labels from-gold --manifest corpus.json", "cannot be combined"),
        ("score mine.jsonl --measures stance.fvag", "(did you mean 'stance.favg'?)"),
        ("score mine.jsonl --output out --items out", "same file"),
        ("score - --corpus -", "standard input ('-') can be read only once"),
        ("score broken.zip", "broken.zip"),
        ("rank", "SUBMISSION"),
        ("rank - -", "only once"),
        ("rank mine.jsonl --format html5", "html5"),
        ("rank mine.jsonl --measure stance.brier", "cannot rank by 'stance.brier'"),
        ("compare mine.jsonl", "Missing argument 'B'"),
        ("compare mine.jsonl mine.jsonl --format html", "html"),
        ("rank --compare mine.jsonl mine.jsonl --format html", "--format html"),
        ("agree mine.jsonl nowhere.jsonl", "nowhere.jsonl"),
        ("agree mine.jsonl", "at least two files"),
        ("agree mine.jsonl mine.jsonl mine.jsonl", "a file is given twice"),
        ("agree mine.jsonl mine.jsonl --format html", "html"),
        ("agree mine.jsonl mine.jsonl --resamples -1", "resamples"),
        ("agree mine.jsonl mine.jsonl --gold nowhere", "nowhere"),
        ("validate nowhere.jsonl", "nowhere.jsonl"),
        ("validate mine.jsonl --select RT4,RT999", "'RT999'"),
        ("validate - --fix", "use --diff"),
        ("rules RT999", "unknown rule 'RT999'"),
        ("baseline majorty", "baselines"),
        ("run nowhere.py", "nowhere.py: no such file"),
        ("run mine.py --option size", "expected NAME=VALUE, got 'size'"),
        ("frobnicate", "no such command 'frobnicate'"),
        ("scor", "(did you mean 'score'?)"),
    ],
)
def test_wrong_usage_and_unreadable_files_exit_2(arguments: str, says: str, mine: Path) -> None:
    (mine.parent / "broken.zip").write_bytes(b"PK\x03\x04 torn")
    done = run(*arguments.split(), folder=mine.parent)
    assert done.returncode == 2, done.stdout + done.stderr
    assert says in done.stderr
    assert "internal error" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (RuntimeError("boom"), 2, "Error: internal error: RuntimeError: boom\nThis is a bug in retold."),
        (PermissionError(13, "Permission denied", "x.jsonl"), 2, "Error: x.jsonl: Permission denied\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_no_fault_ends_in_a_traceback(
    error: BaseException, code: int, says: str, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: object) -> None:
        raise error

    monkeypatch.setattr(load, "load_corpus", fail)
    done = run("score", mine)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.strip().startswith(says.strip())
    if isinstance(error, RuntimeError):
        with pytest.raises(RuntimeError, match="boom"):
            run("score", mine, RETOLD_DEBUG="1")


def test_rank_writes_results_to_stdout_and_notices_to_stderr(mine: Path, tmp_path: Path) -> None:
    done = run("rank", mine, mine, "--output", tmp_path / "board", "--format", "json", "--resamples", "100")
    assert done.returncode == 0
    assert json.loads(done.stdout)["systems"][0]["rank"] == 1
    assert "wrote" in done.stderr
    assert (tmp_path / "board" / "leaderboard.json").read_text(encoding="utf-8") == done.stdout


def test_score_and_rank_print_what_the_api_returns(mine: Path) -> None:
    printed = json.loads(run("score", mine, "--format", "json", "--resamples", "200", "--seed", "3").stdout)
    assert printed == json.loads(json.dumps(retold.score(mine, resamples=200, seed=3).as_dict()))
    board = json.loads(run("rank", mine, mine, "--format", "json", "--resamples", "200").stdout)
    assert board == json.loads(json.dumps(retold.rank([mine, mine], resamples=200).as_dict()))


# --- Options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--gold", "--corpus"])
def test_corpus_and_gold_each_take_a_folder_or_a_file(option: str, tiny_folder: Path) -> None:
    gold = tiny_folder / "events" / "flood" / "gold.jsonl"
    for corpus, name in ((tiny_folder, "tiny"), (gold, "gold.jsonl")):
        done = run("score", gold, option, corpus, "--resamples", "0", "--format", "json")
        assert json.loads(done.stdout)["corpus"]["name"] == name, done.stderr


@pytest.mark.parametrize(
    ("options", "passed"),
    [("", {}), ("--manifest m.json", {"manifest": "m.json"}), ("--labels from-gold", {"labels": "from-gold"})],
)
@pytest.mark.parametrize("command", ["score", "rank", "compare", "agree", "validate", "run"])
def test_manifest_and_labels_reach_load_corpus(
    command: str, options: str, passed: dict[str, str], mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Any, dict[str, Any]]] = []

    def record(path: Any = None, **options: Any) -> None:
        seen.append((path, options))
        raise retold.UnreadableError("enough")

    monkeypatch.setattr(load, "load_corpus", record)
    (mine.parent / "mine.py").write_text(
        "NAME = 'mine'\nDESCRIPTION = ''\nPROTOCOL = 'zero-shot'\ndef predict(document, context): ...\n"
    )
    files = {"run": ["mine.py"], "compare": ["mine.jsonl"] * 2, "agree": ["mine.jsonl"] * 2}.get(
        command, ["mine.jsonl"]
    )
    done = run(command, *files, "--corpus", "gold.jsonl", *options.split(), folder=mine.parent)
    assert done.stderr == "Error: enough\n"
    assert seen == [("gold.jsonl", passed)]


def test_score_shows_the_measures_that_are_asked_for(mine: Path) -> None:
    asked = ["--measures", "stance,claims.span.*", "--measures", "stance.favg", "--resamples", "0"]
    found = json.loads(run("score", mine, "--format", "json", *asked).stdout)
    names = {"stance", "stance.favg", *(f"claims.span.{part}" for part in ("precision", "recall", "f1", "exact.f1"))}
    assert set(found["measures"]) == names
    cells = [cell for values in found["breakdowns"].values() for cell in values.values()]
    assert {name for cell in cells for name in cell} <= names
    for style in ("text", "markdown", "csv", "latex"):
        shown = run("score", mine, "--format", style, *asked).stdout
        assert "claims.span.f1" in shown
        assert "entities.mention" not in shown
        assert "overall" not in shown


def test_score_output_goes_to_a_file_and_says_so(mine: Path) -> None:
    arguments = ("score", mine, "--format", "json", "--resamples", "0")
    done = run(*arguments, "--output", "sub/score.json", folder=mine.parent)
    assert (done.stdout, done.stderr) == ("", "wrote sub/score.json: score of mine (json)\n")
    assert (mine.parent / "sub" / "score.json").read_text(encoding="utf-8") == run(*arguments).stdout


@pytest.mark.parametrize("option", ["--items", "--output"])
def test_score_does_not_overwrite_its_input(option: str, gold: list[bytes], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    path = write(tmp_path / "mine" / "predictions.jsonl", gold)
    before = path.read_bytes()
    for submission in (path, path.parent):
        done = run("score", submission, option, path)
        assert (done.returncode, path.read_bytes()) == (2, before)
        assert "name another file" in done.stderr
    assert run("score", path, "--gold", path, option, path.parent / "new").returncode == 0


def test_no_resamples_give_no_intervals(mine: Path) -> None:
    score = json.loads(run("score", mine, "--resamples", "0", "--format", "json").stdout)
    agreement = json.loads(run("agree", mine, mine, "--resamples", "0", "--format", "json").stdout)
    for found in (score, agreement):
        assert {(value["low"], value["high"]) for value in found["measures"].values()} == {(None, None)}
    board = json.loads(run("rank", mine, mine, "--resamples", "0", "--format", "json").stdout)
    assert [(system["rank"], system["rank_low"]) for system in board["systems"]] == [(1, None), (1, None)]
    assert board["comparisons"] == []


@pytest.mark.parametrize("executor", ["process", "threads"])
def test_workers_and_executor_do_not_change_the_result(executor: str, mine: Path) -> None:
    for command in ("score", "rank"):
        plain, shared = (
            run(command, mine, "--resamples", "20", "--format", "json", *options)
            for options in ((), ("--workers", "2", "--executor", executor))
        )
        assert (shared.returncode, shared.stdout) == (0, plain.stdout)


def test_labels_can_come_from_gold_or_from_a_manifest(mine: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "stance.json"
    manifest.write_text('{"format": 2, "layers": {"stance": {}}}', encoding="utf-8")
    options = ["--gold", mine, "--resamples", "0", "--format", "json"]
    declared = json.loads(run("score", mine, *options, "--manifest", manifest).stdout)
    assert {name.partition(".")[0] for name in declared["measures"]} == {"overall", "stance"}
    assert "|labels:" in declared["signature"]
    assert json.loads(run("score", mine, *options, "--labels", "from-gold").stdout)["measures"]["overall"]["value"] == 1
    piped = run("score", mine, *options, "--manifest", "-", stdin=manifest.read_bytes())
    assert json.loads(piped.stdout) == declared
    twice = run("score", "-", "--manifest", "-", stdin=b"{}")
    assert (twice.returncode, "can be read only once" in twice.stderr) == (2, True)
    assert "<stdin>: error RT111 the file is empty" in run("score", mine, *options, "--manifest", "-").stderr
    shown = run("measures", "--gold", mine, "--manifest", manifest).stdout
    assert "stance.favg" in shown
    assert "claims" not in shown


def test_compare_and_its_old_spelling(mine: Path, gold: list[bytes]) -> None:
    other = write(mine.parent / "other.jsonl", [one_cell(gold[0]), *gold[1:]])
    new = run("compare", mine, other)
    old = run("rank", "--compare", mine, other)
    assert (new.returncode, new.stderr) == (0, "")
    assert "stance" in new.stdout
    assert (old.returncode, old.stdout) == (0, new.stdout)
    assert old.stderr == "warning: 'retold rank --compare' is deprecated; use 'retold compare'\n"


def test_run_and_its_old_spelling(tmp_path: Path, tiny_folder: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import retold.model.annotations as a\n"
        "class system:\n    NAME = 'mine'\n    DESCRIPTION = ''\n    PROTOCOL = 'zero-shot'\n"
        "    def predict(document, context):\n"
        "        return a.AnnotationRecord(document_id=document.document_id, entities=[])\n",
        encoding="utf-8",
    )
    for command, warning in (
        ("run", ""),
        ("baseline", "warning: 'retold baseline FILE.py' is deprecated; use 'retold run FILE.py'\n"),
    ):
        done = run(command, "mine.py:system", "--corpus", tiny_folder, "--output", command, folder=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{command}\n", warning)
    first, second = ((tmp_path / name / "predictions.jsonl").read_bytes() for name in ("run", "baseline"))
    assert first == second


def test_measures_are_listed_and_explained() -> None:
    assert "stance.favg" in run("measures").stdout
    assert "Mohammad" in run("measures", "stance.favg").stdout
    wrong = run("measures", "stance.fvag")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "did you mean 'stance.favg'?" in wrong.stderr


def test_rules_are_listed_and_explained_in_any_case() -> None:
    assert "RT403  text-differs" in run("rules").stdout
    assert run("rules", "rt403").stdout.startswith("# RT403 text-differs\n")


def test_select_and_ignore_take_commas_and_repetition(gold: list[bytes], tmp_path: Path) -> None:
    write(tmp_path / "mine.jsonl", [b"{", b"", changed(gold[0], stances=[])])

    def codes(*options: str) -> set[str]:
        return set(
            json.loads(run("validate", "mine.jsonl", "--format", "json", *options, folder=tmp_path).stdout)["codes"]
        )

    assert codes() == {"RT102", "RT105", "RT203"}
    assert codes("--select", "RT102, rt2") == codes("--select", "RT102", "--select", "RT2") == {"RT102", "RT203"}
    assert codes("--ignore", "RT105,RT203") == codes("--ignore", "RT105") == {"RT102", "RT203"}
    # Lines that could not be read are always told of: the first has no other finding.
    assert codes("--select", "RT4") == codes("--ignore", "RT1,RT2") == {"RT102", "RT203"}


def test_a_line_of_spaces_is_blank_to_every_command(gold: list[bytes], tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", [gold[0], b" \t ", *gold[1:]])
    for arguments in (("score", path), ("rank", path), ("compare", path, path)):
        assert run(*arguments).returncode == 0


@pytest.mark.parametrize(("threshold", "code"), [("error", 0), ("warning", 1)])
def test_fail_on_chooses_the_severity(threshold: str, code: int, gold: list[bytes], tmp_path: Path) -> None:
    write(tmp_path / "mine.jsonl", [gold[0], b"", gold[1]])
    done = run("validate", "mine.jsonl", "--fail-on", threshold, folder=tmp_path)
    assert "RT105" in done.stdout
    assert done.returncode == code


def test_max_findings_counts_the_rest(tmp_path: Path) -> None:
    write(tmp_path / "mine.jsonl", [b"{", b"[", b"?"])
    done = run("validate", "mine.jsonl", "--max-findings", "1", folder=tmp_path)
    assert done.stdout.count("mine.jsonl:1") == done.stdout.count("mine.jsonl:") - 1 == 1
    assert "3  RT102 malformed-json\n" in done.stdout
    assert done.stdout.endswith("3 records in 1 file: 3 errors, 0 warnings (2 not shown)\n")
    assert done.returncode == 1


def test_help_of_every_command_shows_an_example() -> None:
    def check(command: click.Command, *names: str) -> None:
        text = run(*names, "--help").stdout
        # Not "python -m retold", however it was started; and the example is a line of its own.
        assert text.startswith(f"Usage: {' '.join(['retold', *names])} ")
        assert f"Example:\n    retold {' '.join(names)}".rstrip() in text
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                assert f"\n  {name} " in text
                found = command.get_command(context, name)
                assert found is not None
                check(found, *names, name)

    check(group)


def loaded(program: str) -> set[str]:
    """Modules that a fresh interpreter has loaded at the end of a program."""
    code = f"import sys\ntry:\n    {program}\nfinally:\n    print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return set(done.stdout.split())


HEAVY = {"datasets", "jsonschema", "msgspec", "numpy", "pandas", "pyarrow", "scipy", "sklearn", "tabulate", "tqdm"}


def test_help_loads_no_library_but_click() -> None:
    modules = loaded("from retold.cli.main import main; main(['--help'])")
    assert modules > {"retold.cli.score", "click"}
    assert modules.isdisjoint(HEAVY)


def test_validating_loads_no_library_that_it_does_not_need(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"document_id": "macron-coalition-0", "stance": [{"label": 1}]}\n')
    checked = {"datasets", "fsspec", "huggingface_hub", "jinja2", *HEAVY} - {"msgspec"}
    modules = loaded("from retold.cli.main import main; main(['validate'])")
    assert modules > {"retold.validation.validate", "msgspec"}
    assert modules.isdisjoint(checked)
    # A line that has errors is explained with JSON Schema.
    modules = loaded(f"from retold.cli.main import main; main(['validate', {str(tmp_path / 'bad.jsonl')!r}])")
    assert modules & checked == {"jsonschema"}


def test_importing_the_package_loads_none_of_its_modules() -> None:
    modules = loaded("import retold")
    assert {name for name in modules if name.startswith("retold")} == {"retold"}
    assert modules.isdisjoint(HEAVY)


@pytest.mark.parametrize("name", retold.__all__)
def test_public_name_resolves(name: str) -> None:
    # Names are loaded when they are first used; a name without a home would fail only then.
    assert getattr(retold, name) is not None


def test_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'skore'"):
        retold.skore  # noqa: B018


def test_a_dash_reads_standard_input(mine: Path) -> None:
    gold = mine.read_bytes()
    score = json.loads(run("score", "-", "--resamples", "0", "--format", "json", stdin=gold).stdout)
    assert (
        score["measures"] == json.loads(run("score", mine, "--resamples", "0", "--format", "json").stdout)["measures"]
    )
    board = json.loads(run("rank", mine, "-", "--resamples", "9", "--format", "json", stdin=gold).stdout)
    assert [system["rank"] for system in board["systems"]] == [1, 1]
    assert "No difference" in run("compare", "-", mine, stdin=gold).stdout
    assert run("agree", mine, "-", "--resamples", "0", stdin=gold).returncode == 0
    assert run("validate", "-", stdin=gold).stdout.endswith("\n5 records in 1 file: no findings\n")
    bad = run("validate", "-", "--format", "json", stdin=b"{\n")
    assert bad.returncode == 1
    assert [(found["code"], found["line"]) for found in json.loads(bad.stdout)["findings"]] == [("RT102", 1)]


def test_extensions_are_taken_in_any_case(mine: Path) -> None:
    assert run("score", mine.rename(mine.with_suffix(".JSONL")), "--resamples", "0").returncode == 0


def test_findings_in_json_keep_the_old_name_of_the_hint(tmp_path: Path) -> None:
    write(tmp_path / "mine.jsonl", [b"{"])
    (found,) = json.loads(run("validate", tmp_path / "mine.jsonl", "--format", "json").stdout)["findings"]
    assert found["hint"] == found["cure"]


@pytest.mark.parametrize(
    "arguments",
    [
        "--help",
        "score --help",
        "corpus new-event --help",
        "rules --format markdown",
        "measures stance",
        "validate bad.jsonl",
    ],
)
def test_nothing_that_is_shown_goes_with_the_docstrings(arguments: str, tmp_path: Path) -> None:
    write(tmp_path / "bad.jsonl", [b'{"document_id": "macron-coalition-0", "stances": []}'])
    plain, stripped = (shell(f"retold {arguments}", tmp_path, PYTHONOPTIMIZE=level) for level in ("0", "2"))
    assert len(plain.stdout) > 100
    assert (stripped.returncode, stripped.stdout) == (plain.returncode, plain.stdout)


# --- What only a process shows ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", ["score mine.jsonl --format json", "rank mine.jsonl mine.jsonl --resamples 10"])
def test_a_closed_pipe_is_no_fault(arguments: str, mine: Path) -> None:
    # The reader is gone before anything is written.
    done = shell(f"{{ retold {arguments}; echo $? > code; }} | true", mine.parent)
    assert done.stderr == b""
    assert (mine.parent / "code").read_text() == "0\n"


def test_a_closed_standard_output_is_no_fault(mine: Path) -> None:
    done = shell("retold score mine.jsonl --resamples 10 >&-", mine.parent)
    assert (done.returncode, done.stderr) == (0, b"")
    # With standard error closed, the exit code is left to tell.
    assert shell("retold score missing.jsonl 2>&-", mine.parent).returncode == 2


def test_output_is_utf_8_in_any_locale(mine: Path) -> None:
    done = shell("retold score mine.jsonl --resamples 10 -v", mine.parent, PYTHONIOENCODING="cp1252", LC_ALL="C")
    assert (done.returncode, done.stderr) == (0, b"")
    assert "favor → favor" in done.stdout.decode("utf-8")


def test_a_file_name_that_is_not_utf_8_can_be_ranked(gold: list[bytes], tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/m\xffne.jsonl", "wb") as stream:
        stream.write(b"".join(line + b"\n" for line in gold))
    assert shell("retold rank m*ne.jsonl --resamples 10 --output board", tmp_path).returncode == 0
    board = json.loads((tmp_path / "board" / "leaderboard.json").read_text(encoding="utf-8"))
    assert board["systems"][0]["system"] == "m\ufffdne"


@pytest.mark.parametrize("target", ["/dev/stdout", "-"])
def test_items_can_go_to_standard_output_before_the_score(target: str, mine: Path) -> None:
    done = shell(f"retold score mine.jsonl --resamples 10 --items {target} > out", mine.parent)
    assert done.returncode == 0
    text = (mine.parent / "out").read_text(encoding="utf-8")
    assert text.startswith('{"signature":')
    assert "\nmine\n====\n" in text


# --- Output that fits, and names of others ----------------------------------------------------------------------------

ANNOTATORS = [
    str(path) for path in sorted(retold.load_corpus().root.glob("events/macron-coalition/annotators/reader-?.jsonl"))
]
COMMANDS = {
    "score": ["score", "mine.jsonl"],
    "score -v": ["score", "mine.jsonl", "-v"],
    "rank": ["rank", "mine.jsonl", "other.jsonl", "a-name-that-is-rather-long-for-a-column.jsonl"],
    "rank -v": ["rank", "mine.jsonl", "other.jsonl", "-v"],
    "compare": ["compare", "mine.jsonl", "other.jsonl"],
    "compare -v": ["compare", "mine.jsonl", "other.jsonl", "-v"],
    "agree": ["agree", *ANNOTATORS],
    "agree -v": ["agree", *ANNOTATORS, "-v", "--disagreements"],
    "agree three": ["agree", *ANNOTATORS, "mine.jsonl"],
    "validate": ["validate", "other.jsonl"],
    "rules": ["rules"],
    "rules RT403": ["rules", "RT403"],
    "measures": ["measures"],
    "measures overall": ["measures", "overall"],
    "baseline": ["baseline", "--list", "--folder", str(ROOT / "baselines")],
    "corpus diff": ["corpus", "diff", str(ROOT / "corpus")],
}


@pytest.fixture(scope="module")
def folder(gold: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Submissions: gold, and gold with one mention, claim and verdict less and another label, in each document."""
    made = tmp_path_factory.mktemp("submissions")
    write(made / "mine.jsonl", gold)
    fewer = []
    for line in gold:
        record = json.loads(line)
        for layer in ("entities", "claims", "verification"):
            record[layer] = record[layer][1:]
        record["stance"][0]["label"] = "against"
        record["claims"][0]["start"] -= 1
        del record["claims"][0]["text"]
        fewer.append(json.dumps(record).encode())
    write(made / "other.jsonl", fewer)
    write(made / "a-name-that-is-rather-long-for-a-column.jsonl", fewer)
    return made


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("command", COMMANDS)
def test_text_fits_the_terminal(command: str, width: int, folder: Path) -> None:
    quick = ["--resamples", "20"] if command.split()[0] in ("score", "rank", "agree") else []
    done = run(*COMMANDS[command], *quick, folder=folder, COLUMNS=str(width))
    assert (done.stderr, bool(done.stdout)) == ("", True)
    # A signature is one word, to be copied.
    lines = [line for line in done.stdout.splitlines() if not line.startswith("signature: ")]
    if command == "validate":
        # A message is a line, as of compilers; the text that it shows fits.
        lines = [line for line in lines if line.startswith("    | ")]
    assert [line for line in lines if columns(line) > width] == []
    if command in ("score", "rank"):
        assert sum(-(-columns(line) // width) for line in done.stdout.splitlines()) <= 30
        assert "--verbose shows" in done.stdout


def test_without_a_terminal_there_are_100_columns(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert shell("retold rules", folder).stdout.decode() == run("rules", COLUMNS="100").stdout
    assert run("rules", COLUMNS="70").stdout != run("rules", COLUMNS="100").stdout


def test_rules_are_found_by_name_and_prefix_in_a_process_that_knows_nothing_else(tmp_path: Path) -> None:
    page = shell("retold rules RT403", tmp_path).stdout.decode()
    assert page.startswith("# RT403 text-differs\n")
    assert run("rules", "text-differs").stdout == run("rules", "TEXT-differs").stdout == page
    listed = shell("retold rules", tmp_path).stdout.decode().splitlines()
    codes = [line[:5] for line in listed if line.startswith("RT")]
    assert codes == sorted(RULES)
    spans = [line[:5] for line in run("rules", "rt4").stdout.splitlines() if line.startswith("RT")]
    assert spans == [code for code in codes if code.startswith("RT4")]
    for wrong, close in (("RT999", ""), ("text-difers", "did you mean 'text-differs'?"), ("", "")):
        done = run("rules", wrong)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"unknown rule {wrong!r}" in done.stderr
        assert close in done.stderr


def test_what_a_ranking_wrote_is_told_in_one_line(folder: Path, tmp_path: Path) -> None:
    done = run("rank", folder / "mine.jsonl", "--output", tmp_path / "boards", "--resamples", "0")
    (line,) = done.stderr.splitlines()
    assert line.startswith("wrote leaderboard, leaderboard-entities, ")
    assert str(tmp_path / "boards") in line
    assert len(list((tmp_path / "boards").iterdir())) == 4 * 6


def test_a_refused_submission_ends_with_counts_by_rule(gold: list[bytes], tmp_path: Path) -> None:
    lines = [first_mention(line, end=0) for line in gold[:3]]
    write(tmp_path / "bad.jsonl", [*lines, one_cell(gold[3], target="hammas"), gold[4]])
    done = run("score", tmp_path / "bad.jsonl")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("\n\n3  RT401 end-not-after-start\n1  RT306 unknown-target\n4 errors, 0 warnings\n")


def test_warnings_of_what_is_scored_are_counted_by_rule(gold: list[bytes], tmp_path: Path) -> None:
    # A span with a blank behind it, in two documents: scored, and wrong.
    def spaced(line: bytes) -> bytes:
        record = json.loads(line)
        text = retold.load_corpus().documents[record["document_id"]].text
        mention = next(m for m in record["entities"] if text[m["end"]] == " ")
        return first_mention(line, start=mention["start"], end=mention["end"] + 1)

    write(tmp_path / "mine.jsonl", [*map(spaced, gold[:2]), *gold[2:]])
    words = "2 warnings: 2 RT404 white-space-at-the-edge; retold validate shows them"
    for command in ("score", "rank"):
        assert words in run(command, tmp_path / "mine.jsonl", "--resamples", "0").stdout
    found = json.loads(run("score", tmp_path / "mine.jsonl", "--resamples", "0", "--format", "json").stdout)
    assert found["coverage"]["warnings"] == {"RT404": 2}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_behind_standard_output_is_named() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "retold", "rules"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (2, "Error: standard output: No space left on device\n")


@pytest.mark.parametrize(
    "name", ["a\x1b[2Jb", "a\nb", "a\x9bb", "a\u202eb", "a\u2066b", "x" * 101, "  ", "\u3000", "\u3164\u2800"]
)
def test_a_card_with_a_name_that_cannot_be_printed_is_refused(name: str, gold: list[bytes], tmp_path: Path) -> None:
    write(tmp_path / "predictions.jsonl", gold)
    card = {"name": name, "protocol": "zero-shot", "corpus_version": "1"}
    (tmp_path / "submission.json").write_text(json.dumps(card), encoding="utf-8")
    done = run("score", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert all(c.isprintable() or c == "\n" for c in done.stderr)
    card["name"] = "ünïcode 第三 " + "x" * 50
    (tmp_path / "submission.json").write_text(json.dumps(card), encoding="utf-8")
    assert card["name"] in run("score", tmp_path, "--resamples", "0").stdout


@pytest.mark.parametrize("style", ["text", "markdown", "latex", "csv", "json"])
def test_nothing_that_a_terminal_acts_on_is_printed(style: str, gold: list[bytes], tmp_path: Path) -> None:
    evil = write(tmp_path / "a\x1b[2J\x9b\u202eb.jsonl", gold)
    for done in (
        run("score", evil, "--resamples", "0", "--format", style),
        run("rank", evil, evil, "--resamples", "0", "--format", "table" if style == "text" else style),
        run("compare", evil, evil, "--format", style),
        run("agree", evil, evil, "--resamples", "0", "--format", style),
        run("score", tmp_path / "\x1b[2J\u202emissing"),
        run("score", evil, "--format", "\x1b[2J"),
        run("measures", "\x1b[2J"),
    ):
        # click takes colours out where there is no terminal, but not what else a terminal acts on.
        assert [c for c in done.stdout + done.stderr if not c.isprintable() and c not in "\n\xa0"] == []
    assert "/\\x1b[2J\\u202emissing: " in run("score", tmp_path / "\x1b[2J\u202emissing").stderr
    assert "u202eb" in run("score", evil, "--resamples", "0", "--format", style).stdout


@pytest.mark.parametrize("options", [["--resamples", "1"], ["--resamples", "200", "--gold", "one.jsonl"]])
def test_no_interval_is_without_width(options: list[str], folder: Path, tmp_path: Path) -> None:
    # Of one resample, and of one document, which is the one unit of a bare file.
    one = [(folder / name).read_bytes().splitlines()[:1] for name in ("mine.jsonl", "other.jsonl")]
    files = ["mine.jsonl", "other.jsonl"]
    if "--gold" in options:
        write(tmp_path / "one.jsonl", one[0])
        files = [str(write(tmp_path / name, lines)) for name, lines in zip(files, one, strict=True)]
    else:
        files = [str(folder / name) for name in files]
    score, board, agreement = (
        json.loads(run(*command, *options, "--format", "json", folder=tmp_path).stdout)
        for command in (["score", files[1]], ["rank", *files], ["agree", *files])
    )
    found = [*score["measures"].values(), *agreement["measures"].values(), *board["comparisons"]]
    found += [value for system in board["systems"] for value in system["measures"].values()]
    assert {each["low"] is None for each in found if each.get("value", 0.5) not in (0, 1)} == {True}
    assert all(each["low"] < each["high"] for each in found if each["low"] is not None)
