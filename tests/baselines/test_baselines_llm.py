"""The language-model systems, against a local endpoint that behaves and misbehaves as endpoints do."""

from __future__ import annotations

import json
import os
import re
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from baseline_parts import document_of
from extras import helper_of, need
from llm_server import Answer, Request, Server, completion, error
from paths import BASELINES
from retold.cli import main as cli
from retold.corpus.load import Corpus, load_corpus
from retold.model.annotations import AnnotationRecord, Document, VerificationPair, encode
from retold.systems import Account, Question, SystemFault, load_system, predictions

need("llm", "openai")

LLM = BASELINES / "llm" / "llm.py"
FEW_SHOT = LLM.with_name("llm_few_shot.py")
KEY = "sk-test-0123456789abcdef"
ITEMS = {"entities": "mentions", "stance": "pairs", "claims": "claims", "verification": "verdicts"}
CLAIMS = ["The dam costs 5 million.", "The dam costs 7 million.", "The dam costs 9 million."]
VALE = {"sentence": 0, "quote": "Vale", "kind": "name", "type": "GPE", "entity": "vale", "wikidata": None}
BERG = {"sentence": 1, "quote": "Bo Berg", "kind": "name", "type": "PER", "entity": "bo-berg", "wikidata": "Q11"}

#: What a model that does as it is told answers about the documents of the tiny corpus; verdicts by claim.
GOOD: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("flood-0", "entities"): [VALE, BERG],
    ("flood-0", "stance"): [{"holder": "mayor", "target": "dam", "evidence": [1], "label": "favor"}],
    ("flood-0", "claims"): [{"sentence": 2, "quote": "The dam costs 5 million", "source": "author"}],
    ("flood-0", "verification"): [
        {"claim": "q1", "evidence": [2], "label": "supported"},
        {"claim": "q2", "evidence": [2], "label": "refuted"},
        {"claim": "q3", "evidence": [], "label": "not_enough_info"},
    ],
    ("flood-1", "entities"): [BERG],
    ("flood-1", "stance"): [],
    ("flood-1", "claims"): [{"sentence": 2, "quote": "Biayanya 7 juta", "source": "bo-berg"}],
    ("flood-1", "verification"): [
        {"claim": "q1", "evidence": [2], "label": "refuted"},
        {"claim": "q2", "evidence": [2], "label": "supported"},
        {"claim": "q3", "evidence": [2], "label": "refuted"},
    ],
}


def layer_of(request: Request) -> str:
    """What a request asks for; endpoints without schemas are told it in the first message."""
    if "response_format" in request and "json_schema" in request["response_format"]:
        return str(request["response_format"]["json_schema"]["name"])
    return next(layer for layer, key in ITEMS.items() if f'{{"{key}"' in request["messages"][0]["content"])


def asked_document(request: Request) -> str:
    """Which document of the tiny corpus a request is about: the last that it shows."""
    shown = [m["content"] for m in request["messages"] if m["role"] == "user" and "[0] " in m["content"]]
    return "flood-1" if "[0] Sungai" in shown[-1] else "flood-0"


def asked_claims(request: Request) -> dict[str, str]:
    """Label and text of each claim of a request for verdicts."""
    shown = next(m["content"] for m in reversed(request["messages"]) if "Claims:" in m["content"])
    return dict(re.findall(r"^(q\d+): (.*)$", shown.split("Claims:")[1], re.MULTILINE))


def items_of(request: Request) -> list[dict[str, Any]]:
    """The items of ``GOOD``; of verdicts, those on the claims of the batch."""
    items = GOOD[asked_document(request), layer_of(request)]
    if layer_of(request) == "verification":
        return [{**items[CLAIMS.index(text)], "claim": label} for label, text in asked_claims(request).items()]
    return items


def good(request: Request) -> Answer:
    return completion({ITEMS[layer_of(request)]: items_of(request)})


def nothing(request: Request) -> Answer:
    """Valid answers with nothing in them; every claim is open."""
    verdicts = layer_of(request) == "verification"
    open_items = (
        [{"claim": c, "evidence": [], "label": "not_enough_info"} for c in asked_claims(request)] if verdicts else []
    )
    return completion({ITEMS[layer_of(request)]: open_items})


def changed(layer: str, change: Callable[[list[dict[str, Any]]], Any], **how: Any) -> Callable[[Request], Answer]:
    """Good answers, but for those of one layer, which are changed."""
    return lambda request: completion(change(items_of(request)), **how) if layer_of(request) == layer else good(request)


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


class Runner:
    """Runs a system on a corpus against a server; ``report`` is that of the last run."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.report: dict[str, object] = {}

    def __call__(
        self, server: Server, *, system: Path = LLM, cache: Path | None = None, **options: str
    ) -> list[AnnotationRecord]:
        account = Account()
        self.report = account.report
        given = {"model": "test", "base_url": server.url, **options}
        loaded = load_system(system)
        # In this process, where time and certificates are replaced.
        made = predictions(loaded, self.corpus, options=given, cache=cache, account=account, isolated=False)
        return list(made)

    def counts(self) -> dict[str, object]:
        """The counts that are not 0, but for tokens."""
        return {k: v for k, v in self.report.items() if isinstance(v, int) and v and not k.endswith("_tokens")}


@pytest.fixture
def run(tiny_corpus: Corpus) -> Runner:
    return Runner(tiny_corpus)


@pytest.fixture
def answers() -> ModuleType:
    return helper_of(LLM, "_answers")


def told(record: AnnotationRecord) -> dict[str, list[Any]]:
    """What a record says. That its texts stand where its offsets are is checked by the runner."""
    return {
        "entities": [(m.text, m.kind, m.type, m.entity, m.kb_id) for m in record.entities or []],
        "stance": [(c.holder, c.target, c.label, c.evidence) for c in record.stance or [] if c.label != "none"],
        "claims": [(c.text, c.source) for c in record.claims or []],
        "verification": [(p.claim, p.label, p.evidence) for p in record.verification or []],
    }


#: What ``GOOD`` means.
TOLD: list[dict[str, list[Any]]] = [
    {
        "entities": [("Vale", "name", "GPE", "vale", None), ("Bo Berg", "name", "PER", "bo-berg", "Q11")],
        "stance": [("mayor", "dam", "favor", [1])],
        "claims": [("The dam costs 5 million", "author")],
        "verification": [
            ("dam-costs-5", "supported", [2]),
            ("dam-costs-7", "refuted", [2]),
            ("dam-costs-9", "not_enough_info", []),
        ],
    },
    {
        "entities": [("Bo Berg", "name", "PER", "bo-berg", "Q11")],
        "stance": [],
        "claims": [("Biayanya 7 juta", "bo-berg")],
        "verification": [
            ("dam-costs-5", "refuted", [2]),
            ("dam-costs-7", "supported", [2]),
            ("dam-costs-9", "refuted", [2]),
        ],
    },
]


# A run in which all is well


@pytest.mark.parametrize("system", [LLM, FEW_SHOT])
def test_predictions_and_report_of_a_good_model(system: Path, run: Runner) -> None:
    with Server(good) as server:
        found = run(server, system=system, input_price="2.5", output_price="10")
        assert run.report["endpoint"] == f"{server.url.removeprefix('http://')}/"
    assert list(map(told, found)) == TOLD
    # Two documents, four layers, the three claims in one batch.
    assert [layer_of(request) for request in server.requests] == list(ITEMS) * 2
    assert set(server.authorizations) == {f"Bearer {KEY}"}
    assert run.counts() == {"requests": 8}
    # 8 requests of 100 tokens at 2.5 and 20 tokens at 10 for a million: 8 * (250 + 200) / 1,000,000.
    assert (run.report["prompt_tokens"], run.report["completion_tokens"]) == (800, 160)
    assert run.report["cost"] == pytest.approx(0.0036)
    assert run.report["model"] == "test"
    assert str(run.report["prompts"]).startswith("1 (")


def test_verification_is_asked_in_batches(run: Runner) -> None:
    with Server(good) as server:
        assert list(map(told, run(server, batch="2", input_price="1"))) == TOLD
    assert run.report["cost"] is None  # There is no output_price.
    batches = [list(asked_claims(request)) for request in server.requests if layer_of(request) == "verification"]
    assert batches == [["q1", "q2"], ["q1"]] * 2


def objects_within(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for value in schema.values():
            yield from objects_within(value)


def test_schemas_suit_strict_modes_and_have_the_labels(run: Runner) -> None:
    with Server(good) as server:
        run(server)
    for request in server.requests:
        assert request["response_format"]["json_schema"]["strict"] is True
        parts = list(objects_within(request["response_format"]["json_schema"]["schema"]))
        # What strict modes ask for: https://platform.openai.com/docs/guides/structured-outputs
        assert [part["required"] for part in parts] == [list(part["properties"]) for part in parts]
        assert [part["additionalProperties"] for part in parts] == [False, False]
        assert all(set(item) == set(parts[1]["properties"]) for item in items_of(request))
    texts = json.dumps([request["response_format"] for request in server.requests])
    for label in ("favor", "against", "supported", "refuted", "not_enough_info", "NORP", "nominal", "q3"):
        assert f'"{label}"' in texts


@pytest.mark.parametrize(
    ("structured", "sent"), [("json_schema", "json_schema"), ("json_object", "json_object"), ("none", None)]
)
def test_endpoints_without_schemas_are_told_the_schema_in_words(structured: str, sent: str | None, run: Runner) -> None:
    with Server(good) as server:
        assert list(map(told, run(server, structured=structured))) == TOLD
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


def test_address_and_key_come_from_the_environment(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    # A server of one's own needs no key.
    monkeypatch.delenv("OPENAI_API_KEY")
    with Server(good) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        assert list(map(told, run(server, base_url=""))) == TOLD


# What goes wrong once is got over


def mentions(**changes: Any) -> dict[str, Any]:
    return {"mentions": [{**VALE, **changes}, BERG]}


FENCED = f"Here it is:\n```json\n{json.dumps(mentions())}\n```\nAnything else?"
THOUGHT = f'<think>Perhaps {{"mentions": 1}}? No.</think>{json.dumps(mentions())}'
#: The first answers of a run -> what the report then counts beside the requests, and what a repair says was wrong.
ONCE: dict[str, tuple[list[Answer], dict[str, int], str]] = {
    "429": ([error(429, retry_after="7")], {"retries": 1}, ""),
    "500 twice": ([error(500), error(500)], {"retries": 2}, ""),
    "502 with a page": ([Answer("<h1>Bad gateway</h1>", 502)], {"retries": 1}, ""),
    "timeout": ([Answer(delay=0.2)], {"retries": 1}, ""),
    "dropped": ([Answer(drop=True)], {"retries": 1}, ""),
    "code fence": ([completion(FENCED)], {}, ""),
    "thoughts": ([completion(THOUGHT)], {}, ""),
    "offsets": ([completion(mentions(start=3, end=1, offset=99))], {}, ""),
    "no usage": ([completion(mentions(), usage=None)], {"unmetered_requests": 1}, ""),
    "broken JSON": ([completion('{"mentions": [{"a" 1}]}')], {"repairs": 1}, "It is not valid JSON"),
    "no JSON": ([completion("I found two.")], {"repairs": 1}, "It is not valid JSON"),
    "a list": ([completion([GOOD["flood-0", "entities"]])], {"repairs": 1}, "It is not valid JSON"),
    "wrong keys": ([completion({"entities": []})], {"repairs": 1}, "must have the key 'mentions'"),
    "missing key": (
        [completion({"mentions": [{"quote": "Vale"}]})],
        {"repairs": 1},
        "Item 0, sentence: Field required",
    ),
    "unknown label": (
        [completion(mentions(type="CITY"))],
        {"repairs": 1},
        "Item 0, type: Input should be 'PER', 'ORG'",
    ),
    "wrong type": (
        [completion(mentions(sentence="first"))],
        {"repairs": 1},
        "Item 0, sentence: Input should be a valid",
    ),
    "no content": ([completion(None)], {"repairs": 1}, "It is not valid JSON"),
    "refusal": ([completion(None, refusal="I cannot.")], {"repairs": 1, "refusals": 1}, "I cannot."),
    "filtered": ([completion("", finish="content_filter")], {"repairs": 1, "refusals": 1}, "You did not answer"),
    "cut off": ([completion('{"mentions": [{"s', finish="length")], {"repairs": 1, "truncated": 1}, "was cut off"),
}


@pytest.mark.parametrize("case", ONCE)
def test_one_bad_answer_changes_nothing(case: str, run: Runner, waits: list[float]) -> None:
    script, counted, fault = ONCE[case]
    with Server(good, script) as server:
        found = run(server, timeout="0.1" if case == "timeout" else "20")
    assert list(map(told, found)) == TOLD
    again = counted.get("retries", 0) + counted.get("repairs", 0)
    assert run.counts() == {"requests": 8 + again, **counted}
    assert len(server.requests) == 8 + again
    assert len(waits) == counted.get("retries", 0)
    assert case != "429" or waits == [7]
    if fault:
        # A repair is the same request again with the answer and what was wrong with it.
        first, second = (request["messages"] for request in server.requests[:2])
        assert second[:-2] == first
        assert [message["role"] for message in second[-2:]] == ["assistant", "user"]
        assert all(message["content"] for message in second[-2:])
        assert fault in second[-1]["content"]


# What stays wrong is left out and counted


def test_a_model_that_always_refuses_gets_the_defaults(run: Runner) -> None:
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
    fallbacks = {"fallback_entities": 2, "fallback_stance": 2, "fallback_claims": 2, "fallback_verification": 6}
    assert run.counts() == {"requests": 16, "repairs": 8, "refusals": 16, **fallbacks}


def test_invalid_items_are_left_out_and_the_others_kept(run: Runner) -> None:
    with Server(changed("verification", lambda v: {"verdicts": [{**v[0], "label": "true"}, *v[1:]]})) as server:
        found = run(server)
    for record, wanted in zip(map(told, found), TOLD, strict=True):
        assert record == {
            **wanted,
            "verification": [("dam-costs-5", "not_enough_info", []), *wanted["verification"][1:]],
        }
    assert run.counts() == {"requests": 10, "repairs": 2, "invalid_items": 2, "fallback_verification": 2}


def test_of_two_imperfect_answers_the_better_one_is_used(run: Runner) -> None:
    # Two of three verdicts, and one when asked again.
    items = GOOD["flood-0", "verification"]
    imperfect = iter([items[:2], items[2:]])
    asked_twice = changed("verification", lambda found: {"verdicts": next(imperfect, found)})
    with Server(asked_twice) as server:
        found = run(server)
    assert "There is no claim q3." in server.requests[4]["messages"][-1]["content"]
    assert told(found[0]) == TOLD[0]
    assert run.report["fallback_verification"] == 1


@pytest.mark.parametrize("broken", ["", '"quote" Bo}]}'], ids=["truncated", "broken"])
def test_items_before_the_end_of_valid_json_are_kept(broken: str, run: Runner) -> None:
    def spoiled(items: list[dict[str, Any]]) -> str:
        text = json.dumps({"mentions": items}, ensure_ascii=False)
        return text[: text.rindex('"kind"')] + broken  # In the middle of the last item.

    with Server(changed("entities", spoiled, finish="stop" if broken else "length")) as server:
        found = run(server)
    assert told(found[0])["entities"] == TOLD[0]["entities"][:1]
    assert told(found[1])["entities"] == []
    assert (run.report["truncated"], run.report["fallback_entities"]) == (0 if broken else 4, 1)


def test_a_truncated_batch_is_halved(run: Runner) -> None:
    def answer(request: Request) -> Answer:
        if layer_of(request) == "verification" and len(asked_claims(request)) > 1:
            return completion('{"verdicts": [', finish="length")
        return good(request)

    with Server(answer) as server:
        assert list(map(told, run(server))) == TOLD
    sizes = [len(asked_claims(request)) for request in server.requests if layer_of(request) == "verification"]
    # Three; one and two; of the two, one and one.
    assert sizes == [3, 1, 2, 1, 1] * 2
    assert (run.report["halved_batches"], run.report["repairs"]) == (4, 0)


def test_evidence_that_a_document_does_not_have_is_dropped(run: Runner) -> None:
    def add(items: list[dict[str, Any]]) -> Any:
        return {"verdicts": [{**item, "evidence": [99, -1, *item["evidence"], *item["evidence"]]} for item in items]}

    with Server(changed("verification", add)) as server:
        assert list(map(told, run(server))) == TOLD
    # Two for each of the five verdicts that rest on sentences.
    assert run.report["dropped_evidence"] == 10


# What does not pass ends the run


@pytest.mark.parametrize(
    ("answer", "said", "requests"),
    [
        (error(400, "unknown response_format"), "HTTP 400: unknown response_format; if the endpoint does not know", 1),
        (error(401, "bad key"), "HTTP 401: bad key; check the key in OPENAI_API_KEY", 1),
        (error(404, "no such model"), "HTTP 404: no such model; check the options model and base_url", 1),
        (error(503, "busy"), "HTTP 503: busy", 3),
        (Answer(drop=True), "Connection error. (", 3),
        (Answer(delay=0.2), "Request timed out.", 3),
        (Answer("<h1>Welcome</h1>"), "the response is not a chat completion: <h1>Welcome</h1>", 1),
        (Answer({"choices": []}), "the response is not a chat completion", 1),
    ],
)
def test_an_endpoint_that_fails_ends_the_run(answer: Answer, said: str, requests: int, run: Runner) -> None:
    with Server(lambda _: answer) as server:
        with pytest.raises(SystemFault, match=r"^llm at flood-0: 127\.0\.0\.1:\d+/v1/: ") as caught:
            run(server, retries="2", timeout="0.1")
        assert len(server.requests) == requests
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": " "}, "option model: name the model as the endpoint calls it, --option model=NAME"),
        ({"temperature": "warm"}, "option temperature: Input should be a valid number"),
        ({"retries": "1.5"}, "option retries: Input should be a valid integer"),
        ({"timeout": "nan"}, "option timeout: Input should be a finite number"),
        ({"structured": "yaml"}, "option structured: Input should be 'json_schema', 'json_object' or 'none'"),
        ({"base_url": "localhost:80"}, "option base_url: URL scheme should be 'http' or 'https'"),
        ({"base_url": "http://me:secret@localhost/v1"}, "must not contain a user, a password or a query"),
        ({"base_url": "http://localhost/v1?key=secret"}, "must not contain a user, a password or a query"),
        ({"base_url": "http://me:secret"}, "option base_url: Input should be a valid URL"),
    ],
)
def test_a_wrong_option_ends_the_run_before_anything_is_sent(options: dict[str, str], said: str, run: Runner) -> None:
    with Server(good) as server, pytest.raises(SystemFault) as caught:
        run(server, **options)
    assert server.requests == []
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("OPENAI_BASE_URL", "http://me:secret", "OPENAI_BASE_URL: not a valid URL"),
        ("OPENAI_API_KEY", "secret–0123456789", "OPENAI_API_KEY: contains"),
        ("OPENAI_API_KEY", "secret\n0123456789", "OPENAI_API_KEY: contains"),
    ],
)
def test_a_wrong_variable_ends_the_run_without_repeating_it(
    variable: str, value: str, said: str, run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with Server(good) as server, pytest.raises(SystemFault) as caught:
        run(server, base_url="")
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("package", ["openai", "pydantic"])
def test_a_missing_package_names_the_extra(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SystemFault, match=r"pip install 'retold\[llm\]'"):
        load_system(LLM)


@pytest.mark.parametrize("taken", ["llm", "llm/answers"])
def test_an_unusable_cache_folder_is_an_error(taken: str, run: Runner, tmp_path: Path) -> None:
    (tmp_path / taken).parent.mkdir(exist_ok=True)
    (tmp_path / taken).write_text("a file", encoding="utf-8")
    with Server(good) as server, pytest.raises(SystemFault, match="cannot write to the cache folder: "):
        run(server, cache=tmp_path)


# Cache


def test_a_second_run_asks_nothing_and_says_the_same(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(good, [completion("I found two."), error(500)]) as server:
        first = run(server, cache=tmp_path, input_price="1", output_price="1")
        monkeypatch.delenv("OPENAI_API_KEY")
        second = run(server, cache=tmp_path, input_price="1", output_price="1")
        assert len(server.requests) == 10
    assert list(map(encode, second)) == list(map(encode, first))
    assert run.counts() == {"cached": 9, "repairs": 1}
    assert run.report["cost"] == 0


@pytest.mark.parametrize(
    "option", [{"model": "other"}, {"temperature": "1"}, {"max_tokens": "9"}, {"structured": "none"}]
)
def test_another_request_is_asked_anew(option: dict[str, str], run: Runner, tmp_path: Path) -> None:
    with Server(good) as server:
        run(server, cache=tmp_path)
        run(server, cache=tmp_path, **option)
    assert run.counts() == {"requests": 8}


@pytest.mark.parametrize("broken", [b"", b"{", b"\xff", b'{"request": {}, "reply": {"content": 1}}'])
def test_a_broken_file_of_the_cache_is_asked_again(broken: bytes, run: Runner, tmp_path: Path) -> None:
    with Server(good) as server:
        run(server, cache=tmp_path)
        kept = sorted((tmp_path / "llm" / "answers").glob("*.json"))
        kept[3].write_bytes(broken)
        assert list(map(told, run(server, cache=tmp_path))) == TOLD
        assert run.counts() == {"requests": 1, "cached": 7}
        run(server, cache=tmp_path)
        assert run.counts() == {"cached": 8}


def test_an_interrupted_run_resumes_from_the_cache(run: Runner, tmp_path: Path) -> None:
    with Server(good) as server:
        server.then = lambda request: good(request) if len(server.requests) < 6 else error(401)
        with pytest.raises(SystemFault):
            run(server, cache=tmp_path)
        server.then = good
        assert list(map(told, run(server, cache=tmp_path))) == TOLD
    assert run.counts() == {"requests": 3, "cached": 5}


# Secrets and gold


@pytest.mark.parametrize("status", [200, 401, 500])
@pytest.mark.parametrize("system", [LLM, FEW_SHOT])
def test_the_key_is_in_no_file_and_no_message(
    status: int,
    system: Path,
    tiny_folder: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\n")
    echo = f"Your Bearer {KEY} is {'x' * 250}{KEY}"  # A message is cut at 300 characters: within the second.
    # In an error, in an answer's text, as a refusal, in an item that is kept.
    item = {**VALE, "entity": KEY, "wikidata": KEY}
    script = [completion(echo), completion({"mentions": [item]}), completion(None, refusal=echo)]
    script = script if status == 200 else [error(status, echo), error(status, echo)]
    command = f"run {system} --gold {tiny_folder} --output {tmp_path}/out --cache {tmp_path}/cache --option model=test"
    with Server(good, script) as server, pytest.raises(SystemExit) as stopped:
        cli.main([*command.split(), "--option", "retries=1", "--option", f"base_url={server.url}"])
    assert stopped.value.code == (0 if status == 200 else 2)
    assert set(server.authorizations) == {f"Bearer {KEY}"}
    output = capfd.readouterr()
    assert (status == 200) == ("[key]" not in output.err)
    assert KEY[:8] not in output.out + output.err
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any("answers" in path.parts for path in written) == (status == 200)
    assert [path for path in written if KEY[:8].encode() in path.read_bytes()] == []


def test_a_placeholder_key_is_not_redacted(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    # Striking out "a" would spoil every answer.
    monkeypatch.setenv("OPENAI_API_KEY", "a")
    with Server(good) as server:
        assert list(map(told, run(server))) == TOLD


GOLD = {
    "flood-0": ("entity-flood-0", "Q1000", "source-flood-0", '"label": "favor"', '"label": "supported"', "[0, 1, 2]"),
    "flood-1": ("entity-flood-1", "Q1001", "source-flood-1", '"label": "against"', '"label": "refuted"', "[1, 2, 3]"),
}


@pytest.fixture
def marked(tiny_folder: Path) -> Corpus:
    """The tiny corpus with gold that betrays from which document it is: the marks of ``GOLD``."""
    path = tiny_folder / "events" / "flood" / "gold.jsonl"
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for number, record in enumerate(records):
        for mention in record["entities"]:
            mention.update(entity=f"entity-flood-{number}", kb_id=f"Q100{number}")
        for claim in record["claims"]:
            claim["source"] = f"source-flood-{number}"
        for cell in record["stance"]:
            cell.update(label=["favor", "against"][number], evidence=[number, number + 1, number + 2])
        for pair in record["verification"]:
            pair["label"] = ["supported", "refuted"][number]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return load_corpus(tiny_folder)


def test_few_shot_shows_gold_of_the_other_documents_only(marked: Corpus) -> None:
    with Server(nothing) as server:
        Runner(marked)(server, system=FEW_SHOT)
    assert [asked_document(request) for request in server.requests] == ["flood-0"] * 4 + ["flood-1"] * 4
    for own, other in (("flood-0", "flood-1"), ("flood-1", "flood-0")):
        requests = [request for request in server.requests if asked_document(request) == own]
        said = "".join(message["content"] for request in requests for message in request["messages"])
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
        run(server, system=FEW_SHOT, examples="1")
    turns = [[json.loads(m["content"]) for m in r["messages"] if m["role"] == "assistant"] for r in server.requests]
    # The gold of document 1, as the tiny corpus has it.
    assert turns[0] == [{"mentions": [VALE, BERG]}]
    assert turns[2] == [{"claims": [{"sentence": 2, "quote": "Biayanya 7 juta", "source": "author"}]}]
    assert sorted(verdict["label"] for verdict in turns[3][0]["verdicts"]) == ["refuted", "refuted", "supported"]
    # Entities of other documents are told; those of an example come from its own gold here, and are for its answer.
    messages = server.requests[0]["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    assert "bo-berg" not in messages[1]["content"]
    assert "- bo-berg (PER, Q11): Bo Berg" in messages[3]["content"]
    assert "- vale (GPE, no id): Vale" in messages[3]["content"]


@pytest.mark.parametrize("system", [LLM, FEW_SHOT])
def test_prompts_show_every_document_of_the_corpus(system: Path) -> None:
    corpus = load_corpus()
    with Server(nothing) as server:
        found = Runner(corpus)(server, system=system)
    assert [record.document_id for record in found] == list(corpus.documents)
    claims = {claim.text for folder in corpus.events.values() for claim in folder.claims.values()}
    sent = iter(server.requests)
    for document in corpus.documents.values():
        event = corpus.events[document.event].event
        asked: list[str] = []
        # Three layers, and the claims in batches of 25.
        for request in [next(sent) for _ in range(3 + -(-len(claims) // 25))]:
            told, last = request["messages"][0]["content"], request["messages"][-1]["content"]
            assert not any(mark in message["content"] for message in request["messages"] for mark in ("{{", "{%", "{#"))
            lines = last.splitlines()
            for number, span in enumerate(document.sentences):
                assert f"[{number}] {' '.join(document.text[span.start : span.end].split())}" in lines
            if layer_of(request) == "stance":
                for party in (*event.holders, *event.targets):
                    assert party.description.get(document.language, party.description["en"]) in told
            if layer_of(request) == "verification":
                asked += asked_claims(request).values()
        assert sorted(asked) == sorted(claims)
    assert next(sent, None) is None


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


# Quotes and records


@pytest.mark.parametrize(
    ("sentence", "quote", "found"),
    [
        ("Go to New\xa0York – now", "New York - now", "New\xa0York – now"),
        ("She said “no, it’s late” again", '"no, it\'s late"', "“no, it’s late”"),
        ("The anti‑war «Party»", 'anti-war "Party"', "anti‑war «Party»"),
        ("The dam costs 5 million.", "the dam costs 5 million", "The dam costs 5 million"),
        ("The dam costs 5 million", "“The dam costs 5 million.”", "The dam costs 5 million"),
        ("One  two\nthree", "One two three", "One  two\nthree"),
        ("🌊🌊 İstanbul and Bo", "Bo", "Bo"),
        ("It is in Oslo-based hands", "Oslo", "Oslo"),
        ("ISIS fell", "IS", None),
        ("A (b) [c] *", "(b) [c]", "(b) [c]"),
        ("Nothing here", "", None),
        ("Nothing here", "no thing", None),
    ],
)
def test_quotes_are_found_whatever_their_typography(
    sentence: str, quote: str, found: str | None, answers: ModuleType
) -> None:
    document, counts = document_of("🌊 A beginning.", sentence), answers.Counts()
    spans = answers.Quotes(document, counts).find(1, quote)
    assert [document.text[start:end] for start, end in spans] == ([] if found is None else [found])
    assert counts == answers.Counts(dropped_quotes=int(found is None))


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
def test_quotes_in_another_sentence_must_be_unique(
    sentence: int, quote: str, starts: list[int], dropped: int, moved: int, answers: ModuleType
) -> None:
    #                       0  3    8     13 16    22     26
    document = document_of("Bo sees Ann.", "Bo saw a Bo.", "Nobody else")
    counts = answers.Counts()
    found = answers.Quotes(document, counts).find(sentence, quote)
    assert [start for start, _ in found] == starts
    assert counts == answers.Counts(dropped_quotes=dropped, moved_quotes=moved)


def test_to_mentions_marks_all_occurrences_but_none_inside_a_name(answers: ModuleType) -> None:
    document = document_of("Vale asked the Vale Water Board, the Vale authority, and Vale.")
    items = [
        {**VALE, "entity": "Vàle"},
        {**VALE, "quote": "Vale Water Board", "type": "ORG", "entity": "Vale Water Board"},
        {**VALE, "quote": "Vale authority", "kind": "nominal", "entity": "vale water_board", "wikidata": "no idea"},
        {**VALE, "entity": "repeated"},
        {**VALE, "quote": "nowhere"},
    ]
    counts = answers.Counts()
    found = answers.to_mentions(items, document, counts)
    # Names lie in nominals, nothing lies in a name (guideline D3); the first item for a span counts.
    assert [(m.start, m.text, m.kind, m.type, m.entity, m.kb_id) for m in found] == [
        (0, "Vale", "name", "GPE", "vale", None),
        (15, "Vale Water Board", "name", "ORG", "vale-water-board", None),
        (37, "Vale authority", "nominal", "GPE", "vale-water-board", None),
        (37, "Vale", "name", "GPE", "vale", None),
        (57, "Vale", "name", "GPE", "vale", None),
    ]
    assert counts == answers.Counts(dropped_quotes=1)


def test_to_claims_takes_the_first_occurrence_that_is_free(answers: ModuleType) -> None:
    document = document_of("“It rained, and it rained,” he said, which surprised us.", "He said “no.”", 'It "is.')
    rained = ["it rained"] * 3 + ["It rained, and it rained", "and it rained,” he said", "he said, which"]
    quotes = [(0, quote, "Bo Berg") for quote in rained]
    quotes += [(1, "He said “no.”", "Author"), (2, '"is.', ""), (1, "“no.”", "a"), (1, ".”", "a")]
    counts = answers.Counts()
    items = [{"sentence": sentence, "quote": quote, "source": source} for sentence, quote, source in quotes]
    found = answers.to_claims(items, document, counts)
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
    assert counts == answers.Counts(invalid_items=2)


def test_to_pairs_gives_at_most_five_sentences(answers: ModuleType) -> None:
    # As many as count for the strict measure.
    item = {"claim": "q1", "evidence": [6, 5, 4, 3, 2, 1, 0], "label": "supported"}
    found = answers.to_pairs([item], [Question("rain", "It rained.")], document_of(*"abcdefg"), answers.Counts())
    assert found == [VerificationPair(claim="rain", label="supported", evidence=[0, 1, 2, 3, 4])]


@pytest.mark.parametrize("typed", [lambda text: text, lambda text: text.translate(str.maketrans("“”’–\xa0", '""\'- '))])
def test_quoted_gold_is_found_again(typed: Callable[[str], str], answers: ModuleType) -> None:
    # As a model would quote that makes no mistake: once a sentence, with or without the document's typography.
    corpus, counts = load_corpus(), answers.Counts()
    for key, document in corpus.documents.items():

        def quoted(span: Any, document: Document = document) -> dict[str, Any]:
            sentence = next(n for n, s in enumerate(document.sentences) if s.start <= span.start and span.end <= s.end)
            return {"sentence": sentence, "quote": typed(document.text[span.start : span.end])}

        gold = corpus.gold[key].entities or []
        items = [{"kind": m.kind, "type": m.type, "entity": m.entity, "wikidata": m.kb_id, **quoted(m)} for m in gold]
        found = answers.to_mentions(items, document, counts)
        claims = corpus.gold[key].claims or []
        stated = answers.to_claims([{"source": c.source, **quoted(c)} for c in claims], document, counts)
        assert [(m.start, m.end, m.kind, m.type, m.entity, m.kb_id) for m in found] == [
            (m.start, m.end, m.kind, m.type, m.entity, m.kb_id) for m in sorted(gold, key=lambda m: (m.start, -m.end))
        ]
        assert [(c.start, c.end, c.source) for c in stated] == [
            (c.start, c.end, c.source) for c in sorted(claims, key=lambda c: (c.start, -c.end))
        ]
    assert counts == answers.Counts()
