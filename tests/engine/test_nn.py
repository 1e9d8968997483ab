"""Softmax, losses, normalization, activations and dropout against their formulas."""

import math

import numpy as np
import pytest

from tfcli.engine.ops import nn
from tfcli.engine.ops.random import RandomScope
from tfcli.errors import DataError, DtypeError, ShapeError

X = np.linspace(-4, 4, 33)


def test_softmax_of_large_logits():
    np.testing.assert_allclose(nn.softmax([1000.0, 1000.0]).numpy(), [0.5, 0.5])
    np.testing.assert_allclose(nn.log_softmax([0.0, -1000.0]).numpy(), [0, -1000])
    np.testing.assert_array_equal(nn.softmax([0.0, -np.inf]).numpy(), [1, 0])


def test_softmax_along_another_axis():
    x = np.random.default_rng(0).standard_normal((2, 3))
    np.testing.assert_allclose(nn.softmax(x, axis=0).numpy().sum(axis=0), 1)
    with pytest.raises(ShapeError, match="axis 2"):
        nn.softmax(x, axis=2)


def test_cross_entropies_agree():
    logits = np.random.default_rng(0).standard_normal((4, 3))
    labels = np.array([2, 0, 1, 1])
    expected = -np.log(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))[np.arange(4), labels]
    dense = np.eye(3)[labels]
    np.testing.assert_allclose(nn.sparse_softmax_cross_entropy_with_logits(labels, logits).numpy(), expected)
    np.testing.assert_allclose(nn.softmax_cross_entropy_with_logits(dense, logits).numpy(), expected)
    np.testing.assert_allclose(nn.softmax_cross_entropy_with_logits(dense.T, logits.T, axis=0).numpy(), expected)


def test_sigmoid_cross_entropy_of_large_logits():
    labels, logits = np.array([0.0, 1.0, 0.3]), np.array([-1000.0, 0.0, 1000.0])
    np.testing.assert_allclose(
        nn.sigmoid_cross_entropy_with_logits(labels, logits).numpy(), [0, math.log(2), 700], atol=1e-12
    )


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_that_is_no_class_is_named(label):
    with pytest.raises(DataError, match=f"label {label} with 3 classes; labels are 0 … 2"):
        nn.sparse_softmax_cross_entropy_with_logits([0, label], np.zeros((2, 3)))


def test_losses_check_their_inputs():
    with pytest.raises(ShapeError, match=r"\(2, 1\).*\(2, 3\)"):
        nn.softmax_cross_entropy_with_logits(np.zeros((2, 1)), np.zeros((2, 3)))
    with pytest.raises(ShapeError, match="without the last axis"):
        nn.sparse_softmax_cross_entropy_with_logits([[1], [2]], np.zeros((2, 3)))
    with pytest.raises(DtypeError, match="integer labels"):
        nn.sparse_softmax_cross_entropy_with_logits([1.0, 2.0], np.zeros((2, 3)))


@pytest.mark.parametrize("axes", [(-1,), (0, 1), (0, 2), (0, 1, 2)])
def test_normalize(axes):
    x = np.random.default_rng(0).standard_normal((3, 4, 5)) * 3 + 2
    y, mean, variance = (t.numpy() for t in nn.normalize(x, axes, 0.01))
    np.testing.assert_allclose(mean, x.mean(axes, keepdims=True))
    np.testing.assert_allclose(variance, x.var(axes, keepdims=True))
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(variance + 0.01))


def test_batch_and_layer_normalization_agree_with_their_parts():
    x = np.random.default_rng(0).standard_normal((6, 4))
    mean, variance = nn.moments(x, 0)
    assert mean.shape == (4,)
    scale, offset = np.arange(4.0), np.ones(4)
    expected = nn.normalize(x, 0, 0.1)[0].numpy() * scale + offset
    np.testing.assert_allclose(nn.batch_normalization(x, mean, variance, offset, scale, 0.1).numpy(), expected)
    expected = nn.normalize(x, 1, 0.1)[0].numpy() * scale + offset
    np.testing.assert_allclose(nn.layer_normalization(x, scale, offset, -1, 0.1).numpy(), expected)


def test_l2_normalize():
    np.testing.assert_allclose(
        nn.l2_normalize([[3.0, 4.0], [0.0, 0.0]], axis=1).numpy(), [[0.6, 0.8], [0, 0]], rtol=1e-6
    )


normal_cdf = np.array([0.5 * (1 + math.erf(v / math.sqrt(2))) for v in X])


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (nn.leaky_relu, np.where(X > 0, X, 0.2 * X)),
        (nn.elu, np.where(X > 0, X, np.exp(X) - 1)),
        (nn.selu, 1.05070098 * np.where(X > 0, X, 1.67326324 * (np.exp(X) - 1))),
        (nn.gelu, X * normal_cdf),
        (nn.silu, X / (1 + np.exp(-X))),
        (nn.softsign, X / (1 + np.abs(X))),
    ],
)
def test_activations(activation, expected):
    np.testing.assert_allclose(activation(X).numpy(), expected, rtol=1e-7, atol=1e-12)


def test_approximate_gelu_is_near_the_exact():
    np.testing.assert_allclose(nn.gelu(X, approximate=True).numpy(), nn.gelu(X).numpy(), atol=1e-3)


def test_relu6():
    np.testing.assert_array_equal(nn.relu6([-1.0, 3.0, 8.0]).numpy(), [0, 3, 6])


def test_dropout_scales_what_it_keeps():
    with RandomScope(0, 0):
        y = nn.dropout(np.ones((100, 100), np.float32), 0.25).numpy()
    np.testing.assert_allclose(np.unique(y), [0, 1 / 0.75])
    assert y.mean() == pytest.approx(1, abs=0.03)


def test_dropout_with_a_noise_shape_drops_whole_rows():
    with RandomScope(0, 0):
        y = nn.dropout(np.ones((50, 7)), 0.5, noise_shape=(None, 1)).numpy()
    assert set(y.sum(axis=1)) == {0, 14}
    with pytest.raises(ShapeError, match="noise_shape"):
        nn.dropout(np.ones((50, 7)), 0.5, noise_shape=(3, 1))


def test_dropout_of_rate_0_is_the_input():
    x = nn.softmax([1.0, 2.0])
    assert nn.dropout(x, 0.0) is x
