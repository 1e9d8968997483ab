"""Trials as study.json has them."""

import json

import pytest

from tfcli.errors import CheckpointError
from tfcli.logging.run_directory import RunDirectory
from tfcli.tuning.study import Study
from tfcli.tuning.trial import Trial

DONE = Trial(0, {"seed": 1}, "done", 0.5, {"loss": 0.5}, reports=[[1, 0.5]])


def test_a_trial_comes_back_as_it_was():
    assert Trial.from_dict(json.loads(json.dumps(DONE.to_dict())), "study.json") == DONE


@pytest.mark.parametrize(
    "damage",
    [
        {"violations": []},
        {"values": {"loss": "0.5"}},
        {"value": "0.5"},
        {"reports": [[1]]},
        {"run": 3},
        {"state": "lost"},
        {"more": 1},
    ],
)
def test_what_is_no_trial_is_refused(damage: dict):
    with pytest.raises(CheckpointError, match="an entry that is no trial"):
        Trial.from_dict(DONE.to_dict() | damage, "study.json")


def test_a_study_without_an_objective_is_refused(tmp_path):
    study = {"version": 2, "name": "s", "objectives": {}, "wanted": 3, "storage": None}
    (tmp_path / "study.json").write_text(json.dumps(study | {"trials": [], "root": "/nowhere", "spec": "seed: 1"}))
    with pytest.raises(CheckpointError, match="does not describe a study"):
        Study.open(RunDirectory(tmp_path))
