"""Layers that hold a layer: `bidirectional` and `time_distributed`."""

from collections.abc import Iterator
from typing import Any, Literal

from tfcli.declare import FieldError
from tfcli.engine import nest
from tfcli.engine.ops.join import concat, stack
from tfcli.engine.ops.sequences import join_steps, split_steps
from tfcli.engine.ops.slicing import reverse
from tfcli.engine.spec import Shape, show_shape
from tfcli.engine.tensor import Tensor
from tfcli.errors import ShapeError
from tfcli.models.layers.base import Layer


class Bidirectional(Layer):
    """A recurrent layer run forwards, and one like it (or `backward_layer`) run backwards, their outputs merged.

    (N, T, C) -> what the layer gives, doubled by `concat`. With `merge_mode: null`, from Python, it returns both.
    """

    layer: Layer
    merge_mode: Literal["sum", "mul", "ave", "concat"] | None = "concat"
    backward_layer: Layer | None = None
    "The layer that runs backwards (`go_backwards: true`); by default `layer` again, with its own weights."

    supports_masking = True

    def check(self) -> None:
        for field, layer in (("layer", self.layer), ("backward_layer", self.backward_layer or self.layer)):
            if not all(
                hasattr(layer, name) for name in ("go_backwards", "return_sequences", "return_state", "stateful")
            ):
                message = f"bidirectional wraps a recurrent layer, got `{layer.type_name}`"
                raise FieldError(field, message, "wrap `lstm`, `gru`, `simple_rnn` or `rnn`")
        self.forward, self.backward = self.layer.clone(), (self.backward_layer or self.layer).clone()
        if self.backward_layer is None:
            self.backward.go_backwards = True  # type: ignore[attr-defined]
        self._check_pair()
        for layer in (self.forward, self.backward):
            # As in Keras, so that what is masked adds nothing to the merged sequence.
            layer.zero_output_for_mask = layer.return_sequences  # type: ignore[attr-defined]

    def _check_pair(self) -> None:
        first: Any = self.forward
        second: Any = self.backward
        if first.go_backwards == second.go_backwards:
            field = "layer" if self.backward_layer is None else "backward_layer"
            raise FieldError(
                (field, "go_backwards"),
                f"both layers have `go_backwards: {str(first.go_backwards).lower()}`; one must run the other way",
            )
        for name in ("stateful", "return_sequences", "return_state"):
            if getattr(first, name) != getattr(second, name):
                raise FieldError(("backward_layer", name), f"`{name}` must be the same in both layers")

    @property
    def forward_layer(self) -> Layer:
        return self.forward

    def sublayers(self) -> Iterator[Layer]:
        yield from (self.forward, self.backward)

    def build(self, input_shape: Shape) -> None:
        for name, layer in (("forward", self.forward), ("backward", self.backward)):
            layer.path = f"{self.path}/{name}"
            layer.build(input_shape)
            layer.built = True

    def call(self, inputs: Tensor, initial_state: Any = None, mask: Any = None) -> Any:
        given = None if initial_state is None else nest.flatten(initial_state)
        half = 0 if given is None else len(given) // 2
        y = self._run(self.forward, inputs, mask, given and given[:half])
        y_back = self._run(self.backward, inputs, mask, given and given[half:])
        outputs = self._merge(y[0], reverse(y_back[0], [1]) if self._all_steps else y_back[0])
        states = (*y[1:], *y_back[1:])
        return (*outputs, *states) if len(outputs) > 1 or states else outputs[0]

    @property
    def _all_steps(self) -> bool:
        return self.layer.return_sequences  # type: ignore[attr-defined]

    def _run(self, layer: Layer, inputs: Tensor, mask: Any, state: Any) -> tuple[Tensor, ...]:
        """(output, *states)."""
        given = {} if state is None else {"initial_state": state}
        result = layer(inputs, mask=mask, **given)
        return result if isinstance(result, tuple) else (result,)

    def _merge(self, y: Tensor, y_back: Tensor) -> tuple[Tensor, ...]:
        match self.merge_mode:
            case "concat":
                return (concat([y, y_back], -1),)
            case "sum":
                return (y + y_back,)
            case "ave":
                return ((y + y_back) / 2.0,)
            case "mul":
                return (y * y_back,)
        return (y, y_back)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return mask if self._all_steps else None

    def reset_state(self) -> None:
        """Forget the states that a stateful layer kept. Raises TfcliError where it keeps none."""
        self.forward.reset_state()  # type: ignore[attr-defined]
        self.backward.reset_state()  # type: ignore[attr-defined]


class TimeDistributed(Layer):
    """A layer applied to every time step with the same weights: (N, T, …) -> (N, T, …)."""

    layer: Layer
    "As in Keras, its own `activity_regularizer` does not count: an activity_regularization layer behind this one does."

    supports_masking = True

    @property
    def keeps_integers(self) -> bool:  # type: ignore[override]
        return self.layer.keeps_integers

    def build(self, input_shape: Shape) -> None:
        if len(input_shape) < 3:
            raise ShapeError(f"expected three axes or more, (batch, time, …), got {show_shape(input_shape)}")
        if not self.layer.built:
            self.layer.path = self.path
            self.layer.penalizes_outputs = False
            self.layer.build(Shape((input_shape[0], *input_shape[2:])))
            self.layer.built = True

    def call(self, inputs: Tensor, mask: Any = None) -> Tensor:
        # A layer that keeps statistics of its batches must see one time step at a time; others see all as one batch.
        if all(weight.trainable for weight in self.layer.weights):
            return self._at_once(inputs, mask)
        return self._step_by_step(inputs, mask)

    def _at_once(self, inputs: Tensor, mask: Any) -> Tensor:
        y = self.layer(join_steps(inputs), mask=None if mask is None or mask.ndim < 3 else join_steps(mask))
        return split_steps(y, inputs)

    def _step_by_step(self, inputs: Tensor, mask: Any) -> Tensor:
        steps = inputs.shape[1]
        if steps is None:
            raise ShapeError(f"a {self.layer.type_name} layer over time needs to know the number of time steps")
        masks = [None if mask is None or mask.ndim < 3 else mask[:, t] for t in range(steps)]
        return stack([self.layer(inputs[:, t], mask=masks[t]) for t in range(steps)], 1)
