"""npz, npy: what is believed of a file, and what is not."""

import io
import zipfile

import numpy as np
import pytest

from tfcli.data.arrays import encode_npz, read_npy, read_npz
from tfcli.data.files import Blob
from tfcli.data.sources.npz import Npy, Npz
from tfcli.errors import DataError


def npz(path, **arrays) -> Blob:
    np.savez(path, **arrays)
    return Blob(path.name, path)


def npy_bytes(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def archive_of(**members: bytes) -> Blob:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return Blob("t.npz", content=stream.getvalue())


def test_arrays_come_back_as_they_were(tmp_path):
    arrays = {
        "f": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big": np.arange(3, dtype=">i4"),
        "s": np.array(["a", "bc"]),
        "empty": np.zeros((0, 3), np.float32),
    }
    found = read_npz(npz(tmp_path / "t.npz", **arrays))
    for name, array in arrays.items():
        assert found[name].tolist() == array.tolist()
        assert found[name].shape == array.shape
    assert found["big"].dtype == np.int32


def test_only_named_arrays_are_read():
    blob = archive_of(**{"x.npy": npy_bytes(np.ones(2)), "evil.npy": b"not an array"})
    assert list(read_npz(blob, ["x"])) == ["x"]


def test_objects_are_never_unpickled():
    with pytest.raises(DataError, match="objects never"):
        read_npz(archive_of(**{"x.npy": npy_bytes(np.array([{}], dtype=object))}))


def test_a_name_that_leaves_the_folder_is_refused():
    with pytest.raises(DataError, match="not a name"):
        read_npz(archive_of(**{"../../x.npy": npy_bytes(np.ones(1))}))


def test_a_header_that_promises_more_than_there_is_is_refused():
    content = npy_bytes(np.ones(4)).replace(b"(4,)", b"(9,)")
    with pytest.raises(DataError, match=r"header says \(9,\) float64, but 32 bytes follow"):
        read_npz(archive_of(**{"x.npy": content}))


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused(monkeypatch):
    monkeypatch.setattr("tfcli.data.files._ALWAYS_ALLOWED_BYTES", 1000)
    with pytest.raises(DataError, match="far more bytes"):
        read_npz(archive_of(**{"x.npy": npy_bytes(np.zeros(100_000))}))


def test_a_flipped_byte_is_noticed(tmp_path):
    path = tmp_path / "t.npz"
    np.savez(path, x=np.arange(100))
    content = bytearray(path.read_bytes())
    content[400] ^= 1
    with pytest.raises(DataError, match="not a readable"):
        read_npz(Blob("t.npz", content=bytes(content)))


def test_a_truncated_or_foreign_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="not a readable"):
        read_npz(Blob("t.npz", content=b"PK nonsense"))
    with pytest.raises(DataError, match=r"header is damaged"):
        read_npy(Blob("t.npy", content=b"\x93NUMPY\x01\x00"))


def test_an_absent_array_is_named_with_the_nearest(tmp_path):
    npz(tmp_path / "t.npz", images=np.ones(2))
    with pytest.raises(DataError, match="no array called 'image'; did you mean `images`"):
        Npz(path="t.npz", features="image").read(tmp_path)


def test_several_features_keep_their_order(tmp_path):
    npz(tmp_path / "t.npz", a=np.ones(2), b=np.ones((2, 3)), y=np.ones(2), z=np.ones(2))
    table = Npz(path="t.npz", features=["b", "a"], label=["z", "y"]).read(tmp_path)
    assert (table.features, table.labels) == (["b", "a"], ["z", "y"])


def test_arrays_of_different_lengths_are_refused(tmp_path):
    npz(tmp_path / "t.npz", x=np.ones(3), y=np.ones(2))
    with pytest.raises(DataError, match="'y' has 2 examples, but 'x' has 3"):
        Npz(path="t.npz").read(tmp_path)


def test_npy_files_hold_one_array_each(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((2, 3)))
    np.save(tmp_path / "y.npy", np.arange(2))
    table = Npy(path="x.npy", label="y.npy").read(tmp_path)
    assert table.columns["y"].tolist() == [0, 1]
    assert table.columns["x"].shape == (2, 3)


def test_written_arrays_have_the_same_bytes_each_time(tmp_path):
    first, second = (encode_npz({"x": np.arange(3)}) for _ in range(2))
    assert first == second
    (tmp_path / "a.npz").write_bytes(first)
    assert np.load(tmp_path / "a.npz")["x"].tolist() == [0, 1, 2]


def test_a_glob_s_files_are_one_set_of_arrays(tmp_path):
    for i in range(3):
        npz(tmp_path / f"p{i}.npz", x=np.full((2, 3), i), y=np.full(2, i))
    table = Npz(path="p*.npz").read(tmp_path)
    assert table.columns["x"][:, 0].tolist() == table.columns["y"].tolist() == [0, 0, 1, 1, 2, 2]
    assert table.where(3, "x") == "p1.npz, example 1, array 'x'"
    assert len(table.files) == 3


def test_files_of_a_glob_must_hold_arrays_of_one_shape(tmp_path):
    npz(tmp_path / "p0.npz", x=np.zeros((2, 3)), y=np.zeros(2))
    npz(tmp_path / "p1.npz", x=np.zeros((2, 4)), y=np.zeros(2))
    with pytest.raises(DataError, match="'x' has values of different shapes"):
        Npz(path="p*.npz").read(tmp_path)


def test_each_file_of_a_glob_has_its_own_labels(tmp_path):
    for i in range(2):
        np.save(tmp_path / f"x{i}.npy", np.full((2, 1), i))
        np.save(tmp_path / f"y{i}.npy", np.full(2, i))
    table = Npy(path="x*.npy", label="y*.npy").read(tmp_path)
    assert table.columns["y"].tolist() == [0, 0, 1, 1]
    (tmp_path / "y1.npy").unlink()
    with pytest.raises(DataError, match=r"x\*.npy matches 2 files and y\*.npy 1; each needs its own labels"):
        Npy(path="x*.npy", label="y*.npy").read(tmp_path)
