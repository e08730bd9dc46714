"""Finding systems in a folder, and loading one."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

from retold.files import open_bytes
from retold.findings import UnreadableError
from retold.records import Protocol
from retold.systems.interface import System, SystemFault

__all__ = ["Entry", "describe_systems", "list_systems", "load_system"]

_NEEDED = ("NAME", "DESCRIPTION", "PROTOCOL", "predict")
_RUN = ("zero-shot", "leave-one-document-out")


@dataclass(frozen=True, slots=True)
class Entry:
    """A system of a folder, as far as its file tells without being run."""

    name: str
    protocol: str
    extra: str
    description: str
    floor: bool


def list_systems(folder: Path) -> list[str]:
    """Names of the modules of a folder that are systems, sorted; modules that begin with an underscore are helpers."""
    return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))


def describe_systems(folder: Path) -> list[Entry]:
    """The systems of a folder by name. Their files are read, not run; what is not written out there stays empty."""
    found = []
    for name in list_systems(folder):
        constants: dict[str, str] = {}
        try:
            with open_bytes(str(folder / f"{name}.py")) as stream:
                tree = ast.parse(stream.read())
        except SyntaxError:
            tree = ast.Module(body=[], type_ignores=[])
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                constants.update({t.id: str(node.value.value) for t in node.targets if isinstance(t, ast.Name)})
        found.append(
            Entry(
                name=name,
                protocol=constants.get("PROTOCOL", ""),
                extra=constants.get("EXTRA", ""),
                description=constants.get("DESCRIPTION", ""),
                floor=constants.get("FLOOR") == "True",
            )
        )
    return found


def load_system(path: Path, attribute: str | None = None) -> System:
    """Load a system from a Python file.

    Args:
        path: the file.
        attribute: name of the object in it that is the system; the module itself where it is None.

    Raises:
        UnreadableError: there is no such file.
        SystemFault: the module, or the object, lacks something that a system needs.
    """
    if not path.is_file():
        raise UnreadableError(f"{path}: no such system")
    module = _load(path)
    where = f"{path}:{attribute}" if attribute else str(path)
    if attribute and not hasattr(module, attribute):
        raise SystemFault(f"{path}: has no {attribute!r}")
    found: Any = getattr(module, attribute) if attribute else module
    for name in _NEEDED:
        if not hasattr(found, name):
            raise SystemFault(f"{where}: a system needs {name}; see baselines/README.md")
    if found.PROTOCOL not in _RUN:
        raise SystemFault(
            f"{where}: PROTOCOL is {found.PROTOCOL!r}, it must be 'zero-shot' or 'leave-one-document-out' "
            f"(of {', '.join(get_args(Protocol))})"
        )
    options = getattr(found, "OPTIONS", {})
    if not isinstance(options, Mapping) or not all(isinstance(x, str) for pair in options.items() for x in pair):
        raise SystemFault(f"{where}: OPTIONS must be a dict of strings to strings (name: default)")
    return System(
        name=found.NAME,
        description=found.DESCRIPTION,
        protocol=found.PROTOCOL,
        predict=found.predict,
        options=dict(options),
        extra=getattr(found, "EXTRA", None),
        report=getattr(found, "report", None),
        again=lambda: load_system(path, attribute),
        code=_digest(path),
    )


def _load(path: Path) -> ModuleType:
    # The folder becomes a package of its own name, so that systems share helpers by relative import and two folders
    # with a helper of the same name do not meet. Loading anew leaves nothing behind of what was loaded before.
    folder = path.parent.resolve()
    package = f"retold_systems_{sha256(str(folder).encode()).hexdigest()[:12]}"
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]
    parent = ModuleType(package)
    parent.__path__ = [str(folder)]
    sys.modules[package] = parent
    spec = importlib.util.spec_from_file_location(f"{package}.{path.stem}", path)
    if spec is None or spec.loader is None:
        raise SystemFault(f"{path}: is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        raise SystemFault(f"{path}: {error}; baselines need the extra: pip install 'retold[baselines]'") from error
    except Exception as error:
        raise SystemFault(f"{path}: {type(error).__name__}: {error}") from error
    return module


def _digest(path: Path) -> str:
    """SHA-256 over all modules of the system's folder, which it may import, and over its prompts."""
    digest = sha256(path.name.encode())
    for member in sorted((*path.parent.glob("*.py"), *path.parent.glob("prompts/*"))):
        with open_bytes(str(member)) as stream:
            digest.update(member.name.encode() + b"\0" + sha256(stream.read()).digest())
    return digest.hexdigest()
