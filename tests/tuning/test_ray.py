"""Trials as Ray tasks come to what they come to in one process."""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tuning_specs import RANGES, leaderboard, values_by_number, written

from tfcli.errors import SpecError
from tfcli.logging.run_directory import RunDirectory
from tfcli.runner.signals import Interrupted
from tfcli.spec.load import load_experiment
from tfcli.tuning.report import StudyReporter
from tfcli.tuning.search import Means, resume, tune
from tfcli.tuning.study import Study
from tfcli.tuning.trial import Trial

SEARCH = f"tune:\n  trials: 5\n  objective: val_accuracy\n{RANGES}"


@pytest.fixture
def cluster():
    """Two nodes on this machine, a processor each."""
    utilities = pytest.importorskip("ray.cluster_utils", reason="ray is not installed (tfcli[ray])")
    made = utilities.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    made.second = made.add_node(num_cpus=1)
    yield made
    made.shutdown()


class NodeRemover(StudyReporter):
    """Takes the second node away when the first epoch is over."""

    def __init__(self, cluster: Any) -> None:
        self.cluster: Any = cluster

    def trial_epoch(self, study: Study, trial: Trial, part: int, row: Mapping[str, Any], epochs: int) -> None:
        if self.cluster is not None:
            self.cluster.remove_node(self.cluster.second, allow_graceful=False)
            self.cluster = None


def board(study: Study) -> list[dict[str, str]]:
    return [{key: value for key, value in row.items() if key != "duration"} for row in leaderboard(study.run.path)]


def test_two_nodes_give_the_leaderboard_of_one_process(cluster: Any, tmp_path: Path):
    spec = load_experiment(written(tmp_path, SEARCH))
    study = tune(spec, tmp_path / "ray", means=Means(engine="ray", address=cluster.address))
    assert board(study) == board(tune(spec, tmp_path / "alone"))


def test_the_trials_of_a_lost_node_are_taken_up_again(cluster: Any, tmp_path: Path):
    spec = load_experiment(written(tmp_path, SEARCH))
    means = Means(engine="ray", address=cluster.address)
    study = tune(spec, tmp_path / "ray", reporter=NodeRemover(cluster), means=means)
    assert values_by_number(study) == values_by_number(tune(spec, tmp_path / "alone"))


class Interrupter(StudyReporter):
    def trial_epoch(self, study: Study, trial: Trial, part: int, row: Mapping[str, Any], epochs: int) -> None:
        if trial.number == 0 and row["epoch"] == 1:
            os.kill(os.getpid(), signal.SIGINT)


def test_a_study_on_a_cluster_of_its_own_is_pruned_parked_and_resumed(tmp_path: Path):
    pytest.importorskip("ray", reason="ray is not installed (tfcli[ray])")
    pruned = SEARCH.replace("trials: 5", "trials: 5\n  pruner: {type: median, n_startup_trials: 1}")
    spec = load_experiment(written(tmp_path, pruned), ["train.epochs=30"])
    means = Means(workers=1, engine="ray")
    with pytest.raises(Interrupted, match="tfcli tune --resume"):
        tune(spec, tmp_path / "ray", reporter=Interrupter(), means=means)
    (path,) = (tmp_path / "ray").glob("exp/*")
    study = resume(RunDirectory(path), means=means)
    assert values_by_number(study) == values_by_number(tune(spec, tmp_path / "alone"))


def test_without_ray_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    spec = load_experiment(written(tmp_path, SEARCH))
    with pytest.raises(SpecError, match=r"pip install 'tfcli\[ray\]'"):
        tune(spec, tmp_path, means=Means(engine="ray"))


def test_a_cluster_that_is_not_there_is_refused(tmp_path: Path):
    pytest.importorskip("ray", reason="ray is not installed (tfcli[ray])")
    spec = load_experiment(written(tmp_path, SEARCH))
    with pytest.raises(SpecError, match="there is no Ray cluster"):
        tune(spec, tmp_path, means=Means(engine="ray", address="127.0.0.1:1"))
    assert not list(tmp_path.glob("exp/*"))
