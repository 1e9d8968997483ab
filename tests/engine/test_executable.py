"""When a graph is compiled."""

import numpy as np
import pytest

import tfcli as tf
from tfcli.engine.graph import executable
from tfcli.engine.graph.execute import Plan
from tfcli.engine.graph.small import blas_threads, one_thread


@pytest.fixture(autouse=True)
def auto(monkeypatch, tmp_path):
    monkeypatch.setenv("TFCLI_KERNELS", "auto")
    monkeypatch.setenv("TFCLI_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(executable, "WORTH_COMPILING", 1e-3)


X = tf.constant(np.linspace(-1, 1, 12, dtype="f4").reshape(3, 4))


def run_until_compiled(traced, most=1000):
    """How many runs in numpy came before the first that was compiled; None where there was none."""
    for count in range(most):
        traced(X)
        if not isinstance(traced.plan, Plan):
            return count
    return None


def test_what_changes_nothing_is_compiled_once_that_would_have_paid():
    traced = tf.function(lambda x: tf.tanh(x) * 2.0).get_concrete_function(X)
    before = traced(X)
    assert run_until_compiled(traced) > 10
    np.testing.assert_allclose(traced(X), before, rtol=1e-6)


def test_each_shape_waits_by_itself():
    function = tf.function(lambda x: tf.tanh(x) * 2.0, input_signature=[tf.TensorSpec((None, 4), tf.float32)])
    for rows in (1, 3, 3, 700):
        x = X[:rows] if rows < 4 else tf.zeros((rows, 4))
        for _ in range(400):
            np.testing.assert_allclose(function(x), np.tanh(x) * 2.0, rtol=1e-6)


def test_what_changes_a_variable_keeps_to_its_way():
    total = tf.Variable(np.zeros((3, 4), "f4"))
    traced = tf.function(lambda x: total.assign_add(x)).get_concrete_function(X)
    assert run_until_compiled(traced) is None


@pytest.mark.skipif(blas_threads() is None, reason="numpy brings no OpenBLAS here")
def test_a_small_graph_takes_one_thread_and_leaves_the_others_to_whoever_comes_next(monkeypatch):
    monkeypatch.setattr(executable, "WORTH_COMPILING", 10.0)
    seen = []

    def product(x):
        seen.append(blas_threads())
        return x @ x

    x = tf.ones((64, 64))
    function = tf.function(lambda x: tf.numpy_function(product, [tf.matmul(x, x)], x.spec))
    before = blas_threads()
    np.testing.assert_array_equal(function(x), np.full((64, 64), 64.0**3))
    assert seen == [1]
    assert blas_threads() == before


@pytest.mark.skipif(blas_threads() is None, reason="numpy brings no OpenBLAS here")
def test_one_thread_within_one_thread():
    before = blas_threads()
    with one_thread():
        with one_thread():
            assert blas_threads() == 1
        assert blas_threads() == 1
    assert blas_threads() == before
