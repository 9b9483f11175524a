"""The flags that all scripts share, declared once, and how a script begins and ends."""

import argparse
import errno
import os
import shlex
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

from configs.errors import UserError
from configs.plugins import all_users_code
from configs.process.interrupted import EXIT_INTERRUPTED, interrupt_by_signals, is_first_process, was_interrupted
from configs.process.memory import is_out_of_memory, out_of_memory_text
from configs.process.streams import unfailing_streams
from configs.reading import available
from configs.schema import Config, load_config

EXIT_USER_ERROR = 2
ERRORS_IN_OUTPUT = "META_SPARSE_ERRORS_IN_OUTPUT"
"""Environment variable: errors are written to standard output too, where that is the log of a run."""
MOST, MOST_PROCESSES = 10_000_000, 1000
"""Counts end where no machine gets to the end of them, so that a slip of the finger is not an exhausted memory."""
MOST_DIGITS = 20
"""Python reads no more than some thousand digits as a number."""
PATIENCE = 60.0
"""Seconds in which the first process of torchrun, if it has the same mistake, says so and all others are ended."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line, as all our errors are."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; {self.prog} --help lists the flags")


class Help(argparse.ArgumentDefaultsHelpFormatter):
    """Help that says every default that the text has not said; a description's indented lines stay as they are."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        none = action.default is None or action.default is False or action.default == ()  # but 0 is one
        return action.help if none or "default:" in (action.help or "") else super()._get_help_string(action)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        fill = super()._fill_text
        parts = text.strip().split("\n\n")
        return "\n\n".join(part if part.startswith(" ") else fill(part, width, indent) for part in parts)


@dataclass(frozen=True)
class SharedFlags:
    """The flags that every script has, as they were given.

    Attributes:
        tasks: names; None: all tasks of the data set.
        dest: the folder for results; None: results/<dataset>.
        overrides: ``section.key=value`` of each --set.
    """

    dataset: str = "sample"
    data_root: Path | None = None
    tasks: tuple[str, ...] | None = None
    device: str = "auto"
    precision: str = "fp32"
    seed: int = 0
    num_workers: int = 2
    dest: Path | None = None
    overrides: tuple[str, ...] = ()

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> "SharedFlags":
        """The shared ones among a script's flags."""
        return cls(**{field.name: getattr(arguments, field.name) for field in fields(cls)})

    def words(self) -> list[str]:
        """As words of a command line, for another command that needs the same ones; defaults are left out."""
        words = []
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "overrides":
                words += [word for text in value for word in ("--set", text)]
            elif value != field.default:
                words += [f"--{field.name}", ",".join(value) if isinstance(value, tuple) else str(value)]
        return words

    def command(self, script: str, *words: str) -> str:
        """A command with these flags, as a user would type it.

        Args:
            script: its file, such as ``launch_training.py``.
            words: flags of its own.
        """
        return shlex.join(["python", script, *words, *self.words()])

    def settings(self, all_tasks: bool = False) -> Config:
        """The settings that are asked for: YAML, then --set, then --data_root and, unless ``all_tasks``, --tasks."""
        config = load_config(self.dataset, list(self.overrides))
        if self.data_root is not None:
            data = config.data.model_copy(update={"root": self.data_root})
            config = config.model_copy(update={"data": data})
        return config if all_tasks else config.select_tasks(self.tasks)

    def destination(self, config: Config) -> Path:
        """The folder for results."""
        return self.dest if self.dest is not None else Path("results") / config.name


def script_parser(description: str) -> Parser:
    """A parser with the flags of every script."""
    parser = Parser(description=description, formatter_class=Help)
    names, usual = ", ".join(available()), SharedFlags()
    add = parser.add_argument_group("data set, device and output").add_argument
    add("--dataset", default=usual.dataset, help=f"{names}, or the path of your own YAML file")
    add("--data_root", type=Path, help="folder of the data set; the sample data is rendered if it is missing")
    add("--tasks", type=names_list, help="comma-separated tasks; default: all tasks of the data set")
    add("--device", default=usual.device, help="auto, cpu, cuda or cuda:N")
    add("--precision", default=usual.precision, choices=["fp32", "tf32", "bf16", "auto"],
        help="bf16: mixed precision; tf32: convolutions on CUDA; auto: the fastest, measured once")
    add("--seed", type=seed, default=usual.seed, help="seed of every random generator")
    add("--num_workers", type=processes, default=usual.num_workers, help="processes that read images; 0: none")
    add("--dest", type=Path, help="where results go; default: results/<dataset>")
    add("--set", dest="overrides", type=str, action=_Append, default=usual.overrides, metavar="section.key=value",
        help="override a setting of the YAML file; may be given more than once")
    return parser


class _Append(argparse.Action):
    """Adds to a tuple, which unlike argparse's own list no two parsers can share."""

    def __call__(self, parser: object, namespace: argparse.Namespace, values: Any, option: str | None = None) -> None:
        setattr(namespace, self.dest, (*getattr(namespace, self.dest), values))


def names_list(text: str) -> tuple[str, ...]:
    """``a,b`` as names."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def processes(text: str) -> int:
    """A number of processes beside this one, from 0 to 1,000."""
    return _whole_number(text, 0, MOST_PROCESSES, "no machine runs more at once")


def positive(text: str) -> int:
    """A whole number from 1 to ten million: batches, networks, iterations."""
    return _whole_number(text, 1, MOST, "more would take years")


def seed(text: str) -> int:
    """A seed that every random generator takes: from 0 to 2^31 - 1."""
    return _whole_number(text, 0, 2**31 - 1, "random generators take no larger seed")


def percentages(text: str) -> tuple[int, ...]:
    """``30,50,70`` as sparsities in percent, each above 0 and below 100, none twice."""
    values = tuple(percentage(part) for part in names_list(text))
    if not values or len(set(values)) != len(values):
        raise argparse.ArgumentTypeError(f"'{text}' should name each sparsity once, for instance 30,50,70,90")
    return values


def percentage(text: str) -> int:
    """A sparsity in percent, above 0 and below 100."""
    if not text.strip().isdecimal() or len(text) > MOST_DIGITS or not 0 < int(text) < 100:
        raise argparse.ArgumentTypeError(f"'{text}' is not a sparsity in percent: whole numbers from 1 to 99")
    return int(text)


def run_script(main: Callable[[], None]) -> NoReturn:
    """Run a script's ``main`` and exit: 0, 2 after a user's mistake, 130 on Ctrl-C, 1 otherwise.

    ``main`` reads the flags first and imports torch, pandas and matplotlib afterwards, so that ``--help`` and mistakes
    in flags are answered at once.
    """
    # Processes that read images compete with torch's threads for the cores; threads that wait in a busy loop, as they
    # do by default, then slow training several times. Torch reads this when it is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    with unfailing_streams() as (stdout, _):
        interrupt_by_signals(main)
        try:
            status = _status_of(main)
        except KeyboardInterrupt:  # a second signal, or torchrun's while this process waited for its turn to complain
            status = EXIT_INTERRUPTED
        stdout.flush()
        if status == 0 and isinstance(stdout.failure, BrokenPipeError):  # our reader went away, as `| head` does
            status = 1
        elif status == 0 and stdout.failure is not None and stdout.failure.errno != errno.EBADF:
            _complain(f"error: standard output: {stdout.failure.strerror}; what was printed is lost, files are written")
            status = EXIT_USER_ERROR
    sys.exit(status)


def _status_of(main: Callable[[], None]) -> int:
    """The exit status, after what there is to say has been said."""
    try:
        with all_users_code():
            main()
    except UserError as error:
        _complain(f"error: {error}\n{error.details}")
        return EXIT_USER_ERROR
    except KeyboardInterrupt as interrupt:
        return _interrupted(f"; {str(interrupt) or 'the same command goes on from what was saved, if anything was'}")
    except Exception as error:
        if was_interrupted(error):
            return _interrupted("")
        if is_out_of_memory(error):
            _complain(f"error: {out_of_memory_text(error)}")
            return EXIT_USER_ERROR
        _complain(traceback.format_exc())
        return 1
    return 0


def _complain(text: str) -> None:
    """Print to standard error; of several processes with the same mistake only the first does."""
    if not is_first_process():
        time.sleep(PATIENCE)
    _tell(f"{text.rstrip()}\n")


def _interrupted(state: str) -> int:
    if is_first_process():
        _tell(f"\ninterrupted{state}\n")
    return EXIT_INTERRUPTED


def _tell(text: str) -> None:
    sys.stderr.write(text)
    if ERRORS_IN_OUTPUT in os.environ:
        sys.stdout.write(text)


def _whole_number(text: str, least: int, most: int, reason: str) -> int:
    digits = text.strip()
    if not digits.isdecimal() or (len(digits) < MOST_DIGITS and int(digits) < least):
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of {least} or more")
    if len(digits) >= MOST_DIGITS or int(digits) > most:
        raise argparse.ArgumentTypeError(f"'{text}' is above {most:,}; {reason}")
    return int(digits)
