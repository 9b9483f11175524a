"""Gradients in few numbers, from which their inner products can still be told.

A count sketch (Charikar et al., "Finding frequent items in data streams", ICALP 2002; as a projection: Weinberger et
al., "Feature hashing for large scale multitask learning", ICML 2009): every entry is given a random sign and added to
one of K buckets. The inner product of two sketches is that of the vectors on average over the signs. Where no few
entries dominate, its variance is (|x|^2 |y|^2 + <x, y>^2) / K: the standard deviation of a cosine is about 1 / sqrt(K).
"""

import torch
from torch import Tensor

BUCKETS = 16381
"""A prime: entry i falls into bucket i mod K, and no layer's rows or channels repeat with that period, so that large
entries of one channel do not meet in one bucket. The cosine of one layer has a standard deviation of 0.008."""


class Sketch:
    """A sketch of vectors of one length.

    Args:
        length: of the vectors; those of at most ``buckets`` entries stay as they are.
        generator: of the signs; vectors can be compared if their sketches had the same.
        device: where the vectors are.
    """

    def __init__(self, length: int, generator: torch.Generator, device: torch.device, buckets: int = BUCKETS) -> None:
        self.width = min(length, buckets)
        self._signs: Tensor | None = None
        if length > buckets:
            drawn = torch.randint(0, 2, (length,), generator=generator, dtype=torch.int8)
            self._signs = (2 * drawn - 1).to(device)

    def __call__(self, vector: Tensor) -> Tensor:
        """Of a vector [length], its sketch [width]; linear in the vector."""
        if self._signs is None:
            return vector
        signed = vector * self._signs
        whole = len(signed) // self.width * self.width
        sums = signed[:whole].view(-1, self.width).sum(0)
        sums[: len(signed) - whole] += signed[whole:]
        return sums
