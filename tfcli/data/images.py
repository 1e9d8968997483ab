"""Pictures: PNG, JPEG, BMP and GIF files as arrays (H, W, C) of uint8."""

import io
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Literal, TypeVar

import numpy as np

from tfcli.data.png import decode_plain_png
from tfcli.data.threads import usable_processors
from tfcli.errors import DataError

ColorMode = Literal["rgb", "rgba", "grayscale"]
CHANNELS: dict[ColorMode, int] = {"grayscale": 1, "rgb": 3, "rgba": 4}
FORMATS = ("PNG", "JPEG", "BMP", "GIF")
MOST_PIXELS = 89_478_485
"""Pillow's own limit: a file of some bytes may claim any size."""
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_ALWAYS_ALLOWED = 2**22
_MOST_PIXELS_A_BYTE = 4096
"""More than one colour alone takes in any of the formats."""
_WORTH_THREADS = 64
_AT_ONCE = 32

T = TypeVar("T")
R = TypeVar("R")


def decode_image(content: bytes, channels: int, where: str, formats: Sequence[str] = FORMATS) -> np.ndarray:
    """A picture (H, W, channels); `channels` 0 takes the file's own. Raises DataError, also for absurd sizes."""
    if "PNG" in formats and (plain := decode_plain_png(content, channels, MOST_PIXELS)) is not None:
        return plain
    Image = _pillow()
    try:
        image = Image.open(io.BytesIO(content), formats=tuple(formats))
        _refuse_absurd(image.size, len(content), where)
        return _pixels(image, channels)
    except Image.UnidentifiedImageError as error:
        raise DataError(f"{where}: is not a {' or '.join(formats)} picture") from error
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{where}: the picture is damaged: {error}") from error


@cache
def _pillow() -> Any:
    """PIL.Image, which need not warn of large pictures: those that are too large are refused."""
    from PIL import Image

    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    return Image


def _refuse_absurd(size: tuple[int, int], stored: int, where: str) -> None:
    if math.prod(size) > max(_ALWAYS_ALLOWED, _MOST_PIXELS_A_BYTE * stored):
        raise DataError(
            f"{where}: claims {size[0]} x {size[1]} pixels in {stored:,} bytes; it is damaged or made to harm"
        )
    if math.prod(size) > MOST_PIXELS:
        raise DataError(f"{where}: claims to be a picture of {size[0]} x {size[1]} pixels, more than {MOST_PIXELS:,}")


def _pixels(image: Any, channels: int) -> np.ndarray:
    if image.mode.startswith("I"):  # 16 bits a pixel: the upper eight, as TensorFlow gives them
        grey = (np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8)[..., None]
        return grey if channels in (0, 1) else np.repeat(grey, channels, axis=2)
    mode = _MODES[channels] if channels else _own_mode(image)
    converted = image if image.mode == mode else image.convert(mode)
    # A third quicker than the array interface that np.asarray goes through.
    return np.frombuffer(converted.tobytes(), np.uint8).reshape(image.height, image.width, len(mode))


def _own_mode(image: Any) -> str:
    if image.mode in _MODES.values():
        return image.mode
    if image.mode == "P":
        return "RGBA" if "transparency" in image.info else "RGB"
    return "L" if image.mode == "1" else "RGB"


def encode_image(pixels: np.ndarray, format: str, **settings: Any) -> bytes:
    """The file of a picture (H, W, C) of uint8."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(out, format, **settings)
    return out.getvalue()


def in_parallel(function: Callable[[T], R], items: Sequence[T]) -> Iterator[Callable[[], R]]:
    """For each item, in order, what gives `function` of it or raises its error; computed by a thread a core."""
    threads = usable_processors()
    if len(items) < _WORTH_THREADS or threads < 2:
        yield from ((lambda item=item: function(item)) for item in items)  # type: ignore[misc]
        return

    def run(part: Iterable[T]) -> list[Callable[[], R]]:
        return [_outcome(function, item) for item in part]

    with ThreadPoolExecutor(threads) as pool:
        parts = [items[i : i + _AT_ONCE] for i in range(0, len(items), _AT_ONCE)]
        for outcomes in pool.map(run, parts):
            yield from outcomes


def _outcome(function: Callable[[T], R], item: T) -> Callable[[], R]:
    try:
        result = function(item)
    except DataError as error:
        return lambda error=error: _raise(error)  # type: ignore[misc]
    return lambda: result


def _raise(error: DataError) -> Any:
    raise error
