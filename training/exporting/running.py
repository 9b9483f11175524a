"""Writing a network in several forms, each compared with its checkpoint before it is kept, and timing all of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from configs import UserError
from configs.paths import replacing
from reports.export import ExportedForm
from training.costs import multiply_adds, parameters
from training.exporting.formats.base import Format, Predict
from training.exporting.source import Source, difference, exactly
from training.exporting.timing import side_by_side


@dataclass(frozen=True)
class Written:
    """A form of the network.

    Attributes:
        form: its name.
        file: None: it is in no file.
        size: in bytes.
        network: whose parameters and multiply-adds are counted.
        predict: the network itself.
        difference: of its predictions from the checkpoint's; None: not compared.
    """

    form: str
    file: Path | None
    size: int
    network: nn.Module
    predict: Predict
    difference: float | None


def write(form: Format, source: Source, path: Path) -> Written:
    """Write one form, read it back, compare it on every frame, and only then give it its name.

    Raises:
        UserError: it cannot be written, or its predictions are not the checkpoint's.
    """
    with replacing(path) as temporary:
        form.write(source, temporary)
        predict = form.open(source, temporary)
        with exactly():
            found = [predict(frame) for frame in source.frames]
        error = max(difference(expected, given) for expected, given in zip(source.outputs, found, strict=True))
        if error > form.tolerance:
            raise UserError(
                f"--formats: {form.name} predicts otherwise than {source.path} (by {error:.1e}, at most "
                f"{form.tolerance:.0e}), so {path.name} is not written; leave {form.name} out"
            )
        size = temporary.stat().st_size
    return Written(form.name, path, size, form.counted(source), predict, error)


def as_it_was(source: Source) -> list[Written]:
    """What the forms are set beside: the network without its masks, and with them, as its checkpoint has it."""
    bare = sum(tensor.numel() * tensor.element_size() for tensor in source.checkpoint.weights.values())
    size = source.path.stat().st_size
    return [
        Written("dense", None, bare, source.dense, source.dense, None),
        Written("checkpoint", source.path, size, source.net, source.net, 0.0),
    ]


def measured(source: Source, forms: Sequence[Written], repeats: int) -> list[ExportedForm]:
    """Counts of all forms, and their times an image, taken in turns."""
    frame = source.frames[0]
    height, width = frame.shape[-2:]
    works = {form.form: _once(form.predict, frame) for form in forms}
    with _as_used(source, [form.predict for form in forms]):
        seconds = side_by_side(works, repeats, source.setup.runtime.device)
    return [
        ExportedForm(
            form=form.form,
            file=None if form.file is None else str(form.file),
            size=form.size,
            parameters=parameters(form.network).sparse,
            multiply_adds=multiply_adds(form.network, height, width).sparse,
            seconds=seconds[form.form],
            difference=form.difference,
        )
        for form in forms
    ]


def _once(predict: Predict, frame: Tensor) -> Callable[[], Mapping[str, Tensor]]:
    return lambda: predict(frame)


@contextmanager
def _as_used(source: Source, predicts: Sequence[Predict]) -> Iterator[None]:
    """In the precision asked for, with weights in the memory order that is fastest then, and without gradients."""
    runtime = source.setup.runtime
    for predict in predicts:
        if isinstance(predict, nn.Module):
            runtime.arrange(predict)
    with torch.no_grad(), runtime.autocast():
        yield
