"""Random Fourier features: products of them approach the kernel."""

import numpy as np
import pytest

from tfcli.declare import DeclarationError
from tfcli.engine.tensor import constant
from tfcli.models.layers.random_features import RandomFourierFeatures

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
DIFFERENCES = X[:, None] - X[None]


@pytest.mark.parametrize(
    ("kernel", "scale", "expected"),
    [
        ("gaussian", 2.0, np.exp(-(DIFFERENCES**2).sum(-1) / 8)),
        ("gaussian", None, np.exp(-(DIFFERENCES**2).sum(-1) / 3)),
        ("laplacian", 2.0, np.exp(-np.abs(DIFFERENCES).sum(-1) / 2)),
    ],
)
def test_products_approach_the_kernel(kernel, scale, expected):
    features = RandomFourierFeatures(20000, kernel, scale)(constant(X)).numpy()
    np.testing.assert_allclose(2 / 20000 * features @ features.T, expected, atol=0.03)


def test_the_scale_alone_can_be_trained():
    layer = RandomFourierFeatures(5, trainable=True)
    layer(constant(X))
    assert [weight.path.rpartition("/")[2] for weight in layer.trainable_weights] == ["kernel_scale"]
    fixed = RandomFourierFeatures(5)
    fixed(constant(X))
    assert fixed.trainable_weights == []


def test_an_initializer_gives_the_frequencies():
    layer = RandomFourierFeatures(2, {"type": "zeros"})
    features = layer(constant(X)).numpy()
    np.testing.assert_allclose(features, np.broadcast_to(features[0], (4, 2)))


def test_an_unknown_kernel_is_refused():
    with pytest.raises(DeclarationError, match="kernel_initializer"):
        RandomFourierFeatures(2, "gausian")
