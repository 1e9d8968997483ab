"""Texts in folders and in lines."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfcli.data.files import Blob, find, fingerprints
from tfcli.data.source import Source
from tfcli.data.sources.folders import LABEL, FolderSource, decode_text
from tfcli.data.table import Rows, Table
from tfcli.declare import FieldError, PathString

TEXT = "text"


class TextFolder(FolderSource, name="text_folder"):
    """Text files (.txt, gzipped or not) in a folder for each class, a file an example: input `text`, label `label`."""

    encoding: str = "utf-8"

    suffixes = (".txt",)
    column = TEXT

    def check(self) -> None:
        check_encoding(self.encoding)

    def decode(self, blob: Blob) -> np.ndarray:
        return np.array(decode_text(blob, self.encoding), object)

    def stacked(self, arrays: list[np.ndarray], blobs: Sequence[Blob]) -> np.ndarray:
        return np.array([array.item() for array in arrays], object)


class TextLines(Source, name="text_lines"):
    """Text files, a line an example: input `text`, label `label`. Empty lines are none."""

    files: dict[str, PathString]
    """Each class's file, or glob: `{neg: reviews.neg, pos: reviews.pos}`."""
    encoding: str = "utf-8"

    def check(self) -> None:
        check_encoding(self.encoding)
        if not self.files:
            raise FieldError("files", "expected a file for each class", "for example `{neg: a.txt, pos: b.txt}`")

    def read(self, root: Path) -> Table:
        blobs = [(label, blob) for label, path in self.files.items() for blob in find(root, path)]
        return self._table([blob for _, blob in blobs], [label for label, _ in blobs])

    def read_input(self, blob: Blob, labelled: bool) -> Table:
        """The lines of one file; where labels are needed, each is the class, a tab and the text."""
        if not labelled:
            return self._table([blob], [])
        table = self._table([blob], [])
        pairs = [line.partition("\t") for line in table.columns[TEXT]]
        columns = {
            TEXT: np.array([text for _, _, text in pairs], object),
            LABEL: np.array([label for label, _, _ in pairs], object),
        }
        return Table(columns, [TEXT], table.rows, [LABEL], None, table.files)

    def _table(self, blobs: list[Blob], labels: list[str]) -> Table:
        parts = [_lines(blob, self.encoding) for blob in blobs]
        counts = [len(numbers) for _, numbers in parts]
        rows = Rows(
            [blob.name for blob in blobs],
            np.repeat(np.arange(len(blobs)), counts),
            np.concatenate([numbers for _, numbers in parts]),
            "line",
        )
        columns = {TEXT: np.array([line for lines, _ in parts for line in lines], object)}
        files = fingerprints(blobs)
        if not labels:
            return Table(columns, [TEXT], rows, [], None, files)
        columns[LABEL] = np.repeat(np.array(labels, object), counts)
        return Table(columns, [TEXT], rows, [LABEL], None, files, classes={LABEL: list(self.files)})


def _lines(blob: Blob, encoding: str) -> tuple[list[str], np.ndarray]:
    """The lines that hold something, and their numbers."""
    lines = decode_text(blob, encoding).split("\n")
    found = [(line.strip(), number) for number, line in enumerate(lines, 1) if line.strip()]
    return [line for line, _ in found], np.array([number for _, number in found], np.int64)


def check_encoding(encoding: str) -> None:
    try:
        "".encode(encoding)
    except LookupError as error:
        raise FieldError("encoding", f"there is no encoding {encoding!r}", "utf-8 or latin-1, for example") from error
