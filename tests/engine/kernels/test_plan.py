"""The plan that runs compiled kernels: same results and effects as the one that runs in numpy."""

import threading

import numpy as np
import pytest

import tfcli as tf
from tfcli.engine.graph.executable import specialized
from tfcli.engine.kernels.plan import NativePlan
from tfcli.errors import TfcliError


@pytest.fixture(autouse=True)
def always(monkeypatch):
    monkeypatch.setenv("TFCLI_KERNELS", "always")


def plan_of(function, *arguments):
    concrete = function.get_concrete_function(*arguments)
    assert isinstance(concrete.plan, NativePlan)
    return concrete.plan


def test_a_chain_of_ops_gives_what_numpy_gives():
    function = tf.function(lambda x, y: tf.nn.relu(x * y + 1.0) - tf.exp(-x))
    x, y = np.random.default_rng(0).standard_normal((2, 7, 13)).astype("f4")
    plan_of(function, tf.constant(x), tf.constant(y))
    np.testing.assert_allclose(function(x, y), np.maximum(x * y + 1, 0) - np.exp(-x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 5), (3, 1), (5,), (), (1, 1), (3, 5)])
def test_inputs_broadcast(shape):
    function = tf.function(lambda x, y: x * 2.0 - y)
    x, y = np.arange(15, dtype="f4").reshape(3, 5), np.ones(shape, "f4") * 3
    np.testing.assert_array_equal(function(x, y), x * 2 - y)


def test_broadcasting_along_inner_and_outer_axes_at_once():
    function = tf.function(lambda x, y, z: (x + y) * z)
    random = np.random.default_rng(0)
    x, y, z = random.random((4, 1, 6, 1)), random.random((1, 3, 1, 9)), random.random((4, 3, 1, 1))
    np.testing.assert_allclose(function(x, y, z), (x + y) * z)


def test_an_empty_array_goes_through():
    function = tf.function(lambda x: x * 2.0 + 1.0)
    assert function(np.zeros((0, 3), "f4")).shape == (0, 3)


def test_a_variable_is_assigned_in_place_when_nobody_holds_its_array():
    variable = tf.Variable(np.zeros(4, "f4"))
    function = tf.function(lambda: variable.assign_add(np.ones(4, "f4")))
    function()
    array = variable.array
    address, array = array.ctypes.data, None
    function()
    assert variable.array.ctypes.data == address
    np.testing.assert_array_equal(variable.array, [2, 2, 2, 2])


def test_a_value_read_before_a_step_stays_what_it_was():
    variable = tf.Variable(np.zeros(4, "f4"))
    function = tf.function(lambda: variable.assign_add(np.ones(4, "f4")))
    function()
    before, view = variable.value(), variable.array[1:]
    function()
    np.testing.assert_array_equal(before, [1, 1, 1, 1])
    np.testing.assert_array_equal(view, [1, 1, 1])
    np.testing.assert_array_equal(variable, [2, 2, 2, 2])


def test_the_array_that_a_variable_was_made_of_is_never_written():
    array = np.zeros((2, 4), "f4")
    variable = tf.Variable(array[0])
    variable.array = array[0]
    tf.function(lambda: variable.assign_add(np.ones(4, "f4")))()
    np.testing.assert_array_equal(array, 0)


def test_an_array_held_before_the_first_run_is_not_written():
    variable = tf.Variable(np.zeros(4, "f4"))
    first = variable.array
    tf.function(lambda: variable.assign_add(np.ones(4, "f4")))()
    np.testing.assert_array_equal(first, 0)


def test_a_read_before_an_assignment_keeps_the_old_value():
    variable = tf.Variable(np.float32([1, 2, 3]))

    @tf.function
    def function():
        before = variable.value()
        variable.assign(before * 10.0)
        return before + 0.0, variable.value() + 0.0, before * variable.value()

    for expected in ([1, 2, 3], [10, 20, 30]):
        before, after, product = function()
        np.testing.assert_array_equal(before, expected)
        np.testing.assert_array_equal(after, np.multiply(expected, 10))
        np.testing.assert_array_equal(product, np.square(expected) * 10)


def test_an_old_value_is_kept_in_a_dtype_that_no_kernel_copies():
    variable = tf.Variable(np.array([1, 2], np.uint8))

    @tf.function
    def function():
        before = variable.value()
        variable.assign(before + before)
        return before, variable.value()

    before, after = function()
    np.testing.assert_array_equal(before, [1, 2])
    np.testing.assert_array_equal(after, [2, 4])


def test_a_variable_assigned_twice_has_both_values_in_turn():
    variable = tf.Variable(np.float32([1, 2]))

    @tf.function
    def function():
        first = variable.assign(variable * 3.0)
        between = variable.value()
        variable.assign(variable + 1.0)
        return first, between, variable.value()

    first, between, last = function()
    np.testing.assert_array_equal(first, [3, 6])
    np.testing.assert_array_equal(between, [3, 6])
    np.testing.assert_array_equal(last, [4, 7])


def test_two_variables_can_swap_their_values():
    a, b = tf.Variable(np.float32([1, 2])), tf.Variable(np.float32([3, 4]))

    @tf.function
    def swap():
        old = a.value()
        a.assign(b)
        b.assign(old)

    swap()
    np.testing.assert_array_equal(a, [3, 4])
    np.testing.assert_array_equal(b, [1, 2])


def test_a_reversed_variable_is_not_overwritten_while_it_is_read():
    variable = tf.Variable(np.arange(6, dtype="f4"))
    tf.function(lambda: variable.assign(variable[::-1] + variable))()
    np.testing.assert_array_equal(variable, [5] * 6)


def test_a_broadcast_variable_is_not_overwritten_while_it_is_read():
    variable = tf.Variable(np.float32([[1], [2]]))

    @tf.function
    def function():
        total = variable + np.float32([[10, 20, 30]])
        variable.assign(total[:, :1])
        return total

    np.testing.assert_array_equal(function(), [[11, 21, 31], [12, 22, 32]])
    np.testing.assert_array_equal(variable, [[11], [12]])


def test_what_is_returned_stays_when_the_function_runs_again():
    function = tf.function(lambda x: x + 1.0)
    first = function(np.zeros(3, "f4"))
    function(np.ones(3, "f4"))
    np.testing.assert_array_equal(first, [1, 1, 1])


def test_ops_without_a_kernel_run_among_the_others():
    function = tf.function(lambda x: tf.sort(x * 2.0) + tf.cast(tf.size(tf.unique(x)[0]), "float32"))
    np.testing.assert_array_equal(function(np.float32([3, 1, 1])), [4, 4, 8])


def test_unknown_sizes_are_filled_in_call_by_call():
    function = tf.function(lambda x: tf.reshape(x, [-1]) * 2.0, [tf.TensorSpec([None, 2], "float32")])
    for rows in (1, 3, 2):
        np.testing.assert_array_equal(function(np.ones((rows, 2), "f4")), [2.0] * 2 * rows)
    assert len(function.concrete_functions) == 1


def test_specialized_graphs_know_every_shape():
    function = tf.function(lambda x: tf.transpose(x) * 2.0, [tf.TensorSpec([None, 2], "float32")])
    concrete = function.get_concrete_function()
    graph, _ = specialized(concrete.graph, concrete._fetches, [(5, 2)])
    assert all(o.shape.is_fully_defined() for node in graph.nodes for o in node.outputs)


def test_calls_from_several_threads_do_not_disturb_each_other():
    function = tf.function(lambda x: tf.exp(tf.sin(x)) * 2.0)
    inputs = [np.full(5000, i, "f4") for i in range(8)]
    expected = [function(x).numpy() for x in inputs]
    wrong = []

    def work(i):
        for _ in range(30):
            if not np.array_equal(function(inputs[i]), expected[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_small_jobs_are_left_to_numpy(monkeypatch):
    monkeypatch.setenv("TFCLI_KERNELS", "auto")
    concrete = tf.function(lambda x: x + 1.0).get_concrete_function(tf.zeros([3]))
    assert not isinstance(concrete.plan, NativePlan)


def test_another_word_in_the_environment_is_refused(monkeypatch):
    monkeypatch.setenv("TFCLI_KERNELS", "yes")
    with pytest.raises(TfcliError, match="TFCLI_KERNELS is 'yes'; expected auto, always, never"):
        tf.function(lambda x: x + 1.0)(np.zeros(3, "f4"))
