"""Which batch size suits a model, whatever stage makes the batches."""

import json

import pytest

from tfcli.runner.batch_search import _override, search_batch_sizes

SPEC = """
data:
  source: {{type: jsonl, path: d.jsonl, label: y}}
  features: {{x: {{type: sequence}}}}
  pipeline:
    - {stage}
model:
  layers:
    - {{type: embedding, input_dim: 4, output_dim: 3}}
    - {{type: global_average_pooling1d}}
    - {{type: dense, units: 2}}
loss: sparse_categorical_crossentropy
train: {{epochs: 1}}
"""
PADDED = "{type: padded_batch, batch_size: 4, padding_values: 1}"
BUCKETS = "{type: bucket_by_sequence_length, bucket_boundaries: [3], bucket_batch_sizes: [8, 2]}"


@pytest.fixture
def spec(tmp_path, request):
    rows = [{"x": [1] * (2 + 2 * (i % 2)), "y": i % 2} for i in range(40)]
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "exp.yaml").write_text(SPEC.format(stage=request.param))
    return tmp_path / "exp.yaml"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("{type: batch, batch_size: 4, drop_remainder: true}", "batch_size: 16, drop_remainder: true"),
        (PADDED, "batch_size: 16, padding_values: 1"),
        (BUCKETS, "bucket_batch_sizes: [16, 4]"),
    ],
    indirect=["spec"],
)
def test_the_stage_that_makes_batches_keeps_its_other_settings(spec, expected):
    assert expected in _override(spec, [], 16)


@pytest.mark.parametrize("spec", [PADDED, BUCKETS], indirect=True)
def test_stages_that_fill_up_are_measured(spec):
    found = list(search_batch_sizes(spec, [], 8, 16, 0.0))
    assert [item.size for item in found] == [8, 16]
    assert all(item.examples_per_second > 0 for item in found)
