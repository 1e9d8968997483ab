"""Layer: fields from its declaration, weights from `build`, arithmetic in `call`."""

import functools
import hashlib
import inspect
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

from tfcli.declare import Declared, snake_case
from tfcli.engine import nest
from tfcli.engine.dispatch import executing_eagerly, recording, tracing
from tfcli.engine.ops.elementwise import cast
from tfcli.engine.ops.random import global_generator
from tfcli.engine.ops.shape import shape
from tfcli.engine.spec import Shape, as_dtype, show_shape
from tfcli.engine.tensor import Tensor, Variable, convert_to_tensor
from tfcli.errors import ShapeError, TfcliError
from tfcli.models.constraints import Constraint
from tfcli.models.initializers import Initializer
from tfcli.models.layers.symbolic import call_on_symbols, has_symbols
from tfcli.models.nodes import make
from tfcli.models.regularizers import Regularizer


class _Settings(threading.local):
    """What holds while layers are built and called in this thread."""

    def __init__(self) -> None:
        self.floatx = "float32"
        self.seed: int | None = None
        """What initial weights are drawn from; None: from the global random state."""
        self.training = False
        self.scope = ""
        """The path of the layer that is being called or built."""
        self.losses: list[Tensor] | None = None
        self.names: Counter[str] = Counter()


settings = _Settings()


@contextmanager
def building(seed: int, floatx: str = "float32") -> Iterator[None]:
    """Layers built inside draw their initial weights from `seed` and make them `floatx`."""
    before = settings.seed, settings.floatx
    settings.seed, settings.floatx = seed, floatx
    try:
        yield
    finally:
        settings.seed, settings.floatx = before


@contextmanager
def calling(training: bool) -> Iterator[list[Tensor]]:
    """Layers called inside are in training or not; yields the losses that they add (activity regularization, `add_loss`)."""
    before = settings.training, settings.losses
    settings.training, settings.losses = training, []
    try:
        yield settings.losses
    finally:
        settings.training, settings.losses = before


class Weight(Variable):
    """A variable of a layer. `path` names it in files: `conv1/kernel`."""

    __slots__ = ("constraint", "path", "regularizer")

    def __init__(
        self,
        value: np.ndarray,
        path: str,
        trainable: bool = True,
        regularizer: Regularizer | None = None,
        constraint: Constraint | None = None,
    ) -> None:
        super().__init__(value, trainable, path.rsplit("/", 1)[-1])
        self.path, self.regularizer, self.constraint = path, regularizer, constraint


def stream(seed: int, purpose: str) -> np.random.Generator:
    """The random numbers of one purpose, whatever else was drawn before."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


_KERAS_ORDER = (
    "shape initializer dtype trainable autocast regularizer constraint aggregation overwrite_with_gradient name"
)
_OWN_ORDER = "name shape initializer trainable regularizer constraint dtype"
_COMMON = frozenset(
    "input_shape input_dim input_length batch_input_shape batch_shape batch_size dtype autocast weights".split()
)
"""What Keras's layers take besides their own settings."""
_BOOKKEEPING = frozenset({"_arguments", "_given", "_functions", "_calls", "_losses", "_states", "_weights"})


class Layer(Declared, kind="layer"):
    """Base of every layer.

    A subclass lists its fields; makes its weights in `build(input_shape)` (a list of shapes for several inputs); and computes in
    `call(inputs)`, which may also ask for `training` and `mask`. Where the output's mask is not the input's, it overrides `compute_mask`.
    """

    name: str | None = None
    "What the layer is called in weights, wiring and messages; by default its type, numbered."
    inputs: str | list[str] | None = None
    "The layers or model inputs that it reads; by default the layer before it."
    trainable: bool = True
    "Whether training changes the weights."

    supports_masking: ClassVar[bool] = False
    many_inputs: ClassVar[bool] = False
    """Reads a list of tensors rather than one."""
    keeps_integers: ClassVar[bool] = False
    """Reads integers as they are; other layers compute with them as floats."""

    built = False
    input_spec: Any = None
    _path: str | None = None
    _automatic: str | None = None
    _dtype: str | None = None
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
        """Keras's common arguments go with every layer's own: `input_shape`, `dtype`, `weights`, `activity_regularizer`, …"""
        fields = self.fields()
        common = {key: kwargs.pop(key) for key in _COMMON & kwargs.keys() if key not in fields}
        if "activity_regularizer" in kwargs and "activity_regularizer" not in fields:
            self.activity_regularizer = make(Regularizer, kwargs.pop("activity_regularizer"))
        super().__init__(*args, **kwargs)
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
        dtype: Any = None,
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
        self.batch_input_shape = None if whole is None else Shape(whole)
        """The shape of the input, where the layer was told it."""
        self._dtype = None if dtype is None else as_dtype(dtype).name
        self._initial_weights = weights

    batch_input_shape: ClassVar[Shape | None] = None
    _initial_weights: ClassVar[Sequence[Any] | None] = None

    @property
    def given_name(self) -> str | None:
        """The name that the layer was given, if any."""
        return None if self._automatic is not None and self.name == self._automatic else self.name

    def spec(self) -> dict[str, Any]:
        return super().spec() | {"name": self.given_name}

    @property
    def dtype(self) -> str:
        """What the layer computes in."""
        return self._dtype or settings.floatx

    compute_dtype = variable_dtype = dtype

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

    def compute_mask(self, inputs: Any, mask: Any) -> Any:
        """The output's mask (N, T) bool, or None."""
        return mask if self.supports_masking and not isinstance(mask, list) else None

    def sublayers(self) -> Iterator["Layer"]:
        """Layers held in attributes, also in lists and dicts, in the order they were set."""
        return self.held(Layer)

    def held(self, kind: type) -> Iterator[Any]:
        """What of a kind is held in attributes, lists and dicts."""
        return _held(self._attributes(), kind)

    def _attributes(self) -> list[Any]:
        return [value for name, value in self.__dict__.items() if name not in _BOOKKEEPING]

    def add_weight(self, *given: Any, **named: Any) -> Weight:
        """A new weight: `add_weight(name, shape, …)`, or in Keras's order `add_weight(shape, …, name=…)`. Raises ShapeError."""
        order = _OWN_ORDER if given and isinstance(given[0], str) else _KERAS_ORDER
        return self._add_weight(**dict(zip(order.split(), given, strict=False)) | named)

    add_variable = add_weight

    def _add_weight(
        self,
        name: str | None = None,
        shape: Sequence[int | None] | int | None = None,
        initializer: Any = None,
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        dtype: Any = None,
        autocast: bool = True,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
    ) -> Weight:
        """Its initial value is drawn from the spec's seed and the weight's path alone, or from the global random state."""
        shape = () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
        path = f"{self.path}/{name or self._weight_name()}"
        if None in shape:
            raise ShapeError(f"{path} would have the shape {show_shape(shape)}; give the model's input a size there")
        dtype = as_dtype(dtype or self.dtype)
        chosen = make(Initializer, initializer or ("glorot_uniform" if dtype.is_floating else "zeros"))
        generator = global_generator() if settings.seed is None else stream(settings.seed, path)
        value = chosen.values(shape, dtype.numpy, generator)
        weight = Weight(value, path, trainable, make(Regularizer, regularizer), make(Constraint, constraint))
        self.__dict__.setdefault("_weights", []).append(weight)
        return weight

    def _weight_name(self) -> str:
        count = len(self.__dict__.get("_weights", ()))
        return "variable" if count == 0 else f"variable_{count}"

    def add_loss(self, loss: Any) -> None:
        """Add to what training minimises."""
        for item in nest.flatten(loss):
            tensor = convert_to_tensor(item() if callable(item) else item)
            kept = settings.losses if settings.losses is not None else self.__dict__.setdefault("_losses", [])
            kept.append(tensor)

    @property
    def losses(self) -> list[Tensor]:
        """What the last call added with `add_loss`, here and in the layers inside, and the penalties of the weights."""
        added = [loss for layer in self.walk() for loss in layer.__dict__.get("_losses", ())]
        regularized = [w for w in self.trainable_weights if getattr(w, "regularizer", None) is not None]
        return [*added, *(w.regularizer(w.value()) for w in regularized)]

    def walk(self) -> Iterator["Layer"]:
        """This layer and all inside it, each once."""
        seen: set[int] = set()
        found = [self]
        while found:
            layer = found.pop(0)
            if id(layer) not in seen:
                seen.add(id(layer))
                yield layer
                found = [*layer.sublayers(), *found]

    def _forget_losses(self) -> None:
        for layer in self.walk():
            layer.__dict__.pop("_losses", None)

    def _own_variables(self) -> list[Any]:
        """Made by `add_weight` or set as attributes, the trainable ones first."""
        held = unique([*self.__dict__.get("_weights", ()), *self.held(Variable)])
        return sorted(held, key=lambda v: not v.trainable)

    @property
    def weights(self) -> list[Weight]:
        return unique([*self._own_variables(), *(w for layer in self.sublayers() for w in layer.weights)])

    @property
    def trainable_weights(self) -> list[Weight]:
        if not self.trainable:
            return []
        own = [v for v in self._own_variables() if v.trainable]
        return unique([*own, *(w for layer in self.sublayers() for w in layer.trainable_weights)])

    @property
    def non_trainable_weights(self) -> list[Weight]:
        trainable = {id(w) for w in self.trainable_weights}
        return [w for w in self.weights if id(w) not in trainable]

    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    def __setattr__(self, name: str, value: Any) -> None:
        """`trainable` holds for the layers inside, too."""
        super().__setattr__(name, value)
        if name == "trainable":
            for layer in self.sublayers():
                layer.trainable = value

    def get_weights(self) -> list[np.ndarray]:
        return [w.numpy() for w in self.weights]

    def set_weights(self, arrays: Sequence[Any]) -> None:
        """Set all weights, in the order of `weights`. Raises ShapeError."""
        if len(arrays) != len(self.weights):
            raise ShapeError(f"{self.path} has {len(self.weights)} weights, got {len(arrays)} arrays")
        for weight, array in zip(self.weights, arrays, strict=True):
            weight.assign(convert_to_tensor(np.asarray(array), weight.dtype))

    def count_params(self) -> int:
        return sum(int(np.prod(w.shape)) for w in self.weights)

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
            with self.in_scope():
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
        if regularizer is None:
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
        copy.__dict__.update(fields | {"name": self.given_name, "_dtype": self._dtype})
        copy.check()
        return copy

    def get_config(self) -> dict[str, Any]:
        """The settings by name. A class with an `__init__` of its own adds those that it takes."""
        if _has_own_init(type(self)):
            return {"name": self.name, "trainable": self.trainable, "dtype": self.dtype}
        return {name: getattr(self, name) for name in self.fields() if name != "inputs"} | {"name": self.name}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Layer":
        return cls(**config)

    @property
    def input(self) -> Any:
        """What stands for the input in the model that the layer is part of. Raises TfcliError where it is in none, or in several places."""
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
    return cls.__init__ is not Layer.__init__


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


def _held(value: Any, kind: type) -> Iterator[Any]:
    """What of a kind is in lists, tuples and dicts."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, list | tuple | Mapping):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _held(item, kind)


def unique(items: Sequence[Any]) -> list[Any]:
    return list({id(item): item for item in items}.values())


def feature_size(shape: Shape, what: str) -> int:
    """The size of the last axis. Raises ShapeError where it is unknown."""
    if not shape or shape[-1] is None:
        raise ShapeError(f"{what} needs to know the last size of its input, which has the shape {show_shape(shape)}")
    return shape[-1]
