"""tf.data.experimental: what older programs call there."""

from collections.abc import Callable

from tfcli.data.dataset.dataset import AUTOTUNE, INFINITE_CARDINALITY, UNKNOWN_CARDINALITY, Dataset
from tfcli.engine.tensor import Tensor

__all__ = ["AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "assert_cardinality", "cardinality"]


def cardinality(dataset: Dataset) -> Tensor:
    """The number of elements; INFINITE_CARDINALITY or UNKNOWN_CARDINALITY where there is none."""
    return dataset.cardinality()


def assert_cardinality(expected_cardinality: int) -> Callable[[Dataset], Dataset]:
    """For Dataset.apply: the dataset, which has this many elements. Raises DataError at the end where it has not."""
    return lambda dataset: dataset.counted(int(expected_cardinality))
