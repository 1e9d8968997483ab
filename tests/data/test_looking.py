"""Statistics, schemas, anomalies and drift of tables, in one pass over blocks of rows."""

import json
import xml.dom.minidom

import numpy as np
import pytest

from tfcli.data.looking.anomalies import TableCheck, validated
from tfcli.data.looking.detect import blocks, source_of, source_spec
from tfcli.data.looking.drift import distances, jensen_shannon
from tfcli.data.looking.page import page
from tfcli.data.looking.schema import TableSchema, infer, load_schema
from tfcli.data.looking.sketches import MOST_HASHES, MOST_NUMBERS, Distinct, Moments, Sample, hash_numbers
from tfcli.data.looking.statistics import sketch
from tfcli.data.sources.csv import Csv
from tfcli.data.table import Rows, Table
from tfcli.errors import DataError


def table(**columns) -> Table:
    arrays = {
        name: np.asarray(values, object if isinstance(values[0], str) else None) for name, values in columns.items()
    }
    count = len(next(iter(arrays.values())))
    return Table(arrays, list(arrays), Rows.counted("t.csv", count, "row"), tabular=True)


def statistics_of(values):
    return sketch("t", [table(a=values)]).statistics().columns["a"]


@pytest.mark.parametrize(
    ("values", "kind", "missing", "distinct"),
    [
        ([3, 1, 3], "integer", 0, 2),
        ([1.5, np.nan, 2.0], "float", 1, 2),
        ([1.0, np.nan, 2.0], "integer", 1, 2),
        ([1.0, 2.0], "float", 0, 2),
        (["x", "y", "x", "y", ""], "category", 1, 2),
        (["one", "two", "three"], "text", 0, 3),
        (["2024-01-02", "", "2024-01-03"], "date", 1, 2),
    ],
)
def test_types_missing_and_distinct_values(values, kind, missing, distinct):
    found = statistics_of(values)
    assert (found.type, found.missing, found.distinct, found.is_exact) == (kind, missing, distinct, True)


def test_a_text_among_numbers_is_counted_as_wrong():
    found = statistics_of([*map(str, range(19)), "many"])
    assert (found.type, found.wrong, found.numbers.high) == ("float", 1, 18.0)


def test_figures_of_numbers():
    numbers = statistics_of([0.0, 1.0, 2.0, 3.5, np.inf]).numbers
    assert (numbers.low, numbers.high, numbers.zeros, numbers.infinite) == (0.0, 3.5, 1, 1)
    assert numbers.mean == pytest.approx(1.625)
    assert numbers.deviation == pytest.approx(np.std([0, 1, 2, 3.5]))
    assert numbers.quantiles["50%"] == 1.5
    assert sum(numbers.histogram.counts) == 4


def test_blocks_give_what_the_whole_gives():
    rng = np.random.default_rng(1)
    numbers = rng.normal(size=5000)
    whole = sketch("t", [table(a=numbers)]).statistics().columns["a"]
    parts = sketch("t", [table(a=part) for part in np.array_split(numbers, 7)]).statistics().columns["a"]
    assert parts.numbers.mean == pytest.approx(whole.numbers.mean)
    assert parts.numbers.deviation == pytest.approx(whole.numbers.deviation)
    assert parts.numbers.histogram == whole.numbers.histogram
    assert parts.distinct == whole.distinct == 5000


def test_many_distinct_values_are_estimated():
    found = Distinct()
    for start in range(0, 200_000, 20_000):
        found.add(hash_numbers(np.arange(start, start + 20_000, dtype=np.float64)))
    assert not found.is_exact
    assert len(found.smallest) == MOST_HASHES
    assert found.count == pytest.approx(200_000, rel=0.03)


def test_a_sample_does_not_depend_on_the_blocks():
    numbers = np.arange(MOST_NUMBERS + 10_000, dtype=np.float64)
    whole, parts = Sample("a"), Sample("a")
    whole.add(numbers)
    for part in np.array_split(numbers, 9):
        parts.add(part)
    assert len(whole.numbers) == MOST_NUMBERS
    assert set(whole.numbers) == set(parts.numbers)


def test_moments_of_nothing():
    assert Moments().deviation == 0.0


def test_arrays_have_a_shape_and_a_range():
    images = np.zeros((4, 2, 2, 3), np.uint8)
    images[0, 0, 0, 0] = 255
    found = sketch("t", [Table({"image": images}, ["image"], Rows.counted("x", 4))]).statistics().columns["image"]
    assert (found.type, found.shape, found.numbers.high) == ("array", (2, 2, 3), 255.0)


# Schemas


def training() -> Table:
    return table(
        age=[20 + i % 30 for i in range(40)],
        sex=["f", "m"] * 20,
        height=[1.5 + i / 100 for i in range(40)],
        day=[f"2024-01-{1 + i % 28:02d}" for i in range(40)],
    )


def test_a_table_fits_its_own_schema(tmp_path):
    (tmp_path / "schema.json").write_text(infer(sketch("t", [training()])).to_json())
    schema = load_schema(tmp_path / "schema.json")
    assert {name: column.type for name, column in schema.columns.items()} == {
        "age": "integer",
        "sex": "category",
        "height": "float",
        "day": "date",
    }
    check = TableCheck(schema)
    validated([training()], "t", check)
    assert list(check.anomalies()) == []


def test_a_column_that_counts_the_rows_has_no_range():
    schema = infer(sketch("t", [table(id=[*range(1, 41)], age=[30, 31] * 20)]))
    assert schema.columns["id"].high is None
    assert schema.columns["age"].high == 32


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1]", "expected a JSON object"),
        ("{", "is no JSON"),
        ('{"columns": {"a": {"type": "intger"}}}', "columns.a.type"),
        ('{"columns": {"a": {"type": "float", "low": "x"}}}', "expected a number"),
        ('{"columns": {"a": {"type": "float", "values": ["x"]}}}', "a column of type float has none"),
        ('{"columns": {"a": {"type": "float", "hgih": 1}}}', "hgih"),
    ],
)
def test_what_is_no_schema(tmp_path, text, said):
    (tmp_path / "schema.json").write_text(text)
    with pytest.raises(DataError, match=said):
        load_schema(tmp_path / "schema.json")


def anomalies_of(found: Table, **changes):
    check = TableCheck(infer(sketch("t", [training()])), **changes)
    validated([found], "now", check)
    return [(anomaly.column, anomaly.kind, anomaly.count) for anomaly in check.anomalies()]


def changed(**columns) -> Table:
    given = training()
    arrays = given.columns | {name: np.asarray(value, object) for name, value in columns.items()}
    return Table(arrays, list(arrays), given.rows, tabular=True)


def test_new_categories():
    assert anomalies_of(changed(sex=["x", *["f"] * 39])) == [("sex", "new_values", 1)]


def test_types_and_ranges():
    assert anomalies_of(changed(age=["young", "20.5", "200", *["30"] * 37])) == [
        ("age", "type", 2),
        ("age", "range", 1),
    ]


def test_dates_out_of_range_and_no_dates():
    found = anomalies_of(changed(day=["soon", "2025-01-01", *["2024-01-05"] * 38]))
    assert found == [("day", "type", 1), ("day", "range", 1)]


def test_missing_values_and_columns():
    given = changed(height=["", *["1.6"] * 39])
    del given.columns["sex"]
    assert anomalies_of(given) == [("sex", "missing_column", 0), ("height", "missing_values", 1)]
    assert anomalies_of(given, without=["sex", "height"]) == []


def test_a_new_column():
    given = changed(extra=["1"] * 40)
    assert anomalies_of(given) == [("extra", "new_column", 0)]


def test_examples_name_their_rows():
    check = TableCheck(infer(sketch("t", [training()])))
    validated([changed(sex=[*["f"] * 39, "x"])], "now", check)
    (anomaly,) = check.anomalies()
    assert anomaly.examples == ("x (row 39)",)
    assert "'x'" in anomaly.message


# Drift


def test_jensen_shannon_is_a_divergence_in_bits():
    same, other = np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.0, 1.0])
    assert jensen_shannon(same, same) == 0.0
    assert jensen_shannon(same, other) == pytest.approx(1.0)
    p, q = np.array([0.9, 0.1]), np.array([0.1, 0.9])
    m = (p + q) / 2
    expected = (np.sum(p * np.log2(p / m)) + np.sum(q * np.log2(q / m))) / 2
    assert jensen_shannon(p, q) == pytest.approx(expected)


def distance_of(before: Table, now: Table):
    (found,) = distances(sketch("now", [now]), sketch("before", [before]), TableSchema({}), "drift")
    return found


def test_numbers_drift_by_jensen_shannon():
    rng = np.random.default_rng(2)
    before = table(a=rng.normal(size=2000))
    near = distance_of(before, table(a=rng.normal(size=2000)))
    far = distance_of(before, table(a=rng.normal(2.0, size=2000)))
    assert (near.measure, near.is_anomaly, far.is_anomaly) == ("jensen_shannon", False, True)


def test_categories_drift_by_their_largest_change():
    found = distance_of(table(a=["x", "y"] * 50), table(a=["x"] * 70 + ["y"] * 20 + [""] * 10))
    assert (found.measure, found.most) == ("l_infinity", "y")
    assert found.value == pytest.approx(0.3)


def test_values_that_go_missing_are_drift():
    numbers = np.arange(100.0)
    found = distance_of(table(a=numbers), table(a=np.where(numbers % 2, numbers, np.nan)))
    assert found.most == "(missing)"
    assert found.is_anomaly


# Files and folders


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1,2\n3,4\n", {}),
        ("a;b\n1,5;2\n3;4\n", {"delimiter": ";"}),
        ("1\t2\n3\t4\n", {"delimiter": "\t", "header": False, "columns": ["column_1", "column_2"]}),
        ("".join(f'{"ham" if i % 3 else "spam"}\t"say {i}\n' for i in range(50)), {"use_quote_delim": False}),
    ],
)
def test_how_a_csv_file_is_written(tmp_path, text, expected):
    (tmp_path / "t.csv").write_text(text)
    found = source_spec(tmp_path / "t.csv")
    assert {key: found.get(key) for key in expected} == expected
    assert isinstance(source_of(tmp_path / "t.csv"), Csv)


def test_a_folder_of_tables_is_one_table(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("x,y\n1,2\n3,4\n")
    assert sketch("t", blocks(source_of(tmp_path), tmp_path)).rows == 4


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="a folder for each class"):
        source_of(tmp_path)


# The page


def test_the_page_is_one_well_formed_file_without_markup_of_the_data():
    found = sketch("<b>", [table(a=["<script>", "y", "<script>", "y"], b=[1, 2, 3, 4])]).statistics()
    text = page("<title>", [found])
    assert "<script>" not in text
    assert "http" not in text
    assert text.count("<svg") == 2
    xml.dom.minidom.parseString(
        text.replace("<br>", "").replace("<!DOCTYPE html>", "").replace('<meta charset="utf-8">', "")
    )


def test_the_statistics_are_json():
    found = sketch("t", [training()]).statistics().to_dict()
    assert [column["name"] for column in json.loads(json.dumps(found))["columns"]] == ["age", "sex", "height", "day"]
