"""Weights in files: safetensors, named by where a weight stands in the model, as in a spec."""

from pathlib import Path
from typing import Any

from tfcli.engine.spec import show_shape
from tfcli.engine.tensor import Variable, constant
from tfcli.errors import SpecError
from tfcli.logging.durable import write_bytes
from tfcli.logging.tensors import load_tensors, save_tensors
from tfcli.models.layers.base import Layer
from tfcli.models.layers.weights import numbered

WEIGHTS_SUFFIX, KERAS_WEIGHTS_SUFFIX = ".weights.safetensors", ".weights.h5"
H5_SUFFIXES = (".h5", ".hdf5")


def named_weights(layer: Layer) -> dict[str, Variable]:
    """Every weight by its path in the layer: `dense/kernel`, `encoder/dense_1/bias`.

    A layer without a name of its own is called by its type, numbered among those beside it, so that equal models made
    one after another have equal names.
    """
    found: dict[int, str] = {}
    variables: dict[int, Any] = {}
    _collect(layer, "", found, variables)
    return {path: variables[identity] for identity, path in found.items()}


def _collect(layer: Layer, prefix: str, found: dict[int, str], variables: dict[int, Any]) -> None:
    if layer.is_registered():  # its weights' paths are fixed, with those of the layers inside
        own = {w.path.removeprefix(f"{layer.path}/"): w for w in layer.weights}
    else:
        own = numbered([(v.name, v) for v in layer._own_variables()])
    for name, variable in own.items():
        if id(variable) not in found:
            found[id(variable)], variables[id(variable)] = prefix + name, variable
    if not layer.is_registered():
        children: list[Any] = [child for child in layer.sublayers() if child.weights]
        for name, child in numbered([(child.given_name or child.type_name, child) for child in children]).items():
            _collect(child, f"{prefix}{name}/", found, variables)


def check_path(path: Path) -> None:
    """Raise SpecError for a file of another kind."""
    if path.suffix not in (".safetensors", *H5_SUFFIXES):
        raise SpecError(
            f"weights are kept in safetensors files, or in Keras's: give a path that ends in {WEIGHTS_SUFFIX!r} or "
            f"{KERAS_WEIGHTS_SUFFIX!r}, got {path.name!r}"
        )


def save_weights(model: Any, path: Path, overwrite: bool) -> None:
    """Raises SpecError for another kind of file, for one that exists (unless `overwrite`), and for a model without
    weights.
    """
    check_path(path)
    weights = named_weights(model)
    if not weights and not model.built:
        raise SpecError(f"{model.name} has no weights yet; call it on data or build(input_shape) it first")
    if path.exists() and not overwrite:
        raise SpecError(f"{path} exists already; overwrite=True replaces it")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in H5_SUFFIXES:
        from tfcli.models.keras_h5 import encode_weights

        write_bytes(path, encode_weights(model, path.name))
        return
    save_tensors(path, {name: weight.array for name, weight in weights.items()})


def load_weights(model: Any, path: Path, skip_mismatch: bool) -> None:
    """Raises SpecError naming what is missing, unknown or of another shape; with `skip_mismatch` only what fits is
    set.
    """
    check_path(path)
    if not path.is_file():
        raise SpecError(f"there is no weights file {path}")
    if path.suffix in H5_SUFFIXES:
        from tfcli.models.keras_h5 import decode_weights

        if skip_mismatch:
            raise SpecError(f"skip_mismatch is for .safetensors files, whose weights have names; {path.name} has none")
        decode_weights(model, path.read_bytes(), str(path))
        return
    arrays, weights = load_tensors(path), named_weights(model)
    lines = [f"{name} is missing" for name in weights.keys() - arrays.keys()]
    lines += [f"{name} is no weight of this model" for name in arrays.keys() - weights.keys()]
    fitting = []
    for name in weights.keys() & arrays.keys():
        if tuple(weights[name].shape) == arrays[name].shape:
            fitting.append(name)
        else:
            lines.append(f"{name} is {show_shape(arrays[name].shape)}, in the model {show_shape(weights[name].shape)}")
    if lines and not skip_mismatch:
        hint = "" if weights else "\n  (the model is not built yet: call it on data or build(input_shape) it first)"
        raise SpecError(f"the weights of {path} do not fit the model:\n  " + "\n  ".join(sorted(lines)[:10]) + hint)
    for name in fitting:
        weights[name].assign(constant(arrays[name].astype(weights[name].dtype.numpy)))
