"""Images moved, blurred, erased and mixed, pixel by pixel."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np

from references.images import IN_TRAINING, clip, pair
from references.images import auto_contrast as auto_contrast_layer
from references.reference import Weights, reference

MIDDLE = (slice(None), 0, 0, 0)
"""What is one number an image, (N, 1, 1, 1), as (N,)."""


def inside(x: float, size: int, mode: str) -> float:
    """A coordinate outside of 0 … size - 1 as TensorFlow's ImageProjectiveTransform brings it inside."""
    if mode == "constant" or 0 <= x <= size - 1:
        return x
    if mode == "nearest" or size == 1:
        return min(max(x, 0), size - 1)
    if mode == "wrap":
        x = x + size * (int(-x / (size - 1)) + 1) if x < 0 else x - size * int(x / (size - 1))
    else:
        x = -x - 1 if x < 0 else x
        x = x % (2 * size)
        x = 2 * size - x - 1 if x >= size else x
    return min(max(x, 0), size - 1)


def read(image: np.ndarray, row: float, column: float, interpolation: str, fill: float) -> np.ndarray:
    """The image (H, W, C) between its pixels, `fill` outside."""

    def pixel(i: float, j: float) -> Any:
        there = 0 <= i < image.shape[0] and 0 <= j < image.shape[1]
        return image[int(i), int(j)] if there else np.full(image.shape[2], fill)

    if interpolation == "nearest":
        return pixel(*(math.copysign(math.floor(abs(v) + 0.5), v) for v in (row, column)))
    top, left = math.floor(row), math.floor(column)
    down, right = row - top, column - left
    above = pixel(top, left) * (1 - right) + pixel(top, left + 1) * right
    below = pixel(top + 1, left) * (1 - right) + pixel(top + 1, left + 1) * right
    return above * (1 - down) + below * down


def warped(f: Any, x: np.ndarray, matrices: Any, mode: str | None = None) -> np.ndarray:
    """The images where pixel (column, row, 1) comes from `matrix` times it, each matrix (3, 3)."""
    y, mode = np.empty_like(x), mode or f.fill_mode
    for n, i, j in np.ndindex(*x.shape[:-1]):
        column, row, k = matrices[n] @ (j, i, 1)
        place = inside(row / k, x.shape[1], mode), inside(column / k, x.shape[2], mode)
        y[n, i, j] = read(x[n], *place, f.interpolation, f.fill_value)
    return y


def rotation(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    """About the middle: there, turned, and back."""
    _, h, w, _ = x.shape
    to = np.array([[1, 0, -(w - 1) / 2], [0, 1, -(h - 1) / 2], [0, 0, 1]])
    turns = [
        np.array([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]])
        for a in next(draws)[MIDDLE]
    ]
    return warped(f, x, [np.linalg.inv(to) @ turn @ to for turn in turns])


def zoom(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    _, h, w, _ = x.shape
    down = next(draws)[MIDDLE]
    across = down if f.width_factor is None else next(draws)[MIDDLE]
    return warped(
        f,
        x,
        [
            np.array([[a, 0, (1 - a) * (w - 1) / 2], [0, d, (1 - d) * (h - 1) / 2], [0, 0, 1]])
            for a, d in zip(across, down, strict=True)
        ],
    )


def translation(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    down, across = next(draws)[MIDDLE] * x.shape[1], next(draws)[MIDDLE] * x.shape[2]
    return warped(f, x, [np.array([[1, 0, -a], [0, 1, -d], [0, 0, 1]]) for a, d in zip(across, down, strict=True)])


def shear(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    sign = np.where(next(draws) > 0.5, -1, 1)
    down, across = ((next(draws) * sign)[MIDDLE] for _ in range(2))
    return warped(f, x, [np.array([[1, a, 0], [d, 1, 0], [0, 0, 1]]) for a, d in zip(across, down, strict=True)])


def perspective(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    """The corners move, and the eight numbers of the matrix that moves them back are found."""
    _, h, w, _ = x.shape
    chosen = next(draws)
    chosen = chosen < next(draws)
    corners = [(a, b) for b in (0.0, h - 1.0) for a in (0.0, w - 1.0)]
    stretches = [(next(draws)[MIDDLE], next(draws)[MIDDLE]) for _ in corners]
    matrices = []
    for n in range(len(x)):
        rows, targets = [], []
        for (a, b), (by_a, by_b) in zip(corners, stretches, strict=True):
            to_a, to_b = a * by_a[n], b * by_b[n]
            rows.append([to_a, to_b, 1, 0, 0, 0, -to_a * a, -to_b * a])
            rows.append([0, 0, 0, to_a, to_b, 1, -to_a * b, -to_b * b])
            targets += [a, b]
        matrices.append(np.append(np.linalg.solve(rows, targets), 1).reshape(3, 3))
    return np.where(chosen, warped(f, x, matrices, "constant"), x)


def flip(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    turned = x[:, ::-1] if "vertical" in f.mode else x
    turned = turned[:, :, ::-1] if "horizontal" in f.mode else turned
    return np.where(next(draws) <= 0.5, turned, x)


# neighbourhoods


def sharpness(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    """Each pixel drawn towards or away from the mean of its neighbourhood, in which it counts five times of 13."""
    smooth, framed = np.empty_like(x), np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    for _, i, j in np.ndindex(1, *x.shape[1:3]):
        smooth[:, i, j] = (framed[:, i : i + 3, j : j + 3].sum((1, 2)) + 4 * x[:, i, j]) / 13
    return clip(x + (1 - 2 * next(draws)) * (smooth - x), f.value_range)


def blurred(x: np.ndarray, axis: int, reach: int, sigma: float, cut: float = math.inf) -> np.ndarray:
    """The images' means along an axis, weighted by a bell; outside of them there are zeros."""
    weights = {d: math.exp(-0.5 * (d / sigma) ** 2) for d in range(-reach, reach + 1) if abs(d) <= cut}
    y = np.zeros_like(x)
    for place in range(x.shape[axis]):
        for d, weight in weights.items():
            if 0 <= place + d < x.shape[axis]:
                at = tuple(place if i == axis else slice(None) for i in range(4))
                there = tuple(place + d if i == axis else slice(None) for i in range(4))
                y[at] += x[there] * weight / sum(weights.values())
    return y


def gaussian_blur(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    y, sizes = x, f.kernel_size if isinstance(f.kernel_size, list | tuple) else [f.kernel_size] * 2
    for axis, size in enumerate(sizes, 1):
        y = blurred(y, axis, size // 2, next(draws).item() + 1e-6)
    probability = next(draws)
    return clip(np.where(next(draws) < probability, y, x), f.value_range)


def elastic_transform(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    """Read at places that smoothed noise moves, as far down as to the right."""
    _, h, w, _ = x.shape
    probability = next(draws)
    chosen = next(draws) < probability
    strength = next(draws).item()
    sigma = strength * 0.05 * min(h, w)
    reach = 3 * int(0.05 * min(h, w) * pair(f.scale, 0)[1])
    shift = next(draws) * sigma
    for axis in (1, 2):
        shift = blurred(shift, axis, reach, sigma + 1e-12, 3 * math.floor(sigma))
    shift = shift * strength * 0.1 * max(h, w)
    y = np.empty_like(x)
    for n, i, j in np.ndindex(*x.shape[:-1]):
        row, column = i + shift[n, i, j, 0], j + shift[n, i, j, 0]
        y[n, i, j] = between(x[n], row, column)
    return clip(np.where(chosen, y, x), f.value_range)


def between(image: np.ndarray, row: float, column: float) -> np.ndarray:
    """The image (H, W, C) between its pixels; outside of it stands its mirror image, the edge twice."""

    def pixel(i: int, j: int) -> np.ndarray:
        return np.pad(image, [(image.shape[0],) * 2, (image.shape[1],) * 2, (0, 0)], mode="symmetric")[
            i + image.shape[0], j + image.shape[1]
        ]

    top, left = math.floor(row), math.floor(column)
    down, right = row - top, column - left
    above = pixel(top, left) * (1 - right) + pixel(top, left + 1) * right
    return above * (1 - down) + (pixel(top + 1, left) * (1 - right) + pixel(top + 1, left + 1) * right) * down


# rectangles and mixtures


def rectangle(x: np.ndarray, widths: np.ndarray, heights: np.ndarray, draws: Any) -> np.ndarray:
    """(N, H, W, 1): whether a pixel is in the rectangle of these sizes at a drawn place."""
    _, h, w, _ = x.shape
    lefts, tops = next(draws)[MIDDLE] * (w - widths), next(draws)[MIDDLE] * (h - heights)
    result = np.zeros((*x.shape[:-1], 1), bool)
    for n, i, j in np.ndindex(*x.shape[:-1]):
        result[n, i, j] = lefts[n] <= j < lefts[n] + widths[n] and tops[n] <= i < tops[n] + heights[n]
    return result


def erasing(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    widths, heights = np.sqrt(next(draws)[MIDDLE]) * x.shape[2], np.sqrt(next(draws)[MIDDLE]) * x.shape[1]
    where = rectangle(x, widths, heights, draws)
    chosen = next(draws)
    where = where & (chosen < next(draws))
    filling = next(draws) * f.value_range[1] if f.fill_value is None else np.zeros_like(x) + f.fill_value
    return np.where(where, clip(filling, f.value_range), x)


def beta(draws: Any) -> np.ndarray:
    """Of two numbers of the gamma distribution."""
    first, second = next(draws), next(draws)
    return first / (first + second)


def mix_up(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    others, kept = x[np.argsort(next(draws)[MIDDLE])], beta(draws)
    return kept * x + (1 - kept) * others


def cut_mix(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    next(draws)  # the parameter of the distribution that the next two are drawn from
    ratio = np.sqrt(1 - beta(draws))[MIDDLE]
    where = rectangle(x, ratio * x.shape[2], ratio * x.shape[1], draws)
    return np.where(where, x[np.argsort(next(draws)[MIDDLE])], x)


# choices among the others


def choices(f: Any, with_colors: bool = True) -> list[Any]:
    """(function, fields) of what rand_augment and aug_mix choose from."""
    moved = SimpleNamespace(fill_mode="reflect", fill_value=0.0, interpolation=f.interpolation)
    colored = SimpleNamespace(value_range=f.value_range, bins=256)
    listed = [
        (shear, moved),
        (translation, moved),
        (rotation, moved),
        (IN_TRAINING["random_posterization"], colored),
        (IN_TRAINING["solarization"], colored),
        (lambda g, x, draws: auto_contrast_layer(g, {}, x), colored),
        (IN_TRAINING["equalization"], colored),
    ]
    if with_colors:
        names = ("random_brightness", "random_color_degeneration", "random_contrast")
        listed += [*((IN_TRAINING[name], colored) for name in names), (sharpness, colored)]
    return listed


def one_of(listed: list[Any], x: np.ndarray, draws: Any) -> np.ndarray:
    """The one that was drawn, or none; each draws what it would need."""
    chosen = math.floor(next(draws).item())
    made = [function(fields, x, draws) for function, fields in listed]
    return made[chosen] if chosen < len(made) else x


def rand_augment(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    for _ in range(f.num_ops):
        x = one_of(choices(f), x, draws)
    return x


def aug_mix(f: Any, x: np.ndarray, draws: Any) -> np.ndarray:
    next(draws)  # a place for the parameter of the distributions
    weights = [next(draws) for _ in range(f.num_chains)]
    mixed = np.zeros_like(x)
    for weight in weights:
        version = x
        for _ in range(f.chain_depth):
            version = one_of(choices(f, f.all_ops), version, draws)
        mixed = mixed + version * weight / sum(weights)
    kept = beta(draws)
    return clip(kept * x + (1 - kept) * mixed, f.value_range)


IN_TRAINING |= {
    "random_flip": flip,
    "random_rotation": rotation,
    "random_zoom": zoom,
    "random_translation": translation,
    "random_shear": shear,
    "random_perspective": perspective,
    "random_sharpness": sharpness,
    "random_gaussian_blur": gaussian_blur,
    "random_elastic_transform": elastic_transform,
    "random_erasing": erasing,
    "mix_up": mix_up,
    "cut_mix": cut_mix,
    "rand_augment": rand_augment,
    "aug_mix": aug_mix,
}


def _registered(change: Any) -> Any:
    def layer(f: Any, w: Weights, x: np.ndarray, training: bool, draws: Any) -> np.ndarray:
        return change(f, x, draws) if training else x

    return layer


for _name, _change in IN_TRAINING.items():
    reference(_name)(_registered(_change))
