"""tf.keras.preprocessing: what older programs call what is in tf.keras.utils."""

from types import SimpleNamespace

from tfcli.keras.directories import (
    image_dataset_from_directory,
    img_to_array,
    load_img,
    text_dataset_from_directory,
    timeseries_dataset_from_array,
)
from tfcli.keras.utils import pad_sequences

__all__ = [
    "image",
    "image_dataset_from_directory",
    "sequence",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]

sequence = SimpleNamespace(pad_sequences=pad_sequences)
image = SimpleNamespace(load_img=load_img, img_to_array=img_to_array)
