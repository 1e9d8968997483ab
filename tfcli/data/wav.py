"""WAV files: sound as float32 samples (N, C) from -1 to 1."""

import struct

import numpy as np

from tfcli.errors import DataError

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE


def decode_wav(content: bytes, where: str) -> tuple[np.ndarray, int]:
    """(samples (N, C), samples a second) of PCM with 8, 16, 24 or 32 bits, or of floats. Raises DataError."""
    if len(content) < 12 or content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise DataError(f"{where}: is not a WAV file")
    header = None
    for name, chunk in _chunks(content, where):
        if name == b"fmt ":
            header = _header(chunk, where)
        elif name == b"data":
            if header is None:
                raise DataError(f"{where}: the WAV file has data before it says of what format")
            kind, channels, rate, bits = header
            width = channels * bits // 8
            whole = chunk[: len(chunk) - len(chunk) % width]
            return _samples(whole, kind, bits, where).reshape(-1, channels), rate
    raise DataError(f"{where}: the WAV file has no data")


def _chunks(content: bytes, where: str):
    place = 12
    while place + 8 <= len(content):
        name, size = content[place : place + 4], struct.unpack_from("<I", content, place + 4)[0]
        place += 8
        if size > len(content) - place:
            raise DataError(f"{where}: the WAV file says {size:,} bytes, but {len(content) - place:,} follow")
        yield name, content[place : place + size]
        place += size + size % 2


def _header(chunk: bytes, where: str) -> tuple[int, int, int, int]:
    """(kind, channels, rate, bits)."""
    if len(chunk) < 16:
        raise DataError(f"{where}: the WAV file's header is too short")
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if kind == EXTENSIBLE and len(chunk) >= 26:
        kind = struct.unpack_from("<H", chunk, 24)[0]
    if kind not in (PCM, FLOAT) or bits not in ((8, 16, 24, 32) if kind == PCM else (32, 64)):
        raise DataError(f"{where}: WAV format {kind} with {bits} bits; PCM of 8 to 32 bits and floats can be read")
    if channels < 1 or rate < 1:
        raise DataError(f"{where}: the WAV file says {channels} channels at {rate} samples a second")
    return kind, channels, rate, bits


def _samples(data: bytes, kind: int, bits: int, where: str) -> np.ndarray:
    if kind == FLOAT:
        return np.frombuffer(data, f"<f{bits // 8}").astype(np.float32)
    if bits == 8:
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
    if bits == 24:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return wide.view("<i4")[:, 0].astype(np.float32) / np.float32(2**31)
    return np.frombuffer(data, f"<i{bits // 8}").astype(np.float32) / np.float32(2 ** (bits - 1))


def encode_wav(samples: np.ndarray, rate: int) -> bytes:
    """The 16-bit PCM file of samples (N, C) from -1 to 1."""
    channels = samples.shape[1]
    scaled = np.clip(np.round(samples.astype(np.float64) * 32768), -32768, 32767).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", PCM, channels, rate, rate * channels * 2, channels * 2, 16)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(scaled)) + scaled
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def resample(samples: np.ndarray, rate: int, to: int, zeros: int = 16) -> np.ndarray:
    """Samples (N,) at `rate` as they would be at `to` samples a second, by a windowed sinc of 2 `zeros` lobes."""
    if rate == to or not len(samples):
        return samples
    cutoff = min(1.0, to / rate)
    reach = int(np.ceil(zeros / cutoff))
    count = -(-len(samples) * to // rate)
    place = np.arange(count) * (rate / to)
    first = np.floor(place).astype(np.int64)
    offsets = np.arange(-reach + 1, reach + 1)
    distance = offsets - (place - first)[:, None]  # (count, 2 reach)
    window = np.where(np.abs(distance) < reach, 0.5 + 0.5 * np.cos(np.pi * distance / reach), 0)
    padded = np.pad(samples.astype(np.float64), reach)
    gathered = padded[np.minimum(first[:, None] + offsets + reach, len(padded) - 1)]
    return (gathered * cutoff * np.sinc(cutoff * distance) * window).sum(axis=1).astype(np.float32)
