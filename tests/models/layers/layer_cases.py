"""What a case of a layer is, and the numbers that go into it. Needs numpy alone, as `make_fixtures.py` reads it too."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Case:
    """A layer in the form of a spec, applied to inputs of these shapes, batch included."""

    spec: dict[str, Any]
    shapes: list[tuple[int, ...]]
    integers: int | None = None
    """The inputs are whole numbers below this."""
    training: bool = False
    masked: bool = False
    """Each input has a mask over its first two axes."""
    keras: bool = True
    """Keras has the layer, and its numbers do not depend on chance."""
    keras_fields: dict[str, Any] = field(default_factory=dict)
    """Fields that Keras takes in place of those of the same name; None leaves one out."""
    keras_call: dict[str, Any] = field(default_factory=dict)
    """What Keras takes as arguments of the call."""
    keras_precision: str = "float64"
    """float32 for what TensorFlow has in float32 alone."""
    tolerance: float = 2e-5
    """How far off, relatively, numbers may be: Keras's own rounding."""
    gradient: bool = True
    """The output is differentiable in the inputs."""
    values: list[Any] | None = None
    """The inputs themselves, nested lists of texts or numbers, in place of `shapes`."""
    learn: Any = None
    """What the layer adapts to before it is called."""

    @property
    def type_name(self) -> str:
        return self.spec["type"]


def case(type_name: str, *shapes: tuple[int, ...], **fields: Any) -> Case:
    """A case; what is not a field of Case is one of the layer."""
    own = {name: fields.pop(name) for name in list(fields) if name in Case.__dataclass_fields__}
    return Case({"type": type_name} | fields, list(shapes), **own)


def pattern(shape: tuple[int, ...], salt: float) -> np.ndarray:
    """Numbers between -1 and 1 without order, none equal to another, the same everywhere."""
    steps = np.arange(1, 1 + int(np.prod(shape)), dtype=np.float64)
    return np.sin(1.7 * steps + 0.003 * steps * steps + salt).reshape(shape)


def inputs_of(case: Case) -> list[np.ndarray]:
    """float64 or int32 inputs, or texts."""
    if case.values is not None:
        return [as_input(value) for value in case.values]
    arrays = [pattern(shape, 0.3 + i) for i, shape in enumerate(case.shapes)]
    if case.integers is None:
        return arrays
    return [((a + 1.0) / 2.0 * case.integers).astype(np.int32) % case.integers for a in arrays]


def as_input(value: Any) -> np.ndarray:
    """Nested lists as texts, int32 or float64."""
    array = np.array(value)
    return array.astype({"U": object, "i": np.int32}.get(array.dtype.kind, np.float64))


def masks_of(case: Case) -> list[np.ndarray] | None:
    """(N, T) bool for each input: the first step is always shown, of the others some."""
    if not case.masked:
        return None
    masks = [pattern(shape[:2], 2.0 + i) < 0.4 for i, shape in enumerate(case.shapes)]
    return [np.where(np.arange(m.shape[1]) == 0, True, m) for m in masks]


def weight_of(name: str, shape: tuple[int, ...], position: int) -> np.ndarray:
    """A weight's values; variances are positive."""
    values = pattern(shape, 10.0 + position)
    return np.abs(values) + 0.5 if "variance" in name else values


def doubled(x: Any) -> Any:
    """The function of the `lambda` case."""
    return x * 2.0
