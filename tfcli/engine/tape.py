"""GradientTape: reverse-mode differentiation, the only backward sweep there is."""

import functools
import logging
from collections.abc import Sequence
from typing import Any

from tfcli.engine import nest
from tfcli.engine.dispatch import recording, state
from tfcli.engine.graph.ir import Node, ReadVariable, scoped
from tfcli.engine.indexed_slices import dense, joined
from tfcli.engine.op import Op
from tfcli.engine.precision import LowPrecision, products_in
from tfcli.engine.spec import show_shape
from tfcli.engine.tensor import Tensor, Variable, convert_to_tensor
from tfcli.errors import ShapeError, TfcliError

logger = logging.getLogger("tfcli")


class _Read(Op):
    """On a tape: a variable became a tensor; the gradient goes straight through."""

    def forward(self, variable: Any) -> Any:
        raise AssertionError("a mark on a tape, never computed")

    def vjp_variable(self, g: Tensor, y: Tensor, variable: Any) -> Tensor:
        return g


class UnconnectedGradients:
    """The names that `unconnected_gradients` takes."""

    NONE = "none"
    ZERO = "zero"


class GradientTape:
    """Remembers the ops that depend on watched tensors, and differentiates through them.

    Trainable variables are watched by themselves unless `watch_accessed_variables` is false. A tape gives
    gradients once, or any number
    of times with `persistent`. The sweep itself is made of ops, so an outer tape differentiates it again.
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self.persistent, self.watch_accessed_variables = persistent, watch_accessed_variables
        self._nodes: list[Node] = []
        self._live: set[int] = set()
        self._watched: list[Any] = []
        self._variables: dict[Variable, None] = {}
        self._used = False

    def __enter__(self) -> "GradientTape":
        state.tapes = [*state.tapes, self]
        return self

    def __exit__(self, *exception: Any) -> None:
        state.tapes = [tape for tape in state.tapes if tape is not self]

    def watch(self, tensors: Any) -> None:
        """Record what depends on these tensors or variables. Raises TfcliError for what has no gradient."""
        for tensor in nest.flatten(tensors):
            if not tensor.dtype.is_differentiable:
                logger.warning("a %s tensor has no gradient, which the tape was told to watch", tensor.dtype.name)
                continue
            self._live.add(id(tensor))
            self._watched.append(tensor)

    def watched_variables(self) -> tuple[Variable, ...]:
        """The variables that were read since the tape began, in the order in which they were."""
        return tuple(self._variables)

    def stop_recording(self) -> Any:
        """A context in which this tape remembers nothing."""
        return recording([tape for tape in state.tapes if tape is not self])

    def reset(self) -> None:
        self._nodes, self._live, self._watched, self._variables, self._used = [], set(), [], {}, False

    def record(self, node: Node) -> None:
        if any(id(i) in self._live for i in node.inputs):
            self._nodes.append(node)
            self._live.update(id(o) for o in node.outputs if o.dtype.is_differentiable)

    def follows(self, value: Any) -> bool:
        """Whether what depends on this tensor or variable is recorded."""
        watched = isinstance(value, Variable) and value.trainable and self.watch_accessed_variables
        return watched or id(value) in self._live

    def record_call(self, node: Node) -> None:
        """Record a node that reads variables by itself: they are among its inputs."""
        for variable in node.inputs:
            if isinstance(variable, Variable) and self.follows(variable):
                self._live.add(id(variable))
                self._variables[variable] = None
        self.record(node)

    def record_read(self, variable: Variable, value: Tensor) -> None:
        if self.follows(variable):
            self._live.add(id(variable))
            self._variables[variable] = None
            self.record(Node(_Read(), (variable,), (value,)))  # type: ignore[arg-type]

    def gradient(
        self, target: Any, sources: Any, output_gradients: Any = None, unconnected_gradients: str = "none"
    ) -> Any:
        """d target / d source for each source, in the structure of `sources`; several targets are summed.

        None (or zeros, with `unconnected_gradients="zero"`) where the target does not depend on the source.
        """
        nodes = self._take(unconnected_gradients)
        targets = [t if isinstance(t, Variable) else convert_to_tensor(t) for t in nest.flatten(target)]
        seeds = nest.flatten(output_gradients) if output_gradients is not None else [None] * len(targets)
        flat = nest.flatten(sources)
        with self.stop_recording():
            found = backward(nodes, targets, seeds, flat)
            if unconnected_gradients == "zero":
                found = [_zeros_like(s) if g is None else g for g, s in zip(found, flat, strict=True)]
        return nest.pack(sources, found)

    def dense_gradient(self, target: Any, sources: Any, output_gradients: Any = None, unconnected: str = "none") -> Any:
        """`gradient`, with the rows of tables made whole tensors: for sweeps whose results go into a graph."""
        return nest.map_structure(dense, self.gradient(target, sources, output_gradients, unconnected))

    def jacobian(
        self,
        target: Any,
        sources: Any,
        unconnected_gradients: str = "none",
        parallel_iterations: int | None = None,
        experimental_use_pfor: bool = True,
    ) -> Any:
        """d target / d source, of shape target.shape + source.shape, for each source in the structure of `sources`.

        Rows are computed in one compiled loop, whatever the last two options say.
        """
        from tfcli.engine.ops.jacobian import jacobian

        return self._derive(target, sources, unconnected_gradients, jacobian)

    def batch_jacobian(
        self,
        target: Any,
        source: Any,
        unconnected_gradients: str = "none",
        parallel_iterations: int | None = None,
        experimental_use_pfor: bool = True,
    ) -> Any:
        """d target[b] / d source[b] for each b, of shape (B, ...target.shape[1:], ...source.shape[1:]); rows must
        not depend on others.
        """
        from tfcli.engine.ops.jacobian import batch_jacobian

        return self._derive(target, source, unconnected_gradients, batch_jacobian)

    def _derive(self, target: Any, sources: Any, unconnected_gradients: str, derive: Any) -> Any:
        """The shared part of jacobians: rows of gradients of one target."""
        flat = nest.flatten(sources)
        value = convert_to_tensor(target)
        nodes = self._take(unconnected_gradients)
        with self.stop_recording():
            found = derive(lambda seed: _dense_backward(nodes, value, seed, flat), value, flat, unconnected_gradients)
        return nest.pack(sources, found)

    def _take(self, unconnected_gradients: str) -> list[Node]:
        """What was recorded, to be swept; a tape that is not persistent gives it once."""
        if unconnected_gradients not in ("none", "zero"):
            raise TfcliError(f"unconnected_gradients must be 'none' or 'zero', got {unconnected_gradients!r}")
        if self._used and not self.persistent:
            raise TfcliError(
                "this tape has given its gradients; use GradientTape(persistent=True) to ask more than once"
            )
        nodes, self._used = self._nodes, True
        if not self.persistent:
            self._nodes = []
        return nodes


def gradients(
    ys: Any,
    xs: Any,
    grad_ys: Any = None,
    name: str = "gradients",
    gate_gradients: bool = False,
    aggregation_method: int | None = None,
    stop_gradients: Any = None,
    unconnected_gradients: str = "none",
) -> list[Any]:
    """In a graph: the sum of d y / d x over all ys, for each x, tensors or variables; None where there is no
    dependence.

    `stop_gradients` are taken as constants. Sums are always made in one order, whatever `gate_gradients` and
    `aggregation_method` say.
    Raises TfcliError outside of a graph.
    """
    graph = state.graph
    if graph is None:
        raise TfcliError("tf.gradients works in graphs only; eagerly use tf.GradientTape")
    stopped = {id(s) for s in nest.flatten(stop_gradients)} if stop_gradients is not None else set()
    nodes = [as_recorded(node) for node in graph.nodes if not any(id(o) in stopped for o in node.outputs)]
    targets = [convert_to_tensor(y) for y in nest.flatten(ys)]
    seeds = nest.flatten(grad_ys) if grad_ys is not None else [None] * len(targets)
    sources = nest.flatten(xs)
    found = [dense(g) for g in backward(nodes, targets, seeds, sources)]
    if unconnected_gradients == "zero":
        return [_zeros_like(s) if g is None else g for g, s in zip(found, sources, strict=True)]
    return found


def hessians(ys: Any, xs: Any, **options: Any) -> list[Tensor | None]:
    """In a graph: the second derivatives of the sum of ys, of shape x.shape + x.shape for each x.

    `options` are those of `gradients`. Raises TfcliError outside of a graph.
    """
    from tfcli.engine.ops.jacobian import jacobian

    sources = nest.flatten(xs)
    firsts = gradients(ys, sources, **options)
    nodes = [as_recorded(node) for node in state.graph.nodes]  # type: ignore[union-attr]
    found: list[Tensor | None] = []
    for x, first in zip(sources, firsts, strict=True):
        if first is None:
            found.append(None)
            continue
        sweep = functools.partial(_dense_backward, nodes, first, sources=[x])
        found += jacobian(sweep, first, [x], "zero")
    return found


def as_recorded(node: Node) -> Node:
    """A graph's reading of a variable, as a tape has it."""
    return Node(_Read(), (node.op.variable,), node.outputs) if isinstance(node.op, ReadVariable) else node  # type: ignore[arg-type]


def _zeros_like(source: Any) -> Tensor:
    from tfcli.engine.ops.shape import zeros_like

    return zeros_like(source)


def _dense_backward(nodes: Sequence[Node], target: Tensor, seed: Tensor, sources: list[Any]) -> list[Tensor | None]:
    return [dense(gradient) for gradient in backward(nodes, [target], [seed], sources)]


def backward(
    nodes: Sequence[Node], targets: Sequence[Any], seeds: list[Any], sources: list[Any]
) -> list[Tensor | None]:
    """The gradient of the targets, weighted by the seeds (ones for None), for each source, or None where there is
    none; IndexedSlices of a source whose rows alone were gathered.
    """
    from tfcli.engine.ops.shape import ones_like

    needed = _depending_on(nodes, sources)
    gradients: dict[int, Tensor] = {}
    for target, seed in zip(targets, seeds, strict=True):
        if target.dtype.is_differentiable:
            _accumulate(gradients, target, ones_like(target) if seed is None else _seed(seed, target))
    kept = {id(s) for s in sources}
    for node in reversed(nodes):
        if not any(id(i) in needed for i in node.inputs):
            continue
        received = [gradients.get(id(o)) if id(o) in kept else gradients.pop(id(o), None) for o in node.outputs]
        if any(g is not None for g in received):
            with scoped(node.scope):
                _sweep(node, received, needed, gradients)
    return [gradients.get(id(s)) for s in sources]


def _seed(value: Any, target: Tensor) -> Tensor:
    seed = convert_to_tensor(value, target.dtype)
    compatible = len(seed.shape) == len(target.shape) and all(
        a == b or None in (a, b) for a, b in zip(seed.shape, target.shape, strict=True)
    )
    if not compatible:
        raise ShapeError(
            f"an output gradient of shape {show_shape(seed.shape)} for a target of {show_shape(target.shape)}"
        )
    return seed


def _depending_on(nodes: Sequence[Node], sources: list[Any]) -> set[int]:
    needed = {id(s) for s in sources}
    for node in nodes:
        if any(id(i) in needed for i in node.inputs):
            needed.update(id(o) for o in node.outputs if o.dtype.is_differentiable)
    return needed


def _sweep(node: Node, received: list[Tensor | None], needed: set[int], gradients: dict[int, Tensor]) -> None:
    """Pass the gradients of a node's outputs on to those of its inputs that are asked for."""
    op: Any = node.op
    if isinstance(op, LowPrecision):
        with products_in(op.operands):
            _sweep(Node(op.product, node.inputs, node.outputs), received, needed, gradients)
        return
    if not isinstance(op, _Read):
        received = [dense(g) for g in received]
    g, y = (received, node.outputs) if len(node.outputs) > 1 else (received[0], node.outputs[0])
    if hasattr(op, "vjp"):
        given = op.vjp(g, y, *node.inputs)
        assert len(given) == len(node.inputs), (
            f"{op.name}.vjp gives {len(given)} gradients for {len(node.inputs)} inputs"
        )
        for tensor, gradient in zip(node.inputs, given, strict=True):
            if id(tensor) in needed and gradient is not None:
                _accumulate(gradients, tensor, gradient)
        return
    for name, tensor in zip(op.inputs, node.inputs, strict=True):
        vjp = getattr(op, f"vjp_{name}")
        if id(tensor) in needed and vjp is not None:
            _accumulate(gradients, tensor, vjp(g, y, *node.inputs))


def _accumulate(gradients: dict[int, Tensor], tensor: Tensor, gradient: Tensor) -> None:
    known = len(gradient.shape) == len(tensor.shape)
    assert known, f"a gradient of shape {show_shape(gradient.shape)} for a tensor of shape {show_shape(tensor.shape)}"
    before = gradients.get(id(tensor))
    gradients[id(tensor)] = gradient if before is None else joined(before, gradient)
