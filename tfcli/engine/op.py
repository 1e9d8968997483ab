"""The op contract.

An op is a frozen set of settings (its annotated fields) with a shape rule, a forward computation in numpy, and a
gradient written in ops:

    class Tanh(Elementwise):
        def forward(self, x): return np.tanh(x)
        def vjp_x(self, g, y, x): return g * (1 - y * y)

`infer(*specs)` gives the output's TensorSpec (a tuple for several outputs) and raises ShapeError or DtypeError in the
user's terms. `forward(*arrays)` computes it. The gradient is either one `vjp_<input>(g, y, *inputs)` for each input of
`forward` (None in place of a method: not differentiable in it), or a single `vjp(g, y, *inputs)` that returns one
gradient (or None) for each input where they share work. For variadic ops (`forward(self, *xs)`) it is always `vjp`.
With several outputs `g` and `y` are tuples, and an output that nothing depends on has `g` None. Ops hold no arrays, so
that an op is its own graph label and its own key for common subexpressions.
"""

import inspect
import typing
from typing import Any, ClassVar

from tfcli.declare import snake_case

OPS: dict[str, type["Op"]] = {}


class Op:
    """Base of every op; fields are annotations, hashable, and given by position or keyword."""

    name: ClassVar[str] = ""
    fields: ClassVar[tuple[str, ...]] = ()
    inputs: ClassVar[tuple[str, ...]] = ()
    variadic: ClassVar[bool] = False
    stateful: ClassVar[bool] = False
    """Depends on more than its inputs: kept in program order and never merged with its like."""
    multiplies: ClassVar[bool] = False
    """Multiplies its inputs and sums: mixed precision rounds them first."""
    effect: ClassVar[bool] = False
    """Changes something besides its outputs: runs even where nobody asks for them."""
    _key: tuple

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = [n for n, a in inspect.get_annotations(cls).items() if not _is_class_var(a)]
        cls.fields = tuple(dict.fromkeys([*cls.fields, *own]))
        if abstract:
            return
        cls.name = snake_case(cls.__name__)
        cls.inputs, cls.variadic = _inputs_of(cls)
        _check_gradient(cls)
        assert cls.name not in OPS, f"the op {cls.name} is declared twice"
        OPS[cls.name] = cls

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        cls = type(self)
        given = dict(zip(cls.fields, args, strict=False)) | kwargs
        for field in cls.fields:
            if field in given:
                object.__setattr__(self, field, given[field])
            else:
                assert hasattr(cls, field), f"{cls.__name__} needs {field}"
        assert len(args) <= len(cls.fields), f"{cls.__name__} has the fields {cls.fields}, got {args}"
        assert given.keys() <= set(cls.fields), f"{cls.__name__} has no {given.keys()}"
        object.__setattr__(self, "_key", (cls, *(getattr(self, f) for f in cls.fields)))

    # *args and **kwargs of Any: how a type checker is told that each op has inputs of its own
    def infer(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"{type(self).__name__} has no infer")

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """Apply the op to tensors, arrays or Python numbers, by position or by the names of `forward`; `name` is
        TensorFlow's label."""
        from tfcli.engine.dispatch import apply, labelled_as

        label = named.pop("name", None)
        rest = self._in_order(len(inputs), named) if named else []
        return labelled_as(label, apply(self, *inputs, *rest))

    def _in_order(self, given: int, named: dict[str, Any]) -> list[Any]:
        rest = self.inputs[given:]
        if set(named) != set(rest):
            raise TypeError(f"{self.name} takes {', '.join(self.inputs)}; by name came {', '.join(named)}")
        return [named[name] for name in rest]

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"ops are frozen: {type(self).__name__}.{name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Op) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{f}={getattr(self, f)!r}' for f in self.fields)})"


def _is_class_var(annotation: Any) -> bool:
    return annotation is ClassVar or typing.get_origin(annotation) is ClassVar or str(annotation).startswith("ClassVar")


def _inputs_of(cls: type[Op]) -> tuple[tuple[str, ...], bool]:
    # The code object says what inspect.signature would, in a hundredth of the time.
    code = inspect.unwrap(cls.forward).__code__  # type: ignore[attr-defined]
    variadic = bool(code.co_flags & inspect.CO_VARARGS)
    return code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount + variadic], variadic


def _check_gradient(cls: type[Op]) -> None:
    if hasattr(cls, "vjp"):
        return
    assert not cls.variadic, f"{cls.__name__} takes any number of inputs: it needs `vjp`"
    for name in cls.inputs:
        assert hasattr(cls, f"vjp_{name}"), f"{cls.__name__} needs vjp_{name}, a method or None"
