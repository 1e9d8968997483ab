"""Datasets of files in folders (`*_dataset_from_directory`) and of windows of arrays."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.data.dataset import Dataset
from tfcli.errors import DataError

_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif")


def image_dataset_from_directory(
    directory: str | Path,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: Sequence[int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    verbose: bool = True,
) -> Dataset:
    """Batches of pictures (N, *image_size, channels) of float32, and their labels, from a folder for each class.

    Raises DataError for folders without pictures, and for settings that do not exist.
    """
    channels = {"grayscale": 1, "rgb": 3, "rgba": 4}
    if color_mode not in channels:
        raise DataError(f"color_mode must be one of {', '.join(channels)}, got {color_mode!r}")
    found = _Files(directory, labels, class_names, _PICTURES, shuffle, seed, validation_split, subset, verbose)

    def read(path: str) -> np.ndarray:
        from tfcli.data.decode import decode_image_tensor
        from tfcli.engine.ops.pictures import resize

        pixels = decode_image_tensor(Path(path).read_bytes(), channels[color_mode])
        return resize(pixels, image_size, interpolation).array

    return found.dataset(read, label_mode, batch_size)


def text_dataset_from_directory(
    directory: str | Path,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    verbose: bool = True,
) -> Dataset:
    """Batches of texts, and their labels, from `.txt` files in a folder for each class. Raises DataError."""
    found = _Files(directory, labels, class_names, (".txt",), shuffle, seed, validation_split, subset, verbose)
    return found.dataset(lambda path: np.asarray(Path(path).read_bytes()[:max_length], object), label_mode, batch_size)


class _Files:
    """The files of a directory with the numbers of their classes, in the order in which they are read."""

    def __init__(
        self,
        directory: str | Path,
        labels: Any,
        class_names: Sequence[str] | None,
        suffixes: tuple[str, ...],
        shuffle: bool,
        seed: int | None,
        validation_split: float | None,
        subset: str | None,
        verbose: bool,
    ) -> None:
        root = Path(directory)
        if not root.is_dir():
            raise DataError(f"there is no directory {root}")
        if labels not in ("inferred", None):
            raise DataError("labels must be 'inferred' or None: the folders' names say what the files are")
        folders = sorted(p.name for p in root.iterdir() if p.is_dir())
        if class_names is not None and sorted(class_names) != folders:
            raise DataError(f"class_names are {', '.join(class_names)}, the folders {', '.join(folders)}")
        self.class_names = list(class_names or folders) if labels is not None else []
        places = [root / name for name in self.class_names] or [root]
        pairs = [
            (str(path), number)
            for number, place in enumerate(places)
            for path in sorted(place.rglob("*"))
            if path.suffix.lower() in suffixes
        ]
        if not pairs:
            raise DataError(f"{root} has no files of the kinds {', '.join(suffixes)} in a folder for each class")
        self.shuffle, self.seed = shuffle, seed
        if shuffle:
            pairs = [pairs[i] for i in np.random.default_rng(seed).permutation(len(pairs))]
        self.pairs = _part(pairs, validation_split, subset)
        if verbose:
            print(f"Found {len(pairs)} files belonging to {len(places)} classes.")

    def dataset(self, read: Any, label_mode: str | None, batch_size: int | None) -> Dataset:
        count = len(self.class_names)
        labels = {
            "int": lambda number: np.int32(number),
            "binary": lambda number: np.array([number], np.float32),
            "categorical": lambda number: np.eye(count, dtype=np.float32)[number],
        }
        if label_mode not in (None, *labels):
            raise DataError(f"label_mode must be None or one of {', '.join(labels)}, got {label_mode!r}")
        with_labels = label_mode is not None and count > 0

        def elements() -> Any:
            for path, number in self.pairs:
                yield (read(path), labels[label_mode](number)) if with_labels else read(path)  # type: ignore[index]

        from tfcli.engine.spec import TensorSpec, as_dtype

        first = next(elements())
        parts = first if with_labels else (first,)
        specs = tuple(TensorSpec(np.shape(p), as_dtype(np.asarray(p).dtype)) for p in parts)  # type: ignore[arg-type]
        dataset = Dataset.from_generator(elements, output_signature=specs if with_labels else specs[0])
        if batch_size is not None:
            dataset = dataset.batch(batch_size)
        told: Any = dataset
        told.class_names, told.file_paths = self.class_names, [path for path, _ in self.pairs]
        return dataset


def _part(pairs: list[Any], split: float | None, subset: str | None) -> list[Any]:
    if (split is None) != (subset is None):
        raise DataError("validation_split and subset ('training' or 'validation') go together")
    if split is None:
        return pairs
    if subset not in ("training", "validation"):
        raise DataError(f"subset must be 'training' or 'validation', got {subset!r}")
    held = int(split * len(pairs))
    return pairs[:-held] if subset == "training" else pairs[-held:]


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
) -> Dataset:
    """Windows of `sequence_length` entries of data, `sampling_rate` apart, from every `sequence_stride`-th on; with the
    target at the place where each begins. Raises DataError.
    """
    rows = np.asarray(data)[start_index:end_index]
    goals = None if targets is None else np.asarray(targets)[start_index:end_index]
    count = len(rows) - (sequence_length - 1) * sampling_rate
    if goals is not None:
        count = min(count, len(goals))
    if count < 1:
        raise DataError(f"{len(rows)} entries are too few for windows of {sequence_length}, {sampling_rate} apart")
    starts = np.arange(0, count, sequence_stride)
    if shuffle:
        starts = np.random.default_rng(seed).permutation(starts)
    windows = rows[starts[:, None] + np.arange(sequence_length) * sampling_rate]
    dataset = Dataset.from_tensor_slices(windows if goals is None else (windows, goals[starts]))
    return dataset if batch_size is None else dataset.batch(batch_size)


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: Sequence[int] | None = None,
    interpolation: str = "nearest",
) -> Any:
    """A picture as PIL has it, of `target_size` (height, width)."""
    from PIL import Image

    picture = Image.open(path).convert({"rgb": "RGB", "rgba": "RGBA", "grayscale": "L"}[color_mode])
    if target_size is None:
        return picture
    methods = {"nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR}
    methods |= {"bicubic": Image.Resampling.BICUBIC, "lanczos": Image.Resampling.LANCZOS}
    return picture.resize((target_size[1], target_size[0]), methods[interpolation])


def img_to_array(img: Any, dtype: str = "float32") -> np.ndarray:
    """A picture of PIL as (H, W, C)."""
    array = np.asarray(img, dtype)
    return array[..., None] if array.ndim == 2 else array
