"""The contract of a data source."""

from pathlib import Path
from typing import Any, ClassVar

from tfcli.data.files import Blob
from tfcli.data.table import Table
from tfcli.declare import Declared

Names = str | list[str]


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

    def learn(self, train: Table) -> dict[str, Any]:
        """What `examples` needs to know of the training split's rows."""
        return {}

    def examples(self, rows: Table, learned: dict[str, Any], labelled: bool = True, floatx: str = "float64") -> Table:
        """The examples that `rows` hold; without targets where not `labelled`. A source that computes
        floating-point numbers gives them as `floatx`."""
        return rows

    def class_names(self, learned: dict[str, Any]) -> dict[str, list[str]]:
        """What the numbers of a target that the source itself makes stand for, by target."""
        return {}
