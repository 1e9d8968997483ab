"""Files that are nearly right: seeded changes to a good one, some of which keep its checksums right."""

import io
import json
import random
import struct
import zipfile
from collections.abc import Iterator
from copy import deepcopy
from hashlib import sha256
from typing import Any

import yaml

from tfcli.crc import crc32c, mask
from tfcli.logging.checkpoints import MANIFEST

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
VALUES = (
    *(None, True, False, "", "x", [], {}, [[]], [None], {"": None}, 0, -1, 1, 3, 2**31, 2**63, 10**30, -(2**63)),
    *(0.5, -0.0, 1e300, float("inf"), float("-inf"), float("nan"), "NaN", "\x00", "../../x", "é" * 300, "\ud800"),
    *([1, 2, 3], [-1], [0], [2**40, 2**40], {"type": "x"}, {"class_name": "Dense", "config": {}}, "float64", "string"),
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


def mutated_json(data: bytes, draw: random.Random) -> bytes:
    """A JSON text, or a line of several: bytes changed in half of the cases, else values, so that it stays JSON."""
    if draw.random() < 0.5:
        return mutated(data, draw)
    try:
        return json.dumps(_other_value(json.loads(data), draw)).encode()
    except ValueError:
        lines = data.splitlines()
        number = draw.randrange(len(lines))
        lines[number] = json.dumps(_other_value(json.loads(lines[number]), draw)).encode()
        return b"\n".join([*lines, b""])


def mutated_yaml(data: bytes, draw: random.Random) -> bytes:
    """YAML: bytes changed in half of the cases, else values, so that it stays YAML."""
    if draw.random() < 0.5:
        return mutated(data, draw)
    return yaml.safe_dump(_other_value(yaml.safe_load(data), draw), sort_keys=False, allow_unicode=True).encode(
        errors="surrogatepass"
    )


def _other_value(value: Any, draw: random.Random) -> Any:
    """The value with some of those within it replaced, removed, doubled or exchanged."""
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        places = list(_places(value))
        if not places:
            return deepcopy(draw.choice(VALUES))
        holder, key = draw.choice(places)
        other, other_key = draw.choice(places)
        match draw.randrange(6):
            case 0:
                del holder[key]
            case 1:
                holder[key] = deepcopy(other[other_key])
            case 2 if isinstance(holder, dict):
                holder[draw.choice([name for found, name in places if found is not holder] or ["x"])] = holder.pop(key)
            case 3:
                holder[key] = [holder[key]]
            case _:
                holder[key] = deepcopy(draw.choice(VALUES))
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """All holders and keys below a value."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _places(value[key])


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


def mutated_tensors(data: bytes, draw: random.Random) -> bytes:
    """A safetensors file: the bytes changed as they are, or values of its header, which stays JSON."""
    if draw.random() < 0.4:
        return mutated(data, draw)
    (size,) = struct.unpack_from("<Q", data)
    header = json.dumps(_other_value(json.loads(data[8 : 8 + size]), draw)).encode()
    return struct.pack("<Q", len(header)) + header + data[8 + size :]


def mutated_files(data: bytes, draw: random.Random) -> bytes:
    """The files of a checkpoint in a zip archive: one of them changed, with the right digests again in two thirds."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    chosen = draw.choice(list(files))
    change = mutated_tensors if chosen.endswith(".safetensors") else mutated_json
    files[chosen] = change(files[chosen], draw)
    if draw.random() < 0.67:
        files[MANIFEST] = _with_digests(files)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def _with_digests(files: dict[str, bytes]) -> bytes:
    try:
        manifest = json.loads(files[MANIFEST])
        for name, entry in manifest["files"].items():
            entry |= {"size": len(files[name]), "sha256": sha256(files[name]).hexdigest()}
        manifest.pop("checksum")
        checksum = sha256(json.dumps(manifest, ensure_ascii=False).encode(errors="surrogatepass")).hexdigest()
        return json.dumps(manifest | {"checksum": checksum}).encode()
    except (ValueError, LookupError, TypeError, AttributeError):
        return files[MANIFEST]  # no manifest any more


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
                content = (mutated_json if name.endswith(".json") else mutated)(content, draw)
            elif name == chosen:
                name = draw.choice(("../" + name, "/" + name, name + "\x00", "", "a/" + name, "é", name * 40))
            method = draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
            changed.writestr(name or "x", content, method)
    return out.getvalue()
