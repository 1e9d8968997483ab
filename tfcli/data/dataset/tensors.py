"""Tensors as TensorProto messages: `tf.io.serialize_tensor` and `tf.io.parse_tensor`."""

import math
from typing import Any

import numpy as np
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DataType

from tfcli.engine.spec import as_dtype
from tfcli.errors import DataError

_CODES = {
    "float32": "DT_FLOAT",
    "float64": "DT_DOUBLE",
    "float16": "DT_HALF",
    "int8": "DT_INT8",
    "int16": "DT_INT16",
    "int32": "DT_INT32",
    "int64": "DT_INT64",
    "uint8": "DT_UINT8",
    "uint16": "DT_UINT16",
    "uint32": "DT_UINT32",
    "uint64": "DT_UINT64",
    "bool": "DT_BOOL",
    "complex64": "DT_COMPLEX64",
    "complex128": "DT_COMPLEX128",
    "string": "DT_STRING",
}
_NAMES = {DataType.Value(code): name for name, code in _CODES.items()}


def serialized(array: np.ndarray) -> bytes:
    """The message of an array."""
    name = "string" if array.dtype == object else array.dtype.name
    message = TensorProto(dtype=DataType.Value(_CODES[name]))
    message.tensor_shape.SetInParent()
    for size in array.shape:
        message.tensor_shape.dim.add(size=size)
    if name == "string":
        message.string_val.extend(array.ravel().tolist())
    else:
        message.tensor_content = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()
    return message.SerializeToString()


def parsed(content: bytes, where: str = "parse_tensor") -> np.ndarray:
    """The array of a message. Raises DataError where it is damaged, or of another kind than `serialized` writes."""
    from google.protobuf.message import DecodeError

    message = TensorProto()
    try:
        message.ParseFromString(content)
    except DecodeError as error:
        raise DataError(f"{where}: is not a serialized tensor") from error
    shape = tuple(dim.size for dim in message.tensor_shape.dim)
    name = _NAMES.get(message.dtype)
    if name is None or min(shape, default=0) < 0:
        raise DataError(f"{where}: a tensor of dtype {message.dtype} and shape {shape} cannot be read")
    return _array(message, name, shape, where)


def _array(message: Any, name: str, shape: tuple[int, ...], where: str) -> np.ndarray:
    count = math.prod(shape)
    if name == "string":
        values = np.empty(len(message.string_val), object)
        values[:] = list(message.string_val)
    else:
        dtype = np.dtype(as_dtype(name).numpy)
        content = message.tensor_content
        if len(content) % dtype.itemsize:
            raise DataError(f"{where}: the tensor's {len(content)} bytes are not whole {name} values")
        values = np.frombuffer(content, dtype.newbyteorder("<")).astype(dtype)
    if len(values) != count:
        raise DataError(f"{where}: a tensor of shape {shape} has {len(values)} values")
    return values.reshape(shape)
