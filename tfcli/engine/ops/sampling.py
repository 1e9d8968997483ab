"""Images read between their pixels, and values looked up by how frequent they are."""

from typing import Any

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.ops.image import places_of
from tfcli.engine.spec import TensorSpec
from tfcli.engine.tensor import Tensor


class MapCoordinates(Op):
    """images (N, H, W, C) read at coordinates (N, H, W, 2) of row and column; a gradient in the images alone."""

    interpolation: str = "bilinear"
    fill_mode: str = "reflect"
    fill_value: float = 0.0

    def infer(self, images, coordinates):
        return images

    def forward(self, images, coordinates):
        result = np.zeros_like(images)
        for inside, places, weights in self.reads(images.shape, coordinates):
            read = images.reshape(-1, images.shape[3])[places]
            read[~inside] = self.fill_value
            result += read * weights[..., None].astype(images.dtype)
        return result

    def reads(self, shape, coordinates):
        """(inside, places, weights), each (N, H, W), of the pixels that each new pixel is a weighted sum of."""
        rows, columns = coordinates[..., 0], coordinates[..., 1]
        if self.interpolation == "nearest":
            return [self._read(shape, np.round(rows), np.round(columns), np.ones_like(rows))]
        top, left = np.floor(rows), np.floor(columns)
        down, right = rows - top, columns - left
        return [
            self._read(shape, top, left, (1 - down) * (1 - right)),
            self._read(shape, top, left + 1, (1 - down) * right),
            self._read(shape, top + 1, left, down * (1 - right)),
            self._read(shape, top + 1, left + 1, down * right),
        ]

    def _read(self, shape, rows, columns, weights):
        inside, places = places_of(shape, self._fixed(rows, shape[1]), self._fixed(columns, shape[2]))
        return inside, places, weights

    def _fixed(self, index, size):
        """Places outside of 0 … size - 1 as `fill_mode` brings them inside."""
        match self.fill_mode:
            case "constant":
                return index
            case "nearest":
                return np.clip(index, 0, size - 1)
            case "wrap":
                return index % size
            case "mirror":
                return _mirrored(index, size)
        assert self.fill_mode == "reflect", self.fill_mode
        return (_mirrored(2 * index + 1, 2 * size + 1) - 1) // 2

    def vjp_images(self, g, y, images, coordinates):
        return MapCoordinatesGrad(self.interpolation, self.fill_mode)(g, coordinates)

    vjp_coordinates = None


class MapCoordinatesGrad(Op):
    """What each pixel of the image gave to g: the transpose of the reading."""

    interpolation: str
    fill_mode: str

    def infer(self, g, coordinates):
        return g

    def forward(self, g, coordinates):
        flat = np.zeros((int(np.prod(g.shape[:3])), g.shape[3]), g.dtype)
        for inside, places, weights in MapCoordinates(self.interpolation, self.fill_mode).reads(g.shape, coordinates):
            np.add.at(flat, places, g * (weights * inside)[..., None].astype(g.dtype))
        return flat.reshape(g.shape)

    def vjp_g(self, h, y, g, coordinates):
        return MapCoordinates(self.interpolation, self.fill_mode)(h, coordinates)

    vjp_coordinates = None


def _mirrored(index: np.ndarray, size: int) -> np.ndarray:
    last = max(size - 1, 1)
    return np.abs((index + last) % (2 * last) - last)


def map_coordinates(
    images: Any,
    coordinates: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
) -> Tensor:
    """images (N, H, W, C) read at coordinates (N, H, W, 2) of row and column."""
    return MapCoordinates(interpolation, fill_mode, fill_value)(images, coordinates)


class Equalize(Op):
    """images (N, H, W, C) with values of 0 … 255, spread evenly channel by channel; `apart`: also image by image.

    A channel whose values all count as one stays as it is. Without a gradient: it counts.
    """

    bins: int = 256
    apart: bool = False

    vjp_images = None

    def infer(self, images):
        return TensorSpec(images.shape, images.dtype)

    def forward(self, images):
        parts = images[:, None] if self.apart else images[None]
        equalized = [np.stack([self._channel(part[..., i]) for i in range(part.shape[-1])], -1) for part in parts]
        return np.reshape(equalized, images.shape).astype(images.dtype)

    def _channel(self, values):
        places = np.clip(values / 255.0 * (self.bins - 1), 0, self.bins - 1).astype(np.int64)
        counts = np.bincount(places.ravel(), minlength=self.bins)
        if np.count_nonzero(counts) <= 1:
            return values
        below = counts.cumsum()
        least = below[np.nonzero(below)[0][0]]
        return np.round((below - least) * 255 / (below[-1] - least))[places]


def equalized(images: Any, bins: int = 256, apart: bool = False) -> Tensor:
    """images (N, H, W, C) with values of 0 … 255, spread evenly."""
    return Equalize(bins, apart)(images)


class EqualizeTiles(Op):
    """images (N, H, W, C) with values of 0 … 255, spread evenly tile by tile, and between the tiles' middles mixed.

    `clip_limit` times the mean is the most that one value counts. Without a gradient: it counts.
    Source: Zuiderveld, "Contrast limited adaptive histogram equalization", 1994.
    """

    rows: int = 8
    columns: int = 8
    clip_limit: float = 4.0

    vjp_images = None

    def infer(self, images):
        return TensorSpec(images.shape, images.dtype)

    def forward(self, images):
        height, width = images.shape[1:3]
        tile = -(-height // self.rows), -(-width // self.columns)
        sides = [(0, n * size - d) for n, size, d in zip((self.rows, self.columns), tile, (height, width), strict=True)]
        padded = np.pad(images, [(0, 0), *sides, (0, 0)], mode="symmetric")
        levels = np.clip(padded, 0, 255).astype(np.int64)
        curves = self._curves(levels, tile)
        top, bottom, down = _between(height, tile[0], self.rows)
        left, right, across = _between(width, tile[1], self.columns)
        levels = levels[:, :height, :width]

        def read(row, column):
            n, c = np.arange(len(images))[:, None, None, None], np.arange(images.shape[3])
            return curves[n, row[:, None, None], column[:, None], c, levels]

        above = read(top, left) * (1 - across) + read(top, right) * across
        below = read(bottom, left) * (1 - across) + read(bottom, right) * across
        return (above * (1 - down[:, None]) + below * down[:, None]).astype(images.dtype)

    def _curves(self, levels, tile):
        """(N, rows, columns, C, 256): what becomes of each value in each tile."""
        n, channels, size = levels.shape[0], levels.shape[3], tile[0] * tile[1]
        tiles = levels.reshape(n, self.rows, tile[0], self.columns, tile[1], channels)
        flat = tiles.transpose(0, 1, 3, 5, 2, 4).reshape(-1, size)
        places = np.arange(len(flat))[:, None] * 256 + flat
        counts = np.bincount(places.ravel(), minlength=len(flat) * 256).reshape(-1, 256).astype(np.float64)
        if self.clip_limit > 0:
            kept = np.minimum(counts, self.clip_limit * size / 256)
            counts = kept + (counts - kept).sum(axis=1, keepdims=True) / 256
        below = counts.cumsum(axis=1)
        least = below.min(axis=1, keepdims=True)
        rest = np.where(size == least, 1.0, size - least)
        return np.clip((below - least) * 255 / rest, 0, 255).reshape(n, self.rows, self.columns, channels, 256)


def _between(size, tile, count):
    """For each pixel along an axis the tiles before and behind it, (size,) each, and how near the second is, (size, 1).

    At the border both are the last tile.
    """
    place = (np.arange(size) - tile / 2) / tile
    first = np.floor(place).astype(np.int64)
    nearness = (place - first)[:, None]
    return np.clip(first, 0, count - 1), np.clip(first + 1, 0, count - 1), nearness


def equalized_tiles(images: Any, tiles: tuple[int, int] = (8, 8), clip_limit: float = 4.0) -> Tensor:
    """images (N, H, W, C) with values of 0 … 255, spread evenly in each of (rows, columns) tiles."""
    return EqualizeTiles(*tiles, clip_limit)(images)
