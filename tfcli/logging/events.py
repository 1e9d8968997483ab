"""TensorBoard event files: tensorboard's own protobufs, framed as TFRecords.

tensorboard's `EventFileWriter` is not used: importing it takes much longer than importing the protobufs alone, and it
writes from a thread, where a full disk ends in a traceback. The framing is a few lines, tested to give the same bytes.
"""

import os
import re
import socket
import struct
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfcli.crc import crc32c, mask
from tfcli.logging.durable import AppendFile

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event

_FLUSH_BYTES = 1 << 16
_FLUSH_SECONDS = 10.0
_BUCKETS = 30
"""TensorBoard's own number."""


@dataclass(frozen=True)
class GraphNode:
    """A box of the graph page: what it is called, what it does, the nodes it reads, and its output's shape."""

    name: str
    op: str
    inputs: list[str]
    shape: list[int | None]


class EventWriter:
    """Writes one event file in `directory` (`train` or `validation` of a run); the file is made with the first value.

    `resume_step`: the step that a resumed run goes on from. Readers then drop what earlier files hold past it, so that
    each tag has one value a step. Raises CheckpointError where the disk refuses.
    """

    def __init__(self, directory: Path, resume_step: int | None = None) -> None:
        self.directory = Path(directory)
        self._resume_step = resume_step
        self._file: AppendFile | None = None
        self._pending = bytearray()
        self._flushed = time.monotonic()

    def scalar(self, tag: str, value: float, step: int, wall_time: float | None = None) -> None:
        """Add the point (`step`, `value`) to the curve `tag`."""
        self.scalars({tag: value}, step, wall_time)

    def scalars(self, values: Mapping[str, float], step: int, wall_time: float | None = None) -> None:
        """Add a point to each of several curves."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        points = [Summary.Value(tag=tag, simple_value=float(value)) for tag, value in values.items()]
        moment = time.time() if wall_time is None else wall_time
        self._add(Event(wall_time=moment, step=step, summary=Summary(value=points)))

    def histograms(self, values: Mapping[str, np.ndarray], step: int, wall_time: float | None = None) -> None:
        """Add the distribution of each array's values at `step`, as TensorBoard's own `summary.histogram` does."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
        from tensorboard.compat.proto.tensor_pb2 import TensorProto
        from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
        from tensorboard.compat.proto.types_pb2 import DT_DOUBLE

        metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="histograms"))
        shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in (_BUCKETS, 3)])
        points = [
            Summary.Value(
                tag=tag,
                metadata=metadata,
                tensor=TensorProto(dtype=DT_DOUBLE, tensor_shape=shape, tensor_content=buckets(array).tobytes()),
            )
            for tag, array in values.items()
        ]
        moment = time.time() if wall_time is None else wall_time
        self._add(Event(wall_time=moment, step=step, summary=Summary(value=points)))

    def graph(self, nodes: Iterable[GraphNode]) -> None:
        """The model as TensorBoard's graph page draws it."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.graph_pb2 import GraphDef

        graph = GraphDef()
        for node in nodes:
            drawn = graph.node.add(name=node.name, op=node.op, input=node.inputs)
            shape = drawn.attr["_output_shapes"].list.shape.add()
            for size in node.shape:
                shape.dim.add(size=-1 if size is None else size)
        self._add(Event(wall_time=time.time(), graph_def=graph.SerializeToString()))

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

    def _add(self, event: "Event") -> None:
        if self._file is None:
            self._open()
        self._pending += frame(event.SerializeToString())
        if len(self._pending) >= _FLUSH_BYTES or time.monotonic() - self._flushed >= _FLUSH_SECONDS:
            self.flush()

    def _open(self) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog

        self._file = AppendFile(self.directory / _file_name(self.directory))
        now = time.time()
        self._pending += frame(Event(wall_time=now, file_version="brain.Event:2").SerializeToString())
        # Readers drop what they have at and past the step of a START; TensorBoard's own do so from the second START on.
        step = 0 if self._resume_step is None else self._resume_step + 1
        start = Event(wall_time=now, step=step, session_log=SessionLog(status=SessionLog.START))
        self._pending += frame(start.SerializeToString())
        self._resume_step = None


def buckets(array: np.ndarray) -> np.ndarray:
    """(30, 3): from, to, and how many of the array's finite values lie there; equal ones all in the last."""
    values = array[np.isfinite(array)].astype(np.float64)
    if values.size == 0:
        return np.zeros((_BUCKETS, 3))
    low, high = values.min(), values.max()
    width = (high - low) / _BUCKETS
    places = np.floor((values - low) / width) if width > 0 else np.full(values.size, _BUCKETS)
    counts = np.bincount(np.minimum(places.astype(np.int64), _BUCKETS - 1), minlength=_BUCKETS)
    edges = np.linspace(low, high, _BUCKETS + 1)
    return np.stack([edges[:-1], edges[1:], counts], axis=1)


def _file_name(directory: Path) -> str:
    """A name that sorts after the files already there, since readers take them in the order of their names."""
    earlier = [int(found[1]) for name in _names(directory) if (found := re.search(r"\.tfevents\.(\d{10})\.", name))]
    seconds = max([int(time.time()), *(second + 1 for second in earlier)])
    return f"events.out.tfevents.{seconds:010d}.{socket.gethostname()}.{os.getpid()}.0"


def _names(directory: Path) -> list[str]:
    return os.listdir(directory) if directory.is_dir() else []


def frame(data: bytes) -> bytes:
    """One TFRecord: u64 length, its masked CRC, the data, its masked CRC."""
    length = struct.pack("<Q", len(data))
    return b"".join([length, struct.pack("<I", mask(crc32c(length))), data, struct.pack("<I", mask(crc32c(data)))])
