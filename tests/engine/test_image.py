"""The warping of images: its gradient, and what stands outside of the image."""

import numpy as np
import pytest
from cases_image import TURN

from tfcli.engine.gradcheck import check_gradients
from tfcli.engine.ops.image import hsv_to_rgb, projective_transform, rgb_to_grayscale, rgb_to_hsv

IMAGES = np.random.default_rng(0).standard_normal((2, 5, 4, 2))


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("mode", ["reflect", "wrap", "constant", "nearest"])
def test_the_gradient_of_a_warping_agrees_with_central_differences(interpolation, mode):
    warp = lambda images: projective_transform(images, TURN, interpolation, mode)  # noqa: E731
    assert check_gradients(warp, [IMAGES], order=2) is None


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("reflect", [1, 0, 0, 1, 2, 3]),
        ("wrap", [4, 5, 0, 1, 2, 3]),
        ("constant", [9, 9, 0, 1, 2, 3]),
        ("nearest", [0, 0, 0, 1, 2, 3]),
    ],
)
def test_what_stands_where_the_moved_image_does_not_reach(mode, expected):
    row = np.arange(6.0, dtype=np.float32).reshape(1, 1, 6, 1)
    two_to_the_right = np.array([[1, 0, -2, 0, 1, 0, 0, 0]], np.float32)
    moved = projective_transform(row, two_to_the_right, "nearest", mode, 9.0)
    assert moved.array.ravel().tolist() == expected


def test_colours_come_back_from_hue_saturation_and_value():
    colours = np.random.default_rng(1).random((2, 3, 4, 3))
    np.testing.assert_allclose(hsv_to_rgb(rgb_to_hsv(colours)).array, colours, atol=1e-12)
    assert rgb_to_hsv(np.array([0.0, 1.0, 0.0])).array.tolist() == pytest.approx([1 / 3, 1, 1])
    assert rgb_to_grayscale(np.ones((1, 1, 1, 3))).array.item() == pytest.approx(0.9999)
