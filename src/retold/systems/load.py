"""Finding systems in a folder, and loading one."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

from retold.io.sources import open_bytes
from retold.model.annotations import Protocol
from retold.model.display import brief, visible
from retold.model.findings import UnreadableError
from retold.systems.guard import GoldRefused, without_gold
from retold.systems.interface import System, SystemFault, text_of

__all__ = ["Entry", "describe_systems", "find_systems", "load_system"]

_NEEDED = ("NAME", "DESCRIPTION", "PROTOCOL", "predict")
_RUN = ("zero-shot", "leave-one-document-out")
#: How the names of the packages begin that systems are loaded into.
_PACKAGES = "retold_systems_"
#: The name of a system also names a folder. A card holds 100 characters, of which a control adds some.
_NAME = re.compile(r"[^\W\d_][\w.+-]{0,89}")
#: Packages that the extra ``baselines`` installs.
_BASELINES_NEED = ("bm25s", "sklearn", "sklearn_crfsuite", "snowballstemmer", "threadpoolctl")
_PROTOCOL = re.compile(rb"^PROTOCOL\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """A system of a folder, described from its source file without running it."""

    name: str
    protocol: str
    extra: str
    description: str
    floor: bool


def find_systems(folder: Path) -> dict[str, Path]:
    """The systems of a folder and of the folders in it by name, sorted. All other modules are helpers.

    A system is a module that assigns ``PROTOCOL`` at its top level. Files are read, not run.

    Raises:
        SystemFault: two modules have the same name.
    """
    found: dict[str, Path] = {}
    for path in sorted((*folder.glob("*.py"), *folder.glob("*/*.py"))):
        if path.is_file() and _PROTOCOL.search(_read(path)):
            if path.stem in found:
                raise SystemFault(f"{path}: {found[path.stem]} has the same name; rename one of them")
            found[path.stem] = path
    return dict(sorted(found.items()))


def describe_systems(folder: Path) -> list[Entry]:
    """The systems of a folder by name. Their files are read, not run; what is not a literal there stays empty."""
    return [_described(path) for path in find_systems(folder).values()]


def _read(path: Path) -> bytes:
    try:
        with open_bytes(str(path)) as stream:
            return stream.read()
    except UnreadableError:
        return b""


def _described(path: Path) -> Entry:
    constants: dict[str, str] = {}
    try:
        tree = ast.parse(_read(path))
    except (SyntaxError, ValueError):
        return Entry(path.stem, "", "", "This file cannot be read.", False)
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            constants.update({each.id: str(node.value.value) for each in targets if isinstance(each, ast.Name)})
    return Entry(
        name=path.stem,
        protocol=constants.get("PROTOCOL", ""),
        extra=constants.get("EXTRA", ""),
        description=constants.get("DESCRIPTION", ""),
        floor=constants.get("FLOOR") == "True",
    )


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
    where = f"{path}:{attribute}" if attribute is not None else str(path)
    if attribute is not None and not hasattr(module, attribute):
        raise SystemFault(f"{path}: has no {attribute!r}")
    found: Any = module if attribute is None else getattr(module, attribute)
    for name in _NEEDED:
        if not hasattr(found, name):
            raise SystemFault(f"{where}: a system needs {name}; see baselines/README.md")
    if not isinstance(found.NAME, str) or not _NAME.fullmatch(visible(found.NAME)):
        raise SystemFault(
            f"{where}: NAME is {brief(repr(found.NAME))}, expected a letter, then letters, digits and . _ + -, at most "
            "90 characters"
        )
    if not isinstance(found.DESCRIPTION, str) or visible(found.DESCRIPTION) != found.DESCRIPTION:
        raise SystemFault(f"{where}: DESCRIPTION must be a string of one line, without characters that are not seen")
    if found.PROTOCOL not in _RUN:
        raise SystemFault(
            f"{where}: PROTOCOL is {found.PROTOCOL!r}, it must be 'zero-shot' or 'leave-one-document-out' "
            f"(of {', '.join(get_args(Protocol))})"
        )
    options, extra, report = (getattr(found, name, None) for name in ("OPTIONS", "EXTRA", "report"))
    if not isinstance(options or {}, Mapping) or not all(
        isinstance(each, str) for pair in (options or {}).items() for each in pair
    ):
        raise SystemFault(f"{where}: OPTIONS must be a dict of strings to strings (name: default)")
    if not isinstance(extra, str | None):
        raise SystemFault(f"{where}: EXTRA must be a string")
    if not callable(found.predict) or not (report is None or callable(report)):
        raise SystemFault(f"{where}: predict and report must be functions")
    return System(
        name=found.NAME,
        description=found.DESCRIPTION,
        protocol=found.PROTOCOL,
        predict=found.predict,
        options=dict(options or {}),
        extra=extra,
        report=report,
        file=(path, attribute),
        imports=_imports(module.__name__.partition(".")[0]),
        code=_digest(path, module.__name__.partition(".")[0]),
    )


def _load(path: Path) -> ModuleType:
    # As in pytest, the root is the topmost folder of a chain with __init__.py. It becomes a package of its own name, so
    # that systems share helpers by relative import and two roots with a helper of the same name do not clash. Loading
    # again leaves nothing behind from an earlier load.
    root = folder = path.parent.resolve()
    while (root / "__init__.py").is_file() and (root.parent / "__init__.py").is_file():
        root = root.parent
    package = f"{_PACKAGES}{sha256(str(root).encode()).hexdigest()[:12]}"
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]
    top = ModuleType(package)
    top.__path__ = [str(root)]
    sys.modules[package] = top
    parent = ".".join((package, *folder.relative_to(root).parts))
    # A dot in the name would make it a submodule.
    spec = importlib.util.spec_from_file_location(f"{parent}.{path.stem.replace('.', '_')}", path)
    if spec is None or spec.loader is None:
        raise SystemFault(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        with without_gold():
            spec.loader.exec_module(module)
    except GoldRefused as error:
        raise SystemFault(f"{path}: {error}") from error
    except ImportError as error:
        known = (error.name or "").partition(".")[0] in _BASELINES_NEED
        extra = _described(path).extra or ("baselines" if known else "")
        hint = f"; it needs the extra: pip install 'retold[{extra}]'" if extra else ""
        raise SystemFault(f"{path}: {error}{hint}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise SystemFault(f"{path}: {type(error).__name__}: {text_of(error)}") from error
    return module


def _imports(package: str) -> tuple[str, ...]:
    """Modules that those of a package name, or have something from."""
    found = []
    for name, module in list(sys.modules.items()):
        if name == package or name.startswith(f"{package}."):
            for value in list(vars(module).values()):
                # Whatever stands there, asking it must do no harm.
                with contextlib.suppress(Exception):
                    source = value.__name__ if isinstance(value, ModuleType) else value.__module__
                    if isinstance(source, str) and source in sys.modules and not source.startswith(_PACKAGES):
                        found.append(source)
    return tuple(sorted({*found} - {"builtins", "__main__"}))


def _digest(path: Path, package: str) -> str:
    """SHA-256 over a system's module, the modules of its package that it loaded, and the prompts beside it."""
    files = {path, *(member for member in path.parent.glob("prompts/*") if member.is_file())}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.startswith(f"{package}.") and file:
            files.add(Path(file))
    digest = sha256(path.name.encode())
    for member in sorted({file.resolve() for file in files}):
        with open_bytes(str(member)) as stream:
            digest.update(member.name.encode() + b"\0" + sha256(stream.read()).digest())
    return digest.hexdigest()
