"""Paths."""

import pytest

from tfcli.data.files import absolute, find, resolve
from tfcli.errors import DataError


def test_relative_paths_are_below_the_root(tmp_path):
    assert resolve(tmp_path, "a/b.csv") == tmp_path / "a/b.csv"


def test_variables_and_the_home_folder_are_replaced(tmp_path, monkeypatch):
    monkeypatch.setenv("WHERE", "/data")
    monkeypatch.setenv("HOME", "/home/me")
    assert str(resolve(tmp_path, "${WHERE}/x.csv")) == "/data/x.csv"
    assert str(resolve(tmp_path, "~/x.csv")) == "/home/me/x.csv"


def test_a_variable_that_is_not_set_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("NOWHERE", raising=False)
    with pytest.raises(DataError, match="environment variable NOWHERE, which is not set"):
        resolve(tmp_path, "${NOWHERE}/x.csv")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"there is no file x.csv"):
        find(tmp_path, "x.csv")
    with pytest.raises(DataError, match="is a folder"):
        find(tmp_path, ".")


def test_a_name_with_a_bracket_is_found_before_it_is_a_glob(tmp_path):
    (tmp_path / "a[1].csv").write_text("x")
    assert [blob.name for blob in find(tmp_path, "a[1].csv")] == ["a[1].csv"]


def test_an_unknown_bundled_set_is_named_with_the_nearest(tmp_path):
    with pytest.raises(DataError, match="no bundled data is called 'co'; did you mean `co2`"):
        find(tmp_path, "bundled:co")


def test_absolute_paths_leave_bundled_ones(tmp_path):
    assert absolute(tmp_path, "bundled:co2") == "bundled:co2"
    assert absolute(tmp_path, "x/../y.csv") == str(tmp_path / "y.csv")
