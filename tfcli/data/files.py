"""Where data files are, what they hold, and their fingerprints."""

import glob
import gzip
import io
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import file_digest, sha256
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, cast

from tfcli.declare import nearest
from tfcli.errors import DataError

BUNDLED = Path(__file__).parent / "bundled"
GZIP_MAGIC = b"\x1f\x8b"
_BUNDLED_PREFIX = "bundled:"
_ALWAYS_ALLOWED_BYTES = 2**25
_MAX_EXPANSION = 100
_PART = 2**20
_MOST_FINGERPRINTS = 64


@dataclass(frozen=True)
class Blob:
    """Bytes to read: the file at `path`, or `content` that is in memory. `name` is what messages call it."""

    name: str
    path: Path | None = None
    content: bytes | None = None

    @property
    def suffix(self) -> str:
        """The suffix that tells the format: `.csv` for both `a.csv` and `a.csv.gz`."""
        stem = self.name.removesuffix(".gz")
        return os.path.splitext(stem)[1].lower()

    def open(self) -> BinaryIO:
        """The bytes as they are stored. Raises DataError."""
        if self.path is None or self.content is not None:
            return io.BytesIO(self.content or b"")
        try:
            return self.path.open("rb")
        except OSError as error:
            raise self._unreadable(error) from error

    def in_memory(self) -> "Blob":
        """The same with its bytes read, so that what goes on reads no file. Raises DataError."""
        if self.path is None or self.content is not None:
            return self
        try:
            with io.FileIO(self.path) as file:  # what `open` adds to it takes as long as a small file
                return Blob(self.name, self.path, file.readall())
        except OSError as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: OSError) -> DataError:
        return DataError(f"cannot read {self.name} ({self.path}): {error.strerror}")

    def read(self, limit: int | None = None) -> bytes:
        """All bytes, unpacked where they are gzipped; DataError past `limit` bytes (default: what honest gzip files
        stay below)."""
        stored = self.in_memory().content or b""
        if not stored.startswith(GZIP_MAGIC):
            return stored
        left = bound = limit if limit is not None else expansion_limit(len(stored))
        parts: list[bytes] = []
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(stored)) as unpacked:
                while left >= 0 and (part := unpacked.read(_PART)):
                    parts.append(part)
                    left -= len(part)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{self.name}: the gzip file is damaged: {error}") from error
        if left < 0:
            raise DataError(f"{self.name}: unpacks to more than {bound:,} bytes, more than such a file should hold")
        return b"".join(parts)

    @contextmanager
    def stream(self) -> Iterator[io.BufferedReader]:
        """The bytes, unpacked where they are gzipped, as they come. Raises DataError."""
        with self.open() as stored:
            packed = stored.read(2) == GZIP_MAGIC
            stored.seek(0)
            yield io.BufferedReader(Unpacked(stored, self.name) if packed else stored)  # type: ignore[arg-type]

    def size(self) -> int:
        """How many bytes are stored."""
        with self.open() as stored:
            return stored.seek(0, os.SEEK_END)

    def fingerprint(self) -> dict[str, str]:
        """{file: SHA-256 of its bytes as stored}; empty for bytes that are no file."""
        return {} if self.path is None else {self._file(): self.digest()}

    def digest(self) -> str:
        """The SHA-256 of the bytes as stored."""
        if self.content is not None:
            return sha256(self.content).hexdigest()
        with self.open() as stream:
            return file_digest(cast(BufferedReader, stream), "sha256").hexdigest()

    def _file(self) -> str:
        """What fingerprints call the file."""
        assert self.path is not None, "fingerprints are of files"
        return self.name if self.path.parent == BUNDLED else os.path.abspath(self.path)


def fingerprints(blobs: Sequence[Blob], digests: Sequence[str] | None = None) -> dict[str, str]:
    """The files' fingerprints; of many files in a folder, one of them all together. `digests`: where they are known."""
    files = [blob for blob in blobs if blob.path is not None]
    known = digests or [blob.digest() for blob in files]
    if len(files) <= _MOST_FINGERPRINTS:
        return {blob._file(): digest for blob, digest in zip(files, known, strict=True)}
    paths = [os.path.abspath(str(blob.path)) for blob in files]
    listed = "\n".join(f"{path} {digest}" for path, digest in zip(paths, known, strict=True))
    return {os.path.commonpath(paths): sha256(listed.encode()).hexdigest()}


def expansion_limit(packed_bytes: int) -> int:
    """To how many bytes a compressed file of `packed_bytes` may unpack before we call it a bomb."""
    return max(_ALWAYS_ALLOWED_BYTES, _MAX_EXPANSION * packed_bytes)


def resolve(root: Path, path: str) -> Path:
    """`path` with `~` and `${VARIABLE}` replaced, relative to `root`. Raises DataError where a variable is not set."""
    if path.startswith(_BUNDLED_PREFIX):
        return bundled_file(path.removeprefix(_BUNDLED_PREFIX))

    def value(match: re.Match) -> str:
        if match[1] not in os.environ:
            raise DataError(f"the path {path!r} needs the environment variable {match[1]}, which is not set")
        return os.environ[match[1]]

    return root / Path(re.sub(r"\$\{(\w+)\}", value, path)).expanduser()


def absolute(root: Path, path: str) -> str:
    """`path` so that it means the same from any folder; a bundled set's as it is. Raises DataError as `resolve`
    does."""
    return path if path.startswith(_BUNDLED_PREFIX) else os.path.abspath(resolve(root, path))


def bundled_file(name: str) -> Path:
    """The file of a set that comes with the package. Raises DataError for a name that is none."""
    files = {path.name.split(".")[0]: path for path in BUNDLED.iterdir() if path.suffix != ".md"}
    if name not in files:
        hint = nearest(name, files) or f"there are: {', '.join(sorted(files))}"
        raise DataError(f"no bundled data is called {name!r}; {hint}")
    return files[name]


def find(root: Path, path: str) -> list[Blob]:
    """The files that `path` means (several where it is a glob), in order of name. Raises DataError where there is
    none."""
    resolved = resolve(root, path)
    if resolved.is_file():
        return [Blob(path, resolved)]
    matches = sorted(filter(os.path.isfile, glob.glob(str(resolved), recursive=True)))
    if not matches:
        if resolved.is_dir():
            raise DataError(f"{path} is a folder; a file was expected (for all its files: {path.rstrip('/')}/*)")
        raise DataError(f"there is no file {path} (looked for {resolved})")
    return [Blob(os.path.relpath(match, root), Path(match)) for match in matches]


class Unpacked(io.RawIOBase):
    """The unpacked bytes of a gzip or zlib stream, so many at a time. Raises DataError where it is damaged."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.stream, self.path_shown = stream, name
        self._packed = b""
        self._unpacker = self._fresh()

    def _fresh(self) -> Any:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS + 32)  # finds out which of the two it is

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end."""
        while True:
            if self._unpacker.eof:  # gzip files may be put one after the other
                self._packed = self._unpacker.unused_data
                if not (self._packed or self._more()):
                    return b""
                self._unpacker = self._fresh()
            elif not (self._packed or self._more()):
                return self._end(size)
            packed, self._packed = self._packed, b""
            try:
                content = self._unpacker.decompress(packed, size)
            except zlib.error as error:
                raise DataError(f"{self.path_shown}: the compressed file is damaged: {error}") from error
            self._packed = self._unpacker.unconsumed_tail
            if content:
                return content

    def _more(self) -> bytes:
        self._packed = self.stream.read(2**18)
        return self._packed

    def _end(self, size: int) -> bytes:
        content = self._unpacker.decompress(b"", size)
        if not content and not self._unpacker.eof:
            raise DataError(f"{self.path_shown}: the compressed file is damaged: it ends too early")
        return content
