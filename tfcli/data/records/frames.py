"""TFRecord files: `u64 length | u32 masked CRC of it | data | u32 masked CRC of them`, after one another."""

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np

from tfcli.crc import crc32c, mask
from tfcli.data.files import Blob, Unpacked, expansion_limit
from tfcli.data.records.compiled import kernels_for
from tfcli.data.records.kernels import BAD_LENGTH, HEADER, WHOLE
from tfcli.errors import DataError

COMPRESSIONS = ("", "GZIP", "ZLIB")
_BLOCK = 2**20
_MOST_RECORDS = 2**16

Complain = Callable[[DataError], None]
"""What to do with a damaged place that can be passed over: raise the error, or count it."""


@dataclass(frozen=True)
class Records:
    """Some records of a file: record i is data[starts[i]:ends[i]], the file's record number[i]."""

    name: str
    data: bytes
    starts: np.ndarray
    ends: np.ndarray
    number: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[bytes]:
        return (self.data[start:end] for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True))

    def where(self, index: int) -> str:
        return f"{self.name}, record {self.number[index]}"

    def select(self, rows: np.ndarray) -> "Records":
        return Records(self.name, self.data, self.starts[rows], self.ends[rows], self.number[rows])

    @staticmethod
    def of(messages: list[bytes], name: str = "records") -> "Records":
        """Records that came by another way than a file."""
        ends = np.cumsum([len(message) for message in messages], dtype=np.int64)
        starts = ends - np.array([len(message) for message in messages], np.int64)
        return Records(name, b"".join(messages), starts, ends, np.arange(len(messages)))


def raises(error: DataError) -> None:
    """Stop at what is damaged."""
    raise error


def read_records(
    blob: Blob, compression: str = "", complain: Complain = raises, block: int = _BLOCK
) -> Iterator[Records]:
    """The records of a file, some megabytes at a time.

    A record whose data do not match their checksum is passed over where `complain` lets it; after a length that does
    not, or an end within a record, nothing more of the file can be read. Nothing is allocated for a length that a
    file only claims. Raises DataError naming file and record.
    """
    check_compression(compression)
    with blob.open() as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        source = Unpacked(stream, blob.name) if compression else stream
        limit = expansion_limit(size) if compression else size
        yield from _Reader(blob.name, source, complain, limit).records(block)


def check_compression(compression: str) -> None:
    if compression not in COMPRESSIONS:
        raise DataError(f"compression {compression!r}: expected one of {', '.join(map(repr, COMPRESSIONS))}")


class _Reader:
    """A pass over one file; `limit` is how many bytes one record may have."""

    def __init__(self, name: str, stream: Any, complain: Complain, limit: int) -> None:
        self.name, self.stream, self.complain, self.limit = name, stream, complain, limit
        self.number = 0
        self.offset = 0
        self.seen = 0

    def records(self, block: int) -> Iterator[Records]:
        parts: list[bytes] = []
        size, needed = 0, HEADER
        while fresh := self.stream.read(block):
            parts.append(fresh)
            size += len(fresh)
            self.seen += len(fresh)
            if size < needed:
                continue
            held = b"".join(parts)
            place, lacks, needed = yield from self._found(held)
            self.offset += place
            parts, size = [held[place:]], len(held) - place
            if lacks == BAD_LENGTH:
                self.complain(self._error("the length does not match its checksum, so the rest cannot be read"))
                return
            if needed > self.limit:
                break
        if size:
            self.complain(self._error("the file ends within the record"))

    def _found(self, held: bytes) -> Any:
        """Gives the records in `held`; returns where the rest begins, what it lacks and how many bytes that takes."""
        kernels = kernels_for(self.seen)
        place, lacks, needed = 0, WHOLE, HEADER
        while lacks == WHOLE and place < len(held):
            starts, ends = np.empty((2, _MOST_RECORDS), np.int64)
            intact = np.empty(_MOST_RECORDS, np.uint8)
            count, place, lacks, needed = kernels.run.split_records(
                held, place, len(held), kernels.tables, starts, ends, intact
            )
            number = np.arange(self.number, self.number + count)
            self.number += count
            found = Records(self.name, held, starts[:count], ends[:count], number)
            whole = intact[:count] == 1
            for record in number[~whole]:
                self.complain(DataError(f"{self.name}, record {record}: its data do not match their checksum"))
            if whole.any():
                yield found if whole.all() else found.select(np.flatnonzero(whole))
        return place, lacks, needed

    def _error(self, what: str) -> DataError:
        return DataError(f"{self.name}, record {self.number} (byte {self.offset}): {what}")


class RecordWriter:
    """Writes a TFRecord file: `tf.io.TFRecordWriter`. Raises DataError."""

    def __init__(self, path: Any, options: Any = None) -> None:
        compression = getattr(options, "compression_type", options) or ""
        check_compression(compression)
        self._path = os.fsdecode(path)
        try:
            self._file: Any = open(self._path, "wb")  # noqa: SIM115  (closed by `close`)
        except OSError as error:
            raise DataError(f"TFRecordWriter: cannot write {self._path}: {error.strerror}") from error
        self._packer = _packer(compression)
        self._written = 0

    def write(self, record: bytes) -> None:
        """Append a record, such as `example.SerializeToString()`."""
        self._written += len(record)
        data = frame(record, self._written)
        self._file.write(data if self._packer is None else self._packer.compress(data))

    def flush(self) -> None:
        if self._packer is not None:
            self._file.write(self._packer.flush(zlib.Z_SYNC_FLUSH))
        self._file.flush()

    def close(self) -> None:
        if not self._file.closed:
            if self._packer is not None:
                self._file.write(self._packer.flush())
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class RecordOptions(NamedTuple):
    """`tf.io.TFRecordOptions`: how a file of records is compressed: "", "GZIP" or "ZLIB"."""

    compression_type: str = ""


def _packer(compression: str) -> Any:
    if not compression:
        return None
    gzipped = compression == "GZIP"
    return zlib.compressobj(wbits=zlib.MAX_WBITS + 16 if gzipped else zlib.MAX_WBITS)


def frame(data: bytes, written: int = 0) -> bytes:
    """One record as a file holds it; `written` bytes tell that there is much to do."""
    length = struct.pack("<Q", len(data))
    kernels = kernels_for(written)
    crc = kernels.run.crc(data, 0, len(data), kernels.tables) if data else 0
    return b"".join([length, struct.pack("<I", mask(crc32c(length))), data, struct.pack("<I", mask(crc))])
