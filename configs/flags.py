"""The flags that all scripts share, declared once, and how a script ends."""

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from configs.errors import UserError
from configs.schema import Config, available, load_config

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line, as all our errors are."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; {self.prog} --help lists the flags")


def script_parser(description: str) -> Parser:
    """A parser with the flags of every script."""
    parser = Parser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    names = ", ".join(available())
    add = parser.add_argument_group("data set, device and output").add_argument
    add("--dataset", default="sample", help=f"{names}, or the path of your own YAML file")
    add("--data_root", type=Path, help="folder of the data set; the sample data is rendered if it is missing")
    add("--tasks", type=names_list, help="comma-separated tasks; default: all tasks of the data set")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add("--precision", default="fp32", choices=["fp32", "bf16"], help="bf16: mixed precision")
    add("--seed", type=seed, default=0, help="seed of every random generator")
    add("--num_workers", type=count, default=2, help="processes that read and augment images; 0: none")
    add("--dest", type=Path, help="where results go; default: results/<dataset>")
    add("--set", dest="overrides", action="append", default=[], metavar="section.key=value",
        help="override a setting of the YAML file; may be given more than once")
    return parser


def load_settings(arguments: argparse.Namespace) -> Config:
    """The settings that the shared flags ask for: YAML, then --set, then --data_root and --tasks."""
    config = load_config(arguments.dataset, arguments.overrides)
    if arguments.data_root is not None:
        data = config.data.model_copy(update={"root": arguments.data_root})
        config = config.model_copy(update={"data": data})
    return config.select_tasks(arguments.tasks)


def destination(arguments: argparse.Namespace, config: Config) -> Path:
    """The folder for results: --dest, or results/<dataset>."""
    return arguments.dest if arguments.dest is not None else Path("results") / config.name


def repeated(arguments: argparse.Namespace) -> list[str]:
    """The shared flags that were given, as words of a command line, for another command that needs the same ones."""
    words = []
    for name, default in vars(script_parser("").parse_args([])).items():
        value = getattr(arguments, name)
        if name == "overrides":
            words += [word for text in value for word in ("--set", text)]
        elif value != default:
            words += [f"--{name}", ",".join(value) if isinstance(value, list) else str(value)]
    return words


def names_list(text: str) -> list[str]:
    """``a,b`` as a list of names."""
    return [part.strip() for part in text.split(",") if part.strip()]


def count(text: str) -> int:
    """A whole number of 0 or more."""
    return _whole_number(text, 0)


def positive(text: str) -> int:
    """A whole number of 1 or more."""
    return _whole_number(text, 1)


def seed(text: str) -> int:
    """A seed that every random generator takes: from 0 to 2^31 - 1."""
    value = _whole_number(text, 0)
    if value >= 2**31:
        raise argparse.ArgumentTypeError(f"'{text}' is too large for a seed; the largest is {2**31 - 1}")
    return value


def percentages(text: str) -> list[int]:
    """``30,50,70`` as sparsities in percent, each above 0 and below 100, none twice."""
    values = [percentage(part) for part in names_list(text)]
    if not values or len(set(values)) != len(values):
        raise argparse.ArgumentTypeError(f"'{text}' should name each sparsity once, for instance 30,50,70,90")
    return values


def percentage(text: str) -> int:
    """A sparsity in percent, above 0 and below 100."""
    if not text.strip().isdecimal() or not 0 < int(text) < 100:
        raise argparse.ArgumentTypeError(f"'{text}' is not a sparsity in percent: whole numbers from 1 to 99")
    return int(text)


def run_script(main: Callable[[], None]) -> NoReturn:
    """Run a script's ``main`` and exit: 0, 2 after a user's mistake, 130 on Ctrl-C, 1 otherwise."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        main()
        sys.stdout.flush()
        status = 0
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        status = EXIT_USER_ERROR
    except KeyboardInterrupt as interrupt:
        state = str(interrupt) or "the same command goes on from the last state that was saved"
        sys.stderr.write(f"\ninterrupted; {state}\n")
        status = EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except Exception as error:
        if _was_interrupted(error):
            sys.stderr.write("\ninterrupted\n")
            status = EXIT_INTERRUPTED
        else:
            traceback.print_exc()
            status = 1
    sys.exit(status)


def _interrupt(number: int, frame: object) -> NoReturn:
    """A terminated run ends as an interrupted one does, its state saved; also in shells that ignore Ctrl-C."""
    raise KeyboardInterrupt


def _was_interrupted(error: BaseException | None) -> bool:
    """Whether an error came of Ctrl-C: while a library is being imported, it may wrap that in an error of its own."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _whole_number(text: str, least: int) -> int:
    if not text.strip().isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of {least} or more")
    return int(text)
