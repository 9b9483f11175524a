"""The data sets by name, and the one door to them."""

import inspect
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from configs import Config, UserError
from configs.plugins import resolve, users_code
from dataloaders.base import MultitaskDataset
from dataloaders.datasets.cityscapes import Cityscapes
from dataloaders.datasets.cityscapes_mtan import CityscapesMtan
from dataloaders.datasets.nyuv2 import NYUv2
from dataloaders.datasets.nyuv2_mtan import NYUv2Mtan
from dataloaders.datasets.sample import SampleRooms
from dataloaders.datasets.taskonomy import Taskonomy
from dataloaders.subset import Subset, held_out

DATASETS: dict[str, type[MultitaskDataset]] = {
    "nyuv2": NYUv2,
    "nyuv2_mtan": NYUv2Mtan,
    "cityscapes": Cityscapes,
    "cityscapes_mtan": CityscapesMtan,
    "taskonomy": Taskonomy,
    "sample": SampleRooms,
}


def open_dataset(config: Config, split: str, keys: Collection[str]) -> MultitaskDataset:
    """A split of the data set that the settings name.

    Args:
        config: the settings; ``data.root`` may be missing if the data set has a root of its own.
        split: "train", "test", or what ``validation_split`` says.
        keys: the keys wanted beside ``img`` and ``name``.

    Raises:
        UserError: an unknown data set, option or key, no data root, or an index that cannot be used.
    """
    kind, root = _at_its_root(config)
    share = config.data.val_share
    with users_code(asked_for(config), config.data.dataset):
        wanted = tuple(key for key in keys if key not in ("img", "name"))
        parted = share > 0 and split in ("train", "val") and not kind.has_validation(root, config.data.options)
        dataset = kind(root, "train" if parted else split, wanted, **config.data.options)
        dataset.normalise(config.data.channels, config.data.mean, config.data.std)
        if config.data.on_error == "raise":
            dataset.check()
        if len(dataset) < 1 + parted:
            few = "no samples" if not parted else "one sample, of which none can be held out (data.val_share)"
            raise UserError(f"{root}: the split '{dataset.split}' of the data set '{config.name}' has {few}")
        if parted:
            rest, kept = held_out(len(dataset), share)
            return Subset(dataset, split, kept if split == "val" else rest)
    return dataset


def validation_split(config: Config) -> str:
    """The split on which the best network of a training is chosen.

    "val", where the data set has such a split, or ``data.val_share`` holds a part of the training split out; else
    "test", as in the published protocol.

    Raises:
        UserError: an unknown data set or option, no data root, or an index that cannot be read.
    """
    kind, root = _at_its_root(config)
    with users_code(asked_for(config), config.data.dataset):
        own = kind.has_validation(root, config.data.options)
    return "val" if own or config.data.val_share > 0 else "test"


def _at_its_root(config: Config) -> tuple[type[MultitaskDataset], Path]:
    kind = _find_class(config)
    with users_code(asked_for(config), config.data.dataset):
        _check_options(kind, config.data.options, f"{config.source}: data.options")
        root = config.data.root or kind.default_root(config.data.options)
    if root is None:
        raise UserError(f"{config.source}: data.root: no folder given; name the data set's with --data_root")
    return kind, root


def asked_for(config: Config) -> str:
    """What the setting of the data set asks for and where it stands, for messages."""
    return f"data set ({config.source}: data.dataset)"


def _find_class(config: Config) -> type[MultitaskDataset]:
    where = f"{config.source}: data.dataset"
    kind = resolve(config.data.dataset, DATASETS, asked_for(config), config.source.parent)
    if not (isinstance(kind, type) and issubclass(kind, MultitaskDataset)):
        raise UserError(f"{where}: '{config.data.dataset}' is not a subclass of dataloaders.MultitaskDataset")
    missing = sorted(kind.__abstractmethods__) + ["fields"] * (not hasattr(kind, "fields"))
    if missing:
        raise UserError(f"{where}: the class {kind.__name__} lacks {', '.join(missing)}; add it")
    return kind


def _check_options(kind: type[MultitaskDataset], options: Mapping[str, Any], where: str) -> None:
    known = {name for base in kind.__mro__ if "__init__" in vars(base) for name in _keywords(base)}
    for name in options:
        if name not in known:
            choices = f"it knows {', '.join(sorted(known))}" if known else "it has no options"
            raise UserError(f"{where}.{name}: unknown option of {kind.__name__}; {choices}")


def _keywords(kind: type) -> list[str]:
    """The named arguments of a class's own ``__init__`` beside those that every data set has."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(vars(kind)["__init__"]).parameters.values()
    return [p.name for p in parameters if p.kind in named and p.name not in ("self", "root", "split", "keys")]
