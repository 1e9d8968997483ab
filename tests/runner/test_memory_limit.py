"""Memory: what training takes is foretold, and a run that would take too much says what to shrink."""

import resource
from pathlib import Path

import numpy as np
import pytest
from test_training import rows, train_spec, write_spec

from tfcli.errors import TrainingError
from tfcli.logging.run_directory import RunDirectory
from tfcli.models.trainer import Trainer
from tfcli.runner import memory
from tfcli.runner.inspection import Inspection, inspect
from tfcli.runner.memory import Process, demand_of, limit_of
from tfcli.runner.session import assemble
from tfcli.runner.training import resume
from tfcli.spec.load import load_experiment


def test_a_step_s_values_are_counted_from_its_trace(tmp_path: Path):
    session = assemble(load_experiment(write_spec(tmp_path, {"data.pipeline": [{"type": "batch", "batch_size": 50}]})))
    demand = demand_of(session, next(session.data.train.batches()))
    assert demand.batch_size == 50
    assert demand.step == sum(demand.layers.values()) >= 50 * 8 * 4 * 3  # of dense, its activation, batch_normalization
    assert "`batch_normalization`" in demand.layers
    weights = sum(weight.array.nbytes for weight in session.network.weights)
    assert demand.saved >= 2 * 3 * weights * 0.5


def test_a_run_that_will_not_fit_is_refused_before_its_first_step(tmp_path: Path):
    path = write_spec(tmp_path, {"train.memory_limit": "20MB"})
    with pytest.raises(TrainingError, match=r"would take about .* more than the 19.1 MiB of train.memory_limit.*allow"):
        train_spec(path, tmp_path)
    status = RunDirectory.open("small", tmp_path).status()
    assert status["state"] == "failed"
    assert status["step"] == 0
    assert "train.memory_limit" in status["error"]


def test_what_is_too_large_is_named_and_a_batch_size_that_fits(tmp_path: Path):
    session = assemble(load_experiment(write_spec(tmp_path)))
    demand = demand_of(session, next(session.data.train.batches()))
    limit = memory.Limit(demand.before + demand.saved + demand.step // 2, "train.memory_limit")
    assert "at batch size 16 take" in demand.advice(limit)
    assert "try batch_size 4, or smaller layers" in demand.advice(limit)


@pytest.fixture
def growing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process seems to take 64 MiB more with every look at it."""
    looks = iter(range(10_000))
    monkeypatch.setattr(Process, "now", classmethod(lambda cls: cls(*([(100 + 64 * next(looks)) << 20] * 3))))


def test_a_run_that_takes_more_than_it_may_stops_and_keeps_its_checkpoint(tmp_path: Path, growing: None):
    with pytest.raises(TrainingError, match=r"training has taken .* of train.memory_limit: the values of a step"):
        train_spec(write_spec(tmp_path, {"train.memory_limit": "1GiB"}), tmp_path)
    run = RunDirectory.open("small", tmp_path)
    assert run.checkpoints().load("last").state["epoch"] >= 1


def test_without_a_limit_of_its_own_a_run_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory.Watch, "_too_much", lambda *given: pytest.fail("looked at"))
    assert train_spec(write_spec(tmp_path), tmp_path).status()["state"] == "done"


def test_what_runs_out_of_memory_says_what_to_shrink_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write_spec(tmp_path)
    whole = train_spec(path, tmp_path / "whole")
    train_batch, steps = Trainer.train_batch, iter(range(100))

    def failing(self: Trainer, batch: object) -> float:
        if next(steps) == 9:
            np.empty(1 << 50, np.uint8)
        return train_batch(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_batch", failing)
        with pytest.raises(TrainingError) as error:
            train_spec(path, tmp_path / "cut")
    assert "out of memory in epoch 2 after step 9 (Unable to allocate" in str(error.value)
    assert "at batch size 16" in str(error.value)
    assert "The last checkpoint is step-00000008" in str(error.value)
    run = RunDirectory.open("small", tmp_path / "cut")
    assert run.status()["state"] == "failed"
    resumed = resume(run).run
    assert rows(resumed) == rows(whole)
    assert resumed.weights_path.read_bytes() == whole.weights_path.read_bytes()


def test_the_least_limit_holds(monkeypatch: pytest.MonkeyPatch):
    kernel = {
        "/proc/self/cgroup": "5:cpu:/x\n4:memory:/a/b\n0::/c\n",
        "/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "3000000\n",
        "/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "9223372036854771712\n",
        "/sys/fs/cgroup/c/memory.max": "max\n",
        "/sys/fs/cgroup/memory.max": "2000000\n",
    }
    monkeypatch.setattr(memory, "_text", lambda path: kernel.get(path.replace("//", "/"), ""))
    assert limit_of("1GB") == memory.Limit(2_000_000, "this container")
    assert limit_of("1MB") == memory.Limit(1_000_000, "train.memory_limit")


def test_what_the_shell_allows_is_a_limit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Process, "now", classmethod(lambda cls: cls(10, 20, 500)))
    monkeypatch.setattr(resource, "getrlimit", lambda which: (700, 700))
    assert limit_of(None) == memory.Limit(210, "`ulimit -v`")


def test_check_foretells_more_than_the_process_has_now(tmp_path: Path):
    found = inspect(load_experiment(write_spec(tmp_path)))
    assert found.memory.peak > Process.now().resident
    assert not [warning for warning in found.warnings if "memory" in warning]


def test_check_warns_of_a_limit_that_training_will_pass(tmp_path: Path):
    def told(limit: int | None) -> Inspection:
        return inspect(load_experiment(write_spec(tmp_path, {"train.memory_limit": limit})))

    found = told(told(None).memory.peak - (1 << 20))  # enough for a step, not for what is saved and drawn
    assert "training will take about" in found.warnings[0]
