"""Class weights: checked, read from a file, brought to a device."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from configs.errors import UserError
from configs.regular import open_regular

ADVICE = "give one positive number for each class"


def problem_with(weights: Any, classes: int | None) -> str | None:
    """What is wrong with a list of class weights, and what to do; None if nothing is."""
    if not isinstance(weights, (list, tuple)):
        return f"expected a list of numbers or the name of a .npy file; {ADVICE}"
    if not all(isinstance(weight, (int, float)) and 0 < weight < float("inf") for weight in weights):
        return f"a class weight is not a positive number; {ADVICE}"
    if classes is not None and len(weights) != classes:
        return f"there are {len(weights)} class weights for {classes} channels; {ADVICE}"
    return None


def read_weights(path: Path, classes: int) -> tuple[float, ...]:
    """The weights in a .npy file of shape [classes].

    Raises:
        UserError: it cannot be read, or is not one positive number per class.
    """
    try:
        with open_regular(path) as file:
            weights = np.load(file, allow_pickle=False)
    except Exception as error:  # the header is parsed as Python's words, of which anything may come
        reason = "no such file" if isinstance(error, FileNotFoundError) else error
        raise UserError(f"cannot read {path}: {reason}; put the .npy file there or give numbers") from error
    problem = problem_with(weights.tolist() if isinstance(weights, np.ndarray) else None, classes)
    if problem:
        raise UserError(f"{path}: {problem}")
    return tuple(map(float, weights))


@lru_cache(maxsize=64)
def weight_tensor(weights: tuple[float, ...], device: torch.device) -> Tensor:
    """The weights as float32 [classes] on a device, copied there once."""
    # A tensor made in inference mode could not take part in training later.
    with torch.inference_mode(False):
        return torch.tensor(weights, dtype=torch.float32, device=device)
