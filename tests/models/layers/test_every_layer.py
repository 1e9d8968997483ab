"""What every layer must do, asked of each one in the registry with the first of its cases."""

import numpy as np
import pytest
from all_layers import CASES, REGISTERED, arrays_of, call, make
from layer_cases import inputs_of
from safetensors.numpy import load, save

from tfcli.engine.function import function
from tfcli.engine.gradcheck import check_gradients
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.spec import TensorSpec
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import Tensor, constant
from tfcli.models.layers.base import building

NOT_ALONE = {"block", "residual", "gru_cell", "lstm_cell", "simple_rnn_cell", "stacked_rnn_cells"}
"""Containers, which the model takes apart, and cells, which `rnn` steps."""
NEEDS_A_LIBRARY = {"byte_pair_tokenizer"}
"""Tested by itself, where the library is installed."""
FIRST = [pytest.param(cases[0], id=name) for name, cases in sorted(CASES.items())]


@pytest.mark.parametrize("name", REGISTERED)
def test_every_layer_has_a_case(name):
    assert (name in CASES) != (name in NOT_ALONE | NEEDS_A_LIBRARY)


@pytest.mark.parametrize("case", FIRST)
def test_the_written_out_spec_makes_the_same_layer(case):
    layer = make(case.spec)
    assert make(layer.spec()).spec() == layer.spec()


@pytest.mark.parametrize("case", FIRST)
def test_built_for_an_unknown_batch_and_traced_it_is_as_eager(case):
    layer, tensors = make(case.spec), arrays_of(case, "float32")
    signature = [TensorSpec((None, *t.shape[1:]), t.dtype) for t in tensors]
    traced = function(lambda *symbols: call(layer, case, list(symbols)), input_signature=signature)
    with building(seed=1):
        found = traced(*tensors)
    eager = call(layer, case, tensors)
    assert len(found) == len(eager)
    for a, b in zip(found, eager, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_allclose(a.array, b.array, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", [p for p in FIRST if p.values[0].gradient and p.values[0].integers is None])
def test_gradients_in_the_inputs_agree_with_central_differences(case):
    with building(seed=1, floatx="float64"):
        layer = make(case.spec)
        call(layer, case, arrays_of(case))
        assert check_gradients(lambda *xs: call(layer, case, list(xs)), inputs_of(case), order=1) is None


@pytest.mark.parametrize("case", FIRST)
def test_gradients_in_the_weights_agree_with_central_differences(case):
    with building(seed=1, floatx="float64"):
        layer, tensors = make(case.spec), arrays_of(case)
        with GradientTape() as tape:
            value = _weighted(call(layer, case, tensors))
        weights = layer.trainable_weights
        gradients = [
            np.zeros(w.shape) if g is None else g.array
            for w, g in zip(weights, tape.gradient(value, weights), strict=True)
        ]
        random, starts, step = np.random.default_rng(3), [w.numpy() for w in weights], 1e-6
        directions = [random.standard_normal(w.shape) for w in weights]
        values = []
        for signed in (step, -step):
            for weight, start, direction in zip(weights, starts, directions, strict=True):
                weight.assign(start + signed * direction)
            values.append(float(_weighted(call(layer, case, tensors))))
    analytic = sum(float(np.sum(g * d)) for g, d in zip(gradients, directions, strict=True))
    assert analytic == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-5, abs=1e-7)


def _weighted(outputs: list[Tensor]) -> Tensor:
    """One number that depends on each entry of the outputs in its own way."""
    random = np.random.default_rng(4)
    total = constant(np.float64(0.0))
    for output in outputs:
        if output.dtype.is_floating:
            total = total + reduce_sum(output * random.standard_normal(output.shape))
    return total


@pytest.mark.parametrize("case", FIRST)
def test_saved_weights_make_a_clone_compute_the_same(case):
    layer, tensors = make(case.spec), arrays_of(case, "float32")
    layer.path = "it"
    clone = layer.clone()
    clone.path = "it"
    with building(seed=1):
        expected = call(layer, case, tensors)
    saved = load(save({w.path: w.numpy() for w in layer.weights}))
    with building(seed=2):
        call(clone, case, tensors)
    assert [w.path for w in clone.weights] == [w.path for w in layer.weights]
    clone.set_weights([saved[w.path] for w in clone.weights])
    for a, b in zip(expected, call(clone, case, tensors), strict=True):
        np.testing.assert_array_equal(a.array, b.array)


@pytest.mark.parametrize("case", FIRST)
def test_a_training_call_gives_outputs_of_the_same_shape(case):
    layer, tensors = make(case.spec), arrays_of(case, "float32")
    shapes = [y.shape for y in call(layer, case, tensors)]
    trained = call(layer, case, tensors, training=True)
    assert [y.shape for y in trained] == shapes
    assert all(np.isfinite(y.array).all() for y in trained if y.dtype.is_floating)
