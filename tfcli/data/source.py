"""The contract of a data source."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np

from tfcli.data.faults import OnError
from tfcli.data.files import Blob, fingerprints
from tfcli.data.table import Table, stacked_tables
from tfcli.declare import Declared

Names = str | list[str]
Kinds = dict[str, np.dtype]
"""The dtypes of a table's columns."""

LARGE = 2**28
"""Bytes of files from which on a source is streamed where nothing else is said."""


class Source(Declared, kind="data source"):
    """Where examples come from.

    `read` gives the rows as the file has them. `learn` looks at the training split's rows, `examples` makes the model's
    examples of rows with what was learned: for most sources a row is an example and both have nothing to do.
    """

    ordered: ClassVar[bool] = False
    """Rows have an order in time or text: `split` cuts, it does not draw."""

    def read(self, root: Path) -> Table:
        """All rows; relative paths are below `root`. Raises DataError."""
        raise AssertionError(f"{type(self).__name__} must define read")

    def read_input(self, blob: Blob, labelled: bool) -> Table:
        """The rows of one raw file in the source's format; labels are needed only where `labelled`. Raises
        DataError."""
        raise AssertionError(f"{type(self).__name__} must define read_input")

    def only(self, features: Iterable[str], others: Iterable[str]) -> Self:
        """The same source, which need not read columns besides these `features` (where empty: those that it takes by
        itself), `others`, labels and weights."""
        return self

    def streams(self, root: Path) -> bool:
        """Whether the rows are read anew in each pass rather than kept in memory."""
        return False

    def learn(self, train: Table) -> dict[str, Any]:
        """What `examples` needs to know of the training split's rows."""
        return {}

    def examples(self, rows: Table, learned: dict[str, Any], labelled: bool = True, floatx: str = "float64") -> Table:
        """The examples that `rows` hold; without targets where not `labelled`. A source that computes
        floating-point numbers gives them as `floatx`."""
        return rows

    def target_names(self, learned: dict[str, Any]) -> dict[str, list[str]]:
        """What the numbers of a target that the source itself makes stand for, by target."""
        return {}


class ChunkedSource(Source, abstract=True):
    """Files that are read some thousands of rows at a time; where they are large, anew in each pass."""

    streaming: Literal["auto"] | bool = "auto"
    """Read the files anew in each epoch instead of keeping all in memory. auto: where they have 256 MiB and more."""
    on_error: OnError = "stop"
    """What to do about a damaged record: stop there, or skip it, counting and naming it."""

    def blobs(self, root: Path) -> list[Blob]:
        """The files, in order. Raises DataError where there are none."""
        raise AssertionError(f"{type(self).__name__} must define blobs")

    def chunks(
        self, blobs: Sequence[Blob], labelled: bool, kinds: Kinds | None = None, skip: int = 0
    ) -> Iterator[Table]:
        """The rows, some thousands at a time, in order; `kinds` are the columns' dtypes, where they are known.

        The first `skip` chunks, all of the first file, are passed over without a look at their values. That is done in
        files that were read before.
        """
        raise AssertionError(f"{type(self).__name__} must define chunks")

    def streams(self, root: Path) -> bool:
        if self.streaming == "auto":
            return sum(blob.size() for blob in self.blobs(root)) >= LARGE
        return self.streaming

    def read(self, root: Path) -> Table:
        return self.whole(self.blobs(root), labelled=True)

    def read_input(self, blob: Blob, labelled: bool) -> Table:
        return self.whole([blob], labelled)

    def whole(self, blobs: Sequence[Blob], labelled: bool) -> Table:
        """All rows at once."""
        return stacked_tables(list(self.chunks(blobs, labelled)), fingerprints(blobs))
