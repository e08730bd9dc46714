"""Running systems: what they may not see, what they may be told, what is kept of an interrupted run."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli import Done
from cli import run as command
from retold.corpus.load import Corpus, load_corpus, packaged_corpus
from retold.model.annotations import AnnotationRecord, Document, encode
from retold.model.findings import UnreadableError
from retold.systems import Context, Example, System, SystemFault, describe_systems, load_system, predictions, run_system
from retold.systems.controls import shuffled
from retold.systems.run import Account
from tiny import write_tiny_corpus

HEAD = 'NAME = "mine"\nDESCRIPTION = "A test."\nPROTOCOL = "leave-one-document-out"\n'
EMPTY = "from retold.model.annotations import AnnotationRecord\n"
RECORD = "    return AnnotationRecord(document_id=document.document_id)\n"
GOLD = packaged_corpus() / "events" / "macron-coalition" / "gold.jsonl"
#: Ways by which a system may try to read gold.
PEEKS = {
    "open": f"    open({str(GOLD)!r}).read()\n",
    "pathlib": f"    __import__('pathlib').Path({str(GOLD)!r}).read_bytes()\n",
    "os": f"    import os\n    os.close(os.open({str(GOLD)!r}, os.O_RDONLY))\n",
    "library": "    import retold\n    retold.load_corpus().gold\n",
    "at import": None,
    "swallowed": f"    try:\n        open({str(GOLD)!r})\n    except Exception:\n        pass\n",
}


def mine(folder: Path, body: str = "", before: str = "", *, protocol: str = "", name: str = "mine.py") -> Path:
    """Write a system that runs ``body``, indented, and gives an empty record; ``before`` is what stands before it."""
    head = HEAD.replace("leave-one-document-out", protocol or "leave-one-document-out")
    text = f"{head}{EMPTY}{before}def predict(document, context):\n{body}{RECORD}"
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def run(system: object, *options: object) -> Done:
    """``retold baseline`` in this process, its submission in the folder "out" beside the system."""
    path = Path(str(system))
    return command("baseline", path, *(() if "--output" in options else ("--output", path.parent / "out")), *options)


@pytest.mark.parametrize("peek", list(PEEKS))
def test_a_system_that_opens_gold_is_refused(peek: str, tmp_path: Path) -> None:
    body = PEEKS[peek]
    done = run(mine(tmp_path, body or "", "" if body else "import retold\nGOLD = retold.load_corpus().gold\n"))
    assert done.returncode == 2
    assert ("mine at macron-coalition-0: it opens" if body else "mine.py: it opens") in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_gold_of_another_corpus_and_through_a_link_is_refused(tmp_path: Path, tiny_corpus: Corpus) -> None:
    gold = tiny_corpus.events["flood"].gold_file
    (tmp_path / "link").symlink_to(gold)
    for path in (gold, tmp_path / "link"):
        with pytest.raises(SystemFault, match=r"opens gold\.jsonl"):
            list(predictions(load_system(mine(tmp_path, f"    open({str(path)!r})\n")), tiny_corpus))


def test_the_corpus_can_be_read_again_after_the_run(tmp_path: Path) -> None:
    list(predictions(load_system(mine(tmp_path)), load_corpus()))
    assert len(load_corpus().gold) == 5


def test_what_a_system_remembers_of_one_fold_is_gone_in_the_next(tmp_path: Path) -> None:
    """The gold of a document is training data of the folds before: a module that hoards it must not meet it again."""
    (tmp_path / "_store.py").write_text("SEEN = {}\n", encoding="utf-8")
    system = mine(
        tmp_path,
        "    for example in context.training:\n"
        "        SEEN[example.document.document_id] = MINE[example.document.document_id] = example.gold\n"
        "    assert document.document_id not in SEEN | MINE\n",
        "from ._store import SEEN\nMINE = {}\n",
    )
    assert len(list(predictions(load_system(system), load_corpus()))) == 5


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
        assert run(f"{tmp_path / 'mine.py'}:{name}", "--output", tmp_path / name).returncode == 0
        card = json.loads((tmp_path / name / "submission.json").read_text(encoding="utf-8"))
        assert (card["name"], card["protocol"]) == (name, protocol)


@pytest.mark.parametrize(
    ("asked", "words"),
    [("mine.py:nothing", "has no 'nothing'"), ("none.py:system", "no such file"), ("mine.py", "needs NAME")],
)
def test_what_is_not_there_is_said(asked: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("", encoding="utf-8")
    done = run(tmp_path / asked)
    assert done.returncode == 2
    assert words in done.stderr


def test_a_sum_that_is_no_number_is_a_fault() -> None:
    for first, second in ((1e308, 1e308), (10**400, 0.5)):
        account = Account()
        account.add({"tokens": first})
        with pytest.raises(SystemFault, match=r"report\(\): the sum of tokens"):
            account.add({"tokens": second})


OPTIONAL = (
    "    print(sorted(context.options.items()), context.cache)\n",
    "OPTIONS = {'size': 'small', 'depth': '2'}\n",
)


def test_options_have_defaults_and_are_in_the_account_of_the_run(tmp_path: Path) -> None:
    system = mine(tmp_path, *OPTIONAL)
    done = run(system, "--option", "size=a=b", "--cache", tmp_path / "c", "--output", tmp_path)
    assert done.returncode == 0
    assert f"[('depth', '2'), ('size', 'a=b')] {tmp_path / 'c'}" in done.stderr
    account = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert account["options"] == {"size": "a=b", "depth": "2"}
    # Where a model lies is nobody's business, only which it is.
    folder = tmp_path / "models" / "small"
    folder.mkdir(parents=True)
    assert run(system, "--option", f"size={folder}", "--output", tmp_path).returncode == 0
    text = (tmp_path / "run.json").read_text(encoding="utf-8")
    assert json.loads(text)["options"] == {"size": "small", "depth": "2"}
    assert str(tmp_path) not in text
    assert account["seed"] == 0
    assert account["seconds"] >= 0


@pytest.mark.parametrize(("option", "words"), [("sise=1", "unknown option 'sise'"), ("size", "expected NAME=VALUE")])
def test_an_unknown_option_is_refused(option: str, words: str, tmp_path: Path) -> None:
    done = run(mine(tmp_path, *OPTIONAL), "--option", option)
    assert done.returncode == 2
    assert words in done.stderr


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    system = mine(tmp_path, "    import no_such_module\n", "EXTRA = 'embeddings'\n")
    with pytest.raises(SystemFault, match=r"no_such_module.*pip install 'retold\[embeddings\]'"):
        list(predictions(load_system(system), load_corpus()))


def test_what_a_system_reports_is_added_over_the_folds(tmp_path: Path) -> None:
    before = "COUNT = 0\ndef report():\n    return {'calls': COUNT, 'model': 'm'}\n"
    for protocol in ("leave-one-document-out", "zero-shot"):
        system = mine(tmp_path, "    global COUNT\n    COUNT += 1\n", before, protocol=protocol)
        run_system(load_system(system), load_corpus(), tmp_path / protocol)
        account = json.loads((tmp_path / protocol / "run.json").read_text(encoding="utf-8"))
        assert account["report"] == {"calls": 5, "model": "m"}


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


#: What a finished record depends on, beside its own document: whatever changes, an interrupted run begins anew.
CHANGES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "nothing": lambda folder: {},
    "seed": lambda folder: {"seed": 1},
    "option": lambda folder: {"options": {"size": "large"}},
    "helper": lambda folder: edited(folder / "_helper.py", "SIZE = 1", "SIZE = 2"),
    "prompt": lambda folder: edited(folder / "prompts" / "ask.txt", "Ask", "Beg"),
    "gold": lambda folder: edited(gold_file(folder), '"label": "favor"', '"label": "against"'),
    "training text": lambda folder: edited(documents_file(folder), "Bo Berg meminta", "Bo Berg minta!!"),
    "event": lambda folder: edited(folder / "tiny" / "events" / "flood" / "event.json", "A flood in", "Floods of"),
}


def gold_file(folder: Path) -> Path:
    return folder / "tiny" / "events" / "flood" / "gold.jsonl"


def documents_file(folder: Path) -> Path:
    return gold_file(folder).with_name("documents.jsonl")


def edited(path: Path, old: str, new: str) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return {}


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_changed_run_is_not_resumed(change: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_tiny_corpus(tmp_path / "tiny")
    (tmp_path / "prompts" / "folder").mkdir(parents=True)
    (tmp_path / "prompts" / "ask.txt").write_text("Ask", encoding="utf-8")
    (tmp_path / "_helper.py").write_text("SIZE = 1\n", encoding="utf-8")
    system = mine(
        tmp_path,
        "    print('asked', document.document_id)\n"
        f"    if document.document_id.endswith('1') and Path({str(tmp_path / 'stop')!r}).exists():\n"
        "        raise RuntimeError\n",
        "from pathlib import Path\nfrom ._helper import SIZE\nOPTIONS = {'size': 'small'}\n",
    )
    (tmp_path / "stop").touch()
    with pytest.raises(SystemFault):
        run_system(load_system(system), load_corpus(root), tmp_path / "out")
    (tmp_path / "stop").unlink()
    capsys.readouterr()
    settings = CHANGES[change](tmp_path)
    run_system(load_system(system), load_corpus(root), tmp_path / "out", **settings)
    asked = [line.split()[1] for line in capsys.readouterr().err.splitlines()]
    assert asked == (["flood-1"] if change == "nothing" else ["flood-0", "flood-1"])
    account = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert account["resumed_documents"] == (change == "nothing")


def test_a_resumed_run_tells_the_costs_of_both_parts(tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    system = mine(
        tmp_path,
        f"    time.sleep(0.05)\n    assert not (document.document_id[-1] == '3' and Path({str(stop)!r}).exists())\n",
        "import time\nfrom pathlib import Path\ndef report():\n    return {'calls': 1, 'model': 'm'}\n",
    )
    stop.touch()
    with pytest.raises(SystemFault):
        run_system(load_system(system), load_corpus(), tmp_path / "out")
    stop.unlink()
    run_system(load_system(system), load_corpus(), tmp_path / "out")
    account = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert account["report"] == {"calls": 5, "model": "m"}
    assert account["seconds"] >= 0.25
    assert account["resumed_documents"] == 3


def test_a_system_may_do_with_its_examples_as_it_likes(tmp_path: Path) -> None:
    """What it changes, or hides in them, is gone for the next document, and gold is as it was."""
    system = mine(
        tmp_path,
        "    assert document.paragraphs[-1] is not None\n"
        "    print(len(context.event.holders), *(len(e.gold.entities) for e in context.training))\n"
        "    context.event.holders.pop()\n"
        "    for example in context.training:\n"
        "        example.gold.entities.pop()\n"
        "        example.document.paragraphs.append(None)\n",
    )
    corpus = load_corpus()
    before = {key: len(record.entities or ()) for key, record in corpus.gold.items()}
    seen = []
    with contextlib.redirect_stderr(io.StringIO()) as said:
        assert len(list(predictions(load_system(system), corpus))) == 5
    for line, own in zip(said.getvalue().splitlines(), corpus.documents, strict=True):
        holders, *mentions = map(int, line.split())
        seen.append(holders)
        assert mentions == [count for key, count in before.items() if key != own]
    assert set(seen) == {7}
    assert {key: len(record.entities or ()) for key, record in corpus.gold.items()} == before


def test_only_documents_of_the_same_event_are_training(tmp_path: Path) -> None:
    root = write_tiny_corpus(tmp_path / "two")
    shutil.copytree(packaged_corpus() / "events" / "macron-coalition", root / "events" / "macron-coalition")
    given: dict[str, list[str]] = {}

    def spy(document: Document, context: Context) -> AnnotationRecord:
        given[document.document_id] = [example.document.document_id for example in context.training]
        return AnnotationRecord(document_id=document.document_id)

    list(predictions(System("spy", "", "leave-one-document-out", spy), load_corpus(root)))
    assert given["flood-0"] == ["flood-1"]
    assert given["macron-coalition-2"] == [f"macron-coalition-{n}" for n in (0, 1, 3, 4)]


def test_gold_is_needed_for_learning_only(tmp_path: Path) -> None:
    root = write_tiny_corpus(tmp_path / "tiny")
    gold = gold_file(tmp_path)
    lines = gold.read_text(encoding="utf-8").splitlines(keepends=True)
    given: list[list[str]] = []

    def spy(document: Document, context: Context) -> AnnotationRecord:
        given.append([example.document.document_id for example in context.training])
        return AnnotationRecord(document_id=document.document_id)

    gold.write_text(lines[0], encoding="utf-8")
    list(predictions(System("spy", "", "leave-one-document-out", spy), load_corpus(root)))
    assert given == [[], ["flood-0"]]
    gold.write_text("{", encoding="utf-8")
    with pytest.raises(UnreadableError, match="invalid gold"):
        list(predictions(System("spy", "", "leave-one-document-out", spy), load_corpus(root)))
    gold.unlink()
    assert len(list(predictions(System("spy", "", "zero-shot", spy), load_corpus(root)))) == 2


PREDICT = "def predict(document, context):\n"
BAD = {
    "base exception": (f"{PREDICT}    raise BaseException('enough')\n", "BaseException at macron-coalition-0: enough"),
    "base exception at import": ("raise BaseException('enough')\n", "BaseException: enough"),
    "generator exit": (f"{PREDICT}    raise GeneratorExit\n", "GeneratorExit at macron-coalition-0"),
    "surrogate in an error": (
        f"{PREDICT}    raise ValueError('\\ud800')\n",
        "ValueError at macron-coalition-0: \\ud800",
    ),
    "surrogate in the record": (
        f"{PREDICT}    return record(document, Mention(start=0, end=2, type='PER', entity='\\ud800'))\n",
        "the record cannot be written",
    ),
    "surrogate in the report": (
        f"{PREDICT}{RECORD}def report():\n    return {{'x': '\\ud800'}}\n",
        "report() must return a dict that JSON can hold",
    ),
    "surrogate in the description": (f"DESCRIPTION = '\\ud800'\n{PREDICT}{RECORD}", "DESCRIPTION must be a string"),
    "exit": (f"{PREDICT}    raise SystemExit(0)\n", "SystemExit at macron-coalition-0"),
    "exit at import": ("raise SystemExit(0)\n", "SystemExit"),
    "syntax": ("def predict(document, context:\n", "SyntaxError"),
    "no predict": ("", "predict"),
    "raises": (f"{PREDICT}    return 1 / 0\n", "ZeroDivisionError at macron-coalition-0"),
    "nothing": (f"{PREDICT}    return None\n", "expected an AnnotationRecord, got NoneType"),
    "wrong type": (f"{PREDICT}    return record(document, Mention(start=0, end=2, type='FOO'))\n", "RT204"),
    "beyond the text": (f"{PREDICT}    return record(document, Mention(start=0, end=10**8, type='PER'))\n", "RT402"),
    "foreign type": (
        f"import numpy as np\n{PREDICT}    return record(document, Mention(start=0, end=2, type=np.str_('PER')))\n",
        "the record cannot be written",
    ),
    "report raises": (f"{PREDICT}{RECORD}def report():\n    return 1 / 0\n", "ZeroDivisionError"),
    "report is no dict": (f"{PREDICT}{RECORD}def report():\n    return 5\n", "report"),
    "report is not finite": (f"{PREDICT}{RECORD}def report():\n    return {{'cost': float('nan')}}\n", "report"),
    "report is a number": (f"{PREDICT}{RECORD}report = 3\n", "must be functions"),
    "name is a path": (f"NAME = '../mine'\n{PREDICT}{RECORD}", "NAME is '../mine'"),
    "name is long": (f"NAME = 'm' * 91\n{PREDICT}{RECORD}", "at most 90 characters"),
    "name is not seen": (f"NAME = '\u3164'\n{PREDICT}{RECORD}", "expected a letter"),
    "description with an escape": (f"DESCRIPTION = 'a\x1b[31m'\n{PREDICT}{RECORD}", "DESCRIPTION must be"),
    "description of two lines": (f"DESCRIPTION = 'a\\nb'\n{PREDICT}{RECORD}", "DESCRIPTION must be"),
    "message of two lines": (f"{PREDICT}    raise OSError('a\\nError: fake')\n", "0: a Error: fake"),
    "name is empty": (f"NAME = ''\n{PREDICT}{RECORD}", "NAME is ''"),
    "name is a number": (f"NAME = 5\n{PREDICT}{RECORD}", "NAME is 5"),
    "no description": (f"DESCRIPTION = None\n{PREDICT}{RECORD}", "DESCRIPTION must"),
    "options": (f"OPTIONS = {{'size': 1}}\n{PREDICT}{RECORD}", "OPTIONS must"),
    "own module": ("import no_such_module_of_mine\n", "No module named 'no_such_module_of_mine'"),
}
#: Of the entities given.
MAKE = (
    "from retold.model.annotations import Mention\n"
    "def record(document, *entities):\n"
    "    return AnnotationRecord(document_id=document.document_id, entities=list(entities))\n"
)


@pytest.mark.parametrize("fault", list(BAD))
@pytest.mark.parametrize("protocol", ["leave-one-document-out", "zero-shot"])
def test_a_fault_of_a_system_is_told_as_one_and_nothing_is_written(fault: str, protocol: str, tmp_path: Path) -> None:
    text, words = BAD[fault]
    head = HEAD.replace("leave-one-document-out", protocol)
    (tmp_path / "my.own.py").write_text(f"{head}{EMPTY}{MAKE}{text}", encoding="utf-8")
    done = run(tmp_path / "my.own.py")
    assert done.returncode == 2
    assert words in done.stderr
    assert [said for said in ("internal error", "Traceback", "retold[baselines]") if said in done.stderr] == []
    assert not (tmp_path / "out" / "predictions.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("{mine}:",), "expected the name of an object"),
        (("{mine}", "--output", "{mine}"), "is a file, expected a folder"),
        (("{mine}", "--output", "{long}"), "File name too long"),
        (("{long}.py",), "File name too long"),
        (("{mine}", "--output", "{taken}"), "predictions.jsonl: cannot be written"),
        (("{mine}", "--gold", str(GOLD)), "no documents to predict"),
        (("--list", "--folder", "{taken}"), "holds no baselines"),
    ],
)
def test_a_place_that_cannot_be_used_is_named(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    (tmp_path / "taken" / "predictions.jsonl").mkdir(parents=True)
    places = {"mine": mine(tmp_path), "long": tmp_path / ("x" * 300), "taken": tmp_path / "taken"}
    done = command("baseline", *(argument.format(**places) for argument in arguments), folder=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert "internal error" not in done.stderr


def test_a_control_is_for_systems_that_learn(tmp_path: Path) -> None:
    done = run(mine(tmp_path, protocol="zero-shot"), "--control", "shuffled")
    assert done.returncode == 2
    assert "a control is for systems that learn" in done.stderr


def test_what_a_system_prints_does_not_mix_with_the_result(tmp_path: Path) -> None:
    done = run(mine(tmp_path, "    print('noise')\n"))
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'out'}\n")


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
        # Few labels and spans stay where they were, or nothing would have been moved; nearly all find another place.
        for name, count in (("stance", 3), ("verification", 20)):
            moved = zip(getattr(before.gold, name), getattr(after.gold, name), strict=True)
            assert sum(old.label != new.label for old, new in moved) >= count
        for layer in ("entities", "claims"):
            old, new = getattr(before.gold, layer), getattr(after.gold, layer)
            assert 0.9 * len(old) <= len(new) <= len(old)
            there = {(item.start, item.end) for item in old}
            assert sum((item.start, item.end) in there for item in new) <= 0.2 * len(old)
            assert all(item.text == document.text[item.start : item.end] for item in new)
        assert shuffled(before, 0) == after
        assert shuffled(before, 1) != after


def test_a_control_trains_on_shuffled_labels() -> None:
    corpus = load_corpus()
    seen: list[Example] = []

    def spy(document: Document, context: Context) -> AnnotationRecord:
        seen.extend(context.training)
        return AnnotationRecord(document_id=document.document_id)

    list(predictions(System("spy", "", "leave-one-document-out", spy), corpus, 3, control="shuffled"))
    wanted = [
        shuffled(Example(document, corpus.gold[key]), 3)
        for own in corpus.documents
        for key, document in corpus.documents.items()
        if key != own
    ]
    assert [encode(example.gold) for example in seen] == [encode(example.gold) for example in wanted]
    assert [example.document for example in seen] == [example.document for example in wanted]


def test_a_control_is_named_in_the_card(tmp_path: Path) -> None:
    assert run(mine(tmp_path), "--control", "shuffled").returncode == 0
    card = json.loads((tmp_path / "out" / "submission.json").read_text(encoding="utf-8"))
    assert card["name"] == "mine-shuffled"
    assert card["description"].startswith("Control, trained on shuffled labels.")


def test_the_list_reads_files_without_running_them(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f"{HEAD}EXTRA = 'llm'\nraise SystemExit(9)\n", encoding="utf-8")
    (tmp_path / "b.py").write_text("PROTOCOL = 'zero-shot'\ndef broken(:\n", encoding="utf-8")
    (tmp_path / "_c.py").write_text("", encoding="utf-8")
    assert [(e.name, e.protocol, e.extra) for e in describe_systems(tmp_path)] == [
        ("a", "leave-one-document-out", "llm"),
        ("b", "", ""),
    ]
    assert command("baseline", "--list", "--folder", tmp_path).stdout == (
        "system  protocol                description\n"
        "------  ----------------------  -----------------------------------\n"
        "a       leave-one-document-out  (pip install 'retold[llm]') A test.\n"
        "b                               This file cannot be read.\n"
    )
