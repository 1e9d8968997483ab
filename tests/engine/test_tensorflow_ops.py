"""Families under TensorFlow's names: identities that hold, and what is said of mistakes."""

import math

import numpy as np
import pytest

import tfcli as tf
from tfcli.engine.gradcheck import check_gradients
from tfcli.engine.ops.elementary import erf_array
from tfcli.errors import DataError, DtypeError, ShapeError, TfcliError

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(2, 16))


@pytest.mark.parametrize(("dtype", "error"), [("float64", 1e-15), ("float32", 5e-7)])
def test_erf_is_maths(dtype, error):
    x = np.linspace(-7, 7, 2001).astype(dtype)
    assert np.abs(erf_array(x) - [math.erf(v) for v in x]).max() <= error


@pytest.mark.parametrize("x", [0.1, 0.5, 1.0, 3.7, 50.0, -0.5, -2.3])
def test_lgamma_is_maths(x):
    assert float(tf.math.lgamma(np.float64(x))) == pytest.approx(math.lgamma(x), rel=1e-12, abs=1e-13)


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda q: tf.math.zeta(np.float64(2.5), q), [1.0, 0.7]),
        (lambda x: tf.math.polygamma(np.float64(2.0), x), [0.8, 2.3]),
        (lambda x: tf.math.igamma(np.float64(2.0), x), [0.3, 6.0]),
        (lambda x: tf.math.igammac(np.float64(2.0), x), [0.3, 6.0]),
        (lambda x: tf.math.cumulative_logsumexp(x, exclusive=True)[1:], [0.3, -1.0, 2.0]),
        (lambda x: tf.abs(tf.signal.stft(x, 8, 4)) ** 2, X[0]),
        (lambda x: tf.signal.irfft(tf.complex(x, x * x)), X[0, :5]),
        (lambda x: tf.math.real(tf.signal.fft(tf.complex(x, x) * tf.complex(x * x, x))), X[0, :4]),
        (lambda x: tf.math.angle(tf.complex(x, x * x)), X[0, :4]),
        (lambda x: tf.linalg.lstsq(x, np.ones((3, 1))), RANDOM.normal(size=(3, 2))),
        (lambda x: tf.linalg.pinv(x), RANDOM.normal(size=(3, 2))),
        (lambda x: tf.nn.local_response_normalization(x, 1, 1.5, 0.3, 0.7), RANDOM.normal(size=(1, 2, 1, 3))),
    ],
)
def test_gradients(function, x):
    assert check_gradients(function, [np.asarray(x)], order=1) is None


def test_a_signal_survives_its_transforms():
    stft = tf.signal.stft(X, 8, 4)
    back = tf.signal.inverse_stft(stft, 8, 4, window_fn=tf.signal.inverse_stft_window_fn(4))
    np.testing.assert_allclose(back.numpy()[:, 4:12], X[:, 4:12], atol=1e-7)
    np.testing.assert_allclose(tf.signal.idct(tf.signal.dct(X, norm="ortho"), norm="ortho").numpy(), X, atol=1e-12)


def test_decompositions_give_their_matrix_back():
    a = RANDOM.normal(size=(2, 4, 3))
    s, u, v = tf.linalg.svd(a)
    np.testing.assert_allclose((u * s[:, None] @ tf.linalg.matrix_transpose(v)).numpy(), a, atol=1e-12)
    q, r = tf.linalg.qr(a)
    np.testing.assert_allclose((q @ r).numpy(), a, atol=1e-12)
    np.testing.assert_allclose(tf.linalg.expm(np.diag([0.0, 1.0])).numpy(), np.diag([1.0, math.e]), atol=1e-12)


def test_space_and_batch_are_inverse():
    x = RANDOM.normal(size=(2, 4, 6, 4))
    np.testing.assert_array_equal(tf.nn.depth_to_space(tf.nn.space_to_depth(x, 2), 2).numpy(), x)
    spread = tf.space_to_batch(x, [2, 3], [[0, 0], [0, 0]])
    np.testing.assert_array_equal(tf.batch_to_space(spread, [2, 3], [[0, 0], [0, 0]]).numpy(), x)


def test_generators_go_on_from_their_state():
    first = tf.random.Generator.from_seed(1)
    first.normal([3])
    other = tf.random.Generator.from_state(first.state)
    np.testing.assert_array_equal(first.uniform([4]).numpy(), other.uniform([4]).numpy())
    one, two = tf.random.Generator.from_seed(1).split(2)
    assert not np.array_equal(one.normal([4]).numpy(), two.normal([4]).numpy())


def test_gamma_and_poisson_have_their_means():
    assert float(tf.reduce_mean(tf.random.gamma([20000], 3.0, 2.0, seed=1))) == pytest.approx(1.5, abs=0.03)
    assert float(tf.reduce_mean(tf.random.poisson([20000], 4.0, seed=1))) == pytest.approx(4.0, abs=0.06)


def test_texts_are_bytes():
    assert tf.constant("hé").numpy() == "hé".encode()
    assert int(tf.strings.length("hé", unit="UTF8_CHAR")) == 2
    assert tf.strings.split("a  b").numpy().tolist() == [b"a", b"b"]
    assert tf.strings.lower(["AB"]).numpy().tolist() == [b"ab"]


def test_print_runs_each_time(capsys):
    traced = tf.function(lambda x: tf.print("x is", x, [x]))
    traced(tf.constant([1, 2]))
    traced(tf.constant([3, 4]))
    assert capsys.readouterr().err == "x is [1 2] [[1 2]]\nx is [3 4] [[3 4]]\n"


def test_python_in_graphs():
    spec = tf.TensorSpec((2,), tf.float32)
    traced = tf.function(lambda x: tf.numpy_function(np.sort, [x], spec) * 2.0)
    assert traced(tf.constant([2.0, 1.0])).numpy().tolist() == [2.0, 4.0]
    with pytest.raises(TfcliError, match="give Tout as"):
        tf.function(lambda x: tf.numpy_function(np.sort, [x], tf.float32))(tf.constant([1.0]))


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: tf.linalg.inv(np.ones((2, 3))), ShapeError, "expected square matrices"),
        (lambda: tf.linalg.inv(np.zeros((2, 2))), TfcliError, "singular"),
        (lambda: tf.linalg.solve(np.eye(2), np.ones(2)), ShapeError, "expand_dims"),
        (lambda: tf.linalg.cholesky([[1, 0], [0, 1]]), DtypeError, "tf.cast"),
        (lambda: tf.bitwise.bitwise_and(1.0, 2.0), DtypeError, "expected integers"),
        (lambda: tf.signal.fft([1.0]), DtypeError, "tf.complex"),
        (lambda: tf.strings.lower([1]), DtypeError, "expected a string tensor"),
        (lambda: tf.strings.split(["a", "b c"]), ShapeError, "one text at a time"),
        (lambda: tf.strings.to_number("one"), DataError, "not a number"),
        (lambda: tf.nn.conv2d(np.ones((1, 3, 3, 1)), np.ones((2, 2, 1, 1)), 1, "SAME", "NCHW"), TfcliError, "NHWC"),
        (lambda: tf.nn.bias_add([[1.0, 2.0]], [1.0]), ShapeError, "one entry a channel"),
        (lambda: tf.math.lgamma(1), DtypeError, "floating"),
        (lambda: tf.unique([[1]]), ShapeError, "expected a vector"),
        (lambda: tf.ensure_shape([1, 2], [3]), ShapeError, "not \\(3,\\)"),
        (lambda: tf.debugging.assert_equal([1], [2], "sizes"), TfcliError, "sizes; assert_equal"),
        (lambda: tf.debugging.assert_rank([1], 2), ShapeError, "expected 2 axes"),
        (lambda: tf.debugging.check_numerics([np.nan], "loss"), TfcliError, "loss.*nan"),
        (lambda: tf.debugging.assert_shapes([([1], ("n",)), ([1, 2], ("n",))]), ShapeError, "n is 1"),
        (lambda: tf.repeat([1, 2], [1, 2, 3]), ShapeError, "3 repeats"),
        (lambda: tf.random.gamma([1], [1]).dtype and tf.random.stateless_normal([1], [1]), ShapeError, "two integers"),
    ],
)
def test_mistakes_are_explained(make, kind, message):
    with pytest.raises(kind, match=message):
        make()
