"""What `train:` asks for besides training: each has an effect, and goes on after an interruption."""

import csv
from pathlib import Path

import numpy as np
import pytest
from test_training import KillAt, Killed, rows, train_spec, write_spec

from tfcli.errors import SpecError, TrainingError
from tfcli.logging.run_directory import RunDirectory
from tfcli.logging.tensors import load_tensors
from tfcli.runner.training import resume
from tfcli.spec.diagnostics import InvalidSpec
from tfcli.spec.load import load_experiment

SGD = {"type": "sgd", "learning_rate": 0.1}


def trained(folder: Path, **changes) -> RunDirectory:
    return train_spec(write_spec(folder, {key.replace("__", "."): value for key, value in changes.items()}), folder)


def rates(run: RunDirectory) -> list[float]:
    return [row["learning_rate"] for row in run.metrics()]


def test_a_warm_up_raises_the_rate_in_a_line(tmp_path: Path):
    run = trained(tmp_path, optimizer=SGD, train__learning_rate_warmup={"epochs": 4, "start_factor": 0.2})
    np.testing.assert_allclose(rates(run), [0.04, 0.06, 0.08, 0.1, 0.1], rtol=1e-6)


def test_a_warm_up_multiplies_what_a_schedule_says(tmp_path: Path):
    schedule = {"type": "exponential_decay", "initial_learning_rate": 0.1, "decay_steps": 6, "decay_rate": 0.5}
    run = trained(tmp_path, optimizer=SGD | {"learning_rate": schedule}, train__learning_rate_warmup={"steps": 12})
    np.testing.assert_allclose(rates(run)[:3], [0.1 / 2 * 0.5, 0.1 / 4, 0.1 / 8], rtol=1e-6)


def test_a_warm_up_changes_the_first_steps_alone_and_leaves_what_plateaus_do(tmp_path: Path):
    plateau = {"monitor": "loss", "patience": 1, "min_delta": 9.0, "factor": 0.5}
    run = trained(
        tmp_path, optimizer=SGD, train__reduce_lr_on_plateau=plateau, train__learning_rate_warmup={"epochs": 2}
    )
    np.testing.assert_allclose(rates(run), [0.05, 0.1, 0.05, 0.025, 0.0125], rtol=1e-6)


def test_validation_sees_the_averages_and_training_does_not(tmp_path: Path):
    optimizer = {"type": "sgd", "learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.9}
    plain = trained(tmp_path, optimizer=optimizer)
    swapped = trained(tmp_path, optimizer=optimizer, train__swap_ema_weights=True)
    for a, b in zip(plain.metrics(), swapped.metrics(), strict=True):
        assert a["loss"] == b["loss"]
        assert a["val_loss"] != b["val_loss"]


def test_the_averages_of_the_last_epoch_are_the_final_model(tmp_path: Path):
    optimizer = {"type": "sgd", "learning_rate": 0.1, "use_ema": True}
    run = trained(tmp_path, optimizer=optimizer, train__swap_ema_weights={"swap_on_epoch": True})
    saved = run.checkpoints().load("last").tensors["model"]
    final = load_tensors(run.weights_path)
    np.testing.assert_array_equal(saved["dense/kernel"], final["dense/kernel"])


def test_the_csv_log_has_a_line_for_each_epoch(tmp_path: Path):
    run = trained(tmp_path, train__csv_log={"filename": "log.csv", "separator": ";"}, train__validation_freq=2)
    with (run.path / "log.csv").open(newline="") as file:
        lines = list(csv.reader(file, delimiter=";"))
    assert lines[0] == ["epoch", "accuracy", "learning_rate", "loss", "val_accuracy", "val_loss"]
    assert [line[0] for line in lines[1:]] == ["0", "1", "2", "3", "4"]
    assert [line[-1] == "NA" for line in lines[1:]] == [True, False, True, False, True]
    assert float(lines[1][3]) == run.metrics()[0]["loss"]


def test_the_csv_log_of_a_resumed_run_is_that_of_a_whole_one(tmp_path: Path):
    path = write_spec(tmp_path, {"train.csv_log": True})
    whole = train_spec(path, tmp_path / "whole")
    with pytest.raises(Killed):
        train_spec(path, tmp_path / "cut", KillAt(14))
    resumed = resume(RunDirectory.open("small", tmp_path / "cut"), trust=True).run
    assert (resumed.path / "training.csv").read_text() == (whole.path / "training.csv").read_text()


def test_only_the_best_epochs_are_saved(tmp_path: Path):
    policy = {"save_best_only": True, "monitor": "loss", "mode": "max", "keep": 9}
    run = trained(tmp_path, train__checkpoint=policy)
    assert run.checkpoints().names() == ["epoch-0001"]
    threshold = trained(tmp_path, train__checkpoint=policy | {"mode": "min", "initial_value_threshold": 0.0})
    assert threshold.checkpoints().names() == []


MODULE = '''
from tfcli.keras.callbacks import Callback


class Halving(Callback):
    """Halves all weights after each epoch, counts them, and stops after some."""

    def __init__(self, stop_after=99):
        super().__init__()
        self.stop_after, self.epochs, self.batches = stop_after, 0, 0

    def on_train_begin(self, logs=None):
        self.epochs = self.batches = 0

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1
        logs["counted"] = self.batches
        self.model.set_weights([weight / 2 for weight in self.model.get_weights()])
        self.model.stop_training = self.epochs == self.stop_after

    def get_state(self):
        return {"epochs": self.epochs, "batches": self.batches}

    def set_state(self, state):
        self.epochs, self.batches = state["epochs"], state["batches"]


class Failing(Callback):
    def on_epoch_begin(self, epoch, logs=None):
        raise KeyError("oh")


class Other:
    pass
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MODULE)
    return tmp_path


def test_a_callback_of_ones_own_changes_training_and_what_is_reported(folder: Path):
    plain = trained(folder)
    run = trained(folder, train__callbacks=["mine:Halving"])
    assert [row["counted"] for row in run.metrics()] == [6, 12, 18, 24, 30]
    assert run.metrics()[0]["loss"] == plain.metrics()[0]["loss"]
    assert run.metrics()[1]["loss"] != plain.metrics()[1]["loss"]


def test_a_callback_of_ones_own_stops_training(folder: Path):
    callback = {"callback": "mine:Halving", "arguments": {"stop_after": 2}}
    assert len(trained(folder, train__callbacks=[callback]).metrics()) == 2


@pytest.mark.parametrize("batch", [3, 13])
def test_a_callback_of_ones_own_goes_on_where_it_was(folder: Path, batch: int):
    path = write_spec(folder, {"train.callbacks": ["mine:Halving"]})
    whole = train_spec(path, folder / "whole")
    with pytest.raises(Killed):
        train_spec(path, folder / "cut", KillAt(batch))
    resumed = resume(RunDirectory.open("small", folder / "cut"), trust=True).run
    assert rows(resumed) == rows(whole)
    assert resumed.weights_path.read_bytes() == whole.weights_path.read_bytes()


def test_a_failing_callback_is_named(folder: Path):
    with pytest.raises(TrainingError, match="the callback mine:Failing failed in on_epoch_begin: KeyError: 'oh'"):
        trained(folder, train__callbacks=["mine:Failing"])


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        ("mine:Missing", "has no function 'Missing'"),
        ("nowhere:Halving", "cannot import 'nowhere'"),
        ("mine:Other", "mine:Other is no class of callbacks"),
        ({"callback": "mine:Halving", "arguments": {"stop": 1}}, "cannot be made: got an unexpected keyword argument"),
    ],
)
def test_a_callback_that_cannot_be_had_is_shown_in_the_spec(folder: Path, callback, message: str):
    path = write_spec(folder, {"train.callbacks": [callback]})
    with pytest.raises(InvalidSpec, match=message):
        train_spec(path, folder / "runs")
    assert not (folder / "runs").exists()


def test_reading_a_spec_runs_no_callback(folder: Path):
    (folder / "mine.py").write_text("raise RuntimeError('imported')")
    loaded = load_experiment(write_spec(folder, {"train.callbacks": ["mine:Halving"]}))
    assert loaded.experiment.train.callbacks[0].callback == "mine:Halving"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train.learning_rate_warmup": {}}, "needs its length"),
        ({"train.learning_rate_warmup": {"epochs": 1, "steps": 2}}, "needs its length"),
        ({"train.swap_ema_weights": True}, "the optimizer keeps none"),
        ({"train.csv_log": {"filename": "../log.csv"}}, "cannot be a file of the run directory"),
        ({"train.csv_log": {"filename": "metrics.jsonl"}}, "cannot be a file of the run directory"),
        ({"train.checkpoint": {"save_best_only": True, "every_steps": 3}}, "only an epoch can be the best one"),
        ({"train.checkpoint": {"save_best_only": True, "every_epochs": None}}, "no epoch is saved"),
        (
            {
                "optimizer": SGD
                | {"learning_rate": {"type": "cosine_decay", "initial_learning_rate": 0.1, "decay_steps": 9}},
                "train.reduce_lr_on_plateau": {"monitor": "loss"},
            },
            "follows a schedule",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, changes: dict, message: str):
    with pytest.raises(SpecError, match=message):
        load_experiment(write_spec(tmp_path, changes))


def test_seconds_are_those_of_all_legs(tmp_path: Path):
    run = trained(tmp_path)
    run.update_status("done", seconds=1000.0)
    assert resume(run, epochs=6).summary["seconds"] > 1000.0
