"""Every layer that is registered, its cases, and how a case is called."""

import importlib
import inspect
import pkgutil
from typing import Any

import table_core
import table_features
import table_preprocessing
import table_sequence
from layer_cases import Case, inputs_of, masks_of

import tfcli.models.layers
from tfcli.declare import Problem, convert
from tfcli.engine import nest
from tfcli.engine.ops.random import RandomScope
from tfcli.engine.tensor import Tensor, constant
from tfcli.models.layers.base import Layer

for module in pkgutil.walk_packages(tfcli.models.layers.__path__, "tfcli.models.layers."):
    importlib.import_module(module.name)

CASES = table_core.CASES | table_features.CASES | table_preprocessing.CASES | table_sequence.CASES
REGISTERED = [cls.type_name for cls in Layer.registry or () if cls.__module__.startswith("tfcli.models.layers.")]


def make(spec: dict[str, Any]) -> Layer:
    problems: list[Problem] = []
    layer = convert(Layer, spec, (), problems)
    assert problems == []
    return layer


def arrays_of(case: Case, dtype: str = "float64") -> list[Tensor]:
    return [constant(a.astype(dtype) if a.dtype.kind == "f" else a) for a in inputs_of(case)]


def call(layer: Layer, case: Case, tensors: list[Tensor], training: bool = False) -> list[Tensor]:
    """The layer's outputs for the case's tensors and masks; what is random is the same each time."""
    masks = masks_of(case)
    mask = None if masks is None else [constant(m) for m in masks]
    many = len(tensors) > 1 or layer.many_inputs
    with RandomScope(0):
        outputs = layer(
            tensors if many else tensors[0], training=training, mask=mask if many or mask is None else mask[0]
        )
    return nest.flatten(outputs)


def differs_in_training(layer: Layer) -> bool:
    return "training" in inspect.signature(type(layer).call).parameters
