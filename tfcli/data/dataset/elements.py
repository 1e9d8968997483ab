"""Elements of a dataset: their structure, their specs, and functions applied to them.

Inside the pipeline an element is the flat tuple of its leaves, numpy arrays (or datasets, in a window); the structure
is kept once, in the spec. Users see structures of tensors.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfcli.engine import nest
from tfcli.engine.function import Function
from tfcli.engine.spec import Shape, TensorSpec, show_shape
from tfcli.engine.tensor import Tensor, as_array, convert_to_tensor
from tfcli.errors import DataError, TfcliError

Element = tuple[Any, ...]
"""The leaves of one element, in order."""


class DatasetSpec:
    """The spec of a leaf that is itself a dataset, as `window` makes them."""

    def __init__(self, element_spec: Any) -> None:
        self.element_spec = element_spec

    def __repr__(self) -> str:
        return f"DatasetSpec({self.element_spec})"


def spec_of(leaf: Any) -> Any:
    return leaf.spec_as_leaf() if hasattr(leaf, "spec_as_leaf") else TensorSpec(Shape(leaf.shape), leaf.dtype)


def present(spec: Any, element: Element) -> Any:
    """The element as users see it: tensors in its structure."""
    return nest.pack(spec, [Tensor(leaf) if isinstance(leaf, np.ndarray) else leaf for leaf in element])


def as_structure(value: Any) -> Any:
    """What a function returned, with lists stacked to tensors and every leaf a tensor or dataset, as in TensorFlow."""
    if isinstance(value, dict):
        return {key: as_structure(item) for key, item in value.items()}
    if isinstance(value, tuple):
        items = [as_structure(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if hasattr(value, "spec_as_leaf"):
        return value
    return convert_to_tensor(value)


def called_with(function: Callable[..., Any], spec: Any, leaves: list[Any]) -> Any:
    """`function` of an element: a tuple's components are its arguments."""
    structure = nest.pack(spec, leaves)
    return function(*structure) if type(structure) is tuple else function(structure)


class ElementFunction:
    """A user's function of elements, traced into a graph once; where it needs the values themselves, called each time.

    `result` is the structure of specs of what it returns; None until the first call where it could not be traced.
    """

    def __init__(self, function: Callable[..., Any], spec: Any) -> None:
        self.function, self.spec = function, spec
        self.result: Any = None
        self._concrete = self._trace()

    def _trace(self) -> Any:
        specs = nest.flatten(self.spec)
        if not all(isinstance(leaf, TensorSpec) for leaf in specs):
            return None

        def flat(*leaves: Any) -> Any:
            return as_structure(called_with(self.function, self.spec, list(leaves)))

        try:
            concrete = Function(flat).get_concrete_function(*specs)
        except TfcliError:
            # It asks for values (`if`, .numpy()) that a trace lacks. Any other mistake shows again when it is called.
            return None
        if not all(isinstance(leaf, TensorSpec) for leaf in nest.flatten(concrete.structured_outputs)):
            return None
        self.result = concrete.structured_outputs
        return concrete

    @property
    def pure(self) -> bool:
        """Whether it is a graph whose results depend on its inputs alone, so that calls may run at once."""
        if self._concrete is None:
            return False
        inputs = {id(symbol.node) for symbol in self._concrete.graph.inputs}
        return not any(n.op.stateful or n.op.effect for n in self._concrete.graph.nodes if id(n) not in inputs)

    def __call__(self, element: Element) -> Element:
        if self._concrete is not None:
            return tuple(self._concrete.plan.run(list(element)))  # the one that threads may share
        returned = as_structure(called_with(self.function, self.spec, nest.flatten(present(self.spec, element))))
        leaves = tuple(leaf.array if isinstance(leaf, Tensor) else leaf for leaf in nest.flatten(returned))
        if self.result is None:
            self.result = nest.pack(returned, [spec_of(leaf) for leaf in leaves])
        return leaves

    def truth(self, element: Element, what: str) -> bool:
        """The result as the answer of a predicate. Raises DataError."""
        answer = self(element)
        if len(answer) != 1 or answer[0].dtype != np.bool_ or answer[0].ndim:
            raise DataError(f"{what}: the function must return one bool, it returned {[spec_of(a) for a in answer]}")
        return bool(answer[0])


def checked(value: Any, spec: Any) -> Element:
    """The leaves of what a generator gave, in the dtypes of `spec`. Raises DataError where it does not fit."""
    wanted = nest.flatten(spec)
    leaves = [value] if isinstance(spec, TensorSpec) else nest.flatten(_in_places(value, spec))
    if len(leaves) != len(wanted):
        raise DataError(f"from_generator: {_shown(value)} has {len(leaves)} parts, output_signature has {len(wanted)}")
    return tuple(_fitted(leaf, of) for leaf, of in zip(leaves, wanted, strict=True))


def _in_places(value: Any, spec: Any) -> Any:
    """`value` with what stands in the place of a single tensor made an array, so that lists there are no structure."""
    if isinstance(spec, TensorSpec):
        return as_array(value)
    if isinstance(spec, dict):
        if not isinstance(value, dict) or value.keys() != spec.keys():
            raise DataError(f"from_generator: expected a dict with {', '.join(map(str, spec))}, got {_shown(value)}")
        return {key: _in_places(value[key], part) for key, part in spec.items()}
    if not isinstance(value, list | tuple) or len(value) != len(spec):
        raise DataError(f"from_generator: expected {len(spec)} components, got {_shown(value)}")
    return [_in_places(item, part) for item, part in zip(value, spec, strict=True)]


def _fitted(leaf: Any, spec: TensorSpec) -> np.ndarray:
    array = as_array(leaf, spec.dtype)
    fits = array.ndim == spec.rank and all(w in (None, s) for w, s in zip(spec.shape, array.shape, strict=True))
    if not fits:
        raise DataError(
            f"from_generator: {_shown(leaf)} has the shape {show_shape(array.shape)}, output_signature says "
            f"{show_shape(spec.shape)}"
        )
    return array


def _shown(value: Any) -> str:
    return str(value)[:60]
