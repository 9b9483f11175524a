"""Pruning methods by name, as scripts build them."""

from typing import Any

from configs import load_config
from prune_utils.sparsifiers.base import Dynamic, DynamicInputs, MaskUpdates, OneShot
from prune_utils.sparsifiers.registry import SPARSIFIERS, build_sparsifier, find_sparsifier

CONFIG = load_config("sample")
DYNAMIC = [name for name in SPARSIFIERS if issubclass(find_sparsifier(name, CONFIG), Dynamic)]
CHANNELS = ["disparse_channel", "magnitude_channel"]
"""Their ratio is that of the multiply-adds; they need torch-pruning."""
ONE_SHOT = [name for name in SPARSIFIERS if name not in {*DYNAMIC, *CHANNELS, "two_four"}]
"""Methods that prune any share of the weights at once."""


def one_shot(name: str, **options: Any) -> OneShot:
    """A method that prunes once."""
    method = build_sparsifier(name, CONFIG, options)
    assert isinstance(method, OneShot)
    return method


def begin(name: str, inputs: DynamicInputs) -> MaskUpdates:
    """A dynamic method in a training run, with the options that are in the run's settings."""
    method = build_sparsifier(name, CONFIG.model_copy(update={"dynamic": inputs.settings}))
    assert isinstance(method, Dynamic)
    return method.begin(inputs)
