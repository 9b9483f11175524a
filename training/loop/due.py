"""When a training run is saved and validated."""

import time

from configs.training import TrainConfig

SAVE_EVERY = 600.0
"""Seconds after which the state is saved, however far the next interval is."""


class Due:
    """At the intervals of the settings, at the end of the run, and, for saving, by the clock.

    Args:
        train: the settings.
        end: the last iteration of the run.

    Attributes:
        saved, validated: the iterations at which that was done last.
    """

    def __init__(self, train: TrainConfig, end: int) -> None:
        self._train, self._end = train, end
        self.saved = self.validated = 0
        self._saved_at = time.monotonic()

    @property
    def is_late(self) -> bool:
        """Whether the clock says to save."""
        return time.monotonic() > self._saved_at + SAVE_EVERY

    def saving(self, iteration: int, late: bool) -> bool:
        """Whether to save after this iteration; ``late`` is what the clock says, on which processes agree."""
        return iteration > self.saved and (late or self._at(iteration, self._train.save_interval))

    def validation(self, iteration: int) -> bool:
        """Whether to validate after this iteration."""
        return iteration > self.validated and self._at(iteration, self._train.eval_interval)

    def note_saved(self, iteration: int) -> None:
        """The clock begins anew."""
        self.saved, self._saved_at = iteration, time.monotonic()

    def _at(self, iteration: int, interval: int) -> bool:
        return iteration == self._end or iteration % interval == 0
