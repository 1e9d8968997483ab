"""The checksum of TFRecords: CRC-32C (Castagnoli), and TensorFlow's mask over it."""

_POLYNOMIAL = 0x82F63B78


def _entry(index: int) -> int:
    for _ in range(8):
        index = (index >> 1) ^ (_POLYNOMIAL if index & 1 else 0)
    return index


def _next(row: list[int]) -> list[int]:
    """The table for bytes that stand one place further from the end."""
    return [(value >> 8) ^ TABLES[0][value & 0xFF] for value in row]


TABLES: list[list[int]] = [[_entry(index) for index in range(256)]]
for _ in range(7):
    TABLES.append(_next(TABLES[-1]))
"""TABLES[k][b]: what byte b does to the checksum when k bytes follow it."""


def crc32c(data: bytes) -> int:
    """The checksum of some bytes; 0x8a9136aa for 32 zeros."""
    table, crc = TABLES[0], 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def mask(crc: int) -> int:
    """The checksum as TFRecords hold it."""
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
