"""Where a script runs: device, precision, seeds, and the process group under ``torchrun``."""

import datetime
import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, distributed, nn

from configs.errors import UserError
from configs.locks import held
from runtime.launched import TOGETHER, end_with_parent, processes_from_environment, wait_for_first

MEET_WITHIN = 60.0
"""Seconds in which all processes must have started."""
WORK_WITHIN = datetime.timedelta(hours=2)
"""Reading a large data set or rendering the sample data on one process must not look like a hang to the others."""
LONGEST_REASON = 150

Net = TypeVar("Net", bound=nn.Module)


@dataclass(frozen=True)
class Runtime:
    """Device, precision and place among the processes of this run.

    Attributes:
        device: where tensors live.
        precision: "fp32", "tf32" (that, but CUDA's convolutions round to TF32) or "bf16" (mixed precision; parameters
            and losses stay in float32).
        rank: number of this process, from 0.
        world: number of processes.
    """

    device: torch.device
    precision: str
    rank: int = 0
    world: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process prints and writes."""
        return self.rank == 0

    @property
    def autocast(self) -> Callable[[], AbstractContextManager]:
        """Makes the context for forward passes in this precision."""
        if self.precision != "bf16":
            return nullcontext
        return partial(torch.autocast, self.device.type, dtype=torch.bfloat16)

    def arrange(self, net: Net) -> Net:
        """The network with its weights in the memory order in which this precision is fastest.

        Channels last in bf16: on a CPU, forwards and backwards through the full-size network take 8 % less time so. In
        fp32 they would take 10 % more, since the dilated convolutions are slower so. Tensor cores want it always.
        """
        last = self.precision == "bf16" or self.device.type == "cuda"
        return net.to(memory_format=torch.channels_last) if last else net

    @contextmanager
    def fixed_shapes(self) -> Iterator[None]:
        """Inside, batches have the same shape time and again, so that cuDNN may look for its fastest kernels."""
        before = torch.backends.cudnn.benchmark
        torch.backends.cudnn.benchmark = before or self.device.type == "cuda"
        try:
            yield
        finally:
            torch.backends.cudnn.benchmark = before

    def place(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """The batch with its tensors on the device; everything else as it is."""
        return {k: v.to(self.device, non_blocking=True) if isinstance(v, Tensor) else v for k, v in batch.items()}

    def sum_over_processes(self, tensors: Iterable[Tensor]) -> None:
        """Replace every tensor by its sum over the processes."""
        if self.world > 1:
            for tensor in tensors:
                distributed.all_reduce(tensor)

    def from_main(self, make: Callable[[], Any]) -> Any:
        """What the main process makes, any plain value, on every process; its UserError is raised on all of them."""
        value = mistake = None
        if self.is_main:
            try:
                value = make()
            except UserError as error:
                mistake = error
        value, mistake = self.agree((value, mistake))
        if mistake is not None:
            raise mistake
        return value

    def agree(self, value: Any) -> Any:
        """The main process's value, on every process; any plain value."""
        values = [value]
        if self.world > 1:
            distributed.broadcast_object_list(values, src=0)
        return values[0]

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes, in the order of their ranks, on every process; any plain values or tensors."""
        values = [value] * self.world
        if self.world > 1:
            distributed.all_gather_object(values, value)
        return values

    @contextmanager
    def alone(self, lock: Path, work: str) -> Iterator[None]:
        """Hold a lock inside, once for all processes.

        Raises:
            UserError: as ``configs.locks.held``, on every process.
        """
        with ExitStack() as stack:
            problem = None
            if self.is_main:
                try:
                    stack.enter_context(held(lock, work))
                except UserError as error:
                    problem = str(error)
            problem = self.agree(problem)
            if problem is not None:
                raise UserError(problem)
            yield

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.world > 1:
            distributed.barrier()


def start(device: str, precision: str) -> Runtime:
    """The runtime that the flags ask for; joins the process group when started by ``torchrun``.

    Raises:
        UserError: a device that is not there; an environment as torchrun would not leave it.
    """
    world, local_rank = processes_from_environment()
    chosen = choose_device(device, local_rank if world > 1 else None)
    if precision == "tf32" and chosen.type != "cuda":
        raise UserError(f"--precision: tf32 is a precision of CUDA devices, and this is {chosen}; use fp32 or bf16")
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    settle(Runtime(chosen, precision))
    if world == 1:
        return Runtime(chosen, precision)
    end_with_parent()
    _join_others("nccl" if chosen.type == "cuda" else "gloo")
    return Runtime(chosen, precision, distributed.get_rank(), distributed.get_world_size())


def _join_others(backend: str) -> None:
    """Join the process group once all processes that the environment speaks of are there.

    Raises:
        UserError: they do not come within ``MEET_WITHIN`` seconds.
    """
    wait_for_first(MEET_WITHIN)
    try:
        store, rank, world = next(distributed.rendezvous("env://", timeout=datetime.timedelta(seconds=MEET_WITHIN)))
        store.set(f"here {rank}", "")
        store.wait([f"here {other}" for other in range(world)])
        store.set_timeout(WORK_WITHIN)
        distributed.init_process_group(backend, store=store, rank=rank, world_size=world, timeout=WORK_WITHIN)
    except (RuntimeError, ValueError) as error:
        asked = f"WORLD_SIZE={os.environ['WORLD_SIZE']}, waited up to {MEET_WITHIN:.0f} s"
        reason = " ".join(str(error).split())[:LONGEST_REASON]
        raise UserError(f"the processes do not find one another ({asked}; {reason}); {TOGETHER}") from error


def settle(runtime: Runtime) -> None:
    """Let CUDA's convolutions round to TF32 only where that was asked for; torch would do so by itself.

    Matrix products never do: scores are compared by them.
    """
    if runtime.device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = runtime.precision == "tf32"
        torch.backends.cuda.matmul.allow_tf32 = False


def stop() -> None:
    """Leave the process group, if there is one."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def choose_device(name: str, local_rank: int | None = None) -> torch.device:
    """``auto``, ``cpu``, ``cuda`` or ``cuda:N``; with ``cuda`` or ``auto``, each local rank has a GPU of its own.

    Raises:
        UserError: an unknown name or a device that is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in {"cpu", "cuda"}:
        raise UserError(f"--device: '{name}' is none of auto, cpu, cuda, cuda:N")
    if device.type == "cpu":
        return device
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if found == 0:
        raise UserError(f"--device: {name} was asked for, but torch finds no CUDA device here; use --device cpu")
    index = device.index if device.index is not None else (local_rank or 0)
    if index >= found:
        raise UserError(f"--device: there is no cuda:{index}; torch finds {found} CUDA device(s), counted from cuda:0")
    return torch.device("cuda", index)


def seed_everything(seed: int) -> None:
    """Seed every random generator that a library may use."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
