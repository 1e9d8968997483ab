"""Feature columns: FeatureSpace's words, orders and numbers."""

from pathlib import Path

import numpy as np
import pytest

from tfcli.data.feature_space import concatenate_numbers
from tfcli.data.files import Blob
from tfcli.data.prepared import PreparedData, prepare
from tfcli.data.sources.csv import Csv
from tfcli.data.spec import DataSpec
from tfcli.declare import FieldError
from tfcli.engine.fingerprints import hash_bins
from tfcli.errors import DataError

PEOPLE = "age,sex,k,y\n20,m,3,0\n30,f,1,1\n40,m,3,0\n50,x,3,1\n"


def prepared_of(tmp_path: Path, text: str = PEOPLE, **data) -> PreparedData:
    (tmp_path / "t.csv").write_text(text)
    return prepare(DataSpec(source={"type": "csv", "path": "t.csv", "label": "y"}, **data), tmp_path)


def inputs_of(prepared: PreparedData) -> dict[str, np.ndarray]:
    return next(prepared.train.batches()).inputs


def test_features_are_concatenated_as_keras_does(tmp_path):
    features = {"sex": "string_categorical", "age": "float_normalized", "k": "integer_categorical"}
    expected = [
        [-1.3416408, 0, 1, 0, 0, 1, 0, 0],
        [-0.4472136, 0, 0, 1, 0, 0, 0, 1],
        [0.4472136, 0, 1, 0, 0, 1, 0, 0],
        [1.3416408, 0, 1, 0, 0, 0, 1, 0],
    ]
    (vector,) = inputs_of(prepared_of(tmp_path, features=features)).values()
    np.testing.assert_allclose(vector, expected, rtol=1e-6)
    assert vector.dtype == np.float32


def test_a_dictionary_has_one_input_a_feature(tmp_path):
    features = {
        "sex": {"type": "string_categorical", "output_mode": "int"},
        "age": {"type": "float_discretized", "bin_boundaries": [25, 40]},
        "k": {"type": "float_rescaled", "scale": 2.0, "offset": 1.0},
    }
    inputs = inputs_of(prepared_of(tmp_path, features=features, output_mode="dict"))
    assert inputs["sex"].tolist() == [[1], [3], [1], [2]]
    assert inputs["age"].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]]
    assert inputs["k"].tolist() == [[7], [3], [7], [7]]


def test_bins_hold_about_equally_many_training_examples(tmp_path):
    text = "a,y\n" + "".join(f"{i * i},0\n" for i in range(100))
    prepared = prepared_of(tmp_path, text, features={"a": {"type": "float_discretized", "num_bins": 4}})
    assert np.concatenate([b.inputs["features"] for b in prepared.train.batches()]).sum(0).tolist() == [24, 25, 25, 26]


def test_hashed_and_crossed_features_have_the_bins_of_keras(tmp_path):
    prepared = prepared_of(
        tmp_path,
        features={
            "sex": {"type": "string_hashed", "num_bins": 5, "output_mode": "int"},
            "k": {"type": "integer_hashed", "num_bins": 5, "output_mode": "int"},
        },
        crosses=[{"features": ["sex", "k"], "crossing_dim": 7}],
        output_mode="dict",
    )
    inputs = inputs_of(prepared)
    assert inputs["sex_X_k"].shape == (4, 7)
    assert inputs["sex_X_k"].argmax(1).tolist() == [6, 5, 6, 5]
    assert inputs["sex"].ravel().tolist() == [4, 2, 4, 0]
    assert inputs["k"].ravel().tolist() == [1, 4, 1, 1]


def test_missing_numbers_are_filled_and_indicated(tmp_path):
    text = "a,y\n1,0\nNA,0\n3,0\n"
    features = {"a": {"type": "float", "missing": "mean", "indicator": True}}
    assert inputs_of(prepared_of(tmp_path, text, features=features))["features"].tolist() == [[1, 0], [2, 1], [3, 0]]


def test_a_missing_number_is_refused_with_row_column_and_what_to_write(tmp_path):
    with pytest.raises(DataError, match=r"t.csv, row 3, column 'a': a number is missing; .*`a: \{type: float, missing"):
        prepared_of(tmp_path, "a,y\n1,0\nNA,0\n", features={"a": "float"})
    with pytest.raises(DataError, match=r"t.csv, row 3, column 'a': a number is missing"):
        prepared_of(tmp_path, "a,y\n1,0\nNA,0\n")


def test_missing_categories_count_as_unknown(tmp_path):
    features = {"s": "string_categorical", "k": "integer_categorical"}
    prepared = prepared_of(tmp_path, "s,k,y\na,1,0\nNA,NA,0\n", features=features)
    assert inputs_of(prepared)["features"].tolist() == [[0, 1, 0, 1], [1, 0, 1, 0]]


def test_without_an_unknown_index_an_unseen_category_is_refused(tmp_path):
    features = {"sex": {"type": "string_categorical", "num_oov_indices": 0}}
    prepared = prepared_of(tmp_path, features=features)
    with pytest.raises(DataError, match="row 2, column 'sex': 'q' does not occur in the training split"):
        prepared.predict_input(b"sex\nq\n")


def test_a_text_in_a_number_feature_is_refused_with_its_row(tmp_path):
    with pytest.raises(DataError, match=r"t.csv, row 3, column 'a': expected a number, got 'x'"):
        prepared_of(tmp_path, "a,y\n1,0\nx,0\n", features={"a": "float"})
    with pytest.raises(DataError, match=r"row 2, column 'a': expected a whole number, got 1.5"):
        prepared_of(tmp_path, "a,y\n1.5,0\n", features={"a": "integer_categorical"})


def test_without_features_numeric_columns_are_one_vector_in_file_order():
    table = Csv(path="t.csv", label="y").read_input(Blob("t.csv", content=b"b,y,a\n1,0,2.5\n3,0,4\n"), False)
    assert concatenate_numbers(table, "float32")["features"].tolist() == [[1, 2.5], [3, 4]]


def test_without_features_a_text_column_is_refused_with_the_line_to_write(tmp_path):
    with pytest.raises(DataError, match=r"row 2, column 'sex': 'm' is a text.*`sex: string_categorical`"):
        prepared_of(tmp_path)
    with pytest.raises(
        DataError, match="row 4, column 'a': expected a number, as in other rows of the column, got '3x'"
    ):
        prepared_of(tmp_path, "a,y\n1,0\n2,0\n3x,0\n")


def test_a_text_in_another_split_is_not_blamed_on_a_number_of_this_one():
    table = Csv(path="t.csv", label="y").read_input(Blob("t.csv", content=b"a,y\n1,0\n2,0\n3x,0\n"), False)
    with pytest.raises(DataError, match="the column 'a' holds numbers in this split and a text elsewhere"):
        concatenate_numbers(table.select(slice(0, 2)), "float32")


def test_an_unknown_feature_is_named_with_the_nearest(tmp_path):
    with pytest.raises(DataError, match="no column 'agee', which is a feature; did you mean `age`"):
        prepared_of(tmp_path, features={"agee": "float"})


CSV = {"type": "csv", "path": "t.csv"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"source": CSV, "train": {"source": CSV}}, "train: goes with a source each"),
        ({"train": {"source": CSV}, "split": {"test": 0.1}}, "split: divides `source`"),
        ({"validation": {"source": CSV}}, "source: data needs a `source`"),
        ({"source": CSV, "output_mode": "dict"}, "output_mode: dict has one model input a feature"),
        ({"source": CSV, "crosses": [{"features": ["a", "b"], "crossing_dim": 3}]}, "crosses: cross features"),
        ({"source": {"type": "npz", "path": "x"}, "features": {"a": "float"}}, "features: are columns of a table"),
        (
            {"source": CSV, "features": {"a": {"type": "string_categorical", "output_mode": "int"}}},
            "features.a.output_mode: a number of a category",
        ),
        (
            {
                "source": CSV,
                "features": {"a": "float", "b": "string_categorical"},
                "crosses": [{"features": ["a", "b"], "crossing_dim": 3}],
            },
            "crosses.0.features.0: 'a' is a number",
        ),
        (
            {"source": CSV, "pipeline": [{"type": "batch", "batch_size": 2}, {"type": "batch", "batch_size": 2}]},
            "pipeline.1: `batch` takes examples, and `batch` has made batches",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(data, message):
    with pytest.raises(FieldError) as raised:
        DataSpec(**data)
    assert str(raised.value).startswith(message)


def test_a_text_is_an_input_of_its_own_beside_the_vector(tmp_path):
    inputs = inputs_of(prepared_of(tmp_path, features={"sex": "text", "age": "float"}))
    assert inputs["sex"].tolist() == ["m", "f", "m", "x"]
    assert inputs["features"].tolist() == [[20], [30], [40], [50]]
    assert inputs_of(prepared_of(tmp_path, features={"sex": "text"})).keys() == {"sex"}


def test_several_unknown_indices_are_those_of_keras(tmp_path):
    features = {"sex": {"type": "string_categorical", "num_oov_indices": 4, "output_mode": "int"}}
    prepared = prepared_of(tmp_path, features=features, output_mode="dict")
    found = prepared.predict_input(b"sex\nm\na\nbc\n").examples.inputs["sex"]
    assert found.ravel().tolist() == [4, *(hash_bins([b"a", b"bc"], 4))]
