"""Findings made by hand, for the tests of what renders them."""

from __future__ import annotations

from typing import Any

from retold.model.findings import Finding
from retold.validation.validate import Report

ERROR = Finding(
    code="RT403",
    severity="error",
    message="the span's text is 'a', the document has 'b' at 1 to 2",
    hint="The text stands at 3 to 4.",
    file="x/mine.jsonl",
    line=3,
    pointer="/entities/0/text",
    document="flood-0",
)
COLUMN = Finding(
    code="RT102", severity="error", message="malformed", hint="Mend it.", file="x/mine.jsonl", line=4, column=9
)
WARNING = Finding(
    code="RT105", severity="warning", message="the line is blank", hint="Remove it.", file="b.jsonl", line=1
)
NOWHERE = Finding(code="RT111", severity="error", message="the file has no records", hint="Write some.", file="b.jsonl")
NASTY = Finding(
    code="RT203",
    severity="error",
    message="50% of\r\nit: \x1b[31m, a ::error::",
    hint="a,b:c",
    file="dir,1/a:b\udcff.jsonl",
    line=1,
)


def report(*findings: Finding, **counts: Any) -> Report:
    return Report(findings=list(findings), files=counts.pop("files", 1), records=counts.pop("records", 2), **counts)
