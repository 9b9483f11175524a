"""Which source files stand behind a piece of work."""

import functools
import tomllib
from pathlib import Path

import pytest
from conftest import REPOSITORY

from runtime.closure import OURS, WITHOUT_EFFECT, _file, _find_ours, closure, own_code, project_code

FILES = {
    "work.py": "import flat\nfrom nested import deep, value\nimport torch.nn\n",
    "flat.py": "def late():\n    import lazy\n    from nested.sub import thing\n",
    "lazy.py": "from importlib import import_module\nimport_module('by_name')\n",
    "by_name.py": "import work\n",
    "nested/__init__.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from nested import typed\n",
    "nested/deep.py": "from . import beside\nfrom .sub import other\n",
    "nested/typed.py": "",
    "nested/beside.py": "",
    "nested/sub/__init__.py": "",
    "nested/sub/other.py": "from ..up import x\nfrom .. import apart\n",
    "nested/sub/thing.py": "def (\n",
    "nested/up.py": "",
    "nested/apart.py": "",
    "nested/alone.py": "",
    "unused.py": "",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_imports_are_followed_wherever_they_stand(folder: Path) -> None:
    sources, others = closure(["work"], functools.partial(_file, folder))
    assert set(sources) == {
        "work", "flat", "lazy", "by_name", "nested", "nested.deep", "nested.typed", "nested.beside", "nested.sub",
        "nested.sub.other", "nested.sub.thing", "nested.up", "nested.apart",
    }  # fmt: skip
    assert others == {"torch", "typing", "importlib"}
    assert sources["flat"] == FILES["flat.py"].encode()


def test_the_users_modules_are_those_named_and_what_they_import(folder: Path) -> None:
    found, libraries = own_code(["nested.deep"], [folder])
    assert list(found) == [
        "nested", "nested.apart", "nested.beside", "nested.deep", "nested.sub", "nested.sub.other", "nested.typed",
        "nested.up",
    ]  # fmt: skip
    (folder / "nested" / "up.py").write_text("x = 1\n")
    changed, _ = own_code(["nested.deep"], [folder])
    assert {name for name in found if found[name] != changed[name]} == {"nested.up"}
    assert own_code(["work"], [folder])[1] >= {"torch"}


def test_our_packages_are_never_the_users(folder: Path) -> None:
    (folder / "mine.py").write_text("from dataloaders import Field\nfrom tasks.maps import MapTask\n")
    assert list(own_code(["mine"], [folder, REPOSITORY])[0]) == ["mine"]


def test_a_module_that_is_installed_counts_with_its_own_package_only() -> None:
    found, _ = own_code(["yaml"], [])
    assert "yaml.loader" in found and all(name.partition(".")[0] == "yaml" for name in found)
    assert own_code(["no_such_module"], []) == ({}, {"no_such_module"})


def test_the_packages_are_those_that_the_linter_knows() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert set(settings["tool"]["importlinter"]["root_packages"]) == set(OURS)


def test_scoring_stands_on_data_networks_tasks_and_the_method_but_not_on_the_renderer() -> None:
    sources, others = closure(["relatedness.snip.running"], _find_ours)
    below = "runtime.passes", "prune_utils.scores", "models.aspp", "tasks.depth", "dataloaders.batches.augmentation"
    for module in below:
        assert module in sources
    assert not [name for name in sources if name.startswith((*WITHOUT_EFFECT, "training", "reproduce"))]
    assert {"torch", "numpy", "PIL"} <= others


def test_a_hash_of_the_project_is_that_of_its_sources() -> None:
    code, libraries = project_code(["models"])
    assert project_code(["models"]) == (code, libraries) and "torchvision" in libraries
    assert project_code(["models", "tasks"])[0] != code
