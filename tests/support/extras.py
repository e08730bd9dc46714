"""Packages of extras: tests that need them are skipped without, unless they must run."""

from __future__ import annotations

import importlib
import os

import pytest

__all__ = ["need"]


def need(extra: str, *packages: str) -> None:
    """Skip the module if a package is missing; fail instead where RETOLD_EXTRAS=1 says that all must be there."""
    for package in packages:
        try:
            importlib.import_module(package)
        except ImportError as error:
            reason = f"{error}: these tests need the extra {extra}"
            if os.environ.get("RETOLD_EXTRAS") == "1":
                raise RuntimeError(reason) from error
            pytest.skip(reason, allow_module_level=True)
