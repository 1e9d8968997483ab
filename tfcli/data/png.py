"""PNG files as most of them are: 8 bits a channel, no palette, not interlaced. Pillow reads the others.

Pillow spends more on finding out what a small file is than on its pixels. Here a file's chunks are looked through,
zlib unpacks it, and a compiled loop undoes the filters (PNG specification, third edition, chapter 9).
"""

import functools
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from tfcli.engine.kernels.jit import available
from tfcli.engine.kernels.loops import Bytes, compiled_loops

_BEGINNING = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR"
_HEADER = struct.Struct(">IIBBBBBI")
_CHUNK = struct.Struct(">I4s")
_CHECKSUM = struct.Struct(">I")
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}
"""By the number of a color type."""
_WITHOUT_PIXELS = frozenset(
    (
        b"bKGD",
        b"cHRM",
        b"eXIf",
        b"gAMA",
        b"hIST",
        b"iCCP",
        b"iTXt",
        b"pHYs",
        b"sBIT",
        b"sRGB",
        b"tEXt",
        b"tIME",
        b"zTXt",
    )
)
"""Chunks that change no pixel."""


def decode_plain_png(content: bytes, channels: int, most_pixels: int) -> np.ndarray | None:
    """The picture (H, W, channels); None for a file that is no whole and plain PNG file of as many channels (0: any)
    and at most so many pixels.
    """
    if not available() or not content.startswith(_BEGINNING):
        return None
    try:
        width, height, *kind, checksum = _HEADER.unpack_from(content, 16)
        own = _CHANNELS.get(kind[1], 0)
        plain = kind == [8, kind[1], 0, 0, 0] and own and channels in (0, own)
        if not plain or not 0 < width * height <= most_pixels or zlib.crc32(content[12:29]) != checksum:
            return None
        return _pixels(_packed(content), height, width, own)
    except (struct.error, zlib.error, _OtherPngError):
        return None


class _OtherPngError(Exception):
    """The file is another than those read here."""


def _packed(content: bytes) -> bytes:
    """What the IDAT chunks hold."""
    parts, place = [], 33
    while True:
        size, name = _CHUNK.unpack_from(content, place)
        end = place + 8 + size
        if name == b"IDAT":
            if zlib.crc32(content[place + 4 : end]) != _CHECKSUM.unpack_from(content, end)[0]:
                raise _OtherPngError
            parts.append(content[place + 8 : end])
        elif name == b"IEND":
            return parts[0] if len(parts) == 1 else b"".join(parts)
        elif name not in _WITHOUT_PIXELS:
            raise _OtherPngError
        place = end + 4


def _pixels(packed: bytes, height: int, width: int, channels: int) -> np.ndarray:
    stride = width * channels
    size = height * (1 + stride)
    unpacker = zlib.decompressobj()
    lines = unpacker.decompress(packed, size + 1)
    if len(lines) != size or not unpacker.eof:
        raise _OtherPngError
    # A line of zeros before the first stands for what a filter finds above it.
    pixels = np.empty((1 + height) * stride, np.uint8)
    pixels[:stride] = 0
    if not _unfilter()(lines, stride, channels, pixels):
        raise _OtherPngError
    return pixels[stride:].reshape(height, width, channels)


@functools.cache
def _unfilter() -> Callable[..., Any]:
    return compiled_loops((unfilter,)).unfilter


def unfilter(lines: Bytes, stride, step, pixels: Bytes):
    """Fill pixels (1 + height, stride), whose first line is there, from lines (height, 1 + stride), each with its
    filter's number before it; `step` bytes are a pixel. 0 where there is no such filter, else 1.
    """
    source = 0
    for row in range(stride, len(pixels), stride):
        kind = int(lines[source])
        source += 1
        for i in range(step):  # nothing stands left of the first pixel
            above = int(pixels[row - stride + i])
            if kind == 0 or kind == 1:
                above = 0
            elif kind == 3:
                above = above >> 1
            pixels[row + i] = (int(lines[source + i]) + above) & 255
        if kind == 0:
            for i in range(step, stride):
                pixels[row + i] = lines[source + i]
        elif kind == 1:
            for i in range(step, stride):
                pixels[row + i] = (int(lines[source + i]) + int(pixels[row + i - step])) & 255
        elif kind == 2:
            for i in range(step, stride):
                pixels[row + i] = (int(lines[source + i]) + int(pixels[row + i - stride])) & 255
        elif kind == 3:
            for i in range(step, stride):
                mean = (int(pixels[row + i - step]) + int(pixels[row + i - stride])) >> 1
                pixels[row + i] = (int(lines[source + i]) + mean) & 255
        elif kind == 4:
            for i in range(step, stride):
                left = int(pixels[row + i - step])
                above = int(pixels[row + i - stride])
                corner = int(pixels[row + i - stride - step])
                from_left = abs(above - corner)
                from_above = abs(left - corner)
                from_corner = abs(left + above - 2 * corner)
                other = above if from_above <= from_corner else corner
                nearest = left if from_left <= from_above and from_left <= from_corner else other
                pixels[row + i] = (int(lines[source + i]) + nearest) & 255
        else:
            return 0
        source += stride
    return 1
