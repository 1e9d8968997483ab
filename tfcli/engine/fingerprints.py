"""Hashes of texts that are the same everywhere, over many texts at once: FarmHash's Fingerprint64 and SipHash-2-4.

Texts of one length are hashed together: a matrix of their bytes, a column of 64-bit words at a time. Numpy's uint64
wraps around as these algorithms want it to.

Sources: github.com/google/farmhash (farmhashna::Hash64); Aumasson and Bernstein, "SipHash: a fast short-input PRF".
"""

from collections.abc import Callable, Sequence

import numpy as np

Words = np.ndarray
"""(N,) uint64: a word of each text."""

_K0, _K1, _K2 = (np.uint64(k) for k in (0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F))
_CROSS = np.uint64(0xC6A4A7935BD1E995)
_CROSS_SEED = 0xDECAFCAFFE
"""What TensorFlow begins the hash of a combination with."""
_SIP = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)


def fingerprint64(texts: Sequence[bytes]) -> np.ndarray:
    """FarmHash's Fingerprint64 of each text: (N,) uint64."""
    return _by_length(texts, _farm)


def siphash(texts: Sequence[bytes], key: Sequence[int]) -> np.ndarray:
    """SipHash-2-4 of each text with a key of two 64-bit numbers: (N,) uint64."""
    first, second = (int(k) % (1 << 64) for k in key)
    return _by_length(texts, lambda rows: _sip(rows, first, second))


def hash_bins(texts: Sequence[bytes], bins: int, key: Sequence[int] | None = None) -> np.ndarray:
    """A bin of each text, (N,) int64: its SipHash with a key, else its fingerprint, modulo `bins`."""
    hashes = fingerprint64(texts) if key is None else siphash(texts, key)
    return (hashes % np.uint64(bins)).astype(np.int64)


def crossed_bins(columns: Sequence[np.ndarray], bins: int) -> np.ndarray:
    """A bin of each row of several columns, (N,) int64, as tf.sparse.cross_hashed: columns of uint64 are combined."""
    hashes = np.full(columns[0].shape, _CROSS_SEED, np.uint64)
    for column in columns:
        hashes = (hashes ^ _CROSS) ^ (_mixed(column * _CROSS) * _CROSS)
        hashes = _mixed(_mixed(hashes * _CROSS) * _CROSS)
    return (hashes % np.uint64(bins)).astype(np.int64)


def _by_length(texts: Sequence[bytes], function: Callable[[np.ndarray], Words]) -> np.ndarray:
    """`function` of the matrix of bytes (N, length) of all texts of each length."""
    hashes = np.empty(len(texts), np.uint64)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    order = np.argsort(lengths, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1) if len(texts) else []:
        joined = b"".join([texts[i] for i in rows.tolist()])
        hashes[rows] = function(np.frombuffer(joined, np.uint8).reshape(len(rows), -1))
    return hashes


def _word(rows: np.ndarray, at: int, size: int = 8) -> Words:
    """The `size` bytes of each row from `at` on (from the end where negative) as a little-endian number."""
    start = at % rows.shape[1]
    return np.ascontiguousarray(rows[:, start : start + size]).view(f"<u{size}")[:, 0].astype(np.uint64)


def _rotated(x: Words, bits: int) -> Words:
    """Rotated to the right."""
    return (x >> np.uint64(bits)) | (x << np.uint64(64 - bits))


def _mixed(x: Words) -> Words:
    return x ^ (x >> np.uint64(47))


# FarmHash


def _farm(rows: np.ndarray) -> Words:
    length = rows.shape[1]
    if length > 64:
        return _farm_long(rows)
    if length > 32:
        return _farm_33_to_64(rows)
    if length > 16:
        a, b, c, d, mul = _farm_ends(rows, _K1)
        return _farm_pair(_rotated(a + b, 43) + _rotated(c, 30) + d, a + _rotated(b + _K2, 18) + c, mul)
    return _farm_0_to_16(rows)


def _farm_pair(u: Words, v: Words, mul: Words | np.uint64) -> Words:
    a = _mixed((u ^ v) * mul)
    return _mixed((v ^ a) * mul) * mul


def _farm_0_to_16(rows: np.ndarray) -> Words:
    length = rows.shape[1]
    mul = _K2 + np.uint64(length * 2)
    if length >= 8:
        a, b = _word(rows, 0) + _K2, _word(rows, -8)
        return _farm_pair(_rotated(b, 37) * mul + a, (_rotated(a, 25) + b) * mul, mul)
    if length >= 4:
        a, b = _word(rows, 0, 4), _word(rows, -4, 4)
        return _farm_pair(np.uint64(length) + (a << np.uint64(3)), b, mul)
    if length > 0:
        a, b, c = (rows[:, i].astype(np.uint64) for i in (0, length >> 1, length - 1))
        y, z = a + (b << np.uint64(8)), np.uint64(length) + (c << np.uint64(2))
        return _mixed(y * _K2 ^ z * _K0) * _K2
    return np.full(len(rows), _K2)


def _farm_ends(rows: np.ndarray, factor: np.uint64) -> tuple[Words, Words, Words, Words, np.uint64]:
    """The first two and the last two words, scaled, and the multiplier for this length."""
    mul = _K2 + np.uint64(rows.shape[1] * 2)
    return _word(rows, 0) * factor, _word(rows, 8), _word(rows, -8) * mul, _word(rows, -16) * _K2, mul


def _farm_33_to_64(rows: np.ndarray) -> Words:
    a, b, c, d, mul = _farm_ends(rows, _K2)
    y = _rotated(a + b, 43) + _rotated(c, 30) + d
    z = _farm_pair(y, a + _rotated(b + _K2, 18) + c, mul)
    e, f = _word(rows, 16) * mul, _word(rows, 24)
    g, h = (y + _word(rows, -32)) * mul, (z + _word(rows, -24)) * mul
    return _farm_pair(_rotated(e + f, 43) + _rotated(g, 30) + h, e + _rotated(f + a, 18) + g, mul)


def _farm_long(rows: np.ndarray) -> Words:
    length = rows.shape[1]
    zeros = np.zeros(len(rows), np.uint64)
    y = zeros + np.uint64((81 * int(_K1) + 113) % (1 << 64))
    z = _mixed(y * _K2 + np.uint64(113)) * _K2
    x = (zeros + np.uint64(81)) * _K2 + _word(rows, 0)
    v, w = (zeros, zeros), (zeros, zeros)
    for start in range(0, (length - 1) // 64 * 64, 64):
        x, y, z, v, w = _farm_block(rows, start, _K1, x, y, z, v, w)
    mul = _K1 + ((z & np.uint64(0xFF)) << np.uint64(1))
    w0 = w[0] + np.uint64((length - 1) & 63)
    v = (v[0] + w0, v[1])
    w = (w0 + v[0], w[1])
    x, y, z, v, w = _farm_block(rows, length - 64, mul, x, y, z, v, w, np.uint64(9))
    first = _farm_pair(v[0], w[0], mul) + _mixed(y) * _K0 + z
    return _farm_pair(first, _farm_pair(v[1], w[1], mul) + x, mul)


def _farm_block(
    rows: np.ndarray,
    start: int,
    mul: Words | np.uint64,
    x: Words,
    y: Words,
    z: Words,
    v: tuple[Words, Words],
    w: tuple[Words, Words],
    weight: np.uint64 = np.uint64(1),  # noqa: B008 - a number
) -> tuple[Words, Words, Words, tuple[Words, Words], tuple[Words, Words]]:
    """The state after the 64 bytes from `start` on."""
    words = [_word(rows, start + 8 * i) for i in range(8)]
    x = _rotated(x + y + v[0] + words[1], 37) * mul
    y = _rotated(y + v[1] + words[6], 42) * mul
    x = x ^ (w[1] * weight)
    y = y + v[0] * weight + words[5]
    z = _rotated(z + w[0], 33) * mul
    v = _farm_weak(words[:4], v[1] * mul, x + w[0])
    w = _farm_weak(words[4:], z + w[1], y + words[2])
    return z, y, x, v, w


def _farm_weak(words: Sequence[Words], a: Words, b: Words) -> tuple[Words, Words]:
    a = a + words[0]
    b = _rotated(b + a + words[3], 21)
    total = a + words[1] + words[2]
    return total + words[3], b + _rotated(total, 44) + a


# SipHash


def _sip(rows: np.ndarray, first: int, second: int) -> Words:
    length = rows.shape[1]
    filled = np.zeros((len(rows), length // 8 * 8 + 8), np.uint8)
    filled[:, :length] = rows
    filled[:, -1] = length % 256
    keys = (first, second, first, second)
    v = [np.full(len(rows), key ^ start, np.uint64) for key, start in zip(keys, _SIP, strict=True)]
    for at in range(0, filled.shape[1], 8):
        word = _word(filled, at)
        v[3] = v[3] ^ word
        v = _sip_rounds(v, 2)
        v[0] = v[0] ^ word
    v[2] = v[2] ^ np.uint64(0xFF)
    v = _sip_rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _sip_rounds(v: list[Words], count: int) -> list[Words]:
    v0, v1, v2, v3 = v
    for _ in range(count):
        v0, v2 = v0 + v1, v2 + v3
        v1, v3 = _rotated(v1, 51) ^ v0, _rotated(v3, 48) ^ v2
        v0, v2 = _rotated(v0, 32) + v3, v2 + v1
        v1, v3 = _rotated(v1, 47) ^ v2, _rotated(v3, 43) ^ v0
        v2 = _rotated(v2, 32)
    return [v0, v1, v2, v3]
