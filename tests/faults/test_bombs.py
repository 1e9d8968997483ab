"""Small files that claim or unfold to something huge, or point elsewhere: refused in words, in little memory."""

import gzip
import io
import json
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from formats import FORMATS

from tfcli.errors import TfcliError

MOST = 64 << 20


def laughs() -> bytes:
    lines = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    return "\n".join(lines).encode()


def npy(shape: str, descr: str = "<f8", content: bytes = b"") -> bytes:
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b" " * (-(10 + len(head) + 1) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + content


def zipped(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def png(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def safetensors(header: dict, content: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content


def entry(shape: list[int], end: int) -> dict:
    return {"w": {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}}


BOMBS = {
    "YAML aliases": ("spec", laughs),
    "YAML lists 5,000 deep": ("spec", lambda: b"a: " + b"[" * 5000 + b"]" * 5000),
    "YAML mappings 5,000 deep": ("spec", lambda: b"".join(b" " * i + b"a:\n" for i in range(5000))[: 1 << 20]),
    "YAML with Python": ("spec", lambda: b"a: !!python/object/apply:os.system ['touch /tmp/no']"),
    "JSON 100,000 deep": ("study", lambda: b"[" * 100_000),
    "a study with a list for a trial": ("study", lambda: b'{"version": 2, "trials": [[[]]]}'),
    "a CSV of zeros in gzip": ("csv", lambda: gzip.compress(bytes(600 << 20), 9)),
    "a .npy of 2^63": ("npy", lambda: npy("(9223372036854775808,)")),
    "a .npy of 2^31 by 2^31 by 2^31": ("npy", lambda: npy("(2147483648, 2147483648, 2147483648)")),
    "a .npy of a negative size": ("npy", lambda: npy("(-1,)")),
    "a .npy of objects": ("npy", lambda: npy("(1,)", "|O", b"cos\nsystem\n(S'true'\ntR.")),
    "a .npy of no bytes and 2^62 rows": ("npy", lambda: npy("(4611686018427387904, 0)")),
    "a .npz that unfolds": ("npz", lambda: zipped("x.npy", npy("(75000000,)", content=bytes(600_000_000)))),
    "a .npz with ../": ("npz", lambda: zipped("../../x.npy", npy("(0,)"))),
    "a .npz with NUL": ("npz", lambda: zipped("x\x00y.npy", npy("(0,)"))),
    "a .npz with an absolute path": ("npz", lambda: zipped("/etc/x.npy", npy("(0,)"))),
    "an idx of 0 by 2^32 by 2^32": ("idx", lambda: struct.pack(">4B3I", 0, 0, 8, 3, 0, 2**32 - 1, 2**32 - 1)),
    "an idx of 2^96": ("idx", lambda: struct.pack(">4B3I", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1)),
    "a TFRecord of 2^40 bytes": ("tfrecord", lambda: struct.pack("<Q", 1 << 40) + bytes(8)),
    "a picture of 10^5 by 10^5": ("image", lambda: png(100_000, 100_000)),
    "a picture without pixels": ("image", lambda: png(0, 5)),
    "a WAV of 4 GiB": ("wav", lambda: b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<I", 2**32 - 1) + bytes(20)),
    "safetensors with a header of 2^63": ("safetensors", lambda: struct.pack("<Q", 2**63) + b"{}"),
    "safetensors of 2^63": ("safetensors", lambda: safetensors(entry([2**63], 8), bytes(8))),
    "safetensors of a negative size": ("safetensors", lambda: safetensors(entry([-1], 8), bytes(8))),
    "safetensors that overlap": (
        "safetensors",
        lambda: safetensors(entry([2], 8) | {"v": entry([2], 8)["w"]}, bytes(8)),
    ),
    "a .keras whose config unfolds": ("keras", lambda: zipped("config.json", b" " * (200 << 20))),
    "a .keras with ../": ("keras", lambda: zipped("../config.json", b"{}")),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bomb(name: str, tmp_path: Path):
    form, make = BOMBS[name]
    path = tmp_path / FORMATS[form].file
    path.write_bytes(make())
    tracemalloc.start()
    try:
        with pytest.raises(TfcliError) as error:
            FORMATS[form].read(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert str(error.value)
    assert peak < MOST + 2 * path.stat().st_size
    assert sorted(tmp_path.iterdir()) == [path]


def test_a_link_is_listed_as_nothing(tmp_path: Path):
    from tfcli.logging.listing import list_runs

    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "loop").symlink_to(tmp_path / "logs", target_is_directory=True)
    (tmp_path / "logs" / "out").symlink_to("/", target_is_directory=True)
    assert list_runs(tmp_path / "logs") == []


def test_pickles_in_a_npz_stay_closed(tmp_path: Path):
    path = tmp_path / "data.npz"
    np.savez(path, x=np.array([{"a": 1}], object))
    with pytest.raises(TfcliError, match="objects never"):
        FORMATS["npz"].read(path)
