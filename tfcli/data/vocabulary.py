"""Vocabularies, as Keras's lookup layers learn and use them."""

from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

Token = str | int


def learn_tokens(values: np.ndarray, limit: int | None = None) -> list[Any]:
    """The distinct values, the most frequent first and ties from the last in order to the first, `limit` of them at
    most."""
    if values.dtype == object:
        counted = Counter(values.ravel().tolist()).items()
        return [token for token, _ in sorted(counted, key=lambda item: (item[1], item[0]), reverse=True)[:limit]]
    tokens, counts = np.unique(values, return_counts=True)
    order = np.argsort(counts, kind="stable")[::-1][:limit]
    return tokens[order].tolist()


def look_up(values: np.ndarray, tokens: Sequence[Token], num_oov_indices: int) -> np.ndarray:
    """int64 index of each value, in the shape of `values`: out-of-vocabulary ones come first, then `tokens`.

    With several out-of-vocabulary indices a hash of the value chooses; with none an unknown value is -1.
    """
    index = {token: i + num_oov_indices for i, token in enumerate(tokens)}

    def unknown(value: Token) -> int:
        return stable_hash(value, num_oov_indices) if num_oov_indices else -1

    return _by_distinct(values, lambda value: index[value] if value in index else unknown(value))


def stable_hash(value: Token, bins: int) -> int:
    """A bin of `value`, the same on every machine and in every version: BLAKE2b of its text, 8 bytes, modulo `bins`.

    Keras hashes with FarmHash or SipHash, so its bins are others; what hashing is for does not depend on which.
    """
    return int.from_bytes(blake2b(str(value).encode(), digest_size=8).digest(), "little") % bins


def hash_bins(values: np.ndarray, bins: int) -> np.ndarray:
    """`stable_hash` of each value, int64."""
    return _by_distinct(values, lambda value: stable_hash(value, bins))


def _by_distinct(values: np.ndarray, function: Callable[[Token], int]) -> np.ndarray:
    """int64 `function` of each value, called once for each distinct one."""
    flat = values.ravel().tolist()
    codes = {value: function(value) for value in set(flat)}
    return np.array([codes[value] for value in flat], np.int64).reshape(values.shape)


def multi_hot(indices: np.ndarray, size: int, dtype: str) -> np.ndarray:
    """indices (N,) -> (N, size) with a one at each index."""
    encoded = np.zeros((len(indices), size), dtype)
    encoded[np.arange(len(indices)), indices] = 1
    return encoded
