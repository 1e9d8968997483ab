"""The `filter` stage."""

import pytest

from tfcli.data import DataSpec, prepare
from tfcli.errors import DataError, SpecError

CSV = "x,y\n1,a\n2,b\n3,a\n4,c\n"
MODULE = """
def odd(x, y):
    return x[0] % 2 == 1

def none(x, y):
    return False

def broken(x, y):
    raise KeyError("z")
"""


def spec(*stages: dict) -> DataSpec:
    return DataSpec(source={"type": "csv", "path": "t.csv", "label": "y"}, pipeline=list(stages))


def by(function: str) -> dict:
    return {"type": "filter", "function": f"mine:{function}"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "t.csv").write_text(CSV)
    (tmp_path / "mine.py").write_text(MODULE)
    return tmp_path


def test_what_the_function_refuses_is_left_out_in_every_split_but_not_of_predictions(folder):
    data = prepare(spec(by("odd")), folder)
    assert next(data.train.batches()).inputs["features"].tolist() == [[1], [3]]
    assert data.train.num_examples == 2
    assert data.predict_input(folder / "t.csv").num_examples == 4


@pytest.mark.parametrize(
    ("function", "message"),
    [("none", "leaves none of the 4 examples"), ("broken", "mine:broken failed at example 0: KeyError")],
)
def test_a_function_that_cannot_be_used_is_named(folder, function, message):
    with pytest.raises(DataError, match=rf"data.pipeline\[0\] \(filter\): {message}"):
        prepare(spec(by(function)), folder)


def test_a_filter_comes_first():
    with pytest.raises(SpecError, match="stands before all other stages"):
        spec({"type": "shuffle", "buffer_size": 3}, by("odd"))
