"""The checkpoints of a run: each a directory that is complete and checksummed, or absent.

epoch-0003/   <group>.safetensors …, state.json, and, written last, manifest.json: sizes and SHA-256 of the others
index.json    the names of the last and the best
"""

import difflib
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.errors import CheckpointError, UnknownRunError
from tfcli.logging.durable import (
    DirectoryWriter,
    parse_json,
    plain_errors,
    read_json,
    remove_leftovers,
    remove_tree,
    to_json,
    write_json,
)
from tfcli.logging.tensors import decode_tensors, encode_tensors

MANIFEST, STATE, INDEX = "manifest.json", "state.json", "index.json"
_VERSION = 2
_PLAIN_NAME = r"\w[\w.-]*"


def epoch_name(epoch: int) -> str:
    return f"epoch-{epoch:04d}"


def step_name(step: int) -> str:
    return f"step-{step:08d}"


@dataclass
class Checkpoint:
    """What was saved: `tensors` by group and name, `state`; `warnings` say which others could not be read."""

    name: str
    tensors: dict[str, dict[str, np.ndarray]]
    state: dict[str, Any]
    path: Path
    metrics: dict[str, Any] | None = None
    warnings: list[str] = field(default_factory=list)


class Checkpoints:
    """The checkpoints in `directory`, of which the newest `keep` (two at least) and the best stay.

    Reading never changes anything. The first `save` removes what killed saves left: only the holder of the run's lock
    saves.
    """

    def __init__(self, directory: Path, keep: int = 3) -> None:
        self.directory = Path(directory)
        self.keep = max(keep, 2)
        self._is_clean = False

    def save(
        self,
        name: str,
        tensors: Mapping[str, Mapping[str, np.ndarray]],
        state: Mapping[str, Any],
        metrics: Mapping[str, Any] | None = None,
        best: bool = False,
    ) -> Path:
        """Write a checkpoint, point `last` (and `best`) to it, then remove old ones.

        `tensors`: arrays by group and name; each group becomes a file. `state`: what JSON holds. Raises CheckpointError
        where the disk refuses; the checkpoints from before are then as they were.
        """
        for part in (name, *tensors):
            assert re.fullmatch(_PLAIN_NAME, part), f"{part!r} is no plain file name"
        self._clean()
        path = self.directory / name
        best_name = name if best else self.best
        files = {f"{group}.safetensors": encode_tensors(arrays) for group, arrays in sorted(tensors.items())}
        files[STATE] = to_json(state).encode()
        manifest = {
            "version": _VERSION,
            "name": name,
            "sequence": 1 + max([self._sequence(other) for other in self._directories()], default=0),
            "best": best,
            "metrics": metrics,
            "files": {file: {"size": len(data), "sha256": _digest(data)} for file, data in files.items()},
        }
        with DirectoryWriter(path) as writer:
            for file, data in files.items():
                writer.add(file, data)
            writer.add(MANIFEST, to_json(manifest | {"checksum": _checksum(manifest)}, indent=1).encode())
        write_json(self.directory / INDEX, {"last": name, "best": best_name})
        self._prune()
        return path

    def load(self, which: str | int = "last") -> Checkpoint:
        """The checkpoint `last`, `best`, of an epoch number, or of a name.

        Where `last` or `best` is damaged, the newest one that is not; its `warnings` name the bad files. Raises
        CheckpointError where there is none, or where the one asked for by name or number is missing or damaged.
        """
        if which not in ("last", "best"):
            return self._read(self._find(which))
        warnings: list[str] = []
        for path in self._candidates(str(which), warnings):
            try:
                checkpoint = self._read(path)
            except CheckpointError as error:
                warnings.append(str(error))
            else:
                checkpoint.warnings = warnings
                return checkpoint
        found = "; ".join(warnings) or "no checkpoint was finished"
        raise CheckpointError(f"there is nothing to load in {self.directory}: {found}")

    def names(self) -> list[str]:
        """The names of all checkpoints, the newest last, whether or not their files are whole."""
        return [path.name for path in reversed(self._newest_first())]

    @property
    def last(self) -> str | None:
        """The name of the last checkpoint; None before the first."""
        return self._index()["last"]

    @property
    def best(self) -> str | None:
        """The name of the best checkpoint; None while none was called so."""
        return self._index()["best"]

    def _clean(self) -> None:
        if not self._is_clean:
            remove_leftovers(self.directory)
            self._is_clean = True

    def _index(self) -> dict[str, str | None]:
        """The names of the last and the best; read off the manifests where index.json is missing or damaged."""
        try:
            index = read_json(self.directory / INDEX)
        except CheckpointError:
            index = None
        match index:
            case {"last": str(last), "best": str() | None as best}:
                return {"last": last, "best": best}
        newest = self._newest_first()
        return {
            "last": next((path.name for path in newest), None),
            "best": next((path.name for path in newest if _manifest_or_empty(path).get("best")), None),
        }

    def _directories(self) -> list[Path]:
        if not self.directory.is_dir():
            return []
        return sorted(path for path in self.directory.iterdir() if not path.name.startswith(".") and path.is_dir())

    def _sequence(self, path: Path) -> int:
        """The place in the order of saving; 0 where the manifest cannot say."""
        return _manifest_or_empty(path).get("sequence", 0)

    def _newest_first(self) -> list[Path]:
        return sorted(self._directories(), key=lambda path: (self._sequence(path), path.name), reverse=True)

    def _candidates(self, which: str, warnings: list[str]) -> list[Path]:
        newest = self._newest_first()
        name = self._index()[which]
        pointed = [path for path in newest if path.name == name]
        if newest and name is None:
            warnings.append(f"no checkpoint in {self.directory} is marked as the {which}: the newest is taken")
        elif newest and not pointed:
            warnings.append(f"{self.directory / INDEX} names {name}, which is not there: the newest is taken")
        return pointed + [path for path in newest if path.name != name]

    def _find(self, which: str | int) -> Path:
        is_number = isinstance(which, int) or which.isdecimal()
        name = epoch_name(int(which)) if is_number else str(which)
        names = self.names()
        if name in names:
            return self.directory / name
        close = difflib.get_close_matches(name, names, 1, 0.6)
        there = ", ".join(names) if names else "none"
        hint = f"; did you mean {close[0]}?" if close and not is_number else ""
        raise UnknownRunError(f"there is no checkpoint {name} in {self.directory}, which has: {there}{hint}")

    def _read(self, path: Path) -> Checkpoint:
        manifest = _manifest(path)
        data = {name: _verified(path / name, expected) for name, expected in manifest["files"].items()}
        groups = {
            name.removesuffix(".safetensors"): decode_tensors(content, str(path / name))
            for name, content in data.items()
            if name.endswith(".safetensors")
        }
        state = parse_json(data[STATE], path / STATE)
        if not isinstance(state, dict):
            raise CheckpointError(f"{path / STATE} is damaged: it does not describe the state of a run")
        return Checkpoint(path.name, groups, state, path, manifest["metrics"])

    def _prune(self) -> None:
        best = self.best
        for path in self._newest_first()[self.keep :]:
            if path.name != best:
                remove_tree(path)


def _manifest_or_empty(path: Path) -> dict[str, Any]:
    try:
        return _manifest(path)
    except CheckpointError:
        return {}


def _manifest(path: Path) -> dict[str, Any]:
    manifest = read_json(path / MANIFEST)
    match manifest:
        case {
            "version": int(version),
            "sequence": int(),
            "files": dict(files),
            "best": bool(),
            "metrics": dict() | None,
            "checksum": str(checksum),
        }:
            if version != _VERSION:
                raise CheckpointError(f"{path / MANIFEST} has version {version}; this tfcli reads version {_VERSION}")
            if checksum != _checksum({key: value for key, value in manifest.items() if key != "checksum"}):
                raise CheckpointError(f"{path / MANIFEST} is damaged: its checksum is not that of what it says")
            if STATE in files and all(_is_entry(name, entry) for name, entry in files.items()):
                return manifest
    raise CheckpointError(f"{path / MANIFEST} is damaged: it does not list the files of a checkpoint")


def _checksum(manifest: Mapping[str, Any]) -> str:
    """The digest of what the manifest says, which a flipped bit in it changes."""
    return _digest(to_json(manifest).encode(errors="surrogatepass"))


def _is_entry(name: str, entry: Any) -> bool:
    match entry:
        case {"size": int(), "sha256": str()}:
            return re.fullmatch(_PLAIN_NAME, name) is not None
    return False


def _verified(path: Path, expected: Mapping[str, Any]) -> bytes:
    with plain_errors(path, "read"):
        data = path.read_bytes()
    if len(data) != expected["size"]:
        raise CheckpointError(f"{path} is damaged: it has {len(data):,} bytes, was saved with {expected['size']:,}")
    if _digest(data) != expected["sha256"]:
        raise CheckpointError(f"{path} is damaged: its SHA-256 is not the one it was saved with")
    return data


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
