"""Optuna's samplers and pruners: what they try follows from the seed, and goes on after an interruption."""

import importlib.util
from pathlib import Path

import pytest
from tuning_specs import RANGES, outcome, settings, written

from tfcli.errors import SpecError
from tfcli.spec.diagnostics import InvalidSpec
from tfcli.spec.load import load_experiment
from tfcli.tuning.choosing import make_chooser
from tfcli.tuning.report import StudyReporter
from tfcli.tuning.search import resume, tune
from tfcli.tuning.space import identity
from tfcli.tuning.study import Study
from tfcli.tuning.trial import Trial

SAMPLERS = {
    "tpe": "{type: tpe, n_startup_trials: 2}",
    "cmaes": "cmaes",
    "qmc": "qmc",
    "gp": "{type: gp, n_startup_trials: 2}",
}
NEEDS = {"tpe": [], "cmaes": ["cmaes"], "qmc": ["scipy"], "gp": ["scipy", "torch"]}


def is_missing(sampler: str) -> list[str]:
    return [module for module in NEEDS[sampler] if importlib.util.find_spec(module) is None]


def section(sampler: str, trials: int = 6, more: str = "") -> str:
    return f"tune:\n  sampler: {sampler}\n  trials: {trials}\n  objective: val_accuracy\n{more}{RANGES}"


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_study_in_two_halves_is_the_study_in_one(sampler: str, tmp_path: Path):
    if missing := is_missing(sampler):
        pytest.skip(f"{' and '.join(missing)} not installed")
    spec = load_experiment(written(tmp_path, section(SAMPLERS[sampler])))
    whole = tune(spec, tmp_path / "whole")
    half = tune(spec, tmp_path / "halves", trials=3)
    assert outcome(resume(half.run, trials=6)) == outcome(whole)
    assert len({identity(setting) for setting in settings(whole)}) == 6


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_a_sampler_needs_and_is_not_here_is_said_with_the_command(
    sampler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if not NEEDS[sampler]:
        pytest.skip("it needs nothing")
    monkeypatch.setattr("tfcli.tuning.optuna_parts.find_spec", lambda module: None)
    spec = load_experiment(written(tmp_path, section(sampler)))
    with pytest.raises(InvalidSpec, match="pip install") as caught:
        tune(spec, tmp_path / "runs")
    assert caught.value.diagnostics[0].mark.line == 12
    assert not list(tmp_path.glob("runs/exp/*")), "a study that cannot begin leaves nothing"


def test_another_seed_searches_elsewhere(tmp_path: Path):
    path = written(tmp_path, section("tpe", 2))
    first = tune(load_experiment(path), tmp_path / "a")
    second = tune(load_experiment(path, ["seed=4"]), tmp_path / "b")
    assert settings(first) != settings(second)


def test_a_trial_is_on_the_hparams_page_as_soon_as_it_has_ended(tmp_path: Path):
    shown: list[int] = []

    class Watching(StudyReporter):
        def trial_ended(self, study: Study, trial: Trial) -> None:
            shown.append(len(list(study.run.path.glob("trials/*/*.hparams"))))

    path = written(tmp_path, section("random", 2))
    tune(load_experiment(path, ["train.tensorboard={}"]), tmp_path / "shown", reporter=Watching())
    assert shown == [1, 2]
    study = tune(load_experiment(path), tmp_path / "silent")
    assert not list(study.run.path.glob("**/*.hparams")), "the spec asks for no event files"


def test_a_sampler_that_repeats_itself_is_made_to_try_something_else(tmp_path: Path):
    notes: list[str] = []

    class Listener(StudyReporter):
        def study_note(self, text: str) -> None:
            notes.append(text)

    text = "tune: {sampler: tpe, trials: 9, space: {model.layers.h.units: {values: [2, 3, 4]}}}\n"
    study = tune(load_experiment(written(tmp_path, text)), tmp_path, reporter=Listener())
    assert sorted(trial.parameters["model.layers.h.units"] for trial in study.trials) == [2, 3, 4]
    assert notes == ["the search space is exhausted: all 3 combinations are tried"]


def test_values_of_all_kinds_come_back_as_they_were_given(tmp_path: Path):
    text = """\
tune:
  sampler: tpe
  trials: 6
  objective: loss
  space:
    metrics: {values: [[], [accuracy]]}
    model.layers.h.activation: {values: [relu, null]}
    train.epochs: {low: 1, high: 3, step: 1}
"""
    study = tune(load_experiment(written(tmp_path, text)), tmp_path)
    known = ([[], ["accuracy"]], ["relu", None], [1, 2, 3])
    assert all(
        value in values for setting in settings(study) for value, values in zip(setting.values(), known, strict=True)
    )
    assert {trial.state for trial in study.trials} == {"done"}


PRUNERS = [
    "{type: median, n_startup_trials: 1}",
    "{type: percentile, percentile: 50, n_startup_trials: 1}",
    "{type: successive_halving, reduction_factor: 2}",
    "{type: hyperband, reduction_factor: 2}",
]


@pytest.mark.parametrize("pruner", PRUNERS)
def test_a_pruned_trial_ends_early_and_is_no_candidate(pruner: str, tmp_path: Path):
    text = f"""\
tune:
  sampler: grid
  objective: loss
  pruner: {pruner}
  space: {{optimizer.learning_rate: {{values: [0.1, 0.00001, 0.00002, 0.00003, 0.00004, 0.00005]}}}}
"""
    study = tune(load_experiment(written(tmp_path, text)), tmp_path)
    pruned = [trial for trial in study.trials if trial.state == "pruned"]
    assert pruned
    assert all(len(trial.reports) < 3 for trial in pruned)
    assert study.best is not None
    assert study.best.state == "done"
    assert [trial.state for trial in study.leaderboard()] == sorted(trial.state for trial in study.leaderboard())


def test_a_pruned_study_in_two_halves_is_the_study_in_one(tmp_path: Path):
    spec = load_experiment(written(tmp_path, section("tpe", 8, "  pruner: {type: median, n_startup_trials: 2}\n")))
    whole = tune(spec, tmp_path / "whole")
    half = tune(spec, tmp_path / "halves", trials=5)
    assert outcome(resume(half.run, trials=8)) == outcome(whole)
    assert "pruned" in {trial.state for trial in whole.trials}


OWN = """\
import optuna

class Third:
    def __init__(self, space, seed):
        self.space = space

    def propose(self, number, trials):
        return self.space.combination(3 * number) if 3 * number < self.space.size else None

class First(optuna.pruners.BasePruner):
    def prune(self, study, trial):
        return trial.number > 0

class Nothing:
    def __init__(self, *arguments):
        pass
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(OWN)
    return tmp_path


def test_a_sampler_and_a_pruner_of_ones_own(own: Path):
    text = "tune: {sampler: 'mine:Third', pruner: 'mine:First', trials: 9, space: {seed: {low: 0, high: 8, step: 1}}}\n"
    study = tune(load_experiment(written(own, text)), own)
    assert [(t.parameters["seed"], t.state) for t in study.trials] == [(0, "done"), (3, "pruned"), (6, "pruned")]


@pytest.mark.parametrize(
    ("key", "name", "message"),
    [
        ("sampler", "mine:Second", "mine has no function 'Second'"),
        ("sampler", "mine:Nothing", "has no method `propose`"),
        ("pruner", "mine:Nothing", "derive it from optuna.pruners.BasePruner"),
    ],
)
def test_what_is_no_sampler_or_pruner_is_shown_in_the_spec(own: Path, key: str, name: str, message: str):
    text = f"tune:\n  {key}: '{name}'\n  trials: 2\n  space: {{seed: {{low: 0, high: 8}}}}\n"
    with pytest.raises(InvalidSpec, match=message) as caught:
        tune(load_experiment(written(own, text)), own / "runs")
    assert caught.value.diagnostics[0].mark.line == 12


STORAGES = ["sqlite:///{}/study.db", "journal:{}/study.log"]


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("sampler", ["grid", "tpe"])
def test_two_machines_share_a_study(storage: str, sampler: str, tmp_path: Path):
    text = f"tune: {{sampler: {sampler}, trials: 6, space: {{model.layers.h.units: {{values: [2, 3, 4, 5, 6, 7]}}}}}}\n"
    spec, url = load_experiment(written(tmp_path, text)), storage.format(tmp_path)
    first = tune(spec, tmp_path / "first", trials=2, storage=url)
    second = tune(spec, tmp_path / "second", storage=url)
    assert (len(first.trials), len(second.trials)) == (2, 4)
    tried = [*settings(first), *settings(second)]
    assert sorted(setting["model.layers.h.units"] for setting in tried) == [2, 3, 4, 5, 6, 7]
    assert len(second.leaderboard()) == 6


def test_a_shared_trial_that_was_asked_for_and_not_noted_is_run_on_resuming(tmp_path: Path):
    text = "tune: {sampler: grid, space: {model.layers.h.units: {values: [2, 3, 4]}}}\n"
    spec = load_experiment(written(tmp_path, text))
    study = tune(spec, tmp_path / "a", trials=2, storage=f"sqlite:///{tmp_path}/shared.db")
    study.wanted = 3
    assert make_chooser(study).propose() == (2, {"model.layers.h.units": 4})  # and then the process is killed
    resumed = resume(study.run, trials=3)
    assert [(trial.number, trial.state) for trial in resumed.trials] == [(0, "done"), (1, "done"), (2, "done")]


def test_a_storage_that_cannot_be_reached_is_refused(tmp_path: Path):
    spec = load_experiment(written(tmp_path, section("tpe")))
    with pytest.raises(SpecError, match="--storage nonsense"):
        tune(spec, tmp_path / "runs", storage="nonsense")
