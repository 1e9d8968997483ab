"""Outputs, gradients, weights and state of layers against what Keras computed, recorded by `make_fixtures.py`."""

import json
from pathlib import Path

import numpy as np
import pytest
import table_core
import table_sequence
from layer_cases import inputs_of, masks_of, pattern, weight_of

import tfcli.models.layers.attention
import tfcli.models.layers.wrappers  # noqa: F401
from tfcli.declare import Problem, convert
from tfcli.engine import nest
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import constant
from tfcli.models.layers.base import Layer, building


def read_fixtures() -> tuple[dict[str, dict], dict[str, dict[str, np.ndarray]]]:
    """For each case its facts, and its parts by name."""
    with np.load(Path(__file__).with_name("fixtures.npz"), allow_pickle=False) as file:
        facts, values = json.loads(str(file["facts"])), file["values"]
    sizes = [size for fact in facts.values() for size in fact["parts"].values()]
    pieces = iter(np.split(values, np.cumsum(sizes)[:-1]))
    return facts, {name: {part: next(pieces) for part in fact["parts"]} for name, fact in facts.items()}


FACTS, RECORDED = read_fixtures()
CASES = [
    pytest.param(f"{name}-{i}", case, id=f"{name}-{i}")
    for name, cases in (table_core.CASES | table_sequence.CASES).items()
    for i, case in enumerate(cases)
    if case.keras
]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_a_layer_computes_what_keras_does(name, case):
    facts, recorded = FACTS[name], RECORDED[name]
    problems: list[Problem] = []
    layer = convert(Layer, case.spec, (), problems)
    tensors, masks = [constant(a) for a in inputs_of(case)], masks_of(case)
    single = len(tensors) == 1 and not layer.many_inputs
    mask = None if masks is None else [constant(m) for m in masks]
    options = {"training": case.training, "mask": mask[0] if mask and single else mask}
    with building(seed=0, floatx="float64"):
        layer(tensors[0] if single else tensors, **options)
        assert [[w.name, list(w.shape)] for w in layer.weights] == facts["weights"]
        layer.set_weights([weight_of(w.name, w.shape, i) for i, w in enumerate(layer.weights)])
        floats = [t for t in tensors if t.dtype.is_floating]
        with GradientTape() as tape:
            tape.watch(floats)
            outputs = nest.flatten(layer(tensors[0] if single else tensors, **options))
            total = constant(np.float64(0.0))
            for i, y in enumerate(outputs):
                total = total + reduce_sum(y * pattern(y.shape, 20.0 + i))
        assert [list(y.shape) for y in outputs] == facts["outputs"]
        found = {"output": outputs, "state": layer.non_trainable_weights}
        if "gradient" in recorded:
            found["gradient"] = tape.gradient(total, floats, unconnected_gradients="zero")
    for part, expected in recorded.items():
        flat = np.concatenate([np.ravel(tensor.array) for tensor in found[part]])
        np.testing.assert_allclose(flat, expected, rtol=2e-5, atol=2e-6, err_msg=part)
