"""`tfcli check`."""


def test_layers_parameters_and_data(tfcli, folder):
    result = tfcli("check", "exp.yaml", "--json")
    found = result.json
    assert [(layer["name"], layer["shape"], layer["parameters"]) for layer in found["layers"]] == [
        ("dense", [None, 8], 40),
        ("dropout", [None, 8], 0),
        ("dense_1", [None, 3], 27),
    ]
    assert found["parameters"] == 67
    assert found["memory"]["weights"] == 67 * 4
    assert found["memory"]["activations"] == 2 * 16 * (8 + 8 + 3) * 4
    assert found["timing"]["step"] > 0
    assert [(split["name"], split["examples"]) for split in found["splits"]] == [
        ("train", 90),
        ("validation", 30),
        ("test", 30),
    ]
    assert found["splits"][1]["labels"]["species"]["classes"] == {"setosa": 10, "versicolor": 10, "virginica": 10}
    assert not (folder / "runs").exists()


def test_the_table(tfcli):
    result = tfcli("check", "exp.yaml")
    assert result.code == 0
    assert "dense_1  dense    (N, 3)" in result.out
    assert "  tfcli train exp.yaml\n" in result.out


def test_tiny_splits_and_missing_classes_are_warned_of(tfcli):
    split = "data.split={validation: 2, test: 30, stratify: false}"
    warnings = tfcli("check", "exp.yaml", "--set", split, "--json").json["warnings"]
    assert any("validation split has only 2 examples" in text for text in warnings)
    assert any("validation split lacks classes of species" in text for text in warnings)


def test_examples_in_two_splits_are_warned_of(tfcli, folder):
    (folder / "data.csv").write_text("a,y\n" + "".join(f"{i % 5},{i % 2}\n" for i in range(100)))
    source = "data.source={type: csv, path: data.csv, label: y}"
    warnings = tfcli("check", "exp.yaml", "--set", source, "--json").json["warnings"]
    assert any("20 of the 20 test examples" in text for text in warnings)


def test_a_constant_column_is_warned_of(tfcli, folder):
    (folder / "data.csv").write_text("a,b,y\n" + "".join(f"{i},7,{i % 2}\n" for i in range(100)))
    source = "data.source={type: csv, path: data.csv, label: y}"
    warnings = tfcli("check", "exp.yaml", "--set", source, "--json").json["warnings"]
    assert any("column 'b' never varies" in text for text in warnings)


def test_a_shape_that_does_not_fit_is_shown_at_its_layer(tfcli, folder):
    text = (
        (folder / "exp.yaml")
        .read_text()
        .replace("{type: dropout, rate: 0.2}", "{type: conv2d, filters: 2, kernel_size: 3}")
    )
    (folder / "exp.yaml").write_text(text)
    result = tfcli("check", "exp.yaml")
    assert result.code == 2
    assert "exp.yaml:12:" in result.err


def test_fractions_are_no_class_numbers(tfcli, folder):
    (folder / "data.csv").write_text("a,y\n" + "".join(f"{i},{i / 4}\n" for i in range(40)))
    (folder / "exp.yaml").write_text(
        "data: {source: {type: csv, path: data.csv, label: y}, pipeline: [{type: batch, batch_size: 8}]}\n"
        "model: {layers: [{type: dense, units: 3, activation: softmax}]}\n"
        "loss: sparse_categorical_crossentropy\n"
    )
    result = tfcli("check", "exp.yaml")
    assert result.code == 2
    assert "the label `y` has 0.25, but `sparse_categorical_crossentropy` takes class numbers" in result.err
