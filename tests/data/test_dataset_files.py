"""Datasets of files, and elements kept in files."""

import gzip
import zlib

import numpy as np
import pytest

import tfcli as tf
from tfcli.data.dataset import Dataset, Options
from tfcli.data.dataset.experimental import CsvDataset
from tfcli.errors import DataError


def values(dataset) -> list:
    return [np.asarray(x).tolist() for x in dataset.as_numpy_iterator()]


@pytest.mark.parametrize(("name", "pack"), [(None, bytes), ("GZIP", gzip.compress), ("ZLIB", zlib.compress)])
def test_lines_of_several_files(tmp_path, name, pack):
    paths = [tmp_path / "a", tmp_path / "b"]
    for path, text in zip(paths, (b"one\r\ntwo\n", b"three"), strict=True):
        path.write_bytes(pack(text))
    names = [str(path) for path in paths]
    assert values(tf.data.TextLineDataset(names, name)) == [b"one", b"two", b"three"]
    assert values(tf.data.TextLineDataset(Dataset.from_tensor_slices(names), name)) == [b"one", b"two", b"three"]


def test_records_of_one_length(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"HHaabbccF")
    assert values(tf.data.FixedLengthRecordDataset(str(path), 2, 2, 1)) == [b"aa", b"bb", b"cc"]
    with pytest.raises(DataError, match="1 bytes are left over; records have 2"):
        list(tf.data.FixedLengthRecordDataset(str(path), 2))


def test_rows_of_a_csv_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('n,x,t,z\n1,0.5,"a,b",9\n2,,c,9\n')
    dataset = CsvDataset(str(path), [tf.int32, [1.5], tf.string], header=True, select_cols=[0, 1, 2])
    rows = [tuple(np.asarray(v).tolist() for v in row) for row in dataset.as_numpy_iterator()]
    assert rows == [(1, 0.5, b"a,b"), (2, 1.5, b"c")]
    assert [spec.dtype.name for spec in dataset.element_spec] == ["int32", "float32", "string"]
    with pytest.raises(DataError, match=r"row 3: a value is missing"):
        list(CsvDataset(str(path), [tf.float32], header=True, select_cols=[1]))
    with pytest.raises(DataError, match=r"row 2: expected int32, got 'a,b'"):
        list(CsvDataset(str(path), [tf.int32], header=True, select_cols=[2]))


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(DataError, match="cannot read nowhere"):
        list(tf.data.TFRecordDataset("nowhere"))


ELEMENTS = {"x": np.arange(6).reshape(3, 2).astype(np.float32), "t": ["a", "b", "c"]}


@pytest.mark.parametrize("keep", ["cache", "snapshot"])
def test_elements_kept_in_a_file_are_there_for_later_programs(tmp_path, keep):
    calls = []

    def counted(row):
        calls.append(1)
        return {"x": row["x"] * float(row["x"][0] + 1), "t": row["t"]}

    def made():
        return getattr(Dataset.from_tensor_slices(ELEMENTS).map(counted), keep)(str(tmp_path / "kept"))

    partial = iter(made())
    next(partial)
    del partial
    first = [(e["x"].tolist(), e["t"]) for e in made().as_numpy_iterator()]
    before = len(calls)
    again = [(e["x"].tolist(), e["t"]) for e in made().as_numpy_iterator()]
    assert again == first
    assert first[1] == ([6.0, 9.0], b"b")
    assert len(calls) - before <= 2  # one to trace, one to know the spec
    assert not list(tmp_path.rglob("*.unfinished"))


def test_a_dataset_is_saved_and_loaded(tmp_path):
    dataset = Dataset.from_tensor_slices(ELEMENTS).batch(2)
    dataset.save(str(tmp_path / "d"))
    loaded = Dataset.load(str(tmp_path / "d"), dataset.element_spec)
    assert [e["x"].tolist() for e in loaded.as_numpy_iterator()] == [[[0, 1], [2, 3]], [[4, 5]]]
    with pytest.raises(DataError, match="no saved dataset"):
        Dataset.load(str(tmp_path / "e"), dataset.element_spec)


def test_resampling_brings_classes_to_their_proportions():
    labels = np.repeat([0, 0, 0, 1], 500)
    dataset = Dataset.from_tensor_slices(labels).shuffle(2000, seed=1)
    for initial in (None, [0.75, 0.25]):
        found = [int(c) for c, _ in dataset.rejection_resample(lambda x: x, [0.5, 0.5], initial, seed=2)]
        assert 0.42 < np.mean(found) < 0.58
        assert len(found) > 600


def test_elements_that_cannot_be_computed_are_left_out_on_request():
    checked = Dataset.from_tensor_slices([1.0, np.nan, 3.0]).map(lambda x: tf.debugging.check_numerics(x, "bad"))
    assert values(checked.ignore_errors()) == [1.0, 3.0]


def test_parallel_calls_keep_the_order_and_the_place_of_an_error():
    dataset = Dataset.range(100).map(lambda x: x * x, num_parallel_calls=3)
    assert values(dataset) == [n * n for n in range(100)]
    failing = Dataset.from_tensor_slices([1.0] * 40 + [np.nan]).map(
        lambda x: tf.debugging.check_numerics(x, "bad"), num_parallel_calls=4
    )
    found = []
    with pytest.raises(ValueError, match="bad"):
        found.extend(iter(failing))
    assert len(found) == 40


def test_random_functions_give_the_same_numbers_at_any_parallelism():
    def drawn(calls):
        tf.random.set_seed(3)
        return values(Dataset.range(20).map(lambda x: tf.random.uniform(()), num_parallel_calls=calls))

    assert drawn(4) == drawn(None)


def test_options_are_kept_and_merged():
    options = Options()
    options.deterministic = True
    dataset = Dataset.range(3).with_options(options).with_options(Options())
    assert dataset.options().deterministic is True
    assert values(dataset) == [0, 1, 2]
