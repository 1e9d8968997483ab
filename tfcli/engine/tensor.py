"""Tensor (a value), Symbol (a value of a graph being traced) and Variable (a value that changes)."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from tfcli.engine.caller import instead_of_python
from tfcli.engine.spec import DType, Shape, TensorSpec, as_dtype, float32, int32, show_shape
from tfcli.errors import DtypeError, ShapeError, TfcliError

if TYPE_CHECKING:
    from tfcli.engine.graph.ir import Graph, Node


class _Operators(dict[str, Callable[..., Any]]):
    """What Python's operators mean on tensors. The ops register them; they are loaded when the first is used."""

    def __missing__(self, name: str) -> Callable[..., Any]:
        for module in ("elementwise", "shape", "linalg"):
            import_module(f"tfcli.engine.ops.{module}")
        assert name in self, name
        return self[name]


_operators = _Operators()


def operator(name: str) -> Callable[..., Any]:
    """Decorator: the function is the Python operator `name` on tensors."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        assert name not in _operators, name
        _operators[name] = function
        return function

    return register


class Operators:
    """Python's operators on Tensor and Variable."""

    __slots__ = ()
    __array_priority__ = 1000  # so that `array * tensor` asks the tensor

    def __add__(self, other: Any) -> "Tensor":
        return _operators["add"](self, other)

    def __radd__(self, other: Any) -> "Tensor":
        return _operators["add"](other, self)

    def __sub__(self, other: Any) -> "Tensor":
        return _operators["subtract"](self, other)

    def __rsub__(self, other: Any) -> "Tensor":
        return _operators["subtract"](other, self)

    def __mul__(self, other: Any) -> "Tensor":
        return _operators["multiply"](self, other)

    def __rmul__(self, other: Any) -> "Tensor":
        return _operators["multiply"](other, self)

    def __truediv__(self, other: Any) -> "Tensor":
        return _operators["divide"](self, other)

    def __rtruediv__(self, other: Any) -> "Tensor":
        return _operators["divide"](other, self)

    def __floordiv__(self, other: Any) -> "Tensor":
        return _operators["floordiv"](self, other)

    def __rfloordiv__(self, other: Any) -> "Tensor":
        return _operators["floordiv"](other, self)

    def __mod__(self, other: Any) -> "Tensor":
        return _operators["floormod"](self, other)

    def __rmod__(self, other: Any) -> "Tensor":
        return _operators["floormod"](other, self)

    def __pow__(self, other: Any) -> "Tensor":
        return _operators["pow"](self, other)

    def __rpow__(self, other: Any) -> "Tensor":
        return _operators["pow"](other, self)

    def __matmul__(self, other: Any) -> "Tensor":
        return _operators["matmul"](self, other)

    def __rmatmul__(self, other: Any) -> "Tensor":
        return _operators["matmul"](other, self)

    def __neg__(self) -> "Tensor":
        return _operators["negative"](self)

    def __abs__(self) -> "Tensor":
        return _operators["abs"](self)

    def __lt__(self, other: Any) -> "Tensor":
        return _operators["less"](self, other)

    def __le__(self, other: Any) -> "Tensor":
        return _operators["less_equal"](self, other)

    def __gt__(self, other: Any) -> "Tensor":
        return _operators["greater"](self, other)

    def __ge__(self, other: Any) -> "Tensor":
        return _operators["greater_equal"](self, other)

    def __eq__(self, other: object) -> Any:
        return False if other is None else _operators["equal"](self, other)

    def __ne__(self, other: object) -> Any:
        return True if other is None else _operators["not_equal"](self, other)

    __hash__ = None  # type: ignore[assignment]

    def __and__(self, other: Any) -> "Tensor":
        return _operators["and"](self, other)

    __rand__ = __and__

    def __or__(self, other: Any) -> "Tensor":
        return _operators["or"](self, other)

    __ror__ = __or__

    def __xor__(self, other: Any) -> "Tensor":
        return _operators["xor"](self, other)

    __rxor__ = __xor__

    def __invert__(self) -> "Tensor":
        return _operators["invert"](self)

    def __getitem__(self, key: Any) -> "Tensor":
        return _operators["getitem"](self, key)


class Value(Operators):
    """What tensors and variables have in common: a `spec`, and numbers in `array`."""

    __slots__ = ()

    spec: TensorSpec
    array: np.ndarray

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
    """An immutable array of one dtype. `mask` rides along from layer to layer, as in Keras."""

    __slots__ = ("__weakref__", "array", "logits", "mask", "spec")

    def __init__(self, array: np.ndarray, spec: TensorSpec | None = None) -> None:
        self.array = array
        self.spec = spec or TensorSpec(Shape(array.shape), as_dtype(array.dtype))
        self.mask: Tensor | None = None
        self.logits: Tensor | None = None

    def __repr__(self) -> str:
        return f"<tf.Tensor: shape={show_shape(self.shape)}, dtype={self.dtype.name}, numpy={self.array!r}>"


class Symbol(Tensor):
    """A tensor of a graph that is being traced: it has a place (`node`, `index`) and no numbers yet."""

    __slots__ = ("graph", "index", "node")

    def __init__(self, graph: "Graph", node: "Node", index: int, spec: TensorSpec) -> None:
        self.spec, self.mask, self.logits = spec, None, None
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


class Variable(Value):
    """A tensor that can be assigned. `trainable`: a gradient tape watches it by itself."""

    __slots__ = ("__weakref__", "array", "name", "spec", "trainable")

    def __init__(
        self, initial_value: Any, trainable: bool = True, name: str = "Variable", dtype: Any = None, shape: Any = None
    ) -> None:
        from tfcli.engine.dispatch import first_value

        self.name = name
        self.array = first_value(self, initial_value, dtype)
        self.spec = TensorSpec(Shape(self.array.shape if shape is None else shape), as_dtype(self.array.dtype), name)
        self.trainable = trainable and self.dtype.is_floating

    def numpy(self) -> np.ndarray:
        return self.array.copy()

    def value(self) -> Tensor:
        """The value now (in a traced function: when this line's turn comes)."""
        from tfcli.engine.dispatch import read

        return read(self)

    read_value = value

    def assign(self, value: Any) -> Tensor:
        """Set the value. Raises ShapeError or DtypeError where it does not fit."""
        from tfcli.engine.dispatch import assign

        return assign(self, value)

    def assign_add(self, delta: Any) -> Tensor:
        return self.assign(_operators["add"](self.value(), delta))

    def assign_sub(self, delta: Any) -> Tensor:
        return self.assign(_operators["subtract"](self.value(), delta))

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)

    def __repr__(self) -> str:
        return (
            f"<tf.Variable {self.name!r} shape={show_shape(self.shape)}, dtype={self.dtype.name}, numpy={self.array!r}>"
        )


def as_array(value: Any, dtype: Any = None) -> np.ndarray:
    """`value` as an array; Python floats become float32 and Python ints int32, as in TensorFlow."""
    if isinstance(value, Tensor | Variable):
        array = value.array
    elif isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
    else:
        array = _from_python(value)
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
    if isinstance(value, Variable):
        value = value.value()
    if isinstance(value, Tensor):
        if dtype is not None and value.dtype != as_dtype(dtype):
            raise DtypeError(f"expected a {as_dtype(dtype).name} tensor, got {value.dtype.name}; tf.cast converts")
        return value
    if isinstance(value, list | tuple) and any(isinstance(v, Tensor | Variable) for v in value):
        return _operators["stack"]([convert_to_tensor(v, dtype) for v in value])
    return constant(value, dtype)
