"""Folders with a folder for each class, as Keras's `*_dataset_from_directory` read them."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from tfcli.data.faults import Faults, OnError
from tfcli.data.files import Blob, fingerprints, resolve
from tfcli.data.images import in_parallel
from tfcli.data.source import Source
from tfcli.data.table import Rows, Table
from tfcli.declare import PathString, nearest
from tfcli.errors import DataError

LABEL = "label"


@dataclass(frozen=True)
class Labelled:
    """Files with their classes' names; `classes` in the order of their numbers, where the spec gives one."""

    blobs: list[Blob]
    labels: list[str]
    classes: list[str] | None = None


class FilesSource(Source, abstract=True):
    """A file an example."""

    on_error: OnError = "stop"
    """What to do about a file that cannot be read: stop there, or skip it, counting and naming it."""

    def decode(self, blob: Blob) -> np.ndarray:
        """The input in a file. Raises DataError."""
        raise AssertionError(f"{type(self).__name__} must define decode")

    def stacked(self, arrays: list[np.ndarray], blobs: Sequence[Blob]) -> np.ndarray:
        """The column of all inputs."""
        refuse_different_shapes(arrays, blobs)
        return np.stack(arrays)

    def table(self, found: Labelled, column: str) -> Table:
        """The examples of all files; without labels where `found` has none."""
        faults = Faults(self.on_error)
        outcomes = in_parallel(self._read, found.blobs)
        kept = list(faults.kept(outcomes, lambda outcome: outcome()))
        if not kept:
            shown = f"; the first fault: {faults.messages[0]}" if faults.messages else ""
            raise DataError(f"none of the {len(found.blobs)} files can be used{shown}")
        numbers, read = zip(*kept, strict=True)
        arrays, digests = map(list, zip(*read, strict=True))
        blobs = [found.blobs[i] for i in numbers]
        columns = {column: self.stacked(arrays, blobs)}
        rows = Rows([blob.name for blob in blobs], np.arange(len(blobs)), np.zeros(len(blobs), np.int64), "example")
        classes = {} if found.classes is None else {LABEL: found.classes}
        if found.labels:
            columns[LABEL] = np.array([found.labels[i] for i in numbers], object)
        labels = [LABEL] if found.labels else []
        files = fingerprints(blobs, digests)
        return Table(columns, [column], rows, labels, None, files, classes=classes, skipped=tuple(faults.messages))

    def _read(self, blob: Blob) -> tuple[np.ndarray, str]:
        """The input in a file and the file's SHA-256; it is read once."""
        held = blob.in_memory()
        return self.decode(held), held.digest()


class FolderSource(FilesSource, abstract=True):
    """A folder with a folder for each class, or a glob of such."""

    path: PathString
    class_names: list[str] | None = None
    """The classes' folders, in the order of their numbers. Default: all, by name."""

    suffixes: ClassVar[tuple[str, ...]] = ()
    """How the files' names end."""
    column: ClassVar[str] = "input"

    def read(self, root: Path) -> Table:
        return self.table(self.labelled(root), self.column)

    def read_input(self, blob: Blob, labelled: bool) -> Table:
        """One file, the files in a folder, or a folder of classes."""
        if blob.path is None or not blob.path.is_dir():
            if labelled:
                raise DataError(f"{blob.name}: one file has no label; give a folder that has a folder for each class")
            return self.table(Labelled([blob], []), self.column)
        if labelled:
            return self.table(self._classes_in(blob.path, blob.name), self.column)
        return self.table(Labelled(self._files(blob.path, blob.path.parent), []), self.column)

    def labelled(self, root: Path) -> Labelled:
        """The files below `path`. Raises DataError where there are none."""
        return self._classes_in(folder_at(root, self.path), self.path)

    def _classes_in(self, folder: Path, name: str) -> Labelled:
        folders = {entry.name: entry for entry in sorted(folder.iterdir()) if entry.is_dir()}
        for wanted in self.class_names or []:
            if wanted not in folders:
                hint = nearest(wanted, folders) or f"there are: {', '.join(folders) or 'none'}"
                raise DataError(f"{name}: has no folder {wanted!r}; {hint}")
        blobs, labels = [], []
        for label in self.class_names or folders:
            files = self._files(folders[label], folder.parent)
            blobs += files
            labels += [label] * len(files)
        if not blobs:
            raise DataError(f"{name}: has no {' or '.join(self.suffixes)} files in folders, one folder for each class")
        return Labelled(blobs, labels, self.class_names)

    def _files(self, folder: Path, root: Path) -> list[Blob]:
        paths = sorted(filter(self._belongs, _files_below(str(folder))), key=lambda path: path.split(os.sep))
        start = len(str(root)) + 1
        return [Blob(path[start:], Path(path)) for path in paths]

    def _belongs(self, path: str) -> bool:
        name = os.path.basename(path).lower().removesuffix(".gz")
        return name.endswith(self.suffixes) and not name.startswith(".")


def _files_below(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file():
                yield entry.path
            elif entry.is_dir(follow_symlinks=False):
                yield from _files_below(entry.path)


def folder_at(root: Path, path: str) -> Path:
    """The folder at `path`. Raises DataError where there is none."""
    folder = resolve(root, path)
    if not folder.is_dir():
        what = "is a file; a folder was expected" if folder.is_file() else "there is no such folder"
        raise DataError(f"{path}: {what} ({folder})")
    return folder


def refuse_different_shapes(arrays: Sequence[np.ndarray], blobs: Sequence[Blob], hint: str = "") -> None:
    for array, blob in zip(arrays, blobs, strict=True):
        if array.shape != arrays[0].shape:
            raise DataError(f"{blob.name}: has shape {array.shape}, {blobs[0].name} has {arrays[0].shape}{hint}")


def decode_text(blob: Blob, encoding: str) -> str:
    """The text of a file. Raises DataError naming the byte that is none."""
    try:
        return blob.read().decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        hint = "; say which encoding it has, such as `encoding: latin-1`" if encoding == "utf-8" else ""
        raise DataError(f"{blob.name}, byte {error.start}: is not {encoding} text: {error.reason}{hint}") from error
