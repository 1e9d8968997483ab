"""Products by kernels against numpy."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_harness import LANES, assert_as_numpy, is_lowered, run_lowered

import tfcli.engine.kernels.products  # noqa: F401
from tfcli.engine.ops.linalg import Einsum, Matmul

random = np.random.default_rng(7)


def normal(*shape: int) -> np.ndarray:
    return random.standard_normal(shape).astype(np.float32)


def assert_multiplies(rows: int, inner: int, columns: int, lanes: int) -> None:
    """All four layouts of a product agree with numpy."""
    a, b = normal(rows, inner), normal(inner, columns)
    for turned_a in (False, True):
        for turned_b in (False, True):
            left, right = a.T.copy() if turned_a else a, b.T.copy() if turned_b else b
            assert_as_numpy(Matmul(turned_a, turned_b), left, right, lanes=lanes)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize(
    "sizes",
    [
        (1, 1, 1),
        (7, 5, 3),
        (4, 16, 15),
        (5, 3, 17),
        (1, 40, 31),
        (32, 64, 10),
        (33, 17, 41),
        (13, 130, 67),
        (0, 3, 4),
        (3, 0, 4),
        (2, 3, 0),
    ],
)
def test_products_agree_with_numpy(sizes, lanes):
    assert_multiplies(*sizes, lanes)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("sizes", [(200, 300, 100), (150, 1100, 257)])
def test_large_products_are_packed_and_cut_into_slabs(sizes, lanes):
    assert_multiplies(*sizes, lanes)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 70), st.integers(1, 50), st.integers(1, 70), st.sampled_from(LANES))
def test_any_product_agrees_with_numpy(rows, inner, columns, lanes):
    assert_multiplies(rows, inner, columns, lanes)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize(
    ("front_a", "front_b"),
    [((3,), ()), ((), (3,)), ((2, 3), (2, 3)), ((2, 1), (3,)), ((2, 1, 2), (1, 3, 2)), ((0,), (0,))],
)
def test_batches_broadcast(front_a, front_b, lanes):
    for op, a, b in (
        (Matmul(), (5, 9), (9, 17)),
        (Matmul(True, False), (9, 5), (9, 17)),
        (Matmul(False, True), (5, 9), (17, 9)),
    ):
        assert_as_numpy(op, normal(*front_a, *a), normal(*front_b, *b), lanes=lanes)


@pytest.mark.parametrize("lanes", LANES)
def test_float64_is_multiplied(lanes):
    a, b = random.standard_normal((11, 7)), random.standard_normal((9, 7))
    assert_as_numpy(Matmul(False, True), a, b, lanes=lanes, tolerance=1e-14)


def test_nan_and_infinity_spread_as_in_numpy():
    a, b = normal(9, 4), normal(4, 19)
    a[2, 1], a[5, 0], b[3, 18], b[0, 2] = np.nan, np.inf, -np.inf, np.inf
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(run_lowered(Matmul(), a, b, lanes=8)[0], a @ b, rtol=1e-5, atol=1e-5)


def test_integers_are_left_to_numpy():
    assert not is_lowered(Matmul(), np.ones((2, 2), np.int32), np.ones((2, 2), np.int32))


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize(
    ("equation", "a", "b"),
    [
        ("aqhd,akhd->ahqk", (2, 5, 3, 7), (2, 6, 3, 7)),
        ("ahqk,akhd->aqhd", (2, 3, 5, 6), (2, 6, 3, 7)),
        ("ahqk,aqhd->akhd", (2, 3, 5, 6), (2, 5, 3, 7)),
        ("ajhd,aqhd->ahjq", (2, 4, 3, 8), (2, 9, 3, 8)),
        ("btm,mhd->bthd", (2, 5, 6), (6, 3, 7)),
        ("bthd,hdm->btm", (2, 5, 3, 7), (3, 7, 11)),
        ("btm,bthd->mhd", (2, 5, 6), (2, 5, 3, 7)),
        ("mhd,bthd->btm", (6, 3, 7), (2, 5, 3, 7)),
        ("ab,cb->ca", (9, 4), (17, 4)),
        ("ab,ab->b", (9, 21), (9, 21)),
        ("abc,abc->ac", (3, 4, 21), (3, 4, 21)),
        ("abc,cd->dab", (3, 4, 5), (5, 18)),
        ("a,b->ab", (19,), (23,)),
        ("ab,b->ab", (4, 19), (19,)),
    ],
)
def test_einsums_agree_with_numpy(equation, a, b, lanes):
    assert_as_numpy(Einsum(equation), normal(*a), normal(*b), lanes=lanes)


def test_einsum_broadcasts_axes_of_one_entry():
    assert_as_numpy(Einsum("abc,acd->abd", "a"), normal(1, 5, 3), normal(4, 3, 17), lanes=8)


@pytest.mark.parametrize(
    ("equation", "a", "b"),
    [
        ("ab,cd->bc", (2, 3), (4, 5)),
        ("ab,ab->", (2, 3), (2, 3)),
        ("ab,ab->a", (2, 3), (2, 3)),
        ("ab,cab->ba", (2, 3), (4, 2, 3)),
    ],
)
def test_other_einsums_are_left_to_numpy(equation, a, b):
    assert not is_lowered(Einsum(equation), normal(*a), normal(*b))
