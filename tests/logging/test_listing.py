from datetime import datetime

import pytest

from tfcli.errors import CheckpointError
from tfcli.logging.listing import list_runs
from tfcli.logging.run_directory import RunDirectory


def make(logdir, name, minute, letters):
    run = RunDirectory.create(logdir, name, now=datetime(2026, 11, 21, 14, minute, 0), letters=letters)
    run.update_status("done", epoch=1)
    return run


@pytest.fixture
def logdir(tmp_path):
    make(tmp_path / "runs", "mnist", 1, "aaaa")
    make(tmp_path / "runs", "iris", 2, "bbbb")
    make(tmp_path / "runs", "mnist", 3, "cccc")
    return tmp_path / "runs"


def opened(name, logdir):
    run = RunDirectory.open(name, logdir)
    return f"{run.name}/{run.id}"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("20261121-140100-aaaa", "mnist/20261121-140100-aaaa"),
        ("mnist/20261121-140100-aaaa", "mnist/20261121-140100-aaaa"),
        ("aaaa", "mnist/20261121-140100-aaaa"),
        ("20261121-1402", "iris/20261121-140200-bbbb"),
        ("mnist", "mnist/20261121-140300-cccc"),
    ],
)
def test_a_run_is_found_by_its_id_a_part_of_it_or_its_name(logdir, name, expected):
    assert opened(name, logdir) == expected


def test_a_run_is_found_by_its_path(logdir, tmp_path):
    path = logdir / "iris" / "20261121-140200-bbbb"
    assert RunDirectory.open(path, tmp_path / "elsewhere").path == path
    assert RunDirectory.open(logdir / "mnist", tmp_path / "elsewhere").id == "20261121-140300-cccc"


def test_an_ambiguous_id_is_an_error_with_the_runs_it_means(logdir):
    with pytest.raises(CheckpointError, match=r"means 3 runs.*iris/20261121-140200-bbbb"):
        RunDirectory.open("20261121", logdir)


def test_a_typing_error_gets_the_nearest_name(logdir):
    with pytest.raises(CheckpointError, match=r"did you mean mnist\?"):
        RunDirectory.open("mnits", logdir)


@pytest.mark.parametrize("name", ["", "zzz", "."])
def test_what_is_no_run_is_an_error(logdir, name):
    with pytest.raises(CheckpointError, match="there is no run"):
        RunDirectory.open(name, logdir)


def test_an_empty_logs_directory_is_said(tmp_path):
    with pytest.raises(CheckpointError, match="no runs there yet"):
        RunDirectory.open("mnist", tmp_path)


def test_of_two_runs_in_one_second_the_later_is_the_latest(tmp_path):
    make(tmp_path, "mnist", 1, "zzzz")
    make(tmp_path, "mnist", 1, "aaaa")
    assert RunDirectory.open("mnist", tmp_path).id.endswith("aaaa")


def test_runs_are_listed_from_the_oldest(logdir):
    runs = list_runs(logdir)
    assert [(run.name, run.id[-4:], run.state) for run in runs] == [
        ("mnist", "aaaa", "done"),
        ("iris", "bbbb", "done"),
        ("mnist", "cccc", "done"),
    ]


def test_a_dead_process_is_listed_as_interrupted(logdir):
    run = make(logdir, "co2", 4, "dddd")
    run.update_status("running")
    with run.lock():
        assert list_runs(logdir)[-1].state == "running"
    assert list_runs(logdir)[-1].state == "interrupted"


def test_a_damaged_status_is_listed_with_its_problem(logdir):
    run = make(logdir, "co2", 4, "dddd")
    (run.path / "status.json").write_text("{")
    info = list_runs(logdir)[-1]
    assert info.state == "unknown"
    assert "status.json" in info.problem


def test_trials_are_listed_only_on_request(logdir):
    study = make(logdir, "search", 5, "eeee")
    (study.path / "study.json").write_text("{}")
    RunDirectory.create_at(study.path / "trials" / "0001").update_status("done")
    assert [run.is_study for run in list_runs(logdir)] == [False, False, False, True]
    trial = list_runs(logdir, trials=True)[-1]
    assert (trial.name, trial.id) == ("search", "20261121-140500-eeee/0001")
    assert RunDirectory.open("search/20261121-140500-eeee/trials/0001", logdir).path == trial.path


def test_no_logs_directory_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match="there is no logs directory"):
        list_runs(tmp_path / "runs")
