"""Scoring the full-size NYUv2 network: operations a second against the machine's own sgemm, and the plain scorer."""

from functools import partial

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.naive_scorer import naive_scores
from benchmarks.timing import Row, interleaved, sgemm_rate
from configs import load_config
from models import MultitaskNet, build_network
from prune_utils.scores import Batch, gradient_magnitudes, snip_scores
from tasks import build_tasks

BATCH, CROP = 4, 161


def measure() -> list[Row]:
    """Rates of scoring one batch of three tasks at crop 161, in fp32 and bf16."""
    config = load_config("nyuv2")
    tasks = build_tasks(config, None)
    torch.manual_seed(0)
    net = build_network(config.model, {name: task.channels for name, task in tasks.items()})
    net.to(memory_format=torch.channels_last).train()
    losses = {name: task.loss for name, task in tasks.items()}
    batch = example()
    work = minimal_operations(net, batch)
    bf16 = partial(torch.autocast, "cpu", dtype=torch.bfloat16)
    rate = sgemm_rate()
    full, mixed = interleaved(
        lambda: gradient_magnitudes(net, [batch], losses),
        lambda: gradient_magnitudes(net, [batch], losses, precision=bf16),
    )
    rate = (rate + sgemm_rate()) / 2
    ours, plain = interleaved(
        lambda: snip_scores(net, gradient_magnitudes(net, [batch], losses)),
        lambda: naive_scores(net, [batch], losses),
        repeats=3,
    )
    return [
        Row("scoring", "fp32, operations a second over sgemm's", f"{work / full / rate:.2f}", ">= 0.85"),
        Row("scoring", "bf16, operations a second over sgemm's (fp32)", f"{work / mixed / rate:.2f}"),
        Row("scoring", "bf16 over fp32", f"{full / mixed:.2f} x", ">= 1.6 x"),
        Row("scoring", "fp32 over the plain scorer", f"{plain / ours:.2f} x"),
    ]


def example() -> Batch:
    """A batch in the shapes and types of the NYUv2 loader."""
    generator = torch.Generator().manual_seed(0)
    shape = (BATCH, 1, CROP, CROP)
    image = 60 * torch.randn(BATCH, 3, CROP, CROP, generator=generator)
    return {
        "img": image.contiguous(memory_format=torch.channels_last),
        "seg": torch.randint(0, 40, shape, generator=generator),
        "normal": torch.randint(0, 255, (BATCH, 3, CROP, CROP), generator=generator).float(),
        "depth": 1 + 5 * torch.rand(shape, generator=generator),
    }


def minimal_operations(net: MultitaskNet, batch: Batch) -> int:
    """F + 2kF for the backbone of k tasks and three times each head forwards, by PyTorch's counter.

    The counter takes every convolution for a full one, products with padding included; for the heads' widest
    dilation these are skipped (``models.aspp``), so its one tap is counted as it is computed.
    """
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        features = net.backbone(batch["img"])
        backbone = counter.get_total_flops()
        for head in net.heads.values():
            head(features)
        heads = counter.get_total_flops() - backbone
    return backbone * (1 + 2 * len(net.heads)) + 3 * heads
