"""Findings of a validation: collecting them, and the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from retold.model.display import Summary, counted
from retold.model.findings import Finding
from retold.rules import RULES
from retold.validation.roles import FileRole

__all__ = ["MAX_FINDINGS", "FindingCollector", "Report", "prefixes"]

#: Default maximum number of findings in a report; the rest is counted.
MAX_FINDINGS: Final = 1000


@dataclass(frozen=True, slots=True, repr=False)
class Report(Summary):
    """What a validation found.

    Attributes:
        findings: sorted by file, line and code.
        files, records: how many were checked.
        suppressed: findings beyond the limit, counted and not kept.
        suppressed_errors: how many of those are errors.
        codes: findings of each code, those beyond the limit included.
        roles: how each file was read.
    """

    findings: list[Finding]
    files: int
    records: int
    suppressed: int = 0
    suppressed_errors: int = 0
    codes: Mapping[str, int] = field(default_factory=dict)
    roles: Sequence[FileRole] = ()

    def _summary(self) -> tuple[str, list[tuple[str, str]]]:
        checked = f"{counted(self.records, 'record')} in {counted(self.files, 'file')}"
        title = f"Report on {checked}: {counted(self.errors, 'error')}, {counted(self.warnings, 'warning')}"
        codes = Counter(self.codes or (found.code for found in self.findings))
        return title, [(code, f"{count} {RULES[code].name}") for code, count in codes.most_common()]

    @property
    def errors(self) -> int:
        """Number of errors, those beyond the limit included."""
        return sum(found.severity == "error" for found in self.findings) + self.suppressed_errors

    @property
    def warnings(self) -> int:
        """Number of warnings, those beyond the limit included."""
        return len(self.findings) + self.suppressed - self.errors


def prefixes(codes: Sequence[str]) -> tuple[str, ...]:
    """Codes or prefixes of codes in upper case, also from lists with commas.

    Raises ValueError for one that matches no rule.
    """
    prefixes = tuple(code.strip().upper() for each in codes for code in each.split(","))
    for prefix in prefixes:
        if not prefix or not any(code.startswith(prefix) for code in RULES):
            raise ValueError(f"unknown rule code {prefix!r}")
    return prefixes


@dataclass
class FindingCollector:
    """Keeps the selected findings, up to a limit, and counts the rest."""

    select: tuple[str, ...]
    ignore: tuple[str, ...]
    limit: int
    kept: list[Finding] = field(default_factory=list)
    #: How many were checked.
    files: int = 0
    records: int = 0
    #: Errors of any code, selected or not.
    errors: int = 0
    suppressed: int = 0
    suppressed_errors: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    roles: list[FileRole] = field(default_factory=list)

    def add(self, findings: Sequence[Finding]) -> None:
        """Keep, count or ignore each finding; of a record that could not be read, one is always kept."""
        self.errors += sum(found.severity == "error" for found in findings)
        chosen = [
            found
            for found in findings
            if (not self.select or found.code.startswith(self.select))
            and not (self.ignore and found.code.startswith(self.ignore))
        ]
        unread = (
            found
            for found in findings
            if found.severity == "error" and found.code.startswith(("RT1", "RT2")) and found.code != "RT208"
        )
        for found in chosen or islice(unread, 1):
            self.codes[found.code] += 1
            if len(self.kept) < self.limit:
                self.kept.append(found)
            else:
                self.suppressed += 1
                self.suppressed_errors += found.severity == "error"

    def report(self) -> Report:
        """The kept findings, sorted."""
        ordered = sorted(self.kept, key=lambda found: (found.file or "", found.line or 0, found.code))
        codes = dict(sorted(self.codes.items()))
        return Report(ordered, self.files, self.records, self.suppressed, self.suppressed_errors, codes, self.roles)
