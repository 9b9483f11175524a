"""What a job of a cluster does: the commands of some runs, one after another.

The class travels to the job by value, so that the job needs nothing of ours on its path.
"""

import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

INTERRUPTED = 130


@dataclass
class Chain:
    """Called in the job: runs every command whose run has had no failure.

    Attributes:
        repository: the folder of the scripts.
        runs: for each of them its commands, each with the file that takes what it prints.
        environment: variables of the commands.
    """

    repository: str
    runs: Sequence[Sequence[tuple[Sequence[str], str]]]
    environment: Mapping[str, str] = field(default_factory=dict)

    def __call__(self) -> list[int]:
        """The status of each run's last command."""
        sys.path.insert(0, self.repository)
        from pathlib import Path

        from reproduce.running.children import run_child

        ended: list[int] = []
        for commands in self.runs:
            status = 0
            for words, log in commands:
                # Slurm sends SIGUSR1 or SIGUSR2 before a time limit: time to save. The same command submits it again.
                soon = (signal.SIGUSR1, signal.SIGUSR2)
                status = run_child(words, Path(log), environment=self.environment, shown=False, further=soon)
                if status == INTERRUPTED:
                    return [*ended, status]
                if status != 0:
                    break
            ended.append(status)
        return ended
