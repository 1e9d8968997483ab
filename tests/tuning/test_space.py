"""Spaces and samplers: which settings there are, and which are proposed."""

from pathlib import Path

import pytest

from tfcli.spec.load import load_experiment
from tfcli.tuning.samplers import GridSampler, RandomSampler
from tfcli.tuning.space import Key, Space, make_space
from tfcli.tuning.trial import Objective, Trial, best_row, pareto_front, ranked

SPEC = """\
data: {source: {type: bundled, name: iris}, pipeline: [{type: batch, batch_size: 8}]}
model: {layers: [{type: dense, name: h, units: 4}, {type: dropout, rate: 0.5}, {type: dense, units: 3}]}
loss: sparse_categorical_crossentropy
tune:
"""


def proposals(sampler, count: int) -> list[dict]:
    trials: list[Trial] = []
    while len(trials) < count and (parameters := sampler.propose(len(trials), trials)) is not None:
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


def conditional() -> Space:
    """Two settings with `a: x`, three with `a: y`, one with `a: z`."""
    a = Key("a", ["x", "y", "z"])
    return Space([a, Key("b", [1, 2], when={"a": ["x"]}), Key("c", range(3), 0, 2, when={"a": ["y"]})])


def test_a_conditional_key_is_combined_only_where_it_is_searched():
    assert proposals(GridSampler(conditional(), 0), 9) == [
        {"a": "x", "b": 1},
        {"a": "x", "b": 2},
        {"a": "y", "c": 0},
        {"a": "y", "c": 1},
        {"a": "y", "c": 2},
        {"a": "z"},
    ]


def test_a_conditional_space_is_drawn_until_it_is_exhausted():
    drawn = proposals(RandomSampler(conditional(), 0), 9)
    assert sorted(map(str, drawn)) == sorted(map(str, proposals(GridSampler(conditional(), 0), 9)))


def test_a_space_too_large_to_list_has_a_size_and_combinations():
    space = Space([Key(name, range(1000), 0, 999) for name in "abcdef"])
    assert space.size == 10**18
    assert list(space.combination(10**18 - 1).values()) == [999] * 6


LOSS, ACCURACY = Objective("loss", maximize=False), Objective("accuracy", maximize=True)


def test_an_epochs_value_that_is_not_finite_is_not_the_best():
    rows = [{"epoch": 1, "loss": float("nan")}, {"epoch": 2, "loss": 0.5}, {"epoch": 3, "loss": 0.5}]
    assert best_row(rows, LOSS) == rows[1]
    assert best_row(rows[:1], LOSS) is None


def done(number: int, loss: float, accuracy: float = 0.0, **fields) -> Trial:
    return Trial(number, {}, "done", loss, {"loss": loss, "accuracy": accuracy}, **fields)


def test_failed_trials_rank_last():
    trials = [Trial(0, {}, "failed"), done(1, 0.5), done(2, 0.9)]
    assert [trial.number for trial in ranked(trials, [LOSS])] == [1, 2, 0]
    assert [trial.number for trial in ranked(trials, [Objective("loss", maximize=True)])] == [2, 1, 0]


def test_a_pruned_trial_ranks_behind_those_that_were_done_however_good():
    trials = [Trial(0, {}, "pruned", 0.1, {"loss": 0.1}), done(1, 0.5)]
    assert [trial.number for trial in ranked(trials, [LOSS])] == [1, 0]


def test_a_trial_outside_a_constraint_ranks_behind_those_inside():
    trials = [done(0, 0.1, violations={"parameters": 5.0}), done(1, 0.5, violations={"parameters": -1.0})]
    assert [trial.number for trial in ranked(trials, [LOSS])] == [1, 0]


def test_the_front_has_the_trials_that_none_betters_in_all_objectives():
    trials = [done(0, 0.5, 0.7), done(1, 0.4, 0.6), done(2, 0.6, 0.6), done(3, 0.5, 0.7), Trial(4, {}, "failed")]
    assert [trial.number for trial in pareto_front(trials, [LOSS, ACCURACY])] == [0, 1, 3]
