"""Weights from Keras's files, `.weights.h5` and `.keras`: arrays alone are read, and nothing in a file is executed.

Keras numbers the groups of layers by class (`dense`, `dense_1`), by the layers' depth, and notes each name.
"""

import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.errors import SpecError
from tfcli.models.layers.base import Layer
from tfcli.models.network import Network

SUFFIXES = (".keras", ".h5")
_MEMBER = "model.weights.h5"
_SLACK = 64 * 2**20
_COPIES = 8
"""A file may hold the weights as often as this (an optimizer keeps copies), and `_SLACK` bytes besides."""
_PARTS = {
    "forward_layer": "forward",
    "backward_layer": "backward",
    "query_dense": "query",
    "key_dense": "key",
    "value_dense": "value",
    "output_dense": "attention_output",
}
_UNNAMED = ("cell", "layer")
"""Groups that Keras has and weight names have not."""


def load_keras_weights(path: Path, network: Network) -> dict[str, np.ndarray]:
    """The file's arrays by the network's weight names. Raises SpecError where they do not fit, or without h5py."""
    try:
        import h5py
    except ModuleNotFoundError:
        raise SpecError(f"reading {path.name} needs the package h5py: pip install 'tfcli[keras]'") from None
    try:
        with h5py.File(io.BytesIO(_content(path, network)), "r") as file:
            groups = _child(file, "layers", h5py, path)
            return _match(groups, network, h5py, path)
    except (OSError, RuntimeError, KeyError, zipfile.BadZipFile) as error:
        raise SpecError(f"{path} is damaged or no weights file of Keras 3: {error}") from error


def _content(path: Path, network: Network) -> bytes:
    """The HDF5 file's bytes, if there are no more of them than the network's weights can need."""
    limit = sum(w.array.nbytes for w in network.weights) * _COPIES + _SLACK
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
    named = {_name(groups, key, h5py, path): key for key in groups}
    if all(layer.path in named for layer in layers):
        keys = [named[layer.path] for layer in layers]
    else:
        keys = list(_numbered(network))
    found: dict[str, np.ndarray] = {}
    for layer, key in zip(layers, keys, strict=True):
        if key not in groups:
            there = ", ".join(sorted(groups)[:12])
            raise SpecError(f"{path} has no weights for `{layer.path}` (a group {key}); its layers are: {there}")
        found |= _layer_weights(layer, _child(groups, key, h5py, path), h5py, path)
    return found


def _name(groups: Any, key: str, h5py: Any, path: Path) -> str:
    """What Keras called the layer of a group."""
    name = _child(_child(groups, key, h5py, path), "vars", h5py, path).attrs.get("name", "")
    return str(name)


def _numbered(network: Network) -> Iterator[str]:
    """Keras's group names of the layers with weights, numbered by class in the order of depth."""
    counts: Counter[str] = Counter()
    for layer in by_depth(network):
        count = counts[layer.type_name]
        counts[layer.type_name] += 1
        if layer.weights:
            yield layer.type_name if count == 0 else f"{layer.type_name}_{count}"


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
    arrays = dict(_arrays(group, "", h5py, path))
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


def _arrays(group: Any, part: str, h5py: Any, path: Path) -> Iterator[tuple[tuple[str, int], Any]]:
    """The data sets below a group by part of the layer and number."""
    for key in group:
        child = _child(group, key, h5py, path)
        if key == "vars":
            for number in child:
                if number.isdecimal():
                    yield (part, int(number)), _child(child, number, h5py, path)
        elif isinstance(child, h5py.Group) and part.count("/") < 8 and key != "seed_generator":
            step = "" if key in _UNNAMED else _PARTS.get(key, key)
            yield from _arrays(child, "/".join(filter(None, (part, step))), h5py, path)
