"""The real spec: its sections together."""

import pytest

from tfcli.spec.diagnostics import InvalidSpec
from tfcli.spec.dump import dump
from tfcli.spec.experiment import Experiment
from tfcli.spec.load import load_experiment
from tfcli.spec.schema import json_schema

SPEC = """
data: {source: {type: bundled, name: digits}, split: {validation: 0.2}, pipeline: [{type: batch, batch_size: 8}]}
model:
  layers:
    - flatten
    - {type: dense, name: a, units: 3, inputs: flatten}
    - {type: dense, name: b, units: 3, inputs: flatten}
  outputs: [a, b]
loss: {a: mse, b: mae}
metrics: {a: [accuracy]}
train: {early_stopping: {patience: 3}}
tune: {trials: 2, objective: val_loss, space: {model.layers.a.units: {low: 2, high: 8}}}
"""


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "exp.yaml"
    path.write_text(SPEC)
    return path


def test_a_resolved_spec_loads_to_the_same(spec, tmp_path):
    loaded = load_experiment(spec)
    text = dump(loaded.experiment, loaded.root)
    (tmp_path / "again.yaml").write_text(text)
    again = load_experiment(tmp_path / "again.yaml")
    assert again.experiment.spec() == loaded.experiment.spec()
    assert dump(again.experiment, again.root) == text


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            "precision=bfloat16",
            "expected one of `float32`, `float64`, `mixed_bfloat16`, `mixed_float16`, got 'bfloat16'",
        ),
        ("name=a/b", "a name is part of the run's path: it takes no slash and is more than dots"),
        ("loss={a: mse, c: mae}", "there is no output called `c`"),
        ("metrics={c: [accuracy]}", "there is no output called `c`"),
        ("loss_weights={c: 1}", "there is no output with a loss called `c`"),
        ("data.split={test: 0.2}", "`val_loss` needs validation data, and there is none"),
        ("model.layers.a.units=0", "expected a whole number ≥ 1, got 0"),
    ],
)
def test_what_does_not_go_together(spec, option, message):
    with pytest.raises(InvalidSpec) as error:
        load_experiment(spec, [option])
    assert [found.message for found in error.value.diagnostics] == [message]


def test_the_schema_describes_every_field():
    schema = json_schema(Experiment)
    objects = [schema, *schema["$defs"].values()]
    for definition in objects:
        for name, field in definition.get("properties", {}).items():
            assert name == "type" or field["description"], (definition["description"], name)


def test_the_schema_takes_the_spec(spec):
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    schema = json_schema(Experiment)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(load_experiment(spec).document.value)) == []
