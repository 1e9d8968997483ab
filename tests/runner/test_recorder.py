"""The recorder leaves on disk what writing at once would have left."""

from pathlib import Path

import numpy as np
import pytest

from tfcli.errors import CheckpointError
from tfcli.logging import durable
from tfcli.logging.run_directory import RunDirectory
from tfcli.runner.recorder import Recorder


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory.create(tmp_path, "exp")


def tensors(number: int) -> dict[str, dict[str, np.ndarray]]:
    return {"model": {"kernel": np.full(3, number, np.float32)}}


def save_many(run: RunDirectory, best: set[int], count: int, flush: bool) -> None:
    with Recorder(run, keep=3) as recorder:
        for i in range(1, count + 1):
            recorder.epoch({"epoch": i, "loss": 1.0 / i}, step=i * 10, seconds=0.0)
            recorder.save(f"epoch-{i:04d}", tensors(i), {"epoch": i}, None, i in best)
            if flush:
                recorder.flush()


@pytest.mark.parametrize("best", [{1}, {4, 9}, {12}, set()])
def test_a_backlog_leaves_the_same_checkpoints(tmp_path: Path, best: set[int]):
    at_once, behind = RunDirectory.create(tmp_path, "a"), RunDirectory.create(tmp_path, "b")
    save_many(at_once, best, 12, flush=True)
    save_many(behind, best, 12, flush=False)
    assert behind.checkpoints().last == at_once.checkpoints().last == "epoch-0012"
    assert behind.checkpoints().best == at_once.checkpoints().best
    assert set(at_once.checkpoints().names()) == set(behind.checkpoints().names())


def test_every_row_is_written_once_and_in_order(run: RunDirectory):
    save_many(run, set(), 50, flush=False)
    assert [row["epoch"] for row in run.metrics()] == list(range(1, 51))
    assert run.status()["step"] == 500


def test_the_disk_refusing_is_raised_in_the_training_thread(run: RunDirectory, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable.storage, "write", refuse)
    with Recorder(run, keep=2) as recorder:
        recorder.save("epoch-0001", tensors(1), {})
        with pytest.raises(CheckpointError, match="the disk is full"):
            recorder.flush()


def test_other_calls_are_made_in_order_before_a_later_checkpoint_is_there(run: RunDirectory):
    seen = []
    with Recorder(run, keep=3) as recorder:
        for i in range(3):
            recorder.later(lambda i=i: seen.append((i, run.checkpoints().last)))
        recorder.save("epoch-0001", tensors(1), {"epoch": 1})
    assert seen == [(0, None), (1, None), (2, None)]


def test_an_error_of_a_call_is_raised(run: RunDirectory):
    def fail() -> None:
        raise CheckpointError("the disk is full")

    with pytest.raises(CheckpointError, match="the disk is full"), Recorder(run, keep=3) as recorder:
        recorder.later(fail)
