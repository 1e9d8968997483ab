"""Write the arrays and the table that the workloads read: python make_data.py FOLDER. Shaped like real tasks."""

import sys
from pathlib import Path

import numpy as np

ROWS, NUMBERS, CATEGORIES, CLASSES = 500_000, 20, 6, 24


def arrays() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Features and labels of each workload."""
    rng = np.random.default_rng(0)
    x = np.arange(0, 10, 0.1, dtype=np.float32).reshape(-1, 1)

    def integers(limit: int, *shape: int) -> np.ndarray:
        return rng.integers(0, limit, shape, dtype=np.int32)

    return {
        "linreg": (x, 2 * x + 1 + 0.5 * rng.standard_normal((100, 1), dtype=np.float32)),
        "mlp": (rng.random((60000, 784), dtype=np.float32), rng.integers(0, 10, 60000)),
        "cnn": (rng.random((6400, 28, 28, 1), dtype=np.float32), rng.integers(0, 10, 6400)),
        "resnet": (rng.random((1920, 32, 32, 3), dtype=np.float32), rng.integers(0, 10, 1920)),
        "lstm": (integers(10000, 1600, 100), rng.integers(0, 2, (1600, 1)).astype(np.float32)),
        "gpt": (integers(65, 600, 64), integers(65, 600, 64)),
        "gpt_wide": (integers(65, 64, 128), integers(65, 64, 128)),
    }


def table() -> dict[str, np.ndarray]:
    """Columns of numbers, of names, and a label that depends on some of them."""
    rng = np.random.default_rng(1)
    columns: dict[str, np.ndarray] = {
        f"n{i:02}": rng.normal(i, 1 + i, ROWS).astype(np.float32).round(3) for i in range(NUMBERS)
    }
    chosen = rng.integers(0, CLASSES, (CATEGORIES, ROWS))
    names = np.array([f"name_{i}" for i in range(CLASSES)])
    columns |= {f"c{i}": names[chosen[i]] for i in range(CATEGORIES)}
    columns["y"] = (columns["n00"] + 0.1 * chosen[0] + rng.normal(0, 1, ROWS) > 1).astype(np.int64)
    return columns


def write(folder: Path) -> None:
    """Write what is not there yet."""
    if not all((folder / f"{name}.npz").exists() for name in ("linreg", "gpt_wide")):
        for name, (features, labels) in arrays().items():
            np.savez(folder / f"{name}.npz", x=features, y=labels)
    if not (folder / "tabular.csv").exists():
        import polars

        polars.DataFrame(table()).write_csv(folder / "tabular.csv")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
