"""tf.image: pictures (H, W, C), or a batch of them (N, H, W, C), resized, cut, turned and coloured."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcli.engine.ops.elementary import sqrt
from tfcli.engine.ops.elementwise import (
    abs_,
    cast,
    clip_by_value,
    floormod,
    maximum,
    pow_,
    where,
)
from tfcli.engine.ops.image import hsv_to_rgb as hsv_to_rgb
from tfcli.engine.ops.image import resize_image, rgb_to_hsv
from tfcli.engine.ops.image import rgb_to_grayscale as _gray
from tfcli.engine.ops.join import concat, pad, tile
from tfcli.engine.ops.random import uniform
from tfcli.engine.ops.reduce import reduce_mean, reduce_sum, reduce_variance
from tfcli.engine.ops.shape import expand_dims, squeeze
from tfcli.engine.ops.shape import transpose as transposed
from tfcli.engine.ops.slicing import reverse as reverse_axes
from tfcli.engine.spec import as_dtype, float32, show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import ShapeError


class ResizeMethod:
    """The names that `resize` takes."""

    BILINEAR = "bilinear"
    NEAREST_NEIGHBOR = "nearest"
    BICUBIC = "bicubic"
    AREA = "area"
    LANCZOS3 = "lanczos3"
    LANCZOS5 = "lanczos5"
    GAUSSIAN = "gaussian"
    MITCHELLCUBIC = "mitchellcubic"


def _pictures(image: Any, what: str) -> Tensor:
    x = convert_to_tensor(image)
    if x.ndim not in (3, 4):
        raise ShapeError(f"{what}: expected (H, W, C) or (N, H, W, C), got {show_shape(x.shape)}")
    return x


def _size(x: Tensor, what: str) -> tuple[int, int]:
    height, width = x.shape[-3:-1]
    if height is None or width is None:
        raise ShapeError(f"{what} needs to know height and width, got {show_shape(x.shape)}")
    return height, width


def resize(
    images: Any,
    size: Sequence[int],
    method: str = "bilinear",
    preserve_aspect_ratio: bool = False,
    antialias: bool = False,
) -> Tensor:
    """Pictures of another size (height, width), float32; "nearest" keeps the dtype. Raises ShapeError."""
    x = _pictures(images, "resize")
    height, width = (int(s) for s in size)
    if preserve_aspect_ratio:
        h, w = _size(x, "resize")
        scale = min(height / h, width / w)
        height, width = round(h * scale), round(w * scale)
    batch = x if x.ndim == 4 else expand_dims(x, 0)
    if method == "nearest":
        resized = cast(resize_image(cast(batch, float32), height, width, "nearest", antialias), x.dtype)
    else:
        resized = resize_image(cast(batch, float32), height, width, method, antialias)
    return resized if x.ndim == 4 else squeeze(resized, 0)


def flip_left_right(image: Any) -> Tensor:
    x = _pictures(image, "flip_left_right")
    return reverse_axes(x, [x.ndim - 2])


def flip_up_down(image: Any) -> Tensor:
    x = _pictures(image, "flip_up_down")
    return reverse_axes(x, [x.ndim - 3])


def transpose(image: Any) -> Tensor:
    """Rows and columns exchanged."""
    x = _pictures(image, "transpose")
    return transposed(x, [1, 0, 2] if x.ndim == 3 else [0, 2, 1, 3])


def rot90(image: Any, k: int = 1) -> Tensor:
    """Turned against the clock by k right angles."""
    turned = _pictures(image, "rot90")
    for _ in range(k % 4):
        turned = flip_up_down(transpose(turned))
    return turned


def crop_to_bounding_box(
    image: Any, offset_height: int, offset_width: int, target_height: int, target_width: int
) -> Tensor:
    """The part of this size whose upper left corner is at the offsets. Raises ShapeError."""
    x = _pictures(image, "crop_to_bounding_box")
    height, width = _size(x, "crop_to_bounding_box")
    if not (0 <= offset_height <= height - target_height and 0 <= offset_width <= width - target_width):
        raise ShapeError(
            f"crop_to_bounding_box: {target_height} x {target_width} at ({offset_height}, {offset_width}) lies outside "
            f"of {show_shape(x.shape)}"
        )
    rows, columns = (
        slice(offset_height, offset_height + target_height),
        slice(offset_width, offset_width + target_width),
    )
    return x[..., rows, columns, :]


def pad_to_bounding_box(
    image: Any, offset_height: int, offset_width: int, target_height: int, target_width: int
) -> Tensor:
    """Zeros of this size with the picture at the offsets. Raises ShapeError."""
    x = _pictures(image, "pad_to_bounding_box")
    height, width = _size(x, "pad_to_bounding_box")
    below, right = target_height - offset_height - height, target_width - offset_width - width
    if min(offset_height, offset_width, below, right) < 0:
        raise ShapeError(f"pad_to_bounding_box: {show_shape(x.shape)} does not fit {target_height} x {target_width}")
    return pad(x, [*[(0, 0)] * (x.ndim - 3), (offset_height, below), (offset_width, right), (0, 0)])


def central_crop(image: Any, central_fraction: float) -> Tensor:
    """The middle part. Raises ShapeError."""
    x = _pictures(image, "central_crop")
    starts = [int((size - size * central_fraction) / 2) for size in _size(x, "central_crop")]
    sizes = [size - 2 * start for size, start in zip(_size(x, "central_crop"), starts, strict=True)]
    return crop_to_bounding_box(x, *starts, *sizes)


def resize_with_crop_or_pad(image: Any, target_height: int, target_width: int) -> Tensor:
    """The middle part of this size, with zeros around where the picture is smaller."""
    x = _pictures(image, "resize_with_crop_or_pad")
    height, width = _size(x, "resize_with_crop_or_pad")
    cut = [min(height, target_height), min(width, target_width)]
    x = crop_to_bounding_box(x, (height - cut[0]) // 2, (width - cut[1]) // 2, *cut)
    return pad_to_bounding_box(
        x, (target_height - cut[0]) // 2, (target_width - cut[1]) // 2, target_height, target_width
    )


def resize_with_pad(image: Any, target_height: int, target_width: int, method: str = "bilinear") -> Tensor:
    """Resized without distortion, and zeros at the sides."""
    x = resize(image, (target_height, target_width), method, preserve_aspect_ratio=True)
    return resize_with_crop_or_pad(x, target_height, target_width)


def convert_image_dtype(image: Any, dtype: Any, saturate: bool = False) -> Tensor:
    """Pictures in another dtype and its range: floats from 0 to 1, integers over all they can hold."""
    x, wanted = convert_to_tensor(image), as_dtype(dtype)
    if x.dtype == wanted:
        return x
    if x.dtype.is_integer and wanted.is_integer:
        ratio = (int(x.dtype.max) + 1) // (int(wanted.max) + 1)
        return (
            cast(x // ratio, wanted) if ratio else cast(x, wanted) * ((int(wanted.max) + 1) // (int(x.dtype.max) + 1))
        )
    if x.dtype.is_integer:
        return cast(x, wanted) * (1.0 / float(x.dtype.max))
    if wanted.is_floating:
        return cast(x, wanted)
    # The half is for rounding, where saturate keeps what is beyond the range from going around.
    scaled = x * (float(wanted.max) + 0.5)
    return cast(clip_by_value(scaled, float(wanted.min), float(wanted.max)) if saturate else scaled, wanted)


def _as_floats(image: Any, what: Any) -> tuple[Tensor, Tensor]:
    """Pictures as given, and as floats from 0 to 1."""
    x = convert_to_tensor(image)
    return x, x if x.dtype.is_floating else convert_image_dtype(x, float32)


def _as_given(x: Tensor, changed: Tensor) -> Tensor:
    return changed if x.dtype.is_floating else convert_image_dtype(changed, x.dtype, saturate=True)


def rgb_to_grayscale(images: Any) -> Tensor:
    """One channel, its brightness to the eye."""
    x, floats = _as_floats(images, "rgb_to_grayscale")
    return _as_given(x, _gray(floats))


def grayscale_to_rgb(images: Any) -> Tensor:
    """The one channel three times."""
    x = convert_to_tensor(images)
    return tile(x, [*[1] * (x.ndim - 1), 3])


def per_image_standardization(image: Any) -> Tensor:
    """Each picture with mean 0 and variance 1; nothing is divided by less than 1 / sqrt(entries)."""
    x = cast(_pictures(image, "per_image_standardization"), float32)
    count = int(np.prod([int(d) for d in x.shape[-3:]]))  # type: ignore[arg-type]
    axes = [-3, -2, -1]
    deviation = sqrt(reduce_variance(x, axes, keepdims=True))
    return (x - reduce_mean(x, axes, keepdims=True)) / maximum(deviation, 1.0 / float(np.sqrt(count)))


def adjust_brightness(image: Any, delta: Any) -> Tensor:
    """`delta` added, a part of the whole range."""
    x, floats = _as_floats(image, "adjust_brightness")
    return _as_given(x, floats + delta)


def adjust_contrast(images: Any, contrast_factor: Any) -> Tensor:
    """Each channel's distance from its mean multiplied."""
    x, floats = _as_floats(images, "adjust_contrast")
    mean = reduce_mean(floats, [-3, -2], keepdims=True)
    return _as_given(x, (floats - mean) * contrast_factor + mean)


def adjust_gamma(image: Any, gamma: Any = 1, gain: Any = 1) -> Tensor:
    """gain * image ** gamma."""
    x, floats = _as_floats(image, "adjust_gamma")
    return _as_given(x, pow_(floats, float(gamma)) * float(gain))


def adjust_hue(image: Any, delta: Any) -> Tensor:
    """The hue moved by `delta`, a part of the circle, -1 … 1."""
    x, floats = _as_floats(image, "adjust_hue")
    hsv = rgb_to_hsv(floats)
    return _as_given(x, hsv_to_rgb(concat([floormod(hsv[..., :1] + delta, 1.0), hsv[..., 1:]], -1)))


def adjust_saturation(image: Any, saturation_factor: Any) -> Tensor:
    """The saturation multiplied."""
    x, floats = _as_floats(image, "adjust_saturation")
    hsv = rgb_to_hsv(floats)
    saturation = clip_by_value(hsv[..., 1:2] * saturation_factor, 0.0, 1.0)
    return _as_given(x, hsv_to_rgb(concat([hsv[..., :1], saturation, hsv[..., 2:]], -1)))


def random_flip_left_right(image: Any, seed: int | None = None) -> Tensor:
    """Flipped or not, each picture with even odds."""
    return _by_chance(_pictures(image, "random_flip_left_right"), flip_left_right, seed)


def random_flip_up_down(image: Any, seed: int | None = None) -> Tensor:
    """Flipped or not, each picture with even odds."""
    return _by_chance(_pictures(image, "random_flip_up_down"), flip_up_down, seed)


def _by_chance(x: Tensor, flip: Any, seed: int | None) -> Tensor:
    from tfcli.engine.ops.shape import shape

    draws = uniform([], seed=seed) if x.ndim == 3 else uniform([shape(x)[0], 1, 1, 1], seed=seed)
    return where(draws < 0.5, flip(x), x)


def random_brightness(image: Any, max_delta: float, seed: int | None = None) -> Tensor:
    """`adjust_brightness` by -max_delta … max_delta."""
    return adjust_brightness(image, uniform([], -max_delta, max_delta, seed=seed))


def random_contrast(image: Any, lower: float, upper: float, seed: int | None = None) -> Tensor:
    """`adjust_contrast` by lower … upper."""
    return adjust_contrast(image, uniform([], lower, upper, seed=seed))


def random_saturation(image: Any, lower: float, upper: float, seed: int | None = None) -> Tensor:
    """`adjust_saturation` by lower … upper."""
    return adjust_saturation(image, uniform([], lower, upper, seed=seed))


def random_hue(image: Any, max_delta: float, seed: int | None = None) -> Tensor:
    """`adjust_hue` by -max_delta … max_delta."""
    return adjust_hue(image, uniform([], -max_delta, max_delta, seed=seed))


def random_crop(value: Any, size: Sequence[int], seed: int | None = None) -> Tensor:
    """A part of this size anywhere, of any tensor. Raises ShapeError."""
    from tfcli.engine.ops.elementwise import floor
    from tfcli.engine.ops.shape import shape

    x, sizes = convert_to_tensor(value), [int(s) for s in size]
    if len(sizes) != x.ndim or any(have is not None and s > have for s, have in zip(sizes, x.shape, strict=True)):
        raise ShapeError(f"random_crop: {show_shape(sizes)} does not fit into {show_shape(x.shape)}")
    room = shape(x) - np.asarray(sizes, np.int32) + 1
    starts = cast(floor(uniform([x.ndim], seed=seed) * cast(room, float32)), "int32")
    return x[tuple(slice(starts[i], starts[i] + s) for i, s in enumerate(sizes))]


def total_variation(images: Any) -> Tensor:
    """For each picture the sum of the differences between neighbours."""
    x = _pictures(images, "total_variation")
    rows, columns = x[..., 1:, :, :] - x[..., :-1, :, :], x[..., :, 1:, :] - x[..., :, :-1, :]
    return reduce_sum(abs_(rows), [-3, -2, -1]) + reduce_sum(abs_(columns), [-3, -2, -1])


def image_gradients(image: Any) -> tuple[Tensor, Tensor]:
    """The differences to the next row and to the next column (N, H, W, C), zeros at the end."""
    x = _pictures(image, "image_gradients")
    none = [(0, 0)] * (x.ndim - 3)
    rows = pad(x[..., 1:, :, :] - x[..., :-1, :, :], [*none, (0, 1), (0, 0), (0, 0)])
    columns = pad(x[..., :, 1:, :] - x[..., :, :-1, :], [*none, (0, 0), (0, 1), (0, 0)])
    return rows, columns


def psnr(a: Any, b: Any, max_val: float) -> Tensor:
    """The peak signal to noise ratio of two pictures, in decibels."""
    from tfcli.engine.ops.elementary import log
    from tfcli.engine.ops.elementwise import square

    error = reduce_mean(square(cast(a, float32) - cast(b, float32)), [-3, -2, -1])
    return log(float(max_val) ** 2 / error) * (10.0 / float(np.log(10.0)))
