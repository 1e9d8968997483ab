"""Dense and its like: products with a kernel, activations, identity, a function of the user's own."""

import inspect
import re
from collections.abc import Callable
from typing import Any

from tfcli.declare import FieldError, FunctionName, PositiveInt
from tfcli.declare.functions import load_function
from tfcli.engine import nest
from tfcli.engine.ops.linalg import einsum, matmul
from tfcli.engine.spec import Shape, show_shape
from tfcli.engine.tensor import Tensor
from tfcli.errors import ShapeError, SpecError
from tfcli.models.activations import Activation as ActivationFunction
from tfcli.models.constraints import Constraint
from tfcli.models.initializers import Initializer
from tfcli.models.layers.base import Layer, feature_size
from tfcli.models.regularizers import Regularizer


class Dense(Layer):
    """activation(x @ kernel + bias): x (…, C) -> (…, units)."""

    units: PositiveInt
    "The size of the output's last axis."
    activation: ActivationFunction | None = None
    "Applied to the output."
    use_bias: bool = True
    "Whether a learned number is added to each unit."
    kernel_initializer: Initializer = "glorot_uniform"  # type: ignore[assignment]
    bias_initializer: Initializer = "zeros"  # type: ignore[assignment]
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    supports_masking = True

    def build(self, input_shape: Shape) -> None:
        shape = (feature_size(input_shape, "dense"), self.units)
        self.kernel = self.add_weight(
            "kernel", shape, self.kernel_initializer, True, self.kernel_regularizer, self.kernel_constraint
        )
        if self.use_bias:
            self.bias = self.add_weight(
                "bias", (self.units,), self.bias_initializer, True, self.bias_regularizer, self.bias_constraint
            )

    def call(self, inputs: Tensor) -> Tensor:
        y = matmul(inputs, self.kernel)  # (…, C) (C, units) -> (…, units)
        if self.use_bias:
            y = y + self.bias
        return y if self.activation is None else self.activation(y)


class EinsumDense(Layer):
    """activation(einsum(equation, x, kernel) + bias), whose kernel has the shape that the equation says."""

    equation: str
    "`ab,bc->ac`, or with `...` for axes that the kernel leaves alone: `...b,bc->...c`, `ab...,bc->ac...`."
    output_shape: PositiveInt | list[PositiveInt | None]
    "The output without the batch axis and without what `...` stands for; null for a size taken from the input."
    activation: ActivationFunction | None = None
    bias_axes: str | None = None
    "The output's labels along which the bias varies, for example `c`; without it there is no bias."
    kernel_initializer: Initializer = "glorot_uniform"  # type: ignore[assignment]
    bias_initializer: Initializer = "zeros"  # type: ignore[assignment]
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    def check(self) -> None:
        match = _EQUATION.fullmatch(self.equation.replace(" ", ""))
        if match is None or (match["left"], match["right"]) != (match["left_out"], match["right_out"]):
            message = f"{self.equation!r} has none of the forms `ab,bc->ac`, `...b,bc->...c`, `ab...,bc->ac...`"
            raise FieldError("equation", message)
        x, kernel, y = match["x"], match["kernel"], match["y"]
        lost = [label for label in kernel if label not in x + y] + [label for label in y if label not in x + kernel]
        if lost:
            raise FieldError(
                "equation", f"`{lost[0]}` of {self.equation!r} stands in one place alone: its size has no source"
            )
        wrong = [label for label in self.bias_axes or "" if label not in y]
        if wrong:
            raise FieldError("bias_axes", f"`{wrong[0]}` is not a label of the output `{y}`")

    def build(self, input_shape: Shape) -> None:
        match = _EQUATION.fullmatch(self.equation.replace(" ", ""))
        assert match is not None
        x, kernel, y = match["x"], match["kernel"], match["y"]
        sizes = self._sizes(input_shape, x, y, bool(match["left"]))
        initializer = self.kernel_initializer
        if getattr(initializer, "input_axes", ()) is None:  # a scaled one, whose fans are those of the equation
            fields = {name: getattr(initializer, name) for name in initializer.fields()}
            fields["input_axes"] = [i for i, label in enumerate(kernel) if label not in y]
            fields["output_axes"] = [i for i, label in enumerate(kernel) if label in y]
            initializer = type(initializer)(**fields)
        shape = tuple(sizes.get(label) for label in kernel)
        self.kernel = self.add_weight(
            "kernel", shape, initializer, True, self.kernel_regularizer, self.kernel_constraint
        )
        self.bias = None
        if self.bias_axes:
            first = min(y.index(label) for label in self.bias_axes)
            shape = tuple(sizes.get(label) if label in self.bias_axes else 1 for label in y[first:])
            trailing = (1,) * (len(input_shape) - len(x)) if match["right"] else ()
            self.bias = self.add_weight(
                "bias", (*shape, *trailing), self.bias_initializer, True, self.bias_regularizer, self.bias_constraint
            )

    def _sizes(self, input_shape: Shape, x: str, y: str, elided_first: bool) -> dict[str, int | None]:
        """The size of each label. Raises ShapeError."""
        if len(input_shape) < len(x) or (len(input_shape) > len(x) and "..." not in self.equation):
            raise ShapeError(f"the input {show_shape(input_shape)} does not have the axes `{x}` of {self.equation!r}")
        places = input_shape[-len(x) :] if elided_first else input_shape[: len(x)]
        sizes = dict(zip(x, places, strict=True))
        given = [self.output_shape] if isinstance(self.output_shape, int) else list(self.output_shape)
        # The batch axis is the output's first label, unless it is among what the dots stand for.
        free = y if elided_first and len(input_shape) > len(x) else y[1:]
        if len(given) != len(free):
            raise ShapeError(f"output_shape {given} must give one size to each of `{free}` of {self.equation!r}")
        for label, size in zip(free, given, strict=True):
            known = sizes.get(label)
            if None not in (known, size) and known != size:
                shown = show_shape(input_shape)
                raise ShapeError(
                    f"`{label}` is {known} in the input {shown}, but {size} in output_shape; they must be equal"
                )
            sizes[label] = known if size is None else size
        return sizes

    def call(self, inputs: Tensor) -> Tensor:
        y = einsum(self.equation, inputs, self.kernel)
        if self.bias is not None:
            y = y + self.bias
        return y if self.activation is None else self.activation(y)


_EQUATION = re.compile(
    r"(?P<left>\.{3})?(?P<x>[a-zA-Z]+)(?P<right>\.{3})?,(?P<kernel>[a-zA-Z]+)"
    r"->(?P<left_out>\.{3})?(?P<y>[a-zA-Z]+)(?P<right_out>\.{3})?"
)


class Activation(Layer):
    """An activation function as a layer."""

    activation: ActivationFunction

    supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        return self.activation(inputs)


class Identity(Layer):
    """The inputs themselves."""

    supports_masking = True
    keeps_integers = True

    def call(self, inputs: Any) -> Any:
        return inputs


class Lambda(Layer):
    """A Python function of the user's own, called with the inputs, and `mask` and `training` where it has them."""

    function: FunctionName
    output_shape: list[int | None] | None = None
    "The output without the batch axis, to be checked; by default whatever the function gives."
    mask: FunctionName | None = None
    "A function of (inputs, mask) that gives the output's mask; without it the output has none."
    arguments: dict[str, Any] | None = None
    "More arguments for the function, by name."

    keeps_integers = True

    def build(self, input_shape: Any) -> None:
        self._function = self._load("function", self.function)
        self._mask_function = None if self.mask is None else self._load("mask", self.mask)
        self._asks = set(inspect.signature(self._function).parameters)

    def call(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        offered = {"mask": mask, "training": training}
        asked = {name: value for name, value in offered.items() if name in self._asks}
        outputs = self._function(inputs, **(self.arguments or {}), **asked)
        for output in nest.flatten(outputs):
            self._expect(output)
        return outputs

    def _load(self, field: str, name: FunctionName) -> Callable[..., Any]:
        try:
            return load_function(name)
        except SpecError as error:
            raise FieldError(field, str(error)) from error

    def _expect(self, output: Any) -> None:
        if not isinstance(output, Tensor):
            raise ShapeError(f"the function {self.function} must return tensors, got {type(output).__name__}")
        wanted = self.output_shape
        if wanted is None:
            return
        got = output.shape[1:]
        if len(got) != len(wanted) or any(
            None not in pair and pair[0] != pair[1] for pair in zip(got, wanted, strict=True)
        ):
            shown = f"{show_shape(output.shape)}, not {show_shape((None, *wanted))} as output_shape says"
            raise ShapeError(f"the function {self.function} gave the shape {shown}")

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None if self._mask_function is None else self._mask_function(inputs, mask)
