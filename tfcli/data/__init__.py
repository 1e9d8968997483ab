"""Data: sources, splits, feature columns, preprocessing and batches.

data = DataSpec(source={"type": "bundled", "name": "iris"}, split={"validation": 0.2})
prepared = prepare(data, root=Path("."), seed=0)
for batch in prepared.train.batches(epoch=0, training=True):
    batch.inputs, batch.targets, batch.weights
"""

from typing import Any

from tfcli.data.pipeline import Split
from tfcli.data.prepared import ArraySpec, PreparedData, prepare, restore
from tfcli.data.source import Source
from tfcli.data.spec import DataSpec
from tfcli.data.stage import Batch, Stage

__all__ = ["ArraySpec", "Batch", "DataSpec", "PreparedData", "Source", "Split", "Stage", "prepare", "restore"]

TENSORFLOW_NAMES = (
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
)
"""What `tf.data` has, loaded when it is first used."""


def __getattr__(name: str) -> Any:
    if name == "experimental":
        from tfcli.data.dataset import experimental

        return experimental
    if name not in TENSORFLOW_NAMES:
        raise AttributeError(f"tf.data has no {name!r}; there are {', '.join(TENSORFLOW_NAMES)}")
    from tfcli.data import dataset

    return getattr(dataset, name)
