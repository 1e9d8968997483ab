"""Splits: partitions, proportions, seeds, and order in time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfcli.data.random import generator
from tfcli.data.split import SplitSpec, draw_stratified, largest_remainder
from tfcli.data.table import Rows, Table
from tfcli.declare import DeclarationError, FieldError
from tfcli.errors import DataError


def table_of(labels) -> Table:
    labels = np.asarray(labels)
    return Table({"x": np.arange(len(labels)), "y": labels}, ["x"], Rows.counted("t", len(labels)), ["y"])


@settings(deadline=None)
@given(
    count=st.integers(3, 200),
    validation=st.one_of(st.none(), st.integers(1, 100), st.floats(0.01, 0.9)),
    test=st.one_of(st.integers(1, 100), st.floats(0.01, 0.9)),
    seed=st.integers(0, 5),
    ordered=st.booleans(),
    stratify=st.booleans(),
)
def test_splits_are_a_partition_in_the_source_s_order(count, validation, test, seed, ordered, stratify):
    try:
        spec = SplitSpec(validation=validation, test=test, stratify=stratify and not ordered)
        parts = spec.parts(table_of(np.arange(count) % 3), seed, ordered)
    except (DataError, FieldError):
        return
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(count))
    assert all((np.diff(rows) > 0).all() for rows in parts.values())
    assert len(parts["test"]) == (test if isinstance(test, int) else int(test * count + 0.5))


@settings(deadline=None)
@given(classes=st.lists(st.integers(0, 4), min_size=10, max_size=200), share=st.floats(0.1, 0.4))
def test_stratified_splits_have_each_class_to_one_example(classes, share):
    classes = np.unique(classes, return_inverse=True)[1]
    size = max(1, int(share * len(classes)))
    parts = draw_stratified(classes, {"validation": size, "test": size}, generator(0, "test"))
    totals = np.bincount(classes)
    for name in ("validation", "test"):
        found = np.bincount(classes[parts[name]], minlength=len(totals))
        assert found.sum() == size
        assert (np.abs(found - totals * size / len(classes)) <= 1).all() or (found == totals).any()


def test_largest_remainder_gives_left_over_places_to_the_largest_fractions():
    assert largest_remainder(np.array([5, 3, 2]), 5, np.array([5, 3, 2])).tolist() == [3, 1, 1]
    assert largest_remainder(np.array([1, 1]), 2, np.array([2, 0])).tolist() == [2, 0]


def test_a_split_depends_on_its_seed_alone():
    table = table_of(np.arange(50))
    first, again, other = (SplitSpec(test=0.5).parts(table, seed, False)["test"].tolist() for seed in (1, 1, 2))
    own = SplitSpec(test=0.5, seed=1).parts(table, 2, False)["test"].tolist()
    assert first == again == own
    assert first != other


def test_an_ordered_source_is_cut_and_training_comes_first():
    parts = SplitSpec(validation=2, test=0.3).parts(table_of(np.arange(10)), 0, True)
    assert {name: rows.tolist() for name, rows in parts.items()} == {
        "train": [0, 1, 2, 3, 4],
        "validation": [5, 6],
        "test": [7, 8, 9],
    }


@pytest.mark.parametrize("settings", [{}, {"validation": 0.6, "test": 0.4}])
def test_a_split_that_leaves_nothing_or_sets_nothing_aside_is_refused(settings):
    with pytest.raises(FieldError):
        SplitSpec(**settings)


@pytest.mark.parametrize("share", [0, -1, 1.5, "half"])
def test_a_share_is_a_fraction_or_a_count(share):
    with pytest.raises(DeclarationError, match="test"):
        SplitSpec(test=share)


def test_too_few_examples_and_labels_without_classes_are_refused():
    with pytest.raises(DataError, match="4 examples are too few"):
        SplitSpec(test=4).parts(table_of(np.arange(4)), 0, False)
    with pytest.raises(DataError, match="has no classes"):
        SplitSpec(test=1, stratify=True).parts(table_of(np.linspace(0, 1, 9)), 0, False)
