"""The columns of a run's CSV log, for those who write it and those who read it."""


def loss_column(task: str) -> str:
    """The column of a task's loss, not multiplied by its weight."""
    return f"loss_{task}"


def metric_column(task: str, metric: str) -> str:
    """The column of a task's metric."""
    return f"{task}_{metric}"
