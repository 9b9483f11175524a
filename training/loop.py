"""The one training loop: dense, sparse and dynamically sparse networks, any tasks, one process or several.

A run may be cut off at any moment. The checkpoint ``last_`` is written at intervals and when the run is interrupted;
with it the run goes on to the same result, bit for bit on the CPU, as one that never stopped. No random generator's
state is stored for that: data order and augmentation depend on the number of the batch, and every generator is
seeded anew for each step from the seed, the step and the process.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
from tqdm import tqdm

from configs import UserError
from dataloaders import training_loader
from models import MultitaskNet
from reports.curves import draw_curves
from runtime.device import seed_everything
from training.checkpoints import Checkpoint, capture, write_checkpoint
from training.evaluation import Best, Results, evaluate, results_text
from training.identities import pruned_start, training_identity
from training.interrupts import DeferredInterrupts, Stop
from training.job import Job, begin_sparsifying
from training.ledger import Entry, Ledger, NonFiniteLoss
from training.log import TrainingLog
from training.optim import make_optimizer
from training.parallel import average_statistics, distributed, share_normalisation
from training.state import TrainingState, read_state
from training.step import descend, step_seed, task_losses

DRAW_EVERY = 60.0
"""Seconds at least between two drawings of the curves, each of which takes about one."""
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
        self.optimizer, self.scheduler = make_optimizer(
            self.net, job.schedule, self.setup.config.train.weight_decay
        )
        self.sparsifier = begin_sparsifying(job, self.net, self.optimizer)
        self.identity = (
            self.runtime.from_main(lambda: training_identity(job, pruned_start(job)))
            if checkpoint is None
            else checkpoint.identity
        )
        self.best = Best(self.setup.tasks)
        self.resumed = checkpoint is not None
        self.iteration = 0
        self.validated = 0
        self.saved = 0
        self.drawn = time.monotonic()
        self.results: Results = {}
        self.interrupts = DeferredInterrupts()
        self.ledger = Ledger(list(self.setup.tasks), self.runtime)
        rows = self._go_on(checkpoint.training) if checkpoint is not None and checkpoint.training is not None else []
        self.log = TrainingLog(job.log, self.setup.tasks, self.iteration) if self.runtime.is_main else None
        if self.log is not None:
            self.log.rows = rows
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
            try:
                if not self.resumed:
                    self._save_last()  # from here on there is something to go on from, whatever happens
                self._after_step()  # what was due when the run was cut off
                for batch in self._batches():
                    self._step(batch)
                    self._after_step()
            except Stop:
                self._save_last()
                self._draw()
                again = f"saved iteration {self.iteration} in {self.job.last}; the same command with --resume goes on"
                raise KeyboardInterrupt(again) from None
            except NonFiniteLoss as error:
                if self.log is not None:
                    self.log.write()
                raise UserError(f"{error}; {self._advice()}") from error
            self._write(self.job.final, details={"iteration": self.iteration, "metrics": self.results})
            self._draw()

    def _step(self, batch: dict[str, Any]) -> None:
        batch = self.runtime.place(batch)
        seed_everything(step_seed(self.setup.seed, self.iteration, self.runtime.rank))
        if self.sparsifier is not None:
            self.sparsifier.before_step(self.iteration, batch)
        losses = task_losses(self.model, batch, self.setup.tasks, self.runtime)
        self.ledger.add(self.iteration + 1, float(self.scheduler.get_last_lr()[0]), list(losses.values()))
        if self.ledger.due:
            self._settle()
        descend(losses, self.setup.tasks, self.optimizer, self.scheduler)
        self.iteration += 1
        self.bar.update()

    def _after_step(self) -> None:
        """Validate and save where it is time to; stop if that was asked for."""
        settings, last = self.setup.config.train, self.iteration == self.job.schedule.max_iters
        if last and self.sparsifier is not None:
            self.sparsifier.finish()
        if self._validation_due():
            self._settle()
            self._check_stop()
            self._validate()
        if self.iteration > self.saved and (last or self.iteration % settings.save_interval == 0):
            self._save_last()
        if not last:
            self._check_stop()

    def _validation_due(self) -> bool:
        last = self.iteration == self.job.schedule.max_iters
        on_time = last or self.iteration % self.setup.config.train.eval_interval == 0
        return on_time and self.iteration > self.validated

    def _validate(self) -> None:
        average_statistics(self.net, self.runtime)
        self._check_weights()
        with tqdm(desc="validation", unit="img", leave=False, disable=self.bar.disable) as bar, self._reading():
            self.results = evaluate(self.net, self.setup, after_batch=lambda images: self._after_evaluated(bar, images))
        self.validated = self.iteration
        is_best = self.best.update(self.results, self.iteration, self.job.masks_fixed(self.iteration))
        if is_best:
            self._write(self.job.best, details={"iteration": self.iteration, "metrics": self.results})
        if self.log is not None:
            self.log.add_results(self.results)
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
        average_statistics(self.net, self.runtime)
        self._check_weights()
        if self.log is not None:
            self.log.write(hold=self._validation_due())  # stopped before its metrics were known
            self._write(self.job.last, training=self._state(self.log.rows))
        self.saved = self.iteration
        if time.monotonic() > self.drawn + DRAW_EVERY:
            self._draw()

    def _draw(self) -> None:
        if self.runtime.is_main:
            mains = {name: task.main_metric for name, task in self.setup.tasks.items()}
            draw_curves(self.job.log, self.job.picture, mains, self.job.name)
        self.drawn = time.monotonic()

    def _state(self, rows: list[dict[str, float]]) -> dict[str, Any]:
        return {
            "iteration": self.iteration,
            "validated": self.validated,
            "rows": rows,
            "results": self.results,
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "best": self.best.state_dict(),
            "sparsifier": self.sparsifier.state_dict() if self.sparsifier is not None else None,
        }

    def _go_on(self, state: dict[str, Any]) -> list[dict[str, float]]:
        """Take over everything but weights and masks; returns rows of the log that were not written yet."""
        kept = read_state(state, self.setup.tasks, self.optimizer, self.scheduler, self.job.last)
        self.iteration = self.saved = kept.iteration
        self.validated, self.results = kept.validated, kept.results
        self.optimizer.load_state_dict(kept.optimizer)
        self.scheduler.load_state_dict(kept.scheduler)
        self.best.resume(kept.best.references, kept.best.rank, kept.best.iteration)
        if self.sparsifier is not None:
            self._resume_sparsifier(kept)
        return kept.rows

    def _resume_sparsifier(self, kept: TrainingState) -> None:
        assert self.sparsifier is not None
        try:
            self.sparsifier.load_state_dict(kept.sparsifier or {})
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{self.job.last}: the state of {self.job.method} is incomplete ({error}); "
                            f"start anew with --force") from error

    def _write(self, path: Any, **contents: Any) -> None:
        if self.runtime.is_main:
            method, ratio = self.job.method, self.job.ratio
            made = capture(self.setup, self.net, method, ratio, identity=self.identity, **contents)
            write_checkpoint(path, made)

    def _batches(self) -> Iterator[dict[str, Any]]:
        setup = self.setup
        loader = training_loader(
            setup.config,
            setup.keys,
            range(self.iteration, self.job.schedule.max_iters),
            batch_size=setup.config.data.batch_size,
            seed=setup.seed,
            num_workers=setup.num_workers,
            part=(self.runtime.rank, self.runtime.world),
        )
        try:
            with self._reading():
                yield from loader
        finally:
            if loader.skipped:
                self.bar.write(f"skipped {len(loader.skipped)} unreadable samples: {'; '.join(loader.skipped[:5])}")

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """An error of the readers is none if a signal has come: it may have ended them as well."""
        try:
            yield
        except (UserError, RuntimeError):
            self.interrupts.check()
            raise

    def _settle(self) -> None:
        for entry in self.ledger.settle(self.interrupts.asked):
            if self.log is not None:
                self.log.add(entry)
            if entry.iteration % TEXT_EVERY == 0:
                self.bar.set_postfix_str(self._text(entry), refresh=False)

    def _text(self, entry: Entry) -> str:
        return " ".join(f"{task} {loss:.3f}" for task, loss in zip(self.setup.tasks, entry.losses, strict=True))

    def _check_stop(self) -> None:
        """Stop if asked to; several processes do so only when all know of it."""
        if self.ledger.stop if self.runtime.world > 1 else self.interrupts.asked:
            raise Stop

    def _check_weights(self) -> None:
        """See that no weight has become infinite or NaN, before anything is written over a good checkpoint."""
        for name, tensor in self.net.state_dict().items():
            if not bool(torch.isfinite(tensor).all()):
                raise UserError(f"'{name}' is not finite after iteration {self.iteration}; {self._advice()}")

    def _advice(self) -> str:
        kept = f"{self.job.last} keeps iteration {self.saved}" if self.saved else "no checkpoint was due before"
        rate = self.scheduler.get_last_lr()[0]
        return f"{kept}; look at the data, or start anew with --force and a lower learning rate (it was {rate:g})"
