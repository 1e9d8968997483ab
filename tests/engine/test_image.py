"""The warping of images: its gradient, and what stands outside of the image."""

import numpy as np
import pytest
from cases_image import TURN

from tfcli.engine.gradcheck import check_gradients
from tfcli.engine.ops.image import hsv_to_rgb, projective_transform, rgb_to_grayscale, rgb_to_hsv
from tfcli.engine.ops.sampling import equalized, map_coordinates

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


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("constant", [9, 9, 0, 3, 9, 9]),
        ("nearest", [0, 0, 0, 3, 3, 3]),
        ("wrap", [2, 3, 0, 3, 0, 1]),
        ("mirror", [2, 1, 0, 3, 2, 1]),
        ("reflect", [1, 0, 0, 3, 3, 2]),
    ],
)
def test_what_is_read_outside_of_an_image(mode, expected):
    row = np.arange(4.0, dtype=np.float32).reshape(1, 1, 4, 1)
    columns = np.array([-2, -1, 0, 3, 4, 5], np.float32)
    read = [
        map_coordinates(row, np.broadcast_to(np.array([0.0, c], np.float32), (1, 1, 4, 2)), "nearest", mode, 9.0)
        for c in columns
    ]
    assert [r.array[0, 0, 0, 0] for r in read] == expected


def test_reading_between_pixels_is_linear_in_them():
    row = np.array([0.0, 4.0, 8.0, 2.0]).reshape(1, 1, 4, 1)
    places = np.stack([np.zeros(4), [0.25, 1.5, 2.5, 3.0]], -1).reshape(1, 1, 4, 2)
    assert map_coordinates(row, places).array.ravel().tolist() == [1, 6, 5, 2]
    assert check_gradients(lambda images: map_coordinates(images, places), [row], order=2) is None


def test_equalized_values_are_evenly_frequent_and_in_the_same_order():
    values = (np.arange(64.0) ** 2 / 16).reshape(1, 8, 8, 1)
    result = equalized(values).array.ravel()
    assert (np.diff(result) >= 0).all()
    assert result[[0, -1]].tolist() == [0, 255]
    assert abs(np.median(result) - 127.5) < 10
    assert equalized(np.full((1, 2, 2, 1), 7.0)).array.ravel().tolist() == [7, 7, 7, 7]
