"""A user's own code: found, and its errors told in one line with the setting and the user's own place."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from configs import UserError
from configs.plugins import all_users_code, resolve, users_code

WHAT = "thing (mine.yaml: some.thing)"


@pytest.fixture
def find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Write the user's module and find something in it."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def found(text: str, attribute: str = "thing") -> Any:
        (tmp_path / "users_own.py").write_text(text)
        sys.modules.pop("users_own", None)
        return resolve(f"users_own:{attribute}", {"built_in": 1}, WHAT, tmp_path)

    yield found
    sys.modules.pop("users_own", None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\nraise ValueError('no such\\nthing')", r"raised ValueError: no such thing \({file}:2, in <module>\)"),
        ("\n\nimport sys; sys.exit(0)", r"raised SystemExit: 0 \({file}:3, in <module>\)"),
        ("exit()", r"raised SystemExit.* \({file}:1, in <module>\)"),
        ("def thing(:\n    pass", r"raised SyntaxError: .* \({file}:1\)"),
        ("import no_such_library", r"raised ModuleNotFoundError: .*no_such_library.* \({file}:1, in <module>\)"),
        ("import json\njson.nothing", r"raised AttributeError: .*'nothing' \({file}:2, in <module>\)"),
        ("import json\njson.loads('{')", r"raised JSONDecodeError: .* \({file}:2, in <module>\)"),
        ("class Mute(Exception):\n    def __str__(self): raise ValueError\nraise Mute", r"raised Mute: .* \({file}:3"),
        ("raise ValueError('x' * 100000)", r"raised ValueError: x{{300}}\.\.\. \({file}:1"),
    ],
)
def test_what_a_module_raises_is_one_line(find: Callable[..., Any], tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said.format(file=tmp_path / "users_own.py")) as caught:
        find(text)
    assert str(caught.value).startswith(f"{WHAT}: 'users_own:thing' raised ") and "\n" not in str(caught.value)


def test_a_module_that_is_not_there_and_a_name_that_is_not_in_it(find: Callable[..., Any]) -> None:
    assert resolve("built_in", {"built_in": 1}, WHAT) == 1
    assert find("thing = 3") == 3
    with pytest.raises(UserError, match="has no attribute 'other'"):
        find("thing = 3", "other")
    with pytest.raises(UserError, match="cannot import 'no_such_module' .*put the module beside the YAML file"):
        resolve("no_such_module:thing", {}, WHAT)
    for name in ("other", "a:", ":b", "..up:thing", "a b:thing"):
        with pytest.raises(UserError, match=rf"unknown thing .*'{name}'; choose from built_in"):
            resolve(name, {"built_in": 1}, WHAT)


CALLS_OURS = """
from configs.flags import percentages

def thing():
    return helper()

def helper():
    return percentages(None)
"""


def test_the_users_own_frames_are_kept_and_ours_left_out(find: Callable[..., Any], tmp_path: Path) -> None:
    thing, file = find(CALLS_OURS), tmp_path / "users_own.py"
    with pytest.raises(UserError, match=rf"AttributeError: .* \({file}:8, in helper\)") as caught, all_users_code():
        thing()
    details = caught.value.details
    assert f'File "{file}", line 5, in thing\n    return helper()\n' in details
    assert f'File "{file}", line 8, in helper\n    return percentages(None)\n' in details
    assert "configs/flags.py" not in details and "configs/plugins.py" not in details


NO_FAULTS = [
    UserError("a line"), KeyboardInterrupt(), GeneratorExit(), MemoryError(),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
    OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
]  # fmt: skip


def test_an_error_that_is_no_exception_is_told_too() -> None:
    with pytest.raises(UserError, match="'mine:Data' raised BaseException: odd"), users_code("data set", "mine:Data"):
        raise BaseException("odd")


def test_around_a_call_the_setting_is_the_one_given() -> None:
    said = r"^data set \(x\): 'mine:Data' raised SystemExit: 0"
    with pytest.raises(UserError, match=said), users_code("data set (x)", "mine:Data"):
        sys.exit(0)


@pytest.mark.parametrize("error", NO_FAULTS)
def test_what_is_no_fault_of_the_code_passes(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, all_users_code(), users_code(WHAT, "mine:thing"):
        raise error
    assert caught.value is error


def test_an_interrupt_that_a_library_wrapped_passes() -> None:
    with pytest.raises(ImportError), users_code(WHAT, "mine:thing"):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise ImportError("while it was imported") from None


def test_an_error_that_is_its_own_cause() -> None:
    error = ValueError("round and round")
    error.__cause__ = error
    with pytest.raises(UserError, match="ValueError: round and round"), users_code(WHAT, "mine:thing"):
        raise error


def test_errors_of_ours_pass(find: Callable[..., Any]) -> None:
    find("thing = 3")
    with pytest.raises(ZeroDivisionError), all_users_code(), users_code(WHAT, "built_in"):
        1 / 0  # noqa: B018
    with pytest.raises(SystemExit), all_users_code():
        sys.exit(3)


TWO = "def first():\n    raise ValueError\nclass Second:\n    def __call__(self):\n        first()\n"


def test_of_two_things_in_a_file_the_one_that_failed_is_named(find: Callable[..., Any]) -> None:
    find(TWO, "Second")
    first = resolve("users_own:first", {}, "other thing (mine.yaml: other.thing)")
    with pytest.raises(UserError, match=r"^other thing .*'users_own:first' raised ValueError \("), all_users_code():
        first()


SHARED = """
class Data:
    def read(self):
        fail()
class Base:
    def loss(self):
        fail()
class Task(Base):
    pass
class Other(Base):
    def loss(self):
        super().loss()
def fail():
    raise ValueError
"""


@pytest.mark.parametrize(("name", "call"), [("Data", "read"), ("Task", "loss"), ("Other", "loss")])
def test_what_a_file_of_several_things_shares_is_blamed_on_the_one_that_came_to_it(
    find: Callable[..., Any], name: str, call: str
) -> None:
    """A helper, or what a class has inherited, has a name of its own, which no setting names."""
    found = {"Data": find(SHARED, "Data")}
    for other in ("Task", "Other"):
        found[other] = resolve(f"users_own:{other}", {}, f"{other} (mine.yaml: {other})")
    said = WHAT if name == "Data" else f"{name} (mine.yaml: {name})"
    with pytest.raises(UserError) as caught, all_users_code():
        getattr(found[name](), call)()
    assert str(caught.value).startswith(f"{said}: 'users_own:{name}' raised ValueError ("), str(caught.value)
