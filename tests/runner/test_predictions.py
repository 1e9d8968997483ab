"""Predictions as tables and files."""

import numpy as np
import pytest

from tfcli.errors import SpecError
from tfcli.models.losses.probabilistic import BinaryCrossentropy, SparseCategoricalCrossentropy
from tfcli.models.losses.regression import MeanSquaredError
from tfcli.models.trainer import Head
from tfcli.runner import predictions
from tfcli.runner.predictions import Predictions


def head(output, loss, prefix=""):
    return Head(output, output, loss, 1.0, [], prefix)


def columns(output, loss, names=None):
    classes = {} if names is None else {"y": names}
    return Predictions({"y": np.array(output, np.float32)}, [head("y", loss)], classes).columns()


def test_a_classifier_names_its_classes():
    found = columns([[0.25, 0.75], [0.5, 0.5]], SparseCategoricalCrossentropy(), ["no", "yes"])
    assert found["prediction"].tolist() == ["yes", "no"]
    assert found["probability_no"].tolist() == [0.25, 0.5]
    assert found["probability_yes"].tolist() == [0.75, 0.5]


def test_classes_without_names_are_numbers():
    found = columns([[0.25, 0.75]], SparseCategoricalCrossentropy())
    assert list(found) == ["prediction", "probability_0", "probability_1"]
    assert found["prediction"].tolist() == [1]


def test_logits_become_probabilities():
    found = columns([[0.0, np.log(3.0)], [1000.0, 0.0]], SparseCategoricalCrossentropy(from_logits=True))
    assert found["probability_1"] == pytest.approx([0.75, 0.0])


@pytest.mark.parametrize("size", [-1000.0, 1000.0])
def test_a_large_binary_logit_does_not_overflow(size):
    found = columns([[size]], BinaryCrossentropy(from_logits=True))
    assert found["probability_1"].tolist() == [float(size > 0)]


def test_a_regression_has_its_values():
    assert columns([[1.5], [2.5]], MeanSquaredError())["prediction"].tolist() == [1.5, 2.5]


def test_several_entries_are_numbered():
    found = columns([[[1.0, 2.0], [3.0, 4.0]]], MeanSquaredError())
    assert {name: column.tolist() for name, column in found.items()} == {
        "prediction_0_0": [1.0],
        "prediction_0_1": [2.0],
        "prediction_1_0": [3.0],
        "prediction_1_1": [4.0],
    }


def test_a_sequence_of_classes_has_a_column_for_each_place():
    found = columns([[[0.9, 0.1], [0.2, 0.8]]], SparseCategoricalCrossentropy(), ["a", "b"])
    assert {name: column.tolist() for name, column in found.items()} == {"prediction_0": ["a"], "prediction_1": ["b"]}


@pytest.fixture
def two_outputs():
    outputs = {"kind": np.array([[0.25, 0.75]], np.float32), "size": np.array([[0.1]], np.float32)}
    heads = [head("kind", SparseCategoricalCrossentropy(), "kind_"), head("size", MeanSquaredError(), "size_")]
    return Predictions(outputs, heads, {})


def test_several_outputs_are_told_apart(two_outputs):
    assert predictions.to_csv(two_outputs).decode() == (
        "kind_prediction,kind_probability_0,kind_probability_1,size_prediction\n1,0.25,0.75,0.1\n"
    )


def test_several_outputs_are_no_npy(two_outputs, tmp_path):
    with pytest.raises(SpecError, match="kind, size"):
        predictions.save(two_outputs, tmp_path / "p.npy")
    assert not list(tmp_path.iterdir())


def test_a_file_is_replaced_whole(two_outputs, tmp_path):
    (tmp_path / "p.csv").write_text("old")
    predictions.save(two_outputs, tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_bytes() == predictions.to_csv(two_outputs)
    assert [path.name for path in tmp_path.iterdir()] == ["p.csv"]


def test_the_same_predictions_are_the_same_bytes(two_outputs):
    assert predictions.to_npz(two_outputs) == predictions.to_npz(two_outputs)
