"""Docstrings that users read: rules, commands and schemas show them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from typing import Any

__all__ = ["docstring"]


def docstring(of: type | Callable[..., Any]) -> str:
    """The docstring of a function or class, from its source where ``python -OO`` removes it; "" if there is none."""
    if of.__doc__:
        return of.__doc__
    try:
        (node,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(inspect.unwrap(of)))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return ""
    return (isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node, clean=False)) or ""
