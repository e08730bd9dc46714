"""Running systems: what they may not see, what they may be told, what is kept of an interrupted run."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from retold.cli import main
from retold.corpus import Corpus, load_corpus, packaged_corpus
from retold.records import AnnotationRecord, Document
from retold.systems import Context, Example, System, SystemFault, describe_systems, load_system, predictions, run_system
from retold.systems.controls import shuffled

HEAD = 'NAME = "mine"\nDESCRIPTION = "A test."\nPROTOCOL = "leave-one-document-out"\n'
EMPTY = "from retold.records import AnnotationRecord\n"
RECORD = "    return AnnotationRecord(document_id=document.document_id)\n"
GOLD = packaged_corpus() / "events" / "macron-coalition" / "gold.jsonl"
#: Ways by which a system may try to read gold.
PEEKS = {
    "open": f"    open({str(GOLD)!r}).read()\n",
    "pathlib": f"    __import__('pathlib').Path({str(GOLD)!r}).read_bytes()\n",
    "os": f"    import os\n    os.close(os.open({str(GOLD)!r}, os.O_RDONLY))\n",
    "library": "    import retold\n    retold.load_corpus().gold\n",
    "swallowed": f"    try:\n        open({str(GOLD)!r})\n    except Exception:\n        pass\n",
}


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as done:
        main(["baseline", *arguments])
    return int(done.value.code or 0)


@pytest.mark.parametrize("peek", list(PEEKS))
def test_a_system_that_opens_gold_is_refused(peek: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.py").write_text(
        f"{HEAD}{EMPTY}def predict(document, context):\n{PEEKS[peek]}{RECORD}", encoding="utf-8"
    )
    assert run(str(tmp_path / "mine.py"), "--output", str(tmp_path / "out")) == 2
    said = capsys.readouterr().err
    assert "mine at macron-coalition-0: it opens" in said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_gold_of_another_corpus_and_through_a_link_is_refused(tmp_path: Path, tiny_corpus: Corpus) -> None:
    gold = tiny_corpus.events["flood"].gold_file
    (tmp_path / "link").symlink_to(gold)
    for path in (gold, tmp_path / "link"):
        (tmp_path / "mine.py").write_text(
            f"{HEAD}{EMPTY}def predict(document, context):\n    open({str(path)!r})\n{RECORD}", encoding="utf-8"
        )
        with pytest.raises(SystemFault, match=r"opens gold\.jsonl"):
            list(predictions(load_system(tmp_path / "mine.py"), tiny_corpus))


def test_the_corpus_can_be_read_again_after_the_run(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(f"{HEAD}{EMPTY}def predict(document, context):\n{RECORD}", encoding="utf-8")
    list(predictions(load_system(tmp_path / "mine.py"), load_corpus()))
    assert len(load_corpus().gold) == 5


def test_what_a_system_remembers_of_one_fold_is_gone_in_the_next(tmp_path: Path) -> None:
    """The gold of a document is training data of the folds before: a module that hoards it must not meet it again."""
    (tmp_path / "_store.py").write_text("SEEN = {}\n", encoding="utf-8")
    (tmp_path / "mine.py").write_text(
        f"{HEAD}{EMPTY}from ._store import SEEN\n"
        "MINE = {}\n"
        "def predict(document, context):\n"
        "    for example in context.training:\n"
        "        SEEN[example.document.document_id] = MINE[example.document.document_id] = example.gold\n"
        "    assert document.document_id not in SEEN | MINE\n"
        f"{RECORD}",
        encoding="utf-8",
    )
    assert len(list(predictions(load_system(tmp_path / "mine.py"), load_corpus()))) == 5


def test_an_object_of_a_file_is_a_system(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        f"{EMPTY}from types import SimpleNamespace\n"
        f"def empty(document, context):\n{RECORD}"
        "small = SimpleNamespace(NAME='small', DESCRIPTION='', PROTOCOL='zero-shot', predict=empty)\n"
        "class Large:\n    NAME = 'large'\n    DESCRIPTION = ''\n    PROTOCOL = 'leave-one-document-out'\n"
        "    def predict(self, document, context):\n        return empty(document, context)\n"
        "large = Large()\n",
        encoding="utf-8",
    )
    for name, protocol in (("small", "zero-shot"), ("large", "leave-one-document-out")):
        assert run(f"{tmp_path / 'mine.py'}:{name}", "--output", str(tmp_path / name)) == 0
        card = json.loads((tmp_path / name / "submission.json").read_text(encoding="utf-8"))
        assert (card["name"], card["protocol"]) == (name, protocol)


@pytest.mark.parametrize(
    ("asked", "words"),
    [("mine.py:nothing", "has no 'nothing'"), ("none.py:system", "there is no such file"), ("mine.py", "needs NAME")],
)
def test_what_is_not_there_is_said(asked: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.py").write_text("", encoding="utf-8")
    assert run(str(tmp_path / asked), "--output", str(tmp_path / "out")) == 2
    assert words in capsys.readouterr().err


OPTIONAL = (
    f"{HEAD}{EMPTY}OPTIONS = {{'size': 'small', 'depth': '2'}}\n"
    "def predict(document, context):\n"
    "    print(sorted(context.options.items()), context.cache)\n"
    f"{RECORD}"
)


def test_options_have_defaults_and_are_in_the_account_of_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(OPTIONAL, encoding="utf-8")
    code = run(
        str(tmp_path / "mine.py"), "--option", "size=a=b", "--cache", str(tmp_path / "c"), "--output", str(tmp_path)
    )
    assert code == 0
    assert f"[('depth', '2'), ('size', 'a=b')] {tmp_path / 'c'}" in capsys.readouterr().out
    account = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert account["options"] == {"size": "a=b", "depth": "2"}
    assert account["seed"] == 0
    assert account["seconds"] >= 0


@pytest.mark.parametrize(("option", "words"), [("sise=1", "no option 'sise'"), ("size", "is no NAME=VALUE")])
def test_an_unknown_option_is_refused(
    option: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(OPTIONAL, encoding="utf-8")
    assert run(str(tmp_path / "mine.py"), "--option", option, "--output", str(tmp_path / "out")) == 2
    assert words in capsys.readouterr().err


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        f"{HEAD}EXTRA = 'embeddings'\ndef predict(document, context):\n    import no_such_module\n", encoding="utf-8"
    )
    with pytest.raises(SystemFault, match=r"no_such_module.*pip install 'retold\[embeddings\]'"):
        list(predictions(load_system(tmp_path / "mine.py"), load_corpus()))


def test_what_a_system_reports_is_added_over_the_folds(tmp_path: Path) -> None:
    for protocol, total in (("leave-one-document-out", 5), ("zero-shot", 5)):
        (tmp_path / "mine.py").write_text(
            f"NAME = 'mine'\nDESCRIPTION = ''\nPROTOCOL = {protocol!r}\n{EMPTY}"
            "COUNT = 0\n"
            f"def predict(document, context):\n    global COUNT\n    COUNT += 1\n{RECORD}"
            "def report():\n    return {'calls': COUNT, 'model': 'm'}\n",
            encoding="utf-8",
        )
        run_system(load_system(tmp_path / "mine.py"), load_corpus(), tmp_path / protocol)
        account = json.loads((tmp_path / protocol / "run.json").read_text(encoding="utf-8"))
        assert account["report"] == {"calls": total, "model": "m"}


class Interrupted(Exception):
    pass


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    corpus = load_corpus()
    asked: list[str] = []

    def system(fails_at: int | None, code: str = "1") -> System:
        def predict(document: Document, context: Context) -> AnnotationRecord:
            if len(asked) == fails_at:
                raise Interrupted
            asked.append(document.document_id)
            return AnnotationRecord(document_id=document.document_id, entities=[])

        return System("slow", "", "zero-shot", predict, code=code)

    with pytest.raises(SystemFault, match="Interrupted at macron-coalition-3"):
        run_system(system(3), corpus, tmp_path)
    assert asked == [f"macron-coalition-{i}" for i in range(3)]
    # The last line may be torn where the machine stopped.
    with (tmp_path / "partial.jsonl").open("ab") as stream:
        stream.write(b'["abc", {"docu')
    run_system(system(None), corpus, tmp_path)
    assert asked == [f"macron-coalition-{i}" for i in range(5)]
    assert (tmp_path / "predictions.jsonl").read_bytes().count(b"\n") == 5
    assert not (tmp_path / "partial.jsonl").exists()
    # Another seed, and another code, is another run.
    for change in ({"seed": 1}, {}):
        asked.clear()
        with pytest.raises(SystemFault):
            run_system(system(2), corpus, tmp_path)
        run_system(system(None, code="1" if change else "2"), corpus, tmp_path, **change)  # type: ignore[arg-type]
        assert asked[2:] == [f"macron-coalition-{i}" for i in range(5)]


def labels(example: Example) -> Counter[object]:
    gold = example.gold
    return Counter(
        [
            *(("stance", cell.label, tuple(cell.evidence or ())) for cell in gold.stance or ()),
            *(("verdict", pair.label, tuple(pair.evidence or ())) for pair in gold.verification or ()),
        ]
    )


def test_shuffling_keeps_how_many_and_loses_which() -> None:
    corpus = load_corpus()
    for key, document in corpus.documents.items():
        before = Example(document, corpus.gold[key])
        after = shuffled(before, 0)
        assert labels(after) == labels(before)
        assert [(c.holder, c.target) for c in after.gold.stance or ()] == [
            (c.holder, c.target) for c in before.gold.stance or ()
        ]
        # Few spans stay where they were, or nothing would have been moved; nearly all find another place.
        for layer in ("entities", "claims"):
            old, new = getattr(before.gold, layer), getattr(after.gold, layer)
            assert 0.9 * len(old) <= len(new) <= len(old)
            there = {(item.start, item.end) for item in old}
            assert sum((item.start, item.end) in there for item in new) <= 0.2 * len(old)
            assert all(item.text == document.text[item.start : item.end] for item in new)
        assert shuffled(before, 0) == after
        assert shuffled(before, 1) != after


def test_a_control_is_named_in_the_card(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(f"{HEAD}{EMPTY}def predict(document, context):\n{RECORD}", encoding="utf-8")
    assert run(str(tmp_path / "mine.py"), "--control", "shuffled", "--output", str(tmp_path / "out")) == 0
    card = json.loads((tmp_path / "out" / "submission.json").read_text(encoding="utf-8"))
    assert card["name"] == "mine-shuffled"
    assert card["description"].startswith("Control, trained on shuffled labels.")


def test_the_list_reads_files_without_running_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.py").write_text(f"{HEAD}EXTRA = 'llm'\nraise SystemExit(9)\n", encoding="utf-8")
    (tmp_path / "b.py").write_text("def broken(:\n", encoding="utf-8")
    (tmp_path / "_c.py").write_text("", encoding="utf-8")
    assert [(e.name, e.protocol, e.extra) for e in describe_systems(tmp_path)] == [
        ("a", "leave-one-document-out", "llm"),
        ("b", "", ""),
    ]
    assert run("--list", "--folder", str(tmp_path)) == 0
    assert capsys.readouterr().out == ("a  leave-one-document-out (pip install 'retold[llm]')\n   A test.\nb  \n")
