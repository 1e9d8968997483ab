"""Weights from Keras's files, `.weights.h5` and `.keras`: arrays alone are read, and nothing in a file is executed.

Keras numbers the groups of layers by class (`dense`, `dense_1`), by the layers' depth, and notes each name.
"""

import io
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.errors import SpecError
from tfcli.models.layers.base import Layer
from tfcli.models.layers.cells import StackedRNNCells
from tfcli.models.network import Network

SUFFIXES = (".keras", ".h5")
_MEMBER = "model.weights.h5"
_SLACK = 64 * 2**20
_COPIES = 8
"""A file may hold the weights as often as this (an optimizer keeps copies), and `_SLACK` bytes besides."""
_MOST_BYTES = 2**33
"""What a file may hold at most where the model is not known yet."""
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
    limit = sum(w.array.nbytes for w in network.weights) * _COPIES + _SLACK
    with open_weights(path, limit) as (file, h5py):
        return _match(_child(file, "layers", h5py, path), network, h5py, path)


def load_groups(path: Path, network: Network, groups: Mapping[str, str]) -> dict[str, np.ndarray]:
    """As `load_keras_weights`, where `groups` says by a layer's path which group of the file is its own."""
    found: dict[str, np.ndarray] = {}
    with open_weights(path) as (file, h5py):
        for layer in network.layers:
            if layer.weights:
                group = child_group(file, groups[layer.path], h5py, path)
                found |= _layer_weights(layer, group, h5py, path)
    return found


@contextmanager
def open_weights(path: Path, limit: int = _MOST_BYTES) -> Iterator[tuple[Any, Any]]:
    """The HDF5 file and the package that reads it, if the file has no more than `limit` bytes. Raises SpecError."""
    try:
        import h5py
    except ModuleNotFoundError:
        raise SpecError(f"reading {path.name} needs the package h5py: pip install 'tfcli[keras]'") from None
    try:
        with h5py.File(io.BytesIO(_content(path, limit)), "r") as file:
            yield file, h5py
    except (OSError, RuntimeError, KeyError, UnicodeDecodeError, zipfile.BadZipFile) as error:
        raise SpecError(f"{path} is damaged or no weights file of Keras 3: {error}") from error


def child_group(file: Any, name: str, h5py: Any, path: Path) -> Any:
    """The group at a path of several steps, each of which lies in the file itself. Raises SpecError."""
    for part in name.split("/"):
        file = _child(file, part, h5py, path)
    return file


def arrays_in(group: Any, h5py: Any, path: Path) -> list[Any]:
    """All data sets below a group."""
    return [data for _, data in _arrays(group, "", h5py, path)]


def _content(path: Path, limit: int) -> bytes:
    """The HDF5 file's bytes, if there are no more of them than `limit`."""
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            size = archive.getinfo(_MEMBER).file_size
            _check_size(path, size, limit)
            with archive.open(_MEMBER) as member:
                return member.read(size)
    _check_size(path, path.stat().st_size, limit)
    return path.read_bytes()


def _check_size(path: Path, size: int, limit: int) -> None:
    if size > limit:
        raise SpecError(f"{path} holds {size:,} bytes of weights; those of this model take at most {limit:,}")


def _child(group: Any, name: str, h5py: Any, path: Path) -> Any:
    """A member of the group that lies in the file itself."""
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise SpecError(f"{path} has no {group.name.rstrip('/')}/{name} of its own: it is no weights file of Keras 3")
    return group[name]


def _match(groups: Any, network: Network, h5py: Any, path: Path) -> dict[str, np.ndarray]:
    layers = [layer for layer in by_depth(network) if layer.weights]
    named = dict(_named(groups, "", h5py, path))
    if all(layer.path in named for layer in layers):
        found = [named[layer.path] for layer in layers]
    else:
        found = [_numbered_group(groups, layer, key, h5py, path) for layer, key in _numbered(network)]
    arrays: dict[str, np.ndarray] = {}
    for layer, group in zip(layers, found, strict=True):
        arrays |= _layer_weights(layer, group, h5py, path)
    return arrays


def _named(groups: Any, prefix: str, h5py: Any, path: Path) -> Iterator[tuple[str, Any]]:
    """The groups of layers by what Keras called them; those in a model within the model as `model/layer`."""
    for key in groups:
        group = _child(groups, key, h5py, path)
        name = prefix + str(_child(group, "vars", h5py, path).attrs.get("name", ""))
        yield name, group
        if "layers" in group and name.count("/") < _MOST_LEVELS:
            yield from _named(_child(group, "layers", h5py, path), f"{name}/", h5py, path)


def _numbered_group(groups: Any, layer: Layer, key: str, h5py: Any, path: Path) -> Any:
    within = [name for name in groups if "layers" in _child(groups, name, h5py, path)]
    if within:
        raise SpecError(
            f"{path} has models within the model ({', '.join(within)}), whose layers are found by name: call blocks "
            f"and layers as Keras does; none is called `{layer.path}`"
        )
    if key not in groups:
        there = ", ".join(sorted(groups)[:12])
        raise SpecError(f"{path} has no weights for `{layer.path}` (a group {key}); its layers are: {there}")
    return _child(groups, key, h5py, path)


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


def _layer_weights(layer: Layer, group: Any, h5py: Any, path: Path) -> dict[str, np.ndarray]:
    arrays = _rearranged(dict(_arrays(group, "", h5py, path)), layer)
    counts: Counter[str] = Counter()
    found = {}
    for weight in layer.weights:
        part = weight.path.removeprefix(layer.path).strip("/").rpartition("/")[0]
        data = arrays.get((part, counts[part]))
        counts[part] += 1
        shape = tuple(weight.array.shape)
        if data is None or data.shape != shape or data.dtype.kind not in "fiu" or data.external or data.is_virtual:
            there = "nothing" if data is None else f"{data.dtype} {data.shape}"
            raise SpecError(f"{path}: the model's {weight.path} has the shape {shape}, the file has {there}")
        found[weight.path] = np.asarray(data[()])
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


def _arrays(group: Any, part: str, h5py: Any, path: Path) -> Iterator[tuple[tuple[str, int], Any]]:
    """The data sets below a group by part of the layer and number."""
    for key in group:
        child = _child(group, key, h5py, path)
        if key == "vars":
            for number in child:
                if number.isdecimal():
                    yield (part, int(number)), _child(child, number, h5py, path)
        elif isinstance(child, h5py.Group) and part.count("/") < 8 and key != "seed_generator":
            is_wrapper = key == "layer" and any(name.isdecimal() for name in group.get("vars", ()))
            step = "" if key in _UNNAMED and not is_wrapper else _PARTS.get(key.lstrip("_"), key)
            yield from _arrays(child, "/".join(filter(None, (part, step))), h5py, path)
