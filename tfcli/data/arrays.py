"""Reading and writing .npy and .npz files, with the header believed only after it is checked."""

import io
import math
import os
import re
import sys
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from tokenize import TokenError
from typing import IO

import numpy as np
from numpy.lib import format as npy

from tfcli.data.files import GZIP_MAGIC, Blob, expansion_limit
from tfcli.declare import nearest
from tfcli.engine.spec import is_beyond_numpy
from tfcli.errors import DataError

_KINDS = "biufUS"
_PIECE = 1 << 20
_MAGIC = b"\x93NUMPY"


def is_npy(blob: Blob) -> bool:
    """Whether the file is a .npy (or .npy.gz) one, by its first bytes."""
    with blob.open() as stream:
        head = stream.read(len(_MAGIC))
    if head[:2] == GZIP_MAGIC:
        head = blob.read()[: len(_MAGIC)]
    return head == _MAGIC


def read_npy(blob: Blob) -> np.ndarray:
    """The array of a .npy file (or .npy.gz). Raises DataError for a damaged one."""
    content = blob.read()
    return _read_array(Blob(blob.name, content=content).open(), len(content), blob.name)


def read_npz(blob: Blob, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays called `names` (default: all) of a .npz file; others are not touched. Raises DataError."""
    with blob.open() as stream:
        size = stream.seek(0, os.SEEK_END)
        try:
            with zipfile.ZipFile(stream) as archive:
                return _read_members(archive, names, blob.name, expansion_limit(size))
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            RuntimeError,
            OSError,
            UnicodeDecodeError,
        ) as error:
            raise DataError(f"{blob.name}: not a readable .npz file: {error}") from error


def _read_members(
    archive: zipfile.ZipFile, names: Iterable[str] | None, file: str, limit: int
) -> dict[str, np.ndarray]:
    members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    if len(members) != len(archive.infolist()):
        raise DataError(f"{file}: holds two arrays of one name")
    result: dict[str, np.ndarray] = {}
    for name in members if names is None else names:
        if name not in members:
            hint = nearest(name, members) or f"there are: {', '.join(map(repr, sorted(members)))}"
            raise DataError(f"{file}: has no array called {name!r}; {hint}")
        info = members[name]
        if not re.fullmatch(r"[\w. -]+\.npy", info.filename):
            raise DataError(f"{file}: {info.filename!r} is not a name that an array in a .npz file may have")
        limit -= info.file_size
        if limit < 0:
            raise DataError(f"{file}: unpacks to far more bytes than its size allows; it is damaged or made to harm")
        with archive.open(info) as member:
            result[name] = _read_array(member, info.file_size, f"{file}, array {name!r}")
            member.read(1)  # the end of the member is where zipfile compares its checksum
    return result


def _read_array(stream: IO[bytes], size: int, where: str) -> np.ndarray:
    """The array in `stream`, whose `size` in bytes must be just what its header announces."""
    try:
        version = npy.read_magic(stream)
        reader = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
        if reader is None:
            raise DataError(f"{where}: .npy version {version} is not supported")
        shape, fortran_order, dtype = reader(stream)
    except (ValueError, SyntaxError, TypeError, TokenError, RecursionError, MemoryError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{where}: the .npy header is damaged: {error}") from error
    if dtype.kind not in _KINDS or dtype.hasobject:
        raise DataError(f"{where}: has dtype {dtype}; numbers, booleans and texts can be read, objects never")
    wrong_size = math.prod(shape) * dtype.itemsize != size - stream.tell()
    if min(shape, default=0) < 0 or wrong_size or is_beyond_numpy(shape, dtype.itemsize):
        raise DataError(f"{where}: the header says {shape} {dtype}, but {size - stream.tell():,} bytes follow")
    content = _read_bytes(stream, size - stream.tell(), where)
    array = np.frombuffer(content, dtype, math.prod(shape)) if content.size else np.zeros(math.prod(shape), dtype)
    array = array.reshape(shape, order="F" if fortran_order else "C")
    return _native(array, where)


def _read_bytes(stream: IO[bytes], size: int, where: str) -> np.ndarray:
    """The stream's next bytes, read-only. In pieces: a member of an archive is never in memory twice."""
    content = np.empty(size, np.uint8)
    place = 0
    while place < size:
        piece = stream.read(min(_PIECE, size - place))
        if not piece:
            raise DataError(f"{where}: ends after {place:,} of {size:,} bytes")
        content[place : place + len(piece)] = np.frombuffer(piece, np.uint8)
        place += len(piece)
    content.flags.writeable = False
    return content


def _native(array: np.ndarray, where: str) -> np.ndarray:
    if array.dtype.kind == "S":
        try:
            array = np.char.decode(array, "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"{where}: holds bytes that are not UTF-8 text: {error}") from error
    if array.dtype.kind == "U":
        if (np.frombuffer(array.astype(array.dtype.newbyteorder("=")).tobytes(), np.uint32) > sys.maxunicode).any():
            raise DataError(f"{where}: holds texts with what is no character")
        return array.astype(object)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def encode_npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The bytes of a .npz file: the same arrays give the same bytes at any time."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as member:
                npy.write_array(member, np.asarray(array), allow_pickle=False)
    return content.getvalue()
