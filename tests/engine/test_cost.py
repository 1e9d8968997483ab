"""What a node is said to cost."""

import numpy as np
import pytest

from tfcli.engine.function import function
from tfcli.engine.graph.cost import cost_of
from tfcli.engine.ops import recurrent
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import Tensor

BATCH, STEPS, UNITS = 3, 5, 4


def flops(call, *shapes):
    """By name of the op, of the ops in `call` and in its gradient for the first argument."""

    def both(*tensors):
        with GradientTape() as tape:
            tape.watch(tensors[0])
            outputs = call(*tensors)
        return tape.gradient(outputs[0], tensors[0])

    tensors = [Tensor(np.zeros(shape, "f4")) for shape in shapes]
    return {node.op.name: cost_of(node).flops for node in function(both).get_concrete_function(*tensors).graph.nodes}


@pytest.mark.parametrize(
    ("op", "gates", "states", "biases"),
    [
        (recurrent.LstmSequence(), 4, 2, 0),
        (recurrent.GruSequence(), 3, 1, 1),
        (recurrent.SimpleRnnSequence(), 1, 1, 0),
    ],
)
def test_a_recurrent_cell_costs_its_product_at_each_step_and_so_does_its_gradient(op, gates, states, biases):
    wide = gates * UNITS
    shapes = [(BATCH, STEPS, wide), *[(BATCH, UNITS)] * states, (UNITS, wide), *[(wide,)] * biases]
    found = flops(op, *shapes)
    assert found[op.name] == found[f"{op.name}_grad"] == 2 * BATCH * STEPS * UNITS * wide
