"""Keras's preprocessing layers for categories and texts as stages, and one-hot labels.

Fields and arithmetic of the former are in `tfcli.engine.preprocessing`.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from tfcli.data.stage import Batch, Context, Function, Transform, integers
from tfcli.data.stages.learned import Adapting, Computing, about
from tfcli.declare import FieldError, PositiveInt, nearest
from tfcli.engine.preprocessing import byte_pairs, categories, lookup, text
from tfcli.engine.preprocessing.encoding import encode, refuse_outside
from tfcli.engine.preprocessing.learning import Learned
from tfcli.engine.spec import Shape, TensorSpec, as_dtype
from tfcli.errors import DataError


class CategoryEncoding(categories.CategoryEncoding, Computing): ...


class Hashing(categories.Hashing, Computing): ...


class HashedCrossing(categories.HashedCrossing, Transform):
    """A new input for the combinations of values of several inputs, put into `num_bins` bins by a hash."""

    features: list[str]
    """The inputs to combine; their names joined by `_X_` are the new one's."""

    def check(self) -> None:
        super().check()
        if len(self.features) < 2:
            raise FieldError("features", "at least two inputs can be combined")

    def bind(self, learned: dict[str, Any], context: Context) -> Function:
        name = "_X_".join(self.features)

        def run(batch: Batch) -> Batch:
            for feature in self.features:
                if feature not in batch.inputs:
                    hint = nearest(feature, batch.inputs) or f"there are: {', '.join(batch.inputs)}"
                    raise DataError(f"{context.where}: there is no input {feature!r}; {hint}")
            columns = [batch.inputs[feature] for feature in self.features]
            with about(name, context):
                self.infer(None, context.floatx, *(TensorSpec(Shape(c.shape), as_dtype(c.dtype)) for c in columns))
                return batch.with_inputs({name: self.compute(None, context.floatx, *columns)})

        return run


class _Lookup(Computing, Adapting, abstract=True):
    """What stages with a vocabulary have in common."""

    @property
    def learns(self) -> bool:
        """What was read from a file is kept, too, so that it need not be there later."""
        return not isinstance(self.vocabulary, list)  # type: ignore[attr-defined]

    def learn(self, batches: Iterable[Batch], context: Context) -> dict[str, Learned]:
        if self.vocabulary is None:  # type: ignore[attr-defined]
            return super().learn(batches, context)
        learned = {}
        for name in self.names(next(iter(batches)), context):
            with about(name, context):
                learned[name] = {"vocabulary": self.prepare(None).tokens}
        return learned


class StringLookup(_Lookup, lookup.StringLookup): ...


class IntegerLookup(_Lookup, lookup.IntegerLookup): ...


class TextVectorization(_Lookup, text.TextVectorization):
    @property
    def varies(self) -> bool:
        return self.output_mode == "int" and self.output_sequence_length is None and self.split is not None


class BytePairTokenizer(byte_pairs.BytePairTokenizer, Computing, Adapting):
    output_mode = "int"

    @property
    def varies(self) -> bool:
        return self.output_sequence_length is None


class OneHot(Transform):
    """Whole-number labels (N,) as one-hot vectors (N, depth)."""

    depth: PositiveInt | None = None
    """The number of classes. Default: one more than the training split's greatest label."""
    label: str | None = None
    """The label, where there are several. Default: all."""

    @property
    def learns(self) -> bool:
        return self.depth is None

    def _names(self, batch: Batch, context: Context) -> list[str]:
        if self.label is not None and batch.targets and self.label not in batch.targets:
            hint = nearest(self.label, batch.targets) or f"there are: {', '.join(batch.targets)}"
            raise DataError(f"{context.where}: there is no label {self.label!r}; {hint}")
        return [name for name in batch.targets if self.label in (None, name)]

    def learn(self, batches: Iterable[Batch], context: Context) -> dict[str, Any]:
        depths: dict[str, int] = {}
        for batch in batches:
            for name in self._names(batch, context):
                labels = integers(batch.targets[name], name, context)
                _refuse_outside(labels, np.iinfo(np.int64).max, name, context)
                depths[name] = max(depths.get(name, 0), int(labels.max()) + 1)
        return depths

    def bind(self, learned: dict[str, Any], context: Context) -> Function:
        def run(batch: Batch) -> Batch:
            changed = {}
            for name in self._names(batch, context):
                depth = self.depth or learned[name]
                labels = integers(batch.targets[name], name, context)
                _refuse_outside(labels, depth, name, context)
                changed[name] = encode(labels, depth, "one_hot", context.floatx)
            return replace(batch, targets=batch.targets | changed)

        return run


def _refuse_outside(labels: np.ndarray, size: int, name: str, context: Context) -> None:
    with about(name, context):
        refuse_outside(labels, size)
