"""Pictures in folders."""

from collections.abc import Sequence

import numpy as np

from tfcli.data.files import Blob
from tfcli.data.images import CHANNELS, ColorMode, decode_image
from tfcli.data.sources.folders import FolderSource, refuse_different_shapes
from tfcli.declare import PositiveInt
from tfcli.engine.ops.image import resize_image
from tfcli.engine.preprocessing.images import Interpolation


class ImageFolder(FolderSource, name="image_folder"):
    """PNG, JPEG, BMP and GIF pictures in a folder for each class, as Keras's `image_dataset_from_directory` reads them.

    Input `image` (H, W, C), label `label`. With an `image_size` pictures are float32 from 0 to 255, as in Keras;
    without one all must have the same size, and stay uint8.
    """

    image_size: tuple[PositiveInt, PositiveInt] | None = None
    """[height, width] to resize pictures to."""
    color_mode: ColorMode = "rgb"
    interpolation: Interpolation = "bilinear"

    suffixes = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
    column = "image"

    def decode(self, blob: Blob) -> np.ndarray:
        pixels = decode_image(blob.read(), CHANNELS[self.color_mode], blob.name)
        if self.image_size is None or pixels.shape[:2] == self.image_size:
            return pixels
        images = pixels[None].astype(np.float32)
        return resize_image(images, *self.image_size, self.interpolation).array[0]

    def stacked(self, arrays: list[np.ndarray], blobs: Sequence[Blob]) -> np.ndarray:
        refuse_different_shapes(arrays, blobs, "; `image_size: [height, width]` makes them alike")
        images = np.stack(arrays)
        return images if self.image_size is None else images.astype(np.float32, copy=False)
