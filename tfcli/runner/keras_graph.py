"""The layers of a Keras model, as its archive describes them, as the layers of a spec.

A nested model's layers stand among those of the model around it, its name before theirs. What the archive says of the
wiring ("keras history": layer, call, output) becomes each layer's `inputs`.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tfcli.models.activations import Activation
from tfcli.runner.keras_nodes import Node, NotInSpec, keras_name, layer_node, policy_name, refuse_custom

_MODELS = ("Functional", "Sequential", "Model")
_MERGES = {"Add": "add", "Subtract": "subtract", "Multiply": "multiply", "Maximum": "maximum", "Minimum": "minimum"}
"""Operators between tensors, and the layers that do the same."""
_ARGUMENTS = ("inputs", "query", "value", "key")
"""Arguments of a call that are tensors to read, in the order in which a spec lists them."""
_MASK_OPS = ("NotEqual", "Any", "OnesLike")

Key = tuple[str, int, int]
"""A tensor: the layer's name, the number of its call, the number of the output."""


@dataclass
class _Mask:
    """Stands for a mask that Keras computed on the way; layers pass masks on by themselves."""


@dataclass
class Layers:
    """The layers of a spec, the model's inputs, and where their weights are: a layer's name -> a group of the file."""

    nodes: list[Node] = field(default_factory=list)
    inputs: dict[str, Node] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    """What Keras calls an output -> the layer's name."""
    groups: dict[str, str] = field(default_factory=dict)
    precisions: Counter[str] = field(default_factory=Counter)


Finish = Callable[[Node, Mapping[str, Any], str], None]
"""Adds to a layer (with Keras's config and the group) what the archive keeps outside its config."""


def read_layers(config: Mapping[str, Any], has_weights: Callable[[str], bool], finish: Finish) -> Layers:
    """The model of a config. `has_weights` tells of a group whether there are weights in it. Raises NotInSpec."""
    return _Reader(has_weights, finish).read(config)


class _Reader:
    def __init__(self, has_weights: Callable[[str], bool], finish: Finish) -> None:
        self._has_weights, self._finish = has_weights, finish
        self._found = Layers()
        self._taken: Counter[str] = Counter()

    def read(self, item: Mapping[str, Any]) -> Layers:
        outputs = self._model(item, "", "", None)
        config = item["config"]
        keys = list(_named_histories(config["output_layers"])) if "output_layers" in config else [(None, None)]
        for (name, history), source in zip(keys, outputs, strict=True):
            last = self._as_layer(source)
            self._found.outputs[name or (history[0] if history else last)] = last
        self._prune()
        return self._found

    def _as_layer(self, source: str) -> str:
        """An output is a layer of its own."""
        if source in self._found.inputs or source in self._found.outputs.values():
            return self._append({"type": "identity", "name": f"{source}_output"}, [source])
        return source

    def _prune(self) -> None:
        """Without layers whose outputs nothing reads, such as a nested model's second output."""
        needed = set(self._found.outputs.values())
        for node in reversed(self._found.nodes):
            if node["name"] in needed:
                needed.update(node["inputs"])
        self._found.nodes = [node for node in self._found.nodes if node["name"] in needed]

    def _model(self, item: Mapping[str, Any], prefix: str, group: str, given: list[str] | None) -> list[str]:
        """The outputs of a model whose inputs are `given`; the outermost one makes its own."""
        config = item["config"]
        if item["class_name"] not in _MODELS or "layers" not in config:
            raise NotInSpec(
                f"`{item['class_name']}` is a subclassed model: its archive does not say how its layers are wired; "
                "rebuild it as a Sequential or Functional model and save that"
            )
        refuse_custom(item, f"the model `{config.get('name')}`")
        if item["class_name"] == "Sequential":
            return self._sequential(config, prefix, group, given)
        return _Wiring(self, config, prefix, group, given).outputs()

    def _sequential(self, config: Mapping[str, Any], prefix: str, group: str, given: list[str] | None) -> list[str]:
        layers = list(config["layers"])
        first = layers.pop(0) if layers and layers[0]["class_name"] == "InputLayer" else None
        if given is None:
            given = [self.add_input(first, config.get("build_input_shape"))]
        groups = _group_names(layers, group)
        for layer, own in zip(layers, groups, strict=True):
            given = self.call(layer, prefix, own, given, {}, 0)
        return given

    def add_input(self, layer: Mapping[str, Any] | None, shape: Any = None) -> str:
        """A model input, from its layer or from the shape that a Sequential was built for."""
        config = layer["config"] if layer is not None else {"name": "input", "batch_shape": shape}
        if config.get("batch_shape") is None:
            raise NotInSpec("the model was saved before it was built: its archive does not say what its inputs are")
        if config.get("sparse") or config.get("ragged"):
            raise NotInSpec(f"the input `{config['name']}` is sparse or ragged, which a spec's inputs are not")
        name = self._free(config["name"])
        self._found.inputs[name] = {"shape": list(config["batch_shape"][1:]), "dtype": config.get("dtype", "float32")}
        return name

    def call(
        self, item: Mapping[str, Any], prefix: str, group: str, sources: list[str], settings: Node, number: int
    ) -> list[str]:
        """Add the layer, or the layers of the model, that reads `sources`; its outputs."""
        name = prefix + item["config"].get("name", item["class_name"])
        if number and self._has_weights(group):
            raise NotInSpec(
                f"`{name}` is shared: it is called {number + 1} times with the same weights, and each layer of a spec "
                "has its own; where it reads several inputs alike, stack them and use TimeDistributed"
            )
        if item["class_name"] in _MODELS or "layers" in item["config"]:
            return self._model(item, f"{name}_", f"{group}/", sources)
        node = layer_node(item, f"the layer `{name}`") | settings
        if item["config"].get("trainable") is False:
            node["trainable"] = False
        self._finish(node, item["config"], group)
        if policy := policy_name(item["config"].get("dtype")):
            self._found.precisions[policy] += 1
        made = self._append({"type": node.pop("type"), "name": name, **node}, sources)
        self._found.groups[made] = group
        return [made]

    def append_op(self, node: Node, name: str, sources: list[str]) -> str:
        return self._append({"type": node.pop("type"), "name": name, **node}, sources)

    def _append(self, node: Node, sources: list[str]) -> str:
        node["name"] = self._free(node["name"])
        node["inputs"] = sources
        self._found.nodes.append(node)
        return node["name"]

    def _free(self, name: str) -> str:
        """The name, without what a spec's names do not have, and numbered where it is taken."""
        name = name.replace("/", "_")
        self._taken[name] += 1
        return name if self._taken[name] == 1 else self._free(f"{name}_{self._taken[name] - 1}")


class _Wiring:
    """One functional model: its calls in an order in which each finds what it reads."""

    def __init__(
        self, reader: _Reader, config: Mapping[str, Any], prefix: str, group: str, given: list[str] | None
    ) -> None:
        self.reader, self.config, self.prefix = reader, config, prefix
        self.layers = {layer["name"]: layer for layer in config["layers"]}
        kept = [layer for layer in config["layers"] if not _is_op(layer)]
        self.groups = dict(zip((layer["name"] for layer in kept), _group_names(kept, group), strict=True))
        self.values: dict[Key, Any] = {}
        inputs = [key for _, key in _named_histories(config["input_layers"])]
        for i, key in enumerate(inputs):
            self.values[key] = reader.add_input(self.layers[key[0]]) if given is None else given[i]

    def outputs(self) -> list[str]:
        waiting = [(layer, number) for layer in self.layers.values() for number in range(len(layer["inbound_nodes"]))]
        while waiting:
            ready = [call for call in waiting if all(key in self.values for key in _keys(_inbound(*call)))]
            if not ready:
                raise NotInSpec(self._why_stuck(waiting))
            for layer, number in ready:
                self._call(layer, number)
            waiting = [call for call in waiting if call not in ready]
        return [self._tensor(key, "the model's outputs") for _, key in _named_histories(self.config["output_layers"])]

    def _why_stuck(self, waiting: list[tuple[Mapping[str, Any], int]]) -> str:
        """What a call waits for that no call gives."""
        for layer, number in waiting:
            for name, call, output in _keys(_inbound(layer, number)):
                if (name, call, 0) in self.values and (name, call, output) not in self.values:
                    reader = f"the layer `{self.prefix}{layer['name']}`"
                    return f"{reader} reads output {output} of `{name}`, and a layer of a spec has one output"
        return f"the wiring of `{self.config.get('name')}` does not lead from its inputs to its outputs"

    def _call(self, layer: Mapping[str, Any], number: int) -> None:
        inbound, name = _inbound(layer, number), layer["name"]
        where = f"the layer `{self.prefix}{name}`"
        if _is_op(layer):
            made = [self._op(layer, inbound, where)]
        else:
            sources, settings = self._arguments(layer, inbound, where)
            made = self.reader.call(layer, self.prefix, self.groups[name], sources, settings, number)
        for i, output in enumerate(made):
            self.values[name, number, i] = output

    def _tensor(self, key: Key, where: str) -> str:
        value = self.values.get(key)
        if value is None:
            raise NotInSpec(f"{where} reads output {key[2]} of `{key[0]}`; a layer of a spec has one output")
        if isinstance(value, _Mask):
            raise NotInSpec(f"{where} reads `{key[0]}`, an operation that no layer of a spec does")
        return value

    def _arguments(self, layer: Mapping[str, Any], inbound: Mapping[str, Any], where: str) -> tuple[list[str], Node]:
        """What a call reads, and the settings that a spec says at the layer and Keras at the call."""
        keys, settings = list(_keys(inbound["args"])), {}
        for name, value in inbound["kwargs"].items():
            tensors = list(_keys(value))
            if name in _ARGUMENTS and tensors:
                keys += tensors
            elif tensors and all(isinstance(self.values[key], _Mask) for key in tensors):
                continue
            elif name == "use_causal_mask" and value:
                settings[name] = value
            elif name != "training" and value not in (None, False):
                raise NotInSpec(f"{where} is called with `{name}`, which a spec cannot say")
        sources = [self._tensor(key, where) for key in keys]
        is_attention = layer["class_name"].endswith("Attention")
        return (sources[:1] if is_attention and len(set(sources)) == 1 else sources), settings

    def _op(self, layer: Mapping[str, Any], inbound: Mapping[str, Any], where: str) -> Any:
        """An operation on tensors, as the layer that does the same; or the stand-in for a mask."""
        keys, name = list(_keys(inbound["args"])), layer["class_name"]
        if name in _MASK_OPS or any(isinstance(self.values[key], _Mask) for key in keys):
            return _Mask()
        sources = [self._tensor(key, where) for key in keys]
        node = _op_node(name, layer["config"], inbound["args"], where)
        return self.reader.append_op(node, f"{self.prefix}{layer['name']}", sources)


def _op_node(name: str, config: Mapping[str, Any], arguments: list[Any], where: str) -> Node:
    tensors = [_is_tensor(value) for value in arguments]
    if name in _MERGES and tensors == [True, True]:
        ranks = {len(value["config"]["shape"]) for value in arguments}
        if len(ranks) == 1:
            return {"type": _MERGES[name]}
    number = next((value for value in arguments if isinstance(value, int | float)), None)
    if number is not None and len(arguments) == 2:
        match name, tensors[0]:
            case "Add", _:
                return {"type": "rescaling", "scale": 1.0, "offset": float(number)}
            case "Multiply", _:
                return {"type": "rescaling", "scale": float(number)}
            case "Subtract", first:
                return {
                    "type": "rescaling",
                    "scale": 1.0 if first else -1.0,
                    "offset": float(-number if first else number),
                }
            case "TrueDivide" | "Divide", True:
                return {"type": "rescaling", "scale": 1.0 / number}
    if name == "Concatenate":
        return {"type": "concatenate", "axis": config.get("axis", -1)}
    if name == "Reshape" and (config.get("newshape") or [None])[0] == -1:
        return {"type": "reshape", "target_shape": list(config["newshape"][1:])}
    if name == "Softmax":
        return {"type": "softmax", "axis": config.get("axis", -1)}
    assert Activation.registry is not None
    activation = Activation.registry.find(keras_name(name).replace("re_lu", "relu"))
    if activation is not None and tensors == [True]:
        settings = {key: value for key, value in config.items() if key in activation.fields()}
        return {"type": "activation", "activation": {"type": activation.type_name, **settings}}
    raise NotInSpec(f"{where} is Keras's operation `{name}`, which no layer of a spec does; use a layer instead")


def _is_op(layer: Mapping[str, Any]) -> bool:
    """Whether it is an operation on tensors rather than a layer."""
    return str(layer.get("module")).startswith("keras.src.ops")


def _group_names(layers: list[Mapping[str, Any]], prefix: str) -> list[str]:
    """The groups of a model's layers in its weights file: numbered by class, in the order of the archive."""
    counts: Counter[str] = Counter()
    names = []
    for layer in layers:
        base = keras_name(layer["class_name"])
        names.append(f"{prefix}layers/{base}" + (f"_{counts[base]}" if counts[base] else ""))
        counts[base] += 1
    return names


def _inbound(layer: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    return layer["inbound_nodes"][number]


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__"


def _keys(value: Any) -> Iterator[Key]:
    """The tensors in the arguments of a call."""
    if _is_tensor(value):
        name, number, output = value["config"]["keras_history"]
        yield name, number, output
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner)


def _named_histories(value: Any) -> Iterator[tuple[str | None, Key]]:
    """The tensors of `input_layers` and `output_layers`, with their names where these are given."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from ((name, key) for _, key in _named_histories(inner))
    elif len(value) == 3 and isinstance(value[0], str):
        yield None, (value[0], value[1], value[2])
    else:
        for inner in value:
            yield from _named_histories(inner)
