"""What Keras wrote of one object (a layer, an initializer, an optimizer) as a node of a spec.

Such an object is `{"module", "class_name", "config", "registered_name"}`. It is read as data: nothing that it names is
imported or run.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from tfcli.declare import Declared, FunctionName, Problem, convert
from tfcli.declare.declared import Field, plain
from tfcli.errors import SpecError, TfcliError
from tfcli.models.layers.base import Layer
from tfcli.spec.load import texts_of

Node = dict[str, Any]

_NOT_SETTINGS = ("name", "dtype", "trainable", "batch_input_shape", "build_config", "vocabulary_size")
"""Keys of a config that are said elsewhere, or that follow from the others."""
_OF_SWITCH = {"renorm_momentum": "renorm", "renorm_clipping": "renorm"}
"""Settings of what is off unless the other key is on."""
_FIXED = {"data_format": "channels_last", "oov_method": "floormod", "encoding": "utf-8"}
"""What layers do here that have no setting for it."""
_LEARNED_AS = {"num_bins": "bin_boundaries"}
"""Settings that say how to learn what is in the config, once learned, as the other key."""
_OWN_NAMES = {"GroupQueryAttention": "GroupedQueryAttention"}
"""Classes that Keras calls otherwise in its own files."""
_INNER_LAYERS = ("layer", "backward_layer", "cell", "cells")
"""Settings of wrappers and recurrent layers that are layers themselves."""
_PER_AXIS = ("kernel_size", "strides", "pool_size", "dilation_rate", "size")
_SAME_AS_NONE = {"data_format": "channels_last", "activation": "linear"}


class NotInSpec(SpecError):
    """Something in a Keras model that a spec cannot say."""


@contextmanager
def as_keras_writes(source: object) -> Iterator[None]:
    """What a config describes is looked at inside, and may have any form. Raises SpecError."""
    try:
        yield
    except TfcliError:
        raise
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise SpecError(f"{source}: the config is not what Keras 3 writes ({error!r})") from error


def keras_name(class_name: str) -> str:
    """What Keras makes of a class's name for files: `MultiHeadAttention` -> `multi_head_attention`, `ReLU` ->
    `re_lu`."""
    own = _OWN_NAMES.get(class_name, class_name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", own))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def layer_node(item: Mapping[str, Any], where: str) -> Node:
    """A layer's own settings in spec form, without what are defaults. Raises NotInSpec."""
    return brief(_declared(Layer, item, where))


def object_node(root: type[Declared], item: Any, where: str) -> Any:
    """A loss, metric or optimizer in spec form: what Keras wrote, or its bare name. Raises NotInSpec."""
    return brief(_declared(root, item, where))


def _declared(root: type[Declared], item: Any, where: str) -> Any:
    problems: list[Problem] = []
    made = convert(root, _value(item, where, root), (), problems)
    if problems:
        raise NotInSpec(f"{where}: {'; '.join(map(str, problems))}")
    for _, name in texts_of(FunctionName, made.spec() if isinstance(made, Declared) else made, ()):
        raise NotInSpec(f"{where}: `{name}` is Python that the file names, which is not run")
    return made


def _value(item: Any, where: str, root: type[Declared] | None = None) -> Any:
    """A value of a config, objects in it as nodes."""
    if isinstance(item, list | tuple):
        return [_value(inner, where, root) for inner in item]
    if isinstance(item, float):
        return _shortest(item)
    if not isinstance(item, Mapping):
        return item
    match item.get("class_name"):
        case None:
            return {key: _value(inner, where) for key, inner in item.items()}
        case "__tuple__":
            return [_value(inner, where) for inner in item["items"]]
        case "__numpy__" | "__tensor__":
            return item["config"]["value"]
        case "Lambda" | "__lambda__":
            raise NotInSpec(
                f"{where}: a Lambda holds Python code in the file, which is not run; put a layer of Keras in its place"
            )
        case "function":
            return _function_name(item, where)
    return _node(item, where, root)


def _function_name(item: Mapping[str, Any], where: str) -> str:
    name = str(item.get("config"))
    if not str(item.get("module") or "").startswith("keras"):
        raise NotInSpec(f"{where}: the function `{name}` is Python code of its own, which the file does not have")
    return name


def _node(item: Mapping[str, Any], where: str, root: type[Declared] | None) -> Node:
    class_name, config = str(item["class_name"]), item.get("config") or {}
    refuse_custom(item, where)
    cls = root.registry.find(class_name) if root is not None and root.registry is not None else None
    if root is not None and cls is None:
        assert root.registry is not None
        raise NotInSpec(f"{where}: there is no {root.registry.kind} like Keras's `{class_name}` here")
    known = None if cls is None else cls.fields()
    node: Node = {"type": class_name if cls is None else cls.type_name}
    for key, value in config.items():
        if key == "dtype" and root is Layer and (policy := policy_name(value)):
            node["dtype"] = policy
        if key in _NOT_SETTINGS and not (key == "dtype" and root is None):
            continue
        if config.get(_LEARNED_AS.get(key, "")):
            continue
        if known is not None and key not in known:
            if not value or value == _FIXED.get(key) or not config.get(_OF_SWITCH.get(key, key)):
                continue  # a switch of Keras's that is off, or what is so here in any case
            raise NotInSpec(f"{where}: `{class_name}` has no setting `{key}` here, and the file says {value!r}")
        node[key] = _value(value, f"{where}.{key}", Layer if key in _INNER_LAYERS else None)
    return node


def refuse_custom(item: Mapping[str, Any], where: str) -> None:
    """Raises NotInSpec for a class that is not Keras's own."""
    module = str(item.get("module") or "")
    if module == "keras" or module.startswith(("keras.", "builtins")):
        return
    raise NotInSpec(
        f"{where}: `{item.get('class_name')}` is a class of its own, whose code the file does not have; "
        "rebuild the model from Keras's layers and save it again"
    )


def policy_name(policy: Any) -> str | None:
    """The name of what a layer computes in, of a policy as Keras writes it; None for layers of texts and numbers."""
    name = policy["config"]["name"] if isinstance(policy, Mapping) else policy
    return name if isinstance(name, str) and "float" in name else None


def without_policy(node: Any, name: str) -> Any:
    """A node without the `dtype` of that name, in the layers that it holds too."""
    if isinstance(node, list):
        return [without_policy(item, name) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: without_policy(item, name) for key, item in node.items() if (key, item) != ("dtype", name)}


def _shortest(value: float) -> float:
    """0.001 for 0.0010000000474974513: the fewest digits that are the same number in float32."""
    short = np.float32(value)
    return float(str(short)) if np.isfinite(short) and float(short) == value else value


def _on_all_axes(name: str, value: Any) -> Any:
    """3 for [3, 3], where a setting is said for each axis."""
    is_uniform = name in _PER_AXIS and isinstance(value, list) and len(set(value)) == 1
    return value[0] if is_uniform else value


def _default(field: Field) -> Any:
    return brief(convert(field.annotation, field.default, (), []))


def brief(value: Any) -> Any:
    """The spec form without what are defaults; a node without any other setting is its bare name."""
    if isinstance(value, list | tuple):
        return [brief(inner) for inner in value]
    if not isinstance(value, Declared):
        return plain(value)
    node = {"type": value.type_name} if value.registry is not None else {}
    for name, field in value.fields().items():
        given = value.given_dtype if isinstance(value, Layer) and name == "dtype" else getattr(value, name)
        own = _on_all_axes(name, brief(given))
        if field.required or own not in (_default(field), _SAME_AS_NONE.get(name, _default(field))):
            node[name] = own
    return value.type_name if list(node) == ["type"] and not isinstance(value, Layer) else node
