import numpy as np
import pytest

from tfcli.models.losses.probabilistic import BinaryCrossentropy, SparseCategoricalCrossentropy
from tfcli.models.losses.regression import MeanSquaredError
from tfcli.models.trainer import Head
from tfcli.runner.outcomes import Classified, Measured, outcome


def head(loss):
    return Head("out", "y", loss, 1.0, [], "")


def test_classes_with_names_and_a_matrix():
    output = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1]])
    found = outcome(head(SparseCategoricalCrossentropy()), np.array([0, 1, 2]), output, ["a", "b", "c"])
    assert isinstance(found, Classified)
    assert found.matrix.tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0]]
    assert found.badness == pytest.approx([0.3, 0.2, 0.9])
    assert [name for name, _, _ in found.questions()] == ["a", "b", "c"]


def test_one_hot_labels_are_classes():
    output = np.array([[0.7, 0.3], [0.4, 0.6]])
    found = outcome(head(SparseCategoricalCrossentropy()), np.eye(2), output, None)
    assert found.true.tolist() == [0, 1]


def test_a_single_probability_asks_one_question():
    found = outcome(head(BinaryCrossentropy(from_logits=True)), np.array([[1], [0]]), np.array([[2.0], [1.0]]), None)
    assert found.predicted.tolist() == [1, 1]
    ((name, yes, probability),) = found.questions()
    assert (name, yes.tolist()) == ("1", [True, False])
    assert probability == pytest.approx(1 / (1 + np.exp([-2.0, -1.0])))


def test_several_things_of_each_example_stand_one_after_the_other_without_ignored_labels():
    output = np.full((2, 3, 4), [0.1, 0.2, 0.3, 0.4])
    labels = np.array([[3, 3, -1], [0, 3, -1]])
    found = outcome(head(SparseCategoricalCrossentropy(ignore_class=-1)), labels, output, None)
    assert found.each == 3
    assert found.true.tolist() == [3, 3, 0, 3]


def test_amounts():
    found = outcome(head(MeanSquaredError()), np.array([1.0, 2.0]), np.array([[1.5], [1.0]]), None)
    assert isinstance(found, Measured)
    assert found.badness.tolist() == [0.5, 1.0]


def test_outputs_that_are_neither_are_left_out():
    assert outcome(head(MeanSquaredError()), np.zeros((2, 3)), np.zeros((2, 5)), None) is None
