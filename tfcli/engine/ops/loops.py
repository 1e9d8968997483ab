"""Loops: `while_loop`, and `scan`, `map_fn`, `foldl`, `foldr` over the first axis. Eagerly they are Python loops."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfcli.engine import nest
from tfcli.engine.dispatch import apply, assign, executing_eagerly, recording, state, tracing
from tfcli.engine.graph.ir import Graph
from tfcli.engine.ops import control
from tfcli.engine.ops.comparison import logical_and
from tfcli.engine.ops.control import Body, Control, as_tuple, floats_in, gradients_of
from tfcli.engine.ops.elementwise import cast, stop_gradient
from tfcli.engine.ops.index import range_
from tfcli.engine.ops.join import concat, stack
from tfcli.engine.ops.shape import expand_dims, zeros_like
from tfcli.engine.ops.tensor_array import TensorArray
from tfcli.engine.spec import Shape, TensorSpec, int32, show_shape
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import Tensor, Variable, convert_to_tensor
from tfcli.errors import DtypeError, ShapeError


class While(Control):
    """carries, what `body` captured, what `test` captured -> the carries after the loop, and the number of steps,
    int32 of shape ().

    `test` gives a bool and the values of the last `written` carries, which it may have changed, `body` the next
    carries. The gradient
    is that of a scan of as many steps, which computes them again.
    """

    test: Body
    body: Body
    carries: int
    written: int
    captured: int
    """How many tensors `body` captured."""

    @property
    def bodies(self):
        return (self.test, self.body)

    def infer(self, *inputs):
        return (*(TensorSpec(i.shape, i.dtype) for i in self.body.inputs[: self.carries]), TensorSpec(Shape(()), int32))

    def forward(self, *inputs):
        carries = list(inputs[: self.carries])
        for_body, for_test = self._split(inputs)
        kept, steps = self.carries - self.written, 0
        while True:
            goes_on, *changed = self.test.plan.run([*carries, *for_test])
            carries[kept:] = changed
            if not goes_on:
                return (*carries, np.int32(steps))
            carries = self.body.plan.run([*carries, *for_body])
            steps += 1

    def _split(self, inputs: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        start = self.carries + self.captured
        return inputs[self.carries : start], inputs[start:]

    def vjp(self, gs, ys, *inputs):
        for_body, for_test = self._split(inputs)
        kept = self.carries - self.written

        def step(carries: list[Tensor], slices: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
            changed = self.test([*carries, *for_test])[1:]
            return self.body([*carries[:kept], *changed, *for_body]), []

        self._refuse_changing_shapes()
        steps = ys[-1]
        floats = floats_in(inputs)
        with GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(floats)
            finals, _ = control.scan(step, inputs[: self.carries], [range_(steps)])
        seeds = [zeros_like(y) if g is None else g for g, y in zip(gs[:-1], finals, strict=True)]
        return gradients_of(inputs, floats, tape.dense_gradient(finals, floats, seeds))

    def _refuse_changing_shapes(self) -> None:
        for before, after in zip(self.body.inputs, self.body.outputs, strict=False):
            if _changes(before.shape, after.shape) and before.dtype.is_floating:
                raise ShapeError(
                    f"while_loop: a loop variable that changes its shape, {show_shape(before.shape)} to "
                    f"{show_shape(after.shape)}, "
                    "has no gradient; let it keep its shape, say by padding"
                )


def _changes(before: Shape, after: Shape) -> bool:
    return any(a != b and None not in (a, b) for a, b in zip(before, after, strict=True))


def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    shape_invariants: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    maximum_iterations: Any = None,
    name: str | None = None,
) -> Any:
    """`loop_vars = body(*loop_vars)` as long as `cond(*loop_vars)` holds; returns the last, in the structure of
    `loop_vars`.

    A loop variable keeps its dtype and shape, unless `shape_invariants` (a tf.TensorShape for each) leaves sizes
    open. Steps run in
    order and values stay in memory, whatever `parallel_iterations` and `swap_memory` say. Raises ShapeError,
    DtypeError, TfcliError.
    """
    structure = loop_vars if isinstance(loop_vars, list | tuple) else [loop_vars]
    if any(isinstance(leaf, TensorArray) for leaf in nest.flatten(structure)):
        return _with_arrays(cond, body, structure, shape_invariants, maximum_iterations, back_prop)
    values = [convert_to_tensor(v) for v in nest.flatten(structure)]
    invariants: list[Any] = [None] * len(values)
    if shape_invariants is not None:
        invariants = nest.flatten_like(
            structure, shape_invariants if structure is loop_vars else [shape_invariants], "shape_invariants"
        )

    def test(*leaves: Tensor) -> Tensor:
        return _as_condition(cond(*nest.pack(structure, list(leaves))))

    def step(*leaves: Tensor) -> list[Tensor]:
        returned = body(*nest.pack(structure, list(leaves)))
        single = len(structure) == 1 and not isinstance(returned, list | tuple)
        after = nest.flatten_like(structure, [returned] if single else returned, "while_loop: what `body` returns")
        return [_same_dtype(i, before, value) for i, (before, value) in enumerate(zip(leaves, after, strict=True))]

    if maximum_iterations is None:
        found = _while(test, step, values, invariants)
    else:
        limit = cast(convert_to_tensor(maximum_iterations), int32)
        _, *found = _while(
            lambda count, *leaves: logical_and(count < limit, test(*leaves)),
            lambda count, *leaves: [count + 1, *step(*leaves)],
            [convert_to_tensor(0), *values],
            [None, *invariants],
        )
    if not back_prop:
        found = [stop_gradient(value) for value in found]
    return nest.pack(structure, found) if structure is loop_vars else found[0]


def _with_arrays(
    cond: Callable[..., Any], body: Callable[..., Any], structure: Any, invariants: Any, limit: Any, back_prop: bool
) -> Any:
    """A loop in which tensor arrays are carried as tensors of all their elements."""
    arrays = _allocated(body, structure)

    def closed(values: Any) -> Any:
        leaves = nest.flatten_like(structure, list(values) if isinstance(structure, list) else values, "while_loop")
        return nest.pack(
            structure,
            [
                leaf.allocated(a.element_shape) if isinstance(leaf, TensorArray) and a is not None else leaf
                for a, leaf in zip(arrays, leaves, strict=True)
            ],
        )

    def opened(values: Any) -> Any:
        pairs = zip(arrays, nest.flatten(values), strict=True)
        return nest.pack(structure, [v if a is None else a.of(v) for a, v in pairs])

    def step(*values: Any) -> Any:
        returned = body(*opened(nest.pack(structure, nest.flatten(values))))
        return closed([returned] if len(structure) == 1 and not isinstance(returned, list | tuple) else returned)

    starts = [v if a is None else a.allocated() for a, v in zip(arrays, nest.flatten(structure), strict=True)]
    given = [None] * len(starts) if invariants is None else nest.flatten(invariants)
    sizes = [
        _open_size(v)
        if a is not None and a.dynamic_size
        else convert_to_tensor(v).shape
        if g is None or a is not None
        else g
        for a, v, g in zip(arrays, starts, given, strict=True)
    ]
    found = while_loop(
        lambda *values: cond(*opened(nest.pack(structure, nest.flatten(values)))),
        step,
        nest.pack(structure, starts),
        nest.pack(structure, sizes),
        back_prop=back_prop,
        maximum_iterations=limit,
    )
    return opened(found)


def _open_size(value: Tensor) -> Shape:
    return Shape((None, *value.shape[1:]))


def _allocated(body: Callable[..., Any], structure: Any) -> list[TensorArray | None]:
    """The arrays among the loop variables. They know the shape of their elements, from a trial of `body` if need be."""
    leaves = nest.flatten(structure)
    arrays = [leaf if isinstance(leaf, TensorArray) else None for leaf in leaves]
    if all(a is None or a.element_shape is not None for a in arrays):
        return arrays
    trial = Graph("while_body", parent=state.graph, captures=True)
    with tracing(trial), recording([]):
        starts = [v if isinstance(v, TensorArray) else trial.placeholder(convert_to_tensor(v).spec) for v in leaves]
        copies = [v.copy() if isinstance(v, TensorArray) else v for v in starts]
        returned = body(*nest.pack(structure, copies))
    after = nest.flatten([returned] if isinstance(returned, TensorArray) else returned)
    for array, value in zip(arrays, after, strict=True):
        if array is not None and array.element_shape is None:
            array.element_shape = value.element_shape
    return arrays


def _as_condition(value: Any) -> Tensor:
    goes_on = convert_to_tensor(value)
    if not goes_on.dtype.is_bool or goes_on.shape != ():
        raise DtypeError(f"while_loop: expected a bool of shape () from `cond`, got {goes_on.spec}")
    return goes_on


def _same_dtype(i: int, before: Tensor, after: Any) -> Tensor:
    value = convert_to_tensor(after, None if isinstance(after, Tensor | Variable) else before.dtype)
    if value.dtype != before.dtype:
        raise DtypeError(
            f"while_loop: loop variable {i + 1} is {before.dtype.name} and becomes {value.dtype.name} after a "
            "step; tf.cast converts"
        )
    return value


def _while(
    test: Callable[..., Tensor], step: Callable[..., list[Tensor]], values: list[Tensor], invariants: list[Any]
) -> list[Tensor]:
    if executing_eagerly():
        while bool(test(*values)):
            values = step(*values)
        return values
    specs = [_loop_spec(i, v, shape) for i, (v, shape) in enumerate(zip(values, invariants, strict=True))]
    for_body, for_test = Body("while_body", step, specs), Body("while_condition", test, specs)
    variables = list(dict.fromkeys([*for_body.graph.written, *for_test.graph.written]))
    carried = [for_body.carry(v) for v in variables]
    for variable in variables:
        for_test.carry(variable)
    after = [*for_body.returned, *(for_body.value_of(v) for v in variables)]
    captured = for_body.finish(after)
    more = for_test.finish([for_test.returned, *(for_test.value_of(v) for v in variables)])
    _check_shapes(for_body, len(values))
    op = While(for_test, for_body, len(after), len(variables), len(captured))
    results = as_tuple(apply(op, *values, *carried, *captured, *more))
    for variable, value in zip(variables, results[len(values) :], strict=False):
        assign(variable, value)
    return list(results[: len(values)])


def _loop_spec(i: int, value: Tensor, invariant: Any) -> TensorSpec:
    if invariant is None:
        return TensorSpec(value.shape, value.dtype)
    shape = Shape(invariant.shape if isinstance(invariant, TensorSpec) else invariant)
    fits = len(shape) == value.ndim and all(w in (None, s) for w, s in zip(shape, value.shape, strict=True))
    if not fits:
        raise ShapeError(
            f"while_loop: loop variable {i + 1} starts as {show_shape(value.shape)}, which its shape invariant "
            f"{show_shape(shape)} does not allow"
        )
    return TensorSpec(shape, value.dtype)


def _check_shapes(body: Body, count: int) -> None:
    for i, (before, after) in enumerate(zip(body.inputs[:count], body.outputs, strict=False)):
        fits = before.ndim == after.ndim and all(b in (None, a) for b, a in zip(before.shape, after.shape, strict=True))
        if not fits:
            raise ShapeError(
                f"while_loop: loop variable {i + 1} has the shape {show_shape(before.shape)}, and "
                f"{show_shape(after.shape)} after a "
                "step; leave the sizes that change open with shape_invariants=[…, tf.TensorShape([None, …]), …]"
            )


def map_fn(
    fn: Callable[[Any], Any],
    elems: Any,
    dtype: Any = None,
    parallel_iterations: int | None = None,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    name: str | None = None,
    fn_output_signature: Any = None,
) -> Any:
    """`fn` of each element of `elems` along the first axis, stacked. Both may be structures.

    `fn_output_signature` (or `dtype`), a dtype or tf.TensorSpec for each output, is checked. Elements are taken in
    order, their results have
    one shape, and values stay in memory, whatever the other options say. Raises ShapeError, DtypeError.
    """
    signature = fn_output_signature if fn_output_signature is not None else dtype
    found = _Found()

    def step(carries: list[Tensor], slices: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        result = fn(nest.pack(elems, slices))
        outputs = found.take(result)
        if signature is not None:
            wanted = nest.flatten_like(result, signature, "map_fn: fn_output_signature")
            outputs = [convert_to_tensor(o, getattr(w, "dtype", w)) for o, w in zip(outputs, wanted, strict=True)]
        return [], outputs

    _, outputs = _iterate("map_fn", step, [], elems, reverse=False)
    return found.give(outputs, back_prop)


def vectorized_map(fn: Callable[[Any], Any], elems: Any, fallback_to_while_loop: bool = True, warn: bool = True) -> Any:
    """`map_fn` under another name: elements are taken one by one, so that nothing ever has to fall back or warn."""
    return map_fn(fn, elems)


def scan(
    fn: Callable[[Any, Any], Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    reverse: bool = False,
    name: str | None = None,
) -> Any:
    """All accumulators `a = fn(a, element)` along the first axis of `elems`, stacked; the last element first with
    `reverse`.

    It starts from `initializer`, or else from the first element, which then is the first result. Steps run in
    order and values stay in
    memory, whatever the other options say. Raises ShapeError, DtypeError, TfcliError.
    """
    start, rest, structure = _start(elems, initializer, reverse)

    def step(carries: list[Tensor], slices: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        after = _accumulate("scan", fn, structure, carries, elems, slices)
        return after, after

    _, outputs = _iterate("scan", step, start, rest, reverse)
    if initializer is None:
        ends = [expand_dims(s, 0) for s in start]
        outputs = [concat([o, e] if reverse else [e, o], axis=0) for e, o in zip(ends, outputs, strict=True)]
    return nest.pack(structure, outputs if back_prop else [stop_gradient(o) for o in outputs])


def foldl(
    fn: Callable[[Any, Any], Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
) -> Any:
    """The last accumulator `a = fn(a, element)` along the first axis of `elems`, from `initializer` or else the
    first element.
    """
    return _fold("foldl", fn, elems, initializer, back_prop, reverse=False)


def foldr(
    fn: Callable[[Any, Any], Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
) -> Any:
    """`foldl` from the last element to the first."""
    return _fold("foldr", fn, elems, initializer, back_prop, reverse=True)


def _fold(
    what: str, fn: Callable[[Any, Any], Any], elems: Any, initializer: Any, back_prop: bool, reverse: bool
) -> Any:
    start, rest, structure = _start(elems, initializer, reverse)
    finals, _ = _iterate(
        what,
        lambda carries, slices: (_accumulate(what, fn, structure, carries, elems, slices), []),
        start,
        rest,
        reverse,
    )
    return nest.pack(structure, finals if back_prop else [stop_gradient(f) for f in finals])


def _start(elems: Any, initializer: Any, reverse: bool) -> tuple[list[Tensor], Any, Any]:
    """The first accumulator, the elements that remain, and the structure of the accumulator."""
    if initializer is not None:
        return [convert_to_tensor(i) for i in nest.flatten(initializer)], elems, initializer
    tensors = [convert_to_tensor(e) for e in nest.flatten(elems)]
    rest = [t[:-1] if reverse else t[1:] for t in tensors]
    return [t[-1 if reverse else 0] for t in tensors], nest.pack(elems, rest), elems


def _accumulate(
    what: str, fn: Callable[[Any, Any], Any], structure: Any, carries: list[Tensor], elems: Any, slices: list[Tensor]
) -> list[Tensor]:
    returned = fn(nest.pack(structure, carries), nest.pack(elems, slices))
    after = nest.flatten_like(structure, returned, f"{what}: what `fn` returns")
    for before, value in zip(carries, after, strict=True):
        if convert_to_tensor(value).dtype != before.dtype:
            raise DtypeError(
                f"{what}: the accumulator is {before.dtype.name}, and `fn` returns "
                f"{convert_to_tensor(value).dtype.name}"
            )
    return [convert_to_tensor(value) for value in after]


class _Found:
    """The structure that a mapped function returns, known once it has been called."""

    def take(self, returned: Any) -> list[Tensor]:
        self.structure = returned
        return [convert_to_tensor(leaf) for leaf in nest.flatten(returned)]

    def give(self, outputs: list[Tensor], back_prop: bool) -> Any:
        return nest.pack(self.structure, outputs if back_prop else [stop_gradient(o) for o in outputs])


def _iterate(
    what: str, step: control.Step, carries: list[Tensor], elems: Any, reverse: bool
) -> tuple[list[Tensor], list[Tensor]]:
    """`control.scan`; eagerly a Python loop, unless there is nothing to go through."""
    sequences = [convert_to_tensor(e) for e in nest.flatten(elems)]
    lengths = {s.shape[0] if s.ndim else None for s in sequences}
    if any(s.ndim == 0 for s in sequences) or len(lengths - {None}) > 1:
        shapes = ", ".join(show_shape(s.shape) for s in sequences)
        raise ShapeError(f"{what}: `elems` must have a first axis, all of one length; got {shapes}")
    if not executing_eagerly() or lengths == {0}:
        return control.scan(step, carries, sequences, reverse)
    outputs: list[list[Tensor]] = []
    for t in range(len(sequences[0]))[:: -1 if reverse else 1]:
        after, made = step(carries, [s[t] for s in sequences])
        carries = list(after)
        outputs.append(list(made))
    return carries, [stack(column) for column in zip(*outputs[:: -1 if reverse else 1], strict=True)]
