"""Stages about when work is done; the numbers do not depend on them."""

from typing import Literal

from tfcli.data.stage import Stage
from tfcli.declare import PositiveInt

_AUTO = 2


class Cache(Stage):
    """Keeps in memory what the stages before it make, from the first epoch on; a shuffle before it gives one order
    for all epochs."""


class Prefetch(Stage):
    """Prepares up to `buffer_size` batches in the background while the model works."""

    buffer_size: PositiveInt | Literal["auto"] = "auto"

    @property
    def size(self) -> int:
        return _AUTO if self.buffer_size == "auto" else self.buffer_size
