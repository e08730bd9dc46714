"""Running a system of one's own: its faults are told as its faults, and nothing invalid is written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import retold
from retold.cli.main import main
from retold.corpus.load import packaged_corpus

HEAD = 'NAME = "mine"\nDESCRIPTION = "A test."\nPROTOCOL = "zero-shot"\n'
IMPORTS = "from retold.model.annotations import AnnotationRecord, Mention, StanceCell\n"
FAULTS = {
    "syntax": ("def predict(document, context:\n", "SyntaxError"),
    "no predict": (HEAD, "predict"),
    "raises": (HEAD + "def predict(document, context):\n    return 1 / 0\n", "ZeroDivisionError at macron-coalition-0"),
    "nothing": (HEAD + "def predict(document, context):\n    return None\n", "expected a record of macron-coalition-0"),
    "wrong type": (
        f"{HEAD}{IMPORTS}def predict(document, context):\n"
        "    wrong = Mention(start=0, end=2, type='FOO')\n"
        "    return AnnotationRecord(document_id=document.document_id, entities=[wrong])\n",
        "RT204",
    ),
    "foreign type": (
        f"{HEAD}{IMPORTS}import numpy as np\ndef predict(document, context):\n"
        "    cell = StanceCell(holder='macron', target='two-state', label=np.str_('none'))\n"
        "    return AnnotationRecord(document_id=document.document_id, stance=[cell])\n",
        "the record cannot be written",
    ),
    "beyond the text": (
        f"{HEAD}{IMPORTS}def predict(document, context):\n"
        "    wrong = Mention(start=0, end=99999999, type='PER')\n"
        "    return AnnotationRecord(document_id=document.document_id, entities=[wrong])\n",
        "RT402",
    ),
}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_fault_of_a_system_is_named_and_nothing_is_written(
    fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, words = FAULTS[fault]
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit) as done:
        main(["baseline", str(tmp_path / "mine.py"), "--output", str(tmp_path / "out")])
    said = capsys.readouterr().err
    assert done.value.code == 2
    assert words in said
    assert "internal error" not in said
    assert not (tmp_path / "out").exists()


def test_a_bare_file_of_gold_has_nothing_to_predict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.py").write_text(HEAD + "def predict(document, context): ...\n", encoding="utf-8")
    gold = packaged_corpus() / "events" / "macron-coalition" / "gold.jsonl"
    with pytest.raises(SystemExit) as done:
        main(["baseline", str(tmp_path / "mine.py"), "--gold", str(gold), "--output", str(tmp_path / "out")])
    assert done.value.code == 2
    assert "no documents to predict" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_without_baselines_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["baseline", "--list", "--folder", str(tmp_path)])
    assert done.value.code == 2
    assert "holds no baselines" in capsys.readouterr().err


def test_the_signature_says_when_gold_is_not_what_was_released(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    shutil.copytree(packaged_corpus(), folder)
    gold = folder / "events" / "macron-coalition" / "gold.jsonl"
    lines = gold.read_text(encoding="utf-8").splitlines()
    assert f"hash:{retold.load_corpus(folder).digest[:16]}|" in retold.score(gold, folder, resamples=1).signature
    record = json.loads(lines[0])
    record["stance"] = record["stance"][1:]
    gold.write_text("\n".join([json.dumps(record), *lines[1:]]) + "\n", encoding="utf-8")
    modified = retold.score(gold, folder, resamples=1).signature
    assert "hash:modified-" in modified
    # So is an event that was added to what was released.
    gold.write_text("\n".join(lines) + "\n", encoding="utf-8")
    shutil.copytree(gold.parent, folder / "events" / "second")
    assert retold.load_corpus(folder).digest.startswith("modified-")
    shutil.rmtree(folder / "events" / "second")
    assert "-" not in retold.load_corpus(folder).digest
    # Two changes are told apart, with and without a release.
    record["stance"] = record["stance"][1:]
    gold.write_text("\n".join([json.dumps(record), *lines[1:]]) + "\n", encoding="utf-8")
    again = retold.score(gold, folder, resamples=1).signature
    assert again != modified
    (folder / "release.json").unlink()
    unreleased = retold.load_corpus(folder).digest
    assert unreleased.startswith("unreleased-")
    gold.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert retold.load_corpus(folder).digest not in (unreleased, "unreleased-")


def test_p_does_not_depend_on_what_the_measure_does_not_read(tmp_path: Path) -> None:
    """Two systems of the same stance labels, one with probabilities: they differ from a third by the same p."""
    files = []
    for name, change in (("plain", False), ("scored", True), ("other", False)):
        path = tmp_path / f"{name}.jsonl"
        with path.open("w", encoding="utf-8") as stream:
            for record in retold.load_corpus().gold.values():
                cells = [{"holder": c.holder, "target": c.target, "label": c.label} for c in record.stance or ()]
                if name == "other":
                    for cell in cells[:3]:
                        cell["label"] = "against"
                if change:
                    for cell in cells:
                        cell["scores"] = {"favor": 0.2, "against": 0.2, "none": 0.6}
                stream.write(json.dumps({"document_id": record.document_id, "stance": cells}) + "\n")
        files.append(path)
    ranking = retold.rank(files, measure="stance", resamples=500)
    p = {frozenset((c.a, c.b)): c.p for c in ranking.comparisons if c.measure == "stance"}
    assert p[frozenset(("plain", "other"))] == p[frozenset(("scored", "other"))]
    assert p[frozenset(("plain", "scored"))] == 1.0
