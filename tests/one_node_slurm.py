"""A Slurm of one node, this machine, with folder, ports and key of its own.

It needs no service of the system's and no cgroups, so that it starts in a container as well.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
PROGRAMS = (*DAEMONS, "sbatch", "srun", "squeue", "scancel", "sinfo", "scontrol", "setpriv")
PATHS = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin{os.pathsep}/usr/local/sbin"
"""Where they are looked for: Debian's daemons are not on everybody's path."""
PATIENCE = 60.0
"""Seconds that daemons may take to start, and to end, on a busy machine."""
TRIES = 3
"""A port that was free may be taken by another before it is used."""

CONFIGURATION = """
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_min_interval=0,sched_interval=1,batch_sched_delay=0
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=10
MessageTimeout=60
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


class NoSlurm(Exception):
    """Why there is none, in a line."""


def until(true: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait for something.

    Raises:
        TimeoutError: it has not come.
    """
    end = time.monotonic() + patience
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {patience:.0f} s for {what}")
        time.sleep(0.05)


@contextmanager
def one_node_slurm(cpus: int = 2) -> Iterator[Mapping[str, str]]:
    """A Slurm that takes jobs; ended afterwards, and all of its jobs.

    Args:
        cpus: that jobs may take, however many there are.

    Yields:
        variables of the environment with which its commands find it.

    Raises:
        NoSlurm: it is not installed, or does not start.
    """
    missing = [name for name in PROGRAMS if shutil.which(name, path=PATHS) is None]
    if missing:
        raise NoSlurm(f"not installed: {', '.join(missing)}")
    with ExitStack() as stack:
        for left in reversed(range(TRIES)):
            try:
                variables = stack.enter_context(_started(cpus))
            except (OSError, subprocess.SubprocessError) as error:
                if not left or not isinstance(error, ChildProcessError):
                    raise NoSlurm(f"it does not start: {' '.join(str(error).split())}") from error
            else:
                break
        yield variables


@contextmanager
def _started(cpus: int) -> Iterator[Mapping[str, str]]:
    # Paths of sockets may have 107 characters, so that the folder is not where tests have theirs.
    with tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # munged wants its socket to be reached by all
        variables = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": PATHS}
        daemons: list[subprocess.Popen] = []
        try:
            _configure(folder, cpus)
            for command in _commands(folder):
                daemons.append(_start(command, folder, variables))
            until(lambda: _idle(daemons, folder, variables), "an idle node")
            yield variables
        finally:
            _end(daemons, variables)


def _configure(folder: Path, cpus: int) -> None:
    for part in ("state", "spool"):
        (folder / part).mkdir()
    key = folder / "munge.key"
    key.touch(0o600)
    key.write_bytes(secrets.token_bytes(128))
    host, (controller, node) = socket.gethostname().partition(".")[0], _free_ports(2)
    text = CONFIGURATION.format(
        folder=folder, host=host, user=os.getuid(), controller=controller, node=node, cpus=cpus
    )
    (folder / "slurm.conf").write_text(text)


def _free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _commands(folder: Path) -> list[Sequence[str]]:
    files = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    munge = [f"--{flag}={folder}/munge.{end}" for flag, end in files.items()]
    return [("munged", "--foreground", *munge), ("slurmctld", "-D", "-i"), ("slurmd", "-D")]


def _start(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> subprocess.Popen:
    # Should this process be killed, so are they.
    with (folder / f"{command[0]}.out").open("w") as out:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            env={**os.environ, **variables}, start_new_session=True,
        )  # fmt: skip


def _idle(daemons: Sequence[subprocess.Popen], folder: Path, variables: Mapping[str, str]) -> bool:
    for name, daemon in zip(DAEMONS, daemons, strict=True):
        if daemon.poll() is not None:
            said = (folder / f"{name}.out").read_text()[-300:]
            raise ChildProcessError(f"{name} ended with {daemon.returncode}: {said}")
    command = ["sinfo", "--noheader", "--format=%T"]
    with suppress(subprocess.TimeoutExpired):  # it asks a controller that has ended for long; look at that again
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=5, env={**os.environ, **variables}, check=False
        )
        return answer.stdout.split() == ["idle"]
    return False


def _end(daemons: Sequence[subprocess.Popen], variables: Mapping[str, str]) -> None:
    """The daemons, and what is left of jobs: of those that started it, slurmstepd outlives slurmd."""
    for daemon in reversed(daemons):
        daemon.terminate()
        try:
            daemon.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
    while left := _processes(variables["SLURM_CONF"]):
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.05)


def _processes(configuration: str) -> list[int]:
    """Those of this Slurm: all that it starts has the name of its configuration in the environment."""
    mark, found = f"SLURM_CONF={configuration}".encode(), []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended, or is another's
            if mark in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return [process for process in found if process != os.getpid()]
