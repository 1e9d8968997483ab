from pathlib import Path

import pytest
import spec_stubs
from spec_stubs import Experiment

from tfcli.declare import Declared
from tfcli.spec.document import parse_document
from tfcli.spec.dump import dump
from tfcli.spec.load import check_document
from tfcli.spec.schema import field_docs, json_schema

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")

GOOD = """
data: {source: {type: bundled, name: digits}}
model:
  layers:
    - flatten
    - {type: Conv_2D, filters: 3, kernel_size: [3, 3]}
    - {type: block, layers: [{type: DENSE, units: 3}]}
loss: {a: mse, b: MeanSquaredError}
optimizer: {type: sgd, learning_rate: {type: cosine_decay, initial_learning_rate: 0.1, decay_steps: 10}}
metrics: [accuracy, {type: top_k}]
train:
tune: {trials: 3, space: {train.epochs: {values: [1, 2]}}}
"""


@pytest.fixture(scope="module")
def validator():
    schema = json_schema(Experiment)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_a_good_spec_is_valid(validator):
    assert list(validator.iter_errors(parse_document(GOOD).value)) == []


def test_a_resolved_spec_is_valid(validator):
    experiment, _ = check_document(Experiment, parse_document(GOOD))
    resolved = parse_document(dump(experiment, Path("/"))).value
    assert list(validator.iter_errors(resolved)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("filters: 3", "filters: 0"),
        ("filters: 3", "filter: 3"),
        ("- flatten", "- flaten"),
        ("- flatten", "- dense"),
        ("train:", "epochs: 3"),
        ("[3, 3]", "[3, 3, 3]"),
        ("loss: {a: mse, b: MeanSquaredError}", ""),
    ],
)
def test_a_broken_spec_is_not_valid(validator, old, new):
    assert old in GOOD
    assert list(validator.iter_errors(parse_document(GOOD.replace(old, new)).value)) != []


def test_descriptions_and_defaults():
    schema = json_schema(Experiment)
    dense = schema["$defs"]["layer.dense"]
    assert dense["description"] == "x (N, D) -> (N, units)."
    assert dense["properties"]["units"] == {"type": "integer", "minimum": 1, "description": "Width of the output."}
    assert dense["properties"]["kernel_initializer"]["default"] == "glorot_uniform"
    assert dense["required"] == ["type", "units"]


def test_inherited_fields_have_their_docs():
    assert field_docs(spec_stubs.Adam)["learning_rate"] == "The step size."


def test_every_declared_class_of_the_spec_is_documented():
    sections = [cls for cls in vars(spec_stubs).values() if isinstance(cls, type) and issubclass(cls, Declared)]
    assert all(cls.__doc__ for cls in sections)
