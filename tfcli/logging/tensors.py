"""Named arrays as a safetensors file: the same arrays always give the same bytes, and no damaged file is read.

Format: u64 length of the header, the header (JSON), the arrays' bytes, little-endian and contiguous.
"""

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.engine.spec import is_beyond_numpy
from tfcli.errors import CheckpointError
from tfcli.logging.durable import plain_errors, write_bytes

# In the order in which the safetensors library lays arrays out: the widest first, which keeps each aligned.
_NAMES = {
    "uint64": "U64",
    "int64": "I64",
    "float64": "F64",
    "complex64": "C64",
    "float32": "F32",
    "uint32": "U32",
    "int32": "I32",
    "float16": "F16",
    "uint16": "U16",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}
_RANK = {name: rank for rank, name in enumerate(_NAMES)}
_DTYPES = {code: np.dtype(name).newbyteorder("<") for name, code in _NAMES.items()}
_LARGEST_HEADER = 100_000_000


def save_tensors(path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> None:
    """Write arrays to a safetensors file, atomically. Raises CheckpointError where the disk refuses."""
    write_bytes(Path(path), encode_tensors(tensors, metadata))


def load_tensors(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file, to keep and change. Raises CheckpointError where it is missing or damaged."""
    return decode_tensors(_read(Path(path)), str(path))


def load_metadata(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file. Raises CheckpointError where it is missing or damaged."""
    return _header(_read(Path(path)), str(path))[0]


def encode_tensors(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a safetensors file.

    The bytes are those of the safetensors library. Its own `save` is not used, since it orders the
    metadata by a hash that changes from one process to the next.
    """
    arrays = {name: np.asarray(tensor) for name, tensor in tensors.items()}
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    chunks, offset = [], 0
    for name in sorted(arrays, key=lambda name: _layout_order(name, arrays[name].dtype)):
        array = arrays[name]
        # Seen as bytes, so that nothing is copied before all is put together.
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        data = little.reshape(-1).view(np.uint8)
        span = [offset, offset + len(data)]
        header[name] = {"dtype": _NAMES[array.dtype.name], "shape": list(array.shape), "data_offsets": span}
        chunks.append(data)
        offset += len(data)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([struct.pack("<Q", len(text)), text, *(chunk.data for chunk in chunks)])


def _layout_order(name: str, dtype: np.dtype) -> tuple[int, str]:
    assert dtype.name in _NAMES, f"safetensors holds no {dtype} (array {name!r})"
    return _RANK[dtype.name], name


def decode_tensors(data: bytes, source: str) -> dict[str, np.ndarray]:
    """The arrays in the bytes of a safetensors file; `source` names it in errors. Raises CheckpointError."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    _header(data, source)
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise _damaged(source, str(error)) from error
    return {name: tensors[name] for name in sorted(tensors)}


def _read(path: Path) -> bytes:
    with plain_errors(path, "read"):
        return path.read_bytes()


def _damaged(source: str, reason: str) -> CheckpointError:
    return CheckpointError(f"{source} is damaged or not a safetensors file: {reason}")


def _header(data: bytes, source: str) -> tuple[dict[str, str], dict[str, Any]]:
    """(metadata, tensor entries) after every size in the header is held against the file."""
    if len(data) < 8:
        raise _damaged(source, f"it has {len(data)} bytes")
    (length,) = struct.unpack_from("<Q", data)
    if length > min(len(data) - 8, _LARGEST_HEADER):
        raise _damaged(source, f"its header would have {length:,} bytes, the file has {len(data):,}")
    try:
        entries = json.loads(data[8 : 8 + length], object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise _damaged(source, f"its header is not valid ({error})") from error
    if not isinstance(entries, dict):
        raise _damaged(source, "its header is not a mapping")
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise _damaged(source, "its metadata is not a mapping of texts to texts")
    _check_spans(entries, len(data) - 8 - length, source)
    return metadata, entries


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name occurs twice")
    return dict(pairs)


def _check_spans(entries: dict[str, Any], size: int, source: str) -> None:
    spans = []
    for name, entry in entries.items():
        match entry:
            case {"dtype": str(code), "shape": list(shape), "data_offsets": [int(start), int(end)]}:
                spans.append((start, end, name))
            case _:
                raise _damaged(source, f"its entry for {name!r} has not the form dtype, shape, data_offsets")
        if code not in _DTYPES:
            known = ", ".join(sorted(_DTYPES))
            raise CheckpointError(f"{source}: {name!r} has the dtype {code}, which cannot be read; known are {known}")
        if not all(isinstance(n, int) and n >= 0 for n in shape) or is_beyond_numpy(shape, _DTYPES[code].itemsize):
            raise _damaged(source, f"the shape of {name!r} is {shape}")
        if math.prod(shape) * _DTYPES[code].itemsize != end - start:
            raise _damaged(source, f"{name!r} has the shape {shape} of {code}, but {end - start:,} bytes")
    expected = 0
    for start, end, name in sorted(spans):
        if start != expected:
            raise _damaged(source, f"{name!r} starts at byte {start:,}, expected {expected:,}")
        expected = end
    if expected != size:
        raise _damaged(source, f"its arrays take {expected:,} bytes, the file holds {size:,}")
