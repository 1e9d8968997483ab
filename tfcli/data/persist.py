"""Keeping what was learned: JSON for people, arrays too long for it beside it in a .npz file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.data.arrays import encode_npz, read_npz
from tfcli.data.files import Blob
from tfcli.errors import DataError

JSON_FILE, ARRAY_FILE = "preprocessing.json", "arrays.npz"
_INLINE_LIMIT = 64


def write_plainly(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def save(content: dict[str, Any], directory: Path, write: Callable[[Path, bytes], None]) -> None:
    """Write `content` (dictionaries, lists, numbers, texts, arrays) to `directory`, a file at a time by `write`.

    The JSON comes last: where it is, all is.
    """
    arrays: dict[str, np.ndarray] = {}
    document = _encode(content, "", arrays)
    if arrays:
        write(directory / ARRAY_FILE, encode_npz(arrays))
    write(directory / JSON_FILE, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())


def load(directory: Path) -> dict[str, Any]:
    """What `save` wrote. Raises DataError where it is missing or damaged."""
    path = directory / JSON_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise DataError(f"{path} is damaged: {error}") from error
    array_path = directory / ARRAY_FILE
    arrays = read_npz(Blob(str(array_path), array_path)) if array_path.exists() else {}
    try:
        return _decode(document, arrays)
    except KeyError as error:
        raise DataError(f"{path} is damaged: {error} is missing") from error


def _encode(value: Any, key: str, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, dict):
        return {str(k): _encode(v, f"{key}.{k}" if key else str(k), arrays) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(v, f"{key}.{i}", arrays) for i, v in enumerate(value)]
    if isinstance(value, np.ndarray):
        if value.size <= _INLINE_LIMIT:
            return {"dtype": value.dtype.name, "values": value.tolist()}
        name = f"array_{len(arrays)}"
        arrays[name] = value
        return {"array": name, "shape": list(value.shape), "what": key}
    return value


def _decode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_decode(v, arrays) for v in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"dtype", "values"}:
        return np.array(value["values"], value["dtype"])
    if value.keys() == {"array", "shape", "what"}:
        return arrays[value["array"]]
    return {k: _decode(v, arrays) for k, v in value.items()}
