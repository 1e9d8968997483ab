"""Images (N, H, W, C) brought to a size, and their colours changed."""

import colorsys
import math
from typing import Any

import numpy as np

from references.reference import Weights, reference, several


def pair(value: Any, low: float, symmetric: bool = True) -> tuple[float, float]:
    """The range that a factor stands for."""
    if isinstance(value, list | tuple):
        return min(value), max(value)
    return (max(-abs(value), low) if symmetric else 0.0), abs(value)


def clip(x: np.ndarray, value_range: Any) -> np.ndarray:
    return np.clip(x, min(value_range), max(value_range))


# sizes


def keys_cubic(d: float) -> float:
    d = abs(d)
    return 1.5 * d**3 - 2.5 * d**2 + 1 if d <= 1 else -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2 if d < 2 else 0.0


def lanczos(radius: int) -> Any:
    return lambda d: float(np.sinc(d) * np.sinc(d / radius)) if abs(d) < radius else 0.0


KERNELS = {
    "bilinear": lambda d: max(1 - abs(d), 0.0),
    "bicubic": keys_cubic,
    "lanczos3": lanczos(3),
    "lanczos5": lanczos(5),
}


def shares(size: int, to: int, method: str, antialias: bool) -> np.ndarray:
    """(to, size): how much of each old pixel is in each new one."""
    scale, matrix = size / to, np.zeros((to, size))
    for new in range(to):
        centre = (new + 0.5) * scale
        if method == "nearest":
            matrix[new, min(int(centre), size - 1)] = 1
        for old in range(size):
            if method == "area":
                matrix[new, old] = max(min((new + 1) * scale, old + 1) - max(new * scale, old), 0)
            elif method != "nearest":
                place = centre - 0.5
                if method == "bicubic" and not antialias:  # TensorFlow knows the cubic at these places
                    place = round(place * 1024) / 1024
                matrix[new, old] = KERNELS[method]((place - old) / (max(scale, 1) if antialias else 1))
    return matrix / matrix.sum(1, keepdims=True)


def resized(x: np.ndarray, height: int, width: int, method: str = "bilinear", antialias: bool = False) -> np.ndarray:
    rows, columns = shares(x.shape[1], height, method, antialias), shares(x.shape[2], width, method, antialias)
    return np.einsum("hi,wj,nijc->nhwc", rows, columns, x)


def to_ratio(x: np.ndarray, height: int, width: int) -> np.ndarray:
    """The greatest middle part of that aspect ratio."""
    _, h, w, _ = x.shape
    kept_h, kept_w = min(h, w * height // width), min(w, h * width // height)
    top, left = (h - kept_h) // 2, (w - kept_w) // 2
    return x[:, top : top + kept_h, left : left + kept_w]


@reference("resizing")
def resizing(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    if f.crop_to_aspect_ratio:
        x = to_ratio(x, f.height, f.width)
    if f.pad_to_aspect_ratio:
        _, h, wide, _ = x.shape
        down = (max(h, wide * f.height // f.width) - h) // 2
        across = (max(wide, h * f.width // f.height) - wide) // 2
        x = np.pad(x, [(0, 0), (down, down), (across, across), (0, 0)], constant_values=f.fill_value)
    return resized(x, f.height, f.width, f.interpolation, f.antialias)


@reference("center_crop")
def center_crop(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    _, h, wide, _ = x.shape
    if h < f.height or wide < f.width:
        return resized(to_ratio(x, f.height, f.width), f.height, f.width)
    top, left = (h - f.height) // 2, (wide - f.width) // 2
    return x[:, top : top + f.height, left : left + f.width]


@reference("up_sampling1d", "up_sampling2d", "up_sampling3d")
def up_sampling(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    sizes = several(f.size, x.ndim - 2)
    if getattr(f, "interpolation", "nearest") != "nearest":
        return resized(x, x.shape[1] * sizes[0], x.shape[2] * sizes[1], f.interpolation)
    for axis, size in enumerate(sizes, 1):
        x = np.repeat(x, size, axis)
    return x


@reference("random_crop")
def random_crop(f: Any, w: Weights, x: np.ndarray, training: bool, draws: Any) -> np.ndarray:
    """One corner for the whole batch."""
    if not training:
        return x
    if x.shape[1] <= f.height or x.shape[2] <= f.width:
        return resized(to_ratio(x, f.height, f.width), f.height, f.width)
    top, left = (int(next(draws).item()) for _ in range(2))
    return x[:, top : top + f.height, left : left + f.width]


# colours


@reference("auto_contrast")
def auto_contrast(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    low, high = x.min((1, 2), keepdims=True), x.max((1, 2), keepdims=True)
    bottom, top = min(f.value_range), max(f.value_range)
    stretched = (x - low) / np.where(high > low, high - low, 1) * (top - bottom) + bottom
    return np.where(high > low, clip(stretched, f.value_range), x)


@reference("contrast_limited_adaptive_histogram_equalization")
def clahe(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    """Each pixel as the four tiles whose middles are nearest see it, weighted by how near they are."""
    bottom, top = f.value_range
    levels = np.clip((x - bottom) * 255 / (top - bottom), 0, 255).astype(int)
    (rows, columns), (_, h, wide, _) = f.tile_grid_size, x.shape
    down, across = -(-h // rows), -(-wide // columns)
    padded = np.pad(levels, [(0, 0), (0, rows * down - h), (0, columns * across - wide), (0, 0)], mode="symmetric")

    def seen(n: int, i: int, j: int, c: int, level: int) -> float:
        """What a tile, or the last one at the border, makes of a value."""
        i, j = np.clip(i, 0, rows - 1), np.clip(j, 0, columns - 1)
        tile = padded[n, i * down : (i + 1) * down, j * across : (j + 1) * across, c]
        counts = np.array([np.count_nonzero(tile == v) for v in range(256)], float)
        if f.clip_limit > 0:
            most = f.clip_limit * tile.size / 256
            counts = np.minimum(counts, most) + np.maximum(counts - most, 0).sum() / 256
        below, least = counts[: level + 1].sum(), counts[0]
        return float(np.clip((below - least) * 255 / (tile.size - least or 1), 0, 255))

    y = np.zeros_like(x)
    for n, i, j, c in np.ndindex(*x.shape):
        row, column = (i - down / 2) / down, (j - across / 2) / across
        for a in (math.floor(row), math.floor(row) + 1):
            for b in (math.floor(column), math.floor(column) + 1):
                share = (1 - abs(row - a)) * (1 - abs(column - b))
                y[n, i, j, c] += share * seen(n, a, b, c, levels[n, i, j, c])
    return y * (top - bottom) / 255 + bottom


def grey(x: np.ndarray) -> np.ndarray:
    return np.repeat(x @ np.array([[0.2989], [0.587], [0.114]]), 3, -1)


def in_hsv(x: np.ndarray, change: Any) -> np.ndarray:
    """Each pixel as hue, saturation and value, changed, and back. `change` also gets the number of the image."""
    y = np.empty_like(x)
    for place in np.ndindex(*x.shape[:-1]):
        hsv = to_hsv(*x[place])
        y[place] = colorsys.hsv_to_rgb(*change(hsv, place[0]))
    return y


def to_hsv(r: float, g: float, b: float) -> tuple[float, float, float]:
    """As TensorFlow does for any numbers: the saturation of what is not above 0 is 0."""
    hue, _, value = colorsys.rgb_to_hsv(r, g, b)
    span = max(r, g, b) - min(r, g, b)
    return hue, (span / value if value > 0 else 0.0), value


def brightness(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    bottom, top = sorted(f.value_range)
    return clip(x + next(draws) * (top - bottom), f.value_range)


def contrast(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    mean = x.mean((1, 2), keepdims=True)
    return clip((x - mean) * next(draws) + mean, f.value_range)


def saturation(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    drawn = next(draws).ravel()

    def change(hsv: Any, image: int) -> Any:
        h, s, v = hsv
        return h, clip(s * drawn[image] / (1 - drawn[image] + 1e-7), f.value_range), v

    return in_hsv(x, change)


def hue(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    bottom, top = f.value_range
    direction, turn = next(draws).ravel(), next(draws).ravel() * 0.5

    def change(hsv: Any, image: int) -> Any:
        h, s, v = hsv
        return (h - turn[image] if direction[image] > 0.5 else h + turn[image]) % 1, s, v

    return clip(in_hsv((x - bottom) / (top - bottom), change), (0, 1)) * (top - bottom) + bottom


def color_jitter(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    for name, change in (
        ("brightness", brightness),
        ("contrast", contrast),
        ("saturation", saturation),
        ("hue", hue),
    ):
        if getattr(f, f"{name}_factor") is not None:
            x = change(f, x, draws)
    return x


def degeneration(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    part = next(draws)
    return clip(x + part * (grey(x) - x), f.value_range)


def grayscale(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    return np.where(next(draws) < f.factor, grey(x), x)


def invert(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    probability = next(draws)
    return np.where(next(draws) < probability, f.value_range[1] - x, x)


def posterization(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    """The highest bits of each colour, of 8."""
    bottom, top = sorted(f.value_range)
    scale = 255 / (top - bottom)
    step = 2 ** (8 - np.floor(next(draws)))
    return np.floor(np.floor(np.clip((x - bottom) * scale, 0, 255)) / step) * step / scale + bottom


def solarization(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    bottom, top = sorted(f.value_range)
    scale = 255 / (top - bottom)
    values = np.clip((x - bottom) * scale + next(draws), 0, 255)
    return np.where(values < next(draws), values, 255 - values) / scale + bottom


def equalization(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    """Each value as the part of the batch's that are not above it, channel by channel; the least bin is 0."""
    bottom, top = sorted(f.value_range)
    scale = 255 / (top - bottom)
    y = np.empty_like(x)
    for channel in range(x.shape[-1]):
        values = (x[..., channel] - bottom) * scale
        bins = np.clip(values / 255 * (f.bins - 1), 0, f.bins - 1).astype(int)
        least = np.count_nonzero(bins == bins.min())
        if least < bins.size:
            above = np.vectorize(lambda b, bins=bins: np.count_nonzero(bins <= b))(bins)
            values = np.round((above - least) * 255 / (bins.size - least))
        y[..., channel] = values / scale + bottom
    return y


IN_TRAINING = {
    "random_brightness": brightness,
    "random_contrast": contrast,
    "random_saturation": saturation,
    "random_hue": hue,
    "random_color_jitter": color_jitter,
    "random_color_degeneration": degeneration,
    "random_grayscale": grayscale,
    "random_invert": invert,
    "random_posterization": posterization,
    "solarization": solarization,
    "equalization": equalization,
}
"""(fields, images, draws) -> the images that training sees; outside of training all leave them alone."""
