"""Checks, printing, and calls of Python from graphs. In a traced function they run each time, in program order."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfcli.engine import nest
from tfcli.engine.dispatch import executing_eagerly
from tfcli.engine.op import Op
from tfcli.engine.ops.comparison import (
    equal,
    greater,
    greater_equal,
    less,
    less_equal,
    not_equal,
)
from tfcli.engine.ops.elementwise import abs_
from tfcli.engine.ops.kinds import promote
from tfcli.engine.spec import DType, Shape, TensorSpec, as_dtype, bool_, show_shape
from tfcli.engine.tensor import Tensor, Variable, convert_to_tensor
from tfcli.errors import DtypeError, ShapeError, TfcliError


class Assert(Op):
    """True where every entry of the condition is; an error with the data otherwise."""

    message: str
    summarize: int = 3
    stateful = effect = True

    def infer(self, *xs):
        if not xs[0].dtype.is_bool:
            raise DtypeError(f"assert: expected a bool condition, got {xs[0]}")
        return TensorSpec(Shape(()), bool_)

    def forward(self, *xs):
        if not xs[0].all():
            data = " ".join(shown(x, self.summarize) for x in xs[1:])
            raise TfcliError(f"{self.message}{': ' if data else ''}{data}")
        return np.True_

    def vjp(self, g, y, *xs):
        return (None,) * len(xs)


def assert_that(condition: Any, data: Sequence[Any] = (), summarize: int = 3) -> Tensor:
    """Raises TfcliError with the data where an entry of the condition is false."""
    return Assert("the assertion failed", int(summarize))(condition, *data)


def _comparison(name: str, compare: Callable[..., Tensor], words: str) -> Callable[..., Tensor]:
    def check(
        x: Any, y: Any, message: str | None = None, summarize: int | None = None, name: str | None = None
    ) -> Tensor:
        a, b = promote(x, y, label)
        said = f"{message}; " if message else ""
        return Assert(f"{said}{label}: expected x {words} y for every entry; x and y are", summarize or 3)(
            compare(a, b), a, b
        )

    label = f"assert_{name}"
    check.__name__ = check.__qualname__ = label
    check.__doc__ = f"Raises TfcliError unless x {words} y for every entry, broadcast."
    return check


assert_equal = _comparison("equal", equal, "==")
assert_none_equal = _comparison("none_equal", not_equal, "!=")
assert_less = _comparison("less", less, "<")
assert_less_equal = _comparison("less_equal", less_equal, "<=")
assert_greater = _comparison("greater", greater, ">")
assert_greater_equal = _comparison("greater_equal", greater_equal, ">=")


def _with_zero(name: str, compare: Callable[..., Tensor], words: str) -> Callable[..., Tensor]:
    def check(x: Any, message: str | None = None, summarize: int | None = None, name: str | None = None) -> Tensor:
        a = convert_to_tensor(x)
        said = f"{message}; " if message else ""
        return Assert(f"{said}{label}: expected x {words} 0 for every entry; x is", summarize or 3)(compare(a, 0), a)

    label = f"assert_{name}"
    check.__name__ = check.__qualname__ = label
    check.__doc__ = f"Raises TfcliError unless x {words} 0 for every entry."
    return check


assert_positive = _with_zero("positive", greater, ">")
assert_negative = _with_zero("negative", less, "<")
assert_non_negative = _with_zero("non_negative", greater_equal, ">=")
assert_non_positive = _with_zero("non_positive", less_equal, "<=")


def assert_near(
    x: Any,
    y: Any,
    rtol: float | None = None,
    atol: float | None = None,
    message: str | None = None,
    summarize: int | None = None,
) -> Tensor:
    """Raises TfcliError unless |x - y| <= atol + rtol |y|; both are 10 times the rounding of the dtype by default."""
    a, b = promote(x, y, "assert_near")
    tolerance = 10 * float(np.finfo(a.dtype.numpy).eps)
    rtol, atol = (tolerance if t is None else t for t in (rtol, atol))
    near = less_equal(abs_(a - b), atol + rtol * abs_(b))
    said = f"{message}; " if message else ""
    return Assert(f"{said}assert_near: x and y differ by more than {atol:g} + {rtol:g} |y|; they are", summarize or 3)(
        near, a, b
    )


def _static(fits: bool, message: str | None, problem: str, kind: type[TfcliError] = ShapeError) -> None:
    if not fits:
        raise kind(f"{message}; {problem}" if message else problem)


def assert_rank(x: Any, rank: int, message: str | None = None) -> None:
    """Raises ShapeError unless x has this many axes."""
    x = convert_to_tensor(x)
    _static(x.ndim == int(rank), message, f"assert_rank: expected {rank} axes, got {show_shape(x.shape)}")


def assert_rank_at_least(x: Any, rank: int, message: str | None = None) -> None:
    """Raises ShapeError unless x has at least this many axes."""
    x = convert_to_tensor(x)
    _static(
        x.ndim >= int(rank), message, f"assert_rank_at_least: expected {rank} axes or more, got {show_shape(x.shape)}"
    )


def assert_rank_in(x: Any, ranks: Sequence[int], message: str | None = None) -> None:
    """Raises ShapeError unless x has one of these numbers of axes."""
    x = convert_to_tensor(x)
    wanted = " or ".join(str(int(r)) for r in ranks)
    _static(
        x.ndim in [int(r) for r in ranks], message, f"assert_rank_in: expected {wanted} axes, got {show_shape(x.shape)}"
    )


def assert_scalar(tensor: Any, message: str | None = None) -> Tensor:
    """The tensor. Raises ShapeError unless it is a single number."""
    x = convert_to_tensor(tensor)
    _static(x.ndim == 0, message, f"assert_scalar: expected a single number, got {show_shape(x.shape)}")
    return x


def assert_integer(x: Any, message: str | None = None) -> None:
    """Raises DtypeError unless x has an integer dtype."""
    x = convert_to_tensor(x)
    _static(x.dtype.is_integer, message, f"assert_integer: expected an integer tensor, got {x.spec}", DtypeError)


def assert_type(tensor: Any, tf_type: Any, message: str | None = None) -> None:
    """Raises DtypeError unless the tensor has this dtype."""
    x, wanted = convert_to_tensor(tensor), as_dtype(tf_type)
    _static(x.dtype == wanted, message, f"assert_type: expected {wanted.name}, got {x.spec}", DtypeError)


def assert_same_float_dtype(tensors: Sequence[Any] | None = None, dtype: Any = None) -> DType:
    """The float dtype that all tensors share. Raises DtypeError."""
    kinds = [convert_to_tensor(t).dtype for t in tensors or ()] + ([] if dtype is None else [as_dtype(dtype)])
    wanted = kinds[0] if kinds else as_dtype("float32")
    fits = wanted.is_floating and all(k == wanted for k in kinds)
    _static(fits, None, f"expected one float dtype, got {', '.join(k.name for k in kinds)}", DtypeError)
    return wanted


def assert_shapes(shapes: Any, message: str | None = None) -> None:
    """Check pairs (tensor, sizes); a letter stands for one size throughout, None for any. Raises ShapeError."""
    letters: dict[Any, int] = {}
    for value, sizes in shapes.items() if isinstance(shapes, dict) else shapes:
        x = convert_to_tensor(value)
        wanted = tuple(sizes) if isinstance(sizes, str | Sequence) else (sizes,)
        _static(len(wanted) == x.ndim, message, f"assert_shapes: expected {wanted}, got {show_shape(x.shape)}")
        for want, have in zip(wanted, x.shape, strict=True):
            expected = letters.setdefault(want, have) if isinstance(want, str) else want  # type: ignore[arg-type]
            fits = expected is None or have is None or expected == have
            _static(
                fits,
                message,
                f"assert_shapes: {want} is {expected}, but the tensor has the shape {show_shape(x.shape)}",
            )


def assert_proper_iterable(values: Any) -> None:
    """Raises TypeError for what iterates over tensors by mistake: a tensor, a text, or nothing iterable."""
    if isinstance(values, Tensor | Variable | np.ndarray | str | bytes) or not hasattr(values, "__iter__"):
        raise TypeError(f"expected a list or tuple of tensors, got a {type(values).__name__}")


def is_numeric_tensor(tensor: Any) -> bool:
    """Whether it is a tensor of numbers."""
    return isinstance(tensor, Tensor | Variable) and tensor.dtype.is_numeric


class CheckNumerics(Op):
    """x, which must be finite throughout."""

    message: str

    def infer(self, x):
        if not x.dtype.is_floating:
            raise DtypeError(f"check_numerics: expected a floating tensor, got {x}")
        return TensorSpec(x.shape, x.dtype)

    def forward(self, x):
        if not np.isfinite(x).all():
            found = [word for word, test in (("nan", np.isnan), ("inf", np.isinf)) if test(x).any()]
            raise TfcliError(
                f"{self.message}: the tensor of shape {show_shape(x.shape)} has {' and '.join(found)} entries"
            )
        return x

    def vjp_x(self, g, y, x):
        return CheckNumerics(f"{self.message} (gradient)")(g)


def check_numerics(tensor: Any, message: str) -> Tensor:
    """The tensor. Raises TfcliError with the message where an entry is nan or infinite."""
    return CheckNumerics(str(message))(tensor)


assert_all_finite = check_numerics


class PrintOp(Op):
    """Writes its inputs, in the places that the template leaves, each time it runs."""

    template: tuple[str, ...]
    stream: str
    end: str
    summarize: int
    stateful = effect = True

    def infer(self, *xs):
        return TensorSpec(Shape(()), bool_)

    def forward(self, *xs):
        texts = [shown(x, self.summarize) for x in xs]
        line = "".join(a + b for a, b in zip(self.template, [*texts, ""], strict=True)) + self.end
        if self.stream.startswith("file://"):
            with open(self.stream.removeprefix("file://"), "a", encoding="utf-8") as file:
                file.write(line)
        else:
            print(line, end="", file=sys.stdout if self.stream == "stdout" else sys.stderr, flush=True)
        return np.True_

    def vjp(self, g, y, *xs):
        return (None,) * len(xs)


def shown(x: np.ndarray, summarize: int = 3) -> str:
    """The array as tf.print writes it: at most `summarize` entries at both ends of an axis, all for -1."""
    if x.dtype == object:
        x = np.array([v.decode(errors="replace") for v in x.flat], object).reshape(x.shape)
    if not x.ndim:
        return str(x[()])
    edge, limit = (
        (max(x.shape), x.size + 1)
        if summarize == -1
        else (summarize, 0 if max(x.shape) > 2 * summarize else x.size + 1)
    )
    return np.array2string(x, edgeitems=edge, threshold=limit, max_line_width=10**9, formatter=_FORMATS)


_FORMATS: Any = {"float_kind": lambda v: f"{v:.9g}", "object": lambda v: f'"{v}"', "bool": lambda v: "1" if v else "0"}


def print_(
    *inputs: Any,
    output_stream: Any = None,
    summarize: int = 3,
    sep: str = " ",
    end: str = "\n",
    name: str | None = None,
) -> None:
    """Write the inputs, also structures of tensors, each time this runs; to standard error by default.

    `output_stream`: sys.stdout, sys.stderr or "file://PATH". Raises TfcliError for another one.
    """
    stream = "stderr" if output_stream is None or output_stream is sys.stderr else output_stream
    stream = "stdout" if stream is sys.stdout else stream
    if not isinstance(stream, str) or (stream not in ("stdout", "stderr") and not stream.startswith("file://")):
        raise TfcliError(f"print: output_stream {output_stream!r}; there are sys.stdout, sys.stderr and 'file://PATH'")
    parts, tensors = [""], []
    for i, value in enumerate(inputs):
        parts[-1] += sep if i else ""
        for piece in _pieces(value):
            if isinstance(piece, str):
                parts[-1] += piece
            else:
                tensors.append(piece)
                parts.append("")
    PrintOp(tuple(parts), stream, end, int(summarize))(*tensors)


def _pieces(value: Any) -> list[Any]:
    """Texts and tensors whose line shows the value."""
    if isinstance(value, Tensor | Variable | np.ndarray):
        return [convert_to_tensor(value)]
    if isinstance(value, dict):
        items = [[f"'{key}': ", *_pieces(item)] for key, item in value.items()]
        return ["{", *_listed(items), "}"]
    if isinstance(value, list | tuple):
        left, right = "[]" if isinstance(value, list) else "()"
        return [left, *_listed([_pieces(item) for item in value]), right]
    return [str(value)]


def _listed(items: list[list[Any]]) -> list[Any]:
    return [piece for i, item in enumerate(items) for piece in ([", "] if i else []) + item]


class PyFunction(Op):
    """What a Python function of the arrays returns. `given` are the specs that it must have, None while unknown."""

    function: Callable[..., Any]
    given: tuple[TensorSpec | DType, ...]
    eager: bool
    stateful = effect = True

    def infer(self, *xs):
        specs = tuple(g for g in self.given if isinstance(g, TensorSpec))
        if len(specs) < len(self.given):
            if not executing_eagerly():
                raise TfcliError(
                    "py_function: a traced function must know the shapes: give Tout as tf.TensorSpec(shape, dtype)"
                )
            return tuple(TensorSpec(Shape(()), g if isinstance(g, DType) else g.dtype) for g in self.given)
        return specs

    def forward(self, *xs):
        returned = self.function(*([Tensor(x) for x in xs] if self.eager else xs))
        values = returned if isinstance(returned, list | tuple) else [returned]
        if len(values) != len(self.given):
            raise TfcliError(f"py_function: the function returned {len(values)} values, Tout names {len(self.given)}")
        return tuple(self._fitted(value, g) for value, g in zip(values, self.given, strict=True))

    def _fitted(self, value: Any, given: TensorSpec | DType) -> np.ndarray:
        dtype = given if isinstance(given, DType) else given.dtype
        array = np.asarray(convert_to_tensor(value, None).array)
        if not self.eager and array.dtype != dtype.numpy:
            array = array if isinstance(value, np.ndarray) else np.asarray(value).astype(dtype.numpy)
        if array.dtype != dtype.numpy:
            raise DtypeError(f"py_function: the function returned {array.dtype}, Tout says {dtype.name}")
        return array

    def vjp(self, g, y, *xs):
        return (None,) * len(xs)


def _called(func: Callable[..., Any], inp: Any, Tout: Any, eager: bool) -> Any:
    single = not isinstance(Tout, list | tuple)
    given = tuple(t if isinstance(t, TensorSpec) else as_dtype(t) for t in ([Tout] if single else Tout))
    tensors = [convert_to_tensor(x) for x in (inp if isinstance(inp, list | tuple) else [inp])]
    if eager and executing_eagerly():  # plain Python, which tapes follow
        result = func(*tensors)
        return nest.map_structure(convert_to_tensor, result)
    if not given:
        func(*tensors)
        return []
    result = PyFunction(func, given, eager)(*tensors)
    outputs = list(result) if isinstance(result, tuple) else [result]
    return outputs[0] if single else outputs


def py_function(func: Callable[..., Any], inp: Any = (), Tout: Any = (), name: str | None = None) -> Any:
    """`func` of tensors, run each time; Tout: dtypes, or TensorSpecs, which traces need. Raises TfcliError."""
    return _called(func, inp, Tout, eager=True)


def numpy_function(
    func: Callable[..., Any], inp: Any = (), Tout: Any = (), stateful: bool = True, name: str | None = None
) -> Any:
    """`func` of numpy arrays, run each time; no gradient. Tout as for py_function. Raises TfcliError, DtypeError."""
    return _called(func, inp, Tout, eager=False)
