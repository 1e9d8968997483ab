"""Weights from Keras's files, `.weights.h5` and `.keras`: arrays alone are read, and nothing in a file is executed.

Keras numbers the groups of layers by class (`dense`, `dense_1`), by the layers' depth, and notes each name.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.errors import SpecError
from tfcli.models.keras_files import names_in, numbers_in, open_h5, own_member, read_member
from tfcli.models.layers.base import Layer
from tfcli.models.layers.cells import StackedRNNCells
from tfcli.models.network import Network

SUFFIXES = (".keras", ".h5")
_MEMBER = "model.weights.h5"
_PARTS = {
    "forward_layer": "forward",
    "backward_layer": "backward",
    "query_dense": "query",
    "key_dense": "key",
    "value_dense": "value",
    "output_dense": "attention_output",
}
_KERAS_NAMES = {"group_query_attention": "grouped_query_attention", "prelu": "p_re_lu"}
"""What Keras calls the groups of classes that it writes otherwise itself."""
_MOST_LEVELS = 8
"""How deep models lie within models, at most."""
_UNNAMED = ("cell", "layer")
"""Groups that Keras has and weight names have not."""


def load_keras_weights(path: Path, network: Network) -> dict[str, np.ndarray]:
    """The file's arrays by the network's weight names. Raises SpecError where they do not fit, or without h5py."""
    with open_weights(path) as file:
        return _match(_child(file, "layers", path), network, path)


def load_groups(path: Path, network: Network, groups: Mapping[str, str]) -> dict[str, np.ndarray]:
    """As `load_keras_weights`, where `groups` says by a layer's path which group of the file is its own."""
    found: dict[str, np.ndarray] = {}
    with open_weights(path) as file:
        for layer in network.layers:
            if layer.weights:
                group = child_group(file, groups[layer.path], path)
                found |= _layer_weights(layer, group, path)
    return found


@contextmanager
def open_weights(path: Path) -> Iterator[Any]:
    """The HDF5 file at a path or in an archive there. Raises SpecError."""
    content = read_member(path, _MEMBER) if path.suffix == ".keras" else _read(path)
    if content is None:
        raise SpecError(f"{path} is no .keras archive of Keras 3: it has no {_MEMBER}")
    with open_h5(content, str(path)) as file:
        yield file


def child_group(file: Any, name: str, path: Path) -> Any:
    """The group at a path of several steps, each of which lies in the file itself. Raises SpecError."""
    for part in name.split("/"):
        file = _child(file, part, path)
    return file


def arrays_in(group: Any, path: Path) -> list[np.ndarray]:
    """The numbers of all data sets below a group."""
    return [numbers_in(data, str(path)) for _, data in _arrays(group, "", path)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SpecError(f"cannot read {path}: {error.strerror}") from error


def _child(group: Any, name: str, path: Path) -> Any:
    """A member of the group that lies in the file itself."""
    child = own_member(group, name)
    if child is None:
        raise SpecError(f"{path} has no {group.name.rstrip('/')}/{name} of its own: it is no weights file of Keras 3")
    return child


def _match(groups: Any, network: Network, path: Path) -> dict[str, np.ndarray]:
    layers = [layer for layer in by_depth(network) if layer.weights]
    named = dict(_named(groups, "", path))
    if all(layer.path in named for layer in layers):
        found = [named[layer.path] for layer in layers]
    else:
        found = [_numbered_group(groups, layer, key, path) for layer, key in _numbered(network)]
    arrays: dict[str, np.ndarray] = {}
    for layer, group in zip(layers, found, strict=True):
        arrays |= _layer_weights(layer, group, path)
    return arrays


def _named(groups: Any, prefix: str, path: Path) -> Iterator[tuple[str, Any]]:
    """The groups of layers by what Keras called them; those in a model within the model as `model/layer`."""
    for key in names_in(groups, str(path)):
        group = _child(groups, key, path)
        name = prefix + str(_child(group, "vars", path).attrs.get("name", ""))
        yield name, group
        if "layers" in group and name.count("/") < _MOST_LEVELS:
            yield from _named(_child(group, "layers", path), f"{name}/", path)


def _numbered_group(groups: Any, layer: Layer, key: str, path: Path) -> Any:
    within = [name for name in names_in(groups, str(path)) if "layers" in _child(groups, name, path)]
    if within:
        raise SpecError(
            f"{path} has models within the model ({', '.join(within)}), whose layers are found by name: call blocks "
            f"and layers as Keras does; none is called `{layer.path}`"
        )
    if key not in groups:
        there = ", ".join(sorted(groups)[:12])
        raise SpecError(f"{path} has no weights for `{layer.path}` (a group {key}); its layers are: {there}")
    return _child(groups, key, path)


def _numbered(network: Network) -> Iterator[tuple[Layer, str]]:
    """The layers with weights and Keras's names for their groups, numbered by class in the order of depth."""
    counts: Counter[str] = Counter()
    for layer in by_depth(network):
        count = counts[layer.type_name]
        counts[layer.type_name] += 1
        if layer.weights:
            name = _KERAS_NAMES.get(layer.type_name, layer.type_name)
            yield layer, name if count == 0 else f"{name}_{count}"


def by_depth(network: Network) -> list[Layer]:
    """The layers, the farthest from an output first; equals in the order in which the outputs reach them."""
    steps = {step.path: step for step in network.steps}
    depth = dict.fromkeys(steps, 0)
    for step in reversed(network.steps):
        for source in step.sources:
            if source in depth:
                depth[source] = max(depth[source], depth[step.path] + 1)
    reached: dict[str, None] = {}
    for path in network.outputs.values():
        waiting = [(path, False)]
        while waiting:
            now, done = waiting.pop()
            if done:
                reached.setdefault(now)
            elif now in steps and now not in reached:
                waiting += [(now, True), *((source, False) for source in reversed(steps[now].sources))]
    return [steps[path].layer for path in sorted(reached, key=lambda path: -depth[path])]


def _layer_weights(layer: Layer, group: Any, path: Path) -> dict[str, np.ndarray]:
    arrays = _rearranged(dict(_arrays(group, "", path)), layer)
    counts: Counter[str] = Counter()
    found = {}
    for weight in layer.weights:
        part = weight.path.removeprefix(layer.path).strip("/").rpartition("/")[0]
        data = arrays.get((part, counts[part]))
        counts[part] += 1
        shape = tuple(weight.array.shape)
        if getattr(data, "shape", None) != shape:
            there = "nothing" if data is None else f"{data.dtype} {data.shape}"
            raise SpecError(f"{path}: the model's {weight.path} has the shape {shape}, the file has {there}")
        found[weight.path] = numbers_in(data, str(path))
    if len(arrays) != len(found):
        raise SpecError(f"{path} has {len(arrays)} weights for `{layer.path}`, the model {len(found)}")
    return found


Arrays = dict[tuple[str, int], Any]
"""Data sets by part of a layer and number."""


def _rearranged(arrays: Arrays, layer: Layer) -> Arrays:
    """With the parts of stacked cells numbered, and those of a wrapper with weights of its own as one."""
    order: dict[str, int] = {}
    counts: Counter[str] = Counter()
    for stack in (inner for inner in layer.walk() if isinstance(inner, StackedRNNCells)):
        for i, cell in enumerate(stack.cells):
            count = counts[cell.type_name]
            counts[cell.type_name] += 1
            order[f"cells/{cell.type_name}" + (f"_{count}" if count else "")] = i
    for name, i in order.items():
        arrays = {(str(i) if part == name else part, n): data for (part, n), data in arrays.items()}
    own = sum(part == "" for part, _ in arrays)
    # A wrapper keeps the kernel of the layer inside, which is the layer's first weight too.
    return {
        ("", own + n - 1) if part == "layer" else (part, n): data
        for (part, n), data in arrays.items()
        if (part, n) != ("layer", 0)
    }


def _arrays(group: Any, part: str, path: Path) -> Iterator[tuple[tuple[str, int], Any]]:
    """The data sets below a group by part of the layer and number."""
    for key in names_in(group, str(path)):
        child = _child(group, key, path)
        if key == "vars":
            for number in names_in(child, str(path)):
                if number.isdecimal():
                    yield (part, int(number)), _child(child, number, path)
        elif hasattr(child, "keys") and part.count("/") < 8 and key != "seed_generator":
            is_wrapper = key == "layer" and any(map(str.isdecimal, names_in(own_member(group, "vars"), str(path))))
            step = "" if key in _UNNAMED and not is_wrapper else _PARTS.get(key.lstrip("_"), key)
            yield from _arrays(child, "/".join(filter(None, (part, step))), path)
