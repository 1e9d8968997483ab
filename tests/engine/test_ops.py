"""What every op must do, asked of each one in the registry."""

import importlib
import pkgutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import Case

import tfcli.engine.ops
from tfcli.engine import nest
from tfcli.engine.function import function
from tfcli.engine.gradcheck import check_gradients
from tfcli.engine.op import OPS, Op
from tfcli.engine.spec import Shape, TensorSpec
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import Tensor, constant

for module in pkgutil.walk_packages(tfcli.engine.ops.__path__, "tfcli.engine.ops."):
    importlib.import_module(module.name)

TABLES = [importlib.import_module(file.stem) for file in sorted(Path(__file__).parent.glob("cases*.py"))]
CASES = {name: listed for table in TABLES for name, listed in table.CASES.items()}
EXEMPT = {name: reason for table in TABLES for name, reason in table.EXEMPT.items()}
OURS = {op.__name__: op for op in OPS.values() if op.__module__.startswith("tfcli.")}
ALL = [pytest.param(c, id=f"{name}-{i}") for name, listed in CASES.items() for i, c in enumerate(listed)]


def has_gradient(op: Op) -> bool:
    return hasattr(op, "vjp") or any(getattr(op, f"vjp_{name}") is not None for name in op.inputs)


def floats(tensors: Any) -> list[Tensor]:
    return [t for t in nest.flatten(tensors) if t.dtype.is_floating]


DIFFERENTIABLE = [p for p in ALL if p.values[0].order and has_gradient(p.values[0].op) and not p.values[0].op.stateful]


def specs_of(case: Case, arrays: list[np.ndarray], known: bool) -> list[TensorSpec]:
    sizes = [list(a.shape) for a in arrays]
    for shape, axis in zip(sizes, case.unknown_axes, strict=True):
        if axis is not None and not known:
            shape[axis] = None
    return [TensorSpec(Shape(s), a.dtype) for s, a in zip(sizes, arrays, strict=True)]


def in_precision(case: Case, dtype: str) -> list[np.ndarray]:
    return [x.astype(dtype) if x.dtype.kind == "f" else x for x in case.inputs]


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_op_has_a_case_or_a_reason(name):
    assert (name in CASES) != (name in EXEMPT)


@pytest.mark.parametrize("case", ALL)
def test_case_stands_under_its_ops_name(case):
    assert case in CASES[type(case.op).__name__]


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("case", ALL)
def test_forward_has_the_inferred_shape_and_dtype(case, known):
    arrays = in_precision(case, "float64")
    inferred, results = case.op.infer(*specs_of(case, arrays, known)), case.op.forward(*arrays)
    outputs = list(zip(inferred, results, strict=True)) if isinstance(inferred, tuple) else [(inferred, results)]
    for spec, result in outputs:
        assert np.asarray(result).dtype == spec.dtype.numpy
        assert len(spec.shape) == np.ndim(result)
        assert all(d in (None, s) for d, s in zip(spec.shape, np.shape(result), strict=True)), (spec, np.shape(result))


def follows_its_inputs(case: Case) -> bool:
    return "dtype" not in case.op.fields and any(x.dtype.kind == "f" for x in case.inputs)


@pytest.mark.parametrize("case", [p for p in ALL if follows_its_inputs(p.values[0])])
def test_float32_stays_float32(case):
    arrays = in_precision(case, "float32")
    results = case.op.forward(*arrays)
    kinds = {
        np.asarray(r).dtype
        for r in (results if isinstance(results, tuple) else (results,))
        if np.asarray(r).dtype.kind == "f"
    }
    assert kinds <= {np.dtype("float32")}


@pytest.mark.parametrize("case", DIFFERENTIABLE)
def test_gradients_agree_with_central_differences(case):
    assert check_gradients(case.op, case.inputs, order=case.order) is None


def value_and_gradients(case: Case, tensors: list[Tensor]) -> list[Any]:
    sources = floats(tensors)
    with GradientTape() as tape:
        tape.watch(sources)
        outputs = nest.flatten(case.op(*tensors))
    targets = floats(outputs)
    found = tape.gradient(targets, sources, [t * t for t in targets]) if targets and sources and case.order else []
    return [*outputs, *(g for g in found if g is not None)]


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", [p for p in ALL if not p.values[0].op.stateful])
def test_traced_is_eager(case, dtype, known):
    arrays = in_precision(case, dtype)
    traced = function(
        lambda *tensors: value_and_gradients(case, list(tensors)), input_signature=specs_of(case, arrays, known)
    )
    eager = value_and_gradients(case, [constant(a) for a in arrays])
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    for a, b in zip(eager, traced(*map(constant, arrays)), strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        if a.dtype == "string":
            assert a.array.tolist() == b.array.tolist()
        else:
            np.testing.assert_allclose(a.array, b.array, rtol=tolerance, atol=tolerance)
