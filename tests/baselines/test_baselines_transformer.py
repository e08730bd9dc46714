"""The transformer baseline with models that the tests make themselves, small enough to know what they answer.

The tagger is a BERT without layers: the embedding of a word has one large component, which the head reads off as the
label. The inference model is a BERT with random weights whose head is solved for the answers to the pairs of the tests.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from baseline_parts import document_of
from extras import assert_complete, helper_of, need, refusal
from paths import BASELINES
from retold.corpus.load import Corpus
from retold.model.annotations import Event, Holder, Target
from retold.systems import Account, Context, Question, SystemFault, load_system, predictions, run_system

need("transformers", "torch", "transformers", "tokenizers")

TRANSFORMER = BASELINES / "neural" / "transformer.py"
OVERLAP = BASELINES / "lexical" / "overlap.py"

#: Words that the tagger has learned, by label; "##" marks the rest of a word that it knows in pieces.
TAGGED = {
    "B-PERSON": ["bo", "ann"],
    "I-PERSON": ["berg", "lee"],
    "B-ORG": ["red", "nat"],
    # The rest of "nato" would say something else than its beginning.
    "I-ORG": ["cross"],
    "B-LOC": ["vale", "##o"],
    "B-MISC": ["nordic"],
}
OUTSIDE = "mayor met the of in at a , . ’ s - and visited from dam helpers"

WANTS = "Mayor Bo Berg wants the dam."
REJECTS = "But Ann Lee rejects the dam for now."
COSTS = "It costs 5 million."
FIVE, SEVEN, RAIN = "The dam costs 5 million.", "The dam costs 7 million.", "It rained on the dam."
FAVOR = "{} supports the following: A dam should be built."
AGAINST = "{} opposes the following: A dam should be built."
MEANINGS = ["contradiction", "neutral", "entailment"]
#: What the inference model has learned: premise, hypothesis, answer.
PAIRS = [
    *((premise, hypothesis, "neutral") for premise in (WANTS, REJECTS) for hypothesis in (FIVE, SEVEN, RAIN)),
    (COSTS, FIVE, "entailment"),
    (COSTS, SEVEN, "contradiction"),
    (COSTS, RAIN, "neutral"),
    (WANTS, FAVOR.format("Bo Berg"), "entailment"),
    (WANTS, AGAINST.format("Bo Berg"), "contradiction"),
    (REJECTS, FAVOR.format("Ann Lee"), "contradiction"),
    (REJECTS, AGAINST.format("Ann Lee"), "entailment"),
]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    # The variable is read once, when the package is imported, which another test may have done.
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture
def system() -> ModuleType:
    return helper_of(TRANSFORMER)


def save_tokenizer(folder: Path, words: Sequence[str], longest: int) -> int:
    """Save a WordPiece tokenizer that knows these words; returns how many pieces there are."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words]
    made = Tokenizer(models.WordPiece({piece: place for place, piece in enumerate(pieces)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=made,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=longest,
    ).save_pretrained(str(folder))
    return len(pieces)


def save_tagger(folder: Path, tagged: dict[str, list[str]], longest: int = 64, blind: Sequence[int] = ()) -> Path:
    """Save a token classification model that gives each of these words its label, and O to all others.

    At the positions ``blind`` it gives O to every word.
    """
    import torch
    from transformers import BertConfig, BertForTokenClassification

    labels = ["O", *tagged]
    size = save_tokenizer(folder, [*(word for words in tagged.values() for word in words), *OUTSIDE.split()], longest)
    config = BertConfig(
        vocab_size=size,
        hidden_size=len(labels),
        num_hidden_layers=0,
        num_attention_heads=1,
        intermediate_size=1,
        max_position_embeddings=longest + 2,
        id2label=dict(enumerate(labels)),
        label2id={label: place for place, label in enumerate(labels)},
    )
    model = BertForTokenClassification(config)
    with torch.no_grad():
        for weights in model.parameters():
            weights.zero_()
        model.bert.embeddings.LayerNorm.weight.fill_(1.0)
        model.classifier.weight.copy_(torch.eye(len(labels)))
        model.bert.embeddings.position_embeddings.weight[list(blind), 0] = 5.0
        words = model.bert.embeddings.word_embeddings.weight
        words[:, 0] = 1.0
        place = 4
        for label, known in tagged.items():
            for _ in known:
                words[place] = torch.eye(len(labels))[labels.index(label)]
                place += 1
    model.save_pretrained(str(folder))
    return folder


def save_judge(folder: Path, labels: Sequence[str]) -> Path:
    """Save an inference model that has learned the pairs; ``labels`` are its names of ``MEANINGS``."""
    import torch
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    texts = " ".join(text for premise, hypothesis, _ in PAIRS for text in (premise, hypothesis)).lower()
    words = sorted({word for word, _ in BertPreTokenizer().pre_tokenize_str(texts)})
    size = save_tokenizer(folder, words, 64)
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=size,
            hidden_size=64,
            num_hidden_layers=1,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=66,
            initializer_range=0.3,
            id2label=dict(enumerate(labels)),
            label2id={label: place for place, label in enumerate(labels)},
        )
        model = BertForSequenceClassification(config).eval()
    with torch.no_grad():
        # Fewer pairs than dimensions, so that the linear equations for the head have a solution.
        given = [tokenizer(premise, hypothesis, return_tensors="pt") for premise, hypothesis, _ in PAIRS]
        pooled = torch.cat([model.bert(**inputs).pooler_output for inputs in given])
        wanted = 8.0 * torch.eye(3)[[MEANINGS.index(answer) for _, _, answer in PAIRS]]
        model.classifier.weight.copy_((torch.linalg.pinv(pooled.double()) @ wanted.double()).T)
        model.classifier.bias.zero_()
        found = [model(**inputs).logits.argmax().item() for inputs in given]
    assert found == wanted.argmax(dim=1).tolist(), "the model of the test does not know its pairs"
    model.save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="session")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tagger(tmp_path_factory.mktemp("models") / "tagger", TAGGED)


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_judge(tmp_path_factory.mktemp("models") / "judge", ["CONTRADICTION", "Neutral", "entailment"])


@pytest.fixture(scope="session")
def nameless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_judge(tmp_path_factory.mktemp("models") / "nameless", ["LABEL_0", "LABEL_1", "LABEL_2"])


EVENT = Event(
    event="flood",
    title="A flood",
    date="2024-05-06",
    description="A flood.",
    holders=[
        Holder(holder="author", description={"en": "The article's own voice"}, entities=[]),
        Holder(holder="mayor", description={"en": "The mayor"}, entities=["bo-berg"]),
        Holder(holder="rival", description={"en": "His rival"}, entities=["ann-lee"]),
        Holder(holder="church", description={"en": "The church"}, entities=["church-of-vale"]),
    ],
    targets=[Target(target="dam", description={"en": "A dam should be built."})],
)


def context(*questions: str, **options: str) -> Context:
    return Context(EVENT, tuple(Question(text, text) for text in questions), (), 0, options)


# Names


def test_names_get_exact_offsets_our_types_and_clusters(system: ModuleType, tagger: Path) -> None:
    # A character beyond the BMP, a no-break space, a possessive, a hyphen, a word in two pieces.
    document = document_of(
        "🌊 Mayor Bo\u00a0Berg visited Vale’s Red Cross.", "Berg and Ann Lee met Nato helpers in Nordic-Vale."
    )
    found = system.predict(document, context(ner=str(tagger))).entities
    expected = [
        ("Bo\u00a0Berg", "PER", "berg"),
        # The model has no GPE, so its LOC are places as the guideline's GPE.
        ("Vale", "GPE", "vale"),
        ("Red Cross", "ORG", "red cross"),
        ("Berg", "PER", "berg"),
        ("Ann Lee", "PER", "lee"),
        ("Nato", "ORG", "nato"),
        ("Vale", "GPE", "vale"),
    ]
    assert [(m.text, m.type, m.entity) for m in found] == expected
    assert [m.text for m in found] == [document.text[m.start : m.end] for m in found]
    starts = [8, 24, 31, 42, 51, 63, 86]
    assert [m.start for m in found] == starts
    assert all(m.kind == "name" and m.kb_id is None for m in found)
    assert system.report()["dropped_labels"] == {"MISC": 1}


def test_the_user_may_say_what_a_label_means(system: ModuleType, tagger: Path) -> None:
    options = {"ner": str(tagger), "labels": "misc:NORP, LOC:LOC"}
    found = system.predict(document_of("Ann met Nordic helpers in Vale."), context(**options)).entities
    assert [(m.text, m.type) for m in found] == [("Ann", "PER"), ("Nordic", "NORP"), ("Vale", "LOC")]
    assert system.report()["dropped_labels"] == {}


def test_type_of_understands_usual_labels(system: ModuleType) -> None:
    ours = {"PER": "PER", "person": "PER", "ORGANIZATION": "ORG", "GPE": "GPE", "NORP": "NORP", "FACILITY": "FAC"}
    ours |= {"EVENT": "EVENT", "MISC": None, "DATE": None, "LABEL_1": None}
    assert {label: system.type_of(label, (label,), {}) for label in ours} == ours
    # LOC are places with a government unless the model has a label for those.
    assert [system.type_of("LOC", others, {}) for others in (("ORG",), ("GPE",), ("gpe",))] == ["GPE", "LOC", "LOC"]
    assert system.type_of("location", ("location", "gpe"), {}) == "LOC"


@pytest.mark.parametrize(
    ("labels", "text", "spans"),
    [
        # A new B begins a new span; O, and a label of another type, end one.
        (["B-X", "I-X", "B-Y"], "bx bx ix by ix o ix", ["bx/X", "bx ix/X", "by/Y", "ix/X", "ix/X"]),
        (["B-X", "I-X", "E-X", "S-X"], "bx ix ex sx bx ex", ["bx ix ex/X", "sx/X", "bx ex/X"]),
        (["B-X", "I-X", "L-X", "U-X"], "bx lx ux ux", ["bx lx/X", "ux/X", "ux/X"]),
        # Without marks, neighbours of one type are one.
        (["X", "Y"], "x x y o x", ["x x/X", "y/Y", "x/X"]),
    ],
    ids=["BIO", "BIOES", "BILOU", "plain"],
)
def test_marks_of_labels_divide_spans(
    labels: list[str], text: str, spans: list[str], system: ModuleType, tmp_path: Path
) -> None:
    words = {label: [label.replace("-", "").lower()] for label in labels}
    found = system.Tagger(str(save_tagger(tmp_path, words))).spans(text)
    assert [f"{text[start:end]}/{kind}" for start, end, kind in found] == spans


def test_every_name_of_a_long_text_is_found_once(system: ModuleType, tmp_path: Path) -> None:
    # 16 positions hold 14 words, and the model fails at the first and the last of them, as models do that lack context.
    # The text has 200 words, with a name of two wherever a window may end.
    folder = save_tagger(tmp_path, TAGGED, longest=16, blind=(1, 14))
    text = " ".join("Bo Berg" if index % 3 == 1 else "visited" for index in range(150))
    expected = [(start, start + 7, "PERSON") for start in range(len(text)) if text.startswith("Bo Berg", start)]
    assert len(expected) == 50
    assert system.Tagger(str(folder)).spans(text) == expected


# Verification and stance


def test_claims_are_judged_by_their_best_sentences(system: ModuleType, judge: Path) -> None:
    record = system.predict(
        document_of(WANTS, REJECTS, COSTS), context(FIVE, SEVEN, RAIN, "Nobody laughed.", nli=str(judge))
    )
    assert [(pair.claim, pair.label, pair.evidence) for pair in record.verification] == [
        (FIVE, "supported", [2]),
        (SEVEN, "refuted", [2]),
        (RAIN, "not_enough_info", []),
        ("Nobody laughed.", "not_enough_info", []),
    ]
    # A sentence without a word of the claim is not read: the first two claims have a word in common with all three
    # sentences, the third with two, the fourth with none. The mayor and his rival have a sentence each with a word of
    # the target, judged for and against.
    assert system.report()["inferences"] == 3 + 3 + 2 + 0 + 2 * 2


def test_holders_take_the_side_that_their_sentences_entail(system: ModuleType, judge: Path) -> None:
    record = system.predict(document_of(WANTS, REJECTS, COSTS), context(FIVE, nli=str(judge)))
    assert [(cell.holder, cell.target, cell.label, cell.evidence) for cell in record.stance] == [
        ("author", "dam", "none", []),
        ("mayor", "dam", "favor", [0]),
        ("rival", "dam", "against", [1]),
        ("church", "dam", "none", []),
    ]
    for cell in record.stance:
        assert sum(cell.scores.values()) == pytest.approx(1, abs=1e-9)
        assert max(cell.scores, key=cell.scores.get) == cell.label
    assert record.stance[3].scores["none"] == 1.0


def test_a_sentence_is_read_for_the_holder_that_it_names(system: ModuleType) -> None:
    asked = []

    class Judge:
        def judge(self, premise: str, hypothesis: str) -> Any:
            asked.append((premise, hypothesis))
            return {"entailment": 0.1, "contradiction": 0.1, "neutral": 0.8}

    holders = [
        Holder(holder="vale", description={"en": "The police of Vale"}, entities=["vale-police"]),
        Holder(holder="dale", description={"en": "The police of Dale"}, entities=["dale-police"]),
        Holder(holder="mayor", description={"en": "The mayor"}, entities=["bo-berg"]),
    ]
    event = msgspec.structs.replace(EVENT, holders=holders)
    texts = ["Dale Police wants a dam.", "Berg wants no dam.", "Some dam it was.", "Police saw a dam."]
    system.stance(document_of(*texts), Context(event, (), (), 0), Judge())
    # "Police" is what both are called; the surname is the mayor's alone.
    assert asked == [
        (text, hypothesis.format(name))
        for text, name in ((texts[0], "Dale Police"), (texts[1], "Bo Berg"))
        for hypothesis in (FAVOR, AGAINST)
    ]


def test_nameless_labels_are_refused_until_their_meaning_is_given(system: ModuleType, nameless: Path) -> None:
    document = document_of(WANTS, REJECTS, COSTS)
    with pytest.raises(
        ValueError, match=r"cannot tell which of its labels LABEL_0, LABEL_1, LABEL_2 .*--option nli_labels="
    ):
        system.predict(document, context(FIVE, nli=str(nameless)))
    meaning = "LABEL_0:contradiction,LABEL_1:neutral,LABEL_2:entailment"
    record = system.predict(document, context(FIVE, SEVEN, RAIN, nli=str(nameless), nli_labels=meaning))
    assert [pair.label for pair in record.verification] == ["supported", "refuted", "not_enough_info"]
    # The wrong way round the answers are, too.
    meaning = "LABEL_2:contradiction,LABEL_1:neutral,LABEL_0:entailment"
    record = system.predict(document, context(FIVE, SEVEN, RAIN, nli=str(nameless), nli_labels=meaning))
    assert [pair.label for pair in record.verification] == ["refuted", "supported", "not_enough_info"]


def test_a_text_that_is_too_long_is_cut(system: ModuleType, judge: Path) -> None:
    shares = system.Entailment(str(judge), {}).judge("the dam " * 500, "the dam " * 500)
    assert sum(shares.values()) == pytest.approx(1, abs=1e-5)


# The system as its user meets it


def test_without_models_it_does_as_overlap_and_says_so(tiny_corpus: Corpus, tmp_path: Path) -> None:
    found = list(predictions(load_system(TRANSFORMER), tiny_corpus))
    assert found == list(predictions(load_system(OVERLAP), tiny_corpus))
    run_system(load_system(TRANSFORMER), tiny_corpus, tmp_path)
    report = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["report"]
    assert report["entities"] == report["verification"] == "no model given: as in overlap"
    assert report["inferences"] == report["tagged_sentences"] == 0


def test_a_layer_without_a_model_is_done_as_in_overlap(tagger: Path, tiny_corpus: Corpus) -> None:
    system = load_system(TRANSFORMER)
    plain = list(predictions(load_system(OVERLAP), tiny_corpus))
    options = {"ner": str(tagger), "labels": "LOC:FAC"}
    for record, other in zip(predictions(system, tiny_corpus, options=options), plain, strict=True):
        assert (record.stance, record.verification) == (other.stance, other.verification)
        assert ("Vale", "FAC") in [(mention.text, mention.type) for mention in record.entities or []]


def test_a_run_is_complete_quiet_and_reproducible(
    tagger: Path, judge: Path, tiny_corpus: Corpus, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = {"ner": str(tagger), "nli": str(judge)}
    for place in ("first", "second"):
        run_system(load_system(TRANSFORMER), tiny_corpus, tmp_path / place, options=options)
    first, second = ((tmp_path / place / "predictions.jsonl").read_bytes() for place in ("first", "second"))
    assert first == second
    assert capfd.readouterr() == ("", "")
    for record in predictions(load_system(TRANSFORMER), tiny_corpus, options=options):
        assert_complete(record, tiny_corpus)
        assert ("Vale", "GPE") in [(m.text, m.type) for m in record.entities or []]


def test_the_report_tells_models_by_name_and_content_and_nothing_of_the_machine(
    tagger: Path, judge: Path, tiny_corpus: Corpus, tmp_path: Path
) -> None:
    first, second, third = Account(), Account(), Account()
    options = {"ner": str(tagger), "nli": str(judge)}
    list(predictions(load_system(TRANSFORMER), tiny_corpus, options=options, account=first))
    told = first.report
    assert (told["entities"], told["stance"], told["verification"]) == (tagger.name, judge.name, judge.name)
    assert str(tagger.parent) not in json.dumps(told)
    assert str(judge.parent) not in json.dumps(told)
    # The same files elsewhere are the same model; one file more is another.
    moved = tmp_path / "moved"
    shutil.copytree(tagger, moved)
    for account in (second, third):
        alone = {"ner": str(moved)}
        list(predictions(load_system(TRANSFORMER), tiny_corpus, options=alone, account=account))
        (moved / "note.txt").write_text("!", encoding="utf-8")
    found: list[Any] = [account.report["fingerprints"] for account in (first, second, third)]
    assert [sorted(each) for each in found] == [["ner", "nli"], ["ner"], ["ner"]]
    assert found[0]["ner"] == found[1]["ner"] != found[2]["ner"]
    assert found[0]["ner"] != found[0]["nli"]


@pytest.mark.parametrize("beside", [("flood-0", "flood-1"), ("flood-0",), ()], ids=["two", "one", "none"])
def test_a_document_may_have_no_sentence(
    beside: Sequence[str], tagger: Path, judge: Path, bare_corpus: Callable[[Sequence[str]], Corpus]
) -> None:
    corpus = bare_corpus(beside)
    options = {"ner": str(tagger), "nli": str(judge)}
    for given in ({}, options):
        found = list(predictions(load_system(TRANSFORMER), corpus, options=given))
        assert [record.document_id for record in found] == [*beside, "bare-0", "bare-1"]
        for record in found:
            assert_complete(record, corpus)


@pytest.fixture(scope="session")
def unfit(tagger: Path, judge: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders that are no usable model, by what is wrong with them."""
    root = tmp_path_factory.mktemp("unfit")

    def copy(name: str, source: Path, *left_out: str) -> Path:
        folder = root / name
        folder.mkdir()
        for file in source.iterdir():
            if file.name not in left_out:
                (folder / file.name).write_bytes(file.read_bytes())
        return folder

    slow = copy("slow", tagger, "tokenizer.json")
    (slow / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "CanineTokenizer"}), encoding="utf-8")
    from transformers import AutoModelForSequenceClassification

    two = copy("two", judge)
    AutoModelForSequenceClassification.from_pretrained(
        str(judge), id2label={0: "entailment", 1: "not_entailment"}, ignore_mismatched_sizes=True
    ).save_pretrained(str(two))
    cut = copy("cut", tagger, "model.safetensors")
    (cut / "model.safetensors").write_bytes((tagger / "model.safetensors").read_bytes()[:100])
    return {
        "empty": copy("empty", tagger, *(file.name for file in tagger.iterdir())),
        "slow": slow,
        "no tokenizer": copy("no-tokenizer", tagger, "tokenizer.json", "tokenizer_config.json"),
        "cut": cut,
        "two": two,
        "judge": judge,
        "tagger": tagger,
    }


@pytest.mark.parametrize(
    ("option", "folder", "told"),
    [
        ("ner", "empty", "a token classification model"),
        ("ner", "slow", "has no fast tokenizer"),
        ("ner", "no tokenizer", "tokenizer"),
        ("ner", "cut", "cannot be loaded as a token classification model"),
        ("ner", "judge", "is BertForSequenceClassification, not a token classification model"),
        ("nli", "tagger", "is BertForTokenClassification, not a natural language inference model"),
        ("nli", "two", "expected labels entailment, contradiction, neutral, got"),
    ],
)
def test_an_unfit_model_is_a_one_line_error(
    option: str, folder: str, told: str, unfit: dict[str, Path], tiny_folder: Path, tmp_path: Path, capsys: Any
) -> None:
    line = refusal(TRANSFORMER, tiny_folder, tmp_path, f"{option}={unfit[folder]}", capsys)
    assert told in line
    assert str(unfit[folder]) in line


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("ner=/no/such/folder", "/no/such/folder: no such model folder"),
        ("nli=./no-such-folder", "./no-such-folder: no such model folder"),
        ("ner=nobody/has-this", "nobody/has-this: cannot be loaded as a token classification model"),
        (
            "labels=PERSON=PER",
            "labels: expected LABEL:OURS with OURS one of PER, ORG, GPE, LOC, FAC, NORP, EVENT, got 'PERSON=PER'",
        ),
        ("labels=PERSON:HUMAN", "got 'PERSON:HUMAN'"),
        ("nli_labels=LABEL_0:yes", "OURS one of entailment, contradiction, neutral, got"),
    ],
)
def test_a_wrong_option_is_a_one_line_error(
    option: str, told: str, tiny_folder: Path, tmp_path: Path, capsys: Any
) -> None:
    assert told in refusal(TRANSFORMER, tiny_folder, tmp_path, option, capsys)


def test_a_label_that_the_model_lacks_is_refused(system: ModuleType, judge: Path) -> None:
    with pytest.raises(ValueError, match="has no label LABEL_7; it has CONTRADICTION, Neutral, entailment"):
        system.Entailment(str(judge), {"LABEL_7": "neutral"})


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_a_missing_package_names_the_extra(
    package: str, tagger: Path, tiny_corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    system = load_system(TRANSFORMER)
    with pytest.raises(SystemFault, match=r"pip install 'retold\[transformers\]'"):
        list(predictions(system, tiny_corpus, options={"ner": str(tagger)}, isolated=False))
