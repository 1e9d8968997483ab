"""Softmax, its kin and its losses by kernels against numpy."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from kernel_harness import LANES, assert_as_numpy, faults_of, is_lowered

import tfcli.engine.kernels.losses
import tfcli.engine.kernels.rows  # noqa: F401
from tfcli.engine.ops import nn
from tfcli.engine.ops import reduce as r

random = np.random.default_rng(5)
WIDTHS = [1, 3, 7, 8, 10, 17, 65, 130]


def normal(*shape: int) -> np.ndarray:
    return random.normal(0, 2, shape).astype(np.float32)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "op", [nn.Softmax(-1), nn.LogSoftmax(1), r.ReduceLogsumexp((1,)), r.ReduceLogsumexp((1,), True)]
)
def test_rows_agree_with_numpy(op, width, lanes):
    assert_as_numpy(op, normal(13, width), lanes=lanes)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("op", [nn.Softmax(-1), nn.LogSoftmax(1), r.ReduceLogsumexp((1,))])
def test_nan_and_infinity_come_out_as_in_numpy(op, lanes):
    x = normal(9, 19)
    x[0, 18], x[1, 3], x[2, 0], x[3] = np.nan, np.inf, -np.inf, -np.inf
    x[4], x[5, 2:4] = 1e30, np.inf
    assert_as_numpy(op, x, lanes=lanes, scale=1.0)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("width", WIDTHS)
def test_gradients_agree_with_numpy(width, lanes):
    g, x = normal(13, width), normal(13, width)
    assert_as_numpy(nn.SoftmaxGrad(-1), g, nn.Softmax(-1).forward(x), lanes=lanes)
    assert_as_numpy(nn.LogSoftmaxGrad(-1), g, nn.LogSoftmax(-1).forward(x), lanes=lanes)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("width", WIDTHS)
def test_crossentropy_with_weights_agrees_with_numpy(width, lanes):
    labels = np.abs(normal(2, 9, width))
    assert_as_numpy(nn.SoftmaxCrossEntropyWithLogits(), labels, normal(2, 9, width), lanes=lanes)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8])
@pytest.mark.parametrize("width", WIDTHS)
def test_crossentropy_with_classes_agrees_with_numpy(width, dtype, lanes):
    labels, logits, g = random.integers(0, width, (3, 7)).astype(dtype), normal(3, 7, width), normal(3, 7)
    assert_as_numpy(nn.SparseSoftmaxCrossEntropyWithLogits(), labels, logits, lanes=lanes)
    assert_as_numpy(nn.SparseSoftmaxCrossEntropyGrad(), g, labels, logits, lanes=lanes)


@pytest.mark.parametrize(("label", "wrong"), [(-1, True), (0, False), (4, False), (5, True)])
def test_a_label_that_is_no_class_is_a_fault(label, wrong):
    labels = np.array([1, label, 2])
    assert faults_of(nn.SparseSoftmaxCrossEntropyWithLogits(), labels, normal(3, 5), lanes=8) == wrong


def test_no_rows_are_no_work():
    assert is_lowered(nn.Softmax(-1), normal(0, 5))


def test_other_axes_are_left_to_numpy():
    assert not is_lowered(nn.Softmax(0), normal(4, 5))


def test_float64_agrees_with_numpy():
    assert_as_numpy(nn.Softmax(-1), normal(5, 21).astype(np.float64), lanes=8, tolerance=1e-14)
