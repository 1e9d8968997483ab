"""Rows of CSV files as elements."""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfcli.data.dataset.elements import Element
from tfcli.engine.spec import DType, as_dtype
from tfcli.engine.tensor import as_array
from tfcli.errors import DataError


@dataclass(frozen=True)
class CsvColumn:
    """A column's dtype, and what stands for a missing value; None where there must be one."""

    dtype: DType
    default: np.ndarray | None

    @staticmethod
    def of(default: Any) -> "CsvColumn":
        if isinstance(default, DType | type):
            return CsvColumn(as_dtype(default), None)
        array = as_array(default)
        values = array.reshape(-1)
        return CsvColumn(as_dtype(array.dtype), values[0, ...] if values.size else None)

    def value(self, text: str, where: str) -> np.ndarray:
        """Raises DataError for a text that is none of the dtype."""
        if text == "" and self.default is not None:
            return np.asarray(self.default)
        if text == "" and self.dtype.name != "string":
            raise DataError(f"{where}: a value is missing; a default in record_defaults stands for it")
        if self.dtype.name == "string":
            return np.array(text.encode(), object)
        try:
            return np.asarray(float(text) if self.dtype.is_floating else int(text)).astype(self.dtype.numpy)
        except (ValueError, OverflowError) as error:
            raise DataError(f"{where}: expected {self.dtype.name}, got {text!r}") from error


@dataclass(frozen=True)
class CsvReader:
    """What CsvDataset was told."""

    columns: Sequence[CsvColumn]
    header: bool
    delimiter: str
    quoted: bool
    na_value: str
    select: Sequence[int] | None
    exclude: Sequence[int] | None

    def rows(self, name: str, opened: AbstractContextManager[io.BufferedReader]) -> Iterator[Element]:
        """Raises DataError naming the row."""
        quoting: Any = csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE
        with opened as stream:
            text = io.TextIOWrapper(stream, "utf-8", newline="")
            reader = csv.reader(text, delimiter=self.delimiter, quoting=quoting, strict=True)
            try:
                for number, record in enumerate(reader):
                    if record and not (self.header and number == 0):
                        yield self._element(record, f"{name}, row {reader.line_num}")
            except csv.Error as error:
                raise DataError(f"{name}, row {reader.line_num}: not valid CSV: {error}") from error

    def _element(self, record: list[str], where: str) -> Element:
        if self.select is not None:
            places = list(self.select)
        else:
            left_out = set(self.exclude or ())
            places = [i for i in range(len(record)) if i not in left_out]
        if len(places) != len(self.columns) or (places and max(places) >= len(record)):
            raise DataError(f"{where}: has {len(record)} values; record_defaults has {len(self.columns)} columns")
        texts = ["" if record[i] == self.na_value else record[i] for i in places]
        return tuple(column.value(text, where) for column, text in zip(self.columns, texts, strict=True))
