"""What an estimator is given for one replicate, each thing made once and when it is first asked for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from tqdm import tqdm

from models import MultitaskNet
from relatedness.base import State
from relatedness.controls import Role, make_roles, shuffled_within, wanted_pairs, with_shuffled
from relatedness.materials.cells import Features, Pooled, backbone_features, pooled_targets
from relatedness.materials.closed_form import readout_gradients
from relatedness.materials.gradients import Gradients, gradient_pass
from relatedness.materials.magnitudes import RoleScores
from relatedness.materials.networks import make_network, trained_on
from relatedness.materials.products import Products
from runtime.passes import placed, report_skipped, scoring_batch_size, scoring_loader
from runtime.setup import Setup

Part = Literal["first", "held_out"]
"""The batches that everything is measured on, and as many further ones of training pictures that are not in those."""


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

        A stream goes through the split in epochs. As long as the first is not over, no picture comes twice, but for
        those that take the places of unreadable ones (``data.on_error: skip``).
        """
        first = self.plan.num_batches
        if part == "first":
            return range(first)
        whole = self.pictures // scoring_batch_size(self.setup)
        return range(first, max(first, min(2 * first, whole)))

    def held_out_problem(self) -> str | None:
        """Why there are no held-out batches, and what to change; None if there are."""
        if self.numbers("held_out"):
            return None
        return (
            f"it needs training pictures beside those of the first batches (--num_batches {self.plan.num_batches}, "
            f"of {scoring_batch_size(self.setup)} each), and of {self.pictures} pictures no batch is left; "
            f"lower --num_batches or data.batch_size"
        )

    @property
    def pictures(self) -> int:
        """How many training pictures there are."""
        return self.products.get("pictures", lambda: len(scoring_loader(self.setup, [], self.seed).dataset))

    def mine(self, part: Part) -> range:
        """Those of ``numbers`` that are this process's."""
        return self.numbers(part)[self.setup.runtime.rank :: self.setup.runtime.world]

    def batches(self, part: Part) -> Iterator[tuple[int, dict[str, Any]]]:
        """This process's batches of a part, on the device, with their numbers; for ``Role.view`` and ``Role.loss``."""
        return self.read(part, self.mine(part))

    def read(self, part: Part, numbers: Sequence[int]) -> Iterator[tuple[int, dict[str, Any]]]:
        """The batches of a part that have these numbers, as ``batches`` gives this process's; some may come again."""
        loader = scoring_loader(self.setup, numbers, self.seed)
        with self.bar(len(numbers) * self.setup.runtime.world, f"{part.replace('_', ' ')} batches") as bar:
            batches = self.with_controls(placed(loader, self.setup, bar), part, numbers)
            yield from zip(numbers, batches, strict=True)
            report_skipped(loader, bar)

    def held_out_pictures(self) -> list[int]:
        """The places in the training split of the pictures of the held-out batches."""
        held_out = self.numbers("held_out")
        return self.products.get(
            "held-out pictures", lambda: scoring_loader(self.setup, held_out, self.seed).indices()
        )

    def network(self, state: State) -> MultitaskNet:
        """The network in a state, with a head for every role by its name; to be left as it is.

        ``init`` is the network that ``static_similarity.py`` scores with this seed.
        """
        return self.products.get(("network", state), lambda: make_network(self, state))

    def alone(self, role: Role, iterations: int) -> MultitaskNet:
        """The network after a short training on one role, which has not seen the held-out pictures.

        Those of tasks are kept, since several estimators ask for them; those of stand-ins are made anew.
        """

        def train() -> MultitaskNet:
            self.products.count_passes(iterations, iterations)
            return trained_on(self, [role], iterations, f"{role.name} alone")

        return self.products.get(("alone", role.name, iterations), train) if role.kind == "real" else train()

    def gradients(self, state: State) -> Gradients:
        """Signed gradients of all roles on the first batches, as inner products."""
        return self._pass(state)[0]

    def readout_gradients(self, state: State) -> Gradients:
        """The same with closed-form readouts, fitted on the held-out batches, in the heads' places."""
        return self.products.get(("readout gradients", state), lambda: readout_gradients(self, state))

    def scores(self) -> RoleScores:
        """SNIP scores of all roles at initialisation on the first batches; a task's are those that
        ``static_similarity.py`` gives it. To be left as they are."""
        found = self._pass("init")[1] if self.with_scores else None
        if found is None:
            raise RuntimeError("an estimator that asks for scores has to say so: uses_scores = True")
        return found

    def release_scores(self) -> None:
        """Free the memory of the scores: no estimator will ask for them any more."""
        if self.with_scores:
            self.with_scores = False
            self.products.replace(("gradients", "init"), lambda made: (made[0], None))

    def pooled(self, part: Part, grid: tuple[int, int]) -> Pooled:
        """The roles' targets as numbers, on cells of a grid (height, width)."""
        return self.products.get(("pooled", part, grid), lambda: pooled_targets(self, part, grid))

    def features(self, state: State, part: Part, depth: str | None = None) -> Features:
        """The backbone's features, in the cells of ``pooled`` of the features' own grid.

        Args:
            depth: a module of the backbone; the features as they enter it. None: the backbone's output.
        """
        return self.products.get(
            ("features", state, part, depth), lambda: backbone_features(self, self.network(state), part, depth)
        )

    def bar(self, total: int, what: str) -> tqdm:
        """A progress bar for a part of the work, below that of the whole."""
        quiet = not self.setup.runtime.is_main
        return tqdm(total=total, desc=f"replicate {self.replicate}: {what}", unit="batch", leave=False, disable=quiet)

    def from_all(self, found: Mapping[int, Any]) -> list[Any]:
        """What all processes found in their batches, in the order of the batches' numbers."""
        gathered = {number: value for part in self.setup.runtime.gather(dict(found)) for number, value in part.items()}
        return [gathered[number] for number in sorted(gathered)]

    def with_controls(
        self, batches: Iterable[Mapping[str, Any]], part: Part, numbers: Sequence[int]
    ) -> Iterator[dict[str, Any]]:
        """The batches of a part with these numbers, with the targets that shuffled roles see.

        Those are of other pictures of the same batch, or, where a batch is one picture, of the next batch.
        """
        every, keys = self.numbers(part), self.setup.keys
        following = [every[(number - every.start + 1) % len(every)] for number in numbers]
        alone = scoring_batch_size(self.setup) == 1
        others = iter(scoring_loader(self.setup, following, self.seed)) if alone and self.plan.controls else None
        for number, batch in zip(numbers, batches, strict=True):
            if not self.plan.controls:
                yield dict(batch)
            elif others is not None:
                yield with_shuffled(batch, self.setup.runtime.place(next(others)), keys, torch.zeros(1).long())
            else:
                yield shuffled_within(batch, keys, self.seed, number)

    def _pass(self, state: State) -> tuple[Gradients, RoleScores | None]:
        return self.products.get(("gradients", state), lambda: gradient_pass(self, state))
