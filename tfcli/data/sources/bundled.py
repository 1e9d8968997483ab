"""The data sets that come with the package."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from tfcli.data.arrays import is_npy, read_npy, read_npz
from tfcli.data.files import Blob, bundled_file
from tfcli.data.source import Names, Source
from tfcli.data.table import Rows, Table
from tfcli.declare import FieldError
from tfcli.errors import DataError

if TYPE_CHECKING:
    from tfcli.data.sources.csv import Csv

_LABELS = {"iris": "species", "penguins": "species", "co2": "co2"}


class Bundled(Source, name="bundled"):
    """A data set that comes with the package: digits (8x8 images, 0 to 16, ten classes), iris, penguins or co2.

    `csv` and `time_series` read the tables by path too (`path: "bundled:co2"`), `text_windows` the text (`path:
    "bundled:text"`).
    """

    name: Literal["digits", "iris", "penguins", "co2"]
    label: Names | None = None
    """The column to predict. Default: the set's own, `species` of iris and penguins."""
    features: Names | None = None
    """The columns to predict from. Default: every other column."""
    sample_weight: str | None = None

    def check(self) -> None:
        for key in ("label", "features", "sample_weight"):
            if self.name == "digits" and getattr(self, key) is not None:
                raise FieldError(
                    key, "digits has one input, `image`, and one label, `label`; there is nothing to choose"
                )

    def read(self, root: Path) -> Table:
        path = bundled_file(self.name)
        blob = Blob(f"bundled:{self.name}", path)
        return _digits(blob) if self.name == "digits" else self._csv().whole([blob], labelled=True)

    def read_input(self, blob: Blob, labelled: bool) -> Table:
        if self.name != "digits":
            return self._csv().read_input(blob, labelled)
        if not is_npy(blob):
            return _digits(blob, labelled)
        if labelled:
            raise DataError(f"{blob.name}: a .npy file holds one array; images with labels need a .npz file")
        images = read_npy(blob)
        return _image_table(images, blob)

    def _csv(self) -> "Csv":
        from tfcli.data.sources.csv import Csv

        label = self.label or _LABELS[self.name]
        path = f"bundled:{self.name}"
        return Csv(path=path, label=label, features=self.features, sample_weight=self.sample_weight)


def _digits(blob: Blob, labelled: bool = True) -> Table:
    arrays = read_npz(blob, ["image", "label"] if labelled else ["image"])
    table = _image_table(arrays["image"], blob)
    if not labelled:
        return table
    columns = table.columns | {"label": arrays["label"].astype(np.int64)}
    return Table(columns, ["image"], table.rows, ["label"], None, table.files)


def _image_table(images: np.ndarray, blob: Blob) -> Table:
    images = images[..., None] if images.shape[1:] == (8, 8) else images
    if images.shape[1:] != (8, 8, 1):
        raise DataError(f"{blob.name}: has images of shape {images.shape[1:]}, expected (8, 8) or (8, 8, 1)")
    rows = Rows.counted(blob.name, len(images))
    return Table({"image": images.astype(np.float32)}, ["image"], rows, [], None, blob.fingerprint())
