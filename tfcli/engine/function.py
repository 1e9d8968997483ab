"""@function: a Python function traced into a graph once for each signature, and run from there.

While it is traced the Python code runs once, with symbols in place of tensors, so whatever it does besides calling
ops (printing, appending
to lists) happens once a trace. Python values are part of the signature; tensors are so by dtype and shape.
"""

import functools
import inspect
import logging
import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfcli.engine import nest
from tfcli.engine.dispatch import recording, replay, state, tracing
from tfcli.engine.graph.executable import Executable
from tfcli.engine.graph.ir import Assignment, Graph, ReadVariable, verify
from tfcli.engine.indexed_slices import dense
from tfcli.engine.signature import Guards, Sizes, describe, fits, generalized
from tfcli.engine.spec import TensorSpec, show_shape
from tfcli.engine.tensor import Tensor, Variable, convert_to_tensor
from tfcli.errors import SignatureError, TfcliError

if TYPE_CHECKING:
    from tfcli.engine.graph.execute import Plan
    from tfcli.engine.kernels.plan import NativePlan
    from tfcli.engine.recorded import Backward
    from tfcli.engine.tape import GradientTape

logger = logging.getLogger("tfcli")

_tracing = threading.RLock()
_RECENT_CALLS, _MANY_TRACES = 10, 5
EXPECTED_RUNS = 100
"""Of a function of which nobody says how often it runs; see tfcli.engine.graph.executable."""


class _Mode:
    eagerly = False
    watcher: "Callable[[ConcreteFunction], None] | None" = None


def run_functions_eagerly(run_eagerly: bool) -> None:
    """Whether `@function` runs the Python code itself, for debugging."""
    _Mode.eagerly = run_eagerly


def functions_run_eagerly() -> bool:
    return _Mode.eagerly


def watch_calls(watcher: "Callable[[ConcreteFunction], None] | None") -> None:
    """Tell `watcher` of each trace that a `@function` runs from now on; None: nobody."""
    _Mode.watcher = watcher


class ConcreteFunction:
    """One trace: a graph, its inputs, and the structure of what it returns."""

    def __init__(
        self, graph: Graph, outputs: Any, names: Sequence[str] | None = None, expected_runs: int = EXPECTED_RUNS
    ) -> None:
        self.graph, self.outputs, self.name = graph, outputs, graph.name
        self.captured = [outer for outer, _ in graph.captured]
        """Values of the trace around this one, which it uses."""
        count = len(graph.inputs) - len(self.captured)
        self.inputs = [s.spec for s in graph.inputs[:count]]
        self.names = list(names) if names is not None else [f"argument_{i}" for i in range(count)]
        self._leaves = nest.flatten(outputs)
        self._fetches = [leaf for leaf in self._leaves if isinstance(leaf, Tensor)]
        verify(graph, self._fetches)
        self._executable = Executable(graph, self._fetches, expected_runs)
        self._expected_runs = expected_runs
        self._ways_back: dict[tuple[int, ...], Backward] = {}
        """The gradient, by the places of the inputs that it is asked for."""

    @property
    def plan(self) -> "Plan | NativePlan":
        """What runs: the graph after the passes."""
        return self._executable.plan

    @property
    def structured_outputs(self) -> Any:
        return nest.map_structure(lambda leaf: leaf.spec if isinstance(leaf, Tensor) else leaf, self.outputs)

    @property
    def structured_input_signature(self) -> tuple[tuple[TensorSpec, ...], dict[str, TensorSpec]]:
        """Positional and named arguments, as specs."""
        specs = zip(self.inputs, self.names, strict=True)
        return tuple(TensorSpec(s.shape, s.dtype, name) for s, name in specs), {}

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables that the graph reads or assigns."""
        ops = [node.op for node in self.graph.nodes if isinstance(node.op, ReadVariable | Assignment)]
        return tuple({id(op.variable): op.variable for op in ops}.values())

    @property
    def trainable_variables(self) -> tuple[Variable, ...]:
        return tuple(v for v in self.variables if v.trainable)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run on the tensors of the signature: by position, structures flattened, or by name. Raises TfcliError,
        ShapeError, DtypeError.
        """
        given = dict(zip(self.names, nest.flatten(args), strict=False))
        if (
            len(nest.flatten(args)) > len(self.names)
            or given.keys() & kwargs.keys()
            or {*given, *kwargs} != {*self.names}
        ):
            came = [*map(str, range(1, len(nest.flatten(args)) + 1)), *kwargs]
            raise TfcliError(
                f"{self.name} takes {', '.join(self.names) or 'nothing'}; came {', '.join(came) or 'nothing'}"
            )
        given |= kwargs
        tensors = [
            convert_to_tensor(given[name], spec.dtype) for name, spec in zip(self.names, self.inputs, strict=True)
        ]
        for name, spec, tensor in zip(self.names, self.inputs, tensors, strict=True):
            _check_shape(self.name, name, tensor.spec, spec)
        return self.call_flat(tensors)

    def call_flat(self, tensors: Sequence[Tensor]) -> Any:
        """Run on the tensors of the signature, already checked."""
        if state.graph is None and len(state.tapes) == 1:
            results = self._recorded(state.tapes[0], tensors)
        elif state.tapes or state.graph is not None:
            results = replay(self.graph, [*tensors, *self.captured], self._fetches)
        else:
            results = [Tensor(array) for array in self._executable.run([t.array for t in tensors])]
        supply = iter(results)
        return nest.pack(self.outputs, [next(supply) if isinstance(leaf, Tensor) else leaf for leaf in self._leaves])

    def _recorded(self, tape: "GradientTape", tensors: Sequence[Tensor]) -> list[Tensor]:
        """The output tensors, known to the tape if they depend on what it follows."""
        if any(map(tape.follows, self.graph.known.values())):  # tensors that the function closes over
            return replay(self.graph, [*tensors, *self.captured], self._fetches)
        places = tuple(i for i, t in enumerate(tensors) if tape.follows(t))
        if not places and not any(map(tape.follows, self.variables)):
            return [Tensor(array) for array in self._executable.run([t.array for t in tensors])]
        from tfcli.engine.recorded import Backward, record

        if places not in self._ways_back:
            self._ways_back[places] = Backward(self.graph, self._fetches, places, self._expected_runs)
        return record(tape, self._ways_back[places], tensors)

    def run(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The output tensors' arrays for input arrays: the shortest way in, for loops that know what they do."""
        return self._executable.run(arrays)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}: {spec}" for name, spec in zip(self.names, self.inputs, strict=True))
        return f"<tf.ConcreteFunction {self.name}({arguments})>"


class Function:
    """What `@function` makes: callable like the Python function, traced by dtypes, shapes and Python arguments."""

    def __init__(
        self,
        python_function: Callable[..., Any],
        input_signature: Sequence[Any] | None = None,
        name: str | None = None,
        reduce_retracing: bool = False,
    ) -> None:
        self.python_function, self.reduce_retracing = python_function, reduce_retracing
        self.input_signature = None if input_signature is None else tuple(input_signature)
        self.name = str(name or getattr(python_function, "__name__", "function"))
        self.expected_runs = EXPECTED_RUNS
        self._traces: dict[Any, tuple[ConcreteFunction, Guards]] = {}
        self._trace_count = self._calls = 0
        self._recent: deque[int] = deque(maxlen=_MANY_TRACES)
        self._warned = False
        self.parameters = _parameters(python_function)
        """To which arguments are bound; None for functions of C that do not tell."""
        functools.update_wrapper(self, python_function, updated=())

    def __get__(self, instance: Any, owner: type) -> "Function":
        """A method: each instance has traces of its own, which it keeps, so that they end with it."""
        if instance is None:
            return self
        kept = instance.__dict__.setdefault("_functions", {})
        bound = kept.get(id(self))
        # A shallow copy of an instance shares what the original kept.
        if bound is None or bound.python_function.__self__ is not instance:
            method = self.python_function.__get__(instance, owner)
            bound = Function(method, self.input_signature, self.name, self.reduce_retracing)
            instance.__dict__["_functions"] = {**kept, id(self): bound}
        return bound

    def pretty_printed_concrete_signatures(self) -> str:
        """Every trace so far, a line each."""
        return "\n".join(map(repr, self.concrete_functions))

    @property
    def trace_count(self) -> int:
        return self._trace_count

    def experimental_get_tracing_count(self) -> int:
        """How often the Python code has been traced."""
        return self._trace_count

    @property
    def concrete_functions(self) -> list[ConcreteFunction]:
        """Every trace so far."""
        return list({id(concrete): concrete for concrete, _ in self._traces.values()}.values())

    def traces(self) -> list[tuple[Hashable, Sizes, ConcreteFunction]]:
        """The traces: a description of the arguments without their tensors, the tensors' dtypes and shapes, the
        trace.
        """
        return [(key, sizes, found) for (key, sizes), (found, guards) in self._traces.items() if guards.alive()]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the trace for this signature, tracing first where there is none."""
        if _Mode.eagerly:
            return self.python_function(*args, **kwargs)
        self._calls += 1
        concrete, tensors = self._find(args, kwargs)
        if _Mode.watcher is not None:
            _Mode.watcher(concrete)
        return concrete.call_flat(tensors)

    def get_concrete_function(self, *args: Any, **kwargs: Any) -> ConcreteFunction:
        """The trace for these tensors or TensorSpecs, without running it; with an `input_signature`, also without
        arguments.
        """
        if self.input_signature is not None and not args and not kwargs:
            args = self.input_signature
        return self._find(args, kwargs)[0]

    def _find(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[ConcreteFunction, list[Tensor]]:
        arguments = self._canonical(args, kwargs)
        leaves: list[Any] = []
        guards = Guards()
        skeleton = describe(arguments, leaves, guards)
        specs = tuple(leaf if isinstance(leaf, TensorSpec) else leaf.spec for leaf in leaves)
        key = skeleton, tuple((s.dtype.name, s.shape) for s in specs)
        found = self._traces.get(key)
        if found is None or not found[1].alive():
            with _tracing:
                found = self._traces.get(key)
                if found is None or not found[1].alive():
                    found = self._compatible(key) or self._trace(arguments, specs, key, guards)
        return found[0], leaves

    def _canonical(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The arguments as (positional, named), however they were given, with defaults filled in."""
        if self.parameters is not None and (kwargs or len(args) != len(self.parameters.parameters)):
            bound = self.parameters.bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, dict(sorted(bound.kwargs.items()))
        if self.input_signature is None:
            return args, kwargs
        signed = args[: len(self.input_signature)]
        given = nest.flatten_like(self.input_signature, signed, f"{self.name}: what input_signature describes")
        wanted = nest.flatten(self.input_signature)
        cast = [_as_signed(self.name, i, leaf, spec) for i, (leaf, spec) in enumerate(zip(given, wanted, strict=True))]
        return (*nest.pack(self.input_signature, cast), *args[len(signed) :]), kwargs

    def _compatible(self, key: Any) -> Any:
        """A trace whose open sizes take these shapes, too; from now on it is found at once."""
        for (skeleton, specs), found in list(self._traces.items()):
            if skeleton == key[0] and found[1].alive() and fits(key[1], specs):
                self._traces[key] = found
                return found
        return None

    def _trace(self, arguments: Any, specs: tuple[TensorSpec, ...], key: Any, guards: Guards) -> Any:
        self._traces = {k: found for k, found in self._traces.items() if found[1].alive()}
        wanted = list(specs) if self.input_signature is None else nest.flatten(self.input_signature)
        if self.reduce_retracing:
            wanted = generalized(wanted, [sizes for skeleton, sizes in self._traces if skeleton == key[0]])
        graph, outputs = self._run_python(arguments, wanted, self._trace_count == 0)
        if graph.created_variables:
            # Once more, as it will be from now on: a function that makes variables in every call is found out.
            graph, outputs = self._run_python(arguments, wanted, False)
        concrete = ConcreteFunction(graph, outputs, self._names(arguments, wanted), self.expected_runs)
        self._count_trace()
        found = concrete, guards
        if not concrete.captured:  # what uses values of the trace around it cannot be used again
            self._traces[key] = self._traces[key[0], tuple((s.dtype.name, s.shape) for s in wanted)] = found
        return found

    def _run_python(self, arguments: Any, specs: Sequence[TensorSpec], may_create_variables: bool) -> tuple[Graph, Any]:
        graph = Graph(self.name, parent=state.graph)
        graph.may_create_variables = may_create_variables
        with tracing(graph), recording([]):
            symbols = [graph.placeholder(spec) for spec in specs]
            args, kwargs = _with_symbols(arguments, iter(symbols))
            returned = self.python_function(*args, **kwargs)
            outputs = nest.map_structure(lambda leaf: _output(graph, leaf), returned)
        graph.parent = None
        return graph, outputs

    def _names(self, arguments: Any, specs: Sequence[TensorSpec]) -> list[str]:
        """A name for each tensor: that of its TensorSpec, else of the parameter, numbered in structures."""
        args, kwargs = arguments
        parameters = list(self.parameters.parameters) if self.parameters is not None else []
        owners = [parameters[min(i, len(parameters) - 1)] if parameters else f"argument_{i}" for i in range(len(args))]
        names: list[str] = []
        for owner, value in [*zip(owners, args, strict=True), *kwargs.items()]:
            leaves: list[Any] = []
            describe(value, leaves, Guards())
            names += [owner if len(leaves) == 1 else f"{owner}_{i}" for i in range(len(leaves))]
        return [spec.name or name for spec, name in zip(specs, names, strict=True)]

    def _count_trace(self) -> None:
        self._trace_count += 1
        self._recent.append(self._calls)
        span = self._calls - self._recent[0] + 1
        if len(self._recent) == _MANY_TRACES <= span <= _RECENT_CALLS and not self._warned:
            self._warned = True
            logger.warning(
                "%d out of the last %d calls to %s triggered retracing, which is slow. Give tensors in place of "
                "Python numbers, let "
                "changing sizes be None in an input_signature (or reduce_retracing=True), and make the function "
                "once, outside of loops.",
                _MANY_TRACES,
                span,
                self.name,
            )


def _parameters(python_function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(python_function)
    except ValueError:
        return None


def _as_signed(name: str, i: int, leaf: Any, spec: TensorSpec) -> Any:
    if isinstance(leaf, TensorSpec):
        return spec
    tensor = convert_to_tensor(leaf, spec.dtype)
    _check_shape(name, f"argument {i + 1}", tensor.spec, spec)
    return tensor


def _check_shape(name: str, argument: str, came: TensorSpec, wanted: TensorSpec) -> None:
    if not fits([(came.dtype.name, came.shape)], [(wanted.dtype.name, wanted.shape)]):
        raise SignatureError(
            f"{name}: {argument} has the shape {show_shape(came.shape)}, not {show_shape(wanted.shape)}"
        )


def _with_symbols(structure: Any, symbols: Any) -> Any:
    """`structure` with symbols in place of its tensors, arrays and specs."""
    leaves = nest.flatten(structure)
    return nest.pack(
        structure,
        [next(symbols) if isinstance(v, Tensor | np.ndarray | np.generic | TensorSpec) else v for v in leaves],
    )


def _output(graph: Graph, leaf: Any) -> Any:
    leaf = dense(leaf)
    if isinstance(leaf, Variable | bool | int | float | np.ndarray | np.generic):
        leaf = convert_to_tensor(leaf)
    return graph.bring(leaf) if isinstance(leaf, Tensor) else leaf


def function(
    func: Callable[..., Any] | None = None,
    input_signature: Sequence[Any] | None = None,
    autograph: bool = True,
    jit_compile: bool | None = None,
    reduce_retracing: bool = False,
    name: str | None = None,
) -> Any:
    """Decorator: trace the function into a graph for each signature, and run the graph.

    With `input_signature` (a TensorSpec for each tensor) there is one trace, None sizes staying unknown. With
    `reduce_retracing` sizes that
    change from call to call become unknown. `autograph` and `jit_compile` are there for programs that give them:
    every graph is compiled
    alike, and a Python `if` or `for` on a tensor is never rewritten but refused, with the line and the function to
    use instead.
    """
    if func is None:
        return lambda f: Function(f, input_signature, name, reduce_retracing)
    return Function(func, input_signature, name, reduce_retracing)
