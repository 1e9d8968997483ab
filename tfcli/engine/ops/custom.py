"""custom_gradient: a function whose gradient its author gives."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from tfcli.engine import nest
from tfcli.engine.dispatch import apply, recording, state
from tfcli.engine.graph.ir import Node
from tfcli.engine.op import Op
from tfcli.engine.ops.control import as_list, as_tuple
from tfcli.engine.ops.shape import zeros_like
from tfcli.engine.spec import TensorSpec
from tfcli.engine.tensor import Tensor, Variable, convert_to_tensor
from tfcli.errors import TfcliError

Gradient = Callable[..., Any]


class _Reads:
    """In the place of a tape: the trainable variables that were read, and as which tensors."""

    def __init__(self) -> None:
        self.found: dict[Variable, Tensor] = {}

    def record(self, node: Node) -> None:
        pass

    def record_read(self, variable: Variable, value: Tensor) -> None:
        if variable.trainable:
            self.found.setdefault(variable, value)


class _Call:
    """One call: the function, its arguments, and the gradient function that it returned for them."""

    def __init__(self, function: Callable[..., Any], structure: Any, places: Sequence[int]) -> None:
        self.function, self.structure, self.places = function, structure, places
        self.variables: list[Variable] = []
        self.tensors: Sequence[Tensor] = ()
        self.gradient: Gradient | None = None

    def run(self, tensors: Sequence[Tensor]) -> tuple[Any, Gradient]:
        leaves = nest.flatten(self.structure)
        for place, tensor in zip(self.places, tensors, strict=True):
            leaves[place] = tensor
        args, kwargs = nest.pack(self.structure, leaves)
        returned = self.function(*args, **kwargs)
        if not isinstance(returned, tuple) or len(returned) != 2 or not callable(returned[1]):
            name = getattr(self.function, "__name__", "the function")
            raise TfcliError(f"custom_gradient: {name} must return its result and a function that gives the gradients")
        return returned

    def gradients(self, gs: Sequence[Tensor], tensors: Sequence[Tensor]) -> list[Any]:
        """Of the tensors, then of the variables. For other tensors than those of the call, it is made again:
        nothing it saw is theirs.
        """
        same = all(a is b for a, b in zip(tensors, self.tensors, strict=True))
        gradient = self.gradient if same and self.gradient is not None else self.run(tensors)[1]
        if not self.variables:
            given, of_variables = gradient(*gs), []
        else:
            given, of_variables = gradient(*gs, variables=list(self.variables))
        found = as_list(given)
        if len(found) != len(tensors) or len(of_variables) != len(self.variables):
            raise TfcliError(
                f"custom_gradient: the gradient function gives {len(found)} gradients for {len(tensors)} tensors, and "
                f"{len(of_variables)} for {len(self.variables)} variables"
            )
        return [*found, *of_variables]


class CustomGradient(Op):
    """results, arguments and variables' values -> the results, with the gradients that `call` gives for the
    arguments and variables.
    """

    call: _Call
    results: int

    def infer(self, *inputs):
        return tuple(TensorSpec(i.shape, i.dtype) for i in inputs[: self.results])

    def forward(self, *inputs):
        return inputs[: self.results]

    def vjp(self, gs, ys, *inputs):
        filled = [zeros_like(y) if g is None else g for g, y in zip(as_list(gs), as_list(ys), strict=True)]
        count = len(self.call.variables)
        arguments = inputs[self.results : len(inputs) - count]
        found = self.call.gradients(filled, arguments)
        return [*[None] * self.results, *(None if g is None else convert_to_tensor(g) for g in found)]


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: `f(*args)` returns its result and `grad(*upstream)`, which gives the gradients of the tensor
    arguments.

    Where `f` reads trainable variables, `grad` takes `variables=` as well and returns a pair: the gradients of the
    arguments, and a list of
    those of the variables. What `grad` computes is differentiated as usual, so higher orders work. Raises TfcliError.
    """

    @functools.wraps(f)
    def with_gradient(*args: Any, **kwargs: Any) -> Any:
        leaves = nest.flatten((args, kwargs))
        places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor | float) or hasattr(leaf, "__array__")]
        tensors = [convert_to_tensor(leaves[i]) for i in places]
        call, reads = _Call(f, (args, kwargs), places), _Reads()
        with recording([*state.tapes, reads]):  # type: ignore[list-item]
            result, gradient = call.run(tensors)
        if reads.found and "variables" not in _names(gradient):
            names = ", ".join(v.name for v in reads.found)
            raise TfcliError(
                f"custom_gradient: the function reads {names}; its gradient function must take `variables=None`, too"
            )
        call.variables, call.tensors, call.gradient = list(reads.found), tensors, gradient
        results = [convert_to_tensor(r) for r in nest.flatten(result)]
        op = CustomGradient(call, len(results))
        return nest.pack(result, list(as_tuple(apply(op, *results, *tensors, *reads.found.values()))))

    return with_gradient


def _names(gradient: Gradient) -> list[str]:
    parameters = inspect.signature(gradient).parameters.values()
    return ["variables" if p.kind is inspect.Parameter.VAR_KEYWORD else p.name for p in parameters]


def recompute_grad(f: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: the gradient of `f` computes its values anew, rather than keeping those of the way forward."""

    @functools.wraps(f)
    def recomputed(*args: Any, **kwargs: Any) -> Any:
        @custom_gradient
        def forward(*tensors: Any) -> Any:
            with recording(list(state.tapes)):
                result = f(*tensors, **kwargs)

            def gradient(*upstream: Any, variables: Any = None) -> Any:
                from tfcli.engine.tape import GradientTape

                watched = list(variables or [])
                with GradientTape() as tape:
                    tape.watch(list(tensors))
                    again = nest.flatten(f(*tensors, **kwargs))
                found = tape.gradient(again, [*tensors, *watched], list(upstream), "zero")
                given = found[: len(tensors)]
                return (given, found[len(tensors) :]) if variables is not None else given

            return result, gradient

        return forward(*args)

    return recomputed
