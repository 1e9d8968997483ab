"""Drawings: boxes below what they read, none over another, as SVG and PNG."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

import tfcli as tf
from tfcli.errors import SpecError
from tfcli.models.drawing import Box, arrange, draw

keras = tf.keras
BRANCHES = [
    Box("x", ("x",)),
    Box("a", ("a", "of two lines"), ("x",)),
    Box("b", ("a longer first line",), ("x",)),
    Box("c", ("c",), ("a",)),
    Box("sum", ("sum",), ("x", "b", "c")),
]


def test_a_box_stands_below_what_it_reads():
    corners = arrange(BRANCHES).corners
    for box in BRANCHES:
        for name in box.inputs:
            assert corners[box.name][1] > corners[name][1]


def test_no_box_is_over_another_and_all_are_inside():
    layout = arrange(BRANCHES)
    frames = [(*layout.corners[b.name], b.width, b.height) for b in BRANCHES]
    for i, (x, y, width, height) in enumerate(frames):
        assert 0 <= x <= layout.width - width
        assert 0 <= y <= layout.height - height
        assert all(
            x + width <= ox or ox + w <= x or y + height <= oy or oy + h <= y for ox, oy, w, h in frames[i + 1 :]
        )


def test_an_arrow_goes_around_the_boxes_between():
    layout = arrange(BRANCHES)
    long = next(points for points in layout.arrows if len(points) > 4)
    frames = [(*layout.corners[n], box.width, box.height) for n, box in ((b.name, b) for b in BRANCHES) if n in "abc"]
    for px, py in long[1:-1]:
        assert not any(x < px < x + width and y < py < y + height for x, y, width, height in frames)


def test_svg_has_each_box_and_each_arrow(tmp_path: Path):
    draw(BRANCHES, tmp_path / "model.svg")
    root = ElementTree.parse(tmp_path / "model.svg").getroot()
    space = {"s": "http://www.w3.org/2000/svg"}
    assert len(root.findall("s:g/s:rect", space)) == 5
    assert len(root.findall("s:path", space)) == 6


def test_png_is_a_picture_of_the_same_shape(tmp_path: Path):
    from PIL import Image

    draw(BRANCHES, tmp_path / "model.png")
    layout = arrange(BRANCHES)
    with Image.open(tmp_path / "model.png") as picture:
        assert picture.width / picture.height == pytest.approx(layout.width / layout.height, rel=0.02)


def test_another_suffix_is_refused(tmp_path: Path):
    with pytest.raises(SpecError, match=r"must end in \.svg or \.png"):
        draw(BRANCHES, tmp_path / "model.pdf")


def functional():
    x = keras.Input((4,), name="x")
    a, b = keras.layers.Dense(3, activation="relu", name="a")(x), keras.layers.Dense(3, name="b")(x)
    return keras.Model(x, keras.layers.Add(name="join")([a, b]))


def texts(path: Path) -> list[str]:
    return [node.text for node in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]


def test_plot_model_draws_a_functional_model(tmp_path: Path):
    keras.utils.plot_model(functional(), tmp_path / "m.svg", show_shapes=True, show_layer_names=True)
    assert {"a (Dense)", "join (Add)", "(None, 3)"} <= set(texts(tmp_path / "m.svg"))


def test_plot_model_draws_a_sequential_model(tmp_path: Path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="relu"), keras.layers.Dense(2)])
    keras.utils.plot_model(model, tmp_path / "m.svg", show_layer_activations=True, show_dtype=True, show_trainable=True)
    found = texts(tmp_path / "m.svg")
    assert found.count("Dense") == 2
    assert {"activation: relu", "dtype: float32", "trainable"} <= set(found)


def test_plot_model_refuses_what_it_does_not_draw(tmp_path: Path):
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(SpecError, match="subclassed model"):
        keras.utils.plot_model(Own(), tmp_path / "m.svg")
    with pytest.raises(SpecError, match="top to bottom"):
        keras.utils.plot_model(functional(), tmp_path / "m.svg", rankdir="LR")
