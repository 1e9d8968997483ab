"""@function: when it traces, what its arguments and results may be, and how it ends."""

import gc
import logging
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import tfcli as tf
from tfcli.errors import ShapeError, TfcliError


def test_it_traces_once_for_dtype_shape_and_python_value():
    f = tf.function(lambda x, scale=2.0: x * scale)
    x = tf.constant([1.0])
    for call in (lambda: f(x), lambda: f(x, 2.0), lambda: f(x=x), lambda: f(np.ones(1, np.float32), scale=2.0)):
        call()
    assert f.experimental_get_tracing_count() == 1
    f(x, 3.0)
    f(tf.constant([1.0, 2.0]))
    f(tf.constant([np.float64(1.0)]))
    assert f.experimental_get_tracing_count() == 4


def test_an_input_signature_gives_one_trace_and_checks():
    f = tf.function(lambda x: x * 2.0, input_signature=[tf.TensorSpec([None, 2])])
    assert f([[1.0, 2.0]]).shape == (1, 2)
    assert f(np.ones((3, 2), np.float32)).shape == (3, 2)
    assert f.experimental_get_tracing_count() == 1
    with pytest.raises(ShapeError, match=r"argument 1 has the shape \(3,\), not \(None, 2\)"):
        f([1.0, 2.0, 3.0])


def test_a_concrete_function_serves_all_shapes_that_fit():
    f = tf.function(lambda x: tf.reduce_sum(x))
    concrete = f.get_concrete_function(tf.TensorSpec([None], name="values"))
    assert float(concrete(values=[1.0, 2.0])) == float(f(tf.constant([1.0, 2.0]))) == 3.0
    assert f.experimental_get_tracing_count() == 1
    with pytest.raises(TfcliError, match="takes values; came other"):
        concrete(other=1.0)


def test_reduce_retracing_leaves_changing_sizes_open():
    f = tf.function(lambda x: x + 1.0, reduce_retracing=True)
    for n in range(1, 6):
        assert f(tf.zeros([n])).shape == (n,)
    assert f.experimental_get_tracing_count() == 2


def test_excessive_retracing_is_logged_once(caplog):
    f = tf.function(lambda x, n: x * n)
    with caplog.at_level(logging.WARNING, "tfcli"):
        for n in range(9):
            f(tf.constant(1.0), float(n))
    assert [r.getMessage()[:24] for r in caplog.records] == ["5 out of the last 5 call"]


def test_variables_are_made_in_the_first_trace_only():
    made = []

    @tf.function
    def f(x):
        if not made:
            made.append(tf.Variable(tf.ones([2]) * 3.0))
        return x * made[0]

    assert f(tf.constant(2.0)).numpy().tolist() == [6.0, 6.0]
    again = tf.function(lambda x: tf.Variable(1.0) + x)
    with pytest.raises(TfcliError, match="in its first call only"):
        again(tf.constant(1.0))


def test_variables_are_read_and_assigned_in_program_order():
    v = tf.Variable(1.0)

    @tf.function
    def f(x):
        before = v * 1.0
        v.assign(x)
        middle = v * 1.0
        v.assign_add(1.0)
        return before, middle, v

    assert [float(t) for t in f(tf.constant(5.0))] == [1.0, 5.0, 6.0]


class Counter:
    def __init__(self):
        self.total = tf.Variable(0.0)

    @tf.function
    def add(self, x):
        return self.total.assign_add(x)


def test_methods_belong_to_their_instance_and_end_with_it():
    a, b = Counter(), Counter()
    a.add(tf.constant(1.0))
    b.add(tf.constant(5.0))
    assert (float(a.total), float(b.total)) == (1.0, 5.0)
    gone = weakref.ref(a)
    del a
    gc.collect()
    assert gone() is None


def test_an_inner_function_is_traced_once_and_sees_values_around_it():
    traces = []

    @tf.function
    def inner(x):
        traces.append(1)
        return x * x

    assert float(tf.function(lambda x: inner(x) + inner(x + 1.0))(tf.constant(2.0))) == 13.0
    assert len(traces) == 1
    assert float(tf.function(lambda x: tf.function(lambda: x * 3.0)())(tf.constant(2.0))) == 6.0


def test_structures_functions_and_none_come_back():
    f = tf.function(lambda d, g: {"a": g(d["x"]), "b": (None, 7)})
    found = f({"x": tf.constant(2.0)}, lambda x: x * 3.0)
    assert (float(found["a"]), found["b"][0], int(found["b"][1])) == (6.0, None, 7)


def test_gradients_reach_tensors_that_a_function_closes_over():
    c = tf.constant(3.0)
    f = tf.function(lambda x: x * c)
    with tf.GradientTape() as tape:
        tape.watch(c)
        y = f(tf.constant(2.0))
    assert float(tape.gradient(y, c)) == 2.0


def test_an_error_while_tracing_leaves_nothing_behind():
    @tf.function
    def f(x):
        with tf.GradientTape():
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        f(tf.constant(1.0))
    assert tf.executing_eagerly()
    assert f.experimental_get_tracing_count() == 0


def test_threads_share_one_trace():
    f = tf.function(lambda x: x * 2.0)
    found = []
    threads = [threading.Thread(target=lambda n=n: found.append(float(f(tf.constant(float(n)))))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [2.0 * n for n in range(8)]
    assert f.experimental_get_tracing_count() == 1


def test_a_traced_loop_keeps_no_memory():
    v = tf.Variable(tf.zeros([100]))

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(v - x))
        v.assign_sub(tape.gradient(loss, v) * 0.1)
        return loss

    x = tf.ones([100])
    for _ in range(20):
        step(x)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(500):
        step(x)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 20_000


def test_a_recorded_call_is_one_node_with_the_gradients_of_its_ops():
    table, scale, calls = tf.Variable(np.ones((4, 3), np.float32)), tf.Variable(2.0), tf.Variable(0.0)

    @tf.function
    def f(x, rows):
        calls.assign_add(1.0)
        return {"y": tf.reduce_sum(tf.gather(table, rows) * x) * scale, "rows": rows}

    x, rows = tf.constant([1.0, 2.0, 3.0]), tf.constant([1, 1])
    found = []
    for function in (f, f.python_function):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            y = function(x, rows)["y"]
        found.append([np.asarray(g) for g in tape.gradient(y, [x, table, scale])])
        assert len([n for n in tape._nodes if n.op.name == "f_backward"]) == (1 if function is f else 0)
    for traced, eager in zip(*found, strict=True):
        np.testing.assert_allclose(traced, eager, rtol=1e-6)
    assert float(calls) == 2
