"""Which way a reported value is better."""

import pytest

from tfcli.models.monitors import is_maximized


@pytest.mark.parametrize(
    "name",
    [
        "accuracy",
        "val_accuracy",
        "acc",
        "val_cls_accuracy",
        "auc",
        "val_auc",
        "auc_1",
        "cosine_similarity",
        "val_r2_score",
        "mean_io_u",
    ],
)
def test_more_is_better(name: str):
    assert is_maximized(name)


@pytest.mark.parametrize(
    "name", ["loss", "val_loss", "cls_loss", "val_auc_loss", "mae", "mean_absolute_error", "false_positives"]
)
def test_less_is_better(name: str):
    assert not is_maximized(name)


def test_a_mode_overrules_the_name():
    assert is_maximized("val_loss", "max")
    assert not is_maximized("accuracy", "min")
