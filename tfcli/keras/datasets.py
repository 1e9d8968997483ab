"""tf.keras.datasets: well-known sets, read from files that are there already; nothing is downloaded."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from tfcli.errors import DataError

Arrays = tuple[np.ndarray, np.ndarray]

__all__ = ["boston_housing", "california_housing", "cifar10", "cifar100", "fashion_mnist", "mnist"]


def load(name: str, path: str | Path) -> tuple[Arrays, Arrays]:
    """(x_train, y_train), (x_test, y_test) of an npz file, by path or by its name in ~/.keras/datasets.

    Raises DataError.
    """
    given = Path(path).expanduser()
    places = [given] if given.is_absolute() else [given, Path.home() / ".keras" / "datasets" / given]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        raise DataError(
            f"{name}: there is no file {' or '.join(map(str, places))}; nothing is downloaded here, so put an npz file "
            "with x_train, y_train, x_test, y_test there, or give its path to load_data(path=…)"
        )
    with np.load(file, allow_pickle=False) as arrays:
        missing = [key for key in ("x_train", "y_train", "x_test", "y_test") if key not in arrays]
        if missing:
            raise DataError(f"{file} has no array {missing[0]!r}; there are: {', '.join(arrays)}")
        return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])


def _set(name: str) -> SimpleNamespace:
    def load_data(path: str | Path = f"{name}.npz") -> tuple[Arrays, Arrays]:
        return load(name, path)

    return SimpleNamespace(load_data=load_data)


mnist, fashion_mnist, cifar10, cifar100 = _set("mnist"), _set("fashion_mnist"), _set("cifar10"), _set("cifar100")
boston_housing, california_housing = _set("boston_housing"), _set("california_housing")
