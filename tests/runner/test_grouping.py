"""Means over seeds, with Student's intervals."""

import pytest

from tfcli.runner.grouping import Estimate, estimate, joined, student_quantile


@pytest.mark.parametrize(
    ("freedom", "expected"),
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (9, 2.2622), (30, 2.0423), (1000, 1.9623)],
)
def test_quantiles_are_those_of_the_tables(freedom: int, expected: float):
    assert student_quantile(freedom) == pytest.approx(expected, abs=5e-5)


def test_the_interval_of_three_values():
    found = estimate([1.0, 2.0, 3.0])
    assert (found.mean, found.count) == (2.0, 3)
    assert found.half_width == pytest.approx(4.30265 / 3**0.5, rel=1e-5)


def test_one_value_has_no_interval():
    assert estimate([0.5]) == Estimate(0.5, None, 1)


def test_what_was_set_is_not_averaged():
    assert joined([8, 8], averaged=False) == 8
    assert joined([8, 16], averaged=False) == "varies"
    assert joined([None, None], averaged=True) is None
