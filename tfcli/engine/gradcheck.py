"""Analytic gradients against central differences, to any order."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfcli.engine import nest
from tfcli.engine.ops.elementwise import cast
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.spec import float64, show_shape
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import Tensor, as_array, constant
from tfcli.errors import TfcliError


class GradientError(TfcliError):
    """An analytic gradient differs from the numeric one."""


def check_gradients(
    function: Callable[..., Any],
    inputs: Sequence[Any],
    order: int = 2,
    step: float = 1e-5,
    rtol: float = 1e-5,
    atol: float = 1e-7,
    seed: int = 0,
) -> None:
    """Compare the gradients of `function(*inputs)` with central differences, in float64.

    The outputs are summed with random weights to one number, whose gradient in every float input and every weight
    is checked. For each further order the same is done with the derivative of that number along a random direction.
    `step` is relative to entries larger than 1. Raises GradientError with the input, the entry and both numbers.
    """
    random = np.random.default_rng(seed)
    arrays = [_widened(as_array(x)) for x in inputs]
    count = len(arrays)
    outputs = _floats(nest.flatten(function(*map(constant, arrays))))
    names = [f"input {i}" for i in range(count)] + [f"the weight of output {i}" for i in range(len(outputs))]
    arrays += [random.standard_normal(output.array.shape) for output in outputs]

    def scalar(*tensors: Tensor) -> Tensor:
        values = _floats(nest.flatten(function(*tensors[:count])))
        return _weighted(values, tensors[count:])

    for degree in range(1, order + 1):
        _compare(scalar, arrays, names, degree, step, rtol, atol)
        scalar = _derivative(scalar, [random.standard_normal(a.shape) for a in arrays if a.dtype.kind == "f"])


def _widened(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _floats(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [t for t in tensors if t.dtype.is_floating]


def _weighted(values: Sequence[Tensor], weights: Sequence[Any]) -> Tensor:
    total = constant(np.float64(0.0))
    for value, weight in zip(values, weights, strict=True):
        total = total + reduce_sum(cast(value, float64) * weight)
    return total


def _derivative(scalar: Callable[..., Tensor], directions: Sequence[np.ndarray]) -> Callable[..., Tensor]:
    """The derivative of a scalar function along `directions` in its float inputs."""

    def along(*tensors: Tensor) -> Tensor:
        return _weighted(_gradients(scalar, tensors), directions)

    return along


def _gradients(scalar: Callable[..., Tensor], tensors: Sequence[Tensor]) -> list[Tensor]:
    sources = _floats(tensors)
    with GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(sources)
        value = scalar(*tensors)
    return tape.dense_gradient(value, sources, unconnected="zero")


def _compare(
    scalar: Callable[..., Tensor],
    arrays: list[np.ndarray],
    names: list[str],
    degree: int,
    step: float,
    rtol: float,
    atol: float,
) -> None:
    """Check every entry of every float input. Raises GradientError."""
    places = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
    analytic = _gradients(scalar, [constant(a) for a in arrays])
    for place, gradient in zip(places, analytic, strict=True):
        if gradient.shape != arrays[place].shape:
            shapes = f"{show_shape(arrays[place].shape)}, its gradient {show_shape(gradient.shape)}"
            raise GradientError(f"{names[place]} has the shape {shapes}")
        for entry in np.ndindex(arrays[place].shape):
            numeric = _central_difference(scalar, arrays, place, entry, step)
            found = float(gradient.array[entry])
            if not abs(found - numeric) <= atol + rtol * abs(numeric):
                raise GradientError(
                    f"order {degree}, {names[place]}, entry {list(entry)}: the gradient is {found:.9g}, "
                    f"central differences give {numeric:.9g}"
                )


def _central_difference(
    scalar: Callable[..., Tensor], arrays: list[np.ndarray], place: int, entry: tuple[int, ...], step: float
) -> float:
    middle = float(arrays[place][entry])
    width = step * max(1.0, abs(middle))
    values = []
    for moved in (middle + width, middle - width):
        changed = list(arrays)
        changed[place] = arrays[place].copy()
        changed[place][entry] = moved
        values.append(float(scalar(*map(constant, changed))))
    return (values[0] - values[1]) / (2.0 * width)
