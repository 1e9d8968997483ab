"""Solving and decomposing matrices (..., M, N), with the gradients of the results.

Sources: Giles, "Collected matrix derivative results", 2008; Townsend, "Differentiating the singular value
decomposition", 2016; Walter and Lehmann, "Algorithmic differentiation of linear algebra functions", 2010.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.ops.elementary import log, sqrt
from tfcli.engine.ops.elementwise import (
    abs_,
    cast,
    reciprocal,
    square,
    where,
)
from tfcli.engine.ops.join import concat, pad
from tfcli.engine.ops.kinds import promote
from tfcli.engine.ops.linalg import DiagLike, band_part, diag, diag_part, matmul
from tfcli.engine.ops.reduce import reduce_max, reduce_sum
from tfcli.engine.ops.shape import expand_dims, ones_like, reshape, squeeze, sum_to, transpose, zeros_like
from tfcli.engine.spec import Shape, TensorSpec, as_dtype, broadcast, int32, show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import DtypeError, ShapeError, TfcliError


def _floating_matrix(op: Op, x: TensorSpec) -> TensorSpec:
    if x.rank < 2:
        raise ShapeError(
            f"{op.name}: expected matrices (..., M, N), got a tensor of shape {show_shape(x.shape)}; "
            "tf.expand_dims(x, -1) makes a column of a vector"
        )
    if not x.dtype.is_floating:
        raise DtypeError(f"{op.name}: expected floating matrices, got {x}; tf.cast converts")
    return x


def _square(op: Op, x: TensorSpec) -> TensorSpec:
    rows, columns = _floating_matrix(op, x).shape[-2:]
    if rows != columns and None not in (rows, columns):
        raise ShapeError(f"{op.name}: expected square matrices, got {show_shape(x.shape)}")
    return x


def _computed(op: Op, compute: Any, *arrays: np.ndarray) -> Any:
    """numpy's answer, or an error that says what is wrong with the matrix."""
    try:
        return compute(*arrays)
    except np.linalg.LinAlgError as error:
        raise TfcliError(
            f"{op.name}: {str(error).lower()}; the input has the shape {show_shape(arrays[0].shape)}"
        ) from error


def matrix_transpose(a: Any) -> Tensor:
    """The last two axes exchanged."""
    a = convert_to_tensor(a)
    if a.ndim < 2:
        raise ShapeError(f"matrix_transpose: expected matrices (..., M, N), got {show_shape(a.shape)}")
    return transpose(a, [*range(a.ndim - 2), a.ndim - 1, a.ndim - 2])


class MatrixInverse(Op):
    """The inverse of each square matrix."""

    def infer(self, x):
        return _square(self, x)

    def forward(self, x):
        return _computed(self, np.linalg.inv, x)

    def vjp_x(self, g, y, x):
        return -matmul(matmul(y, g, transpose_a=True), y, transpose_b=True)


class _Solving(Op, abstract=True):
    def infer(self, a, b):
        _square(self, a)
        _floating_matrix(self, b)
        if a.dtype != b.dtype:
            raise DtypeError(f"{self.name}: matrix {a}, rhs {b}; both must have one dtype, tf.cast converts")
        if a.shape[-1] != b.shape[-2] and None not in (a.shape[-1], b.shape[-2]):
            raise ShapeError(
                f"{self.name}: matrix {show_shape(a.shape)}, rhs {show_shape(b.shape)}: the rhs needs as many rows as "
                "the matrix; tf.expand_dims(rhs, -1) makes a column of a vector"
            )
        front = broadcast(Shape(a.shape[:-2]), Shape(b.shape[:-2]), self.name)
        return TensorSpec(Shape((*front, *b.shape[-2:])), a.dtype)


class MatrixSolve(_Solving):
    """X with A X = B, or Aᵀ X = B with `adjoint`."""

    adjoint: bool = False

    def forward(self, a, b):
        a = a.swapaxes(-1, -2) if self.adjoint else a
        return _computed(self, np.linalg.solve, a, b)

    def vjp_a(self, g, y, a, b):
        back = MatrixSolve(not self.adjoint)(a, g)
        return sum_to(-(matmul(y, back, transpose_b=True) if self.adjoint else matmul(back, y, transpose_b=True)), a)

    def vjp_b(self, g, y, a, b):
        return sum_to(MatrixSolve(not self.adjoint)(a, g), b)


class MatrixTriangularSolve(_Solving):
    """X with A X = B for a triangular A, of which only that triangle is read; Aᵀ X = B with `adjoint`."""

    lower: bool = True
    adjoint: bool = False

    def forward(self, a, b):
        a = np.tril(a) if self.lower else np.triu(a)
        return _computed(self, np.linalg.solve, a.swapaxes(-1, -2) if self.adjoint else a, b)

    def vjp_a(self, g, y, a, b):
        back = MatrixTriangularSolve(self.lower, not self.adjoint)(a, g)
        full = -(matmul(y, back, transpose_b=True) if self.adjoint else matmul(back, y, transpose_b=True))
        return sum_to(band_part(full, -1, 0) if self.lower else band_part(full, 0, -1), a)

    def vjp_b(self, g, y, a, b):
        return sum_to(MatrixTriangularSolve(self.lower, not self.adjoint)(a, g), b)


class Cholesky(Op):
    """The lower triangular L with L Lᵀ = x, for symmetric positive definite x (its symmetric part is taken)."""

    def infer(self, x):
        return _square(self, x)

    def forward(self, x):
        return _computed(self, np.linalg.cholesky, (x + x.swapaxes(-1, -2)) * x.dtype.type(0.5))

    def vjp_x(self, g, y, x):
        inner = _halved_lower(matmul(y, g, transpose_a=True))
        left = triangular_solve(y, inner, adjoint=True)
        full = matrix_transpose(triangular_solve(y, matrix_transpose(left), adjoint=True))
        return 0.5 * (full + matrix_transpose(full))


def _halved_lower(x: Tensor) -> Tensor:
    """The lower triangle with half the diagonal."""
    return band_part(x, -1, 0) - 0.5 * diag(diag_part(x))


class Qr(Op):
    """x (..., M, N) = Q R with orthonormal columns and upper triangular R; Q is square with `full_matrices`."""

    full_matrices: bool = False

    def infer(self, x):
        rows, columns = _floating_matrix(self, x).shape[-2:]
        front, inner = x.shape[:-2], _smaller(rows, columns)
        inner = rows if self.full_matrices else inner
        return TensorSpec(Shape((*front, rows, inner)), x.dtype), TensorSpec(Shape((*front, inner, columns)), x.dtype)

    def forward(self, x):
        return tuple(np.linalg.qr(x, "complete" if self.full_matrices else "reduced"))

    def vjp(self, g, y, x):
        q, r = y
        rows, columns = x.shape[-2:]
        if rows is None or columns is None or rows < columns or (self.full_matrices and rows != columns):
            raise TfcliError(
                f"qr: the gradient needs full_matrices=False and no more columns than rows, got {show_shape(x.shape)}"
            )
        g_q = zeros_like(q) if g[0] is None else g[0]
        g_r = zeros_like(r) if g[1] is None else g[1]
        m = matmul(r, g_r, transpose_b=True) - matmul(g_q, q, transpose_a=True)
        symmetric = band_part(m, -1, 0) + matrix_transpose(band_part(m, -1, 0)) - diag(diag_part(m))
        inner = g_q + matmul(q, symmetric)
        return (matrix_transpose(triangular_solve(r, matrix_transpose(inner), lower=False)),)


def _smaller(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else min(a, b)


class Svd(Op):
    """x (..., M, N) = U diag(s) Vᵀ: s (..., K) falling, U (..., M, K), V (..., N, K) with K = min(M, N)."""

    full_matrices: bool = False

    def infer(self, x):
        rows, columns = _floating_matrix(self, x).shape[-2:]
        front, k = x.shape[:-2], _smaller(rows, columns)
        return (
            TensorSpec(Shape((*front, k)), x.dtype),
            TensorSpec(Shape((*front, rows, rows if self.full_matrices else k)), x.dtype),
            TensorSpec(Shape((*front, columns, columns if self.full_matrices else k)), x.dtype),
        )

    def forward(self, x):
        u, s, v = _computed(self, lambda a: np.linalg.svd(a, full_matrices=self.full_matrices), x)
        return s, u, v.swapaxes(-1, -2)

    def vjp(self, g, y, x):
        g_s, g_u, g_v = g
        s, u, v = y
        if self.full_matrices:
            if g_u is not None or g_v is not None:
                raise TfcliError("svd: the gradient of u and v needs full_matrices=False")
            s, u, v = Svd()(x)
        middle = diag(zeros_like(s) if g_s is None else g_s)
        outer = []
        if g_u is not None or g_v is not None:
            gaps = _reciprocal_gaps(square(s))
            row = expand_dims(s, -2)
            inverse = reciprocal(row)
            if g_u is not None:
                turned = matmul(u, g_u, transpose_a=True)
                middle = middle + gaps * (turned - matrix_transpose(turned)) * row
                outer.append(matmul((g_u - matmul(u, turned)) * inverse, v, transpose_b=True))
            if g_v is not None:
                turned = matmul(v, g_v, transpose_a=True)
                middle = middle + expand_dims(s, -1) * gaps * (turned - matrix_transpose(turned))
                outer.append(matmul(u * inverse, g_v - matmul(v, turned), transpose_b=True))
        return (sum(outer, matmul(matmul(u, middle), v, transpose_b=True)),)


def _reciprocal_gaps(e: Tensor) -> Tensor:
    """1 / (e[j] - e[i]) off the diagonal, 0 on it and where two are equal."""
    gaps = expand_dims(e, -2) - expand_dims(e, -1)
    equal = gaps == zeros_like(gaps)
    return where(equal, zeros_like(gaps), reciprocal(where(equal, ones_like(gaps), gaps)))


class Eigh(Op):
    """Eigenvalues e (..., N), rising, and eigenvectors (..., N, N) as columns; the lower triangle of x is read."""

    def infer(self, x):
        _square(self, x)
        return TensorSpec(Shape(x.shape[:-1]), x.dtype), TensorSpec(x.shape, x.dtype)

    def forward(self, x):
        return tuple(_computed(self, np.linalg.eigh, x))

    def vjp(self, g, y, x):
        g_e, g_v = g
        e, v = y
        middle = diag(zeros_like(e) if g_e is None else g_e)
        if g_v is not None:
            middle = middle + _reciprocal_gaps(e) * matmul(v, g_v, transpose_a=True)
        full = matmul(matmul(v, middle), v, transpose_b=True)
        return (band_part(full + matrix_transpose(full), -1, 0) - diag(diag_part(full)),)


class Eig(Op):
    """Complex eigenvalues (..., N) and eigenvectors (..., N, N) of square matrices."""

    vjp_x = None

    def infer(self, x):
        kind = as_dtype("complex128" if _square(self, x).dtype == "float64" else "complex64")
        return TensorSpec(Shape(x.shape[:-1]), kind), TensorSpec(x.shape, kind)

    def forward(self, x):
        kind = np.complex128 if x.dtype == np.float64 else np.complex64
        return tuple(part.astype(kind) for part in _computed(self, np.linalg.eig, x))


class Det(Op):
    """The determinant of each square matrix."""

    def infer(self, x):
        return TensorSpec(Shape(_square(self, x).shape[:-2]), x.dtype)

    def forward(self, x):
        return np.linalg.det(x)

    def vjp_x(self, g, y, x):
        return _spread(g * y) * matrix_transpose(inv(x))


class Slogdet(Op):
    """The sign of each determinant, and the logarithm of its size."""

    def infer(self, x):
        spec = TensorSpec(Shape(_square(self, x).shape[:-2]), x.dtype)
        return spec, spec

    def forward(self, x):
        return tuple(np.linalg.slogdet(x))

    def vjp(self, g, y, x):
        return (None if g[1] is None else _spread(g[1]) * matrix_transpose(inv(x)),)


def _spread(x: Tensor) -> Tensor:
    """Numbers (...) as (..., 1, 1)."""
    return expand_dims(expand_dims(x, -1), -1)


class Expm(Op):
    """The matrix exponential, by scaling, squaring and a Padé approximation. Higham, 2005."""

    def infer(self, x):
        return _square(self, x)

    def forward(self, x):
        rows = x.reshape(-1, *x.shape[-2:]).astype(np.float64)
        return np.reshape([_expm(row) for row in rows], x.shape).astype(x.dtype)

    def vjp_x(self, g, y, x):
        # exp([[Aᵀ, G], [0, Aᵀ]]) holds the derivative at Aᵀ along G in its corner. Mathias, 1996.
        turned = matrix_transpose(x)
        n = x.shape[-1]
        if n is None:
            raise ShapeError("expm: the gradient needs matrices of a known size")
        block = concat([concat([turned, g], -1), concat([zeros_like(x), turned], -1)], -2)
        return Expm()(block)[..., :n, n:]


_PADE = [math.factorial(26 - k) / math.factorial(13 - k) / math.factorial(k) for k in range(14)]


def _expm(a: np.ndarray) -> np.ndarray:
    norm = np.abs(a).sum(axis=0).max(initial=0.0)
    squarings = max(0, math.ceil(math.log2(norm / 5.37))) if norm else 0
    a = a / 2.0**squarings
    powers = [np.eye(len(a))]
    for _ in range(13):
        powers.append(powers[-1] @ a)
    even = sum(c * p for c, p in zip(_PADE[::2], powers[::2], strict=True))
    odd = sum(c * p for c, p in zip(_PADE[1::2], powers[1::2], strict=True))
    result = np.linalg.solve(even - odd, even + odd)
    for _ in range(squarings):
        result = result @ result
    return result


inv, cholesky, det, expm, _slogdet, _eigh, _eig = MatrixInverse(), Cholesky(), Det(), Expm(), Slogdet(), Eigh(), Eig()


class SlogdetResult(NamedTuple):
    sign: Tensor
    log_abs_determinant: Tensor


def slogdet(input: Any) -> SlogdetResult:
    """The sign of the determinants (...) of square matrices, and the logarithms of their sizes. Raises TfcliError."""
    return SlogdetResult(*_slogdet(input))


def logdet(matrix: Any) -> Tensor:
    """The logarithms (...) of the determinants of symmetric positive definite matrices. Raises TfcliError."""
    return 2.0 * reduce_sum(log(diag_part(cholesky(matrix))), -1)


def solve(matrix: Any, rhs: Any, adjoint: bool = False) -> Tensor:
    """X (..., M, K) with matrix (..., M, M) @ X = rhs. Raises TfcliError, also where it is singular."""
    return MatrixSolve(bool(adjoint))(*promote(matrix, rhs, "solve"))


def triangular_solve(matrix: Any, rhs: Any, lower: bool = True, adjoint: bool = False) -> Tensor:
    """X with matrix @ X = rhs, where the matrix is triangular. Raises ShapeError, DtypeError, TfcliError."""
    return MatrixTriangularSolve(bool(lower), bool(adjoint))(*promote(matrix, rhs, "triangular_solve"))


def cholesky_solve(chol: Any, rhs: Any) -> Tensor:
    """X with A @ X = rhs, given the lower triangular Cholesky factor of A. Raises ShapeError, DtypeError."""
    return triangular_solve(chol, triangular_solve(chol, rhs), adjoint=True)


class SvdResult(NamedTuple):
    s: Tensor
    u: Tensor
    v: Tensor


def svd(tensor: Any, full_matrices: bool = False, compute_uv: bool = True) -> Any:
    """s, u, v with tensor = u @ diag(s) @ vᵀ; the singular values s alone without `compute_uv`. Raises TfcliError."""
    result = SvdResult(*Svd(bool(full_matrices))(tensor))
    return result if compute_uv else result.s


class QrResult(NamedTuple):
    q: Tensor
    r: Tensor


def qr(input: Any, full_matrices: bool = False) -> QrResult:
    """q, r with input = q @ r. Raises ShapeError, DtypeError."""
    return QrResult(*Qr(bool(full_matrices))(input))


class EigResult(NamedTuple):
    e: Tensor
    v: Tensor


def eigh(tensor: Any) -> EigResult:
    """Eigenvalues, rising, and eigenvectors (columns) of symmetric matrices. Raises ShapeError, DtypeError."""
    return EigResult(*_eigh(tensor))


def eigvalsh(tensor: Any) -> Tensor:
    """The eigenvalues of symmetric matrices, rising. Raises ShapeError, DtypeError."""
    return _eigh(tensor)[0]


def eig(tensor: Any) -> EigResult:
    """Complex eigenvalues and eigenvectors (columns) of square matrices. Raises ShapeError, DtypeError."""
    return EigResult(*_eig(tensor))


def eigvals(tensor: Any) -> Tensor:
    """The complex eigenvalues of square matrices. Raises ShapeError, DtypeError."""
    return _eig(tensor)[0]


def lstsq(matrix: Any, rhs: Any, l2_regularizer: float = 0.0, fast: bool = True) -> Tensor:
    """X (..., N, K) that makes ‖matrix @ X - rhs‖² + l2_regularizer ‖X‖² least; of several the one of least norm.

    `fast` solves the normal equations, otherwise the pseudo-inverse is taken. Raises ShapeError, DtypeError.
    """
    a, b = promote(matrix, rhs, "lstsq")
    if not fast:
        if l2_regularizer:
            raise TfcliError("lstsq: l2_regularizer goes with fast=True alone")
        return matmul(pinv(a), b)
    rows, columns = a.shape[-2:]
    if rows is None or columns is None or rows >= columns:
        normal = matmul(a, a, transpose_a=True)
        return cholesky_solve(cholesky(_ridged(normal, l2_regularizer)), matmul(a, b, transpose_a=True))
    normal = matmul(a, a, transpose_b=True)
    return matmul(a, cholesky_solve(cholesky(_ridged(normal, l2_regularizer)), b), transpose_a=True)


def _ridged(x: Tensor, amount: float) -> Tensor:
    return x if not amount else x + amount * diag(ones_like(diag_part(x)))


def pinv(a: Any, rcond: float | None = None) -> Tensor:
    """The Moore-Penrose inverse; singular values up to rcond times the largest count as 0. Raises ShapeError."""
    a = convert_to_tensor(a)
    s, u, v = svd(a)
    size = max(d or 1 for d in a.shape[-2:])
    limit = (10.0 * size * float(np.finfo(a.dtype.numpy).eps)) if rcond is None else rcond
    kept = s > limit * reduce_max(s, -1, keepdims=True)
    inverse = where(kept, reciprocal(where(kept, s, ones_like(s))), zeros_like(s))
    return matmul(v * expand_dims(inverse, -2), u, transpose_b=True)


def matrix_rank(a: Any, tol: float | None = None) -> Tensor:
    """How many singular values are above `tol`, by default the rounding of the largest. Raises ShapeError."""
    a = convert_to_tensor(a)
    s = svd(a, compute_uv=False)
    size = max(d or 1 for d in a.shape[-2:])
    eps = float(np.finfo(a.dtype.numpy).eps)
    limit = eps * size * reduce_max(s, -1, keepdims=True) if tol is None else tol
    return reduce_sum(cast(s > limit, int32), -1)


def norm(tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: bool = False) -> Tensor:
    """The norm of vectors along `axis` (all entries without one), or of matrices where it is a pair of axes.

    `ord`: "euclidean", 1, 2, np.inf or any positive number; "fro", 1, 2, np.inf for matrices. Raises TfcliError.
    """
    x = convert_to_tensor(tensor)
    if ord in ("euclidean", "fro") or (ord == 2 and not _is_pair(axis)):
        return sqrt(reduce_sum(square(x), axis, keepdims))
    if not _is_pair(axis):
        return _vector_norm(x, ord, axis, keepdims)
    rows, columns = (int(a) % x.ndim for a in axis)
    if ord == 2:
        ordered = transpose(x, [i for i in range(x.ndim) if i not in (rows, columns)] + [rows, columns])
        result = reduce_max(svd(ordered, compute_uv=False), -1)
        return result if not keepdims else expand_dims(expand_dims(result, min(rows, columns)), max(rows, columns))
    if ord not in (1, np.inf):
        raise TfcliError(f"norm: ord {ord!r} of matrices; there are 'fro', 1, 2 and np.inf")
    summed, largest = (rows, columns) if ord == 1 else (columns, rows)
    result = reduce_max(reduce_sum(abs_(x), summed, keepdims=True), largest, keepdims=True)
    return result if keepdims else squeeze(result, (rows, columns))


def _is_pair(axis: Any) -> bool:
    return isinstance(axis, Sequence) and len(axis) == 2


def _vector_norm(x: Tensor, ord: Any, axis: Any, keepdims: bool) -> Tensor:
    if ord == np.inf:
        return reduce_max(abs_(x), axis, keepdims)
    if ord == 1:
        return reduce_sum(abs_(x), axis, keepdims)
    if not isinstance(ord, int | float) or ord <= 0:
        raise TfcliError(f"norm: ord {ord!r}; there are 'euclidean', np.inf and positive numbers")
    return reduce_sum(abs_(x) ** ord, axis, keepdims) ** (1.0 / ord)


def normalize(tensor: Any, ord: Any = "euclidean", axis: Any = None) -> tuple[Tensor, Tensor]:
    """The tensor over its norm along `axis`, and that norm. Raises TfcliError."""
    x = convert_to_tensor(tensor)
    size = norm(x, ord, axis, keepdims=True)
    return x / size, size


def matvec(a: Any, b: Any, transpose_a: bool = False) -> Tensor:
    """Matrices (..., M, N) times vectors (..., N). Raises ShapeError, DtypeError."""
    return squeeze(matmul(a, expand_dims(b, -1), transpose_a=transpose_a), -1)


def cross(a: Any, b: Any) -> Tensor:
    """The vector product of vectors of 3 along the last axis. Raises ShapeError."""
    a, b = promote(a, b, "cross")
    if a.shape[-1:] != (3,) or b.shape[-1:] != (3,):
        raise ShapeError(f"cross: expected vectors of 3 entries, got {show_shape(a.shape)} and {show_shape(b.shape)}")

    def turned(x: Tensor, by: int) -> Tensor:
        return concat([x[..., by:], x[..., :by]], -1)

    return turned(a, 1) * turned(b, 2) - turned(a, 2) * turned(b, 1)


def set_diag(input: Any, diagonal: Any) -> Tensor:
    """Matrices (..., M, N) with another main diagonal (..., min(M, N)). Raises ShapeError, DtypeError."""
    x, new = promote(input, diagonal, "set_diag")
    return x + DiagLike()(new - diag_part(x), x)


def tensor_diag(diagonal: Any) -> Tensor:
    """A tensor of twice the rank with the entries where both halves of the index agree."""
    x = convert_to_tensor(diagonal)
    sizes = [int(d) for d in x.shape]  # type: ignore[arg-type]
    return reshape(diag(reshape(x, [-1])), [*sizes, *sizes])


def tensor_diag_part(input: Any) -> Tensor:
    """The entries of a tensor of even rank where both halves of the index agree. Raises ShapeError."""
    x = convert_to_tensor(input)
    half = x.shape[: x.ndim // 2]
    if x.ndim % 2 or half != x.shape[x.ndim // 2 :]:
        raise ShapeError(f"tensor_diag_part: expected a shape that repeats itself, got {show_shape(x.shape)}")
    count = math.prod(map(int, half))  # type: ignore[arg-type]
    return reshape(diag_part(reshape(x, [count, count])), [int(d) for d in half])  # type: ignore[arg-type]


def matrix_diag(diagonal: Any, k: int = 0) -> Tensor:
    """Square matrices with the vectors (..., N) on diagonal k: above the main one where positive. Raises ShapeError."""
    x, up, down = convert_to_tensor(diagonal), max(int(k), 0), max(-int(k), 0)
    square = diag(x)
    return square if not k else pad(square, [(0, 0)] * (x.ndim - 1) + [(down, up), (up, down)])


def matrix_diag_part(input: Any, k: int = 0) -> Tensor:
    """Diagonal k of matrices (..., M, N): above the main one where positive. Raises ShapeError."""
    x = convert_to_tensor(input)
    return diag_part(x if not k else x[..., max(-int(k), 0) :, max(int(k), 0) :])
