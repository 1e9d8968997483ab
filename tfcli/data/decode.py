"""Pictures and sound in tensors: `tf.io.decode_png` and its kin, `tf.audio.decode_wav`.

What they need of a file is computed anew each time, and depends on the bytes alone: calls may run side by side.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfcli.data.images import FORMATS, decode_image, encode_image
from tfcli.data.wav import decode_wav as decode_wav_bytes
from tfcli.data.wav import encode_wav as encode_wav_bytes
from tfcli.engine.ops.debugging import PyFunction
from tfcli.engine.spec import Shape, TensorSpec, as_dtype, float32, int32
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import DataError

TEXT = as_dtype("string")
BYTE = as_dtype("uint8")


class Decode(PyFunction, abstract=True):
    """A function of arrays whose results depend on its inputs alone."""

    stateful = effect = False


def decoded(function: Callable[..., Any], inputs: Sequence[Any], specs: Sequence[TensorSpec]) -> list[Tensor]:
    """What `function` makes of the inputs' arrays: arrays that fit `specs`, also inside a traced function."""
    result = Decode(function, tuple(specs), False)(*[convert_to_tensor(x) for x in inputs])
    return list(result) if isinstance(result, tuple) else [result]


def _picture(contents: Any, channels: int, formats: Sequence[str], what: str, dtype: Any) -> Tensor:
    wanted = as_dtype(dtype)
    if channels not in (0, 1, 3, 4) or wanted not in (BYTE, float32):
        raise DataError(f"{what}: expected channels 0, 1, 3 or 4 and dtype uint8, got {channels} and {wanted.name}")

    def function(content: np.ndarray) -> list[np.ndarray]:
        pixels = decode_image(content.item(), channels, what, formats)
        return [pixels if wanted == BYTE else pixels.astype(np.float32) / np.float32(255)]

    return decoded(function, [contents], [TensorSpec(Shape((None, None, channels or None)), wanted)])[0]


def decode_png(contents: Any, channels: int = 0, dtype: Any = "uint8", name: str | None = None) -> Tensor:
    """A PNG picture, (H, W, C) of uint8. Raises DataError."""
    return _picture(contents, channels, FORMATS, "decode_png", dtype)


def decode_jpeg(
    contents: Any,
    channels: int = 0,
    ratio: int = 1,
    fancy_upscaling: bool = True,
    try_recover_truncated: bool = False,
    acceptable_fraction: float = 1,
    dct_method: str = "",
    name: str | None = None,
) -> Tensor:
    """A JPEG picture, (H, W, C) of uint8. Raises DataError, also for settings that change its pixels."""
    if ratio != 1 or not fancy_upscaling or try_recover_truncated or acceptable_fraction != 1:
        raise DataError("decode_jpeg: pictures are decoded whole and at their size; leave ratio and the like out")
    return _picture(contents, channels, FORMATS, "decode_jpeg", "uint8")


def decode_bmp(contents: Any, channels: int = 0, name: str | None = None) -> Tensor:
    """A BMP picture, (H, W, C) of uint8. Raises DataError."""
    return _picture(contents, channels, ("BMP",), "decode_bmp", "uint8")


def decode_image_tensor(
    contents: Any, channels: int = 0, dtype: Any = "uint8", name: str | None = None, expand_animations: bool = True
) -> Tensor:
    """A PNG, JPEG or BMP picture, or a GIF's first, (H, W, C): uint8, or float32 from 0 to 1. Raises DataError."""
    return _picture(contents, channels, FORMATS, "decode_image", dtype)


def encode_png(image: Any, compression: int = -1, name: str | None = None) -> Tensor:
    """The PNG file of a picture (H, W, C) of uint8."""
    level = 6 if compression < 0 else compression
    return _encoded(image, lambda pixels: encode_image(pixels, "PNG", compress_level=level))


def encode_jpeg(image: Any, format: str = "", quality: int = 95, name: str | None = None) -> Tensor:
    """The JPEG file of a picture (H, W, 1 or 3) of uint8."""
    return _encoded(image, lambda pixels: encode_image(pixels, "JPEG", quality=quality))


def _encoded(image: Any, function: Callable[[np.ndarray], bytes]) -> Tensor:
    tensor = convert_to_tensor(image)
    if tensor.dtype != BYTE or tensor.ndim != 3:
        raise DataError(f"expected a picture (height, width, channels) of uint8, got {tensor.spec}")
    return decoded(lambda pixels: [np.array(function(pixels), object)], [tensor], [TensorSpec(Shape(()), TEXT)])[0]


def decode_wav(
    contents: Any, desired_channels: int = -1, desired_samples: int = -1, name: str | None = None
) -> tuple[Tensor, Tensor]:
    """(samples (N, C) of float32 from -1 to 1, samples a second) of a WAV file; cut or filled up with silence where
    numbers are desired. Raises DataError."""

    def function(content: np.ndarray) -> list[np.ndarray]:
        samples, rate = decode_wav_bytes(content.item(), "decode_wav")
        if desired_channels > 0:
            samples = _fitted(samples, desired_channels, 1)
        if desired_samples >= 0:
            samples = _fitted(samples, desired_samples, 0)
        return [samples, np.array(rate, np.int32)]

    shape = Shape(
        (desired_samples if desired_samples >= 0 else None, desired_channels if desired_channels > 0 else None)
    )
    samples, rate = decoded(function, [contents], [TensorSpec(shape, float32), TensorSpec(Shape(()), int32)])
    return samples, rate


def _fitted(samples: np.ndarray, size: int, axis: int) -> np.ndarray:
    if axis == 1 and samples.shape[1] == 1:
        return np.repeat(samples, size, axis=1)
    cut = samples[:size] if axis == 0 else samples[:, :size]
    widths = [(0, 0), (0, 0)]
    widths[axis] = (0, size - cut.shape[axis])
    return np.pad(cut, widths)


def encode_wav(audio: Any, sample_rate: Any, name: str | None = None) -> Tensor:
    """The 16-bit WAV file of samples (N, C) from -1 to 1."""
    function = lambda samples, rate: [np.array(encode_wav_bytes(samples, int(rate)), object)]  # noqa: E731
    return decoded(function, [audio, sample_rate], [TensorSpec(Shape(()), TEXT)])[0]


def serialize_tensor(tensor: Any, name: str | None = None) -> Tensor:
    """A tensor as a TensorProto message."""
    from tfcli.data.dataset.tensors import serialized

    return decoded(lambda x: [np.array(serialized(x), object)], [tensor], [TensorSpec(Shape(()), TEXT)])[0]


def parse_tensor(serialized: Any, out_type: Any, name: str | None = None) -> Tensor:
    """The tensor of a TensorProto message. Raises DataError."""
    from tfcli.data.dataset.tensors import parsed

    content, wanted = convert_to_tensor(serialized).item(), as_dtype(out_type)
    array = parsed(content)
    if as_dtype(array.dtype) != wanted:
        raise DataError(f"parse_tensor: the message holds {as_dtype(array.dtype).name}, out_type says {wanted.name}")
    return Tensor(array)
