import math
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tfcli.logging.plots import plot_confusion_matrix, plot_curves, plot_predictions

ROWS = [
    {
        "epoch": epoch,
        "step": 10 * epoch,
        "loss": 1 / epoch,
        "val_loss": 1.2 / epoch,
        "accuracy": 1 - 1 / epoch,
        "learning_rate": 0.1 / epoch,
        "seconds": 1.0,
    }
    for epoch in range(1, 6)
]


def darkness(path):
    """How much of the picture at `path` is not white."""
    with Image.open(path) as image:
        assert image.format == "PNG"
        return float((np.asarray(image.convert("L")) < 200).mean())


def width(path):
    with Image.open(path) as image:
        return image.width


def test_curves_are_drawn(tmp_path):
    plot_curves(ROWS, tmp_path / "plots" / "curves.png")
    assert darkness(tmp_path / "plots" / "curves.png") > 0.005


def test_a_constant_learning_rate_has_no_panel(tmp_path):
    plot_curves(ROWS, tmp_path / "changing.png")
    plot_curves([row | {"learning_rate": 0.1} for row in ROWS], tmp_path / "constant.png")
    assert width(tmp_path / "changing.png") > width(tmp_path / "constant.png")


@pytest.mark.parametrize(
    "rows",
    [
        ROWS[:1],
        [{"epoch": 1, "loss": math.nan}],
        [{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": math.inf, "val_loss": 2.0}],
        [{"epoch": n, **{f"metric_{i}": n / 7 for i in range(7)}} for n in range(1, 4)],
    ],
    ids=["one epoch", "not a number", "validation now and then", "seven metrics"],
)
def test_curves_of_odd_histories_are_drawn(tmp_path, rows):
    plot_curves(rows, tmp_path / "curves.png")
    assert darkness(tmp_path / "curves.png") > 0


def test_equal_histories_give_equal_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        plot_curves(ROWS, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("count", [1, 2, 30, 60])
def test_a_confusion_matrix_is_drawn(tmp_path, count):
    matrix = np.eye(count, dtype=int) * 1000 + 3
    plot_confusion_matrix(matrix, [f"class {index}" for index in range(count)], tmp_path / "matrix.png")
    assert darkness(tmp_path / "matrix.png") > 0.01


def test_a_class_without_examples_is_an_empty_row(tmp_path):
    plot_confusion_matrix(np.array([[0, 0], [1, 2]]), ["a", "b" * 50], tmp_path / "matrix.png")
    assert darkness(tmp_path / "matrix.png") > 0.01


@pytest.mark.parametrize(
    ("true", "predicted"),
    [([1, 2, 3], [1.1, 2.2, 2.7]), ([5.0], [5.0]), ([[1.0], [2.0]], [[1.0], [math.nan]]), ([], [])],
)
def test_predictions_are_drawn(tmp_path, true, predicted):
    plot_predictions(np.array(true), np.array(predicted), tmp_path / "predictions.png")
    assert darkness(tmp_path / "predictions.png") > 0


def test_pyplot_is_never_loaded(tmp_path):
    program = (
        "import sys; from pathlib import Path; from tfcli.logging.plots import plot_curves; early = set(sys.modules);"
        "plot_curves([{'epoch': 1, 'loss': 1.0}], Path(sys.argv[1]));"
        "print('matplotlib' in early, 'matplotlib.pyplot' in sys.modules)"
    )
    path = str(tmp_path / "curves.png")
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"
