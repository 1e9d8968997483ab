"""The work of one trial: its runs, one after the other, and what they come to. Whoever does it, this process, a worker
or a machine far away, does it by this function alone."""

import math
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from tfcli.errors import CheckpointError, TfcliError, TrainingError
from tfcli.logging.run_directory import RunDirectory
from tfcli.runner import training
from tfcli.runner.report import Reporter
from tfcli.runner.session import assemble
from tfcli.runner.signals import Interrupted
from tfcli.spec.load import LoadedSpec
from tfcli.tuning.space import Parameters
from tfcli.tuning.study import Part, Study
from tfcli.tuning.trial import best_row, is_finite


@dataclass
class Outcome:
    """What came of an attempt at a trial.

    `lost`: the process that did it is gone; `refused`: the disk is at fault, not the parameters; `interrupted`: it was
    asked to stop, by signal `signal`.
    """

    state: Literal["done", "pruned", "failed", "interrupted", "lost", "refused"]
    values: dict[str, float] = field(default_factory=dict)
    spread: dict[str, float] = field(default_factory=dict)
    violations: dict[str, float] = field(default_factory=dict)
    epoch: int | None = None
    run: str | None = None
    error: str | None = None
    seconds: float = 0.0
    signal: int | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Watcher(Protocol):
    """Hears of a trial's epochs."""

    def epoch_ended(self, number: int, part: int, row: Mapping[str, Any], epochs: int) -> None:
        """An epoch of the trial's run `part` is over."""

    def is_pruned(self, number: int, step: int, value: float) -> bool:
        """Whether the trial should end, now that its value at `step` is known."""


def do_trial(
    study: Study, number: int, parameters: Parameters, watcher: Watcher, command: Sequence[str] = ()
) -> Outcome:
    """Train the trial's runs, or go on with them, as far as they are not done. Raises nothing that is the user's."""
    started = time.perf_counter()
    work = _Work(study, number, parameters, watcher, command)
    try:
        outcome = work.run_parts()
    except (Interrupted, KeyboardInterrupt) as error:
        outcome = Outcome("interrupted", signal=getattr(error, "exit_code", 130) - 128)
    except CheckpointError as error:
        outcome = Outcome("refused", error=str(error))
    except (TfcliError, MemoryError) as error:
        outcome = Outcome("failed", error=str(error) or "there was not enough memory")
    outcome.run = work.first_run
    outcome.seconds = round(time.perf_counter() - started, 3)
    return outcome


class _Work:
    """A trial under way."""

    def __init__(
        self, study: Study, number: int, parameters: Parameters, watcher: Watcher, command: Sequence[str]
    ) -> None:
        self.study, self.number, self.parameters = study, number, parameters
        self.watcher, self.command = watcher, command
        self.first_run: str | None = None

    def run_parts(self) -> Outcome:
        parts = self.study.parts
        rows: list[Mapping[str, Any]] = []
        for i, part in enumerate(parts):
            reporter = _PartReporter(self, i, judged=len(parts) == 1)
            run = self._train(part, reporter)
            rows.append(self._row(run, part))
            if reporter.stopped or (i + 1 < len(parts) and self._is_hopeless(rows)):
                return self._outcome("pruned", rows)
        return self._outcome("done", rows)

    def _is_hopeless(self, rows: list[Mapping[str, Any]]) -> bool:
        """With several runs a trial is judged between them, by their mean."""
        mean = statistics.fmean(row[self.study.objective.name] for row in rows)
        return self.study.loaded.experiment.tune.prunes and self.watcher.is_pruned(self.number, len(rows), mean)

    def _train(self, part: Part, reporter: Reporter) -> RunDirectory:
        folder = f"trials/{self.number:04d}{part.folder}"
        path = self.study.run.path / folder
        loaded = self.study.spec_of(self.parameters, self.number, part)
        if path.exists():
            run = RunDirectory(path)
            self.first_run = self.first_run or folder
            if run.status().get("state") == "done":
                _tell_again(run, reporter, loaded, math.inf)
                return run
            if (epoch := _can_go_on(run, loaded)) is not None:
                _tell_again(run, reporter, loaded, epoch)
                return training.resume(run, reporter=reporter, trust=True).run  # as far as the study is
            run.remove()  # begun again it gives the same, since every random number comes from the seed
        session = assemble(loaded)
        run = RunDirectory.create_at(path)
        self.first_run = self.first_run or folder
        return training.train_in(run, session, reporter, self.command).run

    def _row(self, run: RunDirectory, part: Part) -> Mapping[str, Any]:
        """The run's results at the epoch that was best by the first objective."""
        best = best_row(run.metrics(), self.study.objective)
        tune = self.study.loaded.experiment.tune
        if best is None:
            raise TrainingError(f"no epoch gave a finite number for {self.study.objective.name}")
        row = dict(best) | {"parameters": run.summary().get("parameters")}
        for name in (*tune.objectives, *tune.constraints):
            if not is_finite(row.get(name)):
                raise TrainingError(f"{name} was no finite number in epoch {best['epoch']}{part.folder}")
        return row

    def _outcome(self, state: Literal["done", "pruned"], rows: list[Mapping[str, Any]]) -> Outcome:
        names = [objective.name for objective in self.study.objectives]
        constraints = self.study.loaded.experiment.tune.constraints
        values = {name: statistics.fmean(row[name] for row in rows) for name in {*names, *constraints}}
        several = len(self.study.parts) > 1
        return Outcome(
            state,
            {name: values[name] for name in names},
            {name: statistics.stdev(row[name] for row in rows) for name in names} if len(rows) > 1 else {},
            {name: limits.violation(values[name]) for name, limits in constraints.items()},
            None if several else rows[0]["epoch"],
        )


class _PartReporter(Reporter):
    """Passes a run's epochs on. `judged`: the trial has one run, which may end early."""

    wants_pictures = False

    def __init__(self, work: _Work, part: int, judged: bool) -> None:
        self.work, self.part = work, part
        self.judged = judged and work.study.loaded.experiment.tune.prunes
        self.stopped = False

    def epoch_ended(self, row: Mapping[str, Any], epochs: int) -> None:
        work = self.work
        work.watcher.epoch_ended(work.number, self.part, row, epochs)
        value = row.get(work.study.objective.name)
        if self.judged and value is not None and is_finite(value):
            self.stopped = work.watcher.is_pruned(work.number, row["epoch"], value)

    def wants_stop(self) -> bool:
        return self.stopped


def _can_go_on(run: RunDirectory, loaded: LoadedSpec) -> int | None:
    """The epoch of the run's checkpoint, where there are epochs to train after it."""
    try:
        state = run.checkpoints().load("last").state
    except CheckpointError:
        return None
    return state["epoch"] if not state["stopped"] and state["epoch"] < loaded.experiment.train.epochs else None


def _tell_again(run: RunDirectory, reporter: Reporter, loaded: LoadedSpec, last: float) -> None:
    """What a killed process may have told nobody."""
    for row in run.metrics():
        if row["epoch"] <= last:
            reporter.epoch_ended(row, loaded.experiment.train.epochs)


def thread_variables(workers: int) -> dict[str, str]:
    """The environment in which one of `workers` processes uses its share of the processor's threads, and no more."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = str(max(1, cores // workers))
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "TFCLI_NUM_THREADS")
    return dict.fromkeys(names, share)
