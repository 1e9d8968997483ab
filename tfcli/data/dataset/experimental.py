"""tf.data.experimental: what older programs call there."""

from collections.abc import Callable
from typing import Any

from tfcli.data.dataset.dataset import AUTOTUNE, INFINITE_CARDINALITY, UNKNOWN_CARDINALITY, Dataset
from tfcli.data.dataset.files import CsvDataset
from tfcli.engine.tensor import Tensor

__all__ = [
    "AUTOTUNE",
    "INFINITE_CARDINALITY",
    "UNKNOWN_CARDINALITY",
    "CsvDataset",
    "assert_cardinality",
    "cardinality",
    "dense_to_ragged_batch",
    "ignore_errors",
    "rejection_resample",
]


def cardinality(dataset: Dataset) -> Tensor:
    """The number of elements; INFINITE_CARDINALITY or UNKNOWN_CARDINALITY where there is none."""
    return dataset.cardinality()


def assert_cardinality(expected_cardinality: int) -> Callable[[Dataset], Dataset]:
    """For Dataset.apply: the dataset, which has this many elements. Raises DataError at the end where it has not."""
    return lambda dataset: dataset.counted(int(expected_cardinality))


def dense_to_ragged_batch(batch_size: int, drop_remainder: bool = False) -> Callable[[Dataset], Dataset]:
    """For Dataset.apply: what `Dataset.ragged_batch` gives."""
    return lambda dataset: dataset.ragged_batch(batch_size, drop_remainder)


def ignore_errors(log_warning: bool = False) -> Callable[[Dataset], Dataset]:
    """For Dataset.apply: the elements without those that cannot be computed."""
    return lambda dataset: dataset.ignore_errors(log_warning)


def rejection_resample(
    class_func: Callable, target_dist: Any, initial_dist: Any = None, seed: int | None = None
) -> Callable[[Dataset], Dataset]:
    """For Dataset.apply: what `Dataset.rejection_resample` gives."""
    return lambda dataset: dataset.rejection_resample(class_func, target_dist, initial_dist, seed)
