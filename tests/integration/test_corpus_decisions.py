"""The file of decisions between annotators: made, filled in, applied, or refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cli import Done
from cli import run as command
from files import lines_of


@pytest.fixture
def two_readers(tiny_folder: Path) -> Path:
    """The tiny corpus without gold, with two readers who differ on a mention, a cell and the evidence of a pair."""
    event = tiny_folder / "events" / "flood"
    (event / "gold.jsonl").unlink()
    records = lines_of(event / "annotators" / "reader-1.jsonl")
    records[0]["entities"].pop()
    records[0]["stance"][1].update(label="against", evidence=[3])
    records[1]["verification"][0]["evidence"] = [1, 2]
    text = "".join(json.dumps(record) + "\n" for record in records)
    (event / "annotators" / "reader-2.jsonl").write_text(text, encoding="utf-8")
    return tiny_folder


def decide(corpus: Path, file: Path, *options: object) -> Done:
    return command("corpus", "adjudicate", file, *options, "--corpus", corpus)


TABLES = """\
# A decision is "reader-1", "reader-2", "nothing", or what is right, in braces as the answers are.
# Give each a reason.

# Mayor [Bo Berg] asked for a dam.
# reader-1: {kind = "name", entity = "bo-berg"}
# reader-2: nothing
[[decisions]]
document_id = "flood-0"
layer = "entities"
item = "39:46"
decision = ""
reason = ""

# 3 Vale was flooded on Monday.
# reader-1: {label = "none", evidence = []}
# reader-2: {label = "against", evidence = [3]}
[[decisions]]
document_id = "flood-0"
layer = "stance"
item = "author/mayor-berg"
decision = ""
reason = ""

# The dam costs 7 million.
# 1 Bo Berg meminta bendungan.
# 2 Biayanya 7 juta.
# reader-1: {label = "supported", evidence = [2]}
# reader-2: {label = "supported", evidence = [1, 2]}
[[decisions]]
document_id = "flood-1"
layer = "verification"
item = "dam-costs-7"
decision = ""
reason = ""
"""


def test_a_file_of_decisions_is_made_filled_in_and_applied(two_readers: Path, tmp_path: Path) -> None:
    file, event = tmp_path / "decisions.toml", two_readers / "events" / "flood"
    assert decide(two_readers, file, "--init").returncode == 0
    assert file.read_text(encoding="utf-8") == TABLES
    done = decide(two_readers, file)
    assert done.returncode == 1
    assert done.stderr.count("fill in decision and reason") == 3
    assert (done.stderr.count("Fill in `decision` and `reason`"), "--init" in done.stderr) == (3, False)
    assert not (event / "annotators" / "adjudication.jsonl").exists()
    answers = iter(['"nothing"', '"reader-2"', '{label = "refuted", evidence = [2]}'])
    text = re.sub(r'decision = ""', lambda _: f"decision = {next(answers)}", TABLES).replace(
        'reason = ""', 'reason = "D1"'
    )
    file.write_text(text, encoding="utf-8")
    done = decide(two_readers, file)
    assert (done.returncode, "3 decisions" in done.stderr) == (0, True), done.stderr
    lines = (event / "annotators" / "adjudication.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["decision"] for line in lines] == [
        None,
        {"label": "against", "evidence": [3]},
        {"label": "refuted", "evidence": [2]},
    ]
    gold = {record["document_id"]: record for record in map(json.loads, (event / "gold.jsonl").open(encoding="utf-8"))}
    assert [mention["text"] for mention in gold["flood-0"]["entities"]] == ["Vale"]
    assert gold["flood-0"]["stance"][1]["label"] == "against"
    assert gold["flood-1"]["verification"][1] == {"claim": "dam-costs-7", "label": "refuted", "evidence": [2]}
    # Nothing is left to decide; what annotators then change is.
    left = tmp_path / "left.toml"
    assert "nothing to decide" in decide(two_readers, left, "--init").stderr
    assert not left.exists()
    reader = event / "annotators" / "reader-2.jsonl"
    reader.write_text(reader.read_text(encoding="utf-8").replace('"against"', '"favor"'), encoding="utf-8")
    assert decide(two_readers, left, "--init").returncode == 0
    assert left.read_text(encoding="utf-8").count("[[decisions]]") == 1
    left.write_text(
        left.read_text(encoding="utf-8").replace('decision = ""', 'decision = "reader-2"').replace('""', '"D2"'),
        encoding="utf-8",
    )
    assert "3 decisions" in decide(two_readers, left).stderr


def test_one_of_two_documents_is_decided_and_built(two_readers: Path, tmp_path: Path) -> None:
    file, event = tmp_path / "decisions.toml", two_readers / "events" / "flood"
    reader = event / "annotators" / "reader-2.jsonl"
    reader.write_text(reader.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    done = decide(two_readers, file, "--init")
    alone = "warning: flood-1: entities, stance, claims, verification of reader-1 only; taken as gold\n"
    assert (done.returncode, done.stderr) == (0, f"wrote {file}\n{alone}")
    text = file.read_text(encoding="utf-8")
    assert text.count("[[decisions]]") == 2
    answered = text.replace('decision = ""', 'decision = "nothing"', 1).replace(
        'decision = ""', 'decision = "reader-1"'
    )
    file.write_text(answered.replace('""', '"D1"'), encoding="utf-8")
    done = decide(two_readers, file)
    assert (done.returncode, alone in done.stderr) == (0, True), done.stderr
    gold, first = (
        (event / name).read_text(encoding="utf-8").splitlines() for name in ("gold.jsonl", "annotators/reader-1.jsonl")
    )
    assert [m["text"] for m in json.loads(gold[0])["entities"]] == ["Vale"]
    assert json.loads(gold[1])["stance"] == json.loads(first[1])["stance"]
    assert command("corpus", "build", "--corpus", two_readers).returncode == 0
    assert "RT714" not in command("validate", "--corpus", two_readers).stdout
    # A document that nobody annotated keeps its gold.
    lines = (event / "annotators" / "reader-1.jsonl").read_text(encoding="utf-8").splitlines()
    (event / "annotators" / "reader-1.jsonl").write_text(lines[0] + "\n", encoding="utf-8")
    assert command("corpus", "build", "--check", "--corpus", two_readers).returncode == 0
    assert "RT714" not in command("validate", "--corpus", two_readers).stdout


def test_the_order_is_that_of_agree(two_readers: Path, tmp_path: Path) -> None:
    readers = [two_readers / "events" / "flood" / "annotators" / f"reader-{number}.jsonl" for number in (1, 2)]
    told = json.loads(command("agree", *readers, "--corpus", two_readers, "--format", "json").stdout)
    assert len(told["disagreements"]) == 3
    told["disagreements"].reverse()
    agreement = tmp_path / "agreement.json"
    agreement.write_text(json.dumps(told), encoding="utf-8")
    assert decide(two_readers, tmp_path / "d.toml", "--init", "--agreement", agreement).returncode == 0
    items = re.findall(r'^item = "(.*)"', (tmp_path / "d.toml").read_text(encoding="utf-8"), re.M)
    assert items == ["dam-costs-7", "author/mayor-berg", "39:46"]
    readers[1].write_bytes(readers[0].read_bytes())
    done = decide(two_readers, tmp_path / "e.toml", "--init", "--agreement", agreement)
    assert (done.returncode, "run retold agree again" in done.stderr) == (1, True)
    for text, code, words in [("[]", 2, "not the output of 'retold agree"), ('{"annotators": []', 2, "not the output")]:
        agreement.write_text(text, encoding="utf-8")
        done = decide(two_readers, tmp_path / "e.toml", "--init", "--agreement", agreement)
        assert (done.returncode, words in done.stderr) == (code, True)


#: What is wrong in a file of decisions -> (old and new text, exit code, words of the message).
WRONG = {
    "no such answer": (('"reader-1"', '"reader-3"'), 1, "flood-0/entities/39:46: expected one of reader-1, reader-2"),
    "key": (("reason =", "reasons ="), 1, "unknown key 'reasons'. Did you mean 'reason'?"),
    "key of an answer": (('"reader-1"', '{kinds = "name"}'), 1, "decision: Object contains unknown field `kinds`"),
    "layer": (('"entities"', '"entity"'), 1, "unknown layer. Did you mean 'entities'?"),
    "document": (('"flood-0"', '"flood-9"'), 1, "unknown document 'flood-9'"),
    "blank reason": (('"D1"', '" "'), 1, "has no reason"),
    "not TOML": (("[[decisions]]", "[[decisions]"), 2, "not a file of decisions"),
    "another table": (("[[decisions]]", "[[decision]]"), 2, "expected [[decisions]] only"),
    "twice": (("\n# 3", '\n[[decisions]]\ndocument_id = "flood-0"\nlayer = "entities"\nitem = "39:46"\n'
               'decision = "nothing"\nreason = "x"\n# 3'), 1, "flood-0/entities/39:46: is decided twice"),
    "left out": ((TABLES[TABLES.index("# The dam"):].replace('""', '"reader-1"', 1).replace('""', '"D1"'), ""), 1,
                 "1 difference without a decision: flood-1/verification/dam-costs-7"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(WRONG))
def test_a_wrong_file_of_decisions_is_refused_and_nothing_written(name: str, two_readers: Path, tmp_path: Path) -> None:
    (old, new), code, words = WRONG[name]
    text = TABLES.replace('decision = ""', 'decision = "reader-1"').replace('reason = ""', 'reason = "D1"')
    assert old in text
    file = tmp_path / "decisions.toml"
    file.write_text(text.replace(old, new), encoding="utf-8")
    before = sorted(two_readers.rglob("*"))
    done = decide(two_readers, file)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(two_readers.rglob("*")) == before


def test_build_refuses_open_differences_and_init_keeps_what_is_there(two_readers: Path, tmp_path: Path) -> None:
    done = command("corpus", "build", "--corpus", two_readers)
    assert (done.returncode, done.stdout) == (1, "")
    assert "3 differences without a decision" in done.stderr
    assert "retold corpus adjudicate FILE --init" in done.stderr
    file = tmp_path / "decisions.toml"
    file.write_text("mine", encoding="utf-8")
    done = decide(two_readers, file, "--init")
    assert (done.returncode, "already exists" in done.stderr, file.read_text()) == (2, True, "mine")
