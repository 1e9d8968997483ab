"""scan: a step over a sequence, its gradients through time, in graphs and out of them."""

import numpy as np
import pytest

from tfcli.engine.function import function
from tfcli.engine.gradcheck import check_gradients
from tfcli.engine.ops.control import scan
from tfcli.engine.ops.elementary import tanh
from tfcli.engine.ops.linalg import matmul
from tfcli.engine.spec import Shape, TensorSpec
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import Variable, constant

random = np.random.default_rng(0)
STATE, SEQUENCE, WEIGHTS = (random.standard_normal(shape) for shape in [(2, 3), (4, 2, 3), (3, 3)])


def recurrent(reverse):
    def layer(state, sequence, weights):
        def step(carries, slices):
            after = tanh(matmul(carries[0], weights) + slices[0])
            return [after], [after * 2.0]

        finals, outputs = scan(step, [state], [sequence], reverse=reverse)
        return finals[0], outputs[0]

    return layer


def by_hand(reverse):
    state, outputs = STATE, []
    for slice_ in SEQUENCE[:: -1 if reverse else 1]:
        state = np.tanh(state @ WEIGHTS + slice_)
        outputs.append(state * 2.0)
    return state, np.stack(outputs[:: -1 if reverse else 1])


@pytest.mark.parametrize("reverse", [False, True])
def test_scan_is_a_loop(reverse):
    for result, expected in zip(recurrent(reverse)(STATE, SEQUENCE, WEIGHTS), by_hand(reverse), strict=True):
        np.testing.assert_allclose(result.array, expected, atol=1e-12)


@pytest.mark.parametrize("reverse", [False, True])
def test_gradients_through_time(reverse):
    check_gradients(recurrent(reverse), [STATE[:1], SEQUENCE[:2, :1], WEIGHTS])
    assert recurrent(reverse)(STATE, SEQUENCE, WEIGHTS)[1].shape == SEQUENCE.shape


def with_gradient(state, sequence, weights):
    with GradientTape() as tape:
        tape.watch([state, sequence, weights])
        final, outputs = recurrent(False)(state, sequence, weights)
    return final, outputs, *tape.gradient([final, outputs], [state, sequence, weights])


def test_a_traced_scan_is_the_eager_one():
    inputs = [constant(x) for x in (STATE, SEQUENCE, WEIGHTS)]
    shapes = [(None, 3), (None, None, 3), (3, 3)]
    traced = function(with_gradient, input_signature=[TensorSpec(Shape(s), "float64") for s in shapes])
    for a, b in zip(traced(*inputs), with_gradient(*inputs), strict=True):
        np.testing.assert_allclose(a.array, b.array, atol=1e-12)


def test_gradients_reach_a_variable_read_in_the_step():
    weight = Variable(2.0)
    with GradientTape() as tape:
        finals, _ = scan(lambda c, s: ([c[0] * weight + s[0]], []), [constant(1.0)], [constant([0.0, 0.0, 0.0])])
    assert float(finals[0]) == 8.0
    assert float(tape.gradient(finals[0], weight)) == 12.0


def test_a_scan_of_nothing_keeps_the_carry():
    finals, outputs = scan(lambda c, s: ([c[0] + s[0]], [c[0]]), [constant(1.0)], [constant(np.zeros(0, np.float32))])
    assert float(finals[0]) == 1.0
    assert outputs[0].shape == (0,)
