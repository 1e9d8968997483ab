"""TensorBoard event files: tensorboard's messages, framed as TFRecords.

tensorboard's `EventFileWriter` is not used: importing it takes much longer than a small run, and it writes from a
thread of its own, where a full disk ends in a traceback. The framing is a few lines, tested to give the same bytes.
"""

import os
import platform
import re
import struct
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfcli.crc import crc32c, mask
from tfcli.logging.durable import AppendFile, write_bytes
from tfcli.logging.wire import content, double, integer, message, repeated, single

_FLUSH_BYTES = 1 << 16
_FLUSH_SECONDS = 10.0
_VERSION = "brain.Event:2"
_START = 1
"""SessionLog.START."""
_STRING = 7
"""DT_STRING."""


@dataclass(frozen=True)
class GraphNode:
    """A box of the graph page: what it is called, what it does, the nodes it reads, and its output's shape if known."""

    name: str
    op: str
    inputs: list[str]
    shape: list[int | None] | None


class EventWriter:
    """Writes one event file in `directory` (`train` or `validation` of a run); the file is made with the first value.

    `resume_step`: the step that a resumed run goes on from. Readers then drop what earlier files hold past it, so that
    each tag has one value a step. Raises CheckpointError where the disk refuses.
    """

    def __init__(self, directory: Path, resume_step: int | None = None, suffix: str = "") -> None:
        """`suffix`: what the file's name ends in."""
        self.directory, self._suffix = Path(directory), suffix
        self._resume_step = resume_step
        self._file: AppendFile | None = None
        self._pending = bytearray()
        self._flushed = time.monotonic()

    def scalar(self, tag: str, value: float, step: int, wall_time: float | None = None) -> None:
        """Add the point (`step`, `value`) to the curve `tag`."""
        self.scalars({tag: value}, step, wall_time)

    def scalars(self, values: Mapping[str, float], step: int, wall_time: float | None = None) -> None:
        """Add a point to each of several curves."""
        points = [message(content(1, tag), single(2, float(value))) for tag, value in values.items()]
        self.summaries(points, step, wall_time)

    def histograms(self, values: Mapping[str, np.ndarray], step: int, wall_time: float | None = None) -> None:
        """Add the distribution of each array's values at `step`."""
        from tfcli.logging.summaries import histogram

        self.summaries([histogram(tag, array) for tag, array in values.items()], step, wall_time)

    def text(self, tag: str, markdown: str, step: int, wall_time: float | None = None) -> None:
        """Add a text, which TensorBoard shows as Markdown."""
        tensor = message(integer(1, _STRING), content(2, b""), content(8, markdown))
        plugin = content(1, content(1, "text"))
        self.summaries([message(content(1, tag), content(8, tensor), content(9, plugin))], step, wall_time)

    def summaries(self, values: Iterable[bytes], step: int, wall_time: float | None = None) -> None:
        """Add Summary.Values, such as `tfcli.logging.summaries` makes."""
        self._add(double(1, _moment(wall_time)) + integer(2, step) + content(5, repeated(1, values)))

    def graph(self, nodes: Iterable[GraphNode]) -> None:
        """The model as TensorBoard's graph page draws it."""
        self._add(double(1, time.time()) + content(4, graph_def(nodes)))

    def flush(self) -> None:
        """Hand all values to the operating system: readers see them, and a kill of this process cannot lose them."""
        if self._file is not None and self._pending:
            self._file.write(bytes(self._pending))
            self._pending.clear()
        self._flushed = time.monotonic()

    def close(self) -> None:
        """Flush, sync to the disk and close. A second call does nothing."""
        if self._file is None:
            return
        file = self._file
        try:
            self.flush()
        finally:
            self._file = None
            file.close()

    def __enter__(self) -> "EventWriter":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _add(self, event: bytes) -> None:
        if self._file is None:
            self._open()
        self._pending += frame(event)
        if len(self._pending) >= _FLUSH_BYTES or time.monotonic() - self._flushed >= _FLUSH_SECONDS:
            self.flush()

    def _open(self) -> None:
        self._file = AppendFile(self.directory / f"{_file_name(self.directory)}{self._suffix}")
        now = time.time()
        self._pending += frame(double(1, now) + content(3, _VERSION))
        # Readers drop what they have at and past the step of a START; TensorBoard's own do so from the second START on.
        step = 0 if self._resume_step is None else self._resume_step + 1
        self._pending += frame(double(1, now) + integer(2, step) + content(7, integer(1, _START)))
        self._resume_step = None


def graph_def(nodes: Iterable[GraphNode]) -> bytes:
    """A GraphDef."""
    return repeated(1, map(_graph_node, nodes))


def write_summaries(path: Path, values: Iterable[bytes]) -> None:
    """Write an event file that has these Summary.Values alone, at step 0, in place of what stood there before."""
    now = double(1, time.time())
    event = message(now, content(5, repeated(1, values)))
    write_bytes(Path(path), frame(now + content(3, _VERSION)) + frame(event))


def _moment(wall_time: float | None) -> float:
    return time.time() if wall_time is None else wall_time


def _graph_node(node: GraphNode) -> bytes:
    """A NodeDef."""
    named = message(content(1, node.name), content(2, node.op), repeated(3, node.inputs))
    if node.shape is None:
        return named
    sizes = [integer(1, -1 if size is None else size) for size in node.shape]
    shapes = content(2, content(1, content(7, repeated(2, sizes))))
    return named + content(5, message(content(1, "_output_shapes"), shapes))


def _file_name(directory: Path) -> str:
    """A name that sorts after the files already there, since readers take them in the order of their names."""
    earlier = [int(found[1]) for name in _names(directory) if (found := re.search(r"\.tfevents\.(\d{10})\.", name))]
    seconds = max([int(time.time()), *(second + 1 for second in earlier)])
    return f"events.out.tfevents.{seconds:010d}.{platform.node()}.{os.getpid()}.0"


def _names(directory: Path) -> list[str]:
    return os.listdir(directory) if directory.is_dir() else []


def frame(data: bytes) -> bytes:
    """One TFRecord: u64 length, its masked CRC, the data, its masked CRC."""
    length = struct.pack("<Q", len(data))
    return b"".join([length, struct.pack("<I", mask(crc32c(length))), data, struct.pack("<I", mask(crc32c(data)))])
