"""Opening Keras's files, `.keras` archives and HDF5, which may be anybody's: sizes and places are looked at first."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.errors import SpecError, TfcliError

_DAMAGE = (OSError, RuntimeError, KeyError, TypeError, ValueError, OverflowError)
"""What h5py raises for files that are not whole, of which a TypeError is a kind of number that numpy has not."""
_MOST_EXPANSION = 100
_ALWAYS_ALLOWED = 2**24
"""A file may unfold to as many times its size, or as many bytes, whichever is more."""


def expansion_limit(size: int) -> int:
    """The bytes that a file of `size` bytes may unfold to."""
    return max(_ALWAYS_ALLOWED, _MOST_EXPANSION * size)


def read_member(path: Path, name: str) -> bytes | None:
    """What a member of a zip archive holds, None where there is none. Raises SpecError."""
    try:
        limit = expansion_limit(path.stat().st_size)
        with zipfile.ZipFile(path) as archive:
            if name not in archive.namelist():
                return None
            size = archive.getinfo(name).file_size
            if size > limit:
                raise SpecError(f"{path}: {name} would grow to {size:,} bytes, more than the {limit:,} it may have")
            with archive.open(name) as member:
                return member.read(size)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, UnicodeDecodeError) as error:
        raise SpecError(f"{path} is no .keras archive of Keras 3: {error}") from error


def require_h5py(what: str) -> Any:
    """The package that reads and writes HDF5. Raises SpecError where it is not installed."""
    try:
        import h5py
    except ModuleNotFoundError:
        raise SpecError(
            f"{what} needs the package h5py: pip install 'tfcli[keras]'; without it models are saved in directories, "
            "and weights in .weights.safetensors files"
        ) from None
    return h5py


@contextmanager
def open_h5(content: bytes, source: str) -> Iterator[Any]:
    """The HDF5 file in `content`. Raises SpecError where it is damaged, or without h5py."""
    h5py = require_h5py(f"reading {source}")
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            yield file
    except TfcliError:
        raise
    except _DAMAGE as error:
        raise SpecError(f"{source} is damaged or no weights file of Keras 3: {error}") from error


def own_member(group: Any, name: str) -> Any:
    """What lies under the name, and under no other, in the file itself; None where that is nothing, or a link."""
    import h5py

    if not isinstance(group, h5py.Group) or not isinstance(group.get(name, getlink=True), h5py.HardLink):
        return None
    member = group[name]
    # A group of two names may hold itself.
    return member if h5py.h5o.get_info(member.id).rc == 1 else None


def names_in(group: Any, source: str) -> list[str]:
    """The names of a group's members, none for what is no group. Raises SpecError for one that is not UTF-8."""
    import h5py

    names = list(group) if isinstance(group, h5py.Group) else []
    if not all(isinstance(name, str) for name in names):
        raise SpecError(f"{source} is damaged: it holds a name that is not UTF-8")
    return names


def numbers_in(data: Any, source: str) -> np.ndarray:
    """A data set's numbers. Raises SpecError where they lie elsewhere, or are more than the file can have."""
    if data.dtype.kind not in "fiub" or data.external or data.is_virtual:
        raise SpecError(f"{source}: {data.name} holds {data.dtype}, or numbers that lie in another file")
    size = data.file.id.get_filesize()
    if data.nbytes > expansion_limit(size):
        raise SpecError(f"{source}: {data.name} claims {data.nbytes:,} bytes, in a file of {size:,}")
    return np.asarray(data[()])
