"""What tells one trace of a function from another: the structure of its arguments, Python values, dtypes and shapes."""

import weakref
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from tfcli.engine.spec import DType, Shape, TensorSpec
from tfcli.engine.tensor import Tensor, convert_to_tensor

Sizes = Sequence[tuple[str, Shape]]
"""Dtype and shape of each tensor."""

_BY_VALUE = (bool, int, float, complex, str, bytes, type(None), DType)


class Guards:
    """The objects that a signature names by identity. When one of them is gone, another could come to have its id."""

    def __init__(self) -> None:
        self._references: list[Callable[[], Any]] = []

    def add(self, value: Any) -> None:
        try:
            self._references.append(weakref.ref(value))
        except TypeError:  # what cannot be referred to weakly is kept
            self._references.append(lambda: value)

    def alive(self) -> bool:
        return all(reference() is not None for reference in self._references)


def describe(value: Any, leaves: list[Any], guards: Guards) -> Hashable:
    """A key for `value` without its tensors, which go to `leaves` in the order of `nest.flatten`."""
    if isinstance(value, Tensor | TensorSpec):
        leaves.append(value)
        return Tensor
    if isinstance(value, np.ndarray | np.generic):
        leaves.append(convert_to_tensor(value))
        return Tensor
    if isinstance(value, list | tuple):
        return type(value), tuple([describe(item, leaves, guards) for item in value])
    if isinstance(value, Mapping):
        return type(value), tuple([(key, describe(item, leaves, guards)) for key, item in value.items()])
    if isinstance(value, _BY_VALUE):
        return type(value), value
    guards.add(value)
    return type(value), id(value)


def fits(came: Sizes, wanted: Sizes) -> bool:
    """Whether tensors may be given where others are wanted, None being any size."""
    return all(
        a == b and len(s) == len(w) and all(y in (None, x) for x, y in zip(s, w, strict=True))
        for (a, s), (b, w) in zip(came, wanted, strict=True)
    )


def generalized(specs: Sequence[TensorSpec], before: Sequence[Sizes]) -> list[TensorSpec]:
    """The specs, with None for the sizes in which they differ from earlier ones of the same dtypes and numbers of
    axes."""
    result = list(specs)
    for sizes in before:
        alike = all(
            s.dtype.name == d and len(s.shape) == len(shape) for s, (d, shape) in zip(result, sizes, strict=True)
        )
        if alike:
            result = [
                TensorSpec(Shape(a if a == b else None for a, b in zip(s.shape, shape, strict=True)), s.dtype, s.name)
                for s, (_, shape) in zip(result, sizes, strict=True)
            ]
    return result
