"""Sizes of memory and files as words."""

import pytest

from tfcli.declare.sizes import bytes_of, size


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("2GB", 2_000_000_000),
        ("2GiB", 2 << 30),
        ("1.5 mib", 3 << 19),
        ("512kB", 512_000),
        ("100", 100),
        (100, 100),
        ("7 B", 7),
        ("2 gigs", None),
        ("-1GB", None),
        ("GB", None),
        ("", None),
    ],
)
def test_bytes_of(text: str | int, count: int | None):
    assert bytes_of(text) == count


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 << 20, "3.0 MiB"), (5 << 30, "5.0 GiB")]
)
def test_size(count: int, text: str):
    assert size(count) == text
