"""A table's columns as model inputs: Keras's FeatureSpace."""

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from tfcli.data.features import CategoricalFeature, Feature, Float, IndexFeature, OutputMode, Sequence, Text, as_output
from tfcli.data.learning import blocks
from tfcli.data.table import Table, parse_number
from tfcli.data.uneven import in_floats, is_uneven
from tfcli.declare import Declared, PositiveInt, nearest
from tfcli.engine.preprocessing.categories import crossed
from tfcli.errors import DataError

INPUT = "features"


class Cross(Declared):
    """A feature for each combination of several features' categories, put into `crossing_dim` bins by a hash."""

    features: list[str]
    """Features with categories: categorical, hashed or discretized ones."""
    crossing_dim: PositiveInt
    output_mode: OutputMode = "one_hot"

    @property
    def name(self) -> str:
        return "_X_".join(self.features)


class FeatureSpace:
    """Encodes tables by `features` and `crosses`, in Keras's order: features by name, then crosses by name."""

    def __init__(
        self, features: dict[str, Feature], crosses: list[Cross], output_mode: Literal["concat", "dict"], floatx: str
    ) -> None:
        self.features, self.output_mode, self.floatx = dict(sorted(features.items())), output_mode, floatx
        self.crosses = sorted(crosses, key=lambda cross: cross.name)

    @property
    def learns(self) -> bool:
        """Whether any feature learns of the data."""
        return any(feature.learns for feature in self.features.values())

    def learn(self, tables: Iterable[Table]) -> dict[str, Any]:
        """What all features learn, in one pass over the training split's rows. Raises DataError."""
        summaries = {name: feature.summary(name) for name, feature in self.features.items()}
        for table in blocks(tables):
            self._refuse_absent(table)
            for summary in summaries.values():
                summary.update(table)
        return {name: summary.result() for name, summary in summaries.items()}

    def encode(self, table: Table, learned: dict[str, Any]) -> dict[str, np.ndarray]:
        """Model inputs by name: one (N, K) called `features` and the texts (N,), or one a feature. Raises DataError
        naming row and column."""
        self._refuse_absent(table)
        encoded = {n: f.encode(table, n, learned[n], self.floatx) for n, f in self.features.items()}
        encoded |= {cross.name: self._cross(cross, table, learned) for cross in self.crosses}
        if self.output_mode == "dict":
            return encoded
        alone = {name for name, feature in self.features.items() if isinstance(feature, Text | Sequence)}
        numbers = [array for name, array in encoded.items() if name not in alone]
        others = {name: encoded[name] for name in encoded if name in alone}
        return ({INPUT: np.concatenate(numbers, axis=1)} if numbers else {}) | others

    def unseen(self, table: Table, learned: dict[str, Any]) -> list[str]:
        """A remark for each category of `table` that the training split does not have, with the first row that has it:
        it counts as unknown."""
        remarks = []
        for name, feature in self.features.items():
            if not isinstance(feature, CategoricalFeature):
                continue
            values, missing = feature.values(table, name)
            known = set(learned[name]["vocabulary"])
            new: dict[Any, list[int]] = {}
            for row in np.flatnonzero(~missing).tolist():
                if values[row] not in known:
                    new.setdefault(values[row], []).append(row)
            for value, rows in new.items():
                more = f", and in {len(rows) - 1:,} more" if len(rows) > 1 else ""
                where = table.where(rows[0], name)
                remarks.append(f"{where}{more}: {value!r} does not occur in the training split; it counts as unknown")
        return remarks

    def _cross(self, cross: Cross, table: Table, learned: dict[str, Any]) -> np.ndarray:
        parts = []
        for name in cross.features:
            feature = self.features[name]
            assert isinstance(feature, IndexFeature), "DataSpec.check lets only features with categories be crossed"
            parts.append(feature.indices(table, name, learned[name]))
        return as_output(crossed(parts, cross.crossing_dim), cross.crossing_dim, cross.output_mode, self.floatx)

    def _refuse_absent(self, table: Table) -> None:
        for name in self.features:
            if name not in table.columns:
                hint = nearest(name, table.columns) or f"its columns are: {', '.join(table.columns)}"
                raise DataError(f"{table.rows.files[0]}: has no column {name!r}, which is a feature; {hint}")


def concatenate_numbers(table: Table, floatx: str) -> dict[str, np.ndarray]:
    """All feature columns as one input `features` (N, K), in file order, and lists of different lengths by themselves.

    Raises DataError for a column of texts.
    """
    if not table.features:
        raise DataError(f"{table.rows.files[0]}: has no column besides the label to predict from")
    columns = []
    lists = {name: in_floats(table.columns[name], floatx) for name in table.features if is_uneven(table.columns[name])}
    for name in table.features:
        if name in lists:
            continue
        if table.columns[name].dtype == object:
            _refuse_texts(table, name)
        columns.append(Float().encode(table, name, {"fill": None}, floatx))
    return ({INPUT: np.concatenate(columns, axis=1)} if columns else {}) | lists


def _refuse_texts(table: Table, name: str) -> None:
    texts = table.columns[name]
    wrong = np.array([text != "" and parse_number(text) is None for text in texts])
    at = int(wrong.argmax())
    if wrong.mean() < 0.5 and wrong.any():
        raise DataError(
            f"{table.where(at, name)}: expected a number, as in other rows of the column, got {texts[at]!r}"
        )
    if not wrong.any():
        raise DataError(
            f"{table.rows.files[0]}: the column {name!r} holds numbers in this split and a text elsewhere; "
            f"mend the text, or say what counts as missing, as in `missing_values: ['', NA, '?']`"
        )
    raise DataError(
        f"{table.where(at, name)}: {texts[at]!r} is a text; list the columns to use under `data.features`, this one"
        f" as `{name}: string_categorical`, or as `{name}: text` for a text_vectorization"
    )
