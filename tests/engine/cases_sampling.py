"""Cases of the ops that read images between their pixels."""

import numpy as np
from cases import Case, case, normal

from tfcli.engine.ops import sampling

PLACES = np.random.default_rng(4).uniform(-4, 8, (2, 5, 4, 2)).astype(np.float32)
MODES = ("constant", "nearest", "wrap", "mirror", "reflect")

CASES: dict[str, list[Case]] = {
    "MapCoordinates": [
        *(case(sampling.MapCoordinates("bilinear", mode), normal(2, 5, 4, 2), PLACES, order=0) for mode in MODES),
        case(sampling.MapCoordinates("nearest", "reflect"), normal(2, 5, 4, 2), PLACES, order=0),
    ],
    "MapCoordinatesGrad": [case(sampling.MapCoordinatesGrad("bilinear", "wrap"), normal(2, 5, 4, 2), PLACES, order=0)],
    "EqualizeTiles": [
        case(sampling.EqualizeTiles(2, 3, 4.0), np.abs(normal(2, 5, 7, 2)) * 90, order=0),
        case(sampling.EqualizeTiles(2, 2, 0.0), np.abs(normal(1, 4, 4, 1)) * 90, order=0),
    ],
    "Equalize": [
        case(sampling.Equalize(16), np.abs(normal(2, 5, 4, 2)) * 90, order=0),
        case(sampling.Equalize(16, True), np.abs(normal(2, 5, 4, 2)) * 90, order=0),
    ],
}
EXEMPT: dict[str, str] = {}
