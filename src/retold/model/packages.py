"""Packages that are large, or that come with an extra only: imported where they are needed and not before."""

from __future__ import annotations

import importlib
from typing import Any, Final

__all__ = ["LazyPackage", "missing", "require"]

#: Packages that come with an extra. Those that are not named here come with Retold itself, but for its pre-commit hook.
_EXTRAS: Final = {"datasets": "hf", "huggingface_hub": "hf", "pandas": "hf", "pyarrow": "parquet"}


def require(module: str, user: str = "Retold") -> Any:
    """Import a module by its full name, for a ``user`` that the message names first.

    Raises:
        UnreadableError: its package is not installed. The message says what to install.
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise
        from retold.model.findings import UnreadableError

        raise UnreadableError(f"{user} {missing(package)}") from error


def missing(package: str) -> str:
    """What to say of a package that is not installed; the sentence lacks its subject."""
    extra = f"[{_EXTRAS[package]}]" if package in _EXTRAS else ""
    return f"needs the package {package}, which is not installed: pip install 'retold{extra}'"


class LazyPackage:
    """A package that is imported on the first use of one of its attributes."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(require(self._name), attribute)
        setattr(self, attribute, value)
        return value
