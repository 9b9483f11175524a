"""What all tests share: where reference values and real frames are, and running a script as a user does."""

import contextlib
import importlib
import io
import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from dataloaders.rendering import Rendering
from dataloaders.rooms.folder import render_folder

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared"

Script = Callable[..., subprocess.CompletedProcess]
Reproduce = Callable[..., subprocess.CompletedProcess]

# Tests work on little data, where more threads only wait for one another; pytest-xdist runs tests side by side.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell's background jobs have it, and all that they start
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # as nohup leaves it
    signal.signal(signal.SIGHUP, signal.SIG_DFL)



@pytest.fixture
def shared() -> Path:
    """The folder of reference values and real frames, which is not part of the project."""
    if not (SHARED / "golden").is_dir():
        pytest.skip(f"reference values and real frames are not here ({SHARED})")
    return SHARED


@pytest.fixture
def run_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Run a script in an empty folder: ``run_script("json2tab.py", "--help")``.

    The script runs in this process, from its first line to its exit status, which saves the seconds that
    importing torch takes; ``own_process=True`` starts a new one.
    """

    def run(script: str, *arguments: object, own_process: bool = False) -> subprocess.CompletedProcess:
        command = [str(REPOSITORY / script), *map(str, arguments)]
        if own_process:
            command = [sys.executable, *command]
            return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", command)
        out, err = io.StringIO(), io.StringIO()
        with _as_in_a_new_process(tmp_path), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                runpy.run_path(command[0], run_name="__main__")
                status: object = 0
            except SystemExit as end:
                status = end.code
        returncode = status if isinstance(status, int) else int(status is not None)
        return subprocess.CompletedProcess(command, returncode, out.getvalue(), err.getvalue())

    return run


@contextlib.contextmanager
def _as_in_a_new_process(folder: Path) -> Iterator[None]:
    """What a script changes in its process is put back, and the test's own modules are forgotten."""
    path, handlers = list(sys.path), {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    environment = dict(os.environ)
    try:
        yield
    finally:
        sys.path[:] = path
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.environ.clear()
        os.environ.update(environment)
        _forget_modules(folder)


def _forget_modules(folder: Path) -> None:
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture(autouse=True)
def no_modules_of_other_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a test imported from its own folder is not what another test gets under the same name."""
    yield
    _forget_modules(tmp_path_factory.getbasetemp())


def assert_user_error(result: subprocess.CompletedProcess, *words: str) -> None:
    """Exit status 2 and, but for progress bars, one line on stderr that holds all of the words."""
    assert result.returncode == 2, result.stderr
    lines = [line for line in result.stderr.replace("\r", "\n").splitlines() if line.strip() and "%|" not in line]
    assert len(lines) == 1 and lines[0].startswith("error: "), result.stderr
    for word in words:
        assert word in lines[0], result.stderr


@pytest.fixture
def evidence_module(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Imports a module of docs/evidence as a YAML file beside it finds it."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(REPOSITORY / "docs" / "evidence")])
    return importlib.import_module


@pytest.fixture(scope="session")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few rendered rooms of 48 x 48 pixels in the Taskonomy layout, as the data root of ``sample``."""
    root = tmp_path_factory.mktemp("data") / "rooms"
    render_folder(root, Rendering("taskonomy", num_train=8, num_test=3, size=(48, 48)), workers=1)
    return root


def tiny(rooms: Path) -> list[str]:
    """Flags for the sample data set that make a script quick: small images and a network of a few channels."""
    settings = ["data.options={size: 48}", "data.crop=40", "data.batch_size=2"]
    settings += ["model.width=4", "model.head_channels=4"]
    return ["--data_root", str(rooms), "--num_workers", "0", *(part for s in settings for part in ("--set", s))]


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Threads that wait for each other make networks of a few weights slow on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def usual(rooms: Path, dest: Path) -> list[str]:
    """Flags that make reproduce_tables.py quick."""
    return [*tiny(rooms), "--set", "scoring.num_batches=2", "--device", "cpu", "--dest", str(dest)]


@pytest.fixture
def reproduce(run_script: Script, rooms: Path, tmp_path: Path) -> Reproduce:
    """Run the script on small pictures, with results in ``tmp_path / "out"``."""
    return lambda *flags, **options: run_script(
        "reproduce_tables.py", *usual(rooms, tmp_path / "out"), *flags, **options
    )


@pytest.fixture
def in_this_process(run_script: Script, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Children run in this process, which saves the seconds that each needs to start; their scripts are listed."""
    started: list[str] = []

    def child(words: list[str], log: Path, keep: object) -> int:
        started.append(words[0])
        result = run_script(*words)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as file:
            file.write(f"$ {words[0]}\n{result.stdout}{result.stderr}")
        return result.returncode

    monkeypatch.setattr("reproduce.running.children.run_child", child)
    return started


def tables(dest: Path) -> dict[str, Any]:
    """What tables.json holds."""
    return json.loads((dest / "tables.json").read_text())["tables"]
