"""The numbers of a saved model: a safetensors file, with complex numbers as pairs and texts in the JSON beside it."""

import math
from typing import Any

import numpy as np

from tfcli.saved_model.values import Damaged, dtype_named, shape_of

ARRAYS = "variables.safetensors"
Arrays = dict[str, np.ndarray]


def encode_array(array: np.ndarray, name: str, kept: Arrays) -> Any:
    """JSON that stands for `array`, whose numbers go to `kept` under `name`."""
    if array.dtype.kind == "O":
        return {"texts": [text.hex() for text in array.flat], "shape": list(array.shape)}
    kept[name] = np.stack([array.real, array.imag], axis=-1) if array.dtype.kind == "c" else array
    return {"array": name, "dtype": array.dtype.name}


def decode_array(content: Any, kept: Arrays) -> np.ndarray:
    """What `encode_array` was given. Raises Damaged."""
    match content:
        case {"texts": list(texts), "shape": sizes}:
            return _texts(texts, shape_of(sizes))
        case {"array": str(name), "dtype": dtype_name}:
            dtype = dtype_named(dtype_name)
        case _:
            raise Damaged("a constant or variable must say which array is its own")
    if name not in kept:
        raise Damaged(f"{ARRAYS} has no array {name!r}")
    array = kept[name]
    if dtype.is_complex and array.ndim and array.shape[-1] == 2 and array.dtype.kind == "f":
        array = (array[..., 0] + 1j * array[..., 1]).astype(dtype.numpy)
    if array.dtype != dtype.numpy:
        raise Damaged(f"the array {name!r} is {array.dtype} in {ARRAYS}, and should be {dtype.name}")
    return array


def _texts(texts: list[Any], shape: Any) -> np.ndarray:
    if None in shape or math.prod(shape) != len(texts):
        raise Damaged(f"{len(texts)} texts do not have the shape {shape}")
    array = np.empty(len(texts), object)
    try:
        array[:] = [bytes.fromhex(text) for text in texts]
    except (TypeError, ValueError) as error:
        raise Damaged("a text is not in hexadecimal digits") from error
    return array.reshape(shape)
