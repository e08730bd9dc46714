"""Where things stand in the repository."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASELINES = ROOT / "baselines"
DATA = ROOT / "tests" / "data"
#: One smallest bad file for each code that a file of records can show: ``CODE.ROLE.*.jsonl``.
BAD_FILES = sorted((DATA / "rules").glob("RT*.jsonl"))
