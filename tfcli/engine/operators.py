"""What Python's operators mean on tensors and variables."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfcli.engine.tensor import Tensor


class _Operators(dict[str, Callable[..., Any]]):
    """What Python's operators mean on tensors. The ops register them; they are loaded when the first is used."""

    def __missing__(self, name: str) -> Callable[..., Any]:
        for module in ("comparison", "elementwise", "join", "slicing", "linalg"):
            import_module(f"tfcli.engine.ops.{module}")
        assert name in self, name
        return self[name]


operators = _Operators()


def operator(name: str) -> Callable[..., Any]:
    """Decorator: the function is the Python operator `name` on tensors."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        assert name not in operators, name
        operators[name] = function
        return function

    return register


class Operators:
    """Python's operators on Tensor and Variable."""

    __slots__ = ()
    __array_priority__ = 1000  # so that `array * tensor` asks the tensor

    def __add__(self, other: Any) -> "Tensor":
        return operators["add"](self, other)

    def __radd__(self, other: Any) -> "Tensor":
        return operators["add"](other, self)

    def __sub__(self, other: Any) -> "Tensor":
        return operators["subtract"](self, other)

    def __rsub__(self, other: Any) -> "Tensor":
        return operators["subtract"](other, self)

    def __mul__(self, other: Any) -> "Tensor":
        return operators["multiply"](self, other)

    def __rmul__(self, other: Any) -> "Tensor":
        return operators["multiply"](other, self)

    def __truediv__(self, other: Any) -> "Tensor":
        return operators["divide"](self, other)

    def __rtruediv__(self, other: Any) -> "Tensor":
        return operators["divide"](other, self)

    def __floordiv__(self, other: Any) -> "Tensor":
        return operators["floordiv"](self, other)

    def __rfloordiv__(self, other: Any) -> "Tensor":
        return operators["floordiv"](other, self)

    def __mod__(self, other: Any) -> "Tensor":
        return operators["floormod"](self, other)

    def __rmod__(self, other: Any) -> "Tensor":
        return operators["floormod"](other, self)

    def __pow__(self, other: Any) -> "Tensor":
        return operators["pow"](self, other)

    def __rpow__(self, other: Any) -> "Tensor":
        return operators["pow"](other, self)

    def __matmul__(self, other: Any) -> "Tensor":
        return operators["matmul"](self, other)

    def __rmatmul__(self, other: Any) -> "Tensor":
        return operators["matmul"](other, self)

    def __neg__(self) -> "Tensor":
        return operators["negative"](self)

    def __abs__(self) -> "Tensor":
        return operators["abs"](self)

    def __lt__(self, other: Any) -> "Tensor":
        return operators["less"](self, other)

    def __le__(self, other: Any) -> "Tensor":
        return operators["less_equal"](self, other)

    def __gt__(self, other: Any) -> "Tensor":
        return operators["greater"](self, other)

    def __ge__(self, other: Any) -> "Tensor":
        return operators["greater_equal"](self, other)

    def __eq__(self, other: object) -> Any:
        return False if other is None else operators["equal"](self, other)

    def __ne__(self, other: object) -> Any:
        return True if other is None else operators["not_equal"](self, other)

    __hash__ = None  # type: ignore[assignment]

    def __and__(self, other: Any) -> "Tensor":
        return operators["and"](self, other)

    __rand__ = __and__

    def __or__(self, other: Any) -> "Tensor":
        return operators["or"](self, other)

    __ror__ = __or__

    def __xor__(self, other: Any) -> "Tensor":
        return operators["xor"](self, other)

    __rxor__ = __xor__

    def __invert__(self) -> "Tensor":
        return operators["invert"](self)

    def __getitem__(self, key: Any) -> "Tensor":
        return operators["getitem"](self, key)
