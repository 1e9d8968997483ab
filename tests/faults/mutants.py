"""Files that are nearly right: seeded changes to a good one, some of which keep its checksums right."""

import io
import random
import struct
import zipfile

from tfcli.crc import crc32c, mask

NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**63, 2**64 - 1)
WORDS = (
    *(b"", b"null", b"NaN", b"-1", b"1e999", b"9" * 30, b"true", b"2020-13-45", b"0x10", b"${HOME}", b"~"),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b"*a",
        b"&a",
        b"<<: *a",
        b"!!python/object:os.system",
        b"- ",
        b"|",
        b">",
        b"%",
        b"@",
    ),
    *(b"\x00", b"\xff\xfe", b"\xed\xa0\x80", "é漢".encode(), b"../../x", b"/etc/passwd"),
    *(b"\n", b"\t", b'"', b"'", b",", b"=", b"\\", b"# "),
)


def mutated(data: bytes, draw: random.Random) -> bytes:
    """A few changes, anywhere."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 3, 8))):
        _change(changed, draw)
    return bytes(changed)


def _change(data: bytearray, draw: random.Random) -> None:
    place = draw.randrange(len(data) + 1)
    end = min(len(data), place + draw.choice((1, 1, 2, 4, 8, 64, 512)))
    match draw.randrange(7):
        case 0 if place < len(data):
            data[place] ^= 1 << draw.randrange(8)
        case 1:
            size = draw.choice((1, 2, 4, 8))
            number = draw.choice(NUMBERS) & (256**size - 1)
            data[place : place + size] = number.to_bytes(size, draw.choice(("little", "big")))
        case 2:
            del data[place:end]
        case 3:
            data[place:place] = data[place:end]
        case 4:
            data[place:end] = draw.choice(WORDS)
        case 5:
            data[place:end] = draw.randbytes(end - place)
        case _:
            del data[place:]


def mutated_records(data: bytes, draw: random.Random) -> bytes:
    """TFRecords: one record changed, with the right checksums again in half of the cases."""
    if draw.random() < 0.5:
        return mutated(data, draw)
    records, place = [], 0
    while place < len(data):
        (size,) = struct.unpack_from("<Q", data, place)
        records.append(data[place + 12 : place + 12 + size])
        place += 16 + size
    number = draw.randrange(len(records))
    records[number] = mutated(records[number], draw)
    return b"".join(map(framed, records))


def framed(record: bytes) -> bytes:
    """The record as TFRecord files have it."""
    length = struct.pack("<Q", len(record))
    return length + struct.pack("<I", mask(crc32c(length))) + record + struct.pack("<I", mask(crc32c(record)))


def mutated_zip(data: bytes, draw: random.Random) -> bytes:
    """A zip archive: the bytes changed as they are, or what a member holds or is called, with the right checksum."""
    if draw.random() < 0.4:
        return mutated(data, draw)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(out, "w") as changed:
        chosen = draw.choice(archive.namelist())
        for name in archive.namelist():
            content = archive.read(name)
            if name == chosen and draw.random() < 0.9:
                content = mutated(content, draw)
            elif name == chosen:
                name = draw.choice(("../" + name, "/" + name, name + "\x00", "", "a/" + name, "é", name * 40))
            method = draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
            changed.writestr(name or "x", content, method)
    return out.getvalue()
