"""Tensor (a value), Symbol (a value of a graph being traced) and Variable (a value that changes)."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tfcli.engine.caller import instead_of_python
from tfcli.engine.operators import Operators, operators
from tfcli.engine.operators import operator as operator
from tfcli.engine.spec import DType, Shape, TensorSpec, as_dtype, float32, int32, show_shape
from tfcli.engine.updates import Updates
from tfcli.errors import DtypeError, ShapeError, TfcliError

if TYPE_CHECKING:
    from tfcli.engine.graph.ir import Graph, Node


class Reference:
    """`value.ref()`: equal where it stands for the same tensor or variable, which do not hash; `deref` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: "Value") -> None:
        self._value = value

    def deref(self) -> "Value":
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and self._value is other._value

    def __hash__(self) -> int:
        return id(self._value)


def _shown(array: np.ndarray) -> str:
    """As TensorFlow shows values: single ones without `array(...)`."""
    return repr(array) if array.ndim else repr(array.item()) if array.dtype.kind in "Oc" else str(array[()])


class Value(Operators):
    """What tensors and variables have in common: a `spec`, and numbers in `array`."""

    __slots__ = ()

    spec: TensorSpec
    array: np.ndarray
    value: Callable[[], "Tensor"]
    """As a tensor."""

    @property
    def shape(self) -> Shape:
        return self.spec.shape

    @property
    def dtype(self) -> DType:
        return self.spec.dtype

    @property
    def ndim(self) -> int:
        return len(self.spec.shape)

    rank = ndim

    def get_shape(self) -> Shape:
        return self.shape

    def numpy(self) -> Any:
        """The array; of a single text its bytes, as in TensorFlow."""
        return self.array.item() if self.array.dtype == object and self.array.ndim == 0 else self.array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.array, dtype=dtype) if copy else np.asarray(self.array, dtype=dtype)

    def item(self) -> Any:
        return self.array.item()

    def ref(self) -> "Reference":
        """What stands for this very object in sets and dicts."""
        return Reference(self)

    @property
    def device(self) -> str:
        return "/device:CPU:0"

    def __format__(self, form: str) -> str:
        return format(self.item(), form) if form and not self.shape else str(self)

    def __float__(self) -> float:
        return float(self.numpy())

    def __int__(self) -> int:
        return int(self.numpy())

    def __index__(self) -> int:
        if not self.dtype.is_integer:
            raise DtypeError(f"a {self.dtype.name} tensor cannot be an index; cast it to int32 first")
        return int(self.numpy())

    def __bool__(self) -> bool:
        return bool(self.numpy())

    def __len__(self) -> int:
        if not self.shape or self.shape[0] is None:
            raise ShapeError(f"a tensor of shape {show_shape(self.shape)} has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator["Tensor"]:
        return (self[i] for i in range(len(self)))


class Tensor(Value):
    """An immutable array of one dtype. `mask` rides along from layer to layer, as in Keras; `origin` is the variable
    and key of which it is a part, where it was made as `variable[key]`.
    """

    __slots__ = ("__weakref__", "array", "logits", "mask", "origin", "spec")

    def __init__(self, array: np.ndarray, spec: TensorSpec | None = None) -> None:
        self.array = array
        self.spec = spec or TensorSpec(Shape(array.shape), as_dtype(array.dtype))
        self.mask: Tensor | None = None
        self.logits: Tensor | None = None
        self.origin: tuple[Variable, Any] | None = None

    def __repr__(self) -> str:
        return f"<tf.Tensor: shape={show_shape(self.shape)}, dtype={self.dtype.name}, numpy={_shown(self.array)}>"

    def __str__(self) -> str:
        return f"tf.Tensor({self.array}, shape={show_shape(self.shape)}, dtype={self.dtype.name})"

    def assign(self, value: Any) -> "Tensor":
        """Of a part of a variable, `variable[1:3].assign(...)`: set it; the variable's new value. Raises TfcliError."""
        if self.origin is None:
            raise TfcliError(
                "a tensor does not change; a tf.Variable, or a part of one as variable[1:3], can be assigned"
            )
        variable, key = self.origin
        from tfcli.engine.ops.dynamic import updated_at

        return variable.assign(updated_at(variable.value(), key, convert_to_tensor(value, self.dtype)))

    def assign_add(self, delta: Any) -> "Tensor":
        """Of a part of a variable: add to it. Raises TfcliError."""
        return self.assign(self + delta)

    def assign_sub(self, delta: Any) -> "Tensor":
        """Of a part of a variable: subtract from it. Raises TfcliError."""
        return self.assign(self - delta)


class Symbol(Tensor):
    """A tensor of a graph that is being traced: it has a place (`node`, `index`) and no numbers yet."""

    __slots__ = ("graph", "index", "node")

    def __init__(self, graph: "Graph", node: "Node", index: int, spec: TensorSpec) -> None:
        self.spec, self.mask, self.logits, self.origin = spec, None, None, None
        self.graph, self.node, self.index = graph, node, index

    __hash__ = object.__hash__  # type: ignore[assignment]  # a symbol is a key of feed_dict

    @property
    def array(self) -> np.ndarray:  # type: ignore[override]
        otherwise = "tf functions of the tensor, or return it; tf.print shows it, tf.py_function hands it to Python"
        raise TfcliError(instead_of_python("the value", otherwise))

    def __bool__(self) -> bool:
        raise TfcliError(instead_of_python("the truth"))

    def _static(self) -> np.ndarray | None:
        from tfcli.engine.graph.static import static_value

        return static_value(self)

    def __iter__(self) -> Iterator[Tensor]:
        known = self._static()
        if known is not None and known.ndim:
            return iter([Tensor(np.asarray(item)) for item in known])
        otherwise = "tf.unstack where the length is known, else tf.map_fn, tf.scan or tf.while_loop"
        raise TfcliError(instead_of_python("the elements", otherwise))

    def __index__(self) -> int:
        known = self._static()
        if known is not None:
            return int(known)
        raise TfcliError(
            instead_of_python("the value as a Python number", "tf.range, tf.gather and their kin, which take tensors")
        )

    __int__ = __index__

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """The value in the session, or the one that is entered."""
        from tfcli.engine.graph.session import running_session

        return running_session(session).run(self, feed_dict)

    @property
    def op(self) -> "Node":
        return self.node

    @property
    def name(self) -> str:
        return f"{self.node.name}:{self.index}"

    def __repr__(self) -> str:
        return f"<tf.Tensor {self.node.op.name}:{self.index} shape={show_shape(self.shape)}, dtype={self.dtype.name}>"

    __str__ = __repr__


class Variable(Updates, Value):
    """A tensor that can be assigned. `trainable`: a gradient tape watches it by itself."""

    __slots__ = ("__weakref__", "array", "constraint", "name", "spec", "trainable")

    def __init__(
        self,
        initial_value: Any,
        trainable: bool = True,
        name: str | None = None,
        dtype: Any = None,
        shape: Any = None,
        constraint: Callable[[Any], Any] | None = None,
    ) -> None:
        from tfcli.engine.dispatch import first_value

        self.name = "Variable" if name is None else name
        self.constraint = constraint
        """What an optimizer makes of the value after each step."""
        self.array = first_value(self, initial_value, dtype)
        self.spec = TensorSpec(Shape(self.array.shape if shape is None else shape), as_dtype(self.array.dtype), name)
        self.trainable = trainable and self.dtype.is_floating

    def numpy(self) -> np.ndarray:
        return self.array.copy()

    def value(self) -> Tensor:  # type: ignore[override]
        """The value now (in a traced function: when this line's turn comes)."""
        from tfcli.engine.dispatch import read

        return read(self)

    read_value = value

    @property
    def initializer(self) -> "Node":
        """In a session's graph: the operation that gives it its first value. Raises TfcliError."""
        from tfcli.engine.graph.session import session_graph

        return session_graph("initializer").initializers[self]

    def initialized_value(self) -> Tensor:
        return self.value()

    def eval(self, session: Any = None) -> Any:
        """The value in the session, or the one that is entered."""
        from tfcli.engine.graph.session import running_session

        return running_session(session).run(self)

    def load(self, value: Any, session: Any = None) -> None:
        """Set the value at once, outside of a graph."""
        self.array = as_array(value, self.dtype)

    def assign(self, value: Any) -> Tensor:
        """Set the value. Raises ShapeError or DtypeError where it does not fit."""
        from tfcli.engine.dispatch import assign

        return assign(self, value)

    def assign_add(self, delta: Any) -> Tensor:
        return self.assign(operators["add"](self.value(), delta))

    def assign_sub(self, delta: Any) -> Tensor:
        return self.assign(operators["subtract"](self.value(), delta))

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)

    def __repr__(self) -> str:
        return (
            f"<tf.Variable {self.name!r} shape={show_shape(self.shape)} dtype={self.dtype.name}, "
            f"numpy={_shown(self.array)}>"
        )

    def __getitem__(self, key: Any) -> Tensor:
        """A part of the value; `variable[1:3].assign(...)` sets it."""
        part = operators["getitem"](self, key)
        part.origin = (self, key)
        return part


def as_array(value: Any, dtype: Any = None) -> np.ndarray:
    """`value` as an array; Python floats become float32 and Python ints int32, as in TensorFlow."""
    if isinstance(value, Value):
        array = value.array
    elif isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
    else:
        array = _from_python(value)
        if dtype is not None and array.dtype.kind == "f" and array.size and as_dtype(dtype).is_integer:
            raise DtypeError(f"{str(value)[:60]} is not {as_dtype(dtype).name}; tf.cast rounds numbers towards zero")
        if dtype is None and not _has_numpy(value):
            array = _narrowed(array)
    if dtype is not None and as_dtype(dtype) != "string":
        return array.astype(as_dtype(dtype).numpy, copy=False)
    return _texts(array) if array.dtype.kind in "USO" else array


def _texts(array: np.ndarray) -> np.ndarray:
    """An array of bytes objects, as TensorFlow holds texts: UTF-8."""
    if array.dtype.kind == "O" and all(isinstance(v, bytes) for v in array.flat):
        return array
    if not all(isinstance(v, str | bytes) for v in array.flat):
        raise DtypeError(f"cannot make a tensor of the objects {str(array)[:60]}; expected numbers or texts")
    result = np.empty(array.shape, object)
    for place, value in np.ndenumerate(array):
        result[place] = value.encode() if isinstance(value, str) else bytes(value)
    return result


def _from_python(value: Any) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ShapeError(
            f"the nested lists of {str(value)[:60]} differ in length: a tensor needs equal rows"
        ) from error
    if array.dtype.kind == "O":
        if all(isinstance(v, str | bytes) for v in array.flat):
            return array
        raise DtypeError(f"cannot make a tensor of {str(value)[:60]}")
    return array


def _narrowed(array: np.ndarray) -> np.ndarray:
    """Python's floats as float32, its ints as int32 where they fit."""
    if array.dtype.kind == "f":
        return array.astype(float32.numpy)
    if array.dtype.kind == "i":
        wide = array.size and (array.max() > int32.max or array.min() < int32.min)
        return array if wide else array.astype(int32.numpy)
    return array


def _has_numpy(value: Any) -> bool:
    """Whether nested lists hold typed numbers, whose dtype stays, or Python's, which adapt."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return isinstance(value, np.ndarray | np.generic | Tensor | Variable)


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Tensor:
    """A tensor with a copy of `value`; a `shape` reshapes it, or is filled with a single number."""
    array = np.array(as_array(value, dtype), copy=True)
    if shape is not None:
        array = np.full(tuple(shape), array) if array.ndim == 0 else array.reshape(tuple(shape))
    return Tensor(array)


def convert_to_tensor(value: Any, dtype: Any = None, name: str | None = None) -> Tensor:
    """`value` as a tensor: Variables are read, arrays and Python numbers become constants. Raises DtypeError on
    another dtype."""
    if isinstance(value, Value) and not isinstance(value, Tensor):
        value = value.value()
    if isinstance(value, Tensor):
        if dtype is not None and value.dtype != as_dtype(dtype):
            raise DtypeError(f"expected a {as_dtype(dtype).name} tensor, got {value.dtype.name}; tf.cast converts")
        return value
    if isinstance(value, list | tuple) and any(isinstance(v, Value) for v in value):
        return operators["stack"]([convert_to_tensor(v, dtype) for v in value])
    return constant(value, dtype)
