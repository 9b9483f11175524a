"""The source code that a piece of work runs: its module and all that this imports, found without running it."""

import ast
import functools
import hashlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from configs.paths import REPOSITORY

OURS = (
    "configs", "dataloaders", "models", "prune_utils", "relatedness", "reports", "reproduce", "runtime", "tasks",
    "training",
)  # fmt: skip
"""The packages of this project."""

WITHOUT_EFFECT = ("configs", "reports", "dataloaders.rooms")
"""Ours, but not of the closure, since it cannot change a number that is not compared anyway.

What ``configs`` gives are settings, whose values count. What ``dataloaders.rooms`` renders are data, whose contents
count. ``reports`` is given finished numbers, and may not import torch."""


def read_source(path: Path) -> bytes:
    """A source file's content."""
    return path.read_bytes()


def project_code(entry: Iterable[str]) -> tuple[str, set[str]]:
    """Our own code behind some modules.

    Args:
        entry: names of the modules that do the work.

    Returns:
        a hash of all source files in the modules' import closure, and the libraries that these import.
    """
    sources, libraries = closure(entry, _find_ours)
    return _digest(sources), libraries


def own_code(names: Iterable[str], folders: Sequence[Path]) -> tuple[dict[str, str], set[str]]:
    """The user's own code: modules that settings name, and what they import from the same place.

    Args:
        names: of modules, as in ``module:attribute``.
        folders: where they may lie; one that is installed elsewhere counts with its own package.

    Returns:
        a hash of each module's source file, and the libraries that they import.
    """
    found: dict[str, str] = {}
    libraries: set[str] = set()
    for name in names:
        sources, others = closure([name], functools.partial(_find_own, name.partition(".")[0], folders))
        found |= {module: hashlib.sha256(source).hexdigest()[:16] for module, source in sources.items()}
        libraries |= others
    return dict(sorted(found.items())), libraries


def closure(
    entry: Iterable[str], find: Callable[[str], Path | None]
) -> tuple[dict[str, bytes], set[str]]:
    """Sources of some modules and of all that they import, at the top or inside functions, their packages included.

    Args:
        find: the file of a module; None if it is not one of those that are followed.

    Returns:
        module -> source; and names of top-level modules that were not followed.
    """
    sources: dict[str, bytes] = {}
    others: set[str] = set()
    waiting = list(entry)
    while waiting:
        parts = waiting.pop().split(".")
        for module in (".".join(parts[: count + 1]) for count in range(len(parts))):
            path = None if module in sources else find(module)
            if path is not None:
                sources[module] = read_source(path)
                waiting += _imported(sources[module], module, path.name == "__init__.py")
        if parts[0] not in sources:
            others.add(parts[0])
    return sources, others


@functools.lru_cache(maxsize=4096)
def _imported(source: bytes, module: str, is_package: bool) -> list[str]:
    """Names of what a module imports; of ``from a import b`` both a and a.b, since b may be a module."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # then importing it fails, and that says more
        return []
    return [name for node in ast.walk(tree) for name in _names(node, module.split("."), is_package)]


def _names(node: ast.AST, module: list[str], is_package: bool) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        up = node.level - is_package
        base = module[: len(module) - up] if node.level else []
        base = [*base, *(node.module.split(".") if node.module else [])]
        yield ".".join(base)
        yield from (".".join([*base, alias.name]) for alias in node.names if alias.name != "*")
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
            yield node.args[0].value


def _find_ours(module: str) -> Path | None:
    if module.partition(".")[0] not in OURS or f"{module}.".startswith(tuple(f"{name}." for name in WITHOUT_EFFECT)):
        return None
    return _file(REPOSITORY, module)


def _find_own(top: str, folders: Sequence[Path], module: str) -> Path | None:
    first = module.partition(".")[0]
    if first in OURS:
        return None
    for folder in folders:
        path = _file(folder, module)
        if path is not None:
            return path
    if first != top:
        return None
    loaded = getattr(sys.modules.get(top), "__file__", None)
    try:
        spec = None if loaded else importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    file = loaded or (spec.origin if spec is not None else None)
    if file is None or not file.endswith(".py"):
        return None
    home = Path(file).parent
    return _file(home.parent if file.endswith("__init__.py") else home, module)


def _file(folder: Path, module: str) -> Path | None:
    path = folder.joinpath(*module.split("."))
    for candidate in (path / "__init__.py", path.with_name(f"{path.name}.py")):
        if candidate.is_file():
            return candidate
    return None


def _digest(sources: dict[str, bytes]) -> str:
    hashed = hashlib.sha256()
    for module in sorted(sources):
        hashed.update(f"{module} {hashlib.sha256(sources[module]).hexdigest()}\n".encode())
    return hashed.hexdigest()[:16]
