"""Pooling against the definition, written out in loops."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfcli.engine.ops.pool import AveragePool, AveragePoolGrad, MaxPool, MaxPoolGrad, Pooling, average_pool, max_pool
from tfcli.engine.ops.window import window
from tfcli.errors import DtypeError, ShapeError

Place = tuple[int, ...]


def windows(x: np.ndarray, op: Pooling) -> Iterator[tuple[Place, list[Place]]]:
    """For each output its place (spatial), and the places in x that its window covers, in row-major order."""
    w = window(x.shape[1:-1], op.pool_size, op.strides, (1,) * len(op.pool_size), op.padding)
    for at in itertools.product(*map(range, w.out)):
        axes = zip(at, w.size, w.strides, w.pads, w.sizes, strict=True)
        ranges = [[p for p in range(o * s - a, o * s - a + k) if 0 <= p < n] for o, k, s, (a, _), n in axes]
        yield at, list(itertools.product(*ranges))


@st.composite
def poolings(draw: st.DrawFn) -> tuple[tuple, np.ndarray]:
    rank = draw(st.integers(1, 3))
    size, pool_size, strides = (tuple(draw(st.integers(1, most)) for _ in range(rank)) for most in (5, 3, 3))
    fits = all(n >= k for n, k in zip(size, pool_size, strict=True))
    padding = draw(st.sampled_from(["same", "valid"] if fits else ["same"]))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    x = random.integers(-2, 3, (draw(st.integers(0, 2)), *size, 2)).astype(np.float64)  # many ties
    return (pool_size, strides, padding), x


@settings(max_examples=60, deadline=None)
@given(poolings())
def test_max_pool_and_its_gradient_are_the_definition(case):
    op, x = MaxPool(*case[0]), case[1]
    y = op.forward(x)
    g = np.random.default_rng(1).standard_normal(y.shape)
    expected, gradient = np.zeros(y.shape), np.zeros(x.shape)
    for at, covered in windows(x, op):
        for n, c in itertools.product(range(len(x)), range(2)):
            first = max(covered, key=lambda place, n=n, c=c: x[(n, *place, c)])
            expected[(n, *at, c)] = x[(n, *first, c)]
            gradient[(n, *first, c)] += g[(n, *at, c)]
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_allclose(op.sibling(MaxPoolGrad).forward(g, x, y), gradient, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(poolings())
def test_average_pool_and_its_gradient_are_the_definition(case):
    op, x = AveragePool(*case[0]), case[1]
    y = op.forward(x)
    g = np.random.default_rng(1).standard_normal(y.shape)
    expected, gradient = np.zeros(y.shape), np.zeros(x.shape)
    for at, covered in windows(x, op):
        for place in covered:
            here, there = (slice(None), *at), (slice(None), *place)
            expected[here] += x[there] / len(covered)
            gradient[there] += g[here] / len(covered)
    np.testing.assert_allclose(y, expected, atol=1e-12)
    np.testing.assert_allclose(op.sibling(AveragePoolGrad).forward(g, x), gradient, atol=1e-12)


def test_strides_are_the_pool_size_by_default():
    assert max_pool(np.ones((1, 6, 9, 2)), (2, 3)).shape == (1, 3, 3, 2)
    assert average_pool(np.ones((1, 6, 2)), 3, strides=1, padding="same").shape == (1, 6, 2)


def test_errors_say_what_came():
    with pytest.raises(ShapeError, match=r"window \(3,\).*axis 0.*size 2"):
        max_pool(np.ones((1, 2, 1)), 3)
    with pytest.raises(ShapeError, match=r"3 axes or more, got \(2, 2\)"):
        average_pool(np.ones((2, 2)), 2)
    with pytest.raises(DtypeError, match="int64"):
        max_pool(np.ones((1, 4, 1), np.int64), 2)
