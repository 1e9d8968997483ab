import numpy as np
import pytest

from tfcli.declare import DeclarationError
from tfcli.engine.function import function
from tfcli.engine.ops.random import RandomScope
from tfcli.engine.spec import TensorSpec
from tfcli.errors import ShapeError
from tfcli.models.layers.regularization import (
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)

ONES = np.ones((50, 20, 10), np.float32)
NOISY = [Dropout(0.3), SpatialDropout1D(0.3), GaussianNoise(0.3), GaussianDropout(0.3), AlphaDropout(0.3)]


def train(layer, x=ONES, seed=0):
    with RandomScope(seed):
        return layer(x, training=True).array


@pytest.mark.parametrize("layer", NOISY, ids=lambda layer: layer.type_name)
def test_noise_comes_in_training_alone(layer):
    np.testing.assert_array_equal(layer(ONES).array, ONES)
    assert (train(layer) != ONES).any()


@pytest.mark.parametrize("layer", NOISY, ids=lambda layer: layer.type_name)
def test_noise_comes_from_the_scope(layer):
    np.testing.assert_array_equal(train(layer, seed=1), train(layer, seed=1))
    assert (train(layer, seed=1) != train(layer, seed=2)).any()


@pytest.mark.parametrize("kind", [Dropout, SpatialDropout1D, GaussianNoise, GaussianDropout, AlphaDropout])
def test_a_seed_of_its_own_makes_a_layer_independent_of_draws_before_it(kind):
    layer = kind(0.3, seed=5)
    with RandomScope(0):
        Dropout(0.5)(ONES, training=True)
        after = layer(ONES, training=True).array
    np.testing.assert_array_equal(after, train(layer))


@pytest.mark.parametrize("kind", [Dropout, SpatialDropout1D, GaussianNoise, GaussianDropout, AlphaDropout])
def test_a_rate_of_zero_does_nothing(kind):
    np.testing.assert_array_equal(train(kind(0.0)), ONES)


@pytest.mark.parametrize(
    "layer", [Dropout(0.3), GaussianDropout(0.3), GaussianNoise(0.3)], ids=lambda layer: layer.type_name
)
def test_the_mean_stays(layer):
    assert train(layer).mean() == pytest.approx(1.0, abs=0.03)


def test_dropout_drops_at_its_rate_and_scales_the_rest():
    y = train(Dropout(0.25))
    assert (y == 0).mean() == pytest.approx(0.25, abs=0.02)
    np.testing.assert_allclose(y[y != 0], 1 / 0.75, rtol=1e-6)


def test_dropout_at_rate_one_drops_everything():
    assert not train(Dropout(1.0)).any()


def test_gaussian_dropout_has_the_variance_of_dropout():
    assert train(GaussianDropout(0.2)).std() == pytest.approx(0.5, abs=0.02)


def test_gaussian_noise_has_its_standard_deviation():
    assert train(GaussianNoise(0.2)).std() == pytest.approx(0.2, abs=0.01)


def test_alpha_dropout_keeps_mean_and_variance():
    x = np.random.default_rng(0).standard_normal((200, 100)).astype(np.float32)
    y = train(AlphaDropout(0.2), x)
    assert y.mean() == pytest.approx(0.0, abs=0.03)
    assert y.std() == pytest.approx(1.0, abs=0.03)


def test_alpha_dropout_shares_its_noise():
    y = train(AlphaDropout(0.5, noise_shape=[None, 1, None]))
    np.testing.assert_array_equal(y, np.repeat(y[:, :1], 20, axis=1))


@pytest.mark.parametrize("noise_shape", [[None, 1, None], [50, 1, 10]])
def test_dropout_shares_its_noise_along_axes_of_size_one(noise_shape):
    y = train(Dropout(0.5, noise_shape))
    np.testing.assert_array_equal(y, np.repeat(y[:, :1], 20, axis=1))
    assert 0 < (y == 0).mean() < 1


def test_dropout_refuses_a_noise_shape_that_does_not_broadcast():
    with pytest.raises(ShapeError, match="noise_shape"):
        Dropout(0.5, [None, 7, None])(ONES, training=True)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(SpatialDropout1D, (30, 4, 5)), (SpatialDropout2D, (30, 2, 2, 5)), (SpatialDropout3D, (30, 2, 1, 2, 5))],
)
def test_spatial_dropout_drops_whole_channels(layer, shape):
    y = train(layer(0.5), np.ones(shape, np.float32)).reshape(30, -1, 5)
    np.testing.assert_array_equal(y, np.repeat(y[:, :1], y.shape[1], axis=1))
    assert 0.3 < (y == 0).mean() < 0.7


def test_a_traced_layer_draws_the_numbers_of_an_eager_one():
    layer = Dropout(0.5, [None, 1, None])
    traced = function(lambda x: _trained(layer, x), [TensorSpec((None, 20, 10))])
    np.testing.assert_array_equal(traced(ONES).array, train(layer, seed=3))


def _trained(layer, x):
    with RandomScope(3):
        return layer(x, training=True)


@pytest.mark.parametrize("make", [lambda: Dropout(1.5), lambda: GaussianDropout(1.0), lambda: GaussianNoise(2.0)])
def test_rates_out_of_range_are_refused(make):
    with pytest.raises(DeclarationError, match="expected a number"):
        make()
