import errno
import json

import numpy as np
import pytest
from killing import FailingStorage, Killed, StoppingStorage

from tfcli.errors import CheckpointError
from tfcli.logging import durable


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def stops(monkeypatch, action):
    """The numbers of the operations that `action` makes."""
    counting = StoppingStorage()
    monkeypatch.setattr(durable, "storage", counting)
    action()
    return range(len(counting.log))


def test_a_file_is_replaced_whole(tmp_path):
    durable.write_bytes(tmp_path / "a" / "b", b"one")
    durable.write_bytes(tmp_path / "a" / "b", b"two")
    assert (tmp_path / "a" / "b").read_bytes() == b"two"
    assert names(tmp_path / "a") == ["b"]


def test_the_file_is_synced_before_its_name_and_the_folder_after(tmp_path, monkeypatch):
    storage = StoppingStorage()
    monkeypatch.setattr(durable, "storage", storage)
    durable.write_bytes(tmp_path / "b", b"one")
    assert [entry.split()[0] for entry in storage.log] == ["create", "write", "sync", "replace", "sync"]
    assert storage.log[-1] == f"sync {tmp_path.name}"


def test_a_kill_at_any_operation_leaves_the_old_or_the_new_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    seen = set()
    for stop in stops(monkeypatch, lambda: durable.write_bytes(path, b"new content")):
        path.write_bytes(b"old content")
        monkeypatch.setattr(durable, "storage", StoppingStorage(stop))
        with pytest.raises(Killed):
            durable.write_bytes(path, b"new content")
        seen.add(path.read_bytes())
    assert seen == {b"old content", b"new content"}


@pytest.mark.parametrize("operation", ["create", "write", "sync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, operation):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(durable, "storage", FailingStorage(operation))
    with pytest.raises(CheckpointError):
        durable.write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only"), (errno.EIO, "input/output error")],
)
def test_the_error_names_the_path_and_the_reason(tmp_path, monkeypatch, code, reason):
    monkeypatch.setattr(durable, "storage", FailingStorage("write", code))
    with pytest.raises(CheckpointError, match=reason) as caught:
        durable.write_bytes(tmp_path / "file", b"new")
    assert str(tmp_path / "file") in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)


def test_a_short_write_is_continued(tmp_path, monkeypatch):
    class Slow(durable.Storage):
        def write(self, descriptor, data):
            return super().write(descriptor, data[:3])

    monkeypatch.setattr(durable, "storage", Slow())
    durable.write_bytes(tmp_path / "file", b"0123456789")
    assert (tmp_path / "file").read_bytes() == b"0123456789"


def test_json_takes_numpy_numbers_and_paths(tmp_path):
    durable.write_json(tmp_path / "x.json", {"a": np.float32(0.5), "b": np.int64(3), "c": np.arange(2), "d": tmp_path})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": 0.5, "b": 3, "c": [0, 1], "d": str(tmp_path)}


@pytest.mark.parametrize("content", [b"", b'{"a": ', b"\xff\xfe", b"[" * 100_000])
def test_damaged_json_is_a_plain_error(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        durable.read_json(tmp_path / "x.json")


def test_a_torn_last_line_is_not_read_and_is_cut_before_the_next(tmp_path):
    path = tmp_path / "lines"
    durable.append_lines(path, ["one"])
    with open(path, "ab") as file:
        file.write(b"tw" * 5000)
    assert durable.read_lines(path) == ["one"]
    durable.append_lines(path, ["three"])
    assert durable.read_lines(path) == ["one", "three"]


def test_a_file_of_one_torn_line_starts_anew(tmp_path):
    (tmp_path / "lines").write_bytes(b"tor")
    durable.append_lines(tmp_path / "lines", ["one"])
    assert (tmp_path / "lines").read_bytes() == b"one\n"


def test_lines_of_a_missing_file_are_none(tmp_path):
    assert durable.read_lines(tmp_path / "lines") == []


def append_two_and_go_on(path):
    durable.append_lines(path, ["two"])
    durable.append_lines(path, ["more"])


def test_a_kill_while_appending_loses_at_most_the_new_line(tmp_path, monkeypatch):
    path = tmp_path / "lines"
    for stop in stops(monkeypatch, lambda: durable.append_lines(path, ["two"])):
        path.write_bytes(b"one\n")
        monkeypatch.setattr(durable, "storage", StoppingStorage(stop))
        with pytest.raises(Killed):
            append_two_and_go_on(path)
        monkeypatch.setattr(durable, "storage", durable.Storage())
        durable.append_lines(path, ["three"])
        assert durable.read_lines(path) in (["one", "three"], ["one", "two", "three"])


def build(path, files):
    with durable.DirectoryWriter(path) as writer:
        for name, data in files.items():
            writer.add(name, data)


def content(path):
    return {entry.name: entry.read_bytes() for entry in path.iterdir()}


def test_a_killed_directory_is_absent_or_whole(tmp_path, monkeypatch):
    files = {"a": b"11", "b": b"2222"}
    for stop in stops(monkeypatch, lambda: build(tmp_path / "counted" / "directory", files)):
        inside = tmp_path / str(stop)
        path = inside / "directory"
        monkeypatch.setattr(durable, "storage", StoppingStorage(stop))
        with pytest.raises(Killed):
            build(path, files)
        assert not path.exists() or content(path) == files
        monkeypatch.setattr(durable, "storage", durable.Storage())
        durable.remove_leftovers(inside)
        assert not inside.exists() or names(inside) in ([], ["directory"])


def test_a_directory_takes_the_place_of_another(tmp_path):
    build(tmp_path / "d", {"a": b"1", "old": b"0"})
    build(tmp_path / "d", {"a": b"2"})
    assert content(tmp_path / "d") == {"a": b"2"}
    assert names(tmp_path) == ["d"]


@pytest.mark.parametrize("operation", ["create", "write", "sync", "replace"])
def test_a_failed_directory_leaves_nothing(tmp_path, monkeypatch, operation):
    monkeypatch.setattr(durable, "storage", FailingStorage(operation))
    with pytest.raises(CheckpointError, match="the disk is full"):
        build(tmp_path / "d", {"a": b"1"})
    assert names(tmp_path) == []


def test_removing_follows_no_link(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_bytes(b"1")
    (tmp_path / "tree" / "deep").mkdir(parents=True)
    (tmp_path / "tree" / "deep" / "link").symlink_to(tmp_path / "kept")
    durable.remove_tree(tmp_path / "tree")
    assert names(tmp_path) == ["kept"]
    assert names(tmp_path / "kept") == ["file"]


def test_a_tree_whose_removal_was_killed_is_gone_by_name(tmp_path, monkeypatch):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_bytes(b"1")
    monkeypatch.setattr(durable, "storage", StoppingStorage(1))
    with pytest.raises(Killed):
        durable.remove_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()
    monkeypatch.setattr(durable, "storage", durable.Storage())
    durable.remove_leftovers(tmp_path)
    assert names(tmp_path) == []
