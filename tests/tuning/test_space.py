"""Spaces and samplers: which settings there are, and which are proposed."""

from pathlib import Path

import pytest

from tfcli.spec.load import load_experiment
from tfcli.tuning.samplers import GridSampler, RandomSampler
from tfcli.tuning.space import Key, Space, make_space
from tfcli.tuning.trial import Trial, best_epoch, ranked

SPEC = """\
data: {source: {type: bundled, name: iris}, pipeline: [{type: batch, batch_size: 8}]}
model: {layers: [{type: dense, name: h, units: 4}, {type: dropout, rate: 0.5}, {type: dense, units: 3}]}
loss: sparse_categorical_crossentropy
tune:
"""


def proposals(sampler, count: int) -> list[dict]:
    trials: list[Trial] = []
    while len(trials) < count and (parameters := sampler.propose(trials)) is not None:
        trials.append(Trial(len(trials), parameters))
    return [trial.parameters for trial in trials]


def space_of(tmp_path: Path, tune: str) -> Space:
    path = tmp_path / "exp.yaml"
    path.write_text(f"{SPEC}  {{objective: loss, trials: 5, {tune}}}\n")
    return make_space(load_experiment(path))


def test_whole_numbers_stay_whole_where_the_key_wants_them(tmp_path):
    space = space_of(tmp_path, "space: {model.layers.h.units: {low: 2, high: 5}}")
    drawn = {setting["model.layers.h.units"] for setting in proposals(RandomSampler(space, 0), 9)}
    assert drawn == {2, 3, 4, 5}


def test_whole_ends_of_a_key_that_takes_fractions_bound_a_range(tmp_path):
    space = space_of(tmp_path, "space: {model.layers.dropout.rate: {low: 0, high: 1}}")
    drawn = [setting["model.layers.dropout.rate"] for setting in proposals(RandomSampler(space, 0), 5)]
    assert all(0 < rate < 1 for rate in drawn)
    assert len(set(drawn)) == 5


def test_steps_are_free_of_rounding(tmp_path):
    space = space_of(tmp_path, "sampler: grid, space: {model.layers.dropout.rate: {low: 0.1, high: 0.4, step: 0.1}}")
    assert [setting["model.layers.dropout.rate"] for setting in proposals(GridSampler(space, 0), 9)] == [
        0.1,
        0.2,
        0.3,
        0.4,
    ]


def test_a_logarithmic_range_has_as_many_values_in_each_order_of_magnitude():
    space = Space([Key("rate", None, 1e-4, 1.0, log=True)])
    drawn = [setting["rate"] for setting in proposals(RandomSampler(space, 1), 400)]
    counts = [sum(low <= rate < 10 * low for rate in drawn) for low in (1e-4, 1e-3, 1e-2, 1e-1)]
    assert min(counts) > 70


@pytest.mark.parametrize("log", [False, True])
def test_every_whole_number_is_drawn_once(log: bool):
    space = Space([Key("units", range(1, 65), 1, 64, log)])
    drawn = [setting["units"] for setting in proposals(RandomSampler(space, 2), 100)]
    assert sorted(drawn) == list(range(1, 65))


def test_proposals_depend_on_seed_and_number_alone():
    space = Space([Key("a", None, 0.0, 1.0), Key("b", ["x", "y"])])
    assert proposals(RandomSampler(space, 5), 6) == proposals(RandomSampler(space, 5), 6)
    assert proposals(RandomSampler(space, 5), 6)[:3] == proposals(RandomSampler(space, 5), 3)
    assert proposals(RandomSampler(space, 5), 3) != proposals(RandomSampler(space, 6), 3)


def test_an_epochs_value_that_is_not_finite_is_not_the_best():
    rows = [{"epoch": 1, "loss": float("nan")}, {"epoch": 2, "loss": 0.5}, {"epoch": 3, "loss": 0.5}]
    assert best_epoch(rows, "loss", maximize=False) == (0.5, 2)
    assert best_epoch(rows[:1], "loss", maximize=False) is None


def test_failed_trials_rank_last():
    trials = [Trial(0, {}, "failed"), Trial(1, {}, "done", 0.5), Trial(2, {}, "done", 0.9)]
    assert [trial.number for trial in ranked(trials, maximize=True)] == [2, 1, 0]
    assert [trial.number for trial in ranked(trials, maximize=False)] == [1, 2, 0]
