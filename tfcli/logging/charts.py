"""The curves of a run as a PNG, drawn by pillow alone.

Importing matplotlib takes longer than a small run trains. It draws the pictures of a report, this the one that every
run gets.
"""

import itertools
import math
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfcli.logging.curves import Curve, curves_of, panels_of
from tfcli.logging.durable import write_bytes

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

_WIDTH, _HEIGHT = 500, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 68, 20, 34, 44
_SCALE = 2
"""Lines are drawn this much larger and made smaller afterwards, which smooths them."""
_MOST_MARKERS = 40
_GREY, _GRID = "#888888", "#dddddd"
_DASH, _GAP = 9.0, 6.0


def draw_curves(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw the loss, each metric and a changing learning rate over the epochs, training against validation.

    `rows`: one mapping an epoch, as in metrics.jsonl. Raises CheckpointError where the disk refuses.
    """
    from PIL import Image, ImageDraw

    names = panels_of(rows)
    columns = min(len(names), 3)
    size = (_WIDTH * columns, _HEIGHT * math.ceil(len(names) / columns))
    image = Image.new("RGB", (size[0] * _SCALE, size[1] * _SCALE), "white")
    pen = ImageDraw.Draw(image)
    for i, name in enumerate(names):
        row, column = divmod(i, columns)
        _Panel(pen, column * _WIDTH, row * _HEIGHT, rows, name).draw()
    write_bytes(Path(path), _png(image.reduce(_SCALE).quantize(64, method=Image.Quantize.FASTOCTREE)))


def _png(image: "Image") -> bytes:
    """The file of a picture with a palette. To write it, pillow would first load a handful of other formats.

    Source: PNG specification, third edition, chapters 5 and 11.
    """
    (width, height), pixels = image.size, image.tobytes()
    lines = b"".join(b"\0" + pixels[start : start + width] for start in range(0, len(pixels), width))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    palette = bytes(image.getpalette() or ())
    contents = {b"IHDR": header, b"PLTE": palette, b"IDAT": zlib.compress(lines), b"IEND": b""}
    chunks = (_chunk(kind, content) for kind, content in contents.items())
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


@dataclass(frozen=True)
class _Axis:
    """Values from `low` to `high` on the pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


class _Panel:
    """One name's curves in a box of the picture; lengths are in pixels of the finished picture."""

    def __init__(self, pen: "ImageDraw", left: float, top: float, rows: Sequence[Mapping[str, Any]], name: str) -> None:
        self.pen, self.left, self.top, self.name = pen, left, top, name
        self.curves = curves_of(rows, name)
        points = [point for curve in self.curves for point in curve.points]
        self.x = _Axis(*_range([x for x, _ in points], 1.0, 0.03), left + _LEFT, left + _WIDTH - _RIGHT)
        self.y = _Axis(*_range([y for _, y in points], None, 0.06), top + _HEIGHT - _BOTTOM, top + _TOP)

    def draw(self) -> None:
        self._text(self.left + (_LEFT + _WIDTH - _RIGHT) / 2, self.top + _TOP / 2, self.name.replace("_", " "), 15)
        if not self.curves:
            self._text((self.x.start + self.x.end) / 2, (self.y.start + self.y.end) / 2, "no finite value", 13)
            self._line([(self.x.start, self.y.end), (self.x.start, self.y.start), (self.x.end, self.y.start)], _GREY, 1)
            return
        self._grid()
        for curve in self.curves:
            self._curve(curve)
        if len(self.curves) > 1:
            self._legend()

    def _grid(self) -> None:
        for value, text in _ticks(self.x.low, self.x.high, 6, whole=True):
            self._line([(self.x(value), self.y.start), (self.x(value), self.y.end)], _GRID, 1)
            self._text(self.x(value), self.y.start + 12, text, 11)
        for value, text in _ticks(self.y.low, self.y.high, 6):
            self._line([(self.x.start, self.y(value)), (self.x.end, self.y(value))], _GRID, 1)
            self._text(self.x.start - 6, self.y(value), text, 11, "rm")
        self._line([(self.x.start, self.y.end), (self.x.start, self.y.start), (self.x.end, self.y.start)], _GREY, 1)
        self._text((self.x.start + self.x.end) / 2, self.top + _HEIGHT - 12, "epoch", 12)

    def _curve(self, curve: Curve) -> None:
        places = [(self.x(x), self.y(y)) for x, y in curve.points]
        for piece in _dashes(places) if curve.is_dashed else [places]:
            self._line(piece, curve.color, 2)
        for place in places[:: math.ceil(len(places) / _MOST_MARKERS)]:
            self._marker(place, curve)

    def _marker(self, place: tuple[float, float], curve: Curve) -> None:
        x, y = place
        shape = self.pen.rectangle if curve.is_dashed else self.pen.ellipse
        shape([_SCALE * v for v in (x - 2.5, y - 2.5, x + 2.5, y + 2.5)], fill=curve.color)

    def _legend(self) -> None:
        """At the top right, on white, since curves that fall leave room there; else at the bottom right."""
        last = [self.y(curve.points[-1][1]) for curve in self.curves]
        is_high = min(last) < (self.y.start + self.y.end) / 2
        top = self.y.start - 18 * len(self.curves) - 8 if is_high else self.y.end + 8
        left = self.x.end - 118
        for i, curve in enumerate(self.curves):
            y = top + 18 * i + 9
            self.pen.rectangle([_SCALE * v for v in (left - 4, y - 9, self.x.end, y + 9)], fill="white")
            sample = [(left, y), (left + 32, y)]
            for piece in _dashes(sample) if curve.is_dashed else [sample]:
                self._line(piece, curve.color, 2)
            self._marker((left + 16, y), curve)
            self._text(left + 40, y, curve.label, 12, "lm")

    def _line(self, points: Sequence[tuple[float, float]], color: str, width: int) -> None:
        self.pen.line(
            [(_SCALE * x, _SCALE * y) for x, y in points], fill=color, width=_SCALE * width - 1, joint="curve"
        )

    def _text(self, x: float, y: float, text: str, size: int, anchor: str = "mm") -> None:
        self.pen.text((_SCALE * x, _SCALE * y), text, fill="black", font=_font(size * _SCALE), anchor=anchor)


def _font(size: int) -> "FreeTypeFont | ImageFont":
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _range(values: Sequence[float], least: float | None, margin: float) -> tuple[float, float]:
    """From the least to the largest value with room around them, never empty."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if high == low:
        half = least if least is not None else abs(low) * 0.1 or 0.5
        return low - half, high + half
    room = margin * (high - low)
    return low - room, high + room


def _ticks(low: float, high: float, most: int, whole: bool = False) -> Iterator[tuple[float, str]]:
    """Round numbers between two, at most `most` of them, and how they are written."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    step = max(step, 1.0) if whole else step
    decimals = max(0, -math.floor(math.log10(step)))
    largest = max(abs(low), abs(high))
    for number in range(math.ceil(low / step), math.floor(high / step) + 1):
        value = number * step
        is_plain = value == 0 or (decimals <= 4 and largest < 1e6)
        yield value, f"{value:.{decimals}f}" if is_plain else f"{value:.3g}"


def _dashes(points: Sequence[tuple[float, float]]) -> Iterator[list[tuple[float, float]]]:
    """A line through the points cut into strokes."""
    stroke, drawn, left = [points[0]], True, _DASH
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        length, done = math.dist((x0, y0), (x1, y1)), 0.0
        while length - done > left:
            done += left
            place = (x0 + (x1 - x0) * done / length, y0 + (y1 - y0) * done / length)
            if drawn:
                yield [*stroke, place]
            stroke, drawn = [place], not drawn
            left = _DASH if drawn else _GAP
        left -= length - done
        stroke = [*stroke, (x1, y1)] if drawn else [(x1, y1)]
    if drawn and len(stroke) > 1:
        yield stroke
