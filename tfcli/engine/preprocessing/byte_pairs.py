"""Texts cut into frequent sequences of bytes, which the `tokenizers` library learns (`pip install tfcli[text]`)."""

from collections import Counter
from typing import Any

import numpy as np

from tfcli.declare import FieldError, PositiveInt
from tfcli.engine.preprocessing.encoding import as_bytes, require_string, require_texts
from tfcli.engine.preprocessing.learning import Learned, Learning, OnArrays, Summary
from tfcli.engine.spec import Shape, TensorSpec, int64, show_shape
from tfcli.errors import DataError, ShapeError, SpecError

PADDING = "[PAD]"
_BYTES = 256


class BytePairTokenizer(OnArrays, Learning):
    """Texts as the indices of byte pairs: (N,) or (N, 1) texts -> (N, tokens) int64, filled with 0.

    Every text has its tokens, none is unknown: index 0 is padding, then come the 256 bytes, then the pairs that were
    learned. Sennrich et al., "Neural machine translation of rare words with subword units", over bytes as in GPT-2.
    """

    vocabulary_size: PositiveInt = 8192
    "How many tokens there are at most, padding and the 256 bytes counted."
    output_sequence_length: PositiveInt | None = None
    "Rows are cut or filled to so many tokens. Default: filled to the longest of a batch."
    min_frequency: PositiveInt = 2
    "How often a pair must occur to become a token."
    lowercase: bool = False

    def check(self) -> None:
        if self.vocabulary_size <= _BYTES:
            raise FieldError("vocabulary_size", f"must be more than {_BYTES}: padding and each byte are tokens")

    @property
    def learns(self) -> bool:
        return True

    def summary(self) -> Summary:
        return _Texts(self)

    def prepare(self, learned: Learned | None) -> Any:
        if learned is None:
            return None
        tokenizer = library().Tokenizer.from_str(learned["tokenizer"])
        tokenizer.encode_special_tokens = True  # a text that says [PAD] is a text
        tokenizer.enable_padding(pad_id=0, pad_token=PADDING, length=self.output_sequence_length)
        if self.output_sequence_length is not None:
            tokenizer.enable_truncation(self.output_sequence_length)
        return tokenizer

    def infer(self, prepared: Any, floatx: str, *inputs: TensorSpec) -> TensorSpec:
        require_string(inputs[0])
        return TensorSpec(Shape((*_rows(inputs[0].shape), self.output_sequence_length)), int64)

    def compute(self, prepared: Any, floatx: str, *inputs: np.ndarray) -> np.ndarray:
        if prepared is None:
            raise DataError("has no tokens yet: adapt it to the training data")
        require_texts(inputs[0])
        shape = _rows(inputs[0].shape)
        rows = [row.ids for row in prepared.encode_batch(decoded(inputs[0]))]
        size = len(rows[0]) if rows else self.output_sequence_length or 0
        return np.array(rows, np.int64).reshape(*shape, size)  # type: ignore[arg-type]  # sizes of arrays are known


class _Texts(Summary):
    """The texts of all batches, and how often each occurs."""

    def __init__(self, declared: BytePairTokenizer) -> None:
        self.declared = declared
        self.texts: Counter[str] = Counter()

    def update(self, batch: np.ndarray) -> None:
        require_texts(batch)
        _rows(batch.shape)
        self.texts.update(decoded(batch))

    def result(self) -> Learned:
        if not self.texts:
            raise DataError("there is no text to learn tokens from")
        made, declared = library(), self.declared
        tokenizer = made.Tokenizer(made.models.BPE())
        if declared.lowercase:
            tokenizer.normalizer = made.normalizers.Lowercase()
        tokenizer.pre_tokenizer = made.pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = made.decoders.ByteLevel()
        trainer = made.trainers.BpeTrainer(
            vocab_size=declared.vocabulary_size,
            min_frequency=declared.min_frequency,
            special_tokens=[PADDING],
            initial_alphabet=sorted(made.pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        tokenizer.train_from_iterator(self.texts.elements(), trainer)
        return {"tokenizer": tokenizer.to_str()}


def decoded(texts: np.ndarray) -> list[str]:
    """The texts as str, in order."""
    return [text.decode(errors="replace") for text in as_bytes(texts)]


def _rows(shape: Any) -> tuple[int | None, ...]:
    """The shape of the texts. Raises ShapeError where an example has several."""
    if len(shape) > 2 or (len(shape) == 2 and shape[1] not in (1, None)):
        raise ShapeError(f"expected one text an example, (batch,) or (batch, 1), got {show_shape(shape)}")
    return tuple(shape[:1])


def library() -> Any:
    """The `tokenizers` library. Raises SpecError where it is not installed."""
    try:
        import tokenizers
    except ImportError as error:
        message = "a byte_pair_tokenizer needs the tokenizers library; install it: pip install 'tfcli[text]'"
        raise SpecError(message) from error
    return tokenizers
