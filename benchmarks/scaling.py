"""How time and memory grow with batch, width, depth, length and data, beside the line of the arithmetic alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from processes import apart, flops_of, train_here

STEPS = 32
"""Of an epoch, where the number of examples is not what is studied: with so many compiling pays."""
ROWS_BATCH = 256


class Task(NamedTuple):
    """A model, the shape and number of its examples, and the batch size."""

    layers: list[dict[str, Any]]
    shape: tuple[int, ...]
    examples: int
    batch: int
    classes: int = 0
    """Ids as inputs where positive."""


class Axis(NamedTuple):
    values: tuple[int, ...]
    task: Callable[[int], Task]


def dense(units: int) -> dict[str, Any]:
    return {"type": "dense", "units": units, "activation": "relu"}


HEAD: dict[str, Any] = {"type": "dense", "units": 10, "activation": "softmax"}


def of_batch(batch: int) -> Task:
    return Task([dense(512), HEAD], (784,), batch * STEPS, batch)


def of_width(width: int) -> Task:
    return Task([dense(width), dense(width), HEAD], (64,), 128 * STEPS, 128)


def of_depth(depth: int) -> Task:
    return Task([*[dense(256)] * depth, HEAD], (64,), 128 * STEPS, 128)


def of_length(length: int) -> Task:
    layers = [
        {"type": "embedding", "input_dim": 65, "output_dim": 128},
        {"type": "multi_head_attention", "num_heads": 4, "key_dim": 32, "use_causal_mask": True},
        {"type": "global_average_pooling1d"},
        HEAD,
    ]
    return Task(layers, (length,), 4 * STEPS, 4, 65)


def of_rows(rows: int) -> Task:
    return Task([dense(64), HEAD], (32,), rows, ROWS_BATCH)


AXES = {
    "batch": Axis((16, 64, 256, 1024), of_batch),
    "width": Axis((64, 256, 1024, 2048), of_width),
    "depth": Axis((2, 8, 16, 32), of_depth),
    "sequence length": Axis((64, 128, 256, 512), of_length),
    "rows": Axis((4_096, 32_768, 131_072, 524_288), of_rows),
}


def study(name: str, folder: Path, quick: bool) -> list[dict[str, float]]:
    """For each value of the axis: seconds of a step (of an epoch for `rows`), bytes of memory at peak, and the seconds
    that the largest one's speed would give by the arithmetic alone.
    """
    axis = AXES[name]
    values = axis.values[::3] if quick else axis.values
    points = [measure(axis.task(value), folder, whole=name == "rows") | {"value": value} for value in values]
    speed = points[-1]["flops"] / points[-1]["seconds"]
    return [point | {"ideal": point["flops"] / speed} for point in points]


def write(task: Task, path: Path) -> None:
    """The task's data and spec."""
    rng, shape = np.random.default_rng(0), (task.examples, *task.shape)
    x = rng.integers(0, task.classes, shape, dtype=np.int32) if task.classes else rng.random(shape, dtype=np.float32)
    np.savez(path.with_suffix(".npz"), x=x, y=rng.integers(0, 10, task.examples))
    spec = {
        "name": "scaling",
        "data": {
            "train": {"source": {"type": "npz", "path": path.stem + ".npz", "features": "x", "label": "y"}},
            "pipeline": [{"type": "batch", "batch_size": task.batch}],
        },
        "model": {"layers": task.layers},
        "loss": "sparse_categorical_crossentropy",
        "optimizer": "adam",
    }
    path.write_text(yaml.safe_dump(spec))


def measure(task: Task, folder: Path, whole: bool) -> dict[str, float]:
    path = folder / "scaling.yaml"
    apart(write, task, path)
    run, flops = train_here(path, folder / "scaling_cache", False, 5), apart(flops_of, path)
    parts = 1 if whole else run.steps
    return {
        "seconds": min(run.seconds) / parts,
        "peak_bytes": run.peak_bytes,
        "flops": flops * (run.steps if whole else 1),
    }
