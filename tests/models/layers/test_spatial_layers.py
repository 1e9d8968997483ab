import numpy as np
import pytest

from tfcli.declare import DeclarationError, FieldError
from tfcli.engine.function import function
from tfcli.engine.spec import TensorSpec
from tfcli.errors import ShapeError
from tfcli.models.layers.convolution import Conv1D, Conv2D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D
from tfcli.models.layers.pooling import AdaptiveMaxPooling1D, AveragePooling2D, GlobalMaxPooling2D, MaxPooling2D
from tfcli.models.layers.reshaping import Cropping1D, Cropping2D, Flatten, Permute, Reshape, UpSampling2D, ZeroPadding2D

IMAGES = np.zeros((2, 5, 5, 4), np.float32)


@pytest.mark.parametrize("layer", [Conv2D, MaxPooling2D, Flatten, UpSampling2D])
def test_channels_first_is_refused_with_the_way_out(layer):
    fields = {"filters": 1, "kernel_size": 1} if layer is Conv2D else {}
    with pytest.raises(DeclarationError, match=r"only `channels_last` is there.*permute"):
        layer(**fields, data_format="channels_first")


@pytest.mark.parametrize("layer", [Conv2D(1, 2), MaxPooling2D(), GlobalMaxPooling2D(), ZeroPadding2D()])
def test_an_input_without_channels_is_refused(layer):
    with pytest.raises(ShapeError, match=r"\(batch, height, width, channels\), got \(2, 5, 5\)"):
        layer(IMAGES[..., 0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conv2D(4, 3, strides=2, dilation_rate=2), "dilation_rate: strides and dilation_rate"),
        (lambda: Conv2D(4, [3, 3, 3]), "kernel_size: expected one number or 2"),
        (lambda: Conv2D(4, 3, groups=3), "groups: 4 filters do not divide"),
        (lambda: Conv2D(4, 3, padding="causal"), "padding: `causal` goes with conv1d alone"),
        (lambda: Conv2DTranspose(4, 3, strides=2, output_padding=2), "output_padding: it must be less"),
        (lambda: AveragePooling2D([1, 2, 3]), "pool_size: expected one number or 2"),
        (lambda: Cropping2D([1, 2, 3]), "cropping: expected one number, or 2 numbers or pairs"),
        (lambda: Reshape([-1, -1]), "target_shape: .* more than one -1"),
        (lambda: Permute([1, 3]), "dims: .* each of the axes 1 to 2 once"),
    ],
)
def test_fields_that_do_not_go_together_are_refused(make, message):
    with pytest.raises(FieldError, match=message):
        make()


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (Conv1D(4, 2, groups=2), (1, 5, 3), "3 channels .* do not divide into 2 groups"),
        (Conv2D(4, 7), (1, 5, 5, 1), "does not fit"),
        (Cropping1D(3), (1, 5, 2), "leaves nothing of axis 1"),
        (Reshape([4]), (2, 3), r"3 entries of each example of \(2, 3\) do not fill \(None, 4\)"),
        (Reshape([2, -1]), (2, 3), "do not fill"),
        (Permute([2, 1]), (2, 3), "inputs of 3 axes"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(layer, shape, message):
    with pytest.raises(ShapeError, match=message):
        layer(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Conv2D(3, 2, padding="same"), (None, None, None, 3)),
        (Conv2DTranspose(3, 2, strides=2), (None, None, None, 3)),
        (DepthwiseConv2D(2), (None, None, None, 4)),
        (SeparableConv2D(3, 2), (None, None, None, 3)),
        (MaxPooling2D(), (None, None, None, 4)),
        (GlobalMaxPooling2D(), (None, 4)),
        (UpSampling2D(interpolation="bilinear"), (None, None, None, 4)),
        (ZeroPadding2D(), (None, None, None, 4)),
        (Cropping2D(1), (None, None, None, 4)),
        (Flatten(), (None, None)),
    ],
)
def test_sizes_may_stay_unknown(layer, shape):
    concrete = function(lambda x: layer(x)).get_concrete_function(TensorSpec((None, None, None, 4)))
    assert concrete.structured_outputs.shape == shape
    np.testing.assert_array_equal(concrete(IMAGES).array, layer(IMAGES).array)


def test_reshape_finds_the_missing_size_for_an_unknown_batch():
    concrete = function(lambda x: Reshape([-1, 2])(x)).get_concrete_function(TensorSpec((None, 3, 4)))
    assert concrete.structured_outputs.shape == (None, 6, 2)


def test_adaptive_pooling_needs_known_sizes():
    traced = function(lambda x: AdaptiveMaxPooling1D(2)(x), input_signature=[TensorSpec((None, None, 4))])
    with pytest.raises(ShapeError, match="must be known"):
        traced(IMAGES[0])


def test_reshaping_keeps_integers():
    assert Flatten()(np.ones((2, 3, 1), np.int32)).dtype == "int32"


def test_upsampling_repeats_neighbours():
    y = UpSampling2D([1, 2])(np.arange(4, dtype=np.float32).reshape(1, 2, 2, 1))
    np.testing.assert_array_equal(y.array[0, :, :, 0], [[0, 0, 1, 1], [2, 2, 3, 3]])
