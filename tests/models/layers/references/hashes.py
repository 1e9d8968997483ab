"""FarmHash's Fingerprint64 and SipHash-2-4, from their descriptions, on Python's whole numbers."""

K0, K1, K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
CROSS = 0xC6A4A7935BD1E995
WORD = 2**64


def fingerprint(text: bytes) -> int:
    """Of texts of up to 64 bytes."""
    n = len(text)
    assert n <= 64
    if n == 0:
        return K2
    if n < 4:
        y, z = text[0] + (text[n // 2] << 8), n + (text[-1] << 2)
        return _shift_mix(y * K2 % WORD ^ z * K0 % WORD) * K2 % WORD
    mul = K2 + 2 * n
    if n < 8:
        return _mixed(n + (_word(text, 0, 4) << 3), _word(text, n - 4, 4), mul)
    if n <= 16:
        a, b = _word(text, 0) + K2, _word(text, n - 8)
        return _mixed(_rotated(b, 37) * mul + a, (_rotated(a, 25) + b) * mul, mul)
    a = _word(text, 0) * (K1 if n <= 32 else K2)
    b, c, d = _word(text, 8), _word(text, n - 8) * mul, _word(text, n - 16) * K2
    y, z = _rotated(a + b, 43) + _rotated(c, 30) + d, a + _rotated(b + K2, 18) + c
    if n <= 32:
        return _mixed(y, z, mul)
    z = _mixed(y, z, mul)
    e, f = _word(text, 16) * mul, _word(text, 24)
    g, h = (y + _word(text, n - 32)) * mul, (z + _word(text, n - 24)) * mul
    return _mixed(_rotated(e + f, 43) + _rotated(g, 30) + h, e + _rotated(f + a, 18) + g, mul)


def crossed(first: int, second: int) -> int:
    """Two fingerprints as one."""
    result = first ^ CROSS ^ _shift_mix(second * CROSS % WORD) * CROSS % WORD
    result = _shift_mix(result * CROSS % WORD) * CROSS % WORD
    return _shift_mix(result)


def siphash(text: bytes, key: tuple[int, int]) -> int:
    first, second = key
    v = [
        first ^ 0x736F6D6570736575,
        second ^ 0x646F72616E646F6D,
        first ^ 0x6C7967656E657261,
        second ^ 0x7465646279746573,
    ]
    whole = text + b"\0" * (-(len(text) + 1) % 8) + bytes([len(text) % 256])
    for start in range(0, len(whole), 8):
        word = _word(whole, start)
        v[3] ^= word
        _rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    _rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _rounds(v: list[int], count: int) -> None:
    for _ in range(count):
        _add_rotate(v, 0, 1, 13)
        _add_rotate(v, 2, 3, 16)
        v[0] = _rotated(v[0], 32)
        _add_rotate(v, 2, 1, 17)
        _add_rotate(v, 0, 3, 21)
        v[2] = _rotated(v[2], 32)


def _add_rotate(v: list[int], a: int, b: int, left: int) -> None:
    v[a] = (v[a] + v[b]) % WORD
    v[b] = _rotated(v[b], 64 - left) ^ v[a]


def _word(text: bytes, start: int, size: int = 8) -> int:
    return int.from_bytes(text[start : start + size], "little")


def _rotated(x: int, by: int) -> int:
    x %= WORD
    return (x >> by | x << (64 - by)) % WORD


def _shift_mix(x: int) -> int:
    return x ^ x >> 47


def _mixed(u: int, v: int, mul: int) -> int:
    u, v = u % WORD, v % WORD
    a = _shift_mix((u ^ v) * mul % WORD)
    b = _shift_mix((v ^ a) * mul % WORD)
    return b * mul % WORD
