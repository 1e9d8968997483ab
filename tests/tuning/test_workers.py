"""Several workers: the same trials as one finds, each once, however the processes end."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tuning_specs import RANGES, leaderboard, settings, values_by_number, written

from tfcli.errors import TrainingError
from tfcli.logging.run_directory import RunDirectory
from tfcli.runner.signals import Interrupted
from tfcli.spec.load import load_experiment
from tfcli.tuning.engines import Lives
from tfcli.tuning.report import StudyReporter
from tfcli.tuning.search import Means, resume, tune
from tfcli.tuning.study import Study
from tfcli.tuning.trial import Trial
from tfcli.tuning.work import Outcome, thread_variables

GRID = """\
tune:
  sampler: grid
  objective: val_accuracy
  space:
    optimizer.learning_rate: {values: [0.3, 0.1, 0.03, 0.01]}
    model.layers.h.units: {values: [2, 4, 8]}
"""
TWO = Means(workers=2)
needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes in /proc")


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def is_alive(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return "tfcli.tuning.worker" in Path(f"/proc/{pid}/cmdline").read_text()
    return False


def wait_for(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)
    return found


@pytest.mark.parametrize("sampler", ["grid", "random"])
def test_two_workers_find_what_one_finds(sampler: str, tmp_path: Path):
    text = GRID if sampler == "grid" else f"tune:\n  trials: 6\n  objective: val_accuracy\n{RANGES}"
    spec = load_experiment(written(tmp_path, text))
    assert values_by_number(tune(spec, tmp_path, means=TWO)) == values_by_number(tune(spec, tmp_path))


def test_workers_of_a_sampler_that_learns_try_nothing_twice(tmp_path: Path):
    text = f"tune:\n  sampler: {{type: tpe, n_startup_trials: 2}}\n  trials: 8\n  pruner: median\n{RANGES}"
    study = tune(load_experiment(written(tmp_path, text)), tmp_path, means=TWO)
    assert [trial.number for trial in study.trials] == list(range(8))
    assert all(trial.is_finished for trial in study.trials)
    assert len({str(setting) for setting in settings(study)}) == 8
    assert sorted(trial.ended for trial in study.trials if trial.ended is not None) == list(range(8))


def test_a_failing_trial_fails_alone(tmp_path: Path):
    text = "tune: {sampler: grid, space: {optimizer.learning_rate: {values: [0.1, 1.0e+30, 0.2]}}}\n"
    study = tune(load_experiment(written(tmp_path, text)), tmp_path, means=TWO)
    assert [trial.state for trial in study.trials] == ["done", "failed", "done"]
    assert "the loss became" in str(study.trials[1].error)


class WorkerKiller(StudyReporter):
    """Kills the workers once, in the first epoch of trial 1."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def trial_epoch(self, study: Study, trial: Trial, part: int, row: Mapping[str, Any], epochs: int) -> None:
        if trial.number == 1 and not self.notes:
            self.notes.append("killing")
            for pid in children(os.getpid()):
                os.kill(pid, signal.SIGKILL)

    def study_note(self, text: str) -> None:
        self.notes.append(text)


@needs_proc
def test_the_trials_of_killed_workers_are_taken_up_again(tmp_path: Path):
    spec = load_experiment(written(tmp_path, GRID))
    killer = WorkerKiller()
    study = tune(spec, tmp_path, trials=4, reporter=killer, means=TWO)
    assert any("its process ended by SIGKILL; it is taken up again" in note for note in killer.notes)
    assert values_by_number(study) == values_by_number(tune(spec, tmp_path, trials=4))


def test_a_trial_that_kills_its_process_every_time_fails(tmp_path: Path):
    lives = Lives()
    outcomes = [death_at_work(lives) for _ in range(Lives.MOST)]
    assert [outcome.state for outcome in outcomes] == ["lost"] * (Lives.MOST - 1) + ["failed"]
    assert "is there enough memory?" in str(outcomes[-1].error)


def death_at_work(lives: Lives) -> Outcome:
    lives.began(0)
    return lives.after_death(0, "by SIGKILL")


def test_a_process_that_dies_while_it_starts_says_little_about_its_trial():
    lives = Lives()
    outcomes = [lives.after_death(0, "by SIGKILL") for _ in range(Lives.MOST_STARTS)]
    assert {outcome.state for outcome in outcomes[:-1]} == {"lost"}
    assert outcomes[-1].state == "failed"
    assert "before it came to the trial" in str(outcomes[-1].error)


def test_a_trial_that_gets_on_between_deaths_is_not_given_up():
    lives = Lives()
    for _ in range(3 * Lives.MOST):
        assert death_at_work(lives).state == "lost"
        lives.advanced(0)


@pytest.fixture
def leader(tmp_path: Path):
    """Starts a study as a command, and ends whatever is left of it."""
    started: list[subprocess.Popen] = []

    def start(*words: str) -> subprocess.Popen:
        command = [
            sys.executable,
            "-m",
            "tfcli",
            "tune",
            *words,
            "--workers",
            "2",
            "--quiet",
            "--logdir",
            str(tmp_path),
        ]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def finished(study: Path) -> int:
    return sum(trial.is_finished for trial in Study.open(RunDirectory(study)).trials)


def half_done(logdir: Path, least: int) -> Path | None:
    """The study's directory, once so many of its trials have finished."""
    for path in logdir.glob("exp/*/study.json"):
        if finished(path.parent) >= least:
            return path.parent
    return None


@needs_proc
def test_a_grid_of_twelve_killed_half_way_and_resumed_has_twelve_rows(tmp_path: Path, leader):
    spec = written(tmp_path, GRID)
    process = leader(str(spec))
    study = wait_for(lambda: half_done(tmp_path, 5))
    workers = children(process.pid)
    process.kill()
    process.wait()
    wait_for(lambda: not any(map(is_alive, workers)))
    assert len(workers) == 2
    assert finished(study) < 12
    resumed = resume(RunDirectory(study), means=TWO)
    assert sorted(int(row["trial"]) for row in leaderboard(study)) == list(range(12))
    assert {row["state"] for row in leaderboard(study)} == {"done"}
    assert values_by_number(resumed) == values_by_number(tune(load_experiment(spec), tmp_path / "whole"))


@needs_proc
def test_ctrl_c_parks_the_trials_and_leaves_no_process(tmp_path: Path, leader):
    process = leader(str(written(tmp_path, GRID.replace("space:", "space:\n    train.epochs: {values: [200]}"))))
    study = wait_for(
        lambda: next((p.parent.parent.parent for p in tmp_path.glob("exp/*/trials/*/metrics.jsonl")), None)
    )
    workers = children(process.pid)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors.decode()
    assert b"go on with: tfcli tune --resume" in errors
    assert not any(map(is_alive, workers))
    assert RunDirectory(study).status()["state"] == "interrupted"
    parked = [trial for trial in Study.open(RunDirectory(study)).trials if trial.state == "interrupted"]
    assert parked
    assert any(RunDirectory(study / trial.folder).checkpoints().names() for trial in parked)


def test_a_study_is_led_by_one_process(tmp_path: Path):
    study = tune(load_experiment(written(tmp_path, GRID)), tmp_path, trials=1)
    with study.run.lock(), pytest.raises(Exception, match="in use by process"):
        resume(study.run, means=TWO)


def test_each_worker_has_its_share_of_the_threads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    assert set(thread_variables(3).values()) == {"2"}
    assert set(thread_variables(16).values()) == {"1"}


def test_errors_of_all_trials_are_told(tmp_path: Path):
    text = "tune: {sampler: grid, space: {optimizer.learning_rate: {values: [1.0e+30, 2.0e+30]}}}\n"
    with pytest.raises(TrainingError, match="all 2 trials failed"):
        tune(load_experiment(written(tmp_path, text)), tmp_path, means=TWO)


class Stopper(StudyReporter):
    def trial_ended(self, study: Study, trial: Trial) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_study_stopped_by_sigterm_goes_on_to_the_same_end(tmp_path: Path):
    spec = load_experiment(written(tmp_path, GRID))
    with pytest.raises(Interrupted) as caught:
        tune(spec, tmp_path / "parts", trials=6, reporter=Stopper(), means=TWO)
    assert caught.value.exit_code == 143
    (path,) = (tmp_path / "parts").glob("exp/*")
    resumed = resume(RunDirectory(path), means=TWO)
    assert values_by_number(resumed) == values_by_number(tune(spec, tmp_path / "whole", trials=6))
