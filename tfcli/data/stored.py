"""What a `cache` with a file keeps: transformed examples in a .npz file, found again by what they were made from."""

import inspect
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.data.arrays import encode_npz, read_npz
from tfcli.data.files import Blob, resolve
from tfcli.data.stage import Batch, Context, Stage
from tfcli.declare.functions import functions_in, load_function
from tfcli.errors import DataError

_WEIGHTS, _BOUNDS, _NAMES = "weights", "bounds", "names"


def stored(
    prefix: str, context: Context, key: str, make: Callable[[], tuple[Batch, np.ndarray]]
) -> tuple[Batch, np.ndarray]:
    """The examples and where their batches end, from the file of this key, or made now and kept there.

    Raises DataError for a file that is damaged or cannot be written.
    """
    path = Path(f"{resolve(context.root, prefix)}-{key[:16]}.npz")
    if path.exists():
        return _unpacked(read_npz(Blob(str(path), path)))
    examples, bounds = make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_bytes(encode_npz(_packed(examples, bounds)))
        temporary.replace(path)
    except OSError as error:
        raise DataError(f"{context.where}: cannot write {path}: {error.strerror}") from error
    return examples, bounds


def key_of(examples: Batch, rows: Sequence[np.ndarray], stages: Sequence[Stage], learned: Any, context: Context) -> str:
    """A checksum of all that decides what stages make of examples: these, their order, the stages with what they
    learned, the files and functions that they name, the seed.
    """
    digest = sha256()
    for name, array in _packed(examples, np.zeros(0)).items():
        digest.update(f"{name} {array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    for part in rows:
        digest.update(f"{len(part)}".encode() + part.astype(np.int64).tobytes())
    specs = [stage.spec() for stage in stages]
    digest.update(json.dumps([specs, learned, context.seed, context.floatx], default=_listed, sort_keys=True).encode())
    for spec in specs:
        for key, text in _texts("", spec):
            digest.update(_module(text, context.root) if key == "function" else _content(context.root / text))
    return digest.hexdigest()


def _listed(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else repr(value)


def _texts(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """The texts in a spec, each with its key."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for own, part in value.items():
            yield from _texts(own, part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(key, part)


def _module(function: str, root: Path) -> bytes:
    """The source of the module that a function is from."""
    with functions_in(root):
        return _content(Path(inspect.getsourcefile(load_function(function)) or ""))


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _packed(examples: Batch, bounds: np.ndarray) -> dict[str, np.ndarray]:
    groups = (("input", examples.inputs), ("target", examples.targets))
    named = {f"{kind} {name}": array for kind, arrays in groups for name, array in arrays.items()}
    columns = {str(i): array.astype(str) if array.dtype == object else array for i, array in enumerate(named.values())}
    weights = {} if examples.weights is None else {_WEIGHTS: examples.weights}
    return columns | weights | {_BOUNDS: bounds, _NAMES: np.array(list(named), str)}


def _unpacked(arrays: dict[str, np.ndarray]) -> tuple[Batch, np.ndarray]:
    named = {name: arrays[str(i)] for i, name in enumerate(arrays[_NAMES].tolist())}
    inputs, targets = (
        {name.removeprefix(f"{kind} "): array for name, array in named.items() if name.startswith(f"{kind} ")}
        for kind in ("input", "target")
    )
    return Batch(inputs, targets, arrays.get(_WEIGHTS)), arrays[_BOUNDS]
