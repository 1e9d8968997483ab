import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tfcli.logging.charts import draw_curves

ROWS = [
    {"epoch": e, "step": 10 * e, "loss": 1 / e, "val_loss": 1.2 / e, "accuracy": 1 - 1 / e, "learning_rate": 0.1 / e}
    for e in range(1, 6)
]


def pixels(path):
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


def near(picture, color):
    """How many pixels are close to a colour."""
    return int((np.abs(picture - np.array(color)).max(axis=-1) < 30).sum())


def test_both_curves_are_drawn_in_their_colours(tmp_path):
    draw_curves(ROWS, tmp_path / "plots" / "curves.png")
    picture = pixels(tmp_path / "plots" / "curves.png")
    assert near(picture, (0x1F, 0x4E, 0x79)) > 300
    assert near(picture, (0xC5, 0x5A, 0x11)) > 300


def test_a_falling_curve_falls(tmp_path):
    draw_curves([{"epoch": e, "loss": 10.0 - e} for e in range(10)], tmp_path / "curves.png")
    picture = pixels(tmp_path / "curves.png")
    rows, columns = np.nonzero(np.abs(picture - np.array((0x1F, 0x4E, 0x79))).max(axis=-1) < 30)
    assert np.corrcoef(columns, rows)[0, 1] > 0.99  # rows count from the top


@pytest.mark.parametrize(
    "rows",
    [
        ROWS[:1],
        [{"epoch": 1, "loss": float("nan")}],
        [{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": float("inf")}],
        [{"epoch": e, "loss": 5.0} for e in range(3)],
        [{"epoch": e, "loss": 1e-9 * e} for e in range(3)],
        [{"epoch": e, "loss": 1e12 * e} for e in range(3)],
        [{"epoch": e, "loss": 0.0} for e in range(300)],
        [],
    ],
    ids=["one", "nan", "infinite", "constant", "tiny", "huge", "zero", "none"],
)
def test_odd_values_are_drawn_too(rows, tmp_path):
    draw_curves(rows, tmp_path / "curves.png")
    assert (pixels(tmp_path / "curves.png") < 200).any()


def test_a_constant_learning_rate_has_no_panel(tmp_path):
    draw_curves(ROWS, tmp_path / "changing.png")
    draw_curves([row | {"learning_rate": 0.1} for row in ROWS], tmp_path / "constant.png")
    assert pixels(tmp_path / "changing.png").shape[1] > pixels(tmp_path / "constant.png").shape[1]


def test_the_same_rows_are_the_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        draw_curves(ROWS, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_drawing_does_without_matplotlib_and_numpy(tmp_path):
    program = (
        "import sys; from pathlib import Path; from tfcli.logging.charts import draw_curves;"
        "draw_curves([{'epoch': 1, 'loss': 1.0}], Path(sys.argv[1]));"
        "print({'matplotlib', 'numpy'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "curves.png")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "set()"
