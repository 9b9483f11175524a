"""Finding a named thing: in a registry, or in the user's own code as ``module:attribute``, whose errors are told."""

import importlib
import sys
import sysconfig
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from configs.errors import UserError
from configs.paths import REPOSITORY
from configs.process.interrupted import was_interrupted
from configs.process.memory import is_out_of_memory

LONGEST = 300  # characters of an error's own message
LIBRARIES = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
INSTALLED = {"site-packages", "dist-packages"}

_found: dict[tuple[str, str], str] = {}
"""The file of every thing of a user's that was found, by what was asked for and its ``module:attribute``."""


def resolve(name: str, registry: Mapping[str, Any], what: str, folder: Path | None = None) -> Any:
    """Return ``registry[name]``, or the attribute that ``module:attribute`` names.

    Args:
        name: a registry key or ``module:attribute``.
        registry: the built-in choices.
        what: the kind of thing and where it was asked for, for messages ("data set (my.yaml: data.dataset)").
        folder: where the user's module may lie, beside the current folder; usually that of the YAML file.

    Raises:
        UserError: no such name, module or attribute, or the module cannot be imported.
    """
    if name in registry:
        return registry[name]
    module_name, _, attribute = name.partition(":")
    if not attribute or not all(part.isidentifier() for part in module_name.split(".")):
        choices = ", ".join(sorted(registry))
        raise UserError(f"unknown {what}: '{name}'; choose from {choices}, or give your own as module:attribute")
    for place in (Path.cwd(), folder):
        if place is not None and str(place) not in sys.path:
            sys.path.append(str(place))
    with users_code(what, name):
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if not f"{module_name}.".startswith(f"{error.name}."):
                raise  # something that the user's module imports is missing
            raise UserError(
                f"{what}: cannot import '{module_name}' for '{name}' ({error}); "
                f"put the module beside the YAML file or into the current folder"
            ) from error
        if not hasattr(module, attribute):
            raise UserError(f"{what}: module '{module_name}' has no attribute '{attribute}'; name one that it has")
        _found[what, name] = getattr(module, "__file__", None) or ""
        return getattr(module, attribute)


@contextmanager
def users_code(what: str, name: str) -> Iterator[None]:
    """Around calls of what a setting names: whatever a user's own code raises there is said in one line.

    Args:
        what: the kind of thing and where it was asked for, as ``resolve`` was told.
        name: what the setting says. Only ``module:attribute`` is a user's own; errors of ours pass unchanged.

    Raises:
        UserError: something was raised, be it ``SystemExit``, which would end the program without a word. The line
            names setting, error, file and line; the user's own frames are in ``details``.
    """
    try:
        yield
    except GeneratorExit:  # whoever asked for the next value goes away
        raise
    except BaseException as error:
        if ":" not in name or _is_no_fault(error):
            raise
        raise _fault(error, what, name) from error


@contextmanager
def all_users_code() -> Iterator[None]:
    """Around a whole script: as ``users_code`` for all that ``resolve`` has found, wherever it is called.

    An error belongs to the user's code if it passed through a file that a setting has named.
    """
    try:
        yield
    except BaseException as error:
        found = None if _is_no_fault(error) else _asked_for_by(error)
        if found is None:
            raise
        raise _fault(error, *found) from error


def _is_no_fault(error: BaseException) -> bool:
    """Whether an error says all already, or is no matter of the code that it was raised in."""
    return isinstance(error, UserError) or is_out_of_memory(error) or was_interrupted(error)


def _fault(error: BaseException, what: str, name: str) -> UserError:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if _is_own(f.filename, besides=name)]
    place = f"{frames[-1].filename}:{frames[-1].lineno}, in {frames[-1].name}" if frames else ""
    if isinstance(error, SyntaxError) and _is_own(error.filename or "<none>", besides=name):
        place = f"{error.filename}:{error.lineno}"
    text = str(traceback.TracebackException.from_exception(error))  # also of an error that cannot say what it is
    text = f"{text[:LONGEST]}..." if len(text) > LONGEST else text
    said = f"{type(error).__name__}{': ' * bool(text)}{text}"
    advice = f" ({place}); correct it there" if place else "; see that it gives what the documentation asks for"
    details = "".join(traceback.StackSummary.from_list(frames).format())
    return UserError(f"{what}: '{name}' raised {said}{advice}", details)


def _asked_for_by(error: BaseException) -> tuple[str, str] | None:
    """The setting whose class or function an error came from, and what it says.

    Of several things in one file it is the one that the innermost frame belongs to. A helper in that file belongs to
    whoever called it, and what a class has inherited to the class of the object.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][::-1]
    passed = {frame.f_code.co_filename for frame in frames}
    settings = [setting for setting, file in _found.items() if file in passed]
    for frame in frames:
        for owner in (_class_of_first(frame), (frame.f_code.co_filename, frame.f_code.co_qualname.split(".")[0])):
            for setting in settings:
                if owner == (_found[setting], setting[1].partition(":")[2]):
                    return setting
    return next((s for frame in frames for s in settings if _found[s] == frame.f_code.co_filename), None)


def _class_of_first(frame: FrameType) -> tuple[str, str]:
    """File and name of the class of what a function was called with first: of a method, its object."""
    first = frame.f_locals.get(frame.f_code.co_varnames[0]) if frame.f_code.co_argcount else None
    found = first if isinstance(first, type) else type(first)
    return getattr(sys.modules.get(found.__module__), "__file__", None) or "", found.__qualname__


def _is_own(file: str, besides: str) -> bool:
    """Whether a file is a user's: neither an installed library's nor ours; ``besides``: the user's module."""
    path = Path(file)
    if file.startswith("<") or INSTALLED & set(path.parts) or any(path.is_relative_to(folder) for folder in LIBRARIES):
        return False
    if not path.is_relative_to(REPOSITORY):
        return True
    top = REPOSITORY / path.relative_to(REPOSITORY).parts[0]
    ours = top.suffix == ".py" or (top / "__init__.py").is_file()  # scripts and packages
    return top.stem == besides.partition(":")[0].partition(".")[0] or not ours
