"""A `.keras` archive of Keras 3 as a spec and its weights. The archive is read as data; nothing in it is run."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.engine.spec import Shape, TensorSpec
from tfcli.errors import SpecError
from tfcli.models.keras_files import expansion_limit, read_member
from tfcli.models.layers.state import building_within
from tfcli.models.losses import Loss
from tfcli.models.metrics import Metric
from tfcli.models.network import Network
from tfcli.models.optimizers import Optimizer
from tfcli.models.spec import ModelSpec
from tfcli.runner.keras_graph import Layers, read_layers
from tfcli.runner.keras_nodes import Node, NotInSpec, as_keras_writes, object_node
from tfcli.runner.keras_weights import arrays_in, child_group, load_groups, open_weights


@dataclass
class KerasModel:
    """A model of Keras in spec form, its weights by the spec's names, and what could not be taken over."""

    model: Node
    layers: Layers
    weights: dict[str, np.ndarray]
    training: Node
    """`loss`, `optimizer` and so on, as the model was compiled; empty where it was not."""
    output_units: list[int | None]
    notes: list[str] = field(default_factory=list)


def read_keras_model(path: Path) -> KerasModel:
    """The model in an archive. Raises SpecError where it is no archive, or holds what a spec cannot say."""
    config = _read_config(path)
    notes: list[str] = []
    with open_weights(path) as file, as_keras_writes(path):
        weights_of: Callable[[str], list[Any]] = lambda group: arrays_in(child_group(file, group, path), path)  # noqa: E731
        layers = read_layers(config, lambda group: bool(weights_of(group)), _finisher(path, weights_of))
        model = _model(layers)
        network = _build(path, layers, model)
        training = _compiled(config.get("compile_config") or {}, layers, notes)
    weights = load_groups(path, network, layers.groups)
    units = [spec.shape[-1] for spec in network.output_specs.values()]
    return KerasModel(model, layers, weights, training, units, notes)


def _read_config(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise SpecError(f"there is no file {path}")
    try:
        config = json.loads(read_member(path, "config.json") or b"")
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise SpecError(
            f"{path} is no .keras archive of Keras 3: its config.json cannot be read ({error}); save the model with "
            "model.save('name.keras')"
        ) from error
    if not isinstance(config, dict) or "class_name" not in config or not isinstance(config.get("config"), dict):
        raise SpecError(f"{path}: its config.json describes no model")
    return config


def _finisher(path: Path, weights_of: Callable[[str], list[Any]]) -> Callable[[Node, Mapping[str, Any], str], None]:
    """What a layer learned from data is in the weights or in a file of its own, and in a spec at the layer."""

    def finish(node: Node, config: Mapping[str, Any], group: str) -> None:
        if node["type"] == "normalization" and config.get("mean") is None:
            mean, variance = weights_of(group)[:2]
            node |= {"mean": mean.tolist(), "variance": variance.tolist()}
        if "vocabulary" in config and config["vocabulary"] is None:
            node["vocabulary"] = _vocabulary(path, config, group)

    return finish


def _vocabulary(path: Path, config: Mapping[str, Any], group: str) -> list[Any]:
    """A lookup's vocabulary, without the tokens that it puts in front by itself."""
    content = read_member(path, f"assets/{group}/vocabulary.txt")
    if content is None:
        raise NotInSpec(f"{path}: `{config['name']}` has no vocabulary: it was saved before `adapt`")
    lines = content.decode().split("\n")
    own = {"", "[UNK]", str(config.get("oov_token")), str(config.get("mask_token"))}
    while lines and lines[0] in own:
        lines.pop(0)
    return [int(line) for line in lines] if "int" in str(config.get("vocabulary_dtype")) else lines


def _model(layers: Layers) -> Node:
    """`model:` of the spec; `inputs` only where a layer does not read the one above it."""
    before = next(iter(layers.inputs)) if len(layers.inputs) == 1 else None
    nodes = []
    for node in layers.nodes:
        sources = node["inputs"]
        head = {"type": node["type"], "name": node["name"]}
        if sources != [before]:
            head["inputs"] = sources if len(sources) > 1 else sources[0]
        nodes.append(head | {key: value for key, value in node.items() if key != "inputs"})
        before = node["name"]
    outputs = list(layers.outputs.values())
    return {"inputs": layers.inputs, "layers": nodes} | ({} if outputs == [before] else {"outputs": outputs})


def _build(path: Path, layers: Layers, model: Node) -> Network:
    inputs = {
        name: TensorSpec(Shape((None, *item["shape"])), item["dtype"], name) for name, item in layers.inputs.items()
    }
    try:
        with building_within(expansion_limit(path.stat().st_size)):
            return Network(ModelSpec(**model), inputs)
    except SpecError as error:
        raise SpecError(f"{path} cannot be said as a spec:\n{error}") from error


def _compiled(config: Mapping[str, Any], layers: Layers, notes: list[str]) -> Node:
    """How the model was compiled; what cannot be said is left out, with a note."""
    outputs = list(layers.outputs)
    found: Node = {}
    readers: dict[str, Callable[[], Any]] = {
        "loss": lambda: _by_output(_objects(Loss, config["loss"], "the loss"), layers, repeat=True),
        "loss_weights": lambda: _by_output(config["loss_weights"], layers) if len(outputs) > 1 else None,
        "optimizer": lambda: object_node(Optimizer, config["optimizer"], "the optimizer"),
        "metrics": lambda: _metrics(_objects(Metric, config["metrics"], "the metrics"), layers),
    }
    for key, read in readers.items():
        if config.get(key):
            try:
                value = read()
            except NotInSpec as error:
                notes.append(f"`{key}` is left out: {error}")
            else:
                found |= {} if value is None else {key: value}
    if config.get("weighted_metrics"):
        notes.append("`weighted_metrics` are left out: the metrics of a spec are not weighted")
    return found


def _objects(root: Any, value: Any, where: str) -> Any:
    """Each object in a list or a mapping by output as a node."""
    if isinstance(value, list):
        return [_objects(root, inner, where) for inner in value]
    if isinstance(value, Mapping) and "class_name" not in value:
        return {key: _objects(root, inner, where) for key, inner in value.items()}
    return value if value is None or isinstance(value, str) else object_node(root, value, where)


def _by_output(value: Any, layers: Layers, repeat: bool = False) -> Any:
    """`{output: value}` in the spec's names for a model of several outputs, else the one value."""
    outputs = layers.outputs
    if isinstance(value, Mapping) and "type" not in value:
        unknown = [name for name in value if name not in outputs]
        if unknown:
            raise NotInSpec(f"it names `{unknown[0]}`, which is no output of the model")
        found = {outputs[name]: inner for name, inner in value.items() if inner is not None}
    elif isinstance(value, list):
        if len(value) != len(outputs):
            raise NotInSpec(f"there are {len(value)} for {len(outputs)} outputs")
        found = {name: inner for name, inner in zip(outputs.values(), value, strict=True) if inner is not None}
    elif len(outputs) > 1 and repeat:
        found = dict.fromkeys(outputs.values(), value)
    else:
        return value
    return next(iter(found.values()), None) if len(outputs) == 1 else found


def _metrics(value: Any, layers: Layers) -> Any:
    """A list for the one output, or a list for each."""
    if len(layers.outputs) == 1:
        if isinstance(value, Mapping) and "type" not in value:
            value = next(iter(value.values()))
        nested = isinstance(value, list) and len(value) == 1 and isinstance(value[0], list)
        return _listed(value[0] if nested else value)
    named = _by_output(value, layers)
    return {name: _listed(inner) for name, inner in named.items() if _listed(inner)}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
