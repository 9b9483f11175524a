"""Pixel arithmetic that the kinds of tasks share: sampling, masked means, counting and medians.

Nothing here waits for the accelerator: no boolean indexing, no value brought to the host.
"""

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

_VALUE_BINS = 2**20
_DROPPED_BITS = 12


def nearest_index(wanted: int, given: int, device: torch.device) -> Tensor:
    """Source index of each of ``wanted`` pixels in ``given`` ones: floor(i * given / wanted), exactly."""
    # Whole numbers: interpolate(mode="nearest") multiplies by a rounded scale, and now and then takes a neighbour.
    return torch.arange(wanted, device=device) * given // wanted


def resize_nearest(maps: Tensor, height: int, width: int) -> Tensor:
    """Maps [..., H, W] brought to [..., height, width] by nearest sampling, larger or smaller."""
    if maps.shape[-2] != height:
        maps = maps.index_select(-2, nearest_index(height, maps.shape[-2], maps.device))
    if maps.shape[-1] != width:
        maps = maps.index_select(-1, nearest_index(width, maps.shape[-1], maps.device))
    return maps


def masked_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Mean of the values that are valid; zero, with zero gradients, if none is.

    The caller has made sure that values that are not valid have finite gradients, for instance by `masked`.
    """
    return masked(values, valid).sum() / valid.sum().clamp(min=1)


def masked(values: Tensor, valid: Tensor) -> Tensor:
    """The values, and 0 where they are not valid, whatever stands there."""
    return torch.where(valid, values, 0)  # not a product: 0 times NaN is NaN


def pooled(values: Tensor, valid: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Values [N, C, H, W] averaged over the valid pixels [N, 1, H, W] of each of height x width cells.

    The cells share the map evenly; where it does not divide, neighbours have a row or column in common.

    Returns:
        means [N, C, height, width], 0 where a cell has no valid pixel, and the share of each cell's pixels that is
        valid [N, 1, height, width]; float32.
    """
    share = adaptive_avg_pool2d(valid.float(), (height, width))
    totals = adaptive_avg_pool2d(masked(values, valid).float(), (height, width))
    return totals / torch.where(share > 0, share, 1), share


def count(index: Tensor, length: int) -> Tensor:
    """How often each whole number below ``length`` occurs, int64 [length]."""
    flat = index.flatten()
    if flat.device.type == "cpu":
        return torch.bincount(flat, minlength=length)
    # bincount would wait for the device to learn the largest index.
    counts = torch.zeros(length, dtype=torch.int64, device=flat.device)
    return counts.scatter_add_(0, flat, torch.ones_like(counts[:1]).expand_as(flat))


def histogram_median(counts: Tensor, lowest: float, width: float) -> float:
    """Median of values counted in bins of equal width, to half a bin; NaN if there are none.

    Of an even number of values it is the mean of the two in the middle.
    """
    middle = _middle_bins(counts)
    return lowest + width * (sum(middle) / 2 + 0.5) if middle else float("nan")


class FloatMedian:
    """The median of any number of float32 values, of any size and sign, in 16 MB.

    The values are counted by their leading 20 bits (sign, exponent, 11 bits of the mantissa). The result is
    the mean of the values that share the median's bits: at most one part in 2048 off, and exact where they
    are all equal.
    """

    def __init__(self) -> None:
        self.counts = torch.zeros(_VALUE_BINS + 1, dtype=torch.int64)
        self.sums = torch.zeros(_VALUE_BINS + 1, dtype=torch.float64)

    def add(self, values: Tensor, valid: Tensor) -> None:
        """Count the values that are valid."""
        values = masked(values.float(), valid)
        bits = values.view(torch.int32)
        # As whole numbers, floats are in the order of their size, but negative ones count downwards.
        ordered = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
        bins = (ordered >> _DROPPED_BITS).long() + _VALUE_BINS // 2
        bins = torch.where(valid, bins, _VALUE_BINS).flatten()  # the bin after the last takes what is not valid
        self.counts = self.counts.to(values.device) + count(bins, _VALUE_BINS + 1)
        self.sums = self.sums.to(values.device).scatter_add_(0, bins, values.flatten().double())

    def value(self) -> float:
        """The median; NaN if there are no values."""
        middle = _middle_bins(self.counts[:_VALUE_BINS])
        if not middle:
            return float("nan")
        return float((self.sums[middle] / self.counts[middle]).mean())


def _middle_bins(counts: Tensor) -> list[int]:
    """The bins of the two middle values (the same one twice if their number is odd); empty without values."""
    running = counts.cumsum(0).cpu()
    total = int(running[-1])
    if not total:
        return []
    ranks = torch.tensor([(total - 1) // 2, total // 2])
    # The value of a rank, counted from 0, lies in the first bin by which more than that many values have been seen.
    return torch.searchsorted(running, ranks, right=True).tolist()
