"""What `check` remarks on data."""

import numpy as np
import pytest

from tfcli.runner.findings import told_by
from tfcli.runner.inspection import inspect
from tfcli.spec.load import load_experiment

SPEC = """\
data:
  source: {type: csv, path: t.csv, label: y}
  split: {test: 0.25}
model: {layers: [{type: dense, units: 2, activation: softmax}]}
loss: sparse_categorical_crossentropy
"""


@pytest.fixture
def remarks(tmp_path):
    """The remarks on a table of columns, with `sets` for the spec."""

    def look(*sets, **columns):
        rows = zip(*columns.values(), strict=True)
        text = "\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)])
        (tmp_path / "t.csv").write_text(text + "\n")
        (tmp_path / "exp.yaml").write_text(SPEC)
        return inspect(load_experiment(tmp_path / "exp.yaml", sets)).warnings

    return look


def numbers(seed, count=200):
    return np.random.default_rng(seed).normal(size=count).round(6).tolist()


LABELS = [0, 1, 1, 0] * 50


def test_ordinary_data_have_no_remarks(remarks):
    assert remarks(a=numbers(1), b=numbers(2), y=LABELS) == []


def test_classes_out_of_balance(remarks):
    (said,) = remarks(a=numbers(1), y=[0] * 175 + [1] * 25)
    assert "out of balance" in said


def test_a_constant_column(remarks):
    (said,) = remarks(a=numbers(1), b=[7] * 200, y=LABELS)
    assert said == "column 'b' never varies in the train split"


def test_columns_that_tell_the_same(remarks):
    few = [i % 7 for i in range(200)]
    (said,) = remarks(a=few, b=[10 * i for i in few], c=numbers(1), y=LABELS)
    assert said.startswith("column 'a', column 'b' tell the same")


def test_a_feature_that_gives_the_label_away(remarks):
    (said,) = remarks(a=numbers(1), b=[label * 2.5 + 1 for label in LABELS], y=LABELS)
    assert "column 'b' gives the label y away: alone it is right about 100.0%" in said


def test_a_column_that_gives_an_amount_away(remarks):
    values = numbers(3)
    said = remarks(
        "model.layers=[{type: dense, units: 1}]", "loss=mse", a=numbers(1), b=values, y=[2 * v for v in values]
    )
    assert any("column 'b' gives the label y away: alone it explains" in text for text in said) == (
        told_by(np.array(values), 2 * np.array(values)) >= 0.99
    )


def test_rows_in_two_splits(remarks):
    (said,) = remarks(a=[i % 5 + 0.5 for i in range(200)], b=[i % 3 + 0.25 for i in range(200)], y=LABELS)
    assert said == "50 of the 50 test examples have inputs that also occur in the train split"


def test_a_split_too_small(remarks):
    (said,) = remarks("data.split={validation: 4}", a=numbers(1), y=LABELS)
    assert "the validation split has only 4 examples: an accuracy measured on it is uncertain by 49 points" in said


def test_rescaling_of_what_is_small_already(remarks):
    stages = "data.pipeline=[{type: rescaling, scale: 0.00392156862745098}]"
    small = (np.array(numbers(1)) / 10).clip(-1, 1).tolist()
    (said,) = remarks(stages, a=small, y=LABELS)
    assert said.startswith("data.pipeline[0] multiplies features by 0.003922")


def test_large_numbers_without_a_scale(remarks):
    (said,) = remarks(a=[1e5 * n for n in numbers(1)], y=LABELS)
    assert "{type: normalization}" in said


def test_categories_beyond_an_embedding(remarks):
    layers = "model.layers=[{type: embedding, input_dim: 4, output_dim: 2}, {type: flatten}, {type: dense, units: 2}]"
    features = "data.features={a: {type: integer_categorical, output_mode: int}}"
    given = [
        "data.output_mode=dict",
        features,
        layers,
        "loss={type: sparse_categorical_crossentropy, from_logits: true}",
    ]
    late = [(5 * i // 7) % 3 for i in range(300)] + [(3 * i // 2) % 9 for i in range(100)]  # after the steps timed
    (said,) = remarks(*given, "data.split=null", a=late, y=LABELS * 2)
    assert "layer embedding has rows for 0 to 3" in said
    assert "input_dim: 8" in said


def test_pixels_without_a_scale(tmp_path):
    images = np.random.default_rng(1).integers(0, 256, (100, 4, 4, 1)).astype(np.float32)
    np.savez(tmp_path / "t.npz", x=images, y=np.arange(100) % 2)
    (tmp_path / "exp.yaml").write_text(
        SPEC.replace("{type: csv, path: t.csv, label: y}", "{type: npz, path: t.npz, features: x, label: y}").replace(
            "layers: [", "layers: [{type: flatten}, "
        )
    )
    found = inspect(load_experiment(tmp_path / "exp.yaml")).warnings
    assert len(found) == 1
    assert "brings pixels to 0..1" in found[0]


def test_what_one_column_tells():
    rng = np.random.default_rng(4)
    label = rng.integers(0, 3, 1000)
    assert told_by(label * 10, label) == 1.0
    assert told_by(rng.normal(size=1000), label) == 0.0
    assert told_by(np.arange(1000), label) == 0.0
