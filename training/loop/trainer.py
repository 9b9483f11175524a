"""The one training loop: dense, sparse and dynamically sparse networks, any tasks, one process or several.

A run may be cut off at any moment. The checkpoint ``last_`` is written at intervals and when the run is interrupted;
with it the run goes on to the same result, bit for bit on the CPU, as one that never stopped. No random generator's
state is stored for that: data order and augmentation depend on the number of the batch, and every generator is
seeded anew for each step from the seed, the step and the process.
"""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from tqdm import tqdm

from configs import UserError
from dataloaders import open_dataset, validation_split
from models import MultitaskNet
from models.files import first_not_finite
from runtime.device import seed_everything
from runtime.passes import report_skipped
from training.balancing import make_backward
from training.checkpoints.checkpoint import Checkpoint
from training.checkpoints.identities import begun_as
from training.checkpoints.keeping import RunFiles
from training.checkpoints.state import go_on, state_of
from training.evaluation import Best, Results, evaluate, results_text
from training.job import Job, begin_sparsifying
from training.loop.due import Due
from training.loop.interrupts import DeferredInterrupts, Stop
from training.loop.ledger import Ledger, NonFiniteLoss
from training.loop.parallel import average_statistics, distributed, share_normalisation
from training.loop.step import descend, step_seed, task_losses
from training.optim import make_optimizer

TEXT_EVERY = 10
"""Steps between two changes of the text beside the progress bar."""


class Trainer:
    """Trains a network to the end of its schedule.

    Args:
        job: what to do.
        net: on the device, with masks if it is sparse already.
        checkpoint: to go on from; the network has its weights and masks already. None: begin.
    """

    def __init__(self, job: Job, net: MultitaskNet, checkpoint: Checkpoint | None = None) -> None:
        self.job, self.setup, self.runtime = job, job.setup, job.setup.runtime
        self.net = self.runtime.arrange(share_normalisation(net, self.runtime)).train()
        train, folder = self.setup.config.train, self.setup.config.source.parent
        self.optimizer, self.scheduler = make_optimizer(self.net, job.schedule, train)
        self.backward = make_backward(train.balance, self.net, folder, self.runtime.world)
        self.sparsifier = begin_sparsifying(job, self.net, self.optimizer)
        self.best = Best(self.setup.tasks)
        self.split = validation_split(self.setup.config)
        self.begun = checkpoint is not None
        self.iteration = 0
        self.due = Due(train, job.schedule.max_iters)
        self.whole = True
        self.results: Results = {}
        self.interrupts = DeferredInterrupts()
        self.ledger = Ledger(list(self.setup.tasks), self.runtime)
        rows = go_on(self, checkpoint.training) if checkpoint is not None and checkpoint.training is not None else []
        self.identity = begun_as(job) if checkpoint is None else checkpoint.identity
        self.files = RunFiles(job, self.split, self.net, self.identity, self.iteration, rows)
        self.model = distributed(self.net, self.runtime)

    def train(self) -> None:
        """Train, validate and save until the schedule ends.

        Raises:
            UserError: a loss that is not finite; a file that cannot be written; unreadable data.
            KeyboardInterrupt: after Ctrl-C or SIGTERM; the state is saved.
        """
        total, main = self.job.schedule.max_iters, self.runtime.is_main
        with (
            self.interrupts,
            tqdm(total=total, initial=self.iteration, unit="it", disable=None if main else True) as self.bar,
        ):
            open_dataset(self.setup.config, self.split, self.setup.keys)  # a missing one would end the first validation
            if self.begun:
                self.files.begin(anew=False)
            try:
                self._after_step()  # what was due when the run was cut off
                for batch in self._batches():
                    with self.runtime.fixed_shapes():
                        self._step(batch)
                    self._begin()
                    self._after_step()
            except Stop:
                raise KeyboardInterrupt(self._stopped()) from None
            except NonFiniteLoss as error:
                if self.files.log is not None:
                    self.files.log.write()
                raise UserError(f"{error}; {self._advice()}") from error
            except Exception as error:
                self._rescue(error)
                raise
            self.files.write(self.job.final, details=self._details())
            self.files.draw()

    def _begin(self) -> None:
        """From its first step on a run can be gone on with, and nothing else is under its name.

        Not earlier: until then an earlier run may be better than one whose pictures cannot be read, or whose batches no
        memory holds.
        """
        if not self.begun:
            self._save_last()
            self.files.begin(anew=True)
            self.begun = True

    def _stopped(self) -> str:
        """Save what was trained; what there is to say."""
        if not self.begun:
            return "no step had been made, and no file was changed"
        self._save_last()
        self.files.draw()
        return self._goes_on()

    def _rescue(self, error: Exception) -> None:
        """Save what was trained before an error of any kind, if this process can do so alone and the state is whole.

        Raises:
            UserError: the error, if it is one of the user's, with what was saved.
        """
        if not (self.begun and self.whole) or self.runtime.world > 1 or self.iteration == self.due.saved:
            return
        try:
            self._save_last()
        except (UserError, NonFiniteLoss):  # the first error is the one to tell
            return
        if isinstance(error, UserError):
            raise UserError(f"{error}; {self._goes_on()}") from error

    def _goes_on(self) -> str:
        return f"saved iteration {self.iteration} in {self.job.last}; the same command with --resume goes on"

    def _step(self, batch: dict[str, Any]) -> None:
        batch = self.runtime.place(batch)
        seed_everything(step_seed(self.setup.seed, self.iteration, self.runtime.rank))
        if self.sparsifier is not None:
            self.whole = False  # half of the masks may be new
            self.sparsifier.before_step(self.iteration, batch)
            self.whole = True
        losses = task_losses(self.model, batch, self.setup.tasks, self.runtime)
        self.ledger.add(self.iteration + 1, float(self.scheduler.get_last_lr()[0]), list(losses.values()))
        if self.ledger.due:
            self._settle()
        self.whole = False
        clip = self.setup.config.train.clip
        descend(losses, self.setup.tasks, self.optimizer, self.scheduler, clip, self.backward)
        average_statistics(self.net, self.runtime)
        self.iteration += 1
        self.whole = True
        self.bar.update()

    def _after_step(self) -> None:
        """Save and validate where it is time to; stop if that was asked for."""
        last = self.iteration == self.job.schedule.max_iters
        if last and self.sparsifier is not None:
            self.sparsifier.finish()
        saving = self.due.saving(self.iteration, self.ledger.save if self.runtime.world > 1 else self.due.is_late)
        if saving:
            self._save_last()  # before the validation, which may fail
        if self.due.validation(self.iteration):
            self._settle()
            self._check_stop()
            self._validate()
            if saving or last:
                self._save_last()
        if not last:
            self._check_stop()

    def _validate(self) -> None:
        self._check_weights()
        bar = tqdm(desc="validation", unit="img", leave=False, disable=self.bar.disable)
        with bar, self.interrupts.reading():
            seen = partial(self._after_evaluated, bar)
            self.results = evaluate(self.net, self.setup, split=self.split, after_batch=seen)
        self.due.validated = self.iteration
        is_best = self.best.update(self.results, self.iteration, self.job.masks_fixed(self.iteration))
        if is_best:
            self.files.write(self.job.best, details=self._details())
        self.files.add_results(self.results, self.iteration)
        if self.runtime.is_main:
            remark = " (best so far)" if is_best else ""
            with suppress(BrokenPipeError):  # a reader that went away, as after `| head`, is no reason to stop
                self.bar.write(f"iteration {self.iteration}: {results_text(self.results)}{remark}")

    def _after_evaluated(self, bar: tqdm, images: int) -> None:
        bar.update(images * self.runtime.world)
        if self.runtime.world == 1:  # alone this process may stop; several must agree
            self.interrupts.check()

    def _save_last(self) -> None:
        """Write the checkpoint to go on from, and the log up to it."""
        self._settle()
        self._check_weights()
        if (log := self.files.log) is not None:
            log.write(hold=self.due.validation(self.iteration))  # stopped before its metrics were known
            self.files.write(self.job.last, training=state_of(self, log.rows))
        self.due.note_saved(self.iteration)
        self.ledger.save = False
        self.files.draw(now=False)

    def _batches(self) -> Iterator[dict[str, Any]]:
        loader = self.job.batches(self.iteration)
        try:
            with self.interrupts.reading():
                yield from loader
        finally:
            report_skipped(loader, self.bar)

    def _settle(self) -> None:
        for entry in self.ledger.settle(self.interrupts.asked, self.due.is_late):
            self.files.add(entry)
            if entry.iteration % TEXT_EVERY == 0:
                losses = zip(self.setup.tasks, entry.losses, strict=True)
                self.bar.set_postfix_str(" ".join(f"{task} {loss:.3f}" for task, loss in losses), refresh=False)

    def _check_stop(self) -> None:
        """Stop if asked to; several processes do so only when all know of it."""
        if self.ledger.stop if self.runtime.world > 1 else self.interrupts.asked:
            raise Stop

    def _details(self) -> dict[str, Any]:
        return {"iteration": self.iteration, "metrics": self.results, "split": self.split}

    def _check_weights(self) -> None:
        """See that no weight has become infinite or NaN, before anything is written over a good checkpoint."""
        if (name := first_not_finite(self.net.state_dict())) is not None:
            raise UserError(f"'{name}' is not finite after iteration {self.iteration}; {self._advice()}")

    def _advice(self) -> str:
        saved = self.due.saved
        kept = f"{self.job.last} keeps iteration {saved}" if saved else "no checkpoint was due before"
        rate = self.scheduler.get_last_lr()[0]
        return f"{kept}; look at the data, or start anew with --force and a lower learning rate (it was {rate:g})"
