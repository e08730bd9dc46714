"""Rank submissions from a clone: ``python scripts/score.py SUBMISSION...`` is ``retold rank SUBMISSION...``."""

from __future__ import annotations

import sys

from retold.cli.main import main

if __name__ == "__main__":
    main(["rank", *sys.argv[1:]])
