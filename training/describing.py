"""What a network on disk is: where it comes from, how well it does, how sparse it is, and what it costs."""

from pathlib import Path
from typing import Any

from torch import nn

from prune_utils.apply import kept_counts
from reports.evaluation import Cost, Counted, EvaluationFile, ImageCost, Sparsities
from reports.sparsity import sparsity_by_layer, sparsity_by_part
from runtime.identity import Identity
from runtime.setup import Setup
from training.checkpoints.checkpoint import Checkpoint
from training.costs import image_size, multiply_adds, parameters
from training.evaluation import ByClass, Results


def evaluation_file(
    setup: Setup, net: nn.Module, checkpoint: Checkpoint, path: Path, *,
    run: str, metrics: Results, by_class: ByClass, constant: Results | None, provenance: dict[str, Any],
    identity: Identity,
) -> EvaluationFile:  # fmt: skip
    """What ``eval_<run>.json`` is to hold; multiply-adds are those of one image of the test split.

    Args:
        path: of the checkpoint.
        run: name of the run.
    """
    height, width = image_size(setup)
    size, adds = parameters(net), multiply_adds(net, height, width)
    return EvaluationFile(
        run=run,
        dataset=setup.config.name,
        tasks=list(setup.tasks),
        method=checkpoint.method,
        ratio=checkpoint.ratio,
        checkpoint=str(path),
        checkpoint_bytes=path.stat().st_size,
        details=checkpoint.details,
        sparsity=_sparsities(net),
        parameters=Cost(dense=size.dense, sparse=size.sparse),
        multiply_adds=ImageCost(image=(height, width), dense=adds.dense, sparse=adds.sparse),
        metrics=metrics,
        by_class=by_class,
        constant=constant,
        higher_is_better={name: dict(task.higher_is_better) for name, task in setup.tasks.items()},
        config=setup.config.model_dump(mode="json"),
        provenance=provenance,
        identity=identity.model_dump(mode="json"),
    )


def _sparsities(net: nn.Module) -> Sparsities:
    counts = kept_counts(net)
    parts, layers = (
        {name: Counted.model_validate(row) for name, row in table(counts).to_dict("index").items()}
        for table in (sparsity_by_part, sparsity_by_layer)
    )
    return Sparsities(all=parts["all"].sparsity, parts=parts, layers=layers)
