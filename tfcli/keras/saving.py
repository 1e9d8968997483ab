"""tf.keras.models.load_model: `.keras` archives, ours and Keras's, and directories of tf.saved_model."""

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfcli.errors import SpecError
from tfcli.models.custom import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    of_config,
    register_keras_serializable,
)
from tfcli.models.functional import make_input
from tfcli.models.keras_archive import CONFIG, WEIGHTS
from tfcli.models.keras_files import expansion_limit, read_member
from tfcli.models.keras_h5 import decode_weights
from tfcli.models.layers.base import Layer
from tfcli.models.layers.state import building_within
from tfcli.models.losses import Loss
from tfcli.models.metrics import Metric
from tfcli.models.model import Model
from tfcli.models.nodes import make
from tfcli.models.optimizers import Optimizer
from tfcli.models.sequential import Sequential
from tfcli.runner.keras_nodes import as_keras_writes, layer_node, object_node
from tfcli.saved_model import contains_saved_model

__all__ = [
    "custom_object_scope",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "register_keras_serializable",
    "save_model",
]

_OPERATORS: dict[str, Callable[..., Any]] = {
    "Add": operator.add,
    "Subtract": operator.sub,
    "Multiply": operator.mul,
    "Divide": operator.truediv,
    "TrueDivide": operator.truediv,
    "Negative": operator.neg,
}
"""Operations between layers that Keras wrote for Python's operators."""


def load_model(
    filepath: str | Path,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Model:
    """The model that `model.save` wrote to a `.keras` archive or a directory, or Keras to an archive.

    `custom_objects` are classes and functions of one's own by the names that the archive has. With `compile` the model
    is compiled as it was. Nothing in the files is run, with `safe_mode` or without. Raises SpecError, DataError for
    what is missing, damaged, or of a class that is not here.
    """
    with custom_object_scope(custom_objects):
        return _load(Path(filepath), compile)


def _load(path: Path, compile: bool) -> Model:
    if path.is_dir() or contains_saved_model(path):
        from tfcli.models.saved import LoadedModel

        return LoadedModel(path)
    if not path.is_file():
        raise SpecError(f"there is no model {path}")
    with as_keras_writes(path):
        config = json.loads(_member(path, CONFIG))
        with building_within(expansion_limit(path.stat().st_size)):
            model = make_model(config)
        given = config.get("compile_config")
        if compile and given:
            _compile(model, given)
    decode_weights(model, _member(path, WEIGHTS), str(path))
    return model


def save_model(model: Model, filepath: str | Path, overwrite: bool = True) -> None:
    """`model.save`."""
    model.save(filepath, overwrite)


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """The model that `model.to_json` described, with new weights. Raises SpecError."""
    with custom_object_scope(custom_objects), as_keras_writes("model_from_json"):
        return make_model(json.loads(json_string))


def _member(path: Path, name: str) -> bytes:
    content = read_member(path, name)
    if content is None:
        raise SpecError(f"{path} is no .keras archive of Keras 3: it has no {name}")
    return content


def make_model(item: Mapping[str, Any]) -> Model:
    """The model of a config, with new weights. Raises SpecError."""
    config, kind = item["config"], str(item["class_name"])
    if kind == "Sequential":
        return _sequential(config)
    if kind in ("Functional", "Model") and "input_layers" in config:
        return _Functional(config).model()
    raise SpecError(
        f"the model {config.get('name')!r} is of the class {kind}, whose code the archive does not have; save it in a "
        "directory (a path without .keras), which keeps what it computes"
    )


def _sequential(config: Mapping[str, Any]) -> Model:
    layers = [_layer(item) for item in config["layers"]]
    shape = config.get("build_input_shape")
    model = Sequential(layers, name=config.get("name"))
    if not model.built and shape:
        model.build(shape)
    model.trainable = config.get("trainable", True)
    return _with_layers_trainable(model, config["layers"])


def _with_layers_trainable(model: Model, items: Sequence[Any]) -> Model:
    frozen = {item["config"].get("name") for item in items if item["config"].get("trainable") is False}
    for layer in model.layers:
        if layer.name in frozen:
            layer.trainable = False
    return model


def _layer(item: Mapping[str, Any]) -> Any:
    """A layer, a model as a layer, or the symbol of an input."""
    config, kind = item["config"], str(item["class_name"])
    if kind == "InputLayer":
        return make_input(batch_shape=config["batch_shape"], dtype=config.get("dtype"), name=config.get("name"))
    if kind in ("Sequential", "Functional", "Model"):
        return make_model(item)
    if own := of_config(item):
        return own.from_config(config)
    name = config.get("name", kind)
    node = layer_node(item, f"the layer `{name}`")
    return make(Layer, (node if isinstance(node, dict) else {"type": node}) | {"name": name})


class _Functional:
    """Calls the layers as the config's histories (layer, call, output) say."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.items = {item.get("name") or item["config"]["name"]: item for item in config["layers"]}
        self.layers: dict[str, Any] = {}
        self.outputs: dict[tuple[str, int], Any] = {}

    def model(self) -> Model:
        for name, item in self.items.items():
            if not str(item.get("module")).startswith("keras.src.ops"):
                self.layers[name] = _layer(item)
            elif item["class_name"] in _OPERATORS:
                self.layers[name] = _OPERATORS[item["class_name"]]
            else:
                raise SpecError(
                    f"the operation {item['class_name']} between layers cannot be loaded; put a layer of Keras in its "
                    "place, and save the model again"
                )
        self._number_calls()
        waiting = []
        for name, item in self.items.items():
            if item["class_name"] == "InputLayer":
                self.outputs[name, 0] = [self.layers[name]]
            waiting += [(name, number, call) for number, call in enumerate(item["inbound_nodes"])]
        while waiting:
            ready = [
                w for w in waiting if all((n, self._call_number(n, c)) in self.outputs for n, c in _histories(w[2]))
            ]
            if not ready:
                raise SpecError(
                    f"the wiring of {self.config.get('name')!r} does not lead from its inputs to its outputs"
                )
            for name, number, call in ready:
                made = self.layers[name](*self._given(call["args"]), **self._given(call.get("kwargs", {})))
                self.outputs[name, number] = list(made) if isinstance(made, list | tuple) else [made]
            waiting = [w for w in waiting if w not in ready]
        inputs, outputs = (self._structure(self.config[key]) for key in ("input_layers", "output_layers"))
        model = Model(inputs, outputs, name=self.config.get("name"))
        model.trainable = self.config.get("trainable", True)
        return _with_layers_trainable(model, self.config["layers"])

    def _number_calls(self) -> None:
        """Keras may count a model inside of a model once before it is called: when it was made."""
        asked: dict[str, int] = {}
        calls = [item["inbound_nodes"] for item in self.items.values()]
        for name, call in _histories([self.config["output_layers"], *calls]):
            asked[name] = max(call, asked.get(name, 0))
        made = {name: len(item["inbound_nodes"]) for name, item in self.items.items()}
        self.earlier = {
            name: 1 for name, call in asked.items() if isinstance(self.layers[name], Model) and call >= made[name]
        }

    def _call_number(self, name: str, call: int) -> int:
        return call - self.earlier.get(name, 0)

    def _given(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            if value.get("class_name") == "__keras_tensor__":
                name, call, output = value["config"]["keras_history"]
                return self.outputs[name, self._call_number(name, call)][output]
            return {key: self._given(item) for key, item in value.items()}
        return [self._given(item) for item in value] if isinstance(value, list) else value

    def _structure(self, value: Any) -> Any:
        """Symbols in the structure of an `input_layers` or `output_layers`."""
        if isinstance(value, Mapping):
            return {key: self._structure(item) for key, item in value.items()}
        if len(value) == 3 and isinstance(value[0], str):
            return self.outputs[value[0], self._call_number(value[0], value[1])][value[2]]
        return [self._structure(item) for item in value]


def _histories(value: Any) -> list[tuple[str, int]]:
    """The calls whose outputs are given in a call."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            name, call, _ = value["config"]["keras_history"]
            return [(name, call)]
        value = list(value.values())
    if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str) and type(value[1]) is int:
        return [(value[0], value[1])]
    return [key for item in value for key in _histories(item)] if isinstance(value, list) else []


def _compile(model: Model, config: Mapping[str, Any]) -> None:
    optimizer = config.get("optimizer") or "rmsprop"
    model.compile(
        optimizer=_made(Optimizer, optimizer, "the optimizer"),
        loss=_made(Loss, config.get("loss"), "the loss"),
        loss_weights=config.get("loss_weights"),
        metrics=_made(Metric, config.get("metrics"), "the metrics"),
        weighted_metrics=_made(Metric, config.get("weighted_metrics"), "the metrics"),
        run_eagerly=bool(config.get("run_eagerly")),
    )
    if model.built:
        model.optimizer.build(model.trainable_weights)


def _made(root: Any, value: Any, where: str) -> Any:
    """Objects for what Keras wrote: one, a list, or a mapping by output."""
    if isinstance(value, list):
        return [_made(root, item, where) for item in value]
    if isinstance(value, Mapping) and "class_name" not in value:
        return {key: _made(root, item, where) for key, item in value.items()}
    if value is None or isinstance(value, str):
        return value
    own = of_config(value)
    if own is None:
        return make(root, object_node(root, value, where))
    return own.from_config(value["config"]) if hasattr(own, "from_config") else own
