"""Write schema/*.json from the record types and the default labels, or with --check say whether they are current.

    python scripts/docs/build_schemas.py [--check]

Exit codes: 0 written or current, 1 stale (--check only).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from retold.io.atomic import write_atomic
from retold.layers.scheme import published_schemas
from retold.model.json_schema import render

FOLDER = Path(__file__).resolve().parents[2] / "schema"


def stale(folder: Path) -> list[Path]:
    """The files of ``folder`` that are missing, out of date, or schemas of nothing."""
    expected = {folder / f"{name}.json": render(schema) for name, schema in published_schemas().items()}
    differing = [
        path for path, text in expected.items() if not path.is_file() or path.read_bytes() != text.encode("utf-8")
    ]
    return sorted([*differing, *(path for path in folder.glob("*.json") if path not in expected)])


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the JSON Schemas.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit with 1 where a file is stale")
    check = parser.parse_args().check
    outdated = stale(FOLDER)
    if check:
        for path in outdated:
            print(f"{path.name} is not what the record types give; run scripts/docs/build_schemas.py", file=sys.stderr)
        return 1 if outdated else 0
    for name, schema in published_schemas().items():
        write_atomic(FOLDER / f"{name}.json", render(schema))
    return 0


if __name__ == "__main__":
    sys.exit(main())
