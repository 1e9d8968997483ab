"""How much memory training on a large Parquet folder takes: writes one, prepares it and goes through its batches.

python benchmarks/streaming.py --gigabytes 1 --folder /tmp/parquet
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np

COLUMNS, ROWS_A_GROUP = 20, 2**16


def write(folder: Path, gigabytes: float) -> None:
    import polars

    folder.mkdir(parents=True, exist_ok=True)
    rows = int(gigabytes * 1e9 / (8 * COLUMNS))
    rng = np.random.default_rng(0)
    for part, first in enumerate(range(0, rows, 2**20)):
        count = min(2**20, rows - first)
        columns = {f"c{i}": rng.normal(size=count) for i in range(COLUMNS - 1)}
        frame = polars.DataFrame(columns | {"label": rng.integers(0, 2, count)})
        frame.write_parquet(folder / f"part-{part:04d}.parquet", row_group_size=ROWS_A_GROUP)


def measure(folder: Path) -> None:
    from tfcli.data import DataSpec, prepare

    size = sum(file.stat().st_size for file in folder.glob("*.parquet"))
    started = time.perf_counter()
    source = {"type": "parquet", "path": f"{folder}/*.parquet", "label": "label", "streaming": True}
    pipeline = [{"type": "shuffle", "buffer_size": 100_000}, {"type": "batch", "batch_size": 1024}]
    split = {"validation": 0.05}
    features = {f"c{i}": "float" for i in range(COLUMNS - 1)}
    data = prepare(DataSpec(source=source, split=split, features=features, pipeline=pipeline), Path())
    prepared = time.perf_counter()
    rows = sum(len(batch) for batch in data.train.batches(0, training=True))
    seconds = time.perf_counter() - prepared
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{size / 1e9:.2f} GB of Parquet: prepared in {prepared - started:.1f} s, then an epoch of {rows:,} rows "
        f"at {rows / seconds:,.0f} rows/s; peak resident memory {peak:.2f} GiB"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/tfcli-parquet"))
    given = parser.parse_args()
    if not given.folder.exists():
        write(given.folder, given.gigabytes)
    measure(given.folder)
