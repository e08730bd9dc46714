"""Expected output as files in ``tests/data/golden``.

RETOLD_REGENERATE=1 rewrites those that a test compares; read the difference before committing it.
"""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "golden"


def assert_golden(name: str, text: str) -> None:
    """Assert that ``text`` is what the golden file ``name`` holds, to the byte."""
    path = GOLDEN / name
    if os.environ.get("RETOLD_REGENERATE") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    # No message of our own: pytest shows the difference.
    assert text == path.read_bytes().decode()
