"""CSV files: types, missing values, and where what is wrong is."""

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfcli.data import DataSpec, prepare
from tfcli.data.faults import Faults
from tfcli.data.files import Blob
from tfcli.data.sources import csv as csv_source
from tfcli.data.sources.csv import Csv, Dialect, _by_polars, csv_parts, read_csv
from tfcli.data.sources.tabular import Wanted
from tfcli.declare import FieldError
from tfcli.errors import DataError


def read(text: str, **settings):
    columns, rows = read_csv(Blob("t.csv", content=text.encode()), Dialect(**settings))
    return columns, rows


def test_a_column_has_the_type_of_its_values():
    columns, _ = read("a,b,c,d\n1,1.5,x,1_0\n2,2,y,3\n")
    assert [columns[name].dtype.kind for name in "abcd"] == ["i", "f", "O", "O"]
    assert columns["c"].tolist() == ["x", "y"]


def test_missing_numbers_are_nan_and_missing_texts_are_empty():
    columns, _ = read("a,b\n1,x\nNA,?\n,z\n")
    assert np.isnan(columns["a"]).tolist() == [False, True, True]
    assert columns["b"].tolist() == ["x", "", "z"]


def test_missing_values_can_be_chosen():
    columns, _ = read("a\n1\n-\n", missing_values=frozenset("-"))
    assert np.isnan(columns["a"][1])


VALUES = st.sampled_from(
    ["1", "-2", "+3", "007", "1.5", "1e3", "inf", "1_0", "x y", " 4", "?", "", "NA", "true", "9" * 20]
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(rows=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=6), texts=st.sampled_from([(), ("a",)]))
def test_both_readers_find_the_same(rows, texts):
    content = "a,b\n" + "".join(f"{a},{b}\n" for a, b in rows)
    blob, wanted = Blob("t.csv", content=content.encode()), Wanted(texts=frozenset(texts))
    fast = _by_polars("t.csv", content.encode(), Dialect(), wanted)
    assert fast is not None
    slow, _ = next(csv_parts(blob, Dialect(), Faults(), wanted))
    for name, column in slow.items():
        assert fast[0][name].dtype == column.dtype
        np.testing.assert_array_equal(fast[0][name], column)


def test_a_number_far_down_that_is_none_makes_the_column_one_of_texts():
    content = "a,b\n" + "1,2\n" * 3000 + "x,2.5\n"
    columns, rows = _by_polars("t.csv", content.encode(), Dialect(), Wanted())
    assert columns["a"].dtype == object
    assert columns["b"].dtype == np.float64
    assert rows.where(3000) == "t.csv, row 3002"


def test_quoted_line_breaks_and_blank_lines_keep_row_numbers_those_of_the_file():
    _, rows = read('a,b\n"x\ny",1\n\nz,2\n')
    assert [rows.where(i) for i in range(2)] == ["t.csv, row 2", "t.csv, row 5"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,c\n1,2,3\n4,5\n", "row 3: has 2 values, expected 3"),
        ("a,b\n1,2\n1,2,3\n", "row 3: has 3 values, expected 2"),
        ("a,a\n1,2\n", "two columns are called 'a'"),
        ("", "is empty"),
        ("a,b\n", "has no rows"),
        ('a,b\n1,"x"y\n', "row 2: not valid CSV"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_row(text, message):
    with pytest.raises(DataError, match=message):
        read(text)


def test_bytes_that_are_not_text_are_refused_with_their_row():
    with pytest.raises(DataError, match="row 2: is not UTF-8"):
        read_csv(Blob("t.csv", content=b"a\n\xff\n"))


def test_a_byte_order_mark_is_no_part_of_a_name():
    assert list(read("\ufeffa,b\n1,2\n")[0]) == ["a", "b"]


def test_a_glob_is_one_table_and_rows_keep_their_files(tmp_path):
    (tmp_path / "p1.csv").write_text("a,y\n1,0\n")
    (tmp_path / "p2.csv.gz").write_bytes(gzip.compress(b"a,y\n2,1\n3,0\n"))
    table = Csv(path="p*", label="y").read(tmp_path)
    assert table.columns["a"].tolist() == [1, 2, 3]
    assert table.where(2, "a") == "p2.csv.gz, row 3, column 'a'"
    assert len(table.files) == 2


def test_files_of_a_glob_must_have_the_same_columns(tmp_path):
    (tmp_path / "p1.csv").write_text("a\n1\n")
    (tmp_path / "p2.csv").write_text("b\n1\n")
    with pytest.raises(DataError, match="do not have the same columns"):
        Csv(path="p*.csv").read(tmp_path)


def test_features_default_to_every_column_but_label_and_weight(tmp_path):
    (tmp_path / "t.csv").write_text("a;w;y;b\n1;2;3;4\n")
    table = Csv(path="t.csv", label="y", sample_weight="w", delimiter=";").read(tmp_path)
    assert table.features == ["a", "b"]


def test_an_unknown_column_is_named_with_the_nearest(tmp_path):
    (tmp_path / "t.csv").write_text("age,survived\n1,2\n")
    with pytest.raises(DataError, match="no column 'survive'; did you mean `survived`"):
        Csv(path="t.csv", label="survive").read(tmp_path)


def test_without_header_columns_are_named_in_the_spec(tmp_path):
    (tmp_path / "t.csv").write_text("1,2\n3,4\n")
    table = Csv(path="t.csv", header=False, columns=["a", "b"], label="b").read(tmp_path)
    assert table.columns["b"].tolist() == [2, 4]
    assert table.where(1, "a") == "t.csv, row 2, column 'a'"
    with pytest.raises(FieldError, match="needs `columns`"):
        Csv(path="t.csv", header=False)


PLAIN = "a,b,c\n" + "".join(f"{i},{i / 2},t{i}\n" for i in range(50))


@pytest.mark.parametrize("end", ["", '50,25,"t\n50"\n51,25.5,t51\n', "\n50,25,t50\n", "50,25\n51,25.5,t51\n"])
@pytest.mark.parametrize("skip", [0, 20, 50])
def test_blocks_read_by_polars_are_those_of_pythons_reader(monkeypatch, end, skip):
    blob = Blob("t.csv", content=(PLAIN + end).encode())
    wanted = Wanted(frozenset("ac"), size=10, skip=skip)
    slow_faults, fast_faults = Faults("skip"), Faults("skip")
    slow = list(csv_parts(blob, Dialect(), slow_faults, wanted))
    monkeypatch.setattr(csv_source, "_WORTH_POLARS", 0)
    fast = list(csv_parts(blob, Dialect(), fast_faults, wanted))
    assert slow_faults.messages == fast_faults.messages
    for (columns, rows), (expected, where) in zip(fast, slow, strict=True):
        assert list(columns) == list(expected) == ["a", "c"]
        assert all(np.array_equal(columns[name], expected[name]) for name in expected)
        assert np.array_equal(rows.number, where.number)


@pytest.mark.parametrize("streaming", [False, True])
def test_columns_that_nothing_is_made_of_are_not_looked_at(tmp_path, monkeypatch, streaming):
    (tmp_path / "t.csv").write_text("a,b,w,c,y\n" + "".join(f"{i},{2 * i},1,t,{i % 2}\n" for i in range(40)))
    looked_at = []
    made = csv_source.column_of_texts

    def watched(texts, *rest):
        looked_at.append(texts[1])
        return made(texts, *rest)

    monkeypatch.setattr(csv_source, "column_of_texts", watched)
    source = {"type": "csv", "path": "t.csv", "label": "y", "sample_weight": "w", "streaming": streaming}
    split = {"test": 0.25, "stratify": "c"}
    data = prepare(DataSpec(source=source, features={"a": "float"}, split=split), tmp_path)
    assert next(data.train.batches()).inputs["features"].shape == (30, 1)
    assert "2" not in looked_at
    if not streaming:
        assert "b" in data.table("test", every_column=True).columns
