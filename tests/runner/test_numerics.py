"""A value that is not finite is named: the layer and the op that made it first."""

from pathlib import Path

import numpy as np
import pytest

from tfcli.errors import TrainingError
from tfcli.logging.run_directory import RunDirectory
from tfcli.runner.numerics import name_of_non_finite
from tfcli.runner.training import train
from tfcli.spec.load import load_experiment

SPEC = """\
data: {{source: {{type: npz, path: data.npz, features: x, label: y}}, pipeline: [{{type: batch, batch_size: 8}}]}}
model:
  layers: [{{type: dense, name: first, units: 4, activation: {activation}}}, {{type: dense, name: last, units: 1}}]
loss: mean_squared_error
optimizer: {{type: sgd, learning_rate: {rate}}}
train: {{epochs: 4, checkpoint: {{every_steps: 1, keep: 50}}}}
"""


def train_it(
    folder: Path, activation: str = "linear", rate: float = 0.001, bad: float = 1.0, scale: float = 1.0
) -> None:
    x = scale * np.random.default_rng(0).normal(size=(32, 3)).astype(np.float32)
    y = x.sum(axis=1, keepdims=True) / scale
    x[20, 1] *= bad
    np.savez(folder / "data.npz", x=x, y=y)
    path = folder / "exp.yaml"
    path.write_text(SPEC.format(activation=activation, rate=rate))
    with np.errstate(all="ignore"):
        train(load_experiment(path), folder / "runs")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bad": np.nan}, r"step 3: the input `x` holds NaN in row 4 of the batch; look for it in the data"),
        ({"bad": np.inf}, r"step 3: the input `x` holds an infinity in row 4"),
        ({"activation": "exponential", "scale": 1e3}, r"step 1: `exp` in the layer `first` makes an infinity from"),
        (
            {"rate": 1e30},
            r"`\w+` in the (loss|layer `\w+`|gradient of the (loss|layer `\w+`)) makes (NaN|an infinity) from",
        ),
        ({"rate": 1e38, "scale": 10.0}, r"`multiply` in the optimizer's update makes an infinity from .* 1e\+38"),
    ],
)
def test_where_it_began(tmp_path: Path, settings: dict, message: str):
    with pytest.raises(TrainingError, match=message):
        train_it(tmp_path, **settings)
    checkpoints = RunDirectory.open("exp", tmp_path / "runs").checkpoints()
    for name in checkpoints.names():
        assert name_of_non_finite(checkpoints.load(name).tensors) is None


def test_the_best_epoch_is_never_one_that_is_not_finite(tmp_path: Path):
    x = np.ones((16, 2), np.float32)
    np.savez(tmp_path / "data.npz", x=x, y=x[:, :1])
    np.savez(tmp_path / "other.npz", x=x, y=3e38 * x[:, :1])  # whose square is infinite
    other = "validation: {source: {type: npz, path: other.npz, features: x, label: y}}"
    text = SPEC.format(activation="linear", rate=0.01).replace("every_steps: 1, keep: 50", "keep: 5")
    path = tmp_path / "exp.yaml"
    path.write_text(
        text.replace("data: {source", f"data: {{{other}, train: {{source").replace(
            "label: y}, pipe", "label: y}}, pipe"
        )
    )
    with np.errstate(all="ignore"):
        run = train(load_experiment(path), tmp_path / "runs").run
    assert run.metrics()[-1]["val_loss"] == np.inf
    assert run.checkpoints().best is None
