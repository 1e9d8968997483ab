"""Products with kernels, tables of vectors, shapes, and several inputs made one."""

import itertools
import string
from typing import Any

import numpy as np

from references.activations import activate
from references.reference import Weights, reference, several


@reference("dense")
def dense(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return activate(f.activation, np.einsum("...c,cu->...u", x, w["kernel"]) + w.get("bias", 0))


@reference("einsum_dense")
def einsum_dense(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return activate(f.activation, np.einsum(f.equation, x, w["kernel"]) + w.get("bias", 0))


@reference("random_fourier_features")
def random_fourier_features(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return np.cos(np.einsum("...c,cd->...d", x, w["unscaled_kernel"]) / w["kernel_scale"] + w["bias"])


@reference("identity", "activity_regularization")
def identity(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return x


@reference("lambda")
def doubled(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    """The function of the case."""
    return 2 * x


@reference("embedding")
def embedding(f: Any, w: Weights, ids: np.ndarray) -> np.ndarray:
    return np.array([w["embeddings"][i] for i in ids.ravel()]).reshape(*ids.shape, f.output_dim)


@reference("position_embedding")
def position_embedding(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return np.array([[step + w["embeddings"][t] for t, step in enumerate(example)] for example in x])


@reference("masking")
def masking(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return np.array([[step if (step != f.mask_value).any() else 0 * step for step in example] for example in x])


# several inputs


def aligned(xs: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    """The inputs with axes of size 1 behind the batch until all have equally many."""
    rank = max(x.ndim for x in xs)
    return [x.reshape(x.shape[0], *[1] * (rank - x.ndim), *x.shape[1:]) for x in xs]


@reference("add")
def add(f: Any, w: Weights, *xs: np.ndarray) -> np.ndarray:
    return sum(aligned(xs))


@reference("subtract")
def subtract(f: Any, w: Weights, *xs: np.ndarray) -> np.ndarray:
    a, b = aligned(xs)
    return a - b


@reference("average")
def average(f: Any, w: Weights, *xs: np.ndarray) -> np.ndarray:
    return sum(aligned(xs)) / len(xs)


@reference("multiply")
def multiply(f: Any, w: Weights, *xs: np.ndarray, masks: list[Any]) -> np.ndarray:
    """What is masked counts as 1; where all of it is, the product is 0."""
    shown = tuple(x if m is None else np.where(m[..., None], x, 1) for x, m in zip(xs, masks, strict=True))
    product = np.prod(np.broadcast_arrays(*aligned(shown)), axis=0)
    return product if masks[0] is None else product * np.any(masks, axis=0)[..., None]


def extreme(worst: float, chosen: Any, xs: tuple[np.ndarray, ...], masks: list[Any]) -> np.ndarray:
    """The extreme of what is shown; where all of it is masked, the first input."""
    if masks[0] is None:
        return chosen(np.broadcast_arrays(*aligned(xs)), axis=0)
    shown = [np.where(m[..., None], x, worst) for x, m in zip(xs, masks, strict=True)]
    return np.where(np.any(masks, axis=0)[..., None], chosen(shown, axis=0), xs[0])


@reference("maximum")
def maximum(f: Any, w: Weights, *xs: np.ndarray, masks: list[Any]) -> np.ndarray:
    return extreme(-np.inf, np.max, xs, masks)


@reference("minimum")
def minimum(f: Any, w: Weights, *xs: np.ndarray, masks: list[Any]) -> np.ndarray:
    return extreme(np.inf, np.min, xs, masks)


@reference("concatenate")
def concatenate(f: Any, w: Weights, *xs: np.ndarray) -> np.ndarray:
    return np.concatenate(xs, f.axis)


@reference("dot")
def dot(f: Any, w: Weights, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    i, j = (axis % v.ndim for axis, v in zip(several(f.axes, 2), (x, y), strict=True))
    if f.normalize:
        x = x / np.sqrt(np.sum(x**2, i, keepdims=True))
        y = y / np.sqrt(np.sum(y**2, j, keepdims=True))
    of_x, of_y = list(string.ascii_lowercase[: x.ndim]), list(string.ascii_uppercase[: y.ndim])
    of_y[0], of_y[j] = of_x[0], of_x[i]
    kept = [label for label in of_x + of_y[1:] if label != of_x[i]]
    product = np.einsum(f"{''.join(of_x)},{''.join(of_y)}->{''.join(kept)}", x, y)
    return product[:, None] if product.ndim == 1 else product


# shapes


@reference("flatten")
def flatten(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1)


@reference("reshape")
def reshape(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), *f.target_shape)


@reference("permute")
def permute(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return x.transpose(0, *f.dims)


@reference("repeat_vector")
def repeat_vector(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return np.stack([x] * f.n, axis=1)


def sides(value: Any, rank: int) -> list[list[int]]:
    """(before, after) for each axis: of one number, of a number for each axis, or of pairs."""
    if rank == 1:
        return [several(value, 2)]
    return [several(v, 2) for v in several(value, rank)]


@reference("cropping1d", "cropping2d", "cropping3d")
def cropping(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    for axis, (before, after) in enumerate(sides(f.cropping, x.ndim - 2), 1):
        x = x.take(range(before, x.shape[axis] - after), axis)
    return x


@reference("zero_padding1d", "zero_padding2d", "zero_padding3d")
def zero_padding(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    pairs = sides(f.padding, x.ndim - 2)
    sizes = [size + before + after for size, (before, after) in zip(x.shape[1:-1], pairs, strict=True)]
    padded = np.zeros((len(x), *sizes, x.shape[-1]))
    for place in itertools.product(*map(range, x.shape[1:-1])):
        to = tuple(p + before for p, (before, _) in zip(place, pairs, strict=True))
        padded[(slice(None), *to)] = x[(slice(None), *place)]
    return padded
