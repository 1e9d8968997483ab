"""Folds, repeats, constraints, several objectives: what a trial's value is made of."""

import statistics
from pathlib import Path

import numpy as np
import pytest
from tuning_specs import SPEC, leaderboard, written

from tfcli.data.prepared import prepare
from tfcli.errors import DataError
from tfcli.logging.run_directory import RunDirectory
from tfcli.spec.diagnostics import InvalidSpec
from tfcli.spec.load import load_experiment
from tfcli.tuning.search import resume, tune
from tfcli.tuning.study import Study

ONE_KEY = "  space: {model.layers.h.units: {values: [2, 8]}}\n"


def studied(folder: Path, keys: str, spec: str = SPEC) -> Study:
    text = f"tune:\n  sampler: grid\n{keys}{ONE_KEY}"
    return tune(load_experiment(written(folder, text, spec)), folder)


def test_folds_are_validated_on_each_part_once(tmp_path: Path):
    study = studied(tmp_path, "  folds: 3\n")
    specs = [load_experiment(study.run.path / f"trials/0000-fold-{fold}/spec.yaml") for fold in range(3)]
    sizes = [prepare(spec.experiment.data, spec.root, 3).validation for spec in specs]
    assert [len(split.examples) for split in sizes if split is not None] == [50, 50, 50]
    assert [spec.experiment.data.split.fold for spec in specs] == [0, 1, 2]


def test_a_trials_value_is_the_mean_of_its_runs_with_their_spread(tmp_path: Path):
    study = studied(tmp_path, "  repeats: 2\n")
    runs = [RunDirectory(study.run.path / f"trials/0001-seed-{seed}") for seed in (3, 4)]
    best = [min(row["val_loss"] for row in run.metrics()) for run in runs]
    assert study.trials[1].value == pytest.approx(statistics.fmean(best))
    assert study.trials[1].spread["val_loss"] == pytest.approx(statistics.stdev(best))
    assert float(leaderboard(study.run.path)[0]["spread"]) > 0


def test_repeats_change_the_training_and_not_the_division(tmp_path: Path):
    study = studied(tmp_path, "  repeats: 2\n  folds: 2\n")
    names = sorted(path.name for path in (study.run.path / "trials").glob("0000*"))
    assert names == ["0000-fold-0-seed-3", "0000-fold-0-seed-4", "0000-fold-1-seed-3", "0000-fold-1-seed-4"]
    specs = [load_experiment(study.run.path / f"trials/{name}/spec.yaml").experiment for name in names]
    assert [spec.seed for spec in specs] == [3, 4, 3, 4]
    assert {spec.data.split.seed for spec in specs} == {3}


def test_the_best_spec_of_folds_is_divided_as_the_spec_says(tmp_path: Path):
    split = load_experiment(studied(tmp_path, "  folds: 3\n").best_spec).experiment.data.split
    assert (split.validation, split.folds) == (0.2, None)


def test_a_trial_goes_on_with_the_fold_that_it_stopped_at(tmp_path: Path):
    study = studied(tmp_path, "  folds: 2\n")
    value = study.trials[1].value
    kept = study.run.path / "trials/0001-fold-0/model.safetensors"
    before = kept.stat().st_mtime_ns
    RunDirectory(study.run.path / "trials/0001-fold-1").remove()
    study.trials[1].state, study.trials[1].value, study.trials[1].ended = "running", None, None
    study.save()
    assert resume(study.run).trials[1].value == value
    assert kept.stat().st_mtime_ns == before


def test_folds_need_a_source_to_divide(tmp_path: Path):
    iris = "{source: {type: bundled, name: iris}}"
    spec = SPEC.replace("  split: {validation: 0.2}\n", f"  validation: {iris}\n")
    spec = spec.replace("source: {type: bundled, name: iris}\n", f"train: {iris}\n", 1)
    with pytest.raises(InvalidSpec, match="no source to divide"):
        studied(tmp_path, "  folds: 2\n", spec)


def test_stratified_folds_keep_the_proportions(tmp_path: Path):
    text = SPEC.replace("{validation: 0.2}", "{folds: 4, fold: 1, test: 0.2, stratify: true}")
    loaded = load_experiment(written(tmp_path, "", text))
    data = prepare(loaded.experiment.data, loaded.root, 3)
    (labels,) = data.validation.examples.targets.values()
    assert np.bincount(labels.ravel().astype(int)).tolist() == [10, 10, 10]


def test_more_folds_than_examples_are_refused(tmp_path: Path):
    loaded = load_experiment(written(tmp_path, "", SPEC.replace("{validation: 0.2}", "{folds: 151}")))
    with pytest.raises(DataError, match="150 examples are too few for 151 folds"):
        prepare(loaded.experiment.data, loaded.root, 3)


def test_a_trial_outside_its_constraints_is_never_the_best(tmp_path: Path):
    study = studied(tmp_path, "  constraints: {parameters: {high: 30}}\n")
    assert [trial.is_allowed for trial in study.trials] == [True, False]
    assert study.best is study.trials[0]
    assert [row["allowed"] for row in leaderboard(study.run.path)] == ["true", "false"]


def test_where_nothing_is_allowed_there_is_no_best(tmp_path: Path):
    study = studied(tmp_path, "  constraints: {val_loss: {high: 0}}\n")
    assert study.best is None
    assert not study.best_spec.exists()


def test_several_objectives_have_a_front(tmp_path: Path):
    study = studied(tmp_path, "  objective: [val_loss, parameters]\n")
    assert [objective.direction for objective in study.objectives] == ["minimize", "minimize"]
    assert study.trials[0].values["parameters"] == 2 * 5 + 3 * 3
    small, large = study.trials
    expected = ["true", "true"] if large.values["val_loss"] < small.values["val_loss"] else ["true", "false"]
    assert [row["pareto"] for row in leaderboard(study.run.path)] == expected
    assert study.run.summary()["pareto_front"]


def test_a_sampler_searches_for_several_objectives_within_constraints(tmp_path: Path):
    text = """\
tune:
  sampler: {type: tpe, n_startup_trials: 2}
  trials: 5
  objective: [val_accuracy, parameters]
  direction: [maximize, minimize]
  constraints: {val_loss: {high: 5}}
  space: {model.layers.h.units: {low: 2, high: 30}}
"""
    study = tune(load_experiment(written(tmp_path, text)), tmp_path)
    assert {trial.state for trial in study.trials} == {"done"}
    assert [objective.maximize for objective in study.objectives] == [True, False]


def conditional(folder: Path, *ranges: str, spec: str = SPEC) -> Study:
    """A grid over `ranges`, lines of a search space."""
    section = "tune:\n  sampler: grid\n  space:\n" + "".join(f"    {line}\n" for line in ranges)
    return tune(load_experiment(written(folder, section, spec)), folder)


def test_a_conditional_key_is_set_only_where_it_is_searched(tmp_path: Path):
    study = conditional(
        tmp_path,
        "optimizer.type: {values: [sgd, adam]}",
        "optimizer.momentum: {values: [0.5, 0.9], when: {optimizer.type: sgd}}",
    )
    assert [list(trial.parameters.values()) for trial in study.trials] == [["sgd", 0.5], ["sgd", 0.9], ["adam"]]
    assert {trial.state for trial in study.trials} == {"done"}
    assert [row["optimizer.momentum"] for row in leaderboard(study.run.path) if row["trial"] == "2"] == [""]


def test_a_conditional_key_may_be_of_another_type_than_the_specs_own(tmp_path: Path):
    study = conditional(
        tmp_path,
        "optimizer.type: {values: [adam, sgd]}",
        "optimizer.nesterov: {values: [true], when: {optimizer.type: [sgd]}}",
        "optimizer.momentum: {values: [0.5, 0.9], when: {optimizer.nesterov: true}}",
        spec=SPEC.replace("type: sgd", "type: adam"),
    )
    tried = [list(trial.parameters.values()) for trial in study.trials]
    assert tried == [["adam"], ["sgd", True, 0.5], ["sgd", True, 0.9]]
    assert {trial.state for trial in study.trials} == {"done"}


def test_a_conditional_key_that_no_type_has_is_shown_in_the_spec(tmp_path: Path):
    types = "optimizer.type: {values: [adam, sgd]}"
    with pytest.raises(InvalidSpec, match="did you mean `momentum`"):
        conditional(tmp_path, types, "optimizer.momentun: {values: [0.5], when: {optimizer.type: sgd}}")


def test_a_constraint_on_what_is_not_reported_is_shown_in_the_spec(tmp_path: Path):
    with pytest.raises(InvalidSpec, match="did you mean `parameters`"):
        studied(tmp_path, "  constraints: {parameter: {high: 30}}\n")
