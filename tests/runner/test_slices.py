import numpy as np
import pytest

from tfcli.errors import SpecError
from tfcli.runner.slices import make_slices

COLUMNS = {
    "sex": np.array(["m", "f", "", "m"], object),
    "age": np.array([20.0, 40.0, np.nan, 60.0]),
    "id": np.arange(4),
}


def found(text, columns=COLUMNS):
    return {part.name: part.chosen.astype(int).tolist() for part in make_slices(text, columns)}


def test_a_column_gives_a_slice_for_each_value_and_one_for_what_is_missing():
    assert found("sex") == {"sex = f": [0, 1, 0, 0], "sex = m": [1, 0, 0, 1], "sex missing": [0, 0, 1, 0]}


def test_a_condition_gives_the_rows_of_which_it_holds():
    assert found("age<50") == {"age<50": [1, 1, 0, 0]}


def test_a_missing_value_is_null():
    assert found("age == null") == {"age == null": [0, 0, 1, 0]}


def test_several_are_told_apart_by_commas_outside_of_quotes_and_lists():
    assert list(found('age<50 and sex=="m", sex=="a,b"')) == ['age<50 and sex=="m"', 'sex=="a,b"']
    assert found("age in [20, 60],id<1") == {"age in [20, 60]": [1, 0, 0, 1], "id<1": [1, 0, 0, 0]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("agee<50", "the data has no column `agee`"),
        ("agee<50", "did you mean `age`"),
        ("min age<50", "the data has no column `min age`"),
        ("sex,,age<3", "nothing before or after a comma"),
        ("age<", "expected a name, a number or a text"),
    ],
)
def test_what_cannot_be_is_told(text, message):
    with pytest.raises(SpecError, match=message):
        make_slices(text, COLUMNS)


def test_a_column_of_many_values_needs_a_condition():
    with pytest.raises(SpecError, match="the column has 100 values; give a condition, such as n<50"):
        make_slices("n", {"n": np.arange(100)})


def test_arrays_cannot_be_sliced():
    with pytest.raises(SpecError, match="needs a table"):
        make_slices("x", {"x": np.zeros((4, 3))})
