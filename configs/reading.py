"""Settings as plain values: found, read from YAML, laid over the file that they extend, overridden by ``--set``."""

from pathlib import Path
from typing import Any

from configs.errors import UserError
from configs.paths import read_regular
from configs.strict_yaml import DEEPEST, LONGEST_TEXT, check_text, parse

CONFIG_FOLDER = Path(__file__).parent
SUFFIXES = (".yaml", ".yml")
LONGEST_CHAIN = 16
"""Files that extend one another; more are a mistake, and each costs time."""


def available() -> list[str]:
    """Names of the settings that come with the project."""
    return sorted(path.stem for path in CONFIG_FOLDER.glob("*.yaml"))


def find_config(name_or_path: str) -> Path:
    """The YAML file for ``--dataset``: a name from configs/ or the path of the user's own file.

    Raises:
        UserError: there is neither.
    """
    if name_or_path in available():
        return CONFIG_FOLDER / f"{name_or_path}.yaml"
    choices = ", ".join(available())
    if name_or_path.endswith(SUFFIXES):
        return _existing(Path(name_or_path), "--dataset", f"choose from {choices}, or a .yaml file")
    raise UserError(f"--dataset: unknown data set '{name_or_path}'; choose from {choices}, or a .yaml file")


def read_settings(path: Path) -> dict[str, Any]:
    """What a YAML file sets, over what the files set that it extends.

    Raises:
        UserError: a file is missing, no regular file, too large, not YAML, or extends itself.
    """
    layers: list[dict[str, Any]] = []
    seen: list[Path] = []
    here: Path | None = path.resolve()
    while here is not None:
        seen.append(here)
        settings = _read(here)
        base = settings.pop("extends", None)
        layers.insert(0, settings)
        here = None if base is None else _extended(seen, base)
        if here is not None:
            settings.setdefault("name", seen[-1].stem)
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = _merge(merged, layer)
    return merged


def override(settings: dict[str, Any], text: str) -> None:
    """Set what ``section.key=value`` says, the value read as YAML.

    Raises:
        UserError: it is not of that form, names a value as a section, or its value is not YAML.
    """
    check_text(text, "--set")
    key, equals, value = text.partition("=")
    keys = tuple(key.strip().split("."))
    if not equals or len(keys) < 2 or not all(keys):
        raise UserError(f"--set: '{text}' is not section.key=value, for instance data.crop=161")
    if len(keys) > DEEPEST:
        raise UserError(f"--set: {key}: more than {DEEPEST} sections deep; there are no such settings")
    place = settings
    for section in keys[:-1]:
        place = place.setdefault(_known(place, section), {})
        if not isinstance(place, dict):
            raise UserError(f"--set: {key}: '{section}' is a value, not a section; name a section")
    place[_known(place, keys[-1])] = parse(value, "--set", keys)


def _known(place: dict[Any, Any], key: str) -> Any:
    """The key of that spelling which is there already; it may be a whole number."""
    return next((known for known in place if str(known) == key), key)


def _read(path: Path) -> dict[str, Any]:
    try:
        # Four bytes a character at most, and the mark with which some editors begin a file.
        text = read_regular(path, 4 * LONGEST_TEXT).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: cannot be read as YAML: {error}; save it as UTF-8") from error
    settings = parse(text, str(path))
    if not isinstance(settings, dict) or not all(isinstance(key, str) for key in settings):
        raise UserError(f"{path}: expected a mapping of settings (name, data, model, tasks, ...)")
    return settings


def _extended(seen: list[Path], base: Any) -> Path:
    """The file that the last one of a chain extends."""
    path, choices = seen[-1], ", ".join(available())
    if not isinstance(base, str):
        raise UserError(f"{path}: extends: {base!r} is not a name; choose from {choices}, or a .yaml file beside it")
    if len(seen) >= LONGEST_CHAIN:
        raise UserError(f"{path}: extends: a chain of more than {LONGEST_CHAIN} files; put some together")
    advice = f"choose from {choices}, or a .yaml file beside it"
    if base.endswith(SUFFIXES):
        found = _existing(path.parent / base, f"{path}: extends", advice)
    elif base in available():
        found = (CONFIG_FOLDER / f"{base}.yaml").resolve()
    else:
        raise UserError(f"{path}: extends: no settings '{base}'; {advice}")
    if found in seen:
        raise UserError(f"{path}: extends: the file extends itself, perhaps by way of others; name another")
    return found


def _existing(path: Path, where: str, advice: str) -> Path:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"{where}: no such file: {path}; {advice}") from error
    except (OSError, ValueError) as error:  # too long, a loop of links, a NUL
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{where}: cannot open {path}: {reason}; {advice}") from error
    return path.resolve()


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """``changes`` over ``base``, section by section; a ``tasks`` section replaces the base's whole."""
    merged = dict(base)
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(merged.get(key), dict) and key != "tasks"
        merged[key] = _merge(merged[key], value) if nested else value
    return merged
