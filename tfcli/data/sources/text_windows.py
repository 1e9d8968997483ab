"""Next-token windows over one text."""

import re
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tfcli.data.files import Blob, find
from tfcli.data.source import Source
from tfcli.data.table import Rows, Table
from tfcli.data.vocabulary import learn_tokens
from tfcli.declare import PathString, PositiveInt
from tfcli.errors import DataError

UNKNOWN = "[UNK]"
_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


class TextWindows(Source, name="text_windows"):
    """Windows of one text, to predict each next token.

    Inputs `tokens` (L,) and targets `next_tokens` (L,), both int32: the target is the input moved on by one. Token 0
    stands for what the training split does not have; the others are numbered from 1, the most frequent first. `split`
    cuts the text, the training part first, and no window crosses a cut; a count there counts tokens.
    """

    path: PathString
    """A text file, or a glob whose files are read one after the other; `bundled:text` comes with the package."""
    level: Literal["character", "word"] = "character"
    """word: words and punctuation marks, each a token."""
    sequence_length: PositiveInt = 64
    stride: PositiveInt = 1
    """How many tokens on the next window begins."""
    max_tokens: PositiveInt | None = None
    """The size of the vocabulary at most, token 0 counted."""

    ordered = True

    def read(self, root: Path) -> Table:
        return self._table(find(root, self.path))

    def read_input(self, blob: Blob, labelled: bool) -> Table:
        return self._table([blob])

    def _table(self, blobs: list[Blob]) -> Table:
        text = "".join(_text(blob) for blob in blobs)
        files = {file: digest for blob in blobs for file, digest in blob.fingerprint().items()}
        tokens = self._tokens(text)
        rows = Rows.counted(blobs[0].name if len(blobs) == 1 else self.path, len(tokens), "token")
        return Table({"tokens": tokens}, ["tokens"], rows, [], None, files)

    def _tokens(self, text: str) -> np.ndarray:
        """Code points at level character, else texts."""
        if self.level == "character":
            return np.frombuffer(text.encode("utf-32-le"), "<u4")
        return np.array(_WORD.findall(text), object)

    def learn(self, train: Table) -> dict[str, Any]:
        limit = None if self.max_tokens is None else self.max_tokens - 1
        tokens = learn_tokens(train.columns["tokens"], limit)
        words = [chr(token) for token in tokens] if self.level == "character" else tokens
        return {"vocabulary": [UNKNOWN, *words]}

    def examples(self, rows: Table, learned: dict[str, Any], labelled: bool = True, floatx: str = "float64") -> Table:
        ids = self._ids(rows.columns["tokens"], learned["vocabulary"])
        length = self.sequence_length + 1 if labelled else self.sequence_length
        if len(ids) < length:
            raise DataError(
                f"{rows.rows.files[0]}: a part of the text has {len(ids)} tokens, too few for one window of {length}"
            )
        # Views of the one array of ids: a window costs no memory until its batch is gathered.
        windows = np.lib.stride_tricks.sliding_window_view(ids, length)[:: self.stride]
        starts = rows.rows.select(np.arange(len(windows)) * self.stride)
        if not labelled:
            return Table({"tokens": windows}, ["tokens"], starts, [], None, rows.files)
        columns = {"tokens": windows[:, :-1], "next_tokens": windows[:, 1:]}
        return Table(columns, ["tokens"], starts, ["next_tokens"], None, rows.files)

    def target_names(self, learned: dict[str, Any]) -> dict[str, list[str]]:
        return {"next_tokens": learned["vocabulary"]}

    def _ids(self, tokens: np.ndarray, vocabulary: list[str]) -> np.ndarray:
        known = {token: i for i, token in enumerate(vocabulary) if i > 0}
        if self.level == "word":
            return np.fromiter((known.get(token, 0) for token in tokens), np.int32, len(tokens))
        table = np.zeros(0x110000, np.int32)
        table[[ord(character) for character in known]] = list(known.values())
        return table[tokens]


def _text(blob: Blob) -> str:
    try:
        return blob.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{blob.name}, byte {error.start}: is not UTF-8 text: {error.reason}") from error
