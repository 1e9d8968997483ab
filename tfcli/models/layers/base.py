"""Layer: fields from its declaration, weights from `build`, arithmetic in `call`."""

import hashlib
import inspect
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

from tfcli.declare import Declared
from tfcli.engine import nest
from tfcli.engine.dispatch import recording, tracing
from tfcli.engine.ops.elementwise import cast
from tfcli.engine.ops.shape import shape
from tfcli.engine.spec import Shape, show_shape
from tfcli.engine.tensor import Tensor, Variable, convert_to_tensor
from tfcli.errors import ShapeError, TfcliError
from tfcli.models.constraints import Constraint
from tfcli.models.initializers import Initializer
from tfcli.models.regularizers import Regularizer


class _Settings(threading.local):
    """What holds while layers are built and called in this thread."""

    def __init__(self) -> None:
        self.floatx = "float32"
        self.seed = 0
        self.training = False
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
    _path: str | None = None
    _accepts: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._accepts = frozenset(inspect.signature(cls.call).parameters)

    @property
    def path(self) -> str:
        """Where the layer stands in its model, `blocks/0/mlp/dense`; outside a model its name."""
        if self._path is None:
            self._path = self.name or self._unique_name()
        return self._path

    @path.setter
    def path(self, path: str) -> None:
        assert not self.built, f"{path} is built as {self._path}"
        self._path = path

    def _unique_name(self) -> str:
        count = settings.names[self.type_name]
        settings.names[self.type_name] += 1
        return self.type_name if count == 0 else f"{self.type_name}_{count}"

    def build(self, input_shape: Any) -> None:
        """Make the weights."""

    def call(self, inputs: Any) -> Any:
        raise TypeError(f"the layer {type(self).__name__} has no call method")

    def compute_mask(self, inputs: Any, mask: Any) -> Any:
        """The output's mask (N, T) bool, or None."""
        return mask if self.supports_masking and not isinstance(mask, list) else None

    def sublayers(self) -> Iterator["Layer"]:
        """Layers held in attributes, in the order they were set."""
        for value in self.__dict__.values():
            held = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else (value,)
            yield from (item for item in held if isinstance(item, Layer))

    def add_weight(
        self,
        name: str,
        shape: Sequence[int | None],
        initializer: Any = "glorot_uniform",
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        dtype: str | None = None,
    ) -> Weight:
        """A new weight, its initial value drawn from the seed and the weight's path alone. Raises ShapeError."""
        if None in shape:
            raise ShapeError(
                f"{self.path}: the shape of {name!r} would be {show_shape(shape)}; give the model's input a size there"
            )
        path = f"{self.path}/{name}"
        chosen = initializer if isinstance(initializer, Initializer) else _make(Initializer, initializer)
        value = chosen(tuple(shape), np.dtype(dtype or settings.floatx), stream(settings.seed, path))
        weight = Weight(value, path, trainable, _make(Regularizer, regularizer), _make(Constraint, constraint))
        self.__dict__.setdefault("_weights", []).append(weight)
        return weight

    def add_loss(self, loss: Tensor) -> None:
        """Add to what training minimises."""
        if settings.losses is not None:
            settings.losses.append(loss)

    @property
    def weights(self) -> list[Weight]:
        own = self.__dict__.get("_weights", [])
        return [*own, *(w for layer in self.sublayers() for w in layer.weights)]

    @property
    def trainable_weights(self) -> list[Weight]:
        if not self.trainable:
            return []
        own = [w for w in self.__dict__.get("_weights", []) if w.trainable]
        return [*own, *(w for layer in self.sublayers() for w in layer.trainable_weights)]

    @property
    def non_trainable_weights(self) -> list[Weight]:
        trainable = {id(w) for w in self.trainable_weights}
        return [w for w in self.weights if id(w) not in trainable]

    variables = weights
    trainable_variables = trainable_weights

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
        shapes = nest.map_structure(lambda t: t.shape, inputs)
        with tracing(None), recording([]):
            self.build(shapes)
        self.built = True

    def __call__(self, inputs: Any, *args: Any, training: bool | None = None, mask: Any = None, **kwargs: Any) -> Any:
        """Apply the layer, building it first where it is new. Raises ShapeError, DtypeError naming the layer."""
        tensors = nest.map_structure(self._as_input, inputs)
        found = nest.map_structure(lambda t: t.mask, tensors)
        mask = mask if mask is not None else found
        if isinstance(mask, list) and all(m is None for m in mask):
            mask = None
        before = settings.training
        settings.training = before if training is None else training
        try:
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
        """Arrays of floats come in as the working precision, as in Keras, and integers too where the layer computes with them."""
        tensor = value if isinstance(value, Tensor) else convert_to_tensor(value)
        if tensor.dtype == settings.floatx or tensor.dtype == "string":
            return tensor
        if tensor.dtype.is_floating:
            return tensor if isinstance(value, Tensor) else cast(tensor, settings.floatx)
        if self.keeps_integers:
            return tensor
        floating = cast(tensor, settings.floatx)
        floating.mask = tensor.mask
        return floating

    def _add_activity_loss(self, outputs: Any) -> None:
        """Activity regularization: the penalty of the outputs over the batch size, as in Keras."""
        regularizer = getattr(self, "activity_regularizer", None)
        if regularizer is None or settings.losses is None:
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
        named = type(error)(f"{self.path} ({self.type_name}): {error}") if type(error).__init__ is TfcliError.__init__ else error
        named.layer = self.path  # type: ignore[attr-defined]
        return named

    def clone(self) -> "Layer":
        """A new layer with the same fields and no weights yet."""
        copy = type(self).__new__(type(self))
        fields = {name: _clone(getattr(self, name)) for name in self.fields()}
        copy.__dict__.update(fields)
        copy.check()
        return copy


def _clone(value: Any) -> Any:
    if isinstance(value, Layer):
        return value.clone()
    return [_clone(v) for v in value] if isinstance(value, list) else value


def _make(root: type[Declared], value: Any) -> Any:
    """A node of a kind from what Python code passes: an instance, a name, or None."""
    if value is None or isinstance(value, root):
        return value
    if isinstance(value, str):
        assert root.registry is not None
        cls = root.registry.find(value)
        if cls is None:
            raise TfcliError(f"there is no {root.registry.kind} called {value!r}; did you mean {root.registry.nearest(value)!r}?")
        return cls()
    made = root.from_value(value)
    if made is None:
        raise TfcliError(f"expected a {root.type_name} or its name, got {value!r}")
    return made


def feature_size(shape: Shape, what: str) -> int:
    """The size of the last axis. Raises ShapeError where it is unknown."""
    if not shape or shape[-1] is None:
        raise ShapeError(f"{what} needs to know the last size of its input, which has the shape {show_shape(shape)}")
    return shape[-1]
