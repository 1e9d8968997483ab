"""tf.Module."""

import pytest

import tfcli as tf


class Linear(tf.Module):
    def __init__(self, size, name=None):
        super().__init__(name=name)
        self.kernel, self.bias = tf.Variable(tf.zeros([size, size])), tf.Variable(tf.zeros([size]))
        self.count = tf.Variable(0, trainable=False)


class Stack(tf.Module):
    def __init__(self):
        super().__init__()
        self.layers = [Linear(2), Linear(3)]
        self.named = {"shared": self.layers[0], "scale": tf.Variable(1.0)}
        self.dense = tf.keras.layers.Dense(2)


def test_variables_are_found_once_in_the_order_of_their_names():
    linear = Linear(2)
    assert linear.variables == (linear.bias, linear.count, linear.kernel)
    assert linear.trainable_variables == (linear.bias, linear.kernel)
    assert linear.non_trainable_variables == (linear.count,)


def test_modules_inside_lists_dicts_and_layers():
    stack = Stack()
    stack.dense(tf.zeros([1, 4]))
    assert stack.submodules == (stack.dense, *stack.layers)
    assert len(stack.variables) == 2 + 3 + 3 + 1
    assert len(stack.trainable_variables) == 2 + 2 + 2 + 1


def test_names():
    assert Linear(1).name == "linear"
    assert Linear(1, name="first").name == "first"
    with pytest.raises(tf.errors.TfcliError, match="must be a Python identifier"):
        Linear(1, name="a b")


def test_a_module_without_init_has_a_name():
    class Bare(tf.Module):
        def __init__(self):
            self.v = tf.Variable(1.0)

    assert Bare().name == "bare"
    assert len(Bare().variables) == 1


def test_what_a_method_makes_is_named_below_the_module():
    class Maker(tf.Module):
        @tf.Module.with_name_scope
        def make(self):
            return tf.identity(tf.constant(1.0)).name

    with tf.Graph().as_default():
        assert Maker(name="maker").make().startswith("maker/")


def test_traced_methods_of_a_module():
    class Counter(tf.Module):
        def __init__(self):
            super().__init__()
            self.n = tf.Variable(0)

        @tf.function
        def step(self):
            return self.n.assign_add(1)

    counter = Counter()
    assert [int(counter.step()) for _ in range(3)] == [1, 2, 3]
    assert counter.variables == (counter.n,)
