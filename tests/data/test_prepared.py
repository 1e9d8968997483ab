"""prepare, save, restore, predict_input."""

import subprocess
import sys

import numpy as np
import pytest

from tfcli.data import DataSpec, prepare, restore
from tfcli.errors import DataError

PENGUINS = {
    "source": {"type": "bundled", "name": "penguins"},
    "split": {"validation": 0.2, "test": 0.2, "stratify": True},
    "features": {
        "bill_length_mm": {"type": "float_normalized", "missing": "mean", "indicator": True},
        "sex": "string_categorical",
    },
    "pipeline": [{"type": "shuffle", "buffer_size": 400}, {"type": "batch", "batch_size": 16}],
}


def first(split, **settings):
    return next(split.batches(**settings))


def same(a, b) -> bool:
    pairs = [(a.inputs, b.inputs), (a.targets, b.targets)]
    return all(x.keys() == y.keys() and all((x[n] == y[n]).all() for n in x) for x, y in pairs)


@pytest.mark.parametrize(
    ("name", "count", "shape", "classes"),
    [
        ("digits", 1797, (8, 8, 1), None),
        ("iris", 150, (4,), ["setosa", "versicolor", "virginica"]),
    ],
)
def test_bundled_sets_are_ready_to_learn_from(tmp_path, name, count, shape, classes):
    prepared = prepare(DataSpec(source={"type": "bundled", "name": name}), tmp_path)
    (spec,) = prepared.inputs.values()
    assert (prepared.train.num_examples, spec.shape, spec.dtype) == (count, shape, "float32")
    assert next(iter(prepared.class_names.values()), None) == classes
    assert next(iter(prepared.targets.values())).shape == ()


def test_every_bundled_set_has_its_licence(tmp_path):
    from tfcli.data.files import BUNDLED

    licences = (BUNDLED / "LICENCES.md").read_text()
    assert all(f"`{path.name}`" in licences for path in BUNDLED.iterdir() if path.name != "LICENCES.md")


def test_restored_data_gives_the_same_batches_and_reads_nothing_before(tmp_path):
    spec = DataSpec(**PENGUINS)
    prepared = prepare(spec, tmp_path, seed=3)
    prepared.save(tmp_path / "kept")
    again = restore(spec, tmp_path, 3, tmp_path / "kept")
    assert (again.inputs, again.targets) == (prepared.inputs, prepared.targets)
    assert (again.class_names, again.fingerprints) == (prepared.class_names, prepared.fingerprints)
    for name in ("train", "validation", "test"):
        assert same(
            first(prepared.split(name), epoch=2, training=True), first(again.split(name), epoch=2, training=True)
        )


def test_large_learned_arrays_are_kept_too(tmp_path):
    np.savez(tmp_path / "t.npz", x=np.random.default_rng(0).normal(size=(5, 100)), y=np.zeros(5))
    spec = DataSpec(source={"type": "npz", "path": "t.npz"}, pipeline=["normalization"])
    prepared = prepare(spec, tmp_path)
    prepared.save(tmp_path / "kept")
    assert same(first(prepared.train), first(restore(spec, tmp_path, 0, tmp_path / "kept").train))


def test_what_is_learned_is_learned_from_the_training_split_alone(tmp_path):
    np.savez(tmp_path / "t.npz", x=np.ones((4, 1)), y=np.zeros(4), far=np.full((2, 1), 1e9))
    spec = DataSpec(
        train={"source": {"type": "npz", "path": "t.npz"}},
        validation={"source": {"type": "npz", "path": "t.npz", "features": "far", "label": None}},
        pipeline=["normalization"],
    )
    assert first(prepare(spec, tmp_path).train).inputs["x"].tolist() == [[0]] * 4


def test_splits_with_names_of_their_own_take_the_training_split_s(tmp_path):
    arrays = {"a": np.ones((4, 2)), "b": np.ones((4, 3)), "y": np.arange(4)}
    np.savez(tmp_path / "t.npz", **arrays, **{f"val_{name}": array[:2] for name, array in arrays.items()})
    spec = DataSpec(
        train={"source": {"type": "npz", "path": "t.npz", "features": ["a", "b"]}},
        test={"source": {"type": "npz", "path": "t.npz", "features": ["val_a", "val_b"], "label": "val_y"}},
    )
    batch = first(prepare(spec, tmp_path).test)
    assert {name: array.shape for name, array in batch.inputs.items()} == {"a": (2, 2), "b": (2, 3)}
    assert batch.targets["y"].tolist() == [0, 1]


def test_precision_and_dtypes(tmp_path):
    np.savez(tmp_path / "t.npz", x=np.ones((2, 1)), i=np.ones((2, 1), np.uint8), y=np.ones(2), w=np.ones(2))
    spec = DataSpec(source={"type": "npz", "path": "t.npz", "features": ["x", "i"], "sample_weight": "w"})
    for floatx in ("float32", "float64"):
        batch = first(prepare(spec, tmp_path, floatx=floatx).train)
        assert [batch.inputs["x"].dtype, batch.targets["y"].dtype, batch.weights.dtype] == [floatx] * 3
        assert batch.inputs["i"].dtype == np.uint8


def test_a_label_unseen_in_training_is_refused_with_row_and_value(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,cat\n2,dog\n")
    (tmp_path / "b.csv").write_text("x,y\n1,cat\n2,dig\n")
    parts = {
        name: {"source": {"type": "csv", "path": f, "label": "y"}}
        for name, f in (("train", "a.csv"), ("test", "b.csv"))
    }
    with pytest.raises(
        DataError, match=r"b.csv, row 3, column 'y': the label 'dig' does not occur.*did you mean `dog`"
    ):
        prepare(DataSpec(**parts), tmp_path)


@pytest.mark.parametrize("text", ["x,y\n1,a\n2,NA\n", "x,y\n1,0.5\n2,NA\n"])
def test_a_missing_label_is_refused_with_its_row(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=r"a.csv, row 3, column 'y': the label is missing"):
        prepare(DataSpec(source={"type": "csv", "path": "a.csv", "label": "y"}), tmp_path)


def test_a_weight_that_is_none_is_refused_with_its_row(tmp_path):
    (tmp_path / "a.csv").write_text("x,y,w\n1,0,1\n2,1,-1\n")
    with pytest.raises(DataError, match=r"a.csv, row 3, column 'w': expected a weight"):
        prepare(DataSpec(source={"type": "csv", "path": "a.csv", "label": "y", "sample_weight": "w"}), tmp_path)


def test_a_pipeline_that_leaves_nothing_to_learn_from_is_refused(tmp_path):
    stages = [{"type": "skip", "count": 200}, "normalization"]
    with pytest.raises(DataError, match="leaves no batch of the 150 examples"):
        prepare(DataSpec(source={"type": "bundled", "name": "iris"}, pipeline=stages), tmp_path)


def test_texts_stay_texts_unless_a_stage_makes_numbers_of_them(tmp_path):
    np.savez(tmp_path / "t.npz", x=np.array([["a"], ["b"]]), y=np.arange(2))
    source = {"type": "npz", "path": "t.npz"}
    assert prepare(DataSpec(source=source), tmp_path).inputs["x"].dtype == "object"
    prepared = prepare(DataSpec(source=source, pipeline=["string_lookup"]), tmp_path)
    assert first(prepared.train).inputs["x"].tolist() == [[2], [1]]


def test_raw_input_goes_through_what_was_learned(tmp_path):
    prepared = prepare(DataSpec(**PENGUINS), tmp_path)
    learned = prepared.train.examples.inputs["features"]
    split = prepared.predict_input(b"sex,bill_length_mm,other\nmale,NA,q\nalien,40,q\n")
    (batch,) = split.batches()
    assert batch.targets == {}
    assert batch.inputs["features"].shape == (2, learned.shape[1])
    assert batch.inputs["features"][0, :2].tolist() == [0, 1]
    assert batch.inputs["features"][1, 2:].tolist() == [1, 0, 0]


def test_raw_input_with_labels_gives_them_too(tmp_path):
    prepared = prepare(DataSpec(**PENGUINS), tmp_path)
    split = prepared.predict_input(b"sex,bill_length_mm,species\nmale,40,Gentoo\n", labelled=True)
    assert split.labels()["species"].tolist() == [2]


def test_raw_input_keeps_every_row_whatever_the_pipeline_leaves_out(tmp_path):
    stages = [{"type": "take", "count": 5}, {"type": "batch", "batch_size": 2, "drop_remainder": True}]
    prepared = prepare(DataSpec(source={"type": "bundled", "name": "iris"}, pipeline=stages), tmp_path)
    header = b"sepal_length,sepal_width,petal_length,petal_width\n"
    assert prepared.train.num_examples == 4
    assert prepared.predict_input(header + b"1,2,3,4\n" * 7).num_examples == 7


def test_raw_input_without_a_column_is_refused(tmp_path):
    prepared = prepare(DataSpec(source={"type": "bundled", "name": "iris"}), tmp_path)
    with pytest.raises(DataError, match="has no column 'petal_width'"):
        prepared.predict_input(b"sepal_length,sepal_width,petal_length\n1,2,3\n")


def test_a_bare_array_is_raw_input_for_one_feature(tmp_path):
    np.save(tmp_path / "images.npy", np.ones((3, 8, 8)))
    prepared = prepare(DataSpec(source={"type": "bundled", "name": "digits"}), tmp_path)
    assert first(prepared.predict_input(tmp_path / "images.npy")).inputs["image"].shape == (3, 8, 8, 1)


def test_a_file_that_changed_since_training_is_noticed(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,0\n2,1\n")
    spec = DataSpec(source={"type": "csv", "path": "a.csv", "label": "y"})
    prepare(spec, tmp_path).save(tmp_path / "kept")
    (tmp_path / "a.csv").write_text("x,y\n1,0\n2,0\n")
    restored = restore(spec, tmp_path, 0, tmp_path / "kept")
    with pytest.raises(DataError, match="has changed since the model was trained"):
        assert restored.train


def test_a_split_that_is_not_there_is_refused(tmp_path):
    prepared = prepare(DataSpec(source={"type": "bundled", "name": "iris"}), tmp_path)
    assert prepared.test is None
    with pytest.raises(DataError, match="has no test split"):
        prepared.split("test")


def test_damaged_preprocessing_is_refused(tmp_path):
    (tmp_path / "preprocessing.json").write_text("{")
    with pytest.raises(DataError, match="is damaged"):
        restore(DataSpec(**PENGUINS), tmp_path, 0, tmp_path)


def test_importing_loads_nothing_heavy():
    code = "import sys, tfcli.data; print([m for m in ('polars', 'PIL', 'llvmlite', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_splits_rows_can_be_had_as_they_were_read_and_encoded_again(tmp_path):
    prepared = prepare(DataSpec(**PENGUINS), tmp_path)
    table = prepared.table("test")
    assert set(table.columns["sex"]) <= {"female", "male", ""}
    again = prepared.examples(table)
    assert again.num_examples == len(table) == prepared.test.num_examples
    assert same(first(again), first(prepared.test))


def test_there_are_no_rows_of_a_split_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="the data has no test split"):
        prepare(DataSpec(source={"type": "bundled", "name": "iris"}), tmp_path).table("test")


def test_vocabularies_can_be_had(tmp_path):
    (found,) = prepare(DataSpec(**PENGUINS), tmp_path).vocabularies()
    assert sorted(found) == ["female", "male"]
