"""Findings: what is wrong with an input, where, and what to do about it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

__all__ = ["Context", "Finding", "FindingsError", "Severity", "UnreadableError", "context_of", "cut", "shorten"]

Severity = Literal["error", "warning"]


#: Maximum characters of context on either side of a span, and of the span itself.
_AROUND = 32
_SPAN = 60


class Context(Struct, frozen=True, kw_only=True, gc=False):
    """The text around a span, so that a finding can be judged without opening the document."""

    text: Annotated[str, Meta(description="Part of the document, shortened if it is long.")]
    start: Annotated[int, Meta(description="First character of the span in this text.")]
    end: Annotated[int, Meta(description="One past its last character in this text.")]


class Finding(Struct, frozen=True, kw_only=True, gc=False):
    """One thing that is wrong with an input."""

    code: Annotated[str, Meta(description="Stable code, RT and three digits.", examples=["RT401"])]
    severity: Severity
    message: Annotated[str, Meta(description="What is wrong.")]
    hint: Annotated[str, Meta(description="What to do about it.")]
    file: str | None = None
    line: Annotated[int | None, Meta(description="Line of the file, counted from 1.")] = None
    column: Annotated[int | None, Meta(description="Byte of the line, counted from 1 (malformed JSON).")] = None
    pointer: Annotated[str | None, Meta(description="JSON pointer into the line's object.")] = None
    document: Annotated[str | None, Meta(description="Key of the document, where known.")] = None
    context: Annotated[Context | None, Meta(description="The text around the span, for findings about one.")] = None


class FindingsError(ValueError):
    """An invalid input was refused; ``findings`` say why."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings
        first = findings[0]
        location = "".join(f"{part}:" for part in (first.file, first.line) if part is not None)
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        super().__init__(f"{location} {first.code} {first.message}{more}".lstrip())


class UnreadableError(OSError):
    """A file is missing, cannot be read or written, or is of the wrong kind."""


def context_of(text: str, start: int, end: int) -> Context:
    """The part of ``text`` around a span, whose offsets may be invalid."""
    start = min(max(start, 0), len(text))
    end = min(max(end, start), len(text))
    before, after = text[max(start - _AROUND, 0) : start], text[end : end + _AROUND]
    if start > _AROUND:
        before = "…" + before
    if end + _AROUND < len(text):
        after += "…"
    span = text[start:end]
    if len(span) > _SPAN:
        span = f"{span[: _SPAN - 20]}…{span[-19:]}"
    return Context(text=before + span + after, start=len(before), end=len(before) + len(span))


def shorten(value: object, limit: int = 60) -> str:
    """A JSON value or a name for a message, cut in the middle where it is longer than ``limit`` characters."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (dict, list)):
        kind = f"an object with {len(value)} keys" if isinstance(value, dict) else f"a list of {len(value)} items"
        items = list(value.values()) if isinstance(value, dict) else value
        if len(items) > 8 or any(isinstance(item, (dict, list)) for item in items):
            return kind
        if isinstance(value, dict):
            text = "{" + ", ".join(f"{shorten(key)}: {shorten(item)}" for key, item in value.items()) + "}"
        else:
            text = "[" + ", ".join(map(shorten, items)) + "]"
    else:
        # A value of many megabytes is not copied.
        long = isinstance(value, str) and len(value) > 2 * limit
        text = repr(f"{value[:limit]}{value[-limit:]}" if long else value)  # type: ignore[index]
    return cut(text, limit)


def cut(text: str, limit: int) -> str:
    """A text without its middle where it is longer than ``limit`` characters."""
    return text if len(text) <= limit else f"{text[: limit - 20]}…{text[-15:]}"
