"""Cases of the ops on images."""

import numpy as np
from cases import Case, case, normal

from tfcli.engine.ops import image

TURN = np.array([[0.8, -0.6, 1.0, 0.6, 0.8, -0.5, 0.0, 0.0], [1.2, 0.1, -0.4, 0.0, 0.7, 0.6, 0.01, 0.0]], np.float32)
MODES = ("reflect", "wrap", "constant", "nearest")
SIZES = [(3, 7, method, anti) for method in ("bilinear", "nearest", "bicubic", "area") for anti in (False, True)]
CORNERS = np.array([[0, 1], [2, 0]], np.int32)

CASES: dict[str, list[Case]] = {
    "ResizeImage": [case(image.ResizeImage(*s), normal(2, 5, 4, 2)) for s in SIZES],
    "ResizeImageGrad": [case(image.ResizeImageGrad(*s), normal(2, 3, 7, 2), normal(2, 5, 4, 2)) for s in SIZES[:2]],
    "ProjectiveTransform": [  # the gradient in the images: see test_image.py
        *(case(image.ProjectiveTransform("bilinear", mode), normal(2, 5, 4, 2), TURN, order=0) for mode in MODES),
        case(image.ProjectiveTransform("nearest", "constant", 0.0), normal(2, 5, 4, 2), TURN, order=0),
    ],
    "ProjectiveTransformGrad": [
        case(image.ProjectiveTransformGrad("bilinear", "wrap"), normal(2, 5, 4, 2), TURN, order=0)
    ],
    "CropAt": [case(image.CropAt(2, 3), normal(2, 4, 5, 2), CORNERS, order=1)],
    "CropAtGrad": [case(image.CropAtGrad(2, 3), normal(2, 2, 3, 2), CORNERS, normal(2, 4, 5, 2), order=1)],
}
EXEMPT: dict[str, str] = {}
