"""@function: a Python function traced into a graph once for each signature, and run from there."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfcli.engine import nest
from tfcli.engine.dispatch import read, recording, replay, state, tracing
from tfcli.engine.graph.execute import Plan
from tfcli.engine.graph.ir import Graph, verify
from tfcli.engine.spec import TensorSpec, show_shape
from tfcli.engine.tensor import Tensor, Variable, convert_to_tensor
from tfcli.errors import ShapeError


class ConcreteFunction:
    """One trace: a graph, its inputs, and the structure of what it returns."""

    def __init__(self, graph: Graph, outputs: Any) -> None:
        self.graph, self.outputs = graph, outputs
        self._leaves = nest.flatten(outputs)
        self._fetches = [leaf for leaf in self._leaves if isinstance(leaf, Tensor)]
        verify(graph, self._fetches)
        self._plan = Plan(graph, self._fetches)

    @property
    def structured_outputs(self) -> Any:
        return nest.map_structure(lambda leaf: leaf.spec if isinstance(leaf, Tensor) else leaf, self.outputs)

    def __call__(self, *tensors: Any) -> Any:
        """Run on the tensors of the signature, flat."""
        return self.call_flat([convert_to_tensor(t) for t in tensors])

    def call_flat(self, tensors: Sequence[Tensor]) -> Any:
        if state.tapes or state.graph is not None:
            results = replay(self.graph, tensors, self._fetches)
        else:
            results = [Tensor(array) for array in self._plan.run([t.array for t in tensors])]
        supply = iter(results)
        return nest.pack(self.outputs, [next(supply) if isinstance(leaf, Tensor) else leaf for leaf in self._leaves])

    def run(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The output tensors' arrays for input arrays: the shortest way in, for loops that know what they do."""
        return self._plan.run(arrays)


class Function:
    """What `@function` makes: callable like the Python function, traced by dtypes, shapes and Python arguments."""

    def __init__(
        self, python_function: Callable[..., Any], input_signature: Sequence[TensorSpec] | None = None, name: str | None = None
    ) -> None:
        self.python_function, self.input_signature = python_function, input_signature
        self.name = name or getattr(python_function, "__name__", "function")
        self._traces: dict[Any, ConcreteFunction] = {}
        functools.update_wrapper(self, python_function, updated=())

    def __get__(self, instance: Any, owner: type) -> "Function":
        if instance is None:
            return self
        bound = Function(self.python_function.__get__(instance, owner), self.input_signature, self.name)
        instance.__dict__[self.python_function.__name__] = bound
        return bound

    @property
    def trace_count(self) -> int:
        return len(self._traces)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the trace for this signature, tracing first where there is none; inside another trace it is inlined."""
        if state.graph is not None:
            return self.python_function(*args, **kwargs)
        concrete, tensors = self._find((args, kwargs))
        return concrete.call_flat(tensors)

    def get_concrete_function(self, *args: Any, **kwargs: Any) -> ConcreteFunction:
        """The trace for these tensors or TensorSpecs, without running it."""
        return self._find((args, kwargs))[0]

    def _find(self, structure: Any) -> tuple[ConcreteFunction, list[Tensor]]:
        leaves = [convert_to_tensor(leaf) if isinstance(leaf, np.ndarray) else leaf for leaf in nest.flatten(structure)]
        if self.input_signature is not None:
            leaves = [convert_to_tensor(leaf, spec.dtype) for leaf, spec in zip(leaves, self.input_signature, strict=True)]
        specs = [self._spec(i, leaf) for i, leaf in enumerate(leaves)]
        key = (repr(nest.pack(structure, [0] * len(leaves))), tuple(map(_key, leaves, specs)))
        if key not in self._traces:
            self._traces[key] = self._trace(structure, leaves, specs)
        return self._traces[key], [leaf for leaf, spec in zip(leaves, specs, strict=True) if spec is not None]

    def _spec(self, i: int, leaf: Any) -> TensorSpec | None:
        if self.input_signature is not None:
            wanted = self.input_signature[i]
            fits = len(wanted.shape) == leaf.ndim and all(
                w in (None, s) for w, s in zip(wanted.shape, leaf.shape, strict=True)
            )
            if not fits:
                raise ShapeError(f"{self.name}: argument {i + 1} has the shape {show_shape(leaf.shape)}, not {show_shape(wanted.shape)}")
            return wanted
        return leaf if isinstance(leaf, TensorSpec) else leaf.spec if isinstance(leaf, Tensor) else None

    def _trace(self, structure: Any, leaves: list[Any], specs: list[TensorSpec | None]) -> ConcreteFunction:
        graph = Graph(self.name)
        with tracing(graph), recording([]):
            symbols = [leaf if spec is None else graph.placeholder(spec) for leaf, spec in zip(leaves, specs, strict=True)]
            args, kwargs = nest.pack(structure, symbols)
            returned = self.python_function(*args, **kwargs)
            outputs = nest.map_structure(lambda leaf: _output(graph, leaf), returned)
        return ConcreteFunction(graph, outputs)


def _output(graph: Graph, leaf: Any) -> Any:
    if isinstance(leaf, Variable):
        leaf = read(leaf)
    return graph.bring(leaf) if isinstance(leaf, Tensor) else leaf


def _key(leaf: Any, spec: TensorSpec | None) -> Any:
    if spec is not None:
        return spec.dtype, spec.shape
    if isinstance(leaf, Variable) or not _is_value(leaf):
        return id(leaf)
    return type(leaf), leaf


def _is_value(leaf: Any) -> bool:
    return leaf is None or isinstance(leaf, bool | int | float | str | bytes)


def function(python_function: Callable[..., Any] | None = None, input_signature: Sequence[TensorSpec] | None = None, **options: Any) -> Any:
    """Decorator: trace the function into a graph. With `input_signature` there is one trace, None sizes staying unknown."""
    if python_function is None:
        return lambda f: Function(f, input_signature, **options)
    return Function(python_function, input_signature, **options)
