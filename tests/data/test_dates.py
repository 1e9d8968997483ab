"""Dates as features, and in Parquet files."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from tfcli.data.date_feature import Date
from tfcli.data.dates import parse_date, parse_dates, show_date
from tfcli.data.feature_space import FeatureSpace
from tfcli.data.table import Rows, Table
from tfcli.errors import DataError, SpecError


def table(values) -> Table:
    column = np.asarray(values, object if isinstance(values[0], str) else None)
    return Table({"day": column}, ["day"], Rows.counted("t.csv", len(column), "row"), tabular=True)


def encoded(feature, values, training=None):
    space = FeatureSpace({"day": feature}, [], "concat", "float64")
    learned = space.learn([table(training or values)])
    return space.encode(table(values), learned)["features"]


def test_what_is_a_date():
    assert parse_date("1970-01-02") == 86400
    assert parse_date("1970-01-01T01:00:00+01:00") == 0
    assert parse_date("2.1.1970", "%d.%m.%Y") == 86400
    assert [parse_date(text) for text in ("20240229", "2023-02-29", "12", "2024W091")] == [None] * 4
    np.testing.assert_array_equal(parse_dates(np.array(["1970-01-02", "", "x"], object)), [86400, np.nan, np.nan])
    assert (show_date(86400), show_date(86401)) == ("1970-01-02", "1970-01-02 00:00:01")


def test_elapsed_time_is_normalized():
    found = encoded(Date(parts=["elapsed"]), ["2024-01-01", "2024-01-03"])
    np.testing.assert_allclose(found, [[-1], [1]])


@pytest.mark.parametrize(
    ("part", "text", "turn"),
    [
        ("month", "2024-04-30", 3 / 12),
        ("day", "2024-02-15", 14 / 29),
        ("day_of_year", "2023-12-31", 364 / 365),
        ("weekday", "2024-02-29", 3 / 7),
        ("weekday", "1969-12-29", 0.0),
        ("hour", "2024-02-29 18:00", 0.75),
        ("minute", "2024-02-29 18:15", 0.25),
    ],
)
def test_parts_are_angles(part, text, turn):
    found = encoded(Date(parts=[part]), [text])
    np.testing.assert_allclose(found, [[np.sin(2 * np.pi * turn), np.cos(2 * np.pi * turn)]], atol=1e-12)


def test_weekdays_are_the_calendars():
    days = [datetime(2024, 1, 1 + i, tzinfo=UTC) for i in range(14)]
    found = encoded(Date(parts=["weekday"]), [day.date().isoformat() for day in days])
    turns = np.array([day.weekday() for day in days]) / 7
    np.testing.assert_allclose(found[:, 0], np.sin(2 * np.pi * turns), atol=1e-12)


def test_a_missing_date_is_filled_and_told():
    feature = Date(parts=["elapsed"], missing="mean", indicator=True)
    found = encoded(feature, ["2024-01-01", "", "2024-01-03"])
    np.testing.assert_allclose(found[:, 0], [-np.sqrt(1.5), 0, np.sqrt(1.5)])
    np.testing.assert_array_equal(found[:, 1], [0, 1, 0])


def test_numbers_that_are_dates():
    found = encoded(Date(parts=["elapsed"], format="%Y%m%d"), [20240101, 20240103])
    np.testing.assert_allclose(found, [[-1], [1]])


@pytest.mark.parametrize(("values", "said"), [(["2024-01-01", "soon"], "row 1, column 'day'"), ([""], "missing")])
def test_what_is_no_date_is_named(values, said):
    with pytest.raises(DataError, match=said):
        encoded(Date(), values, ["2024-01-01"])


def test_a_part_twice():
    with pytest.raises(SpecError, match="each once"):
        Date(parts=["month", "month"])


def test_dates_in_parquet_files(tmp_path):
    polars = pytest.importorskip("polars")
    from tfcli.data.sources.parquet import Parquet

    frame = {"day": [date(2024, 2, 29), None], "moment": [datetime(2024, 2, 29, 13, 5), datetime(2024, 3, 1)]}
    polars.DataFrame(frame).write_parquet(tmp_path / "t.parquet")
    columns = Parquet(path="t.parquet").read(tmp_path).columns
    assert columns["day"].tolist() == ["2024-02-29", ""]
    assert columns["moment"].tolist() == ["2024-02-29 13:05:00", "2024-03-01 00:00:00"]
