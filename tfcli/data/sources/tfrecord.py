"""TensorFlow's record files."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from tfcli.data.faults import Faults
from tfcli.data.files import Blob, find
from tfcli.data.images import decode_image, in_parallel
from tfcli.data.records.examples import Lists, Parser
from tfcli.data.records.frames import Records, read_records
from tfcli.data.source import ChunkedSource, Kinds, Names
from tfcli.data.table import Rows, Table, as_list
from tfcli.data.uneven import uneven
from tfcli.declare import Declared, FieldError, Hints, PathString, PositiveInt, nearest
from tfcli.errors import DataError

_RAW = {"raw uint8": "u1", "raw float32": "<f4", "uint8": "u1", "float32": "<f4"}
_PICTURES = {"png": "PNG", "jpeg": "JPEG"}
_TENSORFLOW = Hints({"float": "float32", "int": "int64", "bytes": "string", "float64": "float32", "int32": "int64"})


class RecordFeature(Declared, name="record feature"):
    """A feature of an Example proto."""

    dtype: Annotated[Literal["string", "int64", "float32"], _TENSORFLOW]
    """What the proto holds: bytes (string), whole numbers or numbers."""
    shape: list[PositiveInt | None] = []
    """One example's shape; its first size may be null, where it differs. Default: a single value."""
    decode: Literal["png", "jpeg", "raw uint8", "raw float32", "uint8", "float32"] | None = None
    """What the bytes are: a picture, or an array's own bytes (little-endian)."""

    def check(self) -> None:
        if self.decode is not None and self.dtype != "string":
            raise FieldError("decode", f"is for bytes, and dtype is {self.dtype}", "`dtype: string`")
        if self.decode in _PICTURES and (len(self.shape) != 3 or self.shape[2] not in (1, 3, 4)):
            raise FieldError("shape", "a picture's shape is [height, width, 1, 3 or 4]")
        if self.dtype == "string" and self.decode is None and self.shape:
            raise FieldError("shape", "a text has none", "say how bytes become an array with `decode`")
        if None in self.shape[1:] or (self.dtype == "string" and None in self.shape):
            raise FieldError("shape", "only the first size of numbers may be null")

    @property
    def uneven(self) -> bool:
        """Whether examples differ in length."""
        return None in self.shape

    @property
    def sizes(self) -> list[int]:
        """The sizes that all examples have."""
        return [size for size in self.shape if size is not None]

    @property
    def values(self) -> int:
        """How many values the proto holds for an example; where they differ in length, for each entry."""
        return 1 if self.dtype == "string" else math.prod(self.sizes)

    def fits(self, counts: np.ndarray) -> np.ndarray:
        """Whether so many values are an example."""
        return counts % self.values == 0 if self.uneven else counts == self.values

    def arrays(self, lists: Lists, count: int) -> np.ndarray:
        """The numbers of `count` examples."""
        shape = [-1 if size is None else size for size in self.shape]
        if not self.uneven:
            return lists.values.reshape(count, *shape)
        return uneven([values.reshape(shape) for values in np.split(lists.values, lists.offsets[1:-1])])

    def column(self, values: np.ndarray, where: Callable[[int], str]) -> Iterator[Callable[[], Any]]:
        """For each example (values (N, K)), what gives its array or raises DataError."""
        if self.decode in _PICTURES:
            items = list(enumerate(values[:, 0].tolist()))
            return in_parallel(lambda item: self._picture(item[1], where(item[0])), items)
        return (lambda i=i: self._value(values[i], where(i)) for i in range(len(values)))  # type: ignore[misc]

    def _picture(self, content: bytes, where: str) -> np.ndarray:
        pixels = decode_image(content, self.sizes[2], where, [_PICTURES[str(self.decode)]])
        if list(pixels.shape) != self.shape:
            raise DataError(f"{where}: the picture has shape {pixels.shape}, the spec says {tuple(self.shape)}")
        return pixels

    def _value(self, values: np.ndarray, where: str) -> Any:
        if self.dtype != "string":
            return values.reshape(self.shape)
        content = values[0]
        if self.decode is None:
            try:
                return content.decode()
            except UnicodeDecodeError as error:
                raise DataError(f"{where}: is not UTF-8 text: {error.reason}; `decode` reads arrays") from error
        dtype = np.dtype(_RAW[self.decode])
        expected = math.prod(self.sizes) * dtype.itemsize
        if len(content) != expected:
            raise DataError(f"{where}: has {len(content):,} bytes, {tuple(self.shape)} {dtype.name} takes {expected:,}")
        return np.frombuffer(content, dtype).reshape(self.sizes)

    @property
    def plain(self) -> bool:
        """The proto's numbers are the array: nothing is done one by one."""
        return self.dtype != "string"


class TFRecord(ChunkedSource, name="tfrecord"):
    """TFRecord files of Example protos, as TensorFlow writes them. Every checksum is verified."""

    path: PathString
    """A file or a glob."""
    features: dict[str, RecordFeature]
    """The protos' features: model inputs, and the labels among them."""
    label: Names | None = None
    sample_weight: str | None = None
    compression: Literal["gzip", "zlib"] | None = None
    """Default: as the file's first bytes say."""

    def check(self) -> None:
        for key, names in (("label", as_list(self.label)), ("sample_weight", as_list(self.sample_weight))):
            for name in names:
                if name not in self.features:
                    raise FieldError(key, f"there is no feature {name!r}", nearest(name, self.features))
        if not self._inputs():
            raise FieldError("features", "besides the label there must be one to predict from")

    def blobs(self, root: Path) -> list[Blob]:
        return find(root, self.path)

    def chunks(
        self, blobs: Sequence[Blob], labelled: bool, kinds: Kinds | None = None, skip: int = 0
    ) -> Iterator[Table]:
        wanted = self.features if labelled else {name: self.features[name] for name in self._inputs()}
        parser = Parser({name: feature.dtype for name, feature in wanted.items()})
        empty = not skip
        for i, blob in enumerate(blobs):
            faults = Faults(self.on_error)
            for records in islice(read_records(blob, self._compression(blob), faults), 0 if i else skip, None):
                table = self._table(records, wanted, parser, faults, labelled)
                empty = empty and not len(table)
                yield table
        if empty:
            raise DataError(f"{', '.join(blob.name for blob in blobs)}: no record can be used")

    def _compression(self, blob: Blob) -> str:
        if self.compression is not None:
            return self.compression.upper()
        with blob.open() as stream:
            return "GZIP" if stream.read(2) == b"\x1f\x8b" else ""

    def _inputs(self) -> list[str]:
        other = [*as_list(self.label), *as_list(self.sample_weight)]
        return [name for name in self.features if name not in other]

    def _table(
        self, records: Records, wanted: dict[str, RecordFeature], parser: Parser, faults: Faults, labelled: bool
    ) -> Table:
        records, lists = self._whole(records, wanted, parser, faults)
        columns: dict[str, Any] = {}
        usable = np.ones(len(records), bool)
        for name, feature in wanted.items():
            if feature.plain:
                columns[name] = feature.arrays(lists[name], len(records))
                continue
            values = lists[name].values.reshape(len(records), feature.values)
            outcomes = feature.column(values, partial(_where, records, name))
            kept = dict(faults.kept(outcomes, lambda outcome: outcome()))
            usable &= np.isin(np.arange(len(records)), list(kept))
            columns[name] = kept
        rows = np.flatnonzero(usable)
        arrays = {n: c[rows] if isinstance(c, np.ndarray) else _stack(c, rows, wanted[n]) for n, c in columns.items()}
        labels = as_list(self.label) if labelled else []
        weight = self.sample_weight if labelled else None
        number = records.number[rows]
        where = Rows([records.name], np.zeros(len(rows), np.int32), number, "record")
        messages, faults.messages = tuple(faults.messages), []
        return Table(arrays, self._inputs(), where, labels, weight, skipped=messages)

    def _whole(
        self, records: Records, wanted: dict[str, RecordFeature], parser: Parser, faults: Faults
    ) -> tuple[Records, dict[str, Lists]]:
        """The records that have all features with as many values as the spec says, and these."""
        try:
            lists = parser.parse(records)
        except DataError:
            if faults.on_error == "stop":
                raise
            records, lists = _one_by_one(records, parser, faults)
        right = np.ones(len(records), bool)
        for name, feature in wanted.items():
            lengths = lists[name].lengths()
            fits = feature.fits(lengths)
            for i in np.flatnonzero(right & ~fits).tolist():
                faults(DataError(f"{records.where(i)}: feature {name!r} {_amount(int(lengths[i]), feature.values)}"))
            right &= fits
        if right.all():
            return records, lists
        records = records.select(np.flatnonzero(right))
        return records, parser.parse(records)


def _one_by_one(records: Records, parser: Parser, faults: Faults) -> tuple[Records, dict[str, Lists]]:
    """The records that can be parsed."""
    kept = faults.kept(np.arange(len(records)), lambda i: parser.parse(records.select(np.array([i]))))
    records = records.select(np.array([i for i, _ in kept], np.int64))
    return records, parser.parse(records)


def _where(records: Records, name: str, index: int) -> str:
    return f"{records.where(index)}, feature {name!r}"


def _amount(have: int, expected: int) -> str:
    return "is missing" if have == 0 else f"has {have} values, expected {expected}"


def _stack(kept: dict[int, Any], rows: np.ndarray, feature: RecordFeature) -> np.ndarray:
    values = [kept[i] for i in rows.tolist()]
    if feature.decode is None:
        return np.array(values, object)
    return np.stack(values) if values else np.zeros((0, *feature.sizes), np.uint8)
