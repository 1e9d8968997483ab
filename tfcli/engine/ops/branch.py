"""Branches: `cond`, `switch_case` and `case`. Eagerly they call the branch taken; traced, all branches become part
of the graph.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from tfcli.engine import nest
from tfcli.engine.dispatch import apply, assign, executing_eagerly
from tfcli.engine.op import Op
from tfcli.engine.ops.control import Body, Control, as_list, as_tuple, floats_in, gradients_of
from tfcli.engine.ops.elementwise import cast
from tfcli.engine.ops.shape import zeros_like
from tfcli.engine.spec import Shape, TensorSpec, int32, show_shape
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import Symbol, Tensor, convert_to_tensor
from tfcli.errors import DtypeError, ShapeError, TfcliError


class SwitchCase(Control):
    """index (), int32, and what each branch captured, one after the other -> the outputs of branch `index`.

    An index that no branch has takes the last one.
    """

    branches: tuple[Body, ...]
    captured: tuple[int, ...]
    """How many tensors each branch captured."""

    @property
    def bodies(self):
        return self.branches

    def infer(self, index, *captured):
        outputs = zip(*(branch.outputs for branch in self.branches), strict=True)
        return tuple(TensorSpec(_merged(o), o[0].dtype) for o in outputs)

    def forward(self, index, *captured):
        taken, own = self._own(int(index), captured)
        return tuple(taken.plan.run(own))

    def _own(self, index: int, captured: Sequence[Any]) -> tuple[Body, Sequence[Any]]:
        """A branch, and those of the captured values that it takes."""
        last = len(self.branches) - 1
        index = index if 0 <= index <= last else last
        start = sum(self.captured[:index])
        return self.branches[index], captured[start : start + self.captured[index]]

    def vjp(self, gs, ys, index, *captured):
        filled = [zeros_like(y) if g is None else g for g, y in zip(as_list(gs), as_list(ys), strict=True)]
        floats = floats_in(captured)

        def gradients_in(branch: int) -> Callable[[], list[Tensor]]:
            def gradients() -> list[Tensor]:
                body, own = self._own(branch, captured)
                with GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch([c for c in own if c.dtype.is_floating])
                    outputs = body(own)
                return tape.dense_gradient(outputs, floats, filled, "zero")

            return gradients

        found = switch_case(index, [gradients_in(i) for i in range(len(self.branches))])
        return [None, *gradients_of(captured, floats, found)]


def _merged(outputs: Sequence[Tensor]) -> Shape:
    return Shape(sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*(o.shape for o in outputs), strict=True))


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any], name: str | None = None) -> Any:
    """What `true_fn()` returns where the bool `pred` (shape ()) holds, else what `false_fn()` returns; both of one
    structure.

    In a traced function both are traced, and one of them runs. Raises DtypeError, ShapeError, TfcliError.
    """
    if isinstance(pred, bool):
        return true_fn() if pred else false_fn()
    chosen = convert_to_tensor(pred)
    if not chosen.dtype.is_bool or chosen.shape != ():
        raise DtypeError(
            f"cond: expected a bool of shape () as `pred`, got {chosen.spec}; compare, or use tf.reduce_any"
        )
    if not isinstance(chosen, Symbol) and executing_eagerly():
        return true_fn() if bool(chosen) else false_fn()
    return _switch("cond", cast(chosen, int32), {"false_fn": false_fn, "true_fn": true_fn})


def switch_case(
    branch_index: Any, branch_fns: Any, default: Callable[[], Any] | None = None, name: str | None = None
) -> Any:
    """What the function number `branch_index` returns; `default` (else the last) where there is none of that number.

    `branch_fns` is a list, or a dict or list of pairs that gives the numbers. Raises TfcliError, DtypeError,
    ShapeError.
    """
    branches = _numbered(branch_fns)
    otherwise = default if default is not None else branches[max(branches)]
    index = convert_to_tensor(branch_index)
    if not index.dtype.is_integer or index.shape != ():
        raise DtypeError(f"switch_case: expected an integer of shape () as `branch_index`, got {index.spec}")
    if not isinstance(index, Symbol) and executing_eagerly():
        return branches.get(int(index), otherwise)()
    listed = {f"branch {i}": branches.get(i, otherwise) for i in range(max(branches) + 1)}
    return _switch("switch_case", cast(index, int32), listed if default is None else listed | {"default": default})


def _numbered(branch_fns: Any) -> dict[int, Callable[[], Any]]:
    pairs = list(branch_fns.items()) if isinstance(branch_fns, Mapping) else list(branch_fns)
    if pairs and all(callable(p) for p in pairs):
        pairs = list(enumerate(pairs))
    branches = dict(pairs)
    if not branches or len(branches) < len(pairs) or any(not isinstance(i, int) or i < 0 for i in branches):
        raise TfcliError(
            "switch_case: branch_fns must be a list of functions, or give each one a number of its own from 0 on"
        )
    return branches


def case(
    pred_fn_pairs: Any,
    default: Callable[[], Any] | None = None,
    exclusive: bool = False,
    strict: bool = False,
    name: str | None = None,
) -> Any:
    """What the function beside the first true predicate returns, else what `default()` returns (traced without
    one: the last function).

    With `exclusive`, several true predicates are an error. Structures are compared leaf by leaf, also where
    `strict` does not ask for it.
    Raises TfcliError.
    """
    pairs = list(pred_fn_pairs.items()) if isinstance(pred_fn_pairs, Mapping) else list(pred_fn_pairs)
    if not pairs:
        raise TfcliError("case: pred_fn_pairs is empty")
    predicates = [convert_to_tensor(p) for p, _ in pairs]
    if executing_eagerly():
        _check_predicates([bool(p) for p in predicates], exclusive, default is not None)
    elif exclusive:
        predicates = [OnlyOneTrue()(*predicates), *predicates[1:]]
    result = default if default is not None else pairs[-1][1]
    for predicate, (_, function) in zip(predicates[::-1], pairs[::-1], strict=True):
        result = partial(cond, predicate, function, result)
    return result()


class OnlyOneTrue(Op):
    """Predicates, bool of shape () -> the first of them. Raises TfcliError where several are true."""

    def infer(self, *predicates):
        return predicates[0]

    def forward(self, *predicates):
        _check_predicates([bool(p) for p in predicates], exclusive=True, default=True)
        return predicates[0]

    def vjp(self, g, y, *predicates):
        return [None] * len(predicates)


def _check_predicates(predicates: list[bool], exclusive: bool, default: bool) -> None:
    if exclusive and sum(predicates) > 1:
        raise TfcliError("case: several predicates are true, and `exclusive` asks for one at most")
    if not default and not any(predicates):
        raise TfcliError("case: no predicate is true, and there is no `default`")


def _switch(what: str, index: Tensor, functions: dict[str, Callable[[], Any]]) -> Any:
    bodies = [Body(name, function, []) for name, function in functions.items()]
    structure, leaves = _common_structure(what, list(functions), [body.returned for body in bodies])
    variables = list(dict.fromkeys(v for body in bodies for v in body.graph.written))
    captured = []
    for body, values in zip(bodies, leaves, strict=True):
        captured.append(body.finish([*(v for v in values if v is not None), *(body.value_of(v) for v in variables)]))
    _check_outputs(what, list(functions), bodies)
    op = SwitchCase(tuple(bodies), tuple(map(len, captured)))
    results = list(as_tuple(apply(op, index, *(c for own in captured for c in own))))
    for variable in reversed(variables):
        assign(variable, results.pop())
    supply = iter(results)
    return nest.pack(structure, [None if leaf is None else next(supply) for leaf in leaves[0]])


def _common_structure(what: str, names: list[str], returned: list[Any]) -> tuple[Any, list[list[Any]]]:
    leaves = [nest.flatten(r) for r in returned]
    shapes = [
        repr(nest.pack(r, [None if leaf is None else 0 for leaf in own]))
        for r, own in zip(returned, leaves, strict=True)
    ]
    for name, shape in zip(names, shapes, strict=True):
        if shape != shapes[0]:
            raise TfcliError(
                f"{what}: all branches must return one structure; {names[0]} returns {_shown(returned[0])}, "
                f"{name} returns "
                f"{_shown(returned[names.index(name)])}"
            )
    return returned[0], leaves


def _shown(returned: Any) -> str:
    names = ["None" if leaf is None else "a tensor" for leaf in nest.flatten(returned)]
    return (
        f"{type(returned).__name__} of {', '.join(names)}" if isinstance(returned, list | tuple | Mapping) else names[0]
    )


def _check_outputs(what: str, names: list[str], bodies: list[Body]) -> None:
    for name, body in zip(names, bodies, strict=True):
        for first, own in zip(bodies[0].outputs, body.outputs, strict=True):
            if first.dtype != own.dtype:
                raise DtypeError(
                    f"{what}: all branches must return one dtype; {names[0]} returns {first.dtype.name}, {name} "
                    "returns "
                    f"{own.dtype.name}; tf.cast converts"
                )
            if first.ndim != own.ndim:
                raise ShapeError(
                    f"{what}: all branches must return as many axes; {names[0]} returns "
                    f"{show_shape(first.shape)}, {name} returns "
                    f"{show_shape(own.shape)}"
                )
