"""Products of matrices and tensors: matmul, einsum, tensordot; bands and diagonals of matrices."""

import functools
import itertools
import string
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.ops.kinds import promote
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.ops.shape import broadcast_like, expand_dims, reshape, sum_to
from tfcli.engine.spec import Shape, TensorSpec, broadcast, normalize_axis, show_shape
from tfcli.engine.tensor import Tensor, Variable, convert_to_tensor, operator
from tfcli.errors import DtypeError, ShapeError


class Matmul(Op):
    """The matrix product of the last two axes, either transposed first; the axes before them broadcast."""

    multiplies = True

    transpose_a: bool = False
    transpose_b: bool = False

    def infer(self, a, b):
        if a.dtype != b.dtype:
            raise DtypeError(f"matmul: a is {a}, b is {b}; both must have one dtype, tf.cast converts")
        if not a.dtype.is_numeric:
            raise DtypeError(f"matmul: expected numbers, got {a.dtype.name}; tf.cast converts")
        if a.rank < 2 or b.rank < 2:
            raise self._wrong(
                a, b, "must both have two axes or more; tf.expand_dims adds one, tf.tensordot takes vectors"
            )
        rows, inner_a = a.shape[-2:][:: -1 if self.transpose_a else 1]
        inner_b, columns = b.shape[-2:][:: -1 if self.transpose_b else 1]
        if None not in (inner_a, inner_b) and inner_a != inner_b:
            raise self._wrong(a, b, f"do not fit: {inner_a} columns of a, {inner_b} rows of b; they must be equal")
        front = broadcast(Shape(a.shape[:-2]), Shape(b.shape[:-2]), "matmul")
        return TensorSpec(Shape((*front, rows, columns)), a.dtype)

    def _wrong(self, a: TensorSpec, b: TensorSpec, why: str) -> ShapeError:
        turned_a, turned_b = (" transposed" if turned else "" for turned in (self.transpose_a, self.transpose_b))
        return ShapeError(f"matmul: {show_shape(a.shape)}{turned_a} and {show_shape(b.shape)}{turned_b} {why}")

    def forward(self, a, b):
        a = a.swapaxes(-1, -2) if self.transpose_a else a
        b = b.swapaxes(-1, -2) if self.transpose_b else b
        if a.ndim > 2 and b.ndim == 2 and not self.transpose_a and a.size:
            # One large product instead of one for each matrix of the batch.
            return (a.reshape(-1, a.shape[-1]) @ b).reshape(*a.shape[:-1], b.shape[-1])
        return np.matmul(a, b)

    def vjp_a(self, g, y, a, b):
        product = (
            matmul(b, g, self.transpose_b, True) if self.transpose_a else matmul(g, b, False, not self.transpose_b)
        )
        return sum_to(product, a)

    def vjp_b(self, g, y, a, b):
        rows, columns = (y.shape[-1], b.shape[-1]) if self.transpose_b else (b.shape[-2], y.shape[-1])
        if a.ndim > 2 and b.ndim == 2 and not self.transpose_a and None not in (b.shape[0], b.shape[1], rows, columns):
            inner = b.shape[1] if self.transpose_b else b.shape[0]
            a, g = reshape(a, [-1, inner]), reshape(g, [-1, y.shape[-1] or -1])
        product = (
            matmul(g, a, True, self.transpose_a) if self.transpose_b else matmul(a, g, not self.transpose_a, False)
        )
        return sum_to(product, b)


@operator("matmul")
def matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False) -> Tensor:
    """The matrix product a @ b of tensors with two axes or more. Raises ShapeError, DtypeError."""
    return Matmul(bool(transpose_a), bool(transpose_b))(*promote(a, b, "matmul"))


class Einsum(Op):
    """One or two tensors multiplied and summed over the labels that the output leaves out.

    `equation` is explicit (`ab,bc->ac`, no `...`); entries of size 1 broadcast along the labels in `broadcasting`.
    """

    multiplies = True

    equation: str
    broadcasting: str = ""

    def infer(self, *xs):
        terms, output = _split(self.equation)
        sizes: dict[str, int | None] = {}
        for term, x in zip(terms, xs, strict=True):
            for label, size in zip(term, x.shape, strict=True):
                known = sizes.get(label, size)
                if label in self.broadcasting and 1 in (known, size):
                    sizes[label] = size if known == 1 else known
                elif None in (known, size) or known == size:
                    sizes[label] = size if known is None else known
                else:
                    shapes = " and ".join(show_shape(x.shape) for x in xs)
                    raise ShapeError(
                        f"einsum: {self.equation!r} with {shapes}: the label {label!r} stands for {known} and {size}"
                    )
        if any(x.dtype != xs[0].dtype for x in xs):
            raise DtypeError(f"einsum: {' and '.join(map(str, xs))} have different dtypes; tf.cast converts")
        return TensorSpec(Shape(sizes[label] for label in output), xs[0].dtype)

    def forward(self, *xs):
        return _single(self.equation, xs[0]) if len(xs) == 1 else _double(self.equation, *xs)

    def vjp(self, g, y, *xs):
        terms, output = _split(self.equation)
        gradients = []
        for i, (term, x) in enumerate(zip(terms, xs, strict=True)):
            others = [(t, o) for j, (t, o) in enumerate(zip(terms, xs, strict=True)) if j != i]
            reached = "".join(label for label in term if label in output or any(label in t for t, _ in others))
            equation = f"{','.join([output, *(t for t, _ in others)])}->{reached}"
            gradient = Einsum(equation, self.broadcasting)(g, *(o for _, o in others))
            for axis, label in enumerate(term):
                if label not in reached:
                    gradient = expand_dims(gradient, axis)
            # Labels that stand in this term alone were summed; those of size 1 were broadcast.
            gradients.append(broadcast_like(gradient, x) if len(reached) < len(term) else sum_to(gradient, x))
        return tuple(gradients)


@functools.cache
def _split(equation: str) -> tuple[list[str], str]:
    left, output = equation.split("->")
    return left.split(","), output


def _single(equation: str, x: np.ndarray) -> np.ndarray:
    (term,), output = _split(equation)
    kept = [label for label in term if label in output]
    total = x.sum(axis=tuple(i for i, label in enumerate(term) if label not in output), dtype=x.dtype)
    return total.transpose([kept.index(label) for label in output])


def _double(equation: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Transposes and one np.matmul, or a product of entries where nothing is summed over both."""
    plan = _plan(equation)
    a = a.sum(axis=plan.alone_a, dtype=a.dtype) if plan.alone_a else a
    b = b.sum(axis=plan.alone_b, dtype=b.dtype) if plan.alone_b else b
    if not plan.inner:
        return np.multiply(_placed(a, plan.perm_a, plan.gaps_a), _placed(b, plan.perm_b, plan.gaps_b))
    a, b = a.transpose(plan.perm_a), b.transpose(plan.perm_b)
    batch, outer_a, outer_b = plan.batch, plan.outer_a, plan.outer_b
    free_a, inner, free_b = (
        a.shape[batch : batch + outer_a],
        a.shape[batch + outer_a :],
        b.shape[len(b.shape) - outer_b :],
    )
    left = a.reshape(*a.shape[:batch], int(np.prod(free_a)), int(np.prod(inner)))
    right = b.reshape(*b.shape[:batch], int(np.prod(inner)), int(np.prod(free_b)))
    product = np.matmul(left, right)
    return product.reshape((*product.shape[:batch], *free_a, *free_b)).transpose(plan.perm_out)


def _placed(x: np.ndarray, perm: tuple[int, ...], gaps: tuple[int, ...]) -> np.ndarray:
    return np.expand_dims(x.transpose(perm), gaps)


class _Plan:
    """How two terms become one matrix product: axes (batch, free, summed) of each after the transposes."""

    def __init__(self, equation: str) -> None:
        (a, b), output = _split(equation)
        self.alone_a = tuple(i for i, label in enumerate(a) if label not in b and label not in output)
        self.alone_b = tuple(i for i, label in enumerate(b) if label not in a and label not in output)
        a, b = (_keep(a, b + output), _keep(b, a + output))
        inner = "".join(label for label in a if label not in output)
        batch = "".join(label for label in output if label in a and label in b)
        free_a = "".join(label for label in output if label in a and label not in b)
        free_b = "".join(label for label in output if label in b and label not in a)
        self.inner, self.batch, self.outer_a, self.outer_b = bool(inner), len(batch), len(free_a), len(free_b)
        if inner:
            self.perm_a, self.perm_b = _order(a, batch + free_a + inner), _order(b, batch + inner + free_b)
            self.perm_out = _order(batch + free_a + free_b, output)
        else:
            self.perm_a, self.perm_b = _order(a, _keep(output, a)), _order(b, _keep(output, b))
            self.gaps_a = tuple(i for i, label in enumerate(output) if label not in a)
            self.gaps_b = tuple(i for i, label in enumerate(output) if label not in b)


_plan = functools.cache(_Plan)


def _keep(term: str, labels: str) -> str:
    return "".join(label for label in term if label in labels)


def _order(have: str, want: str) -> tuple[int, ...]:
    return tuple(have.index(label) for label in want)


def einsum(equation: str, *inputs: Any) -> Tensor:
    """Products of tensors summed over labels: `einsum("bij,bjk->bik", a, b)`; `...` stands for any number of axes.

    Several operands are combined from left to right. A label stands once in an operand; `diag_part` takes diagonals.
    Raises ShapeError, DtypeError.
    """
    anchor = next((x for x in inputs if isinstance(x, Tensor | Variable)), None)
    tensors = [convert_to_tensor(x) if anchor is None else promote(anchor, x, "einsum")[1] for x in inputs]
    terms, output, broadcasting = _parse(equation, tuple(t.ndim for t in tensors))
    result, labels = tensors[0], terms[0]
    if len(tensors) == 1:
        return Einsum(f"{labels}->{output}", broadcasting)(result)
    for i, (term, tensor) in enumerate(zip(terms[1:], tensors[1:], strict=True), start=2):
        needed = output + "".join(terms[i:])
        target = output if i == len(terms) else _keep("".join(dict.fromkeys(labels + term)), needed)
        result, labels = Einsum(f"{labels},{term}->{target}", broadcasting)(result, tensor), target
    return result


@functools.cache
def _parse(equation: str, ranks: tuple[int, ...]) -> tuple[tuple[str, ...], str, str]:
    """The terms and the output in letters alone, and the letters that `...` became. Raises ShapeError."""

    def wrong(why: str) -> ShapeError:
        return ShapeError(f"einsum: {equation!r}: {why}")

    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise wrong(f"{len(terms)} operands are named, {len(ranks)} given")
    for term in [*terms, right]:
        letters = term.replace("...", "", 1)
        if not all(label in string.ascii_letters for label in letters):
            raise wrong(f"{term!r} must be letters, with at most one '...'")
        if len(set(letters)) < len(letters):
            raise wrong(f"{term!r} names a label twice; take tf.linalg.diag_part first, or tf.linalg.diag afterwards")
    hidden = [rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks, strict=True)]
    for term, rank, more in zip(terms, ranks, hidden, strict=True):
        if more < 0 or (more > 0 and "..." not in term):
            raise wrong(f"{term!r} does not name the axes of a tensor of {rank} axes")
    free = [label for label in string.ascii_letters if label not in equation]
    most = max((more for more, term in zip(hidden, terms, strict=True) if "..." in term), default=0)
    if most > len(free):
        raise wrong(f"'...' stands for {most} axes, too many")
    dots = "".join(free[:most])
    if not arrow:
        once = sorted(label for label in set(left) - {",", "."} if left.count(label) == 1)
        right = ("..." if most else "") + "".join(once)
    if most and "..." not in right:
        raise wrong("the output lacks the '...' of the operands")
    expanded = tuple(term.replace("...", dots[most - more :]) for term, more in zip(terms, hidden, strict=True))
    unknown = sorted(set(right) - {"."} - set(left))
    if unknown:
        raise wrong(f"the output's label {unknown[0]!r} stands in no operand")
    return expanded, right.replace("...", dots), dots


def tensordot(a: Any, b: Any, axes: int | Sequence[Any]) -> Tensor:
    """a and b multiplied and summed: the last `axes` of a with the first of b, or the listed axes of each.

    Raises ShapeError.
    """
    left, right = promote(a, b, "tensordot")
    if isinstance(axes, int):
        of_a, of_b = list(range(left.ndim - axes, left.ndim)), list(range(axes))
    else:
        of_a, of_b = (_listed(part) for part in axes)
    of_a = [normalize_axis(i, left.ndim, "tensordot") for i in of_a]
    of_b = [normalize_axis(i, right.ndim, "tensordot") for i in of_b]
    if len(of_a) != len(of_b):
        raise ShapeError(f"tensordot: {len(of_a)} axes of a and {len(of_b)} of b; each needs a partner")
    names = iter(string.ascii_letters)
    labels_a = list(itertools.islice(names, left.ndim))
    labels_b = [labels_a[of_a[of_b.index(i)]] if i in of_b else next(names) for i in range(right.ndim)]
    kept = [n for i, n in enumerate(labels_a) if i not in of_a] + [n for i, n in enumerate(labels_b) if i not in of_b]
    return Einsum(f"{''.join(labels_a)},{''.join(labels_b)}->{''.join(kept)}")(left, right)


def _listed(part: int | Iterable[int]) -> list[int]:
    return [int(part)] if isinstance(part, int | np.integer) else [int(i) for i in part]


class BandPart(Op):
    """Matrices with zeros beyond `lower` diagonals below the main one and `upper` above; -1 keeps all."""

    lower: int
    upper: int

    def infer(self, x):
        return _matrix(self, x)

    def forward(self, x):
        distance = np.arange(x.shape[-1]) - np.arange(x.shape[-2])[:, None]
        kept = ((self.lower < 0) | (-distance <= self.lower)) & ((self.upper < 0) | (distance <= self.upper))
        return np.where(kept, x, x.dtype.type(0))

    def vjp_x(self, g, y, x):
        return BandPart(self.lower, self.upper)(g)


def band_part(input: Any, num_lower: int, num_upper: int) -> Tensor:
    """Matrices (the last two axes) with zeros outside a band round the main diagonal; -1 keeps a whole side."""
    return BandPart(int(num_lower), int(num_upper))(input)


class DiagPart(Op):
    """The main diagonal of each matrix (..., M, N) -> (..., min(M, N))."""

    def infer(self, x):
        rows, columns = _matrix(self, x).shape[-2:]
        size = None if rows is None or columns is None else min(rows, columns)
        return TensorSpec(Shape((*x.shape[:-2], size)), x.dtype)

    def forward(self, x):
        return np.diagonal(x, axis1=-2, axis2=-1)

    def vjp_x(self, g, y, x):
        return DiagLike()(g, x)


class DiagLike(Op):
    """x on the main diagonals of matrices of the shape of `like`, which lends its shape alone; zero elsewhere."""

    vjp_like = None

    def infer(self, x, like):
        return TensorSpec(like.shape, x.dtype)

    def forward(self, x, like):
        result = np.zeros(like.shape, x.dtype)
        places = np.arange(x.shape[-1])
        result[..., places, places] = x
        return result

    def vjp_x(self, g, y, x, like):
        return diag_part(g)


class Diag(Op):
    """Square matrices (..., N, N) with x (..., N) on the main diagonal."""

    def infer(self, x):
        if not x.rank:
            raise ShapeError("diag: expected a vector or more, got a scalar")
        return TensorSpec(Shape((*x.shape, x.shape[-1])), x.dtype)

    def forward(self, x):
        return np.where(np.eye(x.shape[-1], dtype=bool), x[..., None], x.dtype.type(0))

    def vjp_x(self, g, y, x):
        return diag_part(g)


diag_part, diag = DiagPart(), Diag()


def trace(x: Any) -> Tensor:
    """The sum of the main diagonal of each matrix."""
    return reduce_sum(diag_part(x), axis=-1)


def _matrix(op: Op, x: TensorSpec) -> TensorSpec:
    if x.rank < 2:
        raise ShapeError(f"{op.name}: expected matrices (..., M, N), got a tensor of shape {show_shape(x.shape)}")
    return TensorSpec(x.shape, x.dtype)
