"""Asking an OpenAI-compatible endpoint, so that a long run survives what endpoints do.

Failures that may pass (429, 500, 502, 503, 504, a timeout, a dropped connection, an answer that is no chat completion)
are tried again, with exponential back-off and jitter and never before the time that the endpoint names (Retry-After,
RFC 9110). All others end the run with a message. Answers come from the cache where it has them. The key is struck out
of whatever an endpoint sends back.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from ._llm_cache import AnswerCache, Ledger, Reply, digest_of
from ._llm_settings import UNREADABLE, LanguageModelFault, Settings

__all__ = ["Ask", "Client", "Message", "Pace", "Tally", "backoff", "seconds_to_wait"]

Message = dict[str, str]

#: Failures that may pass.
PASSING: Final = frozenset({429, 500, 502, 503, 504})
#: Seconds: the longest back-off, and the longest time that an endpoint may ask a run to wait.
LONGEST_BACKOFF: Final = 60.0
LONGEST_WAIT: Final = 600.0
#: Characters from which a key is taken for a secret. A shorter one ("none", "EMPTY") is a placeholder for an endpoint
#: that wants any, and striking it out would spoil answers.
SECRET: Final = 8
_HINTS: Final = {
    400: "; if it knows no such parameter, see the options structured, limit_parameter and temperature",
    401: "; is the key in {key_variable} right?",
    403: "; may the key in {key_variable} use this model?",
    404: "; does it have the model {model}, and is base_url right?",
}


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    """The parts of a chat completion that are used. The endpoint's own types are not, for endpoints leave parts out."""

    choices: list[_Choice]
    usage: _Usage | None = None


@dataclass(slots=True)
class Tally:
    """What a run did. Numbers, and flat, so that those of several folds can be added."""

    requests: int = 0
    cached: int = 0
    retries: int = 0
    repairs: int = 0
    refusals: int = 0
    truncated: int = 0
    halved_batches: int = 0
    invalid_items: int = 0
    dropped_quotes: int = 0
    moved_quotes: int = 0
    dropped_evidence: int = 0
    fallback_entities: int = 0
    fallback_stance: int = 0
    fallback_claims: int = 0
    fallback_verification: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    unmetered_requests: int = 0

    def as_dict(self) -> dict[str, object]:
        """All counts by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request: the messages, the schema of the answer and its name, the version of the prompts."""

    name: str
    messages: Sequence[Message]
    schema: Mapping[str, Any]
    prompts: str


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why there is no answer; ``wait``: seconds that the endpoint names; ``lost``: it may have worked, and charge."""

    message: str
    passing: bool
    wait: float | None = None
    lost: bool = False


class Pace:
    """A token bucket that holds one token and starts empty: requests are at least 60 / ``per_minute`` seconds apart.

    It starts empty so that the pace also holds where the system was loaded anew a moment ago.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._interval = 60 / per_minute if per_minute else 0.0
        self._clock = clock
        self._sleep = sleep
        self._full = clock() + self._interval

    def take(self) -> None:
        """Wait for the token and take it."""
        wait = self._full - self._clock()
        if wait > 0:
            self._sleep(wait)
        self._full = max(self._full, self._clock()) + self._interval


def seconds_to_wait(header: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header names, as a number or as an HTTP date; None where it names none.

    Args:
        header: its value.
        now: seconds since 1970.
    """
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            moment = parsedate_to_datetime(header)
        except ValueError:
            return None
        # A date without a zone is in UTC, as all HTTP dates are.
        seconds = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - now
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def backoff(attempt: int, draw: random.Random) -> float:
    """Seconds before retry ``attempt`` (from 1): 1, 2, 4 … 60, less up to a half by chance."""
    return float(min(LONGEST_BACKOFF, 2.0 ** (attempt - 1)) * (0.5 + draw.random() / 2))


class Client:
    """Asks one model of one endpoint.

    Args:
        settings: options of the run.
        cache: where answers are looked for and kept.
        ledger: function from the endpoint's name to what was spent there.
        tally: takes what is done.
        seed: of the jitter.
        clock, sleep, now: monotonic seconds, waiting, seconds since 1970.
    """

    def __init__(
        self,
        settings: Settings,
        cache: AnswerCache,
        ledger: Callable[[str], Ledger],
        tally: Tally,
        *,
        seed: int,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        now: Callable[[], float],
    ) -> None:
        import openai

        # A run that finds all its answers in the cache needs no key; one that sends is refused without.
        try:
            self._openai = openai.OpenAI(
                api_key=settings.key or "none",
                base_url=settings.base_url or None,
                timeout=settings.timeout,
                max_retries=0,
            )
            parts = urlsplit(str(self._openai.base_url))
            port = f":{parts.port}" if parts.port else ""
        except Exception:
            # Which error an address raises depends on the HTTP library that openai uses.
            where = "option base_url" if settings.base_url else "the environment variable OPENAI_BASE_URL"
            raise LanguageModelFault(UNREADABLE.format(where)) from None
        #: Where it asks: host, port and path, without user and password.
        self.endpoint = f"{parts.hostname}{port}{parts.path}"
        self.cost = 0.0
        self._settings = settings
        self._cache = cache
        self._ledger = ledger(self.endpoint)
        self._tally = tally
        self._pace = Pace(settings.requests_per_minute, clock, sleep)
        self._draw = random.Random(seed)
        self._sleep = sleep
        self._now = now

    def close(self) -> None:
        """Close the connections."""
        self._openai.close()

    def ask(self, ask: Ask) -> Reply:
        """The answer to a request, from the cache or from the endpoint.

        Raises:
            LanguageModelFault: the endpoint refuses or keeps failing, or the budget does not allow to ask.
        """
        payload = self._payload(ask)
        about = {
            "model": self._settings.model,
            "endpoint": self.endpoint,
            "prompts": ask.prompts,
            "layer": ask.name,
            "temperature": self._settings.temperature,
        }
        # The payload has the messages and whatever else is sent; the schema may only be told in words.
        digest = digest_of({**about, "schema": ask.schema, "payload": payload})
        reply = self._cache.get(digest)
        if reply is not None:
            self._tally.cached += 1
            return reply
        reply = self._send(payload)
        self._cache.put(digest, reply, about)
        return reply

    def _payload(self, ask: Ask) -> dict[str, Any]:
        payload: dict[str, Any] = {
            "model": self._settings.model,
            "messages": list(ask.messages),
            self._settings.limit_parameter: self._settings.max_tokens,
        }
        if self._settings.temperature is not None:
            payload["temperature"] = self._settings.temperature
        if self._settings.structured == "json_schema":
            named = {"name": ask.name, "strict": True, "schema": ask.schema}
            payload["response_format"] = {"type": "json_schema", "json_schema": named}
        elif self._settings.structured == "json_object":
            payload["response_format"] = {"type": "json_object"}
        return payload

    def _send(self, payload: dict[str, Any]) -> Reply:
        if not self._settings.key:
            raise LanguageModelFault(
                f"the environment variable {self._settings.key_variable} holds no key; an endpoint that needs none "
                "takes any word"
            )
        most = self._most(payload)
        failure = _Failure("", passing=True)
        for attempt in range(self._settings.retries + 1):
            self._hold_budget(most)
            if attempt:
                self._tally.retries += 1
                self._sleep(max(backoff(attempt, self._draw), failure.wait or 0.0))
            self._pace.take()
            self._tally.requests += 1
            outcome = self._attempt(payload)
            if isinstance(outcome, Reply):
                self._charge(outcome, most)
                return outcome
            failure = outcome
            if failure.lost:
                self._tally.unmetered_requests += 1
                self._ledger.add(most)
            if not failure.passing:
                raise LanguageModelFault(failure.message)
            if failure.wait is not None and failure.wait > LONGEST_WAIT:
                raise LanguageModelFault(f"{failure.message}; it asks to wait {failure.wait:.0f} seconds")
        times = self._settings.retries + 1
        raise LanguageModelFault(f"{failure.message}; given up after {times} attempt{'s' if times > 1 else ''}")

    def _attempt(self, payload: dict[str, Any]) -> Reply | _Failure:
        """Send once. Errors of the openai package hold what the endpoint sent, so none of them leaves this function."""
        import openai

        try:
            raw = self._openai.chat.completions.with_raw_response.create(**payload)
            body = raw.http_response.text
        except openai.APITimeoutError:
            return _Failure(f"{self.endpoint}: no answer in {self._settings.timeout:g} seconds", True, lost=True)
        except openai.APIConnectionError as error:
            reason = self._clean(str(error.__cause__ or error))
            return _Failure(f"{self.endpoint}: the connection failed ({reason})", True, lost=True)
        except openai.APIStatusError as error:
            return self._status(error.status_code, error.response.headers.get("retry-after"), error)
        except openai.OpenAIError as error:
            return _Failure(f"{self.endpoint}: {self._clean(str(error))}", False)
        try:
            completion = msgspec.json.decode(body, type=_Completion)
        except (msgspec.DecodeError, UnicodeError):
            return _Failure(f"{self.endpoint}: its answer is no chat completion: {self._clean(body)}", True, lost=True)
        if not completion.choices:
            return _Failure(f"{self.endpoint}: its answer has no choices", True, lost=True)
        choice, usage = completion.choices[0], completion.usage or _Usage()
        return Reply(
            content=self._redact(choice.message.content or ""),
            refusal=self._redact(choice.message.refusal or ""),
            finish=self._redact(choice.finish_reason or ""),
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
        )

    def _status(self, status: int, retry_after: str | None, error: Any) -> _Failure:
        body = error.body
        said = body.get("message") if isinstance(body, dict) else None
        message = f"{self.endpoint} answers {status}: {self._clean(str(said or error))}"
        # An account without credit is told by 429 too, and waiting does not help.
        passing = status in PASSING and getattr(error, "code", None) != "insufficient_quota"
        hint = _HINTS.get(status, "").format(model=self._settings.model, key_variable=self._settings.key_variable)
        return _Failure(message + hint, passing, seconds_to_wait(retry_after, self._now()))

    # Money

    def _price(self, prompt_tokens: int, completion_tokens: int) -> float:
        of_input, of_output = self._settings.input_price or 0.0, self._settings.output_price or 0.0
        return (prompt_tokens * of_input + completion_tokens * of_output) / 1_000_000

    def _most(self, payload: Mapping[str, Any]) -> float:
        """The most that a request can cost: no token is shorter than a byte."""
        sent = len(json.dumps(payload, ensure_ascii=False).encode())
        return self._price(sent, self._settings.max_tokens)

    def _hold_budget(self, most: float) -> None:
        budget, spent = self._settings.budget, self._ledger.spent
        if budget and spent + most > budget:
            raise LanguageModelFault(
                f"the budget of {budget:g} does not allow another request: {spent:.6f} is spent, and it could cost "
                f"{most:.6f}; answers in the cache stay, so give more (--option budget=...) and run again to go on"
            )

    def _charge(self, reply: Reply, most: float) -> None:
        if reply.prompt_tokens is None or reply.completion_tokens is None:
            # Nobody knows what it cost; for the budget it is the most that it can.
            self._tally.unmetered_requests += 1
            self._ledger.add(most)
            return
        self._tally.prompt_tokens += reply.prompt_tokens
        self._tally.completion_tokens += reply.completion_tokens
        cost = self._price(reply.prompt_tokens, reply.completion_tokens)
        self.cost += cost
        self._ledger.add(cost)

    # Secrets

    def _redact(self, text: str) -> str:
        key = self._settings.key
        return text.replace(key, "[key]") if len(key) >= SECRET else text

    def _clean(self, text: str) -> str:
        """One line without the key, then cut; the other way round a part of the key could stay."""
        line = " ".join(self._redact(text).split())
        return line if len(line) <= 300 else f"{line[:299]}…"
