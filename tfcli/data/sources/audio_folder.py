"""Recordings in folders."""

from pathlib import Path
from typing import Literal

import numpy as np

from tfcli.data.files import Blob
from tfcli.data.sources.folders import FolderSource, Labelled, folder_at
from tfcli.data.wav import decode_wav, resample
from tfcli.declare import FieldError, PositiveInt
from tfcli.errors import DataError


class AudioFolder(FolderSource, name="audio_folder"):
    """WAV recordings: input `audio` (length,), float32 from -1 to 1, channels averaged; label `label`."""

    sample_rate: PositiveInt | None = None
    """Samples a second; recordings of another rate are resampled. Default: as the files have it."""
    length: PositiveInt | None = None
    """Samples an example: longer recordings are cut, shorter ones filled up with silence. Default: all must be
    equally long."""
    labels: Literal["folder", "first_character"] = "folder"
    """folder: the name of the folder that the file is in; first_character: that of the file's name."""

    suffixes = (".wav",)
    column = "audio"

    def check(self) -> None:
        if self.labels == "first_character" and self.class_names is not None:
            raise FieldError("class_names", "are folders, and labels are the names' first characters")

    def labelled(self, root: Path) -> Labelled:
        if self.labels == "folder":
            return super().labelled(root)
        return self._by_name(folder_at(root, self.path), self.path)

    def _classes_in(self, folder: Path, name: str) -> Labelled:
        return self._by_name(folder, name) if self.labels == "first_character" else super()._classes_in(folder, name)

    def _by_name(self, folder: Path, name: str) -> Labelled:
        blobs = self._files(folder, folder.parent)
        if not blobs:
            raise DataError(f"{name}: has no .wav files")
        return Labelled(blobs, [Path(blob.name).name[0] for blob in blobs])

    def decode(self, blob: Blob) -> np.ndarray:
        samples, rate = decode_wav(blob.read(), blob.name)
        mono = samples.mean(axis=1)
        if self.sample_rate is not None:
            mono = resample(mono, rate, self.sample_rate)
        if self.length is None:
            return mono
        cut = mono[: self.length]
        return np.pad(cut, (0, self.length - len(cut)))
