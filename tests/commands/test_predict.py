"""`tfcli predict`."""

import csv
import io
import json

import numpy as np
import pytest

FLOWERS = "sepal_length,sepal_width,petal_length,petal_width\n5.1,3.5,1.4,0.2\n6.3,3.3,6.0,2.5\n"
CLASSES = ["setosa", "versicolor", "virginica"]


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_on_standard_output(tfcli, trained):
    result = tfcli("predict", trained)
    found = rows(result.out)
    assert len(found) == 30
    assert list(found[0]) == ["prediction", *(f"probability_{name}" for name in CLASSES)]
    for row in found:
        best = max(CLASSES, key=lambda name: float(row[f"probability_{name}"]))
        assert row["prediction"] == best


def test_npz_has_the_outputs_by_name(tfcli, folder, trained):
    assert tfcli("predict", trained, "--split", "train", "-o", "p.npz").code == 0
    with np.load(folder / "p.npz") as file:
        assert list(file) == ["dense_1"]
        assert file["dense_1"].shape == (90, 3)
        assert file["dense_1"].dtype == np.float32


def test_every_format_says_the_same(tfcli, folder, trained):
    import polars

    for suffix in ("csv", "jsonl", "npz", "npy", "parquet"):
        assert tfcli("predict", trained, "-o", f"p.{suffix}").code == 0
    raw = np.load(folder / "p.npy", allow_pickle=False)
    table = rows((folder / "p.csv").read_text())
    lines = [json.loads(line) for line in (folder / "p.jsonl").read_text().splitlines()]
    frame = polars.read_parquet(folder / "p.parquet")
    with np.load(folder / "p.npz") as file:
        assert np.array_equal(file["dense_1"], raw)
    for i, name in enumerate(CLASSES):
        column = f"probability_{name}"
        assert np.array_equal(np.array([row[column] for row in table], np.float32), raw[:, i])
        assert np.array_equal(np.array([line[column] for line in lines], np.float32), raw[:, i])
        assert np.array_equal(frame[column].to_numpy(), raw[:, i])
    assert frame["prediction"].to_list() == [row["prediction"] for row in table]


def test_a_file_and_standard_input(tfcli, folder, trained, monkeypatch):
    (folder / "new.csv").write_text(FLOWERS)
    from_file = tfcli("predict", trained, "--input", "new.csv")
    stdin = io.TextIOWrapper(io.BytesIO(FLOWERS.encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    from_stdin = tfcli("predict", trained, "--input", "-")
    assert from_file.out == from_stdin.out
    assert len(rows(from_file.out)) == 2


def test_json(tfcli, trained):
    predictions = tfcli("predict", trained, "--json").json["predictions"]
    assert len(predictions) == 30
    assert predictions[0]["prediction"] in CLASSES


def test_an_unknown_suffix_is_refused_before_the_run_is_looked_for(tfcli):
    result = tfcli("predict", "absent", "-o", "p.xlsx")
    assert result.code == 2
    assert ".csv, .jsonl, .npz, .npy, .parquet" in result.err


def test_a_data_file_that_is_gone_does_not_matter_for_other_input(tfcli, folder):
    (folder / "data.csv").write_text("a,b,y\n" + "".join(f"{i},{i % 3},{2 * i}\n" for i in range(30)))
    settings = [
        "data.source={type: csv, path: data.csv, label: y}",
        "data.split={validation: 0.2}",
        "model.layers=[{type: dense, units: 1}]",
        "loss=mse",
        "metrics=[]",
    ]
    words = [word for setting in settings for word in ("--set", setting)]
    run = tfcli("train", "exp.yaml", "-q", *words).out.strip()
    (folder / "data.csv").rename(folder / "new.csv")
    result = tfcli("predict", run, "--input", "new.csv")
    assert result.code == 0, result.err
    assert result.out.splitlines()[0] == "prediction"
    assert len(rows(result.out)) == 30


@pytest.mark.parametrize(("from_logits", "activation"), [("false", "sigmoid"), ("true", "linear")])
def test_a_binary_classifier_has_two_probabilities(tfcli, folder, from_logits, activation):
    (folder / "data.csv").write_text("a,y\n" + "".join(f"{i},{'yes' if i > 15 else 'no'}\n" for i in range(30)))
    settings = [
        "data.source={type: csv, path: data.csv, label: y}",
        f"model.layers=[{{type: dense, units: 1, activation: {activation}}}]",
        f"loss={{type: binary_crossentropy, from_logits: {from_logits}}}",
    ]
    words = [word for setting in settings for word in ("--set", setting)]
    run = tfcli("train", "exp.yaml", "-q", *words).out.strip()
    for row in rows(tfcli("predict", run).out):
        no, yes = float(row["probability_no"]), float(row["probability_yes"])
        assert no + yes == pytest.approx(1)
        assert row["prediction"] == ("yes" if yes > 0.5 else "no")
