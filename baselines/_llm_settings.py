"""Options of the language-model systems: strings as a user gives them, read into numbers and checked."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

__all__ = ["FEW_SHOT_OPTIONS", "OPTIONS", "UNREADABLE", "LanguageModelFault", "Settings", "read_settings"]

Structured = Literal["json_schema", "json_object", "none"]
LimitParameter = Literal["max_tokens", "max_completion_tokens"]

OPTIONS: Final[dict[str, str]] = {
    "model": "",  # as the endpoint calls it; required
    "base_url": "",  # http://localhost:8000/v1, for instance; empty: what the openai package takes
    "key_variable": "OPENAI_API_KEY",  # the environment variable that holds the key
    "temperature": "0",  # empty: not sent, for models that refuse it
    "max_tokens": "8192",  # most tokens of one answer
    "limit_parameter": "max_tokens",  # or max_completion_tokens, for models that refuse the former
    "structured": "json_schema",  # or json_object, or none, for endpoints that know no schemas
    "batch": "25",  # claims to verify in one request
    "requests_per_minute": "0",  # 0: no limit
    "timeout": "120",  # seconds without a sign of life
    "retries": "5",  # further attempts after a failure that may pass
    "input_price": "",  # per million tokens; empty: unknown, and so is the cost
    "output_price": "",
    "budget": "0",  # stop before more than this is spent; 0: no limit
}
FEW_SHOT_OPTIONS: Final[dict[str, str]] = {**OPTIONS, "examples": "2"}  # whole documents with their gold


#: Told of an address; neither it nor the error is repeated, because what is taken for a port may be a password.
UNREADABLE: Final = "{}: is no address, its host or port cannot be read"
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class LanguageModelFault(ValueError):
    """The options are wrong, the endpoint refuses or does not answer, or the budget is spent. Told to the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Options as values. ``temperature`` None: not sent; prices None: unknown; ``budget`` and the rate 0: no limit."""

    model: str
    base_url: str
    key: str = field(repr=False)
    key_variable: str
    temperature: float | None
    max_tokens: int
    limit_parameter: LimitParameter
    structured: Structured
    batch: int
    requests_per_minute: float
    timeout: float
    retries: int
    input_price: float | None
    output_price: float | None
    budget: float
    examples: int


def read_settings(options: Mapping[str, str], environment: Mapping[str, str] | None = None) -> Settings:
    """Read the options of a run, and the key from the environment; a key that is not set is empty.

    Raises:
        LanguageModelFault: an option is missing or has no such value.
    """
    environment = os.environ if environment is None else environment
    given = {**FEW_SHOT_OPTIONS, **options}
    if not given["model"].strip():
        raise LanguageModelFault("which model? Name it as the endpoint calls it: --option model=NAME")
    _check_url(given["base_url"])
    if not _VARIABLE.fullmatch(given["key_variable"]):
        # It may be the key itself, which is then not repeated.
        raise LanguageModelFault("option key_variable: must be the name of a variable: letters, digits, underscores")
    for name, known in (("structured", get_args(Structured)), ("limit_parameter", get_args(LimitParameter))):
        if given[name] not in known:
            raise LanguageModelFault(f"option {name}={given[name]}: must be one of {', '.join(known)}")
    # A line end that slipped into the variable would be an illegal header, and would hide the key from redaction.
    key = environment.get(given["key_variable"], "").strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        # Told here, for the errors of HTTP libraries quote what they cannot send.
        raise LanguageModelFault(f"the environment variable {given['key_variable']} holds what cannot be a key")
    input_price, output_price = (_price(given, name) for name in ("input_price", "output_price"))
    budget = _number(given, "budget", 0)
    if budget and (input_price is None or output_price is None):
        raise LanguageModelFault("a budget needs the prices: --option input_price=... --option output_price=...")
    return Settings(
        model=given["model"].strip(),
        base_url=given["base_url"],
        key=key,
        key_variable=given["key_variable"],
        temperature=_number(given, "temperature", 0) if given["temperature"] else None,
        max_tokens=_whole(given, "max_tokens", 1),
        limit_parameter=given["limit_parameter"],  # type: ignore[arg-type]
        structured=given["structured"],  # type: ignore[arg-type]
        batch=_whole(given, "batch", 1),
        requests_per_minute=_number(given, "requests_per_minute", 0),
        timeout=_number(given, "timeout", 0.001),
        retries=_whole(given, "retries", 0),
        input_price=input_price,
        output_price=output_price,
        budget=budget,
        examples=_whole(given, "examples", 1),
    )


def _check_url(url: str) -> None:
    """A secret in the address would be written wherever the options are."""
    if not url:
        return
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - told only where it is asked for
    except ValueError:
        raise LanguageModelFault(UNREADABLE.format("option base_url")) from None
    if parts.username or parts.password or parts.query:
        raise LanguageModelFault("base_url may hold no user, password or query; give the key by the environment")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise LanguageModelFault(f"option base_url={url}: must begin with http:// or https:// and a host")


def _price(given: Mapping[str, str], name: str) -> float | None:
    return _number(given, name, 0) if given[name] else None


def _number(given: Mapping[str, str], name: str, least: float) -> float:
    try:
        value = float(given[name])
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < least:
        raise LanguageModelFault(f"option {name}={given[name]}: must be a number from {least:g} on")
    return value


def _whole(given: Mapping[str, str], name: str, least: int) -> int:
    value = _number(given, name, least)
    if not value.is_integer():
        raise LanguageModelFault(f"option {name}={given[name]}: must be a whole number")
    return int(value)
