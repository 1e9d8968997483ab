"""What is saved runs without the code that made it: the same results, gradients and effects."""

from collections import namedtuple

import numpy as np
import pytest

import tfcli as tf

X = np.arange(12, dtype=np.float32).reshape(4, 3) / 10

Pair = namedtuple("Pair", "first second")


class Everything(tf.Module):
    def __init__(self) -> None:
        super().__init__(name="everything")
        self.kernel = tf.Variable([[1.0, 2.0], [0.5, -1.0], [0.0, 3.0]], name="w")
        self.calls = tf.Variable(0, trainable=False)
        self.parts = {"scale": tf.Variable(2.0)}

    @tf.function(input_signature=[tf.TensorSpec([None, 3], name="x")])
    def __call__(self, x):
        self.calls.assign_add(1)
        return {"y": tf.matmul(x, self.kernel) * self.parts["scale"]}

    @tf.function
    def powered(self, x, times=2, negate=False):
        y = tf.cond(tf.reduce_sum(x) > 0, lambda: x * self.parts["scale"], lambda: -x)
        _, z = tf.while_loop(lambda i, a: i < times, lambda i, a: [i + 1, a * a], [tf.constant(0), y])
        return -z if negate else z

    @tf.function
    def running(self, x):
        return tf.scan(lambda total, row: total * self.parts["scale"] + row, x)

    @tf.function
    def structured(self, given, mode="sum"):
        first, (second, third) = given["a"], given["b"]
        return Pair([first + second, None], {"mode": mode, "third": third * 2.0})


@pytest.fixture
def module() -> Everything:
    return Everything()


def loaded(module, directory):
    tf.saved_model.save(module, directory)
    return tf.saved_model.load(directory)


def gradients(module, function, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(function(x))
    return tape.gradient(total, [x, module.kernel, module.parts["scale"]])


@pytest.mark.parametrize("name", ["__call__", "powered", "running"])
def test_results_and_gradients_are_equal(module, tmp_path, name):
    def first_of(function):
        return lambda x: result["y"] if isinstance(result := function(x), dict) else result

    x = tf.constant(X)
    own = first_of(getattr(module, name))
    expected = own(x).numpy(), gradients(module, own, x)
    again = loaded(module, tmp_path / "m")
    function = first_of(vars(again)[name])
    np.testing.assert_array_equal(function(x).numpy(), expected[0])
    for found, wanted in zip(gradients(again, function, x), expected[1], strict=True):
        assert (found is None) == (wanted is None)
        if found is not None:
            np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-6)


def test_second_derivatives_go_through_a_loaded_function(module, tmp_path):
    x = tf.constant(X)
    module.powered(x)

    def second(function):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = tf.reduce_sum(function(x))
            slope = tf.reduce_sum(inner.gradient(y, x) ** 2.0)
        return outer.gradient(slope, x).numpy()

    np.testing.assert_allclose(second(loaded(module, tmp_path / "m").powered), second(module.powered), rtol=1e-5)


def test_a_loaded_function_is_traced_into_others(module, tmp_path):
    module(X)
    again = loaded(module, tmp_path / "m")
    outer = tf.function(lambda x: again(x)["y"] + 1.0)
    np.testing.assert_allclose(outer(X).numpy(), module(X)["y"].numpy() + 1.0)


def test_unknown_sizes_stay_unknown(module, tmp_path):
    again = loaded(module, tmp_path / "m")
    assert again(tf.zeros([7, 3]))["y"].shape == (7, 2)


def test_variables_have_the_values_of_when_it_was_saved(module, tmp_path):
    module(X)
    module(X)
    again = loaded(module, tmp_path / "m")
    assert int(again.calls) == 2
    again(X)
    assert (int(again.calls), int(module.calls)) == (3, 2)
    assert [v.name for v in again.trainable_variables] == [v.name for v in module.trainable_variables]


def test_each_python_argument_has_its_trace(module, tmp_path):
    x = tf.constant(X)
    expected = module.powered(x).numpy(), module.powered(x, 1, negate=True).numpy()
    again = loaded(module, tmp_path / "m")
    np.testing.assert_array_equal(again.powered(x, times=2).numpy(), expected[0])
    np.testing.assert_array_equal(again.powered(x, negate=True, times=1).numpy(), expected[1])


def test_an_argument_that_was_not_traced_is_refused(module, tmp_path):
    module.powered(tf.constant(X))
    again = loaded(module, tmp_path / "m")
    with pytest.raises(tf.errors.TfcliError, match=r"powered\(float32\(4, 3\), 5, False\).*were saved for"):
        again.powered(tf.constant(X), 5)


def test_structures_of_inputs_and_outputs(module, tmp_path):
    given = {"a": tf.constant(1.0), "b": (tf.constant(2.0), tf.constant([3.0]))}
    module.structured(given)
    result = loaded(module, tmp_path / "m").structured(given)
    assert type(result).__name__ == "Pair"
    assert result._fields == ("first", "second")
    assert float(result.first[0]) == 3.0
    assert result.first[1] is None
    assert result.second["mode"] == "sum"
    assert float(result.second["third"][0]) == 6.0


def test_lists_and_numbers_are_converted_where_tensors_were_traced(module, tmp_path):
    again = loaded(module, tmp_path / "m")
    np.testing.assert_allclose(again([[1.0, 0.0, 0.0]])["y"].numpy(), [[2.0, 4.0]])


def test_signatures(module, tmp_path):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="values")])
    def mean(values):
        return tf.reduce_mean(values), tf.size(values)

    total = tf.function(lambda values: tf.reduce_sum(values))
    concrete = total.get_concrete_function(tf.TensorSpec([None], tf.float32))
    tf.saved_model.save(module, tmp_path / "m", {"mean": mean, "total": concrete})
    signatures = tf.saved_model.load(tmp_path / "m").signatures
    assert sorted(signatures) == ["mean", "total"]
    found = signatures["mean"](values=tf.constant([1.0, 3.0]))
    assert float(found["output_0"]) == 2.0
    assert int(found["output_1"]) == 2
    assert signatures["mean"].structured_outputs["output_1"].dtype == tf.int32


def test_the_call_is_the_default_signature(module, tmp_path):
    found = loaded(module, tmp_path / "m").signatures["serving_default"](x=tf.constant(X))
    np.testing.assert_allclose(found["y"].numpy(), module(X)["y"].numpy())


def test_a_signature_without_a_trace_is_refused(module, tmp_path):
    with pytest.raises(tf.errors.SpecError, match="has 0 traces and no input_signature"):
        tf.saved_model.save(module, tmp_path / "m", module.running)


def test_modules_inside_modules_and_shared_variables(tmp_path):
    root, inner = tf.Module(), tf.Module(name="inner")
    inner.v = root.same = tf.Variable(3.0)
    root.inner, root.listed, root.itself = inner, [inner, {"x": inner.v}], root
    again = loaded(root, tmp_path / "m")
    assert again.inner is again.listed[0]
    assert again.itself is again
    assert again.inner.v is again.same
    assert again.listed[1]["x"] is again.same
    assert again.inner.name == "inner"
    assert len(again.variables) == 1


@pytest.mark.parametrize(
    "value",
    [np.array([1 + 2j, -3j], np.complex64), np.array([b"\xff", b"text"], object), np.array([True]), np.float16(0.1)],
    ids=["complex", "texts", "bool", "half"],
)
def test_constants_and_variables_of_every_dtype(tmp_path, value):
    module = tf.Module()
    module.v = tf.Variable(value)
    module.f = tf.function(lambda: (tf.constant(value), module.v.value()))
    expected = module.f()[0].numpy()
    for found in loaded(module, tmp_path / "m").f():
        np.testing.assert_array_equal(found.numpy(), expected)
        assert found.dtype == tf.as_dtype(np.asarray(value).dtype)


def test_random_numbers_go_on_where_they_were(tmp_path):
    module = tf.Module()
    module.draw = tf.function(lambda: tf.random.normal([3]))
    module.draw()
    again = loaded(module, tmp_path / "m")
    np.testing.assert_array_equal(again.draw().numpy(), module.draw().numpy())
    assert not np.array_equal(again.draw().numpy(), again.draw().numpy())


def test_python_code_is_refused(tmp_path):
    module = tf.Module()
    module.f = tf.function(lambda x: tf.py_function(lambda v: v, [x], tf.TensorSpec([], tf.float32)))
    module.f(tf.constant(1.0))
    with pytest.raises(tf.errors.SpecError, match="f cannot be saved: its operation py_function runs Python code"):
        tf.saved_model.save(module, tmp_path / "m")
    assert not tf.saved_model.contains_saved_model(tmp_path / "m")


def test_what_a_layer_learned_is_refused_with_a_way_out(tmp_path):
    model = tf.keras.Sequential([tf.keras.layers.Discretization(bin_boundaries=[0.0, 1.0])])
    model(np.float32([[0.5]]))
    with pytest.raises(tf.errors.SpecError, match="preprocess before it"):
        model.save(tmp_path / "m")


def test_functions_run_eagerly_all_the_same(module, tmp_path):
    from tfcli.engine.function import run_functions_eagerly

    again = loaded(module, tmp_path / "m")
    run_functions_eagerly(True)
    try:
        np.testing.assert_allclose(again(X)["y"].numpy(), X @ module.kernel.numpy() * 2)
    finally:
        run_functions_eagerly(False)
