"""Cases for solving and decomposing matrices."""

import numpy as np
from cases import Case, case, normal

from tfcli.engine.ops import decomposition as D

SQUARE = normal(2, 3, 3) + 3 * np.eye(3)
SYMMETRIC = SQUARE @ SQUARE.swapaxes(-1, -2)
LOWER = np.tril(SQUARE)

CASES: dict[str, list[Case]] = {
    "MatrixInverse": [case(D.inv, SQUARE)],
    "MatrixSolve": [
        case(D.MatrixSolve(), SQUARE, normal(2, 3, 2)),
        case(D.MatrixSolve(True), SQUARE[0], normal(3, 2), unknown=(None, None)),
    ],
    "MatrixTriangularSolve": [
        case(D.MatrixTriangularSolve(), LOWER, normal(2, 3, 1)),
        case(D.MatrixTriangularSolve(False, True), np.triu(SQUARE), normal(2, 3, 2)),
    ],
    "Cholesky": [case(D.cholesky, SYMMETRIC)],
    "Qr": [
        case(D.Qr(), normal(2, 3, 2)),
        case(D.Qr(), SQUARE),
        case(D.Qr(True), normal(3, 2), unknown=(None,), order=0),
    ],
    "Svd": [
        case(D.Svd(), normal(2, 3, 2)),
        case(D.Svd(), normal(2, 3), unknown=(None,)),
        case(D.Svd(True), normal(3, 2), order=0),
    ],
    "Eigh": [case(D._eigh, SYMMETRIC)],
    "Eig": [case(D._eig, SQUARE)],
    "Det": [case(D.det, SQUARE)],
    "Slogdet": [case(D._slogdet, SQUARE)],
    "Expm": [case(D.expm, normal(2, 2, 2))],
}
EXEMPT: dict[str, str] = {}
