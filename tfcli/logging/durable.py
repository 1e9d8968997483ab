"""Writing that survives a kill, a full disk and a power cut.

A file or a directory appears under its name whole or not at all: it is written under a temporary name beside its place,
synced, renamed, and the parent directory synced. Every change on disk goes through the operations of `Storage`.
"""

import contextlib
import errno
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tfcli.errors import CheckpointError

TEMPORARY = ".tmp-"

_ADVICE = {
    errno.ENOSPC: ("the disk is full", "free some space and go on with --resume"),
    errno.EDQUOT: ("your disk quota is used up", "free some space and go on with --resume"),
    errno.EROFS: ("the file system is read-only", "write to another place with --logdir"),
    errno.EACCES: ("permission denied", "change the permissions, or write to another place with --logdir"),
    errno.EPERM: ("permission denied", "change the permissions, or write to another place with --logdir"),
    errno.EIO: ("the disk reports an input/output error", "check the disk; copy the run elsewhere before going on"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter name"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "choose another place with --logdir"),
}


class Storage:
    """The operations that change the disk, one method each; a test counts them, and stops at any of them."""

    def create(self, path: Path) -> int:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)

    def open_to_append(self, path: Path) -> int:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        return os.write(descriptor, data)

    def truncate(self, descriptor: int, size: int) -> None:
        os.ftruncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        os.replace(source, target)

    def unlink(self, path: Path) -> None:
        os.unlink(path)

    def make_directory(self, path: Path) -> None:
        os.mkdir(path)

    def remove_directory(self, path: Path) -> None:
        os.rmdir(path)


storage = Storage()


@contextlib.contextmanager
def plain_errors(path: Path, action: str = "write") -> Iterator[None]:
    """Turn an OSError into a CheckpointError that names `path`, the reason and the way out."""
    try:
        yield
    except OSError as error:
        fallback = (error.strerror or str(error), "check the path and the disk")
        reason, advice = _ADVICE.get(error.errno or 0, fallback)
        raise CheckpointError(f"cannot {action} {path}: {reason}; {advice}") from error


def write_bytes(path: Path, data: bytes) -> None:
    """Put `data` at `path`, atomically, making missing folders. Raises CheckpointError."""
    make_directory(path.parent)
    temporary = _beside(path)
    with plain_errors(path):
        try:
            _write_new(temporary, data)
            storage.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                storage.unlink(temporary)
            raise
        _sync_directory(path.parent)


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of UTF-8."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """`write_bytes` of readable JSON; numpy numbers become numbers, paths become texts."""
    write_text(path, to_json(value, indent=2) + "\n")


def to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, indent=indent, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    assert hasattr(value, "tolist"), f"no JSON form for {value!r}"
    return value.tolist()


def read_json(path: Path) -> Any:
    """The value in a JSON file. Raises CheckpointError where it is missing or damaged."""
    with plain_errors(path, "read"):
        data = path.read_bytes()
    return parse_json(data, path)


def parse_json(data: bytes, path: Path) -> Any:
    """The value that the bytes of the file at `path` are. Raises CheckpointError where they are not JSON."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: it is not JSON ({error})") from error


def append_lines(path: Path, lines: Sequence[str]) -> None:
    """Add lines to `path` and sync it once; an unfinished line that a killed process left is cut off first."""
    assert not any("\n" in line for line in lines), "a line has one end"
    make_directory(path.parent)
    with plain_errors(path):
        is_new = not path.exists()
        descriptor = storage.open_to_append(path)
        try:
            size = os.fstat(descriptor).st_size
            whole = _end_of_last_line(descriptor, size)
            if whole < size:
                storage.truncate(descriptor, whole)
            _write_all(descriptor, "".join(f"{line}\n" for line in lines).encode())
            storage.sync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            _sync_directory(path.parent)


def _end_of_last_line(descriptor: int, size: int) -> int:
    end = size
    while end > 0:
        start = max(0, end - 4096)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def read_lines(path: Path) -> list[str]:
    """The finished lines of `path`, without their ends; none where there is no file."""
    if not path.exists():
        return []
    with plain_errors(path, "read"):
        data = path.read_bytes()
    return [line.decode(errors="replace") for line in data.split(b"\n")[:-1]]


def make_directory(path: Path) -> None:
    """Make `path` and the folders above it, as far as they are missing. Raises CheckpointError."""
    if path.is_dir():
        return
    make_directory(path.parent)
    with plain_errors(path):
        # Two processes may start runs of one name together: the folder of that name is then both's.
        with contextlib.suppress(FileExistsError):
            storage.make_directory(path)
        _sync_directory(path.parent)


def make_new_directory(path: Path) -> None:
    """Make `path`, which must not exist, and what is missing above it. Raises CheckpointError."""
    make_directory(path.parent)
    with plain_errors(path, "make"):
        storage.make_directory(path)
        _sync_directory(path.parent)


class DirectoryWriter:
    """A directory that appears whole, or not at all.

    `with DirectoryWriter(path) as writer: writer.add(name, data)`: the files are synced as they are added, and at the
    end of the block the directory takes its name, in place of what was there. An exception in the block leaves nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._temporary = _beside(path)

    def __enter__(self) -> "DirectoryWriter":
        make_directory(self.path.parent)
        with plain_errors(self.path):
            storage.make_directory(self._temporary)
        return self

    def add(self, name: str, data: bytes) -> None:
        with plain_errors(self.path / name):
            _write_new(self._temporary / name, data)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if kind is None:
                with plain_errors(self.path):
                    self._publish()
        finally:
            if self._temporary.exists():
                with contextlib.suppress(OSError):
                    _remove_entries(self._temporary)

    def _publish(self) -> None:
        _sync_directory(self._temporary)
        # A directory cannot be renamed onto one with files: the old one steps aside first.
        aside = _beside(self.path) if self.path.exists() else None
        if aside is not None:
            storage.replace(self.path, aside)
        storage.replace(self._temporary, self.path)
        _sync_directory(self.path.parent)
        if aside is not None:
            _remove_entries(aside)


def remove_tree(path: Path) -> None:
    """Remove a file or a directory: its name at once, then what it holds, following no link. Raises CheckpointError."""
    with plain_errors(path, "remove"):
        aside = _beside(path)
        storage.replace(path, aside)
        _remove_entries(aside)
        _sync_directory(path.parent)


def remove_leftovers(directory: Path) -> None:
    """Remove what killed writers left in `directory`; only for who holds the run's lock."""
    if not directory.is_dir():
        return
    with plain_errors(directory, "clean"):
        for entry in sorted(directory.iterdir()):
            if entry.name.startswith(TEMPORARY):
                _remove_entries(entry)


class AppendFile:
    """A file that grows by whole blocks of bytes, synced only where asked. Raises CheckpointError."""

    def __init__(self, path: Path) -> None:
        make_directory(path.parent)
        self.path = path
        with plain_errors(path):
            self._descriptor = storage.create(path)

    def write(self, data: bytes) -> None:
        with plain_errors(self.path):
            _write_all(self._descriptor, data)

    def close(self) -> None:
        try:
            with plain_errors(self.path):
                storage.sync(self._descriptor)
        finally:
            os.close(self._descriptor)


def _beside(path: Path) -> Path:
    return path.with_name(f"{TEMPORARY}{secrets.token_hex(4)}-{path.name}")


def _write_new(path: Path, data: bytes) -> None:
    descriptor = storage.create(path)
    try:
        _write_all(descriptor, data)
        storage.sync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[storage.write(descriptor, rest) :]


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        storage.sync(descriptor)
    finally:
        os.close(descriptor)


def _remove_entries(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        storage.unlink(path)
        return
    for entry in sorted(path.iterdir()):
        _remove_entries(entry)
    storage.remove_directory(path)
