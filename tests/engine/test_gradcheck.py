"""The gradient check finds wrong gradients and says where."""

import pytest

from tfcli.engine.gradcheck import GradientError, check_gradients
from tfcli.engine.ops.elementary import sin
from tfcli.engine.ops.elementwise import square, stop_gradient


def test_right_gradients_pass():
    assert check_gradients(lambda x, y: sin(x) * y, [[0.5, 1.0], 2.0], order=3) is None


def test_a_wrong_gradient_is_named():
    with pytest.raises(
        GradientError, match=r"order 1, input 1, entry \[0\]: the gradient is .*, central differences give"
    ):
        check_gradients(lambda x, y: x * y + stop_gradient(square(y)), [[1.0], [2.0]])


def test_a_wrong_second_gradient_is_named():
    def once(x):
        return square(stop_gradient(x)) + 2.0 * stop_gradient(x) * (x - stop_gradient(x))

    check_gradients(square, [3.0])
    with pytest.raises(GradientError, match="order 2"):
        check_gradients(once, [3.0])
