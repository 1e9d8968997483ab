"""Cases for special functions, sets and counts, bits, and rearranging under TensorFlow's names."""

import numpy as np
from cases import Case, apart, between, binary, case, normal, unary

from tfcli.engine.ops import arrange, bitwise, distributions, mathematics, special
from tfcli.engine.ops import complex as complex_ops
from tfcli.engine.spec import Shape, float32, int32, int64

M, S = mathematics, special
BITS = ([6, 3, 12], [3, 5, 1])
PLANE = between(-1, 1, 3, 2) + 1j * between(-1, 1, 3, 2)

CASES: dict[str, list[Case]] = {
    "Lgamma": [*unary(S.lgamma, 0.3, 4.0), case(S.lgamma, [-0.5, -1.7])],
    "Digamma": [*unary(S.digamma, 0.5, 4.0), case(S.digamma, [-0.5, -1.3])],
    "Zeta": [case(S.zeta, [2.0, 3.5], [1.0, 0.7], order=0)],
    "Polygamma": [case(S.polygamma, [0.0, 1.0, 2.0], [1.5, 0.8, 2.3], order=0)],
    "Igamma": [case(S.igamma, [0.5, 2.0, 3.0], [0.3, 1.5, 6.0], order=0)],
    "Igammac": [case(S.igammac, [0.5, 2.0, 3.0], [0.3, 1.5, 6.0], order=0)],
    "Erfc": [*unary(S.erfc), case(S.erfc, [2.5, -3.0])],
    "Ndtri": [case(S.ndtri, [0.1, 0.5, 0.97])],
    "Erfinv": [case(S.erfinv, [-0.8, 0.1, 0.5])],
    "BesselI0e": [case(S.bessel_i0e, [0.5, -1.5, 3.0])],
    "BesselI1e": [case(S.bessel_i1e, [0.5, -1.5, 3.0])],
    "Xlogy": binary(S.xlogy, 0.5, 2.0),
    "Xlog1py": binary(S.xlog1py, 0.5, 2.0),
    "Xdivy": binary(S.xdivy, 0.5, 2.0),
    "MultiplyNoNan": binary(S.multiply_no_nan, 0.5, 2.0),
    "Nextafter": [case(S.nextafter, [1.0, 2.0], [2.0, 0.0])],
    "Truncatediv": [case(S.truncatediv, [7.3, -7.3], [2.0, 2.0]), case(S.truncatediv, [7, -7], [2, 2])],
    "Truncatemod": [case(S.truncatemod, [7.3, -7.3], [2.0, 2.0]), case(S.truncatemod, [7, -7], [2, 2])],
    "IsClose": [case(S.IsClose(1e-5, 1e-8), [1.0, 2.0], [1.0, 2.1])],
    "CumulativeLogsumexp": [
        case(M.CumulativeLogsumexp(0), normal(3, 2), order=1),
        case(M.CumulativeLogsumexp(1, False, True), normal(3, 2), order=1),
        case(M.CumulativeLogsumexp(0, True), normal(3, 2), order=0),
    ],
    "Unique": [case(M.Unique(int32), [3, 1, 3, 2]), case(M.Unique(int64), [1.5, 1.5])],
    "InvertPermutation": [case(M.invert_permutation, [2, 0, 1])],
    "Bincount": [
        case(M.Bincount(0, None, False, False, int32), [1, 3, 1]),
        case(M.Bincount(5, 5, True, True, float32), [[1, 3], [0, 0]]),
    ],
    "BitwiseAnd": [case(bitwise.bitwise_and, *BITS)],
    "BitwiseOr": [case(bitwise.bitwise_or, *BITS)],
    "BitwiseXor": [case(bitwise.bitwise_xor, *BITS)],
    "LeftShift": [case(bitwise.left_shift, *BITS)],
    "RightShift": [case(bitwise.right_shift, *BITS)],
    "Invert": [case(bitwise.invert, BITS[0])],
    "Roll": [case(arrange.Roll((1, -1), (0, 1)), normal(3, 2))],
    "EnsureShape": [case(arrange.EnsureShape(Shape((None, 2))), normal(3, 2))],
    "Bitcast": [case(arrange.Bitcast(int32), np.float32([1.0, 2.0])[:0].astype(np.int32))],
    "WhereTrue": [case(arrange.WhereTrue(), [[True, False], [True, True]])],
    "TensorScatterNdExtreme": [
        case(arrange.TensorScatterNdExtreme(largest), apart(3, 2), [[2], [0]], apart(2, 2) + 0.03, order=1)
        for largest in (True, False)
    ],
    "Complex": [case(complex_ops.Complex(), normal(3), normal(3), order=0)],
    "Real": [case(complex_ops.Real(), PLANE)],
    "Imag": [case(complex_ops.Imag(), PLANE)],
    "Conj": [case(complex_ops.Conj(), PLANE)],
    "ComplexAbs": [case(complex_ops.ComplexAbs(), PLANE)],
    "ComplexSign": [case(complex_ops.ComplexSign(), PLANE)],
    "RandomGamma": [case(distributions.RandomGamma(1, 0, 2, Shape((3,)), float32), np.int64(1), [1.0, 2.0], order=0)],
    "RandomPoisson": [case(distributions.RandomPoisson(1, 0, 2, Shape(()), int32), np.int64(1), [1.0, 2.0], order=0)],
}
EXEMPT: dict[str, str] = {}
