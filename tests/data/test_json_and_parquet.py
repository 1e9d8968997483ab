"""JSON lines and Parquet files."""

import numpy as np
import pytest

from tfcli.data.files import Blob
from tfcli.data.sources.csv import Csv
from tfcli.data.sources.jsonl import Jsonl
from tfcli.data.sources.parquet import Parquet
from tfcli.errors import DataError


def lines(*texts: str) -> Blob:
    return Blob("t.jsonl", content="\n".join(texts).encode())


def test_json_values_become_columns():
    columns, _ = Jsonl(path="t.jsonl").columns_of(
        lines('{"a": 1, "b": "x", "v": [1, 2]}', "", '{"a": 2.5, "b": null, "v": [3, 4]}')
    )
    assert columns["a"].tolist() == [1, 2.5]
    assert columns["b"].tolist() == ["x", ""]
    assert columns["v"].tolist() == [[1, 2], [3, 4]]


def test_an_absent_key_is_a_missing_value():
    columns, _ = Jsonl(path="t.jsonl").columns_of(lines('{"a": 1}', "{}"))
    assert np.isnan(columns["a"][1])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "row 2: not valid JSON"),
        ("[1]", "row 2: expected an object"),
        ('{"a": {}}', "row 2, column 'a': cannot use a value of type dict"),
    ],
)
def test_a_line_that_is_wrong_is_refused_with_its_number(line, message):
    with pytest.raises(DataError, match=message):
        Jsonl(path="t.jsonl").columns_of(lines('{"a": 1}', line))


def test_lists_may_differ_in_length_but_not_in_depth():
    columns, _ = Jsonl(path="t.jsonl").columns_of(lines('{"a": [1, 2]}', '{"a": [1]}', '{"a": []}'))
    assert [array.tolist() for array in columns["a"]] == [[1, 2], [1], []]
    assert {array.dtype for array in columns["a"]} == {np.dtype(np.int64)}
    for other, shown in (("[[1]]", r"\[\[1\]\]"), ("null", "nothing"), ("3", "3")):
        with pytest.raises(DataError, match=f"row 2, column 'a': expected a list of numbers as before, got '?{shown}"):
            Jsonl(path="t.jsonl").columns_of(lines('{"a": [1, 2]}', f'{{"a": {other}}}'))


def test_parquet_columns_have_numbers_texts_and_missing_values(tmp_path):
    polars = pytest.importorskip("polars")
    path = tmp_path / "t.parquet"
    frame = {"i": [1, 2], "f": [0.5, None], "s": ["x", None], "b": [True, False], "v": [[1.0, 2.0], [3.0, 4.0]]}
    polars.DataFrame(frame).write_parquet(path)
    columns, _ = Parquet(path="t.parquet").columns_of(Blob("t.parquet", path))
    assert columns["i"].tolist() == [1, 2]
    assert np.isnan(columns["f"][1])
    assert columns["s"].tolist() == ["x", ""]
    assert columns["b"].tolist() == [1, 0]
    assert columns["v"].shape == (2, 2)


def test_a_damaged_parquet_file_is_refused():
    with pytest.raises(DataError, match="not a readable Parquet file"):
        Parquet(path="t.parquet").columns_of(Blob("t.parquet", content=b"PAR1nonsense"))


def test_what_learned_from_csv_reads_json_lines_to_predict():
    table = Csv(path="t.csv", label="y").read_input(lines('{"a": 1, "b": 2}'), labelled=False)
    assert table.features == ["a", "b"]
