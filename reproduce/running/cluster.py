"""Jobs that outlive this process: Slurm's, or processes of this machine, both by way of submitit."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from configs import UserError
from configs.locks import is_running
from configs.paths import REPOSITORY
from configs.strict_yaml import parse
from reproduce.running import chain
from reproduce.running.slots import slots
from reproduce.units import Unit, chains_of
from runtime.setup import Setup

Launcher = Literal["slurm", "local"]
LAUNCHERS: tuple[Launcher, ...] = ("slurm", "local")
FOLDER = "submitted"
"""In the folder of the tables: what submitit keeps of each job, and what the job itself prints."""
LONGEST = 7 * 24 * 60
"""Minutes that a job may take unless --submit timeout_min says otherwise."""
WAITING = {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT"}
"""Slurm's words for a job that is not running yet."""


@dataclass(frozen=True)
class Cluster:
    """Where runs are submitted to.

    Attributes:
        launcher: ``local``: processes on this machine.
        jobs: at a time; None: as many as Slurm lets run, one on this machine.
        threads: of each run.
        parameters: of submitit's executor, in place of ours or beside them.
    """

    launcher: Launcher
    jobs: int | None = None
    threads: int = 1
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def at_a_time(self, units: Sequence[Unit]) -> int:
        return self.jobs or (1 if self.launcher == "local" else len(units))

    def executor(self, setup: Setup) -> Any:
        """Submitit's.

        Raises:
            UserError: submitit or Slurm is not there, or does not know a parameter.
        """
        submitit = _submitit()
        usual: dict[str, Any] = {
            "name": f"{setup.config.name}_tables",
            "timeout_min": LONGEST,
            "cpus_per_task": self.threads + setup.num_workers,
        }
        if setup.flags.device.startswith("cuda"):
            usual["gpus_per_node"] = 1
        if self.jobs is not None and self.launcher == "slurm":
            usual["slurm_array_parallelism"] = self.jobs
        try:
            executor = submitit.AutoExecutor(folder=setup.dest / FOLDER, cluster=self.launcher)
            executor.update_parameters(**{**usual, **self.parameters})
        except (RuntimeError, NameError, ValueError, TypeError, AssertionError) as error:
            raise UserError(f"--launcher {self.launcher}: {_in_a_line(error)}; --submit sets its parameters") from error
        return executor

    def give(self, executor: Any, setup: Setup, units: Sequence[Unit]) -> list[tuple[str, list[Unit]]]:
        """Submit runs; returns each job's number and what it does.

        Raises:
            UserError: they were refused.
        """
        works = self._works(setup, units)
        try:
            with _detached(self.launcher), executor.batch():
                jobs = [executor.submit(work) for work, _ in works]
        except Exception as error:  # what sbatch says comes in several kinds
            reason = _in_a_line(error)
            raise UserError(f"--launcher {self.launcher}: refused: {reason}; --submit sets its parameters") from error
        return [(str(job.job_id), some) for job, (_, some) in zip(jobs, works, strict=True)]

    def _works(self, setup: Setup, units: Sequence[Unit]) -> list[tuple[chain.Chain, list[Unit]]]:
        """What each job does: in Slurm a run, with those that start from it; here as much as leaves so many jobs."""
        found = chains_of(units)
        environments = [{"OMP_NUM_THREADS": str(self.threads)}] * len(found)
        if self.launcher == "local":
            lanes = min(self.at_a_time(units), len(found))
            found = [[unit for some in found[lane::lanes] for unit in some] for lane in range(lanes)]
            environments = slots(lanes, self.threads, setup.flags.device, named=True)
        return [(_chain(some, variables), some) for some, variables in zip(found, environments, strict=True)]


def states_of(jobs: Mapping[str, Launcher], folder: Path) -> dict[str, str]:
    """``queued`` or ``running`` for each job that has not ended.

    Args:
        jobs: number -> launcher.
        folder: of the tables.

    Raises:
        UserError: Slurm does not answer.
    """
    found = {number: "running" for number, launcher in jobs.items() if launcher == "local" and _lives(number, folder)}
    numbers = [number for number, launcher in jobs.items() if launcher == "slurm"]
    return found | ({number: state for number, state in _queue(numbers).items() if number in jobs} if numbers else {})


def parameter(text: str) -> tuple[str, Any]:
    """``key=value`` of --submit, the value read as YAML.

    Raises:
        UserError: it is not of that form.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise UserError(f"--submit: '{text}' is not key=value, for instance slurm_partition=gpu")
    return key, parse(value, "--submit", (key,))


def _queue(numbers: Sequence[str]) -> dict[str, str]:
    arrays = sorted({number.partition("_")[0] for number in numbers})
    command = ["squeue", "--noheader", "--array", "--format=%i %T", f"--jobs={','.join(arrays)}"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        raise UserError(f"squeue, which tells of submitted runs, does not work ({error}); try again later") from error
    if answer.returncode != 0 and "Invalid job id" not in answer.stderr:  # which it says of a job long over
        raise UserError(f"squeue, which tells of submitted runs: {_in_a_line(answer.stderr)}; try again later")
    rows = [line.split() for line in answer.stdout.splitlines()]
    return {row[0]: "queued" if row[1] in WAITING else "running" for row in rows if len(row) == 2}


def _lives(number: str, folder: Path) -> bool:
    """Whether a process of this machine is still at its job."""
    ended = (folder / FOLDER / f"{number}_0_result.pkl").exists()
    return not ended and number.isdecimal() and is_running(int(number))


def _chain(units: Sequence[Unit], environment: Mapping[str, str]) -> chain.Chain:
    commands = [[(step.command, str(step.log.absolute())) for step in unit.steps] for unit in units]
    return chain.Chain(str(REPOSITORY), commands, environment)


def _submitit() -> Any:
    try:
        import cloudpickle
        import submitit
    except ImportError as error:
        raise UserError(f"--launcher: {error.name} is not installed; pip install submitit") from error
    cloudpickle.register_pickle_by_value(chain)
    return submitit


@contextmanager
def _detached(launcher: Launcher) -> Iterator[None]:
    """Processes that are started inside outlive this one's terminal, and hold none of its pipes open."""
    if launcher != "local":
        yield
        return
    sys.stdout.flush()
    sys.stderr.flush()
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    kept, nowhere = [os.dup(number) for number in (1, 2)], os.open(os.devnull, os.O_WRONLY)
    try:
        for number in (1, 2):
            os.dup2(nowhere, number)
        yield
    finally:
        for number, descriptor in zip((1, 2), kept, strict=True):
            os.dup2(descriptor, number)
        for descriptor in (*kept, nowhere):
            os.close(descriptor)
        signal.signal(signal.SIGHUP, before)


def _in_a_line(said: object) -> str:
    return " ".join(str(said).split())[:300]
