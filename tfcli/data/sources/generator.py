"""Examples that the user's own Python makes."""

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.data.files import Blob
from tfcli.data.source import Source
from tfcli.data.table import Rows, Table
from tfcli.data.uneven import stacked_or_uneven
from tfcli.declare import FunctionName, PositiveInt
from tfcli.declare.functions import functions_in, load_function
from tfcli.errors import DataError, SpecError

X, Y, WEIGHT = "x", "y", "sample_weight"


class Generator(Source, name="generator"):
    """What a function yields: an example each, as x, (x, y) or (x, y, weight); x and y are arrays, texts, or dicts of
    them by name. The same arguments must give the same examples each time."""

    function: FunctionName
    """`module:callable`; the module is looked for in the spec's folder first."""
    arguments: dict[str, Any] = {}
    """What the function is called with."""
    count: PositiveInt | None = None
    """How many examples to take. Default: all; the generator must then end."""

    def read(self, root: Path) -> Table:
        try:
            with functions_in(root):
                examples = list(islice(load_function(self.function)(**self.arguments), self.count))
        except SpecError as error:
            raise DataError(f"data.source: {error}") from error
        except Exception as error:  # whatever the user's function does
            raise DataError(f"data.source: {self.function} failed: {type(error).__name__}: {error}") from error
        return self._table(examples)

    def read_input(self, blob: Blob, labelled: bool) -> Table:
        raise DataError(f"{blob.name}: the model learned from a generator, which reads no files; give `--split`")

    def _table(self, examples: list[Any]) -> Table:
        if not examples:
            raise DataError(f"data.source: {self.function} yields no examples")
        parts = [example if isinstance(example, tuple) else (example,) for example in examples]
        size = len(parts[0])
        wrong = next((i for i, part in enumerate(parts) if len(part) != size or not 1 <= len(part) <= 3), None)
        if wrong is not None:
            what = f"has {len(parts[wrong])} parts, and the first has {size}; x, (x, y) or (x, y, weight) were expected"
            raise DataError(f"{self._where(wrong)} {what}")
        inputs = self._columns([part[0] for part in parts], X)
        targets = self._columns([part[1] for part in parts], Y) if size > 1 else {}
        columns = inputs | targets
        if size > 2:
            columns[WEIGHT] = self._column([part[2] for part in parts], WEIGHT)
        rows = Rows.counted(self.function, len(parts))
        return Table(columns, list(inputs), rows, list(targets), WEIGHT if size > 2 else None)

    def _columns(self, values: list[Any], name: str) -> dict[str, np.ndarray]:
        if not isinstance(values[0], dict):
            return {name: self._column(values, name)}
        for i, value in enumerate(values):
            if not isinstance(value, dict) or value.keys() != values[0].keys():
                raise DataError(f"{self._where(i)} does not have the names of the first, {', '.join(values[0])}")
        return {str(key): self._column([value[key] for value in values], str(key)) for key in values[0]}

    def _column(self, values: list[Any], name: str) -> np.ndarray:
        arrays = [np.asarray(value) for value in values]
        for i, array in enumerate(arrays):
            if array.dtype.kind not in "biufUS" or array.ndim != arrays[0].ndim:
                shown = f"{array.dtype} {array.shape}"
                raise DataError(f"{self._where(i)} has {name} as {shown}; the first has {arrays[0].shape}")
        if arrays[0].dtype.kind == "S":
            arrays = [np.char.decode(array, "utf-8") for array in arrays]
        column = stacked_or_uneven(arrays)
        return column.astype(object) if column.dtype.kind == "U" else column

    def _where(self, index: int) -> str:
        return f"data.source: example {index} of {self.function}"
