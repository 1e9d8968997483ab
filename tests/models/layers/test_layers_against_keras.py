"""Outputs, gradients, weights and state of layers against what Keras computed, recorded by `make_fixtures.py`."""

import json
from pathlib import Path

import numpy as np
import pytest
import table_core
import table_features
import table_preprocessing
import table_sequence
from layer_cases import as_input, inputs_of, masks_of, pattern, weight_of

import tfcli.models.layers.attention
import tfcli.models.layers.wrappers  # noqa: F401
from tfcli.declare import Problem, convert
from tfcli.engine import nest
from tfcli.engine.ops.elementwise import cast
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import constant
from tfcli.models.layers.base import Layer, building


def read_fixtures() -> tuple[dict[str, dict], dict[str, dict[str, np.ndarray]], dict[str, dict]]:
    """For each case its facts, and its parts by name; for each layer Keras's arguments and defaults."""
    with np.load(Path(__file__).with_name("fixtures.npz"), allow_pickle=False) as file:
        facts, values, signatures = json.loads(str(file["facts"])), file["values"], json.loads(str(file["signatures"]))
    sizes = [size for fact in facts.values() for size in fact["parts"].values()]
    pieces = iter(np.split(values, np.cumsum(sizes)[:-1]))
    parts = {name: {part: next(pieces) for part in fact["parts"]} for name, fact in facts.items()}
    return facts, parts, signatures


FACTS, RECORDED, SIGNATURES = read_fixtures()
TABLES = table_core.CASES | table_features.CASES | table_preprocessing.CASES | table_sequence.CASES
CASES = [
    pytest.param(f"{name}-{i}", case, id=f"{name}-{i}")
    for name, cases in TABLES.items()
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
        if case.learn is not None:
            layer.adapt(as_input(case.learn))
        layer(tensors[0] if single else tensors, **options)
        assert [[w.name, list(w.shape)] for w in layer.weights] == facts["weights"]
        if case.learn is None:
            layer.set_weights([weight_of(w.name, w.shape, i) for i, w in enumerate(layer.weights)])
        floats = [t for t in tensors if t.dtype.is_floating]
        with GradientTape() as tape:
            tape.watch(floats)
            outputs = nest.flatten(layer(tensors[0] if single else tensors, **options))
            total = constant(np.float64(0.0))
            for i, y in enumerate(outputs):
                total = total + reduce_sum(cast(y, "float64") * pattern(y.shape, 20.0 + i))
        assert [list(y.shape) for y in outputs] == facts["outputs"]
        found = {"output": outputs, "state": layer.non_trainable_weights}
        assert ("mask" in recorded) == (outputs[0].mask is not None)
        found["mask"] = [outputs[0].mask]
        if "gradient" in recorded:
            found["gradient"] = tape.gradient(total, floats, unconnected_gradients="zero")
    for part, expected in recorded.items():
        flat = np.concatenate([np.ravel(tensor.array) for tensor in found[part]])
        atol = case.tolerance / 10 * max(1.0, float(np.abs(expected).max(initial=0.0)))
        np.testing.assert_allclose(flat, expected, rtol=case.tolerance, atol=atol, err_msg=part)


OMITTED = {"lora_rank", "lora_alpha", "quantization_config", "gptq_unpacked_column_size"}
"""Arguments for quantized and adapted models."""
OF_ALL = {"name", "dtype", "trainable", "weights"}
ABSENT = {"batch_normalization": {"renorm", "renorm_clipping", "renorm_momentum", "synchronized"}}


@pytest.mark.parametrize("name", SIGNATURES)
def test_fields_are_those_of_keras_in_its_order_before_any_others(name):
    ours = [field for field in Layer.registry.find(name).signature().parameters if field not in Layer.fields()]
    left_out = OMITTED | OF_ALL | ABSENT.get(name, set())
    theirs = [field for field in SIGNATURES[name] if field not in left_out]
    assert ours[: len(theirs)] == theirs


@pytest.mark.parametrize("name", SIGNATURES)
def test_plain_defaults_are_those_of_keras(name):
    fields = Layer.registry.find(name).fields()
    theirs = {
        f: default for f, default in SIGNATURES[name].items() if f in fields and f not in OF_ALL and default != "?"
    }
    theirs = {f: default for f, default in theirs.items() if not fields[f].required}
    assert {f: _named(fields[f].default) for f in theirs} == {f: _named(default) for f, default in theirs.items()}


def _named(default: object) -> object:
    """A name as we spell it."""
    return {"uniform": "random_uniform"}.get(default.lower(), default.lower()) if isinstance(default, str) else default
