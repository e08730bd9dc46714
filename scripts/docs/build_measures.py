"""Write docs/measures.md from what the measures say of themselves, or with --check say whether it is current.

    python scripts/docs/build_measures.py [--check]

Exit codes: 0 written or current, 1 stale (--check only).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from retold.io.atomic import write_atomic
from retold.layers.scheme import Scheme, default_scheme
from retold.measures.base import Measure

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "measures.md"
HEAD: Final = """\
# Measures

<!-- Made by scripts/docs/build_measures.py from the measures themselves; do not edit. -->

The measures of a corpus with the default layers and labels. Another corpus declares its own in `corpus.json`, and
the names of measures of one label change with them; `retold measures` lists those of a corpus, `retold measures NAME`
shows one. [conformance.md](conformance.md) says which published values each reproduces, [statistics.md](statistics.md)
what intervals and tests rest on, [glossary.md](glossary.md) what the words mean.

A value that is 0/0 is null, with its counts beside it: never NaN, never 0 or 1 by default, and never part of a mean.
Counts are added up over documents, and a measure is computed from the sums. All lie between 0 and 1 unless said
otherwise.
"""


def page(scheme: Scheme) -> str:
    """The page for the measures of a scheme."""
    parts = [HEAD, "## Headline scores\n", _table(_headlines(scheme), scheme)]
    titles: dict[str, list[Measure]] = {}
    for name, measure in scheme.measures.items():
        titles.setdefault(_family(name), []).append(measure)
    tracks = list(dict.fromkeys(title.partition(".")[0] for title in titles))
    for title, measures in sorted(titles.items(), key=lambda item: tracks.index(item[0].partition(".")[0])):
        parts += [f"## {title}\n", _table(measures, scheme)]
    return "\n".join(parts)


def _headlines(scheme: Scheme) -> list[Measure]:
    return [measure for name, measure in scheme.described.items() if name not in scheme.measures]


def _family(name: str) -> str:
    """What a measure stands under: the layer, or the part of it that has measures of its own."""
    first, second, *rest = name.split(".")
    return f"{first}.{second}" if rest and first in ("entities", "claims") else first


def _table(measures: Iterable[Measure], scheme: Scheme) -> str:
    rows = ["| measure | definition | reference | 0/0 | counts | averaged in |", "|---|---|---|---|---|---|"]
    for measure in measures:
        notes = "" if measure.higher_is_better else " Lower is better."
        tracks = [name for name, track in scheme.tracks.items() if measure.name in track.parts]
        tracks += ["overall"] if measure.name in scheme.overall else []
        cells = (
            f"`{measure.name}`",
            measure.definition + notes,
            measure.reference,
            measure.undefined,
            _counts(measure),
            ", ".join(f"`{name}`" for name in tracks),
        )
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _counts(measure: Measure) -> str:
    pairs = [name for name in measure.counts if ":" in name]
    if pairs and len(pairs) == len(measure.counts):
        return "items by label, `gold:given`"
    return ", ".join(name.replace("_", " ") for name in measure.counts)


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the page of measures.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit with 1 where the page is stale")
    text = page(default_scheme())
    if parser.parse_args().check:
        current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text
        if not current:
            print(f"{PAGE.name} is not what the measures say; run scripts/docs/build_measures.py", file=sys.stderr)
        return 0 if current else 1
    write_atomic(PAGE, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
