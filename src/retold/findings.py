"""Findings: what is wrong with an input, where, and what to do about it. Data, never text that is printed here."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

__all__ = ["Finding", "FindingsError", "Severity", "UnreadableError", "shorten"]

Severity = Literal["error", "warning"]


class Finding(Struct, frozen=True, kw_only=True, gc=False):
    """One thing that is wrong with an input."""

    code: Annotated[str, Meta(description="Stable code, RT and three digits.", examples=["RT401"])]
    severity: Severity
    message: Annotated[str, Meta(description="What is wrong.")]
    cure: Annotated[str, Meta(description="What to do about it.")]
    file: str | None = None
    line: Annotated[int | None, Meta(description="Line of the file, counted from 1.")] = None
    column: Annotated[int | None, Meta(description="Byte of the line, counted from 1 (malformed JSON).")] = None
    pointer: Annotated[str | None, Meta(description="JSON pointer into the line's object.")] = None
    document: Annotated[str | None, Meta(description="Key of the document, where known.")] = None


class FindingsError(ValueError):
    """An input is at fault and was refused; ``findings`` say why."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings
        first = findings[0]
        place = ":".join(str(part) for part in (first.file, first.line) if part is not None)
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        super().__init__(
            f"{place}: {first.code} {first.message}{more}" if place else f"{first.code} {first.message}{more}"
        )


class UnreadableError(OSError):
    """A file is missing, is not of a kind that can be read, or may not be read."""


def shorten(value: object, limit: int = 60) -> str:
    """Return ``repr(value)``, cut in the middle where it is longer than ``limit`` characters."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 20]}…{text[-15:]}"
