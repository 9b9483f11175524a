"""What an estimator is given for one replicate, each thing made once and when it is first asked for."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from tqdm import tqdm

from dataloaders.fetching import seeded_generator
from models import MultitaskNet
from prune_utils.layers import Scores
from relatedness.base import State
from relatedness.cells import Features, Pooled, backbone_features, pooled_targets
from relatedness.controls import derangement, make_roles, wanted_pairs, with_shuffled
from relatedness.gradients import Gradients, gradient_pass
from relatedness.networks import make_network
from relatedness.products import Products
from runtime.passes import placed, report_skipped, scoring_batch_size, scoring_loader
from runtime.setup import Setup

Part = Literal["first", "held_out"]
"""The batches that everything is measured on, and as many further ones of training pictures that are not in those."""
SHUFFLE = 2
"""What a seeded generator is for."""


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        num_batches: first batches of a replicate.
        controls: whether every task's stand-ins are there.
        warmup: iterations of joint training of a warm network.
    """

    num_batches: int
    controls: bool = True
    warmup: int = 0


class Study:
    """One replicate: a network, training batches, and the tasks with their stand-ins.

    Everything depends on the settings, the seed and the replicate alone. Where several processes share the batches,
    each sees its own, and what the methods give is the same on all.

    Args:
        setup: settings, tasks, device; ``setup.seed + replicate`` is the seed of everything here.
        with_scores: whether ``scores`` may be asked for.

    Attributes:
        roles: R tasks and stand-ins, see ``relatedness.controls``; the tasks come first.
        wanted: bool [R, R], which entries of an estimate are looked at.
        products: what was made so far; an estimator may keep further things there.
    """

    def __init__(self, setup: Setup, plan: Plan, replicate: int, with_scores: bool = True) -> None:
        self.setup, self.plan, self.replicate, self.with_scores = setup, plan, replicate, with_scores
        self.seed = setup.seed + replicate
        self.roles = make_roles(setup.tasks.values(), plan.controls)
        self.wanted = wanted_pairs(self.roles)
        self.products = Products()

    @property
    def names(self) -> list[str]:
        """Names of the roles, under which the network has their heads."""
        return [role.name for role in self.roles]

    def numbers(self, part: Part) -> range:
        """The numbers of the batches of a part, in the training stream of this seed; held out: perhaps none.

        A stream goes through the split in epochs. As long as the first is not over, no picture comes twice.
        """
        first = self.plan.num_batches
        if part == "first":
            return range(first)
        whole = self.pictures // scoring_batch_size(self.setup)
        return range(first, max(first, min(2 * first, whole)))

    @property
    def pictures(self) -> int:
        """How many training pictures there are."""
        return self.products.get("pictures", lambda: len(scoring_loader(self.setup, [], self.seed).dataset))

    def mine(self, part: Part) -> range:
        """Those of ``numbers`` that are this process's."""
        return self.numbers(part)[self._stride]

    def batches(self, part: Part) -> Iterator[tuple[int, dict[str, Any]]]:
        """This process's batches of a part, on the device, with their numbers; for ``Role.view`` and ``Role.loss``."""
        numbers = self.mine(part)
        loader = scoring_loader(self.setup, numbers, self.seed)
        with self.bar(len(self.numbers(part)), f"{part.replace('_', ' ')} batches") as bar:
            batches = self.with_controls(placed(loader, self.setup, bar), part)
            yield from zip(numbers, batches, strict=True)
            report_skipped(loader, bar)

    def network(self, state: State) -> MultitaskNet:
        """The network in a state, with a head for every role by its name; to be left as it is.

        ``init`` is the network that ``static_similarity.py`` scores with this seed.
        """
        return self.products.get(("network", state), lambda: make_network(self, state))

    def gradients(self, state: State) -> Gradients:
        """Signed gradients of all roles on the first batches, as inner products."""
        return self._pass(state)[0]

    def scores(self) -> dict[str, Scores]:
        """SNIP scores of all roles at initialisation on the first batches, by name; a task's are those that
        ``static_similarity.py`` gives it. To be left as they are."""
        if not self.with_scores:
            raise RuntimeError("an estimator that asks for scores has to say so: uses_scores = True")
        return self._pass("init")[1]

    def pooled(self, part: Part, grid: tuple[int, int]) -> Pooled:
        """The roles' targets as numbers, on cells of a grid (height, width)."""
        return self.products.get(("pooled", part, grid), lambda: pooled_targets(self, part, grid))

    def features(self, state: State, part: Part) -> Features:
        """The backbone's features, in the cells of ``pooled`` of the features' own grid."""
        return self.products.get(("features", state, part), lambda: backbone_features(self, state, part))

    def bar(self, total: int, what: str) -> tqdm:
        """A progress bar for a part of the work, below that of the whole."""
        quiet = not self.setup.runtime.is_main
        return tqdm(total=total, desc=f"replicate {self.replicate}: {what}", unit="batch", leave=False, disable=quiet)

    def from_all(self, found: Mapping[int, Any]) -> list[Any]:
        """What all processes found in their batches, in the order of the batches' numbers."""
        gathered = {number: value for part in self.setup.runtime.gather(dict(found)) for number, value in part.items()}
        return [gathered[number] for number in sorted(gathered)]

    def with_controls(self, batches: Iterable[Mapping[str, Any]], part: Part) -> Iterator[dict[str, Any]]:
        """The batches with this process's numbers, with the targets that shuffled roles see.

        Those are of other pictures of the same batch, or, where a batch is one picture, of the next batch.
        """
        numbers, keys = self.numbers(part), self.setup.keys
        alone = scoring_batch_size(self.setup) == 1
        following = [numbers[(place + 1) % len(numbers)] for place in range(len(numbers))][self._stride]
        others = iter(scoring_loader(self.setup, following, self.seed)) if alone and self.plan.controls else None
        for number, batch in zip(self.mine(part), batches, strict=True):
            if not self.plan.controls:
                yield dict(batch)
            elif others is not None:
                yield with_shuffled(batch, self.setup.runtime.place(next(others)), keys, torch.zeros(1).long())
            else:
                order = derangement(batch["name"], seeded_generator(self.seed, SHUFFLE, number))
                yield with_shuffled(batch, batch, keys, order)

    @property
    def _stride(self) -> slice:
        return slice(self.setup.runtime.rank, None, self.setup.runtime.world)

    def _pass(self, state: State) -> tuple[Gradients, dict[str, Scores]]:
        return self.products.get(("gradients", state), lambda: gradient_pass(self, state))
