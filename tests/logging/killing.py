"""A disk that can be stopped at any operation, as a kill or a power cut would stop it."""

import errno
import os
from pathlib import Path

from tfcli.logging import durable


class Killed(BaseException):
    """The process ended here."""


class StoppingStorage(durable.Storage):
    """Counts operations; at the `stop`-th and ever after it raises Killed, as nothing happens after a kill.

    A write that is stopped has put down half of its bytes.
    """

    def __init__(self, stop: int | None = None) -> None:
        self.stop = stop
        self.log: list[str] = []

    def _count(self, name: str, path: object) -> None:
        if self.stop is not None and len(self.log) >= self.stop:
            raise Killed(name)
        self.log.append(f"{name} {path}")

    def create(self, path: Path) -> int:
        self._count("create", path.name)
        return super().create(path)

    def open_to_append(self, path: Path) -> int:
        self._count("open", path.name)
        return super().open_to_append(path)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        if self.stop is not None and len(self.log) == self.stop:
            os.write(descriptor, data[: len(data) // 2])
        self._count("write", len(data))
        return super().write(descriptor, data)

    def truncate(self, descriptor: int, size: int) -> None:
        self._count("truncate", size)
        super().truncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        # The tests do not cut the power: what counts is when it is asked for.
        self._count("sync", Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)

    def replace(self, source: Path, target: Path) -> None:
        self._count("replace", target.name)
        super().replace(source, target)

    def unlink(self, path: Path) -> None:
        self._count("unlink", path.name)
        super().unlink(path)

    def make_directory(self, path: Path) -> None:
        self._count("make_directory", path.name)
        super().make_directory(path)

    def remove_directory(self, path: Path) -> None:
        self._count("remove_directory", path.name)
        super().remove_directory(path)


class FailingStorage(durable.Storage):
    """A disk on which the named operation fails with an errno."""

    def __init__(self, operation: str, code: int = errno.ENOSPC) -> None:
        def fail(*_: object) -> int:
            raise OSError(code, os.strerror(code))

        setattr(self, operation, fail)
