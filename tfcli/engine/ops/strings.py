"""Texts, tensors of UTF-8 bytes, as far as turning text into numbers needs them. Lengths count bytes unless asked."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcli.engine.fingerprints import hash_bins
from tfcli.engine.op import Op
from tfcli.engine.spec import DType, Shape, TensorSpec, as_dtype, broadcast, float32, int32, int64, show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import DataError, DtypeError, ShapeError, TfcliError

TEXT = as_dtype("string")
UNITS = ("BYTE", "UTF8_CHAR")


def _texts(op: Op, x: TensorSpec) -> None:
    if x.dtype != TEXT:
        raise DtypeError(f"{op.name}: expected a string tensor, got {x}; tf.strings.as_string makes one of numbers")


def _each(function: Any, x: np.ndarray, dtype: Any = object) -> np.ndarray:
    """`function` of each entry, in the shape of x."""
    result = np.empty(x.shape, dtype)
    for place, value in np.ndenumerate(x):
        result[place] = function(value)
    return result


class _TextMap(Op, abstract=True):
    """x string -> string, entry by entry."""

    vjp_x = None

    def infer(self, x):
        _texts(self, x)
        return TensorSpec(x.shape, TEXT)

    def forward(self, x):
        return _each(self.change, x)

    def change(self, text: bytes) -> bytes:
        raise AssertionError(f"{self.name} has no change")


class StringLower(_TextMap):
    """Lower case: of ASCII letters alone, or of all in UTF-8."""

    encoding: str = ""

    def change(self, text):
        return text.decode().lower().encode() if self.encoding else text.lower()


class StringUpper(_TextMap):
    """Upper case: of ASCII letters alone, or of all in UTF-8."""

    encoding: str = ""

    def change(self, text):
        return text.decode().upper().encode() if self.encoding else text.upper()


class StringStrip(_TextMap):
    """Without white space at both ends."""

    def change(self, text):
        return text.strip()


class RegexReplace(_TextMap):
    """What matches `pattern` replaced by `rewrite`, in which \\1 … \\9 are groups and \\0 the whole match."""

    pattern: str
    rewrite: str
    replace_global: bool = True

    def change(self, text):
        rewrite = self.rewrite.replace("\\0", "\\g<0>")
        return re.sub(self.pattern, rewrite, text.decode(), count=0 if self.replace_global else 1).encode()


class Substr(_TextMap):
    """`length` units from `pos` on; a negative pos counts from the end."""

    pos: int
    length: int
    unit: str = "BYTE"

    def change(self, text):
        units: Any = text if self.unit == "BYTE" else text.decode()
        if not -len(units) <= self.pos <= len(units):
            raise DataError(f"substr: position {self.pos} of {text[:40]!r}, which has {len(units)} units")
        start = self.pos + len(units) if self.pos < 0 else self.pos
        part = units[start : start + self.length]
        return part if self.unit == "BYTE" else part.encode()


class RegexFullMatch(Op):
    """Whether the whole text matches `pattern`."""

    pattern: str
    vjp_x = None

    def infer(self, x):
        _texts(self, x)
        return TensorSpec(x.shape, as_dtype("bool"))

    def forward(self, x):
        return _each(lambda text: re.fullmatch(self.pattern, text.decode()) is not None, x, np.bool_)


class StringLength(Op):
    """The number of bytes, or of characters."""

    unit: str = "BYTE"
    vjp_x = None

    def infer(self, x):
        _texts(self, x)
        return TensorSpec(x.shape, int32)

    def forward(self, x):
        return _each(lambda text: len(text if self.unit == "BYTE" else text.decode()), x, np.int32)


class StringToNumber(Op):
    """The numbers that texts spell."""

    dtype: DType
    vjp_x = None

    def infer(self, x):
        _texts(self, x)
        return TensorSpec(x.shape, self.dtype)

    def forward(self, x):
        return _each(self._number, x, self.dtype.numpy)

    def _number(self, text: bytes) -> Any:
        try:
            return float(text) if self.dtype.is_floating else int(text)
        except ValueError as error:
            kind = "a number" if self.dtype.is_floating else "a whole number"
            raise DataError(f"to_number: {text[:40]!r} is not {kind}") from error


class AsString(Op):
    """Numbers spelled out: floats with `precision` digits after the point, 6 by default."""

    precision: int = -1
    scientific: bool = False
    shortest: bool = False
    width: int = -1
    fill: str = ""
    vjp_x = None

    def infer(self, x):
        return TensorSpec(x.shape, TEXT)

    def forward(self, x):
        return _each(lambda value: self._spelled(value).encode(), x)

    def _spelled(self, value: Any) -> str:
        if isinstance(value, bytes):
            return value.decode()
        if isinstance(value, np.bool_ | bool):
            text = "true" if value else "false"
        elif isinstance(value, np.integer):
            text = str(int(value))
        else:
            kind = "g" if self.shortest else "e" if self.scientific else "f"
            text = f"{float(value):.{6 if self.precision < 0 else self.precision}{kind}}"
        return text if self.width < 0 else text.rjust(self.width, self.fill or " ")


class StringToHashBucket(Op):
    """A number from 0 to num_buckets - 1 for each text, the same on every machine: by its fingerprint, or its SipHash
    with a key.
    """

    num_buckets: int
    key: tuple[int, ...] = ()
    vjp_x = None

    def infer(self, x):
        _texts(self, x)
        return TensorSpec(x.shape, int64)

    def forward(self, x):
        return hash_bins(x.ravel().tolist(), self.num_buckets, self.key or None).reshape(x.shape)


class StringJoin(Op):
    """Texts joined entry by entry, with `separator` between them; scalars broadcast."""

    separator: str = ""

    def infer(self, *xs):
        for x in xs:
            _texts(self, x)
        shape = Shape(())
        for x in xs:
            shape = broadcast(shape, x.shape, "join")
        return TensorSpec(shape, TEXT)

    def forward(self, *xs):
        arrays = np.broadcast_arrays(*xs)
        result, between = np.empty(arrays[0].shape, object), self.separator.encode()
        for place in np.ndindex(result.shape):
            result[place] = between.join(a[place] for a in arrays)
        return result

    def vjp(self, g, y, *xs):
        return (None,) * len(xs)


class ReduceJoin(Op):
    """Texts joined along `axis`."""

    axis: int
    separator: str = ""
    keepdims: bool = False
    vjp_x = None

    def infer(self, x):
        _texts(self, x)
        sizes = [1 if i == self.axis else d for i, d in enumerate(x.shape) if self.keepdims or i != self.axis]
        return TensorSpec(Shape(sizes), TEXT)

    def forward(self, x):
        rows = np.moveaxis(x, self.axis, -1)
        result, between = np.empty(rows.shape[:-1], object), self.separator.encode()
        for place in np.ndindex(result.shape):
            result[place] = between.join(rows[place])
        return np.expand_dims(result, self.axis) if self.keepdims else result


class StringPieces(Op):
    """One text -> its pieces (n,): by white space or `separator`, into "bytes", or into "characters"."""

    by: str = "separator"
    separator: str = ""
    maxsplit: int = -1
    vjp_x = None

    def infer(self, x):
        _texts(self, x)
        if x.rank:
            raise ShapeError(
                f"split: {show_shape(x.shape)} texts would give rows of different lengths: no tensor; "
                "split one text at a time, for instance in Dataset.map, and collect them with padded_batch"
            )
        return TensorSpec(Shape((None,)), TEXT)

    def forward(self, x):
        text = x[()]
        if self.by == "bytes":
            pieces = [text[i : i + 1] for i in range(len(text))]
        elif self.by == "characters":
            pieces = [character.encode() for character in text.decode()]
        else:
            pieces = text.split(self.separator.encode() or None, self.maxsplit)
        result = np.empty(len(pieces), object)
        result[:] = pieces
        return result


class UnicodeDecode(Op):
    """One text -> the code points of its characters, (n,) int32."""

    vjp_x = None

    def infer(self, x):
        _texts(self, x)
        if x.rank:
            raise ShapeError(
                f"unicode_decode: expected one text, got {show_shape(x.shape)}: rows would differ in length"
            )
        return TensorSpec(Shape((None,)), int32)

    def forward(self, x):
        return np.array([ord(character) for character in x[()].decode()], np.int32)


class UnicodeEncode(Op):
    """Code points (…, n) -> texts (…)."""

    vjp_x = None

    def infer(self, x):
        if not x.dtype.is_integer or not x.rank:
            raise DtypeError(f"unicode_encode: expected code points (…, n) of integers, got {x}")
        return TensorSpec(Shape(x.shape[:-1]), TEXT)

    def forward(self, x):
        result = np.empty(x.shape[:-1], object)
        for place in np.ndindex(result.shape):
            result[place] = "".join(map(chr, x[place])).encode()
        return result


class DecodeRaw(Op):
    """The bytes of texts of one length as numbers: (…) -> (…, n)."""

    dtype: DType
    vjp_x = None

    def infer(self, x):
        _texts(self, x)
        return TensorSpec(Shape((*x.shape, None)), self.dtype)

    def forward(self, x):
        rows = [np.frombuffer(text, self.dtype.numpy) for text in x.flat]
        if len({len(row) for row in rows}) > 1:
            raise DataError("decode_raw: the texts differ in length")
        return np.reshape(rows, (*x.shape, len(rows[0]) if rows else 0)).astype(self.dtype.numpy)


def _unit(unit: str) -> str:
    if unit not in UNITS:
        raise TfcliError(f"unit must be one of {', '.join(UNITS)}, got {unit!r}")
    return unit


def lower(input: Any, encoding: str = "") -> Tensor:
    """Lower case: of ASCII letters, or of all with encoding="utf-8"."""
    return StringLower(encoding)(input)


def upper(input: Any, encoding: str = "") -> Tensor:
    """Upper case: of ASCII letters, or of all with encoding="utf-8"."""
    return StringUpper(encoding)(input)


strip = StringStrip()


def regex_replace(input: Any, pattern: str, rewrite: str, replace_global: bool = True) -> Tensor:
    """What matches the pattern replaced. Python's regular expressions; raises TfcliError for one that is none."""
    _compiled(pattern)
    return RegexReplace(pattern, rewrite, bool(replace_global))(input)


def regex_full_match(input: Any, pattern: str) -> Tensor:
    """Whether each whole text matches. Raises TfcliError for a pattern that is none."""
    _compiled(pattern)
    return RegexFullMatch(pattern)(input)


def _compiled(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise TfcliError(f"the regular expression {pattern!r} is wrong: {error}") from error


def length(input: Any, unit: str = "BYTE") -> Tensor:
    """The number of bytes of each text, or of characters with unit="UTF8_CHAR"."""
    return StringLength(_unit(unit))(input)


def substr(input: Any, pos: Any, len: Any, unit: str = "BYTE") -> Tensor:
    """`len` units of each text from `pos` on. Raises DataError beyond the end."""
    return Substr(int(pos), int(len), _unit(unit))(input)


def to_number(input: Any, out_type: Any = float32) -> Tensor:
    """The numbers that texts spell. Raises DataError."""
    return StringToNumber(as_dtype(out_type))(input)


def as_string(
    input: Any, precision: int = -1, scientific: bool = False, shortest: bool = False, width: int = -1, fill: str = ""
) -> Tensor:
    """Numbers spelled out; `shortest` drops zeros at the end, `width` and `fill` pad at the front."""
    return AsString(int(precision), bool(scientific), bool(shortest), int(width), fill)(input)


def to_hash_bucket(input: Any, num_buckets: int) -> Tensor:
    """A bucket for each text: that of `to_hash_bucket_fast`; TensorFlow's hash differs from release to release."""
    return StringToHashBucket(int(num_buckets))(input)


def to_hash_bucket_fast(input: Any, num_buckets: int) -> Tensor:
    """A bucket from 0 to num_buckets - 1 for each text, by FarmHash's fingerprint."""
    return StringToHashBucket(int(num_buckets))(input)


def to_hash_bucket_strong(input: Any, num_buckets: int, key: Sequence[int]) -> Tensor:
    """A bucket from 0 to num_buckets - 1 for each text, by SipHash with a key of two integers."""
    return StringToHashBucket(int(num_buckets), tuple(int(k) for k in key))(input)


def join(inputs: Sequence[Any], separator: str = "") -> Tensor:
    """Texts joined entry by entry; scalars broadcast. Raises ShapeError, DtypeError."""
    return StringJoin(separator)(*inputs)


def reduce_join(inputs: Any, axis: Any = None, keepdims: bool = False, separator: str = "") -> Tensor:
    """Texts joined along axes, all of them without `axis`. Raises DtypeError."""
    x = convert_to_tensor(inputs)
    listed = range(x.ndim)[::-1] if axis is None else [int(a) % x.ndim for a in np.atleast_1d(axis)][::-1]
    for a in listed if not keepdims else sorted(listed, reverse=True):
        x = ReduceJoin(a, separator, bool(keepdims))(x)
    return x


def split(input: Any, sep: str | None = None, maxsplit: int = -1) -> Tensor:
    """The pieces (n,) of one text between white space, or between `sep`. Raises ShapeError for several texts."""
    return StringPieces("separator", sep or "", int(maxsplit))(input)


def bytes_split(input: Any) -> Tensor:
    """The bytes (n,) of one text. Raises ShapeError for several texts."""
    return StringPieces("bytes")(input)


def unicode_split(input: Any, input_encoding: str = "UTF-8") -> Tensor:
    """The characters (n,) of one text. Raises ShapeError for several texts, TfcliError for another encoding."""
    _utf8(input_encoding)
    return StringPieces("characters")(input)


def unicode_decode(input: Any, input_encoding: str = "UTF-8") -> Tensor:
    """The code points (n,) of one text. Raises ShapeError for several texts, TfcliError for another encoding."""
    _utf8(input_encoding)
    return UnicodeDecode()(input)


def unicode_encode(input: Any, output_encoding: str = "UTF-8") -> Tensor:
    """Texts (…) of code points (…, n). Raises TfcliError for another encoding."""
    _utf8(output_encoding)
    return UnicodeEncode()(input)


def _utf8(encoding: str) -> None:
    if encoding.upper() not in ("UTF-8", "UTF8"):
        raise TfcliError(f"texts are UTF-8 here, not {encoding}")


def format(template: str, inputs: Any, placeholder: str = "{}", summarize: int = 3) -> Tensor:
    """A text in which each placeholder stands for a tensor, printed. Raises TfcliError."""
    from tfcli.engine.ops.debugging import shown

    values = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    parts = template.split(placeholder)
    if len(parts) != len(values) + 1:
        raise TfcliError(f"format: {len(parts) - 1} placeholders for {len(values)} tensors")
    texts = [shown(convert_to_tensor(v).array, summarize) for v in values]
    return convert_to_tensor("".join(part + text for part, text in zip(parts, [*texts, ""], strict=True)))


def decode_raw(input_bytes: Any, out_type: Any) -> Tensor:
    """The bytes of texts of one length as numbers, along a new last axis. Raises DataError."""
    return DecodeRaw(as_dtype(out_type))(input_bytes)


def read_file(filename: Any) -> Tensor:
    """The content of a file as one text. Raises DataError."""
    name = filename if isinstance(filename, str) else convert_to_tensor(filename).item().decode()
    try:
        with open(name, "rb") as file:
            return convert_to_tensor(file.read())
    except OSError as error:
        raise DataError(f"read_file: cannot read {name}: {error.strerror}") from error


def write_file(filename: str, contents: Any) -> None:
    """Write a text to a file. Raises DataError."""
    try:
        with open(filename, "wb") as file:
            file.write(convert_to_tensor(contents).item())
    except OSError as error:
        raise DataError(f"write_file: cannot write {filename}: {error.strerror}") from error
