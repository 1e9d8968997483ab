import numpy as np
import pytest

from tfcli.runner.statistics import Calibration, Curves, mean, share


def test_wilsons_interval_of_eight_in_ten():
    found = share(8, 10)
    assert (found.low, found.value, found.high) == pytest.approx((0.4902, 0.8, 0.9433), abs=1e-4)


@pytest.mark.parametrize(("successes", "low", "high"), [(0, 0.0, 0.2775), (10, 0.7225, 1.0)])
def test_wilsons_interval_stays_between_nothing_and_all(successes, low, high):
    found = share(successes, 10)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


def test_of_nothing_there_is_no_interval():
    assert share(0, 0) is None
    assert mean(np.zeros(0), 0) is None


def test_a_mean_lies_in_its_interval_and_the_seed_decides():
    values = np.random.default_rng(0).normal(3.0, 1.0, 200)
    first, again, other = mean(values, 1), mean(values, 1), mean(values, 2)
    assert first.low < first.value < first.high
    assert first == again != other
    assert first.high - first.low == pytest.approx(4 * 1.0 / np.sqrt(200), rel=0.2)


def test_the_area_under_roc_counts_pairs_with_ties_as_halves():
    is_positive = np.array([True, True, False, False, True])
    probability = np.array([0.9, 0.5, 0.5, 0.1, 0.2])
    # pairs: 0.9 beats both; 0.5 ties one, beats one; 0.2 loses one, beats one
    assert Curves.of(is_positive, probability).area == pytest.approx((2 + 1.5 + 1) / 6)


def test_average_precision_of_a_known_ranking():
    curves = Curves.of(np.array([True, False, True, False]), np.array([0.9, 0.8, 0.7, 0.1]))
    assert curves.average_precision == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_one_kind_of_answer_has_no_area():
    assert np.isnan(Curves.of(np.array([True, True]), np.array([0.1, 0.2])).area)


def test_a_calibrated_model_has_no_calibration_error():
    probability = np.repeat([0.25, 0.75], 4)
    is_right = np.array([1, 0, 0, 0, 1, 1, 1, 0], bool)
    assert Calibration.of(is_right, probability).error == pytest.approx(0.0)


def test_an_overconfident_model_has_one():
    assert Calibration.of(np.array([True, False]), np.array([1.0, 1.0])).error == pytest.approx(0.5)
