"""One model behind an OpenAI-compatible endpoint, with a cache of its answers.

Retries with back-off, rate limits (Retry-After), timeouts, and the key and address from the environment are the openai
client's. The key is struck out of whatever an endpoint sends back.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
import openai
import pydantic

from retold.io.atomic import write_atomic

__all__ = ["FEW_SHOT_OPTIONS", "OPTIONS", "Counts", "Endpoint", "LLMError", "Reply", "Request", "read_settings"]

_HINTS: Final = {
    400: "; if the endpoint does not know a parameter, see the options structured, limit_parameter and temperature",
    401: "; check the key in OPENAI_API_KEY",
    404: "; check the options model and base_url",
}


class LLMError(ValueError):
    """A wrong option, or an endpoint that refuses or does not answer; the message is for the user."""


_NUMBER = Annotated[float, pydantic.Field(ge=0, allow_inf_nan=False)]
_EMPTY_IS_NONE: Final = pydantic.BeforeValidator(lambda value: value or None)
_OPTIONAL = Annotated[_NUMBER | None, _EMPTY_IS_NONE]


class Settings(pydantic.BaseModel):
    """The options, parsed; an empty one is None."""

    model_config = pydantic.ConfigDict(str_strip_whitespace=True)

    model: str = ""  # as the endpoint calls it; required
    base_url: Annotated[pydantic.HttpUrl | None, _EMPTY_IS_NONE] = None  # of the endpoint, else OPENAI_BASE_URL
    temperature: _OPTIONAL = 0  # empty: not sent, for models that refuse it
    max_tokens: pydantic.PositiveInt = 8192  # of one answer
    limit_parameter: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"  # some models refuse the former
    structured: Literal["json_schema", "json_object", "none"] = "json_schema"  # some endpoints know no schemas
    batch: pydantic.PositiveInt = 25  # claims to verify in one request
    timeout: Annotated[_NUMBER, pydantic.Field(gt=0)] = 120  # seconds
    retries: pydantic.NonNegativeInt = 10  # after an error that may pass
    input_price: _OPTIONAL = None  # per million tokens; empty: unknown, and so is the cost
    output_price: _OPTIONAL = None
    examples: pydantic.PositiveInt = 2  # few-shot only: whole documents with their gold


FEW_SHOT_OPTIONS: Final[dict[str, str]] = {
    name: "" if field.default is None else str(field.default) for name, field in Settings.model_fields.items()
}
OPTIONS: Final = {name: value for name, value in FEW_SHOT_OPTIONS.items() if name != "examples"}


def read_settings(options: Mapping[str, str]) -> Settings:
    """Parse the options of a run.

    Raises:
        LLMError: an option is missing or has an invalid value.
    """
    try:
        settings = Settings.model_validate(dict(options))
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        # The value is not repeated: a mistyped address may contain a password.
        raise LLMError(f"option {first['loc'][0]}: {first['msg']}") from None
    if not settings.model:
        raise LLMError("option model: name the model as the endpoint calls it, --option model=NAME")
    if (url := settings.base_url) and (url.username or url.password or url.query):
        # Options are written to run.json.
        raise LLMError("option base_url: must not contain a user, a password or a query; the key is OPENAI_API_KEY")
    return settings


@dataclass(slots=True)
class Counts:
    """What a run did. All are numbers, so that those of several folds can be added."""

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


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked for one layer; ``item`` is the type of the items that ``key`` lists in the answer."""

    layer: str
    key: str
    item: type[pydantic.BaseModel]
    schema: Mapping[str, Any]
    messages: Sequence[Mapping[str, str]]


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a model answered, and what the endpoint counted; tokens are None where it did not say."""

    content: str
    refusal: str
    finish: str
    prompt_tokens: int | None
    completion_tokens: int | None


class Endpoint:
    """Asks one model of one endpoint.

    Args:
        settings: options of the run.
        cache: folder of the answers, one JSON file for each request; None: they are not kept.

    Attributes:
        counts: what was done.

    Raises:
        LLMError: the key or the address in the environment cannot be used.
    """

    def __init__(self, settings: Settings, cache: Path | None) -> None:
        self.settings = settings
        self.counts = Counts()
        self._cache = cache
        self._key = os.environ.get("OPENAI_API_KEY", "").strip()
        if not re.fullmatch("[!-~]*", self._key):
            # HTTP libraries quote what they cannot send.
            raise LLMError("OPENAI_API_KEY: contains a space, a line break or a character that is not ASCII")
        try:
            self._client = openai.OpenAI(
                # Local servers need no key, and neither does a run that finds all its answers in the cache.
                api_key=self._key or "none",
                base_url=str(settings.base_url) if settings.base_url else None,
                timeout=settings.timeout,
                max_retries=settings.retries,
            )
            url = self._client.base_url
            #: Host, port and path, without user and password.
            self.name = f"{url.netloc.decode('ascii')}{url.path}"
        except Exception:
            raise LLMError("OPENAI_BASE_URL: not a valid URL") from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def report(self) -> dict[str, object]:
        """What the run did and cost; the cost is None without prices."""
        counts, of_input, of_output = self.counts, self.settings.input_price, self.settings.output_price
        cost = None
        if of_input is not None and of_output is not None:
            cost = (counts.prompt_tokens * of_input + counts.completion_tokens * of_output) / 1_000_000
        return {"model": self.settings.model, "endpoint": self.name, **asdict(counts), "cost": cost}

    def ask(self, request: Request) -> Reply:
        """The answer to a request, from the cache or from the endpoint.

        Raises:
            LLMError: the endpoint refuses or keeps failing, or the cache folder cannot be written.
        """
        payload = self._payload(request)
        # Whatever may change an answer is in the payload; a schema that is not sent is told in the messages.
        digest = sha256(json.dumps([self.name, payload], sort_keys=True).encode()).hexdigest()
        file = self._cache / f"{digest}.json" if self._cache else None
        if file and (kept := _read(file)):
            self.counts.cached += 1
            return kept
        reply = self._send(payload)
        if file:
            try:
                write_atomic(file, msgspec.json.encode(reply) + b"\n")
            except OSError as error:
                raise LLMError(f"cannot write to the cache folder: {error}") from error
        return reply

    def _payload(self, request: Request) -> dict[str, Any]:
        settings = self.settings
        payload: dict[str, Any] = {"model": settings.model, "messages": list(request.messages)}
        payload[settings.limit_parameter] = settings.max_tokens
        if settings.temperature is not None:
            payload["temperature"] = settings.temperature
        if settings.structured == "json_schema":
            schema = {"name": request.layer, "strict": True, "schema": request.schema}
            payload["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif settings.structured == "json_object":
            payload["response_format"] = {"type": "json_object"}
        return payload

    def _send(self, payload: dict[str, Any]) -> Reply:
        try:
            raw = self._client.chat.completions.with_raw_response.create(**payload)
        except openai.APIStatusError as error:
            said = error.body.get("message") if isinstance(error.body, dict) else None
            hint = _HINTS.get(error.status_code, "")
            reason = f"HTTP {error.status_code}: {self._clean(str(said or error))}{hint}"
            raise LLMError(f"{self.name}: {reason}") from None
        except openai.OpenAIError as error:
            reason = f"{error} ({error.__cause__})" if error.__cause__ else str(error)
            raise LLMError(f"{self.name}: {self._clean(reason)}") from None
        self.counts.requests += 1 + raw.retries_taken
        self.counts.retries += raw.retries_taken
        try:
            completion = raw.parse()
            choice, usage = completion.choices[0], completion.usage
            reply = Reply(
                content=self._redact(choice.message.content or ""),
                refusal=self._redact(choice.message.refusal or ""),
                finish=choice.finish_reason or "",
                prompt_tokens=usage.prompt_tokens if usage else None,
                completion_tokens=usage.completion_tokens if usage else None,
            )
        except (AttributeError, IndexError, TypeError, ValueError, openai.OpenAIError):
            page = self._clean(raw.http_response.text)
            raise LLMError(f"{self.name}: the response is not a chat completion: {page}") from None
        self.counts.prompt_tokens += reply.prompt_tokens or 0
        self.counts.completion_tokens += reply.completion_tokens or 0
        self.counts.unmetered_requests += usage is None
        return reply

    def _redact(self, text: str) -> str:
        # A short key ("EMPTY") is a placeholder, and striking it out would spoil answers.
        return text.replace(self._key, "[key]") if len(self._key) >= 8 else text

    def _clean(self, text: str) -> str:
        """One line without the key, then cut; the other way round a part of the key could stay."""
        line = " ".join(self._redact(text).split())
        return line if len(line) <= 300 else f"{line[:299]}…"


def _read(file: Path) -> Reply | None:
    """A file of the cache; None where there is none, or a broken one, which is then replaced."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Reply)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
