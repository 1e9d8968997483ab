"""Models as Keras 3 saves them: `.keras` archives of config.json and model.weights.h5, which Keras reads."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from tfcli.declare import Declared
from tfcli.engine import nest
from tfcli.engine.tensor import Symbol, Tensor
from tfcli.errors import SpecError
from tfcli.logging.durable import write_bytes
from tfcli.models.activations import Activation
from tfcli.models.custom import registered_name
from tfcli.models.keras_h5 import encode_weights
from tfcli.models.layers.base import Layer
from tfcli.models.layers.multi_head_attention import GroupQueryAttention, MultiHeadAttention
from tfcli.models.layers.symbolic import LayerCall, Slot
from tfcli.models.model import Model
from tfcli.models.sequential import Sequential

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
_METADATA = {"keras_version": "3.8.0", "date_saved": "1980-01-01@00:00:00"}
"""Of no consequence; always the same, so that equal models give equal bytes."""
_MODULES = {
    "layer": "keras.layers",
    "initializer": "keras.initializers",
    "regularizer": "keras.regularizers",
    "constraint": "keras.constraints",
    "loss": "keras.losses",
    "metric": "keras.metrics",
    "optimizer": "keras.optimizers",
    "schedule": "keras.optimizers.schedules",
}
_AT_THE_CALL = ("inputs", "use_causal_mask")
"""Settings of layers that Keras takes when the layer is called."""
_SPREAD = (MultiHeadAttention, GroupQueryAttention)
"""Layers that Keras gives their inputs as arguments of their own."""

Config = dict[str, Any]


def save_archive(model: Model, path: Path) -> None:
    """Write a Sequential or functional model, its weights and how it was compiled. Raises SpecError for any other."""
    if path.suffix != ".keras":
        raise SpecError(f"models are saved as '.keras' archives or in directories, got {path.name!r}")
    config = model_config(model)
    if model.compiled:
        config["compile_config"] = _compile_config(model)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in (
            ("metadata.json", json.dumps(_METADATA).encode()),
            (CONFIG, json.dumps(config).encode()),
            (WEIGHTS, encode_weights(model, path.name)),
        ):
            archive.writestr(zipfile.ZipInfo(name), data)
    write_bytes(path, content.getvalue())


def model_config(model: Model) -> Config:
    """What makes the model anew, without its weights. Raises SpecError for what Keras's form cannot say."""
    if type(model) not in (Model, Sequential):
        raise SpecError(
            f"{model.name} is of a class of your own, {type(model).__name__}, whose code is not saved; save it in a "
            "directory (a path without .keras), which keeps what its call computes"
        )
    if model.wiring is None:
        raise SpecError(f"{model.name} has no shapes yet; call it on data or build(input_shape) it first")
    config = {"name": model.name, "trainable": model.trainable}
    if isinstance(model, Sequential):
        first = model.wiring.inputs[0]
        layers = [_input_config(first, "input"), *map(layer_config, model.layers)]
        return _object("keras", "Sequential", config | {"layers": layers, "build_input_shape": list(first.shape)})
    functional = _object("keras.src.models.functional", "Functional", config | _wiring_config(model))
    return functional | {"registered_name": "Functional"}  # where Keras looks for the class


def _object(module: str, name: str, config: Config) -> Config:
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def layer_config(layer: Layer) -> Config:
    """A layer, or a model inside of one. Raises SpecError for a class of the user's own."""
    if isinstance(layer, Model):
        return model_config(layer)
    if not layer.is_registered():
        if registered_name(type(layer)) is None:
            raise SpecError(
                f"{layer.name} is of a class of your own, {type(layer).__name__}, whose code is not saved; register it "
                "with tf.keras.utils.register_keras_serializable, or save the model in a directory (a path without "
                ".keras), which keeps what it computes"
            )
        return _own_object(layer, str(layer.name))
    names = [name for name in layer.fields() if name not in (*_AT_THE_CALL, "name", "trainable", "dtype")]
    config: Config = {"name": layer.name, "dtype": layer.dtype_policy.name} | (
        {} if layer.trainable else {"trainable": False}
    )
    settings = layer.saved_settings()
    config |= {name: _value(settings[name], f"{layer.name}.{name}") for name in names}
    return _object(_MODULES["layer"], type(layer).__name__, config)


def _own_object(value: Any, where: str) -> Config:
    """An object of a registered class of the user's own, by what its get_config gives."""
    config = {name: _value(item, f"{where}.{name}") for name, item in value.get_config().items()}
    own = type(value)
    return _object(own.__module__, own.__name__, config) | {"registered_name": registered_name(own)}


def _function_of(value: Any) -> Any:
    """The registered function that a value is, or that a loss, metric or activation was made of; None for others."""
    candidates = (value, getattr(value, "function", None), getattr(value, "fn", None))
    return next((c for c in candidates if not isinstance(c, type) and registered_name(c) is not None), None)


def _own_function(function: Any) -> Config:
    name = registered_name(function)
    return {"module": function.__module__, "class_name": "function", "config": name, "registered_name": name}


def _input_config(symbol: Symbol, name: str) -> Config:
    config = {"batch_shape": list(symbol.shape), "dtype": symbol.dtype.name, "name": symbol.node.name or name}
    return _object(_MODULES["layer"], "InputLayer", config)


def _value(value: Any, where: str) -> Any:
    """A setting in JSON, objects in Keras's form. Raises SpecError."""
    match value:
        case Layer():
            return layer_config(value)
        case None | bool() | int() | float() | str():
            return value
        case _ if (function := _function_of(value)) is not None:
            return _own_function(function)
        case _ if registered_name(type(value)) is not None:
            return _own_object(value, where)
        case Activation():
            return _activation_name(value, where)
        case Declared():
            return _declared(value, where)
        case list() | tuple():
            return [_value(item, where) for item in value]
        case dict():
            return {key: _value(item, where) for key, item in value.items()}
        case _ if hasattr(value, "tolist"):
            return value.tolist()
    raise SpecError(f"{where} is Python code, which is not saved: {value!r}; save the model in a directory instead")


def _activation_name(activation: Activation, where: str) -> str:
    """Keras knows activations by name alone. Raises SpecError for one with settings."""
    changed = [n for n, f in activation.fields().items() if getattr(activation, n) != f.default]
    if changed or not activation.is_registered():
        raise SpecError(f"{where}: {activation!r} has no name of Keras's; use it as a layer of its own instead")
    return activation.type_name


def _declared(value: Declared, where: str) -> Config:
    registry = type(value).registry
    if registry is None or not value.is_registered() or registry.kind not in _MODULES:
        raise SpecError(f"{where} is Python code, which is not saved: {value!r}; save the model in a directory instead")
    config = {name: _value(getattr(value, name), f"{where}.{name}") for name in value.fields()}
    return _object(_MODULES[registry.kind], type(value).__name__, config)


# The wiring of a functional model.


def _wiring_config(model: Model) -> Config:
    wiring = model.wiring
    assert wiring is not None
    strange = [node for node in wiring.nodes if not isinstance(node.op, LayerCall)]
    if strange:
        raise SpecError(
            f"{model.name} applies the operation {strange[-1].op.name} between its layers, which a .keras archive "
            "cannot say; use a layer (Add, Multiply, Rescaling, …), or save the model in a directory"
        )
    calls: dict[int, list[Any]] = {id(layer): [] for layer in wiring.layers}
    for node in wiring.nodes:
        calls[id(node.op.layer)].append(node)  # type: ignore[attr-defined]
    given = {id(symbol) for symbol in wiring.inputs}

    def history(symbol: Any) -> list[Any]:
        layer = symbol.node.op.layer
        return [layer.name, calls[id(layer)].index(symbol.node), symbol.index]

    def inbound(node: Any) -> Config:
        if any(id(output) in given for output in node.outputs):
            return {}
        leaves = [
            _keras_tensor(node.inputs[leaf.position], history) if isinstance(leaf, Slot) else _plain(leaf, node.op)
            for leaf in nest.flatten(node.op.arguments)
        ]
        args, kwargs = nest.pack(node.op.arguments, leaves)
        if type(node.op.layer) in _SPREAD and isinstance(args[0], list | tuple):
            args = (*args[0], *args[1:])
        return {"args": list(args), "kwargs": kwargs}

    layers = []
    for layer in wiring.layers:
        nodes = calls[id(layer)]
        is_input = any(id(output) in given for output in nodes[0].outputs)
        config = _input_config(nodes[0].outputs[0], str(layer.name)) if is_input else layer_config(layer)
        made = [call for call in map(inbound, nodes) if call]
        layers.append(config | {"name": layer.name, "inbound_nodes": made})
    return {
        "layers": layers,
        "input_layers": nest.map_structure(history, wiring.input_structure),
        "output_layers": nest.map_structure(history, wiring.output_structure),
    }


def _keras_tensor(symbol: Any, history: Any) -> Config:
    config = {"shape": list(symbol.shape), "dtype": symbol.dtype.name, "keras_history": history(symbol)}
    return {"class_name": "__keras_tensor__", "config": config}


def _plain(value: Any, call: LayerCall) -> Any:
    if isinstance(value, Tensor):
        raise SpecError(
            f"{call.name} is called on a tensor that is no input of the model, which a .keras archive lacks"
        )
    return _value(value, f"the call of {call.name}")


# How the model was compiled.


def _compile_config(model: Model) -> Config:
    """Raises SpecError for losses and metrics that are Python code."""
    given, optimizer = model._given, model.optimizer
    rate = optimizer.learning_rate if isinstance(optimizer.learning_rate, Declared) else float(optimizer.learning_rate)
    config = {
        name: _value(getattr(optimizer, name), "optimizer") for name in optimizer.fields() if name != "learning_rate"
    }
    config |= {"name": optimizer.type_name, "learning_rate": _value(rate, "optimizer.learning_rate")}
    return {
        "optimizer": _object(_MODULES["optimizer"], type(optimizer).__name__, config),
        "loss": _value(given.loss, "loss"),
        "loss_weights": _value(given.loss_weights, "loss_weights"),
        "metrics": _value(given.metrics, "metrics"),
        "weighted_metrics": _value(given.weighted_metrics, "weighted_metrics"),
        "run_eagerly": model.run_eagerly,
        "steps_per_execution": 1,
        "jit_compile": False,
    }
