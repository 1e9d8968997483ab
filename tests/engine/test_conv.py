"""Convolution against the definition, written out in loops."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfcli.engine.ops import conv as module
from tfcli.engine.ops.conv import Conv, ConvInputGrad, ConvKernelGrad, conv, conv_transpose, depthwise_conv
from tfcli.engine.ops.window import Window, window
from tfcli.errors import DtypeError, ShapeError


def by_definition(x: np.ndarray, kernel: np.ndarray, op: Conv) -> np.ndarray:
    """y[n, o, f] = sum over taps k and channels c of x[n, o * stride + k * dilation - before, c] * kernel[k, c, f]."""
    w = window(x.shape[1:-1], kernel.shape[:-2], op.strides, op.dilations, op.padding)
    taken, filters = kernel.shape[-2], kernel.shape[-1]
    y = np.zeros((len(x), *w.out, filters))
    for at in itertools.product(*map(range, w.out)):
        for tap in itertools.product(*map(range, w.size)):
            place = met(at, tap, w)
            if any(not 0 <= p < size for p, size in zip(place, w.sizes, strict=True)):
                continue
            for f in range(filters):
                first = f // (filters // op.groups) * taken
                for c in range(taken):
                    y[(slice(None), *at, f)] += x[(slice(None), *place, first + c)] * kernel[(*tap, c, f)]
    return y


def met(at: tuple[int, ...], tap: tuple[int, ...], w: Window) -> tuple[int, ...]:
    return tuple(o * s + k * d - a for o, k, s, d, (a, _) in zip(at, tap, w.strides, w.dilations, w.pads, strict=True))


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Conv, np.ndarray, np.ndarray]:
    rank = draw(st.integers(1, 3))
    sizes = [tuple(draw(st.integers(1, most)) for _ in range(rank)) for most in (5, 3, 3, 2)]
    (x_size, k_size, strides, dilations), groups = sizes, draw(st.sampled_from([1, 2, 3]))
    reach = [(k - 1) * d + 1 for k, d in zip(k_size, dilations, strict=True)]
    paddings = ["same", "causal", tuple((r // 2, r) for r in reach)]
    fits = all(n >= r for n, r in zip(x_size, reach, strict=True))
    padding = draw(st.sampled_from([*paddings, "valid"] if fits else paddings))
    taken, filters, batch = draw(st.sampled_from([1, 2, 8])), draw(st.integers(1, 2)), draw(st.integers(0, 3))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    x = random.standard_normal((batch, *x_size, taken * groups))
    kernel = random.standard_normal((*k_size, taken, filters * groups))
    return Conv(strides, padding, dilations, groups), x, kernel


@settings(max_examples=60, deadline=None)
@given(convolutions())
def test_forward_is_the_definition(case):
    op, x, kernel = case
    np.testing.assert_allclose(op.forward(x, kernel), by_definition(x, kernel, op), atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(convolutions())
def test_gradients_are_the_adjoints(case):
    """<g, conv(x, kernel)> is <input gradient, x> and <kernel gradient, kernel>."""
    op, x, kernel = case
    y = op.forward(x, kernel)
    g = np.random.default_rng(1).standard_normal(y.shape)
    product = np.sum(g * y)
    assert np.sum(op.sibling(ConvInputGrad).forward(g, kernel, x) * x) == pytest.approx(product, abs=1e-9)
    assert np.sum(op.sibling(ConvKernelGrad).forward(x, g, kernel) * kernel) == pytest.approx(product, abs=1e-9)


def test_small_chunks_of_the_batch_change_nothing(monkeypatch):
    x, kernel = np.random.default_rng(0).standard_normal((5, 6, 4, 2)), np.ones((3, 2, 2, 3))
    op = Conv((1, 2), "same", (1, 1))
    whole, g = op.forward(x, kernel), np.ones((5, 6, 2, 3))
    kernel_gradient = op.sibling(ConvKernelGrad).forward(x, g, kernel)
    monkeypatch.setattr(module, "CHUNK_BYTES", 1)
    np.testing.assert_allclose(op.forward(x, kernel), whole, atol=1e-12)
    np.testing.assert_allclose(op.sibling(ConvKernelGrad).forward(x, g, kernel), kernel_gradient, atol=1e-12)


def test_depthwise_keeps_channels_apart():
    x, kernel = np.random.default_rng(0).standard_normal((2, 5, 3)), np.random.default_rng(1).standard_normal((2, 3, 2))
    y = depthwise_conv(x, kernel)
    for c, m in itertools.product(range(3), range(2)):
        alone = conv(x[..., c : c + 1], kernel[:, c : c + 1, m : m + 1])
        np.testing.assert_allclose(y.array[..., 2 * c + m], alone.array[..., 0], atol=1e-12)


@pytest.mark.parametrize(
    ("padding", "output_padding", "size"),
    [("same", None, 10), ("valid", None, 11), ("valid", 1, 12), ("same", 0, 9), ("same", 1, 10), (((1, 1),), None, 9)],
)
def test_conv_transpose_has_the_size_that_keras_gives(padding, output_padding, size):
    assert conv_transpose(np.ones((1, 5, 2)), np.ones((3, 4, 2)), 2, padding, output_padding).shape == (1, size, 4)


def test_conv_transpose_to_a_given_size():
    assert conv_transpose(np.ones((1, 5, 2)), np.ones((3, 4, 2)), 2, "same", output_shape=(9,)).shape == (1, 9, 4)


def test_causal_output_depends_on_nothing_later():
    x, kernel = np.random.default_rng(0).standard_normal((1, 6, 1)), np.ones((3, 1, 1))
    later = x.copy()
    later[:, 4:] += 1
    before, after = (conv(v, kernel, padding="causal", dilations=2).array for v in (x, later))
    np.testing.assert_array_equal(before[:, :4], after[:, :4])
    assert before.shape == x.shape


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: conv(np.ones((1, 4, 4, 3)), np.ones((3, 3, 1, 8))), ["(1, 4, 4, 3)", "3 channels", "takes 1"]),
        (lambda: conv(np.ones((1, 4, 4)), np.ones((3, 3, 1, 8))), ["(1, 4, 4)", "(3, 3, 1, 8)"]),
        (lambda: conv(np.ones((1, 4, 2)), np.ones((1, 1, 3)), groups=2), ["3 filters", "2 groups"]),
        (lambda: conv(np.ones((1, 2, 5, 1)), np.ones((3, 3, 1, 1))), ["spatial axis 0", "size 2", "'same'"]),
        (lambda: conv(np.ones((1, 2)), np.ones((3, 3))), ["3 axes or more", "(1, 2)"]),
        (lambda: conv(np.ones((1, 4, 1)), np.ones((2, 1, 1)), padding="full"), ["'full'", "'same'"]),
        (lambda: conv(np.ones((1, 4, 1)), np.ones((2, 1, 1)), strides=0), ["positive", "0"]),
        (lambda: depthwise_conv(np.ones((1, 4, 3)), np.ones((2, 2, 1))), ["3 channels", "takes 2"]),
        (lambda: conv_transpose(np.ones((1, 4, 3)), np.ones((2, 1, 2))), ["3 channels", "takes 2"]),
        (lambda: conv_transpose(np.ones((1, 4, 2)), np.ones((2, 1, 2)), 2, output_padding=3), ["output_padding"]),
    ],
)
def test_errors_say_what_came_and_what_was_expected(call, words):
    with pytest.raises(ShapeError) as caught:
        call()
    assert [w for w in words if w not in str(caught.value)] == []


def test_dtypes_do_not_mix():
    with pytest.raises(DtypeError, match="one floating dtype"):
        conv(np.ones((1, 4, 1), np.float32), np.ones((2, 1, 1), np.float64))
