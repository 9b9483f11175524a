"""However a script ends, it says so in one line: streams that fail, interrupts during imports, memory, torchrun."""

import errno
import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from configs import UserError, flags
from configs.paths import REPOSITORY
from configs.process.interrupted import is_importing
from configs.process.memory import is_out_of_memory, out_of_memory_text
from configs.process.streams import Stream, unfailing_streams


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def status_of(main, monkeypatch: pytest.MonkeyPatch) -> object:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(SystemExit) as end:
            flags.run_script(main)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return end.value.code


@pytest.mark.parametrize(("where", "status"), [(">/dev/full", 2), (">&-", 0), ("2>/dev/full", 0), (">&- 2>&-", 0)])
def test_streams_that_are_full_or_closed(where: str, status: int, tmp_path: Path) -> None:
    code = "import sys; from configs import flags; flags.run_script(lambda: print('x', file=sys.stdout))"
    words = f"'{sys.executable}' -c \"{code}\" {where}"
    done = subprocess.run(["bash", "-c", words], cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stderr
    assert done.stderr.count("\n") == (1 if status else 0), done.stderr
    assert ("standard output: No space left" in done.stderr) == (status == 2)


def test_work_goes_on_when_nobody_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Full())
    done = []

    def main() -> None:
        sys.stderr.write("a bar")
        done.append(1)

    assert status_of(main, monkeypatch) == 0 and done == [1]


def test_a_character_that_the_terminal_lacks_is_escaped() -> None:
    raw = io.BytesIO()
    stream = Stream(io.TextIOWrapper(raw, encoding="ascii"))
    stream.write("0.5 \N{PLUS-MINUS SIGN} \udc80\n")
    stream.flush()
    assert raw.getvalue() == rb"0.5 \xb1 \udc80" + b"\n" and stream.failure is None


def test_streams_are_put_back() -> None:
    before = sys.stdout, sys.stderr
    with unfailing_streams():
        assert isinstance(sys.stdout, Stream)
    assert (sys.stdout, sys.stderr) == before


def test_out_of_memory_names_place_size_and_remedy(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    import torch

    def main() -> None:
        torch.empty(1 << 50)

    assert status_of(main, monkeypatch) == 2
    said = capsys.readouterr().err
    place = "tests/configs/test_endings.py, main"
    assert said.startswith(f"error: out of memory in {place}, which asked for 4194304.00 GiB")
    assert said.count("\n") == 1 and "data.batch_size" in said
    assert not is_out_of_memory(RuntimeError("shapes differ")) and "; a smaller" in out_of_memory_text(MemoryError())


def test_an_import_of_main_itself_is_told_from_others() -> None:
    def frame(name: str, back: object = None, code: object = None) -> SimpleNamespace:
        return SimpleNamespace(f_code=code or SimpleNamespace(co_filename=name), f_back=back)

    code = SimpleNamespace(co_filename="script.py")
    main = frame("script.py", frame("flags.py"), code)
    importing = frame("torch/__init__.py", frame("<frozen importlib._bootstrap>", main))
    lazily = frame("<frozen importlib._bootstrap>", frame("paths.py", main))
    assert is_importing(importing, code)
    assert not is_importing(lazily, code) and not is_importing(main, code) and not is_importing(None, code)


def test_ctrl_c_while_a_library_is_imported(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import os, signal\ntry:\n    os.kill(os.getpid(), signal.SIGINT)\n    import json.tool\n"
        "except BaseException:\n    raise ImportError('wrapped') from None\n"
    )
    main = "def main():\n    import slow\n"
    (tmp_path / "run.py").write_text(f"from configs import flags\n\n{main}\nflags.run_script(main)\n")
    (tmp_path / "early.py").write_text("import configs\nraise KeyboardInterrupt\n")
    environment = {**os.environ, "PYTHONPATH": f"{REPOSITORY}:{tmp_path}"}
    for script in ("run.py", "early.py"):
        command = [sys.executable, str(tmp_path / script)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
        assert done.returncode == 130 and "Traceback" not in done.stderr, done.stderr
        assert done.stderr.strip() == "interrupted; nothing had begun"


def test_of_several_processes_with_a_mistake_the_first_one_tells(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def main() -> None:
        raise UserError("wrong")

    waited: list[float] = []
    monkeypatch.setattr(flags.time, "sleep", waited.append)
    monkeypatch.setenv("RANK", "0")
    assert status_of(main, monkeypatch) == 2 and not waited and capsys.readouterr().err == "error: wrong\n"

    def ended_by_torchrun(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(flags.time, "sleep", ended_by_torchrun)
    assert status_of(main, monkeypatch) == 130 and capsys.readouterr().err == ""
