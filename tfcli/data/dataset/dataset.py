"""tf.data.Dataset: input pipelines, pulled lazily, with elements that are tensors in nested structures.

Everything is deterministic: parallel calls keep their order, and shuffling depends on the seed and on how often the
dataset has been gone through. Rows of arrays stay index arithmetic until a batch or a function needs them.
"""

from tfcli.data.dataset.core import AUTOTUNE, INFINITE_CARDINALITY, UNKNOWN_CARDINALITY
from tfcli.data.dataset.functions import Functions
from tfcli.data.dataset.groups import Groups
from tfcli.data.dataset.making import Making
from tfcli.data.dataset.order import Order
from tfcli.data.dataset.stores import Stores

__all__ = ["AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY", "Dataset"]


class Dataset(Making, Functions, Order, Groups, Stores):
    """A sequence of elements that can be gone through again and again."""
