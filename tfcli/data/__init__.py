"""Data: sources, splits, feature columns, preprocessing and batches.

data = DataSpec(source={"type": "bundled", "name": "iris"}, split={"validation": 0.2})
prepared = prepare(data, root=Path("."), seed=0)
for batch in prepared.train.batches(epoch=0, training=True):
    batch.inputs, batch.targets, batch.weights
"""

from tfcli.data.pipeline import Split
from tfcli.data.prepared import ArraySpec, PreparedData, prepare, restore
from tfcli.data.source import Source
from tfcli.data.spec import DataSpec
from tfcli.data.stage import Batch, Stage

__all__ = ["ArraySpec", "Batch", "DataSpec", "PreparedData", "Source", "Split", "Stage", "prepare", "restore"]
