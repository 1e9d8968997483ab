"""A run: the same seed gives the same bytes, and a run that was cut off goes on as if it had not been."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from tfcli.errors import CheckpointError, SpecError, TrainingError
from tfcli.logging.run_directory import RunDirectory
from tfcli.runner.report import Reporter
from tfcli.runner.training import resume, train
from tfcli.spec.diagnostics import InvalidSpec
from tfcli.spec.load import load_experiment

SPEC = {
    "name": "small",
    "seed": 3,
    "data": {
        "source": {"type": "bundled", "name": "iris"},
        "split": {"validation": 0.2, "test": 0.2, "stratify": True},
        "pipeline": [
            {"type": "normalization"},
            {"type": "shuffle", "buffer_size": 40},
            {"type": "batch", "batch_size": 16},
        ],
    },
    "model": {
        "layers": [
            {"type": "dense", "units": 8, "activation": "relu"},
            {"type": "batch_normalization"},
            {"type": "dropout", "rate": 0.3},
            {"type": "dense", "units": 3, "activation": "softmax"},
        ]
    },
    "loss": "sparse_categorical_crossentropy",
    "optimizer": {"type": "adam", "learning_rate": 0.02},
    "metrics": ["accuracy"],
    "train": {"epochs": 5, "checkpoint": {"every_steps": 2}},
}
VARIANTS = {
    "plain": {},
    "eager": {"execution": "eager"},
    "plateau": {"train.reduce_lr_on_plateau": {"monitor": "loss", "patience": 1, "min_delta": 1.0}},
    "best weights": {
        "train.early_stopping": {"monitor": "val_loss", "patience": 1, "restore_best_weights": True, "min_delta": 0.2}
    },
    "schedule and averages": {
        "optimizer": {
            "type": "sgd",
            "learning_rate": {"type": "cosine_decay", "initial_learning_rate": 0.1, "decay_steps": 20},
            "momentum": 0.9,
            "use_ema": True,
            "gradient_accumulation_steps": 2,
        }
    },
    "warm-up": {
        "train.learning_rate_warmup": {"epochs": 2},
        "train.reduce_lr_on_plateau": {"monitor": "loss", "patience": 1, "min_delta": 1.0},
    },
    "averages in validation": {"optimizer.use_ema": True, "train.swap_ema_weights": True},
    "averages after epochs": {
        "optimizer.use_ema": True,
        "train.swap_ema_weights": {"swap_on_epoch": True},
        "train.early_stopping": {"monitor": "val_loss", "patience": 9, "restore_best_weights": True},
    },
    "the best alone": {"train.checkpoint": {"save_best_only": True, "monitor": "val_accuracy", "mode": "max"}},
    "csv": {"train.csv_log": True},
    "steps per epoch": {"train.steps_per_epoch": 4},
    "float64": {"precision": "float64"},
    "mixed_bfloat16": {"precision": "mixed_bfloat16"},
    "mixed_float16": {"precision": "mixed_float16"},
    "stateful": {
        "data.pipeline": [{"type": "batch", "batch_size": 15, "drop_remainder": True}],
        "model.layers": [
            {"type": "reshape", "target_shape": [2, 2]},
            {"type": "lstm", "units": 4, "stateful": True},
            {"type": "dense", "units": 3, "activation": "softmax"},
        ],
    },
}
TIMES = ("seconds", "examples_per_second")


class Killed(BaseException):
    """Stands for a kill: nothing in the runner may catch it."""


class KillAt(Reporter):
    """Ends the run at its n-th batch."""

    def __init__(self, n: int) -> None:
        self.left = n

    def step_done(self, loss: float) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed


def write_spec(folder: Path, changes: dict | None = None) -> Path:
    spec = yaml.safe_load(yaml.safe_dump(SPEC))
    for key, value in (changes or {}).items():
        *way, last = key.split(".")
        place = spec
        for part in way:
            place = place[part]
        place[last] = value
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(spec))
    return path


def train_spec(path: Path, logdir: Path, reporter: Reporter | None = None) -> RunDirectory:
    return train(load_experiment(path), logdir, reporter=reporter).run


def rows(run: RunDirectory) -> list[dict]:
    return [{k: v for k, v in row.items() if k not in TIMES} for row in run.metrics()]


def test_one_seed_gives_the_same_bytes_and_another_does_not(tmp_path: Path):
    path = write_spec(tmp_path)
    first, second = train_spec(path, tmp_path), train_spec(path, tmp_path)
    assert first.weights_path.read_bytes() == second.weights_path.read_bytes()
    other = train_spec(write_spec(tmp_path, {"seed": 4}), tmp_path)
    assert first.weights_path.read_bytes() != other.weights_path.read_bytes()


def test_the_resolved_spec_trains_to_the_same_bytes(tmp_path: Path):
    first = train_spec(write_spec(tmp_path), tmp_path)
    again = train_spec(first.spec_path, tmp_path)
    assert first.weights_path.read_bytes() == again.weights_path.read_bytes()
    assert first.spec_text() == again.spec_text()


@pytest.mark.parametrize("batch", [1, 2, 5, 6, 13, 20])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_killed_run_resumes_to_the_same_bytes(tmp_path: Path, variant: str, batch: int):
    path = write_spec(tmp_path, VARIANTS[variant])
    whole = train_spec(path, tmp_path / "whole")
    if batch >= whole.status()["step"]:
        pytest.skip(f"the run has only {whole.status()['step']} batches")
    with pytest.raises(Killed):
        train_spec(path, tmp_path / "cut", KillAt(batch))
    resumed = resume(RunDirectory.open("small", tmp_path / "cut")).run
    assert resumed.weights_path.read_bytes() == whole.weights_path.read_bytes()
    assert rows(resumed) == rows(whole)
    assert resumed.status()["state"] == "done"


def test_a_run_killed_twice_resumes_to_the_same_bytes(tmp_path: Path):
    path = write_spec(tmp_path)
    whole = train_spec(path, tmp_path / "whole")
    with pytest.raises(Killed):
        train_spec(path, tmp_path / "cut", KillAt(8))
    run = RunDirectory.open("small", tmp_path / "cut")
    with pytest.raises(Killed):
        resume(run, reporter=KillAt(5))
    assert resume(run).run.weights_path.read_bytes() == whole.weights_path.read_bytes()


@pytest.mark.parametrize("changes", [{}, {"train.early_stopping": {"monitor": "val_loss", "min_delta": 9.0}}])
def test_a_run_killed_after_its_last_epoch_has_only_to_finish(tmp_path: Path, monkeypatch, changes: dict):
    path = write_spec(tmp_path, changes)
    whole = train_spec(path, tmp_path / "whole")
    monkeypatch.setattr("tfcli.runner.training.save_tensors", lambda *_: (_ for _ in ()).throw(Killed))
    with pytest.raises(Killed):
        train_spec(path, tmp_path / "cut")
    monkeypatch.undo()
    resumed = resume(RunDirectory.open("small", tmp_path / "cut")).run
    assert resumed.weights_path.read_bytes() == whole.weights_path.read_bytes()
    assert rows(resumed) == rows(whole)


def test_a_finished_run_trains_on_when_asked_for_more_epochs(tmp_path: Path):
    longer = train_spec(write_spec(tmp_path, {"train.epochs": 8}), tmp_path / "longer")
    run = train_spec(write_spec(tmp_path), tmp_path / "short")
    with pytest.raises(SpecError, match="has trained its 5 epochs"):
        resume(run)
    resumed = resume(run, epochs=8).run
    assert resumed.weights_path.read_bytes() == longer.weights_path.read_bytes()
    assert "epochs: 8" in resumed.spec_text()


def test_eager_and_graph_agree(tmp_path: Path):
    graph = train_spec(write_spec(tmp_path, {"precision": "float64"}), tmp_path)
    eager = train_spec(write_spec(tmp_path, {"precision": "float64", "execution": "eager"}), tmp_path)
    for a, b in zip(graph.metrics(), eager.metrics(), strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-12)
        assert a["val_loss"] == pytest.approx(b["val_loss"], rel=1e-12)


def test_a_loss_that_is_not_finite_stops_the_run_before_a_checkpoint(tmp_path: Path):
    path = write_spec(
        tmp_path,
        {
            "optimizer": {"type": "sgd", "learning_rate": 1e30},
            "model.layers": [{"type": "dense", "units": 1}],
            "loss": "mean_squared_error",
            "metrics": [],
        },
    )
    with np.errstate(all="ignore"), pytest.raises(TrainingError, match=r"the loss became (nan|inf) in epoch 1"):
        train_spec(path, tmp_path)
    run = RunDirectory.open("small", tmp_path)
    assert run.status()["state"] == "failed"
    saved = [run.checkpoints().load(name).tensors["model"] for name in run.checkpoints().names()]
    assert all(np.isfinite(array).all() for weights in saved for array in weights.values())


def test_a_run_has_one_owner(tmp_path: Path):
    run = train_spec(write_spec(tmp_path), tmp_path)
    with run.lock(), pytest.raises(CheckpointError):
        resume(run, epochs=9)


def test_nothing_is_written_for_a_spec_that_does_not_fit(tmp_path: Path):
    path = write_spec(tmp_path, {"loss": "categorical_crossentropy"})
    with pytest.raises(InvalidSpec, match="categorical_crossentropy"):
        train_spec(path, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_monitor_that_is_not_reported_is_shown_in_the_spec(tmp_path: Path):
    path = write_spec(tmp_path, {"train.early_stopping": {"monitor": "val_acuracy"}})
    with pytest.raises(
        InvalidSpec, match=r"small.yaml:\d+:\d+: error: `val_acuracy` is not reported(.|\n)*did you mean `val_accuracy`"
    ):
        train_spec(path, tmp_path / "runs")


def test_a_weight_for_a_class_that_cannot_occur_is_shown_in_the_spec(tmp_path: Path):
    path = write_spec(tmp_path, {"train.class_weight": {0: 1.0, 3: 2.0}})
    with pytest.raises(InvalidSpec, match=r"there is no class 3(.|\n)*they are 0 to 2"):
        train_spec(path, tmp_path / "runs")


def test_frozen_layers_stay_as_they_are(tmp_path: Path):
    run = train_spec(write_spec(tmp_path, {"train.freeze": ["dense"], "train.epochs": 1}), tmp_path)
    more = train_spec(write_spec(tmp_path, {"train.freeze": ["dense"], "train.epochs": 3}), tmp_path)
    from tfcli.logging.tensors import load_tensors

    a, b = load_tensors(run.weights_path), load_tensors(more.weights_path)
    np.testing.assert_array_equal(a["dense/kernel"], b["dense/kernel"])
    assert not np.array_equal(a["dense_1/kernel"], b["dense_1/kernel"])


def test_training_starts_from_given_weights(tmp_path: Path):
    first = train_spec(write_spec(tmp_path), tmp_path)
    changes = {
        "train.initial_weights": str(first.path),
        "optimizer": {"type": "sgd", "learning_rate": 0.0},
        "train.epochs": 1,
    }
    second = train_spec(write_spec(tmp_path, changes), tmp_path)
    from tfcli.logging.tensors import load_tensors

    np.testing.assert_array_equal(
        load_tensors(second.weights_path)["dense/kernel"], load_tensors(first.weights_path)["dense/kernel"]
    )
