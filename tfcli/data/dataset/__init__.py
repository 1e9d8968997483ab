"""tf.data: input pipelines.

dataset = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(1000, seed=1).batch(32)
for images, labels in dataset: ...
"""

from tfcli.data.dataset.dataset import AUTOTUNE, INFINITE_CARDINALITY, UNKNOWN_CARDINALITY, Dataset
from tfcli.data.dataset.elements import DatasetSpec
from tfcli.data.dataset.files import FixedLengthRecordDataset, TextLineDataset, TFRecordDataset
from tfcli.data.dataset.iterator import DatasetIterator as Iterator
from tfcli.data.dataset.options import Options, ThreadingOptions

__all__ = [
    "AUTOTUNE",
    "INFINITE_CARDINALITY",
    "UNKNOWN_CARDINALITY",
    "Dataset",
    "DatasetSpec",
    "FixedLengthRecordDataset",
    "Iterator",
    "Options",
    "TFRecordDataset",
    "TextLineDataset",
    "ThreadingOptions",
]
