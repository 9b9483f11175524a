"""What the dynamic methods do alike: while the network trains, masks are pruned by magnitude, grown by gradient.

Evci et al., "Rigging the lottery" (ICML 2020); per task in Sun et al., "DiSparse" (CVPR 2022).
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from configs.errors import UserError
from configs.schema import DynamicConfig
from prune_utils.apply import apply_masks, is_masked, mask_buffer
from prune_utils.erk import erk_counts
from prune_utils.layers import Scores, stored_weight, weight_layers, weights
from prune_utils.selection import largest, random_mask
from prune_utils.sparsifiers.base import DynamicInputs, MaskUpdates

Proposals = Callable[[Sequence[Mapping[str, Any]]], Sequence[Scores]]
"""Gives, for chunks of a batch, the summed |gradient| of each proposal."""


class UpdatesState(BaseModel):
    """What a resumed run needs: the iteration of the last update, -1 before the first, and whether masks are fixed."""

    model_config = ConfigDict(strict=True)

    last_update: Annotated[int, Field(ge=-1)]
    fixed: bool


class PruneAndGrow(MaskUpdates):
    """Every ``interval`` iterations each layer loses its smallest weights and gains those of large gradient.

    Each layer has as many weights as its Erdos-Renyi-kernel density says; the first convolution stays dense,
    and layers of density 1 are never touched. An update prunes a layer to that number times 1 - p, where p
    falls from ``prune_rate`` to 0 along a cosine; then each proposal (a task's, or the joint loss's) grows as
    many of the absent weights as bring the layer back to its number. Where proposals differ, a layer has more
    until the next update. At ``end`` every layer is pruned to its number, and the masks stay as they are.

    The value that a weight has when it grows:
    - ``stored``: what it was when it was pruned. It is held still meanwhile: weight decay would otherwise bring
      it to zero within a few steps of Adam. Gradients are taken with all stored weights there.
    - ``zero``: 0. Gradients are those of the sparse network, as it was trained up to then.

    Args:
        inputs: the training run.
        gradients: for each proposal, the sum over chunks of a batch of |gradient|, of all the weights it may grow.
        regrow: what value a weight has when it grows.
        erk_power: exponent of the densities.
    """

    def __init__(
        self, inputs: DynamicInputs, gradients: Proposals, regrow: Literal["stored", "zero"], erk_power: float
    ) -> None:
        self.inputs, self.gradients, self.regrow = inputs, gradients, regrow
        self.last_update = -1
        self.fixed = False
        self.stored: dict[str, tuple[Tensor, Tensor]] = {}
        layers = weight_layers(inputs.net)
        shapes = {name: weight.shape for name, weight in weights(inputs.net).items()}
        counts = erk_counts(shapes, inputs.sparsity, erk_power, _first_convolution(layers))
        self.counts = {name: count for name, count in counts.items() if count < math.prod(shapes[name])}
        self.layers = {name: layers[name] for name in self.counts}
        self.masked = {name for name, layer in layers.items() if is_masked(layer)}  # by whoever made the network
        if not self.masked:
            generator = torch.Generator().manual_seed(inputs.seed)
            apply_masks(
                inputs.net, {name: random_mask(shapes[name], n, generator) for name, n in self.counts.items()}
            )
        # A hook, so that no step can be made without it, whoever makes it.
        self.hold_hook = inputs.optimizer.register_step_post_hook(self._hold)

    def before_step(self, iteration: int, batch: Mapping[str, Any]) -> None:
        settings = self.inputs.settings
        if self.fixed or iteration == self.last_update:
            return
        if iteration >= settings.end:
            self.finish()  # nothing grows any more, so the count is exact from here on
        elif iteration % settings.interval == 0:
            self._update(iteration, batch)

    def finish(self) -> None:
        if self.fixed:
            return
        with torch.no_grad():
            for name, layer in self.layers.items():
                mask = mask_buffer(layer)
                # A union of proposals has left the layer with more than its number.
                mask.copy_(largest(stored_weight(layer).abs(), self.counts[name], mask.bool()))
        self._fix()
        _refresh(self.layers)

    def state_dict(self) -> dict[str, Any]:
        return {"last_update": self.last_update, "fixed": self.fixed}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if differing := sorted(self.masked ^ set(self.layers)):
            raise ValueError(f"the masks are not those of the method, see {differing[0]}")
        kept = UpdatesState.model_validate(dict(state))
        self.last_update, self.fixed = kept.last_update, kept.fixed
        if self.fixed:
            self._fix()
        elif self.last_update >= 0:
            self._remember()

    def prune_rate(self, iteration: int) -> float:
        """The share of each layer's weights that an update replaces."""
        settings = self.inputs.settings
        return settings.prune_rate / 2 * (1 + math.cos(math.pi * iteration / settings.end))

    def _update(self, iteration: int, batch: Mapping[str, Any]) -> None:
        if self.regrow == "zero":
            # Gradients are taken with all masks open; with 0 under them that is the network as it was trained.
            self._zero_absent()
        # Before anything is pruned: of the network that was trained up to here. A weight that is pruned now may grow
        # back at once, if its gradient is large.
        try:
            proposals = self._all_gradients(batch)
        except UserError as error:
            raise UserError(f"iteration {iteration}: {error}") from error
        with torch.no_grad():
            for name, layer in self.layers.items():
                mask, weight = mask_buffer(layer), stored_weight(layer)
                keep = round(self.counts[name] * (1 - self.prune_rate(iteration)))
                kept = largest(weight.abs(), keep, mask.bool())
                if self.regrow == "zero":
                    weight.mul_(kept)
                # Taken before anything grows: proposals do not see each other, and where they agree they overlap.
                absent = ~kept
                for gradients in proposals:
                    if name in gradients:
                        kept |= largest(gradients[name], self.counts[name] - keep, absent)
                mask.copy_(kept)
        self.last_update = iteration
        self._remember()
        _refresh(self.layers)

    def _all_gradients(self, batch: Mapping[str, Any]) -> Sequence[Scores]:
        """|gradients| of all weights, those that are absent too, summed over chunks and processes."""
        # The processes' shares of the batch are chunks already.
        parts = max(1, self.inputs.settings.chunks // self.inputs.processes)
        with _all_present(self.layers):
            proposals = self.gradients(split(batch, parts))
        # Equal sums on all processes, and so equal masks, without sending the masks.
        for gradients in proposals:
            self.inputs.reduce(gradients[name] for name in self.layers if name in gradients)
        return proposals

    @torch.no_grad()
    def _zero_absent(self) -> None:
        for layer in self.layers.values():
            stored_weight(layer).mul_(mask_buffer(layer))

    def _remember(self) -> None:
        """Note the values of absent weights, for ``_hold``."""
        # Their gradients are 0, but Adam's momentum and weight decay go on moving them.
        if self.regrow == "stored":
            self.stored = {
                name: (mask_buffer(layer) == 0, stored_weight(layer).detach().clone())
                for name, layer in self.layers.items()
            }

    def _hold(self, *_: object) -> None:
        """After a step of the optimiser: give absent weights their values back."""
        for name, (absent, values) in self.stored.items():
            weight = stored_weight(self.layers[name]).detach()
            # Not weight[absent] = ...: that would wait for the accelerator at every step.
            torch.where(absent, values, weight, out=weight)

    def _fix(self) -> None:
        self.fixed = True
        self.stored = {}  # as large as the network, and of no use once nothing grows
        self.hold_hook.remove()


def fitted(settings: DynamicConfig, planned: int, max_iters: int) -> DynamicConfig:
    """The settings for a run of another length than planned: ``end`` comes at the same share of the run.

    Args:
        planned: iterations that the settings were made for (``train.max_iters``).
        max_iters: iterations of this run.

    Raises:
        UserError: ``end`` is after the last iteration that was planned.
    """
    if settings.end > planned:
        raise UserError(
            f"dynamic.end: {settings.end} is after the last iteration (train.max_iters: {planned}), so the "
            f"network would not reach its sparsity; use --set dynamic.end={planned} or less"
        )
    if settings.end <= max_iters:
        return settings
    return settings.model_copy(update={"end": max(1, settings.end * max_iters // planned)})


def split(batch: Mapping[str, Any], parts: int) -> list[dict[str, Any]]:
    """A batch in so many parts, or one for each sample where there are fewer.

    Everything in the batch is cut along its first dimension, lists as well.
    """
    size = len(batch["img"])
    edges = [size * part // min(parts, size) for part in range(min(parts, size) + 1)]
    return [
        {key: value[start:stop] for key, value in batch.items()}
        for start, stop in zip(edges, edges[1:], strict=False)
    ]


@contextmanager
def _all_present(layers: Mapping[str, nn.Module]) -> Iterator[None]:
    """Inside, no weight is masked, so that absent weights have gradients as well."""
    buffers = [mask_buffer(layer) for layer in layers.values()]
    saved = [buffer.bool() for buffer in buffers]
    try:
        for buffer in buffers:
            buffer.fill_(1)
        yield
    finally:
        for buffer, mask in zip(buffers, saved, strict=True):
            buffer.copy_(mask)


@torch.no_grad()
def _refresh(layers: Mapping[str, nn.Module]) -> None:
    """Make ``layer.weight`` the masked weight at once; otherwise the next forward pass would."""
    for layer in layers.values():
        layer.weight = stored_weight(layer) * mask_buffer(layer)


def _first_convolution(layers: Mapping[str, nn.Module]) -> list[str]:
    return [name for name, layer in layers.items() if isinstance(layer, _ConvNd)][:1]
