"""What estimators that are made of signed gradients have in common where the heads may be replaced."""

from typing import TYPE_CHECKING, Literal

from relatedness.base import Estimator
from relatedness.materials.cells import too_few_numbers, without_numbers
from relatedness.materials.gradients import Gradients, too_few_batches

if TYPE_CHECKING:
    from relatedness.study import Study


class FromGradients(Estimator):
    """An estimator on the gradients of the tasks' own losses, or on those of linear readouts.

    Options:
        head: ``own``, the network's heads, which at initialisation are random; or ``closed_form``: in each one's place
            a ridge regression of the task's pooled targets on the features, fitted on held-out batches, whose squared
            error is the loss. That takes a second pass, and tasks whose targets are numbers. It is for estimators that
            neither the loss's scale nor its weight matters to.
    """

    head: Literal["own", "closed_form"] = "own"

    @property
    def held_out(self) -> bool:
        return self.head == "closed_form"

    def gradients(self, study: "Study") -> Gradients:
        """Those of the heads that were asked for."""
        state = self.network_state
        return study.gradients(state) if self.head == "own" else study.readout_gradients(state)

    def problem(self, study: "Study") -> str | None:
        return too_few_batches(study) or (too_few_numbers(study) if self.head == "closed_form" else None)

    def remarks(self, study: "Study") -> list[str]:
        return without_numbers(study) if self.head == "closed_form" else []
