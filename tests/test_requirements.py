"""requirements.txt names what is imported, and nothing else; requirements-optional.txt what only some uses need."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
TESTS, BENCHMARKS = REPOSITORY / "tests", REPOSITORY / "benchmarks"
OURS = {path.stem for folder in (REPOSITORY, TESTS) for path in folder.iterdir()}
OTHER_NAMES = {"PIL": "pillow", "sklearn": "scikit-learn", "yaml": "pyyaml", "cloudpickle": "submitit"}
"""What is installed under another name than it is imported by."""


def imported(files: Iterable[Path]) -> set[str]:
    """Names to install of all that these files import, and that is neither ours nor Python's."""
    modules = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules.add(str(node.module).split(".")[0])
    return {OTHER_NAMES.get(name, name).replace("_", "-") for name in modules - OURS - sys.stdlib_module_names}


def required(name: str) -> set[str]:
    lines = (REPOSITORY / name).read_text(encoding="utf-8").splitlines()
    return {re.split(r"[\[<>=~! ]", line)[0].lower() for line in lines if line and line[0] not in "-#"}


def test_every_requirement_is_imported_and_every_import_required():
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    files = [*REPOSITORY.glob("*.py")]
    for package in settings["tool"]["importlinter"]["root_packages"]:
        files += (REPOSITORY / package).rglob("*.py")
    found = imported(files)
    assert required("requirements.txt") <= found <= required("requirements.txt") | required("requirements-optional.txt")


def test_what_only_tests_and_benchmarks_import_is_required_for_development():
    found = imported([*TESTS.rglob("*.py"), *BENCHMARKS.rglob("*.py")])
    names = ("requirements.txt", "requirements-optional.txt", "requirements-dev.txt")
    assert found <= set().union(*map(required, names))


def test_what_is_optional_is_named_where_it_is_missing():
    """A user is told what to install, by the name in the requirements."""
    packages = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    sources = [path for name in packages["root_packages"] for path in (REPOSITORY / name).rglob("*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    for name in required("requirements-optional.txt"):
        assert re.search(rf"pip install {name}|[:=] \"{name}\"", text), name


def test_an_installation_has_every_package_and_leaves_nothing_to_commit():
    """``pip install -e .`` lets modules of one's own, elsewhere, import all of ours."""
    tools = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    packages = {path.parent.name for path in REPOSITORY.glob("*/__init__.py")} - {"benchmarks", "docs", "tests"}
    assert packages == set(tools["importlinter"]["root_packages"])
    assert {f"{name}*" for name in packages} == set(tools["setuptools"]["packages"]["find"]["include"])
    assert "*.egg-info/" in (REPOSITORY / ".gitignore").read_text(encoding="utf-8").splitlines()
