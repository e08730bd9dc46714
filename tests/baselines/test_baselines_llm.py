"""The language-model systems, against a local endpoint that behaves and misbehaves as endpoints do."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import random
import re
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from llm_server import Answer, Request, Server, completion, error
from retold.cli import main as cli
from retold.corpus.load import Corpus, load_corpus
from retold.model.annotations import AnnotationRecord, Document, Span, VerificationPair, Zone, encode
from retold.systems import Account, Question, SystemFault, load_system, predictions

if importlib.util.find_spec("openai") is None:
    if os.environ.get("RETOLD_EXTRAS") == "1":
        raise ImportError("RETOLD_EXTRAS=1, but openai is missing: pip install 'retold[llm]'")
    pytest.skip("openai is missing: pip install 'retold[llm]'", allow_module_level=True)

LLM = Path(__file__).resolve().parents[2] / "baselines" / "llm.py"
KEY = "sk-test-0123456789abcdef"
ITEMS = {"entities": "mentions", "stance": "pairs", "claims": "claims", "verification": "verdicts"}

#: What a model that does as it is told answers about the documents of the tiny corpus, by document and layer.
GOOD: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("flood-0", "entities"): [
        {"sentence": 0, "quote": "Vale", "kind": "name", "type": "GPE", "entity": "vale", "wikidata": None},
        {"sentence": 1, "quote": "Bo Berg", "kind": "name", "type": "PER", "entity": "bo-berg", "wikidata": "Q11"},
    ],
    ("flood-0", "stance"): [{"holder": "mayor", "target": "dam", "evidence": [1], "label": "favor"}],
    ("flood-0", "claims"): [{"sentence": 2, "quote": "The dam costs 5 million", "source": "author"}],
    ("flood-0", "verification"): [
        {"claim": "q1", "evidence": [2], "label": "supported"},
        {"claim": "q2", "evidence": [2], "label": "refuted"},
        {"claim": "q3", "evidence": [], "label": "not_enough_info"},
    ],
    ("flood-1", "entities"): [
        {"sentence": 1, "quote": "Bo Berg", "kind": "name", "type": "PER", "entity": "bo-berg", "wikidata": "Q11"},
    ],
    ("flood-1", "stance"): [],
    ("flood-1", "claims"): [{"sentence": 2, "quote": "Biayanya 7 juta", "source": "bo-berg"}],
    ("flood-1", "verification"): [
        {"claim": "q1", "evidence": [2], "label": "refuted"},
        {"claim": "q2", "evidence": [2], "label": "supported"},
        {"claim": "q3", "evidence": [2], "label": "refuted"},
    ],
}


def layer_of(request: Request) -> str:
    return str(request["response_format"]["json_schema"]["name"])


def asked_document(request: Request) -> str:
    """Which document of the tiny corpus a request is about: the last that it shows."""
    shown = [m["content"] for m in request["messages"] if m["role"] == "user" and "[0] " in m["content"]]
    return "flood-1" if "[0] Sungai" in shown[-1] else "flood-0"


def asked_claims(request: Request) -> list[str]:
    schema = request["response_format"]["json_schema"]["schema"]
    return list(schema["properties"]["verdicts"]["items"]["properties"]["claim"]["enum"])


def good(request: Request) -> Answer:
    """The answer of ``GOOD``. The number of a claim is its place in the whole list, also where a batch has a part."""
    layer = layer_of(request)
    items = GOOD[asked_document(request), layer]
    if layer == "verification":
        asked = next(m["content"] for m in reversed(request["messages"]) if "Claims:" in m["content"])
        texts = ["The dam costs 5 million.", "The dam costs 7 million.", "The dam costs 9 million."]
        places = {label: texts.index(asked.split(f"{label}: ")[1].split("\n")[0]) for label in asked_claims(request)}
        items = [{**items[place], "claim": label} for label, place in places.items()]
    return completion({ITEMS[layer]: items})


def nothing(request: Request) -> Answer:
    """Valid answers with nothing in them; every claim is open."""
    layer = layer_of(request)
    verdicts = (
        [{"claim": c, "evidence": [], "label": "not_enough_info"} for c in asked_claims(request)]
        if (layer == "verification")
        else []
    )
    return completion({ITEMS[layer]: verdicts})


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that a system would have slept."""
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    # A client reads all certificates of the machine, which takes longer than a test. Nothing here uses them.
    monkeypatch.setattr(ssl, "create_default_context", lambda *_, **__: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("OPENAI_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return found


@pytest.fixture
def helpers() -> Callable[[str], Any]:
    """Function: name of a helper module of the system -> the module."""
    system = load_system(LLM)
    package = sys.modules[type(system.predict.__self__).__module__].__package__  # type: ignore[attr-defined]
    return lambda name: importlib.import_module(f".{name}", package)


class Runner:
    """Runs a system on the tiny corpus against a server; ``report`` is that of the last run."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.report: dict[str, object] = {}

    def __call__(
        self, server: Server, *, few: bool = False, cache: Path | None = None, **options: str
    ) -> list[AnnotationRecord]:
        account = Account()
        self.report = account.report
        system = load_system(LLM, "few_shot" if few else None)
        given = {"model": "test", "base_url": server.url, **options}
        return list(predictions(system, self.corpus, options=given, cache=cache, account=account))


@pytest.fixture
def run(tiny_corpus: Corpus) -> Runner:
    return Runner(tiny_corpus)


def plain(record: AnnotationRecord) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode(record))
    return found


def expected(corpus: Corpus) -> list[dict[str, Any]]:
    """The records that ``GOOD`` means, with offsets found by hand in the text."""

    def span(key: str, words: str) -> dict[str, Any]:
        start = corpus.documents[key].text.index(words)
        return {"start": start, "end": start + len(words), "text": words}

    berg = {"kind": "name", "type": "PER", "entity": "bo-berg", "kb_id": "Q11"}
    cells = [("author", "dam"), ("author", "mayor-berg"), ("mayor", "dam"), ("mayor", "mayor-berg")]
    open_cells = [{"holder": h, "target": t, "label": "none", "evidence": []} for h, t in cells]
    return [
        {
            "document_id": "flood-0",
            "entities": [
                {**span("flood-0", "Vale"), "kind": "name", "type": "GPE", "entity": "vale", "kb_id": None},
                {**span("flood-0", "Bo Berg"), **berg},
            ],
            "stance": [
                *open_cells[:2],
                {"holder": "mayor", "target": "dam", "label": "favor", "evidence": [1]},
                open_cells[3],
            ],
            "claims": [{**span("flood-0", "The dam costs 5 million"), "source": "author"}],
            "verification": [
                {"claim": "dam-costs-5", "label": "supported", "evidence": [2]},
                {"claim": "dam-costs-7", "label": "refuted", "evidence": [2]},
                {"claim": "dam-costs-9", "label": "not_enough_info", "evidence": []},
            ],
        },
        {
            "document_id": "flood-1",
            "entities": [{**span("flood-1", "Bo Berg"), **berg}],
            "stance": open_cells,
            "claims": [{**span("flood-1", "Biayanya 7 juta"), "source": "bo-berg"}],
            "verification": [
                {"claim": "dam-costs-5", "label": "refuted", "evidence": [2]},
                {"claim": "dam-costs-7", "label": "supported", "evidence": [2]},
                {"claim": "dam-costs-9", "label": "refuted", "evidence": [2]},
            ],
        },
    ]


# A run in which all is well


@pytest.mark.parametrize("few", [False, True])
def test_what_the_model_says_is_what_is_predicted(few: bool, run: Runner) -> None:
    with Server(good) as server:
        found = run(server, few=few)
    assert list(map(plain, found)) == expected(run.corpus)
    # Two documents, four layers, the three claims in one batch; 100 and 20 tokens each.
    assert [layer_of(request) for request in server.requests] == list(ITEMS) * 2
    assert set(server.authorizations) == {f"Bearer {KEY}"}
    counts = {name: value for name, value in run.report.items() if isinstance(value, int) and value}
    assert counts == {"requests": 8, "prompt_tokens": 800, "completion_tokens": 160}
    assert run.report["model"] == "test"
    assert run.report["endpoint"] == server.url.removeprefix("http://") + "/"
    assert str(run.report["prompts"]).startswith("1 (")
    assert run.report["cost"] is None


@pytest.mark.parametrize("few", [False, True])
def test_the_report_says_what_it_cost(few: bool, run: Runner) -> None:
    with Server(good) as server:
        run(server, few=few, input_price="2.5", output_price="10")
    # 8 requests of 100 tokens at 2.5 and 20 tokens at 10 for a million: 8 * (250 + 200) / 1,000,000.
    assert run.report["cost"] == pytest.approx(0.0036)


def test_verification_is_asked_in_batches(run: Runner) -> None:
    with Server(good) as server:
        found = run(server, batch="2")
    assert list(map(plain, found)) == expected(run.corpus)
    batches = [asked_claims(request) for request in server.requests if layer_of(request) == "verification"]
    assert batches == [["q1", "q2"], ["q1"]] * 2


def schemas_within(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for value in schema.values():
            yield from schemas_within(value)


def test_schemas_are_strict_and_know_the_labels(run: Runner) -> None:
    with Server(good) as server:
        run(server)
    for request in server.requests:
        form = request["response_format"]
        schema = form["json_schema"]["schema"]
        assert form["type"] == "json_schema"
        assert form["json_schema"]["strict"] is True
        jsonschema.Draft202012Validator.check_schema(schema)
        # What strict modes ask for: https://platform.openai.com/docs/guides/structured-outputs
        for part in schemas_within(schema):
            assert part["required"] == list(part["properties"])
            assert part["additionalProperties"] is False
        # The answers that the tests take for good are good by the schema, and not for want of it.
        answer = json.loads(good(request).body["choices"][0]["message"]["content"])
        jsonschema.Draft202012Validator(schema).validate(answer)
        for item in answer[ITEMS[layer_of(request)]]:
            for key in item:
                spoiled = {ITEMS[layer_of(request)]: [{k: v for k, v in item.items() if k != key}]}
                assert not jsonschema.Draft202012Validator(schema).is_valid(spoiled)
    texts = json.dumps([request["response_format"] for request in server.requests])
    for label in ("favor", "against", "supported", "refuted", "not_enough_info", "NORP", "nominal"):
        assert f'"{label}"' in texts


@pytest.mark.parametrize(
    ("structured", "sent"), [("json_schema", "json_schema"), ("json_object", "json_object"), ("none", None)]
)
def test_endpoints_without_schemas_are_told_the_schema_in_words(structured: str, sent: str | None, run: Runner) -> None:
    def answer(request: Request) -> Answer:
        layer = next(layer for layer, key in ITEMS.items() if f'{{"{key}"' in request["messages"][0]["content"])
        named = {"json_schema": {"name": layer}} if layer != "verification" else None
        if named is None:
            items = [{**item, "claim": f"q{n}"} for n, item in enumerate(GOOD[asked_document(request), layer], 1)]
            return completion({"verdicts": items})
        return good({**request, "response_format": named})

    with Server(good if structured == "json_schema" else answer) as server:
        found = run(server, structured=structured)
    assert list(map(plain, found)) == expected(run.corpus)
    for request in server.requests:
        assert (request.get("response_format") or {}).get("type") == sent
        # OpenAI refuses json_object unless the word JSON is in the messages.
        assert "JSON" in request["messages"][0]["content"]
        assert ("additionalProperties" in request["messages"][0]["content"]) == (structured != "json_schema")


def test_parameters_are_sent_as_chosen(run: Runner) -> None:
    with Server(good) as server:
        run(server)
        run(server, temperature="", limit_parameter="max_completion_tokens", max_tokens="99")
    assert {(r["temperature"], r["max_tokens"], r["model"]) for r in server.requests[:8]} == {(0, 8192, "test")}
    for request in server.requests[8:]:
        assert request["max_completion_tokens"] == 99
        assert not request.keys() & {"temperature", "max_tokens"}


# What goes wrong once is got over


def entities_of_flood_0(**changed: Any) -> dict[str, Any]:
    return {"mentions": [{**GOOD["flood-0", "entities"][0], **changed}, GOOD["flood-0", "entities"][1]]}


FENCED = f"Here it is:\n```json\n{json.dumps(entities_of_flood_0())}\n```\nAnything else?"
THOUGHT = f'<think>Perhaps {{"mentions": 1}}? No.</think>{json.dumps(entities_of_flood_0())}'
#: The first answer of a run -> what the report then counts beside the usual, and the seconds waited (low, high).
ONCE: dict[str, tuple[list[Answer], dict[str, int], list[tuple[float, float]]]] = {
    # Seconds, the endpoint's word. Without it, back-off: 1, 2, 4 … seconds less up to a half.
    "429 with Retry-After": ([error(429, retry_after="7")], {"retries": 1}, [(7, 7)]),
    "429 with less than the back-off": ([error(429, retry_after="0")], {"retries": 1}, [(0.5, 1)]),
    "429 with a word": ([error(429, retry_after="soon")], {"retries": 1}, [(0.5, 1)]),
    "500 twice": ([error(500), error(500)], {"retries": 2}, [(0.5, 1), (1, 2)]),
    "502": ([Answer("<h1>Bad gateway</h1>", 502)], {"retries": 1}, [(0.5, 1)]),
    "503": ([error(503, retry_after="3")], {"retries": 1}, [(3, 3)]),
    "504": ([error(504)], {"retries": 1}, [(0.5, 1)]),
    "timeout": ([Answer(delay=0.2)], {"retries": 1, "unmetered_requests": 1}, [(0.5, 1)]),
    "dropped": ([Answer(drop=True)], {"retries": 1, "unmetered_requests": 1}, [(0.5, 1)]),
    "a page": ([Answer("<h1>Welcome</h1>")], {"retries": 1, "unmetered_requests": 1}, [(0.5, 1)]),
    "no choices": ([Answer({"choices": []})], {"retries": 1, "unmetered_requests": 1}, [(0.5, 1)]),
    "code fence": ([completion(FENCED)], {}, []),
    "thoughts": ([completion(THOUGHT)], {}, []),
    "offsets": ([completion(entities_of_flood_0(start=3, end=1, offset=99))], {}, []),
    "broken JSON": ([completion('{"mentions": [')], {"repairs": 1}, []),
    "no JSON": ([completion("I found two.")], {"repairs": 1}, []),
    "a list": ([completion([GOOD["flood-0", "entities"]])], {"repairs": 1}, []),
    "wrong keys": ([completion({"entities": []})], {"repairs": 1}, []),
    "missing key": ([completion({"mentions": [{"quote": "Vale"}]})], {"repairs": 1}, []),
    "unknown label": ([completion(entities_of_flood_0(type="CITY"))], {"repairs": 1}, []),
    "wrong type": ([completion(entities_of_flood_0(sentence="first"))], {"repairs": 1}, []),
    "refusal": ([completion(None, refusal="I cannot.")], {"repairs": 1, "refusals": 1}, []),
    "filtered": ([completion("", finish="content_filter")], {"repairs": 1, "refusals": 1}, []),
    "cut off": ([completion('{"mentions": [{"sen', finish="length")], {"repairs": 1, "truncated": 1}, []),
    "no usage": ([completion(entities_of_flood_0(), usage=None)], {"unmetered_requests": 1}, []),
}


@pytest.mark.parametrize("case", ONCE)
def test_what_goes_wrong_once_changes_nothing(case: str, run: Runner, waits: list[float]) -> None:
    script, counted, slept = ONCE[case]
    with Server(good, script) as server:
        found = run(server, timeout="0.1" if case == "timeout" else "20")
    assert list(map(plain, found)) == expected(run.corpus)
    numbers = {k: v for k, v in run.report.items() if isinstance(v, int) and v and not k.endswith("_tokens")}
    again = counted.get("retries", 0) + counted.get("repairs", 0)
    assert numbers == {"requests": 8 + again, **counted}
    assert len(server.requests) == 8 + again
    assert len(waits) == len(slept)
    assert all(low <= wait <= high for wait, (low, high) in zip(waits, slept, strict=True))


def test_a_date_is_waited_for(run: Runner, waits: list[float]) -> None:
    # The header has whole seconds, and time goes by until it is read.
    with Server(good, [error(503, retry_after=formatdate(time.time() + 30, usegmt=True))]) as server:
        run(server)
    assert 25 < waits[0] <= 30


@pytest.mark.parametrize(
    ("case", "named"),
    [
        ("unknown label", "'CITY' is not one of"),
        ("broken JSON", "It is no JSON"),
        ("missing key", "is a required property"),
        ("wrong keys", "'mentions'"),
        ("refusal", "I cannot."),
        ("cut off", "cut off"),
    ],
)
def test_a_repair_says_what_was_wrong(case: str, named: str, run: Runner) -> None:
    with Server(good, ONCE[case][0]) as server:
        run(server)
    first, second = server.requests[:2]
    assert second["messages"][:-2] == first["messages"]
    assert [message["role"] for message in second["messages"][-2:]] == ["assistant", "user"]
    assert all(message["content"] for message in second["messages"])
    assert named in second["messages"][-1]["content"]


# What stays wrong is left out and told


def test_a_model_that_always_refuses_gets_the_plain_defaults(run: Runner) -> None:
    with Server(lambda _: completion(None, refusal="I cannot.")) as server:
        found = run(server)
    assert [len(record.entities or []) for record in found] == [0, 0]
    assert {cell.label for record in found for cell in record.stance or []} == {"none"}
    assert {pair.label for record in found for pair in record.verification or []} == {"not_enough_info"}
    # Every sentence of four words or more.
    assert [[claim.text for claim in record.claims or []] for record in found] == [
        [
            "River rises in\xa0Vale 🌊",
            "Mayor Bo Berg asked for a dam",
            "The dam costs 5 million",
            "Vale was flooded on Monday",
        ],
        ["Sungai meluap di\xa0Vale 🌊", "Bo Berg meminta bendungan"],
    ]
    # Two documents, four layers, asked twice.
    assert len(server.requests) == 16
    assert {k: v for k, v in run.report.items() if isinstance(v, int) and v and not k.endswith("_tokens")} == {
        "requests": 16,
        "repairs": 8,
        "refusals": 16,
        "fallback_entities": 2,
        "fallback_stance": 2,
        "fallback_claims": 2,
        "fallback_verification": 6,
    }


def spoil(
    layer: str, change: Callable[[list[dict[str, Any]]], Any], finish: str = "stop"
) -> Callable[[Request], Answer]:
    """Good answers, but for those of one layer, which are changed."""

    def answer(request: Request) -> Answer:
        if layer_of(request) != layer:
            return good(request)
        content = json.loads(good(request).body["choices"][0]["message"]["content"])
        return completion(change(content[ITEMS[layer]]), finish=finish)

    return answer


def test_items_that_stay_wrong_are_left_out_and_the_others_kept(run: Runner) -> None:
    def change(items: list[dict[str, Any]]) -> Any:
        return {"verdicts": [{**items[0], "label": "true"}, *items[1:]]}

    with Server(spoil("verification", change)) as server:
        found = run(server)
    wanted = expected(run.corpus)
    for record in wanted:
        record["verification"][0] = {"claim": "dam-costs-5", "label": "not_enough_info", "evidence": []}
    assert list(map(plain, found)) == wanted
    assert run.report["repairs"] == 2
    assert run.report["invalid_items"] == 2
    assert run.report["fallback_verification"] == 2


def test_of_two_imperfect_answers_the_better_one_is_used(run: Runner) -> None:
    # Two of three verdicts, and one when asked again.
    items = GOOD["flood-0", "verification"]
    script = [good, good, good, completion({"verdicts": items[:2]}), completion({"verdicts": items[2:]})]

    def answer(request: Request) -> Answer:
        step = script[len(server.requests) - 1] if len(server.requests) <= len(script) else good
        return step(request) if callable(step) else step

    with Server(answer) as server:
        found = run(server)
    assert [pair["label"] for pair in plain(found[0])["verification"]] == ["supported", "refuted", "not_enough_info"]
    assert run.report["fallback_verification"] == 1


def test_a_verdict_has_at_most_five_sentences(helpers: Callable[[str], Any]) -> None:
    # As many as count for the strict measure.
    answers, tally = helpers("_llm_answers"), helpers("_llm_client").Tally()
    item = {"claim": "q1", "evidence": [6, 5, 4, 3, 2, 1, 0], "label": "supported"}
    question = Question("rain", "It rained.")
    found = answers.to_pairs([item], [question], document_of(*"abcdefg"), tally)
    assert found == [VerificationPair(claim="rain", label="supported", evidence=[0, 1, 2, 3, 4])]


def test_claims_without_a_verdict_are_asked_for_again_and_then_open(run: Runner) -> None:
    with Server(spoil("verification", lambda items: {"verdicts": items[:2]})) as server:
        found = run(server)
    assert "There is no claim q3." in server.requests[4]["messages"][-1]["content"]
    assert plain(found[1])["verification"][2] == {"claim": "dam-costs-9", "label": "not_enough_info", "evidence": []}
    assert run.report["fallback_verification"] == 2


def test_the_complete_items_of_a_list_that_is_cut_off_are_kept(run: Runner) -> None:
    def change(items: list[dict[str, Any]]) -> str:
        text = json.dumps({"mentions": items}, ensure_ascii=False)
        return text[: text.rindex('"kind"')]  # In the middle of the last item.

    with Server(spoil("entities", change, finish="length")) as server:
        found = run(server)
    wanted = expected(run.corpus)
    assert plain(found[0])["entities"] == wanted[0]["entities"][:1]
    assert plain(found[1])["entities"] == []
    assert run.report["truncated"] == 4
    assert run.report["fallback_entities"] == 1


def test_a_batch_that_is_cut_off_is_halved(run: Runner) -> None:
    def answer(request: Request) -> Answer:
        if layer_of(request) == "verification" and len(asked_claims(request)) > 1:
            return completion('{"verdicts": [', finish="length")
        return good(request)

    with Server(answer) as server:
        found = run(server)
    assert list(map(plain, found)) == expected(run.corpus)
    sizes = [len(asked_claims(request)) for request in server.requests if layer_of(request) == "verification"]
    # Three; one and two; of the two, one and one.
    assert sizes == [3, 1, 2, 1, 1] * 2
    assert run.report["halved_batches"] == 4
    assert run.report["repairs"] == 0


def test_sentences_that_a_document_does_not_have_are_dropped_and_counted(run: Runner) -> None:
    # Document 0 has four sentences, document 1 too.
    def change(items: list[dict[str, Any]]) -> Any:
        return {"verdicts": [{**item, "evidence": [99, -1, *item["evidence"], *item["evidence"]]} for item in items]}

    with Server(spoil("verification", change)) as server:
        found = run(server)
    assert list(map(plain, found)) == expected(run.corpus)
    # Two for each of the five verdicts that rest on sentences.
    assert run.report["dropped_evidence"] == 10


# What does not pass ends the run


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (error(400, "unknown response_format"), "400: unknown response_format; if it knows no such parameter"),
        (error(401, "bad key"), "401: bad key; is the key in OPENAI_API_KEY right?"),
        (error(403, "no access"), "403: no access"),
        (error(404, "no such model"), "404: no such model; does it have the model test"),
        (error(429, "no credit", code="insufficient_quota"), "429: no credit"),
        (error(503, "busy", retry_after="3600"), "it asks to wait 3600 seconds"),
    ],
)
def test_what_does_not_pass_ends_the_run_at_once(answer: Answer, said: str, run: Runner, waits: list[float]) -> None:
    with Server(good, [answer]) as server:
        with pytest.raises(SystemFault, match=r"^llm at flood-0: ") as caught:
            run(server)
        assert len(server.requests) == 1
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert waits == []


def test_a_run_that_failed_is_not_in_the_report_of_the_next(tiny_corpus: Corpus) -> None:
    system = load_system(LLM)
    account = Account()
    with Server(good, [error(401)]) as server:
        options = {"model": "test", "base_url": server.url}
        with pytest.raises(SystemFault):
            list(predictions(system, tiny_corpus, options=options))
        list(predictions(system, tiny_corpus, options=options, account=account))
    assert account.report["requests"] == 8


def test_retries_come_to_an_end(run: Runner, waits: list[float]) -> None:
    with Server(lambda _: error(503)) as server:
        with pytest.raises(SystemFault, match=r"503: out of order; given up after 3 attempts"):
            run(server, retries="2")
        assert len(server.requests) == 3
    assert len(waits) == 2


def test_nobody_there_is_told(run: Runner) -> None:
    with Server(good) as server:
        pass
    with pytest.raises(SystemFault, match="the connection failed"):
        run(server, retries="0")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": ""}, "--option model="),
        ({"temperature": "warm"}, "temperature=warm"),
        ({"retries": "1.5"}, "retries=1.5"),
        ({"batch": "0"}, "batch=0"),
        ({"timeout": "nan"}, "timeout=nan"),
        ({"structured": "yaml"}, "json_schema, json_object, none"),
        ({"limit_parameter": "tokens"}, "max_completion_tokens"),
        ({"budget": "1"}, "input_price"),
        ({"base_url": "localhost:80"}, "base_url=localhost:80"),
        ({"base_url": "http://me:secret@localhost/v1"}, "by the environment"),
        ({"base_url": "http://localhost/v1?key=secret"}, "by the environment"),
        ({"base_url": "http://localhost:99999/v1"}, "option base_url: is no address"),
        ({"base_url": "http://me:secret"}, "option base_url: is no address"),
        ({"base_url": "http://[::1/v1"}, "option base_url: is no address"),
        ({"base_url": "http://local\x7fhost/v1"}, "option base_url: is no address"),
        ({"key_variable": "NO_SUCH_KEY"}, "NO_SUCH_KEY holds no key"),
        ({"key_variable": "sk-proj-secret"}, "option key_variable: must be the name of a variable"),
        ({"key_variable": ""}, "option key_variable: must be the name of a variable"),
    ],
)
def test_wrong_options_are_told_before_anything_is_sent(options: dict[str, str], said: str, run: Runner) -> None:
    with Server(good) as server:
        with pytest.raises(SystemFault) as caught:
            run(server, **options)
        assert server.requests == []
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_address_of_the_environment_that_cannot_be_read_is_told(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://me:secret")
    with Server(good) as server, pytest.raises(SystemFault) as caught:
        run(server, base_url="")
    assert "the environment variable OPENAI_BASE_URL: is no address" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("taken", ["llm", "llm/answers"])
def test_a_cache_folder_that_cannot_be_used_is_told(taken: str, run: Runner, tmp_path: Path) -> None:
    (tmp_path / taken).parent.mkdir(exist_ok=True)
    (tmp_path / taken).write_text("a file", encoding="utf-8")
    with Server(good) as server, pytest.raises(SystemFault, match="the cache folder cannot be used: ") as caught:
        run(server, cache=tmp_path)
    assert "Error" not in str(caught.value)


def test_the_command_refuses_a_run_without_a_model(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["baseline", str(LLM), "--output", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")])
    assert stopped.value.code == 2
    assert "--option model=NAME" in capfd.readouterr().err


# Cache


def test_a_second_run_asks_nothing_and_says_the_same(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = [completion("I found two."), error(500)]
    with Server(good, bad) as server:
        first = run(server, cache=tmp_path, input_price="1", output_price="1")
        assert len(server.requests) == 10
        # Not even a key is needed.
        monkeypatch.delenv("OPENAI_API_KEY")
        second = run(server, cache=tmp_path, input_price="1", output_price="1")
        assert len(server.requests) == 10
    assert list(map(encode, second)) == list(map(encode, first))
    assert (run.report["requests"], run.report["cached"], run.report["cost"]) == (0, 9, 0)
    assert run.report["repairs"] == 1


@pytest.mark.parametrize(
    "changed", [{"model": "other"}, {"temperature": "1"}, {"max_tokens": "100"}, {"structured": "none"}]
)
def test_what_is_asked_otherwise_is_asked_anew(changed: dict[str, str], run: Runner, tmp_path: Path) -> None:
    with Server(lambda request: nothing(request) if "response_format" in request else completion("{}")) as server:
        run(server, cache=tmp_path)
        before = len(server.requests)
        run(server, cache=tmp_path, **changed)
        assert before == 8
        assert len(server.requests) >= 16
    assert run.report["cached"] == 0


@pytest.mark.parametrize("broken", [b"", b"{", b"\xff", b'{"request": {}, "reply": {"content": 1}}'])
def test_a_broken_file_of_the_cache_is_asked_again(broken: bytes, run: Runner, tmp_path: Path) -> None:
    with Server(good) as server:
        run(server, cache=tmp_path)
        kept = sorted((tmp_path / "llm" / "answers").glob("*.json"))
        assert len(kept) == 8
        kept[3].write_bytes(broken)
        found = run(server, cache=tmp_path)
        assert (run.report["requests"], run.report["cached"]) == (1, 7)
        run(server, cache=tmp_path)
        assert (run.report["requests"], run.report["cached"]) == (0, 8)
    assert list(map(plain, found)) == expected(run.corpus)


def test_an_interrupted_run_goes_on_from_the_cache(run: Runner, tmp_path: Path) -> None:
    with Server(good) as server:
        server.then = lambda request: good(request) if len(server.requests) < 6 else error(401)
        with pytest.raises(SystemFault):
            run(server, cache=tmp_path)
        server.then = good
        found = run(server, cache=tmp_path)
    assert list(map(plain, found)) == expected(run.corpus)
    assert (run.report["requests"], run.report["cached"]) == (3, 5)


# Money and pace


@pytest.mark.parametrize("few", [False, True])
def test_a_budget_stops_before_it_is_exceeded(few: bool, run: Runner, tmp_path: Path) -> None:
    # One for each token of output and nothing for input: 20 for a request, which may cost 100 before it is sent. With
    # batches of one claim there are 12 requests. The ninth would find 160 spent, and 160 + 100 > 250.
    prices = {"input_price": "0", "output_price": "1000000", "max_tokens": "100", "batch": "1"}
    with Server(good) as server:
        with pytest.raises(SystemFault, match=r"budget of 250 .* 160\.000000 is spent"):
            run(server, few=few, cache=tmp_path, budget="250", **prices)
        assert len(server.requests) == 8
        # What was spent stays spent; with more, the run goes on where it stopped: 11 * 20 + 100 = 320.
        with pytest.raises(SystemFault, match=r"budget of 319 .* 220\.000000 is spent"):
            run(server, few=few, cache=tmp_path, budget="319", **prices)
        found = run(server, few=few, cache=tmp_path, budget="320", **prices)
        assert len(server.requests) == 12
    assert list(map(plain, found)) == expected(run.corpus)


def test_a_budget_counts_the_input_by_its_bytes(run: Runner) -> None:
    # No tokenizer makes more tokens than there are bytes, so what was sent bounds what can be charged for it.
    with Server(good) as server:
        run(server)
        sent = len(json.dumps(server.requests[0], ensure_ascii=False).encode())
        prices = {"input_price": "1000000", "output_price": "0"}
        with pytest.raises(SystemFault, match="budget"):
            run(server, budget=str(sent - 1), **prices)
        assert len(server.requests) == 8
        with pytest.raises(SystemFault, match="budget"):
            run(server, budget=str(sent), **prices)
        # The first is allowed. It is charged with 100, as the endpoint counts it.
        assert len(server.requests) > 8


def test_a_request_whose_answer_is_lost_may_have_cost_all_that_it_can(run: Runner, tmp_path: Path) -> None:
    prices = {"input_price": "0", "output_price": "1000000", "max_tokens": "100"}
    with Server(lambda _: Answer(drop=True)) as server:
        # After two, 200 may be spent, and 200 + 100 > 250.
        with pytest.raises(SystemFault, match=r"budget of 250 .* 200\.000000 is spent"):
            run(server, cache=tmp_path, budget="250", **prices)
        assert len(server.requests) == 2


def test_a_budget_over_folds_needs_somewhere_to_keep_what_was_spent(run: Runner) -> None:
    with Server(good) as server, pytest.raises(SystemFault, match="cache"):
        run(server, few=True, budget="1", input_price="1", output_price="1")


def test_requests_keep_their_distance(helpers: Callable[[str], Any]) -> None:
    now = [0.0]
    times = []
    pace = helpers("_llm_client").Pace(30, lambda: now[0], lambda seconds: now.__setitem__(0, now[0] + seconds))
    # 30 a minute: one every 2 seconds, from an empty bucket. The second request takes 3 seconds, so the next may go at
    # once; the time that it was late is not saved up, and the one after waits its 2 seconds.
    for work in (0.5, 3.0, 0.0, 0.0):
        pace.take()
        times.append(now[0])
        now[0] += work
    assert times == [2.0, 4.0, 7.0, 9.0]


def test_a_run_keeps_the_pace(tiny_corpus: Corpus) -> None:
    now = [0.0]
    # Loaded anew, it would have the clock of the machine again.
    system = replace(load_system(LLM), again=None)
    model: Any = system.predict.__self__  # type: ignore[attr-defined]
    model.clock = lambda: now[0]
    model.sleep = lambda seconds: now.__setitem__(0, now[0] + seconds)
    with Server(good) as server:
        options = {"model": "test", "base_url": server.url, "requests_per_minute": "120"}
        list(predictions(system, tiny_corpus, options=options))
    # 8 requests, half a second before each.
    assert now[0] == 4.0


@pytest.mark.parametrize(
    ("header", "now", "seconds"),
    [
        (None, 0, None),
        ("120", 0, 120),
        ("1.5", 0, 1.5),
        ("-3", 0, 0),
        ("inf", 0, None),
        ("nan", 0, None),
        ("", 0, None),
        ("tomorrow", 0, None),
        # The example of RFC 9110, 10.2.3; `date -u -d '1999-12-31 23:59:59' +%s` gives 946684799.
        ("Fri, 31 Dec 1999 23:59:59 GMT", 946684799 - 60, 60),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 946684799 + 60, 0),
        ("Fri, 31 Dec 1999 23:59:59 -0000", 946684799 - 60, 60),
    ],
)
def test_retry_after(header: str | None, now: float, seconds: float | None, helpers: Callable[[str], Any]) -> None:
    assert helpers("_llm_client").seconds_to_wait(header, now) == seconds


def test_backoff_doubles_up_to_a_minute(helpers: Callable[[str], Any]) -> None:
    backoff = helpers("_llm_client").backoff
    for attempt, longest in enumerate((1, 2, 4, 8, 16, 32, 60, 60), 1):
        delays = [backoff(attempt, random.Random(seed)) for seed in range(50)]
        assert longest / 2 <= min(delays) < max(delays) <= longest
        assert delays == [backoff(attempt, random.Random(seed)) for seed in range(50)]


# Secrets and gold


@pytest.mark.parametrize("status", [200, 401, 500])
@pytest.mark.parametrize("few", [False, True])
def test_the_key_is_nowhere(
    status: int,
    few: bool,
    tiny_folder: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_KEY", f"{KEY}\n")
    echo = f"Your Bearer {KEY} is {'x' * 250}{KEY}"  # A message is cut at 300 characters: within the second.
    # In an error, in an answer's text, as a refusal, in an item that is kept, in a page that is no completion.
    item = {"sentence": 0, "quote": "Vale", "kind": "name", "type": "GPE", "entity": KEY, "wikidata": KEY}
    script = [Answer(echo), completion(echo), completion({"mentions": [item]}), completion(None, refusal=echo)]
    script = script if status == 200 else [error(status, echo), *script]
    arguments = [
        *("baseline", f"{LLM}:few_shot" if few else str(LLM)),
        *("--gold", str(tiny_folder), "--output", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")),
        *("--option", "model=test", "--option", "key_variable=MY_KEY"),
    ]
    with Server(good, script) as server, pytest.raises(SystemExit) as stopped:
        cli.main([*arguments, "--option", f"base_url={server.url}", "--option", "retries=1"])
    # 500 and then a page that is no completion: two attempts, and the last fault is shown.
    assert stopped.value.code == (0 if status == 200 else 2)
    assert set(server.authorizations) == {f"Bearer {KEY}"}
    output = capfd.readouterr()
    assert (status == 200) == ("[key]" not in output.err)
    assert KEY not in output.out + output.err
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any("answers" in path.parts for path in written) == (status == 200)
    for path in written:
        assert KEY.encode() not in path.read_bytes(), path
        assert KEY[:8].encode() not in path.read_bytes(), path
    assert KEY[:8] not in output.out + output.err


@pytest.mark.parametrize("key", ["sk-test–0123456789", "sk-test\n0123456789", "sk-test 0123456789"])
def test_what_cannot_be_a_key_is_told_without_it(key: str, run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with Server(good) as server, pytest.raises(SystemFault, match="OPENAI_API_KEY holds what cannot be") as caught:
        run(server)
    assert "sk-test" not in str(caught.value)
    assert server.requests == []


def test_a_placeholder_is_no_secret(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    # Striking out "a" would spoil every answer.
    monkeypatch.setenv("OPENAI_API_KEY", "a")
    with Server(good) as server:
        assert list(map(plain, run(server))) == expected(run.corpus)


@pytest.fixture
def marked(tiny_folder: Path) -> Corpus:
    """The tiny corpus with gold that betrays from which document it is."""
    path = tiny_folder / "events" / "flood" / "gold.jsonl"
    lines = []
    for key, line in zip(("flood-0", "flood-1"), path.read_text(encoding="utf-8").splitlines(), strict=True):
        record = json.loads(line)
        for mention in record["entities"]:
            mention.update(entity=f"entity-{key}", kb_id="Q1000" if key == "flood-0" else "Q1001")
        for claim in record["claims"]:
            claim["source"] = f"source-{key}"
        for cell in record["stance"]:
            cell["label"] = "favor" if key == "flood-0" else "against"
            cell["evidence"] = [0, 1, 2] if key == "flood-0" else [1, 2, 3]
        for pair in record["verification"]:
            pair["label"] = "supported" if key == "flood-0" else "refuted"
        lines.append(json.dumps(record))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_corpus(tiny_folder)


GOLD = {
    "flood-0": ("entity-flood-0", "Q1000", "source-flood-0", '"label": "favor"', '"label": "supported"', "[0, 1, 2]"),
    "flood-1": ("entity-flood-1", "Q1001", "source-flood-1", '"label": "against"', '"label": "refuted"', "[1, 2, 3]"),
}


def test_few_shot_shows_gold_of_the_other_documents_only(marked: Corpus) -> None:
    with Server(nothing) as server:
        Runner(marked)(server, few=True)
    assert [asked_document(request) for request in server.requests] == ["flood-0"] * 4 + ["flood-1"] * 4
    for own, other in (("flood-0", "flood-1"), ("flood-1", "flood-0")):
        said = "".join(
            message["content"]
            for request in server.requests
            if asked_document(request) == own
            for message in request["messages"]
        )
        assert [mark for mark in GOLD[own] if mark in said] == []
        assert [mark for mark in GOLD[other] if mark not in said] == []


def test_zero_shot_shows_no_gold(marked: Corpus) -> None:
    with Server(nothing) as server:
        Runner(marked)(server)
    for request in server.requests:
        assert [message["role"] for message in request["messages"]] == ["system", "user"]
        said = request["messages"][0]["content"] + request["messages"][1]["content"]
        assert not any(mark in said for marks in GOLD.values() for mark in marks)


def test_examples_are_whole_documents_as_earlier_turns(run: Runner) -> None:
    with Server(good) as server:
        run(server, few=True, examples="1")
    request = server.requests[0]
    assert [message["role"] for message in request["messages"]] == ["system", "user", "assistant", "user"]
    # The gold of document 1, as the tiny corpus has it.
    assert json.loads(request["messages"][2]["content"]) == {
        "mentions": [
            {"sentence": 0, "quote": "Vale", "kind": "name", "type": "GPE", "entity": "vale", "wikidata": None},
            {"sentence": 1, "quote": "Bo Berg", "kind": "name", "type": "PER", "entity": "bo-berg", "wikidata": "Q11"},
        ]
    }
    # Entities of other documents are told; those of an example come from its own gold here, and are for its answer.
    assert "bo-berg" not in request["messages"][1]["content"]
    assert "- bo-berg (PER, Q11): Bo Berg" in request["messages"][3]["content"]
    assert "- vale (GPE, no id): Vale" in request["messages"][3]["content"]
    claims = json.loads(server.requests[2]["messages"][2]["content"])
    assert claims == {"claims": [{"sentence": 2, "quote": "Biayanya 7 juta", "source": "author"}]}
    verdicts = json.loads(server.requests[3]["messages"][2]["content"])["verdicts"]
    assert sorted(verdict["label"] for verdict in verdicts) == ["refuted", "refuted", "supported"]


@pytest.mark.parametrize("few", [False, True])
def test_prompts_show_every_document_of_the_corpus(few: bool) -> None:
    corpus = load_corpus()
    with Server(nothing) as server:
        found = Runner(corpus)(server, few=few)
    assert [record.document_id for record in found] == list(corpus.documents)
    claims = {claim.text for folder in corpus.events.values() for claim in folder.claims.values()}
    sent = iter(server.requests)
    for document in corpus.documents.values():
        event = corpus.events[document.event].event
        # Three layers, and the claims in batches of 25.
        requests = [next(sent) for _ in range(3 + -(-len(claims) // 25))]
        asked: list[str] = []
        for request in requests:
            system, last = request["messages"][0]["content"], request["messages"][-1]["content"]
            assert not any(mark in message["content"] for message in request["messages"] for mark in ("{{", "{%", "{#"))
            lines = last.splitlines()
            for number, span in enumerate(document.sentences):
                assert f"[{number}] {' '.join(document.text[span.start : span.end].split())}" in lines
            if layer_of(request) == "stance":
                for party in (*event.holders, *event.targets):
                    assert party.description.get(document.language, party.description["en"]) in system
            if layer_of(request) == "verification":
                asked += [line.split(": ", 1)[1] for line in lines[lines.index("Claims:") + 1 :]]
        assert len(asked) == len(set(asked))
        assert set(asked) == claims
    assert next(sent, None) is None


# Quotes


def document_of(*sentences: str) -> Document:
    """A document of these sentences, one after the other with a blank between them."""
    text = " ".join(sentences)
    spans, start = [], 0
    for sentence in sentences:
        spans.append(Span(start=start, end=start + len(sentence)))
        start += len(sentence) + 1
    return Document(
        document_id="made-up",
        event="flood",
        text=text,
        language="en",
        outlet=None,
        original_source=None,
        published=None,
        event_date="2024-05-06",
        seed="",
        seed_sha256="",
        zones=[Zone(start=0, end=len(text), zone="body")],
        paragraphs=[Span(start=0, end=len(text))],
        sentences=spans,
        rights="",
    )


@pytest.mark.parametrize(
    ("sentence", "quote", "found"),
    [
        ("Go to New\xa0York – now", "New York - now", "New\xa0York – now"),
        ("She said “no, it’s late” again", '"no, it\'s late"', "“no, it’s late”"),
        ("She said “no, it’s late” again", "'no, it's late'", "“no, it’s late”"),
        ("The anti‑war «Party»", 'anti-war "Party"', "anti‑war «Party»"),
        ("The dam costs 5 million.", "the dam costs 5 million", "The dam costs 5 million"),
        ("The dam costs 5 million", "“The dam costs 5 million.”", "The dam costs 5 million"),
        ("One  two\nthree", "One two three", "One  two\nthree"),
        ("🌊🌊 İstanbul and Bo", "Bo", "Bo"),
        ("It is in Oslo-based hands", "Oslo", "Oslo"),
        ("ISIS fell", "IS", None),
        ("A (b) [c] *", "(b) [c]", "(b) [c]"),
        ("Nothing here", "", None),
        ("Nothing here", "“”", None),
        ("Nothing here", "no thing", None),
    ],
)
def test_quotes_are_found_whatever_their_typography(
    sentence: str, quote: str, found: str | None, helpers: Callable[[str], Any]
) -> None:
    document = document_of("🌊 A beginning.", sentence)
    tally = helpers("_llm_client").Tally()
    places = helpers("_llm_answers").Quotes(document, tally).find(1, quote)
    assert [document.text[start:end] for start, end in places] == ([] if found is None else [found])
    assert tally.dropped_quotes == (found is None)
    assert tally.moved_quotes == 0


@pytest.mark.parametrize(
    ("sentence", "quote", "starts", "dropped", "moved"),
    [
        (0, "Bo", [0], 0, 0),
        (1, "Bo", [13, 22], 0, 0),  # Twice in the sentence.
        (1, "Ann", [8], 0, 1),  # Once in the document, in another sentence than said.
        (2, "Bo", [], 1, 0),  # Not in this one, and no telling which of the others.
        (99, "saw", [16], 0, 1),
        (-1, "sees", [3], 0, 1),
        (0, "Cy", [], 1, 0),
    ],
)
def test_repeated_quotes_need_their_sentence(
    sentence: int, quote: str, starts: list[int], dropped: int, moved: int, helpers: Callable[[str], Any]
) -> None:
    #                       0  3    8     13 16    22     26
    document = document_of("Bo sees Ann.", "Bo saw a Bo.", "Nobody else")
    tally = helpers("_llm_client").Tally()
    found = helpers("_llm_answers").Quotes(document, tally).find(sentence, quote)
    assert [start for start, _ in found] == starts
    assert (tally.dropped_quotes, tally.moved_quotes) == (dropped, moved)


def mention(quote: str, kind: str = "name", **changed: Any) -> dict[str, Any]:
    return {"sentence": 0, "quote": quote, "kind": kind, "type": "ORG", "entity": quote, "wikidata": None, **changed}


def test_a_mention_stands_for_all_its_occurrences_but_not_inside_a_name(helpers: Callable[[str], Any]) -> None:
    document = document_of("Vale asked the Vale Water Board, the Vale authority, and Vale.")
    items = [
        mention("Vale", type="GPE", entity="Vàle"),
        mention("Vale Water Board"),
        mention("Vale authority", "nominal", entity="vale water_board", wikidata="no idea"),
        mention("Vale", entity="repeated"),
        mention("nowhere"),
    ]
    tally = helpers("_llm_client").Tally()
    found = helpers("_llm_answers").to_mentions(items, document, tally)
    # Names lie in nominals, nothing lies in a name (guideline D3); the first item for a place counts.
    assert [(m.start, m.text, m.kind, m.type, m.entity, m.kb_id) for m in found] == [
        (0, "Vale", "name", "GPE", "vale", None),
        (15, "Vale Water Board", "name", "ORG", "vale-water-board", None),
        (37, "Vale authority", "nominal", "ORG", "vale-water-board", None),
        (37, "Vale", "name", "GPE", "vale", None),
        (57, "Vale", "name", "GPE", "vale", None),
    ]
    assert tally.dropped_quotes == 1


def test_a_claim_is_the_first_occurrence_that_is_not_taken(helpers: Callable[[str], Any]) -> None:
    document = document_of("“It rained, and it rained,” he said, which surprised us.", "He said “no.”", 'It "is.')
    quotes = [
        "it rained",
        "it rained",
        "it rained",
        "It rained, and it rained",
        "and it rained,” he said",
        "he said, which",
    ]
    items = [{"sentence": 0, "quote": quote, "source": "Bo Berg"} for quote in quotes]
    items += [
        {"sentence": 1, "quote": "He said “no.”", "source": "Author"},
        {"sentence": 2, "quote": '"is.', "source": ""},
    ]
    items += [{"sentence": 1, "quote": "“no.”", "source": "a"}, {"sentence": 1, "quote": ".”", "source": "a"}]
    tally = helpers("_llm_client").Tally()
    found = helpers("_llm_answers").to_claims(items, document, tally)
    # The exact wording goes before other cases: "it rained" is the second. A third time there is nothing left of it.
    assert [(c.start, c.text, c.source) for c in found] == [
        (1, "It rained, and it rained", "bo-berg"),
        (16, "it rained", "bo-berg"),
        (28, "he said, which", "bo-berg"),
        (57, "He said “no.”", "author"),
        (66, "no", "a"),
        (75, "is", "author"),
    ]
    # "and it rained,” he said" crosses the first; of the last quote nothing is left.
    assert (tally.invalid_items, tally.dropped_quotes) == (2, 0)


@pytest.mark.parametrize("typed", [lambda text: text, lambda text: text.translate(str.maketrans("“”’–\xa0", '""\'- '))])
def test_gold_that_is_quoted_is_found_again(typed: Callable[[str], str], helpers: Callable[[str], Any]) -> None:
    # As a model would quote that makes no mistake: once a sentence, with or without the document's typography.
    corpus = load_corpus()
    answers, tally = helpers("_llm_answers"), helpers("_llm_client").Tally()
    for key, document in corpus.documents.items():

        def quoted(start: int, end: int, document: Document = document) -> dict[str, Any]:
            sentence = next(n for n, s in enumerate(document.sentences) if s.start <= start and end <= s.end)
            return {"sentence": sentence, "quote": typed(document.text[start:end])}

        mentions = corpus.gold[key].entities or []
        labels = [
            {"kind": m.kind, "type": m.type, "entity": m.entity, "wikidata": m.kb_id, **quoted(m.start, m.end)}
            for m in mentions
        ]
        assert answers.to_mentions(labels, document, tally) == sorted(mentions, key=lambda m: (m.start, -m.end))
        claims = corpus.gold[key].claims or []
        found = answers.to_claims([{"source": c.source, **quoted(c.start, c.end)} for c in claims], document, tally)
        assert [(c.start, c.end, c.source) for c in found] == sorted(
            ((c.start, c.end, c.source) for c in claims), key=lambda c: (c[0], -c[1])
        )
    assert tally == helpers("_llm_client").Tally()


def test_prompts_name_nobody_of_the_corpus() -> None:
    # A template that speaks of an event would know it beforehand. Names stand as words, "US" not in "us".
    templates = sorted((LLM.parent / "prompts").glob("*.jinja"))
    text = "\n".join(template.read_text(encoding="utf-8") for template in templates)
    assert {template.stem for template in templates} >= {f"{layer}-1" for layer in ITEMS}
    corpus = load_corpus()
    wordings = {
        document.text[mention.start : mention.end]
        for key, document in corpus.documents.items()
        for mention in corpus.gold[key].entities or []
        if mention.kind == "name"
    }
    assert "Hamas" in wordings
    assert [wording for wording in sorted(wordings) if re.search(rf"\b{re.escape(wording)}\b", text)] == []
