"""Python that a spec names runs from a spec that the user names, never from a run directory unless he trusts it."""

from pathlib import Path

import pytest

from tfcli.errors import TfcliError
from tfcli.logging.run_directory import RunDirectory
from tfcli.runner.evaluation import evaluate, predict
from tfcli.runner.training import resume, train
from tfcli.spec.load import load_experiment
from tfcli.tuning import search

SPEC = """\
name: small
data:
  source: {type: bundled, name: iris}
  split: {validation: 0.2}
  pipeline: [{type: batch, batch_size: 60}, {type: map, function: "mine:doubled"}]
model: {layers: [{type: dense, units: 3, activation: softmax}]}
loss: sparse_categorical_crossentropy
optimizer: sgd
train: {epochs: 1}
tune: {sampler: random, trials: 1, space: {optimizer.learning_rate: {low: 0.01, high: 1.0}}}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(
        "from pathlib import Path\nPath(__file__).with_name('ran').touch()\ndef doubled(x, y):\n    return 2 * x, y\n"
    )
    path = tmp_path / "small.yaml"
    path.write_text(SPEC)
    return path


@pytest.fixture
def run(spec: Path) -> RunDirectory:
    run = train(load_experiment(spec), spec.parent / "runs").run
    (spec.parent / "ran").unlink()
    return run


ACTIONS = {
    "resume": lambda run, trust: resume(run, epochs=2, trust=trust),
    "evaluate": lambda run, trust: evaluate(run, trust=trust),
    "predict": lambda run, trust: predict(run, trust=trust),
}


@pytest.mark.parametrize("name", ACTIONS)
def test_nothing_of_a_run_directory_runs_untold(run: RunDirectory, tmp_path: Path, name: str):
    with pytest.raises(TfcliError, match=r"mine.py:doubled` is Python that the spec in .* add --trust"):
        ACTIONS[name](run, False)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ACTIONS)
def test_it_runs_where_it_is_trusted(run: RunDirectory, tmp_path: Path, name: str):
    ACTIONS[name](run, True)
    assert (tmp_path / "ran").exists()


def test_a_study_is_refused_before_a_trial(spec: Path, tmp_path: Path):
    study = search.tune(load_experiment(spec), tmp_path / "runs")
    (tmp_path / "ran").unlink()
    with pytest.raises(TfcliError, match="add --trust"):
        search.resume(study.run, trials=2)
    assert not (tmp_path / "ran").exists()
    assert [trial.state for trial in search.resume(study.run, trials=2, trust=True).trials] == ["done", "done"]
