"""A commented spec for a folder of pictures, texts or recordings."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.data.source import Source
from tfcli.data.sources.tabular import Columns
from tfcli.errors import DataError
from tfcli.spec.dump import flow

_PIXELS_TO_ONE = "0.00392156862745098"


def plain_name(file: Path) -> str:
    """A run's name for a file or folder."""
    name = file.resolve().name if file.is_dir() else file.name.removesuffix(".gz").rsplit(".", 1)[0]
    return re.sub(r"[^\w-]+", "_", name).strip("_") or "experiment"


def folder_spec(folder: Path, spec: dict[str, Any], source: Source) -> str:
    """The text of a spec for a folder that `source` reads. Raises DataError."""
    table = source.read(Path.cwd())
    labels = table.columns["label"]
    classes, counts = np.unique(labels.astype(str), return_counts=True)
    if len(classes) < 2:
        raise DataError(f"{folder}: has one class, {classes[0]}; two and more are needed, a folder for each")
    kind = spec["type"]
    stages, layers = {"image_folder": _images, "text_folder": _texts, "audio_folder": _audio}[kind](table.columns, spec)
    stratify = ", stratify: true" if counts.min() >= 7 else ""
    lines = [
        f"# Guessed from {folder.name}: {len(labels):,} examples of {len(classes)} classes.",
        "# See what it makes of the data: tfcli check THIS_FILE",
        f"name: {flow(plain_name(folder))}",
        "seed: 42                  # every random number comes from it",
        "",
        "data:",
        f"  source: {flow(spec)}",
        f"  split: {{validation: 0.15, test: 0.15{stratify}}}",
        "  pipeline:",
        *stages,
        "",
        "model:",
        "  layers:",
        *layers,
        f"    - {{type: dense, units: {len(classes)}, activation: softmax}}   # a probability for each class",
        "",
        "loss: sparse_categorical_crossentropy",
        "optimizer: {type: adam, learning_rate: 0.001}",
        "metrics: [accuracy]",
        "",
        *training(30),
    ]
    return "\n".join(lines) + "\n"


def training(epochs: int) -> list[str]:
    return [
        "train:",
        f"  epochs: {epochs}",
        "  early_stopping: {monitor: val_loss, patience: 10, restore_best_weights: true}",
    ]


def _images(columns: Columns, spec: dict[str, Any]) -> tuple[list[str], list[str]]:
    size = min(columns["image"].shape[1:3])
    stages = [
        "    - {type: shuffle, buffer_size: 10000}                   # training only",
        "    - {type: batch, batch_size: 32}",
        f"    - {{type: rescaling, scale: {_PIXELS_TO_ONE}}}         # 0..255 to 0..1",
        "    - {type: random_translation, height_factor: 0.1, width_factor: 0.1}    # training only",
    ]
    layers = []
    for filters in (32, 64, 128):
        layers.append(f"    - {{type: conv2d, filters: {filters}, kernel_size: 3, padding: same, activation: relu}}")
        size //= 2
        if size >= 2:
            layers.append("    - {type: max_pooling2d}")
    return stages, [*layers, "    - {type: global_average_pooling2d}", "    - {type: dropout, rate: 0.3}"]


def _texts(columns: Columns, spec: dict[str, Any]) -> tuple[list[str], list[str]]:
    stages = [
        "    # Which of the most frequent words and pairs of words a text has.",
        "    - {type: text_vectorization, max_tokens: 10000, ngrams: 2, output_mode: tf_idf}",
        "    - {type: shuffle, buffer_size: 10000}                   # training only",
        "    - {type: batch, batch_size: 32}",
    ]
    return stages, ["    - {type: dropout, rate: 0.5}", "    - {type: dense, units: 32, activation: relu}"]


def _audio(columns: Columns, spec: dict[str, Any]) -> tuple[list[str], list[str]]:
    rate = spec["sample_rate"]
    stages = [
        "    # The strength of each band of pitch over time.",
        f"    - {{type: mel_spectrogram, fft_length: 512, sequence_stride: {max(64, rate // 64)}, "
        f"sampling_rate: {rate}, num_mel_bins: 40}}",
        "    - {type: normalization, axis: null}",
        "    - {type: cache}",
        "    - {type: shuffle, buffer_size: 10000}                   # training only",
        "    - {type: batch, batch_size: 16}",
    ]
    convolution = "    - {type: conv1d, filters: 64, kernel_size: 3, padding: same, activation: relu}"
    layers = ["    - {type: permute, dims: [2, 1]}                         # (bands, frames) to (frames, bands)"]
    layers += [convolution, "    - {type: max_pooling1d}"] * 2
    return stages, [*layers, convolution, "    - {type: global_average_pooling1d}", "    - {type: dropout, rate: 0.3}"]


def own_scale(target: np.ndarray) -> Sequence[str]:
    """A frozen layer after the last: steps of an optimizer have a size of their own, whatever the label's is."""
    scale, offset = f"{target.std() or 1.0:.3g}", f"{target.mean():.3g}"
    return [
        "    # From a unit scale to the label's own: times its standard deviation, plus its mean.",
        "    - type: dense",
        "      units: 1",
        "      name: own_scale",
        "      trainable: false",
        f"      kernel_initializer: {{type: constant, value: {scale}}}",
        f"      bias_initializer: {{type: constant, value: {offset}}}",
    ]
