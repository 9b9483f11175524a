"""Evaluation: every task's metrics over a split, and which of two networks is the better one."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from dataloaders import Loader, evaluation_loader, open_dataset
from prune_utils.modes import evaluation_mode
from runtime.setup import Setup
from tasks import Metrics, Task

Results = dict[str, dict[str, float]]
"""Task -> metric -> value, NaN where undefined."""
ByClass = dict[str, dict[str, dict[str, float]]]
"""Task -> metric -> class -> value, NaN where undefined; only tasks that have classes."""


@torch.no_grad()
def evaluate(
    net: nn.Module,
    setup: Setup,
    *,
    split: str = "test",
    tasks: Collection[str] | None = None,
    batches: int | None = None,
    after_batch: Callable[[int], object] = lambda images: None,
    watch: Callable[[Mapping[str, Tensor], Mapping[str, Any]], object] = lambda predictions, batch: None,
    at_end: Callable[[Mapping[str, Metrics]], object] = lambda metrics: None,
) -> Results:
    """Metrics of every task over a split, in memory that does not grow with it; on all processes together.

    Args:
        net: on the runtime's device; it is left in the mode, training or evaluation, that it was in.
        tasks: that the network predicts; None: all.
        batches: to look at, the first of the split; None: all.
        after_batch: called with the number of this process's images in each batch.
        watch: called with the predictions for each batch, and the batch.
        at_end: called with what was gathered of each task, on every process.

    Raises:
        UserError: unreadable data.
    """
    runtime, metrics = setup.runtime, _accumulators(setup, tasks)
    with evaluation_mode(net):
        for batch in islice(_loader(setup, split), batches):
            placed = runtime.place(batch)
            with runtime.autocast():
                predictions = net(placed["img"])
            for name, accumulator in metrics.items():
                accumulator.update(predictions[name].float(), placed)
            watch(predictions, placed)
            after_batch(len(placed["img"]))
    for accumulator in metrics.values():
        runtime.sum_over_processes(accumulator.state.values())
    results = {name: accumulator.compute() for name, accumulator in metrics.items()}
    at_end(metrics)
    return results


def by_class(metrics: Mapping[str, Metrics], tasks: Mapping[str, Task]) -> ByClass:
    """What was gathered of each class, under its name, or its number where there are not as many names."""
    found: ByClass = {}
    for name, accumulator in metrics.items():
        for metric, values in accumulator.by_class().items():
            names = tasks[name].class_names or ()
            if len(names) != len(values):  # as a user's own metrics may have it
                names = tuple(map(str, range(len(values))))
            found.setdefault(name, {})[metric] = dict(zip(names, values, strict=True))
    return found


def _accumulators(setup: Setup, tasks: Collection[str] | None) -> dict[str, Metrics]:
    """Of each of these tasks, on the device; None: of all."""
    metrics = {name: task.new_metrics() for name, task in setup.tasks.items() if tasks is None or name in tasks}
    for accumulator in metrics.values():
        accumulator.to(setup.runtime.device)
    return metrics


def _loader(setup: Setup, split: str) -> Loader:
    """This process's share of a split."""
    config, runtime = setup.config, setup.runtime
    return evaluation_loader(
        config,
        setup.keys,
        batch_size=config.train.eval_batch_size or config.data.batch_size,
        num_workers=setup.num_workers,
        split=split,
        part=(runtime.rank, runtime.world),
    )


def evaluate_with_bar(
    net: nn.Module,
    setup: Setup,
    **hooks: Any,
) -> Results:
    """Metrics of every task over the test split, with a progress bar on the main process; ``hooks`` of ``evaluate``."""
    images = len(open_dataset(setup.config, "test", keys=()))
    with tqdm(total=images, unit="img", disable=None if setup.runtime.is_main else True) as bar:
        return evaluate(net, setup, after_batch=lambda count: bar.update(count * setup.runtime.world), **hooks)


def results_text(results: Mapping[str, Mapping[str, float]]) -> str:
    """The main metric of every task in one line."""
    mains = {task: next(iter(values.items())) for task, values in results.items()}
    return ", ".join(f"{task} {metric} {value:.4g}" for task, (metric, value) in mains.items())


class Best:
    """Which validation was the best so far.

    A task's gain is (m - r) / (|m| + |r|), with the sign turned where less is better: m is its main metric (the
    first in ``higher_is_better``), r the first value of it that is neither undefined nor 0. It lies in [-1, 1], so no
    task outweighs the others because it began badly. The score is the mean gain of the tasks; an undefined metric
    counts -1.

    Attributes:
        iteration: of the best validation; None before the first.
    """

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        self._main = {name: task.main_metric for name, task in tasks.items()}
        self._references: dict[str, float] = {}
        self._rank: tuple[bool, float] | None = None
        self.iteration: int | None = None

    def update(self, results: Results, iteration: int, final_masks: bool = True) -> bool:
        """Note a validation; whether it is the best so far.

        Args:
            final_masks: whether the masks will not change any more; such a network always comes before others.
        """
        gains = [self._gain(task, results[task][metric], up) for task, (metric, up) in self._main.items()]
        rank = (final_masks, sum(gains) / len(gains))
        if self._rank is not None and rank <= self._rank:
            return False
        self._rank, self.iteration = rank, iteration
        return True

    def state_dict(self) -> dict[str, Any]:
        """Plain values."""
        rank = list(self._rank) if self._rank else None
        return {"references": dict(self._references), "rank": rank, "iteration": self.iteration}

    def resume(self, references: Mapping[str, float], rank: Sequence[Any] | None, iteration: int | None) -> None:
        """Go on from what ``state_dict`` gave."""
        self._references, self.iteration = dict(references), iteration
        self._rank = (bool(rank[0]), float(rank[1])) if rank else None

    def _gain(self, task: str, value: float, higher_is_better: bool) -> float:
        if not math.isfinite(value):
            return -1.0
        if value != 0:
            self._references.setdefault(task, value)
        reference = self._references.get(task, 0.0)
        size = abs(value) + abs(reference)
        gain = (value - reference) / size if size else 0.0
        return gain if higher_is_better else -gain
