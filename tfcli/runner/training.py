"""Training a run: the loop over epochs and batches, with checkpoints, metrics, early stopping and interruption."""

import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.data.faults import described
from tfcli.data.persist import JSON_FILE
from tfcli.data.pipeline import Split
from tfcli.declare.functions import own_python
from tfcli.errors import CheckpointError, SpecError, TfcliError, TrainingError, is_out_of_memory
from tfcli.logging.checkpoints import Checkpoint, epoch_name, step_name
from tfcli.logging.environment import describe_environment
from tfcli.logging.run_directory import RunDirectory
from tfcli.logging.tensors import save_tensors
from tfcli.models.monitors import MonitorMode, PlateauState, StoppingState, improves, is_maximized
from tfcli.models.trainer import Batch
from tfcli.runner.board import Board
from tfcli.runner.callbacks import Averages, CsvTable, OwnCallbacks, check_callbacks, start_warm_up
from tfcli.runner.memory import Watch
from tfcli.runner.notification import notified
from tfcli.runner.numerics import REMEDIES, Fault, find_fault, name_of_non_finite
from tfcli.runner.recorder import Recorder
from tfcli.runner.report import Reporter
from tfcli.runner.session import Session, assemble
from tfcli.runner.signals import Interrupted, StopRequest, stop_requests
from tfcli.runner.summary import draw_plots, summarize
from tfcli.spec.dump import dump
from tfcli.spec.load import LoadedSpec, load_experiment
from tfcli.spec.origins import origins


@dataclass(frozen=True)
class Finished:
    """A trained run and what summary.json says of it."""

    run: RunDirectory
    summary: dict[str, Any]


def train(
    loaded: LoadedSpec,
    logdir: Path,
    name: str | None = None,
    reporter: Reporter | None = None,
    command: Sequence[str] = (),
) -> Finished:
    """Train the experiment in a new run directory. Raises TfcliError; nothing is written where spec or data are
    wrong."""
    session = assemble(loaded)
    check_callbacks(session)
    run = RunDirectory.create(logdir, name or loaded.experiment.name)
    reporter = reporter or Reporter()
    with notified(run, loaded, reporter):
        return train_in(run, session, reporter, command)


def train_in(run: RunDirectory, session: Session, reporter: Reporter, command: Sequence[str] = ()) -> Finished:
    """Train the session in a run directory that was just created."""
    with run.lock():
        run.update_status("running", epoch=0, step=0)
        loaded = session.loaded
        run.write_spec(dump(loaded.experiment, loaded.root))
        run.write_origins(origins(loaded.document))
        run.write_environment(
            describe_environment(command, session.experiment.seed, session.data.fingerprints, loaded.root)
        )
        session.save_preprocessing(run.preprocessing)
        return _Loop(run, session, reporter).run_to_end()


def resume(
    run: RunDirectory, epochs: int | None = None, reporter: Reporter | None = None, trust: bool = False
) -> Finished:
    """Go on where the run stopped, as if it had not; up to `epochs` in all where given.

    `trust`: Python of the user's own that the run's spec names may run. Raises TfcliError.
    """
    with own_python(run.path, trust):
        return _resume(run, epochs, reporter or Reporter())


def _resume(run: RunDirectory, epochs: int | None, reporter: Reporter) -> Finished:
    overrides = [] if epochs is None else [f"train.epochs={epochs}"]
    loaded = load_experiment(run.spec_path, overrides)
    with run.lock():
        learned = run.preprocessing if (run.preprocessing / JSON_FILE).is_file() else None
        session = assemble(loaded, learned)
        check_callbacks(session)
        if learned is None:
            session.save_preprocessing(run.preprocessing)
        try:
            checkpoint: Checkpoint | None = run.checkpoints().load("last")
        except CheckpointError:
            if run.checkpoints().names():
                raise
            checkpoint = None  # killed before the first checkpoint: begin again
        epochs = checkpoint.state["epoch"] if checkpoint else 0
        if run.status().get("state") == "done" and epochs >= loaded.experiment.train.epochs:
            raise SpecError(
                f"{run.path} has trained its {epochs} epochs; give a larger number with --epochs to train on"
            )
        run.write_spec(dump(loaded.experiment, loaded.root))
        given = {key: origin for key, origin in origins(loaded.document).items() if origin["kind"] == "override"}
        run.write_origins(run.origins() | given)
        with notified(run, loaded, reporter):
            return _Loop(run, session, reporter).run_to_end(checkpoint, resumed=True)


class _Loop:
    """One run's training: what it has seen so far, and the loop."""

    def __init__(self, run: RunDirectory, session: Session, reporter: Reporter) -> None:
        self.run, self.session, self.reporter = run, session, reporter
        self.trainer, self.train = session.trainer, session.experiment.train
        policy = self.train.checkpoint
        self.recorder = Recorder(run, policy.keep if policy else 2)
        self.monitor = (policy.monitor if policy else None) or ("val_loss" if session.data.validation else "loss")
        self.stopping = StoppingState(self.train.early_stopping) if self.train.early_stopping else None
        self.plateau = PlateauState(self.train.reduce_lr_on_plateau) if self.train.reduce_lr_on_plateau else None
        self.mode: MonitorMode = policy.mode if policy else "auto"
        self.best: float | None = policy.initial_value_threshold if policy else None
        self.best_weights: dict[str, np.ndarray] | None = None
        self.epoch = self.batch = 0  # epochs done, batches done of the one under way
        self.stopped = False
        self.csv_table, self.averages = CsvTable(run, session), Averages(session)
        self.trainer.expect_steps(self._steps())
        if isinstance(session.data.validation, Split):
            self.trainer.expect_tests(session.data.validation.num_batches)
        self.own = OwnCallbacks(session, self._steps())
        start_warm_up(session, self.train.learning_rate_warmup, self._steps())
        self.board: Board | None = None
        self.memory = Watch(session)
        self.started = time.perf_counter()
        self.seconds_before = 0.0

    @property
    def seconds(self) -> float:
        """How long the run has trained, over all its legs."""
        return self.seconds_before + time.perf_counter() - self.started

    def run_to_end(self, checkpoint: Checkpoint | None = None, resumed: bool = False) -> Finished:
        try:
            self._begin(checkpoint, resumed)
            resumed_at = (self.epoch, self.step) if resumed else None
            with (
                stop_requests() as request,
                self.recorder,
                Board(self.run, self.session, self.recorder, resumed_at) as board,
            ):
                self.board = board
                self.own.begin()
                while self.epoch < self.train.epochs and not self.stopped:
                    self._epoch(request, board)
                self.own.call("on_train_end", {})
            summary = self._finish()
        except Interrupted as error:
            self._update_status("interrupted", str(error))
            raise
        except TfcliError as error:
            self._update_status("failed", str(error))
            raise
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            failure = self._out_of_memory(error)
            self._update_status("failed", str(failure))
            raise failure from error
        return Finished(self.run, summary)

    @property
    def step(self) -> int:
        return int(self.trainer.step.array)

    def _update_status(self, state: str, error: str | None) -> None:
        seconds = round(self.seconds, 3)
        self.run.update_status(state, epoch=self.epoch, step=self.step, seconds=seconds, error=error)

    def _begin(self, checkpoint: Checkpoint | None, resumed: bool) -> None:
        for line in described(self.session.data.skipped):
            self.reporter.note(line)
        if checkpoint is not None:
            self._restore(checkpoint)
        if resumed:
            self.seconds_before = float(self.run.status().get("seconds", 0.0))
            self.run.truncate_metrics(self.epoch)
            for warning in checkpoint.warnings if checkpoint else ():
                self.reporter.note(warning)
        self.csv_table.begin()
        self._update_status("running", None)
        resumed_from = None if not resumed else checkpoint.name if checkpoint else "the beginning"
        self.reporter.run_started(self.run.path, self.session.network.count_params(), resumed_from)

    # an epoch

    def _epoch(self, request: StopRequest, board: Board) -> None:
        steps = self._steps()
        self.reporter.epoch_started(self.epoch + 1, self.train.epochs, steps, self.batch)
        if self.batch == 0:
            self.trainer.reset_metrics()
            self.own.call("on_epoch_begin", self.epoch, {})
        started, examples = time.perf_counter(), 0
        every = self.train.checkpoint.every_steps if self.train.checkpoint else None
        for batch in self._batches(steps):
            self.memory.before_step(batch)
            self.own.batch("on_train_batch_begin", self.batch)
            loss = self.trainer.train_batch(batch)
            self.memory.after_step()
            self.own.batch("on_train_batch_end", self.batch, loss)
            self.batch += 1
            examples += len(next(iter(batch.inputs.values())))
            self._stop_on_nan(loss, request)
            self.reporter.step_done(loss)
            board.after_batch(self.step, self.batch, loss)
            if every and self.step % every == 0 and self.batch < steps:
                self._save(step_name(self.step))
            if request.number is not None and self.batch < steps:
                self._interrupt(request.number, step_name(self.step))
        self._end_epoch(time.perf_counter() - started, examples, board)
        if request.number is not None and self.epoch < self.train.epochs and not self.stopped:
            self._interrupt(request.number, epoch_name(self.epoch))

    def _steps(self) -> int:
        return self.train.steps_per_epoch or self.session.data.train.num_batches

    def _batches(self, steps: int) -> Iterator[Batch]:
        """The rest of this epoch's batches; with `steps_per_epoch` epochs go on through the data, over and over."""
        return self._batches_between(self.epoch * steps + self.batch, (self.epoch + 1) * steps)

    def _batches_between(self, position: int, end: int) -> Iterator[Batch]:
        split = self.session.data.train
        while position < end:
            through, start = divmod(position, split.num_batches)
            for batch in split.batches(through, start, training=True):
                yield batch
                position += 1
                if position == end:
                    return

    def _out_of_memory(self, error: Exception) -> TrainingError:
        last = self.run.checkpoints().last or "none"
        what = f"out of memory in epoch {self.epoch + 1} after step {self.step}" + (f" ({error})" if str(error) else "")
        return TrainingError(f"{what}: {self.memory.advice()}. The last checkpoint is {last}")

    def _stop_on_nan(self, loss: float, request: StopRequest) -> None:
        if self.train.terminate_on_nan and not math.isfinite(loss):
            found = f"the loss became {loss} in epoch {self.epoch + 1}, step {self.step}"
            raise self._not_finite(found, self.epoch * self._steps() + self.batch, request)

    def _stop_on_bad_weights(self, tensors: Mapping[str, Mapping[str, np.ndarray]]) -> None:
        """Nothing that is not finite is ever saved."""
        bad = name_of_non_finite({group: tensors[group] for group in ("model", "optimizer") if group in tensors})
        if self.train.terminate_on_nan and bad is not None:
            found = f"{bad} was not finite any more after step {self.step}, and was not saved"
            raise self._not_finite(found, self.epoch * self._steps() + self.batch, StopRequest())

    def _not_finite(self, found: str, end: int, request: StopRequest) -> TrainingError:
        """The error for a value that the step before position `end` made, with where in the step it began."""
        last = self.recorder.last_checkpoint()
        fault = self._find_fault(end, request)
        cause = fault or f"repeated, the step makes finite numbers alone; {REMEDIES['activations']}"
        return TrainingError(f"{found}: {cause}. The last checkpoint before it is {last or 'none'}")

    def _find_fault(self, end: int, request: StopRequest) -> Fault | None:
        """Go back to the last checkpoint, or the beginning, and repeat the steps from there."""
        try:
            checkpoint: Checkpoint | None = self.run.checkpoints().load("last")
        except CheckpointError:
            checkpoint = None
        state = checkpoint.state if checkpoint else {"epoch": 0, "batch": 0}
        begin = state["epoch"] * self._steps() + state["batch"]
        fault: Fault | None = None
        # A step that finds bad weights is not the one that made them: then the one before it is looked at.
        while begin < end and (fault is None or fault.kind == "weights"):
            trainer = assemble(load_experiment(self.run.spec_path), self.run.preprocessing).trainer
            if checkpoint is not None:
                trainer.restore(checkpoint.tensors)
            batches = self._batches_between(begin, end)
            found = find_fault(trainer, batches, end - begin, lambda: request.number is None)
            fault, end = found or fault, end - 1 if found else begin
        return fault

    def _end_epoch(self, seconds: float, examples: int, board: Board) -> None:
        row: dict[str, Any] = {"epoch": self.epoch + 1, "step": self.step, **self.trainer.results()}
        if self.session.data.validation is not None and (self.epoch + 1) % self.train.validation_freq == 0:
            row |= {f"val_{name}": value for name, value in self._validate().items()}
        row["learning_rate"] = self.trainer.learning_rate()
        row["seconds"] = round(seconds, 6)
        row["examples_per_second"] = round(examples / seconds, 1) if seconds > 0 else None
        with self.averages.after_epoch():
            self.own.after_epoch(self.epoch, row)
            self.epoch, self.batch = self.epoch + 1, 0
            is_best = self._judge(row)
            if self.own.model.stop_training:
                self.stopped = True
                self.reporter.note("stopped by a callback")
            self._log(row, board)
            if self._is_saved(is_best):
                self._save(epoch_name(self.epoch), row, is_best)

    def _validate(self) -> dict[str, Any]:
        assert self.session.data.validation is not None
        self.own.call("on_test_begin", {})
        with self.averages.while_validating():
            found = self.trainer.evaluate(self.session.data.validation.batches(0))
        self.own.call("on_test_end", dict(found))
        return found

    def _is_saved(self, is_best: bool) -> bool:
        """Whether the checkpoint policy has the epoch that ended now saved."""
        policy = self.train.checkpoint
        if policy is None or policy.every_epochs is None:
            return False
        if policy.save_best_only:
            return is_best
        return self.epoch % policy.every_epochs == 0 or self._is_last()

    def _is_last(self) -> bool:
        return self.stopped or self.epoch >= self.train.epochs

    def _judge(self, row: dict[str, Any]) -> bool:
        """Early stopping and learning rate; whether the epoch is the best by the checkpoint's monitor."""
        if self.plateau is not None:
            lowered = self.plateau.after_epoch(row, self._base_learning_rate())
            if lowered is not None:
                self.trainer.set_learning_rate(lowered)
                self.reporter.note(
                    f"{self.plateau.declared.monitor} has not improved: learning rate {lowered:g} from now on"
                )
        if self.stopping is not None:
            best_now, self.stopped = self.stopping.after_epoch(self.epoch - 1, row)
            if best_now and self.stopping.declared.restore_best_weights:
                self.best_weights = dict(self.trainer.state()["model"])
            if self.stopped:
                self.reporter.note(
                    f"stopped early: {self.stopping.declared.monitor} has not improved for {self.stopping.wait} epochs"
                )
        value = row.get(self.monitor)
        if (
            value is None
            or not math.isfinite(value)
            or not improves(value, self.best, is_maximized(self.monitor, self.mode))
        ):
            return False
        self.best = value
        return True

    def _base_learning_rate(self) -> float:
        """What the learning rate is without a warm-up, which multiplies it."""
        return float(self.trainer.optimizer.learning_rate.array)  # type: ignore[union-attr]

    def _log(self, row: dict[str, Any], board: Board) -> None:
        self.recorder.epoch(row, self.step, round(self.seconds, 3))
        self.csv_table.after_epoch(row)
        board.after_epoch(row)
        self.reporter.epoch_ended(row, self.train.epochs)
        self.stopped = self.stopped or self.reporter.wants_stop()

    # saving

    def _save(self, name: str, row: dict[str, Any] | None = None, best: bool = False) -> None:
        tensors = self.trainer.state()
        self._stop_on_bad_weights(tensors)
        if self.board is not None:
            self.board.flush()  # what a run goes on from must not be ahead of its curves
        if self.best_weights is not None:
            tensors["best"] = self.best_weights
        state: dict[str, Any] = {"epoch": self.epoch, "batch": self.batch, "best": self.best, "stopped": self.stopped}
        if self.averages.in_place:
            state["averages_in_place"] = True
        if self.own.callbacks:
            state["callbacks"] = self.own.state()
        if self.stopping is not None:
            state["early_stopping"] = self.stopping.state()
        if self.plateau is not None:
            state["reduce_lr_on_plateau"] = self.plateau.state()
        self.recorder.save(name, tensors, state, row, best)

    def _restore(self, checkpoint: Checkpoint) -> None:
        state = checkpoint.state
        self.trainer.restore(checkpoint.tensors)
        if state.get("averages_in_place"):
            self.trainer.optimizer.swap_averages()
        self.own.restored = state.get("callbacks", [])
        self.epoch, self.batch, self.best = state["epoch"], state["batch"], state["best"]
        # A finished run that stopped early may train on; one that was killed in between has still to finish.
        self.stopped = state["stopped"] and self.run.status().get("state") != "done"
        self.best_weights = checkpoint.tensors.get("best")
        if self.stopping is not None and "early_stopping" in state:
            self.stopping.restore(state["early_stopping"])
        if self.plateau is not None and "reduce_lr_on_plateau" in state:
            self.plateau.restore(state["reduce_lr_on_plateau"])

    def _interrupt(self, number: int, name: str) -> None:
        if self.recorder.last_checkpoint() != name:
            self._save(name)
        self.recorder.flush()
        raise Interrupted(
            number,
            f"interrupted in epoch {self.epoch + 1}, step {self.step}; go on with: tfcli train --resume "
            f"{os.path.relpath(self.run.path)}",
        )

    def _finish(self) -> dict[str, Any]:
        self.trainer.optimizer.finalize_variable_values()
        declared = self.train.early_stopping
        if declared and declared.restore_best_weights and self.best_weights is not None:
            for weight in self.session.network.weights:
                weight.array = self.best_weights[weight.path]
        weights = {w.path: w.array for w in self.session.network.weights}
        self._stop_on_bad_weights({"model": weights})
        save_tensors(self.run.weights_path, weights)
        summary = summarize(self.run, self.session, self.monitor, is_maximized(self.monitor, self.mode), self.seconds)
        self.run.write_summary(summary)
        if self.reporter.wants_pictures:
            draw_plots(self.run, self.session)
        self._update_status("done", None)
        return summary
