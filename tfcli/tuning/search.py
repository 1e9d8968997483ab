"""The search: one trial after the other, each an ordinary run in the study's directory."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tfcli.declare import nearest
from tfcli.errors import CheckpointError, TfcliError, TrainingError
from tfcli.logging.environment import describe_environment
from tfcli.logging.run_directory import RunDirectory
from tfcli.runner import training
from tfcli.runner.session import Session, assemble
from tfcli.runner.signals import Interrupted
from tfcli.spec.load import LoadedSpec
from tfcli.tuning.report import StudyReporter
from tfcli.tuning.samplers import SAMPLERS
from tfcli.tuning.space import make_space
from tfcli.tuning.study import Study, create, require_search
from tfcli.tuning.trial import Trial, best_epoch


def tune(
    loaded: LoadedSpec,
    logdir: Path,
    name: str | None = None,
    trials: int | None = None,
    reporter: StudyReporter | None = None,
    command: Sequence[str] = (),
) -> Study:
    """Run the spec's search in a new study directory. `trials`: how many, instead of the spec's number.

    All trials have the spec's seed, so that they differ in their parameters alone. Raises TfcliError; nothing is
    written where the spec, the data or the objective is wrong.
    """
    require_search(loaded)
    session = assemble(loaded)
    maximize = _is_maximized(session)
    wanted = trials or loaded.experiment.tune.trials
    environment = describe_environment(command, session.experiment.seed, session.data.fingerprints, loaded.root)
    study = create(loaded, logdir, name, maximize, wanted, environment)
    return _Search(study, reporter, command).run_to_end()


def resume(
    run: RunDirectory, trials: int | None = None, reporter: StudyReporter | None = None, command: Sequence[str] = ()
) -> Study:
    """Go on with a study, however it ended: finished trials stay, the one under way is taken up from its checkpoint.

    `trials`: how many in all, where it is to be another number. Its `timeout` counts anew. Raises TfcliError.
    """
    study = Study.open(run)
    study.wanted = trials or study.wanted
    return _Search(study, reporter, command).run_to_end()


def _is_maximized(session: Session) -> bool:
    """The direction of the objective. Raises InvalidSpec where the experiment does not report it."""
    tune = session.experiment.tune
    assert tune is not None
    names = session.reported()
    if tune.objective not in names:
        hint = nearest(tune.objective, names) or f"reported are: {', '.join(names)}"
        message = f"`{tune.objective}` is not reported by this experiment"
        raise session.loaded.error_at(("tune", "objective"), message, hint)
    if tune.direction is not None:
        return tune.direction == "maximize"
    return session.trainer.metrics()[tune.objective.removeprefix("val_")].direction == "maximize"


class _Search:
    """A study at work."""

    def __init__(self, study: Study, reporter: StudyReporter | None, command: Sequence[str]) -> None:
        self.study, self.reporter, self.command = study, reporter or StudyReporter(), command
        self.declared = study.loaded.experiment.tune
        self.space = make_space(study.loaded)
        self.sampler = SAMPLERS[self.declared.sampler](self.space, study.loaded.experiment.seed)

    def run_to_end(self) -> Study:
        """Raises Interrupted, TrainingError where all trials fail, CheckpointError where the disk refuses."""
        run = self.study.run
        with run.lock():
            self._update_status("running")
            self.reporter.study_started(self.study)
            try:
                for trial in self._trials():
                    self._run(trial)
                self.study.save()
                self.study.publish()
                self._require_success()
            except TfcliError as error:
                self._update_status("interrupted" if isinstance(error, Interrupted) else "failed", str(error))
                raise
            self._update_status("done")
        return self.study

    def _update_status(self, state: str, error: str | None = None) -> None:
        finished = sum(trial.is_finished for trial in self.study.trials)
        self.study.run.update_status(state, trials=finished, error=error)

    def _trials(self) -> Iterator[Trial]:
        """The trials to run: first those that were under way, then new ones."""
        started = time.monotonic()
        unfinished = [trial for trial in self.study.trials if not trial.is_finished]
        if not unfinished and self.study.wanted is not None and len(self.study.trials) >= self.study.wanted:
            self.reporter.study_note(f"its {len(self.study.trials)} trials are done; a larger --trials searches on")
        yield from unfinished
        while self.study.wanted is None or len(self.study.trials) < self.study.wanted:
            if self.declared.timeout is not None and time.monotonic() - started >= self.declared.timeout:
                self.reporter.study_note(f"the search stops after its {self.declared.timeout:g} seconds (tune.timeout)")
                return
            parameters = self.sampler.propose(self.study.trials)
            if parameters is None:
                self.reporter.study_note(
                    f"the search space is exhausted: all {len(self.study.trials)} combinations are tried"
                )
                return
            trial = Trial(len(self.study.trials), parameters)
            self.study.trials.append(trial)
            yield trial

    def _run(self, trial: Trial) -> None:
        """Run the trial, or go on with it, and record what comes of it."""
        trial.state = "running"
        self.study.save()
        self.reporter.trial_started(self.study, trial)
        started, before = time.perf_counter(), trial.seconds
        try:
            self._score(trial, self._train(trial))
        except (Interrupted, KeyboardInterrupt) as error:
            trial.state = "interrupted"
            raise self._interrupted(trial, error) from error
        except CheckpointError:
            trial.state = "interrupted"  # the disk is at fault, not these parameters
            raise
        except (TfcliError, MemoryError) as error:
            trial.state = "failed"
            trial.error = str(error) or "there was not enough memory"
        finally:
            trial.seconds = round(before + time.perf_counter() - started, 3)
            self.study.save()
        self.study.publish()
        self._update_status("running")
        self.reporter.trial_ended(self.study, trial)

    def _train(self, trial: Trial) -> RunDirectory:
        path = self.study.run.path / trial.folder
        loaded = self.study.spec_of(trial)
        if path.exists():
            run, trial.run = RunDirectory(path), trial.folder
            if run.status().get("state") == "done":
                return run
            if _can_go_on(run, loaded):
                return training.resume(run, reporter=self.reporter).run
            run.remove()  # begun again it gives the same, since every random number comes from the seed
        session = assemble(loaded)
        run = RunDirectory.create_at(path)
        trial.run = trial.folder
        return training.train_in(run, session, self.reporter, self.command).run

    def _score(self, trial: Trial, run: RunDirectory) -> None:
        best = best_epoch(run.metrics(), self.study.objective, self.study.maximize)
        if best is None:
            raise TrainingError(f"no epoch gave a finite number for {self.study.objective}")
        trial.value, trial.epoch = best
        trial.state = "done"

    def _interrupted(self, trial: Trial, error: BaseException) -> Interrupted:
        number = error.exit_code - 128 if isinstance(error, Interrupted) else signal.SIGINT
        path = os.path.relpath(self.study.run.path)
        return Interrupted(number, f"interrupted in trial {trial.number}; go on with: tfcli tune --resume {path}")

    def _require_success(self) -> None:
        trials = self.study.trials
        if trials and all(trial.state == "failed" for trial in trials):
            which = "the trial" if len(trials) == 1 else f"all {len(trials)} trials"
            raise TrainingError(f"{which} failed; trial 0: {trials[0].error}")


def _can_go_on(run: RunDirectory, loaded: LoadedSpec) -> bool:
    """Whether the run has a checkpoint with epochs still to train after it."""
    try:
        state = run.checkpoints().load("last").state
    except CheckpointError:
        return False
    return not state["stopped"] and state["epoch"] < loaded.experiment.train.epochs
