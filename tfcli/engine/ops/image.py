"""Images (N, H, W, C): resampled to a size, warped, cropped at given places; colour spaces."""

from functools import lru_cache
from typing import Any

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.ops import resize
from tfcli.engine.ops.elementwise import abs_, clip_by_value, where
from tfcli.engine.ops.join import concat
from tfcli.engine.ops.linalg import matmul
from tfcli.engine.ops.reduce import reduce_max, reduce_min
from tfcli.engine.ops.shape import zeros_like
from tfcli.engine.spec import Shape, TensorSpec, show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import DtypeError, ShapeError


class ResizeImage(Op):
    """images (N, H, W, C) resampled to (N, height, width, C) as by tf.image.resize."""

    height: int
    width: int
    method: str
    antialias: bool

    def infer(self, images):
        return TensorSpec(_resized(images, self.height, self.width, "resize"), images.dtype)

    def forward(self, images):
        return resampled(images, self.matrices(images.shape))

    def matrices(self, shape):
        sizes = ((shape[1], self.height), (shape[2], self.width))
        return [span_weights(size, to, self.method, self.antialias) for size, to in sizes]

    def vjp_images(self, g, y, images):
        return ResizeImageGrad(self.height, self.width, self.method, self.antialias)(g, images)


class ResizeImageGrad(Op):
    """What each pixel of an image like `like` gave to g: the transpose of the resampling."""

    height: int
    width: int
    method: str
    antialias: bool

    def infer(self, g, like):
        return TensorSpec(like.shape, g.dtype)

    def forward(self, g, like):
        sizes = ((like.shape[1], self.height), (like.shape[2], self.width))
        return resampled(g, [span_weights(size, to, self.method, self.antialias).T for size, to in sizes])

    def vjp_g(self, h, y, g, like):
        return ResizeImage(self.height, self.width, self.method, self.antialias)(h)

    vjp_like = None


def resampled(images: np.ndarray, matrices: list[np.ndarray]) -> np.ndarray:
    """images (N, H, W, C) with (H', H) and (W', W) applied to their rows and columns."""
    rows, columns = (matrix.astype(images.dtype) for matrix in matrices)
    return np.einsum("hi,nijc,wj->nhwc", rows, images, columns, optimize=True)


@lru_cache(maxsize=64)
def span_weights(size: int, to: int, method: str, antialias: bool) -> np.ndarray:
    """(to, size): how much of each pixel along an axis goes into each new one; pixel centres are aligned."""
    scale = size / to
    if method == "nearest":
        chosen = np.minimum(np.floor((np.arange(to) + 0.5) * scale).astype(np.int64), size - 1)
        return np.eye(size)[chosen]
    if method == "area":
        starts, pixels = np.arange(to)[:, None] * scale, np.arange(size)
        overlap = np.minimum(starts + scale, pixels + 1) - np.maximum(starts, pixels)
        return np.maximum(overlap, 0) / scale
    centres = (np.arange(to) + 0.5) * scale - 0.5
    widened = max(scale, 1.0) if antialias else 1.0
    if method == "bicubic" and not antialias:  # TensorFlow reads the cubic from a table with this many steps
        centres = np.round(centres * 1024) / 1024
    kernel = resize.KERNELS[method]((centres[:, None] - np.arange(size)) / widened)
    return kernel / kernel.sum(axis=1, keepdims=True)


def resize_image(images: Any, height: int, width: int, method: str = "bilinear", antialias: bool = False) -> Tensor:
    """images (N, H, W, C) -> (N, height, width, C). Raises ShapeError, and DtypeError for whole numbers."""
    images = convert_to_tensor(images)
    if not images.dtype.is_floating:
        raise DtypeError(f"resize: expected floating images, got {images.dtype.name}; tf.cast converts")
    return ResizeImage(height, width, method, antialias)(images)


def _resized(images: TensorSpec, height: int, width: int, what: str) -> Shape:
    if images.rank != 4:
        raise ShapeError(
            f"{what}: expected images (batch, height, width, channels), got {show_shape(images.shape)}; "
            "a reshape adds a missing axis"
        )
    return Shape((images.shape[0], height, width, images.shape[3]))


class ProjectiveTransform(Op):
    """images (N, H, W, C) warped: at (x, y) stands what was at ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k).

    transforms (N or 1, 8) hold a0 a1 a2 b0 b1 b2 c0 c1, and k = c0 x + c1 y + 1.
    Source: TensorFlow's ImageProjectiveTransform.
    """

    interpolation: str = "bilinear"
    fill_mode: str = "reflect"
    fill_value: float = 0.0

    def infer(self, images, transforms):
        return TensorSpec(_resized(images, images.shape[1], images.shape[2], "projective_transform"), images.dtype)

    def forward(self, images, transforms):
        result = np.zeros_like(images)
        for rows, columns, weights in self.reads(images.shape, transforms):
            inside, places = places_of(images.shape, rows, columns)
            read = images.reshape(-1, images.shape[3])[places]
            read[~inside] = self.fill_value
            result += read * weights[..., None].astype(images.dtype)
        return result

    def reads(self, shape, transforms):
        """(rows, columns, weights), each (N, H, W), of the pixels that each new pixel is a weighted sum of."""
        n, height, width, _ = shape
        y, x = np.mgrid[0:height, 0:width].astype(transforms.dtype)
        a0, a1, a2, b0, b1, b2, c0, c1 = np.broadcast_to(transforms, (n, 8)).T[..., None, None]
        k = c0 * x + c1 * y + 1
        in_x = _mapped((a0 * x + a1 * y + a2) / k, width, self.fill_mode)
        in_y = _mapped((b0 * x + b1 * y + b2) / k, height, self.fill_mode)
        if self.interpolation == "nearest":
            return [(_rounded(in_y), _rounded(in_x), np.ones_like(in_x))]
        left, top = np.floor(in_x), np.floor(in_y)
        right, bottom = in_x - left, in_y - top
        return [
            (top, left, (1 - bottom) * (1 - right)),
            (top, left + 1, (1 - bottom) * right),
            (top + 1, left, bottom * (1 - right)),
            (top + 1, left + 1, bottom * right),
        ]

    def vjp_images(self, g, y, images, transforms):
        return ProjectiveTransformGrad(self.interpolation, self.fill_mode)(g, transforms)

    vjp_transforms = None


class ProjectiveTransformGrad(Op):
    """What each pixel of the image gave to g: the transpose of the warping."""

    interpolation: str
    fill_mode: str

    def infer(self, g, transforms):
        return TensorSpec(g.shape, g.dtype)

    def forward(self, g, transforms):
        flat = np.zeros((int(np.prod(g.shape[:3])), g.shape[3]), g.dtype)
        for rows, columns, weights in ProjectiveTransform(self.interpolation, self.fill_mode).reads(
            g.shape, transforms
        ):
            inside, places = places_of(g.shape, rows, columns)
            np.add.at(flat, places, g * (weights * inside)[..., None].astype(g.dtype))
        return flat.reshape(g.shape)

    def vjp_g(self, h, y, g, transforms):
        return ProjectiveTransform(self.interpolation, self.fill_mode)(h, transforms)

    vjp_transforms = None


def places_of(shape: tuple[int, ...], rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels are inside the image, and their places among all the batch's pixels."""
    n, height, width, _ = shape
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    row, column = (np.where(inside, index, 0).astype(np.int64) for index in (rows, columns))
    return inside, (np.arange(n)[:, None, None] * height + row) * width + column


def _rounded(x: np.ndarray) -> np.ndarray:
    """To the nearest whole number, halves away from zero."""
    return np.copysign(np.floor(np.abs(x) + 0.5), x)


def _mapped(x: np.ndarray, size: int, mode: str) -> np.ndarray:
    """Coordinates outside of 0 … size - 1 as `mode` brings them inside."""
    if mode == "constant":
        return x
    if mode == "nearest" or size == 1:
        return np.clip(x, 0, size - 1)
    below, above = x < 0, x > size - 1
    if mode == "reflect":
        period = 2 * size
        low = x + period * np.trunc(-x / period)
        low = np.where(low < -size, low + period, -low - 1)
        high = x - period * np.trunc(x / period)
        high = np.where(high >= size, period - high - 1, high)
    else:
        assert mode == "wrap", mode
        low = x + size * (np.trunc(-x / (size - 1)) + 1)
        high = x - size * np.trunc(x / (size - 1))
    return np.clip(np.where(below, low, np.where(above, high, x)), 0, size - 1)


def projective_transform(
    images: Any, transforms: Any, interpolation: str = "bilinear", fill_mode: str = "reflect", fill_value: float = 0.0
) -> Tensor:
    """images (N, H, W, C) warped by transforms (N or 1, 8). Raises ShapeError."""
    return ProjectiveTransform(interpolation, fill_mode, fill_value)(images, transforms)


class CropAt(Op):
    """images (N, H, W, C) -> (N, height, width, C) from the corner (row, column) on: corners (N or 1, 2) int32."""

    height: int
    width: int

    def infer(self, images, corners):
        shape = _resized(images, self.height, self.width, "crop")
        if any(d is not None and d < size for d, size in zip(images.shape[1:3], shape[1:3], strict=True)):
            raise ShapeError(f"crop: {self.height} x {self.width} do not fit into {show_shape(images.shape)}")
        return TensorSpec(shape, images.dtype)

    def forward(self, images, corners):
        return images[self.index(images.shape[0], corners)]

    def index(self, n, corners):
        rows, columns = np.broadcast_to(corners, (n, 2)).T
        return (
            np.arange(n)[:, None, None],
            (rows[:, None] + np.arange(self.height))[:, :, None],
            (columns[:, None] + np.arange(self.width))[:, None, :],
        )

    def vjp_images(self, g, y, images, corners):
        return CropAtGrad(self.height, self.width)(g, corners, images)

    vjp_corners = None


class CropAtGrad(Op):
    """g at its corners in images like `like`, zero around it."""

    height: int
    width: int

    def infer(self, g, corners, like):
        return TensorSpec(like.shape, g.dtype)

    def forward(self, g, corners, like):
        result = np.zeros(like.shape, g.dtype)
        result[CropAt(self.height, self.width).index(len(g), corners)] = g
        return result

    def vjp_g(self, h, y, g, corners, like):
        return CropAt(self.height, self.width)(h, corners)

    vjp_corners = vjp_like = None


def crop_at(images: Any, corners: Any, height: int, width: int) -> Tensor:
    """(N, height, width, C) of images (N, H, W, C), from corners (N or 1, 2) on. Raises ShapeError."""
    return CropAt(height, width)(images, corners)


def rgb_to_grayscale(images: Any) -> Tensor:
    """images (…, 3) -> (…, 1), weighted as the eye does; a single channel stays. Raises ShapeError."""
    images = convert_to_tensor(images)
    if images.shape[-1] == 1:
        return images
    _expect_rgb(images, "rgb_to_grayscale")
    return matmul(images, np.array([[0.2989], [0.587], [0.114]], images.dtype.numpy))


def rgb_to_hsv(images: Any) -> Tensor:
    """images (…, 3) of red, green, blue -> hue in [0, 1), saturation in [0, 1], value. Raises ShapeError."""
    images = convert_to_tensor(images)
    _expect_rgb(images, "rgb_to_hsv")
    red, green, blue = (images[..., i : i + 1] for i in range(3))
    value = reduce_max(images, -1, keepdims=True)
    span = value - reduce_min(images, -1, keepdims=True)
    grey, black = span <= 0.0, value <= 0.0
    step = 1.0 / (6.0 * where(grey, zeros_like(span) + 1.0, span))
    at_green = where(value == green, step * (blue - red) + 2.0 / 6.0, step * (red - green) + 4.0 / 6.0)
    hue = where(value == red, step * (green - blue), at_green)
    hue = where(grey, zeros_like(hue), where(hue < 0.0, hue + 1.0, hue))
    saturation = where(black, zeros_like(span), span / where(black, zeros_like(value) + 1.0, value))
    return concat([hue, saturation, value], -1)


def hsv_to_rgb(images: Any) -> Tensor:
    """images (…, 3) of hue, saturation, value -> red, green, blue. Raises ShapeError."""
    images = convert_to_tensor(images)
    _expect_rgb(images, "hsv_to_rgb")
    hue, saturation, value = (images[..., i : i + 1] for i in range(3))
    parts = [abs_(hue * 6.0 - 3.0) - 1.0, 2.0 - abs_(hue * 6.0 - 2.0), 2.0 - abs_(hue * 6.0 - 4.0)]
    return concat([(1.0 - saturation + saturation * clip_by_value(p, 0.0, 1.0)) * value for p in parts], -1)


def _expect_rgb(images: Tensor, what: str) -> None:
    if images.shape[-1] != 3:
        raise ShapeError(f"{what}: expected 3 channels (red, green, blue), got images {show_shape(images.shape)}")


def clipped(images: Tensor, value_range: tuple[float, float]) -> Tensor:
    """images within their range."""
    return clip_by_value(images, float(value_range[0]), float(value_range[1]))
