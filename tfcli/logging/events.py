"""TensorBoard event files: tensorboard's own protobufs, framed as TFRecords.

tensorboard's `EventFileWriter` is not used: importing it takes much longer than importing the protobufs alone, and it
writes from a thread, where a full disk ends in a traceback. The framing is a few lines, tested to give the same bytes.
"""

import os
import re
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tfcli.logging.durable import AppendFile

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event

_FLUSH_BYTES = 1 << 16
_FLUSH_SECONDS = 10.0


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
        if self._resume_step is not None:
            # Readers drop what they have at and past the step of a START.
            start = Event(wall_time=now, step=self._resume_step + 1, session_log=SessionLog(status=SessionLog.START))
            self._pending += frame(start.SerializeToString())
            self._resume_step = None


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
    return b"".join([length, struct.pack("<I", _masked_crc(length)), data, struct.pack("<I", _masked_crc(data))])


def _masked_crc(data: bytes) -> int:
    crc = _crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _table_entry(index: int) -> int:
    for _ in range(8):
        index = (index >> 1) ^ (0x82F63B78 if index & 1 else 0)
    return index


_TABLE = [_table_entry(index) for index in range(256)]
