import pytest
from spec_stubs import Experiment

from tfcli.spec.diagnostics import InvalidSpec
from tfcli.spec.document import parse_document
from tfcli.spec.overrides import apply_overrides, item_names, set_path

SPEC = """
data: {source: {type: csv, path: x.csv}}
model:
  layers:
    - {type: Conv2D, name: c1, filters: 32}
    - dense
    - type: block
      name: blocks
      layers:
        - {type: dense, units: 3}
    - {type: dense, units: 4}
optimizer: adam
train: {class_weight: {0: 1.0}}
columns: {a.b: 1}
"""


def changed(*options):
    document = parse_document(SPEC)
    document.declaration = Experiment
    apply_overrides(document, options)
    return document


@pytest.mark.parametrize(
    ("option", "path", "value"),
    [
        ("seed=7", ("seed",), 7),
        ("optimizer=sgd", ("optimizer",), "sgd"),
        ("optimizer={type: sgd, momentum: 0.9}", ("optimizer",), {"type": "sgd", "momentum": 0.9}),
        ("optimizer.learning_rate=1e-2", ("optimizer",), {"type": "adam", "learning_rate": 0.01}),
        ("model.layers.c1.filters=64", ("model", "layers", 0, "filters"), 64),
        ("model.layers.0.filters=64", ("model", "layers", 0, "filters"), 64),
        ("model.layers.dense.units=8", ("model", "layers", 1), {"type": "dense", "units": 8}),
        ("model.layers.dense_1.units=8", ("model", "layers", 3, "units"), 8),
        ("model.layers.blocks.layers.0.units=8", ("model", "layers", 2, "layers", 0, "units"), 8),
        ("model.layers.blocks.layers.dense.units=8", ("model", "layers", 2, "layers", 0, "units"), 8),
        ("train.early_stopping.patience=3", ("train", "early_stopping"), {"patience": 3}),
        ("tune.space={}", ("tune",), {"space": {}}),
        ("train.class_weight.1=2.5", ("train", "class_weight"), {0: 1.0, 1: 2.5}),
        ("columns.a.b=2", ("columns",), {"a.b": 2}),
        ("data.source.path=", ("data", "source", "path"), None),
        ("description=a = b", ("description",), "a = b"),
        ("train.freeze=[a, 'b/*']", ("train", "freeze"), ["a", "b/*"]),
    ],
)
def test_assignment(option, path, value):
    found = changed(option).value
    for key in path:
        found = found[key]
    assert found == value


def test_a_missing_node_starts_from_its_default():
    document = parse_document("loss: mse\n")
    document.declaration = Experiment
    apply_overrides(document, ["optimizer.learning_rate=0.1", "train.checkpoint.keep=5"])
    assert document.faults == []
    assert document.value["optimizer"] == {"type": "adam", "learning_rate": 0.1}
    assert document.value["train"] == {"checkpoint": {"keep": 5}}


def test_a_default_inside_a_node_is_known():
    document = changed("model.layers.dense.kernel_initializer.seed=3")
    initializer = {"type": "glorot_uniform", "seed": 3}
    assert document.value["model"]["layers"][1] == {"type": "dense", "kernel_initializer": initializer}


def test_later_options_win():
    assert changed("seed=1", "seed=2").value["seed"] == 2


def test_places_point_at_the_option():
    document = changed("optimizer.learning_rate=abc")
    mark = document.position(("optimizer", "learning_rate"))
    assert mark.source.lines == ("--set optimizer.learning_rate=abc",)
    assert (mark.column, mark.length) == (31, 3)
    key = document.position(("optimizer", "learning_rate"), at_key=True)
    assert (key.column, key.length) == (17, 13)
    assert document.position(("optimizer", "type")).source.is_file


def test_places_inside_a_value_point_at_their_part():
    mark = changed("optimizer={type: sgd, momentum: x}").position(("optimizer", "momentum"))
    assert mark.source.lines[0][mark.column - 1 : mark.column - 1 + mark.length] == "x"


@pytest.mark.parametrize(
    ("option", "message", "help"),
    [
        ("seed", "expected `key=value`", "for example `--set train.epochs=5`"),
        ("=3", "expected `key=value`", "for example `--set train.epochs=5`"),
        ("a..b=1", "a name is missing between the dots", None),
        ("model.layers.block.name=x", "`model.layers` has no item called `block`", "did you mean `blocks`?"),
        (
            "model.layers.x.name=x",
            "`model.layers` has no item called `x`",
            "there are `c1`, `dense`, `blocks`, `dense_1`",
        ),
        ("model.layers.4.filters=1", "`model.layers` has no item 4: its 4 items count from 0 to 3", None),
        ("columns.a.b.c=1", "`columns.a.b` is 1, which has no keys below it", None),
    ],
)
def test_refusals(option, message, help):
    (fault,) = changed(option).faults
    assert (fault.message, fault.help) == (message, help)


def test_all_refused_options_are_reported():
    assert len(changed("seed", "seed=1", "a..b=1").faults) == 2


def test_set_path_shows_its_origin():
    document = parse_document(SPEC)
    path = set_path(document, "model.layers.c1.filters", [8, "x"], "trial 3:")
    assert path == ("model", "layers", 0, "filters")
    mark = document.position(path)
    assert mark.source.lines[0][mark.column - 1 :] == "[8, x]"
    assert mark.file == "trial 3:"


def test_set_path_refuses_what_is_not_there():
    with pytest.raises(InvalidSpec, match="no item called `c7`"):
        set_path(parse_document(SPEC), "model.layers.c7.filters", 8)


def test_a_copy_keeps_the_original():
    document = parse_document(SPEC)
    trial = document.copy()
    set_path(trial, "model.layers.c1.filters", 8)
    assert document.value["model"]["layers"][0]["filters"] == 32


def test_names_of_unnamed_items():
    items = ["flatten", {"type": "Dense"}, {"type": "dense", "name": "x"}, {"type": "dense"}, 3]
    assert item_names(items) == ["flatten", "dense", "x", "dense_1", None]
