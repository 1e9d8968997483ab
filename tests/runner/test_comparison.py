"""Comparing runs: which columns, which rows, in which order, and what cannot be compared."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tfcli.errors import CheckpointError, SpecError
from tfcli.logging.run_directory import RunDirectory
from tfcli.runner.comparison import Comparison, collect, compare, diff
from tfcli.runner.differences import differences
from tfcli.spec.diagnostics import InvalidSpec

SPEC = """\
name: exp
seed: {seed}
data:
  source: {{type: csv, path: /data/x.csv}}
  split: {{validation: 0.2, seed: null}}
model:
  layers:
    - {{type: dense, name: h, units: {units}, activation: {{type: relu}}}}
    - {{type: dense, name: null, units: 3, activation: {{type: linear}}}}
loss: {{type: {loss}}}
metrics: {metrics}
optimizer: {{type: {optimizer}}}
tune: null
"""
ADAM, SGD = "adam, learning_rate: 0.001, beta_1: 0.9", "sgd, learning_rate: 0.1, momentum: 0.0"
Make = Callable[..., RunDirectory]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make(number: int, losses: list[float], finished: bool = True, data: str = "aa", **fields: Any) -> RunDirectory:
        run = RunDirectory.create_at(tmp_path / f"runs/exp/20261121-14031{number}-k3f9")
        defaults = {"seed": 0, "units": 16, "loss": "mean_squared_error", "optimizer": ADAM, "metrics": "[]"}
        given = defaults | {"commit": "c0", "version": "1"} | fields
        run.write_spec(SPEC.format(**given))
        git = {"commit": given["commit"], "dirty": False}
        versions = {"tfcli": given["version"]}
        run.write_environment({"data": {"x.csv": data}, "host": f"host{number}", "git": git, "versions": versions})
        run.update_status("done" if finished else "running", epoch=len(losses))
        for epoch, loss in enumerate(losses, 1):
            run.append_metrics(
                {"epoch": epoch, "step": epoch, "loss": 2 * loss, "val_loss": loss, "learning_rate": 0.1}
            )
        if finished:
            final = {"loss": 2 * losses[-1], "val_loss": losses[-1]}
            best = {"loss": 2 * min(losses), "val_loss": min(losses)}
            run.write_summary(
                {"final": final, "best": best, "test": {"loss": 0.75}, "seconds": 1.5, "epochs": len(losses)}
            )
        return run

    return make


def table(tmp_path: Path, *columns: str, **options: Any) -> Comparison:
    return compare(collect([], tmp_path / "runs"), columns or None, **options)


def test_only_what_differs_is_shown(make: Make, tmp_path: Path):
    make(1, [0.5, 0.25])
    make(2, [0.5, 0.125], units=32)
    found = table(tmp_path)
    assert [str(column) for column in found.columns] == [
        "model.layers.h.units",
        "best val_loss",
        "test_loss",
        "duration",
    ]
    assert found.values == [[16, 0.25, 0.75, 1.5], [32, 0.125, 0.75, 1.5]]
    assert found.labels == ["20261121-140311-k3f9", "20261121-140312-k3f9"]
    assert found.warnings == []


def test_of_nodes_of_two_types_what_both_have_is_shown(make: Make, tmp_path: Path):
    make(1, [0.5])
    make(2, [0.5], optimizer=SGD)
    names = [str(column) for column in table(tmp_path).columns if "." in column.name]
    assert names == ["optimizer.type", "optimizer.learning_rate"]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("min val_loss", 0.25),
        ("max val_loss", 1.0),
        ("first val_loss", 0.5),
        ("last val_loss", 1.0),
        ("best val_loss @epoch", 2),
        ("max val_loss@epoch", 3),
        ("git.commit", "c0"),
        ("environment.host", "host1"),
        ("name", "exp"),
        ("tags", None),
        ("best val_loss", 0.25),
        ("val_loss", 0.25),
        ("test_loss", 0.75),
        ("optimizer", "adam"),
        ("model.layers.0.units", 16),
        ("model.layers.h.units", 16),
        ("model.layers.dense.units", 3),
        ("model.layers", "dense, dense"),
        ("state", "done"),
        ("epochs", 3),
    ],
)
def test_a_column_has_its_value(make: Make, tmp_path: Path, column: str, expected: Any):
    make(1, [0.5, 0.25, 1.0])
    assert table(tmp_path, column).values == [[expected]]


def test_a_run_under_way_shows_what_it_has(make: Make, tmp_path: Path):
    make(1, [0.5, 0.25], finished=False)
    found = table(tmp_path, "state", "best val_loss", "last val_loss", "epochs", "duration")
    assert found.values == [["interrupted", 0.25, 0.25, 2, None]]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [("val_loss", [0.125, 0.25, 0.5]), ("-val_loss", [0.5, 0.25, 0.125]), ("model.layers.h.units", [0.25, 0.5, 0.125])],
)
def test_rows_are_sorted(make: Make, tmp_path: Path, sort: str, expected: list[float]):
    make(1, [0.5], units=8)
    make(2, [0.25], units=4)
    make(3, [0.125], units=16)
    assert table(tmp_path, "val_loss", sort=sort).values == [[value] for value in expected]


def test_an_accuracy_is_sorted_with_the_largest_first(make: Make, tmp_path: Path):
    for number, accuracy in enumerate((0.5, 0.75)):
        run = make(number, [1.0])
        run.write_summary({"final": {"accuracy": accuracy}, "best": {"accuracy": accuracy}})
    assert table(tmp_path, "accuracy", sort="accuracy").values == [[0.75], [0.5]]


def test_where_keeps_the_runs_it_holds_for(make: Make, tmp_path: Path):
    make(1, [0.5], units=8)
    make(2, [0.25], units=4)
    found = table(tmp_path, "val_loss", where="val_loss < 0.3 and model.layers.h.units < 10")
    assert found.values == [[0.25]]


def test_an_unknown_name_in_a_condition_has_its_place(make: Make, tmp_path: Path):
    make(1, [0.5])
    with pytest.raises(InvalidSpec, match="did you mean `val_loss`") as caught:
        table(tmp_path, where="seed == 0 and val_los < 1")
    assert caught.value.diagnostics[0].mark.column == len("--where seed == 0 and ") + 1


@pytest.mark.parametrize("column", ["val_los", "min val_los", "optimizer.learning_rat"])
def test_an_unknown_column_is_an_error(make: Make, tmp_path: Path, column: str):
    make(1, [0.5])
    with pytest.raises(SpecError, match="did you mean"):
        table(tmp_path, column)


@pytest.mark.parametrize(
    ("changed", "warning"),
    [
        ({"data": "bb"}, "different data"),
        ({"seed": 1}, "split differently"),
        ({"loss": "mean_absolute_error"}, "different losses"),
        ({"metrics": "[{type: accuracy}]"}, "metrics have different settings"),
        ({"commit": "c1"}, "git commits c0, c1"),
        ({"version": "2"}, "different versions of tfcli: 1, 2"),
    ],
)
def test_runs_that_cannot_be_compared_are_told(make: Make, tmp_path: Path, changed: dict[str, Any], warning: str):
    make(1, [0.5])
    make(2, [0.5], **changed)
    (found,) = table(tmp_path).warnings
    assert warning in found


def test_a_damaged_spec_spoils_its_own_row_alone(make: Make, tmp_path: Path):
    run = make(1, [0.5])
    make(2, [0.25])
    run.spec_path.write_text("data: [")
    found = table(tmp_path, "val_loss", "optimizer")
    assert found.values == [[0.5, None], [0.25, "adam"]]
    assert "is damaged" in found.warnings[0]


def test_a_folder_a_run_and_a_name_are_all_runs(make: Make, tmp_path: Path):
    first, second = make(1, [0.5]), make(2, [0.5])
    logdir = tmp_path / "runs"
    assert [run.path for run in collect([str(first.path)], logdir)] == [first.path]
    assert [run.path for run in collect(["exp"], logdir)] == [first.path, second.path]
    assert [run.path for run in collect([second.id, str(logdir)], logdir)] == [second.path, first.path]


def test_a_study_stands_for_its_trials(make: Make, tmp_path: Path):
    study = RunDirectory.create_at(tmp_path / "studies/exp/20261121-140300-aaaa")
    (study.path / "study.json").write_text("{}")
    make(1, [0.5]).path.rename(RunDirectory.create_at(study.path / "trials").path / "0000")
    assert [run.path.name for run in collect([str(study.path)], tmp_path)] == ["0000"]


def test_no_runs_is_an_error(tmp_path: Path):
    with pytest.raises(CheckpointError, match="there are no runs"):
        collect([], tmp_path)


def test_a_difference_has_all_that_differs(make: Make, tmp_path: Path):
    found = diff([*collect([str(make(1, [0.5]).path), str(make(2, [0.25], optimizer=SGD).path)], tmp_path)])
    assert found.sections["spec"] == [("optimizer.type", "adam", "sgd"), ("optimizer.learning_rate", 0.001, 0.1)]
    assert found.sections["environment"] == [("host", "host1", "host2")]
    assert ("best val_loss", 0.5, 0.25) in found.sections["metrics"]
    assert "git" not in found.sections


def test_a_difference_takes_two_runs(make: Make, tmp_path: Path):
    with pytest.raises(SpecError, match="takes two runs, got 1"):
        diff(collect([str(make(1, [0.5]).path)], tmp_path))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([{"a": 1}, {"a": 2.5}], [("a", [1, 2.5])]),
        ([{"a": {"b": 1}}, {"a": {"b": 1.0}}], []),
        ([{"a": None}, {"a": {"b": 1}}], [("a", [None, {"b": 1}])]),
        ([{"a": {"b": 1}}, {"a": {}}], [("a.b", [1, None])]),
        ([{"l": [{"type": "x"}]}, {"l": [{"type": "x"}, {"type": "y", "k": 1}]}], [("l.y", [None, "y"])]),
        ([{"l": [1, 2]}, {"l": [1]}], [("l", [[1, 2], [1]])]),
        ([{"a": {"type": "x", "p": 1}}, {"a": {"type": "y", "q": 1}}], [("a.type", ["x", "y"])]),
    ],
)
def test_differences(values: list[dict], expected: list):
    assert differences(values) == expected
