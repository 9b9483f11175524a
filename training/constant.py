"""The best a network could do that does not look at the image: what every trained network has to beat."""

from collections.abc import Mapping

from torch import Tensor, nn

from dataloaders import evaluation_loader
from runtime.setup import Setup
from tasks import Task
from training.evaluation import Results, evaluate_with_bar


class ConstantNet(nn.Module):
    """Predicts the same for every pixel of every image.

    Args:
        values: for each task, [channels].
    """

    def __init__(self, values: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.tasks = list(values)
        for task, value in values.items():
            self.register_buffer(f"value_{task}", value.reshape(1, -1, 1, 1))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Predictions [N, channels, 1, 1] by task."""
        return {task: self.get_buffer(f"value_{task}").expand(len(x), -1, -1, -1) for task in self.tasks}


def without_constant(setup: Setup) -> list[str]:
    """In words, which tasks ``constant_network`` leaves out, and why."""
    return [
        f"no best constant of {name}: {type(task).__name__} has no constant_prediction; add that method to the class"
        for name, task in setup.tasks.items()
        if not _has_constant(task)
    ]


def _has_constant(task: Task) -> bool:
    return type(task).constant_prediction is not Task.constant_prediction


def evaluate_constant(setup: Setup) -> Results:
    """How well the best constants do on the test split, with a progress bar; tasks that say none are left out."""
    net = constant_network(setup)
    return evaluate_with_bar(net, setup, tasks=net.tasks) if net.tasks else {}


def constant_network(setup: Setup) -> ConstantNet:
    """The best constants of the training split: majority class, mean normal, median depth, median of a map.

    A task that does not say what its best constant is has no prediction.

    Raises:
        UserError: unreadable data.
    """
    config = setup.config
    size = config.train.eval_batch_size or config.data.batch_size
    values = {}
    for name, task in setup.tasks.items():
        if not _has_constant(task):
            continue
        batches = evaluation_loader(
            config, task.targets, batch_size=size, num_workers=setup.num_workers, split="train"
        )
        values[name] = task.constant_prediction(batches)
    return ConstantNet(values).to(setup.runtime.device)
