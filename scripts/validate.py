"""Check annotations from a clone: ``python scripts/validate.py [PATH...]`` is ``retold validate [PATH...]``."""

from __future__ import annotations

import sys

from retold.cli.main import main

if __name__ == "__main__":
    main(["validate", *sys.argv[1:]])
