"""Studies: what they try, record and write, and how they go on after an interruption."""

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tfcli.errors import CheckpointError, TrainingError
from tfcli.logging.run_directory import RunDirectory
from tfcli.runner import training
from tfcli.runner.signals import Interrupted
from tfcli.spec.diagnostics import InvalidSpec
from tfcli.spec.load import load_experiment
from tfcli.tuning.report import StudyReporter
from tfcli.tuning.search import resume, tune
from tfcli.tuning.study import Study
from tfcli.tuning.trial import Trial

SPEC = """\
seed: 3
data:
  source: {type: bundled, name: iris}
  split: {validation: 0.2}
  pipeline: [{type: batch, batch_size: 32}]
model: {layers: [{type: dense, name: h, units: 4}, {type: dense, units: 3}]}
loss: {type: sparse_categorical_crossentropy, from_logits: true}
optimizer: {type: sgd, learning_rate: 0.1}
metrics: [accuracy]
train: {epochs: 3, tensorboard: null}
"""
GRID = """\
tune:
  sampler: grid
  objective: val_accuracy
  space:
    optimizer.learning_rate: {values: [0.1, 0.01]}
    model.layers.h.units: {low: 2, high: 4, step: 2}
"""
KILLED = """\
import os, signal, sys
from pathlib import Path
from tfcli.spec.load import load_experiment
from tfcli.tuning.report import StudyReporter
from tfcli.tuning.search import tune

class Killer(StudyReporter):
    def trial_epoch(self, study, trial, part, row, epochs):
        if (trial.number, row["epoch"]) == (1, 3):
            os.kill(os.getpid(), signal.SIGKILL)

tune(load_experiment(sys.argv[1]), Path(sys.argv[2]), reporter=Killer())
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    return written(tmp_path, GRID)


def written(folder: Path, section: str) -> Path:
    path = folder / "exp.yaml"
    path.write_text(SPEC + section)
    return path


def outcome(study: Study) -> list[dict[str, Any]]:
    """All that does not depend on the clock."""
    return [trial.to_dict() | {"seconds": None} for trial in Study.open(study.run).trials]


def rows(study: Study) -> list[dict[str, str]]:
    with open(study.run.path / "leaderboard.csv") as file:
        return list(csv.DictReader(file))


def test_a_grid_is_tried_in_the_order_of_the_spec(spec, tmp_path):
    study = tune(load_experiment(spec), tmp_path)
    assert [tuple(trial.parameters.values()) for trial in study.trials] == [(0.1, 2), (0.1, 4), (0.01, 2), (0.01, 4)]
    assert {trial.state for trial in study.trials} == {"done"}


def test_each_trial_is_a_run_with_its_values(spec, tmp_path):
    study = tune(load_experiment(spec), tmp_path)
    experiment = load_experiment(study.run.path / "trials/0003/spec.yaml").experiment
    assert (experiment.optimizer.learning_rate, experiment.model.layers[0].units, experiment.seed) == (0.01, 4, 3)
    assert RunDirectory(study.run.path / "trials/0003").status()["state"] == "done"


def test_the_value_is_the_best_over_the_epochs(spec, tmp_path):
    study = tune(load_experiment(spec), tmp_path, trials=1)
    metrics = RunDirectory(study.run.path / "trials/0000").metrics()
    best = max(metrics, key=lambda row: row["val_accuracy"])
    assert (study.trials[0].value, study.trials[0].epoch) == (best["val_accuracy"], best["epoch"])


def test_the_leaderboard_has_the_best_first(spec, tmp_path):
    study = tune(load_experiment(spec), tmp_path)
    found = rows(study)
    assert list(found[0]) == ["trial", "state", "value", *study.loaded.experiment.tune.space, "duration", "run"]
    values = [float(row["value"]) for row in found]
    assert values == sorted(values, reverse=True)
    assert found[0]["run"] == f"trials/{int(found[0]['trial']):04d}"


def test_a_loss_is_minimized(tmp_path):
    spec = written(tmp_path, GRID.replace("val_accuracy", "val_loss"))
    study = tune(load_experiment(spec), tmp_path)
    assert study.best is not None
    assert study.best.value == min(trial.value for trial in study.trials if trial.value is not None)


def test_the_best_spec_trains_to_the_same_value(spec, tmp_path):
    study = tune(load_experiment(spec), tmp_path)
    assert study.best is not None
    loaded = load_experiment(study.best_spec)
    assert "tune" not in loaded.document.value
    summary = training.train(loaded, tmp_path / "again").summary
    assert summary["best"]["val_accuracy"] == study.best.value


def test_an_objective_that_is_not_reported_is_found_before_anything_runs(tmp_path):
    spec = written(tmp_path, GRID.replace("val_accuracy", "val_acuracy"))
    with pytest.raises(InvalidSpec, match="did you mean `val_accuracy`") as caught:
        tune(load_experiment(spec), tmp_path / "runs")
    assert caught.value.diagnostics[0].mark.line == 13
    assert not (tmp_path / "runs").exists()


def test_a_spec_without_a_search_is_refused(tmp_path):
    with pytest.raises(InvalidSpec, match="no `tune` section"):
        tune(load_experiment(written(tmp_path, "")), tmp_path / "runs")


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_a_failing_trial_has_an_error_and_no_value(tmp_path):
    spec = written(tmp_path, GRID.replace("0.01]", "1.0e+30]"))
    study = tune(load_experiment(spec), tmp_path)
    assert [trial.state for trial in study.trials] == ["done", "done", "failed", "failed"]
    assert study.trials[2].value is None
    assert "the loss became" in str(study.trials[2].error)
    assert [row["value"] for row in rows(study)[2:]] == ["", ""]


def test_values_that_do_not_go_together_fail_their_trial_alone(tmp_path):
    section = "tune: {sampler: grid, space: {model.outputs: {values: [[h], null]}}}\n"
    study = tune(load_experiment(written(tmp_path, section)), tmp_path)
    assert [trial.state for trial in study.trials] == ["failed", "done"]
    assert study.trials[0].run is None


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_a_study_whose_trials_all_fail_fails(tmp_path):
    spec = written(tmp_path, GRID.replace("[0.1, 0.01]", "[1.0e+30]"))
    with pytest.raises(TrainingError, match="all 2 trials failed"):
        tune(load_experiment(spec), tmp_path / "runs")
    (path,) = (tmp_path / "runs").glob("exp/*")
    assert RunDirectory(path).status()["state"] == "failed"
    assert not (path / "best.yaml").exists()


def test_no_setting_is_tried_twice_and_an_exhausted_space_says_so(tmp_path):
    notes: list[str] = []

    class Listener(StudyReporter):
        def study_note(self, text: str) -> None:
            notes.append(text)

    section = "tune: {trials: 9, space: {model.layers.h.units: {values: [2, 3, 2, 4]}}}\n"
    study = tune(load_experiment(written(tmp_path, section)), tmp_path, reporter=Listener())
    assert sorted(trial.parameters["model.layers.h.units"] for trial in study.trials) == [2, 3, 4]
    assert notes == ["the search space is exhausted: all 3 combinations are tried"]


def test_a_killed_study_goes_on_to_the_same_end(spec, tmp_path):
    whole = tune(load_experiment(spec), tmp_path / "whole")
    done = subprocess.run([sys.executable, "-c", KILLED, str(spec), str(tmp_path / "killed")], check=False)
    assert done.returncode == -signal.SIGKILL
    (path,) = (tmp_path / "killed").glob("exp/*")
    before = (path / "trials/0000/metrics.jsonl").stat().st_mtime_ns
    resumed = resume(RunDirectory(path))
    assert outcome(resumed) == outcome(whole)
    assert (path / "trials/0000/metrics.jsonl").stat().st_mtime_ns == before
    assert len(RunDirectory(path / "trials/0001").metrics()) == 3


class Interrupter(StudyReporter):
    def trial_epoch(self, study: Study, trial: Trial, part: int, row: Mapping[str, Any], epochs: int) -> None:
        if (trial.number, row["epoch"]) == (1, 1):
            os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupted_study_says_how_to_go_on_and_does(spec, tmp_path):
    whole = tune(load_experiment(spec), tmp_path / "whole")
    with pytest.raises(Interrupted, match=r"interrupted in trial 1.*tfcli tune --resume") as caught:
        tune(load_experiment(spec), tmp_path / "runs", reporter=Interrupter())
    assert caught.value.exit_code == 130
    (path,) = (tmp_path / "runs").glob("exp/*")
    assert RunDirectory(path).status()["state"] == "interrupted"
    assert [trial.state for trial in Study.open(RunDirectory(path)).trials] == ["done", "interrupted"]
    assert outcome(resume(RunDirectory(path))) == outcome(whole)


def test_a_trial_that_was_done_but_not_recorded_is_not_trained_again(spec, tmp_path):
    study = tune(load_experiment(spec), tmp_path, trials=1)
    model = study.run.path / "trials/0000/model.safetensors"
    before, expected = model.stat().st_mtime_ns, outcome(study)
    path = study.run.path / "study.json"
    record = json.loads(path.read_text())
    record["trials"][0] |= {"state": "running", "value": None, "epoch": None, "run": None}
    path.write_text(json.dumps(record))
    assert outcome(resume(study.run)) == expected
    assert model.stat().st_mtime_ns == before


def test_more_trials_go_on_where_fewer_ended(spec, tmp_path):
    whole = tune(load_experiment(spec), tmp_path / "whole")
    study = tune(load_experiment(spec), tmp_path / "parts", trials=2)
    assert outcome(resume(study.run, trials=4)) == outcome(whole)


def test_a_run_is_no_study(tmp_path):
    run = training.train(load_experiment(written(tmp_path, "")), tmp_path).run
    with pytest.raises(CheckpointError, match="is no study"):
        resume(run)
