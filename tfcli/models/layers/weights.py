"""Weights: how a layer makes them, and how those of the layers inside are found."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfcli.engine import nest
from tfcli.engine.module import restore_awaiting
from tfcli.engine.ops.random import global_generator
from tfcli.engine.spec import as_dtype, show_shape
from tfcli.engine.tensor import Tensor, Variable, convert_to_tensor
from tfcli.errors import ShapeError
from tfcli.models.constraints import Constraint
from tfcli.models.initializers import Initializer
from tfcli.models.layers.state import settings
from tfcli.models.nodes import make
from tfcli.models.regularizers import Regularizer


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
_BOOKKEEPING = frozenset(
    {"_arguments", "_given", "_functions", "_calls", "_losses", "_learned", "_output_specs", "_states", "_weights"}
)


def _take_room(path: str, shape: Sequence[int | None], itemsize: int) -> None:
    if settings.room is None:
        return
    settings.room -= math.prod(size or 0 for size in shape) * itemsize
    if settings.room < 0:
        raise ShapeError(f"{path} would have the shape {show_shape(shape)}: more than the file has weights for")


class HasWeights:
    """What layers have in common as holders of weights and of other layers."""

    if TYPE_CHECKING:  # at run time they would be fields
        path: str
        dtype: str
        trainable: bool

    @property
    def carried(self) -> Sequence[Variable]:
        """What it keeps from batch to batch, besides weights."""
        return ()

    def sublayers(self) -> Iterator["HasWeights"]:
        """Layers held in attributes, also in lists and dicts, in the order they were set."""
        return self.held(HasWeights)

    def tracked_attributes(self) -> dict[str, Any]:
        """The weights of its own and the layers inside by name, as saved models and checkpoints have them."""
        own = [(w.name, w) for w in self._own_variables()]
        inner: list[Any] = list(self.sublayers())
        return numbered([*own, *((layer.given_name or layer.type_name, layer) for layer in inner)])

    def held(self, kind: type) -> Iterator[Any]:
        """What of a kind is held in attributes, lists and dicts."""
        return _held(self._attributes(), kind)

    def _attributes(self) -> list[Any]:
        return [value for name, value in self.__dict__.items() if name not in _BOOKKEEPING]

    def add_weight(self, *given: Any, **named: Any) -> Weight:
        """A new weight: `add_weight(name, shape, …)`, or in Keras's order `add_weight(shape, …, name=…)`. Raises
        ShapeError.
        """
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
        """Its initial value is drawn from the spec's seed and the weight's path alone, or from the global random
        state.
        """
        shape = () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
        path = f"{self.path}/{name or self._weight_name()}"
        if None in shape:
            raise ShapeError(f"{path} would have the shape {show_shape(shape)}; give the model's input a size there")
        dtype = as_dtype(dtype or self.dtype)
        _take_room(path, shape, dtype.size)
        chosen = make(Initializer, initializer or ("glorot_uniform" if dtype.is_floating else "zeros"))
        generator = global_generator() if settings.seed is None else stream(settings.seed, path)
        value = chosen.values(shape, dtype.numpy, generator)
        weight = Weight(value, path, trainable, make(Regularizer, regularizer), make(Constraint, constraint))
        self.__dict__.setdefault("_weights", []).append(weight)
        restore_awaiting()
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
        held = [(getattr(w, "regularizer", None), w) for w in self.trainable_weights]
        return [*added, *(regularizer(w.value()) for regularizer, w in held if regularizer is not None)]

    def walk(self) -> Iterator["HasWeights"]:
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
        return sum(w.array.size for w in self.weights)


def _held(value: Any, kind: type) -> Iterator[Any]:
    """What of a kind is in lists, tuples and dicts."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, list | tuple | Mapping):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _held(item, kind)


def numbered(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Items by name, `name_1` for the second of a name."""
    counts: Counter[str] = Counter()
    found = {}
    for name, item in pairs:
        counts[name] += 1
        found[name if counts[name] == 1 else f"{name}_{counts[name] - 1}"] = item
    return found


def unique(items: Sequence[Any]) -> list[Any]:
    return list({id(item): item for item in items}.values())
