"""Conditions on runs: what they mean, and what is said of those that mean nothing."""

from typing import Any

import pytest

from tfcli.runner.expressions import Column, parse_condition
from tfcli.spec.diagnostics import InvalidSpec

VALUES: dict[Column, Any] = {
    Column("val_accuracy"): 0.9,
    Column("val_loss", "min"): 0.25,
    Column("min"): 7,
    Column("val_loss", "best", True): 4,
    Column("optimizer"): "adam",
    Column("optimizer.learning_rate"): 1e-3,
    Column("model.layers.c-1.units"): 32,
    Column("optimizer.amsgrad"): False,
    Column("seed"): 0,
    Column("train.class_weight"): None,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("optimizer.learning_rate < 0.01 and val_accuracy > 0.9", False),
        ("optimizer.learning_rate<=1e-3", True),
        ("val_accuracy >= .9 or seed == 1", True),
        ("val_accuracy > 0.95 or seed == 0 and optimizer == 'adam'", True),
        ("(val_accuracy > 0.95 or seed == 0) and optimizer == 'sgd'", False),
        ("not val_accuracy > 0.95", True),
        ("not not seed == 0", True),
        ('optimizer != "sgd"', True),
        ("min val_loss < 0.3", True),
        ("min == 7", True),
        ("model.layers.c-1.units == 32", True),
        ("optimizer.amsgrad", False),
        ("optimizer.amsgrad == false", True),
        ("train.class_weight == null", True),
        ("train.class_weight < 1", False),
        ("not train.class_weight", True),
        ("optimizer < 3", False),
        ("'da' in optimizer", True),
        ("'sgd' in optimizer", False),
        ("3 in optimizer", False),
        ("optimizer in ['sgd', 'adam']", True),
        ("seed in [1, -2]", False),
        ("not seed in []", True),
        ("best val_loss @epoch == 4", True),
        ("seed > -1", True),
    ],
)
def test_a_condition_means_what_it_says(text: str, expected: bool):
    assert parse_condition(text).holds(VALUES.__getitem__) is expected


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("optimizer = 3", 19, "`=` has no meaning here"),
        ("val_loss <", 19, "got the end"),
        ("val_loss < 3 4", 22, "expected `and`, `or` or the end, got `4`"),
        ("(val_loss < 3", 9, "not closed"),
        ("seed in [1, 2", 17, "this list is not closed"),
        ("seed in [1,", 20, "got the end"),
        ("val_loss < and", 20, "got `and`"),
        ("", 9, "got the end"),
        ("__import__('os')", 19, "got `(`"),
        ('"adam', 9, "has no meaning here"),
        ("3x > 1", 9, "`3` has no meaning here"),
    ],
)
def test_a_fault_has_its_place(text: str, column: int, message: str):
    with pytest.raises(InvalidSpec, match="1 error") as caught:
        parse_condition(text)
    (found,) = caught.value.diagnostics
    assert message in found.message
    assert found.mark.column == column
