"""`tfcli evaluate --report`, `tfcli lr-find` and `tfcli batch-find`."""

import json

import numpy as np
import pytest
from PIL import Image

TABLE = """\
name: passengers
data:
  source: {type: csv, path: t.csv, label: survived}
  split: {test: 0.4}
  features: {fare: float_normalized, sex: string_categorical, noise: float_normalized}
model: {layers: [{type: dense, units: 1, activation: sigmoid}]}
loss: binary_crossentropy
optimizer: {type: adam, learning_rate: 0.1}
metrics: [accuracy]
train: {epochs: 10}
"""
PICTURES = """\
name: digits
data: {source: {type: bundled, name: digits}, split: {test: 0.2}}
model: {layers: [{type: flatten}, {type: dense, units: 10, activation: softmax}]}
loss: sparse_categorical_crossentropy
"""
AMOUNTS = """\
name: amounts
data: {source: {type: npz, path: d.npz, features: x, label: y}, split: {test: 0.5}}
model: {layers: [{type: dense, units: 1}]}
loss: mse
"""


@pytest.fixture
def table(folder):
    rng = np.random.default_rng(0)
    fare, sex, noise = rng.normal(size=120), rng.choice(["m", "f"], 120), rng.normal(size=120)
    survived = (fare + 2.0 * (sex == "f") > 1.0).astype(int)
    lines = [f"{a:.3f},{b},{c:.3f},{d}" for a, b, c, d in zip(fare, sex, noise, survived, strict=True)]
    (folder / "t.csv").write_text("\n".join(["fare,sex,noise,survived", *lines]) + "\n")
    (folder / "passengers.yaml").write_text(TABLE)
    return folder


@pytest.fixture
def report(table, tfcli):
    assert tfcli("train", "passengers.yaml", "-q").code == 0
    result = tfcli("evaluate", "passengers", "--report", "-o", "card", "--slice", "sex,fare<0", "--json")
    assert result.code == 0, result.err
    assert result.json["report"] == "card/report.md"
    return table / "card"


def test_the_card_shows_every_picture_and_each_is_there_in_both_forms(report):
    card = (report / "report.md").read_text()
    names = {path.stem for path in report.glob("*.png")}
    wanted = {"curves", "confusion_matrix", "confusion_matrix_normalized", "roc", "precision_recall", "calibration"}
    assert names == {*wanted, "importance"}
    assert all(f"({name}.png)" in card for name in names)
    assert {path.stem for path in report.glob("*.svg")} == names
    for path in report.glob("*.png"):
        with Image.open(path) as image:
            assert (np.asarray(image.convert("L")) < 200).mean() > 0.001


def test_the_numbers_are_in_report_json(report):
    data = json.loads((report / "report.json").read_text())
    assert [row["slice"] for row in data["slices"]] == ["all", "sex = f", "sex = m", "fare<0"]
    everything = data["slices"][0]
    assert everything["examples"] == data["examples"] == 48
    assert everything["accuracy"]["low"] < everything["accuracy"]["value"] < everything["accuracy"]["high"]
    assert {row["metric"]: row["value"] for row in data["results"]}["accuracy"] == pytest.approx(
        everything["accuracy"]["value"]
    )
    assert data["importance"][-1]["column"] == "noise"
    assert sum(map(sum, data["confusion_matrix"]["counts"])) == 48
    assert len(data["thresholds"]) == 19
    assert data["worst"][0]["where"].startswith(str(report.parent / "t.csv"))


def test_the_same_report_twice_is_the_same(report, tfcli):
    assert tfcli("evaluate", "passengers", "--report", "-o", "again", "--slice", "sex,fare<0").code == 0
    again = report.parent / "again"
    assert all(path.read_bytes() == (again / path.name).read_bytes() for path in report.iterdir())


def test_a_labelled_file_can_be_reported_on(table, tfcli):
    tfcli("train", "passengers.yaml", "-q")
    result = tfcli("evaluate", "passengers", "--report", "-o", "card", "--data", "t.csv")
    assert result.code == 0, result.err
    assert "t.csv, 120 examples" in (table / "card" / "report.md").read_text()


def test_train_can_write_the_report(folder, tfcli):
    (folder / "digits.yaml").write_text(PICTURES)
    result = tfcli("train", "digits.yaml", "--report", "-q")
    assert result.code == 0, result.err
    card = folder / result.out.strip() / "report" / "report.md"
    assert "![worst](worst.png)" in card.read_text()


def test_amounts_have_errors_with_intervals_and_residuals(folder, tfcli):
    rng = np.random.default_rng(0)
    np.savez(folder / "d.npz", x=rng.normal(size=(40, 3)), y=rng.normal(size=40))
    (folder / "amounts.yaml").write_text(AMOUNTS)
    tfcli("train", "amounts.yaml", "-q")
    assert tfcli("evaluate", "amounts", "--report", "-o", "card").code == 0
    data = json.loads((folder / "card" / "report.json").read_text())
    (row,) = data["errors"]
    assert row["root mean square error"]["low"] <= row["root mean square error"]["value"]
    assert {item["column"] for item in data["importance"]} == {"x[0]", "x[1]", "x[2]"}
    assert (folder / "card" / "residuals.svg").exists()


def test_a_slice_without_a_report_is_refused(trained, tfcli):
    result = tfcli("evaluate", trained, "--slice", "x<3")
    assert result.code == 2
    assert "add --report" in result.err


def test_a_learning_rate_is_suggested_and_drawn(folder, tfcli):
    result = tfcli("lr-find", "exp.yaml", "--steps", "60", "--json", "-o", "lr.svg")
    assert result.code == 0, result.err
    assert 1e-4 < result.json["suggestion"] < 1.0
    assert len(result.json["rates"]) == len(result.json["losses"]) <= 60
    assert (folder / "lr.svg").read_text().startswith("<?xml")


def test_the_same_search_twice_suggests_the_same(tfcli):
    first, second = (tfcli("lr-find", "exp.yaml", "--steps", "30", "-q") for _ in range(2))
    assert first.out == second.out


def test_a_schedule_gives_way_to_the_search(folder, tfcli):
    text = (folder / "exp.yaml").read_text()
    schedule = "{type: exponential_decay, initial_learning_rate: 0.1, decay_steps: 10, decay_rate: 0.9}"
    (folder / "exp.yaml").write_text(text.replace("learning_rate: 0.01", f"learning_rate: {schedule}"))
    assert tfcli("lr-find", "exp.yaml", "--steps", "12").code == 0


@pytest.mark.parametrize("words", [("--low", "1", "--high", "0.1"), ("-o", "lr.pdf")])
def test_lr_find_refuses_what_it_cannot_do(tfcli, words):
    assert tfcli("lr-find", "exp.yaml", *words).code == 2


def test_batch_sizes_are_measured_up_to_all_examples(tfcli):
    result = tfcli("batch-find", "exp.yaml", "--low", "16", "--seconds", "0", "--json")
    assert result.code == 0, result.err
    sizes = [item["size"] for item in result.json["sizes"]]
    assert sizes == [16, 32, 64, 128]  # of 90 examples
    assert result.json["suggestion"] in sizes
    assert all(item["memory"] > 0 for item in result.json["sizes"])


def test_a_spec_without_a_batch_stage_gets_one(folder, tfcli):
    (folder / "digits.yaml").write_text(PICTURES)
    result = tfcli("batch-find", "digits.yaml", "--low", "256", "--high", "512", "--seconds", "0", "-q")
    assert result.code == 0, result.err
    assert result.out.strip() in ("256", "512")
