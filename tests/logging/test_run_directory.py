import json
import math
import os
from datetime import datetime

import numpy as np
import pytest
from killing import Killed, StoppingStorage

from tfcli.errors import CheckpointError, SpecError
from tfcli.logging import durable
from tfcli.logging.run_directory import RunDirectory

NOON = datetime(2026, 11, 21, 14, 3, 12)


@pytest.fixture
def run(tmp_path):
    return RunDirectory.create(tmp_path / "runs", "mnist", now=NOON, letters="k3f9")


def test_a_run_is_named_by_its_start(tmp_path, run):
    assert run.path == tmp_path / "runs" / "mnist" / "20261121-140312-k3f9"
    assert (run.name, run.id) == ("mnist", "20261121-140312-k3f9")


def test_runs_of_one_second_have_directories_of_their_own(tmp_path):
    paths = {RunDirectory.create(tmp_path, "mnist", now=NOON).path for _ in range(20)}
    assert len(paths) == 20


def test_a_run_never_takes_anothers_directory(run):
    with pytest.raises(CheckpointError, match="exists already"):
        RunDirectory.create(run.path.parent.parent, "mnist", now=NOON, letters="k3f9")


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc", ".hidden", "a\\b", "a\0", " a"])
def test_a_name_that_is_no_folders_name_is_refused(tmp_path, name):
    with pytest.raises(SpecError, match="cannot be a folder's name"):
        RunDirectory.create(tmp_path, name)


def test_texts_and_objects_come_back(run):
    run.write_spec("name: mnist\n")
    run.write_environment({"seed": 3})
    run.write_summary({"best_epoch": np.int64(2), "metrics": {"loss": math.nan}, "text": "NaNs"})
    assert run.spec_text() == "name: mnist\n"
    assert run.environment() == {"seed": 3}
    assert run.summary()["best_epoch"] == 2
    assert math.isnan(run.summary()["metrics"]["loss"])


def test_before_the_end_there_is_no_summary(run):
    assert (run.summary(), run.status(), run.metrics()) == ({}, {}, [])


def test_a_missing_spec_is_a_plain_error(run):
    with pytest.raises(CheckpointError, match=r"spec\.yaml"):
        run.spec_text()


def test_the_status_keeps_what_is_not_changed(run):
    run.update_status("running", epoch=1, step=10)
    started = run.status()["started"]
    run.update_status("failed", error="the loss is NaN")
    status = run.status()
    assert status["pid"] == os.getpid()
    assert (status["state"], status["epoch"], status["step"]) == ("failed", 1, 10)
    assert (status["error"], status["started"]) == ("the loss is NaN", started)


def test_going_on_clears_the_error(run):
    run.update_status("failed", error="the loss is NaN")
    run.update_status("running")
    assert run.status()["error"] is None


def test_metrics_come_back_exactly(run):
    rows = [
        {"epoch": 1, "loss": np.float32(0.1), "val_loss": 1 / 3, "learning_rate": 1e-3},
        {"epoch": 2, "loss": math.nan, "val_loss": math.inf, "learning_rate": -math.inf},
    ]
    for row in rows:
        run.append_metrics(row)
    first, second = run.metrics()
    assert first == {"epoch": 1, "loss": float(np.float32(0.1)), "val_loss": 1 / 3, "learning_rate": 1e-3}
    assert math.isnan(second["loss"])
    assert (second["val_loss"], second["learning_rate"]) == (math.inf, -math.inf)


def test_metrics_are_strict_json_for_other_tools(run):
    run.append_metrics({"epoch": 1, "loss": math.nan})

    def refuse(constant):
        raise AssertionError(constant)

    text = (run.path / "metrics.jsonl").read_text()
    assert json.loads(text, parse_constant=refuse) == {"epoch": 1, "loss": "NaN"}


def test_a_torn_row_is_no_row_and_the_next_follows(run):
    run.append_metrics({"epoch": 1})
    with open(run.path / "metrics.jsonl", "a") as file:
        file.write('{"epoch": 2, "lo')
    assert run.metrics() == [{"epoch": 1}]
    run.append_metrics({"epoch": 2})
    assert run.metrics() == [{"epoch": 1}, {"epoch": 2}]


def test_a_damaged_row_is_an_error_with_its_line(run):
    (run.path / "metrics.jsonl").write_text('{"epoch": 1}\n{"epo\n{"epoch": 3}\n')
    with pytest.raises(CheckpointError, match=r"metrics\.jsonl:2 is damaged"):
        run.metrics()


def test_resuming_drops_later_rows(run):
    for epoch in range(1, 6):
        run.append_metrics({"epoch": epoch, "loss": math.nan})
    run.truncate_metrics(3)
    assert [row["epoch"] for row in run.metrics()] == [1, 2, 3]
    run.append_metrics({"epoch": 4})
    assert [row["epoch"] for row in run.metrics()] == [1, 2, 3, 4]


def test_a_kill_while_dropping_rows_leaves_all_or_the_kept(run, monkeypatch):
    for stop in range(5):
        monkeypatch.setattr(durable, "storage", durable.Storage())
        (run.path / "metrics.jsonl").write_text('{"epoch": 1}\n{"epoch": 2}\n')
        monkeypatch.setattr(durable, "storage", StoppingStorage(stop))
        with pytest.raises(Killed):
            run.truncate_metrics(1)
        assert [row["epoch"] for row in run.metrics()] in ([1], [1, 2])


def test_the_lock_removes_what_killed_writers_left(run):
    (run.path / ".tmp-0-spec.yaml").write_text("na")
    with run.lock():
        assert sorted(path.name for path in run.path.iterdir()) == [".lock"]


def test_the_second_owner_is_told_the_first(run):
    with run.lock():
        with pytest.raises(CheckpointError, match=f"in use by process {os.getpid()}"):
            run.lock().__enter__()
        assert run.is_locked
    assert not run.is_locked
    with run.lock():
        assert run.is_locked


def test_a_forked_child_does_not_keep_the_lock(run):
    reader, writer = os.pipe()
    with run.lock():
        child = os.fork()
        if child == 0:
            os.close(writer)
            os.read(reader, 1)
            os._exit(0)
    try:
        with run.lock():
            assert run.is_locked
    finally:
        os.write(writer, b".")
        os.close(writer)
        os.close(reader)
        assert os.waitpid(child, 0)[1] == 0


def test_a_run_in_use_is_not_removed(run):
    with run.lock(), pytest.raises(CheckpointError, match="in use"):
        run.remove()
    run.remove()
    assert not run.path.exists()
    assert list(run.path.parent.iterdir()) == []


def test_checkpoints_and_weights_have_their_places(run):
    run.checkpoints().save("epoch-0001", {"model": {}}, {})
    assert (run.path / "checkpoints" / "epoch-0001" / "manifest.json").is_file()
    assert run.weights_path == run.path / "model.safetensors"
