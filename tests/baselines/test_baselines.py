"""Baselines: honest about what they have seen, valid wherever they are run, the same on every run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path

import msgspec
import pytest

from baseline_parts import NAMES, document_of, system
from paths import BASELINES
from retold.corpus.load import Corpus, load_corpus
from retold.model.annotations import AnnotationRecord, ClaimSpan, Document, Mention, encode
from retold.systems import Context, Example, Question, System, SystemFault, find_systems, load_system, predictions

RUN_ALL = """
import sys
from pathlib import Path
from retold.corpus.load import load_corpus
from retold.systems import find_systems, load_system, run_system
baselines, corpus, output, *names = map(Path, sys.argv[1:])
for name in names:
    run_system(load_system(find_systems(baselines)[str(name)]), load_corpus(corpus), output / name)
"""


#: The floors, which run without the extra, and the other one that the README shows; ``blind`` learns and needs it.
PLAIN = ("gazetteer", "every_sentence", "majority", "random_prior", "same_string", "title_gazetteer")
RUN_PLAIN = """
import sys
from pathlib import Path
for name in ("bm25s", "sklearn", "sklearn_crfsuite", "snowballstemmer", "threadpoolctl"):
    sys.modules[name] = None
from retold.corpus.load import load_corpus
from retold.systems import find_systems, load_system, predictions
for name in sys.argv[3:]:
    system = load_system(find_systems(Path(sys.argv[1]))[name])
    print(name, len(list(predictions(system, load_corpus(sys.argv[2]), isolated=False))))
"""


def test_floors_need_no_extra(tiny_folder: Path) -> None:
    command = [sys.executable, "-c", RUN_PLAIN, str(BASELINES), str(tiny_folder), *PLAIN]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [f"{name} 2" for name in PLAIN], done.stderr


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_corpus()


@pytest.fixture(scope="module")
def records(baseline_submission: Callable[[str], Path]) -> Callable[[str], list[AnnotationRecord]]:
    """Function: name of a baseline -> its records, as read back from its submission."""
    decoder = msgspec.json.Decoder(AnnotationRecord)

    def read(name: str) -> list[AnnotationRecord]:
        return decoder.decode_lines((baseline_submission(name) / "predictions.jsonl").read_bytes())

    return read


def assert_valid(record: AnnotationRecord, corpus: Corpus) -> None:
    """What the runner, which checks every record, does not ask for."""
    document = corpus.documents[record.document_id]
    outside = [(z.start, z.end) for z in document.zones if z.zone in ("byline", "boilerplate")]
    layers: list[Sequence[Mention | ClaimSpan]] = [
        layer for layer in (record.entities, record.claims) if layer is not msgspec.UNSET
    ]
    for layer in layers:
        spans = [(item.start, item.end) for item in layer]
        assert len(spans) == len(set(spans))
        for item in layer:
            assert item.text == document.text[item.start : item.end]
            assert item.text == item.text.strip() != ""
            assert not any(item.start < high and low < item.end for low, high in outside)


LAYERS = ("entities", "stance", "claims", "verification")
#: Those that compete in one track only, and the layers of it.
PARTIAL = {
    "same_string": {"entities"},
    "title_gazetteer": {"entities"},
    "holder_target": {"stance"},
    "every_sentence": {"claims", "verification"},
    "bm25": {"claims", "verification"},
}


def assert_complete(name: str, record: AnnotationRecord, corpus: Corpus) -> None:
    layers = {layer for layer in LAYERS if getattr(record, layer) is not msgspec.UNSET}
    assert layers == PARTIAL.get(name, set(LAYERS))
    folder = corpus.events[corpus.documents[record.document_id].event]
    cells = {(h.holder, t.target) for h in folder.event.holders for t in folder.event.targets}
    if record.stance is not msgspec.UNSET:
        assert sorted((cell.holder, cell.target) for cell in record.stance) == sorted(cells)
        assert all(cell.evidence is not msgspec.UNSET for cell in record.stance)
    if record.verification is not msgspec.UNSET:
        assert sorted(pair.claim for pair in record.verification) == sorted(folder.claims)
        # More than five count for nothing.
        assert all(pair.evidence is not msgspec.UNSET and len(pair.evidence) <= 5 for pair in record.verification)


@pytest.mark.parametrize("name", NAMES)
def test_every_record_is_valid_and_complete(
    name: str, corpus: Corpus, records: Callable[[str], list[AnnotationRecord]]
) -> None:
    found = records(name)
    assert [record.document_id for record in found] == list(corpus.documents)
    for record in found:
        assert_valid(record, corpus)
        assert_complete(name, record, corpus)


@pytest.mark.parametrize("name", NAMES)
def test_runs_on_a_corpus_that_it_was_not_made_for(name: str, tiny_corpus: Corpus) -> None:
    # Two documents: each has one other to learn from, with labels that never occur.
    for record in predictions(system(name), tiny_corpus):
        assert_valid(record, tiny_corpus)
        assert_complete(name, record, tiny_corpus)


@pytest.mark.parametrize("name", NAMES)
def test_runs_with_nothing_to_learn_from(name: str, tiny_corpus: Corpus) -> None:
    for record in predictions(replace(system(name), protocol="zero-shot"), tiny_corpus):
        assert_valid(record, tiny_corpus)
        assert_complete(name, record, tiny_corpus)


def test_another_process_gives_the_same_bytes(tmp_path: Path) -> None:
    # Two documents of the released corpus, in two processes that order what they hash differently.
    corpus = shutil.copytree(load_corpus().root, tmp_path / "corpus")
    (documents,) = corpus.glob("events/*/documents.jsonl")
    for path in (documents, documents.with_name("gold.jsonl")):
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(lines[0] + lines[-1])
    for seed in ("1", "2"):
        command = [sys.executable, "-c", RUN_ALL, str(BASELINES), str(corpus), str(tmp_path / seed), *NAMES]
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, check=True)
    for name in NAMES:
        for file in ("predictions.jsonl", "submission.json"):
            one, other = ((tmp_path / seed / name / file).read_bytes() for seed in ("1", "2"))
            assert one == other, (name, file)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("beside", [("flood-0", "flood-1"), ("flood-0",), ()], ids=["two", "one", "none"])
def test_a_document_may_have_no_sentence(
    beside: Sequence[str], name: str, bare_corpus: Callable[[Sequence[str]], Corpus]
) -> None:
    # Such a document is predicted, and it is among those to learn from; with one beside, it is all that there is for
    # that one.
    corpus = bare_corpus(beside)
    found = list(predictions(system(name), corpus))
    assert [record.document_id for record in found] == [*beside, "bare-0", "bare-1"]
    for record in found:
        assert_valid(record, corpus)
        if not corpus.documents[record.document_id].sentences:
            # What has no sentence has nothing to mark and nothing to show.
            assert not record.entities
            assert not record.claims
            assert all(item.evidence == [] for item in (*(record.stance or []), *(record.verification or [])))


def test_another_seed_changes_what_is_drawn(corpus: Corpus) -> None:
    runs = [b"".join(map(encode, predictions(system("random_prior"), corpus, seed))) for seed in (0, 0, 1)]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize("protocol", ["leave-one-document-out", "zero-shot"])
def test_the_runner_never_hands_over_gold_of_the_document(protocol: str, corpus: Corpus) -> None:
    seen: list[str] = []

    def spy(document: Document, context: Context) -> AnnotationRecord:
        others = [key for key in corpus.documents if key != document.document_id]
        given = [example.document.document_id for example in context.training]
        assert given == (others if protocol == "leave-one-document-out" else [])
        assert [example.gold.document_id for example in context.training] == given
        assert [question.claim for question in context.questions] == sorted(corpus.events[document.event].claims)
        seen.append(document.document_id)
        return AnnotationRecord(document_id=document.document_id)

    list(predictions(System("spy", "", protocol, spy), corpus))  # type: ignore[arg-type]
    assert seen == list(corpus.documents)
    # How a claim was made would give its label away.
    assert {field.name for field in fields(Question)} == {"claim", "text"}


def test_baselines_open_nothing() -> None:
    # What they know must come from the context. Those in neural and llm open their cache.
    for file in (path for path in BASELINES.glob("*/*.py") if path.parent.name not in ("neural", "llm")):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"\bopen\(|\bread_text\(|\bread_bytes\(|retold\.(?:corpus|io|scoring)|load_corpus", text)


def test_the_gazetteer_knows_no_name_that_only_its_own_document_has(
    corpus: Corpus, records: Callable[[str], list[AnnotationRecord]]
) -> None:
    def wordings(keys: list[str]) -> set[str]:
        return {str(m.text).replace("\xa0", " ") for key in keys for m in corpus.gold[key].entities or []}

    own = 0
    for record in records("gazetteer"):
        elsewhere = [key for key in corpus.documents if key != record.document_id]
        alone = wordings([record.document_id]) - wordings(elsewhere)
        own += len(alone)
        found = {str(m.text).replace("\xa0", " ") for m in record.entities or []}
        assert found
        assert not {text.lower() for text in found} & {text.lower() for text in alone}
        keys = {m.entity for key in elsewhere for m in corpus.gold[key].entities or []}
        assert {m.entity for m in record.entities or []} <= keys
    assert own > 0


def test_the_gazetteer_minds_case_words_spaces_and_nesting(tiny_corpus: Corpus) -> None:
    taught = document_of("The US, the Middle East and the head of the Elysee praised Bo Berg and Berg.")
    marked = {
        "US": ("name", "GPE", "united-states"),
        "Middle East": ("name", "LOC", "middle-east"),
        "head of the Elysee": ("nominal", "PER", "president"),
        "Elysee": ("name", "ORG", "elysee"),
        "Bo Berg": ("name", "PER", "bo-berg"),
    }
    mentions = []
    for text, (kind, label, entity) in marked.items():
        start = taught.text.index(text)
        mentions.append(Mention(start=start, end=start + len(text), kind=kind, type=label, entity=entity, kb_id=None))  # type: ignore[arg-type]
    start = taught.text.rindex("Berg")
    mentions.append(Mention(start=start, end=start + 4, type="PER", entity="bo-berg", kb_id=None))
    gold = AnnotationRecord(document_id=taught.document_id, entities=mentions)
    asked = document_of("Head of the Elysee told us of US\u2019s Middle\xa0East plan, of USAID, Bo Berg and Bergen.")
    context = Context(tiny_corpus.events["flood"].event, (), (Example(taught, gold),), 0)
    found = system("gazetteer").predict(asked, context).entities
    # 'us' and 'USAID' are not the US, 'Bergen' is not Berg, and no name lies in the name 'Bo Berg'.
    assert [(m.text, m.kind, m.entity) for m in found or []] == [
        ("Head of the Elysee", "nominal", "president"),
        ("Elysee", "name", "elysee"),
        ("US", "name", "united-states"),
        ("Middle\xa0East", "name", "middle-east"),
        ("Bo Berg", "name", "bo-berg"),
    ]


@pytest.mark.parametrize(
    ("text", "source", "claim"),
    [
        ("The mayor of Vale said that 40 houses were flooded on Monday.", "mayor", "40 houses were flooded on Monday"),
        ("Some 40 houses were flooded, according to the mayor.", "mayor", "Some 40 houses were flooded"),
        ("Wali kota mengatakan bahwa 40 rumah terendam.", "mayor", "40 rumah terendam"),
        ("The mayor said that the state must pay.", "author", "The mayor said that the state must pay"),
    ],
)
def test_rules_attribute_what_is_reported(text: str, source: str, claim: str, tiny_corpus: Corpus) -> None:
    taught = document_of("The mayor of Vale met the mayor. Wali kota")
    places = [(4, 17), (26, 31), (33, 42)]
    mentions = [Mention(start=a, end=b, kind="nominal", type="PER", entity="mayor", kb_id=None) for a, b in places]
    gold = AnnotationRecord(document_id=taught.document_id, entities=mentions)
    context = Context(tiny_corpus.events["flood"].event, (), (Example(taught, gold),), 0)
    found = system("rules").predict(document_of(text), context).claims
    assert (claim, source) in [(span.text, span.source) for span in found or []]


def test_the_system_that_the_guide_shows_is_complete(tmp_path: Path, corpus: Corpus) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (BASELINES / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 1
    (tmp_path / "mine.py").write_text(blocks[0], encoding="utf-8")
    for record in predictions(load_system(tmp_path / "mine.py"), corpus):
        assert record.entities
        assert record.claims


def test_the_guide_lists_every_baseline_with_its_protocol() -> None:
    text = (BASELINES / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \| (leave-one-document-out|zero-shot) \|", text, re.MULTILINE)
    systems = [load_system(path) for path in find_systems(BASELINES).values()]
    assert sorted(listed) == sorted((system.name, system.protocol) for system in systems)
    assert [system.name for system in systems] == list(find_systems(BASELINES))
    assert all(system.description for system in systems)


def write_system(folder: Path, name: str, imports: str = "", given: str = "'x'") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = f"{imports}\nNAME = {given}\nDESCRIPTION = ''\nPROTOCOL = 'zero-shot'\ndef predict(d, c): ...\n"
    (folder / f"{name}.py").write_text(text, encoding="utf-8")


def test_helpers_of_two_folders_do_not_meet(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_system(tmp_path / folder, "system", "from ._helper import WHERE", "WHERE")
        (tmp_path / folder / "_helper.py").write_text(f"WHERE = {folder!r}\n", encoding="utf-8")
    assert [load_system(tmp_path / folder / "system.py").name for folder in ("a", "b")] == ["a", "b"]


def test_systems_in_subfolders_are_found_by_name_and_helpers_are_not(tmp_path: Path) -> None:
    write_system(tmp_path, "top")
    write_system(tmp_path / "kind", "inner")
    (tmp_path / "kind" / "helper.py").write_text("VALUE = 1\n", encoding="utf-8")
    write_system(tmp_path / "kind" / "deeper", "no")
    assert find_systems(tmp_path) == {"inner": tmp_path / "kind" / "inner.py", "top": tmp_path / "top.py"}
    write_system(tmp_path / "other", "inner")
    with pytest.raises(SystemFault, match="has the same name"):
        find_systems(tmp_path)


def test_subfolders_of_a_package_share_helpers_that_are_loaded_anew(tmp_path: Path) -> None:
    for folder in ("", "kind", "common"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "__init__.py").touch()
    (tmp_path / "common" / "shared.py").write_text("NAMES = ['shared']\n", encoding="utf-8")
    write_system(tmp_path / "kind", "inner", "from ..common.shared import NAMES\nNAMES.append('more')", "NAMES[-2]")
    first = load_system(tmp_path / "kind" / "inner.py")
    # A second time, the list would be longer if the helper had been kept.
    assert (first.name, load_system(tmp_path / "kind" / "inner.py").name) == ("shared", "shared")
    (tmp_path / "common" / "shared.py").write_text("NAMES = ['changed']\n", encoding="utf-8")
    again = load_system(tmp_path / "kind" / "inner.py")
    # What a system imports is part of its code.
    assert again.name == "changed"
    assert again.code != first.code
