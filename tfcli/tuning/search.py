"""The search: settings are chosen, an engine does their trials, and what comes of them is written down."""

import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tfcli.declare import Path as SpecPath
from tfcli.declare import nearest
from tfcli.declare.functions import own_python, refusal
from tfcli.errors import CheckpointError, SpecError, TfcliError, TrainingError
from tfcli.logging.environment import describe_environment
from tfcli.logging.run_directory import RunDirectory
from tfcli.runner.session import Session, assemble
from tfcli.runner.signals import Interrupted, StopRequest, stop_requests
from tfcli.spec.load import LoadedSpec, own_functions
from tfcli.tuning.choosing import make_chooser
from tfcli.tuning.engines import Ended, Engine, HereEngine
from tfcli.tuning.hparams import write_hparams, write_session
from tfcli.tuning.report import StudyReporter
from tfcli.tuning.study import Study, create, require_search
from tfcli.tuning.trial import Objective, Trial
from tfcli.tuning.work import Outcome, Watcher

_FREED_WITHIN = 10.0
"""Seconds in which the workers of a killed study are sure to have gone."""


@dataclass(frozen=True)
class Means:
    """What does the trials: `workers` processes here, or Ray tasks (on the cluster at `address`, else one started
    here). None: one trial at a time, with Ray as many as there are processors."""

    workers: int | None = None
    engine: Literal["local", "ray"] = "local"
    address: str | None = None

    def make(self, study: Study, watcher: Watcher, command: Sequence[str]) -> Engine:
        if self.engine == "ray":
            from tfcli.tuning.ray_engine import RayEngine

            return RayEngine(study, watcher, command, self.workers, self.address)
        if self.address is not None:
            raise SpecError("--address is of a Ray cluster: add --engine ray")
        if self.workers is None or self.workers == 1:
            return HereEngine(study, watcher, command)
        from tfcli.tuning.processes import ProcessEngine

        return ProcessEngine(study, watcher, command, self.workers)


def tune(
    loaded: LoadedSpec,
    logdir: Path,
    name: str | None = None,
    trials: int | None = None,
    reporter: StudyReporter | None = None,
    command: Sequence[str] = (),
    means: Means | None = None,
    storage: str | None = None,
) -> Study:
    """Run the spec's search in a new study directory. `trials`: how many, instead of the spec's number.

    All trials have the spec's seed, so that they differ in their parameters alone. `storage`: the URL of Optuna's
    storage, for a search that several machines share. Raises TfcliError; nothing is written where the spec, the data
    or an objective is wrong.
    """
    require_search(loaded)
    session = assemble(loaded)
    objectives = _objectives(session)
    wanted = trials or loaded.experiment.tune.trials
    environment = describe_environment(command, session.experiment.seed, session.data.fingerprints, loaded.root)
    study = create(loaded, logdir, name, objectives, wanted, environment, storage)
    try:
        return _Search(study, reporter, command, means or Means()).run_to_end()
    except SpecError:  # what chooses settings, or where they are to be tried, is not there
        if not study.trials:
            study.run.remove()
        raise


def resume(
    run: RunDirectory,
    trials: int | None = None,
    reporter: StudyReporter | None = None,
    command: Sequence[str] = (),
    means: Means | None = None,
    trust: bool = False,
) -> Study:
    """Go on with a study, however it ended: finished trials stay, those under way are taken up from their checkpoints.

    `trials`: how many in all, where it is to be another number. Its `timeout` counts anew. `trust`: Python of the
    user's own that the study's spec names may run. Raises TfcliError.
    """
    with own_python(run.path, trust):
        study = Study.open(run)
        for path, name in own_functions(study.loaded) if not trust else ():
            raise study.loaded.error_at(path, refusal(name))  # one error, and not one a trial
        study.wanted = trials or study.wanted
        return _Search(study, reporter, command, means or Means()).run_to_end()


def _objectives(session: Session) -> list[Objective]:
    """What decides, and in which direction. Raises InvalidSpec where the experiment does not report it."""
    tune = session.experiment.tune
    assert tune is not None
    names = [*session.reported(), "parameters"]
    places: dict[SpecPath, str] = {("tune", "objective", i): name for i, name in enumerate(tune.objectives)}
    places |= {("tune", "constraints", name): name for name in tune.constraints}
    for place, name in places.items():
        if name not in names:
            hint = nearest(name, names) or f"reported are: {', '.join(names)}"
            raise session.loaded.error_at(place, f"`{name}` is not reported by this experiment", hint)
    if tune.folds and (session.experiment.data.split is None or session.experiment.data.validation is not None):
        message, hint = "there is no source to divide", "give one `source` with `split: {validation: 0.2}`"
        raise session.loaded.error_at(("tune", "folds"), message, hint)
    metrics = session.trainer.metrics()
    return [
        Objective(name, (direction or _direction(metrics, name)) == "maximize")
        for name, direction in zip(tune.objectives, tune.directions, strict=True)
    ]


def _direction(metrics: Mapping[str, Any], name: str) -> str:
    return "minimize" if name == "parameters" else metrics[name.removeprefix("val_")].direction


class _Search(Watcher):
    """A study at work."""

    def __init__(self, study: Study, reporter: StudyReporter | None, command: Sequence[str], means: Means) -> None:
        self.study, self.reporter = study, reporter or StudyReporter()
        self.declared = study.loaded.experiment.tune
        self.engine = means.make(study, self, command)
        self._by_number: dict[int, Trial] = {}
        self._seconds: dict[int, float] = {}
        self._deadline: float | None = None
        self._is_over = False

    def run_to_end(self) -> Study:
        """Raises Interrupted, TrainingError where all trials fail, CheckpointError where the disk refuses."""
        with self.study.run.lock():
            self._update_status("running")
            try:
                self._wait_for_orphans()
                self.chooser = make_chooser(self.study)
                self._by_number = {trial.number: trial for trial in self.study.trials}
                # In this process training hears signals itself, and between the trials there is nothing to park.
                requests = nullcontext(StopRequest()) if self.engine.is_here else stop_requests()
                with self.engine, requests as request:
                    self.reporter.study_started(self.study)
                    if self._has_board:
                        write_hparams(self.study)
                    self._work(request)
                self.study.save()
                self.study.publish()
                self._require_success()
            except TfcliError as error:
                self._update_status("interrupted" if isinstance(error, Interrupted) else "failed", str(error))
                raise
            self._update_status("done")
        return self.study

    @property
    def _has_board(self) -> bool:
        return self.study.loaded.experiment.train.tensorboard is not None

    def _update_status(self, state: str, error: str | None = None) -> None:
        finished = sum(trial.is_finished for trial in self.study.trials)
        self.study.run.update_status(state, trials=finished, error=error)

    def _wait_for_orphans(self) -> None:
        """Workers of a study that was killed see it at once, but not before the statement they are at is over."""
        until = time.monotonic() + _FREED_WITHIN
        folders = [f"{t.folder}{part.folder}" for t in self._unfinished() for part in self.study.parts]
        runs = [RunDirectory(self.study.run.path / folder) for folder in folders]
        while any(run.is_locked for run in runs) and time.monotonic() < until:
            time.sleep(0.05)

    def _unfinished(self) -> list[Trial]:
        return [trial for trial in self.study.trials if not trial.is_finished]

    # the loop

    def _work(self, request: StopRequest) -> None:
        if self.declared.timeout is not None:
            self._deadline = time.monotonic() + self.declared.timeout
        waiting = self._unfinished()
        if not waiting and self._has_all():
            self.reporter.study_note(f"its {len(self.study.trials)} trials are done; a larger --trials searches on")
        under_way: list[Trial] = []
        number: int | None = None
        while True:
            while number is None and len(under_way) < self.engine.capacity:
                trial = waiting.pop(0) if waiting else self._next()
                if trial is None:
                    break
                self._begin(trial)
                under_way.append(trial)
                self.engine.submit(trial)
            if not under_way:
                break
            for ended in self.engine.wait():
                under_way.remove(ended.trial)
                if ended.outcome.state == "interrupted":
                    number = number or ended.outcome.signal
                if self._end(ended):
                    waiting.insert(0, ended.trial)
            if request.number is not None and number is None:
                number = request.number
                self.reporter.study_note("stopping: the trials under way write their checkpoints")
                self.engine.stop()
            self.reporter.moment_passed(self.study)
        if number is not None:
            raise self._interrupted(number)

    def _has_all(self) -> bool:
        return self.study.wanted is not None and len(self.study.everywhere) >= self.study.wanted

    def _next(self) -> Trial | None:
        """A new trial, unless the search is over."""
        if self._is_over or self._has_all():
            return None
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self._is_over = True
            self.reporter.study_note(f"the search stops after its {self.declared.timeout:g} seconds (tune.timeout)")
            return None
        proposed = self.chooser.propose()
        if proposed is None:
            self._is_over = True
            count = len(self.study.everywhere)
            self.reporter.study_note(f"the search space is exhausted: all {count} combinations are tried")
            return None
        finished = sum(trial.is_finished for trial in self.study.trials)
        trial = Trial(*proposed, after=finished)
        self.study.trials.append(trial)
        self._by_number[trial.number] = trial
        return trial

    def _begin(self, trial: Trial) -> None:
        trial.state = "running"
        self._seconds[trial.number] = trial.seconds
        trial.reports = []
        self.study.save()
        self.reporter.trial_started(self.study, trial)

    def _end(self, ended: Ended) -> bool:
        """Write down what came of the attempt; whether it is to be made again. Raises CheckpointError."""
        trial, outcome = ended.trial, ended.outcome
        trial.seconds = round(self._seconds[trial.number] + outcome.seconds, 3)
        trial.run = outcome.run or trial.run
        match outcome.state:
            case "lost":
                self.reporter.study_note(
                    f"trial {trial.number}: its process ended {outcome.error}; it is taken up again"
                )
                return True
            case "interrupted" | "refused":
                trial.state = "interrupted"
                self.study.save()
                if outcome.state == "refused":
                    raise CheckpointError(str(outcome.error))
            case state:
                trial.state = state
                self._finish(trial, outcome)
        return False

    def _finish(self, trial: Trial, outcome: Outcome) -> None:
        trial.values, trial.spread, trial.violations = outcome.values, outcome.spread, outcome.violations
        trial.value = outcome.values.get(self.study.objective.name)
        trial.epoch, trial.error = outcome.epoch, outcome.error
        trial.ended = sum(other.ended is not None for other in self.study.trials if other is not trial)
        self.study.save()
        self.chooser.finish(trial)
        self.study.elsewhere = self.chooser.elsewhere()
        self.study.publish()
        if self._has_board:
            write_session(self.study, trial)
        self._update_status("running")
        self.reporter.trial_ended(self.study, trial)

    # what the engine tells

    def epoch_ended(self, number: int, part: int, row: Mapping[str, Any], epochs: int) -> None:
        self.reporter.trial_epoch(self.study, self._by_number[number], part, row, epochs)

    def is_pruned(self, number: int, step: int, value: float) -> bool:
        trial = self._by_number[number]
        if any(step == known for known, _ in trial.reports):
            trial.reports = [report for report in trial.reports if report[0] < step]
        trial.reports.append([step, value])
        return self.chooser.is_pruned(trial, step, value)

    def _interrupted(self, number: int) -> Interrupted:
        path = os.path.relpath(self.study.run.path)
        parked = [str(trial.number) for trial in self._unfinished()]
        where = f" in trial{'s' * (len(parked) > 1)} {', '.join(parked)}" if parked else ""
        return Interrupted(number or signal.SIGINT, f"interrupted{where}; go on with: tfcli tune --resume {path}")

    def _require_success(self) -> None:
        trials = self.study.trials
        if trials and all(trial.state == "failed" for trial in trials):
            which = "the trial" if len(trials) == 1 else f"all {len(trials)} trials"
            raise TrainingError(f"{which} failed; trial {trials[0].number}: {trials[0].error}")
