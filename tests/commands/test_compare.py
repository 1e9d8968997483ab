"""`tfcli compare`."""

import csv
import json
from pathlib import Path

import pytest

from tfcli.commands.main import run
from tfcli.commands.naming import short_names
from tfcli.logging.run_directory import RunDirectory


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    for number, rate in enumerate((0.1, 0.001)):
        made = RunDirectory.create_at(tmp_path / f"runs/exp/20261121-14031{number}-k3f9")
        made.write_spec(f"loss: {{type: mse}}\noptimizer: {{type: adam, learning_rate: {rate}}}\n")
        made.update_status("done")
        made.write_summary({"final": {"loss": rate}, "best": {"loss": rate}, "seconds": 2.0, "epochs": 3})
    return tmp_path / "runs"


def test_the_table_has_the_columns_that_differ(logdir: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["compare", str(logdir)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["run", "learning_rate", "best", "loss", "duration"],
        ["20261121-140310-k3f9", "0.1", "0.1000", "2", "s"],
        ["20261121-140311-k3f9", "0.001", "0.0010", "2", "s"],
    ]


def test_json_is_one_object(logdir: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["compare", str(logdir), "--sort", "loss", "--columns", "loss, last loss", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["last loss"] for row in found["runs"]] == [0.001, 0.1]
    assert found["columns"] == ["loss", "last loss"]


def test_csv_is_written(logdir: Path, tmp_path: Path):
    assert run(["compare", str(logdir), "--csv", str(tmp_path / "out.csv"), "--sort", "loss"]) == 0
    with open(tmp_path / "out.csv") as file:
        row, _ = csv.DictReader(file)
    assert (row["optimizer.learning_rate"], row["best loss"]) == ("0.001", "0.001")


def test_a_difference_is_shown_side_by_side(logdir: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["compare", str(logdir), "--diff", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["spec"] == [{"key": "optimizer.learning_rate", "values": [0.1, 0.001]}]
    assert run(["compare", str(logdir), "--diff"]) == 0
    assert "optimizer.learning_rate" in capsys.readouterr().out


def test_a_fault_in_a_condition_has_a_caret(logdir: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["compare", str(logdir), "--where", "los < 1"]) == 2
    error = capsys.readouterr().err
    assert "--where los < 1\n     |         ^^^" in error
    assert "did you mean `loss`?" in error


def test_no_run_that_fits_is_no_error(logdir: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["compare", str(logdir), "--where", "loss > 9"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "none of 2 runs fits\n")


def test_markdown_and_csv_go_to_standard_output(logdir: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["compare", str(logdir), "--markdown", "-", "--columns", "loss", "--quiet"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["| run | loss |", "| --- | ---: |"]
    assert run(["compare", str(logdir), "--csv", "-", "--columns", "loss", "--quiet"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "run,loss"
    assert run(["compare", str(logdir), "--csv", "-", "--json"]) == 2


def test_the_best_are_shown_alone(logdir: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["compare", str(logdir), "--top", "1", "--json"]) == 0
    assert [row["best loss"] for row in json.loads(capsys.readouterr().out)["runs"]] == [0.001]


def test_groups_have_means_and_intervals(logdir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    words = ["compare", str(logdir), "--group-by", "optimizer.type", "--columns", "optimizer.type, loss"]
    assert run([*words, "--csv", str(tmp_path / "out.csv"), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["runs"]
    assert len(row["runs"]) == 2
    assert row["loss"] == {"mean": 0.0505, "interval": pytest.approx(12.7062 * 0.0495, rel=1e-5), "count": 2}
    assert (tmp_path / "out.csv").read_text().splitlines()[0] == "runs,optimizer.type,loss,loss ±"
    assert run([*words, "--quiet"]) == 0
    assert "0.0505 ± 0.6290" in capsys.readouterr().out


def test_a_measured_value_groups_nothing(logdir: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["compare", str(logdir), "--group-by", "loss"]) == 2
    assert "name a key of the spec" in capsys.readouterr().err


def test_short_names_stay_distinct():
    paths = ["optimizer.learning_rate", "model.layers.a.units", "model.layers.b.units", "seed"]
    assert list(short_names(paths).values()) == ["learning_rate", "a.units", "b.units", "seed"]


def test_the_web_page_has_the_table_and_nothing_of_a_spec_becomes_markup(logdir: Path, tmp_path: Path):
    strange = RunDirectory.create_at(logdir / "exp/20261121-140312-k3f9")
    strange.write_spec("loss: {type: mse}\noptimizer: {type: '<b>', learning_rate: 1}\n")
    strange.update_status("done")
    assert run(["compare", str(logdir), "--html", str(tmp_path / "out.html"), "--quiet"]) == 0
    page = (tmp_path / "out.html").read_text()
    assert "<b>" not in page
    assert "\\u003cb>" in page
