"""The user's own Python in the pipeline."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfcli.data.stage import Batch, Context, Function, Transform
from tfcli.data.uneven import stacked_or_uneven
from tfcli.declare import FunctionName
from tfcli.declare.functions import functions_in, load_function
from tfcli.errors import DataError, SpecError

Structure = Any


class Map(Transform):
    """Calls a function as tf.data does: with (x), (x, y) or (x, y, weight), for each example before `batch`, for each
    batch after it.

    It returns as many of these as it likes. x (and y) is an array, or a mapping by name where there are several. When a
    model predicts examples without labels, y and the weight are None.
    """

    function: FunctionName
    """`module:function`; the module is looked for in the spec's folder first."""

    def bind(self, learned: dict[str, Any], context: Context) -> Function:
        function = _loaded(self.function, context)

        def call(batch: Batch) -> Batch:
            arguments = [one_or_all(batch.inputs)]
            if context.labelled:
                arguments.append(one_or_all(batch.targets) if batch.targets else None)
            if context.weighted:
                arguments.append(batch.weights)
            try:
                result = function(*arguments)
            except Exception as error:
                unlabelled = (
                    " (there are no labels here, so y is None)" if context.labelled and not batch.targets else ""
                )
                failed = f"{self.function} failed{unlabelled}: {type(error).__name__}: {error}"
                raise DataError(f"{context.where}: {failed}") from error
            return _to_batch(result, batch, context)

        if context.batched:
            return call
        return lambda batch: _stack([call(example_of(batch, i)) for i in range(len(batch))], context)


def answers(name: str, kind: type[bool | int], examples: Batch, context: Context) -> np.ndarray:
    """What a function of the user's says of each example, called with (x) or (x, y). Raises DataError."""
    function = _loaded(name, context)
    result = np.zeros(len(examples), kind)
    for i in range(len(examples)):
        example = example_of(examples, i)
        arguments = [one_or_all(example.inputs)] + ([one_or_all(example.targets)] if context.labelled else [])
        try:
            result[i] = kind(function(*arguments))
        except Exception as error:  # whatever the user's function does
            raise DataError(
                f"{context.where}: {name} failed at example {i}: {type(error).__name__}: {error}"
            ) from error
    return result


def _loaded(name: str, context: Context) -> Callable[..., Any]:
    try:
        with functions_in(context.root):
            return load_function(name)
    except SpecError as error:
        raise DataError(f"{context.where}: {error}") from error


def one_or_all(arrays: dict[str, np.ndarray]) -> Structure:
    return next(iter(arrays.values())) if len(arrays) == 1 else dict(arrays)


def example_of(batch: Batch, i: int) -> Batch:
    return Batch(
        {name: array[i] for name, array in batch.inputs.items()},
        {name: array[i] for name, array in batch.targets.items()},
        None if batch.weights is None else batch.weights[i],
    )


def _to_batch(result: Structure, before: Batch, context: Context) -> Batch:
    parts = result if isinstance(result, tuple) else (result,)
    if not 1 <= len(parts) <= 3 or parts[0] is None:
        raise DataError(
            f"{context.where}: the function must return x, (x, y) or (x, y, weight), got {len(parts)} values"
        )
    x, y, weights = (*parts, None, None)[:3]
    return Batch(
        _named(x, before.inputs, "x", context),
        {} if y is None else _named(y, before.targets, "y", context),
        None if weights is None else np.asarray(weights, context.floatx),
    )


def _named(value: Structure, before: dict[str, np.ndarray], default: str, context: Context) -> dict[str, np.ndarray]:
    if isinstance(value, dict):
        return {str(name): _array(part, context) for name, part in value.items()}
    return {next(iter(before), default) if len(before) == 1 else default: _array(value, context)}


def _array(value: Any, context: Context) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(f"{context.where}: the function returned lists of different lengths") from error
    if array.dtype.kind == "U":
        return array.astype(object)
    if array.dtype.kind not in "biuf" and not isinstance(value, np.ndarray | str):
        raise DataError(f"{context.where}: the function must return arrays of numbers, got {type(value).__name__}")
    return array.astype(context.floatx, copy=False) if array.dtype.kind == "f" else array


def _stack(examples: list[Batch], context: Context) -> Batch:
    first = examples[0]
    for example in examples:
        for arrays, expected in ((example.inputs, first.inputs), (example.targets, first.targets)):
            shapes, wanted = ({n: _shape(a, context) for n, a in part.items()} for part in (arrays, expected))
            if shapes != wanted:
                raise DataError(
                    f"{context.where}: the function returned different names or shapes for different examples; "
                    "`padded_batch` in place of `batch` fills up what differs in length"
                )
    return Batch(
        {name: stacked_or_uneven([e.inputs[name] for e in examples]) for name in first.inputs},
        {name: stacked_or_uneven([e.targets[name] for e in examples]) for name in first.targets},
        None if first.weights is None else np.stack([np.asarray(e.weights) for e in examples]),
    )


def _shape(array: np.ndarray, context: Context) -> tuple[int, ...]:
    """What the function's results must have in common: the shape, or the number of axes where they are filled up."""
    return (np.ndim(array),) if context.filled_up else np.shape(array)
