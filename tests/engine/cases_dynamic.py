"""Cases for the ops whose sizes and places the running graph computes, and for rows of sparse gradients."""

import numpy as np
from cases import Case, case, normal

from tfcli.engine.ops import dynamic, rows, tensor_array
from tfcli.engine.spec import Shape

TWO, ONE = np.array(2, np.int32), np.array(1, np.int32)
KEY = ((dynamic.Place(0), None, None), dynamic.Place(1))
"""x[a:, b]."""

CASES: dict[str, list[Case]] = {
    "ReshapeTo": [
        case(dynamic.ReshapeTo(Shape((None, 2))), normal(4, 3), np.array([6, 2], np.int32), unknown=(None, None)),
        case(dynamic.ReshapeTo(Shape((None,))), normal(2, 3), np.array([-1], np.int32), unknown=(0, None)),
    ],
    "BroadcastToSizes": [
        case(dynamic.BroadcastToSizes(Shape((None, 3))), normal(3), np.array([2, 3], np.int32), unknown=(None, None))
    ],
    "TileBy": [
        case(dynamic.TileBy(Shape((None, 1))), normal(2, 3), np.array([2, 1], np.int32), unknown=(None, None)),
    ],
    "TileByGrad": [
        case(
            dynamic.TileByGrad(Shape((None, 1))),
            normal(4, 3),
            np.array([2, 1], np.int32),
            normal(2, 3),
            unknown=(None, None, None),
        )
    ],
    "SliceAt": [case(dynamic.SliceAt(KEY), normal(4, 3), TWO, ONE, unknown=(0, None, None))],
    "SliceAtGrad": [case(dynamic.SliceAtGrad(KEY), normal(2), normal(4, 3), TWO, ONE, unknown=(None,) * 4)],
    "UpdateAt": [
        case(dynamic.UpdateAt(KEY), normal(4, 3), normal(2), TWO, ONE, unknown=(0, None, None, None)),
        case(dynamic.UpdateAt(KEY), normal(4, 3), normal(), TWO, ONE, unknown=(0, None, None, None)),
    ],
    "RepeatPlaces": [case(dynamic.RepeatPlaces(), np.array([2, 0, 1], np.int32))],
    "WriteElement": [
        case(tensor_array.WriteElement(False), normal(3, 2), ONE, normal(2), unknown=(0, None, None)),
        case(tensor_array.WriteElement(True), normal(1, 2), TWO, normal(2), unknown=(0, None, None)),
    ],
    "DistinctRows": [case(rows.DistinctRows(), np.array([3, 1, 3]))],
    "SumAtPlaces": [
        case(rows.SumAtPlaces(), normal(3, 2), np.array([1, 0, 1], np.int32), np.array([4, 7]), unknown=(0, 0, None))
    ],
}
EXEMPT: dict[str, str] = {
    "AssignRows": "changes a variable: see test_indexed_slices.py",
    "WithEpilogue": "is made of a product and what follows: see kernels/test_epilogues.py",
}
