"""Plain PNG files are decoded as pillow decodes them; all others are left to it."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tfcli.data.images import MOST_PIXELS, decode_image
from tfcli.data.png import decode_plain_png
from tfcli.errors import DataError

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def picture(height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels)).astype(np.uint8)


def saved(image: Image.Image, **settings) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", **settings)
    return out.getvalue()


def as_image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels, MODES[pixels.shape[2]])


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def with_filters(pixels: np.ndarray, filters: list[int]) -> bytes:
    """A file whose lines use these filters; the bytes of `pixels` are the filtered ones."""
    height, width, channels = pixels.shape
    lines = b"".join(bytes([f]) + row.tobytes() for f, row in zip(filters, pixels, strict=True))
    color = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)
    packed = zlib.compress(lines)
    parts = chunk(b"IDAT", packed[:5]) + chunk(b"IDAT", packed[5:])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"tEXt", b"a\0b") + parts + chunk(b"IEND", b"")


@pytest.mark.parametrize("channels", MODES)
@pytest.mark.parametrize("size", [(1, 1), (5, 7), (32, 3)])
def test_what_pillow_writes_is_read(channels, size):
    pixels = picture(*size, channels)
    for wanted in (0, channels):
        np.testing.assert_array_equal(decode_plain_png(saved(as_image(pixels)), wanted, MOST_PIXELS), pixels)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    filters=st.lists(st.integers(0, 4), min_size=1, max_size=6),
    width=st.integers(1, 5),
    channels=st.sampled_from(list(MODES)),
    seed=st.integers(0, 99),
)
def test_every_filter_is_undone_as_pillow_does(filters, width, channels, seed):
    content = with_filters(picture(len(filters), width, channels, seed), filters)
    expected = np.asarray(Image.open(io.BytesIO(content))).reshape(len(filters), width, channels)
    np.testing.assert_array_equal(decode_plain_png(content, channels, MOST_PIXELS), expected)


@pytest.mark.parametrize(
    "content",
    [
        saved(as_image(picture(4, 4, 3)).quantize(8)),
        saved(Image.fromarray(np.arange(16, dtype=np.uint16).reshape(4, 4))),
        saved(as_image(picture(4, 4, 1)).convert("1")),
        saved(as_image(picture(4, 4, 3)), transparency=(0, 0, 0)),
        with_filters(picture(2, 2, 3), [0, 5]),
        saved(as_image(picture(4, 4, 3)))[:-20],
        saved(as_image(picture(4, 4, 3)))[:20],
        b"\xff\xd8 something else",
    ],
    ids=["palette", "16 bits", "1 bit", "transparency", "filter 5", "cut", "cut early", "no PNG"],
)
def test_other_files_are_left_to_pillow(content):
    assert decode_plain_png(content, 0, MOST_PIXELS) is None


def test_other_channels_and_too_many_pixels_are_left_to_pillow():
    content = saved(as_image(picture(4, 4, 3)))
    assert decode_plain_png(content, 1, MOST_PIXELS) is None
    assert decode_plain_png(content, 3, 15) is None
    assert decode_image(content, 1, "a.png").shape == (4, 4, 1)


def test_a_file_that_unpacks_to_more_than_its_size_is_left_to_pillow():
    header = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    bomb = chunk(b"IDAT", zlib.compress(bytes(10**6)))
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + bomb + chunk(b"IEND", b"")
    assert decode_plain_png(content, 3, MOST_PIXELS) is None


@settings(max_examples=80, deadline=None, derandomize=True)
@given(at=st.integers(0, 119), value=st.integers(0, 255))
def test_a_damaged_byte_never_gives_other_pixels(at, value):
    pixels = picture(4, 4, 3)
    content = bytearray(saved(as_image(pixels)))
    content[at % len(content)] = value
    found = decode_plain_png(bytes(content), 3, MOST_PIXELS)
    assert found is None or (found == pixels).all()


def test_a_damaged_file_is_named():
    with pytest.raises(DataError, match=r"a\.png: the picture is damaged"):
        decode_image(saved(as_image(picture(40, 40, 3)))[:200], 3, "a.png")
