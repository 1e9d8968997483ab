import numpy as np
import pytest

from tfcli.declare import FieldError
from tfcli.engine.function import function
from tfcli.engine.spec import TensorSpec
from tfcli.engine.tensor import constant
from tfcli.errors import ShapeError
from tfcli.models.layers.core import Activation, Dense
from tfcli.models.layers.normalization import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    SpectralNormalization,
    UnitNormalization,
)

X = np.random.default_rng(0).normal(3.0, 2.0, (64, 5)).astype(np.float32)


def test_batch_normalization_follows_the_batch_with_its_momentum():
    layer = BatchNormalization(momentum=0.9)
    layer(X, training=True)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.1 * X.mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), 0.9 + 0.1 * X.var(0), rtol=1e-5)


def test_traced_batch_normalization_follows_the_batch_in_each_call():
    eager, traced = BatchNormalization(momentum=0.5), BatchNormalization(momentum=0.5)
    step = function(lambda x: traced(x, training=True), [TensorSpec((None, 5))])
    for part in (X[:20], X[20:]):
        np.testing.assert_allclose(step(part).array, eager(part, training=True).array, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(traced.moving_mean.numpy(), eager.moving_mean.numpy(), rtol=1e-6)


def test_frozen_batch_normalization_uses_and_keeps_its_averages():
    layer = BatchNormalization(trainable=False)
    y = layer(X, training=True)
    np.testing.assert_allclose(y.array, X / np.sqrt(1.001), rtol=1e-5)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), np.zeros(5))


def test_moving_averages_are_not_trainable():
    layer = BatchNormalization()
    layer(X)
    assert [w.name for w in layer.trainable_weights] == ["gamma", "beta"]
    assert [w.path for w in layer.non_trainable_weights] == [
        f"{layer.path}/moving_mean",
        f"{layer.path}/moving_variance",
    ]


def test_batch_normalization_ignores_what_the_mask_hides():
    x = np.stack([X[:4], X[4:8]])
    mask = np.array([[True, True, False, True], [True, False, False, False]])
    layer = BatchNormalization(momentum=0.0)
    layer(x, training=True, mask=constant(mask))
    np.testing.assert_allclose(layer.moving_mean.numpy(), x[mask].mean(0), rtol=1e-5)


def test_batch_normalization_refuses_a_mask_of_the_wrong_rank():
    with pytest.raises(ShapeError, match="one axis less"):
        BatchNormalization()(X, training=True, mask=constant(np.ones((64, 5), bool)))


def test_layer_normalization_makes_mean_zero_and_variance_one():
    y = LayerNormalization(epsilon=0.0)(X).array
    np.testing.assert_allclose(y.mean(1), 0, atol=1e-5)
    np.testing.assert_allclose(y.var(1), 1, rtol=1e-4)


def test_group_normalization_refuses_groups_that_do_not_divide_the_channels():
    with pytest.raises(ShapeError, match=r"5 channels .* 2 groups"):
        GroupNormalization(groups=2)(X)


def test_group_normalization_refuses_no_groups():
    with pytest.raises(FieldError, match="groups"):
        GroupNormalization(groups=0)


def test_group_normalization_takes_unknown_sizes():
    layer = GroupNormalization(groups=2)
    traced = function(lambda x: layer(x), [TensorSpec((None, None, 4))])
    x = X.reshape(8, 10, 4)
    np.testing.assert_allclose(traced(x).array, layer(x).array, rtol=1e-6)


def test_unit_normalization_keeps_zeros():
    np.testing.assert_array_equal(UnitNormalization()(np.zeros((2, 3), np.float32)).array, np.zeros((2, 3)))


def test_spectral_normalization_brings_the_largest_singular_value_to_one():
    layer = SpectralNormalization(Dense(4), power_iterations=30)
    layer(X, training=True)
    assert np.linalg.svd(layer.kernel.numpy())[1][0] == pytest.approx(1.0, rel=1e-3)


def test_spectral_normalization_leaves_a_kernel_of_zeros():
    layer = SpectralNormalization(Dense(4, kernel_initializer="zeros"))
    assert np.isfinite(layer(X, training=True).array).all()
    assert not layer.kernel.numpy().any()


def test_spectral_normalization_changes_nothing_in_prediction():
    layer = SpectralNormalization(Dense(4))
    layer(X)
    before = layer.kernel.numpy()
    layer(X)
    np.testing.assert_array_equal(layer.kernel.numpy(), before)


def test_spectral_normalization_names_weights_as_the_layers_own():
    layer = SpectralNormalization(Dense(4), name="s")
    layer(X)
    assert [w.path for w in layer.weights] == ["s/kernel", "s/vector_u", "s/bias"]


def test_spectral_normalization_refuses_a_layer_without_a_kernel():
    with pytest.raises(ShapeError, match="`activation` has none"):
        SpectralNormalization(Activation("relu"))(X)
