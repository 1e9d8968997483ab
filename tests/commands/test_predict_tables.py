"""What was learned of a table is saved with the run and applied exactly by `predict` and `evaluate`."""

import numpy as np
import pytest

SPEC = """\
name: table
seed: 3
data:
  train: {source: {type: csv, path: train.csv, label: sold}}
  test: {source: {type: csv, path: test.csv, label: sold}}
  features:
    colour: string_categorical
    day: {type: date, missing: median, indicator: true}
    price: {type: float_normalized, missing: mean, indicator: true}
    size: {type: float_discretized, num_bins: 4}
model: {layers: [{type: dense, units: 4, activation: tanh}, {type: dense, units: 2, activation: softmax}]}
loss: sparse_categorical_crossentropy
metrics: [accuracy]
train: {epochs: 2}
"""
HEAD = "colour,day,price,size,sold\n"


def rows(count, start):
    for i in range(start, start + count):
        price = "" if i % 7 == 0 else i * 1.5
        yield f"{['red', 'blue', ''][i % 3]},2024-02-{1 + i % 29:02d},{price},{i % 11},{'yes' if i % 2 else 'no'}\n"


@pytest.fixture
def run(tfcli, folder):
    (folder / "exp.yaml").write_text(SPEC)
    (folder / "train.csv").write_text(HEAD + "".join(rows(60, 0)))
    (folder / "test.csv").write_text(HEAD + "".join(rows(20, 100)))
    result = tfcli("train", "exp.yaml", "-q")
    assert result.code == 0, result.err
    return result.out.strip()


def predicted(result):
    assert result.code == 0, result.err
    return [row["probability_yes"] for row in result.json["predictions"]]


def test_a_file_gives_what_its_split_gives_whatever_else_is_in_it(tfcli, folder, run):
    whole = predicted(tfcli("predict", run, "--split", "test", "--json"))
    assert predicted(tfcli("predict", run, "--input", "test.csv", "--json")) == whole
    (folder / "part.csv").write_text(HEAD + "".join(rows(3, 105)))
    np.testing.assert_allclose(predicted(tfcli("predict", run, "--input", "part.csv", "--json")), whole[5:8], rtol=1e-6)


def test_nothing_is_learned_anew(tfcli, folder, run):
    before = tfcli("evaluate", run, "--data", "test.csv", "--json").json
    (folder / "train.csv").unlink()
    assert tfcli("evaluate", run, "--data", "test.csv", "--json").json == before


def test_a_category_never_seen_is_named_with_its_row(tfcli, folder, run):
    (folder / "new.csv").write_text("colour,day,price,size\nred,2024-02-01,1,2\ngreen,2024-02-01,1,2\ngreen,,,2\n")
    result = tfcli("predict", run, "--input", "new.csv", "--json")
    assert len(predicted(result)) == 3
    assert "new.csv, row 3, column 'colour', and in 1 more: 'green' does not occur in the training split" in result.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour,day,price\nred,2024-02-01,1\n", "has no column 'size'"),
        ("colour,day,price,size\nred,2024-02-01,cheap,2\n", "row 2, column 'price': expected a number, got 'cheap'"),
        ("colour,day,price,size\nred,2024-02-01,1,2\nred,1.2.24,1,2\n", "row 3, column 'day': expected a date"),
        ("colour,day,price,size\nred,2024-02-01,1,\n", "row 2, column 'size': a number is missing"),
    ],
)
def test_what_cannot_be_used_is_named_with_row_and_column(tfcli, folder, run, text, said):
    (folder / "new.csv").write_text(text)
    result = tfcli("predict", run, "--input", "new.csv")
    assert result.code == 2
    assert said in result.err
