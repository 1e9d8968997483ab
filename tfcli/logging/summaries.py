"""What TensorBoard's pages show besides curves, as its own protobufs, serialized: values for `EventWriter.summaries`.

Importing them takes 0.15 s, which whoever asks for such pages pays.
"""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto

BUCKETS = 30
"""TensorBoard's own number, for histograms."""
THRESHOLDS = 201
"""Points of a precision-recall curve."""


def histogram(tag: str, array: np.ndarray, num_buckets: int = BUCKETS) -> bytes:
    """The distribution of an array's finite values."""
    return _value(tag, _metadata("histograms"), _tensor(buckets(array, num_buckets)))


def buckets(array: np.ndarray, num_buckets: int = BUCKETS) -> np.ndarray:
    """(num_buckets, 3): from, to, and how many of the array's finite values lie there; equal ones all in the last."""
    values = array[np.isfinite(array)].astype(np.float64)
    if values.size == 0:
        return np.zeros((num_buckets, 3))
    low, high = values.min(), values.max()
    width = (high - low) / num_buckets
    places = np.floor((values - low) / width) if width > 0 else np.full(values.size, num_buckets)
    counts = np.bincount(np.minimum(places.astype(np.int64), num_buckets - 1), minlength=num_buckets)
    edges = np.linspace(low, high, num_buckets + 1)
    return np.stack([edges[:-1], edges[1:], counts], axis=1)


def images(tag: str, pictures: np.ndarray, description: str = "") -> bytes:
    """(N, H, W, C) with one to four channels: uint8, or floats from 0 to 1."""
    assert pictures.ndim == 4, f"pictures {pictures.shape} are not (N, H, W, C)"
    if pictures.dtype != np.uint8:
        pictures = np.clip(np.nan_to_num(pictures.astype(np.float64)) * 255.0 + 0.5, 0, 255).astype(np.uint8)
    height, width = pictures.shape[1:3]
    texts = [str(width).encode(), str(height).encode(), *map(_png, pictures)]
    return _value(tag, _metadata("images", description=description), _strings(texts))


def _png(picture: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture).save(buffer, "PNG")
    return buffer.getvalue()


def texts(tag: str, values: Sequence[str], description: str = "") -> bytes:
    """Texts one below the other, as Markdown."""
    return _value(tag, _metadata("text", description=description), _strings([value.encode() for value in values]))


def audio(tag: str, waves: np.ndarray, sample_rate: int, description: str = "") -> bytes:
    """(N, T, C) waves from -1 to 1, as WAV files of 16 bits."""
    from tensorboard.plugins.audio.plugin_data_pb2 import AudioPluginData

    assert waves.ndim == 3, f"waves {waves.shape} are not (N, T, C)"
    # A file and a label for each wave, which is how TensorBoard tells several from one of two channels.
    strings = [part for wave in waves for part in (wav(wave, sample_rate), b"")]
    plugin = AudioPluginData(encoding=AudioPluginData.Encoding.WAV).SerializeToString()
    return _value(tag, _metadata("audio", plugin, description), _strings(strings, (len(waves), 2)))


def wav(wave: np.ndarray, sample_rate: int) -> bytes:
    """A WAV file of 16 bits: (T, C), from -1 to 1."""
    import wave as wav_files

    buffer = io.BytesIO()
    with wav_files.open(buffer, "wb") as file:
        file.setnchannels(wave.shape[1])
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes((np.clip(np.nan_to_num(wave), -1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def pr_curve(tag: str, is_positive: np.ndarray, probability: np.ndarray, thresholds: int = THRESHOLDS) -> bytes:
    """Precision against recall of a yes-or-no question: is_positive (N,) bool, probability (N,)."""
    from tensorboard.plugins.pr_curve.plugin_data_pb2 import PrCurvePluginData

    plugin = PrCurvePluginData(num_thresholds=thresholds).SerializeToString()
    data = pr_counts(is_positive, probability, thresholds).astype(np.float32)
    return _value(tag, _metadata("pr_curves", plugin, display_name=tag), _tensor(data))


def pr_counts(is_positive: np.ndarray, probability: np.ndarray, thresholds: int) -> np.ndarray:
    """(6, thresholds): true and false positives, true and false negatives, precision and recall, where what is at
    least the threshold counts as positive; thresholds from 0 to 1."""
    steps = np.clip(np.floor(probability * (thresholds - 1)), 0, thresholds - 1).astype(np.int64)
    true_positives, false_positives = (
        np.cumsum(np.bincount(steps[chosen], minlength=thresholds)[::-1])[::-1]
        for chosen in (is_positive, ~is_positive)
    )
    precision = true_positives / np.maximum(true_positives + false_positives, 1)
    recall = true_positives / max(int(is_positive.sum()), 1)
    negatives = [len(is_positive) - is_positive.sum() - false_positives, is_positive.sum() - true_positives]
    return np.stack([true_positives, false_positives, *negatives, precision, recall])


def tensor(tag: str, array: np.ndarray, metadata: bytes) -> bytes:
    """Numbers under a serialized SummaryMetadata that says which page shows them."""
    from tensorboard.compat.proto.summary_pb2 import SummaryMetadata

    numbers = array if array.dtype.str[1:] in ("f4", "f8") else array.astype(np.float64)
    return _value(tag, SummaryMetadata.FromString(metadata), _tensor(numbers))


def _value(tag: str, metadata: "SummaryMetadata", tensor: "TensorProto") -> bytes:
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary.Value(tag=tag, metadata=metadata, tensor=tensor).SerializeToString()


def _metadata(plugin: str, data: bytes = b"", description: str = "", display_name: str = "") -> "SummaryMetadata":
    from tensorboard.compat.proto.summary_pb2 import SummaryMetadata

    plugin_data = SummaryMetadata.PluginData(plugin_name=plugin, content=data)
    return SummaryMetadata(plugin_data=plugin_data, summary_description=description, display_name=display_name)


def _tensor(array: np.ndarray) -> "TensorProto":
    from tensorboard.compat.proto.types_pb2 import DT_DOUBLE, DT_FLOAT

    dtype = {"f8": DT_DOUBLE, "f4": DT_FLOAT}[array.dtype.str[1:]]
    return _proto(array.shape, dtype=dtype, tensor_content=array.tobytes())


def _strings(values: Sequence[bytes], shape: tuple[int, ...] | None = None) -> "TensorProto":
    from tensorboard.compat.proto.types_pb2 import DT_STRING

    return _proto(shape or (len(values),), dtype=DT_STRING, string_val=values)


def _proto(shape: tuple[int, ...], **fields: Any) -> "TensorProto":
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

    return TensorProto(tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=n) for n in shape]), **fields)
