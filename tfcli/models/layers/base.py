"""Layer: fields from its declaration, weights from `build`, arithmetic in `call`."""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

from tfcli.declare import Declared, snake_case
from tfcli.engine import nest
from tfcli.engine.dispatch import executing_eagerly, recording, tracing
from tfcli.engine.ops.elementwise import cast
from tfcli.engine.ops.shape import shape
from tfcli.engine.precision import products_in
from tfcli.engine.spec import Shape, show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import ShapeError, TfcliError
from tfcli.models.layers.policy import Policy, PolicyName, as_policy
from tfcli.models.layers.state import building, calling, settings
from tfcli.models.layers.symbolic import call_on_symbols, has_symbols
from tfcli.models.layers.weights import HasWeights, Weight, stream, unique
from tfcli.models.nodes import make
from tfcli.models.regularizers import Regularizer

__all__ = ["Layer", "Weight", "building", "calling", "feature_size", "settings", "stream", "unique"]

_COMMON = frozenset(
    [
        "input_shape",
        "input_dim",
        "input_length",
        "batch_input_shape",
        "batch_shape",
        "batch_size",
        "autocast",
        "weights",
    ]
)
"""What Keras's layers take besides their settings."""


class Effective:
    """The field `dtype` on a layer: given as the name of a policy, and read as what the layer computes in."""

    def __get__(self, layer: "Layer | None", owner: type) -> str | None:
        return None if layer is None else layer.dtype_policy.dtype

    def __set__(self, layer: "Layer", value: Any) -> None:
        layer.__dict__["dtype"] = None if value is None else as_policy(value).name


class Layer(HasWeights, Declared, kind="layer"):
    """Base of every layer.

    A subclass lists its fields; makes its weights in `build(input_shape)` (a list of shapes for several inputs); and
    computes in `call(inputs)`, which may also ask for `training` and `mask`. Where the output's mask is not the
    input's, it overrides `compute_mask`.
    """

    name: str | None = None
    "What the layer is called in weights, wiring and messages; by default its type, numbered."
    inputs: str | list[str] | None = None
    "The layers or model inputs that it reads; by default the layer before it."
    trainable: bool = True
    "Whether training changes the weights."
    dtype: PolicyName | None = Effective()  # type: ignore[assignment]
    "What the layer computes in; by default the experiment's `precision`."

    supports_masking: ClassVar[bool] = False
    many_inputs: ClassVar[bool] = False
    """Reads a list of tensors rather than one."""
    keeps_integers: ClassVar[bool] = False
    """Reads integers as they are; other layers compute with them as floats."""
    penalizes_outputs = True
    """Whether its `activity_regularizer` counts, if it has one."""

    built = False
    input_spec: ClassVar[Any] = None
    _path: str | None = None
    _automatic: str | None = None
    _accepts: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._accepts = frozenset(inspect.signature(cls.call).parameters)
        if "build" in cls.__dict__:
            cls.build = _built_by(cls.__dict__["build"])  # type: ignore[method-assign]
        is_users = not cls.__module__.startswith("tfcli.")
        if is_users and "call" in cls.__dict__:
            cls.keeps_integers = True

    def __new__(cls, *args: Any, **kwargs: Any) -> "Layer":
        self = super().__new__(cls)
        if args or kwargs:
            self.__dict__["_arguments"] = (args, kwargs)
        return self

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Keras's common arguments go with a layer's own: `input_shape`, `weights`, `activity_regularizer`."""
        fields = self.fields()
        dtype = kwargs.pop("dtype", None)
        common = {key: kwargs.pop(key) for key in _COMMON & kwargs.keys() if key not in fields}
        if "activity_regularizer" in kwargs and "activity_regularizer" not in fields:
            self.activity_regularizer = make(Regularizer, kwargs.pop("activity_regularizer"))
        super().__init__(*args, **kwargs)
        if dtype is not None:
            self.dtype = dtype
        if self.name is None:
            self.name = self._automatic = self._unique_name()
        self._take_common(**common)

    def _take_common(
        self,
        input_shape: Sequence[int | None] | None = None,
        input_dim: int | None = None,
        input_length: int | None = None,
        batch_input_shape: Sequence[int | None] | None = None,
        batch_shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        autocast: bool = True,
        weights: Sequence[Any] | None = None,
    ) -> None:
        whole = batch_shape or batch_input_shape
        if input_dim is not None:
            input_shape = (input_dim,) if input_length is None else (input_length, input_dim)
        elif input_length is not None and input_shape is None:
            input_shape = (input_length,)
        if whole is None and input_shape is not None:
            whole = (batch_size, *input_shape)
        self._batch_input_shape = None if whole is None else Shape(whole)
        """The shape of the input, where the layer was told it."""
        self._initial_weights = weights

    _batch_input_shape: Shape | None = None
    _initial_weights: Sequence[Any] | None = None

    @property
    def given_name(self) -> str | None:
        """The name that the layer was given, if any."""
        return None if self._automatic is not None and self.name == self._automatic else self.name

    def spec(self) -> dict[str, Any]:
        return super().spec() | {"name": self.given_name, "dtype": self.given_dtype}

    @property
    def given_dtype(self) -> PolicyName | None:
        """The policy that the layer was given, if any."""
        return self.__dict__.get("dtype")

    @property
    def variable_dtype(self) -> str:
        """What the layer's weights are, and all that it computes, operands of products apart."""
        return self.dtype_policy.dtype

    @property
    def dtype_policy(self) -> Policy:
        """The layer's own, or the global one."""
        return settings.policy if self.given_dtype is None else as_policy(self.given_dtype)

    @property
    def compute_dtype(self) -> str:
        """What products take their operands in."""
        return self.dtype_policy.compute_dtype

    @property
    def path(self) -> str:
        """Where the layer stands in its model, `blocks/0/mlp/dense`; outside a model its name."""
        if self._path is None:
            name = self.name or self._unique_name()
            self._path = f"{settings.scope}/{name}" if settings.scope else name
        return self._path

    @path.setter
    def path(self, path: str) -> None:
        assert not self.built, f"{path} is built as {self._path}"
        self._path = path

    def _unique_name(self) -> str:
        return self._count(snake_case(type(self).__name__))

    def _count(self, base: str) -> str:
        """`base`, numbered from the second on."""
        count = settings.names[base]
        settings.names[base] += 1
        return base if count == 0 else f"{base}_{count}"

    @contextmanager
    def in_scope(self) -> Iterator[None]:
        """Layers that are called inside belong to this one: their paths start with its own."""
        before, settings.scope = settings.scope, self.path
        try:
            yield
        finally:
            settings.scope = before

    def build(self, input_shape: Any) -> None:
        """Make the weights."""

    def call(self, inputs: Any) -> Any:
        raise TypeError(f"the layer {type(self).__name__} has no call method")

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The output's mask (N, T) bool, or None."""
        return mask if self.supports_masking and not isinstance(mask, list) else None

    def ensure_built(self, inputs: Any) -> None:
        """Make the weights for these inputs unless they are made; eagerly, also inside a trace."""
        if self.built:
            return
        self.build(nest.map_structure(lambda t: t.shape, inputs))
        self.built = True
        if self._initial_weights is not None:
            with tracing(None):
                self.set_weights(self._initial_weights)

    def __call__(self, inputs: Any, *args: Any, training: bool | None = None, mask: Any = None, **kwargs: Any) -> Any:
        """Apply the layer, building it first where it is new. Raises ShapeError, DtypeError naming the layer."""
        if executing_eagerly() and has_symbols((inputs, args, kwargs)):
            given = {name: value for name, value in (("training", training), ("mask", mask)) if value is not None}
            return call_on_symbols(self, (inputs, *args), given | kwargs)
        tensors = nest.map_structure(self._as_input, inputs)
        args, kwargs = nest.map_structure(self._as_argument, (args, kwargs))
        found = nest.map_structure(lambda t: t.mask, tensors)
        mask = mask if mask is not None else found
        if isinstance(mask, list | tuple | dict) and all(m is None for m in nest.flatten(mask)):
            mask = None
        if not settings.scope and settings.losses is None:
            self._forget_losses()
        before = settings.training
        settings.training = before if training is None else training
        try:
            with self.in_scope(), products_in(self.dtype_policy.operands):
                self.ensure_built(tensors)
                if "training" in self._accepts:
                    kwargs["training"] = settings.training
                if "mask" in self._accepts:
                    kwargs["mask"] = mask
                outputs = self.call(tensors, *args, **kwargs)
                self._add_activity_loss(outputs)
        except TfcliError as error:
            raise self._named(error) from error
        finally:
            settings.training = before
        if "_output_specs" not in self.__dict__:
            self._output_specs = nest.map_structure(lambda t: getattr(t, "spec", None), outputs)
        return self._with_mask(tensors, outputs, mask)

    def _as_input(self, value: Any) -> Tensor:
        """Floats come in as the layer's precision, as in Keras, and integers too where the layer computes with them."""
        tensor = value if isinstance(value, Tensor) else convert_to_tensor(value)
        if tensor.dtype in (self.dtype, "string") or (self.keeps_integers and not tensor.dtype.is_floating):
            return tensor
        floating = cast(tensor, self.dtype)
        floating.mask = tensor.mask
        return floating

    def _as_argument(self, value: Any) -> Any:
        return self._as_input(value) if isinstance(value, np.ndarray) else value

    def _add_activity_loss(self, outputs: Any) -> None:
        """Activity regularization: the penalty of the outputs over the batch size, as in Keras."""
        regularizer = getattr(self, "activity_regularizer", None)
        if regularizer is None or not self.penalizes_outputs:
            return
        for output in nest.flatten(outputs):
            self.add_loss(regularizer(output) / cast(shape(output)[0], output.dtype))

    def _with_mask(self, inputs: Any, outputs: Any, mask: Any) -> Any:
        if mask is None and type(self).compute_mask is Layer.compute_mask:
            return outputs
        made = self.compute_mask(inputs, mask)
        if made is not None:
            first = nest.flatten(outputs)[0]
            first.mask = made
        return outputs

    def _named(self, error: TfcliError) -> TfcliError:
        """The error with the layer's path in front, once."""
        if getattr(error, "layer", None) is not None:
            return error
        named = (
            type(error)(f"{self.path} ({self.type_name}): {error}")
            if type(error).__init__ is TfcliError.__init__
            else error
        )
        named.layer = self.path  # type: ignore[attr-defined]
        return named

    def clone(self) -> "Layer":
        """A new layer with the same settings and no weights yet."""
        if _has_own_init(type(self)):
            args, kwargs = self.__dict__.get("_arguments", ((), {}))
            return type(self)(*args, **kwargs)
        copy = type(self).__new__(type(self))
        fields = {name: _clone(getattr(self, name)) for name in self.fields()}
        copy.__dict__.update(fields | {"name": self.given_name, "dtype": self.given_dtype})
        copy.check()
        return copy

    def saved_settings(self) -> dict[str, Any]:
        """The fields that make such a layer again, what it learned before training among them."""
        return {name: getattr(self, name) for name in self.fields()} | {"dtype": self.dtype_policy.name}

    def get_config(self) -> dict[str, Any]:
        """The settings by name. A class with an `__init__` of its own adds those that it takes."""
        common = {"name": self.name, "trainable": self.trainable, "dtype": self.dtype_policy.name}
        if _has_own_init(type(self)):
            return common
        return {name: getattr(self, name) for name in self.fields() if name != "inputs"} | common

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Layer":
        return cls(**config)

    @property
    def metrics(self) -> list[Any]:
        """The metrics among the attributes of the layer, and of those inside."""
        from tfcli.models.metrics import Metric

        return [*self.held(Metric), *(m for layer in self.sublayers() for m in layer.metrics)]  # type: ignore[attr-defined]

    @property
    def input(self) -> Any:
        """What stands for the input in the model that the layer is part of.

        Raises TfcliError where it is in none, or in several places.
        """
        return self._only_call().inputs

    @property
    def output(self) -> Any:
        """What stands for the output, as `input`."""
        return self._only_call().outputs

    @property
    def calls(self) -> list[Any]:
        """The layer's places in models, see tfcli.models.layers.symbolic."""
        return self.__dict__.setdefault("_calls", [])

    def _only_call(self) -> Any:
        if len(self.calls) != 1:
            reason = (
                "has not been called in a functional or built model" if not self.calls else "stands in several places"
            )
            raise AttributeError(f"the layer {self.name} {reason}, so that its input and output are not defined")
        return self.calls[0]


def _has_own_init(cls: type) -> bool:
    return cls.__init__ is not Layer.__init__  # type: ignore[misc]


def _clone(value: Any) -> Any:
    if isinstance(value, Layer):
        return value.clone()
    return [_clone(v) for v in value] if isinstance(value, list) else value


def _built_by(build: Callable[..., None]) -> Callable[..., None]:
    """`build`, run eagerly and in the layer's scope, after which the layer counts as built."""

    @functools.wraps(build)
    def wrapper(self: Layer, input_shape: Any = None) -> None:
        with self.in_scope(), tracing(None), recording([]):
            build(self, _as_shapes(input_shape))
        self.built = True

    return wrapper


def _as_shapes(shapes: Any) -> Any:
    """Each tuple or list of sizes as a Shape."""
    if isinstance(shapes, Mapping):
        return {name: _as_shapes(shape) for name, shape in shapes.items()}
    if isinstance(shapes, list | tuple) and not isinstance(shapes, Shape):
        if all(size is None or isinstance(size, int | np.integer) for size in shapes):
            return Shape(shapes)
        return type(shapes)(_as_shapes(shape) for shape in shapes)
    return shapes


def feature_size(shape: Shape, what: str) -> int:
    """The size of the last axis. Raises ShapeError where it is unknown."""
    if not shape or shape[-1] is None:
        raise ShapeError(f"{what} needs to know the last size of its input, which has the shape {show_shape(shape)}")
    return shape[-1]
