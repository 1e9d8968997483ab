"""Values as JSON: plain ones as they are, everything else as an object with one key that says what it is."""

import math
import types
import typing
from collections.abc import Callable
from typing import Any

import numpy as np

from tfcli.engine.ops.dynamic import Place
from tfcli.engine.spec import DTYPES, DType, Shape, TensorSpec, as_dtype
from tfcli.errors import DataError


class Damaged(DataError):
    """What was read is no saved model; the reader adds the file's name."""


LARGEST = 2**62
Elsewhere = Callable[[Any], Any]
"""Encodes what lies outside of JSON: variables, arrays, bodies."""


def encode(value: Any, elsewhere: Elsewhere) -> Any:
    """`value` as JSON."""
    match value:
        case None | bool() | str():
            return value
        case np.generic():
            return {"number": {"dtype": value.dtype.name, "value": encode(value.item(), elsewhere)}}
        case float() if not math.isfinite(value):
            return {"float": str(value)}
        case complex():
            return {"complex": [encode(value.real, elsewhere), encode(value.imag, elsewhere)]}
        case bytes():
            return {"bytes": value.hex()}
        case int() | float():
            return value
        case DType():
            return {"dtype": value.name}
        case TensorSpec():
            return {"spec": encode_spec(value)}
        case Shape():
            return {"shape": list(value)}
        case Place(position=position):
            return {"place": position}
        case tuple() if not hasattr(value, "_fields"):
            return {"tuple": [encode(item, elsewhere) for item in value]}
        case list():
            return [encode(item, elsewhere) for item in value]
        case slice():
            return {"slice": [encode(part, elsewhere) for part in (value.start, value.stop, value.step)]}
    return {"ellipsis": True} if value is Ellipsis else elsewhere(value)


def encode_spec(spec: TensorSpec) -> dict[str, Any]:
    return {"shape": list(spec.shape), "dtype": spec.dtype.name, "name": spec.name}


def decode(value: Any, elsewhere: Callable[[str, Any], Any]) -> Any:
    """What `encode` was given; `elsewhere(kind, content)` decodes what it does not know. Raises Damaged."""
    if isinstance(value, list):
        return [decode(item, elsewhere) for item in value]
    if not isinstance(value, dict):
        return value
    match kind_of(value):
        case "float", "nan" | "inf" | "-inf" as text:
            return float(text)
        case "complex", [real, imaginary]:
            return complex(_float(decode(real, elsewhere)), _float(decode(imaginary, elsewhere)))
        case "bytes", str(digits):
            return _bytes(digits)
        case "number", {"dtype": name, "value": content}:
            return _number(dtype_named(name), decode(content, elsewhere))
        case "dtype", name:
            return dtype_named(name)
        case "spec", content:
            return decode_spec(content)
        case "shape", sizes:
            return shape_of(sizes)
        case "place", int(position) if 0 <= position < LARGEST:
            return Place(position)
        case "tuple", list(items):
            return tuple(decode(item, elsewhere) for item in items)
        case "slice", [_, _, _]:
            return slice(*[decode(part, elsewhere) for part in value["slice"]])
        case "ellipsis", True:
            return Ellipsis
        case kind, content:
            return elsewhere(kind, content)


def kind_of(value: Any) -> tuple[str, Any]:
    """The one key of a JSON object, and what it holds. Raises Damaged."""
    if not isinstance(value, dict) or len(value) != 1:
        raise Damaged(f"{shown(value)} stands for no value")
    ((kind, content),) = value.items()
    return kind, content


def unknown(kind: str, content: Any) -> Any:
    """Where nothing but plain values may stand. Raises Damaged."""
    raise Damaged(f"{shown({kind: content})} stands for no value here")


def decode_spec(content: Any) -> TensorSpec:
    """Raises Damaged."""
    match content:
        case {"shape": sizes, "dtype": name, "name": str() | None as label}:
            return TensorSpec(shape_of(sizes), dtype_named(name), label)
    raise Damaged(f"{shown(content)} is no spec of a tensor")


def dtype_named(name: Any) -> DType:
    """Raises Damaged."""
    if not isinstance(name, str) or name not in DTYPES:
        raise Damaged(f"{shown(name)} is no dtype; there are {', '.join(DTYPES)}")
    return as_dtype(name)


def shape_of(sizes: Any) -> Shape:
    """Raises Damaged."""
    if not isinstance(sizes, list) or not all(s is None or (type(s) is int and 0 <= s < LARGEST) for s in sizes):
        raise Damaged(f"{shown(sizes)} is no shape")
    return Shape(sizes)


def shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _float(value: Any) -> float:
    if type(value) not in (int, float):
        raise Damaged(f"{shown(value)} is no number")
    return float(value)


def _bytes(digits: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError as error:
        raise Damaged(f"{shown(digits)} are no bytes in hexadecimal digits") from error


def _number(dtype: DType, value: Any) -> Any:
    if not isinstance(value, bool | int | float | complex) or dtype == "string":
        raise Damaged(f"{shown(value)} is no number of dtype {dtype.name}")
    try:
        return dtype.numpy.type(value)
    except (OverflowError, TypeError, ValueError) as error:
        raise Damaged(f"{shown(value)} is no number of dtype {dtype.name}") from error


def is_a(value: Any, hint: Any) -> bool:
    """Whether a field declared as `hint` may hold `value`."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(is_a(value, choice) for choice in arguments)
    if origin is typing.Literal:
        return value in arguments
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if arguments[-1] is Ellipsis:
            return all(is_a(item, arguments[0]) for item in value)
        return len(value) == len(arguments) and all(map(is_a, value, arguments))
    if hint is bool:
        return isinstance(value, bool | np.bool_)
    if hint in (int, float):
        numbers = (int, np.integer) if hint is int else (int, float, np.number)
        return isinstance(value, numbers) and not isinstance(value, bool)
    return isinstance(value, type(None) if hint is None else hint)
