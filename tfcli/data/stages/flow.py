"""Stages about when work is done; the numbers do not depend on them."""

from typing import Literal

from tfcli.data.stage import Stage
from tfcli.declare import PathString, PositiveInt

_AUTO = 2


class Keeping(Stage, abstract=True):
    """Keeps what the stages before it make, from the first epoch on."""

    @property
    def file(self) -> str | None:
        """The beginning of the names of the files in which it is also kept."""
        raise AssertionError(f"{type(self).__name__} must define file")


class Cache(Keeping):
    """Keeps in memory what the stages before it make, from the first epoch on; a shuffle before it gives one order
    for all epochs."""

    filename: PathString | None = None
    """The beginning of files' names: what is kept is also written to `FILENAME-….npz`, and later runs read it from
    there where the examples, the stages before and the seed are the same."""

    @property
    def file(self) -> str | None:
        return self.filename


class Snapshot(Keeping):
    """A `cache` whose content is also written to files, for later runs with the same examples, stages and seed."""

    path: PathString
    """The beginning of the files' names."""

    @property
    def file(self) -> str:
        return self.path


class Prefetch(Stage):
    """Prepares up to `buffer_size` batches in the background while the model works."""

    buffer_size: PositiveInt | Literal["auto"] = "auto"

    @property
    def size(self) -> int:
        return _AUTO if self.buffer_size == "auto" else self.buffer_size
