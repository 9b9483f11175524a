"""The published estimator: how alike the subnetworks are that two tasks lean on at initialisation."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from configs.plugins import resolve
from prune_utils.keep_ratio import stated_keep_ratio
from prune_utils.layers import Scores, shared_weights
from prune_utils.masks import MergedNetwork
from relatedness.base import Estimator
from relatedness.snip.measures import MEASURES, Measure
from relatedness.snip.similarity import similarity
from relatedness.snip.statistics import Statistics, pair_statistics
from relatedness.snip.weightings import WEIGHTINGS, Weighting

if TYPE_CHECKING:
    from relatedness.study import Study

Percent = Annotated[int, Field(gt=0, lt=100)]
Ratio = Annotated[float, Field(gt=0, le=1)]


class Snip(Estimator):
    """The similarity of ``static_similarity.py``, with its numbers: of the same seeds and batches they are equal.

    SNIP scores |w * dL/dw| at initialisation say which weights a task leans on; the heaviest form its subnetwork; the
    value is how alike two subnetworks are (Sun et al., "DiSparse", CVPR 2022; the Meta-Sparse report). It sees sizes
    of gradients only, not what the tasks want of the weights.

    Cost: one pass forwards for each batch and one backwards for each batch and task. Of large networks stand-ins are
    compared on every seventh weight (``relatedness.materials.magnitudes``), tasks always on all.

    Options:
        sim_method: measure on a layer, a name of ``relatedness.snip.measures`` or ``module:attribute``.
        layer_method: weighting of layers, a name of ``relatedness.snip.weightings`` or ``module:attribute``.
        sparsities: in percent; the mean over them is taken.
        keep_ratio: ``published``, ``exact`` (the merged network of the tasks has the sparsity) or a number.
    """

    needs: ClassVar = ("init",)
    directed: ClassVar = False
    uses_scores: ClassVar = True

    sim_method: str = "masked_sals"
    layer_method: str = "equal"
    sparsities: tuple[Percent, ...] = Field((50,), min_length=1)
    keep_ratio: Literal["published", "exact"] | Ratio = "published"

    def estimate(self, study: "Study") -> np.ndarray:
        found = self._similarities(study, self._statistics(study, study.names))
        # Products of all roles at once are rounded differently; the tasks' own are those of static_similarity.py.
        own = list(study.setup.tasks)
        found[: len(own), : len(own)] = self._similarities(study, self._statistics(study, own))
        return found

    def by_layer(self, study: "Study") -> tuple[tuple[str, ...], np.ndarray]:
        statistics = self._statistics(study, study.names)
        found = self._layer_values(study, statistics)
        if study.scores().step > 1:
            own = list(study.setup.tasks)
            found[:, : len(own), : len(own)] = self._layer_values(study, self._statistics(study, own))
        return statistics.layers, found

    def problem(self, study: "Study") -> None:
        self._methods(study)  # a name that is not known is to be reported before any work

    def _methods(self, study: "Study") -> tuple[Measure, Weighting]:
        folder, where = study.setup.config.source.parent, "relatedness.snip"
        measure = resolve(self.sim_method, MEASURES, f"measure ({where}.sim_method)", folder)
        return measure, resolve(self.layer_method, WEIGHTINGS, f"weighting ({where}.layer_method)", folder)

    def _layer_values(self, study: "Study", statistics: Statistics) -> np.ndarray:
        """The measure on each layer, mean over sparsities, of all roles that the statistics are about, [L, R, R]."""
        roles, ratios, (measure, _) = statistics.tasks, range(len(self.sparsities)), self._methods(study)
        found = np.ones((len(statistics.layers), len(roles), len(roles)))
        for (i, a), (j, b) in combinations(enumerate(roles), 2):
            values = np.mean([measure(statistics.pair(ratio, a, b)) for ratio in ratios], axis=0)
            found[:, i, j] = found[:, j, i] = values
        return found

    def _similarities(self, study: "Study", statistics: Statistics) -> np.ndarray:
        """Similarity of all roles that the statistics are about, [R, R]."""
        found = np.ones((len(statistics.tasks), len(statistics.tasks)))
        ratios, methods = range(len(self.sparsities)), self._methods(study)
        for (i, a), (j, b) in combinations(enumerate(statistics.tasks), 2):
            found[i, j] = found[j, i] = similarity(statistics, a, b, ratios, *methods)
        return found

    def _statistics(self, study: "Study", names: Sequence[str]) -> Statistics:
        """Statistics of all roles, or of the tasks alone."""

        def make() -> Statistics:
            scores = study.scores()
            own = {task: scores.whole[task] for task in study.setup.tasks}
            shared = list(shared_weights(study.network("init")))
            compared = own if list(names) == list(own) else scores.of_all()
            return pair_statistics(compared, shared, self._keep_ratios(study, own, shared))

        return study.products.get(("snip", self.sparsities, self.keep_ratio, tuple(names)), make)

    def _keep_ratios(self, study: "Study", own: Mapping[str, Scores], shared: Sequence[str]) -> list[float]:
        published = study.setup.config.scoring.keep_ratios.get("static", {})
        stated = [stated_keep_ratio(self.keep_ratio, sparsity, published) for sparsity in self.sparsities]
        if None not in stated:
            return [ratio for ratio in stated if ratio is not None]
        network = MergedNetwork(own, shared)
        return [network.exact_ratio(sparsity) for sparsity in self.sparsities]
