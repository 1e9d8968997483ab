"""Weights as Keras 3 keeps them: an HDF5 file with a group for each layer, numbered by class in the layers' order."""

import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from tfcli.engine.spec import show_shape
from tfcli.engine.tensor import Variable
from tfcli.errors import SpecError
from tfcli.models.keras_files import names_in, numbers_in, open_h5, own_member, require_h5py
from tfcli.models.layers.base import Layer
from tfcli.models.layers.multi_head_attention import GroupQueryAttention
from tfcli.models.model import Model
from tfcli.models.sequential import Sequential

_PARTS = {
    "forward": "forward_layer/cell",
    "backward": "backward_layer/cell",
    "query": "query_dense",
    "key": "key_dense",
    "value": "value_dense",
    "attention_output": "output_dense",
}
"""What Keras calls the parts of a layer."""
_OWN_NAMES = {"GroupQueryAttention": "GroupedQueryAttention", "Model": "Functional"}


def encode_weights(model: Model, name: str) -> bytes:
    """The bytes of a `.weights.h5` file called `name`. Raises SpecError."""
    h5py = require_h5py(f"writing {name}")
    content = io.BytesIO()
    with h5py.File(content, "w", libver="latest") as file:
        for path, label, variables in keras_groups(model):
            group = file.create_group(f"{path}/vars")
            group.attrs["name"] = label
            for i, variable in enumerate(variables):
                group[str(i)] = variable.array
    return content.getvalue()


def decode_weights(model: Model, data: bytes, source: str) -> None:
    """Set the model's weights from such a file. Raises SpecError, naming the group, where they do not fit."""
    found: list[tuple[Variable, np.ndarray]] = []
    with open_h5(data, source) as file:
        for path, label, variables in keras_groups(model):
            # What was saved before training began has no slots yet, and neither has an optimizer then.
            slots = own_member(own_member(file, "optimizer"), "vars")
            if path == "optimizer" and len(names_in(slots, source)) != len(variables):
                continue
            where = f"{source}: {label}"
            found += [(v, _array(file, f"{path}/vars/{i}", v, where)) for i, v in enumerate(variables)]
    for variable, array in found:
        variable.array = array


def _array(file: Any, path: str, variable: Variable, where: str) -> np.ndarray:
    """The array at a path, every step of which lies in the file itself."""
    item = file
    for step in path.split("/"):
        item = own_member(item, step)
        if item is None:
            raise SpecError(f"{where}: the file has no {path}, where Keras keeps {variable.name}")
    shape = getattr(item, "shape", None)
    if shape != tuple(variable.shape):
        came = "no array" if shape is None else show_shape(shape)
        raise SpecError(f"{where}: {variable.name} has the shape {show_shape(variable.shape)}, in the file {came}")
    return numbers_in(item, where).astype(variable.dtype.numpy, copy=False)


Groups = Iterator[tuple[str, str, list[Variable]]]
"""Path of a group in the file, name of the layer, its variables in order."""


def keras_groups(model: Model) -> Groups:
    """Where Keras keeps each variable of the model. Raises SpecError for a layer whose parts it has otherwise."""
    yield from _model_groups(model, "")
    if model.compiled and model.optimizer.built:
        yield "optimizer", model.optimizer.type_name, list(model.optimizer.variables.values())


def _model_groups(model: Model, prefix: str) -> Groups:
    counts: Counter[str] = Counter()
    for layer in model.layers:
        name = _group_name(type(layer))
        number = f"_{counts[name]}" if counts[name] else ""
        counts[name] += 1
        yield from _layer_groups(layer, f"{prefix}layers/{name}{number}")
    yield prefix.rstrip("/"), str(model.name), []


def _group_name(cls: type) -> str:
    """`MultiHeadAttention` -> `multi_head_attention`, `ReLU` -> `re_lu`, as Keras makes it."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", _OWN_NAMES.get(cls.__name__, cls.__name__))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _layer_groups(layer: Layer, path: str) -> Groups:
    if isinstance(layer, Model):
        if type(layer) not in (Model, Sequential):
            raise SpecError(f"{layer.name} is of a class of your own, whose weights Keras would not find")
        yield from _model_groups(layer, f"{path}/")
        return
    parts: dict[str, list[Variable]] = {"": []}
    for weight in layer.weights:
        part = weight.path.removeprefix(layer.path).strip("/").rpartition("/")[0]
        parts.setdefault(_part(layer, part), []).append(weight)
    for part, variables in parts.items():
        yield f"{path}/{part}".rstrip("/"), str(layer.name), variables


def _part(layer: Layer, part: str) -> str:
    fields = layer.fields()
    has_cell = "cell" in fields or ("go_backwards" in fields and "layer" not in fields)
    if (has_cell and part) or ("layer" in fields and layer._own_variables()):
        raise SpecError(
            f"{layer.name}: {layer.type_name} keeps its weights otherwise than in Keras; save the model in a "
            "directory, or its weights in a .weights.safetensors file"
        )
    if has_cell:
        return "cell"
    if "layer" in fields and not part:
        return "layer"
    own = _PARTS.get(part, part)
    return f"_{own}" if isinstance(layer, GroupQueryAttention) else own
