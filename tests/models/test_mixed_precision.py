"""Mixed precision in models: policies, what layers round, and the scale of the loss."""

import numpy as np
import pytest

import tfcli as tf
from tfcli.engine.precision import FORMATS
from tfcli.engine.tensor import Variable, constant
from tfcli.errors import DtypeError
from tfcli.models.layers.state import settings
from tfcli.models.optimizers.scaling import GROWTH_STEPS, INITIAL_SCALE

keras = tf.keras
random = np.random.default_rng(1)


@pytest.fixture(autouse=True)
def _policy():
    before = settings.policy
    yield
    settings.policy = before


def normal(*shape: int) -> np.ndarray:
    return random.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("operands", FORMATS)
def test_a_layer_rounds_inputs_and_weights_of_its_products(operands):
    layer, rounded = keras.layers.Dense(3, dtype=f"mixed_{operands}", bias_initializer="ones"), FORMATS[operands]
    x = normal(4, 5)
    y = layer(x)
    np.testing.assert_array_equal(y.numpy(), rounded(x) @ rounded(layer.kernel.numpy()) + 1)
    assert (layer.compute_dtype, layer.variable_dtype, y.dtype.name) == (operands, "float32", "float32")
    assert layer.kernel.dtype.name == "float32"


def test_the_global_policy_is_for_layers_without_one():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    assert keras.mixed_precision.global_policy().name == "mixed_bfloat16"
    assert keras.layers.Dense(1).compute_dtype == "bfloat16"
    assert keras.layers.Dense(1, dtype="float32").compute_dtype == "float32"
    assert keras.config.floatx() == "float32"


def test_a_layer_inside_another_follows_its_own_policy():
    class Outer(keras.layers.Layer):
        def __init__(self):
            super().__init__(dtype="mixed_bfloat16")
            self.inner = keras.layers.Dense(2, dtype="float32")

        def call(self, inputs):
            return self.inner(inputs)

    layer, x = Outer(), normal(3, 4)
    y = layer(x).numpy()
    np.testing.assert_array_equal(y, x @ layer.inner.kernel.numpy())


@pytest.mark.parametrize("name", ["mixed_float8", "nonsense"])
def test_other_policies_are_refused(name):
    with pytest.raises(DtypeError, match=name):
        keras.mixed_precision.set_global_policy(name)


def scaled(**settings):
    optimizer, weight = keras.optimizers.SGD(1.0, **settings), Variable(np.float32([1.0, 2.0]), name="w")
    optimizer.scale_dynamically()
    return optimizer, weight


def step(optimizer, weight, gradient):
    optimizer.apply([constant(np.float32(gradient))], [weight])


def test_gradients_of_the_scaled_loss_are_divided_by_the_scale():
    optimizer, weight = scaled()
    assert optimizer.scale_loss(constant(np.float32(2.0))).numpy() == 2 * INITIAL_SCALE
    step(optimizer, weight, [INITIAL_SCALE, 0.0])
    np.testing.assert_array_equal(weight.numpy(), [0.0, 2.0])


@pytest.mark.parametrize("wrong", [np.inf, -np.inf, np.nan])
def test_a_step_that_is_not_finite_is_left_out_and_halves_the_scale(wrong):
    optimizer, weight = scaled(momentum=0.9, use_ema=True)
    step(optimizer, weight, [INITIAL_SCALE, 0.0])
    before = {name: v.numpy() for name, v in optimizer.variables.items()}, weight.numpy()
    step(optimizer, weight, [wrong, 1.0])
    np.testing.assert_array_equal(weight.numpy(), before[1])
    after = {name: v.numpy() for name, v in optimizer.variables.items()}
    changed = {name for name, value in before[0].items() if not np.array_equal(value, after[name])}
    assert changed == {"sgd/dynamic_scale", "sgd/step_counter"}
    assert after["sgd/dynamic_scale"] == INITIAL_SCALE / 2
    assert after["sgd/step_counter"] == 0


def test_the_scale_doubles_after_many_finite_steps():
    optimizer, weight = scaled()
    step(optimizer, weight, [0.0, 0.0])
    optimizer.variables["sgd/step_counter"].assign(np.int32(GROWTH_STEPS - 2))
    step(optimizer, weight, [0.0, 0.0])
    assert optimizer.variables["sgd/dynamic_scale"].numpy() == INITIAL_SCALE
    step(optimizer, weight, [0.0, 0.0])
    assert optimizer.variables["sgd/dynamic_scale"].numpy() == 2 * INITIAL_SCALE
    assert optimizer.variables["sgd/step_counter"].numpy() == 0


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_fit_learns_under_a_policy(policy):
    keras.utils.set_random_seed(0)
    keras.mixed_precision.set_global_policy(policy)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    x = normal(64, 3)
    losses = model.fit(x, x.sum(1, keepdims=True), 16, 20, 0).history["loss"]
    assert losses[-1] < 1e-3
    assert any("dynamic_scale" in name for name in model.optimizer.variables) == (policy == "mixed_float16")


def test_a_saved_model_computes_the_same(tmp_path):
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    model, x = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(1)]), normal(8, 3)
    tf.saved_model.save(model, str(tmp_path / "saved"))
    expected = model(x).numpy()
    settings.policy = type(settings.policy)()
    np.testing.assert_array_equal(tf.saved_model.load(str(tmp_path / "saved"))(x).numpy(), expected)
