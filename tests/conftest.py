"""What all tests share: where reference values and real frames are, and running a script as a user does."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared"

Script = Callable[..., subprocess.CompletedProcess]


@pytest.fixture
def shared() -> Path:
    """The folder of reference values and real frames, which is not part of the project."""
    if not (SHARED / "golden").is_dir():
        pytest.skip(f"reference values and real frames are not here ({SHARED})")
    return SHARED


@pytest.fixture
def run_script(tmp_path: Path) -> Script:
    """Run a script of the repository in an empty folder: ``run_script("json2tab.py", "--help")``."""

    def run(script: str, *arguments: object, timeout: float = 120) -> subprocess.CompletedProcess:
        command = [sys.executable, str(REPOSITORY / script), *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=timeout)

    return run


def assert_user_error(result: subprocess.CompletedProcess, *words: str) -> None:
    """Exit status 2 and one line on stderr that holds all of the words."""
    assert result.returncode == 2, result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), result.stderr
    for word in words:
        assert word in lines[0], result.stderr
