"""When a graph is compiled."""

import numpy as np
import pytest

import tfcli as tf
from tfcli.engine.graph import executable
from tfcli.engine.graph.execute import Plan


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
